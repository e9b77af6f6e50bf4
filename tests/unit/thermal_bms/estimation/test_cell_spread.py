import numpy as np
import pytest

from thermal_bms.estimation.cell_spread import CellSpread, extreme_of
from thermal_bms.estimation.settings import EstimationSettings


@pytest.mark.parametrize("n", [20, 216, 1000])
def test_the_extreme_of_many_normal_values_is_about_right(n: int) -> None:
    drawn = np.random.default_rng(0).standard_normal((2000, n)).max(axis=1).mean()
    assert extreme_of(n) == pytest.approx(drawn, rel=0.03)


def test_a_single_cell_has_no_spread() -> None:
    assert extreme_of(1) == 0.0


def test_charge_and_resistance_are_told_apart_by_slope_and_load() -> None:
    spread, rng = CellSpread(EstimationSettings(cell_voltage_noise_v=0.0005), 100), np.random.default_rng(1)
    for _ in range(4000):
        slope_v, load_v = float(rng.uniform(0.3, 2.0)), float(rng.uniform(0.0, 0.2))
        spread.update(slope_v * 0.02 + 0.1 * load_v, slope_v, load_v, 48.0)
    assert spread.soc == pytest.approx(0.02, abs=0.003)
    assert spread.resistance == pytest.approx(0.1, abs=0.02)


def test_on_a_flat_voltage_the_charge_of_the_extreme_cell_stays_in_doubt() -> None:
    spread = CellSpread(EstimationSettings(), 216)
    before, sd = spread.soc, spread.soc_sd
    for _ in range(500):
        spread.update(0.004, 0.03, 0.0, 48.0)
    assert spread.soc == pytest.approx(before, abs=sd)
    assert spread.soc_sd > 0.7 * sd
