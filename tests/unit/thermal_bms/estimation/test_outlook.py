import math

import pytest

from plant_models.truck_parameters import describe, load_truck
from thermal_bms.estimation.cell_model import CellModel
from thermal_bms.estimation.cell_spread import CellSpread
from thermal_bms.estimation.charge_filter import ChargeFilter
from thermal_bms.estimation.outlook import Outlook
from thermal_bms.estimation.power import PowerRatings
from thermal_bms.estimation.settings import EstimationSettings
from thermal_bms.limits import load_limits

PACK = describe(load_truck("heavy_nmc")).pack
SETTINGS, MODEL, TABLE = EstimationSettings(), CellModel(PACK), load_limits("nmc")


def outlook() -> Outlook:
    return Outlook(MODEL, PACK, SETTINGS, PowerRatings(TABLE, PACK), TABLE)


def strings(soc: float) -> tuple[list[ChargeFilter], list[CellSpread]]:
    filters = [
        ChargeFilter(MODEL, SETTINGS, rating_a=300.0, soc=soc, soc_sd=0.01) for _ in range(PACK.n_strings)
    ]
    spreads = [CellSpread(SETTINGS, PACK.n_series) for _ in filters]
    for spread in spreads:
        spread.soc = spread.resistance = 0.0
    return filters, spreads


def fed(
    power_w: float, *, speed: float = 20.0, minutes: int = 30, warming: float = 0.0, hot: float = 30.0
) -> Outlook:
    found = outlook()
    for n in range(minutes * 5):
        found.take(power_w, 1000.0, speed, hot + warming * 12.0 * n, 12.0, driving=True)
    return found


def test_energy_left_is_what_lies_above_the_usable_end_less_losses() -> None:
    filters, low = strings(0.8)
    idle = fed(0.0).energy_left_j(filters, low)
    full_j = PACK.n_strings * PACK.n_series * (MODEL.stored_j(0.8) - MODEL.stored_j(PACK.usable_soc_min))
    assert idle == pytest.approx(full_j)
    assert 0.9 * idle < fed(300e3).energy_left_j(filters, low) < idle


def test_a_low_cell_takes_energy_from_all() -> None:
    filters, low = strings(0.5)
    even = fed(0.0).energy_left_j(filters, low)
    for spread in low:
        spread.soc = 0.05
    assert fed(0.0).energy_left_j(filters, low) < even - 0.04 * even


def test_range_is_energy_over_consumption_once_five_kilometres_are_driven() -> None:
    assert math.isnan(fed(100e3, minutes=2).range_left_m(1e9))
    found = fed(100e3, minutes=60)
    assert found.range_left_m(1e9) == pytest.approx(1e9 / (100e3 / 20.0), rel=0.01)


def test_downhill_the_range_has_no_end() -> None:
    assert fed(-50e3, minutes=30).range_left_m(1e9) == math.inf


def test_warming_cells_derate_when_they_reach_the_end_of_the_full_factor() -> None:
    filters, low = strings(0.9)
    found = fed(1.0, warming=0.005, hot=20.0, minutes=40)
    hottest = 20.0 + 0.005 * 12.0 * (40 * 5 - 1)
    assert found.derate_in_s(filters, low, low) == pytest.approx((50.0 - hottest) / 0.005, rel=0.05)


def test_discharging_derates_at_the_charge_of_the_table() -> None:
    filters, low = strings(0.5)
    found = fed(200e3)
    current_a = 200e3 / (PACK.n_strings * PACK.n_series * filters[0].open_circuit_v)
    expected_s = (0.5 - 0.1) * MODEL.capacity_as / current_a
    assert found.derate_in_s(filters, low, low) == pytest.approx(expected_s, rel=0.02)


def test_charging_derates_at_the_top() -> None:
    filters, high = strings(0.7)
    found = fed(-150e3, speed=0.0)
    assert 0.0 < found.derate_in_s(filters, high, high) < 0.11 * 3600.0 * 531e3 / 150e3


def test_a_resting_pack_never_derates_and_a_hot_one_has() -> None:
    filters, low = strings(0.5)
    assert fed(0.0).derate_in_s(filters, low, low) == math.inf
    assert fed(100e3, hot=52.0).derate_in_s(filters, low, low) == 0.0


def test_missing_values_leave_the_averages_alone() -> None:
    found = fed(100e3)
    power_w = found.power_w
    found.take(math.nan, math.nan, math.nan, math.nan, 12.0, driving=True)
    assert found.power_w == power_w
    assert math.isfinite(found.warming_k_per_s)
