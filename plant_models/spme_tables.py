"""What the electrochemical kernels read: curves, factors over temperature, electrolyte, constants.

All grids are uniform, so that a look-up is a multiplication and two reads. The curves keep the slope of a
linear interpolation, and the energy is its exact integral, so that heat and stored energy close to
rounding.
"""

from typing import NamedTuple

import numpy as np

from plant_models.kernels import Record, RecordArray, kernel, record
from plant_models.spme_parameters import (
    FARADAY_C_PER_MOL,
    GAS_CONSTANT_J_PER_MOLK,
    REFERENCE_TEMP_K,
    ElectrodeParameters,
    SpmeParameters,
    electrode_curves,
    electrolyte_grid,
)
from thermal_bms.units import FloatArray, degc_to_k

N_STOICHIOMETRY = 2001
TEMP_LOW_K = degc_to_k(-40.0)
TEMP_STEP_K = 1.0
N_TEMP = 121
ELECTROLYTE_TEMP_STEP_K = 5.0
N_ELECTROLYTE_TEMP = 25
SHAPE_MIN = 1e-4  # of x^b (1-x)^(1-b): keeps an exhausted surface finite


class SpmeTables(NamedTuple):
    """Tables of one cell.

    Attributes
    ----------
    negative, positive : over stoichiometry 0..1, shape (N_STOICHIOMETRY, 5): potential at 25 degC [V],
        entropic coefficient [V/K], shape of the exchange current, diffusivity over radius squared at 25 degC
        [1/s], integral of the enthalpy potential U - T_ref dU/dT from empty [V]
    temp : over temperature, shape (N_TEMP, 7): Arrhenius factors of diffusion (negative, positive) and
        exchange current (negative, positive); solid resistance of both electrodes between their mean
        potentials and the collectors [ohm m2], of the negative between mean and separator [ohm m2];
        2 (1 - t+) times activity factor at the resting concentration
    electrolyte : over temperature and concentration, shape (N_ELECTROLYTE_TEMP, n, 3): diffusivity [m2/s],
        conductivity [S/m], transference number
    """

    negative: FloatArray
    positive: FloatArray
    temp: FloatArray
    electrolyte: FloatArray


def arrhenius(energy_j_per_mol: float, temp_k: FloatArray) -> FloatArray:
    """Return ``exp(E/R (1/T_ref - 1/T))``.

    >>> round(float(arrhenius(35.0e3, np.array([278.15]))[0]), 3)
    0.362
    """
    return np.asarray(
        np.exp(energy_j_per_mol / GAS_CONSTANT_J_PER_MOLK * (1.0 / REFERENCE_TEMP_K - 1.0 / temp_k))
    )


def spme_tables(cell: SpmeParameters) -> SpmeTables:
    """Return the tables of a parameter set."""
    temp_k = np.linspace(TEMP_LOW_K, TEMP_LOW_K + TEMP_STEP_K * (N_TEMP - 1), N_TEMP)
    n, p = cell.negative, cell.positive
    solid_n = _solid_ohm_m2(n, temp_k)
    solid_p = _solid_ohm_m2(p, temp_k)
    grid_k, concentration, properties = _electrolyte(cell)
    rest = cell.electrolyte.concentration_mol_per_m3
    at_rest = np.array([[np.interp(rest, concentration, row[:, j]) for j in (2, 3)] for row in properties])
    activity = 2.0 * (1.0 - at_rest[:, 0]) * at_rest[:, 1]
    temp = np.stack(
        [
            arrhenius(n.diffusivity_activation_j_per_mol, temp_k),
            arrhenius(p.diffusivity_activation_j_per_mol, temp_k),
            arrhenius(n.exchange_activation_j_per_mol, temp_k),
            arrhenius(p.exchange_activation_j_per_mol, temp_k),
            (solid_n + solid_p) / 3.0,
            solid_n / 6.0,
            np.interp(temp_k, grid_k, activity),
        ],
        axis=1,
    )
    electrolyte = np.ascontiguousarray(properties[:, :, :3])
    return SpmeTables(_curves(n), _curves(p), np.ascontiguousarray(temp), electrolyte)


