import math
from typing import Any

import numpy as np
import pytest

from tests.unit.thermal_bms import bms_samples
from tests.unit.thermal_bms.bms_samples import PACK, measured
from thermal_bms.faults import PACK as PER_PACK
from thermal_bms.faults import DiagnosticRow, FaultCode, Severity
from thermal_bms.limits import LimitRow, load_diagnostics, load_limits
from thermal_bms.plausibility import Checked
from thermal_bms.protection import FOUND_PER_PACK, FOUND_PER_STRING, HEALTHY, Protection, Verdict

NAN = float("nan")
LFP = load_limits("lfp")
EXCESS = ("charge_current_excess_a", "discharge_current_excess_a")
DT_S = 0.1


def checked(**changes: Any) -> Checked:
    """Return a healthy measurement of a truck that stands, so that nothing is announced before it opens."""
    return bms_samples.checked(measured(vehicle_speed_m_per_s=0.0), **changes)


def protection() -> Protection:
    return Protection(LFP, PACK)


def step(guard: Protection, seen: Checked, dt_s: float = DT_S, **found: Any) -> Verdict:
    excess = {name: found.pop(name, 0.0) for name in EXCESS}
    return guard.step(seen, {**seen.found, **found}, **excess, dt_s=dt_s)


def hold(guard: Protection, seen: Checked, seconds: float, dt_s: float = DT_S, **changes: Any) -> Verdict:
    for _ in range(round(seconds / dt_s)):
        verdict = step(guard, seen, dt_s, **changes)
    return verdict


def provoked(row: LimitRow, value: float) -> Checked:
    """Return a measurement whose second string has ``value`` where the row looks, with current as needed."""
    current_a = -50.0 if "_charging" in row.quantity else 50.0
    if row.quantity == "string_current_a":
        return checked(current_a=[0.0, value, 0.0])
    if "_spread_" in row.quantity:
        top = row.quantity.replace("_spread_v", "_max_v").replace("_spread_k", "_max_degc")
        tops, bottom = getattr(checked(), top), top.replace("max", "min")
        return checked(current_a=[current_a] * 3, **{bottom: [tops[0], tops[1] - value, tops[2]]})
    field = row.quantity.replace("_charging", "").replace("_discharging", "")
    healthy = getattr(checked(), field)
    return checked(current_a=[current_a] * 3, **{field: [healthy[0], value, healthy[2]]})


def worst(verdict: Verdict, code: FaultCode) -> Severity | None:
    return max((fault.severity for fault in verdict.faults if fault.code is code), default=None)


def test_a_healthy_pack_has_no_faults() -> None:
    verdict = hold(protection(), checked(), 20.0)
    assert verdict == Verdict((), frozenset(), frozenset(), charge_allowed=True, limp=False)


@pytest.mark.parametrize("row", LFP.limit, ids=lambda row: row.code.name)
@pytest.mark.parametrize(
    ("level", "severity", "below"),
    [
        ("operate", Severity.INFO, None),
        ("warn", Severity.WARNING, Severity.INFO),
        ("trip", Severity.TRIP, Severity.WARNING),
    ],
)
def test_each_level_is_found_above_and_not_at_or_below_it(
    row: LimitRow, level: str, severity: Severity, below: Severity | None
) -> None:
    limit = row.level(getattr(row, level), PACK)
    outward = 1e-6 if row.direction == "above" else -1e-6
    at_limit = limit - 1e-12 if "_spread_" in row.quantity else limit  # a difference is rounded
    for value, expected in ((limit - outward, below), (at_limit, below), (limit + outward, severity)):
        verdict = hold(protection(), provoked(row, value), row.debounce_s + 1.0)
        assert worst(verdict, row.code) == expected


@pytest.mark.parametrize("row", LFP.limit, ids=lambda row: row.code.name)
def test_each_trip_opens_its_string_after_debounce_and_delay_and_not_one_tick_earlier(row: LimitRow) -> None:
    limit = row.level(row.trip, PACK)
    seen = provoked(row, limit * 1.01 if row.direction == "above" or limit < 0.0 else limit * 0.99)
    guard = protection()
    verdict = hold(guard, seen, row.debounce_s - DT_S)
    assert verdict.stop_strings == frozenset()
    verdict = step(guard, seen)
    assert verdict.stop_strings == {1}
    assert verdict.open_strings == frozenset()
    if row.delay_s > DT_S:
        verdict = hold(guard, seen, row.delay_s - DT_S)
        assert verdict.open_strings == frozenset()
    verdict = step(guard, seen)
    assert verdict.open_strings == {1}


