"""What liquid and air circuits share: state, mode valve, heater, front end and the e-axle's loop.

Both circuits write the same state record, so a truck steps either with the same calls. Port powers are means
over the step. The heat stored changes by exactly::

    pack_heat + heater_heat + pump_hydraulic + drive_heat + intake_enthalpy + cabin_enthalpy
    - radiator_heat - evaporator_heat - exhaust_enthalpy - circuit_loss
    - low_temp_radiator_heat - low_temp_loss

where each name ends in ``_w``. Waste heat flows inside, from the e-axle's loop to the pack's loop.

The e-axle's low-temperature loop is one node of metal and coolant with constant heat capacity::

    C dT_l/dt = drive_heat - waste_heat - K_l (T_l - T_air) - G (T_l - T_ambient)

A thermostat sends a share of its flow through its radiator, so that it warms up first. Its pump runs while
the drive gives off heat, while the loop is warm, or while waste heat is asked for; that pump's electricity
is part of the vehicle's auxiliaries and its hydraulic heat (some 20 W) is left out.
"""

from pydantic import Field, model_validator

from plant_models.chiller import chiller_step
from plant_models.glycol import AIR, GLYCOL, air_density, enthalpy
from plant_models.kernels import Record, RecordArray, kernel, record
from plant_models.pump import lagged, prefixed, ramped
from plant_models.radiator import (
    RadiatorParameters,
    fan_power_w,
    front_air_flow_m3_per_s,
    radiator_conductance_w_per_k,
    radiator_heat_per_k,
)
from thermal_bms.parameters import Parameters
from thermal_bms.units import ZERO_DEGC_K, FloatArray, degc_to_k

AIR_SPECIFIC_HEAT_J_PER_KGK = AIR["cp_a_j_per_kgk"]
DRIVE_COOLANT_J_PER_KGK = GLYCOL["cp_a_j_per_kgk"] + 40.0 * GLYCOL["cp_b_j_per_kgk2"]

STATES = ("pump_speed", "fan_speed", "heater_level", "thermostat_share", "low_temp_pump_speed")
VALVE = ("bypass", "radiator", "chiller", "waste_heat")
PORTS = (
    "pack_heat_w",
    "heater_heat_w",
    "pump_hydraulic_w",
    "drive_heat_w",
    "intake_enthalpy_w",
    "cabin_enthalpy_w",
    "radiator_heat_w",
    "evaporator_heat_w",
    "exhaust_enthalpy_w",
    "circuit_loss_w",
    "low_temp_radiator_heat_w",
    "low_temp_loss_w",
    "waste_heat_w",
    "condenser_heat_w",
    "pump_power_w",
    "fan_power_w",
    "heater_power_w",
)
WORK = (  # what the actuators hand to the solver of the same step
    "mass_flow_kg_per_s",
    "pump_speed_rpm",
    "fan_speed_rpm",
    "ambient_k",
    "intake_k",
    "cabin_air_k",
    "air_flow_kg_per_s",
    "air_inlet_k",
    "radiator_w_per_k",
    "waste_heat_w_per_k",
    "low_temp_radiator_w_per_k",
    "low_temp_rate_w_per_k",
)


class HeaterParameters(Parameters):
    """An electric heater that the medium flows through."""

    power_max_w: float = Field(
        default=10e3,
        ge=0.0,
        le=100e3,
        description="electric, 0: none; BorgWarner HVCH has 3-10 kW, Eberspächer 10 kW",
    )
    efficiency: float = Field(
        default=0.98,
        gt=0.5,
        le=1.0,
        description="electric to medium; Park and Kim 2017, doi 10.3390/en10101494",
    )
    ramp_s: float = Field(default=5.0, gt=0.0, le=300.0, description="from zero to full power; assumed")
    outlet_max_degc: float = Field(
        default=80.0, gt=20.0, le=120.0, description="its own limit cuts the power back above; assumed"
    )


