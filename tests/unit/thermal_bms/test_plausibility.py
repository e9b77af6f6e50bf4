from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest

from tests.unit.thermal_bms.bms_samples import PACK, measured
from thermal_bms.plausibility import SCALAR_RANGES, Checked, Plausibility
from thermal_bms.signals import Measurement, VehicleMode

NAN = float("nan")


def check(measurement: Measurement) -> Checked:
    return Plausibility(PACK).check(measurement, 1.0)


def with_voltage(value: float) -> Measurement:
    measurement = measured()
    measurement.cell_voltage_v[1, 7] = value
    return measurement


def with_temp(value: float) -> Measurement:
    measurement = measured()
    measurement.cell_temp_degc[2, 3] = value
    return measurement


def test_a_healthy_measurement_passes_unchanged() -> None:
    measurement = measured()
    result = check(measurement)
    assert result.measurement is measurement
    assert result.cell_voltage_invalid == result.cell_temp_invalid == [0.0, 0.0, 0.0]
    assert result.cell_voltage_mean_v == pytest.approx([3.3] * 3)
    assert result.closed == [True] * 3
    assert result.found == {}


def test_statistics_are_per_string() -> None:
    measurement = measured()
    measurement.cell_voltage_v[1, :2] = (3.1, 3.6)
    measurement.cell_temp_degc[2, 0] = 41.0
    result = check(measurement)
    assert result.cell_voltage_min_v == pytest.approx([3.3, 3.1, 3.3])
    assert result.cell_voltage_max_v == pytest.approx([3.3, 3.6, 3.3])
    assert result.cell_voltage_mean_v[1] == pytest.approx((3.1 + 3.6 + 18 * 3.3) / 20)
    assert result.cell_temp_max_degc == [25.0, 25.0, 41.0]
    assert result.cell_temp_mean_degc[2] == pytest.approx(29.0)


@pytest.mark.parametrize("value", [NAN, np.inf, -np.inf, 5.51, -0.11, 65.535])
def test_an_impossible_cell_voltage_is_left_out_and_counted(value: float) -> None:
    result = check(with_voltage(value))
    assert result.cell_voltage_invalid == pytest.approx([0.0, 1 / 20, 0.0])
    assert result.cell_voltage_min_v == result.cell_voltage_max_v == pytest.approx([3.3] * 3)
    assert result.cell_voltage_mean_v == pytest.approx([3.3] * 3)
    assert np.isnan(result.measurement.cell_voltage_v[1, 7])
    assert np.isnan(result.measurement.cell_voltage_v).sum() == 1


@pytest.mark.parametrize("value", [0.0, -0.1, 5.0, 5.5])
def test_a_dead_or_overcharged_cell_is_kept(value: float) -> None:
    result = check(with_voltage(value))
    assert result.cell_voltage_invalid == [0.0] * 3
    assert value in (result.cell_voltage_min_v[1], result.cell_voltage_max_v[1])


@pytest.mark.parametrize("value", [NAN, np.inf, 150.1, -60.1, 3000.0])
def test_an_impossible_cell_temperature_is_left_out_and_counted(value: float) -> None:
    result = check(with_temp(value))
    assert result.cell_temp_invalid == pytest.approx([0.0, 0.0, 0.25])
    assert result.cell_temp_max_degc == result.cell_temp_min_degc == [25.0] * 3
    assert np.isnan(result.measurement.cell_temp_degc[2, 3])


@pytest.mark.parametrize("value", [-60.0, 120.0, 150.0])
def test_a_burning_or_frozen_cell_is_kept(value: float) -> None:
    result = check(with_temp(value))
    assert value in (result.cell_temp_min_degc[2], result.cell_temp_max_degc[2])


def test_where_nothing_valid_is_left_stands_nothing() -> None:
    measurement = measured()
    measurement.cell_temp_degc[0] = NAN
    result = check(measurement)
    assert np.isnan(result.cell_temp_max_degc[0])
    assert np.isnan(result.cell_temp_mean_degc[0])
    assert result.cell_temp_invalid == [1.0, 0.0, 0.0]
    assert result.cell_temp_max_degc[1:] == [25.0, 25.0]


@pytest.mark.parametrize("shape", [(3, 19), (2, 20), (60,), (3, 0), (0,)])
def test_voltages_of_another_shape_are_all_invalid(shape: tuple[int, ...]) -> None:
    result = check(measured(cell_voltage_v=np.full(shape, 3.3)))
    assert result.cell_voltage_invalid == [1.0] * 3
    assert np.isnan(result.cell_voltage_mean_v).all()
    assert np.isnan(result.measurement.cell_voltage_v).all()


@pytest.mark.parametrize("n_strings", [0, 2, 4])
def test_string_values_of_another_number_are_all_invalid(n_strings: int) -> None:
    wrong = {
        "string_current_a": np.zeros(n_strings),
        "string_voltage_v": np.zeros(n_strings),
        "contactor_closed": np.ones(n_strings, dtype=np.bool_),
    }
    result = check(replace(measured(), **wrong))
    assert np.isnan(result.current_a).all()
    assert np.isnan(result.string_voltage_v).all()
    assert result.closed == [False] * 3


