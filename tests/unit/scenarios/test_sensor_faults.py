"""Faults of single sensors: what each kind makes of the reading."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from plant_models.truck import Truck
from plant_models.truck_parameters import load_truck
from scenarios.sensor_faults import SENSOR_FAULTS, SENSOR_KINDS, TARGETS, SensorFault
from thermal_bms.signals import Measurement


@pytest.fixture(scope="module")
def measured() -> Measurement:
    return Truck(load_truck("heavy_lfp"), soc=0.5, temp_degc=20.0).measure()


def readings(fault: SensorFault, measured: Measurement, times_s: list[float]) -> list[float]:
    """Return what a fault of the coolant's inlet sensor shows over time."""
    found = []
    for time_s in times_s:
        now = replace(measured, time_s=time_s, coolant_inlet_temp_degc=20.0 + time_s)
        found.append(fault.change(now).coolant_inlet_temp_degc)
    return found


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("sensor_offset", 3.0, [23.0, 33.0, 43.0]),
        ("sensor_gain", 2.0, [40.0, 60.0, 80.0]),
        ("sensor_drift", 0.5, [20.0, 35.0, 50.0]),
        ("sensor_stuck", 7.0, [7.0, 7.0, 7.0]),
        ("sensor_frozen", 0.0, [20.0, 20.0, 20.0]),
        ("sensor_open", 0.0, [-80.0, -80.0, -80.0]),
        ("sensor_short", 0.0, [160.0, 160.0, 160.0]),
        ("sensor_lost", 0.0, [np.nan, np.nan, np.nan]),
    ],
)
def test_each_kind_makes_its_own_of_the_true_reading(
    measured: Measurement, kind: str, value: float, expected: list[float]
) -> None:
    fault = SensorFault(kind, "coolant_inlet_temp_degc", value=value)
    found = readings(fault, measured, [0.0, 10.0, 20.0])
    assert found == pytest.approx(expected, nan_ok=True)


def test_noise_has_its_deviation_and_is_the_same_for_the_same_seed(measured: Measurement) -> None:
    def noise(seed: int) -> np.ndarray:
        fault = SensorFault("sensor_noise", "cell_voltage_v[0]", value=0.05, seed=seed)
        return np.array(fault.change(measured).cell_voltage_v[0] - measured.cell_voltage_v[0])

    assert np.std(noise(1)) == pytest.approx(0.05, rel=0.15)
    assert np.array_equal(noise(1), noise(1))
    assert not np.array_equal(noise(1), noise(2))


def test_a_swap_exchanges_two_readings_and_nothing_else(measured: Measurement) -> None:
    fault = SensorFault("sensor_swapped", "coolant_inlet_temp_degc", other="ambient_temp_degc")
    swapped = fault.change(replace(measured, coolant_inlet_temp_degc=11.0, ambient_temp_degc=22.0))
    assert (swapped.coolant_inlet_temp_degc, swapped.ambient_temp_degc) == (22.0, 11.0)
    cells = measured.cell_temp_degc.copy()
    cells[0, 3], cells[1, 5] = 11.0, 22.0
    fault = SensorFault("sensor_swapped", "cell_temp_degc[0, 3]", other="cell_temp_degc[1, 5]")
    found = fault.change(replace(measured, cell_temp_degc=cells)).cell_temp_degc
    assert (found[0, 3], found[1, 5]) == (22.0, 11.0)
    assert np.count_nonzero(found != cells) == 2


@pytest.mark.parametrize("kind", ["sensor_open", "sensor_short"])
def test_a_broken_voltage_input_reads_nothing(measured: Measurement, kind: str) -> None:
    found = SensorFault(kind, "cell_voltage_v[0, 7]").change(measured).cell_voltage_v
    assert found[0, 7] == 0.0


def test_the_feedback_of_a_switch_can_be_stuck_and_stays_a_flag(measured: Measurement) -> None:
    changed = SensorFault("sensor_stuck", "contactor_closed[1]", value=1.0).change(measured)
    assert changed.contactor_closed.dtype == np.bool_
    assert changed.contactor_closed.tolist() == [False, True, False]


@pytest.mark.parametrize("target", TARGETS)
def test_every_target_is_a_field_that_every_kind_can_change(measured: Measurement, target: str) -> None:
    for kind in SENSOR_FAULTS:
        changed = SensorFault(kind, target, value=0.5).change(measured)
        assert type(getattr(changed, target)) is type(getattr(measured, target))


def test_every_kind_is_a_sensor_kind() -> None:
    change: Callable[..., object]
    for kind, change in SENSOR_FAULTS.items():
        assert kind in SENSOR_KINDS
        assert callable(change)
