"""Write the tables of docs/bms.md that follow from the limit tables and from the settings of the BMS.

python tools/make_bms_reference.py            bring the page up to date
python tools/make_bms_reference.py --check    only say whether it is
"""

import sys
from functools import partial
from pathlib import Path

from reference_blocks import ROOT, Blocks, markdown, model_table, write_pages

from scenarios.fault_bench import MODES
from scenarios.fault_matrix import fault_cases
from thermal_bms.can.j1939.diagnostics import trouble_code
from thermal_bms.charging import ChargeSettings
from thermal_bms.estimation import EstimationSettings
from thermal_bms.faults import DiagnosticRow, Fault, FaultCode, Reaction, Severity
from thermal_bms.limits import Curve, LimitRow, load_diagnostics, load_limits
from thermal_bms.plausibility import (
    CELL_TEMP_RANGE_DEGC,
    CELL_VOLTAGE_RANGE_V,
    SCALAR_RANGES,
    STRING_VOLTAGE_RANGE_V,
)
from thermal_bms.supervisor import SupervisorSettings

PAGES = (ROOT / "docs" / "bms.md",)
CHEMISTRIES = ("lfp", "nmc")
RELATIVE = {
    "absolute": "",
    "cell_voltage_max_v": "above the cell's highest voltage",
    "cell_voltage_min_v": "above the cell's lowest voltage",
    "charge_current_max_a": "times the rating, charging",
    "discharge_current_max_a": "times the rating, discharging",
}
UNITS = {  # of levels and hysteresis, by the start of a code
    "CELL_TEMP_SPREAD": ("K", "K"),
    "CELL_VOLTAGE": ("V", "V"),
    "CELL_TEMP": ("°C", "K"),
    "CURRENT": ("", "A"),
}
CURVES = {
    "charge_over_temp_degc": "charge, over temperature, °C",
    "discharge_over_temp_degc": "discharge, over temperature, °C",
    "charge_over_soc": "charge, over state of charge",
    "discharge_over_soc": "discharge, over state of charge",
    "resistance_over_soc": "resistance, over state of charge",
}
SUPERVISOR = {
    "over_temp_hysteresis_k": "full cooling ends this far below",
    "pump_rate_per_s": "largest change of the pump's duty",
    "fan_rate_per_s": "largest change of the fan's duty",
    "compressor_rise_per_s": "largest rise of the compressor's duty",
    "heater_rise_per_s": "largest rise of the heater's duty",
}
CHARGE = {"target_soc": "a charge ends here; a scenario's `until_soc`"}


def limit_table(chemistry: str) -> str:
    """Return the levels of a chemistry, with what they are relative to and their times."""
    rows = [_limit_row(row) for row in load_limits(chemistry).limit]
    header = (
        "limit",
        "operate",
        "warn",
        "trip",
        "relative to",
        "hysteresis",
        "debounce s",
        "delay s",
        "forewarning s",
    )
    return markdown(header, rows)


def _limit_row(row: LimitRow) -> tuple[str, ...]:
    unit, difference = next(units for start, units in UNITS.items() if row.code.name.startswith(start))
    levels = (f"{level:g} {unit}".rstrip() for level in (row.operate, row.warn, row.trip))
    times = (
        f"{row.hysteresis:g} {difference}",
        f"{row.debounce_s:g}",
        f"{row.delay_s:g}",
        f"{row.forewarn_s:g}",
    )
    return f"`{row.code.name}`", *levels, RELATIVE[row.relative_to], *times


def derating_table(chemistry: str) -> str:
    """Return the factors of a chemistry as points "at: factor"."""
    derating = load_limits(chemistry).derating
    rows = [(title, _points(getattr(derating, name))) for name, title in CURVES.items()]
    return markdown(("factor on", "at: factor, linear between"), rows)


def _points(curve: Curve) -> str:
    return ", ".join(f"{x:g}: {y:g}" for x, y in zip(curve.over, curve.factor, strict=True))


def diagnostic_table() -> str:
    """Return the diagnostics that hold for every chemistry."""
    return _rows_of(load_diagnostics())


