"""How fast a cell ages: calendar rates over temperature and charge, cycle rates over depth, C-rate and temperature.

A calendar rate is the k of ``loss = k days^p``, a cycle rate the k of ``loss = k efc^q`` with equivalent full
cycles; the scales of time and cycles that a law is written in are contained. A cycle rate is a product of a
temperature factor and a rate over depth and C-rate. Losses are fractions of the capacity of the new cell, gains
fractions of the resistance of the new cell.
"""

import numpy as np

from plant_models.ageing_parameters import (
    AgeingParameters,
    ArrheniusCapacity,
    NaumannResistance,
    NormalisedCapacity,
    SchmalstiegResistance,
)
from plant_models.cell import CellCircuit
from thermal_bms.units import FloatArray

GAS_CONSTANT_J_PER_MOLK = 8.3144  # as in the laws' own fits
REFERENCE_TEMP_K = 298.15
NORMAL_TEMP_K = 308.15  # T_n of the normalised law is the temperature over this
NORMAL_POTENTIAL_V = 0.123  # anode potential at half charge
STOICHIOMETRY_EMPTY, STOICHIOMETRY_FULL = 0.0085, 0.78
SECONDS_PER_DAY = 86400.0
EFC_CHARGES = 2.0  # one equivalent full cycle moves the capacity out and in


def anode_potential_v(soc: FloatArray) -> FloatArray:
    """Return the potential of a graphite anode at rest against lithium [V].

    The stoichiometry is linear in the charge, 0.0085 to 0.78, whatever the cell: what the life models were fitted
    with. Sources: Safari, Delacourt, J. Electrochem. Soc. 158 (2011) A562, doi 10.1149/1.3567007; stoichiometries
    Schimpe and others 2018, doi 10.1149/2.1181714jes.

    Parameters
    ----------
    soc : charge in 0..1, any shape

    >>> anode_potential_v(np.array([0.5]))
    array([0.1233])
    """
    x = STOICHIOMETRY_EMPTY + soc * (STOICHIOMETRY_FULL - STOICHIOMETRY_EMPTY)
    return np.asarray(
        0.6379
        + 0.5416 * np.exp(-305.5309 * x)
        + 0.0440 * np.tanh(-(x - 0.1958) / 0.1088)
        - 0.1978 * np.tanh((x - 1.0571) / 0.0854)
        - 0.6875 * np.tanh((x + 0.0117) / 0.0529)
        - 0.0175 * np.tanh((x - 0.5692) / 0.0875)
    )


def calendar_loss_rate(
    law: ArrheniusCapacity | NormalisedCapacity, temp_k: FloatArray, soc: FloatArray
) -> FloatArray:
    """Return the k of ``capacity loss = k days^p`` [1/day^p]; equations stand at the law's class.

    >>> from plant_models.ageing_parameters import load_ageing
    >>> float(calendar_loss_rate(load_ageing("lfp").capacity, np.array(298.15), np.array(0.5)))
    0.000495
    """
    potential_v = anode_potential_v(soc)
    if isinstance(law, ArrheniusCapacity):
        exponent = (law.calendar_temp_k + law.calendar_temp_k_per_v * potential_v) / temp_k
        return np.asarray(law.calendar_per_day * np.exp(exponent))
    normal = np.cbrt(potential_v / NORMAL_POTENTIAL_V) * (NORMAL_TEMP_K / temp_k) ** 3
    per_day = law.calendar_per_scale * law.calendar_scale_days**-law.calendar_exponent
    return np.asarray(per_day * np.exp(law.calendar_slope * normal))


def cycle_temp_factor(law: ArrheniusCapacity | NormalisedCapacity, temp_k: FloatArray) -> FloatArray:
    """Return the factor of temperature in the cycle loss rate.

    >>> from plant_models.ageing_parameters import load_ageing
    >>> float(cycle_temp_factor(load_ageing("nmc").capacity, np.array(308.15)))
    1.0
    """
    if isinstance(law, ArrheniusCapacity):
        return np.asarray(np.exp(law.cycle_temp_k / temp_k))
    return np.asarray((temp_k / NORMAL_TEMP_K) ** (3.0 * law.cycle_power))


