"""What is expected along the stages: heat of the cells and outside temperature, believed as far as it is known.

Inside the preview: ``confidence`` times the preview and the rest from what is known without it. Beyond its
end, and without one: the heat of now decays to the long-run mean, ``mean + (now - mean) exp(-t / persistence)``.
The last value is never held: an hour of hill-climbing does not follow from a minute of it.
"""

from math import isfinite
from typing import final

import numpy as np

from controllers.mpc.grid import Grid
from controllers.mpc.settings import ForecastSettings
from thermal_bms.signals import Preview
from thermal_bms.units import FloatArray


@final
class Forecast:
    """Keeps the long-run mean of the cells' heat, one for driving and one for charging."""

    def __init__(self, settings: ForecastSettings) -> None:
        self._settings = settings
        self.reset()

    def reset(self) -> None:
        """Forget the long-run means."""
        self._mean_w: dict[bool, float] = {}
        self._now_w = 0.0

    def learn(self, heat_w: float, *, plugged: bool, dt_s: float) -> None:
        """Take in the cells' heat of the last ``dt_s``; a value that is not finite is left out."""
        if not isfinite(heat_w):
            return
        self._now_w = heat_w
        mean_w = self._mean_w.get(plugged, heat_w)
        self._mean_w[plugged] = mean_w + (heat_w - mean_w) * dt_s / (dt_s + self._settings.long_run_s)

    def long_run_w(self, *, plugged: bool) -> float:
        """Return the mean heat of such times, as far as they were seen [W]."""
        return self._mean_w.get(plugged, self._now_w)

    def heat_w(self, grid: Grid, preview: Preview, *, plugged: bool) -> FloatArray:
        """Return the heat expected in every stage, shape (n,) [W]."""
        mean_w = self.long_run_w(plugged=plugged)
        alone_w = mean_w + (self._now_w - mean_w) * np.exp(-grid.middle_s / self._settings.persistence_s)
        told = told_means(grid, preview.horizon_s, preview.heat_w)
        if told is None or not 0.0 < preview.confidence <= 1.0:
            return np.asarray(alone_w)
        ahead_w, known = told
        share = preview.confidence * known
        after_w = alone_w if known[0] <= 0.0 else mean_w
        return np.asarray(share * ahead_w + (1.0 - share) * np.where(known > 0.0, alone_w, after_w))

    @staticmethod
    def ambient_degc(grid: Grid, preview: Preview, now_degc: float) -> FloatArray:
        """Return the outside temperature in every stage, shape (n,) [degC]: that of now, changed as foretold."""
        held = np.full(grid.size, now_degc)
        told = told_means(grid, preview.horizon_s, preview.ambient_temp_degc)
        if told is None or not 0.0 < preview.confidence <= 1.0:
            return held
        ahead, known = told
        change = ahead - preview.ambient_temp_degc[0]
        return np.asarray(held + preview.confidence * known * change)


def told_means(grid: Grid, time_s: FloatArray, values: FloatArray) -> tuple[FloatArray, FloatArray] | None:
    """Return the mean of a foretold curve in every stage and the share of the stage it covers; None if unusable.

    >>> grid = Grid(np.full(2, 10.0), np.array([0.0, 10.0]), np.array([5.0, 15.0]), np.array([10.0, 20.0]))
    >>> told_means(grid, np.array([0.0, 10.0]), np.array([0.0, 4.0]))[0].tolist()
    [2.0, 4.0]
    """
    n = time_s.size
    if n < 2 or values.size != n or not (np.isfinite(values).all() and np.isfinite(time_s).all()):
        return None
    steps_s = np.diff(time_s)
    if (steps_s <= 0.0).any() or time_s[0] > grid.end_s[0]:
        return None
    total = np.concatenate([[0.0], np.cumsum(0.5 * (values[1:] + values[:-1]) * steps_s)])
    edges_s = np.clip(np.append(grid.start_s, grid.end_s[-1]), time_s[0], time_s[-1])
    covered_s = np.diff(edges_s)
    slope = np.searchsorted(time_s, edges_s, side="right") - 1
    slope = np.minimum(slope, n - 2)
    since_s = edges_s - time_s[slope]
    rise = (values[slope + 1] - values[slope]) / steps_s[slope]
    at = total[slope] + values[slope] * since_s + 0.5 * rise * since_s**2
    mean = np.divide(np.diff(at), covered_s, out=np.full(grid.size, values[-1]), where=covered_s > 0.0)
    return mean, covered_s / grid.length_s
