"""Reading a recording: every good row of it, and whether it is complete.

Values are read from the file when asked for, so a long recording costs no more memory
than the columns in use.
"""

import json
import mmap
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from thermal_bms.errors import RecordingError
from thermal_bms.parameters import did_you_mean
from thermal_bms.recorder import Recorder
from thermal_bms.recording_format import (
    BLOCK_HEAD,
    BLOCK_HEAD_BYTES,
    CHECKSUM,
    DONE,
    DTYPE,
    FILE_HEAD,
    MAGIC,
    META,
    NUMBER_BYTES,
    ROWS,
    VERSION,
    Layout,
    done_payload,
    parse_streams,
)
from thermal_bms.units import FloatArray

__all__ = ["FILE_NAME", "SIGNALS", "Recorder", "Recording", "Stream", "find_recording"]

FILE_NAME = "recording.rec"  # in the folder of a run
SIGNALS = "signals"


class Stream:
    """One stream of a recording: ``stream["name"]`` is an array of shape (n_rows, *shape of one value)."""

    def __init__(self, layout: Layout, memory: mmap.mmap, chunks: "_Chunks") -> None:
        self._layout = layout
        self._memory = memory
        self._chunks = chunks
        self._places = layout.places()
        self._width = layout.width

    @property
    def name(self) -> str:
        """Return the stream's name."""
        return self._layout.name

    @property
    def columns(self) -> dict[str, tuple[int, ...]]:
        """Return the columns with the shape of one value."""
        return dict(self._layout.columns)

    @property
    def flat_names(self) -> list[str]:
        """Return one name per number of a row, in the order of :meth:`chunks`."""
        return self._layout.flat_names

    def __len__(self) -> int:
        return self._chunks.n_rows

    def __contains__(self, column: object) -> bool:
        return column in self._places

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __getitem__(self, column: str) -> FloatArray:
        place = self._places.get(column)
        if place is None:
            hint = did_you_mean(column, list(self._places))
            raise RecordingError(f"stream {self.name}: no column {column}{hint}")
        values = np.empty((len(self), place.stop - place.start))
        start = 0
        for offset, rows in self._chunks.places:
            values[start : start + rows] = self._rows(offset, rows)[:, place]
            start += rows
        return values.reshape(len(self), *self._layout.columns[column])

    def chunks(self) -> Iterator[FloatArray]:
        """Yield all rows piece by piece, each of shape (rows, numbers per row)."""
        for offset, rows in self._chunks.places:
            yield self._rows(offset, rows).astype(np.float64)

    def _rows(self, offset: int, rows: int) -> FloatArray:
        width = self._width
        return np.frombuffer(self._memory, dtype=DTYPE, count=rows * width, offset=offset).reshape(
            rows, width
        )


