"""Predictive health against faults of known size: what is found, when, how surely, and how well its end is foretold.

Slow faults act in days of the library, whose sensors, controllers and weather are those of the scenario. Runaway is
provoked in a truck that stands awake or charges, and followed until the cells beside the first one have run away.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from controllers.registry import create
from plant_models.charger import charger
from plant_models.runaway import RunawayEvent
from plant_models.truck import Surroundings, Truck
from plant_models.truck_parameters import describe, load_truck
from scenarios.faults import FaultEntry, FaultyLink
from scenarios.health_rows import Story, health_stories
from scenarios.runner import run
from scenarios.scenario import load_scenario
from thermal_bms.cycle import ControlUnit, control_cycle
from thermal_bms.faults import FaultCode
from thermal_bms.health import FindingKind, HealthSettings
from thermal_bms.link import DirectLink
from thermal_bms.recording import Recording
from thermal_bms.signals import NO_PREVIEW
from thermal_bms.units import SECONDS_PER_HOUR

CELLS_EVERY_S = 600.0
TRIGGER_S = 60.0
HANDSHAKE_S = 5.0


@dataclass(frozen=True)
class SlowCase:
    """A slow fault in a day of the library.

    Attributes
    ----------
    name : what is wrong, in words
    scenario : of the library
    faults : what is injected
    kind : what must be found
    tuned : whether thresholds were set on it
    """

    name: str
    scenario: str
    faults: tuple[FaultEntry, ...]
    kind: FindingKind
    tuned: bool = False


@dataclass(frozen=True)
class SlowOutcome:
    """What became of it; times from the start of the fault [s], NaN when nothing was found.

    ``left_true_s`` is the time that was really left when the finding was last seen; NaN where it has no end.
    """

    found_s: float
    story: Story | None
    left_true_s: float
    others: tuple[Story, ...]


def fault(kind: str, value: float = 0.0, target: str = "0", time_s: float = 600.0) -> FaultEntry:
    """Return a fault of a case."""
    return FaultEntry(kind=kind, value=value, target=target, time_s=time_s)


def run_slow(case: SlowCase, seed: int = 1) -> SlowOutcome:
    """Run a day with its faults in it."""
    recording = run_day(case.scenario, case.faults, seed)
    stories = health_stories(recording)
    own = next((story for story in stories if story.last.kind is case.kind), None)
    start_s = case.faults[0].time_s
    return SlowOutcome(
        own.first_s - start_s if own else math.nan,
        own,
        _time_left_s(case, recording, own) if own else math.nan,
        tuple(story for story in stories if story is not own),
    )


def run_day(scenario: str, faults: Sequence[FaultEntry] = (), seed: int = 1) -> Recording:
    """Return the recording of a day of the library with these faults; its file is gone, its streams are read."""
    loaded = load_scenario(scenario)
    settings = loaded.settings.model_copy(
        update={
            "seed": seed,
            "fault": tuple(faults),
            "checks": {},
            "recording": loaded.settings.recording.model_copy(update={"cells_every_s": CELLS_EVERY_S}),
        }
    )
    with TemporaryDirectory() as folder:
        result = run(replace(loaded, settings=settings), Path(folder))
        recording = Recording(result.recording_path)
        for stream in ("signals", "cells", "events", "health"):
            recording.stream(stream)
        return recording


def _time_left_s(case: SlowCase, recording: Recording, story: Story) -> float:
    """Return how long it really is, at the end of the run, until the consequence that the finding names."""
    settings, first, found = HealthSettings(), case.faults[0], story.last
    if found.kind is FindingKind.SOFT_SHORT:
        cells = recording.stream("cells")
        soc, time_s = np.asarray(cells["cell_soc"])[:, found.string], np.asarray(cells["time_s"])
        lost = np.median(soc, axis=1) - soc[:, found.place]
        at = time_s >= max(first.time_s, time_s[-1] - SECONDS_PER_HOUR)
        rate_per_s = float(np.polyfit(time_s[at], lost[at], 1)[0])
        return max(settings.charge_spread - float(lost[-1]), 0.0) / rate_per_s
    if found.kind is FindingKind.CELL_TEMP_OUTLIER and first.kind == "sensor_drift":
        since_s = float(recording["time_s"][-1]) - first.time_s
        return max(settings.sensor_drift_limit_k / abs(first.value) - since_s, 0.0)
    return math.nan


@dataclass(frozen=True)
class RunawayCase:
    """A cell that is abused in a truck that is awake: truck, mode ("park" or "charge"), trigger and its size."""

    truck: str
    mode: str
    kind: str
    value: float
    target: str = "0, 70"
    soc: float = 0.9
    hours: float = 0.7
    changes: dict[str, Any] | None = None  # of the truck, as in a scenario
    tuned: bool = False


@dataclass(frozen=True)
class RunawayOutcome:
    """When what happened, from the trigger on [s]; NaN when it did not.

    Attributes
    ----------
    alarm_s : fault THERMAL_RUNAWAY set
    short_found_s : finding SOFT_SHORT
    vent_s, onset_s : vent of the first cell opens; self-heating above 1 K/s
    hazard_s : a second cell runs away, taken for the begin of the danger outside
    """

    alarm_s: float
    short_found_s: float
    vent_s: float
    onset_s: float
    hazard_s: float


def run_runaway(case: RunawayCase, seed: int = 3) -> RunawayOutcome:
    """Abuse a cell and follow it until its neighbour runs away or the time is over."""
    truck = Truck(load_truck(case.truck, case.changes), soc=case.soc, temp_degc=25.0, seed=seed)
    description = describe(truck.parameters, truck.cell)
    unit = ControlUnit(description, create("pid", {}, description), initial_soc=case.soc)
    link = FaultyLink(DirectLink(truck), truck, [fault(case.kind, case.value, case.target, TRIGGER_S)])
    if case.mode == "charge":
        truck.plug(charger("ccs_150kw").model_copy(update={"handshake_s": HANDSHAKE_S}))
    alarm_s = short_s = math.nan
    while truck.time_s < TRIGGER_S + case.hours * SECONDS_PER_HOUR:
        result = control_cycle(unit, link.read(), NO_PREVIEW, 1.0)
        since_s = truck.time_s - TRIGGER_S
        if math.isnan(alarm_s) and any(f.code is FaultCode.THERMAL_RUNAWAY for f in result.faults):
            alarm_s = since_s
        if math.isnan(short_s) and any(f.kind is FindingKind.SOFT_SHORT for f in result.health):
            short_s = since_s
        link.write(result.command)
        truck.step(Surroundings(25.0), 1.0)
        if truck.runaway is not None and truck.runaway.cells_in_runaway > 1:
            break
    return RunawayOutcome(alarm_s, short_s, *_events_s(truck))


def _events_s(truck: Truck) -> tuple[float, float, float]:
    """Return vent and onset of the first cell and the onset of the second one, from the trigger on [s]."""
    events = truck.runaway.events if truck.runaway else []

    def nth(event: RunawayEvent, n: int) -> float:
        times = [happened.time_s - TRIGGER_S for happened in events if happened.event is event]
        return times[n] if len(times) > n else math.nan

    return nth(RunawayEvent.VENT, 0), nth(RunawayEvent.RUNAWAY, 0), nth(RunawayEvent.RUNAWAY, 1)
