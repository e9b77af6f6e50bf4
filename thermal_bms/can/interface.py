"""Which interface, and how to open it: any that python-can knows."""

from pathlib import Path
from typing import Any

import can
from pydantic import Field

from thermal_bms.errors import LinkError
from thermal_bms.parameters import Parameters, did_you_mean

_VIRTUAL_CAN = Path("/sys/class/net/vcan0")
_REMEDIES = {
    "socketcan": "ip link set {channel} up type can bitrate 500000, or ip link add dev {channel} type vcan",
    "slcan": "check the device's path and that you may read and write it",
    "serial": "check the device's path and that you may read and write it",
    "udp_multicast": "it needs the package msgpack and a route for multicast addresses",
}


class BusSettings(Parameters):
    """The bus as python-can names it."""

    interface: str = Field(min_length=1, description="of python-can: socketcan, slcan, virtual, ...")
    channel: str = Field(default="", description="can0, /dev/ttyUSB0, ...")
    bitrate: int | None = Field(default=None, ge=10_000, le=1_000_000, description="where the driver sets it")
    options: dict[str, Any] = Field(  # Any: what the driver takes
        default_factory=dict, description="further arguments of the driver"
    )

    @property
    def title(self) -> str:
        """Return the bus as it is given on the command line."""
        return f"{self.interface}:{self.channel}" if self.channel else self.interface


def parse_bus(text: str) -> BusSettings:
    """Return the settings for ``interface:channel``.

    >>> parse_bus("socketcan:can0").channel
    'can0'
    """
    interface, _, channel = text.partition(":")
    if not interface:
        raise LinkError(f"bus {text!r}: must be interface:channel, as in socketcan:can0")
    return BusSettings(interface=interface, channel=channel)


def virtual_can() -> BusSettings | None:
    """Return the kernel's virtual bus vcan0, or None where there is none."""
    return BusSettings(interface="socketcan", channel="vcan0") if _VIRTUAL_CAN.exists() else None


def open_bus(settings: BusSettings) -> can.BusABC:
    """Return the opened interface; no settings but these count, neither files nor the environment.

    Raises
    ------
    LinkError
        in one line, with what to do.
    """
    if settings.interface not in can.interfaces.VALID_INTERFACES:
        known = sorted(can.interfaces.VALID_INTERFACES)
        hint = did_you_mean(settings.interface, known) or f"; python-can {can.__version__} knows {len(known)}"
        raise LinkError(f"bus.interface = {settings.interface!r}: no such interface{hint}")
    given: dict[str, Any] = {**settings.options}  # Any: what the driver takes
    if settings.bitrate is not None:
        given["bitrate"] = settings.bitrate
    try:
        return can.Bus(
            interface=settings.interface, channel=settings.channel or None, ignore_config=True, **given
        )
    except Exception as error:  # drivers raise what they like
        remedy = _REMEDIES.get(settings.interface, "check channel and options against python-can's manual")
        raise LinkError(
            f"bus {settings.title}: cannot be opened: {_reason(error)}; "
            f"{remedy.format(channel=settings.channel)}"
        ) from None


def _reason(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
