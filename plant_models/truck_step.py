"""One tick of the truck behind its drive: circuit, pack and refrigerant in one compiled call.

Order: actuators and refrigerant (their powers are then known), electrical step (heats are then known), elimination
of the cells, closing of the circuit, back-substitution. What comes out is the state and the mean powers at every
port, in the order of ``PORTS``.
"""

from plant_models.air_path import air_actuate, air_film_conductance_w_per_k, air_solve
from plant_models.cold_plate import branch_conductance, branch_flows, plate_film_conductance_w_per_k
from plant_models.coolant_loop import loop_actuate, loop_solve
from plant_models.glycol import temperature_k
from plant_models.kernels import Record, RecordArray, kernel, part
from plant_models.pack import (
    CircuitTables,
    PackArrays,
    PackConstants,
    PackState,
    PackWork,
    row_sum,
    views,
)
from plant_models.pack_electrical import pack_electrical_step
from plant_models.pack_thermal import back_substitute, eliminate
from plant_models.vehicle import vehicle_step
from thermal_bms.units import FloatArray

INPUTS = (
    "pump_duty",
    "fan_duty",
    "compressor_duty",
    "heater_duty",
    "valve_mode",
    "ambient_k",
    "humidity",
    "vehicle_speed_m_per_s",
    "drive_heat_w",
    "cabin_heat_request_w",
    "cabin_air_k",
    "auxiliary_power_w",
    "cabin_power_w",
    "charger_current_a",
)
PORTS = (
    "pack_power_w",
    "charger_power_w",
    "cell_heat_w",
    "busbar_heat_w",
    "heat_cell_to_coolant_w",
    "heat_housing_to_ambient_w",
    "pump_power_w",
    "fan_power_w",
    "compressor_power_w",
    "heater_power_w",
    "pump_heat_w",
    "heater_heat_w",
    "chiller_heat_w",
    "radiator_heat_w",
    "waste_heat_w",
    "condenser_heat_w",
    "compressor_loss_w",
    "cabin_heat_w",
    "drive_heat_w",
    "drive_radiator_heat_w",
    "drive_loop_loss_w",
    "circuit_loss_w",
    "intake_enthalpy_w",
    "cabin_enthalpy_w",
    "exhaust_enthalpy_w",
    "auxiliary_power_w",
    "cabin_power_w",
    "traction_power_w",
    "drive_loss_w",
    "friction_brake_power_w",
    "brake_resistor_power_w",
    "drag_power_w",
    "rolling_power_w",
    "unmet_power_w",
    "balancing_loss_w",
    "overcharge_power_w",
    "cell_short_heat_w",
    "runaway_reaction_heat_w",
    "heater_pad_power_w",
    "vent_enthalpy_w",
)
THERMAL_POWERS = slice(6, 10)
FROM_DRIVE = 27
FROM_ABUSE = 35


@part
def watch_bus(state: PackState, s: Record, chiller_s: Record) -> None:
    """Write whether some string is connected to the bus; a dead bus stops the compressor at once."""
    s.live = 0.0
    for k in range(state.string_closed.shape[0]):
        if state.string_closed[k] > 0.0:
            s.live = 1.0
    if s.live < 0.5 and chiller_s.running > 0.0:
        chiller_s.running = 0.0
        chiller_s.off_time_s = 0.0
        chiller_s.request_time_s = 0.0


@kernel
def cut_power(s: Record) -> None:
    """Take all electric power from the circuit's actuators, as on a dead bus; what still turns runs down idle."""
    s.pump_power_w = 0.0
    s.pump_hydraulic_w = 0.0
    s.fan_power_w = 0.0
    s.heater_power_w = 0.0
    s.heater_heat_w = 0.0


@part
def bus_demand_w(
    s: Record, chiller_s: Record, auxiliary_power_w: float, cabin_power_w: float, ports: FloatArray
) -> float:
    """Return what everything on the bus but the charger draws [W]; write what does not go into the circuit.

    The traction power stands in ``ports`` already, from ``drive_step``. On a dead bus the circuit's actuators get no
    power.
    """
    if s.live < 0.5:
        cut_power(s)
    ports[25] = auxiliary_power_w
    ports[26] = cabin_power_w
    return float(
        ports[25]
        + ports[26]
        + ports[27]
        + s.pump_power_w
        + s.fan_power_w
        + s.heater_power_w
        + chiller_s.compressor_power_w
    )


@part
def book_electrical(
    state: PackState, voltage_v: float, power_w: float, charger_current_a: float, ports: FloatArray
) -> None:
    """Write the pack's electrical ports."""
    current_a = 0.0
    heat_w = 0.0
    busbar_w = 0.0
    balancing_w = 0.0
    for k in range(state.soc.shape[0]):
        current_a += state.string_current_a[k]
        busbar_w += state.busbar_heat_w[k]
        balancing_w += state.balance_power_w[k]
        heat_w += row_sum(state.heat_w, k)
    ports[0] = voltage_v * current_a
    ports[1] = voltage_v * charger_current_a
    ports[2] = heat_w
    ports[3] = busbar_w
    ports[33] = power_w - voltage_v * (current_a + charger_current_a)
    ports[34] = balancing_w


