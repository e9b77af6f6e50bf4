from dataclasses import replace

import pytest

from controllers.thermostat import Thermostat, build
from tests.unit.controllers.examples import AIR, LIQUID, believed, limits, measured
from thermal_bms.errors import ConfigError
from thermal_bms.signals import NO_PREVIEW, ThermalCommand, ValveMode, VehicleMode


def step(unit: Thermostat, cell_degc: float, **around: object) -> ThermalCommand:
    spread_k = float(around.pop("spread_k", 0.0))  # type: ignore[arg-type]
    heat_w = float(around.pop("heat_w", 0.0))  # type: ignore[arg-type]
    estimate = replace(believed(cell_degc, spread_k=spread_k), heat_w=heat_w)
    return unit.step(measured(**around), estimate, limits(), NO_PREVIEW, ThermalCommand(), 1.0)


def test_cooling_switches_on_above_33_and_off_at_31_degc() -> None:
    unit = build({}, LIQUID)
    seen = [step(unit, cell).compressor_duty > 0.0 for cell in (32.9, 33.1, 32.0, 31.1, 31.0, 32.9)]
    assert seen == [False, True, True, True, False, False]


def test_heating_switches_on_below_10_and_off_at_12_degc() -> None:
    unit = build({}, LIQUID)
    seen = [step(unit, cell).heater_duty > 0.0 for cell in (10.1, 9.9, 11.0, 11.9, 12.0, 10.1)]
    assert seen == [False, True, True, True, False, False]


def test_actuators_run_at_full_power_in_the_mode_that_the_weather_asks_for() -> None:
    warm, cold = build({}, LIQUID), build({}, LIQUID)
    assert step(warm, 34.0, ambient_temp_degc=35.0) == ThermalCommand(1.0, 1.0, 1.0, 0.0, ValveMode.CHILLER)
    assert step(cold, 34.0, ambient_temp_degc=0.0) == ThermalCommand(1.0, 1.0, 0.0, 0.0, ValveMode.RADIATOR)
    frozen = step(
        build({}, LIQUID), 0.0, ambient_temp_degc=0.0, coolant_outlet_temp_degc=0.0, drive_loop_temp_degc=0.0
    )
    assert frozen == ThermalCommand(1.0, 0.0, 0.0, 1.0, ValveMode.BYPASS)


def test_waste_heat_is_taken_beside_the_heater_when_the_drive_loop_is_warm() -> None:
    command = step(build({}, LIQUID), 0.0, coolant_outlet_temp_degc=0.0, drive_loop_temp_degc=1.0)
    assert command.valve_mode is ValveMode.RADIATOR  # air of 25 degC is warmer than the coolant
    command = step(
        build({}, LIQUID),
        0.0,
        ambient_temp_degc=-5.0,
        coolant_outlet_temp_degc=0.0,
        drive_loop_temp_degc=50.0,
    )
    assert command.valve_mode is ValveMode.WASTE_HEAT


def test_the_radiator_gives_way_to_the_chiller_when_it_cannot_carry_the_cells_heat() -> None:
    weak = {"ambient_temp_degc": 20.0, "coolant_outlet_temp_degc": 28.0}
    assert step(build({}, LIQUID), 33.5, **weak, heat_w=2e3).valve_mode is ValveMode.RADIATOR
    assert step(build({}, LIQUID), 33.5, **weak, heat_w=15e3).valve_mode is ValveMode.CHILLER
    assert step(build({}, LIQUID), 40.0, **weak, heat_w=2e3).valve_mode is ValveMode.CHILLER


def test_an_air_truck_takes_outside_air_on_a_mild_day_and_cabin_air_on_a_hot_one() -> None:
    mild = step(build({}, AIR), 34.0, ambient_temp_degc=15.0)
    hot = step(build({}, AIR), 34.0, ambient_temp_degc=32.0)
    assert (mild.valve_mode, mild.compressor_duty) == (ValveMode.RADIATOR, 0.0)
    assert (hot.valve_mode, hot.compressor_duty) == (ValveMode.CHILLER, 1.0)
    assert mild.pump_duty == hot.pump_duty == 1.0


@pytest.mark.parametrize(("cell_degc", "active"), [(40.0, False), (5.0, False), (46.0, True), (-20.0, True)])
def test_parked_without_a_plug_only_extremes_count(cell_degc: float, *, active: bool) -> None:
    parked = {"vehicle_mode": VehicleMode.PARK}
    assert (step(build({}, LIQUID), cell_degc, **parked) != ThermalCommand()) is active
    assert step(build({}, LIQUID), cell_degc, **parked, plug_connected=True) != ThermalCommand()


def test_an_uneven_pack_is_circulated_while_driving_but_not_while_parked() -> None:
    unit = build({}, LIQUID)
    assert step(unit, 25.0, spread_k=6.1) == ThermalCommand(pump_duty=0.3)
    assert step(unit, 25.0, spread_k=4.1) == ThermalCommand(pump_duty=0.3)
    assert step(unit, 25.0, spread_k=3.9) == ThermalCommand()
    assert step(build({}, LIQUID), 25.0, spread_k=9.0, vehicle_mode=VehicleMode.PARK) == ThermalCommand()


def test_cooling_goes_before_heating_in_a_pack_that_needs_both() -> None:
    command = step(build({}, LIQUID), 21.0, spread_k=30.0)
    assert command.compressor_duty > 0.0
    assert command.heater_duty == 0.0


@pytest.mark.parametrize(
    "settings",
    [
        {"cool_on_degc": 30.0},
        {"heat_off_degc": 9.0},
        {"park_cool_on_degc": 32.0},
        {"spread_off_k": 20.0},
        {"modes": {"dwell_s": -1.0}},
        {"cool_on": 30.0},
    ],
)
def test_settings_that_do_not_fit_are_refused_in_one_line(settings: dict[str, object]) -> None:
    with pytest.raises(ConfigError) as error:
        build(settings, LIQUID)
    assert "controller thermostat" in str(error.value)
    assert "\n" not in str(error.value)
