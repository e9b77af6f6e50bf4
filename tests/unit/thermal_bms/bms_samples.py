"""A made-up truck and a healthy measurement, for the tests of the battery management."""

from dataclasses import replace
from typing import Any

import numpy as np

from thermal_bms.description import PackDescription, ThermalDescription, TruckDescription
from thermal_bms.plausibility import Checked, Plausibility
from thermal_bms.signals import (
    Estimate,
    Limits,
    Measurement,
    Preview,
    ThermalCommand,
    ValveMode,
    VehicleMode,
)

PACK = PackDescription(
    chemistry="lfp",
    n_strings=3,
    n_series=20,
    capacity_ah=100.0,
    charge_current_max_a=100.0,
    discharge_current_max_a=200.0,
    cell_voltage_min_v=2.5,
    cell_voltage_max_v=3.65,
    ocv_soc=(0.0, 0.1, 0.5, 0.9, 1.0),
    ocv_v=(2.8, 3.2, 3.29, 3.34, 3.5),
    resistance_temp_degc=(-20.0, 0.0, 25.0, 45.0),
    resistance_ohm=(4e-3, 2e-3, 1e-3, 0.8e-3),
)
THERMAL = ThermalDescription(
    cooling="liquid",
    coolant_flow_max_kg_per_s=0.8,
    heater_power_max_w=10e3,
    chiller_capacity_w=10e3,
    radiator_conductance_w_per_k=300.0,
)
TRUCK = TruckDescription(name="sample", pack=PACK, thermal=THERMAL)


def measured(
    time_s: float = 0.0, *, volt: float = 3.3, temp: float = 25.0, amp: float = 0.0, **more: Any
) -> Measurement:
    """Return a healthy measurement of the sample truck with all strings alike; ``more`` replaces fields."""
    pack = PACK
    healthy = Measurement(
        time_s=time_s,
        vehicle_mode=VehicleMode.DRIVE,
        cell_voltage_v=np.full((pack.n_strings, pack.n_series), volt),
        cell_temp_degc=np.full((pack.n_strings, 4), temp),
        string_current_a=np.full(pack.n_strings, amp),
        string_voltage_v=np.full(pack.n_strings, volt * pack.n_series),
        contactor_closed=np.ones(pack.n_strings, dtype=np.bool_),
        bus_voltage_v=volt * pack.n_series,
        coolant_inlet_temp_degc=20.0,
        coolant_outlet_temp_degc=21.0,
        drive_loop_temp_degc=35.0,
        pump_speed_rpm=3000.0,
        fan_speed_rpm=1500.0,
        compressor_speed_rpm=0.0,
        suction_pressure_pa=4e5,
        discharge_pressure_pa=9e5,
        heater_power_w=0.0,
        compressor_power_w=0.0,
        ambient_temp_degc=20.0,
        ambient_humidity=0.5,
        vehicle_speed_m_per_s=20.0,
    )
    return replace(healthy, **more)


def charging(time_s: float = 0.0, **more: Any) -> Measurement:
    """Return a healthy measurement of the sample truck on a charger of 100 kW, 500 A, 1000 V."""
    plugged = {
        "vehicle_mode": VehicleMode.CHARGE,
        "vehicle_speed_m_per_s": 0.0,
        "plug_connected": True,
        "charger_power_max_w": 100e3,
        "charger_current_max_a": 500.0,
        "charger_voltage_max_v": 1000.0,
    }
    return measured(time_s, **{**plugged, **more})


def checked(measurement: Measurement | None = None, dt_s: float = 1.0, **more: Any) -> Checked:
    """Return what plausibility makes of a measurement seen for the first time."""
    result = Plausibility(PACK).check(measurement or measured(), dt_s)
    return replace(result, **more)


class FakeController:
    """Proposes a fixed command; remembers what it was shown; raises when told to."""

    def __init__(self, wanted: Any = ThermalCommand(0.5, 0.5, 0.0, 0.0, ValveMode.RADIATOR)) -> None:  # noqa: B008
        self.wanted = wanted
        self.error: Exception | None = None
        self.seen: list[tuple[Measurement, Estimate, Limits]] = []
        self.resets = 0

    def step(
        self,
        measurement: Measurement,
        estimate: Estimate,
        limits: Limits,
        preview: Preview,
        applied: ThermalCommand,
        dt_s: float,
    ) -> ThermalCommand:
        self.seen.append((measurement, estimate, limits))
        if self.error is not None:
            raise self.error
        result: ThermalCommand = self.wanted
        return result

    def reset(self) -> None:
        self.resets += 1
