"""The pack's memory: tables, spread, energies as functions of state."""

import numpy as np
import pytest

from plant_models.cell import CellParameters
from plant_models.pack import (
    N_SOC,
    N_TEMP,
    SPREAD_CLIP,
    TEMP_LOW_K,
    TEMP_STEP_K,
    PackArrays,
    PackParameters,
    chemical_energy_j,
    circuit_tables,
    pack_arrays,
    pack_stored_heat_j,
    views,
)
from thermal_bms.units import FloatArray, degc_to_k

PACK = PackParameters(
    n_strings=4,
    n_series=100,
    n_parallel=4,
    n_temp_sensors=10,
    busbar_resistance_ohm=20e-6,
    interface_k_per_w=0.05,
    wall_heat_capacity_j_per_k=90.0,
    housing_heat_capacity_j_per_k=50e3,
    cell_to_housing_w_per_k=0.1,
    housing_to_ambient_w_per_k=5.0,
)


def arrays(cell: CellParameters, seed: int = 1, pack: PackParameters = PACK) -> PackArrays:
    return pack_arrays(
        pack,
        cell,
        np.random.default_rng(seed),
        soc=0.5,
        temp_k=300.0,
        coolant_mass_kg=8.0,
        coolant_j_per_kg=1e5,
    )


# --- tables ---


def test_tables_agree_with_the_cell_at_its_own_grid_points(cell: CellParameters) -> None:
    tables = circuit_tables(cell, 4, 1.0)
    circuit = cell.circuit
    for i, soc in enumerate(circuit.soc[:-1]):
        row = round(soc * (N_SOC - 1))
        assert tables.rest[row, 0] == pytest.approx(circuit.ocv_v[i], abs=1e-12)
        assert tables.rest[row, 2] == pytest.approx(circuit.entropic_v_per_k[i], abs=1e-12)
        for j, temp_degc in enumerate(circuit.temp_degc):
            k = round((degc_to_k(temp_degc) - TEMP_LOW_K) / TEMP_STEP_K)
            for direction, r0 in enumerate((circuit.r0_discharge_ohm, circuit.r0_charge_ohm)):
                found = tables.branch[direction, k, row]
                assert found[0] == pytest.approx(r0[j][i] / 4.0, rel=1e-9)
                assert found[1] == pytest.approx(circuit.r1_ohm[j][i] / 4.0, rel=1e-9)
                assert found[4] == pytest.approx(np.exp(-1.0 / circuit.tau2_s[j][i]), rel=1e-9)


def test_between_rows_resistance_follows_arrhenius_and_beyond_them_it_is_held(cell: CellParameters) -> None:
    tables = circuit_tables(cell, 1, 1.0)
    middle = N_SOC // 2
    low_k, high_k = degc_to_k(0.0), degc_to_k(25.0)
    for temp_degc in (5.0, 10.0, 15.0, 20.0):
        k = round((degc_to_k(temp_degc) - TEMP_LOW_K) / TEMP_STEP_K)
        share = (1.0 / low_k - 1.0 / degc_to_k(temp_degc)) / (1.0 / low_k - 1.0 / high_k)
        cold, warm = (cell.circuit.r0_discharge_ohm[row][10] for row in (1, 2))
        expected = cold * (warm / cold) ** share
        assert tables.branch[0, k, middle, 0] == pytest.approx(expected, rel=1e-9)
    assert tables.branch[0, 0, middle, 0] == tables.branch[0, 4, middle, 0]  # -40 as -20 degC
    assert tables.branch[0, N_TEMP - 1, middle, 0] == pytest.approx(
        tables.branch[0, 17, middle, 0], rel=1e-12
    )


@pytest.mark.parametrize("dt_s", [0.05, 1.0, 10.0])
def test_decay_factors_belong_to_the_step(cell: CellParameters, dt_s: float) -> None:
    decay = circuit_tables(cell, 1, dt_s).branch[0, :, :, 3]
    assert decay == pytest.approx(np.full_like(decay, np.exp(-dt_s / 10.0)), rel=1e-9)


def test_slopes_lead_from_one_row_to_the_next(cell: CellParameters) -> None:
    rest = circuit_tables(cell, 1, 1.0).rest
    width = 1.0 / rest.shape[0]
    for column in (0, 2):
        ends = rest[:-1, column] + width * rest[:-1, column + 1]
        assert ends == pytest.approx(rest[1:, column], abs=1e-12)


# --- spread ---


def relative(values: FloatArray) -> FloatArray:
    return np.asarray(values / values.mean() - 1.0)


@pytest.mark.parametrize(
    ("field", "setting"),
    [
        ("capacity_as", "capacity_spread"),
        ("resistance_factor", "resistance_spread"),
        ("core_to_wall_w_per_k", "contact_spread"),
    ],
)
def test_a_group_of_four_cells_spreads_half_as_much_as_one_cell(
    cell: CellParameters, field: str, setting: str
) -> None:
    one_cell = float(getattr(PACK, setting))
    constants, _, _ = views(arrays(cell))
    found = relative(getattr(constants, field))
    assert found.std() == pytest.approx(one_cell / 2.0, rel=0.15)
    assert np.abs(found).max() <= 1.1 * SPREAD_CLIP * one_cell / 2.0


def test_capacity_is_that_of_the_cells_in_parallel_and_its_inverse_stands_beside_it(
    cell: CellParameters,
) -> None:
    constants, _, _ = views(arrays(cell))
    assert constants.capacity_as.mean() == pytest.approx(cell.capacity_ah * 3600.0 * 4.0, rel=2e-3)
    assert constants.capacity_as * constants.per_capacity_as == pytest.approx(1.0, rel=1e-12)


