"""The assembled truck: bus, contactors, faults, charger, energy books, step size, repeatability."""

import math

import numpy as np
import pytest

from plant_models.charger import charger
from plant_models.truck import Surroundings, Truck
from plant_models.truck_parameters import full_energy_j, load_truck, truck_names
from scenarios.drive_cycle import load_cycle
from tests.unit.plant_models.truck_days import (
    AMPLE_W,
    LOADS,
    MILD,
    command,
    port,
    ready,
    steady,
)
from thermal_bms.errors import ScenarioError
from thermal_bms.signals import Command, Measurement, ThermalCommand, ValveMode, VehicleMode
from thermal_bms.units import FloatArray, degc_to_k

HOT = Surroundings(38.0, 0.5, 800.0)
FULL = ThermalCommand(1.0, 1.0, 1.0, 1.0, ValveMode.CHILLER)
COOL = ThermalCommand(1.0, 1.0, 1.0, 0.0, ValveMode.CHILLER)
ALL_ON = ThermalCommand(0.8, 0.6, 0.9, 0.7, ValveMode.CHILLER)


def driving(name: str, speed_m_per_s: float = 15.0, seconds: int = 120) -> Truck:
    """Return a truck that has driven for a while with every actuator on."""
    truck = ready(name)
    truck.drive(steady(speed_m_per_s))
    for _ in range(seconds):
        truck.actuate(command(truck, ALL_ON))
        truck.step(HOT, 1.0)
    return truck


# --- the bus ---


@pytest.mark.parametrize("name", truck_names())
def test_what_the_truck_asks_for_is_what_the_pack_delivers(name: str) -> None:
    truck = driving(name)
    asked_w = sum(port(truck, load) for load in LOADS)
    assert port(truck, "traction_power_w") > 1e3
    assert port(truck, "pack_power_w") == pytest.approx(asked_w, rel=1e-9)
    current_a = float(truck.state.string_current_a.sum())
    assert truck.bus_voltage_v * current_a == pytest.approx(asked_w, rel=1e-9)


def test_a_charger_carries_the_loads_and_the_pack_takes_the_rest() -> None:
    truck = ready("heavy_lfp")
    truck.plug(charger("ccs_350kw"))
    for _ in range(90):
        truck.actuate(command(truck, ALL_ON, charge_a=200.0))
        truck.step(MILD, 1.0)
    asked_w = sum(port(truck, load) for load in LOADS)
    given_w = port(truck, "charger_power_w")
    assert given_w == pytest.approx(200.0 * truck.bus_voltage_v, rel=1e-12)
    assert port(truck, "pack_power_w") == pytest.approx(asked_w - given_w, rel=1e-9)


@pytest.mark.parametrize("name", ["heavy_lfp", "light_air"])
def test_with_open_contactors_the_bus_is_dead_and_nothing_runs(name: str) -> None:
    truck = driving(name)
    before_j, _ = truck.stored_energies_j()
    truck.actuate(command(truck, FULL, closed=False))
    for _ in range(3):
        truck.step(HOT, 1.0)
        assert truck.bus_voltage_v == 0.0
        assert not truck.state.string_current_a.any()
        assert {load: port(truck, load) for load in LOADS} == dict.fromkeys(LOADS, 0.0)
        assert port(truck, "heater_heat_w") == port(truck, "pump_heat_w") == 0.0
    assert truck.stored_energies_j()[0] == before_j
    for _ in range(30):
        truck.step(HOT, 1.0)
    measured = truck.measure()
    assert measured.pump_speed_rpm == measured.fan_speed_rpm == measured.compressor_speed_rpm == 0.0
    assert not measured.contactor_closed.any()


@pytest.mark.parametrize("name", ["heavy_lfp", "light_air"])
def test_a_running_compressor_stops_with_the_bus_whatever_its_minimum_on_time(name: str) -> None:
    truck = ready(name, temp_degc=35.0)
    truck.actuate(command(truck, COOL))
    while truck.refrigerant.running < 0.5:
        truck.step(HOT, 1.0)
    truck.step(HOT, 1.0)
    assert port(truck, "compressor_power_w") > 0.0
    truck.actuate(command(truck, COOL, closed=False))
    for _ in range(5):
        truck.step(HOT, 1.0)
        assert port(truck, "compressor_power_w") == 0.0
        assert truck.refrigerant.compressor_speed_rpm == 0.0


