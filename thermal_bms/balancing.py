"""Cell balancing: which groups give charge, how much, and when that is known.

By charge, as in foxBMS 2 ("history"): after a rest the open-circuit voltages tell each group's charge, the difference
to the target is noted, and then counted down while the group is balanced, whatever the pack does meanwhile::

    q_i = Q (s(v_i) - s_target)

The target is the string's lowest group where balancing only burns charge, else the mean of the groups that exchange it.
Where the open-circuit voltage is too flat to tell (LFP in the middle) nothing new is noted and the last count goes on.

By voltage: groups above the lowest by a threshold are drained, down to a smaller one; at rest where the open-circuit
voltage tells the charge, and at the top of a charge.

A string is not balanced while one of its values is missing, a cell is too empty or too hot, or a fault that trips
is at it or at the pack; an imbalance itself is no reason to stop balancing.
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Literal, final

import numpy as np
from pydantic import Field, model_validator

from thermal_bms.description import BalancerDescription, PackDescription
from thermal_bms.faults import PACK, Fault, FaultCode, Severity
from thermal_bms.parameters import Parameters
from thermal_bms.plausibility import Checked
from thermal_bms.signals import VehicleMode
from thermal_bms.units import SECONDS_PER_HOUR, BoolArray, FloatArray

Currents = tuple[tuple[float, ...], ...]
NOTHING_SOC = 1e-6


class BalancingSettings(Parameters):
    """When a string is balanced, and how far.

    Hottest cell 70 degC: foxBMS 2, ``bal_cfg.h``; lowest cell: the pack's lowest voltage (foxBMS: 2.0 V). The rest is
    assumed; docs/balancing.md shows what it leads to.
    """

    method: Literal["charge", "voltage"] = "charge"
    period_s: float = Field(default=30.0, ge=1.0, le=600.0, description="between decisions")
    rest_c_rate: float = Field(default=0.02, gt=0.0, le=0.2, description="no more current is a rest")
    rest_s: float = Field(default=1800.0, ge=0.0, le=36000.0, description="until voltages are believed")
    readings: int = Field(default=3, ge=1, le=100, description="averaged, without balancing current")
    assess_every_s: float = Field(
        default=3600.0, ge=60.0, le=1e6, description="in a rest, once the last count is done"
    )
    slope_min_v: float = Field(
        default=0.25,
        gt=0.0,
        le=2.0,
        description="of the open-circuit voltage over charge 0 to 1, which tells the charge: 2 mV are 0.8 %",
    )
    start_soc: float = Field(default=0.008, gt=0.0, le=0.2, description="begin at this difference in charge")
    stop_soc: float = Field(default=0.003, gt=0.0, le=0.1, description="balance to this difference")
    start_v: float = Field(default=0.015, gt=0.0, le=0.5, description="by voltage: begin")
    stop_v: float = Field(default=0.006, gt=0.0, le=0.5, description="by voltage: stop")
    top_c_rate: float = Field(
        default=0.1, ge=0.0, le=1.0, description="by voltage: a charge below this is near its top"
    )
    cell_temp_max_degc: float = Field(default=70.0, ge=0.0, le=80.0)
    asleep_s: float = Field(
        default=3600.0, ge=60.0, le=36000.0, description="goes on unattended for no longer than this"
    )

    @model_validator(mode="after")
    def _hysteresis_fits(self) -> "BalancingSettings":
        for name in ("soc", "v"):
            start, stop = getattr(self, f"start_{name}"), getattr(self, f"stop_{name}")
            if stop >= start:
                raise ValueError(f"stop_{name} = {stop:g} must be < start_{name} = {start:g}")
        return self


@final
class _String:
    """What is known of one string."""

    def __init__(self, n_series: int) -> None:
        self.rest_s = 0.0
        self.assessed_s = math.inf  # ago, on the string's own clock
        self.n_readings = 0
        self.sum_v: FloatArray = np.zeros(n_series)
        self.to_take_as: FloatArray = np.zeros(n_series)
        self.taken_as: FloatArray = np.zeros(n_series)  # since the last note
        self.branch: FloatArray = np.zeros(n_series)  # hysteresis that balancing alone has made, -1..1
        self.drains: BoolArray = np.zeros(n_series, dtype=np.bool_)
        self.current_a: FloatArray = np.zeros(n_series)

    def forget_readings(self) -> None:
        self.n_readings = 0
        self.sum_v[:] = 0.0

    def forget_branch(self) -> None:
        """Let go of what balancing did to single groups: the string's current moves them all alike."""
        self.taken_as[:] = 0.0
        self.branch[:] = 0.0


