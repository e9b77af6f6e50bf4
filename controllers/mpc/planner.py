"""One plan: forecast, model, prices and bounds into a program, solved and checked.

Real-time iteration (Diehl, Bock and Schlöder 2005, doi 10.1137/S0363012902400713): the model is linearised once
about the plan before, moved on in time, and one program is solved; only the first plan takes ``FIRST_PASSES``.
"""

from typing import NamedTuple, final

import numpy as np

from controllers.actuation import ActuationSettings
from controllers.modes import Surroundings, dew_point_degc
from controllers.mpc.costs import build_stages
from controllers.mpc.forecast import Forecast
from controllers.mpc.grid import Trajectory, build_grid, constant
from controllers.mpc.observer import Observer
from controllers.mpc.outlook import Doing, Schedule
from controllers.mpc.paths import Path, PathLayer
from controllers.mpc.problem import Problem, Qp, Stages
from controllers.mpc.reduced_model import (
    CHILL,
    HEATER,
    N_INPUTS,
    OUTSIDE,
    WASTE,
    ReducedModel,
    Slopes,
    Weather,
)
from controllers.mpc.settings import MpcSettings
from controllers.mpc.solvers import Solver
from thermal_bms.description import TruckDescription
from thermal_bms.errors import SolverError
from thermal_bms.signals import Estimate, Measurement, Preview
from thermal_bms.units import JOULES_PER_KWH, FloatArray

FIRST_PASSES = 3
COOL_OUTSIDE_K = 5.0
"""Outside air so much colder than the cells is always weighed against the chiller; as the PID's margin."""


class Moment(NamedTuple):
    """All that a plan starts from."""

    measurement: Measurement
    estimate: Estimate
    preview: Preview
    around: Surroundings
    doing: Doing
    shares: FloatArray
    elapsed_s: float


class Program(NamedTuple):
    """A program, and what it was made from."""

    qp: Qp
    stages: Stages
    slopes: Slopes
    warm_outside: bool
    cool_outside: bool
    over_k: float


