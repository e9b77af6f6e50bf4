"""The lumps told to a controller, against the plant they are lumps of."""

import numpy as np
import pytest

from controllers.actuation import ActuationSettings
from controllers.mpc.reduced_model import CHILL, HEATER, N_INPUTS, OUTSIDE, ReducedModel, Weather, build_model
from plant_models.chiller import chiller_record, chiller_step, new_chiller_state, sized_for
from plant_models.truck import Surroundings, Truck
from plant_models.truck_dynamics import chiller_lines, steady_point
from plant_models.truck_parameters import describe, load_truck, truck_names
from thermal_bms.signals import Command, ThermalCommand, ValveMode


@pytest.mark.parametrize(
    ("speed", "inlet_k", "ambient_k"), [(1.0, 298.15, 313.15), (0.5, 303.15, 308.15), (1.0, 291.15, 318.15)]
)
def test_the_steady_point_is_where_the_circuit_settles(
    speed: float, inlet_k: float, ambient_k: float
) -> None:
    p, table = chiller_record(sized_for(10e3))
    s = new_chiller_state(ambient_k, pressure_pa=7e5)
    for _ in range(1800):
        chiller_step(p[0], s[0], table, speed, inlet_k, 1176.0, ambient_k, 1150.0, 0.0, 298.15, 273.15, 1.0)
    heat_w, power_w = steady_point(p[0], table, speed, inlet_k, 1176.0, ambient_k, 1150.0)
    assert heat_w == pytest.approx(s[0].evaporator_heat_w, rel=0.02)
    assert power_w == pytest.approx(s[0].compressor_power_w, rel=0.02)


@pytest.mark.parametrize("name", truck_names())
def test_the_lines_follow_the_map(name: str) -> None:
    truck = load_truck(name)
    rate = 5000.0 if truck.cooling == "liquid" else 100.0
    lines = chiller_lines(truck, rate, 2.4)
    p, table = chiller_record(sized_for(truck.chiller.capacity_w))
    for inlet, ambient in ((18.0, 25.0), (25.0, 40.0), (32.0, 35.0)):
        air = 2.4 * 1.15 * 1006.0
        heat_w, power_w = steady_point(p[0], table, 1.0, inlet + 273.15, rate, ambient + 273.15, air)
        line_w = lines.heat_w * (
            1.0 + lines.heat_per_inlet_k * (inlet - 25.0) + lines.heat_per_ambient_k * (ambient - 40.0)
        )
        drawn_w = lines.power_w * (
            1.0 + lines.power_per_inlet_k * (inlet - 25.0) + lines.power_per_ambient_k * (ambient - 40.0)
        )
        assert line_w == pytest.approx(heat_w, rel=0.06)
        assert drawn_w == pytest.approx(power_w, rel=0.10)


def predicted_degc(
    model: ReducedModel, truck: Truck, shares: np.ndarray, ambient_degc: float, *, seconds: int
) -> float:
    """Return the mean cell temperature that the reduced model expects for a truck at rest."""
    start = float(truck.measure().cell_temp_degc.mean())
    cell = medium = np.array([start])
    by = Weather(
        np.zeros(1), np.array([ambient_degc]), np.zeros(1), np.zeros(1), start, -50.0, 1.0, 1.0, start
    )
    for _ in range(seconds // 10):
        s = model.slopes(cell, medium, shares[None, :], by)
        a, b = 1.0 - 10.0 * s.cell_by_cell, -10.0 * s.cell_by_medium
        c, d = -10.0 * s.medium_by_cell, 1.0 - 10.0 * s.medium_by_medium
        cell, medium = (
            cell + 10.0 * (d * s.cell - b * s.medium) / (a * d - b * c),
            medium + 10.0 * (a * s.medium - c * s.cell) / (a * d - b * c),
        )
    return float(cell[0])


@pytest.mark.parametrize(
    ("name", "start_degc", "ambient_degc", "command", "tolerance"),
    [
        ("heavy_nmc", 5.0, -5.0, ThermalCommand(1.0, 0.0, 0.0, 1.0, ValveMode.BYPASS), 0.20),
        ("heavy_nmc", 38.0, 35.0, ThermalCommand(0.8, 0.5, 0.5, 0.0, ValveMode.CHILLER), 0.20),
        ("medium_lfp", 35.0, 10.0, ThermalCommand(1.0, 1.0, 0.0, 0.0, ValveMode.RADIATOR), 0.20),
        ("light_air", 35.0, 10.0, ThermalCommand(1.0, 0.0, 0.0, 0.0, ValveMode.RADIATOR), 0.25),
    ],
)
def test_the_reduced_model_goes_where_the_plant_goes(
    name: str, start_degc: float, ambient_degc: float, command: ThermalCommand, tolerance: float
) -> None:
    parameters = load_truck(name)
    truck = Truck(parameters, soc=0.6, temp_degc=start_degc, payload_kg=0.0, seed=1)
    model = build_model(describe(parameters), ActuationSettings())
    shares = np.zeros(N_INPUTS)
    shares[HEATER] = command.heater_duty
    if command.valve_mode is ValveMode.CHILLER:
        shares[CHILL] = model.share_of_duty(command.compressor_duty)
    if command.valve_mode is ValveMode.RADIATOR:
        shares[OUTSIDE] = 1.0
    seconds = 1800
    expected = predicted_degc(model, truck, shares, ambient_degc, seconds=seconds)
    truck.asleep = False
    truck.actuate(Command(command, (True,) * parameters.pack.n_strings))
    for _ in range(seconds):
        truck.step(Surroundings(ambient_degc, 0.1, 0.0), 1.0)
    reached = float(truck.measure().cell_temp_degc.mean())
    assert abs(reached - start_degc) > 1.0
    assert expected - start_degc == pytest.approx(reached - start_degc, rel=tolerance)
