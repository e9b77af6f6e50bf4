"""The charging session: from the plug to the last ampere, and every way in which it can fail.

A state machine of the vehicle's side, the same for every charger; what differs is in ``RULES``. It decides what is
asked of the charger and when the inlet's contactors close. How much current is asked for is ``charging``'s matter.

Messages are not its matter either: a link translates them into ``ChargerStatus`` and ``SessionDemand``. Time is an
argument, nothing raises, and a value that is missing never closes a contactor.

References: ISO 15118-2 (cable check 40 s, precharge 7 s, communication setup 20 s, ongoing 60 s, messages 2 s); IEC
61851-23 (precharge within 20 V, contactors open below 5 A, emergency: current gone within 1 s, 60 V after it);
GB/T 27930-2015 and GB/T 18487.1 (60 s until ready, 1 s for the charger's cyclic status, closing within 10 V).
Figures of the standards as commonly implemented, not checked against their paid texts; MCS is taken as CCS.
"""

import logging
import math
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Literal, final

from pydantic import Field

from thermal_bms.parameters import Parameters
from thermal_bms.signals import Preview

_LOG = logging.getLogger(__name__)
ChargerKind = Literal["ac", "ccs", "mcs", "gbt"]
OPEN_BELOW_A = 5.0
TOUCHABLE_V = 60.0
EMERGENCY_S = 1.0
PRECHARGE_A = 2.0
EXCESS_A = 5.0
EXCESS_RATIO = 0.05
EXCESS_S = 2.0


class SessionState(IntEnum):
    """Where a session stands."""

    UNPLUGGED = 0
    HANDSHAKE = 1
    ISOLATION_TEST = 2
    PRECHARGE = 3
    CHARGING = 4
    TAPER = 5
    STOPPING = 6
    FINISHED = 7
    FAULT_STOP = 8


class StopCause(IntEnum):
    """Why a session ended."""

    NONE = 0
    FULL = 1
    VEHICLE_ASKED = 2
    CHARGER_ASKED = 3
    HANDSHAKE_TIMEOUT = 10
    INCOMPATIBLE = 11
    ISOLATION_TIMEOUT = 12
    ISOLATION_FAILED = 13
    PRECHARGE_TIMEOUT = 14
    COMMUNICATION_LOST = 15
    CURRENT_EXCESS = 16
    INLET_OPENED = 17
    STOP_TIMEOUT = 18
    PULLED = 19
    CHARGER_FAULT = 20
    VEHICLE_FAULT = 21


class IsolationResult(IntEnum):
    """What the charger says of its isolation test."""

    NOT_TESTED = 0
    TESTING = 1
    VALID = 2
    FAILED = 3


class SessionRules(Parameters):
    """What one kind of charger asks for; 0 s: there is no such step."""

    handshake_s: float = Field(gt=0.0)
    isolation_s: float = Field(ge=0.0)
    precharge_s: float = Field(gt=0.0, description="until the inlet says that it is closed")
    precharge_window_v: float = Field(ge=0.0, description="0: the charger has no voltage to match")
    message_s: float = Field(gt=0.0, description="longest silence from the handshake on")
    stop_s: float = Field(gt=0.0, description="for the current to go and the inlet to open")


RULES: dict[ChargerKind, SessionRules] = {
    "ac": SessionRules(
        handshake_s=30.0, isolation_s=0.0, precharge_s=3.0, precharge_window_v=0.0, message_s=5.0, stop_s=5.0
    ),
    "ccs": SessionRules(
        handshake_s=80.0,
        isolation_s=40.0,
        precharge_s=7.0,
        precharge_window_v=20.0,
        message_s=2.0,
        stop_s=10.0,
    ),
    "mcs": SessionRules(
        handshake_s=80.0,
        isolation_s=40.0,
        precharge_s=7.0,
        precharge_window_v=20.0,
        message_s=2.0,
        stop_s=10.0,
    ),
    "gbt": SessionRules(
        handshake_s=60.0,
        isolation_s=60.0,
        precharge_s=10.0,
        precharge_window_v=10.0,
        message_s=1.0,
        stop_s=10.0,
    ),
}


