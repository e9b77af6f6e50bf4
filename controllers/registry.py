"""Controllers by name: the built-in ones, those that other distributions announce, and a user's own file.

A controller is made by a factory ``build(settings, truck) -> Controller``. Another distribution announces one
as entry point of the group ``thermal_bms.controllers``; a user's file is named ``path/to/file.py:build``.
"""

import importlib.util
from collections.abc import Callable, Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from thermal_bms.description import TruckDescription
from thermal_bms.errors import ConfigError
from thermal_bms.interfaces import Controller
from thermal_bms.parameters import did_you_mean

GROUP = "thermal_bms.controllers"

# Any: settings as a TOML file gives them
Factory = Callable[[Mapping[str, Any], TruckDescription], Controller]

_BUILT_IN = {
    name: EntryPoint(name, value, GROUP)
    for name, value in {
        "thermostat": "controllers.thermostat:build",
        "pid": "controllers.pid:build",
        "mpc": "controllers.mpc.controller:build",
    }.items()
}


def names() -> list[str]:
    """Return the names of all controllers that are there, built-in ones first.

    >>> names()[:2]
    ['thermostat', 'pid']
    """
    return [*_BUILT_IN, *sorted(_announced())]


def create(name: str, settings: Mapping[str, Any], truck: TruckDescription) -> Controller:  # Any: TOML values
    """Return a new controller for a truck.

    Parameters
    ----------
    name : one of ``names()``, or ``path/to/file.py:build``
    settings : the controller's settings, as in a scenario
    truck : what the controller is told of its truck

    Raises
    ------
    ConfigError
        when there is no such controller, it cannot be loaded, or a setting is not allowed.
    """
    controller = _factory(name)(settings, truck)
    if not isinstance(controller, Controller):
        raise ConfigError(
            f"controller {name}: made a {type(controller).__name__}, which has no step() and reset()"
        )
    return controller


def _factory(name: str) -> Factory:
    path, colon, attribute = name.rpartition(":")
    if colon and path.endswith(".py"):
        return _callable(_module(Path(path), name), attribute, name)
    entry = _BUILT_IN.get(name) or _announced().get(name)
    if entry is None:
        hint = did_you_mean(name, names())
        raise ConfigError(f"controller = {name}: no such controller{hint}; or give path/to/file.py:build")
    try:
        found = entry.load()
    except Exception as error:
        raise ConfigError(f"controller {name}: {entry.value} cannot be loaded: {_reason(error)}") from error
    return _checked(found, name)


def _module(path: Path, name: str) -> ModuleType:
    if not path.is_file():
        raise ConfigError(f"controller = {name}: no such file {path}")
    spec = importlib.util.spec_from_file_location(f"user_controller_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise ConfigError(f"controller = {name}: {path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise ConfigError(f"controller = {name}: {path} cannot be loaded: {_reason(error)}") from error
    return module


def _callable(module: ModuleType, attribute: str, name: str) -> Factory:
    if not hasattr(module, attribute):
        near = [word for word, value in vars(module).items() if callable(value) and not word.startswith("_")]
        raise ConfigError(f"controller = {name}: the file has no {attribute}{did_you_mean(attribute, near)}")
    return _checked(getattr(module, attribute), name)


def _checked(found: object, name: str) -> Factory:
    if not callable(found):
        raise ConfigError(
            f"controller {name}: must be a function build(settings, truck), is {type(found).__name__}"
        )
    return found


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no message'}"


@cache
def _announced() -> dict[str, EntryPoint]:
    """Return the controllers that installed distributions announce, without the built-in ones."""
    return {entry.name: entry for entry in entry_points(group=GROUP) if entry.name not in _BUILT_IN}
