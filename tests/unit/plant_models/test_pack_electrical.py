"""The electrical side of the pack against closed forms and its own state functions."""

import numpy as np
import pytest

from plant_models.cell import CellParameters
from plant_models.pack import (
    CircuitTables,
    PackConstants,
    PackParameters,
    PackState,
    PackWork,
    chemical_energy_j,
    circuit_tables,
    pack_arrays,
    views,
)
from plant_models.pack_electrical import pack_electrical_step

Pack = tuple[CircuitTables, PackConstants, PackState, PackWork]


def pack_parameters(**changes: float) -> PackParameters:
    values = {
        "n_strings": 3,
        "n_series": 8,
        "n_parallel": 2,
        "n_temp_sensors": 2,
        "busbar_resistance_ohm": 2e-5,
        "interface_k_per_w": 0.05,
        "wall_heat_capacity_j_per_k": 200.0,
        "housing_heat_capacity_j_per_k": 5e3,
        "cell_to_housing_w_per_k": 0.05,
        "housing_to_ambient_w_per_k": 0.5,
    }
    return PackParameters.model_validate(values | changes)


def build(cell: CellParameters, dt_s: float, soc: float = 0.6, **changes: float) -> Pack:
    parameters = pack_parameters(**changes)
    arrays = pack_arrays(
        parameters,
        cell,
        np.random.default_rng(7),
        soc=soc,
        temp_k=298.15,
        coolant_mass_kg=5.0,
        coolant_j_per_kg=0.0,
    )
    constants, state, work = views(arrays)
    state.string_closed[:] = 1.0
    return circuit_tables(cell, parameters.n_parallel, dt_s), constants, state, work


def test_the_pack_delivers_exactly_the_power_that_is_asked(cell: CellParameters) -> None:
    tables, constants, state, work = build(cell, 1.0)
    voltage = pack_electrical_step(tables, constants, state, work, 8000.0, 0.0, 1.0)
    assert voltage * state.string_current_a.sum() == pytest.approx(8000.0, rel=1e-12)


def test_work_and_heat_equal_the_loss_of_chemical_energy(cell: CellParameters) -> None:
    tables, constants, state, work = build(cell, 1.0)
    start = chemical_energy_j(tables, constants, state)
    rng = np.random.default_rng(3)
    out = flows = 0.0
    for power in rng.uniform(-20e3, 25e3, 2000):
        voltage = pack_electrical_step(tables, constants, state, work, power, 0.0, 1.0)
        terminal = voltage * state.string_current_a.sum()
        heat = state.heat_w.sum() + state.busbar_heat_w.sum()
        out += terminal + heat
        flows += abs(terminal) + abs(heat)
    lost = start - chemical_energy_j(tables, constants, state)
    assert abs(out - lost) / flows < 1e-7


def test_a_charger_current_goes_into_the_strings(cell: CellParameters) -> None:
    tables, constants, state, work = build(cell, 1.0)
    pack_electrical_step(tables, constants, state, work, 0.0, 90.0, 1.0)
    assert state.string_current_a.sum() == pytest.approx(-90.0, rel=1e-9)
    assert np.all(state.soc > 0.6)


def test_an_open_string_carries_no_current_and_the_others_take_its_share(cell: CellParameters) -> None:
    tables, constants, state, work = build(cell, 1.0)
    state.string_closed[1] = 0.0
    voltage = pack_electrical_step(tables, constants, state, work, 8000.0, 0.0, 1.0)
    assert state.string_current_a[1] == 0.0
    assert voltage * (state.string_current_a[0] + state.string_current_a[2]) == pytest.approx(8000.0)


def test_no_closed_string_means_a_dead_bus(cell: CellParameters) -> None:
    tables, constants, state, work = build(cell, 1.0)
    state.string_closed[:] = 0.0
    assert pack_electrical_step(tables, constants, state, work, 8000.0, 0.0, 1.0) == 0.0
    assert np.all(state.string_current_a == 0.0)


def test_more_power_than_the_pack_has_is_cut_to_its_maximum(cell: CellParameters) -> None:
    tables, constants, state, work = build(cell, 1.0)
    voltage = pack_electrical_step(tables, constants, state, work, 1e9, 0.0, 1.0)
    assert voltage == pytest.approx(0.5 * work.string_source_v.mean(), rel=0.01)


def test_a_constant_current_step_relaxes_as_the_two_branches_say(cell: CellParameters) -> None:
    tables, constants, state, work = build(
        cell,
        1.0,
        n_strings=1,
        n_parallel=1,
        capacity_spread=0.0,
        resistance_spread=0.0,
        busbar_resistance_ohm=0.0,
    )
    for _ in range(60):
        pack_electrical_step(tables, constants, state, work, 0.0, 50.0, 1.0)
    resistance = 0.2e-3 * (1.0 + 0.5 * np.exp(-0.6 / 0.05))
    assert state.rc1_v[0, 0] == pytest.approx(-50.0 * resistance * (1.0 - np.exp(-60.0 / 10.0)), rel=1e-3)
    assert state.rc2_v[0, 0] == pytest.approx(-50.0 * resistance * (1.0 - np.exp(-60.0 / 300.0)), rel=1e-3)


def test_irreversible_heat_is_never_negative_once_the_branches_follow_the_current(
    cell: CellParameters,
) -> None:
    tables, constants, state, work = build(cell, 1.0)
    for power in (10e3, -10e3, 300.0, -300.0):
        for _ in range(30):
            pack_electrical_step(tables, constants, state, work, power, 0.0, 1.0)
        current = state.string_current_a[:, None]
        reversible = -current * state.core_temp_k * work.entropic
        assert np.all(state.heat_w - reversible > -1e-4 * abs(power))


def test_the_compiled_step_equals_the_plain_function(cell: CellParameters) -> None:
    compiled = build(cell, 1.0)
    plain = build(cell, 1.0)
    v_compiled = pack_electrical_step(*compiled, 5000.0, 0.0, 1.0)
    v_plain = pack_electrical_step.py_func(*plain, 5000.0, 0.0, 1.0)  # type: ignore[attr-defined]
    assert v_compiled == pytest.approx(v_plain, rel=1e-13)
    np.testing.assert_allclose(compiled[2].voltage_v, plain[2].voltage_v, rtol=1e-13)


def test_one_second_steps_agree_with_fine_steps(cell: CellParameters) -> None:
    coarse = build(cell, 1.0)
    fine = build(cell, 0.05)
    rng = np.random.default_rng(5)
    worst_v = 0.0
    for current in rng.uniform(0.0, 300.0, 300):
        pack_electrical_step(*coarse, 0.0, current, 1.0)
        for _ in range(20):
            pack_electrical_step(*fine, 0.0, current, 0.05)
        worst_v = max(worst_v, float(np.max(np.abs(coarse[2].voltage_v - fine[2].voltage_v))))
    assert worst_v < 1e-3
