import itertools

import numpy as np
import pytest
from pydantic import ValidationError

from plant_models.air_path import AirPathParameters, air_path_record
from plant_models.chiller import build_chiller, sized_for
from plant_models.circuit import (
    DriveLoopParameters,
    HeaterParameters,
    drive_actuate,
    drive_numbers,
    face_heat_per_k,
    front_end_step,
    heater_numbers,
    heater_step,
    new_circuit_state,
    valve_step,
)
from plant_models.cold_plate import ColdPlateParameters, plate_record
from plant_models.coolant_loop import CoolantLoopParameters, loop_record
from plant_models.glycol import air_record, glycol_record
from plant_models.kernels import record

HEATER = record(**heater_numbers(HeaterParameters()))[0]
DRIVE = record(**drive_numbers(DriveLoopParameters()))[0]


def new_state(temp_k=293.15, **values):
    s = new_circuit_state(glycol_record()[0], temp_k)[0]
    for name, value in values.items():
        s[name] = value
    return s


def positions(s):
    return np.array([s.valve_bypass, s.valve_radiator, s.valve_chiller, s.valve_waste_heat])


def shares(s):
    return np.array([s.share_bypass, s.share_radiator, s.share_chiller, s.share_waste_heat])


@pytest.mark.parametrize("mode", [0, 1, 2, 3])
def test_the_valve_arrives_at_each_mode_after_its_travel_time(mode):
    s = new_state(valve_bypass=0.0, valve_radiator=0.5, valve_chiller=0.5)
    for _ in range(5):
        valve_step(s, float(mode), 5.0, 1.0)
    np.testing.assert_allclose(positions(s), np.eye(4)[mode], atol=1e-12)


def test_valve_positions_always_share_out_the_whole_flow_even_when_the_mode_changes_underway():
    s = new_state()
    for mode in (1, 1, 2, 3, 0, 3, 1, 2, 2, 2):
        valve_step(s, float(mode), 5.0, 0.9)
        for part in (positions(s), shares(s)):
            assert part.sum() == pytest.approx(1.0, abs=1e-12)
            assert part.min() > -1e-12


def test_the_shares_of_a_step_are_the_mean_of_many_small_steps():
    whole, fine = new_state(), new_state()
    valve_step(whole, 2.0, 4.0, 10.0)
    total = np.zeros(4)
    for _ in range(1000):
        valve_step(fine, 2.0, 4.0, 0.01)
        total += shares(fine) / 1000
    np.testing.assert_allclose(shares(whole), total, atol=1e-9)
    assert whole.share_chiller == pytest.approx(0.8)


def test_the_heater_ramps_and_loses_a_little_to_the_ambient():
    s = new_state()
    heater_step(HEATER, s, 1.0, 280.0, 5000.0, 2.5)
    assert s.heater_heat_w == pytest.approx(0.25 * 10e3 * 0.98)  # mean of a ramp from 0 to one half
    heater_step(HEATER, s, 1.0, 280.0, 5000.0, 2.5)
    heater_step(HEATER, s, 1.0, 280.0, 5000.0, 2.5)
    assert s.heater_heat_w == pytest.approx(9.8e3)
    assert s.heater_power_w == pytest.approx(10e3)


def test_the_heater_stays_off_without_flow_and_cuts_back_when_its_outlet_gets_hot():
    s = new_state(heater_level=1.0)
    heater_step(HEATER, s, 1.0, 280.0, 0.0, 1.0)
    assert (s.heater_heat_w, s.heater_power_w) == (0.0, 0.0)
    heater_step(HEATER, s, 1.0, 350.0, 1000.0, 1.0)
    assert s.heater_heat_w == pytest.approx(1000.0 * 3.15)
    heater_step(HEATER, s, 1.0, 360.0, 1000.0, 1.0)
    assert s.heater_heat_w == 0.0


def test_the_drive_loops_pump_runs_on_drive_heat_on_waste_heat_or_when_warm_and_rests_otherwise():
    for values, heat_w, runs in (
        ({}, 0.0, False),
        ({}, 500.0, True),
        ({"share_waste_heat": 0.1}, 0.0, True),
        ({"low_temp_k": 320.0}, 0.0, True),
    ):
        s = new_state(**values)
        for _ in range(30):
            drive_actuate(DRIVE, s, heat_w, 1.0)
        assert bool(s.low_temp_rate_w_per_k > 0.0) is runs