@pytest.mark.parametrize(
    ("current_a", "valid"), [(1999.0, True), (-2000.0, True), (2001.0, False), (NAN, False)]
)
def test_a_current_far_beyond_the_rating_is_invalid(current_a: float, valid: bool) -> None:
    result = check(measured(string_current_a=np.array([current_a, 0.0, 0.0])))
    assert np.isfinite(result.current_a[0]) == valid
    assert np.isfinite(result.measurement.string_current_a[0]) == valid


@pytest.mark.parametrize("name", SCALAR_RANGES)
@pytest.mark.parametrize("side", [0, 1])
def test_a_scalar_beyond_its_range_becomes_nothing(name: str, side: int) -> None:
    end = SCALAR_RANGES[name][side]
    kept = check(replace(measured(), **{name: end}))
    beyond = check(replace(measured(), **{name: end + (1.0 if side else -1.0)}))
    assert getattr(kept.measurement, name) == end
    assert np.isnan(getattr(beyond.measurement, name))


@pytest.mark.parametrize("rubbish", [None, "3.3", 3.3, [[1.0], [2.0, 3.0]], [1j], {}, np.array(["a"])])
@pytest.mark.parametrize("name", ["cell_voltage_v", "cell_temp_degc", "string_current_a", "string_voltage_v"])
def test_what_is_no_array_of_numbers_is_all_invalid(name: str, rubbish: object) -> None:
    result = check(replace(measured(), **{name: rubbish}))
    statistics = {
        "cell_voltage_v": result.cell_voltage_mean_v,
        "cell_temp_degc": result.cell_temp_mean_degc,
        "string_current_a": result.current_a,
        "string_voltage_v": result.string_voltage_v,
    }
    for key, values in statistics.items():
        assert np.isnan(values).all() == (key == name)
    assert (result.cell_voltage_invalid == [1.0] * 3) == (name == "cell_voltage_v")


@pytest.mark.parametrize("rubbish", [None, "25", [25.0], np.array([1.0, 2.0]), 10**400, 1j])
@pytest.mark.parametrize("name", ["bus_voltage_v", "ambient_temp_degc", "time_s"])
def test_what_is_no_number_is_nothing(name: str, rubbish: object) -> None:
    measurement = replace(measured(5.0), **{name: rubbish})
    result = check(measurement)
    assert np.isnan(getattr(result.measurement, name))
    assert result.cell_temp_mean_degc == [25.0] * 3


def test_numbers_of_another_type_are_read_as_they_are() -> None:
    plain = measured(5.0)
    other = replace(
        plain,
        time_s=5,
        ambient_temp_degc=np.int64(20),
        cell_voltage_v=plain.cell_voltage_v.tolist(),
        cell_temp_degc=plain.cell_temp_degc.astype(np.int64),
        contactor_closed=[1, True, 0],
        vehicle_mode=1,
        plug_connected=np.bool_(1),
    )
    result = check(other)
    assert result.cell_voltage_mean_v == check(plain).cell_voltage_mean_v
    assert result.cell_temp_mean_degc == [25.0] * 3
    assert result.closed == [True, True, False]
    assert (result.time_s, result.measurement.ambient_temp_degc) == (5.0, 20.0)
    assert result.measurement.vehicle_mode is VehicleMode.DRIVE
    assert result.measurement.plug_connected is True


@pytest.mark.parametrize("rubbish", [None, "CHARGE", 7, np.array([1, 2]), NAN])
def test_without_a_readable_mode_plug_or_feedback_the_truck_is_parked_unplugged_and_open(
    rubbish: object,
) -> None:
    seen = replace(measured(), vehicle_mode=rubbish, plug_connected=rubbish, contactor_closed=rubbish)
    result = check(seen)
    assert result.measurement.vehicle_mode is VehicleMode.PARK
    assert result.measurement.plug_connected is False
    assert result.closed == [False] * 3


def test_no_measurement_at_all_is_one_with_nothing_valid() -> None:
    nothing: Any = None
    result = check(nothing)
    assert result.cell_voltage_invalid == result.cell_temp_invalid == [1.0] * 3
    assert np.isnan(result.time_s)


def test_every_scalar_of_a_measurement_has_a_range() -> None:
    scalars = {field.name for field in fields(Measurement) if field.type in (float, "float")}
    assert scalars - {"time_s"} == set(SCALAR_RANGES)


def test_a_sensor_that_never_was_is_not_lost_but_one_that_fails_is() -> None:
    plausibility = Plausibility(PACK)
    assert plausibility.check(measured(0.0, drive_loop_temp_degc=NAN), 1.0).found == {}
    assert plausibility.check(measured(1.0), 1.0).found == {}
    lost = plausibility.check(measured(2.0, drive_loop_temp_degc=NAN), 1.0).found
    assert lost == {"scalar_lost": 1.0, "drive_loop_temp_degc_lost": 1.0}
    assert plausibility.check(measured(3.0), 1.0).found == {}


