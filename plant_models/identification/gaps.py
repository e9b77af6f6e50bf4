"""Stretches without samples in a pulse test: the cell was discharged to its next level and rested, unlogged.

Many cyclers log pulses only. Each gap moved a known charge in a known time. When all gaps of a test used one
current and one rest, duration is linear in charge::

    duration = rest + 3600 charge / current

so current and rest follow from the gaps together, and the log can be completed. A rest that was twice as long
once is no harm: slope and rest are medians.
"""

from typing import NamedTuple

import numpy as np

from plant_models.identification.measurement import Measurement
from thermal_bms.units import SECONDS_PER_HOUR, BoolArray, FloatArray

GAP_S = 60.5
MOVED_AH_MIN = 0.001
REST_TOLERANCE_S = 30.0
AGREEING_SHARE = 0.6
SAMPLES_PER_PART = 10


class Filled(NamedTuple):
    """A log with its gaps completed; ``logged`` tells samples of the file from those put in."""

    time_s: FloatArray
    voltage_v: FloatArray
    current_a: FloatArray
    charge_ah: FloatArray
    logged: BoolArray


def find_gaps(trace: Measurement) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    """Return the sample before every gap that moved charge."""
    moved = np.diff(trace.charge_ah)
    return np.flatnonzero((np.diff(trace.time_s) > GAP_S) & (moved > MOVED_AH_MIN))


def gap_current_a(charge_ah: FloatArray, duration_s: FloatArray) -> tuple[float, FloatArray]:
    """Return the one current of all gaps [A] and the rest that each leaves [s].

    >>> current, rest = gap_current_a(np.array([0.1, 0.2, 0.3]), np.array([1160.0, 1520.0, 1880.0]))
    >>> round(current, 3), np.round(rest).tolist()
    (1.0, [800.0, 800.0, 800.0])
    """
    first, second = np.triu_indices(charge_ah.size, 1)
    apart = np.abs(charge_ah[second] - charge_ah[first]) > MOVED_AH_MIN
    rise = (duration_s[second] - duration_s[first])[apart] / (charge_ah[second] - charge_ah[first])[apart]
    slope = float(np.median(rise)) if rise.size else float("nan")
    return SECONDS_PER_HOUR / slope, duration_s - slope * charge_ah


def filled(trace: Measurement) -> Filled:
    """Return the log with every gap completed: the common current first, then rest.

    Raises
    ------
    ConfigError
        naming the row, if charge moved in gaps and no common current explains them.
    """
    gaps = find_gaps(trace)
    current_a = np.zeros(0)
    if gaps.size:
        current_a = np.full(gaps.size, _common_current_a(trace, gaps))
    parts = [_gap_samples(trace, int(k), float(i)) for k, i in zip(gaps, current_a, strict=True)]
    time_s = np.concatenate([trace.time_s, *(part[0] for part in parts)])
    order = np.argsort(time_s, kind="stable")
    return Filled(
        time_s[order],
        np.concatenate([trace.voltage_v, *(np.full(part[0].size, np.nan) for part in parts)])[order],
        np.concatenate([trace.current_a, *(part[1] for part in parts)])[order],
        np.concatenate([trace.charge_ah, *(part[2] for part in parts)])[order],
        np.arange(time_s.size)[order] < trace.time_s.size,
    )


def _common_current_a(trace: Measurement, gaps: np.ndarray[tuple[int], np.dtype[np.intp]]) -> float:
    charge_ah, duration_s = np.diff(trace.charge_ah)[gaps], np.diff(trace.time_s)[gaps]
    current_a, rest_s = gap_current_a(charge_ah, duration_s)
    agree = np.abs(rest_s - np.median(rest_s)) < REST_TOLERANCE_S
    if not (current_a > 0.0 and np.mean(agree) >= AGREEING_SHARE and np.all(rest_s > 0.0)):
        place = int(gaps[0])
        found = (
            f"no sample for {duration_s[0]:.0f} s in which {charge_ah[0]:.3f} Ah were taken out, "
            "and no one current explains all such gaps"
        )
        raise trace.bad_row(place + 1, found, "log the discharge between the pulses at 60 s or faster")
    return current_a


def _gap_samples(trace: Measurement, k: int, current_a: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return times, currents and charges put into the gap after sample ``k``."""
    start_s, end_s = trace.time_s[k], trace.time_s[k + 1]
    start_ah, end_ah = trace.charge_ah[k], trace.charge_ah[k + 1]
    moving_s = (end_ah - start_ah) * SECONDS_PER_HOUR / current_a
    share = np.arange(1, SAMPLES_PER_PART + 1) / SAMPLES_PER_PART
    rest_s = start_s + moving_s + share[:-1] * (end_s - start_s - moving_s)
    time_s = np.concatenate([start_s + share * moving_s, rest_s])
    current = np.concatenate([np.full(share.size, current_a), np.zeros(rest_s.size)])
    charge_ah = np.concatenate([start_ah + share * (end_ah - start_ah), np.full(rest_s.size, end_ah)])
    return time_s, current, charge_ah
