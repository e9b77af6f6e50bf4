"""The thermal side of the pack: books that close, closed forms, and stability."""

import numpy as np
import pytest

from plant_models.cell import CellParameters
from plant_models.glycol import enthalpy, glycol_record, temperature_k
from plant_models.pack import (
    PackConstants,
    PackParameters,
    PackState,
    PackWork,
    pack_arrays,
    pack_stored_heat_j,
    views,
)
from plant_models.pack_thermal import back_substitute, eliminate

MEDIUM = glycol_record()[0]


def pack_parameters(**changes: float) -> PackParameters:
    values = {
        "n_strings": 2,
        "n_series": 12,
        "n_parallel": 1,
        "n_temp_sensors": 2,
        "busbar_resistance_ohm": 0.0,
        "interface_k_per_w": 0.05,
        "wall_heat_capacity_j_per_k": 200.0,
        "housing_heat_capacity_j_per_k": 5e3,
        "cell_to_housing_w_per_k": 0.05,
        "housing_to_ambient_w_per_k": 0.5,
    }
    return PackParameters.model_validate(values | changes)


def build(
    cell: CellParameters, temp_k: float = 298.15, flow_kg_per_s: float = 0.1, **changes: float
) -> tuple[PackConstants, PackState, PackWork]:
    parameters = pack_parameters(**changes)
    constants, state, work = views(
        pack_arrays(
            parameters,
            cell,
            np.random.default_rng(1),
            soc=0.5,
            temp_k=temp_k,
            coolant_mass_kg=4.0,
            coolant_j_per_kg=enthalpy(MEDIUM, temp_k),
        )
    )
    state.string_flow_kg_per_s[:] = flow_kg_per_s
    return constants, state, work


def step(
    pack: tuple[PackConstants, PackState, PackWork],
    inlet_k: float,
    ambient_k: float,
    dt_s: float,
    wall_w_per_k: float = 3.0,
) -> float:
    """Advance all strings and return the heat carried out by coolant and lost by the housing [J]."""
    constants, state, work = pack
    inlet = enthalpy(MEDIUM, inlet_k)
    out_j = 0.0
    for k in range(state.soc.shape[0]):
        eliminate(constants, state, work, MEDIUM, k, wall_w_per_k, dt_s)
        back_substitute(constants, state, work, k, wall_w_per_k, inlet, ambient_k, dt_s)
        flow = state.string_flow_kg_per_s[k]
        out_j += dt_s * (flow * (state.string_outlet_j_per_kg[k] - inlet) + state.string_housing_loss_w[k])
    return out_j


@pytest.mark.parametrize("flow_kg_per_s", [0.0, 1e-6, 0.1, 2.0])
@pytest.mark.parametrize("dt_s", [0.1, 1.0, 10.0])
def test_heat_in_equals_heat_out_plus_heat_stored(
    cell: CellParameters, flow_kg_per_s: float, dt_s: float
) -> None:
    pack = build(cell, flow_kg_per_s=flow_kg_per_s)
    constants, state, _ = pack
    state.heat_w[:] = np.random.default_rng(2).uniform(0.0, 60.0, state.heat_w.shape)
    before = pack_stored_heat_j(constants, state)
    out_j = sum(step(pack, 288.15, 310.0, dt_s) for _ in range(200))
    in_j = 200 * dt_s * state.heat_w.sum()
    stored_j = pack_stored_heat_j(constants, state) - before
    assert abs(in_j - out_j - stored_j) < 1e-9 * (in_j + abs(out_j) + abs(stored_j)) + 1e-4


def test_the_last_group_is_warmer_than_the_first(cell: CellParameters) -> None:
    pack = build(cell, contact_spread=0.0)
    pack[1].heat_w[:] = 30.0
    for _ in range(3000):
        step(pack, 298.15, 298.15, 1.0)
    core = pack[1].core_temp_k[0]
    assert np.all(np.diff(core) > 0.0)


def test_the_steady_state_is_the_closed_form(cell: CellParameters) -> None:
    pack = build(cell, n_strings=1, contact_spread=0.0, cell_to_housing_w_per_k=0.0, flow_kg_per_s=0.05)
    constants, state, _ = pack
    state.heat_w[:] = 20.0
    for _ in range(4000):
        step(pack, 298.15, 298.15, 10.0)
    inlet = enthalpy(MEDIUM, 298.15)
    for i in range(state.soc.shape[1]):
        coolant_k = temperature_k(MEDIUM, inlet + 20.0 * (i + 1) / 0.05)
        wall_k = coolant_k + 20.0 / 3.0
        assert state.core_temp_k[0, i] == pytest.approx(
            wall_k + 20.0 / constants.core_to_wall_w_per_k[0, i], abs=1e-6
        )


def test_heat_flows_from_hot_to_cold_only(cell: CellParameters) -> None:
    pack = build(cell, temp_k=320.0)
    state = pack[1]
    for _ in range(2000):
        step(pack, 290.0, 290.0, 1.0)
        temps = np.concatenate(
            [
                state.core_temp_k.ravel(),
                state.wall_temp_k.ravel(),
                state.surface_temp_k.ravel(),
                state.housing_temp_k,
            ]
        )
        assert temps.min() >= 290.0 - 1e-9
        assert temps.max() <= 320.0 + 1e-9


def test_standing_coolant_keeps_the_books_and_stays_finite(cell: CellParameters) -> None:
    pack = build(cell, flow_kg_per_s=0.0)
    pack[1].heat_w[:] = 100.0
    for _ in range(1000):
        step(pack, 298.15, 298.15, 10.0)
    assert np.all(np.isfinite(pack[1].core_temp_k))
    assert np.all(np.isfinite(pack[1].coolant_j_per_kg))


def test_the_compiled_solution_equals_the_plain_functions(cell: CellParameters) -> None:
    compiled = build(cell)
    plain = build(cell)
    for pack in (compiled, plain):
        pack[1].heat_w[:] = 25.0
    inlet = enthalpy(MEDIUM, 290.0)
    constants, state, work = plain
    for k in range(2):
        eliminate.py_func(constants, state, work, MEDIUM, k, 3.0, 1.0)  # type: ignore[attr-defined]
        back_substitute.py_func(constants, state, work, k, 3.0, inlet, 300.0, 1.0)  # type: ignore[attr-defined]
    step(compiled, 290.0, 300.0, 1.0)
    np.testing.assert_allclose(compiled[1].core_temp_k, state.core_temp_k, rtol=1e-13)
    np.testing.assert_allclose(compiled[1].coolant_j_per_kg, state.coolant_j_per_kg, rtol=1e-12)
