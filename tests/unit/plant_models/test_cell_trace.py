"""One cell alone in air: the pack's equations, driven by a given current or heat."""

import numpy as np
import pytest

from plant_models.cell import CellParameters
from plant_models.cell_trace import (
    alone_in_air,
    step_through,
    trace_heated,
    trace_measured,
    warm_through,
)
from plant_models.glycol import air_record
from plant_models.pack import circuit_tables

AIR_W_PER_K = 0.6


def test_a_constant_current_ends_in_the_sum_of_all_resistances(cell: CellParameters) -> None:
    n = 2400
    ours = trace_measured(
        cell, np.full(n, 20.0), ambient_degc=np.full(n, 25.0), dt_s=1.0, ambient_w_per_k=1e6, soc=0.7
    )
    soc, temp = float(ours.soc[-1]), float(ours.core_temp_degc[-1])
    circuit = cell.circuit
    u = np.interp(soc, circuit.soc, circuit.ocv_v) + (temp - 25.0) * np.interp(
        soc, circuit.soc, circuit.entropic_v_per_k
    )
    row = circuit.temp_degc.index(25.0)
    tables = (circuit.r0_discharge_ohm, circuit.r1_ohm, circuit.r2_ohm)
    steady = sum(float(np.interp(soc, circuit.soc, table[row])) for table in tables) * np.exp(
        0.03 * (25.0 - temp)
    )
    expected = u - circuit.hysteresis_v - 20.0 * steady
    assert ours.voltage_v[-1] == pytest.approx(expected, abs=2e-3)


def test_a_steady_heat_settles_over_both_resistances(cell: CellParameters) -> None:
    air = np.full(5000, 10.0)
    surface = trace_heated(
        cell, np.full(5000, 3.0), ambient_degc=air, dt_s=20.0, ambient_w_per_k=AIR_W_PER_K, temp_degc=10.0
    )
    assert surface[-1] == pytest.approx(10.0 + 3.0 / AIR_W_PER_K, abs=1e-6)


def test_heat_warms_an_insulated_cell_by_energy_over_heat_capacity(cell: CellParameters) -> None:
    n = 600
    ours = trace_measured(
        cell, np.full(n, 100.0), ambient_degc=np.full(n, 25.0), dt_s=1.0, ambient_w_per_k=0.0, soc=0.9
    )
    capacity = cell.thermal.mass_kg * cell.thermal.specific_heat_j_per_kgk
    share = cell.thermal.surface_fraction
    mean_k = (1.0 - share) * ours.core_temp_degc[-1] + share * ours.surface_temp_degc[-1] - 25.0
    assert mean_k * capacity == pytest.approx(float(np.sum(ours.heat_w)), rel=1e-6)


def test_compiled_kernels_equal_their_plain_python(cell: CellParameters) -> None:
    current, ambient_k = 50.0 * np.sin(np.arange(20.0)), np.full(20, 290.0)
    tables = circuit_tables(cell, 1, 1.0)
    outs = []
    for step in (step_through, step_through.py_func):  # type: ignore[attr-defined]  # numba adds it
        arrays = alone_in_air(cell, ambient_w_per_k=AIR_W_PER_K, soc=0.6, temp_degc=15.0)
        out = np.empty((5, 20))
        step(tables, arrays, air_record()[0], current, ambient_k, 1.0, out)
        outs.append(out)
    np.testing.assert_allclose(outs[0], outs[1], rtol=1e-12)
    warm = []
    for step in (warm_through, warm_through.py_func):  # type: ignore[attr-defined]  # numba adds it
        arrays = alone_in_air(cell, ambient_w_per_k=AIR_W_PER_K, soc=0.6, temp_degc=15.0)
        out = np.empty(20)
        step(arrays, air_record()[0], np.abs(current), ambient_k, 1.0, out)
        warm.append(out)
    np.testing.assert_allclose(warm[0], warm[1], rtol=1e-12)