def test_a_hot_drive_loop_runs_the_fan_on_a_live_bus_but_not_on_a_dead_one() -> None:
    truck = ready("heavy_lfp", temp_degc=40.0)
    truck.circuit.low_temp_k = 345.0
    for closed, runs in ((True, True), (False, False)):
        truck.actuate(command(truck, closed=closed))
        for _ in range(20):
            truck.step(HOT, 1.0)
        assert (port(truck, "fan_power_w") > 10.0) == runs
        assert (truck.measure().fan_speed_rpm > 10.0) == runs


@pytest.mark.parametrize("name", ["heavy_lfp", "light_air"])
def test_a_sleeping_truck_draws_nothing(name: str) -> None:
    truck = ready(name)
    truck.actuate(command(truck, FULL, closed=False))
    truck.asleep = True
    before_j, _ = truck.stored_energies_j()
    for _ in range(60):
        truck.step(Surroundings(-10.0), 10.0)
        assert all(port(truck, load) == 0.0 for load in LOADS)
        assert port(truck, "pack_power_w") == 0.0
    assert truck.stored_energies_j()[0] == before_j
    assert truck.view()[6] < 25.0  # it has cooled


def test_an_awake_truck_at_rest_draws_its_standby_power_alone() -> None:
    truck = ready("heavy_lfp")
    truck.step(MILD, 1.0)
    assert port(truck, "pack_power_w") == pytest.approx(truck.parameters.standby_power_w, rel=1e-9)


def test_a_dead_bus_stops_the_drive() -> None:
    truck = ready("light_liquid")
    truck.actuate(command(truck, closed=False))
    truck.drive(steady(10.0))
    for _ in range(60):
        truck.step(MILD, 1.0)
    assert truck.speed_m_per_s == 0.0
    assert truck.vehicle[0].missed_distance_m > 100.0


def test_refused_regeneration_goes_to_the_friction_brakes() -> None:
    truck = ready("light_liquid")
    truck.drive(load_cycle("epa_udds").arrays())
    rubbed_j = 0.0
    for _ in range(400):
        truck.actuate(Command(contactor_close=(True,), discharge_power_max_w=AMPLE_W, regen_power_max_w=0.0))
        truck.step(MILD, 1.0)
        assert port(truck, "pack_power_w") > -1.0  # the drive knows the loads of the last tick
        rubbed_j += port(truck, "friction_brake_power_w")
    assert rubbed_j > 1e6


def test_a_load_beyond_the_rating_is_refused() -> None:
    truck = ready("light_air")
    with pytest.raises(ScenarioError, match="payload_kg = 100000: must be from 0 to 740"):
        truck.load(1e5)


# --- faults of the truck ---


def test_a_blocked_string_carries_nothing_and_the_others_take_its_share() -> None:
    whole, limping = driving("heavy_lfp"), ready("heavy_lfp")
    limping.switches.block(1)
    limping.drive(steady(15.0))
    for _ in range(120):
        limping.actuate(command(limping, ALL_ON))
        limping.step(HOT, 1.0)
    assert limping.state.string_current_a[1] == 0.0
    assert limping.measure().contactor_closed.tolist() == [True, False, True]
    for k in (0, 2):
        ratio = limping.state.string_current_a[k] / whole.state.string_current_a[k]
        assert 1.4 < ratio < 1.6
    assert port(limping, "traction_power_w") == pytest.approx(port(whole, "traction_power_w"), rel=1e-3)


def charged_hard(truck: Truck, seconds: int = 900) -> Truck:
    truck.plug(charger("mcs_1mw"))
    for _ in range(seconds):
        truck.actuate(command(truck, COOL, charge_a=900.0))
        truck.step(MILD, 1.0)
    return truck


def test_a_clogged_plate_makes_its_string_hotter() -> None:
    truck = ready("heavy_lfp", soc=0.3)
    truck.clog_plate(2, 20.0)
    charged_hard(truck)
    mean_k = truck.state.core_temp_k.mean(axis=1)
    assert mean_k[2] > mean_k[:2].max() + 0.3
    assert truck.state.string_flow_kg_per_s[2] < 0.2 * truck.state.string_flow_kg_per_s[0]


def test_a_plate_that_clogs_twice_is_clogged_more() -> None:
    truck = ready("heavy_lfp")
    truck.clog_plate(0, 2.0)
    truck.clog_plate(0, 3.0)
    assert truck.branches[0].tolist() == [6.0, 1.0, 1.0]


def test_a_lost_interface_makes_its_string_hotter() -> None:
    truck = ready("heavy_lfp", soc=0.3)
    truck.loosen_contact(0, 0.2)
    charged_hard(truck)
    mean_k = truck.state.core_temp_k.mean(axis=1)
    assert mean_k[0] > mean_k[1:].max() + 0.3


