"""State of health of one string: capacity and resistance, each with its confidence.

Capacity: the charge counted between two moments at which the voltage alone tells the state of charge well, over the
change of the latter. Both carry their error: that of the count grows with the charge (gain) and the time (offset), that
of each moment follows from the slope of the open-circuit voltage there. On LFP such moments are below 15 % and at the
end of a full charge; between them nothing is claimed.

Resistance: the factor between changes of the measured and of the nominal overpotential while the cell is warm; the
nominal one already follows temperature and charge, so that the factor is one of age.
"""

import math
from typing import final

from thermal_bms.estimation.cell_model import CellModel
from thermal_bms.estimation.charge_filter import ChargeFilter
from thermal_bms.estimation.settings import EstimationSettings

SPAN_MIN = 0.3
KEYPOINT_SD_MAX = 0.02
AGEING_PER_ROOT_S = 1e-5
OVERPOTENTIAL_SHARE = 0.1
WARM_DEGC = (10.0, 45.0)
CHANGE_MIN_V = 0.005
RESISTANCE_TABLE_SD = 0.02
RESISTANCE_TIME_S = 20e3


@final
class CapacityHealth:
    """Capacity of one string relative to the nominal one.

    The relative capacity x follows from each pair of keypoints as ``z = dq / (q ds)`` and is held by a scalar Kalman
    filter; no number of measurements brings it below half the variance of the best one, because the errors of the
    table come again each time.
    """

    __slots__ = (
        "_base_value",
        "_base_variance",
        "_best_variance",
        "_count",
        "_count_time_s",
        "_key_soc",
        "_key_variance",
        "_model",
        "_settings",
        "_variance",
        "_visit_soc",
        "_visit_variance",
        "value",
    )

    def __init__(self, model: CellModel, settings: EstimationSettings) -> None:
        self._model, self._settings = model, settings
        self.value = 1.0
        self._variance = (2.0 * settings.capacity_sd) ** 2
        self._best_variance = math.inf
        self._key_soc, self._key_variance = math.nan, math.inf
        self._count = self._count_time_s = 0.0
        self._visit_soc, self._visit_variance = math.nan, math.inf
        self._base_value, self._base_variance = self.value, self._variance

    @property
    def sd(self) -> float:
        """One standard deviation of the relative capacity."""
        return math.sqrt(self._variance)

    def count(self, charge: float, time_s: float) -> None:
        """Count charge that went out, in shares of the nominal capacity, over a time [s]."""
        self._count += charge
        self._count_time_s += time_s
        self._variance += AGEING_PER_ROOT_S**2 * time_s

    def forget_count(self) -> None:
        """Drop the keypoint, as after counting blind."""
        self._key_soc, self._key_variance = math.nan, math.inf

    def look(self, voltage_v: float, state: ChargeFilter) -> bool:
        """See whether the voltage alone tells the charge now; return whether the capacity was measured."""
        soc, variance = keypoint(self._model, self._settings, voltage_v, state)
        if variance > KEYPOINT_SD_MAX**2:
            return False
        offset = state.offset_sd_a * self._count_time_s / self._model.capacity_as
        counted = (self._settings.current_gain_sd * self._count) ** 2 + offset * offset
        span = self._key_soc - soc
        measured = False
        if abs(span) >= SPAN_MIN:
            measured = self._measure(
                soc, self._count / span, (counted + self._key_variance + variance) / (span * span)
            )
        if not self._key_variance + counted < variance:
            self._key_soc, self._key_variance = soc, variance
            self._count = self._count_time_s = 0.0
        return measured

    def _measure(self, soc: float, value: float, variance: float) -> bool:
        """Take in a measurement; of those at one place, as during a rest, only the best counts."""
        if not abs(soc - self._visit_soc) < 0.5 * SPAN_MIN:
            self._visit_soc, self._visit_variance = soc, math.inf
            self._base_value, self._base_variance = self.value, self._variance
        if variance >= self._visit_variance or abs(value - self._base_value) > 4.0 * math.sqrt(
            variance + self._base_variance
        ):
            return False
        self._visit_variance = variance
        self._best_variance = min(self._best_variance, variance)
        gain = self._base_variance / (self._base_variance + variance)
        self.value = self._base_value + gain * (value - self._base_value)
        self._variance = max(self._base_variance * (1.0 - gain), 0.5 * self._best_variance)
        return True


