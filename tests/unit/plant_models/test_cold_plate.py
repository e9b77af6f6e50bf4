import numpy as np
import pytest
from pydantic import ValidationError

from plant_models import cold_plate
from plant_models.cold_plate import (
    ColdPlateParameters,
    branch_conductance,
    branch_flows,
    nusselt,
    plate_coolant_mass_kg,
    plate_film_conductance_w_per_k,
    plate_numbers,
    plate_record,
    plate_resistance_pa_s_per_m3,
    plate_reynolds,
)
from plant_models.glycol import density

P = plate_record(ColdPlateParameters())[0]
INTERFACE_K_PER_W = 0.0015 / (2.5 * 2.4)  # of the published table: 1.5 mm at 2.5 W/mK on 2.4 m2

# degC, L/min, Re, UA W/K, pressure drop kPa: computed independently for the default geometry, CoolProp 8.0.0
TABLE = [
    (-10, 5, 22, 388, 1.42),
    (-10, 10, 44, 424, 2.84),
    (-10, 20, 88, 482, 5.68),
    (-10, 30, 132, 529, 8.52),
    (0, 5, 35, 394, 0.88),
    (0, 10, 71, 430, 1.76),
    (0, 20, 141, 489, 3.52),
    (0, 30, 212, 536, 5.29),
    (10, 5, 53, 400, 0.58),
    (10, 10, 106, 436, 1.17),
    (10, 20, 212, 496, 2.34),
    (10, 30, 318, 544, 3.50),
    (20, 5, 75, 405, 0.41),
    (20, 10, 150, 442, 0.82),
    (20, 20, 300, 502, 1.64),
    (20, 30, 451, 551, 2.46),
    (30, 5, 101, 411, 0.30),
    (30, 10, 202, 447, 0.61),
    (30, 20, 404, 509, 1.21),
    (30, 30, 607, 557, 1.82),
    (40, 5, 130, 417, 0.23),
    (40, 10, 261, 453, 0.47),
    (40, 20, 522, 515, 0.93),
    (40, 30, 783, 564, 1.40),
]


def mass_flow(litres_per_minute, temp_k):
    return litres_per_minute / 60e3 * density(P, temp_k)


@pytest.mark.parametrize(("degc", "litres", "reynolds", "conductance", "kilopascal"), TABLE)
def test_conductance_and_pressure_drop_match_the_published_table(
    degc, litres, reynolds, conductance, kilopascal
):
    temp_k = 273.15 + degc
    flow = mass_flow(litres, temp_k)
    assert plate_reynolds(P, flow, temp_k) == pytest.approx(reynolds, abs=1.0)
    film = plate_film_conductance_w_per_k(P, flow, temp_k)
    assert 1.0 / (1.0 / film + INTERFACE_K_PER_W) == pytest.approx(conductance, rel=0.005)
    drop = plate_resistance_pa_s_per_m3(P, flow, temp_k) * litres / 60e3
    assert drop == pytest.approx(1e3 * kilopascal, rel=0.025, abs=6.0)


def test_nusselt_number_ends_at_developed_laminar_flow_when_the_flow_stops():
    assert nusselt(0.0, 30.0, 0.003) == pytest.approx(3.66, rel=1e-3)


def test_nusselt_number_rises_without_a_jump_through_the_transition():
    reynolds = np.linspace(1500.0, 6000.0, 901)
    values = np.array([nusselt(re, 10.0, 0.003) for re in reynolds])
    steps = np.diff(values)
    assert steps.min() > 0.0
    assert steps.max() < 0.02 * values.max()


def test_turbulent_nusselt_number_is_that_of_gnielinski():
    # f = (0.79 ln 1e4 - 1.64)^-2 = 0.03148; Nu = f/8 9000 10 / (1 + 12.7 sqrt(f/8) (10^(2/3) - 1)) = 90.78
    assert nusselt(1e4, 10.0, 0.003) == pytest.approx(90.78, abs=0.05)


def test_standing_coolant_still_conducts_and_has_a_finite_resistance():
    assert 200.0 < plate_film_conductance_w_per_k(P, 0.0, 293.15) < 500.0
    assert plate_resistance_pa_s_per_m3(P, 0.0, 293.15) > 0.0


def test_pressure_drop_is_proportional_to_flow_only_while_laminar():
    laminar = plate_resistance_pa_s_per_m3(P, 0.1, 353.15)
    assert plate_resistance_pa_s_per_m3(P, 0.2, 353.15) == laminar
    fast = 2300.0 * P.plate_flow_area_m2 * cold_plate.viscosity(P, 353.15) / P.plate_diameter_m
    assert plate_resistance_pa_s_per_m3(P, 1.001 * fast, 353.15) == pytest.approx(laminar, rel=2e-3)
    assert plate_resistance_pa_s_per_m3(P, 2.0 * fast, 353.15) == pytest.approx(2.0**0.75 * laminar)


def test_channel_numbers_follow_from_the_geometry():
    numbers = plate_numbers(ColdPlateParameters(channels=10, channel_width_m=0.02, channel_height_m=0.02))
    assert numbers["plate_diameter_m"] == pytest.approx(0.02)
    assert numbers["plate_friction_constant"] == pytest.approx(
        1.5 * 56.9, rel=2e-3
    )  # square duct: f Re = 56.9
    assert plate_coolant_mass_kg(ColdPlateParameters()) == pytest.approx(40 * 48e-6 * 1.8 * 1064.9, rel=1e-3)


@pytest.mark.parametrize("bad", [{"channels": 0}, {"active_share": 1.2}, {"channel_width_m": -0.01}])
def test_impossible_geometry_is_refused(bad):
    with pytest.raises(ValidationError):
        ColdPlateParameters(**bad)


def test_flow_splits_in_inverse_proportion_to_resistance():
    out = np.zeros(3)
    branch_flows(np.array([1.0, 4.0, 2.0]), np.ones(3), 0.7, out)
    np.testing.assert_allclose(out, [0.4, 0.1, 0.2])


def test_a_closed_branch_gets_nothing_and_the_others_share_all():
    out = np.full(3, np.nan)
    branch_flows(np.ones(3), np.array([1.0, 0.0, 1.0]), 0.6, out)
    np.testing.assert_allclose(out, [0.3, 0.0, 0.3])


def test_with_all_branches_closed_nothing_flows():
    out = np.full(2, np.nan)
    branch_flows(np.ones(2), np.zeros(2), 0.6, out)
    assert out.tolist() == [0.0, 0.0]
    assert branch_conductance(np.ones(2), np.zeros(2)) == 0.0


@pytest.mark.parametrize("flow", [0.0, 0.3, 3.0, 6.0, 20.0])
def test_compiled_kernels_equal_their_plain_python(flow):
    for function in (plate_film_conductance_w_per_k, plate_resistance_pa_s_per_m3):
        assert function(P, flow, 340.0) == pytest.approx(function.py_func(P, flow, 340.0), rel=1e-13)
