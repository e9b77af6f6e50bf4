"""What may be sent: parameter group, source address and rate. Everything else is refused and counted."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import final

from thermal_bms.can.bus_map import BusMap
from thermal_bms.can.frame import Frame
from thermal_bms.can.j1939.diagnostics import PGN_DM1, PGN_DM2
from thermal_bms.can.j1939.identifier import (
    NULL_ADDRESS,
    PGN_ACKNOWLEDGE,
    PGN_ADDRESS_CLAIMED,
    PGN_REQUEST,
    PGN_TRANSFER_CONTROL,
    PGN_TRANSFER_DATA,
    parse_identifier,
)
from thermal_bms.can.j1939.transport import DEFAULT_LIMITS
from thermal_bms.errors import ConfigError
from thermal_bms.parameters import did_you_mean

_RATE_MARGIN = 1.5
_NETWORK_PER_S = 20.0

Endpoint = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Allowance:
    """How often an endpoint may be sent: a mean rate, and so many at once."""

    per_s: float
    at_once: int


@final
class AllowList:
    """Lets frames pass by parameter group and source address, each at its own rate.

    The rate is that of a bucket with ``at_once`` frames, refilled with ``per_s`` frames a second.

    Parameters
    ----------
    allowances : by parameter group and source address

    Attributes
    ----------
    forbidden, too_fast : frames refused so far, for their name and for their rate
    """

    def __init__(self, allowances: Mapping[Endpoint, Allowance]) -> None:
        self._allowances = dict(allowances)
        self._left = {key: (float(allowance.at_once), 0.0) for key, allowance in allowances.items()}
        self.forbidden = 0
        self.too_fast = 0

    def __len__(self) -> int:
        return len(self._allowances)

    def allows(self, frame: Frame, time_s: float) -> bool:
        """Return whether a frame may be sent at ``time_s``, and take it as sent when it may."""
        header = parse_identifier(frame.identifier)
        key = (header.pgn, header.source)
        allowance = self._allowances.get(key)
        if allowance is None:
            self.forbidden += 1
            return False
        left, since_s = self._left[key]
        left = min(left + max(time_s - since_s, 0.0) * allowance.per_s, float(allowance.at_once))
        if left < 1.0:
            self.too_fast += 1
            self._left[key] = (left, time_s)
            return False
        self._left[key] = (left - 1.0, time_s)
        return True


def message_allowances(bus_map: BusMap, names: Iterable[str]) -> dict[Endpoint, Allowance]:
    """Return what the messages of those names need: their own rate and half as much again.

    Raises
    ------
    ConfigError
        for a name that the map does not have.
    """
    wanted = tuple(names)
    known = {slot.layout.name for slot in bus_map.slots}
    for name in wanted:
        if name not in known:
            raise ConfigError(f"transmit.allow: no message {name} to send{did_you_mean(name, sorted(known))}")
    frames: dict[Endpoint, tuple[int, float]] = {}
    for slot in bus_map.slots:
        if slot.layout.name in wanted:
            count, _ = frames.get(slot.endpoint, (0, 0.0))
            frames[slot.endpoint] = (count + 1, slot.period_s)
    return {
        endpoint: Allowance(_RATE_MARGIN * count / period_s, 2 * count)
        for endpoint, (count, period_s) in frames.items()
    }


def network_allowances(address: int) -> dict[Endpoint, Allowance]:
    """Return what a J1939 node at ``address`` needs: claims, requests, transport, trouble codes."""
    window = DEFAULT_LIMITS.window
    few = Allowance(_NETWORK_PER_S, int(_NETWORK_PER_S))
    groups = (PGN_ADDRESS_CLAIMED, PGN_REQUEST, PGN_ACKNOWLEDGE, PGN_TRANSFER_CONTROL, PGN_DM1, PGN_DM2)
    found = {(pgn, address): few for pgn in groups}
    found |= {(pgn, NULL_ADDRESS): few for pgn in (PGN_ADDRESS_CLAIMED, PGN_REQUEST)}
    found[PGN_TRANSFER_DATA, address] = Allowance(_NETWORK_PER_S * window, 2 * window)
    return found
