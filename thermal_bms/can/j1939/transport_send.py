"""The sending half of the transport protocol of SAE J1939-21."""

from collections import deque
from dataclasses import dataclass
from enum import IntEnum
from typing import final

from thermal_bms.can.frame import Frame
from thermal_bms.can.j1939.identifier import (
    GLOBAL_ADDRESS,
    PGN_TRANSFER_DATA,
    Message,
    build_identifier,
    parse_identifier,
)
from thermal_bms.can.j1939.transport import (
    DEFAULT_LIMITS,
    MESSAGE_BYTES_MAX,
    MESSAGE_BYTES_MIN,
    PACKET_BYTES,
    PRIORITY,
    T3_S,
    T4_S,
    AbortReason,
    Announced,
    Control,
    TransportLimits,
    abort_frame,
    control_frame,
    packet_count,
    parse_control,
)


class SendResult(IntEnum):
    """What became of a message given for sending."""

    STARTED = 0
    QUEUED = 1
    REFUSED_FULL = 2
    REFUSED_SIZE = 3
    REFUSED_NO_ADDRESS = 4


@dataclass(slots=True)
class _Connection:
    message: Message
    deadline_s: float
    retries: int = 0
    holds: int = 0
    sent: int = 0


@dataclass(slots=True)
class _Broadcast:
    message: Message
    due_s: float
    sent: int = 0


def packet(message: Message, number: int, destination: int) -> Frame:
    """Return packet ``number``, counted from 1, filled up with ones."""
    start = PACKET_BYTES * (number - 1)
    body = message.data[start : start + PACKET_BYTES].ljust(PACKET_BYTES, b"\xff")
    identifier = build_identifier(
        PGN_TRANSFER_DATA, message.source, destination=destination, priority=PRIORITY
    )
    return Frame(identifier, bytes((number,)) + body)


def _opening(control: Control, message: Message, destination: int, window: int) -> Frame:
    size = len(message.data)
    body = size.to_bytes(2, "little") + bytes((packet_count(size), window))
    return control_frame(control, body, message.pgn, message.source, destination)


@final
class TransportSender:
    """Sends long messages: one broadcast at a time, one connection to each destination.

    Attributes
    ----------
    finished : connections that the receiver acknowledged, and broadcasts sent to the end
    failed : connections given up, by either side or for a timeout
    """

    def __init__(self, limits: TransportLimits = DEFAULT_LIMITS) -> None:
        self._limits = limits
        self._broadcast: _Broadcast | None = None
        self._queue: deque[Message] = deque()
        self._connections: dict[int, _Connection] = {}
        self.finished = 0
        self.failed = 0

    def __len__(self) -> int:
        return len(self._queue) + len(self._connections) + (self._broadcast is not None)

    def send(self, message: Message, now_s: float) -> tuple[SendResult, list[Frame]]:
        """Begin to send a message of 9 to 1785 bytes; return what became of it and the frames to send now."""
        if not MESSAGE_BYTES_MIN <= len(message.data) <= MESSAGE_BYTES_MAX:
            return SendResult.REFUSED_SIZE, []
        if len(self) >= self._limits.outgoing:
            return SendResult.REFUSED_FULL, []
        if message.destination == GLOBAL_ADDRESS:
            if self._broadcast is None:
                return SendResult.STARTED, [self._announce(message, now_s)]
            self._queue.append(message)
            return SendResult.QUEUED, []
        if message.destination in self._connections:
            return SendResult.REFUSED_FULL, []
        self._connections[message.destination] = _Connection(message, now_s + T3_S)
        window = min(packet_count(len(message.data)), self._limits.window)
        return SendResult.STARTED, [_opening(Control.RTS, message, message.destination, window)]

    def tick(self, now_s: float) -> list[Frame]:
        """Send the next packet of a broadcast when it is due, give up connections that timed out."""
        frames = []
        current = self._broadcast
        if current is not None and now_s >= current.due_s:
            current.sent += 1
            current.due_s = now_s + self._limits.broadcast_gap_s
            frames.append(packet(current.message, current.sent, GLOBAL_ADDRESS))
            if current.sent == packet_count(len(current.message.data)):
                self.finished += 1
                self._broadcast = None
        elif current is None and self._queue:
            frames.append(self._announce(self._queue.popleft(), now_s))
        for destination, connection in list(self._connections.items()):
            if now_s > connection.deadline_s:
                frames.append(self._give_up(destination, AbortReason.TIMEOUT))
        return frames

    def on_frame(self, frame: Frame, address: int, now_s: float) -> list[Frame]:
        """Take a connection management frame for ``address``; others are ignored."""
        header = parse_identifier(frame.identifier)
        connection = self._connections.get(header.source)
        announced = parse_control(frame.data)
        if connection is None or announced is None or header.destination != address:
            return []
        if announced.pgn != connection.message.pgn:
            return []
        if announced.control is Control.CTS:
            return self._on_clear_to_send(connection, announced, header.source, now_s)
        if announced.control is Control.END:
            self.finished += 1
            del self._connections[header.source]
        elif announced.control is Control.ABORT:
            self.failed += 1
            del self._connections[header.source]
        return []

    def _on_clear_to_send(
        self, connection: _Connection, announced: Announced, destination: int, now_s: float
    ) -> list[Frame]:
        if announced.packets == 0:
            connection.holds += 1
            connection.deadline_s = now_s + T4_S
            if connection.holds > self._limits.holds:
                return [self._give_up(destination, AbortReason.TIMEOUT)]
            return []
        first, last = announced.following, announced.following + announced.packets - 1
        if first < 1 or last > packet_count(len(connection.message.data)):
            return [self._give_up(destination, AbortReason.OTHER)]
        if first <= connection.sent:
            connection.retries += 1
            if connection.retries > self._limits.retransmissions:
                return [self._give_up(destination, AbortReason.RETRANSMISSIONS)]
        connection.sent = max(connection.sent, last)
        connection.deadline_s = now_s + T3_S
        return [packet(connection.message, number, destination) for number in range(first, last + 1)]

    def _announce(self, message: Message, now_s: float) -> Frame:
        self._broadcast = _Broadcast(message, now_s + self._limits.broadcast_gap_s)
        return _opening(Control.BAM, message, GLOBAL_ADDRESS, 0xFF)

    def _give_up(self, destination: int, reason: AbortReason) -> Frame:
        connection = self._connections.pop(destination)
        self.failed += 1
        return abort_frame(reason, connection.message.pgn, connection.message.source, destination)
