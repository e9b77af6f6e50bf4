"""The core, and each trap of simple-pid 2.0.1 by name: the bare library falls into it, the core does not."""

from math import inf, isfinite, nan

import pytest
from simple_pid import PID

from controllers.pid_core import PidCore, PidGains
from thermal_bms.errors import ConfigError


def core(kp: float = 2.0, ki: float = 0.1, kd: float = 0.0, **more: float | None) -> PidCore:
    options: dict[str, float | None] = {"output_min": 0.0, "output_max": 100.0, "tracking_time_s": 10.0}
    return PidCore(PidGains(kp, ki, kd), **(options | more))  # type: ignore[arg-type]


def bare(kp: float, ki: float = 0.0, kd: float = 0.0, **more: object) -> PID:
    return PID(kp, ki, kd, setpoint=0.0, sample_time=None, time_fn=lambda: 0.0, **more)  # type: ignore[arg-type]


# --- the traps ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", [nan, inf, -inf])
def test_trap_nan_latch_one_bad_value_holds_the_output_and_leaves_no_trace(bad: float) -> None:
    library = bare(2.0, 0.1)
    library(bad, dt=1.0)
    assert not isfinite(library(-5.0, dt=1.0) or 0.0)

    disturbed, clean = core(), core()
    for pid in (disturbed, clean):
        pid.step(50.0, 40.0, dt_s=1.0)
    before, integral = disturbed.output, disturbed.integral
    assert disturbed.step(50.0, bad, dt_s=1.0) == before
    assert disturbed.held
    assert disturbed.integral == integral
    assert disturbed.step(50.0, 41.0, dt_s=1.0) == clean.step(50.0, 41.0, dt_s=1.0)
    assert not disturbed.held


@pytest.mark.parametrize(
    "call",
    [
        {"setpoint": nan, "measured": 1.0, "dt_s": 1.0},
        {"setpoint": 1.0, "measured": 1.0, "dt_s": 1.0, "feed_forward": nan},
        {"setpoint": 1.0, "measured": 1.0, "dt_s": nan},
        {"setpoint": 1.0, "measured": 1.0, "dt_s": -1.0},
        {"setpoint": 1e308, "measured": -1e308, "dt_s": 1.0},
    ],
)
def test_every_value_that_cannot_be_used_holds_the_output(call: dict[str, float]) -> None:
    pid = core()
    before = pid.step(50.0, 40.0, dt_s=1.0)
    assert pid.step(**call) == before
    assert pid.held
    assert isfinite(pid.integral)


def test_trap_manual_to_auto_bump_the_first_automatic_output_is_the_manual_one() -> None:
    library = bare(2.0, 0.1, auto_mode=False)
    library.set_auto_mode(enabled=True, last_output=40.0)
    assert library(-5.0, dt=1.0) == pytest.approx(50.5)

    pid = core(kd=3.0)
    pid.step(5.0, 10.0, dt_s=1.0)
    pid.follow(40.0)
    assert pid.step(5.0, 0.0, dt_s=1.0, feed_forward=7.0) == pytest.approx(40.0)
    assert pid.step(5.0, 0.0, dt_s=1.0, feed_forward=7.0) == pytest.approx(40.5)


def test_trap_gain_change_bump_the_output_goes_on_from_where_it_was() -> None:
    library = bare(1.0, 0.1, starting_output=24.5)
    assert library(-5.0, dt=1.0) == pytest.approx(30.0)
    library.tunings = (3.0, 0.1, 0.0)
    assert library(-5.0, dt=1.0) == pytest.approx(40.5)

    pid = core(kp=1.0)
    pid.follow(30.0)
    pid.step(5.0, 0.0, dt_s=1.0)
    assert pid.step(5.0, 0.0, dt_s=1.0, gains=PidGains(3.0, 0.1)) == pytest.approx(30.5)
    assert pid.step(5.0, 1.0, dt_s=1.0) == pytest.approx(30.5 - 3.0 + 0.4)


def test_trap_integral_clamp_only_the_core_leaves_saturation_as_soon_as_the_proportional_part_does() -> None:
    library = bare(2.0, 0.05, output_limits=(0.0, 10.0))
    for _ in range(200):
        library(-10.0, dt=1.0)
    library_steps = next(n for n in range(1000) if (library(0.5, dt=1.0) or 0.0) <= 0.0)
    assert library_steps > 300

    pid = core(2.0, 0.05, output_max=10.0)
    for _ in range(200):
        assert pid.step(10.0, 0.0, dt_s=1.0) == 10.0
    assert next(n for n in range(1000) if pid.step(10.0, 10.5, dt_s=1.0) <= 0.0) < 30


def test_trap_zero_time_step_is_held_and_does_not_raise() -> None:
    with pytest.raises(ValueError, match="dt has negative value 0"):
        bare(1.0)(1.0, dt=0)
    pid = core()
    before = pid.step(50.0, 40.0, dt_s=1.0)
    assert pid.step(50.0, 0.0, dt_s=0.0) == before
    assert pid.held


