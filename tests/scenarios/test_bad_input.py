"""Bad input at the command line: one line, exit code 2, no traceback, nothing half-written."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.unit.scenarios.small_days import DAY, write_day
from thermal_bms.cli import main

Captured = pytest.CaptureFixture[str]
FAST = ("--no-report", "--quiet")


def tree(folder: Path) -> dict[str, bytes]:
    """Return every file and folder below ``folder``, with content."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else b"folder"
        for path in folder.rglob("*")
    }


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with the small day in it."""
    write_day(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refusal(arguments: Sequence[str], folder: Path, capsys: Captured) -> str:
    """Return the one line of a command that must be refused without leaving a trace."""
    before = tree(folder)
    capsys.readouterr()
    assert main(list(arguments)) == 2
    captured = capsys.readouterr()
    lines = captured.err.splitlines()
    assert len(lines) == 1, captured.err
    assert lines[0].startswith("error: ")
    assert "Traceback" not in captured.err + captured.out
    assert "unexpected" not in captured.err
    assert captured.out == ""
    assert tree(folder) == before
    return lines[0].removeprefix("error: ")


def run_with(override: str, folder: Path, capsys: Captured) -> str:
    return refusal(["run", "day.toml", "--out", "out", "--set", override, *FAST], folder, capsys)


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("initial.sco=0.5", ("initial.sco: unknown key; did you mean soc?", "day.toml")),
        ("phase.2.chargr='x'", ("phase.2.chargr: unknown key; did you mean charger?",)),
        ("truck_changes.pack.n_string=2", ("pack.n_string: unknown key; did you mean n_strings?",)),
        ("controller.settings.gain=1", ("gain: unknown key",)),
        ("initial.soc=1.2", ("initial.soc = 1.2: must be <= 1",)),
        ("tick_s=11", ("tick_s = 11: must be <= 10",)),
        ("truck_changes.chiller.capacity_w=-1", ("chiller.capacity_w = -1: must be > 100",)),
        ("initial.cell_temp_degc='warm'", ("initial.cell_temp_degc = 'warm': must be a valid number",)),
        ("truck='light_arr'", ("no such file; did you mean light_air?",)),
        ("truck='mine.toml'", ("mine.toml: no such file",)),
        ("truck_changes.cell='nmc_57ah'", ("no such file", "did you mean nmc_")),
        ("truck_changes.cooling='liquid'", ('cooling = "liquid" needs a [loop] table',)),
        (
            "truck_changes={cooling='liquid',loop={}}",
            ('cooling = "liquid" needs a [loop] table and no [air]',),
        ),
        ("phase.0.cycle='blck.csv'", ("blck.csv: no such file; did you mean block.csv?",)),
        ("phase.0.cycle='epa_ud'", ("no such cycle; did you mean epa_udds?",)),
        (
            "climate={kind='hourly',file='wether.csv'}",
            ("wether.csv: no such file; did you mean weather.csv?",),
        ),
        ("phase.2.charger='ac_22'", ("no such charger; did you mean ac_22kw?",)),
        ("controller.name='pidd'", ("no such controller; did you mean pid?",)),
        ("controller.name='nowhere.py:build'", ("no such file nowhere.py",)),
        ("payload_kg=5000", ("payload_kg = 5000: light_air carries at most 740 kg",)),
        ("truck_changes.box={}", ("tick_s = 1: must be <= 0.01 with a contactor box (day.toml)",)),
        (
            "fault=[{kind='bus_shorted'}]",
            ("fault.kind = bus_shorted: light_air has no contactor box; add box = {}",),
        ),
        (
            "fault=[{kind='sensor_swapped',target='bus_voltage_v',other='contactor_closed[7]'}]",
            ("fault.target = contactor_closed[7]: light_air has 1 of contactor_closed, counted from 0",),
        ),
        (
            "fault=[{kind='sensor_lost',target='cell_temp_degc[3,0]'}]",
            ("light_air has 1 x 12 of cell_temp_degc",),
        ),
        ("checks.cell_temp_mx_degc='< 4'", ("no such figure; did you mean cell_temp_max_degc",)),
        ("soc", ("--set soc: expected key=value",)),
    ],
)
def test_a_wrong_value_is_one_line_and_leaves_nothing(
    override: str, words: Sequence[str], folder: Path, capsys: Captured
) -> None:
    line = run_with(override, folder, capsys)
    for word in words:
        assert word in line


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ("time_s,speed_m_per_s\n0,0\n10,nan\n20,0\n", "line 3: speed_m_per_s = nan: must be a finite number"),
        (
            "time_s,speed_m_per_s\n0,0\n10,5\n9,5\n20,0\n",
            "line 4: time_s = 9: time must rise from row to row",
        ),
        ("time_s,speed_m_per_s\n0,0\n10,5\n10,5\n20,0\n", "line 4: time_s = 10: time must rise"),
        ("time_s,speed_m_per_s\n0,0\n10,-5\n", "line 3: speed_m_per_s = -5: speed must not be negative"),
        ("time_s,speed_m_per_s\n0,0\n10,fast\n", "line 3: speed_m_per_s = 'fast': not a number"),
        ("time_s,sped_m_per_s\n0,0\n10,5\n", "unknown column sped_m_per_s; did you mean speed_m_per_s?"),
        ("time_s,speed_m_per_s\n0,0\n10,0\n", "zero throughout: nothing to drive"),
        ("distance_m,speed_m_per_s\n0,5\n100,5\n50,0\n", "line 4: distance_m = 50: distance must not fall"),
        ("", "empty: a header line and rows of numbers are needed"),
    ],
)
def test_a_broken_cycle_is_named_by_file_and_line(
    rows: str, words: str, folder: Path, capsys: Captured
) -> None:
    (folder / "broken.csv").write_text(rows)
    line = run_with("phase.0.cycle='broken.csv'", folder, capsys)
    assert "broken.csv" in line
    assert words in line


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ("hour,temp_degc\n0,20\n5,nan\n", "line 3: temp_degc = nan"),
        ("hour,temp_degc\n5,20\n0,20\n", "line 3"),
        ("hour,temp_degc\n0,200\n5,20\n", "line 2"),
    ],
)
def test_a_broken_climate_is_named_by_file_and_line(
    rows: str, words: str, folder: Path, capsys: Captured
) -> None:
    (folder / "broken.csv").write_text(rows)
    line = run_with("climate={kind='hourly',file='broken.csv'}", folder, capsys)
    assert "broken.csv" in line
    assert words in line


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("title = \n", "day.toml: not valid TOML"),
        (DAY.replace("[initial]", "[inital]"), "inital: unknown key; did you mean initial?"),
        (
            DAY.replace('kind = "park"', 'kind = "parc"'),
            "phase.1.kind = 'parc': no such kind; did you mean park?",
        ),
        (DAY.replace('kind = "park"\n', ""), "phase.1.kind: missing"),
        (DAY.replace('truck = "light_air"\n', ""), "truck: missing"),
    ],
)
def test_a_broken_scenario_is_one_line(text: str, words: str, folder: Path, capsys: Captured) -> None:
    (folder / "day.toml").write_text(text)
    assert words in refusal(["run", "day.toml", "--out", "out", *FAST], folder, capsys)
    assert words in refusal(["check", "day.toml"], folder, capsys)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (
            "light_air_van_sumer",
            "no scenario of that name in the library; did you mean light_air_van_summer?",
        ),
        ("nowhere.toml", "nowhere.toml: no such scenario file"),
        (".", "no "),
    ],
)
def test_an_unknown_scenario_is_one_line(name: str, words: str, folder: Path, capsys: Captured) -> None:
    assert words in refusal(["run", name, "--out", "out", *FAST], folder, capsys)
    assert words in refusal(["check", name], folder, capsys)


def test_an_unknown_controller_is_one_line(folder: Path, capsys: Captured) -> None:
    line = refusal(["run", "day.toml", "--out", "out", "--controller", "thermostaat", *FAST], folder, capsys)
    assert "controller = thermostaat: no such controller; did you mean thermostat?" in line


@pytest.mark.parametrize("out", ["wall", "wall/below", "wall/far/below"])
def test_a_file_in_the_way_of_the_results_is_named_and_stays(
    out: str, folder: Path, capsys: Captured
) -> None:
    (folder / "wall").write_text("mine")
    line = refusal(["run", "day.toml", "--out", out, *FAST], folder, capsys)
    assert "wall is a file; choose a folder" in line


def test_a_folder_in_the_way_of_the_recording_is_named_and_stays(folder: Path, capsys: Captured) -> None:
    (folder / "out" / "recording.rec").mkdir(parents=True)
    line = refusal(["run", "day.toml", "--out", "out", *FAST], folder, capsys)
    assert "out" in line
    assert "cannot be written" in line


def test_results_of_an_earlier_run_outlive_a_refused_one(folder: Path, capsys: Captured) -> None:
    (folder / "out").mkdir()
    for name in ("recording.rec", "summary.json", "report.html"):
        (folder / "out" / name).write_text("earlier")
    run_with("initial.soc=7", folder, capsys)
    assert {path.read_text() for path in (folder / "out").iterdir()} == {"earlier"}


@pytest.mark.parametrize("what", ["nowhere", "day.toml", "."])
def test_a_report_of_something_that_is_no_recording_is_one_line(
    what: str, folder: Path, capsys: Captured
) -> None:
    line = refusal(["report", what], folder, capsys)
    assert "no such file" in line or "not a recording" in line or "holds no recording.rec" in line


def test_the_same_day_without_a_mistake_runs(folder: Path, capsys: Captured) -> None:
    assert main(["run", "day.toml", "--out", "out", *FAST]) == 0
    assert "error" not in capsys.readouterr().err
    assert (folder / "out" / "summary.json").is_file()
