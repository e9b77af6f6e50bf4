"""A made-up truck day with every recorded signal: a small lumped truck, for tests of figures and reports.

It is no plant. It is self-consistent (powers on the bus and heats in the pack balance exactly), looks like a truck
day, and runs in a second, so that figures have known answers and reports have something to draw.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from thermal_bms.recording import Recorder
from thermal_bms.signals import LimitCause, ValveMode, VehicleMode

PHASES = (
    ("Morning haul", "drive", 4.4),
    ("Fast charge", "charge", 0.75),
    ("Afternoon haul", "drive", 4.0),
    ("Overnight stop", "park", 6.0),
)
N_STRINGS, N_SERIES = 3, 216
CAPACITY_KWH = 600.0
COMFORT_BAND_DEGC = (15.0, 35.0)
ELECTRICAL = {
    "in": ["charger_energy_j"],
    "out": [
        "traction_energy_j",
        "auxiliary_energy_j",
        "thermal_system_energy_j",
        "cabin_energy_j",
        "cell_heat_energy_j",
    ],
    "stored": ["chemical_energy_j"],
}
THERMAL = {
    "in": ["cell_heat_energy_j", "heater_heat_energy_j"],
    "out": ["chiller_heat_energy_j", "radiator_heat_energy_j", "housing_heat_energy_j"],
    "stored": ["pack_heat_j"],
}


class FakeRecording:
    """Columns, meta and a stream of cell fields in memory, in the shape of a recording."""

    def __init__(
        self,
        columns: Mapping[str, Any],
        meta: Mapping[str, Any] | None = None,
        cells: Mapping[str, Any] | None = None,
        *,
        complete: bool = True,
    ) -> None:
        self.columns = {name: np.asarray(values, dtype=np.float64) for name, values in columns.items()}
        self.meta: dict[str, Any] = dict(meta or {})
        self.cells = {name: np.asarray(values, dtype=np.float64) for name, values in (cells or {}).items()}
        self.complete = complete
        self.problem = "" if complete else "not closed: the run was interrupted or is still going on"

    def __getitem__(self, name: str) -> np.ndarray:
        return self.columns[name]

    def __contains__(self, name: object) -> bool:
        return name in self.columns

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)

    @property
    def streams(self) -> list[str]:
        return ["signals", "cells"] if self.cells else ["signals"]

    def stream(self, name: str) -> dict[str, np.ndarray]:
        return {"signals": self.columns, "cells": self.cells}[name]


def truck_day(
    *, dt_s: float = 1.0, seed: int = 1, checks: Mapping[str, str] | None = None, ambient_degc: float = 36.0
) -> FakeRecording:
    """Return a day of PHASES in hot weather, rows every ``dt_s`` seconds (one a minute while asleep)."""
    rng = np.random.default_rng(seed)
    rows: list[dict[str, float]] = []
    state = {"time_s": 0.0, "soc": 0.95, "temp": 29.0, "distance": 0.0, "chiller": 0.0, "coolant": 28.0}
    state |= {"speed": 0.0, "starts": 0.0, "valve": float(ValveMode.RADIATOR)}
    phases = []
    for index, (name, kind, hours) in enumerate(PHASES):
        start_s = state["time_s"]
        while state["time_s"] < start_s + hours * 3600.0 - 1e-6:
            asleep = kind == "park" and (state["time_s"] - start_s) > 900.0
            step_s = 60.0 if asleep else dt_s
            rows.append(
                _row(state, kind, index, state["time_s"] - start_s, step_s, asleep, rng, ambient_degc)
            )
        phases.append({"name": name, "kind": kind, "start_s": start_s, "end_s": state["time_s"]})
    columns = {key: np.array([row[key] for row in rows]) for key in rows[0]}
    _add_port_energies(columns)
    _add_strings(columns)
    return FakeRecording(columns, _meta(phases, checks), _cells(columns, rng))


def _row(
    s: dict[str, float],
    kind: str,
    index: int,
    since_s: float,
    dt_s: float,
    asleep: bool,
    rng: np.random.Generator,
    ambient_degc: float,
) -> dict[str, float]:
    time_s = s["time_s"] + dt_s
    hour = (6.0 + time_s / 3600.0) % 24.0
    ambient = ambient_degc + 6.0 * np.sin((hour - 9.0) / 24.0 * 2.0 * np.pi)
    target = 0.0
    grade = 0.0
    if kind == "drive":
        target = 23.6 + 1.5 * np.sin(since_s / 240.0)
        if since_s % 2700.0 < 300.0:
            target = max(0.0, 14.0 * np.sin(since_s / 28.0))
        grade = 0.022 * np.sin(since_s / 310.0) + 0.01 * np.sin(since_s / 95.0)
    speed_before = s["speed"]
    s["speed"] = max(0.0, min(target, speed_before + 0.45 * dt_s)) if kind == "drive" else 0.0
    if target < speed_before:
        s["speed"] = max(target, speed_before - 0.9 * dt_s, 0.0)
    v = 0.5 * (s["speed"] + speed_before)
    wheel = v * (0.5 * 1.18 * 5.4 * v * v + 38000.0 * 9.81 * (0.0053 * (v > 0) + grade))
    wheel += 0.5 * 39500.0 * (s["speed"] ** 2 - speed_before**2) / dt_s
    wheel = float(np.clip(wheel, -900e3, 430e3))
    regen_max = 320e3 * float(np.clip((0.97 - s["soc"]) / 0.03, 0.0, 1.0))
    if wheel >= 0.0:
        loss = 0.08 * wheel + (900.0 if kind == "drive" else 0.0)
        friction, traction = 0.0, wheel + loss
    else:
        electric = min(-wheel * 0.9, regen_max)
        loss = electric / 0.9 * 0.1
        friction, traction = -wheel - electric / 0.9, -electric
    discharge_max = 520e3 * float(np.clip((s["soc"] - 0.02) / 0.08, 0.0, 1.0))
    discharge_cause = LimitCause.SOC if s["soc"] < 0.1 else LimitCause.CELL_CURRENT
    # thermal actuators: a thermostat on the chiller, a proportional pump
    hot = s["temp"] > 33.5 or (s["chiller"] > 0 and s["temp"] > 30.5)
    run = hot and not asleep
    s["chiller"] += (float(run) - s["chiller"]) * min(1.0, dt_s / 25.0)
    compressor_duty = float(run) * min(1.0, max(0.25, (s["temp"] - 29.0) / 7.0))
    valve = ValveMode.CHILLER if run else (ValveMode.BYPASS if asleep else ValveMode.RADIATOR)
    pump_duty = 0.0 if asleep else float(np.clip(0.25 + (s["temp"] - 30.0) / 8.0, 0.2, 1.0))
    fan_duty = (
        0.0 if asleep else float(np.clip((s["temp"] - 31.0) / 6.0, 0.0, 1.0)) * (1.0 - min(v, 20.0) / 25.0)
    )
    flow = 0.55 * pump_duty
    chiller_heat = 11.5e3 * s["chiller"] * compressor_duty
    compressor_power = chiller_heat / 2.4 + 300.0 * float(s["chiller"] > 0.05)
    loads = {
        "auxiliary_power_w": 120.0 if asleep else 4200.0 if kind == "drive" else 900.0,
        "pump_power_w": 380.0 * pump_duty**3,
        "fan_power_w": 1900.0 * fan_duty**3,
        "compressor_power_w": compressor_power,
        "heater_power_w": 0.0,
        "cabin_power_w": 1800.0 if kind == "drive" else 0.0,
        "brake_resistor_power_w": 0.0,
    }
    load = traction + sum(loads.values())
    charger = 0.0
    cause, limit, request, charge_cause = LimitCause.NONE, LimitCause.NONE, 0.0, LimitCause.CELL_CURRENT
    charge_max_a = 906.0
    bus_v = 216 * (3.20 + 0.16 * s["soc"] + 0.1 * max(0.0, s["soc"] - 0.95) / 0.05)
    if s["temp"] > 34.0:
        charge_max_a *= max(0.2, 1.0 - (s["temp"] - 34.0) / 6.0)
        charge_cause = LimitCause.CELL_TEMP_HIGH
    if s["soc"] > 0.86:
        charge_max_a *= max(0.03, 1.0 - (s["soc"] - 0.86) / 0.1)
        charge_cause = LimitCause.CELL_VOLTAGE
    offer = 640e3
    if kind == "charge" and since_s > 60.0:
        if s["soc"] < 0.90:
            request = charge_max_a
            charger = min(charge_max_a * bus_v + load, offer)
            limit = LimitCause.CHARGER_POWER if charger >= offer else charge_cause
            cause = limit
        else:
            charger, limit = load, LimitCause.SOC
    pack = load - charger
    current = pack / bus_v
    heat = current * current * 216 * 0.00011 + 60.0 * float(not asleep)
    to_coolant = flow * 3400.0 * 0.55 * (s["temp"] - s["coolant"])
    housing = 42.0 * (s["temp"] - ambient)
    radiator = 650.0 * flow * max(0.0, s["coolant"] - ambient) if valve == ValveMode.RADIATOR else 0.0
    capacity, coolant_capacity = 3.9e6, 1.6e5
    s["temp"] += (heat - to_coolant - housing) * dt_s / capacity
    coolant_rate = (to_coolant - chiller_heat - radiator) / coolant_capacity
    s["coolant"] += coolant_rate * dt_s
    s["soc"] -= (pack + heat) * dt_s / (CAPACITY_KWH * 3.6e6)
    s["distance"] += v * dt_s
    s["time_s"] = time_s
    spread = 1.0 + 0.06 * max(0.0, heat) ** 0.5 / 3.0
    noise = rng.normal(0.0, 0.15)
    lift = 4.5e5 * (1.0 + 0.9 * s["chiller"])
    return {
        "time_s": time_s,
        "phase_index": float(index),
        "vehicle_mode": float(
            {"drive": VehicleMode.DRIVE, "charge": VehicleMode.CHARGE}.get(kind, VehicleMode.PARK)
        ),
        "vehicle_speed_m_per_s": s["speed"],
        "target_speed_m_per_s": target,
        "distance_m": s["distance"],
        "grade": grade,
        "traction_power_w": traction,
        "drive_loss_w": loss,
        "friction_brake_power_w": friction,
        "charger_power_w": charger,
        "charger_power_max_w": offer if kind == "charge" else 0.0,
        "bus_voltage_v": bus_v - current * 0.02,
        "pack_current_a": current,
        "pack_power_w": pack,
        "soc": s["soc"],
        "soc_estimate": s["soc"] + 0.004 * np.sin(time_s / 4000.0),
        "cell_voltage_min_v": bus_v / 216 - 0.012,
        "cell_voltage_max_v": bus_v / 216 + 0.012,
        "cell_temp_min_degc": s["temp"] - 0.8 * spread,
        "cell_temp_mean_degc": s["temp"],
        "cell_temp_max_degc": s["temp"] + 1.1 * spread,
        "cell_temp_measured_min_degc": s["temp"] - 0.6 * spread + noise,
        "cell_temp_measured_max_degc": s["temp"] + 0.8 * spread + noise,
        "housing_temp_degc": 0.6 * s["temp"] + 0.4 * ambient,
        "cell_heat_w": heat,
        "heat_cell_to_coolant_w": to_coolant,
        "heat_housing_to_ambient_w": housing,
        "coolant_inlet_temp_degc": s["coolant"],
        "coolant_outlet_temp_degc": s["coolant"] + (to_coolant / (flow * 3400.0) if flow > 0.01 else 0.0),
        "coolant_flow_kg_per_s": flow,
        "drive_loop_temp_degc": ambient + loss / 1500.0,
        "ambient_temp_degc": ambient,
        "ambient_humidity": 0.4,
        "pump_duty": pump_duty,
        "fan_duty": fan_duty,
        "compressor_duty": compressor_duty,
        "heater_duty": 0.0,
        "valve_mode": float(valve),
        **loads,
        "chiller_heat_w": chiller_heat,
        "radiator_heat_w": radiator,
        "condenser_heat_w": chiller_heat + compressor_power,
        "waste_heat_w": 0.0,
        "drive_radiator_heat_w": 0.9 * loss,
        "suction_pressure_pa": 6.2e5 - 3.0e5 * s["chiller"],
        "discharge_pressure_pa": 6.2e5 + lift * s["chiller"],
        "compressor_speed_rpm": 6500.0 * compressor_duty if s["chiller"] > 0.3 and run else 0.0,
        "discharge_power_max_w": discharge_max,
        "charge_power_max_w": charge_max_a * bus_v,
        "charge_current_max_a": charge_max_a,
        "charge_current_request_a": request,
        "discharge_cause": float(discharge_cause),
        "charge_cause": float(charge_cause),
        "charge_limit": float(cause if kind == "charge" and cause else limit),
        "fault_count": 0.0,
        "asleep": float(asleep),
        "pack_heat_j": capacity * (s["temp"] - 20.0) + coolant_capacity * (s["coolant"] - 20.0),
        "chemical_energy_j": s["soc"] * CAPACITY_KWH * 3.6e6,
    }


def _add_port_energies(columns: dict[str, np.ndarray]) -> None:
    dt_s = np.diff(columns["time_s"], prepend=0.0)
    thermal = sum(columns[f"{name}_power_w"] for name in ("pump", "fan", "compressor", "heater"))
    ports = {
        "charger": columns["charger_power_w"],
        "traction": columns["traction_power_w"],
        "auxiliary": columns["auxiliary_power_w"],
        "thermal_system": thermal,
        "cabin": columns["cabin_power_w"],
        "cell_heat": columns["cell_heat_w"],
        "heater_heat": columns["heater_power_w"],
        "chiller_heat": columns["chiller_heat_w"],
        "radiator_heat": columns["radiator_heat_w"],
        "housing_heat": columns["heat_housing_to_ambient_w"],
    }
    for name, power_w in ports.items():
        columns[f"{name}_energy_j"] = np.cumsum(power_w * dt_s)


def _add_strings(columns: dict[str, np.ndarray]) -> None:
    for n, share in enumerate((0.338, 0.333, 0.329)):
        columns[f"string_current_a_{n}"] = columns["pack_current_a"] * share
        columns[f"string_soc_{n}"] = columns["soc"] + 0.002 * (n - 1)
        columns[f"string_coolant_outlet_temp_degc_{n}"] = columns["coolant_outlet_temp_degc"] + 0.3 * (n - 1)


def _cells(columns: dict[str, np.ndarray], rng: np.random.Generator) -> dict[str, np.ndarray]:
    rows = np.arange(0, columns["time_s"].size, 60)
    coldest, hottest = columns["cell_temp_min_degc"][rows], columns["cell_temp_max_degc"][rows]
    along = np.linspace(0.0, 1.0, N_SERIES) ** 1.2
    along = 0.75 * along + 0.15 * rng.random((N_STRINGS, N_SERIES)) + 0.05 * np.arange(N_STRINGS)[:, None]
    along = (along - along.min()) / (along.max() - along.min())
    temps = coldest[:, None, None] + (hottest - coldest)[:, None, None] * along[None]
    return {"time_s": columns["time_s"][rows], "cell_temp_degc": temps}


def _meta(phases: list[dict[str, Any]], checks: Mapping[str, str] | None) -> dict[str, Any]:
    default_checks = {
        "cell_temp_max_degc": "< 45",
        "cell_temp_spread_max_k": "< 6",
        "energy_kwh_per_km": "1.0 .. 1.8",
        "electrical_closure": "< 1e-6",
        "thermal_closure": "< 1e-6",
        "charge_minutes": "< 50",
    }
    return {
        "title": "Long haul in July with a megawatt stop",
        "truck": "heavy_lfp",
        "controller": "thermostat",
        "comfort_band_degc": list(COMFORT_BAND_DEGC),
        "tick_s": 1.0,
        "seed": 1,
        "phases": phases,
        "versions": {"thermal-bms": "0.1.0", "numpy": "2.4"},
        "energy_balance": {"electrical": ELECTRICAL, "thermal": THERMAL},
        "scenario": {
            "title": "Long haul in July with a megawatt stop",
            "description": "Two hauls of four hours in hot weather with a fast charge between them.",
            "truck": "heavy_lfp",
            "climate": {"kind": "diurnal", "temp_min_degc": 30.0, "temp_max_degc": 42.0},
            "controller": {"name": "thermostat", "settings": {"cool_on_degc": 33.0, "cool_off_degc": 31.0}},
            "initial": {"soc": 0.95, "start_hour": 6.0},
            "phase": [{"kind": kind, "name": name, "duration_h": hours} for name, kind, hours in PHASES],
            "checks": dict(checks if checks is not None else default_checks),
        },
    }


def write_recording(day: FakeRecording, path: Path, *, complete: bool = True) -> Path:
    """Write ``day`` as a real recording."""
    shape = day.cells["cell_temp_degc"].shape[1:]
    cells = {"time_s": (), "cell_temp_degc": shape}
    recorder = Recorder(path, day.meta, {"signals": list(day.columns), "cells": cells})
    for row in np.column_stack(list(day.columns.values())):
        recorder.append("signals", tuple(row))
    for time_s, temps in zip(day.cells["time_s"], day.cells["cell_temp_degc"], strict=True):
        recorder.append("cells", (time_s, temps))
    recorder.close(complete=complete)
    return path
