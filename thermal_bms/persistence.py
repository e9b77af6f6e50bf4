"""What must survive a restart: charge, health, energy counters, latched faults, controllers out of service.

Two files take turns. Each carries a number that rises and a check value over everything; the valid one with the
higher number counts. A file is written beside, flushed to the disk and renamed, so that neither a crash nor a
power cut in the middle leaves less than the state before.
"""

import json
import logging
import math
import os
import zlib
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, final

from thermal_bms.errors import ConfigError
from thermal_bms.faults import Fault, FaultCode, Severity

_LOG = logging.getLogger(__name__)

SLOTS = ("state-a.json", "state-b.json")
FORMAT = 1
NAN = float("nan")


@dataclass(frozen=True, slots=True)
class StoredState:
    """What a gateway knows of its pack from before.

    Attributes
    ----------
    soc : state of charge in 0..1, NaN when it is not known
    soh : state of health in 0..1, NaN when it is not known
    discharged_j, charged_j : energy that has left and entered the pack so far [J]
    operating_s : time of operation so far [s]
    latched : faults that stay until they are reset by hand
    disabled : controllers that must not be used, with the reason
    """

    soc: float = NAN
    soh: float = NAN
    discharged_j: float = 0.0
    charged_j: float = 0.0
    operating_s: float = 0.0
    latched: tuple[Fault, ...] = ()
    disabled: dict[str, str] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:  # Any: JSON values
        """Return the state as JSON can hold it, null in place of NaN."""
        found = asdict(self)
        found["latched"] = [_fault_values(fault) for fault in self.latched]
        return {key: None if value != value else value for key, value in found.items()}  # noqa: PLR0124  # NaN

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "StoredState":  # Any: JSON values
        """Return the state that ``as_dict`` gave."""
        values: dict[str, Any] = {key: NAN if value is None else value for key, value in data.items()}
        values["latched"] = tuple(_fault(*one) for one in data["latched"])
        return cls(**values)


@final
class StateStore:
    """Two slots in a folder.

    Parameters
    ----------
    folder : made when it is not there

    Raises
    ------
    ConfigError
        when the folder cannot be made.
    """

    def __init__(self, folder: Path) -> None:
        self._slots = tuple(folder / name for name in SLOTS)
        self._number = 0
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(
                f"state_folder = {folder}: cannot be made: {error.strerror}; choose another"
            ) from None

    def load(self) -> StoredState:
        """Return the newest state that is whole; an empty one when there is none."""
        found = [entry for slot in self._slots if (entry := _read(slot)) is not None]
        number, state = max(found, key=lambda entry: entry[0], default=(0, StoredState()))
        self._number = number
        return state

    def save(self, state: StoredState) -> None:
        """Write the state over the older slot.

        Raises
        ------
        OSError
            when the disk does not take it; the other slot stays as it was.
        """
        number = self._number + 1
        path = self._slots[number % len(self._slots)]
        text = json.dumps(
            {"format": FORMAT, "number": number, "state": state.as_dict()}, allow_nan=False, sort_keys=True
        )
        data = f"{zlib.crc32(text.encode()):08x} {text}\n".encode()
        beside = path.with_suffix(".tmp")
        with beside.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
        _sync_folder(path.parent)
        self._number = number


def _read(path: Path) -> tuple[int, StoredState] | None:
    """Return number and state of a slot, or None when it is missing or damaged."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        _LOG.error("%s cannot be read: %s", path, error)
        return None
    check, _, body = text.rstrip("\n").partition(" ")
    if check != f"{zlib.crc32(body.encode()):08x}":
        _LOG.error("%s is damaged: the check value differs", path)
        return None
    try:
        entry = json.loads(body)
        if entry["format"] != FORMAT:
            _LOG.error("%s has format %s, this version reads %d", path, entry["format"], FORMAT)
            return None
        return int(entry["number"]), StoredState.from_dict(entry["state"])
    except (KeyError, TypeError, ValueError) as error:
        _LOG.error("%s cannot be used: %s", path, error)
        return None


def _fault_values(fault: Fault) -> list[float | int | None]:
    value = fault.value if math.isfinite(fault.value) else None
    return [int(fault.code), int(fault.severity), value, fault.limit, fault.place]


def _fault(code: int, severity: int, value: float | None, limit: float, place: int) -> Fault:
    """Return a stored fault; it holds since the start of this service."""
    return Fault(FaultCode(code), Severity(severity), 0.0, NAN if value is None else value, limit, place)


def _sync_folder(folder: Path) -> None:
    """Make the rename last through a power cut, where the file system can."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
