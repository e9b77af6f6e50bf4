import threading
from pathlib import Path

import pytest

from thermal_bms import record_ring
from thermal_bms.errors import RecordingError
from thermal_bms.record_ring import RecordRing
from thermal_bms.recording import Recording

STREAMS = {"rows": ["time_s"]}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record_ring, "WRITE_EVERY_S", 0.005)
    monkeypatch.setattr(record_ring, "RETRY_S", 0.01)


def ring_in(folder: Path, *, file_bytes: int = 10**6, total_bytes: int = 10**7) -> RecordRing:
    return RecordRing(folder, {"title": "t"}, STREAMS, file_bytes=file_bytes, total_bytes=total_bytes)


def rows(folder: Path) -> list[float]:
    found: list[float] = []
    for path in sorted(folder.glob("*.rec")):
        recording = Recording(path)
        assert recording.complete
        found += recording.stream("rows")["time_s"].tolist()
    return found


def wait_for(condition: "threading.Event | None" = None, seconds: float = 0.05) -> None:
    (condition or threading.Event()).wait(seconds)


def test_every_row_is_written_in_order(tmp_path: Path) -> None:
    ring = ring_in(tmp_path / "new")
    ring.start()
    for k in range(1000):
        ring.append("rows", (float(k),))
    ring.stop()
    assert rows(tmp_path / "new") == list(range(1000))
    assert (ring.dropped, ring.waiting, ring.failing) == (0, 0, "")


def test_the_disk_used_is_bounded_and_the_oldest_files_go_first(tmp_path: Path) -> None:
    ring = ring_in(tmp_path, file_bytes=4000, total_bytes=20_000)
    ring.start()
    for k in range(20_000):
        ring.append("rows", (float(k),))
        if k % 500 == 0:
            wait_for(seconds=0.01)
    ring.stop()
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 20_000 + 4000
    kept = rows(tmp_path)
    assert kept[-1] == 19_999.0
    assert kept == list(range(int(kept[0]), 20_000))


def test_a_new_service_goes_on_with_the_next_number(tmp_path: Path) -> None:
    (tmp_path / "gateway-notes.rec").touch()
    for _ in range(2):
        ring = ring_in(tmp_path)
        ring.start()
        ring.append("rows", (1.0,))
        ring.stop()
    names = sorted(path.name for path in tmp_path.glob("gateway-0*.rec"))
    assert names == ["gateway-000001.rec", "gateway-000002.rec"]


def test_on_a_disk_that_takes_nothing_the_newest_rows_wait_and_the_drops_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(record_ring, "WAITING_ROWS_MAX", 100)
    blocked = tmp_path / "folder"
    blocked.touch()
    ring = ring_in(blocked)
    ring.start()
    for k in range(250):
        ring.append("rows", (float(k),))
    for _ in range(200):
        if ring.failing:
            break
        wait_for()
    assert "exists" in ring.failing
    assert (ring.waiting, ring.dropped) == (100, 150)
    blocked.unlink()
    for _ in range(200):
        if not ring.failing:
            break
        wait_for()
    ring.stop()
    assert rows(blocked) == list(range(150, 250))
    assert sum("disk trouble" in line for line in caplog.messages) == 1


def test_jobs_are_done_beside_the_rows_and_their_failures_do_no_harm(tmp_path: Path) -> None:
    ring = ring_in(tmp_path)
    done = threading.Event()

    def refused() -> None:
        raise RecordingError("no room")

    ring.start()
    ring.submit(refused)
    wait_for()
    ring.submit(done.set)
    assert done.wait(5.0)
    ring.append("rows", (1.0,))
    ring.stop()
    assert rows(tmp_path) == [1.0]


def test_a_ring_that_was_never_started_can_be_stopped(tmp_path: Path) -> None:
    ring = ring_in(tmp_path)
    ring.stop()
    assert list(tmp_path.iterdir()) == []
