"""A charging station as a session sees it: it answers, tests, precharges, delivers, and can fail in every way.

The counterpart of ``thermal_bms.charge_session``; the current follows ``charger.Charger``. Its output voltage ramps to
the target, and falls by itself once the inlet is open. Durations are assumed, within what the standards allow.
"""

import math
from dataclasses import replace
from typing import Literal, final

from pydantic import Field

from plant_models.charger import Charger, ChargerParameters
from thermal_bms.charge_session import ChargerStatus, IsolationResult, SessionDemand
from thermal_bms.parameters import Parameters

StationFault = Literal[
    "never_ready",
    "silent",
    "isolation_low",
    "isolation_hangs",
    "no_voltage",
    "too_much_current",
    "current_stuck",
    "internal",
    "stops",
]
DISCHARGE_TIME_S = 0.3
EMERGENCY_A_PER_S = 400.0


class StationParameters(Parameters):
    """How long a station takes; assumed."""

    isolation_test_s: float = Field(default=6.0, ge=0.0)
    test_voltage_v: float = Field(default=500.0, ge=0.0)
    voltage_v_per_s: float = Field(default=400.0, gt=0.0)
    silence_s: float = Field(
        default=60.0,
        gt=0.0,
        description="without a vehicle it gives up: V2G_SECC_Sequence_Timeout, ISO 15118-2",
    )


@final
class ChargingStation:
    """One outlet of a station.

    ``faults`` may be changed at any time; what is in it holds from the next step on.
    """

    def __init__(self, ratings: ChargerParameters, parameters: StationParameters | None = None) -> None:
        self.ratings = ratings
        self.parameters = parameters or StationParameters()
        self.faults: set[StationFault] = set()
        self.unplug()

    def unplug(self) -> None:
        """Take the plug out; the station forgets the session."""
        self._charger = Charger(self.ratings)
        self.voltage_v = 0.0
        self.current_a = 0.0
        self._plugged_s = self._tested_s = 0.0
        self._silent_s = self._unheard_s = 0.0
        self._spoken = ChargerStatus()

    def step(
        self,
        demand: SessionDemand | None,
        *,
        plugged: bool,
        inlet_closed: bool,
        pack_voltage_v: float,
        dt_s: float,
    ) -> ChargerStatus:
        """Advance by ``dt_s`` and return what the vehicle hears.

        Parameters
        ----------
        demand : what the vehicle asks for; None when nothing is heard of it
        plugged, inlet_closed : the plug and the vehicle's inlet contactors
        pack_voltage_v : behind those [V]
        dt_s : tick [s]
        """
        if not plugged:
            self.unplug()
            return ChargerStatus()
        self._plugged_s += dt_s
        self._unheard_s = self._unheard_s + dt_s if demand is None else 0.0
        wanted = demand or SessionDemand()
        self._deliver(wanted, dt_s, inlet_closed=inlet_closed, pack_voltage_v=pack_voltage_v)
        if "silent" in self.faults:
            self._silent_s += dt_s
        else:
            self._silent_s = 0.0
            self._spoken = self._speak(wanted, dt_s)
        return replace(self._spoken, plugged=True, age_s=self._silent_s)

    def _deliver(
        self, wanted: SessionDemand, dt_s: float, *, inlet_closed: bool, pack_voltage_v: float
    ) -> None:
        """Move output voltage and current."""
        gone = wanted.emergency or self._has_given_up or "internal" in self.faults
        if not inlet_closed:
            self._move_voltage(wanted, dt_s, gone=gone)
            self._charger.step(0.0, pack_voltage_v, dt_s)
            self.current_a = 0.0
            return
        self.voltage_v = pack_voltage_v
        if "current_stuck" in self.faults:
            return
        if gone:
            self.current_a = max(self.current_a - EMERGENCY_A_PER_S * dt_s, 0.0)
        else:
            request_a = wanted.current_a * (1.5 if "too_much_current" in self.faults else 1.0)
            self.current_a = self._charger.step(request_a, pack_voltage_v, dt_s)

    def _move_voltage(self, wanted: SessionDemand, dt_s: float, *, gone: bool) -> None:
        """Move the voltage of an output that nothing loads: up on a ramp, down through its bleeder."""
        target_v = min(wanted.voltage_v, self.ratings.voltage_max_v)
        if wanted.test_isolation:
            target_v = self.parameters.test_voltage_v
        if gone or "no_voltage" in self.faults:
            target_v = 0.0
        if target_v >= self.voltage_v:
            self.voltage_v = min(target_v, self.voltage_v + self.parameters.voltage_v_per_s * dt_s)
        else:
            self.voltage_v = target_v + (self.voltage_v - target_v) * math.exp(-dt_s / DISCHARGE_TIME_S)

    @property
    def _has_given_up(self) -> bool:
        return self._unheard_s > self.parameters.silence_s

    def _speak(self, wanted: SessionDemand, dt_s: float) -> ChargerStatus:
        """Return what the station says now."""
        ratings = self.ratings
        return ChargerStatus(
            plugged=True,
            age_s=0.0,
            ready=self._plugged_s >= ratings.handshake_s and "never_ready" not in self.faults,
            isolation=self._isolation(wanted, dt_s),
            voltage_v=self.voltage_v,
            current_a=self.current_a,
            voltage_max_v=ratings.voltage_max_v,
            current_max_a=ratings.current_max_a,
            power_max_w=ratings.power_max_w,
            stops="stops" in self.faults,
            fault="internal" in self.faults or self._has_given_up,
        )

    def _isolation(self, wanted: SessionDemand, dt_s: float) -> IsolationResult:
        if wanted.test_isolation:
            self._tested_s += dt_s
        if self._tested_s == 0.0:
            return IsolationResult.NOT_TESTED
        if self._tested_s < self.parameters.isolation_test_s or "isolation_hangs" in self.faults:
            return IsolationResult.TESTING
        return IsolationResult.FAILED if "isolation_low" in self.faults else IsolationResult.VALID
