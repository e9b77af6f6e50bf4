"""Write the electrochemical sets of the trucks' cells: ``python tools/make_truck_electrochemistry.py [CELL ...]``.

Each is a published small cell, scaled by the rule of ``plant_models/spme_scaling.py`` to a cell of
``parameter_sets/cells``; a user's own cell is one more line in ``DESIGNS``. Prints how well the resistance after
ten seconds and the open-circuit voltage are met.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from plant_models.cell import CellParameters, load_cell
from plant_models.spme_parameters import ELECTROCHEMISTRY, SpmeParameters, load_spme
from plant_models.spme_scaling import (
    FIT_TEMPS_DEGC,
    Knobs,
    aligned_window,
    fitted,
    open_circuit_misfit_v,
    positive_curve,
    scaled,
    ten_second_resistance_ohm,
    thickness_for,
)
from plant_models.truck_parameters import table_at_half_charge
from thermal_bms.parameters import Source

BLADE = Source(
    title="Teardown of a 135 Ah LFP blade cell: 2.39 mAh/cm2, coatings of 65 and 70 um",
    kind="measured",
    reference="Gorsch et al., Cell Reports Physical Science, March 2025",
    notes="charge per area",
)
THINNER = Source(
    title="Charge per area of a cell for 2C charging",
    kind="assumed",
    notes="1.8 mAh/cm2, three quarters of the blade cell's",
)
POUCH = Source(
    title="Teardown of a 78 Ah NMC pouch cell: 5.0 mAh/cm2, of which 93 % are used",
    kind="measured",
    reference="Guenter and Wassiliadis, J. Electrochem. Soc. 169 (2022) 030515",
    notes="charge per area, taken as 4.0 mAh/cm2: with 4.7 the resistance at 10 degC would be 20 % above the "
    "target, which was measured on another cell",
)
PRISMATIC = Source(
    title="Charge per area of a 94 Ah prismatic cell",
    kind="assumed",
    notes="2.5 mAh/cm2: the cell holds half the energy per volume of the LG M50, which has 5.0 mAh/cm2",
)


class Design(NamedTuple):
    """The small cell to start from, the charge per area [Ah/m2], and where that comes from."""

    base: str
    capacity_ah_per_m2: float
    source: Source


DESIGNS = {
    "lfp_202ah": Design("prada2013", 23.9, BLADE),
    "lfp_302ah": Design("prada2013", 23.9, BLADE),
    "lfp_302ah_fast_charge": Design("prada2013", 18.0, THINNER),
    "nmc_56ah_pouch": Design("okane2022", 40.0, POUCH),
    "nmc_78ah_pouch": Design("okane2022", 40.0, POUCH),
    "nmc_94ah": Design("okane2022", 25.0, PRISMATIC),
}


def positive_text(base: SpmeParameters, cell: CellParameters) -> str:
    """Return the CSV of the positive electrode."""
    rows = positive_curve(base, cell, aligned_window(base, cell)).T
    lines = [
        f"# positive electrode of {cell.name}, written by tools/make_truck_electrochemistry.py",
        f"# source: open-circuit voltage and entropic coefficient of {cell.name} against the negative of {base.name}",
        f"# source: diffusivity, and all beyond the cell's window: {base.positive.table}",
        "stoichiometry,ocp_v,entropic_v_per_k,diffusivity_m2_per_s",
    ]
    return "\n".join(lines + [f"{y:.3f},{u:.7g},{s:.5g},{d:.5g}" for y, u, s, d in rows]) + "\n"


def set_text(found: SpmeParameters, design: Design, base: SpmeParameters, knobs: Knobs) -> str:
    """Return the TOML of a set."""
    note = Source(
        title=f"Scaling of {base.name} to {found.name}",
        kind="assumed",
        reference="rule in plant_models/spme_scaling.py",
        notes=f"coatings {knobs.thickness:.3f} times as thick, exchange currents times {knobs.interface:.3f}, "
        f"contact resistance {1e4 * knobs.contact_ohm_m2:.3f} ohm cm2; positive potential from the cell's own "
        "open-circuit voltage",
    )
    cell_source = Source(
        title=f"Parameter set {found.name} of a truck's cell",
        kind="measured",
        reference=f"parameter_sets/cells/{found.name}.toml, with its sources",
        notes="capacity, voltages, open-circuit voltage, entropic coefficient, resistance, mass, size",
    )
    data = found.model_dump(mode="json", exclude_none=True)
    data["source"] = [x.model_dump() for x in (note, cell_source, design.source, *base.source)]
    head = f"# {base.name} scaled to {found.name}\n# Written by tools/make_truck_electrochemistry.py; change it.\n"
    return head + "\n".join(toml_lines(data)).replace("\n\n\n", "\n\n") + "\n"


def toml_lines(table: dict[str, Any], path: str = "") -> Iterator[str]:  # any TOML value
    """Yield a table as TOML: plain values first, then the tables below it."""
    for key, value in table.items():
        if not isinstance(value, (dict, list)):
            yield f"{key} = {_number(value)}"
    for key, value in table.items():
        below = f"{path}.{key}" if path else key
        if isinstance(value, dict):
            yield f"\n[{below}]"
            yield from toml_lines(value, below)
        elif isinstance(value, list):
            for item in value:
                yield f"\n[[{below}]]"
                yield from toml_lines(item, below)


def _number(value: str | float) -> str:
    return f"{value:.7g}" if isinstance(value, float) else json.dumps(value, ensure_ascii=False)


def make(name: str, out: Path) -> str:
    """Write one set and return its line of the table."""
    design, cell = DESIGNS[name], load_cell(name)
    base = load_spme(design.base)
    table = f"positive_{name}"
    (out / "electrodes" / f"{table}.csv").write_text(positive_text(base, cell), encoding="utf-8")
    knobs = fitted(base, cell, thickness_for(base, cell, design.capacity_ah_per_m2), table)
    found = scaled(base, cell, knobs, table)
    (out / f"{name}.toml").write_text(set_text(found, design, base, knobs), encoding="utf-8")
    return report(name)


def report(name: str) -> str:
    """Return the line of a set: resistance times capacity against the target, and the open-circuit voltage."""
    cell, found = load_cell(name), load_spme(name)
    cells = [f"`{name}`"]
    for temp_degc in FIT_TEMPS_DEGC:
        target_ohm = table_at_half_charge(cell, temp_degc)
        ohm = ten_second_resistance_ohm(found, temp_degc)
        found_text, target_text = (f"{1e3 * r * cell.capacity_ah:.1f}" for r in (ohm, target_ohm))
        cells.append(f"{found_text} / {target_text} ({ohm / target_ohm - 1.0:+.0%})")
    misfit_v = open_circuit_misfit_v(found, cell)
    rms_v = float(np.sqrt(np.mean(misfit_v**2)))
    cells.append(f"{1e3 * rms_v:.1f}, {1e3 * float(np.abs(misfit_v).max()):.1f}")
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    """Write the sets."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cell", nargs="*", help="by default all")
    names = parser.parse_args().cell or list(DESIGNS)
    if unknown := sorted(set(names) - set(DESIGNS)):
        parser.error(f"no design for {', '.join(unknown)}; known: {', '.join(DESIGNS)}")
    print("| cell | " + " | ".join(f"{t:g} degC, mohm Ah" for t in FIT_TEMPS_DEGC) + " | OCV mV rms, most |")
    print("|---|" + "---|" * (len(FIT_TEMPS_DEGC) + 1))
    for name in names:
        print(make(name, ELECTROCHEMISTRY))


if __name__ == "__main__":
    main()
