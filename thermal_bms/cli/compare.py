"""``thermal-bms compare``: strategies on the same days, in EUR."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from thermal_bms.cli.many_runs import add_worker_arguments, check_at_least, compile_once, run_cases
from thermal_bms.cli.progress import CountBar
from thermal_bms.cli.run import check_folder
from thermal_bms.cli.tables import number, table
from thermal_bms.errors import RecordingError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scenarios.compare import ComparisonPlan, Entry
    from scenarios.sweep import Row

SUMMARY = "compare controllers on the same days: energy, ageing, time, EUR"
DESCRIPTION = """\
Run the same days under several controllers: same truck, noise, limits and prices. Shows what each costs in EUR,
and leaves compare.html (tables, Pareto plots, rankings at half and double each price) and compare.json.
"""
EPILOG = """\
examples:
  thermal-bms compare heavy_lfp_truck_day --controllers thermostat,pid
  thermal-bms compare heavy_nmc_hot_highway medium_lfp_urban_heat --controllers thermostat,pid --seeds 3
  thermal-bms compare my_day.toml --controllers pid,tuned=tuned.toml,mine=my_controller.py:build
  thermal-bms compare my_day.toml --controllers pid,thermostat --prices my_prices.toml --bound bound/summary.json

a controller is a name (see thermal-bms list controllers), FILE.py:FUNCTION, or the settings file of a controller;
LABEL= in front names it. The first one is what the others are set against.
exit codes: 0 every run ended, 1 a run ended in an error, 2 bad input, 130 interrupted
"""
PAGE, FIGURES = "compare.html", "compare.json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the arguments of the verb."""
    scenario_help = "names from the library (see thermal-bms list scenarios), or paths of TOML files"
    parser.add_argument("scenario", metavar="SCENARIO", nargs="+", help=scenario_help)
    controllers_help = "what to compare, as in thermostat,pid (that is the default)"
    parser.add_argument("--controllers", metavar="A,B,...", default="thermostat,pid", help=controllers_help)
    seeds_help = "runs of every day, each with other noise and cells (default: 1)"
    parser.add_argument("--seeds", metavar="N", type=int, default=1, help=seeds_help)
    set_help = "change one value of every day, as in --set tick_s=5; may be given again"
    parser.add_argument("--set", metavar="KEY=VALUE", action="append", default=[], help=set_help)
    prices_help = "price table as a TOML file (default: the project's own, scenarios/prices.toml)"
    parser.add_argument("--prices", metavar="FILE", type=Path, help=prices_help)
    bound_help = "summary.json of a run that no controller can beat; may be given again, one per scenario"
    parser.add_argument("--bound", metavar="FILE", type=Path, action="append", default=[], help=bound_help)
    out_help = "folder for the results (default: output/compare_<scenario>)"
    parser.add_argument("--out", metavar="DIR", type=Path, help=out_help)
    add_worker_arguments(parser)


def execute(arguments: argparse.Namespace) -> int:
    """Run the comparison; return 0, or 1 when a run ended in an error."""
    out: Path = arguments.out or Path("output") / f"compare_{Path(arguments.scenario[0]).stem}"
    check_folder(out)
    check_at_least(arguments, seeds=1, workers=1)

    from scenarios.compare import ComparisonPlan, bound_rows, comparison_json, entries
    from scenarios.compare_report import write_compare_report
    from scenarios.prices import PRICES, load_prices
    from scenarios.strategies import parse_strategies

    prices = load_prices(arguments.prices or PRICES)
    strategies = tuple(parse_strategies(arguments.controllers))
    plan = ComparisonPlan(tuple(arguments.scenario), strategies, arguments.seeds, tuple(arguments.set))
    bound = list(bound_rows(arguments.bound, plan.scenarios))
    rows = [*_work(plan, arguments), *bound]
    try:
        out.mkdir(parents=True, exist_ok=True)
        (out / FIGURES).write_text(comparison_json(rows, prices), encoding="utf-8")
    except OSError as error:
        raise RecordingError(f"--out {out}: cannot be written: {error.strerror}") from None
    page = write_compare_report(out / PAGE, plan, rows, prices)
    if not arguments.quiet:
        for scenario, of_day in entries(rows, prices).items():
            print(f"{Path(scenario).stem}\n\n{day_table(of_day)}\n")
        print(f"{out / FIGURES}\n{page}")
    errors = [str(row["error"]) for row in rows if row["error"]]
    if errors:
        print(f"{len(errors)} of {plan.size} runs ended in an error; the first: {errors[0]}", file=sys.stderr)
    return 1 if errors else 0


def _work(plan: "ComparisonPlan", arguments: argparse.Namespace) -> list["Row"]:
    cases = plan.cases()
    compile_once(plan.scenarios, arguments)
    rows: list[Row] = []
    with CountBar(plan.size, done=0, unit="runs", quiet=arguments.quiet) as bar:
        run_cases(cases, rows.append, arguments, bar)
    return rows


def day_table(of_day: "Sequence[Entry]") -> str:
    """Return what a day cost under every strategy."""
    first = of_day[0].managed_eur
    lines = [
        (
            entry.strategy,
            *(f"{eur:.2f}" for eur in (entry.cost.energy_eur, entry.cost.ageing_eur, entry.cost.time_eur)),
            f"{entry.cost.charge_left_eur + entry.cost.heat_left_eur:.2f}",
            f"{entry.cost.total_eur:.2f}",
            number(entry.kpis["in_use_violation_k_s"]),
            f"{entry.cost.ranked_eur:.2f}",
            f"{entry.managed_eur:.2f}",
            f"{100.0 * (entry.managed_eur / first - 1.0):+.1f} %",
            entry.problem or entry.warning,
        )
        for entry in of_day
    ]
    header = (
        "controller",
        "energy",
        "ageing",
        "time",
        "left",
        "EUR",
        "outside K s",
        "with it EUR",
        "managed",
        "",
        "",
    )
    return table(lines, header=header, right=range(1, 10))
