"""Protection: what was measured goes through every diagnostic; what that demands is reduced to a verdict."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from thermal_bms.description import PackDescription
from thermal_bms.faults import PACK, DiagnosticRow, Diagnostics, Fault, Reaction
from thermal_bms.limits import LimitTable, limit_diagnostics, load_diagnostics
from thermal_bms.plausibility import Checked

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
    "charge_current_excess_a": False,
}
"""Every quantity a diagnostic may name, and whether there is one per string, which come first."""


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
    """All diagnostics of a pack: three per row of its limit table, and those of every chemistry.

    While nothing is active and every quantity lies between the innermost limits of its rows, no row can change:
    then they are not run at all. A missing value lies nowhere.
    """

    def __init__(
        self, table: LimitTable, pack: PackDescription, extra: Sequence[DiagnosticRow] | None = None
    ) -> None:
        rows = [*limit_diagnostics(table, pack), *(load_diagnostics() if extra is None else extra)]
        self._n_series = pack.n_series
        self._all = frozenset(range(pack.n_strings))
        self._charging_a = table.charging_above_c_rate * pack.capacity_ah
        self._diagnostics = Diagnostics(rows, QUANTITIES, pack.n_strings)
        bounds = [self._diagnostics.bounds(quantity) for quantity in QUANTITIES]
        n_each = sum(QUANTITIES.values())
        flat = bounds[:n_each] * pack.n_strings + bounds[n_each:]
        self._lowest, self._highest = tuple(zip(*flat, strict=True))
        # from string by string, as they are found, to quantity by quantity, as diagnostics take them
        in_strings = np.arange(n_each * pack.n_strings).reshape(pack.n_strings, n_each)
        self._order = np.append(in_strings.T, np.arange(in_strings.size, len(flat)))

    def reset(self) -> None:
        """Clear every fault, latched ones too. What still holds is found again."""
        self._diagnostics.reset()

    @property
    def latched(self) -> tuple[Fault, ...]:
        """Return the active faults that stay until they are reset by hand."""
        return self._diagnostics.latched

    def restore(self, faults: Sequence[Fault]) -> None:
        """Set latched faults again that were stored."""
        self._diagnostics.restore(faults)

    def step(
        self,
        checked: Checked,
        *,
        contactor_mismatch: Sequence[bool],
        not_connected: Sequence[bool],
        controller_failed: bool,
        charge_current_excess_a: float,
        dt_s: float,
    ) -> Verdict:
        """Run every diagnostic for one tick and return what they demand.

        Parameters
        ----------
        checked : the measurement after plausibility
        contactor_mismatch : per string, feedback differs from what was commanded
        not_connected : per string, wanted but kept open
        controller_failed : the thermal controller gave no usable command
        charge_current_excess_a : charge current of the pack above its limit of the moment [A]
        dt_s : tick [s]
        """
        values = self._values(checked, contactor_mismatch, not_connected)
        values += (checked.age_s, checked.scalar_lost, controller_failed, charge_current_excess_a)
        diagnostics = self._diagnostics
        if diagnostics.quiet:
            for low, value, high in zip(self._lowest, values, self._highest, strict=True):
                if not low <= value <= high:
                    break
            else:
                return HEALTHY
        diagnostics.check(np.array(values, dtype=np.float64)[self._order], checked.time_s, dt_s)
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

    def _values(self, c: Checked, mismatch: Sequence[bool], not_connected: Sequence[bool]) -> list[float]:
        """Return the quantities of every string, string by string.

        A limit that does not apply sees infinity. The sum of the cells differs from the string voltage by a
        share of the latter.
        """
        charging_a, n_series = self._charging_a, self._n_series
        values: list[float] = []
        for k, current_a in enumerate(c.current_a):
            hot_degc, cold_degc = c.cell_temp_max_degc[k], c.cell_temp_min_degc[k]
            invalid, string_v, sum_error = c.cell_voltage_invalid[k], c.string_voltage_v[k], 0.0
            if string_v > 0.0 and not invalid > 0.0:
                sum_error = abs(c.cell_voltage_mean_v[k] * n_series / string_v - 1.0)
            values += (
                c.cell_voltage_max_v[k],
                c.cell_voltage_min_v[k],
                hot_degc,
                hot_degc if current_a < -charging_a else -INFINITY,
                cold_degc if current_a < -charging_a else INFINITY,
                cold_degc if current_a > charging_a else INFINITY,
                current_a,
                invalid,
                c.cell_temp_invalid[k],
                current_a != current_a,  # noqa: PLR0124 - true for NaN only, and cheaper than a call
                sum_error,
                mismatch[k],
                not_connected[k],
            )
        return values
