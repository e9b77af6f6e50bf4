"""Write the tables of docs/scenarios.md, docs/recording.md and README.md that follow from the code.

python tools/make_scenario_reference.py            bring the pages up to date
python tools/make_scenario_reference.py --check    only say which are not
"""

import sys
from functools import partial
from pathlib import Path

from reference_blocks import ROOT, Blocks, markdown, model_table, write_pages

from plant_models.charger import CHARGERS
from plant_models.pack_spme import ELECTRODES
from plant_models.truck_parameters import load_truck, truck_names
from plant_models.truck_step import PORTS
from plant_models.truck_view import PER_STRING, VIEW
from scenarios.checks import KPIS
from scenarios.climate import ConstantClimate, DiurnalClimate, HourlyClimate, library_climates
from scenarios.drive_cycle import library_cycles, load_cycle
from scenarios.faults import KINDS, FaultEntry
from scenarios.rows import CLOCK, CONTROL, WORLD
from scenarios.scenario import (
    ChargePhase,
    ControllerChoice,
    Degraded,
    DrivePhase,
    InitialState,
    ParkPhase,
    PreviewSettings,
    RecordingSettings,
    Scenario,
    library_names,
    load_scenario,
)
from thermal_bms.cli.describe import climate_text, phases_text
from thermal_bms.signals import LimitCause

CLIMATES = ROOT / "scenarios" / "climates"
PAGES = (ROOT / "README.md", ROOT / "docs" / "scenarios.md", ROOT / "docs" / "recording.md")

