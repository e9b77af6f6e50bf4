import pytest

from tests.unit.thermal_bms.bms_samples import PACK
from thermal_bms.estimation.cell_model import CellModel
from thermal_bms.estimation.charge_bound import ChargeBound
from thermal_bms.estimation.charge_filter import ChargeFilter
from thermal_bms.estimation.settings import EstimationSettings

MODEL, SETTINGS = CellModel(PACK), EstimationSettings()


def bound_of(soc: float = 0.5, sd: float = 0.1) -> ChargeBound:
    return ChargeBound(MODEL, SETTINGS, soc=soc, soc_sd=sd)


def settled(soc: float) -> ChargeFilter:
    f = ChargeFilter(MODEL, SETTINGS, rating_a=200.0, soc=soc, soc_sd=0.1)
    f.unsettled_v = 0.0
    return f


def test_a_bound_starts_three_deviations_wide() -> None:
    bound = bound_of()
    assert (bound.low, bound.high) == pytest.approx((0.2, 0.8))


def test_counted_charge_moves_it_and_errors_widen_it() -> None:
    bound = bound_of()
    bound.count(0.1, 3600.0, capacity_sd=0.05, offset_per_s=1e-6)
    assert bound.high == pytest.approx(0.8 - 0.1 + 3 * 0.1 * (0.05**2 + 0.005**2) ** 0.5 + 3 * 3.6e-3)
    assert bound.low < 0.1


def test_a_gain_error_is_taken_back_on_the_way_back() -> None:
    bound = bound_of(0.6, 0.05)
    bound.count(0.2, 0.0, capacity_sd=0.05, offset_per_s=0.0)
    assert bound.low < 0.45 - 0.2
    bound.count(-0.2, 0.0, capacity_sd=0.05, offset_per_s=0.0)
    assert (bound.low, bound.high) == pytest.approx((0.45, 0.75))


def test_a_new_capacity_does_not_narrow_what_was_counted_with_the_old_one() -> None:
    bound = bound_of()
    bound.count(0.2, 0.0, capacity_sd=0.05, offset_per_s=0.0)
    high = bound.high
    bound.settle()
    bound.count(0.0, 4.0, capacity_sd=0.01, offset_per_s=0.0)
    assert bound.high == pytest.approx(high)


def test_a_steep_voltage_cuts_it_and_a_flat_one_hardly() -> None:
    steep, flat = bound_of(0.3), bound_of(0.5)
    steep.cut(3.0, settled(0.05))
    flat.cut(3.29, settled(0.5))
    assert steep.low < 0.05 < steep.high < 0.1
    assert flat.high - flat.low > 0.2


def test_voltages_against_the_count_start_it_anew() -> None:
    bound = bound_of(0.9, 0.02)
    bound.cut(3.0, settled(0.05))
    assert bound.conflicts == 1
    assert bound.low < 0.05 < bound.high < 0.2


def test_a_sure_filter_outside_makes_room_and_counts_as_a_conflict() -> None:
    bound = bound_of(0.5, 0.01)
    bound.include(0.6, 0.02)
    assert bound.conflicts == 1
    assert bound.high == pytest.approx(0.62)
    bound.include(0.5, 0.01)
    assert bound.conflicts == 1


def test_counting_blind_widens_it_at_both_ends() -> None:
    bound = bound_of()
    bound.lose(0.05)
    assert (bound.low, bound.high) == pytest.approx((0.15, 0.85))
