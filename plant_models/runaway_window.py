"""The resolved part of a string: the cells of a few neighbouring groups as a stack, in step with the lumped pack.

The pack goes on with one core, surface and wall per group. What its step gave a group's core (heat of the current less
what went to plate and can) becomes the power of the group's slices; after the stack's step the group's core temperature
is the mean of its slices. A slice that is hotter than this mean gives so much more to the wall, which parallel cells
share; every cell has a can of its own, whose deviation d from the group's surface follows

    C_s dd/dt = G_cs (T_cell - T_mean - d) - G_sh d

Deviations sum to zero over a group, so every joule is counted once, and the heat stored in the pack needs only one
correction: the mass that is no longer there. The window grows by a group whenever its last cell is no longer as cold as
the first one outside.
"""

from typing import final

import numpy as np

from plant_models.cell import CellParameters
from plant_models.pack import PackConstants, PackParameters, PackState
from plant_models.runaway_parameters import RunawayParameters
from plant_models.runaway_stack import (
    CHARGE_IS_HERE,
    CHARGE_J,
    COLLAPSED,
    MASS,
    N_TOTALS,
    SHORTED,
    TEMP,
    Stack,
    cell_numbers,
    face_area_m2,
    new_nodes,
    reaction_table,
    slice_link_w_per_k,
    stack_step,
)
from thermal_bms.units import FloatArray

SLICES_MIN = 3
GROUPS_AROUND = 2
GROW_AT_K = 1.0


def n_slices_of(runaway: RunawayParameters, cell: CellParameters) -> int:
    """Return into how many slices a cell is cut: as thick as its separator must collapse, and at least three.

    >>> from plant_models.cell import load_cell
    >>> from plant_models.runaway_parameters import load_runaway
    >>> n_slices_of(load_runaway("lfp"), load_cell("lfp_302ah"))
    12
    """
    thickness_m = min(cell.thermal.length_m, cell.thermal.width_m, cell.thermal.height_m)
    return max(SLICES_MIN, round(thickness_m / runaway.short.depth_m))


