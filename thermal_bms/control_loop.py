"""The crank of a service: read, control, write, record, tick by tick, whatever link is plugged in."""

from collections.abc import Callable, MutableMapping
from dataclasses import replace
from typing import Any, final

import numpy as np

from thermal_bms.can.mapping import status_values
from thermal_bms.cycle import ControlUnit, CycleResult, control_cycle
from thermal_bms.fallback import FallbackController
from thermal_bms.interfaces import Link
from thermal_bms.link import MEASUREMENT, measurement_row
from thermal_bms.persistence import StoredState
from thermal_bms.preview_stream import PREVIEW, preview_row
from thermal_bms.recorder import Row
from thermal_bms.signals import NO_PREVIEW, Command, Measurement, ThermalCommand, ValveMode

CONTROL = "control"
CONTROL_COLUMNS = (
    "time_s",
    "soc",
    "cell_temp_max_degc",
    "pack_current_a",
    "heat_w",
    "discharge_power_max_w",
    "regen_power_max_w",
    "charge_current_a",
    "pump_duty",
    "fan_duty",
    "compressor_duty",
    "heater_duty",
    "valve_mode",
    "fault_count",
    "reason_count",
    "controller_failed",
)
_TIME_ROUNDING_S = 1e-6


def _nowhere(_stream: str, _row: Row) -> None:
    """Record nothing."""


@final
class ControlLoop:
    """One control unit on one link, with its memory of before and its counters.

    Parameters
    ----------
    unit : the control unit; its controller is ``controller``
    controller : the row of controllers
    link : the truck
    period_s : tick [s]
    stored : what is known from before; latched faults are set again
    record : takes a stream's name and a row
    measurement_every_s : how often the full measurement is recorded; 0 for every tick [s]
    status : filled with what the vehicle is told besides the command

    Attributes
    ----------
    measurement, result : of the last tick
    preview : what is known of the time ahead; for the owner to set
    """

    def __init__(
        self,
        unit: ControlUnit,
        controller: FallbackController,
        link: Link,
        *,
        period_s: float,
        stored: StoredState,
        record: Callable[[str, Row], None] = _nowhere,
        measurement_every_s: float = 0.0,
        status: MutableMapping[str, float] | None = None,
    ) -> None:
        self.unit = unit
        self.controller = controller
        self.result: CycleResult | None = None
        self.measurement: Measurement | None = None
        self.preview = self._recorded_preview = NO_PREVIEW
        self._link = link
        self._period_s = period_s
        self._stored = stored
        self._record = record
        self._every_s = measurement_every_s
        self._next_record_s = -np.inf
        self._status = status if status is not None else {}
        self._discharged_j = self._charged_j = self._operating_s = 0.0
        unit.protection.restore(stored.latched)

    def tick(self) -> CycleResult:
        """Make one tick of the loop."""
        measurement = self._link.read()
        result = control_cycle(self.unit, measurement, self.preview, self._period_s)
        self.measurement, self.result = measurement, result
        self._status.update(status_values(measurement, result.estimate, result.limits))
        self._link.write(result.command)
        self._count(measurement)
        self._record_tick(measurement, result)
        return result

    def state(self) -> StoredState:
        """Return what is to be kept: that of before, and what has happened since."""
        before, soc = self._stored, self.result.estimate.soc if self.result else self._stored.soc
        return replace(
            before,
            soc=soc if np.isfinite(soc) else before.soc,
            discharged_j=before.discharged_j + self._discharged_j,
            charged_j=before.charged_j + self._charged_j,
            operating_s=before.operating_s + self._operating_s,
            latched=self.unit.protection.latched,
        )

    def leave_safe(self) -> Command | None:
        """Send what the truck can be left with when nobody controls it any more; None before the first tick."""
        if self.result is None:
            return None
        command = safe_to_leave(self.result.command)
        self._link.write(command)
        return command

    def _count(self, measurement: Measurement) -> None:
        power_w = float(np.nansum(measurement.string_current_a * measurement.string_voltage_v))
        energy_j = power_w * self._period_s
        self._discharged_j += max(energy_j, 0.0)
        self._charged_j += max(-energy_j, 0.0)
        self._operating_s += self._period_s

    def _record_tick(self, measurement: Measurement, result: CycleResult) -> None:
        now_s = measurement.time_s
        if now_s >= self._next_record_s - _TIME_ROUNDING_S:
            self._next_record_s = now_s + self._every_s
            self._record(MEASUREMENT, measurement_row(measurement, result.command))
        if self.preview is not self._recorded_preview:
            self._recorded_preview = self.preview
            self._record(PREVIEW, preview_row(now_s, self.preview))
        self._record(CONTROL, _control_row(now_s, result))


def _control_row(time_s: float, result: CycleResult) -> tuple[Any, ...]:  # numbers of several kinds
    """Return the row of the stream "control", in the order of ``CONTROL_COLUMNS``."""
    estimate, command, thermal = result.estimate, result.command, result.command.thermal
    return (
        time_s,
        estimate.soc,
        estimate.cell_temp_max_degc,
        estimate.pack_current_a,
        estimate.heat_w,
        command.discharge_power_max_w,
        command.regen_power_max_w,
        command.charge_current_a,
        thermal.pump_duty,
        thermal.fan_duty,
        thermal.compressor_duty,
        thermal.heater_duty,
        thermal.valve_mode,
        len(result.faults),
        len(result.reasons),
        result.wanted is None,
    )


def safe_to_leave(command: Command) -> Command:
    """Return the command that a truck can be left with: no heat, no compressor, no charging.

    Pump, fan and contactors stay as they are: coolant goes on taking heat from the cells, and contactors do not
    open under load. The power limits stay, too; the vehicle drops them itself when the message stops.
    """
    thermal = command.thermal
    valve = ValveMode.BYPASS if thermal.valve_mode is ValveMode.WASTE_HEAT else thermal.valve_mode
    return replace(
        command,
        thermal=ThermalCommand(pump_duty=thermal.pump_duty, fan_duty=thermal.fan_duty, valve_mode=valve),
        charge_current_a=0.0,
    )
