"""``thermal-bms tune``: search the settings of controllers on some days, judge them on others."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from thermal_bms.cli.many_runs import add_worker_arguments, check_at_least, compile_once, run_cases
from thermal_bms.cli.progress import CountBar
from thermal_bms.cli.run import check_folder
from thermal_bms.cli.tables import table
from thermal_bms.errors import RecordingError, ScenarioError

if TYPE_CHECKING:
    from scenarios.sweep import Case
    from scenarios.tune import TunePlan, Tuning
    from scenarios.tune_journal import Journal

SUMMARY = "search the settings of a controller: EUR on training days, judged on others"
DESCRIPTION = """\
Search the settings of one or more controllers for the lowest cost of a day in EUR, violation of the comfort band
priced in, with the same number of trials each. Then judge the best settings against the defaults on days and noise
that the search has not seen. Every run is kept as it ends; the same command goes on after an interruption.
Leaves settings.toml, tune.html, tune.json and runs.jsonl in a folder per controller.
"""
EPILOG = """\
examples:
  thermal-bms tune heavy_lfp_truck_day --controller pid --trials 40 --held-out heavy_nmc_hot_highway
  thermal-bms tune light_air_van_summer light_air_van_winter --controller pid,thermostat --set tick_s=5
  thermal-bms tune my_day.toml --controller my_controller.py:build --range gain=0.5:5 --range target_degc=25:33
  thermal-bms run heavy_lfp_truck_day --settings output/tune_heavy_lfp_truck_day/pid/settings.toml

exit codes: 0 done, 2 bad input, 130 interrupted (what was run is kept)
"""
SETTINGS, PAGE = "settings.toml", "tune.html"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the arguments of the verb."""
    scenario_help = "days to train on: names from the library, or paths of TOML files"
    parser.add_argument("scenario", metavar="SCENARIO", nargs="+", help=scenario_help)
    held_help = "days to judge on, never trained on"
    parser.add_argument("--held-out", metavar="SCENARIO", nargs="+", default=[], help=held_help)
    controller_help = "what to tune, as in pid or pid,thermostat or FILE.py:FUNCTION (default: pid)"
    parser.add_argument("--controller", metavar="A,B,...", default="pid", help=controller_help)
    trials_help = "settings to try, for each controller (default: 40)"
    parser.add_argument("--trials", metavar="N", type=int, default=40, help=trials_help)
    seeds_help = "runs of every day per setting, each with other noise and cells (default: 3)"
    parser.add_argument("--seeds", metavar="N", type=int, default=3, help=seeds_help)
    range_help = "search a setting between two values, also one that has no range yet; may be given again"
    parser.add_argument("--range", metavar="KEY=LOW:HIGH", action="append", default=[], help=range_help)
    set_help = "change one value of every day, as in --set tick_s=5; may be given again"
    parser.add_argument("--set", metavar="KEY=VALUE", action="append", default=[], help=set_help)
    prices_help = "price table as a TOML file (default: the project's own, scenarios/prices.toml)"
    parser.add_argument("--prices", metavar="FILE", type=Path, help=prices_help)
    search_help = "optuna or scipy (default: optuna where it is installed)"
    parser.add_argument("--search", choices=("optuna", "scipy"), help=search_help)
    parser.add_argument("--seed", metavar="N", type=int, default=1, help="of the search (default: 1)")
    out_help = "folder for the results (default: output/tune_<scenario>)"
    parser.add_argument("--out", metavar="DIR", type=Path, help=out_help)
    add_worker_arguments(parser)


def execute(arguments: argparse.Namespace) -> int:
    """Tune every controller; return 0."""
    out: Path = arguments.out or Path("output") / f"tune_{Path(arguments.scenario[0]).stem}"
    check_folder(out)
    check_at_least(arguments, trials=1, seeds=1, seed=0, workers=1)
    plans = _plans(arguments)
    for plan in plans.values():
        plan.check()
    compile_once([*arguments.scenario, *arguments.held_out], arguments)
    for label, plan in plans.items():
        found = _tuned(out / label, plan, arguments)
        files = _write(out / label, plan, found)
        if not arguments.quiet:
            print(summary(label, plan, found), *files, sep="\n", end="\n\n")
    return 0


