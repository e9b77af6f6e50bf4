"""Lithium plating in charging."""

from pathlib import Path

import numpy as np
import pytest

from plant_models.ageing_parameters import load_ageing
from plant_models.cell import CellParameters, load_cell
from plant_models.plating import (
    charge_above_limit_ah,
    charge_resistance_ohm,
    held_row,
    lowest_limit_a,
    plating_limit_a,
    plating_loss,
)
from plant_models.spme_parameters import ELECTROCHEMISTRY, ElectrodeParameters, load_spme
from thermal_bms.units import FloatArray

REFERENCE = Path(__file__).resolve().parents[2] / "reference"


@pytest.fixture(scope="module")
def lfp() -> CellParameters:
    return load_cell("lfp_302ah")


def test_resistance_at_the_points_of_the_table_is_the_sum_of_its_branches(lfp: CellParameters) -> None:
    circuit = lfp.circuit
    total = np.array(circuit.r0_charge_ohm) + np.array(circuit.r1_ohm) + np.array(circuit.r2_ohm)
    temps, charges = np.meshgrid(np.array(circuit.temp_degc) + 273.15, circuit.soc, indexing="ij")
    assert charge_resistance_ohm(lfp, temps, charges) == pytest.approx(total, rel=1e-9)


def test_resistance_is_held_beyond_the_table(lfp: CellParameters) -> None:
    coldest = charge_resistance_ohm(lfp, np.array([200.0, 243.15]), np.array([0.5, 0.5]))
    assert coldest[0] == pytest.approx(coldest[1])


@pytest.mark.parametrize("name", ["lfp_302ah", "nmc_94ah", "nmc_56ah_pouch"])
def test_the_limit_falls_with_cold_and_with_charge(name: str) -> None:
    cell = load_cell(name)
    over_temp = plating_limit_a(cell, 0.46, 273.15 + np.linspace(-20.0, 40.0, 13), np.full(13, 0.8))
    assert np.all(np.diff(over_temp) > 0.0)
    high, low = plating_limit_a(cell, 0.46, np.full(2, 283.15), np.array([0.2, 0.8]))
    assert high > low


def test_at_room_temperature_the_rated_charge_of_a_slow_cell_does_not_plate(lfp: CellParameters) -> None:
    limit_a = plating_limit_a(lfp, 0.46, np.full(3, 298.15), np.array([0.2, 0.5, 0.9]))
    assert limit_a.min() > lfp.charge_current_max_a


def test_the_lowest_limit_is_below_every_limit_at_its_temperature(lfp: CellParameters) -> None:
    temp_k, soc = np.meshgrid([263.15, 288.15], np.linspace(0.0, 1.0, 201), indexing="ij")
    lowest = lowest_limit_a(lfp, 0.46, temp_k[:, 0])
    assert np.all(plating_limit_a(lfp, 0.46, temp_k, soc) >= 0.999 * lowest[:, None])


def potential_over_charge(electrode: ElectrodeParameters, stoichiometry: FloatArray) -> FloatArray:
    path = ELECTROCHEMISTRY / "electrodes" / f"{electrode.table}.csv"
    table = np.loadtxt(path, delimiter=",", comments=["#", "stoichiometry"])
    return np.interp(stoichiometry, table[:, 0], table[:, 1])


@pytest.mark.parametrize("case", ["5degc", "25degc"])
def test_the_share_of_the_anode_is_that_of_the_full_electrochemical_model(case: str) -> None:
    cell = load_spme("okane2022")
    with np.load(REFERENCE / f"spme_okane2022_{case}_charge_dfn.npz") as arrays:
        data = {name: arrays[name].astype(float) for name in arrays.files}
    charge_c = -float(data["c_rate"]) * cell.capacity_ah * 2.0 * np.arange(data["voltage_v"].size)
    moved = charge_c / cell.electrode_area_m2
    anode = data["negative_stoichiometry"] + moved / cell.negative.charge_per_area_c_per_m2
    cathode = data["positive_stoichiometry"] - moved / cell.positive.charge_per_area_c_per_m2
    at_rest_v = potential_over_charge(cell.negative, anode)
    drop_v = data["voltage_v"] - (potential_over_charge(cell.positive, cathode) - at_rest_v)
    share = (at_rest_v - data["anode_potential_v"]) / drop_v
    near = np.abs(data["anode_potential_v"]) < 0.02
    low, nominal, high = load_ageing("lfp").plating.anode_share
    assert near.sum() > 50
    assert share[near].mean() == pytest.approx(nominal, abs=0.03)
    later = share[data["voltage_v"].size // 5 :]
    assert low - 0.02 <= later.min()
    assert later.max() <= high + 0.02


def test_charge_counts_only_above_the_limit() -> None:
    limit_a = np.array([10.0, 20.0, 50.0])
    above = charge_above_limit_ah(limit_a, np.array([3600.0, 1800.0]), np.array([30.0, 40.0]))
    assert above.tolist() == [20.0 + 15.0, 10.0 + 10.0, 0.0]


def test_each_row_takes_the_cells_at_its_end_or_later() -> None:
    assert held_row(np.array([0.0, 60.0, 120.0]), np.array([0.0, 30.0, 60.0, 90.0, 500.0])).tolist() == [
        0, 1, 1, 2, 2,
    ]  # fmt: skip


def test_the_loss_is_a_share_of_a_share_of_the_charge_above_the_limit() -> None:
    plating = load_ageing("nmc").plating
    loss = plating_loss(plating, np.full((3, 2, 4), 2.0), 50.0)
    assert loss.shape == (3, 2, 4)
    assert loss[1, 0, 0] == pytest.approx(0.27 * 0.35 * 2.0 / 50.0)
    assert np.all(loss[0] < loss[1])
    assert np.all(loss[1] < loss[2])
