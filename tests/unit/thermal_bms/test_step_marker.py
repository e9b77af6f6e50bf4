import signal
import subprocess
import sys
from pathlib import Path

import pytest

from thermal_bms.errors import ConfigError
from thermal_bms.step_marker import StepMarker


def test_a_process_that_came_out_of_its_step_leaves_nothing(tmp_path: Path) -> None:
    marker = StepMarker(tmp_path / "m")
    marker.name("mpc")
    with marker:
        pass
    with pytest.raises(ValueError, match="boom"), marker:
        raise ValueError("boom")
    marker.close()
    assert StepMarker(tmp_path / "m").left_in == ""


def test_a_process_that_was_killed_in_a_step_leaves_the_controllers_name(tmp_path: Path) -> None:
    program = (
        "import os, sys; from pathlib import Path; from thermal_bms.step_marker import StepMarker\n"
        "m = StepMarker(Path(sys.argv[1])); m.name('pid'); m.name('mpc')\n"
        f"with m: os.kill(os.getpid(), {int(signal.SIGKILL)})\n"
    )
    died = subprocess.run([sys.executable, "-c", program, str(tmp_path / "m")], check=False)
    assert died.returncode == -signal.SIGKILL
    assert StepMarker(tmp_path / "m").left_in == "mpc"
    assert StepMarker(tmp_path / "m").left_in == "", "it is told once"


def test_long_names_are_cut_and_rubbish_is_read_without_an_error(tmp_path: Path) -> None:
    marker = StepMarker(tmp_path / "m")
    marker.name("x" * 5000)
    marker.__enter__()
    assert StepMarker(tmp_path / "m").left_in == "x" * 4094
    (tmp_path / "m").write_bytes(b"\xff" * 64)
    assert StepMarker(tmp_path / "m").left_in.startswith("\ufffd" * 62)


def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be written: No such file"):
        StepMarker(tmp_path / "missing" / "m")
    assert list(tmp_path.iterdir()) == []
