import os
import pty
from pathlib import Path

import can
import pytest

from thermal_bms.can.interface import BusSettings, open_bus
from thermal_bms.can.slcan_pty import SlcanPty
from thermal_bms.errors import LinkError


def opened(adapter: SlcanPty) -> can.BusABC:
    options = {"sleep_after_open": 0.0}
    bus = open_bus(BusSettings(interface="slcan", channel=str(adapter.path), options=options))
    assert adapter.recv(0.05) is None  # it follows the command to open
    assert adapter.wait_for_listener(0.0)
    return bus


def message(number: int) -> can.Message:
    return can.Message(arbitration_id=0x18FF1000 + number, data=bytes(range(number % 9)), is_extended_id=True)


def test_frames_cross_both_ways_through_the_real_driver() -> None:
    with SlcanPty() as adapter, opened(adapter) as other:
        for k in range(40):
            adapter.send(message(k), timeout=1.0)
            other.send(message(k + 100))
        for k in range(40):
            from_adapter, from_other = other.recv(1.0), adapter.recv(1.0)
            assert from_adapter is not None
            assert from_other is not None
            assert (from_adapter.arbitration_id, from_adapter.data) == (0x18FF1000 + k, message(k).data)
            assert (from_other.arbitration_id, from_other.data) == (
                0x18FF1000 + k + 100,
                message(k + 100).data,
            )


def test_without_a_listener_frames_are_dropped() -> None:
    with SlcanPty() as adapter:
        adapter.send(message(1))
        assert adapter.dropped == 1
        assert not adapter.wait_for_listener(0.0)


def test_a_listener_that_closes_the_channel_is_a_listener_no_more() -> None:
    with SlcanPty() as adapter:
        opened(adapter).shutdown()
        assert adapter.recv(0.05) is None
        adapter.send(message(1))
        assert adapter.dropped == 1


def test_a_listener_that_stops_reading_does_not_hold_the_sender_up() -> None:
    with SlcanPty() as adapter, opened(adapter):
        for k in range(2000):
            adapter.send(message(k), timeout=0.0)
        assert adapter.dropped > 0


def test_lines_that_mean_nothing_are_counted() -> None:
    with SlcanPty() as adapter:
        listener = os.open(adapter.path, os.O_RDWR | os.O_NOCTTY)
        lines = [b"Tzz", b"T18FF10008", b"T18FF10001", b"hello", b"O", b"O", b"S6", b"T18FF100021122"]
        os.write(listener, b"\r".join(lines) + b"\r" + b"x" * 3000 + b"\r")
        received = adapter.recv(1.0)
        assert received is not None
        assert received.data == b"\x11\x22"
        assert adapter.recv(0.05) is None
        os.close(listener)
        assert adapter.malformed == 5


def test_the_terminal_has_a_second_name_until_the_end(tmp_path: Path) -> None:
    name = tmp_path / "can"
    name.symlink_to("nowhere")
    with SlcanPty(name) as adapter:
        assert name.readlink() == adapter.path
    assert not name.is_symlink()


def test_a_second_name_that_is_another_ones_by_now_is_left_alone(tmp_path: Path) -> None:
    name = tmp_path / "can"
    with SlcanPty(name):
        name.unlink()
        name.symlink_to("elsewhere")
    assert name.is_symlink()


def test_a_name_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LinkError, match="cannot be made: No such file or directory; choose another path"):
        SlcanPty(tmp_path / "missing" / "can")


def test_a_machine_without_terminals_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused() -> tuple[int, int]:
        raise OSError(2, "No such file or directory")

    monkeypatch.setattr(pty, "openpty", refused)
    with pytest.raises(LinkError, match="no pseudo-terminal: No such file or directory"):
        SlcanPty()
