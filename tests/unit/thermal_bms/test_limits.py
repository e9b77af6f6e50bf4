from dataclasses import replace
from typing import Any

import pytest

from tests.unit.thermal_bms.bms_samples import PACK
from thermal_bms.errors import ConfigError
from thermal_bms.faults import FaultCode, Reaction, Severity
from thermal_bms.limits import (
    NEEDED_DIAGNOSTICS,
    TABLES,
    CurrentLimits,
    Curve,
    LimitTable,
    PackState,
    interpolate,
    limit_diagnostics,
    load_diagnostics,
    load_limits,
)
from thermal_bms.parameters import parse, read_toml
from thermal_bms.signals import LimitCause

NAN = float("nan")
CHEMISTRIES = ("lfp", "nmc")
HEALTHY = PackState(
    n_connected=3,
    string_current_a=0.0,
    cell_voltage_min_v=3.3,
    cell_voltage_max_v=3.3,
    cell_voltage_mean_v=3.3,
    cell_temp_min_degc=25.0,
    cell_temp_max_degc=25.0,
    soc=0.5,
    resistance_ohm=1e-3,
)


def lfp() -> CurrentLimits:
    return CurrentLimits(load_limits("lfp"), PACK)


def raw(chemistry: str = "lfp") -> dict[str, Any]:
    return read_toml(TABLES / f"{chemistry}.toml")


def raw_row(data: dict[str, Any], code: str) -> dict[str, Any]:
    found: dict[str, Any] = next(row for row in data["limit"] if row["code"] == code)
    return found


@pytest.mark.parametrize(
    ("x", "y"), [(-1.0, 5.0), (0.0, 5.0), (1.0, 6.0), (2.0, 7.0), (3.0, 2.0), (4.0, -3.0), (9.0, -3.0)]
)
def test_interpolation_meets_its_points_and_holds_the_ends(x: float, y: float) -> None:
    assert interpolate(x, (0.0, 2.0, 4.0), (5.0, 7.0, -3.0)) == pytest.approx(y)


def test_interpolation_of_nothing_is_nothing() -> None:
    assert interpolate(NAN, (0.0, 1.0), (0.0, 1.0)) != 0.0


@pytest.mark.parametrize("chemistry", CHEMISTRIES)
def test_each_chemistry_has_every_row_and_a_source(chemistry: str) -> None:
    table = load_limits(chemistry)
    assert table.chemistry == chemistry
    assert {row.code for row in table.limit} == {code for code in FaultCode if code < 40}
    assert all(source.title for source in table.source)


@pytest.mark.parametrize("chemistry", CHEMISTRIES)
@pytest.mark.parametrize("code", [code.name for code in FaultCode if code < 40])
def test_levels_out_of_order_are_refused_with_the_row_named(chemistry: str, code: str) -> None:
    data = raw(chemistry)
    row = raw_row(data, code)
    row["operate"], row["trip"] = row["trip"], row["operate"]
    with pytest.raises(ConfigError, match=f"{code}: operate"):
        parse(LimitTable, data, "test")


def test_equal_levels_are_refused() -> None:
    data = raw()
    row = raw_row(data, "CELL_VOLTAGE_HIGH")
    row["warn"] = row["operate"]
    with pytest.raises(ConfigError, match="CELL_VOLTAGE_HIGH"):
        parse(LimitTable, data, "test")


def test_a_missing_row_is_refused_by_name() -> None:
    data = raw()
    data["limit"] = [row for row in data["limit"] if row["code"] != "CELL_TEMP_LOW_CHARGE"]
    with pytest.raises(ConfigError, match="CELL_TEMP_LOW_CHARGE: needed exactly once, found 0"):
        parse(LimitTable, data, "test")


