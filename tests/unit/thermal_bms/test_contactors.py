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
