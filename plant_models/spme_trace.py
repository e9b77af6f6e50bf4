"""One cell under a given current, its temperature one lump in air: for validation and benchmarks."""

from typing import Literal, NamedTuple

import numpy as np

from plant_models.kernels import Record, RecordArray, kernel, record
from plant_models.spme import SpmeView, SpmeWork, observe
from plant_models.spme_parameters import REFERENCE_TEMP_K, SpmeParameters, StoichiometryWindow
from plant_models.spme_reduced import reduced_advance, reduced_cells, reduced_source
from plant_models.spme_reduced_cells import ReducedCells, ReducedMesh, reduced_mesh
from plant_models.spme_reference import (
    ReferenceCells,
    ReferenceMesh,
    reference_advance,
    reference_cells,
    reference_mesh,
    reference_source,
)
from plant_models.spme_tables import SpmeTables, spme_constants, spme_tables
from thermal_bms.errors import PlantError
from thermal_bms.units import FloatArray, degc_to_k

TRACE_ROWS = 7


class Trace(NamedTuple):
    """What the cell showed at every sample, shape (n_samples,); heats are means over the step before."""

    voltage_v: FloatArray
    anode_potential_v: FloatArray
    temp_k: FloatArray
    heat_w: FloatArray
    heat_mixing_w: FloatArray
    energy_j: FloatArray
    mean_voltage_v: FloatArray


def stoichiometries(window: StoichiometryWindow, soc: float) -> tuple[float, float]:
    """Return negative and positive stoichiometry of a cell at rest at a charge.

    >>> window = StoichiometryWindow(
    ...     negative_empty=0.0, negative_full=0.9, positive_empty=0.9, positive_full=0.3, capacity_ah=5.0
    ... )
    >>> tuple(round(x, 3) for x in stoichiometries(window, 0.5))
    (0.45, 0.6)
    """
    negative = window.negative_empty + soc * (window.negative_full - window.negative_empty)
    return negative, window.positive_empty + soc * (window.positive_full - window.positive_empty)


def trace_cell(
    cell: SpmeParameters,
    current_a: FloatArray,
    *,
    temp_degc: float,
    negative: float,
    positive: float,
    discretisation: Literal["reference", "reduced"],
    dt_s: float = 1.0,
    mixing: bool = True,
    mesh: ReferenceMesh | ReducedMesh | None = None,
) -> Trace:
    """Return the trace of one cell that starts at rest in air of its own temperature.

    Parameters
    ----------
    current_a : at the samples [A], linear between them, positive on discharge
    negative, positive : stoichiometries at the start
    mixing : whether the heat of mixing warms the cell; without it only the surface potentials' heat does

    Raises
    ------
    PlantError
        if a current or stoichiometry is not finite, or the mesh is of the other discretisation.

    >>> from plant_models.spme_parameters import load_spme
    >>> start = {"temp_degc": 25.0, "negative": 0.5, "positive": 0.5}
    >>> rest = trace_cell(load_spme("chen2020"), np.zeros(3), **start, discretisation="reduced")
    >>> round(float(rest.voltage_v[-1]), 3)
    3.839
    """
    if not (np.isfinite(current_a).all() and 0.0 < negative < 1.0 and 0.0 < positive < 1.0):
        raise PlantError(f"{cell.name}: currents must be finite and stoichiometries between 0 and 1")
    tables, constants = spme_tables(cell), spme_constants(cell)
    temp_k = np.array([degc_to_k(temp_degc)])
    start = {"negative": np.array([negative]), "positive": np.array([positive]), "temp_k": temp_k}
    lump = lump_record(cell, ambient_k=float(temp_k[0]), mixing=mixing)
    out = np.empty((TRACE_ROWS, current_a.size))
    if discretisation == "reference":
        mesh = mesh or reference_mesh(cell)
        if not isinstance(mesh, ReferenceMesh):
            raise PlantError("a reference mesh is needed for the reference discretisation")
        cells = reference_cells(cell, tables, constants, **start, mesh=mesh)
        trace_reference(tables, constants[0], cells, lump[0], temp_k, current_a, dt_s, out)
    else:
        mesh = mesh or reduced_mesh(cell)
        if not isinstance(mesh, ReducedMesh):
            raise PlantError("a reduced mesh is needed for the reduced discretisation")
        reduced = reduced_cells(cell, tables, constants, **start, mesh=mesh)
        trace_reduced(tables, constants[0], reduced, lump[0], temp_k, current_a, dt_s, out)
    return Trace(*out)


