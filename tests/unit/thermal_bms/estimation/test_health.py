import numpy as np
import pytest

from tests.unit.thermal_bms.bms_samples import PACK
from thermal_bms.estimation.cell_model import CellModel
from thermal_bms.estimation.charge_filter import ChargeFilter
from thermal_bms.estimation.health import CapacityHealth, ResistanceHealth, keypoint
from thermal_bms.estimation.settings import EstimationSettings

MODEL, SETTINGS = CellModel(PACK), EstimationSettings()


def settled(soc: float = 0.5) -> ChargeFilter:
    f = ChargeFilter(MODEL, SETTINGS, rating_a=200.0, soc=soc, soc_sd=0.1)
    f.unsettled_v = 0.0
    f.temp_degc = 25.0
    return f


def between(charge: float, *, high_v: float = 3.4792, hours: float = 4.0) -> CapacityHealth:
    """Return what is known after a full charge at 98.7 % and a rest at 5 % with so much charge counted between."""
    capacity = CapacityHealth(MODEL, SETTINGS)
    capacity.look(high_v, settled())
    capacity.count(charge, hours * 3600.0)
    capacity.look(3.0, settled())
    return capacity


def test_capacity_is_the_charge_between_two_known_states() -> None:
    capacity = between(0.9 * (0.987 - 0.05))
    assert capacity.value == pytest.approx(0.9, abs=0.01)
    assert capacity.sd < 0.02


def test_a_count_over_days_is_not_sure_enough_to_claim_a_capacity() -> None:
    assert between(0.9 * 0.937, hours=24.0 * 7).sd > 0.02


def test_the_plateau_tells_no_charge() -> None:
    _, on_slope = keypoint(MODEL, SETTINGS, 3.0, settled())
    _, on_plateau = keypoint(MODEL, SETTINGS, 3.29, settled())
    assert on_slope**0.5 < 0.01
    assert on_plateau**0.5 > 0.02


def test_a_voltage_that_has_not_settled_tells_less() -> None:
    unsettled = settled()
    unsettled.unsettled_v = 0.05
    assert keypoint(MODEL, SETTINGS, 3.0, unsettled)[1] > 2.0 * keypoint(MODEL, SETTINGS, 3.0, settled())[1]


def test_without_two_known_states_nothing_is_claimed() -> None:
    capacity = CapacityHealth(MODEL, SETTINGS)
    assert not capacity.look(3.29, settled())
    capacity.count(0.4, 3600.0)
    assert not capacity.look(3.0, settled())
    assert capacity.sd >= 0.1


def test_a_small_step_of_charge_measures_no_capacity() -> None:
    capacity = CapacityHealth(MODEL, SETTINGS)
    capacity.look(3.18, settled())
    capacity.count(0.06, 600.0)
    assert not capacity.look(3.0, settled())


def test_an_absurd_capacity_is_left_out() -> None:
    assert between(0.2).value == 1.0


def test_counting_blind_forgets_the_first_state() -> None:
    capacity = CapacityHealth(MODEL, SETTINGS)
    capacity.look(3.4792, settled())
    capacity.forget_count()
    capacity.count(0.8, 3600.0)
    assert not capacity.look(3.0, settled())


def test_repeated_measurements_do_not_claim_more_than_the_table_is_good_for() -> None:
    capacity = CapacityHealth(MODEL, SETTINGS)
    capacity.look(3.4792, settled())
    deviations = []
    for n in range(40):
        sign = 1.0 if n % 2 == 0 else -1.0
        capacity.count(sign * 0.937, 4 * 3600.0)
        capacity.look(3.0 if n % 2 == 0 else 3.4792, settled())
        deviations.append(capacity.sd)
    assert deviations[-1] > 0.5 * deviations[0]


def driven(factor: float, *, temp_degc: float = 25.0, error_v: float = 0.0) -> ResistanceHealth:
    health, f, rng = ResistanceHealth(SETTINGS), settled(), np.random.default_rng(4)
    f.temp_degc = temp_degc
    for _ in range(1500):
        current_a = float(rng.uniform(-60.0, 120.0))
        for _ in range(12):
            f.predict(current_a, 1.0)
        voltage_v = f.open_circuit_v + error_v - factor * f.overpotential_v
        health.take(voltage_v, f, 12.0)
    return health


@pytest.mark.parametrize("factor", [0.95, 1.0, 1.4])
def test_resistance_is_the_ratio_of_the_changes(factor: float) -> None:
    health = driven(factor)
    assert health.value == pytest.approx(factor, rel=0.02)
    assert health.sd < 0.05


def test_a_wrong_open_circuit_voltage_does_not_move_it() -> None:
    assert driven(1.2, error_v=0.03).value == pytest.approx(driven(1.2).value, abs=0.01)


def test_in_the_cold_nothing_is_claimed() -> None:
    health = driven(1.3, temp_degc=-5.0)
    assert health.value == 1.0
    assert health.sd > SETTINGS.resistance_known_sd
