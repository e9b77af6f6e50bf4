from typing import Any

import pytest

from tests.unit.thermal_bms.bms_samples import THERMAL, measured
from thermal_bms.plausibility import Found
from thermal_bms.signals import ThermalCommand, ValveMode
from thermal_bms.thermal_watch import ThermalWatch

NAN = float("nan")
KNOWN = THERMAL.model_copy(update={"pump_speed_max_rpm": 5000.0})
BARE = KNOWN.model_copy(update={"heater_power_max_w": 0.0, "chiller_capacity_w": 0.0})
TOLD = ThermalCommand(0.6, 0.5, 0.0, 0.0, ValveMode.RADIATOR)


def found(told: ThermalCommand = TOLD, thermal: Any = KNOWN, *, live: bool = True, **changes: Any) -> Found:
    healthy = {
        "coolant_flow_kg_per_s": 0.48,
        "valve_position": float(told.valve_mode),
        "fan_speed_rpm": 1500.0,
    }
    return ThermalWatch(thermal).findings(measured(**{**healthy, **changes}), told, live=live)


def test_actuators_that_follow_show_nothing() -> None:
    assert found() == {}


def test_without_high_voltage_nothing_is_judged() -> None:
    assert found(live=False, pump_speed_rpm=0.0, fan_speed_rpm=0.0, valve_position=3.0) == {}


@pytest.mark.parametrize(
    ("duty", "rpm", "stands"), [(0.3, 99.0, True), (0.29, 99.0, False), (0.3, 100.0, False)]
)
def test_a_pump_that_stands_although_told_is_found(duty: float, rpm: float, stands: bool) -> None:
    result = found(ThermalCommand(duty, 0.0, 0.0, 0.0, ValveMode.BYPASS), pump_speed_rpm=rpm)
    assert ("pump_stands" in result) is stands


def test_a_pump_whose_speed_is_not_known_neither_stands_nor_turns() -> None:
    assert found(pump_speed_rpm=NAN) == {}


@pytest.mark.parametrize(
    ("rpm", "name", "value"),
    [
        (2260.0, None, 0.0),
        (2200.0, "pump_speed_below", 0.16),
        (3740.0, None, 0.0),
        (3800.0, "pump_speed_above", 0.16),
    ],
)
def test_a_pump_faster_or_slower_than_told_is_found(rpm: float, name: str | None, value: float) -> None:
    result = found(pump_speed_rpm=rpm, coolant_flow_kg_per_s=0.6)
    assert result == ({} if name is None else {name: pytest.approx(value)})


def test_without_a_known_full_speed_neither_speed_nor_flow_is_judged() -> None:
    assert found(thermal=THERMAL, pump_speed_rpm=500.0, coolant_flow_kg_per_s=0.0) == {}


@pytest.mark.parametrize(
    ("rpm", "flow", "missing"),
    [(3000.0, 0.25, None), (3000.0, 0.12, 0.75), (3000.0, 0.0, 1.0), (900.0, 0.0, None), (3000.0, NAN, None)],
)
def test_flow_that_a_turning_pump_should_give_is_missed(
    rpm: float, flow: float, missing: float | None
) -> None:
    told = ThermalCommand(rpm / 5000.0, 0.0, 0.0, 0.0, ValveMode.RADIATOR)
    result = found(told, pump_speed_rpm=rpm, coolant_flow_kg_per_s=flow)
    assert result == ({} if missing is None else {"coolant_flow_missing": pytest.approx(missing)})


@pytest.mark.parametrize(
    ("duty", "rpm", "stands"), [(0.3, 99.0, True), (0.29, 0.0, False), (0.3, 100.0, False)]
)
def test_a_fan_that_stands_although_told_is_found(duty: float, rpm: float, stands: bool) -> None:
    result = found(ThermalCommand(0.6, duty, 0.0, 0.0, ValveMode.RADIATOR), fan_speed_rpm=rpm)
    assert result == ({"fan_stands": 1.0} if stands else {})


@pytest.mark.parametrize(("position", "elsewhere"), [(1.0, False), (0.0, True), (2.0, True), (NAN, False)])
def test_a_valve_in_another_mode_is_found(position: float, elsewhere: bool) -> None:
    assert found(valve_position=position) == ({"valve_elsewhere": 1.0} if elsewhere else {})


@pytest.mark.parametrize(("watts", "share"), [(300.0, None), (310.0, 0.031), (10e3, 1.0), (NAN, None)])
def test_a_heater_that_draws_power_unasked_is_found(watts: float, share: float | None) -> None:
    assert found(heater_power_w=watts) == ({} if share is None else {"heater_power_unasked": share})


@pytest.mark.parametrize(
    ("changes", "missing"),
    [
        ({"heater_power_w": 1600.0}, True),
        ({"heater_power_w": 1700.0}, False),
        ({"heater_power_w": 0.0, "coolant_outlet_temp_degc": 45.0}, False),
        ({"heater_power_w": 0.0, "pump_speed_rpm": 0.0}, False),
        ({"heater_power_w": NAN}, False),
    ],
)
def test_a_heater_that_does_not_heat_is_found_unless_something_holds_it_back(
    changes: dict[str, float], missing: bool
) -> None:
    told = ThermalCommand(0.6, 0.5, 0.0, 0.5, ValveMode.RADIATOR)
    assert ("heater_power_missing" in found(told, **changes)) is missing


def test_a_heater_told_little_is_not_judged() -> None:
    assert found(ThermalCommand(0.6, 0.5, 0.0, 0.19, ValveMode.RADIATOR), heater_power_w=0.0) == {}


@pytest.mark.parametrize(
    ("duty", "rpm", "degc", "stands"),
    [(0.2, 99.0, 30.0, True), (0.19, 0.0, 40.0, False), (0.2, 0.0, 29.9, False), (0.2, 100.0, 40.0, False)],
)
def test_a_compressor_that_stands_before_warm_coolant_is_found(
    duty: float, rpm: float, degc: float, stands: bool
) -> None:
    told = ThermalCommand(0.6, 0.5, duty, 0.0, ValveMode.CHILLER)
    result = found(told, compressor_speed_rpm=rpm, coolant_inlet_temp_degc=degc)
    assert result == ({"compressor_stands": 1.0} if stands else {})


@pytest.mark.parametrize(
    ("rpm", "pascal", "short_pa"), [(501.0, 1.5e5, 5e4), (500.0, 1.5e5, None), (3000.0, 2.0e5, None)]
)
def test_low_suction_pressure_counts_while_the_compressor_runs(
    rpm: float, pascal: float, short_pa: float | None
) -> None:
    result = found(compressor_speed_rpm=rpm, suction_pressure_pa=pascal)
    assert result == ({} if short_pa is None else {"suction_pressure_short_pa": short_pa})


def test_what_a_truck_does_not_have_is_not_judged() -> None:
    told = ThermalCommand(0.6, 0.5, 0.9, 0.9, ValveMode.RADIATOR)
    warm = {"coolant_inlet_temp_degc": 50.0, "coolant_outlet_temp_degc": 40.0}
    assert found(told, BARE, heater_power_w=0.0, compressor_speed_rpm=0.0, **warm) == {}
