"""The truck on the road against closed forms, and the driver against the trace."""

import math

import numpy as np
import pytest
from pydantic import ValidationError

from plant_models import road, vehicle
from plant_models.kernels import Record
from plant_models.road import POSITION, CycleArrays, cycle_by_distance, cycle_by_time
from plant_models.vehicle import (
    GRAVITY_M_PER_S2,
    VehicleParameters,
    mechanical_energy_j,
    new_vehicle_state,
    vehicle_record,
    vehicle_step,
)
from scenarios.drive_cycle import DriveCycle, load_cycle
from thermal_bms.errors import ScenarioError

AMBIENT_K = 288.15
PLENTY_W = 2e6

# 40 t long-haul tractor: road load and drive of the long-haul electric truck in TUM BETOS (CdA 5.5 m2,
# Crr 0.005, inverter 0.98 x motor 0.95 x gear 0.94, 4 kW auxiliaries), 12 wheels of NREL T3CO
TRACTOR = {
    "source": [{"title": "TUM BETOS, NREL T3CO 2.0.0", "kind": "paper"}],
    "mass_kerb_kg": 18e3,
    "payload_max_kg": 22e3,
    "drag_area_m2": 5.5,
    "rolling_resistance": 0.005,
    "wheel_radius_m": 0.5,
    "wheel_inertia_kg_m2": 142.0,
    "power_max_w": 600e3,
    "regen_power_max_w": 600e3,
    "drive_efficiency": 0.875,
    "regen_efficiency": 0.875,
    "auxiliary_power_w": 4e3,
}


def tractor(**changes: float) -> VehicleParameters:
    return VehicleParameters.model_validate(TRACTOR | changes)


def drive(
    cycle: CycleArrays,
    truck: VehicleParameters | None = None,
    *,
    dt_s: float = 1.0,
    power_w: float = PLENTY_W,
    regen_w: float = PLENTY_W,
    steps: int = 200_000,
) -> tuple[Record, dict[str, np.ndarray]]:
    """Run to the end of the cycle, or for some steps; return the last state and every state by name."""
    p = vehicle_record(truck or tractor(), 22e3)[0]
    states = new_vehicle_state(cycle)
    s = states[0]
    history = []
    while s.finished < 0.5 and len(history) < steps:
        vehicle_step(p, s, cycle.table, power_w, regen_w, AMBIENT_K, dt_s)
        history.append(states.copy())
    rows = np.concatenate(history)
    return s, {name: rows[name] for name in rows.dtype.names}


def resistance_n(speed_m_per_s: float, slope: float = 0.0) -> float:
    """Textbook force on the 40 t tractor at constant speed; slope is the angle in radians."""
    density = 101325.0 / (287.05 * AMBIENT_K)
    drag = 0.5 * density * 5.5 * speed_m_per_s**2
    weight = 40e3 * GRAVITY_M_PER_S2
    return drag + weight * (0.005 * math.cos(slope) + math.sin(slope))


def test_steady_speed_on_the_flat_takes_drag_and_rolling_over_efficiency() -> None:
    _, found = drive(cycle_by_time([0.0, 200.0], [22.0, 22.0]), steps=150)
    assert found["traction_power_w"][-1] == pytest.approx(resistance_n(22.0) * 22.0 / 0.875, rel=1e-9)
    assert found["drive_loss_w"][-1] == pytest.approx(resistance_n(22.0) * 22.0 * (1 / 0.875 - 1), rel=1e-9)


def test_power_limited_climb_settles_at_the_speed_that_the_power_carries() -> None:
    slope = math.atan(0.05)
    _, found = drive(cycle_by_time([0.0, 600.0], [25.0, 25.0], 0.05), power_w=300e3, steps=500)
    speed = found["speed_m_per_s"][-1]
    assert speed < 15.0
    assert resistance_n(speed, slope) * speed == pytest.approx(300e3 * 0.875, rel=1e-6)
    assert found["traction_power_w"].max() <= 300e3 * (1 + 1e-9)


