from typing import Any

import numpy as np
import pytest

from tests.unit.thermal_bms.bms_samples import PACK, checked, measured
from thermal_bms.contactors import Contactors, ContactorState
from thermal_bms.limits import load_limits
from thermal_bms.plausibility import Checked

NAN = float("nan")
LIMITS = load_limits("lfp").contactor
OPEN, CLOSED, OPENING = ContactorState.OPEN, ContactorState.CLOSED, ContactorState.OPENING


def contactors() -> Contactors:
    return Contactors(LIMITS, PACK.n_strings)


def seen(*, bus: float = 0.0, volts: tuple[float, ...] = (66.0, 66.0, 66.0), **changes: Any) -> Checked:
    measurement = measured(bus_voltage_v=bus)
    base = checked(measurement, string_voltage_v=list(volts))
    changes.setdefault("closed", [False] * 3)
    changes = {"positive_closed": changes["closed"], "negative_closed": changes["closed"], **changes}
    for name, value in changes.items():
        setattr(base, name, value)
    return base


def step(
    unit: Contactors, what: Checked, *, wanted: bool = True, trips: frozenset[int] = frozenset(), **more: Any
) -> tuple[bool, ...]:
    settings: dict[str, Any] = {"charging": False, "dt_s": 1.0, **more}
    return unit.step(what, wanted=wanted, open_strings=trips, **settings).positive


def all_closed(current_a: float = 0.0, bus: float = 66.0) -> Checked:
    return seen(bus=bus, closed=[True] * 3, current_a=[current_a] * 3)


def test_alike_strings_close_on_a_dead_bus() -> None:
    assert step(contactors(), seen()) == (True, True, True)


def test_nothing_closes_that_is_not_wanted() -> None:
    unit = contactors()
    assert step(unit, seen(), wanted=False) == (False, False, False)
    assert unit.kept_open() == (False,) * 3


def test_positions_are_taken_over_at_the_start() -> None:
    unit = contactors()
    assert unit.states == (OPEN, OPEN, OPEN)
    assert unit.findings(all_closed()) == {}
    assert step(unit, seen(closed=[True, True, True], current_a=[300.0] * 3, bus=66.0)) == (True, True, True)


@pytest.mark.parametrize(
    ("volt", "closes"), [(68.9, True), (69.0, True), (69.1, False), (63.0, True), (62.9, False)]
)
def test_a_string_closes_within_three_volts_of_a_live_bus(volt: float, closes: bool) -> None:
    assert step(contactors(), seen(bus=66.0, volts=(volt, 66.0, 66.0)))[0] is closes


@pytest.mark.parametrize(
    ("charging", "expected"), [(False, (False, True, True)), (True, (True, False, False))]
)
def test_on_a_dead_bus_the_fullest_string_leads_and_the_emptiest_for_a_charge(
    charging: bool, expected: tuple[bool, ...]
) -> None:
    unit = contactors()
    assert step(unit, seen(volts=(60.0, 66.0, 67.0)), charging=charging) == expected
    assert unit.kept_open() == tuple(not on for on in expected)


@pytest.mark.parametrize(("bus", "live"), [(60.0, False), (60.1, True)])
def test_a_bus_counts_as_live_above_sixty_volts(bus: float, live: bool) -> None:
    assert step(contactors(), seen(bus=bus)) == (not live,) * 3


def test_with_a_string_closed_its_voltage_is_what_counts() -> None:
    what = seen(bus=NAN, volts=(70.0, 66.0, 67.5), closed=[False, True, False])
    assert step(contactors(), what) == (False, True, True)


@pytest.mark.parametrize(("current_a", "closes"), [(20.0, True), (-20.0, True), (20.1, False), (NAN, False)])
def test_a_string_closes_only_at_low_current_in_the_others(current_a: float, closes: bool) -> None:
    what = seen(bus=66.0, closed=[True, True, False], current_a=[current_a, current_a, 0.0])
    assert step(contactors(), what)[2] is closes


@pytest.mark.parametrize("volts", [(NAN, NAN, NAN), (0.0, 0.0, 0.0)])
def test_strings_of_unknown_voltage_stay_open(volts: tuple[float, ...]) -> None:
    assert step(contactors(), seen(volts=volts)) == (False, False, False)


def test_one_string_of_unknown_voltage_stays_out() -> None:
    assert step(contactors(), seen(volts=(66.0, NAN, 66.0))) == (True, False, True)


@pytest.mark.parametrize(("current_a", "opens"), [(19.9, True), (-19.9, True), (20.0, False), (-20.0, False)])
def test_a_contactor_opens_at_once_below_the_break_current_only(current_a: float, opens: bool) -> None:
    unit = contactors()
    step(unit, all_closed())
    assert step(unit, all_closed(current_a), wanted=False) == (not opens,) * 3
    assert unit.opening is not opens


