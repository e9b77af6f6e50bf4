"""A frame on the bus, as every part of this package takes and gives it."""

from typing import NamedTuple


class Frame(NamedTuple):
    """A data frame with a 29-bit identifier and 0..8 bytes."""

    identifier: int
    data: bytes
