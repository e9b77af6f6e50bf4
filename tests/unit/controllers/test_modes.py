from itertools import pairwise
from math import inf, nan

import pytest

from controllers.modes import (
    Latch,
    ModeSelector,
    ModeSettings,
    Need,
    Surroundings,
    outside_ability_w,
    outside_conductance_w_per_k,
    surroundings,
)
from tests.unit.controllers.examples import AIR, LIQUID, believed, measured
from thermal_bms.errors import ConfigError
from thermal_bms.parameters import parse
from thermal_bms.signals import ValveMode

RADIATOR, CHILLER, BYPASS, WASTE_HEAT = (
    ValveMode.RADIATOR,
    ValveMode.CHILLER,
    ValveMode.BYPASS,
    ValveMode.WASTE_HEAT,
)


def selector(**settings: float) -> ModeSelector:
    return ModeSelector(ModeSettings(**settings), LIQUID.thermal)


def around(ambient: float, source: float, drive_loop: float = nan) -> Surroundings:
    return Surroundings(ambient, source, source, drive_loop, 0.0)


@pytest.mark.parametrize(
    ("ambient", "source", "demand_w", "mode"),
    [
        (10.0, 30.0, 5e3, RADIATOR),
        (10.0, 30.0, 19e3, CHILLER),
        (26.0, 30.0, 1e3, CHILLER),
        (25.0, 30.0, 1e3, RADIATOR),
        (40.0, 30.0, 1e3, CHILLER),
        (-10.0, 5.0, 19e3, RADIATOR),
        (nan, 30.0, 1e3, CHILLER),
        (20.0, nan, 1e3, CHILLER),
        (-40.0, 30.0, 1e9, RADIATOR),
    ],
)
def test_cooling_takes_outside_air_when_it_can_carry_the_heat_else_the_chiller(
    ambient: float, source: float, demand_w: float, mode: ValveMode
) -> None:
    assert selector().step(Need.COOL, demand_w, around(ambient, source), dt_s=1.0) is mode


@pytest.mark.parametrize(
    ("ambient", "source", "drive_loop", "mode"),
    [
        (0.0, 5.0, 40.0, WASTE_HEAT),
        (0.0, 5.0, 10.0, WASTE_HEAT),
        (0.0, 5.0, 9.9, BYPASS),
        (0.0, 5.0, nan, BYPASS),
        (15.0, 5.0, 5.0, RADIATOR),
        (9.0, 5.0, 5.0, BYPASS),
        (nan, nan, nan, BYPASS),
    ],
)
def test_heating_takes_what_is_warm_already_else_the_heater_alone(
    ambient: float, source: float, drive_loop: float, mode: ValveMode
) -> None:
    assert selector().step(Need.HEAT, 1e3, around(ambient, source, drive_loop), dt_s=1.0) is mode


def test_without_a_chiller_warm_outside_air_means_bypass_and_cool_air_means_radiator() -> None:
    thermal = LIQUID.thermal.model_copy(update={"chiller_capacity_w": 0.0})
    modes = ModeSelector(ModeSettings(dwell_s=0.0), thermal)
    assert modes.step(Need.COOL, 9e3, around(31.0, 30.0), dt_s=1.0) is BYPASS
    assert modes.step(Need.COOL, 9e3, around(28.0, 30.0), dt_s=1.0) is RADIATOR


def test_without_a_radiator_cooling_is_the_chiller_in_any_weather() -> None:
    thermal = LIQUID.thermal.model_copy(update={"radiator_conductance_w_per_k": 0.0})
    assert (
        ModeSelector(ModeSettings(), thermal).step(Need.COOL, 1e3, around(-20.0, 30.0), dt_s=1.0) is CHILLER
    )


def test_the_radiator_is_left_later_than_it_is_taken() -> None:
    modes = selector(dwell_s=0.0)
    taken = [
        modes.step(Need.COOL, 1e3, around(ambient, 30.0), dt_s=1.0)
        for ambient in (26.0, 25.0, 26.0, 26.9, 27.1)
    ]
    assert taken == [CHILLER, RADIATOR, RADIATOR, RADIATOR, CHILLER]


def test_a_growing_demand_moves_from_radiator_to_chiller_with_hysteresis() -> None:
    modes = selector(dwell_s=0.0)
    demands_w = (9e3, 11e3, 12e3, 13e3, 11e3, 9e3)
    taken = [modes.step(Need.COOL, demand_w, around(20.0, 30.0), dt_s=1.0) for demand_w in demands_w]
    assert taken == [RADIATOR, RADIATOR, RADIATOR, CHILLER, CHILLER, RADIATOR]


@pytest.mark.parametrize("dt_s", [1.0, 5.0, 10.0])
def test_the_valve_stays_for_the_dwell_among_positions_for_the_same_need(dt_s: float) -> None:
    modes = selector(dwell_s=120.0)
    assert modes.step(Need.COOL, 1e3, around(40.0, 30.0), dt_s=dt_s) is CHILLER
    ticks = 1
    while modes.step(Need.COOL, 1e3, around(0.0, 30.0), dt_s=dt_s) is CHILLER:
        ticks += 1
    assert ticks * dt_s == pytest.approx(120.0, abs=dt_s)


