"""Cell-monitoring units between the sensors and the battery management: sampling, latency, jitter and loss.

Every unit watches the groups and temperature sensors of its share of a string. It samples on a clock of its own and
sends a frame with a counter; a frame arrives after the latency and a random delay, or never. What arrives is held
until a newer frame is there. What is older than three periods, the latency and the delay together counts as missing,
so late data is never taken for new data and nothing is guessed.

Between two ticks the truth is taken as a straight line.
"""

import math
from dataclasses import replace
from typing import Literal, NamedTuple, final

import numpy as np
from pydantic import Field

from thermal_bms.errors import ConfigError
from thermal_bms.interfaces import Link
from thermal_bms.parameters import Parameters
from thermal_bms.signals import Command, Measurement
from thermal_bms.units import FloatArray

PERIODS_UNTIL_MISSING = 3.0
SAMPLES_PER_TICK = 4  # only the last few samples of a long tick can still matter

Topology = Literal["centralized", "distributed", "modular"]
Transport = Literal["wired", "wireless"]


class Timing(NamedTuple):
    """How often a unit samples, and what happens to its frames on the way."""

    period_s: float
    latency_s: float
    jitter_s: float
    loss: float


TIMINGS: dict[tuple[Topology, Transport], Timing] = {
    # one board: a daisy-chained front end is read within a task of 10 ms (foxBMS 2 v1.11, LTC6813 driver)
    ("centralized", "wired"): Timing(0.010, 0.002, 0.0, 0.0),
    ("centralized", "wireless"): Timing(0.100, 0.017, 0.017, 1e-3),
    # units on a CAN bus send every 100 ms (foxBMS 2 cell voltages); a frame waits for some others
    ("distributed", "wired"): Timing(0.100, 0.005, 0.005, 1e-6),
    # TI TIDUFD0 (2025): a request every 100 ms is answered in one to two frames of about 17 ms with eight nodes;
    # lost frames are assumed at one in a thousand
    ("distributed", "wireless"): Timing(0.100, 0.017, 0.017, 1e-3),
    # a string's own controller collects its units first, then reports
    ("modular", "wired"): Timing(0.100, 0.105, 0.010, 1e-6),
    ("modular", "wireless"): Timing(0.100, 0.117, 0.020, 1e-3),
}


class MonitoringSettings(Parameters):
    """How cells are watched. What is left out follows the topology and the transport."""

    topology: Topology = "centralized"
    transport: Transport = "wired"
    groups_per_unit: int = Field(default=18, ge=1, le=400, description="of a unit, when distributed")
    period_s: float | None = Field(default=None, gt=0.0, le=10.0, description="between two samples")
    latency_s: float | None = Field(default=None, ge=0.0, le=10.0, description="from sample to arrival")
    jitter_s: float | None = Field(default=None, ge=0.0, le=10.0, description="largest random delay on top")
    loss: float | None = Field(default=None, ge=0.0, le=1.0, description="share of frames that never arrive")

    @property
    def timing(self) -> Timing:
        """The timing in use.

        >>> MonitoringSettings(topology="distributed", latency_s=0.02).timing
        Timing(period_s=0.1, latency_s=0.02, jitter_s=0.005, loss=1e-06)
        """
        default = TIMINGS[self.topology, self.transport]
        own = {name: getattr(self, name) for name in Timing._fields}
        return default._replace(**{name: value for name, value in own.items() if value is not None})

    @property
    def delay_max_s(self) -> float:
        """The longest time from a change in a cell to its arrival while no frame is lost [s]."""
        timing = self.timing
        return timing.period_s + timing.latency_s + timing.jitter_s

    @property
    def missing_after_s(self) -> float:
        """The age at which a value counts as missing [s]."""
        return self.delay_max_s + (PERIODS_UNTIL_MISSING - 1.0) * self.timing.period_s


class _Frames(NamedTuple):
    """One sample of every unit on its way: when it was taken, when it arrives (infinite: never), what it holds."""

    taken_s: FloatArray
    arrives_s: FloatArray
    values: dict[str, FloatArray]


