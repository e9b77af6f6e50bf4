import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.plant_models.spme_cells import NAMES, bench

RATES = st.lists(st.floats(min_value=-1.0, max_value=2.0), min_size=3, max_size=12)
TEMPS_K = st.floats(min_value=263.15, max_value=323.15)


@pytest.mark.parametrize("name", NAMES)
@given(rates=RATES, temp_k=TEMPS_K, dt_s=st.sampled_from([0.1, 1.0, 10.0]))
@settings(max_examples=30, deadline=None)
def test_terminal_work_and_heat_are_what_the_stored_energy_loses(
    name: str, rates: list[float], temp_k: float, dt_s: float
) -> None:
    on = bench(name, "oregan2022", temp_k=temp_k, n_cells=2)
    work, shown = on.cells.work, on.cells.shown
    start_j = shown.energy_j.copy()
    spent_j = np.zeros(2)
    moved_j = 0.0
    for rate in rates:
        current_a = np.full(2, 5.0 * rate)
        on.foresee(0.9 * current_a + 0.1, dt_s)
        on.advance(on.tables, on.constants, on.cells, on.temp_k, current_a, dt_s)
        power_w = current_a * (work.source_v - work.resistance_ohm * current_a)
        spent_j += (power_w + shown.heat_w) * dt_s
        moved_j += float(np.abs(power_w).max()) * dt_s
    assert start_j - shown.energy_j == pytest.approx(spent_j, abs=1e-9 * (moved_j + 1e3))


@pytest.mark.parametrize("name", NAMES)
@given(rates=RATES, temp_k=TEMPS_K, dt_s=st.sampled_from([0.1, 1.0, 10.0]))
@settings(max_examples=30, deadline=None)
def test_lithium_and_salt_are_conserved(name: str, rates: list[float], temp_k: float, dt_s: float) -> None:
    on = bench(name, "okane2022", temp_k=temp_k, n_cells=2)
    mesh, state, p = on.cells.mesh, on.cells.state, on.constants
    particles = 40 if name == "reference" else 10

    def charges() -> tuple[float, float, float]:
        if name == "reference":
            negative = float((mesh.shell_energy[:, np.newaxis] * state[:20]).sum(axis=0)[0])
            positive = float((mesh.shell_energy[:, np.newaxis] * state[20:40]).sum(axis=0)[0])
        else:
            negative, positive = float(state[0, 0]), float(state[5, 0])
        return negative, positive, float((mesh.volume_m @ state[particles:])[0])

    before = charges()
    charge = 0.0
    for rate in rates:
        current_a = np.full(2, 5.0 * rate)
        on.step(current_a, dt_s)
        charge += 5.0 * rate * dt_s / on.cell.electrode_area_m2
    after = charges()
    assert before[0] - after[0] == pytest.approx(charge / p.charge_n_c_per_m2, abs=1e-10)
    assert after[1] - before[1] == pytest.approx(charge / p.charge_p_c_per_m2, abs=1e-10)
    assert after[2] == pytest.approx(before[2], rel=1e-11)


@pytest.mark.parametrize("name", NAMES)
@given(rate=st.floats(min_value=0.05, max_value=2.0), temp_k=TEMPS_K)
@settings(max_examples=30, deadline=None)
def test_discharge_lowers_and_charge_raises_the_voltage_and_both_lose(
    name: str, rate: float, temp_k: float
) -> None:
    rest_v = float(bench(name, temp_k=temp_k).cells.shown.voltage_v[0])
    for sign in (1.0, -1.0):
        on = bench(name, temp_k=temp_k)
        for _ in range(5):
            on.step(np.full(3, sign * 5.0 * rate))
        assert sign * (rest_v - float(on.cells.shown.voltage_v[0])) > 0.0
        assert float(on.cells.shown.heat_w[0]) > 0.0
