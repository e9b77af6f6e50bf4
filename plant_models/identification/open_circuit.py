"""Open-circuit voltage from a slow discharge, its charge axis matched to the rests of a pulse test.

A cycler's current has an offset of some milliamperes, which a C/20 test counts for 20 hours. So charge of the
slow test and of the pulse test differ by a few percent. The pulse test moves the same charge with large
currents; its count is kept, and the slow curve is stretched onto it::

    U(q) = V_slow(a q) + R I_slow

a and R [ohm] are fitted to the rest voltages of the pulse test at the reference temperature.
"""

from typing import NamedTuple

import numpy as np
from scipy.optimize import least_squares

from plant_models.identification.gaps import Filled
from plant_models.identification.measurement import Measurement
from thermal_bms.errors import ConfigError
from thermal_bms.units import SECONDS_PER_HOUR, FloatArray

SLOW_H_MIN = 8.0
REST_S_MIN = 600.0
STRETCH_MAX = 0.15
RISE_MIN_V = 1e-5
OFF_A = 0.02  # share of the largest current below which the cell rests


class OpenCircuit(NamedTuple):
    """Capacity [Ah], curve over charge, and how well it meets the rests."""

    capacity_ah: float
    soc: FloatArray
    voltage_v: FloatArray
    stretch: float
    rest_rms_v: float
    n_rests: int

    def at(self, soc: FloatArray) -> FloatArray:
        """Return the open-circuit voltage [V] at the reference temperature."""
        return np.interp(soc, self.soc, self.voltage_v)


def slow_discharge(trace: Measurement) -> tuple[FloatArray, FloatArray, float]:
    """Return charge taken out [Ah], voltage [V] and current [A] of the longest discharge of the log.

    Raises
    ------
    ConfigError
        if no discharge lasts eight hours.
    """
    on = trace.current_a > 0.3 * np.max(trace.current_a)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], on, [False]]).astype(np.int8)))
    starts, ends = edges[::2], edges[1::2]
    lasts_s = trace.time_s[ends - 1] - trace.time_s[starts]
    best = int(np.argmax(lasts_s))
    start, end = int(starts[best]), int(ends[best])
    if lasts_s[best] < SLOW_H_MIN * SECONDS_PER_HOUR:
        hours = lasts_s[best] / SECONDS_PER_HOUR
        found = f"the longest discharge lasts {hours:.1f} h"
        raise trace.bad_row(start, found, f"give a discharge of C/10 or slower ({SLOW_H_MIN:g} h or more)")
    charge_ah = trace.charge_ah[start:end] - trace.charge_ah[max(start - 1, 0)]
    return charge_ah, trace.voltage_v[start:end], float(np.mean(trace.current_a[start:end]))


def rests(pulses: Filled) -> tuple[FloatArray, FloatArray]:
    """Return charge taken out [Ah] and voltage [V] at the end of the longest rest of every level."""
    off = np.abs(pulses.current_a) < OFF_A * np.max(np.abs(pulses.current_a))
    turns = np.flatnonzero(off[:-1] & ~off[1:] & pulses.logged[:-1])
    last_on = np.maximum.accumulate(np.where(off, 0, np.arange(off.size)))
    rested_s = pulses.time_s[turns] - pulses.time_s[last_on[turns]]
    rested_s[last_on[turns] == 0] = np.inf  # before the first pulse
    turns = turns[rested_s >= REST_S_MIN]
    charge_ah = pulses.charge_ah[turns]
    level = np.cumsum(np.diff(charge_ah, prepend=-np.inf) > 0.01 * charge_ah[-1])
    first = np.unique(level, return_index=True)[1]
    return charge_ah[first], pulses.voltage_v[turns[first]]


def open_circuit(slow: Measurement, pulses: Filled, name: str) -> OpenCircuit:
    """Return the open-circuit voltage of a cell that starts full in both tests.

    Raises
    ------
    ConfigError
        if fewer than four rests are there, or the two tests disagree by more than 15 % in charge.
    """
    charge_ah, voltage_v, current_a = slow_discharge(slow)
    rest_ah, rest_v = rests(pulses)
    if rest_ah.size < 4:
        raise ConfigError(
            f"{name}: {rest_ah.size} rests of {REST_S_MIN:g} s or more: the pulse test needs at least 4 levels"
        )

    def off_v(x: FloatArray) -> FloatArray:
        return np.asarray(rest_v - np.interp(x[0] * rest_ah, charge_ah, voltage_v) - x[1] * current_a)

    found = least_squares(off_v, np.array([1.0, 0.05]), loss="soft_l1", f_scale=5e-3)
    stretch, ohm = (float(value) for value in found.x)
    if abs(stretch - 1.0) > STRETCH_MAX:
        raise ConfigError(
            f"{slow.path.name} counts {100.0 * (stretch - 1.0):+.0f} % of the charge of {name}: "
            "both must be of the same cell and start full"
        )
    soc = 1.0 - charge_ah[::-1] / charge_ah[-1]
    rms = float(np.sqrt(np.mean(off_v(found.x) ** 2)))
    return OpenCircuit(
        float(charge_ah[-1]) / stretch,
        soc,
        rising(voltage_v[::-1] + ohm * current_a),
        stretch,
        rms,
        rest_ah.size,
    )


def rising(voltage_v: FloatArray) -> FloatArray:
    """Return the curve made strictly rising.

    >>> rising(np.array([3.0, 3.2, 3.1])).round(3).tolist()
    [3.0, 3.2, 3.2]
    """
    highest = np.maximum.accumulate(voltage_v)
    return np.asarray(highest + RISE_MIN_V * np.arange(voltage_v.size) / voltage_v.size)