def _plans(arguments: argparse.Namespace) -> dict[str, "TunePlan"]:
    from controllers.tuning import knobs_of, with_ranges
    from scenarios.prices import PRICES, load_prices
    from scenarios.strategies import parse_strategies
    from scenarios.tune import TunePlan
    from scenarios.tune_search import default_method

    strategies = parse_strategies(arguments.controller, flag="--controller")
    if any(strategy.is_tuned for strategy in strategies):
        raise ScenarioError(f"--controller {arguments.controller}: name controllers, not settings files")
    if arguments.range and len(strategies) > 1:
        raise ScenarioError("--range is of one controller; tune one at a time")
    prices = load_prices(arguments.prices or PRICES)
    return {
        strategy.label: TunePlan(
            controller=strategy.table.name,
            knobs=with_ranges(knobs_of(strategy.table.name), arguments.range),
            training=tuple(arguments.scenario),
            held_out=tuple(arguments.held_out),
            prices=prices,
            n_trials=arguments.trials,
            n_seeds=arguments.seeds,
            overrides=tuple(arguments.set),
            seed=arguments.seed,
            method=arguments.search or default_method(),
        )
        for strategy in strategies
    }


def _tuned(folder: Path, plan: "TunePlan", arguments: argparse.Namespace) -> "Tuning":
    from scenarios.tune import Tuner
    from scenarios.tune_journal import Journal

    journal = Journal(folder, plan.as_json())
    try:
        with CountBar(plan.size, done=len(journal), unit="runs", quiet=arguments.quiet) as bar:

            def run(cases: Sequence["Case"]) -> None:
                run_cases(cases, journal.append, arguments, bar)

            return Tuner(plan, journal, run).run()
    except KeyboardInterrupt:
        _tell_kept(journal, plan)
        raise


def _tell_kept(journal: "Journal", plan: "TunePlan") -> None:
    kept = f"{len(journal)} of {plan.size} runs are kept in {journal.folder}"
    print(f"{kept}; the same command goes on", file=sys.stderr)


def _write(folder: Path, plan: "TunePlan", found: "Tuning") -> list[Path]:
    from scenarios.tune_report import settings_file_text, write_tune_report

    target = folder / SETTINGS
    try:
        target.write_text(settings_file_text(plan, found), encoding="utf-8")
    except OSError as error:
        raise RecordingError(f"{target}: cannot be written: {error.strerror}") from None
    return [target, write_tune_report(folder / PAGE, plan, found)]


def summary(label: str, plan: "TunePlan", found: "Tuning") -> str:
    """Return what the search gained, on every day seen and unseen."""
    from scenarios.tune_report import gains

    head = f"{label}: {plan.n_trials} trials on {len(plan.training)} days, {plan.n_seeds} seeds each"
    if found.best is None:
        return f"{head}\nno trial was cheaper than the defaults, so settings.toml leaves them"
    rows = [
        (
            gain.day,
            "trained on" if gain.is_training else "held out",
            f"{gain.default_eur:.2f}",
            f"{gain.tuned_eur:.2f}",
            f"{gain.percent:+.1f} %",
            f"{gain.low_percent:+.1f} to {gain.high_percent:+.1f} %",
        )
        for gain in gains(plan, found)
    ]
    header = ("day", "", "default EUR", "tuned EUR", "managed", "single seeds")
    tail = "" if plan.held_out else "\nnothing was held out: the gain on other days is unknown (--held-out)"
    return f"{head}\n\n{table(rows, header=header, right=range(2, 6))}{tail}"
