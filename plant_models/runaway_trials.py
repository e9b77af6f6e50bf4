"""Standard abuse tests without a truck: heat-wait-seek calorimetry of a cell, and a heated row of cells.

They use the very stack that the pack uses, so that their figures can be set beside published tests.
"""

from typing import NamedTuple

import numpy as np

from plant_models.cell import CellParameters
from plant_models.runaway_parameters import EnclosureParameters, RunawayParameters
from plant_models.runaway_stack import (
    CHARGE_HEAT_J,
    CHARGE_IS_HERE,
    CHARGE_J,
    COLLAPSED,
    N_TOTALS,
    REACTION_J,
    SHORTED,
    TEMP,
    Stack,
    cell_numbers,
    face_area_m2,
    new_nodes,
    own_heat_w,
    reaction_table,
    slice_link_w_per_k,
    stack_step,
)
from plant_models.runaway_window import n_slices_of
from thermal_bms.units import SECONDS_PER_HOUR, FloatArray, degc_to_k, k_to_degc

SEEK_K_PER_S = 0.02 / 60.0  # self-heating that a calorimeter detects: T1
ONSET_K_PER_S = 2.0 / 60.0  # fast self-heating as of Golubkov et al. 2014
TRIGGER_K_PER_S = 1.0  # T2 of Feng et al.
SEEK_STEP_K = 5.0
SEEK_END_K = 573.15
START_DEGC = 25.0


class AdiabaticTest(NamedTuple):
    """Temperatures at which a cell begins to heat itself, does so fast, runs away, and ends [degC]; heat per Ah [J]."""

    t1_degc: float
    onset_degc: float
    t2_degc: float
    t3_degc: float
    heat_j_per_ah: float


class ModuleTest(NamedTuple):
    """A heated row of cells.

    Attributes
    ----------
    short_s : when each cell was shorted [s]; NaN for never
    peak_degc : highest mean temperature of each cell [degC]
    trigger_share : what share of the second cell's heat the third had taken up when it was shorted in turn; NaN: never
    """

    short_s: tuple[float, ...]
    peak_degc: tuple[float, ...]
    trigger_share: float

    @property
    def intervals_s(self) -> tuple[float, ...]:
        """Times between neighbours [s]."""
        return tuple(float(x) for x in np.diff(self.short_s))


def charge_energy_j(cell: CellParameters, soc: float) -> float:
    """Return the energy of a cell's charge [J] from its open-circuit voltage, capacity times integral of U.

    >>> from plant_models.cell import load_cell
    >>> round(charge_energy_j(load_cell("nmc_94ah"), 1.0) / 1e6, 2)
    1.26
    """
    grid = np.linspace(0.0, soc, 201)
    mean_v = float(np.trapezoid(np.interp(grid, cell.circuit.soc, cell.circuit.ocv_v), grid))
    return mean_v * cell.capacity_ah * SECONDS_PER_HOUR


def adiabatic_test(runaway: RunawayParameters, cell: CellParameters) -> AdiabaticTest:
    """Heat a full cell in steps of 5 K, wait where it heats itself, and follow it without any loss."""
    stack = _stack(runaway, cell, n_cells=1, n_slices=1, link_w_per_k=np.empty(0), soc=1.0)
    nodes = stack.nodes
    heat_j, t1_k, onset_k, t2_k = 0.0, np.nan, np.nan, np.nan
    peak_k = float(nodes[TEMP, 0])
    while True:
        before_k = float(nodes[TEMP, 0])
        capacity = float(nodes[1, 0]) * cell.thermal.specific_heat_j_per_kgk
        seeking = own_heat_w(stack.p[0], stack.reactions, nodes, 0) < SEEK_K_PER_S * capacity
        if seeking and before_k > SEEK_END_K:
            break
        if seeking:
            nodes[TEMP] += SEEK_STEP_K if np.isfinite(t1_k) else 1.0
            continue
        t1_k = t1_k if np.isfinite(t1_k) else before_k
        dt_s = 0.5 if np.isfinite(onset_k) else 60.0
        heat_j += _advance(stack, charge_energy_j(cell, 1.0), dt_s)
        rate_k_per_s = (float(nodes[TEMP, 0]) - before_k) / dt_s
        peak_k = max(peak_k, float(nodes[TEMP, 0]))
        if np.isnan(onset_k) and rate_k_per_s > ONSET_K_PER_S:
            onset_k = before_k
        if np.isnan(t2_k) and rate_k_per_s > TRIGGER_K_PER_S:
            t2_k = before_k
    return AdiabaticTest(
        k_to_degc(t1_k), k_to_degc(onset_k), k_to_degc(t2_k), k_to_degc(peak_k), heat_j / cell.capacity_ah
    )