SCENARIO = {
    "title": "what stands on top of the report",
    "description": "one or two sentences for the report",
    "truck": "name from the library, or path of a truck's TOML file",
    "payload_kg": "load",
    "tick_s": "length of a control tick",
    "seed": "of cell spread and sensor noise; the same seed gives the same run",
    "initial": "table, see below",
    "climate": "table, see below",
    "controller": "table, see below",
    "preview": "table, see below",
    "phase": "one `[[phase]]` per part of the day, at least one",
    "fault": "one `[[fault]]` per fault",
    "checks": "table of figures and limits, see below",
    "recording": "table, see below",
    "degraded": "one `[[degraded]]` per proof",
}
INITIAL = {"soc": "state of charge of every cell", "cell_temp_degc": "of everything in the pack and its loop"}
CONTROLLER = {
    "name": "`thermostat`, `pid`, `mpc`, or `path/to/file.py:build` for one of your own",
    "settings": "its settings, see [controllers](controllers.md)",
}
PREVIEW: dict[str, str] = {}
RECORDING = {
    "signals_every_s": "rows of the stream `signals`",
    "cells_every_s": "rows of the streams `cells` and `energy`",
}
DRIVE = {
    "kind": "says that this phase is a drive",
    "name": "shown in the report",
    "repeat": "rounds of the cycle",
    "duration_max_h": "give up after this time",
}
PARK = {
    "kind": "says that this phase is a park",
    "name": "shown in the report",
    "duration_h": "how long the truck stands",
    "wake_interval_min": "time between looks at the pack",
    "wake_duration_min": "how long the controller stays awake",
}
CHARGE = {
    "kind": "says that this phase is a charge",
    "name": "shown in the report",
    "charger": "name of a charger, see below",
    "until_soc": "target",
}
CONSTANT = {
    "kind": "the same weather all the time",
    "temp_degc": "air temperature",
    "humidity": "relative",
    "irradiance_w_per_m2": "sunshine on the cabin's glass",
}
DIURNAL = {
    "kind": "one day that repeats",
    "temp_min_degc": "coldest hour",
    "temp_max_degc": "hottest hour",
    "hour_of_min": "when it is coldest",
    "hour_of_max": "when it is hottest",
    "irradiance_max_w_per_m2": "sunshine at its highest",
    "sunrise_hour": "from then on half a sine",
    "sunset_hour": "until then",
}
HOURLY = {
    "kind": "weather from a table",
    "file": "name from the library, or path of a CSV",
    "humidity": "relative, where the table has none",
    "dew_point_degc": "used in place of `humidity`, where the table has none",
}
FAULT = {
    "kind": "see the table below",
    "time_s": "when it begins, from the start of the scenario",
    "other": "what a swapped sensor changes places with",
    "duration_s": "how long it lasts; a fault of the truck itself lasts for good",
    "target": "number of the string from 0, `0, 40` for a group of it, or a measurement, as `cell_temp_degc[0, 3]`",
    "value": "what it means stands in the table below",
}
DEGRADED = {"fails": "name of the check that must fail", "fault": "the fault that makes it fail"}
FAULT_KINDS = {
    "pump_off": ("", "", "the pump does not turn"),
    "pump_stuck": ("", "duty 0 to 1", "the pump keeps this duty"),
    "fan_off": ("", "", "the fan does not turn"),
    "chiller_off": ("", "", "the compressor is not asked to run for the battery"),
    "heater_off": ("", "", "the heater stays cold"),
    "heater_stuck_on": ("", "duty 0 to 1", "the heater keeps this duty"),
    "valve_stuck": ("", "0 bypass, 1 radiator, 2 chiller, 3 waste heat", "the mode valve stays there"),
    "plate_clogged": ("string", "factor > 0", "hydraulic resistance of the string's plate times this"),
    "string_open": ("string", "", "the string's contactors stay open"),
    "cell_weak": (
        "string",
        "factor > 0",
        "capacity of the middle group times this, resistance divided by it",
    ),
    "refrigerant_lost": ("", "factor > 0", "conductance of the chiller's evaporator times this: it runs dry"),
    "interface_lost": ("string", "factor > 0", "conductance from cells to plate times this"),
    "internal_short": (
        "string, group",
        "ohm",
        "the first cell of the group is shorted inside by this resistance",
    ),
    "cell_heater": ("string, group", "W", "a heater pad on the first cell of the group, until it is shorted"),
    "overcharge": (
        "string, group",
        "A",
        "a supply feeds the group whatever its voltage, until a cell is shorted",
    ),
    "sensor_offset": ("measurement", "offset", "the reading is off by this"),
    "sensor_stuck": ("measurement", "reading", "the reading stays at this"),
    "sensor_lost": ("measurement", "", "there is no reading"),
    "sensor_gain": ("measurement", "factor", "the reading is multiplied by this"),
    "sensor_drift": ("measurement", "per second", "the reading runs away at this rate"),
    "sensor_noise": ("measurement", "standard deviation > 0", "the reading is noisy"),
    "sensor_frozen": ("measurement", "", "the reading stays as it was"),
    "sensor_open": ("measurement", "", "a thermistor reads -80 °C, anything else 0"),
    "sensor_short": ("measurement", "", "a thermistor reads 160 °C, anything else 0"),
    "sensor_swapped": ("measurement", "", "the reading changes places with that of `other`"),
    "fan_stuck": ("", "duty 0 to 1", "the fan keeps this duty"),
    "charger_excess": ("", "factor > 0", "the charger is asked for its request times this"),
    "limit_ignored": ("", "W >= 0", "the vehicle takes this much more than the battery offers"),
    "string_welded": ("string", "", "the string's positive contactor stays closed"),
    "fuse_blown": ("string", "", "the string is cut off; its contactors still say closed"),
    "hvil_open": ("", "", "the interlock opens"),
    "crash": ("", "", "the crash switch acts"),
    "isolation_low": ("", "ohm", "isolation between high voltage and chassis falls to this"),
    "coolant_leak": (
        "",
        "1/s",
        "this share of the tank is lost per second; without coolant the pump draws air",
    ),
    "negative_welded": ("string", "", "the negative contactor stays closed; needs a contactor box"),
    "negative_open": ("string", "", "the negative contactor stays open; needs a contactor box"),
    "precharge_welded": ("string", "", "the precharge relay stays closed; needs a contactor box"),
    "precharge_open": ("string", "", "the precharge relay stays open; needs a contactor box"),
    "bus_shorted": ("", "", "a dead short on the bus before the contactors close; needs a contactor box"),
    "link_silent": ("", "", "nothing new arrives from the truck"),
    "link_frozen": ("", "", "everything but the clock stands still"),
    "link_late": ("", "s", "everything arrives this much later"),
    "link_lossy": ("", "share between 0 and 1", "this share of the messages is lost"),
    "clock_back": ("", "s", "the truck's clock is set back by this"),
    "clock_fast": ("", "factor > 0", "the truck's clock runs this many times as fast"),
    "controller_nan": ("", "", "the controller proposes no number"),
    "controller_error": ("", "", "the controller raises an error"),
    "controller_timeout": ("", "", "the controller does not answer in time"),
}


def library_table(*, with_day: bool = True) -> str:
    """Return the scenarios of the library: truck, weather, title, and the day when asked for."""
    found = []
    for name in library_names():
        settings = load_scenario(name).settings
        cells = (f"`{name}`", f"`{settings.truck}`", climate_text(settings.climate), settings.title)
        found.append((*cells, phases_text(settings)) if with_day else cells)
    header = ("scenario", "truck", "weather", "what it is")
    return markdown((*header, "the day") if with_day else header, found)


