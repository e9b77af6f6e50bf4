"""The charging current below which no lithium plates: a table over temperature and charge, per cell.

The tables are written by ``tools/make_plating_table.py`` from the electrochemical cell; docs/electrochemistry.md says
how. Between its points a table is bilinear.
"""

from bisect import bisect_right
from itertools import pairwise
from pathlib import Path
from typing import final

from pydantic import Field, model_validator

from thermal_bms.errors import ConfigError
from thermal_bms.parameters import Parameters, Source, did_you_mean, parse, read_toml

TABLES = Path(__file__).parent / "limit_tables"
PREFIX = "plating_"


class PlatingTable(Parameters):
    """C-rates at which the anode keeps its margin over lithium, rows over temperature, columns over charge."""

    cell: str
    source: tuple[Source, ...] = Field(min_length=1)
    margin_v: float = Field(ge=0.0, le=0.1, description="of the anode potential over lithium")
    temp_degc: tuple[float, ...] = Field(min_length=2)
    soc: tuple[float, ...] = Field(min_length=2)
    c_rate_max: tuple[tuple[float, ...], ...]

    @model_validator(mode="after")
    def _is_a_table(self) -> "PlatingTable":
        for name in ("temp_degc", "soc"):
            grid: tuple[float, ...] = getattr(self, name)
            if any(b <= a for a, b in pairwise(grid)):
                raise ValueError(f"{name} must rise")
        rows, columns = len(self.temp_degc), len(self.soc)
        if len(self.c_rate_max) != rows or any(len(row) != columns for row in self.c_rate_max):
            raise ValueError(f"c_rate_max needs {rows} rows (temp_degc) of {columns} values (soc)")
        if min(min(row) for row in self.c_rate_max) < 0.0:
            raise ValueError("c_rate_max must be >= 0")
        return self


@final
class PlatingLimit:
    """A plating table that is read every tick: bilinear, and cautious where it ends.

    Colder than the table there is no current; warmer, and beyond its charges, the nearest value holds, since lithium
    plates the less the warmer the cell. NaN gives NaN.

    >>> table = PlatingTable(
    ...     cell="made up",
    ...     source=(Source(title="made up", kind="assumed"),),
    ...     margin_v=0.01,
    ...     temp_degc=(0.0, 10.0),
    ...     soc=(0.0, 1.0),
    ...     c_rate_max=((0.4, 0.2), (1.0, 0.6)),
    ... )
    >>> round(PlatingLimit(table).c_rate(5.0, 0.5), 3)
    0.55
    >>> PlatingLimit(table).c_rate(-0.1, 0.5)
    0.0
    """

    __slots__ = ("_rows", "_soc", "_temp_degc")

    def __init__(self, table: PlatingTable) -> None:
        self._temp_degc, self._soc, self._rows = table.temp_degc, table.soc, table.c_rate_max

    def c_rate(self, temp_degc: float, soc: float) -> float:
        """Return the highest C-rate at a cell temperature and charge."""
        temps, charges, rows = self._temp_degc, self._soc, self._rows
        if temp_degc < temps[0]:
            return 0.0
        i = min(bisect_right(temps, temp_degc), len(temps) - 1)
        j = min(max(bisect_right(charges, soc), 1), len(charges) - 1)
        x = min(1.0, (temp_degc - temps[i - 1]) / (temps[i] - temps[i - 1]))
        y = min(1.0, max(0.0, (soc - charges[j - 1]) / (charges[j] - charges[j - 1])))
        cold, warm = rows[i - 1], rows[i]
        at_cold = cold[j - 1] + y * (cold[j] - cold[j - 1])
        at_warm = warm[j - 1] + y * (warm[j] - warm[j - 1])
        return at_cold + x * (at_warm - at_cold)


def plating_names() -> list[str]:
    """Return the cells that have a plating table."""
    return sorted(path.stem.removeprefix(PREFIX) for path in TABLES.glob(f"{PREFIX}*.toml"))


def load_plating(cell: str) -> PlatingTable:
    """Return the plating table of a cell.

    Raises
    ------
    ConfigError
        when there is none, with the nearest name.

    >>> load_plating("lfp_302ah").margin_v
    0.01
    """
    known = plating_names()
    if cell not in known:
        raise ConfigError(
            f"pack.plating = {cell!r}: no plating table of that cell{did_you_mean(cell, known)}"
        )
    path = TABLES / f"{PREFIX}{cell}.toml"
    return parse(PlatingTable, read_toml(path), path.name)
