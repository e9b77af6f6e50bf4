from pathlib import Path

import can
import pytest

from thermal_bms.can import interface
from thermal_bms.can.interface import BusSettings, open_bus, parse_bus, virtual_can
from thermal_bms.errors import LinkError


def test_a_bus_is_given_as_interface_and_channel() -> None:
    assert parse_bus("socketcan:can0") == BusSettings(interface="socketcan", channel="can0")
    assert parse_bus("virtual").title == "virtual"
    assert parse_bus("slcan:/dev/ttyUSB0").title == "slcan:/dev/ttyUSB0"
    with pytest.raises(LinkError, match="must be interface:channel"):
        parse_bus(":can0")


def test_a_virtual_bus_opens_and_carries() -> None:
    settings = BusSettings(interface="virtual", channel="interface-test")
    with open_bus(settings) as one, open_bus(settings) as other:
        one.send(can.Message(arbitration_id=1, data=b"\x07"))
        received = other.recv(1.0)
    assert received is not None
    assert received.data == b"\x07"


def test_an_interface_that_does_not_exist_is_refused_with_a_hint() -> None:
    with pytest.raises(LinkError, match="no such interface; did you mean socketcan"):
        open_bus(BusSettings(interface="socketcann", channel="can0"))
    with pytest.raises(LinkError, match=r"python-can .* knows"):
        open_bus(BusSettings(interface="zzzzzz"))


def test_a_channel_that_does_not_exist_is_refused_in_one_line_with_a_remedy(tmp_path: Path) -> None:
    missing = str(tmp_path / "ttyUSB0")
    with pytest.raises(LinkError, match=r"cannot be opened: .*; check the device's path") as caught:
        open_bus(BusSettings(interface="slcan", channel=missing, bitrate=500_000))
    assert missing in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 3


def test_without_a_kernel_bus_there_is_no_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interface, "_VIRTUAL_CAN", tmp_path / "vcan0")
    assert virtual_can() is None
    (tmp_path / "vcan0").touch()
    assert virtual_can() == BusSettings(interface="socketcan", channel="vcan0")
