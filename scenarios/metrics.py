"""Figures of merit of a run, from its recording alone.

Powers in a recording are means over the interval that ends at the row's time, so an energy is the sum of
power times interval. Intervals may differ: a sleeping truck is recorded less often.
"""

import math
from collections.abc import Iterator
from typing import Protocol

import numpy as np

from scenarios.account import account_kpis
from scenarios.ageing import ageing_kpis
from scenarios.checks import (
    CHARGING_CAUSES,
    KPIS,
    CheckLimit,
    CheckResult,
    Kpi,
    evaluate_checks,
    parse_limit,
    validate_checks,
)
from scenarios.energy_balance import SignalSource, energy_balances, record_intervals_s
from thermal_bms.errors import ScenarioError
from thermal_bms.signals import LimitCause, VehicleMode
from thermal_bms.units import JOULES_PER_KWH, SECONDS_PER_HOUR, BoolArray, FloatArray

__all__ = [
    "KPIS",
    "CheckLimit",
    "CheckResult",
    "Kpi",
    "SignalSource",
    "charging_rows",
    "compute_kpis",
    "evaluate_checks",
    "parse_limit",
    "record_intervals_s",
    "validate_checks",
]

NAN = float("nan")
SECONDS_PER_MINUTE = 60.0
MINIMUM_DISTANCE_KM = 0.1  # below this an energy per distance says nothing
FULL_CURRENT_A = 1.0  # a pack at its target that takes less than this is full
RUNNING_SPEED_RPM = 1.0  # a compressor above this speed runs
DEPARTURE_GAP_S = 60.0  # a truck that stands unplugged for longer has not been made ready for this drive
LIMITED_SHARE = 0.98  # pack power above this share of what is allowed counts as limited
BLOCKING_CAUSES = (LimitCause.CELL_TEMP_HIGH, LimitCause.CELL_TEMP_LOW, LimitCause.FAULT)
THERMAL_ACTUATORS = ("pump", "fan", "compressor", "heater")