def _solid_ohm_m2(electrode: ElectrodeParameters, temp_k: FloatArray) -> FloatArray:
    """Return thickness over effective conductivity of the solid."""
    conductivity = electrode.conductivity_s_per_m * electrode_solid_share(electrode)
    return electrode.thickness_m / (
        conductivity * arrhenius(electrode.conductivity_activation_j_per_mol, temp_k)
    )


def electrode_solid_share(electrode: ElectrodeParameters) -> float:
    """Return effective over bulk conductivity of the solid, active fraction to the Bruggeman exponent."""
    return float(electrode.active_fraction**electrode.bruggeman_solid)


def _curves(electrode: ElectrodeParameters) -> FloatArray:
    x = np.linspace(0.0, 1.0, N_STOICHIOMETRY)
    potential, entropic, log_diffusivity = electrode_curves(electrode.table, x)
    b = electrode.exchange_lithium_exponent
    shape = np.maximum(x**b * (1.0 - x) ** (1.0 - b), SHAPE_MIN)
    rate = np.exp(log_diffusivity) / electrode.particle_radius_m**2
    enthalpy = potential - REFERENCE_TEMP_K * entropic
    integral = np.concatenate([[0.0], np.cumsum(0.5 * (enthalpy[1:] + enthalpy[:-1]))]) / (
        N_STOICHIOMETRY - 1.0
    )
    return np.ascontiguousarray(np.stack([potential, entropic, shape, rate, integral], axis=1))


def _electrolyte(cell: SpmeParameters) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the electrolyte on the kernel's temperatures: logarithmic in 1/T for transport, else linear."""
    temp_degc, concentration, values = electrolyte_grid(cell.electrolyte.table)
    high_k = TEMP_LOW_K + ELECTROLYTE_TEMP_STEP_K * (N_ELECTROLYTE_TEMP - 1)
    grid_k = np.linspace(TEMP_LOW_K, high_k, N_ELECTROLYTE_TEMP)
    result = np.empty((N_ELECTROLYTE_TEMP, concentration.size, values.shape[2]))
    known_k = degc_to_k(temp_degc)
    for c in range(concentration.size):
        for j in range(values.shape[2]):
            if j < 2:  # diffusivity and conductivity
                result[:, c, j] = np.exp(np.interp(-1.0 / grid_k, -1.0 / known_k, np.log(values[:, c, j])))
            else:
                result[:, c, j] = np.interp(grid_k, known_k, values[:, c, j])
    return grid_k, concentration, result


def spme_constants(cell: SpmeParameters) -> RecordArray:
    """Return the scalars that kernels read, by name."""
    n, s, p = cell.negative, cell.separator, cell.positive
    _, concentration, _ = electrolyte_grid(cell.electrolyte.table)
    return record(
        charge_n_c_per_m2=n.charge_per_area_c_per_m2,
        charge_p_c_per_m2=p.charge_per_area_c_per_m2,
        exchange_n_a_per_m2=2.0 * n.surface_per_area * n.exchange_current_a_per_m2,
        exchange_p_a_per_m2=2.0 * p.surface_per_area * p.exchange_current_a_per_m2,
        electrolyte_exponent_n=n.exchange_electrolyte_exponent,
        electrolyte_exponent_p=p.exchange_electrolyte_exponent,
        thickness_n_m=n.thickness_m,
        thickness_s_m=s.thickness_m,
        thickness_p_m=p.thickness_m,
        porosity_n=n.porosity,
        porosity_s=s.porosity,
        porosity_p=p.porosity,
        transport_n=n.porosity**n.bruggeman_electrolyte,
        transport_s=s.porosity**s.bruggeman_electrolyte,
        transport_p=p.porosity**p.bruggeman_electrolyte,
        rest_mol_per_m3=cell.electrolyte.concentration_mol_per_m3,
        contact_ohm_m2=cell.contact_resistance_ohm * cell.electrode_area_m2,
        concentration_low=float(concentration[0]),
        per_concentration_step=1.0 / float(concentration[1] - concentration[0]),
        thermal_v_per_k=2.0 * GAS_CONSTANT_J_PER_MOLK / FARADAY_C_PER_MOL,
    )


