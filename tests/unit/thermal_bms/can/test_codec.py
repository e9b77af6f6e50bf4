from dataclasses import fields

import numpy as np

from tests.unit.thermal_bms.can.can_samples import SHAPE, command, measurement
from thermal_bms.can.codec import CommandCodec, MeasurementCodec
from thermal_bms.signals import Command, Measurement, ThermalCommand, ValveMode, VehicleMode

MEASUREMENTS = MeasurementCodec(SHAPE)
COMMANDS = CommandCodec(2)
NAN = float("nan")


def same(one: Measurement, other: Measurement) -> bool:
    return all(
        np.array_equal(
            getattr(one, f.name), getattr(other, f.name), equal_nan=f.name not in {"contactor_closed"}
        )
        for f in fields(Measurement)
    )


def test_a_measurement_survives_the_flat_vector_unchanged() -> None:
    sent = measurement()
    assert same(MEASUREMENTS.restore(MEASUREMENTS.flatten(sent), sent.time_s), sent)


def test_a_quantised_measurement_lies_within_half_a_step() -> None:
    read = MEASUREMENTS.quantise(measurement(bus_voltage_v=690.013, ambient_temp_degc=31.01))
    assert abs(read.bus_voltage_v - 690.013) <= 0.0125
    assert abs(read.ambient_temp_degc - 31.01) <= 0.015625
    assert read.vehicle_mode is VehicleMode.CHARGE
    assert read.contactor_closed.tolist() == [True, False]
    assert read.contactor_closed.dtype == np.bool_


def test_quantising_twice_changes_nothing_more() -> None:
    once = MEASUREMENTS.quantise(measurement())
    assert same(MEASUREMENTS.quantise(once), once)


def test_missing_values_stay_missing_and_flags_fall_to_the_safe_side() -> None:
    read = MEASUREMENTS.restore(np.full(MEASUREMENTS.bus_map.size, NAN), 1.0)
    assert np.isnan(read.cell_voltage_v).all()
    assert np.isnan(read.charger_power_max_w)
    assert not read.contactor_closed.any()
    assert (read.vehicle_mode, read.plug_connected) == (VehicleMode.PARK, False)


def test_a_restored_measurement_shares_nothing_with_the_vector() -> None:
    flat = MEASUREMENTS.flatten(measurement())
    read = MEASUREMENTS.restore(flat, 0.0)
    flat[:] = NAN
    assert read.cell_voltage_v[0, 0] == 3.2


def test_the_codec_says_which_fields_do_not_fit() -> None:
    assert MEASUREMENTS.saturated(measurement()) == ()
    assert MEASUREMENTS.saturated(measurement(suction_pressure_pa=7.0e6)) == ("suction_pressure_pa",)


def test_a_command_survives_the_flat_vector_unchanged() -> None:
    assert COMMANDS.restore(COMMANDS.flatten(command())) == command()


def test_a_quantised_command_lies_within_half_a_step() -> None:
    read = COMMANDS.quantise(command(charge_current_a=123.45, discharge_power_max_w=123456.0))
    assert abs(read.charge_current_a - 123.45) <= 0.03125
    assert abs(read.discharge_power_max_w - 123456.0) <= 25.0
    assert read.thermal.valve_mode is ValveMode.CHILLER


def test_full_and_half_duties_cross_the_bus_exactly() -> None:
    for duty in (0.0, 0.5, 1.0):
        assert COMMANDS.quantise(Command(ThermalCommand(duty, duty, duty, duty))).thermal.pump_duty == duty


OPEN = Command(contactor_close=(False, False), negative_close=(False, False), precharge_close=(False, False))


def test_an_empty_command_is_off_and_open() -> None:
    assert COMMANDS.quantise(Command()) == OPEN


def test_a_command_of_which_nothing_arrived_is_off_and_open() -> None:
    read = COMMANDS.restore(np.full(COMMANDS.bus_map.size, NAN))
    assert read == OPEN


def test_a_megawatt_charge_current_saturates_on_the_vehicle_bus_and_is_reported() -> None:
    status = {"pack_current_a": -3000.0, "soc": 0.5}
    assert COMMANDS.saturated(command(), status) == ("pack_current_a",)
    arrived, _ = COMMANDS.bus_map.quantise(COMMANDS.flatten(command(), status))
    read = COMMANDS.status(arrived)
    assert (read["pack_current_a"], read["soc"]) == (-1600.0, 0.5)
    assert np.isnan(read["cell_voltage_max_v"])


def test_a_charge_current_of_the_megawatt_system_fits_the_demand() -> None:
    assert COMMANDS.saturated(command(charge_current_a=3000.0)) == ()
