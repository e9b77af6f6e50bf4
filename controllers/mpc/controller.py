"""The predictive controller: plans now and then, acts every tick, and has five things to fall back on.

The chain, each link with its code: a checked plan; a plan by the second solver; the plan before, moved on, for at
most three times; the PID, which follows all along so that it takes over without a bump; the thermostat; and at
last an exception, upon which the control cycle gives the safe command. Above all of it stands the supervisor.
"""

import logging
from collections.abc import Mapping
from dataclasses import replace
from enum import IntEnum
from math import inf, isfinite, nan
from typing import Any, final

import numpy as np

from controllers.actuation import Actuation, safe_command
from controllers.conditioning import CHEMISTRY_DEFAULTS
from controllers.modes import (
    Latch,
    Surroundings,
    outside_ability_w,
    outside_conductance_w_per_k,
    surroundings,
)
from controllers.mpc.deadline import Deadline, NoDeadline
from controllers.mpc.grid import Trajectory
from controllers.mpc.observer import Seen
from controllers.mpc.paths import Path
from controllers.mpc.planner import Moment, Planner
from controllers.mpc.reduced_model import CHILL, HEATER, N_INPUTS, OUTSIDE, WASTE, build_model
from controllers.mpc.settings import MpcSettings
from controllers.mpc.solvers import InteriorPoint, ProjectedGradient, Solver
from controllers.pid import PidController, PidSettings
from controllers.thermostat import Thermostat, ThermostatSettings
from thermal_bms.description import TruckDescription
from thermal_bms.errors import SolverError
from thermal_bms.interfaces import Controller
from thermal_bms.parameters import merged, parse
from thermal_bms.signals import Estimate, Limits, Measurement, Preview, ThermalCommand, ValveMode, VehicleMode
from thermal_bms.units import FloatArray

_LOG = logging.getLogger(__name__)
MILD_DEGC = 20.0
"""Stands in for an outside temperature that was never known."""

SHARE_STEP = 1e-3
"""Shares are rounded to this, finer than any actuator on a vehicle bus."""

BROKEN = (
    ArithmeticError,
    ValueError,
    RuntimeError,
    TypeError,
    IndexError,
    np.linalg.LinAlgError,
    SolverError,
)


class ChainLink(IntEnum):
    """Who made the command, from best to last."""

    PLAN = 0
    SECOND_SOLVER = 1
    SHIFTED_PLAN = 2
    PID = 3
    THERMOSTAT = 4
    SAFE = 5


