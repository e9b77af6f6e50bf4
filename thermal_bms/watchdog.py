"""Telling systemd that all is well, and ending a process in which it is not.

``WATCHDOG=1`` goes out only when both the control loop and the receive thread have moved since the last time.
Independently a timer of the interpreter, which needs no lock of it, ends the process with the traceback of every
thread when the control loop has stood still for too long, so that a hanging controller is caught without systemd, too.

Source: sd_notify(3), sd_watchdog_enabled(3) of systemd.
"""

import faulthandler
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import final


@final
class Notifier:
    """Sends state to systemd over its datagram socket; does nothing without one.

    Parameters
    ----------
    environment : where ``NOTIFY_SOCKET`` and ``WATCHDOG_USEC`` may stand
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        path = environment.get("NOTIFY_SOCKET", "")
        self._address = "\0" + path[1:] if path.startswith("@") else path
        kind = socket.SOCK_DGRAM | socket.SOCK_NONBLOCK
        self._socket = socket.socket(socket.AF_UNIX, kind) if path else None
        text = environment.get("WATCHDOG_USEC", "")
        self.watchdog_s = int(text) / 1e6 if text.isdecimal() else 0.0

    def send(self, state: str) -> None:
        """Send assignments such as ``READY=1``, one per line; a service manager that is gone is no error."""
        if self._socket is not None:
            with suppress(OSError):
                self._socket.sendto(state.encode(), self._address)

    def close(self) -> None:
        """Let the socket go."""
        if self._socket is not None:
            self._socket.close()


@final
class Watchdog:
    """Reports progress of two things at once, at half the interval that systemd wants.

    Parameters
    ----------
    notifier : where to report
    receiver_loops : counts the turns of the receive thread
    hang_s : the control loop may stand still for this long before the process ends itself; 0 for never [s]
    """

    def __init__(self, notifier: Notifier, receiver_loops: Callable[[], int], *, hang_s: float = 0.0) -> None:
        self._notifier = notifier
        self._receiver_loops = receiver_loops
        self._seen_loops = -1
        self._interval_s = notifier.watchdog_s / 2.0
        self._hang_s = hang_s
        self._reported_s = float("-inf")
        self._armed_s = float("-inf")

    def control_loop_moved(self, now_s: float) -> None:
        """Take note of a turn of the control loop; report when the receive thread has moved, too."""
        if self._hang_s and now_s - self._armed_s >= self._hang_s / 4.0:
            faulthandler.dump_traceback_later(self._hang_s, exit=True)
            self._armed_s = now_s
        if not self._interval_s or now_s - self._reported_s < self._interval_s:
            return
        loops = self._receiver_loops()
        if loops != self._seen_loops:
            self._seen_loops = loops
            self._reported_s = now_s
            self._notifier.send("WATCHDOG=1")

    def stop(self) -> None:
        """Watch no longer."""
        if self._hang_s:
            faulthandler.cancel_dump_traceback_later()
