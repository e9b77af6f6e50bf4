"""The 29-bit identifier of SAE J1939-21: priority, parameter group, destination and source address."""

from dataclasses import dataclass
from typing import NamedTuple

GLOBAL_ADDRESS = 0xFF
NULL_ADDRESS = 0xFE
PGN_ACKNOWLEDGE = 0xE800
PGN_REQUEST = 0xEA00
PGN_TRANSFER_DATA = 0xEB00
PGN_TRANSFER_CONTROL = 0xEC00
PGN_ADDRESS_CLAIMED = 0xEE00
PGN_MAX = 0x3FFFF
IDENTIFIER_MAX = 0x1FFFFFFF

_PDU2_FORMAT = 240
_NO_DATA = 0xFF


class Header(NamedTuple):
    """What an identifier says. Groups with a format of 240 and more go to everybody."""

    priority: int
    pgn: int
    destination: int
    source: int


def parse_identifier(identifier: int) -> Header:
    """Return what a 29-bit identifier says.

    >>> parse_identifier(0x0CF090F3)
    Header(priority=3, pgn=61584, destination=255, source=243)
    """
    pgn = identifier >> 8 & PGN_MAX
    destination = GLOBAL_ADDRESS
    if pgn >> 8 & 0xFF < _PDU2_FORMAT:
        destination = pgn & 0xFF
        pgn &= ~0xFF
    return Header(identifier >> 26 & 7, pgn, destination, identifier & 0xFF)


def build_identifier(pgn: int, source: int, *, destination: int = GLOBAL_ADDRESS, priority: int = 6) -> int:
    """Return the identifier; the destination counts only for groups that have one.

    >>> hex(build_identifier(0x1000, 0xF4, destination=0x56))
    '0x181056f4'
    """
    if not is_broadcast(pgn):
        pgn = pgn & ~0xFF | destination & 0xFF
    return (priority & 7) << 26 | (pgn & PGN_MAX) << 8 | source & 0xFF


def is_broadcast(pgn: int) -> bool:
    """Return whether a parameter group always goes to everybody."""
    return pgn >> 8 & 0xFF >= _PDU2_FORMAT


def pgn_bytes(pgn: int) -> bytes:
    """Return a parameter group number as three bytes, lowest first."""
    return (pgn & PGN_MAX).to_bytes(3, "little")


@dataclass(frozen=True, slots=True)
class Message:
    """A parameter group as it was sent or put together again, of any length up to 1785 bytes."""

    pgn: int
    source: int
    destination: int
    priority: int
    data: bytes


def acknowledgement(pgn: int, requester: int, address: int, *, positive: bool) -> tuple[int, bytes]:
    """Return identifier and data of an acknowledgement (control byte 0) or refusal (1) of a request."""
    data = bytes((0 if positive else 1, _NO_DATA, _NO_DATA, _NO_DATA, requester)) + pgn_bytes(pgn)
    return build_identifier(PGN_ACKNOWLEDGE, address), data
