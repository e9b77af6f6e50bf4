"""``thermal-bms age``."""

import json
from pathlib import Path

import pytest

from scenarios.runner import run
from scenarios.scenario import load_scenario
from tests.unit.scenarios.small_days import load_day, write_day
from thermal_bms.cli import main
from thermal_bms.recording import FILE_NAME, Recorder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("out")
    run(load_day(tmp_path_factory.mktemp("day")), out)
    return out


def test_age_leaves_page_figures_and_health_and_shows_the_years(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["age", str(folder), "--years", "3", "--rest-days", "2"]) == 0
    shown = capsys.readouterr().out
    assert "ageing.html" in shown
    assert [line.split()[0] for line in shown.splitlines()[2:5]] == ["1", "2", "3"]
    figures = json.loads((folder / "ageing.json").read_text())
    assert len(figures["year"]) == len(figures["capacity_nominal"]) == 37
    assert figures["capacity_low"][-1] < figures["capacity_nominal"][-1] < figures["capacity_high"][-1] < 1.0
    page = (folder / "ageing.html").read_text(encoding="utf-8")
    assert "3 years of: Three minutes" in page
    assert page.count("<svg") == 1


def test_the_health_it_leaves_starts_another_scenario(folder: Path, tmp_path: Path) -> None:
    assert main(["age", str(folder), "--years", "5"]) == 0
    path = write_day(tmp_path)
    (tmp_path / "health.csv").write_text((folder / "health.csv").read_text())
    health = load_scenario(str(path), ['initial.soh_file="health.csv"']).health()
    assert 0.5 < health.capacity.mean() < 1.0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--years", "99"], "error: years = 99: must be 1 to 40"),
        (["--rest-days", "7"], "error: rest days = 7: must be 0 to 6 a week"),
        (["--prices", "none.toml"], "error: none.toml: no such file"),
    ],
)
def test_bad_input_is_one_line(
    folder: Path, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["age", str(folder), *arguments]) == 2
    found = capsys.readouterr().err
    assert found.startswith(said)
    assert found.count("\n") == 1


def test_a_recording_without_cells_is_refused_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Recorder(tmp_path / FILE_NAME, {"title": "bare"}, {"signals": ["time_s"]}) as recorder:
        recorder.append("signals", (0.0,))
    assert main(["age", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: the recording does not hold its truck")
    assert said.count("\n") == 1
