"""Two links to a truck that is not on a bus: the simulated truck itself, and one that was recorded.

A recording can be replayed when it holds the stream "measurement": one row per tick with the full measurement
and the command that answered it, all bits kept. :func:`measurement_columns` and :func:`measurement_row` make
that stream, :class:`ReplayLink` reads it.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import Any, get_type_hints

import numpy as np

from thermal_bms.errors import LinkError, RecordingError
from thermal_bms.interfaces import TruckPort
from thermal_bms.recording import Recording, Stream
from thermal_bms.recording_format import Shape
from thermal_bms.signals import Command, Measurement, ThermalCommand, ValveMode, VehicleMode
from thermal_bms.units import BoolArray, FloatArray

MEASUREMENT = "measurement"
DIFFERENCES_MAX = 1000

_MEASURED = tuple(field.name for field in fields(Measurement))
_ACTUATED = tuple(field.name for field in fields(ThermalCommand))
_ALLOWED = ("charge_current_a", "discharge_power_max_w", "regen_power_max_w")
_SWITCHES = ("contactor_close", "negative_close", "precharge_close")
_FOREWARNING = "disconnect_forewarning"

_measured = attrgetter(*_MEASURED)
_actuated = attrgetter(*_ACTUATED)
_allowed = attrgetter(*_ALLOWED)

_RESTORE: dict[object, Callable[[FloatArray], Any]] = {  # from the recorded float64 to the field's own type
    float: float,
    bool: bool,
    VehicleMode: lambda value: VehicleMode(int(value)),
    ValveMode: lambda value: ValveMode(int(value)),
    FloatArray: np.copy,
    BoolArray: lambda value: value.astype(np.bool_),
}


class DirectLink:
    """The link to a simulated truck in the same process: nothing between the two."""

    def __init__(self, truck: TruckPort) -> None:
        self._truck = truck

    def read(self) -> Measurement:
        """Return what the truck's sensors say now."""
        return self._truck.measure()

    def write(self, command: Command) -> None:
        """Give the truck a command; it acts from the next step on."""
        self._truck.actuate(command)


class EndOfRecordingError(LinkError):
    """A replay has returned its last measurement."""


@dataclass(frozen=True, slots=True)
class CommandDifference:
    """One value of a command that is not what was recorded.

    Attributes
    ----------
    time_s : time of the measurement that the command answered [s]
    name : the command's field
    recorded, replayed : the two values, tuples of booleans for contactors and relays
    """

    time_s: float
    name: str
    recorded: object
    replayed: object


class ReplayLink:
    """The link to a recorded truck: measurements come from the recording, commands are compared with it.

    ``read`` returns the recorded measurements in order, one per call and bit by bit as they were; after the
    last one it raises :class:`EndOfRecordingError`. ``write`` compares with the command recorded for the
    measurement last read: exactly, without a tolerance; NaN equals NaN. An incomplete recording is replayed
    as far as it goes.

    Attributes
    ----------
    differences : the first 1000 values that differ
    difference_count : how many values differ
    command_count : how many commands were compared

    Raises
    ------
    RecordingError
        if the recording holds no measurements to replay, or they are of another version.
    """

    def __init__(self, recording: Recording) -> None:
        self.differences: list[CommandDifference] = []
        self.difference_count = 0
        self.command_count = 0
        if MEASUREMENT not in recording.streams:
            remedy = "record them with --set recording.measurements=true"
            raise RecordingError(f"{recording.path}: holds no measurements to replay; {remedy}")
        self._stream = recording.stream(MEASUREMENT)
        _refuse_other_fields(self._stream, str(recording.path))
        self._where = f"{recording.path}{'' if recording.complete else ' (incomplete)'}"
        self._rows = _rows(self._stream)
        self._places = _places(self._stream)
        self._position = 0
        self._time_s = 0.0
        self._command: Command | None = None

    def __len__(self) -> int:
        return len(self._stream)

    @property
    def at_end(self) -> bool:
        """Return whether every measurement has been read."""
        return self._position >= len(self._stream)

    def read(self) -> Measurement:
        """Return the next recorded measurement."""
        row = next(self._rows, None)
        if row is None:
            raise EndOfRecordingError(
                f"{self._where}: ends at {self._time_s:g} s, after {len(self._stream)} measurements"
            )
        self._position += 1
        measurement = _measurement(row, self._places)
        self._time_s = measurement.time_s
        self._command = _command(row, self._places)
        return measurement

    def write(self, command: Command) -> None:
        """Compare a command with the recorded one."""
        if self._command is None:
            raise LinkError(f"{self._where}: a command was written before any measurement was read")
        self.command_count += 1
        for name, recorded, replayed in _different(self._command, command):
            self.difference_count += 1
            if len(self.differences) < DIFFERENCES_MAX:
                self.differences.append(CommandDifference(self._time_s, name, recorded, replayed))


