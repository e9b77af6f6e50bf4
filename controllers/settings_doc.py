"""The settings of the controllers as a page: name, default, range, meaning and origin, from the models."""

from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from controllers.conditioning import CHEMISTRY_DEFAULTS
from controllers.mpc.settings import MpcSettings
from controllers.pid import PidSettings
from controllers.thermostat import ThermostatSettings

CONTROLLERS: dict[str, type[BaseModel]] = {
    "thermostat": ThermostatSettings,
    "pid": PidSettings,
    "mpc": MpcSettings,
}

HEAD = """# The controllers and their settings

**thermostat** switches full cooling and full heating on and off with hysteresis, as published electric trucks do.
**pid** asks for a heat flow in watts: one loop cools the hottest cell, one heats the coldest, and both know the
heat that the cells make. Its gains follow from the pack's heat capacity, so that one set of times serves every
truck. It also brings the cells to where they take a planned charge, and on the grid to where they should depart.
**mpc** plans the coming 76 minutes in EUR of energy, ageing and waiting time, from the preview of route and charge,
and falls back on the PID: see [mpc.md](mpc.md).

The first two choose the mode valve and the duties by the same rules: the radiator when outside air can carry the
heat, else the chiller; waste heat or warmer outside air before the heater alone; bypass otherwise. Without a valid
cell temperature all give the safe command: full cooling, or the pump only when the cells were last below 10 degC.

Your own controller is a file with a function `build(settings, truck)`; a scenario names it
`name = "path/to/file.py:build"`. `tests/contracts/check_controller.py` says what it must do.

## Settings

A scenario names its controller and may change any setting, in its file or with `--set`:

    [controller]
    name = "pid"
    settings.response_time_s = 900.0
    settings.modes.dwell_s = 180.0

Temperatures are in degrees Celsius, differences in kelvin; the unit stands in the name. "assumed" says that
a number has no source but judgement. An unknown key or a value out of range is refused in one line.
"""


def page() -> str:
    """Return the whole page in Markdown; tables that controllers share stand once."""
    parts, seen = [HEAD], set[type[BaseModel]]()
    for name, model in CONTROLLERS.items():
        parts.append(f"### {name}\n\n{_summary(model)}\n\n{table(model)}\n")
        parts += [
            f"#### {name}.{key}\n\n{_summary(child)}\n\n{table(child)}\n"
            for key, child in _children(model)
            if child not in seen
        ]
        seen |= {child for _, child in _children(model)}
    parts.append(f"### Targets by chemistry\n\n{_chemistry_table()}\n")
    return "\n".join(parts)


def table(model: type[BaseModel]) -> str:
    """Return one line per setting of a model.

    >>> print(table(ThermostatSettings).splitlines()[2])
    | `cool_on_degc` | 33.0 | 10.0 .. 60.0 | hottest cell above: cooling on; TUM TruckBatteryDesign, BETOS |
    """
    lines = ["| Setting | Default | Range | Meaning and origin |", "|---|---|---|---|"]
    for name, field in model.model_fields.items():
        child = _model(field)
        default = "see below" if child else "by chemistry" if field.is_required() else _shown(field.default)
        lines.append(f"| `{name}` | {default} | {_range(field)} | {field.description} |")
    return "\n".join(lines)


def _chemistry_table() -> str:
    chemistries = list(CHEMISTRY_DEFAULTS)
    lines = [f"| Setting | {' | '.join(chemistries)} |", "|---|" + "---|" * len(chemistries)]
    for key in CHEMISTRY_DEFAULTS[chemistries[0]]:
        values = " | ".join(_shown(CHEMISTRY_DEFAULTS[chemistry][key]) for chemistry in chemistries)
        lines.append(f"| `{key}` | {values} |")
    return "\n".join(lines)


def _summary(model: type[BaseModel]) -> str:
    return (model.__doc__ or "").strip().splitlines()[0].replace("``", "`")


def _children(model: type[BaseModel]) -> list[tuple[str, type[BaseModel]]]:
    found = [(name, _model(field)) for name, field in model.model_fields.items()]
    return [(name, child) for name, child in found if child is not None]


def _model(field: FieldInfo) -> type[BaseModel] | None:
    kind = field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def _shown(value: Any) -> str:  # Any: a setting is a number or a tuple of numbers
    return ", ".join(f"{v:g}" for v in value) if isinstance(value, tuple) else f"{value}"


def bounds(field: FieldInfo) -> dict[str, float]:
    """Return the bounds of a setting, or of the numbers in it, by name: ``ge``, ``gt``, ``le``, ``lt``."""
    marks = list(field.metadata)
    for kind in get_args(field.annotation):
        for mark in getattr(kind, "__metadata__", ()):
            marks += mark.metadata if isinstance(mark, FieldInfo) else [mark]
    return {name: getattr(m, name) for m in marks for name in ("ge", "gt", "le", "lt") if hasattr(m, name)}


def _range(field: FieldInfo) -> str:
    found = bounds(field)
    if not found:
        return ""
    low = f"> {found['gt']}" if "gt" in found else f"{found.get('ge', '')}"
    return f"{low} .. {found.get('le', found.get('lt', ''))}"
