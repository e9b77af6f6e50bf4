"""The medium that flows through the pack: water with 50 % ethylene glycol, or air.

Its state is the specific enthalpy h [J/kg], zero at 273.15 K. The specific heat is exactly linear in
temperature, so h(T) and T(h) are exact inverses and energy closes without iteration::

    cp(T) = a + b θ          h(T) = a θ + b θ² / 2          θ = T - 273.15 K
    T(h)  = 273.15 + 2 h / (a + sqrt(a² + 2 b h))           (holds for b = 0 too)

Density, viscosity and conductivity are polynomials in θ, the viscosity of its logarithm. Fitted over -35..80
degC to CoolProp 8.0.0, fluid ``INCOMP::MEG-50%`` at 1.5 bar (by mass; it freezes at -36.0 degC), which takes
its data from Melinder, Properties of Secondary Working Fluids for Indirect Systems, IIR 2010.
``tools/make_glycol_tables.py`` makes the coefficients. Largest fit errors: specific heat 0.8 %, density 0.05
%, conductivity 0.11 %, viscosity below 1e-8.
"""

import math

from plant_models.kernels import Record, RecordArray, kernel, record
from thermal_bms.units import ZERO_DEGC_K

GLYCOL = {
    "density_0_kg_per_m3": 1074.385518,
    "density_1_kg_per_m3k": -0.4312341807,
    "density_2_kg_per_m3k2": -2.183706306e-3,
    "conductivity_0_w_per_mk": 0.3769835388,
    "conductivity_1_w_per_mk2": 6.115304873e-4,
    "log_viscosity_0": -4.837130783,
    "log_viscosity_1_per_k": -4.428859618e-2,
    "log_viscosity_2_per_k2": 3.304579376e-4,
    "log_viscosity_3_per_k3": -1.317420157e-6,
    "cp_a_j_per_kgk": 3196.706183,
    "cp_b_j_per_kgk2": 5.163009157,
}
"""Coefficients of 50 % ethylene glycol over θ in -35..80 K; viscosity in Pa s.

No record may begin with all the fields of another: numba would take one for the other, with a warning.
"""

AIR = {"cp_a_j_per_kgk": 1006.0, "cp_b_j_per_kgk2": 0.0}
"""Dry air at 1 atm: 1005.6 to 1007.4 J/kgK between -30 and 50 degC (CoolProp 8.0.0, Air)."""

AIR_GAS_CONSTANT_J_PER_KGK = 287.05
"""Specific gas constant of dry air (ISO 2533)."""

STANDARD_PRESSURE_PA = 101325.0


def glycol_record() -> RecordArray:
    """Return the record of 50 % glycol that the functions of this module take."""
    return record(**GLYCOL)


def air_record() -> RecordArray:
    """Return the record of air; it serves enthalpy, temperature and specific heat only."""
    return record(**AIR)


@kernel
def enthalpy(p: Record, temp_k: float) -> float:
    """Return the specific enthalpy, zero at 273.15 K.

    Parameters
    ----------
    p : record with cp_a_j_per_kgk [J/kgK] and cp_b_j_per_kgk2 [J/kgK²]
    temp_k : temperature [K], valid from 238 to 353

    Returns
    -------
    specific enthalpy [J/kg]

    >>> round(enthalpy(glycol_record()[0], 293.15), 1)
    64966.7
    """
    theta = temp_k - ZERO_DEGC_K
    return float(theta * (p.cp_a_j_per_kgk + 0.5 * p.cp_b_j_per_kgk2 * theta))


@kernel
def temperature_k(p: Record, enthalpy_j_per_kg: float) -> float:
    """Return the temperature of a specific enthalpy, the exact inverse of :func:`enthalpy`.

    Parameters
    ----------
    p : record with cp_a_j_per_kgk [J/kgK] and cp_b_j_per_kgk2 [J/kgK²]
    enthalpy_j_per_kg : specific enthalpy [J/kg]

    Returns
    -------
    temperature [K]

    >>> round(temperature_k(glycol_record()[0], 64966.7), 3)
    293.15
    """
    a = p.cp_a_j_per_kgk
    h = enthalpy_j_per_kg
    return float(ZERO_DEGC_K + 2.0 * h / (a + math.sqrt(a * a + 2.0 * p.cp_b_j_per_kgk2 * h)))


@kernel
def linear_temperature_k(p: Record, enthalpy_j_per_kg: float) -> tuple[float, float]:
    """Return base [K] and slope [K kg/J] of the tangent to :func:`temperature_k`: T ≈ base + slope h.

    With s = sqrt(a² + 2 b h), the specific heat at h: slope = 1/s and base = T - h/s, both from one division.

    >>> base_k, slope = linear_temperature_k(glycol_record()[0], 64966.7)
    >>> round(base_k + slope * 64966.7, 3), round(1.0 / slope, 1)
    (293.15, 3300.0)
    """
    a = p.cp_a_j_per_kgk
    h = enthalpy_j_per_kg
    s = math.sqrt(a * a + 2.0 * p.cp_b_j_per_kgk2 * h)
    inverse = 1.0 / (s * (a + s))
    return ZERO_DEGC_K + h * (s - a) * inverse, (a + s) * inverse


@kernel
def specific_heat(p: Record, temp_k: float) -> float:
    """Return the specific heat [J/kgK] at a temperature [K]: a + b θ.

    >>> round(specific_heat(glycol_record()[0], 293.15), 1)
    3300.0
    """
    return float(p.cp_a_j_per_kgk + p.cp_b_j_per_kgk2 * (temp_k - ZERO_DEGC_K))


@kernel
def density(p: Record, temp_k: float) -> float:
    """Return the density of the glycol [kg/m³] at a temperature [K].

    >>> round(density(glycol_record()[0], 293.15), 1)
    1064.9
    """
    theta = temp_k - ZERO_DEGC_K
    return float(p.density_0_kg_per_m3 + theta * (p.density_1_kg_per_m3k + theta * p.density_2_kg_per_m3k2))


@kernel
def viscosity(p: Record, temp_k: float) -> float:
    """Return the dynamic viscosity of the glycol [Pa s] at a temperature [K].

    At -20 degC it is six times that at 20 degC.

    >>> round(viscosity(glycol_record()[0], 293.15), 6)
    0.003693
    """
    theta = temp_k - ZERO_DEGC_K
    cubic = p.log_viscosity_2_per_k2 + theta * p.log_viscosity_3_per_k3
    return math.exp(p.log_viscosity_0 + theta * (p.log_viscosity_1_per_k + theta * cubic))


@kernel
def conductivity(p: Record, temp_k: float) -> float:
    """Return the thermal conductivity of the glycol [W/mK] at a temperature [K].

    >>> round(conductivity(glycol_record()[0], 293.15), 4)
    0.3892
    """
    theta = temp_k - ZERO_DEGC_K
    return float(p.conductivity_0_w_per_mk + p.conductivity_1_w_per_mk2 * theta)


@kernel
def air_density(temp_k: float) -> float:
    """Return the density of dry air [kg/m³] at 1 atm and a temperature [K], as an ideal gas.

    >>> round(air_density(293.15), 4)
    1.2041
    """
    return STANDARD_PRESSURE_PA / (AIR_GAS_CONSTANT_J_PER_KGK * temp_k)
