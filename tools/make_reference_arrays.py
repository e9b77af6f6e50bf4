"""Write the arrays of the electrochemical tests: ``PYTHON tools/make_reference_arrays.py [CASE ...]``.

PYTHON is an interpreter of its own environment with PyBaMM, which this project never imports. The arrays go
to ``tests/reference/spme_CASE.npz``: voltage, temperature and anode potential at the separator every other
second, the stoichiometries at the start, and the constant current; ``truck_current.npz`` holds the current
of the others each second, over capacity. Between its points the current is linear.
"""

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pybamm

OUT = Path(__file__).resolve().parents[1] / "tests" / "reference"
ANODE = "Negative electrode surface potential difference at separator interface [V]"
CAPACITY_AH = 5.0
STRIDE = 2
NEVER_REACHED_V = 4.6
ZERO_DEGC_K = 273.15


@dataclass(frozen=True)
class Case:
    """One run: model, parameter set, temperature, and a constant current over capacity, or the truck's."""

    model: str
    parameters: str
    temp_degc: float
    c_rate: float | None = None
    soc: float = 0.9
    mixing: bool = False


CASES = {
    "chen2020_5degc": Case("SPMe", "Chen2020", 5.0),
    "chen2020_25degc": Case("SPMe", "Chen2020", 25.0),
    "chen2020_40degc": Case("SPMe", "Chen2020", 40.0),
    "chen2020_25degc_mixing": Case("SPMe", "Chen2020", 25.0, mixing=True),
    "chen2020_25degc_dfn": Case("DFN", "Chen2020", 25.0),
    "oregan2022_25degc_dfn": Case("DFN", "ORegan2022", 25.0),
    "okane2022_5degc_charge_dfn": Case("DFN", "OKane2022", 5.0, c_rate=-1.0, soc=0.1),
    "okane2022_25degc_charge_dfn": Case("DFN", "OKane2022", 25.0, c_rate=-1.5, soc=0.1),
}


def truck_current(time_s: np.ndarray) -> np.ndarray:
    """Return a truck-like current over capacity [1/h]: hills, traffic and gears as four sines, clipped.

    0.58 rms, from -0.8 to 1.6, mean 0.32.
    """
    waves = ((0.42, 487.0, 0.0), (0.33, 131.0, 1.0), (0.35, 37.0, 2.0), (0.25, 11.3, 0.5))
    total = 0.30 + sum(a * np.sin(2.0 * np.pi * time_s / period + phase) for a, period, phase in waves)
    return np.asarray(np.clip(total, -0.8, 1.6))


def particle_mesh() -> "pybamm.MeshGenerator":
    """Return a particle mesh that is fine at the surface."""
    return pybamm.MeshGenerator(pybamm.Exponential1DSubMesh, {"side": "right", "stretch": 3.0})


def simulation(case: Case, time_s: np.ndarray, current_a: np.ndarray) -> "pybamm.Simulation":
    """Return the simulation of a case: lumped temperature, meshes finer than the defaults."""
    options = {"thermal": "lumped", "heat of mixing": "true" if case.mixing else "false"}
    if case.model == "SPMe":
        options["electrolyte conductivity"] = "integrated"
    model = getattr(pybamm.lithium_ion, case.model)(options)
    values = pybamm.ParameterValues(case.parameters)
    values["Current function [A]"] = pybamm.Interpolant(time_s, current_a, pybamm.t)
    values["Ambient temperature [K]"] = case.temp_degc + ZERO_DEGC_K
    values["Initial temperature [K]"] = case.temp_degc + ZERO_DEGC_K
    values["Open-circuit voltage at 100% SOC [V]"] = 4.2
    values["Upper voltage cut-off [V]"] = NEVER_REACHED_V if case.c_rate is None else 4.2
    submeshes = dict(model.default_submesh_types)
    points = {"x_n": 40, "x_s": 20, "x_p": 40, "r_n": 60, "r_p": 60}
    if case.model == "DFN":
        points = {"x_n": 20, "x_s": 10, "x_p": 20, "r_n": 25, "r_p": 25}
    for domain in ("negative particle", "positive particle"):
        submeshes[domain] = particle_mesh()
    return pybamm.Simulation(
        model,
        parameter_values=values,
        var_pts=points,
        submesh_types=submeshes,
        solver=pybamm.IDAKLUSolver(rtol=1e-6, atol=1e-8),
    )


def run(case: Case) -> dict[str, np.ndarray]:
    """Return the arrays of a case."""
    duration_s = 3600 if case.c_rate is None else round(3600.0 * 0.85 / abs(case.c_rate))
    time_s = np.arange(duration_s + 1.0)
    rate = np.round(truck_current(time_s), 5) if case.c_rate is None else np.full_like(time_s, case.c_rate)
    current_a = CAPACITY_AH * rate
    solution = simulation(case, time_s, current_a).solve(time_s, t_interp=time_s, initial_soc=case.soc)
    time_s = time_s[time_s <= solution.t[-1]][::STRIDE]
    names = {
        "voltage_v": "Terminal voltage [V]",
        "temp_k": "Volume-averaged cell temperature [K]",
        "anode_potential_v": ANODE,
    }
    arrays = {name: np.round(np.asarray(solution[key](time_s)).reshape(-1), 5) for name, key in names.items()}
    arrays = {name: array.astype(np.float32) for name, array in arrays.items()}
    for side in ("negative", "positive"):
        value = solution[f"{side.capitalize()} electrode stoichiometry"](0.0)
        arrays[f"{side}_stoichiometry"] = np.array(float(np.ravel(value)[0]))
    return arrays | {"c_rate": np.array(np.nan if case.c_rate is None else case.c_rate)}


def main() -> None:
    """Write the named cases, or all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cases", nargs="*", choices=[[], *CASES], help="default: all")
    parser.add_argument("--out", type=Path, default=OUT, help="folder for the arrays")
    arguments = parser.parse_args()
    out: Path = arguments.out
    out.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(
        out / "truck_current.npz", rate=np.round(truck_current(np.arange(3601.0)), 5).astype(np.float32)
    )
    for name in arguments.cases or CASES:
        start = time.perf_counter()
        arrays = run(CASES[name])
        path = out / f"spme_{name}.npz"
        np.savez_compressed(path, **arrays)
        seconds = time.perf_counter() - start
        print(
            f"{path.name}: {path.stat().st_size / 1e3:.0f} kB, "
            f"{arrays['voltage_v'].size} points, {seconds:.0f} s"
        )


if __name__ == "__main__":
    main()
