"""Write the electrode and electrolyte tables: ``python tools/make_electrode_tables.py [--measured FOLDER]``.

Every table is a published formula, restated from its paper, evaluated on a uniform grid. One electrode
curve is measured, not fitted: the graphite of Chen 2020. FOLDER holds its points,
``graphite_LGM50_ocp_Chen2020.csv`` as distributed with PyBaMM (BSD-3-Clause); without FOLDER that one table
is left as it is.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.interpolate import CubicSpline, PchipInterpolator

Array = npt.NDArray[np.float64]
Function = Callable[[Array], Array]

OUT = Path(__file__).resolve().parents[1] / "plant_models" / "parameter_sets" / "electrochemistry"
STOICHIOMETRY: Array = np.linspace(0.0, 1.0, 501)
CONCENTRATION: Array = np.arange(50.0, 3001.0, 50.0)
TEMP_DEGC: Array = np.arange(-40.0, 81.0, 10.0)
ZERO_DEGC_K = 273.15
TEMP_REF_K = 298.15
GAS_CONSTANT_J_PER_MOLK = 8.314462618
MEASURED_GRAPHITE = "graphite_LGM50_ocp_Chen2020.csv"

CHEN = "Chen et al., J. Electrochem. Soc. 167 (2020) 080534, doi 10.1149/1945-7111/ab9050"
OREGAN = "O'Regan et al., Electrochim. Acta 425 (2022) 140700, doi 10.1016/j.electacta.2022.140700"
AFSHAR = "Afshar, Morris, Khajepour, arXiv:1709.03970 (2017), potential fit"
GERVER = "Gerver and Meyers, J. Electrochem. Soc. 158 (2011) A835, doi 10.1149/1.3591799"
NYMAN = "Nyman, Behm, Lindbergh, Electrochim. Acta 53 (2008) 6356, doi 10.1016/j.electacta.2008.04.023"
ECKER = "Ecker et al., J. Electrochem. Soc. 162 (2015) A1836, doi 10.1149/2.0551509jes"
LANDESFEIND = "Landesfeind and Gasteiger, J. Electrochem. Soc. 166 (2019) A3079, doi 10.1149/2.0571912jes"
PRADA = "Prada et al., J. Electrochem. Soc. 160 (2013) A616, doi 10.1149/2.053304jes"


def graphite_ocp_chen2020(x: Array) -> Array:
    """Return the open-circuit potential of the LG M50 graphite-silicon electrode [V]: Chen 2020, fit."""
    return (
        1.9793 * np.exp(-39.3631 * x)
        + 0.2482
        - 0.0909 * np.tanh(29.8538 * (x - 0.1234))
        - 0.04478 * np.tanh(14.9159 * (x - 0.2769))
        - 0.0205 * np.tanh(30.4444 * (x - 0.6103))
    )


def nmc811_ocp_chen2020(x: Array) -> Array:
    """Return the open-circuit potential of the LG M50 NMC811 electrode [V]: Chen 2020, fit."""
    return (
        -0.8090 * x
        + 4.4875
        - 0.0428 * np.tanh(18.5138 * (x - 0.5542))
        - 17.7326 * np.tanh(15.7890 * (x - 0.3117))
        + 17.5842 * np.tanh(15.9308 * (x - 0.3120))
    )


def lfp_ocp_afshar2017(x: Array) -> Array:
    """Return the open-circuit potential of LFP [V]: Afshar 2017, fit."""
    return 3.4077 - 0.020269 * x + 0.5 * np.exp(-150.0 * x) - 0.9 * np.exp(-30.0 * (1.0 - x))


def graphite_entropic_oregan2022(x: Array) -> Array:
    """Return the entropic coefficient of the LG M50 graphite [V/K]: O'Regan 2022, fit without the step."""
    return 1e-3 * (-0.1112 * x + 0.02914 + 0.3561 * np.exp(-((x - 0.08309) ** 2) / 0.004616))


def nmc811_entropic_oregan2022(x: Array) -> Array:
    """Return the entropic coefficient of the LG M50 positive electrode [V/K]: O'Regan 2022, fit."""
    first = 0.04006 * np.exp(-((x - 0.2828) ** 2) / 0.0009855)
    return 1e-3 * (first - 0.06656 * np.exp(-((x - 0.8032) ** 2) / 0.02179))


def lfp_entropic_gerver2011(x: Array) -> Array:
    """Return the entropic coefficient of LFP [V/K]: Gerver and Meyers 2011, points of About:Energy.

    The two outermost points of that table are steps to twice their neighbours; they are held at the
    neighbours.
    """
    microvolts = [
        47.145, 47.145, 37.666, 20.299, 5.9833, -4.6859, -13.966, -23.528, -33.593, -43.433, -52.311,
        -60.211, -68.006, -76.939, -87.641, -99.13, -108.55, -112.66, -112.38, -109.21, -109.21,
    ]  # fmt: skip
    points = np.linspace(0.0, 1.0, len(microvolts))
    return np.asarray(1e-6 * PchipInterpolator(points, np.array(microvolts))(x))