def test_the_three_spreads_are_drawn_independently(cell: CellParameters) -> None:
    constants, _, _ = views(arrays(cell))
    draws = np.array(
        [
            relative(values).ravel()
            for values in (constants.capacity_as, constants.resistance_factor, constants.core_to_wall_w_per_k)
        ]
    )
    correlation = np.corrcoef(draws) - np.eye(3)
    assert np.abs(correlation).max() < 0.2


def test_the_same_seed_builds_the_same_pack_and_another_seed_another(cell: CellParameters) -> None:
    first, again, other = (arrays(cell, seed).group_constants for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.any(first == other)


def test_without_spread_all_groups_are_alike(cell: CellParameters) -> None:
    uniform = PACK.model_copy(
        update={"capacity_spread": 0.0, "resistance_spread": 0.0, "contact_spread": 0.0}
    )
    constants, _, _ = views(arrays(cell, pack=uniform))
    assert np.ptp(constants.capacity_as) == np.ptp(constants.core_to_wall_w_per_k) == 0.0
    assert np.all(constants.resistance_factor == 1.0)


# --- memory ---


def test_a_new_pack_rests_open_at_one_charge_and_temperature(cell: CellParameters) -> None:
    _, state, _ = views(arrays(cell))
    assert np.all(state.soc == 0.5)
    for temperature_k in (state.core_temp_k, state.surface_temp_k, state.wall_temp_k, state.housing_temp_k):
        assert np.all(temperature_k == 300.0)
    assert not state.string_closed.any()
    assert not state.rc1_v.any()


def test_views_name_every_part_of_the_memory_once(cell: CellParameters) -> None:
    memory = arrays(cell)
    for number, named in enumerate(views(memory)):
        for value, field in enumerate(named):
            if isinstance(field, np.ndarray):
                field[...] = 100.0 * number + value
    for number, named in enumerate(views(memory)):
        for value, field in enumerate(named):
            if isinstance(field, np.ndarray):
                assert np.all(field == 100.0 * number + value)
    compiled, plain = views(memory), views.py_func(memory)  # type: ignore[attr-defined]
    for one, other in zip(compiled, plain, strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


# --- energies ---


def test_chemical_energy_is_the_integral_of_the_open_circuit_voltage(cell: CellParameters) -> None:
    memory, tables = arrays(cell), circuit_tables(cell, 4, 1.0)
    constants, state, _ = views(memory)
    circuit = cell.circuit
    expected_j = 0.0
    for k, soc in enumerate((0.0, 0.237, 0.5, 1.0)):
        state.soc[k] = soc
        x = np.linspace(0.0, soc, 100_001)
        entropic = np.interp(x, circuit.soc, circuit.entropic_v_per_k)
        free_v = np.interp(x, circuit.soc, circuit.ocv_v) - constants.reference_temp_k * entropic
        expected_j += float(np.trapezoid(free_v, x)) * float(constants.capacity_as[k].sum())
    assert chemical_energy_j(tables, constants, state) == pytest.approx(expected_j, rel=1e-9)


def test_hysteresis_stores_half_m_q_over_gamma_times_its_square(cell: CellParameters) -> None:
    memory, tables = arrays(cell), circuit_tables(cell, 4, 1.0)
    constants, state, _ = views(memory)
    rest_j = chemical_energy_j(tables, constants, state)
    state.hysteresis[:] = -0.6
    stored_j = 0.5 * 0.01 / 50.0 * 0.36 * float(constants.capacity_as.sum())
    assert chemical_energy_j(tables, constants, state) - rest_j == pytest.approx(stored_j, rel=1e-6)


def test_chemical_energy_is_smooth_across_the_rows_of_the_table_and_beyond_the_ends(
    cell: CellParameters,
) -> None:
    memory, tables = arrays(cell), circuit_tables(cell, 4, 1.0)
    constants, state, _ = views(memory)
    charge_as = float(constants.capacity_as.sum())
    for soc in (-0.01, 0.0, 0.31, 0.5, 1.0, 1.01):
        energies_j = []
        for side in (-1e-7, 1e-7):
            state.soc[:] = soc + side
            energies_j.append(chemical_energy_j(tables, constants, state))
        slope_v = (energies_j[1] - energies_j[0]) / (2e-7 * charge_as)
        assert slope_v == pytest.approx(3.4, abs=0.8)
    plain = chemical_energy_j.py_func(tables, constants, state)  # type: ignore[attr-defined]
    assert chemical_energy_j(tables, constants, state) == pytest.approx(plain, rel=1e-12)


def test_stored_heat_grows_with_every_node_by_its_heat_capacity(cell: CellParameters) -> None:
    constants, state, _ = views(arrays(cell))
    before_j = pack_stored_heat_j(constants, state)
    n_groups = PACK.n_strings * PACK.n_series
    for field, per_unit, count in (
        (state.core_temp_k, 4.0 * 2.0 * 1000.0 * 0.9, n_groups),
        (state.surface_temp_k, 4.0 * 2.0 * 1000.0 * 0.1, n_groups),
        (state.wall_temp_k, 4.0 * 90.0, n_groups),
        (state.housing_temp_k, 50e3, PACK.n_strings),
        (state.coolant_j_per_kg, 8.0 / n_groups, n_groups),
    ):
        field[...] += 2.0
        after_j = pack_stored_heat_j(constants, state)
        assert after_j - before_j == pytest.approx(2.0 * per_unit * count, rel=1e-4)
        before_j = after_j
