"""Strategies by name, by file and under a label."""

from pathlib import Path

import pytest

from scenarios.strategies import parse_strategies
from thermal_bms.errors import ConfigError


def test_a_strategy_is_a_name_a_function_of_a_file_or_a_settings_file(tmp_path: Path) -> None:
    path = tmp_path / "tuned.toml"
    path.write_text('[controller]\nname = "pid"\nsettings.conditioning.cool_degc = 30.0\n')
    named, own, file, labelled = parse_strategies(f"pid,my/own.py:build,{path},best={path}")
    assert [s.label for s in (named, own, file, labelled)] == ["pid", "own", "tuned", "best"]
    assert own.table.name == "my/own.py:build"
    assert labelled.table.settings == {"conditioning": {"cool_degc": 30.0}}


def test_a_name_leaves_the_settings_of_a_scenario_with_that_controller_a_file_replaces_them(
    tmp_path: Path,
) -> None:
    path = tmp_path / "tuned.toml"
    path.write_text('[controller]\nname = "pid"\nsettings.spread_on_k = 6.0\n')
    named, tuned = parse_strategies(f"pid,{path}")
    assert named.overrides("pid") == []
    assert named.overrides("thermostat") == ['controller={name = "pid"}']
    replaced = ['controller={name = "pid"}', "controller.settings.spread_on_k=6.0"]
    assert tuned.overrides("pid") == replaced


@pytest.mark.parametrize(
    ("listed", "said"),
    [
        ("pid,,thermostat", "an empty name"),
        ("pid,pid", "pid stands there twice; name one with LABEL="),
        ("none.toml", "none.toml: no such file"),
    ],
)
def test_a_list_that_cannot_be_used_is_one_line(listed: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as stop:
        parse_strategies(listed)
    assert "\n" not in str(stop.value)