class DriveLoopParameters(Parameters):
    """The e-axle's low-temperature loop. Defaults: 400 kW e-axle of 250 kg with 12 kg of coolant."""

    heat_capacity_j_per_k: float = Field(
        default=165e3,
        gt=1e3,
        le=5e6,
        description="250 kg of machine metal at 500 J/kgK and 12 kg of coolant; assumed",
    )
    flow_kg_per_s: float = Field(default=0.5, gt=0.0, le=10.0, description="with the pump on; assumed")
    pump_lag_s: float = Field(default=2.0, gt=0.0, le=60.0, description="time constant; assumed")
    thermostat_start_degc: float = Field(
        default=40.0, ge=-20.0, le=90.0, description="starts to open; assumed"
    )
    thermostat_end_degc: float = Field(default=50.0, ge=-20.0, le=100.0, description="fully open; assumed")
    thermostat_lag_s: float = Field(default=20.0, gt=0.0, le=600.0, description="wax element; assumed")
    fan_start_degc: float = Field(
        default=55.0, ge=0.0, le=100.0, description="asks the shared fan to run; assumed"
    )
    fan_end_degc: float = Field(
        default=65.0,
        ge=0.0,
        le=110.0,
        description="asks for full fan; coolant limit of power electronics, assumed",
    )
    loss_w_per_k: float = Field(
        default=20.0, ge=0.0, le=1e3, description="hoses and housings to ambient; assumed"
    )
    radiator: RadiatorParameters = Field(
        default=RadiatorParameters(
            conductance_ref_w_per_k=1800.0, air_flow_ref_kg_per_s=2.84, face_share=1.0
        ),
        description="two cores of 0.30 m² side by side, behind condenser and pack radiator; assumed",
    )

    @model_validator(mode="after")
    def _limits_in_order(self) -> "DriveLoopParameters":
        if self.thermostat_end_degc <= self.thermostat_start_degc:
            raise ValueError("thermostat_end_degc must be > thermostat_start_degc")
        if self.fan_end_degc <= self.fan_start_degc:
            raise ValueError("fan_end_degc must be > fan_start_degc")
        return self


def heater_numbers(heater: HeaterParameters) -> dict[str, float]:
    """Return the record fields of a heater, prefix ``heater_``."""
    numbers = prefixed("heater", heater, skip=("outlet_max_degc",))
    return {**numbers, "heater_outlet_max_k": degc_to_k(heater.outlet_max_degc)}


def drive_numbers(drive: DriveLoopParameters) -> dict[str, float]:
    """Return the record fields of the e-axle's loop, prefixes ``drive_`` and ``drive_radiator_``."""
    temps = ("thermostat_start", "thermostat_end", "fan_start", "fan_end")
    numbers = prefixed("drive", drive, skip=tuple(f"{name}_degc" for name in temps))
    kelvin = {f"drive_{name}_k": degc_to_k(float(getattr(drive, f"{name}_degc"))) for name in temps}
    return {**numbers, **kelvin, **prefixed("drive_radiator", drive.radiator)}


def new_circuit_state(p: Record, temp_k: float, *, low_temp_k: float | None = None) -> RecordArray:
    """Return the state of a circuit at rest: all actuators off, valve at bypass.

    Parameters
    ----------
    p : parameter record of the circuit (its medium fields are read)
    temp_k : temperature of the medium [K]
    low_temp_k : temperature of the e-axle's loop [K]; that of the medium when left out

    Returns
    -------
    one-element record array with the fields of ``STATES``, ``valve_`` and ``share_`` of each path, ``PORTS``,
    ``WORK``, ``supply_enthalpy_j_per_kg``, ``return_enthalpy_j_per_kg`` [J/kg], ``supply_temp_k``,
    ``return_temp_k`` and ``low_temp_k`` [K], and ``live`` (0: the bus is dead)
    """
    enthalpy_j_per_kg = float(enthalpy(p, temp_k))
    valve = {f"{kind}_{path}": float(path == "bypass") for kind in ("valve", "share") for path in VALVE}
    return record(
        supply_enthalpy_j_per_kg=enthalpy_j_per_kg,
        return_enthalpy_j_per_kg=enthalpy_j_per_kg,
        supply_temp_k=temp_k,
        return_temp_k=temp_k,
        low_temp_k=temp_k if low_temp_k is None else low_temp_k,
        live=1.0,
        **valve,
        **dict.fromkeys((*STATES, *PORTS, *WORK), 0.0),
    )


