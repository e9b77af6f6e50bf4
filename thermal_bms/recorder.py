"""Writing a recording: rows go into a preallocated buffer, full buffers go to the file.

What is on disk can be read at any moment, so a run that dies keeps what it wrote; see
:mod:`thermal_bms.recording_format` for the layout and :mod:`thermal_bms.recording` for reading.
"""

import io
import struct
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from thermal_bms.errors import RecordingError
from thermal_bms.recording_format import (
    DONE,
    DTYPE,
    META,
    NUMBER_BYTES,
    ROWS,
    Columns,
    Layout,
    block_head,
    done_payload,
    file_header,
    json_bytes,
    layouts_of,
)
from thermal_bms.units import FloatArray

CHUNK_BYTES = 256 * 1024

Row = Sequence[Any] | FloatArray  # per column a number or an array of that column's shape


class _Lane:
    """The buffer of one stream. ``flushed`` moves only after the rows before it are on disk."""

    __slots__ = (
        "buffer",
        "chunk_rows",
        "flushed",
        "layout",
        "memory",
        "number",
        "pack",
        "row_bytes",
        "total",
        "views",
    )

    def __init__(self, number: int, layout: Layout, chunk_rows: int | None) -> None:
        width = layout.width
        self.number = number
        self.layout = layout
        self.row_bytes = width * NUMBER_BYTES
        self.chunk_rows = chunk_rows or max(1, CHUNK_BYTES // self.row_bytes)
        self.buffer = np.zeros((self.chunk_rows, width), dtype=DTYPE)
        self.memory = self.buffer.data.cast("B")
        scalars = all(shape == () for shape in layout.columns.values())
        self.pack = struct.Struct(f"<{width}d").pack_into if scalars else None
        self.views = [
            (name, shape, self.buffer[:, place].reshape(self.chunk_rows, *shape))
            for (name, shape), place in zip(layout.columns.items(), layout.places().values(), strict=True)
        ]
        self.total = 0
        self.flushed = 0

    def put(self, position: int, row: Row) -> None:
        if isinstance(row, np.ndarray) and row.shape == self.buffer.shape[1:]:
            self.buffer[position] = row
            return
        if len(row) != len(self.views):
            raise RecordingError(
                f"stream {self.layout.name}: row of {len(row)} values, expected {len(self.views)}"
            )
        for (name, shape, view), value in zip(self.views, row, strict=True):
            if shape and getattr(value, "shape", None) != shape and np.shape(value) != shape:
                raise self._misfit(name, shape, value)
            try:
                view[position] = value
            except (TypeError, ValueError):
                raise self._misfit(name, shape, value) from None

    def _misfit(
        self, name: str, shape: tuple[int, ...], value: Any
    ) -> RecordingError:  # value: the wrong one
        found = f"shape {np.shape(value)}" if np.shape(value) != shape else repr(value)
        return RecordingError(
            f"stream {self.layout.name}: {name} is {found}, expected numbers of shape {shape}"
        )


class Recorder:
    """Writes named streams of rows into one file; a context manager.

    Leaving the ``with`` block normally closes the recording as complete; an exception or Ctrl-C leaves a
    readable file that is marked incomplete. Memory is bounded by one buffer per stream.

    Parameters
    ----------
    path : file to write; an existing one is replaced, never truncated under a reader
    meta : what the recording is about, anything JSON can hold
    streams : per stream its columns: names of scalars, or names with the shape of one value
    chunk_rows : rows kept in memory per stream before they are written; by default as many as fill 256 KiB

    Raises
    ------
    RecordingError
        if the file cannot be written or a row does not fit its stream.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "run.rec"
    >>> with Recorder(path, {"title": "demo"}, {"signals": ["time_s", "soc"]}) as recorder:
    ...     recorder.append("signals", (0.0, 0.9))
    >>> recorder.rows("signals")
    1
    """

    def __init__(
        self,
        path: Path,
        meta: Mapping[str, Any],
        streams: Mapping[str, Columns],
        *,
        chunk_rows: int | None = None,
    ) -> None:
        self.path = Path(path)
        layouts = layouts_of(streams)
        header = file_header(meta, layouts, self.path)
        self._lanes = {layout.name: _Lane(i, layout, chunk_rows) for i, layout in enumerate(layouts)}
        self._end = 0
        self._file = self._opened()
        try:
            self._write(header)
        except BaseException:
            self._file.close()
            raise

    def append(self, stream: str, row: Row) -> None:
        """Append one row: a value per column, in their order, or one flat vector of the whole row."""
        lane = self._lanes.get(stream)
        if lane is None or self._file.closed:
            raise self._refusal(stream)
        position = lane.total - lane.flushed
        if position >= lane.chunk_rows:
            self._flush(lane)
            position = 0
        if lane.pack is not None and not isinstance(row, np.ndarray):
            try:
                lane.pack(lane.memory, position * lane.row_bytes, *row)
            except struct.error as error:
                raise RecordingError(
                    f"stream {stream}: row of {len(row)} values does not fit: {error}"
                ) from None
        else:
            lane.put(position, row)
        lane.total += 1

    def rows(self, stream: str) -> int:
        """Return how many rows of a stream were appended."""
        return self._lanes[stream].total

    def add_meta(self, meta: Mapping[str, Any]) -> None:
        """Lay ``meta`` over what the header says; for what is known only later, as the end of a phase."""
        if self._file.closed:
            raise RecordingError(f"{self.path}: the recording is closed")
        payload = json_bytes(meta, self.path)
        self._write(block_head(META, 0, 0, 0, payload) + payload)

    def flush(self) -> None:
        """Hand all rows to the operating system, so that another reader sees them."""
        for lane in self._lanes.values():
            self._flush(lane)

    def close(self, *, complete: bool = True) -> None:
        """Write what is left and close; without ``complete`` the recording stays marked incomplete."""
        if self._file.closed:
            return
        try:
            self.flush()
            if complete:
                payload = done_payload(lane.total for lane in self._lanes.values())
                self._write(block_head(DONE, 0, 0, 0, payload) + payload)
        finally:
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close(complete=kind is None)

    def _opened(self) -> io.FileIO:
        try:
            self.path.unlink(missing_ok=True)
            return io.FileIO(self.path, "x")
        except OSError as error:
            raise RecordingError(f"{self.path}: cannot be written: {error.strerror}") from None

    def _flush(self, lane: _Lane) -> None:
        rows = lane.total - lane.flushed
        if rows == 0:
            return
        payload = lane.memory[: rows * lane.row_bytes]
        self._write(block_head(ROWS, lane.number, rows, lane.flushed, payload), payload)
        lane.flushed = lane.total

    def _write(self, *parts: bytes | memoryview) -> None:
        """Write at the end of what is known to be good: a torn write is written over, not left inside."""
        try:
            self._file.seek(self._end)
            for part in parts:
                done = 0
                while done < len(part):
                    done += self._file.write(part[done:]) or 0
        except OSError as error:
            with suppress(OSError):
                self._file.truncate(self._end)
            raise RecordingError(f"{self.path}: cannot be written: {error.strerror}") from None
        self._end += sum(len(part) for part in parts)

    def _refusal(self, stream: str) -> RecordingError:
        if self._file.closed:
            return RecordingError(f"{self.path}: the recording is closed")
        return RecordingError(f"{self.path}: no stream {stream}; known: {', '.join(self._lanes)}")
