"""From many relaxations to the circuit that the plant has: R0 and two branches, linear in current.

The plant's circuit cannot be the same as the identified one, so it is fitted where a truck uses it: the
identified relaxations answer a truck-like current at 0.4, 0.8 and 1.2C rms, from full to empty, and the
two-branch circuit is fitted to that voltage by non-negative least squares. What a half-hour rest does not
recover is booked as slow resistance. Pairs of time constants are tried on a grid.
"""

from itertools import product
from typing import NamedTuple

import numpy as np

from plant_models.identification.relaxations import (
    KNOTS,
    Relaxations,
    curvature,
    hats,
    non_negative,
    predicted_v,
    relaxed,
)
from thermal_bms.units import SECONDS_PER_HOUR, FloatArray

GAINS = (0.7, 1.4, 2.1)
WAVES = ((0.42, 487.0, 0.0), (0.33, 131.0, 1.0), (0.35, 37.0, 2.0), (0.25, 11.3, 0.5))
FAST_S = (1.0, 2.0, 4.0, 8.0, 16.0)
SLOW_S = (40.0, 80.0, 160.0, 320.0, 640.0)
SOC_LOW = 0.06
SMOOTHING = 0.005
EVERY = 3
RATIO_MAX = 4.0
RESISTANCE_MIN_OHM_AH = 1e-4


class Branches(NamedTuple):
    """The plant's circuit at one temperature: rows R0, R1, R2 [ohm] over ``KNOTS``, two time constants [s].

    ``r0_charge_ohm`` is R0 in charging: as much above that of discharging as the pulses said.
    """

    temp_degc: float
    resistance_ohm: FloatArray
    r0_charge_ohm: FloatArray
    tau_s: tuple[float, float]
    rms_v: float


def truck_current(time_s: FloatArray) -> FloatArray:
    """Return a truck-like current over capacity [1/h]: hills, traffic and gears as four sines, clipped.

    0.58 rms, from -0.8 to 1.6, mean 0.32; the current of the electrochemical reference arrays.

    >>> round(float(np.sqrt(np.mean(truck_current(np.arange(3600.0)) ** 2))), 2)
    0.58
    """
    waves = sum(a * np.sin(2.0 * np.pi * time_s / period + phase) for a, period, phase in WAVES)
    return np.clip(0.30 + waves, -0.8, 1.6)


def reduce_to_branches(
    found: Relaxations, open_soc: FloatArray, open_v: FloatArray, *, capacity_ah: float, voltage_min_v: float
) -> Branches:
    """Return the two-branch circuit nearest to the relaxations under truck-like currents.

    Parameters
    ----------
    open_soc, open_v : open-circuit curve at this temperature [V]
    voltage_min_v : rows below this voltage are left out [V]
    """
    runs = [_run(found, gain, open_soc, open_v, capacity_ah) for gain in GAINS]
    rows = [np.flatnonzero(voltage_v > voltage_min_v)[::EVERY] for *_, voltage_v in runs]
    target = np.concatenate([run[2][kept] for run, kept in zip(runs, rows, strict=True)])

    def block(tau_s: float) -> FloatArray:
        runs_rows = zip(runs, rows, strict=True)
        return np.vstack([relaxed(run[0], run[1], tau_s)[kept] for run, kept in runs_rows])

    ohmic = np.vstack([run[1][kept] for run, kept in zip(runs, rows, strict=True)])
    everything = np.hstack([ohmic, *(block(tau) for tau in (*FAST_S, *SLOW_S))])
    normal, right = everything.T @ everything, everything.T @ target
    bending = curvature(3, KNOTS.size, 3 * KNOTS.size)
    smooth = SMOOTHING**2 * target.size * bending.T @ bending
    n, best = KNOTS.size, None
    for (i, fast), (j, slow) in product(enumerate(FAST_S), enumerate(SLOW_S)):
        places = np.concatenate([np.arange(k * n, (k + 1) * n) for k in (0, 1 + i, 1 + len(FAST_S) + j)])
        part, toward = normal[np.ix_(places, places)], right[places]
        x = non_negative(part + smooth, toward)
        squares = float(x @ part @ x - 2.0 * x @ toward + target @ target)
        if best is None or squares < best[0]:
            best = (squares, x, (fast, slow))
    if best is None:
        raise ValueError("no time constants to try")
    squares, x, taus = best
    rms = float(np.sqrt(max(squares, 0.0) / target.size))
    floor = RESISTANCE_MIN_OHM_AH / capacity_ah
    resistance = np.maximum(x.reshape(3, KNOTS.size), floor)
    resistance = carried_down(resistance, float(np.min(found.level_soc)))
    more_in_charge = found.resistance_ohm[1] - found.resistance_ohm[0]
    r0_charge = np.maximum(resistance[0] + more_in_charge, floor)
    return Branches(found.temp_degc, resistance, r0_charge, taus, rms)


def carried_down(resistance_ohm: FloatArray, lowest_soc: float) -> FloatArray:
    """Return rows R0, R1, R2 with both branches below the lowest measured charge carried on by a constant ratio.

    Resistance of an emptying cell rises by a factor per step of charge, not by an amount; four at most.
    """
    result = resistance_ohm.copy()
    first = min(int(np.searchsorted(KNOTS, lowest_soc)), KNOTS.size - 2)
    for row in result[1:]:
        ratio = min(max(row[first] / row[first + 1], 1.0), RATIO_MAX)
        row[:first] = row[first] * ratio ** np.arange(first, 0, -1)
    return result


Run = tuple[FloatArray, FloatArray, FloatArray, FloatArray]


def _run(
    found: Relaxations, gain: float, open_soc: FloatArray, open_v: FloatArray, capacity_ah: float
) -> Run:
    """Return time, hat functions times current, open-circuit voltage less voltage, and voltage of one run."""
    time_s = np.arange(0.0, (1.0 - SOC_LOW) * SECONDS_PER_HOUR / (0.28 * gain))
    rate = gain * truck_current(time_s)
    soc = 1.0 - np.cumsum(rate) / SECONDS_PER_HOUR
    inside = np.flatnonzero(soc < SOC_LOW)
    end = int(inside[0]) if inside.size else time_s.size
    time_s, soc, current_a = time_s[:end], soc[:end], capacity_ah * rate[:end]
    u = np.interp(soc, open_soc, open_v)
    voltage_v = predicted_v(found, time_s, current_a, soc, u)
    return time_s, hats(soc, KNOTS) * current_a[:, None], u - voltage_v, voltage_v