@dataclass(frozen=True, slots=True)
class ChargerStatus:
    """What a charger says; NaN where it says nothing.

    Attributes
    ----------
    plugged : by the vehicle's own proximity contact
    age_s : since its last message; infinite before the first [s]
    ready : parameters exchanged, authorised
    isolation : of its isolation test
    voltage_v, current_a : at its output [V], [A]
    voltage_max_v, current_max_a, power_max_w : its ratings
    stops : it wants to end in order
    fault : it has a fault
    """

    plugged: bool = False
    age_s: float = math.inf
    ready: bool = False
    isolation: IsolationResult = IsolationResult.NOT_TESTED
    voltage_v: float = math.nan
    current_a: float = math.nan
    voltage_max_v: float = math.nan
    current_max_a: float = math.nan
    power_max_w: float = math.nan
    stops: bool = False
    fault: bool = False


@dataclass(frozen=True, slots=True)
class VehicleStatus:
    """What a session must know of its vehicle.

    Attributes
    ----------
    pack_voltage_v : on the pack's side of the inlet contactors [V]
    inlet_closed : feedback of the inlet contactors
    request_a : what ``Charging`` asks for [A]
    tapering : the fullest cell limits the current
    done : the charge is over
    stop : driver or vehicle wants to end
    fault : something on the vehicle forbids charging
    """

    pack_voltage_v: float = math.nan
    inlet_closed: bool = False
    request_a: float = 0.0
    tapering: bool = False
    done: bool = False
    stop: bool = False
    fault: bool = False


@dataclass(frozen=True, slots=True)
class SessionDemand:
    """What is asked of the charger and of the inlet.

    Attributes
    ----------
    state, cause : where the session stands, and why it ended
    locked : the plug is locked
    test_isolation : the charger is to test
    voltage_v, current_a : wanted at its output, the voltage as a target in precharge [V], [A]
    close_inlet : inlet contactors
    emergency : current and voltage must go at once
    """

    state: SessionState = SessionState.UNPLUGGED
    cause: StopCause = StopCause.NONE
    locked: bool = False
    test_isolation: bool = False
    voltage_v: float = 0.0
    current_a: float = 0.0
    close_inlet: bool = False
    emergency: bool = False


_UNDER_CURRENT = frozenset((SessionState.CHARGING, SessionState.TAPER))
_BEGUN = _UNDER_CURRENT | {SessionState.HANDSHAKE, SessionState.ISOLATION_TEST, SessionState.PRECHARGE}
_ENDED = frozenset((SessionState.FINISHED, SessionState.FAULT_STOP))
_MAY_BE_PULLED = _ENDED | {SessionState.HANDSHAKE}