class Recording:
    """A recording opened for reading; ``recording["name"]`` is a column of the stream "signals".

    Attributes
    ----------
    path : where it was read from
    meta : what the recording is about
    complete : whether the run came to its end and nothing is damaged
    problem : why it is not complete; empty when it is

    Raises
    ------
    RecordingError
        if the file cannot be read or is not a recording. A damaged or missing tail is no error.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "run.rec"
    >>> with Recorder(path, {"title": "demo"}, {"signals": ["time_s", "soc"]}) as recorder:
    ...     recorder.append("signals", (0.0, 0.9))
    ...     recorder.append("signals", (1.0, 0.8))
    >>> recording = Recording(path)
    >>> recording.complete, recording["soc"]
    (True, array([0.9, 0.8]))
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        try:
            with self.path.open("rb") as file:
                header, start = _read_header(file, self.path)
                memory = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
                self.meta: dict[str, Any] = header["meta"]
                layouts = parse_streams(header["streams"])
                scan = _Scan(layouts, len(memory))
                self.problem = scan.run(file, start)
        except OSError as error:
            raise RecordingError(f"{self.path}: cannot be read: {error.strerror}") from None
        self.meta.update(scan.meta)
        self.complete = not self.problem
        self._streams = {
            layout.name: Stream(layout, memory, chunks)
            for layout, chunks in zip(layouts, scan.chunks, strict=True)
        }

    @property
    def streams(self) -> list[str]:
        """Return the names of the streams."""
        return list(self._streams)

    def stream(self, name: str) -> Stream:
        """Return a stream by name."""
        if name not in self._streams:
            raise RecordingError(f"{self.path}: no stream {name}; it holds {', '.join(self._streams)}")
        return self._streams[name]

    def __getitem__(self, signal: str) -> FloatArray:
        return self.stream(SIGNALS)[signal]

    def __contains__(self, signal: object) -> bool:
        return SIGNALS in self._streams and signal in self._streams[SIGNALS]

    def __iter__(self) -> Iterator[str]:
        return iter(self.stream(SIGNALS))

    def __len__(self) -> int:
        return len(self.stream(SIGNALS))


class _Chunks:
    """Where the rows of one stream stand in the file."""

    def __init__(self) -> None:
        self.places: list[tuple[int, int]] = []  # byte offset, rows
        self.n_rows = 0

    def add(self, offset: int, rows: int, first_row: int) -> bool:
        """Take rows; those written twice by an interrupted writer count once, a gap is refused."""
        if first_row == self.n_rows:
            self.places.append((offset, rows))
            self.n_rows += rows
        return first_row + rows <= self.n_rows


class _Scan:
    """One pass over the blocks: where the good rows are, meta added on the way, and what is wrong."""

    def __init__(self, layouts: list[Layout], size: int) -> None:
        self.row_bytes = [layout.width * NUMBER_BYTES for layout in layouts]
        self.chunks = [_Chunks() for _ in layouts]
        self.meta: dict[str, Any] = {}
        self.size = size

    def run(self, file: BinaryIO, position: int) -> str:
        """Take in every good block up to the closing one; return what is wrong, or nothing."""
        file.seek(position)
        while position < self.size:
            head = file.read(BLOCK_HEAD_BYTES)
            if len(head) < BLOCK_HEAD_BYTES:
                return f"ends inside a block at byte {position}"
            kind, number, rows, first_row, length = BLOCK_HEAD.unpack_from(head)
            offset = position + BLOCK_HEAD_BYTES
            if length > self.size - offset:
                return f"ends inside a block at byte {position}"
            payload = file.read(length)
            (checksum,) = CHECKSUM.unpack_from(head, BLOCK_HEAD.size)
            if zlib.crc32(payload, zlib.crc32(head[: BLOCK_HEAD.size])) != checksum:
                return f"damaged at byte {position}: the checksum differs"
            position = offset + length
            if kind == DONE:
                return self._ending(payload, position)
            if kind == META:
                self.meta.update(json.loads(payload))
            elif kind != ROWS or not self._rows(number, rows, first_row, offset, length):
                return f"damaged at byte {offset - BLOCK_HEAD_BYTES}: a block that does not fit"
        return "not closed: the run was interrupted or is still going on"

    def _rows(self, number: int, rows: int, first_row: int, offset: int, length: int) -> bool:
        if number >= len(self.chunks) or length != rows * self.row_bytes[number]:
            return False
        return self.chunks[number].add(offset, rows, first_row)

    def _ending(self, payload: bytes, position: int) -> str:
        if payload != done_payload(chunks.n_rows for chunks in self.chunks):
            return "damaged: rows are missing"
        return "" if position == self.size else "damaged: something was appended after its end"


def find_recording(path: Path) -> Path:
    """Return the recording that ``path`` means: the file itself, or the one in the folder of a run.

    Raises
    ------
    RecordingError
        if there is none.
    """
    if path.is_file():
        return path
    found = path / FILE_NAME
    if not found.is_file():
        what = f"the folder holds no {FILE_NAME}" if path.is_dir() else "no such file or folder"
        raise RecordingError(f"{path}: {what}; give the folder of a run or a recording")
    return found


def _read_header(file: BinaryIO, path: Path) -> tuple[dict[str, Any], int]:
    """Return the header and where the blocks start."""
    head = file.read(FILE_HEAD.size)
    if len(head) < FILE_HEAD.size or not head.startswith(MAGIC):
        raise RecordingError(f"{path}: not a recording of thermal-bms")
    _, version, length, checksum, _ = FILE_HEAD.unpack(head)
    if version != VERSION:
        raise RecordingError(
            f"{path}: recording format {version}, this version reads {VERSION}; update thermal-bms"
        )
    text = file.read(length)
    if len(text) < length or zlib.crc32(text) != checksum:
        raise RecordingError(f"{path}: the header of the recording is damaged")
    return json.loads(text), FILE_HEAD.size + length
