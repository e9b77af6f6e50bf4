"""The refrigerant circuit: compressor, evaporator plate (chiller), cabin evaporator and condenser.

Two temperatures carry the dynamics, evaporating and condensing, each with the heat capacity of metal,
refrigerant and lines. The compressor between them is quasi-steady and reads the tabulated map::

    C_e dT_e/dt = Q_coolant + Q_cabin - Q_refrigerant
    C_c dT_c/dt = Q_refrigerant + P - loss - Q_air

    Q_refrigerant = displacement * speed / 60 * cooling(T_e, T_c)
    P             = displacement * speed / 60 * work(T_e, T_c) / eta_drive
    Q_coolant     = C * (1 - exp(-UA / C)) * (T_coolant - T_e), within 0..C * (T_coolant - T_min)
    Q_air         = C_air * (1 - exp(-UA_c / C_air)) * (T_c - T_air), at least natural convection

The step is backward Euler with three Newton iterations, in pieces of at most 1 s, and closes the energy
balance exactly: stored heat changes by evaporator + cabin + electric power - loss - condenser heat.

Choices of the model. A plate that is warmer than its coolant exchanges nothing with it. While the
compressor is off, a cold plate still cools coolant that flows through it, and refrigerant carries heat
between the two sides. The cabin adds its own demand to the commanded speed, and the battery waits while the
cabin is not served. While the compressor runs for the cabin alone, the battery's expansion valve is closed.
The expansion valve limits suction pressure above ``evaporating_max_degc``; head-pressure control holds
``lift_min_k``. The unit lowers its speed to hold ``evaporating_min_degc`` and the lowest allowed coolant
temperature. All temperatures are kelvin.
"""

import math
from typing import NamedTuple

from plant_models.chiller_parameters import ChillerParameters, chiller_record, sized_for
from plant_models.kernels import Record, RecordArray, kernel, record
from plant_models.refrigerant import load_refrigerant, map_at, pressures_at, saturation_pressure_pa
from thermal_bms.units import FloatArray

__all__ = [
    "ChillerParameters",
    "build_chiller",
    "chiller_record",
    "chiller_step",
    "chiller_stored_heat_j",
    "exchange_w_per_k",
    "new_chiller_state",
    "sized_for",
]

STEP_MAX_S = 1.0
NEWTON_STEPS = 3
CABIN_MARGIN_K = 1.0
REFERENCE_K = 273.15


class Loads(NamedTuple):
    """What the evaporator can draw heat from in a step: battery coolant, and the cabin, which comes first."""

    coolant_w_per_k: float
    coolant_k: float
    coolant_max_w: float
    cabin_w_per_k: float
    cabin_k: float
    cabin_w: float
    cabin_need_k: float


def new_chiller_state(ambient_k: float, *, pressure_pa: float = 0.0) -> RecordArray:
    """Return the state of a circuit that stood long enough to be at ambient temperature and free to start.

    Fields: ``evaporating_k``, ``condensing_k`` [K]; ``compressor_speed_rpm`` at the end of the step
    [rev/min]; ``compressor_power_w`` (electric), ``compressor_loss_w`` (to the surroundings),
    ``evaporator_heat_w`` (from battery coolant), ``cabin_heat_w`` (from cabin air), ``condenser_heat_w``
    (to the air), means over the step [W]; ``suction_pressure_pa``, ``discharge_pressure_pa`` [Pa];
    ``running``, ``tripped`` (0 or 1); ``on_time_s``, ``off_time_s``, ``request_time_s`` [s]; ``starts``, a
    count of compressor starts.
    """
    return record(
        evaporating_k=ambient_k,
        condensing_k=ambient_k,
        compressor_speed_rpm=0.0,
        compressor_power_w=0.0,
        compressor_loss_w=0.0,
        evaporator_heat_w=0.0,
        cabin_heat_w=0.0,
        condenser_heat_w=0.0,
        suction_pressure_pa=pressure_pa,
        discharge_pressure_pa=pressure_pa,
        running=0.0,
        tripped=0.0,
        on_time_s=0.0,
        off_time_s=3600.0,
        request_time_s=0.0,
        starts=0.0,
    )


def build_chiller(
    parameters: ChillerParameters, *, ambient_k: float
) -> tuple[RecordArray, RecordArray, FloatArray]:
    """Return parameters, state and compressor map of a circuit that stands at ambient temperature.

    Examples
    --------
    >>> p, s, table = build_chiller(sized_for(10000.0), ambient_k=313.15)
    >>> for _ in range(600):
    ...     chiller_step(p[0], s[0], table, 1.0, 298.15, 1176.0, 313.15, 1150.0, 0.0, 298.15, 273.15, 1.0)
    >>> round(float(s[0].evaporator_heat_w / 1000.0), 1)
    10.0
    """
    p, table = chiller_record(parameters)
    pressure_pa = saturation_pressure_pa(load_refrigerant(parameters.refrigerant), ambient_k)
    return p, new_chiller_state(ambient_k, pressure_pa=pressure_pa), table


