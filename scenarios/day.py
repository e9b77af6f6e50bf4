"""One truck day in progress, phase by phase: read, control, write, step, record."""

import math
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from controllers.registry import create
from plant_models.cell_monitoring import MonitoredLink
from plant_models.charger import charger
from plant_models.health import apply_health
from plant_models.truck import Surroundings, Truck
from plant_models.truck_parameters import describe, full_energy_j
from scenarios.ageing import health_meta
from scenarios.climate import build_climate
from scenarios.drive_cycle import DriveCycle, load_cycle
from scenarios.faults import FaultyLink, with_controller_faults
from scenarios.health_rows import COLUMNS as HEALTH_COLUMNS
from scenarios.health_rows import STREAM as HEALTH
from scenarios.health_rows import health_row
from scenarios.preview import build_plan
from scenarios.rows import (
    ENERGY_BALANCE,
    EVENTS,
    RowMaker,
    cell_columns,
    energy_columns,
    fault_events,
    signal_columns,
)
from scenarios.runaway_rows import RunawayRows
from scenarios.scenario import ChargePhase, DrivePhase, LoadedScenario, ParkPhase, Phase
from thermal_bms.charging import ChargeSettings
from thermal_bms.cycle import ControlUnit, CycleResult, control_cycle
from thermal_bms.faults import Fault
from thermal_bms.health import Finding
from thermal_bms.interfaces import Link
from thermal_bms.link import DirectLink, measurement_columns, measurement_row
from thermal_bms.recording import Recorder
from thermal_bms.signals import NO_PREVIEW, Command, LimitCause, Preview
from thermal_bms.units import JOULES_PER_KWH, SECONDS_PER_HOUR, kmh_to_m_per_s

SLEEP_TICK_S = 10.0
PREVIEW_EVERY_S = 10.0
PROGRESS_EVERY_S = 60.0
SETTLE_TICKS = 5
CHARGE_DONE_S = 60.0
CHARGE_BLOCKED_S = 1800.0
CHARGE_ENDS = (LimitCause.SOC, LimitCause.CELL_VOLTAGE)
COMFORT_BAND_DEGC = {"lfp": (15.0, 35.0), "nmc": (15.0, 35.0)}

Progress = Callable[[float, float], None]


