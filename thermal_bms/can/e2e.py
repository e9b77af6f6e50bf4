"""End-to-end protection after AUTOSAR profiles 1 and 2: a counter and an 8-bit check value in the message.

Source: AUTOSAR E2E Protocol Specification (PRS_E2EProtocol) and SWS_E2ELibrary 4.2.2. Profile 1: polynomial 0x1D
over the data identifier and the data without the check value, effective start and final value 0, counter 0..14.
Profile 2: polynomial 0x2F, start and final value 0xFF, over the data and one of sixteen identifiers, chosen by
the counter, 0..15.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import final

from thermal_bms.can.layout import MessageLayout
from thermal_bms.errors import CodecError

_ID_LIST_LENGTH = 16
_COUNTERS = {"P01": 15, "P02": 16}


def crc_table(polynomial: int) -> bytes:
    """Return the table of an 8-bit check value without reflection.

    >>> crc_table(0x1D)[1]
    29
    """
    table = bytearray()
    for byte in range(256):
        remainder = byte
        for _ in range(8):
            remainder = (remainder << 1 ^ polynomial if remainder & 0x80 else remainder << 1) & 0xFF
        table.append(remainder)
    return bytes(table)


_TABLE_1D = crc_table(0x1D)
_TABLE_2F = crc_table(0x2F)


def crc8(data: bytes, table: bytes, start: int) -> int:
    """Return the remainder of ``data`` from a start value; the final exclusive-or is the caller's.

    >>> hex(crc8(b"123456789", _TABLE_1D, 0xFF) ^ 0xFF), hex(crc8(b"123456789", _TABLE_2F, 0xFF) ^ 0xFF)
    ('0x4b', '0xdf')
    """
    remainder = start
    for byte in data:
        remainder = table[remainder ^ byte]
    return remainder


class DataIdMode(IntEnum):
    """Which bytes of the 16-bit data identifier profile 1 counts in."""

    BOTH = 0
    ALTERNATING = 1
    LOW = 2
    NIBBLE = 3


class E2eStatus(IntEnum):
    """What a receiver makes of a message."""

    OK = 0
    OK_SOME_LOST = 1
    INITIAL = 2
    SYNC = 3
    REPEATED = 4
    WRONG_SEQUENCE = 5
    WRONG_CRC = 6
    NO_NEW_DATA = 7


ACCEPTED = frozenset({E2eStatus.OK, E2eStatus.OK_SOME_LOST, E2eStatus.INITIAL})
"""The states in which the data may be used."""


@dataclass(frozen=True, slots=True)
class E2eProfile:
    """One message's protection.

    Attributes
    ----------
    counter_values : 15 in profile 1, 16 in profile 2
    length : bytes that are protected
    crc_byte, counter_bit : where check value and counter stand; the nibble mode has its nibble after the counter
    data_id, mode : identifier of the message and its use, profile 1
    data_id_list : sixteen identifiers, profile 2; empty in profile 1
    """

    counter_values: int
    length: int
    crc_byte: int = 0
    counter_bit: int = 8
    data_id: int = 0
    mode: DataIdMode = DataIdMode.BOTH
    data_id_list: bytes = b""

    def counter(self, data: bytes) -> int:
        """Return the counter of a message."""
        return data[self.counter_bit >> 3] >> (self.counter_bit & 7) & 0xF

    def crc(self, data: bytes) -> int:
        """Return the check value that the message ought to have."""
        body = data[: self.crc_byte] + data[self.crc_byte + 1 : self.length]
        if self.data_id_list:
            identifier = self.data_id_list[self.counter(data)]
            return crc8(body + bytes((identifier,)), _TABLE_2F, 0xFF) ^ 0xFF
        low, high = self.data_id & 0xFF, self.data_id >> 8
        if self.mode is DataIdMode.BOTH:
            prefix = bytes((low, high))
        elif self.mode is DataIdMode.ALTERNATING:
            prefix = bytes((high if self.counter(data) & 1 else low,))
        elif self.mode is DataIdMode.LOW:
            prefix = bytes((low,))
        else:
            prefix = bytes((low, 0))
        return crc8(prefix + body, _TABLE_1D, 0)

    def protect(self, data: bytes, counter: int) -> bytes:
        """Return the message with counter and check value written."""
        out = bytearray(data)
        index, shift = self.counter_bit >> 3, self.counter_bit & 7
        out[index] = out[index] & ~(0xF << shift) & 0xFF | counter << shift
        if self.mode is DataIdMode.NIBBLE:
            index, shift = self._nibble()
            out[index] = out[index] & ~(0xF << shift) & 0xFF | (self.data_id >> 8 & 0xF) << shift
        out[self.crc_byte] = self.crc(bytes(out))
        return bytes(out)

    def intact(self, data: bytes) -> bool:
        """Return whether length, check value, counter range and identifier nibble of a message are right."""
        if len(data) < self.length or data[self.crc_byte] != self.crc(data):
            return False
        if self.counter(data) >= self.counter_values:
            return False
        if self.mode is not DataIdMode.NIBBLE:
            return True
        index, shift = self._nibble()
        return data[index] >> shift & 0xF == self.data_id >> 8 & 0xF

    def _nibble(self) -> tuple[int, int]:
        place = self.counter_bit + 4
        return place >> 3, place & 7


def profile_of(layout: MessageLayout) -> E2eProfile | None:
    """Return the protection that the DBC declares for a message, or None.

    Raises
    ------
    CodecError
        if check value or counter lie across bytes, or profile 2 has not sixteen identifiers.
    """
    if layout.profile == "None" or layout.crc is None or layout.counter is None:
        return None
    if layout.crc.start % 8 or layout.crc.bits != 8 or layout.counter.start % 4 or layout.counter.bits != 4:
        raise CodecError(f"{layout.name}: check value must fill a byte and counter half a byte")
    if layout.profile == "P02" and len(layout.data_id_list) != _ID_LIST_LENGTH:
        raise CodecError(f"{layout.name}: E2eDataIdList has {len(layout.data_id_list)} bytes; must have 16")
    return E2eProfile(
        counter_values=_COUNTERS[layout.profile],
        length=layout.length,
        crc_byte=layout.crc.start // 8,
        counter_bit=layout.counter.start,
        data_id=layout.data_id,
        data_id_list=layout.data_id_list if layout.profile == "P02" else b"",
    )


@final
class E2eSender:
    """Protects the messages of one sender and data identifier, one counter step each."""

    def __init__(self, profile: E2eProfile) -> None:
        self._profile = profile
        self._counter = 0

    def protect(self, data: bytes) -> bytes:
        """Return the next message with counter and check value."""
        protected = self._profile.protect(data, self._counter)
        self._counter = (self._counter + 1) % self._profile.counter_values
        return protected


@final
class E2eReceiver:
    """Checks the messages of one sender and data identifier; state machine of ``E2E_P01Check`` and ``E2E_P02Check``.

    Parameters
    ----------
    profile : what is checked
    max_delta : counter step that is allowed from one received message to the next; grows by one with every
        call without valid data
    max_no_new : calls without new or with repeated data after which the counter must be found again
    sync : messages in sequence that are then needed before data are accepted again
    """

    def __init__(
        self, profile: E2eProfile, *, max_delta: int = 3, max_no_new: int = 14, sync: int = 2
    ) -> None:
        self._profile = profile
        self._limit = profile.counter_values - 1
        self._max_delta_init = max_delta
        self._max_no_new = max_no_new
        self._sync_init = sync
        self.reset()

    def reset(self) -> None:
        """Wait for a first message."""
        self._max_delta = self._max_delta_init
        self._last: int | None = None
        self._no_new = 0
        self._sync = 0
        self.lost = 0

    def check(self, data: bytes | None) -> E2eStatus:
        """Return the state after a message, or after a period without one (None)."""
        self._max_delta = min(self._max_delta + 1, self._limit)
        if data is None:
            self._no_new = min(self._no_new + 1, self._limit)
            return E2eStatus.NO_NEW_DATA
        if not self._profile.intact(data):
            return E2eStatus.WRONG_CRC
        counter = self._profile.counter(data)
        if self._last is None:
            self._take(counter)
            return E2eStatus.INITIAL
        delta = (counter - self._last) % self._profile.counter_values
        if delta == 0:
            self._no_new = min(self._no_new + 1, self._limit)
            return E2eStatus.REPEATED
        if delta <= self._max_delta:
            return self._in_sequence(counter, delta)
        self._no_new = 0
        self._sync = self._sync_init
        if self._sync > 0:
            self._take(counter)
        return E2eStatus.WRONG_SEQUENCE

    def _in_sequence(self, counter: int, delta: int) -> E2eStatus:
        self._take(counter)
        self.lost = delta - 1
        if self._no_new > self._max_no_new:
            self._no_new = 0
            self._sync = self._sync_init
            return E2eStatus.SYNC
        self._no_new = 0
        if self._sync > 0:
            self._sync -= 1
            return E2eStatus.SYNC
        return E2eStatus.OK if delta == 1 else E2eStatus.OK_SOME_LOST

    def _take(self, counter: int) -> None:
        self._max_delta = self._max_delta_init
        self._last = counter
