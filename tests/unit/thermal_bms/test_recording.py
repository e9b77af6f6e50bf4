"""Recordings: written row by row, readable whatever happened to the run."""

import csv
import errno
import io
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from thermal_bms.errors import RecordingError
from thermal_bms.export import write_csv, write_parquet
from thermal_bms.recording import FILE_NAME, Recorder, Recording, find_recording
from thermal_bms.recording_format import block_head

SIGNALS = ["time_s", "soc", "pack_current_a"]
STREAMS = {"signals": SIGNALS, "cells": {"time_s": (), "cell_temp_degc": (2, 3)}}


def row(index: int) -> tuple[float, float, float]:
    return (float(index), 0.9 - 1e-3 * index, 100.0 / (index + 1))


def field(index: int) -> np.ndarray:
    return np.arange(6.0).reshape(2, 3) + index


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run.rec"


def write(path: Path, n_rows: int, *, chunk_rows: int | None = None, complete: bool = True) -> Path:
    recorder = Recorder(path, {"title": "day"}, STREAMS, chunk_rows=chunk_rows)
    for index in range(n_rows):
        recorder.append("signals", row(index))
        if index % 4 == 0:
            recorder.append("cells", (float(index), field(index)))
    recorder.close(complete=complete)
    return path


@pytest.mark.parametrize("n_rows", [0, 1, 6, 7, 8, 50])
def test_what_is_written_is_read_back_bit_by_bit(path: Path, n_rows: int) -> None:
    recording = Recording(write(path, n_rows, chunk_rows=7))
    assert recording.complete
    assert recording.problem == ""
    assert recording.meta == {"title": "day"}
    assert recording.streams == ["signals", "cells"]
    assert len(recording) == n_rows
    expected = np.array([row(i) for i in range(n_rows)]).reshape(-1, 3)
    for column, name in enumerate(SIGNALS):
        assert recording[name].dtype == np.float64
        assert recording[name].tobytes() == expected[:, column].tobytes()
    cells = recording.stream("cells")
    assert cells["cell_temp_degc"].shape == (len(range(0, n_rows, 4)), 2, 3)
    np.testing.assert_array_equal(
        cells["cell_temp_degc"], np.array([field(i) for i in range(0, n_rows, 4)]).reshape(-1, 2, 3)
    )
    np.testing.assert_array_equal(cells["time_s"], np.arange(0.0, n_rows, 4.0))


def test_numbers_without_a_value_and_infinities_survive(path: Path) -> None:
    values = np.array([np.nan, -0.0, np.inf])
    with Recorder(path, {}, {"signals": SIGNALS}) as recorder:
        recorder.append("signals", tuple(values.tolist()))
        recorder.append("signals", values)
    read = np.array([Recording(path)[name] for name in SIGNALS])
    assert read[:, 0].tobytes() == values.tobytes()
    assert read[:, 1].tobytes() == values.tobytes()


def test_a_flat_vector_fills_a_row_of_arrays(path: Path) -> None:
    with Recorder(path, {}, STREAMS) as recorder:
        recorder.append("cells", np.arange(7.0))
    cells = Recording(path).stream("cells")
    assert cells["time_s"].tolist() == [0.0]
    assert cells["cell_temp_degc"].tolist() == [[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]]


def test_an_array_of_one_element_is_no_scalar(path: Path) -> None:
    with Recorder(path, {}, {"signals": {"time_s": (), "string_soc": (1,)}}) as recorder:
        recorder.append("signals", (0.0, np.array([0.5])))
        with pytest.raises(RecordingError, match=r"string_soc is shape \(\), expected"):
            recorder.append("signals", (1.0, 0.5))
    assert Recording(path)["string_soc"].tolist() == [[0.5]]


def test_columns_know_their_names_and_shapes(path: Path) -> None:
    recording = Recording(write(path, 1))
    assert list(recording) == SIGNALS
    assert "soc" in recording
    assert "cell_temp_degc" not in recording
    cells = recording.stream("cells")
    assert cells.columns == {"time_s": (), "cell_temp_degc": (2, 3)}
    assert list(cells) == ["time_s", "cell_temp_degc"]
    assert cells.flat_names[:3] == ["time_s", "cell_temp_degc_0_0", "cell_temp_degc_0_1"]


def test_unknown_names_are_answered_with_the_nearest(path: Path) -> None:
    recording = Recording(write(path, 1))
    with pytest.raises(RecordingError, match="did you mean pack_current_a"):
        recording["pack_curent_a"]
    with pytest.raises(RecordingError, match="no stream cell; it holds signals, cells"):
        recording.stream("cell")


