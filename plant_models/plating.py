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

from plant_models.ageing_parameters import PlatingParameters
from plant_models.ageing_rates import anode_potential_v
from plant_models.cell import CellParameters
from thermal_bms.units import FloatArray, degc_to_k


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


def charge_above_limit_ah(
    limit_a: FloatArray, time_s: FloatArray, row_time_s: FloatArray, charge_current_a: FloatArray
) -> FloatArray:
    """Return the charge that went into the cells of one string above their limits [Ah], shape (n_groups,).

    Parameters
    ----------
    limit_a : limit of every cell, held from the row before, shape (n_limits, n_groups) [A]
    time_s : when each row of ``limit_a`` was found, rising [s]
    row_time_s : ends of the intervals of the current, rising [s]
    charge_current_a : mean charge current of one cell in each interval, >= 0 [A]

    >>> limit = np.array([[1.0, 5.0], [2.0, 5.0]])
    >>> charge_above_limit_ah(limit, np.array([0.0, 3600.0]), np.array([0.0, 3600.0]), np.array([0.0, 4.0]))
    array([2., 0.])
    """
    span_s = np.diff(row_time_s, prepend=row_time_s[:1])
    row = np.clip(np.searchsorted(time_s, row_time_s, side="left"), 0, limit_a.shape[0] - 1)
    above_ah = np.zeros(limit_a.shape[1])
    some = np.flatnonzero(charge_current_a > limit_a.min(axis=1)[row])
    for k in np.unique(row[some]):
        rows = some[row[some] == k]
        over_a = np.maximum(charge_current_a[rows, None] - limit_a[k], 0.0)
        above_ah += span_s[rows] @ over_a / 3600.0
    return above_ah


def plating_loss(
    parameters: PlatingParameters, above_ah: tuple[FloatArray, FloatArray, FloatArray], capacity_ah: float
) -> FloatArray:
    """Return the capacity lost to plating as fractions, low, nominal and high, shape (3, ...).

    ``above_ah`` is the charge above the limit for each of the three shares of the anode.

    >>> from plant_models.ageing_parameters import load_ageing
    >>> one = np.array([1.0])
    >>> plating_loss(load_ageing("lfp").plating, (one, one, one), 100.0)[:, 0]
    array([0.00035 , 0.000945, 0.0035  ])
    """
    shares = np.array(parameters.plated_share) * parameters.lost_share / capacity_ah
    return np.stack([share * above for share, above in zip(shares, above_ah, strict=True)])
