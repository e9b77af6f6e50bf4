"""A day end to end: files, phases, interruption, repeatability, replay, a controller that fails."""

import itertools
import json
import math
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from plant_models.truck import Surroundings
from scenarios.day import Day
from scenarios.energy_balance import energy_balances
from scenarios.runner import SUMMARY_NAME, RunResult, run
from scenarios.scenario import LoadedScenario
from tests.unit.scenarios.small_days import load_day
from thermal_bms.link import DirectLink, ReplayLink
from thermal_bms.recording import FILE_NAME, Recorder, Recording
from thermal_bms.signals import Command, LimitCause, Measurement, VehicleMode

PHASES = ("round the block", "park", "charge")

FAILING = """
from thermal_bms.signals import LimitCause, ThermalCommand


class Failing:
    def step(self, measurement, estimate, limits, preview, applied, dt_s):
        if measurement.time_s >= 20.0:
            {failure}
        return ThermalCommand(pump_duty=0.5)

    def reset(self):
        pass


def build(settings, truck):
    return Failing()
"""


@pytest.fixture(scope="module")
def scenario(tmp_path_factory: pytest.TempPathFactory) -> LoadedScenario:
    return load_day(tmp_path_factory.mktemp("day"), ["recording.measurements=true"])


@pytest.fixture(scope="module")
def done(scenario: LoadedScenario, tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    return run(scenario, tmp_path_factory.mktemp("out"))


@pytest.fixture(scope="module")
def recording(done: RunResult) -> Recording:
    return Recording(done.recording_path)


# --- what a run leaves ---


def test_a_small_day_passes_its_checks_and_leaves_a_complete_recording(
    done: RunResult, recording: Recording
) -> None:
    assert done.passed
    assert done.warnings == []
    assert recording.complete
    assert recording.streams == ["signals", "cells", "energy", "events", "health", "measurement"]
    assert done.kpis["electrical_closure"] < 1e-8
    assert done.kpis["thermal_closure"] < 1e-8
    assert done.kpis["distance_km"] > 0.3
    assert done.kpis["grid_kwh"] > 0.01


def test_rows_run_from_the_start_to_the_end_without_a_gap(recording: Recording) -> None:
    time_s = recording["time_s"]
    assert time_s[0] == 0.0
    assert np.diff(time_s).min() > 0.0
    assert np.diff(time_s).max() <= 10.0
    assert recording.stream("energy")["time_s"][-1] == time_s[-1]
    assert recording.stream("cells")["time_s"][-1] == time_s[-1]
    assert np.isfinite(recording["cell_temp_max_degc"]).all()


def test_phases_stand_in_the_recording_one_behind_the_other(recording: Recording) -> None:
    phases = recording.meta["phases"]
    assert [phase["name"] for phase in phases] == list(PHASES)
    assert [phase["kind"] for phase in phases] == ["drive", "park", "charge"]
    assert phases[0]["start_s"] == 0.0
    for before, after in itertools.pairwise(phases):
        assert before["start_s"] < before["end_s"] == after["start_s"]
    assert phases[-1]["end_s"] == recording["time_s"][-1]
    modes = recording["vehicle_mode"]
    index = recording["phase_index"]
    assert set(modes[index == 2.0]) >= {float(VehicleMode.CHARGE)}
    assert float(VehicleMode.DRIVE) not in modes[index > 0.0]
    assert recording["asleep"][index == 1.0].any()


def test_a_sleeping_truck_draws_nothing_and_a_charging_one_fills_up(recording: Recording) -> None:
    asleep = recording["asleep"] > 0.5
    asleep &= np.roll(asleep, 1)  # the first row stands for a time awake as well
    assert not recording["pack_power_w"][asleep].any()
    charging = recording["charger_power_w"] > 1e3
    assert charging.any()
    assert recording["soc"][-1] > recording["soc"][charging][0]


def test_the_summary_is_the_result(scenario: LoadedScenario, done: RunResult) -> None:
    assert done.summary_path == done.recording_path.parent / SUMMARY_NAME
    text = done.summary_path.read_text()
    summary = json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} is not JSON"))
    assert summary["scenario"] == scenario.name
    assert summary["title"] == scenario.settings.title
    assert summary["passed"] is True
    assert summary["warnings"] == done.warnings
    assert summary["timings"] == done.timings
    assert set(summary["kpis"]) == set(done.kpis)
    for name, value in done.kpis.items():
        assert summary["kpis"][name] == (value if math.isfinite(value) else None)
    assert summary["checks"] == [asdict(check) for check in done.checks]


def test_the_recording_says_what_was_run(recording: Recording, scenario: LoadedScenario) -> None:
    meta = recording.meta
    assert meta["seed"] == 7
    assert meta["controller"] == "pid"
    assert meta["truck"]["cooling"] == "air"
    assert meta["scenario"]["recording"]["measurements"] is True
    assert scenario.settings.model_validate(meta["scenario"]) == scenario.settings