def keypoint(
    model: CellModel, settings: EstimationSettings, voltage_v: float, state: ChargeFilter
) -> tuple[float, float]:
    """Return the charge that a mean cell voltage tells, and the variance of that.

    Doubts: open-circuit voltage and hysteresis, a share of the overpotential, fast noise, and the spread of the cells,
    whose mean voltage is not the voltage of the mean charge.
    """
    eta = state.overpotential_v
    off_k = state.temp_degc - model.reference_temp_degc
    open_v = voltage_v + state.resistance * eta - model.hysteresis_v * state.hysteresis
    soc = model.soc_of(open_v, off_k)
    low, high = max(soc - 0.01, 0.0), min(soc + 0.01, 1.0)
    rise_v = model.open_circuit_v(high, off_k) - model.open_circuit_v(low, off_k)
    share_v = OVERPOTENTIAL_SHARE * (abs(eta) + abs(state.rc1_v) + abs(state.rc2_v))
    doubt_v2 = state.ocv_error_v2 + share_v**2 + state.noise_sd_v**2 + state.unsettled_v**2
    doubt_v2 += (0.3 * model.hysteresis_v) ** 2
    if rise_v <= 0.0:
        return soc, math.inf
    per_v = (high - low) / rise_v
    return soc, doubt_v2 * per_v * per_v + (0.3 * settings.cell_soc_sd) ** 2


@final
class ResistanceHealth:
    """Resistance of one string relative to that of a new one, from the warm hours.

    Between two turns the measured overpotential changes by dy and the nominal one by dx; the factor is the line through
    the origin, ``k = sum(dx dy) / sum(dx^2)``, forgotten over ``RESISTANCE_TIME_S``. Differences, because a
    wrong open-circuit voltage drops out of them.
    """

    __slots__ = ("_rest_v2", "_sum_xx", "_sum_xy", "_x_v", "_y_v", "sd", "value")

    def __init__(self, settings: EstimationSettings) -> None:
        self.value = 1.0
        self.sd = 2.0 * settings.resistance_sd
        self._sum_xx = self._sum_xy = 0.0
        self._rest_v2 = settings.voltage_noise_v**2
        self._x_v = self._y_v = math.nan

    def take(self, voltage_v: float, state: ChargeFilter, since_s: float) -> None:
        """Take in a mean cell voltage [V] at a turn, ``since_s`` after the turn before; NaN starts anew."""
        low_degc, high_degc = WARM_DEGC
        x_v = state.overpotential_v
        y_v = state.open_circuit_v - voltage_v
        dx_v, dy_v = x_v - self._x_v, y_v - self._y_v
        self._x_v, self._y_v = x_v, y_v
        if not low_degc <= state.temp_degc <= high_degc or not dx_v * dx_v > CHANGE_MIN_V**2:
            return
        if dy_v - dy_v != 0.0:
            return
        keep = 1.0 / (1.0 + since_s / RESISTANCE_TIME_S)
        rest_v = dy_v - self.value * dx_v
        if rest_v * rest_v > 0.25 * dx_v * dx_v + 25.0 * self._rest_v2:
            return
        self._rest_v2 += 0.02 * (rest_v * rest_v - self._rest_v2)
        self._sum_xx = keep * (self._sum_xx + dx_v * dx_v)
        self._sum_xy = keep * (self._sum_xy + dx_v * dy_v)
        self.value = self._sum_xy / self._sum_xx
        self.sd = math.sqrt(self._rest_v2 / self._sum_xx + RESISTANCE_TABLE_SD**2)
