"""Write the plating-safe charge rates of the trucks' cells: ``python tools/make_plating_table.py [CELL ...]``.

Each table is the charge that rides on the margin (``plant_models/plating_limit.py``), of the cell's electrochemical
set with the paper's own graphite where the scaling made it faster: the resistance of a whole cell does not tell which
of its electrodes is fast. The table is then followed from empty at its temperatures and half way between them, and
taken down until every one of these charges keeps the margin. Prints the rates at 10 degC beside published ones.
"""

import argparse
from pathlib import Path

import numpy as np
from make_truck_electrochemistry import DESIGNS

from plant_models.cell import load_cell
from plant_models.plating_limit import least_anode_potential_v, limited_rates
from plant_models.spme_parameters import SpmeParameters, load_spme
from thermal_bms.parameters import Source
from thermal_bms.plating import PREFIX, TABLES, PlatingLimit, PlatingTable
from thermal_bms.units import FloatArray

MARGIN_V = 0.010
TEMP_DEGC = np.array([-20.0, -10.0, -5.0, 0.0, 5.0, 10.0, 15.0, 20.0, 25.0, 30.0, 35.0, 40.0, 45.0])
SOC = np.linspace(0.0, 1.0, 21)
AHEAD = float(SOC[1] - SOC[0])  # a charge estimated too low by this is still safe
FINE = 10
EXTRA_V = (0.0, 0.001, 0.002, 0.003, 0.005, 0.007, 0.01)
NREL_AT_10_DEGC = {"lfp": 0.16, "nmc": 0.3}


def cautious(name: str) -> SpmeParameters:
    """Return a cell's set, its graphite no faster than published."""
    found, published = load_spme(name), load_spme(DESIGNS[name].base)
    slower = min(found.negative.exchange_current_a_per_m2, published.negative.exchange_current_a_per_m2)
    negative = found.negative.model_copy(update={"exchange_current_a_per_m2": slower})
    return found.model_copy(update={"negative": negative})


def plating_table(name: str) -> tuple[PlatingTable, float]:
    """Return the table of a cell, and the least anode potential of the charges that followed it [V]."""
    ratings, cell = load_cell(name), cautious(name)
    rate_max = ratings.charge_current_max_a / ratings.capacity_ah
    between = np.sort(np.concatenate([TEMP_DEGC, 0.5 * (TEMP_DEGC[1:] + TEMP_DEGC[:-1])]))
    fine = np.linspace(0.0, 1.0 + AHEAD, FINE * SOC.size + 1)
    for extra_v in EXTRA_V:
        rates = limited_rates(
            cell, TEMP_DEGC, np.minimum(fine, 1.0), rate_max=rate_max, margin_v=MARGIN_V + extra_v
        )
        ahead = np.array([rates[:, FINE * i : FINE * (i + 1) + 1].min(axis=1) for i in range(SOC.size)]).T
        table = made(name, ahead, extra_v)
        least_v = float(least_anode_potential_v(cell, between, PlatingLimit(table).c_rate).min())
        if least_v >= MARGIN_V:
            return table, least_v
    raise SystemExit(f"error: {name}: the margin is not kept; last {1e3 * least_v:.1f} mV")


def made(name: str, rates: FloatArray, extra_v: float) -> PlatingTable:
    """Return the table of these rates, rounded down."""
    down = np.floor(1e3 * rates) / 1e3
    source = Source(
        title=f"Charges of the electrochemical set {name} from empty, riding on the margin",
        kind="assumed",
        reference=f"tools/make_plating_table.py; sources of parameter_sets/electrochemistry/{name}.toml",
        notes="graphite no faster than published; up to the cell's rating; least rate of the next "
        f"{100.0 * AHEAD:g} % of charge; ridden {1e3 * extra_v:g} mV above the margin, so that charges "
        "that follow the table keep it",
    )
    return PlatingTable(
        cell=name,
        source=(source,),
        margin_v=MARGIN_V,
        temp_degc=tuple(TEMP_DEGC.tolist()),
        soc=tuple(np.round(SOC, 3).tolist()),
        c_rate_max=tuple(tuple(row) for row in down.tolist()),
    )


def table_text(table: PlatingTable) -> str:
    """Return a table as TOML."""
    source = table.source[0]
    lines = [
        f"# Charge rates of {table.cell} at which the anode stays above lithium by the margin",
        "# Written by tools/make_plating_table.py; change the script, not this file.",
        f'cell = "{table.cell}"',
        f"margin_v = {table.margin_v}",
        f"temp_degc = {list(table.temp_degc)}",
        f"soc = {list(table.soc)}",
        "c_rate_max = [",
        *(f"    {list(row)}," for row in table.c_rate_max),
        "]",
        "",
        "[[source]]",
        *(f'{key} = "{value}"' for key, value in source.model_dump().items()),
    ]
    return "\n".join(lines) + "\n"


def line(table: PlatingTable, least_v: float) -> str:
    """Return the printed line of a table."""
    limit = PlatingLimit(table)
    at = [f"{limit.c_rate(temp, soc):.2f}" for temp in (0.0, 10.0, 25.0) for soc in (0.2, 0.5, 0.9)]
    nrel = NREL_AT_10_DEGC[table.cell[:3]]
    return f"| `{table.cell}` | " + " | ".join(at) + f" | {nrel:.2f} | {1e3 * least_v:.1f} |"


def main() -> None:
    """Write the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cell", nargs="*", help="by default all")
    names = parser.parse_args().cell or list(DESIGNS)
    if unknown := sorted(set(names) - set(DESIGNS)):
        parser.error(f"no design for {', '.join(unknown)}; known: {', '.join(DESIGNS)}")
    columns = [f"{temp} degC {soc} %" for temp in (0, 10, 25) for soc in (20, 50, 90)]
    print("| cell | " + " | ".join(columns) + " | NREL 10 degC | least anode potential mV |")
    print("|---|" + "---|" * (len(columns) + 2))
    for name in names:
        table, least_v = plating_table(name)
        Path(TABLES / f"{PREFIX}{name}.toml").write_text(table_text(table), encoding="utf-8")
        print(line(table, least_v))


if __name__ == "__main__":
    main()
