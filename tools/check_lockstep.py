"""Compare the same day without a bus, over a virtual bus, and in two processes over slcan, bit by bit.

python tools/check_lockstep.py                               twenty minutes of a van, as the test does
python tools/check_lockstep.py heavy_lfp_truck_day --hours 24    a whole day
"""

import argparse
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from scenarios.plant_bench import (
    LOCKSTEP_SOURCE,
    TruthRecorder,
    run_direct,
    run_lockstep,
    shape_of,
    write_gateway_files,
)
from scenarios.plant_day import PlantDay
from scenarios.scenario import LoadedScenario, load_scenario
from thermal_bms.can.exchange import LockstepExchange
from thermal_bms.can.interface import BusSettings, open_bus
from thermal_bms.can.link import TruckEnd
from thermal_bms.can.port import Port
from thermal_bms.can.quantised_link import QuantisedLink
from thermal_bms.cli.gateway import create
from thermal_bms.clock import ManualClock
from thermal_bms.control_loop import ControlLoop
from thermal_bms.gateway_config import load_gateway
from thermal_bms.gateway_parts import address_of, build_loop
from thermal_bms.interfaces import Link
from thermal_bms.link import DirectLink
from thermal_bms.lockstep import bench_recorder, lockstep_link
from thermal_bms.persistence import StoredState
from thermal_bms.recording import Recording

SCENARIO = "light_air_van_summer"
CHANGES = ('fault=[{kind = "fan_off", time_s = 600.0}]',)
DURATION_S = 1200.0
TICK_S = 1.0
VIRTUAL = BusSettings(interface="virtual", channel="lockstep")

Bytes = tuple[bytes, bytes]


@dataclass(frozen=True)
class Task:
    """What is to be run: a scenario, changes to it, and how long."""

    scenario: str = SCENARIO
    changes: tuple[str, ...] = CHANGES
    duration_s: float = DURATION_S

    def load(self) -> LoadedScenario:
        """Return the scenario."""
        return load_scenario(self.scenario, [*self.changes, f"tick_s={TICK_S!r}"])


class Bench:
    """A day and a control loop in this process, with whatever link is between them."""

    def __init__(self, task: Task, folder: Path) -> None:
        scenario = task.load()
        self.loaded = load_gateway(write_gateway_files(folder, scenario, VIRTUAL, lockstep=True))
        self.shape = shape_of(scenario)
        self.day = PlantDay(scenario)
        self.truth = TruthRecorder(folder / "plant.rec", self.day)
        self.recorder = bench_recorder(self.loaded)

    def loop(self, link: Link) -> ControlLoop:
        """Return the control loop on a link."""
        return build_loop(self.loaded, create, link, stored=StoredState(), record=self.recorder.append)


def direct(task: Task, folder: Path) -> Bytes:
    """Run without a bus, values quantised as on one."""
    bench = Bench(task, folder)
    loop = bench.loop(QuantisedLink(DirectLink(bench.day), bench.shape))
    with bench.truth.recorder, bench.recorder:
        run_direct(bench.day, loop, duration_s=task.duration_s, record=bench.truth.record)
    return recordings(folder)


def over_virtual_bus(task: Task, folder: Path) -> Bytes:
    """Run over a virtual bus in this process."""
    bench = Bench(task, folder)
    ports = [Port(lambda: open_bus(VIRTUAL), ManualClock()) for _ in range(2)]
    for port in ports:
        port.start()
    turns = LockstepExchange(ports[0], source=LOCKSTEP_SOURCE)
    end = TruckEnd(ports[0], turns, bench.shape)
    answers = LockstepExchange(ports[1], source=address_of(bench.loaded))
    loop = bench.loop(lockstep_link(bench.loaded, ports[1], answers))
    with bench.truth.recorder, bench.recorder:
        run_lockstep(
            bench.day,
            end,
            turns,
            duration_s=task.duration_s,
            record=bench.truth.record,
            answered=loop.tick,
        )
    for port in ports:
        port.stop()
    return recordings(folder)


def in_two_processes(task: Task, folder: Path) -> Bytes:
    """Run truck and gateway as two commands on a serial adapter that the truck makes."""
    main = [sys.executable, "-m", "thermal_bms"]
    changes = [part for change in task.changes for part in ("--set", change)]
    rest = ["--tick", str(TICK_S), "--duration", str(task.duration_s), "--config", str(folder)]
    plant = subprocess.Popen(  # noqa: S603  # our own command
        [*main, "plant", task.scenario, "--lockstep", "--quiet", *changes, *rest, "--out", str(folder)],
        stdout=subprocess.PIPE,
        text=True,
    )
    if plant.stdout is None or "gateway --config" not in plant.stdout.readline():
        raise SystemExit("the simulated truck did not start")
    gateway = [*main, "gateway", "--lockstep", "--quiet", "--config", str(folder / "gateway.toml")]
    subprocess.run(gateway, check=True)  # noqa: S603  # our own command
    plant.communicate()
    return recordings(folder)


def recordings(folder: Path) -> Bytes:
    """Return the controller's and the truck's recording, byte by byte."""
    (controller,) = (folder / "recordings").glob("*.rec")
    truck = folder / "plant.rec"
    if not (Recording(controller).complete and Recording(truck).complete):
        raise SystemExit(f"{folder}: a recording is not complete")
    return controller.read_bytes(), truck.read_bytes()


def main() -> int:
    """Compare; return 0 when everything is the same."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("scenario", nargs="?", default=SCENARIO)
    parser.add_argument("--hours", type=float, default=DURATION_S / 3600.0)
    arguments = parser.parse_args()
    changes = CHANGES if arguments.scenario == SCENARIO else ()
    task = Task(arguments.scenario, changes, 3600.0 * arguments.hours)
    found: list[Bytes] = []
    with tempfile.TemporaryDirectory() as folder:
        for way in (direct, over_virtual_bus, in_two_processes):
            begun_s = time.perf_counter()
            found.append(way(task, Path(folder) / way.__name__))
            took_s = time.perf_counter() - begun_s
            ticks = len(Recording(Path(folder) / way.__name__ / "plant.rec").stream("truth"))
            same = "the same" if found[-1] == found[0] else "DIFFERENT"
            print(
                f"{way.__name__:20s} {ticks} ticks, {sum(map(len, found[-1]))} bytes, {same}, {took_s:.1f} s"
            )
    return 0 if all(one == found[0] for one in found) else 1


if __name__ == "__main__":
    sys.exit(main())
