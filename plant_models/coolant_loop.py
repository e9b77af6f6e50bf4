"""The liquid circuit: pump, mode valve, radiator, chiller, waste heat, heater, and its implicit solution.

The coolant leaves the pack into the return node (h_r, mass m_r), passes one of four paths of the mode valve,
then the heater, and fills the supply node (h_s, mass m_s) from which the pack draws. Backward Euler,
specific enthalpies at the end of the step, M the mass flow::

    m_r dh_r/dt = F_a + F_b h_s - M h_r - G/2 (T_r - T_amb)
    m_s dh_s/dt = M (h_r - h_s) + Q_in - Q_radiator - Q_evaporator - G/2 (T_s - T_amb)
    C   dT_l/dt = Q_drive - Q_waste - K_l (T_l - T_air2) - G_l (T_l - T_amb)

    Q_in       = Q_heater + P_hydraulic + Q_waste
    Q_radiator = K_r (T_r - T_air1)      Q_waste = K_w (T_l - T_r)      T_air2 = T_air1 + Q_radiator / C_air

F_a + F_b h_s is what comes back from the pack for a supply enthalpy h_s. T_r and T_s are linear in the
enthalpies about the old state. K_r and K_w are effectiveness times smaller capacity rate (see ``radiator``),
with the share of the flow that the valve sends there, so they vanish without flow. The evaporator's heat is
a number from ``chiller``. What remains are three linear equations, solved in closed form: stable for any
step and flow, and every heat enters two balances with the same number, so that energy closes to rounding.

The pump meets plates (laminar part over their number, viscous) and the rest of the circuit, whose pressure
drop follows the flow squared and the viscosity to the power 1/4 (Blasius).
"""

from pydantic import Field

from plant_models.circuit import (
    AIR_SPECIFIC_HEAT_J_PER_KGK,
    DriveLoopParameters,
    HeaterParameters,
    drive_actuate,
    drive_numbers,
    face_heat_per_k,
    front_end_step,
    heater_numbers,
    heater_step,
    new_circuit_state,
    valve_step,
)
from plant_models.cold_plate import (
    LAMINAR_END,
    ColdPlateParameters,
    plate_numbers,
    plate_resistance_pa_s_per_m3,
    plate_reynolds,
)
from plant_models.glycol import GLYCOL, air_density, density, specific_heat, temperature_k, viscosity
from plant_models.kernels import Record, RecordArray, kernel, record
from plant_models.psychrometrics import dew_point_k
from plant_models.pump import PumpParameters, lagged, prefixed, pump_flow_m3_per_s, pump_power_w
from plant_models.radiator import FanParameters, RadiatorParameters, counter_flow_conductance_w_per_k
from thermal_bms.parameters import Parameters
from thermal_bms.units import FloatArray, degc_to_k

TURBULENT_SWEEPS = 6
CIRCUIT_VISCOSITY_REF_M2_PER_S = 3.468e-6
"""Kinematic viscosity of 50 % glycol at 20 degC, where the circuit's pressure drop is given."""


class CoolantLoopParameters(Parameters):
    """The liquid circuit outside the cells. The defaults suit a heavy truck."""

    pump: PumpParameters = PumpParameters()
    plate: ColdPlateParameters = ColdPlateParameters()
    radiator: RadiatorParameters = RadiatorParameters()
    fan: FanParameters = FanParameters()
    heater: HeaterParameters = HeaterParameters()
    drive: DriveLoopParameters = DriveLoopParameters()
    circuit_pressure_pa: float = Field(
        default=25e3,
        gt=0.0,
        le=1e6,
        description="hoses, valve and one exchanger at circuit_flow, 20 degC; assumed",
    )
    circuit_flow_m3_per_s: float = Field(
        default=1e-3, gt=0.0, le=0.1, description="of circuit_pressure; 60 L/min"
    )
    valve_travel_s: float = Field(
        default=5.0, gt=0.0, le=120.0, description="from one mode to another; assumed"
    )
    return_mass_kg: float = Field(
        default=6.0,
        gt=0.1,
        le=200.0,
        description="coolant from pack outlet to the valve, hardware included; assumed",
    )
    supply_mass_kg: float = Field(
        default=6.0,
        gt=0.1,
        le=200.0,
        description="coolant from the valve to pack inlet, hardware included; assumed",
    )
    loss_w_per_k: float = Field(
        default=4.0, ge=0.0, le=200.0, description="hoses and tank to ambient; assumed"
    )
    waste_heat_conductance_w_per_k: float = Field(
        default=500.0,
        ge=0.0,
        le=20e3,
        description="exchanger between pack loop and e-axle loop, 0: none; assumed",
    )
    coolant_min_degc: float = Field(
        default=5.0, ge=-20.0, le=25.0, description="the chiller does not cool below; assumed"
    )
    dew_margin_k: float = Field(
        default=1.0,
        ge=0.0,
        le=10.0,
        description="chiller keeps the coolant this far above the dew point; assumed",
    )


