"""The only place that reads a clock. Everything else takes the time as an argument."""

import time
from typing import Protocol, final

from thermal_bms.errors import ConfigError

SPEED_MAX = 100.0


class Clock(Protocol):
    """What the time is, and waiting for a later one."""

    def now_s(self) -> float:
        """Return the time since the clock was made [s]."""
        ...

    def sleep_until(self, time_s: float) -> None:
        """Return at ``time_s``, at once when that is past."""
        ...


def wall_time_s() -> float:
    """Return the time on the machine's clock, since 1970-01-01 UTC [s]. It may jump."""
    return time.time()  # noqa: TID251  # this is the clock


@final
class MonotonicClock:
    """The time since the clock was made; wall time and its jumps do not matter.

    Parameters
    ----------
    speed : seconds of this clock per second, above 1 for a bench that runs faster than life
    """

    def __init__(self, speed: float = 1.0) -> None:
        if not 0.0 < speed <= SPEED_MAX:
            raise ConfigError(f"speed = {speed:g}: must be > 0 and <= {SPEED_MAX:g}")
        self._speed = speed
        self._start_s = time.monotonic()  # noqa: TID251  # this is the clock

    def now_s(self) -> float:
        """Return the time since the clock was made [s]."""
        return (time.monotonic() - self._start_s) * self._speed  # noqa: TID251  # this is the clock

    def sleep_until(self, time_s: float) -> None:
        """Return at ``time_s``, at once when that is past."""
        left_s = (time_s - self.now_s()) / self._speed
        if left_s > 0.0:
            time.sleep(left_s)


@final
class ManualClock:
    """A clock that stands until it is set: for runs in which the time comes from elsewhere."""

    def __init__(self, time_s: float = 0.0) -> None:
        self.time_s = time_s

    def now_s(self) -> float:
        """Return the time that was set [s]."""
        return self.time_s

    def sleep_until(self, time_s: float) -> None:
        """Take the time to be ``time_s`` unless it is later."""
        self.time_s = max(self.time_s, time_s)
