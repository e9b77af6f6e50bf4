"""What a run takes of grid, driver and truck, and what it leaves in the pack: the quantities that have a price.

Only quantities stand here; ``cost`` puts prices on them, so a run can be priced again without being run again.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from plant_models.cell import CellParameters
from plant_models.charger import CHARGERS, Place
from plant_models.truck_parameters import TruckParameters, full_energy_j
from scenarios.ageing import recorded_truck
from scenarios.energy_balance import SignalSource, energy_columns, record_intervals_s
from thermal_bms.errors import RecordingError
from thermal_bms.units import JOULES_PER_KWH, SECONDS_PER_HOUR, FloatArray

REFERENCE_DEGC = 25.0
"""Heat in the cells is counted from here: the middle of the comfort band of both chemistries."""

PhaseTable = Mapping[str, Any]  # one phase as the scenario's TOML gives it


def account_kpis(recording: SignalSource) -> dict[str, float]:
    """Return hours, grid energy by place, and what is left in the pack; only what the recording tells.

    Driver and truck are counted while the day waits for them: driving, and charging without a timetable
    (``duration_h``), the driver only where the charger is public. Parking and timed charging take as long as
    planned, whatever the controller does, and count for neither.
    """
    dt_s = record_intervals_s(recording["time_s"])
    return {**_weather(recording, dt_s), **_by_phase(recording, dt_s), **_left_in_pack(recording)}


def _weather(recording: SignalSource, dt_s: FloatArray) -> dict[str, float]:
    total_s = float(dt_s.sum())
    if "ambient_temp_degc" not in recording or total_s == 0.0:
        return {}
    return {"ambient_temp_mean_degc": float(np.dot(recording["ambient_temp_degc"], dt_s)) / total_s}


def _by_phase(recording: SignalSource, dt_s: FloatArray) -> dict[str, float]:
    phases = recording.meta.get("scenario", {}).get("phase", ())
    if not phases or "phase_index" not in recording or "charger_power_w" not in recording:
        return {}
    if any(phase.get("kind") == "charge" and place_of(phase) is None for phase in phases):
        return {}
    index, power_w = recording["phase_index"], recording["charger_power_w"]
    found = dict.fromkeys(("grid_depot_kwh", "grid_public_kwh", "driver_h", "truck_h"), 0.0)
    for number, phase in enumerate(phases):
        here = index == number
        place = place_of(phase)
        if place is not None:
            found[f"grid_{place}_kwh"] += float(np.dot(power_w[here], dt_s[here])) / JOULES_PER_KWH
        hours = float(dt_s[here].sum()) / SECONDS_PER_HOUR
        found["truck_h"] += hours if _waited_for(phase) else 0.0
        found["driver_h"] += hours if _waited_for(phase) and place != "depot" else 0.0
    return found


def place_of(phase: PhaseTable) -> Place | None:
    """Return whose energy a phase charges: as the phase says, else as its charger does; None when neither tells.

    >>> place_of({"kind": "charge", "charger": "mcs_1mw"})
    'public'
    """
    if phase.get("kind") != "charge":
        return None
    said: Place | None = phase.get("place")
    station = CHARGERS.get(str(phase.get("charger")))
    return said or (station.place if station else None)


def _waited_for(phase: PhaseTable) -> bool:
    kind = phase.get("kind")
    return kind == "drive" or (kind == "charge" and phase.get("duration_h") is None)


def _left_in_pack(recording: SignalSource) -> dict[str, float]:
    try:
        truck, cell = recorded_truck(recording.meta)
    except RecordingError:
        return {}
    found = {"pack_energy_kwh": full_energy_j(truck, cell) / JOULES_PER_KWH}
    if "cell_temp_mean_degc" in recording:
        over_k = float(recording["cell_temp_mean_degc"][-1]) - REFERENCE_DEGC
        found["heat_left_kwh"] = cells_heat_capacity_j_per_k(truck, cell) * over_k / JOULES_PER_KWH
    columns = energy_columns(recording)
    if "chemical_energy_j" in columns:
        stored_j = columns["chemical_energy_j"]
        found["charge_left_kwh"] = float(stored_j[-1] - stored_j[0]) / JOULES_PER_KWH
    return found


def cells_heat_capacity_j_per_k(truck: TruckParameters, cell: CellParameters) -> float:
    """Return the heat capacity of all cells of a truck [J/K]: number of cells, mass, specific heat.

    >>> from plant_models.cell import load_cell
    >>> from plant_models.truck_parameters import load_truck
    >>> truck = load_truck("heavy_lfp")
    >>> round(cells_heat_capacity_j_per_k(truck, load_cell(truck.cell)) / 1e6, 2)
    3.71
    """
    pack = truck.pack
    n_cells = pack.n_strings * pack.n_series * pack.n_parallel
    return n_cells * cell.thermal.mass_kg * cell.thermal.specific_heat_j_per_kgk
