"""What every link keeps, whatever is behind it."""

from collections.abc import Callable
from dataclasses import fields
from itertools import pairwise

import numpy as np

from thermal_bms.interfaces import Link
from thermal_bms.signals import Command, Measurement, VehicleMode


def same_bits(one: Measurement, other: Measurement) -> bool:
    """Return whether two measurements agree in every bit of every field."""
    for field in fields(Measurement):
        a, b = np.asarray(getattr(one, field.name)), np.asarray(getattr(other, field.name))
        if a.dtype != b.dtype or a.shape != b.shape or a.tobytes() != b.tobytes():
            return False
    return True


def check_link(new_link: Callable[[], Link], commands: list[Command]) -> None:
    """Check a link by reading and writing as the control cycle does; ``new_link`` gives a fresh one."""
    link = new_link()
    assert isinstance(link, Link)
    first = _exchanged(link, commands)
    times_s = [measurement.time_s for measurement in first]
    assert all(later >= earlier for earlier, later in pairwise(times_s))
    for measurement in first:
        _check_measurement(measurement)
    second = _exchanged(new_link(), commands)
    assert all(same_bits(one, other) for one, other in zip(first, second, strict=True)), "not deterministic"


def _exchanged(link: Link, commands: list[Command]) -> list[Measurement]:
    measurements = []
    for command in commands:
        measurements.append(link.read())
        assert link.write(command) is None
    return measurements


def _check_measurement(measurement: Measurement) -> None:
    assert isinstance(measurement, Measurement)
    assert isinstance(measurement.vehicle_mode, VehicleMode)
    assert isinstance(measurement.plug_connected, bool)
    n_strings = measurement.string_current_a.shape[0]
    assert measurement.contactor_closed.dtype == np.bool_
    for name in ("cell_voltage_v", "cell_temp_degc", "string_current_a", "string_voltage_v"):
        array = getattr(measurement, name)
        assert array.dtype == np.float64, name
        assert array.shape[0] == n_strings, name
    scalars = [field.name for field in fields(Measurement) if field.type is float]
    assert scalars, "the waist has no scalars"
    for name in scalars:
        assert type(getattr(measurement, name)) is float, name
