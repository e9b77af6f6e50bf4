import numpy as np
import pytest

from plant_models.spme_parameters import load_spme
from plant_models.spme_reduced_cells import FIRST_EIGENVALUE, relaxations, sphere_response
from plant_models.spme_reduced_electrolyte import near_log
from plant_models.spme_trace import trace_cell
from tests.unit.plant_models.spme_cells import bench

ONE_C_A = 5.0


def test_the_response_of_a_sphere_starts_as_a_half_space_and_ends_at_a_fifth() -> None:
    early = np.array([1e-4])
    assert sphere_response(early)[0] == pytest.approx(2.0 * np.sqrt(early[0] / np.pi), rel=0.02)
    assert sphere_response(np.array([2.0]))[0] == pytest.approx(0.2, abs=1e-9)


@pytest.mark.parametrize("n", [3, 4, 5])
def test_relaxations_follow_the_exact_sphere(n: int) -> None:
    rates, weights = relaxations(n)
    time = np.geomspace(1e-4, 1.0, 77)
    found = weights[-1] + (1.0 - np.exp(-np.outer(time, rates))) @ np.array(weights[:-1])
    assert np.abs(found - sphere_response(time)).max() < {3: 1.5e-3, 4: 4e-4, 5: 1e-4}[n]
    assert min(weights) >= 0.0
    assert rates[0] == pytest.approx(FIRST_EIGENVALUE**2, rel=0.2)


def test_a_step_of_ten_seconds_ends_where_ten_of_one_second_do() -> None:
    fine, coarse = bench("reduced"), bench("reduced")
    for _ in range(12):
        coarse.step(np.full(3, ONE_C_A), 10.0)
        for _ in range(10):
            fine.step(np.full(3, ONE_C_A))
    assert coarse.cells.shown.voltage_v == pytest.approx(fine.cells.shown.voltage_v, abs=2e-3)
    assert coarse.cells.state[0] == pytest.approx(fine.cells.state[0], rel=1e-12)


def test_reduced_and_reference_agree_on_a_cold_charge() -> None:
    cell = load_spme("okane2022")
    current_a = np.full(1201, -0.5 * cell.capacity_ah)
    both = [
        trace_cell(cell, current_a, temp_degc=0.0, negative=0.3, positive=0.65, discretisation=name)
        for name in ("reference", "reduced")
    ]
    assert both[1].voltage_v == pytest.approx(both[0].voltage_v, abs=6e-3)
    assert both[1].anode_potential_v == pytest.approx(both[0].anode_potential_v, abs=6e-3)
    assert both[1].heat_w.sum() == pytest.approx(both[0].heat_w.sum(), rel=0.02)


def test_looking_up_in_turn_shows_the_same_voltage_as_looking_up_all() -> None:
    in_turn, always = bench("reduced"), bench("reduced")
    for k in range(120):
        current_a = np.full(3, ONE_C_A * np.sin(0.1 * k))
        in_turn.step(current_a, 1.0)
        always.step(current_a, 1.0 + 1e-9)
    assert in_turn.cells.shown.voltage_v == pytest.approx(always.cells.shown.voltage_v, abs=0.1e-3)


def test_near_log_is_the_logarithm_within_its_range() -> None:
    x = np.geomspace(0.3, 3.0, 50)
    assert np.array([near_log(value) for value in x]) == pytest.approx(np.log(x), abs=3e-4)
