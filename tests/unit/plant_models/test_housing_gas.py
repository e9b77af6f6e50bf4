"""Gas in the housings: the exact solution for an even source, and what the breather lets out."""

import numpy as np
import pytest

from plant_models.housing_gas import ATMOSPHERE_PA, HousingGas
from plant_models.runaway_parameters import EnclosureParameters

ENCLOSURE = EnclosureParameters(free_volume_m3=0.1, breather_time_s=3.0)
TEMP_K = np.full(2, 300.0)


def test_a_long_source_settles_at_rate_times_time_constant() -> None:
    gas = HousingGas(ENCLOSURE, 2)
    for _ in range(60):
        gas.step(np.array([0.5, 0.0]), TEMP_K, 1.0)
    assert gas.gas_mol == pytest.approx([0.5 * 3.0, 0.0])
    assert gas.pressure_pa == pytest.approx(ATMOSPHERE_PA + 1.5 * 8.314462618 * 300.0 / 0.1)


def test_the_length_of_a_tick_does_not_matter_for_an_even_source() -> None:
    coarse, fine = HousingGas(ENCLOSURE, 2), HousingGas(ENCLOSURE, 2)
    coarse.step(np.array([4.0, 1.0]), TEMP_K, 10.0)
    for _ in range(100):
        fine.step(np.array([0.04, 0.01]), TEMP_K, 0.1)
    assert coarse.gas_mol == pytest.approx(fine.gas_mol)


def test_gas_leaves_with_the_time_constant_of_the_breather() -> None:
    gas = HousingGas(ENCLOSURE, 2)
    gas.step(np.array([1.0, 1.0]), TEMP_K, 1e-3)
    gas.step(np.zeros(2), TEMP_K, 3.0)
    assert gas.gas_mol == pytest.approx(np.exp(-1.0), rel=1e-3)
