from typing import Any

import pytest

from tests.unit.thermal_bms.can.can_samples import vectors
from thermal_bms.can.frame import Frame
from thermal_bms.can.j1939.identifier import Message, build_identifier
from thermal_bms.can.j1939.transport import AbortReason, Control, TransportLimits, abort_frame, control_frame
from thermal_bms.can.j1939.transport_send import SendResult, TransportSender

OURS = 0xF3
THEIRS = 0x27
VECTORS = vectors("j1939_vectors.json")


def payload(size: int) -> bytes:
    return bytes((7 * i + 3) & 0xFF for i in range(size))


def long_message(size: int = 20, *, pgn: int = 0x1100, destination: int = THEIRS) -> Message:
    return Message(pgn, OURS, destination, 6, payload(size))


def cts(count: int, following: int, *, pgn: int = 0x1100) -> Frame:
    return control_frame(Control.CTS, bytes((count, following, 255, 255)), pgn, THEIRS, OURS)


def numbers(frames: list[Frame]) -> list[int]:
    return [frame.data[0] for frame in frames]


def connected(size: int = 20, **limits: Any) -> TransportSender:
    sender = TransportSender(TransportLimits(**limits))
    assert sender.send(long_message(size), 0.0)[0] is SendResult.STARTED
    return sender


@pytest.mark.parametrize("case", VECTORS["broadcasts"], ids=lambda c: f"{c['size']} bytes")
def test_a_broadcast_is_sent_as_the_oracle_sends_it(case: dict[str, Any]) -> None:
    sender = TransportSender()
    _, frames = sender.send(long_message(case["size"], pgn=case["pgn"], destination=0xFF), 0.0)
    for k in range(1, 20):
        frames += sender.tick(0.05 * k + 1e-9)
    assert frames == [Frame(identifier, bytes.fromhex(data)) for _, identifier, data in case["steps"]]
    assert sender.finished == 1


@pytest.mark.parametrize(
    "case", VECTORS["connections"], ids=lambda c: f"{c['size']} bytes, window {c['window']}"
)
def test_the_sender_answers_the_oracles_receiver_as_the_oracle_does(case: dict[str, Any]) -> None:
    sender = TransportSender(TransportLimits(window=case["window"]))
    _, frames = sender.send(long_message(case["size"], pgn=case["pgn"]), 0.0)
    for who, identifier, data in case["steps"]:
        if who == "receiver":
            frames += sender.on_frame(Frame(identifier, bytes.fromhex(data)), OURS, 0.1)
    assert frames == [Frame(i, bytes.fromhex(d)) for who, i, d in case["steps"] if who == "sender"]
    assert (sender.finished, len(sender)) == (1, 0)


def test_packets_of_a_broadcast_keep_their_distance() -> None:
    sender = TransportSender()
    sender.send(long_message(destination=0xFF), 0.0)
    assert sender.tick(0.049) == []
    assert numbers(sender.tick(0.05)) == [1]
    assert sender.tick(0.09) == []
    assert numbers(sender.tick(0.1)) == [2]


def test_a_second_broadcast_waits_for_the_first() -> None:
    sender = TransportSender()
    sender.send(long_message(9, destination=0xFF), 0.0)
    assert sender.send(long_message(9, pgn=0xFECB, destination=0xFF), 0.0) == (SendResult.QUEUED, [])
    frames = [frame for k in range(1, 12) for frame in sender.tick(0.051 * k)]
    assert numbers(frames) == [1, 2, Control.BAM, 1, 2]
    assert sender.finished == 2


def test_what_is_too_long_or_too_much_is_refused() -> None:
    sender = TransportSender(TransportLimits(outgoing=2))
    assert sender.send(long_message(8), 0.0)[0] is SendResult.REFUSED_SIZE
    assert sender.send(long_message(1786), 0.0)[0] is SendResult.REFUSED_SIZE
    sender.send(long_message(), 0.0)
    assert sender.send(long_message(pgn=0x1200), 0.0)[0] is SendResult.REFUSED_FULL
    sender.send(long_message(destination=0xFF), 0.0)
    assert sender.send(long_message(destination=0xFF), 0.0)[0] is SendResult.REFUSED_FULL
    assert len(sender) == 2


def test_a_silent_receiver_is_given_up_after_t3() -> None:
    sender = connected()
    assert sender.tick(1.25) == []
    assert sender.tick(1.26) == [abort_frame(AbortReason.TIMEOUT, 0x1100, OURS, THEIRS)]
    assert (sender.failed, len(sender)) == (1, 0)


def test_after_its_packets_the_sender_waits_t3_again() -> None:
    sender = connected()
    sender.on_frame(cts(1, 1), OURS, 1.0)
    assert sender.tick(2.25) == []
    assert numbers(sender.tick(2.26)) == [Control.ABORT]


def test_a_receiver_may_say_wait_for_t4_but_not_for_ever() -> None:
    sender = connected(holds=2)
    assert sender.on_frame(cts(0, 255), OURS, 1.0) == []
    assert sender.tick(2.0) == []
    assert sender.on_frame(cts(0, 255), OURS, 2.0) == []
    assert numbers(sender.on_frame(cts(0, 255), OURS, 3.0)) == [Control.ABORT]
    sender = connected()
    sender.on_frame(cts(0, 255), OURS, 1.0)
    assert numbers(sender.tick(2.06)) == [Control.ABORT]


def test_packets_are_repeated_on_request_a_limited_number_of_times() -> None:
    sender = connected()
    assert numbers(sender.on_frame(cts(3, 1), OURS, 0.1)) == [1, 2, 3]
    assert numbers(sender.on_frame(cts(1, 2), OURS, 0.2)) == [2]
    assert numbers(sender.on_frame(cts(2, 2), OURS, 0.3)) == [2, 3]
    assert sender.on_frame(cts(1, 2), OURS, 0.4) == [
        abort_frame(AbortReason.RETRANSMISSIONS, 0x1100, OURS, THEIRS)
    ]


@pytest.mark.parametrize(("count", "following"), [(1, 0), (4, 1), (1, 4), (255, 255)])
def test_asking_for_packets_that_do_not_exist_ends_the_connection(count: int, following: int) -> None:
    sender = connected()
    assert sender.on_frame(cts(count, following), OURS, 0.1) == [
        abort_frame(AbortReason.OTHER, 0x1100, OURS, THEIRS)
    ]


def test_an_abort_of_the_receiver_ends_the_connection() -> None:
    sender = connected()
    assert sender.on_frame(abort_frame(AbortReason.RESOURCES, 0x1100, THEIRS, OURS), OURS, 0.1) == []
    assert (sender.failed, len(sender)) == (1, 0)


def test_frames_that_do_not_fit_the_connection_are_ignored() -> None:
    sender = connected()
    other = build_identifier(0xEC00, 0x55, destination=OURS)
    announcement = control_frame(Control.RTS, bytes((9, 0, 2, 255)), 0x1100, THEIRS, OURS)
    strays = [
        cts(3, 1, pgn=0x1200),
        Frame(other, cts(3, 1).data),
        Frame(cts(3, 1).identifier, b"\x11"),
        control_frame(Control.CTS, bytes((3, 1, 255, 255)), 0x1100, THEIRS, 0x99),
        announcement,
    ]
    assert [sender.on_frame(frame, OURS, 0.1) for frame in strays] == [[], [], [], [], []]
    assert len(sender) == 1
