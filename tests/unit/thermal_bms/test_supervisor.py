from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from tests.unit.thermal_bms.bms_samples import THERMAL
from thermal_bms.signals import ThermalCommand, ValveMode
from thermal_bms.supervisor import Reason, Situation, SupervisorSettings, SupervisorState, supervise

NAN = float("nan")
INF = float("inf")
SETTINGS = SupervisorSettings()
MILD = Situation(cell_temp_max_degc=25.0, coolant_temp_degc=20.0)
FULL_COOLING = ThermalCommand(1.0, 1.0, 1.0, 0.0, ValveMode.CHILLER)
STIR = ThermalCommand(1.0, 0.0, 0.0, 0.0, ValveMode.BYPASS)
LONG_S = 1000.0


def ask(
    wanted: Any,
    situation: Situation = MILD,
    *,
    state: SupervisorState | None = None,
    thermal: Any = THERMAL,
    dt_s: float = LONG_S,
) -> tuple[ThermalCommand, tuple[Reason, ...]]:
    """Supervise one tick, by default one so long that no rate matters."""
    return supervise(wanted, state or SupervisorState(), situation, thermal, SETTINGS, dt_s)


def cooling(duty: float = 0.5) -> ThermalCommand:
    return ThermalCommand(0.8, 0.5, duty, 0.0, ValveMode.CHILLER)


def heating(duty: float = 0.5) -> ThermalCommand:
    return ThermalCommand(0.8, 0.0, 0.0, duty, ValveMode.BYPASS)


def at(temp_degc: float, **more: Any) -> Situation:
    return replace(MILD, cell_temp_max_degc=temp_degc, **more)


@pytest.mark.parametrize("wanted", [ThermalCommand(), cooling(), heating(), cooling(1.0), heating(1.0)])
def test_what_is_allowed_passes_unchanged_and_without_a_reason(wanted: ThermalCommand) -> None:
    assert ask(wanted) == (wanted, ())


def test_an_unchanged_command_goes_out_as_it_is_and_one_with_other_types_as_numbers() -> None:
    state, wanted = SupervisorState(), cooling()
    assert ask(wanted, state=state)[0] is wanted
    assert state.applied is wanted
    for odd in (replace(wanted, fan_duty=1), replace(wanted, valve_mode=2)):
        command, _ = ask(odd)
        assert command == odd
        assert type(command.fan_duty) is float
        assert type(command.valve_mode) is ValveMode


@pytest.mark.parametrize("actuator", ["pump_duty", "fan_duty", "compressor_duty", "heater_duty"])
@pytest.mark.parametrize(
    ("value", "expected", "reasons"),
    [(-0.01, 0.0, True), (0.0, 0.0, False), (1.0, 1.0, False), (1.01, 1.0, True), (1e9, 1.0, True)],
)
def test_each_duty_is_clamped_and_only_beyond_its_range(
    actuator: str, value: float, expected: float, reasons: bool
) -> None:
    command, why = ask(replace(ThermalCommand(pump_duty=0.5), **{actuator: value}))
    assert getattr(command, actuator) == expected
    assert (Reason.OUT_OF_RANGE in why) is reasons


@pytest.mark.parametrize("actuator", ["pump_duty", "fan_duty", "compressor_duty", "heater_duty"])
@pytest.mark.parametrize("value", [NAN, INF, -INF, None, "fast"])
def test_a_duty_that_is_no_number_makes_the_command_unusable(actuator: str, value: Any) -> None:
    command, why = ask(replace(cooling(), **{actuator: value}), at(35.0))
    assert command == FULL_COOLING
    assert why == (Reason.NOT_USABLE,)


@pytest.mark.parametrize("valve", [7, "chiller", None, -1])
def test_a_valve_mode_that_does_not_exist_makes_the_command_unusable(valve: Any) -> None:
    assert ask(replace(cooling(), valve_mode=valve), at(35.0))[1] == (Reason.NOT_USABLE,)


def test_a_valve_mode_given_as_a_number_is_understood() -> None:
    assert ask(replace(cooling(), valve_mode=2))[0].valve_mode is ValveMode.CHILLER


