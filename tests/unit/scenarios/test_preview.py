"""What lies ahead: times to the next fast charge and to departure, heat and weather on the way."""

import math

import numpy as np
import pytest

from plant_models.truck_parameters import describe, load_truck
from scenarios.climate import Climate
from scenarios.drive_cycle import load_cycle
from scenarios.preview import Plan, nominal_duration_s, phase_curve_a2
from scenarios.scenario import ChargePhase, DrivePhase, ParkPhase, Phase, PreviewSettings

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


def test_without_a_pack_a_preview_is_sure_of_itself_and_foretells_no_heat() -> None:
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


PACK = describe(load_truck("light_air")).pack
WARM = Climate((20.0, 26.0), (0.5, 0.5), (0.0, 0.0), step_s=3600.0)


def told_plan(settings: PreviewSettings | None = None, *, seed: int = 0) -> Plan:
    """A drive at 50 A for ten minutes, then a charge at 100 A for five."""
    curves = [np.full(10, 2500.0), np.full(5, 1e4)]
    return Plan((DRIVE, FAST), (600.0, 300.0), settings, pack=PACK, curves=curves, climate=WARM, seed=seed)


def test_the_heat_ahead_is_that_of_current_and_resistance() -> None:
    preview = told_plan().preview(0, 0.0)
    per_a2 = PACK.n_series / PACK.n_strings * PACK.resistance_ohm[PACK.resistance_temp_degc.index(25.0)]
    assert preview.horizon_s.tolist() == [60.0 * i for i in range(15)]
    assert preview.heat_w == pytest.approx(per_a2 * np.array([2500.0] * 10 + [1e4] * 5))


def test_cold_cells_are_foretold_more_heat() -> None:
    warm, cold = (told_plan().preview(0, 0.0, cell_temp_degc=t).heat_w for t in (25.0, -10.0))
    assert np.all(cold > 2.0 * warm)
    assert np.array_equal(told_plan().preview(0, 0.0, cell_temp_degc=math.nan).heat_w, warm)


def test_the_foretold_curve_moves_on_with_the_truck() -> None:
    later = told_plan().preview(0, 480.0)
    assert later.heat_w.size == 7
    assert later.heat_w[2] == pytest.approx(4.0 * later.heat_w[1])


def test_the_weather_ahead_is_that_of_the_climate() -> None:
    preview = told_plan().preview(0, 0.0, now_s=1800.0)
    assert preview.ambient_temp_degc[0] == pytest.approx(23.0)
    assert preview.ambient_temp_degc[10] == pytest.approx(24.0)


def test_a_bias_makes_all_heat_wrong_by_as_much() -> None:
    right = told_plan().preview(0, 0.0).heat_w
    wrong = told_plan(PreviewSettings(heat_bias=0.3)).preview(0, 0.0).heat_w
    assert wrong == pytest.approx(1.3 * right)


def test_noise_is_slow_repeats_with_its_seed_and_keeps_heat_positive() -> None:
    noisy = PreviewSettings(heat_noise=0.3)
    curves = [np.ones(5000)]
    plans = [Plan((DRIVE,), (3e5,), noisy, pack=PACK, curves=curves, climate=WARM, seed=s) for s in (1, 1, 2)]
    first, same, other = (plan._curves[0] for plan in plans)
    assert np.array_equal(first, same)
    assert not np.array_equal(first, other)
    assert first.min() >= 0.0
    assert first.mean() == pytest.approx(1.0, abs=0.05)
    assert first.std() == pytest.approx(0.3, rel=0.15)
    assert np.corrcoef(first[:-1], first[1:])[0, 1] > 0.85


def test_heat_and_events_can_be_kept_from_the_controller() -> None:
    quiet = told_plan(PreviewSettings(heat=False, confidence=0.5)).preview(0, 0.0)
    assert quiet.heat_w.size == quiet.horizon_s.size == quiet.ambient_temp_degc.size == 0
    assert quiet.charge_in_s == 600.0
    assert quiet.confidence == 0.5
    blind = told_plan(PreviewSettings(events=False)).preview(0, 0.0)
    assert blind.charge_in_s == math.inf
    assert blind.heat_w.size == 15


def test_a_charge_is_foretold_at_the_power_that_the_cells_take() -> None:
    truck = load_truck("light_air")
    curve = phase_curve_a2(
        FAST,
        None,
        3600.0,
        pack=PACK,
        vehicle=truck.vehicle,
        payload_kg=0.0,
        usable_kwh=39.0,
        ambient_degc=20.0,
    )
    assert math.sqrt(curve[0]) == pytest.approx(PACK.charge_current_max_a * PACK.n_strings)
    assert curve[-1] == 0.0
    assert (
        phase_curve_a2(
            PARK,
            None,
            1800.0,
            pack=PACK,
            vehicle=truck.vehicle,
            payload_kg=0.0,
            usable_kwh=39.0,
            ambient_degc=20.0,
        ).tolist()
        == [0.0] * 30
    )
