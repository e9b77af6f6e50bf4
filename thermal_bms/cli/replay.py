"""``thermal-bms replay``: what was recorded, through the controller once more."""

import argparse
from pathlib import Path

from thermal_bms.cli.gateway import create
from thermal_bms.cli.service_log import start_log
from thermal_bms.cli.tables import number, table
from thermal_bms.errors import ConfigError

SUMMARY = "run a recorded bus log or gateway recording through the controller"
DESCRIPTION = """\
Replay a gateway's own recording (.rec): with recording.measurement_every_s = 0 every command must come out again,
bit for bit. Or replay a bus log (ASC, BLF, candump; MF4 with asammdf) at fixed ticks through the controllers of a
configuration, and see how far they are off from what was commanded on that bus.
"""
EPILOG = """\
examples:
  thermal-bms replay recordings/gateway-000001.rec
  thermal-bms replay drive.blf --config gateway.toml

exit codes: 0 replayed (a recording: every bit the same), 1 a command differs from the recording, 2 bad input
"""
SHOWN = 5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the arguments of the verb."""
    parser.add_argument("log", metavar="LOG", type=Path, help="recording of a gateway, or bus log")
    config_help = "configuration of the gateway, for a bus log; its bus is not opened"
    parser.add_argument("--config", metavar="FILE", type=Path, help=config_help)


def execute(arguments: argparse.Namespace) -> int:
    """Replay and compare; return 0, or 1 when a recorded command does not come out again."""
    start_log(quiet=True)
    if arguments.log.suffix == ".rec":
        return _recording(arguments.log)
    if arguments.config is None:
        raise ConfigError(f"{arguments.log}: a bus log needs --config, the gateway to replay it with")

    from thermal_bms.gateway_config import load_gateway
    from thermal_bms.log_link import read_log
    from thermal_bms.replay import replay_log

    link = replay_log(read_log(arguments.log), load_gateway(arguments.config), create)
    if not link.deviations:
        print("replayed; the log holds no commands to compare with")
        return 0
    rows = [
        [name, str(one.count), str(one.differing), number(one.sum_abs / one.count), number(one.max_abs)]
        for name, one in link.deviations.items()
    ]
    header = ("command", "ticks", "differing", "mean difference", "largest")
    print(table(rows, header=header, right=(1, 2, 3, 4)))
    return 0


def _recording(path: Path) -> int:
    from thermal_bms.recording import Recording
    from thermal_bms.replay import replay_recording

    link = replay_recording(Recording(path), create)
    if not link.difference_count:
        print(f"{link.command_count} commands, every bit the same")
        return 0
    print(f"{link.difference_count} values differ in {link.command_count} commands:")
    for one in link.differences[:SHOWN]:
        print(f"  {one.time_s:g} s, {one.name}: recorded {one.recorded}, replayed {one.replayed}")
    return 1
