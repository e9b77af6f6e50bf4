"""The stress of one day."""

from dataclasses import replace

import numpy as np
import pytest

from plant_models.ageing_day import AgeingDay, CellCourse, StringCourse, ageing_day, ageing_rates, rest_rates
from plant_models.ageing_parameters import load_ageing
from plant_models.cell import load_cell
from plant_models.health import PackHealth

HOURS = 8.0
SHAPE = (2, 3)


def course(
    *,
    temp_degc: float = 25.0,
    c_rate: float = 0.15,
    hours: float = HOURS,
    hot_string_k: float = 0.0,
    capacity: float = 1.0,
    name: str = "lfp_302ah",
) -> AgeingDay:
    """Return a day of discharge and charge between 0.9 and a lower charge, in halves of the hours."""
    cell = load_cell(name)
    rows = np.arange(0.0, hours * 3600.0 + 1.0, 10.0)
    rate = np.where(rows <= hours * 1800.0, c_rate, -c_rate)
    rate[0] = 0.0
    soc = 0.9 - np.cumsum(rate * 10.0) / 3600.0 / capacity
    strings = StringCourse(
        rows, np.tile(rate[:, None] * cell.capacity_ah, (1, SHAPE[0])), np.tile(soc[:, None], (1, SHAPE[0]))
    )
    every = slice(None, None, 6)
    temp_k = np.full((rows[every].size, *SHAPE), 273.15 + temp_degc)
    temp_k[:, 1] += hot_string_k
    cells = CellCourse(rows[every], temp_k, np.tile(soc[every, None, None], (1, *SHAPE)))
    health = PackHealth.even(SHAPE, capacity=capacity)
    return ageing_day(load_ageing(cell.chemistry), cell, cells, strings, rest_temp_k=283.15, health=health)


def test_a_short_day_is_filled_up_to_one_and_a_long_one_to_whole_days() -> None:
    short, long = course(), course(hours=30.0, c_rate=0.04)
    assert short.days == 1
    assert long.days == 2
    assert short.time_share.sum() == pytest.approx(1.0)
    assert short.time_share[-1] == pytest.approx(16.0 / 24.0, rel=1e-3)
    assert long.time_share[-1] == pytest.approx(18.0 / 48.0, rel=1e-3)
    assert np.all(short.temp_k[-1] == 283.15)


def test_charge_depth_and_rate_are_those_of_the_course() -> None:
    day = course()
    assert day.efc_per_day[0, 0] == pytest.approx(0.5 * 0.15 * HOURS, rel=1e-3)
    assert day.c_rate == pytest.approx(0.15, rel=1e-3)
    mean_depth = float((day.depth * day.depth_share[0]).sum())
    assert mean_depth == pytest.approx(0.15 * HOURS / 2.0, rel=1e-2)
    assert day.depth_share.sum(axis=1) == pytest.approx(1.0)


def test_a_fast_charge_after_a_slow_discharge_counts_as_the_mean_of_both_rates() -> None:
    cell = load_cell("lfp_302ah")
    rows = np.arange(0.0, 9000.0 + 1.0, 10.0)
    rate = np.where(rows <= 7200.0, 0.25, -1.0)
    rate[0] = 0.0
    soc = 0.9 - np.cumsum(rate * 10.0) / 3600.0
    strings = StringCourse(rows, rate[:, None] * cell.capacity_ah, soc[:, None])
    cells = CellCourse(rows[::6], np.full((rows[::6].size, 1, 1), 298.15), soc[::6, None, None])
    day = ageing_day(
        load_ageing("lfp"), cell, cells, strings, rest_temp_k=298.15, health=PackHealth.even((1, 1))
    )
    assert day.c_rate == pytest.approx(0.5 * (0.25 + 1.0), rel=1e-3)


def test_cycles_count_at_the_temperature_at_which_charge_moves_and_not_at_that_of_the_night() -> None:
    day = course(name="nmc_94ah")
    colder = replace(day, temp_k=np.where(day.time_share[:, None, None] > 0.5, 243.15, day.temp_k))
    warm, cold = ageing_rates(day), ageing_rates(colder)
    assert cold.loss_cycle == pytest.approx(warm.loss_cycle)
    assert np.all(cold.loss_calendar < warm.loss_calendar)


