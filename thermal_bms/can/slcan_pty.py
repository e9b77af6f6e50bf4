"""A serial CAN adapter that is not there: the slcan protocol on a pseudo-terminal.

The program that makes it has a bus; another program opens the terminal's path with the slcan driver, as it would
open a USB adapter. Commands of the protocol (Lawicel CAN232 manual): ``O`` or ``L`` opens, ``C`` closes, ``S``
sets the bitrate; a 29-bit frame is ``T``, eight digits of identifier, one of length, two per byte.
"""

import os
import pty
import select
import termios
import threading
import tty
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import final

import can

from thermal_bms.errors import LinkError

_READ_BYTES = 65536
_LINE_BYTES_MAX = 32
_HEAD = 10


@final
class SlcanPty(can.BusABC):
    """The adapter's side of a serial CAN adapter on a new pseudo-terminal.

    Frames are dropped while nobody has the channel open, and when the reader has fallen behind for longer than
    the timeout of ``send``.

    Parameters
    ----------
    name : path at which the terminal is to be found as well, as a symbolic link; the old link is replaced

    Attributes
    ----------
    path : the terminal's own path
    dropped : frames that nobody took
    malformed : lines that mean nothing

    Raises
    ------
    LinkError
        when there is no pseudo-terminal, or the link cannot be made.
    """

    def __init__(self, name: Path | None = None) -> None:
        try:
            self._master, self._slave = pty.openpty()
        except OSError as error:
            raise LinkError(f"no pseudo-terminal: {error.strerror}; mount /dev/pts") from None
        tty.setraw(self._slave)
        self.path = Path(os.ttyname(self._slave))
        self._name = name
        if name is not None:
            self._make_name(name)
        self._bytes = bytearray()
        self._lines: deque[bytes] = deque()
        self._listens = threading.Event()
        self.dropped = self.malformed = 0
        super().__init__(channel=str(self.path))

    def send(self, msg: can.Message, timeout: float | None = None) -> None:
        """Write a frame; give up after ``timeout`` seconds when nobody reads."""
        if not self._listens.is_set():
            self.dropped += 1
            return
        text = f"T{msg.arbitration_id:08X}{msg.dlc:d}{bytes(msg.data).hex().upper()}\r".encode()
        while text:
            if not select.select([], [self._master], [], timeout)[1]:
                self.dropped += 1
                return
            text = text[os.write(self._master, text) :]

    def wait_for_listener(self, timeout_s: float) -> bool:
        """Return whether somebody has opened the channel, within ``timeout_s``."""
        return self._listens.wait(timeout_s)

    def shutdown(self) -> None:
        """Close the terminal and remove its second name."""
        super().shutdown()
        if self._name is not None and self._name.is_symlink() and self._name.readlink() == self.path:
            self._name.unlink()
        for handle in (self._master, self._slave):
            with suppress(OSError):
                os.close(handle)

    def _recv_internal(self, timeout: float | None) -> tuple[can.Message | None, bool]:
        while True:
            while self._lines:
                message = self._message(self._lines.popleft())
                if message is not None:
                    return message, False
            if not select.select([self._master], [], [], timeout)[0]:
                return None, False
            self._read()

    def _read(self) -> None:
        self._bytes += os.read(self._master, _READ_BYTES)
        *lines, rest = self._bytes.split(b"\r")
        self._lines.extend(bytes(line) for line in lines)
        self._bytes = bytearray(rest[-_LINE_BYTES_MAX:])

    def _message(self, line: bytes) -> can.Message | None:
        """Return the frame of a line; commands are followed, nonsense is counted."""
        if line[:1] == b"T":
            with suppress(ValueError):
                length = int(line[9:_HEAD])
                data = bytes.fromhex(line[_HEAD : _HEAD + 2 * length].decode("ascii"))
                if len(data) == length:
                    return can.Message(arbitration_id=int(line[1:9], 16), data=data, is_extended_id=True)
            self.malformed += 1
        elif line[:1] in {b"O", b"L"}:
            if not self._listens.is_set():
                with suppress(termios.error):
                    termios.tcflush(self._slave, termios.TCIFLUSH)
            self._listens.set()
        elif line[:1] == b"C":
            self._listens.clear()
        elif line[:1] not in {b"S", b"Y", b""}:
            self.malformed += 1
        return None

    def _make_name(self, name: Path) -> None:
        try:
            if name.is_symlink():
                name.unlink()
            name.symlink_to(self.path)
        except OSError as error:
            for handle in (self._master, self._slave):
                os.close(handle)
            raise LinkError(f"{name}: cannot be made: {error.strerror}; choose another path") from None
