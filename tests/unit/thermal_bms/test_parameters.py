"""Parameter files: layers, and errors that a person can act on."""

from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import Field, model_validator

from thermal_bms.errors import ConfigError, ThermalBmsError
from thermal_bms.parameters import (
    Parameters,
    Source,
    did_you_mean,
    merged,
    parse,
    read_toml,
    with_overrides,
)


class Wheel(Parameters):
    radius_m: float = Field(gt=0.0, le=1.0)
    count: int = Field(default=4, ge=1)


class Road(Parameters):
    kind: Literal["road"]
    surface: str = "tar"


class Rail(Parameters):
    kind: Literal["rail"]
    gauge_m: float = 1.435

    @model_validator(mode="after")
    def _not_too_wide(self) -> "Rail":
        if self.gauge_m > 2.0:
            raise ValueError("gauge_m must fit the tunnel")
        return self


class Cart(Parameters):
    name: str
    wheel: Wheel
    way: tuple[Annotated[Road | Rail, Field(discriminator="kind")], ...] = ()
    best: Wheel | None = None


GOOD = {"name": "cart", "wheel": {"radius_m": 0.5}, "way": [{"kind": "road"}, {"kind": "rail"}]}


def refusal(**changes: object) -> str:
    with pytest.raises(ConfigError) as refused:
        parse(Cart, {**GOOD, **changes}, "cart.toml")
    return str(refused.value)


def test_what_is_right_is_read_and_frozen() -> None:
    cart = parse(Cart, GOOD, "cart.toml")
    assert cart.wheel == Wheel(radius_m=0.5, count=4)
    assert isinstance(cart.way[1], Rail)
    with pytest.raises(ValueError, match="frozen"):
        cart.name = "other"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"nam": 1}, "nam: unknown key; did you mean name? (cart.toml)"),
        ({"zzz": 1}, "zzz: unknown key; known: name, wheel, way, best (cart.toml)"),
        (
            {"wheel": {"radius": 0.5, "radius_m": 0.5}},
            "wheel.radius: unknown key; did you mean radius_m? (cart.toml)",
        ),
        (
            {"best": {"radis_m": 1, "radius_m": 1}},
            "best.radis_m: unknown key; did you mean radius_m? (cart.toml)",
        ),
        ({"wheel": {}}, "wheel.radius_m: missing (cart.toml)"),
        ({"wheel": {"radius_m": 2.0}}, "wheel.radius_m = 2.0: must be <= 1 (cart.toml)"),
        ({"wheel": {"radius_m": 0}}, "wheel.radius_m = 0: must be > 0 (cart.toml)"),
        ({"wheel": {"radius_m": float("inf")}}, "wheel.radius_m = inf: must be a finite number (cart.toml)"),
        ({"wheel": {"radius_m": "wide"}}, "wheel.radius_m = 'wide': must be a valid number"),
        ({"way": [{"kind": "raod"}]}, "way.0.kind = 'raod': no such kind; did you mean road? (cart.toml)"),
        ({"way": [{"gauge_m": 1}]}, "way.0.kind: missing (cart.toml)"),
        (
            {"way": [{"kind": "road"}, {"kind": "rail", "gage_m": 1}]},
            "way.1.gage_m: unknown key; did you mean gauge_m?",
        ),
        (
            {"way": [{"kind": "road", "surfac": ""}]},
            "way.0.surfac: unknown key; did you mean surface? (cart.toml)",
        ),
        ({"way": [{"kind": "rail", "gauge_m": 3}]}, "way.0: gauge_m must fit the tunnel (cart.toml)"),
        ({"way": 5}, "way = 5: must be a valid tuple (cart.toml)"),
        ({"nam": 1, "wheel": {}}, "(cart.toml; and 1 more)"),
    ],
)
def test_the_first_thing_wrong_is_named_by_its_place_in_the_file(
    changes: dict[str, object], line: str
) -> None:
    assert line in refusal(**changes)
    assert "\n" not in refusal(**changes)


def test_something_that_is_no_table_at_all_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"\(file\) = 3"):
        parse(Cart, 3, "cart.toml")  # type: ignore[arg-type]


