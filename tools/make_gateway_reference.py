"""Write the tables of docs/deployment.md that follow from the code.

python tools/make_gateway_reference.py            bring the page up to date
python tools/make_gateway_reference.py --check    only say whether it is
"""

import sys
from functools import partial

from reference_blocks import ROOT, Blocks, markdown, model_table, write_pages

from thermal_bms.can.codec import CommandCodec
from thermal_bms.can.interface import BusSettings
from thermal_bms.can.j1939.identifier import parse_identifier
from thermal_bms.gateway_config import GatewaySettings, NetworkSettings, RingSettings

PAGES = (ROOT / "docs" / "deployment.md",)


def messages() -> str:
    """Return every message that a gateway can send."""
    slots = {slot.layout.name: slot for slot in CommandCodec(1).bus_map.slots}
    rows = []
    for name, slot in slots.items():
        header = parse_identifier(slot.identifier)
        rows.append((name, f"0x{header.pgn:04X}", str(header.source), f"{1000.0 * slot.period_s:g} ms"))
    return markdown(("message", "group", "source", "period"), rows)


BLOCKS: Blocks = {
    "gateway.settings": partial(model_table, GatewaySettings, {}),
    "gateway.bus": partial(model_table, BusSettings, {}),
    "gateway.network": partial(model_table, NetworkSettings, {}),
    "gateway.recording": partial(model_table, RingSettings, {}),
    "gateway.messages": messages,
}

if __name__ == "__main__":
    sys.exit(write_pages(PAGES, BLOCKS))
