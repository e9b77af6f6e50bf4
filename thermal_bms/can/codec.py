"""The waist on the bus: ``Measurement`` and ``Command`` to flat vectors and back.

``quantise`` gives exactly, to the last bit, what decoding the encoded frames gives. Fields without a valid value
come back as NaN; a flag as False, a mode as parked, and in a command, where nothing may be assumed, as zero.
"""

import math
from collections.abc import Mapping
from dataclasses import fields
from typing import final

import numpy as np

from thermal_bms.can.bus_map import BusMap, PackShape
from thermal_bms.can.mapping import COMMAND_ON_BUS, MEASUREMENT_ON_BUS, STATUS_ON_BUS
from thermal_bms.signals import Command, Measurement, ThermalCommand, ValveMode, VehicleMode
from thermal_bms.units import BoolArray, FloatArray

NAN = float("nan")

_ARRAYS = ("cell_voltage_v", "cell_temp_degc", "string_current_a", "string_voltage_v")
_SWITCHES = ("contactor_closed", "negative_closed", "precharge_closed")
_FLAGS = (*_SWITCHES, "vehicle_mode", "plug_connected", "time_s")
_SCALARS = tuple(f.name for f in fields(Measurement) if f.name not in _ARRAYS + _FLAGS)
_DUTIES = ("pump_duty", "fan_duty", "compressor_duty", "heater_duty")
_ALLOWED = ("charge_current_a", "discharge_power_max_w", "regen_power_max_w")
_SWITCHED = ("contactor_close", "negative_close", "precharge_close")


@final
class MeasurementCodec:
    """Measurements of one truck as a flat vector in the order of ``MEASUREMENT_ON_BUS``."""

    def __init__(self, shape: PackShape, *, sources: Mapping[str, int] | None = None) -> None:
        self.bus_map = BusMap(MEASUREMENT_ON_BUS, shape, sources=sources)
        self._shape = shape
        self._slices = self.bus_map.slices

    def flatten(self, measurement: Measurement) -> FloatArray:
        """Return the flat vector of a measurement."""
        flat = np.empty(self.bus_map.size)
        for name, where in self._slices.items():
            flat[where] = np.ravel(_full(measurement, name))
        return flat

    def restore(self, flat: FloatArray, time_s: float) -> Measurement:
        """Return the measurement of a flat vector at ``time_s``; it shares nothing with the vector."""
        shape = self._shape
        numbers = flat.tolist()
        scalars = {name: numbers[self._slices[name].start] for name in _SCALARS}
        mode = numbers[self._slices["vehicle_mode"].start]
        return Measurement(
            time_s=time_s,
            vehicle_mode=VehicleMode.PARK if math.isnan(mode) else VehicleMode(int(mode)),
            cell_voltage_v=self._array(flat, "cell_voltage_v").reshape(shape.n_strings, shape.n_series),
            cell_temp_degc=self._array(flat, "cell_temp_degc").reshape(shape.n_strings, shape.n_temp_sensors),
            string_current_a=self._array(flat, "string_current_a"),
            string_voltage_v=self._array(flat, "string_voltage_v"),
            contactor_closed=_flags(flat[self._slices["contactor_closed"]]),
            negative_closed=_flags(flat[self._slices["negative_closed"]]),
            precharge_closed=_flags(flat[self._slices["precharge_closed"]]),
            plug_connected=numbers[self._slices["plug_connected"].start] == 1.0,
            **scalars,
        )

    def quantise(self, measurement: Measurement) -> Measurement:
        """Return what a receiver reads of a measurement that crosses the bus at once."""
        arrived, _ = self.bus_map.quantise(self.flatten(measurement))
        return self.restore(arrived, measurement.time_s)

    def saturated(self, measurement: Measurement) -> tuple[str, ...]:
        """Return the fields that their signals cannot hold."""
        _, held = self.bus_map.quantise(self.flatten(measurement))
        return self.bus_map.names(~held)

    def _array(self, flat: FloatArray, name: str) -> FloatArray:
        return flat[self._slices[name]].copy()


def _full(measurement: Measurement, name: str) -> FloatArray | BoolArray | float:
    """Return a field; feedback that a truck leaves out says what leaving it out means."""
    value: FloatArray | BoolArray | float = getattr(measurement, name)
    if name == "negative_closed" and np.size(value) == 0:
        return measurement.contactor_closed
    return 0.0 if name == "precharge_closed" and np.size(value) == 0 else value


def _flags(values: FloatArray) -> BoolArray:
    return np.asarray(values == 1.0)


@final
class CommandCodec:
    """Commands, and the status that the vehicle is told with them, as a flat vector."""

    def __init__(self, n_strings: int, *, sources: Mapping[str, int] | None = None) -> None:
        self.bus_map = BusMap(COMMAND_ON_BUS + STATUS_ON_BUS, PackShape(n_strings, 0, 0), sources=sources)
        self._slices = self.bus_map.slices
        self._start = {name: where.start for name, where in self._slices.items()}

    def flatten(self, command: Command, status: Mapping[str, float] | None = None) -> FloatArray:
        """Return the flat vector of a command; status values that are not given are "not available"."""
        flat = np.full(self.bus_map.size, NAN)
        for name in _DUTIES:
            flat[self._start[name]] = getattr(command.thermal, name)
        flat[self._start["valve_mode"]] = command.thermal.valve_mode
        for name in _ALLOWED:
            flat[self._start[name]] = getattr(command, name)
        wanted = (command.contactor_close, command.negative_close or command.contactor_close)
        for name, switches in zip(_SWITCHED, (*wanted, command.precharge_close), strict=True):
            flat[self._slices[name]] = 0.0
            flat[self._start[name] : self._start[name] + len(switches)] = switches
        flat[self._start["disconnect_forewarning"]] = command.disconnect_forewarning
        for name, value in (status or {}).items():
            flat[self._start[name]] = value
        return flat

    def restore(self, flat: FloatArray) -> Command:
        """Return the command of a flat vector; what is not valid is zero, open or bypass."""
        numbers = np.where(np.isnan(flat), 0.0, flat).tolist()
        duties = {name: numbers[self._start[name]] for name in _DUTIES}
        allowed = {name: numbers[self._start[name]] for name in _ALLOWED}
        switches = {name: tuple(value == 1.0 for value in numbers[self._slices[name]]) for name in _SWITCHED}
        return Command(
            thermal=ThermalCommand(**duties, valve_mode=ValveMode(int(numbers[self._start["valve_mode"]]))),
            contactor_close=switches["contactor_close"],
            negative_close=switches["negative_close"],
            precharge_close=switches["precharge_close"],
            disconnect_forewarning=numbers[self._start["disconnect_forewarning"]] == 1.0,
            **allowed,
        )

    def status(self, flat: FloatArray) -> dict[str, float]:
        """Return the status values of a flat vector, NaN where nothing valid was sent."""
        return {row.field: float(flat[self._start[row.field]]) for row in STATUS_ON_BUS}

    def quantise(self, command: Command) -> Command:
        """Return what a receiver reads of a command that crosses the bus at once."""
        arrived, _ = self.bus_map.quantise(self.flatten(command))
        return self.restore(arrived)

    def saturated(self, command: Command, status: Mapping[str, float] | None = None) -> tuple[str, ...]:
        """Return the fields that their signals cannot hold."""
        _, held = self.bus_map.quantise(self.flatten(command, status))
        return self.bus_map.names(~held)