def test_a_hotter_string_ages_faster_in_time() -> None:
    rates = ageing_rates(course(hot_string_k=10.0))
    assert np.all(rates.loss_calendar[1] > 1.02 * rates.loss_calendar[0])
    assert np.all(rates.gain_calendar[1] > 1.02 * rates.gain_calendar[0])


@pytest.mark.parametrize("name", ["lfp_302ah", "nmc_94ah"])
def test_a_faded_pack_cycles_deeper_and_moves_the_same_charge(name: str) -> None:
    day = course(name=name)
    new, faded = ageing_rates(day), ageing_rates(day, np.full(SHAPE, 0.8))
    assert np.all(faded.loss_cycle > new.loss_cycle)
    assert faded.efc_per_day == pytest.approx(new.efc_per_day)
    assert np.all(faded.loss_calendar < new.loss_calendar)  # it ends its days at a lower charge


def test_a_day_recorded_with_an_aged_pack_projects_to_the_same_depths() -> None:
    new, aged = course(), course(capacity=0.8)
    assert ageing_rates(aged).loss_cycle == pytest.approx(
        ageing_rates(new, np.full(SHAPE, 0.8)).loss_cycle, rel=0.02
    )


def test_what_lies_outside_the_range_of_the_law_is_counted() -> None:
    assert course().outside.worst == 0.0
    assert course(c_rate=0.8, hours=1.0).outside.moved_charging == pytest.approx(0.5, abs=0.02)
    assert course(c_rate=1.2, hours=1.0).outside.moved_discharging == pytest.approx(0.5, abs=0.02)
    cold = course(temp_degc=5.0)
    assert cold.outside.moved_temp == pytest.approx(1.0)
    assert cold.outside.time_temp == pytest.approx(1.0 / 3.0, abs=0.01)  # it rests at the end of the range


def test_charging_plates_in_the_cold_and_not_in_the_warm() -> None:
    warm, cold = course(c_rate=0.6, hours=2.0), course(c_rate=0.6, hours=2.0, temp_degc=-15.0)
    assert not warm.plated_per_day.any()
    low, nominal, high = cold.plated_per_day[:, 0, 0]
    assert 0.0 < low < nominal < high < 0.2


def test_an_aged_pack_plates_sooner() -> None:
    day = course(c_rate=0.6, hours=2.0, temp_degc=-15.0)
    stiff = load_cell("lfp_302ah")
    assert day.plated_per_day[1, 0, 0] > 0.0
    rows = np.arange(0.0, 3601.0, 10.0)
    cells = CellCourse(rows, np.full((rows.size, 1, 1), 258.15), np.full((rows.size, 1, 1), 0.5))
    strings = StringCourse(
        rows, np.full((rows.size, 1), -0.6 * stiff.capacity_ah), np.linspace(0.2, 0.8, rows.size)[:, None]
    )
    lost = [
        ageing_day(
            load_ageing("lfp"),
            stiff,
            cells,
            strings,
            rest_temp_k=273.15,
            health=PackHealth.even((1, 1), resistance=factor),
        ).plated_per_day[1, 0, 0]
        for factor in (1.0, 1.5)
    ]
    assert lost[1] > 1.1 * lost[0] > 0.0


def test_a_rest_day_has_only_time_at_the_last_charge() -> None:
    rates = rest_rates(course(), 293.15)
    assert not rates.efc_per_day.any()
    assert not rates.plated_per_day.any()
    assert np.all(rates.loss_calendar > 0.0)
    assert np.all(rest_rates(course(), 308.15).loss_calendar > rates.loss_calendar)


def test_a_pack_that_never_moves_ages_by_time_alone() -> None:
    rates = ageing_rates(course(c_rate=0.0))
    assert np.all(np.isfinite(np.concatenate([values.ravel() for values in rates])))
    assert not rates.efc_per_day.any()
    assert not rates.loss_cycle.any()