def compute_kpis(recording: SignalSource) -> dict[str, float]:
    """Return every figure of :data:`KPIS`; NaN where the run has nothing to say on it.

    Driving figures count the rows whose vehicle mode is "drive", charging figures those with "charge".
    Energies are at the battery's terminals unless the label says otherwise.
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
        **_runaway(rows),
        **_electrodes(rows),
        **_closures(recording),
        **ageing_kpis(recording),
        **account_kpis(recording),
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

    def risen(self, name: str) -> float:
        """Sum of the rises of a counter that may restart from zero."""
        values = self[name]
        first = 0.0 if self.dt_s[0] > 0.0 else values[0]
        return float(np.maximum(np.diff(values, prepend=first), 0.0).sum())


def _travel(rows: _Rows) -> dict[str, float]:
    behind_m_per_s = np.maximum(rows["target_speed_m_per_s"] - rows["vehicle_speed_m_per_s"], 0.0)
    allowed_w = LIMITED_SHARE * rows["discharge_power_max_w"]
    soc = rows["soc"]
    error = np.abs(rows["soc_estimate"] - soc)
    if "missed_distance_m" in rows:
        missed_m = rows.risen("missed_distance_m")
    else:
        missed_m = float(np.dot(np.where(rows.driving, behind_m_per_s, 0.0), rows.dt_s))
    return {
        "distance_km": rows.risen("distance_m") / 1000.0,
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
    distance_km = rows.risen("distance_m") / 1000.0
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
    """Usable energy over energy per km; without ``meta["usable_energy_kwh"]``, distance per charge used."""
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
        "departure_temp_min_degc": _at_departure(rows, coldest_degc),
    }
    band = rows.meta.get("comfort_band_degc")
    if band is not None:
        low_degc, high_degc = float(band[0]), float(band[1])
        outside_k = np.maximum(hottest_degc - high_degc, 0.0) + np.maximum(low_degc - coldest_degc, 0.0)
        awake_s = np.where(rows.awake, rows.dt_s, 0.0)
        result["comfort_violation_k_s"] = float(np.dot(outside_k, awake_s))
        in_use_s = np.where(rows.driving | charging_rows(rows), rows.dt_s, 0.0)
        result["in_use_violation_k_s"] = float(np.dot(outside_k, in_use_s))
        result["outside_comfort_minutes"] = float(awake_s[outside_k > 0.0].sum()) / SECONDS_PER_MINUTE
    return result


def _at_departure(rows: _Rows, values: FloatArray) -> float:
    """Return the value in the last row on a plug before driving; NaN when the truck never leaves one to drive."""
    in_use = np.flatnonzero(rows.plugged | rows.driving)
    before, after = in_use[:-1], in_use[1:]
    soon = rows.time_s[after] - rows.time_s[before] < DEPARTURE_GAP_S
    departures = before[rows.plugged[before] & rows.driving[after] & soon]
    return float(values[departures[-1]]) if departures.size else NAN


def _actuators(rows: _Rows) -> dict[str, float]:
    travel = {f"{name}_travel": _travelled(rows[f"{name}_duty"]) for name in THERMAL_ACTUATORS}
    valve = rows["valve_mode"]
    return {
        **travel,
        "actuator_travel": sum(travel.values()),
        "compressor_starts": _starts(rows["compressor_speed_rpm"] > RUNNING_SPEED_RPM),
        "battery_cooling_starts": _starts(rows["compressor_duty"] > 0.0),
        "valve_changes": float(np.count_nonzero(np.diff(valve))) if np.isfinite(valve).all() else NAN,
    }


def _starts(running: BoolArray) -> float:
    """Return how often something began to run; running in the first row counts."""
    return float(np.count_nonzero(np.diff(running, prepend=False) & running))


def _charging(rows: _Rows) -> dict[str, float]:
    """Charging figures.

    Which rows count is said in :func:`charging_rows`. Time lost to a cause is the time under that cause,
    each second weighted by ``1 - power / charger power``: a second at half the charger's power loses half a
    second. A charger that gives all it has therefore loses nothing to "charger power". The charger's power is
    the recorded offer where there is one (``charger_power_max_w``), otherwise the highest power seen in that
    plug-in.
    """
    power_w = rows["charger_power_w"]
    cause = rows["charge_limit"]
    charging = charging_rows(rows)
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


def _electrodes(rows: _Rows) -> dict[str, float]:
    anode_v = rows["anode_potential_min_v"]
    if not np.isfinite(anode_v).any():
        return {}
    below_s = rows.total_s(anode_v < 0.0)
    return {"anode_potential_min_v": _most(-anode_v, -1.0), "plating_minutes": below_s / SECONDS_PER_MINUTE}


class Columns(Protocol):
    """Anything that gives columns by name."""

    def __getitem__(self, name: str, /) -> FloatArray:
        """Return one column."""
        ...


def charging_rows(columns: Columns) -> BoolArray:
    """Return the rows in which the truck charges, shape (n_rows,).

    It charges while it is plugged in and asks for current, or while heat, cold or a fault keeps it from
    asking. A pack at its target that asks only for what the truck itself uses (limited by state of charge,
    less than 1 A into the pack) does not charge.
    """
    cause = columns["charge_limit"]
    blocked = np.isin(cause, [float(c) for c in BLOCKING_CAUSES])
    full = (cause == LimitCause.SOC) & ~(columns["pack_current_a"] < -FULL_CURRENT_A)
    asking = (columns["charge_current_request_a"] > 0.0) & ~full
    return np.asarray((columns["vehicle_mode"] == VehicleMode.CHARGE) & (asking | blocked))


def _runaway(rows: _Rows) -> dict[str, float]:
    """Cells in thermal runaway, and the time from the first row with one to the first with two."""
    cells = rows["runaway_cells"]
    starts_s = [rows.time_s[cells >= n][:1] for n in (1.0, 2.0)]
    to_second_s = float(starts_s[1][0] - starts_s[0][0]) if starts_s[1].size else NAN
    return {"runaway_cells": _most(cells), "runaway_to_second_minutes": to_second_s / SECONDS_PER_MINUTE}


def _share_of_offer(rows: _Rows, power_w: FloatArray, blocks: list[slice]) -> FloatArray:
    if "charger_power_max_w" in rows:
        offer_w = rows["charger_power_max_w"]
    else:
        offer_w = np.zeros_like(power_w)
        for block in blocks:
            offer_w[block] = np.nan_to_num(power_w[block]).max()
    return np.clip(np.divide(power_w, offer_w, out=np.zeros_like(power_w), where=offer_w > 0.0), 0.0, 1.0)


SOC_MISS = 0.002  # a charge ends by the estimate, which may be off by this much


def _minutes_10_to_80(rows: _Rows, block: slice) -> float:
    soc = np.maximum.accumulate(rows["soc"][block])
    if soc[0] > 0.1 + SOC_MISS or not soc[-1] >= 0.8 - SOC_MISS:
        return NAN
    time_s = rows.time_s[block]
    start = int(np.searchsorted(soc, 0.1, side="right"))
    end = int(np.searchsorted(soc, min(0.8, float(soc[-1]))))
    return float(time_s[end] - time_s[max(start - 1, 0)]) / SECONDS_PER_MINUTE


def _closures(recording: SignalSource) -> dict[str, float]:
    try:
        balances = energy_balances(recording)
    except ScenarioError:  # a listed port was not recorded: nothing can be said, so a check on it fails
        return {}
    return {f"{domain}_closure": balance.closure for domain, balance in balances.items()}


def _blocks(mask: BoolArray) -> Iterator[slice]:
    edges = np.flatnonzero(np.diff(mask.astype(np.int8), prepend=0, append=0))
    for start, stop in zip(edges[::2], edges[1::2], strict=True):
        yield slice(int(start), int(stop))


def _travelled(duty: FloatArray) -> float:
    return float(np.abs(np.diff(duty)).sum())


def _most(values: FloatArray, sign: float = 1.0) -> float:
    """Highest finite value times ``sign``; NaN when there is none."""
    finite = values[np.isfinite(values)]
    return sign * float(finite.max()) if finite.size else NAN
