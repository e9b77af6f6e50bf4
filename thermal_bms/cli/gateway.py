"""``thermal-bms gateway``: the controller as a service on a CAN bus."""

import argparse
import logging
import os
import signal
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from thermal_bms.cli.service_log import start_log
from thermal_bms.errors import ConfigError, ThermalBmsError

if TYPE_CHECKING:
    from thermal_bms.clock import Clock
    from thermal_bms.description import TruckDescription
    from thermal_bms.gateway import Gateway
    from thermal_bms.gateway_config import LoadedGateway
    from thermal_bms.interfaces import Controller
    from thermal_bms.telemetry.service import Telemetry

SUMMARY = "control a truck over a CAN bus, or watch one"
DESCRIPTION = """\
Read measurements from a CAN bus, run battery management and thermal controller, and send commands. In shadow
mode, which is the default, everything is computed and recorded but nothing is sent. The service tells systemd how
it is, keeps its state through restarts and leaves the actuators safe when it is stopped.
"""
EPILOG = """\
examples:
  thermal-bms gateway --config gateway.toml
  thermal-bms gateway --config gateway.toml --reset   forget latched faults and controllers out of service

exit codes: 0 stopped by SIGTERM or Ctrl-C, 1 ended by itself, 2 bad configuration, 3 the bus cannot be opened
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the arguments of the verb."""
    parser.add_argument(
        "--config", metavar="FILE", type=Path, required=True, help="TOML file; see docs/deployment.md"
    )
    parser.add_argument(
        "--reset", action="store_true", help="forget latched faults and controllers out of service"
    )
    parser.add_argument(
        "--lockstep", action="store_true", help="for benches: take turns with thermal-bms plant --lockstep"
    )
    parser.add_argument(
        "--speed", metavar="X", type=float, default=1.0, help="for benches: run X times as fast as life"
    )
    parser.add_argument("--quiet", action="store_true", help="log warnings and errors only")


def execute(arguments: argparse.Namespace) -> int:
    """Serve until stopped."""
    from thermal_bms.gateway_config import load_gateway

    start_log(quiet=arguments.quiet)
    loaded = load_gateway(arguments.config)
    if arguments.lockstep:
        from thermal_bms.lockstep import run_lockstep

        ticks = run_lockstep(loaded, create)
        logging.getLogger(__name__).info("lockstep finished after %d ticks", ticks)
        return 0

    return _serve(loaded, arguments)


def _serve(loaded: "LoadedGateway", arguments: argparse.Namespace) -> int:
    """Listen first, build the rest while frames come in, then turn until stopped."""
    from thermal_bms.can.interface import open_bus
    from thermal_bms.can.port import Port
    from thermal_bms.clock import MonotonicClock

    settings = loaded.settings
    clock = MonotonicClock(arguments.speed)
    port = Port(lambda: open_bus(settings.bus), clock, transmit=settings.mode == "active")
    port.start()
    try:
        from thermal_bms.gateway import Gateway
        from thermal_bms.persistence import StateStore

        if arguments.reset:
            store = StateStore(settings.state_folder)
            store.save(replace(store.load(), latched=(), disabled={}))
        telemetry = _telemetry(loaded, clock, arguments.speed)
        gateway = Gateway(loaded, create, port=port, clock=clock, environment=os.environ, telemetry=telemetry)
    except BaseException:
        port.stop()
        raise
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: gateway.stop())
    return _turned(gateway)


def _telemetry(loaded: "LoadedGateway", clock: "Clock", speed: float) -> "Telemetry | None":
    """Return telemetry as configured; its library is imported only then."""
    settings = loaded.settings.telemetry
    if settings is None:
        return None
    if speed != 1.0:
        raise ConfigError(f"--speed {speed:g}: telemetry needs real time; leave --speed or [telemetry] out")
    from uuid import uuid4

    from thermal_bms.clock import wall_time_s
    from thermal_bms.telemetry.service import Telemetry
    from thermal_bms.telemetry.stamp import Stamp

    return Telemetry(settings, uuid4().hex, lambda: Stamp(clock.now_s(), wall_time_s()))


def _turned(gateway: "Gateway") -> int:
    """Turn until stopped; what nobody expected ends with 1, so that a service manager starts it again."""
    try:
        gateway.run()
    except ThermalBmsError:
        raise
    except Exception:
        logging.getLogger(__name__).critical("unexpected, please report", exc_info=True)
        return 1
    return 0


def create(
    name: str, settings: Mapping[str, Any], truck: "TruckDescription"
) -> "Controller":  # Any: TOML values
    """Return a controller; the registry is loaded when the first one is asked for."""
    from controllers.registry import create as create_controller

    return create_controller(name, settings, truck)
