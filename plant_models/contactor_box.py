"""The box between strings and high-voltage bus: contactors with their travel, precharge resistor, fuse, DC link.

For electrical faults, at ticks of 10 ms or less. A string is connected in one of three ways: not at all, through
its precharge resistor (R), or directly. The bus carries a capacitor C, the sum of all inverters on it:

- through a resistor the capacitor takes the mean current of the step, implicit midpoint:
  I = (E - V0) / (R + dt / 2C), and its new voltage from energy: C V1^2 / 2 = C V0^2 / 2 + V I dt;
- with a string connected directly the bus is stiff (time constant of some 0.1 ms); the capacitor follows the
  string's voltage and takes the difference of its energy from the bus in the same step;
- alone it runs down through the bleeder, V1 = V0 exp(-dt / R_bleed C).

A contactor that closes onto more than its making current, (E - V) over the resistance of the string, welds. A fuse
melts when the integral of I^2 - I_rated^2 reaches its melting integral. A precharge resistor warms by I^2 R dt, cools
with its time constant, and opens for good above its highest temperature.

Every joule is in the books: heat in the resistor is part of the string's contact heat, the capacitor's energy of what
the truck stores, and the bleeder's of what auxiliaries draw.
"""

import math
from collections.abc import Sequence
from typing import final

import numpy as np
from pydantic import Field

from thermal_bms.parameters import Parameters
from thermal_bms.units import BoolArray, FloatArray

POSITIVE, NEGATIVE, PRECHARGE = range(3)
CHARGER_PORT, AUXILIARY_PORT = 1, 25
"""Their numbers among ``truck_step.PORTS``."""
NEARLY = 0.98
"""Share of its short-circuit current that a string gives through its resistor, so that some voltage is left."""
INNER_OHM = 0.05
"""Resistance of 216 groups of 0.2 to 0.3 mohm in series, for the inrush only."""
TICK_MAX_S = 0.01
_TIME_ROUNDING_S = 1e-9


class ContactorBoxParameters(Parameters):
    """Switches, resistor, fuse and DC link of a truck's high-voltage system; defaults for 700 V."""

    close_time_s: float = Field(default=0.025, ge=0.0, le=0.2, description="TE EVC 500: 25 ms with bounce")
    open_time_s: float = Field(default=0.012, ge=0.0, le=0.2, description="TE EVC 500: 12 ms")
    making_current_max_a: float = Field(
        default=2000.0, gt=0.0, description="welds above, capacitive load; assumed"
    )
    precharge_ohm: float = Field(default=50.0, gt=0.1, le=1e4, description="assumed")
    precharge_heat_capacity_j_per_k: float = Field(
        default=60.0, gt=0.0, description="of a wire-wound resistor of 100 W; assumed"
    )
    precharge_cooling_s: float = Field(default=60.0, gt=0.0, description="time constant; assumed")
    precharge_temp_max_degc: float = Field(default=250.0, gt=50.0, description="opens for good; assumed")
    link_capacitance_f: float = Field(
        default=2e-3, gt=0.0, le=0.1, description="inverter 1 mF and the rest; assumed"
    )
    bleed_ohm: float = Field(default=24e3, gt=100.0, description="700 V to 60 V within 120 s; assumed")
    fuse_rating_a: float = Field(default=500.0, gt=0.0, description="of a string; assumed")
    fuse_melting_a2s: float = Field(default=100e3, gt=0.0, description="of a 500 A, 1000 V fuse; assumed")