@final
class Planner:
    """Makes plans for one truck; holds the plan before, forecast, schedule, observer and path."""

    def __init__(self, settings: MpcSettings, truck: TruckDescription, model: ReducedModel) -> None:
        self.settings = settings
        self.pack = truck.pack
        self.model = model
        self._actuation: ActuationSettings = settings.actuation
        self.grid = build_grid(settings.grid)
        full_w = max(model.heater_w, model.chiller.power_w, model.numbers.pump_power_max_w)
        full_eur_per_s = full_w * settings.prices.energy_drive_eur_per_kwh / JOULES_PER_KWH
        self.problem = Problem(
            self.grid,
            proximal_eur_per_s=settings.penalties.proximal_share * full_eur_per_s,
            rate_eur=settings.penalties.rate_s * full_eur_per_s,
            rate_max_per_s=settings.penalties.rate_max_per_s,
        )
        capacity = model.numbers.cell_heat_capacity_j_per_k
        self.forecast = Forecast(settings.forecast)
        self.schedule = Schedule(
            settings,
            truck.pack,
            heating_k_per_s=model.heater_w / capacity,
            cooling_k_per_s=model.chiller.heat_w / capacity if model.has_chiller else 0.0,
            loss_per_s=(model.numbers.pack_to_ambient_w_per_k + model.numbers.circuit_to_ambient_w_per_k)
            / capacity,
        )
        self.observer = Observer(settings.observer, model)
        start_eur = settings.prices.start_eur_per_kw * truck.thermal.chiller_capacity_w / 1000.0
        self.paths = PathLayer(settings.valve, self.grid, model.chill_least, start_eur=start_eur)
        self._rise = np.cumsum(settings.penalties.rate_max_per_s * self.grid.length_s)[:, None]
        self.reset()

    def reset(self) -> None:
        """Forget plan, path and everything learned."""
        self.plan: Trajectory | None = None
        for part in (self.forecast, self.schedule, self.observer, self.paths):
            part.reset()

    def shift(self, elapsed_s: float) -> Trajectory | None:
        """Move the plan on in time and return it; None when there is none."""
        if self.plan is not None:
            self.plan = self.plan.shifted(self.grid, elapsed_s)
        return self.plan

    def solve(self, moment: Moment, solver: Solver) -> Trajectory:
        """Make and keep the plan of this moment.

        Raises
        ------
        SolverError
            when the solver gives no answer, or one that breaks the model's equations or a bound.
        """
        before = self.plan
        around = before.shifted(self.grid, moment.elapsed_s) if before is not None else None
        if around is None:
            around = constant(self.grid, self.observer.cell_degc, self.observer.medium_degc)
            for _ in range(FIRST_PASSES - 1):
                around, _ = self._answer(self.program(moment, around).qp, around, solver)
        program = self.program(moment, around)
        path = self.paths.path
        if before is None or self.paths.may_decide(program.over_k):
            free, _ = self._answer(program.qp, around, solver)
            best, cost = self._along(path, program, moment.shares, around, solver)
            saved, choice = -np.inf, path
            candidates = self.paths.others(
                free.shares, program.slopes, cool_outside=program.cool_outside, over_k=program.over_k
            )
            for other in candidates:
                plan, other_cost = self._along(other, program, moment.shares, around, solver)
                if cost - other_cost > saved:
                    saved, choice, changed = cost - other_cost, other, plan
            if choice is not path and (saved > 0.0 if before is None else self.paths.is_worth_it(saved)):
                best, path = changed, choice
            self.paths.decided(path)
        else:
            best, _ = self._along(path, program, moment.shares, around, solver)
        self.plan = best
        return best

    def _along(
        self, path: Path, program: Program, shares: FloatArray, around: Trajectory, solver: Solver
    ) -> tuple[Trajectory, float]:
        """Return the plan with a path prescribed, and its cost [EUR]."""
        stages = program.stages
        least, most = self.paths.bounded(
            path, stages.least, stages.most, warm_outside=program.warm_outside, over_k=program.over_k
        )
        least = np.minimum(least, shares + self._rise)
        return self._answer(self.problem.with_bounds(program.qp, least, most), around, solver)

    def _answer(self, qp: Qp, around: Trajectory, solver: Solver) -> tuple[Trajectory, float]:
        x = solver(qp)
        if x is None:
            raise SolverError("the solver found no plan")
        if not self.problem.residual(qp, x) <= self.settings.chain.residual_max:
            raise SolverError("the plan breaks the model's equations or a bound")
        return self.problem.trajectory(x), self.problem.cost_eur(qp, x, around)

    def program(self, moment: Moment, around: Trajectory) -> Program:
        """Return the program of this moment, with the model linearised about ``around``."""
        settings, model, observer, grid = self.settings, self.model, self.observer, self.grid
        measurement, estimate, doing = moment.measurement, moment.estimate, moment.doing
        outlook = self.schedule.outlook(grid, doing, measurement, estimate, moment.preview)
        by = self.weather(moment)
        slopes = model.slopes(around.cell_degc, around.medium_degc, around.shares, by)
        ram = np.full(grid.size, moment.around.ram if not (doing.plugged or doing.parked) else 0.0)
        mean_degc = observer.cell_degc
        spread_k = (
            max(mean_degc - estimate.cell_temp_min_degc, 0.0),
            max(estimate.cell_temp_max_degc - mean_degc, 0.0),
        )
        most = self._most(around, by)
        stages = build_stages(
            settings,
            model,
            self.pack,
            outlook,
            around,
            by,
            ram=ram,
            spread_k=spread_k,
            long_run_w=observer.heat_factor * self.forecast.long_run_w(plugged=doing.plugged),
            chill_least=np.clip(most[:, CHILL], 0.02, model.chill_least),
            power_factor=observer.power_factor,
            least=np.zeros((grid.size, N_INPUTS)),
            most=most,
        )
        qp = self.problem.qp(
            stages,
            slopes,
            around,
            cell_degc=observer.cell_degc,
            medium_degc=observer.medium_degc,
            last_shares=moment.shares,
        )
        over_k = max(mean_degc - stages.highest_degc[0], 0.0) - max(stages.lowest_degc[0] - mean_degc, 0.0)
        warmer_k = float(by.ambient_degc[0]) - mean_degc
        return Program(qp, stages, slopes, warmer_k > 0.0, warmer_k < -COOL_OUTSIDE_K, over_k)

    def weather(self, moment: Moment) -> Weather:
        """Return what drives the model along the stages."""
        grid, around, observer = self.grid, moment.around, self.observer
        ambient = self.forecast.ambient_degc(grid, moment.preview, around.ambient_temp_degc)
        cell_w, medium_w = observer.extra_w(grid.middle_s)
        return Weather(
            observer.heat_factor * self.forecast.heat_w(grid, moment.preview, plugged=moment.doing.plugged),
            ambient,
            cell_w,
            medium_w,
            around.drive_loop_temp_degc,
            self.coldest_degc(around),
            observer.conductance_factor,
            observer.chiller_factor,
            observer.cell_degc,
        )

    def coldest_degc(self, around: Surroundings) -> float:
        """Return the coldest medium that the actuation allows: icing and, for a liquid, the dew point [degC]."""
        lowest_degc = self._actuation.inlet_temp_min_degc
        if not self.model.liquid:
            return lowest_degc
        return max(lowest_degc, dew_point_degc(around) + self._actuation.dew_margin_k)

    def _most(self, around: Trajectory, by: Weather) -> FloatArray:
        """Return how far each input may go, as the actuation folds it back, shape (n, 4)."""
        a, model, medium = self._actuation, self.model, around.medium_degc
        most = np.zeros((self.grid.size, N_INPUTS))
        if model.has_chiller:
            share = model.chill_most(around.cell_degc, by.ambient_degc, by.coldest_degc)
            warm = by.ambient_degc >= self.settings.modes.chiller_ambient_min_degc
            most[:, CHILL] = np.where(warm, share, 0.0)
        if model.outside_w_per_k > 0.0:
            most[:, OUTSIDE] = 1.0
        if model.heater_w > 0.0:
            most[:, HEATER] = np.clip((a.inlet_temp_max_degc - medium) / a.heating_fold_back_k, 0.0, 1.0)
        if model.numbers.waste_heat_w_per_k > 0.0:
            most[:, WASTE] = np.where(by.drive_loop_degc > medium + 1.0, 1.0, 0.0)
        return most
