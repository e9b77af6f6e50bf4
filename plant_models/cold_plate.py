"""The cold plate under one string: heat transfer and pressure drop, and the split into strings.

Laminar flow (50 % glycol stays below Re 1000 in such plates) has the combined Nusselt number of a pipe with
developing temperature profile, Gnielinski's correlation takes over above Re 4000, and between 2300 and 4000
the two are blended linearly in Re (VDI Heat Atlas G1; Gnielinski 2013, doi
10.1016/j.ijheatmasstransfer.2013.04.015)::

    Nu_lam  = (3.66³ + 0.7³ + (1.615 Gz^(1/3) - 0.7)³)^(1/3),       Gz = Re Pr D / L
    Nu_turb = (f/8) (Re - 1000) Pr / (1 + 12.7 sqrt(f/8) (Pr^(2/3) - 1)),    f = (0.79 ln Re - 1.64)^-2

At rest Nu_lam ends at 3.66, which is also conduction through the standing liquid: that is the floor.
Kernels read the plate's fields (``plate_...``) and the medium's (see ``glycol``) from one record.
"""

import math

import numpy as np
from pydantic import Field

from plant_models.glycol import GLYCOL, conductivity, density, specific_heat, viscosity
from plant_models.kernels import Record, RecordArray, kernel, record
from thermal_bms.parameters import Parameters
from thermal_bms.units import FloatArray

LAMINAR_END = 2300.0
TURBULENT_START = 4000.0


class ColdPlateParameters(Parameters):
    """Channels of one string's plate. The defaults suit a string of 100 kWh."""

    channels: int = Field(
        default=40, ge=1, description="parallel channels per string; assumed, 40 per 100 kWh"
    )
    channel_width_m: float = Field(
        default=0.012, gt=0.0, le=0.2, description="assumed, extruded aluminium plate"
    )
    channel_height_m: float = Field(
        default=0.004, gt=0.0, le=0.05, description="assumed, extruded aluminium plate"
    )
    channel_length_m: float = Field(
        default=1.8, gt=0.0, le=30.0, description="assumed, one pass along a string"
    )
    active_share: float = Field(
        default=0.75, gt=0.0, le=1.0, description="wetted area that takes heat; assumed"
    )
    header_factor: float = Field(
        default=1.5,
        ge=1.0,
        le=10.0,
        description="friction of headers and bends over that of straight channels; assumed",
    )


def plate_numbers(plate: ColdPlateParameters) -> dict[str, float]:
    """Return the fields that the kernels of this module read from a record, derived once.

    The laminar friction constant of a rectangle of aspect ratio a is f Re = 96 (1 - 1.3553 a + 1.9467 a² -
    1.7012 a³ + 0.9564 a⁴ - 0.2537 a⁵) (Shah and London, Laminar Flow Forced Convection in Ducts, 1978, eq.
    341).

    >>> round(plate_numbers(ColdPlateParameters())["plate_friction_constant"], 2)
    102.56
    """
    width, height = plate.channel_width_m, plate.channel_height_m
    aspect = min(width, height) / max(width, height)
    shape = np.polynomial.polynomial.polyval(aspect, (1.0, -1.3553, 1.9467, -1.7012, 0.9564, -0.2537))
    perimeter = 2.0 * (width + height)
    return {
        "plate_flow_area_m2": plate.channels * width * height,
        "plate_diameter_m": 4.0 * width * height / perimeter,
        "plate_length_m": plate.channel_length_m,
        "plate_active_area_m2": plate.channels * perimeter * plate.channel_length_m * plate.active_share,
        "plate_friction_constant": 96.0 * float(shape) * plate.header_factor,
    }


def plate_record(plate: ColdPlateParameters) -> RecordArray:
    """Return the record of a plate filled with 50 % glycol."""
    return record(**plate_numbers(plate), **GLYCOL)


def plate_coolant_mass_kg(plate: ColdPlateParameters) -> float:
    """Return the coolant in the channels of one string's plate [kg], at 20 degC.

    >>> round(plate_coolant_mass_kg(ColdPlateParameters()), 2)
    3.68
    """
    numbers = plate_numbers(plate)
    return (
        numbers["plate_flow_area_m2"]
        * numbers["plate_length_m"]
        * float(density(plate_record(plate)[0], 293.15))
    )


@kernel
def nusselt(reynolds: float, prandtl: float, diameter_per_length: float) -> float:
    """Return the mean Nusselt number of a channel: laminar, blended, turbulent (equations above).

    Parameters
    ----------
    reynolds, prandtl : dimensionless, >= 0
    diameter_per_length : hydraulic diameter over channel length

    >>> round(nusselt(22.0, 108.4, 0.006 / 1.8), 2)
    4.03
    """
    laminar_re = min(reynolds, LAMINAR_END)
    graetz = laminar_re * prandtl * diameter_per_length
    laminar: float = (3.66**3 + 0.7**3 + (1.615 * graetz ** (1.0 / 3.0) - 0.7) ** 3) ** (1.0 / 3.0)
    if reynolds <= LAMINAR_END:
        return laminar
    turbulent_re = max(reynolds, TURBULENT_START)
    friction: float = (0.79 * math.log(turbulent_re) - 1.64) ** -2 / 8.0
    turbulent: float = (
        friction
        * (turbulent_re - 1000.0)
        * prandtl
        / (1.0 + 12.7 * math.sqrt(friction) * (prandtl ** (2.0 / 3.0) - 1.0))
    )
    share: float = min((reynolds - LAMINAR_END) / (TURBULENT_START - LAMINAR_END), 1.0)
    return laminar + share * (turbulent - laminar)


