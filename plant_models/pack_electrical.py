"""Electrical side of the pack: two-branch equivalent circuits in series and parallel, closed form for one step.

Each group (current I positive on discharge, constant over the step)::

    V     = U(s, T) + M h - I R0 - v1 - v2,    U(s, T) = U_ref(s) + (T - T_ref) dU/dT(s)
    ds/dt = -I / Q
    dv/dt = (I R - v) / tau,                   exact for constant I
    dh/dt = -gamma |I| / Q (h + sign(I)),      Plett's one-state hysteresis

Heat of a group (Bernardi)::

    q = I (U - V_without_hysteresis) - I T dU/dT + M |I| h^2

The hysteresis branch stores E_h = (M Q / 2 gamma) h^2, so that its loss M |I| h^2 is never negative and the sum of
terminal work and heat equals the loss of the state function ``pack.chemical_energy_j`` exactly.

Over a step the mean voltage is linear in I, so strings in parallel and a power demand have closed solutions.

What a balancer takes from a group flows in that group only: its current is the string's plus ``balance_current_a``,
and the string's source voltage sinks by the sum of R i_b.

References: Bernardi, Pawlikowski, Newman, J. Electrochem. Soc. 132 (1985) 5, doi 10.1149/1.2113792; Plett,
J. Power Sources 134 (2004) 277, doi 10.1016/j.jpowsour.2004.02.033 (enhanced self-correcting model).
"""

import math

import numpy as np

from plant_models.kernels import part
from plant_models.pack import (
    PER_TEMP_STEP_K,
    TEMP_LOW_K,
    CircuitTables,
    PackConstants,
    PackState,
    PackWork,
    row_sum,
)


@part
def look_up_branches(
    tables: CircuitTables,
    constants: PackConstants,
    state: PackState,
    work: PackWork,
    k: int,
    charging: int,
    turns: int,
) -> None:
    """Look up resistances and decay factors of every ``turns``-th group of string ``k``, the next share each call.

    They change slowly (a cell's temperature by some 0.02 K/s at most), so each group's turn once in a few steps is
    enough; a string whose current turned round, or that was never looked up, is looked up whole.
    """
    start = 0
    stride = turns
    if work.string_charging[k] != charging:
        work.string_charging[k] = charging
        stride = 1
    else:
        start = int(work.string_turn[k]) % turns
        work.string_turn[k] = start + 1.0
    n_soc = tables.branch.shape[2]
    n_temp = tables.branch.shape[1]
    c = np.uintp(charging)
    table = tables.branch
    for i in range(start, state.soc.shape[1], stride):
        x = state.soc[k, i] * (n_soc - 1.0)
        a = np.uintp(min(max(x, 0.0), n_soc - 2.0))
        a1 = a + np.uintp(1)
        wx = min(max(x - a, 0.0), 1.0)
        y = (state.core_temp_k[k, i] - TEMP_LOW_K) * PER_TEMP_STEP_K
        b = np.uintp(min(max(y, 0.0), n_temp - 2.0))
        b1 = b + np.uintp(1)
        wy = min(max(y - b, 0.0), 1.0)
        w11 = wx * wy
        w01 = wx - w11
        w10 = wy - w11
        w00 = 1.0 - wx - w10
        factor = constants.resistance_factor[k, i]
        work.r0_ohm[k, i] = factor * (
            w00 * table[c, b, a, 0]
            + w01 * table[c, b, a1, 0]
            + w10 * table[c, b1, a, 0]
            + w11 * table[c, b1, a1, 0]
        )
        work.r1_ohm[k, i] = factor * (
            w00 * table[c, b, a, 1]
            + w01 * table[c, b, a1, 1]
            + w10 * table[c, b1, a, 1]
            + w11 * table[c, b1, a1, 1]
        )
        work.r2_ohm[k, i] = factor * (
            w00 * table[c, b, a, 2]
            + w01 * table[c, b, a1, 2]
            + w10 * table[c, b1, a, 2]
            + w11 * table[c, b1, a1, 2]
        )
        work.decay1[k, i] = (
            w00 * table[c, b, a, 3]
            + w01 * table[c, b, a1, 3]
            + w10 * table[c, b1, a, 3]
            + w11 * table[c, b1, a1, 3]
        )
        work.decay2[k, i] = (
            w00 * table[c, b, a, 4]
            + w01 * table[c, b, a1, 4]
            + w10 * table[c, b1, a, 4]
            + w11 * table[c, b1, a1, 4]
        )


