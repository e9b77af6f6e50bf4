"""Remote commands: comfort and pre-conditioning set-points, nothing else.

A command names VSS actuators and values for them; it is taken whole or not at all. What is in force is a
``Setpoints``; from it come a ``Preview`` and a proposal for settings. Nothing here reaches an actuator.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple, final

from pydantic import AwareDatetime, Field, TypeAdapter, ValidationError

from thermal_bms.parameters import Parameters, did_you_mean
from thermal_bms.signals import NO_PREVIEW, Preview
from thermal_bms.telemetry.envelope import Envelope, Reason, Term, Verdict, opened, timely
from thermal_bms.telemetry.stamp import Stamp

BYTES_MAX = 4096
VALIDITY_MAX_S = 24 * 3600.0
READY_AHEAD_MAX_S = 48 * 3600.0
LATE_S = 900.0
KEPT_MAX = 256
DEPARTURE_BAND_K = 3.0

_CONDITIONING = "Vehicle.Powertrain.TractionBattery.BatteryConditioning"
MODE = f"{_CONDITIONING}.RequestedMode"
READY_AT = f"{_CONDITIONING}.TargetTime"
BATTERY_TEMP = f"{_CONDITIONING}.TargetTemperature"
CHARGE_POWER = f"{_CONDITIONING}.ChargePower"
CABIN_TEMP = "Vehicle.Cabin.HVAC.Station.Row1.Driver.Temperature"

Value = bool | int | float | str


class ConditioningMode(StrEnum):
    """What the battery is to be made ready for, as in VSS."""

    INACTIVE = "INACTIVE"
    FAST_CHARGING_PREPARATION = "FAST_CHARGING_PREPARATION"
    DRIVING_PREPARATION = "DRIVING_PREPARATION"


class CommandDocument(Envelope):
    """A remote command: which signals are to be set to what."""

    set: dict[str, Value] = Field(min_length=1, max_length=8)


@dataclass(frozen=True, slots=True)
class Setpoints:
    """What was asked for from afar and still holds; None where nothing was.

    Attributes
    ----------
    mode : what the battery is to be made ready for
    ready_at_s : when that shall be reached, as wall time [s]
    battery_temp_degc : cells at departure [degC]
    charge_power_w : power of the charge to come [W]
    cabin_temp_degc : cabin [degC]
    """

    mode: ConditioningMode | None = None
    ready_at_s: float | None = None
    battery_temp_degc: float | None = None
    charge_power_w: float | None = None
    cabin_temp_degc: float | None = None


NO_SETPOINTS = Setpoints()


class _Range(NamedTuple):
    field: str
    low: float
    high: float
    factor: float = 1.0


RANGES = {
    BATTERY_TEMP: _Range("battery_temp_degc", 10.0, 30.0),
    CABIN_TEMP: _Range("cabin_temp_degc", 16.0, 28.0),
    CHARGE_POWER: _Range("charge_power_w", 10.0, 3750.0, 1000.0),
}
"""Signals that take a number: field, least and most in the unit of VSS, factor to the field's unit.

