"""The price table."""

from pathlib import Path

import pytest

from scenarios.prices import PRICES, PriceTable, load_prices
from thermal_bms.errors import ConfigError

NAMES = [name for name in PriceTable.model_fields if name != "source"]


def test_every_price_says_in_its_line_or_a_source_where_it_comes_from() -> None:
    text = PRICES.read_text(encoding="utf-8")
    for name in NAMES:
        line = next(line for line in text.splitlines() if line.startswith(name))
        assert "#" in line, name


def test_a_faded_percent_costs_the_pack_less_its_rest_over_the_percents_it_may_lose() -> None:
    prices = load_prices()
    per_percent = prices.capacity_eur_per_percent(500.0)
    spent = 500.0 * prices.battery_eur_per_kwh * (1.0 - prices.value_at_end_of_life)
    assert 20.0 * per_percent == pytest.approx(spent)


def test_public_energy_costs_more_than_at_the_depot() -> None:
    prices = load_prices()
    assert prices.energy_eur(1.0, "public") > prices.energy_eur(1.0, "depot") > 0.0


@pytest.mark.parametrize("name", ["driver_eur_per_h", "battery_eur_per_kwh", "public_eur_per_kwh"])
def test_one_price_can_be_halved_and_doubled_alone(name: str) -> None:
    prices = load_prices()
    doubled = prices.scaled(name, 2.0)
    changed = {other for other in NAMES if getattr(doubled, other) != getattr(prices, other)}
    assert changed == {name}
    assert getattr(doubled, name) == 2.0 * getattr(prices, name)


def test_a_price_out_of_range_is_refused_with_file_key_and_range(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(
        PRICES.read_text(encoding="utf-8").replace("depot_eur_per_kwh = 0.20", "depot_eur_per_kwh = -1")
    )
    with pytest.raises(ConfigError, match=r"depot_eur_per_kwh = -1: must be >= 0 \(mine.toml\)"):
        load_prices(path)
