"""What sensors make of the truth: noise, lag, whole steps, gain and offset."""

import math

import numpy as np
import pytest

from plant_models.kernels import record
from plant_models.sensors import (
    BLOCK,
    N_SCALAR_NOISE,
    SCALARS,
    NoiseStream,
    SensorParameters,
    sense,
    sense_scalars,
    sense_temperatures,
    sense_voltages,
    stepped,
)
from plant_models.truck import Truck
from plant_models.truck_parameters import load_truck
from tests.unit.plant_models.truck_days import MILD, command, ready
from thermal_bms.errors import ConfigError
from thermal_bms.parameters import parse
from thermal_bms.signals import ThermalCommand, ValveMode
from thermal_bms.units import FloatArray, degc_to_k

ZERO = np.zeros(1000)


def sensor(noise_k: float, step_k: float) -> np.ndarray:
    return record(cell_temp_noise_k=noise_k, cell_temp_step_k=step_k)


def test_noise_is_standard_normal_and_independent_from_row_to_row() -> None:
    stream = NoiseStream(np.random.default_rng(1), 50)
    rows = np.array([stream.row() for _ in range(2000)])
    assert rows.mean() == pytest.approx(0.0, abs=0.01)
    assert rows.std() == pytest.approx(1.0, abs=0.01)
    assert np.mean(rows**4) == pytest.approx(3.0, abs=0.1)
    assert abs(np.corrcoef(rows[:-1].ravel(), rows[1:].ravel())[0, 1]) < 0.02
    assert abs(np.corrcoef(rows[:, 0], rows[:, 1])[0, 1]) < 0.1


def test_a_stream_is_its_own_generators_and_never_the_same_row_twice_in_a_row() -> None:
    first, again, other = (NoiseStream(np.random.default_rng(seed), 4) for seed in (3, 3, 4))
    rows = np.array([first.row() for _ in range(2 * BLOCK + 1)])
    assert np.array_equal(rows, [again.row() for _ in range(2 * BLOCK + 1)])
    assert not np.isin([other.row() for _ in range(10)], rows).any()
    assert not (rows[1:] == rows[:-1]).all(axis=1).any()


@pytest.mark.parametrize(("value", "expected"), [(20.26, 20.3), (20.24, 20.2), (-0.26, -0.3), (0.0, 0.0)])
def test_a_reading_is_the_nearest_whole_step(value: float, expected: float) -> None:
    assert stepped(value, 0.1) == pytest.approx(expected, abs=1e-12)
    assert stepped.py_func(value, 0.1) == stepped(value, 0.1)  # type: ignore[attr-defined]


def test_not_a_number_stays_not_a_number() -> None:
    assert math.isnan(stepped(math.nan, 0.1))


def sensed_voltages(noise_v: float, step_v: float, noise: FloatArray) -> FloatArray:
    out = np.empty((2, 500))
    sense_voltages(np.full((2, 500), 3.3004), noise, noise_v, step_v, out)
    return out


def test_voltages_scatter_with_the_given_deviation_about_the_truth() -> None:
    noise = np.random.default_rng(2).standard_normal(1000)
    seen = sensed_voltages(0.005, 1e-6, noise)
    assert seen == pytest.approx(3.3004 + 0.005 * noise.reshape(2, 500), abs=1e-6)
    assert np.array_equal(sensed_voltages(0.0, 0.001, ZERO), np.full((2, 500), np.floor(3300.9) * 0.001))


def test_quantisation_adds_a_twelfth_of_a_step_squared() -> None:
    noise = np.random.default_rng(4).standard_normal(1000)
    seen = sensed_voltages(0.001, 0.002, noise)
    assert seen.std() == pytest.approx(math.sqrt(0.001**2 + 0.002**2 / 12.0), rel=0.1)


def test_a_sensor_sits_in_the_middle_of_its_share_of_the_groups() -> None:
    surface_k = degc_to_k(np.arange(12.0)).reshape(1, 12)
    lagged_k, out = np.zeros((1, 3)), np.empty((1, 3))
    sense_temperatures(sensor(0.0, 0.1), surface_k, lagged_k, 0.0, ZERO, out)
    assert out[0] == pytest.approx([2.0, 6.0, 10.0], abs=1e-9)


def test_one_sensor_per_group_sees_every_group() -> None:
    surface_k = degc_to_k(np.arange(8.0)).reshape(1, 8)
    lagged_k, out = np.zeros((1, 8)), np.empty((1, 8))
    sense_temperatures(sensor(0.0, 0.1), surface_k, lagged_k, 0.0, ZERO, out)
    assert out[0] == pytest.approx(np.arange(8.0), abs=1e-9)


@pytest.mark.parametrize("dt_s", [1.0, 10.0, 0.1])
def test_a_sensor_follows_a_jump_as_the_exponential_says_at_any_step(dt_s: float) -> None:
    tau_s, end_s = 12.0, 30.0
    lagged_k, out = np.full((1, 2), degc_to_k(20.0)), np.empty((1, 2))
    surface_k = np.full((1, 8), degc_to_k(40.0))
    for _ in range(round(end_s / dt_s)):
        sense_temperatures(sensor(0.0, 1e-6), surface_k, lagged_k, math.exp(-dt_s / tau_s), ZERO, out)
    assert out[0] == pytest.approx(40.0 - 20.0 * math.exp(-end_s / tau_s), abs=1e-5)


