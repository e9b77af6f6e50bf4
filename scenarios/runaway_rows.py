"""What a run with an abused cell records on top: temperatures of the cells around it, and what happened to which."""

from collections.abc import Sequence
from dataclasses import astuple
from typing import Any

from plant_models.runaway import N_SHOWN, Runaway
from scenarios.faults import ABUSE_FAULTS, FaultEntry
from thermal_bms.recorder import Recorder
from thermal_bms.units import ZERO_DEGC_K

CELLS = "runaway"
EVENTS = "runaway_events"
EVENT_COLUMNS = ("time_s", "string", "cell", "event")


class RunawayRows:
    """Writes the streams "runaway" and "runaway_events" of a run whose faults abuse a cell."""

    def __init__(self, faults: Sequence[FaultEntry]) -> None:
        self._abused = any(fault.kind in ABUSE_FAULTS for fault in faults)
        self._n_events = 0

    def streams(self) -> dict[str, Any]:  # columns by stream, as the recorder takes them
        """Return the streams and their columns; none without an abuse."""
        if not self._abused:
            return {}
        cells = {"time_s": (), "string": (), "first_cell": (), "cell_temp_degc": (N_SHOWN,)}
        return {CELLS: cells, EVENTS: list(EVENT_COLUMNS)}

    def add_events(self, recorder: Recorder, runaway: Runaway) -> None:
        """Append what happened since the last call."""
        for happened in runaway.events[self._n_events :]:
            recorder.append(EVENTS, astuple(happened))
        self._n_events = len(runaway.events)

    def add_cells(self, recorder: Recorder, runaway: Runaway, time_s: float) -> None:
        """Append the temperatures of the cells around the first abused one, NaN where they are not resolved."""
        temp_degc = runaway.cell_temp_k() - ZERO_DEGC_K
        recorder.append(CELLS, (time_s, runaway.shown_string, runaway.first_shown_cell, temp_degc))
