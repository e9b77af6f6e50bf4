from math import nan

import pytest

from controllers.actuation import Actuation, ActuationSettings, safe_command
from controllers.modes import ModeSettings, Surroundings
from tests.unit.controllers.examples import AIR, LIQUID
from thermal_bms.signals import ThermalCommand, ValveMode

WARM = Surroundings(35.0, 30.0, 28.0, 30.0, 0.0)
MILD = Surroundings(10.0, 30.0, 28.0, 30.0, 0.0)
COLD = Surroundings(-10.0, 5.0, 5.0, 30.0, 0.0)


def liquid(**settings: float) -> Actuation:
    return Actuation(ActuationSettings(**settings), LIQUID.thermal)


def air() -> Actuation:
    return Actuation(ActuationSettings(), AIR.thermal)


def seeing(actuation: Actuation, around: Surroundings) -> Actuation:
    actuation.observe(around, dt_s=1.0)
    return actuation


@pytest.mark.parametrize(
    ("demand_w", "duty"), [(20e3, 1.0), (50e3, 1.0), (10e3, 0.5), (4.5e3, 0.225), (3.9e3, 0.0)]
)
def test_the_compressor_follows_the_demand_above_its_lowest_duty(demand_w: float, duty: float) -> None:
    assert liquid().cool(ValveMode.CHILLER, demand_w, WARM).compressor_duty == pytest.approx(duty)


def test_a_running_compressor_stays_at_its_lowest_duty_until_the_demand_is_small() -> None:
    actuation = liquid(compressor_duty_min=0.2, compressor_off_share=0.3)
    duties = [
        actuation.cool(ValveMode.CHILLER, w, WARM).compressor_duty for w in (5e3, 3e3, 1.3e3, 1.1e3, 3e3)
    ]
    assert duties == [0.25, 0.2, 0.2, 0.0, 0.0]


def test_chilling_folds_back_as_the_inlet_gets_cold() -> None:
    def duty(inlet_degc: float) -> float:
        actuation = liquid(inlet_temp_min_degc=8.0, inlet_fold_back_k=10.0)
        return (
            seeing(actuation, WARM._replace(inlet_temp_degc=inlet_degc))
            .cool_fully(ValveMode.CHILLER)
            .compressor_duty
        )

    assert [duty(t) for t in (30.0, 18.0, 13.0, 8.0, 0.0)] == [1.0, 1.0, 0.5, 0.0, 0.0]
    assert duty(nan) == 1.0


def test_chilling_folds_back_above_the_dew_point_for_a_liquid_but_not_for_air() -> None:
    humid = Surroundings(30.0, 28.0, 20.9, nan, 0.0, humidity=0.6)  # dew point 21.4 degC

    def duty(actuation: Actuation, around: Surroundings = humid) -> float:
        return seeing(actuation, around).cool_fully(ValveMode.CHILLER).compressor_duty

    assert duty(liquid(dew_margin_k=-1.0, dew_fold_back_k=1.0)) == pytest.approx(0.5, abs=0.1)
    assert duty(liquid()) == 0.0
    assert duty(air()) == 1.0
    assert duty(liquid(), humid._replace(humidity=nan)) == 1.0


def test_a_chiller_held_back_by_a_cold_inlet_gets_more_flow_and_not_less() -> None:
    free = seeing(liquid(), WARM).cool(ValveMode.CHILLER, 8e3, WARM)
    held_back = seeing(liquid(), WARM._replace(inlet_temp_degc=7.5)).cool(ValveMode.CHILLER, 8e3, WARM)
    assert held_back.compressor_duty == pytest.approx(0.4)
    assert free.compressor_duty == pytest.approx(0.4)
    assert held_back.pump_duty > free.pump_duty


def test_heating_folds_back_as_the_inlet_gets_hot_and_stops_when_it_is_unknown() -> None:
    def duty(inlet_degc: float) -> float:
        around = COLD._replace(inlet_temp_degc=inlet_degc)
        actuation = liquid(inlet_temp_max_degc=50.0, heating_fold_back_k=10.0)
        return seeing(actuation, around).heat(ValveMode.BYPASS, 1e5, around).heater_duty

    assert [duty(t) for t in (10.0, 40.0, 45.0, 50.0, 60.0)] == [1.0, 1.0, 0.5, 0.0, 0.0]
    assert duty(nan) == 0.0


@pytest.mark.parametrize("dt_s", [0.1, 1.0, 10.0])
def test_a_jump_of_the_inlet_temperature_acts_through_a_filter(dt_s: float) -> None:
    actuation = seeing(liquid(inlet_temp_min_degc=5.0, inlet_fold_back_k=5.0, fold_back_filter_s=20.0), WARM)
    duties = []
    for _ in range(round(200.0 / dt_s)):
        actuation.observe(WARM._replace(inlet_temp_degc=5.0), dt_s=dt_s)
        duties.append(actuation.cool(ValveMode.CHILLER, 20e3, WARM).compressor_duty)
    assert duties == sorted(duties, reverse=True)
    assert duties[0] > 0.6
    assert duties[-1] == 0.0


def test_the_fan_gives_what_driving_does_not() -> None:
    standing = liquid().cool(ValveMode.RADIATOR, 10e3, MILD)
    driving = liquid().cool(ValveMode.RADIATOR, 10e3, MILD._replace(ram=0.3))
    fast = liquid().cool(ValveMode.RADIATOR, 10e3, MILD._replace(ram=0.9))
    assert standing.fan_duty == pytest.approx(0.5)
    assert driving.fan_duty == pytest.approx(0.2)
    assert fast.fan_duty == 0.0


