"""Figures of a run and the checks on them."""

import math
from typing import Any

import numpy as np
import pytest

from scenarios.metrics import KPIS, compute_kpis, evaluate_checks, parse_limit, validate_checks
from tests.unit.scenarios.synthetic import FakeRecording, truck_day
from thermal_bms.errors import ScenarioError
from thermal_bms.signals import LimitCause, ValveMode, VehicleMode

DRIVE, PARK, CHARGE = float(VehicleMode.DRIVE), float(VehicleMode.PARK), float(VehicleMode.CHARGE)


def recording(time_s: list[float], meta: dict[str, Any] | None = None, **columns: Any) -> FakeRecording:
    """Return rows at ``time_s``; one number stands for all rows; the rest is quiet driving."""
    quiet = {
        "vehicle_mode": DRIVE,
        "asleep": 0.0,
        "soc": 0.5,
        "soc_estimate": 0.5,
        "distance_m": 0.0,
        "vehicle_speed_m_per_s": 0.0,
        "target_speed_m_per_s": 0.0,
        "discharge_power_max_w": 1e6,
        "fault_count": 0.0,
        "cell_temp_min_degc": 20.0,
        "cell_temp_mean_degc": 22.0,
        "cell_temp_max_degc": 24.0,
        "compressor_speed_rpm": 0.0,
        "valve_mode": float(ValveMode.BYPASS),
        "charge_limit": 0.0,
    }
    powers = ("pack", "traction", "friction_brake", "charger", "cabin")
    quiet |= {f"{name}_power_w": 0.0 for name in powers}
    quiet |= {f"{n}_power_w": 0.0 for n in ("pump", "fan", "compressor", "heater")}
    quiet |= {f"{n}_duty": 0.0 for n in ("pump", "fan", "compressor", "heater")}
    quiet |= {"cell_heat_w": 0.0, "charge_current_request_a": 0.0, "pack_current_a": 0.0}
    full = {name: np.broadcast_to(np.float64(value), len(time_s)) for name, value in quiet.items()}
    given = {
        name: np.broadcast_to(np.asarray(v, dtype=np.float64), len(time_s)) for name, v in columns.items()
    }
    return FakeRecording({"time_s": time_s, **full, **given}, meta)


def kpis(time_s: list[float], meta: dict[str, Any] | None = None, **columns: Any) -> dict[str, float]:
    return compute_kpis(recording(time_s, meta, **columns))


def test_an_energy_is_power_times_the_interval_that_ends_at_the_row() -> None:
    found = kpis([1.0, 2.0, 62.0], pump_power_w=[3600.0, 3600.0, 36000.0])
    assert found["pump_energy_kwh"] == pytest.approx((3600.0 * 2 + 36000.0 * 60.0) / 3.6e6)


def test_energy_per_km_counts_only_driving_and_regeneration_lowers_it() -> None:
    found = kpis(
        [3600.0, 7200.0, 10800.0],
        pack_power_w=[100e3, -20e3, 7e3],
        vehicle_mode=[DRIVE, DRIVE, PARK],
        distance_m=[60e3, 80e3, 80e3],
    )
    assert found["energy_kwh_per_km"] == pytest.approx(80.0 / 80.0)
    assert found["energy_net_kwh"] == pytest.approx(87.0)


def test_energy_per_km_is_unknown_when_the_truck_does_not_move() -> None:
    found = kpis([1.0, 2.0], pack_power_w=5e3)
    assert math.isnan(found["energy_kwh_per_km"])
    assert math.isnan(found["thermal_kwh_per_100_km"])
    assert math.isnan(found["range_km"])


def test_thermal_energy_adds_pump_fan_compressor_and_heater() -> None:
    powers = {"pump_power_w": 100.0, "fan_power_w": 200.0, "compressor_power_w": 3e3, "heater_power_w": 700.0}
    found = kpis([1800.0, 3600.0], distance_m=[10e3, 50e3], **powers)
    assert found["thermal_energy_kwh"] == pytest.approx(4.0)
    assert found["thermal_kwh_per_100_km"] == pytest.approx(8.0)


