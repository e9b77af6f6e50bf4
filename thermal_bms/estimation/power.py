"""State of power: the constant power that the pack can give and take for 2 s, 10 s, 30 s, and 30 minutes.

A string under a constant current i for a time t has the mean cell voltage ``e(t) - r(t) i`` with

    e = u(s) + m h + e_ocv - k (v1 exp(-t/tau1) + v2 exp(-t/tau2))
    r = k (r0 + r1 (1 - exp(-t/tau1)) + r2 (1 - exp(-t/tau2))) + (drop of u over the charge moved) / i

Its current is limited by the rating times the factors of temperature (coldest and hottest sensor) and charge, by the
voltage limits of its extreme cell, and when charging by the plating table. Strings in parallel share a voltage: the
pack stops at the first string that reaches its limit. Powers are those at the voltage that goes with them, at the end
when discharging and at the start when charging, because that is when the current of a constant power is highest.

"Continuous" is 30 minutes, as in UN Regulation No. 85 (maximum 30 minutes power); there the charge at the end and the
rise of temperature count, and the heat that is carried away now is taken to go on.

Reference: Plett, J. Power Sources 134 (2004) 277 and IEEE Trans. Vehicular Technology 53 (2004) 1586,
doi 10.1109/TVT.2004.832408 (power limits from a cell model over a horizon).
"""

import math
from typing import final

from thermal_bms.description import PackDescription
from thermal_bms.estimation.cell_model import CellModel, Circuit
from thermal_bms.estimation.cell_spread import CellSpread
from thermal_bms.estimation.charge_filter import ChargeFilter
from thermal_bms.faults import FaultCode
from thermal_bms.interpolation import PiecewiseLinear
from thermal_bms.limits import Curve, LimitTable
from thermal_bms.plating import PlatingLimit, load_plating

HORIZONS_S = (2.0, 10.0, 30.0)
CONTINUOUS_S = 1800.0
BISECTIONS = 6
DISCHARGE, CHARGE = 0, 1
DOUBT_SD = 1.0  # charge and capacity are taken this many standard deviations on the careful side


@final
class PowerRatings:
    """What limits one string's cells, from limit table and description."""

    __slots__ = ("capacity_as", "heat_capacity_j_per_k", "n_series", "over_soc", "over_temp", "plating",
                 "rating_a", "voltage_v")  # fmt: skip

    def __init__(self, table: LimitTable, pack: PackDescription) -> None:
        low, high = table.row(FaultCode.CELL_VOLTAGE_LOW), table.row(FaultCode.CELL_VOLTAGE_HIGH)
        curves = table.derating
        self.rating_a = (pack.discharge_current_max_a, pack.charge_current_max_a)
        self.voltage_v = (
            low.level(low.warn, pack) + curves.discharge_reserve_v,
            high.level(high.operate, pack),
        )
        self.over_temp = (_line(curves.discharge_over_temp_degc), _line(curves.charge_over_temp_degc))
        self.over_soc = (_line(curves.discharge_over_soc), _line(curves.charge_over_soc))
        self.plating = PlatingLimit(load_plating(pack.plating)) if pack.plating else None
        self.n_series = pack.n_series
        self.capacity_as = 3600.0 * pack.capacity_ah
        self.heat_capacity_j_per_k = pack.heat_capacity_j_per_k

    def current_a(self, direction: int, soc: float, cold_degc: float, hot_degc: float) -> float:
        """Return what a string may carry at a charge and at its coldest and hottest cell [A]."""
        over_temp = self.over_temp[direction].at
        cold, hot = over_temp(cold_degc), over_temp(hot_degc)
        rated_a = self.rating_a[direction]
        limit_a = rated_a * min(cold, hot, self.over_soc[direction].at(soc))
        if direction == CHARGE and self.plating is not None:
            limit_a = min(limit_a, self.capacity_as / 3600.0 * self.plating.c_rate(cold_degc, soc))
        return limit_a


def _line(curve: Curve) -> PiecewiseLinear:
    return PiecewiseLinear(curve.over, curve.factor)


