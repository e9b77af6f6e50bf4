"""The air circuit of an air-cooled pack: blower, flap, evaporator, air heater, and its implicit solution.

The flap follows the mode valve's names: RADIATOR draws ambient air, CHILLER air from the conditioned cabin
through the evaporator, BYPASS (and WASTE_HEAT, which such a truck does not have) recirculates what leaves
the pack. The shares α, γ and β of the flow M add up to 1. Two nodes, backward Euler as in ``coolant_loop``::

    m_r dh_r/dt = F_a + F_b h_s - M h_r - G/2 (T_r - T_amb)
    m_s dh_s/dt = M (α h_amb + γ h_cabin + β h_r - h_s) + Q_heater + P_hydraulic - Q_evaporator - G/2 (T_s -
    T_amb)

What is not recirculated leaves: M (1 - β) h_r is the exhaust, M α h_amb the intake, M γ h_cabin comes from
the cabin; all three are recorded. The air is dry with constant specific heat. Pressure of blower and ducts
both go with density and flow squared, so the volume flow follows the speed alone.

Film coefficient of the air in the pack: forced convection with flow^0.8 (Dittus and Boelter; VDI Heat Atlas
G1) and a natural part, blended with the third power (Churchill 1977, doi 10.1002/aic.690230103). Kernels
read and write the same names as the liquid circuit's, so that a truck steps either with the same calls.
"""

from pydantic import Field

from plant_models.circuit import (
    DriveLoopParameters,
    HeaterParameters,
    drive_actuate,
    drive_numbers,
    front_end_step,
    heater_numbers,
    heater_step,
    new_circuit_state,
    valve_step,
)
from plant_models.glycol import AIR, air_density, enthalpy, temperature_k
from plant_models.kernels import Record, RecordArray, kernel, record
from plant_models.pump import PumpParameters, lagged, prefixed, pump_flow_m3_per_s, pump_power_w
from plant_models.radiator import FanParameters
from thermal_bms.parameters import Parameters
from thermal_bms.units import FloatArray, degc_to_k

AIR_DENSITY_REF_KG_PER_M3 = 1.2
"""Density at which blower and duct pressures are given, as usual for fans (ISO 5801)."""


class AirChannelParameters(Parameters):
    """Air passages of one string. The defaults suit a van's pack of 40 kWh in one string."""

    area_m2: float = Field(default=6.0, gt=0.0, le=200.0, description="cell faces that meet the air; assumed")
    film_ref_w_per_m2k: float = Field(
        default=30.0,
        gt=0.0,
        le=500.0,
        description="at the reference flow; 20-60 is usual for forced air, assumed",
    )
    flow_ref_kg_per_s: float = Field(
        default=0.075, gt=0.0, le=10.0, description="0.0625 m³/s; reference air flow of TUMFTM/sim_BTMS"
    )
    natural_w_per_m2k: float = Field(
        default=5.0, ge=0.0, le=25.0, description="standing air; low end of free convection in gases, assumed"
    )


class AirPathParameters(Parameters):
    """The air circuit outside the cells. The defaults suit a van of the 40 kWh class."""

    blower: PumpParameters = Field(
        default=PumpParameters(
            pressure_max_pa=600.0,
            flow_free_m3_per_s=0.15,
            flow_best_m3_per_s=0.09,
            efficiency_best=0.25,
            speed_max_rpm=4000.0,
        ),
        description="radial blower at 1.2 kg/m³; assumed",
    )
    channel: AirChannelParameters = AirChannelParameters()
    fan: FanParameters = Field(
        default=FanParameters(flow_max_m3_per_s=0.8, power_max_w=350.0, ram_area_m2=0.03),
        description="front end of a van, 0.20 m²; assumed",
    )
    heater: HeaterParameters = Field(
        default=HeaterParameters(power_max_w=2e3, ramp_s=2.0, outlet_max_degc=60.0),
        description="PTC air heater; assumed",
    )
    drive: DriveLoopParameters = Field(
        default=DriveLoopParameters(
            heat_capacity_j_per_k=55e3,
            flow_kg_per_s=0.25,
            loss_w_per_k=8.0,
        ),
        description="e-axle of 80 kW; assumed",
    )
    duct_pressure_pa: float = Field(
        default=300.0,
        gt=0.0,
        le=1e4,
        description="ducts and one string's passages at duct_flow, 1.2 kg/m³; assumed",
    )
    duct_flow_m3_per_s: float = Field(default=0.08, gt=0.0, le=5.0, description="of duct_pressure; assumed")
    valve_travel_s: float = Field(default=5.0, gt=0.0, le=120.0, description="flap from end to end; assumed")
    return_mass_kg: float = Field(
        default=2.0,
        gt=0.01,
        le=50.0,
        description="outlet duct as mass of air of the same heat capacity; assumed",
    )
    supply_mass_kg: float = Field(
        default=2.0,
        gt=0.01,
        le=50.0,
        description="inlet duct as mass of air of the same heat capacity; assumed",
    )
    loss_w_per_k: float = Field(default=2.0, ge=0.0, le=200.0, description="ducts to ambient; assumed")
    supply_min_degc: float = Field(
        default=8.0, ge=0.0, le=25.0, description="the evaporator does not cool the air below; assumed"
    )


