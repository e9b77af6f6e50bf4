"""The road and the trace on it: a drive cycle packed into one array, and what the kernels look up in it.

The slope belongs to the place on the road, not to the instant: a truck that falls behind climbs its hills
later. Altitude is linear between rows, so the climb over any distance is exact.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from plant_models.kernels import kernel
from thermal_bms.units import BoolArray, FloatArray

# rows of a packed cycle
TIME, POSITION, SPEED, ALTITUDE, BRAKING, STOP, NEXT_STOP = range(7)


@dataclass(frozen=True, slots=True)
class CycleArrays:
    """A drive cycle packed for the kernel.

    Attributes
    ----------
    table : rows TIME [s], POSITION [m], SPEED [m/s], ALTITUDE [m], BRAKING [m2/s2], STOP [s] and NEXT_STOP
        (a row number), shape (7, n)
    by_distance : the target is a function of position, not of time
    comfort_decel_m_per_s2 : the braking that the BRAKING row was made for
    """

    table: FloatArray
    by_distance: bool
    comfort_decel_m_per_s2: float


def cycle_by_time(time_s: ArrayLike, speed_m_per_s: ArrayLike, grade: ArrayLike = 0.0) -> CycleArrays:
    """Pack a speed trace over time; speed and grade are linear between samples.

    Parameters
    ----------
    time_s : rising, from 0 [s], shape (n,)
    speed_m_per_s : [m/s], shape (n,)
    grade : rise over run, as a fraction, shape (n,) or a number

    Examples
    --------
    >>> float(cycle_by_time([0.0, 2.0], [0.0, 10.0]).table[POSITION, -1])
    10.0
    """
    time = np.asarray(time_s, dtype=np.float64)
    speed = np.asarray(speed_m_per_s, dtype=np.float64)
    steps_m = 0.5 * (speed[1:] + speed[:-1]) * np.diff(time)
    slope = np.broadcast_to(np.asarray(grade, dtype=np.float64), time.shape)
    table = np.zeros((7, time.size))
    table[TIME] = time
    table[POSITION, 1:] = np.cumsum(steps_m)
    table[SPEED] = speed
    table[ALTITUDE, 1:] = np.cumsum(steps_m * _rise_per_metre(0.5 * (slope[1:] + slope[:-1])))
    return CycleArrays(table, by_distance=False, comfort_decel_m_per_s2=0.0)


def cycle_by_distance(
    distance_m: ArrayLike,
    speed_m_per_s: ArrayLike,
    grade: ArrayLike = 0.0,
    stop_s: ArrayLike = 0.0,
    *,
    comfort_decel_m_per_s2: float = 0.5,
) -> CycleArrays:
    """Pack a speed limit over distance; each row's speed and grade hold until the next row, as in VECTO.

    A row with zero speed or a stop time is a stop; the limit after it is that of the next moving row. The end
    is always a stop. The BRAKING row holds the squared speed from which the driver just meets every lower
    limit ahead with comfortable braking: w_i = min(v_i^2, w_(i+1) + 2 b (x_(i+1) - x_i)).

    Parameters
    ----------
    distance_m : not falling, from 0 [m], shape (n,)
    speed_m_per_s : limit from here on [m/s], shape (n,)
    grade : rise over run from here on, as a fraction, shape (n,) or a number
    stop_s : time to stand at this place [s], shape (n,) or a number
    comfort_decel_m_per_s2 : braking ahead of lower limits [m/s2]

    Examples
    --------
    >>> packed = cycle_by_distance([0.0, 100.0], [20.0, 0.0], comfort_decel_m_per_s2=0.5)
    >>> float(packed.table[BRAKING, 0])
    100.0
    """
    distance = _joined_m(np.array(distance_m, dtype=np.float64))
    limit = np.asarray(speed_m_per_s, dtype=np.float64)
    wait_s = np.broadcast_to(np.asarray(stop_s, dtype=np.float64), distance.shape)
    slope = np.broadcast_to(np.asarray(grade, dtype=np.float64), distance.shape)
    steps_m = np.diff(distance)
    is_stop = (limit <= 0.0) | (wait_s > 0.0)
    is_stop[-1] = True
    table = np.zeros((7, distance.size))
    table[POSITION] = distance
    table[SPEED] = limit
    table[ALTITUDE, 1:] = np.cumsum(steps_m * _rise_per_metre(slope[:-1]))
    table[STOP] = wait_s
    _look_ahead(table, is_stop, comfort_decel_m_per_s2)
    return CycleArrays(table, by_distance=True, comfort_decel_m_per_s2=comfort_decel_m_per_s2)


def _rise_per_metre(grade: FloatArray) -> FloatArray:
    return np.asarray(grade / np.sqrt(1.0 + grade**2), dtype=np.float64)


@kernel
def _joined_m(distance_m: FloatArray) -> FloatArray:
    """Join places that are less than a micrometre apart, which rounding could not tell from one another."""
    for i in range(1, distance_m.size):
        if distance_m[i] - distance_m[i - 1] < 1e-6:
            distance_m[i] = distance_m[i - 1]
    return distance_m


@kernel
def _look_ahead(table: FloatArray, is_stop: BoolArray, decel: float) -> None:
    """Fill limits behind stops, NEXT_STOP and BRAKING, from the end backwards."""
    n = table.shape[1]
    table[NEXT_STOP, n - 1] = n - 1
    for i in range(n - 2, -1, -1):
        if table[SPEED, i] <= 0.0:
            table[SPEED, i] = table[SPEED, i + 1]
        if is_stop[i]:
            table[NEXT_STOP, i] = i
        else:
            gain = 2.0 * decel * (table[POSITION, i + 1] - table[POSITION, i])
            table[NEXT_STOP, i] = table[NEXT_STOP, i + 1]
            table[BRAKING, i] = min(table[SPEED, i] ** 2, table[BRAKING, i + 1] + gain)


@kernel
def row_at(values: FloatArray, row: int, end: int, x: float) -> int:
    """Return the last row from ``row`` on, before ``end``, whose value is not above ``x``."""
    while row + 1 < end and values[row + 1] <= x:
        row += 1
    return row


@kernel
def altitude_m(cycle: FloatArray, row: int, x: float) -> float:
    """Return the altitude above the start at position ``x``, which is not before ``row`` [m]."""
    n = cycle.shape[1]
    row = row_at(cycle[POSITION], row, n, x)
    if row + 1 >= n:
        return float(cycle[ALTITUDE, n - 1])
    share = (x - cycle[POSITION, row]) / (cycle[POSITION, row + 1] - cycle[POSITION, row])
    return float(cycle[ALTITUDE, row] + share * (cycle[ALTITUDE, row + 1] - cycle[ALTITUDE, row]))


@kernel
def grade_at(cycle: FloatArray, row: int) -> float:
    """Return the slope of the road from ``row`` to the next place, rise over run."""
    n = cycle.shape[1]
    if row + 1 >= n:
        return 0.0
    rise = cycle[ALTITUDE, row + 1] - cycle[ALTITUDE, row]
    length = cycle[POSITION, row + 1] - cycle[POSITION, row]
    return float(rise / np.sqrt(max(length**2 - rise**2, 1e-12)))