def module_test(
    runaway: RunawayParameters,
    cell: CellParameters,
    *,
    n_cells: int = 4,
    enclosure: EnclosureParameters | None = None,
    soc: float = 1.0,
    heater_w: float = 700.0,
    loss_w_per_m2k: float = 6.0,
    duration_s: float = 7200.0,
) -> ModuleTest:
    """Heat the first cell of a row from its outer face until it is shorted, and watch the others.

    Parameters
    ----------
    enclosure : barrier between the cells; the default one when left out
    heater_w : heater pad [W]
    loss_w_per_m2k : from the narrow sides to still air of 25 degC, radiation left out
    """
    between = enclosure or EnclosureParameters()
    n_slices = n_slices_of(runaway, cell)
    within = slice_link_w_per_k(cell, n_slices)
    barrier = between.barrier_thickness_m / between.barrier_w_per_mk / face_area_m2(cell)
    link = np.full(n_cells * n_slices - 1, within)
    link[n_slices - 1 :: n_slices] = 1.0 / (1.0 / within + barrier)
    stack = _stack(runaway, cell, n_cells=n_cells, n_slices=n_slices, link_w_per_k=link, soc=soc)
    loss_w_per_k = loss_w_per_m2k * _narrow_area_m2(cell) / n_slices
    short_s = np.full(n_cells, np.nan)
    peak_k = np.zeros(n_cells)
    heat_j, shares, body = 0.0, [], cell.thermal.mass_kg * cell.thermal.specific_heat_j_per_kgk
    heat_at_j: list[float] = []
    for second in range(1, int(duration_s) + 1):
        stack.power_w[:] = -loss_w_per_k * (stack.nodes[TEMP] - degc_to_k(START_DEGC))
        stack.power_w[0] += heater_w if stack.cells[SHORTED, 0] == 0.0 else 0.0
        heat_j += _advance(stack, charge_energy_j(cell, soc), 1.0)
        mean_k = stack.nodes[TEMP].reshape(n_cells, n_slices).mean(axis=1)
        peak_k = np.maximum(peak_k, mean_k)
        for c in np.flatnonzero((stack.cells[SHORTED] > 0.0) & np.isnan(short_s)):
            short_s[c] = second
            heat_at_j.append(heat_j)
            shares.append(body * (mean_k[c] - degc_to_k(START_DEGC)))
        if not np.isnan(short_s).any():
            break
    if len(shares) < 3:
        return ModuleTest(tuple(short_s.tolist()), tuple(k_to_degc(peak_k).tolist()), float("nan"))
    share = shares[2] / (heat_at_j[2] - heat_at_j[1])
    return ModuleTest(tuple(short_s.tolist()), tuple(k_to_degc(peak_k).tolist()), float(share))


def _narrow_area_m2(cell: CellParameters) -> float:
    short_m, middle_m, long_m = sorted((cell.thermal.length_m, cell.thermal.width_m, cell.thermal.height_m))
    return 2.0 * short_m * (middle_m + long_m)


def _stack(
    runaway: RunawayParameters,
    cell: CellParameters,
    *,
    n_cells: int,
    n_slices: int,
    link_w_per_k: FloatArray,
    soc: float,
) -> Stack:
    p = cell_numbers(runaway, cell, n_slices=n_slices, n_parallel=1, body_fraction=1.0)
    reactions = reaction_table(runaway, float(p[0].slice_mass_kg), 1.0)
    for row, reaction in enumerate(runaway.reaction):
        reactions[row, 2] *= soc if reaction.scales_with_soc else 1.0
    nodes = new_nodes(runaway, p[0], np.full(n_cells, degc_to_k(START_DEGC)), n_slices)
    return Stack(p, reactions, nodes, np.zeros((3, n_cells)), link_w_per_k, np.zeros(n_cells * n_slices))


def _advance(stack: Stack, charge_j: float, dt_s: float) -> float:
    """Advance a stack without plate; give cells that were shorted their charge; return the heat released [J]."""
    totals = np.zeros(N_TOTALS)
    n_cells = stack.cells.shape[1]
    stack_step(stack, np.zeros(n_cells), degc_to_k(START_DEGC), dt_s, totals)
    n_slices = stack.nodes.shape[1] // n_cells
    for c in np.flatnonzero(stack.cells[SHORTED] == COLLAPSED):
        stack.cells[SHORTED, c] = CHARGE_IS_HERE
        stack.nodes[CHARGE_J, c * n_slices : (c + 1) * n_slices] = charge_j / n_slices
    return float(totals[REACTION_J] + totals[CHARGE_HEAT_J])