@pytest.mark.parametrize("wanted", [None, SimpleNamespace(pump_duty=1.0), 3])
def test_no_command_at_all_is_replaced_by_the_safe_one(wanted: Any) -> None:
    assert ask(wanted, at(35.0)) == (FULL_COOLING, (Reason.NOT_USABLE,))
    assert ask(wanted, at(15.0)) == (STIR, (Reason.NOT_USABLE,))


@pytest.mark.parametrize(
    ("temps_degc", "cools"),
    [([29.9], False), ([30.0], True), ([30.0, 25.0], True), ([30.0, 24.9], False), ([24.0, 29.9], False)],
)
def test_without_a_controller_cooling_switches_with_hysteresis(temps_degc: list[float], cools: bool) -> None:
    state = SupervisorState()
    for temp_degc in temps_degc:
        command, _ = ask(None, at(temp_degc), state=state)
    assert command == (FULL_COOLING if cools else STIR)


@pytest.mark.parametrize(
    ("last_degc", "expected"), [(9.9, STIR), (10.0, FULL_COOLING), (40.0, FULL_COOLING), (NAN, FULL_COOLING)]
)
def test_with_unknown_cell_temperature_the_last_known_one_decides(
    last_degc: float, expected: ThermalCommand
) -> None:
    state = SupervisorState()
    ask(heating(), at(last_degc), state=state)
    command, why = ask(heating(), at(NAN), state=state)
    assert command == expected
    assert why == (Reason.TEMPERATURE_UNKNOWN,)


def test_a_truck_without_chiller_cools_through_its_radiator() -> None:
    thermal = THERMAL.model_copy(update={"chiller_capacity_w": 0.0})
    assert ask(None, at(40.0), thermal=thermal)[0] == ThermalCommand(1.0, 1.0, 0.0, 0.0, ValveMode.RADIATOR)


@pytest.mark.parametrize(
    ("temps_degc", "overrides"),
    [([49.9], False), ([50.0], True), ([50.0, 48.0], True), ([50.0, 47.9], False), ([47.0, 49.9], False)],
)
def test_over_temperature_forces_full_cooling_with_hysteresis(
    temps_degc: list[float], overrides: bool
) -> None:
    state = SupervisorState()
    for temp_degc in temps_degc:
        command, why = ask(cooling(0.1), at(temp_degc), state=state)
    assert (command == FULL_COOLING) is overrides
    assert (Reason.OVER_TEMPERATURE in why) is overrides


def test_over_temperature_does_not_survive_the_loss_of_the_sensors_as_such() -> None:
    state = SupervisorState()
    ask(cooling(), at(55.0), state=state)
    assert ask(cooling(), at(NAN), state=state)[1] == (Reason.TEMPERATURE_UNKNOWN,)
    assert ask(cooling(), at(49.0), state=state)[0] == cooling()


@pytest.mark.parametrize(("temp_degc", "heats"), [(34.9, True), (35.0, False), (35.1, False)])
def test_no_heating_of_warm_cells(temp_degc: float, heats: bool) -> None:
    command, why = ask(heating(), at(temp_degc))
    assert (command.heater_duty > 0.0) is heats
    assert why == (() if heats else (Reason.HEATER_TOO_HOT,))


@pytest.mark.parametrize(("coolant_degc", "heats"), [(60.0, True), (60.1, False), (NAN, True)])
def test_no_heating_of_hot_coolant(coolant_degc: float, heats: bool) -> None:
    command, _ = ask(heating(), at(5.0, coolant_temp_degc=coolant_degc))
    assert (command.heater_duty > 0.0) is heats


@pytest.mark.parametrize(("temp_degc", "valve"), [(34.9, ValveMode.WASTE_HEAT), (35.0, ValveMode.BYPASS)])
def test_no_waste_heat_into_warm_cells(temp_degc: float, valve: ValveMode) -> None:
    command, _ = ask(ThermalCommand(0.5, 0.0, 0.0, 0.0, ValveMode.WASTE_HEAT), at(temp_degc))
    assert command.valve_mode is valve


def test_a_fault_can_forbid_heating() -> None:
    command, why = ask(heating(), at(5.0, heater_allowed=False))
    assert command.heater_duty == 0.0
    assert why == (Reason.HEATER_FORBIDDEN,)
    assert ask(cooling(), at(25.0, heater_allowed=False)) == (cooling(), ())