@kernel
def curve_at(table: FloatArray, x: float) -> tuple[float, float, float, float, float]:
    """Return potential, its slope, entropic coefficient, its slope, and exchange shape at a stoichiometry.

    Beyond 0..1 the outermost interval goes on, so that an exhausted surface shows as a collapsing voltage.
    """
    per = table.shape[0] - 1.0
    a = np.uintp(min(max(x * per, 0.0), per - 1.0))
    b = a + np.uintp(1)
    w = x * per - a
    slope = table[b, 0] - table[a, 0]
    slope_k = table[b, 1] - table[a, 1]
    shape = table[a, 2] + w * (table[b, 2] - table[a, 2])
    return (
        table[a, 0] + w * slope,
        slope * per,
        table[a, 1] + w * slope_k,
        slope_k * per,
        max(shape, SHAPE_MIN),
    )


@kernel
def diffusion_at(table: FloatArray, x: float) -> float:
    """Return diffusivity over radius squared at 25 degC [1/s], held at the ends."""
    per = table.shape[0] - 1.0
    y = min(max(x * per, 0.0), per)
    a = np.uintp(min(y, per - 1.0))
    return float(table[a, 3] + (y - a) * (table[a + np.uintp(1), 3] - table[a, 3]))


@kernel
def energy_at(table: FloatArray, x: float) -> float:
    """Return the integral of the enthalpy potential from empty [V], exact for the linear interpolation."""
    per = table.shape[0] - 1.0
    a = np.uintp(min(max(x * per, 0.0), per - 1.0))
    b = a + np.uintp(1)
    w = x * per - a
    low = table[a, 0] - REFERENCE_TEMP_K * table[a, 1]
    high = table[b, 0] - REFERENCE_TEMP_K * table[b, 1]
    return float(table[a, 4] + w * (low + 0.5 * w * (high - low)) / per)


@kernel
def electrolyte_line(
    p: Record, table: FloatArray, temp_k: float, concentration: float
) -> tuple[float, float, float, float, float]:
    """Return diffusivity [m2/s], conductivity [S/m], transference number and the first two's slopes.

    Slopes are per mol/m3. Bilinear, held at the edges.
    """
    x = min(max((concentration - p.concentration_low) * p.per_concentration_step, 0.0), table.shape[1] - 1.0)
    y = min(max((temp_k - TEMP_LOW_K) / ELECTROLYTE_TEMP_STEP_K, 0.0), table.shape[0] - 1.0)
    a = np.uintp(min(x, table.shape[1] - 2.0))
    b = np.uintp(min(y, table.shape[0] - 2.0))
    a1 = a + np.uintp(1)
    b1 = b + np.uintp(1)
    w = x - a
    v = y - b
    u = 1.0 - v
    d = u * table[b, a, 0] + v * table[b1, a, 0]
    k = u * table[b, a, 1] + v * table[b1, a, 1]
    t = u * table[b, a, 2] + v * table[b1, a, 2]
    step_d = u * table[b, a1, 0] + v * table[b1, a1, 0] - d
    step_k = u * table[b, a1, 1] + v * table[b1, a1, 1] - k
    step_t = u * table[b, a1, 2] + v * table[b1, a1, 2] - t
    per = p.per_concentration_step
    return d + w * step_d, k + w * step_k, t + w * step_t, per * step_d, per * step_k
