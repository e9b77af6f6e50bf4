"""The reference discretisation: shells in both particles and volumes through the electrolyte, all implicit.

Particles (radius over R from 0 to 1, flux f inwards, stoichiometry s)::

    v_k ds_k/dt = D/R^2 [A_(k+1) (s_(k+1) - s_k)/d_(k+1) - A_k (s_k - s_(k-1))/d_k],    f = -+ i / (3 Q)

with the diffusivity at the stoichiometry of the step's start. Shells grow thinner towards the surface.
Backward Euler leaves the surface linear in the current after the forward sweep of each tridiagonal system,
which is all that the step's voltage needs; the backward sweep follows when the current is known.

Electrolyte (porosity e, transport efficiency b)::

    e dc/dt = d/dx (b D(c, T) dc/dx) + d/dx((1 - t+) i_e) / F

with the current i_e linear in the electrodes and constant between.

The voltage sees the electrolyte of the step's start, the reported end-of-step voltage its end.

State rows: shells of the negative particle from centre to surface, of the positive one, electrolyte
concentrations from the negative collector to the positive [mol/m3].
"""

from typing import NamedTuple

import numpy as np

from plant_models.kernels import Record, RecordArray, kernel
from plant_models.spme import (
    SpmeView,
    SpmeWork,
    book_heat,
    linearise,
    look_up_temperature,
    observe,
    spme_view,
    spme_work,
)
from plant_models.spme_parameters import FARADAY_C_PER_MOL, SpmeParameters
from plant_models.spme_tables import SpmeTables, diffusion_at, electrolyte_line, energy_at
from thermal_bms.units import FloatArray

SURFACE_REFINEMENT = 1.8  # radius = 1 - (1 - k/n)^1.8: outermost of 20 shells 0.5 % of the radius


class ReferenceMesh(NamedTuple):
    """Geometry of shells and volumes.

    Attributes
    ----------
    shell_volume : over 4 pi R^3, shape (n_shells,)
    shell_face : area over distance of the inner face of each shell, 0 at the centre, shape (n_shells,)
    shell_to_surface : distance from the outermost node to the surface, over R
    shell_energy : weights of a mean over the particle, shape (n_shells,)
    volume_m : porosity times width, shape (n_volumes,)
    half_m : half width over transport efficiency, shape (n_volumes,)
    source : share of the current that enters, +1/n negative, -1/n positive, shape (n_volumes,)
    face_current : share of the current in the electrolyte at each volume's right face, shape (n_volumes,)
    ohmic_m : weight of 1/conductivity in the ohmic drop, shape (n_volumes,)
    n_negative, n_separator : counts of volumes
    """

    shell_volume: FloatArray
    shell_face: FloatArray
    shell_to_surface: float
    shell_energy: FloatArray
    volume_m: FloatArray
    half_m: FloatArray
    source: FloatArray
    face_current: FloatArray
    ohmic_m: FloatArray
    n_negative: int
    n_separator: int


class ReferenceScratch(NamedTuple):
    """Sweeps of the tridiagonal systems and face conductances, shapes (rows, n_cells)."""

    upper: FloatArray
    right: FloatArray
    transport: FloatArray
    transference: FloatArray


