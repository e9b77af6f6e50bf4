"""Results of a sweep on disk: Parquet parts that appear whole, so that an interrupted sweep goes on where it was."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from time import perf_counter
from typing import Any

from scenarios.sweep import Row, SweepPlan
from thermal_bms.errors import RecordingError, ScenarioError
from thermal_bms.export import load_arrow

PLAN_NAME = "sweep.json"
PARTS = "results"
ROWS_PER_PART = 500
SECONDS_PER_PART = 20.0


class SweepResults:
    """The rows of one sweep in a folder: ``sweep.json`` says which, ``results/part-*.parquet`` hold the rows.

    Parameters
    ----------
    folder : made if it is not there
    plan : of the sweep; a folder that holds another sweep is refused

    Raises
    ------
    ScenarioError, RecordingError
        when the folder holds another sweep, cannot be written, or pyarrow is missing.
    """

    def __init__(self, folder: Path, plan: SweepPlan) -> None:
        self.folder = folder
        self._arrow, self._parquet = load_arrow()
        self._kinds = plan.columns()
        self._waiting: list[Row] = []
        self._written_s = perf_counter()
        text = json.dumps(asdict(plan), indent=2)
        path = folder / PLAN_NAME
        try:
            (folder / PARTS).mkdir(parents=True, exist_ok=True)
            if path.is_file() and path.read_text(encoding="utf-8") != text:
                raise ScenarioError(
                    f"--out {folder}: holds another sweep; choose another folder, or remove it"
                )
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            raise RecordingError(f"--out {folder}: cannot be written: {error.strerror or error}") from None
        self._next = 1 + max((int(part.stem.split("-")[1]) for part in self._parts()), default=0)

    def done(self) -> set[int]:
        """Return the numbers of the cases that are on disk."""
        found: set[int] = set()
        for part in self._parts():
            found.update(self._parquet.read_table(part, columns=["case"])["case"].to_pylist())
        return found

    def append(self, row: Row) -> None:
        """Take a row; it is on disk after at most ``SECONDS_PER_PART`` or ``ROWS_PER_PART`` rows."""
        self._waiting.append(row)
        if len(self._waiting) >= ROWS_PER_PART or perf_counter() - self._written_s >= SECONDS_PER_PART:
            self.flush()

    def flush(self) -> None:
        """Write what waits as one part, whole or not at all."""
        self._written_s = perf_counter()
        if not self._waiting:
            return
        table = self._arrow.table({name: self._column(name, kind) for name, kind in self._kinds.items()})
        path = self.folder / PARTS / f"part-{self._next:05d}.parquet"
        hidden = path.with_name(f".{path.name}")
        try:
            self._parquet.write_table(table, hidden)
            hidden.replace(path)
        except OSError as error:
            raise RecordingError(f"{path}: cannot be written: {error.strerror or error}") from None
        self._next += 1
        self._waiting = []

    def table(self) -> Mapping[str, list[Any]]:  # what the columns hold
        """Return all rows on disk, column by column, in the order of the cases."""
        parts = [self._parquet.read_table(part) for part in self._parts()]
        if not parts:
            return {name: [] for name in self._kinds}
        whole = self._arrow.concat_tables(parts).sort_by("case")
        return {name: whole[name].to_pylist() for name in self._kinds}

    def _parts(self) -> list[Path]:
        return sorted((self.folder / PARTS).glob("part-*.parquet"))

    def _column(self, name: str, kind: type) -> Any:  # pyarrow has no types
        values = [kind(row[name]) for row in self._waiting]
        types = {int: self._arrow.int64(), float: self._arrow.float64(), bool: self._arrow.bool_()}
        return self._arrow.array(values, type=types.get(kind, self._arrow.string()))
