"""Protection: what was measured goes through every diagnostic; what that demands is reduced to a verdict."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from thermal_bms.cross_checks import is_driving
from thermal_bms.description import PackDescription
from thermal_bms.faults import PACK, DiagnosticRow, Diagnostics, Fault, Reaction
from thermal_bms.limits import LimitTable, limit_diagnostics, load_diagnostics
from thermal_bms.plausibility import LOST, Checked, Found

INFINITY = float("inf")

PER_STRING = (
    "cell_voltage_max_v",
    "cell_voltage_min_v",
    "cell_voltage_spread_v",
    "cell_temp_max_degc",
    "cell_temp_max_charging_degc",
    "cell_temp_min_charging_degc",
    "cell_temp_min_discharging_degc",
    "cell_temp_spread_k",
    "string_current_a",
    "cell_voltage_invalid",
    "cell_temp_invalid",
    "string_current_invalid",
    "string_voltage_invalid",
    "string_voltage_mismatch",
)
PER_PACK = (
    "measurement_age_s",
    "charge_current_excess_a",
    "discharge_current_excess_a",
    "hvil_closed",
    "crash",
    "isolation_ohm_per_v",
    "coolant_level",
    "coolant_inlet_temp_degc",
    "discharge_pressure_pa",
)
FOUND_PER_STRING = (
    "cell_voltage_frozen",
    "string_current_frozen_steps",
    "open_string_c_rate",
    "bus_voltage_mismatch",
    "string_current_imbalance",
    "string_carries_nothing",
    "contactor_mismatch",
    "contactor_welded",
    "contactor_stuck_open",
    "negative_contactor_mismatch",
    "precharge_relay_mismatch",
    "precharge_voltage_left",
    "precharge_current_left",
    "precharge_failed",
    "opened_under_load",
    "string_not_connected",
    "thermal_runaway",
)
FOUND_PER_PACK = (
    "scalar_lost",
    *LOST.values(),
    "controller_failed",
    "controller_timeout",
    "tick_late",
    "clock_backwards_s",
    "vehicle_mode_implausible",
    "plug_while_driving",
    "coolant_temp_outside_k",
    "pump_stands",
    "pump_speed_above",
    "pump_speed_below",
    "coolant_flow_missing",
    "fan_stands",
    "valve_elsewhere",
    "heater_power_unasked",
    "heater_power_missing",
    "compressor_stands",
    "suction_pressure_short_pa",
)
QUANTITIES: dict[str, bool] = {
    **dict.fromkeys(PER_STRING, True),
    **dict.fromkeys(PER_PACK, False),
    **dict.fromkeys(FOUND_PER_STRING, True),
    **dict.fromkeys(FOUND_PER_PACK, False),
}
"""Every quantity a diagnostic may name, and whether there is one per string: the measured ones, which are looked at
in every tick, and those found, which are 0 unless another part reports them."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What protection demands now.

    Attributes
    ----------
    faults : all active faults, the worst of each code and place
    open_strings : strings whose contactors must open
    stop_strings : strings that must carry no more current, because they must open now or soon
    charge_allowed : no fault forbids charging
    limp : a fault asks for limp-home, or an opening is announced
    at_once : strings of ``open_strings`` that open whatever current flows
    forewarning : contactors will open, and the vehicle still drives
    heat_allowed : no fault forbids heating
    """

    faults: tuple[Fault, ...]
    open_strings: frozenset[int]
    stop_strings: frozenset[int]
    charge_allowed: bool
    limp: bool
    at_once: frozenset[int] = frozenset()
    forewarning: bool = False
    heat_allowed: bool = True


HEALTHY = Verdict((), frozenset(), frozenset(), charge_allowed=True, limp=False)


@final
class Protection:
    """All diagnostics of a pack: three per row of its limit table, and the others.

    While nothing is active, nothing is found and no measured quantity lies beyond the innermost limits of its rows,
    no row can change: then they are not run at all.
    """

    def __init__(
        self, table: LimitTable, pack: PackDescription, extra: Sequence[DiagnosticRow] | None = None
    ) -> None:
        rows = [*limit_diagnostics(table, pack), *(load_diagnostics() if extra is None else extra)]
        self._n_series = pack.n_series
        n = pack.n_strings
        self._all = frozenset(range(n))
        self._charging_a = table.charging_above_c_rate * pack.capacity_ah
        # values are collected string by string; here is where each quantity finds its own
        n_strings, n_measured = len(PER_STRING) * n, len(PER_STRING) * n + len(PER_PACK)
        n_values = n_measured + len(FOUND_PER_STRING) * n + len(FOUND_PER_PACK)
        in_strings = np.arange(n_strings).reshape(n, len(PER_STRING))
        order = np.append(in_strings.T, np.arange(n_strings, n_values))
        self.diagnostics = Diagnostics([row.resolved(pack) for row in rows], QUANTITIES, n, order)
        strings = [self.diagnostics.bounds(quantity) for quantity in PER_STRING]
        packs = [self.diagnostics.bounds(quantity) for quantity in PER_PACK]
        self._lowest, self._highest = tuple(zip(*(strings * n + packs), strict=True))
        self._vector = np.zeros(n_values)
        self._measured = self._vector[:n_measured]
        self._found = self._vector[n_measured:]
        places = {name: slice(i * n, i * n + n) for i, name in enumerate(FOUND_PER_STRING)}
        start = len(FOUND_PER_STRING) * n
        self._places = places | {
            name: slice(start + i, start + i + 1) for i, name in enumerate(FOUND_PER_PACK)
        }

    def reset(self) -> None:
        """Clear every fault, latched ones too. What still holds is found again."""
        self.diagnostics.reset()

    @property
    def latched(self) -> tuple[Fault, ...]:
        """Return the active faults that stay until they are reset by hand."""
        return self.diagnostics.latched

    def restore(self, faults: Sequence[Fault]) -> None:
        """Set latched faults again that were stored."""
        self.diagnostics.restore(faults)

    def step(
        self,
        checked: Checked,
        found: Found,
        *,
        charge_current_excess_a: float,
        discharge_current_excess_a: float,
        dt_s: float,
    ) -> Verdict:
        """Run every diagnostic for one tick and return what they demand.

        Parameters
        ----------
        checked : the measurement after plausibility
        found : what all parts have found, by quantity; what is left out is 0
        charge_current_excess_a : charge current of the pack above its limit of the moment [A]
        discharge_current_excess_a : the same on discharge [A]
        dt_s : tick [s]
        """
        values = self._values(checked)
        m = checked.measurement
        values += (
            checked.age_s,
            charge_current_excess_a,
            discharge_current_excess_a,
            m.hvil_closed,
            m.crash,
            _per_volt(m.isolation_ohm, max(checked.string_voltage_v)),
            m.coolant_level,
            m.coolant_inlet_temp_degc,
            m.discharge_pressure_pa,
        )
        diagnostics = self.diagnostics
        if diagnostics.quiet and not found:
            for low, value, high in zip(self._lowest, values, self._highest, strict=True):
                if value < low or value > high:
                    break
            else:
                return HEALTHY
        self._measured[:] = values
        self._found.fill(0.0)
        for name, reported in found.items():
            self._found[self._places[name]] = reported
        diagnostics.check(self._vector, checked.time_s, dt_s, driving=is_driving(checked))
        return HEALTHY if diagnostics.quiet else self._verdict()

    def _verdict(self) -> Verdict:
        diagnostics = self.diagnostics
        at_once = self._strings(diagnostics.due(Reaction.OPEN_AT_ONCE))
        stop = diagnostics.demanded(Reaction.OPEN) | diagnostics.demanded(Reaction.OPEN_AT_ONCE)
        forewarning = bool(diagnostics.forewarned)
        return Verdict(
            faults=diagnostics.faults,
            open_strings=self._strings(diagnostics.due(Reaction.OPEN)) | at_once,
            stop_strings=self._strings(stop),
            charge_allowed=not diagnostics.due(Reaction.NO_CHARGE),
            limp=forewarning or bool(diagnostics.due(Reaction.LIMP)),
            at_once=at_once,
            forewarning=forewarning,
            heat_allowed=not diagnostics.due(Reaction.NO_HEAT),
        )

    def _strings(self, places: frozenset[int]) -> frozenset[int]:
        return self._all if PACK in places else places

    def _values(self, c: Checked) -> list[float]:
        """Return the measured quantities of every string, string by string.

        A limit that does not apply sees infinity. The sum of the cells differs from the string voltage by a
        share of the latter.
        """
        charging_a, n_series = self._charging_a, self._n_series
        values: list[float] = []
        for k, current_a in enumerate(c.current_a):
            high_v, low_v = c.cell_voltage_max_v[k], c.cell_voltage_min_v[k]
            hot_degc, cold_degc = c.cell_temp_max_degc[k], c.cell_temp_min_degc[k]
            invalid, string_v, sum_error = c.cell_voltage_invalid[k], c.string_voltage_v[k], 0.0
            if string_v > 0.0 and not invalid > 0.0:
                sum_error = abs(c.cell_voltage_mean_v[k] * n_series / string_v - 1.0)
            values += (
                high_v,
                low_v,
                high_v - low_v,
                hot_degc,
                hot_degc if current_a < -charging_a else -INFINITY,
                cold_degc if current_a < -charging_a else INFINITY,
                cold_degc if current_a > charging_a else INFINITY,
                hot_degc - cold_degc,
                current_a,
                invalid,
                c.cell_temp_invalid[k],
                current_a != current_a,  # noqa: PLR0124 - true for NaN only, and cheaper than a call
                string_v != string_v,  # noqa: PLR0124
                sum_error,
            )
        return values


def _per_volt(isolation_ohm: float, voltage_v: float) -> float:
    """Return the isolation over the pack's voltage [ohm/V]; a pack below 60 V is no high voltage."""
    return isolation_ohm / voltage_v if voltage_v > 60.0 else INFINITY
