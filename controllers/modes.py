"""Where the coolant goes: the choice of the mode valve, with hysteresis and a minimum dwell.

Cooling takes the radiator when the outside air can carry the heat that is asked for, else the chiller.
Heating takes what is warm already (the e-axle's loop, the outside air) before the heater alone. Nothing
asked: bypass.

The heat that outside air can take is estimated as ``UA (T_source - T_ambient)`` with the conductance from the
truck's description. On an air truck the source is the mean cell temperature and ``UA`` the air's heat
capacity rate.
"""

from enum import IntEnum
from math import inf, isfinite, log, nan
from typing import NamedTuple, final

from pydantic import Field, model_validator

from thermal_bms.description import ThermalDescription
from thermal_bms.parameters import Parameters
from thermal_bms.signals import Estimate, Measurement, ValveMode

AIR_HEAT_CAPACITY_J_PER_KGK = 1006.0
"""Dry air at 20 degC and constant pressure (NIST REFPROP; Incropera, table A.4: 1007 at 300 K)."""

AIR_EFFECTIVENESS = 0.6
"""Share of the way from ambient to cell temperature that the air covers in the pack; assumed."""


class Need(IntEnum):
    """What the pack needs from the thermal system."""

    NONE = 0
    COOL = 1
    HEAT = 2
    CIRCULATE = 3


class Surroundings(NamedTuple):
    """The temperatures that decide where heat can go. NaN where nothing valid is known.

    Attributes
    ----------
    ambient_temp_degc : outside air [degC]
    source_temp_degc : of what gives its heat to the outside: coolant outlet, or the mean cell on an air truck
        [degC]
    inlet_temp_degc : medium at the pack's inlet [degC]
    drive_loop_temp_degc : coolant of the e-axle [degC]
    ram : share of the full fan's air flow that driving makes, 0..1
    humidity : relative humidity of the outside air, 0..1
    """

    ambient_temp_degc: float = nan
    source_temp_degc: float = nan
    inlet_temp_degc: float = nan
    drive_loop_temp_degc: float = nan
    ram: float = 0.0
    humidity: float = nan


class ModeSettings(Parameters):
    """When the valve moves."""

    radiator_margin_k: float = Field(
        default=5.0,
        ge=0.5,
        le=30.0,
        description="coolant at least this much above ambient before the radiator is taken; free cooling is"
        " quoted for ambient below about 15 degC by MAHLE (ATZ), that is 5 to 15 K below the coolant",
    )
    radiator_hysteresis_k: float = Field(
        default=2.0, ge=0.0, le=10.0, description="the radiator is left this much below the margin; assumed"
    )
    radiator_enter_share: float = Field(
        default=1.1,
        ge=0.1,
        le=10.0,
        description="of the demand that the radiator must be able to carry; assumed",
    )
    radiator_leave_share: float = Field(
        default=0.8, ge=0.0, le=10.0, description="of the demand, below which the radiator is left; assumed"
    )
    ram_speed_m_per_s: float = Field(
        default=25.0,
        ge=5.0,
        le=100.0,
        description="vehicle speed whose air flow equals that of the full fan; assumed",
    )
    chiller_ambient_min_degc: float = Field(
        default=5.0,
        ge=-30.0,
        le=30.0,
        description="no chiller below: condensing pressure too low for the compressor's pressure ratio;"
        " assumed",
    )
    waste_heat_margin_k: float = Field(
        default=5.0,
        ge=0.5,
        le=30.0,
        description="drive loop this much warmer than the pack's coolant; assumed",
    )
    waste_heat_hysteresis_k: float = Field(
        default=3.0, ge=0.0, le=20.0, description="waste heat is left this much below the margin; assumed"
    )
    dwell_s: float = Field(
        default=120.0,
        ge=0.0,
        le=1800.0,
        description="shortest stay between two positions for the same need; about two coolant rounds;"
        " assumed",
    )

    rest_s: float = Field(
        default=1800.0,
        ge=0.0,
        le=86400.0,
        description="with nothing to do and no flow, the valve goes back to bypass after so long; assumed",
    )

    @model_validator(mode="after")
    def _hysteresis_fits(self) -> "ModeSettings":
        if self.radiator_leave_share > self.radiator_enter_share:
            raise ValueError("radiator_leave_share must be <= radiator_enter_share")
        if self.radiator_hysteresis_k > self.radiator_margin_k:
            raise ValueError("radiator_hysteresis_k must be <= radiator_margin_k")
        if self.waste_heat_hysteresis_k > self.waste_heat_margin_k:
            raise ValueError("waste_heat_hysteresis_k must be <= waste_heat_margin_k")
        return self


