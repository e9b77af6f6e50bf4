"""What a pulse test says about a cell: resistances of many relaxation times, found by linear least squares.

At one temperature the drop below the open-circuit voltage is::

    U - V = R0 I + sum_j R_j(s) F_j(I g(I)) + b_level
    dF/dt = (x - F) / tau_j,      g(I) = asinh(I / I0) / (I / I0)   for the two fastest, else 1

Relaxation times are fixed and spread over the decades that pulses and rests show, so every R(s), on knots of
charge, and every offset b enters linearly: non-negative least squares, convex, no start values. Only I0, which
bends the resistance of charge transfer (Butler-Volmer), is searched for in one dimension.

An offset per level of charge takes what a rest of half an hour does not recover, and the error of the
open-circuit curve; without it both would spoil the slow resistances. Rows are spaced evenly in the logarithm of
the time since the last change of current, and weigh 1 / (3 mV + 6 % of the drop).

References: Waag, Käbitz, Sauer, Appl. Energy 102 (2013) 885, doi 10.1016/j.apenergy.2012.09.030 (current
dependence of charge transfer); Lawson, Hanson, Solving Least Squares Problems, 1974 (NNLS).
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize_scalar, nnls

from plant_models.identification.gaps import GAP_S, MOVED_AH_MIN, Filled
from plant_models.kernels import kernel
from thermal_bms.units import FloatArray, degc_to_k

TAUS_S = (0.3, 4.0, 60.0, 600.0)
N_BENT = 2
KNOTS: FloatArray = np.array(
    [0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0], dtype=np.float64
)
FLOOR_V = 3e-3
RELATIVE = 0.06
SMOOTHING = 3.0
CHANGE_A_SHARE = 0.01
ROWS_PER_STRETCH = 30
I0_RANGE_A_PER_AH = (0.07, 10.0)
RIDGE = 1e-8

IntArray = np.ndarray[tuple[int], np.dtype[np.intp]]


class Relaxations(NamedTuple):
    """Identified at one temperature. ``resistance_ohm`` has rows R0 discharge, R0 charge, then one per tau."""

    temp_degc: float
    bend_a: float
    resistance_ohm: FloatArray
    level_soc: FloatArray
    level_offset_v: FloatArray
    misfit: float
    has_charge_pulses: bool

    def offset_v(self, soc: FloatArray) -> FloatArray:
        """Return the offset at a charge, linear between the levels."""
        order = np.argsort(self.level_soc)
        return np.interp(soc, self.level_soc[order], self.level_offset_v[order])


@kernel
def relax(time_s: FloatArray, drive: FloatArray, tau_s: FloatArray, out: FloatArray) -> None:
    """Write the response of first-order lags, columns of ``drive``, to inputs held over each step.

    Parameters
    ----------
    time_s : rising, shape (n,) [s]
    drive : shape (n, m)
    tau_s : one per sample, shape (n,) [s]
    out : shape (n, m)
    """
    out[0] = 0.0
    for k in range(1, time_s.size):
        keep = np.exp((time_s[k - 1] - time_s[k]) / tau_s[k])
        for j in range(drive.shape[1]):
            out[k, j] = out[k - 1, j] * keep + (1.0 - keep) * drive[k, j]


def relaxed(time_s: FloatArray, drive: FloatArray, tau_s: float) -> FloatArray:
    """Return the response of lags of one time constant.

    >>> relaxed(np.array([0.0, 1.0, 2.0]), np.ones((3, 1)), 1.0).round(3).ravel().tolist()
    [0.0, 0.632, 0.865]
    """
    out = np.empty_like(drive)
    relax(time_s, drive, np.full(time_s.size, tau_s), out)
    return out


def hats(soc: FloatArray, knots: FloatArray) -> FloatArray:
    """Return the linear interpolation weights of every sample, shape (n, n_knots).

    >>> hats(np.array([0.25]), np.array([0.0, 0.5, 1.0])).tolist()
    [[0.5, 0.5, 0.0]]
    """
    inside = np.clip(soc, knots[0], knots[-1])
    below = np.clip(np.searchsorted(knots, inside, side="right") - 1, 0, knots.size - 2)
    weight = (inside - knots[below]) / (knots[below + 1] - knots[below])
    table = np.zeros((soc.size, knots.size))
    rows = np.arange(soc.size)
    table[rows, below] = 1.0 - weight
    table[rows, below + 1] = weight
    return table


def bent(current_a: FloatArray, bend_a: float) -> FloatArray:
    """Return the share of the low-current resistance that is left at a current, asinh(x)/x.

    >>> bent(np.array([0.0, 1.0, 10.0]), 1.0).round(3).tolist()
    [1.0, 0.881, 0.3]
    """
    x = np.maximum(np.abs(current_a) / bend_a, 1e-6)
    return np.asarray(np.arcsinh(x) / x)


def curvature(n_blocks: int, n_knots: int, n_columns: int) -> FloatArray:
    """Return the second differences of each block of knots, to be kept small."""
    second = np.diff(np.eye(n_knots), 2, axis=0)
    rows = np.zeros((n_blocks * (n_knots - 2), n_columns))
    rows[:, : n_blocks * n_knots] = np.kron(np.eye(n_blocks), second)
    return rows


def non_negative(normal: FloatArray, right: FloatArray) -> FloatArray:
    """Return x >= 0 that minimises x' normal x / 2 - right' x, the normal equations of least squares.

    >>> non_negative(np.eye(2), np.array([3.0, -1.0])).round(3).tolist()
    [3.0, 0.0]
    """
    ridge = RIDGE * np.trace(normal) / normal.shape[0]
    upper = np.linalg.cholesky(normal + ridge * np.eye(normal.shape[0])).T
    return np.asarray(nnls(upper, np.linalg.solve(upper.T, right))[0])


def log_spaced(pulses: Filled) -> IntArray:
    """Return the logged samples at even steps of log time since the last change of current."""
    limit = CHANGE_A_SHARE * np.max(np.abs(pulses.current_a))
    change = np.flatnonzero(np.abs(np.diff(pulses.current_a)) > limit) + 1
    chosen: list[int] = []
    edges = [0, *change.tolist(), pulses.time_s.size]
    for start, end in pairwise(edges):
        since_s = pulses.time_s[start:end] - pulses.time_s[start]
        wanted = np.geomspace(0.1, max(float(since_s[-1]), 0.2), ROWS_PER_STRETCH)
        chosen += (start + np.searchsorted(since_s, np.concatenate([[0.0], wanted]))).tolist()
    rows = np.unique(np.minimum(np.array(chosen), pulses.time_s.size - 1))
    return np.asarray(rows[pulses.logged[rows]])


def levels(pulses: Filled, rows: IntArray) -> IntArray:
    """Return the level of charge of every row: a new one after every gap or long move between pulses."""
    gap = (np.diff(pulses.time_s) > 0.5 * GAP_S) | ~pulses.logged[1:]
    moved_ah = np.concatenate(
        [[0.0], np.cumsum(np.where(gap, np.maximum(np.diff(pulses.charge_ah), 0.0), 0.0))]
    )
    steps = moved_ah[rows] > np.roll(moved_ah[rows], 1) + MOVED_AH_MIN
    steps[0] = False
    return np.asarray(np.cumsum(steps))


def identify_relaxations(
    pulses: Filled, soc: FloatArray, open_v: FloatArray, *, temp_degc: float, capacity_ah: float
) -> Relaxations:
    """Return resistances, bend and offsets of one pulse test.

    Parameters
    ----------
    soc, open_v : charge and open-circuit voltage [V] at every sample
    """
    rows = log_spaced(pulses)
    level = levels(pulses, rows)
    drop_v = open_v[rows] - pulses.voltage_v[rows]
    weight = 1.0 / (FLOOR_V + RELATIVE * np.abs(drop_v))
    table = hats(soc, KNOTS) * pulses.current_a[:, None]
    charging = pulses.current_a < -CHANGE_A_SHARE * np.max(np.abs(pulses.current_a))
    both = bool(charging.any())
    fixed = [np.where(charging[:, None], 0.0, table)[rows]]
    if both:
        fixed.append(np.where(charging[:, None], table, 0.0)[rows])
    slow = [relaxed(pulses.time_s, table, tau)[rows] for tau in TAUS_S[N_BENT:]]
    offset = np.equal.outer(level, np.arange(level[-1] + 1)).astype(np.float64)

    def solve(bend_a: float) -> tuple[FloatArray, float]:
        curved = table * bent(pulses.current_a, bend_a)[:, None]
        fast = [relaxed(pulses.time_s, curved, tau)[rows] for tau in TAUS_S[:N_BENT]]
        blocks = [*fixed, *fast, *slow]
        columns = np.hstack([*blocks, offset, -offset]) * weight[:, None]
        smooth = SMOOTHING * np.sqrt(rows.size) * curvature(len(blocks), KNOTS.size, columns.shape[1])
        x = non_negative(columns.T @ columns + smooth.T @ smooth, columns.T @ (drop_v * weight))
        return x, float(np.sqrt(np.mean((columns @ x - drop_v * weight) ** 2)))

    low, high = (np.log(limit * capacity_ah) for limit in I0_RANGE_A_PER_AH)
    best = minimize_scalar(
        lambda log_a: solve(float(np.exp(log_a)))[1],
        bounds=(low, high),
        method="bounded",
        options={"xatol": 0.1, "maxiter": 12},
    )
    bend_a = float(np.exp(best.x))
    x, misfit = solve(bend_a)
    n_blocks = len(fixed) + len(TAUS_S)
    resistance = x[: n_blocks * KNOTS.size].reshape(n_blocks, KNOTS.size)
    if not both:
        resistance = np.vstack([resistance[:1], resistance])
    n_levels = offset.shape[1]
    offset_v = x[-2 * n_levels : -n_levels] - x[-n_levels:]
    level_soc = np.array([np.mean(soc[rows[level == number]]) for number in range(n_levels)])
    return Relaxations(temp_degc, bend_a, resistance, level_soc, offset_v, misfit, both)


def predicted_v(
    found: Relaxations, time_s: FloatArray, current_a: FloatArray, soc: FloatArray, open_v: FloatArray
) -> FloatArray:
    """Return the voltage [V] of the identified relaxations at their own temperature."""
    table = hats(soc, KNOTS)
    ohmic = np.where(current_a < 0.0, table @ found.resistance_ohm[1], table @ found.resistance_ohm[0])
    share = bent(current_a, found.bend_a)
    drop_v = ohmic * current_a + found.offset_v(soc)
    for number, tau in enumerate(TAUS_S):
        drive = (table @ found.resistance_ohm[2 + number]) * current_a * (share if number < N_BENT else 1.0)
        drop_v += relaxed(time_s, drive[:, None], tau)[:, 0]
    return np.asarray(open_v - drop_v)


def arrhenius_rows(temp_degc: FloatArray, rows: FloatArray, wanted_degc: FloatArray) -> FloatArray:
    """Return rows at other temperatures, linear in log over 1/T, the outer slopes carried on.

    >>> arrhenius_rows(np.array([0.0, 25.0]), np.array([[2.0], [1.0]]), np.array([40.0])).round(3).tolist()
    [[0.696]]
    """
    x, wanted = -1.0 / degc_to_k(temp_degc), -1.0 / degc_to_k(wanted_degc)
    below = np.clip(np.searchsorted(x, wanted) - 1, 0, x.size - 2)
    weight = ((wanted - x[below]) / (x[below + 1] - x[below]))[:, None]
    log_rows = np.log(rows)
    return np.asarray(np.exp(log_rows[below] * (1.0 - weight) + log_rows[below + 1] * weight))