def graphite_diffusivity_oregan2022(x: Array) -> Array:
    """Return the diffusivity in the LG M50 graphite at 25 degC [m2/s]: O'Regan 2022, corrected fit."""
    power = 11.17 * x - 15.11
    for a, b, c in ((-1.553, 0.2031, 0.0006091), (-6.136, 0.5375, 0.06438), (-9.725, 0.9144, 0.0578)):
        power = power + a * np.exp(-((x - b) ** 2) / c)
    power = power + 1.85 * np.exp(-((x - 0.5953) ** 2) / 0.001356)
    return np.asarray(3.0321 * 10.0**power)


def nmc811_diffusivity_oregan2022(x: Array) -> Array:
    """Return the diffusivity in the LG M50 NMC811 at 25 degC [m2/s]: O'Regan 2022, corrected fit."""
    power = np.full_like(x, -13.96)
    for a, b, c in ((-0.9231, 0.3216, 0.002534), (-0.4066, 0.4532, 0.003926), (-0.993, 0.8098, 0.09924)):
        power = power + a * np.exp(-((x - b) ** 2) / c)
    return np.asarray(2.7 * 10.0**power)


def constant(value: float) -> Function:
    """Return a function that is ``value`` everywhere."""
    return lambda x: np.full_like(x, value)


def measured_curve(path: Path) -> Function:
    """Return the cubic spline through the measured points in a CSV file of stoichiometry and potential."""
    lines = [
        line for line in path.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")
    ]
    points = np.array([[float(value) for value in line.split(",")] for line in lines])
    spline = CubicSpline(points[:, 0], points[:, 1])
    return lambda x: np.asarray(spline(np.clip(x, points[0, 0], points[-1, 0])))


def electrode_text(
    title: str, sources: list[str], ocp: Function, entropic: Function, diffusivity: Function
) -> str:
    """Return the CSV text of an electrode."""
    lines = [f"# {title}, written by tools/make_electrode_tables.py", *(f"# source: {s}" for s in sources)]
    lines.append("stoichiometry,ocp_v,entropic_v_per_k,diffusivity_m2_per_s")
    columns = (ocp(STOICHIOMETRY), entropic(STOICHIOMETRY), diffusivity(STOICHIOMETRY))
    lines += [f"{x:.3f},{u:.7g},{s:.5g},{d:.5g}" for x, u, s, d in zip(STOICHIOMETRY, *columns, strict=True)]
    return "\n".join(lines) + "\n"


def arrhenius(energy_j_per_mol: float, temp_k: float) -> float:
    """Return the Arrhenius factor against 25 degC."""
    return float(np.exp(energy_j_per_mol / GAS_CONSTANT_J_PER_MOLK * (1.0 / TEMP_REF_K - 1.0 / temp_k)))


def nyman2008(energy_j_per_mol: float, transference: float) -> Callable[[Array, float], tuple[Array, ...]]:
    """Return LiPF6 in EC:EMC 3:7 (Nyman 2008) with an activation energy for conductivity and diffusivity."""

    def properties(c: Array, temp_k: float) -> tuple[Array, ...]:
        x = 1e-3 * c
        factor = arrhenius(energy_j_per_mol, temp_k)
        diffusivity = factor * (8.794e-11 * x**2 - 3.972e-10 * x + 4.862e-10)
        conductivity = factor * (0.1297 * x**3 - 2.51 * x**1.5 + 3.329 * x)
        return diffusivity, conductivity, np.full_like(x, transference), np.ones_like(x)

    return properties


def landesfeind2019(c: Array, temp_k: float) -> tuple[Array, ...]:
    """Return LiPF6 in EC:EMC 3:7 (Landesfeind and Gasteiger 2019) at a temperature."""
    x = 1e-3 * c
    t = temp_k
    diffusivity = 1e-10 * 1010.0 * np.exp(1.01 * x) * np.exp(-1560.0 / t) * np.exp(-487.0 * x / t)
    shape = 1.0 - 1.06 * np.sqrt(x) + 0.353 * (1.0 - 0.00359 * np.exp(1000.0 / t)) * x
    conductivity = 0.1 * 0.521 * (1.0 + t - 228.0) * x * shape / (1.0 + x**4 * 0.00148 * np.exp(1000.0 / t))

    def cubic(p: tuple[float, ...]) -> Array:
        return np.asarray(
            p[0] + p[1] * x + p[2] * t + p[3] * x**2 + p[4] * x * t + p[5] * t**2
            + p[6] * x**3 + p[7] * x**2 * t + p[8] * x * t**2
        )  # fmt: skip

    transference = cubic((-12.8, -6.12, 0.0821, 0.904, 0.0318, -1.27e-4, 0.0175, -3.12e-3, -3.96e-5))
    factor = cubic((25.7, -45.1, -0.177, 1.94, 0.295, 3.08e-4, 0.259, -9.46e-3, -4.54e-4))
    return diffusivity, conductivity, transference, factor


