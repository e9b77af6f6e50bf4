"""What a recording looks like on disk: a header, then blocks, each with its length and checksum.

::

    magic (8 bytes), version, length and crc32 of the JSON that follows (3 x uint32), pad (uint32)
    JSON {"meta": {...}, "streams": [{"name", "dtype", "columns": [{"name", "shape"}]}]}, spaces up to 8 bytes
    block, block, block ...

A block is a 32-byte head (kind, stream number, rows, first row, payload bytes, crc32) and its payload. Kinds:
``ROWS`` holds float64 rows of one stream, ``META`` holds JSON laid over the header's meta, ``DONE`` holds the
row count of every stream and closes a complete recording. All numbers are little-endian. Whatever ends a run,
the blocks written so far can be read; a file without a valid ``DONE`` at its end is incomplete.
"""

import json
import math
import struct
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from thermal_bms.errors import RecordingError

MAGIC = b"TBMSREC\n"
VERSION = 1
DTYPE = "<f8"
NUMBER_BYTES = 8
ROWS, META, DONE = b"ROWS", b"META", b"DONE"

FILE_HEAD = struct.Struct("<8sIIII")
BLOCK_HEAD = struct.Struct("<4sIIQQ")
CHECKSUM = struct.Struct("<I")
BLOCK_HEAD_BYTES = BLOCK_HEAD.size + CHECKSUM.size

Shape = tuple[int, ...]
Columns = Iterable[str] | Mapping[str, Shape]


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns of one stream: names and the shape of one value; rows are flat float64 vectors."""

    name: str
    columns: dict[str, Shape]

    @property
    def width(self) -> int:
        """Return how many numbers make one row."""
        return sum(math.prod(shape) for shape in self.columns.values())

    @property
    def flat_names(self) -> list[str]:
        """Return one name per number of a row; the parts of an array get ``_0``, ``_1``, ... appended.

        >>> Layout("cells", {"time_s": (), "cell_temp_degc": (1, 2)}).flat_names
        ['time_s', 'cell_temp_degc_0_0', 'cell_temp_degc_0_1']
        """
        return [name + end for name, shape in self.columns.items() for end in _endings(shape)]

    def places(self) -> dict[str, slice]:
        """Return where in a row each column stands."""
        places, start = {}, 0
        for name, shape in self.columns.items():
            places[name] = slice(start, start + math.prod(shape))
            start += math.prod(shape)
        return places


def _endings(shape: Shape) -> list[str]:
    endings = [""]
    for length in shape:
        endings = [f"{ending}_{index}" for ending in endings for index in range(length)]
    return endings


def layouts_of(streams: Mapping[str, Columns]) -> list[Layout]:
    """Return the layouts of named streams; columns are names (scalars), or names with a value's shape."""
    layouts = []
    for stream, columns in streams.items():
        shaped = dict(columns) if isinstance(columns, Mapping) else dict.fromkeys(columns, ())
        if not isinstance(columns, Mapping):
            names = list(columns)
            if len(names) != len(shaped):
                twice = next(name for name in names if names.count(name) > 1)
                raise RecordingError(f"stream {stream}: column {twice} stands twice; names must differ")
        layout = Layout(stream, shaped)
        if layout.width == 0:
            raise RecordingError(f"stream {stream}: has no columns; name at least one")
        layouts.append(layout)
    return layouts


def json_bytes(meta: Mapping[str, Any], path: Path) -> bytes:
    """Return ``meta`` as JSON; what JSON cannot hold raises ``RecordingError``."""
    try:
        return json.dumps(meta).encode()
    except (TypeError, ValueError) as error:
        raise RecordingError(f"{path}: meta cannot be written as JSON: {error}") from None


def file_header(meta: Mapping[str, Any], layouts: list[Layout], path: Path) -> bytes:
    """Return the bytes that open a recording."""
    streams = [
        {
            "name": layout.name,
            "dtype": DTYPE,
            "columns": [{"name": name, "shape": list(shape)} for name, shape in layout.columns.items()],
        }
        for layout in layouts
    ]
    text = json_bytes({"meta": dict(meta), "streams": streams}, path)
    text += b" " * (-len(text) % NUMBER_BYTES)
    return FILE_HEAD.pack(MAGIC, VERSION, len(text), zlib.crc32(text), 0) + text


def parse_streams(described: Iterable[Mapping[str, Any]]) -> list[Layout]:
    """Return the layouts that a header describes."""
    return [
        Layout(str(one["name"]), {str(c["name"]): tuple(int(n) for n in c["shape"]) for c in one["columns"]})
        for one in described
    ]


def block_head(kind: bytes, stream: int, rows: int, first_row: int, payload: bytes | memoryview) -> bytes:
    """Return the head of a block; its checksum covers the head and the payload."""
    head = BLOCK_HEAD.pack(kind, stream, rows, first_row, len(payload))
    return head + CHECKSUM.pack(zlib.crc32(payload, zlib.crc32(head)))


def done_payload(rows: Iterable[int]) -> bytes:
    """Return the payload of the block that closes a recording: the row count of every stream."""
    return b"".join(struct.pack("<Q", count) for count in rows)
