"""The truck on the road: longitudinal dynamics, a power-limited driver, regeneration and brakes.

State: position x [m], speed v [m/s]. Inputs: a drive cycle, the power the pack gives and takes. Each step
solves for one unknown, the distance d. Uniform acceleration gives the end speed v1 = max(2 d/dt - v0, 0),
and the energy at the wheels is exact for that motion::

    E_wheel = 1/2 m_eq (v1^2 - v0^2) + m g (h(x + d) - h(x))
              + 1/2 rho CdA (v0^2 + v1^2)/2 d + Crr m g d cos(slope),        m_eq = m + J/r^2

(v^2 is then linear in x, which closes the drag integral.) So traction equals kinetic + potential + drag +
rolling + brakes in every step, to rounding. If the wanted d takes more than the limit, d is lowered until it
does not: no step size makes this unstable.
Assumptions: no wind, no wheel slip, Crr independent of speed and temperature, constant drive efficiencies.
Reference: Guzzella and Sciarretta, Vehicle Propulsion Systems, 2013, ch. 2, doi 10.1007/978-3-642-35913-2.
"""

import numpy as np
from pydantic import Field

from plant_models.kernels import Record, RecordArray, kernel, record, record_of
from plant_models.road import (
    BRAKING,
    NEXT_STOP,
    POSITION,
    SPEED,
    STOP,
    TIME,
    CycleArrays,
    altitude_m,
    grade_at,
    row_at,
)
from thermal_bms.errors import ScenarioError
from thermal_bms.parameters import Parameters, Source
from thermal_bms.units import FloatArray

GRAVITY_M_PER_S2 = 9.80665  # standard gravity, CGPM 1901
AIR_GAS_CONSTANT_J_PER_KGK = 287.05  # dry air, ISO 2533
SUBSTEP_MAX_S = 1.0  # the sampling of the cycles; longer steps are cut into such parts
BISECTIONS = 48  # leaves 1e-13 m of a 30 m step


class VehicleParameters(Parameters):
    """Mass, road load, drive and driver of one truck.

    ``power_max_w`` and ``regen_power_max_w`` are mechanical, at the wheels. Losses are of inverter, motor and
    gear together, from the high-voltage bus to the wheels. Origin of the defaults: the driver's comfort is
    VECTO's ``Truck.vacc`` (1 m/s2 at the start, 0.5 m/s2 when braking from above 60 km/h). ``accel_max`` is
    adhesion: a drive axle of 11.5 t of 40 t (directive 96/53/EC) at a friction of 0.7. ``brake_decel_max`` is
    what UN R13 asks of the service brake. The fade of regeneration is the straight line through FASTSim's
    logistic curve (regen_a = 500, regen_b = 0.99 per mph).
    """

    source: tuple[Source, ...] = Field(min_length=1)
    mass_kerb_kg: float = Field(gt=500.0, lt=60e3, description="ready to drive, trailer included")
    payload_max_kg: float = Field(ge=0.0, lt=60e3)
    drag_area_m2: float = Field(gt=0.0, lt=15.0, description="drag coefficient times frontal area")
    rolling_resistance: float = Field(gt=0.0, lt=0.05)
    wheel_radius_m: float = Field(gt=0.1, lt=1.0, description="dynamic")
    wheel_inertia_kg_m2: float = Field(
        ge=0.0, lt=2000.0, description="of all wheels and what turns with them"
    )
    power_max_w: float = Field(gt=0.0, lt=5e6)
    regen_power_max_w: float = Field(ge=0.0, lt=5e6)
    drive_efficiency: float = Field(gt=0.5, le=1.0, description="bus to wheels")
    regen_efficiency: float = Field(gt=0.5, le=1.0, description="wheels to bus")
    drive_loss_to_coolant: float = Field(
        default=1.0, ge=0.0, le=1.0, description="share; the rest goes to air"
    )
    regen_speed_zero_m_per_s: float = Field(default=1.0, ge=0.0, lt=10.0, description="no regeneration below")
    regen_speed_full_m_per_s: float = Field(
        default=4.0, gt=0.0, lt=20.0, description="full regeneration above"
    )
    auxiliary_power_w: float = Field(ge=0.0, lt=100e3, description="steering, air, 24 V; while driving")
    brake_resistor_power_w: float = Field(default=0.0, ge=0.0, lt=2e6, description="0 when there is none")
    comfort_accel_m_per_s2: float = Field(
        default=1.0, gt=0.0, le=5.0, description="driver on a distance cycle"
    )
    comfort_decel_m_per_s2: float = Field(
        default=0.5, gt=0.0, le=5.0, description="driver on a distance cycle"
    )
    accel_max_m_per_s2: float = Field(default=2.0, gt=0.0, le=10.0)
    brake_decel_max_m_per_s2: float = Field(default=5.0, gt=0.0, le=10.0)
    air_pressure_pa: float = Field(default=101325.0, gt=50e3, lt=110e3, description="sea level, ISO 2533")