@final
class ContactorBox:
    """Switches of all strings and the DC link, with their faults.

    Attributes
    ----------
    closed : position of every switch, shape (3, n_strings): positive, negative, precharge
    link_voltage_v : of the capacitor [V]
    link_current_a, link_power_w : what the capacitor takes from the bus in this step, one of them [A], [W]
    resistor_temp_degc : of every precharge resistor [degC]
    fuse_blown : per string
    stuck : per switch, 1 closed for good, 0 open for good, NaN for a healthy one
    """

    def __init__(self, parameters: ContactorBoxParameters, n_strings: int, base_ohm: float) -> None:
        self.parameters = parameters
        self._base_ohm = base_ohm
        self._commanded = np.zeros((3, n_strings), dtype=np.bool_)
        self._moving_s = np.zeros((3, n_strings))
        self.closed: BoolArray = np.zeros((3, n_strings), dtype=np.bool_)
        self.stuck: FloatArray = np.full((3, n_strings), np.nan)
        self.link_voltage_v = 0.0
        self.link_current_a = self.link_power_w = 0.0
        self.resistor_temp_degc = np.full(n_strings, 25.0)
        self.fuse_blown = [False] * n_strings
        self._fuse_a2s = [0.0] * n_strings
        self._direct = [False] * n_strings
        self._bleed_w = 0.0
        self.short_on_bus = False

    @property
    def live(self) -> bool:
        """Whether a string stands on the bus directly."""
        return True in self._direct

    @property
    def stored_energy_j(self) -> float:
        """Energy in the DC link [J]."""
        return 0.5 * self.parameters.link_capacitance_f * self.link_voltage_v**2

    def command(self, positive: Sequence[bool], negative: Sequence[bool], precharge: Sequence[bool]) -> None:
        """Take the wanted positions; contactors move in the steps that follow."""
        self._commanded[POSITIVE] = positive
        self._commanded[NEGATIVE] = negative
        self._commanded[PRECHARGE] = precharge

    def connect(
        self,
        string_voltage_v: FloatArray,
        string_current_a: FloatArray,
        string_closed: FloatArray,
        contact_ohm: FloatArray,
        dt_s: float,
    ) -> None:
        """Move switches, melt fuses, and write how every string is connected in the coming step.

        Parameters
        ----------
        string_voltage_v, string_current_a : of the step before [V], [A]
        string_closed : takes 1 for a string that can carry current
        contact_ohm : takes contact resistance, the resistor's included [ohm]
        dt_s : step, at most ``TICK_MAX_S`` [s]
        """
        self._move(dt_s)
        p, volts = self.parameters, string_voltage_v.tolist()
        charging: list[int] = []
        for k, current_a in enumerate(string_current_a.tolist()):
            self._melt(k, current_a, dt_s)
            direct, through = self._paths(k)
            if direct and not self._direct[k] and not self.live:
                self._make(k, volts[k])
            self._direct[k] = direct
            if through:
                charging.append(k)
            contact_ohm[k] = self._base_ohm + (p.precharge_ohm if through else 0.0)
            string_closed[k] = 1.0 if direct or through else 0.0
        self._load_link(volts, charging, string_closed, dt_s)

    def settle(self, bus_voltage_v: float, ports: FloatArray, dt_s: float) -> float:
        """Take the capacitor's share out of the ports of charger and auxiliaries; return the voltage of the bus [V].

        Parameters
        ----------
        bus_voltage_v : mean of the step, 0 when no string is connected
        ports : powers in the order of ``truck_step.PORTS``
        dt_s : step [s]
        """
        taken_w = bus_voltage_v * self.link_current_a
        ports[CHARGER_PORT] += taken_w
        ports[AUXILIARY_PORT] += self._bleed_w - self.link_power_w
        if self.live:
            return bus_voltage_v
        if self.short_on_bus:
            ports[AUXILIARY_PORT] += taken_w
        else:
            gained_v2 = 2.0 * taken_w * dt_s / self.parameters.link_capacitance_f
            self.link_voltage_v = math.sqrt(self.link_voltage_v**2 + max(gained_v2, 0.0))
        return self.link_voltage_v

    def _move(self, dt_s: float) -> None:
        p = self.parameters
        moving = self._commanded != self.closed
        self._moving_s = np.where(moving, self._moving_s + dt_s, 0.0)
        needed_s = np.where(self._commanded, p.close_time_s, p.open_time_s)
        arrived = moving & (self._moving_s >= needed_s - _TIME_ROUNDING_S)
        self.closed = np.where(arrived, self._commanded, self.closed)
        self.closed = np.where(np.isnan(self.stuck), self.closed, self.stuck > 0.5)

    def _paths(self, k: int) -> tuple[bool, bool]:
        """Return whether a string is connected directly, and whether through its resistor."""
        negative = bool(self.closed[NEGATIVE, k]) and not self.fuse_blown[k]
        direct = negative and bool(self.closed[POSITIVE, k])
        whole = self.resistor_temp_degc[k] < self.parameters.precharge_temp_max_degc
        return direct, negative and not direct and bool(self.closed[PRECHARGE, k]) and bool(whole)

    def _melt(self, k: int, current_a: float, dt_s: float) -> None:
        p = self.parameters
        self._fuse_a2s[k] = max(self._fuse_a2s[k] + (current_a**2 - p.fuse_rating_a**2) * dt_s, 0.0)
        if self._fuse_a2s[k] >= p.fuse_melting_a2s:
            self.fuse_blown[k] = True

    def _make(self, k: int, string_v: float) -> None:
        """Weld a contactor that closes onto a bus too far away; the string's resistance is some 50 mohm."""
        inrush_a = abs(string_v - self.link_voltage_v) / (self._base_ohm + INNER_OHM)
        if inrush_a > self.parameters.making_current_max_a:
            self.stuck[POSITIVE, k] = 1.0

    def _load_link(
        self, volts: list[float], charging: list[int], string_closed: FloatArray, dt_s: float
    ) -> None:
        """Set what the capacitor takes in this step, or let it run down."""
        p = self.parameters
        self.link_current_a = self.link_power_w = self._bleed_w = 0.0
        before_j = self.stored_energy_j
        if self.live:
            for k in charging:  # the resistor of another string carries next to nothing
                string_closed[k] = 0.0
            self.link_voltage_v = max(v for v, direct in zip(volts, self._direct, strict=True) if direct)
            self.link_power_w = (self.stored_energy_j - before_j) / dt_s
            return
        for k in charging[1:]:
            string_closed[k] = 0.0
        ohm = self._base_ohm + p.precharge_ohm
        if self.short_on_bus:
            self.link_voltage_v = 0.0
            if charging:
                self.link_current_a = NEARLY * volts[charging[0]] / ohm
        elif charging:
            above_v = max(volts[charging[0]] - self.link_voltage_v, 0.0)
            self.link_current_a = above_v / (ohm + 0.5 * dt_s / p.link_capacitance_f)
        else:
            self.link_voltage_v *= math.exp(-dt_s / (p.bleed_ohm * p.link_capacitance_f))
        self._bleed_w = (before_j - self.stored_energy_j) / dt_s
        if charging:
            self._warm(charging[0], self.link_current_a, dt_s)

    def _warm(self, k: int, current_a: float, dt_s: float) -> None:
        p = self.parameters
        rise_k = current_a**2 * p.precharge_ohm * dt_s / p.precharge_heat_capacity_j_per_k
        excess_k = self.resistor_temp_degc[k] - 25.0
        self.resistor_temp_degc[k] = 25.0 + excess_k * math.exp(-dt_s / p.precharge_cooling_s) + rise_k
