"""When each message goes out. Whole milliseconds, so that two machines agree."""

from collections.abc import Sequence
from typing import final

import numpy as np

from thermal_bms.units import BoolArray

_NEVER = np.iinfo(np.int64).min


@final
class Schedule:
    """Which of many messages are due, given their periods and phases.

    A message is due once in every period, when time has reached its phase there; after a longer gap it is due
    once. At the first call everything is due, so that a receiver knows all values from the start.

    Parameters
    ----------
    period_ms, phase_ms : one entry per message, periods above 0 [ms]
    """

    def __init__(self, period_ms: Sequence[int], phase_ms: Sequence[int]) -> None:
        self._period_ms = np.array(period_ms, dtype=np.int64)
        self._phase_ms = np.array(phase_ms, dtype=np.int64)
        self.reset()

    def reset(self) -> None:
        """Make everything due at the next call."""
        self._turn = np.full(len(self._period_ms), _NEVER)

    def due(self, time_s: float) -> BoolArray:
        """Return which messages are due at ``time_s``, and take them as sent."""
        turn = (round(time_s * 1000.0) - self._phase_ms) // self._period_ms
        due = np.asarray(turn != self._turn)
        self._turn = turn
        return due
