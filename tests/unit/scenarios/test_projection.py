"""Years of a recorded day."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from plant_models.ageing_day import CellCourse, StringCourse, ageing_day
from plant_models.ageing_parameters import load_ageing
from plant_models.cell import load_cell
from plant_models.health import PackHealth
from scenarios.ageing import AgedRun, aged_run
from scenarios.prices import load_prices
from scenarios.projection import Projection, crossing, project
from scenarios.report_ageing import projection_page, years_table
from thermal_bms.errors import ConfigError

SHAPE = (2, 4)


def day_of(name: str = "lfp_302ah", *, temp_degc: float = 25.0, health: PackHealth | None = None) -> AgedRun:
    """Return a day of eight hours between 0.9 and 0.3; the second string and the last groups are hotter."""
    cell, health = load_cell(name), health or PackHealth.even(SHAPE)
    rows = np.arange(0.0, 8.0 * 3600.0 + 1.0, 30.0)
    rate = np.where(rows <= 4.0 * 3600.0, 0.15, -0.15)
    rate[0] = 0.0
    soc = 0.9 - np.cumsum(rate * 30.0) / 3600.0 / float(health.capacity.mean())
    temp_k = 273.15 + temp_degc + np.array([[0.0, 1.0, 2.0, 3.0], [5.0, 6.0, 7.0, 8.0]])
    cells = CellCourse(rows, np.tile(temp_k, (rows.size, 1, 1)), np.tile(soc[:, None, None], (1, *SHAPE)))
    strings = StringCourse(
        rows, np.tile(rate[:, None] * cell.capacity_ah, (1, 2)), np.tile(soc[:, None], (1, 2))
    )
    day = ageing_day(load_ageing(cell.chemistry), cell, cells, strings, rest_temp_k=288.15, health=health)
    return AgedRun(day, 288.15, (0.02, 0.98), 600.0)


@pytest.fixture(scope="module", params=["lfp_302ah", "nmc_94ah"])
def found(request: pytest.FixtureRequest) -> Projection:
    return project(day_of(request.param), load_prices())


def test_ten_years_start_new_and_only_fade(found: Projection) -> None:
    assert found.year[0] == 0.0
    assert found.year[-1] == 10.0
    assert found.capacity[:, 0].tolist() == [1.0, 1.0, 1.0]
    assert np.all(np.diff(found.capacity, axis=1) < 0.0)
    assert np.all(np.diff(found.resistance, axis=1) > 0.0)
    assert np.all(np.diff(found.eur, axis=1) > 0.0)
    assert 0.5 < found.capacity[1, -1] < 0.95


def test_low_nominal_and_high_stand_in_this_order_in_every_course(found: Projection) -> None:
    for courses in (found.capacity, found.resistance, found.eur):
        assert np.all(courses[0, 1:] < courses[1, 1:])
        assert np.all(courses[1, 1:] < courses[2, 1:])


def test_causes_add_up_to_the_capacity_that_is_gone(found: Projection) -> None:
    assert found.loss_percent.sum(axis=0) == pytest.approx(100.0 * (1.0 - found.capacity[1]))


def test_hotter_groups_of_an_nmc_pack_age_faster() -> None:
    health = project(day_of("nmc_94ah"), load_prices()).health
    assert np.all(np.diff(health.capacity, axis=1) < 0.0)
    assert np.all(health.capacity[1] < health.capacity[0])
    assert np.all(np.diff(health.resistance, axis=1) > 0.0)


def test_the_pack_is_no_better_than_its_weakest_groups(found: Projection) -> None:
    assert np.all(found.pack_capacity[1:] < found.capacity[1, 1:])


def test_days_reach_lower_charge_as_the_pack_fades(found: Projection) -> None:
    assert found.soc_min[0] == pytest.approx(0.3, abs=0.01)
    assert found.soc_min[-1] < found.soc_min[0] - 0.02


def test_rest_days_spare_the_pack(found: Projection) -> None:
    run = day_of()
    busy, rested = (project(run, load_prices(), rest_days_per_week=days) for days in (0, 3))
    assert rested.capacity[1, -1] > busy.capacity[1, -1]
    assert rested.loss_percent[1, -1] < 0.7 * busy.loss_percent[1, -1]


def test_a_used_pack_goes_on_from_where_it_is_and_fades_more_slowly_than_a_new_one() -> None:
    used = project(day_of(health=PackHealth.even(SHAPE, capacity=0.9, resistance=1.1)), load_prices())
    new = project(day_of(), load_prices())
    assert used.capacity[1, 0] == pytest.approx(0.9)
    assert used.resistance[1, 0] == pytest.approx(1.1)
    assert used.capacity[1, 0] - used.capacity[1, -1] < new.capacity[1, 0] - new.capacity[1, -1]
    assert used.eur[:, 0].tolist() == [0.0, 0.0, 0.0]


def test_the_end_of_life_and_the_day_that_no_longer_fits_are_dated() -> None:
    run = replace(day_of("nmc_94ah", temp_degc=35.0), usable_soc=(0.2, 0.98))
    found = project(run, load_prices(), years=20)
    soonest, nominal, latest = found.end_of_life_year
    assert 0.0 < soonest < nominal < latest
    assert np.interp(nominal, found.year, found.capacity[1]) == pytest.approx(0.8, abs=0.002)
    assert np.interp(found.short_year, found.year, found.soc_min) == pytest.approx(0.2, abs=0.002)
    page = projection_page(found, {"title": "Hot <day>"}, ["a warning"], {"Pack": "600 kWh"})
    assert "End of life by the price table" in page
    assert "more charge than the truck may use" in page
    assert "Hot &lt;day&gt;" in page
    assert "a warning" in page


def test_a_course_that_never_falls_below_has_no_crossing() -> None:
    assert crossing(np.array([0.0, 1.0]), np.array([1.0, 0.9]), 0.8) == float("inf")


@pytest.mark.parametrize(
    ("years", "rest_days", "said"),
    [(0, 0, "years = 0: must be 1 to 40"), (41, 0, "years = 41"), (10, 7, "rest days = 7: must be 0 to 6")],
)
def test_years_and_rest_days_out_of_range_are_refused(years: int, rest_days: int, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        project(day_of(), load_prices(), years=years, rest_days_per_week=rest_days)


def test_the_table_has_a_row_for_every_year(found: Projection) -> None:
    assert years_table(found).count("<tr>") == 1 + 11


def test_a_recorded_run_can_be_projected(tmp_path: Path) -> None:
    from tests.unit.scenarios.test_ageing import recorded

    found = project(aged_run(recorded(tmp_path)), load_prices(), years=2)
    assert 0.9 < found.capacity[1, -1] < 1.0