def loop_record(loop: CoolantLoopParameters) -> RecordArray:
    """Return the parameter record that the kernels of the liquid circuit read."""
    return record(
        return_mass_kg=loop.return_mass_kg,
        supply_mass_kg=loop.supply_mass_kg,
        **GLYCOL,
        **prefixed("pump", loop.pump),
        **plate_numbers(loop.plate),
        **prefixed("radiator", loop.radiator),
        **prefixed("fan", loop.fan),
        **heater_numbers(loop.heater),
        **drive_numbers(loop.drive),
        circuit_pa_s2_per_m6=loop.circuit_pressure_pa / loop.circuit_flow_m3_per_s**2,
        valve_travel_s=loop.valve_travel_s,
        loss_w_per_k=loop.loss_w_per_k,
        waste_heat_conductance_w_per_k=loop.waste_heat_conductance_w_per_k,
        coolant_min_k=degc_to_k(loop.coolant_min_degc),
        dew_margin_k=loop.dew_margin_k,
    )


def build_loop(loop: CoolantLoopParameters, temp_k: float) -> tuple[RecordArray, RecordArray]:
    """Return parameter and state record of a liquid circuit at rest and at one temperature [K]."""
    p = loop_record(loop)
    return p, new_circuit_state(p[0], temp_k)


@kernel
def loop_flow_m3_per_s(p: Record, speed: float, branches: float, temp_k: float) -> float:
    """Return the flow where pump and circuit meet.

    Laminar plates have a closed form; turbulent ones take a fixed number of relaxed sweeps.

    Parameters
    ----------
    p : from :func:`loop_record`
    speed : pump speed fraction in 0..1
    branches : clean plates in parallel that the open strings amount to, see ``cold_plate.branch_conductance``
    temp_k : coolant temperature [K]

    Returns
    -------
    volume flow [m³/s], zero when no branch is open

    >>> round(60e3 * loop_flow_m3_per_s(loop_record(CoolantLoopParameters())[0], 1.0, 3.0, 293.15), 1)
    84.4
    """
    if branches <= 0.0 or speed <= 0.0:
        return 0.0
    rho = density(p, temp_k)
    thickening = (viscosity(p, temp_k) / rho / CIRCUIT_VISCOSITY_REF_M2_PER_S) ** 0.25
    quadratic = p.circuit_pa_s2_per_m6 * thickening
    flow = pump_flow_m3_per_s(p, speed, plate_resistance_pa_s_per_m3(p, 0.0, temp_k) / branches, quadratic)
    if plate_reynolds(p, rho * flow / branches, temp_k) > LAMINAR_END:
        for _ in range(TURBULENT_SWEEPS):
            linear = plate_resistance_pa_s_per_m3(p, rho * flow / branches, temp_k) / branches
            flow += 0.6 * (pump_flow_m3_per_s(p, speed, linear, quadratic) - flow)
    return flow


