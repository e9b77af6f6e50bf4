"""Whatever the cycle, the limits and the step: energy closes, limits hold, nothing turns into NaN."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plant_models.road import CycleArrays, cycle_by_distance, cycle_by_time
from plant_models.vehicle import (
    VehicleParameters,
    mechanical_energy_j,
    new_vehicle_state,
    vehicle_record,
    vehicle_step,
)

TRUCK = VehicleParameters.model_validate(
    {
        "source": [{"title": "property test", "kind": "assumed"}],
        "mass_kerb_kg": 15e3,
        "payload_max_kg": 25e3,
        "drag_area_m2": 5.5,
        "rolling_resistance": 0.0055,
        "wheel_radius_m": 0.5,
        "wheel_inertia_kg_m2": 150.0,
        "power_max_w": 400e3,
        "regen_power_max_w": 300e3,
        "drive_efficiency": 0.9,
        "regen_efficiency": 0.85,
        "auxiliary_power_w": 4e3,
        "brake_resistor_power_w": 60e3,
        "drive_loss_to_coolant": 0.8,
    }
)

speeds = st.lists(st.floats(0.0, 35.0), min_size=2, max_size=30).filter(lambda v: max(v) > 0.1)
slopes = st.floats(-0.12, 0.12)


@st.composite
def traces(draw: st.DrawFn) -> CycleArrays:
    speed = draw(speeds)
    grade = draw(st.lists(slopes, min_size=len(speed), max_size=len(speed)))
    steps = draw(st.lists(st.floats(0.5, 20.0), min_size=len(speed), max_size=len(speed)))
    return cycle_by_time(np.cumsum(steps) - steps[0], speed, grade)


@st.composite
def routes(draw: st.DrawFn) -> CycleArrays:
    speed = np.maximum(draw(speeds), 0.5)
    n = speed.size
    speed = np.where(draw(st.lists(st.booleans(), min_size=n, max_size=n)), speed, 0.0)
    speed[0] = 10.0
    grade = draw(st.lists(slopes, min_size=n, max_size=n))
    steps = draw(st.lists(st.floats(0.0, 300.0), min_size=n, max_size=n))  # rows may share a place
    stop = draw(st.lists(st.floats(0.0, 20.0), min_size=n, max_size=n))
    last = int(np.flatnonzero(speed > 0.0)[-1]) + 1
    distance = np.append(np.cumsum(steps[:last]) - steps[0], np.sum(steps[:last]) - steps[0] + 50.0)
    return cycle_by_distance(
        distance,
        np.append(speed[:last], 0.0),
        np.append(grade[:last], 0.0),
        np.append(np.where(speed[:last] > 0.0, 0.0, stop[:last]), 0.0),
    )


@settings(max_examples=60, deadline=None)
@given(
    cycle=st.one_of(traces(), routes()),
    payload_kg=st.floats(0.0, 25e3),
    power_w=st.floats(0.0, 600e3),
    regen_w=st.floats(0.0, 400e3),
    dt_s=st.sampled_from([0.1, 0.3, 1.0, 2.5, 10.0]),
    ambient_k=st.floats(240.0, 320.0),
)
def test_energy_closes_and_limits_hold_in_every_step(
    *, cycle: CycleArrays, payload_kg: float, power_w: float, regen_w: float, dt_s: float, ambient_k: float
) -> None:
    p = vehicle_record(TRUCK, payload_kg)[0]
    s = new_vehicle_state(cycle)[0]
    before_j, position_m = 0.0, 0.0
    for _ in range(300):
        vehicle_step(p, s, cycle.table, power_w, regen_w, ambient_k, dt_s)
        after_j = float(mechanical_energy_j(p, s))
        wheels_j = (s.wheel_power_w - s.drag_power_w - s.rolling_power_w) * dt_s
        scale_j = abs(after_j) + abs(before_j) + abs(s.wheel_power_w) * dt_s + 1.0
        assert after_j - before_j == pytest.approx(wheels_j, abs=1e-9 * scale_j)
        spent_w = s.traction_power_w - s.drive_loss_w - s.friction_brake_power_w - s.brake_resistor_power_w
        assert spent_w == pytest.approx(s.wheel_power_w, abs=1e-6)
        assert -regen_w * (1 + 1e-9) <= s.traction_power_w <= power_w * (1 + 1e-9) + 1e-6
        assert s.brake_resistor_power_w <= 60e3 * (1 + 1e-9)
        assert min(s.friction_brake_power_w, s.drive_loss_w, s.drag_power_w, s.rolling_power_w) >= -1e-6
        assert s.speed_m_per_s >= 0.0
        assert s.position_m >= position_m
        assert all(np.isfinite(float(s[name])) for name in s.dtype.names)
        before_j, position_m = after_j, float(s.position_m)


@settings(max_examples=40, deadline=None)
@given(cycle=routes(), dt_s=st.sampled_from([0.1, 1.0, 7.0]))
def test_a_route_with_power_to_spare_is_driven_to_its_very_end(cycle: CycleArrays, dt_s: float) -> None:
    p = vehicle_record(TRUCK, 0.0)[0]
    s = new_vehicle_state(cycle)[0]
    for _ in range(int(20_000 / dt_s)):
        vehicle_step(p, s, cycle.table, 1e6, 1e6, 288.15, dt_s)
        if s.finished > 0.5:
            break
    assert s.finished == 1.0
    assert s.position_m == cycle.table[1, -1]
    assert s.altitude_m == pytest.approx(cycle.table[3, -1], abs=1e-9)
