from pathlib import Path
from typing import Any, NoReturn

import pytest

from tests.unit.thermal_bms.bms_samples import TRUCK, FakeController, measured
from thermal_bms.cycle import ControlUnit, control_cycle
from thermal_bms.errors import ConfigError, SolverError
from thermal_bms.fallback import SAFE, Candidate, FallbackController
from thermal_bms.faults import FaultCode
from thermal_bms.signals import NO_PREVIEW, ThermalCommand
from thermal_bms.step_marker import StepMarker

BEST = ThermalCommand(pump_duty=0.9)
PLAIN = ThermalCommand(pump_duty=0.4)


class Row:
    """Two controllers in a row, asked through a control cycle."""

    def __init__(self, **more: Any) -> None:
        self.best, self.plain = FakeController(BEST), FakeController(PLAIN)
        candidates = [Candidate("mpc", lambda: self.best), Candidate("pid", lambda: self.plain)]
        self.controller = FallbackController(candidates, **more)
        self.unit = ControlUnit(TRUCK, self.controller)
        self.time_s = 0.0

    def wanted(self) -> ThermalCommand | None:
        self.time_s += 1.0
        self.result = control_cycle(self.unit, measured(self.time_s), NO_PREVIEW, 1.0)
        return self.result.wanted


def test_the_best_controller_is_used_as_long_as_it_works() -> None:
    row = Row()
    assert row.wanted() == BEST
    assert row.controller.active == "mpc"
    assert row.plain.seen == []
    assert row.controller.failures == {}


@pytest.mark.parametrize(
    ("flaw", "reason"),
    [
        (RuntimeError("no\nsolution"), "RuntimeError: no solution"),
        (ThermalCommand(pump_duty=float("nan")), "duty is not finite"),
        (ThermalCommand(valve_mode=7), "ValueError: 7 is not a valid ValveMode"),  # type: ignore[arg-type]
        (None, "AttributeError"),
    ],
)
def test_the_next_one_takes_over_in_the_same_tick_and_the_reason_is_kept(flaw: Any, reason: str) -> None:
    row = Row()
    row.wanted()
    if isinstance(flaw, Exception):
        row.best.error = flaw
    else:
        row.best.wanted = flaw
    assert row.wanted() == PLAIN
    assert row.controller.active == "pid"
    assert row.controller.failures["mpc"].startswith(reason)
    row.best.error, row.best.wanted = None, BEST
    assert row.wanted() == PLAIN, "a failed controller does not come back by itself"


def test_at_the_end_of_the_row_stands_the_safe_command_and_a_fault() -> None:
    row = Row()
    row.best.error = row.plain.error = RuntimeError("broken")
    for _ in range(5):
        assert row.wanted() is None
    assert row.controller.active == SAFE
    assert FaultCode.CONTROLLER_FAILED in {fault.code for fault in row.result.faults}
    row.controller.reject("nobody is there any more")
    assert list(row.controller.failures) == ["mpc", "pid"]


def test_a_controller_out_of_service_is_not_even_made() -> None:
    def refused() -> NoReturn:
        raise AssertionError("made")

    controller = FallbackController(
        [Candidate("mpc", refused), Candidate("pid", FakeController)], disabled={"mpc": "hung"}
    )
    assert controller.active == "pid"
    assert controller.failures == {"mpc": "hung"}


def test_a_controller_that_cannot_be_made_leaves_the_row(caplog: pytest.LogCaptureFixture) -> None:
    def refused() -> NoReturn:
        raise ImportError("no module\nnamed piqp")

    controller = FallbackController([Candidate("mpc", refused), Candidate("pid", FakeController)])
    assert controller.active == "pid"
    assert controller.failures == {"mpc": "cannot be made: no module named piqp"}
    assert "controller mpc is not used: cannot be made: no module named piqp" in caplog.messages


def test_a_mistake_in_the_settings_is_told_at_the_start() -> None:
    def refused() -> NoReturn:
        raise ConfigError("gain: unknown key")

    with pytest.raises(ConfigError, match="gain: unknown key"):
        FallbackController([Candidate("pid", refused), Candidate("thermostat", FakeController)])


def test_a_row_of_none_is_safe() -> None:
    controller = FallbackController([])
    assert controller.active == SAFE
    with pytest.raises(SolverError, match="no controller left"):
        ControlUnit(TRUCK, controller).controller.step(*[None] * 5, 1.0)  # type: ignore[arg-type]


def test_the_one_that_runs_is_marked_by_its_own_name(tmp_path: Path) -> None:
    marker = StepMarker(tmp_path / "m")
    row = Row(marker=marker)
    left: list[str] = []

    class Nosy(FakeController):
        def step(self, *arguments: Any, **more: Any) -> ThermalCommand:
            note = (tmp_path / "m").read_bytes()
            left.append(note[2 : 2 + note[0]].decode())
            return super().step(*arguments, **more)

    row.controller._controllers = {"mpc": Nosy(None), "pid": Nosy(PLAIN)}
    assert row.wanted() == PLAIN
    assert left == ["mpc", "pid"]
    assert StepMarker(tmp_path / "m").left_in == ""


def test_a_reset_reaches_every_controller_in_service() -> None:
    row = Row()
    row.controller.reset()
    row.controller.reject("slow")
    row.controller.reset()
    assert (row.best.resets, row.plain.resets) == (1, 2)
    assert row.controller.active == "pid"
