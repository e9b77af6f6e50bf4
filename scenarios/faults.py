"""Fault injection: entries of a scenario, put between controller and truck.

A sensor fault changes what is read, an actuator fault what is written, a plant fault the truck itself. The injector
is a link around the real link, so neither controller nor truck knows of it.
"""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from pydantic import Field, model_validator

from plant_models.contactor_box import NEGATIVE, PRECHARGE
from plant_models.truck import Truck
from scenarios.link_faults import CONTROLLER_FAULTS, LINK_KINDS, FaultyController, LinkFault
from scenarios.sensor_faults import SENSOR_KINDS, SWAPPED, TARGETS, SensorFault, parse_target
from thermal_bms.interfaces import Controller, Link
from thermal_bms.parameters import Parameters, did_you_mean
from thermal_bms.signals import Command, Measurement, ThermalCommand, ValveMode

ActuatorFault = Callable[[ThermalCommand, float], ThermalCommand]
PlantFault = Callable[[Truck, int, float], None]

ACTUATOR_FAULTS: dict[str, ActuatorFault] = {
    "pump_off": lambda command, _: replace(command, pump_duty=0.0),
    "pump_stuck": lambda command, value: replace(command, pump_duty=value),
    "fan_stuck": lambda command, value: replace(command, fan_duty=value),
    "fan_off": lambda command, _: replace(command, fan_duty=0.0),
    "chiller_off": lambda command, _: replace(command, compressor_duty=0.0),
    "heater_off": lambda command, _: replace(command, heater_duty=0.0),
    "heater_stuck_on": lambda command, value: replace(command, heater_duty=value),
    "valve_stuck": lambda command, value: replace(command, valve_mode=ValveMode(int(value))),
}
PLANT_FAULTS: dict[str, PlantFault] = {
    "plate_clogged": lambda truck, string, value: truck.clog_plate(string, value),
    "string_open": lambda truck, string, _: truck.switches.block(string),
    "cell_weak": lambda truck, string, value: truck.weaken_cell(string, value),
    "refrigerant_lost": lambda truck, _, value: truck.starve_evaporator(value),
    "interface_lost": lambda truck, string, value: truck.loosen_contact(string, value),
    "string_welded": lambda truck, string, _: truck.switches.weld(string),
    "fuse_blown": lambda truck, string, _: truck.switches.blow_fuse(string),
    "hvil_open": lambda truck, *_: setattr(truck.safety, "hvil_closed", 0.0),
    "crash": lambda truck, *_: setattr(truck.safety, "crash", 1.0),
    "isolation_low": lambda truck, _, value: setattr(truck.safety, "isolation_ohm", value),
    "coolant_leak": lambda truck, _, value: setattr(truck.safety, "leak_per_s", value),
}
AbuseFault = Callable[[Truck, int, int, float], None]
ABUSE_FAULTS: dict[str, AbuseFault] = {
    "internal_short": lambda truck, string, group, value: truck.abused().short_cell(string, group, value),
    "cell_heater": lambda truck, string, group, value: truck.abused().heat_cell(string, group, value),
    "overcharge": lambda truck, string, group, value: truck.abused().overcharge(string, group, value),
}
REQUEST_FAULTS: dict[str, Callable[[Command, float], Command]] = {
    "charger_excess": lambda command, value: replace(
        command, charge_current_a=command.charge_current_a * value
    ),
    "limit_ignored": lambda command, value: replace(
        command, discharge_power_max_w=command.discharge_power_max_w + value
    ),
}
BOX_FAULTS: dict[str, PlantFault] = {
    "negative_welded": lambda truck, string, _: _stick(truck, NEGATIVE, string, closed=True),
    "negative_open": lambda truck, string, _: _stick(truck, NEGATIVE, string, closed=False),
    "precharge_welded": lambda truck, string, _: _stick(truck, PRECHARGE, string, closed=True),
    "precharge_open": lambda truck, string, _: _stick(truck, PRECHARGE, string, closed=False),
    "bus_shorted": lambda truck, *_: _short(truck),
}
PLANT_FAULTS |= BOX_FAULTS
KINDS = (
    *ACTUATOR_FAULTS, *REQUEST_FAULTS, *PLANT_FAULTS, *ABUSE_FAULTS, *SENSOR_KINDS, *LINK_KINDS, *CONTROLLER_FAULTS
)  # fmt: skip
_GROUP = re.compile(r"^([0-9]+)(?:\s*,\s*([0-9]+))?$")
DUTIES = frozenset({"pump_stuck", "fan_stuck", "heater_stuck_on"})
FACTORS = frozenset(
    {
        "plate_clogged",
        "cell_weak",
        "interface_lost",
        "refrigerant_lost",
        "charger_excess",
        "sensor_noise",
        "clock_fast",
    }
)
NOT_BELOW_ZERO = frozenset({"isolation_low", "coolant_leak", "link_late", "clock_back", "limit_ignored"})


def _stick(truck: Truck, switch: int, string: int, *, closed: bool) -> None:
    if truck.switches.box:
        truck.switches.box.stuck[switch, string] = float(closed)


def _short(truck: Truck) -> None:
    if truck.switches.box:
        truck.switches.box.short_on_bus = True