def test_trap_proportional_on_measurement_drift_the_integral_does_not_run_away() -> None:
    library = bare(1.0, proportional_on_measurement=True, output_limits=(-1.0, 1.0))
    for measured in range(100):
        library(float(measured), dt=1.0)
    assert library.components[0] == -99.0

    pid = core(1.0, 0.01, output_min=-1.0, output_max=1.0)
    for measured in range(100):
        pid.step(0.0, float(measured), dt_s=1.0)
    outputs = [pid.step(0.0, measured, dt_s=1.0) for measured in (50.0, 10.0, 0.0, -10.0)]
    assert outputs[0] == -1.0
    assert outputs[-1] == 1.0


def test_trap_error_map_a_constant_error_has_no_derivative() -> None:
    library = bare(1.0, 0.0, 1.0, differential_on_measurement=False, error_map=lambda error: error - 1.0)
    library(-3.0, dt=1.0)
    library(-3.0, dt=1.0)
    assert library.components[2] == 1.0

    pid = core(1.0, 0.0, 1.0)
    assert [pid.step(3.0, 0.0, dt_s=1.0) for _ in range(3)] == [3.0, 3.0, 3.0]


def test_trap_wall_clock_every_call_counts_however_fast_it_comes() -> None:
    library = PID(1.0, 0.0, 0.0, setpoint=0.0, sample_time=1e6)
    assert [library(measured, dt=1.0) for measured in (-1.0, -2.0, -3.0)] == [1.0, 1.0, 1.0]
    pid = core(1.0, 0.0)
    assert [pid.step(0.0, measured, dt_s=1.0) for measured in (-1.0, -2.0, -3.0)] == [1.0, 2.0, 3.0]


# --- what it adds ------------------------------------------------------------------------------------------


def test_back_calculation_follows_what_the_actuator_did() -> None:
    pid, reference = core(1.0, 0.1), core(1.0, 0.1)
    for _ in range(500):
        pid.step(20.0, 10.0, dt_s=1.0, applied=15.0)
        reference.step(20.0, 10.0, dt_s=1.0)
    assert reference.output == 100.0
    # at rest the integral's two terms balance: ki e = (u - 15) / T_t
    assert pid.output == pytest.approx(15.0 + 0.1 * 10.0 * 10.0)


def test_back_calculation_is_exact_when_the_actuator_follows() -> None:
    following, alone = core(), core()
    for measured in (40.0, 45.0, 44.0, 48.0):
        applied = following.output if following.integral else None
        assert following.step(50.0, measured, dt_s=1.0, applied=applied) == alone.step(
            50.0, measured, dt_s=1.0
        )


def test_an_applied_value_that_is_not_finite_counts_as_followed() -> None:
    lost, alone = core(), core()
    for measured in (40.0, 45.0, 44.0):
        assert lost.step(50.0, measured, dt_s=1.0, applied=nan) == alone.step(50.0, measured, dt_s=1.0)


def test_without_a_rest_the_integral_of_an_idle_actuator_acts_too_early_with_one_it_does_not() -> None:
    plain, resting = core(2.0, 0.02), core(2.0, 0.02, integral_rest=0.0)
    for pid in (plain, resting):
        for _ in range(1000):
            assert pid.step(20.0, 30.0, dt_s=1.0) == 0.0
    assert plain.integral > 10.0
    assert resting.integral == 0.0
    assert plain.step(20.0, 20.5, dt_s=1.0) > 10.0
    assert resting.step(20.0, 20.5, dt_s=1.0) == 0.0


def test_an_integral_on_the_wrong_side_still_returns_to_its_rest_while_the_output_is_at_a_limit() -> None:
    pid = core(2.0, 0.1, output_max=10.0, setpoint_weight=0.0, integral_rest=0.0)
    pid.step(10.0, 8.0, dt_s=1.0)
    pid.step(30.0, 8.0, dt_s=1.0)
    assert pid.integral < -30.0
    for _ in range(100):
        pid.step(30.0, 8.0, dt_s=1.0)
    assert pid.output == 10.0
    assert 0.0 <= pid.integral < 3.0


@pytest.mark.parametrize(("weight", "jump"), [(1.0, 20.0), (0.5, 10.0), (0.0, 0.0)])
def test_the_setpoint_weight_sets_how_much_of_a_step_acts_at_once(weight: float, jump: float) -> None:
    pid = core(2.0, 0.0, setpoint_weight=weight)
    before = pid.step(50.0, 40.0, dt_s=1.0)
    assert pid.step(60.0, 40.0, dt_s=1.0) - before == pytest.approx(jump)


