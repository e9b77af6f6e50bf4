"""A cell parameter set as TOML, in the form of the library's own."""

import json
import textwrap
from collections.abc import Sequence

from plant_models.cell import CellParameters
from plant_models.identification.thermal import Thermal
from thermal_bms.parameters import Source

COMMENT_WIDTH = 106


def cell_text(
    cell: CellParameters, sources: Sequence[Source], thermal: Thermal | None, figures: Sequence[str]
) -> str:
    """Return the text of a parameter set that ``plant_models.cell.load_cell`` reads.

    Parameters
    ----------
    figures : lines about how well it fits, written as comments
    """
    facts = cell.model_dump(exclude={"source", "thermal", "circuit"})
    lines = [*_comment("Written by thermal-bms identify. " + " ".join(figures))]
    lines += [f"{key} = {_value(value)}" for key, value in facts.items()]
    for source in sources:
        lines += [
            "",
            "[[source]]",
            *(f"{key} = {_value(value)}" for key, value in source.model_dump().items()),
        ]
    lines += ["", "[thermal]", *_thermal_comment(thermal)]
    lines += [f"{key} = {_value(value)}" for key, value in cell.thermal.model_dump().items()]
    lines += ["", "[circuit]", *(_entry(key, value) for key, value in cell.circuit.model_dump().items())]
    return "\n".join(lines) + "\n"


def _thermal_comment(thermal: Thermal | None) -> list[str]:
    if thermal is None:
        return _comment("From cell.toml; no drive was given.")
    return _comment(
        f"Heat capacity {thermal.heat_capacity_j_per_k:.1f} J/K and core_to_surface from a drive, case within "
        f"{thermal.rms_k:.2f} K rms; the test bench took {thermal.ambient_w_per_k:.3f} W/K from the can to its air, "
        "which is no property of the cell. Other numbers from cell.toml."
    )


def _comment(text: str) -> list[str]:
    return [f"# {line}" for line in textwrap.wrap(text, width=COMMENT_WIDTH)]


def _entry(key: str, value: object) -> str:
    if isinstance(value, tuple) and value and isinstance(value[0], tuple):
        rows = "\n".join(f"  {_value(row)}," for row in value)
        return f"{key} = [\n{rows}\n]"
    return f"{key} = {_value(value)}"


def _value(value: object) -> str:
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, (tuple, list)):
        return "[" + ", ".join(_value(one) for one in value) + "]"
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return text if any(mark in text for mark in ".e") or not isinstance(value, float) else text + ".0"
