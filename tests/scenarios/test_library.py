"""Every scenario of the library passes its own checks, and every check named in it can fail."""

from pathlib import Path

import pytest

from scenarios.runner import RunResult, run
from scenarios.scenario import LoadedScenario, library_names, load_scenario

DEGRADED = [
    pytest.param(name, index, id=f"{name}-{entry.fault.kind}")
    for name in library_names()
    for index, entry in enumerate(load_scenario(name).settings.degraded)
]


@pytest.fixture(scope="module")
def outcomes() -> dict[str, RunResult]:
    """Results of the healthy runs, made when first asked for."""
    return {}


def healthy(name: str, outcomes: dict[str, RunResult], folder: Path) -> RunResult:
    if name not in outcomes:
        outcomes[name] = run(load_scenario(name), folder)
    return outcomes[name]


def failed_checks(result: RunResult) -> set[str]:
    return {check.name for check in result.checks if not check.passed}


def with_fault(scenario: LoadedScenario, index: int) -> LoadedScenario:
    settings = scenario.settings
    faults = (*settings.fault, settings.degraded[index].fault)
    changed = settings.model_copy(update={"fault": faults})
    return LoadedScenario(scenario.name, changed, scenario.truck, scenario.folder)


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


@pytest.mark.parametrize(("name", "index"), DEGRADED)
def test_a_degraded_truck_fails_the_check_that_names_it(name: str, index: int, tmp_path: Path) -> None:
    scenario = load_scenario(name)
    result = run(with_fault(scenario, index), tmp_path)
    assert scenario.settings.degraded[index].fails in failed_checks(result)


def test_every_scenario_names_a_degraded_run() -> None:
    assert [name for name in library_names() if not load_scenario(name).settings.degraded] == []


def test_the_library_covers_what_it_should() -> None:
    scenarios = [load_scenario(name) for name in library_names()]
    assert len(scenarios) >= 8
    assert {s.truck.weight_class for s in scenarios} == {"heavy", "medium", "light"}
    assert {s.truck.cooling for s in scenarios} == {"liquid", "air"}
    assert {phase.kind for s in scenarios for phase in s.settings.phase} == {"drive", "park", "charge"}
