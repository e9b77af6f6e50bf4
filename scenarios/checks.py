"""What the figures of a run are called, and the checks a scenario puts on them."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from thermal_bms.errors import ScenarioError
from thermal_bms.parameters import did_you_mean
from thermal_bms.signals import LimitCause

CHARGING_CAUSES = tuple(cause for cause in LimitCause if cause is not LimitCause.NONE)


@dataclass(frozen=True, slots=True)
class Kpi:
    """What a figure is called in tables, and its unit ("" for a fraction or a count)."""

    label: str
    unit: str


KPIS: Mapping[str, Kpi] = {
    "distance_km": Kpi("Distance", "km"),
    "duration_h": Kpi("Duration", "h"),
    "drive_h": Kpi("Driving time", "h"),
    "missed_distance_km": Kpi("Distance missed against the target speed", "km"),
    "power_limited_minutes": Kpi("Driving at the power limit of the battery", "min"),
    "soc_start": Kpi("State of charge at start", ""),
    "soc_end": Kpi("State of charge at end", ""),
    "soc_min": Kpi("State of charge, lowest", ""),
    "soc_estimate_error_max": Kpi("State of charge, largest error of the estimate", ""),
    "energy_kwh_per_km": Kpi("Driving energy at the battery per distance", "kWh/km"),
    "energy_net_kwh": Kpi("Energy out of the battery, net", "kWh"),
    "regenerated_kwh": Kpi("Energy recovered by braking", "kWh"),
    "friction_brake_kwh": Kpi("Energy lost in friction brakes", "kWh"),
    "range_km": Kpi("Range", "km"),
    "thermal_energy_kwh": Kpi("Thermal system: pump, fan, compressor, heater", "kWh"),
    "thermal_kwh_per_100_km": Kpi("Thermal system per distance", "kWh/100 km"),
    "pump_energy_kwh": Kpi("Pump", "kWh"),
    "fan_energy_kwh": Kpi("Fan", "kWh"),
    "compressor_energy_kwh": Kpi("Compressor", "kWh"),
    "heater_energy_kwh": Kpi("Heater", "kWh"),
    "cabin_energy_kwh": Kpi("Cabin", "kWh"),
    "cell_heat_kwh": Kpi("Heat of the cells", "kWh"),
    "cell_heat_max_w": Kpi("Heat of the cells, highest", "W"),
    "cell_temp_max_degc": Kpi("Cell temperature, highest", "degC"),
    "cell_temp_min_degc": Kpi("Cell temperature, lowest", "degC"),
    "cell_temp_mean_degc": Kpi("Cell temperature, mean", "degC"),
    "cell_temp_spread_max_k": Kpi("Spread between cells, largest", "K"),
    "cell_temp_spread_mean_k": Kpi("Spread between cells, mean", "K"),
    "departure_temp_min_degc": Kpi("Coldest cell at the last departure from a plug", "degC"),
    "comfort_violation_k_s": Kpi("Outside the comfort band while awake", "K s"),
    "in_use_violation_k_s": Kpi("Outside the comfort band while driving or charging", "K s"),
    "outside_comfort_minutes": Kpi("Time outside the comfort band while awake", "min"),
    "compressor_starts": Kpi("Compressor starts, those for the cabin included", ""),
    "battery_cooling_starts": Kpi("Compressor starts asked for by the battery", ""),
    "valve_changes": Kpi("Changes of the mode valve", ""),
    "pump_travel": Kpi("Pump, sum of duty changes", ""),
    "fan_travel": Kpi("Fan, sum of duty changes", ""),
    "compressor_travel": Kpi("Compressor, sum of duty changes", ""),
    "heater_travel": Kpi("Heater, sum of duty changes", ""),
    "actuator_travel": Kpi("All actuators, sum of duty changes", ""),
    "charged_kwh": Kpi("Energy charged into the battery", "kWh"),
    "grid_kwh": Kpi("Energy from the charger", "kWh"),
    "grid_depot_kwh": Kpi("Energy from chargers at the depot", "kWh"),
    "grid_public_kwh": Kpi("Energy from chargers in public", "kWh"),
    "driver_h": Kpi("Hours of the driver: driving, and charging in public without a timetable", "h"),
    "truck_h": Kpi("Hours of the truck: driving, and charging without a timetable", "h"),
    "charge_minutes": Kpi("Charging time", "min"),
    "charge_minutes_10_to_80_percent": Kpi("Charging time from 10 to 80 %", "min"),
    "charging_power_max_w": Kpi("Charger power, highest", "W"),
    "charging_power_mean_w": Kpi("Charger power, mean while charging", "W"),
    **{
        f"charge_minutes_limited_by_{cause.name.lower()}": Kpi(
            f"Charging time lost to {cause.name.lower().replace('_', ' ')}", "min"
        )
        for cause in CHARGING_CAUSES
    },
    "anode_potential_min_v": Kpi("Anode potential over lithium, lowest (electrochemical cells)", "V"),
    "plating_minutes": Kpi("Time with an anode below lithium (electrochemical cells)", "min"),
    "ageing_percent_per_day": Kpi("Capacity lost per day, mean of ten years of such days", "%"),
    "ageing_percent_per_day_low": Kpi("Capacity lost per day, low end of the band", "%"),
    "ageing_percent_per_day_high": Kpi("Capacity lost per day, high end of the band", "%"),
    "ageing_calendar_percent_per_day": Kpi("Capacity lost per day to time", "%"),
    "ageing_cycle_percent_per_day": Kpi("Capacity lost per day to cycles", "%"),
    "ageing_plating_percent_per_day": Kpi("Capacity lost per day to lithium plating", "%"),
    "ageing_worst_percent_per_day": Kpi("Capacity lost per day, group that ages fastest", "%"),
    "ageing_resistance_percent_per_day": Kpi("Resistance gained per day", "%"),
    "ageing_eur_per_day": Kpi("Ageing per day", "EUR"),
    "ageing_eur_per_day_low": Kpi("Ageing per day, low end of the band", "EUR"),
    "ageing_eur_per_day_high": Kpi("Ageing per day, high end of the band", "EUR"),
    "pack_energy_kwh": Kpi("Energy of the pack when new", "kWh"),
    "charge_left_kwh": Kpi("Energy in the cells at the end, against the start", "kWh"),
    "heat_left_kwh": Kpi("Heat in the cells at the end, against 25 degC", "kWh"),
    "ambient_temp_mean_degc": Kpi("Ambient temperature, mean", "degC"),
    "fault_count_max": Kpi("Faults at one time, most", ""),
    "runaway_cells": Kpi("Cells in thermal runaway", ""),
    "runaway_to_second_minutes": Kpi("From the first cell in thermal runaway to the second", "min"),
    "electrical_closure": Kpi("Electrical balance, left over per flow", ""),
    "thermal_closure": Kpi("Thermal balance, left over per flow", ""),
}


@dataclass(frozen=True, slots=True)
class CheckLimit:
    """A limit on a figure: ``lower <= value <= upper``, or without the equal signs when ``strict``."""

    lower: float
    upper: float
    strict: bool
    text: str

    def margin(self, value: float) -> float:
        """Return how far ``value`` lies inside the limit; negative when outside, NaN for NaN.

        >>> parse_limit("15 .. 45").margin(40.0)
        5.0
        """
        return math.nan if math.isnan(value) else min(value - self.lower, self.upper - value)

    def holds(self, value: float) -> bool:
        """Say whether ``value`` meets the limit. NaN never does."""
        if self.strict:
            return self.lower < value < self.upper
        return self.lower <= value <= self.upper


@dataclass(frozen=True, slots=True)
class CheckResult:
    """A scenario's check after the run. ``margin`` has the unit of the value; it is negative outside."""

    name: str
    value: float
    limit_text: str
    margin: float
    passed: bool


