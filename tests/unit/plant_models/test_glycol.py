import numpy as np
import pytest

from plant_models import glycol
from plant_models.glycol import (
    air_density,
    air_record,
    conductivity,
    density,
    enthalpy,
    glycol_record,
    specific_heat,
    temperature_k,
    viscosity,
)

# degC, kg/m³, J/kgK, W/mK, mPa s: MEG 50 % at 1.5 bar, CoolProp 8.0.0 INCOMP
COOLPROP = np.array(
    [
        [-30, 1085.1, 3027.0, 0.3589, 41.774],
        [-20, 1082.2, 3087.0, 0.3647, 22.178],
        [-10, 1078.7, 3146.0, 0.3707, 12.780],
        [0, 1074.6, 3203.0, 0.3768, 7.930],
        [10, 1070.0, 3258.0, 0.383, 5.257],
        [20, 1064.9, 3312.0, 0.3891, 3.693],
        [30, 1059.4, 3364.0, 0.3953, 2.729],
        [40, 1053.4, 3413.0, 0.4015, 2.103],
        [50, 1047.1, 3459.0, 0.4077, 1.678],
        [60, 1040.5, 3503.0, 0.4138, 1.375],
        [70, 1033.6, 3544.0, 0.4198, 1.148],
        [80, 1026.4, 3582.0, 0.4257, 0.968],
    ]
)
P = glycol_record()[0]


@pytest.mark.parametrize(
    ("function", "column", "scale", "error"),
    [
        (density, 1, 1.0, 6e-4),
        (specific_heat, 2, 1.0, 8e-3),
        (conductivity, 3, 1.0, 1.2e-3),
        (viscosity, 4, 1e3, 5e-4),
    ],
)
def test_each_property_follows_its_table_within_the_stated_fit_error(function, column, scale, error):
    fitted = np.array([function(P, 273.15 + t) * scale for t in COOLPROP[:, 0]])
    np.testing.assert_allclose(fitted, COOLPROP[:, column], rtol=error)


def test_the_coefficients_are_those_of_the_fluid_library():
    properties = pytest.importorskip("CoolProp.CoolProp").PropsSI
    for key, function, error in (
        ("D", density, 6e-4),
        ("C", specific_heat, 8e-3),
        ("L", conductivity, 1.2e-3),
        ("V", viscosity, 1e-8),
    ):
        for temp_k in (238.15, 265.0, 293.15, 325.0, 353.15):
            truth = properties(key, "T", temp_k, "P", 1.5e5, "INCOMP::MEG-50%")
            assert function(P, temp_k) == pytest.approx(truth, rel=error)


@pytest.mark.parametrize("medium", [glycol_record()[0], air_record()[0]])
def test_temperature_is_the_exact_inverse_of_enthalpy(medium):
    for temp_k in np.linspace(233.0, 358.0, 26):
        assert temperature_k(medium, enthalpy(medium, temp_k)) == pytest.approx(temp_k, abs=1e-11)


def test_enthalpy_is_zero_at_zero_degc_and_its_slope_is_the_specific_heat():
    assert enthalpy(P, 273.15) == 0.0
    slope = (enthalpy(P, 300.01) - enthalpy(P, 299.99)) / 0.02
    assert slope == pytest.approx(specific_heat(P, 300.0), rel=1e-9)


def test_glycol_is_six_times_as_thick_at_minus_20_as_at_plus_20():
    assert viscosity(P, 253.15) / viscosity(P, 293.15) == pytest.approx(6.0, rel=0.01)


def test_air_density_follows_the_table_of_real_air():
    for degc, rho in ((-30, 1.4533), (0, 1.2931), (20, 1.2046), (50, 1.0925)):
        assert air_density(273.15 + degc) == pytest.approx(rho, rel=1.5e-3)


@pytest.mark.parametrize("name", ["enthalpy", "temperature_k", "specific_heat", "density", "viscosity"])
def test_compiled_kernels_equal_their_plain_python(name):
    function = getattr(glycol, name)
    for x in (250.0, 280.0, 310.0):
        assert function(P, x) == pytest.approx(function.py_func(P, x), rel=1e-14)
