"""From a heat flow that is wanted to duties of pump, fan, compressor and heater, and back.

The figures come from the truck's description. They need not be exact: the loop around them corrects. What
matters is that duties rise with the demand, that heater and compressor never run together, and that the pump
runs whenever one of them does.
"""

from math import isfinite, nan
from typing import final

from pydantic import Field

from controllers.modes import (
    AIR_HEAT_CAPACITY_J_PER_KGK,
    ModeSettings,
    Surroundings,
    dew_point_degc,
    outside_ability_w,
    outside_conductance_w_per_k,
)
from thermal_bms.description import ThermalDescription
from thermal_bms.parameters import Parameters
from thermal_bms.signals import ThermalCommand, ValveMode

GLYCOL_HEAT_CAPACITY_J_PER_KGK = 3300.0
"""50 % ethylene glycol in water at 25 degC, rounded (CoolProp 8.0.0, INCOMP::MEG-50%)."""

LEAST_SHARE = 0.15
"""Of the rated heat flow, that a controller may always ask for."""

COLD_DEGC = 10.0
"""Below this last valid temperature, lost sensors call for circulation only, not for cooling."""


class ActuationSettings(Parameters):
    """How duties follow from heat."""

    pump_duty_min: float = Field(
        default=0.3,
        ge=0.05,
        le=1.0,
        description="while heater or compressor work; keeps the heater's outlet below boiling and"
        " the evaporator above freezing; assumed",
    )
    chiller_pump_duty_min: float = Field(
        default=0.6,
        ge=0.05,
        le=1.0,
        description="while the compressor runs; a warm inlet gives even cells and a better compressor cycle, and"
        " costs little pump power; assumed",
    )
    radiator_pump_duty_min: float = Field(
        default=0.1,
        ge=0.05,
        le=1.0,
        description="while only outside air cools; so low that ram air need not cool in bursts; assumed",
    )
    compressor_duty_min: float = Field(
        default=0.2,
        ge=0.0,
        le=0.9,
        description="lowest running duty; electric scroll compressors run from about 1500 to 8500 rev/min;"
        " assumed",
    )
    compressor_off_share: float = Field(
        default=0.3,
        ge=0.0,
        le=1.0,
        description="of the lowest duty, below which a running compressor stops; assumed",
    )
    condenser_fan_duty_min: float = Field(
        default=0.3, ge=0.0, le=1.0, description="standing, while the compressor runs; assumed"
    )
    inlet_temp_min_degc: float = Field(
        default=5.0,
        ge=-10.0,
        le=25.0,
        description="no chilling with the pack's inlet at or below; a step above freezing; assumed",
    )
    inlet_fold_back_k: float = Field(
        default=5.0, ge=1.0, le=30.0, description="full chilling from so far above that limit; assumed"
    )
    dew_margin_k: float = Field(
        default=0.5,
        ge=-20.0,
        le=20.0,
        description="liquid: no chilling with the inlet this little above the dew point, as plates get wet; assumed",
    )
    dew_fold_back_k: float = Field(
        default=4.0, ge=0.5, le=20.0, description="full chilling from so far above that limit; assumed"
    )
    inlet_temp_max_degc: float = Field(
        default=50.0,
        ge=25.0,
        le=70.0,
        description="no heating with the pack's inlet at or above; below the 55 to 60 degC at which cells must be"
        " protected; assumed",
    )
    heating_fold_back_k: float = Field(
        default=10.0, ge=2.0, le=30.0, description="full heating from so far below that limit; assumed"
    )
    fold_back_filter_s: float = Field(
        default=20.0, ge=0.0, le=300.0, description="filter of these limits against sensor noise; assumed"
    )
    waste_heat_effectiveness: float = Field(
        default=0.1,
        ge=0.01,
        le=1.0,
        description="of the exchanger between drive loop and pack loop, at full pump; low on purpose, since the"
        " heater gives what is not reckoned as free; assumed",
    )


