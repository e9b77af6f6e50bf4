"""``thermal-bms faults``: break the simulated truck in every known way and see what is found and when."""

import argparse
import fnmatch
import logging
import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from thermal_bms.errors import ConfigError

if TYPE_CHECKING:
    from scenarios.fault_bench import FaultCase, FaultOutcome

SUMMARY = "run the fault matrix and print it as a table"
DESCRIPTION = """\
Inject every fault of the matrix into a truck that drives, charges or stands, with the real control cycle, and compare
what is found with the tables of limits and diagnostics: the code, the time to detect it, the reaction. The expected
values are read from the tables, so a changed table changes what is expected.
"""
EPILOG = """\
examples:
  thermal-bms faults                          the whole matrix, about a minute
  thermal-bms faults --mode drive             only while driving
  thermal-bms faults --only '*pump*'          only faults with that in their name
  thermal-bms faults --list                   what would be run

exit codes: 0 all as expected, 1 something was not found, too late, or without its reaction, 2 bad input
"""
COLUMNS = (
    "fault",
    "mode",
    "expected",
    "severity",
    "found s",
    "allowed s",
    "reaction",
    "after s",
    "peak degC",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the arguments of the verb."""
    parser.add_argument("--mode", choices=("drive", "charge", "park"), help="only in this mode")
    parser.add_argument("--only", metavar="PATTERN", help="only faults whose name matches, as in '*pump*'")
    parser.add_argument("--list", action="store_true", dest="list_only", help="run nothing")


def execute(arguments: argparse.Namespace) -> int:
    """Run the matrix; return 0 when all is as expected and 1 when not."""
    from scenarios.fault_bench import run_case
    from scenarios.fault_matrix import fault_cases

    cases = [case for case in fault_cases() if _chosen(case, arguments)]
    if not cases:
        raise ConfigError(f"--only {arguments.only}: no fault of the matrix matches; --list shows all")
    if arguments.list_only:
        for case in cases:
            print(f"{case.mode:7s} {case.name}")
        return 0
    outcomes = []
    width = max(len(case.name) for case in cases)
    print(_line(COLUMNS, width), flush=True)
    with _silence():
        for case in cases:
            outcomes.append(run_case(case))
            print(_line(row_of(outcomes[-1]), width), flush=True)
            for problem in outcomes[-1].problems:
                print(f"  not as expected: {problem}", flush=True)
    failed = sum(1 for outcome in outcomes if outcome.problems)
    print(f"{len(outcomes)} faults, {len(outcomes) - failed} as expected, {failed} not")
    return 1 if failed else 0


def row_of(outcome: "FaultOutcome") -> tuple[str, ...]:
    """Return one outcome as the texts of a row."""
    case = outcome.case
    return (
        case.name,
        case.mode,
        case.row.code.name,
        case.row.severity.name.lower(),
        _seconds(outcome.detected_s),
        f"{case.allowed_s:.2f}",
        case.row.reaction.name.lower().replace("_", " "),
        _seconds(outcome.reacted_s),
        f"{outcome.peak_degc:.1f}",
    )


def _chosen(case: "FaultCase", arguments: argparse.Namespace) -> bool:
    if arguments.mode and case.mode != arguments.mode:
        return False
    return not arguments.only or fnmatch.fnmatch(case.name, arguments.only)


def _line(texts: tuple[str, ...], width: int) -> str:
    widths = (width, 6, 27, 8, 8, 9, 12, 8, 9)
    return "  ".join(text.ljust(size) for text, size in zip(texts, widths, strict=True)).rstrip()


def _seconds(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.2f}"


@contextmanager
def _silence() -> Iterator[None]:
    """Hundreds of faults are injected on purpose: their log lines would drown the table."""
    log = logging.getLogger("thermal_bms")
    level = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        log.setLevel(level)
