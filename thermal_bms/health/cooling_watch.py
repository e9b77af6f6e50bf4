"""Cooling that fades: of one string against the others, coolant flow and refrigerant against the description.

Judged only where there is something to see. Over a window of five minutes the cells of a string give

    G int (T - T_inlet) dt = int i^2 r dt - C (T_end - T_start)

to the coolant. Strings of one truck share pump, inlet and model error, so the conductance G of each is compared with
the median of the others. Windows count while coolant flows and the cells are warmer than the inlet by
``cooling_excited_k``; resolution and noise of the sensors are 0.1 K.
"""

import math
from typing import final

from thermal_bms.health.findings import WHOLE, Finding, FindingKind, confidence_beyond
from thermal_bms.health.settings import HealthSettings
from thermal_bms.units import SECONDS_PER_HOUR

WINDOW_S = 300.0
FORGET = math.exp(-WINDOW_S / (2.0 * SECONDS_PER_HOUR))
WINDOWS_MIN = 6
SHARE_SD = (
    0.25  # of one window: of the ratio of two conductances, from heat, mean temperature and flow; assumed
)


@final
class StringCooling:
    """Conductances of all strings to the coolant, and which one lags behind."""

    def __init__(self, n_strings: int, heat_capacity_j_per_k: float, settings: HealthSettings) -> None:
        self._n, self._capacity, self._settings = n_strings, heat_capacity_j_per_k, settings
        self._given_j = [0.0] * n_strings
        self._driven_ks = [0.0] * n_strings
        self._windows = 0.0
        self.reset_window()

    def reset_window(self) -> None:
        """Begin a new window, as when the coolant stands or a value is missing."""
        self._window_s = 0.0
        self._heat_j = [0.0] * self._n
        self._over_ks = [0.0] * self._n
        self._start_degc: list[float] = []

    def take(
        self, temp_degc: list[float], heat_w: list[float], inlet_temp_degc: float, elapsed_s: float
    ) -> None:
        """Take in one sample: mean temperature [degC] and heat [W] of every string."""
        if (
            self._n < 2
            or self._capacity <= 0.0
            or not math.isfinite(sum(temp_degc) + sum(heat_w) + inlet_temp_degc)
        ):
            self.reset_window()
            return
        if not self._start_degc:
            self._start_degc = temp_degc
            return
        self._window_s += elapsed_s
        for k in range(self._n):
            self._heat_j[k] += heat_w[k] * elapsed_s
            self._over_ks[k] += (temp_degc[k] - inlet_temp_degc) * elapsed_s
        if self._window_s >= WINDOW_S:
            if min(self._over_ks) >= self._settings.cooling_excited_k * self._window_s:
                self._close(temp_degc)
            self.reset_window()

    def _close(self, temp_degc: list[float]) -> None:
        self._windows = FORGET * self._windows + 1.0
        for k in range(self._n):
            given_j = self._heat_j[k] - self._capacity * (temp_degc[k] - self._start_degc[k])
            self._given_j[k] = FORGET * self._given_j[k] + given_j
            self._driven_ks[k] = FORGET * self._driven_ks[k] + self._over_ks[k]

    @property
    def shares(self) -> list[float]:
        """Conductance of each string over the median of the others; empty until enough windows were seen."""
        if self._windows < WINDOWS_MIN:
            return []
        conductance = [j / ks for j, ks in zip(self._given_j, self._driven_ks, strict=True)]
        if min(conductance) <= 0.0:
            return []
        shares = []
        for k, own in enumerate(conductance):
            others = sorted(conductance[:k] + conductance[k + 1 :])
            middle = 0.5 * (others[(self._n - 2) // 2] + others[(self._n - 1) // 2])
            shares.append(own / middle if middle > 0.0 else math.nan)
        return shares

    def candidates(self, time_s: float) -> list[Finding]:
        """Return the string that lags most, if it lags too far."""
        shares = [share for share in self.shares if math.isfinite(share)]
        if not shares or min(shares) >= self._settings.cooling_share:
            return []
        sd = SHARE_SD / math.sqrt(self._windows)
        return [_loss(FindingKind.STRING_COOLING_LOSS, self.shares.index(min(shares)), min(shares),
                      self._settings.cooling_share, sd, time_s)]  # fmt: skip


@final
class ShareTrend:
    """A measured share of what is expected: smoothed, with its spread and its rate of change.

    Parameters
    ----------
    kind : what a low share means
    limit, end : share that is reported, and at which its use ends
    tau_s : smoothing time of judged time [s]
    sd_min : error of the expectation itself
    """

    def __init__(self, kind: FindingKind, limit: float, end: float, *, tau_s: float, sd_min: float) -> None:
        self._kind, self._limit, self._end = kind, limit, end
        self._tau_s, self._sd_min = tau_s, sd_min
        self.share = math.nan
        self._slow = math.nan
        self._judged_s = 0.0

    def take(self, share: float, elapsed_s: float) -> None:
        """Take in one sample of judged time."""
        if not math.isfinite(share):
            return
        if math.isnan(self.share):
            self.share = self._slow = share
        weight = 1.0 - math.exp(-elapsed_s / self._tau_s)
        self.share += weight * (share - self.share)
        self._slow += 0.25 * weight * (self.share - self._slow)
        self._judged_s += elapsed_s

    def candidates(self, time_s: float) -> list[Finding]:
        """Return the loss, if there is one and enough time was judged."""
        if self._judged_s < self._tau_s or not self.share < self._limit:
            return []
        rate_per_s = (self._slow - self.share) / (4.0 * self._tau_s)
        left = max(self.share - self._end, 0.0)
        found = _loss(self._kind, WHOLE, self.share, self._limit, self._sd_min, time_s)
        known = rate_per_s * SECONDS_PER_HOUR > 0.5 * self._sd_min
        return [found._replace(time_to_limit_s=left / rate_per_s if known else math.inf)]


def _loss(kind: FindingKind, string: int, share: float, limit: float, sd: float, time_s: float) -> Finding:
    confidence = confidence_beyond(-share, -limit, sd)
    return Finding(kind, string, WHOLE, share, limit, confidence, math.inf, time_s)
