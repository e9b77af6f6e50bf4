"""Thermal runaway, every tick: a group that loses voltage for real, or a cell that heats itself.

Voltage: the lowest group falls away from the mean of its string further than it used to, and the string's own voltage
sensor has lost the same. A broken sense wire shows in the sum of the cells alone, so it raises nothing.
Temperature: the hottest sensor leaves the mean of its string by tens of kelvins, and rises; a jump that no sensor's
lag allows is a fault of the sensor, not of a cell.

No pressure, gas or smoke sensor is used. A heated cell that vents without a short, far from a temperature sensor, is
seen when its separator gives way and not before.
"""

import math
from typing import final

from thermal_bms.plausibility import Checked, Found

QUANTITY = "thermal_runaway"
"""1 per string while the picture is that of a runaway; debounced in the table of diagnostics."""
DROP_V = 0.06
"""Assumed: healthy groups of the library's days stay below 0.031 V; an internal short of 10 mohm takes 0.1 V."""
SUM_ERROR_V = 0.05
"""Resolution of the string's voltage; the sum of 216 cells scatters by 0.02 V."""
DROP_PER_LOAD = 0.5
"""Of the nominal polarisation: a group of 1.5 times the resistance falls that far below the others under load."""
LEARN_BELOW_V = 0.035
LEARN_S = 1800.0
LEARN_EVERY_S = 10.0
SUM_SHARE = 0.5
HOT_K = 12.0
"""Assumed: half more than the spread that the limit tables trip at on nominal cooling."""
WARM_K = 6.0
"""From here on the temperature is followed."""
RISE_K_PER_S = 0.02
"""Self-heating of 1.2 K/min; the hottest cell of a megawatt charge warms by 1 K/min at the most."""
RISE_S = 20.0
JUMP_K = 8.0
SOC_ENDS = (0.05, 0.97)
"""Beyond these charges cells of unequal capacity part by themselves; there only DEAD_V counts."""
DEAD_V = 1.0


@final
class RunawayWatch:
    """Looks at the extremes that plausibility has taken already; all state is a few numbers per string."""

    def __init__(self, n_strings: int, n_series: int) -> None:
        self._n, self._n_series = n_strings, n_series
        self.reset()

    def reset(self) -> None:
        """Forget what is usual."""
        self._usual_v = [math.nan] * self._n
        self._sum_off_v = [math.nan] * self._n
        self._hot_degc = [math.nan] * self._n
        self._slow_degc = [math.nan] * self._n
        self._is_warm = [False] * self._n
        self._since_s = 0.0

    def findings(self, checked: Checked, *, soc: float, resistance_ohm: float, dt_s: float) -> Found:
        """Return ``QUANTITY`` per string; nothing while all is well.

        Parameters
        ----------
        checked : after plausibility
        soc : of the pack, from the last tick; NaN counts as in the middle
        resistance_ohm : of one group at its temperature [ohm]
        dt_s : tick [s]
        """
        suspects: list[float] | None = None
        usual_v = self._usual_v
        k = -1
        for mean_v, low_v, mean_degc, hot_degc in zip(
            checked.cell_voltage_mean_v,
            checked.cell_voltage_min_v,
            checked.cell_temp_mean_degc,
            checked.cell_temp_max_degc,
            strict=True,
        ):
            k += 1
            over_v = mean_v - low_v - usual_v[k]
            if over_v < LEARN_BELOW_V and hot_degc - mean_degc < WARM_K and not self._is_warm[k]:
                continue
            end = (soc < SOC_ENDS[0] or soc > SOC_ENDS[1]) and low_v > DEAD_V
            if over_v != over_v:  # noqa: PLR0124 - NaN: the first sample, or none
                self._begin(checked, k, mean_v - low_v)
            if self._is_real_drop(checked, k, over_v, at_end=end, resistance_ohm=resistance_ohm) or (
                self._heats_itself(k, hot_degc, hot_degc - mean_degc, dt_s)
            ):
                suspects = suspects or [0.0] * self._n
                suspects[k] = 1.0
        self._since_s += dt_s
        if self._since_s >= LEARN_EVERY_S:
            self._learn(checked)
        return {} if suspects is None else {QUANTITY: suspects}

    def _learn(self, checked: Checked) -> None:
        """Move what is usual a little towards what is seen, where that is not far from it."""
        weight, self._since_s = self._since_s / LEARN_S, 0.0
        for k, usual_v in enumerate(self._usual_v):
            mean_v = checked.cell_voltage_mean_v[k]
            over_v = mean_v - checked.cell_voltage_min_v[k] - usual_v
            if over_v < LEARN_BELOW_V:
                self._usual_v[k] += min(weight, 1.0) * over_v
                off_v = mean_v * self._n_series - checked.string_voltage_v[k] - self._sum_off_v[k]
                if math.isfinite(off_v):
                    self._sum_off_v[k] += min(weight, 1.0) * off_v

    def _begin(self, checked: Checked, k: int, drop_v: float) -> None:
        sum_off_v = checked.cell_voltage_mean_v[k] * self._n_series - checked.string_voltage_v[k]
        if math.isnan(self._usual_v[k]) and math.isfinite(sum_off_v) and drop_v < DROP_V:
            self._usual_v[k], self._sum_off_v[k] = drop_v, sum_off_v

    def _is_real_drop(
        self,
        checked: Checked,
        k: int,
        over_v: float,
        *,
        at_end: bool,
        resistance_ohm: float,
    ) -> bool:
        load_v = DROP_PER_LOAD * abs(checked.current_a[k]) * resistance_ohm
        if at_end or not over_v > max(DROP_V, load_v):
            return False
        sum_off_v = checked.cell_voltage_mean_v[k] * self._n_series - checked.string_voltage_v[k]
        return abs(sum_off_v - self._sum_off_v[k]) < max(SUM_SHARE * over_v, SUM_ERROR_V)

    def _heats_itself(self, k: int, hot_degc: float, away_k: float, dt_s: float) -> bool:
        self._is_warm[k] = away_k >= WARM_K
        step_k = hot_degc - self._hot_degc[k]
        self._hot_degc[k] = hot_degc
        if not self._is_warm[k]:
            self._hot_degc[k] = math.nan
            return False
        if not abs(step_k) < JUMP_K * max(dt_s, 1.0):
            self._slow_degc[k] = hot_degc
            return False
        self._slow_degc[k] += min(dt_s / RISE_S, 1.0) * (hot_degc - self._slow_degc[k])
        return away_k > HOT_K and hot_degc - self._slow_degc[k] > RISE_K_PER_S * RISE_S
