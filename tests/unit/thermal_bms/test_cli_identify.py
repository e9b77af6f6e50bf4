"""thermal-bms identify: the cell and its page are written, and a poor fit ends with 1."""

from pathlib import Path

import pytest

from plant_models.cell import CellParameters, load_cell
from plant_models.identification import finding
from tests.unit.plant_models.identification.synthetic import write_measurements
from thermal_bms.cli import main


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, cell: CellParameters) -> Path:
    return write_measurements(tmp_path_factory.mktemp("measured"), cell)


def test_a_fit_that_misses_its_figure_says_so_and_ends_with_1_but_leaves_everything_to_look_at(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(finding, "MISFIT_MAX", 1e-6)
    assert main(["identify", str(folder), "--out", str(tmp_path)]) == 1
    said = capsys.readouterr()
    assert "FAILED: 2 figures of the fit miss their limit" in said.out
    assert "no drive: heat capacity" in said.err
    assert load_cell(str(tmp_path / "made_up.toml")).capacity_ah == pytest.approx(100.0, rel=0.02)
    page = (tmp_path / "identification.html").read_text(encoding="utf-8")
    assert page.count("<svg") == 3


def test_a_bad_row_is_named_in_one_line_with_exit_code_2(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    spoilt = tmp_path / "hppc_0degc.csv"
    lines = spoilt.read_text(encoding="utf-8").splitlines()
    lines[100] = lines[100].replace(lines[100].split(",")[1], "nan")
    spoilt.write_text("\n".join(lines), encoding="utf-8")
    assert main(["identify", str(tmp_path), "--out", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err.strip()
    assert (
        said
        == "error: hppc_0degc.csv, row 101: voltage_v is not a number: remove the rows or fill them (1 in all)"
    )
    assert not (tmp_path / "out").exists()
