"""What a run has to say, as tables: figures, checks with margins, files, speed."""

import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from thermal_bms.cli.progress import SECONDS_PER_HOUR
from thermal_bms.cli.tables import number, table

if TYPE_CHECKING:
    from scenarios.checks import CheckResult
    from scenarios.runner import RunResult
    from scenarios.scenario import LoadedScenario

HEADLINES = (
    "distance_km",
    "duration_h",
    "missed_distance_km",
    "soc_start",
    "soc_end",
    "energy_kwh_per_km",
    "range_km",
    "thermal_energy_kwh",
    "thermal_kwh_per_100_km",
    "cell_temp_min_degc",
    "cell_temp_max_degc",
    "cell_temp_spread_max_k",
    "comfort_violation_k_s",
    "battery_cooling_starts",
    "charged_kwh",
    "charge_minutes",
    "charging_power_max_w",
    "ageing_percent_per_day",
    "ageing_eur_per_day",
)


def show(
    scenario: "LoadedScenario", result: "RunResult", files: Sequence[Path], *, after_s: float, quiet: bool
) -> None:
    """Print figures, checks and files; when quiet, only the checks that failed."""
    for warning in result.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    if quiet:
        failed = [check for check in result.checks if not check.passed]
        print(checks_table(failed), end="\n" if failed else "")
        return
    settings = scenario.settings
    blocks = [
        f"{settings.title} (truck {settings.truck}, controller {settings.controller.name})",
        figures_table(result.kpis),
        checks_table(result.checks),
        "\n".join(str(path) for path in files) + "\n" + speed(result, after_s),
        verdict(result.checks),
    ]
    print("\n\n".join(block for block in blocks if block))


def figures_table(kpis: Mapping[str, float]) -> str:
    """Return the main figures with units; one that does not apply to this day is NaN and left out."""
    from scenarios.checks import KPIS

    known = [name for name in HEADLINES if not math.isnan(kpis.get(name, math.nan))]
    return table([(KPIS[name].label, number(kpis[name]), KPIS[name].unit) for name in known], right=[1])


def checks_table(checks: Sequence["CheckResult"]) -> str:
    """Return the checks with limit and margin; nothing when there are none."""
    from scenarios.checks import KPIS

    rows = [
        (
            "ok" if check.passed else "FAILED",
            check.name,
            number(check.value),
            check.limit_text,
            f"{number(check.margin)} {_margin_unit(KPIS[check.name].unit)}".rstrip(),
        )
        for check in checks
    ]
    return table(rows, header=("check", "figure", "value", "limit", "margin"), right=[2]) if rows else ""


def verdict(checks: Sequence["CheckResult"]) -> str:
    """Return the last line: how many checks passed or failed; nothing when there are none."""
    failed = sum(not check.passed for check in checks)
    if failed:
        return f"FAILED: {failed} of {len(checks)} checks"
    return f"ok: {len(checks)} of {len(checks)} checks passed" if checks else ""


def _margin_unit(unit: str) -> str:
    return "K" if unit == "degC" else unit  # a margin is a difference


def speed(result: "RunResult", after_s: float) -> str:
    """Return how fast the run was."""
    simulated_s = result.kpis.get("duration_h", 0.0) * SECONDS_PER_HOUR
    run_s = result.timings.get("run_s", 0.0)
    pace = f", {number(simulated_s / run_s)} x real time" if run_s > 0.0 else ""
    hours = number(simulated_s / SECONDS_PER_HOUR)
    return f"simulated {hours} h in {run_s:.1f} s{pace}; report and exports in {after_s:.1f} s"
