"""A liquid and an air truck as a controller is told of them, and signals with everything in order."""

from dataclasses import replace

import numpy as np

from thermal_bms.description import PackDescription, ThermalDescription, TruckDescription
from thermal_bms.signals import Estimate, LimitCause, Limits, Measurement, VehicleMode

PACK = PackDescription(
    chemistry="lfp",
    n_strings=3,
    n_series=216,
    capacity_ah=302.0,
    charge_current_max_a=302.0,
    discharge_current_max_a=302.0,
    cell_voltage_min_v=2.5,
    cell_voltage_max_v=3.65,
    ocv_soc=(0.0, 0.1, 0.9, 1.0),
    ocv_v=(2.9, 3.2, 3.33, 3.45),
    resistance_temp_degc=(-20.0, 0.0, 25.0, 45.0),
    resistance_ohm=(3e-3, 1e-3, 4e-4, 3e-4),
)
LIQUID = TruckDescription(
    name="liquid",
    pack=PACK,
    thermal=ThermalDescription(
        cooling="liquid",
        coolant_flow_max_kg_per_s=1.0,
        heater_power_max_w=10e3,
        chiller_capacity_w=20e3,
        radiator_conductance_w_per_k=1000.0,
        has_waste_heat=True,
    ),
)
AIR = TruckDescription(
    name="air",
    pack=PACK.model_copy(update={"chemistry": "nmc", "n_strings": 2, "n_series": 96, "capacity_ah": 56.3}),
    thermal=ThermalDescription(
        cooling="air",
        coolant_flow_max_kg_per_s=0.25,
        heater_power_max_w=2e3,
        chiller_capacity_w=3e3,
        radiator_conductance_w_per_k=0.0,
    ),
)
TRUCKS = {"liquid": LIQUID, "air": AIR}


def measured(**changes: object) -> Measurement:
    """Return a measurement on a mild day, driving, with ``changes``."""
    standard = Measurement(
        time_s=0.0,
        vehicle_mode=VehicleMode.DRIVE,
        cell_voltage_v=np.full((1, 4), 3.3),
        cell_temp_degc=np.full((1, 2), 25.0),
        string_current_a=np.zeros(1),
        string_voltage_v=np.full(1, 700.0),
        contactor_closed=np.ones(1, dtype=bool),
        bus_voltage_v=700.0,
        coolant_inlet_temp_degc=25.0,
        coolant_outlet_temp_degc=25.0,
        drive_loop_temp_degc=25.0,
        pump_speed_rpm=0.0,
        fan_speed_rpm=0.0,
        compressor_speed_rpm=0.0,
        suction_pressure_pa=5e5,
        discharge_pressure_pa=1e6,
        heater_power_w=0.0,
        compressor_power_w=0.0,
        ambient_temp_degc=25.0,
        ambient_humidity=0.3,
        vehicle_speed_m_per_s=0.0,
    )
    return replace(standard, **changes)  # type: ignore[arg-type]


def believed(cell_temp_degc: float = 25.0, *, spread_k: float = 0.0, **changes: object) -> Estimate:
    """Return an estimate with all cells around one temperature, with ``changes``."""
    standard = Estimate(
        soc=0.5,
        string_soc=np.full(1, 0.5),
        cell_voltage_min_v=3.3,
        cell_voltage_max_v=3.3,
        cell_temp_min_degc=cell_temp_degc - spread_k / 2.0,
        cell_temp_mean_degc=cell_temp_degc,
        cell_temp_max_degc=cell_temp_degc + spread_k / 2.0,
        pack_current_a=0.0,
        heat_w=0.0,
    )
    return replace(standard, **changes)  # type: ignore[arg-type]


def limits(charge_cause: LimitCause = LimitCause.NONE) -> Limits:
    """Return limits that allow a lot."""
    return Limits(900.0, 900.0, 6e5, 6e5, LimitCause.NONE, charge_cause)
