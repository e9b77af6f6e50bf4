"""Contactors of every string: when they may close, how a dead bus is charged up, and how they open.

Each string has a positive and a negative contactor and a precharge relay with its resistor across the positive
one. A truck whose ``precharge`` is off moves a string's contactors as one.
"""

import logging
from enum import IntEnum
from typing import NamedTuple, final

from thermal_bms.limits import ContactorLimits
from thermal_bms.plausibility import Checked

_LOG = logging.getLogger(__name__)
_TIME_ROUNDING_S = 1e-9
_LIVE_BUS_V = 60.0
_WELD_RISE_V = 20.0


class ContactorState(IntEnum):
    """What a string's contactors are commanded to, and what they wait for."""

    OPEN = 0
    CLOSED = 1
    OPENING = 2
    """Still closed: the current is to fall first."""
    HALF_OPEN = 3
    """The first contactor has been opened, the second follows."""
    NEGATIVE = 4
    """Only the negative contactor is closed: a bus that comes up now shows a welded positive one."""
    PRECHARGE = 5
    """The bus is charged through the resistor."""
    CLOSING = 6
    """The positive contactor closes, too."""
    PAUSE = 7
    """A precharge has failed; the resistor cools before the next try."""
    FAILED = 8
    """All tries have failed, or a contactor is welded: open until nobody wants it closed."""


_POSITIVE = frozenset((ContactorState.CLOSED, ContactorState.OPENING, ContactorState.CLOSING))
_NEGATIVE = frozenset((*_POSITIVE, ContactorState.NEGATIVE, ContactorState.PRECHARGE))
_ON_THE_WAY = frozenset(
    (ContactorState.NEGATIVE, ContactorState.PRECHARGE, ContactorState.CLOSING, ContactorState.PAUSE)
)
_NO_STRINGS: frozenset[int] = frozenset()


class ContactorCommand(NamedTuple):
    """Wanted state of the three switches of every string."""

    positive: tuple[bool, ...]
    negative: tuple[bool, ...]
    precharge: tuple[bool, ...]


class _String:
    """What is remembered of one string."""

    __slots__ = ("bus_before_v", "negative_first", "precharged", "state", "timer_s", "tries", "trouble")

    def __init__(self, state: ContactorState) -> None:
        self.state = state
        self.timer_s = 0.0
        self.tries = 0
        self.precharged = False
        self.negative_first = False
        self.bus_before_v = 0.0
        self.trouble = ""

    def to(self, state: ContactorState) -> None:
        """Enter a state; its clock starts anew."""
        self.state = state
        self.timer_s = 0.0


