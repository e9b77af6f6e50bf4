"""PID controller: cell temperature to heat flow, heat flow to actuators, for liquid and air trucks.

Two loops share the pack. The cooling loop looks at the hottest cell and asks for heat to be taken [W]; the
heating loop looks at the coldest and asks for heat to be brought [W]; between their targets lies a dead band.
Both get the cells' own heat as feed-forward. Gains follow from the pack: the cells are an integrator ``C
dT/dt = Q``, and the SIMC rules for it (Skogestad 2003, doi 10.1016/S0959-1524(02)00062-8) give::

    kp = C / response_time,   ki = kp / integral_time,   kd = kp derivative_time

so one set of times serves a van and a heavy truck. Valve, duties and targets: ``modes``, ``actuation``,
``conditioning``.
"""

from collections.abc import Mapping
from math import inf, isfinite, nan
from typing import Any, final

from pydantic import Field, model_validator

from controllers.actuation import Actuation, ActuationSettings, safe_command
from controllers.conditioning import CHEMISTRY_DEFAULTS, Conditioning, ConditioningSettings
from controllers.feed_forward import FeedForwardSettings, GainScheduleSettings, HeatFeedForward
from controllers.modes import Latch, ModeSelector, ModeSettings, Need, Surroundings, surroundings
from controllers.pid_core import PidCore, PidGains
from thermal_bms.description import TruckDescription
from thermal_bms.parameters import Parameters, merged, parse
from thermal_bms.signals import Estimate, Limits, Measurement, Preview, ThermalCommand, VehicleMode

FACTOR_STEP = 0.02
"""Smallest change of the schedule's factor that is passed on to the gains."""


class PidSettings(Parameters):
    """Times of the two loops, and the settings of everything around them."""

    response_time_s: float = Field(
        default=600.0,
        ge=30.0,
        le=36000.0,
        description="kp = C / this: closed-loop time plus dead time of the SIMC rules; some times the 150 s"
        " lag of coolant against cells; assumed, to be tuned",
    )
    integral_time_s: float = Field(
        default=2400.0,
        ge=60.0,
        le=1e5,
        description="ki = kp / this; SIMC for an integrating process: four times the response time",
    )
    derivative_time_s: float = Field(
        default=60.0, ge=0.0, le=3600.0, description="kd = kp * this; order of a cell sensor's lag; assumed"
    )
    derivative_filter_s: float = Field(
        default=120.0,
        ge=0.0,
        le=3600.0,
        description="filter of the derivative; a step of 0.1 K of a sensor stays small; assumed",
    )
    measurement_filter_s: float = Field(
        default=30.0,
        ge=0.0,
        le=600.0,
        description="filter of hottest and coldest cell against sensor noise; assumed",
    )
    tracking_time_s: float = Field(
        default=600.0,
        ge=1.0,
        le=1e5,
        description="anti-windup; a quarter of the integral time (Astrom and Hagglund: between Td and Ti)",
    )
    setpoint_weight: float = Field(
        default=0.8, ge=0.0, le=1.0, description="share of a target's change that acts at once; assumed"
    )
    demand_on_share: float = Field(
        default=0.05,
        ge=0.0,
        le=0.1,
        description="of the rated heat flow, above which a loop becomes active; assumed",
    )
    demand_off_share: float = Field(
        default=0.0,
        ge=0.0,
        le=0.1,
        description="of the rated heat flow, at or below which it rests; assumed",
    )
    spread_on_k: float = Field(
        default=5.0,
        ge=1.0,
        le=30.0,
        description="cell spread above: pump on; pack limit of 5 K (TKT, sim_BTMS)",
    )
    spread_off_k: float = Field(
        default=3.0, ge=0.5, le=30.0, description="cell spread below: pump off; pack limit of 3 K (Guchen)"
    )
    conditioning: ConditioningSettings = Field(description="target temperatures; defaults by chemistry")
    feed_forward: FeedForwardSettings = Field(default=FeedForwardSettings(), description="heat known ahead")
    gain_schedule: GainScheduleSettings = Field(
        default=GainScheduleSettings(), description="factors on the gains"
    )
    modes: ModeSettings = Field(default=ModeSettings(), description="when the valve moves")
    actuation: ActuationSettings = Field(
        default=ActuationSettings(), description="how duties follow from heat"
    )

    @model_validator(mode="after")
    def _in_order(self) -> "PidSettings":
        if self.demand_off_share > self.demand_on_share:
            raise ValueError("demand_off_share must be <= demand_on_share")
        if self.spread_off_k > self.spread_on_k:
            raise ValueError("spread_off_k must be <= spread_on_k")
        return self