@pytest.mark.parametrize("current_a", [300.0, NAN])
@pytest.mark.parametrize("dt_s", [0.1, 1.0])
def test_a_high_or_unknown_current_is_broken_after_the_fuse_time_and_not_one_tick_earlier(
    current_a: float, dt_s: float
) -> None:
    unit = contactors()
    step(unit, all_closed())
    what = all_closed(current_a)
    for _ in range(round(LIMITS.fuse_time_s / dt_s)):
        assert step(unit, what, trips=frozenset({1}), dt_s=dt_s) == (True, True, True)
        assert unit.states == (CLOSED, OPENING, CLOSED)
    assert step(unit, what, trips=frozenset({1}), dt_s=dt_s) == (True, False, True)
    assert not unit.opening


def test_each_wait_starts_anew() -> None:
    unit = contactors()
    loaded = all_closed(300.0)
    step(unit, loaded)
    for _ in range(3):
        step(unit, loaded, wanted=False)
    step(unit, loaded)
    assert unit.states == (CLOSED, CLOSED, CLOSED)
    for _ in range(3):
        assert step(unit, loaded, wanted=False) == (True, True, True)
    assert step(unit, loaded, wanted=False) == (False, False, False)


def test_a_tripped_string_opens_alone_and_stays_open() -> None:
    unit = contactors()
    step(unit, all_closed())
    assert step(unit, all_closed(5.0), trips=frozenset({0})) == (False, True, True)
    two = seen(bus=66.0, closed=[False, True, True])
    for _ in range(10):
        assert step(unit, two, trips=frozenset({0})) == (False, True, True)
    assert unit.kept_open() == (True, False, False)
    assert step(unit, two) == (True, True, True)


def test_a_tripped_string_never_closes() -> None:
    assert step(contactors(), seen(), trips=frozenset({0, 1, 2})) == (False, False, False)


def test_feedback_that_differs_from_the_command_is_found() -> None:
    unit = contactors()
    step(unit, seen())
    found = unit.findings(seen(bus=66.0, closed=[True, False, True]))
    one = [0.0, 1.0, 0.0]
    assert found == {
        "contactor_mismatch": one,
        "contactor_stuck_open": one,
        "negative_contactor_mismatch": one,
    }
    step(unit, all_closed(300.0), wanted=False)
    assert unit.findings(all_closed()) == {}
    step(unit, all_closed(0.0), wanted=False)
    found = unit.findings(seen(closed=[False, False, True]))
    welded = [0.0, 0.0, 1.0]
    assert found == {
        "contactor_mismatch": welded,
        "contactor_welded": welded,
        "negative_contactor_mismatch": welded,
    }


def test_a_closed_string_without_feedback_is_no_reference() -> None:
    unit = contactors()
    step(unit, seen(volts=(66.0, NAN, NAN)))
    later = seen(volts=(66.0, 66.0, 66.0), current_a=[NAN, 0.0, 0.0])
    assert step(unit, later) == (True, True, True)


def test_reset_forgets_the_positions() -> None:
    unit = contactors()
    step(unit, all_closed())
    unit.reset()
    assert unit.states == (OPEN, OPEN, OPEN)
    assert not unit.opening
    assert np.array_equal(step(unit, seen(), wanted=False), [False] * 3)


# --- precharge: negative contactor, resistor, positive contactor ---

NEGATIVE, PRECHARGE, CLOSING = ContactorState.NEGATIVE, ContactorState.PRECHARGE, ContactorState.CLOSING
HALF_OPEN, PAUSE, FAILED = ContactorState.HALF_OPEN, ContactorState.PAUSE, ContactorState.FAILED
DT_S = 0.01


class OneString:
    """A single string with precharge, whose feedback follows its command at once."""

    def __init__(self) -> None:
        self.unit = Contactors(LIMITS, PACK.n_strings, precharge=True)
        self.states: list[ContactorState] = []
        self.command = self.unit.step(self.what(), **self.how(wanted=False))

    def what(self, bus: float = 0.0, volt: float = 66.0, amp: float = 0.0) -> Checked:
        if not self.states:
            return seen(bus=bus, volts=(volt, NAN, NAN))
        return seen(
            bus=bus,
            volts=(volt, NAN, NAN),
            current_a=[amp, 0.0, 0.0],
            closed=[p and n for p, n in zip(self.command.positive, self.command.negative, strict=True)],
            positive_closed=list(self.command.positive),
            negative_closed=list(self.command.negative),
            precharge_closed=list(self.command.precharge),
        )

    @staticmethod
    def how(**changes: Any) -> dict[str, Any]:
        usual = {"wanted": True, "open_strings": frozenset(), "charging": False, "dt_s": DT_S}
        return {**usual, **changes}

    def run(self, seconds: float, *, how: dict[str, Any] | None = None, **what: float) -> ContactorState:
        for _ in range(round(seconds / DT_S)):
            checked_now = self.what(**what)
            self.found = self.unit.findings(checked_now)
            self.command = self.unit.step(checked_now, **self.how(**(how or {})))
            self.states.append(self.unit.states[0])
        return self.states[-1]

    def switches(self) -> tuple[bool, bool, bool]:
        command = self.command
        return command.negative[0], command.precharge[0], command.positive[0]


