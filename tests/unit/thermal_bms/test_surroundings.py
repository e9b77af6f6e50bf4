from pathlib import Path
from typing import Any

import can
import pytest

from plant_models import kernels
from thermal_bms.cli.surroundings import channels_line, kernels_line, packages_line


def test_the_packages_are_told_with_their_folder() -> None:
    assert packages_line().startswith("packages: all 4 are ours, in /")


def test_channels_are_told_as_they_are_written_in_a_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def found(names: Any) -> list[dict[str, str]]:
        asked.extend(names)
        return [{"interface": "socketcan", "channel": "can1"}, {"interface": "pcan", "channel": "USB1"}]

    monkeypatch.setattr(can, "detect_available_configs", found)
    assert channels_line().startswith("channels that python-can finds: pcan:USB1, socketcan:can1 (")
    assert "socketcan" in asked
    assert not {"virtual", "udp_multicast", "socketcand"} & set(asked)


def test_no_channel_is_told_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(can, "detect_available_configs", lambda _names: [])
    assert channels_line().startswith("channels that python-can finds: none (")


def test_compiled_kernels_are_counted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(kernels, "CACHE_FOLDER", tmp_path)
    assert "not compiled yet" in kernels_line()
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "one.nbc").touch()
    assert kernels_line().startswith("kernels of the simulation: 1 compiled, in ")
