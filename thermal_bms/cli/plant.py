"""``thermal-bms plant``: the simulated truck on a bus, as a bench for the gateway."""

import argparse
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from thermal_bms.cli.run import COMPILE_S, check_folder, load
from thermal_bms.cli.service_log import start_log
from thermal_bms.errors import ConfigError

if TYPE_CHECKING:
    import can

    from scenarios.plant_day import PlantDay
    from scenarios.scenario import LoadedScenario
    from thermal_bms.can.interface import BusSettings
    from thermal_bms.can.port import Port
    from thermal_bms.clock import Clock

SUMMARY = "put a simulated truck on a CAN bus"
DESCRIPTION = """\
Simulate the truck of a scenario on a CAN bus, in real time or faster: it sends what its sensors say and does what it
is told. Without --bus the bus is the kernel's vcan0, or where there is none a serial CAN adapter (slcan) on a
pseudo-terminal that this command makes itself. --config writes the files with which the gateway finds it. Faults are
those of the scenario; --set fault=... adds others. The truck stays awake while it parks.
"""
EPILOG = """\
examples:
  thermal-bms plant heavy_lfp_truck_day --config bench       then, in another terminal:
  thermal-bms gateway --config bench/gateway.toml
  thermal-bms plant my_day.toml --bus socketcan:can0 --set 'fault=[{kind = "pump_off", time_s = 60.0}]'

exit codes: 0 the day is over or was stopped, 2 bad input, 3 trouble on the bus
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the arguments of the verb."""
    parser.add_argument("scenario", metavar="SCENARIO", help="name from the library, or path of a TOML file")
    parser.add_argument(
        "--bus",
        metavar="INTERFACE:CHANNEL",
        help="any of python-can's, as socketcan:can0 (default: see above)",
    )
    parser.add_argument(
        "--config", metavar="DIR", type=Path, help="write gateway.toml and truck.toml there before starting"
    )
    parser.add_argument(
        "--tick", metavar="S", type=float, default=0.1, help="tick of the truck (default 0.1)"
    )
    parser.add_argument("--speed", metavar="X", type=float, default=1.0, help="run X times as fast as life")
    parser.add_argument("--duration", metavar="S", type=float, help="stop after so many simulated seconds")
    parser.add_argument(
        "--lockstep", action="store_true", help="take turns with thermal-bms gateway --lockstep"
    )
    parser.add_argument("--out", metavar="DIR", type=Path, help="record what the truck really does")
    parser.add_argument(
        "--set",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        dest="overrides",
        help="change one value of the scenario; may be given again",
    )
    parser.add_argument("--quiet", action="store_true", help="log warnings and errors only")


def execute(arguments: argparse.Namespace) -> int:
    """Run the truck's day."""
    from plant_models.kernels import kernels_are_cached
    from plant_models.truck import compile_kernels

    start_log(quiet=arguments.quiet)
    if arguments.out is not None:
        check_folder(arguments.out)
    scenario = load(arguments.scenario, [*arguments.overrides, f"tick_s={arguments.tick!r}"], None)
    if not kernels_are_cached(scenario.truck.cooling):
        print(
            f"compiling kernels (once after install, about {COMPILE_S['ecm']} s)", file=sys.stderr, flush=True
        )
    compile_kernels(scenario.truck)
    bus, open_bus = _bus(arguments.bus, arguments.config)
    _run(scenario, arguments, bus, open_bus)
    return 0


def _bus(text: str | None, folder: Path | None) -> "tuple[BusSettings, Callable[[], can.BusABC]]":
    """Return how the gateway reaches the bus, and what opens the truck's end of it."""
    from thermal_bms.can.interface import BusSettings, open_bus, parse_bus, virtual_can

    given = parse_bus(text) if text is not None else virtual_can()
    if given is not None:
        return given, lambda: open_bus(given)

    from thermal_bms.can.slcan_pty import SlcanPty

    if folder is not None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(f"--config {folder}: cannot be made: {error.strerror}") from None
    adapter = SlcanPty(folder.absolute() / "can" if folder is not None else None)
    channel = str(folder.absolute() / "can" if folder is not None else adapter.path)
    settings = BusSettings(interface="slcan", channel=channel, options={"sleep_after_open": 0.0})
    return settings, lambda: adapter


def _announce(scenario: "LoadedScenario", arguments: argparse.Namespace, bus: "BusSettings") -> None:
    """Say how a gateway reaches the truck, and write the files for it."""
    if arguments.config is None:
        print(f"truck on {bus.title}", flush=True)
        return

    from scenarios.plant_bench import write_gateway_files

    path = write_gateway_files(arguments.config, scenario, bus, lockstep=arguments.lockstep)
    option = " --lockstep" if arguments.lockstep else ""
    print(f"now: thermal-bms gateway --config {path}{option}", flush=True)


def _run(
    scenario: "LoadedScenario",
    arguments: argparse.Namespace,
    bus: "BusSettings",
    open_bus: "Callable[[], can.BusABC]",
) -> None:
    """Open the bus, then run the day on it, recorded when that is wanted."""
    from scenarios.plant_bench import FILE_NAME, TruthRecorder
    from scenarios.plant_day import PlantDay
    from thermal_bms.can.port import Port
    from thermal_bms.clock import ManualClock, MonotonicClock

    clock = ManualClock() if arguments.lockstep else MonotonicClock(arguments.speed)
    port = Port(open_bus, clock)
    port.start()
    try:
        day = PlantDay(scenario)
        _announce(scenario, arguments, bus)
        if arguments.out is None:
            _turn(day, port, clock, arguments, lambda: None)
            return
        arguments.out.mkdir(parents=True, exist_ok=True)
        truth = TruthRecorder(arguments.out / FILE_NAME, day)
        with truth.recorder:
            _turn(day, port, clock, arguments, truth.record)
    finally:
        port.stop()


def _turn(
    day: "PlantDay",
    port: "Port",
    clock: "Clock",
    arguments: argparse.Namespace,
    record: "Callable[[], None]",
) -> None:
    """Turn the truck, in lockstep or by the clock, until its day is over or somebody stops it."""
    from scenarios.plant_bench import LOCKSTEP_SOURCE, run_live, run_lockstep
    from thermal_bms.can.bus_map import PackShape
    from thermal_bms.can.exchange import LiveExchange, LockstepExchange
    from thermal_bms.can.link import TruckEnd

    pack = day.truck.parameters.pack
    shape = PackShape(pack.n_strings, pack.n_series, pack.n_temp_sensors)
    duration_s = arguments.duration if arguments.duration is not None else float("inf")
    if arguments.lockstep:
        turns = LockstepExchange(port, source=LOCKSTEP_SOURCE)
        turns.wait_for_greeting()
        run_lockstep(day, TruckEnd(port, turns, shape), turns, duration_s=duration_s, record=record)
        return
    stopped: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: stopped.append(number))
    end = TruckEnd(port, LiveExchange(port, clock), shape)
    late_s = run_live(day, end, clock, duration_s=duration_s, record=record, stopping=lambda: bool(stopped))
    print(f"{day.truck.time_s:.1f} s simulated, latest tick {late_s:.3f} s late")
