"""What a run records: the columns of the recording's streams, and the row of one instant."""

from dataclasses import fields
from operator import attrgetter

import numpy as np

from plant_models.housing_gas import ATMOSPHERE_PA
from plant_models.pack_spme import ELECTRODES
from plant_models.truck import Truck
from plant_models.truck_step import PORTS
from plant_models.truck_view import PER_STRING, VIEW
from thermal_bms.cycle import CycleResult
from thermal_bms.faults import Fault
from thermal_bms.recording_format import Columns
from thermal_bms.signals import Command, LimitCause, Limits, PowerOutlook
from thermal_bms.units import FloatArray

CLOCK = ("time_s", "phase_index", "vehicle_mode", "asleep", "distance_m")
WORLD = (
    "ambient_temp_degc",
    "ambient_humidity",
    "irradiance_w_per_m2",
    "bus_voltage_v",
    "charger_power_max_w",
    "pack_pressure_pa",
    "runaway_cells",
)
STORED = ("chemical_energy_j", "stored_heat_j")
COUNTERS = tuple(f"{port.removesuffix('_w')}_j" for port in PORTS)
BOUNDS = ("soc_sd", "soc_min", "soc_max", "cell_soc_min", "cell_soc_max")
HEALTH = ("soh_capacity", "soh_capacity_sd", "soh_resistance", "soh_resistance_sd")
OUTLOOK = tuple(field.name for field in fields(PowerOutlook))
CONTROL = (
    "soc_estimate",
    *(f"{name}_estimate" for name in BOUNDS),
    *HEALTH,
    *OUTLOOK,
    "cell_temp_measured_min_degc",
    "cell_temp_measured_max_degc",
    "heat_estimate_w",
    "pump_duty",
    "fan_duty",
    "compressor_duty",
    "heater_duty",
    "valve_mode",
    "charge_current_request_a",
    "discharge_power_max_w",
    "charge_power_max_w",
    "discharge_current_max_a",
    "charge_current_max_a",
    "discharge_cause",
    "charge_cause",
    "charge_limit",
    "fault_count",
    "supervisor_reasons",
)
EVENTS = ("time_s", "code", "severity", "place", "value", "limit", "is_set")

ENERGY_BALANCE = {
    "electrical": {
        "in": ["charger_power_j", "unmet_power_j", "overcharge_power_j"],
        "out": [
            "traction_power_j",
            "auxiliary_power_j",
            "cabin_power_j",
            "pump_power_j",
            "fan_power_j",
            "compressor_power_j",
            "heater_power_j",
            "cell_heat_j",
            "busbar_heat_j",
            "balancing_loss_j",
            "cell_short_heat_j",
        ],
        "stored": ["chemical_energy_j"],
    },
    "thermal": {
        "in": [
            "cell_heat_j",
            "busbar_heat_j",
            "balancing_loss_j",
            "pump_heat_j",
            "heater_heat_j",
            "drive_heat_j",
            "compressor_power_j",
            "cabin_heat_j",
            "intake_enthalpy_j",
            "cabin_enthalpy_j",
            "cell_short_heat_j",
            "runaway_reaction_heat_j",
            "heater_pad_power_j",
        ],
        "out": [
            "heat_housing_to_ambient_j",
            "radiator_heat_j",
            "condenser_heat_j",
            "compressor_loss_j",
            "drive_radiator_heat_j",
            "drive_loop_loss_j",
            "circuit_loss_j",
            "exhaust_enthalpy_j",
            "vent_enthalpy_j",
        ],
        "stored": ["stored_heat_j"],
    },
}
_BOUNDS, _HEALTH, _OUTLOOK = attrgetter(*BOUNDS), attrgetter(*HEALTH), attrgetter(*OUTLOOK)
UNKNOWN = (np.nan,) * (4 + len(BOUNDS) + len(HEALTH) + len(OUTLOOK))
NO_LIMITS = Limits(0.0, 0.0, 0.0, 0.0, LimitCause.NONE, LimitCause.NONE)

N_ASSIGNED = len(CLOCK) + len(WORLD) + len(CONTROL)
AT_PHASE_DISTANCE = VIEW.index("phase_distance_m")


def signal_columns(truck: Truck) -> list[str]:
    """Return the names of the stream "signals" for a truck; ``ELECTRODES`` with electrochemical cells only."""
    n_strings = truck.parameters.pack.n_strings
    strings = [f"{name}_{k}" for name in PER_STRING for k in range(n_strings)]
    electrodes = [] if truck.electrodes is None else ELECTRODES
    return [*CLOCK, *WORLD, *CONTROL, *PORTS, *VIEW, *strings, *electrodes]


