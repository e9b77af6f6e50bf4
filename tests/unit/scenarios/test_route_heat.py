"""The load foretold along a route, against road load by hand and against the simulated truck."""

import numpy as np
import pytest

from plant_models.truck_parameters import load_truck
from plant_models.vehicle import GRAVITY_M_PER_S2
from scenarios.drive_cycle import load_cycle
from scenarios.route_heat import current_squares_a2, drive_power_w

TRUCK = load_truck("heavy_nmc").vehicle


def test_a_steady_climb_takes_what_road_load_says() -> None:
    cycle = load_cycle("epa_gem_65mph_grade")
    time_s, power_w = drive_power_w(cycle, TRUCK, payload_kg=0.0, ambient_degc=15.0)
    speed = np.minimum(cycle.speed_m_per_s[1:], 40.0)
    row = int(np.argmax(cycle.grade[1:-1] * (speed[:-1] > 20.0))) + 1
    mass_kg = TRUCK.mass_kerb_kg
    v, slope = cycle.speed_m_per_s[row], cycle.grade[row]
    force_n = (
        mass_kg * GRAVITY_M_PER_S2 * (slope + TRUCK.rolling_resistance)
        + 0.5 * 1.225 * TRUCK.drag_area_m2 * v * v
    )
    expected_w = min(force_n * v, TRUCK.power_max_w) / TRUCK.drive_efficiency + TRUCK.auxiliary_power_w
    at = int(np.searchsorted(time_s, cycle.time_s[row]))
    assert power_w[min(at, power_w.size - 1)] == pytest.approx(expected_w, rel=0.1)


def test_standing_takes_the_auxiliaries_and_braking_gives_back() -> None:
    cycle = load_cycle("epa_udds")
    time_s, power_w = drive_power_w(cycle, TRUCK, payload_kg=10e3, ambient_degc=20.0)
    standing = (cycle.speed_m_per_s[1:] == 0.0) & (cycle.speed_m_per_s[:-1] == 0.0)
    assert power_w[standing] == pytest.approx(np.full(standing.sum(), TRUCK.auxiliary_power_w))
    assert power_w.min() < -50e3
    assert power_w.min() >= -TRUCK.regen_power_max_w * TRUCK.regen_efficiency
    assert time_s.size == power_w.size + 1


def test_a_heavier_truck_makes_more_heat() -> None:
    cycle = load_cycle("epa_gem_transient")
    empty, full = (
        current_squares_a2(
            *drive_power_w(cycle, TRUCK, payload_kg=load, ambient_degc=20.0), 700.0, float(cycle.time_s[-1])
        ).sum()
        for load in (0.0, TRUCK.payload_max_kg)
    )
    assert full > 1.5 * empty


def test_means_of_the_square_keep_the_heat_of_the_whole() -> None:
    rng = np.random.default_rng(2)
    time_s = np.cumsum(rng.uniform(0.5, 30.0, 200))
    time_s -= time_s[0]
    power_w = rng.uniform(-100e3, 300e3, 199)
    squares = current_squares_a2(time_s, power_w, 700.0, float(time_s[-1]))
    assert squares.sum() * 60.0 == pytest.approx(
        float((np.diff(time_s) * (power_w / 700.0) ** 2).sum()), rel=1e-9
    )