@pytest.mark.parametrize("dt_s", [0.1, 1.0, 5.0])
@pytest.mark.parametrize("row", LFP.limit, ids=lambda row: row.code.name)
def test_no_trip_takes_longer_than_its_times_and_one_tick(row: LimitRow, dt_s: float) -> None:
    limit = row.level(row.trip, PACK)
    seen = provoked(row, limit * 1.01 if row.direction == "above" or limit < 0.0 else limit * 0.99)
    guard, elapsed_s = protection(), 0.0
    while not step(guard, seen, dt_s).open_strings:
        elapsed_s += dt_s
        assert elapsed_s < 60.0
    assert elapsed_s + dt_s <= row.debounce_s + row.delay_s + dt_s + 1e-9


@pytest.mark.parametrize("row", LFP.limit, ids=lambda row: row.code.name)
def test_while_driving_a_trip_is_announced_and_limps_before_it_opens(row: LimitRow) -> None:
    limit = row.level(row.trip, PACK)
    seen = provoked(row, limit * 1.01 if row.direction == "above" or limit < 0.0 else limit * 0.99)
    seen.measurement = measured()
    guard = protection()
    verdict = hold(guard, seen, row.debounce_s)
    announced_s = 0.0
    while not verdict.open_strings:
        if announced_s < row.forewarn_s - 1e-6:
            assert (verdict.forewarning, verdict.limp, verdict.stop_strings) == (True, True, frozenset())
        else:
            assert (verdict.forewarning, verdict.stop_strings) == (False, {1})
        verdict = step(guard, seen)
        announced_s += DT_S
    assert announced_s == pytest.approx(row.forewarn_s + row.delay_s)


def test_a_truck_that_stops_opens_without_the_rest_of_its_forewarning() -> None:
    guard, driving = protection(), checked(cell_temp_max_degc=[25.0, 61.0, 25.0])
    driving.measurement = measured()
    assert hold(guard, driving, 6.0).forewarning
    assert step(guard, checked(cell_temp_max_degc=[25.0, 61.0, 25.0])).open_strings == {1}


@pytest.mark.parametrize("speed", [0.0, 20.0, NAN])
def test_a_crash_opens_every_string_at_once_and_whatever_flows(speed: float) -> None:
    seen = checked()
    seen.measurement = measured(crash=1.0, vehicle_speed_m_per_s=speed)
    verdict = step(protection(), seen)
    assert verdict.open_strings == verdict.at_once == verdict.stop_strings == {0, 1, 2}
    assert not verdict.forewarning


@pytest.mark.parametrize(("speed", "announced"), [(1.4, False), (1.5, True), (NAN, True)])
def test_an_open_interlock_is_announced_above_walking_pace_or_at_an_unknown_speed(
    speed: float, announced: bool
) -> None:
    seen = checked()
    seen.measurement = measured(hvil_closed=0.0, vehicle_speed_m_per_s=speed)
    verdict = hold(protection(), seen, 0.4)
    assert verdict.forewarning is announced
    assert verdict.open_strings == (frozenset() if announced else {0, 1, 2})


@pytest.mark.parametrize(
    ("ohm_per_v", "charge_allowed", "opens"),
    [(501.0, True, False), (499.0, True, False), (99.0, False, True)],
)
def test_a_low_isolation_warns_and_then_stops_charging_and_opens(
    ohm_per_v: float, charge_allowed: bool, opens: bool
) -> None:
    seen = checked()
    seen.measurement = measured(isolation_ohm=ohm_per_v * 66.0, vehicle_speed_m_per_s=0.0)
    verdict = hold(protection(), seen, 11.0)
    assert (verdict.charge_allowed, bool(verdict.open_strings)) == (charge_allowed, opens)
    assert bool(verdict.faults) is (ohm_per_v < 500.0)


@pytest.mark.parametrize(("volts", "judged"), [(0.0, False), (60.0, False), (60.5, True), (NAN, False)])
def test_a_pack_that_is_no_high_voltage_has_no_isolation_to_judge(volts: float, judged: bool) -> None:
    seen = checked(string_voltage_v=[volts] * 3, cell_voltage_invalid=[0.5] * 3)
    seen.measurement = measured(isolation_ohm=0.0, vehicle_speed_m_per_s=0.0)
    codes = {fault.code for fault in hold(protection(), seen, 11.0).faults}
    assert (FaultCode.ISOLATION_LOW in codes) is judged