@final
class Contactors:
    """Contactor states of all strings; rules as in foxBMS 2 v1.11 (bms.c, bms_cfg.h).

    A string closes when it is wanted, has no demand to open, and its voltage is within 3 V of the bus (of the
    first string while the bus is dead) with no more than 20 A flowing in the strings already closed. The first
    string to close is the one with the highest voltage, the lowest when a charger is plugged in. On a dead bus
    it closes its negative contactor, sees that the bus stays dead, charges the bus through its resistor until
    voltage difference and current are small, and closes the positive contactor: 2 s a try, three tries. A bus that
    is not half way up after 0.5 s is given up at once, which saves the resistor from a short circuit.

    To open, a string first waits in OPENING while the limits are zero; it opens below the break current, or
    after the fuse time whatever flows. With an unknown current it waits for the fuse time. A discharge current
    is broken by the positive contactor, a charge current by the negative one, and the other one follows.
    """

    def __init__(self, limits: ContactorLimits, n_strings: int, *, precharge: bool = False) -> None:
        self._limits = limits
        self._n = n_strings
        self._precharge = precharge
        self._all_true = (True,) * n_strings
        self._all_false = (False,) * n_strings
        self._connected = ContactorCommand(self._all_true, self._all_true, self._all_false)
        self.reset()

    def reset(self) -> None:
        """Forget everything; the next step takes over the positions that it finds."""
        self._strings: list[_String] | None = None
        self._command = ContactorCommand(self._all_false, self._all_false, self._all_false)
        self._wanted = False
        self._calm = False

    @property
    def states(self) -> tuple[ContactorState, ...]:
        """State of each string; all open before the first step."""
        if self._strings is None:
            return (ContactorState.OPEN,) * self._n
        return tuple(string.state for string in self._strings)

    @property
    def opening(self) -> bool:
        """Some string waits for its current to fall, so no power may be drawn."""
        return not self._calm and ContactorState.OPENING in self.states

    def findings(self, checked: Checked) -> dict[str, list[float]]:
        """Return what is wrong, by the quantity of a diagnostic; nothing while all is as commanded.

        Parameters
        ----------
        checked : the measurement after plausibility; its feedback answers the command of the tick before
        """
        if self._strings is None:
            return {}
        found: dict[str, list[float]] = {}
        if not (self._calm and all(checked.closed) and not any(checked.precharge_closed)):
            told = self._command
            positive = list(zip(told.positive, checked.positive_closed, strict=True))
            found = {
                "contactor_mismatch": [float(want != on) for want, on in positive],
                "contactor_welded": [float(on and not want) for want, on in positive],
                "contactor_stuck_open": [float(want and not on) for want, on in positive],
                "negative_contactor_mismatch": _differences(told.negative, checked.negative_closed),
                "precharge_relay_mismatch": _differences(told.precharge, checked.precharge_closed),
                "string_not_connected": [float(on) for on in self.kept_open()],
            }
        for k, string in enumerate(self._strings):
            if string.trouble:
                found.setdefault(string.trouble, [0.0] * self._n)[k] = 1.0
        return {name: values for name, values in found.items() if any(values)}

    def kept_open(self) -> tuple[bool, ...]:
        """Return per string whether it is wanted but open, or on its way since long."""
        if not self._wanted or self._calm:
            return self._all_false
        return tuple(state not in _POSITIVE for state in self.states)

    def step(
        self,
        checked: Checked,
        *,
        wanted: bool,
        open_strings: frozenset[int],
        charging: bool,
        dt_s: float,
        at_once: frozenset[int] = _NO_STRINGS,
    ) -> ContactorCommand:
        """Advance by one tick and return the wanted state of every contactor and relay.

        Parameters
        ----------
        checked : the measurement after plausibility
        wanted : the pack is to be connected
        open_strings : strings that protection demands to open
        charging : a charger is plugged in
        dt_s : tick [s]
        at_once : strings that open whatever flows, as after a crash
        """
        strings = self._strings
        if strings is None:
            strings = [_String(ContactorState.CLOSED if on else ContactorState.OPEN) for on in checked.closed]
            self._strings = strings
        self._wanted = wanted
        if self._calm and wanted and not open_strings:
            return self._connected
        for k, string in enumerate(strings):
            string.timer_s += dt_s
            string.trouble = string.trouble if string.state is ContactorState.FAILED else ""
            if wanted and k not in open_strings:
                self._go_on(k, string, checked)
            else:
                self._go_open(k, string, checked, at_once=k in at_once)
        if wanted:
            self._close(strings, open_strings, checked, charging=charging)
        self._calm = all(string.state is ContactorState.CLOSED for string in strings)
        self._command = self._connected if self._calm else _command(strings)
        return self._command

    # --- closing ---

    def _go_on(self, k: int, string: _String, checked: Checked) -> None:
        """Advance a string that is to be closed or to stay so."""
        limits, state = self._limits, string.state
        if state is ContactorState.OPENING:
            string.to(ContactorState.CLOSED)
        elif state is ContactorState.HALF_OPEN and string.timer_s >= limits.feedback_s - _TIME_ROUNDING_S:
            string.to(ContactorState.OPEN)
        elif state is ContactorState.NEGATIVE and string.timer_s >= limits.feedback_s - _TIME_ROUNDING_S:
            others = any(other.state is ContactorState.CLOSED for other in self._strings or ())
            self._look_for_weld(k, string, checked, others=others)
        elif state is ContactorState.PRECHARGE:
            self._charge_bus(k, string, checked)
        elif state is ContactorState.CLOSING and string.timer_s >= limits.feedback_s - _TIME_ROUNDING_S:
            string.to(ContactorState.CLOSED)
            string.tries = 0
        elif state is ContactorState.PAUSE and string.timer_s >= limits.precharge_pause_s - _TIME_ROUNDING_S:
            string.to(ContactorState.OPEN)

    def _look_for_weld(self, k: int, string: _String, checked: Checked, *, others: bool) -> None:
        """Go on to precharge, unless the bus has come up by itself; with others connected it is up already."""
        bus_v = checked.measurement.bus_voltage_v
        if bus_v - string.bus_before_v > _WELD_RISE_V and not others:
            _LOG.error("string %d: the bus came up to %.1f V without its positive contactor", k, bus_v)
            string.to(ContactorState.FAILED)
            string.trouble = "contactor_welded"
            return
        difference_v = abs(checked.string_voltage_v[k] - bus_v)
        charged = others or difference_v <= self._limits.precharge_voltage_difference_max_v
        string.precharged = not charged
        string.to(ContactorState.PRECHARGE if string.precharged else ContactorState.CLOSING)

    def _charge_bus(self, k: int, string: _String, checked: Checked) -> None:
        limits = self._limits
        difference_v = abs(checked.string_voltage_v[k] - checked.measurement.bus_voltage_v)
        charged = difference_v <= limits.precharge_voltage_difference_max_v
        if charged and abs(checked.current_a[k]) <= limits.precharge_current_max_a:
            _LOG.info("string %d: bus charged to within %.1f V in %.2f s", k, difference_v, string.timer_s)
            string.to(ContactorState.CLOSING)
        elif self._is_hopeless(string, difference_v, checked.string_voltage_v[k]):
            string.tries += 1
            _LOG.warning("string %d: precharge %d failed, %.1f V left", k, string.tries, difference_v)
            last = string.tries >= limits.precharge_tries
            string.to(ContactorState.FAILED if last else ContactorState.PAUSE)
            string.trouble = "precharge_current_left" if charged else "precharge_voltage_left"
            if last:
                string.trouble = "precharge_failed"

    def _is_hopeless(self, string: _String, difference_v: float, string_v: float) -> bool:
        """Return whether a try has taken too long, or the bus has not come half way up by the time it should."""
        limits = self._limits
        if string.timer_s >= limits.precharge_time_max_s - _TIME_ROUNDING_S:
            return True
        return string.timer_s >= limits.precharge_half_s - _TIME_ROUNDING_S and difference_v > 0.5 * string_v

    def _close(
        self, strings: list[_String], open_strings: frozenset[int], checked: Checked, *, charging: bool
    ) -> None:
        candidates = [
            k for k, s in enumerate(strings) if s.state is ContactorState.OPEN and k not in open_strings
        ]
        if not candidates or any(string.state in _ON_THE_WAY for string in strings):
            return
        voltages_v = checked.string_voltage_v
        closed = [k for k, s in enumerate(strings) if s.state is ContactorState.CLOSED and checked.closed[k]]
        if closed:
            mean_a = sum(abs(checked.current_a[k]) for k in closed) / len(closed)
            if not mean_a <= self._limits.connect_current_max_a:
                return
        reference_v = self._reference_v(candidates, closed, checked, charging=charging)
        for k in candidates:
            if abs(voltages_v[k] - reference_v) <= self._limits.connect_voltage_difference_max_v:
                self._begin(k, strings[k], checked, reference_v)
                if self._precharge:
                    return

    def _begin(self, k: int, string: _String, checked: Checked, reference_v: float) -> None:
        string.to(ContactorState.NEGATIVE if self._precharge else ContactorState.CLOSED)
        bus_v = checked.measurement.bus_voltage_v
        string.bus_before_v = bus_v if bus_v > 0.0 else 0.0
        _LOG.info(
            "string %d closes at %.1f V, bus or first string %.1f V",
            k,
            checked.string_voltage_v[k],
            reference_v,
        )

    @staticmethod
    def _reference_v(candidates: list[int], closed: list[int], checked: Checked, *, charging: bool) -> float:
        """Return the voltage that a closing string must match; NaN when nothing valid is known."""
        voltages_v = checked.string_voltage_v
        if closed:
            return voltages_v[closed[0]]
        bus_v = checked.measurement.bus_voltage_v
        if bus_v > _LIVE_BUS_V:
            return bus_v
        known = [voltages_v[k] for k in candidates if voltages_v[k] > 0.0]
        if not known:
            return float("nan")
        return min(known) if charging else max(known)

    # --- opening ---

    def _go_open(self, k: int, string: _String, checked: Checked, *, at_once: bool) -> None:
        """Advance a string that is to be open."""
        state = string.state
        if state in {ContactorState.CLOSED, ContactorState.CLOSING}:
            string.to(ContactorState.OPENING)
        elif state is ContactorState.HALF_OPEN:
            if string.timer_s >= self._limits.feedback_s - _TIME_ROUNDING_S:
                string.to(ContactorState.OPEN)
        elif state is not ContactorState.OPENING:
            string.to(ContactorState.OPEN)
            string.tries, string.trouble = 0, ""
        if string.state is ContactorState.OPENING:
            self._break(k, string, checked.current_a[k], at_once=at_once)

    def _break(self, k: int, string: _String, current_a: float, *, at_once: bool) -> None:
        """Open the first contactor when the current is low enough, or has not fallen for too long."""
        waited = string.timer_s >= self._limits.fuse_time_s - _TIME_ROUNDING_S
        if abs(current_a) < self._limits.break_current_max_a:
            _LOG.info("string %d opens at %.1f A", k, current_a)
        elif waited or at_once:
            _LOG.warning("string %d forced open after %.1f s at %.1f A", k, string.timer_s, current_a)
            string.trouble = "opened_under_load"
        else:
            return
        string.negative_first = current_a < 0.0
        string.to(ContactorState.HALF_OPEN if self._precharge else ContactorState.OPEN)


def _differences(wanted: tuple[bool, ...], found: list[bool]) -> list[float]:
    return [float(want != on) for want, on in zip(wanted, found, strict=True)]


def _command(strings: list[_String]) -> ContactorCommand:
    half = ContactorState.HALF_OPEN
    return ContactorCommand(
        tuple(s.state in _POSITIVE or (s.state is half and s.negative_first) for s in strings),
        tuple(s.state in _NEGATIVE or (s.state is half and not s.negative_first) for s in strings),
        tuple(
            s.state is ContactorState.PRECHARGE or (s.state is ContactorState.CLOSING and s.precharged)
            for s in strings
        ),
    )
