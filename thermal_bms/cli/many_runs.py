"""What verbs share that make many runs: who does the work, the progress bar, and how rows come back."""

import argparse
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from thermal_bms.cli.progress import CountBar
from thermal_bms.cli.run import COMPILE_S
from thermal_bms.errors import ScenarioError

if TYPE_CHECKING:
    from scenarios.sweep import Case, Row


def add_worker_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe who does the work."""
    workers_help = "processes on this machine (default: one per core)"
    parser.add_argument("--workers", metavar="N", type=int, help=workers_help)
    parser.add_argument("--scheduler", metavar="ADDRESS", help="use the Dask cluster of this scheduler")
    parser.add_argument("--quiet", action="store_true", help="no progress bar, no table")


def check_at_least(arguments: argparse.Namespace, **least: int) -> None:
    """Refuse numbers that are too small.

    Raises
    ------
    ScenarioError
        naming the option.
    """
    for name, bound in least.items():
        value = getattr(arguments, name)
        if value is not None and value < bound:
            raise ScenarioError(f"--{name.replace('_', '-')} {value}: must be >= {bound}")


def compile_once(scenarios: Sequence[str], arguments: argparse.Namespace) -> None:
    """Compile the plant here, so that the processes find it compiled and do not each do it themselves."""
    from plant_models.kernels import kernels_are_cached
    from plant_models.truck import compile_kernels
    from scenarios.scenario import load_scenario

    if arguments.scheduler:
        return
    for scenario in scenarios:
        loaded = load_scenario(scenario, arguments.set)
        model = loaded.settings.cell_model
        if not kernels_are_cached(loaded.truck.cooling, model):
            told = f"compiling kernels (once after install, about {COMPILE_S[model]} s)"
            print(told, file=sys.stderr, flush=True)
            compile_kernels(loaded.truck, model)


def run_cases(
    cases: Iterable["Case"],
    keep: Callable[["Row"], None],
    arguments: argparse.Namespace,
    bar: CountBar,
) -> None:
    """Run cases and hand every row to ``keep`` as it comes."""
    from scenarios.sweep import lost_case, run_case
    from scenarios.workers import results

    rows = results(run_case, cases, lost=lost_case, workers=arguments.workers, scheduler=arguments.scheduler)
    for row in rows:
        keep(row)
        bar.step()
