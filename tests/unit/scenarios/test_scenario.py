"""Scenarios: what loads, what is refused, and in which words."""

import shutil
from pathlib import Path

import pytest

from plant_models.truck_parameters import TRUCKS
from scenarios.climate import build_climate
from scenarios.drive_cycle import load_cycle
from scenarios.scenario import ChargePhase, DrivePhase, library_names, load_scenario
from tests.unit.scenarios.small_days import DAY, load_day, write_day
from thermal_bms.errors import ConfigError, ScenarioError, ThermalBmsError


@pytest.mark.parametrize("name", library_names())
def test_every_scenario_of_the_library_loads_and_can_prove_its_checks(name: str) -> None:
    loaded = load_scenario(name)
    settings = loaded.settings
    assert loaded.name == name
    assert settings.checks
    assert settings.degraded
    assert {entry.fails for entry in settings.degraded} <= set(settings.checks)
    assert {"electrical_closure", "thermal_closure"} <= set(settings.checks)


def test_the_library_covers_the_classes_the_climates_and_both_kinds_of_day() -> None:
    loaded = [load_scenario(name) for name in library_names()]
    assert len(loaded) >= 8
    assert {one.truck.weight_class for one in loaded} == {"heavy", "medium", "light"}
    assert {one.truck.cooling for one in loaded} == {"liquid", "air"}
    kinds = {phase.kind for one in loaded for phase in one.settings.phase}
    assert kinds == {"drive", "park", "charge"}
    ambient = [build_climate(one.settings.climate, folder=one.folder) for one in loaded]
    temps_degc = [climate.ambient(3600.0 * hour)[0] for climate in ambient for hour in range(24)]
    assert min(temps_degc) <= -20.0
    assert max(temps_degc) >= 42.9


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("tiltle='x'", r"tiltle: unknown key; did you mean title\?"),
        ("initial.sock=0.5", r"initial.sock: unknown key; did you mean soc\?"),
        ("initial.soc=1.5", r"initial.soc = 1.5: must be <= 1 \(day.toml\)"),
        ("initial.soc=nan", r"initial.soc = nan: must be a finite number"),
        ("tick_s=60", r"tick_s = 60: must be <= 10"),
        ("tick_s=0", r"tick_s = 0: must be >= 0.01"),
        ("climate.temp=3", r"climate.temp: unknown key; did you mean temp_degc\?"),
        ("climate.kind='tropical'", r"climate.kind = 'tropical': no such kind"),
        ("climate={temp_degc=3}", r"climate.kind: missing"),
        ("phase.0.kind='drve'", r"phase.0.kind = 'drve': no such kind; did you mean drive\?"),
        ("phase.0.cyle='x'", r"phase.0.cyle: unknown key; did you mean cycle\?"),
        ("phase.2.chargr='x'", r"phase.2.chargr: unknown key; did you mean charger\?"),
        ("phase.0.repeat=0", r"phase.0.repeat = 0: must be >= 1"),
        ("phase.1.duration_h=-1", r"phase.1.duration_h = -1: must be > 0"),
        ("phase=[]", r"phase: .*at least 1"),
        ("phase.3.kind='park'", r"--set phase.3.kind='park': 3 must be a number from 0 to 2"),
        ("phase.0.cycle='epa_uds'", r"cycle = 'epa_uds': no such cycle; did you mean epa_udds\?"),
        ("phase.0.cycle='blok.csv'", r"blok.csv: no such file; did you mean block.csv\?"),
        (
            "phase.2.charger='ac_23kw'",
            r"charger = 'ac_23kw': no such charger; did you mean (ac_22kw|ac_43kw)\?",
        ),
        ("controller.name='pit'", r"controller = pit: no such controller; did you mean pid\?"),
        ("controller.settings.nonsense=1", r"nonsense: unknown key"),
        ("truck='light_aer'", r"light_aer.toml: no such file; did you mean light_air\?"),
        ("truck_changes.cooling='liquid'", r'cooling = "liquid" needs a \[loop\] table'),
        ("payload_kg=741", r"payload_kg = 741: light_air carries at most 740 kg \(day.toml\)"),
        ("phase.0.payload_kg=9e3", r"payload_kg = 9000: light_air carries at most 740 kg"),
        ("checks.cell_temp_max=1", r"checks.cell_temp_max = 1: must be a valid string"),
        (
            "checks.cell_temp_max='< 1'",
            r"checks.cell_temp_max: no such figure; did you mean cell_temp_max_degc",
        ),
        ("checks.soc_end='lots'", r"checks.soc_end = 'lots': must be like '< 45'"),
        ("checks.soc_end='3 .. 1'", r"checks.soc_end = '3 .. 1': the range is empty"),
        ("recording.signals_every_s=0", r"recording.signals_every_s = 0: must be > 0"),
        ("degraded=[{fails='soc_end',fault={kind='fan_off'}}]", r"degraded.fails = 'soc_end': no check of"),
        ("fault=[{kind='fan_of'}]", r"fault.0: no such fault; did you mean fan_off\?"),
        ("fault=[{kind='string_open',target='1'}]", r"fault.target = 1: light_air has strings 0 to 0"),
        (
            "fault=[{kind='sensor_lost',target='cell_temp_degc[0,12]'}]",
            r"fault.target = cell_temp_degc\[0,12\]: light_air has 1 x 12 of cell_temp_degc, counted from 0",
        ),
        (
            "fault=[{kind='sensor_lost',target='string_current_a[0,0]'}]",
            r"light_air has 1 of string_current_a, counted from 0",
        ),
        (
            "fault=[{kind='sensor_lost',target='bus_voltage_v[0]'}]",
            r"light_air has one value of bus_voltage_v",
        ),
        (
            "degraded=[{fails='cell_temp_max_degc',fault={kind='string_open',target='4'}}]",
            r"fault.target = 4: light_air has strings 0 to 0",
        ),
        ("nonsense", r"--set nonsense: expected key=value"),
        ("title.x=1", r"--set title.x=1: title is a value, not a table"),
    ],
)
def test_what_is_wrong_is_told_in_one_line_with_the_way_out(
    tmp_path: Path, override: str, message: str
) -> None:
    with pytest.raises(ThermalBmsError, match=message) as refused:
        load_day(tmp_path, [override])
    assert "\n" not in str(refused.value)