@pytest.mark.parametrize("wanted", [heating(), cooling()])
def test_without_high_voltage_heater_and_compressor_stay_off(wanted: ThermalCommand) -> None:
    command, why = ask(wanted, at(20.0, high_voltage=False))
    assert command.heater_duty == command.compressor_duty == 0.0
    assert command.pump_duty == wanted.pump_duty
    assert why == (Reason.NO_HIGH_VOLTAGE,)


def test_without_high_voltage_the_pump_may_run() -> None:
    assert ask(STIR, at(20.0, high_voltage=False)) == (STIR, ())


@pytest.mark.parametrize(
    ("temp_degc", "coolant_degc", "cools"),
    [(5.0, 20.0, True), (4.9, 20.0, False), (25.0, 2.0, True), (25.0, 1.9, False), (25.0, NAN, True)],
)
def test_no_chiller_for_cold_cells_or_cold_coolant(
    temp_degc: float, coolant_degc: float, cools: bool
) -> None:
    command, why = ask(cooling(), at(temp_degc, coolant_temp_degc=coolant_degc))
    assert (command.compressor_duty > 0.0) is cools
    assert why == (() if cools else (Reason.TOO_COLD_FOR_CHILLER,))


def test_of_heater_and_compressor_the_heater_yields() -> None:
    command, why = ask(ThermalCommand(0.5, 0.5, 0.4, 0.4, ValveMode.CHILLER))
    assert (command.compressor_duty, command.heater_duty) == (0.4, 0.0)
    assert why == (Reason.HEATER_AND_COMPRESSOR,)


@pytest.mark.parametrize("wanted", [heating(0.01), cooling(0.01)])
@pytest.mark.parametrize(("pump", "expected"), [(0.0, 0.3), (0.29, 0.3), (0.3, 0.3), (0.31, 0.31)])
def test_the_pump_runs_whenever_heater_or_compressor_does(
    wanted: ThermalCommand, pump: float, expected: float
) -> None:
    command, why = ask(replace(wanted, pump_duty=pump))
    assert command.pump_duty == expected
    assert (Reason.PUMP_NEEDED in why) == (pump < 0.3)


def stood(seconds: float, wanted: ThermalCommand, *, speed_rpm: float = 0.0, dt_s: float = 1.0) -> Any:
    """Return state and last answer after so long at one pump speed, with the pump running as commanded."""
    state = SupervisorState(applied=replace(wanted, heater_duty=0.0, compressor_duty=0.0))
    for _ in range(round(seconds / dt_s)):
        answer = ask(wanted, at(20.0, pump_speed_rpm=speed_rpm), state=state, dt_s=dt_s)
    return state, *answer


@pytest.mark.parametrize("wanted", [cooling(), heating()])
@pytest.mark.parametrize("dt_s", [0.1, 1.0])
def test_heater_and_compressor_stop_when_the_pump_has_not_turned_for_five_seconds(
    wanted: ThermalCommand, dt_s: float
) -> None:
    _, command, why = stood(5.0 - dt_s, wanted, dt_s=dt_s)
    assert command.heater_duty + command.compressor_duty > 0.0
    assert Reason.PUMP_STANDS not in why
    _, command, why = stood(5.0, wanted, dt_s=dt_s)
    assert (command.heater_duty, command.compressor_duty) == (0.0, 0.0)
    assert command.pump_duty == wanted.pump_duty
    assert why[-1] is Reason.PUMP_STANDS


@pytest.mark.parametrize(("speed_rpm", "stands"), [(99.9, True), (100.0, False), (NAN, False)])
def test_a_pump_that_turns_or_is_not_measured_stops_nothing(speed_rpm: float, stands: bool) -> None:
    _, command, why = stood(60.0, heating(), speed_rpm=speed_rpm)
    assert (Reason.PUMP_STANDS in why) is stands
    assert (command.heater_duty == 0.0) is stands


@pytest.mark.parametrize(("duty", "stands"), [(0.29, False), (0.3, True)])
def test_a_pump_that_is_hardly_commanded_may_stand(duty: float, stands: bool) -> None:
    state, _, why = stood(60.0, ThermalCommand(pump_duty=duty))
    assert (state.pump_stands_s >= 5.0) is stands
    assert why == ()