@final
class Window:
    """The resolved cells of one string.

    Parameters
    ----------
    runaway, cell, pack : parameters
    state, constants : of the lumped pack, by name; the core temperatures are written here
    string, group : where it begins
    """

    def __init__(
        self,
        runaway: RunawayParameters,
        cell: CellParameters,
        pack: PackParameters,
        state: PackState,
        constants: PackConstants,
        *,
        string: int,
        group: int,
    ) -> None:
        self.string = string
        self.n_parallel = pack.n_parallel
        self.n_slices = n_slices_of(runaway, cell)
        self._runaway, self._state, self._constants = runaway, state, constants
        body = 1.0 - cell.thermal.surface_fraction
        p = cell_numbers(
            runaway, cell, n_slices=self.n_slices, n_parallel=pack.n_parallel, body_fraction=body
        )
        reactions = reaction_table(runaway, float(p[0].slice_mass_kg), body)
        soc = min(max(float(state.soc[string, group]), 0.0), 1.0)
        for row, reaction in enumerate(runaway.reaction):
            if reaction.scales_with_soc:
                reactions[row, 2] *= soc
        within = slice_link_w_per_k(cell, self.n_slices)
        barrier = pack.enclosure.barrier_thickness_m / pack.enclosure.barrier_w_per_mk / face_area_m2(cell)
        self._within_w_per_k = within
        self._between_w_per_k = 1.0 / (1.0 / within + barrier)
        self.first = max(group - GROUPS_AROUND, 0)
        self.totals = np.zeros(N_TOTALS)
        self.power_w = np.zeros(0)
        end = min(group + GROUPS_AROUND + 1, state.soc.shape[1])
        nodes, cells = self._fresh(p, self.first, end)
        self._core_k = np.empty(0)
        self._can_k = np.zeros(cells.shape[1])
        self._set(Stack(p, reactions, nodes, cells, np.empty(0), np.empty(0)), end - self.first)

    @property
    def groups(self) -> slice:
        """The groups of the string that are resolved."""
        return slice(self.first, self.first + self.n_groups)

    @property
    def first_cell(self) -> int:
        """The number of the first resolved cell, counted along the string."""
        return self.first * self.n_parallel

    @property
    def cell_temp_k(self) -> FloatArray:
        """Mean temperature of every resolved cell [K]."""
        return np.asarray(self.stack.nodes[TEMP].reshape(-1, self.n_slices).mean(axis=1))

    @property
    def missing_heat_j(self) -> float:
        """Heat that the lumped pack counts in mass which has been ejected [J]."""
        p = self.stack.p[0]
        nodes = self.stack.nodes
        gone_kg = float(p.slice_mass_kg) - nodes[MASS]
        return float(p.specific_heat_j_per_kgk * (gone_kg @ nodes[TEMP]))

    def include(self, group: int) -> None:
        """Grow until a group and its neighbours are resolved."""
        n_series = self._state.soc.shape[1]
        self._grow(
            max(min(self.first, group - GROUPS_AROUND), 0),
            min(max(self.groups.stop, group + GROUPS_AROUND + 1), n_series),
        )

    def slices(self, cell: int) -> slice:
        """Return the slices of a cell, counted along the string."""
        start = (cell - self.first_cell) * self.n_slices
        return slice(start, start + self.n_slices)

    def cells_of(self, group: int) -> slice:
        """Return the slices of all cells of a group."""
        return slice(
            self.slices(group * self.n_parallel).start, self.slices((group + 1) * self.n_parallel - 1).stop
        )

    def take_up(self, dt_s: float) -> None:
        """Begin a step: the power of every slice is what the pack's step gave the core of its group."""
        k, groups = self.string, self.groups
        core_k = self._state.core_temp_k[k, groups]
        power_w = self._constants.core_capacity_j_per_k * (core_k - self._core_k) / dt_s
        per_group = self.n_parallel * self.n_slices
        self.power_w[:] = np.repeat(power_w / per_group, per_group)
        self.power_w -= np.repeat(self._to_can_w(dt_s) / self.n_slices, self.n_slices)

    def step(self, vent_k: float, dt_s: float) -> None:
        """Advance the stack under ``power_w`` and give the pack its core temperatures."""
        k, groups = self.string, self.groups
        per_group = self.n_parallel * self.n_slices
        to_wall_w_per_k = self._constants.core_to_wall_w_per_k[k, groups] / per_group
        stack_step(self.stack, to_wall_w_per_k, vent_k, dt_s, self.totals)
        self._core_k[:] = self.stack.nodes[TEMP].reshape(-1, per_group).mean(axis=1)
        self._state.core_temp_k[k, groups] = self._core_k

    def _to_can_w(self, dt_s: float) -> FloatArray:
        """Advance the cans' deviations; return what each cell gives its can beyond the mean of its group [W]."""
        constants = self._constants
        temp_k = self.cell_temp_k.reshape(-1, self.n_parallel)
        over_k = (temp_k - temp_k.mean(axis=1, keepdims=True)).ravel()
        store = constants.surface_capacity_j_per_k / dt_s
        to_can, to_housing = constants.core_to_surface_w_per_k, constants.surface_to_housing_w_per_k
        self._can_k = (store * self._can_k + to_can * over_k) / (store + to_can + to_housing)
        return np.asarray(to_can / self.n_parallel * (over_k - self._can_k))

    def collapsed(self) -> list[int]:
        """Return the cells, along the string, whose separator collapsed and whose charge is still in the pack."""
        found = np.flatnonzero(self.stack.cells[SHORTED] == COLLAPSED)
        return [self.first_cell + int(c) for c in found]

    def take_charge(self, cell: int, energy_j: float) -> None:
        """Take the energy of a shorted cell's charge over from the pack; it turns into heat from now on."""
        self.stack.cells[SHORTED, cell - self.first_cell] = CHARGE_IS_HERE
        self.stack.nodes[CHARGE_J, self.slices(cell)] = energy_j / self.n_slices

    def grow_where_warm(self) -> None:
        """Resolve one more group at an end whose last slice has left the temperature of the first one outside."""
        k = self.string
        core_k = self._state.core_temp_k[k]
        temp_k = self.stack.nodes[TEMP]
        first, end = self.first, self.groups.stop
        if first > 0 and abs(temp_k[0] - core_k[first - 1]) > GROW_AT_K:
            first -= 1
        if end < core_k.size and abs(temp_k[-1] - core_k[end]) > GROW_AT_K:
            end += 1
        self._grow(first, end)

    def _grow(self, first: int, end: int) -> None:
        if first == self.first and end == self.groups.stop:
            return
        stack = self.stack
        before = self._fresh(stack.p, first, self.first)
        after = self._fresh(stack.p, self.groups.stop, end)
        nodes = np.concatenate([before[0], stack.nodes, after[0]], axis=1)
        cells = np.concatenate([before[1], stack.cells, after[1]], axis=1)
        self._can_k = np.concatenate([np.zeros(before[1].shape[1]), self._can_k, np.zeros(after[1].shape[1])])
        self.first = first
        self._set(stack._replace(nodes=nodes, cells=cells), end - first)

    def _fresh(self, p: FloatArray, first: int, end: int) -> tuple[FloatArray, FloatArray]:
        temp_k = np.repeat(self._state.core_temp_k[self.string, first:end], self.n_parallel)
        return new_nodes(self._runaway, p[0], temp_k, self.n_slices), np.zeros((3, temp_k.size))

    def _set(self, stack: Stack, n_groups: int) -> None:
        n = stack.nodes.shape[1]
        link = np.full(n - 1, self._within_w_per_k)
        link[self.n_slices - 1 :: self.n_slices] = self._between_w_per_k
        self.n_groups = n_groups
        self.power_w = np.zeros(n)
        self.stack = stack._replace(link_w_per_k=link, power_w=self.power_w)
        self._core_k = self._state.core_temp_k[self.string, self.groups].copy()
