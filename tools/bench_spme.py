"""Print the speed of the electrochemical cell: ``python tools/bench_spme.py [--pybamm PYTHON]``.

Nanoseconds per cell and step in a batch, both discretisations, the whole step (voltage, state, heat,
outputs), on one thread. With an interpreter that has PyBaMM, also the time of one cell's hour against
PyBaMM's SPMe on the same current in the same run. PyBaMM's time is a second solve of a built model on its
default mesh, IDAKLU.
"""

import argparse
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from plant_models.kernels import kernel
from plant_models.spme_parameters import load_spme, stoichiometry_window
from plant_models.spme_reduced import reduced_advance, reduced_cells, reduced_source
from plant_models.spme_reduced_cells import ReducedCells
from plant_models.spme_reference import ReferenceCells, reference_advance, reference_cells, reference_source
from plant_models.spme_tables import SpmeTables, spme_constants, spme_tables
from plant_models.spme_trace import lump_record, stoichiometries, trace_reduced, trace_reference

CURRENT = Path(__file__).resolve().parents[1] / "tests" / "reference" / "truck_current.npz"
N_STEPS = 50
REPEATS = 7
PYBAMM_HOUR = """
import sys, time
import numpy as np
import pybamm
current = 5.0 * np.load(sys.argv[1])["rate"].astype(float)
time_s = np.arange(current.size, dtype=float)
model = pybamm.lithium_ion.SPMe({"thermal": "lumped"})
values = pybamm.ParameterValues("Chen2020")
values["Current function [A]"] = pybamm.Interpolant(time_s, current, pybamm.t)
values["Upper voltage cut-off [V]"] = 4.6
solver = pybamm.IDAKLUSolver(rtol=1e-4, atol=1e-6)
simulation = pybamm.Simulation(model, parameter_values=values, solver=solver)
simulation.build(initial_soc=0.9)
simulation.solve([0.0, time_s[-1]], t_interp=time_s)
best = float("inf")
for _ in range(3):
    start = time.perf_counter()
    simulation.solve([0.0, time_s[-1]], t_interp=time_s)
    best = min(best, time.perf_counter() - start)
print(best)
"""


@kernel
def reference_steps(
    tables: SpmeTables, p: np.record, cells: ReferenceCells, temp_k: np.ndarray, current_a: np.ndarray
) -> None:
    """Run the reference for some steps of alternating current."""
    for _ in range(N_STEPS):
        current_a *= -1.0
        reference_source(tables, p, cells, temp_k, current_a, 1.0)
        reference_advance(tables, p, cells, temp_k, current_a, 1.0)


@kernel
def reduced_steps(
    tables: SpmeTables, p: np.record, cells: ReducedCells, temp_k: np.ndarray, current_a: np.ndarray
) -> None:
    """Run the reduced form for some steps of alternating current."""
    for _ in range(N_STEPS):
        current_a *= -1.0
        reduced_source(tables, p, cells, temp_k, current_a, 1.0)
        reduced_advance(tables, p, cells, temp_k, current_a, 1.0)


def best_time(run: Callable[[], object]) -> float:
    """Return the shortest of some runs [s], the first of which compiles."""
    run()
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)


def batch_ns(name: str, n_cells: int) -> dict[str, float]:
    """Return nanoseconds per cell and step of both discretisations."""
    cell = load_spme(name)
    tables, constants = spme_tables(cell), spme_constants(cell)
    negative, positive = stoichiometries(stoichiometry_window(cell), 0.6)
    temp_k = np.linspace(285.0, 305.0, n_cells)
    start = {"negative": np.full(n_cells, negative), "positive": np.full(n_cells, positive), "temp_k": temp_k}
    current_a = np.full(n_cells, 0.6 * cell.capacity_ah)
    reference = reference_cells(cell, tables, constants, **start)
    reduced = reduced_cells(cell, tables, constants, **start)
    scale = 1e9 / (n_cells * N_STEPS)
    return {
        "reference": scale
        * best_time(lambda: reference_steps(tables, constants[0], reference, temp_k, current_a)),
        "reduced": scale * best_time(lambda: reduced_steps(tables, constants[0], reduced, temp_k, current_a)),
    }


def hour_s() -> dict[str, float]:
    """Return the time of one cell's hour [s], temperature included."""
    cell = load_spme("chen2020")
    tables, constants = spme_tables(cell), spme_constants(cell)
    negative, positive = stoichiometries(stoichiometry_window(cell), 0.9)
    start = {"negative": np.array([negative]), "positive": np.array([positive]), "temp_k": np.array([298.15])}
    current_a = cell.capacity_ah * np.load(CURRENT)["rate"].astype(np.float64)
    lump = lump_record(cell, ambient_k=298.15, mixing=True)
    out = np.empty((7, current_a.size))

    def reference() -> None:
        cells = reference_cells(cell, tables, constants, **start)
        trace_reference(tables, constants[0], cells, lump[0], np.array([298.15]), current_a, 1.0, out)

    def reduced() -> None:
        cells = reduced_cells(cell, tables, constants, **start)
        trace_reduced(tables, constants[0], cells, lump[0], np.array([298.15]), current_a, 1.0, out)

    return {"reference": best_time(reference), "reduced": best_time(reduced)}


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pybamm", help="interpreter of an environment with PyBaMM")
    parser.add_argument("--cells", type=int, default=192)
    arguments = parser.parse_args()
    for name in ("oregan2022", "prada2013", "chen2020"):
        batch = batch_ns(name, arguments.cells)
        print(f"{name}: " + ", ".join(f"{k} {v:.0f} ns per cell and step" for k, v in batch.items()))
    hours = hour_s()
    print("one cell, one hour: " + ", ".join(f"{k} {1e3 * v:.2f} ms" for k, v in hours.items()))
    if arguments.pybamm:
        command = [arguments.pybamm, "-c", PYBAMM_HOUR, str(CURRENT)]
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | {"OMP_NUM_THREADS": "1"}
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)  # noqa: S603
        seconds = float(done.stdout.split()[-1])
        print(
            f"PyBaMM SPMe {seconds:.2f} s: "
            + ", ".join(f"{k} {seconds / v:.0f} times" for k, v in hours.items())
        )
        shares = {k: seconds / (3600e-9 * v) for k, v in batch.items()}
        print(
            f"of {arguments.cells} cells each: " + ", ".join(f"{k} {v:.0f} times" for k, v in shares.items())
        )


if __name__ == "__main__":
    main()