@kernel
def chiller_stored_heat_j(p: Record, s: Record) -> float:
    """Return the heat stored in evaporator and condenser [J], zero at 0 degC."""
    evaporator_j = p.evaporator_heat_capacity_j_per_k * (s.evaporating_k - REFERENCE_K)
    condenser_j = p.condenser_heat_capacity_j_per_k * (s.condensing_k - REFERENCE_K)
    return float(evaporator_j + condenser_j)


@kernel
def exchange_w_per_k(conductance_w_per_k: float, capacity_rate_w_per_k: float) -> float:
    """Return heat per kelvin of inlet difference against a side of constant temperature [W/K].

    ``C * (1 - exp(-UA / C))``, the effectiveness-NTU relation at capacity ratio zero; 0 without flow.
    Kays, London, Compact Heat Exchangers, 3rd edition 1984, chapter 2.

    >>> round(exchange_w_per_k(800.0, 1000.0), 1)
    550.7
    """
    if not capacity_rate_w_per_k > 1e-6:
        return 0.0
    return capacity_rate_w_per_k * (1.0 - math.exp(-conductance_w_per_k / capacity_rate_w_per_k))


@kernel
def refrigerant_flows(
    p: Record, table: FloatArray, speed_rpm: float, te_k: float, tc_k: float
) -> tuple[float, float, float]:
    """Return refrigerating heat [W], its slope over evaporating temperature [W/K] and electric power [W].

    At speed 0: heat carried to the condenser by equalising refrigerant, and no power.
    """
    if speed_rpm <= 0.0:
        slope_w_per_k = p.equalising_conductance_w_per_k
        return slope_w_per_k * (te_k - tc_k), slope_w_per_k, 0.0
    flow_m3_per_s = p.displacement_m3 * speed_rpm / 60.0
    suction_k = min(te_k, p.evaporating_max_k)
    cooling, work, slope = map_at(p, table, suction_k, max(tc_k, suction_k + p.lift_min_k))
    if te_k > p.evaporating_max_k:
        slope = 0.0
    return flow_m3_per_s * cooling, flow_m3_per_s * slope, flow_m3_per_s * work / p.drive_efficiency


@kernel
def split_heat(k: float, r: float, loads: Loads) -> tuple[float, float]:
    """Return heat from battery coolant and from the cabin [W] that solve ``k * T_e = r + coolant + cabin``.

    The cabin comes first: coolant heat is held back as far as needed to keep the evaporator at
    ``cabin_need_k``, where the cabin gets ``cabin_w``; when even that is not enough, the cabin takes what it
    can and coolant gives nothing. Exact, in closed form: every term is piecewise linear and monotone in T_e.
    """
    coolant_w = (
        loads.coolant_w_per_k * (k * loads.coolant_k - r - loads.cabin_w) / (k + loads.coolant_w_per_k)
    )
    coolant_w = min(max(coolant_w, 0.0), loads.coolant_max_w)
    if loads.cabin_w <= 0.0 or r + loads.cabin_w + coolant_w <= k * loads.cabin_need_k:
        return coolant_w, loads.cabin_w
    coolant_w = k * loads.cabin_need_k - r - loads.cabin_w
    if coolant_w >= 0.0:
        return coolant_w, loads.cabin_w
    cabin_w = loads.cabin_w_per_k * (k * loads.cabin_k - r) / (k + loads.cabin_w_per_k)
    return 0.0, min(max(cabin_w, 0.0), loads.cabin_w)


@kernel
def update_running(p: Record, s: Record, wanted: bool, startable: bool, dt_s: float) -> None:  # noqa: FBT001
    """Decide whether the compressor runs in the coming step; keep the timers and the trip flag.

    High pressure and a far too cold evaporator stop it at once; all else waits for the minimum on time.
    """
    if s.discharge_pressure_pa >= p.high_pressure_cutout_pa:
        s.tripped = 1.0
    elif s.discharge_pressure_pa <= p.high_pressure_restart_pa:
        s.tripped = 0.0
    requested = wanted and startable and s.tripped <= 0.0
    if s.running > 0.0:
        too_cold = s.evaporating_k < p.evaporating_min_k - p.evaporating_cutout_k
        done = not wanted and s.on_time_s >= p.on_time_min_s - 1e-6
        if s.tripped > 0.0 or too_cold or done:
            s.running, s.off_time_s, s.request_time_s = 0.0, 0.0, 0.0
    elif requested and s.off_time_s >= p.off_time_min_s - 1e-6 and s.request_time_s >= p.start_delay_s - 1e-6:
        s.running, s.on_time_s, s.starts = 1.0, 0.0, s.starts + 1.0
    if s.running > 0.0:
        s.on_time_s += dt_s
    else:
        s.off_time_s += dt_s
        s.request_time_s = s.request_time_s + dt_s if requested else 0.0


