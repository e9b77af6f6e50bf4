"""What validation can do without measurements, and what it says about figures and folders."""

from pathlib import Path

import numpy as np
import pytest

from plant_models.identification.drive import DriveError
from plant_models.identification.finding import Finding
from scenarios.validation import CASES, Validation, electrochemistry_findings, step_size_findings, validate
from scenarios.validation_data import Comparison, drive_findings, drive_paths, find_cell_folder
from scenarios.validation_page import html_page, markdown_table
from thermal_bms.cli import main
from thermal_bms.errors import ConfigError

MISSED = Finding("cell <a>", "voltage, rms", 21.0, 20.0, "mV")
HELD = Finding("cell <a>", "temperature, rms", 0.2, 0.4, "K")


def comparison(name: str) -> Comparison:
    time_h = np.linspace(0.0, 1.0, 50)
    error = DriveError(0.012, 0.011, 0.1, 0.3, 0.9, 4.0)
    volt, temp = 3.7 - 0.3 * time_h, 25.0 + 3.0 * time_h
    return Comparison(name, time_h, volt, volt + 0.012, temp, temp + 0.3, error)


def test_a_second_is_a_fine_step_for_a_cell() -> None:
    assert [finding.passed for finding in step_size_findings()] == [True, True]


def test_an_electrochemical_case_gives_a_figure_per_discretisation_and_quantity() -> None:
    found = electrochemistry_findings(
        next(case for case in CASES if case.file == "okane2022_25degc_charge_dfn")
    )
    assert [finding.name for finding in found] == [
        "reference: anode potential, rms",
        "reduced: anode potential, rms",
    ]
    assert all(0.0 < finding.value <= 10.0 for finding in found)


def test_the_table_marks_a_missed_limit() -> None:
    lines = markdown_table([HELD, MISSED]).splitlines()
    assert lines[2].endswith("| 0.2 K | 0.4 K | ok |")
    assert lines[3].endswith("| 21 mV | 20 mV | **missed** |")


def test_the_page_is_one_file_with_a_plot_per_drive_and_escapes_what_comes_from_outside() -> None:
    page = html_page(Validation([HELD, MISSED], [comparison("a<b")], ["a note & more"]))
    assert page.count("<svg") == 1
    assert "cell &lt;a&gt;" in page
    assert "a note &amp; more" in page
    assert "1 figures miss their limit" in page
    assert "http://" not in page.replace("http://www.w3.org", "")


def test_the_training_drive_has_no_goal_for_temperature_but_one_for_voltage() -> None:
    limits = [finding.limit for finding in drive_findings(comparison("25degC_Cycle_1"))]
    assert limits[0] == 15.0
    assert np.isnan(limits[2])
    assert drive_findings(comparison("25degC_Cycle_2"))[2].limit == 0.4


def test_files_of_a_folder_are_sorted_into_tests_and_drives(tmp_path: Path) -> None:
    deep = tmp_path / "cells" / "one"
    deep.mkdir(parents=True)
    for name in ("25degC_HPPC.mat", "OCV_c20.csv", "US06.mat", "notes.txt"):
        (deep / name).touch()
    assert find_cell_folder(tmp_path) == deep
    assert [path.name for path in drive_paths(deep)] == ["US06.mat"]


def test_a_folder_without_pulse_tests_or_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no file with hppc in its name"):
        validate(tmp_path)
    with pytest.raises(ConfigError, match="no such folder"):
        validate(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["identify", "nowhere"], "error: nowhere: no such folder"),
        (["validate", "--data", "nowhere"], "error: --data nowhere: no such folder"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main([*arguments, "--out", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err.strip()
    assert said.startswith(message)
    assert len(said.splitlines()) == 1
