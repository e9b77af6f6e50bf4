"""The charging session against a simulated station: every step, every timeout, every fault stop."""

import math
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from plant_models.charger import ChargerParameters
from plant_models.charging_station import ChargingStation, StationFault
from thermal_bms.charge_session import (
    RULES,
    ChargerKind,
    ChargerStatus,
    ChargeSession,
    SessionDemand,
    SessionState,
    StopCause,
    VehicleStatus,
    preview_at_charger,
)
from thermal_bms.signals import NO_PREVIEW, Preview

PACK_V = 690.0
TICK_S = 0.1
KINDS: tuple[ChargerKind, ...] = ("ac", "ccs", "mcs", "gbt")
STEPS = {
    "ac": ["HANDSHAKE", "PRECHARGE", "CHARGING", "TAPER", "STOPPING", "FINISHED"],
    "ccs": ["HANDSHAKE", "ISOLATION_TEST", "PRECHARGE", "CHARGING", "TAPER", "STOPPING", "FINISHED"],
}


@dataclass
class Bay:
    """A truck with an inlet at a station."""

    kind: ChargerKind = "ccs"
    vehicle: VehicleStatus = field(
        default_factory=lambda: VehicleStatus(pack_voltage_v=PACK_V, request_a=200.0)
    )
    plugged: bool = True
    inlet_stuck: bool | None = None
    heard: bool = True
    seen: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        ratings = ChargerParameters(
            kind=self.kind, power_max_w=300e3, current_max_a=400.0, voltage_max_v=1000.0, handshake_s=5.0,
            slew_a_per_s=50.0,
        )  # fmt: skip
        self.station = ChargingStation(ratings)
        self.session = ChargeSession(self.kind)
        self.demand = SessionDemand()
        self.status = ChargerStatus()
        self.closed = False
        self.time_s = 0.0

    def step(self) -> None:
        self.time_s += TICK_S
        self.closed = self.demand.close_inlet if self.inlet_stuck is None else self.inlet_stuck
        self.status = self.station.step(
            self.demand if self.heard else None,
            plugged=self.plugged,
            inlet_closed=self.closed,
            pack_voltage_v=PACK_V,
            dt_s=TICK_S,
        )
        self.demand = self.session.step(self.status, replace(self.vehicle, inlet_closed=self.closed), TICK_S)
        if not self.seen or self.seen[-1] != self.demand.state.name:
            self.seen.append(self.demand.state.name)

    def run(self, seconds: float) -> None:
        for _ in range(round(seconds / TICK_S)):
            self.step()

    def until(self, state: SessionState, within_s: float = 120.0) -> float:
        """Run until the session is in that state and return how long it took [s]."""
        start_s = self.time_s
        while self.demand.state is not state:
            self.step()
            assert self.time_s - start_s < within_s, self.seen
        return self.time_s - start_s

    def set(self, **changes: Any) -> None:
        self.vehicle = replace(self.vehicle, **changes)


@pytest.mark.parametrize("kind", KINDS)
def test_a_session_goes_from_plug_to_finish(kind: ChargerKind) -> None:
    bay = Bay(kind)
    bay.until(SessionState.CHARGING)
    bay.run(10.0)
    assert bay.station.current_a == pytest.approx(200.0)
    bay.set(tapering=True, request_a=40.0)
    bay.run(5.0)
    assert bay.station.current_a == pytest.approx(40.0)
    bay.set(done=True)
    bay.until(SessionState.FINISHED)
    bay.run(3.0)
    assert bay.seen == STEPS["ac" if kind == "ac" else "ccs"]
    assert (bay.demand.cause, bay.closed, bay.demand.locked) == (StopCause.FULL, False, False)
    bay.plugged = False
    bay.step()
    assert bay.demand.state is SessionState.UNPLUGGED


@pytest.mark.parametrize("kind", KINDS)
def test_the_inlet_closes_only_on_a_matching_voltage_and_opens_only_without_current(
    kind: ChargerKind,
) -> None:
    bay = Bay(kind)
    while bay.demand.state is not SessionState.FINISHED:
        was_closed = bay.closed
        voltage_v, current_a = bay.station.voltage_v, bay.station.current_a
        bay.step()
        if bay.closed and not was_closed and kind != "ac":
            assert abs(voltage_v - PACK_V) < RULES[kind].precharge_window_v
        if was_closed and not bay.closed:
            assert current_a <= 5.0
        if bay.time_s > 60.0:
            bay.set(done=True)


def test_the_charger_is_asked_for_no_more_than_its_ratings() -> None:
    bay = Bay()
    bay.set(request_a=1000.0)
    bay.until(SessionState.CHARGING)
    bay.step()
    assert bay.demand.current_a == pytest.approx(min(400.0, 300e3 / PACK_V))


