"""A folder of measurements of a made-up cell, computed with the plant's own cell."""

from pathlib import Path

import numpy as np

from plant_models.cell import CellParameters
from plant_models.cell_trace import trace_measured
from plant_models.identification.reduction import truck_current
from thermal_bms.units import FloatArray

HEADER = "time_s,voltage_v,current_a,case_temp_degc,charge_ah"
AIR_W_PER_K = 0.6
TEMPS_DEGC = (0.0, 25.0)
DRIVE = "drive_25degc"
ABOUT = """\
name = "made_up"
chemistry = "nmc"
voltage_min_v = 2.8
voltage_max_v = 4.2
charge_current_max_a = 150.0
discharge_current_max_a = 200.0
mass_kg = 2.0
core_to_plate_k_per_w = 0.3
cooled_area_m2 = 0.01
length_m = 0.17
width_m = 0.05
height_m = 0.12
hysteresis_v = 0.002

[[source]]
title = "Made up for tests"
kind = "assumed"
"""


def level_current(capacity_ah: float) -> FloatArray:
    """One level of a pulse test, 1 s steps: pulses both ways with rests, then 10 % out and a long rest."""
    parts = (
        (0.0, 30),
        (0.5, 10),
        (0.0, 900),
        (2.0, 10),
        (0.0, 900),
        (-0.5, 10),
        (0.0, 900),
        (0.3, 1120),
        (0.0, 1800),
    )
    return capacity_ah * np.concatenate([np.full(n, rate) for rate, n in parts])


def simulated_rows(cell: CellParameters, current_a: FloatArray, dt_s: float, temp_degc: float) -> FloatArray:
    """Rows of a log of a cell that starts full."""
    air = np.full(current_a.size, temp_degc)
    ours = trace_measured(cell, current_a, ambient_degc=air, dt_s=dt_s, ambient_w_per_k=AIR_W_PER_K)
    time_s = dt_s * np.arange(1, current_a.size + 1)
    charge_ah = np.cumsum(current_a) * dt_s / 3600.0
    return np.stack([time_s, ours.voltage_v, current_a, ours.surface_temp_degc, charge_ah], axis=1)


def write_rows(path: Path, rows: FloatArray) -> Path:
    """Write a log as CSV."""
    np.savetxt(path, rows, fmt="%.6f", delimiter=",", header=HEADER, comments="")
    return path


def thinned(rows: FloatArray) -> FloatArray:
    """Leave out most of each rest, as a cycler does."""
    change = np.flatnonzero(np.abs(np.diff(rows[:, 2])) > 0.0) + 1
    since = (
        np.arange(rows.shape[0])
        - np.concatenate([[0], change])[np.searchsorted(change, np.arange(rows.shape[0]), "right")]
    )
    before = np.append(np.abs(np.diff(rows[:, 2])) > 0.0, True)
    return rows[(since < 60) | (since % 20 == 0) | before]


def write_measurements(folder: Path, cell: CellParameters) -> Path:
    """Write pulse tests, a slow discharge, a drive and cell.toml; return the folder.

    The cell has no hysteresis here: rests after discharge cannot tell it from a lower open-circuit voltage, and its
    heat would be missed.
    """
    cell = cell.model_copy(update={"circuit": cell.circuit.model_copy(update={"hysteresis_v": 0.0})})
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cell.toml").write_text(ABOUT, encoding="utf-8")
    level = np.tile(level_current(cell.capacity_ah), 9)
    for temp in TEMPS_DEGC:
        write_rows(folder / f"hppc_{temp:.0f}degc.csv", thinned(simulated_rows(cell, level, 1.0, temp)))
    slow = np.concatenate([np.zeros(5), np.full(1195, 0.05 * cell.capacity_ah), np.zeros(5)])
    write_rows(folder / "ocv_c20.csv", simulated_rows(cell, slow, 60.0, 25.0))
    driving = 1.5 * cell.capacity_ah * truck_current(np.arange(4500.0))
    drive = np.concatenate([driving, np.zeros(2700)])  # the cell cools in the end
    write_rows(folder / f"{DRIVE}.csv", simulated_rows(cell, drive, 1.0, 25.0))
    return folder