def reference_mesh(
    cell: SpmeParameters, *, n_shells: int = 20, n_electrode: int = 10, n_separator: int = 5
) -> ReferenceMesh:
    """Return the mesh for numbers of shells per particle and of volumes per electrode and separator."""
    edge = 1.0 - (1.0 - np.linspace(0.0, 1.0, n_shells + 1)) ** SURFACE_REFINEMENT
    node = 0.5 * (edge[1:] + edge[:-1])
    volume = (edge[1:] ** 3 - edge[:-1] ** 3) / 3.0
    face = np.concatenate([[0.0], edge[1:-1] ** 2 / np.diff(node)])
    n, s, p = cell.negative, cell.separator, cell.positive
    thickness_m = (n.thickness_m, s.thickness_m, p.thickness_m)
    counts = (n_electrode, n_separator, n_electrode)
    widths = [thick / count for thick, count in zip(thickness_m, counts, strict=True)]
    width = np.repeat(widths, counts)
    porosity = np.repeat([n.porosity, s.porosity, p.porosity], counts)
    bruggeman = [n.bruggeman_electrolyte, s.bruggeman_electrolyte, p.bruggeman_electrolyte]
    transport = porosity ** np.repeat(bruggeman, counts)
    depth = np.linspace(0.0, 1.0, n_electrode + 1)
    squares = np.diff(depth**3) / 3.0
    ohmic = np.concatenate(
        [n.thickness_m * squares, np.full(n_separator, widths[1]), p.thickness_m * squares[::-1]]
    )
    share = np.full(n_electrode, 1.0 / n_electrode)
    return ReferenceMesh(
        shell_volume=volume,
        shell_face=face,
        shell_to_surface=float(1.0 - node[-1]),
        shell_energy=3.0 * volume,
        volume_m=porosity * width,
        half_m=0.5 * width / transport,
        source=np.concatenate([share, np.zeros(n_separator), -share]),
        face_current=np.concatenate([depth[1:], np.ones(n_separator), 1.0 - depth[1:]]),
        ohmic_m=ohmic / transport,
        n_negative=n_electrode,
        n_separator=n_separator,
    )


class ReferenceCells(NamedTuple):
    """Cells in the reference discretisation: state rows by cells, and the space to step them."""

    mesh: ReferenceMesh
    state: FloatArray
    work: SpmeWork
    shown: SpmeView
    scratch: ReferenceScratch


def reference_cells(
    cell: SpmeParameters,
    tables: SpmeTables,
    constants: RecordArray,
    *,
    negative: FloatArray,
    positive: FloatArray,
    temp_k: FloatArray,
    mesh: ReferenceMesh | None = None,
) -> ReferenceCells:
    """Return cells at rest with the given stoichiometries, shapes (n_cells,)."""
    mesh = mesh or reference_mesh(cell)
    shells, volumes, n_cells = mesh.shell_volume.size, mesh.volume_m.size, negative.size
    state = np.empty((2 * shells + volumes, n_cells))
    state[:shells] = negative
    state[shells : 2 * shells] = positive
    state[2 * shells :] = cell.electrolyte.concentration_mol_per_m3
    scratch = ReferenceScratch(*(np.zeros((2 * shells + volumes, n_cells)) for _ in ReferenceScratch._fields))
    cells = ReferenceCells(
        mesh, state, spme_work(np.full(n_cells, cell.electrode_area_m2)), spme_view(n_cells), scratch
    )
    cells.shown.negative_surface[:] = negative
    cells.shown.positive_surface[:] = positive
    p = constants[0]
    electrolyte_view(tables, p, cells, temp_k)
    look_up_temperature(tables, p, cells.work, temp_k, -1)
    stored_energy(tables, p, cells, cells.shown.energy_j)
    observe(tables, p, cells.work, cells.shown, temp_k, np.zeros(n_cells))
    return cells


@kernel
def sweep_particle(
    cells: ReferenceCells,
    table: FloatArray,
    factor: FloatArray,
    base: FloatArray,
    per_a: FloatArray,
    start: int,
    flux_s_per_a: float,
    dt_s: float,
) -> None:
    """Eliminate the shells of one particle outwards; write its surface, linear in the current.

    ``flux_s_per_a`` is the inward flux per ampere and electrode area, dt included; ``factor`` the Arrhenius
    factor.
    """
    mesh, state, scratch = cells.mesh, cells.state, cells.scratch
    n = mesh.shell_volume.shape[0]
    n_cells = state.shape[1]
    for k in range(n):
        for i in range(n_cells):
            scratch.transport[start + k, i] = diffusion_at(table, state[start + k, i])
    for i in range(n_cells):
        gain = dt_s * factor[i]
        for k in range(n):
            row = start + k
            volume = mesh.shell_volume[k]
            inner = 0.0
            outer = 0.0
            if k > 0:
                inner = (
                    0.5
                    * gain
                    * mesh.shell_face[k]
                    * (scratch.transport[row, i] + scratch.transport[row - 1, i])
                )
            if k < n - 1:
                outer = (
                    0.5
                    * gain
                    * mesh.shell_face[k + 1]
                    * (scratch.transport[row, i] + scratch.transport[row + 1, i])
                )
            diagonal = volume + inner + outer
            right = volume * state[row, i]
            if k > 0:
                diagonal -= inner * scratch.upper[row - 1, i]
                right += inner * scratch.right[row - 1, i]
            inverse = 1.0 / diagonal
            scratch.upper[row, i] = outer * inverse
            scratch.right[row, i] = right * inverse
            if k == n - 1:
                flux = flux_s_per_a / cells.work.area_m2[i]
                scratch.upper[row, i] = flux * inverse
                base[i] = scratch.right[row, i]
                per_a[i] = flux * inverse + flux * mesh.shell_to_surface / (gain * scratch.transport[row, i])