@final
class Actuation:
    """Turns heat flows into commands for one truck.

    It remembers whether the compressor runs, and how far the inlet temperature lets the chiller and the heater
    work: shares in 0..1, filtered against sensor noise, 1 until ``observe`` has been called.
    """

    __slots__ = (
        "_chiller_w",
        "_chilling",
        "_compressor_on",
        "_conductance_w_per_k",
        "_has_waste_heat",
        "_heater_w",
        "_heating",
        "_liquid",
        "_settings",
        "_waste_heat_w_per_k",
        "cooling_rated_w",
        "heating_rated_w",
    )

    def __init__(self, settings: ActuationSettings, thermal: ThermalDescription) -> None:
        self._settings = settings
        self._chiller_w, self._heater_w = thermal.chiller_capacity_w, thermal.heater_power_max_w
        self._has_waste_heat = thermal.has_waste_heat
        self._conductance_w_per_k = outside_conductance_w_per_k(thermal)
        self._liquid = thermal.cooling == "liquid"
        heat_capacity = GLYCOL_HEAT_CAPACITY_J_PER_KGK if self._liquid else AIR_HEAT_CAPACITY_J_PER_KGK
        capacity_rate_w_per_k = heat_capacity * thermal.coolant_flow_max_kg_per_s
        self._waste_heat_w_per_k = settings.waste_heat_effectiveness * capacity_rate_w_per_k
        self.cooling_rated_w = max(self._chiller_w, 10.0 * self._conductance_w_per_k)
        """Rated cooling: of the chiller, or of outside air 10 K colder than the source [W]."""
        free_w = 10.0 * capacity_rate_w_per_k * settings.waste_heat_effectiveness
        self.heating_rated_w = max(self._heater_w, free_w if self._has_waste_heat else 0.0)
        """Rated heating: of the heater, or of a drive loop 10 K warmer than the coolant [W]."""
        self.reset()

    def reset(self) -> None:
        """Take the compressor as off, and forget the inlet temperature."""
        self._compressor_on = False
        self._chilling: float | None = None
        self._heating: float | None = None

    def observe(self, around: Surroundings, *, dt_s: float) -> None:
        """Take in what is measured now; to be called once per tick, before anything is asked."""
        chilling, heating = self._chilling_allowed(around), self._heating_allowed(around)
        if self._chilling is None or self._heating is None:
            self._chilling, self._heating = chilling, heating
            return
        share = dt_s / (self._settings.fold_back_filter_s + dt_s)
        self._chilling += share * (chilling - self._chilling)
        self._heating += share * (heating - self._heating)

    def cooling_max_w(self, around: Surroundings) -> float:
        """Return the most heat that could be taken from the pack by any path now [W].

        Never quite zero on a truck that can cool: with the pump off the coolant's temperatures say nothing,
        and only a running pump shows what is possible.
        """
        chiller_w = self._chiller_w * self._allowed(self._chilling)
        outside_w = outside_ability_w(self._conductance_w_per_k, around)
        return max(chiller_w, outside_w, LEAST_SHARE * self.cooling_rated_w)

    def heating_max_w(self, around: Surroundings) -> float:
        """Return the most heat that could be brought to the pack now, never quite zero either [W]."""
        free_w = self._outside_heat_w(around)
        if self._has_waste_heat:
            free_w = max(free_w, self._waste_heat_w(around))
        heater_w = self._heater_w * self._allowed(self._heating)
        return max(heater_w + free_w, LEAST_SHARE * self.heating_rated_w)

    def cool(self, mode: ValveMode, demand_w: float, around: Surroundings) -> ThermalCommand:
        """Return the command that takes about ``demand_w`` [W] from the pack."""
        settings = self._settings
        if mode is ValveMode.CHILLER and self._chiller_w > 0.0:
            return self._chill(demand_w / self._chiller_w, around)
        self._compressor_on = False
        if mode is ValveMode.RADIATOR:
            ability_w = outside_ability_w(self._conductance_w_per_k, around)
            share = min(demand_w / ability_w, 1.0) if ability_w > 0.0 else 1.0
            lowest = settings.radiator_pump_duty_min
            fan = max(share - around.ram, 0.0) if self._liquid else 0.0
            return ThermalCommand(lowest + (1.0 - lowest) * share, fan, 0.0, 0.0, mode)
        return ThermalCommand(settings.pump_duty_min, 0.0, 0.0, 0.0, mode)

    def _chill(self, share: float, around: Surroundings) -> ThermalCommand:
        """Return the command for a share of the chiller's rated capacity."""
        settings = self._settings
        allowed = self._allowed(self._chilling)
        compressor = self._compressor_duty(min(share, allowed))
        if compressor == 0.0:
            return ThermalCommand(settings.pump_duty_min, 0.0, 0.0, 0.0, ValveMode.CHILLER)
        # a chiller held back by a cold inlet calls for more flow, not for less
        lowest = settings.chiller_pump_duty_min
        pump = lowest + (1.0 - lowest) * min(max(share, 1.0 - allowed), 1.0)
        fan = max(max(settings.condenser_fan_duty_min, compressor) - around.ram, 0.0)
        return ThermalCommand(pump, fan, compressor, 0.0, ValveMode.CHILLER)

    def cool_fully(self, mode: ValveMode) -> ThermalCommand:
        """Return the command for all the cooling that ``mode`` can give."""
        chilling = mode is ValveMode.CHILLER and self._chiller_w > 0.0
        compressor = self._compressor_duty(self._allowed(self._chilling) if chilling else 0.0)
        fan = 1.0 if mode in {ValveMode.RADIATOR, ValveMode.CHILLER} else 0.0
        return ThermalCommand(1.0, fan, compressor, 0.0, mode)

    def heat(self, mode: ValveMode, demand_w: float, around: Surroundings) -> ThermalCommand:
        """Return the command that brings about ``demand_w`` [W]; the heater gives what is not free."""
        heater_max_w = self._heater_w
        free_w = self._free_heat_w(mode, around)
        needed_w = max(demand_w - free_w, 0.0)
        most_w = heater_max_w + free_w
        share = min(demand_w / most_w, 1.0) if most_w > 0.0 else 1.0
        return self.warm(mode, needed_w / heater_max_w if heater_max_w > 0.0 else 0.0, share, around)

    def warm(self, mode: ValveMode, heater: float, share: float, around: Surroundings) -> ThermalCommand:
        """Return the command for a heater duty and a share of the flow that heating may take, both in 0..1."""
        self._compressor_on = False
        fan = max(share - around.ram, 0.0) if mode is ValveMode.RADIATOR and self._liquid else 0.0
        return ThermalCommand(self._pump(share), fan, 0.0, min(heater, self._allowed(self._heating)), mode)

    def heat_fully(self, mode: ValveMode, around: Surroundings) -> ThermalCommand:
        """Return the command for all the heat that ``mode`` and the heater can give."""
        return self.heat(mode, self._heater_w + self._free_heat_w(mode, around), around)

    def circulate(self, mode: ValveMode) -> ThermalCommand:
        """Return the command that only evens out the pack."""
        self._compressor_on = False
        return ThermalCommand(self._settings.pump_duty_min, 0.0, 0.0, 0.0, mode)

    def rest(self, mode: ValveMode) -> ThermalCommand:
        """Return the command with everything off."""
        self._compressor_on = False
        return ThermalCommand(valve_mode=mode)

    def heat_taken_w(self, command: ThermalCommand, around: Surroundings) -> float:
        """Return the heat that a command takes from the pack by the same figures; < 0: it heats [W]."""
        flowing = min(command.pump_duty / self._settings.pump_duty_min, 1.0)
        taken_w = -self._heater_w * command.heater_duty
        if command.valve_mode is ValveMode.CHILLER:
            taken_w += self._chiller_w * command.compressor_duty
        elif command.valve_mode is ValveMode.RADIATOR:
            strength = min(command.fan_duty + around.ram, 1.0) if self._liquid else command.pump_duty
            ability_w = self._conductance_w_per_k * (around.source_temp_degc - around.ambient_temp_degc)
            taken_w += ability_w * strength if isfinite(ability_w) else 0.0
        elif command.valve_mode is ValveMode.WASTE_HEAT:
            taken_w -= self._free_heat_w(command.valve_mode, around)
        return taken_w * flowing

    @staticmethod
    def _allowed(share: float | None) -> float:
        return 1.0 if share is None else share

    def _pump(self, share: float) -> float:
        lowest = self._settings.pump_duty_min
        return lowest + (1.0 - lowest) * share

    def _compressor_duty(self, share: float) -> float:
        lowest = self._settings.compressor_duty_min
        limit = lowest * self._settings.compressor_off_share if self._compressor_on else lowest
        self._compressor_on = share > 0.0 and share >= limit
        return max(share, lowest) if self._compressor_on else 0.0

    def _chilling_allowed(self, around: Surroundings) -> float:
        """Return the share of the chiller that inlet temperature and, for a liquid, dew point allow."""
        s, inlet_degc = self._settings, around.inlet_temp_degc
        above_k = inlet_degc - s.inlet_temp_min_degc
        if not isfinite(above_k):
            return 1.0
        share = above_k / s.inlet_fold_back_k
        if self._liquid:
            dry_k = inlet_degc - dew_point_degc(around) - s.dew_margin_k
            share = min(share, dry_k / s.dew_fold_back_k)
        return min(max(share, 0.0), 1.0)

    def _heating_allowed(self, around: Surroundings) -> float:
        below_k = self._settings.inlet_temp_max_degc - around.inlet_temp_degc
        return min(max(below_k / self._settings.heating_fold_back_k, 0.0), 1.0) if isfinite(below_k) else 0.0

    def _free_heat_w(self, mode: ValveMode, around: Surroundings) -> float:
        if mode is ValveMode.WASTE_HEAT:
            return self._waste_heat_w(around)
        return self._outside_heat_w(around) if mode is ValveMode.RADIATOR else 0.0

    def _waste_heat_w(self, around: Surroundings) -> float:
        free_w = self._waste_heat_w_per_k * (around.drive_loop_temp_degc - around.source_temp_degc)
        return free_w if free_w > 0.0 else 0.0

    def _outside_heat_w(self, around: Surroundings) -> float:
        free_w = self._conductance_w_per_k * (around.ambient_temp_degc - around.source_temp_degc)
        return free_w if free_w > 0.0 else 0.0


