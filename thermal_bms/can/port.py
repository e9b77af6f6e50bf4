"""The threads at the edge: one receives, one sends, and neither ends because the bus misbehaves.

Whatever arrives is stamped and queued; the control loop takes it when it likes. Nothing here judges a frame.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from enum import IntEnum
from queue import Empty, SimpleQueue
from typing import NamedTuple, final

import can

from thermal_bms.can.frame import Frame
from thermal_bms.clock import Clock
from thermal_bms.errors import LinkError

_LOG = logging.getLogger(__name__)

BACKOFF_MIN_S = 0.1
BACKOFF_MAX_S = 5.0
POLL_S = 0.05
SEND_TIMEOUT_S = 0.1
RECEIVED_MAX = 20_000
SENDING_MAX = 2_000
BAD_IN_A_ROW_MAX = 50
JOIN_S = 2.0

NO_FRAME = Frame(0, b"")


class ArrivalKind(IntEnum):
    """What arrived."""

    FRAME = 0
    ERROR_FRAME = 1
    OPENED = 2
    FAILED = 3


class Arrival(NamedTuple):
    """Something from the bus, with its time [s]; ``text`` says why the interface failed."""

    time_s: float
    kind: ArrivalKind
    frame: Frame = NO_FRAME
    text: str = ""


@final
class Backoff:
    """Waiting times that double from 0.1 s to 5 s, and start again when an interface has held for 5 s.

    >>> backoff = Backoff()
    >>> [backoff.next_s() for _ in range(8)]
    [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]
    """

    def __init__(self) -> None:
        self._next_s = BACKOFF_MIN_S

    def next_s(self) -> float:
        """Return how long to wait before the next attempt [s]."""
        now_s = self._next_s
        self._next_s = min(2.0 * now_s, BACKOFF_MAX_S)
        return now_s

    def reset(self) -> None:
        """Begin with the shortest time again."""
        self._next_s = BACKOFF_MIN_S


@final
class Port:
    """One interface with its two threads; reopened with growing pauses when it fails.

    Parameters
    ----------
    open_bus : opens the interface; called again after every failure
    clock : stamps what arrives
    transmit : without it nothing is ever sent

    Attributes
    ----------
    dropped_in, dropped_out : frames lost because a queue was full, or because there was no bus to send on
    malformed : receive calls that gave no usable frame
    loops : turns of the receive thread; it stands still when the thread hangs
    sent : frames handed to the interface
    """

    def __init__(self, open_bus: Callable[[], can.BusABC], clock: Clock, *, transmit: bool = True) -> None:
        self._open_bus = open_bus
        self._clock = clock
        self._arrivals: SimpleQueue[Arrival] = SimpleQueue()
        self._sending: deque[Frame] = deque()
        self._to_send = threading.Semaphore(0)
        self._bus: can.BusABC | None = None
        self._broken = ""
        self._opened_s = 0.0
        self._stop = threading.Event()
        self._backoff = Backoff()
        self._receiver = threading.Thread(target=self._receive_for_ever, name="can-receive", daemon=True)
        self._sender = threading.Thread(target=self._send_for_ever, name="can-send", daemon=True)
        self._transmit = transmit
        self._busy_sending = False
        self.dropped_in = self.dropped_out = self.malformed = self.loops = self.sent = 0

    def start(self) -> None:
        """Open the interface and start the threads.

        Raises
        ------
        LinkError
            when the interface cannot be opened the first time.
        """
        self._bus = self._open_bus()
        self._opened()
        self._receiver.start()
        self._sender.start()

    def stop(self, *, drain_s: float = 0.5) -> None:
        """Send what is queued, for at most ``drain_s``, end the threads and close the interface."""
        pause = threading.Event()
        for _ in range(round(drain_s / 0.01)):
            if self._bus is None or not (self._sending or self._busy_sending):
                break
            pause.wait(0.01)
        self._stop.set()
        self._to_send.release()
        for thread in (self._receiver, self._sender):
            if thread.ident is not None:
                thread.join(JOIN_S)
        self._close()

    def reopen(self, reason: str) -> None:
        """Close the interface and open it again after a pause; for a controller that went off the bus."""
        self._broken = self._broken or reason

    def arrivals(self) -> list[Arrival]:
        """Return everything that arrived since the last call, in order."""
        found = []
        with suppress(Empty):
            while True:
                found.append(self._arrivals.get_nowait())
        return found

    def wait(self, timeout_s: float) -> Arrival | None:
        """Return the next thing that arrives, or None after ``timeout_s``."""
        try:
            return self._arrivals.get(timeout=timeout_s)
        except Empty:
            return None

    def send(self, frames: Sequence[Frame]) -> None:
        """Queue frames for sending; the oldest are dropped when the bus does not take them."""
        if not self._transmit:
            return
        if self._bus is None:
            self.dropped_out += len(frames)
            return
        for frame in frames:
            if len(self._sending) >= SENDING_MAX:
                self._sending.popleft()
                self.dropped_out += 1
            self._sending.append(frame)
        self._to_send.release()

    def _arrived(self, kind: ArrivalKind, frame: Frame = NO_FRAME, text: str = "") -> None:
        if kind is ArrivalKind.FRAME and self._arrivals.qsize() >= RECEIVED_MAX:
            self.dropped_in += 1
            return
        self._arrivals.put(Arrival(self._clock.now_s(), kind, frame, text))

    def _receive_for_ever(self) -> None:
        while not self._stop.is_set():
            self.loops += 1
            bus = self._bus
            if bus is None:
                self._try_to_open()
            elif self._broken:
                self._give_up()
            else:
                self._receive(bus)

    def _receive(self, bus: can.BusABC) -> None:
        """Take frames until the interface is quiet or breaks."""
        bad = 0
        while not self._broken and not self._stop.is_set():
            try:
                message = bus.recv(POLL_S)
            except (can.CanError, OSError) as error:
                self.reopen(_one_line(error))
                return
            except Exception as error:  # a driver stumbles over what it received
                self.malformed += 1
                bad += 1
                if bad >= BAD_IN_A_ROW_MAX:
                    self.reopen(f"{bad} unreadable frames in a row: {_one_line(error)}")
                continue
            self.loops += 1
            if message is None:
                return
            bad = 0
            self._take(message)

    def _take(self, message: can.Message) -> None:
        frame = Frame(message.arbitration_id, bytes(message.data))
        if message.is_error_frame:
            self._arrived(ArrivalKind.ERROR_FRAME, frame)
        elif message.is_extended_id and not message.is_remote_frame and not message.is_fd:
            self._arrived(ArrivalKind.FRAME, frame)
        else:
            self.malformed += 1

    def _give_up(self) -> None:
        """Close a broken interface and say so once."""
        reason = self._broken
        self._close()
        if self._clock.now_s() - self._opened_s >= BACKOFF_MAX_S:
            self._backoff.reset()
        self.dropped_out += len(self._sending)
        self._sending.clear()
        self._broken = ""
        self._arrived(ArrivalKind.FAILED, text=reason)
        self._pause(self._backoff.next_s())

    def _try_to_open(self) -> None:
        try:
            self._bus = self._open_bus()
        except LinkError as error:
            pause_s = self._backoff.next_s()
            _LOG.debug("%s; next attempt in %.1f s", error, pause_s)
            self._pause(pause_s)
        else:
            self._opened()

    def _opened(self) -> None:
        self._opened_s = self._clock.now_s()
        self._arrived(ArrivalKind.OPENED)

    def _pause(self, pause_s: float) -> None:
        """Wait in short turns, so that the thread is seen to be alive."""
        for _ in range(max(round(pause_s / BACKOFF_MIN_S), 1)):
            self.loops += 1
            if self._stop.wait(BACKOFF_MIN_S):
                return

    def _close(self) -> None:
        bus, self._bus = self._bus, None
        if bus is not None:
            with suppress(Exception):  # a broken interface may not even close
                bus.shutdown()

    def _send_for_ever(self) -> None:
        while not self._stop.is_set():
            self._to_send.acquire(timeout=POLL_S)
            self._busy_sending = True
            self._send_queued()
            self._busy_sending = False

    def _send_queued(self) -> None:
        while (bus := self._bus) is not None and not self._broken and not self._stop.is_set():
            try:
                frame = self._sending.popleft()
            except IndexError:
                return
            message = can.Message(arbitration_id=frame.identifier, data=frame.data, is_extended_id=True)
            try:
                bus.send(message, timeout=SEND_TIMEOUT_S)
            except Exception as error:  # drivers raise what they like; none may end this thread
                self.dropped_out += 1
                if bus is self._bus:  # else the receive thread has closed it meanwhile
                    self.reopen(f"sending failed: {_one_line(error)}")
                return
            self.sent += 1


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
