"""Sanity against the road: consumption on the library's cycles, and the heat that a megawatt makes.

    python tools/road_check.py                print both tables
    python tools/road_check.py consumption    only the first (seconds)
    python tools/road_check.py heat           only the second (a closed-loop charge)
    python tools/road_check.py --write        also put the tables into docs/road.md

Consumption is at the battery's terminals: traction plus auxiliaries, at 40 t and 15 degC, with a battery that gives
and takes what the drive can. Thermal system and cabin are left out. The heat is that of a closed-loop charge with
controller, chiller and derating.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from reference_blocks import ROOT, Blocks, filled, markdown

from plant_models.truck_parameters import load_truck
from plant_models.vehicle import VehicleParameters, new_vehicle_state, vehicle_record, vehicle_step
from scenarios.drive_cycle import DriveCycle, load_cycle
from scenarios.metrics import record_intervals_s
from scenarios.runner import run
from scenarios.scenario import load_scenario
from thermal_bms.recording import Recording
from thermal_bms.units import JOULES_PER_KWH, FloatArray, degc_to_k, kmh_to_m_per_s

PAGE = ROOT / "docs" / "road.md"
GROSS_KG = 40e3
AMBIENT_DEGC = 15.0
CAP_KM_PER_H = 85.0
STEP_S = 1.0
UNLIMITED_W = 1e7
CYCLES: tuple[tuple[str, bool], ...] = (
    ("nrel_long_haul", True),
    ("epa_gem_55mph_grade", True),
    ("nrel_regional_haul", True),
    ("nrel_long_haul", False),
    ("epa_gem_65mph_grade", False),
    ("wltc_class3b", False),
    ("wltc_class3b", True),
    ("epa_udds", False),
    ("epa_udds", True),
    ("epa_hwfet", False),
    ("epa_hwfet", True),
)
TRUCKS = ("heavy_lfp", "heavy_nmc")

HEAT_SCENARIO = "heavy_lfp_megawatt_datasheet"
HEAT_TRUCK = "heavy_lfp_fast_charge"
FULL_POWER_W = 0.95e6
HEAT_WINDOWS = ((0.2, 0.8), (0.2, 0.5), (0.5, 0.8))


@dataclass(frozen=True)
class Charge:
    """The part of a charge at full power as recorded: one value a row, all of shape (n_rows,).

    Attributes
    ----------
    interval_s : what a row stands for [s]
    soc : mean of all groups, 0..1
    heat_w : heat of all cells [W]
    hottest_degc : hottest cell [degC]
    """

    interval_s: FloatArray
    soc: FloatArray
    heat_w: FloatArray
    hottest_degc: FloatArray

    def mean_heat_w(self, low: float, high: float) -> float:
        """Return the mean heat while the charge runs from ``low`` to ``high`` [W]."""
        rows = (self.soc >= low) & (self.soc <= high)
        return float(np.dot(self.heat_w[rows], self.interval_s[rows]) / self.interval_s[rows].sum())


def consumption_kwh_per_km(vehicle: VehicleParameters, cycle: DriveCycle) -> float:
    """Return traction plus auxiliaries per distance on a cycle [kWh/km], at 40 t and 15 degC."""
    p = vehicle_record(vehicle, GROSS_KG - vehicle.mass_kerb_kg)[0]
    arrays = cycle.arrays(vehicle.comfort_decel_m_per_s2)
    s = new_vehicle_state(arrays)[0]
    energy_j = 0.0
    while s.finished < 0.5:
        vehicle_step(p, s, arrays.table, UNLIMITED_W, UNLIMITED_W, degc_to_k(AMBIENT_DEGC), STEP_S)
        energy_j += (s.traction_power_w + vehicle.auxiliary_power_w) * STEP_S
    return float(energy_j / JOULES_PER_KWH / (s.position_m / 1000.0))


def consumption_rows() -> tuple[list[str], list[list[str]]]:
    """Return head and rows of the consumption table: a row per cycle, a column per truck [kWh/km]."""
    vehicles = [load_truck(name).vehicle for name in TRUCKS]
    head = ["cycle", "speed limiter", *(f"`{name}`, kWh/km" for name in TRUCKS)]
    rows = []
    for name, capped in CYCLES:
        cycle = load_cycle(name)
        if capped:
            cycle = cycle.capped(kmh_to_m_per_s(CAP_KM_PER_H))
        values = [f"{consumption_kwh_per_km(vehicle, cycle):.2f}" for vehicle in vehicles]
        rows.append([f"`{name}`", f"{CAP_KM_PER_H:.0f} km/h" if capped else "none", *values])
    return head, rows


def megawatt_charge() -> Charge:
    """Run a charge from 10 to 80 % at 1 MW and 25 degC in closed loop; return its part at full power."""
    scenario = load_scenario(HEAT_SCENARIO, [f"truck={HEAT_TRUCK}"])
    with tempfile.TemporaryDirectory() as folder:
        recording = Recording(run(scenario, Path(folder)).recording_path)
        full = recording["charger_power_w"] >= FULL_POWER_W
        columns = (recording[name] for name in ("soc", "cell_heat_w", "cell_temp_max_degc"))
        interval_s, soc, heat_w, hottest_degc = (
            values[full] for values in (record_intervals_s(recording["time_s"]), *columns)
        )
    return Charge(interval_s, soc, heat_w, hottest_degc)


def heat_rows(charge: Charge) -> tuple[list[str], list[list[str]]]:
    """Return head and rows of the heat table: a row per window of charge."""
    head = ["at 1 MW from", "to", "mean heat of the cells, kW", "hottest cell at the end, °C"]
    rows = []
    for low, high in ((float(charge.soc[0]), float(charge.soc[-1])), *HEAT_WINDOWS):
        heat_kw = charge.mean_heat_w(low, high) / 1000.0
        end_degc = float(charge.hottest_degc[charge.soc <= high][-1])
        rows.append([f"{100.0 * low:.0f} %", f"{100.0 * high:.0f} %", f"{heat_kw:.0f}", f"{end_degc:.0f}"])
    return head, rows


BLOCKS: Blocks = {
    "road.consumption": lambda: markdown(*consumption_rows()),
    "road.heat": lambda: markdown(*heat_rows(megawatt_charge())),
}


def main(arguments: Sequence[str]) -> int:
    """Print what is asked for; return 0."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("what", nargs="?", choices=("consumption", "heat"), help="only this (default: both)")
    parser.add_argument("--write", action="store_true", help="also put the tables into docs/road.md")
    asked = parser.parse_args(arguments)
    tables = {name: make() for name, make in BLOCKS.items() if asked.what in {None, name.split(".")[1]}}
    print("\n\n".join(tables.values()))
    if asked.write:
        fresh: Blocks = {name: partial(str, table) for name, table in tables.items()}
        PAGE.write_text(filled(PAGE.read_text(encoding="utf-8"), fresh), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
