"""The runs of a search on disk, one line each, so that an interrupted search goes on where it was."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scenarios.checks import KPIS
from scenarios.runner import for_json
from scenarios.sweep import Row
from thermal_bms.errors import RecordingError, ScenarioError

PLAN_NAME = "tune.json"
RUNS_NAME = "runs.jsonl"

SETTINGS = "settings"  # the column that holds them, as JSON
Key = tuple[str, str, int]  # settings, scenario, seed


class Journal:
    """The runs of one search in a folder: ``tune.json`` says which search, ``runs.jsonl`` holds its runs.

    Parameters
    ----------
    folder : made if it is not there
    plan : all that decides which runs there are; a folder that holds another search is refused

    Raises
    ------
    ScenarioError, RecordingError
        when the folder holds another search or cannot be written.
    """

    def __init__(self, folder: Path, plan: Mapping[str, Any]) -> None:  # Any: JSON values
        self.folder = folder
        self._path = folder / RUNS_NAME
        text = json.dumps(plan, indent=2)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            known = folder / PLAN_NAME
            if known.is_file() and known.read_text(encoding="utf-8") != text:
                raise ScenarioError(
                    f"--out {folder}: holds another search; choose another folder, or remove it"
                )
            known.write_text(text, encoding="utf-8")
            self._rows = self._read()
        except OSError as error:
            raise RecordingError(f"--out {folder}: cannot be written: {error.strerror or error}") from None

    def __len__(self) -> int:
        """Return the number of runs on disk."""
        return len(self._rows)

    def append(self, row: Row) -> None:
        """Take a run; it is on disk when this returns."""
        self._rows[key_of(row)] = row
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(for_json(row), allow_nan=False) + "\n")
        except OSError as error:
            raise RecordingError(f"{self._path}: cannot be written: {error.strerror or error}") from None

    def find(self, key: Key) -> Row | None:
        """Return the run of these settings on this day with this seed, if it is there."""
        return self._rows.get(key)

    def _read(self) -> dict[Key, Row]:
        """Return the runs on disk; a last line that was cut off by an interrupt is taken away."""
        if not self._path.is_file():
            return {}
        whole, _, cut = self._path.read_text(encoding="utf-8").rpartition("\n")
        if cut:
            self._path.write_text(f"{whole}\n" if whole else "", encoding="utf-8")
        rows = [json.loads(line) for line in whole.splitlines()]
        return {key_of(row): {**row, **_numbers(row)} for row in rows}


def key_of(row: Row) -> Key:
    """Return what tells the runs of a search apart."""
    return row[SETTINGS], row["scenario"], row["seed"]


def _numbers(row: Row) -> dict[str, float]:
    return {name: math.nan if row.get(name) is None else float(row[name]) for name in KPIS}
