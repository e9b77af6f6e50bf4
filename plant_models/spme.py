"""Single-particle model with electrolyte: potentials, currents and heats that both discretisations share.

With I positive on discharge and i = I / A, mean over each electrode marked by <>::

    V       = U_p(y_s, T) - U_n(x_s, T) - eta_n - eta_p + eta_c - I R
    U(x, T) = U(x) + (T - T_ref) dU/dT(x)
    eta     = 2RT/F asinh(i / (2 a L i0)),         i0 = i_ref(T) <c>^a x_s^b (1 - x_s)^(1-b)
    eta_c   = 2 (1 - t+) f RT/F (<ln c_p> - <ln c_n>)
    R A     = int_n (x/L)^2 / k dx + int_s dx / k + int_p (1 - x/L)^2 / k dx + (L/3s)_n + (L/3s)_p

with the local conductivity k(c, T) of the electrolyte: the integrated form of Brosa Planella 2021. <c> is
the geometric mean. The anode potential against lithium at the separator, below zero of which lithium can
plate, is::

    phi = U_n + eta_n - i (L/6s)_n - 2 (1 - t+) f RT/F (ln c_sep - <ln c_n>) + i int_n (x/L)^2 / k dx

Heat, from the terminal voltage and the enthalpy potentials H = U - T_ref dU/dT of everything stored::

    q = -dE/dt - I V,     E = -Q_p int H_p - Q_n int H_n
    q = ohmic (I^2 R - I eta_c) + kinetic (I eta_n + I eta_p)
      + reversible (-I T d(U_p - U_n)/dT) + mixing (the rest)

Mixing is what diffusion in the particles dissipates, less what their profiles store. It is a quarter of the
heat in a truck's hour with the LG M50; models that take the surface potentials only leave it out.

References: Marquis et al., J. Electrochem. Soc. 166 (2019) A3693, doi 10.1149/2.0341915jes; Brosa Planella
et al., Electrochim. Acta 388 (2021) 138524, doi 10.1016/j.electacta.2021.138524; Rao and Newman, J.
Electrochem. Soc. 144 (1997) 2697, doi 10.1149/1.1837884.
"""

import math
from typing import NamedTuple

import numpy as np

from plant_models.kernels import Record, kernel
from plant_models.spme_parameters import REFERENCE_TEMP_K
from plant_models.spme_tables import TEMP_LOW_K, TEMP_STEP_K, SpmeTables, curve_at
from thermal_bms.units import FloatArray

TURNS = 4  # steps of at most 1 s in which every cell's slow properties are looked up once


class SpmeView(NamedTuple):
    """What a cell shows at the end of a step, shape (n_cells,); heats are means over the step.

    ``energy_j`` is what is stored chemically, up to a constant; ``anode_potential_v`` is against lithium at
    the separator; overpotentials carry the sign of the current.
    """

    voltage_v: FloatArray
    anode_potential_v: FloatArray
    negative_surface: FloatArray
    positive_surface: FloatArray
    negative_overpotential_v: FloatArray
    positive_overpotential_v: FloatArray
    concentration_v: FloatArray
    ohmic_v: FloatArray
    heat_ohmic_w: FloatArray
    heat_kinetic_w: FloatArray
    heat_reversible_w: FloatArray
    heat_mixing_w: FloatArray
    heat_w: FloatArray
    energy_j: FloatArray


class SpmeWork(NamedTuple):
    """What one step hands from kernel to kernel, shape (n_cells,).

    ``area_m2`` is the only one to be set from outside: electrode area of a cell, or of parallel cells
    together. ``surface_*`` and ``surface_*_per_a`` give the surface stoichiometries of the coming step,
    linear in its current; ``log_*`` are means of ln(c / c_rest); ``source_v`` and ``resistance_ohm`` are
    the step's voltage V = E - R I.
    """

    area_m2: FloatArray
    diffusion_n: FloatArray
    diffusion_p: FloatArray
    rest_exchange_n_a: FloatArray
    rest_exchange_p_a: FloatArray
    exchange_n_a: FloatArray
    exchange_p_a: FloatArray
    solid_ohm: FloatArray
    solid_separator_ohm: FloatArray
    activity_v: FloatArray
    surface_n: FloatArray
    surface_p: FloatArray
    surface_n_per_a: FloatArray
    surface_p_per_a: FloatArray
    log_n: FloatArray
    log_p: FloatArray
    log_separator: FloatArray
    electrolyte_ohm: FloatArray
    electrolyte_n_ohm: FloatArray
    guess_a: FloatArray
    open_v: FloatArray
    open_v_per_a: FloatArray
    entropic_v_per_k: FloatArray
    source_v: FloatArray
    resistance_ohm: FloatArray


