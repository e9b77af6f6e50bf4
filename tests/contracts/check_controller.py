"""What every thermal controller must do, whatever its method. Run it on your own factory."""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from math import isfinite, nan
from time import perf_counter

from tests.unit.controllers.examples import believed, limits, measured
from thermal_bms.description import TruckDescription
from thermal_bms.interfaces import Controller
from thermal_bms.signals import (
    NO_PREVIEW,
    Estimate,
    Measurement,
    Preview,
    ThermalCommand,
    ValveMode,
    VehicleMode,
)

Factory = Callable[[], Controller]
MODES = (VehicleMode.DRIVE, VehicleMode.CHARGE, VehicleMode.PARK)
AMBIENT_DEGC = (-20.0, 5.0, 22.0, 43.0)
CELL_DEGC = (-25.0, -10.0, 0.0, 8.0, 14.0, 20.0, 26.0, 29.0, 31.0, 33.0, 35.0, 38.0, 42.0, 48.0, 60.0)
AIR_W_PER_K = 1006.0 * 0.6  # heat that 1 kg/s of air takes per kelvin with 60 % effectiveness


def run(
    controller: Controller, measurement: Measurement, estimate: Estimate, *, ticks: int, dt_s: float = 1.0
) -> list[ThermalCommand]:
    """Step with constant inputs; every command is applied as it is."""
    commands = [ThermalCommand()]
    for tick in range(ticks):
        now = replace(measurement, time_s=tick * dt_s)
        commands.append(controller.step(now, estimate, limits(), NO_PREVIEW, commands[-1], dt_s))
    return commands[1:]


def check_controller(factory: Factory, truck: TruckDescription) -> float:
    """Assert the whole contract; return the mean time of a step [s], for the report only."""
    started_s = perf_counter()
    steps = 0
    for mode in MODES:
        for ambient_degc in AMBIENT_DEGC:
            efforts = []
            for cell_degc in CELL_DEGC:
                around = _around(mode, ambient_degc, truck)
                commands = run(factory(), around, believed(cell_degc), ticks=40)
                steps += len(commands)
                for command in commands:
                    check_command(command)
                efforts.append(effort_w(commands[-1], around, believed(cell_degc), truck))
            check_rises(efforts, tolerance_w=0.0, where=f"{mode.name} at {ambient_degc} degC")
    step_s = (perf_counter() - started_s) / steps
    check_deterministic_and_reset(factory)
    check_safe_without_temperature(factory, truck)
    check_lost_inputs(factory)
    return step_s


def check_command(command: ThermalCommand) -> None:
    """A command is finite, within 0..1, never heats and cools at once, and does neither without flow."""
    duties = (command.pump_duty, command.fan_duty, command.compressor_duty, command.heater_duty)
    assert all(isfinite(duty) and 0.0 <= duty <= 1.0 for duty in duties), command
    assert isinstance(command.valve_mode, ValveMode)
    assert command.heater_duty == 0.0 or command.compressor_duty == 0.0, command
    if command.heater_duty > 0.0 or command.compressor_duty > 0.0:
        assert command.pump_duty > 0.0, command


def check_rises(efforts: list[float], *, tolerance_w: float, where: str) -> None:
    """Hotter never asks for less cooling."""
    for (cooler, hotter), cell_degc in zip(pairwise(efforts), CELL_DEGC[1:], strict=True):
        assert hotter >= cooler - tolerance_w - 1e-6, f"{where}: less cooling at {cell_degc} degC: {efforts}"
    assert efforts[0] <= 0.0, f"{where}: cools frozen cells: {efforts}"


