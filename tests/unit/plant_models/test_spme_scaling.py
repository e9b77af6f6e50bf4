"""The trucks' electrochemical cells against the cells they stand for."""

import numpy as np
import pytest

from plant_models.cell import load_cell
from plant_models.spme_parameters import electrode_curves, load_spme, stoichiometry_window
from plant_models.spme_scaling import (
    FIT_TEMPS_DEGC,
    Knobs,
    aligned_window,
    fitted,
    open_circuit_misfit_v,
    positive_curve,
    scaled,
    ten_second_resistance_ohm,
    thickness_for,
)
from plant_models.truck_parameters import load_truck, table_at_half_charge, truck_names
from thermal_bms.errors import ConfigError

CELLS = sorted({load_truck(name).cell for name in truck_names()})


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("temp_degc", FIT_TEMPS_DEGC)
def test_the_resistance_after_ten_seconds_is_the_truck_cells_within_15_percent(
    name: str, temp_degc: float
) -> None:
    target_ohm = table_at_half_charge(load_cell(name), temp_degc)
    assert ten_second_resistance_ohm(load_spme(name), temp_degc) == pytest.approx(target_ohm, rel=0.15)


@pytest.mark.parametrize(("name", "low", "high"), [("nmc_94ah", 59.5, 80.5), ("lfp_302ah", 91.0, 136.0)])
def test_the_resistance_times_capacity_at_25_degc_is_that_of_large_cells(
    name: str, low: float, high: float
) -> None:
    assert low < 1e3 * ten_second_resistance_ohm(load_spme(name), 25.0) * load_cell(name).capacity_ah < high


@pytest.mark.parametrize("name", CELLS)
def test_the_open_circuit_voltage_is_the_truck_cells(name: str) -> None:
    misfit_v = open_circuit_misfit_v(load_spme(name), load_cell(name))
    assert np.sqrt(np.mean(misfit_v**2)) < 3e-3
    assert np.abs(misfit_v[2:-2]).max() < 6e-3  # the ends of LFP are steep


@pytest.mark.parametrize("name", CELLS)
def test_both_electrodes_hold_the_cells_capacity_between_the_ends_of_the_window(name: str) -> None:
    cell = load_spme(name)
    window = stoichiometry_window(cell)
    for electrode, moved in (
        (cell.negative, window.negative_full - window.negative_empty),
        (cell.positive, window.positive_empty - window.positive_full),
    ):
        capacity_ah = moved * electrode.charge_per_area_c_per_m2 * cell.electrode_area_m2 / 3600.0
        assert capacity_ah == pytest.approx(load_cell(name).capacity_ah, rel=1e-5)


@pytest.mark.parametrize("name", CELLS)
def test_the_positive_potential_never_rises_with_its_lithium(name: str) -> None:
    cell = load_spme(name)
    potential = electrode_curves(cell.positive.table, np.linspace(0.0, 1.0, 1001))[0]
    assert np.diff(potential).max() < 1e-6


def test_the_committed_set_is_what_the_rule_gives() -> None:
    base, cell, kept = load_spme("okane2022"), load_cell("nmc_94ah"), load_spme("nmc_94ah")
    knobs = fitted(base, cell, thickness_for(base, cell, 25.0), kept.positive.table)
    made = scaled(base, cell, knobs, kept.positive.table)
    assert made.electrode_area_m2 == pytest.approx(kept.electrode_area_m2, rel=1e-6)
    assert made.contact_resistance_ohm == pytest.approx(kept.contact_resistance_ohm, rel=1e-3)
    for side in ("negative", "positive"):
        found, expected = getattr(made, side), getattr(kept, side)
        assert found.thickness_m == pytest.approx(expected.thickness_m, rel=1e-5)
        assert found.exchange_current_a_per_m2 == pytest.approx(expected.exchange_current_a_per_m2, rel=1e-4)
        assert found.particle_radius_m == getattr(base, side).particle_radius_m
    curve = positive_curve(base, cell, aligned_window(base, cell))
    kept_v = electrode_curves(kept.positive.table, curve[0])[0]
    assert np.abs(curve[1] - kept_v).max() < 1e-6


def test_thicker_coatings_need_less_area_for_the_same_charge() -> None:
    base, cell = load_spme("prada2013"), load_cell("lfp_302ah")
    thin, thick = (scaled(base, cell, Knobs(factor), base.positive.table) for factor in (1.0, 2.0))
    assert thin.electrode_area_m2 == pytest.approx(2.0 * thick.electrode_area_m2)
    assert ten_second_resistance_ohm(thick, 25.0) > ten_second_resistance_ohm(thin, 25.0)


def test_a_cell_of_another_chemistry_is_refused() -> None:
    with pytest.raises(ConfigError, match="prada2013 is a lfp cell, but nmc_94ah is nmc"):
        scaled(load_spme("prada2013"), load_cell("nmc_94ah"), Knobs(1.0), "lfp_prada2013")
