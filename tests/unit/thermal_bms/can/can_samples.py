"""What several tests of the bus need."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from thermal_bms.can.bus_map import PackShape
from thermal_bms.can.j1939.name import Name
from thermal_bms.signals import Command, Measurement, ThermalCommand, ValveMode, VehicleMode

REFERENCE = Path(__file__).parents[3] / "reference"
SHAPE = PackShape(n_strings=2, n_series=7, n_temp_sensors=4)
OLD = Name(identity=1, manufacturer=5, function=10)
YOUNG = Name(identity=2, manufacturer=5, function=10)


def vectors(name: str) -> Any:
    """Return the content of a file of vectors."""
    return json.loads((REFERENCE / name).read_text(encoding="ascii"))


def measurement(**changes: Any) -> Measurement:
    """Return a plain measurement of a pack of ``SHAPE``, with changes."""
    cells = np.arange(SHAPE.n_strings * SHAPE.n_series, dtype=np.float64)
    sensors = np.arange(SHAPE.n_strings * SHAPE.n_temp_sensors, dtype=np.float64)
    values: dict[str, Any] = {
        "time_s": 12.0,
        "vehicle_mode": VehicleMode.CHARGE,
        "cell_voltage_v": 3.2 + 0.001 * cells.reshape(SHAPE.n_strings, SHAPE.n_series),
        "cell_temp_degc": 24.0 + 0.25 * sensors.reshape(SHAPE.n_strings, SHAPE.n_temp_sensors),
        "string_current_a": np.array([-300.0, 12.5]),
        "string_voltage_v": np.array([691.2, 691.3]),
        "contactor_closed": np.array([True, False]),
        "negative_closed": np.array([True, True]),
        "precharge_closed": np.array([False, True]),
        "hvil_closed": 1.0,
        "crash": 0.0,
        "isolation_ohm": 2.0e6,
        "coolant_flow_kg_per_s": 0.5,
        "coolant_level": 0.8,
        "valve_position": 2.0,
        "bus_voltage_v": 690.0,
        "coolant_inlet_temp_degc": 21.0,
        "coolant_outlet_temp_degc": 23.5,
        "drive_loop_temp_degc": 41.0,
        "pump_speed_rpm": 3000.0,
        "fan_speed_rpm": 1200.0,
        "compressor_speed_rpm": 4500.0,
        "suction_pressure_pa": 3.0e5,
        "discharge_pressure_pa": 1.2e6,
        "heater_power_w": 0.0,
        "compressor_power_w": 3200.0,
        "ambient_temp_degc": 31.0,
        "ambient_humidity": 0.45,
        "vehicle_speed_m_per_s": 0.0,
        "plug_connected": True,
        "charger_power_max_w": 350.0e3,
        "charger_current_max_a": 500.0,
        "charger_voltage_max_v": 920.0,
    }
    return Measurement(**{**values, **changes})


def command(**changes: Any) -> Command:
    """Return a plain command for two strings, with changes."""
    thermal = ThermalCommand(0.5, 0.25, 1.0, 0.0, ValveMode.CHILLER)
    values: dict[str, Any] = {
        "thermal": thermal,
        "contactor_close": (True, False),
        "charge_current_a": 250.0,
        "discharge_power_max_w": 400.0e3,
        "regen_power_max_w": 150.0e3,
        "negative_close": (True, True),
        "precharge_close": (False, True),
        "disconnect_forewarning": True,
    }
    return Command(**{**values, **changes})
