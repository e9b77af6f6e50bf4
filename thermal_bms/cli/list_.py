"""``thermal-bms list``: what there is to run and to build from."""

import argparse
from collections.abc import Callable, Sequence

from thermal_bms.cli.tables import number, table
from thermal_bms.errors import ThermalBmsError

SUMMARY = "show scenarios, trucks, cells, cycles, climates, chargers and controllers"
DESCRIPTION = (
    "Show what the library holds: scenarios, trucks, cells, cycles, climates, chargers and controllers."
)
EPILOG = """\
examples:
  thermal-bms list
  thermal-bms list scenarios
  thermal-bms list cells
"""

Table = tuple[Sequence[str], list[Sequence[str]], Sequence[int]]  # header, rows, columns flush right


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the arguments of the verb."""
    parser.add_argument("what", nargs="?", choices=list(_KINDS), help="only this kind (default: all)")


def execute(arguments: argparse.Namespace) -> int:
    """Print the lists; return 0."""
    kinds = [arguments.what] if arguments.what else list(_KINDS)
    for place, kind in enumerate(kinds):
        header, rows, right = _KINDS[kind]()
        if len(kinds) > 1:
            print(f"{'' if place == 0 else chr(10)}{kind}\n")
        print(table(rows, header=header, right=right))
    return 0


def _rows(names: Sequence[str], describe: Callable[[str], Sequence[str]], width: int) -> list[Sequence[str]]:
    """Return a row per name; one that cannot be loaded shows why and hides none of the others."""
    rows: list[Sequence[str]] = []
    for name in names:
        try:
            rows.append((name, *describe(name)))
        except ThermalBmsError as error:
            rows.append((name, *([""] * (width - 2)), f"error: {error}"))
    return rows


def _scenarios() -> Table:
    from scenarios.scenario import library_names, load_scenario
    from thermal_bms.cli.describe import climate_text, length_text

    def describe(name: str) -> Sequence[str]:
        scenario = load_scenario(name)
        settings = scenario.settings
        return settings.truck, length_text(scenario), climate_text(settings.climate), settings.title

    header = ("name", "truck", "length", "climate", "title")
    return header, _rows(library_names(), describe, len(header)), [2]


def _trucks() -> Table:
    from plant_models.truck_parameters import load_truck, truck_names

    def describe(name: str) -> Sequence[str]:
        truck = load_truck(name)
        pack, vehicle = truck.pack, truck.vehicle
        return (
            truck.weight_class,
            truck.cooling,
            f"{pack.n_strings} x {pack.n_series}s{pack.n_parallel}p",
            truck.cell,
            number(vehicle.power_max_w / 1000.0),
            number(vehicle.payload_max_kg),
            truck.title,
        )

    header = ("name", "class", "cooling", "strings", "cell", "kW", "payload kg", "title")
    return header, _rows(truck_names(), describe, len(header)), [5, 6]


def _cells() -> Table:
    from plant_models.cell import PARAMETER_SETS, load_cell

    def describe(name: str) -> Sequence[str]:
        cell = load_cell(name)
        voltage = f"{cell.voltage_min_v:g} to {cell.voltage_max_v:g}"
        origin = ", ".join(dict.fromkeys(source.kind for source in cell.source))
        currents = f"{cell.charge_current_max_a:g}", f"{cell.discharge_current_max_a:g}"
        return cell.chemistry.upper(), f"{cell.capacity_ah:g}", voltage, *currents, origin

    header = ("name", "chemistry", "Ah", "V", "charge A", "discharge A", "origin")
    names = sorted(path.stem for path in (PARAMETER_SETS / "cells").glob("*.toml"))
    return header, _rows(names, describe, len(header)), [2, 4, 5]


def _cycles() -> Table:
    from scenarios.drive_cycle import library_cycles, load_cycle

    def describe(name: str) -> Sequence[str]:
        cycle = load_cycle(name)
        found = cycle.statistics()
        return (
            number(found.distance_m / 1000.0),
            number(found.duration_s / 60.0),
            number(found.moving_speed_m_per_s * 3.6),
            number(found.speed_max_m_per_s * 3.6),
            cycle.source,
        )

    header = ("name", "km", "min", "km/h moving", "km/h max", "source")
    return header, _rows(library_cycles(), describe, len(header)), [1, 2, 3, 4]


def _climates() -> Table:
    from scenarios.climate import library_climates

    return ("name",), [(name,) for name in library_climates()], []


def _chargers() -> Table:
    from plant_models.charger import CHARGERS

    def row(name: str) -> Sequence[str]:
        rating = CHARGERS[name]
        return (
            name,
            rating.kind,
            *(number(x) for x in (rating.power_max_w / 1e3, rating.current_max_a, rating.voltage_max_v)),
        )

    return ("name", "kind", "kW", "A", "V"), [row(name) for name in CHARGERS], [2, 3, 4]


def _controllers() -> Table:
    from controllers.registry import names

    return ("name",), [(name,) for name in names()], []


_KINDS: dict[str, Callable[[], Table]] = {
    "scenarios": _scenarios,
    "trucks": _trucks,
    "cells": _cells,
    "cycles": _cycles,
    "climates": _climates,
    "chargers": _chargers,
    "controllers": _controllers,
}
