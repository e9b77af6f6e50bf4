"""What a day costs, in EUR: energy, ageing, time, what it leaves for the next day, and the price of violation.

One function for comparing controllers, for tuning them and for looking at prices: ``day_cost``. It takes the figures
of a run (``summary.json`` has them) and a price table, so the same run is priced again without being run again.
"""

from collections.abc import Mapping
from typing import NamedTuple

from scenarios.prices import PriceTable
from thermal_bms.units import SECONDS_PER_HOUR

HOURS_PER_DAY = 24.0
COOLING_COP = 2.5
"""Heat taken from the cells per electric energy of chiller, pump and fan; assumed."""
HEATING_EFFICIENCY = 0.95
"""Heat that reaches the cells per electric energy of the heater; assumed."""
WARM_DEGC, COLD_DEGC = 25.0, 15.0
"""Mean ambient temperatures from which heat in the pack is a burden, and up to which it is worth having."""

PRICED = {
    "driver_eur_per_h": "driver",
    "truck_eur_per_h": "truck",
    "depot_eur_per_kwh": "energy at the depot",
    "public_eur_per_kwh": "energy in public",
    "battery_eur_per_kwh": "battery",
    "violation_eur_per_k_h": "violation",
}
"""The prices, as the price table and as people call them."""


class DayCost(NamedTuple):
    """Parts of the cost of a day [EUR].

    Attributes
    ----------
    energy_eur : from chargers, at the price of each place
    ageing_eur : capacity lost
    time_eur : driver and truck
    charge_left_eur : charge that the day took out of the pack and the depot has to bring back; negative: a gain
    heat_left_eur : electric energy that the heat left in the cells will cost, or negative: save
    violation_eur : cells outside the comfort band while driving or charging
    """

    energy_eur: float
    ageing_eur: float
    time_eur: float
    charge_left_eur: float
    heat_left_eur: float
    violation_eur: float

    @property
    def total_eur(self) -> float:
        """Everything but the price of violation."""
        return self.energy_eur + self.ageing_eur + self.time_eur + self.charge_left_eur + self.heat_left_eur

    @property
    def ranked_eur(self) -> float:
        """The total with the price of violation: what strategies are ranked by and tuned for."""
        return self.total_eur + self.violation_eur


def day_cost(kpis: Mapping[str, float], prices: PriceTable) -> DayCost:
    """Return what a run's day costs.

    ::

        energy   = p_depot E_depot + p_public E_public
        ageing   = p_percent loss_per_day max(hours / 24, 1)
        time     = p_driver h_driver + p_truck h_truck
        charge   = p_depot (E_cells at the start - E_cells at the end)
        heat     = p_depot C w (T_end - 25 degC)            see heat_left_electric_kwh
        violation = p_violation K h outside the comfort band, driving or charging

    The charge is priced as it stands in the cells; the loss of bringing it back slowly, 1 to 2 %, is left out.
    NaN where the run does not tell.

    Parameters
    ----------
    kpis : figures of the run by name
    prices : from ``load_prices``
    """
    days = max(kpis["duration_h"] / HOURS_PER_DAY, 1.0)
    per_percent = prices.capacity_eur_per_percent(kpis["pack_energy_kwh"])
    heat_kwh = heat_left_electric_kwh(kpis["heat_left_kwh"], kpis["ambient_temp_mean_degc"])
    return DayCost(
        energy_eur=prices.energy_eur(kpis["grid_depot_kwh"], "depot")
        + prices.energy_eur(kpis["grid_public_kwh"], "public"),
        ageing_eur=per_percent * kpis["ageing_percent_per_day"] * days,
        time_eur=prices.driver_eur_per_h * kpis["driver_h"] + prices.truck_eur_per_h * kpis["truck_h"],
        charge_left_eur=-prices.energy_eur(kpis["charge_left_kwh"], "depot"),
        heat_left_eur=prices.energy_eur(heat_kwh, "depot"),
        violation_eur=prices.violation_eur_per_k_h * kpis["in_use_violation_k_s"] / SECONDS_PER_HOUR,
    )


def fixed_eur(kpis: Mapping[str, float], prices: PriceTable) -> float:
    """Return the part of a day's cost that no thermal management changes [EUR].

    Driving hours, and the energy of the day without thermal system and heat of the cells, at the mean price that the
    day paid for a kWh. Most of a day's cost is this, the same for all; a percentage says more of what is left.

    Parameters
    ----------
    kpis, prices : as in ``day_cost``
    """
    cost = day_cost(kpis, prices)
    supplied_kwh = kpis["grid_depot_kwh"] + kpis["grid_public_kwh"] - kpis["charge_left_kwh"]
    if supplied_kwh <= 0.0:
        return 0.0
    eur_per_kwh = (cost.energy_eur + cost.charge_left_eur) / supplied_kwh
    moved_kwh = supplied_kwh - kpis["thermal_energy_kwh"] - kpis["cell_heat_kwh"]
    return prices.time_eur(kpis["drive_h"]) + eur_per_kwh * moved_kwh


def heat_left_electric_kwh(heat_kwh: float, ambient_temp_degc: float) -> float:
    """Return the electric energy [kWh] that the heat left in the cells will cost; negative: that it will save.

    A controller that stops cooling just before the end of the day saves energy that the next hours pay, and one that
    ends warm on a cold day has already paid. So on a warm day heat above 25 degC costs its way through the chiller,
    1 / COP; on a cold day it saves its way through the heater, 1 / efficiency; between 15 and 25 degC of mean
    ambient temperature both fade linearly to nothing, since such a pack looks after itself. Heat that a long stand
    would let go anyway is overvalued.

    >>> heat_left_electric_kwh(10.0, 35.0)
    4.0
    >>> round(heat_left_electric_kwh(9.5, 0.0), 9)
    -10.0
    """
    middle = 0.5 * (WARM_DEGC + COLD_DEGC)
    share = (ambient_temp_degc - middle) / (WARM_DEGC - middle)
    warm, cold = min(max(share, 0.0), 1.0), min(max(-share, 0.0), 1.0)
    return heat_kwh * (warm / COOLING_COP - cold / HEATING_EFFICIENCY)