def test_a_distance_counter_that_restarts_is_added_up() -> None:
    assert kpis([1.0, 2.0, 3.0, 4.0], distance_m=[500.0, 1000.0, 300.0, 900.0])["distance_km"] == 1.6


def test_a_recording_cut_from_a_longer_one_does_not_count_what_came_before() -> None:
    found = kpis([5000.0, 5001.0], distance_m=[80e3, 80.02e3], pump_power_w=3600.0)
    assert found["distance_km"] == pytest.approx(0.02)
    assert found["pump_energy_kwh"] == pytest.approx(0.001)


def test_range_is_usable_energy_over_energy_per_km() -> None:
    columns = {"distance_m": [50e3, 100e3], "pack_power_w": 60e3}
    found = kpis([3600.0, 7200.0], {"usable_energy_kwh": 480.0}, **columns)
    assert found["range_km"] == pytest.approx(400.0)


def test_range_without_usable_energy_follows_from_the_charge_that_driving_used() -> None:
    soc = [0.9, 0.7, 0.95, 0.94]
    found = kpis(
        [3600.0, 7200.0, 9000.0, 9001.0],
        distance_m=[0.0, 100e3, 100e3, 100e3],
        soc=soc,
        vehicle_mode=[DRIVE, DRIVE, CHARGE, PARK],
        pack_power_w=60e3,
    )
    assert found["range_km"] == pytest.approx(500.0)


def test_missed_distance_is_what_the_speed_falls_short_of_the_target_while_driving() -> None:
    found = kpis(
        [10.0, 20.0, 30.0],
        target_speed_m_per_s=[20.0, 20.0, 20.0],
        vehicle_speed_m_per_s=[10.0, 25.0, 0.0],
        vehicle_mode=[DRIVE, DRIVE, PARK],
    )
    assert found["missed_distance_km"] == pytest.approx(0.1)


def test_a_recorded_missed_distance_goes_before_the_estimate() -> None:
    found = kpis([10.0, 20.0], target_speed_m_per_s=20.0, missed_distance_m=[30.0, 50.0])
    assert found["missed_distance_km"] == pytest.approx(0.05)


def test_driving_at_what_the_battery_allows_counts_as_limited() -> None:
    found = kpis([60.0, 120.0, 180.0], pack_power_w=[197.0, 195.0, 199.0], discharge_power_max_w=200.0)
    assert found["power_limited_minutes"] == pytest.approx(2.0)


def test_comfort_violation_adds_kelvin_seconds_on_both_sides_while_awake() -> None:
    found = kpis(
        [10.0, 20.0, 30.0, 40.0],
        {"comfort_band_degc": [15.0, 35.0]},
        cell_temp_min_degc=[12.0, 20.0, 20.0, -10.0],
        cell_temp_max_degc=[36.0, 37.0, 35.0, 20.0],
        asleep=[0.0, 0.0, 0.0, 1.0],
    )
    assert found["comfort_violation_k_s"] == pytest.approx((3.0 + 1.0 + 2.0) * 10.0)
    assert found["outside_comfort_minutes"] == pytest.approx(20.0 / 60.0)


def test_violation_in_use_leaves_out_a_pack_that_only_stands() -> None:
    found = kpis(
        [10.0, 20.0, 30.0, 40.0],
        {"comfort_band_degc": [15.0, 35.0]},
        cell_temp_min_degc=[12.0, 10.0, 9.0, 20.0],
        cell_temp_max_degc=[20.0, 20.0, 20.0, 37.0],
        vehicle_mode=[VehicleMode.DRIVE, VehicleMode.PARK, VehicleMode.CHARGE, VehicleMode.CHARGE],
        charge_current_request_a=[0.0, 0.0, 0.0, 100.0],
        charge_limit=[0.0, 0.0, 0.0, float(LimitCause.CELL_CURRENT)],
        pack_current_a=[100.0, 0.0, 0.0, -100.0],
    )
    assert found["comfort_violation_k_s"] == pytest.approx((3.0 + 5.0 + 6.0 + 2.0) * 10.0)
    assert found["in_use_violation_k_s"] == pytest.approx((3.0 + 2.0) * 10.0)


