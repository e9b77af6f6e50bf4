"""Faults of the link to the truck, and of the controller that proposes."""

import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import final

import numpy as np

from thermal_bms.interfaces import Controller
from thermal_bms.signals import Estimate, Limits, Measurement, Preview, ThermalCommand

LINK_KINDS = ("link_silent", "link_frozen", "link_late", "link_lossy", "clock_back", "clock_fast")


@final
class LinkFault:
    """One fault of the link with what it must remember.

    - ``link_silent``: nothing new arrives; the last measurement is read again.
    - ``link_frozen``: the clock runs on, but every value stands still, as with a frozen sender and a live counter.
    - ``link_late``: everything arrives ``value`` seconds late.
    - ``link_lossy``: a share ``value`` of the messages is lost, at random; the last one is read again.
    - ``clock_back``: the sender's clock is set back by ``value`` seconds.
    - ``clock_fast``: the sender's clock runs ``value`` times as fast, as when the controller falls behind.
    """

    def __init__(self, kind: str, value: float = 0.0, *, start_s: float = 0.0, seed: int = 0) -> None:
        self.kind = kind
        self._value = value
        self._start_s = start_s
        self._rng = np.random.default_rng(seed)
        self._last: Measurement | None = None
        self._waiting: deque[Measurement] = deque()

    def change(self, measurement: Measurement) -> Measurement:
        """Return what arrives in place of the measurement."""
        if self.kind == "clock_back":
            return replace(measurement, time_s=measurement.time_s - self._value)
        if self.kind == "clock_fast":
            ahead_s = (self._value - 1.0) * (measurement.time_s - self._start_s)
            return replace(measurement, time_s=measurement.time_s + ahead_s)
        if self.kind == "link_late":
            self._waiting.append(measurement)
            arrived = measurement.time_s - self._value + 1e-9
            while len(self._waiting) > 1 and self._waiting[1].time_s <= arrived:
                self._waiting.popleft()
            return self._waiting[0]
        if self._last is None or (self.kind == "link_lossy" and self._rng.random() >= self._value):
            self._last = measurement
        if self.kind == "link_frozen":
            return replace(self._last, time_s=measurement.time_s)
        return self._last


def _raise_error() -> ThermalCommand:
    raise RuntimeError("injected")


def _raise_timeout() -> ThermalCommand:
    raise TimeoutError("injected")


CONTROLLER_FAULTS: dict[str, Callable[[], ThermalCommand]] = {
    "controller_nan": lambda: ThermalCommand(pump_duty=math.nan),
    "controller_error": _raise_error,
    "controller_timeout": _raise_timeout,
}


@final
class FaultyController:
    """A controller that fails in its time.

    Parameters
    ----------
    controller : the healthy one
    faults : kind from ``CONTROLLER_FAULTS``, start and end of every fault [s]
    """

    def __init__(self, controller: Controller, faults: Sequence[tuple[str, float, float]]) -> None:
        self._controller = controller
        self._faults = tuple(faults)

    def step(
        self,
        measurement: Measurement,
        estimate: Estimate,
        limits: Limits,
        preview: Preview,
        applied: ThermalCommand,
        dt_s: float,
    ) -> ThermalCommand:
        """Return what the controller proposes, or fail in its place."""
        wanted = self._controller.step(measurement, estimate, limits, preview, applied, dt_s)
        for kind, start_s, end_s in self._faults:
            if start_s <= measurement.time_s < end_s:
                return CONTROLLER_FAULTS[kind]()
        return wanted

    def reset(self) -> None:
        """Reset the controller."""
        self._controller.reset()
