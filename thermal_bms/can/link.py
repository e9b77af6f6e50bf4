"""The link over a CAN bus, and its counterpart: the end of a simulated truck.

Both are thin: a port moves frames, ``BusState`` says what may be believed, the codec knows the bits.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, final

import numpy as np

from thermal_bms.can.allow_list import AllowList
from thermal_bms.can.bus_image import BusSender
from thermal_bms.can.bus_map import BusMap, PackShape
from thermal_bms.can.bus_state import BusState, Health
from thermal_bms.can.codec import CommandCodec, MeasurementCodec
from thermal_bms.can.exchange import Exchange, Turn
from thermal_bms.can.frame import Frame
from thermal_bms.can.j1939.address_claim import ClaimState
from thermal_bms.can.j1939.node import Node
from thermal_bms.can.port import ArrivalKind, Port
from thermal_bms.signals import Command, Measurement, ThermalCommand, ValveMode
from thermal_bms.units import FloatArray

_LOG = logging.getLogger(__name__)

NOTHING_ALLOWED = AllowList({})
OPTIONAL = ("EVSE1DCLIM1",)
"""A charge controller speaks while a charger is plugged in; at other times it may be silent."""
CONTACTORS = ("contactor_close", "negative_close", "precharge_close")
UNCOMMANDED = ThermalCommand(pump_duty=1.0, fan_duty=1.0, valve_mode=ValveMode.RADIATOR)
"""What thermal actuators of the simulated truck do when their command has been silent for too long: coolant and
air move, nothing heats or compresses. Assumed; a real unit has its own rule."""


class ChargerPlaces(NamedTuple):
    """Where in the flat vector of a measurement the plug and the charger's offer stand."""

    plug: int
    offer: tuple[int, ...]


def charger_places(bus_map: BusMap) -> ChargerPlaces:
    """Return where plug and offer stand."""
    names = ("charger_power_max_w", "charger_current_max_a", "charger_voltage_max_v")
    slices = bus_map.slices
    return ChargerPlaces(slices["plug_connected"].start, tuple(slices[name].start for name in names))


def without_charger(values: FloatArray, places: ChargerPlaces) -> FloatArray:
    """Return the values with an offer of nothing where nothing is plugged in and no charger speaks."""
    if values[places.plug] == 0.0:
        for place in places.offer:
            if np.isnan(values[place]):
                values[place] = 0.0
    return values


