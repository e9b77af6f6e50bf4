"""Claiming an address and defending it (SAE J1939-81)."""

from collections.abc import Sequence
from enum import IntEnum
from typing import final

from thermal_bms.can.frame import Frame
from thermal_bms.can.j1939.identifier import (
    GLOBAL_ADDRESS,
    NULL_ADDRESS,
    PGN_ADDRESS_CLAIMED,
    PGN_REQUEST,
    build_identifier,
    parse_identifier,
    pgn_bytes,
)
from thermal_bms.can.j1939.name import Name, name_number

CLAIM_WAIT_S = 0.25
DEFENCE_INTERVAL_S = 0.05
DYNAMIC_ADDRESSES = range(128, 248)
_DELAY_STEP_S = 0.6e-3
_DELAY_STEPS = 256


class ClaimState(IntEnum):
    """How far the claim is. Only CLAIMED may send anything but claims."""

    IDLE = 0
    WAITING = 1
    CLAIMED = 2
    CANNOT_CLAIM = 3


@final
class AddressClaim:
    """The claim of one controller: frames and time in, frames out.

    A claim counts after 250 ms without an older NAME on the same address; addresses 0..127 and 248..253 count at
    once. Whoever has the smaller NAME keeps the address; the other one takes the next free of 128..247 when its
    NAME allows it, or says that it cannot claim, after a delay of 0..153 ms that its NAME decides. Answers to rival
    claims are at least 50 ms apart, so that a flood of claims does not fill the bus with defences.

    Parameters
    ----------
    name : who this controller is
    preferred : address that it wants
    alternatives : addresses to take when the preferred one is lost, in this order

    Attributes
    ----------
    state, address : the claim; the address is 254 (null) until it counts
    conflicts : rival claims on the own address so far
    lost : addresses given up so far
    duplicates : claims seen with exactly the own NAME, on the own address; on a looping bus they are the own
    neighbours : NAME by address of the others
    """

    def __init__(
        self, name: Name, preferred: int, *, alternatives: Sequence[int] = tuple(DYNAMIC_ADDRESSES)
    ) -> None:
        self._name = name
        self._wanted = preferred
        self._alternatives = tuple(alternatives) if name.arbitrary_address else ()
        self._counts_from_s: float | None = None
        self._say_from_s: float | None = None
        self._answered_s = float("-inf")
        self._tried: set[int] = set()
        self.state = ClaimState.IDLE
        self.conflicts = 0
        self.lost = 0
        self.duplicates = 0
        self.neighbours: dict[int, int] = {}

    @property
    def address(self) -> int:
        """Return the address that may be used, 254 while there is none."""
        return self._wanted if self.state is ClaimState.CLAIMED else NULL_ADDRESS

    def start(self, now_s: float) -> list[Frame]:
        """Begin: ask who is there and claim."""
        request = build_identifier(PGN_REQUEST, NULL_ADDRESS)
        return [Frame(request, pgn_bytes(PGN_ADDRESS_CLAIMED)), *self._claim(now_s)]

    def tick(self, now_s: float) -> list[Frame]:
        """Let time pass; call at least every 50 ms."""
        if self._counts_from_s is not None and now_s >= self._counts_from_s:
            self._counts_from_s = None
            self.state = ClaimState.CLAIMED
        if self._say_from_s is not None and now_s >= self._say_from_s:
            return self._say(now_s)
        return []

    def on_frame(self, frame: Frame, now_s: float) -> list[Frame]:
        """Take a frame from the bus; those that do not concern the claim are ignored."""
        header = parse_identifier(frame.identifier)
        if header.pgn == PGN_REQUEST:
            if frame.data[:3] == pgn_bytes(PGN_ADDRESS_CLAIMED):
                return self._on_request(header.destination, now_s)
            return []
        if header.pgn != PGN_ADDRESS_CLAIMED:
            return []
        rival = name_number(frame.data)
        if rival is None:
            return []
        if header.source < NULL_ADDRESS and rival != self._name.number:
            self.neighbours[header.source] = rival
        if header.source != self._wanted or self.state not in {ClaimState.WAITING, ClaimState.CLAIMED}:
            return []
        return self._on_rival(rival, now_s)

    def _on_request(self, destination: int, now_s: float) -> list[Frame]:
        if self.state is ClaimState.IDLE or destination not in {GLOBAL_ADDRESS, self._own()}:
            return []
        if self.state is ClaimState.CANNOT_CLAIM:
            self._say_from_s = now_s + self._delay_s()
            return []
        return self._answer(now_s)

    def _on_rival(self, rival: int, now_s: float) -> list[Frame]:
        if rival == self._name.number:
            self.duplicates += 1
            return []
        self.conflicts += 1
        if rival > self._name.number:
            return self._answer(now_s)
        self.lost += 1
        self._tried.add(self._wanted)
        taken = self._tried | self.neighbours.keys()
        free = next((address for address in self._alternatives if address not in taken), None)
        if free is None:
            self.state = ClaimState.CANNOT_CLAIM
            self._counts_from_s = None
            self._say_from_s = now_s + self._delay_s()
            return []
        self._wanted = free
        return self._claim(now_s)

    def _claim(self, now_s: float) -> list[Frame]:
        at_once = self._wanted not in DYNAMIC_ADDRESSES
        self.state = ClaimState.CLAIMED if at_once else ClaimState.WAITING
        self._counts_from_s = None if at_once else now_s + CLAIM_WAIT_S
        return self._say(now_s)

    def _answer(self, now_s: float) -> list[Frame]:
        """Repeat the claim, now or when the last answer is 50 ms ago."""
        if now_s - self._answered_s >= DEFENCE_INTERVAL_S:
            return self._say(now_s)
        self._say_from_s = self._answered_s + DEFENCE_INTERVAL_S
        return []

    def _say(self, now_s: float) -> list[Frame]:
        self._answered_s = now_s
        self._say_from_s = None
        return [Frame(build_identifier(PGN_ADDRESS_CLAIMED, self._own()), self._name.data)]

    def _own(self) -> int:
        return NULL_ADDRESS if self.state is ClaimState.CANNOT_CLAIM else self._wanted

    def _delay_s(self) -> float:
        return self._name.number % _DELAY_STEPS * _DELAY_STEP_S