def prada2013(c: Array, temp_k: float) -> tuple[Array, ...]:
    """Return the electrolyte of Prada 2013 (1.2 M LiPF6) with Ecker's activation energy added."""
    x = 1e-6 * c
    factor = arrhenius(17.0e3, temp_k)
    conductivity = 1e3 * (4.1253e-4 + 5.007 * x - 4.7212e3 * x**2 + 1.5094e6 * x**3 - 1.6018e8 * x**4)
    return factor * np.full_like(x, 2e-10), factor * conductivity, np.full_like(x, 0.36), np.ones_like(x)


def electrolyte_text(
    title: str, sources: list[str], properties: Callable[[Array, float], tuple[Array, ...]]
) -> str:
    """Return the CSV text of an electrolyte; conductivity is held above 1 % of its highest value."""
    lines = [f"# {title}, written by tools/make_electrode_tables.py", *(f"# source: {s}" for s in sources)]
    lines.append(
        "temp_degc,concentration_mol_per_m3,diffusivity_m2_per_s,conductivity_s_per_m,transference,activity_factor"
    )
    for temp_degc in TEMP_DEGC:
        d, k, t, f = properties(CONCENTRATION, float(temp_degc) + ZERO_DEGC_K)
        k = np.maximum(k, 0.01 * k.max())
        rows = zip(CONCENTRATION, d, k, t, f, strict=True)
        lines += [f"{temp_degc:g},{c:g},{a:.6g},{b:.6g},{e:.5g},{g:.5g}" for c, a, b, e, g in rows]
    return "\n".join(lines) + "\n"


def texts(measured: Path | None) -> dict[str, str]:
    """Return the text of every table by its path below the output folder."""
    none = constant(0.0)
    silicon_graphite = graphite_entropic_oregan2022
    found = {
        "electrodes/graphite_chen2020.csv": electrode_text(
            "LG M50 graphite-silicon, fit", [CHEN], graphite_ocp_chen2020, none, constant(3.3e-14)
        ),
        "electrodes/graphite_oregan2022.csv": electrode_text(
            "LG M50 graphite-silicon", [CHEN, OREGAN],
            graphite_ocp_chen2020, silicon_graphite, graphite_diffusivity_oregan2022,
        ),
        "electrodes/graphite_prada2013.csv": electrode_text(
            "graphite of an LFP cell; diffusivity Prada 2013, entropic coefficient O'Regan 2022",
            [CHEN, PRADA, OREGAN], graphite_ocp_chen2020, silicon_graphite, constant(3e-15),
        ),
        "electrodes/nmc811_chen2020.csv": electrode_text(
            "LG M50 NMC811", [CHEN], nmc811_ocp_chen2020, none, constant(4e-15)
        ),
        "electrodes/nmc811_oregan2022.csv": electrode_text(
            "LG M50 NMC811", [CHEN, OREGAN],
            nmc811_ocp_chen2020, nmc811_entropic_oregan2022, nmc811_diffusivity_oregan2022,
        ),
        "electrodes/lfp_prada2013.csv": electrode_text(
            "LFP; diffusivity Prada 2013", [AFSHAR, PRADA, GERVER],
            lfp_ocp_afshar2017, lfp_entropic_gerver2011, constant(5.9e-18),
        ),
        "electrolytes/nyman2008.csv": electrolyte_text(
            "LiPF6 in EC:EMC 3:7, no dependence on temperature", [NYMAN, CHEN], nyman2008(0.0, 0.2594)
        ),
        "electrolytes/nyman2008_arrhenius.csv": electrolyte_text(
            "LiPF6 in EC:EMC 3:7, activation energy 17 kJ/mol",
            [NYMAN, CHEN, ECKER],
            nyman2008(17.0e3, 0.2594),
        ),
        "electrolytes/landesfeind2019.csv": electrolyte_text(
            "LiPF6 in EC:EMC 3:7", [LANDESFEIND], landesfeind2019
        ),
        "electrolytes/prada2013.csv": electrolyte_text(
            "1.2 M LiPF6, activation energy 17 kJ/mol (assumed as Ecker 2015)", [PRADA, ECKER], prada2013
        ),
    }  # fmt: skip
    if measured is not None:
        found["electrodes/graphite_measured_chen2020.csv"] = electrode_text(
            "LG M50 graphite-silicon, measured points (PyBaMM, BSD-3-Clause)",
            [CHEN], measured_curve(measured / MEASURED_GRAPHITE), none, constant(3.3e-14),
        )  # fmt: skip
    return found


def main() -> None:
    """Write every table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--measured", type=Path, help="folder of the measured graphite curve")
    parser.add_argument("--out", type=Path, default=OUT, help="folder of the tables")
    arguments = parser.parse_args()
    for name, text in texts(arguments.measured).items():
        path = arguments.out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        print(f"{path}: {len(text) // 1000} kB")


if __name__ == "__main__":
    main()
