"""``thermal-bms identify``: a cell parameter set from measurements, with figures that say how well it fits."""

import argparse
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from thermal_bms.cli.run import check_folder
from thermal_bms.cli.tables import number, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plant_models.identification.cell import Files, Identified
    from plant_models.identification.finding import Finding

SUMMARY = "make a cell parameter set from measurements"
DESCRIPTION = """\
Read a slow discharge (ocv in its name), pulse tests at two or more temperatures (hppc in their names) and,
if given, one drive; fit open-circuit voltage, circuit, heat capacity and thermal resistances; leave the cell
as TOML that a truck can name, with plots. Files are CSV, or .mat with a struct meas. Ratings, mass and size
stand in cell.toml beside the measurements.
"""
EPILOG = """\
examples:
  thermal-bms identify measurements --drive 25degC_Cycle_1
  thermal-bms identify measurements --about my_cell.toml --out output/my_cell

exit codes: 0 the fit holds its figures, 1 it does not, 2 bad input
"""
PAGE = "identification.html"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the arguments of the verb."""
    parser.add_argument("folder", metavar="FOLDER", type=Path, help="folder of the measurements")
    about_help = "ratings, mass and size (default: cell.toml of the folder)"
    parser.add_argument("--about", metavar="FILE", type=Path, help=about_help)
    drive_help = "name of the drive that heat capacity and thermal resistances come from"
    parser.add_argument("--drive", metavar="NAME", help=drive_help)
    out_help = "folder for the results (default: output/identify)"
    parser.add_argument("--out", metavar="DIR", type=Path, default=Path("output/identify"), help=out_help)


def execute(arguments: argparse.Namespace) -> int:
    """Identify the cell and write it; return 0, or 1 when the fit misses its own figures."""
    check_folder(arguments.out)

    from plant_models.identification.cell import find_files, identify

    files = find_files(arguments.folder, arguments.about, arguments.drive)
    temps = ", ".join(f"{test.temp_degc:.0f}" for test in files.pulses)
    print(f"pulse tests at {temps} degC; this takes half a minute", file=sys.stderr, flush=True)
    found = identify(files)
    for warning in found.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    findings = _written(files, found, arguments.out)
    rows = [
        ("ok" if f.passed else "FAILED", f.subject, f.name, number(f.value), _limit(f), f.unit)
        for f in findings
    ]
    print(table(rows, header=("", "what", "figure", "value", "at most", ""), right=[3, 4]))
    failed = [finding for finding in findings if not finding.passed]
    for name in (f"{found.cell.name}.toml", PAGE):
        print(arguments.out / name)
    if failed:
        print(f"FAILED: {len(failed)} figures of the fit miss their limit; do not use this cell as it is")
    return 1 if failed else 0


def _limit(finding: "Finding") -> str:
    return "" if math.isnan(finding.limit) else number(finding.limit)


def _written(files: "Files", found: "Identified", out: Path) -> "Sequence[Finding]":
    """Write the cell and its page; return the figures of the fit."""
    from plant_models.identification.cell import sources_of
    from plant_models.identification.finding import fit_findings
    from plant_models.identification.toml_text import cell_text
    from scenarios.identification_page import identification_page
    from scenarios.validation_data import compare_drive

    drive = compare_drive(found, files.drive) if files.drive is not None else None
    findings = fit_findings(found, drive.error if drive else None)
    lines = [f"{f.subject}: {f.name} {number(f.value)} {f.unit}".rstrip() + "." for f in findings]
    out.mkdir(parents=True, exist_ok=True)
    text = cell_text(found.cell, sources_of(files), found.thermal, lines)
    (out / f"{found.cell.name}.toml").write_text(text, encoding="utf-8")
    (out / PAGE).write_text(identification_page(files, found, findings, drive), encoding="utf-8")
    return findings
