"""The file in which records wait: SQLite with a write-ahead log, one writer, bounded.

Every commit survives the end of the process. A power cut may take what was written since the last checkpoint,
which is made with every block: a minute of rows.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import final

from thermal_bms.telemetry.record import Key, Kind, Record

PAGE_BYTES = 1024
SLACK_PAGES = 512
LOG_BYTES = 1_000_000
_DROP_AT_ONCE = 16
_WAIT_S = 1.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS boot (
    id INTEGER PRIMARY KEY AUTOINCREMENT, token TEXT UNIQUE, start_s REAL, last_s REAL, offset_s REAL);
CREATE TABLE IF NOT EXISTS record (
    id INTEGER PRIMARY KEY AUTOINCREMENT, urgent INTEGER, boot INTEGER, kind INTEGER, number INTEGER,
    monotonic_s REAL, rows INTEGER, payload BLOB, UNIQUE (boot, kind, number));
CREATE INDEX IF NOT EXISTS by_urgency ON record (urgent, id);
CREATE TABLE IF NOT EXISTS open_row (
    boot INTEGER, number INTEGER, monotonic_s REAL, payload BLOB, PRIMARY KEY (boot, number));
CREATE TABLE IF NOT EXISTS state (name TEXT PRIMARY KEY, text TEXT);
"""
_SELECT = """
SELECT token, kind, number, monotonic_s, offset_s, rows, payload
FROM record JOIN boot ON boot.id = record.boot WHERE urgent = ? ORDER BY record.id LIMIT ?
"""