def test_comfort_is_unknown_without_a_band() -> None:
    assert math.isnan(kpis([1.0, 2.0])["comfort_violation_k_s"])


def test_the_departure_temperature_is_the_coldest_cell_in_the_last_row_before_driving_off() -> None:
    modes = [CHARGE, DRIVE, CHARGE, CHARGE, PARK, DRIVE]
    found = kpis(
        [10.0, 20.0, 30.0, 40.0, 50.0, 60.0],
        vehicle_mode=modes,
        cell_temp_min_degc=[11.0, 12.0, 13.0, 14.0, 15.0, 16.0],
    )
    assert found["departure_temp_min_degc"] == 14.0


@pytest.mark.parametrize("modes", [[DRIVE, CHARGE, CHARGE], [DRIVE, DRIVE, PARK], [CHARGE, PARK, DRIVE]])
def test_a_truck_that_does_not_drive_off_from_a_plug_has_no_departure_temperature(modes: list[float]) -> None:
    found = kpis([10.0, 20.0, 400.0], vehicle_mode=modes)
    assert math.isnan(found["departure_temp_min_degc"])


def test_spread_is_taken_at_one_instant_and_not_over_the_run() -> None:
    found = kpis([1.0, 2.0], cell_temp_min_degc=[10.0, 30.0], cell_temp_max_degc=[13.0, 34.0])
    assert found["cell_temp_spread_max_k"] == pytest.approx(4.0)
    assert (found["cell_temp_min_degc"], found["cell_temp_max_degc"]) == (10.0, 34.0)


def test_compressor_starts_count_every_rise_and_one_that_ran_from_the_first_row() -> None:
    found = kpis([1.0, 2.0, 3.0, 4.0, 5.0], compressor_speed_rpm=[2000.0, 0.0, 900.0, 4000.0, 0.0])
    assert found["compressor_starts"] == 2.0


def test_travel_adds_duty_changes_in_both_directions() -> None:
    found = kpis([1.0, 2.0, 3.0], pump_duty=[0.2, 0.7, 0.6], fan_duty=[0.0, 0.0, 1.0])
    assert found["pump_travel"] == pytest.approx(0.6)
    assert found["actuator_travel"] == pytest.approx(1.6)


def test_valve_changes_count_moves_and_not_modes() -> None:
    modes = [float(m) for m in (ValveMode.BYPASS, ValveMode.CHILLER, ValveMode.CHILLER, ValveMode.BYPASS)]
    assert kpis([1.0, 2.0, 3.0, 4.0], valve_mode=modes)["valve_changes"] == 2.0


def charge(**columns: Any) -> dict[str, float]:
    """Return the figures of four times ten minutes at a charger of 100 kW."""
    defaults: dict[str, Any] = {"vehicle_mode": CHARGE, "charge_current_request_a": 100.0}
    defaults |= {"charger_power_max_w": 100e3, "pack_current_a": -100.0}
    return kpis([600.0, 1200.0, 1800.0, 2400.0], **{**defaults, **columns})


def test_half_power_for_ten_minutes_loses_five_to_the_cause_that_limited() -> None:
    hot, full = float(LimitCause.CELL_TEMP_HIGH), float(LimitCause.CHARGER_POWER)
    found = charge(charger_power_w=[100e3, 50e3, 100e3, 100e3], charge_limit=[full, hot, full, full])
    assert found["charge_minutes_limited_by_cell_temp_high"] == pytest.approx(5.0)
    assert found["charge_minutes_limited_by_charger_power"] == 0.0
    assert found["charge_minutes"] == pytest.approx(40.0)
    assert found["charging_power_mean_w"] == pytest.approx(87.5e3)


