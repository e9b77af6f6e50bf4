"""The command line: verbs, one-line errors, exit codes."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from scenarios.checks import CheckResult, evaluate_checks
from scenarios.climate import ClimateSettings, ConstantClimate, DiurnalClimate, HourlyClimate
from thermal_bms import cli
from thermal_bms.cli import check_packages, main, run
from thermal_bms.cli.describe import climate_text, length_text, phases_text
from thermal_bms.cli.tables import number, table
from thermal_bms.errors import ConfigError, LinkError, PlantError, RecordingError
from thermal_bms.protection import HEALTHY
from thermal_bms.recording import FILE_NAME, Recorder

KPIS = {"distance_km": 120.0, "duration_h": 2.0, "cell_temp_max_degc": 41.5, "range_km": float("nan")}


@dataclass
class FakeResult:
    """What the runner hands back."""

    recording_path: Path
    summary_path: Path
    kpis: dict[str, float]
    checks: list[CheckResult]
    warnings: list[str] = field(default_factory=list)
    timings: dict[str, float] = field(default_factory=lambda: {"run_s": 0.5})

    @property
    def passed(self) -> bool:
        return all(check.passed for check in self.checks)


class FakeHouse:
    """Scenarios, runner and report in place of the real ones; remembers how they were called."""

    def __init__(self) -> None:
        self.loaded: list[tuple[str, tuple[str, ...]]] = []
        self.runs: list[Path] = []
        self.limits = {"cell_temp_max_degc": "< 45"}
        self.warnings: list[str] = []
        self.stop: BaseException | None = None

    def load_scenario(self, name: str, overrides: tuple[str, ...] = ()) -> SimpleNamespace:
        self.loaded.append((name, tuple(overrides)))
        if name == "broken":
            raise ConfigError("truk: unknown key; did you mean truck? (broken.toml)")
        settings = SimpleNamespace(
            title="A day",
            truck="heavy",
            cell_model="ecm",
            controller=SimpleNamespace(name="pid", settings={}),
            checks=self.limits,
            fault=(),
            climate=ConstantClimate(kind="constant", temp_degc=20.0),
            phase=(SimpleNamespace(kind="park", duration_h=2.0),),
        )
        return SimpleNamespace(
            name=name, settings=settings, truck=SimpleNamespace(cooling="liquid"), folder=Path()
        )

    def run(
        self, scenario: SimpleNamespace, out: Path, progress: Callable[[float, float], None]
    ) -> FakeResult:
        self.runs.append(out)
        with Recorder(out / FILE_NAME, {"title": "A day"}, {"signals": ["time_s", "soc"]}) as recorder:
            recorder.append("signals", (0.0, 0.5))
            progress(1.0, 2.0)
            if self.stop is not None:
                raise self.stop
        summary = out / "summary.json"
        summary.write_text(json.dumps(KPIS))
        checks = evaluate_checks(KPIS, self.limits)
        return FakeResult(out / FILE_NAME, summary, dict(KPIS), checks, self.warnings)

    def write_report(self, path: Path) -> Path:
        folder = path.parent if path.is_file() else path
        (folder / "report.html").write_text("<html></html>")
        return folder / "report.html"


def module(name: str, **content: object) -> ModuleType:
    made = ModuleType(name)
    vars(made).update(content)
    return made


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeHouse:
    fake = FakeHouse()
    for made in (
        module(
            "scenarios.scenario", load_scenario=fake.load_scenario, library_names=lambda: ["day", "broken"]
        ),
        module("scenarios.runner", run=fake.run),
        module("scenarios.report", write_report=fake.write_report),
    ):
        monkeypatch.setitem(sys.modules, made.__name__, made)
    monkeypatch.chdir(tmp_path)
    return fake


Captured = pytest.CaptureFixture[str]


def test_help_teaches_with_examples(capsys: Captured) -> None:
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    assert "thermal-bms run heavy_lfp_truck_day" in text
    for verb in ("run", "list", "check", "report"):
        assert f"\n    {verb} " in text


@pytest.mark.parametrize("verb", ["run", "list", "check", "report"])
def test_help_of_a_verb_explains_every_option(verb: str, capsys: Captured) -> None:
    assert main([verb, "--help"]) == 0
    assert "examples:\n  thermal-bms " + verb in capsys.readouterr().out
    parser = cli.build_parser()
    (verbs,) = [action for action in parser._actions if action.choices]
    assert all(action.help for action in verbs.choices[verb]._actions)


def test_the_version_is_told(capsys: Captured) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("thermal-bms 0.")


@pytest.mark.parametrize("arguments", [[], ["runn"], ["run"], ["run", "day", "--fast"], ["list", "birds"]])
def test_a_wrong_command_line_ends_with_2_and_the_usage(arguments: list[str], capsys: Captured) -> None:
    assert main(arguments) == 2
    assert "usage: thermal-bms" in capsys.readouterr().err


def test_help_loads_nothing_heavy() -> None:
    script = (
        "import sys; from thermal_bms.cli import main; main(['run', '--help'])\n"
        "heavy = {'numpy', 'numba', 'scipy', 'pydantic', 'matplotlib', 'tqdm', 'can'} & set(sys.modules)\n"
        "sys.exit(f'loaded {heavy}' if heavy else 0)"
    )
    ended = subprocess.run([sys.executable, "-c", script], check=False, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr


def test_run_shows_figures_checks_and_files(house: FakeHouse, capsys: Captured) -> None:
    assert main(["run", "day"]) == 0
    shown = capsys.readouterr()
    assert house.runs == [Path("output/day")]
    lines = shown.out.splitlines()
    assert lines[0] == "A day (truck heavy, controller pid)"
    assert [line.split() for line in lines if line.startswith("Cell temperature, highest")] == [
        ["Cell", "temperature,", "highest", "41.5", "degC"]
    ]
    assert not any(line.startswith("Range") for line in lines), "a figure without a value is left out"
    assert [line.split() for line in lines if line.startswith("ok  ")] == [
        ["ok", "cell_temp_max_degc", "41.5", "<", "45", "3.5", "K"]
    ]
    assert "output/day/report.html" in lines
    assert "simulated 2 h in 0.5 s, 14,400 x real time" in shown.out
    assert lines[-1] == "ok: 1 of 1 checks passed"
    assert sorted(path.name for path in Path("output/day").iterdir()) == [
        FILE_NAME,
        "report.html",
        "signals.csv",
        "summary.json",
    ]


def test_a_failed_check_ends_with_1_and_says_so(house: FakeHouse, capsys: Captured) -> None:
    house.limits = {"cell_temp_max_degc": "< 40", "distance_km": "> 100"}
    assert main(["run", "day"]) == 1
    out = capsys.readouterr().out
    assert [line.split() for line in out.splitlines() if line.startswith("FAILED  ")] == [
        ["FAILED", "cell_temp_max_degc", "41.5", "<", "40", "-1.5", "K"]
    ]
    assert out.endswith("FAILED: 1 of 2 checks\n")


def test_quiet_shows_only_what_failed(house: FakeHouse, capsys: Captured) -> None:
    assert main(["run", "day", "--quiet"]) == 0
    assert capsys.readouterr().out == ""
    house.limits = {"cell_temp_max_degc": "< 40", "distance_km": "> 100"}
    assert main(["run", "day", "--quiet"]) == 1
    out = capsys.readouterr().out
    assert "cell_temp_max_degc" in out
    assert "distance_km" not in out


def test_warnings_go_to_the_error_stream(house: FakeHouse, capsys: Captured) -> None:
    house.warnings = ["3 % of the distance was missed"]
    assert main(["run", "day", "--quiet"]) == 0
    assert "warning: 3 % of the distance was missed" in capsys.readouterr().err


def test_exports_and_report_are_written_as_asked(house: FakeHouse, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    out = tmp_path / "elsewhere"
    assert main(["run", "day", "--out", str(out), "--parquet", "--no-report"]) == 0
    names = {path.name for path in out.iterdir()}
    assert names == {FILE_NAME, "summary.json", "signals.csv", "signals.parquet"}
    assert (out / "signals.csv").read_text() == "time_s,soc\n0,0.5\n"


def test_no_csv_leaves_the_signals_in_the_recording_alone(house: FakeHouse, tmp_path: Path) -> None:
    assert main(["run", "day", "--out", str(tmp_path / "bare"), "--no-csv", "--no-report"]) == 0
    assert {path.name for path in (tmp_path / "bare").iterdir()} == {FILE_NAME, "summary.json"}


def test_parquet_without_pyarrow_is_refused_before_the_run(
    house: FakeHouse, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert main(["run", "day", "--parquet"]) == 2
    assert "pip install 'thermal-bms[io]'" in capsys.readouterr().err
    assert house.runs == []
    assert not Path("output").exists()


def test_overrides_are_passed_on_in_order(house: FakeHouse) -> None:
    assert main(["run", "day", "--set", "tick_s=0.5", "--set", "seed=3"]) == 0
    assert house.loaded == [("day", ("tick_s=0.5", "seed=3"))]


def test_another_controller_comes_without_the_settings_of_the_scenarios_own(house: FakeHouse) -> None:
    assert main(["run", "day", "--controller", "thermostat", "--set", "controller.settings.on_degc=30"]) == 0
    expected = ('controller={name = "thermostat"}', "controller.settings.on_degc=30")
    assert house.loaded[-1] == ("day", expected)
    assert main(["run", "day", "--controller", "pid"]) == 0
    assert house.loaded[-1] == ("day", ())


def test_a_wrong_scenario_is_one_line_and_leaves_no_folder(house: FakeHouse, capsys: Captured) -> None:
    assert main(["run", "broken"]) == 2
    assert capsys.readouterr().err == "error: truk: unknown key; did you mean truck? (broken.toml)\n"
    assert not Path("output").exists()


def test_debug_shows_the_traceback(house: FakeHouse) -> None:
    for verb in ("run", "check"):
        with pytest.raises(ConfigError, match="truk"):
            main([verb, "broken", "--debug"])


def test_every_error_has_its_exit_code(house: FakeHouse, capsys: Captured) -> None:
    house.stop = LinkError("can0: bus off")
    assert main(["run", "day"]) == 3
    house.stop = PlantError("cell 3: 400 degC")
    assert main(["run", "day"]) == 2
    assert capsys.readouterr().err.endswith("error: cell 3: 400 degC\n")


def test_an_unexpected_error_is_one_line_too(house: FakeHouse, capsys: Captured) -> None:
    house.stop = ZeroDivisionError("float division by zero")
    assert main(["run", "day"]) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error == "error: ZeroDivisionError: float division by zero (unexpected; --debug shows where)"
    with pytest.raises(ZeroDivisionError):
        main(["run", "day", "--debug"])


def test_an_interrupted_run_says_what_it_leaves(house: FakeHouse, capsys: Captured) -> None:
    house.stop = KeyboardInterrupt()
    assert main(["run", "day"]) == 130
    error = capsys.readouterr().err
    assert (
        f"output/day/{FILE_NAME} holds what was recorded so far; it is readable and marked incomplete"
        in error
    )
    assert error.endswith("interrupted\n")


def test_results_of_an_earlier_run_go_and_the_users_own_files_stay(house: FakeHouse) -> None:
    folder = Path("output/day")
    folder.mkdir(parents=True)
    for name in ("notes.txt", "signals.csv", "summary.json", "report.html"):
        (folder / name).write_text("old")
    house.stop = KeyboardInterrupt()
    assert main(["run", "day"]) == 130
    assert sorted(path.name for path in folder.iterdir()) == ["notes.txt", FILE_NAME]


def test_own_files_name_the_recording() -> None:
    assert FILE_NAME in run.OWN_FILES


def test_a_file_in_place_of_the_folder_is_refused_before_anything_is_loaded(
    house: FakeHouse, capsys: Captured
) -> None:
    Path("results").write_text("mine")
    for out in ("results", "results/today"):
        assert main(["run", "day", "--out", out]) == 2
        assert capsys.readouterr().err == f"error: --out {out}: results is a file; choose a folder\n"
    assert house.loaded == []


def test_a_folder_that_cannot_be_written_is_refused_before_anything_is_loaded(
    house: FakeHouse, monkeypatch: pytest.MonkeyPatch, capsys: Captured, tmp_path: Path
) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert main(["run", "day", "--out", "results/today"]) == 2
    line = capsys.readouterr().err
    assert line == f"error: --out results/today: {tmp_path} cannot be written; choose another folder\n"
    assert house.loaded == []


def test_a_folder_that_cannot_be_made_is_one_line(house: FakeHouse, capsys: Captured) -> None:
    assert main(["run", "day", "--out", "/proc/none"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: --out /proc/none: ")
    assert error.count("\n") == 1
    assert house.runs == []


def test_the_first_run_says_that_kernels_are_compiled(
    house: FakeHouse, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.setattr("plant_models.kernels.kernels_are_cached", lambda *_: False)
    assert main(["run", "day", "--quiet"]) == 0
    assert "compiling kernels (once after install, about" in capsys.readouterr().err
    monkeypatch.setattr("plant_models.kernels.kernels_are_cached", lambda *_: True)
    assert main(["run", "day", "--quiet"]) == 0
    assert "compiling" not in capsys.readouterr().err


def test_check_goes_on_after_a_wrong_scenario(
    house: FakeHouse, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.setattr("thermal_bms.cli.check.build_parts", lambda scenario: None)
    assert main(["check", "broken", "day"]) == 2
    shown = capsys.readouterr()
    assert shown.err == "error: truk: unknown key; did you mean truck? (broken.toml)\n"
    assert shown.out == "ok: day: A day; truck heavy; controller pid; park; 2.0 h; 1 checks\n"
    assert main(["check", "day", "--set", "seed=2"]) == 0
    assert house.loaded[-1] == ("day", ("seed=2",))
    assert not Path("output").exists()


def test_check_finds_what_shows_only_when_the_parts_are_built(
    house: FakeHouse, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    def refuse(scenario: object) -> None:
        raise ConfigError("controller.settings.gain = -1: must be >= 0")

    monkeypatch.setattr("thermal_bms.cli.check.build_parts", refuse)
    assert main(["check", "day"]) == 2
    assert "controller.settings.gain = -1" in capsys.readouterr().err


DAY = """
title = "A parked day"
truck = "heavy_lfp"
climate = { kind = "constant", temp_degc = 20.0 }
phase = [{ kind = "park", duration_h = 2.0 }]
"""


@pytest.mark.parametrize(
    ("more", "code", "line"),
    [
        ("", 0, "ok: day.toml: A parked day; truck heavy_lfp; controller pid; park; 2.0 h; 0 checks"),
        ("fault = [{ kind = 'pump_off' }]", 0, "0 checks; 1 faults"),
        ("controller = { name = 'pidd' }", 2, "did you mean pid?"),
        ("controller = { name = 'pid', settings = { gian = 1 } }", 2, "gian: unknown key"),
        ("checks = { cell_temp_max_dgc = '< 45' }", 2, "did you mean cell_temp_max_degc?"),
        ("truk = 'x'", 2, "did you mean truck?"),
    ],
)
def test_check_tells_of_a_real_scenario_what_it_does_or_what_is_wrong(
    more: str, code: int, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("day.toml").write_text(more + DAY)
    assert main(["check", "day.toml"]) == code
    shown = capsys.readouterr()
    assert line in (shown.err if code else shown.out)
    assert (shown.out + shown.err).count("\n") == 1


def test_faults_prints_what_was_found_and_when(capsys: Captured) -> None:
    assert main(["faults", "--only", "crash: *", "--mode", "park"]) == 0
    header, row, summary = capsys.readouterr().out.splitlines()
    assert header.split()[:3] == ["fault", "mode", "expected"]
    assert row.startswith("crash: crash  park    CRASH ")
    assert row.split()[4:-1] == ["trip", "1.00", "2.00", "open", "at", "once", "1.00"]
    assert summary == "1 faults, 1 as expected, 0 not"


def test_faults_lists_the_matrix_without_running_it(capsys: Captured) -> None:
    assert main(["faults", "--list", "--mode", "drive"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) > 100
    assert all(line.startswith("drive") for line in lines)


def test_faults_ends_with_1_and_the_reason_when_something_is_not_found(
    monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.setattr("thermal_bms.protection.Protection.step", lambda *_, **__: HEALTHY)
    assert main(["faults", "--only", "crash: *", "--mode", "park"]) == 1
    assert "  not as expected: not found within 2 s" in capsys.readouterr().out


def test_faults_that_match_nothing_are_one_line(capsys: Captured) -> None:
    assert main(["faults", "--only", "pumpp"]) == 2
    assert capsys.readouterr().err == (
        "error: --only pumpp: no fault of the matrix matches; --list shows all\n"
    )


def test_report_is_built_from_a_folder_or_a_recording(house: FakeHouse, capsys: Captured) -> None:
    assert main(["run", "day", "--no-report", "--quiet"]) == 0
    for given in ("output/day", f"output/day/{FILE_NAME}"):
        Path("output/day/report.html").unlink(missing_ok=True)
        assert main(["report", given]) == 0
        assert capsys.readouterr().out == "output/day/report.html\n"
        assert Path("output/day/report.html").exists()


def test_report_says_when_the_recording_is_incomplete(house: FakeHouse, capsys: Captured) -> None:
    house.stop = KeyboardInterrupt()
    main(["run", "day"])
    assert main(["report", "output/day", "--csv"]) == 0
    out = capsys.readouterr().out
    assert f"output/day/{FILE_NAME} is incomplete: not closed" in out
    assert "output/day/signals.csv" in out


def test_report_of_nothing_is_one_line(house: FakeHouse, capsys: Captured) -> None:
    assert main(["report", "output/none"]) == 2
    assert capsys.readouterr().err.startswith("error: output/none: no such file or folder")


def test_list_shows_what_cannot_be_loaded_beside_the_rest(house: FakeHouse, capsys: Captured) -> None:
    assert main(["list", "scenarios"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["name", "truck", "length", "climate", "title"]
    assert lines[2].split() == ["day", "heavy", "2.0", "h", "20", "degC", "A", "day"]
    assert "error: truk: unknown key" in lines[3]


def test_list_shows_every_kind_under_its_name(house: FakeHouse, capsys: Captured) -> None:
    assert main(["list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line in cli.list_._KINDS] == list(cli.list_._KINDS)


def test_list_knows_trucks_cycles_cells_and_controllers(capsys: Captured) -> None:
    assert main(["list", "trucks"]) == 0
    assert "3 x 216s1p" in capsys.readouterr().out
    assert main(["list", "cycles"]) == 0
    assert "nrel_long_haul" in capsys.readouterr().out
    assert main(["list", "cells"]) == 0
    assert "LFP" in capsys.readouterr().out
    assert main(["list", "climates"]) == 0
    assert "phoenix_hot_week" in capsys.readouterr().out
    assert main(["list", "chargers"]) == 0
    assert ["mcs_1mw", "mcs", "1,000", "3,000", "1,250"] in [
        line.split() for line in capsys.readouterr().out.splitlines()
    ]
    assert main(["list", "controllers"]) == 0
    assert "thermostat" in capsys.readouterr().out


def test_a_package_of_another_distribution_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    check_packages()
    foreign = module("scenarios", __file__="/usr/lib/scenarios/__init__.py")
    monkeypatch.setitem(sys.modules, "scenarios", foreign)
    with pytest.raises(
        ConfigError, match=r"scenarios \(/usr/lib/scenarios/__init__\.py\) is not part of thermal-bms"
    ):
        check_packages()
    assert main(["list", "controllers"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_missing_package_is_named() -> None:
    with pytest.raises(ConfigError, match="package thermal_bms_none cannot be imported"):
        check_packages(["thermal_bms_none"])


def test_a_closed_pipe_ends_quietly() -> None:
    command = "from thermal_bms.cli import main; import sys; sys.exit(main(['list', 'controllers']))"
    with subprocess.Popen(
        [sys.executable, "-c", command], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdout.close()
        process.wait()
        assert process.stderr.read() == b""
    assert process.returncode == cli.BROKEN_PIPE


def test_the_length_of_a_day_adds_what_is_known() -> None:
    phases = (
        SimpleNamespace(
            kind="drive", cycle="epa_udds", repeat=2, distance_km=None, duration_max_h=24.0, charger=None
        ),
        SimpleNamespace(kind="park", duration_h=2.0),
        SimpleNamespace(kind="charge", charger="ccs_350kw", duration_h=None),
    )
    day = SimpleNamespace(settings=SimpleNamespace(phase=phases), folder=Path())
    assert length_text(day) == "2.8 h + charging"
    assert phases_text(day.settings) == "drive epa_udds, park, charge ccs_350kw"
    phases[0].distance_km = 11.99 * 4
    assert length_text(day) == "3.5 h + charging"
    phases[0].duration_max_h = 1.0
    assert length_text(day) == "3.0 h + charging"


@pytest.mark.parametrize(
    ("climate", "text"),
    [
        (ConstantClimate(kind="constant", temp_degc=-20.0), "-20 degC"),
        (DiurnalClimate(kind="diurnal", temp_min_degc=12.0, temp_max_degc=31.5), "12 to 31.5 degC"),
        (HourlyClimate(kind="hourly", file="weather/phoenix_hot_week.csv"), "phoenix_hot_week"),
    ],
)
def test_a_climate_in_a_few_words(climate: ClimateSettings, text: str) -> None:
    assert climate_text(climate) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (0.012345, "0.01235"),
        (-999.96, "-1000"),
        (12345.6, "12,346"),
        (3e-12, "3e-12"),
        (float("nan"), "nan"),
    ],
)
def test_numbers_are_short(value: float, text: str) -> None:
    assert number(value) == text


def test_tables_are_aligned_and_may_be_empty() -> None:
    assert table([("a", "1"), ("long", "10")], header=("x", "y"), right=[1]).splitlines() == [
        "x      y",
        "----  --",
        "a      1",
        "long  10",
    ]
    assert table([]) == ""


def test_recording_errors_are_input_errors() -> None:
    assert RecordingError.exit_code == 2
