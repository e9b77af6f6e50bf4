"""When frames are taken and sent: as they come, or in lockstep with the other side.

In lockstep each side ends its turn with a frame of its own that carries the truck's time, all bits kept. The
other side waits for it, so both take the same steps however fast they run. It is for benches only: the group
belongs to no truck.
"""

import math
import struct
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple, Protocol, final

from thermal_bms.can.frame import Frame
from thermal_bms.can.j1939.identifier import build_identifier
from thermal_bms.can.port import Arrival, ArrivalKind, Port
from thermal_bms.clock import Clock
from thermal_bms.errors import LinkError

PGN_TURN = 0xFFEE
LOCKSTEP_TIMEOUT_S = 60.0
GREET_EVERY_S = 0.2
_GREETING_S = -1.0
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


class _SilentError(LinkError):
    """The other side says nothing."""


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

    The controller's side greets until it hears of the truck, the truck's side waits for that; so it does not
    matter which one is started first.

    Parameters
    ----------
    port : the bus
    source : own source address, which tells the two sides apart
    greets : this side greets
    timeout_s : how long to wait for the other side before giving up [s]
    """

    def __init__(
        self, port: Port, *, source: int, greets: bool = False, timeout_s: float = LOCKSTEP_TIMEOUT_S
    ) -> None:
        self._port = port
        self._identifier = build_identifier(PGN_TURN, source)
        self._greets = greets
        self._timeout_s = timeout_s
        self._arrivals: list[Arrival] = []
        self.time_s = 0.0

    def wait_for_greeting(self) -> None:
        """Return when the other side is there.

        Raises
        ------
        LinkError
            when it does not greet in time.
        """
        while self._next_turn_s(self._timeout_s) != _GREETING_S:
            pass

    def receive(self) -> Turn:
        """Return the other side's time and everything it sent in its turn.

        Raises
        ------
        EndOfBenchError
            when it said that it has finished.
        LinkError
            when it says nothing any more, or the bus fails.
        """
        time_s = self._greeted() if self._greets else self._next_turn_s(self._timeout_s)
        while time_s == _GREETING_S:
            time_s = self._next_turn_s(self._timeout_s)
        if math.isnan(time_s):
            raise EndOfBenchError("lockstep: the other side has finished")
        self.time_s = time_s
        arrivals, self._arrivals = self._arrivals, []
        return Turn(time_s, [Arrival(time_s, kind, frame, text) for _, kind, frame, text in arrivals])

    def send(self, frames: Sequence[Frame]) -> None:
        """Send frames and end the turn."""
        self._port.send([*frames, Frame(self._identifier, _TIME.pack(self.time_s))])

    def finish(self) -> None:
        """Tell the other side that this was all."""
        self.time_s = math.nan
        self.send([])

    def _greeted(self) -> float:
        """Greet until the other side's first turn ends; return its time."""
        self._greets = False
        for _ in range(max(round(self._timeout_s / GREET_EVERY_S), 1)):
            self._port.send([Frame(self._identifier, _TIME.pack(_GREETING_S))])
            with suppress(_SilentError):
                return self._next_turn_s(GREET_EVERY_S)
        raise _SilentError(f"lockstep: nobody there for {self._timeout_s:g} s")

    def _next_turn_s(self, timeout_s: float) -> float:
        """Return the time in the next turn frame; what arrives before it is kept."""
        while True:
            arrival = self._port.wait(timeout_s)
            if arrival is None:
                raise _SilentError(f"lockstep: nothing from the other side for {timeout_s:g} s")
            if arrival.kind is ArrivalKind.FAILED:
                raise LinkError(f"lockstep: the bus failed: {arrival.text}")
            if self._is_turn(arrival.frame):
                (time_s,) = _TIME.unpack(arrival.frame.data)
                return float(time_s)
            self._arrivals.append(arrival)

    def _is_turn(self, frame: Frame) -> bool:
        other = frame.identifier != self._identifier
        return frame.identifier >> 8 == self._identifier >> 8 and other and len(frame.data) == _TIME.size
