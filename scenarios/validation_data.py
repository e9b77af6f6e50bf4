"""Measured drives beside the cell that was identified from the same folder's open-circuit and pulse tests."""

import math
from pathlib import Path
from typing import NamedTuple

from plant_models.cell import PARAMETER_SETS
from plant_models.identification.cell import ABOUT, SUFFIXES, Identified, find_files, identify
from plant_models.identification.drive import Drive, DriveError, compare, drive_of, simulate
from plant_models.identification.finding import MV_PER_V, Finding, fit_findings
from plant_models.identification.measurement import Measurement, read_measurement
from thermal_bms.errors import ConfigError
from thermal_bms.units import SECONDS_PER_HOUR, FloatArray

PANASONIC = PARAMETER_SETS / "measured" / "panasonic_18650pf.toml"
TRAINING = "25degC_Cycle_1"
DT_S = 0.1
EVERY = 20
# Goals over temperature [degC]: voltage [mV] and temperature [K], rms above 10 % charge.
GOALS = ((25.0, 15.0, 0.4), (10.0, 20.0, 0.7), (0.0, 25.0, 0.7), (-10.0, 35.0, 0.7), (-20.0, 45.0, 0.7))
HARD_GOAL = (20.0, 0.7)  # US06 at 25 degC
RAMP_GOAL = (25.0, 0.8)  # chamber that climbs


class Comparison(NamedTuple):
    """A measured drive and its simulation, thinned out for a plot."""

    name: str
    time_h: FloatArray
    measured_v: FloatArray
    simulated_v: FloatArray
    measured_degc: FloatArray
    simulated_degc: FloatArray
    error: DriveError


def find_cell_folder(data: Path) -> Path | None:
    """Return the folder below ``data`` that holds pulse tests, or None."""
    found = sorted(p for p in data.rglob("*") if p.suffix.lower() in SUFFIXES and "hppc" in p.stem.lower())
    if not found:
        return None
    shared = found[0].parent
    while any(shared not in p.parents for p in found):
        shared = shared.parent
    return shared


def identify_folder(folder: Path) -> Identified:
    """Return the cell of a folder; ratings from its ``cell.toml``, else those of the Panasonic 18650PF."""
    about = folder / ABOUT
    drives = [p.stem for p in drive_paths(folder)]
    training = next((name for name in drives if TRAINING.lower() in name.lower()), None)
    return identify(find_files(folder, about if about.is_file() else PANASONIC, training))


def drive_paths(folder: Path) -> list[Path]:
    """Return the files of a folder that are neither pulse nor open-circuit tests."""
    kinds = ("hppc", "ocv", "eis", "charge")
    return sorted(
        p
        for p in folder.rglob("*")
        if p.suffix.lower() in SUFFIXES and not any(kind in p.stem.lower() for kind in kinds)
    )


def goal(name: str, temp_degc: float) -> tuple[float, float]:
    """Return the goals of a drive, voltage [mV] and temperature [K], by its name and start temperature.

    >>> goal("25degC_Cycle_2", 25.6), goal("n10degC_LA92", -10.2), goal("25degC_US06", 25.5)
    ((15.0, 0.4), (35.0, 0.7), (20.0, 0.7))
    """
    if "trise" in name.lower():
        return RAMP_GOAL
    nearest = min(GOALS, key=lambda row: abs(row[0] - temp_degc))
    if nearest is GOALS[0] and "us06" in name.lower():
        return HARD_GOAL
    return nearest[1:]


def compare_drive(found: Identified, trace: Measurement) -> Comparison:
    """Return a measured drive beside the identified cell; it starts full and at its case's temperature."""
    if found.thermal is None:
        raise ConfigError(
            f"{trace.path}: no drive was given for the thermal numbers, so none can be compared"
        )
    drive: Drive = drive_of(trace, DT_S)
    ours = simulate(found.cell, drive, ambient_w_per_k=found.thermal.ambient_w_per_k)
    error = compare(drive, ours, voltage_min_v=found.cell.voltage_min_v)
    few = slice(None, None, EVERY)
    return Comparison(
        trace.name,
        drive.time_s[few] / SECONDS_PER_HOUR,
        drive.voltage_v[few],
        ours.voltage_v[few],
        drive.case_temp_degc[few],
        ours.surface_temp_degc[few],
        error,
    )


def drive_findings(comparison: Comparison) -> list[Finding]:
    """Return the figures of one drive against its goals; a drive used for training has no goal for temperature."""
    trained = TRAINING.lower() in comparison.name.lower()
    volt, temp = goal(comparison.name, float(comparison.measured_degc[0]))
    error = comparison.error
    return [
        Finding(comparison.name, "voltage, rms", MV_PER_V * error.voltage_rms_v, volt, "mV"),
        Finding(
            comparison.name,
            "voltage before the lower limit is reached, rms",
            MV_PER_V * error.voltage_free_rms_v,
            math.nan,
            "mV",
        ),
        Finding(
            comparison.name, "case temperature, rms", error.temp_rms_k, math.nan if trained else temp, "K"
        ),
    ]


def measured_findings(folder: Path) -> tuple[list[Finding], list[Comparison], list[str]]:
    """Return figures, plots and notes of every drive of a folder; a file that cannot be used becomes a note."""
    found = identify_folder(folder)
    findings, comparisons = fit_findings(found, None), []
    notes = list(found.warnings)
    if not (folder / ABOUT).is_file():
        notes.append(f"no {ABOUT} in {folder.name}: ratings, mass and size of the Panasonic 18650PF are used")
    for path in drive_paths(folder):
        try:
            comparison = compare_drive(found, read_measurement(path))
        except ConfigError as error:
            notes.append(f"left out: {error}")
            continue
        comparisons.append(comparison)
        findings += drive_findings(comparison)
    return findings, comparisons, notes