def test_progress_rises_to_what_was_simulated(tmp_path: Path) -> None:
    told: list[tuple[float, float]] = []
    result = run(load_day(tmp_path), tmp_path, lambda *pair: told.append(pair))
    seconds = [now_s for now_s, _ in told]
    assert seconds == sorted(seconds)
    assert told[-1][0] == told[-1][1] == Recording(result.recording_path)["time_s"][-1]
    assert all(now_s <= planned_s for now_s, planned_s in told)


# --- interruption ---


@pytest.mark.parametrize("stop_s", [30.0, 100.0])
def test_an_interrupted_run_leaves_what_it_recorded_marked_incomplete(tmp_path: Path, stop_s: float) -> None:
    scenario = load_day(tmp_path)
    day = Day(scenario)
    step = day.truck.step

    def interrupted(surroundings: Surroundings, dt_s: float) -> None:
        if day.truck.time_s >= stop_s:
            raise KeyboardInterrupt
        step(surroundings, dt_s)

    day.truck.step = interrupted  # type: ignore[method-assign]
    with (
        pytest.raises(KeyboardInterrupt),
        Recorder(tmp_path / FILE_NAME, day.meta(), day.streams()) as recorder,
    ):
        day.run(recorder)
    recording = Recording(tmp_path / FILE_NAME)
    assert not recording.complete
    assert recording["time_s"][-1] == pytest.approx(stop_s, abs=10.0)
    ended = [phase["name"] for phase in recording.meta["phases"]]
    assert ended == list(PHASES[: len(ended)])
    assert len(ended) == (0 if stop_s < 60.0 else 2)


def test_ctrl_c_in_the_middle_leaves_no_summary(tmp_path: Path) -> None:
    def stop(now_s: float, _planned_s: float) -> None:
        if now_s > 30.0:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(load_day(tmp_path), tmp_path, stop)
    assert not Recording(tmp_path / FILE_NAME).complete
    assert not (tmp_path / SUMMARY_NAME).exists()


# --- repeatability ---


def test_the_same_seed_gives_the_same_file_bit_by_bit_and_another_seed_does_not(
    scenario: LoadedScenario, done: RunResult, tmp_path: Path
) -> None:
    first = done.recording_path.read_bytes()
    assert run(scenario, tmp_path).recording_path.read_bytes() == first
    other = load_day(tmp_path, ["recording.measurements=true", "seed=8"])
    changed = Recording(run(other, tmp_path).recording_path)
    assert not np.array_equal(
        changed["cell_voltage_min_v"], Recording(done.recording_path)["cell_voltage_min_v"]
    )


class Replayed:
    """Reads the recorded day, compares every answer to it, and lets the truck drive on by the answers.

    The command of a truck that falls asleep answers no measurement and is not compared.
    """

    def __init__(self, replay: ReplayLink, truck: DirectLink) -> None:
        self._replay = replay
        self._truck = truck
        self._answered = True

    def read(self) -> Measurement:
        self._answered = False
        return self._replay.read()

    def write(self, command: Command) -> None:
        if not self._answered:
            self._replay.write(command)
        self._answered = True
        self._truck.write(command)


def replayed(scenario: LoadedScenario, recording: Recording, out: Path) -> ReplayLink:
    """Return the link after a day with a fresh control unit that was told the recorded measurements."""
    replay = ReplayLink(recording)
    day = Day(scenario)
    day.link = Replayed(replay, DirectLink(day.truck))
    with Recorder(out / FILE_NAME, day.meta(), day.streams()) as recorder:
        day.run(recorder)
    return replay


def test_a_fresh_control_unit_answers_the_recorded_day_bit_by_bit(
    scenario: LoadedScenario, recording: Recording, tmp_path: Path
) -> None:
    replay = replayed(scenario, recording, tmp_path)
    assert replay.at_end
    assert replay.command_count == len(replay) > 120
    assert replay.differences == []
    assert replay.difference_count == 0


def test_a_replay_notices_another_controller(recording: Recording, tmp_path: Path) -> None:
    other = load_day(tmp_path, ["controller.name=thermostat", "recording.measurements=true"])
    assert replayed(other, recording, tmp_path).difference_count > 0


# --- recording less often ---


