"""Figures of merit of a run, from its recording alone, and the checks a scenario puts on them.

Powers in a recording are means over the interval that ends at the row's time, so an energy is the sum of power
times interval. Intervals may differ: a sleeping truck is recorded less often.
"""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from scenarios.energy_balance import SignalSource, energy_balances, record_intervals_s
from thermal_bms.errors import ScenarioError
from thermal_bms.parameters import did_you_mean
from thermal_bms.signals import LimitCause, VehicleMode
from thermal_bms.units import JOULES_PER_KWH, SECONDS_PER_HOUR, BoolArray, FloatArray

__all__ = [
    "KPIS",
    "CheckLimit",
    "CheckResult",
    "Kpi",
    "SignalSource",
    "compute_kpis",
    "evaluate_checks",
    "parse_limit",
    "record_intervals_s",
    "validate_checks",
]

NAN = float("nan")
SECONDS_PER_MINUTE = 60.0
MINIMUM_DISTANCE_KM = 0.1  # below this an energy per distance says nothing
RUNNING_SPEED_RPM = 1.0  # a compressor above this speed runs
LIMITED_SHARE = 0.98  # pack power above this share of what is allowed counts as limited
CHARGING_CAUSES = tuple(cause for cause in LimitCause if cause is not LimitCause.NONE)
BLOCKING_CAUSES = (LimitCause.CELL_TEMP_HIGH, LimitCause.CELL_TEMP_LOW, LimitCause.FAULT)
THERMAL_ACTUATORS = ("pump", "fan", "compressor", "heater")


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
    "comfort_violation_k_s": Kpi("Outside the comfort band while awake", "K s"),
    "outside_comfort_minutes": Kpi("Time outside the comfort band while awake", "min"),
    "compressor_starts": Kpi("Compressor starts", ""),
    "valve_changes": Kpi("Changes of the mode valve", ""),
    "pump_travel": Kpi("Pump, sum of duty changes", ""),
    "fan_travel": Kpi("Fan, sum of duty changes", ""),
    "compressor_travel": Kpi("Compressor, sum of duty changes", ""),
    "heater_travel": Kpi("Heater, sum of duty changes", ""),
    "actuator_travel": Kpi("All actuators, sum of duty changes", ""),
    "charged_kwh": Kpi("Energy charged into the battery", "kWh"),
    "grid_kwh": Kpi("Energy from the charger", "kWh"),
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
    "fault_count_max": Kpi("Faults at one time, most", ""),
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
        return NAN if math.isnan(value) else min(value - self.lower, self.upper - value)

    def holds(self, value: float) -> bool:
        """Say whether ``value`` meets the limit. NaN never does."""
        if self.strict:
            return self.lower < value < self.upper
        return self.lower <= value <= self.upper


@dataclass(frozen=True, slots=True)
class CheckResult:
    """A scenario's check after the run. ``margin`` has the unit of the value and is negative when it failed."""

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
        value = float(kpis.get(name, NAN))
        results.append(CheckResult(name, value, limit.text, limit.margin(value), limit.holds(value)))
    return results


def compute_kpis(recording: SignalSource) -> dict[str, float]:
    """Return every figure of :data:`KPIS`; NaN where the run has nothing to say on it.

    Driving figures count the rows whose vehicle mode is "drive", charging figures those with "charge". Energies
    are at the battery's terminals unless the label says otherwise.
    """
    rows = _Rows(recording)
    if rows.time_s.size == 0:
        return dict.fromkeys(KPIS, NAN)
    found = {
        **_travel(rows),
        **_energy(rows),
        **_temperature(rows),
        **_actuators(rows),
        **_charging(rows),
        **_closures(recording),
    }
    return {name: float(found.get(name, NAN)) for name in KPIS}


class _Rows:
    """Columns of a recording with what every figure needs: intervals and masks."""

    def __init__(self, recording: SignalSource) -> None:
        self._recording = recording
        self.meta = recording.meta
        self.time_s = recording["time_s"]
        self.dt_s = record_intervals_s(self.time_s)
        mode = self["vehicle_mode"]
        self.driving: BoolArray = mode == VehicleMode.DRIVE
        self.plugged: BoolArray = mode == VehicleMode.CHARGE
        self.awake: BoolArray = ~(self["asleep"] > 0.5)

    def __getitem__(self, name: str) -> FloatArray:
        if name in self._recording:
            return self._recording[name]
        return np.full(self.time_s.size, NAN)

    def __contains__(self, name: str) -> bool:
        return name in self._recording

    def total_s(self, mask: BoolArray) -> float:
        return float(self.dt_s[mask].sum())

    def kwh(self, power_w: FloatArray) -> float:
        return float(np.dot(power_w, self.dt_s)) / JOULES_PER_KWH