def test_a_setpoint_change_while_the_output_stands_at_a_limit_counts_in_full() -> None:
    pid = core(2.0, 0.0, setpoint_weight=0.0, integral_rest=0.0)
    assert pid.step(30.0, 40.0, dt_s=1.0) == 0.0
    assert pid.step(50.0, 40.0, dt_s=1.0) == 20.0


def test_the_setpoint_weight_does_not_change_the_answer_to_a_disturbance() -> None:
    heavy, light = core(setpoint_weight=1.0), core(setpoint_weight=0.3)
    for measured in (40.0, 42.0, 39.0, 47.0):
        assert heavy.step(50.0, measured, dt_s=1.0) == light.step(50.0, measured, dt_s=1.0)


def test_the_derivative_acts_on_the_measurement_only() -> None:
    pid = core(0.0, 0.0, 5.0, output_min=-100.0, derivative_filter_s=0.0)
    assert pid.step(10.0, 1.0, dt_s=1.0) == 0.0
    assert pid.step(90.0, 1.0, dt_s=1.0) == 0.0
    assert pid.step(90.0, 2.0, dt_s=1.0) == -5.0


def test_the_derivative_filter_spreads_a_step_without_changing_its_area() -> None:
    sharp = core(0.0, 0.0, 5.0, output_min=-100.0, derivative_filter_s=0.0)
    smooth = core(0.0, 0.0, 5.0, output_min=-100.0, derivative_filter_s=9.0)
    inputs = [0.0, 1.0] + [1.0] * 500
    peaks = [[pid.step(0.0, measured, dt_s=1.0) for measured in inputs] for pid in (sharp, smooth)]
    assert min(peaks[0]) == -5.0
    assert min(peaks[1]) == pytest.approx(-0.5)
    assert sum(peaks[1]) == pytest.approx(sum(peaks[0]))


def test_feed_forward_passes_straight_through() -> None:
    plain, helped = core(), core()
    assert helped.step(50.0, 45.0, dt_s=1.0, feed_forward=12.0) - plain.step(50.0, 45.0, dt_s=1.0) == 12.0


def test_a_gain_change_at_rest_does_not_charge_the_integral() -> None:
    pid = core(-2.0, -0.1, integral_rest=0.0)
    pid.step(40.0, 20.0, dt_s=1.0)
    pid.step(40.0, 20.0, dt_s=1.0)
    pid.step(40.0, 20.0, dt_s=1.0, gains=PidGains(-3.0, -0.1))
    assert pid.output == 0.0
    assert abs(pid.integral) <= 2.0
    assert pid.gains.kp == -3.0


def test_reverse_action_is_a_matter_of_negative_gains() -> None:
    pid = core(-2.0, -0.1)
    assert pid.step(30.0, 40.0, dt_s=1.0) == pytest.approx(21.0)


def test_the_upper_limit_can_move_each_step_and_never_falls_below_the_lower() -> None:
    pid = core()
    assert pid.step(90.0, 0.0, dt_s=1.0, output_max=50.0) == 50.0
    assert pid.step(90.0, nan, dt_s=1.0, output_max=20.0) == 20.0
    assert pid.step(90.0, 0.0, dt_s=1.0, output_max=-5.0) == 0.0


def test_waking_forgets_the_last_measurement() -> None:
    pid = core(0.0, 0.0, 5.0, output_min=-100.0, derivative_filter_s=0.0)
    pid.step(0.0, 0.0, dt_s=1.0)
    pid.wake()
    assert pid.step(0.0, 10.0, dt_s=1.0) == 0.0


def test_reset_returns_to_the_first_step() -> None:
    pid = core(kd=1.0)
    first = [pid.step(50.0, measured, dt_s=1.0) for measured in (40.0, 41.0, 43.0)]
    pid.follow(3.0)
    pid.reset()
    assert [pid.step(50.0, measured, dt_s=1.0) for measured in (40.0, 41.0, 43.0)] == first


def test_following_something_that_is_not_finite_changes_nothing() -> None:
    pid, other = core(), core()
    pid.follow(nan)
    assert pid.step(50.0, 40.0, dt_s=1.0) == other.step(50.0, 40.0, dt_s=1.0)


@pytest.mark.parametrize("gains", [(1.0, -0.1, 0.0), (-1.0, 0.0, 1.0), (nan, 0.0, 0.0), (1.0, inf, 0.0)])
def test_gains_of_mixed_sign_or_not_finite_are_refused(gains: tuple[float, float, float]) -> None:
    with pytest.raises(ConfigError, match="PID gains"):
        PidGains(*gains)


@pytest.mark.parametrize(
    "options",
    [
        {"output_min": 2.0, "output_max": 1.0},
        {"output_max": inf},
        {"tracking_time_s": 0.0},
        {"derivative_filter_s": -1.0},
        {"setpoint_weight": 1.5},
    ],
)
def test_impossible_settings_of_the_core_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="PID"):
        core(**options)
