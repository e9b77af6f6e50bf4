"""When each message goes out. It counts in whole milliseconds, so that two machines agree."""

from collections.abc import Sequence
from typing import final

import numpy as np

from thermal_bms.units import BoolArray

_NEVER = np.iinfo(np.int64).min


def _milliseconds(time_s: float) -> int:
    return round(time_s * 1000.0)


@final
class Schedule:
    """Which of many messages are due, given their periods and phases.

    A message is due once in every period, when time has reached its phase there; after a longer gap it is due
    once. At the first call everything is due, so that a receiver knows all values from the start.

    Parameters
    ----------
    period_s, phase_s : one entry per message, rounded to milliseconds, periods above 0 [s]
    """

    def __init__(self, period_s: Sequence[float], phase_s: Sequence[float]) -> None:
        self._period = np.array([_milliseconds(value) for value in period_s], dtype=np.int64)
        self._phase = np.array([_milliseconds(value) for value in phase_s], dtype=np.int64)
        self.reset()

    def reset(self) -> None:
        """Make everything due at the next call."""
        self._turn = np.full(len(self._period), _NEVER)

    def due(self, time_s: float) -> BoolArray:
        """Return which messages are due at ``time_s``, and take them as sent."""
        turn = (_milliseconds(time_s) - self._phase) // self._period
        due = np.asarray(turn != self._turn)
        self._turn = turn
        return due