def test_a_pack_too_cold_to_ask_for_current_loses_the_whole_time() -> None:
    cold, full = float(LimitCause.CELL_TEMP_LOW), float(LimitCause.CHARGER_POWER)
    found = charge(
        charger_power_w=[0.0, 10e3, 100e3, 100e3],
        charge_current_request_a=[0.0, 0.0, 100.0, 100.0],
        charge_limit=[cold, cold, full, full],
    )
    assert found["charge_minutes_limited_by_cell_temp_low"] == pytest.approx(10.0 + 9.0)
    assert found["charge_minutes"] == pytest.approx(40.0)


def test_a_full_pack_that_stays_plugged_in_is_not_charging() -> None:
    full, soc = float(LimitCause.CHARGER_POWER), float(LimitCause.SOC)
    found = charge(
        charger_power_w=[100e3, 100e3, 2e3, 2e3],
        charge_current_request_a=[100.0, 100.0, 0.0, 0.0],
        charge_limit=[full, full, soc, soc],
    )
    assert found["charge_minutes"] == pytest.approx(20.0)
    assert found["charge_minutes_limited_by_soc"] == 0.0
    assert found["grid_kwh"] == pytest.approx(204e3 * 600.0 / 3.6e6)


def test_a_pack_at_its_target_that_asks_only_for_the_trucks_own_use_is_not_charging() -> None:
    soc = float(LimitCause.SOC)
    found = charge(
        charger_power_w=[100e3, 50e3, 5e3, 5e3],
        charge_current_request_a=[100.0, 50.0, 7.0, 7.0],
        pack_current_a=[-90.0, -40.0, 0.3, -0.4],
        charge_limit=[float(LimitCause.CHARGER_POWER), soc, soc, soc],
    )
    assert found["charge_minutes"] == pytest.approx(20.0)
    assert found["charge_minutes_limited_by_soc"] == pytest.approx(5.0)


def test_without_a_recorded_offer_the_highest_power_of_the_plug_in_stands_for_it() -> None:
    cause = float(LimitCause.CELL_VOLTAGE)
    source = recording(
        [600.0, 1200.0, 1800.0, 2400.0],
        vehicle_mode=[CHARGE, CHARGE, DRIVE, CHARGE],
        charge_current_request_a=50.0,
        charger_power_w=[80e3, 40e3, 0.0, 20e3],
        charge_limit=cause,
    )
    assert compute_kpis(source)["charge_minutes_limited_by_cell_voltage"] == pytest.approx(5.0)


def test_charging_from_10_to_80_percent_is_timed_only_when_both_are_passed() -> None:
    assert charge(soc=[0.10, 0.30, 0.60, 0.85])["charge_minutes_10_to_80_percent"] == pytest.approx(30.0)
    assert math.isnan(charge(soc=[0.15, 0.30, 0.60, 0.85])["charge_minutes_10_to_80_percent"])
    assert math.isnan(charge(soc=[0.10, 0.30, 0.60, 0.75])["charge_minutes_10_to_80_percent"])


def test_charged_energy_is_what_enters_the_battery_and_not_what_heats_it_from_the_grid() -> None:
    found = charge(pack_power_w=[-60e3, -60e3, 1e3, 0.0], charger_power_w=[66e3, 66e3, 3e3, 0.0])
    assert found["charged_kwh"] == pytest.approx(20.0)
    assert found["grid_kwh"] == pytest.approx(22.5)


def test_every_named_figure_comes_out_and_no_other() -> None:
    assert list(compute_kpis(truck_day(dt_s=30.0))) == list(KPIS)


def test_an_empty_recording_has_no_figures_at_all() -> None:
    found = compute_kpis(FakeRecording({"time_s": []}))
    assert list(found) == list(KPIS)
    assert all(math.isnan(value) for value in found.values())


