"""Write the refrigerant tables of the plant from CoolProp, a development tool that the plant never imports.

    python tools/make_refrigerant_tables.py [--out plant_models/parameter_sets/refrigerants]

One CSV file per refrigerant, over uniform grids of evaporating and condensing temperature. The tables hold
pure thermodynamics of the ideal vapour-compression cycle; efficiencies are parameters of the plant.
"""

import argparse
from pathlib import Path

import CoolProp
import numpy as np
from CoolProp.CoolProp import PropsSI

ZERO_DEGC_K = 273.15
SUPERHEAT_K = 5.0
SUBCOOLING_K = 5.0
EVAPORATING_DEGC = np.arange(-35.0, 50.1, 2.5)
CONDENSING_DEGC = np.arange(-35.0, 90.1, 2.5)
EQUATIONS_OF_STATE = {
    "r1234yf": ("R1234yf", "Richter, McLinden, Lemmon 2011, doi 10.1021/je200369m"),
    "r134a": ("R134a", "Tillner-Roth, Baehr 1994, doi 10.1063/1.555958"),
}
COLUMNS = (
    "evaporating_degc",
    "condensing_degc",
    "evaporating_pressure_pa",
    "condensing_pressure_pa",
    "suction_density_kg_per_m3",
    "refrigerating_effect_j_per_kg",
    "isentropic_work_j_per_kg",
)


def cycle_row(fluid: str, evaporating_degc: float, condensing_degc: float) -> tuple[float, ...]:
    """Return one row of the table: units as in ``COLUMNS``.

    Compression starts at saturation pressure and ``SUPERHEAT_K`` above the evaporating temperature and is
    isentropic; expansion is isenthalpic from ``SUBCOOLING_K`` below the condensing temperature. Where the
    condensing pressure is below the evaporating pressure there is nothing to compress: the work is 0.
    """
    evaporating_k = evaporating_degc + ZERO_DEGC_K
    condensing_k = condensing_degc + ZERO_DEGC_K
    suction_pa = PropsSI("P", "T", evaporating_k, "Q", 1, fluid)
    discharge_pa = PropsSI("P", "T", condensing_k, "Q", 0, fluid)
    suction = ("T", evaporating_k + SUPERHEAT_K, "P", suction_pa, fluid)
    suction_enthalpy = PropsSI("H", *suction)
    liquid_enthalpy = PropsSI("H", "T", condensing_k - SUBCOOLING_K, "P", discharge_pa, fluid)
    work = 0.0
    if discharge_pa > suction_pa:
        discharge_enthalpy = PropsSI("H", "P", discharge_pa, "S", PropsSI("S", *suction), fluid)
        work = discharge_enthalpy - suction_enthalpy
    density = PropsSI("D", *suction)
    effect = suction_enthalpy - liquid_enthalpy
    return evaporating_degc, condensing_degc, suction_pa, discharge_pa, density, effect, work


def table_text(name: str) -> str:
    """Return the CSV text of a refrigerant's table."""
    fluid, equation_of_state = EQUATIONS_OF_STATE[name]
    lines = [
        f"# {fluid}, ideal vapour-compression cycle, written by tools/make_refrigerant_tables.py",
        f"# source: CoolProp {CoolProp.__version__}, doi 10.1021/ie4033999",
        f"# equation of state: {equation_of_state}",
        f"# superheat {SUPERHEAT_K:g} K, subcooling {SUBCOOLING_K:g} K, isentropic compression",
        ",".join(COLUMNS),
    ]
    for evaporating_degc in EVAPORATING_DEGC:
        for condensing_degc in CONDENSING_DEGC:
            row = cycle_row(fluid, float(evaporating_degc), float(condensing_degc))
            lines.append(",".join(f"{value:.7g}" for value in row))
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write every table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default = Path(__file__).parent.parent / "plant_models" / "parameter_sets" / "refrigerants"
    parser.add_argument("--out", type=Path, default=default, help="folder of the CSV files")
    folder = parser.parse_args().out
    folder.mkdir(parents=True, exist_ok=True)
    for name in EQUATIONS_OF_STATE:
        path = folder / f"{name}.csv"
        path.write_text(table_text(name), encoding="utf-8")
        print(f"{path}: {len(EVAPORATING_DEGC)} x {len(CONDENSING_DEGC)} points")


if __name__ == "__main__":
    main()
