"""Thermal side of the pack: core, surface and wall of every group, and the coolant that passes them one by one.

Per group (backward Euler, all temperatures at the end of the step unless marked old)::

    C_s dT_s/dt = G_cs (T_c - T_s) + G_sh (T_h,old - T_s) + q_busbar
    C_c dT_c/dt = q - G_cs (T_c - T_s) - G_cw (T_c - T_w)
    C_w dT_w/dt = G_cw (T_c - T_w) - G_wm (T_w - T_m)
    m  dh_m/dt  = mdot (h_upstream - h_m) + G_wm (T_w - T_m),     T_m = T_m,old + (h_m - h_old) / cp_old

Surface, core and wall are eliminated in closed form, which leaves h_m = beta h_upstream + alpha along the string: a
linear recurrence that ends in outlet = A + B inlet. The coolant loop closes over that (see ``coolant_loop``), then
the temperatures follow by back-substitution. Stable for any flow, zero included, and any step; every flow of heat
enters two balances with the same number, so energy closes to rounding.
"""

from plant_models.glycol import linear_temperature_k
from plant_models.kernels import Record, part
from plant_models.pack import PackConstants, PackState, PackWork, row_sum


@part
def eliminate(
    constants: PackConstants,
    state: PackState,
    work: PackWork,
    medium: Record,
    k: int,
    wall_w_per_k: float,
    dt_s: float,
) -> None:
    """Write, for string ``k``, offset A and gain B of every group's coolant enthalpy against its quarter's inlet.

    ``wall_w_per_k`` is the conductance from wall to coolant of one group. The loop has no carried dependency and runs
    in vector registers; then comes the recurrence along the coolant.
    """
    per_s = 1.0 / dt_s
    c_s = constants.surface_capacity_j_per_k * per_s
    c_c = constants.core_capacity_j_per_k * per_s
    c_w = constants.wall_capacity_j_per_k * per_s
    g_cs = constants.core_to_surface_w_per_k
    g_sh = constants.surface_to_housing_w_per_k
    inv_s = 1.0 / (c_s + g_cs + g_sh)
    core_diagonal = c_c + g_cs - g_cs * g_cs * inv_s
    from_housing = g_sh * state.housing_temp_k[k] + state.busbar_heat_w[k] / state.soc.shape[1]
    flow = state.string_flow_kg_per_s[k]
    mass_rate = constants.coolant_mass_kg * per_s
    for i in range(state.soc.shape[1]):
        g_cw = constants.core_to_wall_w_per_k[k, i]
        b_s = (c_s * state.surface_temp_k[k, i] + from_housing) * inv_s
        core = core_diagonal + g_cw
        wall = core * (c_w + g_cw + wall_w_per_k) - g_cw * g_cw
        inv_both = 1.0 / (core * wall)  # one division for the two
        inv_c = wall * inv_both
        inv_w = core * core * inv_both
        b_c = (c_c * state.core_temp_k[k, i] + state.heat_w[k, i] + g_cs * b_s) * inv_c
        b_w = (c_w * state.wall_temp_k[k, i] + g_cw * b_c) * inv_w
        old = state.coolant_j_per_kg[k, i]
        base_k, inv_cp = linear_temperature_k(medium, old)
        g = wall_w_per_k * (1.0 - wall_w_per_k * inv_w)
        inv_m = 1.0 / (mass_rate + flow + g * inv_cp)
        work.offset[k, i] = (mass_rate * old + wall_w_per_k * b_w - g * base_k) * inv_m
        work.gain[k, i] = flow * inv_m
        work.medium_base_k[k, i] = base_k
        work.medium_gain[k, i] = inv_cp
        work.wall_base_k[k, i] = b_w
        work.wall_gain[k, i] = wall_w_per_k * inv_w
        work.core_base_k[k, i] = b_c
        work.core_gain[k, i] = g_cw * inv_c
        work.surface_base_k[k, i] = b_s
    offset = 0.0
    gain = 1.0
    for i in range(state.soc.shape[1]):
        beta = work.gain[k, i]
        offset = work.offset[k, i] + beta * offset
        gain = beta * gain
        work.offset[k, i] = offset
        work.gain[k, i] = gain


@part
def back_substitute(
    constants: PackConstants,
    state: PackState,
    work: PackWork,
    k: int,
    wall_w_per_k: float,
    inlet_j_per_kg: float,
    ambient_k: float,
    dt_s: float,
) -> None:
    """Write the new temperatures of string ``k`` for a known inlet enthalpy, then advance its housing."""
    per_s = 1.0 / dt_s
    g_sh = constants.surface_to_housing_w_per_k
    surface_gain = constants.core_to_surface_w_per_k / (
        constants.surface_capacity_j_per_k * per_s + constants.core_to_surface_w_per_k + g_sh
    )
    n = state.soc.shape[1]
    for i in range(n):
        new = work.offset[k, i] + work.gain[k, i] * inlet_j_per_kg
        medium_k = work.medium_base_k[k, i] + work.medium_gain[k, i] * new
        wall_k = work.wall_base_k[k, i] + work.wall_gain[k, i] * medium_k
        core_k = work.core_base_k[k, i] + work.core_gain[k, i] * wall_k
        state.coolant_j_per_kg[k, i] = new
        state.wall_temp_k[k, i] = wall_k
        state.core_temp_k[k, i] = core_k
        state.surface_temp_k[k, i] = work.surface_base_k[k, i] + surface_gain * core_k
        work.medium_base_k[k, i] = wall_k - medium_k
    over_coolant_k = row_sum(work.medium_base_k, k)
    surface_sum_k = row_sum(state.surface_temp_k, k)
    housing_k = state.housing_temp_k[k]
    to_housing_w = g_sh * (surface_sum_k - n * housing_k)
    loss = constants.housing_to_ambient_w_per_k
    capacity = constants.housing_capacity_j_per_k * per_s
    new_housing_k = (capacity * housing_k + to_housing_w + state.board_heat_w[k] + loss * ambient_k) / (
        capacity + loss
    )
    state.housing_temp_k[k] = new_housing_k
    state.string_housing_loss_w[k] = loss * (new_housing_k - ambient_k)
    state.string_coolant_heat_w[k] = wall_w_per_k * over_coolant_k
    state.string_outlet_j_per_kg[k] = state.coolant_j_per_kg[k, n - 1]
