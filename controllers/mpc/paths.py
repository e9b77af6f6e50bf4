"""The layer above the plan: which way the heat takes now, with a minimum stay and a price on every change.

The plan may use every path at once; the valve cannot, and a compressor does not run below its lowest speed. So
for the first ``dwell_s`` one path is prescribed: nothing, chiller (at or above its lowest duty), outside air,
heater, or waste heat with the heater. Now and then the free plan is asked which path it prefers; that one, or
rest, is planned beside the present one. What staying has cost is added up, and when it exceeds the price of a
change, the path changes (the rule of the ski rental: at most twice the cost of the best decision).
"""

from enum import IntEnum
from typing import final

import numpy as np

from controllers.mpc.grid import Grid
from controllers.mpc.reduced_model import CHILL, HEATER, OUTSIDE, WASTE, Slopes
from controllers.mpc.settings import ValveSettings
from thermal_bms.units import FloatArray


class Path(IntEnum):
    """Where heat goes to or comes from in the coming minutes."""

    REST = 0
    CHILLER = 1
    OUTSIDE = 2
    HEATER = 3
    WASTE_HEAT = 4


OPEN: dict[Path, tuple[int, ...]] = {
    Path.REST: (),
    Path.CHILLER: (CHILL,),
    Path.OUTSIDE: (OUTSIDE,),
    Path.HEATER: (HEATER,),
    Path.WASTE_HEAT: (HEATER, WASTE),
}
"""The inputs that a path leaves free; outside air that warms goes with the heater as well."""


@final
class PathLayer:
    """Holds the path now taken and for how long."""

    def __init__(self, settings: ValveSettings, grid: Grid, chill_least: float, *, start_eur: float) -> None:
        self._settings = settings
        self._window = grid.start_s < max(settings.dwell_s, float(grid.end_s[0]))
        self._length_s = grid.length_s[self._window]
        self.chill_least = chill_least
        self._start_eur = start_eur
        self._repeats = max(settings.decide_s / float(self._length_s.sum()), 1e-3)
        self.reset()

    def reset(self) -> None:
        """Return to rest, free to move."""
        self.path = Path.REST
        self._in_path_s = float("inf")
        self._since_decision_s = float("inf")
        self._regret_eur = 0.0

    def wait(self, dt_s: float) -> None:
        """Let time pass."""
        self._in_path_s += dt_s
        self._since_decision_s += dt_s

    def may_decide(self, over_k: float) -> bool:
        """Return whether a change of path may be considered now.

        Parameters
        ----------
        over_k : how far the cells are above their bound, or below it (negative) [K]; far off, a path that does not
            help may be left at once
        """
        settings = self._settings
        if abs(over_k) > settings.urgent_k:
            helping = (
                (Path.CHILLER, Path.OUTSIDE) if over_k > 0.0 else (Path.HEATER, Path.WASTE_HEAT, Path.OUTSIDE)
            )
            if self.path not in helping:
                return True
        return self._in_path_s >= settings.dwell_s and self._since_decision_s >= settings.decide_s

    def others(self, shares: FloatArray, slopes: Slopes, *, cool_outside: bool, over_k: float) -> list[Path]:
        """Return the paths to be weighed against the present one: the preferred one, or rest.

        Arguments as in :meth:`preferred` and :meth:`may_decide`; where outside air is cold, it stands beside the
        chiller. After a start the chiller waits for one stay, unless the cells are far too hot: nothing is known
        of the medium yet.
        """
        first = self.preferred(shares, slopes)
        found = [first if first is not self.path else Path.REST]
        if cool_outside and Path.CHILLER in (first, self.path):
            found.append(Path.OUTSIDE)
        started = self._in_path_s == float("inf")
        if started and over_k <= self._settings.urgent_k and Path.CHILLER in found:
            found.remove(Path.CHILLER)
        return [path for path in dict.fromkeys(found) if path is not self.path]

    def decided(self, path: Path) -> None:
        """Take a path, after considering."""
        self._since_decision_s = 0.0
        if path is not self.path or self._in_path_s == float("inf"):
            self.path, self._in_path_s, self._regret_eur = path, 0.0, 0.0

    def is_worth_it(self, saved_eur: float) -> bool:
        """Return whether to change over, when the other path would save so much over the window.

        Only the part of the window that passes until the next decision is added up.
        """
        self._regret_eur = max(self._regret_eur + saved_eur * min(self._repeats, 1.0), 0.0)
        return saved_eur > 0.0 and self._regret_eur > self._start_eur

    def preferred(self, shares: FloatArray, slopes: Slopes) -> Path:
        """Return the path that a free plan moves most heat on in the window; rest when none is worth it.

        Parameters
        ----------
        shares : of the free plan, shape (n, 4)
        slopes : the model about it; its derivatives by the inputs say how much heat a share moves
        """
        weight = self._length_s[:, None] / self._length_s.sum()
        mean = (weight * shares[self._window]).sum(axis=0)
        moved = (weight * shares[self._window] * slopes.by_input[self._window]).sum(axis=0)
        moved = np.where(mean >= self._settings.least_share, moved, 0.0)
        leading = int(np.argmax(np.abs(moved)))
        if moved[leading] == 0.0:
            return Path.REST
        if leading in (HEATER, WASTE):
            return Path.WASTE_HEAT if moved[WASTE] > 0.0 else Path.HEATER
        return Path.CHILLER if leading == CHILL else Path.OUTSIDE

    def bounded(
        self, path: Path, least: FloatArray, most: FloatArray, *, warm_outside: bool, over_k: float
    ) -> tuple[FloatArray, FloatArray]:
        """Return the shares' bounds with a path prescribed in the window; far too hot, the chiller works hard."""
        least, most = least.copy(), most.copy()
        keep = set(OPEN[path]) | ({HEATER} if path is Path.OUTSIDE and warm_outside else set())
        for index in range(most.shape[1]):
            if index not in keep:
                most[self._window, index] = 0.0
        if path is Path.CHILLER:
            urgent_k = self._settings.urgent_k
            lowest = max(self.chill_least, min(0.5 * over_k / urgent_k, 1.0) if over_k > urgent_k else 0.0)
            least[self._window, CHILL] = np.minimum(lowest, most[self._window, CHILL])
        return least, most
