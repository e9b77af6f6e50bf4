import json
import math
import os
from pathlib import Path
from typing import NoReturn

import pytest

from thermal_bms.errors import ConfigError
from thermal_bms.faults import Fault, FaultCode, Severity
from thermal_bms.persistence import SLOTS, StateStore, StoredState

FAULT = Fault(FaultCode.CELL_TEMP_HIGH_DISCHARGE, Severity.TRIP, 0.0, 61.5, 60.0, 2)
STATE = StoredState(
    soc=0.625,
    soh=0.9,
    discharged_j=1.5e9,
    charged_j=1.4e9,
    operating_s=3600.0,
    latched=(FAULT,),
    disabled={"mpc": "too slow"},
)


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    StateStore(tmp_path / "new" / "folder").save(STATE)
    assert StateStore(tmp_path / "new" / "folder").load() == STATE


def test_without_anything_stored_nothing_is_known(tmp_path: Path) -> None:
    empty = StateStore(tmp_path).load()
    assert math.isnan(empty.soc)
    assert math.isnan(empty.soh)
    assert (empty.latched, empty.disabled, empty.discharged_j) == ((), {}, 0.0)


def test_unknown_values_stay_unknown(tmp_path: Path) -> None:
    store = StateStore(tmp_path)
    store.save(StoredState(latched=(Fault(FaultCode.CURRENT_INVALID, Severity.TRIP, 5.0, math.inf, 0.0, 0),)))
    loaded = StateStore(tmp_path).load()
    assert math.isnan(loaded.soc)
    assert math.isnan(loaded.latched[0].value)
    assert loaded.latched[0].since_s == 0.0


def test_slots_take_turns_and_the_newest_counts(tmp_path: Path) -> None:
    store = StateStore(tmp_path)
    for soc in (0.1, 0.2, 0.3):
        store.save(StoredState(soc=soc))
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(SLOTS)
    again = StateStore(tmp_path)
    assert again.load().soc == 0.3
    again.save(StoredState(soc=0.4))
    assert StateStore(tmp_path).load().soc == 0.4


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "binary"])
def test_a_damaged_slot_costs_one_save_only(tmp_path: Path, damage: str) -> None:
    store = StateStore(tmp_path)
    store.save(StoredState(soc=0.5))
    store.save(StoredState(soc=0.6))
    newest = tmp_path / SLOTS[0]
    data = newest.read_bytes()
    assert b"0.6" in data
    newest.write_bytes(
        {
            "cut": data[: len(data) // 2],
            "flipped": data.replace(b"0.6", b"0.7"),
            "empty": b"",
            "binary": b"\xff\xfe" + data,
        }[damage]
    )
    assert StateStore(tmp_path).load().soc == 0.5


def test_every_single_flipped_bit_is_noticed(tmp_path: Path) -> None:
    StateStore(tmp_path).save(STATE)
    slot = tmp_path / SLOTS[1]
    data = slot.read_bytes().rstrip(b"\n")
    for place in range(0, 8 * len(data), 7):
        changed = bytearray(data)
        changed[place // 8] ^= 1 << place % 8
        slot.write_bytes(changed)
        assert StateStore(tmp_path).load() != STATE


def test_a_state_of_another_format_or_shape_is_not_used(tmp_path: Path) -> None:
    import zlib

    for entry in ({"format": 2}, {"format": 1, "number": 1, "state": {}}, {"format": 1, "number": 1}, []):
        text = json.dumps(entry)
        (tmp_path / SLOTS[0]).write_text(f"{zlib.crc32(text.encode()):08x} {text}\n")
        assert math.isnan(StateStore(tmp_path).load().soc)


def test_a_crash_in_the_middle_of_saving_leaves_the_state_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = StateStore(tmp_path)
    store.save(StoredState(soc=0.5))

    def crash(_handle: int) -> NoReturn:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", crash)
    for _ in range(3):
        with pytest.raises(OSError, match="No space"):
            store.save(StoredState(soc=0.9))
    monkeypatch.undo()
    assert StateStore(tmp_path).load().soc == 0.5


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"state_folder = .*file.*: cannot be made: .*; choose another"):
        StateStore(tmp_path / "file" / "state")
