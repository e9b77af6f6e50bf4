"""What a bus carries, message by message: how often, how regularly, and what is missing."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from thermal_bms.can.bus_map import BusMap
from thermal_bms.can.bus_state import AGE_PERIODS, BusState
from thermal_bms.can.e2e import ACCEPTED, E2eStatus
from thermal_bms.can.frame import Frame
from thermal_bms.can.j1939.identifier import parse_identifier
from thermal_bms.can.link import OPTIONAL

_EARLY = 0.5
_FEW = 2


@dataclass(slots=True)
class Message:
    """One expected message from one source, and when it was heard.

    Attributes
    ----------
    name, source : who and what
    period_s : between two of its frames, pages counted one by one [s]
    count, first_s, last_s, gap_max_s : of the frames heard
    """

    name: str
    source: int
    period_s: float
    count: int = 0
    first_s: float = math.nan
    last_s: float = math.nan
    gap_max_s: float = 0.0

    def heard(self, time_s: float) -> None:
        """Take note of one frame."""
        if self.count:
            self.gap_max_s = max(self.gap_max_s, time_s - self.last_s)
        else:
            self.first_s = time_s
        self.count += 1
        self.last_s = time_s

    def verdict(self, listened_s: float) -> str:
        """Return what is wrong with the message in plain words; nothing when it is well."""
        if not self.count:
            return "" if self.name in OPTIONAL else "missing: never heard"
        late_s = max(self.gap_max_s, listened_s - self.last_s)
        if late_s > AGE_PERIODS * max(self.period_s, 0.05):
            return f"late: once nothing for {late_s:.2f} s, expected every {self.period_s:.3g} s"
        mean_s = (self.last_s - self.first_s) / (self.count - 1) if self.count > _FEW else self.period_s
        if mean_s < _EARLY * self.period_s:
            return f"too often: every {mean_s:.3g} s, expected every {self.period_s:.3g} s; two senders?"
        return ""


@final
class TrafficStudy:
    """Listens to a bus and compares with what is expected there.

    Parameters
    ----------
    bus_map : what is expected

    Attributes
    ----------
    messages : every expected message
    strangers : frames that are not expected, by parameter group and source
    state : what would be believed of the bus
    """

    def __init__(self, bus_map: BusMap) -> None:
        self.state = BusState(bus_map)
        self.state.opened(0.0)
        self._expected: dict[tuple[int, int], Message] = {}
        pages: dict[tuple[int, int], int] = {}
        for slot in bus_map.slots:
            pages[slot.endpoint] = pages.get(slot.endpoint, 0) + 1
            self._expected[slot.endpoint] = Message(
                slot.layout.name, slot.endpoint[1], slot.period_s / pages[slot.endpoint]
            )
        self.strangers: dict[tuple[int, int], int] = {}

    @property
    def messages(self) -> Sequence[Message]:
        """Return every expected message."""
        return tuple(self._expected.values())

    def take(self, frame: Frame, time_s: float) -> None:
        """Take a frame heard at ``time_s`` after the start."""
        header = parse_identifier(frame.identifier)
        self.state.take(frame, time_s)
        message = self._expected.get((header.pgn, header.source))
        if message is None:
            key = (header.pgn, header.source)
            self.strangers[key] = self.strangers.get(key, 0) + 1
        else:
            message.heard(time_s)

    def findings(self, listened_s: float) -> list[str]:
        """Return everything that is wrong, in plain words."""
        found = [
            f"{message.name} from {message.source}: {verdict}"
            for message in self.messages
            if (verdict := message.verdict(listened_s))
        ]
        wrong = {
            status: count
            for status, count in self.state.e2e_counts.items()
            if count and status not in ACCEPTED and status is not E2eStatus.NO_NEW_DATA
        }
        if wrong:
            text = ", ".join(
                f"{count} {status.name.lower().replace('_', ' ')}" for status, count in wrong.items()
            )
            found.append(f"end-to-end protection: {text}")
        return found
