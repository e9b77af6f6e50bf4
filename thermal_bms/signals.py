"""The narrow waist: what crosses between the truck and its controller, and between the controller's parts.

``Measurement`` comes in, ``Command`` goes out; nothing else crosses the seam. ``Estimate``, ``Limits`` and
``Preview`` travel on the controller's side only.

Signs: current and power are positive when the pack discharges. Temperatures are in degrees Celsius. Duties lie
in 0..1. "Coolant" is the medium that flows through the pack: glycol on a liquid truck, air on an air truck; the
"pump" is then the pack's blower.
"""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import TypeVar, dataclass_transform

import numpy as np

from thermal_bms.units import BoolArray, FloatArray

NAN = float("nan")
T = TypeVar("T")


@dataclass_transform(frozen_default=True)
def _unguarded(cls: type[T]) -> type[T]:
    """Make a dataclass that type checkers hold frozen, but that is built without the guard.

    The guard would take two thirds of the time of building a measurement, which happens every tick.
    """
    return dataclass(slots=True)(cls)


class VehicleMode(IntEnum):
    """What the vehicle controller says the truck is doing."""

    PARK = 0
    DRIVE = 1
    CHARGE = 2


class ValveMode(IntEnum):
    """Where the coolant goes between pack outlet and pack inlet.

    On an air truck RADIATOR is ambient air through the pack, CHILLER is cabin-conditioned air, and BYPASS
    recirculates the pack's own air.
    """

    BYPASS = 0
    RADIATOR = 1
    CHILLER = 2
    WASTE_HEAT = 3


class LimitCause(IntEnum):
    """Why a current or power limit stands where it stands."""

    NONE = 0
    CELL_CURRENT = 1
    CELL_TEMP_HIGH = 2
    CELL_TEMP_LOW = 3
    CELL_VOLTAGE = 4
    SOC = 5
    FAULT = 6
    CHARGER_POWER = 7
    CHARGER_CURRENT = 8
    PLATING = 9


def _no_flags() -> BoolArray:
    return np.empty(0, dtype=np.bool_)


@_unguarded
class Measurement:
    """What a truck's sensors and vehicle bus say at one instant. NaN means "no valid value".

    Attributes
    ----------
    time_s : seconds since the start of the scenario or service [s]
    vehicle_mode : drive, park or charge, from the vehicle controller
    cell_voltage_v : voltage of every parallel group [V], shape (n_strings, n_series)
    cell_temp_degc : cell temperature sensors [degC], shape (n_strings, n_temp_sensors)
    string_current_a : string currents, positive on discharge [A], shape (n_strings,)
    string_voltage_v : voltage of each string on the cell side of its contactors [V], shape (n_strings,)
    contactor_closed : contactor feedback, shape (n_strings,)
    bus_voltage_v : high-voltage bus [V]
    coolant_inlet_temp_degc, coolant_outlet_temp_degc : at the pack's manifolds [degC]
    drive_loop_temp_degc : coolant of the e-axle's low-temperature loop [degC]
    pump_speed_rpm, fan_speed_rpm, compressor_speed_rpm : [rev/min]
    suction_pressure_pa, discharge_pressure_pa : refrigerant, absolute [Pa]
    heater_power_w, compressor_power_w : electric power drawn from the bus [W]
    ambient_temp_degc : [degC]
    ambient_humidity : relative humidity in 0..1
    vehicle_speed_m_per_s : [m/s]
    plug_connected : a charger is plugged in and ready
    charger_power_max_w, charger_current_max_a, charger_voltage_max_v : what the charger offers
    hvil_closed : interlock loop of the high-voltage plugs, 1 closed, 0 open
    crash : 1 when the crash or inertia switch has acted, else 0
    isolation_ohm : resistance between high voltage and chassis [ohm]
    coolant_flow_kg_per_s : through the pack [kg/s]
    coolant_level : in the expansion tank, 0..1
    valve_position : mode valve's feedback, the number of the ``ValveMode`` that most of the coolant takes
    negative_closed, precharge_closed : feedback of negative contactor and precharge relay, shape (n_strings,);
        without values the negative contactor goes with ``contactor_closed`` and there is no precharge
    """

    time_s: float
    vehicle_mode: VehicleMode
    cell_voltage_v: FloatArray
    cell_temp_degc: FloatArray
    string_current_a: FloatArray
    string_voltage_v: FloatArray
    contactor_closed: BoolArray
    bus_voltage_v: float
    coolant_inlet_temp_degc: float
    coolant_outlet_temp_degc: float
    drive_loop_temp_degc: float
    pump_speed_rpm: float
    fan_speed_rpm: float
    compressor_speed_rpm: float
    suction_pressure_pa: float
    discharge_pressure_pa: float
    heater_power_w: float
    compressor_power_w: float
    ambient_temp_degc: float
    ambient_humidity: float
    vehicle_speed_m_per_s: float
    plug_connected: bool = False
    charger_power_max_w: float = 0.0
    charger_current_max_a: float = 0.0
    charger_voltage_max_v: float = 0.0
    hvil_closed: float = NAN
    crash: float = NAN
    isolation_ohm: float = NAN
    coolant_flow_kg_per_s: float = NAN
    coolant_level: float = NAN
    valve_position: float = NAN
    negative_closed: BoolArray = field(default_factory=_no_flags)
    precharge_closed: BoolArray = field(default_factory=_no_flags)


