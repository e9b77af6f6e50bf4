"""Every link keeps the contract of a link."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.contracts.check_link import check_link
from tests.unit.thermal_bms.can.bus_fakes import FakePort
from tests.unit.thermal_bms.recorded_truck import FakeTruck, commands, record_truck
from thermal_bms.can.allow_list import AllowList, message_allowances
from thermal_bms.can.bus_image import BusReceiver, BusSender
from thermal_bms.can.bus_map import PackShape
from thermal_bms.can.codec import CommandCodec, MeasurementCodec
from thermal_bms.can.exchange import Turn
from thermal_bms.can.frame import Frame
from thermal_bms.can.link import CanLink
from thermal_bms.can.port import Arrival, ArrivalKind
from thermal_bms.can.quantised_link import QuantisedLink
from thermal_bms.interfaces import Link
from thermal_bms.link import DirectLink, ReplayLink
from thermal_bms.recording import Recording

SHAPE = PackShape(2, 4, 2)


@pytest.fixture(scope="module")
def recording_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return record_truck(tmp_path_factory.mktemp("links") / "run.rec", n_ticks=30)


class BusOfFakeTruck:
    """An exchange with the fake truck at its other end: one turn of it with every turn of the link."""

    def __init__(self) -> None:
        self._truck = FakeTruck()
        self._codec, self._commands = MeasurementCodec(SHAPE), CommandCodec(SHAPE.n_strings)
        self._up = BusSender(self._codec.bus_map)
        self._down = BusReceiver(self._commands.bus_map)
        self._opened = [Arrival(0.0, ArrivalKind.OPENED)]

    def receive(self) -> Turn:
        measured = self._truck.measure()
        frames = self._up.frames(self._codec.flatten(measured), measured.time_s)
        opened, self._opened = self._opened, []
        arrived = [Arrival(measured.time_s, ArrivalKind.FRAME, frame) for frame in frames]
        return Turn(measured.time_s, opened + arrived)

    def send(self, frames: Sequence[Frame]) -> None:
        self._down.tick(self._truck.time_s)
        for frame in frames:
            self._down.take(frame, self._truck.time_s)
        self._truck.actuate(self._commands.restore(self._down.image))


def can_link() -> CanLink:
    names = {slot.layout.name for slot in CommandCodec(SHAPE.n_strings).bus_map.slots}
    allow = AllowList(message_allowances(CommandCodec(SHAPE.n_strings).bus_map, names))
    return CanLink(FakePort(), BusOfFakeTruck(), SHAPE, allow=allow)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["direct", "replay", "quantised", "can"])
def test_every_link_keeps_the_contract(kind: str, recording_path: Path) -> None:
    def new_link() -> Link:
        if kind == "replay":
            return ReplayLink(Recording(recording_path))
        if kind == "can":
            return can_link()
        direct = DirectLink(FakeTruck())
        return direct if kind == "direct" else QuantisedLink(direct, SHAPE)

    check_link(new_link, commands(30))
