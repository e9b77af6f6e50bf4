"""The reduced model: its own derivatives, its steady states, and the plant it stands for."""

import numpy as np
import pytest

from controllers.actuation import ActuationSettings
from controllers.mpc.reduced_model import (
    CHILL,
    HEATER,
    N_INPUTS,
    OUTSIDE,
    WASTE,
    build_model,
    estimated_dynamics,
)
from plant_models.truck_parameters import describe, load_truck
from tests.unit.controllers.examples import AIR, LIQUID, TRUCKS
from tests.unit.controllers.mpc.moments import weather

STEP = 1e-5
POINTS = [
    (27.0, 22.0, (0.5, 0.2, 0.0, 0.0)),
    (5.0, 12.0, (0.0, 0.0, 0.8, 0.3)),
    (33.0, 30.0, (0.0, 0.7, 0.0, 0.0)),
]


@pytest.mark.parametrize("name", TRUCKS)
@pytest.mark.parametrize(("cell", "medium", "shares"), POINTS)
def test_the_derivatives_are_those_of_the_rates(
    name: str, cell: float, medium: float, shares: tuple[float, ...]
) -> None:
    model = build_model(TRUCKS[name], ActuationSettings())
    by = weather(heat_w=np.full(1, 3e3), now_degc=cell)
    at = np.array([shares])

    def rates(t: float, s: float, u: np.ndarray) -> np.ndarray:
        found = model.slopes(np.array([t]), np.array([s]), u, by)
        return np.array([found.cell[0], found.medium[0]])

    found = model.slopes(np.array([cell]), np.array([medium]), at, by)
    by_cell = (rates(cell + STEP, medium, at) - rates(cell - STEP, medium, at)) / (2.0 * STEP)
    by_medium = (rates(cell, medium + STEP, at) - rates(cell, medium - STEP, at)) / (2.0 * STEP)
    # the resistance is interpolated, so its slope is a difference over half a kelvin
    assert found.cell_by_cell[0] == pytest.approx(by_cell[0], rel=0.05)
    assert found.medium_by_cell[0] == pytest.approx(by_cell[1], rel=1e-6)
    assert found.cell_by_medium[0] == pytest.approx(by_medium[0], rel=1e-6)
    assert found.medium_by_medium[0] == pytest.approx(by_medium[1], rel=1e-6)


@pytest.mark.parametrize(
    ("index", "name"), [(OUTSIDE, "liquid"), (HEATER, "liquid"), (WASTE, "liquid"), (HEATER, "air")]
)
def test_a_share_moves_the_medium_as_its_derivative_says(index: int, name: str) -> None:
    model = build_model(TRUCKS[name], ActuationSettings())
    by = weather(drive_loop_degc=50.0)
    shares = np.full((1, N_INPUTS), 0.01)
    shares[0, HEATER] = 0.5  # keeps the flow where it is
    more = shares.copy()
    more[0, index] += 1e-4
    first, second = (model.slopes(np.array([20.0]), np.array([18.0]), u, by) for u in (shares, more))
    if index == HEATER:  # more heater, more flow: the derivative leaves the flow out
        assert second.medium[0] > first.medium[0]
    else:
        assert (second.medium[0] - first.medium[0]) / 1e-4 == pytest.approx(
            first.by_input[0, index], rel=1e-6
        )


def test_without_heat_and_actuators_everything_at_ambient_stays() -> None:
    for truck in TRUCKS.values():
        model = build_model(truck, ActuationSettings())
        found = model.slopes(np.array([20.0]), np.array([20.0]), np.zeros((1, N_INPUTS)), weather())
        assert found.cell[0] == found.medium[0] == 0.0


def test_energy_moves_between_cells_and_medium_without_loss() -> None:
    model = build_model(LIQUID, ActuationSettings())
    found = model.slopes(np.array([30.0]), np.array([20.0]), np.zeros((1, N_INPUTS)), weather())
    numbers = model.numbers
    stored_w = (
        numbers.cell_heat_capacity_j_per_k * found.cell[0]
        + numbers.medium_heat_capacity_j_per_k * found.medium[0]
    )
    lost_w = numbers.pack_to_ambient_w_per_k * 10.0
    assert stored_w == pytest.approx(-lost_w)


def test_duty_and_share_of_the_chiller_are_inverse() -> None:
    model = build_model(LIQUID, ActuationSettings())
    for share in (0.0, 0.2, 0.5, 1.0):
        assert model.share_of_duty(model.duty_of_share(share)) == pytest.approx(share, abs=1e-9)


def test_cells_near_the_dew_point_feed_the_chiller_little() -> None:
    model = build_model(LIQUID, ActuationSettings())
    cells = np.array([20.0, 24.0, 30.0, 60.0])
    most = model.chill_most(cells, np.full(4, 30.0), 22.0)
    assert most[0] == 0.0
    assert np.all(np.diff(most) > 0.0)
    assert most[-1] > 0.9


@pytest.mark.parametrize(
    "name", ["heavy_lfp", "heavy_nmc", "medium_lfp", "medium_nmc", "light_liquid", "light_air"]
)
def test_what_is_estimated_from_ratings_is_near_what_the_truck_has(name: str) -> None:
    truck = describe(load_truck(name))
    known = truck.thermal.dynamics
    assert known is not None
    bare = truck.model_copy(update={"thermal": truck.thermal.model_copy(update={"dynamics": None})})
    guessed = estimated_dynamics(bare)
    for key, factor in (
        ("cell_heat_capacity_j_per_k", 1.4),
        ("medium_heat_capacity_j_per_k", 2.5),
        ("cell_to_medium_w_per_k", 2.2),
        ("pack_to_ambient_w_per_k", 3.0),
    ):
        ratio = getattr(guessed, key) / getattr(known, key)
        assert 1.0 / factor < ratio < factor, f"{name}: {key} is {ratio:.2f} of what it is"


def test_a_truck_without_a_chiller_gets_next_to_nothing_from_it() -> None:
    bare = AIR.model_copy(update={"thermal": AIR.thermal.model_copy(update={"chiller_capacity_w": 0.0})})
    model = build_model(bare, ActuationSettings())
    assert not model.has_chiller
    assert (
        model.slopes(np.array([30.0]), np.array([30.0]), np.eye(4)[[CHILL]], weather()).by_input[0, CHILL]
        > -1.0
    )