def vehicle_record(parameters: VehicleParameters, payload_kg: float = 0.0) -> RecordArray:
    """Return the parameters for the kernel, with ``mass_kg`` and ``equivalent_mass_kg`` of the loaded truck.

    Raises
    ------
    ScenarioError
        if the payload is negative or more than the truck may carry.
    """
    if not 0.0 <= payload_kg <= parameters.payload_max_kg:
        raise ScenarioError(
            f"payload_kg = {payload_kg:g}: must be from 0 to {parameters.payload_max_kg:g} (payload_max_kg)"
        )
    mass_kg = parameters.mass_kerb_kg + payload_kg
    turning_kg = parameters.wheel_inertia_kg_m2 / parameters.wheel_radius_m**2
    return record_of(parameters, mass_kg=mass_kg, equivalent_mass_kg=mass_kg + turning_kg)


def new_vehicle_state(cycle: CycleArrays) -> RecordArray:
    """Return the state of a truck standing at the start of a cycle; powers are means over the latest step."""
    return record(
        time_s=0.0,
        position_m=0.0,
        speed_m_per_s=0.0,
        altitude_m=0.0,
        grade=0.0,
        target_speed_m_per_s=0.0 if cycle.by_distance else float(cycle.table[SPEED, 0]),
        speed_deficit_m_per_s=0.0,
        missed_distance_m=0.0,
        wheel_power_w=0.0,
        traction_power_w=0.0,
        drive_loss_w=0.0,
        drive_heat_to_coolant_w=0.0,
        friction_brake_power_w=0.0,
        brake_resistor_power_w=0.0,
        drag_power_w=0.0,
        rolling_power_w=0.0,
        stop_left_s=0.0,
        finished=0.0,
        by_distance=float(cycle.by_distance),
        comfort_decel_m_per_s2=cycle.comfort_decel_m_per_s2,
        time_row=0.0,
        road_row=0.0,
        stop_row=float(cycle.table[NEXT_STOP, 0]),
    )


@kernel
def mechanical_energy_j(p: Record, s: Record) -> float:
    """Return kinetic plus potential energy of the truck, from the start's altitude [J]."""
    kinetic_j = 0.5 * p.equivalent_mass_kg * s.speed_m_per_s**2
    return float(kinetic_j + p.mass_kg * GRAVITY_M_PER_S2 * s.altitude_m)


@kernel
def _end_speed(s: Record, distance_m: float, dt_s: float) -> float:
    return max(2.0 * distance_m / dt_s - float(s.speed_m_per_s), 0.0)


@kernel
def _road_energy_j(
    p: Record, s: Record, cycle: FloatArray, density: float, distance_m: float, dt_s: float
) -> tuple[float, float, float]:
    """Return the energy the wheels give for this distance, and its parts lost to drag and rolling [J]."""
    v0 = s.speed_m_per_s
    v1 = _end_speed(s, distance_m, dt_s)
    climb_m = altitude_m(cycle, int(s.road_row), s.position_m + distance_m) - s.altitude_m
    level_m = np.sqrt(max(distance_m**2 - climb_m**2, 0.0))
    drag_j = 0.25 * density * p.drag_area_m2 * (v0**2 + v1**2) * distance_m
    rolling_j = p.rolling_resistance * p.mass_kg * GRAVITY_M_PER_S2 * level_m
    kinetic_j = 0.5 * p.equivalent_mass_kg * (v1**2 - v0**2)
    return kinetic_j + p.mass_kg * GRAVITY_M_PER_S2 * climb_m + drag_j + rolling_j, drag_j, rolling_j


