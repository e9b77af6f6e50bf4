"""A truck as a parameter set: loading, refusing, and what a controller is told."""

from pathlib import Path

import numpy as np
import pytest

from plant_models.air_path import AirPathParameters
from plant_models.cell import CellParameters, load_cell
from plant_models.coolant_loop import CoolantLoopParameters
from plant_models.truck_parameters import (
    DESCRIBED_TEMPS_DEGC,
    TRUCKS,
    TruckParameters,
    circuit_parameters,
    describe,
    load_truck,
    ratings,
    table_at_half_charge,
    truck_names,
)
from thermal_bms.errors import ConfigError


def test_the_library_has_the_three_weight_classes_and_both_kinds_of_cooling() -> None:
    trucks = [load_truck(name) for name in truck_names()]
    assert {truck.weight_class for truck in trucks} == {"heavy", "medium", "light"}
    assert {truck.cooling for truck in trucks} == {"liquid", "air"}
    assert len(trucks) >= 6


def test_an_unknown_truck_is_answered_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean heavy_lfp"):
        load_truck("heavy_lpf")


def test_a_truck_of_ones_own_is_read_from_its_file(tmp_path: Path) -> None:
    own = tmp_path / "mine.toml"
    own.write_text((TRUCKS / "light_air.toml").read_text().replace("Light van", "My van"))
    assert load_truck(str(own)).title.startswith("My van")


def test_changes_are_laid_over_the_file_table_by_table() -> None:
    plain = load_truck("heavy_lfp")
    changed = load_truck("heavy_lfp", {"pack": {"n_temp_sensors": 36}, "chiller": {"capacity_w": 20e3}})
    assert changed.pack == plain.pack.model_copy(update={"n_temp_sensors": 36})
    assert changed.chiller.capacity_w == 20e3
    assert changed.vehicle == plain.vehicle


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("light_air", {"cooling": "liquid"}, r'cooling = "liquid" needs a \[loop\] table'),
        ("heavy_lfp", {"cooling": "air"}, r'cooling = "air" an \[air\]'),
        ("heavy_lfp", {"air": {}}, r"and no \[air\]"),
        ("light_air", {"loop": {}}, r"and no \[loop\]"),
        ("heavy_lfp", {"pack": {"n_string": 3}}, r"pack.n_string: unknown key; did you mean n_strings\?"),
        ("heavy_lfp", {"pack": {"n_strings": 0}}, r"pack.n_strings = 0: must be >= 1 \(heavy_lfp.toml\)"),
        ("heavy_lfp", {"pack": {"n_temp_sensors": 300}}, r"n_temp_sensors = 300 must be <= n_series = 216"),
        ("heavy_lfp", {"pack": {"usable_soc": [0.9, 0.1]}}, r"usable_soc = \[0.9, 0.1\] must rise"),
        ("heavy_lfp", {"pack": {"usable_soc": [0.1, 1.5]}}, r"usable_soc = \[0.1, 1.5\] must rise within 0"),
        ("heavy_lfp", {"dc_current_max_a": float("nan")}, r"dc_current_max_a = nan: must be a finite number"),
        ("heavy_lfp", {"weight_class": "huge"}, r"weight_class = 'huge': must be 'heavy', 'medium' or"),
        ("heavy_lfp", {"source": []}, r"source: .*at least 1"),
    ],
)
def test_a_truck_that_does_not_hold_together_is_refused_in_one_line(
    name: str, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigError, match=message) as refused:
        load_truck(name, changes)
    assert "\n" not in str(refused.value)


def test_a_truck_without_its_cell_is_refused() -> None:
    truck = load_truck("heavy_lfp", {"cell": "lfp_303ah"})
    with pytest.raises(ConfigError, match="did you mean lfp_302ah"):
        describe(truck)


@pytest.fixture(params=truck_names())
def truck(request: pytest.FixtureRequest) -> TruckParameters:
    return load_truck(request.param)


def test_the_description_speaks_of_whole_groups_and_strings(truck: TruckParameters) -> None:
    cell, pack = load_cell(truck.cell), describe(truck).pack
    n = truck.pack.n_parallel
    assert (pack.n_strings, pack.n_series) == (truck.pack.n_strings, truck.pack.n_series)
    assert pack.capacity_ah == cell.capacity_ah * n
    assert pack.charge_current_max_a == cell.charge_current_max_a * n
    assert pack.discharge_current_max_a == cell.discharge_current_max_a * n
    assert pack.cell_voltage_max_v == cell.voltage_max_v
    assert pack.resistance_ohm[0] == pytest.approx(table_at_half_charge(cell, DESCRIBED_TEMPS_DEGC[0]) / n)
    assert all(np.diff(pack.resistance_ohm) < 0.0)


def test_the_description_tells_what_the_thermal_system_has(truck: TruckParameters) -> None:
    thermal = describe(truck).thermal
    assert thermal.cooling == truck.cooling
    assert thermal.chiller_capacity_w == truck.chiller.capacity_w
    assert thermal.heater_power_max_w == circuit_parameters(truck).heater.power_max_w > 0.0
    assert (thermal.coolant_flow_max_kg_per_s, thermal.radiator_conductance_w_per_k) == ratings(truck)
    loop = truck.loop
    assert thermal.has_waste_heat == (loop is not None and loop.waste_heat_conductance_w_per_k > 0.0)


def test_the_circuit_is_the_one_of_the_trucks_cooling(truck: TruckParameters) -> None:
    kind = CoolantLoopParameters if truck.cooling == "liquid" else AirPathParameters
    assert isinstance(circuit_parameters(truck), kind)


def test_more_strings_let_more_coolant_through() -> None:
    one = load_truck("heavy_lfp", {"pack": {"n_strings": 1}})
    assert ratings(load_truck("heavy_lfp"))[0] > 1.01 * ratings(one)[0]


def test_the_ten_second_resistance_is_that_of_both_branches(cell: CellParameters) -> None:
    middle = cell.circuit.soc.index(0.5)
    row = cell.circuit.temp_degc.index(25.0)
    circuit = cell.circuit
    expected = circuit.r0_discharge_ohm[row][middle]
    expected += circuit.r1_ohm[row][middle] * (1.0 - np.exp(-1.0))
    expected += circuit.r2_ohm[row][middle] * (1.0 - np.exp(-10.0 / 300.0))
    assert table_at_half_charge(cell, 25.0) == pytest.approx(expected, rel=1e-12)
    assert table_at_half_charge(cell, -20.0) > 3.0 * table_at_half_charge(cell, 25.0)
    assert table_at_half_charge(cell, 80.0) == table_at_half_charge(cell, 45.0)
