"""Settings of a controller in a file of their own: what tuning leaves and what runs, comparisons and trucks take.

The file holds the ``[controller]`` table of a scenario, so its text can also be pasted into one::

    [controller]
    name = "pid"
    settings.response_time_s = 480.0
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import Field

from thermal_bms.parameters import Parameters, parse, read_toml, toml_text


class ControllerTable(Parameters):
    """Which controller, with which settings."""

    name: str = Field(min_length=1)
    settings: dict[str, Any] = Field(default_factory=dict)  # Any: nested settings as TOML gives them


class _SettingsFile(Parameters):
    controller: ControllerTable


def read_settings(path: Path) -> ControllerTable:
    """Return the controller that a settings file names, with its settings.

    Raises
    ------
    ConfigError
        when the file is missing, is no TOML, or holds something else. What the settings themselves may be, the
        controller says when it is made.
    """
    return parse(_SettingsFile, read_toml(path), path.name).controller


def settings_text(table: ControllerTable, notes: Sequence[str] = ()) -> str:
    """Return the text of a settings file; notes become comments on top.

    >>> print(settings_text(ControllerTable(name="pid", settings={"modes": {"dwell_s": 90.0}}), ["found by hand"]))
    # found by hand
    [controller]
    name = "pid"
    settings.modes.dwell_s = 90.0
    """
    lines = [*(f"# {note}" for note in notes), "[controller]", f"name = {toml_text(table.name)}"]
    return "\n".join([*lines, *(f"{key} = {value}" for key, value in _flat(table.settings, "settings"))])


def as_overrides(table: ControllerTable) -> list[str]:
    """Return the changes that put this controller in place of a scenario's own, settings and all.

    >>> as_overrides(ControllerTable(name="pid", settings={"response_time_s": 480.0}))
    ['controller={name = "pid"}', 'controller.settings.response_time_s=480.0']
    """
    changes = [f"{key}={value}" for key, value in _flat(table.settings, "controller.settings")]
    return [f"controller={{name = {toml_text(table.name)}}}", *changes]


def _flat(table: Mapping[str, Any], path: str) -> Iterator[tuple[str, str]]:
    """Yield full key and value as TOML of everything in nested tables."""
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{path}.{key}")
        else:
            yield f"{path}.{key}", toml_text(value)
