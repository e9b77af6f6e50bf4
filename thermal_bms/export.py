"""Recordings for other tools: CSV always, Parquet when pyarrow is installed.

Both are written piece by piece beside the wanted file and moved there when whole, so memory stays bounded and
nothing half-written is left behind.
"""

import importlib
import importlib.util
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from thermal_bms.errors import RecordingError
from thermal_bms.recording import SIGNALS, Recording

CSV_NUMBER = "%.9g"  # nine digits: a microsecond in an hour, 1e-7 K at 40 degC; all bits are in the recording

_NEEDS_ARROW = "Parquet needs pyarrow: pip install 'thermal-bms[io]', or export CSV"


def write_csv(recording: Recording, path: Path, *, stream: str = SIGNALS) -> Path:
    """Write a stream as CSV with one header line; NaN is written ``nan``. Returns ``path``.

    Numbers have nine significant digits. An array column becomes one column per element (``name_0``,
    ``name_1``).

    Raises
    ------
    RecordingError
        if the stream does not exist or the file cannot be written.
    """
    source = recording.stream(stream)
    line = ",".join([CSV_NUMBER] * len(source.flat_names)) + "\n"
    with _whole(path) as part, part.open("w", encoding="ascii", newline="") as file:
        file.write(",".join(source.flat_names) + "\n")
        for chunk in source.chunks():
            file.write(line * len(chunk) % tuple(chunk.ravel().tolist()))
    return path


def write_parquet(recording: Recording, path: Path, *, stream: str = SIGNALS) -> Path:
    """Write a stream as Parquet, all bits kept, the recording's meta as JSON in the schema. Returns ``path``.

    Raises
    ------
    RecordingError
        if pyarrow is not installed, the stream does not exist or the file cannot be written.
    """
    arrow, parquet = load_arrow()
    source = recording.stream(stream)
    names = source.flat_names
    meta = {"thermal_bms": json.dumps({"complete": recording.complete, "meta": recording.meta})}
    schema = arrow.schema([(name, arrow.float64()) for name in names], metadata=meta)
    with _whole(path) as part, parquet.ParquetWriter(part, schema, compression="zstd") as writer:
        for chunk in source.chunks():
            columns = [arrow.array(column) for column in chunk.T.copy()]
            writer.write_table(arrow.table(columns, schema=schema))
    return path


def require_parquet() -> None:
    """Raise ``RecordingError`` when Parquet cannot be written, without loading pyarrow."""
    if importlib.util.find_spec("pyarrow") is None:
        raise RecordingError(_NEEDS_ARROW)


def load_arrow() -> tuple[Any, Any]:  # pyarrow has no types
    """Return pyarrow and its Parquet module, loaded by name: the trunk must run without them."""
    load: Callable[[str], Any] = importlib.import_module
    try:
        return load("pyarrow"), load("pyarrow.parquet")
    except ImportError:
        raise RecordingError(_NEEDS_ARROW) from None


@contextmanager
def _whole(path: Path) -> Iterator[Path]:
    """Give a path to write to, and move it to ``path`` when all went well."""
    part = path.with_name(path.name + ".part")
    try:
        yield part
        part.replace(path)
    except OSError as error:
        raise RecordingError(f"{path}: cannot be written: {error.strerror or error}") from None
    finally:
        part.unlink(missing_ok=True)