def spme_view(n_cells: int) -> SpmeView:
    """Return an empty view."""
    return SpmeView(*(np.zeros(n_cells) for _ in SpmeView._fields))


def spme_work(area_m2: FloatArray) -> SpmeWork:
    """Return the work space of cells with the given electrode areas [m2]."""
    return SpmeWork(area_m2.copy(), *(np.zeros(area_m2.size) for _ in SpmeWork._fields[1:]))


@kernel
def look_up_temperature(tables: SpmeTables, p: Record, work: SpmeWork, temp_k: FloatArray, turn: int) -> None:
    """Write everything that depends on temperature and electrolyte but not on the current.

    The exchange currents include the electrolyte: (c/c_rest)^a = exp(a <ln c/c_rest>). A temperature
    changes slowly: a cell's turn once in ``TURNS`` steps is enough; all when ``turn`` < 0.
    """
    table = tables.temp
    last = table.shape[0] - 1.0
    for i in range(max(turn, 0), temp_k.shape[0], TURNS if turn >= 0 else 1):
        x = min(max((temp_k[i] - TEMP_LOW_K) / TEMP_STEP_K, 0.0), last)
        a = np.uintp(min(x, last - 1.0))
        b = a + np.uintp(1)
        w = x - a
        v = 1.0 - w
        per_area = 1.0 / work.area_m2[i]
        work.diffusion_n[i] = v * table[a, 0] + w * table[b, 0]
        work.diffusion_p[i] = v * table[a, 1] + w * table[b, 1]
        work.rest_exchange_n_a[i] = (
            (v * table[a, 2] + w * table[b, 2]) * p.exchange_n_a_per_m2 * work.area_m2[i]
        )
        work.rest_exchange_p_a[i] = (
            (v * table[a, 3] + w * table[b, 3]) * p.exchange_p_a_per_m2 * work.area_m2[i]
        )
        work.solid_ohm[i] = (v * table[a, 4] + w * table[b, 4] + p.contact_ohm_m2) * per_area
        work.solid_separator_ohm[i] = (v * table[a, 5] + w * table[b, 5]) * per_area
        work.activity_v[i] = 0.5 * p.thermal_v_per_k * temp_k[i] * (v * table[a, 6] + w * table[b, 6])
    for i in range(temp_k.shape[0]):
        work.exchange_n_a[i] = work.rest_exchange_n_a[i] * math.exp(p.electrolyte_exponent_n * work.log_n[i])
        work.exchange_p_a[i] = work.rest_exchange_p_a[i] * math.exp(p.electrolyte_exponent_p * work.log_p[i])


@kernel
def overpotential_v(thermal_v: float, ratio: float) -> float:
    """Return ``2RT/F asinh(ratio)`` [V] for current over twice the exchange current.

    >>> round(overpotential_v(0.0514, 1.0), 4)
    0.0453
    """
    size = abs(ratio)
    return math.copysign(thermal_v * math.log(size + math.sqrt(size * size + 1.0)), ratio)