def test_layers_are_laid_table_by_table_and_leave_the_base_alone() -> None:
    base = {"a": {"x": 1, "y": 2}, "b": [1, 2], "c": 3}
    assert merged(base, {"a": {"y": 5}, "b": [9]}) == {"a": {"x": 1, "y": 5}, "b": [9], "c": 3}
    assert merged(base, {"a": 7}) == {"a": 7, "b": [1, 2], "c": 3}
    assert merged(base, {"c": {"new": 1}})["c"] == {"new": 1}
    assert base == {"a": {"x": 1, "y": 2}, "b": [1, 2], "c": 3}


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("a.x=5", 5),
        ("a.x = 5.5", 5.5),
        ("a.x=true", True),
        ("a.x='5'", "5"),
        ("a.x=plain words", "plain words"),
        ("a.x=a=b", "a=b"),
        ("a.x=[1, 2]", [1, 2]),
        ("a.x={y = 1}", {"y": 1}),
        ("a.x=", ""),
        ("a.x=nan", pytest.approx(float("nan"), nan_ok=True)),
    ],
)
def test_a_value_is_read_as_toml_and_else_as_text(override: str, expected: object) -> None:
    assert with_overrides({"a": {"x": 0}}, [override])["a"]["x"] == expected


def test_overrides_reach_into_lists_make_tables_and_leave_the_data_alone() -> None:
    data = {"phase": [{"kind": "drive"}, {"kind": "park"}], "list": [1, 2]}
    changed = with_overrides(data, ["phase.1.kind=charge", "new.table.x=1", "list.0=9"])
    assert changed["phase"] == [{"kind": "drive"}, {"kind": "charge"}]
    assert changed["new"] == {"table": {"x": 1}}
    assert changed["list"] == [9, 2]
    assert data == {"phase": [{"kind": "drive"}, {"kind": "park"}], "list": [1, 2]}


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("soc", "--set soc: expected key=value"),
        ("=5", "--set =5: expected key=value"),
        ("a.x.y=5", "--set a.x.y=5: x is a value, not a table"),
        ("phase.2.x=1", "--set phase.2.x=1: 2 must be a number from 0 to 1"),
        ("phase.-1.x=1", "-1 must be a number from 0 to 1"),
        ("phase.first.x=1", "first must be a number from 0 to 1"),
    ],
)
def test_an_override_that_reaches_nothing_is_refused(override: str, message: str) -> None:
    with pytest.raises(ConfigError) as refused:
        with_overrides({"a": {"x": 0}, "phase": [{}, {}]}, [override])
    assert message in str(refused.value)


def test_a_missing_file_is_answered_with_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "heavy.toml").write_text("x = 1")
    with pytest.raises(ConfigError, match=r"hevy.toml: no such file; did you mean heavy\?"):
        read_toml(tmp_path / "hevy.toml")
    with pytest.raises(ConfigError, match="no such file"):
        read_toml(tmp_path / "nowhere" / "x.toml")


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"x = ", "not valid TOML"), (b"x = '\xff'", "cannot be read"), (b"[a]\nx=1\n[a]\n", "not valid TOML")],
)
def test_a_broken_file_is_one_line(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "broken.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=message) as refused:
        read_toml(path)
    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ThermalBmsError, match="cannot be read"):
        read_toml(tmp_path)


@pytest.mark.parametrize(
    ("word", "choices", "hint"),
    [
        ("pdi", ["pid", "thermostat"], "; did you mean pid?"),
        ("zzz", ["a", "b"], "; known: a, b"),
        ("zzz", [], ""),
        ("zzz", [str(n) for n in range(30)], ""),
    ],
)
def test_a_hint_is_the_nearest_word_or_a_short_list(word: str, choices: list[str], hint: str) -> None:
    assert did_you_mean(word, choices) == hint


def test_a_source_names_its_kind() -> None:
    assert parse(Source, {"title": "book", "kind": "paper"}, "x").reference == ""
    with pytest.raises(ConfigError, match="kind = 'rumour'"):
        parse(Source, {"title": "book", "kind": "rumour"}, "x")
