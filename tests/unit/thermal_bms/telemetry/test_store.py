"""The buffer on disk and in memory, with a disk that fails in the ways that disks do."""

import json
import sqlite3
from pathlib import Path

import pytest

from tests.unit.thermal_bms.telemetry.telemetry_samples import START_S, at, buffer, row
from thermal_bms.telemetry.block import columns_of, inflated, undone
from thermal_bms.telemetry.record import Kind, Record
from thermal_bms.telemetry.stamp import Stamp, iso_time
from thermal_bms.telemetry.store import RETRY_S, URGENT_IN_MEMORY, Store, event
from thermal_bms.telemetry.vss import vss_table

FIRST = vss_table().signal[0].path


def seconds(record: Record) -> list[int]:
    """Return the seconds whose rows a block holds."""
    return [round(value or 0.0) for value in columns_of(inflated(record.payload))[FIRST]]


def all_seconds(store: Store) -> list[int]:
    found = [one for one in store.first(10_000, ()) if one.key.kind is Kind.SUMMARY]
    return [second for one in found for second in seconds(one)]


def fill(store: Store, start: int, stop: int, jump_s: float = 0.0) -> None:
    for second in range(start, stop):
        store.add([row(float(second))], at(float(second), jump_s))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(buffer(tmp_path), "boot-1", at(0.0))


def break_disk(store: Store, pragma: str = "query_only = ON") -> None:
    """Let the disk refuse what is written, as one that is mounted read-only."""
    assert store._database is not None
    store._database._base.execute(f"PRAGMA {pragma}")


def test_rows_come_out_as_blocks_in_their_order(store: Store) -> None:
    fill(store, 0, 12)
    assert all_seconds(store) == list(range(10))
    assert [one.key.number for one in store.first(9, ())] == [1, 6]
    assert [one.rows for one in store.first(9, ())] == [5, 5]


def test_an_event_is_sent_before_summaries_that_wait(store: Store) -> None:
    fill(store, 0, 6)
    store.add([event(at(6.0), "fault", "hot")], at(6.0))
    assert [one.key.kind for one in store.first(9, ())] == [Kind.EVENT, Kind.SUMMARY]


def test_a_record_is_handed_out_until_it_has_arrived(store: Store) -> None:
    fill(store, 0, 10)
    first, second = store.first(9, ())
    assert store.first(9, [first.key]) == [second]
    store.forget([first.key])
    assert store.first(9, ()) == [second]


def test_a_record_that_arrived_does_not_come_back_after_a_restart(store: Store, tmp_path: Path) -> None:
    fill(store, 0, 10)
    store.forget([store.first(1, ())[0].key])
    store.close()
    assert all_seconds(Store(buffer(tmp_path), "boot-2", at(0.0))) == [5, 6, 7, 8, 9]


def test_rows_of_an_open_block_survive_the_end_of_the_process(store: Store, tmp_path: Path) -> None:
    fill(store, 0, 8)  # nothing is closed, as after a kill
    again = Store(buffer(tmp_path), "boot-2", Stamp(0.0, START_S + 3600.0))
    assert all_seconds(again) == list(range(8))
    assert again.first(9, ())[1].key == ("boot-1", Kind.SUMMARY, 6)


def test_the_message_says_boot_number_and_time(store: Store) -> None:
    fill(store, 0, 5)
    document = inflated(store.first(1, ())[0].message)
    assert (document["boot"], document["number"], document["rows"]) == ("boot-1", 1, 5)
    assert document["time"] == iso_time(START_S)
    assert undone(document["service_ms"]) == [0, 1000, 2000, 3000, 4000]