@final
class Balancing:
    """Decides every ``period_s`` which current is taken from every group; between decisions it costs next to nothing.

    Parameters
    ----------
    pack, balancer : what is balanced, and by what
    settings : when and how far
    """

    def __init__(
        self, pack: PackDescription, balancer: BalancerDescription, settings: BalancingSettings | None = None
    ) -> None:
        self._pack = pack
        self._balancer = balancer
        self.settings = settings or BalancingSettings()
        self._capacity_as = pack.capacity_ah * SECONDS_PER_HOUR
        self._ocv_v = np.maximum.accumulate(pack.ocv_v)
        self._slopes_v = [
            (v1 - v0) / (s1 - s0)
            for (s0, s1), (v0, v1) in zip(pairwise(pack.ocv_soc), pairwise(self._ocv_v.tolist()), strict=True)
        ]
        circuit = pack.circuit
        self._hysteresis_v = circuit.hysteresis_v if circuit else 0.0
        self._hysteresis_per_as = (circuit.hysteresis_rate if circuit else 0.0) / self._capacity_as
        self.reset()

    def reset(self) -> None:
        """Forget what is to be balanced."""
        self._strings = [_String(self._pack.n_series) for _ in range(self._pack.n_strings)]
        self._since_s = 0.0
        self._command: Currents = ()
        self._wake = True

    def to_take_as(self, string: int) -> FloatArray:
        """Return the charge still to be taken from every group of a string, negative to be given [As]."""
        return self._strings[string].to_take_as.copy()

    def step(self, checked: Checked, faults: Sequence[Fault], dt_s: float, *, wake: bool = True) -> Currents:
        """Return the current to take from every group [A], a row per string; nothing when no group is balanced.

        Parameters
        ----------
        checked : the measurement; after a sleep its ``elapsed_s`` tells how long currents went on unattended
        faults : active now
        dt_s : tick [s]
        wake : False before a sleep: currents are then so small that no count is overrun in ``asleep_s``
        """
        self._since_s += max(checked.elapsed_s, dt_s)
        if self._since_s < self.settings.period_s and wake is self._wake:
            return self._command
        since_s, self._since_s, self._wake = self._since_s, 0.0, wake
        ahead_s = self.settings.period_s if wake else self.settings.asleep_s
        blocked = _blocked_strings(faults, self._pack.n_strings)
        for k, string in enumerate(self._strings):
            self._count(string, since_s)
            string.current_a[:] = 0.0
            if not (blocked[k] or self._is_unfit(checked, k)):
                self._decide(string, checked, k, since_s, ahead_s)
            else:
                string.rest_s = 0.0
                string.forget_readings()
        acts = any(string.current_a.any() for string in self._strings)
        self._command = tuple(tuple(s.current_a.tolist()) for s in self._strings) if acts else ()
        return self._command

    def _count(self, string: _String, since_s: float) -> None:
        """Count down what the last currents took, for no longer than they went on."""
        taken_as = string.current_a * min(since_s, self.settings.asleep_s)
        string.to_take_as -= taken_as
        string.taken_as += taken_as
        string.assessed_s += since_s

    def _is_unfit(self, checked: Checked, k: int) -> bool:
        """Return whether a string must not be balanced, or is not known well enough."""
        return not (
            checked.cell_voltage_invalid[k] == 0.0
            and checked.cell_temp_invalid[k] == 0.0
            and checked.cell_voltage_min_v[k] > self._pack.cell_voltage_min_v
            and checked.cell_temp_max_degc[k] < self.settings.cell_temp_max_degc
        )

    def _decide(self, string: _String, checked: Checked, k: int, since_s: float, ahead_s: float) -> None:
        """Write a string's currents until the next decision."""
        current_a = checked.current_a[k]
        if abs(current_a) <= self.settings.rest_c_rate * self._pack.capacity_ah:
            string.rest_s += since_s
        else:
            string.rest_s = 0.0
            string.forget_readings()
            string.forget_branch()
        rested = string.rest_s >= self.settings.rest_s
        volts = checked.measurement.cell_voltage_v[k]
        if self.settings.method == "voltage":
            top = (
                checked.measurement.vehicle_mode == VehicleMode.CHARGE
                and -self.settings.top_c_rate * self._pack.capacity_ah <= current_a < 0.0
            )
            self._by_voltage(string, volts, trusted=top or rested)
        elif rested and string.assessed_s >= self.settings.assess_every_s and self._is_done(string):
            self._read(string, volts)
        else:
            self._by_charge(string, ahead_s)

    def _is_done(self, string: _String) -> bool:
        """Return whether nothing is left to count; until then no new note, whose noise would drain the lowest."""
        return float(np.abs(string.to_take_as).max()) < NOTHING_SOC * self._capacity_as

    def _by_voltage(self, string: _String, volts: FloatArray, *, trusted: bool) -> None:
        lowest_v = float(volts.min())
        if not (trusted and self._tells(lowest_v, float(volts.max()))):
            string.drains[:] = False
            return
        string.drains &= volts > lowest_v + self.settings.stop_v
        string.drains |= volts > lowest_v + self.settings.start_v
        string.current_a[string.drains] = self._balancer.current_max_a

    def _by_charge(self, string: _String, ahead_s: float) -> None:
        """Take, and give if the balancer can, what is still counted, at most what the next ``ahead_s`` can move."""
        most_a = self._balancer.current_max_a
        least_a = 0.0 if self._balancer.reach is None else -most_a
        np.clip(string.to_take_as / ahead_s, least_a, most_a, out=string.current_a)

    def _read(self, string: _String, volts: FloatArray) -> None:
        """Take in one reading without balancing current; after the last one, note the charges."""
        string.sum_v += volts
        string.n_readings += 1
        if string.n_readings < self.settings.readings:
            return
        mean_v = string.sum_v / string.n_readings - self._hysteresis_v * self._branch(string)
        string.forget_readings()
        string.assessed_s = 0.0
        if not self._tells(float(mean_v.min()), float(mean_v.max())):
            return
        soc = np.interp(mean_v, self._ocv_v, self._pack.ocv_soc)
        off = self._off_target(soc)
        begin = np.abs(off).max() > self.settings.start_soc
        off[np.abs(off) < self.settings.stop_soc] = 0.0
        string.to_take_as = off * self._capacity_as if begin else np.zeros_like(off)

    def _branch(self, string: _String) -> FloatArray:
        """Return the hysteresis that balancing has made in every group: it moved only some, or in both directions.

        Plett's branch ``dh = -rate |ds| (h + sign(i))``, from 0 where the string's current left all groups alike.
        """
        keep = np.exp(-self._hysteresis_per_as * np.abs(string.taken_as))
        string.branch = string.branch * keep - np.sign(string.taken_as) * (1.0 - keep)
        string.taken_as[:] = 0.0
        return string.branch

    def _off_target(self, soc: FloatArray) -> FloatArray:
        """Return by how much every group's charge is above the target of those that exchange charge with it."""
        if self._balancer.reach is None:
            return np.asarray(soc - soc.min() - 0.5 * self.settings.stop_soc)
        width = self._balancer.reach or soc.size
        parts = [soc[i : i + width] for i in range(0, soc.size, width)]
        return np.concatenate([part - part.mean() for part in parts])

    def _tells(self, low_v: float, high_v: float) -> bool:
        """Return whether the open-circuit voltage tells the charge all the way between two voltages [V]."""
        last = len(self._slopes_v) - 1
        first = min(max(int(np.searchsorted(self._ocv_v, low_v, side="right")) - 1, 0), last)
        end = min(max(int(np.searchsorted(self._ocv_v, high_v, side="left")) - 1, first), last)
        return bool(min(self._slopes_v[first : end + 1]) >= self.settings.slope_min_v)


def _blocked_strings(faults: Sequence[Fault], n_strings: int) -> list[bool]:
    """Return which strings a fault keeps from being balanced."""
    blocked = [False] * n_strings
    for fault in faults:
        if fault.severity < Severity.TRIP or fault.code is FaultCode.CELL_VOLTAGE_SPREAD:
            continue
        if fault.place == PACK:
            return [True] * n_strings
        blocked[fault.place] = True
    return blocked