@kernel
def fill_particle(cells: ReferenceCells, start: int, current_a: FloatArray) -> None:
    """Write the new stoichiometries of one particle's shells, from the surface inwards."""
    state, scratch = cells.state, cells.scratch
    n = cells.mesh.shell_volume.shape[0]
    last = start + n - 1
    for i in range(state.shape[1]):
        state[last, i] = scratch.right[last, i] + scratch.upper[last, i] * current_a[i]
    for k in range(n - 2, -1, -1):
        for i in range(state.shape[1]):
            state[start + k, i] = (
                scratch.right[start + k, i] + scratch.upper[start + k, i] * state[start + k + 1, i]
            )


@kernel
def advance_electrolyte(cells: ReferenceCells, current_a: FloatArray, dt_s: float) -> None:
    """Advance the electrolyte by one implicit step with the transport looked up at its start."""
    mesh, state, scratch = cells.mesh, cells.state, cells.scratch
    start = 2 * mesh.shell_volume.shape[0]
    n = mesh.volume_m.shape[0]
    per_faraday = dt_s / FARADAY_C_PER_MOL
    for k in range(n):
        row = start + k
        for i in range(state.shape[1]):
            inner = 0.0
            outer = 0.0
            migration = 0.0
            if k > 0:
                resist = (
                    mesh.half_m[k] / scratch.transport[row, i]
                    + mesh.half_m[k - 1] / scratch.transport[row - 1, i]
                )
                inner = dt_s / resist
                mean = 0.5 * (scratch.transference[row, i] + scratch.transference[row - 1, i])
                migration += mean * mesh.face_current[k - 1]
            if k < n - 1:
                resist = (
                    mesh.half_m[k] / scratch.transport[row, i]
                    + mesh.half_m[k + 1] / scratch.transport[row + 1, i]
                )
                outer = dt_s / resist
                mean = 0.5 * (scratch.transference[row, i] + scratch.transference[row + 1, i])
                migration -= mean * mesh.face_current[k]
            gain = per_faraday * current_a[i] / cells.work.area_m2[i] * (mesh.source[k] + migration)
            diagonal = mesh.volume_m[k] + inner + outer
            right = mesh.volume_m[k] * state[row, i] + gain
            if k > 0:
                diagonal -= inner * scratch.upper[row - 1, i]
                right += inner * scratch.right[row - 1, i]
            scratch.upper[row, i] = outer / diagonal
            scratch.right[row, i] = right / diagonal
    for i in range(state.shape[1]):
        state[start + n - 1, i] = scratch.right[start + n - 1, i]
    for k in range(n - 2, -1, -1):
        for i in range(state.shape[1]):
            row = start + k
            state[row, i] = scratch.right[row, i] + scratch.upper[row, i] * state[row + 1, i]


