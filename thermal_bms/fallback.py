"""Controllers in a row: when one fails, the next takes over, and the reason is kept.

At the end of the row there is none, and the control cycle uses the supervisor's safe command.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import final

from thermal_bms.cycle import flaw_of
from thermal_bms.errors import ConfigError, SolverError
from thermal_bms.interfaces import Controller
from thermal_bms.signals import Estimate, Limits, Measurement, Preview, ThermalCommand
from thermal_bms.step_marker import StepMarker

_LOG = logging.getLogger(__name__)

SAFE = "safe"
_REASON_CHARS_MAX = 200


@dataclass(frozen=True, slots=True)
class Candidate:
    """A controller that may be used: its name, and what makes it."""

    name: str
    build: Callable[[], Controller]


@final
class FallbackController:
    """Uses the first of several controllers that works; a failed one is not tried again before the next start.

    Parameters
    ----------
    candidates : the best one first
    disabled : controllers that must not be used, with the reason
    marker : notes which controller is in the middle of a step

    Attributes
    ----------
    failures : why each controller that is not used any more failed

    Raises
    ------
    ConfigError
        when the settings of a controller are not allowed, or there is none of its name.
    """

    def __init__(
        self,
        candidates: Sequence[Candidate],
        *,
        disabled: Mapping[str, str] | None = None,
        marker: StepMarker | None = None,
    ) -> None:
        self.failures: dict[str, str] = dict(disabled or {})
        self._marker = marker
        self._controllers: dict[str, Controller] = {}
        for candidate in candidates:
            if candidate.name not in self.failures:
                self._build(candidate)
        for name, reason in self.failures.items():
            _LOG.warning("controller %s is not used: %s", name, reason)
        self._choose()

    @property
    def active(self) -> str:
        """Return the name of the controller in use, "safe" when there is none left."""
        return next(iter(self._controllers), SAFE)

    @property
    def has_spare(self) -> bool:
        """Whether another controller could take over."""
        return len(self._controllers) > 1

    def step(
        self,
        measurement: Measurement,
        estimate: Estimate,
        limits: Limits,
        preview: Preview,
        applied: ThermalCommand,
        dt_s: float,
    ) -> ThermalCommand:
        """Return what the first working controller wants.

        Raises
        ------
        SolverError
            when none is left; the control cycle answers with the safe command.
        """
        while self._controllers:
            controller = self._controllers[self.active]
            try:
                wanted = self._guarded(controller, measurement, estimate, limits, preview, applied, dt_s)
                flaw = flaw_of(wanted)
            except Exception as error:  # whatever a controller does wrong, the next one takes over
                flaw = f"{type(error).__name__}: {error}"
            if not flaw:
                return wanted
            self.reject(flaw)
        raise SolverError(f"no controller left: {self.failures}")

    def reject(self, reason: str) -> None:
        """Take the controller in use out of service."""
        name = self.active
        if self._controllers.pop(name, None) is not None:
            self.failures[name] = " ".join(reason.split())[:_REASON_CHARS_MAX]
            _LOG.error("controller %s failed, %s takes over: %s", name, self.active, self.failures[name])
            self._choose()

    def reset(self) -> None:
        """Reset every controller; those that failed stay out of service."""
        for controller in self._controllers.values():
            controller.reset()

    def _guarded(
        self,
        controller: Controller,
        measurement: Measurement,
        estimate: Estimate,
        limits: Limits,
        preview: Preview,
        applied: ThermalCommand,
        dt_s: float,
    ) -> ThermalCommand:
        if self._marker is None:
            return controller.step(measurement, estimate, limits, preview, applied, dt_s)
        with self._marker:
            return controller.step(measurement, estimate, limits, preview, applied, dt_s)

    def _build(self, candidate: Candidate) -> None:
        try:
            self._controllers[candidate.name] = candidate.build()
        except ConfigError:  # a mistake in a file is told at the start, not worked around
            raise
        except Exception as error:  # a controller that cannot be made must not stop the others
            self.failures[candidate.name] = f"cannot be made: {' '.join(str(error).split())}"

    def _choose(self) -> None:
        if self._marker is not None:
            self._marker.name(self.active)
