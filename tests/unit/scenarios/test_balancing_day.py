"""Balancing as part of a day: parked, with wake-ups, and while the truck sleeps."""

from pathlib import Path

import numpy as np
import pytest

from scenarios.energy_balance import energy_balances
from scenarios.runner import Day
from scenarios.scenario import load_scenario
from thermal_bms.recording import Recorder, Recording

PARKED = [
    'phase=[{kind="park", duration_h=5.0, wake_interval_min=30.0}]',
    'truck_changes={pack={n_strings=2, n_series=12, n_temp_sensors=3}, balancer={kind="cell_to_cell"}}',
    "initial.soc=0.5",
    "checks={}",
    "degraded=[]",
]


@pytest.fixture(scope="module")
def parked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Day, Recording]:
    """A van parked for five hours with its cells' charges spread over 5 %."""
    path: Path = tmp_path_factory.mktemp("day") / "recording.tbr"
    day = Day(load_scenario("light_air_van_summer", PARKED), None)
    day.truck.state.soc[:] += np.random.default_rng(2).permutation(np.linspace(-0.05, 0.0, 12))
    with Recorder(path, day.meta(), day.streams()) as recorder:
        day.run(recorder)
    return day, Recording(path)


def test_a_parked_truck_is_balanced_between_its_wake_ups(parked: tuple[Day, Recording]) -> None:
    day, recording = parked
    assert (np.ptp(day.truck.state.soc, axis=1) < 0.02).all()
    signals = recording.stream("signals")
    asleep = signals["asleep"] > 0.5
    assert (signals["balancing_loss_w"][asleep] > 0.0).any()


def test_the_books_of_a_balanced_day_close(parked: tuple[Day, Recording]) -> None:
    for balance in energy_balances(parked[1]).values():
        assert "balancing_loss_j" in {term.name for term in balance.terms}
        assert balance.closure < 1e-6