def energy_columns() -> list[str]:
    """Return the names of the stream "energy": what went through every port since the start, and what is stored."""
    return ["time_s", *COUNTERS, *STORED]


def cell_columns(truck: Truck) -> Columns:
    """Return the columns of the stream "cells": fields over string and position."""
    shape = truck.state.soc.shape
    return {"time_s": (), "cell_temp_degc": shape, "cell_voltage_v": shape, "cell_soc": shape}


class RowMaker:
    """Makes rows; powers are means since the last row."""

    def __init__(self, truck: Truck) -> None:
        self._truck = truck
        self._last_j = np.zeros(len(PORTS))
        self._last_s = 0.0
        self._row = np.zeros(len(signal_columns(truck)))
        self._ports = self._row[N_ASSIGNED : N_ASSIGNED + len(PORTS)]
        self._view = self._row[N_ASSIGNED + len(PORTS) :]
        self.distance_m = 0.0

    def signals(
        self,
        phase_index: int,
        weather: tuple[float, float, float],
        result: CycleResult | None,
        command: Command,
    ) -> FloatArray:
        """Return the row of the stream "signals" and begin a new interval; the same array each time."""
        truck = self._truck
        self._view[:] = truck.view()
        since_s = truck.time_s - self._last_s
        if since_s > 0.0:
            np.subtract(truck.energies_j, self._last_j, out=self._ports)
            self._ports /= since_s
        else:
            self._ports[:] = truck.ports
        self._last_j[:] = truck.energies_j
        self._last_s = truck.time_s
        runaway = truck.runaway
        self._row[:N_ASSIGNED] = (
            truck.time_s,
            phase_index,
            truck.mode,
            truck.asleep,
            self.distance_m + self._view[AT_PHASE_DISTANCE],
            *weather,
            truck.bus_voltage_v,
            truck.charger.power_now_max_w(truck.bus_voltage_v) if truck.charger else 0.0,
            runaway.pressure_pa if runaway else ATMOSPHERE_PA,
            runaway.cells_in_runaway if runaway else 0,
            *control_values(result, command),
        )
        return self._row

    def energy(self) -> tuple[float, ...]:
        """Return the row of the stream "energy"."""
        return (self._truck.time_s, *self._truck.energies_j.tolist(), *self._truck.stored_energies_j())

    def cells(self) -> tuple[float | FloatArray, ...]:
        """Return the row of the stream "cells"."""
        state = self._truck.state
        return (self._truck.time_s, state.core_temp_k - 273.15, state.voltage_v, state.soc)


def fault_events(before: tuple[Fault, ...], now: tuple[Fault, ...], time_s: float) -> list[tuple[float, ...]]:
    """Return the rows of the stream "events": every fault that was set or cleared between two ticks."""
    cleared = [(time_s, *_fault_row(fault), 0.0) for fault in before if fault not in now]
    return cleared + [(fault.since_s, *_fault_row(fault), 1.0) for fault in now if fault not in before]


def _fault_row(fault: Fault) -> tuple[float, ...]:
    return (fault.code, fault.severity, fault.place, fault.value, fault.limit)


def control_values(result: CycleResult | None, command: Command) -> tuple[float, ...]:
    """Return the values named in ``CONTROL``; an unknown belief is NaN, as when the controller sleeps."""
    thermal = command.thermal
    estimate = result.estimate if result else None
    limits = result.limits if result else NO_LIMITS
    believed = UNKNOWN
    if estimate:
        believed = (
            estimate.soc,
            *_BOUNDS(estimate.bounds),
            *_HEALTH(estimate.health),
            *_OUTLOOK(estimate.outlook),
            estimate.cell_temp_min_degc,
            estimate.cell_temp_max_degc,
            estimate.heat_w,
        )
    return (
        *believed,
        thermal.pump_duty,
        thermal.fan_duty,
        thermal.compressor_duty,
        thermal.heater_duty,
        thermal.valve_mode,
        command.charge_current_a,
        limits.discharge_power_max_w,
        limits.charge_power_max_w,
        limits.discharge_current_max_a,
        limits.charge_current_max_a,
        limits.discharge_cause,
        limits.charge_cause,
        result.charge_limit if result else LimitCause.NONE,
        len(result.faults) if result else 0,
        sum(1 << reason for reason in result.reasons) if result else 0,
    )
