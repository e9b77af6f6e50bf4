"""``thermal-bms doctor``: what is missing on this machine, and what its bus carries."""

import argparse
import importlib.util
import platform
import socket
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from thermal_bms import __version__
from thermal_bms.cli.service_log import start_log
from thermal_bms.cli.surroundings import channels_line, kernels_line, packages_line

if TYPE_CHECKING:
    from thermal_bms.gateway_config import LoadedGateway

SUMMARY = "look for what is missing on this machine and on its bus"
DESCRIPTION = """\
Show versions, packages, CAN channels and compiled kernels, and say in plain words what is wrong. With --config also
look at the gateway's configuration, its certificates and its stored state, listen to its bus without sending
anything, and name every message that is missing, late or damaged.
"""
EPILOG = """\
examples:
  thermal-bms doctor
  thermal-bms doctor --config gateway.toml --seconds 10

exit codes: 0 all is well, 1 something is wrong, 2 bad configuration, 3 the bus cannot be opened
"""
OPTIONAL = ("paho-mqtt",)
PACKAGES = ("numpy", "pydantic", "python-can", "cantools", "pyserial", "scipy", "numba")
_NET = Path("/sys/class/net")
_TYPE_CAN = "280"
_STRANGERS_SHOWN = 8


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the arguments of the verb."""
    parser.add_argument("--config", metavar="FILE", type=Path, help="configuration of a gateway")
    parser.add_argument(
        "--seconds", metavar="S", type=float, default=5.0, help="how long to listen to the bus (default 5)"
    )


def execute(arguments: argparse.Namespace) -> int:
    """Look around; return 1 when something is wrong."""
    start_log(quiet=True)
    print(f"thermal-bms {__version__}, Python {platform.python_version()}, {platform.platform()}")
    print(", ".join(f"{name} {_version(name)}" for name in (*PACKAGES, *OPTIONAL)))
    print(f"CAN in the kernel: {'yes' if _kernel_can() else 'no'}; interfaces: {_interfaces()}")
    print(packages_line())
    print(channels_line())
    print(kernels_line())
    findings = _environment_findings()
    if arguments.config is not None:
        from thermal_bms.gateway_config import load_gateway

        loaded = load_gateway(arguments.config)
        findings += _configuration(loaded)
        findings += _telemetry(loaded)
        findings += _traffic(loaded, arguments.seconds)
    for finding in findings:
        print(f"! {finding}")
    print("all is well" if not findings else f"{len(findings)} to look at")
    return 1 if findings else 0


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "missing"


def _kernel_can() -> bool:
    try:
        socket.socket(socket.AF_CAN, socket.SOCK_RAW, socket.CAN_RAW).close()
    except (OSError, AttributeError):
        return False
    return True


def _interfaces() -> str:
    found = [
        path.parent.name for path in sorted(_NET.glob("*/type")) if path.read_text().strip() == _TYPE_CAN
    ]
    return ", ".join(found) or "none"


def _environment_findings() -> list[str]:
    found = [
        f"{name} is missing: pip install thermal-bms" for name in PACKAGES if _version(name) == "missing"
    ]
    if importlib.util.find_spec("asammdf") is not None:
        found.append(
            "asammdf is installed: python-can loads it, which costs a gateway 100 MiB; uninstall it there"
        )
    return found


def _configuration(loaded: "LoadedGateway") -> list[str]:
    """Show what is configured and stored."""
    from thermal_bms.cli.gateway import create
    from thermal_bms.gateway_parts import build_allow_list, check_sources
    from thermal_bms.persistence import StateStore

    settings = loaded.settings
    check_sources(loaded)
    allowed = len(build_allow_list(loaded))
    print(
        f"gateway: {settings.mode}, {settings.bus.title}, {loaded.truck.name}, {allowed} groups may be sent"
    )
    for one in settings.controller:
        create(one.name, one.settings, loaded.truck)
    if not settings.state_folder.is_dir():
        print(f"nothing stored yet in {settings.state_folder}")
        return []
    stored = StateStore(settings.state_folder).load()
    hours = stored.operating_s / 3600.0
    print(f"stored: charge {stored.soc:.3f}, {hours:.1f} h of operation")
    found = [
        f"controller {name} is out of service: {reason}; gateway --reset brings it back"
        for name, reason in stored.disabled.items()
    ]
    found += [f"latched fault {fault.code.name}; gateway --reset forgets it" for fault in stored.latched]
    return found


def _telemetry(loaded: "LoadedGateway") -> list[str]:
    """Show where telemetry goes, and return what is wrong with it."""
    settings = loaded.settings.telemetry
    if settings is None:
        return []
    from thermal_bms.clock import wall_time_s
    from thermal_bms.telemetry.checkup import description, findings

    print(f"telemetry: {description(settings)}")
    return findings(settings, wall_time_s())


def _traffic(loaded: "LoadedGateway", seconds: float) -> list[str]:
    """Listen to the bus and return what is wrong with it."""
    from thermal_bms.can.codec import MeasurementCodec
    from thermal_bms.can.interface import open_bus
    from thermal_bms.can.port import ArrivalKind, Port
    from thermal_bms.can.traffic import TrafficStudy
    from thermal_bms.clock import MonotonicClock
    from thermal_bms.gateway_parts import shape_of

    settings = loaded.settings
    study = TrafficStudy(MeasurementCodec(shape_of(loaded), sources=settings.sources).bus_map)
    clock = MonotonicClock()
    port = Port(lambda: open_bus(settings.bus), clock, transmit=False)
    port.start()
    while (left_s := seconds - clock.now_s()) > 0.0:
        arrival = port.wait(left_s)
        if arrival is not None and arrival.kind is ArrivalKind.FRAME:
            study.take(arrival.frame, arrival.time_s)
    port.stop()
    heard = sum(message.count for message in study.messages)
    print(f"heard in {seconds:g} s: {heard} expected frames, {sum(study.strangers.values())} others")
    for (pgn, source), count in list(study.strangers.items())[:_STRANGERS_SHOWN]:
        print(f"  not expected: group {pgn} (0x{pgn:04X}) from {source}, {count} times")
    if not heard:
        return [f"nothing of this truck on {settings.bus.title}: check wiring, bitrate and addresses"]
    return study.findings(seconds)