@dataclass(frozen=True, slots=True)
class ThermalCommand:
    """What the thermal actuators are to do: duties in 0..1 and the position of the mode valve."""

    pump_duty: float = 0.0
    fan_duty: float = 0.0
    compressor_duty: float = 0.0
    heater_duty: float = 0.0
    valve_mode: ValveMode = ValveMode.BYPASS


@dataclass(frozen=True, slots=True)
class Command:
    """What goes out to the truck in one tick.

    Attributes
    ----------
    thermal : thermal actuators, after the supervisor
    contactor_close : wanted state of each string's positive contactor, length n_strings
    negative_close : the same of its negative contactor; the positive's when left out
    precharge_close : the same of its precharge relay; open when left out
    charge_current_a : current requested from the charger, >= 0 [A]
    discharge_power_max_w : discharge power available to the vehicle, >= 0 [W]
    regen_power_max_w : regeneration power the pack accepts, >= 0 [W]
    disconnect_forewarning : contactors are about to open while driving
    balance_current_a : to take from every group, negative to give, a row per string; none when left out [A]
    """

    thermal: ThermalCommand = ThermalCommand()
    contactor_close: tuple[bool, ...] = ()
    charge_current_a: float = 0.0
    discharge_power_max_w: float = 0.0
    regen_power_max_w: float = 0.0
    negative_close: tuple[bool, ...] = ()
    precharge_close: tuple[bool, ...] = ()
    disconnect_forewarning: bool = False
    balance_current_a: tuple[tuple[float, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class ChargeBounds:
    """How well the charge is known. Bounds hold whatever the filter believes; all in 0..1, NaN where unknown.

    Attributes
    ----------
    soc_sd : one standard deviation of the pack's charge, as the filter believes
    soc_min, soc_max : bound of the pack's charge
    cell_soc_min, cell_soc_max : charge of the emptiest and of the fullest cell
    string_soc_min, string_soc_max : bounds of each string's charge
    """

    soc_sd: float = NAN
    soc_min: float = NAN
    soc_max: float = NAN
    cell_soc_min: float = NAN
    cell_soc_max: float = NAN
    string_soc_min: tuple[float, ...] = ()
    string_soc_max: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Health:
    """State of health relative to a new pack; a value is NaN until its standard deviation is small enough.

    Attributes
    ----------
    soh_capacity, soh_resistance : of the worst connected string
    soh_capacity_sd, soh_resistance_sd : one standard deviation, the largest of the connected strings
    string_soh_capacity, string_soh_resistance : per string
    """

    soh_capacity: float = NAN
    soh_capacity_sd: float = NAN
    soh_resistance: float = NAN
    soh_resistance_sd: float = NAN
    string_soh_capacity: tuple[float, ...] = ()
    string_soh_resistance: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class PowerOutlook:
    """State of power: constant powers that the connected strings can hold, both >= 0; and what is left.

    Attributes
    ----------
    discharge_power_2s_w, ..., charge_power_continuous_w : over 2 s, 10 s, 30 s and 30 minutes [W]
    energy_left_j : until the emptiest cell ends its use, at the power of the last minute [J]
    range_left_m : at the consumption of late; NaN while not known [m]
    derate_in_s : until a limit begins to fall, at the power and warming of late; infinite: never [s]
    """

    discharge_power_2s_w: float = 0.0
    discharge_power_10s_w: float = 0.0
    discharge_power_30s_w: float = 0.0
    discharge_power_continuous_w: float = 0.0
    charge_power_2s_w: float = 0.0
    charge_power_10s_w: float = 0.0
    charge_power_30s_w: float = 0.0
    charge_power_continuous_w: float = 0.0
    energy_left_j: float = NAN
    range_left_m: float = NAN
    derate_in_s: float = NAN


NO_BOUNDS, NO_HEALTH, NO_OUTLOOK = ChargeBounds(), Health(), PowerOutlook()


@_unguarded
class Estimate:
    """What the BMS believes, from valid measurements only. NaN where nothing valid is known.

    Attributes
    ----------
    soc : state of charge of the pack in 0..1
    string_soc : per string, shape (n_strings,)
    cell_voltage_min_v, cell_voltage_max_v : over all connected strings [V]
    cell_temp_min_degc, cell_temp_mean_degc, cell_temp_max_degc : over all connected strings [degC]
    pack_current_a : sum of the string currents, positive on discharge [A]
    heat_w : heat the cells give off, from currents and the resistance table [W]
    bounds, health, outlook : how well the charge is known, ageing, and what the pack can do; refreshed in turns
    """

    soc: float
    string_soc: FloatArray
    cell_voltage_min_v: float
    cell_voltage_max_v: float
    cell_temp_min_degc: float
    cell_temp_mean_degc: float
    cell_temp_max_degc: float
    pack_current_a: float
    heat_w: float
    bounds: ChargeBounds = NO_BOUNDS
    health: Health = NO_HEALTH
    outlook: PowerOutlook = NO_OUTLOOK


@_unguarded
class Limits:
    """What the pack may be asked for now, all >= 0, each direction with the cause that sets it."""

    discharge_current_max_a: float
    charge_current_max_a: float
    discharge_power_max_w: float
    charge_power_max_w: float
    discharge_cause: LimitCause
    charge_cause: LimitCause


def _no_values() -> FloatArray:
    return np.empty(0)


@dataclass(frozen=True, slots=True)
class Preview:
    """What is expected ahead, as far as it is known; an empty preview knows nothing.

    Attributes
    ----------
    horizon_s : instants from now on, rising, shape (n,) [s]
    heat_w : expected heat of the cells, shape (n,) [W]
    ambient_temp_degc : expected ambient temperature, shape (n,) [degC]
    charge_in_s : time until the next planned charge starts; infinite when none is planned [s]
    charge_power_w : power that charge is planned at [W]
    departure_in_s : time until the planned departure; infinite when none is planned [s]
    confidence : trust in all of this, in 0..1
    """

    horizon_s: FloatArray = field(default_factory=_no_values)
    heat_w: FloatArray = field(default_factory=_no_values)
    ambient_temp_degc: FloatArray = field(default_factory=_no_values)
    charge_in_s: float = float("inf")
    charge_power_w: float = 0.0
    departure_in_s: float = float("inf")
    confidence: float = 0.0


NO_PREVIEW = Preview()
