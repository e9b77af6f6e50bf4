import runpy
from pathlib import Path

from thermal_bms.can.database import FOLDER

TOOL = Path(__file__).parents[3] / "tools" / "make_dbc.py"


def test_the_repeated_definitions_are_what_the_tool_writes() -> None:
    tool = runpy.run_path(str(TOOL))
    assert (FOLDER / "cells.dbc").read_text(encoding="ascii") == tool["cells"]()
    assert (FOLDER / "hvesp.dbc").read_text(encoding="ascii") == tool["packs"]()
