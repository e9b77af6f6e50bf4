"""What a tick leaves for telemetry: a row every second, and an event when a fault comes or goes."""

from typing import final

from thermal_bms.cycle import CycleResult
from thermal_bms.faults import FaultCode, Severity
from thermal_bms.signals import Measurement
from thermal_bms.telemetry.block import row_bytes
from thermal_bms.telemetry.record import Kind
from thermal_bms.telemetry.stamp import Stamp
from thermal_bms.telemetry.store import Waiting, event
from thermal_bms.telemetry.vss import Observed, counts

_ROUNDING_S = 1e-6

Known = tuple[FaultCode, int, Severity]


@final
class Summary:
    """Decides what of the ticks is kept.

    Parameters
    ----------
    every_s : period of the rows [s]
    """

    def __init__(self, every_s: float) -> None:
        self._every_s = every_s
        self._next_s = -float("inf")
        self._faults: frozenset[Known] = frozenset()

    def step(self, measurement: Measurement, result: CycleResult, now: Stamp) -> list[Waiting]:
        """Return what this tick leaves; mostly nothing."""
        faults = frozenset((fault.code, fault.place, fault.severity) for fault in result.faults)
        found = [] if faults == self._faults else self._changes(faults, now)
        self._faults = faults
        if now.monotonic_s >= self._next_s - _ROUNDING_S:
            late_s = now.monotonic_s - self._next_s
            self._next_s = (self._next_s if late_s < self._every_s else now.monotonic_s) + self._every_s
            values = counts(Observed(measurement, result))
            found.append(Waiting(Kind.SUMMARY, now.monotonic_s, row_bytes(now.monotonic_s, values)))
        return found

    def _changes(self, faults: frozenset[Known], now: Stamp) -> list[Waiting]:
        come, gone = sorted(faults - self._faults), sorted(self._faults - faults)
        return [_event(one, now, holds=True) for one in come] + [
            _event(one, now, holds=False) for one in gone
        ]


def _event(fault: Known, now: Stamp, *, holds: bool) -> Waiting:
    code, place, severity = fault
    text = f"{code.name} {'set' if holds else 'cleared'}"
    return event(now, "fault", text, code=code, place=place, severity=severity, holds=holds)