def test_the_thermostat_keeps_the_cold_drive_loop_off_its_radiator():
    for temp_k, share in ((300.0, 0.0), (318.15, 0.5), (330.0, 1.0)):
        s = new_state(low_temp_k=temp_k)
        for _ in range(200):
            drive_actuate(DRIVE, s, 1000.0, 1.0)
        assert s.thermostat_share == pytest.approx(share, abs=1e-3)


def front(s, fan_duty=0.0, speed=0.0, condensing_k=298.15, dt_s=1.0, step=front_end_step):
    p = loop_record(CoolantLoopParameters())[0]
    chiller_p, chiller_s, table = build_chiller(sized_for(10e3), ambient_k=298.15)
    chiller_s[0].condensing_k = condensing_k
    refrigerant = (chiller_p[0], chiller_s[0], table)
    medium = (293.15, 0.0, 278.15)
    step(p, s, *refrigerant, fan_duty, 0.0, *medium, 298.15, speed, 0.0, 295.0, dt_s)
    return chiller_s[0]


def test_a_hot_drive_loop_runs_the_shared_fan_though_nobody_commands_it():
    for temp_k, fan in ((320.0, 0.0), (333.15, 0.5), (350.0, 1.0)):
        s = new_state(low_temp_k=temp_k)
        front(s, dt_s=100.0)
        assert s.fan_speed == pytest.approx(fan)


def test_the_condenser_warms_the_air_of_the_radiators_behind_it():
    s = new_state()
    chiller = front(s, fan_duty=1.0, condensing_k=330.0)
    assert chiller.condenser_heat_w > 0.0
    air_rate = s.air_flow_kg_per_s * 1006.0
    assert s.air_inlet_k == pytest.approx(298.15 + chiller.condenser_heat_w / air_rate)


def test_air_behind_a_condenser_never_gets_hotter_than_the_condenser():
    s = new_state()
    front(s, fan_duty=0.0, speed=1e-3, condensing_k=330.0)
    assert 298.15 < s.air_inlet_k <= 330.0


def test_without_fan_and_speed_there_is_no_air_and_no_radiator():
    s = new_state(low_temp_k=310.0, thermostat_share=1.0, low_temp_rate_w_per_k=1000.0)
    front(s)
    assert s.air_flow_kg_per_s == 0.0
    assert s.low_temp_radiator_w_per_k == 0.0
    assert s.air_inlet_k == 298.15


def test_a_radiator_at_zero_flow_exchanges_nothing():
    assert face_heat_per_k(900.0, 0.7, 1.42, 0.6, 0.531, 0.5, 1.42, 0.0, 3300.0) == 0.0
    assert face_heat_per_k(900.0, 0.7, 1.42, 0.6, 0.531, 0.5, 0.0, 0.531, 3300.0) == 0.0


@pytest.mark.parametrize(
    "bad",
    [
        {"thermostat_start_degc": 50.0, "thermostat_end_degc": 45.0},
        {"fan_start_degc": 70.0},
        {"heat_capacity_j_per_k": 0.0},
    ],
)
def test_a_drive_loop_out_of_order_is_refused(bad):
    with pytest.raises(ValidationError):
        DriveLoopParameters(**bad)


def test_no_record_begins_with_all_the_fields_of_another():
    records = [
        glycol_record(),
        air_record(),
        plate_record(ColdPlateParameters()),
        loop_record(CoolantLoopParameters()),
        air_path_record(AirPathParameters()),
    ]
    layouts = [array.dtype.names for array in records]
    for one, other in itertools.permutations(layouts, 2):
        assert other[: len(one)] != one


def test_compiled_kernels_equal_their_plain_python():
    one, two = new_state(low_temp_k=325.0), new_state(low_temp_k=325.0)
    valve_step(one, 3.0, 4.0, 1.3)
    valve_step.py_func(two, 3.0, 4.0, 1.3)
    heater_step(HEATER, one, 0.7, 280.0, 900.0, 1.3)
    heater_step.py_func(HEATER, two, 0.7, 280.0, 900.0, 1.3)
    drive_actuate(DRIVE, one, 4e3, 1.3)
    drive_actuate.py_func(DRIVE, two, 4e3, 1.3)
    front(one, 0.7, 10.0, 320.0)
    front(two, 0.7, 10.0, 320.0, step=front_end_step.py_func)
    for name in one.dtype.names:
        assert one[name] == pytest.approx(two[name], rel=1e-12), name
