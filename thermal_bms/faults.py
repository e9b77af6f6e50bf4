"""Faults as data: codes, severities, reactions, and the one debounced check behind every diagnostic.

A diagnostic is a table row: a quantity, a direction, a limit, a debounce time, a delay before its reaction, a
clear hysteresis and whether it latches. ``Diagnostics`` runs all rows over all places at once. A new
diagnostic is a new row, never a new check.
"""

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Annotated, Any, Literal, TypeVar, final

import numpy as np
import numpy.typing as npt
from pydantic import BeforeValidator, Field, model_validator

from thermal_bms.description import PackDescription
from thermal_bms.errors import ConfigError
from thermal_bms.parameters import Parameters, did_you_mean
from thermal_bms.units import FloatArray

_LOG = logging.getLogger(__name__)
_TIME_ROUNDING_S = 1e-9
PACK = -1
_NOWHERE: frozenset[int] = frozenset()
Named = TypeVar("Named", bound=IntEnum)


class FaultCode(IntEnum):
    """What is wrong. Numbers are kept for good: recordings and fault memories hold them."""

    CELL_VOLTAGE_HIGH = 10
    CELL_VOLTAGE_LOW = 11
    CELL_VOLTAGE_SPREAD = 12
    CELL_TEMP_HIGH_CHARGE = 20
    CELL_TEMP_HIGH_DISCHARGE = 21
    CELL_TEMP_LOW_CHARGE = 22
    CELL_TEMP_LOW_DISCHARGE = 23
    CELL_TEMP_SPREAD = 24
    CURRENT_HIGH_CHARGE = 30
    CURRENT_HIGH_DISCHARGE = 31
    CELL_VOLTAGE_INVALID = 40
    CELL_TEMP_INVALID = 41
    CURRENT_INVALID = 42
    STRING_VOLTAGE_MISMATCH = 43
    MEASUREMENT_STALE = 44
    SCALAR_LOST = 45
    CELL_VOLTAGE_FROZEN = 46
    CURRENT_FROZEN = 47
    STRING_VOLTAGE_INVALID = 48
    CURRENT_ON_OPEN_STRING = 49
    CONTACTOR_MISMATCH = 50
    STRING_NOT_CONNECTED = 51
    CONTACTOR_WELDED = 52
    CONTACTOR_STUCK_OPEN = 53
    NEGATIVE_CONTACTOR_MISMATCH = 54
    PRECHARGE_RELAY_MISMATCH = 55
    PRECHARGE_VOLTAGE = 56
    PRECHARGE_CURRENT = 57
    PRECHARGE_FAILED = 58
    OPENED_UNDER_LOAD = 59
    CONTROLLER_FAILED = 60
    CONTROLLER_TIMEOUT = 61
    TICK_LATE = 62
    CLOCK_BACKWARDS = 63
    VEHICLE_MODE_IMPLAUSIBLE = 64
    PLUG_WHILE_DRIVING = 65
    SHORT_CIRCUIT = 66
    STRING_CARRIES_NOTHING = 67
    BUS_VOLTAGE_MISMATCH = 68
    STRING_CURRENT_IMBALANCE = 69
    HVIL_OPEN = 70
    ISOLATION_LOW = 71
    CRASH = 72
    DEEP_DISCHARGE = 73
    THERMAL_RUNAWAY = 74
    PUMP_STANDS = 80
    PUMP_SLOW = 81
    PUMP_STUCK_ON = 82
    HEATER_STUCK_ON = 83
    HEATER_NO_POWER = 84
    COMPRESSOR_STANDS = 85
    REFRIGERANT_PRESSURE_HIGH = 86
    REFRIGERANT_PRESSURE_LOW = 87
    FAN_STANDS = 88
    VALVE_STUCK = 89
    COOLANT_FLOW_LOW = 90
    COOLANT_LEVEL_LOW = 91
    COOLANT_TEMP_HIGH = 92
    COOLANT_TEMP_IMPLAUSIBLE = 93
    BUS_VOLTAGE_LOST = 100
    COOLANT_INLET_LOST = 101
    COOLANT_OUTLET_LOST = 102
    DRIVE_LOOP_TEMP_LOST = 103
    PUMP_SPEED_LOST = 104
    FAN_SPEED_LOST = 105
    COMPRESSOR_SPEED_LOST = 106
    SUCTION_PRESSURE_LOST = 107
    DISCHARGE_PRESSURE_LOST = 108
    HEATER_POWER_LOST = 109
    COMPRESSOR_POWER_LOST = 110
    AMBIENT_TEMP_LOST = 111
    VEHICLE_SPEED_LOST = 112
    HVIL_LOST = 113
    CRASH_INPUT_LOST = 114
    ISOLATION_LOST = 115
    COOLANT_FLOW_LOST = 116
    COOLANT_LEVEL_LOST = 117
    VALVE_POSITION_LOST = 118


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
    NO_HEAT = 4
    OPEN_AT_ONCE = 5


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


