"""Both ends of the bus as images of a flat vector, and the short cut that skips the bytes.

``BusSender`` turns values into the frames that are due. ``BusReceiver`` takes frames and holds the last value of
everything. ``DirectBus`` does what the two do together, to the last bit, without a frame.
"""

from collections.abc import Mapping
from enum import IntEnum
from typing import final

import numpy as np

from thermal_bms.can.bus_map import BusMap, Slot
from thermal_bms.can.e2e import ACCEPTED, E2eProfile, E2eReceiver, E2eSender, E2eStatus, profile_of
from thermal_bms.can.frame import Frame
from thermal_bms.can.j1939.identifier import parse_identifier
from thermal_bms.can.layout import SignalStatus
from thermal_bms.units import BoolArray, FloatArray

NAN = float("nan")

_SILENT_PERIODS_MAX = 14  # no counter step is wider

Protections = Mapping[str, E2eProfile | None]
"""End-to-end protection by message name, where it is to differ from the DBC."""


class TakeStatus(IntEnum):
    """What became of a frame that was received."""

    TAKEN = 0
    UNKNOWN = 1
    MALFORMED = 2
    REFUSED = 3


def _profiles(bus_map: BusMap, protections: Protections) -> dict[tuple[int, int], E2eProfile]:
    profiles = {}
    for slot in bus_map.slots:
        name = slot.layout.name
        profile = protections[name] if name in protections else profile_of(slot.layout)
        if profile is not None:
            profiles[slot.endpoint] = profile
    return profiles


@final
class BusSender:
    """Encodes what is due. Messages of one group and source share one counter.

    Attributes
    ----------
    saturated : fields that a signal could not hold in the last call
    """

    def __init__(self, bus_map: BusMap, *, protections: Protections | None = None) -> None:
        self._map = bus_map
        self._schedule = bus_map.schedule()
        profiles = _profiles(bus_map, protections or {})
        self._e2e = {endpoint: E2eSender(profile) for endpoint, profile in profiles.items()}
        self.saturated: tuple[str, ...] = ()

    def frames(self, values: FloatArray, time_s: float) -> list[Frame]:
        """Return the frames that are due at ``time_s``, in the order of the table."""
        due = self._schedule.due(time_s)
        numbers = [*values.tolist(), NAN]
        saturated = np.zeros(len(values), dtype=np.bool_)
        frames = []
        for i in np.flatnonzero(due).tolist():
            slot = self._map.slots[i]
            frames.append(self._frame(slot, numbers, saturated))
        self.saturated = self._map.names(saturated)
        return frames

    def _frame(self, slot: Slot, numbers: list[float], saturated: BoolArray) -> Frame:
        wanted = [sign * numbers[place] for place, sign in zip(slot.positions, slot.signs, strict=True)]
        encoded = slot.layout.encode(wanted, slot.page)
        for name in encoded.saturated:
            signals = slot.layout.pages[slot.page]
            saturated[next(p for p, s in zip(slot.positions, signals, strict=True) if s.name == name)] = True
        sender = self._e2e.get(slot.endpoint)
        return Frame(slot.identifier, sender.protect(encoded.data) if sender else encoded.data)


