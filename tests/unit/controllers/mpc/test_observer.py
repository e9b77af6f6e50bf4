"""What is learned: no steady error whatever the mismatch, and factors that go the right way."""

import numpy as np
import pytest

from controllers.actuation import ActuationSettings
from controllers.mpc.observer import Observer, Seen
from controllers.mpc.reduced_model import CHILL, HEATER, N_INPUTS, build_model
from controllers.mpc.settings import ObserverSettings
from tests.unit.controllers.examples import LIQUID
from tests.unit.controllers.mpc.moments import weather

MODEL = build_model(LIQUID, ActuationSettings())
SHARES = {
    "idle": np.zeros(N_INPUTS),
    "heater": np.eye(N_INPUTS)[HEATER],
    "chiller": 0.5 * np.eye(N_INPUTS)[CHILL],
}


def follow(
    shares: np.ndarray,
    *,
    hidden_cell_w: float = 0.0,
    hidden_medium_w: float = 0.0,
    hours: float = 2.0,
    conductance: float = 1.0,
    chiller: float = 1.0,
    start_degc: float = 25.0,
) -> tuple[Observer, float]:
    """Run a truck that differs from the model; return the observer and its last error of prediction [K]."""
    observer = Observer(ObserverSettings(), MODEL)
    cell = medium = np.array([start_degc])
    by = weather(
        heat_w=np.full(1, 2e3),
        cell_extra_w=np.full(1, hidden_cell_w),
        medium_extra_w=np.full(1, hidden_medium_w),
        conductance_factor=conductance,
        chiller_factor=chiller,
        ambient_degc=np.full(1, 30.0),
    )
    error_k = 0.0
    for _ in range(int(hours * 180)):
        for _ in range(5):
            s = MODEL.slopes(cell, medium, shares[None, :], by._replace(now_degc=float(cell[0])))
            cell, medium = cell + 4.0 * s.cell, medium + 4.0 * s.medium
        seen = Seen(float(cell[0]), float(medium[0]), 2e3, 30.0, 20.0, -50.0, shares, 0.0, True, 20.0)
        before = observer.cell_degc
        if np.isfinite(before):
            error_k = observer._predicted(seen)[0] - float(cell[0])
        observer.step(seen)
    return observer, error_k


@pytest.mark.parametrize("hidden_w", [-3e3, 0.0, 3e3])
@pytest.mark.parametrize("name", ["idle", "heater"])
def test_an_unknown_heat_of_the_cells_leaves_no_steady_error(name: str, hidden_w: float) -> None:
    observer, error_k = follow(
        SHARES[name], hidden_cell_w=hidden_w, start_degc=-5.0 if name == "heater" else 25.0
    )
    assert abs(error_k) < 2e-3
    assert abs(observer.cell_degc) < 80.0


def test_an_unknown_heat_is_found_in_size() -> None:
    observer, _ = follow(SHARES["idle"], hidden_cell_w=2e3)
    assert observer.cell_extra_w == pytest.approx(2e3, rel=0.15)


def test_a_weak_chiller_is_known_as_weak() -> None:
    observer, _ = follow(SHARES["chiller"], chiller=0.6, hours=1.0)
    assert 0.45 < observer.chiller_factor < 0.8


def test_what_is_learned_decays_ahead() -> None:
    observer, _ = follow(SHARES["idle"], hidden_cell_w=2e3)
    cell_w, _ = observer.extra_w(np.array([0.0, 1200.0, 4800.0]))
    assert cell_w[1] == pytest.approx(cell_w[0] * np.exp(-1.0))
    assert abs(cell_w[2]) < 0.02 * abs(cell_w[0]) + 1e-9


def test_power_for_the_cabin_is_not_laid_to_the_battery() -> None:
    observer = Observer(ObserverSettings(), MODEL)
    off = Seen(25.0, 25.0, 0.0, 40.0, 20.0, 5.0, np.zeros(N_INPUTS), 800.0, True, 20.0)
    observer.step(off)
    for _ in range(200):
        observer.see_power(off)
    chill = np.zeros(N_INPUTS)
    chill[CHILL] = 1.0
    own_w = float(MODEL.chiller_power_w(np.array(25.0), np.array(40.0)))
    for _ in range(400):
        observer.see_power(off._replace(shares=chill, compressor_w=own_w + 800.0))
    assert observer.power_factor == pytest.approx(1.0, abs=0.02)
    for _ in range(400):
        observer.see_power(off._replace(shares=chill, compressor_w=2.0 * own_w + 800.0))
    assert observer.power_factor == pytest.approx(2.0, abs=0.05)


def test_without_flow_the_inlet_tells_nothing_about_the_medium() -> None:
    observer = Observer(ObserverSettings(), MODEL)
    still = Seen(25.0, 25.0, 0.0, 20.0, 20.0, 5.0, np.zeros(N_INPUTS), 0.0, False, 20.0)
    for inlet in (25.0, 10.0, 0.0, 40.0):
        observer.step(still._replace(medium_degc=inlet))
    assert observer.medium_extra_w == 0.0
    assert observer.conductance_factor == 1.0
