"""The nonlinear program of the predictive controller, by CasADi and IPOPT; a yardstick for ``bench_mpc.py``.

The same reduced model, grid, prices and bounds as a plan of the controller, not linearised, in one solve: implicit
Euler, powers, ageing and soft bounds as they are. Left out are what only a plan after a plan has (proximal and rate
terms), learned heats, and the resistance over temperature.
"""

import time
from typing import Any

import numpy as np

from controllers.mpc.costs import ageing_eur_per_s
from controllers.mpc.grid import constant
from controllers.mpc.problem import Stages
from controllers.mpc.reduced_model import CHILL, HEATER, OUTSIDE, WASTE, ReducedModel, Weather
from tests.unit.controllers.mpc.moments import Bench
from thermal_bms.units import FloatArray

QUIET = {"print_time": False, "ipopt": {"print_level": 0, "sb": "yes", "max_iter": 300}}


def rates(
    model: ReducedModel, by: Weather, k: int, heat: Any, cell: Any, medium: Any, share: Any
) -> tuple[Any, Any]:
    """Return the rates [K/s] of cells and medium in stage ``k``; everything symbolic (Any: casadi)."""
    d, lines = model.numbers, model.chiller
    rate = 0.8 * model.rate_max_w_per_k
    effective = 1.0 - np.exp(-d.cell_to_medium_w_per_k / rate)
    ambient = float(by.ambient_degc[k])
    outlet = medium + effective * (cell - medium)
    inlet_part = lines.heat_per_inlet_k * (outlet - 25.0)
    chill_w = lines.heat_w * (1.0 + inlet_part + lines.heat_per_ambient_k * (ambient - 40.0))
    passed = rate * effective * (cell - medium)
    cell_w = heat - passed + d.pack_to_ambient_w_per_k * (ambient - cell)
    medium_w = passed - share[CHILL] * chill_w - share[OUTSIDE] * model.outside_w_per_k * (outlet - ambient)
    medium_w += share[HEATER] * model.heater_w * d.heater_efficiency
    medium_w += share[WASTE] * d.waste_heat_w_per_k * (by.drive_loop_degc - outlet)
    medium_w -= d.circuit_to_ambient_w_per_k * (medium - ambient)
    return cell_w / d.cell_heat_capacity_j_per_k, medium_w / d.medium_heat_capacity_j_per_k


def electric_w(model: ReducedModel, by: Weather, k: int, medium: Any, share: Any) -> Any:
    """Return the electric power in stage ``k`` [W], symbolic (Any: casadi)."""
    lines, chill = model.chiller, share[CHILL]
    ambient_part = lines.power_per_ambient_k * (float(by.ambient_degc[k]) - 40.0)
    full_w = lines.power_w * (1.0 + lines.power_per_inlet_k * (medium - 25.0) + ambient_part)
    power_w = full_w * chill * (1.0 - lines.power_curvature * (1.0 - chill)) + model.heater_w * share[HEATER]
    power_w += model.numbers.fan_power_max_w * chill**3
    return power_w + model.numbers.pump_power_max_w * (0.6 + 0.4 * chill) ** 3


def nonlinear_times_s(made: Bench, *, repeats: int) -> tuple[list[float], int]:
    """Return the times of warm-started solves of changing moments [s], and how many were solved."""
    import casadi as ca  # noqa: PLC0415 - development only

    planner, start_degc = made.planner, made.planner.observer.cell_degc
    n, model, by = planner.grid.size, planner.model, planner.weather(made.moment)
    stages = planner.program(made.moment, constant(planner.grid, start_degc, start_degc)).stages
    energy = planner.settings.prices.energy_drive_eur_per_kwh / 3.6e6
    per_k = np.log(2.0) / planner.settings.prices.ageing_doubles_k
    base = float(ageing_eur_per_s(planner.settings, planner.pack, np.array([25.0]))[0][0]) / per_k
    heat, start = ca.MX.sym("heat", n), ca.MX.sym("start", 2)
    cells, mediums, shares = ca.MX.sym("T", n), ca.MX.sym("S", n), ca.MX.sym("u", 4, n)
    below, above = ca.MX.sym("v", n), ca.MX.sym("z", n)
    cost, equations = stages.terminal_price * cells[n - 1], []
    for k, dt in enumerate(planner.grid.length_s.tolist()):
        share = [shares[i, k] for i in range(4)]
        cell_rate, medium_rate = rates(model, by, k, heat[k], cells[k], mediums[k], share)
        before = (start[0], start[1]) if k == 0 else (cells[k - 1], mediums[k - 1])
        equations += [cells[k] - before[0] - dt * cell_rate, mediums[k] - before[1] - dt * medium_rate]
        cost += dt * (
            energy * electric_w(model, by, k, mediums[k], share) + base * ca.exp(per_k * (cells[k] - 25.0))
        )
        cost += dt * (float(stages.below_price[k]) * below[k] + float(stages.above_price[k]) * above[k])
        cost += 0.5 * dt * stages.bound_curvature * (below[k] ** 2 + above[k] ** 2)
    program = {
        "x": ca.vertcat(cells, mediums, ca.vec(shares), below, above),
        "p": ca.vertcat(heat, start),
        "f": 1e3 * cost,
        "g": ca.vertcat(*equations, cells + below, cells - above),
    }
    solver = ca.nlpsol("plan", "ipopt", program, QUIET)
    limits = _limits(stages, n)
    guess = np.concatenate([np.full(2 * n, start_degc), np.zeros(6 * n)])
    times_s, solved = [], 0
    for run in range(repeats):
        given = np.concatenate(
            [by.heat_w * (1.0 + 0.02 * run), [start_degc + 0.1 * run, start_degc - 0.1 * run]]
        )
        begin = time.process_time()
        found = solver(x0=guess, p=given, **limits)
        times_s.append(time.process_time() - begin)
        solved += bool(solver.stats()["success"])
        guess = np.array(found["x"]).ravel()
    return times_s, solved


def _limits(stages: Stages, n: int) -> dict[str, FloatArray]:
    """Return the bounds of variables and rows."""
    free = np.full(n, np.inf)
    return {
        "lbx": np.concatenate([np.full(2 * n, -50.0), stages.least.ravel(), np.zeros(2 * n)]),
        "ubx": np.concatenate([np.full(2 * n, 90.0), stages.most.ravel(), free, free]),
        "lbg": np.concatenate([np.zeros(2 * n), stages.lowest_degc, -free]),
        "ubg": np.concatenate([np.zeros(2 * n), free, stages.highest_degc]),
    }
