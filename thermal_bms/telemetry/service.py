"""Telemetry as the control loop sees it: ``observe`` every tick, ``preview`` when wanted, neither ever waits.

A thread of its own touches disk and network.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable, Collection
from typing import NamedTuple, final

from thermal_bms.cycle import CycleResult
from thermal_bms.signals import NO_PREVIEW, Measurement, Preview
from thermal_bms.telemetry.config import TelemetrySettings
from thermal_bms.telemetry.envelope import Reason, Verdict
from thermal_bms.telemetry.plan import PlanDesk, PlanFile
from thermal_bms.telemetry.publisher import COMMAND, PLAN, Incoming, Publisher
from thermal_bms.telemetry.remote import IN_PREVIEW, NO_SETPOINTS, RemoteDesk, Setpoints, preview_of
from thermal_bms.telemetry.stamp import Stamp
from thermal_bms.telemetry.store import Store, Waiting, event
from thermal_bms.telemetry.summary import Summary

_LOG = logging.getLogger(__name__)

TURN_S, BUSY_S = 0.25, 0.02
STOP_S = 5.0
REFRESH_S = 10.0
QUEUE_MAX = 1200


class Figures(NamedTuple):
    """How telemetry fares: what waits, what was lost, what is wrong."""

    connected: bool
    waiting: int
    size_bytes: int
    dropped_rows: int
    dropped_urgent: int
    overrun: int
    refused: int
    trouble: str


@final
class Telemetry:
    """Everything between the control loop and the broker.

    Parameters
    ----------
    settings : what telemetry is told
    boot : names this start of the service; never used twice
    now : gives the time
    acts_on : signals that may be commanded: those of the preview, and what the caller takes from ``setpoints``

    Attributes
    ----------
    now : gives the time
    setpoints : what was asked for from afar and holds
    overrun : records lost because the thread did not take them in time
    """

    def __init__(
        self,
        settings: TelemetrySettings,
        boot: str,
        now: Callable[[], Stamp],
        *,
        acts_on: Collection[str] = IN_PREVIEW,
    ) -> None:
        self._settings = settings
        self.now = now
        start = now()
        self._publisher = Publisher(settings)
        self._store = Store(settings.buffer, boot, start)
        self._remote = RemoteDesk(self._store.recall(COMMAND), start, acts_on=acts_on)
        self._plans = PlanDesk(self._store.recall(PLAN), start)
        self._plan_file = None if settings.plan_file is None else PlanFile(settings.plan_file)
        self._summary = Summary(settings.every_s)
        self._queue: deque[Waiting] = deque()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="telemetry", daemon=True)
        self._planned: Preview = NO_PREVIEW
        self._refresh_at_s = self._send_at_s = start.monotonic_s
        self._failing, self._blind = "", False
        self._told = (0, 0, 0, 0)
        self._figures = Figures(False, 0, 0, 0, 0, 0, 0, "")  # noqa: FBT003  # nothing known yet
        self.setpoints: Setpoints = NO_SETPOINTS
        self.overrun = 0

    def start(self) -> None:
        """Start the thread and begin to connect."""
        self._publisher.start()
        self._thread.start()

    def observe(self, measurement: Measurement, result: CycleResult, now: Stamp) -> None:
        """Take what a tick showed. For the control loop: this never waits and never raises."""
        try:
            found = self._summary.step(measurement, result, now)
        except Exception as error:
            if not self._blind:
                _LOG.error("tick cannot be summed up: %s: %s", type(error).__name__, error)
            self._blind = True
            return
        self._blind = False
        for one in found:
            if len(self._queue) >= QUEUE_MAX:
                self.overrun += 1
            else:
                self._queue.append(one)

    def preview(self, now: Stamp) -> Preview:
        """Return what is known of the time ahead, from plan and remote commands. Never waits."""
        return preview_of(self.setpoints, self._plans.preview(now), now.wall_s)

    def figures(self) -> Figures:
        """Return how telemetry fares, as the thread last found it."""
        return self._figures

    def stop(self) -> None:
        """Keep what is left, send what can be sent in a few seconds, and end the thread."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(2.0 * STOP_S)

    def _run(self) -> None:
        pause_s = TURN_S
        while not self._stopping.wait(pause_s):
            pause_s = BUSY_S if self._guarded(self._turn) else TURN_S
        self._guarded(self._turn)
        self._guarded(self._finish)

    def _guarded(self, job: Callable[[], bool]) -> bool:
        """Do something; whatever goes wrong is logged once and the thread lives on."""
        try:
            busy = job()
        except Exception as error:
            text = f"{type(error).__name__}: {error}"
            if text != self._failing:
                _LOG.exception("telemetry stumbled")
            self._failing = text
            return False
        self._failing = ""
        return busy

    def _turn(self) -> bool:
        """Take what came, keep it, send what can be sent; return whether there is more to do at once."""
        now = self.now()
        waiting = [self._queue.popleft() for _ in range(len(self._queue))]
        waiting += [self._handled(one, now) for one in self._publisher.incoming()]
        if now.monotonic_s >= self._refresh_at_s:
            waiting += self._refresh(now)
        if waiting or self._store.trouble:
            self._store.add(waiting, now)
        self.setpoints = self._remote.setpoints(now)
        return self._send(now)

    def _send(self, now: Stamp) -> bool:
        publisher = self._publisher
        self._store.forget(publisher.confirmed())
        if publisher.refusing:
            publisher.refusing = False
            self._send_at_s = now.monotonic_s + REFRESH_S
        room = self._settings.broker.in_flight - len(publisher.under_way)
        if not publisher.connected or now.monotonic_s < self._send_at_s:
            return False
        if room > 0:
            for record in self._store.first(room, publisher.under_way.values()):
                publisher.send(record)
        return bool(publisher.under_way)

    def _handled(self, incoming: Incoming, now: Stamp) -> Waiting:
        """Judge a document that came in; return the answer."""
        verdict = Verdict(Reason.NOT_ALLOWED, "not switched on in this truck")
        if incoming.topic == COMMAND and self._settings.commands:
            verdict = self._remote.take(incoming.payload, now)
            if verdict.accepted:
                self._store.remember(COMMAND, self._remote.memory)
        elif incoming.topic == PLAN and self._settings.plans:
            verdict = self._take_plan(incoming.payload, now)
        level = logging.INFO if verdict.accepted else logging.WARNING
        _LOG.log(level, "%s %s: %s %s", incoming.topic, verdict.id, verdict.reason, verdict.detail)
        return verdict.acknowledgement(incoming.topic, now)

    def _take_plan(self, payload: bytes, now: Stamp) -> Verdict:
        verdict = self._plans.take(payload, now)
        if verdict.accepted:
            self._store.remember(PLAN, self._plans.memory)
        return verdict

    def _refresh(self, now: Stamp) -> list[Waiting]:
        """Look at what changes slowly: the plan's file, the figures."""
        self._refresh_at_s = now.monotonic_s + REFRESH_S
        store, publisher = self._store, self._publisher
        self._figures = Figures(
            publisher.connected,
            store.waiting,
            store.size_bytes,
            store.dropped_rows,
            store.dropped_urgent,
            self.overrun + publisher.overrun,
            publisher.refused,
            store.trouble,
        )
        found = self._losses(now)
        content = None if self._plan_file is None else self._plan_file.changed()
        if content is not None:
            found.append(self._take_plan(content, now).acknowledgement("plan file", now))
        return found

    def _losses(self, now: Stamp) -> list[Waiting]:
        """Return an event when more was lost than was told before, and there is somebody to tell."""
        figures = self._figures
        lost = (figures.dropped_rows, figures.dropped_urgent, figures.overrun, figures.refused)
        if lost == self._told or not figures.connected:
            return []
        self._told = lost
        rows, urgent, overrun, refused = lost
        return [
            event(
                now,
                "losses",
                "telemetry was lost since the start of the service",
                lost_rows=rows,
                lost_urgent=urgent,
                overrun=overrun,
                refused=refused,
            )
        ]

    def _finish(self) -> bool:
        """Close the open block, send what goes within a few seconds, close everything."""
        self._store.seal(self.now())
        pause = threading.Event()
        for _ in range(round(STOP_S / BUSY_S)):
            if not self._send(self.now()):
                break
            pause.wait(BUSY_S)
        self._refresh(self.now())
        self._publisher.stop()
        self._store.close()
        return False
