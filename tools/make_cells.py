"""Build the cell parameter sets from measured tables: ``python tools/make_cells.py FOLDER [OUT]``.

FOLDER holds tables of SimSES 1.3.12 (TUM EES, BSD-3-Clause): open-circuit voltage and resistance of the Sony
US26650 LFP cell, of a Samsung SDI 94 Ah NMC cell, of a truck-class NMC cell (Akasol) and of the Sanyo
UR18650E. OUT is where the TOML files go, by default the cells of this repository. The rules are explained in
``docs/parameters.md``.
"""

import csv
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from make_cells_list import CELLS
from make_cells_texts import CellText, comment_lines
from scipy.interpolate import PchipInterpolator

Array = npt.NDArray[np.float64]

OUT = Path(__file__).resolve().parents[1] / "plant_models" / "parameter_sets" / "cells"
GAS_CONSTANT_J_PER_MOLK = 8.314462618
ZERO_DEGC_K = 273.15
TEMP_REF_DEGC = 25.0

# Charge grid: 0.01 where the open-circuit voltage bends (both ends), 0.025 between.
SOC: Array = np.concatenate(
    [np.arange(0.0, 0.05, 0.01), np.linspace(0.05, 0.95, 37), np.arange(0.96, 1.005, 0.01)]
)

# Sony US26650 entropic coefficient [V/K] at 0, 10 ... 100 % charge, measured: Naumann, PhD thesis, TU Munich
# 2018; table CLFP_Sony_US26650_entropy of SimSES 2 (BSD-3-Clause).
SONY_ENTROPIC_V_PER_K = 1e-6 * np.array(
    [-490.011, -163.957, -117.633, -44.414, 97.503, 110.270, 128.651, 145.350, 99.629, 83.644, 118.069]
)
# Positive electrode NMC111 [V/K]: Viswanathan et al. 2010, doi 10.1016/j.jpowsour.2009.11.103.
NMC_ENTROPIC_V_PER_K = -1.0e-4
# Graphite stoichiometry of an NMC111 cell at 0 and 100 % charge: About:Energy NMC pouch, BPX example, 2022.
GRAPHITE_WINDOW = (0.0055, 0.7567)

# Share of the steady resistance in R0, R1, R2 and the two time constants.
# NMC: rounded from pulses and relaxations of five CALB L148N58A cells, 25 degC, half charge: 0.1 s resistance
# with the 3 s branch 1.24 mohm, branches of 25 s 0.47 mohm and of 158 s 0.91 mohm.
# LFP: assumed, less slow polarisation.
NMC_SHARES = (0.50, 0.20, 0.30)
LFP_SHARES = (0.65, 0.15, 0.20)
TAU_S = (25.0, 150.0)

# LFP outside the measured temperatures: ohmic and charge transfer in series, activation energies, assumed.
OHMIC_J_PER_MOL = 12.0e3
TRANSFER_J_PER_MOL = 50.0e3
LFP_TEMP_DEGC = np.array([-30.0, -20.0, -10.0, 0.0, 10.0, 25.0, 40.0, 55.0])
NMC_TEMP_DEGC = np.array([-30.0, -20.0, -10.0, 0.0, 5.0, 15.0, 25.0, 35.0, 45.0, 55.0])
AKASOL_TEMP_DEGC = np.array([-30.0, -20.0, -10.0, 0.0, 10.0, 25.0, 40.0, 55.0])


@dataclass(frozen=True)
class Resistance:
    """Resistance after a pulse [ohm], rows ``temp_degc``, columns ``SOC``, for both directions."""

    temp_degc: Array
    discharge_ohm: Array
    charge_ohm: Array

    def scaled(self, target_ohm: float) -> "Resistance":
        """Return this table, the mean of both directions at 25 degC and half charge being ``target_ohm``."""
        row = int(np.argmin(np.abs(self.temp_degc - TEMP_REF_DEGC)))
        half = 0.5 * (
            np.interp(0.5, SOC, self.discharge_ohm[row]) + np.interp(0.5, SOC, self.charge_ohm[row])
        )
        factor = target_ohm / float(half)
        return Resistance(self.temp_degc, factor * self.discharge_ohm, factor * self.charge_ohm)


