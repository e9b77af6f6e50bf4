import math
from typing import Any

import numpy as np
import pytest

from controllers.conditioning import CHEMISTRY_DEFAULTS, ConditioningSettings
from tests.unit.thermal_bms.telemetry.telemetry_samples import at, command, encoded, iso
from thermal_bms.signals import NO_PREVIEW, Preview
from thermal_bms.telemetry.envelope import Reason, Verdict
from thermal_bms.telemetry.remote import (
    BATTERY_TEMP,
    CABIN_TEMP,
    CHARGE_POWER,
    IN_PREVIEW,
    KEPT_MAX,
    MODE,
    NO_SETPOINTS,
    RANGES,
    READY_AT,
    ConditioningMode,
    RemoteDesk,
    Setpoints,
    conditioning_settings,
    preview_of,
)

WALL_S = at(0.0).wall_s


@pytest.fixture
def desk() -> RemoteDesk:
    return RemoteDesk("", at(0.0))


def sent(desk: RemoteDesk, now_s: float = 1.0, *, jump_s: float = 0.0, **document: Any) -> Verdict:
    return desk.take(encoded(command(**document)), at(now_s, jump_s))


def test_a_command_in_its_range_is_in_force_until_it_expires(desk: RemoteDesk) -> None:
    assert sent(desk, **{CABIN_TEMP: 21.5}).accepted
    assert desk.setpoints(at(3599.0)).cabin_temp_degc == 21.5
    assert desk.setpoints(at(3600.0)) == NO_SETPOINTS


@pytest.mark.parametrize("path", RANGES)
@pytest.mark.parametrize("end", ["low", "high"])
def test_the_ends_of_a_range_are_allowed_and_beyond_them_nothing_is(
    desk: RemoteDesk, path: str, end: str
) -> None:
    value = getattr(RANGES[path], end)
    beyond = value - 0.1 if end == "low" else value + 0.1
    refused = sent(desk, name="beyond", **{path: beyond})
    assert refused.reason is Reason.OUT_OF_RANGE
    assert f"{RANGES[path].high:g}" in refused.detail
    assert sent(desk, name="end", **{path: value}).accepted


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (BATTERY_TEMP, "warm"),
        (BATTERY_TEMP, True),
        (BATTERY_TEMP, 1e308),
        (MODE, "COOK"),
        (MODE, 1),
        (READY_AT, 5),
        (READY_AT, "soon"),
        (READY_AT, iso(0.5)),
        (READY_AT, iso(49 * 3600.0)),
        (READY_AT, "2026-03-01T07:00:00"),
    ],
)
def test_a_value_of_the_wrong_kind_or_time_is_out_of_range(desk: RemoteDesk, path: str, value: Any) -> None:
    assert sent(desk, **{path: value}).reason is Reason.OUT_OF_RANGE
    assert desk.setpoints(at(2.0)) == NO_SETPOINTS


@pytest.mark.parametrize(
    "path",
    [
        "Vehicle.Powertrain.TractionBattery.ThermalLoop.PumpDuty",
        "Vehicle.Powertrain.TractionBattery.ThermalLoop.HeaterDuty",
        "Vehicle.Powertrain.TractionBattery.IsPowerConnected",
        "Vehicle.Powertrain.TractionBattery.Charging.StartStopCharging",
        "Vehicle.Powertrain.TractionBattery.Charging.ChargeLimit",
        "__class__",
        "",
    ],
)
def test_nothing_but_set_points_can_be_commanded(desk: RemoteDesk, path: str) -> None:
    document = {**command(), "set": {path: 1.0}}
    assert desk.take(encoded(document), at(1.0)).reason is Reason.UNKNOWN_SIGNAL
    assert desk.setpoints(at(2.0)) == NO_SETPOINTS


def test_what_nothing_in_the_truck_acts_on_is_refused_and_said_so() -> None:
    desk = RemoteDesk("", at(0.0), acts_on=IN_PREVIEW)
    refused = sent(desk, **{MODE: "INACTIVE", CABIN_TEMP: 20.0})
    assert refused.reason is Reason.NOT_ALLOWED
    assert CABIN_TEMP in refused.detail
    assert desk.setpoints(at(2.0)) == NO_SETPOINTS
    assert sent(desk, **{MODE: "INACTIVE"}).accepted


def test_a_command_is_taken_whole_or_not_at_all(desk: RemoteDesk) -> None:
    assert not sent(desk, **{CABIN_TEMP: 20.0, BATTERY_TEMP: 99.0}).accepted
    assert desk.setpoints(at(2.0)) == NO_SETPOINTS


def test_a_replayed_command_is_refused_while_it_holds_and_afterwards(desk: RemoteDesk) -> None:
    assert sent(desk, **{CABIN_TEMP: 20.0}).accepted
    assert sent(desk, 2.0, **{CABIN_TEMP: 20.0}).reason is Reason.REPLAYED
    assert sent(desk, 3601.0, **{CABIN_TEMP: 20.0}).reason is Reason.EXPIRED


def test_a_clock_set_back_does_not_let_a_replay_in(desk: RemoteDesk) -> None:
    assert sent(desk, **{CABIN_TEMP: 20.0}).accepted
    assert sent(desk, 4000.0, jump_s=-3900.0, **{CABIN_TEMP: 20.0}).reason is Reason.REPLAYED
    other = sent(desk, 4001.0, jump_s=-3900.0, name="older", issued_s=-5.0, **{CABIN_TEMP: 20.0})
    assert other.reason is Reason.REPLAYED


