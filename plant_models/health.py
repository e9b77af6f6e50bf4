"""The state of health that a pack starts with: capacity and resistance of every group against the new pack."""

import csv
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np

from plant_models.pack import PackConstants
from thermal_bms.errors import ConfigError
from thermal_bms.units import FloatArray

COLUMNS = ("string", "group", "capacity", "resistance")


class PackHealth(NamedTuple):
    """Capacity and resistance of every group relative to new, shape (n_strings, n_series)."""

    capacity: FloatArray
    resistance: FloatArray

    @classmethod
    def even(cls, shape: tuple[int, int], *, capacity: float = 1.0, resistance: float = 1.0) -> Self:
        """Return a pack whose groups are all alike.

        >>> PackHealth.even((1, 2), capacity=0.8).capacity
        array([[0.8, 0.8]])
        """
        return cls(np.full(shape, capacity), np.full(shape, resistance))

    @property
    def is_used(self) -> bool:
        """Whether the pack is not new."""
        return bool(np.any(self.capacity != 1.0) or np.any(self.resistance != 1.0))


def apply_health(constants: PackConstants, health: PackHealth) -> None:
    """Give a pack that has not moved yet the capacities and resistances of this health."""
    constants.capacity_as[:] *= health.capacity
    constants.per_capacity_as[:] /= health.capacity
    constants.resistance_factor[:] *= health.resistance


def write_health(path: Path, health: PackHealth) -> None:
    """Write the health of a pack as a CSV file with the columns string, group, capacity, resistance."""
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(COLUMNS)
        for place, capacity in np.ndenumerate(health.capacity):
            rows.writerow((*place, f"{capacity:.6f}", f"{health.resistance[place]:.6f}"))


def read_health(path: Path, shape: tuple[int, int]) -> PackHealth:
    """Return the health of a pack of that shape from a file that ``write_health`` wrote.

    Raises
    ------
    ConfigError
        when the file is missing, belongs to another pack, or holds what no cell has.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            header, *rows = list(csv.reader(file))
    except (OSError, UnicodeDecodeError, ValueError):
        raise ConfigError(f"{path}: no health file; thermal-bms age writes one") from None
    if tuple(header) != COLUMNS:
        raise ConfigError(f"{path}: the first line must be {','.join(COLUMNS)}")
    health = PackHealth(np.full(shape, np.nan), np.full(shape, np.nan))
    for number, row in enumerate(rows, start=2):
        _take(health, row, f"{path} line {number}")
    if np.isnan(health.capacity).any() or len(rows) != health.capacity.size:
        size = " x ".join(str(n) for n in shape)
        raise ConfigError(
            f"{path}: holds {len(rows)} groups, the pack has {size}; use the file of this truck"
        )
    return health


def _take(health: PackHealth, row: list[str], where: str) -> None:
    try:
        place, (capacity, resistance) = (int(row[0]), int(row[1])), (float(row[2]), float(row[3]))
    except (ValueError, IndexError):
        raise ConfigError(f"{where}: {','.join(row)}: must be {','.join(COLUMNS)} as numbers") from None
    shape = health.capacity.shape
    if not (0 <= place[0] < shape[0] and 0 <= place[1] < shape[1]):
        raise ConfigError(f"{where}: the pack has no string {place[0]} group {place[1]}")
    if not (0.05 <= capacity <= 1.5 and 0.3 <= resistance <= 20.0):
        raise ConfigError(f"{where}: capacity must be 0.05 to 1.5 and resistance 0.3 to 20")
    health.capacity[place], health.resistance[place] = capacity, resistance
