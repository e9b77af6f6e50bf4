"""The layer above the plan: stay, regret, urgency, and what a path leaves open."""

import numpy as np
import pytest

from controllers.actuation import ActuationSettings
from controllers.mpc.grid import build_grid
from controllers.mpc.paths import OPEN, Path, PathLayer
from controllers.mpc.reduced_model import CHILL, HEATER, N_INPUTS, OUTSIDE, WASTE, Slopes, build_model
from controllers.mpc.settings import GridSettings, ValveSettings
from tests.unit.controllers.examples import LIQUID
from tests.unit.controllers.mpc.moments import weather

GRID = build_grid(GridSettings())
WINDOW = GRID.start_s < 300.0


def layer(**changes: float) -> PathLayer:
    return PathLayer(ValveSettings(**changes), GRID, 0.4, start_eur=0.01)


def slopes(cell_degc: float = 35.0, ambient_degc: float = 20.0) -> Slopes:
    model = build_model(LIQUID, ActuationSettings())
    n = GRID.size
    by = weather(n, ambient_degc=np.full(n, ambient_degc), drive_loop_degc=60.0)
    return model.slopes(np.full(n, cell_degc), np.full(n, cell_degc - 3.0), np.full((n, N_INPUTS), 0.1), by)


def shares(**values: float) -> np.ndarray:
    found = np.zeros((GRID.size, N_INPUTS))
    for name, value in values.items():
        found[:, {"chill": CHILL, "outside": OUTSIDE, "heater": HEATER, "waste": WASTE}[name]] = value
    return found


@pytest.mark.parametrize(
    ("plan", "expected"),
    [
        (shares(), Path.REST),
        (shares(chill=0.02), Path.REST),
        (shares(chill=0.5, outside=0.1), Path.CHILLER),
        (shares(chill=0.1, outside=0.9), Path.OUTSIDE),
        (shares(heater=0.6), Path.HEATER),
        (shares(heater=0.9, waste=0.3), Path.WASTE_HEAT),
    ],
)
def test_the_path_that_moves_most_heat_is_preferred(plan: np.ndarray, expected: Path) -> None:
    assert layer().preferred(plan, slopes()) is expected


@pytest.mark.parametrize("path", list(Path))
def test_a_path_closes_the_others_in_its_window_only(path: Path) -> None:
    least, most = layer().bounded(
        path, np.zeros((GRID.size, N_INPUTS)), np.ones((GRID.size, N_INPUTS)), warm_outside=False, over_k=0.0
    )
    for index in range(N_INPUTS):
        assert np.all(most[WINDOW, index] == (1.0 if index in OPEN[path] else 0.0))
    assert np.all(most[~WINDOW] == 1.0)
    assert np.all(least[~WINDOW] == 0.0)
    assert np.all(least[WINDOW, CHILL] == (0.4 if path is Path.CHILLER else 0.0))


def test_far_too_hot_the_chiller_works_hard_but_never_more_than_it_may() -> None:
    most = np.ones((GRID.size, N_INPUTS))
    most[:3, CHILL] = 0.2
    least, _ = layer().bounded(Path.CHILLER, np.zeros_like(most), most, warm_outside=False, over_k=4.0)
    assert least[0, CHILL] == 0.2
    assert least[5, CHILL] == 1.0


def test_a_path_stays_its_time_unless_it_does_not_help_far_off() -> None:
    unit = layer()
    unit.decided(Path.REST)
    assert not unit.may_decide(0.0)
    assert unit.may_decide(5.0)  # five kelvin too hot, at rest
    unit.decided(Path.CHILLER)
    assert not unit.may_decide(5.0)  # the chiller helps
    assert unit.may_decide(-5.0)  # too cold, and it chills
    unit.wait(299.0)
    assert not unit.may_decide(0.0)
    unit.wait(1.0)
    assert unit.may_decide(0.0)


def test_small_gains_add_up_to_a_change_and_noise_does_not() -> None:
    steady, noisy = layer(), layer()
    steady.decided(Path.REST)
    noisy.decided(Path.REST)
    changed = [steady.is_worth_it(0.012) for _ in range(10)]
    assert changed.index(True) == 4  # 0.012 EUR over five minutes, looked at every minute, against 0.01 EUR
    assert not any(noisy.is_worth_it(0.012 * (-1.0) ** i) for i in range(50))


def test_after_a_start_the_chiller_waits_unless_the_cells_are_far_too_hot() -> None:
    fresh = layer()
    hot = shares(chill=0.8)
    assert fresh.others(hot, slopes(), cool_outside=False, over_k=0.5) == []
    assert fresh.others(hot, slopes(), cool_outside=True, over_k=0.5) == [Path.OUTSIDE]
    assert fresh.others(hot, slopes(), cool_outside=False, over_k=3.0) == [Path.CHILLER]
    fresh.decided(Path.REST)
    assert fresh.others(hot, slopes(), cool_outside=True, over_k=0.5) == [Path.CHILLER, Path.OUTSIDE]
