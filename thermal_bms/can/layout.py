"""Where the signals of a message lie, compiled for speed: bytes to values and back.

A value is ``raw * scale + offset``. Signals of kind ``VALUE`` keep the special codes of SAE J1939-71 free: with
eight bits or more the top byte says it (0xFB..0xFD reserved, 0xFE error, 0xFF not available), below that the last
two codes do. All other kinds use every code up to the maximum that the DBC gives.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import final

from thermal_bms.can.raw import quantised_code

NAN = float("nan")
_SHORT_BITS = 8


class SignalStatus(IntEnum):
    """What a received code says."""

    VALID = 0
    OUT_OF_RANGE = 1
    RESERVED = 2
    ERROR = 3
    NOT_AVAILABLE = 4


class SignalKind(IntEnum):
    """What a signal is for; only ``VALUE`` and ``FULL`` carry values."""

    VALUE = 0
    FULL = 1
    COUNTER = 2
    CRC = 3
    PAGE = 4


@dataclass(frozen=True, slots=True)
class Signal:
    """One signal of a message.

    Attributes
    ----------
    name, unit : as in the DBC
    start, bits : lowest bit in the little-endian message, and width
    scale, offset : value = raw * scale + offset, in ``unit``
    code_min, code_max : the codes that are values
    kind : value, counter, check value or page number
    spn : suspect parameter number of SAE J1939, or 0
    """

    name: str
    unit: str
    start: int
    bits: int
    scale: float
    offset: float
    code_min: int
    code_max: int
    kind: SignalKind
    spn: int

    @property
    def mask(self) -> int:
        """Return all ones in the width of the signal."""
        return (1 << self.bits) - 1

    @property
    def value_min(self) -> float:
        """Return the least value that the signal can hold."""
        return min(self.value(self.code_min), self.value(self.code_max))

    @property
    def value_max(self) -> float:
        """Return the greatest value that the signal can hold."""
        return max(self.value(self.code_min), self.value(self.code_max))

    def value(self, code: int) -> float:
        """Return the value of a code."""
        return code * self.scale + self.offset

    def status(self, code: int) -> SignalStatus:
        """Return what a code says."""
        if self.code_min <= code <= self.code_max:
            return SignalStatus.VALID
        if self.kind is not SignalKind.VALUE:
            return SignalStatus.OUT_OF_RANGE
        top, special = (code >> (self.bits - 8), 0xFC) if self.bits >= _SHORT_BITS else (code, self.mask - 3)
        if top == special + 3:
            return SignalStatus.NOT_AVAILABLE
        if top == special + 2:
            return SignalStatus.ERROR
        return (
            SignalStatus.RESERVED
            if self.bits >= _SHORT_BITS and top >= special - 1
            else SignalStatus.OUT_OF_RANGE
        )


def special_code_max(bits: int) -> int:
    """Return the highest code that is a value under SAE J1939-71.

    >>> special_code_max(16) == 0xFAFF
    True
    """
    if bits >= _SHORT_BITS:
        return (0xFB << (bits - 8)) - 1
    return max((1 << bits) - 3, 0)


@dataclass(frozen=True, slots=True)
class Decoded:
    """What a message says. ``values`` follow the order of the signals; NaN wherever the status is not VALID."""

    page: int
    values: list[float]
    status: list[SignalStatus]


@dataclass(frozen=True, slots=True)
class Encoded:
    """A message as bytes, and the names of the signals that could not hold their value."""

    data: bytes
    saturated: tuple[str, ...]


@final
class MessageLayout:
    """One message of a DBC, compiled. Pages of a multiplexed message have their signals under the page number.

    Parameters
    ----------
    name, identifier, length : as in the DBC; the identifier has 29 bits
    signals : the value signals of every page; a message without pages has them under page 0
    page_signal, counter, crc : signals that carry no value, if there are any
    period_s : cycle time of the whole message with all its pages, 0 when it is sent on request [s]
    profile, data_id, data_id_list : end-to-end protection as the DBC declares it
    """

    def __init__(
        self,
        name: str,
        *,
        identifier: int,
        length: int,
        signals: Mapping[int, Sequence[Signal]],
        page_signal: Signal | None = None,
        counter: Signal | None = None,
        crc: Signal | None = None,
        period_s: float = 0.0,
        profile: str = "None",
        data_id: int = 0,
        data_id_list: bytes = b"",
        sender: str = "",
    ) -> None:
        self.name = name
        self.identifier = identifier
        self.length = length
        self.pages = {page: tuple(page_signals) for page, page_signals in sorted(signals.items())}
        self.signal_names = frozenset(s.name for found in self.pages.values() for s in found)
        self.page_signal = page_signal
        self.counter = counter
        self.crc = crc
        self.period_s = period_s
        self.profile = profile
        self.data_id = data_id
        self.data_id_list = data_id_list
        self.sender = sender
        self._fields = {
            page: tuple((s.start, s.mask, s.code_min, s.code_max, s.scale, s.offset) for s in page_signals)
            for page, page_signals in self.pages.items()
        }
        self._fill = (1 << 8 * length) - 1
        self._all_valid = {page: [SignalStatus.VALID] * len(found) for page, found in self.pages.items()}

    def decode(self, data: bytes) -> Decoded | None:
        """Return what ``data`` says, or None when it is too short or has a page that does not exist."""
        if len(data) < self.length:
            return None
        word = int.from_bytes(data[: self.length], "little")
        page = 0
        if self.page_signal is not None:
            page = word >> self.page_signal.start & self.page_signal.mask
        fields = self._fields.get(page)
        if fields is None:
            return None
        values = []
        valid = True
        for start, mask, code_min, code_max, scale, offset in fields:
            code = word >> start & mask
            if code_min <= code <= code_max:
                values.append(code * scale + offset)
            else:
                values.append(NAN)
                valid = False
        return Decoded(page, values, self._all_valid[page] if valid else self._status(word, page))

    def encode(self, values: Sequence[float], page: int = 0) -> Encoded:
        """Return the message with ``values`` in the order of the page's signals; NaN becomes "not available".

        Bits that belong to no signal are ones. Counter and check value are left to end-to-end protection.
        """
        word = self._fill
        saturated: list[str] = []
        for i, (start, mask, code_min, code_max, scale, offset) in enumerate(self._fields[page]):
            value = values[i]
            code = mask
            if not math.isnan(value):
                code, held = quantised_code(value, scale, offset, code_min, code_max)
                if not held:
                    saturated.append(self.pages[page][i].name)
            word ^= (mask ^ code) << start
        if self.page_signal is not None:
            word ^= (self.page_signal.mask ^ page) << self.page_signal.start
        return Encoded(word.to_bytes(self.length, "little"), tuple(saturated))

    def _status(self, word: int, page: int) -> list[SignalStatus]:
        return [signal.status(word >> signal.start & signal.mask) for signal in self.pages[page]]