def check_deterministic_and_reset(factory: Factory) -> None:
    """The same inputs give the same commands, from a second controller and after ``reset``."""
    first, second = factory(), factory()
    profile = [25.0, 34.0, 50.0, nan, 44.0, 31.0, 5.0, -30.0, 8.0, 22.0]
    preview = Preview(charge_in_s=1500.0, charge_power_w=6e5, departure_in_s=900.0, confidence=1.0)

    def play(controller: Controller) -> list[ThermalCommand]:
        commands = [ThermalCommand()]
        for tick in range(100):
            cell_degc, mode = profile[tick // 10], MODES[tick // 40]
            around = replace(measured(vehicle_mode=mode), time_s=float(tick))
            commands.append(
                controller.step(around, believed(cell_degc, heat_w=5e3), limits(), preview, commands[-1], 1.0)
            )
        return commands

    expected = play(first)
    assert play(second) == expected
    first.reset()
    assert play(first) == expected


def check_safe_without_temperature(factory: Factory, truck: TruckDescription) -> None:
    """Without cell temperatures: full cooling; the pump only if the last valid one was below 10 degC."""
    for seen_degc, cools in ((None, True), (45.0, True), (25.0, True), (5.0, False), (-20.0, False)):
        for lost in (
            believed(nan),
            believed(cell_temp_max_degc=nan),
            believed(cell_temp_min_degc=nan),
        ):
            controller = factory()
            if seen_degc is not None:
                run(controller, measured(), believed(seen_degc), ticks=5)
            for command in run(controller, measured(time_s=5.0), lost, ticks=3):
                check_command(command)
                assert command.pump_duty == 1.0
                assert command.heater_duty == 0.0
                if cools:
                    assert command.fan_duty == 1.0
                    assert command.compressor_duty == (1.0 if truck.thermal.chiller_capacity_w > 0.0 else 0.0)
                else:
                    assert command.fan_duty == command.compressor_duty == 0.0


def check_lost_inputs(factory: Factory) -> None:
    """Any single lost or absurd input still gives a valid command, hot cells are still cooled."""
    fields = (
        "time_s",
        "coolant_inlet_temp_degc",
        "coolant_outlet_temp_degc",
        "drive_loop_temp_degc",
        "ambient_temp_degc",
        "ambient_humidity",
        "vehicle_speed_m_per_s",
        "discharge_pressure_pa",
        "charger_power_max_w",
    )
    for cell_degc in (-20.0, 25.0, 50.0):
        for name in fields:
            for value in (nan, float("inf"), float("-inf")):
                controller = factory()
                for _ in range(10):
                    command = controller.step(
                        measured(**{name: value}),
                        believed(cell_degc),
                        limits(),
                        NO_PREVIEW,
                        ThermalCommand(),
                        1.0,
                    )
                    check_command(command)
                if cell_degc == 50.0:
                    assert command.pump_duty > 0.0, name
        for lost in (
            believed(cell_degc, heat_w=nan),
            believed(cell_degc, pack_current_a=nan),
            believed(cell_degc, soc=nan),
            believed(cell_degc, cell_temp_mean_degc=nan),
        ):
            for command in run(factory(), measured(), lost, ticks=10):
                check_command(command)
        broken = ThermalCommand(pump_duty=nan, compressor_duty=nan, heater_duty=nan, fan_duty=nan)
        controller = factory()
        for dt_s in (1.0, 0.0, nan, -1.0, 10.0):
            check_command(
                controller.step(measured(), believed(cell_degc), limits(), NO_PREVIEW, broken, dt_s)
            )


def effort_w(
    command: ThermalCommand, around: Measurement, estimate: Estimate, truck: TruckDescription
) -> float:
    """Return the heat that a command takes, reckoned from the truck's description alone [W]."""
    thermal = truck.thermal
    taken_w = -command.heater_duty * thermal.heater_power_max_w
    if command.valve_mode is ValveMode.CHILLER:
        taken_w += command.compressor_duty * thermal.chiller_capacity_w
    elif command.valve_mode is ValveMode.RADIATOR:
        if thermal.cooling == "liquid":
            difference_k = around.coolant_outlet_temp_degc - around.ambient_temp_degc
            taken_w += command.fan_duty * thermal.radiator_conductance_w_per_k * difference_k
        else:
            difference_k = estimate.cell_temp_mean_degc - around.ambient_temp_degc
            taken_w += command.pump_duty * thermal.coolant_flow_max_kg_per_s * AIR_W_PER_K * difference_k
    return taken_w


def _around(mode: VehicleMode, ambient_degc: float, truck: TruckDescription) -> Measurement:
    coolant_degc = max(ambient_degc, 15.0) + 7.0
    return measured(
        vehicle_mode=mode,
        ambient_temp_degc=ambient_degc,
        coolant_inlet_temp_degc=coolant_degc,
        coolant_outlet_temp_degc=coolant_degc,
        drive_loop_temp_degc=ambient_degc,
        plug_connected=mode is VehicleMode.CHARGE,
        charger_power_max_w=150e3 if mode is VehicleMode.CHARGE else 0.0,
    )