@final
class Database:
    """One open file. Every method may raise ``sqlite3.Error`` and leaves the file as it was before then.

    Parameters
    ----------
    path : of the file; its folder is made
    token : names this start of the service
    size_bytes : bound on the file
    """

    def __init__(self, path: Path, token: str, *, size_bytes: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._size_bytes = size_bytes
        self._base = sqlite3.connect(path, timeout=_WAIT_S, isolation_level=None, check_same_thread=False)
        try:
            self._prepare(token)
        except sqlite3.Error:
            self._base.close()
            raise

    def _prepare(self, token: str) -> None:
        run = self._base.execute
        run(f"PRAGMA page_size = {PAGE_BYTES}")
        run("PRAGMA journal_mode = WAL")
        run("PRAGMA synchronous = NORMAL")
        run(f"PRAGMA journal_size_limit = {LOG_BYTES}")
        run(f"PRAGMA max_page_count = {self._size_bytes // PAGE_BYTES + SLACK_PAGES}")
        self._base.executescript(_SCHEMA)
        with self._base:
            run("BEGIN IMMEDIATE")
            run(
                "INSERT OR IGNORE INTO boot (token, start_s, last_s, offset_s) "
                "SELECT ?, COALESCE(MAX(start_s + last_s), 0.0), 0.0, 0.0 FROM boot",
                (token,),
            )
            self._boot, self._start_s = run(
                "SELECT id, start_s FROM boot WHERE token = ?", (token,)
            ).fetchone()
            run(
                "DELETE FROM boot WHERE id < ? AND id NOT IN (SELECT boot FROM record) "
                "AND id NOT IN (SELECT boot FROM open_row)",
                (self._boot,),
            )

    def write(
        self,
        records: Iterable[Record],
        rows: Iterable[Record],
        *,
        clear_rows: bool,
        now_s: float,
        offset_s: float,
    ) -> None:
        """Write records, and rows of the block that is not full yet, in one transaction.

        Parameters
        ----------
        records : finished ones
        rows : new ones of the open block
        clear_rows : whether the rows before these are in a block now
        now_s : monotonic time [s]
        offset_s : wall time less monotonic time; stamps every record of this boot anew [s]
        """
        with self._base:
            run = self._base.execute
            run("BEGIN IMMEDIATE")
            run("UPDATE boot SET last_s = ?, offset_s = ? WHERE id = ?", (now_s, offset_s, self._boot))
            if clear_rows:
                run("DELETE FROM open_row WHERE boot = ?", (self._boot,))
            self._insert(records, self._boot)
            self._base.executemany(
                "INSERT OR REPLACE INTO open_row VALUES (?, ?, ?, ?)",
                [(self._boot, row.key.number, row.monotonic_s, row.payload) for row in rows],
            )

    def _insert(self, records: Iterable[Record], boot: int) -> None:
        self._base.executemany(
            "INSERT OR IGNORE INTO record (urgent, boot, kind, number, monotonic_s, rows, payload) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    one.key.kind.urgent,
                    boot,
                    one.key.kind,
                    one.key.number,
                    one.monotonic_s,
                    one.rows,
                    one.payload,
                )
                for one in records
            ],
        )

    def left_open(self) -> dict[int, list[Record]]:
        """Return the rows that earlier boots left outside a block, by boot."""
        found: dict[int, list[Record]] = {}
        for boot, token, number, monotonic_s, offset_s, payload in self._base.execute(
            "SELECT boot, token, number, monotonic_s, offset_s, payload FROM open_row JOIN boot ON boot.id = boot "
            "WHERE boot < ? ORDER BY boot, number",
            (self._boot,),
        ):
            key = Key(token, Kind.SUMMARY, number)
            found.setdefault(boot, []).append(Record(key, monotonic_s, offset_s, 1, payload))
        return found

    def close_block(self, boot: int, block: Record) -> None:
        """Put a block in the place of the rows that an earlier boot left open."""
        with self._base:
            self._base.execute("BEGIN IMMEDIATE")
            self._insert([block], boot)
            self._base.execute("DELETE FROM open_row WHERE boot = ?", (boot,))

    def first(self, limit: int, *, urgent: bool) -> list[Record]:
        """Return the oldest records of one urgency."""
        return [
            Record(Key(token, Kind(kind), number), monotonic_s, offset_s, rows, payload)
            for token, kind, number, monotonic_s, offset_s, rows, payload in self._base.execute(
                _SELECT, (urgent, limit)
            )
        ]

    def delete(self, keys: Sequence[Key]) -> None:
        """Delete records that have arrived."""
        with self._base:
            self._base.execute("BEGIN IMMEDIATE")
            self._base.executemany(
                "DELETE FROM record WHERE boot = (SELECT id FROM boot WHERE token = ?) AND kind = ? AND number = ?",
                keys,
            )

    def drop_beyond(self, *, age_s: float, now_s: float) -> tuple[int, int]:
        """Drop what is too old or too much; return how many rows of summary and how many other records.

        Age counts time in service, so that a wrong clock drops nothing. For want of room the oldest summaries
        go first, and other records only when there are none left.
        """
        dropped = [0, 0]
        oldest_s = self._start_s + now_s - age_s
        too_old = (
            "SELECT record.id FROM record JOIN boot ON boot.id = record.boot WHERE start_s + monotonic_s < ?"
        )
        if oldest_s > 0.0:
            self._drop(too_old, (oldest_s,), dropped)
        while self.size_bytes > self._size_bytes:
            for urgent in (False, True):
                oldest = "SELECT id FROM record WHERE urgent = ? ORDER BY id LIMIT ?"
                if self._drop(oldest, (urgent, _DROP_AT_ONCE), dropped):
                    break
            else:
                break
        return dropped[0], dropped[1]

    def _drop(self, which: str, values: tuple[float, ...], dropped: list[int]) -> int:
        with self._base:
            self._base.execute("BEGIN IMMEDIATE")
            gone = self._base.execute(
                f"DELETE FROM record WHERE id IN ({which}) RETURNING urgent, rows",  # noqa: S608  # own text
                values,
            ).fetchall()
        for urgent, rows in gone:
            dropped[urgent] += rows
        return len(gone)

    @property
    def size_bytes(self) -> int:
        """Return how much of the file is in use."""
        used: int = self._number("page_count") - self._number("freelist_count")
        return used * PAGE_BYTES

    def count(self) -> int:
        """Return how many records wait."""
        number: int = self._base.execute("SELECT COUNT(*) FROM record").fetchone()[0]
        return number

    def checkpoint(self) -> None:
        """Move the log into the file and make it durable. The log keeps its room, for deletions on a full disk."""
        self._base.execute("PRAGMA wal_checkpoint(RESTART)")

    def remember(self, name: str, text: str) -> None:
        """Keep a text under a name."""
        self._base.execute("INSERT OR REPLACE INTO state VALUES (?, ?)", (name, text))

    def recall(self, name: str) -> str:
        """Return the text kept under a name, empty when there is none."""
        row = self._base.execute("SELECT text FROM state WHERE name = ?", (name,)).fetchone()
        return "" if row is None else str(row[0])

    def close(self) -> None:
        """Close the file."""
        self._base.close()

    def _number(self, pragma: str) -> int:
        return int(self._base.execute(f"PRAGMA {pragma}").fetchone()[0])