def test_truck_mass_and_wheel_inertia_set_the_energy_of_a_launch() -> None:
    state, found = drive(cycle_by_time([0.0, 40.0, 41.0], [0.0, 20.0, 20.0]), steps=40)
    p = vehicle_record(tractor(), 22e3)[0]
    wheel_j = float((found["wheel_power_w"] - found["drag_power_w"] - found["rolling_power_w"]).sum())
    assert wheel_j == pytest.approx(0.5 * (40e3 + 142.0 / 0.25) * 20.0**2, rel=1e-9)
    assert mechanical_energy_j(p, state) == pytest.approx(wheel_j, rel=1e-12)


def test_drag_of_a_uniform_launch_is_the_integral_of_speed_cubed() -> None:
    _, found = drive(cycle_by_time([0.0, 40.0, 41.0], [0.0, 20.0, 20.0]), dt_s=0.1, steps=400)
    density = 101325.0 / (287.05 * AMBIENT_K)
    exact_j = 0.5 * density * 5.5 * 20.0**3 * 40.0 / 4.0
    assert found["drag_power_w"].sum() * 0.1 == pytest.approx(exact_j, rel=1e-9)
    _, coarse = drive(cycle_by_time([0.0, 40.0, 41.0], [0.0, 20.0, 20.0]), dt_s=10.0, steps=4)
    assert coarse["drag_power_w"].sum() * 10.0 == pytest.approx(exact_j, rel=1e-9)


def test_trace_is_met_at_every_second_when_power_allows() -> None:
    cycle = load_cycle("wltc_class3b").capped(20.0)
    _, found = drive(cycle.arrays(), power_w=5e6, truck=tractor(power_max_w=4e6), steps=1800)
    assert np.abs(found["speed_m_per_s"] - cycle.speed_m_per_s[1:]).max() < 1e-12
    assert found["position_m"][-1] == pytest.approx(cycle.distance_m[-1], rel=1e-12)
    assert found["missed_distance_m"][-1] == pytest.approx(0.0, abs=1e-9)


def test_truck_that_falls_behind_keeps_to_the_time_of_the_trace_and_counts_what_it_missed() -> None:
    cycle = load_cycle("epa_udds")
    state, found = drive(cycle.arrays(), power_w=150e3)
    assert 1369.0 <= state.time_s <= 1369.0 + 30.0
    assert state.missed_distance_m == pytest.approx(cycle.distance_m[-1] - state.position_m, abs=5.0)
    assert state.missed_distance_m > 500.0
    assert found["speed_deficit_m_per_s"].max() > 5.0


def test_truck_brakes_to_rest_after_a_trace_that_ends_at_speed() -> None:
    state, found = drive(load_cycle("epa_gem_55mph_grade").arrays())
    assert state.finished == 1.0
    assert state.speed_m_per_s == 0.0
    assert np.diff(found["speed_m_per_s"]).min() >= -0.5 - 1e-9
    assert state.time_s == pytest.approx(815.0 + 24.5872 / 0.5, abs=1.0)


def test_slope_belongs_to_the_place_and_not_to_the_instant() -> None:
    cycle = cycle_by_time(np.arange(101.0), np.full(101, 20.0), np.where(np.arange(101) >= 50, 0.02, 0.0))
    slow, _ = drive(cycle, power_w=60e3, steps=80)
    assert slow.position_m < cycle.table[POSITION, 50]
    assert slow.altitude_m == pytest.approx(0.0, abs=1e-9)
    fast, _ = drive(cycle, steps=80)
    assert fast.altitude_m > 3.0
    assert fast.grade == pytest.approx(0.02, rel=1e-9)


def test_stops_are_reached_exactly_and_waited_out() -> None:
    cycle = cycle_by_distance([0.0, 500.0, 1000.0], [20.0, 15.0, 0.0], stop_s=[5.0, 30.0, 0.0])
    state, found = drive(cycle, dt_s=0.1)
    standing_at_500 = found["position_m"] == 500.0
    assert standing_at_500.sum() * 0.1 == pytest.approx(30.0, abs=0.11)
    assert (found["position_m"] == 0.0).sum() * 0.1 == pytest.approx(5.0, abs=0.11)
    assert found["speed_m_per_s"][standing_at_500].max() == 0.0
    assert state.position_m == 1000.0
    assert state.finished == 1.0


