"""Whatever is recorded, and wherever the file is cut, what is read is what was written."""

import tempfile
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from thermal_bms.recording import Recorder, Recording

Shapes = st.lists(st.sampled_from([(), (1,), (3,), (2, 2)]), min_size=1, max_size=4)


@given(
    shapes=st.lists(Shapes, min_size=1, max_size=3),
    order=st.lists(st.integers(0, 2), max_size=40),
    chunk_rows=st.integers(1, 9),
    cut=st.floats(0.0, 1.0),
    seed=st.integers(0, 2**32 - 1),
)
def test_a_cut_recording_gives_a_prefix_of_every_stream_bit_by_bit(
    shapes: list[list[tuple[int, ...]]], order: list[int], chunk_rows: int, cut: float, seed: int
) -> None:
    random = np.random.default_rng(seed)
    layouts = [{f"c{i}": shape for i, shape in enumerate(stream)} for stream in shapes]
    written: list[list[list[np.ndarray]]] = [[] for _ in layouts]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run.rec"
        with Recorder(
            path, {}, {f"s{i}": one for i, one in enumerate(layouts)}, chunk_rows=chunk_rows
        ) as recorder:
            for number in order:
                stream = number % len(layouts)
                row = [random.standard_normal(shape) for shape in layouts[stream].values()]
                recorder.append(f"s{stream}", row)
                written[stream].append(row)
        assert Recording(path).complete
        whole = path.read_bytes()
        blocks = whole.find(b"ROWS") if b"ROWS" in whole else whole.index(b"DONE")
        end = blocks + round(cut * (len(whole) - blocks))
        path.write_bytes(whole[:end])
        recording = Recording(path)
        assert recording.complete == (end == len(whole))
        for stream, rows in enumerate(written):
            read = recording.stream(f"s{stream}")
            assert len(read) <= len(rows)
            assert len(read) == len(rows) or not recording.complete
            for place, name in enumerate(read):
                expected = [row[place] for row in rows[: len(read)]]
                assert read[name].tobytes() == b"".join(np.asarray(one).tobytes() for one in expected)