@kernel
def valve_step(s: Record, mode: float, travel_s: float, dt_s: float) -> None:
    """Move the mode valve towards a mode: ``valve_...`` at the end, ``share_...`` as means of the step.

    The positions are the shares of the flow that take each path; they move along the straight line to the
    wanted mode, so they always add up to 1.

    Parameters
    ----------
    s : state of the circuit
    mode : value of :class:`thermal_bms.signals.ValveMode`
    travel_s : time from one mode to another, > 0 [s]
    dt_s : step, > 0 [s]
    """
    radiator = 1.0 if mode == 1.0 else 0.0
    chiller = 1.0 if mode == 2.0 else 0.0
    waste_heat = 1.0 if mode == 3.0 else 0.0
    bypass = 1.0 - radiator - chiller - waste_heat
    distance = max(
        abs(radiator - s.valve_radiator),
        abs(chiller - s.valve_chiller),
        abs(waste_heat - s.valve_waste_heat),
        abs(bypass - s.valve_bypass),
    )
    covered, _ = ramped(0.0, distance, travel_s, dt_s)
    moving_s = covered * travel_s
    part = covered / distance if distance > 0.0 else 0.0
    lost = 0.5 * part * moving_s / dt_s
    s.share_radiator = s.valve_radiator + (part - lost) * (radiator - s.valve_radiator)
    s.share_chiller = s.valve_chiller + (part - lost) * (chiller - s.valve_chiller)
    s.share_waste_heat = s.valve_waste_heat + (part - lost) * (waste_heat - s.valve_waste_heat)
    s.share_bypass = 1.0 - s.share_radiator - s.share_chiller - s.share_waste_heat
    s.valve_radiator += part * (radiator - s.valve_radiator)
    s.valve_chiller += part * (chiller - s.valve_chiller)
    s.valve_waste_heat += part * (waste_heat - s.valve_waste_heat)
    s.valve_bypass = 1.0 - s.valve_radiator - s.valve_chiller - s.valve_waste_heat


@kernel
def heater_step(p: Record, s: Record, duty: float, inlet_k: float, rate_w_per_k: float, dt_s: float) -> None:
    """Ramp the heater and write ``heater_power_w`` and ``heater_heat_w``; without flow it stays off.

    Parameters
    ----------
    p, s : parameters (``heater_...``) and state of the circuit
    duty : wanted share of full power, in 0..1
    inlet_k : temperature of the medium before the heater [K]
    rate_w_per_k : capacity rate of the medium, >= 0 [W/K]
    dt_s : step, > 0 [s]
    """
    s.heater_level, level = ramped(s.heater_level, min(max(duty, 0.0), 1.0), p.heater_ramp_s, dt_s)
    limit_w = max(rate_w_per_k * (p.heater_outlet_max_k - inlet_k), 0.0)
    s.heater_heat_w = min(level * p.heater_power_max_w * p.heater_efficiency, limit_w)
    s.heater_power_w = s.heater_heat_w / p.heater_efficiency


@kernel
def drive_actuate(p: Record, s: Record, drive_heat_w: float, dt_s: float) -> None:
    """Step pump and thermostat of the e-axle's loop; write its capacity rate and its heat input."""
    wanted = drive_heat_w > 0.0 or s.share_waste_heat > 0.0 or s.low_temp_k > p.drive_thermostat_start_k
    s.low_temp_pump_speed, speed = lagged(
        s.low_temp_pump_speed, 1.0 if wanted else 0.0, p.drive_pump_lag_s, dt_s
    )
    opening = (s.low_temp_k - p.drive_thermostat_start_k) / (
        p.drive_thermostat_end_k - p.drive_thermostat_start_k
    )
    s.thermostat_share, _ = lagged(
        s.thermostat_share, min(max(opening, 0.0), 1.0), p.drive_thermostat_lag_s, dt_s
    )
    s.low_temp_rate_w_per_k = speed * p.drive_flow_kg_per_s * DRIVE_COOLANT_J_PER_KGK
    s.drive_heat_w = drive_heat_w


