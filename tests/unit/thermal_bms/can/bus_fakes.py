"""Stand-ins for the edges of the bus: an interface that follows a script, and turns without threads."""

import threading
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue

import can

from tests.unit.thermal_bms.can.can_samples import SHAPE, measurement
from thermal_bms.can.bus_image import BusSender
from thermal_bms.can.codec import MeasurementCodec
from thermal_bms.can.exchange import Turn
from thermal_bms.can.frame import Frame
from thermal_bms.can.port import Arrival, ArrivalKind
from thermal_bms.signals import Measurement

PATIENCE_S = 5.0


class FakeBus:
    """An interface whose ``recv`` gives what a test puts in: frames, or exceptions to raise."""

    def __init__(self) -> None:
        self.script: SimpleQueue[can.Message | Exception] = SimpleQueue()
        self.sent: list[can.Message] = []
        self.send_error: Exception | None = None
        self.let_send = threading.Event()
        self.let_send.set()
        self.closed = False

    def recv(self, timeout: float) -> can.Message | None:
        try:
            found = self.script.get(timeout=timeout)
        except Empty:
            return None
        if isinstance(found, Exception):
            raise found
        return found

    def send(self, message: can.Message, timeout: float | None = None) -> None:
        assert self.let_send.wait(PATIENCE_S)
        if self.send_error is not None:
            raise self.send_error
        self.sent.append(message)

    def shutdown(self) -> None:
        self.closed = True
        raise OSError("a broken interface does not even close")


def data_frame(identifier: int = 0x18FF1080, data: bytes = b"\x01", **kind: bool) -> can.Message:
    return can.Message(arbitration_id=identifier, data=data, **{"is_extended_id": True, **kind})


def wait_until(condition: Callable[[], object]) -> None:
    """Return when a condition holds; fail after a few seconds."""
    pause = threading.Event()
    for _ in range(round(PATIENCE_S / 0.005)):
        if condition():
            return
        pause.wait(0.005)
    raise AssertionError("waited in vain")


class ScriptedExchange:
    """Turns whose time and arrivals a test sets; keeps what is sent."""

    def __init__(self) -> None:
        self.time_s = 0.0
        self.arrivals: list[Arrival] = []
        self.sent: list[Frame] = []

    def receive(self) -> Turn:
        arrivals, self.arrivals = self.arrivals, []
        return Turn(self.time_s, arrivals)

    def send(self, frames: Sequence[Frame]) -> None:
        self.sent += frames

    def arrive(self, *frames: Frame, kind: ArrivalKind = ArrivalKind.FRAME, text: str = "") -> None:
        if kind is not ArrivalKind.FRAME and not frames:
            frames = (Frame(0, b""),)
        self.arrivals += [Arrival(self.time_s, kind, frame, text) for frame in frames]

    def open(self) -> None:
        self.arrive(kind=ArrivalKind.OPENED)


class FakePort:
    """A port that only notes that it is to be reopened."""

    def __init__(self) -> None:
        self.reasons: list[str] = []

    def reopen(self, reason: str) -> None:
        self.reasons.append(reason)


class TruckSender:
    """Makes the frames of a truck of ``SHAPE``."""

    def __init__(self) -> None:
        self.codec = MeasurementCodec(SHAPE)
        self._sender = BusSender(self.codec.bus_map)

    def frames(self, time_s: float, sent: Measurement | None = None) -> list[Frame]:
        return self._sender.frames(self.codec.flatten(sent or measurement()), time_s)
