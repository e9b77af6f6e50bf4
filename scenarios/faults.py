"""Fault injection: entries of a scenario, put between controller and truck.

A sensor fault changes what is read, an actuator fault what is written, a plant fault the truck itself. The injector
is a link around the real link, so neither controller nor truck knows of it.
"""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np
from pydantic import Field, model_validator

from plant_models.truck import Truck
from thermal_bms.interfaces import Link
from thermal_bms.parameters import Parameters, did_you_mean
from thermal_bms.signals import Command, Measurement, ThermalCommand, ValveMode
from thermal_bms.units import FloatArray

ActuatorFault = Callable[[ThermalCommand, float], ThermalCommand]
PlantFault = Callable[[Truck, int, float], None]

ACTUATOR_FAULTS: dict[str, ActuatorFault] = {
    "pump_off": lambda command, _: replace(command, pump_duty=0.0),
    "pump_stuck": lambda command, value: replace(command, pump_duty=value),
    "fan_off": lambda command, _: replace(command, fan_duty=0.0),
    "chiller_off": lambda command, _: replace(command, compressor_duty=0.0),
    "heater_off": lambda command, _: replace(command, heater_duty=0.0),
    "heater_stuck_on": lambda command, value: replace(command, heater_duty=value),
    "valve_stuck": lambda command, value: replace(command, valve_mode=ValveMode(int(value))),
}
PLANT_FAULTS: dict[str, PlantFault] = {
    "plate_clogged": lambda truck, string, value: truck.clog_plate(string, value),
    "string_open": lambda truck, string, _: truck.block_string(string),
    "cell_weak": lambda truck, string, value: truck.weaken_cell(string, value),
    "interface_lost": lambda truck, string, value: truck.loosen_contact(string, value),
}
AbuseFault = Callable[[Truck, int, int, float], None]
ABUSE_FAULTS: dict[str, AbuseFault] = {
    "internal_short": lambda truck, string, group, value: truck.abused().short_cell(string, group, value),
    "cell_heater": lambda truck, string, group, value: truck.abused().heat_cell(string, group, value),
    "overcharge": lambda truck, string, group, value: truck.abused().overcharge(string, group, value),
}
SENSOR_FAULTS = ("sensor_offset", "sensor_stuck", "sensor_lost")
KINDS = (*ACTUATOR_FAULTS, *PLANT_FAULTS, *ABUSE_FAULTS, *SENSOR_FAULTS)
_NUMERIC = tuple(f.name for f in fields(Measurement) if f.type in {"float", float} and f.name != "time_s")
ARRAYS = ("cell_voltage_v", "cell_temp_degc", "string_current_a", "string_voltage_v")
_GROUP = re.compile(r"^([0-9]+)(?:\s*,\s*([0-9]+))?$")
_TARGET = re.compile(r"^(?P<name>\w+)(?:\[(?P<index>[0-9]+(?:\s*,\s*[0-9]+)?)\])?$")


class FaultEntry(Parameters):
    """One fault of a scenario.

    ``target`` names a measurement for sensor faults, ``cell_temp_degc[0, 3]`` for one element, or the string number
    for plant faults (default 0); for abuse of a cell the string and the group, ``"0, 40"``, the middle group when left
    out. ``value`` is the offset, stuck value, duty or factor; of an abuse resistance [ohm], power [W] or current [A].
    """

    kind: str
    time_s: float = Field(default=0.0, ge=0.0)
    duration_s: float = Field(default=math.inf, gt=0.0, allow_inf_nan=True)
    target: str = "0"
    value: float = 0.0

    @model_validator(mode="after")
    def _known(self) -> "FaultEntry":
        if self.kind not in KINDS:
            raise ValueError(f"no such fault{did_you_mean(self.kind, KINDS)}")
        if self.kind in SENSOR_FAULTS:
            name, _ = parse_target(self.target)
            known = (*_NUMERIC, *ARRAYS)
            if name not in known:
                raise ValueError(f"target {name!r} is no measurement{did_you_mean(name, known)}")
        elif self.kind in ABUSE_FAULTS:
            parse_group(self.target)
        elif not self.target.isdecimal():
            raise ValueError(f"target {self.target!r} must be the number of a string, counted from 0")
        if self.kind in {*PLANT_FAULTS, *ABUSE_FAULTS} and math.isfinite(self.duration_s):
            raise ValueError(f"{self.kind} is not undone: leave out duration_s")
        if self.kind in {"pump_stuck", "heater_stuck_on"} and not 0.0 <= self.value <= 1.0:
            raise ValueError(f"value {self.value} must be a duty from 0 to 1")
        if self.kind == "valve_stuck" and self.value not in set(ValveMode):
            raise ValueError(f"value {self.value} must be a valve mode from 0 to {max(ValveMode)}")
        if self.kind in {"plate_clogged", "cell_weak", "interface_lost"} and self.value <= 0.0:
            raise ValueError(f"value {self.value} must be a factor > 0")
        if self.kind in ABUSE_FAULTS and not 1e-4 <= self.value <= 1e5:
            raise ValueError(
                f"value {self.value} must be a resistance, power or current from 0.0001 to 100000"
            )
        return self

    def active(self, time_s: float) -> bool:
        """Return whether the fault acts at ``time_s``."""
        return self.time_s <= time_s < self.time_s + self.duration_s


