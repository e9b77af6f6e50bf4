"""Electrochemical cells for tests: both discretisations behind one pair of names."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from plant_models.kernels import Record
from plant_models.spme_parameters import SpmeParameters, load_spme, stoichiometry_window
from plant_models.spme_reduced import reduced_advance, reduced_cells, reduced_source
from plant_models.spme_reduced_cells import ReducedCells
from plant_models.spme_reference import ReferenceCells, reference_advance, reference_cells, reference_source
from plant_models.spme_tables import SpmeTables, spme_constants, spme_tables
from plant_models.spme_trace import stoichiometries
from thermal_bms.units import FloatArray

NAMES = ("reference", "reduced")


class Bench(NamedTuple):
    """Cells on the bench and how to step them."""

    cell: SpmeParameters
    tables: SpmeTables
    constants: Record
    cells: ReferenceCells | ReducedCells
    source: Callable[..., None]
    advance: Callable[..., None]
    temp_k: FloatArray

    def foresee(self, guess_a: FloatArray, dt_s: float = 1.0) -> None:
        self.source(self.tables, self.constants, self.cells, self.temp_k, guess_a, dt_s)

    def step(self, current_a: FloatArray, dt_s: float = 1.0) -> None:
        self.foresee(current_a, dt_s)
        self.advance(self.tables, self.constants, self.cells, self.temp_k, current_a, dt_s)


def bench(
    name: str,
    set_name: str = "chen2020",
    *,
    soc: float = 0.6,
    temp_k: float = 298.15,
    n_cells: int = 3,
    **mesh: Any,
) -> Bench:
    cell = load_spme(set_name)
    tables, constants = spme_tables(cell), spme_constants(cell)[0]
    negative, positive = stoichiometries(stoichiometry_window(cell), soc)
    temps_k = np.full(n_cells, temp_k)
    start = {
        "negative": np.full(n_cells, negative),
        "positive": np.full(n_cells, positive),
        "temp_k": temps_k,
    }
    if name == "reference":
        reference = reference_cells(cell, tables, constants_array(cell), **start, **mesh)
        return Bench(cell, tables, constants, reference, reference_source, reference_advance, temps_k)
    reduced = reduced_cells(cell, tables, constants_array(cell), **start, **mesh)
    return Bench(cell, tables, constants, reduced, reduced_source, reduced_advance, temps_k)


def constants_array(cell: SpmeParameters) -> Any:  # a record array
    return spme_constants(cell)