def lump_record(cell: SpmeParameters, *, ambient_k: float, mixing: bool) -> RecordArray:
    """Return the thermal numbers of the lump, by name."""
    thermal = cell.thermal
    capacity = thermal.heat_capacity_j_per_k(REFERENCE_TEMP_K)
    return record(
        capacity_j_per_k=capacity,
        capacity_slope=thermal.heat_capacity_j_per_k(REFERENCE_TEMP_K + 1.0) - capacity,
        film_w_per_k=thermal.film_w_per_m2k * thermal.cooled_area_m2,
        ambient_k=ambient_k,
        mixing_share=1.0 if mixing else 0.0,
    )


@kernel
def warm(lump: Record, shown: SpmeView, temp_k: FloatArray, dt_s: float) -> None:
    """Advance the lump's temperature by one implicit step."""
    for i in range(temp_k.shape[0]):
        heat = shown.heat_w[i] - (1.0 - lump.mixing_share) * shown.heat_mixing_w[i]
        capacity = (lump.capacity_j_per_k + lump.capacity_slope * (temp_k[i] - REFERENCE_TEMP_K)) / dt_s
        temp_k[i] = (capacity * temp_k[i] + heat + lump.film_w_per_k * lump.ambient_k) / (
            capacity + lump.film_w_per_k
        )


@kernel
def note(out: FloatArray, k: int, work: SpmeWork, shown: SpmeView, temp_k: FloatArray, mean_a: float) -> None:
    """Write one sample of the first cell."""
    out[0, k] = shown.voltage_v[0]
    out[1, k] = shown.anode_potential_v[0]
    out[2, k] = temp_k[0]
    out[3, k] = shown.heat_w[0]
    out[4, k] = shown.heat_mixing_w[0]
    out[5, k] = shown.energy_j[0]
    out[6, k] = work.source_v[0] - work.resistance_ohm[0] * mean_a


@kernel
def trace_reference(
    tables: SpmeTables,
    p: Record,
    cells: ReferenceCells,
    lump: Record,
    temp_k: FloatArray,
    current_a: FloatArray,
    dt_s: float,
    out: FloatArray,
) -> None:
    """Run the reference: each step carries its mean current, each sample shows its own."""
    mean_a = np.empty(1)
    observe(tables, p, cells.work, cells.shown, temp_k, current_a[:1])
    note(out, 0, cells.work, cells.shown, temp_k, 0.0)
    for k in range(1, current_a.shape[0]):
        mean_a[0] = 0.5 * (current_a[k - 1] + current_a[k])
        reference_source(tables, p, cells, temp_k, mean_a, dt_s)
        reference_advance(tables, p, cells, temp_k, mean_a, dt_s)
        warm(lump, cells.shown, temp_k, dt_s)
        observe(tables, p, cells.work, cells.shown, temp_k, current_a[k : k + 1])
        note(out, k, cells.work, cells.shown, temp_k, mean_a[0])


@kernel
def trace_reduced(
    tables: SpmeTables,
    p: Record,
    cells: ReducedCells,
    lump: Record,
    temp_k: FloatArray,
    current_a: FloatArray,
    dt_s: float,
    out: FloatArray,
) -> None:
    """Run the reduced form, as ``trace_reference``."""
    mean_a = np.empty(1)
    observe(tables, p, cells.work, cells.shown, temp_k, current_a[:1])
    note(out, 0, cells.work, cells.shown, temp_k, 0.0)
    for k in range(1, current_a.shape[0]):
        mean_a[0] = 0.5 * (current_a[k - 1] + current_a[k])
        reduced_source(tables, p, cells, temp_k, mean_a, dt_s)
        reduced_advance(tables, p, cells, temp_k, mean_a, dt_s)
        warm(lump, cells.shown, temp_k, dt_s)
        observe(tables, p, cells.work, cells.shown, temp_k, current_a[k : k + 1])
        note(out, k, cells.work, cells.shown, temp_k, mean_a[0])
