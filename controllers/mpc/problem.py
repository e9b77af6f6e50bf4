"""The quadratic program of one plan: model equations, soft bounds, rate limits and cost in matrices.

Variables per stage: the four shares ``c r h w``, cells ``T`` and medium ``S`` at its end (both less 25 degC), and
how far the coldest cell lies below and the hottest above its bound, ``v`` and ``z``. With the model linearised
about the plan before (implicit Euler, one line per state, see ``reduced_model``)::

    x_k - Δ (F_k x_k + B_k u_k) - x_{k-1} = Δ (f_k - F_k x̄_k - B_k ū_k)
    T_k + v_k >= lowest_k,   T_k - z_k <= highest_k,
    u_k - u_{k-1} <= rate Δ,   0 <= u_k <= most_k,   c_k + r_k + w_k <= 1

    cost = Σ Δ [ p_u u + u H_u u / 2 + p_T T + h_T T² / 2 + w (v or z) + w₂ (v² or z²) / 2 + prox (u - ū)² ]
           + Σ rate_price (u_k - u_{k-1})² + terminal p_T T_N

in thousandths of a EUR. The pattern of the matrices never changes; ``Problem`` holds it and fills in numbers.
"""

from dataclasses import dataclass
from typing import NamedTuple, final

import numpy as np
import numpy.typing as npt
from scipy.sparse import csc_matrix

from controllers.mpc.grid import Grid, Trajectory
from controllers.mpc.reduced_model import CHILL, N_INPUTS, OUTSIDE, WASTE, Slopes
from thermal_bms.units import FloatArray

N_VARIABLES = 8
CELL, MEDIUM, BELOW, ABOVE = range(4, 8)
ORIGIN_DEGC = 25.0
MILLI = 1e3
VALVE_INPUTS = (CHILL, OUTSIDE, WASTE)
"""Inputs that share the mode valve: together they take no more than all of the flow's time."""


@dataclass(frozen=True, slots=True)
class Stages:
    """What a plan is to weigh and to keep, along its stages.

    Attributes
    ----------
    input_price, input_curvature : of the shares [EUR/s], about the plan before, shape (n, 4)
    cell_price, cell_curvature : of the cells' temperature [EUR/(K s)], [EUR/(K² s)], shape (n,)
    terminal_price : of the last cell temperature [EUR/K]
    lowest_degc, highest_degc : bounds of the mean cell, shape (n,)
    below_price, above_price : of a kelvin outside, shape (n,) [EUR/(K s)]
    bound_curvature : the same, quadratic [EUR/(K² s)]
    least, most : bounds of the shares, shape (n, 4)
    """

    input_price: FloatArray
    input_curvature: FloatArray
    cell_price: FloatArray
    cell_curvature: FloatArray
    terminal_price: float
    lowest_degc: FloatArray
    highest_degc: FloatArray
    below_price: FloatArray
    above_price: FloatArray
    bound_curvature: float
    least: FloatArray
    most: FloatArray


class Qp(NamedTuple):
    """``min x'Px/2 + c'x`` with ``Ax = b``, ``h_l <= Gx <= h_u``, ``x_l <= x <= x_u``."""

    p: csc_matrix
    c: FloatArray
    a: csc_matrix
    b: FloatArray
    g: csc_matrix
    h_l: FloatArray
    h_u: FloatArray
    x_l: FloatArray
    x_u: FloatArray


class _Pattern:
    """Places of a sparse matrix, so that values in the order given can be put into it at once."""

    def __init__(
        self, rows: npt.NDArray[np.int64], columns: npt.NDArray[np.int64], shape: tuple[int, int]
    ) -> None:
        order = np.lexsort((rows, columns))
        self._order = order
        self._shape = shape
        self._indices = rows[order].astype(np.int32)
        self._indptr = np.searchsorted(columns[order], np.arange(shape[1] + 1)).astype(np.int32)

    def filled(self, values: FloatArray) -> csc_matrix:
        return csc_matrix((values[self._order], self._indices, self._indptr), shape=self._shape)


