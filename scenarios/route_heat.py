"""The battery's load along a planned route: speed, grade and stops to power, power to squared current.

The road load of ``plant_models.vehicle`` without its driver and its limits in time: what a navigation system with
a road model would foretell. Cycles over distance are taken at their nominal speed, so what starting and stopping
costs is missing there.
"""

import math

import numpy as np

from plant_models.vehicle import AIR_GAS_CONSTANT_J_PER_KGK, GRAVITY_M_PER_S2, VehicleParameters
from scenarios.drive_cycle import DriveCycle
from thermal_bms.units import FloatArray, degc_to_k

STEP_S = 60.0
"""Spacing of the foretold curve."""


def drive_power_w(
    cycle: DriveCycle, vehicle: VehicleParameters, *, payload_kg: float, ambient_degc: float
) -> tuple[FloatArray, FloatArray]:
    """Return instants [s] and electric power at the battery between them [W], shape (n,) and (n - 1,).

    The road load of ``plant_models.vehicle`` at the cycle's own speed: inertia, grade, drag, rolling; efficiencies
    of drive and regeneration; auxiliaries.
    """
    time_s, speed = cycle.time_s, cycle.speed_m_per_s
    rising = np.concatenate([[True], np.diff(time_s) > 0.0])
    time_s, speed, grade = time_s[rising], speed[rising], cycle.grade[rising]
    length_s = np.diff(time_s)
    mean = np.minimum(0.5 * (speed[1:] + speed[:-1]), np.diff(cycle.distance_m[rising]) / length_s)
    mass_kg = vehicle.mass_kerb_kg + payload_kg
    turning_kg = vehicle.wheel_inertia_kg_m2 / vehicle.wheel_radius_m**2
    density = vehicle.air_pressure_pa / (AIR_GAS_CONSTANT_J_PER_KGK * degc_to_k(ambient_degc))
    slope = 0.5 * (grade[1:] + grade[:-1])
    force_n = (
        mass_kg * GRAVITY_M_PER_S2 * (slope + vehicle.rolling_resistance)
        + 0.5 * density * vehicle.drag_area_m2 * mean**2
    )
    inertia_w = 0.5 * (mass_kg + turning_kg) * np.diff(speed**2) / length_s if not cycle.by_distance else 0.0
    wheel_w = np.clip(force_n * mean + inertia_w, -vehicle.regen_power_max_w, vehicle.power_max_w)
    electric_w = np.where(
        wheel_w > 0.0, wheel_w / vehicle.drive_efficiency, wheel_w * vehicle.regen_efficiency
    )
    return time_s, electric_w + vehicle.auxiliary_power_w


def current_squares_a2(
    time_s: FloatArray, power_w: FloatArray, voltage_v: float, duration_s: float
) -> FloatArray:
    """Return means of the squared current over steps of ``STEP_S`` [A²]; zero behind the end of the power.

    >>> current_squares_a2(np.array([0.0, 30.0, 60.0]), np.array([800.0, 0.0]), 8.0, 120.0).tolist()
    [5000.0, 0.0]
    """
    n = max(math.ceil(duration_s / STEP_S), 1)
    charge = np.concatenate([[0.0], np.cumsum(np.diff(time_s) * (power_w / voltage_v) ** 2)])
    edges = np.interp(STEP_S * np.arange(n + 1), time_s, charge)
    return np.asarray(np.diff(edges) / STEP_S)
