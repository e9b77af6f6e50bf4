"""What lies ahead, told from the scenario's own plan: how long until the next fast charge and until departure."""

import math
from collections.abc import Sequence

from plant_models.charger import charger
from scenarios.drive_cycle import DriveCycle
from scenarios.scenario import ChargePhase, DrivePhase, ParkPhase, Phase
from thermal_bms.signals import Preview
from thermal_bms.units import JOULES_PER_KWH, SECONDS_PER_HOUR

FAST_CHARGERS = ("ccs", "mcs", "gbt")


def nominal_duration_s(phase: Phase, cycle: DriveCycle | None, usable_kwh: float) -> float:
    """Return how long a phase is expected to last [s]: by its plan, its cycle, or its charger's power.

    A charge without a plan is taken to move 60 % of the usable energy.
    """
    if isinstance(phase, DrivePhase):
        return float(cycle.time_s[-1]) if cycle is not None else 0.0
    if isinstance(phase, ParkPhase) or phase.duration_h is not None:
        return float(phase.duration_h or 0.0) * SECONDS_PER_HOUR
    return min(
        0.6 * usable_kwh * JOULES_PER_KWH / charger(phase.charger).power_max_w,
        phase.duration_max_h * SECONDS_PER_HOUR,
    )


class Plan:
    """The day as planned, and the preview it gives at any instant of it."""

    def __init__(self, phases: Sequence[Phase], durations_s: Sequence[float]) -> None:
        self._phases = tuple(phases)
        self.durations_s = tuple(durations_s)

    @property
    def total_s(self) -> float:
        """Planned length of the day [s]."""
        return sum(self.durations_s)

    def preview(self, index: int, elapsed_s: float) -> Preview:
        """Return the preview ``elapsed_s`` into phase ``index``."""
        phase = self._phases[index]
        left_s = max(self.durations_s[index] - elapsed_s, 0.0)
        departure_s = math.inf
        if isinstance(phase, ChargePhase) and phase.duration_h is not None and phase.conditioning:
            departure_s = left_s
        charge_s, power_w = self._next_fast_charge(index, left_s)
        return Preview(
            charge_in_s=charge_s, charge_power_w=power_w, departure_in_s=departure_s, confidence=1.0
        )

    def _next_fast_charge(self, index: int, left_s: float) -> tuple[float, float]:
        ahead_s = left_s
        for i in range(index + 1, len(self._phases)):
            phase = self._phases[i]
            if isinstance(phase, ChargePhase):
                station = charger(phase.charger)
                if station.kind in FAST_CHARGERS:
                    return ahead_s, station.power_max_w
            ahead_s += self.durations_s[i]
        return math.inf, 0.0
