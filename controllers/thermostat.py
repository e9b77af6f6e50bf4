"""Thermostat: cooling and heating on and off with hysteresis, actuators at full power.

The baseline that published battery-electric trucks use: cooling on at 33 and off at 31 degC, heating on below
10 degC (TUM TruckBatteryDesign, ControlAlgorithm.jl; BETOS batteryElectricTruck.py: 33, 31.5 and 10 degC).
"""

from collections.abc import Mapping
from math import isfinite, nan
from typing import Any, final

from pydantic import Field, model_validator

from controllers.actuation import Actuation, ActuationSettings, safe_command
from controllers.modes import (
    Latch,
    ModeSelector,
    ModeSettings,
    Need,
    Surroundings,
    outside_ability_w,
    outside_conductance_w_per_k,
    surroundings,
)
from thermal_bms.description import TruckDescription
from thermal_bms.parameters import Parameters, parse
from thermal_bms.signals import Estimate, Limits, Measurement, Preview, ThermalCommand, VehicleMode


class ThermostatSettings(Parameters):
    """Switching temperatures and the common settings of valve and actuators."""

    cool_on_degc: float = Field(
        default=33.0,
        ge=10.0,
        le=60.0,
        description="hottest cell above: cooling on; TUM TruckBatteryDesign, BETOS",
    )
    cool_off_degc: float = Field(
        default=31.0, ge=5.0, le=60.0, description="hottest cell below: cooling off; TUM TruckBatteryDesign"
    )
    heat_on_degc: float = Field(
        default=10.0, ge=-30.0, le=40.0, description="coldest cell below: heating on; BETOS"
    )
    heat_off_degc: float = Field(
        default=12.0, ge=-30.0, le=45.0, description="coldest cell above: heating off; 2 K as for cooling"
    )
    park_heat_on_degc: float = Field(
        default=-17.0,
        ge=-40.0,
        le=40.0,
        description="the same parked and unplugged; the eActros protects its battery below -19 degC (press,"
        " environmentalengineering.org.uk 14573)",
    )
    park_cool_on_degc: float = Field(
        default=45.0,
        ge=10.0,
        le=60.0,
        description="the same parked and unplugged; upper end of the 20 to 45 degC that Modine quotes",
    )
    urgent_k: float = Field(
        default=5.0,
        ge=0.5,
        le=30.0,
        description="hottest this far above: the chiller, unless outside air is stronger; assumed",
    )
    spread_on_k: float = Field(
        default=6.0,
        ge=1.0,
        le=30.0,
        description="cell spread above: pump on; pack limits of 3 to 5 K (Guchen, TKT)",
    )
    spread_off_k: float = Field(
        default=4.0, ge=0.5, le=30.0, description="cell spread below: pump off; assumed"
    )
    modes: ModeSettings = Field(default=ModeSettings(), description="when the valve moves")
    actuation: ActuationSettings = Field(
        default=ActuationSettings(), description="how duties follow from heat"
    )

    @model_validator(mode="after")
    def _in_order(self) -> "ThermostatSettings":
        if not self.heat_on_degc < self.heat_off_degc < self.cool_off_degc < self.cool_on_degc:
            raise ValueError("must rise: heat_on_degc < heat_off_degc < cool_off_degc < cool_on_degc")
        if self.spread_off_k > self.spread_on_k:
            raise ValueError("spread_off_k must be <= spread_on_k")
        if self.park_heat_on_degc > self.heat_on_degc or self.park_cool_on_degc < self.cool_on_degc:
            raise ValueError("the parked band must contain the driving band")
        return self