@pytest.mark.parametrize("jump_s", [3600.0, -3600.0])
def test_after_a_jump_of_the_clock_everything_of_this_boot_has_the_new_time(
    store: Store, jump_s: float
) -> None:
    fill(store, 0, 7)
    fill(store, 7, 15, jump_s)
    found = store.first(9, ())
    assert all_seconds(store) == list(range(15))
    documents = [
        inflated(one.message) if one.key.kind is Kind.SUMMARY else json.loads(one.message) for one in found
    ]
    assert [one["time"] for one in documents] == [
        iso_time(START_S + jump_s + second) for second in (7, 0, 5, 10)
    ]
    assert documents[0]["jump_s"] == pytest.approx(jump_s)
    assert store.jumps == 1


def test_a_jump_of_the_clock_leaves_the_time_of_earlier_boots_alone(store: Store, tmp_path: Path) -> None:
    fill(store, 0, 5)
    store.close()
    again = Store(buffer(tmp_path), "boot-2", at(0.0, 7200.0))
    fill(again, 0, 5, -50_000.0)
    assert [inflated(one.message)["time"] for one in again.first(9, ()) if one.key.kind is Kind.SUMMARY] == [
        iso_time(START_S),
        iso_time(START_S - 50_000.0),
    ]


def test_beyond_its_size_the_oldest_summaries_go_first_and_events_stay(tmp_path: Path) -> None:
    store = Store(buffer(tmp_path, size_mb=1.0, block_rows=2), "boot-1", at(0.0))
    store.add([event(at(0.0), "fault", "first of all")], at(0.0))
    for start in range(0, 2000, 20):
        store.add([row(float(start + k)) for k in range(20)], at(float(start)))
    kept = all_seconds(store)
    assert store.size_bytes <= 1_000_000
    assert 0 < store.dropped_rows < 2000
    assert kept == list(range(store.dropped_rows, 2000))
    assert store.first(1, ())[0].key.kind is Kind.EVENT
    store.close()
    assert (tmp_path / "telemetry.db").stat().st_size < 1_600_000


def test_events_go_only_when_no_summary_is_left(tmp_path: Path) -> None:
    store = Store(buffer(tmp_path, size_mb=1.0, block_rows=2), "boot-1", at(0.0))
    fill(store, 0, 10)
    events = [event(at(10.0), "fault", "x" * 3000) for _ in range(400)]
    store.add(events, at(10.0))
    fill(store, 10, 14)
    assert store.dropped_rows > 0
    assert store.dropped_urgent > 0
    assert store.first(1, ())[0].key.number == store.dropped_urgent + 1


def test_what_is_too_old_is_dropped_by_time_in_service_not_by_the_clock(tmp_path: Path) -> None:
    store = Store(buffer(tmp_path, age_h=30.0 / 3600.0), "boot-1", at(0.0))
    fill(store, 0, 20)
    fill(store, 20, 25, jump_s=1e8)
    assert all_seconds(store) == list(range(25))
    fill(store, 25, 45, jump_s=1e8)
    assert store.dropped_rows == 15
    assert all_seconds(store) == list(range(15, 45))


def test_a_read_only_disk_leaves_the_newest_part_in_memory_and_counts_the_rest(tmp_path: Path) -> None:
    store = Store(buffer(tmp_path, memory_s=20.0), "boot-1", at(0.0))
    fill(store, 0, 5)
    break_disk(store)
    fill(store, 5, 60)
    assert "readonly" in store.trouble
    kept = all_seconds(store)
    assert kept[:5] == [0, 1, 2, 3, 4]
    assert kept[5:] == list(range(kept[5], 60))
    assert 15 <= len(kept[5:]) <= 25
    assert store.dropped_rows == 55 - len(kept[5:])


def test_when_the_disk_is_back_it_gets_what_memory_kept_and_says_so(tmp_path: Path) -> None:
    store = Store(buffer(tmp_path), "boot-1", at(0.0))
    fill(store, 0, 3)
    break_disk(store)
    fill(store, 3, 12)
    break_disk(store, "query_only = OFF")
    fill(store, 12, 12 + round(RETRY_S) + 8)
    assert store.trouble == ""
    last = 12 + round(RETRY_S) + 8
    store.close()
    again = Store(buffer(tmp_path), "boot-2", at(0.0))
    assert all_seconds(again) == list(range(last))
    told = json.loads(again.first(1, ())[0].payload)
    assert told["event"] == "buffer"
    assert told["lost_rows"] == 0


