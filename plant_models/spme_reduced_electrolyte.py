"""The electrolyte of the reduced discretisation: a few volumes, transport looked up once per region."""

import math

from plant_models.kernels import Record, kernel
from plant_models.spme import TURNS
from plant_models.spme_parameters import FARADAY_C_PER_MOL
from plant_models.spme_reduced_cells import ReducedCells
from plant_models.spme_tables import SpmeTables, electrolyte_line
from thermal_bms.units import FloatArray

LEAST = 0.01  # of concentration, diffusivity and conductivity against their usual values: keeps steps finite


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
