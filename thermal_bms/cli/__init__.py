"""The command line: ``thermal-bms VERB``. One module per verb; what is heavy is imported when a verb runs."""

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Protocol, cast

from thermal_bms import __version__
from thermal_bms.errors import ConfigError, ThermalBmsError

PACKAGES = ("thermal_bms", "plant_models", "controllers", "scenarios")
DISTRIBUTION = "thermal-bms"
VERBS = (
    "run",
    "list_",
    "check",
    "report",
    "age",
    "compare",
    "tune",
    "sweep",
    "faults",
    "identify",
    "validate",
    "gateway",
    "plant",
    "replay",
    "doctor",
)

INTERRUPTED = 130
BROKEN_PIPE = 141

_REMEDY = f"uninstall what overwrote it, then pip install --force-reinstall {DISTRIBUTION}"
_EPILOG = """\
examples:
  thermal-bms list                                  what there is to run
  thermal-bms run heavy_lfp_truck_day               a truck day; leaves output/heavy_lfp_truck_day/report.html
  thermal-bms run my_day.toml --set tick_s=0.5      a scenario of your own, with a changed value
  thermal-bms check my_day.toml                     look for mistakes without running
  thermal-bms VERB --help                           every option of a verb, with examples

exit codes:
  0 ok, 1 a check failed, 2 bad input, 3 trouble on the bus, 130 interrupted
"""


class _Verb(Protocol):
    """What the module of a verb offers."""

    SUMMARY: str
    DESCRIPTION: str
    EPILOG: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None: ...

    def execute(self, arguments: argparse.Namespace) -> int: ...


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb and return the exit code; an error that we raise on purpose becomes one line."""
    try:
        arguments = build_parser().parse_args(argv)
    except SystemExit as stop:  # argparse has printed help or its complaint
        return stop.code if isinstance(stop.code, int) else 2
    try:
        check_packages()
        code: int = arguments.execute(arguments)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return _failed("interrupted", INTERRUPTED)
    except BrokenPipeError:  # the reader of a pipe has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except ThermalBmsError as error:
        if arguments.debug:
            raise
        return _failed(f"error: {error}", error.exit_code)
    except Exception as error:
        if arguments.debug:
            raise
        return _failed(f"error: {type(error).__name__}: {error} (unexpected; --debug shows where)", 2)
    return code


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line; every verb adds its own part."""
    parser = argparse.ArgumentParser(
        prog="thermal-bms",
        description="Simulate, check and report truck days under battery thermal management.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"thermal-bms {__version__}")
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)
    for name in VERBS:
        verb = cast(_Verb, import_module(f"{__name__}.{name}"))
        added = verbs.add_parser(
            name.rstrip("_"),
            help=verb.SUMMARY,
            description=verb.DESCRIPTION,
            epilog=verb.EPILOG,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        verb.add_arguments(added)
        added.add_argument("--debug", action="store_true", help="show the traceback of an error")
        added.set_defaults(execute=verb.execute)
    return parser


def check_packages(packages: Sequence[str] = PACKAGES) -> None:
    """Refuse to go on when another distribution has overwritten one of our packages, which pip does silently.

    Raises
    ------
    ConfigError
        naming the package, where it was found and what to do.
    """
    for name in packages:
        try:
            package = import_module(name)
        except ImportError as error:
            raise ConfigError(f"package {name} cannot be imported ({error}): {_REMEDY}") from None
        owner = getattr(package, "DISTRIBUTION", None)
        if owner != DISTRIBUTION:
            where = getattr(package, "__file__", None) or ", ".join(package.__path__)
            raise ConfigError(f"package {name} ({where}) is not part of {DISTRIBUTION}: {_REMEDY}")


def _failed(line: str, code: int) -> int:
    print(line, file=sys.stderr)
    return code
