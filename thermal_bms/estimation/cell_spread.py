"""How far the extreme cell of a string lies from the mean one, in charge and in resistance.

The gap between the mean and the extreme voltage is the sum of both::

    |v_mean - v_extreme| = u'(s) d + r k |n|

with the overpotential n of the mean cell. A two-state Kalman filter tells d from r as slope and load change. Where
the open-circuit voltage is flat the gap says nothing about d, and d stays. The lowest of many noisy readings lies below
the lowest voltage by a few noise levels; half of that is taken off and half is doubt.
"""

import math
from statistics import NormalDist
from typing import final

from thermal_bms.estimation.settings import EstimationSettings

DRIFT_PER_ROOT_S = 2e-5
REPEATED = 20.0  # the bias of noisy extremes is the same each time: many readings count as one


def extreme_of(n: int) -> float:
    """Return by how many standard deviations the highest of ``n`` normal values exceeds their mean.

    Blom's approximation, G. Blom, Statistical Estimates and Transformed Beta-Variables, Wiley 1958.

    >>> extreme_of(216)
    2.76
    """
    return NormalDist().inv_cdf((n - 0.375) / (n + 0.25)) if n > 1 else 0.0


@final
class CellSpread:
    """One side, the lowest or the highest cell, of one string."""

    __slots__ = ("_bias_v", "_noise_v2", "_p_dd", "_p_dr", "_p_rr", "resistance", "soc")

    def __init__(self, settings: EstimationSettings, n_series: int) -> None:
        z = extreme_of(n_series)
        self.soc = 0.5 * z * settings.cell_soc_sd
        self.resistance = z * settings.cell_resistance_sd
        self._p_dd = (0.5 * z * settings.cell_soc_sd) ** 2
        self._p_rr = (0.5 * z * settings.cell_resistance_sd) ** 2
        self._p_dr = 0.0
        self._bias_v = 0.5 * z * settings.cell_voltage_noise_v
        self._noise_v2 = self._bias_v**2 + settings.cell_voltage_noise_v**2

    @property
    def soc_sd(self) -> float:
        """One standard deviation of the difference in charge."""
        return math.sqrt(self._p_dd)

    def update(self, gap_v: float, slope_v: float, overpotential_v: float, since_s: float) -> None:
        """Take in the gap between mean and extreme voltage [V]; ``slope_v`` is du/ds, times are seconds since."""
        drift = DRIFT_PER_ROOT_S**2 * since_s
        p_dd, p_dr, p_rr = self._p_dd + drift, self._p_dr, self._p_rr + drift
        load_v = abs(overpotential_v)
        y = gap_v - self._bias_v - slope_v * self.soc - load_v * self.resistance
        pd, pr = slope_v * p_dd + load_v * p_dr, slope_v * p_dr + load_v * p_rr
        lasting = max(60.0 / max(since_s, 1.0), 1.0)
        total = slope_v * pd + load_v * pr + lasting * (REPEATED * self._noise_v2 + (0.02 * load_v) ** 2)
        kd, kr = pd / total, pr / total
        self.soc = max(self.soc + kd * y, 0.0)
        self.resistance = max(self.resistance + kr * y, 0.0)
        self._p_dd, self._p_dr, self._p_rr = p_dd - kd * pd, p_dr - kd * pr, p_rr - kr * pr