@kernel
def _wanted_by_time(p: Record, s: Record, cycle: FloatArray, dt_s: float) -> float:
    """Return the distance that ends at the trace's speed at the end of the step; behind it, brake to rest."""
    n = cycle.shape[1]
    v0 = s.speed_m_per_s
    end_s = s.time_s + dt_s
    row = row_at(cycle[TIME], int(s.time_row), n, end_s + 1e-9)
    s.time_row = float(row)
    before = s.target_speed_m_per_s
    target = cycle[SPEED, row]
    if row + 1 < n:
        share = max(end_s - cycle[TIME, row], 0.0) / (cycle[TIME, row + 1] - cycle[TIME, row])
        target += share * (cycle[SPEED, row + 1] - target)
    elif end_s > cycle[TIME, n - 1] + 1e-6:
        target = max(0.0, v0 - p.comfort_decel_m_per_s2 * dt_s)
        before = v0
    s.target_speed_m_per_s = target
    v1 = min(target, v0 + p.accel_max_m_per_s2 * dt_s)
    v1 = max(v1, v0 - p.brake_decel_max_m_per_s2 * dt_s)
    distance_m = 0.5 * (v0 + v1) * dt_s
    s.missed_distance_m += max(0.5 * (before + target) * dt_s - distance_m, 0.0)
    return float(distance_m)


@kernel
def _allowed_speed2(s: Record, cycle: FloatArray, x: float) -> float:
    """Return the squared speed allowed at ``x``: the limit there, and braking in time for what is ahead."""
    end = int(s.stop_row)
    row = row_at(cycle[POSITION], min(int(s.road_row), end - 1), end, x)
    ahead_m = cycle[POSITION, row + 1] - x
    braking = cycle[BRAKING, row + 1] + 2.0 * s.comfort_decel_m_per_s2 * ahead_m
    return float(max(min(cycle[SPEED, row] ** 2, braking), 0.0))


@kernel
def _fits(s: Record, cycle: FloatArray, distance_m: float, to_stop_m: float, dt_s: float) -> bool:
    v1 = _end_speed(s, distance_m, dt_s)
    if distance_m >= to_stop_m:
        return v1 <= 0.0
    return v1**2 <= _allowed_speed2(s, cycle, s.position_m + distance_m) + 1e-12


@kernel
def _wanted_by_distance(p: Record, s: Record, cycle: FloatArray, dt_s: float) -> float:
    """Return the longest distance after which speed is within the limit and can still be braked in time."""
    v0 = s.speed_m_per_s
    to_stop_m = cycle[POSITION, int(s.stop_row)] - s.position_m
    floor = max(v0 - p.brake_decel_max_m_per_s2 * dt_s, 0.0)
    limit = cycle[SPEED, min(int(s.road_row), int(s.stop_row) - 1)]
    top = max(min(v0 + p.comfort_accel_m_per_s2 * dt_s, limit), floor)
    high = min(0.5 * (v0 + top) * dt_s, to_stop_m)
    low = 0.5 * (v0 + floor) * dt_s
    if floor <= 0.0:
        low = 0.5 * v0 * v0 / p.brake_decel_max_m_per_s2
    low = min(low, high)
    if _fits(s, cycle, high, to_stop_m, dt_s):
        low = high
    else:
        for _ in range(BISECTIONS):
            middle = 0.5 * (low + high)
            if _fits(s, cycle, middle, to_stop_m, dt_s):
                low = middle
            else:
                high = middle
    return float(low)


