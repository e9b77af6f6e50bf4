import numpy as np
import pytest
from pydantic import ValidationError

from plant_models.kernels import record
from plant_models.pump import (
    PumpParameters,
    lagged,
    prefixed,
    pump_flow_m3_per_s,
    pump_power_w,
    ramped,
)

PUMP = PumpParameters()
P = record(**prefixed("pump", PUMP))[0]


def head_pa(speed, flow):
    return PUMP.pressure_max_pa * (speed**2 - (flow / PUMP.flow_free_m3_per_s) ** 2)


@pytest.mark.parametrize(("litres", "bar"), [(116.0, 0.45), (166.0, 0.30)])
def test_the_default_curve_passes_the_datasheet_points_of_the_cwa200(litres, bar):
    flow = litres / 60e3
    assert head_pa(1.0, flow) == pytest.approx(bar * 1e5, rel=0.005)
    assert pump_flow_m3_per_s(P, 1.0, 0.0, bar * 1e5 / flow**2) == pytest.approx(flow, rel=0.005)


def test_the_default_power_is_near_the_rated_12_v_and_15_a():
    for litres in (116.0, 166.0):
        electric, hydraulic = pump_power_w(P, 1.0, litres / 60e3)
        assert electric == pytest.approx(180.0, rel=0.03)
        assert 0.4 < hydraulic / electric < 0.5


@pytest.mark.parametrize("speed", [0.05, 0.4, 1.0])
@pytest.mark.parametrize("linear", [0.0, 2e6, 5e7])
@pytest.mark.parametrize("quadratic", [0.0, 3e10])
def test_the_operating_point_lies_on_both_curves(speed, linear, quadratic):
    flow = pump_flow_m3_per_s(P, speed, linear, quadratic)
    assert flow > 0.0
    assert head_pa(speed, flow) == pytest.approx(linear * flow + quadratic * flow**2, rel=1e-9, abs=1e-9)


def test_without_laminar_part_flow_follows_speed_and_power_its_cube():
    full = pump_flow_m3_per_s(P, 1.0, 0.0, 2e10)
    half = pump_flow_m3_per_s(P, 0.5, 0.0, 2e10)
    assert half == pytest.approx(0.5 * full)
    assert pump_power_w(P, 0.5, half)[0] == pytest.approx(0.125 * pump_power_w(P, 1.0, full)[0])


def test_a_standing_pump_moves_nothing_and_draws_nothing():
    assert pump_flow_m3_per_s(P, 0.0, 0.0, 0.0) == 0.0
    assert pump_power_w(P, 0.0, 0.0) == (0.0, 0.0)


def test_a_pump_against_a_closed_circuit_draws_finite_power_and_gives_no_hydraulic_power():
    electric, hydraulic = pump_power_w(P, 1.0, 0.0)
    assert 50.0 < electric < 200.0
    assert hydraulic == 0.0


def test_electric_power_always_exceeds_hydraulic_power():
    for flow in np.linspace(0.0, PUMP.flow_free_m3_per_s, 30)[:-1]:
        electric, hydraulic = pump_power_w(P, 1.0, flow)
        assert electric * PUMP.efficiency_best >= hydraulic * (1.0 - 1e-12)


def test_a_curve_that_would_give_negative_efficiency_is_refused():
    with pytest.raises(ValidationError, match="flow_best_m3_per_s must be > half"):
        PumpParameters(flow_best_m3_per_s=1e-3, flow_free_m3_per_s=3e-3)


def test_a_lag_reaches_63_percent_after_its_time_constant_whatever_the_steps():
    one, _ = lagged(0.0, 1.0, 2.0, 2.0)
    many = 0.0
    mean = 0.0
    for _ in range(20):
        many, part = lagged(many, 1.0, 2.0, 0.1)
        mean += part / 20
    assert one == pytest.approx(1.0 - np.exp(-1.0))
    assert many == pytest.approx(one, rel=1e-12)
    assert mean == pytest.approx(lagged(0.0, 1.0, 2.0, 2.0)[1], rel=1e-12)


def test_a_ramp_arrives_on_time_and_never_overshoots():
    value = 0.2
    for _ in range(10):
        value, _ = ramped(value, 0.8, 6.0, 0.7)
        assert value <= 0.8
    assert value == pytest.approx(0.8)
    assert ramped(0.2, 0.8, 6.0, 3.6)[0] == pytest.approx(0.8)
    assert ramped(0.8, 0.2, 6.0, 1.8)[0] == pytest.approx(0.5)


def test_the_mean_of_a_ramp_is_the_same_in_one_step_or_many():
    value, total = 0.0, 0.0
    for _ in range(100):
        value, mean = ramped(value, 0.5, 4.0, 0.05)
        total += mean / 100
    assert ramped(0.0, 0.5, 4.0, 5.0)[1] == pytest.approx(total)


def test_compiled_kernels_equal_their_plain_python():
    assert pump_flow_m3_per_s(P, 0.7, 1e6, 2e10) == pump_flow_m3_per_s.py_func(P, 0.7, 1e6, 2e10)
    assert pump_power_w(P, 0.7, 1e-3) == pytest.approx(pump_power_w.py_func(P, 0.7, 1e-3), rel=1e-14)
    assert lagged(0.1, 0.9, 2.0, 0.5) == pytest.approx(lagged.py_func(0.1, 0.9, 2.0, 0.5), rel=1e-14)
    assert ramped(0.1, 0.9, 2.0, 0.5) == ramped.py_func(0.1, 0.9, 2.0, 0.5)


@pytest.mark.parametrize("target", [1.2e-38, 1e-12, 1e-9])
def test_the_mean_of_a_lag_towards_almost_nothing_stays_between_its_ends(target: float) -> None:
    end, mean = lagged(0.0, target, 1.0, 0.05)
    assert 0.0 <= mean <= target
    assert 0.0 <= end <= target
