import numpy as np
import pytest

from plant_models import radiator
from plant_models.kernels import record
from plant_models.pump import prefixed
from plant_models.radiator import (
    FanParameters,
    RadiatorParameters,
    counter_flow_conductance_w_per_k,
    counter_flow_effectiveness,
    cross_flow_effectiveness,
    fan_power_w,
    front_air_flow_m3_per_s,
    radiator_conductance_w_per_k,
    radiator_heat_per_k,
)

# air m/s, coolant L/min, UA, C coolant, C air, heat per kelvin: 0.30 m², 900 W/K at 4 m/s and 30 L/min
TABLE = [
    (1.5, 10, 505, 597, 536, 251),
    (1.5, 20, 553, 1193, 536, 301),
    (1.5, 40, 592, 2387, 536, 335),
    (3.0, 10, 666, 597, 1072, 338),
    (3.0, 20, 750, 1193, 1072, 427),
    (3.0, 40, 824, 2387, 1072, 509),
    (5.0, 10, 795, 597, 1787, 396),
    (5.0, 20, 919, 1193, 1787, 534),
    (5.0, 40, 1032, 2387, 1787, 655),
    (8.0, 10, 917, 597, 2859, 439),
    (8.0, 20, 1085, 1193, 2859, 632),
    (8.0, 40, 1247, 2387, 2859, 804),
]
FAN = record(**prefixed("fan", FanParameters()))[0]


@pytest.mark.parametrize(("air", "litres", "conductance", "coolant_rate", "air_rate", "heat"), TABLE)
def test_the_default_radiator_matches_the_published_table(
    air, litres, conductance, coolant_rate, air_rate, heat
):
    r = RadiatorParameters()
    ua = radiator_conductance_w_per_k(
        r.conductance_ref_w_per_k,
        r.air_resistance_share,
        air / 4.0,
        r.air_exponent,
        litres / 30.0,
        r.coolant_exponent,
    )
    assert ua == pytest.approx(conductance, rel=0.002)
    assert radiator_heat_per_k(ua, coolant_rate, air_rate) == pytest.approx(heat, rel=0.003)


@pytest.mark.parametrize("effectiveness", [cross_flow_effectiveness, counter_flow_effectiveness])
def test_effectiveness_lies_between_0_and_1_and_rises_with_transfer_units(effectiveness):
    for ratio in (0.0, 1e-9, 0.3, 0.999999999, 1.0):
        values = np.array([effectiveness(ntu, ratio) for ntu in np.linspace(0.0, 8.0, 60)])
        assert values[0] == 0.0
        assert values.max() <= 1.0
        assert np.diff(values).min() > 0.0


@pytest.mark.parametrize("effectiveness", [cross_flow_effectiveness, counter_flow_effectiveness])
def test_with_one_boundless_flow_effectiveness_is_exponential(effectiveness):
    assert effectiveness(1.3, 0.0) == pytest.approx(1.0 - np.exp(-1.3))
    assert effectiveness(1.3, 1e-5) == pytest.approx(effectiveness(1.3, 0.0), rel=1e-4)


def test_counter_flow_beats_cross_flow():
    for ntu in (0.5, 1.0, 3.0):
        assert counter_flow_effectiveness(ntu, 0.8) > cross_flow_effectiveness(ntu, 0.8)


def test_counter_flow_conductance_is_symmetric_in_its_flows():
    one = counter_flow_conductance_w_per_k(800.0, 500.0, 1500.0)
    assert one == counter_flow_conductance_w_per_k(800.0, 1500.0, 500.0)
    assert 0.0 < one < 500.0


@pytest.mark.parametrize(("coolant", "air"), [(0.0, 1.0), (1.0, 0.0), (0.0, 0.0)])
def test_without_a_flow_nothing_is_exchanged(coolant, air):
    assert radiator_conductance_w_per_k(900.0, 0.7, air, 0.6, coolant, 0.5) == 0.0
    assert radiator_heat_per_k(900.0, coolant, air) == 0.0
    assert counter_flow_conductance_w_per_k(900.0, coolant, air) == 0.0


def test_fan_and_ram_air_add_in_quadrature():
    fan = front_air_flow_m3_per_s(FAN, 1.0, 0.0)
    ram = front_air_flow_m3_per_s(FAN, 0.0, 25.0)
    assert fan == FanParameters().flow_max_m3_per_s
    assert ram == pytest.approx(25.0 * FanParameters().ram_area_m2)
    assert front_air_flow_m3_per_s(FAN, 1.0, 25.0) == pytest.approx(np.hypot(fan, ram))


def test_fan_power_goes_with_the_cube_of_its_speed():
    assert fan_power_w(FAN, 0.5) == pytest.approx(fan_power_w(FAN, 1.0) / 8.0)
    assert fan_power_w(FAN, 0.0) == 0.0


def test_compiled_kernels_equal_their_plain_python():
    for name in ("cross_flow_effectiveness", "counter_flow_effectiveness"):
        function = getattr(radiator, name)
        for ntu, ratio in ((0.0, 0.5), (1.2, 0.0), (2.0, 0.7), (2.0, 1.0)):
            assert function(ntu, ratio) == pytest.approx(function.py_func(ntu, ratio), rel=1e-13)
