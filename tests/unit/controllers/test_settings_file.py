"""Settings of a controller in a file of their own."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controllers.settings_file import ControllerTable, as_overrides, read_settings, settings_text
from thermal_bms.errors import ConfigError
from thermal_bms.parameters import with_overrides

KEYS = st.from_regex(r"[a-z_][a-z0-9_]{0,8}", fullmatch=True)
NUMBERS = st.floats(-1e6, 1e6)
VALUES = (
    NUMBERS
    | st.integers(-1000, 1000)
    | st.booleans()
    | st.lists(NUMBERS, min_size=1, max_size=3)
    | st.text(max_size=5)
)
SETTINGS = st.dictionaries(KEYS, VALUES | st.dictionaries(KEYS, VALUES, min_size=1, max_size=3), max_size=4)


@given(SETTINGS)
def test_what_is_written_is_read_and_set_as_it_was(settings: dict[str, Any]) -> None:
    table = ControllerTable(name="my/own.py:build", settings=settings)
    assert tomllib.loads(settings_text(table, ["a note"]))["controller"].get("settings", {}) == settings
    changed = with_overrides({"controller": {"name": "pid", "settings": {"old": 1}}}, as_overrides(table))
    assert changed["controller"]["name"] == "my/own.py:build"
    assert changed["controller"].get("settings", {}) == settings


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", r"controller: missing \(mine.toml\)"),
        ("[controller]\n", r"controller.name: missing \(mine.toml\)"),
        ("[controler]\nname = 'pid'\n", "controller: missing|controler: unknown key"),
        ("[controller\n", "not valid TOML"),
    ],
)
def test_a_file_that_is_none_is_one_line(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=said) as stop:
        read_settings(path)
    assert "\n" not in str(stop.value)
