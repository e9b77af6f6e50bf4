"""A measured cell: what a cycler logged, read from a file and looked over before anybody fits a number to it."""

import csv
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from thermal_bms.errors import ConfigError
from thermal_bms.parameters import did_you_mean
from thermal_bms.units import SECONDS_PER_HOUR, BoolArray, FloatArray

MAT_FIELDS = {
    "time_s": "Time",
    "voltage_v": "Voltage",
    "current_a": "Current",
    "charge_ah": "Ah",
    "case_temp_degc": "Battery_Temp_degC",
    "chamber_temp_degc": "Chamber_Temp_degC",
}
NEEDED = ("time_s", "voltage_v", "current_a", "case_temp_degc")
OPTIONAL = ("charge_ah", "chamber_temp_degc")
RANGES = {"voltage_v": (0.0, 5.5, "volts"), "case_temp_degc": (-60.0, 120.0, "degrees Celsius")}
ROWS_MIN = 10
STEP_SHARE = 0.2
CHAMBER_OFF_MAX_K = 3.0


@dataclass(frozen=True)
class Measurement:
    """One log of one cell. Current is positive on discharge; ``charge_ah`` is what was taken out so far.

    ``row`` is the row of each sample in the file, so that a complaint can name it. ``chamber_temp_degc`` is NaN
    where nobody measured it.
    """

    path: Path
    row: FloatArray
    time_s: FloatArray
    voltage_v: FloatArray
    current_a: FloatArray
    charge_ah: FloatArray
    case_temp_degc: FloatArray
    chamber_temp_degc: FloatArray

    @property
    def name(self) -> str:
        """Return the name of the file without its ending."""
        return self.path.stem

    @property
    def temp_degc(self) -> float:
        """Return the median temperature of the case [degC]."""
        return float(np.median(self.case_temp_degc))

    def bad_row(self, sample: int, found: str, remedy: str) -> ConfigError:
        """Return the complaint about one sample."""
        return ConfigError(f"{self.path.name}, row {self.row[sample]:.0f}: {found}: {remedy}")


def read_measurement(path: Path) -> Measurement:
    """Return a log from a ``.mat`` file (struct ``meas``, current negative on discharge) or a CSV with a header.

    Raises
    ------
    ConfigError
        naming file, row, what was found and the remedy.
    """
    if not path.is_file():
        raise ConfigError(f"{path}: no such file")
    columns = _mat_columns(path) if path.suffix.lower() == ".mat" else _csv_columns(path)
    first_row = 1 if path.suffix.lower() == ".mat" else 2
    return _checked(path, columns, first_row)


def _mat_columns(path: Path) -> dict[str, FloatArray]:
    from scipy.io import loadmat  # noqa: PLC0415 - slow to load, and only this layout needs it

    try:
        held = loadmat(path, squeeze_me=True, struct_as_record=False)
    except Exception as error:  # scipy raises many kinds for a broken file
        raise ConfigError(f"{path}: not a readable .mat file ({error}); version 7.3 is not read") from None
    struct = held.get("meas")
    missing = [name for name in (MAT_FIELDS[key] for key in NEEDED) if not hasattr(struct, name)]
    if missing:
        raise ConfigError(f"{path}: no field meas.{missing[0]}; needed: {', '.join(MAT_FIELDS.values())}")
    found = {key: getattr(struct, name) for key, name in MAT_FIELDS.items() if hasattr(struct, name)}
    columns = {key: np.atleast_1d(np.asarray(value, dtype=np.float64)) for key, value in found.items()}
    for key in ("current_a", "charge_ah"):
        if key in columns:
            columns[key] = -columns[key]
    return columns


def _csv_columns(path: Path) -> dict[str, FloatArray]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = [row for row in csv.reader(file) if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"{path}: cannot be read as CSV: {error}") from None
    header = [name.strip() for name in rows[0]] if rows else []
    for key in NEEDED:
        if key not in header:
            hint = did_you_mean(key, header)
            raise ConfigError(f"{path}: no column {key}; needed: {', '.join(NEEDED)}{hint}")
    columns = {key: np.empty(len(rows) - 1) for key in (*NEEDED, *OPTIONAL) if key in header}
    for number, row in enumerate(rows[1:]):
        for key, column in columns.items():
            place = header.index(key)
            column[number] = _number(path, number + 2, key, row[place] if place < len(row) else "")
    return columns


def _number(path: Path, row: int, key: str, text: str) -> float:
    try:
        return float(text) if text.strip() else float("nan")
    except ValueError:
        raise ConfigError(f"{path.name}, row {row}: {key} = {text!r} is not a number: correct it") from None


