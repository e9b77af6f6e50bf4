"""Two solvers for the program of a plan, of different kinds, both capped by iterations and never by time.

First PIQP, an interior-point method with proximal terms (Schwan, Jiang, Kuhn and Jones 2023, doi
10.1109/CDC49753.2023.10383915), set up afresh for every plan: re-used solvers failed in tests where fresh ones did
not. Second a projected gradient method with momentum (Beck and Teboulle 2009, doi 10.1137/080716542) on the shares
alone, with the states eliminated and the soft bounds as penalties. It needs nothing but NumPy, shares no code with
the first, cannot fail to be feasible, and is rougher.
(OSQP would do as well, and brings jinja2 and joblib along.)
"""

from collections.abc import Callable
from typing import Protocol, final

import numpy as np
import piqp

from controllers.mpc.problem import ABOVE, BELOW, CELL, MEDIUM, N_VARIABLES, VALVE_INPUTS, Qp
from controllers.mpc.reduced_model import N_INPUTS
from thermal_bms.units import FloatArray

TOLERANCE = 1e-6
SOFTNESS_K = 0.05
"""Over so many kelvin the second solver rounds the corner of a soft bound."""

POWER_SWEEPS = 12


class Solver(Protocol):
    """Takes a program, returns its solution, or None when it found none."""

    def __call__(self, qp: Qp) -> FloatArray | None:
        """Return the solution."""
        ...


@final
class InteriorPoint:
    """PIQP with a fresh setup for every program."""

    def __init__(self, iterations_max: int) -> None:
        self._iterations_max = iterations_max
        self.iterations = 0
        """Of the last call."""

    def __call__(self, qp: Qp) -> FloatArray | None:
        """Return the solution, or None unless the solver is satisfied."""
        solver = piqp.SparseSolver()
        settings = solver.settings
        settings.verbose = False
        settings.compute_timings = False
        settings.max_iter = self._iterations_max
        settings.eps_abs = settings.eps_rel = TOLERANCE
        solver.setup(qp.p, qp.c, qp.a, qp.b, qp.g, qp.h_l, qp.h_u, qp.x_l, qp.x_u)
        status = solver.solve()
        self.iterations = int(solver.result.info.iter)
        return np.array(solver.result.x) if status == piqp.PIQP_SOLVED else None


@final
class ProjectedGradient:
    """The second solver: shares only, clipped to their bounds after every step."""

    def __init__(self, iterations: int) -> None:
        self._iterations = iterations

    def __call__(self, qp: Qp) -> FloatArray | None:
        """Return a feasible solution; None when the program holds a value that is not finite."""
        n = qp.c.size // N_VARIABLES
        at = N_VARIABLES * np.arange(n)
        inputs = (at[:, None] + np.arange(N_INPUTS)).ravel()
        states = np.stack([at + CELL, at + MEDIUM], axis=1).ravel()
        dense = qp.a.toarray()
        if not (np.isfinite(dense).all() and np.isfinite(qp.b).all() and np.isfinite(qp.c).all()):
            return None
        solved = np.linalg.solve(dense[:, states], np.column_stack([qp.b, -dense[:, inputs]]))
        cells, by_share = solved[0::2, 0], np.ascontiguousarray(solved[0::2, 1:])
        curved, couple = qp.p.diagonal(), qp.p.diagonal(N_VARIABLES)[inputs[:-N_INPUTS]]
        diagonal, linear = curved[inputs], qp.c[inputs]
        own, price = curved[at + CELL], qp.c[at + CELL]
        lowest, highest = qp.h_l[0 : 2 * n : 2], qp.h_u[1 : 2 * n : 2]
        linear_below, linear_above = qp.c[at + BELOW], qp.c[at + ABOVE]
        square = curved[at + BELOW]
        least, most = qp.x_l[inputs], qp.x_u[inputs]

        def bent(shares: FloatArray) -> FloatArray:
            product = diagonal * shares
            product[:-N_INPUTS] += couple * shares[N_INPUTS:]
            product[N_INPUTS:] += couple * shares[:-N_INPUTS]
            return np.asarray(product)

        def slope(shares: FloatArray) -> FloatArray:
            temp = cells + by_share @ shares
            below, above = np.maximum(lowest - temp, 0.0), np.maximum(temp - highest, 0.0)
            push = own * temp + price
            push -= linear_below * np.minimum(below / SOFTNESS_K, 1.0) + square * below
            push += linear_above * np.minimum(above / SOFTNESS_K, 1.0) + square * above
            return np.asarray(bent(shares) + linear + push @ by_share)

        steepest = own + square + np.maximum(linear_below, linear_above) / SOFTNESS_K
        largest = _largest_eigenvalue(lambda v: bent(v) + (steepest * (by_share @ v)) @ by_share, inputs.size)
        shares = before = _allowed(np.zeros(inputs.size), least, most)
        momentum = 1.0
        for _ in range(self._iterations):
            next_momentum = 0.5 * (1.0 + np.sqrt(1.0 + 4.0 * momentum * momentum))
            ahead = shares + (momentum - 1.0) / next_momentum * (shares - before)
            before, momentum = shares, next_momentum
            shares = _allowed(ahead - slope(ahead) / largest, least, most)
            if (shares - before) @ (ahead - shares) > 0.0:
                momentum = 1.0
        shares = _within_rates(shares, qp, n)
        x = np.zeros(qp.c.size)
        x[inputs] = shares
        x[states] = solved[:, 0] + solved[:, 1:] @ shares
        x[at + BELOW], x[at + ABOVE] = (
            np.maximum(lowest - x[at + CELL], 0.0),
            np.maximum(x[at + CELL] - highest, 0.0),
        )
        return x


def _allowed(shares: FloatArray, least: FloatArray, most: FloatArray) -> FloatArray:
    """Return shares within their bounds, those that share the valve scaled down to all of the flow."""
    table = np.clip(shares, least, most).reshape(-1, N_INPUTS)
    together = table[:, VALVE_INPUTS]
    table[:, VALVE_INPUTS] = together / np.maximum(together.sum(axis=1), 1.0)[:, None]
    return table.ravel()


def _within_rates(shares: FloatArray, qp: Qp, n: int) -> FloatArray:
    """Return shares that rise no faster than the first stages allow, clipped from stage to stage."""
    table = shares.reshape(n, N_INPUTS).copy()
    highest = qp.h_u[3 * n :].reshape(-1, N_INPUTS)
    for k in range(highest.shape[0]):
        table[k] = np.minimum(table[k], highest[k] + (table[k - 1] if k else 0.0))
    return table.ravel()


def _largest_eigenvalue(product: Callable[[FloatArray], FloatArray], size: int) -> float:
    """Return an upper estimate of the largest eigenvalue of a positive matrix, given by its product."""
    vector = np.ones(size)
    value = 1.0
    for _ in range(POWER_SWEEPS):
        vector = product(vector)
        value = float(np.linalg.norm(vector))
        vector /= value
    return 1.1 * value