@part
def electrical(
    tables: CircuitTables,
    pack: PackArrays,
    s: Record,
    chiller_s: Record,
    auxiliary_power_w: float,
    cabin_power_w: float,
    charger_current_a: float,
    ports: FloatArray,
    dt_s: float,
) -> float:
    """Advance the pack under the demand of the bus, write its ports, and return the bus voltage [V]."""
    constants, state, work = views(pack)
    power_w = bus_demand_w(s, chiller_s, auxiliary_power_w, cabin_power_w, ports)
    voltage_v = pack_electrical_step(tables, constants, state, work, power_w, charger_current_a, dt_s)
    book_electrical(state, voltage_v, power_w, charger_current_a, ports)
    return voltage_v


@part
def return_flow(state: PackState, work: PackWork) -> tuple[float, float]:
    """Return offset [W] and gain [kg/s] of the enthalpy flow out of the pack against the supply enthalpy."""
    last = state.soc.shape[1] - 1
    offset_w = 0.0
    gain_kg_per_s = 0.0
    for k in range(state.soc.shape[0]):
        offset_w += state.string_flow_kg_per_s[k] * work.offset[k, last]
        gain_kg_per_s += state.string_flow_kg_per_s[k] * work.gain[k, last]
    return offset_w, gain_kg_per_s


@part
def finish(
    constants: PackConstants,
    state: PackState,
    work: PackWork,
    s: Record,
    chiller_s: Record,
    wall_w_per_k: FloatArray,
    supply_j_per_kg: float,
    ambient_k: float,
    ports: FloatArray,
    dt_s: float,
) -> None:
    """Back-substitute every string and write the thermal ports."""
    to_coolant_w = 0.0
    loss_w = 0.0
    for k in range(state.soc.shape[0]):
        back_substitute(constants, state, work, k, wall_w_per_k[k], supply_j_per_kg, ambient_k, dt_s)
        to_coolant_w += state.string_coolant_heat_w[k]
        loss_w += state.string_housing_loss_w[k]
    ports[4] = to_coolant_w
    ports[5] = loss_w
    ports[6] = s.pump_power_w
    ports[7] = s.fan_power_w
    ports[8] = chiller_s.compressor_power_w
    ports[9] = s.heater_power_w
    ports[10] = s.pump_hydraulic_w
    ports[11] = s.heater_heat_w
    ports[12] = s.evaporator_heat_w
    ports[13] = s.radiator_heat_w
    ports[14] = s.waste_heat_w
    ports[15] = s.condenser_heat_w
    ports[16] = chiller_s.compressor_loss_w
    ports[17] = chiller_s.cabin_heat_w
    ports[18] = s.drive_heat_w
    ports[19] = s.low_temp_radiator_heat_w
    ports[20] = s.low_temp_loss_w
    ports[21] = s.circuit_loss_w
    ports[22] = s.intake_enthalpy_w
    ports[23] = s.cabin_enthalpy_w
    ports[24] = s.exhaust_enthalpy_w


