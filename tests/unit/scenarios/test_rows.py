"""The rows of a recording: as many values as names, powers as means, energies as sums."""

import math

import numpy as np
import pytest

from plant_models.truck import Surroundings, Truck
from plant_models.truck_parameters import load_truck
from plant_models.truck_step import PORTS
from scenarios.rows import (
    BOUNDS,
    CONTROL,
    ENERGY_BALANCE,
    HEALTH,
    OUTLOOK,
    RowMaker,
    cell_columns,
    control_values,
    energy_columns,
    signal_columns,
)
from thermal_bms.cycle import CycleResult
from thermal_bms.faults import Fault, FaultCode, Severity
from thermal_bms.signals import Command, Estimate, LimitCause, Limits, ThermalCommand, ValveMode

WORLD = (21.0, 0.6, 300.0)
COMMAND = Command(ThermalCommand(0.6, 0.5, 0.4, 0.3, ValveMode.CHILLER), (True,), 7.0, 4e5, 3e5)
ESTIMATE = Estimate(0.51, np.array([0.51]), 3.1, 3.2, 20.1, 20.5, 20.9, 12.0, 345.0)
LIMITS = Limits(100.0, 50.0, 4e4, 2e4, LimitCause.SOC, LimitCause.CELL_TEMP_LOW)


def result(faults: tuple[Fault, ...] = ()) -> CycleResult:
    return CycleResult(COMMAND, ESTIMATE, LIMITS, faults, None, LimitCause.CHARGER_POWER, ())


@pytest.fixture
def truck() -> Truck:
    made = Truck(load_truck("light_air"), soc=0.5, temp_degc=20.0)
    made.actuate(COMMAND)
    return made


def row_of(maker: RowMaker, truck: Truck, found: CycleResult | None = None) -> dict[str, float]:
    values = maker.signals(2, WORLD, found, COMMAND)
    return dict(zip(signal_columns(truck), np.array(values).tolist(), strict=True))


def step(maker: RowMaker, truck: Truck, dt_s: float) -> None:
    truck.step(Surroundings(*WORLD), dt_s)


@pytest.mark.parametrize("name", ["light_air", "heavy_lfp"])
def test_every_column_has_a_name_of_its_own_and_a_value(name: str) -> None:
    made = Truck(load_truck(name), soc=0.5, temp_degc=20.0)
    maker = RowMaker(made)
    columns = signal_columns(made)
    assert len(columns) == len(set(columns)) == len(maker.signals(0, WORLD, None, COMMAND))
    assert len(energy_columns()) == len(set(energy_columns())) == len(maker.energy())
    shapes = cell_columns(made)
    assert isinstance(shapes, dict)
    for value, (column, shape) in zip(maker.cells(), shapes.items(), strict=True):
        assert np.shape(value) == shape, column


def test_the_balance_names_columns_that_are_recorded_each_once() -> None:
    for domain in ENERGY_BALANCE.values():
        named = [name for names in domain.values() for name in names]
        assert len(named) == len(set(named))
        assert set(named) <= set(energy_columns())


def test_a_row_tells_instant_world_truth_and_commands(truck: Truck) -> None:
    maker = RowMaker(truck)
    maker.distance_m = 1234.0
    step(maker, truck, 1.0)
    row = row_of(maker, truck, result())
    expected = {
        "time_s": 1.0,
        "phase_index": 2.0,
        "vehicle_mode": 0.0,
        "asleep": 0.0,
        "distance_m": 1234.0,
        "ambient_temp_degc": 21.0,
        "ambient_humidity": 0.6,
        "irradiance_w_per_m2": 300.0,
        "bus_voltage_v": truck.bus_voltage_v,
        "charger_power_max_w": 0.0,
        "soc": float(truck.state.soc.mean()),
        "pack_current_a": float(truck.state.string_current_a.sum()),
        "string_current_a_0": float(truck.state.string_current_a[0]),
        "soc_estimate": 0.51,
        "cell_temp_measured_min_degc": 20.1,
        "cell_temp_measured_max_degc": 20.9,
        "heat_estimate_w": 345.0,
        "pump_duty": 0.6,
        "fan_duty": 0.5,
        "compressor_duty": 0.4,
        "heater_duty": 0.3,
        "valve_mode": 2.0,
        "charge_current_request_a": 7.0,
        "discharge_power_max_w": 4e4,
        "charge_power_max_w": 2e4,
        "discharge_current_max_a": 100.0,
        "charge_current_max_a": 50.0,
        "discharge_cause": float(LimitCause.SOC),
        "charge_cause": float(LimitCause.CELL_TEMP_LOW),
        "charge_limit": float(LimitCause.CHARGER_POWER),
        "fault_count": 0.0,
    }
    assert {name: row[name] for name in expected} == pytest.approx(expected, rel=1e-12)


def test_powers_are_means_over_the_interval_since_the_last_row(truck: Truck) -> None:
    maker = RowMaker(truck)
    row_of(maker, truck)
    energy_j = np.zeros(len(PORTS))
    for dt_s in (1.0, 1.0, 0.5, 10.0):
        step(maker, truck, dt_s)
        energy_j += truck.ports * dt_s
    row = row_of(maker, truck)
    for name, total_j in zip(PORTS, energy_j, strict=True):
        assert row[name] == pytest.approx(total_j / 12.5, rel=1e-9, abs=1e-9)
    assert row["pump_power_w"] > 1.0
    step(maker, truck, 2.0)
    assert row_of(maker, truck)["pump_power_w"] == pytest.approx(truck.ports[PORTS.index("pump_power_w")])


def test_energies_are_counted_from_the_start_whatever_rows_are_made_between(truck: Truck) -> None:
    often, seldom = RowMaker(truck), RowMaker(truck)
    for _ in range(20):
        truck.step(Surroundings(*WORLD), 1.0)
        often.signals(0, WORLD, None, COMMAND)
    assert often.energy() == seldom.energy()
    stored = dict(zip(energy_columns(), often.energy(), strict=True))
    assert (stored["chemical_energy_j"], stored["stored_heat_j"]) == truck.stored_energies_j()


def test_the_row_of_the_first_instant_holds_no_power(truck: Truck) -> None:
    row = row_of(RowMaker(truck), truck)
    assert all(row[name] == 0.0 for name in PORTS)


def test_cells_are_told_in_degrees_celsius(truck: Truck) -> None:
    time_s, temp_degc, voltage_v, soc = RowMaker(truck).cells()
    assert time_s == 0.0
    assert np.asarray(temp_degc) == pytest.approx(20.0)
    assert np.array_equal(voltage_v, truck.state.voltage_v)
    assert np.array_equal(soc, truck.state.soc)


def test_a_sleeping_controller_believes_nothing_and_limits_nothing() -> None:
    values = dict(zip(CONTROL, control_values(None, Command()), strict=True))
    believed = (
        "soc_estimate",
        *(f"{name}_estimate" for name in BOUNDS),
        *HEALTH,
        *OUTLOOK,
        "cell_temp_measured_min_degc",
        "cell_temp_measured_max_degc",
        "heat_estimate_w",
    )
    assert all(math.isnan(values[name]) for name in believed)
    assert all(values[name] == 0.0 for name in set(CONTROL) - set(believed))


def test_active_faults_are_counted() -> None:
    fault = Fault(FaultCode.CELL_TEMP_HIGH_DISCHARGE, Severity.WARNING, 3.0, 61.0, 60.0, 0)
    values = dict(zip(CONTROL, control_values(result((fault, fault)), COMMAND), strict=True))
    assert values["fault_count"] == 2