def air_path_record(path: AirPathParameters) -> RecordArray:
    """Return the parameter record that the kernels of the air circuit read."""
    return record(
        return_mass_kg=path.return_mass_kg,
        supply_mass_kg=path.supply_mass_kg,
        **AIR,
        **prefixed("pump", path.blower),
        **prefixed("channel", path.channel),
        **prefixed("fan", path.fan),
        **heater_numbers(path.heater),
        **drive_numbers(path.drive),
        circuit_pa_s2_per_m6=path.duct_pressure_pa / path.duct_flow_m3_per_s**2,
        valve_travel_s=path.valve_travel_s,
        loss_w_per_k=path.loss_w_per_k,
        supply_min_k=degc_to_k(path.supply_min_degc),
    )


def build_air_path(path: AirPathParameters, temp_k: float) -> tuple[RecordArray, RecordArray]:
    """Return parameter and state record of an air circuit at rest and at one temperature [K]."""
    p = air_path_record(path)
    return p, new_circuit_state(p[0], temp_k)


@kernel
def air_film_conductance_w_per_k(p: Record, mass_flow_kg_per_s: float, temp_k: float) -> float:
    """Return the conductance from cell faces of one string to the air.

    Parameters
    ----------
    p : from :func:`air_path_record`
    mass_flow_kg_per_s : air flow of this string, >= 0 [kg/s]
    temp_k : air temperature [K]; without influence, kept so that plates and channels are called alike

    Returns
    -------
    conductance [W/K]; at zero flow that of natural convection

    >>> round(air_film_conductance_w_per_k(air_path_record(AirPathParameters())[0], 0.075, 293.15), 1)
    180.3
    """
    forced = p.channel_film_ref_w_per_m2k * (mass_flow_kg_per_s / p.channel_flow_ref_kg_per_s) ** 0.8
    film = (forced**3 + p.channel_natural_w_per_m2k**3) ** (1.0 / 3.0)
    return float(film * p.channel_area_m2)


