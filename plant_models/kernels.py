"""How physics becomes machine code: one decorator, one cache folder, records with named fields.

A kernel is a plain Python function in numba's subset. ``kernel`` compiles it; the plain function stays reachable
as ``.py_func`` and is the oracle in tests. numba keeps a compiled caller when only a callee in another file was
edited, so the cache folder is named by the hash of all kernel sources: an edited source never meets an old cache.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast

import numba
import numpy as np
import numpy.typing as npt
from pydantic import BaseModel

from thermal_bms import units

P = ParamSpec("P")
R = TypeVar("R")

Record = Any  # a numpy record with named float64 and int64 fields; numpy has no static type for one
RecordArray = npt.NDArray[Any]
UNUSED_S = 30 * 24 * 3600.0


def sources_hash(folder: Path | None = None) -> str:
    """Return a hash over the text of every Python file that may hold kernels or constants frozen into them."""
    root = folder or Path(__file__).parent
    digest = hashlib.sha256(Path(units.__file__).read_bytes())
    for path in sorted(root.rglob("*.py")):
        digest.update(path.relative_to(root).as_posix().encode())
        digest.update(path.read_bytes())
    digest.update(numba.__version__.encode())
    return digest.hexdigest()[:16]


def cache_folder() -> Path:
    """Return the folder for compiled kernels of exactly these sources, made if it is not there."""
    name = f"kernels-{sources_hash()}"
    for base in (Path.home() / ".cache", Path(tempfile.gettempdir())):
        folder = base / "thermal-bms" / name
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(folder, os.W_OK):
            _touch_and_prune(folder)
            return folder
    return Path(tempfile.mkdtemp(prefix="thermal-bms-"))


def _touch_and_prune(folder: Path) -> None:
    """Mark a cache folder as used, and take away those of other sources that nobody used for a month."""
    with suppress(OSError):
        os.utime(folder)
        newest_s = folder.stat().st_mtime
        for other in folder.parent.glob("kernels-*"):
            if newest_s - other.stat().st_mtime > UNUSED_S:
                shutil.rmtree(other, ignore_errors=True)


CACHE_FOLDER = cache_folder()
numba.config.CACHE_DIR = str(CACHE_FOLDER)  # type: ignore[attr-defined]  # numba.config fills itself at import


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile ``function`` with numba, cached on disk; no fastmath, which would assume that there is no NaN."""
    compiled = numba.njit(cache=True, error_model="numpy")(function)
    return cast(Callable[P, R], compiled)


def part(function: Callable[P, R]) -> Callable[P, R]:
    """Compile ``function`` as ``kernel`` does, and copy it into the kernels that call it.

    For what takes the many arrays of a pack: handing them over took longer than the work of a whole string.
    """
    compiled = numba.njit(cache=True, error_model="numpy", inline="always")(function)
    return cast(Callable[P, R], compiled)


def kernels_are_cached(cooling: str, cell_model: str = "ecm") -> bool:
    """Return whether the tick of a "liquid" or "air" truck, of exactly these sources, was compiled before."""
    step = f"truck_step.{cooling}_step" if cell_model == "ecm" else f"truck_spme.{cooling}_{cell_model}_step"
    ticks = (f"{step}-*.nbi", "truck_step.drive_step-*.nbi")
    return all(any(CACHE_FOLDER.rglob(tick)) for tick in ticks)


def record_of(model: BaseModel, **more: float) -> RecordArray:
    """Return a one-element record array holding every number of a parameter model, by name.

    A plain array of ``np.record`` passes into a kernel in 0.3 us; a ``recarray`` view of it would take 2 us.
    Only fields that are plain numbers (int, float, bool) are taken; ``more`` adds derived numbers.

    >>> class Disc(BaseModel):
    ...     mass_kg: float = 2.0
    >>> float(record_of(Disc(), radius_m=0.5)[0].mass_kg)
    2.0
    """
    values = {name: value for name, value in model if isinstance(value, (int, float))}
    return record(**values, **more)


def record(**values: float) -> RecordArray:
    """Return a one-element float64 record array with the given fields; ``array[0].name`` reads and writes one.

    >>> state = record(speed_m_per_s=0.0)
    >>> state[0].speed_m_per_s = 3.0
    >>> float(state[0].speed_m_per_s)
    3.0
    """
    fields = np.dtype((np.record, [(name, np.float64) for name in values]))
    array = np.zeros(1, dtype=fields)
    for name, value in values.items():
        array[name] = float(value)
    return array
