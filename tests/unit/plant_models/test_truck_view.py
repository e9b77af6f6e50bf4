"""The row of truths: every value is that of the state it is named after."""

import numpy as np
import pytest

from plant_models.glycol import temperature_k
from plant_models.truck import Truck
from plant_models.truck_view import PER_STRING, VIEW, pack_extremes, truck_view
from tests.unit.plant_models.truck_days import MILD, command, ready, steady
from thermal_bms.signals import ThermalCommand, ValveMode
from thermal_bms.units import k_to_degc


@pytest.fixture(scope="module")
def truck() -> Truck:
    """A truck under way, with strings that differ."""
    made = ready("heavy_lfp")
    made.clog_plate(1, 4.0)
    made.drive(steady(15.0))
    for _ in range(100):
        made.actuate(command(made, ThermalCommand(0.7, 0.5, 0.8, 0.0, ValveMode.CHILLER)))
        made.step(MILD, 1.0)
    return made


def test_every_name_stands_for_its_value(truck: Truck) -> None:
    seen = dict(zip(VIEW, truck.view().tolist(), strict=False))
    state, circuit, vehicle = truck.state, truck.circuit, truck.vehicle[0]
    temp_degc = k_to_degc(state.core_temp_k)
    expected = {
        "soc": state.soc.mean(),
        "soc_min": state.soc.min(),
        "soc_max": state.soc.max(),
        "cell_voltage_min_v": state.voltage_v.min(),
        "cell_voltage_max_v": state.voltage_v.max(),
        "cell_temp_min_degc": temp_degc.min(),
        "cell_temp_mean_degc": temp_degc.mean(),
        "cell_temp_max_degc": temp_degc.max(),
        "housing_temp_degc": k_to_degc(state.housing_temp_k).mean(),
        "pack_current_a": state.string_current_a.sum(),
        "coolant_inlet_temp_degc": k_to_degc(float(circuit.supply_temp_k)),
        "coolant_outlet_temp_degc": k_to_degc(float(circuit.return_temp_k)),
        "coolant_flow_kg_per_s": circuit.mass_flow_kg_per_s,
        "drive_loop_temp_degc": k_to_degc(float(circuit.low_temp_k)),
        "suction_pressure_pa": truck.refrigerant.suction_pressure_pa,
        "discharge_pressure_pa": truck.refrigerant.discharge_pressure_pa,
        "compressor_speed_rpm": truck.refrigerant.compressor_speed_rpm,
        "vehicle_speed_m_per_s": vehicle.speed_m_per_s,
        "target_speed_m_per_s": vehicle.target_speed_m_per_s,
        "phase_distance_m": vehicle.position_m,
        "missed_distance_m": vehicle.missed_distance_m,
        "altitude_m": vehicle.altitude_m,
        "grade": vehicle.grade,
    }
    assert set(expected) == set(VIEW)
    assert seen == pytest.approx({name: float(value) for name, value in expected.items()}, rel=1e-12)
    assert seen["vehicle_speed_m_per_s"] > 10.0
    assert seen["coolant_flow_kg_per_s"] > 0.1


def test_every_string_has_its_own_values_behind_those_of_the_truck(truck: Truck) -> None:
    n_strings = truck.parameters.pack.n_strings
    strings = truck.view()[len(VIEW) :].reshape(len(PER_STRING), n_strings)
    outlet_k = [temperature_k(truck.medium[0], j) for j in truck.state.string_outlet_j_per_kg]
    assert strings[PER_STRING.index("string_current_a")] == pytest.approx(truck.state.string_current_a)
    assert strings[PER_STRING.index("string_soc")] == pytest.approx(truck.state.soc.mean(axis=1))
    outlet_degc = strings[PER_STRING.index("string_coolant_outlet_temp_degc")]
    assert outlet_degc == pytest.approx(k_to_degc(np.array(outlet_k)))
    assert len(set(outlet_degc)) == n_strings


def test_the_compiled_view_equals_the_plain_functions(truck: Truck) -> None:
    compiled, plain = np.zeros_like(truck.view()), np.zeros_like(truck.view())
    arguments = (truck.pack, truck.medium, truck._s, truck._chiller_s, truck.vehicle)
    truck_view(*arguments, compiled)
    truck_view.py_func(*arguments, plain)  # type: ignore[attr-defined]
    assert plain == pytest.approx(compiled, rel=1e-12)
    extremes = np.zeros(10)
    pack_extremes.py_func(truck.state, extremes)  # type: ignore[attr-defined]
    assert extremes == pytest.approx(compiled[:10], rel=1e-12)
