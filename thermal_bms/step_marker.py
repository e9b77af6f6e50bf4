"""A note that outlives a crash: which controller was in the middle of a step.

The note stands in a small file that is mapped into memory. Writing it costs no system call and no wear; when the
process is killed, by a watchdog or by the code it was running, the kernel keeps what was written last.
"""

import mmap
import os
from pathlib import Path
from types import TracebackType
from typing import Self, final

from thermal_bms.errors import ConfigError

_BYTES = 4096
_LENGTH = slice(0, 2)
_NAME_AT = 2
_NOBODY = bytes(2)


@final
class StepMarker:
    """Marks the time in which a controller runs; a context manager around each step.

    Parameters
    ----------
    path : the file; its folder must be there

    Attributes
    ----------
    left_in : the controller that the process before did not come out of, or nothing

    Raises
    ------
    ConfigError
        when the file cannot be written.
    """

    def __init__(self, path: Path) -> None:
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
            try:
                os.ftruncate(handle, _BYTES)
                self._memory = mmap.mmap(handle, _BYTES)
            finally:
                os.close(handle)
        except OSError as error:
            raise ConfigError(f"{path}: cannot be written: {error.strerror}; change state_folder") from None
        length = int.from_bytes(self._memory[_LENGTH], "little")
        self.left_in = self._memory[_NAME_AT : _NAME_AT + length].decode("utf-8", "replace")
        self._memory[_LENGTH] = _NOBODY
        self._length = _NOBODY

    def name(self, controller: str) -> None:
        """Set which controller runs from the next step on."""
        data = controller.encode()[: _BYTES - _NAME_AT]
        self._memory[_NAME_AT : _NAME_AT + len(data)] = data
        self._length = len(data).to_bytes(2, "little")

    def __enter__(self) -> Self:
        self._memory[_LENGTH] = self._length
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._memory[_LENGTH] = _NOBODY

    def close(self) -> None:
        """Let the file go."""
        self._memory.close()