def _travel(rows: _Rows) -> dict[str, float]:
    behind_m_per_s = np.maximum(rows["target_speed_m_per_s"] - rows["vehicle_speed_m_per_s"], 0.0)
    allowed_w = LIMITED_SHARE * rows["discharge_power_max_w"]
    soc = rows["soc"]
    error = np.abs(rows["soc_estimate"] - soc)
    if "missed_distance_m" in rows:
        missed_m = _risen(rows["missed_distance_m"])
    else:
        missed_m = float(np.dot(np.where(rows.driving, behind_m_per_s, 0.0), rows.dt_s))
    return {
        "distance_km": _risen(rows["distance_m"]) / 1000.0,
        "duration_h": rows.total_s(np.ones_like(rows.awake)) / SECONDS_PER_HOUR,
        "drive_h": rows.total_s(rows.driving) / SECONDS_PER_HOUR,
        "missed_distance_km": missed_m / 1000.0,
        "power_limited_minutes": rows.total_s(rows.driving & (rows["pack_power_w"] > allowed_w))
        / SECONDS_PER_MINUTE,
        "soc_start": soc[0],
        "soc_end": soc[-1],
        "soc_min": _most(-soc, -1.0),
        "soc_estimate_error_max": _most(error),
        "fault_count_max": _most(rows["fault_count"]),
    }


def _energy(rows: _Rows) -> dict[str, float]:
    distance_km = _risen(rows["distance_m"]) / 1000.0
    moved = distance_km >= MINIMUM_DISTANCE_KM
    power_w = rows["pack_power_w"]
    driving_kwh = rows.kwh(np.where(rows.driving, power_w, 0.0))
    per_km = driving_kwh / distance_km if moved else NAN
    parts = {f"{name}_energy_kwh": rows.kwh(rows[f"{name}_power_w"]) for name in THERMAL_ACTUATORS}
    thermal_kwh = sum(parts.values())
    return {
        **parts,
        "energy_kwh_per_km": per_km,
        "energy_net_kwh": rows.kwh(power_w),
        "regenerated_kwh": rows.kwh(np.maximum(-rows["traction_power_w"], 0.0)),
        "friction_brake_kwh": rows.kwh(rows["friction_brake_power_w"]),
        "range_km": _range_km(rows, distance_km, per_km) if moved else NAN,
        "thermal_energy_kwh": thermal_kwh,
        "thermal_kwh_per_100_km": 100.0 * thermal_kwh / distance_km if moved else NAN,
        "cabin_energy_kwh": rows.kwh(rows["cabin_power_w"]),
        "cell_heat_kwh": rows.kwh(rows["cell_heat_w"]),
        "cell_heat_max_w": _most(rows["cell_heat_w"]),
    }


def _range_km(rows: _Rows, distance_km: float, energy_kwh_per_km: float) -> float:
    """Usable energy over energy per km; without a stated usable energy, distance per charge that driving used."""
    usable_kwh = rows.meta.get("usable_energy_kwh")
    if isinstance(usable_kwh, (int, float)) and energy_kwh_per_km > 0.0:
        return float(usable_kwh) / energy_kwh_per_km
    used = -float(np.diff(rows["soc"], prepend=rows["soc"][0])[rows.driving].sum())
    return distance_km / used if used > 0.0 else NAN


def _temperature(rows: _Rows) -> dict[str, float]:
    hottest_degc, coldest_degc = rows["cell_temp_max_degc"], rows["cell_temp_min_degc"]
    spread_k = hottest_degc - coldest_degc
    total_s = float(rows.dt_s.sum())
    result = {
        "cell_temp_max_degc": _most(hottest_degc),
        "cell_temp_min_degc": _most(-coldest_degc, -1.0),
        "cell_temp_spread_max_k": _most(spread_k),
        "cell_temp_mean_degc": float(np.dot(rows["cell_temp_mean_degc"], rows.dt_s)) / total_s
        if total_s
        else NAN,
        "cell_temp_spread_mean_k": float(np.dot(spread_k, rows.dt_s)) / total_s if total_s else NAN,
    }
    band = rows.meta.get("comfort_band_degc")
    if band is not None:
        low_degc, high_degc = float(band[0]), float(band[1])
        outside_k = np.maximum(hottest_degc - high_degc, 0.0) + np.maximum(low_degc - coldest_degc, 0.0)
        awake_s = np.where(rows.awake, rows.dt_s, 0.0)
        result["comfort_violation_k_s"] = float(np.dot(outside_k, awake_s))
        result["outside_comfort_minutes"] = float(awake_s[outside_k > 0.0].sum()) / SECONDS_PER_MINUTE
    return result


