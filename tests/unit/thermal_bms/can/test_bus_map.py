import numpy as np
import pytest

from tests.unit.thermal_bms.can.can_samples import SHAPE
from thermal_bms.can.bus_map import BusMap, PackShape
from thermal_bms.can.mapping import GBT_DEMAND_ON_BUS, MEASUREMENT_ON_BUS, FieldOnBus, Repeat
from thermal_bms.errors import CodecError


def test_strings_send_from_addresses_in_a_row() -> None:
    bus_map = BusMap(MEASUREMENT_ON_BUS, SHAPE)
    sources = {slot.endpoint[1] for slot in bus_map.slots if slot.layout.name == "STRM"}
    assert sources == {0x80, 0x81}


def test_addresses_can_be_configured() -> None:
    bus_map = BusMap(MEASUREMENT_ON_BUS, SHAPE, sources={"StringUnit": 0x90, "VCU": 0x11})
    sources = {slot.layout.name: slot.endpoint[1] for slot in bus_map.slots}
    assert (sources["STRM"], sources["AMB"], sources["JBOX"]) == (0x91, 0x11, 0xA0)


def test_only_pages_that_the_pack_fills_are_sent_spread_over_their_period() -> None:
    bus_map = BusMap(MEASUREMENT_ON_BUS, SHAPE)
    slots = [slot for slot in bus_map.slots if slot.layout.name == "CELLV" and slot.endpoint[1] == 0x80]
    assert [slot.page for slot in slots] == [0, 1, 2]
    assert [round(slot.phase_s, 3) for slot in slots] == [0.0, 0.333, 0.667]
    assert slots[2].positions[1:] == (-1, -1)


def test_every_value_has_one_slot() -> None:
    bus_map = BusMap(MEASUREMENT_ON_BUS, SHAPE)
    assert bus_map.slot_of.min() >= 0
    assert sum(place >= 0 for slot in bus_map.slots for place in slot.positions) == bus_map.size


def test_a_foreign_sign_is_turned_on_the_way() -> None:
    bus_map = BusMap(GBT_DEMAND_ON_BUS, PackShape(1, 1, 1))
    arrived, held = bus_map.quantise(np.array([150.04, 600.0, 2.0]))
    np.testing.assert_allclose(arrived, [150.0, 600.0, 2.0], rtol=1e-12)
    assert held.all()
    _, held = bus_map.quantise(np.array([400.2, 750.2, 1.0]))
    assert bus_map.names(~held) == ("charge_current_a", "charge_voltage_v")


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (
            FieldOnBus("bus_voltage_v", "cells", "NONE"),
            r"cells\.dbc: has no message NONE, which carries bus_voltage_v",
        ),
        (FieldOnBus("pump_duty", "cells", "JBOX"), r"cells\.dbc: JBOX has no signal PumpDuty for pump_duty"),
        (
            FieldOnBus("soc_min", "hvess", "HVESSCFG"),
            r"HVESSCFG, which carries soc_min, has no GenMsgCycleTime",
        ),
    ],
)
def test_a_table_that_the_definition_does_not_hold_is_refused(row: FieldOnBus, expected: str) -> None:
    with pytest.raises(CodecError, match=expected):
        BusMap([row], SHAPE)


def test_a_pack_with_more_cells_than_signals_is_refused() -> None:
    row = FieldOnBus("cell_voltage_v", "cells", "CELLV", Repeat.CELLS)
    BusMap([row], PackShape(1, 402, 1))
    with pytest.raises(CodecError, match="CELLV has no signal CellVoltageV402 for cell_voltage_v"):
        BusMap([row], PackShape(1, 403, 1))