@final
class BusReceiver:
    """Holds the last value of everything, from the frames of the expected sources only.

    A frame is known by its parameter group and source address; the priority does not count. Frames with a wrong
    check value, a wrong sequence or an old counter change nothing.

    Attributes
    ----------
    image : last received values, NaN for what was never received or not valid, shape (n,)
    status : what the last received codes said, ``SignalStatus`` by number, shape (n,)
    seen_s : when each slot was last taken, minus infinity for never, shape (n_slots,) [s]
    e2e_counts : how often each state of end-to-end protection was seen
    checked : that state for the frame last given, None for one without protection
    """

    def __init__(self, bus_map: BusMap, *, protections: Protections | None = None) -> None:
        self._map = bus_map
        self._slots: dict[tuple[int, int], dict[int, tuple[int, Slot]]] = {}
        for i, slot in enumerate(bus_map.slots):
            self._slots.setdefault(slot.endpoint, {})[slot.page] = (i, slot)
        profiles = _profiles(bus_map, protections or {})
        self._e2e = {endpoint: E2eReceiver(profile) for endpoint, profile in profiles.items()}
        self._interval_s = {
            key: next(iter(found.values()))[1].period_s / len(found) for key, found in self._slots.items()
        }
        self._checked_s: dict[tuple[int, int], float] = {}
        self.image = np.full(bus_map.size, NAN)
        self.status = np.full(bus_map.size, int(SignalStatus.NOT_AVAILABLE))
        self.seen_s = np.full(len(bus_map.slots), -np.inf)
        self.e2e_counts = dict.fromkeys(E2eStatus, 0)
        self.checked: E2eStatus | None = None

    def take(self, frame: Frame, time_s: float) -> TakeStatus:
        """Take a frame received at ``time_s``; return what became of it."""
        header = parse_identifier(frame.identifier)
        pages = self._slots.get((header.pgn, header.source))
        self.checked = None
        if pages is None:
            return TakeStatus.UNKNOWN
        checker = self._e2e.get((header.pgn, header.source))
        if checker is not None:
            checked = checker.check(frame.data)
            self._checked_s[header.pgn, header.source] = time_s
            self.e2e_counts[checked] += 1
            self.checked = checked
            if checked not in ACCEPTED:
                return TakeStatus.REFUSED
        _, some_slot = next(iter(pages.values()))
        decoded = some_slot.layout.decode(frame.data)
        if decoded is None:
            return TakeStatus.MALFORMED
        index, slot = pages.get(decoded.page, (-1, some_slot))
        if index < 0:
            return TakeStatus.UNKNOWN
        rows = zip(slot.positions, slot.signs, decoded.values, decoded.status, strict=True)
        for place, sign, value, status in rows:
            if place >= 0:
                self.image[place] = NAN if status else sign * value
                self.status[place] = status
        self.seen_s[index] = time_s
        return TakeStatus.TAKEN

    def tick(self, time_s: float) -> None:
        """Let time pass: each message that is half a period late counts as a period without new data.

        This widens the counter step that is accepted next, so that a few lost frames do not cost more than
        themselves. Call it before the frames of a tick are taken.
        """
        for endpoint, checked_s in self._checked_s.items():
            interval_s = self._interval_s[endpoint]
            late = max(int((time_s - checked_s) / interval_s - 0.5), 0)
            for _ in range(min(late, _SILENT_PERIODS_MAX)):
                self.e2e_counts[self._e2e[endpoint].check(None)] += 1
            self._checked_s[endpoint] = checked_s + late * interval_s

    def age_periods(self, time_s: float) -> FloatArray:
        """Return how old every value of the image is, in periods of its message: above 3 it is stale."""
        period_s = np.array([slot.period_s for slot in self._map.slots])
        return np.asarray(((time_s - self.seen_s) / period_s)[self._map.slot_of], dtype=np.float64)


@final
class DirectBus:
    """What a receiver would hold, without a bus: values change when their message is due, quantised.

    Attributes
    ----------
    saturated : fields that a signal could not hold in the last call
    """

    def __init__(self, bus_map: BusMap) -> None:
        self._map = bus_map
        self._schedule = bus_map.schedule()
        self.image = np.full(bus_map.size, NAN)
        self.saturated: tuple[str, ...] = ()

    def carry(self, values: FloatArray, time_s: float) -> FloatArray:
        """Return the receiver's image after everything due at ``time_s`` was sent."""
        due = self._schedule.due(time_s)[self._map.slot_of]
        arrived, held = self._map.quantise(values)
        self.image = np.where(due, arrived, self.image)
        self.saturated = self._map.names(due & ~held)
        return self.image