@kernel
def _book_energy(
    p: Record, s: Record, wheel_j: float, regen_max_w: float, speed: float, dt_s: float, share: float
) -> None:
    """Split the energy at the wheels into bus, losses, resistor and friction; add each as mean power."""
    electric_j = wheel_j / p.drive_efficiency
    loss_j = electric_j - wheel_j
    friction_j = 0.0
    resistor_j = 0.0
    if wheel_j < 0.0:
        fade = (speed - p.regen_speed_zero_m_per_s) / max(
            p.regen_speed_full_m_per_s - p.regen_speed_zero_m_per_s, 1e-3
        )
        machine_j = min(-wheel_j * min(max(fade, 0.0), 1.0), p.regen_power_max_w * dt_s)
        offered_j = machine_j * p.regen_efficiency
        taken_j = min(offered_j, regen_max_w * dt_s)
        resistor_j = min(offered_j - taken_j, p.brake_resistor_power_w * dt_s)
        machine_j = (taken_j + resistor_j) / p.regen_efficiency
        loss_j = machine_j - taken_j - resistor_j
        friction_j = -wheel_j - machine_j
        electric_j = -taken_j
    s.wheel_power_w += wheel_j * share
    s.traction_power_w += electric_j * share
    s.drive_loss_w += loss_j * share
    s.brake_resistor_power_w += resistor_j * share
    s.friction_brake_power_w += friction_j * share


@kernel
def _advance(
    p: Record,
    s: Record,
    cycle: FloatArray,
    wheel_max_w: float,
    regen_max_w: float,
    density: float,
    dt_s: float,
    step_s: float,
) -> float:
    """Drive for at most ``dt_s``; return the time used, which is less when a stop is reached on the way."""
    v0 = s.speed_m_per_s
    by_distance = s.by_distance > 0.5
    wanted_m = _wanted_by_distance(p, s, cycle, dt_s) if by_distance else _wanted_by_time(p, s, cycle, dt_s)
    distance_m = wanted_m
    wheel_j, drag_j, rolling_j = _road_energy_j(p, s, cycle, density, distance_m, dt_s)
    if wheel_j > wheel_max_w * dt_s:
        distance_m = 0.0
        high = wanted_m
        for _ in range(BISECTIONS):
            middle = 0.5 * (distance_m + high)
            if _road_energy_j(p, s, cycle, density, middle, dt_s)[0] > wheel_max_w * dt_s:
                high = middle
            else:
                distance_m = middle
        wheel_j, drag_j, rolling_j = _road_energy_j(p, s, cycle, density, distance_m, dt_s)
        if not by_distance:
            s.missed_distance_m += wanted_m - distance_m
    v1 = _end_speed(s, distance_m, dt_s)
    _book_energy(p, s, wheel_j, regen_max_w, 0.5 * (v0 + v1), dt_s, 1.0 / step_s)
    s.drag_power_w += drag_j / step_s
    s.rolling_power_w += rolling_j / step_s
    used_s = dt_s
    stop_m = cycle[POSITION, int(s.stop_row)]
    end_m = s.position_m + distance_m
    if by_distance and v1 <= 0.0 and v0 > 0.0 and abs(stop_m - end_m) <= 1e-9 * max(stop_m, 1.0):
        used_s = min(2.0 * distance_m / v0, dt_s)
        end_m = stop_m
    s.altitude_m = altitude_m(cycle, int(s.road_row), s.position_m + distance_m)
    s.position_m = end_m
    s.road_row = float(row_at(cycle[POSITION], int(s.road_row), cycle.shape[1], end_m))
    s.speed_m_per_s = v1
    return used_s


@kernel
def _stand(s: Record, cycle: FloatArray, left_s: float) -> float:
    """Return how much of ``left_s`` is spent standing, 0 when driving on; see whether the cycle is over."""
    n = cycle.shape[1]
    if s.by_distance < 0.5:
        if s.speed_m_per_s <= 0.0 and s.time_s >= cycle[TIME, n - 1] - 1e-6:
            s.finished = 1.0
        return float(left_s * s.finished)
    while (
        s.stop_left_s <= 0.0
        and s.speed_m_per_s <= 0.0
        and s.stop_row < n
        and s.position_m >= cycle[POSITION, int(s.stop_row)]
    ):
        stop = int(s.stop_row)
        s.stop_left_s = cycle[STOP, stop]
        s.stop_row = cycle[NEXT_STOP, stop + 1] if stop + 1 < n else float(n)
    if s.stop_left_s > 0.0:
        used_s = min(left_s, s.stop_left_s)
        s.stop_left_s -= used_s
        if s.stop_left_s < 1e-9:
            s.stop_left_s = 0.0
        if used_s > 0.0 or s.stop_left_s > 0.0:
            return float(used_s)
    if s.stop_row >= n:
        s.finished = 1.0
    return float(left_s * s.finished)


