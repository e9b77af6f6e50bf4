"""``thermal-bms sweep``: run a scenario many times, over a grid of values or with values drawn at random."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from thermal_bms.cli.many_runs import add_worker_arguments, check_at_least, compile_once, run_cases
from thermal_bms.cli.progress import CountBar
from thermal_bms.cli.run import check_folder
from thermal_bms.cli.tables import number, table

if TYPE_CHECKING:
    from scenarios.sweep import SweepPlan
    from scenarios.sweep_report import Table
    from scenarios.sweep_results import SweepResults

SUMMARY = "run a scenario over a grid of values or with values drawn at random"
DESCRIPTION = """\
Run scenarios many times with changed values: every combination of a grid, values drawn at random, or both. Uses
all cores, or a Dask cluster. Results are written as they come (Parquet); the same command goes on where an
interrupted sweep stopped. Leaves results/part-*.parquet and sweep.html with quantiles, worst cases and what moves
what.
"""
EPILOG = """\
examples:
  thermal-bms sweep light_air_van_summer --grid payload_kg=0:1000:5 --grid controller.name=pid,thermostat
  thermal-bms sweep heavy_lfp_truck_day --samples 200 --random "payload_kg=uniform(0,22000)" \\
      --random "initial.soc=normal(0.9,0.03)" --set tick_s=5 --out output/spread
  thermal-bms sweep heavy_nmc_hot_highway --grid truck_changes.chiller.capacity_w=6000,8000,10000,12000
  thermal-bms sweep light_air_van_summer --samples 100 --random "payload_kg=uniform(0,900)" \\
      --scheduler tcp://127.0.0.1:8786

laws: uniform(LOW,HIGH) normal(MEAN,DEVIATION) integer(LOW,HIGH) choice(A,B,...)
exit codes: 0 every case ran, 1 a case ended in an error, 2 bad input, 130 interrupted (finished cases are kept)
"""
SHOWN = (
    "energy_kwh_per_km",
    "thermal_energy_kwh",
    "cell_temp_max_degc",
    "cell_temp_min_degc",
    "charge_minutes",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the arguments of the verb."""
    scenario_help = "names from the library (see thermal-bms list scenarios), or paths of TOML files"
    parser.add_argument("scenario", metavar="SCENARIO", nargs="+", help=scenario_help)
    parser.add_argument("--samples", metavar="N", type=int, default=1, help="draws per point of the grid")
    parser.add_argument("--seed", metavar="N", type=int, default=1, help="of the draws (default: 1)")
    for flag, what, text in (
        ("--grid", "KEY=VALUES", "A,B,C or LOW:HIGH:N; axes are combined"),
        ("--random", "KEY=LAW", "a law to draw from, see below"),
        ("--set", "KEY=VALUE", "change one value of every case, as in --set tick_s=5"),
    ):
        parser.add_argument(
            flag, metavar=what, action="append", default=[], help=f"{text}; may be given again"
        )
    add_worker_arguments(parser)
    out_help = "folder for the results (default: output/sweep_<scenario>)"
    parser.add_argument("--out", metavar="DIR", type=Path, help=out_help)


def execute(arguments: argparse.Namespace) -> int:
    """Run the sweep; return 0, or 1 when a case ended in an error."""
    out: Path = arguments.out or Path("output") / f"sweep_{Path(arguments.scenario[0]).stem}"
    check_folder(out)
    plan = _plan(arguments)

    from scenarios.sweep_report import write_sweep_report
    from scenarios.sweep_results import SweepResults

    plan.check()
    kept = SweepResults(out, plan)
    compile_once(plan.scenarios, arguments)
    try:
        _work(plan, kept, arguments)
    finally:
        kept.flush()
    rows = kept.table()
    page = write_sweep_report(out, plan, rows)
    n_errors = sum(bool(text) for text in rows["error"])
    if not arguments.quiet:
        print(_summary(rows), f"\n{out / 'results'}\n{page}")
    if n_errors:
        first = next(text for text in rows["error"] if text)
        print(f"{n_errors} of {plan.size} cases ended in an error; the first: {first}", file=sys.stderr)
    return 1 if n_errors else 0


def _plan(arguments: argparse.Namespace) -> "SweepPlan":
    from scenarios.sweep import SweepPlan, parse_grid, parse_random

    check_at_least(arguments, samples=1, seed=0, workers=1)
    return SweepPlan(
        tuple(arguments.scenario),
        tuple(parse_grid(text) for text in arguments.grid),
        tuple(parse_random(text) for text in arguments.random),
        arguments.samples,
        tuple(arguments.set),
        arguments.seed,
    )


def _work(plan: "SweepPlan", kept: "SweepResults", arguments: argparse.Namespace) -> None:
    """Run what is not yet on disk."""
    done = kept.done()
    todo = (case for case in plan.cases() if case.number not in done)
    try:
        with CountBar(plan.size, done=len(done), unit="cases", quiet=arguments.quiet) as bar:
            run_cases(todo, kept.append, arguments, bar)
    except KeyboardInterrupt:
        kept.flush()
        n = len(kept.done())
        print(
            f"{n} of {plan.size} cases are kept in {kept.folder}; the same command goes on", file=sys.stderr
        )
        raise


def _summary(rows: "Table") -> str:
    from scenarios.checks import KPIS
    from scenarios.sweep_report import spreads

    spread = spreads(rows)
    lines = [
        (KPIS[name].label, *(number(q) for q in spread[name]), KPIS[name].unit)
        for name in SHOWN
        if name in spread
    ]
    n, passed = len(rows["case"]), sum(rows["passed"])
    head = f"{n} cases, all checks hold in {passed}"
    if not lines:
        return head
    header = ("figure", "lowest", "5 %", "median", "95 %", "highest", "unit")
    return f"{head}\n\n{table(lines, header=header, right=[1, 2, 3, 4, 5])}\n"