@final
class MpcController:
    """The predictive controller.

    Parameters
    ----------
    settings : everything it weighs
    truck : what it is told of its truck
    first, second : solvers; PIQP and the projected gradient when left out
    deadline : says whether a plan came in time; never asked in simulation
    """

    def __init__(
        self,
        settings: MpcSettings,
        truck: TruckDescription,
        *,
        first: Solver | None = None,
        second: Solver | None = None,
        deadline: Deadline | None = None,
    ) -> None:
        self._settings = settings
        self._thermal = truck.thermal
        self.model = build_model(truck, settings.actuation)
        self.planner = Planner(settings, truck, self.model)
        chain = settings.chain
        self._solvers: tuple[Solver, Solver] = (
            first or InteriorPoint(chain.iterations_max),
            second or ProjectedGradient(chain.second_iterations),
        )
        self._deadline = deadline or NoDeadline()
        self._actuation = Actuation(settings.actuation, truck.thermal)
        self._outside_w_per_k = outside_conductance_w_per_k(truck.thermal)
        self.pid = PidController(
            PidSettings(
                conditioning=settings.conditioning, modes=settings.modes, actuation=settings.actuation
            ),
            truck,
        )
        self.thermostat: Controller = Thermostat(
            ThermostatSettings(modes=settings.modes, actuation=settings.actuation), truck
        )
        self.reset()

    def reset(self) -> None:
        """Forget everything learned since construction."""
        for part in (self.planner, self._actuation, self.pid, self.thermostat):
            part.reset()
        self.link = ChainLink.PLAN
        """Who made the last command."""
        self.reason = ""
        """Why it was not the first of the chain."""
        self._shares = np.zeros(N_INPUTS)
        self._uneven = Latch()
        self._valve = ValveMode.BYPASS
        self._since_plan_s = inf
        self._n_shifted = 0
        self._situation: tuple[bool, VehicleMode] | None = None
        self._last_cell_temp_degc = nan
        self._last_time_s = nan
        self._ambient_degc = MILD_DEGC
        self._sums = np.zeros(7 + N_INPUTS)

    def step(
        self,
        measurement: Measurement,
        estimate: Estimate,
        limits: Limits,
        preview: Preview,
        applied: ThermalCommand,
        dt_s: float,
    ) -> ThermalCommand:
        """Return the wanted actuator commands for the coming tick."""
        around = surroundings(measurement, estimate, self._thermal, self._settings.modes)
        hot_degc, cold_degc = estimate.cell_temp_max_degc, estimate.cell_temp_min_degc
        if not (isfinite(hot_degc) and isfinite(cold_degc) and 0.0 < dt_s < inf):
            return self._safe(around)
        self._last_cell_temp_degc = hot_degc
        self._wake_after_sleep(measurement.time_s, dt_s)
        around = self._completed(around, estimate)
        self._actuation.observe(around, dt_s=dt_s)
        self._see(measurement, estimate, around, applied, dt_s)
        doing = self.planner.schedule.now(measurement, estimate, limits, dt_s=dt_s)
        self.planner.paths.wait(dt_s)
        self._since_plan_s += dt_s
        situation = (doing.plugged, measurement.vehicle_mode)
        if self._since_plan_s >= self._settings.grid.period_s - 1e-9 or situation != self._situation:
            self._situation = situation
            self._plan(
                Moment(measurement, estimate, preview, around, doing, self._shares, self._since_plan_s), dt_s
            )
        if self.link <= ChainLink.SHIFTED_PLAN:
            self.pid.follow(measurement, estimate, applied, dt_s=dt_s)
            uneven = self._is_uneven(hot_degc - cold_degc) and not doing.parked
            return self._command(around, uneven=uneven)
        return self._fall_back(measurement, estimate, limits, preview, applied, dt_s)

    # --- planning ---

    def _plan(self, moment: Moment, dt_s: float) -> None:
        """Make the next plan with the first link of the chain that can."""
        seen = self._seen(moment, dt_s)
        elapsed_s, self._since_plan_s = moment.elapsed_s, 0.0
        planner = self.planner
        planner.observer.step(seen)
        planner.observer.see_power(seen)
        planner.forecast.learn(seen.heat_w, plugged=moment.doing.plugged, dt_s=seen.span_s)
        moment = moment._replace(elapsed_s=min(elapsed_s, self._settings.grid.period_s), shares=seen.shares)
        link, plan, reason = self._planned(moment)
        if link <= ChainLink.SECOND_SOLVER:
            self._n_shifted = 0
        elif link is ChainLink.SHIFTED_PLAN:
            self._n_shifted += 1
        else:
            planner.plan = None  # too old to go on from
        if link is not self.link:
            level = logging.INFO if link is ChainLink.PLAN else logging.WARNING
            _LOG.log(level, "thermal plan: %s%s", link.name, f": {reason}" if reason else "")
        self.link, self.reason = link, reason
        if plan is not None:
            self._shares = np.round(np.clip(plan.shares[0], 0.0, 1.0) / SHARE_STEP) * SHARE_STEP

    def _planned(self, moment: Moment) -> tuple[ChainLink, Trajectory | None, str]:
        """Return the link that made the plan, the plan, and why not an earlier link."""
        reasons: list[str] = []
        for link, solver in zip((ChainLink.PLAN, ChainLink.SECOND_SOLVER), self._solvers, strict=True):
            self._deadline.start()
            kept = self.planner.plan
            try:
                with np.errstate(all="ignore"):
                    plan = self.planner.solve(moment, solver)
            except BROKEN as error:
                reasons.append(f"{type(error).__name__}: {error}")
            else:
                if not self._deadline.missed():
                    return link, plan, "; ".join(reasons)
                reasons.append("too late")
            self.planner.plan = kept
        shifted = self.planner.shift(moment.elapsed_s)
        if shifted is not None and self._n_shifted < self._settings.chain.shifted_plans_max:
            return ChainLink.SHIFTED_PLAN, shifted, "; ".join(reasons)
        return ChainLink.PID, None, "; ".join(reasons)

    # --- acting ---

    def _command(self, around: Surroundings, *, uneven: bool) -> ThermalCommand:
        """Return the command for the shares of the plan's first stage."""
        act, shares, path = self._actuation, self._shares, self.planner.paths.path
        heater, outside = float(shares[HEATER]), float(shares[OUTSIDE])
        if path is Path.CHILLER:
            return self._chill(float(shares[CHILL]), around)
        if path is Path.OUTSIDE and outside > 0.0:
            ability_w = outside_ability_w(self._outside_w_per_k, around)
            if around.ambient_temp_degc < self.planner.observer.cell_degc:
                return self._at(act.cool(ValveMode.RADIATOR, outside * max(ability_w, 1.0), around))
            if ability_w <= 0.0:  # else the medium is still warmer than the outside
                return self._at(act.warm(ValveMode.RADIATOR, heater, outside, around))
        if path is Path.WASTE_HEAT and shares[WASTE] > 0.0:
            return self._at(act.warm(ValveMode.WASTE_HEAT, heater, max(float(shares[WASTE]), heater), around))
        if heater > 0.0:
            return self._at(act.warm(ValveMode.BYPASS, heater, heater, around))
        return self._at(act.circulate(ValveMode.BYPASS)) if uneven else act.rest(self._valve)

    def _chill(self, share: float, around: Surroundings) -> ThermalCommand:
        """Return the command for a share of the chiller's heat; the path says that it runs at all."""
        settings = self._settings.actuation
        duty = max(self.model.duty_of_share(share), settings.compressor_duty_min)
        command = self._actuation.cool(ValveMode.CHILLER, duty * self._thermal.chiller_capacity_w, around)
        lowest = settings.chiller_pump_duty_min
        return self._at(replace(command, pump_duty=min(command.pump_duty, lowest + (1.0 - lowest) * duty)))

    def _at(self, command: ThermalCommand) -> ThermalCommand:
        """Remember where a command puts the valve."""
        self._valve = command.valve_mode
        return command

    def _fall_back(
        self,
        measurement: Measurement,
        estimate: Estimate,
        limits: Limits,
        preview: Preview,
        applied: ThermalCommand,
        dt_s: float,
    ) -> ThermalCommand:
        """Return what the PID wants, or the thermostat; an exception when neither has an answer."""
        for link, controller in ((ChainLink.PID, self.pid), (ChainLink.THERMOSTAT, self.thermostat)):
            try:
                command = controller.step(measurement, estimate, limits, preview, applied, dt_s)
                duties = (command.pump_duty, command.fan_duty, command.compressor_duty, command.heater_duty)
                if all(isfinite(duty) for duty in duties):
                    self.link = link
                    self._shares = self.applied_shares(command, self._flow_of(command), nan)
                    return command
            except BROKEN as error:
                self.reason = f"{link.name} failed: {type(error).__name__}: {error}"
        self.link = ChainLink.SAFE
        raise SolverError(f"no controller has an answer: {self.reason}")

    def _safe(self, around: Surroundings) -> ThermalCommand:
        """Return the safe command; the next plan starts afresh."""
        known_degc = self._last_cell_temp_degc
        self.reset()
        self._last_cell_temp_degc = known_degc
        self.link, self.reason = ChainLink.SAFE, "no cell temperature"
        return safe_command(self._thermal, self._settings.modes, around, known_degc)

    def _is_uneven(self, spread_k: float) -> bool:
        s = PidSettings.model_fields
        return self._uneven.step(
            spread_k, on_above=s["spread_on_k"].default, off_below=s["spread_off_k"].default
        )

    # --- seeing ---

    def _wake_after_sleep(self, time_s: float, dt_s: float) -> None:
        """Start afresh when much more time has passed than one tick: the truck was asleep."""
        if time_s - self._last_time_s > 10.0 * dt_s + 60.0:
            known_degc = self._last_cell_temp_degc
            self.reset()
            self._last_cell_temp_degc = known_degc
        self._last_time_s = time_s

    def _completed(self, around: Surroundings, estimate: Estimate) -> Surroundings:
        """Return the surroundings with something sensible for every temperature that is not known."""
        if isfinite(around.ambient_temp_degc):
            self._ambient_degc = around.ambient_temp_degc
        mean_degc = self._mean_degc(estimate)
        inlet_degc = around.inlet_temp_degc
        if not isfinite(inlet_degc):
            inlet_degc = around.source_temp_degc if isfinite(around.source_temp_degc) else mean_degc
        drive_degc = around.drive_loop_temp_degc
        source_degc = around.source_temp_degc
        return around._replace(
            ambient_temp_degc=self._ambient_degc,
            inlet_temp_degc=inlet_degc,
            source_temp_degc=source_degc if isfinite(source_degc) else mean_degc,
            drive_loop_temp_degc=drive_degc if isfinite(drive_degc) else self._ambient_degc,
        )

    @staticmethod
    def _mean_degc(estimate: Estimate) -> float:
        mean_degc = estimate.cell_temp_mean_degc
        if isfinite(mean_degc):
            return mean_degc
        return 0.5 * (estimate.cell_temp_min_degc + estimate.cell_temp_max_degc)

    def _see(
        self,
        measurement: Measurement,
        estimate: Estimate,
        around: Surroundings,
        applied: ThermalCommand,
        dt_s: float,
    ) -> None:
        """Add this tick to the means since the last plan."""
        flow = self._flow_of(applied)
        shares = self.applied_shares(applied, flow, around.ram)
        heat_w = estimate.heat_w if isfinite(estimate.heat_w) else 0.0
        values = (
            self._mean_degc(estimate),
            around.inlet_temp_degc,
            heat_w,
            around.ambient_temp_degc,
            flow,
            1.0,
            measurement.compressor_power_w,
        )
        self._sums += dt_s * np.concatenate([values, shares])

    def _seen(self, moment: Moment, dt_s: float) -> Seen:
        span_s = float(self._sums[5])
        mean = self._sums / span_s
        self._sums = np.zeros_like(self._sums)
        return Seen(
            self._mean_degc(moment.estimate),
            moment.around.inlet_temp_degc,
            float(mean[2]),
            float(mean[3]),
            moment.around.drive_loop_temp_degc,
            self.planner.coldest_degc(moment.around),
            mean[7:],
            float(mean[6]),
            bool(mean[4] > 0.5),
            min(max(span_s, dt_s), self._settings.grid.period_s),
        )

    @staticmethod
    def _flow_of(command: ThermalCommand) -> float:
        return 1.0 if command.pump_duty > 0.05 else 0.0

    def applied_shares(self, command: ThermalCommand, flow: float, ram: float) -> FloatArray:
        """Return a command as inputs of the model, shape (4,)."""
        shares = np.zeros(N_INPUTS)
        mode = command.valve_mode
        if mode is ValveMode.CHILLER and command.compressor_duty > 0.0:
            shares[CHILL] = self.model.share_of_duty(command.compressor_duty)
        elif mode is ValveMode.RADIATOR:
            ram = ram if isfinite(ram) else 0.0
            shares[OUTSIDE] = (
                command.fan_duty + ram if self._thermal.cooling == "liquid" else command.pump_duty
            )
        elif mode is ValveMode.WASTE_HEAT:
            shares[WASTE] = command.pump_duty
        shares[HEATER] = command.heater_duty
        shares = np.where(np.isfinite(shares), np.clip(shares, 0.0, 1.0), 0.0)
        return np.asarray(shares * flow)


def build(
    settings: Mapping[str, Any], truck: TruckDescription
) -> MpcController:  # Any: what a TOML file may hold
    """Return a predictive controller for a truck; targets that are not given follow its chemistry."""
    full = merged({"conditioning": CHEMISTRY_DEFAULTS[truck.pack.chemistry]}, settings)
    return MpcController(parse(MpcSettings, full, "settings of controller mpc"), truck)