def _checked(path: Path, columns: dict[str, FloatArray], first_row: int) -> Measurement:
    size = columns["time_s"].size
    if size < ROWS_MIN:
        raise ConfigError(f"{path}: {size} rows; at least {ROWS_MIN} are needed")
    for key, column in columns.items():
        if column.size != size:
            raise ConfigError(f"{path}: {key} has {column.size} values and time_s {size}; give one per row")
    row = first_row + np.arange(size, dtype=np.float64)
    blank = np.full(size, np.nan)
    charge_ah = columns.get("charge_ah", _counted_ah(columns["time_s"], columns["current_a"]))
    trace = Measurement(
        path, row, **{key: columns[key] for key in NEEDED}, charge_ah=charge_ah,
        chamber_temp_degc=columns.get("chamber_temp_degc", blank),
    )  # fmt: skip
    _check_numbers(trace)
    trace = _kept(trace, np.diff(trace.time_s, prepend=-np.inf) > 0.0)
    check_sign(trace)
    return trace


def _counted_ah(time_s: FloatArray, current_a: FloatArray) -> FloatArray:
    steps = np.diff(time_s) * 0.5 * (current_a[1:] + current_a[:-1])
    return np.concatenate([[0.0], np.cumsum(steps)]) / SECONDS_PER_HOUR


def _check_numbers(trace: Measurement) -> None:
    for key in (*NEEDED, "charge_ah"):
        column: FloatArray = getattr(trace, key)
        bad = np.flatnonzero(~np.isfinite(column))
        if bad.size:
            remedy = f"remove the rows or fill them ({bad.size} in all)"
            raise trace.bad_row(bad[0], f"{key} is not a number", remedy)
    back = np.flatnonzero(np.diff(trace.time_s) < 0.0)
    if back.size:
        raise trace.bad_row(back[0] + 1, "time_s goes back", "sort the rows by time, or split the file there")
    for key, (low, high, unit) in RANGES.items():
        column = getattr(trace, key)
        out = np.flatnonzero((column < low) | (column > high))
        if out.size:
            found = f"{key} = {column[out[0]]:g} is outside {low:g} to {high:g}"
            raise trace.bad_row(out[0], found, f"give {unit} of one cell")


def _kept(trace: Measurement, keep: BoolArray) -> Measurement:
    """Return the log without repeated times."""
    columns = ("row", *NEEDED, *OPTIONAL)
    return replace(trace, **{key: getattr(trace, key)[keep] for key in columns})


def check_sign(trace: Measurement) -> None:
    """Refuse a log whose voltage rises when the discharge current rises.

    Raises
    ------
    ConfigError
        naming the row of the largest step.
    """
    step_a, step_v = np.diff(trace.current_a), np.diff(trace.voltage_v)
    large = np.abs(step_a) > STEP_SHARE * np.max(np.abs(trace.current_a))
    if large.any() and float(np.sum(step_a[large] * step_v[large])) > 0.0:
        worst = int(np.argmax(np.where(large, step_a * step_v, -np.inf))) + 1
        rule = "positive on discharge in CSV, negative in .mat"
        raise trace.bad_row(
            worst, "voltage rises with the discharge current", f"turn the sign of the current ({rule})"
        )


def unrounded(time_s: FloatArray, chamber_degc: FloatArray) -> FloatArray:
    """Return a chamber log that was kept in whole degrees as lines through the middles of its steps.

    >>> time_s = np.arange(5.0)
    >>> unrounded(time_s, np.array([23.0, 23.0, 24.0, 24.0, 24.0])).round(2).tolist()
    [23.0, 23.33, 23.6, 23.8, 24.0]
    """
    steps = np.flatnonzero(np.diff(chamber_degc)) + 1
    if not steps.size or not np.all(chamber_degc == np.round(chamber_degc)):
        return chamber_degc
    middle = 0.5 * (chamber_degc[steps] + chamber_degc[steps - 1])
    at_s = 0.5 * (time_s[steps] + time_s[steps - 1])
    known_s = np.concatenate([time_s[:1], at_s, time_s[-1:]])
    known_degc = np.concatenate([chamber_degc[:1], middle, chamber_degc[-1:]])
    return np.asarray(np.interp(time_s, known_s, known_degc))


def ambient_degc(trace: Measurement) -> tuple[FloatArray, bool]:
    """Return the air temperature around the cell [degC], and whether a chamber sensor gave it.

    The cell starts in equilibrium, so the air starts at the temperature of the case; the chamber's sensor gives
    what it changed since. A chamber that starts more than 3 K off the case is not believed.
    """
    start = float(trace.case_temp_degc[0])
    chamber = trace.chamber_temp_degc
    known = bool(np.isfinite(chamber).all()) and abs(float(chamber[0]) - start) <= CHAMBER_OFF_MAX_K
    if not known or float(np.ptp(chamber)) == 0.0:
        return np.full(trace.time_s.size, start), False
    smooth = unrounded(trace.time_s, chamber)
    return start + (smooth - smooth[0]), True