def own_diagnostic_table(chemistry: str) -> str:
    """Return the diagnostics of one chemistry."""
    return _rows_of(load_limits(chemistry).diagnostic)


def _rows_of(rows: tuple[DiagnosticRow, ...]) -> str:
    header = (
        "fault",
        "when",
        "debounce s",
        "severity",
        "reaction",
        "after s",
        "forewarning s",
        "clears",
        "SPN/FMI",
    )
    return markdown(header, [_diagnostic(row) for row in rows])


def _diagnostic(row: DiagnosticRow) -> tuple[str, ...]:
    trouble = trouble_code(Fault(row.code, row.severity, 0.0, 0.0, 0.0, 0))
    opens = row.reaction in {Reaction.OPEN, Reaction.OPEN_AT_ONCE}
    relative = f" {RELATIVE[row.relative_to]}" if row.relative_to != "absolute" else ""
    return (
        f"`{row.code.name}`",
        f"`{row.quantity}` {row.direction} {row.limit:g}{relative}",
        f"{row.debounce_s:g}",
        row.severity.name.lower(),
        row.reaction.name.lower().replace("_", " "),
        f"{row.delay_s:g}" if opens else "",
        f"{row.forewarn_s:g}" if opens else "",
        "by hand" if row.latch else f"{row.hysteresis:g} inside" if row.hysteresis else "by itself",
        f"{trouble.spn}/{trouble.fmi}",
    )


def contactor_table() -> str:
    """Return when contactors may move, the same for every chemistry."""
    tables = [load_limits(chemistry).contactor for chemistry in CHEMISTRIES]
    if any(table != tables[0] for table in tables):
        raise ValueError("the chemistries differ: write one table for each")
    fields = type(tables[0]).model_fields
    rows = [
        (f"`{name}`", f"{getattr(tables[0], name):g}", field.description or "")
        for name, field in fields.items()
    ]
    return markdown(("key", "value", "meaning"), rows)


def matrix_table() -> str:
    """Return the size of the fault matrix by mode and severity."""
    cases = fault_cases()
    rows = []
    for mode in MODES:
        severities = [case.row.severity for case in cases if case.mode == mode]
        counts = [severities.count(severity) for severity in Severity]
        codes = len({case.row.code for case in cases if case.mode == mode})
        rows.append((mode, str(len(severities)), *(str(count) for count in counts), str(codes)))
    return markdown(("mode", "entries", *(severity.name.lower() for severity in Severity), "codes"), rows)


def code_table() -> str:
    """Return the fault codes with their numbers."""
    return ", ".join(f"{code.value} `{code.name}`" for code in FaultCode)


def range_table() -> str:
    """Return what a measured value can be."""
    ranges = {
        "cell_voltage_v": CELL_VOLTAGE_RANGE_V,
        "cell_temp_degc": CELL_TEMP_RANGE_DEGC,
        "string_voltage_v": STRING_VOLTAGE_RANGE_V,
        **SCALAR_RANGES,
    }
    return markdown(
        ("measurement", "from", "to"), [(f"`{k}`", f"{a:g}", f"{b:g}") for k, (a, b) in ranges.items()]
    )


BLOCKS: Blocks = {
    **{f"limits.{chemistry}": partial(limit_table, chemistry) for chemistry in CHEMISTRIES},
    **{f"derating.{chemistry}": partial(derating_table, chemistry) for chemistry in CHEMISTRIES},
    **{f"diagnostics.{chemistry}": partial(own_diagnostic_table, chemistry) for chemistry in CHEMISTRIES},
    "diagnostics": diagnostic_table,
    "contactors": contactor_table,
    "matrix": matrix_table,
    "codes": code_table,
    "ranges": range_table,
    "supervisor": lambda: model_table(SupervisorSettings, SUPERVISOR),
    "charging": lambda: model_table(ChargeSettings, CHARGE),
    "estimation": lambda: model_table(EstimationSettings, {}),
}


def main(pages: tuple[Path, ...] = PAGES) -> int:
    """Write or check the page; return the exit code."""
    return write_pages(pages, BLOCKS)


if __name__ == "__main__":
    sys.exit(main())