Reference = Literal[
    "absolute", "cell_voltage_max_v", "cell_voltage_min_v", "charge_current_max_a", "discharge_current_max_a"
]
"""What a level means: an absolute value, volts added to a datasheet voltage, or multiples of a rating."""


def resolved_level(value: float, relative_to: Reference, pack: PackDescription) -> float:
    """Return a level of a table in the unit of its quantity, for the cells of this pack."""
    if relative_to == "absolute":
        return value
    rating = float(getattr(pack, relative_to))
    return rating * value if relative_to.endswith("_a") else rating + value


class DiagnosticRow(Parameters):
    """One diagnostic. It is violated while the quantity is strictly beyond the limit in its direction.

    While the vehicle drives, a row that opens contactors first gives its forewarning: the vehicle is told, and
    limps home. Then, as at a standstill at once, no more power may be drawn for ``delay_s``, and contactors open.
    """

    code: CodeByName
    quantity: str
    direction: Literal["above", "below"]
    relative_to: Reference = "absolute"
    limit: float
    hysteresis: float = Field(default=0.0, ge=0.0, description="how far inside the limit it must be to clear")
    debounce_s: float = Field(ge=0.0, le=600.0, description="violated this long before it is set")
    delay_s: float = Field(default=0.0, ge=0.0, le=600.0, description="from being set to its reaction")
    severity: SeverityByName
    reaction: ReactionByName = Reaction.NONE
    latch: bool = Field(default=False, description="stays until it is reset by hand")
    forewarn_s: float = Field(default=0.0, ge=0.0, le=600.0, description="before opening while driving")

    @model_validator(mode="after")
    def _only_an_opening_is_announced(self) -> "DiagnosticRow":
        if self.forewarn_s > 0.0 and self.reaction is not Reaction.OPEN:
            raise ValueError(f"{self.code.name}: only a row that opens contactors has a forewarn_s")
        return self

    def resolved(self, pack: PackDescription) -> "DiagnosticRow":
        """Return the same row with its limit in the unit of its quantity."""
        if self.relative_to == "absolute":
            return self
        limit = resolved_level(self.limit, self.relative_to, pack)
        return self.model_copy(update={"limit": limit, "relative_to": "absolute"})


@dataclass(slots=True)
class _Check:
    """One row at one place with its timers. Values, limit and clear level are signed so that above is worse."""

    row: DiagnosticRow
    place: int
    sign: float
    limit: float
    clear: float
    timer_s: float = 0.0
    age_s: float = 0.0
    fault: Fault | None = None

    def advance(self, signed: float, time_s: float, dt_s: float) -> bool:
        """Advance by one tick; return whether the fault was set or cleared."""
        row, active = self.row, self.fault is not None
        good = signed <= (self.clear if active else self.limit)
        if good:
            self.timer_s = max(self.timer_s - dt_s, 0.0)
        elif not math.isnan(signed):
            self.timer_s += dt_s
        excess_s = self.timer_s - row.debounce_s
        self.timer_s = min(self.timer_s, row.debounce_s)
        if active:
            self.age_s += dt_s
            if good and not row.latch and self.timer_s <= _TIME_ROUNDING_S:
                self.fault = None
                return True
            return False
        if signed > self.limit and excess_s >= -_TIME_ROUNDING_S:
            self.age_s = excess_s
            self.fault = Fault(row.code, row.severity, time_s, signed * self.sign, row.limit, self.place)
            return True
        return False

    def has_waited(self, delay_s: float, *, driving: bool) -> bool:
        """Return whether the fault has stood for its forewarning, while driving, and for a delay."""
        wait_s = self.row.forewarn_s + delay_s if driving else delay_s
        return self.age_s >= wait_s - _TIME_ROUNDING_S


