"""Route and charge plan: what a dispatcher knows of the hours ahead, as a ``Preview`` that ages.

It comes over MQTT or in a file, as the same JSON document.
"""

from itertools import pairwise
from pathlib import Path
from typing import final

import numpy as np
from pydantic import AwareDatetime, Field, model_validator

from thermal_bms.parameters import Parameters
from thermal_bms.signals import NO_PREVIEW, Preview
from thermal_bms.telemetry.envelope import Envelope, Reason, Term, Verdict, opened, timely
from thermal_bms.telemetry.remote import time_until
from thermal_bms.telemetry.stamp import Stamp

BYTES_MAX = 262_144
VALIDITY_MAX_S = 72 * 3600.0
_POINTS_MAX = 2000


class PlanPoint(Parameters):
    """What is expected at one time."""

    at: AwareDatetime
    heat_w: float = Field(ge=0.0, le=1e6, description="heat of the cells")
    ambient_temp_degc: float = Field(ge=-60.0, le=60.0)


class PlanDocument(Envelope):
    """The plan: points along the route, the next fast charge, the departure."""

    confidence: float = Field(ge=0.0, le=1.0, description="when issued")
    points: tuple[PlanPoint, ...] = Field(default=(), max_length=_POINTS_MAX)
    charge_start: AwareDatetime | None = None
    charge_power_w: float = Field(default=0.0, ge=0.0, le=3.75e6)
    departure: AwareDatetime | None = None

    @model_validator(mode="after")
    def _fits(self) -> "PlanDocument":
        times = [point.at for point in self.points]
        if any(later <= earlier for earlier, later in pairwise(times)):
            raise ValueError("points: every time must be later than the one before")
        if self.charge_start is not None and self.charge_power_w <= 0.0:
            raise ValueError("charge_power_w: must be > 0 with a charge_start")
        return self


@final
class PlanDesk:
    """Takes plans or refuses them, and gives the preview that follows from the newest.

    Parameters
    ----------
    memory : text that ``memory`` gave before a restart; empty: no plan
    now : time at the start
    """

    def __init__(self, memory: str, now: Stamp) -> None:
        self._held: tuple[PlanDocument, Term] | None = None  # one reference: read by another thread
        if memory:
            self.take(memory.encode(), now)

    @property
    def memory(self) -> str:
        """Return what is to be kept over a restart."""
        return self._held[0].model_dump_json() if self._held is not None else ""

    def take(self, payload: bytes, now: Stamp) -> Verdict:
        """Take a plan or say why not. A plan must be issued later than the one before, expired or not."""
        plan = opened(PlanDocument, payload, bytes_max=BYTES_MAX)
        if isinstance(plan, Verdict):
            return plan
        refusal = timely(plan, now, validity_max_s=VALIDITY_MAX_S)
        if refusal is not None:
            return refusal
        if self._held is not None and plan.issued <= self._held[0].issued:
            return Verdict(Reason.REPLAYED, "issued no later than the plan before", plan.id)
        self._held = plan, Term.of(plan, now)
        return Verdict(Reason.ACCEPTED, "", plan.id)

    def preview(self, now: Stamp) -> Preview:
        """Return what the plan says of the time from now on; an expired plan says nothing."""
        held = self._held
        if held is None or held[1].over(now):
            return NO_PREVIEW
        return preview_of_plan(held[0], now.wall_s)


def preview_of_plan(plan: PlanDocument, wall_s: float) -> Preview:
    """Return the preview at a time. Its confidence falls linearly from that at issue to zero at expiry."""
    ahead = [point for point in plan.points if point.at.timestamp() >= wall_s]
    age = (wall_s - plan.issued_s) / (plan.expires_s - plan.issued_s)
    charge_in_s = departure_in_s = NO_PREVIEW.charge_in_s
    if plan.charge_start is not None:
        charge_in_s = time_until(plan.charge_start.timestamp(), wall_s)
    if plan.departure is not None:
        departure_in_s = time_until(plan.departure.timestamp(), wall_s)
    return Preview(
        horizon_s=np.array([point.at.timestamp() - wall_s for point in ahead]),
        heat_w=np.array([point.heat_w for point in ahead]),
        ambient_temp_degc=np.array([point.ambient_temp_degc for point in ahead]),
        charge_in_s=charge_in_s,
        charge_power_w=plan.charge_power_w if np.isfinite(charge_in_s) else 0.0,
        departure_in_s=departure_in_s,
        confidence=plan.confidence * min(max(1.0 - age, 0.0), 1.0),
    )


@final
class PlanFile:
    """A file that another program on the machine replaces when it knows better."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int] | None = None

    def changed(self) -> bytes | None:
        """Return the file's content when it is not the one seen before; None also when there is none."""
        try:
            about = self._path.stat()
            if self._seen == (about.st_mtime_ns, about.st_size):
                return None
            with self._path.open("rb") as file:
                content = file.read(BYTES_MAX + 1)
        except OSError:
            return None
        self._seen = (about.st_mtime_ns, about.st_size)
        return content
