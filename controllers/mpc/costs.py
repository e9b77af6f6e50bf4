"""What a plan costs: energy of the actuators, heat lost in the cells, ageing, and the heat left at its end.

Straight and curved parts about the plan before, in EUR per second of a stage::

    energy(u) = e [ P_c(c) + P_h h + P_fan (max(r, c) - ram)₊³ + P_pump m(u)³ ]
    P_c(c)    = P_full max(c (1 - b (1 - c)), c (1 - b (1 - c_least)))
    heat(T)   = e Q ρ(T)/ρ(T_now)
    ageing(T) = price / life 2^((T - 25) / doubling)
    at the end: ageing over another ``TAIL_S``; stored heat at its share of what removing or making it costs,
                where the weather alone would lead out of the bounds

Every second derivative used is that of a convex part, so the program is convex.
"""

from math import log

import numpy as np

from controllers.conditioning import pack_energy_kwh
from controllers.mpc.grid import Trajectory
from controllers.mpc.outlook import Outlook
from controllers.mpc.problem import Stages
from controllers.mpc.reduced_model import CHILL, HEATER, OUTSIDE, ReducedModel, Weather
from controllers.mpc.settings import MpcSettings
from thermal_bms.description import PackDescription
from thermal_bms.units import SECONDS_PER_HOUR, FloatArray

TAIL_S = 3600.0
"""Ageing at the last temperature is counted for so much longer; of the order of the pack's own cooling; assumed."""

OUTSIDE_SHARE = 0.4
"""Of the outside conductance, that is reckoned with for the time after the plan; assumed."""

HOURS_PER_YEAR = 8760.0
CURVATURE_LEAST_W = 50.0
"""Smallest curvature of an actuator's power over its share, so that ties are broken the same way; assumed."""