def test_faults_of_sensors_that_are_there_are_accepted(tmp_path: Path) -> None:
    targets = (
        "cell_temp_degc[0,11]",
        "cell_temp_degc[0]",
        "cell_voltage_v",
        "string_current_a[0]",
        "bus_voltage_v",
    )
    faults = ",".join(f"{{kind='sensor_lost',target='{target}'}}" for target in targets)
    assert len(load_day(tmp_path, [f"fault=[{faults}]"]).settings.fault) == 5


def test_later_overrides_win_and_reach_into_lists(tmp_path: Path) -> None:
    settings = load_day(
        tmp_path, ["initial.soc=0.5", "initial.soc=0.4", "phase.0.repeat=3", "controller.name=thermostat"]
    ).settings
    assert settings.initial.soc == 0.4
    assert isinstance(settings.phase[0], DrivePhase)
    assert settings.phase[0].repeat == 3
    assert settings.controller.name == "thermostat"


def test_changes_to_the_truck_are_laid_over_its_parameter_set(tmp_path: Path) -> None:
    plain = load_day(tmp_path).truck
    changed = load_day(tmp_path, ["truck_changes.pack.n_temp_sensors=6"]).truck
    assert changed.pack.n_temp_sensors == 6
    assert changed.pack.n_series == plain.pack.n_series


def test_cycle_climate_and_truck_are_looked_for_beside_the_scenario(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "days"
    text = DAY.replace('truck = "light_air"', 'truck = "van.toml"').replace(
        'kind = "constant"\ntemp_degc = 34.0', 'kind = "hourly"\nfile = "weather.csv"'
    )
    write_day(folder, text)
    shutil.copy(TRUCKS / "light_air.toml", folder / "van.toml")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    loaded = load_scenario("../days/day.toml")
    assert loaded.truck.cooling == "air"
    assert load_cycle("block.csv", folder=loaded.folder).time_s[-1] == 60.0
    assert build_climate(loaded.settings.climate, folder=loaded.folder).ambient(0.0)[0] == 28.0


def test_a_library_scenario_is_found_wherever_one_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_scenario("light_air_van_summer").truck.cooling == "air"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "light_air_van_sumer",
            r"no scenario of that name in the library; did you mean light_air_van_summer\?",
        ),
        ("nowhere.toml", r"nowhere.toml: no such scenario file"),
        ("days/nowhere", r"days/nowhere: no such scenario file"),
    ],
)
def test_a_scenario_that_is_not_there_is_refused(name: str, message: str) -> None:
    with pytest.raises(ScenarioError, match=message):
        load_scenario(name)


@pytest.mark.parametrize(
    ("text", "message"),
    [("title = ", "not valid TOML"), ("", "missing"), ("\xff", "cannot be read|not valid")],
)
def test_a_file_that_is_no_scenario_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "day.toml"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(ConfigError, match=message):
        load_scenario(str(path))


def test_a_phase_without_more_words_has_sensible_defaults(tmp_path: Path) -> None:
    settings = load_day(tmp_path).settings
    charge = settings.phase[2]
    assert isinstance(charge, ChargePhase)
    assert charge.until_soc == 0.8
    assert settings.tick_s == 1.0
    assert settings.payload_kg is None


def test_a_controller_beside_the_scenario_is_found_from_everywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_day(tmp_path)
    (tmp_path / "own.py").write_text("from controllers.thermostat import build\n")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    loaded = load_scenario(str(path), ["controller.name='own.py:build'"])
    assert loaded.settings.controller.name == f"{(tmp_path / 'own.py').resolve()}:build"
