"""Charging: how much current is asked of the charger, and what limits it.

Constant current up to the smallest limit, then constant voltage of the fullest cell, until the target
charge or the cut-off current is reached. What the truck itself draws is asked for on top, so that
conditioning on a plug uses grid energy and the battery gets what its limits allow.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from pydantic import Field

from thermal_bms.description import PackDescription, ThermalDescription
from thermal_bms.parameters import Parameters
from thermal_bms.signals import Estimate, LimitCause, Limits, Measurement, VehicleMode

_RESUME_BELOW_TARGET = 0.03
_OTHER_LOAD_MAX_A = 25.0
_OTHER_LOAD_TIME_S = 10.0
_COMPRESSOR_COP_MIN = 1.5


class ChargeSettings(Parameters):
    """What a charge aims at.

    Cut-off at 0.05C as in the datasheets of large LFP and NMC cells; the rest is assumed.
    """

    target_soc: float = Field(default=1.0, gt=0.0, le=1.0)
    voltage_margin_v: float = Field(
        default=0.01, ge=0.0, le=0.2, description="constant-voltage target below the cell's highest voltage"
    )
    taper_time_s: float = Field(default=2.0, gt=0.0, le=60.0, description="time constant of the voltage loop")
    cutoff_c_rate: float = Field(default=0.05, gt=0.0, le=0.5, description="a charge at this current is full")
    cutoff_hold_s: float = Field(default=10.0, ge=0.0, le=600.0, description="for this long")
    covers_load: bool = Field(default=True, description="ask for what the truck draws, too")


@dataclass(frozen=True, slots=True)
class ChargeRequest:
    """Current to ask of the charger [A], the part meant for the battery [A], and what limits that part."""

    current_a: float
    battery_current_a: float
    cause: LimitCause


NO_CHARGE = ChargeRequest(0.0, 0.0, LimitCause.NONE)


@final
class Charging:
    """Constant current, constant voltage, stop.

    The taper is an integrator on the voltage error of the fullest cell: each tick adds
    ``(v_target - v_max) / r * dt / (dt + tau)`` per string. The factor stays below one, so with a resistance
    ``r`` no less than half the true one it settles without oscillation at any tick. It follows the smallest
    of the other limits from above, so it takes over without a step and never winds up.

    What heater and compressor are said to draw is believed up to what they can draw: the heater's rating, and
    for the compressor the chiller's capacity over a coefficient of performance of 1.5 (assumed; hotter than
    the 40 degC of the rating it rarely falls below).
    """

    def __init__(
        self, pack: PackDescription, thermal: ThermalDescription, settings: ChargeSettings | None = None
    ) -> None:
        self._pack = pack
        self._heater_max_w = thermal.heater_power_max_w
        self._compressor_max_w = thermal.chiller_capacity_w / _COMPRESSOR_COP_MIN
        self.settings = settings or ChargeSettings()
        self.reset()

    def reset(self) -> None:
        """Forget the session; the next step starts a new one."""
        self._taper_a = math.inf
        self._full_s = 0.0
        self._full_soc = 1.0
        self._done = LimitCause.NONE
        self._wanted_a = 0.0
        self._other_a = 0.0

    def step(
        self,
        measurement: Measurement,
        estimate: Estimate,
        limits: Limits,
        *,
        string_voltage_v: Sequence[float],
        n_connected: int,
        resistance_ohm: float,
        dt_s: float,
    ) -> ChargeRequest:
        """Return what to ask of the charger for the coming tick.

        Parameters
        ----------
        measurement, estimate, limits : as they cross the controller's side; NaN means no valid value
        string_voltage_v : of every string, connected or not [V]
        n_connected : strings that carry current
        resistance_ohm : of one group at present [ohm]
        dt_s : tick [s]
        """
        if not measurement.plug_connected or n_connected == 0:
            self.reset()
            return NO_CHARGE
        known_a = self._known_load_a(measurement, string_voltage_v)
        load_a = self._load_current(known_a, estimate.pack_current_a, dt_s)
        charger_a, charger_cause = _charger_limit(measurement)
        battery_a, cause = 0.0, LimitCause.NONE
        if measurement.vehicle_mode == VehicleMode.CHARGE:
            self._follow_target(estimate.soc)
            allowed_a, cause = limits.charge_current_max_a, limits.charge_cause
            spare_a = max(charger_a - load_a, 0.0)
            if spare_a < allowed_a:
                allowed_a, cause = spare_a, charger_cause
            error_v = (
                self._pack.cell_voltage_max_v - self.settings.voltage_margin_v - estimate.cell_voltage_max_v
            )
            error_a = n_connected * error_v / resistance_ohm
            battery_a = self._taper(allowed_a, error_a, n_connected, estimate.soc, dt_s)
            if self._done is not LimitCause.NONE:
                battery_a, cause = 0.0, self._done
            elif battery_a < allowed_a:
                cause = LimitCause.CELL_VOLTAGE
            elif math.isnan(battery_a):
                battery_a, cause = 0.0, LimitCause.FAULT
        self._wanted_a = battery_a
        return ChargeRequest(min(battery_a + load_a, charger_a), battery_a, cause)

    def _load_current(self, known_a: float, pack_current_a: float, dt_s: float) -> float:
        """Return what the truck draws [A]: heater and compressor as measured, the rest from the pack current.

        The rest follows what the battery got less than intended, with 10 s. Upwards it goes to 25 A (about
        18 kW; assumed), and above zero it stands still while the charger is far from its request. Downwards it
        always follows, as far as no load at all: what the battery gets too much was no load.
        """
        if not self.settings.covers_load:
            return 0.0
        missing_a = pack_current_a + self._wanted_a
        if math.isfinite(missing_a):
            other_a = self._other_a + missing_a * dt_s / (dt_s + _OTHER_LOAD_TIME_S)
            most_a = _OTHER_LOAD_MAX_A if missing_a < _OTHER_LOAD_MAX_A else max(self._other_a, 0.0)
            self._other_a = min(other_a, most_a)
        self._other_a = max(self._other_a, -known_a)
        return known_a + self._other_a

    def _known_load_a(self, measurement: Measurement, string_voltage_v: Sequence[float]) -> float:
        """Return what heater and compressor draw from the bus [A]; 0 where that is not known.

        The bus is taken at no less than the highest string, so that a low reading asks for no more current.
        """
        bus_v = measurement.bus_voltage_v
        if not bus_v > 0.0:
            return 0.0
        for string_v in string_voltage_v:
            bus_v = max(bus_v, string_v)
        load_w = min(measurement.heater_power_w, self._heater_max_w)
        load_w += min(measurement.compressor_power_w, self._compressor_max_w)
        return load_w / bus_v if load_w > 0.0 else 0.0

    def _taper(self, allowed_a: float, error_a: float, n_connected: int, soc: float, dt_s: float) -> float:
        """Return the current that leads the fullest cell to its target; NaN when that is not known."""
        step_a = error_a * dt_s / (dt_s + self.settings.taper_time_s)
        if not math.isfinite(step_a):
            return math.nan
        self._taper_a = min(max(min(self._taper_a, allowed_a) + step_a, 0.0), allowed_a)
        cutoff_a = n_connected * self.settings.cutoff_c_rate * self._pack.capacity_ah
        full = self._taper_a < min(allowed_a, cutoff_a)
        self._full_s = self._full_s + dt_s if full else 0.0
        if self._full_s > self.settings.cutoff_hold_s and self._done is LimitCause.NONE:
            self._done, self._full_soc = LimitCause.CELL_VOLTAGE, soc
        return self._taper_a

    def _follow_target(self, soc: float) -> None:
        """Stop at the target; start again when charge has sunk well below it, or below what full meant."""
        target_soc = self.settings.target_soc
        if soc >= target_soc:
            self._done = LimitCause.SOC
        full_soc = self._full_soc if self._done is LimitCause.CELL_VOLTAGE else target_soc
        if self._done is not LimitCause.NONE and soc < full_soc - _RESUME_BELOW_TARGET:
            self.reset()


def _charger_limit(measurement: Measurement) -> tuple[float, LimitCause]:
    """Return the current that the charger can give at this bus voltage, and which rating sets it."""
    bus_v, power_w, current_a = (
        measurement.bus_voltage_v,
        measurement.charger_power_max_w,
        measurement.charger_current_max_a,
    )
    if not (bus_v > 0.0 and power_w > 0.0 and bus_v <= measurement.charger_voltage_max_v):
        return 0.0, LimitCause.CHARGER_POWER
    if power_w / bus_v < current_a:
        return power_w / bus_v, LimitCause.CHARGER_POWER
    return (current_a if current_a > 0.0 else 0.0), LimitCause.CHARGER_CURRENT