@kernel
def linearise(tables: SpmeTables, p: Record, work: SpmeWork, temp_k: FloatArray, guess_a: FloatArray) -> None:
    """Write source voltage and resistance of the coming step, linearised about ``guess_a`` [A]."""
    for i in range(temp_k.shape[0]):
        current = guess_a[i]
        off_k = temp_k[i] - REFERENCE_TEMP_K
        thermal_v = p.thermal_v_per_k * temp_k[i]
        x = work.surface_n[i] + work.surface_n_per_a[i] * current
        y = work.surface_p[i] + work.surface_p_per_a[i] * current
        u_n, slope_n, s_n, ds_n, shape_n = curve_at(tables.negative, x)
        u_p, slope_p, s_p, ds_p, shape_p = curve_at(tables.positive, y)
        scale_n = 1.0 / (work.exchange_n_a[i] * shape_n)
        scale_p = 1.0 / (work.exchange_p_a[i] * shape_p)
        ratio_n = current * scale_n
        ratio_p = current * scale_p
        root_n = math.sqrt(1.0 + ratio_n * ratio_n)
        root_p = math.sqrt(1.0 + ratio_p * ratio_p)
        eta_v = thermal_v * math.log((abs(ratio_n) + root_n) * (abs(ratio_p) + root_p))
        kinetic_ohm = thermal_v * (scale_n / root_n + scale_p / root_p)
        open_v = u_p - u_n + off_k * (s_p - s_n)
        open_v_per_a = (slope_p + off_k * ds_p) * work.surface_p_per_a[i] - (
            slope_n + off_k * ds_n
        ) * work.surface_n_per_a[i]
        concentration_v = work.activity_v[i] * (work.log_p[i] - work.log_n[i])
        ohm = work.solid_ohm[i] + work.electrolyte_ohm[i]
        voltage_v = open_v + concentration_v - math.copysign(eta_v, current) - current * ohm
        resistance = ohm + kinetic_ohm - open_v_per_a
        work.guess_a[i] = current
        work.open_v[i] = open_v
        work.open_v_per_a[i] = open_v_per_a
        work.entropic_v_per_k[i] = s_p - s_n
        work.source_v[i] = voltage_v + resistance * current
        work.resistance_ohm[i] = resistance


@kernel
def book_heat(
    work: SpmeWork, view: SpmeView, temp_k: FloatArray, current_a: FloatArray, per_s: float
) -> None:
    """Write the heats of a step from its mean voltage and the new stored energy.

    On entry ``view.heat_mixing_w`` holds the new stored energy [J] and ``view.energy_j`` the old one. The
    voltage of the step is E - R I, the same that carries the power at the terminals, so that heat, work and
    stored energy close.
    """
    for i in range(temp_k.shape[0]):
        current = current_a[i]
        energy_j = view.heat_mixing_w[i]
        voltage_v = work.source_v[i] - work.resistance_ohm[i] * current
        open_v = work.open_v[i] + work.open_v_per_a[i] * (current - work.guess_a[i])
        concentration_v = work.activity_v[i] * (work.log_p[i] - work.log_n[i])
        ohmic = current * (current * (work.solid_ohm[i] + work.electrolyte_ohm[i]) - concentration_v)
        polarisation = current * (open_v - voltage_v)
        reversible = -current * temp_k[i] * work.entropic_v_per_k[i]
        heat = (view.energy_j[i] - energy_j) * per_s - current * voltage_v
        view.heat_ohmic_w[i] = ohmic
        view.heat_kinetic_w[i] = polarisation - ohmic
        view.heat_reversible_w[i] = reversible
        view.heat_mixing_w[i] = heat - polarisation - reversible
        view.heat_w[i] = heat
        view.energy_j[i] = energy_j


@kernel
def observe(
    tables: SpmeTables, p: Record, work: SpmeWork, view: SpmeView, temp_k: FloatArray, current_a: FloatArray
) -> None:
    """Write voltage, anode potential and overpotentials for the surface stoichiometries in ``view``."""
    for i in range(temp_k.shape[0]):
        current = current_a[i]
        off_k = temp_k[i] - REFERENCE_TEMP_K
        thermal_v = p.thermal_v_per_k * temp_k[i]
        u_n, _, s_n, _, shape_n = curve_at(tables.negative, view.negative_surface[i])
        u_p, _, s_p, _, shape_p = curve_at(tables.positive, view.positive_surface[i])
        eta_n = overpotential_v(thermal_v, current / (work.exchange_n_a[i] * shape_n))
        eta_p = overpotential_v(thermal_v, current / (work.exchange_p_a[i] * shape_p))
        u_n += off_k * s_n
        concentration_v = work.activity_v[i] * (work.log_p[i] - work.log_n[i])
        ohmic_v = current * (work.solid_ohm[i] + work.electrolyte_ohm[i])
        view.negative_overpotential_v[i] = eta_n
        view.positive_overpotential_v[i] = eta_p
        view.concentration_v[i] = concentration_v
        view.ohmic_v[i] = ohmic_v
        view.voltage_v[i] = u_p + off_k * s_p - u_n - eta_n - eta_p + concentration_v - ohmic_v
        view.anode_potential_v[i] = (
            u_n
            + eta_n
            + current * (work.electrolyte_n_ohm[i] - work.solid_separator_ohm[i])
            - work.activity_v[i] * (work.log_separator[i] - work.log_n[i])
        )