@kernel
def front_end_step(
    p: Record,
    s: Record,
    chiller_p: Record,
    chiller_s: Record,
    chiller_table: FloatArray,
    fan_duty: float,
    compressor_duty: float,
    medium_k: float,
    medium_rate_w_per_k: float,
    medium_min_k: float,
    ambient_k: float,
    vehicle_speed_m_per_s: float,
    cabin_heat_request_w: float,
    cabin_air_k: float,
    dt_s: float,
) -> None:
    """Step fan, air stream and refrigerant circuit; write condenser air and the e-axle's radiator.

    The shared fan follows the larger of the commanded duty and what the e-axle's loop asks for, while the bus is
    live. Air passes
    the condenser first, then the pack's radiator, then the e-axle's. The evaporator meets the medium at
    ``medium_k`` with ``medium_rate_w_per_k`` and does not cool it below ``medium_min_k``.
    """
    request = (s.low_temp_k - p.drive_fan_start_k) / (p.drive_fan_end_k - p.drive_fan_start_k)
    target = s.live * min(max(fan_duty, request, 0.0), 1.0)
    s.fan_speed, speed = lagged(s.fan_speed, target, p.fan_lag_s, dt_s)
    s.fan_speed_rpm = s.fan_speed * p.fan_speed_max_rpm
    s.fan_power_w = fan_power_w(p, speed)
    s.air_flow_kg_per_s = front_air_flow_m3_per_s(p, speed, vehicle_speed_m_per_s) * air_density(ambient_k)
    air_rate = s.air_flow_kg_per_s * AIR_SPECIFIC_HEAT_J_PER_KGK
    chiller_step(
        chiller_p,
        chiller_s,
        chiller_table,
        compressor_duty,
        medium_k,
        medium_rate_w_per_k,
        ambient_k,
        air_rate,
        cabin_heat_request_w,
        cabin_air_k,
        medium_min_k,
        dt_s,
    )
    s.evaporator_heat_w = chiller_s.evaporator_heat_w
    s.condenser_heat_w = chiller_s.condenser_heat_w
    s.ambient_k = ambient_k
    s.air_inlet_k = ambient_k
    if air_rate > 0.0:
        span = abs(chiller_s.condensing_k - ambient_k)
        s.air_inlet_k += min(max(s.condenser_heat_w / air_rate, -span), span)
    s.low_temp_radiator_w_per_k = face_heat_per_k(
        p.drive_radiator_conductance_ref_w_per_k,
        p.drive_radiator_air_resistance_share,
        p.drive_radiator_air_flow_ref_kg_per_s,
        p.drive_radiator_air_exponent,
        p.drive_radiator_coolant_flow_ref_kg_per_s,
        p.drive_radiator_coolant_exponent,
        p.drive_radiator_face_share * s.air_flow_kg_per_s,
        s.thermostat_share * s.low_temp_rate_w_per_k / DRIVE_COOLANT_J_PER_KGK,
        DRIVE_COOLANT_J_PER_KGK,
    )


@kernel
def face_heat_per_k(
    conductance_ref_w_per_k: float,
    air_resistance_share: float,
    air_flow_ref_kg_per_s: float,
    air_exponent: float,
    coolant_flow_ref_kg_per_s: float,
    coolant_exponent: float,
    air_flow_kg_per_s: float,
    coolant_flow_kg_per_s: float,
    specific_heat_j_per_kgk: float,
) -> float:
    """Return heat per kelvin between coolant and air inlet of a radiator at two mass flows [W/K].

    >>> round(face_heat_per_k(900, 0.7, 1.42, 0.6, 0.531, 0.5, 1.42, 0.531, 3300.0))
    545
    """
    conductance = radiator_conductance_w_per_k(
        conductance_ref_w_per_k,
        air_resistance_share,
        air_flow_kg_per_s / air_flow_ref_kg_per_s,
        air_exponent,
        coolant_flow_kg_per_s / coolant_flow_ref_kg_per_s,
        coolant_exponent,
    )
    return radiator_heat_per_k(
        conductance,
        coolant_flow_kg_per_s * specific_heat_j_per_kgk,
        air_flow_kg_per_s * AIR_SPECIFIC_HEAT_J_PER_KGK,
    )


@kernel
def circuit_stored_heat_j(p: Record, s: Record) -> float:
    """Return the heat stored in the circuit outside the pack and in the e-axle's loop [J], zero at 273.15 K."""
    stored = p.return_mass_kg * s.return_enthalpy_j_per_kg + p.supply_mass_kg * s.supply_enthalpy_j_per_kg
    return float(stored + p.drive_heat_capacity_j_per_k * (s.low_temp_k - ZERO_DEGC_K))
