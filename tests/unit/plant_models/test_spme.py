import numpy as np
import pytest

from plant_models.spme import overpotential_v
from tests.unit.plant_models.spme_cells import NAMES, bench

ONE_C_A = 5.0


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("temp_k", [268.15, 298.15])
def test_voltage_of_a_step_is_the_linear_one_near_its_guess(name: str, temp_k: float) -> None:
    on = bench(name, temp_k=temp_k)
    for _ in range(30):
        on.step(np.full(3, ONE_C_A))
    on.foresee(np.full(3, ONE_C_A))
    work = on.cells.work
    linear = work.source_v - work.resistance_ohm * (1.02 * ONE_C_A)
    on.foresee(np.full(3, 1.02 * ONE_C_A))
    exact = work.source_v - work.resistance_ohm * (1.02 * ONE_C_A)
    assert linear == pytest.approx(exact, abs=0.1e-3)
    assert np.all(work.resistance_ohm > 0.0)


@pytest.mark.parametrize("name", NAMES)
def test_mean_voltage_of_a_long_step_lies_between_its_ends_or_at_one(name: str) -> None:
    on = bench(name)
    on.step(np.full(3, ONE_C_A))
    before = on.cells.shown.voltage_v.copy()
    on.step(np.full(3, ONE_C_A), 20.0)
    mean = on.cells.work.source_v - on.cells.work.resistance_ohm * ONE_C_A
    after = on.cells.shown.voltage_v
    assert np.all(mean <= before + 1e-3)
    assert np.all(mean >= after - 1e-3)


@pytest.mark.parametrize("name", NAMES)
def test_the_shown_voltage_is_the_sum_of_its_parts(name: str) -> None:
    on = bench(name, "oregan2022", temp_k=288.15)
    on.step(np.full(3, ONE_C_A))
    shown = on.cells.shown
    rest = shown.voltage_v + shown.negative_overpotential_v + shown.positive_overpotential_v
    open_v = rest - shown.concentration_v + shown.ohmic_v
    assert np.all(shown.negative_overpotential_v > 0.0)
    assert np.all(shown.positive_overpotential_v > 0.0)
    assert np.all(shown.concentration_v < 0.0)
    assert open_v == pytest.approx(np.full(3, open_v[0]))
    assert 3.5 < open_v[0] < 4.1


@pytest.mark.parametrize("name", NAMES)
def test_heats_add_up_and_each_loss_warms(name: str) -> None:
    on = bench(name, "oregan2022")
    for _ in range(60):
        on.step(np.full(3, -ONE_C_A))
    shown = on.cells.shown
    total = shown.heat_ohmic_w + shown.heat_kinetic_w + shown.heat_reversible_w + shown.heat_mixing_w
    assert shown.heat_w == pytest.approx(total, rel=1e-12)
    assert np.all(shown.heat_ohmic_w > 0.0)
    assert np.all(shown.heat_kinetic_w > 0.0)
    assert np.all(shown.heat_mixing_w > 0.0)


@pytest.mark.parametrize("name", NAMES)
def test_charging_colder_brings_the_anode_closer_to_plating(name: str) -> None:
    margins = []
    for temp_k in (278.15, 288.15, 298.15):
        on = bench(name, "okane2022", soc=0.5, temp_k=temp_k)
        for _ in range(120):
            on.step(np.full(3, -ONE_C_A))
        margins.append(float(on.cells.shown.anode_potential_v[0]))
    assert margins[0] < margins[1] < margins[2]
    assert margins[0] < 0.030


@pytest.mark.parametrize("name", NAMES)
def test_twice_the_electrode_area_at_twice_the_current_is_the_same_cell(name: str) -> None:
    single, double = bench(name), bench(name)
    work, shown = double.cells.work, double.cells.shown
    for array, factor in ((work.area_m2, 2.0), (shown.energy_j, 2.0), (work.electrolyte_ohm, 0.5)):
        np.multiply(array, factor, out=array)
    for _ in range(20):
        single.step(np.full(3, ONE_C_A))
        double.step(np.full(3, 2.0 * ONE_C_A))
    assert double.cells.shown.voltage_v == pytest.approx(single.cells.shown.voltage_v, rel=1e-12)
    assert double.cells.shown.heat_w == pytest.approx(2.0 * single.cells.shown.heat_w, rel=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_an_emptied_cell_stays_finite_while_its_voltage_collapses(name: str) -> None:
    on = bench(name, soc=0.01)
    for _ in range(120):
        on.step(np.full(3, 2.0 * ONE_C_A))
    assert np.isfinite(on.cells.state).all()
    assert np.isfinite(on.cells.shown.voltage_v).all()
    assert on.cells.shown.voltage_v[0] < 2.5


@pytest.mark.parametrize("name", NAMES)
def test_the_lfp_cell_discharges_on_its_plateau(name: str) -> None:
    on = bench(name, "prada2013", soc=0.8)
    for _ in range(900):
        on.step(np.full(3, 2.3))
    assert 3.0 < on.cells.shown.voltage_v[0] < 3.35
    assert on.cells.shown.heat_reversible_w[0] != 0.0


def test_overpotential_is_linear_when_small_and_logarithmic_when_large() -> None:
    thermal_v = 0.0514
    assert overpotential_v(thermal_v, 1e-3) == pytest.approx(thermal_v * 1e-3, rel=1e-6)
    assert overpotential_v(thermal_v, -50.0) == pytest.approx(-thermal_v * np.log(100.0), rel=1e-4)