def test_precharge_goes_through_its_states_with_the_right_switches() -> None:
    one = OneString()
    assert one.run(0.01) is NEGATIVE
    assert one.switches() == (True, False, False)
    assert one.run(LIMITS.feedback_s) is PRECHARGE
    assert one.switches() == (True, True, False)
    assert one.run(0.3, bus=60.0, amp=3.0) is PRECHARGE
    assert one.run(0.01, bus=65.2, amp=0.4) is CLOSING
    assert one.switches() == (True, True, True)
    assert one.run(LIMITS.feedback_s - 0.01, bus=66.0) is CLOSING
    assert one.run(0.01, bus=66.0) is CLOSED
    assert one.switches() == (True, False, True)
    assert one.run(1.0, bus=66.0) is CLOSED
    assert set(one.found) == {"string_not_connected"}  # the two of unknown voltage


@pytest.mark.parametrize(
    ("bus", "amp", "ends"),
    [
        (65.0, 0.5, True),
        (67.0, -0.5, True),
        (64.9, 0.0, False),
        (67.1, 0.0, False),
        (66.0, 0.51, False),
        (NAN, 0.0, False),
        (66.0, NAN, False),
    ],
)
def test_precharge_ends_by_voltage_and_by_current(bus: float, amp: float, ends: bool) -> None:
    one = OneString()
    one.run(0.2)
    assert one.states[-1] is PRECHARGE
    assert (one.run(0.01, bus=bus, amp=amp) is CLOSING) is ends


@pytest.mark.parametrize(
    ("bus", "amp", "after_s", "trouble"),
    [
        (0.0, 0.0, 0.5, "precharge_voltage_left"),
        (32.0, 0.0, 0.5, "precharge_voltage_left"),
        (33.0, 0.0, 2.0, "precharge_voltage_left"),
        (66.0, 2.0, 2.0, "precharge_current_left"),
    ],
)
def test_a_try_ends_after_its_time_or_when_the_bus_does_not_come_up(
    bus: float, amp: float, after_s: float, trouble: str
) -> None:
    one = OneString()
    one.run(0.11)
    assert one.run(after_s - 0.01, bus=bus, amp=amp) is PRECHARGE
    assert one.run(0.01, bus=bus, amp=amp) is PAUSE
    assert one.switches() == (False, False, False)
    one.run(0.01, bus=bus, amp=amp)
    assert one.found[trouble] == [1.0, 0.0, 0.0]
    one.run(0.01, bus=bus, amp=amp)
    assert trouble not in one.found


def test_three_tries_with_pauses_and_then_no_more() -> None:
    one = OneString()
    assert one.run(10.0) is FAILED
    changes = [state for old, state in zip([None, *one.states], one.states, strict=False) if state is not old]
    assert changes.count(PRECHARGE) == LIMITS.precharge_tries
    assert one.states.count(PAUSE) >= 2 * round(LIMITS.precharge_pause_s / DT_S)
    assert one.found["precharge_failed"] == [1.0, 0.0, 0.0]
    assert one.run(60.0) is FAILED
    assert one.run(0.01, how={"wanted": False}) is OPEN
    assert one.run(0.05) is NEGATIVE


def test_after_a_success_all_tries_are_there_again() -> None:
    one = OneString()
    one.run(1.0)
    assert PAUSE in one.states
    while one.states[-1] is not PRECHARGE:
        one.run(0.01)
    one.run(0.5, bus=66.0)
    assert one.states[-1] is CLOSED
    assert one.run(0.01, how={"wanted": False}, bus=66.0) is HALF_OPEN
    one.states.clear()
    one.run(10.0)
    changes = [state for old, state in zip(one.states, one.states[1:], strict=False) if state is not old]
    assert changes.count(PRECHARGE) == LIMITS.precharge_tries


@pytest.mark.parametrize(("bus", "welded"), [(25.0, False), (25.1, True)])
def test_a_bus_that_rises_by_more_than_twenty_volts_by_itself_shows_a_weld(bus: float, welded: bool) -> None:
    one = OneString()
    one.run(0.01, bus=5.0)
    assert (one.run(LIMITS.feedback_s, bus=bus) is FAILED) is welded


def test_a_bus_that_comes_up_with_the_negative_contactor_alone_shows_a_weld() -> None:
    one = OneString()
    one.run(0.05)
    assert one.run(LIMITS.feedback_s, bus=66.0) is FAILED
    one.run(0.01)
    assert one.found["contactor_welded"] == [1.0, 0.0, 0.0]
    assert one.switches() == (False, False, False)


