"""What a controller of the bus says about itself: error frames as SocketCAN delivers them.

Source: the Linux header ``linux/can/error.h``: class bits in the identifier, controller state in byte 1.
"""

from enum import IntEnum

from thermal_bms.can.frame import Frame

_CONTROLLER = 0x004
_BUS_OFF = 0x040
_RESTARTED = 0x100
_PASSIVE_BITS = 0x30
_ACTIVE_BIT = 0x40


class ControllerState(IntEnum):
    """What an error frame says; NOISE is an error that does not change the state."""

    NOISE = 0
    ACTIVE = 1
    PASSIVE = 2
    BUS_OFF = 3


def controller_state(error: Frame) -> ControllerState:
    """Return what an error frame says about the controller.

    >>> controller_state(Frame(0x040, bytes(8))).name, controller_state(Frame(0x004, bytes((0, 16)))).name
    ('BUS_OFF', 'PASSIVE')
    """
    if error.identifier & _BUS_OFF:
        return ControllerState.BUS_OFF
    if error.identifier & _RESTARTED:
        return ControllerState.ACTIVE
    detail = error.data[1] if len(error.data) > 1 else 0
    if error.identifier & _CONTROLLER and detail & _PASSIVE_BITS:
        return ControllerState.PASSIVE
    if error.identifier & _CONTROLLER and detail & _ACTIVE_BIT:
        return ControllerState.ACTIVE
    return ControllerState.NOISE
