"""Print thermostat, PID and predictive controller side by side: ``python tools/compare_mpc.py SCENARIO...``.

Costs in EUR with the prices of the predictive controller's settings: electricity of the thermal system, heat lost in
the cells, calendar ageing at the mean cell temperature, and what the heat left in the pack at the end is worth (a
chiller with a coefficient of performance of 2.7 on a warm day, the heater on a cold one), all against the same
25 degC. A charge to a state of charge also costs time, shown on its own.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np

from controllers.conditioning import pack_energy_kwh
from controllers.mpc.settings import PriceSettings
from plant_models.truck_parameters import describe
from scenarios.runner import run
from scenarios.scenario import ChargePhase, LoadedScenario, load_scenario
from thermal_bms.recording import Recording
from thermal_bms.signals import VehicleMode
from thermal_bms.units import JOULES_PER_KWH, SECONDS_PER_HOUR

CONTROLLERS = ("thermostat", "pid", "mpc")
COEFFICIENT_OF_PERFORMANCE = 2.7
REFERENCE_DEGC = 25.0
WARM_DEGC = 20.0
ACTUATORS = ("pump", "fan", "compressor", "heater")
COLUMNS = (
    "total",
    "electricity",
    "heat",
    "ageing",
    "left",
    "time",
    "thermal_kwh",
    "hottest",
    "end",
    "k_s",
    "starts",
    "travel",
)


def costs_eur(scenario: LoadedScenario, rec: Recording) -> dict[str, float]:
    """Return the parts of the cost of a run [EUR]."""
    prices = PriceSettings()
    truck = describe(scenario.truck)
    dynamics = truck.thermal.dynamics
    if dynamics is None:
        raise TypeError("a library truck is described with its dynamics")
    dt_s = np.diff(rec["time_s"], prepend=rec["time_s"][0])
    planned = any(isinstance(p, ChargePhase) and p.duration_h is not None for p in scenario.settings.phase)
    grid = prices.energy_depot_eur_per_kwh if planned else prices.energy_public_eur_per_kwh
    plugged = rec["vehicle_mode"] == VehicleMode.CHARGE
    per_j = np.where(plugged, grid, prices.energy_drive_eur_per_kwh) / JOULES_PER_KWH
    thermal_w = sum(rec[f"{name}_power_w"] for name in ACTUATORS)
    base = (
        prices.pack_eur_per_kwh
        * pack_energy_kwh(truck.pack)
        / (prices.pack_life_years * 8760.0 * SECONDS_PER_HOUR)
    )
    ageing = base * 2.0 ** ((rec["cell_temp_mean_degc"] - REFERENCE_DEGC) / prices.ageing_doubles_k)
    over_k = float(rec["cell_temp_mean_degc"][-1]) - REFERENCE_DEGC
    warm = float(rec["ambient_temp_degc"][-1]) > WARM_DEGC
    worth = 1.0 / COEFFICIENT_OF_PERFORMANCE if warm else -1.0 / dynamics.heater_efficiency
    stored_kwh = dynamics.cell_heat_capacity_j_per_k * over_k / JOULES_PER_KWH
    parts = {
        "electricity": float((thermal_w * per_j) @ dt_s),
        "heat": float((rec["cell_heat_w"] * per_j) @ dt_s),
        "ageing": float(ageing @ dt_s),
        "left": worth * stored_kwh * prices.energy_drive_eur_per_kwh,
    }
    waited = 0.0 if planned else float(plugged @ dt_s) / SECONDS_PER_HOUR
    return {"total": sum(parts.values()), **parts, "time": prices.time_eur_per_h * waited}


def row(name: str, controller: str, changes: list[str]) -> dict[str, float]:
    """Run one scenario with one controller and return its figures."""
    scenario = load_scenario(name, [f"controller.name={controller}", *changes])
    with tempfile.TemporaryDirectory() as folder:
        result = run(scenario, Path(folder))
        rec = Recording(result.recording_path)
        kpis = result.kpis
        return {
            **costs_eur(scenario, rec),
            "thermal_kwh": kpis["thermal_energy_kwh"],
            "hottest": kpis["cell_temp_max_degc"],
            "end": float(rec["cell_temp_mean_degc"][-1]),
            "k_s": kpis["comfort_violation_k_s"],
            "starts": kpis["compressor_starts"],
            "travel": kpis["actuator_travel"],
        }


def main() -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenarios", nargs="+")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="changes")
    parser.add_argument("--controllers", default=",".join(CONTROLLERS))
    given = parser.parse_args()
    print("| scenario | controller | " + " | ".join(COLUMNS) + " |")
    print("| --- | --- |" + " --- |" * len(COLUMNS))
    for name in given.scenarios:
        for controller in given.controllers.split(","):
            found = row(name, controller, given.changes)
            cells = [f"{found[c]:.2f}" if c not in ("k_s", "starts") else f"{found[c]:.0f}" for c in COLUMNS]
            print(f"| {name} | {controller} | " + " | ".join(cells) + " |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
