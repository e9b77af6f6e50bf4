"""A stack of cells in thermal runaway: slices through the thickness, conduction, reactions, vent, massive short.

Every cell is cut into slices of equal mass along the stack. Slice j (heat capacity m_j c)::

    m_j c dT_j/dt = G_j-1 (T_j-1 - T_j) + G_j (T_j+1 - T_j) + P_j + g (T_group - T_j)
                    + sum over reactions (-h w m_0 dc/dt) + heat of the charge - heat of vaporisation

P_j is what the pack gives the slice, T_group the mean of the slices of its group: a hotter slice gives more to the
wall, the sum stays that of the lumped group. What is ejected leaves with the slice's temperature, so
that ejection alone does not change it. Conduction is backward Euler; reactants decay exponentially over a substep with
the rate at its start, so a substep never takes more than there is; the substep is cut so that no slice changes by more
than ``STEP_K`` of its own accord. Energy closes to rounding for any step.

References: Hatchard et al. 2001, doi 10.1149/1.1377592; Kim et al. 2007, doi 10.1016/j.jpowsour.2007.04.018 (reactions,
vapour); Feng et al. 2015, doi 10.1016/j.apenergy.2015.04.118 (massive short, lumped propagation).
"""

import math
from typing import NamedTuple

import numpy as np

from plant_models.cell import CellParameters
from plant_models.housing_gas import GAS_CONSTANT_J_PER_MOLK
from plant_models.kernels import Record, RecordArray, kernel, record
from plant_models.runaway_parameters import KINDS, RunawayParameters
from thermal_bms.units import FloatArray, degc_to_k

STEP_K = 1.0
STEP_MAX_S = 1.0
STEP_MIN_S = 1e-4
BOIL_K = 373.15  # the carbonates of the electrolyte boil from 90 (DMC) to 248 degC (EC); assumed
RUNAWAY_K_PER_S = 1.0  # self-heating that is called runaway: T2 of Feng et al., 1 K/s

TEMP, MASS, VAPOUR, CHARGE, CHARGE_J, FIRST = 0, 1, 2, 3, 4, 5  # rows of ``nodes``; reactants from FIRST on
VENTED, SHORTED, RUNAWAY = 0, 1, 2  # rows of ``cells``
RATE, E_OVER_R, HEAT, KIND, START, LAYER, PER_LAYER = range(7)  # columns of ``reactions``
INHIBITED, AUTOCATALYTIC = float(KINDS.index("inhibited")), float(KINDS.index("autocatalytic"))
NOT_SHORTED, COLLAPSED, CHARGE_IS_HERE = 0.0, 1.0, 2.0  # values of SHORTED
REACTION_J, CHARGE_HEAT_J, VENT_J, VENT_OVER_J, VENT_KG, STEPS, N_TOTALS = 0, 1, 2, 3, 4, 5, 6


class Stack(NamedTuple):
    """A stack of cells as arrays: slices innermost, cells in the order of the stack.

    Attributes
    ----------
    p : numbers of one cell
    reactions : one row a reaction: A [1/s], E/R [K], heat [J per unit of c and slice], kind, start [K], layer
        offset, 1/layer reference
    nodes : shape (5 + n_reactions, n_slices): temperature [K], mass [kg], vapour left, charge left (1 to 0), energy
        of the charge [J], reactants
    cells : shape (3, n_cells): vent open, short, runaway
    link_w_per_k : conductance from a slice to the next [W/K]
    power_w : heat given to each slice from outside [W]
    """

    p: RecordArray
    reactions: FloatArray
    nodes: FloatArray
    cells: FloatArray
    link_w_per_k: FloatArray
    power_w: FloatArray


def cell_numbers(
    runaway: RunawayParameters, cell: CellParameters, *, n_slices: int, n_parallel: int, body_fraction: float
) -> RecordArray:
    """Return what the kernel needs of one cell; ``body_fraction`` is the share of its heat capacity in the slices."""
    vent, short = runaway.vent, runaway.short
    thermal = cell.thermal
    return record(
        slice_mass_kg=thermal.mass_kg * body_fraction / n_slices,
        specific_heat_j_per_kgk=thermal.specific_heat_j_per_kgk,
        n_slices=n_slices,
        group_slices=n_slices * n_parallel,
        open_k=degc_to_k(vent.open_degc),
        vapour_fraction=vent.vapour_fraction,
        vapour_j_per_kg=vent.vapour_j_per_kg,
        vapour_time_s=vent.vapour_time_s,
        ejecta_fraction=vent.ejecta_fraction,
        collapse_k=degc_to_k(short.collapse_degc),
        short_duration_s=short.duration_s,
        heat_share=short.heat_share,
    )