@final
class ChargeSession:
    """One inlet's session with a charger of one kind.

    Parameters
    ----------
    kind : of the charger; each has its ``RULES``
    rules : other rules than those
    """

    def __init__(self, kind: ChargerKind, rules: SessionRules | None = None) -> None:
        self.rules = rules or RULES[kind]
        self.reset()

    def reset(self) -> None:
        """Forget the session, as after a new plug."""
        self.state = SessionState.UNPLUGGED
        self.cause = StopCause.NONE
        self._state_s = 0.0
        self._excess_s = 0.0
        self._closes = False

    def step(self, charger: ChargerStatus, vehicle: VehicleStatus, dt_s: float) -> SessionDemand:
        """Return what to ask for the coming tick of ``dt_s`` seconds."""
        self._state_s += dt_s
        if self.state in _MAY_BE_PULLED and not (charger.plugged or vehicle.inlet_closed):
            self.reset()
        fault = self._fault(charger, vehicle, dt_s)
        if fault is not StopCause.NONE:
            self._end(SessionState.FAULT_STOP, fault)
        elif self.state in _BEGUN:
            self._go_on(charger, vehicle)
        elif self.state is SessionState.STOPPING:
            self._stop(charger, vehicle)
        elif self.state is SessionState.UNPLUGGED and charger.plugged:
            self._to(SessionState.HANDSHAKE)
        return self._demand(charger, vehicle)

    def _fault(self, charger: ChargerStatus, vehicle: VehicleStatus, dt_s: float) -> StopCause:
        """Return what forbids the session to go on, whatever its state; nothing before and after it."""
        if self.state not in _BEGUN and self.state is not SessionState.STOPPING:
            return StopCause.NONE
        silent = self.state is not SessionState.HANDSHAKE and not charger.age_s <= self.rules.message_s
        for found, cause in (
            (not charger.plugged, StopCause.PULLED),
            (vehicle.fault, StopCause.VEHICLE_FAULT),
            (charger.fault, StopCause.CHARGER_FAULT),
            (silent, StopCause.COMMUNICATION_LOST),
        ):
            if found:
                return cause
        if self.state in _UNDER_CURRENT:
            return self._fault_under_current(charger, vehicle, dt_s)
        return StopCause.NONE

    def _fault_under_current(self, charger: ChargerStatus, vehicle: VehicleStatus, dt_s: float) -> StopCause:
        if not vehicle.inlet_closed:
            return StopCause.INLET_OPENED
        most_a = vehicle.request_a * (1.0 + EXCESS_RATIO) + EXCESS_A
        self._excess_s = 0.0 if charger.current_a <= most_a else self._excess_s + dt_s
        return StopCause.CURRENT_EXCESS if self._excess_s > EXCESS_S else StopCause.NONE

    def _go_on(self, charger: ChargerStatus, vehicle: VehicleStatus) -> None:
        """Go to the next state when it is time."""
        if vehicle.stop:
            self._end(SessionState.STOPPING, StopCause.VEHICLE_ASKED)
        elif charger.stops:
            self._end(SessionState.STOPPING, StopCause.CHARGER_ASKED)
        elif self.state is SessionState.HANDSHAKE:
            self._shake_hands(charger, vehicle)
        elif self.state is SessionState.ISOLATION_TEST:
            self._test_isolation(charger)
        elif self.state is SessionState.PRECHARGE:
            self._precharge(charger, vehicle)
        elif vehicle.done:
            self._end(SessionState.STOPPING, StopCause.FULL)
        elif vehicle.tapering is not (self.state is SessionState.TAPER):
            self._to(SessionState.TAPER if vehicle.tapering else SessionState.CHARGING)

    def _shake_hands(self, charger: ChargerStatus, vehicle: VehicleStatus) -> None:
        if charger.ready:
            if charger.voltage_max_v >= vehicle.pack_voltage_v > 0.0:
                test = self.rules.isolation_s > 0.0
                self._to(SessionState.ISOLATION_TEST if test else SessionState.PRECHARGE)
            else:
                self._end(SessionState.FAULT_STOP, StopCause.INCOMPATIBLE)
        elif self._state_s > self.rules.handshake_s:
            self._end(SessionState.FAULT_STOP, StopCause.HANDSHAKE_TIMEOUT)

    def _test_isolation(self, charger: ChargerStatus) -> None:
        if charger.isolation is IsolationResult.VALID:
            self._to(SessionState.PRECHARGE)
        elif charger.isolation is IsolationResult.FAILED:
            self._end(SessionState.FAULT_STOP, StopCause.ISOLATION_FAILED)
        elif self._state_s > self.rules.isolation_s:
            self._end(SessionState.FAULT_STOP, StopCause.ISOLATION_TIMEOUT)

    def _precharge(self, charger: ChargerStatus, vehicle: VehicleStatus) -> None:
        """Close when voltages match, and go on when the inlet says that it is closed."""
        window_v = self.rules.precharge_window_v
        if window_v == 0.0 or abs(charger.voltage_v - vehicle.pack_voltage_v) < window_v:
            self._closes = True
        if self._closes and vehicle.inlet_closed:
            self._to(SessionState.CHARGING)
        elif self._state_s > self.rules.precharge_s:
            self._end(SessionState.FAULT_STOP, StopCause.PRECHARGE_TIMEOUT)

    def _stop(self, charger: ChargerStatus, vehicle: VehicleStatus) -> None:
        """Open once the current is gone, and be done once the inlet is open."""
        if abs(charger.current_a) <= OPEN_BELOW_A or not vehicle.inlet_closed:
            self._closes = False
        if not (self._closes or vehicle.inlet_closed):
            self._to(SessionState.FINISHED)
        elif self._state_s > self.rules.stop_s:
            self._end(SessionState.FAULT_STOP, StopCause.STOP_TIMEOUT)

    def _end(self, state: SessionState, cause: StopCause) -> None:
        self.cause = cause
        self._to(state)

    def _to(self, state: SessionState) -> None:
        level = logging.WARNING if state is SessionState.FAULT_STOP else logging.INFO
        _LOG.log(level, "charging session: %s (%s)", state.name, self.cause.name)
        self.state = state
        self._state_s = self._excess_s = 0.0

    def _demand(self, charger: ChargerStatus, vehicle: VehicleStatus) -> SessionDemand:
        state = self.state
        stopped = state is SessionState.FAULT_STOP
        if stopped and (
            abs(charger.current_a) <= OPEN_BELOW_A or self._state_s >= EMERGENCY_S or not charger.plugged
        ):
            self._closes = False
        voltage_v = current_a = 0.0
        if state in _UNDER_CURRENT:
            voltage_v, current_a = charger.voltage_max_v, _allowed_a(charger, vehicle)
        elif state is SessionState.PRECHARGE and self.rules.precharge_window_v > 0.0:
            voltage_v, current_a = vehicle.pack_voltage_v, PRECHARGE_A
        safe = (state in _ENDED or state is SessionState.UNPLUGGED) and not vehicle.inlet_closed
        return SessionDemand(
            state,
            self.cause,
            locked=not (safe and not charger.voltage_v >= TOUCHABLE_V),
            test_isolation=state is SessionState.ISOLATION_TEST,
            voltage_v=voltage_v,
            current_a=current_a,
            close_inlet=self._closes,
            emergency=stopped,
        )


