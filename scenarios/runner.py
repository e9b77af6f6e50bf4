"""Running a scenario: a day into a folder, with recording, figures, checks and summary."""

import json
import math
from dataclasses import asdict, dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

from plant_models.truck import compile_kernels
from scenarios.ageing import ageing_warnings
from scenarios.checks import CheckResult, evaluate_checks
from scenarios.day import Day, Progress
from scenarios.health_rows import health_warnings
from scenarios.metrics import compute_kpis
from scenarios.scenario import LoadedScenario
from thermal_bms.recording import FILE_NAME, Recorder, Recording

SUMMARY_NAME = "summary.json"


@dataclass(frozen=True)
class RunResult:
    """What a run leaves: where its files are, its figures and its verdict."""

    recording_path: Path
    summary_path: Path
    kpis: dict[str, float]
    checks: list[CheckResult]
    warnings: list[str] = field(default_factory=list)
    timings: dict[str, float] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """Whether every check holds."""
        return all(check.passed for check in self.checks)


def run(scenario: LoadedScenario, out: Path, progress: Progress | None = None) -> RunResult:
    """Simulate a scenario into the folder ``out``: recording and summary.

    Parameters
    ----------
    scenario : from ``load_scenario``
    out : folder that is there and can be written
    progress : called now and then with the seconds simulated and the seconds planned

    Raises
    ------
    ThermalBmsError
        when truck, cycle, climate, controller or folder cannot be used. An interrupted run leaves the recording
        readable and marked incomplete.
    """
    started = perf_counter()
    compile_kernels(scenario.truck, scenario.settings.cell_model)
    day = Day(scenario, progress)
    built = perf_counter()
    path = out / FILE_NAME
    with Recorder(path, day.meta(), day.streams()) as recorder:
        day.run(recorder)
    ran = perf_counter()
    recording = Recording(path)
    kpis = compute_kpis(recording)
    checks = evaluate_checks(kpis, scenario.settings.checks)
    timings = {"build_s": built - started, "run_s": ran - built, "metrics_s": perf_counter() - ran}
    warnings = [*day.warnings, *ageing_warnings(recording), *health_warnings(recording)]
    result = RunResult(path, out / SUMMARY_NAME, kpis, checks, warnings, timings)
    write_summary(scenario, result)
    return result


def write_summary(scenario: LoadedScenario, result: RunResult) -> None:
    """Write ``summary.json``: figures, checks, warnings, timings; null where a figure is not a number."""
    summary = {
        "scenario": scenario.name,
        "title": scenario.settings.title,
        "passed": result.passed,
        "kpis": result.kpis,
        "checks": [asdict(check) for check in result.checks],
        "warnings": result.warnings,
        "timings": result.timings,
    }
    text = json.dumps(for_json(summary), indent=2, allow_nan=False)
    result.summary_path.write_text(text + "\n", encoding="utf-8")


def for_json(value: Any) -> Any:  # any JSON value, in and out
    """Return ``value`` with null in place of NaN and infinity, which JSON does not know."""
    if isinstance(value, dict):
        return {key: for_json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [for_json(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
