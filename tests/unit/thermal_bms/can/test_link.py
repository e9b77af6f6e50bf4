"""The link over a bus, without threads: a test sets time, arrivals and what is sent."""

import math

import pytest

from tests.contracts.check_link import same_bits
from tests.unit.thermal_bms.can.bus_fakes import FakePort, ScriptedExchange, TruckSender
from tests.unit.thermal_bms.can.can_samples import OLD, SHAPE, YOUNG, command, measurement
from thermal_bms.can.allow_list import AllowList, message_allowances, network_allowances
from thermal_bms.can.bus_image import BusReceiver, BusSender
from thermal_bms.can.bus_state import Health
from thermal_bms.can.codec import CommandCodec, MeasurementCodec
from thermal_bms.can.frame import Frame
from thermal_bms.can.j1939.address_claim import AddressClaim, ClaimState
from thermal_bms.can.j1939.identifier import PGN_ADDRESS_CLAIMED, build_identifier, parse_identifier
from thermal_bms.can.j1939.node import Node
from thermal_bms.can.link import UNCOMMANDED, CanLink, TruckEnd
from thermal_bms.can.port import ArrivalKind
from thermal_bms.signals import VehicleMode

COMMANDS = CommandCodec(SHAPE.n_strings)
NAMES = {slot.layout.name for slot in COMMANDS.bus_map.slots}
THC1 = 0xFF38


class Controller:
    """The controller's side with everything around it."""

    def __init__(self, *, names: set[str] | None = None, node: Node | None = None) -> None:
        self.port, self.exchange = FakePort(), ScriptedExchange()
        allowances = message_allowances(COMMANDS.bus_map, NAMES if names is None else names)
        self.allow = AllowList(allowances | network_allowances(243))
        self.status: dict[str, float] = {}
        self.link = CanLink(
            self.port,  # type: ignore[arg-type]
            self.exchange,
            SHAPE,
            allow=self.allow,
            node=node,
            status=self.status,
        )
        self.truck = TruckSender()
        self.exchange.open()

    def hear(self, time_s: float) -> None:
        self.exchange.time_s = time_s
        self.exchange.arrive(*self.truck.frames(time_s))

    def groups(self) -> list[int]:
        """Return the parameter groups sent since the last call."""
        sent, self.exchange.sent = self.exchange.sent, []
        return [parse_identifier(frame.identifier).pgn for frame in sent]


def test_what_is_read_is_what_was_sent_at_the_time_of_the_turn() -> None:
    bench = Controller()
    bench.hear(4.0)
    quantised = MeasurementCodec(SHAPE).quantise(measurement(time_s=4.0))
    assert same_bits(bench.link.read(), quantised)


def test_the_clock_of_the_measurement_stands_still_in_total_silence() -> None:
    bench = Controller()
    bench.hear(1.0)
    assert bench.link.read().time_s == 1.0
    bench.exchange.time_s = 3.9
    assert bench.link.read().time_s == 3.9, "messages with a period of 1 s are still fresh"
    bench.exchange.time_s = 4.1
    stale = bench.link.read()
    assert stale.time_s == 3.9
    assert math.isnan(stale.bus_voltage_v)
    assert stale.vehicle_mode is VehicleMode.PARK


def test_an_unplugged_truck_whose_charger_is_silent_has_an_offer_of_nothing() -> None:
    bench = Controller()
    for plugged, spoken, offer in ((False, False, 0.0), (True, False, math.nan), (False, True, 350e3)):
        bench.exchange.time_s += 10.0
        sent = measurement(plug_connected=plugged)
        frames = bench.truck.frames(bench.exchange.time_s, sent)
        bench.exchange.arrive(*(f for f in frames if spoken or f.identifier & 0xFF != 73))
        assert bench.link.read().charger_power_max_w == pytest.approx(offer, nan_ok=True)


def test_a_command_goes_out_at_once_and_then_with_its_periods() -> None:
    bench = Controller()
    bench.hear(0.0)
    bench.link.read()
    bench.link.write(command())
    assert set(bench.groups()) == {slot.endpoint[0] for slot in COMMANDS.bus_map.slots}
    for k in range(1, 11):
        bench.exchange.time_s = 0.02 * k
        bench.link.receive()
        bench.link.transmit()
    groups = bench.groups()
    assert groups.count(THC1) == 2
    assert groups.count(0xF090) == 10


def test_before_a_command_is_given_nothing_is_sent() -> None:
    bench = Controller()
    bench.hear(0.0)
    bench.link.receive()
    bench.link.transmit()
    assert bench.groups() == []


def test_what_is_not_on_the_list_never_leaves() -> None:
    bench = Controller(names={"THC1"})
    bench.hear(0.0)
    bench.link.read()
    bench.link.write(command())
    assert bench.groups() == [THC1]
    assert bench.allow.forbidden == len(COMMANDS.bus_map.slots) - 1


def test_bus_off_stops_commands_asks_for_a_new_start_and_goes_on_after_it() -> None:
    bench = Controller()
    bench.hear(0.0)
    bench.link.read()
    bench.exchange.time_s = 0.1
    bench.exchange.arrive(Frame(0x040, bytes(8)), kind=ArrivalKind.ERROR_FRAME)
    assert math.isnan(bench.link.read().bus_voltage_v)
    bench.link.write(command())
    assert bench.port.reasons == ["bus-off"]
    assert bench.groups() == []
    bench.exchange.time_s = 0.2
    bench.exchange.arrive(kind=ArrivalKind.FAILED, text="bus-off")
    bench.link.receive()
    assert bench.link.state.health is Health.CLOSED
    bench.exchange.open()
    bench.hear(0.3)
    assert bench.link.read().bus_voltage_v == 690.0
    bench.link.write(command())
    assert THC1 in bench.groups()