def truck_table() -> str:
    """Return the trucks of the library."""
    found = []
    for name in truck_names():
        truck = load_truck(name)
        strings = f"{truck.pack.n_strings} x {truck.pack.n_series}s{truck.pack.n_parallel}p"
        found.append((f"`{name}`", truck.cooling, strings, f"`{truck.cell}`", truck.title))
    return markdown(("truck", "cooling", "strings", "cell", "what it is like"), found)


def cycle_table() -> str:
    """Return the drive cycles of the library with their statistics."""
    found = []
    for name in library_cycles():
        cycle = load_cycle(name)
        s = cycle.statistics()
        numbers = (s.distance_m / 1000.0, s.duration_s / 60.0, 3.6 * s.moving_speed_m_per_s)
        speeds = (
            *(f"{value:.1f}" for value in numbers),
            f"{3.6 * s.speed_max_m_per_s:.1f}",
            f"{s.climb_m:.0f}",
        )
        found.append((f"`{name}`", *speeds, cycle.source))
    header = ("cycle", "km", "min", "km/h moving", "km/h highest", "climb, m", "source")
    return markdown(header, found)


def climate_table() -> str:
    """Return the hourly climates of the library, from the heads of their files."""
    return markdown(("climate", "what it is", "source"), [_climate_row(name) for name in library_climates()])


def _climate_row(name: str) -> tuple[str, str, str]:
    head = (CLIMATES / f"{name}.csv").read_text(encoding="utf-8").splitlines()[:6]
    meta = dict(line[1:].split(":", 1) for line in head if line.startswith("#"))
    return f"`{name}`", meta[" title"].strip(), meta[" source"].strip()


def charger_table() -> str:
    """Return the chargers with their ratings."""
    found = [
        (f"`{name}`", f"{c.power_max_w / 1000.0:g}", f"{c.current_max_a:g}", f"{c.voltage_max_v:g}", c.place)
        for name, c in CHARGERS.items()
    ]
    return markdown(("charger", "kW", "A", "V", "place"), found)


def fault_table() -> str:
    """Return the kinds of faults; one that is not explained here raises ``KeyError``."""
    found = [(f"`{kind}`", *FAULT_KINDS[kind]) for kind in KINDS]
    return markdown(("kind", "`target`", "`value`", "what happens"), found)


def kpi_table() -> str:
    """Return the figures that a check may name; the ones per limiting cause stand together."""
    return markdown(("figure", "unit", "meaning"), [(f"`{k}`", v.unit, v.label) for k, v in KPIS.items()])


def signal_list() -> str:
    """Return the columns of the stream "signals" by where they come from."""
    groups = {
        "The clock and the day": CLOCK,
        "The world around": WORLD,
        "What the controller believed and decided": CONTROL,
        "Powers and heat flows, means since the row before": PORTS,
        "The truth inside the truck": VIEW,
        "Per string, with `_0`, `_1`, ... appended": PER_STRING,
        'Inside the electrodes, with `cell_model = "spme"` only': ELECTRODES,
    }
    lines = [f"- {title}: {', '.join(f'`{name}`' for name in names)}." for title, names in groups.items()]
    return "\n".join(lines)


def cause_list() -> str:
    """Return the codes of ``discharge_cause``, ``charge_cause`` and ``charge_limit``."""
    return ", ".join(f"{cause.value} {cause.name.lower().replace('_', ' ')}" for cause in LimitCause)


BLOCKS: Blocks = {
    "library": library_table,
    "library.short": partial(library_table, with_day=False),
    "trucks": truck_table,
    "cycles": cycle_table,
    "climates": climate_table,
    "chargers": charger_table,
    "faults": fault_table,
    "kpis": kpi_table,
    "signals": signal_list,
    "causes": cause_list,
    "scenario": lambda: model_table(Scenario, SCENARIO),
    "initial": lambda: model_table(InitialState, INITIAL),
    "controller": lambda: model_table(ControllerChoice, CONTROLLER),
    "preview": lambda: model_table(PreviewSettings, PREVIEW),
    "recording": lambda: model_table(RecordingSettings, RECORDING),
    "phase.drive": lambda: model_table(DrivePhase, DRIVE),
    "phase.park": lambda: model_table(ParkPhase, PARK),
    "phase.charge": lambda: model_table(ChargePhase, CHARGE),
    "climate.constant": lambda: model_table(ConstantClimate, CONSTANT),
    "climate.diurnal": lambda: model_table(DiurnalClimate, DIURNAL),
    "climate.hourly": lambda: model_table(HourlyClimate, HOURLY),
    "fault": lambda: model_table(FaultEntry, FAULT),
    "degraded": lambda: model_table(Degraded, DEGRADED),
}


def main(pages: tuple[Path, ...] = PAGES) -> int:
    """Write or check the pages; return the exit code."""
    return write_pages(pages, BLOCKS)


if __name__ == "__main__":
    sys.exit(main())