class FaultEntry(Parameters):
    """One fault of a scenario.

    ``target`` names a measurement for sensor faults, ``cell_temp_degc[0, 3]`` for one element, or the string number
    for plant faults (default 0); for abuse of a cell the string and the group, ``"0, 40"``, the middle group when left
    out. ``other`` is what a swapped sensor changes places with. ``value`` is the offset, gain, rate per second,
    standard deviation, stuck value, duty, factor, share or time; of an abuse the resistance [ohm], power [W] or
    current [A].
    """

    kind: str
    time_s: float = Field(default=0.0, ge=0.0)
    duration_s: float = Field(default=math.inf, gt=0.0, allow_inf_nan=True)
    target: str = "0"
    other: str = ""
    value: float = 0.0

    @model_validator(mode="after")
    def _known(self) -> "FaultEntry":
        if self.kind not in KINDS:
            raise ValueError(f"no such fault{did_you_mean(self.kind, KINDS)}")
        if self.kind in SENSOR_KINDS:
            self._check_sensor()
        elif self.kind in ABUSE_FAULTS:
            parse_group(self.target)
        elif not self.target.isdecimal():
            raise ValueError(f"target {self.target!r} must be the number of a string, counted from 0")
        if self.kind in {*PLANT_FAULTS, *ABUSE_FAULTS} and math.isfinite(self.duration_s):
            raise ValueError(f"{self.kind} is not undone: leave out duration_s")
        self._check_value()
        return self

    def _check_sensor(self) -> None:
        for target in (self.target, *((self.other,) if self.kind == SWAPPED else ())):
            name, _ = parse_target(target)
            if name not in TARGETS:
                raise ValueError(f"target {name!r} is no measurement{did_you_mean(name, TARGETS)}")
        if self.other and self.kind != SWAPPED:
            raise ValueError(f"other = {self.other!r}: only sensor_swapped has one")

    def _check_value(self) -> None:
        if self.kind in DUTIES and not 0.0 <= self.value <= 1.0:
            raise ValueError(f"value {self.value} must be a duty from 0 to 1")
        if self.kind == "valve_stuck" and self.value not in set(ValveMode):
            raise ValueError(f"value {self.value} must be a valve mode from 0 to {max(ValveMode)}")
        if self.kind in FACTORS and self.value <= 0.0:
            raise ValueError(f"value {self.value} must be a factor > 0")
        if self.kind in NOT_BELOW_ZERO and self.value < 0.0:
            raise ValueError(f"value {self.value} must be >= 0")
        if self.kind in ABUSE_FAULTS and not 1e-4 <= self.value <= 1e5:
            raise ValueError(
                f"value {self.value} must be a resistance, power or current from 0.0001 to 100000"
            )
        if self.kind == "link_lossy" and not 0.0 < self.value < 1.0:
            raise ValueError(f"value {self.value} must be a share between 0 and 1")

    def active(self, time_s: float) -> bool:
        """Return whether the fault acts at ``time_s``."""
        return self.time_s <= time_s < self.time_s + self.duration_s


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
        self._changes = [
            (entry, _change(entry, number))
            for kinds in (LINK_KINDS, SENSOR_KINDS)
            for number, entry in enumerate(entries)
            if entry.kind in kinds
        ]
        self.time_s = 0.0

    def read(self) -> Measurement:
        """Return the measurement with every active fault of link and sensors in it; start plant faults that are due."""
        measurement = self._link.read()
        self.time_s = measurement.time_s
        self.begin(self.time_s)
        for entry, change in self._changes:
            if entry.active(self.time_s):
                measurement = change.change(measurement)
        return measurement

    def begin(self, time_s: float) -> None:
        """Start the faults of the truck itself that are due; a sleeping truck is not read, but breaks all the same."""
        if not self._waiting:
            return
        for entry in [e for e in self._waiting if e.time_s <= time_s]:
            start(entry, self._truck)
            self._waiting.remove(entry)

    def write(self, command: Command) -> None:
        """Send the command with every active fault of actuators and requests in it."""
        thermal = command.thermal
        for entry in self._entries:
            if entry.active(self.time_s):
                if entry.kind in ACTUATOR_FAULTS:
                    thermal = ACTUATOR_FAULTS[entry.kind](thermal, entry.value)
                elif entry.kind in REQUEST_FAULTS:
                    command = REQUEST_FAULTS[entry.kind](command, entry.value)
        self._link.write(command if thermal is command.thermal else replace(command, thermal=thermal))


def _change(entry: FaultEntry, number: int) -> LinkFault | SensorFault:
    """Return what a fault does to measurements; its number among the faults seeds its chance."""
    if entry.kind in LINK_KINDS:
        return LinkFault(entry.kind, entry.value, start_s=entry.time_s, seed=number)
    return SensorFault(
        entry.kind, entry.target, value=entry.value, other=entry.other, start_s=entry.time_s, seed=number
    )


def with_controller_faults(controller: Controller, entries: Sequence[FaultEntry]) -> Controller:
    """Return the controller with every fault of its own; the same one when there is none."""
    faults = [(e.kind, e.time_s, e.time_s + e.duration_s) for e in entries if e.kind in CONTROLLER_FAULTS]
    return FaultyController(controller, faults) if faults else controller
