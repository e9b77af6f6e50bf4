"""A bound of the charge that holds whatever the filter believes: set membership beside the Kalman filter.

Two intervals are cut with each other. The counted one starts from what was known and widens with the largest errors
of gain, capacity and offset. The measured one holds every charge whose open-circuit voltage fits the measured voltage
within the largest errors of voltage, hysteresis and overpotential. On the plateau of LFP the measured one is wide, and
the bound says so. When the two do not overlap, something was worse than assumed, and the measured one, widened, starts
anew.
"""

import math
from typing import final

from thermal_bms.estimation.cell_model import CellModel
from thermal_bms.estimation.charge_filter import ChargeFilter
from thermal_bms.estimation.settings import EstimationSettings

SIGMAS = 3.0
FAST_SIGMAS, FAST_SHARE = 4.0, 0.15  # noise, and what a circuit misses of a change of load
NARROWEST = 0.002
REOPENED = 0.05


@final
class ChargeBound:
    """The bound of one string's mean charge.

    Each end remembers where it was last cut, and what has been counted since.
    """

    __slots__ = (
        "_high_count",
        "_high_start",
        "_high_time_s",
        "_low_count",
        "_low_start",
        "_low_time_s",
        "_model",
        "_settings",
        "conflicts",
        "high",
        "low",
    )

    def __init__(self, model: CellModel, settings: EstimationSettings, *, soc: float, soc_sd: float) -> None:
        self._model, self._settings = model, settings
        self._low_start = self.low = max(soc - SIGMAS * soc_sd, 0.0)
        self._high_start = self.high = min(soc + SIGMAS * soc_sd, 1.0)
        self._low_count = self._high_count = self._low_time_s = self._high_time_s = 0.0
        self.conflicts = 0

    def count(self, moved: float, time_s: float, *, capacity_sd: float, offset_per_s: float) -> None:
        """Move both ends by a counted charge and widen them.

        Parameters
        ----------
        moved : charge counted out, share of the capacity
        time_s : time over which it was counted [s]
        capacity_sd : relative standard deviation of the capacity
        offset_per_s : standard deviation of the offset, share of the capacity per second [1/s]
        """
        self._low_count -= moved
        self._high_count -= moved
        self._low_time_s += time_s
        self._high_time_s += time_s
        gain = SIGMAS * math.hypot(capacity_sd, self._settings.current_gain_sd)
        offset = SIGMAS * offset_per_s
        low = self._low_start + self._low_count - gain * abs(self._low_count) - offset * self._low_time_s
        high = self._high_start + self._high_count + gain * abs(self._high_count) + offset * self._high_time_s
        if low < 0.0:
            self._start_low(0.0)
        else:
            self.low = low if low < 1.0 else 1.0
        if high > 1.0:
            self._start_high(1.0)
        else:
            self.high = high if high > 0.0 else 0.0

    def lose(self, soc: float) -> None:
        """Widen both ends by a charge, as after counting blind."""
        self._start_low(max(self.low - soc, 0.0))
        self._start_high(min(self.high + soc, 1.0))

    def include(self, soc: float, soc_sd: float) -> None:
        """Make room for a charge and its deviation; that both ends meant to exclude it counts as a conflict."""
        if not self.low <= soc <= self.high:
            self.conflicts += 1
        if soc - soc_sd < self.low:
            self._start_low(max(soc - soc_sd, 0.0))
        if soc + soc_sd > self.high:
            self._start_high(min(soc + soc_sd, 1.0))

    def settle(self) -> None:
        """Take both ends as they are, before the capacity is counted otherwise."""
        self.lose(0.0)

    def cut(self, voltage_v: float, state: ChargeFilter) -> None:
        """Cut with the charges that fit a mean cell voltage [V] at the filter's overpotential and temperature."""
        model, settings = self._model, self._settings
        eta = state.overpotential_v
        open_v = voltage_v + state.resistance * eta - model.hysteresis_v * state.hysteresis
        resistance = max(state.resistance_sd, 0.5 * settings.resistance_sd)
        doubt_v = (
            SIGMAS * math.sqrt(state.ocv_error_v2 + (resistance * eta) ** 2)
            + model.hysteresis_v
            + FAST_SIGMAS * state.noise_sd_v
            + FAST_SHARE * abs(eta)
            + state.unsettled_v
        )
        off_k = state.temp_degc - model.reference_temp_degc
        spread = settings.cell_soc_sd
        low = model.soc_of(open_v - doubt_v, off_k) - spread
        high = model.soc_of(open_v + doubt_v, off_k) + spread
        if low > self.high or high < self.low:
            self.conflicts += 1
            self._start_low(max(low - REOPENED, 0.0))
            self._start_high(min(high + REOPENED, 1.0))
            return
        if low > self.low:
            self._start_low(low)
        if high < self.high:
            self._start_high(high)
        if self.high - self.low < NARROWEST:
            middle = 0.5 * (self.low + self.high)
            self._start_low(max(middle - NARROWEST, 0.0))
            self._start_high(min(middle + NARROWEST, 1.0))

    def _start_low(self, soc: float) -> None:
        self.low = self._low_start = soc
        self._low_count = self._low_time_s = 0.0

    def _start_high(self, soc: float) -> None:
        self.high = self._high_start = soc
        self._high_count = self._high_time_s = 0.0
