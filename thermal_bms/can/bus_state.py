"""What may be believed of a bus: age, protection and health, from frames and the time alone.

A value is used while its message is no older than three periods (and at least 200 ms), its interface is up, and
fewer than five of the last ten frames of that message had a wrong check value or sequence. Repeated counters are
no error; they only let the old value grow stale.
"""

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import final

import numpy as np

from thermal_bms.can.bus_image import BusReceiver, Protections, TakeStatus
from thermal_bms.can.bus_map import BusMap, Slot
from thermal_bms.can.e2e import ACCEPTED, E2eStatus
from thermal_bms.can.error_frame import ControllerState, controller_state
from thermal_bms.can.frame import Frame
from thermal_bms.can.j1939.diagnostics import OWN_SPN, FailureMode, TroubleCode
from thermal_bms.can.j1939.identifier import parse_identifier
from thermal_bms.units import BoolArray, FloatArray

_LOG = logging.getLogger(__name__)

AGE_PERIODS = 3.0
AGE_MIN_S = 0.2
WINDOW = 10
DISTRUST_ERRORS = 5
TRUST_ERRORS = 2
_WINDOW_BITS = (1 << WINDOW) - 1
_AGE_ROUNDING_S = 1e-6
_REPORT_EVERY_S = 10.0
_OWN_MESSAGE_SPN = OWN_SPN + 256
_ERRORS = frozenset({E2eStatus.WRONG_CRC, E2eStatus.WRONG_SEQUENCE})


class Health(IntEnum):
    """State of the interface."""

    CLOSED = 0
    ACTIVE = 1
    PASSIVE = 2
    BUS_OFF = 3


@dataclass(slots=True)
class _Message:
    """One message from one source: where its pages are, and what became of its last frames."""

    name: str
    source: int
    spn: int
    slots: list[int]
    errors: int = 0
    distrusted: bool = False
    silent: bool = True
    reported_s: float = -np.inf


