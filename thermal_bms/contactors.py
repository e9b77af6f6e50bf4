"""One contactor state per string: when it may close, and how it opens without breaking a high current."""

import logging
from enum import IntEnum
from typing import final

from thermal_bms.limits import ContactorLimits
from thermal_bms.plausibility import Checked

_LOG = logging.getLogger(__name__)
_TIME_ROUNDING_S = 1e-9
_LIVE_BUS_V = 60.0


class ContactorState(IntEnum):
    """What a string's contactors are commanded to."""

    OPEN = 0
    CLOSED = 1
    OPENING = 2


@final
class Contactors:
    """Contactor states of all strings; rules as in foxBMS 2 v1.11 (bms.c, bms_cfg.h).

    A string closes when it is wanted, has no demand to open, and its voltage is within 3 V of the bus (of the
    first string while the bus is dead) with no more than 20 A flowing in the strings already closed. To open,
    it first waits in OPENING while the limits are zero; it opens below the break current, or after the fuse
    time whatever flows. With an unknown current it waits for the fuse time. The first string to close is the
    one with the highest voltage, the lowest when a charger is plugged in. Precharge comes with its own
    states.
    """

    def __init__(self, limits: ContactorLimits, n_strings: int) -> None:
        self._limits = limits
        self._n = n_strings
        self._all_closed = [ContactorState.CLOSED] * n_strings
        self._all_true = (True,) * n_strings
        self._all_false = [False] * n_strings
        self.reset()

    def reset(self) -> None:
        """Forget everything; the next step takes over the positions that it finds."""
        self._states: list[ContactorState] | None = None
        self._waiting_s = [0.0] * self._n
        self._wanted = False

    @property
    def states(self) -> tuple[ContactorState, ...]:
        """State of each string; all open before the first step."""
        return tuple(self._states or [ContactorState.OPEN] * self._n)

    @property
    def opening(self) -> bool:
        """Some string waits for its current to fall, so no power may be drawn."""
        return self._states is not None and ContactorState.OPENING in self._states

    def mismatch(self, closed: list[bool]) -> list[bool]:
        """Return per string whether its feedback differs from what was commanded."""
        states = self._states
        if states is None or (states == self._all_closed and all(closed)):
            return self._all_false
        return [(state is not ContactorState.OPEN) != on for state, on in zip(states, closed, strict=True)]

    def kept_open(self) -> list[bool]:
        """Return per string whether it is wanted but open."""
        if not self._wanted or self._states == self._all_closed:
            return self._all_false
        return [state is ContactorState.OPEN for state in self.states]

    def step(
        self,
        checked: Checked,
        *,
        wanted: bool,
        open_strings: frozenset[int],
        charging: bool,
        dt_s: float,
    ) -> tuple[bool, ...]:
        """Advance by one tick and return the wanted state of each string's contactors.

        Parameters
        ----------
        checked : the measurement after plausibility
        wanted : the pack is to be connected
        open_strings : strings that protection demands to open
        charging : a charger is plugged in
        dt_s : tick [s]
        """
        states = self._states
        if states is None:
            states = [ContactorState.CLOSED if on else ContactorState.OPEN for on in checked.closed]
            self._states = states
        self._wanted = wanted
        if wanted and not open_strings and states == self._all_closed:
            return self._all_true
        for k, state in enumerate(states):
            if state is not ContactorState.OPEN:
                stay = wanted and k not in open_strings
                states[k] = (
                    ContactorState.CLOSED if stay else self._opening(k, state, checked.current_a[k], dt_s)
                )
        candidates = [k for k in range(self._n) if states[k] is ContactorState.OPEN and k not in open_strings]
        if wanted and candidates:
            self._close(candidates, states, checked, charging=charging)
        return tuple(state is not ContactorState.OPEN for state in states)

    def _opening(self, k: int, state: ContactorState, current_a: float, dt_s: float) -> ContactorState:
        """Return the state of a string on its way open: wait for the current to fall, but not for ever."""
        self._waiting_s[k] = self._waiting_s[k] + dt_s if state is ContactorState.OPENING else 0.0
        if abs(current_a) < self._limits.break_current_max_a:
            _LOG.info("string %d opens at %.1f A", k, current_a)
            return ContactorState.OPEN
        if self._waiting_s[k] >= self._limits.fuse_time_s - _TIME_ROUNDING_S:
            _LOG.warning("string %d forced open after %.1f s at %.1f A", k, self._waiting_s[k], current_a)
            return ContactorState.OPEN
        return ContactorState.OPENING

    def _close(
        self, candidates: list[int], states: list[ContactorState], checked: Checked, *, charging: bool
    ) -> None:
        voltages_v = checked.string_voltage_v
        closed = [k for k in range(self._n) if states[k] is ContactorState.CLOSED and checked.closed[k]]
        if closed:
            mean_a = sum(abs(checked.current_a[k]) for k in closed) / len(closed)
            if not mean_a <= self._limits.connect_current_max_a:
                return
        reference_v = self._reference_v(candidates, closed, checked, charging=charging)
        for k in candidates:
            if abs(voltages_v[k] - reference_v) <= self._limits.connect_voltage_difference_max_v:
                states[k] = ContactorState.CLOSED
                _LOG.info(
                    "string %d closes at %.1f V, bus or first string %.1f V", k, voltages_v[k], reference_v
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