def test_a_full_disk_takes_deletions_and_loses_nothing_that_memory_can_hold(tmp_path: Path) -> None:
    store = Store(buffer(tmp_path), "boot-1", at(0.0))
    fill(store, 0, 40)
    assert store._database is not None
    pages = store._database._number("page_count")
    break_disk(store, f"max_page_count = {pages}")
    big = [event(at(10.0), "fault", "x" * 3500) for _ in range(60)]
    store.add(big, at(40.0))
    fill(store, 41, 45)
    assert "full" in store.trouble
    assert len(store.first(1000, ())) >= 68
    store.forget([one.key for one in store.first(1000, ())])
    fill(store, 45, 45 + round(RETRY_S) + 5)
    assert store.trouble == ""


def test_urgent_records_in_memory_are_bounded_and_the_newest_stay(store: Store) -> None:
    break_disk(store)
    store.add([event(at(1.0), "fault", str(k)) for k in range(URGENT_IN_MEMORY + 10)], at(1.0))
    found = store.first(10_000, ())
    assert len(found) == URGENT_IN_MEMORY
    assert found[0].key.number == 11
    assert store.dropped_urgent == 10


def test_without_a_usable_folder_everything_works_in_memory(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    store = Store(buffer(tmp_path / "file"), "boot-1", at(0.0))
    fill(store, 0, 10)
    assert store.trouble
    assert all_seconds(store) == list(range(10))
    assert store.recall("anything") == ""
    store.forget([one.key for one in store.first(9, ())])
    assert store.first(9, ()) == []


def test_a_folder_that_appears_later_is_used(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    store = Store(buffer(tmp_path / "file"), "boot-1", at(0.0))
    fill(store, 0, 3)
    (tmp_path / "file").unlink()
    fill(store, 3, 25)
    assert store.trouble == ""
    store.close()
    assert all_seconds(Store(buffer(tmp_path / "file"), "boot-2", at(0.0))) == list(range(25))


def test_a_broken_database_is_put_aside_and_a_new_one_begun(tmp_path: Path) -> None:
    (tmp_path / "telemetry.db").write_bytes(b"no database at all" * 200)
    store = Store(buffer(tmp_path), "boot-1", at(0.0))
    fill(store, 0, 5)
    assert store.trouble == ""
    assert all_seconds(store) == list(range(5))
    assert (tmp_path / "telemetry.broken").exists()


def test_what_is_remembered_is_recalled_after_a_restart(store: Store, tmp_path: Path) -> None:
    store.remember("command", "a text")
    store.close()
    again = Store(buffer(tmp_path), "boot-2", at(0.0))
    assert again.recall("command") == "a text"
    assert again.recall("plan") == ""


def test_a_database_that_fails_while_reading_is_opened_anew(store: Store) -> None:
    fill(store, 0, 5)
    assert store._database is not None
    store._database.close()
    assert store.first(9, ()) == []
    assert store.recall("command") == ""
    fill(store, 5, 5 + round(RETRY_S) + 2)
    assert store.trouble == ""
    assert all_seconds(store)[:10] == list(range(10))


def test_the_database_can_be_read_by_anyone_while_it_is_written(store: Store, tmp_path: Path) -> None:
    fill(store, 0, 5)
    other = sqlite3.connect(f"file:{tmp_path / 'telemetry.db'}?mode=ro", uri=True)
    assert other.execute("SELECT COUNT(*) FROM record").fetchone() == (1,)
    other.close()
    fill(store, 5, 10)
    assert len(store.first(9, ())) == 2
