"""What the model does not know, learned from measurements: two heats and four factors.

Once per plan the model is stepped with what was really done and compared with what is measured. The errors
``ε_T``, ``ε_S`` correct state and heats like a deadbeat observer slowed to a double pole ``p = exp(-Δ/τ)``::

    T += (1 - p²) ε_T,   d_T += (1 - p)² C ε_T / Δ          and so for S with its own time constant

With the heats as integrators the prediction has no steady error, whatever the mismatch (Pannocchia and Rawlings
2003, doi 10.1002/aic.690490213). While the cells carry current, most of their error moves the factor on their heat,
since a resistance of ten seconds knows no slow polarisation; else its part that goes with the difference moves the
factor on the conductance, by normalised least mean squares. While the chiller runs, most of the medium's error moves
the factor on its heat; its measured power gives the factor on that.
"""

from math import exp, isfinite
from typing import NamedTuple, final

import numpy as np

from controllers.mpc.reduced_model import CHILL, ReducedModel, Weather
from controllers.mpc.settings import ObserverSettings
from thermal_bms.units import FloatArray

FACTOR_MIN, FACTOR_MAX = 0.4, 2.5
HEAT_PART = 0.8
"""Of the cells' unexplained heat, that is laid to their resistance while they carry current; assumed."""

WARM_SHARE = 0.1
"""Of the strongest actuator, from which on the heat of the cells tells something of their resistance; assumed."""

CHILLER_MAX = 3.0
"""Most that the chiller is believed to give or draw, over its lines."""

CHILLER_PART = 0.7
"""Of the medium's unexplained heat, that is laid to the chiller while it runs; assumed."""

POWER_PART = 0.2
"""Slows the learning of power against that of heat; assumed."""

SUBSTEP_S = 10.0


class Seen(NamedTuple):
    """Means over the time since the last plan, and what was done in it.

    Attributes
    ----------
    cell_degc, medium_degc : measured mean cell and inlet [degC]
    heat_w : of the cells, as estimated [W]
    ambient_degc, drive_loop_degc : [degC]
    coldest_degc : coldest medium allowed [degC]
    shares : inputs as applied, shape (4,)
    compressor_w : measured power of the compressor [W]
    flowing : the pump ran, so that the inlet sensor tells the medium's temperature
    span_s : length of that time [s]
    """

    cell_degc: float
    medium_degc: float
    heat_w: float
    ambient_degc: float
    drive_loop_degc: float
    coldest_degc: float
    shares: FloatArray
    compressor_w: float
    flowing: bool
    span_s: float


