"""Plating tables: what they hold, between their points, and where they end."""

from itertools import product
from typing import Any

import pytest

from tests.unit.thermal_bms.bms_samples import PACK
from thermal_bms.errors import ConfigError
from thermal_bms.limits import CurrentLimits, PackState, load_limits
from thermal_bms.parameters import parse
from thermal_bms.plating import PlatingLimit, PlatingTable, load_plating, plating_names
from thermal_bms.signals import LimitCause

NAN = float("nan")
TABLE: dict[str, Any] = {
    "cell": "made up",
    "source": [{"title": "made up", "kind": "assumed"}],
    "margin_v": 0.01,
    "temp_degc": [0.0, 10.0, 30.0],
    "soc": [0.2, 0.6, 1.0],
    "c_rate_max": [[0.4, 0.3, 0.2], [0.8, 0.6, 0.4], [2.0, 1.5, 1.0]],
}
HALF_FULL = PackState(
    n_connected=3,
    string_current_a=0.0,
    cell_voltage_min_v=3.3,
    cell_voltage_max_v=3.3,
    cell_voltage_mean_v=3.3,
    cell_temp_min_degc=20.0,
    cell_temp_max_degc=25.0,
    soc=0.6,
    resistance_ohm=1e-4,
)


def table(**changes: Any) -> PlatingTable:
    return parse(PlatingTable, TABLE | changes, "plating_made_up.toml")


def test_a_table_is_met_at_its_points() -> None:
    limit, rows = PlatingLimit(table()), TABLE["c_rate_max"]
    for i, j in product(range(3), range(3)):
        assert limit.c_rate(TABLE["temp_degc"][i], TABLE["soc"][j]) == pytest.approx(rows[i][j])


@pytest.mark.parametrize(
    ("temp_degc", "soc", "c_rate"),
    [
        (5.0, 0.2, 0.6),
        (5.0, 0.4, 0.525),
        (20.0, 0.8, 0.875),
        (29.999999, 0.999999, 1.0),
    ],
)
def test_between_its_points_it_is_bilinear(temp_degc: float, soc: float, c_rate: float) -> None:
    assert PlatingLimit(table()).c_rate(temp_degc, soc) == pytest.approx(c_rate, rel=1e-5)


@pytest.mark.parametrize(
    ("temp_degc", "soc", "c_rate"),
    [(-0.001, 0.5, 0.0), (-40.0, 0.5, 0.0), (50.0, 0.6, 1.5), (10.0, 0.0, 0.8), (10.0, 1.1, 0.4)],
)
def test_beyond_its_ends_it_is_cautious(temp_degc: float, soc: float, c_rate: float) -> None:
    assert PlatingLimit(table()).c_rate(temp_degc, soc) == pytest.approx(c_rate)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"soc": [0.2, 0.2, 1.0]}, "soc must rise"),
        ({"temp_degc": [0.0, 10.0, 5.0]}, "temp_degc must rise"),
        ({"c_rate_max": [[0.4, 0.3, 0.2]]}, r"c_rate_max needs 3 rows \(temp_degc\) of 3 values \(soc\)"),
        ({"c_rate_max": [[0.4, 0.3], [0.4, 0.3], [0.4, 0.3]]}, "needs 3 rows"),
        ({"c_rate_max": [[0.4, 0.3, -0.2], [1.0, 1.0, 1.0], [1.0, 1.0, 1.0]]}, "c_rate_max must be >= 0"),
        ({"margin_v": 0.5}, "margin_v = 0.5"),
    ],
)
def test_a_table_that_is_none_is_refused(changes: dict[str, Any], text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        table(**changes)


def test_every_table_loads_under_the_name_of_its_cell() -> None:
    for name in plating_names():
        assert load_plating(name).cell == name


def test_an_unknown_cell_is_named_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"pack.plating = 'nmc_94a': no plating table .*nmc_94ah"):
        load_plating("nmc_94a")


def limits(**changes: Any) -> CurrentLimits:
    return CurrentLimits(load_limits("lfp"), PACK, table(**changes))


def test_charging_is_held_below_plating_of_the_coldest_cell() -> None:
    found = limits().at(HALF_FULL)
    expected_a = 3 * PACK.capacity_ah * 0.5 * (0.6 + 1.5)
    assert found.charge_current_max_a == pytest.approx(min(expected_a, 3 * PACK.charge_current_max_a))
    tight = limits(c_rate_max=[[0.2] * 3, [0.4] * 3, [0.6] * 3]).at(HALF_FULL)
    assert tight.charge_current_max_a == pytest.approx(3 * PACK.capacity_ah * 0.5)
    assert tight.charge_cause is LimitCause.PLATING
    assert tight.discharge_current_max_a == found.discharge_current_max_a


def test_another_limit_that_is_lower_keeps_its_name() -> None:
    found = limits(c_rate_max=[[5.0] * 3] * 3).at(HALF_FULL)
    assert found == CurrentLimits(load_limits("lfp"), PACK).at(HALF_FULL)
    assert found.charge_cause is not LimitCause.PLATING


def test_a_missing_temperature_stops_the_charge_as_a_fault() -> None:
    state = PackState(**{name: getattr(HALF_FULL, name) for name in PackState.__slots__})
    state.cell_temp_min_degc = NAN
    found = limits().at(state)
    assert (found.charge_current_max_a, found.charge_cause) == (0.0, LimitCause.FAULT)
