"""When frames are taken and sent: as they come, or in lockstep with the other side.

In lockstep each side ends its turn with a frame of its own that carries the truck's time, all bits kept. The
other side waits for it, so both take the same steps however fast they run. It is for benches only: the group
belongs to no truck.
"""

import math
import struct
from collections.abc import Sequence
from typing import NamedTuple, Protocol, final

from thermal_bms.can.frame import Frame
from thermal_bms.can.j1939.identifier import build_identifier
from thermal_bms.can.port import Arrival, ArrivalKind, Port
from thermal_bms.clock import Clock
from thermal_bms.errors import LinkError

PGN_TURN = 0xFFEE
LOCKSTEP_TIMEOUT_S = 60.0
_TIME = struct.Struct("<d")


class Turn(NamedTuple):
    """What is to be looked at now: the time and what has arrived since the last turn."""

    time_s: float
    arrivals: list[Arrival]


class Exchange(Protocol):
    """Taking turns with the other side of the bus."""

    def receive(self) -> Turn:
        """Return the time and what arrived since the last call."""
        ...

    def send(self, frames: Sequence[Frame]) -> None:
        """Send frames; they end the turn."""
        ...


class EndOfBenchError(LinkError):
    """The other side of a bench in lockstep has finished."""


@final
class LiveExchange:
    """Takes what has arrived when asked; the time is the clock's."""

    def __init__(self, port: Port, clock: Clock) -> None:
        self._port = port
        self._clock = clock

    def receive(self) -> Turn:
        """Return now and what arrived since the last call."""
        arrivals = self._port.arrivals()
        return Turn(self._clock.now_s(), arrivals)

    def send(self, frames: Sequence[Frame]) -> None:
        """Send frames at once."""
        self._port.send(frames)


@final
class LockstepExchange:
    """Waits for the other side's turn to end, and ends every own turn with a frame that carries the time.

    Parameters
    ----------
    port : the bus
    source : own source address, which tells the two sides apart
    timeout_s : how long to wait for the other side before giving up [s]
    """

    def __init__(self, port: Port, *, source: int, timeout_s: float = LOCKSTEP_TIMEOUT_S) -> None:
        self._port = port
        self._identifier = build_identifier(PGN_TURN, source)
        self._timeout_s = timeout_s
        self.time_s = 0.0

    def receive(self) -> Turn:
        """Return the other side's time and everything it sent in its turn.

        Raises
        ------
        EndOfBenchError
            when it said that it has finished.
        LinkError
            when it says nothing any more, or the bus fails.
        """
        arrivals: list[Arrival] = []
        while True:
            arrival = self._port.wait(self._timeout_s)
            if arrival is None:
                raise LinkError(f"lockstep: nothing from the other side for {self._timeout_s:g} s")
            if arrival.kind is ArrivalKind.FAILED:
                raise LinkError(f"lockstep: the bus failed: {arrival.text}")
            if not self._is_turn(arrival.frame):
                arrivals.append(arrival)
                continue
            (self.time_s,) = _TIME.unpack(arrival.frame.data)
            if math.isnan(self.time_s):
                raise EndOfBenchError("lockstep: the other side has finished")
            stamped = [Arrival(self.time_s, kind, frame, text) for _, kind, frame, text in arrivals]
            return Turn(self.time_s, stamped)

    def send(self, frames: Sequence[Frame]) -> None:
        """Send frames and end the turn."""
        self._port.send([*frames, Frame(self._identifier, _TIME.pack(self.time_s))])

    def finish(self) -> None:
        """Tell the other side that this was all."""
        self.time_s = math.nan
        self.send([])

    def _is_turn(self, frame: Frame) -> bool:
        other = frame.identifier != self._identifier
        return frame.identifier >> 8 == self._identifier >> 8 and other and len(frame.data) == _TIME.size
