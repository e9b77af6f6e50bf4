"""The steps of a plan, and a plan moved on in time."""

from dataclasses import dataclass

import numpy as np

from controllers.mpc.settings import GridSettings
from thermal_bms.units import FloatArray


@dataclass(frozen=True, slots=True)
class Grid:
    """Stages of a plan: ``length_s``, ``start_s``, ``middle_s``, ``end_s``, each of shape (n,)."""

    length_s: FloatArray
    start_s: FloatArray
    middle_s: FloatArray
    end_s: FloatArray

    @property
    def size(self) -> int:
        """Number of stages."""
        return int(self.length_s.size)


def build_grid(settings: GridSettings) -> Grid:
    """Return the stages of these settings.

    >>> grid = build_grid(GridSettings(counts=(2, 1), lengths_s=(20.0, 60.0)))
    >>> grid.end_s.tolist()
    [20.0, 40.0, 100.0]
    """
    length_s = np.repeat(np.array(settings.lengths_s), settings.counts)
    end_s = np.cumsum(length_s)
    return Grid(length_s, end_s - length_s, end_s - 0.5 * length_s, end_s)


@dataclass(frozen=True, slots=True)
class Trajectory:
    """A plan: the inputs of every stage, shape (n, 4), and both states at its end, shape (n,) [degC]."""

    shares: FloatArray
    cell_degc: FloatArray
    medium_degc: FloatArray

    def shifted(self, grid: Grid, by_s: float) -> "Trajectory":
        """Return the plan as it stands ``by_s`` later; beyond its end the last stage goes on.

        Inputs are constant over a stage, states run straight between stage ends.
        """
        stage = np.minimum(np.searchsorted(grid.end_s, grid.middle_s + by_s, side="right"), grid.size - 1)
        later_s = grid.end_s + by_s
        return Trajectory(
            self.shares[stage],
            np.interp(later_s, grid.end_s, self.cell_degc),
            np.interp(later_s, grid.end_s, self.medium_degc),
        )


def constant(grid: Grid, cell_degc: float, medium_degc: float) -> Trajectory:
    """Return the plan that does nothing, both states as they are."""
    return Trajectory(
        np.zeros((grid.size, 4)), np.full(grid.size, cell_degc), np.full(grid.size, medium_degc)
    )
