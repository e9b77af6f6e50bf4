from math import isfinite

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controllers.pid_core import PidCore, PidGains

anything = st.floats(allow_nan=True, allow_infinity=True)
temperatures = st.floats(-40.0, 80.0)
times = st.sampled_from([0.1, 1.0, 5.0, 10.0])
rests = st.sampled_from([None, 0.0])


def cooling(rest: float | None, *, weight: float = 0.8, output_max: float = 20e3) -> PidCore:
    return PidCore(
        PidGains(-6000.0, -2.5, -3.6e5),
        output_min=0.0,
        output_max=output_max,
        setpoint_weight=weight,
        derivative_filter_s=120.0,
        tracking_time_s=600.0,
        integral_rest=rest,
    )


steps = st.lists(
    st.tuples(anything, anything, anything, anything, anything, anything), min_size=1, max_size=30
)


@settings(deadline=None)
@given(steps=steps, rest=rests)
def test_nothing_that_is_fed_in_ever_makes_the_output_leave_its_limits(
    steps: list[tuple[float, ...]], rest: float | None
) -> None:
    pid = cooling(rest)
    for setpoint, measured, dt_s, feed_forward, applied, output_max in steps:
        output = pid.step(
            setpoint,
            measured,
            dt_s=dt_s,
            feed_forward=feed_forward,
            applied=applied,
            output_max=min(output_max, 20e3),
        )
        assert 0.0 <= output <= 20e3
        assert isfinite(pid.integral)
    assert isfinite(pid.step(30.0, 35.0, dt_s=1.0))
    assert not pid.held


@settings(deadline=None)
@given(
    before=st.lists(temperatures, max_size=30), measured=temperatures, output=st.floats(0.0, 20e3), rest=rests
)
def test_taking_over_from_manual_never_bumps(
    before: list[float], measured: float, output: float, rest: float | None
) -> None:
    pid = cooling(rest)
    for value in before:
        pid.step(30.0, value, dt_s=1.0)
    pid.follow(output)
    # as long as the integral needed for it lies within ten times the output's range
    if abs(6000.0 * (30.0 - measured)) < 9.0 * 20e3:
        assert pid.step(30.0, measured, dt_s=1.0) == pytest.approx(output, abs=1e-6)


@settings(deadline=None)
@given(
    measured=st.floats(28.0, 36.0),
    factor=st.floats(0.2, 5.0),
    history=st.lists(st.floats(28.0, 36.0), min_size=2, max_size=50),
    rest=rests,
)
def test_a_gain_change_never_bumps(
    measured: float, factor: float, history: list[float], rest: float | None
) -> None:
    changed, kept = cooling(rest), cooling(rest)
    for value in [*history, measured]:
        changed.step(30.0, value, dt_s=1.0)
        kept.step(30.0, value, dt_s=1.0)
    # the same integral gain, so that only a bump can tell the two apart
    gains = PidGains(-6000.0 * factor, -2.5, -3.6e5)
    after = changed.step(30.0, measured, dt_s=1.0, gains=gains)
    assert after == pytest.approx(kept.step(30.0, measured, dt_s=1.0), abs=2.5 * 10.0 + 1e-6)


@settings(deadline=None)
@given(st.lists(st.tuples(temperatures, st.floats(0.0, 30.0)), min_size=1, max_size=60), times)
def test_hotter_at_every_instant_never_asks_for_less_cooling_from_a_loop_without_memory(
    profile: list[tuple[float, float]], dt_s: float
) -> None:
    gains = PidGains(-6000.0)
    cooler = PidCore(gains, output_min=0.0, output_max=20e3, integral_rest=0.0)
    hotter = PidCore(gains, output_min=0.0, output_max=20e3, integral_rest=0.0)
    for value, more in profile:
        less_w = cooler.step(30.0, value, dt_s=dt_s)
        assert hotter.step(30.0, value + more, dt_s=dt_s) >= less_w - 1e-6


@settings(deadline=None)
@given(cells=st.floats(20.0, 45.0), more=st.floats(0.0, 10.0), ticks=st.integers(1, 200), dt_s=times)
def test_constantly_hotter_never_asks_for_less_cooling(
    cells: float, more: float, ticks: int, dt_s: float
) -> None:
    cooler, hotter = cooling(0.0), cooling(0.0)
    for _ in range(ticks):
        less_w = cooler.step(30.0, cells, dt_s=dt_s)
        assert hotter.step(30.0, cells + more, dt_s=dt_s) >= less_w - 1e-6


@settings(max_examples=20, deadline=None)
@given(
    capacity_j_per_k=st.floats(2e5, 5e6),
    load=st.floats(0.05, 0.8),
    start_degc=st.floats(27.0, 35.0),
    dt_s=st.sampled_from([1.0, 5.0, 10.0]),
)
def test_the_closed_loop_on_an_integrator_settles_at_the_setpoint_and_takes_the_heat(
    capacity_j_per_k: float, load: float, start_degc: float, dt_s: float
) -> None:
    most_w = capacity_j_per_k / 200.0
    kp = -capacity_j_per_k / 600.0
    pid = PidCore(
        PidGains(kp, kp / 2400.0), output_min=0.0, output_max=most_w, tracking_time_s=600.0, integral_rest=0.0
    )
    cells_degc, taken_w = start_degc, 0.0
    for _ in range(int(30000.0 / dt_s)):
        taken_w = pid.step(30.0, cells_degc, dt_s=dt_s)
        cells_degc += (load * most_w - taken_w) / capacity_j_per_k * dt_s
    assert cells_degc == pytest.approx(30.0, abs=0.05)
    assert taken_w == pytest.approx(load * most_w, rel=0.02)