def rows_of(path: Path) -> list[list[str]]:
    """Return the rows of a CSV file below its header."""
    with path.open(newline="") as file:
        return list(csv.reader(file))[1:]


def columns_of(path: Path, columns: slice) -> tuple[Array, Array]:
    """Return the first column and the columns asked for, rows without a number left out."""
    rows = [row for row in rows_of(path) if row[0]]
    return np.array([float(row[0]) for row in rows]), np.array(
        [[float(x) for x in row[columns]] for row in rows]
    )


def inverse_k(temp_degc: Array) -> Array:
    """Return -1/T [1/K], which rises with temperature."""
    return np.asarray(-1.0 / (temp_degc + ZERO_DEGC_K))


def arrhenius(temp_degc: Array, rows: Array, wanted_degc: Array) -> Array:
    """Return ``rows`` at other temperatures: linear in log over 1/T, the outer slopes carried on."""
    x, y, wanted = inverse_k(temp_degc), np.log(rows), inverse_k(wanted_degc)
    below = np.clip(np.searchsorted(x, wanted) - 1, 0, x.size - 2)
    weight = ((wanted - x[below]) / (x[below + 1] - x[below]))[:, None]
    return np.asarray(np.exp(y[below] * (1.0 - weight) + y[below + 1] * weight))


def on_soc(soc: Array, rows: Array) -> Array:
    """Return a table (temperature, charge) on the charge grid of the parameter sets."""
    return np.array([np.interp(SOC, soc, row) for row in rows])


def lfp_law(temp_degc: Array, transfer_share: float) -> Array:
    """Return R(T)/R(25 degC) of two processes in series, each with its activation energy."""
    x = (1.0 / (temp_degc + ZERO_DEGC_K) - 1.0 / (TEMP_REF_DEGC + ZERO_DEGC_K)) / GAS_CONSTANT_J_PER_MOLK
    return np.asarray(
        (1.0 - transfer_share) * np.exp(OHMIC_J_PER_MOL * x) + transfer_share * np.exp(TRANSFER_J_PER_MOL * x)
    )


def sony_resistance(folder: Path) -> Resistance:
    """Return the Sony table: measured at 10, 25 and 40 degC, carried to -30 and 55 degC by the law above.

    The law's one free share is set by the measured ratio of 10 to 25 degC at half charge. SimSES repeats the
    40 degC column at 60 degC; that copy is not used.
    """
    soc, table = columns_of(folder / "CLFP_Sony_US26650_Rint.csv", slice(2, 10))
    charge, discharge = on_soc(soc, table[:, 0:3].T), on_soc(soc, table[:, 4:7].T)
    half = [float(np.interp(0.5, SOC, charge[i] + discharge[i])) for i in range(2)]
    alone = lfp_law(np.array([10.0]), 0.0)[0], lfp_law(np.array([10.0]), 1.0)[0]
    share = (half[0] / half[1] - alone[0]) / (alone[1] - alone[0])
    law = lfp_law(LFP_TEMP_DEGC, share)

    def carried(rows: Array) -> Array:
        cold = rows[0] * law[:4, None] / law[4]
        hot = rows[2] * law[7:, None] / law[6]
        return np.vstack([cold, rows, hot])

    return Resistance(LFP_TEMP_DEGC, carried(discharge), carried(charge))


def akasol_resistance(folder: Path, temp_degc: Array) -> Resistance:
    """Return the truck-class NMC table (-25 to 40 degC) at other temperatures."""
    soc, table = columns_of(folder / "NMC_Akasol_OEM_Rint.csv", slice(2, 14))
    measured = np.array([-25.0, -10.0, 0.0, 10.0, 25.0, 40.0])
    charge, discharge = on_soc(soc, table[:, 0:6].T), on_soc(soc, table[:, 6:12].T)
    return Resistance(
        temp_degc, arrhenius(measured, discharge, temp_degc), arrhenius(measured, charge, temp_degc)
    )


