"""Write the tables of docs/telemetry.md from the code; ``--check`` only says whether they are up to date.

python tools/make_telemetry_reference.py
"""

import sys
from functools import partial

from reference_blocks import ROOT, Blocks, markdown, model_table, write_pages

from thermal_bms.telemetry.config import BrokerSettings, BufferSettings, TelemetrySettings
from thermal_bms.telemetry.remote import MODE, RANGES, READY_AHEAD_MAX_S, READY_AT, ConditioningMode
from thermal_bms.telemetry.vss import vss_table

PAGES = (ROOT / "docs" / "telemetry.md",)
_UNITS = {"battery_temp_degc": "Celsius", "cabin_temp_degc": "Celsius", "charge_power_w": "kW"}


def signals(*, overlay: bool) -> str:
    """Return the values that leave the truck, under names of VSS or of the overlay."""
    rows = [
        (
            f"`{one.path}`",
            one.unit,
            f"{one.step:g}",
            f"`{one.field}`" + (f", {one.statistic}" if one.statistic else ""),
            f"{one.factor:g}",
            one.description,
        )
        for one in vss_table().signal
        if one.overlay is overlay
    ]
    header: tuple[str, ...] = ("path", "unit", "step", "field", "factor", "meaning")
    if not overlay:
        header, rows = header[:-1], [row[:-1] for row in rows]  # type: ignore[misc]
    return markdown(header, rows)


def unmapped() -> str:
    """Return the fields that stay on the truck."""
    return markdown(("field", "why"), [(f"`{name}`", why) for name, why in vss_table().unmapped.items()])


def setpoints() -> str:
    """Return what can be commanded from afar."""
    rows = [
        (f"`{MODE}`", "", ", ".join(f"`{mode}`" for mode in ConditioningMode)),
        (f"`{READY_AT}`", "ISO 8601", f"later than now, within {READY_AHEAD_MAX_S / 3600.0:g} h"),
    ]
    rows += [(f"`{path}`", _UNITS[one.field], f"{one.low:g} to {one.high:g}") for path, one in RANGES.items()]
    return markdown(("path", "unit", "allowed"), rows)


BLOCKS: Blocks = {
    "telemetry.settings": partial(model_table, TelemetrySettings, {}),
    "telemetry.broker": partial(model_table, BrokerSettings, {}),
    "telemetry.buffer": partial(model_table, BufferSettings, {}),
    "telemetry.vss": partial(signals, overlay=False),
    "telemetry.overlay": partial(signals, overlay=True),
    "telemetry.unmapped": unmapped,
    "telemetry.setpoints": setpoints,
}

if __name__ == "__main__":
    sys.exit(write_pages(PAGES, BLOCKS))
