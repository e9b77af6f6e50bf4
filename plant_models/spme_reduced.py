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

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy.optimize import least_squares, nnls

from plant_models.kernels import Record, kernel
from plant_models.spme import (
    TURNS,
    SpmeView,
    SpmeWork,
    book_heat,
    linearise,
    look_up_temperature,
    observe,
    spme_view,
    spme_work,
)
from plant_models.spme_parameters import FARADAY_C_PER_MOL, REFERENCE_TEMP_K, SpmeParameters
from plant_models.spme_reference import reference_mesh
from plant_models.spme_tables import SpmeTables, curve_at, diffusion_at, electrolyte_line, energy_at
from thermal_bms.units import FloatArray

N_RELAXATIONS = 4
N_VOLUMES = 4
FIRST_EIGENVALUE = 4.493409457909064  # smallest root of tan b = b
SHORTEST = 1e-4  # D dt/R^2 of one second in the slowest particles of the sets: 1.5e-4
DIFFUSION_DEPTH = 0.8  # from mean to surface: where diffusivity is read
LEAST = 0.01  # of concentration, diffusivity and conductivity against their usual values: keeps steps finite
FIT_POWER = 0.7  # the fit weighs errors by response^-0.7, between absolute and relative


class ReducedMesh(NamedTuple):
    """Relaxations and volumes.

    Attributes
    ----------
    rate : relaxation rates times R^2/D, rising, shape (N_RELAXATIONS,)
    weight : their shares of the steady surface excess, shape (N_RELAXATIONS,)
    prompt : w_0
    volume_m, source, ohmic_m : as in the reference, shape (n_volumes,)
    half_n_m, half_s_m, half_p_m : half width over transport efficiency
    n_electrode : volumes per electrode; the separator is one
    """

    rate: FloatArray
    weight: FloatArray
    prompt: float
    volume_m: FloatArray
    source: FloatArray
    ohmic_m: FloatArray
    half_n_m: float
    half_s_m: float
    half_p_m: float
    n_electrode: int


class ReducedScratch(NamedTuple):
    """Decays of the relaxations; sweep and face conductances of the electrolyte; its properties by region.

    ``line`` holds, for each region, the concentration looked up, diffusivity and conductivity there, each
    followed by its slope, shape (3, 5, n_cells); ``transference`` three regions and the source of the step;
    ``turn`` counts steps.
    """

    decay: FloatArray
    upper: FloatArray
    conductance: FloatArray
    transference: FloatArray
    line: FloatArray
    turn: FloatArray


def sphere_response(time: FloatArray, n_terms: int = 400) -> FloatArray:
    """Return surface less mean stoichiometry of a sphere after a unit step of ``f R^2/D``, time over R^2/D.

    >>> round(float(sphere_response(np.array([1.0]))[0]), 6)
    0.2
    """
    n = np.arange(1.0, n_terms + 1.0)
    centre = (n + 0.5) * np.pi
    root = centre - 1.0 / centre - 2.0 / (3.0 * centre**3)
    for _ in range(3):
        root -= (np.sin(root) - root * np.cos(root)) / (root * np.sin(root))
    return np.asarray(0.2 - 2.0 * (np.exp(-np.outer(time, root**2)) / root**2).sum(axis=1))


