import logging
import math

import numpy as np
import pytest

from tests.unit.thermal_bms.can.bus_fakes import TruckSender
from tests.unit.thermal_bms.can.can_samples import SHAPE, measurement
from thermal_bms.can.bus_image import TakeStatus
from thermal_bms.can.bus_state import BusState, Health
from thermal_bms.can.codec import MeasurementCodec
from thermal_bms.can.e2e import E2eStatus
from thermal_bms.can.frame import Frame
from thermal_bms.can.j1939.diagnostics import FailureMode
from thermal_bms.can.j1939.identifier import parse_identifier

BUS_OFF = Frame(0x040, bytes(8))
PASSIVE = Frame(0x004, bytes((0, 0x10)))
ACTIVE = Frame(0x004, bytes((0, 0x40)))
STRM = 0xFF12


class Bench:
    """A truck that sends and a state that takes, on one clock."""

    def __init__(self) -> None:
        self.sender = TruckSender()
        self.bus_map = self.sender.codec.bus_map
        self.state = BusState(self.bus_map, address=243)
        self.state.opened(0.0)
        self.time_s = 0.0

    def turn(self, time_s: float, *, without: int = 0, spoil: int = 0) -> None:
        """Let everything due cross, except one group, or with one group's check value wrong."""
        self.time_s = time_s
        self.state.tick(time_s)
        for frame in self.sender.frames(time_s):
            pgn = parse_identifier(frame.identifier).pgn
            if pgn == without:
                continue
            if pgn == spoil:
                self.state.take(
                    Frame(frame.identifier, bytes((frame.data[0] ^ 0xFF,)) + frame.data[1:]), time_s
                )
            else:
                self.state.take(frame, time_s)

    def value(self, field: str) -> float:
        return float(self.state.values(self.time_s)[self.bus_map.slices[field]][0])


def test_what_was_sent_is_believed() -> None:
    bench = Bench()
    assert not bench.state.complete
    assert len(bench.state.missing()) == len({slot.endpoint for slot in bench.bus_map.slots})
    bench.turn(0.0)
    assert bench.state.complete
    assert bench.state.missing() == []
    codec = MeasurementCodec(SHAPE)
    expected = codec.flatten(codec.quantise(measurement()))
    np.testing.assert_array_equal(bench.state.values(0.0), expected)


def test_an_optional_message_may_be_absent_or_fall_silent() -> None:
    bench = Bench()
    bench.state = BusState(bench.bus_map, optional=("STRM",))
    bench.state.opened(0.0)
    bench.turn(0.0, without=STRM)
    assert bench.state.complete
    assert bench.state.missing() == []
    for k in range(1, 20):
        bench.turn(0.1 * k, without=STRM if k > 5 else 0)
    assert math.isnan(bench.value("string_current_a"))
    assert bench.state.trouble() == ()


def test_a_value_is_used_for_three_periods_and_no_longer() -> None:
    bench = Bench()
    bench.turn(0.0)
    bench.time_s = 0.3
    assert bench.value("string_current_a") == -300.0
    bench.time_s = 0.301
    assert math.isnan(bench.value("string_current_a"))
    assert bench.value("cell_voltage_v") == pytest.approx(3.2)
    bench.time_s = 3.0
    assert bench.value("cell_voltage_v") == pytest.approx(3.2)
    bench.time_s = 3.01
    assert math.isnan(bench.value("cell_voltage_v"))
    assert not bench.state.alive(3.01)


def test_one_silent_message_takes_nothing_else_with_it_and_becomes_a_trouble_code() -> None:
    bench = Bench()
    for k in range(20):
        bench.turn(0.1 * k, without=STRM if k > 2 else 0)
    assert math.isnan(bench.value("string_current_a"))
    assert bench.value("bus_voltage_v") == 690.0
    assert bench.state.silent() == ["STRM from 128", "STRM from 129"]
    assert [code.fmi for code in bench.state.trouble()] == [FailureMode.UPDATE_RATE]
    bench.turn(2.0)
    assert bench.value("string_current_a") == -300.0
    assert bench.state.trouble() == ()


def test_silence_shows_only_when_values_were_asked_for() -> None:
    bench = Bench()
    bench.turn(0.0)
    bench.state.values(0.0)
    bench.state.values(10.0)
    assert len(bench.state.silent()) == len({slot.endpoint for slot in bench.bus_map.slots})