@kernel
def next_speed_rpm(
    p: Record, s: Record, table: FloatArray, battery_rpm: float, loads: Loads, dt_s: float
) -> float:
    """Return the compressor's speed in the coming step, 0 when off [rev/min].

    The battery's speed plus what the cabin needs, ramped, between minimum and maximum, and never more than
    what brings the evaporator down to its floor at the end of the step: the evaporating limit, or, without
    cabin load, the temperature at which coolant leaves at its lowest allowed temperature.
    """
    floor_k = p.evaporating_min_k
    if loads.cabin_w <= 0.0 and loads.coolant_w_per_k > 0.0:
        floor_k = max(floor_k, loads.coolant_k - loads.coolant_max_w / loads.coolant_w_per_k)
    available_w = min(loads.coolant_w_per_k * max(loads.coolant_k - floor_k, 0.0), loads.coolant_max_w)
    available_w += min(loads.cabin_w, loads.cabin_w_per_k * max(loads.cabin_k - floor_k, 0.0))
    available_w += p.evaporator_heat_capacity_j_per_k * (s.evaporating_k - floor_k) / dt_s
    limit_rpm = available_w / refrigerant_flows(p, table, 1.0, floor_k, s.condensing_k)[0]
    target_rpm = battery_rpm
    if loads.cabin_w > 0.0:
        target_rpm += loads.cabin_w / refrigerant_flows(p, table, 1.0, loads.cabin_need_k, s.condensing_k)[0]
        target_rpm = max(target_rpm, p.speed_min_rpm)
    wanted = target_rpm >= p.speed_min_rpm and limit_rpm >= p.speed_min_rpm
    useful = loads.cabin_w > 0.0 or loads.coolant_max_w > 0.0 or loads.coolant_w_per_k <= 0.0
    startable = useful and s.evaporating_k >= floor_k + p.evaporating_restart_k
    update_running(p, s, wanted, startable, dt_s)
    if s.running <= 0.0:
        return 0.0
    before_rpm = max(s.compressor_speed_rpm, p.speed_min_rpm)
    change_rpm = p.speed_ramp_rpm_per_s * dt_s
    speed_rpm = min(max(target_rpm, before_rpm - change_rpm), before_rpm + change_rpm)
    return float(max(min(speed_rpm, limit_rpm, p.speed_max_rpm), p.speed_min_rpm))


@kernel
def advance(
    p: Record, s: Record, table: FloatArray, loads: Loads, air_w_per_k: float, air_k: float, dt_s: float
) -> None:
    """Step both temperatures by backward Euler at the state's speed; write temperatures, heats and power."""
    ce_w_per_k = p.evaporator_heat_capacity_j_per_k / dt_s
    cc_w_per_k = p.condenser_heat_capacity_j_per_k / dt_s
    te_k, tc_k = s.evaporating_k, s.condensing_k
    coolant_w, cabin_w, taken_w, power_w = 0.0, 0.0, 0.0, 0.0
    for _ in range(NEWTON_STEPS):
        taken_w, slope_w_per_k, power_w = refrigerant_flows(p, table, s.compressor_speed_rpm, te_k, tc_k)
        k = ce_w_per_k + slope_w_per_k
        r = ce_w_per_k * s.evaporating_k - taken_w + slope_w_per_k * te_k
        coolant_w, cabin_w = split_heat(k, r, loads)
        te_k = (r + coolant_w + cabin_w) / k
        taken_w = coolant_w + cabin_w - ce_w_per_k * (te_k - s.evaporating_k)
        into_w = taken_w + power_w * (1.0 - p.loss_fraction)
        tc_k = (cc_w_per_k * s.condensing_k + into_w + air_w_per_k * air_k) / (cc_w_per_k + air_w_per_k)
    s.compressor_power_w = power_w
    s.compressor_loss_w = power_w * p.loss_fraction
    s.evaporator_heat_w = coolant_w
    s.cabin_heat_w = cabin_w
    s.condenser_heat_w = taken_w + power_w - s.compressor_loss_w - cc_w_per_k * (tc_k - s.condensing_k)
    s.evaporating_k = te_k
    s.condensing_k = tc_k
    if s.running > 0.0:
        te_k = min(te_k, p.evaporating_max_k)
        tc_k = max(tc_k, te_k + p.lift_min_k)
    s.suction_pressure_pa, s.discharge_pressure_pa = pressures_at(p, table, te_k, tc_k)


