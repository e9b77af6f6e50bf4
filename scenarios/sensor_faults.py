"""Faults of single sensors and switches, as the controller reads them."""

import math
import re
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any, final

import numpy as np

from thermal_bms.signals import Measurement
from thermal_bms.units import FloatArray

ARRAYS = ("cell_voltage_v", "cell_temp_degc", "string_current_a", "string_voltage_v")
SWITCHES = ("contactor_closed", "negative_closed", "precharge_closed")
NUMBERS = tuple(f.name for f in fields(Measurement) if f.type in {"float", float} and f.name != "time_s")
TARGETS = (*NUMBERS, *ARRAYS, *SWITCHES)
_TARGET = re.compile(r"^(?P<name>\w+)(?:\[(?P<index>[0-9]+(?:\s*,\s*[0-9]+)?)\])?$")

OPEN_DEGC, SHORT_DEGC = -80.0, 160.0
"""A thermistor of endless or no resistance reads beyond the ends of its table, -60 and 150 degC."""

SensorChange = Callable[["SensorFault", FloatArray, float], Any]  # an array or a number that fills it

SENSOR_FAULTS: dict[str, SensorChange] = {
    "sensor_offset": lambda fault, old, _: old + fault.value,
    "sensor_gain": lambda fault, old, _: old * fault.value,
    "sensor_drift": lambda fault, old, time_s: old + fault.value * (time_s - fault.start_s),
    "sensor_noise": lambda fault, old, _: old + fault.value * fault.rng.standard_normal(old.shape),
    "sensor_stuck": lambda fault, *_: fault.value,
    "sensor_frozen": lambda fault, old, _: fault.first(old),
    "sensor_lost": lambda *_: math.nan,
    "sensor_open": lambda fault, *_: OPEN_DEGC if fault.name.endswith("_degc") else 0.0,
    "sensor_short": lambda fault, *_: SHORT_DEGC if fault.name.endswith("_degc") else 0.0,
}
"""What each kind makes of the true reading. An open or shorted voltage input reads nothing."""
SWAPPED = "sensor_swapped"
SENSOR_KINDS = (*SENSOR_FAULTS, SWAPPED)


def parse_target(target: str) -> tuple[str, tuple[int, ...]]:
    """Return the measurement's name and the index, empty for all elements.

    >>> parse_target("cell_temp_degc[0, 3]")
    ('cell_temp_degc', (0, 3))
    """
    match = _TARGET.match(target)
    if match is None:
        raise ValueError(f"target {target!r} must look like name or name[0, 3]")
    index = match["index"]
    return match["name"], tuple(int(part) for part in index.split(",")) if index else ()


@final
class SensorFault:
    """One fault of a sensor with what it must remember.

    Parameters
    ----------
    kind : one of ``SENSOR_KINDS``
    target, other : names as ``parse_target`` takes them; ``other`` is what the target is swapped with
    value : offset, gain, rate per second, standard deviation or stuck value, in the measurement's unit
    start_s : when it begins [s]
    seed : of its noise
    """

    name: str
    value: float
    start_s: float
    rng: np.random.Generator

    def __init__(
        self,
        kind: str,
        target: str,
        *,
        value: float = 0.0,
        other: str = "",
        start_s: float = 0.0,
        seed: int = 0,
    ) -> None:
        self.kind = kind
        self.name, self._index = parse_target(target)
        self._other = parse_target(other) if other else None
        self.value = value
        self.start_s = start_s
        self.rng = np.random.default_rng(seed)
        self._first: FloatArray | None = None

    def first(self, old: FloatArray) -> FloatArray:
        """Return the reading with which the fault began."""
        if self._first is None:
            self._first = np.array(old)
        return self._first

    def change(self, measurement: Measurement) -> Measurement:
        """Return the measurement with this fault in it."""
        if self._other is not None:
            return _swapped(measurement, (self.name, self._index), self._other)
        new = np.array(getattr(measurement, self.name), dtype=np.float64)
        where = self._index or ...
        new[where] = SENSOR_FAULTS[self.kind](self, np.asarray(new[where]), measurement.time_s)
        return _with(measurement, self.name, new)


def _swapped(
    measurement: Measurement, one: tuple[str, tuple[int, ...]], two: tuple[str, tuple[int, ...]]
) -> Measurement:
    values = []
    for name, index in (one, two):
        values.append(np.array(np.array(getattr(measurement, name), dtype=np.float64)[index or ...]))
    for (name, index), value in zip((one, two), reversed(values), strict=True):
        new = np.array(getattr(measurement, name), dtype=np.float64)
        new[index or ...] = value
        measurement = _with(measurement, name, new)
    return measurement


def _with(measurement: Measurement, name: str, new: FloatArray) -> Measurement:
    """Return the measurement with one field changed, in the field's own type."""
    old = getattr(measurement, name)
    changed: Any = new.astype(old.dtype) if isinstance(old, np.ndarray) else float(new)
    return replace(measurement, **{name: changed})
