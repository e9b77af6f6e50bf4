"""A gateway for benches that run in lockstep with the simulated truck, as fast as both can."""

from contextlib import suppress

from thermal_bms.can.allow_list import AllowList, message_allowances
from thermal_bms.can.codec import CommandCodec
from thermal_bms.can.exchange import EndOfBenchError, Exchange, LockstepExchange
from thermal_bms.can.interface import open_bus
from thermal_bms.can.link import CanLink
from thermal_bms.can.port import Port
from thermal_bms.clock import ManualClock
from thermal_bms.control_loop import ControlLoop
from thermal_bms.errors import ConfigError
from thermal_bms.gateway_config import LoadedGateway
from thermal_bms.gateway_parts import (
    Factory,
    address_of,
    build_loop,
    recording_meta,
    recording_streams,
    shape_of,
)
from thermal_bms.persistence import StoredState
from thermal_bms.recorder import Recorder

FILE_NAME = "bench.rec"


def run_lockstep(loaded: LoadedGateway, create: Factory) -> int:
    """Serve a bench in lockstep until it has finished; return the number of ticks.

    Nothing is kept from before or for later, and nothing depends on wall time.
    """
    clock = ManualClock()
    port = Port(lambda: open_bus(loaded.settings.bus), clock)
    exchange = LockstepExchange(port, source=address_of(loaded), greets=True)
    link = lockstep_link(loaded, port, exchange)
    with bench_recorder(loaded) as recorder:
        loop = build_loop(loaded, create, link, stored=StoredState(), record=recorder.append)
        port.start()
        try:
            return _turn_until_finished(loop)
        finally:
            port.stop()


def bench_recorder(loaded: LoadedGateway) -> Recorder:
    """Return what records a bench: one file, whose bytes depend on nothing but what happened.

    Raises
    ------
    ConfigError, RecordingError
        when there is no folder for it, or it cannot be written.
    """
    folder = loaded.settings.recording.folder
    if folder is None:
        raise ConfigError("recording.folder: missing; a bench in lockstep is run for its recording")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"recording.folder = {folder}: cannot be made: {error.strerror}") from None
    meta, streams = recording_meta(loaded, StoredState()), recording_streams(loaded, live=False)
    return Recorder(folder / FILE_NAME, meta, streams)


def _turn_until_finished(loop: ControlLoop) -> int:
    ticks = 0
    with suppress(EndOfBenchError):
        while True:
            loop.tick()
            ticks += 1
    return ticks


def lockstep_link(loaded: LoadedGateway, port: Port, exchange: Exchange) -> CanLink:
    """Return the link of a bench in lockstep: no address is claimed, everything is sent."""
    commands = CommandCodec(loaded.truck.pack.n_strings).bus_map
    allow = AllowList(message_allowances(commands, {slot.layout.name for slot in commands.slots}))
    return CanLink(port, exchange, shape_of(loaded), allow=allow)