def test_flickering_conditions_move_the_valve_at_most_once_per_dwell() -> None:
    modes = selector(dwell_s=60.0)
    taken = [modes.step(Need.COOL, 1e3, around((0.0, 40.0)[n % 2], 30.0), dt_s=1.0) for n in range(600)]
    assert sum(a is not b for a, b in pairwise(taken)) <= 10


def test_a_change_from_cooling_to_heating_moves_the_valve_at_once() -> None:
    modes = selector()
    assert modes.step(Need.COOL, 1e3, around(0.0, 30.0), dt_s=1.0) is RADIATOR
    assert modes.step(Need.HEAT, 1e3, around(0.0, 30.0), dt_s=1.0) is BYPASS
    assert modes.step(Need.COOL, 1e3, around(0.0, 30.0), dt_s=1.0) is RADIATOR


def test_circulation_moves_the_valve_to_bypass_at_once() -> None:
    modes = selector()
    modes.step(Need.COOL, 1e3, around(0.0, 30.0), dt_s=1.0)
    assert modes.step(Need.CIRCULATE, 0.0, around(0.0, 30.0), dt_s=1.0) is BYPASS


def test_at_rest_the_valve_waits_where_it_is_and_goes_back_to_bypass_in_the_end() -> None:
    modes = selector(rest_s=300.0)
    modes.step(Need.COOL, 1e3, around(0.0, 30.0), dt_s=1.0)
    taken = [modes.step(Need.NONE, 0.0, around(0.0, 30.0), dt_s=1.0) for _ in range(400)]
    assert taken[0] is RADIATOR
    assert taken[-1] is BYPASS


def test_reset_forgets_position_and_dwell() -> None:
    modes = selector()
    modes.step(Need.COOL, 1e3, around(40.0, 30.0), dt_s=1.0)
    modes.reset()
    assert modes.mode is BYPASS
    assert modes.step(Need.COOL, 1e3, around(0.0, 30.0), dt_s=1.0) is RADIATOR


def test_a_forced_position_counts_as_a_move() -> None:
    modes = selector()
    assert modes.force(CHILLER) is CHILLER
    modes.step(Need.COOL, 1e3, around(40.0, 30.0), dt_s=1.0)
    assert modes.step(Need.COOL, 1e3, around(0.0, 30.0), dt_s=1.0) is CHILLER


def test_the_source_is_the_coolant_outlet_on_a_liquid_truck_and_the_mean_cell_on_an_air_truck() -> None:
    seen = measured(coolant_outlet_temp_degc=28.0)
    assert surroundings(seen, believed(35.0), LIQUID.thermal, ModeSettings()).source_temp_degc == 28.0
    assert surroundings(seen, believed(35.0), AIR.thermal, ModeSettings()).source_temp_degc == 35.0


def test_ram_air_grows_with_speed_up_to_the_full_fan() -> None:
    def ram(speed: float) -> float:
        seen = measured(vehicle_speed_m_per_s=speed)
        return surroundings(seen, believed(), LIQUID.thermal, ModeSettings(ram_speed_m_per_s=20.0)).ram

    assert [ram(speed) for speed in (0.0, 5.0, 20.0, 90.0, nan, inf, -5.0)] == [
        0.0,
        0.25,
        1.0,
        1.0,
        0.0,
        0.0,
        0.0,
    ]


def test_infinite_temperatures_count_as_unknown() -> None:
    seen = measured(ambient_temp_degc=inf, drive_loop_temp_degc=-inf)
    found = surroundings(seen, believed(), LIQUID.thermal, ModeSettings())
    assert found.ambient_temp_degc != found.ambient_temp_degc
    assert found.drive_loop_temp_degc != found.drive_loop_temp_degc


def test_outside_air_takes_nothing_when_warmer_or_unknown() -> None:
    assert outside_ability_w(1000.0, around(35.0, 30.0)) == 0.0
    assert outside_ability_w(1000.0, around(nan, 30.0)) == 0.0


def test_a_stated_conductance_of_an_air_truck_goes_before_the_reckoned_one() -> None:
    stated = AIR.thermal.model_copy(update={"radiator_conductance_w_per_k": 99.0})
    assert outside_conductance_w_per_k(stated) == 99.0
    assert outside_conductance_w_per_k(AIR.thermal) == pytest.approx(0.25 * 1006.0 * 0.6)


def test_a_latch_switches_above_and_below_and_remembers_between() -> None:
    latch = Latch()
    seen = [latch.step(value, on_above=5.0, off_below=3.0) for value in (4.0, 5.0, 5.1, 4.0, 3.1, 3.0, 4.0)]
    assert seen == [False, False, True, True, True, False, False]


@pytest.mark.parametrize(
    "settings",
    [
        {"radiator_leave_share": 2.0},
        {"radiator_margin_k": 1.0, "radiator_hysteresis_k": 2.0},
        {"waste_heat_margin_k": 1.0, "waste_heat_hysteresis_k": 2.0},
        {"dwell_s": -1.0},
    ],
)
def test_hysteresis_that_does_not_fit_is_refused_in_one_line(settings: dict[str, float]) -> None:
    with pytest.raises(ConfigError) as error:
        parse(ModeSettings, settings, "test")
    assert "\n" not in str(error.value)
