"""The compiled mapping: every number that crosses the bus, its place in a flat vector, and the message it rides in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from thermal_bms.can.database import bundled_messages
from thermal_bms.can.j1939.identifier import parse_identifier
from thermal_bms.can.layout import MessageLayout
from thermal_bms.can.mapping import FieldOnBus, Repeat
from thermal_bms.can.raw import quantised
from thermal_bms.can.schedule import Schedule
from thermal_bms.errors import CodecError
from thermal_bms.units import BoolArray, FloatArray

_UNMAPPED = -1


@dataclass(frozen=True, slots=True)
class PackShape:
    """How many strings, parallel groups in series and temperature sensors per string cross the bus."""

    n_strings: int
    n_series: int
    n_temp_sensors: int


@dataclass(frozen=True, slots=True)
class Slot:
    """One message, or one page of it, from one source.

    Attributes
    ----------
    layout, page, identifier : what is sent, under which 29-bit identifier
    positions : place of each signal's value in the flat vector, -1 for a signal without one
    signs : sign of each signal against this project's
    period_s, phase_s : when it is sent [s]
    """

    layout: MessageLayout
    page: int
    identifier: int
    positions: tuple[int, ...]
    signs: tuple[float, ...]
    period_s: float
    phase_s: float

    @property
    def endpoint(self) -> tuple[int, int]:
        """Return parameter group and source address, which name the message on the bus."""
        header = parse_identifier(self.identifier)
        return header.pgn, header.source


@dataclass(slots=True)
class _Endpoint:
    layout: MessageLayout
    source: int
    places: dict[str, tuple[int, float]]


@final
class BusMap:
    """All slots for one truck, and the vectors that quantise everything at once.

    Parameters
    ----------
    rows : fields and the messages that carry them
    shape : size of the pack
    sources : source address by the sender's name in the DBC, where it differs from the DBC; string k adds k

    Raises
    ------
    CodecError
        if the DBC lacks a message or signal of the table, or holds too few for the pack.
    """

    def __init__(
        self, rows: Sequence[FieldOnBus], shape: PackShape, *, sources: Mapping[str, int] | None = None
    ) -> None:
        self._sources = dict(sources or {})
        self.slices: dict[str, slice] = {}
        self.size = 0
        endpoints: dict[tuple[str, int], _Endpoint] = {}
        for row in rows:
            self._place(row, shape, endpoints)
        self.slots = tuple(slot for endpoint in endpoints.values() for slot in self._slots(endpoint))
        self.slot_of = np.full(self.size, _UNMAPPED)
        self._scale, self._offset = np.ones(self.size), np.zeros(self.size)
        self._code_min, self._code_max = np.zeros(self.size), np.zeros(self.size)
        for i, slot in enumerate(self.slots):
            self._gather(i, slot)

    def schedule(self) -> Schedule:
        """Return a new schedule of the slots."""
        return Schedule([slot.period_s for slot in self.slots], [slot.phase_s for slot in self.slots])

    def quantise(self, values: FloatArray) -> tuple[FloatArray, BoolArray]:
        """Return what a receiver reads when ``values`` are sent, and which of them the signals could hold."""
        return quantised(values, self._scale, self._offset, self._code_min, self._code_max)

    def names(self, which: BoolArray) -> tuple[str, ...]:
        """Return the fields in which any of the flat values is marked."""
        return tuple(field for field, where in self.slices.items() if which[where].any())

    def _place(self, row: FieldOnBus, shape: PackShape, endpoints: dict[tuple[str, int], _Endpoint]) -> None:
        layout = bundled_messages(row.definition).get(row.message)
        if layout is None:
            raise CodecError(f"{row.definition}.dbc: has no message {row.message}, which carries {row.field}")
        if not layout.period_s:
            raise CodecError(
                f"{row.definition}.dbc: {row.message}, which carries {row.field}, has no GenMsgCycleTime"
            )
        base = self._sources.get(layout.sender, layout.identifier & 0xFF)
        start = self.size
        for offset, signal in _copies(row, shape):
            source = base + offset
            key = (row.message, source)
            endpoint = endpoints.setdefault(key, _Endpoint(layout, source, {}))
            if signal not in layout.signal_names:
                raise CodecError(
                    f"{row.definition}.dbc: {row.message} has no signal {signal} for {row.field}"
                )
            endpoint.places[signal] = (self.size, row.sign)
            self.size += 1
        self.slices[row.field] = slice(start, self.size)

    def _slots(self, endpoint: _Endpoint) -> list[Slot]:
        layout = endpoint.layout
        pages = [
            page
            for page, signals in layout.pages.items()
            if any(signal.name in endpoint.places for signal in signals)
        ]
        return [
            Slot(
                layout,
                page,
                layout.identifier & ~0xFF | endpoint.source,
                tuple(endpoint.places.get(s.name, (_UNMAPPED, 1.0))[0] for s in layout.pages[page]),
                tuple(endpoint.places.get(s.name, (_UNMAPPED, 1.0))[1] for s in layout.pages[page]),
                layout.period_s,
                layout.period_s * rank / len(pages),
            )
            for rank, page in enumerate(pages)
        ]

    def _gather(self, index: int, slot: Slot) -> None:
        for signal, position, sign in zip(
            slot.layout.pages[slot.page], slot.positions, slot.signs, strict=True
        ):
            if position != _UNMAPPED:
                self.slot_of[position] = index
                self._scale[position] = sign * signal.scale
                self._offset[position] = sign * signal.offset
                self._code_min[position] = signal.code_min
                self._code_max[position] = signal.code_max


def _copies(row: FieldOnBus, shape: PackShape) -> list[tuple[int, str]]:
    """Return source offset and signal name of every value of a field, in the field's own order."""
    strings = range(shape.n_strings)
    if row.repeat is Repeat.ONCE:
        return [(0, row.signal)]
    if row.repeat is Repeat.SOURCE_PER_STRING:
        return [(k, row.signal) for k in strings]
    if row.repeat is Repeat.NUMBERED_PER_STRING:
        return [(0, f"{row.signal}{k}") for k in strings]
    count = shape.n_series if row.repeat is Repeat.CELLS else shape.n_temp_sensors
    return [(k, f"{row.signal}{i}") for k in strings for i in range(count)]
