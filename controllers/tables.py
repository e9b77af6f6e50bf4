"""Interpolation in short tables, for settings that are given over temperature, flow or charge rate."""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise

from thermal_bms.parameters import Parameters


def interpolate(x: float, grid: Sequence[float], values: Sequence[float]) -> float:
    """Return the value at ``x``, linear between grid points and constant outside; NaN gives the first value.

    Plain Python: for a handful of points it takes a tenth of ``numpy.interp``.

    >>> interpolate(15.0, (10.0, 20.0), (1.0, 3.0))
    2.0
    """
    if not x > grid[0]:
        return values[0]
    if x >= grid[-1]:
        return values[-1]
    i = bisect_right(grid, x)
    share = (x - grid[i - 1]) / (grid[i] - grid[i - 1])
    return values[i - 1] + share * (values[i] - values[i - 1])


def checked_table(model: Parameters, grid_name: str, values_name: str) -> None:
    """Raise ``ValueError`` when a grid does not rise or its table has another length."""
    grid, values = getattr(model, grid_name), getattr(model, values_name)
    if len(grid) != len(values):
        raise ValueError(f"{values_name} has {len(values)} values, {grid_name} has {len(grid)}")
    if any(b <= a for a, b in pairwise(grid)):
        raise ValueError(f"{grid_name} must rise")
