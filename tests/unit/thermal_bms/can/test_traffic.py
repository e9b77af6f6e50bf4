import pytest

from tests.unit.thermal_bms.can.bus_fakes import TruckSender
from thermal_bms.can.frame import Frame
from thermal_bms.can.j1939.identifier import parse_identifier
from thermal_bms.can.traffic import Message, TrafficStudy


def listened(*, without: int = 0, twice: int = 0, spoil: int = 0, until_s: float = 5.0) -> TrafficStudy:
    """Return what is known after five seconds of a truck, with something wrong."""
    truck = TruckSender()
    study = TrafficStudy(truck.codec.bus_map)
    for k in range(50):
        for frame in truck.frames(0.1 * k):
            pgn = parse_identifier(frame.identifier).pgn
            if pgn == without and 0.1 * k >= until_s - 5.0 + 0.05:
                continue
            study.take(Frame(frame.identifier, b"\xff" * 8) if pgn == spoil else frame, 0.1 * k)
            if pgn == twice:
                for later_s in (0.03, 0.06):
                    study.take(frame, 0.1 * k + later_s)
    return study


def test_a_healthy_bus_has_no_findings() -> None:
    study = listened()
    assert study.findings(5.0) == []
    assert all(message.count >= 4 for message in study.messages)
    assert study.strangers == {}


def test_a_message_that_never_comes_is_missing() -> None:
    assert listened(without=0xFF13, until_s=4.0).findings(5.0) == ["JBOX from 160: missing: never heard"]


def test_a_message_that_stops_is_late() -> None:
    (found,) = listened(without=0xFF13, until_s=7.0).findings(5.0)
    assert found.startswith("JBOX from 160: late: once nothing for 3.00 s, expected every 0.1 s")


def test_a_message_that_comes_too_often_may_have_two_senders() -> None:
    found = listened(twice=0xFEF1).findings(5.0)
    assert found == ["CCVS1 from 39: too often: every 0.0333 s, expected every 0.1 s; two senders?"]


def test_damaged_frames_are_counted_by_what_is_wrong() -> None:
    assert listened(spoil=0xFF13).findings(5.0) == ["end-to-end protection: 50 wrong crc"]


def test_a_silent_charge_controller_is_no_finding() -> None:
    assert listened(without=0xFAB5, until_s=4.0).findings(5.0) == []


def test_what_is_not_expected_is_listed() -> None:
    study = listened()
    for _ in range(3):
        study.take(Frame(0x18F00331, bytes(8)), 1.0)
    assert study.strangers == {(0xF003, 0x31): 3}


@pytest.mark.parametrize(("count", "wrong"), [(1, False), (2, False), (3, True)])
def test_two_frames_are_too_few_to_call_too_often(count: int, wrong: bool) -> None:
    message = Message("M", 1, 1.0)
    for k in range(count):
        message.heard(0.1 * k)
    assert bool(message.verdict(1.0)) is wrong