def test_a_recording_of_little_gives_what_it_can() -> None:
    found = compute_kpis(FakeRecording({"time_s": [1.0, 2.0], "cell_temp_max_degc": [20.0, 30.0]}))
    assert found["cell_temp_max_degc"] == 30.0
    assert math.isnan(found["thermal_energy_kwh"])


def test_a_power_that_is_not_a_number_makes_its_energy_unknown() -> None:
    assert math.isnan(kpis([1.0, 2.0], pump_power_w=[1.0, math.nan])["thermal_energy_kwh"])


def test_a_whole_day_has_plausible_figures() -> None:
    found = compute_kpis(truck_day(dt_s=10.0))
    assert found["duration_h"] == pytest.approx(15.15, abs=0.05)
    assert found["drive_h"] == pytest.approx(8.4, abs=0.01)
    assert found["thermal_closure"] < 1e-12
    assert found["electrical_closure"] < 1e-12


@pytest.mark.parametrize(
    ("text", "value", "margin", "passed"),
    [
        ("< 45", 44.0, 1.0, True),
        ("< 45", 45.0, 0.0, False),
        ("<= 45", 45.0, 0.0, True),
        ("<=45", 45.5, -0.5, False),
        ("> 15", 15.0, 0.0, False),
        ("> -15.5", -15.0, 0.5, True),
        (">= 15", 15.0, 0.0, True),
        (">= 1.5e1", 14.0, -1.0, False),
        ("15 .. 45", 15.0, 0.0, True),
        ("15..45", 45.0, 0.0, True),
        ("15 .. 45", 46.0, -1.0, False),
        ("-20 .. -10", -25.0, -5.0, False),
    ],
)
def test_a_check_holds_on_the_right_side_of_its_limit(
    text: str, value: float, margin: float, *, passed: bool
) -> None:
    (result,) = evaluate_checks({"cell_temp_max_degc": value}, {"cell_temp_max_degc": text})
    assert (result.margin, result.passed) == (pytest.approx(margin), passed)
    assert (result.name, result.value, result.limit_text) == ("cell_temp_max_degc", value, text)


@pytest.mark.parametrize("text", ["< 45", ">= 0", "0 .. 1e9"])
@pytest.mark.parametrize("kpis", [{"range_km": math.nan}, {}])
def test_a_figure_that_is_not_known_fails_its_check(text: str, kpis: dict[str, float]) -> None:
    (result,) = evaluate_checks(kpis, {"range_km": text})
    assert not result.passed
    assert math.isnan(result.margin)


def test_an_unknown_figure_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(
        ScenarioError, match=r"checks\.cell_temp_maxx_degc: .*did you mean cell_temp_max_degc"
    ):
        validate_checks({"cell_temp_maxx_degc": "< 45"})


@pytest.mark.parametrize("text", ["45", "below 45", "< ", "<< 4", "< nan", "< 4 5", "1 ..", "=> 3", "< 1,5"])
def test_a_limit_of_another_form_is_refused_with_the_forms_that_are_allowed(text: str) -> None:
    with pytest.raises(ScenarioError, match=r"checks\.range_km = .*'< 45', '>= 0' or '15 \.\. 45'"):
        validate_checks({"range_km": text})


def test_an_empty_range_is_refused() -> None:
    with pytest.raises(ScenarioError, match="the range is empty"):
        parse_limit("45 .. 15")


def test_plating_counts_the_time_with_an_anode_below_lithium() -> None:
    found = kpis([1.0, 2.0, 62.0, 63.0], anode_potential_min_v=[0.1, -0.01, -0.002, 0.02])
    assert found["anode_potential_min_v"] == -0.01
    assert found["plating_minutes"] == pytest.approx(61.0 / 60.0)


def test_plating_is_unknown_without_electrochemical_cells() -> None:
    found = kpis([1.0, 2.0])
    assert np.isnan(found["anode_potential_min_v"])
    assert np.isnan(found["plating_minutes"])
