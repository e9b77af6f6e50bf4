from typing import Any

import pytest

from tests.unit.thermal_bms.can.can_samples import vectors
from thermal_bms.can.frame import Frame
from thermal_bms.can.j1939.identifier import Message, build_identifier
from thermal_bms.can.j1939.transport import (
    AbortReason,
    Control,
    TransportLimits,
    TransportReceiver,
    abort_frame,
    control_frame,
    parse_control,
)

OURS = 0x27
THEIRS = 0xF3
VECTORS = vectors("j1939_vectors.json")
DIALOGUES = VECTORS["broadcasts"] + VECTORS["connections"]


def payload(size: int) -> bytes:
    return bytes((7 * i + 3) & 0xFF for i in range(size))


def bam(size: int, *, pgn: int = 0xFECA, source: int = THEIRS, packets: int | None = None) -> Frame:
    count = -(-size // 7) if packets is None else packets
    body = size.to_bytes(2, "little") + bytes((count & 0xFF, 0xFF))
    return control_frame(Control.BAM, body, pgn, source, 0xFF)


def rts(size: int, *, pgn: int = 0x1100, source: int = THEIRS, window: int = 0xFF) -> Frame:
    body = size.to_bytes(2, "little") + bytes((-(-size // 7), window))
    return control_frame(Control.RTS, body, pgn, source, OURS)


def packets(size: int, *, source: int = THEIRS, destination: int = 0xFF) -> list[Frame]:
    data = payload(size)
    identifier = build_identifier(0xEB00, source, destination=destination, priority=7)
    return [
        Frame(identifier, bytes((i + 1,)) + data[7 * i : 7 * i + 7].ljust(7, b"\xff"))
        for i in range(-(-size // 7))
    ]


def cts(frame: Frame) -> tuple[int, int]:
    assert frame.data[0] == Control.CTS
    return frame.data[1], frame.data[2]


@pytest.mark.parametrize("case", DIALOGUES, ids=lambda c: f"{c['size']} bytes, window {c['window']}")
def test_the_receiver_answers_the_oracles_sender_as_the_oracle_does(case: dict[str, Any]) -> None:
    receiver = TransportReceiver(limits=TransportLimits(window=case["window"]))
    answers: list[Frame] = []
    whole: list[Message] = []
    for who, identifier, data in case["steps"]:
        if who == "sender":
            step = receiver.on_frame(Frame(identifier, bytes.fromhex(data)), OURS, 0.0)
            answers += step.frames
            whole += step.messages
    expected = [Frame(i, bytes.fromhex(d)) for who, i, d in case["steps"] if who == "receiver"]
    assert answers == expected
    assert [(m.pgn, m.source, m.data) for m in whole] == [(case["pgn"], THEIRS, payload(case["size"]))]
    assert len(receiver) == 0


def test_two_senders_can_announce_at_the_same_time() -> None:
    receiver = TransportReceiver()
    for source in (1, 2):
        receiver.on_frame(bam(9, source=source), OURS, 0.0)
    first, second = packets(9, source=1), packets(9, source=2)
    whole = [receiver.on_frame(f, OURS, 0.1).messages for f in (first[0], second[0], first[1], second[1])]
    assert [len(found) for found in whole] == [0, 0, 1, 1]


def test_a_packet_after_t1_is_too_late() -> None:
    receiver = TransportReceiver()
    receiver.on_frame(bam(9), OURS, 0.0)
    first, second = packets(9)
    receiver.on_frame(first, OURS, 0.75)
    assert receiver.on_frame(second, OURS, 1.51).messages == []
    assert len(receiver) == 0
    assert receiver.dropped == 2


def test_a_connection_that_times_out_is_aborted() -> None:
    receiver = TransportReceiver()
    receiver.on_frame(rts(20), OURS, 0.0)
    assert receiver.tick(1.25) == []
    assert receiver.tick(1.26) == [abort_frame(AbortReason.TIMEOUT, 0x1100, OURS, THEIRS)]
    receiver.on_frame(bam(20), OURS, 2.0)
    assert receiver.tick(3.0) == []
    assert len(receiver) == 0


def test_a_missing_packet_ends_a_broadcast() -> None:
    receiver = TransportReceiver()
    receiver.on_frame(bam(21), OURS, 0.0)
    frames = packets(21)
    for frame in (frames[0], frames[2], frames[1]):
        assert receiver.on_frame(frame, OURS, 0.1).messages == []
    assert len(receiver) == 0


def test_a_missing_packet_is_asked_for_again_at_the_end_of_the_window() -> None:
    receiver = TransportReceiver()
    receiver.on_frame(rts(21), OURS, 0.0)
    one, two, three = packets(21, destination=OURS)
    assert receiver.on_frame(one, OURS, 0.1).frames == []
    assert cts(receiver.on_frame(three, OURS, 0.1).frames[0]) == (2, 2)
    receiver.on_frame(two, OURS, 0.2)
    step = receiver.on_frame(three, OURS, 0.2)
    assert step.messages[0].data == payload(21)
    assert step.frames[0].data[0] == Control.END


def test_asking_again_without_end_is_given_up() -> None:
    receiver = TransportReceiver()
    receiver.on_frame(rts(21), OURS, 0.0)
    last = packets(21, destination=OURS)[2]
    answers = [receiver.on_frame(last, OURS, 0.1).frames for _ in range(3)]
    assert [frames[0].data[0] for frames in answers] == [Control.CTS, Control.CTS, Control.ABORT]
    assert len(receiver) == 0


def test_a_packet_out_of_order_inside_a_window_is_passed_over() -> None:
    receiver = TransportReceiver()
    receiver.on_frame(rts(28), OURS, 0.0)
    frames = packets(28, destination=OURS)
    assert receiver.on_frame(frames[2], OURS, 0.1).frames == []
    assert receiver.on_frame(frames[0], OURS, 0.1).frames == []
    assert len(receiver) == 1


@pytest.mark.parametrize(
    "frame",
    [
        bam(8, packets=2),
        bam(1786, packets=256),
        bam(20, packets=2),
        bam(20, packets=4),
        Frame(bam(9).identifier, b"\x20\x09"),
        Frame(bam(9).identifier, bytes((77,)) + bytes(7)),
    ],
    ids=["too short", "too long", "too few packets", "too many packets", "cut off", "unknown control"],
)
def test_a_malformed_announcement_opens_nothing(frame: Frame) -> None:
    receiver = TransportReceiver()
    assert receiver.on_frame(frame, OURS, 0.0) == ([], [])
    assert (len(receiver), receiver.dropped) == (0, 1)


def test_packets_that_nobody_announced_are_dropped() -> None:
    receiver = TransportReceiver()
    assert receiver.on_frame(packets(9)[0], OURS, 0.0) == ([], [])
    receiver.on_frame(bam(9), OURS, 0.0)
    short = Frame(packets(9)[0].identifier, b"\x01\x02")
    assert receiver.on_frame(short, OURS, 0.0) == ([], [])
    assert receiver.dropped == 2


def test_a_flood_of_announcements_stays_within_its_bounds() -> None:
    receiver = TransportReceiver(limits=TransportLimits(broadcasts=4, connections=2))
    aborted = 0
    for source in range(250):
        receiver.on_frame(bam(1785, source=source), OURS, 0.0)
        aborted += len(
            [f for f in receiver.on_frame(rts(1785, source=source), OURS, 0.0).frames if f.data[0] == 255]
        )
    assert len(receiver) == 6
    assert aborted == 248
    assert receiver.dropped == 246 + 248


def test_unwanted_groups_cost_no_session() -> None:
    receiver = TransportReceiver(accept=lambda pgn, source: pgn == 0xFECA and source == THEIRS)
    receiver.on_frame(bam(9, pgn=0xFEDA), OURS, 0.0)
    receiver.on_frame(bam(9, source=3), OURS, 0.0)
    assert receiver.on_frame(rts(9), OURS, 0.0).frames == [
        abort_frame(AbortReason.RESOURCES, 0x1100, OURS, THEIRS)
    ]
    assert len(receiver) == 0
    receiver.on_frame(bam(9), OURS, 0.0)
    assert len(receiver) == 1


def test_a_second_request_from_one_source_is_busy_and_a_repeated_one_starts_again() -> None:
    receiver = TransportReceiver()
    receiver.on_frame(rts(30), OURS, 0.0)
    receiver.on_frame(packets(30, destination=OURS)[0], OURS, 0.1)
    busy = receiver.on_frame(rts(30, pgn=0x1200), OURS, 0.1).frames
    assert busy == [abort_frame(AbortReason.BUSY, 0x1200, OURS, THEIRS)]
    assert receiver.dropped == 1
    assert cts(receiver.on_frame(rts(30), OURS, 0.2).frames[0]) == (5, 1)


def test_a_new_announcement_replaces_the_old_one() -> None:
    receiver = TransportReceiver()
    receiver.on_frame(bam(30), OURS, 0.0)
    receiver.on_frame(packets(30)[0], OURS, 0.0)
    receiver.on_frame(bam(9), OURS, 0.1)
    found = [receiver.on_frame(frame, OURS, 0.2).messages for frame in packets(9)]
    assert found[1][0].data == payload(9)


def test_an_abort_ends_only_the_own_connection() -> None:
    receiver = TransportReceiver()
    receiver.on_frame(rts(30), OURS, 0.0)
    receiver.on_frame(abort_frame(AbortReason.OTHER, 0x1100, THEIRS, 0x33), OURS, 0.0)
    assert len(receiver) == 1
    receiver.on_frame(abort_frame(AbortReason.OTHER, 0x1100, THEIRS, OURS), OURS, 0.0)
    assert len(receiver) == 0


def test_frames_between_others_are_not_answered() -> None:
    receiver = TransportReceiver()
    stray = control_frame(Control.RTS, bytes((9, 0, 2, 255)), 0x1100, THEIRS, 0x33)
    assert receiver.on_frame(stray, OURS, 0.0) == ([], [])
    directed = control_frame(Control.BAM, bytes((9, 0, 2, 255)), 0xFECA, THEIRS, OURS)
    assert receiver.on_frame(directed, OURS, 0.0) == ([], [])
    assert len(receiver) == 0


def test_a_window_of_zero_is_read_as_one() -> None:
    assert cts(TransportReceiver().on_frame(rts(30, window=0), OURS, 0.0).frames[0]) == (1, 1)


def test_control_frames_are_read_back() -> None:
    end = parse_control(control_frame(Control.END, bytes((9, 0, 2, 255)), 0x1100, 1, 2).data)
    assert end is not None
    assert (end.control, end.pgn) == (Control.END, 0x1100)
