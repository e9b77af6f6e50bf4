import math

import numpy as np
import pytest

from tests.unit.thermal_bms.bms_samples import PACK
from thermal_bms.estimation.cell_model import CellModel
from thermal_bms.health.cell_watch import CellWatch
from thermal_bms.health.findings import FindingKind
from thermal_bms.health.settings import HealthSettings

NMC = PACK.model_copy(
    update={"chemistry": "nmc", "ocv_soc": (0.0, 1.0), "ocv_v": (3.2, 4.2), "cell_voltage_max_v": 4.2}
)
MODEL = CellModel(NMC)
DT_S = 30.0


def watched(
    *, leak_a: float = 0.0, growth: float = 0.0, hours: float = 3.0, noise_v: float = 1e-3, seed: int = 1
) -> CellWatch:
    """Return a watch of twenty groups that are cycled with 40 A; group 7 leaks or has more resistance."""
    rng = np.random.default_rng(seed)
    watch = CellWatch(MODEL, NMC, HealthSettings(), 0)
    lost, soc = np.zeros(NMC.n_series), 0.6
    for n in range(round(hours * 3600.0 / DT_S)):
        current_a = 40.0 if n // 20 % 2 == 0 else -40.0
        soc -= current_a * DT_S / MODEL.capacity_as
        lost[7] += leak_a * DT_S / MODEL.capacity_as
        ohm = np.full(NMC.n_series, NMC.resistance_ohm[2])
        ohm[7] *= 1.0 + growth
        voltage_v = 3.2 + (soc - lost) - current_a * ohm + noise_v * rng.standard_normal(NMC.n_series)
        watch.take(
            voltage_v, current_a=current_a, mean_current_a=current_a, soc=soc, temp_degc=25.0, elapsed_s=DT_S
        )
    return watch


def test_healthy_groups_raise_nothing() -> None:
    assert watched().candidates(0.0) == []


@pytest.mark.parametrize("leak_a", [0.5, 1.5])
def test_a_leak_is_found_in_its_group_with_its_size_and_the_time_that_is_left(leak_a: float) -> None:
    [found] = watched(leak_a=leak_a).candidates(5.0)
    assert (found.kind, found.string, found.place, found.since_s) == (FindingKind.SOFT_SHORT, 0, 7, 5.0)
    assert found.value == pytest.approx(leak_a, rel=0.15)
    assert found.confidence > 0.99
    left_s = (0.05 - leak_a * 3.0 / NMC.capacity_ah) * MODEL.capacity_as / leak_a
    assert found.time_to_limit_s == pytest.approx(left_s, rel=0.2)


def test_more_resistance_is_found_and_is_no_leak() -> None:
    [found] = watched(growth=0.4).candidates(0.0)
    assert (found.kind, found.place) == (FindingKind.RESISTANCE_GROWTH, 7)
    assert found.value == pytest.approx(1.4, abs=0.1)
    assert found.confidence > 0.99


def test_a_resistance_that_stands_still_has_no_end() -> None:
    [found] = watched(growth=0.4, hours=20.0).candidates(0.0)
    assert math.isinf(found.time_to_limit_s)


def test_on_a_plateau_a_leak_stays_unknown_instead_of_being_guessed() -> None:
    flat = NMC.model_copy(update={"ocv_v": (3.3, 3.3001)})
    watch = CellWatch(CellModel(flat), flat, HealthSettings(), 0)
    rng = np.random.default_rng(2)
    for _ in range(300):
        watch.take(
            3.3 + 1e-3 * rng.standard_normal(20),
            current_a=0.0, mean_current_a=0.0, soc=0.5, temp_degc=25.0, elapsed_s=DT_S,
        )  # fmt: skip
    assert watch.candidates(0.0) == []


def test_missing_voltages_are_left_out() -> None:
    watch = CellWatch(MODEL, NMC, HealthSettings(), 0)
    voltage_v = np.full(20, 3.7)
    voltage_v[3] = math.nan
    for _ in range(50):
        watch.take(voltage_v, current_a=0.0, mean_current_a=0.0, soc=0.5, temp_degc=25.0, elapsed_s=DT_S)
        watch.take(
            np.full(20, math.nan), current_a=0.0, mean_current_a=0.0, soc=0.5, temp_degc=25.0, elapsed_s=DT_S
        )
    assert watch.candidates(0.0) == []


@pytest.mark.parametrize("soc", [-0.05, 0.0, 1.0, 1.0 + 0.01, 1.2])
def test_a_charge_beyond_its_ends_is_taken_for_the_end(soc: float) -> None:
    watch = CellWatch(MODEL, NMC, HealthSettings(), 0)
    for _ in range(20):
        watch.take(
            np.full(20, 3.7), current_a=1.0, mean_current_a=1.0, soc=soc, temp_degc=25.0, elapsed_s=DT_S
        )
    assert watch.candidates(0.0) == []