def test_a_weak_cell_has_the_lowest_voltage_under_load_and_is_empty_first() -> None:
    truck = ready("light_liquid", soc=0.5)
    middle = truck.state.soc.shape[1] // 2
    truck.weaken_cell(0, 0.6)
    truck.drive(steady(25.0))
    for _ in range(300):
        truck.actuate(command(truck))
        truck.step(MILD, 1.0)
    voltage_v, soc = truck.state.voltage_v[0], truck.state.soc[0]
    others = np.delete(np.arange(soc.size), middle)
    assert voltage_v[middle] < voltage_v[others].min() - 0.005
    assert soc[middle] < soc[others].min() - 0.005


def test_weakening_a_cell_moves_no_energy() -> None:
    truck = ready("light_liquid", soc=0.5)
    before_j = truck.stored_energies_j()
    truck.weaken_cell(0, 0.6)
    assert truck.stored_energies_j() == pytest.approx(before_j, rel=1e-12)


# --- the charger at the truck ---


def test_no_current_flows_before_the_handshake_is_over_and_then_it_rises_at_the_slew_rate() -> None:
    truck = ready("heavy_lfp")
    station = charger("ccs_350kw")
    truck.plug(station)
    fed_a = []
    for _ in range(60):
        truck.actuate(command(truck, charge_a=400.0))
        truck.step(MILD, 1.0)
        fed_a.append(port(truck, "charger_power_w") / truck.bus_voltage_v)
    start = next(i for i, current_a in enumerate(fed_a) if current_a > 0.0)
    assert start == pytest.approx(station.handshake_s, abs=1.0)
    steps_a = np.diff(fed_a[start - 1 : start + 15])
    assert steps_a == pytest.approx(np.full(15, station.slew_a_per_s), rel=1e-9)
    assert max(fed_a) == pytest.approx(400.0, rel=1e-9)


@pytest.mark.parametrize(
    ("truck_name", "station", "limit"),
    [
        ("heavy_lfp", "ccs_150kw", "power"),
        ("heavy_lfp", "ccs_350kw", "power"),
        ("heavy_lfp", "mcs_1mw", "power"),
        ("light_liquid", "ccs_350kw", "inlet"),
        ("light_air", "ccs_150kw", "inlet"),
        ("light_air", "ac_22kw", "power"),
    ],
)
def test_the_charger_gives_no_more_than_its_rating_and_the_inlet_allow(
    truck_name: str, station: str, limit: str
) -> None:
    truck = ready(truck_name, soc=0.3)
    rating = charger(station)
    truck.plug(rating)
    for _ in range(120):
        truck.actuate(command(truck, charge_a=5000.0))
        truck.step(MILD, 1.0)
    power_w = port(truck, "charger_power_w")
    current_a = power_w / truck.bus_voltage_v
    assert current_a <= truck.parameters.dc_current_max_a * (1.0 + 1e-9)
    if limit == "power":
        assert power_w == pytest.approx(rating.power_max_w, rel=5e-3)
    else:
        assert current_a == pytest.approx(truck.parameters.dc_current_max_a, rel=1e-9)
    measured = truck.measure()
    assert measured.plug_connected
    assert measured.charger_current_max_a == min(rating.current_max_a, truck.parameters.dc_current_max_a)


def test_unplugging_ends_offer_and_current() -> None:
    truck = ready("light_air")
    truck.plug(charger("ac_22kw"))
    truck.park()
    truck.actuate(command(truck, charge_a=50.0))
    truck.step(MILD, 1.0)
    measured = truck.measure()
    assert measured.vehicle_mode == VehicleMode.PARK
    assert not measured.plug_connected
    assert measured.charger_power_max_w == port(truck, "charger_power_w") == 0.0


def test_a_charger_feeds_no_dead_bus() -> None:
    truck = ready("light_air")
    truck.plug(charger("ac_22kw"))
    for _ in range(60):
        truck.actuate(command(truck, charge_a=50.0, closed=False))
        truck.step(MILD, 1.0)
    assert truck.measure().plug_connected
    assert port(truck, "charger_power_w") == 0.0


# --- what the sensors say, and repeatability ---


def test_a_measurement_has_the_shapes_of_the_pack() -> None:
    truck = Truck(load_truck("heavy_lfp"), soc=0.5, temp_degc=10.0)
    measured = truck.measure()
    assert measured.cell_voltage_v.shape == (3, 216)
    assert measured.cell_temp_degc.shape == (3, 24)
    assert measured.string_current_a.shape == measured.string_voltage_v.shape == (3,)
    assert measured.contactor_closed.dtype == np.bool_
    assert measured.bus_voltage_v == 0.0
    assert measured.string_voltage_v == pytest.approx(measured.cell_voltage_v.sum(axis=1), abs=0.1)
    assert measured.ambient_temp_degc == pytest.approx(10.0, abs=0.5)


