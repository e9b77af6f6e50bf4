"""What README and docs tell a reader to do works, and what they point at is there."""

import runpy
import tomllib
from pathlib import Path
from typing import Any

import pytest

from controllers.registry import create
from plant_models.truck_parameters import describe, load_truck
from scenarios.climate import HourlyClimate, build_climate
from scenarios.drive_cycle import load_cycle
from scenarios.runner import run
from scenarios.scenario import load_scenario
from tests.contracts.check_controller import check_controller
from tests.docs.pages import PAGES, ROOT, Block, blocks, commands, links
from thermal_bms.cli import build_parser
from thermal_bms.parameters import merged

CYCLE = "time_s,speed_km_per_h\n0,0\n30,40\n60,0\n"
WEATHER = "hour,temp_degc\n0,5\n23,10\n"


def base() -> dict[str, Any]:
    """Return the whole scenario of the README, on which fragments are laid."""
    return tomllib.loads(next(block.text for block in blocks("toml") if is_whole(block)))


def is_whole(block: Block) -> bool:
    return block.text.startswith("title =")


def is_fragment(block: Block) -> bool:
    return not is_whole(block) and "entry-points" not in block.text


@pytest.fixture
def user_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the files that the examples name."""
    truck = ROOT / "plant_models" / "parameter_sets" / "trucks" / "medium_lfp.toml"
    (tmp_path / "my_truck.toml").write_text(truck.read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "my_route.csv").write_text(CYCLE, encoding="utf-8")
    (tmp_path / "my_weather.csv").write_text(WEATHER, encoding="utf-8")
    example = next(block for block in blocks("python") if "def build(" in block.text)
    (tmp_path / "simple.py").write_text(example.text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_within_the_project_leads_somewhere(page: Path) -> None:
    for target in links(page):
        if "://" not in target:
            assert (page.parent / target.partition("#")[0]).exists(), f"{page.name}: {target}"


def test_the_readme_links_every_page_of_the_docs() -> None:
    linked = {Path(target).name for target in links(ROOT / "README.md")}
    assert {page.name for page in PAGES} - linked <= {"README.md"}


def test_the_make_commands_of_the_docs_are_in_the_makefile() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8").splitlines()
    called = {arguments[0] for _, arguments in commands("make")}
    assert {"demo", "test"} <= called
    for target in called:
        assert any(line.startswith(f"{target}:") for line in makefile), f"make {target}"


def test_the_readme_shows_where_the_demo_leaves_its_report() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "--out $(OUT)/demo\n" in makefile
    assert "OUT ?= output\n" in makefile
    assert "output/demo/report.html" in (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(("page", "arguments"), commands("thermal-bms"), ids=str)
def test_every_command_line_of_the_docs_is_understood(page: str, arguments: list[str]) -> None:
    if "--help" in arguments:
        with pytest.raises(SystemExit) as stop:
            build_parser().parse_args(arguments)
        assert stop.value.code == 0, page
    else:
        assert build_parser().parse_args(arguments), page


def test_every_library_scenario_that_the_docs_run_takes_what_is_set(user_folder: Path) -> None:
    scenario = next(block for block in blocks("toml") if is_whole(block))
    (user_folder / "my_day.toml").write_text(scenario.text, encoding="utf-8")
    ran = 0
    for page, arguments in commands("thermal-bms"):
        if "--help" in arguments or arguments[0] not in {"run", "check"}:
            continue
        asked = build_parser().parse_args(arguments)
        names = [asked.scenario] if arguments[0] == "run" else asked.scenarios
        if any("my_controller" in argument for argument in arguments):
            continue
        for name in names:
            assert load_scenario(name, asked.overrides).settings.title, page
            ran += 1
    assert ran >= 5


@pytest.mark.parametrize("script", sorted({a[0] for _, a in commands("python")}))
def test_every_script_that_the_docs_name_is_there(script: str) -> None:
    assert (ROOT / script).is_file()


@pytest.mark.parametrize("block", [b for b in blocks("toml") if is_whole(b)], ids=str)
def test_every_whole_scenario_of_the_docs_loads(block: Block, tmp_path: Path) -> None:
    path = tmp_path / "my_day.toml"
    path.write_text(block.text, encoding="utf-8")
    assert load_scenario(str(path)).settings.checks


@pytest.mark.parametrize("block", [b for b in blocks("toml") if is_fragment(b)], ids=str)
def test_every_fragment_of_a_scenario_loads_with_the_rest_of_one(block: Block, user_folder: Path) -> None:
    path = user_folder / "my_day.toml"
    fragment = tomllib.loads(block.text)
    rest = {key: value for key, value in base().items() if key != "climate" or key not in fragment}
    path.write_text(as_toml(merged(rest, fragment)), encoding="utf-8")
    loaded = load_scenario(str(path))
    settings = loaded.settings
    build_climate(settings.climate, folder=loaded.folder)
    assert create(settings.controller.name, settings.controller.settings, describe(loaded.truck))


@pytest.mark.parametrize("block", blocks("csv"), ids=str)
def test_every_table_of_the_docs_can_be_read(block: Block, tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text(block.text, encoding="utf-8")
    if block.text.startswith("hour"):
        assert build_climate(HourlyClimate(kind="hourly", file=str(path))).temp_degc
    else:
        assert load_cycle(path).distance_m[-1] > 0.0


@pytest.mark.parametrize("truck", ["heavy_lfp", "light_air"])
def test_the_example_of_a_controller_meets_the_contract(truck: str, user_folder: Path) -> None:
    description = describe(load_truck(truck))
    check_controller(lambda: create(f"{user_folder / 'simple.py'}:build", {}, description), description)


@pytest.mark.parametrize("block", [b for b in blocks("python") if "Recording(" in b.text], ids=str)
def test_the_examples_that_read_a_recording_run(
    block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "output" / "heavy_lfp_truck_day"
    folder.mkdir(parents=True)
    (tmp_path / "my_route.csv").write_text(CYCLE, encoding="utf-8")
    (tmp_path / "my_day.toml").write_text(
        as_toml({**base(), "phase": [{"kind": "drive", "cycle": "my_route.csv"}]}), encoding="utf-8"
    )
    run(load_scenario(str(tmp_path / "my_day.toml")), folder)
    (tmp_path / "example.py").write_text(block.text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    runpy.run_path("example.py")
    assert capsys.readouterr().out.strip()


def test_the_picture_of_the_report_is_small() -> None:
    picture = ROOT / "docs" / "images" / "report.png"
    assert 10_000 < picture.stat().st_size < 300_000


def as_toml(value: dict[str, Any]) -> str:
    """Return a table as TOML, every key with its full path on a line of its own."""
    return "\n".join(f"{key} = {inline(item)}" for key, item in value.items()) + "\n"


def inline(value: Any) -> str:  # any TOML value
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {inline(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(inline, value)) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else str(value)
