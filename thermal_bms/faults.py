"""Faults as data: codes, severities, reactions, and the one debounced check behind every diagnostic.

A diagnostic is a table row: a quantity, a direction, a limit, a debounce time, a delay before its reaction, a
clear hysteresis and whether it latches. ``Diagnostics`` runs all rows over all places at once. A new
diagnostic is a new row, never a new check.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Annotated, Any, Literal, TypeVar, final

import numpy as np
from pydantic import BeforeValidator, Field

from thermal_bms.errors import ConfigError
from thermal_bms.parameters import Parameters, did_you_mean
from thermal_bms.units import FloatArray

_LOG = logging.getLogger(__name__)
_TIME_ROUNDING_S = 1e-9
PACK = -1
Named = TypeVar("Named", bound=IntEnum)


class FaultCode(IntEnum):
    """What is wrong. Numbers are kept for good: recordings and fault memories hold them."""

    CELL_VOLTAGE_HIGH = 10
    CELL_VOLTAGE_LOW = 11
    CELL_TEMP_HIGH_CHARGE = 20
    CELL_TEMP_HIGH_DISCHARGE = 21
    CELL_TEMP_LOW_CHARGE = 22
    CELL_TEMP_LOW_DISCHARGE = 23
    CURRENT_HIGH_CHARGE = 30
    CURRENT_HIGH_DISCHARGE = 31
    CELL_VOLTAGE_INVALID = 40
    CELL_TEMP_INVALID = 41
    CURRENT_INVALID = 42
    STRING_VOLTAGE_MISMATCH = 43
    MEASUREMENT_STALE = 44
    SCALAR_LOST = 45
    CONTACTOR_MISMATCH = 50
    STRING_NOT_CONNECTED = 51
    CONTROLLER_FAILED = 60


class Severity(IntEnum):
    """How bad a fault is: outside the operating range, outside the safe range, or dangerous."""

    INFO = 0
    WARNING = 1
    TRIP = 2


class Reaction(IntEnum):
    """What a fault asks for, besides being reported."""

    NONE = 0
    NO_CHARGE = 1
    LIMP = 2
    OPEN = 3


_LEVELS = {Severity.INFO: logging.INFO, Severity.WARNING: logging.WARNING, Severity.TRIP: logging.ERROR}


@dataclass(frozen=True, slots=True)
class Fault:
    """One active fault.

    Attributes
    ----------
    code, severity : what it is and how bad
    since_s : when it was set, on the clock of the measurements [s]
    value, limit : what was found when it was set, and what is allowed, in the quantity's unit
    place : index of the string, or ``PACK``
    """

    code: FaultCode
    severity: Severity
    since_s: float
    value: float
    limit: float
    place: int


def _by_name(enum: type[Named]) -> BeforeValidator:
    def member(value: Any) -> Any:  # whatever the file holds
        if isinstance(value, str):
            if value not in enum.__members__:
                raise ValueError(f"not a {enum.__name__}{did_you_mean(value, list(enum.__members__))}")
            return enum[value]
        return value

    return BeforeValidator(member)


CodeByName = Annotated[FaultCode, _by_name(FaultCode)]
SeverityByName = Annotated[Severity, _by_name(Severity)]
ReactionByName = Annotated[Reaction, _by_name(Reaction)]


class DiagnosticRow(Parameters):
    """One diagnostic. It is violated while the quantity is strictly beyond the limit in its direction."""

    code: CodeByName
    quantity: str
    direction: Literal["above", "below"]
    limit: float
    hysteresis: float = Field(default=0.0, ge=0.0, description="how far inside the limit it must be to clear")
    debounce_s: float = Field(ge=0.0, le=600.0, description="violated this long before it is set")
    delay_s: float = Field(default=0.0, ge=0.0, le=600.0, description="from being set to its reaction")
    severity: SeverityByName
    reaction: ReactionByName = Reaction.NONE
    latch: bool = Field(default=False, description="stays until it is reset by hand")


@final
class Diagnostics:
    """All diagnostics of a pack with their timers; one call per tick.

    Each violating sample stands for the ``dt_s`` that it closes. The timer of a row counts up on violating
    samples and down on good ones, between zero and the debounce time, so a fault that comes and goes is found
    too. A row is set when its timer reaches the debounce time and clears when, beyond the hysteresis, the
    timer has run back to zero. A value of NaN neither sets nor clears: missing values have rows of their
    own. So a lasting violation is set, and after its delay reacted to, at most one tick later than the sum
    of both times.

    Parameters
    ----------
    rows : the diagnostics
    per_string : every quantity there is, and whether it has one value per string or one for the pack
    n_strings : number of strings
    """

    def __init__(self, rows: Sequence[DiagnosticRow], per_string: Mapping[str, bool], n_strings: int) -> None:
        counts = [n_strings if strings else 1 for strings in per_string.values()]
        offsets = dict(zip(per_string, np.cumsum([0, *counts]).tolist(), strict=False))
        for row in rows:
            if row.quantity not in per_string:
                hint = did_you_mean(row.quantity, list(per_string))
                raise ConfigError(f"{row.code.name}.quantity = {row.quantity!r}: nothing measures this{hint}")
        checks = [
            (row, place)
            for row in rows
            for place in (range(n_strings) if per_string[row.quantity] else (PACK,))
        ]
        sign = np.array([1.0 if row.direction == "above" else -1.0 for row, _ in checks])
        hysteresis = np.array([row.hysteresis for row, _ in checks])
        self._rows = [row for row, _ in checks]
        self._places = [place for _, place in checks]
        self._index = np.array(
            [offsets[row.quantity] + max(place, 0) for row, place in checks], dtype=np.intp
        )
        self._sign = sign
        self._limit = sign * np.array([row.limit for row, _ in checks])
        self._clear = self._limit - hysteresis
        self._debounce_s = np.array([row.debounce_s for row, _ in checks])
        self._delay_s = np.array([row.delay_s for row, _ in checks])
        self._latch = np.array([row.latch for row, _ in checks], dtype=np.bool_)
        self._signed = np.empty(len(checks))
        self.n_values = sum(counts)
        self.reset()

    def reset(self) -> None:
        """Forget all timers and all faults, latched ones too."""
        n_checks = len(self._rows)
        self._timer_s = np.zeros(n_checks)
        self._age_s = np.zeros(n_checks)
        self._active = np.zeros(n_checks, dtype=np.bool_)
        self._fault: list[Fault | None] = [None] * n_checks
        self._quiet = True
        self._demands: dict[Reaction, frozenset[int]] = {}
        self._due: dict[Reaction, frozenset[int]] = {}
        self.faults: tuple[Fault, ...] = ()

    def check(self, values: FloatArray, time_s: float, dt_s: float) -> None:
        """Advance every row by one tick with the values of all quantities, in the order of ``per_string``."""
        self._signed = values[self._index] * self._sign
        over = self._signed > self._limit
        if self._quiet and not over.any():
            return
        self._advance(over, time_s, dt_s)

    def demanded(self, reaction: Reaction) -> frozenset[int]:
        """Return the places where an active fault asks for this reaction, its delay running or over."""
        return self._demands.get(reaction, frozenset())

    def due(self, reaction: Reaction) -> frozenset[int]:
        """Return the places where the delay of such a fault is over."""
        return self._due.get(reaction, frozenset())

    def _advance(self, over: Any, time_s: float, dt_s: float) -> None:  # boolean array of all checks
        active = self._active
        inside = self._signed <= self._limit
        healthy = self._signed <= self._clear
        rising = np.where(active, (over | inside) & ~healthy, over)
        falling = np.where(active, healthy & ~self._latch, inside)
        timer_s = np.maximum(self._timer_s + dt_s * (rising.astype(np.float64) - falling), 0.0)
        newly = over & ~active & (timer_s >= self._debounce_s - _TIME_ROUNDING_S)
        cleared = active & falling & (timer_s <= _TIME_ROUNDING_S)
        self._age_s = np.where(newly, timer_s - self._debounce_s, np.where(active, self._age_s + dt_s, 0.0))
        self._timer_s = np.minimum(timer_s, self._debounce_s)
        self._active = (active | newly) & ~cleared
        if newly.any() or cleared.any():
            self._note(np.flatnonzero(newly).tolist(), np.flatnonzero(cleared).tolist(), time_s)
        self._quiet = not (self._active.any() or self._timer_s.any())
        self._demands = self._reactions(self._active)
        self._due = self._reactions(self._active & (self._age_s >= self._delay_s - _TIME_ROUNDING_S))

    def _note(self, newly: list[int], cleared: list[int], time_s: float) -> None:
        for i in newly:
            row, place = self._rows[i], self._places[i]
            value = float(self._signed[i] * self._sign[i])
            self._fault[i] = Fault(row.code, row.severity, time_s, value, row.limit, place)
            _LOG.warning(
                "%s set: %s = %g, limit %g, %s", _name(row), row.quantity, value, row.limit, _place(place)
            )
        for i in cleared:
            self._fault[i] = None
            _LOG.info("%s cleared, %s", _name(self._rows[i]), _place(self._places[i]))
        worst: dict[tuple[FaultCode, int], Fault] = {}
        for fault in self._fault:
            if fault is not None:
                known = worst.get((fault.code, fault.place))
                if known is None or fault.severity > known.severity:
                    worst[fault.code, fault.place] = fault
        self.faults = tuple(worst.values())

    def _reactions(self, where: Any) -> dict[Reaction, frozenset[int]]:  # boolean array of all checks
        found: dict[Reaction, set[int]] = {}
        for i in np.flatnonzero(where).tolist():
            found.setdefault(self._rows[i].reaction, set()).add(self._places[i])
        return {reaction: frozenset(places) for reaction, places in found.items()}


def _name(row: DiagnosticRow) -> str:
    return f"{row.severity.name} {row.code.name}"


def _place(place: int) -> str:
    return "pack" if place == PACK else f"string {place}"
