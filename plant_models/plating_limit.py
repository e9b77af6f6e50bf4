"""How fast a cell may be charged before lithium plates: the charge that rides on the margin.

At every moment of a charge from empty the current is the one at which the anode potential at the separator stands at a
margin over lithium, up to the highest rate wanted. What that charge takes at a temperature and charge is the limit: a
charge that never took more has strained particles and salt less. Cells of several temperatures are charged side by
side, each at its own temperature from first to last.
"""

from collections.abc import Callable
from typing import final

import numpy as np

from plant_models.spme import observe
from plant_models.spme_parameters import SpmeParameters, stoichiometry_window
from plant_models.spme_reduced import reduced_advance, reduced_cells, reduced_source
from plant_models.spme_tables import spme_constants, spme_tables
from thermal_bms.units import FloatArray, degc_to_k

STEP_S = 2.0
NEWTON_STEPS = 3
SMALL_RATE = 1e-3
RATE_MIN = 0.01  # no charge takes less, so that each one ends


@final
class Charge:
    """Cells of several temperatures under charge, from empty and at rest on.

    Attributes
    ----------
    soc : shape (n_cells,)
    """

    def __init__(self, cell: SpmeParameters, temp_degc: FloatArray) -> None:
        window = stoichiometry_window(cell)
        self._tables, self._constants = spme_tables(cell), spme_constants(cell)
        self._temp_k = np.asarray(degc_to_k(temp_degc))
        self._capacity_ah, self._empty = window.capacity_ah, window.negative_empty
        self._width = window.negative_full - window.negative_empty
        n = self._temp_k.size
        self._cells = reduced_cells(
            cell,
            self._tables,
            self._constants,
            negative=np.full(n, window.negative_empty),
            positive=np.full(n, window.positive_empty),
            temp_k=self._temp_k,
        )
        self.soc = np.zeros(n)

    def advance(self, rate: FloatArray) -> FloatArray:
        """Charge every cell for one step at its C-rate; return the anode potentials at its end [V]."""
        current_a = -rate * self._capacity_ah
        common = (self._tables, self._constants[0], self._cells, self._temp_k, current_a, STEP_S)
        reduced_source(*common)
        reduced_advance(*common)
        self.soc = (self._cells.state[0] - self._empty) / self._width
        return self._cells.shown.anode_potential_v.copy()

    def anode_v(self, rate: FloatArray) -> FloatArray:
        """Return the anode potentials that these C-rates would show at once [V]."""
        work, shown = self._cells.work, self._cells.shown
        current_a = -rate * self._capacity_ah
        observe(self._tables, self._constants[0], work, shown, self._temp_k, current_a)
        return shown.anode_potential_v.copy()


def limited_rates(
    cell: SpmeParameters, temp_degc: FloatArray, soc: FloatArray, *, rate_max: float, margin_v: float
) -> FloatArray:
    """Return the C-rates of the charge that rides on the margin, shape (n_temp, n_soc).

    Parameters
    ----------
    cell : parameter set with its window
    temp_degc : of the cells, each constant [degC]
    soc : where the rates are wanted, rising
    rate_max : highest C-rate
    margin_v : of the anode potential over lithium [V]
    """
    charge = Charge(cell, temp_degc)
    rate = np.full(temp_degc.size, rate_max)
    path = [(charge.soc, rate)]
    while charge.soc.min() < 1.0:
        for _ in range(NEWTON_STEPS):
            over_v = charge.anode_v(rate) - margin_v
            slope_v = (charge.anode_v(rate + SMALL_RATE) - margin_v - over_v) / SMALL_RATE
            rate = np.clip(rate - over_v / slope_v, RATE_MIN, rate_max)
        charge.advance(np.where(charge.soc < 1.0, rate, 0.0))
        path.append((charge.soc, rate))
    at, taken = (np.array(values) for values in zip(*path, strict=True))
    return np.array([np.interp(soc, at[:, i], taken[:, i]) for i in range(temp_degc.size)])


def least_anode_potential_v(
    cell: SpmeParameters, temp_degc: FloatArray, rate_at: Callable[[float, float], float]
) -> FloatArray:
    """Return the least anode potential of charges that follow a rate over temperature and charge, shape (n_temp,)."""
    charge = Charge(cell, temp_degc)
    least_v = np.full(temp_degc.size, np.inf)
    while charge.soc.min() < 1.0:
        wanted = [rate_at(t, s) for t, s in zip(temp_degc.tolist(), charge.soc.tolist(), strict=True)]
        under_way = charge.soc < 1.0
        anode_v = charge.advance(np.where(under_way, np.maximum(wanted, RATE_MIN), 0.0))
        least_v = np.where(under_way, np.minimum(least_v, anode_v), least_v)
    return least_v
