"""Write the tables of docs/runaway.md: onset, peak and energy of a cell, and propagation in a module, as simulated.

python tools/make_runaway_reference.py [--check]
"""

import sys
from math import isnan
from pathlib import Path

from reference_blocks import ROOT, Blocks, markdown, write_pages

from plant_models.cell import load_cell
from plant_models.runaway_parameters import EnclosureParameters, load_runaway
from plant_models.runaway_trials import ModuleTest, adiabatic_test, module_test

PAGES = (ROOT / "docs" / "runaway.md",)
CELLS = {"nmc": "nmc_94ah", "lfp": "lfp_302ah"}
AEROGEL = EnclosureParameters(barrier_thickness_m=0.003, barrier_w_per_mk=0.03)
CITED = {
    ("nmc", "t1"): "80-120 [6]",
    ("lfp", "t1"): "80-120 [6]",
    ("nmc", "onset"): "149-168 [4]",
    ("lfp", "onset"): "187-203 [4]",
    ("nmc", "t2"): "260 +- 26 [2]",
    ("lfp", "t2"): "187-203 [4]",
    ("nmc", "t3"): "678-870 [4, 7]",
    ("lfp", "t3"): "none found",
    ("nmc", "peak"): "678-1052 [4, 8]",
    ("lfp", "peak"): "404-534 [4, 8]",
    ("nmc", "heat"): "12.9-24.7 [2, 4, 9]",
    ("lfp", "heat"): "8.9-12.2 [4, 9]",
}


def cell_table() -> str:
    """Return onset, peak and energy of both sets beside what was measured."""
    rows = []
    for chemistry, name in CELLS.items():
        runaway, cell = load_runaway(chemistry), load_cell(name)
        found = adiabatic_test(runaway, cell)
        peak_degc = module_test(runaway, cell, n_cells=2).peak_degc[0]
        for key, label, value in (
            ("t1", "T1: self-heating of 0.02 K/min, °C", f"{found.t1_degc:.0f}"),
            ("onset", "self-heating of 2 K/min, °C", f"{found.onset_degc:.0f}"),
            ("t2", "T2: self-heating of 1 K/s, °C", f"{found.t2_degc:.0f}"),
            ("t3", "T3: end without any loss, °C", f"{found.t3_degc:.0f}"),
            ("peak", "peak of a cell heated from one side, °C", f"{peak_degc:.0f}"),
            ("heat", "heat, kJ/Ah", f"{found.heat_j_per_ah / 1000.0:.1f}"),
        ):
            rows.append([f"`{name}`", label, value, CITED[chemistry, key]])
    return markdown(("cell", "figure", "simulated", "cited"), rows)


def module_table() -> str:
    """Return the propagation of heated rows of cells."""
    cases = (
        ("lfp", 1.0, None, "film, full", "667-1305 s; less than 10 % [5]"),
        ("lfp", 0.8, None, "film, 80 % charge", "no propagation [5]"),
        ("lfp", 0.4, None, "film, 40 % charge", "no propagation [5]"),
        ("nmc", 1.0, None, "film, full", "about 430 s for 37 Ah [10]; 12 % for 25 Ah [3]"),
        ("nmc", 1.0, AEROGEL, "3 mm of aerogel, full", "no propagation, 3 mm, 147 Ah [11]"),
    )
    rows = []
    for chemistry, soc, enclosure, label, cited in cases:
        test = module_test(load_runaway(chemistry), load_cell(CELLS[chemistry]), soc=soc, enclosure=enclosure)
        rows.append([f"`{CELLS[chemistry]}`", label, _intervals(test), _share(test), cited])
    return markdown(("cells", "between them", "from cell to cell, s", "heat that triggers", "measured"), rows)


def _intervals(test: ModuleTest) -> str:
    known = [f"{interval:.0f}" for interval in test.intervals_s if not isnan(interval)]
    return ", ".join(known) or "no propagation"


def _share(test: ModuleTest) -> str:
    return "" if isnan(test.trigger_share) else f"{100.0 * test.trigger_share:.0f} %"


BLOCKS: Blocks = {"runaway.cell": cell_table, "runaway.module": module_table}


def main(pages: tuple[Path, ...] = PAGES) -> int:
    """Write or check the page; return the exit code."""
    return write_pages(pages, BLOCKS)


if __name__ == "__main__":
    sys.exit(main())
