"""From what was measured to what may be used: range checks, missing values, stale and frozen data.

A value that is missing or cannot be true is left out; where nothing valid is left stands NaN. Values at the
ends of a sensor's range are kept: a dead cell reads 0 V and a burning one 150 degC, and both must reach
protection.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any, final

import numpy as np

from thermal_bms.description import PackDescription
from thermal_bms.signals import Measurement, VehicleMode
from thermal_bms.units import BoolArray, FloatArray

CELL_VOLTAGE_RANGE_V = (-0.1, 5.5)
CELL_TEMP_RANGE_DEGC = (-60.0, 150.0)
STRING_VOLTAGE_RANGE_V = (-10.0, 1500.0)
CURRENT_RANGE_RATIO = 10.0
STALE_AFTER_S = 3.0
FROZEN_AFTER_S = 5.0
FROZEN_CURRENT_RATIO = 0.1
FROZEN_CURRENT_STEP_V = 0.01
LATE_TICKS = 1.5
NAN = float("nan")

SCALAR_RANGES: dict[str, tuple[float, float]] = {
    "bus_voltage_v": (-10.0, 1500.0),
    "coolant_inlet_temp_degc": (-60.0, 150.0),
    "coolant_outlet_temp_degc": (-60.0, 150.0),
    "drive_loop_temp_degc": (-60.0, 180.0),
    "pump_speed_rpm": (0.0, 20000.0),
    "fan_speed_rpm": (0.0, 20000.0),
    "compressor_speed_rpm": (0.0, 20000.0),
    "suction_pressure_pa": (0.0, 6.0e6),
    "discharge_pressure_pa": (0.0, 6.0e6),
    "heater_power_w": (-100.0, 100.0e3),
    "compressor_power_w": (-100.0, 100.0e3),
    "ambient_temp_degc": (-60.0, 80.0),
    "ambient_humidity": (-0.05, 1.05),
    "vehicle_speed_m_per_s": (-15.0, 60.0),
    "charger_power_max_w": (0.0, 10.0e6),
    "charger_current_max_a": (0.0, 5000.0),
    "charger_voltage_max_v": (0.0, 2000.0),
    "hvil_closed": (0.0, 1.0),
    "crash": (0.0, 1.0),
    "isolation_ohm": (0.0, 100.0e6),
    "coolant_flow_kg_per_s": (-0.1, 10.0),
    "coolant_level": (-0.05, 1.05),
    "valve_position": (0.0, 3.0),
}
"""What a scalar field can be on any truck: widths of the usual sensors and signals, rounded outwards."""

ARRAYS = ("cell_voltage_v", "cell_temp_degc", "string_current_a", "string_voltage_v")
_SCALARS = attrgetter(*SCALAR_RANGES)
_NUMBERS = attrgetter("time_s", *SCALAR_RANGES)
_PLAIN = frozenset((float, np.float64))
_FLOAT, _BOOL = np.dtype(np.float64), np.dtype(np.bool_)
_NAMES = tuple(SCALAR_RANGES)
_LOWEST = tuple(low for low, _ in SCALAR_RANGES.values())
_HIGHEST = tuple(high for _, high in SCALAR_RANGES.values())


Found = dict[str, float | list[float]]
LOST = {name: f"{name}_lost" for name in SCALAR_RANGES}


@dataclass(slots=True)
class Checked:
    """A measurement of which every number can be true, with the statistics that the rest of the BMS uses.

    Attributes
    ----------
    measurement : the same measurement with NaN in place of everything that cannot be true
    time_s : clock of the measurements; it never runs backwards [s]
    elapsed_s : since the measurement before, more than a tick after a sleep [s]
    age_s : how long the clock has stood still [s]
    closed : both contactors of the string are closed
    positive_closed, negative_closed, precharge_closed : feedback of each switch
    current_a, ... : lists with one entry per string; shares of invalid values lie in 0..1
    found : what was noticed, by the quantity of a diagnostic: one value, or one per string. Quantities that are
        left out are 0
    """

    measurement: Measurement
    time_s: float
    elapsed_s: float
    age_s: float
    closed: list[bool]
    positive_closed: list[bool]
    negative_closed: list[bool]
    precharge_closed: list[bool]
    current_a: list[float]
    string_voltage_v: list[float]
    cell_voltage_min_v: list[float]
    cell_voltage_max_v: list[float]
    cell_voltage_mean_v: list[float]
    cell_voltage_invalid: list[float]
    cell_temp_min_degc: list[float]
    cell_temp_max_degc: list[float]
    cell_temp_mean_degc: list[float]
    cell_temp_invalid: list[float]
    found: Found


_Statistics = tuple[FloatArray, list[float], list[float], list[float], list[float]]
"""Values with NaN for the invalid ones, and per string: lowest, highest, mean, share of invalid values."""


@final
class Plausibility:
    """Checks measurements of one pack; holds the clock and what is needed to notice stale and frozen data.

    Checks: cell voltages -0.1..5.5 V and cell temperatures -60..150 degC (ends of the usual monitoring
    chips and thermistor tables); currents within ten times the rating; scalars within ``SCALAR_RANGES``.
    When the measurement's clock stands still for more than 3 s, nothing in it is valid any more (three
    periods of 1 s). When the mean cell voltage of a string has stayed the same to the last bit for 5 s
    although the string's current has moved by 0.1C, its voltages are frozen and invalid. When its mean voltage
    steps by 10 mV within a tick and its current does not change by a bit, its current is frozen; each such step
    counts until the current changes. What is no number at all, or no array of numbers, counts as missing too.
    """

    def __init__(self, pack: PackDescription) -> None:
        self._n = pack.n_strings
        self._n_series = pack.n_series
        self._weights: dict[int, FloatArray] = {}
        self._current_max_a = CURRENT_RANGE_RATIO * max(
            pack.discharge_current_max_a, pack.charge_current_max_a
        )
        self._moved_a = FROZEN_CURRENT_RATIO * pack.capacity_ah
        self._none = [NAN] * self._n
        self._no_invalid = [0.0] * self._n
        self._no_flags = [False] * self._n
        self.reset()

    def reset(self) -> None:
        """Forget the clock and everything seen."""
        self._clock_s = NAN
        self._age_s = 0.0
        self._seen_mean_v = [NAN] * self._n
        self._seen_current_a = [NAN] * self._n
        self._same_s = [0.0] * self._n
        self._moved = [False] * self._n
        self._last_v = [NAN] * self._n
        self._last_a = [NAN] * self._n
        self._steps = [0.0] * self._n
        self._seen: set[str] = set()
        self._missing: set[str] | None = None
        self._impossible = False

    def check(self, measurement: Measurement, dt_s: float) -> Checked:
        """Return what of ``measurement`` can be used; ``dt_s`` is the tick [s]."""
        if not _is_readable(measurement):
            measurement = _readable(measurement)
        found: Found = {}
        elapsed_s = self._advance_clock(measurement.time_s, dt_s, found)
        stale = self._age_s > STALE_AFTER_S
        current_max_a = self._current_max_a
        current_a = self._strings(measurement.string_current_a, -current_max_a, current_max_a, stale=stale)
        volts = self._statistics(
            measurement.cell_voltage_v, CELL_VOLTAGE_RANGE_V, self._n_series, stale=stale
        )
        temps = self._statistics(measurement.cell_temp_degc, CELL_TEMP_RANGE_DEGC, None, stale=stale)
        if self._current_frozen(volts[3], current_a):
            found["string_current_frozen_steps"] = self._steps.copy()
        if self._frozen(volts[3], current_a, dt_s):
            volts = self._without_frozen(volts[0])
            found["cell_voltage_frozen"] = [float(self._is_frozen(k)) for k in range(self._n)]
        missing = self._missing_scalars(_SCALARS(measurement), stale=stale)
        if missing and not self._seen.isdisjoint(missing):
            found["scalar_lost"] = 1.0
            if not stale:  # then one fault says it all
                found |= {LOST[name]: 1.0 for name in self._seen & missing}
        positive = self._flags(measurement.contactor_closed, self._no_flags)
        negative = self._flags(measurement.negative_closed, positive)
        cell_v, low_v, high_v, mean_v, voltage_invalid = volts
        cell_degc, low_degc, high_degc, mean_degc, temp_invalid = temps
        return Checked(
            self._cleaned(measurement, missing, cell_v, cell_degc, current_a),
            self._clock_s,
            elapsed_s,
            self._age_s,
            positive if negative == positive else [a and b for a, b in zip(positive, negative, strict=True)],
            positive,
            negative,
            self._flags(measurement.precharge_closed, self._no_flags),
            current_a,
            self._strings(measurement.string_voltage_v, *STRING_VOLTAGE_RANGE_V, stale=stale),
            low_v,
            high_v,
            mean_v,
            voltage_invalid,
            low_degc,
            high_degc,
            mean_degc,
            temp_invalid,
            found,
        )

    def _advance_clock(self, time_s: float, dt_s: float, found: Found) -> float:
        first = self._clock_s != self._clock_s
        if math.isfinite(time_s) and (first or time_s > self._clock_s):
            elapsed_s = dt_s if first else time_s - self._clock_s
            self._clock_s, self._age_s = time_s, 0.0
            if elapsed_s > LATE_TICKS * dt_s:
                found["tick_late"] = elapsed_s / dt_s
            return elapsed_s
        if time_s < self._clock_s:
            found["clock_backwards_s"] = self._clock_s - time_s
        self._age_s += dt_s
        return 0.0

    def _statistics(
        self, values: FloatArray, bounds: tuple[float, float], n_columns: int | None, *, stale: bool
    ) -> _Statistics:
        """Return extremes, mean and share of invalid values per string; all are invalid when the shape is."""
        n_values = values.shape[-1] if values.ndim == 2 and values.shape[0] == self._n else 0
        if stale or n_values == 0 or n_values != (n_columns or n_values):
            return np.full_like(values, NAN), self._none, self._none, self._none, [1.0] * self._n
        weights = self._weights.get(n_values)
        if weights is None:
            weights = self._weights[n_values] = np.full(n_values, 1.0 / n_values)
        floor, ceiling = bounds
        low, high, item = [], [], values.item
        # finding where the extremes are is faster than numpy's minimum and maximum; the first NaN is both
        extremes = zip(values.argmin(1).tolist(), values.argmax(1).tolist(), strict=True)
        for k, (at_low, at_high) in enumerate(extremes):
            lowest, highest = item(k, at_low), item(k, at_high)
            if not (floor <= lowest and highest <= ceiling):
                return _masked_statistics(values, (values >= floor) & (values <= ceiling))
            low.append(lowest)
            high.append(highest)
        return values, low, high, values.dot(weights).tolist(), self._no_invalid

    def _strings(self, values: FloatArray, low: float, high: float, *, stale: bool) -> list[float]:
        """Return one value per string, NaN for those outside of their range."""
        if stale or values.shape != (self._n,):
            return self._none
        found: list[float] = values.tolist()
        for value in found:
            if not low <= value <= high:
                return [value if low <= value <= high else NAN for value in found]
        return found

    def _flags(self, values: BoolArray, without: list[bool]) -> list[bool]:
        return values.tolist() if values.shape == (self._n,) else without

    def _current_frozen(self, mean_v: list[float], current_a: list[float]) -> bool:
        """Count the steps of voltage under a current that does not change; return whether there is one."""
        last_v, last_a, steps = self._last_v, self._last_a, self._steps
        for k, now_a in enumerate(current_a):
            if now_a != last_a[k]:
                last_a[k], steps[k] = now_a, 0.0
            elif abs(mean_v[k] - last_v[k]) > FROZEN_CURRENT_STEP_V:
                steps[k] += 1.0
        self._last_v = mean_v
        return any(steps)

    def _frozen(self, mean_v: list[float], current_a: list[float], dt_s: float) -> bool:
        """Advance the watch on frozen voltages and return whether any string's are frozen."""
        frozen = False
        seen_v, seen_a, same_s, moved = self._seen_mean_v, self._seen_current_a, self._same_s, self._moved
        for k, now_v in enumerate(mean_v):
            if now_v != seen_v[k]:
                seen_v[k], seen_a[k] = now_v, current_a[k]
                same_s[k], moved[k] = 0.0, False
                continue
            same_s[k] += dt_s
            if abs(current_a[k] - seen_a[k]) > self._moved_a:
                moved[k] = True
            frozen = frozen or self._is_frozen(k)
        return frozen

    def _is_frozen(self, string: int) -> bool:
        return self._moved[string] and self._same_s[string] >= FROZEN_AFTER_S

    def _without_frozen(self, cell_v: FloatArray) -> _Statistics:
        frozen = np.array([self._is_frozen(k) for k in range(self._n)])
        return _masked_statistics(cell_v, ~(np.isnan(cell_v) | frozen[:, np.newaxis]))

    def _missing_scalars(self, scalars: Sequence[float], *, stale: bool) -> set[str]:
        """Return the names of scalar fields without a possible value; remember which ones ever had one."""
        missing = set(_NAMES) if stale else set()
        self._impossible = stale
        for name, low, value, high in zip(_NAMES, _LOWEST, scalars, _HIGHEST, strict=True):
            if not low <= value <= high:
                missing.add(name)
                if value == value:  # noqa: PLR0124 - not merely missing
                    self._impossible = True
        if missing != self._missing:
            self._seen |= SCALAR_RANGES.keys() - missing
            self._missing = missing
        return missing

    def _cleaned(
        self,
        measurement: Measurement,
        missing: set[str],
        cell_v: FloatArray,
        cell_degc: FloatArray,
        current_a: list[float],
    ) -> Measurement:
        if (
            not self._impossible
            and cell_v is measurement.cell_voltage_v
            and cell_degc is measurement.cell_temp_degc
            and all(map(math.isfinite, current_a))
        ):
            return measurement
        return replace(
            measurement,
            cell_voltage_v=cell_v,
            cell_temp_degc=cell_degc,
            string_current_a=np.array(current_a),
            **dict.fromkeys(missing, NAN),  # type: ignore[arg-type]  # every one of them is a float field
        )


