import can
import pytest

from tests.unit.thermal_bms.can.bus_fakes import FakeBus, data_frame, wait_until
from thermal_bms.can import port as port_module
from thermal_bms.can.frame import Frame
from thermal_bms.can.port import Arrival, ArrivalKind, Backoff, Port
from thermal_bms.clock import ManualClock
from thermal_bms.errors import LinkError

FRAME = Frame(0x18FF38F3, bytes(8))


class Interfaces:
    """Opens fake interfaces; refuses as long as a test wants it to."""

    def __init__(self) -> None:
        self.opened: list[FakeBus] = []
        self.refusals = 0

    def __call__(self) -> can.BusABC:
        if self.refusals:
            self.refusals -= 1
            raise LinkError("not there")
        self.opened.append(FakeBus())
        return self.opened[-1]  # type: ignore[return-value]

    @property
    def bus(self) -> FakeBus:
        return self.opened[-1]


class Collected:
    """Everything that has arrived at a port so far."""

    def __init__(self, port: Port) -> None:
        self._port = port
        self.arrivals: list[Arrival] = []

    def kinds(self) -> list[ArrivalKind]:
        self.arrivals += self._port.arrivals()
        return [arrival.kind for arrival in self.arrivals]


@pytest.fixture
def interfaces(monkeypatch: pytest.MonkeyPatch) -> Interfaces:
    monkeypatch.setattr(port_module, "BACKOFF_MIN_S", 0.001)
    monkeypatch.setattr(port_module, "BACKOFF_MAX_S", 0.004)
    monkeypatch.setattr(port_module, "POLL_S", 0.005)
    return Interfaces()


def test_frames_arrive_in_order_with_their_time(interfaces: Interfaces) -> None:
    clock = ManualClock(7.0)
    port = Port(interfaces, clock)
    port.start()
    interfaces.bus.script.put(data_frame(data=b"\x01"))
    interfaces.bus.script.put(data_frame(data=b"\x02"))
    first, second, third = (port.wait(1.0) for _ in range(3))
    port.stop()
    assert first == Arrival(7.0, ArrivalKind.OPENED)
    assert second == Arrival(7.0, ArrivalKind.FRAME, Frame(0x18FF1080, b"\x01"))
    assert third is not None
    assert third.frame.data == b"\x02"
    assert port.wait(0.0) is None
    assert interfaces.bus.closed


def test_error_frames_are_told_apart_and_foreign_kinds_are_counted(interfaces: Interfaces) -> None:
    port = Port(interfaces, ManualClock())
    port.start()
    for message in (
        data_frame(0x040, bytes(8), is_error_frame=True),
        data_frame(0x123, is_extended_id=False),
        data_frame(data=b"", is_remote_frame=True),
        data_frame(is_fd=True),
        data_frame(),
    ):
        interfaces.bus.script.put(message)
    collected = Collected(port)
    wait_until(lambda: len(collected.kinds()) == 3)
    port.stop()
    assert collected.kinds() == [ArrivalKind.OPENED, ArrivalKind.ERROR_FRAME, ArrivalKind.FRAME]
    assert port.malformed == 3


@pytest.mark.parametrize("error", [can.CanOperationError("device gone"), OSError("input/output error")])
def test_a_broken_interface_is_reported_and_opened_again(interfaces: Interfaces, error: Exception) -> None:
    port = Port(interfaces, ManualClock())
    port.start()
    first = interfaces.bus
    interfaces.refusals = 3
    first.script.put(error)
    collected = Collected(port)
    wait_until(lambda: len(interfaces.opened) == 2)
    interfaces.bus.script.put(data_frame())
    wait_until(lambda: len(collected.kinds()) == 4)
    port.stop()
    assert first.closed
    failed = collected.arrivals[1]
    assert (failed.kind, failed.text) == (ArrivalKind.FAILED, str(error))
    assert [arrival.kind for arrival in collected.arrivals[2:]] == [ArrivalKind.OPENED, ArrivalKind.FRAME]


def test_the_receive_thread_survives_a_driver_that_stumbles(interfaces: Interfaces) -> None:
    port = Port(interfaces, ManualClock())
    port.start()
    for _ in range(10):
        interfaces.bus.script.put(ValueError("invalid literal for int()"))
    interfaces.bus.script.put(data_frame())
    collected = Collected(port)
    wait_until(lambda: ArrivalKind.FRAME in collected.kinds())
    port.stop()
    assert port.malformed == 10
    assert len(interfaces.opened) == 1


def test_a_driver_that_only_stumbles_is_opened_again(interfaces: Interfaces) -> None:
    port = Port(interfaces, ManualClock())
    port.start()
    for _ in range(port_module.BAD_IN_A_ROW_MAX):
        interfaces.bus.script.put(UnicodeError())
    collected = Collected(port)
    wait_until(lambda: len(interfaces.opened) == 2)
    wait_until(lambda: ArrivalKind.FAILED in collected.kinds())
    port.stop()
    assert collected.arrivals[1].text == "50 unreadable frames in a row: UnicodeError"


def test_an_interface_that_is_not_there_at_the_start_is_an_error(interfaces: Interfaces) -> None:
    interfaces.refusals = 1
    port = Port(interfaces, ManualClock())
    with pytest.raises(LinkError, match="not there"):
        port.start()
    port.stop()


