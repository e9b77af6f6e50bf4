"""Answering requests for parameter groups (SAE J1939-21, group 59904)."""

from collections.abc import Callable, Mapping
from typing import NamedTuple, final

from thermal_bms.can.frame import Frame
from thermal_bms.can.j1939.identifier import (
    GLOBAL_ADDRESS,
    PGN_REQUEST,
    Message,
    acknowledgement,
    parse_identifier,
)

REQUEST_INTERVAL_S = 0.1
_REMEMBERED = 64
_REQUEST_BYTES = 3


class Reply(NamedTuple):
    """What a request is answered with: a group to send, or a refusal."""

    messages: list[Message]
    frames: list[Frame]


@final
class RequestHandler:
    """Answers requests for the groups that this controller has, and refuses others that were addressed to it.

    A request is answered at most every 100 ms per requester and group, and at most 64 of those are remembered, so
    that a flood of requests costs little.

    Parameters
    ----------
    responders : by parameter group, a function that returns its data

    Attributes
    ----------
    ignored : requests that came too fast
    """

    def __init__(self, responders: Mapping[int, Callable[[], bytes]]) -> None:
        self._responders = dict(responders)
        self._answered_s: dict[tuple[int, int], float] = {}
        self.ignored = 0

    def on_frame(self, frame: Frame, address: int, now_s: float) -> Reply:
        """Take a frame for everybody or for ``address``."""
        header = parse_identifier(frame.identifier)
        to_us = header.destination in {GLOBAL_ADDRESS, address}
        if header.pgn != PGN_REQUEST or not to_us or len(frame.data) < _REQUEST_BYTES:
            return Reply([], [])
        pgn = int.from_bytes(frame.data[:3], "little")
        if not self._in_time(header.source, pgn, now_s):
            self.ignored += 1
            return Reply([], [])
        responder = self._responders.get(pgn)
        if responder is not None:
            destination = header.source if header.destination == address else GLOBAL_ADDRESS
            return Reply([Message(pgn, address, destination, 6, responder())], [])
        if header.destination == GLOBAL_ADDRESS:
            return Reply([], [])
        return Reply([], [Frame(*acknowledgement(pgn, header.source, address, positive=False))])

    def _in_time(self, source: int, pgn: int, now_s: float) -> bool:
        key = (source, pgn)
        if now_s - self._answered_s.get(key, float("-inf")) < REQUEST_INTERVAL_S:
            return False
        self._answered_s.pop(key, None)
        if len(self._answered_s) >= _REMEMBERED:
            oldest = next(iter(self._answered_s))
            if now_s - self._answered_s[oldest] < REQUEST_INTERVAL_S:
                return False
            del self._answered_s[oldest]
        self._answered_s[key] = now_s
        return True
