import pytest

from plant_models.truck_parameters import describe, load_truck
from thermal_bms.description import PackDescription
from thermal_bms.estimation.cell_model import CellModel
from thermal_bms.estimation.cell_spread import CellSpread
from thermal_bms.estimation.charge_filter import ChargeFilter
from thermal_bms.estimation.power import (
    CHARGE,
    CONTINUOUS_S,
    DISCHARGE,
    HORIZONS_S,
    PowerRatings,
    StringPower,
    pack_power_w,
)
from thermal_bms.estimation.settings import EstimationSettings
from thermal_bms.limits import load_limits
from thermal_bms.plating import PlatingLimit, load_plating

PACK = describe(load_truck("heavy_nmc")).pack
SETTINGS = EstimationSettings()


class Strings:
    """Strings of one pack, alike but for what is asked for."""

    def __init__(self, pack: PackDescription = PACK, *, soc: tuple[float, ...] = (0.5, 0.5)) -> None:
        self.model = CellModel(pack)
        self.ratings = PowerRatings(load_limits(pack.chemistry), pack)
        self.spread = CellSpread(SETTINGS, pack.n_series)
        self.filters = [ChargeFilter(self.model, SETTINGS, rating_a=300.0, soc=s, soc_sd=0.01) for s in soc]
        self.powers = [StringPower(self.model, self.ratings) for _ in soc]
        self.n_series = pack.n_series

    def at(self, temp_degc: float, *, hot_degc: float | None = None) -> "Strings":
        for state, power in zip(self.filters, self.powers, strict=True):
            state.temp_degc = temp_degc
            state.look_up()
            for direction in (DISCHARGE, CHARGE):
                for _ in range(3):
                    power.look_up(state, self.spread, direction, temp_degc, hot_degc or temp_degc)
                    power.refresh(state, direction)
        return self

    def power_w(self, direction: int) -> list[float]:
        return pack_power_w(self.powers, direction, self.n_series)


def test_longer_horizons_never_have_more_power() -> None:
    strings = Strings(soc=(0.12, 0.12)).at(0.0)
    for direction in (DISCHARGE, CHARGE):
        powers = strings.power_w(direction)
        assert powers == sorted(powers, reverse=True)
        assert len(powers) == len(HORIZONS_S)


def test_a_warm_half_full_pack_gives_its_rated_current() -> None:
    strings = Strings().at(25.0)
    assert strings.powers[0].limit_a[DISCHARGE] == [PACK.discharge_current_max_a] * 3
    volts = strings.power_w(DISCHARGE)[0] / (2 * PACK.discharge_current_max_a * PACK.n_series)
    assert 3.4 < volts < 3.68


@pytest.mark.parametrize(("cold", "warm"), [(-15.0, 25.0), (0.0, 10.0)])
def test_colder_cells_have_less_power_both_ways(cold: float, warm: float) -> None:
    for direction in (DISCHARGE, CHARGE):
        assert Strings().at(cold).power_w(direction)[2] < Strings().at(warm).power_w(direction)[2]


def test_cells_at_their_highest_temperature_have_none() -> None:
    assert Strings().at(25.0, hot_degc=60.0).power_w(DISCHARGE) == [0.0, 0.0, 0.0]


def test_an_empty_pack_gives_nothing_and_takes_something() -> None:
    strings = Strings(soc=(0.0, 0.0)).at(25.0)
    assert max(strings.power_w(DISCHARGE)) == 0.0
    assert min(strings.power_w(CHARGE)) > 0.0


def test_the_extreme_cell_limits_before_the_mean_one() -> None:
    even, uneven = Strings(soc=(0.13, 0.13)), Strings(soc=(0.13, 0.13))
    even.spread.resistance = 0.0
    uneven.spread.resistance = 0.3
    assert uneven.at(-15.0).power_w(DISCHARGE)[2] < even.at(-15.0).power_w(DISCHARGE)[2]


def test_the_weaker_string_stops_the_pack() -> None:
    weak = Strings(soc=(0.5, 0.5))
    weak.filters[1].resistance = 1.6
    power_w = weak.at(0.0).power_w(DISCHARGE)[2]
    assert power_w < Strings(soc=(0.5, 0.5)).at(0.0).power_w(DISCHARGE)[2]


def test_no_string_has_no_power() -> None:
    assert pack_power_w([], DISCHARGE, 100) == pack_power_w([], CHARGE, 100) == [0.0, 0.0, 0.0]


def test_the_plating_table_lowers_the_charge_power_only() -> None:
    cell, soc, temp_degc = "nmc_78ah_pouch", 0.85, 10.0
    limited = PACK.model_copy(update={"plating": cell})
    plain, careful = (Strings(pack, soc=(soc, soc)).at(temp_degc) for pack in (PACK, limited))
    assert careful.power_w(DISCHARGE) == plain.power_w(DISCHARGE)
    expected_a = PACK.capacity_ah * PlatingLimit(load_plating(cell)).c_rate(temp_degc, soc)
    assert careful.powers[0].limit_a[CHARGE][0] == pytest.approx(expected_a, rel=0.03)  # at the coldest cell
    assert careful.power_w(CHARGE)[0] < plain.power_w(CHARGE)[0]


def continuous_w(
    strings: Strings, direction: int, *, hot_degc: float = 25.0, heat_out_w: float = 0.0
) -> float:
    power = strings.powers[0]
    power.heat_out_w = heat_out_w
    for _ in range(12):
        power.refresh_continuous(strings.filters[0], strings.spread, direction, 25.0, hot_degc)
    return power.continuous_w[direction]


def test_thirty_minutes_end_with_the_charge() -> None:
    """At 20 % charge and 5 % of usable factor, about 11 % may go in half an hour: a current of about 0.22C."""
    strings = Strings(soc=(0.2, 0.2)).at(25.0)
    current_a = continuous_w(strings, DISCHARGE) / (PACK.n_series * 3.5)
    moved = current_a * CONTINUOUS_S / strings.model.capacity_as
    assert 0.08 < moved < 0.18


def test_thirty_minutes_end_with_the_heat_unless_it_is_carried_away() -> None:
    hot = continuous_w(Strings(soc=(0.9, 0.9)).at(25.0), DISCHARGE, hot_degc=49.0)
    cooled = continuous_w(Strings(soc=(0.9, 0.9)).at(25.0), DISCHARGE, hot_degc=49.0, heat_out_w=5000.0)
    assert hot < 0.8 * cooled
