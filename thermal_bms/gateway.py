"""The service on the truck: bus, control loop, watchdog, memory, recording.

``Gateway.run`` turns until it is told to stop. Controllers come from a factory that the caller passes in, so that
the trunk depends on none of them.
"""

import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, final

from thermal_bms import __version__
from thermal_bms.can.bus_state import Health
from thermal_bms.can.exchange import LiveExchange
from thermal_bms.can.j1939.address_claim import ClaimState
from thermal_bms.can.j1939.diagnostics import Diagnosis, Lamp, Lamps, TroubleCode, diagnosis_of
from thermal_bms.can.j1939.node import Node
from thermal_bms.can.link import NOTHING_ALLOWED, CanLink
from thermal_bms.can.port import Port
from thermal_bms.clock import Clock
from thermal_bms.gateway_config import SEND_PERIOD_S, LoadedGateway
from thermal_bms.gateway_parts import (
    SERVICE,
    Factory,
    build_allow_list,
    build_loop,
    build_node,
    build_ring,
    check_sources,
    shape_of,
)
from thermal_bms.persistence import StateStore, StoredState
from thermal_bms.preview_stream import shortened
from thermal_bms.step_marker import StepMarker
from thermal_bms.watchdog import Notifier, Watchdog

if TYPE_CHECKING:
    from thermal_bms.telemetry.service import Telemetry

_LOG = logging.getLogger(__name__)

MARKER_NAME = "step.marker"
PREVIEW_EVERY_S = 10.0
OVERRUNS_MAX = 3
PREVIOUS_CODES_MAX = 32
SAFE_REPEATS = 5


