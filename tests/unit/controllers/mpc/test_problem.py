"""The program and its two solvers: model kept, bounds kept, optimal, and alike."""

import numpy as np
import pytest

from controllers.mpc.grid import Grid, Trajectory, build_grid, constant
from controllers.mpc.planner import Program
from controllers.mpc.problem import ABOVE, BELOW, N_VARIABLES, VALVE_INPUTS, Problem
from controllers.mpc.reduced_model import CHILL, HEATER, N_INPUTS
from controllers.mpc.settings import GridSettings
from controllers.mpc.solvers import InteriorPoint, ProjectedGradient
from tests.unit.controllers.examples import AIR, LIQUID
from tests.unit.controllers.mpc.moments import Bench, bench

FIRST, SECOND = InteriorPoint(60), ProjectedGradient(400)
CASES = [(LIQUID, 40.0), (LIQUID, 33.0), (LIQUID, 5.0), (LIQUID, -15.0), (AIR, 38.0), (AIR, 2.0)]


def program(made: Bench) -> tuple[Problem, Program, Trajectory]:
    around = constant(made.planner.grid, made.planner.observer.cell_degc, made.planner.observer.medium_degc)
    return made.planner.problem, made.planner.program(made.moment, around), around


@pytest.mark.parametrize(("truck", "cell_degc"), CASES)
def test_the_interior_point_keeps_model_and_bounds(truck, cell_degc: float) -> None:  # type: ignore[no-untyped-def]
    problem, made, _ = program(bench(cell_degc, truck=truck))
    x = FIRST(made.qp)
    assert x is not None
    assert problem.residual(made.qp, x) < 1e-5
    assert FIRST.iterations < 30


@pytest.mark.parametrize(("truck", "cell_degc"), CASES)
def test_the_second_solver_is_feasible_and_nearly_as_good(truck, cell_degc: float) -> None:  # type: ignore[no-untyped-def]
    problem, made, around = program(bench(cell_degc, truck=truck))
    best, rough = FIRST(made.qp), SECOND(made.qp)
    assert best is not None
    assert rough is not None
    assert problem.residual(made.qp, rough) < 1e-6
    costs = [problem.cost_eur(made.qp, x, around) for x in (best, rough)]
    idle = SECOND(problem.with_bounds(made.qp, np.zeros((60, N_INPUTS)), np.zeros((60, N_INPUTS))))
    assert idle is not None
    headroom = problem.cost_eur(made.qp, idle, around) - costs[0]
    assert costs[1] - costs[0] <= 0.1 * headroom + 1e-3


def test_no_small_change_of_the_shares_is_cheaper() -> None:
    problem, made, around = program(bench(33.5))
    x = FIRST(made.qp)
    assert x is not None
    plan = problem.trajectory(x)
    rng = np.random.default_rng(3)
    solved = made.qp.a.toarray()
    states = np.array([i for i in range(x.size) if i % N_VARIABLES in (4, 5)])
    inputs = np.array([i for i in range(x.size) if i % N_VARIABLES < N_INPUTS])
    symmetric = made.qp.p + made.qp.p.T

    def full(z: np.ndarray) -> float:
        return float(0.5 * z @ (symmetric @ z) - 0.5 * z @ (made.qp.p.diagonal() * z) + made.qp.c @ z)

    for _ in range(20):
        shares = np.clip(
            plan.shares.ravel() + 0.02 * rng.standard_normal(inputs.size),
            made.qp.x_l[inputs],
            made.qp.x_u[inputs],
        )
        z = np.zeros_like(x)
        z[inputs] = shares
        z[states] = np.linalg.solve(solved[:, states], made.qp.b - solved[:, inputs] @ shares)
        z[BELOW::N_VARIABLES] = np.maximum(made.qp.h_l[0:120:2] - z[4::N_VARIABLES], 0.0)
        z[ABOVE::N_VARIABLES] = np.maximum(z[4::N_VARIABLES] - made.qp.h_u[1:120:2], 0.0)
        assert full(z) >= full(x) - 1e-3
    assert np.isfinite(problem.cost_eur(made.qp, x, around))


def test_shares_rise_no_faster_than_allowed_and_share_the_valve() -> None:
    for solver in (FIRST, SECOND):
        problem, made, _ = program(bench(45.0, penalties={"rate_max_per_s": 0.005}))
        x = solver(made.qp)
        assert x is not None
        shares = problem.trajectory(x).shares
        assert np.diff(shares[:12], axis=0, prepend=np.zeros((1, 4))).max() <= 0.005 * 20.0 + 1e-6
        assert shares[:, VALVE_INPUTS].sum(axis=1).max() <= 1.0 + 1e-6


def test_hotter_cells_get_more_of_the_chiller_and_colder_ones_more_heat() -> None:
    chill, heat = [], []
    for cell_degc in (30.0, 34.0, 36.0, 40.0):
        problem, made, _ = program(bench(cell_degc, ambient_degc=42.0))
        x = FIRST(made.qp)
        assert x is not None
        chill.append(problem.trajectory(x).shares[:12, CHILL].mean())
    for cell_degc in (20.0, 14.0, 8.0, -5.0):
        problem, made, _ = program(bench(cell_degc, ambient_degc=-10.0))
        x = FIRST(made.qp)
        assert x is not None
        heat.append(problem.trajectory(x).shares[:12, HEATER].mean())
    assert np.all(np.diff(chill) >= -1e-6)
    assert np.all(np.diff(heat) >= -1e-6)
    assert chill[-1] > 0.5
    assert heat[-1] > 0.5


def test_a_program_that_is_not_finite_has_no_solution() -> None:
    _, made, _ = program(bench(30.0))
    broken = made.qp._replace(c=np.full(made.qp.c.size, np.nan))
    assert FIRST(broken) is None
    assert SECOND(broken) is None


def test_too_few_iterations_are_no_solution() -> None:
    _, made, _ = program(bench(38.0))
    assert InteriorPoint(2)(made.qp) is None


def test_a_plan_moved_on_is_the_same_plan_later() -> None:
    grid: Grid = build_grid(GridSettings())
    assert grid.size == 60
    assert grid.end_s[-1] == 4560.0
    shares = np.arange(60.0)[:, None] * np.ones(4)
    plan = Trajectory(shares, 20.0 + 0.01 * grid.end_s, 10.0 + 0.02 * grid.end_s)
    later = plan.shifted(grid, 20.0)
    assert later.shares[:11, 0].tolist() == shares[1:12, 0].tolist()
    assert later.cell_degc[0] == pytest.approx(20.0 + 0.01 * 40.0)
    assert later.cell_degc[-1] == plan.cell_degc[-1]
    assert later.shares[-1, 0] == 59.0