@final
class StringPower:
    """What one string can do, as numbers per horizon; refreshed at the string's turn.

    Attributes
    ----------
    source_v, resistance_ohm : per direction and horizon, of the mean cell
    limit_a, edge_v : per direction and horizon, highest current, and the mean cell voltage that goes with it
    continuous_w : per direction, of this string alone
    """

    __slots__ = (
        "_away_v",
        "_circuit",
        "_extreme_ohm",
        "_factor",
        "_keeps",
        "_model",
        "_rated_a",
        "_ratings",
        "continuous_a",
        "continuous_w",
        "edge_v",
        "heat_out_w",
        "limit_a",
        "resistance_ohm",
        "source_v",
    )

    def __init__(self, model: CellModel, ratings: PowerRatings) -> None:
        self._model, self._ratings = model, ratings
        n = len(HORIZONS_S)
        self.source_v = ([math.nan] * n, [math.nan] * n)
        self.resistance_ohm = ([math.nan] * n, [math.nan] * n)
        self.limit_a = ([0.0] * n, [0.0] * n)
        self.edge_v = ([math.nan] * n, [math.nan] * n)
        self.continuous_a = [0.0, 0.0]
        self.continuous_w = [0.0, 0.0]
        self._away_v, self._factor = [0.0, 0.0], [1.0, 1.0]
        self._extreme_ohm = ([math.inf] * n, [math.inf] * n)
        self._rated_a = ([0.0] * n, [0.0] * n)
        self.heat_out_w = 0.0
        self._circuit: Circuit | None = None
        self._keeps: list[tuple[float, float, float, float]] = []

    def look_up(
        self, state: ChargeFilter, spread: CellSpread, direction: int, cold_degc: float, hot_degc: float
    ) -> None:
        """Bring up to date what changes slowly in one direction; ``spread`` is that of the cell met first."""
        model, ratings = self._model, self._ratings
        if state.circuit is not self._circuit:
            self._set_circuit(state.circuit)
        sign = -1.0 if direction == DISCHARGE else 1.0
        off_k = state.temp_degc - model.reference_temp_degc
        extreme_soc = state.soc + sign * spread.soc
        doubted_soc = state.soc + sign * DOUBT_SD * state.soc_sd
        at, extreme_v = model.open_circuit_v, model.open_circuit_v(extreme_soc, off_k)
        k = state.resistance + state.resistance_sd
        swing = model.hysteresis_v * (1.0 - sign * state.hysteresis) * model.hysteresis_rate
        capacity_as = state.capacity_as
        r0, limits = state.circuit[direction], self.limit_a[direction]
        self._away_v[direction] = sign * (extreme_v - at(state.soc, off_k))
        self._factor[direction] = k
        for n, (t, _, _, base) in enumerate(self._keeps):
            moved = limits[n] * t / capacity_as
            reach = moved if moved > 0.002 else 0.002
            fall = sign * (at(extreme_soc + sign * reach, off_k) - extreme_v) / reach
            inner = k * (r0 + base)
            resistance = inner + (fall + swing) * t / capacity_as
            self.resistance_ohm[direction][n] = resistance
            self._extreme_ohm[direction][n] = resistance + spread.resistance * inner
            rated_a = ratings.current_a(direction, doubted_soc + sign * moved, cold_degc, hot_degc)
            self._rated_a[direction][n] = rated_a if rated_a > 0.0 else 0.0

    def refresh(self, state: ChargeFilter, direction: int) -> None:
        """Bring source voltage and highest current of the short horizons of one direction up to date."""
        k, rc1_v, rc2_v = self._factor[direction], state.rc1_v, state.rc2_v
        open_v = state.open_circuit_v
        sign = -1.0 if direction == DISCHARGE else 1.0
        room_v = sign * (self._ratings.voltage_v[direction] - open_v) - self._away_v[direction]
        sources, limits, edges = self.source_v[direction], self.limit_a[direction], self.edge_v[direction]
        resistances, rated, extreme = (
            self.resistance_ohm[direction],
            self._rated_a[direction],
            self._extreme_ohm[direction],
        )
        start_v, start_ohm = open_v - k * (rc1_v + rc2_v), k * state.circuit[direction]
        for n, (_, keep1, keep2, _) in enumerate(self._keeps):
            relax_v = k * (rc1_v * keep1 + rc2_v * keep2)
            limit_a = (room_v + sign * relax_v) / extreme[n]
            limit_a = limit_a if limit_a < rated[n] else rated[n]
            limits[n] = limit_a = limit_a if limit_a > 0.0 else 0.0
            sources[n] = source_v = open_v - relax_v
            if direction == DISCHARGE:
                edges[n] = source_v - resistances[n] * limit_a
            else:
                end_v, now_v = source_v + resistances[n] * limit_a, start_v + start_ohm * limit_a
                edges[n] = now_v if now_v < end_v else end_v

    def refresh_continuous(
        self, state: ChargeFilter, spread: CellSpread, direction: int, cold_degc: float, hot_degc: float
    ) -> None:
        """Bring the 30-minute power of one direction up to date by bisection in current."""
        ratings = self._ratings
        low_a, high_a = 0.0, ratings.rating_a[direction]
        last_a = self.continuous_a[direction]
        if last_a > 0.0:
            if self._holds(last_a, state, spread, direction, cold_degc, hot_degc):
                low_a, high_a = last_a, min(high_a, 1.25 * last_a)
            else:
                low_a, high_a = 0.75 * last_a, last_a
                if not self._holds(low_a, state, spread, direction, cold_degc, hot_degc):
                    low_a, high_a = 0.0, low_a
        for _ in range(BISECTIONS):
            current_a = 0.5 * (low_a + high_a)
            if self._holds(current_a, state, spread, direction, cold_degc, hot_degc):
                low_a = current_a
            else:
                high_a = current_a
        self.continuous_a[direction] = low_a
        self.continuous_w[direction] = ratings.n_series * low_a * self._voltage_v(low_a, state, direction)

    def _voltage_v(self, current_a: float, state: ChargeFilter, direction: int) -> float:
        """Return the lowest mean cell voltage while a current flows for 30 minutes: at its end, or at its start."""
        model, circuit = self._model, state.circuit
        k, off_k = state.resistance + state.resistance_sd, state.temp_degc - model.reference_temp_degc
        if direction == CHARGE:
            return state.open_circuit_v + state.resistance * circuit.r0_charge_ohm * current_a
        end_soc = state.soc - current_a * self._per_a(state)
        ohm = k * (circuit.r0_discharge_ohm + circuit.r1_ohm + circuit.r2_ohm)
        return model.open_circuit_v(end_soc, off_k) - model.hysteresis_v - ohm * current_a

    @staticmethod
    def _per_a(state: ChargeFilter) -> float:
        """Return the charge that 30 minutes move per ampere, for the smallest capacity that is likely [1/A]."""
        return CONTINUOUS_S / (state.capacity_as * (1.0 - DOUBT_SD * state.capacity_sd))

    def _holds(
        self,
        current_a: float,
        state: ChargeFilter,
        spread: CellSpread,
        direction: int,
        cold_degc: float,
        hot_degc: float,
    ) -> bool:
        """Return whether a current holds for 30 minutes: charge, temperature, rating and voltage at its end."""
        model, ratings = self._model, self._ratings
        sign = -1.0 if direction == DISCHARGE else 1.0
        circuit = state.circuit
        k = state.resistance + state.resistance_sd
        end_soc = state.soc + sign * (current_a * self._per_a(state) + DOUBT_SD * state.soc_sd)
        if direction == DISCHARGE and end_soc < spread.soc:
            return False
        ohm = k * (circuit[direction] + circuit.r1_ohm + circuit.r2_ohm)
        if ratings.heat_capacity_j_per_k > 0.0:
            heat_w = ratings.n_series * current_a * current_a * ohm - self.heat_out_w
            hot_degc += max(heat_w, 0.0) * CONTINUOUS_S / ratings.heat_capacity_j_per_k
        if current_a > ratings.current_a(direction, end_soc, cold_degc, hot_degc):
            return False
        off_k = state.temp_degc - model.reference_temp_degc
        voltage_v = model.open_circuit_v(end_soc + sign * spread.soc, off_k) + sign * (
            model.hysteresis_v + (1.0 + spread.resistance) * ohm * current_a
        )
        return (ratings.voltage_v[direction] - voltage_v) * sign >= 0.0

    def _set_circuit(self, circuit: Circuit) -> None:
        self._circuit = circuit
        self._keeps = []
        for t in HORIZONS_S:
            keep1, keep2 = math.exp(-t / circuit.tau1_s), math.exp(-t / circuit.tau2_s)
            base = circuit.r1_ohm * (1.0 - keep1) + circuit.r2_ohm * (1.0 - keep2)
            self._keeps.append((t, keep1, keep2, base))


def pack_power_w(strings: list[StringPower], direction: int, n_series: int) -> list[float]:
    """Return the powers of strings in parallel over the short horizons [W]: the first at its edge stops them all."""
    powers_w = []
    for n in range(len(HORIZONS_S)):
        if direction == DISCHARGE:
            bus_v = max([s.edge_v[0][n] for s in strings], default=0.0)
            current_a = sum([(s.source_v[0][n] - bus_v) / s.resistance_ohm[0][n] for s in strings])
        else:
            bus_v = min([s.edge_v[1][n] for s in strings], default=0.0)
            current_a = sum([s.limit_a[1][n] for s in strings])
        power_w = n_series * bus_v * current_a
        powers_w.append(power_w if power_w > 0.0 else 0.0)  # also of what is not known
    return powers_w
