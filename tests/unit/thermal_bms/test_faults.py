import logging
from dataclasses import replace

import numpy as np
import pytest

from thermal_bms.errors import ConfigError
from thermal_bms.faults import PACK, DiagnosticRow, Diagnostics, FaultCode, Reaction, Severity
from thermal_bms.parameters import parse

TICKS_S = (0.1, 0.5, 1.0, 2.0)


def row(**changes: object) -> DiagnosticRow:
    values = {
        "code": "CELL_TEMP_HIGH_DISCHARGE",
        "quantity": "temp",
        "direction": "above",
        "limit": 60.0,
        "hysteresis": 2.0,
        "debounce_s": 5.0,
        "delay_s": 1.0,
        "severity": "TRIP",
        "reaction": "OPEN",
        "latch": False,
    }
    return parse(DiagnosticRow, {**values, **changes}, "test")


def one(*rows: DiagnosticRow) -> Diagnostics:
    return Diagnostics(rows, {"temp": True}, 1)


def feed(diagnostics: Diagnostics, value: float, ticks: int, dt_s: float = 1.0) -> None:
    for _ in range(ticks):
        diagnostics.check(np.array([value]), 0.0, dt_s)


@pytest.mark.parametrize(
    ("direction", "value", "violated"),
    [
        ("above", 59.9, False),
        ("above", 60.0, False),
        ("above", 60.1, True),
        ("below", 60.1, False),
        ("below", 60.0, False),
        ("below", 59.9, True),
        ("above", float("nan"), False),
        ("below", float("nan"), False),
        ("above", float("inf"), True),
        ("below", float("-inf"), True),
    ],
)
def test_only_a_value_beyond_the_limit_sets_a_fault(direction: str, value: float, violated: bool) -> None:
    diagnostics = one(row(direction=direction))
    feed(diagnostics, value, 20)
    assert bool(diagnostics.faults) is violated


@pytest.mark.parametrize("dt_s", TICKS_S)
def test_a_fault_is_set_when_the_debounce_time_is_over_and_not_one_tick_earlier(dt_s: float) -> None:
    ticks = int(np.ceil(5.0 / dt_s - 1e-9))
    diagnostics = one(row())
    feed(diagnostics, 61.0, ticks - 1, dt_s)
    assert not diagnostics.faults
    feed(diagnostics, 61.0, 1, dt_s)
    assert [fault.code for fault in diagnostics.faults] == [FaultCode.CELL_TEMP_HIGH_DISCHARGE]


@pytest.mark.parametrize("dt_s", TICKS_S)
def test_the_reaction_is_due_when_the_delay_is_over_and_not_one_tick_earlier(dt_s: float) -> None:
    ticks = int(np.ceil(6.0 / dt_s - 1e-9))
    diagnostics = one(row())
    feed(diagnostics, 61.0, ticks - 1, dt_s)
    assert not diagnostics.due(Reaction.OPEN)
    feed(diagnostics, 61.0, 1, dt_s)
    assert diagnostics.due(Reaction.OPEN) == {0}


def test_the_reaction_is_demanded_from_the_moment_the_fault_is_set() -> None:
    diagnostics = one(row())
    feed(diagnostics, 61.0, 5)
    assert diagnostics.demanded(Reaction.OPEN) == {0}
    assert not diagnostics.due(Reaction.OPEN)


def test_without_debounce_one_sample_sets_the_fault() -> None:
    diagnostics = one(row(debounce_s=0.0, delay_s=0.0))
    feed(diagnostics, 61.0, 1)
    assert diagnostics.due(Reaction.OPEN) == {0}


def test_a_value_that_comes_and_goes_more_often_bad_than_good_is_found() -> None:
    diagnostics = one(row())
    for value in [61.0, 61.0, 50.0] * 5:
        feed(diagnostics, value, 1)
    assert diagnostics.faults


