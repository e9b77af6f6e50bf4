"""A small truck that answers commands, and a recording of it; for tests of links."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from thermal_bms.link import MEASUREMENT, DirectLink, measurement_columns, measurement_row
from thermal_bms.recording import Recorder
from thermal_bms.signals import Command, Measurement, ThermalCommand, ValveMode, VehicleMode


class FakeTruck:
    """Two strings of four groups that warm up, less with the pump on; one sensor is broken."""

    def __init__(self) -> None:
        self.time_s = 0.0
        self.temp_degc = 20.0
        self.random = np.random.default_rng(7)
        self.taken: list[Command] = []

    def measure(self) -> Measurement:
        temp_degc = self.temp_degc + self.random.normal(0.0, 0.1, (2, 2))
        temp_degc[0, 1] = np.nan
        return Measurement(
            time_s=self.time_s,
            vehicle_mode=VehicleMode.CHARGE if self.time_s > 10.0 else VehicleMode.DRIVE,
            cell_voltage_v=3.3 + self.random.normal(0.0, 1e-3, (2, 4)),
            cell_temp_degc=temp_degc,
            string_current_a=np.array([101.5, -0.0]),
            string_voltage_v=np.array([13.2, 13.25]),
            contactor_closed=np.array([True, False]),
            bus_voltage_v=13.2,
            coolant_inlet_temp_degc=18.0,
            coolant_outlet_temp_degc=0.1 + 0.2,
            drive_loop_temp_degc=40.0,
            pump_speed_rpm=3000.0,
            fan_speed_rpm=0.0,
            compressor_speed_rpm=float("nan"),
            suction_pressure_pa=3.1e5,
            discharge_pressure_pa=1.2e6,
            heater_power_w=0.0,
            compressor_power_w=0.0,
            ambient_temp_degc=-7.0,
            ambient_humidity=0.4,
            vehicle_speed_m_per_s=22.2,
            plug_connected=self.time_s > 10.0,
            charger_power_max_w=350e3,
            charger_current_max_a=500.0,
            charger_voltage_max_v=1000.0,
        )

    def actuate(self, command: Command) -> None:
        self.taken.append(command)
        self.time_s += 1.0
        self.temp_degc += 0.5 - 0.4 * command.thermal.pump_duty


def commands(n_ticks: int) -> list[Command]:
    """Return commands of all kinds, the first one without contactors."""
    return [
        Command(
            thermal=ThermalCommand(pump_duty=tick / n_ticks, valve_mode=ValveMode(tick % 4)),
            contactor_close=(tick % 2 == 0, True) if tick else (),
            charge_current_a=0.1 * tick,
            discharge_power_max_w=5e5,
            regen_power_max_w=float("nan") if tick == 3 else 1e5,
        )
        for tick in range(n_ticks)
    ]


def record_truck(path: Path, n_ticks: int) -> Path:
    """Run the truck under :func:`commands` and record what passes the link."""
    return record_exchange(path, DirectLink(FakeTruck()), commands(n_ticks))


def record_exchange(path: Path, link: DirectLink, sent: Sequence[Command]) -> Path:
    """Record what ``link`` reads and is given."""
    measurement = link.read()
    with Recorder(path, {}, {MEASUREMENT: measurement_columns(measurement)}, chunk_rows=8) as recorder:
        for command in sent:
            recorder.append(MEASUREMENT, measurement_row(measurement, command))
            link.write(command)
            measurement = link.read()
    return path
