"""``thermal-bms tune``."""

import json
from pathlib import Path

import pytest

from controllers.settings_file import read_settings
from scenarios import sweep
from scenarios.sweep import Case, Row, run_case
from tests.unit.scenarios.small_days import write_day
from thermal_bms.cli import main

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    path = write_day(tmp_path)
    (tmp_path / "cool.toml").write_text(path.read_text().replace("temp_degc = 34.0", "temp_degc = 20.0"))
    return path.name


def test_tune_leaves_settings_that_run_and_a_page_for_every_controller(day: str, capsys: Captured) -> None:
    command = ["tune", day, "--held-out", "cool.toml", "--controller", "pid,thermostat", "--trials", "6"]
    assert main([*command, "--search", "scipy", "--seeds", "1", "--out", "out", "--workers", "1"]) == 0
    shown = capsys.readouterr().out
    for name in ("pid", "thermostat"):
        folder = Path("out") / name
        assert f"{name}: 6 trials on 1 days, 1 seeds each" in shown
        assert read_settings(folder / "settings.toml").name == name
        assert (folder / "tune.html").is_file()
        assert len((folder / "runs.jsonl").read_text().splitlines()) >= 1 + 6 + 1
        assert main(["run", day, "--settings", f"{folder}/settings.toml", "--out", "run", "--quiet"]) == 0


def test_an_interrupted_search_is_kept_and_the_same_command_goes_on(
    day: str, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = [
        "tune",
        day,
        "--trials",
        "5",
        "--search",
        "scipy",
        "--seeds",
        "1",
        "--out",
        "out",
        "--workers",
        "1",
    ]
    ran: list[str] = []

    def counted(case: Case) -> Row:
        if len(ran) == 3:
            raise KeyboardInterrupt
        ran.append(str(dict(case.values)["settings"]))
        return run_case(case)

    monkeypatch.setattr(sweep, "run_case", counted)
    assert main([*command, "--quiet"]) == 130
    assert "3 of 6 runs are kept in out/pid; the same command goes on" in capsys.readouterr().err
    monkeypatch.setattr(
        sweep, "run_case", lambda case: ran.append(str(dict(case.values)["settings"])) or run_case(case)
    )
    assert main(command) == 0
    assert len(ran) == len(set(ran)) == 6
    assert (
        "nothing was held out" in capsys.readouterr().out
        or read_settings(Path("out/pid/settings.toml")).settings == {}
    )
    assert json.loads(Path("out/pid/tune.json").read_text())["n_trials"] == 5


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--controller", "thermo"], "--controller thermo: nothing is known of its settings"),
        (["--controller", "thermo", "--range", "a=1:2"], "controller = thermo: no such controller"),
        (["--controller", "pid", "--range", "gian=1:2"], "gian: unknown key"),
        (["--controller", "pid", "--range", "spread_on_k=9"], "--range spread_on_k=9: expected KEY=LOW:HIGH"),
        (["--controller", "pid,thermostat", "--range", "spread_on_k=4:9"], "--range is of one controller"),
        (["--held-out", "day.toml"], "--held-out day: is also trained on"),
        (["--trials", "0"], "--trials 0: must be >= 1"),
        (["--seeds", "0"], "--seeds 0: must be >= 1"),
        (["--prices", "none.toml"], "none.toml: no such file"),
        (["--out", "day.toml"], "--out day.toml: day.toml is a file"),
    ],
)
def test_bad_input_is_one_line_and_ends_with_two(
    day: str, arguments: list[str], said: str, capsys: Captured
) -> None:
    assert main(["tune", day, *arguments]) == 2
    found = capsys.readouterr().err
    assert found.startswith(f"error: {said}")
    assert found.count("\n") == 1
    assert not Path("output").exists()
