"""What lies ahead: times to the next fast charge and to departure."""

import math

import numpy as np
import pytest

from scenarios.drive_cycle import load_cycle
from scenarios.preview import Plan, nominal_duration_s
from scenarios.scenario import ChargePhase, DrivePhase, ParkPhase, Phase

DRIVE = DrivePhase(kind="drive", cycle="epa_udds")
PARK = ParkPhase(kind="park", duration_h=0.5)
NIGHT = ChargePhase(kind="charge", charger="ac_22kw", duration_h=8.0)
FAST = ChargePhase(kind="charge", charger="ccs_350kw")
STATION = ChargePhase(kind="charge", charger="mcs_1mw", duration_h=0.75)


def plan(*phases: Phase) -> Plan:
    durations_s = {"drive": 1369.0, "park": 1800.0}
    return Plan(phases, [durations_s.get(p.kind) or nominal_duration_s(p, None, 400.0) for p in phases])


def test_the_time_to_the_next_fast_charge_counts_down_across_phases() -> None:
    day = plan(DRIVE, PARK, FAST)
    told = [
        day.preview(index, elapsed_s).charge_in_s
        for index, elapsed_s in ((0, 0.0), (0, 1000.0), (0, 1369.0), (1, 0.0), (1, 600.0), (1, 1800.0))
    ]
    assert told == [3169.0, 2169.0, 1800.0, 1800.0, 1200.0, 0.0]
    assert day.preview(0, 0.0).charge_power_w == 350e3


def test_a_late_phase_counts_as_about_to_end() -> None:
    assert plan(DRIVE, FAST).preview(0, 5000.0).charge_in_s == 0.0


def test_a_slow_charge_on_the_way_is_passed_over_but_takes_its_time() -> None:
    preview = plan(DRIVE, NIGHT, DRIVE, STATION).preview(0, 369.0)
    assert preview.charge_in_s == 1000.0 + 8.0 * 3600.0 + 1369.0
    assert preview.charge_power_w == 1e6


def test_the_charge_at_hand_is_not_the_next_one() -> None:
    day = plan(FAST, DRIVE, STATION)
    first = day.preview(0, 100.0)
    assert first.charge_in_s == pytest.approx(day.durations_s[0] - 100.0 + 1369.0)
    assert first.charge_power_w == 1e6
    assert day.preview(2, 0.0).charge_in_s == math.inf
    assert day.preview(2, 0.0).charge_power_w == 0.0


def test_departure_is_told_only_while_plugged_in_with_a_plan() -> None:
    day = plan(DRIVE, NIGHT, FAST, PARK)
    assert day.preview(1, 3600.0).departure_in_s == 7.0 * 3600.0
    assert day.preview(1, 9.0 * 3600.0).departure_in_s == 0.0
    for index in (0, 2, 3):
        assert day.preview(index, 0.0).departure_in_s == math.inf


def test_without_conditioning_departure_is_kept_to_oneself() -> None:
    quiet = NIGHT.model_copy(update={"conditioning": False})
    assert plan(quiet, DRIVE).preview(0, 0.0).departure_in_s == math.inf


def test_a_preview_is_sure_of_itself_and_foretells_no_heat() -> None:
    preview = plan(DRIVE).preview(0, 0.0)
    assert preview.confidence == 1.0
    assert preview.horizon_s.size == preview.heat_w.size == 0


@pytest.mark.parametrize(
    ("phase", "expected_s"),
    [
        (PARK, 1800.0),
        (NIGHT, 8 * 3600.0),
        (FAST, 0.6 * 400.0 * 3.6e6 / 350e3),
        (FAST.model_copy(update={"duration_max_h": 0.1}), 360.0),
        (DRIVE, 0.0),
    ],
)
def test_a_phase_lasts_as_planned_or_as_its_charger_needs(phase: Phase, expected_s: float) -> None:
    assert nominal_duration_s(phase, None, 400.0) == pytest.approx(expected_s)


def test_a_drive_lasts_as_long_as_its_cycle_and_a_day_as_its_phases() -> None:
    cycle = load_cycle("epa_udds")
    assert nominal_duration_s(DRIVE, cycle, 400.0) == cycle.time_s[-1]
    assert plan(DRIVE, PARK, NIGHT).total_s == np.sum([1369.0, 1800.0, 28800.0])
