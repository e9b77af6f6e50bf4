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

References: Bernardi, Pawlikowski, Newman, J. Electrochem. Soc. 132 (1985) 5, doi 10.1149/1.2113792; Plett,
J. Power Sources 134 (2004) 277, doi 10.1016/j.jpowsour.2004.02.033 (enhanced self-correcting model).
"""

import math

from plant_models.kernels import kernel
from plant_models.pack import TEMP_LOW_K, TEMP_STEP_K, CircuitTables, PackConstants, PackState, PackWork


@kernel
def look_up(
    tables: CircuitTables, constants: PackConstants, state: PackState, work: PackWork, k: int, charging: int
) -> None:
    """Fill ``work`` for string ``k``: source voltage, resistances and decay factors of every group."""
    n_soc = tables.ocv_v.shape[0]
    n_temp = tables.branch.shape[1]
    per_soc = n_soc - 1.0
    table = tables.branch[charging]
    for i in range(state.soc.shape[1]):
        x = state.soc[k, i] * per_soc
        a = min(max(int(x), 0), n_soc - 2)
        wx = x - a
        temp_k = state.core_temp_k[k, i]
        slope_u = tables.ocv_v[a + 1] - tables.ocv_v[a]
        slope_k = tables.entropic_v_per_k[a + 1] - tables.entropic_v_per_k[a]
        entropic = tables.entropic_v_per_k[a] + wx * slope_k
        off_k = temp_k - constants.reference_temp_k
        work.source_v[k, i] = tables.ocv_v[a] + wx * slope_u + off_k * entropic
        work.slope_v[k, i] = (slope_u + off_k * slope_k) * per_soc
        work.entropic[k, i] = entropic
        work.entropic_slope[k, i] = slope_k * per_soc
        wx = min(max(wx, 0.0), 1.0)
        y = (temp_k - TEMP_LOW_K) / TEMP_STEP_K
        b = min(max(int(y), 0), n_temp - 2)
        wy = min(max(y - b, 0.0), 1.0)
        w00 = (1.0 - wx) * (1.0 - wy)
        w01 = wx * (1.0 - wy)
        w10 = (1.0 - wx) * wy
        w11 = wx * wy
        low = table[b]
        high = table[b + 1]
        factor = constants.resistance_factor[k, i]
        work.r0_ohm[k, i] = factor * (w00 * low[a, 0] + w01 * low[a + 1, 0] + w10 * high[a, 0] + w11 * high[a + 1, 0])
        work.r1_ohm[k, i] = factor * (w00 * low[a, 1] + w01 * low[a + 1, 1] + w10 * high[a, 1] + w11 * high[a + 1, 1])
        work.r2_ohm[k, i] = factor * (w00 * low[a, 2] + w01 * low[a + 1, 2] + w10 * high[a, 2] + w11 * high[a + 1, 2])
        work.decay1[k, i] = w00 * low[a, 3] + w01 * low[a + 1, 3] + w10 * high[a, 3] + w11 * high[a + 1, 3]
        work.decay2[k, i] = w00 * low[a, 4] + w01 * low[a + 1, 4] + w10 * high[a, 4] + w11 * high[a + 1, 4]


@kernel
def string_source(constants: PackConstants, state: PackState, work: PackWork, k: int, dt_s: float) -> None:
    """Write the source voltage and resistance of string ``k`` for the mean of the step: V = E - R I."""
    source_v = 0.0
    resistance_ohm = constants.contact_resistance_ohm[k]
    for i in range(state.soc.shape[1]):
        d1 = work.decay1[k, i]
        d2 = work.decay2[k, i]
        source_v += (
            work.source_v[k, i]
            + constants.hysteresis_v * state.hysteresis[k, i]
            - 0.5 * (1.0 + d1) * state.rc1_v[k, i]
            - 0.5 * (1.0 + d2) * state.rc2_v[k, i]
        )
        resistance_ohm += (
            work.r0_ohm[k, i]
            + 0.5 * (1.0 - d1) * work.r1_ohm[k, i]
            + 0.5 * (1.0 - d2) * work.r2_ohm[k, i]
            + 0.5 * work.slope_v[k, i] * dt_s / constants.capacity_as[k, i]
        )
    work.string_source_v[k] = source_v
    work.string_resistance_ohm[k] = resistance_ohm


@kernel
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


@kernel
def advance_groups(
    constants: PackConstants, state: PackState, work: PackWork, k: int, current_a: float, dt_s: float
) -> float:
    """Advance charge, branches and hysteresis of string ``k``; write voltages and heats; return the mean voltage [V].

    ``voltage_v`` is what a sensor sees at the end of the step with the current still flowing.
    """
    sign = 1.0 if current_a > 0.0 else (-1.0 if current_a < 0.0 else 0.0)
    mean_v = 0.0
    per_step = 1.0 / dt_s
    for i in range(state.soc.shape[1]):
        capacity = constants.capacity_as[k, i]
        delta_soc = -current_a * dt_s / capacity
        v1 = state.rc1_v[k, i]
        v2 = state.rc2_v[k, i]
        v1_new = v1 * work.decay1[k, i] + current_a * work.r1_ohm[k, i] * (1.0 - work.decay1[k, i])
        v2_new = v2 * work.decay2[k, i] + current_a * work.r2_ohm[k, i] * (1.0 - work.decay2[k, i])
        h = state.hysteresis[k, i]
        x = constants.hysteresis_rate * abs(delta_soc)
        keep = (1.0 - 0.5 * x + x * x / 12.0) / (1.0 + 0.5 * x + x * x / 12.0)  # exp(-x), Pade (2,2)
        h_new = h * keep - sign * (1.0 - keep)
        open_v = work.source_v[k, i] + 0.5 * work.slope_v[k, i] * delta_soc
        drop_v = current_a * work.r0_ohm[k, i] + 0.5 * (v1 + v1_new + v2 + v2_new)
        entropic = work.entropic[k, i] + 0.5 * work.entropic_slope[k, i] * delta_soc
        stored_w = 0.5 * constants.hysteresis_v * capacity / constants.hysteresis_rate * (h_new * h_new - h * h) * per_step
        state.heat_w[k, i] = (
            current_a * (drop_v - constants.hysteresis_v * h)
            - current_a * state.core_temp_k[k, i] * entropic
            - stored_w
        )
        mean_v += open_v + constants.hysteresis_v * h - drop_v
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
    return mean_v


@kernel
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
    for k in range(n_strings):
        charging = 1 if (state.string_current_a[k] < 0.0 or charger_current_a > 0.0 or power_w < 0.0) else 0
        look_up(tables, constants, state, work, k, charging)
        string_source(constants, state, work, k, dt_s)
    voltage_v = bus_voltage(state, work, power_w, charger_current_a)
    for k in range(n_strings):
        current_a = 0.0
        if state.string_closed[k] > 0.0 and voltage_v > 0.0:
            current_a = (work.string_source_v[k] - voltage_v) / work.string_resistance_ohm[k]
        mean_v = advance_groups(constants, state, work, k, current_a, dt_s)
        state.string_current_a[k] = current_a
        state.string_voltage_v[k] = mean_v
        state.busbar_heat_w[k] = current_a * current_a * constants.contact_resistance_ohm[k]
    return voltage_v
