import math
import struct

import pytest

from thermal_bms.can.exchange import (
    EndOfBenchError,
    LiveExchange,
    LockstepExchange,
)
from thermal_bms.can.frame import Frame
from thermal_bms.can.port import Arrival, ArrivalKind
from thermal_bms.clock import ManualClock
from thermal_bms.errors import LinkError

FRAME = Frame(0x18FF1080, b"\x01")


class QueuePort:
    """One end of a port without threads; ``wait`` returns None when nothing is there."""

    def __init__(self) -> None:
        self.incoming: list[Arrival] = []
        self.sent: list[Frame] = []

    def arrivals(self) -> list[Arrival]:
        found, self.incoming = self.incoming, []
        return found

    def wait(self, _timeout_s: float) -> Arrival | None:
        return self.incoming.pop(0) if self.incoming else None

    def send(self, frames: list[Frame]) -> None:
        self.sent += frames

    def arrive(self, *frames: Frame) -> None:
        self.incoming += [Arrival(99.0, ArrivalKind.FRAME, frame) for frame in frames]


def turn(time_s: float, source: int = 39) -> Frame:
    return Frame(0x18FFEE00 | source, struct.pack("<d", time_s))


def lockstep(port: QueuePort, **more: bool) -> LockstepExchange:
    return LockstepExchange(port, source=243, timeout_s=1.0, **more)  # type: ignore[arg-type]


def test_a_live_exchange_takes_what_is_there_at_the_time_of_the_clock() -> None:
    port, clock = QueuePort(), ManualClock(3.0)
    live = LiveExchange(port, clock)  # type: ignore[arg-type]
    port.arrive(FRAME)
    assert live.receive().arrivals[0].frame == FRAME
    assert live.receive() == (3.0, [])
    live.send([FRAME])
    assert port.sent == [FRAME]


def test_a_turn_is_everything_up_to_the_other_sides_time_to_the_last_bit() -> None:
    port = QueuePort()
    time_s = 0.1 + 0.2
    port.arrive(FRAME, turn(time_s), Frame(0x18FF1180, b"\x02"))
    exchange = lockstep(port)
    found = exchange.receive()
    assert found.time_s == exchange.time_s == time_s
    assert found.arrivals == [Arrival(time_s, ArrivalKind.FRAME, FRAME)]
    exchange.send([FRAME])
    assert port.sent == [FRAME, turn(time_s, source=243)]


def test_own_and_short_turn_frames_are_no_turn() -> None:
    port = QueuePort()
    port.arrive(turn(1.0, source=243), Frame(turn(2.0).identifier, b"\x00"), turn(3.0))
    assert lockstep(port).receive().time_s == 3.0


def test_the_end_of_the_bench_is_told() -> None:
    port = QueuePort()
    LockstepExchange(port, source=39).finish()  # type: ignore[arg-type]
    (frame,) = port.sent
    assert math.isnan(struct.unpack("<d", frame.data)[0])
    port.arrive(frame)
    with pytest.raises(EndOfBenchError):
        lockstep(port).receive()


def test_silence_and_a_failed_bus_are_errors() -> None:
    port = QueuePort()
    with pytest.raises(LinkError, match="nothing from the other side for 1 s"):
        lockstep(port).receive()
    port.incoming.append(Arrival(0.0, ArrivalKind.FAILED, text="cable cut"))
    with pytest.raises(LinkError, match="the bus failed: cable cut"):
        lockstep(port).receive()


def test_whoever_comes_first_waits_for_the_other() -> None:
    gateway, truck = QueuePort(), QueuePort()
    with pytest.raises(LinkError, match="nobody there for 1 s"):
        lockstep(gateway, greets=True).receive()
    assert len(gateway.sent) == 5
    truck.arrive(turn(7.0, source=243), *gateway.sent)
    waiting = LockstepExchange(truck, source=39, timeout_s=1.0)  # type: ignore[arg-type]
    waiting.wait_for_greeting()
    truck.arrive(turn(0.5, source=243))
    assert waiting.receive().time_s == 0.5, "greetings that came too late are no turns"
    with pytest.raises(LinkError):
        waiting.wait_for_greeting()


def test_a_greeting_is_answered_by_the_first_turn() -> None:
    port = QueuePort()
    port.arrive(turn(0.0))
    exchange = lockstep(port, greets=True)
    assert exchange.receive().time_s == 0.0
    assert len(port.sent) == 1
    port.arrive(turn(1.0))
    assert exchange.receive().time_s == 1.0
    assert len(port.sent) == 1
