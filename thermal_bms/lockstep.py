"""A gateway for benches that run in lockstep with the simulated truck, as fast as both can."""

from contextlib import suppress

from thermal_bms.can.allow_list import AllowList, message_allowances
from thermal_bms.can.codec import CommandCodec
from thermal_bms.can.exchange import EndOfBenchError, Exchange, LockstepExchange
from thermal_bms.can.interface import open_bus
from thermal_bms.can.link import CanLink
from thermal_bms.can.port import Port
from thermal_bms.clock import ManualClock
from thermal_bms.gateway_config import LoadedGateway
from thermal_bms.gateway_parts import Factory, address_of, build_loop, build_ring
from thermal_bms.persistence import StoredState


def run_lockstep(loaded: LoadedGateway, create: Factory) -> int:
    """Serve a bench in lockstep until it has finished; return the number of ticks.

    Nothing is kept from before or for later, and nothing depends on wall time.
    """
    settings = loaded.settings
    clock = ManualClock()
    port = Port(lambda: open_bus(settings.bus), clock)
    exchange = LockstepExchange(port, source=address_of(loaded), greets=True)
    ring = build_ring(loaded, StoredState(), lossless=True)
    link = lockstep_link(loaded, port, exchange)
    loop = build_loop(
        loaded,
        create,
        link,
        stored=StoredState(),
        record=ring.append if ring else lambda _stream, _row: None,
    )
    port.start()
    if ring:
        ring.start()
    ticks = 0
    try:
        with suppress(EndOfBenchError):
            while True:
                loop.tick()
                ticks += 1
    finally:
        port.stop()
        if ring:
            ring.stop()
    return ticks


def lockstep_link(loaded: LoadedGateway, port: Port, exchange: Exchange) -> CanLink:
    """Return the link of a bench in lockstep: no address is claimed, everything is sent."""
    commands = CommandCodec(loaded.shape.n_strings).bus_map
    allow = AllowList(message_allowances(commands, {slot.layout.name for slot in commands.slots}))
    return CanLink(port, exchange, loaded.shape, allow=allow)
