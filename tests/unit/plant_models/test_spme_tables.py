import numpy as np
import pytest

from plant_models.spme_parameters import REFERENCE_TEMP_K, electrode_curves, load_spme
from plant_models.spme_tables import (
    SHAPE_MIN,
    curve_at,
    diffusion_at,
    electrolyte_line,
    energy_at,
    spme_constants,
    spme_tables,
)


def test_curves_are_within_half_a_millivolt_of_their_splines() -> None:
    for name in ("chen2020", "okane2022", "oregan2022", "prada2013"):
        cell = load_spme(name)
        tables = spme_tables(cell)
        x = np.linspace(0.003, 0.997, 777)
        for table, electrode in ((tables.negative, cell.negative), (tables.positive, cell.positive)):
            exact = electrode_curves(electrode.table, x)
            found = np.array([curve_at(table, value) for value in x])
            assert np.abs(found[:, 0] - exact[0]).max() < 0.5e-3
            assert np.abs(found[:, 2] - exact[1]).max() < 1e-6
            b = electrode.exchange_lithium_exponent
            assert found[:, 4] == pytest.approx(x**b * (1.0 - x) ** (1.0 - b), rel=0.02)


def test_energy_is_the_integral_of_the_enthalpy_potential() -> None:
    table = spme_tables(load_spme("oregan2022")).negative
    x = np.linspace(0.2, 0.8, 20001)
    enthalpy = np.array([curve_at(table, v)[0] - REFERENCE_TEMP_K * curve_at(table, v)[2] for v in x])
    area = float(np.trapezoid(enthalpy, x))
    assert energy_at(table, 0.8) - energy_at(table, 0.2) == pytest.approx(area, rel=1e-7)


def test_an_exhausted_surface_stays_finite_and_drags_the_potential_on() -> None:
    table = spme_tables(load_spme("chen2020")).negative
    beyond, edge = curve_at(table, -0.05), curve_at(table, 0.0)
    assert beyond[0] > edge[0] + 1.0
    assert beyond[4] == SHAPE_MIN
    assert diffusion_at(table, -0.05) == diffusion_at(table, 0.0)


def test_electrolyte_of_okane_follows_its_activation_energy() -> None:
    cell = load_spme("okane2022")
    tables, p = spme_tables(cell), spme_constants(cell)[0]
    warm, cold = (electrolyte_line(p, tables.electrolyte, t, 1000.0) for t in (298.15, 278.15))
    factor = np.exp(17.0e3 / 8.314462618 * (1.0 / 298.15 - 1.0 / 278.15))
    assert cold[0] / warm[0] == pytest.approx(factor, rel=2e-3)
    assert cold[1] / warm[1] == pytest.approx(factor, rel=2e-3)


def test_electrolyte_line_carries_its_slope() -> None:
    cell = load_spme("chen2020")
    tables, p = spme_tables(cell), spme_constants(cell)[0]
    low, high = (electrolyte_line(p, tables.electrolyte, 298.15, c) for c in (1010.0, 1040.0))
    assert high[0] - low[0] == pytest.approx(30.0 * low[3], rel=1e-9)
    assert high[1] - low[1] == pytest.approx(30.0 * low[4], rel=1e-9)


def test_kernels_agree_with_their_plain_functions() -> None:
    cell = load_spme("chen2020")
    tables, p = spme_tables(cell), spme_constants(cell)[0]
    plain = electrolyte_line.py_func(p, tables.electrolyte, 290.0, 1234.0)  # type: ignore[attr-defined]
    assert electrolyte_line(p, tables.electrolyte, 290.0, 1234.0) == pytest.approx(plain, rel=1e-14)
    assert curve_at(tables.negative, 0.3) == pytest.approx(curve_at.py_func(tables.negative, 0.3))  # type: ignore[attr-defined]
