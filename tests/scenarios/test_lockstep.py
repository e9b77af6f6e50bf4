"""The same twenty minutes without a bus, over a virtual bus, and in two processes: the same bits."""

import importlib
from pathlib import Path

import pytest

from tests.docs.pages import ROOT
from thermal_bms.recording import Recording


def test_the_link_changes_no_bit_of_a_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    check = importlib.import_module("check_lockstep")
    task = check.Task()
    expected = check.direct(task, tmp_path / "direct")
    truth = Recording(tmp_path / "direct" / "plant.rec").stream("truth")
    assert len(truth) == 1200
    assert truth["pack_current_a"].max() > 50.0
    assert truth["pump_duty"].max() > 0.1
    assert truth["fan_duty"].max() > 0.0
    assert check.over_virtual_bus(task, tmp_path / "virtual") == expected
    assert check.in_two_processes(task, tmp_path / "processes") == expected
