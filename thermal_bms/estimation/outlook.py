"""What the charge is good for: energy left, range left, and the time until the power is cut back."""

import math
from typing import final

from thermal_bms.description import PackDescription
from thermal_bms.estimation.cell_model import CellModel
from thermal_bms.estimation.cell_spread import CellSpread
from thermal_bms.estimation.charge_filter import ChargeFilter
from thermal_bms.estimation.power import CHARGE, DISCHARGE, PowerRatings
from thermal_bms.estimation.settings import EstimationSettings
from thermal_bms.limits import LimitTable

REQUEST_TIME_S = 60.0
WARMING_TIME_S = 300.0
DISTANCE_MIN_M = 5e3
WARMING_MIN_K_PER_S = 1e-5
SHARE_MIN = 0.01


@final
class Outlook:
    """Averages of request, consumption and warming, and what follows from them.

    The requested power is the mean of the pack's power over the last minute. Consumption is energy over distance, both
    forgotten over ``consumption_distance_m``; nothing is said of the range before 5 km.
    """

    __slots__ = (
        "_capacity_ah",
        "_derate_soc",
        "_derate_temp_degc",
        "_distance_m",
        "_energy_j",
        "_heat_w",
        "_hot_degc",
        "_model",
        "_pack",
        "_ratings",
        "_settings",
        "power_w",
        "warming_k_per_s",
    )

    def __init__(
        self,
        model: CellModel,
        pack: PackDescription,
        settings: EstimationSettings,
        ratings: PowerRatings,
        table: LimitTable,
    ) -> None:
        self._model, self._pack, self._settings, self._ratings = model, pack, settings, ratings
        curves = table.derating
        temps = (curves.discharge_over_temp_degc, curves.charge_over_temp_degc)
        socs = (curves.discharge_over_soc, curves.charge_over_soc)
        full = tuple(max(curve.factor) for curve in (*temps, *socs))
        self._derate_temp_degc = tuple(
            max(x for x, f in zip(curve.over, curve.factor, strict=True) if f >= full[n])
            for n, curve in enumerate(temps)
        )
        whole = [
            [x for x, f in zip(curve.over, curve.factor, strict=True) if f >= full[2 + n]]
            for n, curve in enumerate(socs)
        ]
        self._derate_soc = (min(whole[DISCHARGE]), max(whole[CHARGE]))
        self.power_w = 0.0
        self.warming_k_per_s = 0.0
        self._hot_degc = math.nan
        self._heat_w = 0.0
        self._energy_j = self._distance_m = 0.0

    def take(
        self,
        power_w: float,
        heat_w: float,
        speed_m_per_s: float,
        hot_degc: float,
        since_s: float,
        *,
        driving: bool,
    ) -> None:
        """Take in the pack's power and heat [W], the speed [m/s] and the hottest cell [degC] over the seconds since."""
        if since_s <= 0.0:
            return
        gain = since_s / (REQUEST_TIME_S + since_s)
        if power_w - power_w == 0.0:
            self.power_w += gain * (power_w - self.power_w)
            distance_m = speed_m_per_s * since_s
            if driving and distance_m - distance_m == 0.0:
                keep = 1.0 / (1.0 + abs(distance_m) / self._settings.consumption_distance_m)
                self._energy_j = keep * (self._energy_j + power_w * since_s)
                self._distance_m = keep * (self._distance_m + abs(distance_m))
        change_k = hot_degc - self._hot_degc
        if change_k - change_k == 0.0:
            gain = since_s / (WARMING_TIME_S + since_s)
            self.warming_k_per_s += gain * (change_k / since_s - self.warming_k_per_s)
            if heat_w - heat_w == 0.0:
                self._heat_w += gain * (heat_w - self._heat_w)
        self._hot_degc = hot_degc

    def heat_out_w(self, n_strings: int) -> float:
        """Return the heat that leaves the cells of one string now [W]: what they give off less what warms them."""
        return self._heat_w / n_strings - self._pack.heat_capacity_j_per_k * self.warming_k_per_s

    def energy_left_j(self, strings: list[ChargeFilter], low: list[CellSpread]) -> float:
        """Return the energy that the connected strings give until their lowest cell ends its use [J].

        At the requested power; the losses are those of the overpotential at that power.
        """
        model, n_series = self._model, self._pack.n_series
        request_w = max(self.power_w, 0.0) / max(len(strings), 1)
        total_j = 0.0
        for state, spread in zip(strings, low, strict=True):
            end = min(self._pack.usable_soc_min + spread.soc, state.soc)
            stored_j = (model.stored_j(state.soc) - model.stored_j(end)) * (
                state.capacity_as / model.capacity_as
            )
            charge_as = (state.soc - end) * state.capacity_as
            circuit = state.circuit
            ohm = state.resistance * (circuit.r0_discharge_ohm + circuit.r1_ohm + circuit.r2_ohm)
            mean_v = stored_j / charge_as if charge_as > 0.0 else self._pack.cell_voltage_min_v
            current_a = request_w / (n_series * mean_v)
            total_j += n_series * max(stored_j - charge_as * current_a * ohm, 0.0)
        return total_j

    def range_left_m(self, energy_left_j: float) -> float:
        """Return how far that energy goes at the consumption of late [m]; NaN before 5 km, infinite downhill."""
        if self._distance_m < DISTANCE_MIN_M:
            return math.nan
        return energy_left_j * self._distance_m / self._energy_j if self._energy_j > 0.0 else math.inf

    def derate_in_s(
        self, strings: list[ChargeFilter], low: list[CellSpread], high: list[CellSpread]
    ) -> float:
        """Return the time until a limit begins to fall, at the requested power and the warming of late [s].

        The first of: hottest cell at the end of its full factor of temperature, charge at that of charge, extreme
        cell at its voltage limit. 0 when there already, infinite when nothing leads there.
        """
        direction = DISCHARGE if self.power_w >= 0.0 else CHARGE
        sides = low if direction == DISCHARGE else high
        found = [self._by_temperature_s(direction)]
        for state, spread in zip(strings, sides, strict=True):
            found.append(self._by_charge_s(state, spread, direction, len(strings)))
        return min(found)

    def _by_temperature_s(self, direction: int) -> float:
        room_k = self._derate_temp_degc[direction] - self._hot_degc
        if not room_k > 0.0:
            return 0.0 if room_k <= 0.0 else math.nan
        return room_k / self.warming_k_per_s if self.warming_k_per_s > WARMING_MIN_K_PER_S else math.inf

    def _by_charge_s(self, state: ChargeFilter, spread: CellSpread, direction: int, n_strings: int) -> float:
        model, pack = self._model, self._pack
        sign = -1.0 if direction == DISCHARGE else 1.0
        current_a = abs(self.power_w) / (n_strings * pack.n_series * max(state.open_circuit_v, 0.1))
        if current_a < SHARE_MIN * pack.capacity_ah:
            return math.inf
        circuit, off_k = state.circuit, state.temp_degc - model.reference_temp_degc
        ohm = (
            state.resistance
            * (1.0 + spread.resistance)
            * (circuit[direction] + circuit.r1_ohm + circuit.r2_ohm)
        )
        edge_v = self._ratings.voltage_v[direction] - sign * ohm * current_a
        edge_soc = model.soc_of(edge_v, off_k) - sign * spread.soc
        ends = (edge_soc, self._derate_soc[direction])
        end = max(ends) if direction == DISCHARGE else min(ends)
        return max((end - state.soc) * sign, 0.0) * state.capacity_as / current_a
