"""A run with an abused cell records it, in every phase, and the report draws it."""

from pathlib import Path

import numpy as np
import pytest

from plant_models.runaway import RunawayEvent
from scenarios.faults import FaultEntry
from scenarios.metrics import compute_kpis
from scenarios.report import render_report
from scenarios.report_plots import DayView, style
from scenarios.runaway_figure import runaway_figure
from scenarios.runaway_rows import CELLS, EVENTS, RunawayRows
from scenarios.runner import run
from scenarios.scenario import ChargePhase, DrivePhase, LoadedScenario, ParkPhase, Phase, load_scenario
from thermal_bms.recording import Recording

SHORT = FaultEntry(kind="internal_short", time_s=10.0, target="0, 70", value=0.004)
PHASES: dict[str, Phase] = {
    "drive": DrivePhase(kind="drive", cycle="nrel_regional_haul", distance_km=6.0),
    "charge": ChargePhase(kind="charge", charger="ccs_150kw", duration_h=0.12),
    "sleep": ParkPhase(kind="park", duration_h=0.12, wake_interval_min=0.0),
}


def day(phase: str, *faults: FaultEntry) -> LoadedScenario:
    scenario = load_scenario("medium_nmc_regional")
    settings = scenario.settings.model_copy(
        update={"phase": (PHASES[phase],), "fault": faults, "checks": {}, "degraded": ()}
    )
    return LoadedScenario(scenario.name, settings, scenario.truck, scenario.folder)


@pytest.mark.parametrize("phase", PHASES)
def test_a_cell_runs_away_in_every_phase_and_is_recorded(phase: str, tmp_path: Path) -> None:
    result = run(day(phase, SHORT), tmp_path)
    recording = Recording(result.recording_path)
    events = recording.stream(EVENTS)
    assert {RunawayEvent.VENT, RunawayEvent.RUNAWAY} <= {RunawayEvent(int(e)) for e in events["event"]}
    assert set(events["string"]) == {0.0}
    assert np.nanmax(recording.stream(CELLS)["cell_temp_degc"]) > 150.0
    kpis = compute_kpis(recording)
    assert kpis["runaway_cells"] == result.kpis["runaway_cells"] >= 1.0
    assert kpis["electrical_closure"] < 1e-6
    assert kpis["thermal_closure"] < 1e-6


def test_the_report_draws_the_cells_and_what_happened(tmp_path: Path) -> None:
    recording = Recording(run(day("sleep", SHORT), tmp_path).recording_path)
    with style():
        figure = runaway_figure(DayView(recording), recording.stream(CELLS), recording.stream(EVENTS))
    assert figure is not None
    assert len(figure.axes[0].lines) >= 2
    assert "Thermal runaway" in render_report(recording)


def test_a_day_without_an_abuse_has_no_such_streams(tmp_path: Path) -> None:
    recording = Recording(run(day("sleep"), tmp_path).recording_path)
    assert RunawayRows(()).streams() == {}
    assert {CELLS, EVENTS}.isdisjoint(recording.streams)
    assert recording["runaway_cells"].max() == 0.0
    assert recording["pack_pressure_pa"] == pytest.approx(101325.0)
    assert "Thermal runaway" not in render_report(recording)
