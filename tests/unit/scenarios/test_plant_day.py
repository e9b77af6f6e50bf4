from collections.abc import Sequence
from pathlib import Path

import pytest

from plant_models.truck_parameters import describe
from scenarios.plant_bench import write_gateway_files
from scenarios.plant_day import CONNECT_MAX_S, PlantDay
from scenarios.scenario import ChargePhase, DrivePhase, ParkPhase
from tests.unit.scenarios.small_days import load_day
from thermal_bms.can.interface import BusSettings
from thermal_bms.errors import ConfigError
from thermal_bms.gateway_config import load_gateway
from thermal_bms.signals import Command, ThermalCommand, VehicleMode

CLOSED = Command(
    thermal=ThermalCommand(pump_duty=0.5, fan_duty=0.5),
    contactor_close=(True,),
    charge_current_a=20.0,
    discharge_power_max_w=60e3,
    regen_power_max_w=30e3,
)


def day_of(folder: Path, overrides: Sequence[str] = ()) -> PlantDay:
    return PlantDay(load_day(folder, overrides))


def turn(day: PlantDay, command: Command, ticks: int = 10_000) -> list[tuple[type, VehicleMode]]:
    """Go on until the day is over; return each phase with the vehicle's mode as it was first seen."""
    seen: list[tuple[type, VehicleMode]] = []
    for _ in range(ticks):
        if day.finished:
            break
        measurement = day.measure()
        if (type(day.phase), measurement.vehicle_mode) not in seen:
            seen.append((type(day.phase), measurement.vehicle_mode))
        day.actuate(command)
        day.advance()
    return seen


def test_a_day_goes_through_its_phases_and_ends(tmp_path: Path) -> None:
    day = day_of(tmp_path)
    seen = turn(day, CLOSED)
    assert day.finished
    assert seen == [
        (DrivePhase, VehicleMode.PARK),
        (DrivePhase, VehicleMode.DRIVE),
        (ParkPhase, VehicleMode.PARK),
        (ChargePhase, VehicleMode.PARK),
        (ChargePhase, VehicleMode.CHARGE),
    ]
    assert day.truck.time_s == pytest.approx(60 + 36 + 90, abs=5)
    assert day.measure().vehicle_mode is VehicleMode.PARK


def test_nobody_drives_before_the_contactors_are_closed_but_not_for_ever(tmp_path: Path) -> None:
    day = day_of(tmp_path)
    while day.measure().vehicle_mode is not VehicleMode.DRIVE:
        day.actuate(Command(contactor_close=(False,)))
        day.advance()
    assert day.truck.time_s == pytest.approx(CONNECT_MAX_S + 1.0)
    assert float(day.truck.state.string_current_a.sum()) == 0.0


@pytest.mark.parametrize(
    ("charge", "longest_s"),
    [
        ('{kind = "charge", charger = "ac_22kw", until_soc = 0.601}', 200.0),
        ('{kind = "charge", charger = "ac_22kw", until_soc = 1.0, duration_max_h = 0.05}', 185.0),
    ],
)
def test_a_charge_ends_at_its_target_or_is_given_up(tmp_path: Path, charge: str, longest_s: float) -> None:
    day = day_of(tmp_path, [f"phase=[{charge}]"])
    turn(day, CLOSED)
    assert day.finished
    assert 10.0 < day.truck.time_s <= longest_s


def test_a_charge_in_which_no_current_flows_any_more_is_over(tmp_path: Path) -> None:
    day = day_of(tmp_path, ['phase=[{kind = "charge", charger = "ac_22kw", until_soc = 1.0}]'])
    turn(day, CLOSED, ticks=30)
    turn(day, Command(contactor_close=(True,)))
    assert day.finished
    assert day.truck.time_s == pytest.approx(30 + 60, abs=5)


def test_a_drive_that_takes_too_long_is_broken_off(tmp_path: Path) -> None:
    day = day_of(
        tmp_path,
        ['phase=[{kind = "drive", cycle = "block.csv", duration_max_h = 0.005, payload_kg = 100.0}]'],
    )
    turn(day, CLOSED)
    assert day.truck.time_s == pytest.approx(18 + 2, abs=2)


def test_faults_of_the_scenario_act_on_both_ways(tmp_path: Path) -> None:
    faults = (
        '{kind = "sensor_offset", target = "coolant_inlet_temp_degc", value = 50.0},'
        '{kind = "pump_off", time_s = 20.0}'
    )
    day = day_of(tmp_path, [f"fault=[{faults}]"])
    assert day.measure().coolant_inlet_temp_degc > 70.0
    turn(day, CLOSED, ticks=15)
    assert day.measure().pump_speed_rpm > 500.0
    turn(day, CLOSED, ticks=30)
    assert day.measure().pump_speed_rpm < 50.0
    assert day.command == CLOSED


def test_the_files_for_a_gateway_fit_the_truck(tmp_path: Path) -> None:
    scenario = load_day(tmp_path)
    bus = BusSettings(interface="slcan", channel="/dev/x", options={"sleep_after_open": 0.0})
    loaded = load_gateway(write_gateway_files(tmp_path / "bench", scenario, bus))
    assert loaded.truck == describe(scenario.truck)
    assert loaded.settings.bus == bus
    assert loaded.settings.mode == "active"
    assert [one.name for one in loaded.settings.controller] == ["pid", "thermostat"]
    assert loaded.settings.recording.measurement_every_s == 1.0
    lockstep = load_gateway(write_gateway_files(tmp_path / "bench", scenario, bus, lockstep=True))
    assert lockstep.settings.recording.measurement_every_s == 0.0


def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    scenario = load_day(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"file: cannot be written: .*; choose another folder"):
        write_gateway_files(tmp_path / "file", scenario, BusSettings(interface="virtual"))
