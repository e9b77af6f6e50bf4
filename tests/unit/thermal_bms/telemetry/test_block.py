import json

import pytest

from tests.unit.thermal_bms.telemetry.telemetry_samples import N_SIGNALS, row
from thermal_bms.telemetry.block import columns_of, deltas, inflated, pack, row_bytes, undone
from thermal_bms.telemetry.vss import vss_table


def test_a_block_gives_back_every_value_of_its_rows_in_the_unit_of_vss() -> None:
    signals = vss_table().signal
    rows = [[k * (i + 1) for i in range(N_SIGNALS)] for k in range(4)]
    block = inflated(pack([row_bytes(float(k), values) for k, values in enumerate(rows)]))
    columns = columns_of(block)
    assert len(columns) == N_SIGNALS
    for i, signal in enumerate(signals):
        assert columns[signal.path] == pytest.approx([values[i] * signal.step for values in rows])
    assert undone(block["service_ms"]) == [0, 1000, 2000, 3000]


def test_an_unknown_value_stays_unknown_and_does_not_disturb_its_neighbours() -> None:
    assert undone(deltas([None, 7, None, None, 9])) == [None, 7, None, None, 9]


def test_rows_of_another_table_are_passed_over() -> None:
    old = json.dumps([1000, 1, 2]).encode()
    block = inflated(pack([old, row(2.0).payload]))
    assert undone(block["service_ms"]) == [2000]


def test_a_block_without_a_readable_row_is_empty() -> None:
    block = inflated(pack([json.dumps([1000]).encode()]))
    assert block["service_ms"] == []
    assert all(column["deltas"] == [] for column in block["columns"].values())