def test_a_value_that_is_as_often_good_as_bad_sets_nothing() -> None:
    diagnostics = one(row())
    for value in [61.0, 50.0] * 50:
        feed(diagnostics, value, 1)
    assert not diagnostics.faults


def test_missing_values_neither_set_nor_clear() -> None:
    diagnostics = one(row())
    feed(diagnostics, 61.0, 4)
    feed(diagnostics, float("nan"), 100)
    assert not diagnostics.faults
    feed(diagnostics, 61.0, 1)
    assert diagnostics.faults
    feed(diagnostics, float("nan"), 100)
    assert diagnostics.faults


@pytest.mark.parametrize(("value", "clears"), [(57.9, True), (58.0, True), (58.1, False), (60.0, False)])
def test_a_fault_clears_only_beyond_the_hysteresis(value: float, clears: bool) -> None:
    diagnostics = one(row())
    feed(diagnostics, 61.0, 5)
    feed(diagnostics, value, 20)
    assert bool(diagnostics.faults) is not clears


def test_a_fault_clears_after_the_debounce_time_and_not_one_tick_earlier() -> None:
    diagnostics = one(row())
    feed(diagnostics, 61.0, 50)
    feed(diagnostics, 20.0, 4)
    assert diagnostics.faults
    feed(diagnostics, 20.0, 1)
    assert not diagnostics.faults
    assert not diagnostics.demanded(Reaction.OPEN)


def test_a_latched_fault_stays_until_reset_and_its_delay_runs_on() -> None:
    diagnostics = one(row(latch=True))
    feed(diagnostics, 61.0, 5)
    feed(diagnostics, 20.0, 100)
    assert diagnostics.due(Reaction.OPEN) == {0}
    diagnostics.reset()
    feed(diagnostics, 20.0, 100)
    assert not diagnostics.faults
    assert not diagnostics.due(Reaction.OPEN)


def test_a_reset_does_not_hide_what_still_holds() -> None:
    diagnostics = one(row(latch=True))
    feed(diagnostics, 61.0, 10)
    diagnostics.reset()
    feed(diagnostics, 61.0, 5)
    assert diagnostics.faults


def test_a_fault_says_where_when_and_what() -> None:
    diagnostics = Diagnostics([row(debounce_s=0.0)], {"other": False, "temp": True}, 3)
    diagnostics.check(np.array([99.0, 20.0, 20.0, 61.5]), 123.0, 1.0)
    (fault,) = diagnostics.faults
    assert (fault.place, fault.since_s, fault.value, fault.limit) == (2, 123.0, 61.5, 60.0)
    assert fault.severity is Severity.TRIP


def test_a_low_limit_reports_the_value_with_its_own_sign() -> None:
    diagnostics = one(row(direction="below", limit=-30.0, debounce_s=0.0))
    feed(diagnostics, -31.0, 1)
    assert (diagnostics.faults[0].value, diagnostics.faults[0].limit) == (-31.0, -30.0)


def test_of_one_code_and_place_only_the_worst_is_reported() -> None:
    levels = [row(limit=50.0, severity="INFO"), row(), row(limit=55.0, severity="WARNING")]
    diagnostics = one(*levels)
    feed(diagnostics, 56.0, 5)
    assert [fault.severity for fault in diagnostics.faults] == [Severity.WARNING]
    feed(diagnostics, 61.0, 5)
    assert [fault.severity for fault in diagnostics.faults] == [Severity.TRIP]


def test_a_quantity_of_the_pack_has_the_pack_as_its_place() -> None:
    diagnostics = Diagnostics([row(debounce_s=0.0, delay_s=0.0)], {"temp": False}, 3)
    feed(diagnostics, 61.0, 1)
    assert diagnostics.due(Reaction.OPEN) == {PACK}


def test_a_row_about_something_nobody_measures_is_refused_with_a_hint() -> None:
    with pytest.raises(
        ConfigError, match=r"CELL_TEMP_HIGH_DISCHARGE\.quantity = 'tmp': .* did you mean temp"
    ):
        one(row(quantity="tmp"))


