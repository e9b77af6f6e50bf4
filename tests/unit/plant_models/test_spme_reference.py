import numpy as np
import pytest

from plant_models.spme_parameters import load_spme
from plant_models.spme_reduced_cells import sphere_response
from plant_models.spme_reference import reference_mesh
from plant_models.spme_trace import Trace, trace_cell
from tests.unit.plant_models.spme_cells import bench

ONE_C_A = 5.0


def discharge(**mesh: int) -> Trace:
    cell = load_spme("chen2020")
    return trace_cell(
        cell,
        np.full(601, ONE_C_A),
        temp_degc=25.0,
        negative=0.7,
        positive=0.4,
        discretisation="reference",
        mesh=reference_mesh(cell, **mesh),
    )


def test_shells_fill_the_sphere_and_volumes_the_cell() -> None:
    cell = load_spme("chen2020")
    mesh = reference_mesh(cell)
    assert mesh.shell_volume.sum() == pytest.approx(1.0 / 3.0)
    assert mesh.shell_energy.sum() == pytest.approx(1.0)
    assert mesh.source.sum() == pytest.approx(0.0, abs=1e-15)
    parts = (cell.negative, cell.separator, cell.positive)
    assert mesh.volume_m.sum() == pytest.approx(sum(part.porosity * part.thickness_m for part in parts))


def test_a_finer_mesh_moves_the_voltage_by_less_than_a_millivolt() -> None:
    coarse, fine = discharge(), discharge(n_shells=60, n_electrode=30, n_separator=15)
    assert np.abs(coarse.voltage_v - fine.voltage_v).max() < 1.0e-3


def test_the_default_mesh_lies_between_a_coarse_and_a_fine_one() -> None:
    fine = discharge(n_shells=60, n_electrode=30, n_separator=15).voltage_v
    errors = [np.abs(discharge(n_shells=n).voltage_v - fine).max() for n in (6, 12, 20)]
    assert errors[0] > errors[1] > errors[2]


def test_a_particle_answers_a_step_of_flux_as_the_exact_sphere() -> None:
    on = bench("reference", n_cells=1)
    p, diffusion = on.constants, float(on.tables.positive[0, 3])
    start = float(on.cells.state[25, 0])
    steps = 200
    for _ in range(steps):
        on.step(np.array([ONE_C_A]))
    flux = ONE_C_A / on.cell.electrode_area_m2 / (3.0 * p.charge_p_c_per_m2)
    mean = start + 3.0 * flux * steps
    exact = mean + flux / diffusion * float(sphere_response(np.array([diffusion * steps]))[0])
    assert on.cells.shown.positive_surface[0] == pytest.approx(exact, abs=5e-4)
    assert exact - mean > 0.04


def test_the_electrolyte_settles_on_its_closed_form() -> None:
    """In the negative electrode at rest of its profile dc/dx = -(1 - t+) i (x/L) / (F D_eff)."""
    on = bench("reference", n_cells=1, soc=0.9)
    current = 0.2 * ONE_C_A
    for _ in range(240):
        on.step(np.array([current]), 10.0)
    c = on.cells.state[40:50, 0]
    table = on.cells.scratch.transport[40:50, 0]
    n = on.cell.negative
    flux = (1.0 - 0.2594) * current / on.cell.electrode_area_m2 / 96485.33212
    x = (np.arange(10) + 0.5) / 10.0
    slope = flux * x * n.thickness_m / (n.porosity**1.5 * table)
    expected = c[0] - np.concatenate([[0.0], np.cumsum(0.05 * (slope[1:] + slope[:-1]))])
    assert c == pytest.approx(expected, abs=0.3)
    assert c[0] - c[-1] > 20.0
