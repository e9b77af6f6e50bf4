"""What waits to be sent: a summary, an event, or the answer to a remote command."""

import json
from collections.abc import Mapping
from enum import IntEnum
from typing import Any, NamedTuple

from thermal_bms.telemetry.block import deflated, inflated
from thermal_bms.telemetry.stamp import iso_time


class Kind(IntEnum):
    """What a record is. Each kind has its topic, its own numbers and its own order."""

    SUMMARY = 0
    EVENT = 1
    ACKNOWLEDGEMENT = 2

    @property
    def topic(self) -> str:
        """Return the last part of the topic."""
        return self.name.lower()

    @property
    def urgent(self) -> bool:
        """Return whether it is sent before any summary, and dropped after every summary."""
        return self is not Kind.SUMMARY


class Key(NamedTuple):
    """What names a record for good: start of the service, kind, number within both."""

    boot: str
    kind: Kind
    number: int


class Record(NamedTuple):
    """A record with its numbers.

    Attributes
    ----------
    key : its name
    monotonic_s : when it was made, on the clock of its boot [s]
    offset_s : wall time less monotonic time, as best known today [s]
    rows : how many seconds of summary, or 1
    payload : JSON, deflated when it is a summary of several rows
    """

    key: Key
    monotonic_s: float
    offset_s: float
    rows: int
    payload: bytes

    @property
    def message(self) -> bytes:
        """Return what is sent: the payload with number and time on it."""
        head = {
            "boot": self.key.boot,
            "number": self.key.number,
            "rows": self.rows,
            "service_s": round(self.monotonic_s, 3),
            "time": iso_time(self.monotonic_s + self.offset_s),
        }
        if self.key.kind.urgent:
            return json_bytes({**head, **json.loads(self.payload)})
        return deflated({**head, **inflated(self.payload)})


def json_bytes(document: Mapping[str, Any]) -> bytes:  # Any: JSON
    """Return a document as compact JSON."""
    return json.dumps(document, separators=(",", ":"), allow_nan=False).encode()