def measurement_columns(measurement: Measurement) -> dict[str, Shape]:
    """Return the columns of the stream "measurement" for trucks that measure like this one."""
    columns: dict[str, Shape] = {name: np.shape(getattr(measurement, name)) for name in _MEASURED}
    columns |= dict.fromkeys((*_ACTUATED, *_ALLOWED, _FOREWARNING), ())
    columns |= dict.fromkeys(_SWITCHES, measurement.contactor_closed.shape)
    return columns


def measurement_row(measurement: Measurement, command: Command) -> tuple[Any, ...]:
    """Return the row of the stream "measurement" for one tick."""
    shape = measurement.contactor_closed.shape
    left_out = np.full(shape, np.nan)
    switches = (getattr(command, name) for name in _SWITCHES)
    return (
        *_measured(measurement),
        *_actuated(command.thermal),
        *_allowed(command),
        float(command.disconnect_forewarning),
        *(np.array(wanted, dtype=np.float64) if wanted else left_out for wanted in switches),
    )


def _measurement(row: FloatArray, places: Mapping[str, tuple[int | slice, Shape]]) -> Measurement:
    return Measurement(**_restored(row, places, _MEASUREMENT_TYPES))


def _command(row: FloatArray, places: Mapping[str, tuple[int | slice, Shape]]) -> Command:
    return Command(
        thermal=ThermalCommand(**_restored(row, places, _THERMAL_TYPES)),
        disconnect_forewarning=bool(row[places[_FOREWARNING][0]]),
        **{name: _switches(row[places[name][0]]) for name in _SWITCHES},  # type: ignore[arg-type]  # flags
        **{name: float(row[places[name][0]]) for name in _ALLOWED},  # type: ignore[arg-type]  # numbers
    )


def _switches(wanted: FloatArray) -> tuple[bool, ...]:
    return () if np.isnan(wanted).any() else tuple(bool(one) for one in wanted)


def _restored(
    row: FloatArray,
    places: Mapping[str, tuple[int | slice, Shape]],
    types: Mapping[str, Callable[[FloatArray], Any]],
) -> dict[str, Any]:  # each field's own type
    values = {}
    for name, restore in types.items():
        place, shape = places[name]
        values[name] = restore(row[place].reshape(shape) if shape else row[place])
    return values


_MEASUREMENT_TYPES = {name: _RESTORE[kind] for name, kind in get_type_hints(Measurement).items()}
_THERMAL_TYPES = {name: _RESTORE[kind] for name, kind in get_type_hints(ThermalCommand).items()}


def _rows(stream: Stream) -> Iterator[FloatArray]:
    for chunk in stream.chunks():
        yield from chunk


def _places(stream: Stream) -> dict[str, tuple[int | slice, Shape]]:
    """Return where in a row each column stands: an index for a scalar, a slice and a shape for an array."""
    places: dict[str, tuple[int | slice, Shape]] = {}
    start = 0
    for name, shape in stream.columns.items():
        length = int(np.prod(shape))
        places[name] = (slice(start, start + length), shape) if shape else (start, shape)
        start += length
    return places


def _refuse_other_fields(stream: Stream, where: str) -> None:
    expected = {*_MEASURED, *_ACTUATED, *_ALLOWED, _FOREWARNING, *_SWITCHES}
    wrong = sorted(expected.symmetric_difference(stream.columns))
    if wrong:
        names = ", ".join(wrong)
        raise RecordingError(f"{where}: measurements of another version, they differ in {names}; record anew")


def _different(recorded: Command, replayed: Command) -> Iterator[tuple[str, object, object]]:
    """Yield the name and both values of every field that differs."""
    names = (*_ACTUATED, *_ALLOWED)
    pairs = zip(
        names,
        (*_actuated(recorded.thermal), *_allowed(recorded)),
        (*_actuated(replayed.thermal), *_allowed(replayed)),
        strict=True,
    )
    for name, old, new in pairs:
        if old != new and not (np.isnan(old) and np.isnan(new)):
            yield name, old, new
    for name in (*_SWITCHES, _FOREWARNING):
        if getattr(recorded, name) != getattr(replayed, name):
            yield name, getattr(recorded, name), getattr(replayed, name)