Battery: cells are at their best between 15 and 35 degC (Lishen LP54173207 datasheet); 10 to 30 keeps 5 K from the
end above and saves energy below (assumed). Cabin: assumed. Charge power in kW: the Megawatt Charging System ends
at 3750 kW (CharIN, 3000 A at 1250 V); the lower end is assumed.
"""
SETTABLE = (MODE, READY_AT, *RANGES)
IN_PREVIEW = (MODE, READY_AT, CHARGE_POWER)
_TIME: TypeAdapter[datetime] = TypeAdapter(AwareDatetime)


class Kept(Parameters):
    """An accepted command with its end on the monotonic clock [s]."""

    document: CommandDocument
    ends_s: float


class Memory(Parameters):
    """What survives a restart: accepted commands, and up to which time of issue others are forgotten."""

    commands: tuple[CommandDocument, ...] = ()
    floor_s: float = 0.0


@final
class RemoteDesk:
    """Takes remote commands or refuses them, and knows what is in force.

    A command is known by its id until it has expired. After that its time of issue is the floor below which
    nothing is taken any more, so that a clock set back cannot bring it back either.

    Parameters
    ----------
    memory : text that ``memory`` gave before a restart; empty or unreadable: nothing is remembered
    now : time at the start
    acts_on : signals that something in this truck acts on; others are refused, so that nobody relies on them
    """

    def __init__(self, memory: str, now: Stamp, *, acts_on: Collection[str] = SETTABLE) -> None:
        self._acts_on = acts_on
        self._kept: list[Kept] = []
        self._floor_s = 0.0
        try:
            before = Memory.model_validate_json(memory)
        except ValidationError:
            return
        self._floor_s = before.floor_s
        for document in before.commands:
            self._keep(document, now)

    @property
    def memory(self) -> str:
        """Return what is to be kept over a restart."""
        commands = tuple(one.document for one in self._kept)
        return Memory(commands=commands, floor_s=self._floor_s).model_dump_json()

    def take(self, payload: bytes, now: Stamp) -> Verdict:
        """Take a command or say why not."""
        self._forget(now)
        document = opened(CommandDocument, payload, bytes_max=BYTES_MAX)
        if isinstance(document, Verdict):
            return document
        refusal = timely(document, now, validity_max_s=VALIDITY_MAX_S) or self._replayed(document)
        if refusal is not None:
            return refusal
        wanted = _setpoints(document, NO_SETPOINTS, now.wall_s)
        if isinstance(wanted, Verdict):
            return wanted
        for path in document.set:
            if path not in self._acts_on:
                detail = f"{path}: nothing in this truck acts on it"
                return Verdict(Reason.NOT_ALLOWED, detail, document.id)
        self._keep(document, now)
        return Verdict(Reason.ACCEPTED, "", document.id)

    def setpoints(self, now: Stamp) -> Setpoints:
        """Return what is in force; of two commands for one signal the one issued later holds."""
        self._forget(now)
        result = NO_SETPOINTS
        for one in sorted(self._kept, key=lambda kept: kept.document.issued_s):
            # the range of a time was judged when the command came
            laid_over = _setpoints(one.document, result, one.document.issued_s)
            if isinstance(laid_over, Setpoints):
                result = laid_over
        return result

    def _replayed(self, document: CommandDocument) -> Verdict | None:
        if any(document.id == one.document.id for one in self._kept):
            return Verdict(Reason.REPLAYED, "this id was taken before", document.id)
        if document.issued_s <= self._floor_s:
            return Verdict(Reason.REPLAYED, "issued no later than a command that is over", document.id)
        return None

    def _keep(self, document: CommandDocument, now: Stamp) -> None:
        self._kept.append(Kept(document=document, ends_s=Term.of(document, now).monotonic_s))
        if len(self._kept) > KEPT_MAX:
            self._drop(min(self._kept, key=lambda one: one.document.issued_s))

    def _forget(self, now: Stamp) -> None:
        for one in [one for one in self._kept if Term(one.document.expires_s, one.ends_s).over(now)]:
            self._drop(one)

    def _drop(self, kept: Kept) -> None:
        self._kept.remove(kept)
        self._floor_s = max(self._floor_s, kept.document.issued_s)


def _setpoints(document: CommandDocument, before: Setpoints, wall_s: float) -> Setpoints | Verdict:
    """Return set-points with those of a command laid over, or the first thing wrong with them."""
    result = before
    for path, value in document.set.items():
        if path not in SETTABLE:
            detail = f"{path[:80]}: not settable from afar{did_you_mean(path, SETTABLE)}"
            return Verdict(Reason.UNKNOWN_SIGNAL, detail, document.id)
        changed = _changed(result, path, value, wall_s)
        if isinstance(changed, str):
            return Verdict(Reason.OUT_OF_RANGE, f"{path} = {value!r}: {changed}", document.id)
        result = changed
    return result


def _changed(setpoints: Setpoints, path: str, value: Value, wall_s: float) -> Setpoints | str:
    """Return set-points with one changed, or what would be allowed."""
    if path == MODE:
        if value not in list(ConditioningMode):
            return f"must be one of {', '.join(ConditioningMode)}"
        return replace(setpoints, mode=ConditioningMode(str(value)))
    if path == READY_AT:
        return _with_time(setpoints, value, wall_s)
    allowed = RANGES[path]
    if isinstance(value, (bool, str)) or not allowed.low <= value <= allowed.high:
        return f"must be a number from {allowed.low:g} to {allowed.high:g}"
    changed: dict[str, Any] = {allowed.field: allowed.factor * value}  # Any: the field's own type
    return replace(setpoints, **changed)


def _with_time(setpoints: Setpoints, value: Value, wall_s: float) -> Setpoints | str:
    wanted = f"must be a time in ISO 8601 with offset, within {READY_AHEAD_MAX_S / 3600.0:g} h from now"
    if not isinstance(value, str):
        return wanted
    try:
        ready_at_s = _TIME.validate_python(value).timestamp()
    except (ValueError, OverflowError):
        return wanted
    if not wall_s < ready_at_s <= wall_s + READY_AHEAD_MAX_S:
        return wanted
    return replace(setpoints, ready_at_s=ready_at_s)


def preview_of(setpoints: Setpoints, planned: Preview, wall_s: float) -> Preview:
    """Return the preview that follows from set-points; the planned one where they say nothing about time.

    INACTIVE takes the plan's events away. A time goes before the plan: the two are not mixed, since one
    confidence stands for all of a preview. A time that passed less than a quarter of an hour ago means now.
    """
    mode, ready_at_s = setpoints.mode, setpoints.ready_at_s
    if mode is ConditioningMode.INACTIVE:
        return replace(
            planned,
            charge_in_s=NO_PREVIEW.charge_in_s,
            charge_power_w=0.0,
            departure_in_s=NO_PREVIEW.departure_in_s,
        )
    if ready_at_s is None:
        return planned
    in_s = time_until(ready_at_s, wall_s)
    if mode is ConditioningMode.FAST_CHARGING_PREPARATION:
        power_w = setpoints.charge_power_w or planned.charge_power_w
        return Preview(charge_in_s=in_s, charge_power_w=power_w, confidence=1.0)
    return Preview(departure_in_s=in_s, confidence=1.0)


def time_until(event_s: float, wall_s: float) -> float:
    """Return the time until an event [s]: 0 up to a quarter of an hour after it, then infinite.

    >>> time_until(1000.0, 400.0), time_until(1000.0, 1100.0), time_until(1000.0, 2000.0)
    (600.0, 0.0, inf)
    """
    in_s = event_s - wall_s
    return max(in_s, 0.0) if in_s > -LATE_S else NO_PREVIEW.departure_in_s


def conditioning_settings(setpoints: Setpoints) -> dict[str, float]:
    """Return the settings of a controller's conditioning that set-points ask for; empty when they ask for none.

    The cells are brought to the temperature asked for before departure, within 3 K above it.
    """
    target_degc = setpoints.battery_temp_degc
    if target_degc is None:
        return {}
    return {"departure_heat_degc": target_degc, "departure_cool_degc": target_degc + DEPARTURE_BAND_K}