@final
class MonitoredLink:
    """A link through which cell values come from monitoring units.

    Parameters
    ----------
    link : to the truck
    settings : topology, transport and timing
    seed : of phases, delays and losses
    """

    def __init__(self, link: Link, settings: MonitoringSettings, seed: int) -> None:
        self._link = link
        self._settings = settings
        self._rng = np.random.default_rng(np.random.SeedSequence(entropy=seed, spawn_key=(7,)))
        self._last: Measurement | None = None
        self._under_way: list[_Frames] = []
        self._silent: dict[int, float] = {}
        self._phase_s = np.empty(0)

    def read(self) -> Measurement:
        """Return the newest measurement as the battery management has it: what arrived, NaN for what is too old."""
        now = self._link.read()
        if self._last is None:
            self._start(now)
        elif now.time_s > self._last.time_s:
            self._sample(self._last, now)
        self._last = now
        self._arrive(now.time_s)
        old = now.time_s - self._held_s > self._settings.missing_after_s
        shown = {
            name: np.where(old[self._unit_of[name]], math.nan, held) for name, held in self._held.items()
        }
        return replace(now, **shown)  # type: ignore[arg-type]  # all of them are array fields

    def write(self, command: Command) -> None:
        """Send a command; it does not pass the monitoring units."""
        self._link.write(command)

    def silence(self, unit: int, until_s: float) -> None:
        """Let a unit send nothing until a time [s].

        Raises
        ------
        ConfigError
            when there is no such unit.
        """
        if not 0 <= unit < self.n_units:
            raise ConfigError(f"unit {unit}: this pack has monitoring units 0 to {self.n_units - 1}")
        self._silent[unit] = until_s

    @property
    def n_units(self) -> int:
        """The number of units; known from the first measurement on."""
        return int(self._phase_s.size)

    def _start(self, first: Measurement) -> None:
        """Lay out the units over the pack and hold what they see at the start."""
        n_strings, n_series = first.cell_voltage_v.shape
        settings = self._settings
        per_string = -(-n_series // settings.groups_per_unit) if settings.topology == "distributed" else 1
        first_unit = np.arange(n_strings)[:, np.newaxis] * per_string
        if settings.topology == "centralized":
            first_unit = np.zeros_like(first_unit)
        self._unit_of = {
            name: first_unit + np.arange(n_columns) * per_string // n_columns
            for name, n_columns in (
                ("cell_voltage_v", n_series),
                ("cell_temp_degc", first.cell_temp_degc.shape[1]),
            )
        }
        if settings.topology == "modular":  # the string's controller measures its current too
            self._unit_of["string_current_a"] = self._unit_of["string_voltage_v"] = np.arange(n_strings)
        n_units = 1 + max(int(unit.max()) for unit in self._unit_of.values())
        self._phase_s = self._rng.uniform(0.0, settings.timing.period_s, n_units)
        self._held = {name: np.array(getattr(first, name)) for name in self._unit_of}
        self._held_s = np.full(n_units, first.time_s)

    def _sample(self, before: Measurement, now: Measurement) -> None:
        """Put the samples that were taken since the last tick on their way."""
        period_s, latency_s, jitter_s, loss = self._settings.timing
        newest = np.floor((now.time_s - self._phase_s) / period_s)
        for back in range(SAMPLES_PER_TICK - 1, -1, -1):
            taken_s = self._phase_s + (newest - back) * period_s
            delay_s = latency_s + jitter_s * self._rng.random(taken_s.size)
            lost = (taken_s <= before.time_s) | (self._rng.random(taken_s.size) < loss)
            for unit, until_s in self._silent.items():
                lost[unit] |= taken_s[unit] < until_s
            if lost.all():
                continue
            share = (taken_s - before.time_s) / (now.time_s - before.time_s)
            values = {}
            for name, unit in self._unit_of.items():
                old, new = getattr(before, name), getattr(now, name)
                values[name] = old + share[unit] * (new - old)
            self._under_way.append(_Frames(taken_s, np.where(lost, math.inf, taken_s + delay_s), values))

    def _arrive(self, time_s: float) -> None:
        """Take in what has arrived; a frame that was overtaken by a newer one is dropped."""
        still: list[_Frames] = []
        for frames in self._under_way:
            due = (frames.arrives_s <= time_s) & (frames.taken_s > self._held_s)
            if due.any():
                self._held_s = np.where(due, frames.taken_s, self._held_s)
                for name, unit in self._unit_of.items():
                    self._held[name] = np.where(due[unit], frames.values[name], self._held[name])
            if (np.isfinite(frames.arrives_s) & (frames.arrives_s > time_s)).any():
                still.append(frames)
        self._under_way = still
