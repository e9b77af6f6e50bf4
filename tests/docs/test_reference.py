"""The tables of the docs are those of the code, and every block of a page is made by a script."""

import importlib
from pathlib import Path
from types import ModuleType

import pytest

from tests.docs.pages import PAGES, ROOT

MEASURED = ("road_check", "topology_check")  # figures of this machine: printed, not compared
SCRIPTS = (
    "make_scenario_reference",
    "make_bms_reference",
    "make_runaway_reference",
    "make_gateway_reference",
    "make_telemetry_reference",
)


@pytest.fixture
def tools(monkeypatch: pytest.MonkeyPatch) -> dict[str, ModuleType]:
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    names = ("reference_blocks", *MEASURED, *SCRIPTS)
    return {name: importlib.import_module(name) for name in names}


@pytest.mark.parametrize("script", SCRIPTS)
def test_the_tables_of_the_pages_are_up_to_date(script: str, tools: dict[str, ModuleType]) -> None:
    made = tools[script]
    for page in made.PAGES:
        text = page.read_text(encoding="utf-8")
        assert text == tools["reference_blocks"].filled(text, made.BLOCKS), f"run python tools/{script}.py"


def test_every_block_of_a_page_is_made_by_a_script_and_used_once(tools: dict[str, ModuleType]) -> None:
    made = [name for script in (*SCRIPTS, *MEASURED) for name in tools[script].BLOCKS]
    used = {name for page in PAGES for name in tools["reference_blocks"].names_in(page.read_text("utf-8"))}
    assert used == set(made)
    assert len(made) == len(set(made))


def test_a_block_is_replaced_and_the_rest_of_a_page_stays(tools: dict[str, ModuleType]) -> None:
    page = "before\n<!-- begin a -->\nold\n<!-- end a -->\nafter\n"
    filled = tools["reference_blocks"].filled(page, {"a": lambda: "new"})
    assert filled == "before\n<!-- begin a -->\n\nnew\n\n<!-- end a -->\nafter\n"


def test_a_key_without_a_meaning_is_refused(tools: dict[str, ModuleType]) -> None:
    from scenarios.scenario import InitialState

    with pytest.raises(KeyError, match="InitialState"):
        tools["reference_blocks"].model_table(InitialState, {})


def table_of(page: Path, name: str) -> list[list[str]]:
    text = page.read_text(encoding="utf-8").split(f"<!-- begin {name} -->")[1].split("<!-- end")[0]
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_the_consumption_in_the_docs_is_what_the_trucks_use(tools: dict[str, ModuleType]) -> None:
    road = tools["road_check"]
    shown = table_of(road.PAGE, "road.consumption")
    found = road.consumption_rows()[1]
    assert [row[:2] for row in shown] == [row[:2] for row in found]
    for shown_row, found_row in zip(shown, found, strict=True):
        for shown_text, found_text in zip(shown_row[2:], found_row[2:], strict=True):
            assert float(shown_text) == pytest.approx(float(found_text), abs=0.015), shown_row


def test_forty_tonnes_use_what_forty_tonnes_use(tools: dict[str, ModuleType]) -> None:
    for cycle, limiter, *values in tools["road_check"].consumption_rows()[1]:
        if cycle.startswith("`nrel") or "gem" in cycle:
            low, high = (1.0, 1.4) if limiter == "85 km/h" else (1.35, 1.8)
            assert all(low <= float(value) <= high for value in values), (cycle, limiter, values)


def test_a_megawatt_makes_the_heat_that_the_docs_show(tools: dict[str, ModuleType]) -> None:
    road = tools["road_check"]
    shown = table_of(road.PAGE, "road.heat")
    found = road.heat_rows(road.megawatt_charge())[1]
    for shown_row, found_row in zip(shown, found, strict=True):
        assert [float(cell.removesuffix("%")) for cell in shown_row] == pytest.approx(
            [float(cell.removesuffix("%")) for cell in found_row], abs=2.0
        )
        assert 40.0 <= float(found_row[2]) <= 65.0