def safe_command(
    thermal: ThermalDescription, modes: ModeSettings, around: Surroundings, last_cell_temp_degc: float = nan
) -> ThermalCommand:
    """Return what to do when the cell temperatures are unknown, given the last valid one.

    Hot or unknown: pump and fan at full power, with the chiller where there is one and neither ambient nor
    coolant is too cold for it. Last valid value below 10 degC: the pump only.

    >>> truck = ThermalDescription(cooling="liquid", coolant_flow_max_kg_per_s=1.0, heater_power_max_w=1e4,
    ...     chiller_capacity_w=1e4, radiator_conductance_w_per_k=1e3)
    >>> safe_command(truck, ModeSettings(), Surroundings()).compressor_duty
    1.0
    >>> safe_command(truck, ModeSettings(), Surroundings(), 5.0).fan_duty
    0.0
    """
    if last_cell_temp_degc < COLD_DEGC:
        return ThermalCommand(pump_duty=1.0)
    cold = around.ambient_temp_degc < modes.chiller_ambient_min_degc or around.inlet_temp_degc < COLD_DEGC
    if thermal.chiller_capacity_w > 0.0 and not cold:
        return ThermalCommand(1.0, 1.0, 1.0, 0.0, ValveMode.CHILLER)
    warmer_outside = around.ambient_temp_degc > around.source_temp_degc
    if outside_conductance_w_per_k(thermal) > 0.0 and not warmer_outside:
        return ThermalCommand(1.0, 1.0, 0.0, 0.0, ValveMode.RADIATOR)
    return ThermalCommand(pump_duty=1.0)