def test_a_restart_forgets_neither_commands_nor_replays(desk: RemoteDesk) -> None:
    sent(desk, name="short", expires_s=10.0, **{BATTERY_TEMP: 12.0})
    sent(desk, name="long", issued_s=1.0, **{CABIN_TEMP: 20.0})
    desk.setpoints(at(20.0))
    again = RemoteDesk(desk.memory, at(30.0))
    assert again.setpoints(at(30.0)) == Setpoints(cabin_temp_degc=20.0)
    assert sent(again, 31.0, name="long", issued_s=1.0, **{CABIN_TEMP: 20.0}).reason is Reason.REPLAYED
    assert sent(again, 31.0, name="new", issued_s=0.0, **{CABIN_TEMP: 20.0}).reason is Reason.REPLAYED
    assert sent(again, 31.0, name="newer", issued_s=2.0, **{CABIN_TEMP: 22.0}).accepted


@pytest.mark.parametrize("memory", ["", "rubbish", "{}", '{"commands": [1]}'])
def test_an_unreadable_memory_is_an_empty_one(memory: str) -> None:
    assert RemoteDesk(memory, at(0.0)).setpoints(at(0.0)) == NO_SETPOINTS


def test_of_two_commands_the_one_issued_later_holds_whatever_their_order_of_arrival(desk: RemoteDesk) -> None:
    sent(desk, name="later", issued_s=0.9, **{CABIN_TEMP: 25.0})
    sent(desk, name="earlier", issued_s=0.1, **{CABIN_TEMP: 18.0, BATTERY_TEMP: 15.0})
    assert desk.setpoints(at(2.0)) == Setpoints(cabin_temp_degc=25.0, battery_temp_degc=15.0)


def test_a_flood_of_commands_takes_bounded_room(desk: RemoteDesk) -> None:
    for k in range(KEPT_MAX + 50):
        assert sent(desk, float(k), name=f"c{k}", issued_s=float(k), **{CABIN_TEMP: 20.0}).accepted
    assert len(desk._kept) == KEPT_MAX
    assert sent(desk, 400.0, name="c0", issued_s=0.0, **{CABIN_TEMP: 20.0}).reason is Reason.REPLAYED


def test_driving_preparation_becomes_a_departure(desk: RemoteDesk) -> None:
    assert sent(desk, **{MODE: "DRIVING_PREPARATION", READY_AT: iso(1800.0)}).accepted
    preview = preview_of(desk.setpoints(at(600.0)), NO_PREVIEW, at(600.0).wall_s)
    assert preview.departure_in_s == pytest.approx(1200.0)
    assert preview.charge_in_s == math.inf
    assert preview.confidence == 1.0


def test_fast_charging_preparation_becomes_a_charge_with_its_power(desk: RemoteDesk) -> None:
    wanted = {MODE: "FAST_CHARGING_PREPARATION", READY_AT: iso(1800.0), CHARGE_POWER: 350}
    assert sent(desk, **wanted).accepted
    preview = preview_of(desk.setpoints(at(2.0)), NO_PREVIEW, at(0.0).wall_s)
    assert preview.charge_in_s == pytest.approx(1800.0)
    assert preview.charge_power_w == 350e3


PLANNED = Preview(
    horizon_s=np.array([60.0]),
    heat_w=np.array([5000.0]),
    ambient_temp_degc=np.array([1.0]),
    charge_in_s=900.0,
    charge_power_w=150e3,
    departure_in_s=50.0,
    confidence=0.5,
)


def test_without_set_points_the_plan_stands() -> None:
    assert preview_of(NO_SETPOINTS, PLANNED, WALL_S) is PLANNED
    assert preview_of(Setpoints(cabin_temp_degc=20.0), PLANNED, WALL_S) is PLANNED


def test_inactive_takes_the_planned_events_away_and_leaves_the_route() -> None:
    preview = preview_of(Setpoints(mode=ConditioningMode.INACTIVE), PLANNED, WALL_S)
    assert (preview.charge_in_s, preview.charge_power_w, preview.departure_in_s) == (math.inf, 0.0, math.inf)
    assert preview.heat_w is PLANNED.heat_w
    assert preview.confidence == 0.5


def test_a_charge_asked_for_without_a_power_takes_the_planned_one() -> None:
    wanted = Setpoints(mode=ConditioningMode.FAST_CHARGING_PREPARATION, ready_at_s=WALL_S + 60.0)
    assert preview_of(wanted, PLANNED, WALL_S).charge_power_w == 150e3


def test_the_temperature_asked_for_is_a_setting_that_the_controllers_take(desk: RemoteDesk) -> None:
    assert conditioning_settings(NO_SETPOINTS) == {}
    for target_degc in (RANGES[BATTERY_TEMP].low, RANGES[BATTERY_TEMP].high):
        changed = conditioning_settings(Setpoints(battery_temp_degc=target_degc))
        settings = ConditioningSettings(**{**CHEMISTRY_DEFAULTS["lfp"], **changed})
        assert settings.departure_heat_degc == target_degc
