"""``thermal-bms run``: simulate a scenario, show the result, leave recording, summary and report."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from thermal_bms.cli.progress import ProgressBar
from thermal_bms.cli.result import show
from thermal_bms.errors import ConfigError, RecordingError

if TYPE_CHECKING:
    from scenarios.runner import RunResult
    from scenarios.scenario import LoadedScenario

SUMMARY = "simulate a truck day and write its report"
DESCRIPTION = """\
Simulate a scenario: truck, drive cycle, climate, charging, battery management and thermal controller in a
closed loop. Shows the main figures and the scenario's checks, and leaves a recording, summary.json and
report.html.
"""
EPILOG = """\
examples:
  thermal-bms run heavy_lfp_truck_day
  thermal-bms run heavy_lfp_truck_day --controller thermostat --out output/thermostat
  thermal-bms run heavy_lfp_truck_day --settings output/tune_heavy_lfp_truck_day/pid/settings.toml
  thermal-bms run my_day.toml --set initial.soc=0.5 --set phase.0.repeat=2 --no-csv

exit codes: 0 all checks passed, 1 a check failed, 2 bad input, 130 interrupted (the recording stays readable)
"""

COMPILE_S = {"ecm": 30, "spme": 60}  # upper bounds for the first run after install
OWN_FILES = (
    "recording.rec",
    "summary.json",
    "report.html",
    "signals.csv",
    "signals.parquet",
    "ageing.html",
    "ageing.json",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the arguments of the verb."""
    scenario_help = "name from the library (see thermal-bms list scenarios), or path of a TOML file"
    parser.add_argument("scenario", metavar="SCENARIO", help=scenario_help)
    out_help = "folder for the results (default: output/<scenario>)"
    parser.add_argument("--out", metavar="DIR", type=Path, help=out_help)
    parser.add_argument(
        "--set",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        dest="overrides",
        help="change one value of the scenario, as in --set initial.soc=0.5; may be given again",
    )
    controller_help = "another controller, by name or as FILE.py:FUNCTION, with its default settings"
    parser.add_argument("--controller", metavar="NAME", help=controller_help)
    settings_help = "controller and settings of this file, as tune leaves it"
    parser.add_argument("--settings", metavar="FILE", type=Path, help=settings_help)
    parser.add_argument("--no-csv", action="store_true", help="do not write the signals as signals.csv")
    parser.add_argument("--parquet", action="store_true", help="also write the signals as signals.parquet")
    parser.add_argument("--no-report", action="store_true", help="write no report.html")
    parser.add_argument("--quiet", action="store_true", help="no progress bar, no tables; only failed checks")


def execute(arguments: argparse.Namespace) -> int:
    """Run the scenario; return 0, or 1 when a check failed."""
    out: Path = arguments.out or Path("output") / Path(arguments.scenario).stem
    check_folder(out)
    if arguments.parquet:
        from thermal_bms.export import require_parquet

        require_parquet()

    from plant_models.kernels import kernels_are_cached

    scenario = load(arguments.scenario, arguments.overrides, arguments.controller, arguments.settings)
    prepare_folder(out)
    if not kernels_are_cached(scenario.truck.cooling, scenario.settings.cell_model):
        seconds = COMPILE_S[scenario.settings.cell_model]
        print(f"compiling kernels (once after install, about {seconds} s)", file=sys.stderr, flush=True)
    result = _simulated(scenario, out, quiet=arguments.quiet)
    started = perf_counter()
    files = _afterwards(result, out, arguments)
    after_s = perf_counter() - started
    show(scenario, result, files, after_s=after_s, quiet=arguments.quiet)
    return 0 if result.passed else 1


def load(
    name: str, overrides: Sequence[str], controller: str | None, settings: Path | None = None
) -> "LoadedScenario":
    """Return the scenario, with another controller in place of its own when one is named."""
    from scenarios.scenario import load_scenario
    from scenarios.strategies import of_controller, of_file

    if settings is not None and controller is not None:
        raise ConfigError(f"--settings {settings}: names a controller; leave out --controller {controller}")
    if settings is None and controller is None:
        return load_scenario(name, overrides)
    strategy = of_file(settings) if settings else of_controller(controller or "")
    own = load_scenario(name).settings.controller.name
    return load_scenario(name, [*strategy.overrides(own), *overrides])


def check_folder(out: Path) -> None:
    """Refuse a folder that cannot be written, before anything else happens.

    Raises
    ------
    RecordingError
        if ``out`` is a file or lies where nothing can be written.
    """
    for path in (out, *out.parents):
        if path.is_dir():
            if os.access(path, os.W_OK | os.X_OK):
                return
            raise RecordingError(f"--out {out}: {path.absolute()} cannot be written; choose another folder")
        if path.exists() or path.is_symlink():
            raise RecordingError(f"--out {out}: {path} is a file; choose a folder")


def prepare_folder(out: Path) -> None:
    """Make the folder and take away what an earlier run left there; the user's own files stay."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name in OWN_FILES:
            (out / name).unlink(missing_ok=True)
    except OSError as error:
        found = f"cannot be written: {error.strerror}"
        raise RecordingError(f"--out {out}: {found}; choose another folder") from None


def _simulated(scenario: "LoadedScenario", out: Path, *, quiet: bool) -> "RunResult":
    from scenarios.runner import run

    try:
        with ProgressBar(quiet=quiet) as bar:
            return run(scenario, out, bar)
    except KeyboardInterrupt:
        from thermal_bms.recording import FILE_NAME

        if (out / FILE_NAME).is_file():
            kept = f"{out / FILE_NAME} holds what was recorded so far; it is readable and marked incomplete"
            print(kept, file=sys.stderr)
        raise


def _afterwards(result: "RunResult", out: Path, arguments: argparse.Namespace) -> list[Path]:
    """Write report and exports; return the files of the run."""
    files = [result.recording_path, result.summary_path]
    if arguments.parquet or not arguments.no_csv:
        from thermal_bms.export import write_csv, write_parquet
        from thermal_bms.recording import Recording

        recording = Recording(result.recording_path)
        if not arguments.no_csv:
            files.append(write_csv(recording, out / "signals.csv"))
        if arguments.parquet:
            files.append(write_parquet(recording, out / "signals.parquet"))
    if not arguments.no_report:
        from scenarios.report import write_report

        files.append(write_report(result.recording_path))
    return files
