import math
from dataclasses import fields

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.thermal_bms.bms_samples import THERMAL
from thermal_bms.signals import ThermalCommand, ValveMode
from thermal_bms.supervisor import Situation, SupervisorSettings, SupervisorState, supervise

SETTINGS = SupervisorSettings()
anything = st.floats(allow_nan=True, allow_infinity=True)
duty = st.one_of(anything, st.floats(0.0, 1.0))
temperature = st.one_of(st.just(math.nan), st.floats(-50.0, 120.0))
commands = st.one_of(
    st.none(),
    st.builds(ThermalCommand, duty, duty, duty, duty, st.sampled_from(ValveMode)),
)
speed = st.one_of(st.just(math.nan), st.floats(0.0, 200.0), st.floats(0.0, 6000.0))
situations = st.builds(Situation, temperature, temperature, st.booleans(), st.booleans(), speed)
runs = st.lists(st.tuples(commands, situations), min_size=1, max_size=30)
ticks = st.sampled_from([0.1, 1.0, 5.0])
any_ticks = st.one_of(ticks, anything, st.sampled_from([-1.0, 0.0, math.nan, math.inf]))
DUTIES = [field.name for field in fields(ThermalCommand) if field.name.endswith("_duty")]


def outputs(
    run: list[tuple[ThermalCommand | None, Situation]], dt_s: float
) -> list[tuple[ThermalCommand | None, Situation, ThermalCommand, ThermalCommand]]:
    """Return wanted, situation, the command before and the command after, for every tick."""
    state, result = SupervisorState(), []
    for wanted, situation in run:
        before = state.applied
        after, _ = supervise(wanted, state, situation, THERMAL, SETTINGS, dt_s)
        result.append((wanted, situation, before, after))
    return result


@given(runs, any_ticks)
def test_every_duty_that_goes_out_is_a_number_from_zero_to_one(
    run: list[tuple[ThermalCommand | None, Situation]], dt_s: float
) -> None:
    for _, _, _, after in outputs(run, dt_s):
        assert all(0.0 <= getattr(after, name) <= 1.0 for name in DUTIES)
        assert isinstance(after.valve_mode, ValveMode)


@given(runs, any_ticks)
def test_heater_and_compressor_never_run_together_nor_without_the_pump(
    run: list[tuple[ThermalCommand | None, Situation]], dt_s: float
) -> None:
    for _, _, _, after in outputs(run, dt_s):
        assert after.heater_duty == 0.0 or after.compressor_duty == 0.0
        if after.heater_duty > 0.0 or after.compressor_duty > 0.0:
            assert after.pump_duty >= SETTINGS.pump_duty_min


@given(runs, any_ticks)
def test_nothing_heats_unless_the_cells_are_known_to_be_cool_and_heating_is_allowed(
    run: list[tuple[ThermalCommand | None, Situation]], dt_s: float
) -> None:
    for wanted, situation, _, after in outputs(run, dt_s):
        if after.heater_duty > 0.0 or after.valve_mode is ValveMode.WASTE_HEAT:
            assert wanted is not None
            assert situation.cell_temp_max_degc < SETTINGS.heater_cell_temp_max_degc
            assert not situation.coolant_temp_degc > SETTINGS.heater_coolant_temp_max_degc
        if after.heater_duty > 0.0:
            assert situation.heater_allowed
            assert situation.high_voltage


@given(runs, any_ticks)
def test_no_duty_rises_faster_than_its_rate_except_the_pump_up_to_its_minimum(
    run: list[tuple[ThermalCommand | None, Situation]], dt_s: float
) -> None:
    rises = {
        "pump_duty": SETTINGS.pump_rate_per_s,
        "fan_duty": SETTINGS.fan_rate_per_s,
        "compressor_duty": SETTINGS.compressor_rise_per_s,
        "heater_duty": SETTINGS.heater_rise_per_s,
    }
    time_s = dt_s if 0.0 < dt_s < math.inf else 0.0
    for _, _, before, after in outputs(run, dt_s):
        for name, rate in rises.items():
            free = SETTINGS.pump_duty_min if name == "pump_duty" else 0.0
            assert getattr(after, name) <= max(getattr(before, name) + rate * time_s, free) + 1e-12


@given(runs, ticks)
def test_a_usable_command_in_mild_conditions_is_reached_in_the_end(
    run: list[tuple[ThermalCommand | None, Situation]], dt_s: float
) -> None:
    state = SupervisorState()
    for wanted, situation in run:
        supervise(wanted, state, situation, THERMAL, SETTINGS, dt_s)
    wanted = ThermalCommand(0.7, 0.3, 0.6, 0.0, ValveMode.CHILLER)
    for _ in range(int(10.0 / dt_s) + 1):
        after, _ = supervise(
            wanted, state, Situation(25.0, 20.0, pump_speed_rpm=3000.0), THERMAL, SETTINGS, dt_s
        )
    assert after == wanted


@given(runs, commands)
def test_hot_cells_get_full_cooling_within_ten_seconds_whatever_is_wanted(
    run: list[tuple[ThermalCommand | None, Situation]], wanted: ThermalCommand | None
) -> None:
    state = SupervisorState()
    for earlier, situation in run:
        supervise(earlier, state, situation, THERMAL, SETTINGS, 1.0)
    for _ in range(11):
        after, _ = supervise(
            wanted, state, Situation(55.0, 30.0, pump_speed_rpm=3000.0), THERMAL, SETTINGS, 1.0
        )
    assert after == ThermalCommand(1.0, 1.0, 1.0, 0.0, ValveMode.CHILLER)


@given(runs, ticks)
def test_the_same_history_gives_the_same_command(
    run: list[tuple[ThermalCommand | None, Situation]], dt_s: float
) -> None:
    assert [tick[3] for tick in outputs(run, dt_s)] == [tick[3] for tick in outputs(run, dt_s)]