@pytest.mark.parametrize("elapsed_s", [1.0, 1.5, 1.6, 10.0])
def test_a_measurement_that_comes_late_is_found(elapsed_s: float) -> None:
    plausibility = Plausibility(PACK)
    plausibility.check(measured(10.0), 1.0)
    found = plausibility.check(measured(10.0 + elapsed_s), 1.0).found
    assert found == ({"tick_late": pytest.approx(elapsed_s)} if elapsed_s > 1.5 else {})


def test_a_clock_that_jumps_back_is_found() -> None:
    plausibility = Plausibility(PACK)
    plausibility.check(measured(10.0), 1.0)
    assert plausibility.check(measured(7.5), 1.0).found == {"clock_backwards_s": 2.5}


def test_a_current_that_stays_the_same_while_the_voltage_steps_is_counted_until_it_moves() -> None:
    plausibility = Plausibility(PACK)
    volts = [3.3, 3.25, 3.255, 3.28, 3.2]
    found = [plausibility.check(measured(float(t), volt=v, amp=50.0), 1.0).found for t, v in enumerate(volts)]
    steps = [result.get("string_current_frozen_steps") for result in found]
    assert steps == [None, [1.0] * 3, [1.0] * 3, [2.0] * 3, [3.0] * 3]
    assert plausibility.check(measured(9.0, amp=50.1), 1.0).found == {"tick_late": 5.0}


def test_a_string_is_closed_when_both_its_contactors_are() -> None:
    flags = np.array([True, True, False])
    result = check(measured(contactor_closed=flags, negative_closed=np.array([True, False, True])))
    assert result.closed == [True, False, False]
    assert (result.positive_closed, result.negative_closed) == ([True, True, False], [True, False, True])
    without = check(measured(contactor_closed=flags))
    assert without.closed == without.negative_closed == [True, True, False]
    assert without.precharge_closed == [False] * 3


def test_a_clock_that_stands_still_makes_everything_stale_after_three_seconds() -> None:
    plausibility = Plausibility(PACK)
    plausibility.check(measured(10.0), 1.0)
    for _ in range(3):
        result = plausibility.check(measured(10.0), 1.0)
    assert result.age_s == 3.0
    assert result.cell_temp_max_degc == [25.0] * 3
    result = plausibility.check(measured(10.0), 1.0)
    assert result.age_s == 4.0
    assert np.isnan(result.cell_temp_max_degc).all()
    assert np.isnan(result.current_a).all()
    assert np.isnan(result.measurement.cell_voltage_v).all()
    assert np.isnan(result.measurement.ambient_temp_degc)
    assert result.found == {"scalar_lost": 1.0}
    result = plausibility.check(measured(11.0), 1.0)
    assert result.age_s == 0.0
    assert result.cell_temp_max_degc == [25.0] * 3


@pytest.mark.parametrize("time_s", [NAN, np.inf, -5.0])
def test_a_clock_that_runs_backwards_or_nowhere_counts_as_standing_still(time_s: float) -> None:
    plausibility = Plausibility(PACK)
    plausibility.check(measured(10.0), 1.0)
    result = plausibility.check(measured(time_s), 1.0)
    assert (result.time_s, result.age_s, result.elapsed_s) == (10.0, 1.0, 0.0)


def test_time_slept_through_is_known() -> None:
    plausibility = Plausibility(PACK)
    assert plausibility.check(measured(10.0), 1.0).elapsed_s == 1.0
    assert plausibility.check(measured(3610.0), 1.0).elapsed_s == 3600.0


def frozen_run(currents_a: list[float]) -> list[Checked]:
    plausibility = Plausibility(PACK)
    return [plausibility.check(measured(float(t), amp=amp), 1.0) for t, amp in enumerate(currents_a)]


def test_voltages_that_stand_still_while_the_current_moves_are_frozen_after_five_seconds() -> None:
    results = frozen_run([0.0, *[50.0] * 6])
    assert results[4].cell_voltage_invalid == [0.0] * 3
    assert results[5].cell_voltage_invalid == [1.0] * 3
    assert np.isnan(results[5].measurement.cell_voltage_v).all()
    assert np.isnan(results[6].cell_voltage_max_v).all()
    assert "cell_voltage_frozen" not in results[4].found
    assert results[5].found == {"cell_voltage_frozen": [1.0] * 3}


def test_voltages_that_stand_still_at_a_steady_current_are_not_frozen() -> None:
    assert frozen_run([50.0, *[59.0] * 100])[-1].cell_voltage_invalid == [0.0] * 3


def test_only_the_frozen_string_is_left_out() -> None:
    plausibility = Plausibility(PACK)
    for t in range(8):
        measurement = measured(float(t), amp=20.0 * t)
        measurement.cell_voltage_v[1:] += 0.001 * t
        result = plausibility.check(measurement, 1.0)
    assert result.cell_voltage_invalid == [1.0, 0.0, 0.0]


def test_voltages_that_move_again_are_believed_again() -> None:
    plausibility = Plausibility(PACK)
    for t in range(8):
        plausibility.check(measured(float(t), amp=20.0 * t), 1.0)
    assert plausibility.check(measured(9.0, volt=3.31), 1.0).cell_voltage_invalid == [0.0] * 3