@kernel
def air_actuate(
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
    """Step blower, flap, heater, front end and refrigerant circuit; write flow and powers for the solver.

    Arguments as in ``coolant_loop.loop_actuate``: ``pump_duty`` drives the blower, ``fan_duty`` the fan of
    the condenser. ``humidity`` has no influence: an evaporator in air may condense water.
    """
    s.pump_speed, speed = lagged(s.pump_speed, min(max(pump_duty, 0.0), 1.0), p.pump_lag_s, dt_s)
    s.pump_speed_rpm = s.pump_speed * p.pump_speed_max_rpm
    valve_step(s, valve_mode, p.valve_travel_s, dt_s)
    recirculated = s.share_bypass + s.share_waste_heat
    s.intake_k = s.share_radiator * ambient_k + s.share_chiller * cabin_air_k + recirculated * s.return_temp_k
    s.cabin_air_k = cabin_air_k
    rho = air_density(s.intake_k)
    flow = 0.0
    if branches > 0.0:
        flow = pump_flow_m3_per_s(p, speed, 0.0, p.circuit_pa_s2_per_m6 / (branches * branches))
    power, hydraulic = pump_power_w(p, speed, flow)
    s.pump_power_w = power * rho / AIR_DENSITY_REF_KG_PER_M3
    s.pump_hydraulic_w = hydraulic * rho / AIR_DENSITY_REF_KG_PER_M3
    s.mass_flow_kg_per_s = flow * rho
    rate = s.mass_flow_kg_per_s * p.cp_a_j_per_kgk
    drive_actuate(p, s, drive_heat_w, dt_s)
    front_end_step(
        p,
        s,
        chiller_p,
        chiller_s,
        chiller_table,
        fan_duty,
        compressor_duty,
        cabin_air_k,
        s.share_chiller * rate,
        p.supply_min_k,
        ambient_k,
        vehicle_speed_m_per_s,
        cabin_heat_request_w,
        cabin_air_k,
        dt_s,
    )
    cooled_k = s.evaporator_heat_w / rate if rate > 0.0 else 0.0
    heater_step(p, s, heater_duty, s.intake_k - cooled_k, rate, dt_s)


@kernel
def air_solve(
    p: Record, s: Record, fa_w: float, fb_kg_per_s: float, mass_flow_kg_per_s: float, dt_s: float
) -> float:
    """Close the circuit over the pack; write nodes, temperatures and port powers.

    Arguments and result as in ``coolant_loop.loop_solve``.
    """
    m = mass_flow_kg_per_s
    cp = p.cp_a_j_per_kgk
    loss = 0.5 * p.loss_w_per_k
    recirculated = s.share_bypass + s.share_waste_heat
    mass_r, mass_s = p.return_mass_kg / dt_s, p.supply_mass_kg / dt_s
    s.intake_enthalpy_w = m * s.share_radiator * enthalpy(p, s.ambient_k)
    s.cabin_enthalpy_w = m * s.share_chiller * enthalpy(p, s.cabin_air_k)
    lost = loss * enthalpy(p, s.ambient_k) / cp

    a_rr = mass_r + m + loss / cp
    b_r = mass_r * s.return_enthalpy_j_per_kg + fa_w + lost
    a_ss = mass_s + m + loss / cp
    b_s = mass_s * s.supply_enthalpy_j_per_kg + s.intake_enthalpy_w + s.cabin_enthalpy_w + lost
    b_s += s.heater_heat_w + s.pump_hydraulic_w - s.evaporator_heat_w
    h_r = (b_r + fb_kg_per_s * b_s / a_ss) / (a_rr - fb_kg_per_s * m * recirculated / a_ss)
    h_s = (b_s + m * recirculated * h_r) / a_ss

    s.pack_heat_w = fa_w + (fb_kg_per_s - m) * h_s
    s.exhaust_enthalpy_w = m * (1.0 - recirculated) * h_r
    s.circuit_loss_w = loss * (h_r + h_s) / cp - 2.0 * lost
    s.return_enthalpy_j_per_kg, s.supply_enthalpy_j_per_kg = h_r, h_s
    s.return_temp_k, s.supply_temp_k = temperature_k(p, h_r), temperature_k(p, h_s)

    k_l, loss_l, heat_l = (
        s.low_temp_radiator_w_per_k,
        p.drive_loss_w_per_k,
        p.drive_heat_capacity_j_per_k / dt_s,
    )
    s.low_temp_k = (heat_l * s.low_temp_k + s.drive_heat_w + k_l * s.air_inlet_k + loss_l * s.ambient_k) / (
        heat_l + k_l + loss_l
    )
    s.low_temp_radiator_heat_w = k_l * (s.low_temp_k - s.air_inlet_k)
    s.low_temp_loss_w = loss_l * (s.low_temp_k - s.ambient_k)
    return float(h_s)


def air_path_ratings(path: AirPathParameters, branches: float) -> tuple[float, float]:
    """Return what a controller is told of the circuit, at 20 degC and full blower speed.

    Parameters
    ----------
    path : parameters of the circuit
    branches : clean strings in parallel, the number of strings

    Returns
    -------
    largest air flow [kg/s], heat per kelvin between pack outlet and ambient with ambient air [W/K]

    >>> [round(rating, 4) for rating in air_path_ratings(AirPathParameters(), 1.0)]
    [0.1088, 109.4148]
    """
    p = air_path_record(path)[0]
    quadratic = p.circuit_pa_s2_per_m6 / branches**2
    flow = float(pump_flow_m3_per_s(p, 1.0, 0.0, quadratic) * air_density(degc_to_k(20.0)))
    return flow, flow * float(p.cp_a_j_per_kgk)
