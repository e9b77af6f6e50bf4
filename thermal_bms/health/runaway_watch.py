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
SUM_SHARE = 0.5
HOT_K = 12.0
"""Assumed: half more than the spread that the limit tables trip at on nominal cooling."""
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
        at_end = soc < SOC_ENDS[0] or soc > SOC_ENDS[1]
        weight = dt_s / LEARN_S
        for k in range(self._n):
            drop_v = checked.cell_voltage_mean_v[k] - checked.cell_voltage_min_v[k]
            hot_degc = checked.cell_temp_max_degc[k]
            over_v = drop_v - self._usual_v[k]
            if over_v < LEARN_BELOW_V:
                self._usual_v[k] += weight * over_v
                sum_off_v = checked.cell_voltage_mean_v[k] * self._n_series - checked.string_voltage_v[k]
                self._sum_off_v[k] += weight * (sum_off_v - self._sum_off_v[k])
            elif over_v > DROP_V and self._is_real_drop(
                checked, k, over_v, at_end=at_end, resistance_ohm=resistance_ohm
            ):
                suspects = suspects or [0.0] * self._n
                suspects[k] = 1.0
            elif over_v != over_v:  # noqa: PLR0124 - NaN: the first sample, or none
                self._begin(checked, k, drop_v)
            if self._heats_itself(checked, k, hot_degc, dt_s):
                suspects = suspects or [0.0] * self._n
                suspects[k] = 1.0
        return {} if suspects is None else {QUANTITY: suspects}

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
        if not over_v > max(DROP_V, load_v) or (at_end and checked.cell_voltage_min_v[k] > DEAD_V):
            return False
        sum_off_v = checked.cell_voltage_mean_v[k] * self._n_series - checked.string_voltage_v[k]
        return abs(sum_off_v - self._sum_off_v[k]) < max(SUM_SHARE * over_v, SUM_ERROR_V)

    def _heats_itself(self, checked: Checked, k: int, hot_degc: float, dt_s: float) -> bool:
        step_k = hot_degc - self._hot_degc[k]
        self._hot_degc[k] = hot_degc
        if not abs(step_k) < JUMP_K * max(dt_s, 1.0):
            self._slow_degc[k] = hot_degc
            return False
        self._slow_degc[k] += min(dt_s / RISE_S, 1.0) * (hot_degc - self._slow_degc[k])
        rises = hot_degc - self._slow_degc[k] > RISE_K_PER_S * RISE_S
        return rises and hot_degc - checked.cell_temp_mean_degc[k] > HOT_K