def test_a_pump_that_stood_counts_as_standing_until_it_turns_again() -> None:
    state, _, _ = stood(5.0, heating())
    for speed_rpm in (0.0, NAN, 0.0):
        command, why = ask(heating(), at(20.0, pump_speed_rpm=speed_rpm), state=state)
        assert why == (Reason.PUMP_STANDS,)
        assert command.pump_duty == 0.8
    assert ask(heating(), at(20.0, pump_speed_rpm=3000.0), state=state)[0] == heating()


def test_a_standing_pump_is_still_asked_to_run_for_a_heater_that_is_wanted() -> None:
    state, _, _ = stood(5.0, heating())
    command, why = ask(ThermalCommand(heater_duty=0.5), at(20.0, pump_speed_rpm=0.0), state=state)
    assert command == ThermalCommand(pump_duty=0.3)
    assert why == (Reason.PUMP_NEEDED, Reason.PUMP_STANDS)


def test_a_heater_that_another_rule_stopped_is_not_stopped_twice() -> None:
    state, _, _ = stood(5.0, heating())
    wanted = replace(heating(), valve_mode=ValveMode.WASTE_HEAT)
    assert ask(wanted, at(40.0, pump_speed_rpm=0.0), state=state)[1] == (
        Reason.HEATER_TOO_HOT,
        Reason.WASTE_HEAT_TOO_HOT,
    )


@pytest.mark.parametrize("dt_s", [NAN, INF, -INF, -1.0, 0.0])
def test_a_tick_that_is_no_time_lets_no_duty_rise(dt_s: float) -> None:
    before = ThermalCommand(0.4, 0.2, 0.0, 0.1, ValveMode.BYPASS)
    state = SupervisorState(applied=before)
    command, why = ask(ThermalCommand(1.0, 1.0, 0.0, 1.0), at(20.0), state=state, dt_s=dt_s)
    assert command == before
    assert why == (Reason.RATE,)


def test_a_heater_that_is_stopped_needs_no_pump() -> None:
    assert ask(ThermalCommand(heater_duty=0.5), at(40.0))[0].pump_duty == 0.0


@pytest.mark.parametrize(
    ("actuator", "rise"),
    [("pump_duty", 0.5), ("fan_duty", 0.5), ("compressor_duty", 0.1), ("heater_duty", 0.2)],
)
@pytest.mark.parametrize("dt_s", [0.1, 1.0])
def test_rising_duties_follow_their_rates(actuator: str, rise: float, dt_s: float) -> None:
    state = SupervisorState(applied=ThermalCommand(pump_duty=0.4))
    wanted = replace(ThermalCommand(pump_duty=0.4), **{actuator: 1.0})
    start = getattr(state.applied, actuator)
    command, why = ask(wanted, at(20.0), state=state, dt_s=dt_s)
    assert getattr(command, actuator) == pytest.approx(start + rise * dt_s)
    assert why == (Reason.RATE,)


def test_a_step_just_within_the_rate_passes() -> None:
    assert ask(ThermalCommand(pump_duty=0.5), dt_s=1.0) == (ThermalCommand(pump_duty=0.5), ())


def test_heater_and_compressor_stop_at_once_but_pump_and_fan_coast_down() -> None:
    for running in (ThermalCommand(1.0, 1.0, 1.0, 0.0), ThermalCommand(1.0, 1.0, 0.0, 1.0)):
        state = SupervisorState(applied=running)
        command, _ = ask(ThermalCommand(), state=state, dt_s=1.0)
        assert command == ThermalCommand(0.5, 0.5, 0.0, 0.0)


def test_from_heating_to_cooling_they_never_overlap() -> None:
    state = SupervisorState(applied=heating(1.0))
    for _ in range(20):
        command, _ = ask(cooling(1.0), state=state, dt_s=1.0)
        assert command.heater_duty == 0.0
    assert command.compressor_duty == 1.0


def test_over_temperature_reaches_full_cooling_within_ten_seconds() -> None:
    state = SupervisorState()
    for _ in range(10):
        command, _ = ask(ThermalCommand(), at(52.0), state=state, dt_s=1.0)
    assert command.compressor_duty == pytest.approx(1.0)
    assert (command.pump_duty, command.fan_duty) == (1.0, 1.0)


def test_the_applied_command_is_remembered() -> None:
    state = SupervisorState()
    command, _ = ask(cooling(), state=state)
    assert state.applied is command
