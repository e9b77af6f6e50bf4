"""Days with electrochemical cells: books, checks, what is recorded and shown, and what is refused."""

from pathlib import Path

import numpy as np
import pytest

from plant_models.pack_spme import ELECTRODES
from scenarios.report import write_report
from scenarios.runner import RunResult, run
from scenarios.scenario import load_scenario
from tests.unit.scenarios.small_days import load_day
from thermal_bms.errors import ConfigError, ScenarioError
from thermal_bms.recording import Recording

SPME = 'cell_model="spme"'


@pytest.fixture(scope="module")
def charge(tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    """A library scenario, run with electrochemical cells: a hot day with a charge."""
    return run(load_scenario("heavy_nmc_hot_highway", [SPME]), tmp_path_factory.mktemp("charge"))


def test_a_library_scenario_passes_its_checks_and_its_books_close(charge: RunResult) -> None:
    assert charge.passed
    assert charge.kpis["electrical_closure"] < 1e-6
    assert charge.kpis["thermal_closure"] < 1e-6


def test_the_anode_stays_above_its_margin_and_its_lowest_is_a_figure(charge: RunResult) -> None:
    recording = Recording(charge.recording_path)
    anode_v = recording["anode_potential_min_v"]
    assert charge.kpis["anode_potential_min_v"] == anode_v.min()
    assert 0.01 < anode_v.min() < anode_v.max()
    assert charge.kpis["plating_minutes"] == 0.0
    full = recording["negative_surface_max"]
    assert full[-1] > full[0] + 0.1
    for side in ("negative", "positive"):
        assert (recording[f"{side}_surface_min"] <= recording[f"{side}_surface_max"]).all()


def test_the_report_draws_the_anode_over_lithium(charge: RunResult) -> None:
    page = write_report(charge.recording_path.parent).read_text(encoding="utf-8")
    assert "Anode potential over lithium" in page
    assert "Inside the electrochemical cells" in page


def test_a_day_of_circuits_says_nothing_of_electrodes(tmp_path: Path) -> None:
    result = run(load_day(tmp_path), tmp_path)
    assert np.isnan(result.kpis["anode_potential_min_v"])
    assert np.isnan(result.kpis["plating_minutes"])
    assert not set(ELECTRODES) & set(Recording(result.recording_path))
    assert "Anode potential" not in write_report(tmp_path).read_text(encoding="utf-8")


def test_an_air_cooled_day_in_park_and_sleep_closes_too(tmp_path: Path) -> None:
    result = run(load_day(tmp_path, [SPME]), tmp_path)
    assert result.passed
    assert result.kpis["electrical_closure"] < 1e-9


def test_a_truck_whose_cell_has_no_electrochemistry_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no electrochemical set for cell prada2013;.*\(day.toml\)"):
        load_day(tmp_path, [SPME, 'truck_changes={cell="prada2013"}'])


def test_an_unknown_cell_model_is_refused_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cell_model = 'spm'.*'ecm' or 'spme'"):
        load_day(tmp_path, ['cell_model="spm"'])


def test_an_abused_cell_needs_circuits(tmp_path: Path) -> None:
    fault = 'fault=[{kind="internal_short", target="0", time_s=1.0, value=0.01}]'
    assert load_day(tmp_path, [fault]).settings.fault
    with pytest.raises(ScenarioError, match=r"fault.kind = internal_short: needs cell_model = \"ecm\""):
        load_day(tmp_path, [SPME, fault])
