"""Measure the figures of docs/health.md and print them as tables.

``--part slow`` (four minutes), ``runaway`` (one minute), ``false`` (six minutes with three seeds) or all of them.
Nothing here is asserted: short forms stand in tests/scenarios/test_health.py.
"""

import argparse
import math
from collections.abc import Iterator, Sequence

from scenarios.health_bench import RunawayCase, SlowCase, fault, run_day, run_runaway, run_slow
from scenarios.health_rows import health_stories
from scenarios.scenario import LIBRARY
from thermal_bms.faults import FaultCode
from thermal_bms.health import FindingKind
from thermal_bms.units import SECONDS_PER_HOUR

DAY, NMC_DAY, WEEKEND = "heavy_lfp_truck_day", "medium_nmc_regional", "heavy_lfp_cold_weekend"
EVERY_STRING = tuple(str(k) for k in range(3))
UPPER_EVENTS = 3.0  # of a Poisson law, 95 %, when none was seen
AEROGEL = {"pack": {"enclosure": {"barrier_thickness_m": 0.003, "barrier_w_per_mk": 0.03}}}


def short(ohm: float, scenario: str = NMC_DAY, *, tuned: bool = False) -> SlowCase:
    """Return a soft short in one group."""
    return SlowCase(
        f"soft short {ohm:g} ohm",
        scenario,
        (fault("internal_short", ohm, "1, 40"),),
        FindingKind.SOFT_SHORT,
        tuned,
    )


def growing(step: float, n: int) -> SlowCase:
    """Return a group that loses conductance and capacity in ``n`` equal steps over four hours."""
    steps = tuple(fault("cell_weak", step, "1", 600.0 + 14000.0 * i / n) for i in range(n))
    total = f"{100.0 * (step**-n - 1.0):.0f} % in {n} steps"
    return SlowCase(f"resistance +{total}", DAY, steps, FindingKind.RESISTANCE_GROWTH)


def drifting(k_per_h: float, *, tuned: bool = False) -> SlowCase:
    """Return a temperature sensor that drifts."""
    entry = fault("sensor_drift", k_per_h / SECONDS_PER_HOUR, "cell_temp_degc[1, 5]")
    return SlowCase(f"sensor drift {k_per_h:+g} K/h", DAY, (entry,), FindingKind.CELL_TEMP_OUTLIER, tuned)


def clogged(factor: float, *, tuned: bool = False) -> SlowCase:
    """Return one string's plate with more hydraulic resistance."""
    entry = fault("plate_clogged", factor, "2")
    return SlowCase(f"one plate clogged x{factor:g}", DAY, (entry,), FindingKind.STRING_COOLING_LOSS, tuned)


def loosened(factor: float, *, tuned: bool = False) -> SlowCase:
    """Return one string with less contact to its plate."""
    entry = fault("interface_lost", factor, "2")
    return SlowCase(f"contact to plate x{factor:g}", DAY, (entry,), FindingKind.STRING_COOLING_LOSS, tuned)


def all_clogged(factor: float, *, tuned: bool = False) -> SlowCase:
    """Return all plates with more hydraulic resistance."""
    entries = tuple(fault("plate_clogged", factor, k) for k in EVERY_STRING)
    return SlowCase(f"all plates clogged x{factor:g}", DAY, entries, FindingKind.COOLANT_FLOW_LOSS, tuned)


def starved(factor: float, *, tuned: bool = False) -> SlowCase:
    """Return an evaporator that runs dry."""
    entry = fault("refrigerant_lost", factor)
    return SlowCase(f"evaporator x{factor:g}", DAY, (entry,), FindingKind.REFRIGERANT_LOSS, tuned)


SLOW = (
    short(5.0, tuned=True), short(2.0), short(10.0), short(1.0, DAY, tuned=True), short(0.5, DAY),
    short(3.0, DAY), short(5.0, WEEKEND),
    growing(0.95, 8), growing(0.9, 3), growing(0.9, 1),
    drifting(2.0, tuned=True), drifting(1.0), drifting(-3.0),
    clogged(10.0, tuned=True), clogged(4.0), clogged(30.0), loosened(0.3, tuned=True), loosened(0.5),
    all_clogged(10.0, tuned=True), all_clogged(5.0), all_clogged(20.0),
    starved(0.4, tuned=True), starved(0.6), starved(0.8),
)  # fmt: skip

RUNAWAYS = (
    RunawayCase("medium_nmc", "park", "internal_short", 0.005, tuned=True),
    RunawayCase("medium_nmc", "charge", "internal_short", 0.005, "0, 70", 0.5, 0.5, AEROGEL),
    RunawayCase("medium_nmc", "charge", "internal_short", 0.02, tuned=True),
    RunawayCase("medium_nmc", "park", "internal_short", 0.01, "1, 40"),
    RunawayCase("medium_nmc", "charge", "internal_short", 0.03, "2, 100", 0.6, 1.5),
    RunawayCase("medium_nmc", "park", "internal_short", 0.05, "2, 20", 0.9, 2.0),
    RunawayCase("medium_nmc", "park", "cell_heater", 700.0, tuned=True),
    RunawayCase("medium_nmc", "park", "cell_heater", 1000.0, "1, 62"),
    RunawayCase("medium_nmc", "charge", "overcharge", 150.0, "1, 30", 0.9, 1.5),
    RunawayCase("heavy_lfp", "park", "internal_short", 0.003, "1, 60"),
    RunawayCase("heavy_lfp", "charge", "internal_short", 0.01, "2, 120", 0.7, 1.5, tuned=True),
    RunawayCase("heavy_lfp", "park", "internal_short", 0.015, "1, 30", 0.8, 1.5),
    RunawayCase("heavy_lfp", "charge", "internal_short", 0.02, "0, 80", 0.6, 2.0, tuned=True),
    RunawayCase("heavy_lfp", "charge", "internal_short", 0.015, "2, 30", 0.5, 2.0),
    RunawayCase("heavy_lfp", "park", "internal_short", 0.03, "1, 150", 0.8, 2.0),
    RunawayCase("heavy_lfp", "park", "cell_heater", 1500.0, "1, 100", tuned=True),
    RunawayCase("heavy_lfp", "park", "cell_heater", 700.0, "1, 100", tuned=True),
    RunawayCase("heavy_lfp", "park", "cell_heater", 1000.0, "0, 103"),
)


