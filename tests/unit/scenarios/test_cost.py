"""What a day costs."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenarios.cost import PRICED, day_cost, fixed_eur, heat_left_electric_kwh
from scenarios.prices import PriceTable, load_prices
from scenarios.runner import run
from tests.unit.scenarios.small_days import load_day

PRICES = load_prices()
KPIS: Mapping[str, float] = {
    "duration_h": 10.0,
    "driver_h": 5.0,
    "truck_h": 7.0,
    "grid_depot_kwh": 300.0,
    "grid_public_kwh": 200.0,
    "charge_left_kwh": -50.0,
    "heat_left_kwh": 10.0,
    "ambient_temp_mean_degc": 35.0,
    "ageing_percent_per_day": 0.004,
    "pack_energy_kwh": 600.0,
    "in_use_violation_k_s": 7200.0,
    "drive_h": 4.0,
    "thermal_energy_kwh": 20.0,
    "cell_heat_kwh": 30.0,
}


def test_every_part_is_its_quantity_times_its_price() -> None:
    cost = day_cost(KPIS, PRICES)
    assert cost.energy_eur == pytest.approx(300.0 * 0.20 + 200.0 * 0.40)
    assert cost.time_eur == pytest.approx(5.0 * 30.0 + 7.0 * 15.0)
    assert cost.ageing_eur == pytest.approx(0.004 * 4320.0)
    assert cost.charge_left_eur == pytest.approx(50.0 * 0.20)
    assert cost.heat_left_eur == pytest.approx(10.0 / 2.5 * 0.20)
    assert cost.violation_eur == pytest.approx(2.0 * 1.0)
    assert cost.ranked_eur == pytest.approx(cost.total_eur + cost.violation_eur) == pytest.approx(sum(cost))


def test_a_run_of_more_than_a_day_ages_the_pack_for_all_of_it() -> None:
    long = day_cost({**KPIS, "duration_h": 48.0}, PRICES)
    assert long.ageing_eur == pytest.approx(2.0 * day_cost(KPIS, PRICES).ageing_eur)


def test_charge_taken_from_the_pack_costs_as_much_as_charge_from_the_depot() -> None:
    charged = {**KPIS, "grid_depot_kwh": KPIS["grid_depot_kwh"] + 20.0, "charge_left_kwh": -30.0}
    assert day_cost(charged, PRICES).total_eur == pytest.approx(day_cost(KPIS, PRICES).total_eur)


def test_heat_is_a_burden_on_a_warm_day_worth_having_on_a_cold_one_and_nothing_between() -> None:
    assert heat_left_electric_kwh(10.0, 40.0) > 0.0 > heat_left_electric_kwh(10.0, -20.0)
    assert heat_left_electric_kwh(10.0, 20.0) == 0.0
    assert heat_left_electric_kwh(-10.0, 40.0) == -heat_left_electric_kwh(10.0, 40.0)


@given(st.floats(-30.0, 50.0), st.floats(0.01, 1.0))
def test_the_value_of_heat_has_no_jump_over_the_weather(ambient_degc: float, step_k: float) -> None:
    change = heat_left_electric_kwh(10.0, ambient_degc + step_k) - heat_left_electric_kwh(10.0, ambient_degc)
    assert 0.0 <= change <= 10.0 * step_k / 5.0 / 0.95 + 1e-9


def test_the_fixed_part_is_driving_and_the_energy_that_is_neither_thermal_system_nor_heat() -> None:
    paid_eur = 300.0 * 0.20 + 200.0 * 0.40 + 50.0 * 0.20
    expected = 4.0 * 45.0 + paid_eur / 550.0 * (550.0 - 20.0 - 30.0)
    assert fixed_eur(KPIS, PRICES) == pytest.approx(expected)
    nothing = {**KPIS, "grid_depot_kwh": 0.0, "grid_public_kwh": 0.0, "charge_left_kwh": 0.0}
    assert fixed_eur(nothing, PRICES) == 0.0


@pytest.mark.parametrize("price", list(PRICED))
def test_a_doubled_price_doubles_its_share_of_the_cost_and_nothing_else(price: str) -> None:
    base, free = day_cost(KPIS, PRICES), day_cost(KPIS, PRICES.scaled(price, 0.0))
    doubled = day_cost(KPIS, PRICES.scaled(price, 2.0))
    assert doubled.ranked_eur - base.ranked_eur == pytest.approx(base.ranked_eur - free.ranked_eur)
    assert doubled.ranked_eur > base.ranked_eur


def test_every_price_with_eur_in_its_name_is_looked_at_at_half_and_double() -> None:
    assert {name for name in PriceTable.model_fields if "eur" in name} == set(PRICED)


@pytest.fixture(scope="module")
def summary(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, float]:
    out = tmp_path_factory.mktemp("out")
    run(load_day(tmp_path_factory.mktemp("day")), out)
    kpis: Mapping[str, float] = json.loads((out / "summary.json").read_text())["kpis"]
    return kpis


def test_a_run_tells_all_that_has_a_price(summary: Mapping[str, float]) -> None:
    cost = day_cost(summary, PRICES)
    assert cost.energy_eur == pytest.approx(0.20 * summary["grid_kwh"])
    assert cost.ageing_eur == pytest.approx(summary["ageing_eur_per_day"])
    assert cost.time_eur == pytest.approx(45.0 * summary["drive_h"], rel=0.03)


def test_driver_and_truck_are_counted_while_the_day_waits_for_them(tmp_path: Path) -> None:
    day = 'phase.2={kind = "charge", charger = "%s", until_soc = 0.6%s}'
    found = {}
    for name, charger, place in (("depot", "ac_22kw", ""), ("public", "ac_22kw", ', place = "public"')):
        folder = tmp_path / name
        kpis = run(load_day(folder, [day % (charger, place)]), folder).kpis
        found[name] = kpis
        assert kpis[f"grid_{name}_kwh"] == pytest.approx(kpis["grid_kwh"]) != 0.0
        assert kpis["truck_h"] == pytest.approx(kpis["duration_h"] - 0.01, abs=0.003)
    assert found["depot"]["driver_h"] == pytest.approx(found["depot"]["drive_h"], rel=0.03)
    assert found["public"]["driver_h"] == pytest.approx(found["public"]["truck_h"])