@final
class Gateway:
    """One gateway: everything between the interface and the disk.

    Parameters
    ----------
    loaded : configuration and truck
    create : makes a controller by name
    port : the interface, open already: frames wait there while the rest is built
    clock : the time
    environment : where systemd says how it is to be told
    telemetry : tells others of the truck, and what lies ahead of it

    Attributes
    ----------
    loop : the control loop
    ready : whether commands are computed
    skipped : ticks left out because the loop was late
    """

    def __init__(
        self,
        loaded: LoadedGateway,
        create: Factory,
        *,
        port: Port,
        clock: Clock,
        environment: Mapping[str, str],
        telemetry: "Telemetry | None" = None,
    ) -> None:
        settings = loaded.settings
        check_sources(loaded)
        self._settings = settings
        self._clock = clock
        self._active = settings.mode == "active"
        allow = build_allow_list(loaded)  # also in shadow mode, so that a wrong name shows
        self._allow = allow if self._active else NOTHING_ALLOWED
        self._store = StateStore(settings.state_folder)
        self._marker = StepMarker((settings.run_folder or settings.state_folder) / MARKER_NAME)
        self._kept = self._store.load()
        self._stored = _with_crash(self._kept, self._marker.left_in, loaded)
        self._port = port
        self._telemetry = telemetry
        self._preview_at_s = 0.0
        self._node = build_node(loaded) if self._active else None
        self._status: dict[str, float] = {}
        self._link = CanLink(
            self._port,
            LiveExchange(self._port, clock),
            shape_of(loaded),
            allow=self._allow,
            node=self._node,
            status=self._status,
            sources=settings.sources,
        )
        self._ring = build_ring(loaded, self._stored)
        self.loop = build_loop(
            loaded,
            create,
            self._link,
            stored=self._stored,
            marker=self._marker,
            record=self._ring.append if self._ring else lambda _stream, _row: None,
            status=self._status,
        )
        self._notifier = Notifier(environment)
        self._watchdog = Watchdog(self._notifier, lambda: self._port.loops, hang_s=settings.hang_s)
        self._stopping = False
        self._save_s = settings.save_every_s
        self._overruns = 0
        self._previous: dict[TroubleCode, None] = {}
        self._may_send = False
        self.ready = False
        self.skipped = 0

    def stop(self) -> None:
        """Ask for the end; the loop finishes its turn, leaves the truck safe and saves."""
        self._stopping = True

    def run(self) -> None:
        """Turn until ``stop`` is called, then leave the truck safe and close everything."""
        if self._ring:
            self._ring.start()
        if self._telemetry is not None:
            self._telemetry.start()
        _LOG.info(
            "gateway %s, %s, controller %s", __version__, self._settings.mode, self.loop.controller.active
        )
        try:
            self._turn_until_stopped()
        finally:
            self._finish()

    def _turn_until_stopped(self) -> None:
        per_tick = max(round(self._settings.period_s / SEND_PERIOD_S), 1)
        pace_s = self._settings.period_s / per_tick
        started_s = due_s = self._clock.now_s()
        turn = 0
        while not self._stopping:
            lateness_s = self._clock.now_s() - due_s
            if not self.ready:
                self._wait_for_truck(self._clock.now_s() - started_s)
            elif turn % per_tick == 0:
                self._control(lateness_s)
            else:
                self._link.receive()
                self._link.transmit()
            self._watchdog.control_loop_moved(self._clock.now_s())
            turn += 1
            due_s += pace_s
            behind = int((self._clock.now_s() - due_s) / self._settings.period_s)
            if behind > 0:
                self.skipped += behind
                due_s += behind * self._settings.period_s
            self._clock.sleep_until(due_s)

    def _wait_for_truck(self, waited_s: float) -> None:
        """Listen until every message was received once, or for as long as is allowed."""
        self._link.receive()
        self._link.transmit()
        state = self._link.state
        if state.complete or waited_s >= self._settings.start_wait_s:
            self.ready = True
            missing = ", ".join(state.missing())
            _LOG.info("ready after %.2f s%s", waited_s, f", without {missing}" if missing else "")
            self._notifier.send("READY=1\nSTATUS=running")

    def _control(self, lateness_s: float) -> None:
        begun_s = self._clock.now_s()
        self._look_ahead(begun_s)
        result = self.loop.tick()
        self._judge_time(self._clock.now_s() - begun_s)
        if self._telemetry is not None and self.loop.measurement is not None:
            self._telemetry.observe(self.loop.measurement, result, self._telemetry.now())
        self._note_network()
        if self._node is not None:
            self._diagnose(self._node, diagnosis_of(result.faults))
        if self._ring:
            self._ring.append(SERVICE, self._service_row(lateness_s))
        self._keep_state()

    def _look_ahead(self, now_s: float) -> None:
        """Ask now and then what is known of the time ahead."""
        if self._telemetry is not None and now_s >= self._preview_at_s:
            self._preview_at_s = now_s + PREVIEW_EVERY_S
            self.loop.preview = shortened(self._telemetry.preview(self._telemetry.now()))

    def _judge_time(self, took_s: float) -> None:
        """Take a controller out of service that is too slow several times in a row, if there is another."""
        self._overruns = self._overruns + 1 if took_s > self._settings.period_s else 0
        if self._overruns >= OVERRUNS_MAX and self.loop.controller.has_spare:
            self._overruns = 0
            self.loop.controller.reject(f"a tick took {took_s:.3f} s, allowed {self._settings.period_s:g} s")

    def _note_network(self) -> None:
        """Say when commands begin and cease to go out."""
        may_send = self._active and self._link.may_send
        if may_send != self._may_send:
            self._may_send = may_send
            node = self._node
            claim = "" if node is None else f", address {ClaimState(node.claim.state).name.lower()}"
            health = Health(self._link.state.health).name.lower()
            level = logging.INFO if may_send else logging.WARNING
            _LOG.log(level, "commands %s: bus %s%s", "go out" if may_send else "held back", health, claim)

    def _diagnose(self, node: Node, found: Diagnosis) -> None:
        """Give the node what DM1 and DM2 say: faults, and what is wrong with the bus."""
        codes = tuple(dict.fromkeys((*found.codes, *self._link.state.trouble())))
        lamps = found.lamps
        if codes and lamps == Lamps():
            lamps = replace(lamps, amber_warning=Lamp.ON)
        gone = [code for code in node.active.codes if code not in codes]
        if gone:
            self._previous |= dict.fromkeys(gone)
            kept = [code for code in self._previous if code not in codes][-PREVIOUS_CODES_MAX:]
            self._previous = dict.fromkeys(kept)
            node.previous = Diagnosis(Lamps(), tuple(self._previous))
        node.active = Diagnosis(lamps, codes)

    def _service_row(self, lateness_s: float) -> tuple[float, ...]:
        state, port = self._link.state, self._port
        taken, *refused = state.counts.values()
        return (
            self._link.time_s,
            lateness_s,
            state.health,
            self._may_send,
            taken,
            sum(refused),
            port.sent,
            port.dropped_in + port.dropped_out,
            self._allow.forbidden + self._allow.too_fast,
            len(state.silent()),
            self.skipped,
            self._ring.dropped if self._ring else 0,
        )

    def _keep_state(self) -> None:
        """Save now and then, and at once when something latched or a controller must stay out of service."""
        state = self.loop.state()
        changed = state.latched != self._kept.latched or state.disabled != self._kept.disabled
        if changed or self._link.time_s >= self._save_s:
            self._kept = state
            self._save_s = self._link.time_s + self._settings.save_every_s
            if self._ring:
                self._ring.submit(lambda: self._store.save(state))
            else:
                self._save(state)

    def _save(self, state: StoredState) -> None:
        try:
            self._store.save(state)
        except OSError as error:
            _LOG.error("state not saved: %s", error)

    def _finish(self) -> None:
        """Leave the truck safe, then close everything."""
        self._notifier.send("STOPPING=1")
        self._watchdog.stop()
        with suppress(Exception):  # whatever ended the loop, the safe command goes out if it can
            for _ in range(SAFE_REPEATS):
                self._link.receive()
                if self.loop.leave_safe() is None:
                    break
                self._clock.sleep_until(self._clock.now_s() + SEND_PERIOD_S)
            _LOG.info("stopped, truck left safe" if self.loop.result and self._active else "stopped")
        self._port.stop()
        if self._ring:
            self._ring.stop()
        self._save(self.loop.state())
        if self._telemetry is not None:
            self._telemetry.stop()
        self._marker.close()
        self._notifier.close()


def _with_crash(stored: StoredState, left_in: str, loaded: LoadedGateway) -> StoredState:
    """Return the stored state, with the controller out of service in which the last process ended."""
    if left_in not in {one.name for one in loaded.settings.controller}:
        return stored
    reason = "the process before ended in the middle of its step"
    return replace(stored, disabled={**stored.disabled, left_in: reason})
