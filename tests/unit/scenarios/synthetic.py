"""A made-up truck day with every recorded signal: a small lumped truck, for tests of figures and reports.

It is no plant. It is self-consistent (powers on the bus and heats in the pack balance exactly), looks like a
truck day, and runs in a second, so that figures have known answers and reports have something to draw.
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
PACK_J_PER_K, COOLANT_J_PER_K = 3.9e6, 1.6e5
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
    truck = _LumpedTruck(np.random.default_rng(seed), ambient_degc)
    rows: list[dict[str, float]] = []
    phases = []
    for index, (name, kind, hours) in enumerate(PHASES):
        start_s = truck.time_s
        while truck.time_s < start_s + hours * 3600.0 - 1e-6:
            since_s = truck.time_s - start_s
            asleep = kind == "park" and since_s > 900.0
            row = truck.step(kind, since_s, 60.0 if asleep else dt_s, asleep=asleep)
            rows.append({**row, "phase_index": float(index)})
        phases.append({"name": name, "kind": kind, "start_s": start_s, "end_s": truck.time_s})
    columns = {key: np.array([row[key] for row in rows]) for key in rows[0]}
    _add_port_energies(columns)
    _add_strings(columns)
    return FakeRecording(columns, _meta(phases, checks), _cells(columns, np.random.default_rng(seed)))


class _LumpedTruck:
    """One pack temperature, one coolant temperature, a point mass, a thermostat."""

    def __init__(self, rng: np.random.Generator, ambient_degc: float) -> None:
        self.rng = rng
        self.ambient_mean_degc = ambient_degc
        self.time_s = 0.0
        self.soc = 0.95
        self.pack_degc = 29.0
        self.coolant_degc = 28.0
        self.chiller = 0.0
        self.speed = 0.0
        self.distance_m = 0.0

    def step(self, kind: str, since_s: float, dt_s: float, *, asleep: bool) -> dict[str, float]:
        mode = {"drive": VehicleMode.DRIVE, "charge": VehicleMode.CHARGE}.get(kind, VehicleMode.PARK)
        hour = 6.0 + (self.time_s + dt_s) / 3600.0
        ambient = self.ambient_mean_degc + 6.0 * float(np.sin((hour - 9.0) / 24.0 * 2.0 * np.pi))
        drive = self._drive(kind, since_s, dt_s)
        actuators = self._actuate(dt_s, awake=not asleep)
        loads = {
            "auxiliary_power_w": 120.0 if asleep else 4200.0 if kind == "drive" else 900.0,
            "heater_power_w": 0.0,
            "cabin_power_w": 1800.0 if kind == "drive" else 0.0,
            "pump_power_w": 380.0 * actuators["pump_duty"] ** 3,
            "fan_power_w": 1900.0 * actuators["fan_duty"] ** 3,
            "compressor_power_w": actuators["chiller_heat_w"] / 2.4 + 300.0 * (self.chiller > 0.05),
        }
        load_w = drive["traction_power_w"] + sum(loads.values())
        battery = self._battery(kind, since_s, load_w, awake=not asleep)
        heat = self._heat(battery["cell_heat_w"], actuators, ambient, dt_s)
        self.soc -= (battery["pack_power_w"] + battery["cell_heat_w"]) * dt_s / (CAPACITY_KWH * 3.6e6)
        self.time_s += dt_s
        return {
            "time_s": self.time_s,
            "vehicle_mode": float(mode),
            "ambient_temp_degc": ambient,
            "ambient_humidity": 0.4,
            "asleep": float(asleep),
            "fault_count": 0.0,
            **drive,
            **actuators,
            **loads,
            **battery,
            **heat,
            **self._temperatures(battery["cell_heat_w"], ambient),
            "soc": self.soc,
            "soc_estimate": self.soc + 0.004 * np.sin(self.time_s / 4000.0),
            "drive_loop_temp_degc": ambient + drive["drive_loss_w"] / 1500.0,
            "condenser_heat_w": actuators["chiller_heat_w"] + loads["compressor_power_w"],
            "drive_radiator_heat_w": 0.9 * drive["drive_loss_w"],
            "chemical_energy_j": self.soc * CAPACITY_KWH * 3.6e6,
        }

    def _drive(self, kind: str, since_s: float, dt_s: float) -> dict[str, float]:
        target, grade, before = 0.0, 0.0, self.speed
        if kind == "drive":
            target = 23.6 + 1.5 * np.sin(since_s / 240.0)
            if since_s % 2700.0 < 300.0:
                target = max(0.0, 14.0 * np.sin(since_s / 28.0))
            grade = 0.022 * np.sin(since_s / 310.0) + 0.01 * np.sin(since_s / 95.0)
            self.speed = float(np.clip(target, max(0.0, before - 0.9 * dt_s), before + 0.45 * dt_s))
        else:
            self.speed = 0.0
        v = 0.5 * (self.speed + before)
        wheel = v * (0.5 * 1.18 * 5.4 * v * v + 38000.0 * 9.81 * (0.0053 * (v > 0) + grade))
        wheel += 0.5 * 39500.0 * (self.speed**2 - before**2) / dt_s
        wheel = float(np.clip(wheel, -900e3, 430e3))
        regen_max = 320e3 * float(np.clip((0.97 - self.soc) / 0.03, 0.0, 1.0))
        regen = min(-min(wheel, 0.0) * 0.9, regen_max)
        loss = 0.08 * wheel + 900.0 * (kind == "drive") if wheel >= 0.0 else regen / 0.9 * 0.1
        self.distance_m += v * dt_s
        return {
            "vehicle_speed_m_per_s": self.speed,
            "target_speed_m_per_s": target,
            "distance_m": self.distance_m,
            "grade": grade,
            "traction_power_w": wheel + loss if wheel >= 0.0 else -regen,
            "drive_loss_w": loss,
            "friction_brake_power_w": max(-wheel, 0.0) - regen / 0.9,
            "brake_resistor_power_w": 0.0,
        }

    def _actuate(self, dt_s: float, *, awake: bool) -> dict[str, float]:
        hot = self.pack_degc > 33.5 or (self.chiller > 0.0 and self.pack_degc > 30.5)
        run = float(hot and awake)
        self.chiller += (run - self.chiller) * min(1.0, dt_s / 25.0)
        duty = run * float(np.clip((self.pack_degc - 29.0) / 7.0, 0.25, 1.0))
        valve = ValveMode.CHILLER if run else ValveMode.RADIATOR if awake else ValveMode.BYPASS
        pump_duty = awake * float(np.clip(0.25 + (self.pack_degc - 30.0) / 8.0, 0.2, 1.0))
        fan_duty = awake * float(np.clip((self.pack_degc - 31.0) / 6.0, 0.0, 1.0))
        return {
            "pump_duty": pump_duty,
            "fan_duty": fan_duty * (1.0 - min(self.speed, 20.0) / 25.0),
            "compressor_duty": duty,
            "heater_duty": 0.0,
            "valve_mode": float(valve),
            "coolant_flow_kg_per_s": 0.55 * pump_duty,
            "chiller_heat_w": 11.5e3 * self.chiller * duty,
            "compressor_speed_rpm": 6500.0 * duty if self.chiller > 0.3 else 0.0,
            "suction_pressure_pa": 6.2e5 - 3.0e5 * self.chiller,
            "discharge_pressure_pa": 6.2e5 + 4.5e5 * (1.0 + 0.9 * self.chiller) * self.chiller,
        }

    def _battery(self, kind: str, since_s: float, load_w: float, *, awake: bool) -> dict[str, float]:
        bus_v = 216 * (3.20 + 0.16 * self.soc + 2.0 * max(0.0, self.soc - 0.95))
        charge_max_a, cause = 906.0, LimitCause.CELL_CURRENT
        if self.pack_degc > 34.0:
            charge_max_a *= max(0.2, 1.0 - (self.pack_degc - 34.0) / 6.0)
            cause = LimitCause.CELL_TEMP_HIGH
        if self.soc > 0.86:
            charge_max_a *= max(0.03, 1.0 - (self.soc - 0.86) / 0.1)
            cause = LimitCause.CELL_VOLTAGE
        offer_w, charger_w, request_a, limit = 640e3 * (kind == "charge"), 0.0, 0.0, LimitCause.NONE
        if kind == "charge" and since_s > 60.0:
            limit, charger_w = LimitCause.SOC, load_w
            if self.soc < 0.90:
                request_a = charge_max_a
                charger_w = min(charge_max_a * bus_v + load_w, offer_w)
                limit = LimitCause.CHARGER_POWER if charger_w >= offer_w else cause
        current_a = (load_w - charger_w) / bus_v
        return {
            "charger_power_w": charger_w,
            "charger_power_max_w": offer_w,
            "pack_power_w": load_w - charger_w,
            "pack_current_a": current_a,
            "bus_voltage_v": bus_v - 0.02 * current_a,
            "cell_voltage_min_v": bus_v / 216 - 0.012,
            "cell_voltage_max_v": bus_v / 216 + 0.012,
            "cell_heat_w": current_a * current_a * 216 * 0.00011 + 60.0 * awake,
            "discharge_power_max_w": 520e3 * float(np.clip((self.soc - 0.02) / 0.08, 0.0, 1.0)),
            "charge_power_max_w": charge_max_a * bus_v,
            "charge_current_max_a": charge_max_a,
            "charge_current_request_a": request_a,
            "discharge_cause": float(LimitCause.SOC if self.soc < 0.1 else LimitCause.CELL_CURRENT),
            "charge_cause": float(cause),
            "charge_limit": float(limit),
        }

    def _heat(
        self, heat_w: float, actuators: Mapping[str, float], ambient_degc: float, dt_s: float
    ) -> dict[str, float]:
        flow = actuators["coolant_flow_kg_per_s"]
        to_coolant = 1870.0 * flow * (self.pack_degc - self.coolant_degc)
        housing = 42.0 * (self.pack_degc - ambient_degc)
        radiating = actuators["valve_mode"] == ValveMode.RADIATOR
        radiator = 650.0 * flow * max(0.0, self.coolant_degc - ambient_degc) * radiating
        self.pack_degc += (heat_w - to_coolant - housing) * dt_s / PACK_J_PER_K
        self.coolant_degc += (to_coolant - actuators["chiller_heat_w"] - radiator) * dt_s / COOLANT_J_PER_K
        rise = to_coolant / (flow * 3400.0) if flow > 0.01 else 0.0
        return {
            "heat_cell_to_coolant_w": to_coolant,
            "heat_housing_to_ambient_w": housing,
            "radiator_heat_w": radiator,
            "waste_heat_w": 0.0,
            "coolant_inlet_temp_degc": self.coolant_degc,
            "coolant_outlet_temp_degc": self.coolant_degc + rise,
            "pack_heat_j": PACK_J_PER_K * self.pack_degc + COOLANT_J_PER_K * self.coolant_degc,
        }

    def _temperatures(self, heat_w: float, ambient_degc: float) -> dict[str, float]:
        spread_k = 1.0 + 0.02 * max(heat_w, 0.0) ** 0.5
        noise_k = float(self.rng.normal(0.0, 0.15))
        return {
            "cell_temp_min_degc": self.pack_degc - 0.8 * spread_k,
            "cell_temp_mean_degc": self.pack_degc,
            "cell_temp_max_degc": self.pack_degc + 1.1 * spread_k,
            "cell_temp_measured_min_degc": self.pack_degc - 0.6 * spread_k + noise_k,
            "cell_temp_measured_max_degc": self.pack_degc + 0.8 * spread_k + noise_k,
            "housing_temp_degc": 0.6 * self.pack_degc + 0.4 * ambient_degc,
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