@final
class Problem:
    """The pattern of the program for one grid, and the penalties that never change.

    Parameters
    ----------
    grid : stages
    proximal_eur_per_s : of a full-range difference to the plan before, squared [EUR/s]
    rate_eur : of a full-range change from stage to stage, squared [EUR]
    rate_max_per_s : fastest rise of a share [1/s]; it may fall at once
    """

    def __init__(
        self, grid: Grid, *, proximal_eur_per_s: float, rate_eur: float, rate_max_per_s: float
    ) -> None:
        self.grid = grid
        n = grid.size
        self._proximal = 2.0 * proximal_eur_per_s * grid.length_s[:, None]
        self._rate = 2.0 * rate_eur
        self._step_max = rate_max_per_s * np.maximum(
            grid.length_s, np.append(grid.length_s[:1], grid.length_s[:-1])
        )
        self._limited = np.flatnonzero(self._step_max < 1.0)
        at = N_VARIABLES * np.arange(n)
        self._inputs = at[:, None] + np.arange(N_INPUTS)
        self._places(at)
        length = grid.length_s[:, None]
        self._decay = np.full((n, N_INPUTS), 2.0 * self._rate)
        self._decay[-1] = self._rate
        self._length = length

    def _places(self, at: npt.NDArray[np.int64]) -> None:
        n = at.size
        size = N_VARIABLES * n
        inputs = self._inputs
        previous = at[1:] - N_VARIABLES
        diagonal = np.arange(size)
        self._p = _Pattern(
            np.concatenate([diagonal, inputs[:-1].ravel()]),
            np.concatenate([diagonal, inputs[1:].ravel()]),
            (size, size),
        )
        cell_row, medium_row = 2 * np.arange(n), 2 * np.arange(n) + 1
        self._a = _Pattern(
            np.concatenate(
                [
                    cell_row,
                    cell_row,
                    cell_row[1:],
                    medium_row,
                    medium_row,
                    medium_row[1:],
                    np.repeat(medium_row, N_INPUTS),
                ]
            ),
            np.concatenate(
                [
                    at + CELL,
                    at + MEDIUM,
                    previous + CELL,
                    at + CELL,
                    at + MEDIUM,
                    previous + MEDIUM,
                    inputs.ravel(),
                ]
            ),
            (2 * n, size),
        )
        k = self._limited
        rates = np.arange(k.size * N_INPUTS) + 3 * n
        valve = np.repeat(2 * n + np.arange(n), len(VALVE_INPUTS))
        through = inputs[:, VALVE_INPUTS].ravel()
        later = k > 0
        now, before = inputs[k].ravel(), inputs[k[later] - 1].ravel()
        self._g_rows = 3 * n + rates.size
        ones = np.ones(n)
        self._g = _Pattern(
            np.concatenate(
                [
                    cell_row,
                    cell_row,
                    medium_row,
                    medium_row,
                    valve,
                    rates,
                    rates.reshape(-1, N_INPUTS)[later].ravel(),
                ]
            ),
            np.concatenate([at + CELL, at + BELOW, at + CELL, at + ABOVE, through, now, before]),
            (self._g_rows, size),
        ).filled(
            np.concatenate([ones, ones, ones, -ones, np.ones(valve.size + rates.size), -np.ones(before.size)])
        )

    def qp(
        self,
        stages: Stages,
        slopes: Slopes,
        around: Trajectory,
        *,
        cell_degc: float,
        medium_degc: float,
        last_shares: FloatArray,
    ) -> Qp:
        """Return the program for a plan that starts from both states and from the shares now in force.

        Parameters
        ----------
        stages : prices and bounds
        slopes : the model about ``around``
        around : the plan before, moved on to now
        cell_degc, medium_degc : state now [degC]
        last_shares : inputs now in force, shape (4,)
        """
        a, b = self._equations(slopes, around, cell_degc, medium_degc)
        p, c = self._cost(stages, around, last_shares)
        n = self.grid.size
        h_l, h_u = np.full(self._g_rows, -np.inf), np.full(self._g_rows, np.inf)
        h_l[0 : 2 * n : 2] = stages.lowest_degc - ORIGIN_DEGC
        h_u[1 : 2 * n : 2] = stages.highest_degc - ORIGIN_DEGC
        h_u[2 * n : 3 * n] = 1.0
        if self._limited.size:
            rise = np.repeat(self._step_max[self._limited, None], N_INPUTS, axis=1)
            rise[0] += last_shares
            h_u[3 * n :] = rise.ravel()
        x_l, x_u = np.full(n * N_VARIABLES, -np.inf), np.full(n * N_VARIABLES, np.inf)
        x_l[self._inputs], x_u[self._inputs] = stages.least, stages.most
        x_l[BELOW::N_VARIABLES] = x_l[ABOVE::N_VARIABLES] = 0.0
        return Qp(p, c, a, b, self._g, h_l, h_u, x_l, x_u)

    def _equations(
        self, slopes: Slopes, around: Trajectory, cell_degc: float, medium_degc: float
    ) -> tuple[csc_matrix, FloatArray]:
        n, length = self.grid.size, self.grid.length_s
        cell, medium = around.cell_degc - ORIGIN_DEGC, around.medium_degc - ORIGIN_DEGC
        minus = np.full(n - 1, -1.0)
        by_input = length[:, None] * slopes.by_input
        a = self._a.filled(
            np.concatenate(
                [
                    1.0 - length * slopes.cell_by_cell,
                    -length * slopes.cell_by_medium,
                    minus,
                    -length * slopes.medium_by_cell,
                    1.0 - length * slopes.medium_by_medium,
                    minus,
                    -by_input.ravel(),
                ]
            )
        )
        b = np.empty(2 * n)
        b[0::2] = length * (slopes.cell - slopes.cell_by_cell * cell - slopes.cell_by_medium * medium)
        b[1::2] = length * (slopes.medium - slopes.medium_by_cell * cell - slopes.medium_by_medium * medium)
        b[1::2] -= (by_input * around.shares).sum(axis=1)
        b[0] += cell_degc - ORIGIN_DEGC
        b[1] += medium_degc - ORIGIN_DEGC
        return a, b

    def _cost(
        self, stages: Stages, around: Trajectory, last_shares: FloatArray
    ) -> tuple[csc_matrix, FloatArray]:
        n, length = self.grid.size, self.grid.length_s
        curved = np.zeros((n, N_VARIABLES))
        linear = np.zeros((n, N_VARIABLES))
        curvature = self._length * stages.input_curvature
        curved[:, :N_INPUTS] = curvature + self._proximal + self._decay
        linear[:, :N_INPUTS] = (
            self._length * stages.input_price - (curvature + self._proximal) * around.shares
        )
        linear[0, :N_INPUTS] -= self._rate * last_shares
        curved[:, CELL] = length * stages.cell_curvature
        linear[:, CELL] = length * stages.cell_price - curved[:, CELL] * (around.cell_degc - ORIGIN_DEGC)
        linear[-1, CELL] += stages.terminal_price
        curved[:, BELOW] = curved[:, ABOVE] = length * stages.bound_curvature
        linear[:, BELOW], linear[:, ABOVE] = length * stages.below_price, length * stages.above_price
        couples = np.full((n - 1) * N_INPUTS, -self._rate)
        return self._p.filled(MILLI * np.concatenate([curved.ravel(), couples])), MILLI * linear.ravel()

    def with_bounds(self, qp: Qp, least: FloatArray, most: FloatArray) -> Qp:
        """Return the program with other bounds of the shares, shape (n, 4)."""
        x_l, x_u = qp.x_l.copy(), qp.x_u.copy()
        x_l[self._inputs], x_u[self._inputs] = least, most
        return qp._replace(x_l=x_l, x_u=x_u)

    def trajectory(self, x: FloatArray) -> Trajectory:
        """Return the plan that a solution stands for."""
        table = x.reshape(-1, N_VARIABLES)
        return Trajectory(
            table[:, :N_INPUTS].copy(), table[:, CELL] + ORIGIN_DEGC, table[:, MEDIUM] + ORIGIN_DEGC
        )

    def residual(self, qp: Qp, x: FloatArray) -> float:
        """Return how far a solution is from the model's equations and from every bound, at worst; NaN if not finite."""
        equations = np.abs(qp.a @ x - qp.b).max()
        rows = qp.g @ x
        beyond = max((qp.h_l - rows).max(), (rows - qp.h_u).max(), (qp.x_l - x).max(), (x - qp.x_u).max())
        return float(max(equations, beyond))

    def cost_eur(self, qp: Qp, x: FloatArray, around: Trajectory) -> float:
        """Return the cost of a solution, up to a constant and without the proximal part [EUR]."""
        curved = qp.p @ x
        own = qp.p.diagonal() * x
        shares = x[self._inputs]
        calm = float((self._proximal * shares * (0.5 * shares - around.shares)).sum())
        return float((x @ curved - 0.5 * (x @ own) + qp.c @ x) / MILLI) - calm
