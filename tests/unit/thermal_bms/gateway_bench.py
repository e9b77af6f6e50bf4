"""A gateway without threads: the clock moves a scripted truck, and a port hands frames over at once."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.unit.thermal_bms.bms_samples import TRUCK, FakeController, measured
from thermal_bms.can.bus_image import BusReceiver, BusSender
from thermal_bms.can.bus_map import PackShape
from thermal_bms.can.codec import CommandCodec, MeasurementCodec
from thermal_bms.can.frame import Frame
from thermal_bms.can.interface import BusSettings
from thermal_bms.can.port import Arrival, ArrivalKind
from thermal_bms.clock import ManualClock
from thermal_bms.description import TruckDescription
from thermal_bms.gateway import Gateway
from thermal_bms.gateway_config import GatewaySettings, LoadedGateway
from thermal_bms.interfaces import Controller
from thermal_bms.signals import Command, Measurement, ThermalCommand, ValveMode

SHAPE = PackShape(TRUCK.pack.n_strings, TRUCK.pack.n_series, 4)
COMMANDS = CommandCodec(SHAPE.n_strings)
NAMES = tuple(sorted({slot.layout.name for slot in COMMANDS.bus_map.slots}))
WANTED = ThermalCommand(0.5, 0.25, 0.0, 0.0, ValveMode.RADIATOR)


def loaded_gateway(folder: Path, **settings: Any) -> LoadedGateway:
    """Return an active gateway of the sample truck, with changes."""
    values: dict[str, Any] = {
        "mode": "active",
        "truck": folder / "truck.toml",
        "n_temp_sensors": SHAPE.n_temp_sensors,
        "state_folder": folder / "state",
        "hang_s": 0.0,
        "bus": BusSettings(interface="virtual", channel="unused"),
        "transmit": {"allow": NAMES},
        "controller": ({"name": "best"}, {"name": "plain"}),
        "recording": {"folder": folder / "recordings"},
    }
    return LoadedGateway(GatewaySettings(**{**values, **settings}), TRUCK)


class SyncPort:
    """A port whose frames are there at once."""

    def __init__(self, clock: ManualClock, *, transmit: bool) -> None:
        self._clock = clock
        self._transmit = transmit
        self._waiting: list[Arrival] = []
        self.out: list[tuple[float, Frame]] = []
        self.reopened: list[str] = []
        self.heard: list[Arrival] = []
        self.stopped = False
        self.loops = self.sent = self.dropped_in = self.dropped_out = 0
        self.arrive(kind=ArrivalKind.OPENED)

    def stop(self) -> None:
        self.stopped = True

    def reopen(self, reason: str) -> None:
        self.reopened.append(reason)

    def arrive(self, frame: Frame = Frame(0, b""), kind: ArrivalKind = ArrivalKind.FRAME) -> None:  # noqa: B008
        self._waiting.append(Arrival(self._clock.now_s(), kind, frame))

    def arrivals(self) -> list[Arrival]:
        self.loops += 1
        found, self._waiting = self._waiting, []
        self.heard += found
        return found

    def send(self, frames: Sequence[Frame]) -> None:
        if self._transmit:
            self.sent += len(frames)
            self.out += [(self._clock.now_s(), frame) for frame in frames]


class ScriptedTruck:
    """A truck on the port: sends what a test sets, follows contactor commands, keeps what it is told."""

    def __init__(self) -> None:
        self.now: Measurement = measured()
        self.silent = False
        self._sender = BusSender(MeasurementCodec(SHAPE).bus_map)
        self._codec = MeasurementCodec(SHAPE)
        self._receiver = BusReceiver(COMMANDS.bus_map)
        self._heard = 0
        self.told: list[tuple[float, Command]] = []

    def turn(self, port: SyncPort, time_s: float) -> None:
        self._hear(port, time_s)
        if not self.silent:
            for frame in self._sender.frames(self._codec.flatten(replace(self.now, time_s=time_s)), time_s):
                port.arrive(frame)

    def _hear(self, port: SyncPort, time_s: float) -> None:
        new, self._heard = port.out[self._heard :], len(port.out)
        self._receiver.tick(time_s)
        for _, frame in new:
            self._receiver.take(frame, time_s)
        if new and np.isfinite(self._receiver.seen_s).all():
            self.told.append((time_s, COMMANDS.restore(self._receiver.image)))


class Bench:
    """A gateway with its truck, and a clock that moves both.

    ``at`` lets something happen when the clock first reaches a time.
    """

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, folder: Path, *, telemetry: Any = None, **settings: Any
    ) -> None:
        self.best, self.plain = FakeController(WANTED), FakeController(ThermalCommand(pump_duty=0.3))
        self.clock = ManualClock()
        self.truck = ScriptedTruck()
        self._events: list[tuple[float, Callable[[], object]]] = []
        loaded = loaded_gateway(folder, **settings)
        self.port = SyncPort(self.clock, transmit=loaded.settings.mode == "active")
        self.gateway = Gateway(
            loaded,
            self._create,
            port=self.port,  # type: ignore[arg-type]
            clock=self.clock,
            environment={},
            telemetry=telemetry,
        )
        monkeypatch.setattr(self.clock, "sleep_until", self._sleep_until)

    def at(self, time_s: float, event: Callable[[], object]) -> None:
        self._events.append((time_s, event))

    def run(self, duration_s: float) -> "Bench":
        """Serve for so long, then stop."""
        self.at(duration_s, self.gateway.stop)
        self.truck.turn(self.port, 0.0)
        self.gateway.run()
        self.truck._hear(self.port, self.clock.now_s())
        return self

    def _sleep_until(self, time_s: float) -> None:
        self.clock.time_s = max(self.clock.time_s, time_s)
        due = [event for event in self._events if event[0] <= self.clock.time_s]
        for event in due:
            self._events.remove(event)
            event[1]()
        self.truck.turn(self.port, self.clock.time_s)

    def _create(self, name: str, _settings: Mapping[str, Any], _truck: TruckDescription) -> Controller:
        return {"best": self.best, "plain": self.plain}[name]