@kernel
def loop_actuate(
    p: Record,
    s: Record,
    chiller_p: Record,
    chiller_s: Record,
    chiller_table: FloatArray,
    pump_duty: float,
    fan_duty: float,
    compressor_duty: float,
    heater_duty: float,
    valve_mode: float,
    branches: float,
    ambient_k: float,
    humidity: float,
    vehicle_speed_m_per_s: float,
    drive_heat_w: float,
    cabin_heat_request_w: float,
    cabin_air_k: float,
    dt_s: float,
) -> None:
    """Step all actuators and the refrigerant circuit; write flow, powers and conductances for the solver.

    Parameters
    ----------
    p, s : from :func:`build_loop`
    chiller_p, chiller_s, chiller_table : from ``chiller.build_chiller``
    pump_duty, fan_duty, compressor_duty, heater_duty : commands in 0..1
    valve_mode : value of :class:`thermal_bms.signals.ValveMode`
    branches : clean plates in parallel that the open strings amount to, see ``cold_plate.branch_conductance``
    ambient_k : [K]
    humidity : relative humidity of the ambient in 0..1
    vehicle_speed_m_per_s : [m/s]
    drive_heat_w : heat of motor, inverter and gear that goes into their coolant, >= 0 [W]
    cabin_heat_request_w, cabin_air_k : what the cabin wants taken from its air [W], its temperature [K]
    dt_s : step, > 0 [s]
    """
    s.pump_speed, speed = lagged(s.pump_speed, min(max(pump_duty, 0.0), 1.0), p.pump_lag_s, dt_s)
    s.pump_speed_rpm = s.pump_speed * p.pump_speed_max_rpm
    valve_step(s, valve_mode, p.valve_travel_s, dt_s)
    flow = loop_flow_m3_per_s(p, speed, branches, s.supply_temp_k)
    s.pump_power_w, s.pump_hydraulic_w = pump_power_w(p, speed, flow)
    s.mass_flow_kg_per_s = flow * density(p, s.supply_temp_k)
    s.intake_k, s.cabin_air_k = ambient_k, cabin_air_k
    cp = specific_heat(p, s.return_temp_k)
    rate = s.mass_flow_kg_per_s * cp
    drive_actuate(p, s, drive_heat_w, dt_s)
    coldest_k = max(p.coolant_min_k, dew_point_k(ambient_k, humidity) + p.dew_margin_k)
    front_end_step(
        p,
        s,
        chiller_p,
        chiller_s,
        chiller_table,
        fan_duty,
        compressor_duty,
        s.return_temp_k,
        s.share_chiller * rate,
        coldest_k,
        ambient_k,
        vehicle_speed_m_per_s,
        cabin_heat_request_w,
        cabin_air_k,
        dt_s,
    )
    s.radiator_w_per_k = face_heat_per_k(
        p.radiator_conductance_ref_w_per_k,
        p.radiator_air_resistance_share,
        p.radiator_air_flow_ref_kg_per_s,
        p.radiator_air_exponent,
        p.radiator_coolant_flow_ref_kg_per_s,
        p.radiator_coolant_exponent,
        p.radiator_face_share * s.air_flow_kg_per_s,
        s.share_radiator * s.mass_flow_kg_per_s,
        cp,
    )
    s.waste_heat_w_per_k = counter_flow_conductance_w_per_k(
        p.waste_heat_conductance_w_per_k, s.share_waste_heat * rate, s.low_temp_rate_w_per_k
    )
    heater_step(p, s, heater_duty, s.return_temp_k, rate, dt_s)


