"""Predictive health in whole days and trucks; the long tables come from tools/health_check.py."""

import pytest

from scenarios.health_bench import RunawayCase, SlowCase, fault, run_day, run_runaway, run_slow
from scenarios.health_rows import health_stories
from thermal_bms.faults import FaultCode
from thermal_bms.health import FindingKind

NMC_DAY = "medium_nmc_regional"


def test_a_nominal_day_has_no_finding_and_no_alarm() -> None:
    recording = run_day(NMC_DAY, seed=5)
    assert health_stories(recording) == []
    assert FaultCode.THERMAL_RUNAWAY not in recording.stream("events")["code"].tolist()


def test_a_soft_short_is_found_in_its_group_with_its_size_and_the_time_left() -> None:
    faults = (fault("internal_short", 1.5, "2, 100"),)
    outcome = run_slow(SlowCase("short", NMC_DAY, faults, FindingKind.SOFT_SHORT), seed=5)
    assert outcome.story is not None
    assert outcome.others == ()
    last = outcome.story.last
    assert (last.string, last.place) == (2, 100)
    assert last.value == pytest.approx(3.8 / 1.5, rel=0.35)
    assert outcome.left_true_s / 2.0 < last.time_to_limit_s < 2.0 * outcome.left_true_s


def test_an_evaporator_that_runs_dry_is_found_with_its_share() -> None:
    outcome = run_slow(
        SlowCase(
            "dry",
            "heavy_lfp_megawatt_datasheet",
            (fault("refrigerant_lost", 0.45, time_s=0.0),),
            FindingKind.REFRIGERANT_LOSS,
        ),
        seed=5,
    )
    assert outcome.story is not None
    assert outcome.story.last.value == pytest.approx(0.45, abs=0.1)
    assert outcome.story.last.confidence > 0.99


@pytest.mark.parametrize("mode", ["park", "charge"])
def test_a_short_is_told_before_its_cell_vents_and_minutes_before_the_next_cell_burns(mode: str) -> None:
    outcome = run_runaway(RunawayCase("medium_nmc", mode, "internal_short", 0.008, "1, 50", hours=0.3))
    assert outcome.alarm_s < outcome.vent_s
    assert outcome.hazard_s - outcome.alarm_s > 300.0


def test_a_heated_lfp_cell_is_told_when_its_separator_gives_way() -> None:
    outcome = run_runaway(RunawayCase("heavy_lfp", "park", "cell_heater", 1200.0, "2, 50", hours=0.1))
    assert 0.0 < outcome.alarm_s - outcome.onset_s < 10.0
