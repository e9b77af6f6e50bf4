"""How losses add up."""

import numpy as np
import pytest

from plant_models.ageing import (
    AgeingRates,
    advance,
    capacity_band,
    new_cells,
    power_step,
    resistance_band,
)
from plant_models.ageing_parameters import load_ageing


def rates(*, plated: float = 0.0, efc: float = 1.0) -> AgeingRates:
    k = np.full((1, 2), 1e-3)
    return AgeingRates(k, 0.1 * k, 0.1 * k, 1e-2 * k, np.full((1, 2), efc), np.full((3, 1, 2), plated))


def test_a_power_law_from_new_is_itself() -> None:
    assert power_step(np.array(0.0), np.array(2e-3), 0.6, 100.0) == pytest.approx(2e-3 * 100.0**0.6)


def test_a_power_law_in_two_steps_is_that_in_one() -> None:
    half = power_step(np.array(0.0), np.array(2e-3), 0.6, 40.0)
    assert power_step(half, np.array(2e-3), 0.6, 60.0) == pytest.approx(2e-3 * 100.0**0.6)


def test_after_hard_days_easy_days_add_less_than_from_new() -> None:
    hard = power_step(np.array(0.0), np.array(4e-3), 0.5, 100.0)
    more = power_step(hard, np.array(1e-3), 0.5, 100.0) - hard
    assert 0.0 < more < 1e-3 * 100.0**0.5


@pytest.mark.parametrize("chemistry", ["lfp", "nmc"])
def test_a_day_at_rest_costs_time_and_no_cycles(chemistry: str) -> None:
    state = advance(load_ageing(chemistry), new_cells((1, 2)), rates(efc=0.0), 100.0)
    assert float(state.loss_calendar[0, 0]) > 0.0
    assert not state.loss_cycle.any()


def test_plating_is_linear_in_days_and_takes_capacity() -> None:
    parameters = load_ageing("lfp")
    day = rates(plated=1e-5)
    ten, twenty = (advance(parameters, new_cells((1, 2)), day, days) for days in (10.0, 20.0))
    assert twenty.loss_plating == pytest.approx(2.0 * ten.loss_plating)
    without = advance(parameters, new_cells((1, 2)), rates(), 10.0)
    assert without.capacity - ten.capacity == pytest.approx(1e-4)


def test_capacity_never_falls_below_nothing() -> None:
    state = advance(load_ageing("lfp"), new_cells((1, 2)), rates(plated=1.0), 100.0)
    assert state.capacity.tolist() == [[0.0, 0.0]]
    assert all(
        0.0 <= band.min() <= band.max() <= 1.0 for band in capacity_band(load_ageing("lfp"), state, 1.0)
    )


def test_bands_stand_around_the_nominal_course_and_widen_outside_the_range() -> None:
    parameters = load_ageing("nmc")
    state = advance(parameters, new_cells((1, 2)), rates(), 1000.0)
    inside, outside = (capacity_band(parameters, state, share) for share in (0.0, 1.0))
    assert outside[0].max() < inside[0].min() < state.capacity.max() < inside[2].max() < outside[2].min()
    low, nominal, high = resistance_band(parameters, state, 0.5)
    assert low.max() < nominal.min() < high.min()
    assert nominal == pytest.approx(state.resistance)