def test_stop_in_the_middle_of_a_step_loses_no_time() -> None:
    x = np.arange(0.0, 6001.0, 150.0)
    cycle = cycle_by_distance(
        x, np.where(np.arange(x.size) % 2, 0.0, 15.0), stop_s=np.arange(x.size) % 2 * 1.5
    )
    fine, _ = drive(cycle, dt_s=0.05)
    coarse, _ = drive(cycle, dt_s=2.5)
    assert coarse.time_s == pytest.approx(fine.time_s, rel=5e-3)


def test_grade_of_a_route_holds_until_the_next_row() -> None:
    state, found = drive(cycle_by_distance([0.0, 500.0, 800.0], [15.0, 15.0, 0.0], [0.03, -0.01, 0.2]))
    assert state.altitude_m == pytest.approx(500.0 * 0.03 - 300.0 * 0.01, rel=1e-3)
    assert found["grade"][10] == pytest.approx(0.03)


@pytest.mark.parametrize("dt_s", [0.1, 1.0, 10.0])
@pytest.mark.parametrize("decel", [0.3, 1.0])
def test_driver_brakes_in_time_and_comfortably_for_lower_limits_ahead(dt_s: float, decel: float) -> None:
    x = np.array([0.0, 800.0, 900.0, 2000.0, 2600.0])
    limit = np.array([25.0, 10.0, 20.0, 5.0, 0.0])
    truck = tractor(comfort_decel_m_per_s2=decel)
    _, found = drive(cycle_by_distance(x, limit, comfort_decel_m_per_s2=decel), truck, dt_s=dt_s)
    allowed = limit[np.searchsorted(x, found["position_m"], side="right") - 1]
    moving = found["position_m"] < 2600.0
    assert (found["speed_m_per_s"] - allowed)[moving].max() < 1e-6
    assert np.diff(found["speed_m_per_s"]).min() >= -decel * dt_s - 1e-6
    assert found["speed_m_per_s"].max() > 15.0


def test_end_of_a_cycle_over_distance_is_a_stop_even_at_speed() -> None:
    state, _ = drive(cycle_by_distance([0.0, 1000.0], [20.0, 20.0]))
    assert (state.position_m, state.speed_m_per_s, state.finished) == (1000.0, 0.0, 1.0)


def test_refused_regeneration_goes_to_the_resistor_and_then_to_friction() -> None:
    downhill = cycle_by_time([0.0, 300.0], [20.0, 20.0], -0.06)
    truck = tractor(brake_resistor_power_w=50e3, regen_power_max_w=200e3)
    _, found = drive(downhill, truck, regen_w=80e3, steps=250)
    braking_w = -resistance_n(20.0, -math.atan(0.06)) * 20.0
    assert found["traction_power_w"][-1] == pytest.approx(-80e3)
    assert found["brake_resistor_power_w"][-1] == pytest.approx(50e3)
    assert found["friction_brake_power_w"][-1] == pytest.approx(braking_w - 130e3 / 0.875, rel=1e-6)
    assert found["drive_loss_w"][-1] == pytest.approx(130e3 * (1 / 0.875 - 1), rel=1e-6)


def test_regeneration_stays_within_the_power_of_the_drive() -> None:
    _, found = drive(
        cycle_by_time([0.0, 300.0], [20.0, 20.0], -0.06), tractor(regen_power_max_w=100e3), steps=250
    )
    assert found["traction_power_w"].min() == pytest.approx(-100e3 * 0.875)
    assert found["friction_brake_power_w"][-1] > 0.0


def test_regeneration_fades_out_at_low_speed() -> None:
    _, found = drive(cycle_by_time([0.0, 300.0], [0.8, 0.8], -0.05), steps=250)
    assert found["traction_power_w"][-1] == 0.0
    assert found["friction_brake_power_w"][-1] > 0.0
    _, faster = drive(cycle_by_time([0.0, 300.0], [2.5, 2.5], -0.05), steps=250)
    share = -faster["traction_power_w"][-1] / 0.875 / -faster["wheel_power_w"][-1]
    assert share == pytest.approx(0.5, rel=1e-9)


@pytest.mark.parametrize("power_w", [0.0, -5.0, math.nan])
def test_truck_without_power_stands_on_a_hill_and_does_not_roll_back(power_w: float) -> None:
    state, found = drive(cycle_by_time([0.0, 60.0], [10.0, 10.0], 0.08), power_w=power_w, steps=50)
    assert state.position_m == 0.0
    assert all(np.isfinite(values).all() for values in found.values())