def _actuators(rows: _Rows) -> dict[str, float]:
    travel = {f"{name}_travel": _travelled(rows[f"{name}_duty"]) for name in THERMAL_ACTUATORS}
    runs = rows["compressor_speed_rpm"] > RUNNING_SPEED_RPM
    valve = rows["valve_mode"]
    return {
        **travel,
        "actuator_travel": sum(travel.values()),
        "compressor_starts": float(np.count_nonzero(np.diff(runs, prepend=False) & runs)),
        "valve_changes": float(np.count_nonzero(np.diff(valve))) if np.isfinite(valve).all() else NAN,
    }


def _charging(rows: _Rows) -> dict[str, float]:
    """Charging figures.

    The truck charges while it is plugged in and asks for current, or while heat, cold or a fault keeps it from
    asking. Time lost to a cause is the time under that cause, each second weighted by ``1 - power / charger power``:
    a second at half the charger's power loses half a second. A charger that gives all it has therefore loses
    nothing to "charger power". The charger's power is the recorded offer where there is one
    (``charger_power_max_w``), otherwise the highest power seen in that plug-in.
    """
    power_w = rows["charger_power_w"]
    cause = rows["charge_limit"]
    blocked = np.isin(cause, [float(c) for c in BLOCKING_CAUSES])
    charging = rows.plugged & ((rows["charge_current_request_a"] > 0.0) | blocked)
    blocks = list(_blocks(rows.plugged))
    lost_s = np.where(charging, rows.dt_s, 0.0) * (1.0 - _share_of_offer(rows, power_w, blocks))
    minutes = {
        f"charge_minutes_limited_by_{c.name.lower()}": float(lost_s[cause == c].sum()) / SECONDS_PER_MINUTE
        for c in CHARGING_CAUSES
    }
    charging_s = rows.total_s(charging)
    from_charger_kwh = rows.kwh(np.where(charging, power_w, 0.0))
    spans = (_minutes_10_to_80(rows, block) for block in blocks)
    return {
        **minutes,
        "charged_kwh": rows.kwh(np.where(rows.plugged, np.maximum(-rows["pack_power_w"], 0.0), 0.0)),
        "grid_kwh": rows.kwh(power_w),
        "charge_minutes": charging_s / SECONDS_PER_MINUTE,
        "charge_minutes_10_to_80_percent": next((m for m in spans if not math.isnan(m)), NAN),
        "charging_power_max_w": _most(power_w[charging]),
        "charging_power_mean_w": from_charger_kwh * JOULES_PER_KWH / charging_s if charging_s > 0.0 else NAN,
    }


def _share_of_offer(rows: _Rows, power_w: FloatArray, blocks: list[slice]) -> FloatArray:
    if "charger_power_max_w" in rows:
        offer_w = rows["charger_power_max_w"]
    else:
        offer_w = np.zeros_like(power_w)
        for block in blocks:
            offer_w[block] = np.nan_to_num(power_w[block]).max()
    return np.clip(np.divide(power_w, offer_w, out=np.zeros_like(power_w), where=offer_w > 0.0), 0.0, 1.0)


def _minutes_10_to_80(rows: _Rows, block: slice) -> float:
    soc = np.maximum.accumulate(rows["soc"][block])
    if soc[0] > 0.102 or not soc[-1] >= 0.8:
        return NAN
    time_s = rows.time_s[block]
    start = int(np.searchsorted(soc, 0.1, side="right"))
    end = int(np.searchsorted(soc, 0.8))
    return float(time_s[end] - time_s[max(start - 1, 0)]) / SECONDS_PER_MINUTE


def _closures(recording: SignalSource) -> dict[str, float]:
    return {f"{domain}_closure": balance.closure for domain, balance in energy_balances(recording).items()}


def _blocks(mask: BoolArray) -> Iterator[slice]:
    edges = np.flatnonzero(np.diff(mask.astype(np.int8), prepend=0, append=0))
    for start, stop in zip(edges[::2], edges[1::2], strict=True):
        yield slice(int(start), int(stop))


def _risen(values: FloatArray) -> float:
    """Sum of the rises of a counter that may restart from zero."""
    return float(np.maximum(np.diff(values, prepend=0.0), 0.0).sum())


def _travelled(duty: FloatArray) -> float:
    return float(np.abs(np.diff(duty)).sum())


def _most(values: FloatArray, sign: float = 1.0) -> float:
    """Highest finite value times ``sign``; NaN when there is none."""
    finite = values[np.isfinite(values)]
    return sign * float(finite.max()) if finite.size else NAN