@kernel
def evaporator_loads(
    p: Record,
    coolant_open: bool,  # noqa: FBT001
    coolant_inlet_k: float,
    coolant_capacity_rate_w_per_k: float,
    cabin_w: float,
    cabin_air_k: float,
    coolant_min_k: float,
) -> Loads:
    """Return what the evaporator can draw heat from; ``cabin_w`` is what the cabin gets when it is served."""
    coolant_w_per_k, coolant_max_w = 0.0, 0.0
    if coolant_open and coolant_capacity_rate_w_per_k > 1e-6:
        coolant_w_per_k = exchange_w_per_k(p.evaporator_conductance_w_per_k, coolant_capacity_rate_w_per_k)
        coolant_max_w = coolant_capacity_rate_w_per_k * max(coolant_inlet_k - coolant_min_k, 0.0)
    cabin_w_per_k = p.cabin_conductance_w_per_k
    need_k = cabin_air_k - cabin_w / cabin_w_per_k
    return Loads(coolant_w_per_k, coolant_inlet_k, coolant_max_w, cabin_w_per_k, cabin_air_k, cabin_w, need_k)


@kernel
def chiller_step(
    p: Record,
    s: Record,
    table: FloatArray,
    duty: float,
    coolant_inlet_k: float,
    coolant_capacity_rate_w_per_k: float,
    air_inlet_k: float,
    air_capacity_rate_w_per_k: float,
    cabin_heat_request_w: float,
    cabin_air_k: float,
    coolant_min_k: float,
    dt_s: float,
) -> None:
    """Step the refrigerant circuit by ``dt_s`` and write its state, heats (means over the step) and power.

    Equations and choices: see the module; fields: see ``new_chiller_state``. Pieces of at most 1 s make a
    long step behave like short ones, timers and cut-outs included.

    Parameters
    ----------
    p, s, table : from ``build_chiller``
    duty : share of full compressor speed for the battery in 0..1; off below ``speed_min / speed_max`` or NaN
    coolant_inlet_k, coolant_capacity_rate_w_per_k : battery coolant at the plate [K], [W/K]; 0 without flow
    air_inlet_k, air_capacity_rate_w_per_k : air at the condenser [K], [W/K]; 0 without flow
    cabin_heat_request_w, cabin_air_k : what the cabin wants taken from its air [W], [K]
    coolant_min_k : coolant does not leave colder than this [K]
    dt_s : length of the step [s]
    """
    if not dt_s > 0.0:
        return
    pieces = max(math.ceil(dt_s / STEP_MAX_S - 1e-9), 1)
    battery_rpm = min(duty, 1.0) * p.speed_max_rpm if duty > 0.0 else 0.0
    cabin_w = 0.0
    if cabin_heat_request_w > 0.0:
        span_k = max(cabin_air_k - p.evaporating_min_k - CABIN_MARGIN_K, 0.0)
        cabin_w = min(cabin_heat_request_w, p.cabin_conductance_w_per_k * span_k)
    loads = evaporator_loads(
        p,
        battery_rpm > 0.0 or cabin_w <= 0.0,
        coolant_inlet_k,
        coolant_capacity_rate_w_per_k,
        cabin_w,
        cabin_air_k,
        coolant_min_k,
    )
    air_w_per_k = exchange_w_per_k(p.condenser_conductance_w_per_k, air_capacity_rate_w_per_k)
    air_w_per_k = max(air_w_per_k, p.natural_conductance_w_per_k)
    power_w, coolant_w, cabin_taken_w, condenser_w = 0.0, 0.0, 0.0, 0.0
    for _ in range(pieces):
        s.compressor_speed_rpm = next_speed_rpm(p, s, table, battery_rpm, loads, dt_s / pieces)
        advance(p, s, table, loads, air_w_per_k, air_inlet_k, dt_s / pieces)
        power_w += s.compressor_power_w / pieces
        coolant_w += s.evaporator_heat_w / pieces
        cabin_taken_w += s.cabin_heat_w / pieces
        condenser_w += s.condenser_heat_w / pieces
    s.compressor_power_w = power_w
    s.compressor_loss_w = power_w * p.loss_fraction
    s.evaporator_heat_w = coolant_w
    s.cabin_heat_w = cabin_taken_w
    s.condenser_heat_w = condenser_w
