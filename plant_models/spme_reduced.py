"""The reduced discretisation for pack runs: a few relaxations per particle and a few volumes of electrolyte.

Particle (flux f inwards per area, over R; D over R^2)::

    ds_mean/dt = 3 f
    s_surface  = s_mean + sum_m z_m + w_0 u,     u = f R^2 / D
    dz_m/dt    = l_m D/R^2 (w_m u - z_m),        sum_m w_m + w_0 = 1/5

Rates l_m and weights w_m are fitted once to the exact step response of a sphere, ``1/5 - 2 sum_n exp(-b_n^2
t) / b_n^2`` with tan b = b (Carslaw and Jaeger 1959, section 9.8), from the time that a one-second step
makes of the slowest particles on. The steady profile is exact. The diffusivity is that at 80 % of the way
from mean to surface, the share that came closest to the full model with the strongly varying diffusivities
of O'Regan 2022; even so the reduced form is off by 11 mV there, and the reference is the one to use.

Relaxations decay by 1 / (1 + x + x^2/2 + x^3/6), x = l_m D dt/R^2: exp(-x) to third order, without
overshoot for any step. The electrolyte is that of the reference; its transport is looked up once per
region, with its slope.

Stored energy is that of the mean stoichiometry and of the slowest relaxation's profile, to second order.

State rows: mean and relaxations of the negative particle, of the positive one, electrolyte concentrations.
"""

import numpy as np

from plant_models.kernels import Record, RecordArray, kernel
from plant_models.spme import (
    TURNS,
    book_heat,
    linearise,
    look_up_temperature,
    observe,
    spme_view,
    spme_work,
)
from plant_models.spme_parameters import REFERENCE_TEMP_K, SpmeParameters
from plant_models.spme_reduced_cells import ReducedCells, ReducedMesh, ReducedScratch, reduced_mesh
from plant_models.spme_reduced_electrolyte import advance_reduced_electrolyte, reduced_electrolyte_view
from plant_models.spme_tables import SpmeTables, curve_at, diffusion_at, energy_at
from thermal_bms.units import FloatArray

DIFFUSION_DEPTH = 0.8  # from mean to surface: where diffusivity is read


def reduced_cells(
    cell: SpmeParameters,
    tables: SpmeTables,
    constants: RecordArray,
    *,
    negative: FloatArray,
    positive: FloatArray,
    temp_k: FloatArray,
    mesh: ReducedMesh | None = None,
) -> ReducedCells:
    """Return cells at rest with the given stoichiometries, shapes (n_cells,)."""
    mesh = mesh or reduced_mesh(cell)
    rows, volumes, n_cells = mesh.rate.size + 1, mesh.volume_m.size, negative.size
    state = np.zeros((2 * rows + volumes, n_cells))
    scratch = ReducedScratch(
        np.zeros((2 * rows, n_cells)),
        np.zeros((volumes, n_cells)),
        np.zeros((volumes, n_cells)),
        np.zeros((4, n_cells)),
        np.zeros((3, 5, n_cells)),
        np.zeros(1),
    )
    area_m2 = np.full(n_cells, cell.electrode_area_m2)
    cells = ReducedCells(mesh, state, spme_work(area_m2), spme_view(n_cells), scratch)
    put_at_rest(tables, constants[0], cells, negative, positive, temp_k)
    return cells


@kernel
def put_at_rest(
    tables: SpmeTables,
    p: Record,
    cells: ReducedCells,
    negative: FloatArray,
    positive: FloatArray,
    temp_k: FloatArray,
) -> None:
    """Write the state of cells at rest with the given stoichiometries, and what they show."""
    rows = cells.mesh.rate.shape[0] + 1
    state, shown, work = cells.state, cells.shown, cells.work
    state[:] = 0.0
    for i in range(state.shape[1]):
        state[0, i] = shown.negative_surface[i] = negative[i]
        state[rows, i] = shown.positive_surface[i] = positive[i]
        work.guess_a[i] = 0.0
        for k in range(2 * rows, state.shape[0]):
            state[k, i] = p.rest_mol_per_m3
    cells.scratch.turn[0] = 0.0
    reduced_electrolyte_view(tables, p, cells, temp_k, -1)
    look_up_temperature(tables, p, work, temp_k, -1)
    mean_energy(tables, p, cells, shown.energy_j)
    observe(tables, p, work, shown, temp_k, work.guess_a)


@kernel
def turn_of(cells: ReducedCells, dt_s: float) -> int:
    """Return which cells' slow properties are looked up in this step, -1 for all."""
    return int(cells.scratch.turn[0]) % TURNS if dt_s <= 1.0 else -1