def test_a_low_coolant_level_forbids_heating() -> None:
    seen = checked()
    seen.measurement = measured(coolant_level=0.05)
    assert not hold(protection(), seen, 10.0).heat_allowed


def test_a_trip_is_latched_until_it_is_reset() -> None:
    guard = protection()
    hold(guard, checked(cell_temp_max_degc=[25.0, 25.0, 61.0]), 7.0)
    assert hold(guard, checked(), 600.0, 1.0).open_strings == {2}
    guard.reset()
    assert hold(guard, checked(), 10.0).open_strings == frozenset()


def test_a_warning_clears_by_itself() -> None:
    guard = protection()
    assert hold(guard, checked(cell_temp_max_degc=[25.0, 25.0, 56.0]), 7.0).faults
    assert not hold(guard, checked(), 7.0).faults


@pytest.mark.parametrize(("current_a", "found"), [(0.0, False), (-2.0, False), (-2.1, True), (50.0, False)])
def test_charge_limits_of_temperature_hold_only_while_charging(current_a: float, found: bool) -> None:
    seen = checked(current_a=[current_a] * 3, cell_temp_min_degc=[-12.0] * 3)
    verdict = hold(protection(), seen, 7.0)
    assert (worst(verdict, FaultCode.CELL_TEMP_LOW_CHARGE) is Severity.TRIP) is found
    seen = checked(current_a=[current_a] * 3, cell_temp_max_degc=[56.0] * 3)
    verdict = hold(protection(), seen, 7.0)
    assert (worst(verdict, FaultCode.CELL_TEMP_HIGH_CHARGE) is Severity.TRIP) is found


@pytest.mark.parametrize(("current_a", "found"), [(0.0, False), (2.0, False), (2.1, True), (-50.0, False)])
def test_a_cold_soaked_pack_trips_only_when_it_is_discharged(current_a: float, found: bool) -> None:
    seen = checked(current_a=[current_a] * 3, cell_temp_min_degc=[-31.0] * 3)
    verdict = hold(protection(), seen, 7.0)
    assert (worst(verdict, FaultCode.CELL_TEMP_LOW_DISCHARGE) is Severity.TRIP) is found


def test_missing_values_do_not_trip_as_limits() -> None:
    seen = checked(cell_temp_max_degc=[NAN] * 3, cell_voltage_max_v=[NAN] * 3, cell_voltage_min_v=[NAN] * 3)
    assert not hold(protection(), seen, 60.0).faults


@pytest.mark.parametrize(
    ("change", "after_s", "charge_allowed", "limp"),
    [
        ({"cell_voltage_invalid": [0.0, 0.01, 0.0]}, 1.0, False, False),
        ({"cell_voltage_invalid": [0.0, 0.01, 0.0]}, 2.0, False, True),
        ({"cell_temp_invalid": [0.0, 0.5, 0.0]}, 5.0, True, False),
        ({"cell_temp_invalid": [0.0, 0.51, 0.0]}, 1.9, True, False),
        ({"cell_temp_invalid": [0.0, 0.51, 0.0]}, 2.0, False, True),
        ({"cell_temp_invalid": [0.0, 0.99, 0.0]}, 60.0, False, True),
        ({"current_a": [0.0, NAN, 0.0]}, 1.0, False, False),
        ({"current_a": [0.0, NAN, 0.0]}, 2.0, False, True),
        ({"age_s": 3.0}, 5.0, True, False),
        ({"age_s": 3.1}, 0.1, False, False),
        ({"found": {"scalar_lost": 1.0}}, 5.0, True, False),
    ],
)
def test_a_missing_measurement_takes_away_what_it_guards(
    change: dict[str, Any], after_s: float, charge_allowed: bool, limp: bool
) -> None:
    verdict = hold(protection(), checked(**change), after_s)
    assert (verdict.charge_allowed, verdict.limp) == (charge_allowed, limp)
    assert verdict.open_strings == frozenset()


@pytest.mark.parametrize("quantity", ["cell_voltage_invalid", "cell_temp_invalid"])
def test_a_string_of_which_no_voltage_or_temperature_is_known_is_opened_after_eleven_seconds_for_good(
    quantity: str,
) -> None:
    guard, seen = protection(), checked(**{quantity: [0.0, 0.0, 1.0]})
    assert hold(guard, seen, 10.9).open_strings == frozenset()
    assert step(guard, seen).open_strings == {2}
    assert hold(guard, checked(), 60.0).open_strings == {2}