@part
def coolant_temp_k(p: Record, state: PackState, k: int) -> float:
    """Return the coolant temperature half way along string ``k`` [K]."""
    return temperature_k(p, state.coolant_j_per_kg[k, state.soc.shape[1] // 2])


@part
def liquid_actuate(
    p: RecordArray,
    s: RecordArray,
    chiller_p: RecordArray,
    chiller_s: RecordArray,
    chiller_table: FloatArray,
    state: PackState,
    branches: FloatArray,
    u: FloatArray,
    dt_s: float,
) -> None:
    """Advance actuators and refrigerant of a liquid-cooled truck, so that their powers are known."""
    watch_bus(state, s[0], chiller_s[0])
    open_plates = branch_conductance(branches[0], branches[1])
    loop_actuate(
        p[0], s[0], chiller_p[0], chiller_s[0], chiller_table,
        u[0], u[1], u[2], u[3], u[4], open_plates, u[5], u[6], u[7], u[8], u[9], u[10], dt_s,
    )  # fmt: skip


@part
def liquid_thermal(
    p: RecordArray,
    s: RecordArray,
    chiller_s: RecordArray,
    pack: PackArrays,
    branches: FloatArray,
    ports: FloatArray,
    ambient_k: float,
    dt_s: float,
) -> None:
    """Advance the temperatures of a liquid-cooled truck, the heats of its cells being known."""
    constants, state, work = views(pack)
    branch_flows(branches[0], branches[1], s[0].mass_flow_kg_per_s, state.string_flow_kg_per_s)
    for k in range(state.soc.shape[0]):
        film = plate_film_conductance_w_per_k(
            p[0], state.string_flow_kg_per_s[k], coolant_temp_k(p[0], state, k)
        )
        branches[2, k] = film / state.soc.shape[1]
        eliminate(constants, state, work, p[0], k, branches[2, k], dt_s)
    offset_w, gain_kg_per_s = return_flow(state, work)
    supply_j_per_kg = loop_solve(p[0], s[0], offset_w, gain_kg_per_s, s[0].mass_flow_kg_per_s, dt_s)
    finish(constants, state, work, s[0], chiller_s[0], branches[2], supply_j_per_kg, ambient_k, ports, dt_s)


@kernel
def liquid_step(
    p: RecordArray,
    s: RecordArray,
    chiller_p: RecordArray,
    chiller_s: RecordArray,
    chiller_table: FloatArray,
    tables: CircuitTables,
    pack: PackArrays,
    branches: FloatArray,
    ports: FloatArray,
    u: FloatArray,
    dt_s: float,
) -> float:
    """Advance a liquid-cooled truck by one tick; return the mean bus voltage [V].

    ``branches`` has shape (3, n_strings): hydraulic resistance over a clean plate, open flag, and room for the
    conductance from wall to coolant of one group [W/K]. ``u`` holds the values named in ``INPUTS``, ``ports`` takes
    those named in ``PORTS``.
    """
    _, state, _ = views(pack)
    liquid_actuate(p, s, chiller_p, chiller_s, chiller_table, state, branches, u, dt_s)
    voltage_v = electrical(tables, pack, s[0], chiller_s[0], u[11], u[12], u[13], ports, dt_s)
    liquid_thermal(p, s, chiller_s, pack, branches, ports, u[5], dt_s)
    return voltage_v


@part
def air_actuate_all(
    p: RecordArray,
    s: RecordArray,
    chiller_p: RecordArray,
    chiller_s: RecordArray,
    chiller_table: FloatArray,
    state: PackState,
    branches: FloatArray,
    u: FloatArray,
    dt_s: float,
) -> None:
    """Advance actuators and refrigerant of an air-cooled truck, so that their powers are known."""
    watch_bus(state, s[0], chiller_s[0])
    open_plates = branch_conductance(branches[0], branches[1])
    air_actuate(
        p[0], s[0], chiller_p[0], chiller_s[0], chiller_table,
        u[0], u[1], u[2], u[3], u[4], open_plates, u[5], u[6], u[7], u[8], u[9], u[10], dt_s,
    )  # fmt: skip


@part
def air_thermal(
    p: RecordArray,
    s: RecordArray,
    chiller_s: RecordArray,
    pack: PackArrays,
    branches: FloatArray,
    ports: FloatArray,
    ambient_k: float,
    dt_s: float,
) -> None:
    """Advance the temperatures of an air-cooled truck, the heats of its cells being known."""
    constants, state, work = views(pack)
    branch_flows(branches[0], branches[1], s[0].mass_flow_kg_per_s, state.string_flow_kg_per_s)
    for k in range(state.soc.shape[0]):
        film = air_film_conductance_w_per_k(
            p[0], state.string_flow_kg_per_s[k], coolant_temp_k(p[0], state, k)
        )
        branches[2, k] = film / state.soc.shape[1]
        eliminate(constants, state, work, p[0], k, branches[2, k], dt_s)
    offset_w, gain_kg_per_s = return_flow(state, work)
    supply_j_per_kg = air_solve(p[0], s[0], offset_w, gain_kg_per_s, s[0].mass_flow_kg_per_s, dt_s)
    finish(constants, state, work, s[0], chiller_s[0], branches[2], supply_j_per_kg, ambient_k, ports, dt_s)


@kernel
def air_step(
    p: RecordArray,
    s: RecordArray,
    chiller_p: RecordArray,
    chiller_s: RecordArray,
    chiller_table: FloatArray,
    tables: CircuitTables,
    pack: PackArrays,
    branches: FloatArray,
    ports: FloatArray,
    u: FloatArray,
    dt_s: float,
) -> float:
    """Advance an air-cooled truck by one tick; arguments and result as in ``liquid_step``."""
    _, state, _ = views(pack)
    air_actuate_all(p, s, chiller_p, chiller_s, chiller_table, state, branches, u, dt_s)
    voltage_v = electrical(tables, pack, s[0], chiller_s[0], u[11], u[12], u[13], ports, dt_s)
    air_thermal(p, s, chiller_s, pack, branches, ports, u[5], dt_s)
    return voltage_v


@kernel
def drive_step(
    p: RecordArray,
    s: RecordArray,
    cycle: FloatArray,
    power_max_w: float,
    regen_power_max_w: float,
    load_w: float,
    ambient_k: float,
    ports: FloatArray,
    dt_s: float,
) -> tuple[float, float, float]:
    """Advance the vehicle and write its ports; return speed [m/s], heat to its coolant [W] and whether it is done.

    What the truck itself draws, ``load_w`` and the thermal system as in the tick before, is taken from what the pack
    offers for traction and added to what it takes from braking.
    """
    own_w = load_w + ports[THERMAL_POWERS].sum()
    vehicle_step(p[0], s[0], cycle, power_max_w - own_w, regen_power_max_w + own_w, ambient_k, dt_s)
    ports[27] = s[0].traction_power_w
    ports[28] = s[0].drive_loss_w
    ports[29] = s[0].friction_brake_power_w
    ports[30] = s[0].brake_resistor_power_w
    ports[31] = s[0].drag_power_w
    ports[32] = s[0].rolling_power_w
    return s[0].speed_m_per_s, s[0].drive_heat_to_coolant_w, s[0].finished