def samsung_resistance(folder: Path) -> Resistance:
    """Return the Samsung 94 Ah table: 1C pulses at 5 to 35 degC; colder by the ratios of the Akasol table."""
    soc, table = columns_of(folder / "NMC_Samsung_LabTest_cell_00_Ri.csv", slice(3, 51))
    measured = np.array([5.0, 15.0, 25.0, 35.0])
    one_c = 1e-3 * table.reshape(soc.size, 2, 4, 6)[:, :, :, 3]
    charge, discharge = on_soc(soc, one_c[:, 0].T), on_soc(soc, one_c[:, 1].T)
    other = akasol_resistance(folder, NMC_TEMP_DEGC)

    def carried(rows: Array, shape: Array) -> Array:
        cold = rows[0] * shape[:4] / shape[4]
        return np.vstack([cold, arrhenius(measured, rows, NMC_TEMP_DEGC[4:])])

    return Resistance(
        NMC_TEMP_DEGC, carried(discharge, other.discharge_ohm), carried(charge, other.charge_ohm)
    )


def sony_ocv(folder: Path) -> Array:
    """Return the Sony open-circuit voltage, charge rescaled so that 0 is 2.5 V (the truck cells' cut-off)."""
    soc, table = columns_of(folder / "CLFP_Sony_US26650_OCV.csv", slice(1, 2))
    order = np.argsort(soc)
    soc, volt = soc[order], table[order, 0]
    empty = float(np.interp(2.5, volt[:2000], soc[:2000]))
    return np.asarray(np.interp(empty + SOC * (1.0 - empty), soc, volt))


def samsung_ocv(folder: Path) -> Array:
    """Return the Samsung 94 Ah open-circuit voltage at 25 degC."""
    rows = [row for row in rows_of(folder / "NMC_Samsung_LabTest_cell_00_OCV.csv") if row[5]]
    return np.interp(SOC, [0.01 * float(row[5]) for row in rows], [float(row[6]) for row in rows])


def sanyo_ocv(folder: Path) -> Array:
    """Return the Sanyo open-circuit voltage, smoothed by monotone cubics (the table has 10 mV steps)."""
    soc, table = columns_of(folder / "NMC_Sanyo_OCV.csv", slice(1, 2))
    return np.asarray(PchipInterpolator(soc, table[:, 0], extrapolate=True)(SOC))


def graphite_entropic_v_per_k(stoichiometry: Array) -> Array:
    """Return the entropic coefficient of the negative electrode [V/K].

    Fit of O'Regan et al., Electrochim. Acta 425 (2022) 140700, doi 10.1016/j.electacta.2022.140700.
    """
    peak = 0.3561 * np.exp(-((stoichiometry - 0.08309) ** 2) / 0.004616)
    return np.asarray(1e-3 * (0.02914 - 0.1112 * stoichiometry + peak))


def nmc_entropic() -> Array:
    """Return the entropic coefficient of an NMC cell: positive less negative electrode, over charge [V/K]."""
    low, high = GRAPHITE_WINDOW
    return np.asarray(NMC_ENTROPIC_V_PER_K - graphite_entropic_v_per_k(low + SOC * (high - low)))


def sony_entropic() -> Array:
    """Return the measured entropic coefficient of the Sony LFP cell over charge [V/K]."""
    return np.interp(SOC, np.linspace(0.0, 1.0, 11), SONY_ENTROPIC_V_PER_K)