def _is_readable(m: Measurement) -> bool:
    """Return whether every field has the type it is declared with."""
    try:
        return (
            _PLAIN.issuperset(map(type, _NUMBERS(m)))
            and m.cell_voltage_v.dtype == m.cell_temp_degc.dtype == _FLOAT
            and m.string_current_a.dtype == m.string_voltage_v.dtype == _FLOAT
            and m.contactor_closed.dtype == m.negative_closed.dtype == m.precharge_closed.dtype == _BOOL
            and type(m.vehicle_mode) is VehicleMode
            and type(m.plug_connected) is bool
        )
    except AttributeError:
        return False


def _readable(measurement: object) -> Measurement:
    """Return the same measurement in its declared types; what cannot be read so is missing, parked, unplugged."""

    def get(name: str) -> Any:  # whatever is there
        return getattr(measurement, name, None)

    try:
        vehicle_mode = VehicleMode(get("vehicle_mode"))
    except (TypeError, ValueError):
        vehicle_mode = VehicleMode.PARK
    return Measurement(
        vehicle_mode=vehicle_mode,
        contactor_closed=_flag_array(get("contactor_closed")),
        negative_closed=_flag_array(get("negative_closed")),
        precharge_closed=_flag_array(get("precharge_closed")),
        plug_connected=_number(get("plug_connected")) == 1.0,
        **{name: _array(get(name)) for name in ARRAYS},  # type: ignore[arg-type]  # all are array fields
        **{name: _number(get(name)) for name in ("time_s", *_NAMES)},  # type: ignore[arg-type]  # float fields
    )