@kernel
def foresee_particle(
    cells: ReducedCells,
    table: FloatArray,
    factor: FloatArray,
    surface: FloatArray,
    base: FloatArray,
    per_a: FloatArray,
    start: int,
    flux_s: float,
    dt_s: float,
) -> None:
    """Write the surface of one particle, mean over the coming step and linear in the current.

    ``flux_s`` is f per current density [m2/C]; the decay rows keep exp(-x) of each relaxation, and first
    D/R^2.
    """
    mesh, state, decay = cells.mesh, cells.state, cells.scratch.decay
    n_cells = state.shape[1]
    for i in range(n_cells):
        mean = state[start, i]
        speed = factor[i] * diffusion_at(table, mean + DIFFUSION_DEPTH * (surface[i] - mean))
        decay[start, i] = speed
        base[i] = mean
        per_a[i] = mesh.prompt
    for m in range(mesh.rate.shape[0]):
        row = start + 1 + m
        weight = mesh.weight[m]
        rate = mesh.rate[m] * dt_s
        for i in range(n_cells):
            x = rate * decay[start, i]
            growth = 1.0 + x * (0.5 + x * (1.0 / 6.0))
            keep = 1.0 / (1.0 + x * growth)
            average = growth * keep
            decay[row, i] = keep
            base[i] += average * state[row, i]
            per_a[i] += (1.0 - average) * weight
    for i in range(n_cells):
        per_a[i] = flux_s / cells.work.area_m2[i] * (per_a[i] / decay[start, i] + 1.5 * dt_s)


@kernel
def advance_particle(
    cells: ReducedCells, surface: FloatArray, start: int, flux_s: float, current_a: FloatArray, dt_s: float
) -> None:
    """Advance mean and relaxations of one particle; write its surface at the end of the step."""
    mesh, state, decay = cells.mesh, cells.state, cells.scratch.decay
    n_cells = state.shape[1]
    for i in range(n_cells):
        flux = flux_s * current_a[i] / cells.work.area_m2[i]
        excess = flux / decay[start, i]
        decay[start, i] = excess
        state[start, i] += 3.0 * flux * dt_s
        surface[i] = state[start, i] + mesh.prompt * excess
    for m in range(mesh.rate.shape[0]):
        row = start + 1 + m
        weight = mesh.weight[m]
        for i in range(n_cells):
            target = weight * decay[start, i]
            value = target + decay[row, i] * (state[row, i] - target)
            state[row, i] = value
            surface[i] += value


@kernel
def profile_energy(table: FloatArray, mean: float, slowest: float) -> float:
    """Return the integral of the enthalpy potential over a particle [V], second order about its mean.

    Eigenfunctions of the sphere are orthogonal and each adds 3/2 of its squared surface value to the
    variance. The slowest holds 0.86 of a steady profile's; the fitted one, which stands for a share of its
    neighbours too, 1.06.
    """
    _, slope, _, slope_k, _ = curve_at(table, mean)
    return energy_at(table, mean) + 0.75 * (slope - REFERENCE_TEMP_K * slope_k) * slowest * slowest


@kernel
def mean_energy(tables: SpmeTables, p: Record, cells: ReducedCells, energy_j: FloatArray) -> None:
    """Write the chemical energy of every cell [J]."""
    state = cells.state
    positive = cells.mesh.rate.shape[0] + 1
    for i in range(state.shape[1]):
        negative_v = profile_energy(tables.negative, state[0, i], state[1, i])
        positive_v = profile_energy(tables.positive, state[positive, i], state[positive + 1, i])
        total = p.charge_n_c_per_m2 * negative_v + p.charge_p_c_per_m2 * positive_v
        energy_j[i] = -total * cells.work.area_m2[i]


@kernel
def reduced_source(
    tables: SpmeTables, p: Record, cells: ReducedCells, temp_k: FloatArray, guess_a: FloatArray, dt_s: float
) -> None:
    """Write the coming step's mean voltage of every cell, V = E - R I, linearised about ``guess_a`` [A]."""
    work, shown = cells.work, cells.shown
    flux_n = -1.0 / (3.0 * p.charge_n_c_per_m2)
    flux_p = 1.0 / (3.0 * p.charge_p_c_per_m2)
    look_up_temperature(tables, p, work, temp_k, turn_of(cells, dt_s))
    foresee_particle(
        cells,
        tables.negative,
        work.diffusion_n,
        shown.negative_surface,
        work.surface_n,
        work.surface_n_per_a,
        0,
        flux_n,
        dt_s,
    )
    foresee_particle(
        cells,
        tables.positive,
        work.diffusion_p,
        shown.positive_surface,
        work.surface_p,
        work.surface_p_per_a,
        cells.mesh.rate.shape[0] + 1,
        flux_p,
        dt_s,
    )
    linearise(tables, p, work, temp_k, guess_a)


@kernel
def reduced_advance(
    tables: SpmeTables, p: Record, cells: ReducedCells, temp_k: FloatArray, current_a: FloatArray, dt_s: float
) -> None:
    """Advance every cell by one step with its current [A]; write heats and what it shows at the end.

    ``reduced_source`` must have been called for the same step.
    """
    shown, work = cells.shown, cells.work
    positive = cells.mesh.rate.shape[0] + 1
    flux_n = -1.0 / (3.0 * p.charge_n_c_per_m2)
    flux_p = 1.0 / (3.0 * p.charge_p_c_per_m2)
    advance_particle(cells, shown.negative_surface, 0, flux_n, current_a, dt_s)
    advance_particle(cells, shown.positive_surface, positive, flux_p, current_a, dt_s)
    mean_energy(tables, p, cells, shown.heat_mixing_w)
    book_heat(work, shown, temp_k, current_a, 1.0 / dt_s)
    advance_reduced_electrolyte(cells, current_a, dt_s)
    reduced_electrolyte_view(tables, p, cells, temp_k, turn_of(cells, dt_s))
    cells.scratch.turn[0] += 1.0
    observe(tables, p, work, shown, temp_k, current_a)