def cycle_loss_rate(
    law: ArrheniusCapacity | NormalisedCapacity, depth: FloatArray, c_rate: FloatArray
) -> FloatArray:
    """Return the k of ``capacity loss = k efc^q`` without its temperature factor [1/efc^q].

    Parameters
    ----------
    depth : of the cycles, 0..1
    c_rate : mean of charge and discharge, each over the time in its direction [1/h]

    >>> from plant_models.ageing_parameters import load_ageing
    >>> law = load_ageing("nmc").capacity
    >>> float(cycle_loss_rate(law, np.array(1.0), np.array(1.0)) * law.cycle_scale_efc**law.cycle_exponent)
    0.844
    """
    if isinstance(law, ArrheniusCapacity):
        return np.asarray(law.cycle + law.cycle_per_dod * depth + law.cycle_per_c_rate * c_rate)
    per_cycle = law.cycle_per_scale * law.cycle_scale_efc**-law.cycle_exponent
    return np.asarray(per_cycle * (depth**2 * np.sqrt(c_rate)) ** law.cycle_power)


def calendar_gain_rate(
    law: NaumannResistance | SchmalstiegResistance,
    circuit: CellCircuit,
    temp_k: FloatArray,
    soc: FloatArray,
) -> FloatArray:
    """Return the k of ``resistance gain = k days^p`` [1/day^p], never negative; the law's class has the equation.

    >>> from plant_models.ageing_parameters import load_ageing
    >>> from plant_models.cell import load_cell
    >>> law, circuit = load_ageing("lfp").resistance, load_cell("lfp_302ah").circuit
    >>> float(calendar_gain_rate(law, circuit, np.array(298.15), np.array(0.5)) * 3652.5)
    0.106
    """
    if isinstance(law, NaumannResistance):
        inverse_k = 1.0 / temp_k - 1.0 / REFERENCE_TEMP_K
        over_charge = law.calendar_soc_curvature * (soc - 0.5) ** 2 + law.calendar_half_charge
        arrhenius = np.exp(-law.activation_j_per_mol / GAS_CONSTANT_J_PER_MOLK * inverse_k)
        return np.asarray(SECONDS_PER_DAY * law.calendar_per_s * arrhenius * over_charge)
    over_charge = law.calendar_per_v * np.interp(soc, circuit.soc, circuit.ocv_v) + law.calendar_offset
    return np.asarray(law.scale * np.maximum(over_charge, 0.0) * np.exp(law.calendar_temp_k / temp_k))


def cycle_gain_rate(
    law: NaumannResistance | SchmalstiegResistance,
    depth: FloatArray,
    c_rate: FloatArray,
    voltage_rms_v: FloatArray,
) -> FloatArray:
    """Return the resistance gain per equivalent full cycle, never negative; the law's class has the equation.

    >>> from plant_models.ageing_parameters import load_ageing
    >>> law = load_ageing("lfp").resistance
    >>> float(cycle_gain_rate(law, np.array(0.5), np.array(0.5), np.array(3.3)) * 1000.0)
    0.0101
    """
    if isinstance(law, NaumannResistance):
        over_rate = np.maximum(law.cycle_per_c_rate * c_rate + law.cycle_at_rest, 0.0)
        over_depth = np.maximum(law.cycle_dod_cubic * (depth - 0.5) ** 3 + law.cycle_half_depth, 0.0)
        return np.asarray(over_rate * over_depth / 100.0)
    per_ah = (
        law.cycle_per_v2 * (voltage_rms_v - law.cycle_voltage_v) ** 2 + law.cycle + law.cycle_per_dod * depth
    )
    return np.asarray(law.scale * EFC_CHARGES * law.cell_capacity_ah * np.maximum(per_ah, 0.0))


def exponents(parameters: AgeingParameters) -> tuple[float, float, float, float]:
    """Return the powers of time and cycles: calendar loss, cycle loss, calendar gain, cycle gain.

    >>> from plant_models.ageing_parameters import load_ageing
    >>> exponents(load_ageing("nmc"))
    (0.708, 0.467, 0.75, 1.0)
    """
    capacity, resistance = parameters.capacity, parameters.resistance
    gain = resistance.calendar_exponent if isinstance(resistance, SchmalstiegResistance) else 1.0
    return capacity.calendar_exponent, capacity.cycle_exponent, gain, 1.0