def _number(value: object) -> float:
    """Return a real number as a float; NaN for anything else."""
    if not isinstance(value, (int, float, np.integer, np.floating, np.bool_)):
        return NAN
    try:
        return float(value)
    except OverflowError:
        return NAN


def _array(value: object) -> FloatArray:
    """Return real numbers as a float array; an empty one for anything else."""
    try:
        array = np.asarray(value)
        if array.dtype.kind in "biufO":
            return array.astype(np.float64, copy=False)
    except (TypeError, ValueError, OverflowError):
        pass
    return np.empty(0)


def _flag_array(value: object) -> BoolArray:
    """Return flags; what is no number is off."""
    values = _array(value)
    return np.asarray(np.isfinite(values) & (values != 0.0))


def _masked_statistics(values: FloatArray, valid: BoolArray) -> _Statistics:
    """Return the statistics of the valid values of each row; NaN for a row without any."""
    count = valid.sum(axis=1)
    some = count > 0
    low = np.where(some, np.where(valid, values, np.inf).min(axis=1), NAN)
    high = np.where(some, np.where(valid, values, -np.inf).max(axis=1), NAN)
    mean = np.where(some, np.where(valid, values, 0.0).sum(axis=1) / np.maximum(count, 1), NAN)
    invalid = 1.0 - count / values.shape[1]
    masked = np.where(valid, values, NAN)
    return masked, low.tolist(), high.tolist(), mean.tolist(), invalid.tolist()
