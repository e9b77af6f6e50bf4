"""Protection: what was measured goes through every diagnostic; what that demands is reduced to a verdict."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from thermal_bms.description import PackDescription
from thermal_bms.faults import PACK, DiagnosticRow, Diagnostics, Fault, Reaction
from thermal_bms.limits import LimitTable, limit_diagnostics, load_diagnostics
from thermal_bms.plausibility import Checked
from thermal_bms.units import FloatArray

INFINITY = float("inf")

QUANTITIES: dict[str, bool] = {
    "cell_voltage_max_v": True,
    "cell_voltage_min_v": True,
    "cell_temp_max_degc": True,
    "cell_temp_max_charging_degc": True,
    "cell_temp_min_charging_degc": True,
    "cell_temp_min_discharging_degc": True,
    "string_current_a": True,
    "cell_voltage_invalid": True,
    "cell_temp_invalid": True,
    "string_current_invalid": True,
    "string_voltage_mismatch": True,
    "contactor_mismatch": True,
    "string_not_connected": True,
    "measurement_age_s": False,
    "scalar_lost": False,
    "controller_failed": False,
}
"""Every quantity a diagnostic may name, and whether there is one per string; ``quantities`` fills them."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What protection demands now.

    Attributes
    ----------
    faults : all active faults, the worst of each code and place
    open_strings : strings whose contactors must open
    stop_strings : strings that must carry no more current, because they must open now or soon
    charge_allowed : no fault forbids charging
    limp : a fault asks for limp-home
    """

    faults: tuple[Fault, ...]
    open_strings: frozenset[int]
    stop_strings: frozenset[int]
    charge_allowed: bool
    limp: bool


HEALTHY = Verdict((), frozenset(), frozenset(), charge_allowed=True, limp=False)


@final
class Protection:
    """All diagnostics of a pack: three per row of its limit table, and those of every chemistry."""

    def __init__(
        self, table: LimitTable, pack: PackDescription, extra: Sequence[DiagnosticRow] | None = None
    ) -> None:
        rows = [*limit_diagnostics(table, pack), *(load_diagnostics() if extra is None else extra)]
        self._n_series = pack.n_series
        self._all = frozenset(range(pack.n_strings))
        self._charging_a = table.charging_above_c_rate * pack.capacity_ah
        self._diagnostics = Diagnostics(rows, QUANTITIES, pack.n_strings)

    def reset(self) -> None:
        """Clear every fault, latched ones too. What still holds is found again."""
        self._diagnostics.reset()

    def step(
        self,
        checked: Checked,
        *,
        contactor_mismatch: Sequence[bool],
        not_connected: Sequence[bool],
        controller_failed: bool,
        dt_s: float,
    ) -> Verdict:
        """Run every diagnostic for one tick and return what they demand.

        Parameters
        ----------
        checked : the measurement after plausibility
        contactor_mismatch : per string, feedback differs from what was commanded
        not_connected : per string, wanted but kept open
        controller_failed : the thermal controller gave no usable command
        dt_s : tick [s]
        """
        values = self._values(checked, contactor_mismatch, not_connected, controller_failed=controller_failed)
        diagnostics = self._diagnostics
        diagnostics.check(values, checked.time_s, dt_s)
        if diagnostics.quiet:
            return HEALTHY
        return Verdict(
            faults=diagnostics.faults,
            open_strings=self._strings(diagnostics.due(Reaction.OPEN)),
            stop_strings=self._strings(diagnostics.demanded(Reaction.OPEN)),
            charge_allowed=not diagnostics.due(Reaction.NO_CHARGE),
            limp=bool(diagnostics.due(Reaction.LIMP)),
        )

    def _strings(self, places: frozenset[int]) -> frozenset[int]:
        return self._all if PACK in places else places

    def _values(
        self, c: Checked, mismatch: Sequence[bool], not_connected: Sequence[bool], *, controller_failed: bool
    ) -> FloatArray:
        """Return all quantities, ordered as ``QUANTITIES``; a limit that does not apply sees infinity."""
        threshold_a = self._charging_a
        hot, cold, current_a = c.cell_temp_max_degc, c.cell_temp_min_degc, c.current_a
        values = [
            *c.cell_voltage_max_v,
            *c.cell_voltage_min_v,
            *hot,
            *[t if i < -threshold_a else -INFINITY for t, i in zip(hot, current_a, strict=True)],
            *[t if i < -threshold_a else INFINITY for t, i in zip(cold, current_a, strict=True)],
            *[t if i > threshold_a else INFINITY for t, i in zip(cold, current_a, strict=True)],
            *current_a,
            *c.cell_voltage_invalid,
            *c.cell_temp_invalid,
            *map(math.isnan, current_a),
            *map(self._sum_error, c.cell_voltage_mean_v, c.string_voltage_v, c.cell_voltage_invalid),
            *mismatch,
            *not_connected,
            c.age_s,
            c.scalar_lost,
            controller_failed,
        ]
        return np.array(values, dtype=np.float64)

    def _sum_error(self, mean_v: float, string_v: float, invalid: float) -> float:
        """Return how far the sum of the cells is from the string voltage, as a share of the latter."""
        if invalid > 0.0 or not string_v > 0.0:
            return 0.0
        return abs(mean_v * self._n_series / string_v - 1.0)