def reaction_table(runaway: RunawayParameters, slice_mass_kg: float, body_fraction: float) -> FloatArray:
    """Return the reactions as rows for the kernel; heat for a slice, of the whole cell's reactants."""
    mass_kg = slice_mass_kg / body_fraction
    rows = [
        (
            r.frequency_per_s,
            r.activation_j_per_mol / GAS_CONSTANT_J_PER_MOLK,
            r.heat_j_per_kg * r.reactant_fraction * mass_kg,
            float(KINDS.index(r.kind)),
            degc_to_k(r.start_degc),
            r.layer + r.amount,
            1.0 / r.layer_reference,
        )
        for r in runaway.reaction
    ]
    return np.array(rows, dtype=np.float64)


def slice_link_w_per_k(cell: CellParameters, n_slices: int) -> float:
    """Return the conductance between neighbouring slices [W/K].

    The cell's ``core_to_surface`` is t / (12 k A), the mean over a uniformly heated plate; a slice of t / n conducts
    n k A / t = n / (12 core_to_surface).
    """
    return n_slices / (12.0 * cell.thermal.core_to_surface_k_per_w)


def face_area_m2(cell: CellParameters) -> float:
    """Return the area of the large face, by which cells stand against each other [m2]."""
    _, middle_m, long_m = sorted((cell.thermal.length_m, cell.thermal.width_m, cell.thermal.height_m))
    return middle_m * long_m


def new_nodes(runaway: RunawayParameters, p: Record, temp_k: FloatArray, n_slices: int) -> FloatArray:
    """Return fresh slices of cells at the given temperatures [K], shape (n_cells,)."""
    nodes = np.empty((FIRST + len(runaway.reaction), temp_k.size * n_slices))
    nodes[TEMP] = np.repeat(temp_k, n_slices)
    nodes[MASS] = p.slice_mass_kg
    nodes[VAPOUR] = nodes[CHARGE] = 1.0
    nodes[CHARGE_J] = 0.0
    for row, reaction in enumerate(runaway.reaction, start=FIRST):
        nodes[row] = reaction.amount
    return nodes


@kernel
def decay_rate_per_s(reactions: FloatArray, r: int, temp_k: float, amount: float) -> float:
    """Return -dc/dt / c of reaction ``r`` [1/s]; 0 below its start temperature or with nothing left."""
    if temp_k < reactions[r, START] or amount <= 0.0:
        return 0.0
    rate = reactions[r, RATE] * math.exp(-reactions[r, E_OVER_R] / temp_k)
    if reactions[r, KIND] == INHIBITED:
        rate *= math.exp(-(reactions[r, LAYER] - amount) * reactions[r, PER_LAYER])
    elif reactions[r, KIND] == AUTOCATALYTIC:
        rate *= 1.0 - amount
    return float(rate)


@kernel
def own_heat_w(p: Record, reactions: FloatArray, nodes: FloatArray, j: int) -> float:
    """Return the heat of reactions and of shorted charge in slice ``j`` [W]."""
    heat_w = 0.0
    for r in range(reactions.shape[0]):
        amount = nodes[FIRST + r, j]
        heat_w += reactions[r, HEAT] * amount * decay_rate_per_s(reactions, r, nodes[TEMP, j], amount)
    if 0.0 < nodes[CHARGE, j] < 1.0:
        heat_w += p.heat_share * nodes[CHARGE_J, j] / p.short_duration_s
    return float(heat_w * nodes[MASS, j] / p.slice_mass_kg)


