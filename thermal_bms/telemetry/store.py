"""Store and forward: records wait on disk until they have arrived, and in memory while the disk fails."""

import logging
import sqlite3
from collections import deque
from collections.abc import Collection, Sequence
from contextlib import suppress
from typing import NamedTuple, final

from thermal_bms.telemetry.block import pack
from thermal_bms.telemetry.config import BufferSettings
from thermal_bms.telemetry.database import Database
from thermal_bms.telemetry.record import Key, Kind, Record, json_bytes
from thermal_bms.telemetry.stamp import Stamp
from thermal_bms.units import SECONDS_PER_HOUR

_LOG = logging.getLogger(__name__)

RETRY_S = 10.0
JUMP_S = 2.0
URGENT_IN_MEMORY = 256
DELETIONS_IN_MEMORY = 4096
_READABLE = ("full", "readonly")
_CORRUPT = ("malformed", "not a database")


class Waiting(NamedTuple):
    """Something to be kept, before it has a number: kind and payload."""

    kind: Kind
    monotonic_s: float
    payload: bytes


@final
class Store:
    """Numbers records, makes blocks of rows, keeps both on disk, hands them out in order. For one thread.

    Parameters
    ----------
    settings : how much is kept, and where
    boot : names this start of the service; never used twice
    now : time at the start

    Attributes
    ----------
    trouble : why nothing can be written at the moment; empty when all is well
    dropped_rows, dropped_urgent : seconds of summary, and other records, lost for want of room
    jumps : how often the wall clock jumped
    """

    def __init__(self, settings: BufferSettings, boot: str, now: Stamp) -> None:
        self._settings = settings
        self._boot = boot
        self._offset_s = now.offset_s
        self._numbers = dict.fromkeys(Kind, 0)
        self._open: list[Record] = []
        self._unsaved = 0  # rows at the end of the open block that are not on disk
        self._clear_rows = False
        self._memory: deque[Record] = deque()
        self._arrived: deque[Key] = deque(maxlen=DELETIONS_IN_MEMORY)
        self._database: Database | None = None
        self._retry_at_s = now.monotonic_s
        self.trouble = ""
        self.dropped_rows = self.dropped_urgent = self.jumps = 0
        self._connect(now)

    def add(self, waiting: Sequence[Waiting], now: Stamp) -> None:
        """Keep these, and whatever could not be written before."""
        self._note_jump(now)
        for one in waiting:
            self._take(one)
        self._write(now)

    def seal(self, now: Stamp) -> None:
        """Make a block of the rows that there are, as before the end."""
        self._seal()
        self._write(now)

    def first(self, limit: int, without: Collection[Key]) -> list[Record]:
        """Return the records to send next: urgent ones first, each kind in its order.

        Parameters
        ----------
        limit : at most so many
        without : those under way already
        """
        avoid = {*without, *self._arrived}
        found: list[Record] = []
        for urgent in (True, False):
            found += self._on_disk(limit + len(avoid), urgent=urgent)
            found += [one for one in self._memory if one.key.kind.urgent is urgent]
        found = [one for one in found if one.key not in avoid]
        return found[:limit]

    def forget(self, keys: Collection[Key]) -> None:
        """Drop records that have arrived."""
        if not keys:
            return
        gone = set(keys)
        self._memory = deque(one for one in self._memory if one.key not in gone)
        self._arrived.extend(keys)
        if self._database is not None and not self.trouble:
            try:
                self._delete_arrived(self._database)
            except sqlite3.Error as error:
                self._fail(error)

    def remember(self, name: str, text: str) -> None:
        """Keep a text under a name, if the disk takes it."""
        if self._database is not None:
            try:
                self._database.remember(name, text)
            except sqlite3.Error as error:
                self._fail(error)

    def recall(self, name: str) -> str:
        """Return the text kept under a name, empty when there is none."""
        if self._database is None:
            return ""
        try:
            return self._database.recall(name)
        except sqlite3.Error as error:
            self._fail(error)
            return ""

    def close(self) -> None:
        """Close the file."""
        if self._database is not None:
            self._database.close()
            self._database = None

    @property
    def size_bytes(self) -> int:
        """Return how much of the disk is in use; 0 when that is not known."""
        try:
            return self._database.size_bytes if self._database is not None else 0
        except sqlite3.Error:
            return 0

    @property
    def waiting(self) -> int:
        """Return how many records wait, without the open block."""
        try:
            on_disk = self._database.count() if self._database is not None else 0
        except sqlite3.Error:
            on_disk = 0
        return on_disk + len(self._memory)

    def _take(self, waiting: Waiting) -> None:
        self._numbers[waiting.kind] += 1
        key = Key(self._boot, waiting.kind, self._numbers[waiting.kind])
        record = Record(key, waiting.monotonic_s, self._offset_s, 1, waiting.payload)
        if waiting.kind.urgent:
            self._memory.append(record)
            return
        self._open.append(record)
        self._unsaved += 1
        if len(self._open) >= self._settings.block_rows:
            self._seal()

    def _seal(self) -> None:
        if self._open:
            self._memory.append(_block(self._open))
            self._open, self._unsaved, self._clear_rows = [], 0, True

    def _write(self, now: Stamp) -> None:
        """Bring everything to the disk; what it does not take stays in memory, within bounds."""
        due = not self.trouble or now.monotonic_s >= self._retry_at_s
        if self._database is None and due:
            self._connect(now)
        if self._database is not None and due:
            try:
                self._write_to(self._database, now)
            except sqlite3.Error as error:
                self._fail(error)
                self._retry_at_s = now.monotonic_s + RETRY_S
        self._bound_memory()

    def _write_to(self, database: Database, now: Stamp) -> None:
        self._delete_arrived(database)
        sealed = self._clear_rows
        database.write(
            self._memory,
            self._open[len(self._open) - self._unsaved :],
            clear_rows=sealed,
            now_s=now.monotonic_s,
            offset_s=self._offset_s,
        )
        self._memory.clear()
        self._unsaved, self._clear_rows = 0, False
        if self.trouble:
            self._recovered(now)
        if sealed:
            age_s = self._settings.age_h * SECONDS_PER_HOUR
            rows, urgent = database.drop_beyond(age_s=age_s, now_s=now.monotonic_s)
            self._count_dropped(rows, urgent)
            database.checkpoint()

    def _connect(self, now: Stamp) -> None:
        """Open the database; a broken one is put aside."""
        self._retry_at_s = now.monotonic_s + RETRY_S
        try:
            self._database = self._opened()
            for boot, rows in self._database.left_open().items():
                self._database.close_block(boot, _block(rows))
        except (sqlite3.Error, OSError) as error:
            self._fail(error)

    def _opened(self) -> Database:
        path, size_bytes = self._settings.path, self._settings.size_bytes
        try:
            return Database(path, self._boot, size_bytes=size_bytes)
        except sqlite3.DatabaseError as error:
            if not any(word in str(error) for word in _CORRUPT):
                raise
            _LOG.error("%s is broken and put aside: %s", path, error)
            path.replace(path.with_suffix(".broken"))
            for ending in ("-wal", "-shm"):
                path.with_name(path.name + ending).unlink(missing_ok=True)
            return Database(path, self._boot, size_bytes=size_bytes)

    def _fail(self, error: Exception) -> None:
        """Note that the disk fails. What can still be read is read; a file in any other trouble is opened anew."""
        if not self.trouble:
            _LOG.error("telemetry stays in memory, disk trouble: %s", error)
        self.trouble = str(error) or type(error).__name__
        if self._database is not None and not any(word in self.trouble for word in _READABLE):
            with suppress(sqlite3.Error):
                self._database.close()
            self._database = None
        self._unsaved, self._clear_rows = len(self._open), True

    def _recovered(self, now: Stamp) -> None:
        text = f"disk takes telemetry again after: {self.trouble}"
        _LOG.info("%s; lost since the start: %d s, %d others", text, self.dropped_rows, self.dropped_urgent)
        self.trouble = ""
        self._take(event(now, "buffer", text, lost_rows=self.dropped_rows, lost_urgent=self.dropped_urgent))

    def _bound_memory(self) -> None:
        """Keep the newest part: so many seconds of summary, and so many urgent records."""
        room = self._settings.memory_s
        kept: deque[Record] = deque()
        urgent = 0
        rows = len(self._open)
        for one in reversed(self._memory):
            is_urgent = one.key.kind.urgent
            fits = urgent < URGENT_IN_MEMORY if is_urgent else rows < room
            if fits:
                kept.appendleft(one)
            elif is_urgent:
                self._count_dropped(0, 1)
            else:
                self._count_dropped(one.rows, 0)
            urgent += is_urgent
            rows += 0 if is_urgent else one.rows
        self._memory = kept

    def _count_dropped(self, rows: int, urgent: int) -> None:
        if rows + urgent and not self.dropped_rows + self.dropped_urgent:
            _LOG.warning("telemetry is being lost, the oldest first: the buffer has no room for it")
        self.dropped_rows += rows
        self.dropped_urgent += urgent

    def _on_disk(self, limit: int, *, urgent: bool) -> list[Record]:
        if self._database is None:
            return []
        try:
            return self._database.first(limit, urgent=urgent)
        except sqlite3.Error as error:
            self._fail(error)
            return []

    def _delete_arrived(self, database: Database) -> None:
        if self._arrived:
            database.delete(self._arrived)
            self._arrived.clear()

    def _note_jump(self, now: Stamp) -> None:
        """Follow the wall clock; when it jumped, say so. Records of this boot get their new time when handed out."""
        jump_s = now.offset_s - self._offset_s
        self._offset_s = now.offset_s
        if abs(jump_s) > JUMP_S:
            self.jumps += 1
            _LOG.warning("wall clock jumped by %.1f s", jump_s)
            self._take(event(now, "clock", f"wall clock jumped by {jump_s:.1f} s", jump_s=jump_s))
            self._memory = deque(one._replace(offset_s=self._offset_s) for one in self._memory)


def event(now: Stamp, what: str, text: str, **values: float) -> Waiting:
    """Return an event: what it is about, a text for a person, and numbers."""
    return Waiting(Kind.EVENT, now.monotonic_s, json_bytes({"event": what, "text": text, **values}))


def _block(rows: Sequence[Record]) -> Record:
    """Return one record for several rows: number and time are those of the first."""
    payload = pack([row.payload for row in rows])
    return rows[0]._replace(rows=len(rows), payload=payload)