@final
class Latch:
    """A switch with hysteresis: on above one value, off at or below another, unchanged between."""

    __slots__ = ("on",)

    def __init__(self) -> None:
        self.on = False

    def step(self, value: float, *, on_above: float, off_below: float) -> bool:
        """Return whether the switch is on after seeing ``value``."""
        if value > on_above:
            self.on = True
        elif value <= off_below:
            self.on = False
        return self.on


def surroundings(
    measurement: Measurement, estimate: Estimate, thermal: ThermalDescription, settings: ModeSettings
) -> Surroundings:
    """Return the temperatures that the choice of mode needs, from what is measured."""
    liquid = thermal.cooling == "liquid"
    ambient_degc, inlet_degc = measurement.ambient_temp_degc, measurement.coolant_inlet_temp_degc
    source_degc = measurement.coolant_outlet_temp_degc if liquid else estimate.cell_temp_mean_degc
    drive_loop_degc = measurement.drive_loop_temp_degc
    if not isfinite(ambient_degc + source_degc + inlet_degc + drive_loop_degc):
        ambient_degc, source_degc = _finite(ambient_degc), _finite(source_degc)
        inlet_degc, drive_loop_degc = _finite(inlet_degc), _finite(drive_loop_degc)
    ram = measurement.vehicle_speed_m_per_s / settings.ram_speed_m_per_s
    ram = min(ram, 1.0) if 0.0 < ram < inf else 0.0
    return Surroundings(
        ambient_degc, source_degc, inlet_degc, drive_loop_degc, ram, measurement.ambient_humidity
    )


def dew_point_degc(around: Surroundings) -> float:
    """Return the dew point of the outside air, after Magnus; minus infinity when it is not known [degC].

    ``T_d = 243.04 g / (17.625 - g)`` with ``g = ln(humidity) + 17.625 t / (243.04 + t)``; -40..50 degC
    (Alduchov and Eskridge 1996, doi 10.1175/1520-0450(1996)035<0601:IMFAOS>2.0.CO;2).

    >>> dew_point_degc(Surroundings(ambient_temp_degc=20.0, humidity=0.5))
    9.26
    """
    ambient_degc, humidity = around.ambient_temp_degc, around.humidity
    if not (humidity > 0.0 and -60.0 < ambient_degc < 80.0):
        return -inf
    g = log(min(humidity, 1.0)) + 17.625 * ambient_degc / (243.04 + ambient_degc)
    return 243.04 * g / (17.625 - g)


def _finite(temp_degc: float) -> float:
    """Return a temperature, or NaN for an infinite one: one kind of unknown is enough."""
    return temp_degc if isfinite(temp_degc) else nan


def outside_conductance_w_per_k(thermal: ThermalDescription) -> float:
    """Return the heat that outside air takes per kelvin with everything at full power [W/K].

    >>> air = ThermalDescription(cooling="air", coolant_flow_max_kg_per_s=0.2, heater_power_max_w=2e3,
    ...     chiller_capacity_w=3e3, radiator_conductance_w_per_k=0.0)
    >>> outside_conductance_w_per_k(air)
    120.72
    """
    if thermal.cooling == "air" and thermal.radiator_conductance_w_per_k == 0.0:
        return thermal.coolant_flow_max_kg_per_s * AIR_HEAT_CAPACITY_J_PER_KGK * AIR_EFFECTIVENESS
    return thermal.radiator_conductance_w_per_k


def outside_ability_w(conductance_w_per_k: float, around: Surroundings) -> float:
    """Return the heat that outside air can take now; 0 when it is too warm or a temperature is unknown [W].

    >>> outside_ability_w(1000.0, Surroundings(20.0, 32.0))
    12000.0
    """
    ability_w = conductance_w_per_k * (around.source_temp_degc - around.ambient_temp_degc)
    return ability_w if ability_w > 0.0 else 0.0