@final
class PidController:
    """The PID controller; all its state is in its parts and a few numbers, all forgotten by ``reset``."""

    def __init__(self, settings: PidSettings, truck: TruckDescription) -> None:
        self._settings = settings
        self._thermal = truck.thermal
        self._modes = ModeSelector(settings.modes, truck.thermal)
        self._actuation = Actuation(settings.actuation, truck.thermal)
        self._cooling_rated_w = self._actuation.cooling_rated_w
        self._heating_rated_w = self._actuation.heating_rated_w
        self._conditioning = Conditioning(
            settings.conditioning,
            truck.pack,
            cooling_rated_w=self._cooling_rated_w,
            heating_rated_w=self._heating_rated_w,
        )
        self._feed_forward = HeatFeedForward(settings.feed_forward)
        on, off = settings.demand_on_share, settings.demand_off_share
        self._cool_on_w, self._cool_off_w = on * self._cooling_rated_w, off * self._cooling_rated_w
        self._heat_on_w, self._heat_off_w = on * self._heating_rated_w, off * self._heating_rated_w
        self._filter_s = settings.measurement_filter_s
        self.reset()

    def reset(self) -> None:
        """Forget everything learned since construction."""
        self._cooling = self._core(-1.0, self._cooling_rated_w)
        self._heating = self._core(1.0, self._heating_rated_w)
        for part in (self._modes, self._actuation, self._conditioning, self._feed_forward):
            part.reset()
        self._cool_latch, self._heat_latch, self._uneven = Latch(), Latch(), Latch()
        self._factor = 1.0
        self._scheduled_for: tuple[float, float] | None = None
        self._need = Need.NONE
        self._wanted: ThermalCommand | None = None
        self._hot_degc = self._cold_degc = nan
        self._last_cell_temp_degc = nan
        self._last_time_s = nan

    @property
    def cooling_w(self) -> float:
        """Heat that the cooling loop last asked to be taken [W]."""
        return self._cooling.output

    @property
    def heating_w(self) -> float:
        """Heat that the heating loop last asked to be brought [W]."""
        return self._heating.output

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
        self._filter(hot_degc, cold_degc, dt_s)
        band = self._conditioning.step(measurement, estimate, limits, preview, dt_s=dt_s)
        self._actuation.observe(around, dt_s=dt_s)
        heat_w = self._feed_forward.step(estimate.heat_w, preview, dt_s=dt_s)
        self._ask(band.cool_degc, band.heat_degc, heat_w, applied, around, dt_s)
        parked = measurement.vehicle_mode is VehicleMode.PARK and not measurement.plug_connected
        self._wanted = self._command(around, dt_s, parked=parked, spread_k=hot_degc - cold_degc)
        return self._wanted

    def follow(
        self, measurement: Measurement, estimate: Estimate, applied: ThermalCommand, *, dt_s: float
    ) -> None:
        """Another controller is in charge: stay ready to go on from what it does, without a bump.

        The loop whose heat is moved follows it; the other forgets, since a resting actuator must not charge an
        integral.
        """
        around = surroundings(measurement, estimate, self._thermal, self._settings.modes)
        hot_degc, cold_degc = estimate.cell_temp_max_degc, estimate.cell_temp_min_degc
        if not (isfinite(hot_degc) and isfinite(cold_degc) and 0.0 < dt_s < inf):
            return
        self._last_cell_temp_degc = hot_degc
        self._last_time_s = measurement.time_s
        self._filter(hot_degc, cold_degc, dt_s)
        self._actuation.observe(around, dt_s=dt_s)
        if applied.valve_mode is not self._modes.mode:
            self._modes.force(applied.valve_mode)
        self._wanted = None
        taken_w = self._actuation.heat_taken_w(applied, around)
        self._need = Need.COOL if taken_w > 0.0 else Need.HEAT if taken_w < 0.0 else Need.NONE
        for core, moved_w in ((self._cooling, taken_w), (self._heating, -taken_w)):
            if moved_w > 0.0:
                core.follow(moved_w)
            elif core.output != 0.0 or core.integral != 0.0:
                core.reset()

    def _ask(
        self,
        cool_degc: float,
        heat_degc: float,
        heat_w: float,
        applied: ThermalCommand,
        around: Surroundings,
        dt_s: float,
    ) -> None:
        """Step both loops: how much heat is to be taken and brought [W]."""
        done_cooling_w, done_heating_w = self._done(applied, around)
        cooling_gains, heating_gains = self._changed_gains(around.ambient_temp_degc, applied.pump_duty)
        self._cooling.step(
            cool_degc,
            self._hot_degc,
            dt_s=dt_s,
            feed_forward=heat_w,
            applied=done_cooling_w,
            gains=cooling_gains,
            output_max=self._actuation.cooling_max_w(around),
        )
        self._heating.step(
            heat_degc,
            self._cold_degc,
            dt_s=dt_s,
            feed_forward=-heat_w,
            applied=done_heating_w,
            gains=heating_gains,
            output_max=self._actuation.heating_max_w(around),
        )

    def _done(self, applied: ThermalCommand, around: Surroundings) -> tuple[float | None, float | None]:
        """Return what became of the last cooling and heating demand [W]; None: exactly what was asked."""
        if self._wanted is None:
            return None, None
        cut_w = 0.0
        if applied is not self._wanted and applied != self._wanted:
            taken_w = self._actuation.heat_taken_w(applied, around)
            cut_w = self._actuation.heat_taken_w(self._wanted, around) - taken_w
        if self._need is Need.COOL:
            return self._cooling.output - cut_w, 0.0
        if self._need is Need.HEAT:
            return None, self._heating.output + cut_w
        return None, None

    def _command(self, around: Surroundings, dt_s: float, *, parked: bool, spread_k: float) -> ThermalCommand:
        """Turn the demands into a command; cooling goes before heating."""
        s, demand_w, heating_w = self._settings, self._cooling.output, self._heating.output
        cool = self._cool_latch.step(demand_w, on_above=self._cool_on_w, off_below=self._cool_off_w)
        heat = self._heat_latch.step(heating_w, on_above=self._heat_on_w, off_below=self._heat_off_w)
        uneven = self._uneven.step(spread_k, on_above=s.spread_on_k, off_below=s.spread_off_k)
        if not cool:
            demand_w = heating_w if heat else 0.0
        if cool:
            need = Need.COOL
        elif heat:
            need = Need.HEAT
        else:
            need = Need.CIRCULATE if uneven and not parked else Need.NONE
        self._need = need
        mode = self._modes.step(need, demand_w, around, dt_s=dt_s)
        if cool:
            return self._actuation.cool(mode, demand_w, around)
        if heat:
            return self._actuation.heat(mode, demand_w, around)
        return self._actuation.rest(mode) if need is Need.NONE else self._actuation.circulate(mode)

    def _safe(self, around: Surroundings) -> ThermalCommand:
        command = safe_command(self._thermal, self._settings.modes, around, self._last_cell_temp_degc)
        self._cooling.wake()
        self._heating.wake()
        self._modes.force(command.valve_mode)
        self._wanted = None
        self._hot_degc = self._cold_degc = nan
        return command

    def _wake_after_sleep(self, time_s: float, dt_s: float) -> None:
        """Start afresh when much more time has passed than one tick: the truck was asleep."""
        if time_s - self._last_time_s > 10.0 * dt_s + 60.0:
            last_cell_temp_degc = self._last_cell_temp_degc
            self.reset()
            self._last_cell_temp_degc = last_cell_temp_degc
        self._last_time_s = time_s

    def _filter(self, hot_degc: float, cold_degc: float, dt_s: float) -> None:
        if isfinite(self._hot_degc):
            share = dt_s / (self._filter_s + dt_s)
            hot_degc = self._hot_degc + share * (hot_degc - self._hot_degc)
            cold_degc = self._cold_degc + share * (cold_degc - self._cold_degc)
        self._hot_degc, self._cold_degc = hot_degc, cold_degc

    def _changed_gains(
        self, ambient_temp_degc: float, flow: float
    ) -> tuple[PidGains | None, PidGains | None]:
        """Return the scheduled gains of both loops when they have changed by more than a little."""
        if (ambient_temp_degc, flow) == self._scheduled_for:
            return None, None
        self._scheduled_for = (ambient_temp_degc, flow)
        factor = self._settings.gain_schedule.factor(ambient_temp_degc, flow)
        if abs(factor - self._factor) <= FACTOR_STEP:
            return None, None
        self._factor = factor
        return self._gains(-factor), self._gains(factor)

    def _gains(self, factor: float) -> PidGains:
        s = self._settings
        kp = factor * self._conditioning.heat_capacity_j_per_k / s.response_time_s
        return PidGains(kp, kp / s.integral_time_s, kp * s.derivative_time_s)

    def _core(self, direction: float, output_max_w: float) -> PidCore:
        s = self._settings
        return PidCore(
            self._gains(direction),
            output_min=0.0,
            output_max=output_max_w,
            setpoint_weight=s.setpoint_weight,
            derivative_filter_s=s.derivative_filter_s,
            tracking_time_s=s.tracking_time_s,
            integral_rest=0.0,
        )


def build(
    settings: Mapping[str, Any], truck: TruckDescription
) -> PidController:  # Any: what a TOML file may hold
    """Return a PID controller for a truck; targets that are not given follow its chemistry."""
    full = merged({"conditioning": CHEMISTRY_DEFAULTS[truck.pack.chemistry]}, settings)
    return PidController(parse(PidSettings, full, "settings of controller pid"), truck)