def test_a_message_that_never_came_is_no_trouble_yet() -> None:
    bench = Bench()
    bench.state.values(5.0)
    assert bench.state.trouble() == ()
    assert bench.state.silent() == []


def test_five_wrong_check_values_in_ten_end_the_trust_and_two_restore_it() -> None:
    bench = Bench()
    bench.turn(0.0)
    for k in range(1, 5):
        bench.turn(0.1 * k, spoil=STRM)
    bench.turn(0.5)
    assert bench.value("string_current_a") == -300.0
    bench.turn(0.6, spoil=STRM)
    bench.turn(0.7)
    assert math.isnan(bench.value("string_current_a"))
    assert bench.value("bus_voltage_v") == 690.0
    assert [code.fmi for code in bench.state.trouble()] == [FailureMode.NETWORK_DATA]
    k = 8
    while math.isnan(bench.value("string_current_a")):
        bench.turn(0.1 * k)
        k += 1
    assert 11 <= k <= 18
    assert bench.state.e2e_counts[E2eStatus.WRONG_CRC] == 10


def test_a_repeated_frame_is_no_error_but_the_value_grows_stale() -> None:
    bench = Bench()
    bench.turn(0.0)
    frames = [f for f in bench.sender.frames(0.1) if parse_identifier(f.identifier).pgn == STRM]
    for k in range(1, 30):
        bench.state.tick(0.1 * k)
        for frame in frames:
            bench.state.take(frame, 0.1 * k)
    bench.time_s = 2.9
    assert math.isnan(bench.value("string_current_a"))
    assert [code.fmi for code in bench.state.trouble()].count(FailureMode.NETWORK_DATA) == 0
    assert bench.state.counts[TakeStatus.REFUSED] > 50


def test_bus_off_makes_everything_stale_until_the_interface_is_opened_again() -> None:
    bench = Bench()
    bench.turn(0.0)
    bench.state.take_error(BUS_OFF)
    assert bench.state.health is Health.BUS_OFF
    assert not bench.state.alive(0.0)
    assert np.isnan(bench.state.values(0.0)).all()
    bench.state.failed("bus-off")
    bench.state.opened(0.05)
    assert np.isnan(bench.state.values(0.05)).all(), "what came before the failure is not used again"
    bench.turn(0.1)
    assert bench.value("bus_voltage_v") == 690.0
    assert (bench.state.bus_offs, bench.state.failures) == (1, 1)


def test_a_state_that_does_not_change_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench()
    with caplog.at_level(logging.INFO):
        bench.state.opened(1.0)
    assert caplog.messages == []


def test_error_passive_is_reported_and_the_frames_that_pass_are_used() -> None:
    bench = Bench()
    bench.turn(0.0)
    bench.state.take_error(PASSIVE)
    bench.state.take_error(PASSIVE)
    assert bench.state.health is Health.PASSIVE
    assert bench.state.passives == 1
    assert bench.value("bus_voltage_v") == 690.0
    bench.state.take_error(Frame(0x008, bytes(8)))
    assert bench.state.health is Health.PASSIVE
    bench.state.take_error(ACTIVE)
    assert bench.state.health is Health.ACTIVE
    bench.state.take_error(ACTIVE)
    assert bench.state.health is Health.ACTIVE


def test_frames_under_the_own_address_are_counted_and_logged_now_and_then(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bench = Bench()
    with caplog.at_level(logging.WARNING):
        for k in range(100):
            bench.state.take(Frame(0x18FF38F3, bytes(8)), 0.1 * k)
    assert bench.state.impostors == 100
    assert sum("under our address 243" in line for line in caplog.messages) == 1
    assert bench.state.counts[TakeStatus.UNKNOWN] == 100


def test_a_message_that_comes_and_goes_is_logged_at_most_every_ten_seconds(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bench = Bench()
    with caplog.at_level(logging.INFO):
        for k in range(200):
            bench.turn(0.1 * k, without=STRM if k % 10 < 5 else 0)
            bench.state.values(0.1 * k)
    lines = [line for line in caplog.messages if line.startswith("STRM from 128")]
    assert 2 <= len(lines) <= 3
