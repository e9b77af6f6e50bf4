"""Lithium plating in charging, for cells without an electrochemical model.

The anode of a charging cell stands at its rest potential less its share of the cell's voltage drop. Above the
current at which this is 0 V, part of the charge plates as lithium, and part of that is never stripped again::

    I_limit = U_a(soc) / (a R(T, soc))
    loss    = p l integral of max(I - I_limit, 0) dt / Q

a is the anode's share of the drop, R the resistance of all branches of the charging cell, p the plated share and l
the lost share. R is that of a long charge, so the law is pessimistic for short pulses. What the shares come from
stands in ``parameter_sets/ageing``; a full electrochemical cell (``spme``) knows its anode potential itself.
"""

import numpy as np
import numpy.typing as npt

from plant_models.ageing_parameters import PlatingParameters
from plant_models.ageing_rates import anode_potential_v
from plant_models.cell import CellParameters
from thermal_bms.units import SECONDS_PER_HOUR, FloatArray, degc_to_k


def charge_resistance_ohm(cell: CellParameters, temp_k: FloatArray, soc: FloatArray) -> FloatArray:
    """Return the resistance of all branches of one charging cell [ohm].

    Linear in charge; its logarithm linear in 1/T; held at the outermost rows of the table.

    Parameters
    ----------
    temp_k : [K]; soc : in 0..1, same shape

    >>> from plant_models.cell import load_cell
    >>> float(charge_resistance_ohm(load_cell("lfp_302ah"), np.array(298.15), np.array(0.8))) * 1e3
    0.46
    """
    circuit = cell.circuit
    total = np.array(circuit.r0_charge_ohm) + np.array(circuit.r1_ohm) + np.array(circuit.r2_ohm)
    grid = np.array(circuit.soc)
    cold_to_warm = -1.0 / degc_to_k(np.array(circuit.temp_degc))
    x = np.clip(np.interp(-1.0 / temp_k, cold_to_warm, np.arange(cold_to_warm.size)), 0.0, None)
    y = np.interp(soc, grid, np.arange(grid.size))
    row = np.minimum(x.astype(int), cold_to_warm.size - 2)
    column = np.minimum(y.astype(int), grid.size - 2)
    across = y - column
    low = total[row, column] * (1.0 - across) + total[row, column + 1] * across
    high = total[row + 1, column] * (1.0 - across) + total[row + 1, column + 1] * across
    return np.asarray(low * (high / low) ** (x - row))


def plating_limit_a(
    cell: CellParameters, anode_share: float, temp_k: FloatArray, soc: FloatArray
) -> FloatArray:
    """Return the charge current of one new cell above which lithium plates [A].

    >>> from plant_models.cell import load_cell
    >>> float(plating_limit_a(load_cell("lfp_302ah"), 0.46, np.array(273.15), np.array(0.8)))
    223.0
    """
    return np.asarray(anode_potential_v(soc) / (anode_share * charge_resistance_ohm(cell, temp_k, soc)))


def lowest_limit_a(cell: CellParameters, anode_share: float, temp_k: FloatArray) -> FloatArray:
    """Return the plating limit at the charge where it is lowest [A], by temperature, shape (n,).

    >>> from plant_models.cell import load_cell
    >>> lowest_limit_a(load_cell("lfp_302ah"), 0.46, np.array([273.15, 298.15]))
    array([182., 374.])
    """
    soc = np.array(cell.circuit.soc)
    temps, charges = np.broadcast_arrays(temp_k[:, None], soc)
    return np.asarray(plating_limit_a(cell, anode_share, temps, charges).min(axis=1))


def held_row(time_s: FloatArray, row_time_s: FloatArray) -> npt.NDArray[np.intp]:
    """Return the first of the instants ``time_s`` that is not before each row; the last where there is none.

    >>> held_row(np.array([0.0, 60.0]), np.array([0.0, 1.0, 60.0, 61.0]))
    array([0, 1, 1, 1])
    """
    return np.minimum(np.searchsorted(time_s, row_time_s, side="left"), time_s.size - 1)


def charge_above_limit_ah(
    limit_a: FloatArray, span_s: FloatArray, charge_current_a: FloatArray
) -> FloatArray:
    """Return the charge that went into cells above their limits [Ah], shape (n_cells,).

    Parameters
    ----------
    limit_a : of every cell [A]
    span_s : lengths of the intervals [s]
    charge_current_a : mean charge current of one cell in each interval, >= 0, the same for all cells [A]

    >>> charge_above_limit_ah(np.array([2.0, 5.0]), np.array([1800.0, 1800.0]), np.array([4.0, 6.0]))
    array([3. , 0.5])
    """
    over_a = np.maximum(charge_current_a[:, None] - limit_a, 0.0)
    return np.asarray((span_s[:, None] * over_a).sum(axis=0) / SECONDS_PER_HOUR)


def plating_loss(parameters: PlatingParameters, above_ah: FloatArray, capacity_ah: float) -> FloatArray:
    """Return the capacity lost to plating as fractions, low, nominal and high, shape (3, ...).

    ``above_ah`` is the charge above the limit for each of the three shares of the anode, shape (3, ...).

    >>> from plant_models.ageing_parameters import load_ageing
    >>> plating_loss(load_ageing("lfp").plating, np.ones((3, 1)), 100.0)[:, 0]
    array([0.00035 , 0.000945, 0.0035  ])
    """
    shares = np.array(parameters.plated_share) * parameters.lost_share / capacity_ah
    return np.asarray((above_ah.T * shares).T)
