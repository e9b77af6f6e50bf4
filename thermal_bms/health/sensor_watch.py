"""Drifting cell temperature sensors: the sensors of one string against each other.

Each sensor's distance from the mean of its string is split into what the place explains and what it does not::

    T_j - T_mean = b_j + g_j q + h_j (T_mean - T_inlet),      b_j <- b_j + c_j dt

with the smoothed heat q of the current and the cooling T_mean - T_inlet. What stays, b_j, is the sensor's own error.
A sensor that is wrong is wrong at rest too; a place that is badly cooled is not. A cell that leaks heats its place even
at rest: a reading that is too high is a drifting sensor or a soft short, one that is too low only the sensor.
"""

import math
from typing import final

import numpy as np

from thermal_bms.health.deviation_filter import DeviationFilter, robust_centre
from thermal_bms.health.findings import Finding, FindingKind, confidence_beyond
from thermal_bms.health.settings import HealthSettings
from thermal_bms.units import SECONDS_PER_HOUR, FloatArray

OFFSET, RATE = 0, 1
# One standard deviation at the start: 0.3 K of a class-1 NTC, 0.1 K/h, 1 K per 1C^2 of heat, a tenth of the cooling.
START_SD = np.array([0.3, 0.1 / SECONDS_PER_HOUR, 1.0, 0.1])
HOURLY_SD = np.array([0.05, 0.2 / SECONDS_PER_HOUR, 0.05, 0.02])
READING_SD_K = 0.12  # noise of 0.1 K and steps of 0.1 K
MODEL_SHARE = 0.3  # of what heat and cooling make, for transients
SMOOTH_S = 1800.0  # heat capacity over conductance of a cell on its plate, rounded
SENSORS_MIN = 4


@final
class SensorWatch:
    """Watches the temperature sensors of one string.

    Parameters
    ----------
    capacity_ah : of the string, to scale its heat
    settings : thresholds
    string : index of the string
    """

    def __init__(self, capacity_ah: float, settings: HealthSettings, string: int) -> None:
        self._capacity_ah, self._settings, self._string = capacity_ah, settings, string
        self._filter: DeviationFilter | None = None
        self._heat = 0.0

    def take(
        self,
        temp_degc: FloatArray,
        *,
        mean_current_square: float,
        inlet_temp_degc: float,
        elapsed_s: float,
    ) -> None:
        """Take in the readings of all sensors [degC], NaN where unknown; the current's mean square in A^2."""
        n = temp_degc.size
        if n < SENSORS_MIN:
            return
        if self._filter is None or self._filter.states.shape[1] != n:
            self._filter = DeviationFilter(n, START_SD)
        known = np.isfinite(temp_degc)
        if not known.any():
            return
        mean_degc = float(temp_degc[known].mean())
        keep = math.exp(-elapsed_s / SMOOTH_S)
        self._heat = keep * self._heat + (1.0 - keep) * mean_current_square / self._capacity_ah**2
        cooling_k = mean_degc - inlet_temp_degc if math.isfinite(inlet_temp_degc) else 0.0
        transition = np.eye(4)
        transition[OFFSET, RATE] = elapsed_s
        self._filter.predict(transition, HOURLY_SD**2 * (elapsed_s / SECONDS_PER_HOUR))
        model_k = MODEL_SHARE * (self._heat + abs(cooling_k))
        row = np.array([1.0, 0.0, self._heat, cooling_k])
        off_k = np.where(known, temp_degc - mean_degc, row @ self._filter.states)
        self._filter.correct(off_k, row, READING_SD_K**2 + model_k**2)

    def candidates(self, time_s: float) -> list[Finding]:
        """Return the sensor that looks wrong by more than its limit; at most one."""
        if self._filter is None:
            return []
        settings, states = self._settings, self._filter.states
        centre, spread = robust_centre(states[OFFSET])
        away = states[OFFSET] - centre
        worst = int(np.abs(away).argmax())
        value = abs(float(away[worst]))
        if value <= settings.sensor_drift_k or value < settings.outlier_deviations * spread:
            return []
        rate_per_s = math.copysign(float(states[RATE, worst]), float(away[worst] * states[RATE, worst]))
        left_k = max(settings.sensor_drift_limit_k - value, 0.0)
        return [
            Finding(
                FindingKind.CELL_TEMP_OUTLIER,
                self._string,
                worst,
                value,
                settings.sensor_drift_k,
                confidence_beyond(
                    value, settings.sensor_drift_k, math.hypot(self._filter.sd(OFFSET), spread)
                ),
                left_k / rate_per_s if rate_per_s > self._filter.sd(RATE) else math.inf,
                time_s,
            )
        ]
