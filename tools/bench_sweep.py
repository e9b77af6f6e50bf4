"""Measure what a sweep gains from a second process, and how long a thousand eight-hour days take.

python tools/bench_sweep.py               8 days at a tick of 1 s, with 1 and with 2 processes
python tools/bench_sweep.py --days 4 --ticks 1 5 --repeats 2

Prints the rows of the table in docs/tuning.md. Days per second are counted between the first results and the last,
so that the start of the processes, a few seconds once, does not count; each figure is the best of the repeats. Two
processors may be two threads of one core, which the system may not tell inside a virtual machine.
"""

import argparse
import os
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

from bench import EIGHT_HOURS, TRUCK, machine

from plant_models.truck import compile_kernels
from scenarios.scenario import load_scenario
from scenarios.sweep import Case, lost_case, run_case
from scenarios.workers import results

SCENARIO = "heavy_lfp_truck_day"
THOUSAND = 1000
TOPOLOGY = Path("/sys/devices/system/cpu")


def cases(days: int, tick_s: float) -> Iterator[Case]:
    """Yield days that differ in their seed."""
    for number in range(days):
        changes = (f"truck={TRUCK}", *EIGHT_HOURS, f"tick_s={tick_s:g}", f"seed={number + 1}")
        yield Case(number, SCENARIO, (("seed", number + 1),), changes)


def day_s(days: int, tick_s: float, workers: int) -> float:
    """Return the time per day once every process has delivered one.

    A day that ends in an error ends the measurement.
    """
    done_s = []
    for row in results(run_case, cases(days, tick_s), lost=lost_case, workers=workers):
        if row["error"]:
            raise SystemExit(f"day {row['case']} ended in an error: {row['error']}")
        done_s.append(perf_counter())
    if len(done_s) != days:
        raise SystemExit(f"{len(done_s)} of {days} days came back")
    return (done_s[-1] - done_s[workers - 1]) / (days - workers)


def threads_of_one_core() -> bool:
    """Return whether the first two processors are threads of one core."""
    path = TOPOLOGY / "cpu0" / "topology" / "thread_siblings_list"
    return path.is_file() and path.read_text().strip() not in {"0", ""}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--days", type=int, default=8, help="at least 4")
    parser.add_argument("--ticks", type=float, nargs="+", default=[1.0], metavar="S")
    parser.add_argument("--repeats", type=int, default=1)
    arguments = parser.parse_args()
    if arguments.days < 4:
        parser.error(f"--days {arguments.days}: must be >= 4")
    compile_kernels(load_scenario(SCENARIO, [f"truck={TRUCK}"]).truck)
    print(
        "| tick | days | a day on 1 process | on 2 | speed-up | 1,000 days on 2 |\n|---|---|---|---|---|---|"
    )
    for tick_s in arguments.ticks:
        one_s, two_s = (
            min(day_s(arguments.days, tick_s, workers) for _ in range(arguments.repeats))
            for workers in (1, 2)
        )
        shown = f"{one_s:.2f} s | {two_s:.2f} s | {one_s / two_s:.2f} | {THOUSAND * two_s / 60.0:.0f} min"
        print(f"| {tick_s:g} s | {arguments.days} | {shown} |", flush=True)
    load = ", ".join(f"{x:.1f}" for x in os.getloadavg())
    kind = "threads of one core" if threads_of_one_core() else "not said to be threads of one core"
    print(f"\n{machine()}; its first two processors are {kind}; load of the machine at the end {load}")


if __name__ == "__main__":
    main()
