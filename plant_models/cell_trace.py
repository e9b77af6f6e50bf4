"""One cell in air under a given current: the plant's circuit and heat paths, alone, for identification and checks.

The equations are those of the pack (``pack_electrical``, ``pack_thermal``); this module only drives them with a
measured current in place of a power demand. The cooled face touches nothing, and the can loses heat to air at a
given temperature through one conductance.
"""

from typing import NamedTuple

import numpy as np

from plant_models.cell import CellParameters
from plant_models.glycol import air_record
from plant_models.kernels import Record, kernel
from plant_models.pack import CircuitTables, PackArrays, PackParameters, circuit_tables, pack_arrays, views
from plant_models.pack_electrical import advance_groups, look_up_branches, string_source
from plant_models.pack_thermal import back_substitute, eliminate
from thermal_bms.units import FloatArray, degc_to_k, k_to_degc

NOTHING_K_PER_W = 1e12


class CellTrace(NamedTuple):
    """What the cell showed at the end of every step, shape (n_steps,); heat is the mean of the step."""

    voltage_v: FloatArray
    soc: FloatArray
    core_temp_degc: FloatArray
    surface_temp_degc: FloatArray
    heat_w: FloatArray


def trace_measured(
    cell: CellParameters,
    current_a: FloatArray,
    *,
    ambient_degc: FloatArray,
    dt_s: float,
    ambient_w_per_k: float,
    soc: float = 1.0,
    temp_degc: float | None = None,
) -> CellTrace:
    """Return how one cell answers a current, positive on discharge, held over each step.

    Parameters
    ----------
    current_a, ambient_degc : one per step [A], [degC]
    ambient_w_per_k : conductance from the can to the air [W/K]
    soc, temp_degc : at the start; temperature [degC], that of the air when left out

    >>> from plant_models.cell import load_cell
    >>> air = np.full(3, 25.0)
    >>> rest = trace_measured(
    ...     load_cell("nmc_94ah"), np.zeros(3), ambient_degc=air, dt_s=1.0, ambient_w_per_k=0.5, soc=0.5
    ... )
    >>> round(float(rest.surface_temp_degc[-1]), 6)
    25.0
    """
    start_degc = float(ambient_degc[0]) if temp_degc is None else temp_degc
    arrays = alone_in_air(cell, ambient_w_per_k=ambient_w_per_k, soc=soc, temp_degc=start_degc)
    tables = circuit_tables(cell, 1, dt_s)
    out = np.empty((5, current_a.size))
    step_through(tables, arrays, air_record()[0], current_a, degc_to_k(ambient_degc), dt_s, out)
    return CellTrace(out[0], out[1], k_to_degc(out[2]), k_to_degc(out[3]), out[4])


def trace_heated(
    cell: CellParameters,
    heat_w: FloatArray,
    *,
    ambient_degc: FloatArray,
    dt_s: float,
    ambient_w_per_k: float,
    temp_degc: float,
) -> FloatArray:
    """Return the surface temperature [degC] of one cell under a given heat [W], one value per step.

    >>> from plant_models.cell import load_cell
    >>> air = np.full(20000, 25.0)
    >>> bench = {"ambient_degc": air, "dt_s": 10.0, "ambient_w_per_k": 0.5, "temp_degc": 25.0}
    >>> round(float(trace_heated(load_cell("nmc_94ah"), np.full(20000, 2.0), **bench)[-1]), 3)
    29.0
    """
    arrays = alone_in_air(cell, ambient_w_per_k=ambient_w_per_k, soc=0.5, temp_degc=temp_degc)
    out = np.empty(heat_w.size)
    warm_through(arrays, air_record()[0], heat_w, degc_to_k(ambient_degc), dt_s, out)
    return k_to_degc(out)


def alone_in_air(cell: CellParameters, *, ambient_w_per_k: float, soc: float, temp_degc: float) -> PackArrays:
    """Return a pack of two equal cells that touch nothing but air; the first one counts."""
    pack = PackParameters(
        n_strings=1,
        n_series=2,
        n_parallel=1,
        n_temp_sensors=1,
        busbar_resistance_ohm=0.0,
        contactor_resistance_ohm=0.0,
        interface_k_per_w=NOTHING_K_PER_W,
        wall_heat_capacity_j_per_k=1.0,
        housing_heat_capacity_j_per_k=1.0,
        cell_to_housing_w_per_k=ambient_w_per_k,
        housing_to_ambient_w_per_k=0.0,
        capacity_spread=0.0,
        resistance_spread=0.0,
        contact_spread=0.0,
    )
    return pack_arrays(
        pack,
        cell,
        np.random.default_rng(0),
        soc=soc,
        temp_k=degc_to_k(temp_degc),
        coolant_mass_kg=1.0,
        coolant_j_per_kg=0.0,
    )


@kernel
def warm_through(
    arrays: PackArrays,
    medium: Record,
    heat_w: FloatArray,
    ambient_k: FloatArray,
    dt_s: float,
    out: FloatArray,
) -> None:
    """Step the heat paths of string 0 through all heats and write the surface of its first cell [K]."""
    constants, state, work = views(arrays)
    for k in range(heat_w.size):
        for i in range(state.soc.shape[1]):
            state.heat_w[0, i] = heat_w[k]
        state.housing_temp_k[0] = ambient_k[k]
        eliminate(constants, state, work, medium, 0, 0.0, dt_s)
        back_substitute(constants, state, work, 0, 0.0, 0.0, ambient_k[k], dt_s)
        out[k] = state.surface_temp_k[0, 0]


@kernel
def step_through(
    tables: CircuitTables,
    arrays: PackArrays,
    medium: Record,
    current_a: FloatArray,
    ambient_k: FloatArray,
    dt_s: float,
    out: FloatArray,
) -> None:
    """Step string 0 through all currents and write voltage, charge, core, surface and heat of its first cell."""
    constants, state, work = views(arrays)
    for k in range(current_a.size):
        charging = 1 if current_a[k] < 0.0 else 0
        look_up_branches(tables, constants, state, work, 0, charging, 1)
        string_source(tables, constants, state, work, 0, dt_s)
        advance_groups(constants, state, work, 0, current_a[k], dt_s)
        state.housing_temp_k[0] = ambient_k[k]
        eliminate(constants, state, work, medium, 0, 0.0, dt_s)
        back_substitute(constants, state, work, 0, 0.0, 0.0, ambient_k[k], dt_s)
        out[0, k] = state.voltage_v[0, 0]
        out[1, k] = state.soc[0, 0]
        out[2, k] = state.core_temp_k[0, 0]
        out[3, k] = state.surface_temp_k[0, 0]
        out[4, k] = state.heat_w[0, 0]