@pytest.mark.parametrize("missing", [{"current_max_a": math.nan}, {"power_max_w": math.nan}])
def test_without_known_ratings_no_current_is_asked_for(missing: dict[str, Any]) -> None:
    bay = Bay()
    bay.until(SessionState.CHARGING)
    status = replace(bay.status, **missing)
    assert bay.session.step(status, replace(bay.vehicle, inlet_closed=True), TICK_S).current_a == 0.0
    blind = replace(bay.vehicle, inlet_closed=True, pack_voltage_v=math.nan)
    assert bay.session.step(bay.status, blind, TICK_S).current_a == 0.0


def test_taper_and_full_current_follow_the_vehicle() -> None:
    bay = Bay()
    bay.until(SessionState.CHARGING)
    bay.set(tapering=True)
    bay.until(SessionState.TAPER)
    bay.set(tapering=False)
    bay.until(SessionState.CHARGING)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("fault", "state", "cause", "limit"),
    [
        ("never_ready", "HANDSHAKE", StopCause.HANDSHAKE_TIMEOUT, "handshake_s"),
        ("isolation_hangs", "ISOLATION_TEST", StopCause.ISOLATION_TIMEOUT, "isolation_s"),
        ("no_voltage", "PRECHARGE", StopCause.PRECHARGE_TIMEOUT, "precharge_s"),
    ],
)
def test_every_step_has_its_timeout(
    kind: ChargerKind, fault: StationFault, state: str, cause: StopCause, limit: str
) -> None:
    if kind == "ac" and fault != "never_ready":
        return  # no such step
    bay = Bay(kind)
    bay.station.faults = {fault}
    bay.until(SessionState[state])
    took_s = bay.until(SessionState.FAULT_STOP)
    assert bay.demand.cause is cause
    assert took_s == pytest.approx(getattr(RULES[kind], limit), abs=2.5 * TICK_S)
    assert not bay.closed


@pytest.mark.parametrize("kind", KINDS)
def test_an_inlet_that_does_not_close_ends_precharge(kind: ChargerKind) -> None:
    bay = Bay(kind, inlet_stuck=False)
    bay.until(SessionState.PRECHARGE)
    assert bay.until(SessionState.FAULT_STOP) == pytest.approx(RULES[kind].precharge_s, abs=2.5 * TICK_S)
    assert bay.demand.cause is StopCause.PRECHARGE_TIMEOUT


@pytest.mark.parametrize("kind", KINDS)
def test_silence_of_the_charger_stops_within_its_time(kind: ChargerKind) -> None:
    bay = Bay(kind)
    bay.until(SessionState.CHARGING)
    bay.run(10.0)
    bay.station.faults = {"silent"}
    took_s = bay.until(SessionState.FAULT_STOP)
    assert took_s == pytest.approx(RULES[kind].message_s, abs=2.5 * TICK_S)
    bay.run(1.5)
    assert (bay.demand.cause, bay.closed) == (StopCause.COMMUNICATION_LOST, False)


@pytest.mark.parametrize(
    ("fault", "cause"),
    [
        ("isolation_low", StopCause.ISOLATION_FAILED),
        ("internal", StopCause.CHARGER_FAULT),
        ("too_much_current", StopCause.CURRENT_EXCESS),
    ],
)
def test_a_charger_that_fails_is_stopped_and_cut_off(fault: StationFault, cause: StopCause) -> None:
    bay = Bay()
    bay.station.faults = {fault}
    bay.until(SessionState.FAULT_STOP)
    assert bay.demand.cause is cause
    assert bay.demand.emergency
    bay.run(1.5)
    assert not bay.closed
    assert bay.station.current_a == 0.0


@pytest.mark.parametrize(
    "state", [SessionState.HANDSHAKE, SessionState.ISOLATION_TEST, SessionState.CHARGING]
)
def test_a_fault_of_the_vehicle_stops_every_state(state: SessionState) -> None:
    bay = Bay()
    bay.until(state)
    bay.set(fault=True)
    bay.step()
    assert (bay.demand.state, bay.demand.cause) == (SessionState.FAULT_STOP, StopCause.VEHICLE_FAULT)
    assert bay.demand.current_a == 0.0


def test_a_fault_stop_opens_under_current_after_its_second() -> None:
    bay = Bay()
    bay.until(SessionState.CHARGING)
    bay.run(10.0)
    bay.station.faults = {"current_stuck"}
    bay.set(fault=True)
    bay.run(0.8)
    assert bay.closed
    bay.run(0.5)
    assert not bay.closed


def test_a_plug_that_is_pulled_opens_at_once() -> None:
    bay = Bay()
    bay.until(SessionState.CHARGING)
    bay.plugged = False
    bay.step()
    assert (bay.demand.state, bay.demand.cause) == (SessionState.FAULT_STOP, StopCause.PULLED)
    assert not bay.demand.close_inlet
    bay.step()
    assert bay.demand.state is SessionState.UNPLUGGED


