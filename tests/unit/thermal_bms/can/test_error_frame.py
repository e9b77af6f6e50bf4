import pytest

from thermal_bms.can.error_frame import ControllerState, controller_state
from thermal_bms.can.frame import Frame


@pytest.mark.parametrize(
    ("identifier", "data", "expected"),
    [
        (0x040, bytes(8), ControllerState.BUS_OFF),
        (0x044, bytes((0, 0x10)), ControllerState.BUS_OFF),
        (0x100, bytes(8), ControllerState.ACTIVE),
        (0x004, bytes((0, 0x10)), ControllerState.PASSIVE),
        (0x004, bytes((0, 0x20)), ControllerState.PASSIVE),
        (0x004, bytes((0, 0x40)), ControllerState.ACTIVE),
        (0x004, bytes((0, 0x04)), ControllerState.NOISE),
        (0x004, b"", ControllerState.NOISE),
        (0x008, bytes((0, 0x10)), ControllerState.NOISE),
    ],
)
def test_an_error_frame_says_what_the_controller_is(
    identifier: int, data: bytes, expected: ControllerState
) -> None:
    assert controller_state(Frame(identifier, data)) is expected