def test_a_measurement_is_a_copy_that_the_next_step_leaves_alone() -> None:
    truck = driving("light_air", seconds=5)
    first = truck.measure()
    kept = [np.array(value) for value in values(first)]
    truck.step(HOT, 1.0)
    truck.measure()
    now = [np.array(value) for value in values(first)]
    assert all(np.array_equal(old, new, equal_nan=True) for old, new in zip(kept, now, strict=True))


def test_readings_are_whole_steps_and_scatter_about_the_truth() -> None:
    truck = Truck(load_truck("heavy_lfp"), soc=0.5, temp_degc=25.0)
    sensors = truck.parameters.sensors
    errors_v, errors_k, errors_a = [], [], []
    for _ in range(40):
        truck.step(MILD, 1.0)
        measured = truck.measure()
        for reading, step in (
            (measured.cell_voltage_v, sensors.cell_voltage_step_v),
            (measured.cell_temp_degc, sensors.cell_temp_step_k),
            (measured.string_current_a, sensors.current_step_a),
            (np.array(measured.coolant_inlet_temp_degc), sensors.coolant_temp_step_k),
        ):
            assert np.abs(reading / step - np.rint(reading / step)).max() < 1e-6
        errors_v.append(measured.cell_voltage_v - truck.state.voltage_v)
        errors_k.append(measured.cell_temp_degc - 25.0)
        errors_a.append(measured.string_current_a)
    for errors, noise, step in (
        (errors_v, sensors.cell_voltage_noise_v, sensors.cell_voltage_step_v),
        (errors_k, sensors.cell_temp_noise_k, sensors.cell_temp_step_k),
        (errors_a, sensors.current_noise_a, sensors.current_step_a),
    ):
        expected = math.sqrt(noise**2 + step**2 / 12.0)
        assert float(np.std(errors)) == pytest.approx(expected, rel=0.25)
        assert abs(float(np.mean(errors))) < 0.3 * expected


def test_a_cell_temperature_sensor_lags_behind_its_cell() -> None:
    truck = ready("light_air", temp_degc=20.0)
    for temperature_k in (truck.state.surface_temp_k, truck.state.core_temp_k, truck.state.wall_temp_k):
        temperature_k[:] = degc_to_k(40.0)
    tau_s = truck.parameters.pack.sensor_time_constant_s
    truck.step(Surroundings(40.0), tau_s)
    risen_k = float(truck.measure().cell_temp_degc.mean()) - 20.0
    assert risen_k == pytest.approx(20.0 * (1.0 - math.exp(-1.0)), abs=0.5)


def values(measurement: Measurement) -> list[FloatArray | float]:
    return [getattr(measurement, name) for name in Measurement.__slots__]


def trace(seed: int) -> list[bytes]:
    """Return every bit that a minute of driving leaves."""
    truck = ready("light_liquid", seed=seed)
    truck.drive(steady(15.0))
    bits = []
    for _ in range(60):
        truck.actuate(command(truck, ALL_ON))
        truck.step(HOT, 1.0)
        bits += [np.asarray(value).tobytes() for value in values(truck.measure())]
        bits += [truck.view().tobytes(), truck.ports.tobytes(), truck.state.soc.tobytes()]
    return bits


def test_the_same_seed_gives_the_same_bits_and_another_seed_does_not() -> None:
    assert trace(4) == trace(4)
    assert trace(4) != trace(5)


def test_the_seed_decides_spread_and_noise_separately_from_the_run() -> None:
    one, other = (Truck(load_truck("light_liquid"), soc=0.5, temp_degc=20.0, seed=s) for s in (1, 2))
    assert not np.array_equal(one.constants.capacity_as, other.constants.capacity_as)
    assert not np.array_equal(one.measure().cell_voltage_v, other.measure().cell_voltage_v)
    voltages_v = one.measure().cell_voltage_v
    assert np.array_equal(voltages_v, one.measure().cell_voltage_v)  # one instant has one reading
    one.step(Surroundings(20.0), 1.0)
    assert not np.array_equal(voltages_v, one.measure().cell_voltage_v)


def test_full_energy_is_mean_voltage_times_nameplate_charge() -> None:
    truck = Truck(load_truck("heavy_lfp"), soc=0.5, temp_degc=25.0)
    assert full_energy_j(truck.parameters, truck.cell) / 3.6e6 == pytest.approx(626.0, rel=0.05)