@lru_cache
def relaxations(
    n: int = N_RELAXATIONS, shortest: float = SHORTEST
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return rates, and weights followed by the prompt share, fitted to the response of a sphere.

    >>> rates, weights = relaxations()
    >>> round(sum(weights), 6)
    0.2
    """
    time = np.geomspace(shortest, 1.0, 200)
    exact = sphere_response(time)
    scale = exact**-FIT_POWER
    sure = 1e3 * scale.max()  # makes the sum of the weights hold

    def weights(log_rate: FloatArray) -> tuple[FloatArray, FloatArray]:
        growth = np.column_stack([1.0 - np.exp(-np.outer(time, np.exp(log_rate))), np.ones(time.size)])
        rows = np.vstack([growth * scale[:, np.newaxis], np.full(n + 1, sure)])
        found, _ = nnls(rows, np.append(exact * scale, 0.2 * sure))
        return found, growth @ found

    def misfit(log_rate: FloatArray) -> FloatArray:
        return (weights(log_rate)[1] - exact) * scale

    start = np.log(np.geomspace(FIRST_EIGENVALUE**2, 1.0 / shortest, n))
    log_rate = np.sort(least_squares(misfit, start).x)
    return tuple(np.exp(log_rate).tolist()), tuple(weights(log_rate)[0].tolist())


def reduced_mesh(
    cell: SpmeParameters, *, n_relaxations: int = N_RELAXATIONS, n_electrode: int = N_VOLUMES
) -> ReducedMesh:
    """Return relaxations and volumes of a cell."""
    rates, weights = relaxations(n_relaxations)
    volumes = reference_mesh(cell, n_shells=2, n_electrode=n_electrode, n_separator=1)
    return ReducedMesh(
        rate=np.array(rates),
        weight=np.array(weights[:-1]),
        prompt=weights[-1],
        volume_m=volumes.volume_m,
        source=volumes.source,
        ohmic_m=volumes.ohmic_m,
        half_n_m=float(volumes.half_m[0]),
        half_s_m=float(volumes.half_m[n_electrode]),
        half_p_m=float(volumes.half_m[-1]),
        n_electrode=n_electrode,
    )


class ReducedCells(NamedTuple):
    """Cells in the reduced discretisation: state rows by cells, and the space to step them."""

    mesh: ReducedMesh
    state: FloatArray
    work: SpmeWork
    shown: SpmeView
    scratch: ReducedScratch


def reduced_cells(
    cell: SpmeParameters,
    tables: SpmeTables,
    constants: Record,
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
    state[0] = negative
    state[rows] = positive
    state[2 * rows :] = cell.electrolyte.concentration_mol_per_m3
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
    cells.shown.negative_surface[:] = negative
    cells.shown.positive_surface[:] = positive
    p = constants[0]
    reduced_electrolyte_view(tables, p, cells, temp_k, -1)
    look_up_temperature(tables, p, cells.work, temp_k, -1)
    mean_energy(tables, p, cells, cells.shown.energy_j)
    observe(tables, p, cells.work, cells.shown, temp_k, np.zeros(n_cells))
    return cells


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
def advance_reduced_electrolyte(cells: ReducedCells, current_a: FloatArray, dt_s: float) -> None:
    """Advance the electrolyte by one implicit step; transport is that of the step's start."""
    mesh, state = cells.mesh, cells.state
    upper, conductance, t = cells.scratch.upper, cells.scratch.conductance, cells.scratch.transference
    start = 2 * (mesh.rate.shape[0] + 1)
    n_e = mesh.n_electrode
    n = 2 * n_e + 1
    n_cells = state.shape[1]
    share = dt_s / FARADAY_C_PER_MOL / n_e
    for i in range(n_cells):
        t[3, i] = share * current_a[i] / cells.work.area_m2[i]
    for k in range(n):
        row = start + k
        volume = mesh.volume_m[k]
        region = 0 if k < n_e else (1 if k == n_e else 2)
        before = 0 if k <= n_e else (1 if k == n_e + 1 else 2)
        after = 0 if k < n_e - 1 else (1 if k == n_e - 1 else 2)
        enters = 0.5 * k if k <= n_e else 0.5 * (n - k)
        leaves = 0.5 * (k + 1) if k < n_e else 0.5 * (n - 1 - k)
        gain = 1.0 if region == 0 else (0.0 if region == 1 else -1.0)
        inside = dt_s if k > 0 else 0.0
        above = k - 1 if k > 0 else 0
        for i in range(n_cells):
            inner = inside * conductance[above, i]
            outer = dt_s * conductance[k, i]
            migration = (t[before, i] + t[region, i]) * enters - (t[region, i] + t[after, i]) * leaves
            source = t[3, i] * (gain + migration)
            inverse = 1.0 / (volume + inner + outer - inner * upper[above, i])
            state[row, i] = (volume * state[row, i] + source + inner * state[start + above, i]) * inverse
            upper[k, i] = outer * inverse
    for k in range(n - 2, -1, -1):
        for i in range(n_cells):
            state[start + k, i] += upper[k, i] * state[start + k + 1, i]


@kernel
def near_log(x: float) -> float:
    """Return ln(x) to 3e-4 for x from 0.3 to 3, by the series of 2 artanh((x-1)/(x+1)).

    It runs in vector registers, which a logarithm does not.

    >>> round(near_log(2.0), 4)
    0.6931
    """
    y = (x - 1.0) / (x + 1.0)
    z = y * y
    return 2.0 * y * (1.0 + z * (1.0 / 3.0 + z * (1.0 / 5.0 + z * (1.0 / 7.0 + z * (1.0 / 9.0)))))


@kernel
def look_up_region(
    tables: SpmeTables,
    p: Record,
    cells: ReducedCells,
    temp_k: FloatArray,
    region: int,
    first: int,
    n: int,
    turn: int,
) -> None:
    """Write the electrolyte's properties about the mean concentration of one region of ``n`` volumes.

    They are lines over concentration, so that a cell's turn once in ``TURNS`` steps is enough; all when
    ``turn`` < 0.
    """
    state, line = cells.state, cells.scratch.line
    stride = TURNS if turn >= 0 else 1
    for i in range(max(turn, 0), state.shape[1], stride):
        mean = 0.0
        for k in range(n):
            mean += state[first + k, i]
        mean /= n
        d, k_e, t, slope_d, slope_k = electrolyte_line(p, tables.electrolyte, temp_k[i], mean)
        line[region, 0, i] = mean
        line[region, 1, i] = d
        line[region, 2, i] = slope_d
        line[region, 3, i] = k_e
        line[region, 4, i] = slope_k
        cells.scratch.transference[region, i] = t


@kernel
def mean_logarithm(p: Record, cells: ReducedCells, log: FloatArray, first: int, n: int) -> None:
    """Write the mean of ln(c / c_rest) over ``n`` volumes: one logarithm, of the product."""
    state = cells.state
    per_rest = 1.0 / p.rest_mol_per_m3
    for i in range(log.shape[0]):
        log[i] = max(state[first, i] * per_rest, LEAST)
    for k in range(1, n):
        for i in range(log.shape[0]):
            log[i] *= max(state[first + k, i] * per_rest, LEAST)
    for i in range(log.shape[0]):
        log[i] = math.log(log[i]) / n


@kernel
def region_transport(
    cells: ReducedCells, ohm: FloatArray, region: int, first: int, n: int, half_m: float
) -> None:
    """Add the resistance of one region times area to ``ohm``; write the conductances of its inner faces."""
    state, line, conductance = cells.state, cells.scratch.line, cells.scratch.conductance
    mean, d, slope_d, k_e, slope_k = (
        line[region, 0],
        line[region, 1],
        line[region, 2],
        line[region, 3],
        line[region, 4],
    )
    start = 2 * (cells.mesh.rate.shape[0] + 1)
    per_width = 0.5 / half_m
    n_cells = state.shape[1]
    for k in range(n):
        row = start + first + k
        weight = cells.mesh.ohmic_m[first + k]
        for i in range(n_cells):
            ohm[i] += weight / max(k_e[i] + slope_k[i] * (state[row, i] - mean[i]), LEAST * k_e[i])
    for k in range(n - 1):
        row = start + first + k
        for i in range(n_cells):
            at_face = 0.5 * (state[row, i] + state[row + 1, i]) - mean[i]
            conductance[first + k, i] = per_width * max(d[i] + slope_d[i] * at_face, LEAST * d[i])


@kernel
def reduced_electrolyte_view(
    tables: SpmeTables, p: Record, cells: ReducedCells, temp_k: FloatArray, turn: int
) -> None:
    """Write mean logarithms and resistances of the electrolyte, and its face conductances for the next step.

    Diffusivity and conductivity of a volume are those of its region's mean concentration and their slopes
    there.
    """
    mesh, state, work, line = cells.mesh, cells.state, cells.work, cells.scratch.line
    conductance = cells.scratch.conductance
    start = 2 * (mesh.rate.shape[0] + 1)
    n_e = mesh.n_electrode
    last_n, first_p = start + n_e - 1, start + n_e + 1
    look_up_region(tables, p, cells, temp_k, 0, start, n_e, turn)
    look_up_region(tables, p, cells, temp_k, 1, start + n_e, 1, turn)
    look_up_region(tables, p, cells, temp_k, 2, first_p, n_e, turn)
    mean_logarithm(p, cells, work.log_n, start, n_e)
    mean_logarithm(p, cells, work.log_p, first_p, n_e)
    ohm_n, ohm = work.electrolyte_n_ohm, work.electrolyte_ohm
    for i in range(state.shape[1]):
        ohm_n[i] = 0.0
        ohm[i] = 0.0
        conductance[2 * n_e, i] = 0.0
    region_transport(cells, ohm_n, 0, 0, n_e, mesh.half_n_m)
    region_transport(cells, ohm, 1, n_e, 1, mesh.half_s_m)
    region_transport(cells, ohm, 2, n_e + 1, n_e, mesh.half_p_m)
    per_rest = 1.0 / p.rest_mol_per_m3
    for i in range(state.shape[1]):
        d_n = max(line[0, 1, i] + line[0, 2, i] * (state[last_n, i] - line[0, 0, i]), LEAST * line[0, 1, i])
        d_p = max(line[2, 1, i] + line[2, 2, i] * (state[first_p, i] - line[2, 0, i]), LEAST * line[2, 1, i])
        d_s = line[1, 1, i]
        conductance[n_e - 1, i] = d_n * d_s / (mesh.half_n_m * d_s + mesh.half_s_m * d_n)
        conductance[n_e, i] = d_p * d_s / (mesh.half_p_m * d_s + mesh.half_s_m * d_p)
        near = d_n * mesh.half_s_m
        far = d_s * mesh.half_n_m
        at_separator = (near * state[last_n, i] + far * state[last_n + 1, i]) / (near + far)
        per_area = 1.0 / work.area_m2[i]
        work.log_separator[i] = near_log(max(at_separator * per_rest, LEAST))
        ohm_n[i] *= per_area
        ohm[i] = ohm_n[i] + per_area * ohm[i]


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