def test_an_error_frame_of_another_kind_changes_nothing() -> None:
    bench = Controller()
    bench.hear(0.0)
    bench.exchange.arrive(Frame(0x004, bytes((0, 0x10))), kind=ArrivalKind.ERROR_FRAME)
    assert bench.link.read().bus_voltage_v == 690.0
    assert bench.port.reasons == []
    assert bench.link.may_send


def test_no_command_leaves_before_the_address_counts() -> None:
    node = Node(AddressClaim(OLD, 243), {})
    bench = Controller(node=node)
    bench.hear(0.0)
    bench.link.read()
    bench.link.write(command())
    assert PGN_ADDRESS_CLAIMED in bench.groups()
    for k in range(1, 14):
        bench.hear(0.02 * k)
        bench.link.receive()
        bench.link.transmit()
        assert THC1 not in bench.groups() or node.claim.state is ClaimState.CLAIMED
    assert bench.link.may_send


def claimed(node: Node) -> Controller:
    bench = Controller(node=node)
    for k in range(20):
        bench.hear(0.02 * k)
        bench.link.receive()
        bench.link.transmit()
    assert bench.link.may_send
    bench.groups()
    return bench


def test_a_younger_rival_is_answered_and_commands_go_on() -> None:
    bench = claimed(Node(AddressClaim(OLD, 243), {}))
    bench.exchange.arrive(Frame(build_identifier(PGN_ADDRESS_CLAIMED, 243), YOUNG.data))
    bench.link.read()
    assert bench.groups() == [PGN_ADDRESS_CLAIMED]
    bench.link.write(command())
    assert THC1 in bench.groups()
    assert bench.link.state.impostors == 1


def test_an_older_rival_takes_the_address_and_no_command_leaves_any_more() -> None:
    young = YOUNG.__class__(identity=2, manufacturer=5, function=10, arbitrary_address=False)
    bench = claimed(Node(AddressClaim(young, 243), {}))
    older = young.__class__(identity=1, manufacturer=5, function=10, arbitrary_address=False)
    bench.exchange.arrive(Frame(build_identifier(PGN_ADDRESS_CLAIMED, 243), older.data))
    for k in range(30):
        bench.exchange.time_s = 0.4 + 0.02 * k
        bench.link.read()
        bench.link.write(command())
    assert not bench.link.may_send
    assert set(bench.groups()) == {PGN_ADDRESS_CLAIMED}


def test_a_value_that_does_not_fit_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    bench = Controller()
    bench.status["pack_current_a"] = -2000.0
    for k in range(20):
        bench.hear(0.05 * k)
        bench.link.read()
        bench.link.write(command())
    assert caplog.messages.count("pack_current_a cannot be sent in full: its signal ends before it") == 1
    assert bench.link.saturated == {"pack_current_a"}


class Truck:
    """The truck's side with everything around it, and the controller's frames."""

    def __init__(self) -> None:
        self.exchange = ScriptedExchange()
        self.end = TruckEnd(FakePort(), self.exchange, SHAPE)  # type: ignore[arg-type]
        self.sender = BusSender(COMMANDS.bus_map)
        self.exchange.open()

    def tell(self, time_s: float, *, without: int = 0) -> None:
        self.exchange.time_s = time_s
        frames = self.sender.frames(COMMANDS.flatten(command()), time_s)
        self.exchange.arrive(*(f for f in frames if parse_identifier(f.identifier).pgn != without))


def test_the_truck_follows_what_it_is_told() -> None:
    truck = Truck()
    truck.tell(0.0)
    assert truck.end.receive() == COMMANDS.quantise(command())


def test_the_truck_says_what_a_receiver_can_read() -> None:
    truck = Truck()
    truck.end.send(measurement())
    codec = MeasurementCodec(SHAPE)
    receiver = BusReceiver(codec.bus_map)
    for frame in truck.exchange.sent:
        receiver.take(frame, 12.0)
    assert same_bits(codec.restore(receiver.image, 12.0), codec.quantise(measurement()))


def test_without_commands_nothing_heats_and_contactors_stay() -> None:
    truck = Truck()
    alone = truck.end.receive()
    assert alone.thermal == UNCOMMANDED
    assert alone.contactor_close == (False, False)
    truck.tell(1.0)
    truck.end.receive()
    truck.exchange.time_s = 1.31
    truck.exchange.arrive(Frame(0x008, bytes(8)), kind=ArrivalKind.ERROR_FRAME)
    silent = truck.end.receive()
    assert silent.thermal == UNCOMMANDED
    assert silent.contactor_close == (True, False)
    assert silent.charge_current_a == silent.discharge_power_max_w == silent.regen_power_max_w == 0.0


def test_losing_the_bus_is_losing_the_commands() -> None:
    truck = Truck()
    truck.tell(0.0)
    truck.end.receive()
    truck.exchange.arrive(kind=ArrivalKind.FAILED, text="unplugged")
    assert truck.end.receive().thermal == UNCOMMANDED


def test_a_lost_contactor_command_leaves_the_other_commands_alone() -> None:
    truck = Truck()
    for k in range(6):
        truck.tell(0.1 * k, without=0xFF14 if k else 0)
        found = truck.end.receive()
    assert found == COMMANDS.quantise(command())
