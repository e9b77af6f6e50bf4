"""Compute reference arrays with PyBaMM and BLAST-Lite as installed now: ``PYTHON tools/validate_live.py --out DIR``.

PYTHON is an interpreter of an environment of its own that holds them, as ``make validate`` sets it up. Each
script below runs by itself; one that is not there, or takes no ``--out``, is named and left out.
"""

import argparse
import subprocess
import sys
from pathlib import Path

TOOLS = Path(__file__).resolve().parent
SCRIPTS = ("make_reference_arrays.py", "make_ageing_reference.py")


def takes_out(script: Path) -> bool:
    """Return whether a script says that it writes where it is told."""
    command = [sys.executable, str(script), "--help"]
    told = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603 - our own scripts
    return told.returncode == 0 and "--out" in told.stdout


def main() -> int:
    """Run every script; return the worst exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="folder for the arrays")
    out: Path = parser.parse_args().out
    worst = 0
    for name in SCRIPTS:
        script = TOOLS / name
        if not script.is_file() or not takes_out(script):
            print(f"{name}: not here, or takes no --out: left out")
            continue
        command = [sys.executable, str(script), "--out", str(out)]
        worst = max(worst, subprocess.run(command, check=False).returncode)  # noqa: S603 - our own scripts
    return worst


if __name__ == "__main__":
    sys.exit(main())
