"""Health of a pack: put into the plant, written, read."""

from pathlib import Path

import numpy as np
import pytest

from plant_models.health import PackHealth, apply_health, read_health, write_health
from plant_models.truck import Truck
from plant_models.truck_parameters import load_truck
from thermal_bms.errors import ConfigError

SHAPE = (2, 3)


@pytest.fixture
def health() -> PackHealth:
    return PackHealth(np.linspace(0.8, 0.9, 6).reshape(SHAPE), np.linspace(1.0, 1.3, 6).reshape(SHAPE))


def test_a_written_health_is_read_again(health: PackHealth, tmp_path: Path) -> None:
    path = tmp_path / "health.csv"
    write_health(path, health)
    again = read_health(path, SHAPE)
    assert again.capacity == pytest.approx(health.capacity, abs=1e-6)
    assert again.resistance == pytest.approx(health.resistance, abs=1e-6)


def test_an_aged_truck_has_less_charge_and_more_resistance() -> None:
    new, aged = (Truck(load_truck("light_air"), soc=0.5, temp_degc=20.0) for _ in range(2))
    shape = (new.parameters.pack.n_strings, new.parameters.pack.n_series)
    apply_health(aged.constants, PackHealth.even(shape, capacity=0.8, resistance=1.5))
    assert aged.constants.capacity_as == pytest.approx(0.8 * new.constants.capacity_as)
    assert aged.constants.per_capacity_as * aged.constants.capacity_as == pytest.approx(1.0)
    assert aged.constants.resistance_factor == pytest.approx(1.5 * new.constants.resistance_factor)


def test_only_a_pack_that_differs_from_new_counts_as_used(health: PackHealth) -> None:
    assert health.is_used
    assert PackHealth.even(SHAPE, resistance=1.01).is_used
    assert not PackHealth.even(SHAPE).is_used


HEAD = "string,group,capacity,resistance\n"
ROWS = "".join(f"{k},{i},0.9,1.1\n" for k in range(2) for i in range(3))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no health file"),
        ("a,b\n", "the first line must be string,group,capacity,resistance"),
        (HEAD + ROWS[:-12], "holds 5 groups, the pack has 2 x 3"),
        (HEAD + ROWS + "0,0,0.9,1.1\n", "holds 7 groups"),
        (HEAD + "5,0,0.9,1.1\n", "line 2: the pack has no string 5"),
        (HEAD + "0,0,nine,1.1\n", "line 2: 0,0,nine,1.1: must be"),
        (HEAD + "0,0,90,1.1\n", "capacity must be 0.05 to 1.5"),
        (HEAD + "0,0,nan,1.1\n", "capacity must be 0.05 to 1.5"),
        (HEAD + "0,0\n", "must be string,group"),
    ],
)
def test_a_wrong_file_is_refused_in_one_line(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "health.csv"
    path.write_text(text)
    with pytest.raises(ConfigError, match=said) as refused:
        read_health(path, SHAPE)
    assert "\n" not in str(refused.value)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="thermal-bms age writes one"):
        read_health(tmp_path / "none.csv", SHAPE)