@final
class CanLink:
    """The link to a truck on a CAN bus, for the controller's side.

    ``read`` takes everything that has arrived and returns what may be believed of it. While nothing at all is
    fresh, the measurement's clock stands still, so that plausibility finds it stale. ``write`` keeps a command
    and sends what is due of it; ``transmit`` sends again whatever has become due since.

    Parameters
    ----------
    port, exchange : the bus, and how turns are taken on it
    shape : size of the pack
    allow : what may be sent; nothing without it
    node : the J1939 side; without it no address is claimed
    status : what the vehicle is told besides the command; may change between calls
    sources : source addresses where they differ from the DBC

    Attributes
    ----------
    state : what is believed of the bus, and its counters
    """

    def __init__(
        self,
        port: Port,
        exchange: Exchange,
        shape: PackShape,
        *,
        allow: AllowList = NOTHING_ALLOWED,
        node: Node | None = None,
        status: Mapping[str, float] | None = None,
        sources: Mapping[str, int] | None = None,
    ) -> None:
        self._port = port
        self._exchange = exchange
        self._measurements = MeasurementCodec(shape, sources=sources)
        self._commands = CommandCodec(shape.n_strings, sources=sources)
        self._sender = BusSender(self._commands.bus_map)
        self._allow = allow
        self._node = node
        self._node_started = False
        self._status = status if status is not None else {}
        self._command: Command | None = None
        self._alive_s = 0.0
        self._saturated: set[str] = set()
        address = self._commands.bus_map.slots[0].identifier & 0xFF
        self.state = BusState(self._measurements.bus_map, address=address, optional=OPTIONAL)
        self._charger = charger_places(self._measurements.bus_map)
        self.time_s = 0.0

    @property
    def saturated(self) -> frozenset[str]:
        """Return the fields of commands that their signals could not hold so far."""
        return frozenset(self._saturated)

    @property
    def may_send(self) -> bool:
        """Whether bus and address allow commands."""
        claimed = self._node is None or self._node.claim.state is ClaimState.CLAIMED
        return claimed and self.state.health in {Health.ACTIVE, Health.PASSIVE}

    def receive(self) -> float:
        """Take everything that has arrived; return the time of this turn [s]."""
        turn = self._exchange.receive()
        self.time_s = turn.time_s
        replies = self._take(turn)
        if replies:
            self._exchange.send(self._allowed(replies))
        return turn.time_s

    def read(self) -> Measurement:
        """Take everything that has arrived and return the newest measurement."""
        now_s = self.receive()
        values = without_charger(self.state.values(now_s), self._charger)
        if self.state.alive(now_s):
            self._alive_s = now_s
        return self._measurements.restore(values, self._alive_s)

    def write(self, command: Command) -> None:
        """Send a command, as far as its messages are due; it is repeated by ``transmit``."""
        self._command = command
        self.transmit()

    def transmit(self) -> None:
        """Send everything of the last command that has become due by the last turn."""
        frames: list[Frame] = []
        if self._node is not None:
            frames += self._network(self._node, self.time_s)
        if self._command is not None and self.may_send:
            flat = self._commands.flatten(self._command, self._status)
            frames += self._sender.frames(flat, self.time_s)
            self._note_saturation(self._sender.saturated)
        self._exchange.send(self._allowed(frames))

    def _take(self, turn: Turn) -> list[Frame]:
        self.state.tick(turn.time_s)
        replies: list[Frame] = []
        for time_s, kind, frame, text in turn.arrivals:
            if kind is ArrivalKind.FRAME:
                self.state.take(frame, time_s)
                if self._node is not None and self._node_started:
                    replies += self._node.on_frame(frame, time_s).frames
            elif kind is ArrivalKind.OPENED:
                self.state.opened(time_s)
            elif kind is ArrivalKind.FAILED:
                self.state.failed(text)
            else:
                self.state.take_error(frame)
                if self.state.health is Health.BUS_OFF:
                    self._port.reopen("bus-off")
        return replies

    def _network(self, node: Node, now_s: float) -> list[Frame]:
        if not self._node_started:
            self._node_started = True
            return node.start(now_s)
        return node.tick(now_s)

    def _allowed(self, frames: Sequence[Frame]) -> list[Frame]:
        return [frame for frame in frames if self._allow.allows(frame, self.time_s)]

    def _note_saturation(self, saturated: tuple[str, ...]) -> None:
        """Log each field that does not fit its signal once."""
        for name in saturated:
            if name not in self._saturated:
                self._saturated.add(name)
                _LOG.warning("%s cannot be sent in full: its signal ends before it", name)


@final
class TruckEnd:
    """The other end: a simulated truck that sends measurements and takes commands.

    A command that has been silent for too long is replaced by what the actuators do alone: ``UNCOMMANDED``, no
    charge current, no power; contactors stay as they were told last.

    Parameters
    ----------
    port, exchange : the bus, and how turns are taken on it
    shape : size of the pack
    sources : source addresses where they differ from the DBC
    """

    def __init__(
        self, port: Port, exchange: Exchange, shape: PackShape, *, sources: Mapping[str, int] | None = None
    ) -> None:
        self._port = port
        self._exchange = exchange
        self._measurements = MeasurementCodec(shape, sources=sources)
        self._commands = CommandCodec(shape.n_strings, sources=sources)
        self._sender = BusSender(self._measurements.bus_map)
        self._contactors: dict[str, Any] = {  # flags per string
            "contactor_close": (False,) * shape.n_strings
        }
        self.state = BusState(self._commands.bus_map)

    def send(self, measurement: Measurement) -> None:
        """Send what is due of a measurement."""
        flat = self._measurements.flatten(measurement)
        self._exchange.send(self._sender.frames(flat, measurement.time_s))

    def receive(self) -> Command:
        """Return the command that the truck follows now."""
        turn = self._exchange.receive()
        self.state.tick(turn.time_s)
        for time_s, kind, frame, text in turn.arrivals:
            if kind is ArrivalKind.FRAME:
                self.state.take(frame, time_s)
            elif kind is ArrivalKind.OPENED:
                self.state.opened(time_s)
            elif kind is ArrivalKind.FAILED:
                self.state.failed(text)
        return self._command(turn.time_s)

    def _command(self, time_s: float) -> Command:
        values = self.state.values(time_s)
        command = self._commands.restore(values)
        known = ~np.isnan(values)
        slices = self._commands.bus_map.slices
        for name in CONTACTORS:
            if known[slices[name]].all():
                self._contactors[name] = getattr(command, name)
        thermal = command.thermal if known[slices["pump_duty"]].all() else UNCOMMANDED
        return replace(command, thermal=thermal, **self._contactors)