class Day:
    """One truck day in progress: truck, control unit, link, weather, plan."""

    def __init__(self, scenario: LoadedScenario, progress: Progress | None = None) -> None:
        settings = scenario.settings
        self.scenario = scenario
        self.settings = settings
        self.warnings: list[str] = []
        self.phase_table: list[dict[str, Any]] = []
        self._progress = progress
        self.climate = build_climate(
            settings.climate, start_hour=settings.initial.start_hour, folder=scenario.folder
        )
        self._weather = self.climate.ambient(0.0)
        start_degc = settings.initial.cell_temp_degc
        vehicle = scenario.truck.vehicle
        self._payload_kg = (
            0.5 * vehicle.payload_max_kg if settings.payload_kg is None else settings.payload_kg
        )
        self.truck = Truck(
            scenario.truck,
            soc=settings.initial.soc,
            temp_degc=self._weather[0] if start_degc is None else start_degc,
            payload_kg=self._payload_kg,
            seed=settings.seed,
            cell_model=settings.cell_model,
        )
        self.health = scenario.health()
        apply_health(self.truck.constants, self.health)
        self.truck.refit_electrodes()
        description = describe(scenario.truck, self.truck.cell)
        controller = create(settings.controller.name, settings.controller.settings, description)
        controller = with_controller_faults(controller, settings.fault)
        self.unit = ControlUnit(description, controller, initial_soc=settings.initial.soc)
        self.link: Link = DirectLink(self.truck)
        self._faulty: FaultyLink | None = None
        if settings.fault:
            self.link = self._faulty = FaultyLink(self.link, self.truck, settings.fault)
        if settings.monitoring:
            self.link = MonitoredLink(self.link, settings.monitoring, settings.seed)
        self._runaway_rows = RunawayRows(settings.fault)
        self.cycles = [cycle_of(phase, scenario.folder) for phase in settings.phase]
        low, high = scenario.truck.pack.usable_soc
        full_kwh = full_energy_j(scenario.truck, self.truck.cell) / JOULES_PER_KWH
        self._usable_kwh = (high - low) * full_kwh * float(self.health.capacity.mean())
        self.plan = build_plan(
            settings,
            self.cycles,
            self.climate,
            pack=description.pack,
            vehicle=vehicle,
            payload_kg=self._payload_kg,
            usable_kwh=self._usable_kwh,
        )
        self.rows = RowMaker(self.truck)
        self._asleep_command = Command(contactor_close=(False,) * description.pack.n_strings)
        self._result: CycleResult | None = None
        self._command = self._asleep_command
        self._faults: tuple[Fault, ...] = ()
        self._health: tuple[Finding, ...] = ()
        self._preview: Preview = NO_PREVIEW
        self._next_preview_s = self._next_signals_s = self._next_cells_s = self._next_progress_s = 0.0
        self._signals_s = self._cells_s = -1.0
        # read always, so that what is recorded does not shift the sensors' noise
        self._measurement_columns = measurement_columns(self.truck.measure())

    def meta(self) -> dict[str, Any]:
        """Return what the recording says of itself."""
        chemistry = self.truck.cell.chemistry
        return {
            "title": self.settings.title,
            "name": self.scenario.name,
            "scenario": self.settings.model_dump(mode="json"),
            "truck": self.scenario.truck.model_dump(mode="json"),
            "controller": self.settings.controller.name,
            "comfort_band_degc": COMFORT_BAND_DEGC[chemistry],
            "usable_energy_kwh": self._usable_kwh,
            "tick_s": self.settings.tick_s,
            "seed": self.settings.seed,
            "versions": {name: _version(name) for name in ("thermal-bms", "numpy", "numba", "scipy")},
            "energy_balance": ENERGY_BALANCE,
            "phases": [],
            **health_meta(self.health),
        }

    def streams(self) -> dict[str, Any]:
        """Return the recording's streams and their columns."""
        streams: dict[str, Any] = {
            "signals": signal_columns(self.truck),
            "cells": cell_columns(self.truck),
            "energy": energy_columns(),
            "events": list(EVENTS),
            HEALTH: list(HEALTH_COLUMNS),
        }
        streams |= self._runaway_rows.streams()
        if self.settings.recording.measurements:
            streams["measurement"] = self._measurement_columns
        return streams

    def run(self, recorder: Recorder) -> None:
        """Run every phase of the day."""
        self._record(recorder, 0)
        for index, phase in enumerate(self.settings.phase):
            start_s = self._next_preview_s = self.truck.time_s
            if isinstance(phase, DrivePhase):
                self._drive(recorder, index, phase)
            elif isinstance(phase, ParkPhase):
                self._park(recorder, index, phase)
            else:
                self._charge(recorder, index, phase)
            self.phase_table.append(
                {
                    "name": phase.name or phase.kind,
                    "kind": phase.kind,
                    "start_s": start_s,
                    "end_s": self.truck.time_s,
                }
            )
            recorder.add_meta({"phases": self.phase_table})
        self._record_end(recorder)
        if self._progress:
            self._progress(self.truck.time_s, self.truck.time_s)

    # --- phases ---

    def _drive(self, recorder: Recorder, index: int, phase: DrivePhase) -> None:
        cycle = self.cycles[index]
        if cycle is None:
            raise TypeError("a drive phase without a cycle")
        self.truck.load(self._payload_kg if phase.payload_kg is None else phase.payload_kg)
        self._connect(recorder, index)
        self.truck.drive(cycle.arrays(self.scenario.truck.vehicle.comfort_decel_m_per_s2))
        end_s = self.truck.time_s + phase.duration_max_h * SECONDS_PER_HOUR
        start_s = self.truck.time_s
        while not self.truck.drive_finished:
            if self.truck.time_s >= end_s:
                self.warnings.append(
                    f"phase {index} ({phase.cycle}) stopped after {phase.duration_max_h:g} h, not finished"
                )
                break
            self._tick(recorder, index, start_s)
        self.rows.distance_m += float(self.truck.vehicle[0].position_m)
        self.truck.park()

    def _park(self, recorder: Recorder, index: int, phase: ParkPhase) -> None:
        start_s = self.truck.time_s
        end_s = start_s + phase.duration_h * SECONDS_PER_HOUR
        wake_s = phase.wake_interval_min * 60.0 or float("inf")
        self._disconnect(recorder, index, start_s)
        next_wake_s = start_s + wake_s
        while self.truck.time_s < end_s:
            self._sleep(recorder, index, min(end_s, next_wake_s))
            if self.truck.time_s < end_s:
                self._awake(
                    recorder, index, start_s, min(end_s, self.truck.time_s + phase.wake_duration_min * 60.0)
                )
                self._disconnect(recorder, index, start_s)
                next_wake_s += wake_s

    def _charge(self, recorder: Recorder, index: int, phase: ChargePhase) -> None:
        start_s = self.truck.time_s
        self._connect(recorder, index)
        self.unit.charging.settings = ChargeSettings(target_soc=phase.until_soc)
        self.truck.plug(charger(phase.charger))
        if phase.duration_h is not None:
            self._awake(recorder, index, start_s, start_s + phase.duration_h * SECONDS_PER_HOUR)
        else:
            self._charge_until_done(recorder, index, phase, start_s)
        self.truck.park()

    def _charge_until_done(self, recorder: Recorder, index: int, phase: ChargePhase, start_s: float) -> None:
        """Charge until target or cell voltage end it; cells that are too cold, or too hot, are waited for."""
        end_s = start_s + phase.duration_max_h * SECONDS_PER_HOUR
        idle_s = blocked_s = 0.0
        has_charged = False
        while idle_s < CHARGE_DONE_S:
            if blocked_s >= CHARGE_BLOCKED_S:
                self.warnings.append(f"phase {index} (charge) given up: blocked by a fault for 30 min")
                break
            if self.truck.time_s >= end_s:
                self.warnings.append(f"phase {index} (charge) given up after {phase.duration_max_h:g} h")
                break
            dt_s = self._tick(recorder, index, start_s)
            has_charged = has_charged or self._battery_is_charging()
            idle_s = idle_s + dt_s if self._charge_over(has_charged=has_charged) else 0.0
            blocked = self._result is not None and (
                self._result.charge_limit is LimitCause.FAULT or not any(self._command.contactor_close)
            )
            blocked_s = blocked_s + dt_s if blocked else 0.0

    def _charge_over(self, *, has_charged: bool) -> bool:
        """Return whether no current means that the charge is over, not that something keeps it waiting."""
        if self._result is None or self._battery_is_charging():
            return False
        limit = LimitCause(self._result.charge_limit)
        return limit in CHARGE_ENDS or (limit is LimitCause.NONE and has_charged)

    def _battery_is_charging(self) -> bool:
        return self._result is not None and self._result.estimate.pack_current_a < -1.0

    # --- ticks ---

    def _awake(self, recorder: Recorder, index: int, start_s: float, end_s: float) -> None:
        self.truck.asleep = False
        while self.truck.time_s < end_s - 1e-9:
            self._tick(recorder, index, start_s)

    def _sleep(self, recorder: Recorder, index: int, until_s: float) -> None:
        self.truck.asleep = True
        self._result = None
        self._command = replace(self._asleep_command, balance_current_a=self._command.balance_current_a)
        self.link.write(self._command)
        while self.truck.time_s < until_s - 1e-9:
            self._advance(
                recorder, index, min(max(SLEEP_TICK_S, self.settings.tick_s), until_s - self.truck.time_s)
            )
        self.truck.asleep = False

    def _connect(self, recorder: Recorder, index: int) -> None:
        """Wake up; give the control unit a few ticks to close what it can, unless all is closed already."""
        self.truck.asleep = False
        for _ in range(SETTLE_TICKS):
            if self.truck.state.string_closed.all():
                return
            self._tick(recorder, index, self.truck.time_s)

    def _disconnect(self, recorder: Recorder, index: int, start_s: float) -> None:
        for _ in range(SETTLE_TICKS):
            self._tick(recorder, index, start_s, wake=False)

    def _tick(self, recorder: Recorder, index: int, start_s: float, *, wake: bool = True) -> float:
        """Make one tick of the closed loop and return its length [s]."""
        dt_s = self.settings.tick_s
        now_s = self.truck.time_s
        if now_s >= self._next_preview_s:
            cell_degc = self._result.estimate.cell_temp_mean_degc if self._result else math.nan
            self._preview = self.plan.preview(index, now_s - start_s, now_s=now_s, cell_temp_degc=cell_degc)
            self._next_preview_s = now_s + PREVIEW_EVERY_S
        measurement = self.link.read()
        self._result = control_cycle(self.unit, measurement, self._preview, dt_s, wake=wake)
        self._command = self._result.command
        if self._result.faults != self._faults:
            for event in fault_events(self._faults, self._result.faults, now_s):
                recorder.append("events", event)
            self._faults = self._result.faults
        if self._result.health is not self._health:
            self._health = self._result.health
            for finding in self._health:
                recorder.append(HEALTH, health_row(finding, now_s))
        self.link.write(self._command)
        if self.settings.recording.measurements:
            recorder.append("measurement", measurement_row(measurement, self._command))
        self._advance(recorder, index, dt_s)
        return dt_s

    def _advance(self, recorder: Recorder, index: int, dt_s: float) -> None:
        if self._faulty is not None:
            self._faulty.begin(self.truck.time_s)
        self.truck.step(Surroundings(*self._weather), dt_s)
        self._weather = self.climate.ambient(self.truck.time_s)
        if self.truck.runaway is not None:
            self._runaway_rows.add_events(recorder, self.truck.runaway)
        if self.truck.time_s >= self._next_signals_s - 1e-6:
            self._record(recorder, index)
        if self._progress and self.truck.time_s >= self._next_progress_s:
            self._next_progress_s = self.truck.time_s + PROGRESS_EVERY_S
            self._progress(self.truck.time_s, max(self.plan.total_s, self.truck.time_s))

    def _record(self, recorder: Recorder, index: int) -> None:
        now_s = self.truck.time_s
        recorder.append("signals", self.rows.signals(index, self._weather, self._result, self._command))
        if self.truck.runaway is not None:
            self._runaway_rows.add_cells(recorder, self.truck.runaway, now_s)
        self._signals_s = now_s
        self._next_signals_s = now_s + self.settings.recording.signals_every_s
        if now_s >= self._next_cells_s - 1e-6:
            recorder.append("cells", self.rows.cells())
            recorder.append("energy", self.rows.energy())
            self._cells_s = now_s
            self._next_cells_s = now_s + self.settings.recording.cells_every_s

    def _record_end(self, recorder: Recorder) -> None:
        """Record the last instant, whatever the intervals."""
        now_s = self.truck.time_s
        self._next_cells_s = now_s if self._cells_s < now_s else float("inf")
        if self._signals_s < now_s:
            self._record(recorder, len(self.settings.phase) - 1)
        elif self._cells_s < now_s:
            recorder.append("cells", self.rows.cells())
            recorder.append("energy", self.rows.energy())


def cycle_of(phase: Phase, folder: Path) -> DriveCycle | None:
    """Return the cycle of a phase, repeated, capped and cut as it says; None unless it drives."""
    if not isinstance(phase, DrivePhase):
        return None
    cycle = load_cycle(phase.cycle, folder=folder).repeated(phase.repeat)
    if phase.speed_cap_km_per_h is not None:
        cycle = cycle.capped(kmh_to_m_per_s(phase.speed_cap_km_per_h))
    if phase.distance_km is not None:
        cycle = cycle.repeated_to(phase.distance_km * 1000.0)
    return cycle


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
