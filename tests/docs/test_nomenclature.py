"""The nomenclature page is the list: every signal and recorded column ends in one of its units or stands in it."""

import re
from dataclasses import fields
from fnmatch import fnmatch
from pathlib import Path

import pytest

from plant_models.truck import Truck
from plant_models.truck_parameters import load_truck
from plant_models.truck_step import INPUTS, PORTS
from plant_models.truck_view import PER_STRING, VIEW
from scenarios.rows import cell_columns, energy_columns, signal_columns
from thermal_bms.control_loop import CONTROL_COLUMNS
from thermal_bms.gateway_parts import SERVICE_COLUMNS
from thermal_bms.link import measurement_columns
from thermal_bms.signals import (
    ChargeBounds,
    Command,
    Estimate,
    Health,
    Limits,
    Measurement,
    PowerOutlook,
    Preview,
    ThermalCommand,
)

PAGE = Path(__file__).parents[2] / "docs" / "nomenclature.md"
SIGNALS = (
    Measurement,
    ThermalCommand,
    Command,
    Estimate,
    ChargeBounds,
    Health,
    PowerOutlook,
    Limits,
    Preview,
)
NESTED = {
    "thermal",
    "bounds",
    "health",
    "outlook",
}  # a signal inside a signal, whose own fields are looked at
FILES_ONLY = {"_h", "_min", "_km", "_kwh", "_percent"}


def section(title: str) -> str:
    """Return the text below a heading of the page."""
    return PAGE.read_text(encoding="utf-8").split(f"## {title}\n", 1)[1].split("\n## ", 1)[0]


def units() -> set[str]:
    """Return the suffixes in the page's table of units and its line of compounds."""
    return set(re.findall(r"`(_[a-z0-9_]+)`", section("Units")))


def without_unit() -> set[str]:
    """Return the names and patterns that need no unit."""
    return set(re.findall(r"`([a-z*][a-z0-9_*]*)`", section("Without a unit")))


def is_named(name: str) -> bool:
    """Return whether a name follows the page."""
    allowed = units() - FILES_ONLY
    if any(name.endswith(suffix) for suffix in allowed):
        return True
    return any(fnmatch(name, pattern) for pattern in without_unit())


def names() -> dict[str, list[str]]:
    """Return every public name by where it stands; an element of an array ends in the number of its string."""
    truck = Truck(load_truck("heavy_lfp"), soc=0.5, temp_degc=20.0)
    listed = {
        signal.__name__: [field.name for field in fields(signal) if field.name not in NESTED]
        for signal in SIGNALS
    }
    listed |= {
        "view of the truck": [*VIEW, *PER_STRING],
        "ports of the truck": list(PORTS),
        "inputs of the tick": list(INPUTS),
        "stream signals": [re.sub(r"_\d+$", "", name) for name in signal_columns(truck)],
        "stream energy": energy_columns(),
        "stream cells": list(cell_columns(truck)),
        "stream measurement": list(measurement_columns(truck.measure())),
        "stream control": list(CONTROL_COLUMNS),
        "stream service": list(SERVICE_COLUMNS),
    }
    return listed


@pytest.mark.parametrize("place", list(names()))
def test_every_name_ends_in_a_unit_of_the_page_or_stands_in_its_list(place: str) -> None:
    assert [name for name in names()[place] if not is_named(name)] == []


def test_the_page_lists_units_and_names_that_can_be_read() -> None:
    assert {"_s", "_m", "_v", "_a", "_w", "_j", "_pa", "_rpm", "_degc", "_k", "_kg_per_s"} <= units()
    assert {"soc", "*_duty", "valve_mode"} <= without_unit()


@pytest.mark.parametrize("wrong", ["cell_temp", "pump_power_kw", "power", "speed_kmh", "temp_max", "time_h"])
def test_a_name_without_a_unit_or_with_a_wrong_one_is_noticed(wrong: str) -> None:
    assert not is_named(wrong)


def test_nothing_is_listed_as_without_a_unit_that_no_signal_has() -> None:
    used = {name for listed in names().values() for name in listed}
    idle = {pattern for pattern in without_unit() if not any(fnmatch(name, pattern) for name in used)}
    assert idle == set()


def test_temperatures_outside_the_plant_are_in_degrees_celsius() -> None:
    for place, listed in names().items():
        if place != "inputs of the tick":
            kelvin = [name for name in listed if "temp" in name and not name.endswith("_degc")]
            assert kelvin == [], place