@pytest.mark.parametrize("every_s", [5.0, 7.0])
def test_recording_less_often_changes_no_energy(
    done: RunResult, recording: Recording, tmp_path: Path, every_s: float
) -> None:
    settings = [f"recording.signals_every_s={every_s}", "recording.cells_every_s=100"]
    result = run(load_day(tmp_path, settings), tmp_path)
    rare = Recording(result.recording_path)
    assert len(rare) < 0.4 * len(recording)
    assert rare["time_s"][-1] == recording["time_s"][-1]
    for domain, balance in energy_balances(rare).items():
        for term, fine in zip(balance.terms, energy_balances(recording)[domain].terms, strict=True):
            assert term.energy_j == pytest.approx(fine.energy_j, rel=1e-12)  # sums of other differences
    for name in (
        "grid_kwh",
        "pump_energy_kwh",
        "fan_energy_kwh",
        "cell_heat_kwh",
        "distance_km",
        "duration_h",
    ):
        assert result.kpis[name] == pytest.approx(done.kpis[name], rel=1e-9), name


# --- a controller that fails ---


@pytest.mark.parametrize(
    "failure",
    ["raise ZeroDivisionError('no')", "return ThermalCommand(pump_duty=float('nan'))", "return None"],
)
def test_a_controller_that_fails_is_replaced_by_the_safe_command_and_the_run_ends_normally(
    tmp_path: Path, failure: str
) -> None:
    (tmp_path / "failing.py").write_text(FAILING.format(failure=failure))
    scenario = load_day(tmp_path, [f"controller.name='{tmp_path / 'failing.py'}:build'"])
    result = run(scenario, tmp_path)
    recording = Recording(result.recording_path)
    assert recording.complete
    time_s = recording["time_s"]
    assert not recording["fault_count"][time_s < 20.0].any()
    awake = (time_s > 22.0) & ~(recording["asleep"] > 0.5)
    assert (recording["fault_count"][awake] >= 1.0).all()
    for name in ("pump_duty", "fan_duty", "compressor_duty", "heater_duty"):
        assert np.isfinite(recording[name]).all()
        assert (recording[name] >= 0.0).all()
    assert (recording["pump_duty"][(time_s > 40.0) & (time_s < 60.0)] > 0.0).all()
    assert not recording["heater_duty"][time_s > 30.0].any()
    assert recording["soc"][-1] > 0.5


# --- phases that do not end as planned ---


def test_a_drive_that_takes_too_long_is_stopped_with_a_warning(tmp_path: Path) -> None:
    result = run(load_day(tmp_path, ["phase.0.duration_max_h=0.005"]), tmp_path)
    assert result.warnings == ["phase 0 (block.csv) stopped after 0.005 h, not finished"]


def test_a_charge_that_comes_to_nothing_is_given_up_with_a_warning(tmp_path: Path) -> None:
    changes = ["phase.2={kind='charge',charger='ac_22kw',until_soc=0.9,duration_max_h=0.02}"]
    result = run(load_day(tmp_path, changes), tmp_path)
    assert result.warnings == ["phase 2 (charge) given up after 0.02 h"]


def test_a_charge_ends_when_its_target_is_reached(tmp_path: Path) -> None:
    changes = ["phase.2={kind='charge',charger='ac_22kw',until_soc=0.59}", "initial.soc=0.585"]
    recording = Recording(run(load_day(tmp_path, changes), tmp_path).recording_path)
    assert recording["soc"][-1] == pytest.approx(0.59, abs=0.01)
    assert recording["time_s"][-1] < 1200.0


COLD_CHARGE = [
    "phase.2={kind='charge',charger='ac_22kw',until_soc=0.7,duration_max_h=1.0}",
    "initial.cell_temp_degc=-12.0",
    "climate.temp_degc=-12.0",
]


def test_a_charge_waits_for_cells_that_are_too_cold_until_the_heater_has_warmed_them(tmp_path: Path) -> None:
    result = run(load_day(tmp_path, COLD_CHARGE), tmp_path)
    recording = Recording(result.recording_path)
    plugged = recording["phase_index"] == 2.0
    waiting = plugged & (recording["charge_limit"] == float(LimitCause.CELL_TEMP_LOW))
    waiting &= recording["pack_current_a"] > -1.0
    assert np.count_nonzero(waiting) > 120
    assert recording["soc"][-1] > recording["soc"][plugged][0] + 0.02


def test_a_charge_of_cells_that_stay_too_cold_is_given_up_with_a_warning(tmp_path: Path) -> None:
    fault = "fault=[{kind='heater_off'}]"
    changes = [COLD_CHARGE[0].replace("1.0}", "0.1}"), *COLD_CHARGE[1:], fault]
    result = run(load_day(tmp_path, changes), tmp_path)
    assert "phase 2 (charge) given up after 0.1 h" in result.warnings


def test_a_charge_that_a_fault_keeps_blocked_is_given_up_after_half_an_hour(tmp_path: Path) -> None:
    changes = [
        "phase.2={kind='charge',charger='ac_22kw',until_soc=0.9}",
        "fault=[{kind='sensor_lost',target='string_current_a'}]",
    ]
    result = run(load_day(tmp_path, changes), tmp_path)
    assert "phase 2 (charge) given up: blocked by a fault for 30 min" in result.warnings
