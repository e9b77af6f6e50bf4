"""A minute of summary in one message: one column per signal, each as its first value and the steps that follow.

A row is JSON: milliseconds on the monotonic clock, then one count per signal of ``vss_table``, null where unknown.
A block is deflated JSON (RFC 1951 in the wrapper of RFC 1950) and says itself what its columns are. Steps of
slow values are mostly zero, which deflate writes in very few bits.
"""

import json
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

from thermal_bms.telemetry.vss import vss_table

FORMAT = 1
_LEVEL = 9
TIME = "service_ms"
Count = int | None


def row_bytes(monotonic_s: float, values: Sequence[Count]) -> bytes:
    """Return one row as it is kept until its block is full."""
    return _json([round(1000.0 * monotonic_s), *values])


def pack(rows: Sequence[bytes]) -> bytes:
    """Return the block of these rows.

    Rows of another table, such as an older version of this program left behind, are passed over.
    """
    signals = vss_table().signal
    read = [row for row in map(json.loads, rows) if len(row) == 1 + len(signals)]
    times, *columns = zip(*read, strict=True) if read else [()] * (1 + len(signals))
    described = {
        one.path: {"unit": one.unit, "step": one.step, "deltas": deltas(column)}
        for one, column in zip(signals, columns, strict=True)
    }
    return deflated({"format": FORMAT, TIME: deltas(times), "columns": described})


def deltas(values: Sequence[Count]) -> list[Count]:
    """Return each value less the last known one before it; null stays null, and before the first stands zero.

    >>> deltas([5, 6, None, 4])
    [5, 1, None, -2]
    """
    last, result = 0, list[Count]()
    for value in values:
        result.append(None if value is None else value - last)
        last = last if value is None else value
    return result


def undone(steps: Sequence[Count]) -> list[Count]:
    """Return the values of which these are the deltas.

    >>> undone([5, 1, None, -2])
    [5, 6, None, 4]
    """
    last, result = 0, list[Count]()
    for step in steps:
        last += step or 0
        result.append(None if step is None else last)
    return result


def columns_of(block: Mapping[str, Any]) -> dict[str, list[float | None]]:  # Any: JSON
    """Return the values of every signal in a block, in the unit of VSS, by path."""
    return {
        path: [None if count is None else count * column["step"] for count in undone(column["deltas"])]
        for path, column in block["columns"].items()
    }


def deflated(document: Mapping[str, Any]) -> bytes:  # Any: JSON
    """Return a document as deflated JSON."""
    return zlib.compress(_json(document), _LEVEL)


def inflated(payload: bytes) -> dict[str, Any]:  # Any: JSON
    """Return the document in deflated JSON."""
    document: dict[str, Any] = json.loads(zlib.decompress(payload))
    return document


def _json(document: object) -> bytes:
    return json.dumps(document, separators=(",", ":"), allow_nan=False).encode()
