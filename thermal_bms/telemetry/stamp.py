"""An instant on two clocks: one that never jumps, and the one on the wall."""

from datetime import UTC, datetime
from typing import NamedTuple


class Stamp(NamedTuple):
    """The time now.

    Attributes
    ----------
    monotonic_s : since the service started; never jumps [s]
    wall_s : since 1970-01-01 UTC as the machine's clock has it; may jump [s]
    """

    monotonic_s: float
    wall_s: float

    @property
    def offset_s(self) -> float:
        """Return wall minus monotonic time: a change of it is a jump of the clock [s]."""
        return self.wall_s - self.monotonic_s


def iso_time(wall_s: float) -> str:
    """Return a wall time as ISO 8601 in UTC, to the millisecond.

    >>> iso_time(0.25)
    '1970-01-01T00:00:00.250Z'
    """
    return datetime.fromtimestamp(wall_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