def test_the_condenser_has_air_whenever_the_compressor_runs_and_the_truck_stands() -> None:
    assert liquid().cool(ValveMode.CHILLER, 4e3, WARM).fan_duty == 0.3
    assert liquid().cool(ValveMode.CHILLER, 16e3, WARM).fan_duty == pytest.approx(0.8)
    assert liquid().cool(ValveMode.CHILLER, 1e3, WARM).fan_duty == 0.0


def test_the_heater_gives_only_what_the_drive_loop_does_not() -> None:
    around = Surroundings(-10.0, 5.0, 5.0, 7.0, 0.0)
    free_w = 0.5 * 3300.0 * 2.0
    actuation = liquid(waste_heat_effectiveness=0.5)
    alone = actuation.heat(ValveMode.BYPASS, 8e3, around)
    shared = actuation.heat(ValveMode.WASTE_HEAT, 8e3, around)
    assert alone.heater_duty == pytest.approx(0.8)
    assert shared.heater_duty == pytest.approx((8e3 - free_w) / 10e3)
    assert actuation.heat(ValveMode.WASTE_HEAT, 2e3, around).heater_duty == 0.0


def test_a_truck_without_a_heater_still_circulates_for_free_heat() -> None:
    thermal = LIQUID.thermal.model_copy(update={"heater_power_max_w": 0.0})
    command = Actuation(ActuationSettings(), thermal).heat(ValveMode.WASTE_HEAT, 5e3, COLD)
    assert command.heater_duty == 0.0
    assert command.pump_duty > 0.0


def test_an_air_truck_modulates_its_blower_and_leaves_the_fan_off_in_outside_air() -> None:
    little, much = (air().cool(ValveMode.RADIATOR, demand_w, MILD) for demand_w in (500.0, 2500.0))
    assert little.pump_duty < much.pump_duty <= 1.0
    assert little.fan_duty == much.fan_duty == 0.0


@pytest.mark.parametrize(
    ("actuation", "mode"),
    [
        (liquid(), ValveMode.CHILLER),
        (liquid(), ValveMode.RADIATOR),
        (air(), ValveMode.CHILLER),
    ],
)
def test_the_heat_reckoned_from_a_command_is_the_heat_that_was_asked_for(
    actuation: Actuation, mode: ValveMode
) -> None:
    asked_w = 0.6 * min(actuation.cooling_max_w(MILD), actuation.cooling_rated_w)
    assert actuation.heat_taken_w(actuation.cool(mode, asked_w, MILD), MILD) == pytest.approx(asked_w)


def test_the_heat_reckoned_from_a_heating_command_is_negative() -> None:
    actuation = liquid()
    asked_w = 6e3
    for mode in (ValveMode.BYPASS, ValveMode.WASTE_HEAT):
        around = COLD._replace(drive_loop_temp_degc=7.0)
        assert actuation.heat_taken_w(actuation.heat(mode, asked_w, around), around) == pytest.approx(
            -asked_w
        )


def test_no_flow_means_no_heat() -> None:
    stopped = ThermalCommand(0.0, 1.0, 1.0, 0.0, ValveMode.CHILLER)
    assert liquid().heat_taken_w(stopped, WARM) == 0.0


def test_resting_is_everything_off_and_circulating_only_the_pump() -> None:
    assert liquid().rest(ValveMode.CHILLER) == ThermalCommand(valve_mode=ValveMode.CHILLER)
    assert liquid().circulate(ValveMode.BYPASS) == ThermalCommand(pump_duty=0.3)


def test_a_controller_may_always_ask_for_a_little_so_that_a_standing_pump_is_started() -> None:
    stale = Surroundings(40.0, 5.0, 5.0, nan, 0.0)
    assert seeing(liquid(), stale).cooling_max_w(stale) == pytest.approx(0.15 * 20e3)
    hot = Surroundings(-10.0, 60.0, 60.0, nan, 0.0)
    assert seeing(liquid(), hot).heating_max_w(hot) == pytest.approx(0.15 * liquid().heating_rated_w)


SAFE = [
    (LIQUID, WARM, nan, "chiller"),
    (LIQUID, WARM, 40.0, "chiller"),
    (LIQUID, Surroundings(), nan, "chiller"),
    (LIQUID, MILD._replace(inlet_temp_degc=9.0), 40.0, "radiator"),
    (LIQUID, COLD, 40.0, "radiator"),
    (LIQUID, WARM, 9.9, "pump"),
    (LIQUID, WARM, 10.0, "chiller"),
    (AIR, WARM, 40.0, "chiller"),
    (AIR, COLD, 40.0, "radiator"),
]


@pytest.mark.parametrize(("truck", "around", "last_degc", "expected"), SAFE)
def test_the_safe_command_cools_fully_unless_the_cells_were_cold(
    truck: object, around: Surroundings, last_degc: float, expected: str
) -> None:
    commands = {
        "chiller": ThermalCommand(1.0, 1.0, 1.0, 0.0, ValveMode.CHILLER),
        "radiator": ThermalCommand(1.0, 1.0, 0.0, 0.0, ValveMode.RADIATOR),
        "pump": ThermalCommand(1.0),
    }
    found = safe_command(truck.thermal, ModeSettings(), around, last_degc)  # type: ignore[attr-defined]
    assert found == commands[expected]


def test_the_safe_command_without_a_chiller_does_not_take_in_warmer_air() -> None:
    thermal = LIQUID.thermal.model_copy(update={"chiller_capacity_w": 0.0})
    assert safe_command(thermal, ModeSettings(), WARM) == ThermalCommand(1.0)
    assert safe_command(thermal, ModeSettings(), MILD).valve_mode is ValveMode.RADIATOR
