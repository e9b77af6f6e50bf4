"""The fault matrix: every fault is found in its time and has its reaction; every diagnostic is provoked."""

from dataclasses import replace

import pytest

from scenarios.fault_bench import MODES, FaultCase, FaultOutcome, row_key, run_case
from scenarios.fault_matrix import every_row, fault_cases
from thermal_bms.contactors import Contactors

CASES = fault_cases()


@pytest.fixture(scope="module")
def outcomes() -> dict[int, FaultOutcome]:
    """Outcomes by the number of their case; made when first asked for."""
    return {}


def outcome(number: int, outcomes: dict[int, FaultOutcome]) -> FaultOutcome:
    if number not in outcomes:
        outcomes[number] = run_case(CASES[number])
    return outcomes[number]


@pytest.mark.parametrize("number", range(len(CASES)), ids=lambda n: f"{CASES[n].mode}-{CASES[n].name}")
def test_a_fault_is_found_in_time_and_has_its_reaction(
    number: int, outcomes: dict[int, FaultOutcome]
) -> None:
    assert outcome(number, outcomes).problems == []


def test_every_diagnostic_is_provoked_at_least_once(outcomes: dict[int, FaultOutcome]) -> None:
    provoked = {key for number in range(len(CASES)) for key in outcome(number, outcomes).provoked}
    assert {row_key(row) for row in every_row()} - provoked == set()


def test_the_matrix_has_a_hundred_entries_and_every_mode() -> None:
    assert len(CASES) >= 100
    assert {case.mode for case in CASES} == set(MODES)
    assert len({(case.name, case.mode, row_key(case.row)) for case in CASES}) == len(CASES)


def case_of(code: str, mode: str = "drive") -> FaultCase:
    return next(case for case in CASES if case.row.code.name == code and case.mode == mode)


def test_the_matrix_notices_a_fault_that_is_not_there() -> None:
    healthy = replace(case_of("PUMP_STANDS"), faults=())
    assert run_case(healthy).problems == [f"not found within {healthy.allowed_s:g} s"]


def test_the_matrix_notices_a_diagnostic_that_is_too_slow() -> None:
    case = case_of("CONTACTOR_MISMATCH")
    hurried = replace(case, reached_s=-2.0)
    assert any("allowed are" in problem for problem in run_case(hurried).problems)


def test_the_matrix_notices_a_missing_reaction(monkeypatch: pytest.MonkeyPatch) -> None:
    case = case_of("HVIL_OPEN", "park")
    opening = next(c for c in CASES if c.name == case.name and c.mode == "park" and c.row.latch)
    monkeypatch.setattr(Contactors, "_go_open", lambda *_, **__: None)
    assert any("no reaction OPEN" in problem for problem in run_case(opening).problems)