def parse_target(target: str) -> tuple[str, tuple[int, ...]]:
    """Return the measurement's name and the index, empty for all elements.

    >>> parse_target("cell_temp_degc[0, 3]")
    ('cell_temp_degc', (0, 3))
    """
    match = _TARGET.match(target)
    if match is None:
        raise ValueError(f"target {target!r} must look like name or name[0, 3]")
    index = match["index"]
    return match["name"], tuple(int(part) for part in index.split(",")) if index else ()


def parse_group(target: str) -> tuple[int, int | None]:
    """Return string and group that a cell's abuse names; None for the middle group.

    >>> parse_group("0, 40")
    (0, 40)
    """
    match = _GROUP.match(target)
    if match is None:
        raise ValueError(
            f"target {target!r} must be a string, or string and group, counted from 0: 0 or 0, 40"
        )
    return int(match[1]), None if match[2] is None else int(match[2])


def start(entry: FaultEntry, truck: Truck) -> None:
    """Break the truck as a plant fault or an abuse says."""
    if entry.kind in PLANT_FAULTS:
        PLANT_FAULTS[entry.kind](truck, int(entry.target), entry.value)
        return
    string, group = parse_group(entry.target)
    middle = truck.parameters.pack.n_series // 2
    ABUSE_FAULTS[entry.kind](truck, string, middle if group is None else group, entry.value)


class FaultyLink:
    """A link that lets the faults of a scenario act on what passes through it."""

    def __init__(self, link: Link, truck: Truck, entries: Sequence[FaultEntry]) -> None:
        self._link = link
        self._truck = truck
        self._entries = tuple(entries)
        self._waiting = [e for e in entries if e.kind in PLANT_FAULTS or e.kind in ABUSE_FAULTS]
        self.time_s = 0.0

    def read(self) -> Measurement:
        """Return the measurement with every active sensor fault in it; start plant faults that are due."""
        measurement = self._link.read()
        self.time_s = measurement.time_s
        self.begin(self.time_s)
        for entry in self._entries:
            if entry.kind in SENSOR_FAULTS and entry.active(self.time_s):
                measurement = with_sensor_fault(measurement, entry)
        return measurement

    def begin(self, time_s: float) -> None:
        """Start the faults of the truck itself that are due; a sleeping truck is not read, but breaks all the same."""
        if not self._waiting:
            return
        for entry in [e for e in self._waiting if e.time_s <= time_s]:
            start(entry, self._truck)
            self._waiting.remove(entry)

    def write(self, command: Command) -> None:
        """Send the command with every active actuator fault in it."""
        thermal = command.thermal
        for entry in self._entries:
            if entry.kind in ACTUATOR_FAULTS and entry.active(self.time_s):
                thermal = ACTUATOR_FAULTS[entry.kind](thermal, entry.value)
        self._link.write(command if thermal is command.thermal else replace(command, thermal=thermal))


def with_sensor_fault(measurement: Measurement, entry: FaultEntry) -> Measurement:
    """Return ``measurement`` with one sensor fault in it."""
    name, index = parse_target(entry.target)
    old = getattr(measurement, name)
    new = np.array(old, dtype=np.float64)
    where = index or ...
    new[where] = _faulty(new[where], entry)
    changed: Any = new if isinstance(old, np.ndarray) else float(new)  # the field's own type
    return replace(measurement, **{name: changed})


def _faulty(value: FloatArray, entry: FaultEntry) -> FloatArray:
    if entry.kind == "sensor_offset":
        return np.asarray(value + entry.value)
    return np.full_like(value, entry.value if entry.kind == "sensor_stuck" else math.nan)
