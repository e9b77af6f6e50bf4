"""The same twenty minutes without a bus, over a virtual bus, and in two processes: the same bits."""

import subprocess
import sys
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
from thermal_bms.can.link import CanLink, TruckEnd
from thermal_bms.can.port import Port
from thermal_bms.can.quantised_link import QuantisedLink
from thermal_bms.cli.gateway import create
from thermal_bms.clock import ManualClock
from thermal_bms.control_loop import ControlLoop
from thermal_bms.gateway_config import load_gateway
from thermal_bms.gateway_parts import build_loop
from thermal_bms.interfaces import Link
from thermal_bms.link import DirectLink
from thermal_bms.lockstep import bench_recorder, lockstep_link
from thermal_bms.persistence import StoredState
from thermal_bms.recording import Recording

SCENARIO = "light_air_van_summer"
CHANGES = ["tick_s=1.0", 'fault=[{kind = "fan_off", time_s = 600.0}]']
DURATION_S = 1200.0
VIRTUAL = BusSettings(interface="virtual", channel="lockstep-test")


def scenario() -> LoadedScenario:
    return load_scenario(SCENARIO, CHANGES)


def recordings(folder: Path) -> tuple[bytes, bytes]:
    """Return the controller's and the truck's recording, byte by byte."""
    (controller,) = (folder / "recordings").glob("*.rec")
    assert Recording(controller).complete
    assert Recording(folder / "plant.rec").complete
    return controller.read_bytes(), (folder / "plant.rec").read_bytes()


class Bench:
    """A day and a control loop in this process, with whatever link is between them."""

    def __init__(self, folder: Path) -> None:
        loaded = load_gateway(write_gateway_files(folder, scenario(), VIRTUAL, lockstep=True))
        self.loaded = loaded
        self.day = PlantDay(scenario())
        self.truth = TruthRecorder(folder / "plant.rec", self.day)
        self.recorder = bench_recorder(loaded)

    def loop(self, link: Link) -> ControlLoop:
        return build_loop(self.loaded, create, link, stored=StoredState(), record=self.recorder.append)


def direct(folder: Path) -> tuple[bytes, bytes]:
    bench = Bench(folder)
    loop = bench.loop(QuantisedLink(DirectLink(bench.day), shape_of(scenario())))
    with bench.truth.recorder, bench.recorder:
        run_direct(bench.day, loop, duration_s=DURATION_S, record=bench.truth.record)
    return recordings(folder)


def over_virtual_bus(folder: Path) -> tuple[bytes, bytes]:
    bench = Bench(folder)
    ports = [Port(lambda: open_bus(VIRTUAL), ManualClock()) for _ in range(2)]
    for port in ports:
        port.start()
    turns = LockstepExchange(ports[0], source=LOCKSTEP_SOURCE)
    end = TruckEnd(ports[0], turns, shape_of(scenario()))
    link: CanLink = lockstep_link(bench.loaded, ports[1], LockstepExchange(ports[1], source=243))
    loop = bench.loop(link)
    with bench.truth.recorder, bench.recorder:
        run_lockstep(
            bench.day,
            end,
            turns,
            duration_s=DURATION_S,
            record=bench.truth.record,
            answered=loop.tick,
        )
    for port in ports:
        port.stop()
    return recordings(folder)


def in_two_processes(folder: Path) -> tuple[bytes, bytes]:
    command = [sys.executable, "-m", "thermal_bms"]
    changes = [part for change in CHANGES for part in ("--set", change)]
    rest = ["--duration", str(DURATION_S), "--config", str(folder), "--out", str(folder)]
    plant = subprocess.Popen(
        [*command, "plant", SCENARIO, "--lockstep", "--quiet", "--tick", "1.0", *changes, *rest],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert plant.stdout is not None
    assert "gateway --config" in plant.stdout.readline()
    gateway = [*command, "gateway", "--lockstep", "--quiet", "--config", str(folder / "gateway.toml")]
    subprocess.run(gateway, check=True, timeout=120)
    assert plant.wait(timeout=30) == 0
    plant.stdout.close()
    return recordings(folder)


def test_the_link_changes_no_bit_of_a_day(tmp_path: Path) -> None:
    expected = direct(tmp_path / "direct")
    assert len(Recording(tmp_path / "direct" / "plant.rec").stream("truth")) == DURATION_S
    assert over_virtual_bus(tmp_path / "virtual") == expected
    assert in_two_processes(tmp_path / "processes") == expected