@kernel
def substep_s(
    p: Record, reactions: FloatArray, nodes: FloatArray, cells: FloatArray, power_w: FloatArray, left_s: float
) -> float:
    """Return the length of the next substep [s], and mark the cells that run away."""
    step_s = min(left_s, STEP_MAX_S)
    n_slices = int(p.n_slices)
    for j in range(nodes.shape[1]):
        heat_w = own_heat_w(p, reactions, nodes, j)
        capacity = nodes[MASS, j] * p.specific_heat_j_per_kgk
        if heat_w > RUNAWAY_K_PER_S * capacity:
            cells[RUNAWAY, j // n_slices] = 1.0
        total_w = abs(heat_w + power_w[j])
        if total_w * step_s > STEP_K * capacity:
            step_s = STEP_K * capacity / total_w
    return float(max(step_s, STEP_MIN_S))


@kernel
def react(
    p: Record, reactions: FloatArray, nodes: FloatArray, cells: FloatArray, j: int, step_s: float, vent_k: float,
    totals: FloatArray,
) -> float:  # fmt: skip
    """Advance reactants, vapour, charge and mass of slice ``j``; return the heat that stays in it [J]."""
    heat_j = 0.0
    here = nodes[MASS, j] / p.slice_mass_kg
    for r in range(reactions.shape[0]):
        amount = nodes[FIRST + r, j]
        left = amount * math.exp(-step_s * decay_rate_per_s(reactions, r, nodes[TEMP, j], amount))
        heat_j += here * reactions[r, HEAT] * (amount - left)
        nodes[FIRST + r, j] = left
    totals[REACTION_J] += heat_j
    c = j // int(p.n_slices)
    if cells[SHORTED, c] == CHARGE_IS_HERE and nodes[CHARGE, j] > 0.0:
        left = max(nodes[CHARGE, j] - step_s / p.short_duration_s, 0.0)
        charge_j = here * p.heat_share * nodes[CHARGE_J, j] * (nodes[CHARGE, j] - left)
        nodes[CHARGE, j] = left
        totals[CHARGE_HEAT_J] += charge_j
        heat_j += charge_j
    boiled_kg = 0.0
    if cells[VENTED, c] > 0.0 and nodes[TEMP, j] > BOIL_K:
        left = nodes[VAPOUR, j] * math.exp(-step_s / p.vapour_time_s)
        boiled_kg = p.slice_mass_kg * p.vapour_fraction * (nodes[VAPOUR, j] - left)
        nodes[VAPOUR, j] = left
    lost = p.vapour_fraction * (1.0 - nodes[VAPOUR, j]) + p.ejecta_fraction * (1.0 - nodes[CHARGE, j])
    gone_kg = nodes[MASS, j] - p.slice_mass_kg * (1.0 - lost)
    nodes[MASS, j] -= gone_kg
    latent_j = boiled_kg * p.vapour_j_per_kg
    sensible = gone_kg * p.specific_heat_j_per_kgk
    totals[VENT_J] += sensible * nodes[TEMP, j] + latent_j
    totals[VENT_OVER_J] += sensible * (nodes[TEMP, j] - vent_k) + latent_j
    totals[VENT_KG] += gone_kg
    return float(heat_j - latent_j)


@kernel
def conduct(p: Record, nodes: FloatArray, link_w_per_k: FloatArray, step_s: float, work: FloatArray) -> None:
    """Advance conduction along the stack by backward Euler (Thomas elimination); ends are adiabatic.

    ``work`` is room for pivots and temperatures, shape (2, n_slices).
    """
    n = nodes.shape[1]
    before = 0.0
    for j in range(n):
        store = nodes[MASS, j] * p.specific_heat_j_per_kgk / step_s
        after = link_w_per_k[j] if j < n - 1 else 0.0
        pivot = store + before + after
        right = store * nodes[TEMP, j]
        if j > 0:
            pivot -= before * before / work[0, j - 1]
            right += before / work[0, j - 1] * work[1, j - 1]
        work[0, j] = pivot
        work[1, j] = right
        before = after
    nodes[TEMP, n - 1] = work[1, n - 1] / work[0, n - 1]
    for j in range(n - 2, -1, -1):
        nodes[TEMP, j] = (work[1, j] + link_w_per_k[j] * nodes[TEMP, j + 1]) / work[0, j]


@kernel
def watch_cells(p: Record, nodes: FloatArray, cells: FloatArray) -> None:
    """Open the vent of a cell with a slice above its limit; mark one whose separator collapsed in a slice."""
    n_slices = int(p.n_slices)
    for c in range(cells.shape[1]):
        hottest_k = nodes[TEMP, c * n_slices : (c + 1) * n_slices].max()
        if hottest_k > p.open_k:
            cells[VENTED, c] = 1.0
        if hottest_k > p.collapse_k and cells[SHORTED, c] == NOT_SHORTED:
            cells[SHORTED, c] = COLLAPSED


@kernel
def stack_step(
    stack: Stack, exchange_w_per_k: FloatArray, vent_k: float, dt_s: float, totals: FloatArray
) -> None:
    """Advance a stack by ``dt_s`` in substeps.

    ``exchange_w_per_k`` is, per group, the conductance of one slice to the wall; ``vent_k`` the temperature over
    which the heat of the ejecta is counted. ``totals`` takes, in joules and kilograms: heat of reactions, heat of
    shorted charge, enthalpy ejected, the same above ``vent_k``, mass ejected; and the number of substeps.
    """
    p = stack.p[0]
    nodes = stack.nodes
    cells = stack.cells
    totals[:] = 0.0
    work = np.empty((2, nodes.shape[1]))
    per_group = int(p.group_slices)
    done_s = 0.0
    while done_s < dt_s:
        step_s = substep_s(p, stack.reactions, nodes, cells, stack.power_w, dt_s - done_s)
        step_s = min(step_s, dt_s - done_s)
        for g in range(exchange_w_per_k.shape[0]):
            mean_k = nodes[TEMP, g * per_group : (g + 1) * per_group].mean()
            for j in range(g * per_group, (g + 1) * per_group):
                heat_j = react(p, stack.reactions, nodes, cells, j, step_s, vent_k, totals)
                from_pack_w = stack.power_w[j] + exchange_w_per_k[g] * (mean_k - nodes[TEMP, j])
                capacity = nodes[MASS, j] * p.specific_heat_j_per_kgk
                nodes[TEMP, j] += (heat_j + from_pack_w * step_s) / capacity
        conduct(p, nodes, stack.link_w_per_k, step_s, work)
        watch_cells(p, nodes, cells)
        done_s += step_s
        totals[STEPS] += 1.0
        if dt_s - done_s < 1e-9:
            break
