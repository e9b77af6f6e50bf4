"""``thermal-bms check``: look for mistakes in scenarios without running them."""

import argparse
import sys
from typing import TYPE_CHECKING

from thermal_bms.errors import ThermalBmsError

if TYPE_CHECKING:
    from scenarios.scenario import LoadedScenario

SUMMARY = "look for mistakes in scenarios without running them"
DESCRIPTION = """\
Load scenarios with everything they name (truck, cells, cycles, climate, charger, controller and its settings,
faults, checks) and say what a run would do. Nothing is run and nothing is written.
"""
EPILOG = """\
examples:
  thermal-bms check my_day.toml
  thermal-bms check days/*.toml
  thermal-bms check heavy_lfp_truck_day --set initial.soc=0.5

exit codes: 0 all are ok, 2 at least one is not
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the arguments of the verb."""
    parser.add_argument(
        "scenarios", metavar="SCENARIO", nargs="+", help="names from the library, or paths of TOML files"
    )
    parser.add_argument(
        "--set",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        dest="overrides",
        help="change one value of every scenario, as in --set initial.soc=0.5; may be given again",
    )


def execute(arguments: argparse.Namespace) -> int:
    """Check every scenario, also after one that is wrong; return 0, or the exit code of the first error."""
    from scenarios.scenario import load_scenario

    code = 0
    for name in arguments.scenarios:
        try:
            scenario = load_scenario(name, arguments.overrides)
            build_parts(scenario)
        except ThermalBmsError as error:
            if arguments.debug:
                raise
            print(f"error: {error}", file=sys.stderr, flush=True)
            code = code or error.exit_code
        else:
            print(f"ok: {name}: {intention(scenario)}", flush=True)
    return code


def build_parts(scenario: "LoadedScenario") -> None:
    """Build weather, controller and checks, so that a mistake in their settings is found."""
    from controllers.registry import create
    from plant_models.truck_parameters import describe
    from scenarios.checks import validate_checks
    from scenarios.climate import build_climate

    settings = scenario.settings
    build_climate(settings.climate, folder=scenario.folder)
    create(settings.controller.name, settings.controller.settings, describe(scenario.truck))
    validate_checks(settings.checks)


def intention(scenario: "LoadedScenario") -> str:
    """Return in one line what a run would do."""
    from thermal_bms.cli.describe import length_text, phases_text

    settings = scenario.settings
    parts = [
        settings.title,
        f"truck {settings.truck}",
        f"controller {settings.controller.name}",
        phases_text(settings),
        length_text(scenario),
        f"{len(settings.checks)} checks",
    ]
    if settings.fault:
        parts.append(f"{len(settings.fault)} faults")
    return "; ".join(parts)
