"""Every scenario of the library passes its own checks, and every check named in it can fail."""

from pathlib import Path
from typing import Any

import pytest

from scenarios.faults import FaultEntry
from scenarios.rows import EVENTS
from scenarios.runner import RunResult, run
from scenarios.scenario import ChargePhase, LoadedScenario, library_names, load_scenario
from thermal_bms.faults import FaultCode, Severity
from thermal_bms.recording import Recording

CLOSURES = {"electrical_closure", "thermal_closure"}  # shown able to fail in the tests of the energy balance
QUIET = "fault_count_max"  # shown able to fail by a lost sensor, below
DEGRADED = [
    pytest.param(name, index, id=f"{name}-{entry.fault.kind}-{entry.fails}")
    for name in library_names()
    for index, entry in enumerate(load_scenario(name).settings.degraded)
]


WITHOUT_FAULTS = [name for name in library_names() if QUIET in load_scenario(name).settings.checks]


@pytest.fixture(scope="module")
def outcomes() -> dict[str, RunResult]:
    """Results of the runs, healthy ones by name, others by name and fault; made when first asked for."""
    return {}


def healthy(name: str, outcomes: dict[str, RunResult], folder: Path) -> RunResult:
    if name not in outcomes:
        outcomes[name] = run(load_scenario(name), folder)
    return outcomes[name]


def failed_checks(result: RunResult) -> set[str]:
    return {check.name for check in result.checks if not check.passed}


def changed(scenario: LoadedScenario, **changes: Any) -> LoadedScenario:
    settings = scenario.settings.model_copy(update=changes)
    return LoadedScenario(scenario.name, settings, scenario.truck, scenario.folder)


def with_fault(scenario: LoadedScenario, index: int) -> LoadedScenario:
    faults = (*scenario.settings.fault, scenario.settings.degraded[index].fault)
    return changed(scenario, fault=faults)


def degraded(name: str, index: int, outcomes: dict[str, RunResult], folder: Path) -> RunResult:
    scenario = load_scenario(name)
    key = f"{name} with {scenario.settings.degraded[index].fault!r}"
    if key not in outcomes:
        outcomes[key] = run(with_fault(scenario, index), folder)
    return outcomes[key]


@pytest.mark.parametrize("name", library_names())
def test_a_library_scenario_passes_its_own_checks(
    name: str, outcomes: dict[str, RunResult], tmp_path: Path
) -> None:
    result = healthy(name, outcomes, tmp_path)
    assert failed_checks(result) == set()


@pytest.mark.parametrize("name", library_names())
def test_the_energy_books_of_a_library_scenario_close(
    name: str, outcomes: dict[str, RunResult], tmp_path: Path
) -> None:
    kpis = healthy(name, outcomes, tmp_path).kpis
    assert kpis["electrical_closure"] < 1e-6
    assert kpis["thermal_closure"] < 1e-6


@pytest.mark.parametrize("name", [name for name in library_names() if not load_scenario(name).settings.fault])
def test_no_warning_and_no_trip_fires_in_a_healthy_scenario(
    name: str, outcomes: dict[str, RunResult], tmp_path: Path
) -> None:
    events = Recording(healthy(name, outcomes, tmp_path).recording_path).stream("events")
    severity = EVENTS.index("severity")
    loud = [row for chunk in events.chunks() for row in chunk if row[severity] >= Severity.WARNING]
    assert [FaultCode(int(row[EVENTS.index("code")])).name for row in loud] == []


@pytest.mark.parametrize(("name", "index"), DEGRADED)
def test_a_degraded_truck_fails_the_check_that_names_it(
    name: str, index: int, outcomes: dict[str, RunResult], tmp_path: Path
) -> None:
    result = degraded(name, index, outcomes, tmp_path)
    assert load_scenario(name).settings.degraded[index].fails in failed_checks(result)


@pytest.mark.parametrize("name", WITHOUT_FAULTS)
def test_a_lost_sensor_fails_the_check_that_asks_for_no_fault(name: str, tmp_path: Path) -> None:
    plugged = ChargePhase(kind="charge", charger="ac_22kw", duration_h=0.02)
    lost = FaultEntry(kind="sensor_lost", target="cell_temp_degc", time_s=30.0)
    short = changed(load_scenario(name), phase=(plugged,))
    assert QUIET not in failed_checks(run(short, tmp_path))
    assert QUIET in failed_checks(run(changed(short, fault=(lost,)), tmp_path))


@pytest.mark.parametrize("name", library_names())
def test_every_check_is_shown_able_to_fail(name: str) -> None:
    settings = load_scenario(name).settings
    shown = {entry.fails for entry in settings.degraded}
    assert set(settings.checks) - CLOSURES - {QUIET} - shown == set()


def test_the_library_covers_what_it_should() -> None:
    scenarios = [load_scenario(name) for name in library_names()]
    assert len(scenarios) >= 8
    assert {s.truck.weight_class for s in scenarios} == {"heavy", "medium", "light"}
    assert {s.truck.cooling for s in scenarios} == {"liquid", "air"}
    assert {phase.kind for s in scenarios for phase in s.settings.phase} == {"drive", "park", "charge"}