_NUMBER = r"([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)"
_ONE_SIDED = re.compile(rf"\s*(<=|>=|<|>)\s*{_NUMBER}\s*")
_RANGE = re.compile(rf"\s*{_NUMBER}\s*\.\.\s*{_NUMBER}\s*")


def parse_limit(text: str, where: str = "check") -> CheckLimit:
    """Return the limit that a check's text states: ``< 45``, ``<= 45``, ``> 0``, ``>= 0`` or ``15 .. 45``.

    Raises
    ------
    ScenarioError
        when the text has another form or the range is empty.

    >>> parse_limit(">= 15").lower
    15.0
    """
    if match := _ONE_SIDED.fullmatch(text):
        operator, bound = match[1], float(match[2])
        lower, upper = (-math.inf, bound) if operator[0] == "<" else (bound, math.inf)
        return CheckLimit(lower, upper, strict=len(operator) == 1, text=text.strip())
    if match := _RANGE.fullmatch(text):
        lower, upper = float(match[1]), float(match[2])
        if lower <= upper:
            return CheckLimit(lower, upper, strict=False, text=text.strip())
        raise ScenarioError(f"{where} = {text!r}: the range is empty; write the smaller number first")
    raise ScenarioError(f"{where} = {text!r}: must be like '< 45', '>= 0' or '15 .. 45'")


def validate_checks(checks: Mapping[str, str]) -> dict[str, CheckLimit]:
    """Return the limits of a scenario's checks; a wrong name or text raises before anything runs.

    Raises
    ------
    ScenarioError
        with the nearest known name, or the allowed forms.
    """
    for name in checks:
        if name not in KPIS:
            near = did_you_mean(name, list(KPIS)) or "; the report lists all figures"
            raise ScenarioError(f"checks.{name}: no such figure{near}")
    return {name: parse_limit(text, f"checks.{name}") for name, text in checks.items()}


def evaluate_checks(kpis: Mapping[str, float], checks: Mapping[str, str]) -> list[CheckResult]:
    """Return the outcome of every check. A figure that is NaN or was not computed fails its check.

    >>> evaluate_checks({"cell_temp_max_degc": 41.5}, {"cell_temp_max_degc": "< 45"})[0].margin
    3.5
    """
    results = []
    for name, limit in validate_checks(checks).items():
        value = float(kpis.get(name, math.nan))
        results.append(CheckResult(name, value, limit.text, limit.margin(value), limit.holds(value)))
    return results
