"""A cell identified from computed measurements is the cell that they were computed with."""

from pathlib import Path

import numpy as np
import pytest

from plant_models.cell import CellParameters, load_cell
from plant_models.identification.cell import Files, Identified, find_files, identify, sources_of
from plant_models.identification.drive import compare, drive_of, simulate
from plant_models.identification.finding import Finding, fit_findings
from plant_models.identification.measurement import read_measurement
from plant_models.identification.toml_text import cell_text
from tests.unit.plant_models.identification.synthetic import AIR_W_PER_K, DRIVE, write_measurements
from thermal_bms.errors import ConfigError


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, cell: CellParameters) -> Path:
    return write_measurements(tmp_path_factory.mktemp("measured"), cell)


@pytest.fixture(scope="module")
def files(folder: Path) -> Files:
    return find_files(folder, drive=DRIVE)


@pytest.fixture(scope="module")
def found(files: Files) -> Identified:
    return identify(files)


def test_capacity_and_open_circuit_voltage_are_those_of_the_cell(
    found: Identified, cell: CellParameters
) -> None:
    assert found.cell.capacity_ah == pytest.approx(cell.capacity_ah, rel=0.02)
    soc = np.linspace(0.15, 0.95, 17)
    ours = np.interp(soc, found.cell.circuit.soc, found.cell.circuit.ocv_v)
    theirs = np.interp(soc, cell.circuit.soc, cell.circuit.ocv_v)
    assert np.max(np.abs(ours - theirs)) < 0.008


def test_the_charge_resistance_comes_from_charge_pulses(found: Identified, cell: CellParameters) -> None:
    assert all(row.has_charge_pulses for row in found.relaxations)
    circuit = found.cell.circuit
    middle = circuit.soc.index(0.5)
    more_ohm = circuit.r0_charge_ohm[2][middle] - circuit.r0_discharge_ohm[2][middle]
    row, half = cell.circuit.temp_degc.index(25.0), len(cell.circuit.soc) // 2
    expected = cell.circuit.r0_charge_ohm[row][half] - cell.circuit.r0_discharge_ohm[row][half]
    assert more_ohm == pytest.approx(expected, rel=0.3)


def test_heat_capacity_and_the_way_to_the_air_come_from_the_drive(
    found: Identified, cell: CellParameters
) -> None:
    assert found.thermal is not None
    capacity = cell.thermal.mass_kg * cell.thermal.specific_heat_j_per_kgk
    assert found.thermal.heat_capacity_j_per_k == pytest.approx(capacity, rel=0.15)
    assert found.thermal.ambient_w_per_k == pytest.approx(AIR_W_PER_K, rel=0.2)


def test_the_identified_cell_follows_the_drive_in_voltage_and_temperature(
    files: Files, found: Identified
) -> None:
    assert files.drive is not None
    assert found.thermal is not None
    drive = drive_of(files.drive, 0.1)
    ours = simulate(found.cell, drive, ambient_w_per_k=found.thermal.ambient_w_per_k)
    error = compare(drive, ours, voltage_min_v=found.cell.voltage_min_v)
    assert error.voltage_rms_v < 0.010
    assert error.temp_rms_k < 0.3


def test_a_good_fit_holds_its_own_figures(found: Identified) -> None:
    assert [finding for finding in fit_findings(found, None) if not finding.passed] == []


def test_a_figure_above_its_limit_or_without_a_number_does_not_pass() -> None:
    assert not Finding("cell", "rests", 11.0, 10.0, "mV").passed
    assert not Finding("cell", "rests", float("nan"), 10.0, "mV").passed
    assert Finding("cell", "shown only", 11.0, float("nan"), "mV").passed


def test_the_written_file_reads_back_as_the_same_cell(
    files: Files, found: Identified, tmp_path: Path
) -> None:
    path = tmp_path / "made_up.toml"
    path.write_text(cell_text(found.cell, sources_of(files), found.thermal, ["fits well."]), encoding="utf-8")
    read = load_cell(str(path))
    assert read.source[-1].title == "Identified by thermal-bms identify"
    assert "hppc_0degc.csv" in read.source[-1].notes
    np.testing.assert_allclose(read.circuit.r1_ohm, found.cell.circuit.r1_ohm, rtol=1e-4)
    np.testing.assert_allclose(read.circuit.ocv_v, found.cell.circuit.ocv_v, atol=2e-5)


def test_rows_beyond_the_measured_temperatures_are_there(found: Identified) -> None:
    assert found.cell.circuit.temp_degc == pytest.approx((-15.0, 0.0, 25.0, 40.0), abs=1.0)
    steady = np.array(found.cell.circuit.r0_discharge_ohm)
    assert np.all(np.diff(steady[:, 24]) < 0.0)


@pytest.mark.parametrize(
    ("keep", "message"),
    [
        (("ocv_c20", "hppc_25degc"), "at least 2 are needed"),
        (("hppc_0degc", "hppc_25degc"), "0 files with ocv"),
        (("ocv_c20",), "no file with hppc"),
    ],
)
def test_a_folder_that_lacks_something_is_refused_with_what_is_missing(
    folder: Path, tmp_path: Path, keep: tuple[str, ...], message: str
) -> None:
    (tmp_path / "cell.toml").write_bytes((folder / "cell.toml").read_bytes())
    for name in keep:
        (tmp_path / f"{name}.csv").symlink_to(folder / f"{name}.csv")
    with pytest.raises(ConfigError, match=message):
        find_files(tmp_path)


def test_a_drive_that_is_not_there_or_hardly_warms_is_refused(folder: Path, files: Files) -> None:
    with pytest.raises(ConfigError, match="no file nowhere"):
        find_files(folder, drive="nowhere")
    rest = read_measurement(folder / "ocv_c20.csv")
    with pytest.raises(ConfigError, match="while current flows"):
        drive_of(rest, 1.0)
