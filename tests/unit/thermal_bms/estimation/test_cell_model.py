import numpy as np
import pytest

from plant_models.cell import load_cell
from plant_models.truck_parameters import describe, load_truck
from tests.unit.thermal_bms.bms_samples import PACK
from thermal_bms.estimation.cell_model import CellModel, split_circuit


@pytest.fixture(scope="module")
def nmc() -> CellModel:
    return CellModel(describe(load_truck("heavy_nmc")).pack)


@pytest.mark.parametrize("off_k", [0.0, -40.0, 20.0])
@pytest.mark.parametrize("soc", [0.0, 0.013, 0.31, 0.5, 0.77, 1.0])
def test_the_charge_of_an_open_circuit_voltage_is_the_one_it_came_from(
    nmc: CellModel, soc: float, off_k: float
) -> None:
    assert nmc.soc_of(nmc.open_circuit_v(soc, off_k), off_k) == pytest.approx(soc, abs=1e-9)


def test_voltages_beyond_the_table_are_empty_or_full(nmc: CellModel) -> None:
    assert nmc.soc_of(1.0, 0.0) == 0.0
    assert nmc.soc_of(9.0, -10.0) == 1.0


def test_the_slope_goes_on_beyond_both_ends(nmc: CellModel) -> None:
    assert nmc.open_circuit_v(1.01, 0.0) > nmc.open_circuit_v(1.0, 0.0)
    assert nmc.open_circuit_v(-0.01, 0.0) < nmc.open_circuit_v(0.0, 0.0)


def test_a_split_circuit_has_the_described_resistance_after_ten_seconds() -> None:
    circuit = CellModel(PACK).circuit(0.4, 25.0)
    ten_s = circuit.r0_discharge_ohm + sum(
        r * (1.0 - np.exp(-10.0 / tau))
        for r, tau in ((circuit.r1_ohm, circuit.tau1_s), (circuit.r2_ohm, circuit.tau2_s))
    )
    assert ten_s == pytest.approx(1e-3)
    assert split_circuit(PACK).temp_degc == PACK.resistance_temp_degc


def test_the_circuit_is_that_of_the_described_cell(nmc: CellModel) -> None:
    cell = load_cell("nmc_94ah").circuit
    row, column = cell.temp_degc.index(25.0), cell.soc.index(0.5)
    found = nmc.circuit(0.5, 25.0)
    assert found.r0_discharge_ohm == pytest.approx(cell.r0_discharge_ohm[row][column] / 2, rel=0.01)
    assert found.r2_ohm == pytest.approx(cell.r2_ohm[row][column] / 2, rel=0.01)
    assert found.tau2_s == pytest.approx(cell.tau2_s[row][column], rel=0.01)


def test_the_circuit_is_constant_beyond_its_grid(nmc: CellModel) -> None:
    assert nmc.circuit(0.5, -60.0) == nmc.circuit(0.5, -40.0)
    assert nmc.circuit(1.2, 90.0) == nmc.circuit(1.0, 70.0)


def test_stored_energy_is_the_integral_of_the_open_circuit_voltage(nmc: CellModel) -> None:
    soc = np.linspace(0.2, 0.7, 2001)
    volts = [nmc.open_circuit_v(s, 0.0) for s in soc]
    expected_j = np.trapezoid(volts, soc) * nmc.capacity_as
    assert nmc.stored_j(0.7) - nmc.stored_j(0.2) == pytest.approx(expected_j, rel=1e-5)