@final
class ModeSelector:
    """Chooses the position of the mode valve.

    Cooling after heating, heating after cooling and circulation move the valve at once, since the old
    position may now do harm (the radiator while heating on a cold day). Among the positions for one need the
    valve stays at least ``dwell_s``. At rest nothing flows: the valve stays where it is, ready for the next
    start, and goes back to bypass after ``rest_s``.
    """

    __slots__ = ("_conductance_w_per_k", "_in_mode_s", "_last_need", "_settings", "_thermal", "mode")

    def __init__(self, settings: ModeSettings, thermal: ThermalDescription) -> None:
        self._settings = settings
        self._thermal = thermal
        self._conductance_w_per_k = outside_conductance_w_per_k(thermal)
        self.reset()

    def reset(self) -> None:
        """Return to bypass, free to move."""
        self.mode = ValveMode.BYPASS
        self._last_need = Need.NONE
        self._in_mode_s = float("inf")

    def step(self, need: Need, demand_w: float, around: Surroundings, *, dt_s: float) -> ValveMode:
        """Return the valve position for a need and the heat [W] to be moved, >= 0."""
        stay_s = self._settings.dwell_s
        if need is Need.COOL:
            wanted = self._for_cooling(demand_w, around)
        elif need is Need.HEAT:
            wanted = self._for_heating(around)
        else:
            wanted = ValveMode.BYPASS
            if need is Need.NONE:
                stay_s = self._settings.rest_s
        if need is not Need.NONE and need is not self._last_need:
            self._last_need = need
            stay_s = 0.0
        self._in_mode_s += dt_s
        if wanted is not self.mode and self._in_mode_s >= stay_s:
            self.mode = wanted
            self._in_mode_s = 0.0
        return self.mode

    def force(self, mode: ValveMode) -> ValveMode:
        """Move the valve now, for a safe command."""
        if mode is not self.mode:
            self.mode, self._in_mode_s = mode, 0.0
        return mode

    def _for_cooling(self, demand_w: float, around: Surroundings) -> ValveMode:
        settings = self._settings
        outside = self._outside_serves(demand_w, around)
        if outside or (
            self._conductance_w_per_k > 0.0 and around.ambient_temp_degc < settings.chiller_ambient_min_degc
        ):
            return ValveMode.RADIATOR
        if self._thermal.chiller_capacity_w > 0.0:
            return ValveMode.CHILLER
        above_k = around.source_temp_degc - around.ambient_temp_degc
        harmful = self._conductance_w_per_k == 0.0 or above_k <= 0.0
        return ValveMode.BYPASS if harmful else ValveMode.RADIATOR

    def _outside_serves(self, demand_w: float, around: Surroundings) -> bool:
        settings = self._settings
        margin_k, share = settings.radiator_margin_k, settings.radiator_enter_share
        if self.mode is ValveMode.RADIATOR:
            margin_k -= settings.radiator_hysteresis_k
            share = settings.radiator_leave_share
        if not around.source_temp_degc - around.ambient_temp_degc >= margin_k:
            return False
        most_w = self._thermal.chiller_capacity_w or 0.0
        return outside_ability_w(self._conductance_w_per_k, around) >= max(
            share * min(demand_w, most_w), 1e-9
        )

    def _for_heating(self, around: Surroundings) -> ValveMode:
        settings, mode = self._settings, self.mode
        margin_k = settings.waste_heat_margin_k
        if mode is ValveMode.WASTE_HEAT:
            margin_k -= settings.waste_heat_hysteresis_k
        if self._thermal.has_waste_heat and around.drive_loop_temp_degc - around.source_temp_degc >= margin_k:
            return ValveMode.WASTE_HEAT
        margin_k = settings.radiator_margin_k
        if mode is ValveMode.RADIATOR:
            margin_k -= settings.radiator_hysteresis_k
        warmer_k = around.ambient_temp_degc - around.source_temp_degc
        if self._conductance_w_per_k > 0.0 and isfinite(warmer_k) and warmer_k >= margin_k:
            return ValveMode.RADIATOR
        return ValveMode.BYPASS