@kernel
def plate_reynolds(p: Record, mass_flow_kg_per_s: float, temp_k: float) -> float:
    """Return the Reynolds number in the channels of one string's plate."""
    return float(mass_flow_kg_per_s * p.plate_diameter_m / (p.plate_flow_area_m2 * viscosity(p, temp_k)))


@kernel
def plate_film_conductance_w_per_k(p: Record, mass_flow_kg_per_s: float, temp_k: float) -> float:
    """Return the conductance from the channel walls of one string to the coolant, without the interface.

    Parameters
    ----------
    p : record with plate and medium fields, see :func:`plate_record`
    mass_flow_kg_per_s : coolant flow of this string, >= 0 [kg/s]
    temp_k : coolant temperature [K]

    Returns
    -------
    conductance [W/K]; at zero flow that of the standing liquid

    >>> round(plate_film_conductance_w_per_k(plate_record(ColdPlateParameters())[0], 0.3532, 303.15))
    582
    """
    reynolds = plate_reynolds(p, mass_flow_kg_per_s, temp_k)
    k = conductivity(p, temp_k)
    prandtl = specific_heat(p, temp_k) * viscosity(p, temp_k) / k
    film = nusselt(reynolds, prandtl, p.plate_diameter_m / p.plate_length_m) * k / p.plate_diameter_m
    return float(film * p.plate_active_area_m2)


@kernel
def plate_resistance_pa_s_per_m3(p: Record, mass_flow_kg_per_s: float, temp_k: float) -> float:
    """Return pressure drop over volume flow of one string's plate, header losses included.

    Laminar: Δp = (f Re) ν ρ L / (2 D²) v, linear in the flow. From Re 2300 on the friction factor falls with
    Re^-0.25 as in Blasius' law, starting from the laminar value.

    Parameters
    ----------
    p : record with plate and medium fields, see :func:`plate_record`
    mass_flow_kg_per_s : coolant flow of this string, >= 0 [kg/s]
    temp_k : coolant temperature [K]

    Returns
    -------
    hydraulic resistance [Pa s/m³]

    >>> p = plate_record(ColdPlateParameters())[0]
    >>> round(plate_resistance_pa_s_per_m3(p, 0.3532, 303.15) * 20.0 / 60000.0)
    1215
    """
    d = p.plate_diameter_m
    laminar: float = p.plate_friction_constant * viscosity(p, temp_k) * p.plate_length_m
    laminar = laminar / (2.0 * d * d * p.plate_flow_area_m2)
    reynolds = plate_reynolds(p, mass_flow_kg_per_s, temp_k)
    if reynolds <= LAMINAR_END:
        return laminar
    return float(laminar * (reynolds / LAMINAR_END) ** 0.75)


@kernel
def branch_conductance(resistance_factors: FloatArray, open_flags: FloatArray) -> float:
    """Return how many clean plates in parallel the open strings amount to.

    Parameters
    ----------
    resistance_factors : hydraulic resistance of each string over that of a clean plate, > 0, shape
        (n_strings,)
    open_flags : 1.0 where the coolant branch is open, else 0.0, shape (n_strings,)

    >>> branch_conductance(np.array([1.0, 2.0, 1.0]), np.array([1.0, 1.0, 0.0]))
    1.5
    """
    total = 0.0
    for k in range(resistance_factors.shape[0]):
        total += open_flags[k] / resistance_factors[k]
    return total


@kernel
def branch_flows(
    resistance_factors: FloatArray, open_flags: FloatArray, mass_flow_kg_per_s: float, out: FloatArray
) -> None:
    """Write each string's flow into ``out`` [kg/s], in inverse proportion to its resistance.

    Arguments as in :func:`branch_conductance`; ``mass_flow_kg_per_s`` is the flow of all strings together
    [kg/s].

    >>> flows = np.zeros(3)
    >>> branch_flows(np.array([1.0, 2.0, 1.0]), np.array([1.0, 1.0, 0.0]), 0.6, flows)
    >>> [round(float(flow), 6) for flow in flows]
    [0.4, 0.2, 0.0]
    """
    total = branch_conductance(resistance_factors, open_flags)
    share = mass_flow_kg_per_s / total if total > 0.0 else 0.0
    for k in range(resistance_factors.shape[0]):
        out[k] = share * open_flags[k] / resistance_factors[k]
