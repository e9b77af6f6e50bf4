"""Ageing of a run, from its recording."""

import json
from pathlib import Path

import numpy as np
import pytest

from plant_models.health import PackHealth, write_health
from scenarios.ageing import aged_run, ageing_kpis, ageing_warnings
from scenarios.metrics import KPIS, compute_kpis
from scenarios.prices import load_prices
from scenarios.report import render_report
from scenarios.runner import run
from tests.unit.scenarios.small_days import load_day
from tests.unit.scenarios.synthetic import FakeRecording, truck_day
from thermal_bms.errors import ConfigError, RecordingError
from thermal_bms.recording import Recording

AGEING = [name for name in KPIS if name.startswith("ageing_")]


def recorded(folder: Path, *overrides: str) -> Recording:
    out = folder / "out"
    out.mkdir()
    return Recording(run(load_day(folder, overrides), out).recording_path)


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    return recorded(tmp_path_factory.mktemp("new"))


@pytest.fixture(scope="module")
def aged(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    return recorded(tmp_path_factory.mktemp("aged"), "initial.soh_capacity=0.8", "initial.soh_resistance=1.5")


def test_a_run_has_every_figure_of_ageing(recording: Recording) -> None:
    kpis = compute_kpis(recording)
    assert set(ageing_kpis(recording)) == set(AGEING)
    assert all(np.isfinite(kpis[name]) for name in AGEING)


def test_the_parts_of_the_loss_make_the_whole(recording: Recording) -> None:
    kpis = ageing_kpis(recording)
    parts = [kpis[f"ageing_{part}_percent_per_day"] for part in ("calendar", "cycle", "plating")]
    assert sum(parts) == pytest.approx(kpis["ageing_percent_per_day"])
    assert (
        kpis["ageing_percent_per_day_low"]
        < kpis["ageing_percent_per_day"]
        < kpis["ageing_percent_per_day_high"]
    )
    assert kpis["ageing_worst_percent_per_day"] >= kpis["ageing_percent_per_day"]


def test_the_price_of_a_day_is_that_of_its_percents(recording: Recording) -> None:
    kpis, prices = ageing_kpis(recording), load_prices()
    per_percent = prices.capacity_eur_per_percent(aged_run(recording).pack_energy_kwh)
    for end in ("", "_low", "_high"):
        assert kpis[f"ageing_eur_per_day{end}"] == pytest.approx(
            per_percent * kpis[f"ageing_percent_per_day{end}"]
        )
    dearer = ageing_kpis(recording, prices.scaled("battery_eur_per_kwh", 2.0))
    assert dearer["ageing_eur_per_day"] == pytest.approx(2.0 * kpis["ageing_eur_per_day"])


def test_a_recording_without_a_pack_says_nothing_on_ageing() -> None:
    bare = FakeRecording({"time_s": [0.0, 1.0]})
    for source in (bare, truck_day()):
        assert ageing_kpis(source) == {}
        assert ageing_warnings(source) == []
    with pytest.raises(RecordingError, match="does not hold its truck"):
        aged_run(bare)


def test_an_aged_pack_has_less_charge_more_loss_and_says_so_in_its_recording(
    recording: Recording, aged: Recording
) -> None:
    assert aged_run(aged).day.health.capacity == pytest.approx(0.8)
    assert not aged_run(recording).day.health.is_used
    kpis, new = compute_kpis(aged), compute_kpis(recording)
    assert kpis["cell_heat_kwh"] > 1.2 * new["cell_heat_kwh"]
    assert kpis["range_km"] < 0.85 * new["range_km"]
    assert kpis["ageing_cycle_percent_per_day"] > new["ageing_cycle_percent_per_day"]
    assert kpis["electrical_closure"] < 1e-6
    assert kpis["thermal_closure"] < 1e-6


def test_a_scenario_starts_with_the_pack_of_a_health_file(tmp_path: Path) -> None:
    pack = load_day(tmp_path).truck.pack
    shape = (pack.n_strings, pack.n_series)
    health = PackHealth(
        np.linspace(0.7, 0.9, pack.n_strings * pack.n_series).reshape(shape), np.full(shape, 1.2)
    )
    write_health(tmp_path / "health.csv", health)
    found = aged_run(recorded(tmp_path, 'initial.soh_file="health.csv"')).day.health
    assert found.capacity == pytest.approx(health.capacity, abs=1e-6)
    with pytest.raises(ConfigError, match="soh_file already says"):
        load_day(tmp_path, ['initial.soh_file="health.csv"', "initial.soh_capacity=0.9"])
    with pytest.raises(ConfigError, match="no health file"):
        load_day(tmp_path, ['initial.soh_file="none.csv"'])


def test_a_day_outside_the_range_of_its_laws_warns_in_summary_and_report(tmp_path: Path) -> None:
    cold = recorded(tmp_path, "initial.cell_temp_degc=-5.0", "climate.temp_degc=-8.0")
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert any("outside the 10 to 45 °C of the ageing law" in text for text in summary["warnings"])
    page = render_report(cold, summary)
    assert "outside the 10 to 45 °C of the ageing law" in page
    assert "<h2>Ageing</h2>" in page


def test_a_day_inside_the_range_does_not_warn(recording: Recording) -> None:
    assert aged_run(recording).day.outside.worst < 0.01
    assert ageing_warnings(recording) == []