@final
class Thermostat:
    """The on-off controller; holds what is on, the valve and the last valid temperature."""

    def __init__(self, settings: ThermostatSettings, truck: TruckDescription) -> None:
        self._settings = settings
        self._thermal = truck.thermal
        self._modes = ModeSelector(settings.modes, truck.thermal)
        self._actuation = Actuation(settings.actuation, truck.thermal)
        self.reset()

    def reset(self) -> None:
        """Return to everything off."""
        self._modes.reset()
        self._actuation.reset()
        self._uneven = Latch()
        self._need = Need.NONE
        self._last_cell_temp_degc = nan

    def step(
        self,
        measurement: Measurement,
        estimate: Estimate,
        limits: Limits,
        preview: Preview,
        applied: ThermalCommand,
        dt_s: float,
    ) -> ThermalCommand:
        """Return full cooling, full heating, circulation or rest."""
        around = surroundings(measurement, estimate, self._thermal, self._settings.modes)
        hot_degc, cold_degc = estimate.cell_temp_max_degc, estimate.cell_temp_min_degc
        if not (isfinite(hot_degc) and isfinite(cold_degc) and 0.0 < dt_s < float("inf")):
            command = safe_command(self._thermal, self._settings.modes, around, self._last_cell_temp_degc)
            self._modes.force(command.valve_mode)
            return command
        self._last_cell_temp_degc = hot_degc
        parked = measurement.vehicle_mode is VehicleMode.PARK and not measurement.plug_connected
        self._need = self._next_need(hot_degc, cold_degc, parked=parked)
        self._actuation.observe(around, dt_s=dt_s)
        if self._need is Need.COOL:
            load_w = self._load_w(hot_degc, estimate.heat_w, around)
            if self._thermal.cooling == "air":
                around = around._replace(source_temp_degc=self._settings.cool_on_degc)
            mode = self._modes.step(self._need, load_w, around, dt_s=dt_s)
            return self._actuation.cool_fully(mode)
        if self._need is Need.HEAT:
            return self._actuation.heat_fully(self._modes.step(Need.HEAT, 0.0, around, dt_s=dt_s), around)
        if self._is_uneven(hot_degc - cold_degc) and not parked:
            return self._actuation.circulate(self._modes.step(Need.CIRCULATE, 0.0, around, dt_s=dt_s))
        return self._actuation.rest(self._modes.step(Need.NONE, 0.0, around, dt_s=dt_s))

    def _is_uneven(self, spread_k: float) -> bool:
        s = self._settings
        return self._uneven.step(spread_k, on_above=s.spread_on_k, off_below=s.spread_off_k)

    def _load_w(self, hot_degc: float, heat_w: float, around: Surroundings) -> float:
        """Return the heat that outside air must be able to carry to be preferred to the chiller [W].

        The cells' heat, and more the further the hottest cell is above the switching temperature. Nothing
        when
        outside air is the stronger of the two.
        """
        capacity_w = self._thermal.chiller_capacity_w
        if outside_ability_w(outside_conductance_w_per_k(self._thermal), around) >= capacity_w:
            return 0.0
        urgency = min(max((hot_degc - self._settings.cool_on_degc) / self._settings.urgent_k, 0.0), 1.0)
        return urgency * capacity_w + (heat_w if heat_w > 0.0 else 0.0)

    def _next_need(self, hot_degc: float, cold_degc: float, *, parked: bool) -> Need:
        s = self._settings
        cool_on_degc = s.park_cool_on_degc if parked else s.cool_on_degc
        heat_on_degc = s.park_heat_on_degc if parked else s.heat_on_degc
        cool_off_degc = cool_on_degc - (s.cool_on_degc - s.cool_off_degc)
        heat_off_degc = heat_on_degc + (s.heat_off_degc - s.heat_on_degc)
        if hot_degc > (cool_off_degc if self._need is Need.COOL else cool_on_degc):
            return Need.COOL
        if cold_degc < (heat_off_degc if self._need is Need.HEAT else heat_on_degc):
            return Need.HEAT
        return Need.NONE


def build(
    settings: Mapping[str, Any], truck: TruckDescription
) -> Thermostat:  # Any: what a TOML file may hold
    """Return a thermostat for a truck."""
    return Thermostat(parse(ThermostatSettings, settings, "settings of controller thermostat"), truck)
