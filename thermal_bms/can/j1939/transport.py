"""Messages of 9 to 1785 bytes (SAE J1939-21 transport protocol), both directions, bounded.

A broadcast is announced (BAM) and then sent without an answer; between two controllers the receiver asks for
packets (RTS, CTS) and acknowledges the end. Answers are given in the same call, well within the response time
Tr of 200 ms; this receiver never holds a connection, so it needs no Th of 500 ms between repeated holds.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple, final

from thermal_bms.can.frame import Frame
from thermal_bms.can.j1939.identifier import (
    GLOBAL_ADDRESS,
    PGN_TRANSFER_CONTROL,
    PGN_TRANSFER_DATA,
    Message,
    build_identifier,
    parse_identifier,
    pgn_bytes,
)

T1_S = 0.75
T2_S = 1.25
T3_S = 1.25
T4_S = 1.05
PACKET_BYTES = 7
MESSAGE_BYTES_MIN = 9
MESSAGE_BYTES_MAX = 1785
PRIORITY = 7


class Control(IntEnum):
    """Control byte of a connection management frame."""

    RTS = 16
    CTS = 17
    END = 19
    BAM = 32
    ABORT = 255


class AbortReason(IntEnum):
    """Why a connection is given up."""

    BUSY = 1
    RESOURCES = 2
    TIMEOUT = 3
    CTS_WHILE_SENDING = 4
    RETRANSMISSIONS = 5
    BAD_SEQUENCE = 7
    TOO_LONG = 9
    OTHER = 250


@dataclass(frozen=True, slots=True)
class TransportLimits:
    """Bounds that keep a flooded controller small.

    Attributes
    ----------
    broadcasts, connections : messages that may be on their way in at the same time, of each sort
    outgoing : messages that may wait or be on their way out
    window : packets asked for or sent in one go
    retransmissions : how often a connection may be asked to go back
    holds : how often a receiver may say "wait"
    broadcast_gap_s : time between two packets of an outgoing broadcast, 50..200 ms [s]
    """

    broadcasts: int = 8
    connections: int = 8
    outgoing: int = 8
    window: int = 16
    retransmissions: int = 2
    holds: int = 20
    broadcast_gap_s: float = 0.05


DEFAULT_LIMITS = TransportLimits()


class Announced(NamedTuple):
    """A connection management frame that makes sense."""

    control: Control
    pgn: int
    size: int
    packets: int
    window: int
    following: int


def parse_control(data: bytes) -> Announced | None:
    """Return what a connection management frame says, or None when it is malformed.

    Size and packet count must fit each other; an abort has its reason as ``packets``.
    """
    if len(data) < 8:
        return None
    pgn = int.from_bytes(data[5:8], "little")
    if data[0] in {Control.RTS, Control.BAM}:
        size = int.from_bytes(data[1:3], "little")
        if not MESSAGE_BYTES_MIN <= size <= MESSAGE_BYTES_MAX or data[3] != packet_count(size):
            return None
        return Announced(Control(data[0]), pgn, size, data[3], data[4], 0)
    if data[0] == Control.CTS:
        return Announced(Control.CTS, pgn, 0, data[1], 0, data[2])
    if data[0] in {Control.END, Control.ABORT}:
        return Announced(Control(data[0]), pgn, 0, data[1], 0, 0)
    return None


def packet_count(size: int) -> int:
    """Return the number of packets of seven bytes.

    >>> packet_count(1785)
    255
    """
    return -(-size // PACKET_BYTES)


def control_frame(control: Control, body: bytes, pgn: int, source: int, destination: int) -> Frame:
    """Return a connection management frame; ``body`` are bytes 2 to 5."""
    identifier = build_identifier(PGN_TRANSFER_CONTROL, source, destination=destination, priority=PRIORITY)
    return Frame(identifier, bytes((control,)) + body + pgn_bytes(pgn))


def abort_frame(reason: AbortReason, pgn: int, source: int, destination: int) -> Frame:
    """Return the frame that gives up a connection."""
    return control_frame(Control.ABORT, bytes((reason, 0xFF, 0xFF, 0xFF)), pgn, source, destination)


class Step(NamedTuple):
    """What one call gives: frames to send and messages that are whole."""

    frames: list[Frame]
    messages: list[Message]


@dataclass(slots=True)
class _Incoming:
    pgn: int
    size: int
    packets: int
    window: int
    deadline_s: float
    window_end: int
    retries: int
    priority: int
    data: bytearray


@final
class TransportReceiver:
    """Puts messages together. Whatever is malformed, unexpected or too much is dropped and counted.

    Parameters
    ----------
    accept : says for parameter group and source whether a message is wanted; the rest costs no memory
    limits : bounds

    Attributes
    ----------
    dropped : announcements, packets and half messages thrown away so far
    """

    def __init__(
        self,
        accept: Callable[[int, int], bool] = lambda _pgn, _source: True,
        limits: TransportLimits = DEFAULT_LIMITS,
    ) -> None:
        self._accept = accept
        self._limits = limits
        self._sessions: dict[tuple[int, int], _Incoming] = {}
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._sessions)

    def on_frame(self, frame: Frame, address: int, now_s: float) -> Step:
        """Take a frame for everybody or for ``address``."""
        self.tick(now_s)
        header = parse_identifier(frame.identifier)
        if header.pgn == PGN_TRANSFER_DATA:
            return self._on_data(frame.data, header.source, header.destination, now_s)
        announced = parse_control(frame.data)
        if announced is None:
            self.dropped += 1
            return Step([], [])
        if announced.control is Control.ABORT and header.destination == address:
            self._drop((header.source, address))
            return Step([], [])
        if announced.control is Control.BAM and header.destination == GLOBAL_ADDRESS:
            self._on_announcement(announced, header.source, header.priority, now_s)
            return Step([], [])
        if announced.control is Control.RTS and header.destination == address:
            return Step(self._on_request(announced, header.source, address, header.priority, now_s), [])
        return Step([], [])

    def tick(self, now_s: float) -> list[Frame]:
        """Drop what timed out; return the aborts to send."""
        frames = []
        for (source, destination), session in list(self._sessions.items()):
            if now_s > session.deadline_s:
                self._drop((source, destination))
                if destination != GLOBAL_ADDRESS:
                    frames.append(abort_frame(AbortReason.TIMEOUT, session.pgn, destination, source))
        return frames

    def _on_announcement(self, announced: Announced, source: int, priority: int, now_s: float) -> None:
        key = (source, GLOBAL_ADDRESS)
        self._drop(key)
        if not self._accept(announced.pgn, source) or self._count(broadcast=True) >= self._limits.broadcasts:
            self.dropped += 1
            return
        self._sessions[key] = _Incoming(
            announced.pgn,
            announced.size,
            announced.packets,
            0,
            now_s + T1_S,
            announced.packets,
            0,
            priority,
            bytearray(),
        )

    def _on_request(
        self, announced: Announced, source: int, address: int, priority: int, now_s: float
    ) -> list[Frame]:
        key = (source, address)
        known = self._sessions.get(key)
        if known is not None and known.pgn != announced.pgn:
            self.dropped += 1
            return [abort_frame(AbortReason.BUSY, announced.pgn, address, source)]
        self._drop(key)
        full = self._count(broadcast=False) >= self._limits.connections
        if full or not self._accept(announced.pgn, source):
            self.dropped += 1
            return [abort_frame(AbortReason.RESOURCES, announced.pgn, address, source)]
        window = min(announced.window or 1, self._limits.window)
        session = _Incoming(
            announced.pgn, announced.size, announced.packets, window, now_s, 0, 0, priority, bytearray()
        )  # fmt: skip
        self._sessions[key] = session
        return [self._clear_to_send(session, source, address, now_s)]

    def _on_data(self, data: bytes, source: int, destination: int, now_s: float) -> Step:
        session = self._sessions.get((source, destination))
        if session is None or len(data) < PACKET_BYTES + 1:
            self.dropped += 1
            return Step([], [])
        wanted = len(session.data) // PACKET_BYTES + 1
        if data[0] != wanted:
            return Step(self._out_of_order(session, data[0], source, destination, now_s), [])
        session.data += data[1 : PACKET_BYTES + 1]
        session.deadline_s = now_s + T1_S
        if wanted == session.packets:
            return self._whole(session, source, destination)
        if destination != GLOBAL_ADDRESS and wanted == session.window_end:
            return Step([self._clear_to_send(session, source, destination, now_s)], [])
        return Step([], [])

    def _whole(self, session: _Incoming, source: int, destination: int) -> Step:
        del self._sessions[source, destination]
        whole = Message(
            session.pgn, source, destination, session.priority, bytes(session.data[: session.size])
        )
        if destination == GLOBAL_ADDRESS:
            return Step([], [whole])
        body = session.size.to_bytes(2, "little") + bytes((session.packets, 0xFF))
        return Step([control_frame(Control.END, body, session.pgn, destination, source)], [whole])

    def _out_of_order(
        self, session: _Incoming, number: int, source: int, destination: int, now_s: float
    ) -> list[Frame]:
        """Drop a broken broadcast; ask again when the last packet of a window arrives with one missing."""
        self.dropped += 1
        if destination == GLOBAL_ADDRESS:
            self._drop((source, destination))
            return []
        if number != session.window_end:
            return []
        session.retries += 1
        if session.retries > self._limits.retransmissions:
            self._drop((source, destination))
            return [abort_frame(AbortReason.RETRANSMISSIONS, session.pgn, destination, source)]
        return [self._clear_to_send(session, source, destination, now_s)]

    def _clear_to_send(self, session: _Incoming, source: int, address: int, now_s: float) -> Frame:
        done = len(session.data) // PACKET_BYTES
        count = min(session.window, session.packets - done)
        session.window_end = done + count
        session.deadline_s = now_s + T2_S
        return control_frame(Control.CTS, bytes((count, done + 1, 0xFF, 0xFF)), session.pgn, address, source)

    def _count(self, *, broadcast: bool) -> int:
        return sum((key[1] == GLOBAL_ADDRESS) is broadcast for key in self._sessions)

    def _drop(self, key: tuple[int, int]) -> None:
        if self._sessions.pop(key, None) is not None:
            self.dropped += 1


def is_transport(pgn: int) -> bool:
    """Return whether frames of this group belong to the transport protocol."""
    return pgn in {PGN_TRANSFER_CONTROL, PGN_TRANSFER_DATA}
