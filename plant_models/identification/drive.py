"""A measured drive beside the plant's cell: same current, voltage and case temperature compared."""

from typing import NamedTuple

import numpy as np

from plant_models.cell import CellParameters
from plant_models.cell_trace import CellTrace, trace_measured
from plant_models.identification.measurement import Measurement, ambient_degc
from thermal_bms.units import BoolArray, FloatArray

DRIVE_GAP_S = 10.0
SOC_LOW = 0.1
AT_LIMIT_V = 0.01
VOLTAGE_DT_S = 0.1


class Drive(NamedTuple):
    """A drive at even steps, each value at the end of its step."""

    time_s: FloatArray
    current_a: FloatArray
    voltage_v: FloatArray
    case_temp_degc: FloatArray
    ambient_degc: FloatArray
    air_is_measured: bool


class DriveError(NamedTuple):
    """How far the simulation lies from a measured drive, above 10 % charge.

    ``voltage_free_rms_v`` counts only samples before the cell first reached its lower voltage limit; NaN without
    any such sample.
    """

    voltage_rms_v: float
    voltage_free_rms_v: float
    voltage_max_v: float
    temp_rms_k: float
    temp_max_k: float
    temp_rise_k: float


def drive_of(trace: Measurement, dt_s: float) -> Drive:
    """Return a log at even steps.

    Raises
    ------
    ConfigError
        naming the row, if there is no sample for more than ten seconds.
    """
    gap = np.flatnonzero(np.diff(trace.time_s) > DRIVE_GAP_S)
    moving = gap[np.abs(trace.current_a[gap]) + np.abs(trace.current_a[gap + 1]) > 0.0]
    if moving.size:
        place = int(moving[0])
        lasts_s = trace.time_s[place + 1] - trace.time_s[place]
        found = f"no sample for {lasts_s:.0f} s while current flows"
        raise trace.bad_row(place + 1, found, "log at 1 s or faster, or cut the file there")
    ambient, known = ambient_degc(trace)
    time_s = np.arange(trace.time_s[0] + dt_s, trace.time_s[-1], dt_s)

    def at(column: FloatArray) -> FloatArray:
        return np.interp(time_s, trace.time_s, column)

    return Drive(
        time_s, at(trace.current_a), at(trace.voltage_v), at(trace.case_temp_degc), at(ambient), known
    )


def simulate(
    cell: CellParameters,
    drive: Drive,
    *,
    ambient_w_per_k: float,
    soc: float = 1.0,
    dt_s: float = VOLTAGE_DT_S,
) -> CellTrace:
    """Return the plant's cell under the current of a drive, from full and at the temperature of its case."""
    return trace_measured(
        cell,
        drive.current_a,
        ambient_degc=drive.ambient_degc,
        dt_s=dt_s,
        ambient_w_per_k=ambient_w_per_k,
        soc=soc,
        temp_degc=float(drive.case_temp_degc[0]),
    )


def compare(drive: Drive, ours: CellTrace, *, voltage_min_v: float) -> DriveError:
    """Return the errors of a simulated drive above 10 % charge.

    >>> one = np.full(3, 1.0)
    >>> drive = Drive(one, one, np.full(3, 3.70), np.full(3, 25.0), np.full(3, 25.0), False)
    >>> ours = CellTrace(np.full(3, 3.71), np.full(3, 0.5), np.full(3, 25.0), np.full(3, 25.2), one)
    >>> error = compare(drive, ours, voltage_min_v=2.5)
    >>> round(error.voltage_rms_v, 4), round(error.temp_rms_k, 3)
    (0.01, 0.2)
    """
    inside = ours.soc > SOC_LOW
    reached = np.flatnonzero(drive.voltage_v <= voltage_min_v + AT_LIMIT_V)
    free = inside & (np.arange(inside.size) < (reached[0] if reached.size else inside.size))
    off_v = ours.voltage_v - drive.voltage_v
    off_k = ours.surface_temp_degc - drive.case_temp_degc
    return DriveError(
        rms(off_v, inside),
        rms(off_v, free),
        float(np.max(np.abs(off_v[inside]))),
        rms(off_k, inside),
        float(np.max(np.abs(off_k[inside]))),
        float(np.max(drive.case_temp_degc) - drive.case_temp_degc[0]),
    )


def rms(values: FloatArray, rows: BoolArray) -> float:
    """Return the root mean square of the chosen rows, NaN when there are none.

    >>> round(rms(np.array([3.0, 4.0, 9.0]), np.array([True, True, False])), 3)
    3.536
    """
    chosen = values[rows]
    return float(np.sqrt(np.mean(chosen**2))) if chosen.size else float("nan")
