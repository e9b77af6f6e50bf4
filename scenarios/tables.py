"""Tables that people bring along, as CSV or VECTO files; errors name file, line and remedy."""

import difflib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from thermal_bms.errors import ScenarioError
from thermal_bms.parameters import did_you_mean
from thermal_bms.units import BoolArray, FloatArray

DELIMITERS = ";\t,"


@dataclass(frozen=True, slots=True)
class Table:
    """The known columns of a file.

    Attributes
    ----------
    path : where it came from
    meta : the ``# key: text`` comments
    columns : numbers by column name, each of shape (n_rows,)
    lines : line of each row in the file, counted from 1
    others : names of columns that were left aside
    """

    path: Path
    meta: dict[str, str]
    columns: dict[str, FloatArray]
    lines: tuple[int, ...]
    others: tuple[str, ...]

    def error(self, row: int, message: str) -> ScenarioError:
        """Return an error that points to the line of ``row``."""
        return ScenarioError(f"{self.path}, line {self.lines[row]}: {message}")

    def refuse(self, bad: BoolArray, name: str, remedy: str) -> None:
        """Raise an error at the first row where ``bad`` holds, showing the value of column ``name``."""
        rows = np.flatnonzero(bad)
        if rows.size:
            row = int(rows[0])
            raise self.error(row, f"{name} = {self.columns[name][row]:g}: {remedy}")


def read_table(
    path: Path,
    known: Sequence[str],
    *,
    comments: tuple[str, ...] = ("#",),
    rename: Callable[[str], str] = str.lower,
) -> Table:
    """Read the columns named in ``known``; semicolon, tab or comma is the delimiter, by the header.

    Parameters
    ----------
    path : the file
    known : column names that mean something; others are left aside, unless they look like a slip of the pen
    comments : how a line starts that is to be skipped
    rename : from a name in the header to a column name

    Raises
    ------
    ScenarioError
        for a file that is missing, empty or holds anything that is not a finite number in a known column.
    """
    lines = _lines(path)
    meta = _meta(lines)
    body = [(i, text) for i, text in lines if text.strip() and not text.lstrip().lower().startswith(comments)]
    if not body:
        raise ScenarioError(f"{path}: empty: a header line and rows of numbers are needed")
    delimiter = next((mark for mark in DELIMITERS if mark in body[0][1]), ",")
    header = [
        rename(name.strip().strip('"')) for name in body[0][1].rstrip().rstrip(delimiter).split(delimiter)
    ]
    _check_header(path, header, known)
    if len(body) < 2:
        raise ScenarioError(f"{path}: no rows below the header")
    wanted = {name: header.index(name) for name in known if name in header}
    values = _fast([text for _, text in body[1:]], delimiter, len(header), list(wanted.values()))
    if values is None:
        rows = [_numbers(f"{path}, line {i}", text, delimiter, len(header), wanted) for i, text in body[1:]]
        values = np.array(rows, dtype=np.float64).reshape(len(rows), len(wanted))
    columns = {name: np.ascontiguousarray(values[:, k]) for k, name in enumerate(wanted)}
    others = tuple(name for name in header if name not in known)
    return Table(path, meta, columns, tuple(i for i, _ in body[1:]), others)


def _lines(path: Path) -> list[tuple[int, str]]:
    try:
        text = path.read_text(encoding="utf-8-sig", errors="replace")
    except FileNotFoundError:
        near = sorted(p.name for p in path.parent.glob("*" + path.suffix)) if path.parent.is_dir() else []
        raise ScenarioError(f"{path}: no such file{did_you_mean(path.name, near)}") from None
    except OSError as error:
        raise ScenarioError(f"{path}: cannot be read: {error.strerror}") from None
    return list(enumerate(text.splitlines(), start=1))


def _meta(lines: Sequence[tuple[int, str]]) -> dict[str, str]:
    found = {}
    for _, text in lines:
        if text.startswith("#") and ":" in text:
            key, _, value = text[1:].partition(":")
            found[key.strip().lower()] = value.strip()
    return found


def _check_header(path: Path, header: Sequence[str], known: Sequence[str]) -> None:
    absent = [name for name in known if name not in header]
    for name in header:
        if name in known:
            if header.count(name) > 1:
                raise ScenarioError(f"{path}: column {name} is there twice: remove one")
            continue
        near = difflib.get_close_matches(name, absent, n=1, cutoff=0.8)
        if near:
            raise ScenarioError(f"{path}: unknown column {name}; did you mean {near[0]}?")


def _fast(texts: list[str], delimiter: str, n_columns: int, wanted: list[int]) -> FloatArray | None:
    """Return the wanted columns when all is well, much sooner than row by row; None when anything is not."""
    if not wanted or any(text.count(delimiter) != n_columns - 1 for text in texts):
        return None
    try:
        values = np.loadtxt(texts, delimiter=delimiter, usecols=wanted, ndmin=2, comments=None)
    except ValueError:
        return None
    return values if np.isfinite(values).all() else None


def _numbers(where: str, text: str, delimiter: str, n_columns: int, wanted: dict[str, int]) -> list[float]:
    fields = [field.strip() for field in text.split(delimiter)]
    while len(fields) > n_columns and not fields[-1]:
        fields.pop()
    if len(fields) != n_columns:
        hint = (
            "; with decimal commas? write 12.5, not 12,5"
            if len(fields) > n_columns and delimiter == ","
            else ""
        )
        raise ScenarioError(f"{where}: {len(fields)} values, but the header has {n_columns} columns{hint}")
    return [_number(where, name, fields[k].strip('"')) for name, k in wanted.items()]


def _number(where: str, name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        if not text:
            raise ScenarioError(f"{where}: {name} is empty: a number is needed") from None
        hint = "; decimal comma? write 12.5, not 12,5" if "," in text else ""
        raise ScenarioError(f"{where}: {name} = {text!r}: not a number{hint}") from None
    if not math.isfinite(value):
        raise ScenarioError(
            f"{where}: {name} = {text}: must be a finite number; fill the gap or remove the row"
        )
    return value