@part
def string_source(
    tables: CircuitTables, constants: PackConstants, state: PackState, work: PackWork, k: int, dt_s: float
) -> None:
    """Write the mean source voltage and resistance of string ``k`` over the step: V = E - R I."""
    per_soc = float(tables.rest.shape[0])
    width = 1.0 / per_soc
    for i in range(state.soc.shape[1]):  # gathers only, so that the next loop runs in vector registers
        x = state.soc[k, i] * per_soc
        a = np.uintp(min(max(x, 0.0), per_soc - 1.0))
        work.group_source_v[k, i] = (x - a) * width
        work.source_v[k, i] = tables.rest[a, 0]
        work.slope_v[k, i] = tables.rest[a, 1]
        work.entropic[k, i] = tables.rest[a, 2]
        work.entropic_slope[k, i] = tables.rest[a, 3]
    for i in range(state.soc.shape[1]):
        wx = work.group_source_v[k, i]
        slope_k = work.entropic_slope[k, i]
        entropic = work.entropic[k, i] + wx * slope_k
        off_k = state.core_temp_k[k, i] - constants.reference_temp_k
        open_v = work.source_v[k, i] + wx * work.slope_v[k, i] + off_k * entropic
        slope_v = work.slope_v[k, i] + off_k * slope_k
        d1 = work.decay1[k, i]
        d2 = work.decay2[k, i]
        work.source_v[k, i] = open_v
        work.slope_v[k, i] = slope_v
        work.entropic[k, i] = entropic
        work.group_source_v[k, i] = (
            open_v
            + constants.hysteresis_v * state.hysteresis[k, i]
            - 0.5 * (1.0 + d1) * state.rc1_v[k, i]
            - 0.5 * (1.0 + d2) * state.rc2_v[k, i]
        )
        work.group_resistance_ohm[k, i] = (
            work.r0_ohm[k, i]
            + 0.5 * (1.0 - d1) * work.r1_ohm[k, i]
            + 0.5 * (1.0 - d2) * work.r2_ohm[k, i]
            + 0.5 * slope_v * dt_s * constants.per_capacity_as[k, i]
        )
    work.string_source_v[k] = row_sum(work.group_source_v, k)
    work.string_resistance_ohm[k] = (
        row_sum(work.group_resistance_ohm, k) + constants.contact_resistance_ohm[k]
    )
    if state.balancing[k] > 0.0:
        for i in range(state.soc.shape[1]):
            work.string_source_v[k] -= work.group_resistance_ohm[k, i] * state.balance_current_a[k, i]


@part
def book_balancing(state: PackState, work: PackWork, k: int, current_a: float) -> None:
    """Write what the balancer took from the groups of string ``k``, less what it returned to them, mean [W]."""
    power_w = 0.0
    if state.balancing[k] > 0.0:
        for i in range(state.soc.shape[1]):
            balance_a = state.balance_current_a[k, i]
            lost_v = work.group_resistance_ohm[k, i] * (current_a + balance_a)
            power_w += balance_a * (work.group_source_v[k, i] - lost_v)
    state.balance_power_w[k] = power_w


@part
def bus_voltage(state: PackState, work: PackWork, power_w: float, charger_current_a: float) -> float:
    """Return the bus voltage [V] at which the closed strings and a charger current carry a power demand.

    From sum((E_k - V) / R_k) + I_charger = P / V, the upper root of G V^2 - S V + P = 0 with G = sum(1/R_k) and
    S = sum(E_k/R_k) + I_charger. A demand beyond the maximum S^2/4G is cut to it. 0 when no string is closed.
    """
    conductance = 0.0
    source = charger_current_a
    for k in range(state.string_closed.shape[0]):
        if state.string_closed[k] > 0.0:
            conductance += 1.0 / work.string_resistance_ohm[k]
            source += work.string_source_v[k] / work.string_resistance_ohm[k]
    if conductance == 0.0:
        return 0.0
    root = source * source - 4.0 * conductance * power_w
    return (source + math.sqrt(max(root, 0.0))) / (2.0 * conductance)