@final
class Observer:
    """Holds the state believed and the three learned numbers."""

    def __init__(self, settings: ObserverSettings, model: ReducedModel) -> None:
        self._settings = settings
        self._model = model
        numbers = model.numbers
        rated_w = max(model.heater_w, model.chiller.heat_w, 500.0)
        self._limit_w = rated_w
        self._capacities = (numbers.cell_heat_capacity_j_per_k, numbers.medium_heat_capacity_j_per_k)
        self.reset()

    def reset(self) -> None:
        """Forget everything learned."""
        self.cell_degc = self.medium_degc = float("nan")
        self.cell_extra_w = self.medium_extra_w = 0.0
        self.conductance_factor = self.heat_factor = self.chiller_factor = self.power_factor = 1.0
        self._cabin_w = 0.0

    def step(self, seen: Seen) -> None:
        """Advance over ``seen.span_s`` and correct by what was seen; the first step takes it as it is."""
        if not isfinite(self.cell_degc):
            self.cell_degc, self.medium_degc = seen.cell_degc, seen.medium_degc
            return
        cell_degc, medium_degc = self._predicted(seen)
        error_k = seen.cell_degc - cell_degc
        gain, push = _gains(self._settings.cell_s, seen.span_s)
        self.cell_degc = cell_degc + gain * error_k
        missing_w = push * self._capacities[0] * error_k
        warm = seen.heat_w > WARM_SHARE * self._limit_w
        if warm:
            factor = self.heat_factor + HEAT_PART * missing_w / seen.heat_w
            self.heat_factor = min(max(factor, FACTOR_MIN), FACTOR_MAX)
            missing_w *= 1.0 - HEAT_PART
        self.cell_extra_w = self._limited(self.cell_extra_w + missing_w)
        if not seen.flowing:
            self.medium_degc = seen.medium_degc
            return
        if not warm:
            self._learn_conductance(seen, error_k)
        error_k = seen.medium_degc - medium_degc
        gain, push = _gains(self._settings.medium_s, seen.span_s)
        self.medium_degc = medium_degc + gain * error_k
        missing_w = push * self._capacities[1] * error_k
        chilled_w = float(seen.shares[CHILL]) * self._model.chiller.heat_w
        if seen.shares[CHILL] >= 0.5 * self._model.chill_least:
            factor = self.chiller_factor - CHILLER_PART * missing_w / chilled_w
            self.chiller_factor = min(max(factor, FACTOR_MIN), CHILLER_MAX)
            missing_w *= 1.0 - CHILLER_PART
        self.medium_extra_w = self._limited(self.medium_extra_w + missing_w)

    def see_power(self, seen: Seen) -> None:
        """Learn what the compressor draws for the battery; what it draws for the cabin alone is taken off."""
        share = min(seen.span_s / self._settings.medium_s, 1.0) * POWER_PART
        chill = float(seen.shares[CHILL])
        if not isfinite(seen.compressor_w):
            return
        if chill < 1e-3:
            self._cabin_w += share * (max(seen.compressor_w, 0.0) - self._cabin_w)
        elif chill >= 0.8 * self._model.chill_least:
            expected_w = float(
                self._model.chiller_power_w(np.array(seen.medium_degc), np.array(seen.ambient_degc))
            )
            expected_w *= chill * (1.0 - self._model.chiller.power_curvature * (1.0 - chill))
            found = (seen.compressor_w - self._cabin_w) / expected_w
            self.power_factor += share * (min(max(found, FACTOR_MIN), CHILLER_MAX) - self.power_factor)

    def extra_w(self, middle_s: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the learned heats of cells and medium at times ahead: they decay [W]."""
        decay = np.exp(-middle_s / self._settings.decay_s)
        return self.cell_extra_w * decay, self.medium_extra_w * decay

    def _predicted(self, seen: Seen) -> tuple[float, float]:
        """Return both states after the time seen, in implicit substeps."""
        cell, medium = np.array([self.cell_degc]), np.array([self.medium_degc])
        shares = seen.shares[None, :]
        by = Weather(
            np.array([self.heat_factor * seen.heat_w]),
            np.array([seen.ambient_degc]),
            np.array([self.cell_extra_w]),
            np.array([self.medium_extra_w]),
            seen.drive_loop_degc,
            seen.coldest_degc,
            self.conductance_factor if seen.flowing else 1e-3,
            self.chiller_factor,
            seen.cell_degc,
        )
        steps = max(round(seen.span_s / SUBSTEP_S), 1)
        dt_s = seen.span_s / steps
        for _ in range(steps):
            s = self._model.slopes(cell, medium, shares, by)
            a, b = 1.0 - dt_s * s.cell_by_cell, -dt_s * s.cell_by_medium
            c, d = -dt_s * s.medium_by_cell, 1.0 - dt_s * s.medium_by_medium
            determinant = a * d - b * c
            cell = cell + dt_s * (d * s.cell - b * s.medium) / determinant
            medium = medium + dt_s * (a * s.medium - c * s.cell) / determinant
        return float(cell[0]), float(medium[0])

    def _learn_conductance(self, seen: Seen, error_k: float) -> None:
        carried_w = self._model.numbers.cell_to_medium_w_per_k * (seen.cell_degc - seen.medium_degc)
        missing_w = -self._capacities[0] * error_k / seen.span_s
        size = carried_w * carried_w + self._limit_w * self._limit_w
        share = min(seen.span_s / self._settings.conductance_s, 1.0)
        factor = self.conductance_factor + share * missing_w * carried_w / size
        self.conductance_factor = min(max(factor, FACTOR_MIN), FACTOR_MAX)

    def _limited(self, heat_w: float) -> float:
        return min(max(heat_w, -self._limit_w), self._limit_w)


def _gains(time_s: float, span_s: float) -> tuple[float, float]:
    """Return the gain on the state and that on the heat per capacity [1/s]."""
    p = exp(-span_s / time_s)
    return 1.0 - p * p, (1.0 - p) ** 2 / span_s
