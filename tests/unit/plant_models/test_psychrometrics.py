import pytest

from plant_models.psychrometrics import dew_point_k
from thermal_bms.units import degc_to_k, k_to_degc


@pytest.mark.parametrize("temp_degc", [-20.0, 0.0, 25.0, 43.0])
def test_saturated_air_is_at_its_dew_point(temp_degc):
    assert dew_point_k(degc_to_k(temp_degc), 1.0) == pytest.approx(degc_to_k(temp_degc), abs=1e-9)


@pytest.mark.parametrize(
    ("temp_degc", "humidity", "expected_degc"),
    [(20.0, 0.5, 9.3), (25.0, 0.6, 16.7), (30.0, 0.8, 26.2), (35.0, 0.4, 19.4), (40.0, 0.2, 12.8)],
)
def test_dew_point_agrees_with_the_psychrometric_chart(temp_degc, humidity, expected_degc):
    assert k_to_degc(dew_point_k(degc_to_k(temp_degc), humidity)) == pytest.approx(expected_degc, abs=0.15)


def test_dew_point_rises_with_humidity():
    points = [dew_point_k(303.15, share) for share in (0.1, 0.3, 0.6, 0.9)]
    assert points == sorted(points)


@pytest.mark.parametrize(("humidity", "same_as"), [(0.0, 0.01), (-1.0, 0.01), (1.2, 1.0)])
def test_humidity_outside_its_range_is_taken_as_the_bound(humidity, same_as):
    assert dew_point_k(293.15, humidity) == dew_point_k(293.15, same_as)


def test_compiled_dew_point_equals_plain_python():
    assert dew_point_k(308.15, 0.37) == pytest.approx(dew_point_k.py_func(308.15, 0.37), rel=1e-14)