@part
def advance_groups(
    constants: PackConstants, state: PackState, work: PackWork, k: int, string_a: float, dt_s: float
) -> None:
    """Advance charge, branches and hysteresis of string ``k``; write its voltages and heats.

    ``voltage_v`` is what a sensor sees at the end of the step with the current still flowing.
    """
    per_stored_w = 0.5 * constants.hysteresis_v / (constants.hysteresis_rate * dt_s)
    for i in range(state.soc.shape[1]):
        current_a = string_a + state.balance_current_a[k, i]
        sign = 1.0 if current_a > 0.0 else (-1.0 if current_a < 0.0 else 0.0)
        delta_soc = -current_a * dt_s * constants.per_capacity_as[k, i]
        v1 = state.rc1_v[k, i]
        v2 = state.rc2_v[k, i]
        v1_new = v1 * work.decay1[k, i] + current_a * work.r1_ohm[k, i] * (1.0 - work.decay1[k, i])
        v2_new = v2 * work.decay2[k, i] + current_a * work.r2_ohm[k, i] * (1.0 - work.decay2[k, i])
        h = state.hysteresis[k, i]
        x = constants.hysteresis_rate * abs(delta_soc)
        keep = (1.0 - 0.5 * x + x * x / 12.0) / (1.0 + 0.5 * x + x * x / 12.0)  # exp(-x), Pade (2,2)
        h_new = h * keep - sign * (1.0 - keep)
        drop_v = current_a * work.r0_ohm[k, i] + 0.5 * (v1 + v1_new + v2 + v2_new)
        entropic = work.entropic[k, i] + 0.5 * work.entropic_slope[k, i] * delta_soc
        stored_w = constants.capacity_as[k, i] * per_stored_w * (h_new * h_new - h * h)
        state.heat_w[k, i] = (
            current_a * (drop_v - constants.hysteresis_v * h)
            - current_a * state.core_temp_k[k, i] * entropic
            - stored_w
        )
        state.voltage_v[k, i] = (
            work.source_v[k, i]
            + work.slope_v[k, i] * delta_soc
            + constants.hysteresis_v * h_new
            - current_a * work.r0_ohm[k, i]
            - v1_new
            - v2_new
        )
        state.soc[k, i] += delta_soc
        state.rc1_v[k, i] = v1_new
        state.rc2_v[k, i] = v2_new
        state.hysteresis[k, i] = h_new


@part
def pack_electrical_step(
    tables: CircuitTables,
    constants: PackConstants,
    state: PackState,
    work: PackWork,
    power_w: float,
    charger_current_a: float,
    dt_s: float,
) -> float:
    """Advance the electrical side by one step and return the mean bus voltage [V] (0 when all strings are open).

    Parameters
    ----------
    power_w : demand of everything on the bus except the charger, positive takes from the pack [W]
    charger_current_a : current the charger feeds into the bus, >= 0 [A]
    """
    n_strings = state.soc.shape[0]
    turns = 8 if dt_s <= 1.0 else 1
    for k in range(n_strings):
        charging = 1 if power_w < charger_current_a * max(state.string_voltage_v[k], 1.0) else 0
        look_up_branches(tables, constants, state, work, k, charging, turns)
        string_source(tables, constants, state, work, k, dt_s)
    voltage_v = bus_voltage(state, work, power_w, charger_current_a)
    for k in range(n_strings):
        current_a = 0.0
        if state.string_closed[k] > 0.0 and voltage_v > 0.0:
            current_a = (work.string_source_v[k] - voltage_v) / work.string_resistance_ohm[k]
        book_balancing(state, work, k, current_a)
        advance_groups(constants, state, work, k, current_a, dt_s)
        state.string_current_a[k] = current_a
        inner_ohm = work.string_resistance_ohm[k] - constants.contact_resistance_ohm[k]
        state.string_voltage_v[k] = work.string_source_v[k] - inner_ohm * current_a
        state.busbar_heat_w[k] = current_a * current_a * constants.contact_resistance_ohm[k]
    return voltage_v