@kernel
def electrolyte_view(tables: SpmeTables, p: Record, cells: ReferenceCells, temp_k: FloatArray) -> None:
    """Write mean logarithms and resistances of the electrolyte, and its transport for the next step.

    Logarithms of products: the concentrations of an electrode are multiplied, which costs one logarithm each.
    """
    mesh, state, scratch, work = cells.mesh, cells.state, cells.scratch, cells.work
    start = 2 * mesh.shell_volume.shape[0]
    n = mesh.volume_m.shape[0]
    n_n = mesh.n_negative
    first_p = n_n + mesh.n_separator
    per_rest = 1.0 / p.rest_mol_per_m3
    for i in range(state.shape[1]):
        product_n = 1.0
        product_p = 1.0
        ohm_n = 0.0
        ohm = 0.0
        for k in range(n):
            row = start + k
            c = max(state[row, i], 1.0)
            d, conductivity, t, _, _ = electrolyte_line(p, tables.electrolyte, temp_k[i], c)
            scratch.transport[row, i] = d
            scratch.transference[row, i] = t
            drop = mesh.ohmic_m[k] / conductivity
            ohm += drop
            if k < n_n:
                ohm_n += drop
                product_n *= c * per_rest
            elif k >= first_p:
                product_p *= c * per_rest
        near = scratch.transport[start + n_n - 1, i] / mesh.half_m[n_n - 1]
        far = scratch.transport[start + n_n, i] / mesh.half_m[n_n]
        at_separator = (near * state[start + n_n - 1, i] + far * state[start + n_n, i]) / (near + far)
        per_area = 1.0 / work.area_m2[i]
        work.log_n[i] = np.log(product_n) / n_n
        work.log_p[i] = np.log(product_p) / (n - first_p)
        work.log_separator[i] = np.log(max(at_separator, 1.0) * per_rest)
        work.electrolyte_ohm[i] = ohm * per_area
        work.electrolyte_n_ohm[i] = ohm_n * per_area


@kernel
def stored_energy(tables: SpmeTables, p: Record, cells: ReferenceCells, energy_j: FloatArray) -> None:
    """Write the chemical energy of every cell [J]: E = -Q_n int H_n - Q_p int H_p, summed over the shells."""
    mesh, state = cells.mesh, cells.state
    n = mesh.shell_volume.shape[0]
    for i in range(state.shape[1]):
        total = 0.0
        for k in range(n):
            negative = p.charge_n_c_per_m2 * energy_at(tables.negative, state[k, i])
            positive = p.charge_p_c_per_m2 * energy_at(tables.positive, state[n + k, i])
            total -= mesh.shell_energy[k] * (negative + positive)
        energy_j[i] = total * cells.work.area_m2[i]


@kernel
def reference_source(
    tables: SpmeTables, p: Record, cells: ReferenceCells, temp_k: FloatArray, guess_a: FloatArray, dt_s: float
) -> None:
    """Write the coming step's voltage of every cell, V = E - R I, linearised about ``guess_a`` [A]."""
    work = cells.work
    n = cells.mesh.shell_volume.shape[0]
    look_up_temperature(tables, p, work, temp_k, -1)
    flux_n = -dt_s / (3.0 * p.charge_n_c_per_m2)
    flux_p = dt_s / (3.0 * p.charge_p_c_per_m2)
    sweep_particle(
        cells, tables.negative, work.diffusion_n, work.surface_n, work.surface_n_per_a, 0, flux_n, dt_s
    )
    sweep_particle(
        cells, tables.positive, work.diffusion_p, work.surface_p, work.surface_p_per_a, n, flux_p, dt_s
    )
    linearise(tables, p, work, temp_k, guess_a)


@kernel
def reference_advance(
    tables: SpmeTables,
    p: Record,
    cells: ReferenceCells,
    temp_k: FloatArray,
    current_a: FloatArray,
    dt_s: float,
) -> None:
    """Advance every cell by one step with its current [A]; write heats and what it shows at the end.

    ``reference_source`` must have been called for the same step.
    """
    shown, work = cells.shown, cells.work
    fill_particle(cells, 0, current_a)
    fill_particle(cells, cells.mesh.shell_volume.shape[0], current_a)
    stored_energy(tables, p, cells, shown.heat_mixing_w)
    book_heat(work, shown, temp_k, current_a, 1.0 / dt_s)
    advance_electrolyte(cells, current_a, dt_s)
    electrolyte_view(tables, p, cells, temp_k)
    for i in range(current_a.shape[0]):
        shown.negative_surface[i] = work.surface_n[i] + work.surface_n_per_a[i] * current_a[i]
        shown.positive_surface[i] = work.surface_p[i] + work.surface_p_per_a[i] * current_a[i]
    observe(tables, p, work, shown, temp_k, current_a)