@pytest.mark.parametrize(
    ("excess_a", "severity"),
    [
        (15.0, None),
        (15.1, Severity.WARNING),
        (30.0, Severity.WARNING),
        (30.1, Severity.TRIP),
        (math.inf, Severity.TRIP),
        (-math.inf, None),
        (NAN, None),
    ],
)
def test_charging_above_the_limit_of_the_moment_warns_and_then_opens_every_string(
    excess_a: float, severity: Severity | None
) -> None:
    verdict = hold(protection(), checked(), 11.0, charge_current_excess_a=excess_a)
    assert worst(verdict, FaultCode.CURRENT_HIGH_CHARGE) is severity
    assert verdict.open_strings == ({0, 1, 2} if severity is Severity.TRIP else frozenset())


def test_a_charger_that_does_not_follow_gets_its_time_and_no_more() -> None:
    guard = protection()
    excess = {"charge_current_excess_a": 31.0}
    assert not hold(guard, checked(), 4.9, **excess).faults
    assert worst(step(guard, checked(), **excess), FaultCode.CURRENT_HIGH_CHARGE) is Severity.WARNING
    assert not hold(guard, checked(), 4.9, **excess).stop_strings
    assert step(guard, checked(), **excess).stop_strings == {0, 1, 2}
    assert not hold(guard, checked(), 0.9, **excess).open_strings
    assert step(guard, checked(), **excess).open_strings == {0, 1, 2}
    assert hold(guard, checked(), 60.0).open_strings == {0, 1, 2}


def test_short_charging_above_the_limit_of_the_moment_is_forgiven() -> None:
    guard = protection()
    for _ in range(20):
        assert not hold(guard, checked(), 4.0, charge_current_excess_a=500.0).faults
        assert not hold(guard, checked(), 4.0).faults


@pytest.mark.parametrize(
    ("string_v", "invalid", "found"),
    [
        (66.0, 0.0, False),
        (66.0 / 1.019, 0.0, False),
        (66.0 / 1.021, 0.0, True),
        (66.0 / 0.979, 0.0, True),
        (66.0 / 1.1, 0.05, False),
        (0.0, 0.0, False),
        (NAN, 0.0, False),
    ],
)
def test_cells_must_add_up_to_their_string(string_v: float, invalid: float, found: bool) -> None:
    seen = checked(string_voltage_v=[66.0, 66.0, string_v], cell_voltage_invalid=[0.0, 0.0, invalid])
    verdict = hold(protection(), seen, 3.0)
    assert (worst(verdict, FaultCode.STRING_VOLTAGE_MISMATCH) is Severity.WARNING) is found


@pytest.mark.parametrize(
    ("change", "code", "after_s"),
    [
        ({"contactor_mismatch": [0.0, 1.0, 0.0]}, FaultCode.CONTACTOR_MISMATCH, 2.5),
        ({"string_not_connected": [0.0, 1.0, 0.0]}, FaultCode.STRING_NOT_CONNECTED, 10.0),
        ({"controller_failed": 1.0}, FaultCode.CONTROLLER_FAILED, 0.1),
    ],
)
def test_what_other_parts_report_becomes_a_fault(
    change: dict[str, Any], code: FaultCode, after_s: float
) -> None:
    guard = protection()
    if after_s > DT_S:
        assert worst(hold(guard, checked(), 1.0), code) is None
        assert worst(hold(guard, checked(), after_s - DT_S, **change), code) is None
    assert worst(step(guard, checked(), **change), code) is Severity.WARNING


NAMED = [row.quantity for row in load_diagnostics()]
FOUND = [name for name in (*FOUND_PER_STRING, *FOUND_PER_PACK) if name in NAMED]


@pytest.mark.parametrize("name", FOUND)
def test_what_is_found_sets_the_rows_about_it_at_its_place_and_no_others(name: str) -> None:
    rows = [row for row in load_diagnostics() if row.quantity == name]
    beyond = max(row.limit for row in rows) + 0.01
    found = {name: [0.0, 0.0, beyond] if name in FOUND_PER_STRING else beyond}
    verdict = hold(protection(), checked(), max(row.debounce_s for row in rows) + 1.0, 0.5, **found)
    assert {fault.code for fault in verdict.faults} == {row.code for row in rows}
    assert {fault.place for fault in verdict.faults} == {2 if name in FOUND_PER_STRING else PER_PACK}


