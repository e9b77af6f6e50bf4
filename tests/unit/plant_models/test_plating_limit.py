"""The charge that rides on the plating margin, and the committed tables."""

import numpy as np
import pytest

from plant_models.cell import load_cell
from plant_models.plating_limit import Charge, least_anode_potential_v, limited_rates
from plant_models.spme_parameters import load_spme
from plant_models.truck_parameters import describe, load_truck, truck_names
from thermal_bms.plating import PlatingLimit, load_plating, plating_names

CELLS = sorted({load_truck(name).cell for name in truck_names()})
SOC = np.linspace(0.0, 1.0, 21)


def test_every_cell_of_a_truck_has_its_table_and_every_controller_is_told_of_it() -> None:
    assert plating_names() == CELLS
    for name in truck_names():
        truck = load_truck(name)
        assert describe(truck).pack.plating == truck.cell
        assert describe(truck.model_copy(update={"plating_limit": False})).pack.plating is None


@pytest.mark.parametrize("name", CELLS)
def test_a_table_allows_more_in_the_warm_and_never_more_than_the_rating(name: str) -> None:
    table, cell = load_plating(name), load_cell(name)
    rates = np.array(table.c_rate_max)
    assert (np.diff(rates, axis=0) >= 0.0).all()
    assert 0.0 < rates.min() < rates.max() <= cell.charge_current_max_a / cell.capacity_ah
    assert (rates[:, -1] <= rates[:, 0]).all()


@pytest.mark.parametrize("name", ["nmc_94ah", "lfp_302ah_fast_charge"])
def test_a_charge_that_follows_its_table_keeps_the_margin_between_its_points_too(name: str) -> None:
    table = load_plating(name)
    temps = np.array([2.5, 10.0, 22.5])
    least_v = least_anode_potential_v(load_spme(name), temps, PlatingLimit(table).c_rate)
    assert (least_v >= table.margin_v).all()


def test_a_charge_at_the_rating_in_the_cold_plates() -> None:
    least_v = least_anode_potential_v(load_spme("nmc_94ah"), np.array([-10.0]), lambda _temp, _soc: 0.77)
    assert least_v[0] < 0.0


def test_riding_on_the_margin_stands_on_it_from_the_moment_that_it_limits() -> None:
    cell, temps = load_spme("nmc_94ah"), np.array([0.0])
    rates = limited_rates(cell, temps, SOC, rate_max=1.0, margin_v=0.02)[0]
    assert rates[0] == 1.0
    assert rates[-1] < 0.6
    follow_v = least_anode_potential_v(cell, temps, lambda _, soc: float(np.interp(soc, SOC, rates)))
    assert follow_v[0] == pytest.approx(0.02, abs=3e-3)


def test_a_wider_margin_and_a_colder_cell_take_less() -> None:
    cell, temps = load_spme("lfp_302ah"), np.array([0.0, 10.0])
    near, wide = (
        limited_rates(cell, temps, SOC[10:], rate_max=3.0, margin_v=margin_v) for margin_v in (0.01, 0.03)
    )
    assert (wide < near).all()
    assert (near[0] < near[1]).all()


def test_cells_charge_side_by_side_as_they_would_alone() -> None:
    cell = load_spme("nmc_94ah")
    both, alone = Charge(cell, np.array([5.0, 25.0])), Charge(cell, np.array([25.0]))
    for _ in range(100):
        both_v, alone_v = both.advance(np.array([0.2, 0.5])), alone.advance(np.array([0.5]))
    assert both_v[1] == pytest.approx(alone_v[0], abs=2e-6)  # slow properties are looked up in turns
    assert alone.soc[0] == pytest.approx(200.0 * 0.5 / 3600.0, rel=1e-4)
