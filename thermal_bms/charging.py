"""Charging: how much current is asked of the charger, and what limits it.

Constant current up to the smallest limit, then constant voltage of the fullest cell, until the target charge or
the cut-off current is reached. What the truck itself draws is asked for on top, so that conditioning on a plug
uses grid energy and the battery gets what its limits allow.
"""

import math
from dataclasses import dataclass
from typing import final

from pydantic import Field

from thermal_bms.description import PackDescription
from thermal_bms.parameters import Parameters
from thermal_bms.signals import Estimate, LimitCause, Limits, Measurement, VehicleMode

_RESUME_BELOW_TARGET = 0.03


class ChargeSettings(Parameters):
    """What a charge aims at. Cut-off at 0.05C as in the datasheets of large LFP and NMC cells; rest assumed."""

    target_soc: float = Field(default=1.0, gt=0.0, le=1.0)
    voltage_margin_v: float = Field(
        default=0.01, ge=0.0, le=0.2, description="constant-voltage target below the cell's highest voltage"
    )
    taper_time_s: float = Field(default=2.0, gt=0.0, le=60.0, description="time constant of the voltage loop")
    cutoff_c_rate: float = Field(default=0.05, gt=0.0, le=0.5, description="a charge at this current is full")
    cutoff_hold_s: float = Field(default=10.0, ge=0.0, le=600.0, description="for this long")


@dataclass(frozen=True, slots=True)
class ChargeRequest:
    """Current to ask of the charger [A], the part of it meant for the battery [A], and what limits that part."""

    current_a: float
    battery_current_a: float
    cause: LimitCause


NO_CHARGE = ChargeRequest(0.0, 0.0, LimitCause.NONE)


@final
class Charging:
    """Constant current, constant voltage, stop.

    The taper is an integrator on the voltage error of the fullest cell: each tick adds
    ``(v_target - v_max) / r * dt / (dt + tau)`` per string. The factor stays below one, so with a resistance
    ``r`` no less than half the true one it settles without oscillation at any tick. It follows the smallest of
    the other limits from above, so it takes over without a step and never winds up.
    """

    def __init__(self, pack: PackDescription, settings: ChargeSettings | None = None) -> None:
        self._pack = pack
        self.settings = settings or ChargeSettings()
        self.reset()

    def reset(self) -> None:
        """Forget the session; the next step starts a new one."""
        self._taper_a = math.inf
        self._full_s = 0.0
        self._done = LimitCause.NONE

    def step(
        self,
        measurement: Measurement,
        estimate: Estimate,
        limits: Limits,
        *,
        n_connected: int,
        resistance_ohm: float,
        dt_s: float,
    ) -> ChargeRequest:
        """Return what to ask of the charger for the coming tick.

        Parameters
        ----------
        measurement, estimate, limits : as they cross the controller's side; NaN means no valid value
        n_connected : strings that carry current
        resistance_ohm : of one group at present [ohm]
        dt_s : tick [s]
        """
        if not measurement.plug_connected or n_connected == 0:
            self.reset()
            return NO_CHARGE
        load_a = _load_current_a(measurement)
        charger_a, charger_cause = _charger_limit(measurement)
        battery_a, cause = 0.0, LimitCause.NONE
        if measurement.vehicle_mode == VehicleMode.CHARGE:
            battery_a, cause = self._battery_current(
                estimate, limits, n_connected=n_connected, resistance_ohm=resistance_ohm, dt_s=dt_s
            )
        spare_a = max(charger_a - load_a, 0.0)
        if spare_a < battery_a:
            battery_a, cause = spare_a, charger_cause
            self._taper_a = min(self._taper_a, spare_a)
        return ChargeRequest(min(battery_a + load_a, charger_a), battery_a, cause)

    def _battery_current(
        self, estimate: Estimate, limits: Limits, *, n_connected: int, resistance_ohm: float, dt_s: float
    ) -> tuple[float, LimitCause]:
        self._follow_target(estimate.soc)
        allowed_a = limits.charge_current_max_a
        error_v = self._pack.cell_voltage_max_v - self.settings.voltage_margin_v - estimate.cell_voltage_max_v
        step_a = n_connected * error_v / resistance_ohm * dt_s / (dt_s + self.settings.taper_time_s)
        if not math.isfinite(step_a):
            return 0.0, LimitCause.FAULT
        self._taper_a = min(max(min(self._taper_a, allowed_a) + step_a, 0.0), allowed_a)
        tapering = self._taper_a < allowed_a
        self._watch_cut_off(self._taper_a, n_connected, dt_s, tapering=tapering)
        if self._done is not LimitCause.NONE:
            return 0.0, self._done
        return (self._taper_a, LimitCause.CELL_VOLTAGE) if tapering else (allowed_a, limits.charge_cause)

    def _follow_target(self, soc: float) -> None:
        """Stop at the target; start again when charge has sunk well below it or the target was raised."""
        target_soc = self.settings.target_soc
        if soc >= target_soc:
            self._done = LimitCause.SOC
        elif self._done is not LimitCause.NONE and soc < target_soc - _RESUME_BELOW_TARGET:
            self.reset()

    def _watch_cut_off(self, taper_a: float, n_connected: int, dt_s: float, *, tapering: bool) -> None:
        cutoff_a = n_connected * self.settings.cutoff_c_rate * self._pack.capacity_ah
        self._full_s = self._full_s + dt_s if tapering and taper_a < cutoff_a else 0.0
        if self._full_s > self.settings.cutoff_hold_s:
            self._done = LimitCause.CELL_VOLTAGE


def _load_current_a(measurement: Measurement) -> float:
    """Return what heater and compressor draw from the bus [A]; 0 where that is not known."""
    load_w = measurement.heater_power_w + measurement.compressor_power_w
    load_a = load_w / measurement.bus_voltage_v if measurement.bus_voltage_v > 0.0 else 0.0
    return load_a if load_a > 0.0 else 0.0


def _charger_limit(measurement: Measurement) -> tuple[float, LimitCause]:
    """Return the current that the charger can give at the present bus voltage, and which of its ratings sets it."""
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