def test_noise_does_not_enter_the_lag() -> None:
    lagged_k, out = np.full((1, 2), 300.0), np.empty((1, 2))
    noise = np.array([5.0, -5.0])
    sense_temperatures(sensor(0.1, 0.01), np.full((1, 8), 300.0), lagged_k, 0.5, noise, out)
    assert lagged_k.tolist() == [[300.0, 300.0]]
    assert out[0, 0] - out[0, 1] == pytest.approx(1.0, abs=0.011)


def test_gain_and_offset_of_the_current_sensor_are_seen_and_do_not_touch_the_truth() -> None:
    changes = {"sensors": {"current_gain": 1.1, "current_offset_a": 5.0, "current_noise_a": 0.0}}
    wrong = Truck(load_truck("light_air", changes), soc=0.5, temp_degc=25.0)
    wrong.actuate(command(wrong, ThermalCommand(1.0, 1.0, 0.0, 1.0, ValveMode.BYPASS)))
    for _ in range(10):
        wrong.step(MILD, 1.0)
    true_a = float(wrong.state.string_current_a[0])
    assert true_a > 1.0
    assert float(wrong.measure().string_current_a[0]) == pytest.approx(1.1 * true_a + 5.0, abs=0.026)


def test_the_scalars_are_those_of_circuit_refrigerant_and_vehicle() -> None:
    truck = ready("heavy_lfp", temp_degc=30.0)
    for _ in range(90):
        truck.actuate(command(truck, ThermalCommand(0.8, 0.9, 1.0, 0.4, ValveMode.CHILLER)))
        truck.step(MILD, 1.0)
    circuit, refrigerant, out = truck.circuit, truck.refrigerant, np.zeros(len(SCALARS))
    noise = np.array([1.0, -1.0, 2.0, -2.0])
    arguments = (circuit, refrigerant, truck.vehicle[0], noise, 0.1, 0.1, 700.02, 24.04, 0.999)
    sense_scalars.py_func(*arguments, out)  # type: ignore[attr-defined]
    seen = dict(zip(SCALARS, out.tolist(), strict=True))
    assert seen["bus_voltage_v"] == pytest.approx(700.0, abs=1e-9)
    for name, truth_k, shift_k in (
        ("coolant_inlet_temp_degc", circuit.supply_temp_k, 0.1),
        ("coolant_outlet_temp_degc", circuit.return_temp_k, -0.1),
        ("drive_loop_temp_degc", circuit.low_temp_k, 0.2),
        ("ambient_temp_degc", degc_to_k(24.04), -0.2),
    ):
        assert seen[name] == pytest.approx(float(truth_k) - 273.15 + shift_k, abs=0.0501)
    assert seen["pump_speed_rpm"] == pytest.approx(float(circuit.pump_speed_rpm), abs=0.26)
    assert seen["compressor_speed_rpm"] == pytest.approx(float(refrigerant.compressor_speed_rpm), abs=0.26)
    assert seen["compressor_speed_rpm"] > 500.0
    assert seen["discharge_pressure_pa"] > seen["suction_pressure_pa"] > 1e5
    assert seen["heater_power_w"] == pytest.approx(float(circuit.heater_power_w), abs=5.01)
    assert seen["ambient_humidity"] == pytest.approx(1.0, abs=1e-12)
    compiled = np.zeros(len(SCALARS))
    sense_scalars(*arguments, compiled)
    assert np.array_equal(compiled, out)


def test_the_compiled_reading_equals_the_plain_function() -> None:
    truck = ready("heavy_lfp")
    rng = np.random.default_rng(6)
    n_strings, n_series = truck.state.soc.shape
    results = []
    shape = truck.instruments.lagged_k.shape
    noise = [
        rng.standard_normal(n)
        for n in (n_strings * n_series, truck.instruments.lagged_k.size, N_SCALAR_NOISE + n_strings)
    ]
    world = np.array([700.0, 20.0, 0.5, 0.9])
    for function in (sense, sense.py_func):  # type: ignore[attr-defined]
        voltages, strings = np.zeros((n_strings, n_series)), np.zeros((2, n_strings))
        temps, lagged_k, scalars = np.zeros(shape), truck.instruments.lagged_k.copy(), np.zeros(len(SCALARS))
        function(
            truck.instruments.parameters, truck.pack, truck._s, truck._chiller_s, truck.vehicle, *noise, world,
            lagged_k, voltages, temps, strings, scalars,
        )  # fmt: skip
        results.append(np.concatenate([x.ravel() for x in (voltages, temps, strings, scalars, lagged_k)]))
    assert np.array_equal(results[0], results[1])


@pytest.mark.parametrize(
    "values", [{"cell_voltage_step_v": 0.0}, {"cell_temp_noise_k": -0.1}, {"current_gain": 0.1}]
)
def test_a_sensor_that_cannot_be_is_refused(values: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="must be >"):
        parse(SensorParameters, values, "here")