@pytest.mark.parametrize(("severity", "level"), [("INFO", "INFO"), ("WARNING", "WARNING"), ("TRIP", "ERROR")])
def test_each_change_is_logged_once_and_as_loud_as_it_is_bad(
    severity: str, level: str, caplog: pytest.LogCaptureFixture
) -> None:
    diagnostics = Diagnostics([row(severity=severity)], {"temp": False}, 1)
    with caplog.at_level(logging.INFO, logger="thermal_bms.faults"):
        feed(diagnostics, 61.0, 20)
        feed(diagnostics, 20.0, 20)
    assert [record.levelname for record in caplog.records] == [level, "INFO"]
    assert "temp = 61, limit 60, pack" in caplog.records[0].message
    assert "cleared" in caplog.records[1].message


def test_it_is_quiet_only_while_nothing_is_active_and_no_timer_runs() -> None:
    diagnostics = one(row())
    feed(diagnostics, 20.0, 10)
    assert diagnostics.quiet
    feed(diagnostics, 61.0, 1)
    assert not diagnostics.quiet
    feed(diagnostics, 20.0, 1)
    assert diagnostics.quiet


def test_between_its_bounds_a_quantity_violates_no_row_and_just_beyond_them_it_does() -> None:
    rows = [
        row(limit=60.0),
        row(limit=50.0),
        row(direction="below", limit=-20.0),
        row(quantity="other", limit=1.0),
    ]
    diagnostics = Diagnostics(rows, {"temp": True, "other": False, "free": False}, 1)
    assert diagnostics.bounds("temp") == (-20.0, 50.0)
    assert diagnostics.bounds("other") == (-np.inf, 1.0)
    assert diagnostics.bounds("free") == (-np.inf, np.inf)
    for value, quiet in ((-20.0, True), (50.0, True), (-20.1, False), (50.1, False)):
        diagnostics.reset()
        diagnostics.check(np.array([value, 0.0, 0.0]), 0.0, 1.0)
        assert diagnostics.quiet is quiet


def test_a_misspelt_code_is_refused_with_a_hint() -> None:
    with pytest.raises(ConfigError, match=r"not a FaultCode; did you mean CELL_VOLTAGE_HIGH"):
        row(code="CELL_VOLTAGE_HIG")


def test_numbers_of_fault_codes_are_unique_and_rows_may_use_them() -> None:
    assert len({code.value for code in FaultCode}) == len(FaultCode)
    assert row(code=10).code is FaultCode.CELL_VOLTAGE_HIGH


def test_every_row_that_is_set_is_active_also_behind_a_worse_one() -> None:
    diagnostics = one(row(limit=50.0, severity="INFO", reaction="NONE"), row(), row(limit=99.0))
    feed(diagnostics, 61.0, 5)
    assert [active.limit for active in diagnostics.active] == [50.0, 60.0]
    assert len(diagnostics.faults) == 1


def test_latched_faults_can_be_stored_and_set_again_with_their_reaction() -> None:
    rows = (row(latch=True), row(latch=False, code="CELL_TEMP_LOW_CHARGE", severity="WARNING"))
    first = one(*rows)
    feed(first, 70.0, 10)
    assert [fault.code for fault in first.latched] == [FaultCode.CELL_TEMP_HIGH_DISCHARGE]
    second = one(*rows)
    second.restore(first.faults)
    assert second.faults == first.latched
    assert not second.quiet
    feed(second, 20.0, 1)
    assert second.faults == first.latched
    assert second.due(Reaction.OPEN) == {0}
    second.reset()
    assert second.faults == ()


def test_a_stored_fault_that_is_there_already_or_has_no_row_changes_nothing() -> None:
    diagnostics = one(row(latch=True))
    feed(diagnostics, 70.0, 10)
    before = diagnostics.faults
    diagnostics.restore([replace(before[0], value=99.0), replace(before[0], place=7)])
    assert diagnostics.faults == before