@final
class Diagnostics:
    """All diagnostics of a pack with their timers; one call per tick.

    Each violating sample stands for the ``dt_s`` that it closes. The timer of a row counts up on violating
    samples and down on good ones, between zero and the debounce time, so a fault that comes and goes is found
    too. A row is set when its timer reaches the debounce time and clears when, beyond the hysteresis, the timer
    has run back to zero. A value of NaN neither sets nor clears: missing values have rows of their own. So a
    lasting violation is set, and after its delay reacted to, at most one tick later than the sum of both times.
    All rows are compared with their limits at once; only those violated, active or timed are advanced.

    Parameters
    ----------
    rows : the diagnostics
    per_string : every quantity there is, and whether it has one value per string or one for the pack
    n_strings : number of strings
    order : where in the values that are checked each one of ``per_string`` stands; as they come when left out

    Attributes
    ----------
    faults : all active faults, the worst of each code and place
    """

    def __init__(
        self,
        rows: Sequence[DiagnosticRow],
        per_string: Mapping[str, bool],
        n_strings: int,
        order: npt.NDArray[np.intp] | None = None,
    ) -> None:
        counts = [n_strings if strings else 1 for strings in per_string.values()]
        offsets = dict(zip(per_string, np.cumsum([0, *counts]).tolist(), strict=False))
        for row in rows:
            if row.quantity not in per_string:
                hint = did_you_mean(row.quantity, list(per_string))
                raise ConfigError(f"{row.code.name}.quantity = {row.quantity!r}: nothing measures this{hint}")
        checks = [
            _check(row, place)
            for row in rows
            for place in (range(n_strings) if per_string[row.quantity] else (PACK,))
        ]
        index = [offsets[check.row.quantity] + max(check.place, 0) for check in checks]
        self._checks = checks
        self._index = np.array(index, dtype=np.intp) if order is None else order[index]
        self._sign = np.array([check.sign for check in checks])
        self._limit = np.array([check.limit for check in checks])
        self.reset()

    def reset(self) -> None:
        """Forget all timers and all faults, latched ones too."""
        for check in self._checks:
            check.timer_s = check.age_s = 0.0
            check.fault = None
        self._awake: list[int] = []
        self._demanded: dict[Reaction, frozenset[int]] = {}
        self._due: dict[Reaction, frozenset[int]] = {}
        self._forewarned = _NOWHERE
        self.faults: tuple[Fault, ...] = ()

    @property
    def latched(self) -> tuple[Fault, ...]:
        """Return the active faults that stay until they are reset by hand."""
        return tuple(check.fault for check in self._checks if check.row.latch and check.fault is not None)

    def restore(self, faults: Sequence[Fault]) -> None:
        """Set latched faults again that were stored, their delays over; what no row knows any more is left out."""
        stored = {(fault.code, fault.severity, fault.place): fault for fault in faults}
        for i, check in enumerate(self._checks):
            fault = stored.get((check.row.code, check.row.severity, check.place))
            if check.row.latch and fault is not None and check.fault is None:
                check.fault, check.timer_s, check.age_s = fault, check.row.debounce_s, math.inf
                self._awake.append(i)
        self._awake = sorted(set(self._awake))
        self.faults = _worst([check.fault for check in self._checks if check.fault is not None])

    @property
    def quiet(self) -> bool:
        """Nothing is active and no timer runs."""
        return not self._awake

    def bounds(self, quantity: str) -> tuple[float, float]:
        """Return the lowest and the highest value of a quantity that violate no row."""
        rows = [check.row for check in self._checks if check.row.quantity == quantity]
        lowest = max((row.limit for row in rows if row.direction == "below"), default=-math.inf)
        return lowest, min((row.limit for row in rows if row.direction == "above"), default=math.inf)

    def check(self, values: FloatArray, time_s: float, dt_s: float, *, driving: bool = False) -> None:
        """Advance every row by one tick with the values of all quantities, in the order of ``per_string``."""
        signed = values[self._index] * self._sign
        over = signed > self._limit
        awake = self._awake
        if over.any():
            awake = sorted({*awake, *np.flatnonzero(over).tolist()})
        if awake:
            self._advance(awake, signed, time_s, dt_s, driving=driving)

    @property
    def active(self) -> tuple[DiagnosticRow, ...]:
        """Every row that is set somewhere, also where a worse one of the same code hides it in ``faults``."""
        return tuple(self._checks[i].row for i in self._awake if self._checks[i].fault is not None)

    @property
    def forewarned(self) -> frozenset[int]:
        """The places whose opening is announced: set while driving, and not yet without power."""
        return self._forewarned

    def demanded(self, reaction: Reaction) -> frozenset[int]:
        """Return the places where an active fault asks for this reaction, its forewarning over."""
        return self._demanded.get(reaction, _NOWHERE)

    def due(self, reaction: Reaction) -> frozenset[int]:
        """Return the places where the delay of such a fault is over."""
        return self._due.get(reaction, _NOWHERE)

    def _advance(
        self, awake: list[int], signed: FloatArray, time_s: float, dt_s: float, *, driving: bool
    ) -> None:
        checks = [self._checks[i] for i in awake]
        values = signed[awake].tolist()
        changed = [
            check for check, value in zip(checks, values, strict=True) if check.advance(value, time_s, dt_s)
        ]
        active = [check for check in checks if check.fault is not None]
        if changed:
            _log(changed)
            self.faults = _worst([check.fault for check in checks if check.fault is not None])
        self._awake = [
            i
            for i, check in zip(awake, checks, strict=True)
            if check.timer_s > 0.0 or check.fault is not None
        ]
        demanded = [check for check in active if check.has_waited(0.0, driving=driving)]
        self._demanded = _reactions(demanded)
        self._due = _reactions([c for c in demanded if c.has_waited(c.row.delay_s, driving=driving)])
        self._forewarned = _NOWHERE
        if len(demanded) < len(active):
            waiting = {check.place for check in active if not check.has_waited(0.0, driving=driving)}
            opening = self.demanded(Reaction.OPEN) | self.demanded(Reaction.OPEN_AT_ONCE)
            self._forewarned = frozenset(waiting - opening)