@kernel
def vehicle_step(
    p: Record,
    s: Record,
    cycle: FloatArray,
    power_max_w: float,
    regen_power_max_w: float,
    ambient_temp_k: float,
    dt_s: float,
) -> None:
    """Drive the truck along its cycle for one step and leave motion and mean powers in ``s``.

    After a trace over time the driver brakes to rest; ``finished`` becomes 1 when the cycle is over and the
    truck stands. A limit that is negative or NaN counts as zero. Refused regeneration goes to the brake
    resistor up to its power; all other braking is friction.

    Parameters
    ----------
    p : from :func:`vehicle_record`
    s : from :func:`new_vehicle_state`; changed in place
    cycle : ``CycleArrays.table``, shape (7, n)
    power_max_w : electric power the bus gives for traction, >= 0 [W]
    regen_power_max_w : electric power the bus takes from traction, >= 0 [W]
    ambient_temp_k : for the density of air [K]
    dt_s : 0.1 to 10 [s]; stable at any

    Examples
    --------
    A 40 t tractor at a steady 20 m/s on the flat needs about 76 kW from the bus at 15 degC:

    >>> from plant_models.road import cycle_by_time
    >>> truck = VehicleParameters(
    ...     source=[Source(title="doctest", kind="assumed")], mass_kerb_kg=18e3, payload_max_kg=22e3,
    ...     drag_area_m2=5.5, rolling_resistance=0.005, wheel_radius_m=0.5, wheel_inertia_kg_m2=120.0,
    ...     power_max_w=600e3, regen_power_max_w=600e3, drive_efficiency=0.875, regen_efficiency=0.875,
    ...     auxiliary_power_w=4e3)
    >>> cycle = cycle_by_time([0.0, 100.0], [20.0, 20.0])
    >>> p, s = vehicle_record(truck, 22e3)[0], new_vehicle_state(cycle)[0]
    >>> for _ in range(60):
    ...     vehicle_step(p, s, cycle.table, 600e3, 600e3, 288.15, 1.0)
    >>> round(float(s.traction_power_w))
    75631
    """
    s.wheel_power_w = 0.0
    s.traction_power_w = 0.0
    s.drive_loss_w = 0.0
    s.friction_brake_power_w = 0.0
    s.brake_resistor_power_w = 0.0
    s.drag_power_w = 0.0
    s.rolling_power_w = 0.0
    allowed_w = power_max_w if power_max_w > 0.0 else 0.0
    wheel_max_w = min(allowed_w * p.drive_efficiency, p.power_max_w)
    regen_max_w = regen_power_max_w if regen_power_max_w > 0.0 else 0.0
    density = p.air_pressure_pa / (AIR_GAS_CONSTANT_J_PER_KGK * ambient_temp_k)
    left_s = dt_s
    while left_s > 1e-9:
        used_s = _stand(s, cycle, left_s)
        if used_s <= 0.0:
            part_s = min(left_s, SUBSTEP_MAX_S)
            used_s = _advance(p, s, cycle, wheel_max_w, regen_max_w, density, part_s, dt_s)
        s.time_s += used_s
        left_s -= used_s
    _stand(s, cycle, 0.0)
    s.drive_heat_to_coolant_w = s.drive_loss_w * p.drive_loss_to_coolant
    if s.by_distance > 0.5:
        standing = s.stop_left_s > 0.0 or s.finished > 0.5
        s.target_speed_m_per_s = 0.0 if standing else np.sqrt(_allowed_speed2(s, cycle, s.position_m))
    elif s.finished > 0.5:
        s.target_speed_m_per_s = 0.0
    s.speed_deficit_m_per_s = max(s.target_speed_m_per_s - s.speed_m_per_s, 0.0)
    s.grade = grade_at(cycle, int(s.road_row))