def slow_rows(cases: Sequence[SlowCase]) -> Iterator[tuple[str, ...]]:
    """Yield what became of every slow fault."""
    yield (
        "fault",
        "day",
        "found after, h",
        "size found",
        "confidence",
        "time left, h: said / true",
        "also found",
    )
    for case in cases:
        outcome = run_slow(case)
        name = f"{case.name}{' (t)' if case.tuned else ''}"
        others = ", ".join(sorted({story.last.kind.name for story in outcome.others})) or "-"
        if outcome.story is None:
            yield name, case.scenario, "not found", "-", "-", "-", others
            continue
        last = outcome.story.last
        left = f"{hours(last.time_to_limit_s)} / {hours(outcome.left_true_s)}"
        yield (
            name,
            case.scenario,
            hours(outcome.found_s),
            f"{last.value:.3g}",
            f"{last.confidence:.3f}",
            left,
            others,
        )


def hours(seconds: float) -> str:
    """Return seconds as hours; a dash for what does not come or is not known."""
    return f"{seconds / SECONDS_PER_HOUR:.2f}" if math.isfinite(seconds) else "-"


def runaway_rows(cases: Sequence[RunawayCase]) -> Iterator[tuple[str, ...]]:
    """Yield what became of every abused cell; all times in seconds."""
    yield (
        "truck",
        "mode",
        "trigger",
        "alarm",
        "soft short found",
        "vent",
        "1 K/s",
        "second cell",
        "alarm after vent",
        "lead",
    )
    for case in cases:
        o = run_runaway(case)
        times = (o.alarm_s, o.short_found_s, o.vent_s, o.onset_s, o.hazard_s, o.alarm_s - o.vent_s)
        lead_s = o.hazard_s - o.alarm_s
        trigger = f"{case.kind} {case.value:g}{' (t)' if case.tuned else ''}"
        yield case.truck, case.mode, trigger, *(seconds(t) for t in (*times, lead_s))


def seconds(value: float) -> str:
    """Return whole seconds, a dash for what did not come."""
    return f"{value:.0f}" if math.isfinite(value) else "-"


def false_rows(seeds: Sequence[int]) -> Iterator[tuple[str, ...]]:
    """Yield what nominal days report though nothing is wrong."""
    yield "day", "seed", "hours", "findings", "runaway alarms"
    total_h, n_findings, n_alarms = 0.0, 0, 0
    for scenario in nominal_days():
        for seed in seeds:
            recording = run_day(scenario, seed=seed)
            simulated_h = float(recording["time_s"][-1]) / SECONDS_PER_HOUR
            stories = health_stories(recording)
            events = recording.stream("events")
            alarms = sum(
                code == FaultCode.THERMAL_RUNAWAY and is_set > 0.5
                for code, is_set in zip(events["code"], events["is_set"], strict=True)
            )
            total_h, n_findings, n_alarms = (
                total_h + simulated_h,
                n_findings + len(stories),
                n_alarms + alarms,
            )
            what = ", ".join(story.last.kind.name for story in stories) or "0"
            yield scenario, str(seed), f"{simulated_h:.1f}", what, str(alarms)
    per = 10e3 / total_h
    yield "all", str(len(seeds)), f"{total_h:.0f}", str(n_findings), str(n_alarms)
    bound = f"at most {UPPER_EVENTS * per:.0f}"
    yield (
        "per 10,000 h", "", "",
        f"{n_findings * per:.1f}" if n_findings else f"0, {bound} (95 %)",
        f"{n_alarms * per:.1f}" if n_alarms else f"0, {bound} (95 %)",
    )  # fmt: skip


def nominal_days() -> list[str]:
    """Return the days of the library in which nothing is broken."""
    return sorted(path.stem for path in LIBRARY.glob("*.toml") if not path.stem.startswith("runaway_"))


def show(rows: Iterator[tuple[str, ...]]) -> None:
    """Print rows as a table in Markdown as they come."""
    for number, row in enumerate(rows):
        print("| " + " | ".join(row) + " |", flush=True)
        if number == 0:
            print("| " + " | ".join("---" for _ in row) + " |", flush=True)
    print()


def main() -> None:
    """Print the tables that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--part", choices=("slow", "runaway", "false"), help="one table only")
    parser.add_argument("--seeds", type=int, default=3, help="of every nominal day (default 3)")
    options = parser.parse_args()
    if options.seeds < 1:
        parser.error(f"--seeds {options.seeds}: must be 1 or more")
    if options.part in {None, "slow"}:
        show(slow_rows(SLOW))
    if options.part in {None, "runaway"}:
        show(runaway_rows(RUNAWAYS))
    if options.part in {None, "false"}:
        show(false_rows(range(11, 11 + options.seeds)))


if __name__ == "__main__":
    main()
