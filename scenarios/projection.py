"""Years of one kind of day: capacity, resistance and EUR of a pack, with bands."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from plant_models.ageing import (
    AgeingRates,
    AgeingState,
    advance,
    capacity_band,
    new_cells,
    resistance_band,
)
from plant_models.ageing_day import AgeingDay, ageing_rates, rest_rates
from plant_models.health import PackHealth
from scenarios.ageing import DAYS_PER_YEAR, KPI_YEARS, AgedRun
from scenarios.prices import PriceTable
from thermal_bms.errors import ConfigError
from thermal_bms.units import FloatArray

MONTHS_PER_YEAR = 12
DAYS_PER_WEEK = 7
YEARS_MAX = 40
LEAST_CAPACITY = 0.05  # a group below this is counted as this, so that its day stays finite


@dataclass(frozen=True)
class Projection:
    """Courses over years, one value a month from the start on.

    Attributes
    ----------
    year : shape (n,)
    capacity, resistance : mean of all groups relative to new, rows low, nominal and high number, shape (3, n)
    pack_capacity : of the pack, each string as good as its weakest group, shape (n,)
    loss_percent : mean loss by cause, rows time, cycles, plating, shape (3, n)
    eur : price of what was lost since the start, rows low, nominal, high, shape (3, n)
    soc_min : lowest charge that the day reaches in any group, shape (n,)
    health : of every group at the end
    end_of_life_year : when the mean capacity falls to the price table's end of life, soonest, nominal, latest;
        infinite when that lies beyond the last year
    short_year : when the day no longer fits into the usable charge; infinite when it always does
    """

    year: FloatArray
    capacity: FloatArray
    resistance: FloatArray
    pack_capacity: FloatArray
    loss_percent: FloatArray
    eur: FloatArray
    soc_min: FloatArray
    health: PackHealth
    end_of_life_year: tuple[float, float, float]
    short_year: float


def project(run: AgedRun, prices: PriceTable, *, years: int = 10, rest_days_per_week: int = 0) -> Projection:
    """Return what years of the recorded day make of its pack.

    Every year the day is looked at again with the capacity that is left: the same charge moved takes deeper cycles,
    which end at a lower charge. Temperatures stay as recorded. On rest days the truck stands at the charge that the
    day ended with, at the mean ambient temperature.

    Parameters
    ----------
    run : from ``aged_run``
    years : 1 to 40
    rest_days_per_week : 0 to 6

    Raises
    ------
    ConfigError
        when years or rest days are out of range.
    """
    if not 1 <= years <= YEARS_MAX:
        raise ConfigError(f"years = {years}: must be 1 to {YEARS_MAX}")
    if not 0 <= rest_days_per_week < DAYS_PER_WEEK:
        raise ConfigError(f"rest days = {rest_days_per_week}: must be 0 to {DAYS_PER_WEEK - 1} a week")
    day = run.day
    rates = _mean_rates(run, rest_days_per_week, day.health.capacity)
    state = _start(day, rates)
    states = [state]
    for month in range(years * MONTHS_PER_YEAR):
        if month and month % MONTHS_PER_YEAR == 0:
            rates = _mean_rates(run, rest_days_per_week, np.maximum(state.capacity, LEAST_CAPACITY))
        state = advance(day.parameters, state, rates, DAYS_PER_YEAR / MONTHS_PER_YEAR)
        states.append(state)
    return _projection(run, prices, states)


def _mean_rates(run: AgedRun, rest_days_per_week: int, capacity: FloatArray) -> AgeingRates:
    """Return the rates of a mean day of the week."""
    worked = ageing_rates(run.day, capacity)
    if rest_days_per_week == 0:
        return worked
    rested = rest_rates(run.day, run.rest_temp_k, capacity)
    share = rest_days_per_week / DAYS_PER_WEEK
    return worked._replace(
        loss_calendar=(1.0 - share) * worked.loss_calendar + share * rested.loss_calendar,
        gain_calendar=(1.0 - share) * worked.gain_calendar + share * rested.gain_calendar,
        efc_per_day=(1.0 - share) * worked.efc_per_day,
        plated_per_day=(1.0 - share) * worked.plated_per_day,
    )


def _start(day: AgeingDay, rates: AgeingRates) -> AgeingState:
    """Return the state of the recorded pack; what it lost before is shared out as ten years of the day would."""
    new = new_cells(day.health.capacity.shape)
    if not day.health.is_used:
        return new
    aged = advance(day.parameters, new, rates, KPI_YEARS * DAYS_PER_YEAR)
    lost, gained = np.maximum(1.0 - day.health.capacity, 0.0), np.maximum(day.health.resistance - 1.0, 0.0)
    of_time = aged.loss_calendar / (aged.loss_calendar + aged.loss_cycle)
    gain = aged.gain_calendar + aged.gain_cycle
    gain_of_time = np.divide(aged.gain_calendar, gain, out=np.ones_like(gain), where=gain > 0.0)
    return new._replace(
        loss_calendar=lost * of_time,
        loss_cycle=lost * (1.0 - of_time),
        gain_calendar=gained * gain_of_time,
        gain_cycle=gained * (1.0 - gain_of_time),
    )


def _projection(run: AgedRun, prices: PriceTable, states: list[AgeingState]) -> Projection:
    day, outside = run.day, run.day.outside.worst
    year = np.arange(len(states)) / MONTHS_PER_YEAR
    capacity = np.array([[c.mean() for c in capacity_band(day.parameters, s, outside)] for s in states]).T
    resistance = np.array([[r.mean() for r in resistance_band(day.parameters, s, outside)] for s in states]).T
    low_soc, high_soc = day.soc_span
    left = [np.maximum(s.capacity, LEAST_CAPACITY) for s in states]
    soc_min = np.array(
        [float((high_soc - (high_soc - low_soc) * day.health.capacity / c).min()) for c in left]
    )
    per_percent = prices.capacity_eur_per_percent(run.pack_energy_kwh)
    losses = [(s.loss_calendar, s.loss_cycle, s.loss_plating[1]) for s in states]
    return Projection(
        year=year,
        capacity=capacity,
        resistance=resistance,
        pack_capacity=np.array([float(s.capacity.min(axis=1).mean()) for s in states]),
        loss_percent=100.0 * np.array([[float(part.mean()) for part in parts] for parts in losses]).T,
        eur=100.0 * per_percent * (capacity[:, :1] - capacity)[::-1],
        soc_min=soc_min,
        health=PackHealth(left[-1], states[-1].resistance),
        end_of_life_year=_crossings(year, capacity, prices.end_of_life_capacity),
        short_year=crossing(year, soc_min, min(run.usable_soc[0], float(soc_min[0]))),
    )


def _crossings(year: FloatArray, courses: FloatArray, level: float) -> tuple[float, float, float]:
    low, nominal, high = (crossing(year, course, level) for course in courses)
    return low, nominal, high


def crossing(year: FloatArray, values: FloatArray, level: float) -> float:
    """Return when a falling course first falls below a level; infinite when it does not.

    >>> crossing(np.array([0.0, 1.0, 2.0]), np.array([1.0, 0.9, 0.7]), 0.8)
    1.5
    """
    for (start, before), (end, after) in pairwise(zip(year.tolist(), values.tolist(), strict=True)):
        if after < level <= before:
            return float(start + (end - start) * (before - level) / (before - after))
    return float("inf")
