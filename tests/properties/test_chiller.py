import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plant_models.chiller import build_chiller, chiller_step, chiller_stored_heat_j, sized_for
from thermal_bms.units import degc_to_k

temps_k = st.floats(-30.0, 50.0).map(degc_to_k)
flows_w_per_k = st.one_of(st.just(0.0), st.floats(1e-9, 1e4))
steps = st.tuples(
    st.floats(0.0, 1.0),
    temps_k,
    flows_w_per_k,
    temps_k,
    flows_w_per_k,
    st.one_of(st.just(0.0), st.floats(0.0, 20000.0)),
    temps_k,
    temps_k,
)
runs = st.lists(st.tuples(steps, st.integers(1, 40)), min_size=1, max_size=8)
lengths_s = st.sampled_from([0.05, 0.1, 1.0, 3.7, 10.0])
capacities_w = st.sampled_from([500.0, 10000.0, 100000.0])


def rows_of(capacity_w, ambient_k, run, dt_s):
    """Yield parameters, the state before, the state after and the inputs of every step of a random run."""
    p, s, table = build_chiller(sized_for(capacity_w), ambient_k=ambient_k)
    for inputs, repeats in run:
        for _ in range(repeats):
            before = s.copy()
            chiller_step(p[0], s[0], table, *inputs, dt_s)
            yield p[0], before[0], s[0], inputs


@settings(deadline=None, max_examples=80)
@given(capacities_w, temps_k, runs, lengths_s)
def test_every_step_closes_its_energy_balance_and_stays_physical(capacity_w, ambient_k, run, dt_s):
    for p, before, after, inputs in rows_of(capacity_w, ambient_k, run, dt_s):
        _, coolant_k, coolant_w_per_k, air_k, _, cabin_w, cabin_k, coolant_min_k = inputs
        assert all(np.isfinite(after[name]) for name in after.dtype.names)
        into_w = after.evaporator_heat_w + after.cabin_heat_w + after.compressor_power_w
        net_j = (into_w - after.compressor_loss_w - after.condenser_heat_w) * dt_s
        stored_j = chiller_stored_heat_j(p, after) - chiller_stored_heat_j(p, before)
        scale_j = 1e-6 + abs(into_w) * dt_s + abs(after.condenser_heat_w) * dt_s + 100.0 * capacity_w
        assert stored_j == pytest.approx(net_j, abs=1e-12 * scale_j)
        assert after.evaporator_heat_w >= 0.0
        assert after.evaporator_heat_w <= coolant_w_per_k * max(coolant_k - coolant_min_k, 0.0) * (
            1.0 + 1e-12
        )
        assert 0.0 <= after.cabin_heat_w <= cabin_w * (1.0 + 1e-12)
        assert after.compressor_power_w >= 0.0
        if after.evaporator_heat_w > 0.0 and dt_s <= 1.0:
            assert after.evaporating_k < coolant_k
        if after.cabin_heat_w > 0.0:
            assert cabin_k > p.evaporating_min_k
        low_k = min(before.evaporating_k, before.condensing_k, p.evaporating_min_k, air_k)
        assert after.evaporating_k > low_k - 12.0 * max(dt_s, 1.0)
        assert 200.0 < after.condensing_k < 400.0


@settings(deadline=None, max_examples=60)
@given(temps_k, runs, lengths_s)
def test_speed_stays_in_its_range_and_times_are_respected(ambient_k, run, dt_s):
    stopped_for_s, ran_for_s = 3600.0, 0.0
    for p, before, after, _ in rows_of(10000.0, ambient_k, run, dt_s):
        speed = after.compressor_speed_rpm
        assert speed == 0.0 or p.speed_min_rpm <= speed <= p.speed_max_rpm
        assert (speed > 0.0) == (after.running > 0.0)
        if dt_s > 1.0:
            continue
        if after.running > before.running:
            assert stopped_for_s >= p.off_time_min_s - 1e-3
            ran_for_s = 0.0
        if after.running < before.running:
            protected = (
                after.tripped > 0.0 or before.evaporating_k < p.evaporating_min_k - p.evaporating_cutout_k
            )
            assert protected or ran_for_s >= p.on_time_min_s - 1e-3
            stopped_for_s = 0.0
        ran_for_s += dt_s * after.running
        stopped_for_s += dt_s * (1.0 - after.running)


@settings(deadline=None, max_examples=40)
@given(st.floats(20.0, 40.0), st.floats(25.0, 45.0), st.floats(0.2, 1.0))
def test_steady_cooling_costs_more_than_the_carnot_cycle(coolant_degc, ambient_degc, duty):
    p, s, table = build_chiller(sized_for(10000.0), ambient_k=degc_to_k(ambient_degc))
    inputs = (duty, degc_to_k(coolant_degc), 1176.0, degc_to_k(ambient_degc), 1150.0, 0.0, 298.15, 253.15)
    for _ in range(120):
        chiller_step(p[0], s[0], table, *inputs, 10.0)
    state = s[0]
    assert state.running == 1.0
    lift_k = max(state.condensing_k - min(state.evaporating_k, p[0].evaporating_max_k), p[0].lift_min_k)
    carnot = state.evaporating_k / lift_k
    assert state.evaporator_heat_w < carnot * state.compressor_power_w
    assert state.condenser_heat_w > state.evaporator_heat_w


@settings(deadline=None, max_examples=40)
@given(st.floats(20.0, 40.0), st.floats(20.0, 45.0), st.floats(0.3, 0.9), st.floats(0.02, 0.1))
def test_a_higher_duty_never_cools_less(coolant_degc, ambient_degc, duty, more):
    heats_w = []
    for share in (duty, duty + more):
        p, s, table = build_chiller(sized_for(10000.0), ambient_k=degc_to_k(ambient_degc))
        inputs = (
            share,
            degc_to_k(coolant_degc),
            1176.0,
            degc_to_k(ambient_degc),
            1150.0,
            0.0,
            298.15,
            278.15,
        )
        for _ in range(90):
            chiller_step(p[0], s[0], table, *inputs, 10.0)
        heats_w.append(s[0].evaporator_heat_w)
    assert heats_w[1] >= heats_w[0] * (1.0 - 1e-6)