def split(table: Resistance, shares: tuple[float, float, float], pulse_s: float) -> dict[str, Array]:
    """Return R0 of both directions, R1 and R2 so that the resistance after ``pulse_s`` is the table's.

    R(t) = R0 + R1 (1 - exp(-t/tau1)) + R2 (1 - exp(-t/tau2)). The shares hold in the direction with the
    smaller resistance; R0 of the other direction takes the difference.
    """
    rise = [1.0 - np.exp(-pulse_s / tau) for tau in TAU_S]
    reached = shares[0] + shares[1] * rise[0] + shares[2] * rise[1]
    steady = np.minimum(table.discharge_ohm, table.charge_ohm) / reached
    r1, r2 = shares[1] * steady, shares[2] * steady
    slow = r1 * rise[0] + r2 * rise[1]
    return {
        "r0_discharge_ohm": table.discharge_ohm - slow,
        "r0_charge_ohm": table.charge_ohm - slow,
        "r1_ohm": r1,
        "r2_ohm": r2,
        "tau1_s": np.full_like(r1, TAU_S[0]),
        "tau2_s": np.full_like(r1, TAU_S[1]),
    }


def number(value: float, pattern: str) -> str:
    """Return a number as TOML wants it."""
    text = pattern.format(value)
    return text if any(mark in text for mark in ".e") else text + ".0"


def row_text(values: Array, pattern: str) -> str:
    """Return one row of a table."""
    return "[" + ", ".join(number(float(value), pattern) for value in values) + "]"


def circuit_text(text: CellText, ocv: Array, entropic: Array, table: Resistance) -> str:
    """Return the [circuit] table of a cell as TOML."""
    shares = LFP_SHARES if text.chemistry == "lfp" else NMC_SHARES
    lines = [
        "[circuit]",
        *comment_lines(text.circuit_comment),
        f"reference_temp_degc = {TEMP_REF_DEGC}",
        f"hysteresis_v = {text.hysteresis_v}",
        "hysteresis_rate = 50.0  # assumed: the branch changes over about 2 % of charge",
        f"soc = {row_text(SOC, '{:.4g}')}",
        f"temp_degc = {row_text(table.temp_degc, '{:.4g}')}",
        f"ocv_v = {row_text(ocv, '{:.5g}')}",
        f"entropic_v_per_k = {row_text(entropic, '{:.4g}')}",
    ]
    for name, rows in split(table, shares, text.pulse_s).items():
        lines += [f"{name} = [", *(f"  {row_text(row, '{:.4g}')}," for row in rows), "]"]
    return "\n".join(lines) + "\n"


Maker = Callable[[Path], tuple[Array, Array, Resistance]]


def sony(folder: Path) -> tuple[Array, Array, Resistance]:
    """Return voltage, entropic coefficient and resistance of LFP cells, before scaling."""
    return sony_ocv(folder), sony_entropic(), sony_resistance(folder)


def samsung(folder: Path) -> tuple[Array, Array, Resistance]:
    """Return voltage, entropic coefficient and resistance of the 94 Ah cell."""
    return samsung_ocv(folder), nmc_entropic(), samsung_resistance(folder)


def akasol(folder: Path) -> tuple[Array, Array, Resistance]:
    """Return voltage, entropic coefficient and resistance of NMC pouch cells, before scaling."""
    return sanyo_ocv(folder), nmc_entropic(), akasol_resistance(folder, AKASOL_TEMP_DEGC)


MAKERS: dict[str, Maker] = {"sony": sony, "samsung": samsung, "akasol": akasol}


def cell_text(text: CellText, folder: Path) -> str:
    """Return the whole parameter set of one cell as TOML."""
    ocv, entropic, table = MAKERS[text.tables](folder)
    if text.resistance_ohm_ah:
        table = table.scaled(text.resistance_ohm_ah / text.capacity_ah)
    return f"{text.head()}\n{text.thermal()}\n{circuit_text(text, ocv, entropic, table)}"


def main(arguments: list[str]) -> int:
    """Write every cell; return the exit code."""
    if not 1 <= len(arguments) <= 2 or not (folder := Path(arguments[0])).is_dir():
        print("usage: make_cells.py FOLDER [OUT]: FOLDER holds the SimSES cell tables", file=sys.stderr)
        return 2
    out = Path(arguments[1]) if len(arguments) == 2 else OUT
    out.mkdir(parents=True, exist_ok=True)
    for text in CELLS:
        path = out / f"{text.name}.toml"
        path.write_text(cell_text(text, folder), encoding="utf-8")
        print(path)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
