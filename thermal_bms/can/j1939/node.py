"""One controller on a J1939 bus: claim, transport, requests and trouble codes put together."""

from collections.abc import Callable, Mapping
from typing import final

from thermal_bms.can.frame import Frame
from thermal_bms.can.j1939.address_claim import AddressClaim, ClaimState
from thermal_bms.can.j1939.diagnostics import (
    DM1_PERIOD_S,
    PGN_DM1,
    PGN_DM2,
    Diagnosis,
    Lamps,
    encode_diagnosis,
)
from thermal_bms.can.j1939.identifier import (
    GLOBAL_ADDRESS,
    PGN_ADDRESS_CLAIMED,
    PGN_REQUEST,
    PGN_TRANSFER_CONTROL,
    Message,
    build_identifier,
    parse_identifier,
)
from thermal_bms.can.j1939.request import RequestHandler
from thermal_bms.can.j1939.transport import (
    DEFAULT_LIMITS,
    Step,
    TransportLimits,
    TransportReceiver,
    is_transport,
)
from thermal_bms.can.j1939.transport_send import SendResult, TransportSender

_FRAME_BYTES = 8
_NO_DIAGNOSIS = Diagnosis(Lamps(), ())


@final
class Node:
    """A controller's network side. It sends nothing but claims before its address counts.

    Parameters
    ----------
    claim : the address claim
    responders : by parameter group, a function that returns the data for a request; DM1 and DM2 come by themselves
    accept : which long messages are wanted, by parameter group and source
    limits : bounds of the transport protocol

    Attributes
    ----------
    active, previous : what DM1 and DM2 say; set them whenever they change
    """

    def __init__(
        self,
        claim: AddressClaim,
        responders: Mapping[int, Callable[[], bytes]],
        *,
        accept: Callable[[int, int], bool] = lambda _pgn, _source: True,
        limits: TransportLimits = DEFAULT_LIMITS,
    ) -> None:
        self.claim = claim
        self.receiver = TransportReceiver(accept, limits)
        self.sender = TransportSender(limits)
        self.active = _NO_DIAGNOSIS
        self.previous = _NO_DIAGNOSIS
        self._sent = _NO_DIAGNOSIS
        self._dm1_due_s = float("-inf")
        own = {PGN_DM1: lambda: _data(self.active), PGN_DM2: lambda: _data(self.previous)}
        self._requests = RequestHandler({**responders, **own})

    def start(self, now_s: float) -> list[Frame]:
        """Begin to claim the address."""
        return self.claim.start(now_s)

    def on_frame(self, frame: Frame, now_s: float) -> Step:
        """Take any frame; return frames to send and long messages that are whole."""
        pgn = parse_identifier(frame.identifier).pgn
        if pgn == PGN_ADDRESS_CLAIMED:
            return Step(self.claim.on_frame(frame, now_s), [])
        if pgn == PGN_REQUEST:
            return Step(self._on_request(frame, now_s), [])
        if not is_transport(pgn):
            return Step([], [])
        address = self.claim.address
        received = self.receiver.on_frame(frame, address, now_s)
        if pgn == PGN_TRANSFER_CONTROL:
            received.frames.extend(self.sender.on_frame(frame, address, now_s))
        return received

    def tick(self, now_s: float) -> list[Frame]:
        """Let time pass: claim, transport, and DM1 every second while a fault is active and on every change."""
        frames = self.claim.tick(now_s)
        if self.claim.state is not ClaimState.CLAIMED:
            return frames
        frames += self.receiver.tick(now_s)
        frames += self.sender.tick(now_s)
        changed = self.active != self._sent
        if changed or (self.active.codes and now_s >= self._dm1_due_s):
            result, dm1 = self.send(PGN_DM1, _data(self.active), now_s)
            if result in {SendResult.STARTED, SendResult.QUEUED}:
                self._sent = self.active
                self._dm1_due_s = now_s + DM1_PERIOD_S
            frames += dm1
        return frames

    def send(
        self, pgn: int, data: bytes, now_s: float, *, destination: int = GLOBAL_ADDRESS, priority: int = 6
    ) -> tuple[SendResult, list[Frame]]:
        """Send a parameter group of up to 1785 bytes; return what became of it and the frames to send now."""
        if self.claim.state is not ClaimState.CLAIMED:
            return SendResult.REFUSED_NO_ADDRESS, []
        if len(data) <= _FRAME_BYTES:
            identifier = build_identifier(pgn, self.claim.address, destination=destination, priority=priority)
            return SendResult.STARTED, [Frame(identifier, data)]
        return self.sender.send(Message(pgn, self.claim.address, destination, priority, data), now_s)

    def _on_request(self, frame: Frame, now_s: float) -> list[Frame]:
        if int.from_bytes(frame.data[:3], "little") == PGN_ADDRESS_CLAIMED:
            return self.claim.on_frame(frame, now_s)
        if self.claim.state is not ClaimState.CLAIMED:
            return []
        reply = self._requests.on_frame(frame, self.claim.address, now_s)
        frames = reply.frames
        for message in reply.messages:
            frames += self.send(message.pgn, message.data, now_s, destination=message.destination)[1]
        return frames


def _data(diagnosis: Diagnosis) -> bytes:
    return encode_diagnosis(diagnosis.lamps, diagnosis.codes)
