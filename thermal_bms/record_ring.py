"""Recording without end on a bounded disk, and never in the way of the control loop.

A thread of its own writes rows into files of bounded size and removes the oldest. While the disk does not take
them, the newest rows wait in memory, the oldest of those are dropped, and both are counted.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, final

from thermal_bms.errors import RecordingError
from thermal_bms.recorder import Recorder, Row
from thermal_bms.recording_format import Columns

_LOG = logging.getLogger(__name__)

STEM = "gateway-"
WAITING_ROWS_MAX = 15_000  # more than ten minutes of a gateway at 10 Hz
WRITE_EVERY_S = 0.5
RETRY_S = 10.0
STOP_S = 10.0
_CHECK_EVERY_ROWS = 200


@final
class RecordRing:
    """Files ``gateway-000001.rec`` and so on in a folder, rows and jobs from a queue.

    Parameters
    ----------
    folder : made when it is not there
    meta, streams : as for a recording; every file begins with them
    file_bytes : a file that has grown beyond this is closed and the next one begun
    total_bytes : beyond this the oldest files are removed

    Attributes
    ----------
    dropped : rows that were dropped because the disk did not take them in time
    failing : why nothing can be written at the moment; empty when all is well
    """

    def __init__(
        self,
        folder: Path,
        meta: Mapping[str, Any],
        streams: Mapping[str, Columns],
        *,
        file_bytes: int,
        total_bytes: int,
    ) -> None:
        self._folder = folder
        self._meta = meta
        self._streams = streams
        self._file_bytes = file_bytes
        self._total_bytes = total_bytes
        self._rows: deque[tuple[str, Row]] = deque()
        self._job: Callable[[], None] | None = None
        self._changed = threading.Condition()
        self._recorder: Recorder | None = None
        self._stopping = False
        self._retry = False
        self._thread = threading.Thread(target=self._run, name="record", daemon=True)
        self.dropped = 0
        self.failing = ""

    @property
    def waiting(self) -> int:
        """Return how many rows are in memory, not yet handed to a file."""
        return len(self._rows)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def append(self, stream: str, row: Row) -> None:
        """Queue a row; this never waits for the disk."""
        with self._changed:
            if len(self._rows) >= WAITING_ROWS_MAX:
                self._rows.popleft()
                self.dropped += 1
            self._rows.append((stream, row))

    def submit(self, job: Callable[[], None]) -> None:
        """Let the thread do a job that touches the disk; one that still waits is replaced."""
        with self._changed:
            self._job = job
            self._changed.notify_all()

    def stop(self) -> None:
        """Write what is left and close the file."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        if self._thread.ident is not None:
            self._thread.join(STOP_S)

    def _run(self) -> None:
        stopping = False
        while not stopping:
            with self._changed:
                pause_s = RETRY_S if self._retry else WRITE_EVERY_S
                self._changed.wait_for(lambda: self._stopping or self._job is not None, pause_s)
                stopping = self._stopping
                job, self._job = self._job, None
            if job is not None:
                self._guarded(job)
            self._guarded(self._write_waiting)
        self._guarded(self._close)

    def _guarded(self, job: Callable[[], None]) -> None:
        """Do something on the disk; a failure is noted and logged once."""
        try:
            job()
        except (OSError, RecordingError) as error:
            self._retry = True
            if not self.failing:
                _LOG.error("disk trouble, the newest rows stay in memory: %s", error)
            self.failing = str(error)
            self._recorder = None
        else:
            if self.failing and self._recorder is not None:
                _LOG.info("disk is well again; %d rows were dropped", self.dropped)
                self.failing, self._retry = "", False

    def _write_waiting(self) -> None:
        while self._rows:
            recorder = self._recorder or self._begin()
            for _ in range(_CHECK_EVERY_ROWS):
                if not self._rows:
                    break
                stream, row = self._rows[0]
                recorder.append(stream, row)
                with self._changed:
                    if self._rows and self._rows[0][1] is row:
                        self._rows.popleft()
                    self._changed.notify_all()
            if recorder.path.stat().st_size >= self._file_bytes:
                self._close()
                self._remove_oldest()
        if self._recorder is not None:
            self._recorder.flush()

    def _begin(self) -> Recorder:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._remove_oldest()
        numbers = [_number(path) for path in self._folder.glob(f"{STEM}*.rec")]
        path = self._folder / f"{STEM}{max(numbers, default=0) + 1:06d}.rec"
        self._recorder = Recorder(path, self._meta, self._streams)
        return self._recorder

    def _close(self) -> None:
        recorder, self._recorder = self._recorder, None
        if recorder is not None:
            recorder.close()

    def _remove_oldest(self) -> None:
        """Keep the files below the bound, with room for one more."""
        files = sorted(self._folder.glob(f"{STEM}*.rec"))
        sizes = [path.stat().st_size for path in files]
        while files and sum(sizes) > self._total_bytes - self._file_bytes:
            files.pop(0).unlink()
            sizes.pop(0)


def _number(path: Path) -> int:
    text = path.stem.removeprefix(STEM)
    return int(text) if text.isdecimal() else 0