@final
class BusState:
    """Takes frames and errors with their time, gives the values that may be used and says what is wrong.

    Parameters
    ----------
    bus_map : messages that are expected
    protections : end-to-end protection where it differs from the DBC
    address : own source address; frames that others send under it are counted
    optional : messages that may be absent without any trouble

    Attributes
    ----------
    health : state of the interface
    counts : frames by what became of them
    bus_offs, passives, failures : how often the interface went off, passive, or failed
    impostors : frames from others under the own address
    """

    def __init__(
        self,
        bus_map: BusMap,
        *,
        protections: Protections | None = None,
        address: int | None = None,
        optional: Collection[str] = (),
    ) -> None:
        self._receiver = BusReceiver(bus_map, protections=protections)
        self._slot_of = bus_map.slot_of
        self._address = address
        self._optional = frozenset(optional)
        self._needed = np.array([slot.layout.name not in self._optional for slot in bus_map.slots])
        period_s = np.array([slot.period_s for slot in bus_map.slots])
        self._age_max_s = np.maximum(AGE_PERIODS * period_s, AGE_MIN_S) + _AGE_ROUNDING_S
        self._messages: dict[tuple[int, int], _Message] = {}
        for i, slot in enumerate(bus_map.slots):
            self._message_of(slot).slots.append(i)
        self._distrusted = np.zeros(len(bus_map.slots), dtype=np.bool_)
        self._up_s = self._impostor_s = -np.inf
        self.health = Health.CLOSED
        self.counts = dict.fromkeys(TakeStatus, 0)
        self.bus_offs = self.passives = self.failures = self.impostors = 0

    @property
    def e2e_counts(self) -> Mapping[E2eStatus, int]:
        """Return how often each state of end-to-end protection was seen."""
        return self._receiver.e2e_counts

    @property
    def complete(self) -> bool:
        """Whether every page of every needed message was received at least once."""
        return bool(np.isfinite(self._receiver.seen_s[self._needed]).all())

    def missing(self) -> list[str]:
        """Return the needed messages of which some page was never received, with their source address."""
        never = np.isneginf(self._receiver.seen_s)
        return [
            f"{message.name} from {message.source}"
            for message in self._messages.values()
            if never[message.slots].any() and message.name not in self._optional
        ]

    def opened(self, time_s: float) -> None:
        """Take note that the interface is up; what was received before is not used again."""
        self._set_health(Health.ACTIVE, "")
        self._up_s = time_s

    def failed(self, reason: str) -> None:
        """Take note that the interface broke: nothing that was received is used any more."""
        self.failures += 1
        self._set_health(Health.CLOSED, f": {reason}")

    def take_error(self, error: Frame) -> None:
        """Take an error frame of the bus's controller."""
        found = controller_state(error)
        if found is ControllerState.BUS_OFF:
            self.bus_offs += 1
            self._set_health(Health.BUS_OFF, "")
        elif found is ControllerState.PASSIVE and self.health is Health.ACTIVE:
            self.passives += 1
            self._set_health(Health.PASSIVE, "")
        elif found is ControllerState.ACTIVE and self.health is Health.PASSIVE:
            self._set_health(Health.ACTIVE, "")

    def tick(self, time_s: float) -> None:
        """Let time pass; call it before the frames of a tick are taken."""
        self._receiver.tick(time_s)

    def take(self, frame: Frame, time_s: float) -> TakeStatus:
        """Take a data frame received at ``time_s``."""
        found = self._receiver.take(frame, time_s)
        self.counts[found] += 1
        if frame.identifier & 0xFF == self._address:
            self._note_impostor(time_s)
        checked = self._receiver.checked
        if checked in ACCEPTED or checked in _ERRORS:
            header = parse_identifier(frame.identifier)
            self._judge(self._messages[header.pgn, header.source], wrong=checked in _ERRORS, time_s=time_s)
        return found

    def values(self, time_s: float) -> FloatArray:
        """Return every value that may be used at ``time_s``, NaN for the others."""
        fresh = self._fresh(time_s)
        self._note_silence(fresh, time_s)
        usable = fresh & ~self._distrusted
        return np.where(usable[self._slot_of], self._receiver.image, np.nan)

    def alive(self, time_s: float) -> bool:
        """Return whether anything at all is fresh."""
        return bool(self._fresh(time_s).any())

    def trouble(self) -> tuple[TroubleCode, ...]:
        """Return a trouble code for each message that fell silent (FMI 9) or is distrusted (FMI 19)."""
        codes = [
            TroubleCode(
                message.spn, FailureMode.NETWORK_DATA if message.distrusted else FailureMode.UPDATE_RATE
            )
            for message in self._messages.values()
            if message.distrusted or self._fell_silent(message)
        ]
        return tuple(dict.fromkeys(codes))

    def silent(self) -> list[str]:
        """Return the messages that were received once and are stale now."""
        return [
            f"{message.name} from {message.source}"
            for message in self._messages.values()
            if self._fell_silent(message)
        ]

    def _message_of(self, slot: Slot) -> _Message:
        message = self._messages.get(slot.endpoint)
        if message is None:
            pgn, source = slot.endpoint
            spns = [signal.spn for signal in slot.layout.pages[slot.page] if signal.spn]
            spn = spns[0] if spns else _OWN_MESSAGE_SPN + (pgn & 0xFF)
            message = self._messages[slot.endpoint] = _Message(slot.layout.name, source, spn, [])
        return message

    def _fresh(self, time_s: float) -> BoolArray:
        if self.health not in {Health.ACTIVE, Health.PASSIVE}:
            return np.zeros(len(self._age_max_s), dtype=np.bool_)
        seen_s = self._receiver.seen_s
        return np.asarray((time_s - seen_s <= self._age_max_s) & (seen_s >= self._up_s))

    def _judge(self, message: _Message, *, wrong: bool, time_s: float) -> None:
        message.errors = (message.errors << 1 | wrong) & _WINDOW_BITS
        count = message.errors.bit_count()
        limit = TRUST_ERRORS if message.distrusted else DISTRUST_ERRORS - 1
        distrusted = count > limit
        if distrusted != message.distrusted:
            message.distrusted = distrusted
            self._distrusted[message.slots] = distrusted
            text = (
                "not trusted any more, %d of its last %d frames were wrong" if distrusted else "trusted again"
            )
            self._report(message, text % (count, WINDOW) if distrusted else text, time_s)

    def _note_silence(self, fresh: BoolArray, time_s: float) -> None:
        for message in self._messages.values():
            silent = not fresh[message.slots].all()
            if silent != message.silent:
                message.silent = silent
                self._report(message, "silent" if silent else "received", time_s)

    def _fell_silent(self, message: _Message) -> bool:
        if message.name in self._optional:
            return False
        return message.silent and bool(np.isfinite(self._receiver.seen_s[message.slots]).any())

    def _report(self, message: _Message, text: str, time_s: float) -> None:
        """Log a change, for each message at most once in 10 s."""
        if time_s - message.reported_s >= _REPORT_EVERY_S:
            message.reported_s = time_s
            _LOG.info("%s from %d: %s", message.name, message.source, text)

    def _note_impostor(self, time_s: float) -> None:
        self.impostors += 1
        if time_s - self._impostor_s >= _REPORT_EVERY_S:
            self._impostor_s = time_s
            _LOG.warning(
                "somebody else sends under our address %s, %d frames so far", self._address, self.impostors
            )

    def _set_health(self, health: Health, reason: str) -> None:
        if health is not self.health:
            level = logging.INFO if health is Health.ACTIVE else logging.WARNING
            _LOG.log(level, "bus %s%s", health.name.lower(), reason)
            self.health = health