def ageing_eur_per_s(
    settings: MpcSettings, pack: PackDescription, temp_degc: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return first and second derivative of the ageing cost over temperature [EUR/(K s)], [EUR/(K² s)]."""
    prices = settings.prices
    base = (
        prices.pack_eur_per_kwh
        * pack_energy_kwh(pack)
        / (prices.pack_life_years * HOURS_PER_YEAR * SECONDS_PER_HOUR)
    )
    rate = log(2.0) / prices.ageing_doubles_k
    cost = base * np.exp(rate * (np.minimum(temp_degc, 70.0) - 25.0))
    return rate * cost, rate * rate * cost


def power_slopes_w(
    model: ReducedModel,
    around: Trajectory,
    by: Weather,
    ram: FloatArray,
    chill_least: FloatArray,
    factor: float,
) -> tuple[FloatArray, FloatArray]:
    """Return first and second derivative of the electric power over the shares [W], each of shape (n, 4).

    Below the compressor's lowest speed, less heat means running part of the time: a straight line. Where the cells
    feed the chiller less than that, ``chill_least``, it draws the power of the lowest speed for it.
    """
    n = model.numbers
    shares = around.shares
    first, second = np.zeros_like(shares), np.full_like(shares, CURVATURE_LEAST_W)
    curved = model.chiller.power_curvature
    full_w = factor * model.chiller_power_w(around.medium_degc, by.ambient_degc)
    chill = shares[:, CHILL]
    lowest = model.chill_least
    bursts = (1.0 - curved * (1.0 - lowest)) * np.maximum(lowest / chill_least, 1.0)
    steady = 1.0 - curved + 2.0 * curved * chill
    first[:, CHILL] = full_w * np.where(chill < lowest, bursts, steady)
    second[:, CHILL] += np.where(chill < lowest, 0.0, 2.0 * curved * full_w)
    first[:, HEATER] = model.heater_w
    for path in (CHILL, OUTSIDE) if model.liquid else (CHILL,):
        fan = np.maximum(shares[:, path] - ram, 0.0)
        first[:, path] += 3.0 * n.fan_power_max_w * fan**2
        second[:, path] += 6.0 * n.fan_power_max_w * fan
    rise = 1.0 - model.pump
    duty = model.pump + rise * shares
    first += 3.0 * n.pump_power_max_w * duty**2 * rise
    second += 6.0 * n.pump_power_max_w * duty * rise**2
    return first, second


def stored_price_eur_per_k(
    settings: MpcSettings,
    model: ReducedModel,
    outlook: Outlook,
    by: Weather,
    long_run_w: float,
    power_factor: float,
) -> float:
    """Return what a kelvin of stored heat is worth at the end of the plan [EUR/K]; positive: better gone."""
    n = model.numbers
    energy = float(outlook.energy_price[-1])
    loss_w_per_k = max(n.pack_to_ambient_w_per_k, 1.0)
    outside_degc = float(by.ambient_degc[-1])
    settles_degc = outside_degc + long_run_w / loss_w_per_k
    carried_degc = outside_degc + long_run_w / (loss_w_per_k + OUTSIDE_SHARE * model.outside_w_per_k)
    per_k = settings.bounds.terminal_share * energy * n.cell_heat_capacity_j_per_k
    if settles_degc > outlook.highest_degc[-1] and model.has_chiller:
        if carried_degc < outlook.highest_degc[-1]:
            return 0.0  # outside air will do it
        half = 0.5
        power_w = float(model.chiller_power_w(np.array(25.0), by.ambient_degc[-1])) * half * power_factor
        power_w *= 1.0 - model.chiller.power_curvature * (1.0 - half)
        return per_k * power_w / (half * float(model.chiller_heat_w(np.array(25.0), by.ambient_degc[-1])))
    if settles_degc < outlook.lowest_degc[-1]:
        return -per_k / n.heater_efficiency
    return 0.0


def build_stages(
    settings: MpcSettings,
    model: ReducedModel,
    pack: PackDescription,
    outlook: Outlook,
    around: Trajectory,
    by: Weather,
    *,
    ram: FloatArray,
    spread_k: tuple[float, float],
    long_run_w: float,
    chill_least: FloatArray,
    power_factor: float,
    least: FloatArray,
    most: FloatArray,
) -> Stages:
    """Return the stages of one plan.

    Parameters
    ----------
    settings, model, pack : of the controller and its truck
    outlook : bounds and prices
    around : the plan before, moved on to now
    by : what drives the model
    ram : share of the fan's air that driving makes, shape (n,)
    spread_k : how far the coldest cell is below the mean and the hottest above
    long_run_w : heat of the cells in the long run [W]
    chill_least : share of the chiller's heat at the compressor's lowest speed, or what the cells feed, shape (n,)
    power_factor : learned, on the compressor's power
    least, most : bounds of the shares, shape (n, 4)
    """
    first_w, second_w = power_slopes_w(model, around, by, ram, chill_least, power_factor)
    energy = outlook.energy_price
    ageing, ageing_curved = ageing_eur_per_s(settings, pack, around.cell_degc)
    factor = model.resistance_factor(around.cell_degc, by.now_degc)
    warmer = model.resistance_factor(around.cell_degc + 0.5, by.now_degc)
    terminal = stored_price_eur_per_k(settings, model, outlook, by, long_run_w, power_factor)
    terminal += TAIL_S * float(ageing[-1])
    return Stages(
        input_price=energy[:, None] * first_w,
        input_curvature=energy[:, None] * second_w,
        cell_price=ageing + energy * by.heat_w * (warmer - factor) / 0.5,
        cell_curvature=ageing_curved,
        terminal_price=terminal,
        lowest_degc=outlook.lowest_degc + spread_k[0],
        highest_degc=outlook.highest_degc - spread_k[1],
        below_price=outlook.below_price,
        above_price=outlook.above_price,
        bound_curvature=settings.bounds.price_eur_per_kwh_k2_h * pack_energy_kwh(pack) / SECONDS_PER_HOUR,
        least=least,
        most=most,
    )
