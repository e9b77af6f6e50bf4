"""``thermal-bms sweep``."""

from pathlib import Path

import pytest

from scenarios import sweep
from scenarios.sweep import Case, Row, SweepPlan, parse_grid
from scenarios.sweep_results import SweepResults
from tests.unit.scenarios.small_days import write_day
from thermal_bms.cli import main

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    return str(write_day(tmp_path))


def test_a_sweep_leaves_results_and_a_page_and_shows_the_spread(day: str, capsys: Captured) -> None:
    command = ["sweep", day, "--grid", "payload_kg=0,300", "--grid", "controller.name=pid,thermostat"]
    assert main([*command, "--out", "out", "--workers", "2"]) == 0
    shown = capsys.readouterr().out
    assert "4 cases, all checks hold in 4" in shown
    assert "Driving energy at the battery per distance" in shown
    plan = SweepPlan(
        (day,), grid=(parse_grid("payload_kg=0,300"), parse_grid("controller.name=pid,thermostat"))
    )
    table = SweepResults(Path("out"), plan).table()
    assert table["case"] == [0, 1, 2, 3]
    assert table["controller.name"] == ["pid", "thermostat", "pid", "thermostat"]
    assert table["energy_kwh_per_km"][2] > table["energy_kwh_per_km"][0]
    assert Path("out/sweep.html").is_file()


def test_an_interrupted_sweep_goes_on_where_it_was(
    day: str, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ["sweep", day, "--grid", "payload_kg=0:300:4", "--workers", "1", "--out", "out", "--quiet"]
    ran: list[int] = []

    def counted(case: Case) -> Row:
        if len(ran) == 2:
            raise KeyboardInterrupt
        ran.append(case.number)
        return real(case)

    real = sweep.run_case
    monkeypatch.setattr(sweep, "run_case", counted)
    assert main(command) == 130
    assert "2 of 4 cases are kept in out; the same command goes on" in capsys.readouterr().err
    monkeypatch.setattr(sweep, "run_case", lambda case: ran.append(case.number) or real(case))
    assert main(command) == 0
    assert ran == [0, 1, 2, 3]
    plan = SweepPlan((day,), grid=(parse_grid("payload_kg=0:300:4"),))
    assert SweepResults(Path("out"), plan).table()["case"] == [0, 1, 2, 3]


def test_a_case_that_ends_in_an_error_is_told_and_the_others_are_kept(
    day: str, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(scenario: object, out: Path) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(sweep, "run", breaks)
    assert main(["sweep", day, "--grid", "payload_kg=0,1", "--workers", "1", "--out", "out"]) == 1
    assert "2 of 2 cases ended in an error; the first: OSError: disk full" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--grid", "payload_kg"], "--grid payload_kg: expected KEY=A,B,C or KEY=LOW:HIGH:N"),
        (["--random", "payload_kg=beta(1,2)"], "--random payload_kg=beta(1,2): expected KEY=uniform"),
        (["--grid", "payload=1,2"], "payload: unknown key; did you mean payload_kg?"),
        (["--samples", "0"], "--samples 0: must be >= 1"),
        (["--workers", "0"], "--workers 0: must be >= 1"),
        (["--grid", "payload_kg=1,2", "--out", "day.toml"], "--out day.toml: day.toml is a file"),
    ],
)
def test_bad_input_is_one_line_and_ends_with_two(
    day: str, arguments: list[str], said: str, capsys: Captured
) -> None:
    assert main(["sweep", day, *arguments]) == 2
    found = capsys.readouterr().err
    assert found.startswith(f"error: {said}")
    assert found.count("\n") == 1


def test_a_scheduler_that_cannot_be_reached_is_one_line_and_ends_with_two(
    day: str, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr("scenarios.workers.CONNECT_S", 0.5)
    command = ["sweep", day, "--grid", "payload_kg=1,2", "--scheduler", "tcp://127.0.0.1:9"]
    assert main(command) == 2
    found = capsys.readouterr().err
    assert found.startswith("error: --scheduler tcp://127.0.0.1:9: cannot be reached")
    assert found.count("\n") == 1