def _check(row: DiagnosticRow, place: int) -> _Check:
    sign = 1.0 if row.direction == "above" else -1.0
    return _Check(row, place, sign, limit=sign * row.limit, clear=sign * row.limit - row.hysteresis)


def _worst(faults: list[Fault]) -> tuple[Fault, ...]:
    """Return of each code and place only the worst fault."""
    worst: dict[tuple[FaultCode, int], Fault] = {}
    for fault in faults:
        known = worst.get((fault.code, fault.place))
        if known is None or fault.severity > known.severity:
            worst[fault.code, fault.place] = fault
    return tuple(worst.values())


def _reactions(active: list[_Check]) -> dict[Reaction, frozenset[int]]:
    """Return the places where each reaction is asked for."""
    found: dict[Reaction, set[int]] = {}
    for check in active:
        found.setdefault(check.row.reaction, set()).add(check.place)
    return {reaction: frozenset(places) for reaction, places in found.items()}


def _log(changed: list[_Check]) -> None:
    for check in changed:
        row, fault = check.row, check.fault
        place = "pack" if check.place == PACK else f"string {check.place}"
        name = f"{row.severity.name} {row.code.name}"
        if fault is None:
            _LOG.info("%s cleared, %s", name, place)
        else:
            message = "%s set: %s = %g, limit %g, %s"
            _LOG.log(_LEVELS[row.severity], message, name, row.quantity, fault.value, fault.limit, place)