@kernel
def loop_solve(
    p: Record, s: Record, fa_w: float, fb_kg_per_s: float, mass_flow_kg_per_s: float, dt_s: float
) -> float:
    """Close the circuit over the pack; write nodes, temperatures and port powers.

    Parameters
    ----------
    p, s : from :func:`build_loop`, after :func:`loop_actuate` in the same step
    fa_w, fb_kg_per_s : enthalpy flow out of the pack is ``fa_w + fb_kg_per_s * h_supply`` [W], [kg/s]
    mass_flow_kg_per_s : flow through the pack, sum over its strings [kg/s]
    dt_s : step, > 0 [s]

    Returns
    -------
    new specific enthalpy of the supply [J/kg]
    """
    m = mass_flow_kg_per_s
    cp_r, cp_s = specific_heat(p, s.return_temp_k), specific_heat(p, s.supply_temp_k)
    at_r = s.return_temp_k - s.return_enthalpy_j_per_kg / cp_r
    at_s = s.supply_temp_k - s.supply_enthalpy_j_per_kg / cp_s
    k_r, k_w, k_l = s.radiator_w_per_k, s.waste_heat_w_per_k, s.low_temp_radiator_w_per_k
    loss, loss_l = 0.5 * p.loss_w_per_k, p.drive_loss_w_per_k
    air_rate = s.air_flow_kg_per_s * AIR_SPECIFIC_HEAT_J_PER_KGK
    warming = k_l * k_r / air_rate if air_rate > 0.0 else 0.0
    mass_r, mass_s, heat_l = (
        p.return_mass_kg / dt_s,
        p.supply_mass_kg / dt_s,
        p.drive_heat_capacity_j_per_k / dt_s,
    )

    a_rr = mass_r + m + loss / cp_r
    b_r = mass_r * s.return_enthalpy_j_per_kg + fa_w + loss * (s.ambient_k - at_r)
    a_ss = mass_s + m + loss / cp_s
    a_sr = m - (k_r + k_w) / cp_r
    b_s = mass_s * s.supply_enthalpy_j_per_kg + s.heater_heat_w + s.pump_hydraulic_w - s.evaporator_heat_w
    b_s += k_r * (s.air_inlet_k - at_r) - k_w * at_r + loss * (s.ambient_k - at_s)
    a_ll = heat_l + k_w + k_l + loss_l
    a_lr = (k_w + warming) / cp_r
    b_l = heat_l * s.low_temp_k + s.drive_heat_w + k_w * at_r + loss_l * s.ambient_k
    b_l += k_l * s.air_inlet_k + warming * (at_r - s.air_inlet_k)

    h_r = (b_r + fb_kg_per_s * (b_s + k_w * b_l / a_ll) / a_ss) / (
        a_rr - fb_kg_per_s * (a_sr + k_w * a_lr / a_ll) / a_ss
    )
    low_temp_k = (b_l + a_lr * h_r) / a_ll
    h_s = (b_s + a_sr * h_r + k_w * low_temp_k) / a_ss
    return_k, supply_k = at_r + h_r / cp_r, at_s + h_s / cp_s
    s.pack_heat_w = fa_w + (fb_kg_per_s - m) * h_s
    s.radiator_heat_w = k_r * (return_k - s.air_inlet_k)
    s.waste_heat_w = k_w * (low_temp_k - return_k)
    s.circuit_loss_w = loss * (return_k + supply_k - 2.0 * s.ambient_k)
    s.low_temp_radiator_heat_w = k_l * (low_temp_k - s.air_inlet_k) - warming * (return_k - s.air_inlet_k)
    s.low_temp_loss_w = loss_l * (low_temp_k - s.ambient_k)
    s.return_enthalpy_j_per_kg, s.supply_enthalpy_j_per_kg, s.low_temp_k = h_r, h_s, low_temp_k
    s.return_temp_k, s.supply_temp_k = temperature_k(p, h_r), temperature_k(p, h_s)
    return float(h_s)


def loop_ratings(loop: CoolantLoopParameters, branches: float) -> tuple[float, float]:
    """Return what a controller is told of the circuit: standing, 20 degC, pump and fan at full speed.

    Parameters
    ----------
    loop : parameters of the circuit
    branches : clean plates in parallel, the number of strings

    Returns
    -------
    largest coolant flow [kg/s], radiator heat per kelvin between coolant and air inlet [W/K]

    >>> [round(rating, 2) for rating in loop_ratings(CoolantLoopParameters(), 3.0)]
    [1.5, 684.2]
    """
    p = loop_record(loop)[0]
    temp_k = degc_to_k(20.0)
    coolant = float(loop_flow_m3_per_s(p, 1.0, branches, temp_k) * density(p, temp_k))
    radiator = loop.radiator
    heat_w_per_k = face_heat_per_k(
        radiator.conductance_ref_w_per_k,
        radiator.air_resistance_share,
        radiator.air_flow_ref_kg_per_s,
        radiator.air_exponent,
        radiator.coolant_flow_ref_kg_per_s,
        radiator.coolant_exponent,
        radiator.face_share * loop.fan.flow_max_m3_per_s * air_density(temp_k),
        coolant,
        specific_heat(p, temp_k),
    )
    return coolant, float(heat_w_per_k)
