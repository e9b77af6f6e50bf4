"""Ageing whatever the day."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plant_models.ageing import AgeingRates, advance, capacity_band, new_cells, resistance_band
from plant_models.ageing_parameters import load_ageing
from plant_models.rainflow import rainflow

PARAMETERS = {name: load_ageing(name) for name in ("lfp", "nmc")}
RATE = st.floats(0.0, 0.02)


@st.composite
def days(draw: st.DrawFn) -> AgeingRates:
    loss_time, loss_cycle, gain_time, gain_cycle = (np.array([draw(RATE)]) for _ in range(4))
    plated = np.sort(np.array([[draw(st.floats(0.0, 1e-4))] for _ in range(3)]), axis=0)
    efc = np.array([draw(st.floats(0.0, 4.0))])
    return AgeingRates(loss_time, loss_cycle, gain_time, gain_cycle, efc, plated)


@given(
    name=st.sampled_from(["lfp", "nmc"]), day=days(), length=st.floats(0.0, 3000.0), parts=st.integers(1, 5)
)
def test_ageing_only_goes_one_way_and_does_not_care_how_time_is_cut(
    name: str, day: AgeingRates, length: float, parts: int
) -> None:
    state = new_cells((1,))
    for _ in range(parts):
        after = advance(PARAMETERS[name], state, day, length / parts)
        assert after.capacity <= state.capacity + 1e-12
        assert after.resistance >= state.resistance - 1e-12
        state = after
    whole = advance(PARAMETERS[name], new_cells((1,)), day, length)
    assert state.capacity == pytest.approx(whole.capacity, abs=1e-9)
    assert state.resistance == pytest.approx(whole.resistance, rel=1e-9)


@given(
    name=st.sampled_from(["lfp", "nmc"]),
    day=days(),
    length=st.floats(0.0, 3000.0),
    outside=st.floats(0.0, 1.0),
)
def test_the_band_always_holds_the_nominal_course(
    name: str, day: AgeingRates, length: float, outside: float
) -> None:
    state = advance(PARAMETERS[name], new_cells((1,)), day, length)
    for low, nominal, high in (
        capacity_band(PARAMETERS[name], state, outside),
        resistance_band(PARAMETERS[name], state, outside),
    ):
        assert low <= nominal <= high


@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=60))
def test_cycles_go_all_of_the_way_that_the_charge_went(course: list[float]) -> None:
    values = np.array(course)
    ranges, counts = rainflow(values)
    assert (ranges * counts).sum() == pytest.approx(0.5 * np.abs(np.diff(values)).sum())
    assert np.all(ranges <= np.ptp(values) + 1e-12)
