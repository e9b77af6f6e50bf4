from tests.unit.thermal_bms.can.can_samples import OLD, YOUNG
from thermal_bms.can.frame import Frame
from thermal_bms.can.j1939.address_claim import AddressClaim
from thermal_bms.can.j1939.diagnostics import Diagnosis, Lamps, TroubleCode, decode_diagnosis
from thermal_bms.can.j1939.identifier import Message, build_identifier, pgn_bytes
from thermal_bms.can.j1939.node import Node
from thermal_bms.can.j1939.transport import TransportLimits
from thermal_bms.can.j1939.transport_send import SendResult

CFG = 0xFC5D
ONE = Diagnosis(Lamps(), (TroubleCode(8075, 16),))
THREE = Diagnosis(Lamps(), tuple(TroubleCode(8075 + k, 16) for k in range(3)))


def node(address: int = 0xF3, limits: TransportLimits | None = None) -> Node:
    found = Node(
        AddressClaim(OLD if address == 0xF3 else YOUNG, address),
        {CFG: lambda: b"twenty bytes of data"},
        limits=limits or TransportLimits(),
    )
    found.start(0.0)
    found.tick(0.3)
    return found


def request(pgn: int, destination: int = 0xF3) -> Frame:
    return Frame(build_identifier(0xEA00, 0x27, destination=destination), pgn_bytes(pgn))


def talk(first: list[Frame], one: Node, other: Node, now_s: float) -> list[Message]:
    """Carry frames between two nodes until both are silent; return the messages that got whole."""
    whole: list[Message] = []
    frames, receiver, sender = first, other, one
    while frames:
        answers: list[Frame] = []
        for frame in frames:
            step = receiver.on_frame(frame, now_s)
            answers += step.frames
            whole += step.messages
        frames, receiver, sender = answers, sender, receiver
    return whole


def test_nothing_is_sent_before_the_address_counts() -> None:
    waiting = Node(AddressClaim(OLD, 200), {})
    waiting.start(0.0)
    waiting.active = ONE
    assert waiting.send(0xFECA, bytes(8), 0.1) == (SendResult.REFUSED_NO_ADDRESS, [])
    assert waiting.tick(0.1) == []
    assert waiting.on_frame(request(CFG, 0xFF), 0.1) == ([], [])


def test_a_short_group_is_one_frame() -> None:
    assert node().send(0x1B00, b"12345678", 1.0, destination=0x27, priority=3) == (
        SendResult.STARTED,
        [Frame(0x0C1B27F3, b"12345678")],
    )


def test_nine_bytes_need_the_transport_protocol() -> None:
    assert [frame.data[0] for frame in node().send(0xFECA, bytes(9), 1.0)[1]] == [32]


def test_a_long_group_crosses_between_two_nodes() -> None:
    one, other = node(), node(0x27)
    _, frames = one.send(0x1B00, bytes(range(100)), 1.0, destination=0x27)
    assert [m.data for m in talk(frames, one, other, 1.0)] == [bytes(range(100))]
    assert one.sender.finished == 1


def test_a_request_for_a_long_group_is_answered_by_transport() -> None:
    one, other = node(), node(0x27)
    frames = one.on_frame(request(CFG), 1.0).frames
    assert [(m.pgn, m.data) for m in talk(frames, one, other, 1.0)] == [(CFG, b"twenty bytes of data")]


def test_a_request_for_trouble_codes_is_answered() -> None:
    found = node()
    found.previous = ONE
    frame = found.on_frame(request(65227), 1.0).frames[0]
    assert decode_diagnosis(frame.data) == ONE
    assert decode_diagnosis(found.on_frame(request(65226), 1.0).frames[0].data) == Diagnosis(Lamps(), ())


def test_a_request_for_the_claim_is_answered() -> None:
    assert node().on_frame(request(0xEE00), 1.0).frames == [Frame(0x18EEFFF3, OLD.data)]


def test_an_older_name_silences_the_node() -> None:
    found = node(0x27)
    found.on_frame(Frame(0x18EEFF27, OLD.data), 1.0)
    assert found.send(0xFECA, bytes(8), 1.0)[0] is SendResult.REFUSED_NO_ADDRESS


def test_other_frames_are_left_to_others() -> None:
    assert node().on_frame(Frame(0x0CF090F3, bytes(8)), 1.0) == ([], [])


def test_active_codes_are_sent_on_change_and_every_second() -> None:
    found = node()
    found.active = ONE
    sent = [0.05 * k for k in range(20, 70) if found.tick(0.05 * k)]
    assert [round(time_s, 2) for time_s in sent] == [1.0, 2.0, 3.0]
    found.active = Diagnosis(Lamps(), ())
    assert [frame.data.hex() for frame in found.tick(3.6)] == ["00ff00000000ffff"]
    assert found.tick(6.0) == []


def test_several_codes_are_broadcast_by_transport() -> None:
    one, other = node(), node(0x27)
    one.active = THREE
    frames = [frame for k in range(20, 30) for frame in one.tick(0.05 * k + 1e-6)]
    whole = [message for frame in frames for message in other.on_frame(frame, 1.5).messages]
    assert [decode_diagnosis(message.data) for message in whole] == [THREE]


def test_codes_that_cannot_be_sent_now_are_sent_later() -> None:
    found = node(limits=TransportLimits(outgoing=1))
    found.send(0x1B00, bytes(20), 0.5, destination=0x27)
    found.active = THREE
    assert found.tick(1.0) == []
    assert [frame.data[0] for frame in found.tick(2.0)] == [255, 32]