def test_truck_that_loses_its_power_coasts_uphill_to_rest() -> None:
    cycle = cycle_by_time([0.0, 300.0], [20.0, 20.0], 0.04)
    p = vehicle_record(tractor(), 22e3)[0]
    s = new_vehicle_state(cycle)[0]
    for _ in range(60):
        vehicle_step(p, s, cycle.table, PLENTY_W, PLENTY_W, AMBIENT_K, 1.0)
    before_j = mechanical_energy_j(p, s)
    lost_j = 0.0
    for _ in range(60):
        vehicle_step(p, s, cycle.table, 0.0, PLENTY_W, AMBIENT_K, 1.0)
        assert s.wheel_power_w == pytest.approx(0.0, abs=1.0)
        lost_j += s.drag_power_w + s.rolling_power_w
    assert s.speed_m_per_s == 0.0
    assert before_j - mechanical_energy_j(p, s) == pytest.approx(lost_j, rel=1e-4)


@pytest.mark.parametrize("name", ["epa_udds", "epa_gem_65mph_grade"])
def test_energy_does_not_depend_on_the_step(name: str) -> None:
    cycle = load_cycle(name).arrays()
    used = {}
    for dt_s in (0.5, 1.0, 10.0):
        _, found = drive(cycle, dt_s=dt_s)
        used[dt_s] = float(found["traction_power_w"].sum() * dt_s)
    assert used[10.0] == pytest.approx(used[1.0], rel=1e-9)
    assert used[0.5] == pytest.approx(used[1.0], rel=2e-3)


def kwh_per_km(cycle: DriveCycle) -> float:
    state, found = drive(cycle.arrays())
    energy_j = float(found["traction_power_w"].sum()) + 4e3 * state.time_s
    return energy_j / 3600.0 / state.position_m


@pytest.mark.parametrize(
    ("name", "cap_m_per_s", "low", "high"),
    [
        ("nrel_long_haul", 85.0 / 3.6, 1.0, 1.4),
        ("epa_gem_55mph_grade", 85.0 / 3.6, 1.0, 1.4),
        ("nrel_long_haul", None, 1.35, 1.8),
        ("epa_gem_65mph_grade", None, 1.35, 1.8),
    ],
)
def test_40_t_tractor_uses_what_the_road_says(
    name: str, cap_m_per_s: float | None, low: float, high: float
) -> None:
    cycle = load_cycle(name)
    if cap_m_per_s is not None:
        cycle = cycle.capped(cap_m_per_s)
    assert low < kwh_per_km(cycle) < high


def test_compiled_kernels_do_what_their_python_says(monkeypatch: pytest.MonkeyPatch) -> None:
    hilly = cycle_by_distance(
        [0.0, 90.0, 400.0, 700.0], [12.0, 20.0, 8.0, 0.0], [0.03, -0.04, 0.01, 0.0], [2.0, 0, 3, 0]
    )
    cycles = (hilly, cycle_by_time([0.0, 30.0, 60.0], [0.0, 25.0, 3.0], 0.02))
    compiled = [drive(cycle, power_w=250e3, regen_w=50e3, steps=90)[1] for cycle in cycles]
    step = vehicle_step.py_func  # type: ignore[attr-defined]
    for module in (vehicle, road):
        for name, value in vars(module).copy().items():
            if hasattr(value, "py_func"):
                monkeypatch.setattr(module, name, value.py_func)
    monkeypatch.setitem(globals(), "vehicle_step", step)
    for cycle, fast in zip(cycles, compiled, strict=True):
        _, plain = drive(cycle, power_w=250e3, regen_w=50e3, steps=90)
        for name, values in plain.items():
            np.testing.assert_allclose(fast[name], values, rtol=1e-12, atol=1e-9, err_msg=name)


def test_payload_beyond_the_rating_is_refused_with_the_rating() -> None:
    with pytest.raises(ScenarioError, match=r"payload_kg = 23000: must be from 0 to 22000"):
        vehicle_record(tractor(), 23e3)


def test_parameters_need_their_source() -> None:
    with pytest.raises(ValidationError, match="source"):
        VehicleParameters.model_validate(TRACTOR | {"source": []})