def test_frames_are_sent_in_order_and_those_queued_before_the_end_too(interfaces: Interfaces) -> None:
    port = Port(interfaces, ManualClock())
    port.start()
    interfaces.bus.let_send.clear()
    port.send([FRAME, Frame(FRAME.identifier, b"\x02")])
    port.send([Frame(FRAME.identifier, b"\x03")])
    wait_until(lambda: port._busy_sending)
    interfaces.bus.let_send.set()
    port.stop()
    assert [bytes(message.data) for message in interfaces.bus.sent] == [bytes(8), b"\x02", b"\x03"]
    assert port.sent == 3
    assert all(message.is_extended_id for message in interfaces.bus.sent)


def test_a_bus_that_hangs_does_not_hold_up_the_end(
    interfaces: Interfaces, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(port_module, "JOIN_S", 0.02)
    port = Port(interfaces, ManualClock())
    port.start()
    interfaces.bus.let_send.clear()
    port.send([FRAME])
    port.stop(drain_s=0.02)
    assert port.sent == 0
    interfaces.bus.let_send.set()
    wait_until(lambda: not port._sender.is_alive())


def test_a_port_that_only_listens_sends_nothing(interfaces: Interfaces) -> None:
    port = Port(interfaces, ManualClock(), transmit=False)
    port.start()
    port.send([FRAME])
    port.stop()
    assert interfaces.bus.sent == []


def test_a_failed_send_closes_the_interface_and_drops_what_was_queued(interfaces: Interfaces) -> None:
    port = Port(interfaces, ManualClock())
    port.start()
    interfaces.bus.send_error = can.CanOperationError("Transmit buffer full")
    port.send([FRAME] * 5)
    collected = Collected(port)
    wait_until(lambda: len(interfaces.opened) == 2)
    wait_until(lambda: ArrivalKind.FAILED in collected.kinds())
    port.stop()
    assert collected.arrivals[1].text == "sending failed: Transmit buffer full"
    assert port.dropped_out == 5
    assert port.sent == 0


def test_a_send_that_fails_because_the_interface_was_closed_does_not_close_the_next(
    interfaces: Interfaces,
) -> None:
    port = Port(interfaces, ManualClock())
    port.start()
    first = interfaces.bus
    first.let_send.clear()
    first.send_error = OSError("bad file descriptor")
    port.send([FRAME])
    wait_until(lambda: port._busy_sending and not port._sending)
    port.reopen("cable")
    wait_until(lambda: len(interfaces.opened) == 2)
    first.let_send.set()
    wait_until(lambda: port.dropped_out == 1)
    port.send([FRAME])
    wait_until(lambda: len(interfaces.bus.sent) == 1)
    port.stop()
    assert len(interfaces.opened) == 2


def test_without_a_bus_frames_are_dropped_at_once(interfaces: Interfaces) -> None:
    port = Port(interfaces, ManualClock())
    port.send([FRAME, FRAME])
    assert port.dropped_out == 2


def test_a_bus_that_takes_nothing_costs_the_oldest_frames(
    interfaces: Interfaces, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(port_module, "SENDING_MAX", 3)
    port = Port(interfaces, ManualClock())
    port.start()
    interfaces.bus.let_send.clear()
    port.send([FRAME])
    wait_until(lambda: port._busy_sending and not port._sending)
    port.send([Frame(FRAME.identifier, bytes((k,))) for k in range(5)])
    interfaces.bus.let_send.set()
    port.stop()
    assert port.dropped_out == 2
    assert [bytes(message.data) for message in interfaces.bus.sent[1:]] == [b"\x02", b"\x03", b"\x04"]


def test_frames_that_nobody_takes_are_bounded(
    interfaces: Interfaces, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(port_module, "RECEIVED_MAX", 4)
    port = Port(interfaces, ManualClock())
    port.start()
    for _ in range(10):
        interfaces.bus.script.put(data_frame())
    wait_until(lambda: port.dropped_in == 7)
    port.stop()
    assert len(port.arrivals()) == 4


def test_a_wish_to_reopen_is_followed_also_while_the_bus_is_quiet(interfaces: Interfaces) -> None:
    port = Port(interfaces, ManualClock())
    port.start()
    port.reopen("bus-off")
    port.reopen("a second reason does not count")
    wait_until(lambda: len(interfaces.opened) == 2)
    port.stop()
    assert [(a.kind, a.text) for a in port.arrivals()][1] == (ArrivalKind.FAILED, "bus-off")


def test_a_port_can_be_stopped_in_the_middle_of_a_pause(
    interfaces: Interfaces, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = Port(interfaces, ManualClock())
    port.start()
    monkeypatch.setattr(port._backoff, "_next_s", 3600.0)
    loops = port.loops
    port.reopen("gone")
    wait_until(lambda: port._bus is None)
    wait_until(lambda: port.loops > loops + 5)
    port.send([FRAME])
    port.stop(drain_s=10.0)
    assert not port._receiver.is_alive()
    assert not port._sender.is_alive()
    assert port.dropped_out == 1


def test_pauses_begin_anew_only_after_an_interface_has_held_for_a_while(interfaces: Interfaces) -> None:
    clock = ManualClock()
    port = Port(interfaces, clock)
    port.start()
    for held_s, expected in ((0.0, 0.002), (0.001, 0.004), (1.0, 0.002)):
        clock.time_s += held_s
        count = len(interfaces.opened)
        port.reopen("flapping")
        wait_until(lambda count=count: len(interfaces.opened) > count)  # type: ignore[misc]
        assert port._backoff._next_s == expected
    port.stop()


def test_the_pauses_double_up_to_five_seconds_and_begin_anew_after_success() -> None:
    backoff = Backoff()
    assert [backoff.next_s() for _ in range(8)] == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]
    backoff.reset()
    assert backoff.next_s() == 0.1
