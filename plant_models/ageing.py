"""Ageing of the groups of a pack: what a kind of day does to capacity and resistance, and how that adds up.

Every loss follows a power law of time or cycles with a rate that changes from day to day. Its state is the loss
itself, so that the order of good and bad days matters as little as the laws allow::

    y <- (y^(1/p) + k^(1/p) x)^p        over x days or cycles at the rate k, exact for a constant rate

capacity = 1 - calendar loss - cycle loss - plating loss, resistance = 1 + calendar gain + cycle gain, both relative
to the new cell. Arrays have the shape of the pack, (n_strings, n_series).
"""

from typing import NamedTuple

import numpy as np

from plant_models.ageing_parameters import AgeingParameters
from plant_models.ageing_rates import exponents
from thermal_bms.units import FloatArray


class AgeingRates(NamedTuple):
    """What one kind of day does to every group.

    Attributes
    ----------
    loss_calendar, gain_calendar : k of the power laws over days [1/day^p]
    loss_cycle, gain_cycle : k of the power laws over equivalent full cycles [1/efc^p]
    efc_per_day : charge moved in units of twice the nameplate capacity
    plated_per_day : capacity lost to plating, low, nominal and high, shape (3, n_strings, n_series)
    """

    loss_calendar: FloatArray
    loss_cycle: FloatArray
    gain_calendar: FloatArray
    gain_cycle: FloatArray
    efc_per_day: FloatArray
    plated_per_day: FloatArray


class AgeingState(NamedTuple):
    """What was lost and gained since the cells were new; ``loss_plating`` is low, nominal and high."""

    loss_calendar: FloatArray
    loss_cycle: FloatArray
    loss_plating: FloatArray
    gain_calendar: FloatArray
    gain_cycle: FloatArray

    @property
    def capacity(self) -> FloatArray:
        """Capacity over that of the new cell, not below 0."""
        loss = self.loss_calendar + self.loss_cycle + self.loss_plating[1]
        return np.asarray(np.maximum(1.0 - loss, 0.0))

    @property
    def resistance(self) -> FloatArray:
        """Resistance over that of the new cell."""
        return np.asarray(1.0 + self.gain_calendar + self.gain_cycle)


def new_cells(shape: tuple[int, ...]) -> AgeingState:
    """Return the state of cells that have just been made.

    >>> float(new_cells((1, 2)).capacity.min())
    1.0
    """
    zeros = np.zeros(shape)
    return AgeingState(zeros, zeros, np.zeros((3, *shape)), zeros, zeros)


def power_step(value: FloatArray, rate: FloatArray, exponent: float, span: FloatArray | float) -> FloatArray:
    """Return a loss after ``span`` more days or cycles at ``rate``: (y^(1/p) + k^(1/p) x)^p.

    >>> float(power_step(np.array(0.02), np.array(0.01), 0.5, 12.0))
    0.04
    """
    inverse = 1.0 / exponent
    return np.asarray((value**inverse + rate**inverse * span) ** exponent)


def advance(parameters: AgeingParameters, state: AgeingState, rates: AgeingRates, days: float) -> AgeingState:
    """Return the state after so many days of this kind.

    >>> from plant_models.ageing_parameters import load_ageing
    >>> k = np.array([1e-3])
    >>> day = AgeingRates(k, k, k, k, np.array([1.0]), np.full((3, 1), 1e-6))
    >>> advance(load_ageing("lfp"), new_cells((1,)), day, 365.0).capacity
    array([0.845])
    """
    loss_time, loss_cycle, gain_time, gain_cycle = exponents(parameters)
    cycles = rates.efc_per_day * days
    return AgeingState(
        power_step(state.loss_calendar, rates.loss_calendar, loss_time, days),
        power_step(state.loss_cycle, rates.loss_cycle, loss_cycle, cycles),
        state.loss_plating + rates.plated_per_day * days,
        power_step(state.gain_calendar, rates.gain_calendar, gain_time, days),
        power_step(state.gain_cycle, rates.gain_cycle, gain_cycle, cycles),
    )


def capacity_band(
    parameters: AgeingParameters, state: AgeingState, outside: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return low, nominal and high capacity of every group, relative to new, each in 0..1.

    ``outside`` is the share of the stress outside the law's valid range; the band of the laws widens with it, and
    that of plating stands beside it.

    >>> from plant_models.ageing_parameters import load_ageing
    >>> state = new_cells((1,))._replace(loss_calendar=np.array([0.1]))
    >>> [float(c[0]) for c in capacity_band(load_ageing("lfp"), state, 0.0)]
    [0.859, 0.9, 0.921]
    """
    low_factor, high_factor = parameters.band.factors("capacity", outside)
    law = state.loss_calendar + state.loss_cycle
    factors = (high_factor, 1.0, low_factor)
    bands = [
        np.clip(1.0 - factor * law - plated, 0.0, 1.0)
        for factor, plated in zip(factors, state.loss_plating[::-1], strict=True)
    ]
    return bands[0], bands[1], bands[2]


def resistance_band(
    parameters: AgeingParameters, state: AgeingState, outside: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return low, nominal and high resistance of every group, relative to new.

    >>> from plant_models.ageing_parameters import load_ageing
    >>> state = new_cells((1,))._replace(gain_cycle=np.array([0.1]))
    >>> [float(r[0]) for r in resistance_band(load_ageing("nmc"), state, 0.0)]
    [1.05, 1.1, 1.2]
    """
    low_factor, high_factor = parameters.band.factors("resistance", outside)
    gain = state.gain_calendar + state.gain_cycle
    return 1.0 + low_factor * gain, 1.0 + gain, 1.0 + high_factor * gain
