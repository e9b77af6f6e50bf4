"""The stack of cells against closed forms, a reference solver and its own energy book."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from plant_models.cell import CellParameters, load_cell
from plant_models.runaway_parameters import RunawayParameters, load_runaway
from plant_models.runaway_stack import (
    CHARGE_HEAT_J,
    CHARGE_IS_HERE,
    CHARGE_J,
    COLLAPSED,
    FIRST,
    MASS,
    N_TOTALS,
    REACTION_J,
    RUNAWAY,
    SHORTED,
    STEPS,
    TEMP,
    VENT_J,
    VENT_KG,
    VENTED,
    Stack,
    cell_numbers,
    decay_rate_per_s,
    new_nodes,
    own_heat_w,
    reaction_table,
    slice_link_w_per_k,
    stack_step,
    substep_s,
)
from thermal_bms.units import FloatArray

N_SLICES = 4


@pytest.fixture(scope="module")
def runaway() -> RunawayParameters:
    return load_runaway("nmc")


def stack_of(
    runaway: RunawayParameters, cell: CellParameters, temp_k: list[float], n_parallel: int = 1
) -> Stack:
    p = cell_numbers(runaway, cell, n_slices=N_SLICES, n_parallel=n_parallel, body_fraction=0.9)
    reactions = reaction_table(runaway, float(p[0].slice_mass_kg), 0.9)
    nodes = new_nodes(runaway, p[0], np.array(temp_k), N_SLICES)
    n = nodes.shape[1]
    link = np.full(n - 1, slice_link_w_per_k(cell, N_SLICES))
    return Stack(p, reactions, nodes, np.zeros((3, len(temp_k))), link, np.zeros(n))


def heat_j(stack: Stack) -> float:
    return float(stack.p[0].specific_heat_j_per_kgk * (stack.nodes[MASS] @ stack.nodes[TEMP]))


def run(stack: Stack, dt_s: float, n_steps: int = 1, exchange: FloatArray | None = None) -> FloatArray:
    total, part = np.zeros(N_TOTALS), np.zeros(N_TOTALS)
    groups = stack.nodes.shape[1] // int(stack.p[0].group_slices)
    for _ in range(n_steps):
        stack_step(stack, np.zeros(groups) if exchange is None else exchange, 300.0, dt_s, part)
        total += part
        for c in np.flatnonzero(stack.cells[SHORTED] == COLLAPSED):
            stack.cells[SHORTED, c] = CHARGE_IS_HERE
            stack.nodes[CHARGE_J, c * N_SLICES : (c + 1) * N_SLICES] = 2e5
    return total


def test_cold_cells_do_nothing_but_conduct_to_their_mean(
    runaway: RunawayParameters, cell: CellParameters
) -> None:
    stack = stack_of(runaway, cell, [290.0, 310.0])
    total = run(stack, 100.0, 4000)
    assert total[[REACTION_J, CHARGE_HEAT_J, VENT_J, VENT_KG]] == pytest.approx(0.0, abs=1e-9)
    assert stack.nodes[TEMP] == pytest.approx(np.full(2 * N_SLICES, 300.0), abs=1e-6)


def test_heat_and_mass_are_accounted_for_through_a_whole_runaway(
    runaway: RunawayParameters, cell: CellParameters
) -> None:
    stack = stack_of(runaway, cell, [500.0, 310.0, 300.0])
    stack.power_w[:] = 5.0
    before_j, before_kg = heat_j(stack), float(stack.nodes[MASS].sum())
    total = run(stack, 1.0, 900)
    given_j = total[REACTION_J] + total[CHARGE_HEAT_J] + 5.0 * 3 * N_SLICES * 900.0
    assert total[CHARGE_HEAT_J] > 0.0
    assert heat_j(stack) - before_j == pytest.approx(given_j - total[VENT_J], rel=1e-9)
    assert before_kg - float(stack.nodes[MASS].sum()) == pytest.approx(total[VENT_KG], rel=1e-9)


def test_the_hotter_of_parallel_cells_gives_more_and_the_sum_is_nought(
    runaway: RunawayParameters, cell: CellParameters
) -> None:
    stack = stack_of(runaway, cell, [310.0, 300.0], n_parallel=2)
    stack.link_w_per_k[:] = 0.0
    before_j = heat_j(stack)
    run(stack, 10.0, 30, exchange=np.array([0.5]))
    assert stack.nodes[TEMP, 0] < 309.0
    assert stack.nodes[TEMP, -1] > 301.0
    assert heat_j(stack) == pytest.approx(before_j, rel=1e-12)


@pytest.mark.parametrize("dt_s", [0.1, 1.0, 10.0, 60.0])
def test_the_length_of_a_tick_hardly_moves_the_end_of_a_runaway(
    dt_s: float, runaway: RunawayParameters, cell: CellParameters
) -> None:
    stack, fine = stack_of(runaway, cell, [470.0]), stack_of(runaway, cell, [470.0])
    for one in (stack, fine):
        one.cells[SHORTED] = CHARGE_IS_HERE
        one.nodes[CHARGE_J] = 1e5
    run(stack, dt_s, round(600.0 / dt_s))
    run(fine, 0.05, 12000)
    assert stack.nodes[TEMP].mean() == pytest.approx(fine.nodes[TEMP].mean(), abs=2.0)


def test_substeps_follow_a_reference_solver_into_the_runaway(
    runaway: RunawayParameters, cell: CellParameters
) -> None:
    start_k, end_s = 443.15, 240.0
    stack = stack_of(runaway, cell, [start_k])
    stack.p[0].open_k = stack.p[0].collapse_k = 1e4  # neither vent nor short: reactions alone
    numbers = stack.p[0]
    capacity = float(numbers.slice_mass_kg * numbers.specific_heat_j_per_kgk)
    table = stack.reactions

    def slope(_: float, y: FloatArray) -> FloatArray:
        rates = np.array(
            [y[1 + r] * decay_rate_per_s.py_func(table, r, y[0], y[1 + r]) for r in range(len(table))]  # type: ignore[attr-defined]
        )
        return np.concatenate(([rates @ table[:, 2] / capacity], -rates))

    y0 = np.concatenate(([start_k], stack.nodes[FIRST:, 0]))
    solution = solve_ivp(slope, (0.0, end_s), y0, method="LSODA", rtol=1e-8, atol=1e-10)
    run(stack, 1.0, round(end_s))
    assert solution.y[0, -1] > start_k + 15.0
    assert stack.nodes[TEMP].mean() == pytest.approx(solution.y[0, -1], abs=0.3)


def test_the_compiled_step_is_the_plain_one(runaway: RunawayParameters, cell: CellParameters) -> None:
    stack = stack_of(runaway, cell, [480.0])
    plain = own_heat_w.py_func(stack.p[0], stack.reactions, stack.nodes, 0)  # type: ignore[attr-defined]
    assert own_heat_w(stack.p[0], stack.reactions, stack.nodes, 0) == pytest.approx(plain, rel=1e-12)
    arguments = (stack.p[0], stack.reactions, stack.nodes, stack.cells, stack.power_w, 1.0)
    assert substep_s(*arguments) == pytest.approx(substep_s.py_func(*arguments), rel=1e-12)  # type: ignore[attr-defined]


def test_a_reaction_rests_below_its_start_and_with_nothing_left(runaway: RunawayParameters) -> None:
    reactions = reaction_table(runaway, 0.1, 1.0)
    names = [reaction.name for reaction in runaway.reaction]
    electrolyte = names.index("electrolyte")
    assert decay_rate_per_s(reactions, electrolyte, 400.0, 1.0) == 0.0
    assert decay_rate_per_s(reactions, electrolyte, 450.0, 0.0) == 0.0
    assert decay_rate_per_s(reactions, electrolyte, 450.0, 1.0) == pytest.approx(
        3e15 * np.exp(-170000.0 / 8.314462618 / 450.0), rel=1e-9
    )


def test_what_has_reacted_inhibits_the_anode_and_speeds_the_cathode(runaway: RunawayParameters) -> None:
    reactions = reaction_table(runaway, 0.1, 1.0)
    names = [reaction.name for reaction in runaway.reaction]
    anode, cathode = names.index("anode"), names.index("cathode_1")
    fresh, used = (
        decay_rate_per_s(reactions, anode, 450.0, 0.75),
        decay_rate_per_s(reactions, anode, 450.0, 0.70),
    )
    assert used / fresh == pytest.approx(np.exp(-0.05 / 0.033), rel=1e-9)
    assert decay_rate_per_s(reactions, cathode, 480.0, 0.5) > 100.0 * decay_rate_per_s(
        reactions, cathode, 480.0, 0.999
    )


def test_vent_runaway_and_short_are_marked_in_the_cell_that_is_hot(
    runaway: RunawayParameters, cell: CellParameters
) -> None:
    stack = stack_of(runaway, cell, [300.0, 540.0])
    run(stack, 1.0)
    assert stack.cells[[VENTED, SHORTED, RUNAWAY], 0].tolist() == [0.0, 0.0, 0.0]
    assert (stack.cells[[VENTED, SHORTED, RUNAWAY], 1] > 0.0).all()


def test_a_quiet_stack_takes_whole_seconds(runaway: RunawayParameters, cell: CellParameters) -> None:
    stack = stack_of(runaway, cell, [300.0, 301.0])
    assert run(stack, 10.0)[STEPS] == pytest.approx(10.0)


def test_the_slices_of_a_cell_conduct_as_its_layers() -> None:
    lfp = load_cell("lfp_302ah")  # 0.52 W/mK through 71 mm, 173 mm x 207 mm
    whole_w_per_k = slice_link_w_per_k(lfp, 12) / 12
    assert whole_w_per_k == pytest.approx(0.52 * 0.173 * 0.207 / 0.071, rel=0.01)
