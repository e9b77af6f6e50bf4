"""Results of sweeps on disk, and the page made of them."""

import math
from pathlib import Path

import pytest

from scenarios import sweep_results
from scenarios.checks import KPIS
from scenarios.sweep import Row, SweepPlan, parse_grid, parse_random
from scenarios.sweep_report import render_sweep_report, sensitivity, spreads, write_sweep_report
from scenarios.sweep_results import SweepResults
from thermal_bms.errors import RecordingError, ScenarioError

PLAN = SweepPlan(
    ("day",),
    grid=(parse_grid('mode=1,2,"auto"'),),
    random=(parse_random("payload_kg=uniform(0,100)"),),
    samples=4,
)


def row_of(plan: SweepPlan, number: int, **changed: object) -> Row:
    """Return a made-up row: consumption rises with the payload, the range falls."""
    case = list(plan.cases())[number]
    values = dict(case.values)
    payload_kg = float(values["payload_kg"])
    figures = {**dict.fromkeys(KPIS, 1.0), "energy_kwh_per_km": payload_kg, "range_km": 500.0 - payload_kg}
    head = {"case": number, "scenario": "day", "passed": True, "error": "", "run_s": 0.5}
    return {**head, **values, **figures, **changed}


def test_what_was_kept_is_read_back_in_the_order_of_the_cases(tmp_path: Path) -> None:
    kept = SweepResults(tmp_path, PLAN)
    for number in (5, 0, 3):
        kept.append(row_of(PLAN, number))
    assert kept.done() == set()
    kept.flush()
    assert kept.done() == {0, 3, 5}
    table = kept.table()
    assert table["case"] == [0, 3, 5]
    assert table["range_km"] == [row_of(PLAN, n)["range_km"] for n in (0, 3, 5)]


def test_an_axis_of_numbers_and_text_is_one_column_over_all_parts(tmp_path: Path) -> None:
    kept = SweepResults(tmp_path, PLAN)
    for number in (0, 11):  # 1 in the first part, "auto" in the second
        kept.append(row_of(PLAN, number))
        kept.flush()
    assert kept.table()["mode"] == ["1", "auto"]


def test_a_sweep_goes_on_in_its_folder_with_what_is_there(tmp_path: Path) -> None:
    first = SweepResults(tmp_path, PLAN)
    first.append(row_of(PLAN, 1))
    first.flush()
    again = SweepResults(tmp_path, PLAN)
    assert again.done() == {1}
    again.append(row_of(PLAN, 2))
    again.flush()
    assert again.table()["case"] == [1, 2]


def test_a_part_that_was_cut_off_does_not_count(tmp_path: Path) -> None:
    kept = SweepResults(tmp_path, PLAN)
    (tmp_path / "results" / ".part-00001.parquet").write_bytes(b"PAR1 half of it")
    assert kept.done() == set()


def test_another_sweep_in_the_folder_is_refused_in_one_line(tmp_path: Path) -> None:
    SweepResults(tmp_path, PLAN)
    other = SweepPlan(("day",), grid=(parse_grid("mode=1,2"),))
    with pytest.raises(ScenarioError, match=r"holds another sweep; choose another folder, or remove it$"):
        SweepResults(tmp_path, other)


def test_a_folder_that_cannot_be_made_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RecordingError, match=r"^--out .*cannot be written"):
        SweepResults(tmp_path / "file" / "sub", PLAN)


def test_memory_stays_flat_rows_go_to_disk_by_number_and_by_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep_results, "ROWS_PER_PART", 3)
    kept = SweepResults(tmp_path, PLAN)
    for number in range(7):
        kept.append(row_of(PLAN, number))
    assert len(kept.done()) == 6
    monkeypatch.setattr(sweep_results, "SECONDS_PER_PART", 0.0)
    kept.append(row_of(PLAN, 7))
    assert len(kept.done()) == 8


@pytest.fixture
def table(tmp_path: Path) -> dict[str, list[object]]:
    kept = SweepResults(tmp_path, PLAN)
    for number in range(PLAN.size):
        kept.append(row_of(PLAN, number))
    kept.flush()
    return dict(kept.table())


def test_spread_shows_only_figures_that_differ(table: dict[str, list[object]]) -> None:
    found = spreads(table)
    assert set(found) == {"energy_kwh_per_km", "range_km"}
    assert found["range_km"][0] == pytest.approx(min(table["range_km"]))  # type: ignore[type-var]


def test_what_moves_a_figure_up_has_rank_correlation_one_and_down_minus_one(
    table: dict[str, list[object]],
) -> None:
    ranks = sensitivity(PLAN, table, ["energy_kwh_per_km", "range_km", "duration_h"])
    payload = PLAN.axes.index("payload_kg")
    assert ranks[payload, 0] == pytest.approx(1.0)
    assert ranks[payload, 1] == pytest.approx(-1.0)
    assert math.isnan(ranks[payload, 2])


def test_the_page_names_the_worst_case_and_what_it_was_run_with(
    table: dict[str, list[object]], tmp_path: Path
) -> None:
    page = write_sweep_report(tmp_path, PLAN, table).read_text(encoding="utf-8")
    worst = max(range(PLAN.size), key=lambda n: row_of(PLAN, n)["energy_kwh_per_km"] + 1e-6 * (12 - n))
    assert f"<td>{worst}</td>" in page
    assert "12 of 12 cases, all checks hold" in page
    assert page.count("<svg") == 2


def test_the_page_says_when_cases_are_missing_or_ended_in_an_error(table: dict[str, list[object]]) -> None:
    table["error"][3] = "the plant left its range <b>"
    assert "1 cases ended in an error; the first: the plant left its range &lt;b&gt;" in render_sweep_report(
        PLAN, table
    )
    half = {name: column[:5] for name, column in table.items()}
    assert "5 of 12 cases are done" in render_sweep_report(PLAN, half)


def test_a_page_of_nothing_can_be_written() -> None:
    empty: dict[str, list[object]] = {name: [] for name in PLAN.columns()}
    assert "0 of 12 cases are done" in render_sweep_report(PLAN, empty)