@pytest.mark.parametrize("bus", [65.0, 65.5, 67.0])
def test_a_bus_that_was_up_before_is_no_weld_and_needs_no_precharge(bus: float) -> None:
    one = OneString()
    one.run(0.01, bus=bus)
    assert one.run(LIMITS.feedback_s, bus=bus) is CLOSING
    assert one.switches() == (True, False, True)


def test_strings_connect_one_after_the_other_and_only_the_first_needs_precharge() -> None:
    unit = Contactors(LIMITS, PACK.n_strings, precharge=True)
    ways: list[tuple[ContactorState, ...]] = []
    command = unit.step(seen(), wanted=False, open_strings=frozenset(), charging=False, dt_s=DT_S)
    for _ in range(200):
        live = any(command.positive)
        what = seen(volts=(66.0, 67.5, 64.0), bus=65.8 if live or (ways and PRECHARGE in ways[-1]) else 0.0)
        what.closed = what.positive_closed = what.negative_closed = list(command.positive)
        command = unit.step(what, wanted=True, open_strings=frozenset(), charging=False, dt_s=DT_S)
        ways.append(unit.states)
        assert sum(state in {NEGATIVE, PRECHARGE, CLOSING} for state in unit.states) <= 1
    assert unit.states == (CLOSED, CLOSED, CLOSED)
    assert [any(states[k] is PRECHARGE for states in ways) for k in range(3)] == [True, False, False]


@pytest.mark.parametrize(("amp", "positive_first"), [(10.0, True), (0.0, True), (-10.0, False)])
def test_the_contactor_that_breaks_this_direction_opens_first(amp: float, positive_first: bool) -> None:
    one = connected()
    assert one.run(0.01, how={"wanted": False}, bus=66.0, amp=amp) is HALF_OPEN
    assert one.switches() == (positive_first, False, not positive_first)
    assert one.run(LIMITS.feedback_s - 0.01, how={"wanted": False}, bus=66.0) is HALF_OPEN
    assert one.run(0.01, how={"wanted": False}, bus=66.0) is OPEN
    assert one.switches() == (False, False, False)


def connected() -> OneString:
    one = OneString()
    one.run(0.12)
    one.run(0.5, bus=66.0)
    assert one.states[-1] is CLOSED
    return one


def test_a_string_wanted_again_half_way_opens_first() -> None:
    one = connected()
    one.run(0.01, how={"wanted": False}, bus=66.0)
    assert one.run(LIMITS.feedback_s - 0.01, bus=66.0) is HALF_OPEN
    assert one.run(0.01, bus=66.0) is NEGATIVE


@pytest.mark.parametrize("seconds", [0.05, 0.2])
def test_a_string_on_its_way_opens_at_once_when_it_is_not_wanted_any_more(seconds: float) -> None:
    one = OneString()
    one.run(seconds)
    assert one.states[-1] in {NEGATIVE, PRECHARGE}
    assert one.run(0.01, how={"wanted": False}) is OPEN


def test_a_string_that_is_closing_waits_for_its_current_like_a_closed_one() -> None:
    one = OneString()
    one.run(0.12)
    one.run(0.01, bus=66.0)
    assert one.states[-1] is CLOSING
    trip = {"open_strings": frozenset({0})}
    assert one.run(0.01, how=trip, bus=66.0, amp=50.0) is OPENING
    assert one.run(0.01, how=trip, bus=66.0, amp=5.0) is HALF_OPEN


def test_after_a_crash_contactors_do_not_wait_for_the_current() -> None:
    one = connected()
    crash = {"open_strings": frozenset({0}), "at_once": frozenset({0})}
    assert one.run(0.01, how=crash, bus=66.0, amp=300.0) is HALF_OPEN
    one.run(0.01, how=crash, bus=66.0)
    assert one.found["opened_under_load"] == [1.0, 0.0, 0.0]
    one.run(0.01, how=crash, bus=66.0)
    assert "opened_under_load" not in one.found


@pytest.mark.parametrize("k", range(3))
def test_with_everything_connected_one_wrong_switch_is_found(k: int) -> None:
    unit = contactors()
    step(unit, all_closed())
    assert unit.findings(all_closed()) == {}
    one = [1.0 if i == k else 0.0 for i in range(3)]
    what = all_closed()
    what.precharge_closed = [i == k for i in range(3)]
    assert unit.findings(what) == {"precharge_relay_mismatch": one}


def test_a_precharge_relay_that_stays_closed_is_found() -> None:
    one = connected()
    what = one.what(bus=66.0)
    what.precharge_closed = [True, False, False]
    assert one.unit.findings(what)["precharge_relay_mismatch"] == [1.0, 0.0, 0.0]
