"""Whether a plan came in time: never asked in simulation, measured on the gateway, read back in a replay.

A controller reads no clock. The gateway gives it a :class:`Measured` with its own clock; every verdict is kept, so
that a replay which is given them through :class:`Recorded` makes the same decisions, bit for bit.
"""

from collections.abc import Callable, Sequence
from typing import Protocol, final


class Deadline(Protocol):
    """Says whether the work since ``start`` took too long."""

    def start(self) -> None:
        """Begin to count."""
        ...

    def missed(self) -> bool:
        """Return the verdict."""
        ...


@final
class NoDeadline:
    """Simulation and lockstep: only iteration caps act."""

    def start(self) -> None:
        """Do nothing."""

    def missed(self) -> bool:
        """Return False."""
        return False


@final
class Measured:
    """The gateway: a clock [s] and a limit [s]; ``verdicts`` holds what was found, to be recorded.

    >>> ticks = iter([0.0, 0.3])
    >>> deadline = Measured(lambda: next(ticks), limit_s=0.2)
    >>> deadline.start()
    >>> deadline.missed()
    True
    """

    def __init__(self, clock: Callable[[], float], limit_s: float) -> None:
        self._clock = clock
        self._limit_s = limit_s
        self._start_s = 0.0
        self.verdicts: list[bool] = []

    def start(self) -> None:
        """Look at the clock."""
        self._start_s = self._clock()

    def missed(self) -> bool:
        """Look at the clock again, keep the verdict and return it."""
        self.verdicts.append(self._clock() - self._start_s > self._limit_s)
        return self.verdicts[-1]


@final
class Recorded:
    """A replay: the verdicts of before, one after the other; after the last: in time."""

    def __init__(self, verdicts: Sequence[bool]) -> None:
        self._verdicts = iter(verdicts)

    def start(self) -> None:
        """Do nothing."""

    def missed(self) -> bool:
        """Return the next verdict."""
        return next(self._verdicts, False)