@pytest.mark.parametrize("name", FOUND)
def test_what_was_found_once_is_forgotten_in_the_next_tick(name: str) -> None:
    guard = protection()
    step(guard, checked(), **{name: [1.0, 1.0, 1.0] if name in FOUND_PER_STRING else 1.0})
    for _ in range(30):
        verdict = step(guard, checked(), 0.5, scalar_lost=1.0)  # keeps the diagnostics awake
    latched = {row.code for row in load_diagnostics() if row.latch and row.quantity == name}
    assert {fault.code for fault in verdict.faults} - latched == {FaultCode.SCALAR_LOST}


def test_a_healthy_verdict_demands_nothing() -> None:
    assert (HEALTHY.forewarning, HEALTHY.heat_allowed, HEALTHY.at_once) == (False, True, frozenset())


def test_isolation_is_judged_against_the_highest_string() -> None:
    seen = checked(string_voltage_v=[66.0, 100.0, 66.0], cell_voltage_invalid=[0.5] * 3)
    seen.measurement = measured(isolation_ohm=490.0 * 100.0, vehicle_speed_m_per_s=0.0)
    assert FaultCode.ISOLATION_LOW in {fault.code for fault in hold(protection(), seen, 6.0).faults}
    seen.measurement = measured(isolation_ohm=510.0 * 100.0, vehicle_speed_m_per_s=0.0)
    assert FaultCode.ISOLATION_LOW not in {fault.code for fault in hold(protection(), seen, 6.0).faults}


def test_a_fault_of_the_pack_that_opens_opens_every_string() -> None:
    row = DiagnosticRow.model_validate(
        {
            "code": "SCALAR_LOST",
            "quantity": "scalar_lost",
            "direction": "above",
            "limit": 0.5,
            "debounce_s": 0.0,
            "severity": "TRIP",
            "reaction": "OPEN",
        }
    )
    guard = Protection(LFP, PACK, extra=[row])
    assert step(guard, checked(), scalar_lost=1.0).open_strings == {0, 1, 2}


def test_a_fault_carries_the_clock_of_the_measurements() -> None:
    seen = checked(time_s=77.0, age_s=4.0)
    (fault,) = step(protection(), seen).faults
    assert (fault.code, fault.since_s, fault.value) == (FaultCode.MEASUREMENT_STALE, 77.0, 4.0)


def random_tick(rng: np.random.Generator) -> dict[str, Any]:
    """Return the fields of a measurement in which some values stand at, or just beyond, their limits."""

    def three(usual: float, *others: float) -> list[float]:
        return [float(rng.choice(others)) if rng.random() < 0.1 else usual for _ in range(3)]

    return {
        "cell_voltage_max_v": three(3.3, 3.65, 3.66, 3.81, NAN),
        "cell_voltage_min_v": three(3.3, 2.8, 2.79, 1.9, NAN),
        "cell_temp_max_degc": three(25.0, 45.0, 45.1, 50.0, 50.1, 60.1, NAN),
        "cell_temp_min_degc": three(20.0, 10.0, 4.9, -10.0, -30.1, NAN),
        "current_a": three(float(rng.choice([0.0, 2.0, 50.0, -2.1, -50.0])), -200.0, 500.0, NAN),
        "cell_voltage_invalid": three(0.0, 0.05, 1.0),
        "cell_temp_invalid": three(0.0, 0.5, 0.51),
        "string_voltage_v": three(66.0, 60.0, 0.0, NAN),
        "age_s": float(rng.choice([0.0, 0.0, 0.0, 3.0, 3.1])),
    }


@pytest.mark.parametrize("seed", range(5))
def test_passing_over_the_diagnostics_while_all_is_well_changes_nothing(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng, guard, thorough = np.random.default_rng(seed), protection(), protection()
    monkeypatch.setattr(thorough, "_lowest", (math.inf,) * len(thorough._lowest))
    healthy = 0
    for tick in range(400):
        seen = checked(**(random_tick(rng) if rng.random() < 0.3 else {}), time_s=float(tick))
        flags = {
            name: [float(rng.random() < 0.2) for _ in range(3)]
            for name in ("contactor_mismatch", "string_not_connected")
            if rng.random() < 0.05
        }
        verdict = step(guard, seen, dt_s=0.5, **flags)
        assert verdict == step(thorough, seen, dt_s=0.5, **flags)
        healthy += verdict == HEALTHY
        if rng.random() < 0.05:
            guard.reset()
            thorough.reset()
    assert 50 < healthy < 350
