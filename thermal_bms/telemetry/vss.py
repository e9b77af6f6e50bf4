"""The names under which values leave the truck: the Vehicle Signal Specification, and an overlay where it ends.

``vss.toml`` is the table: one row per value with its field here, its path there, the unit and factor between the
two, and the step to which it is rounded.
"""

import math
import tomllib
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from operator import attrgetter
from typing import Any, Literal, NamedTuple

import numpy as np
from pydantic import Field

from thermal_bms.cycle import CycleResult
from thermal_bms.parameters import Parameters, Source, parse
from thermal_bms.signals import Measurement

TABLE = "vss.toml"
_STATISTICS: dict[str, Callable[[Any], Any]] = {  # of an array of any kind; NaN is passed over
    "min": np.fmin.reduce,
    "max": np.fmax.reduce,
    "any": np.any,
    "count": len,
}


class VssSignal(Parameters):
    """One value that leaves the truck.

    ``value in the unit of VSS = factor * value here``, rounded to ``step``.
    """

    field: str = Field(pattern=r"^(measurement|estimate|limits|command|faults)(\.[a-z_]+)*$")
    path: str = Field(pattern=r"^Vehicle(\.[A-Za-z0-9]+)+$")
    unit: str = ""
    factor: float = Field(default=1.0)
    step: float = Field(gt=0.0, description="what one count stands for, in the unit of VSS")
    statistic: Literal["min", "max", "any", "count"] | None = Field(default=None, description="of an array")
    overlay: bool = Field(default=False, description="not in VSS: a name of this project")
    description: str = ""


class VssTable(Parameters):
    """Every value that leaves the truck, and why the other fields stay on it."""

    source: tuple[Source, ...] = Field(min_length=1)
    signal: tuple[VssSignal, ...] = Field(min_length=1)
    branch: dict[str, str] = Field(description="branches that VSS lacks, with what hangs there")
    unmapped: dict[str, str] = Field(description="fields that do not leave the truck, with the reason")


class Observed(NamedTuple):
    """What one tick showed."""

    measurement: Measurement
    result: CycleResult

    @property
    def estimate(self) -> object:
        """Return the estimate."""
        return self.result.estimate

    @property
    def limits(self) -> object:
        """Return the limits."""
        return self.result.limits

    @property
    def command(self) -> object:
        """Return the command."""
        return self.result.command

    @property
    def faults(self) -> object:
        """Return the faults."""
        return self.result.faults


@cache
def vss_table() -> VssTable:
    """Return the table; it is read once."""
    text = files(__package__).joinpath(TABLE).read_text(encoding="utf-8")
    return parse(VssTable, tomllib.loads(text), TABLE)


def counts(observed: Observed) -> list[int | None]:
    """Return one whole number per signal of the table, in its order: the value over its step; None where unknown."""
    return [_count(read(observed), scale) for read, scale in _readers()]


@cache
def _readers() -> tuple[tuple[Callable[[Observed], Any], float], ...]:  # Any: whatever the field holds
    return tuple((_reader(one), one.factor / one.step) for one in vss_table().signal)


def _reader(signal: VssSignal) -> Callable[[Observed], Any]:  # Any: whatever the field holds
    get = attrgetter(signal.field)
    if signal.statistic is None:
        return get
    statistic = _STATISTICS[signal.statistic]
    return lambda observed: statistic(get(observed))


def _count(value: Any, scale: float) -> int | None:  # whatever the field holds
    number = float(value) * scale
    return round(number) if math.isfinite(number) else None


def overlay_text() -> str:
    """Return the overlay as a ``vspec`` file, so that tools of VSS can merge it with the standard's tree."""
    table = vss_table()
    known = {parent for one in table.signal if not one.overlay for parent in _parents(one.path)}
    lines = ["# Overlay of thermal-bms on the Vehicle Signal Specification of COVESA"]
    for signal in table.signal:
        if not signal.overlay:
            continue
        branch = _parents(signal.path)[-1]
        if branch not in known:
            known.add(branch)
            lines += ["", f"{branch}:", "  type: branch", f"  description: {table.branch[branch]}"]
        lines += ["", f"{signal.path}:", "  datatype: float", "  type: sensor"]
        lines += [f"  unit: {signal.unit}"] if signal.unit else []
        lines += [f"  description: {signal.description}"]
    return "\n".join(lines) + "\n"


def _parents(path: str) -> list[str]:
    """Return the branches above a path, the nearest last.

    >>> _parents("Vehicle.Exterior.Humidity")
    ['Vehicle', 'Vehicle.Exterior']
    """
    parts = path.split(".")
    return [".".join(parts[:n]) for n in range(1, len(parts))]
