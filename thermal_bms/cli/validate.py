"""``thermal-bms validate``: every check of the models that the data at hand allow, on one page."""

import argparse
import sys
from pathlib import Path

from thermal_bms.cli.run import check_folder
from thermal_bms.errors import ConfigError

SUMMARY = "compare the models with references and measurements"
DESCRIPTION = """\
Run every validation that the data at hand allow: step size, energy balance, the electrochemical cell against
reference arrays of PyBaMM, and, with a folder of measurements, a cell identified from its pulse tests against
its measured drives. Leaves validation.html with plots and validation.md.
"""
EPILOG = """\
examples:
  thermal-bms validate
  thermal-bms validate --data measurements --out output/validation

exit codes: 0 every figure holds its limit, 1 a figure misses it, 2 bad input
"""
PAGE = "validation.html"
TABLE = "validation.md"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the arguments of the verb."""
    parser.add_argument(
        "--data", metavar="FOLDER", type=Path, help="folder with pulse tests and drives of a cell"
    )
    reference_help = "folder of freshly computed reference arrays (default: those of the repository)"
    parser.add_argument("--reference", metavar="FOLDER", type=Path, help=reference_help)
    out_help = "folder for the page (default: output/validation)"
    parser.add_argument("--out", metavar="DIR", type=Path, default=Path("output/validation"), help=out_help)


def execute(arguments: argparse.Namespace) -> int:
    """Validate, write both pages and print the figures; return 0, or 1 when a figure misses its limit."""
    out: Path = arguments.out
    check_folder(out)

    from scenarios.validation import REFERENCE, validate
    from scenarios.validation_page import html_page, limit_text, markdown_table, value_text
    from thermal_bms.cli.tables import table

    reference: Path = arguments.reference or REFERENCE
    if arguments.reference and not reference.is_dir():
        raise ConfigError(
            f"--reference {reference}: no such folder; tools/make_reference_arrays.py makes one"
        )
    found = validate(
        arguments.data, lambda text: print(text, file=sys.stderr, flush=True), reference=reference
    )
    out.mkdir(parents=True, exist_ok=True)
    (out / TABLE).write_text(markdown_table(found.findings) + "\n", encoding="utf-8")
    (out / PAGE).write_text(html_page(found), encoding="utf-8")
    rows = [
        ("ok" if f.passed else "MISSED", f.subject, f.name, value_text(f), limit_text(f))
        for f in found.findings
    ]
    print(table(rows, header=("", "what", "figure", "measured", "at most"), right=[3, 4]))
    for note in found.notes:
        print(f"note: {note}")
    print(f"{out / PAGE}\n{out / TABLE}")
    missed = sum(not finding.passed for finding in found.findings)
    print(
        f"MISSED: {missed} of {len(found.findings)} figures"
        if missed
        else f"ok: {len(found.findings)} figures"
    )
    return 1 if missed else 0