def test_meta_learned_during_the_run_lies_over_the_header(path: Path) -> None:
    with Recorder(path, {"title": "day", "phases": []}, STREAMS) as recorder:
        recorder.append("signals", row(0))
        recorder.add_meta({"phases": [{"name": "drive", "end_s": 10.0}]})
        recorder.append("signals", row(1))
    recording = Recording(path)
    assert recording.meta == {"title": "day", "phases": [{"name": "drive", "end_s": 10.0}]}
    assert recording.complete
    assert len(recording) == 2


@pytest.mark.parametrize("stop", [RuntimeError, KeyboardInterrupt])
def test_a_run_that_breaks_off_leaves_every_row_and_is_marked_incomplete(
    path: Path, stop: type[BaseException]
) -> None:
    def broken_run() -> None:
        with Recorder(path, {}, STREAMS) as recorder:
            for index in range(10):
                recorder.append("signals", row(index))
            raise stop

    with pytest.raises(stop):
        broken_run()
    recording = Recording(path)
    assert not recording.complete
    assert recording.problem.startswith("not closed")
    assert recording["time_s"].tolist() == list(range(10))


def test_a_run_that_is_killed_leaves_the_chunks_on_disk(path: Path) -> None:
    script = textwrap.dedent(
        """
        import os, pathlib, signal, sys
        from thermal_bms.recording import Recorder
        recorder = Recorder(pathlib.Path(sys.argv[1]), {}, {"signals": ["time_s"]}, chunk_rows=10)
        for index in range(35):
            recorder.append("signals", (float(index),))
        os.kill(os.getpid(), signal.SIGKILL)
        """
    )
    ended = subprocess.run([sys.executable, "-c", script, str(path)], check=False)
    assert ended.returncode == -signal.SIGKILL
    recording = Recording(path)
    assert not recording.complete
    assert recording["time_s"].tolist() == list(range(30))


def test_a_growing_recording_can_be_read_after_a_flush(path: Path) -> None:
    with Recorder(path, {}, STREAMS) as recorder:
        recorder.append("signals", row(0))
        assert len(Recording(path)) == 0
        recorder.flush()
        assert Recording(path)["time_s"].tolist() == [0.0]
        recorder.append("signals", row(1))
    assert Recording(path)["time_s"].tolist() == [0.0, 1.0]


def test_a_file_cut_anywhere_gives_its_good_rows_and_is_incomplete(path: Path) -> None:
    whole = write(path, 20, chunk_rows=5).read_bytes()
    expected = Recording(path)["time_s"]
    start = whole.index(b"ROWS")
    lengths = set()
    for end in range(start, len(whole)):
        path.write_bytes(whole[:end])
        recording = Recording(path)
        assert not recording.complete
        assert recording.problem
        np.testing.assert_array_equal(recording["time_s"], expected[: len(recording)])
        lengths.add(len(recording))
    assert lengths == {0, 5, 10, 15, 20}


def test_a_flipped_bit_anywhere_after_the_header_is_noticed(path: Path) -> None:
    whole = write(path, 6, chunk_rows=3).read_bytes()
    expected = Recording(path)["soc"]
    for place in range(whole.index(b"ROWS"), len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x10]) + whole[place + 1 :])
        recording = Recording(path)
        assert not recording.complete, place
        np.testing.assert_array_equal(recording["soc"], expected[: len(recording)])


def test_something_appended_to_a_complete_recording_is_noticed(path: Path) -> None:
    path.write_bytes(write(path, 6).read_bytes() + b"x")
    assert not Recording(path).complete
    assert len(Recording(path)) == 6


def test_rows_missing_in_the_middle_are_noticed(path: Path) -> None:
    whole = write(path, 9, chunk_rows=3).read_bytes()
    starts = [i for i in range(len(whole)) if whole.startswith(b"ROWS", i)]
    path.write_bytes(whole[: starts[1]] + whole[starts[2] :])
    recording = Recording(path)
    assert not recording.complete
    assert recording["time_s"].tolist() == [0.0, 1.0, 2.0]


@pytest.mark.parametrize(("kind", "stream", "rows"), [(b"ROWZ", 0, 1), (b"ROWS", 7, 1), (b"ROWS", 0, 2)])
def test_a_block_that_does_not_fit_ends_the_reading(path: Path, kind: bytes, stream: int, rows: int) -> None:
    payload = np.zeros(3).tobytes()
    whole = write(path, 1, complete=False).read_bytes()
    path.write_bytes(whole + block_head(kind, stream, rows, 1, payload) + payload)
    recording = Recording(path)
    assert recording.problem.endswith("a block that does not fit")
    assert recording["time_s"].tolist() == [0.0]
    path.write_bytes(whole + block_head(b"ROWS", 0, 1, 1, payload) + payload)
    assert len(Recording(path)) == 2