def test_a_row_given_twice_is_refused_by_name() -> None:
    data = raw()
    data["limit"].append(raw_row(data, "CURRENT_HIGH_CHARGE"))
    with pytest.raises(ConfigError, match="CURRENT_HIGH_CHARGE: needed exactly once, found 2"):
        parse(LimitTable, data, "test")


@pytest.mark.parametrize("direction", ["charge", "discharge"])
@pytest.mark.parametrize("end", [0, -1])
def test_a_derating_that_leaves_current_at_the_trip_level_is_refused(direction: str, end: int) -> None:
    data = raw()
    data["derating"][f"{direction}_over_temp_degc"]["factor"][end] = 0.1
    code = f"CELL_TEMP_{'HIGH' if end else 'LOW'}_{direction.upper()}"
    with pytest.raises(ConfigError, match=code):
        parse(LimitTable, data, "test")


@pytest.mark.parametrize(
    ("over", "factor", "message"),
    [
        ((0.0, 1.0), (0.0, 1.0, 0.5), "needs 2 values"),
        ((1.0, 1.0), (0.0, 1.0), "must rise"),
        ((0.0, 1.0), (-0.1, 1.0), "must be >= 0"),
    ],
)
def test_a_broken_curve_is_refused(over: tuple[float, ...], factor: tuple[float, ...], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse(Curve, {"over": over, "factor": factor}, "test")


@pytest.mark.parametrize(
    ("curve", "factor", "message"),
    [("charge_over_soc", 1.01, "must be <= 1"), ("resistance_over_soc", 0.99, "must be >= 1")],
)
def test_a_derating_that_is_no_derating_is_refused(curve: str, factor: float, message: str) -> None:
    data = raw()
    data["derating"][curve]["factor"][1] = factor
    with pytest.raises(ConfigError, match=f"{curve}: factor {message}"):
        parse(LimitTable, data, "test")


def test_the_nearer_to_empty_the_more_careful_the_voltage_limit_is() -> None:
    state = replace(HEALTHY, cell_voltage_min_v=2.65)
    at_half = lfp().at(state).discharge_current_max_a
    near_empty = lfp().at(replace(state, soc=0.1)).discharge_current_max_a
    assert at_half / near_empty == pytest.approx(4.0 / 1.5)


def test_a_table_for_another_chemistry_is_refused() -> None:
    with pytest.raises(ConfigError, match="nmc cells, but the pack has lfp"):
        CurrentLimits(load_limits("nmc"), PACK)


def test_a_pack_without_resistance_is_refused() -> None:
    pack = PACK.model_copy(update={"resistance_ohm": (1e-3, 1e-3, 0.0, 1e-3)})
    with pytest.raises(ConfigError, match=r"resistance_ohm = 0.0: must be > 0"):
        CurrentLimits(load_limits("lfp"), pack)


def test_levels_become_diagnostics_in_the_units_of_the_pack() -> None:
    rows = {(row.code, row.severity): row for row in limit_diagnostics(load_limits("lfp"), PACK)}
    assert len(rows) == 3 * 10 + 2
    assert rows[FaultCode.SHORT_CIRCUIT, Severity.TRIP].limit == pytest.approx(-4.0 * 200.0)
    assert rows[FaultCode.DEEP_DISCHARGE, Severity.TRIP].limit == 1.5
    assert rows[FaultCode.CELL_VOLTAGE_HIGH, Severity.TRIP].limit == pytest.approx(3.80)
    assert rows[FaultCode.CELL_VOLTAGE_LOW, Severity.TRIP].limit == pytest.approx(2.0)
    assert rows[FaultCode.CURRENT_HIGH_DISCHARGE, Severity.INFO].limit == pytest.approx(1.05 * 200.0)
    assert rows[FaultCode.CURRENT_HIGH_CHARGE, Severity.TRIP].limit == pytest.approx(-1.6 * 100.0)
    assert rows[FaultCode.CELL_TEMP_HIGH_DISCHARGE, Severity.WARNING].limit == 55.0


def test_only_trips_open_and_latch() -> None:
    for row in limit_diagnostics(load_limits("lfp"), PACK):
        assert (row.reaction is Reaction.OPEN) == (row.severity is Severity.TRIP) == row.latch


def test_the_common_diagnostics_are_there() -> None:
    codes = {row.code for row in load_diagnostics()}
    currents = {FaultCode.CURRENT_HIGH_CHARGE, FaultCode.CURRENT_HIGH_DISCHARGE}
    assert codes == {code for code in FaultCode if code >= 40} - set(NEEDED_DIAGNOSTICS) | currents


@pytest.mark.parametrize("chemistry", CHEMISTRIES)
def test_there_are_more_than_sixty_diagnostics_and_each_that_opens_latches(chemistry: str) -> None:
    rows = [*limit_diagnostics(load_limits(chemistry), PACK), *load_diagnostics()]
    assert len(rows) > 60
    assert len({row.code for row in rows}) > 60
    for row in rows:
        opens = row.reaction in {Reaction.OPEN, Reaction.OPEN_AT_ONCE}
        assert opens == (row.severity is Severity.TRIP)
        assert row.latch or not opens


@pytest.mark.parametrize("chemistry", CHEMISTRIES)
@pytest.mark.parametrize(
    ("code", "operate"),
    [
        ("CELL_VOLTAGE_HIGH", 0.001),
        ("CELL_VOLTAGE_LOW", -0.001),
        ("CELL_TEMP_HIGH_DISCHARGE", 61.0),
        ("CELL_TEMP_HIGH_CHARGE", 61.0),
        ("CELL_TEMP_LOW_CHARGE", -31.0),
        ("CELL_TEMP_LOW_DISCHARGE", -36.0),
        ("CURRENT_HIGH_CHARGE", -1.06),
        ("CURRENT_HIGH_DISCHARGE", 1.06),
    ],
)
def test_a_level_wider_than_the_datasheet_is_refused_with_the_row_named(
    chemistry: str, code: str, operate: float
) -> None:
    data = raw(chemistry)
    row = raw_row(data, code)
    row["operate"], above = operate, row["direction"] == "above"
    row["warn"], row["trip"] = (operate + 1.0, operate + 2.0) if above else (operate - 1.0, operate - 2.0)
    for curve in ("charge_over_temp_degc", "discharge_over_temp_degc"):
        data["derating"][curve] = {"over": [-60.0, 0.0, 70.0], "factor": [0.0, 1.0, 0.0]}
        data["derating"][curve]["over"][0] = -33.0 if code.endswith("LOW_CHARGE") else -38.0
        data["derating"][curve]["over"][2] = 55.0
    with pytest.raises(ConfigError, match=f"{code}: operate = .* is wider than the cell's datasheet"):
        parse(LimitTable, data, "test")


@pytest.mark.parametrize("code", ["DEEP_DISCHARGE", "SHORT_CIRCUIT"])
def test_a_missing_diagnostic_of_the_chemistry_is_refused_by_name(code: str) -> None:
    data = raw()
    data["diagnostic"] = [row for row in data["diagnostic"] if row["code"] != code]
    with pytest.raises(ConfigError, match=f"diagnostic {code}: needed at least once, found none"):
        parse(LimitTable, data, "test")


def test_a_forewarning_of_a_row_that_opens_nothing_is_refused() -> None:
    data = raw()
    data["diagnostic"][0] |= {"reaction": "LIMP"}
    with pytest.raises(
        ConfigError, match="DEEP_DISCHARGE: only a row that opens contactors has a forewarn_s"
    ):
        parse(LimitTable, data, "test")


def test_a_healthy_pack_gives_the_datasheet_currents_of_all_strings() -> None:
    limits = lfp().at(HEALTHY)
    assert limits.charge_current_max_a == pytest.approx(300.0)
    assert limits.discharge_current_max_a == pytest.approx(600.0)
    assert limits.charge_cause is limits.discharge_cause is LimitCause.CELL_CURRENT


def test_power_is_the_current_limit_at_the_voltage_that_goes_with_it() -> None:
    limits = lfp().at(HEALTHY)
    assert limits.charge_power_max_w == pytest.approx(300.0 * 20 * 3.3)
    assert limits.discharge_power_max_w == pytest.approx(600.0 * 20 * (3.3 - 0.2))


def test_the_voltage_under_load_is_never_taken_below_the_cell_minimum() -> None:
    limits = lfp().at(replace(HEALTHY, cell_voltage_mean_v=2.4))
    assert limits.discharge_power_max_w == pytest.approx(600.0 * 20 * 2.5)


@pytest.mark.parametrize(
    ("temp_degc", "factor"),
    [
        (-10.0, 0.0),
        (-0.1, 0.0),
        (0.0, 0.0),
        (2.5, 0.1),
        (5.0, 0.2),
        (15.0, 0.4),
        (20.0, 1.0),
        (45.0, 1.0),
        (47.5, 0.7),
        (50.0, 0.4),
        (54.9, 0.008),
        (55.0, 0.0),
        (60.0, 0.0),
    ],
)
def test_lfp_charge_current_follows_its_temperature_table(temp_degc: float, factor: float) -> None:
    limits = lfp().at(replace(HEALTHY, cell_temp_min_degc=temp_degc, cell_temp_max_degc=temp_degc))
    assert limits.charge_current_max_a == pytest.approx(300.0 * factor)


def test_the_coldest_and_the_hottest_cell_both_count_and_are_told_apart() -> None:
    cold = lfp().at(replace(HEALTHY, cell_temp_min_degc=2.5, cell_temp_max_degc=44.0))
    hot = lfp().at(replace(HEALTHY, cell_temp_min_degc=25.0, cell_temp_max_degc=54.0))
    frozen = lfp().at(replace(HEALTHY, cell_temp_min_degc=-31.0, cell_temp_max_degc=-30.0))
    burning = lfp().at(replace(HEALTHY, cell_temp_min_degc=60.0, cell_temp_max_degc=70.0))
    assert cold.charge_cause is LimitCause.CELL_TEMP_LOW
    assert hot.charge_cause is hot.discharge_cause is LimitCause.CELL_TEMP_HIGH
    assert hot.discharge_current_max_a == pytest.approx(600.0 * 0.6)
    assert frozen.charge_cause is frozen.discharge_cause is LimitCause.CELL_TEMP_LOW
    assert burning.charge_cause is burning.discharge_cause is LimitCause.CELL_TEMP_HIGH


@pytest.mark.parametrize("chemistry", CHEMISTRIES)
@pytest.mark.parametrize("direction", ["CHARGE", "DISCHARGE"])
def test_current_is_zero_at_both_temperature_trips(chemistry: str, direction: str) -> None:
    table = load_limits(chemistry)
    limits = CurrentLimits(table, PACK.model_copy(update={"chemistry": chemistry}))
    for side in ("HIGH", "LOW"):
        trip_degc = table.row(FaultCode[f"CELL_TEMP_{side}_{direction}"]).trip
        at_trip = limits.at(replace(HEALTHY, cell_temp_min_degc=trip_degc, cell_temp_max_degc=trip_degc))
        assert getattr(at_trip, f"{direction.lower()}_current_max_a") == 0.0


@pytest.mark.parametrize(("soc", "factor"), [(0.9, 1.0), (0.95, 0.6), (1.0, 0.2)])
def test_charge_current_falls_towards_full(soc: float, factor: float) -> None:
    limits = lfp().at(replace(HEALTHY, soc=soc))
    assert limits.charge_current_max_a == pytest.approx(300.0 * factor)
    assert limits.charge_cause is (LimitCause.SOC if factor < 1.0 else LimitCause.CELL_CURRENT)


@pytest.mark.parametrize(("soc", "factor"), [(0.1, 1.0), (0.05, 0.5), (0.0, 0.0)])
def test_discharge_current_falls_towards_empty(soc: float, factor: float) -> None:
    limits = lfp().at(replace(HEALTHY, soc=soc, cell_voltage_min_v=3.5))
    assert limits.discharge_current_max_a == pytest.approx(600.0 * factor)


def test_the_charge_limit_is_the_current_that_just_reaches_the_operate_voltage() -> None:
    state = replace(HEALTHY, string_current_a=-40.0, cell_voltage_max_v=3.62)
    limits = lfp().at(state)
    assert limits.charge_current_max_a == pytest.approx(3 * (40.0 + 0.03 / 1.5e-3))
    assert limits.charge_cause is LimitCause.CELL_VOLTAGE


def test_the_discharge_limit_is_the_current_that_just_reaches_the_reserve_above_the_cell_minimum() -> None:
    state = replace(HEALTHY, string_current_a=50.0, cell_voltage_min_v=2.58)
    limits = lfp().at(state)
    assert limits.discharge_current_max_a == pytest.approx(3 * (50.0 + 0.03 / 1.5e-3))
    assert limits.discharge_cause is LimitCause.CELL_VOLTAGE


@pytest.mark.parametrize("voltage_v", [3.80, 3.9, 4.5])
def test_no_charge_current_at_or_above_the_voltage_trip_whatever_flows(voltage_v: float) -> None:
    state = replace(HEALTHY, cell_voltage_max_v=voltage_v, string_current_a=-5000.0)
    assert lfp().at(state).charge_current_max_a == 0.0


@pytest.mark.parametrize("voltage_v", [2.0, 1.9, 0.0])
def test_no_discharge_current_at_or_below_the_voltage_trip_whatever_flows(voltage_v: float) -> None:
    state = replace(HEALTHY, cell_voltage_min_v=voltage_v, string_current_a=5000.0)
    assert lfp().at(state).discharge_current_max_a == 0.0


def test_without_strings_there_is_no_current() -> None:
    limits = lfp().at(replace(HEALTHY, n_connected=0))
    assert limits.charge_current_max_a == limits.discharge_power_max_w == 0.0
    assert limits.charge_cause is LimitCause.FAULT


def test_two_of_three_strings_give_two_thirds() -> None:
    assert lfp().at(replace(HEALTHY, n_connected=2)).charge_current_max_a == pytest.approx(200.0)


@pytest.mark.parametrize(
    "missing",
    [
        "string_current_a",
        "cell_voltage_min_v",
        "cell_voltage_max_v",
        "cell_voltage_mean_v",
        "cell_temp_min_degc",
        "cell_temp_max_degc",
        "soc",
        "resistance_ohm",
    ],
)
def test_a_missing_value_never_becomes_a_limit(missing: str) -> None:
    limits = lfp().at(replace(HEALTHY, **{missing: NAN}))
    numbers = (limits.charge_current_max_a, limits.charge_power_max_w, limits.discharge_power_max_w)
    assert all(0.0 <= number < 1e6 for number in numbers)
    if missing != "cell_voltage_mean_v":
        assert limits.charge_current_max_a == 0.0
        assert limits.discharge_current_max_a == pytest.approx(600.0 * 0.2)
        assert limits.charge_cause is limits.discharge_cause is LimitCause.FAULT


@pytest.mark.parametrize(
    ("missing", "low", "cause", "factor"),
    [
        ("string_current_a", {"cell_voltage_min_v": 2.0}, LimitCause.CELL_VOLTAGE, 0.0),
        ("soc", {"cell_voltage_min_v": 2.0}, LimitCause.CELL_VOLTAGE, 0.0),
        ("resistance_ohm", {"cell_voltage_min_v": 2.0}, LimitCause.CELL_VOLTAGE, 0.0),
        ("cell_temp_min_degc", {"cell_temp_max_degc": 60.0}, LimitCause.CELL_TEMP_HIGH, 0.0),
        ("cell_temp_max_degc", {"cell_temp_min_degc": -31.0}, LimitCause.CELL_TEMP_LOW, 0.0),
        ("string_current_a", {"cell_temp_max_degc": 57.0}, LimitCause.FAULT, 0.2),
        ("string_current_a", {"cell_temp_max_degc": 59.0}, LimitCause.CELL_TEMP_HIGH, 0.1),
        ("cell_voltage_min_v", {"soc": 0.01}, LimitCause.SOC, 0.1),
        ("cell_temp_max_degc", {"cell_voltage_min_v": 2.0}, LimitCause.CELL_VOLTAGE, 0.0),
        ("string_current_a", {"soc": 0.0}, LimitCause.SOC, 0.0),
        ("string_current_a", {"cell_voltage_min_v": 2.55}, LimitCause.CELL_VOLTAGE, 0.0),
        ("string_current_a", {"cell_voltage_min_v": 2.3}, LimitCause.CELL_VOLTAGE, 0.0),
        ("resistance_ohm", {"cell_voltage_min_v": 2.3}, LimitCause.CELL_VOLTAGE, 0.0),
        ("string_current_a", {"cell_voltage_min_v": 2.5501}, LimitCause.FAULT, 0.2),
    ],
)
@pytest.mark.parametrize("limp", [True, False])
def test_limp_home_keeps_every_lower_limit_that_is_known(
    missing: str, low: dict[str, float], cause: LimitCause, factor: float, limp: bool
) -> None:
    limits = lfp().at(replace(HEALTHY, **{missing: NAN}, **low), limp=limp)
    assert limits.discharge_current_max_a == pytest.approx(600.0 * factor)
    assert limits.discharge_cause is cause
    assert limits.charge_current_max_a == 0.0


def test_limp_home_with_nothing_known_is_limp_home() -> None:
    limits = lfp().at(PackState(3, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN))
    assert limits.discharge_current_max_a == pytest.approx(600.0 * 0.2)
    assert limits.discharge_cause is LimitCause.FAULT


def test_limp_home_caps_discharge_only() -> None:
    limits = lfp().at(HEALTHY, limp=True)
    assert limits.discharge_current_max_a == pytest.approx(120.0)
    assert limits.discharge_cause is LimitCause.FAULT
    assert limits.charge_current_max_a == pytest.approx(300.0)


def test_limp_home_never_raises_a_lower_limit() -> None:
    limits = lfp().at(replace(HEALTHY, soc=0.001), limp=True)
    assert limits.discharge_current_max_a < 120.0
    assert limits.discharge_cause is LimitCause.SOC


def test_a_fault_can_forbid_charging_alone() -> None:
    limits = lfp().at(HEALTHY, charge_allowed=False)
    assert limits.charge_current_max_a == limits.charge_power_max_w == 0.0
    assert limits.charge_cause is LimitCause.FAULT
    assert limits.discharge_current_max_a == pytest.approx(600.0)


@pytest.mark.parametrize("resistance_ohm", [0.7e-3, 1e-3, 1.5e-3])
def test_following_the_discharge_limit_settles_at_the_reserve_above_the_cell_minimum(
    resistance_ohm: float,
) -> None:
    limits, current_a, ocv_v, voltages = lfp(), 0.0, 2.6, []
    for _ in range(60):
        voltage_v = ocv_v - current_a * resistance_ohm
        voltages.append(voltage_v)
        state = replace(HEALTHY, string_current_a=current_a, cell_voltage_min_v=voltage_v)
        current_a = limits.at(state).discharge_current_max_a / 3.0
    assert min(voltages) >= 2.55 - 1e-9
    assert abs(voltages[-1] - voltages[-2]) < 1e-6