def _allowed_a(charger: ChargerStatus, vehicle: VehicleStatus) -> float:
    """Return the request as far as the charger's ratings allow it [A]; none where one of them is not known."""
    bus_v = vehicle.pack_voltage_v
    if not bus_v > 0.0:
        return 0.0
    allowed_a = min(vehicle.request_a, charger.current_max_a, charger.power_max_w / bus_v)
    return allowed_a if allowed_a > 0.0 and charger.current_max_a > 0.0 and charger.power_max_w > 0.0 else 0.0


def preview_at_charger(
    preview: Preview, session: ChargeSession, charger: ChargerStatus, pack_voltage_v: float
) -> Preview:
    """Return what to tell the thermal controller: at a charger, what that charger can really give, from now on.

    Before the plug a planned charge stands in the preview already. From the moment the charger's ratings are known
    until the session ends, they take the plan's place, so that cells are conditioned for the power that is there:
    ``P = min(P_max, I_max V)``.

    Parameters
    ----------
    preview : what is known without a charger
    session, charger : the session and what its charger says
    pack_voltage_v : [V]
    """
    power_w = min(charger.current_max_a * pack_voltage_v, charger.power_max_w)  # NaN first stays NaN
    if not (session.state in _BEGUN and charger.ready and power_w > 0.0):
        return preview
    return replace(preview, charge_in_s=0.0, charge_power_w=power_w, confidence=1.0)