def test_a_chunk_written_twice_counts_once(path: Path) -> None:
    whole = write(path, 5, chunk_rows=5).read_bytes()
    start = whole.index(b"ROWS")
    chunk = whole[start : whole.index(b"ROWS", start + 1)]
    path.write_bytes(whole[:start] + chunk + whole[start:])
    assert Recording(path).complete
    assert len(Recording(path)) == 5


def test_a_torn_write_is_written_over(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = Recorder(path, {}, {"signals": SIGNALS}, chunk_rows=4)
    for index in range(4):
        recorder.append("signals", row(index))

    class Torn:
        """A file that is interrupted in its second write."""

        def __init__(self, file: object) -> None:
            self.file, self.writes = file, 0

        def write(self, part: bytes) -> int:
            self.writes += 1
            if self.writes == 2:
                self.file.write(part[:5])
                raise KeyboardInterrupt
            return self.file.write(part)

        def __getattr__(self, name: str) -> object:
            return getattr(self.file, name)

    monkeypatch.setattr(recorder, "_file", Torn(recorder._file))
    with pytest.raises(KeyboardInterrupt):
        recorder.append("signals", row(4))
    recorder.close(complete=False)
    assert Recording(path)["time_s"].tolist() == [0.0, 1.0, 2.0, 3.0]
    assert Recording(path).problem.startswith("not closed")


def test_a_new_recording_leaves_readers_of_the_old_one_alone(path: Path) -> None:
    old = Recording(write(path, 20))
    write(path, 1)
    assert len(old["time_s"]) == 20
    assert len(Recording(path)["time_s"]) == 1


@pytest.mark.parametrize("content", [b"", b"TBMSREC", b"time_s,soc\n0,1\n", bytes(200)])
def test_another_file_is_refused_in_one_line(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(RecordingError, match=r"run\.rec: not a recording of thermal-bms$"):
        Recording(path)


def test_a_missing_file_is_refused_in_one_line(path: Path) -> None:
    with pytest.raises(RecordingError, match=r"cannot be read: No such file or directory$"):
        Recording(path)


def test_a_newer_format_asks_for_an_update(path: Path) -> None:
    whole = bytearray(write(path, 1).read_bytes())
    whole[8] = 2
    path.write_bytes(whole)
    with pytest.raises(RecordingError, match="recording format 2, this version reads 1; update"):
        Recording(path)


def test_a_damaged_header_is_refused(path: Path) -> None:
    whole = bytearray(write(path, 1).read_bytes())
    whole[40] ^= 1
    path.write_bytes(whole)
    with pytest.raises(RecordingError, match="the header of the recording is damaged"):
        Recording(path)


@pytest.mark.parametrize(
    ("stream", "values", "message"),
    [
        ("signals", (1.0, 2.0), "row of 2 values"),
        ("signals", (1.0, 2.0, 3.0, 4.0), "row of 4 values"),
        ("signals", (1.0, 2.0, "three"), "does not fit"),
        ("signals", np.zeros(4), "row of 4 values, expected 3"),
        ("cells", (1.0,), "row of 1 values, expected 2"),
        ("cells", (1.0, np.zeros(3)), r"cell_temp_degc is shape \(3,\), expected numbers of shape \(2, 3\)"),
        ("cells", (1.0, 5.0), r"cell_temp_degc is shape \(\), expected"),
        ("cells", (np.zeros(2), np.zeros((2, 3))), r"time_s is shape \(2,\), expected"),
        ("cells", ("now", np.zeros((2, 3))), "time_s is 'now', expected numbers"),
        ("cell", (1.0,), "no stream cell; known: signals, cells"),
    ],
)
def test_a_row_that_does_not_fit_is_refused_and_not_recorded(
    path: Path, stream: str, values: object, message: str
) -> None:
    with Recorder(path, {}, STREAMS) as recorder:
        with pytest.raises(RecordingError, match=message):
            recorder.append(stream, values)
        recorder.append("signals", row(0))
    assert Recording(path)["time_s"].tolist() == [0.0]
    assert len(Recording(path).stream("cells")) == 0


def test_a_closed_recorder_refuses_rows_but_closes_again(path: Path) -> None:
    recorder = Recorder(path, {}, STREAMS)
    recorder.close()
    recorder.close(complete=False)
    with pytest.raises(RecordingError, match="the recording is closed"):
        recorder.append("signals", row(0))
    with pytest.raises(RecordingError, match="the recording is closed"):
        recorder.add_meta({})
    assert recorder.rows("signals") == 0
    assert Recording(path).complete


@pytest.mark.parametrize(
    ("meta", "streams", "message"),
    [
        ({"path": Path()}, STREAMS, "meta cannot be written as JSON"),
        ({}, {"signals": ["soc", "time_s", "soc"]}, "column soc stands twice"),
        ({}, {"signals": []}, "has no columns"),
    ],
)
def test_a_recording_that_makes_no_sense_leaves_no_file(
    path: Path, meta: dict[str, object], streams: dict[str, list[str]], message: str
) -> None:
    with pytest.raises(RecordingError, match=message):
        Recorder(path, meta, streams)
    assert not path.exists()


def test_a_folder_that_is_not_there_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="cannot be written: No such file or directory"):
        Recorder(tmp_path / "none" / "run.rec", {}, STREAMS)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_reported_in_one_line(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = Recorder(path, {}, {"signals": SIGNALS}, chunk_rows=1)
    recorder.append("signals", row(0))
    with Path("/dev/full").open("wb", buffering=0) as full:
        os.dup2(full.fileno(), recorder._file.fileno())
    with pytest.raises(RecordingError, match="cannot be written: No space left on device"):
        recorder.append("signals", row(1))
    with pytest.raises(RecordingError, match="No space left"):
        recorder.close()
    assert recorder._file.closed


def test_a_header_that_cannot_be_written_leaves_no_open_file(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[io.FileIO] = []

    class Full(io.FileIO):
        """A file on a full disk."""

        def write(self, part: object) -> int:
            opened.append(self)
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(io, "FileIO", Full)
    with pytest.raises(RecordingError, match="No space left on device"):
        Recorder(path, {}, STREAMS)
    assert opened[0].closed


def test_memory_is_bounded_by_the_chunk(path: Path) -> None:
    recorder = Recorder(path, {}, {"signals": [f"s{i}" for i in range(90)], "big": {"x": (1000, 100)}})
    for name in ("signals", "big"):
        assert recorder._lanes[name].buffer.nbytes <= max(256 * 1024, 8 * recorder._lanes[name].layout.width)
    recorder.close()


def test_csv_holds_every_row_to_nine_digits(path: Path, tmp_path: Path) -> None:
    recording = Recording(write(path, 23, chunk_rows=7))
    out = write_csv(recording, tmp_path / "signals.csv")
    with out.open(newline="") as file:
        header, *rows = list(csv.reader(file))
    assert header == SIGNALS
    np.testing.assert_allclose(np.array(rows, float), [row(i) for i in range(23)], rtol=5e-9)
    assert not list(tmp_path.glob("*.part"))


def test_csv_spreads_arrays_over_columns(path: Path, tmp_path: Path) -> None:
    out = write_csv(Recording(write(path, 1)), tmp_path / "cells.csv", stream="cells")
    names = ",".join(f"cell_temp_degc_{i}_{j}" for i in range(2) for j in range(3))
    assert out.read_text().splitlines() == [f"time_s,{names}", "0,0,1,2,3,4,5"]


def test_an_export_that_cannot_be_written_is_one_line_and_leaves_nothing(path: Path, tmp_path: Path) -> None:
    recording = Recording(write(path, 1))
    (tmp_path / "signals.csv").mkdir()
    with pytest.raises(RecordingError, match=r"signals\.csv: cannot be written"):
        write_csv(recording, tmp_path / "signals.csv")
    assert not list(tmp_path.glob("*.part"))


def test_parquet_keeps_every_bit_and_the_meta(path: Path, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    recording = Recording(write(path, 23, chunk_rows=7))
    table = parquet.read_table(write_parquet(recording, tmp_path / "signals.parquet"))
    assert table.column_names == SIGNALS
    for name in SIGNALS:
        assert table[name].to_numpy().tobytes() == recording[name].tobytes()
    assert b'"title": "day"' in table.schema.metadata[b"thermal_bms"]


def test_parquet_without_pyarrow_says_what_to_install(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = Recording(write(path, 1))
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(RecordingError, match=r"pip install 'thermal-bms\[io\]'"):
        write_parquet(recording, tmp_path / "signals.parquet")


def test_a_recording_is_found_by_its_folder_or_its_file(tmp_path: Path) -> None:
    path = write(tmp_path / FILE_NAME, 1)
    assert find_recording(tmp_path) == path
    assert find_recording(path) == path
    with pytest.raises(RecordingError, match="no such file or folder"):
        find_recording(tmp_path / "none")
    path.unlink()
    with pytest.raises(RecordingError, match="the folder holds no recording"):
        find_recording(tmp_path)
