from thermal_bms.can.frame import Frame
from thermal_bms.can.j1939.identifier import Message, build_identifier, pgn_bytes
from thermal_bms.can.j1939.request import RequestHandler

OURS = 0xF3
TOOL = 0xF9
CFG = 0xFC5D


def request(pgn: int, *, destination: int = OURS, source: int = TOOL) -> Frame:
    return Frame(build_identifier(0xEA00, source, destination=destination), pgn_bytes(pgn))


def handler() -> RequestHandler:
    return RequestHandler({CFG: lambda: b"configuration"})


def test_a_known_group_is_sent_to_the_one_who_asked() -> None:
    assert handler().on_frame(request(CFG), OURS, 0.0).messages == [
        Message(CFG, OURS, TOOL, 6, b"configuration")
    ]


def test_a_request_to_everybody_is_answered_to_everybody() -> None:
    assert handler().on_frame(request(CFG, destination=0xFF), OURS, 0.0).messages[0].destination == 0xFF


def test_an_unknown_group_is_refused_only_when_addressed() -> None:
    found = handler()
    assert found.on_frame(request(0xFEDA), OURS, 0.0).frames == [
        Frame(0x18E8FFF3, bytes.fromhex("01fffffff9dafe00"))
    ]
    assert found.on_frame(request(0xFEDB, destination=0xFF), OURS, 0.0) == ([], [])


def test_what_is_no_request_to_us_is_ignored() -> None:
    found = handler()
    assert found.on_frame(request(CFG, destination=0x27), OURS, 0.0) == ([], [])
    assert found.on_frame(Frame(0x0CF090F3, bytes(8)), OURS, 0.0) == ([], [])
    assert found.on_frame(Frame(request(CFG).identifier, b"\x5d"), OURS, 0.0) == ([], [])


def test_the_same_request_is_answered_every_tenth_of_a_second() -> None:
    found = handler()
    answered = sum(len(found.on_frame(request(CFG), OURS, 0.001 * k).messages) for k in range(1000))
    assert answered == 10
    assert found.ignored == 990


def test_a_flood_from_everywhere_is_answered_for_some_only_and_forgotten_in_time() -> None:
    found = handler()
    replies = [found.on_frame(request(CFG, source=source), OURS, 1.0) for source in range(200)]
    assert sum(len(reply.messages) for reply in replies) == 64
    assert len(found.on_frame(request(CFG, source=199), OURS, 1.2).messages) == 1