def test_a_plug_pulled_in_the_handshake_is_no_fault() -> None:
    bay = Bay()
    bay.until(SessionState.HANDSHAKE)
    bay.plugged = False
    bay.run(0.5)
    assert bay.seen == ["HANDSHAKE", "UNPLUGGED"]


def test_an_inlet_that_opens_under_current_is_a_fault() -> None:
    bay = Bay()
    bay.until(SessionState.CHARGING)
    bay.inlet_stuck = False
    bay.step()
    assert bay.demand.cause is StopCause.INLET_OPENED


def test_a_current_that_does_not_go_ends_the_stop_with_a_fault() -> None:
    bay = Bay()
    bay.until(SessionState.CHARGING)
    bay.run(10.0)
    bay.station.faults = {"current_stuck"}
    bay.set(stop=True)
    bay.until(SessionState.STOPPING)
    assert bay.until(SessionState.FAULT_STOP) == pytest.approx(RULES["ccs"].stop_s, abs=2.5 * TICK_S)
    assert bay.demand.cause is StopCause.STOP_TIMEOUT


def test_a_welded_inlet_keeps_the_plug_locked() -> None:
    bay = Bay()
    bay.until(SessionState.CHARGING)
    bay.inlet_stuck = True
    bay.set(stop=True)
    bay.until(SessionState.FAULT_STOP)
    bay.run(20.0)
    assert bay.demand.cause is StopCause.STOP_TIMEOUT
    assert bay.demand.locked
    bay.plugged = False
    bay.run(1.0)
    assert bay.demand.state is SessionState.FAULT_STOP


def test_the_plug_stays_locked_until_its_voltage_may_be_touched() -> None:
    bay = Bay()
    bay.until(SessionState.CHARGING)
    bay.set(stop=True)
    bay.until(SessionState.FINISHED)
    assert bay.station.voltage_v > 60.0
    assert bay.demand.locked
    bay.run(2.0)
    assert not bay.demand.locked


@pytest.mark.parametrize(
    ("who", "cause"), [("vehicle", StopCause.VEHICLE_ASKED), ("charger", StopCause.CHARGER_ASKED)]
)
def test_either_side_may_end_in_order(who: str, cause: StopCause) -> None:
    bay = Bay()
    bay.until(SessionState.CHARGING)
    bay.run(5.0)
    if who == "vehicle":
        bay.set(stop=True)
    else:
        bay.station.faults = {"stops"}
    bay.until(SessionState.FINISHED)
    assert bay.demand.cause is cause


@pytest.mark.parametrize("pack_voltage_v", [1100.0, math.nan])
def test_a_pack_above_the_charger_or_of_unknown_voltage_is_refused(pack_voltage_v: float) -> None:
    bay = Bay()
    bay.set(pack_voltage_v=pack_voltage_v)
    bay.until(SessionState.FAULT_STOP)
    assert bay.demand.cause is StopCause.INCOMPATIBLE
    assert "ISOLATION_TEST" not in bay.seen


def test_after_a_fault_stop_a_new_plug_starts_a_new_session() -> None:
    bay = Bay()
    bay.station.faults = {"isolation_low"}
    bay.until(SessionState.FAULT_STOP)
    bay.plugged = False
    bay.step()
    bay.station.faults = set()
    bay.plugged = True
    bay.until(SessionState.CHARGING)
    assert bay.demand.cause is StopCause.NONE


def test_a_station_that_hears_nothing_gives_up() -> None:
    bay = Bay()
    bay.until(SessionState.CHARGING)
    bay.run(5.0)
    bay.heard = False
    bay.run(59.0)
    assert not bay.status.fault
    bay.run(2.0)
    assert bay.status.fault
    assert bay.station.current_a == 0.0


def test_the_thermal_controller_is_told_the_power_that_the_charger_has() -> None:
    bay = Bay()
    planned = Preview(charge_in_s=600.0, charge_power_w=1e6, confidence=0.7)
    bay.until(SessionState.HANDSHAKE)
    assert preview_at_charger(planned, bay.session, bay.status, PACK_V) is planned
    bay.until(SessionState.ISOLATION_TEST)
    told = preview_at_charger(planned, bay.session, bay.status, PACK_V)
    assert told.charge_in_s == 0.0
    assert told.charge_power_w == pytest.approx(400.0 * PACK_V)
    assert preview_at_charger(planned, bay.session, bay.status, math.nan) is planned
    bay.set(stop=True)
    bay.until(SessionState.FINISHED)
    assert preview_at_charger(NO_PREVIEW, bay.session, bay.status, PACK_V) is NO_PREVIEW
