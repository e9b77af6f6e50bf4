"""``thermal-bms compare``."""

import json
from pathlib import Path

import pytest

from scenarios import sweep
from scenarios.sweep import Case, Row, lost_case, run_case
from tests.unit.scenarios.small_days import write_day
from thermal_bms.cli import main

Captured = pytest.CaptureFixture[str]
OWN = """\
from thermal_bms.signals import ThermalCommand

class Own:
    def step(self, measurement, estimate, limits, preview, applied, dt_s):
        return ThermalCommand(fan_duty=0.5)

    def reset(self):
        pass

def build(settings, truck):
    return Own()
"""


@pytest.fixture
def day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.py").write_text(OWN)
    (tmp_path / "mine.toml").write_text(
        '[controller]\nname = "pid"\nsettings.conditioning.cool_degc = 28.0\n'
    )
    return write_day(tmp_path).name


def test_compare_shows_every_strategy_and_leaves_page_and_figures(day: str, capsys: Captured) -> None:
    listed = "thermostat,pid,own.py:build,tuned=mine.toml"
    assert (
        main(["compare", day, "--controllers", listed, "--seeds", "2", "--out", "out", "--workers", "1"]) == 0
    )
    shown = capsys.readouterr().out
    lines = [line.split()[0] for line in shown.splitlines() if line.endswith(" %")]
    assert lines == ["thermostat", "pid", "own", "tuned"]
    found = json.loads(Path("out/compare.json").read_text())[day]
    assert set(found) == set(lines)
    assert found["pid"]["cost"]["spread_eur"] > 0.0
    assert found["own"]["kpis"]["fan_energy_kwh"] != found["pid"]["kpis"]["fan_energy_kwh"]
    assert found["tuned"]["kpis"]["fan_energy_kwh"] > found["pid"]["kpis"]["fan_energy_kwh"]
    assert "own" in Path("out/compare.html").read_text(encoding="utf-8")


def test_the_run_that_a_bound_stands_for_is_ranked_with_the_others(day: str, capsys: Captured) -> None:
    assert main(["run", day, "--out", "bound", "--no-csv", "--no-report", "--quiet"]) == 0
    command = ["compare", day, "--controllers", "pid", "--bound", "bound/summary.json", "--workers", "1"]
    assert main([*command, "--out", "out", "--quiet"]) == 0
    found = json.loads(Path("out/compare.json").read_text())[day]
    assert found["bound"]["cost"] == found["pid"]["cost"]
    assert capsys.readouterr().out == ""


def test_a_controller_that_fails_is_shown_with_its_fault(day: str, capsys: Captured) -> None:
    Path("own.py").write_text(OWN.replace("return ThermalCommand(fan_duty=0.5)", "raise ValueError"))
    assert main(["compare", day, "--controllers", "pid,own.py:build", "--out", "out", "--workers", "1"]) == 0
    assert "1 faults at one time" in capsys.readouterr().out


def test_a_run_that_ends_in_an_error_is_told_and_the_others_are_shown(
    day: str, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(case: Case) -> Row:
        broken = dict(case.values)["strategy"] == "own"
        return lost_case(case, "no idea") if broken else run_case(case)

    monkeypatch.setattr(sweep, "run_case", breaks)
    assert main(["compare", day, "--controllers", "pid,own.py:build", "--out", "out", "--workers", "1"]) == 1
    assert "1 of 2 runs ended in an error; the first: no idea" in capsys.readouterr().err
    found = json.loads(Path("out/compare.json").read_text())[day]
    assert (found["pid"]["problem"], found["own"]["problem"]) == ("", "no idea")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["--controllers", "pid,thermo"],
            "controller = thermo: no such controller; did you mean thermostat?",
        ),
        (["--controllers", "pid,none.toml"], "none.toml: no such file"),
        (["--seeds", "0"], "--seeds 0: must be >= 1"),
        (["--prices", "none.toml"], "none.toml: no such file"),
        (["--bound", "none.json"], "--bound none.json: cannot be read"),
        (["--set", "seeed=1"], "seeed: unknown key; did you mean seed?"),
    ],
)
def test_bad_input_is_one_line_and_ends_with_two(
    day: str, arguments: list[str], said: str, capsys: Captured
) -> None:
    assert main(["compare", day, *arguments]) == 2
    found = capsys.readouterr().err
    assert found.startswith(f"error: {said}")
    assert found.count("\n") == 1
    assert not Path("output").exists()


def test_a_settings_file_runs_as_it_is(day: str, capsys: Captured) -> None:
    command = ["run", day, "--settings", "mine.toml", "--out", "out", "--no-csv", "--no-report"]
    assert main(command) == 0
    assert "controller pid" in capsys.readouterr().out
    assert main([*command, "--controller", "pid"]) == 2
    assert (
        capsys.readouterr().err
        == "error: --settings mine.toml: names a controller; leave out --controller pid\n"
    )
