"""The gateway as a process of its own: started, stopped, killed, hung; and what a person gets wrong."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from scenarios.plant_bench import write_gateway_files
from tests.unit.scenarios.small_days import load_day, write_day
from thermal_bms.can.frame import Frame
from thermal_bms.can.interface import BusSettings
from thermal_bms.can.j1939.identifier import parse_identifier
from thermal_bms.can.slcan_pty import SlcanPty
from thermal_bms.cli import main
from thermal_bms.persistence import StateStore
from thermal_bms.recording import Recording

MAIN = (sys.executable, "-m", "thermal_bms")
THC1 = 0xFF38
HANGS = """\
from controllers.registry import create

class Hangs:
    def __init__(self, inner):
        self.inner, self.steps = inner, 0

    def step(self, *arguments):
        self.steps += 1
        while self.steps > 5:
            pass
        return self.inner.step(*arguments)

    def reset(self):
        self.inner.reset()

def build(settings, truck):
    return Hangs(create("thermostat", {}, truck))
"""


@pytest.fixture
def adapter() -> Iterator[SlcanPty]:
    with SlcanPty() as made:
        yield made


def written(folder: Path, bus: BusSettings, *changes: tuple[str, str]) -> Path:
    """Write configuration and truck, with changes to the text of the former."""
    path = write_gateway_files(folder / "bench", load_day(folder), bus)
    text = path.read_text().replace("period_s = 1.0", "period_s = 0.1\nstart_wait_s = 0.1\nhang_s = 5.0")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path.write_text(text)
    return path


def slcan(adapter: SlcanPty) -> BusSettings:
    options = {"sleep_after_open": 0.0}
    return BusSettings(interface="slcan", channel=str(adapter.path), options=options)


def frames(adapter: SlcanPty, count: int, timeout_s: float = 30.0) -> list[Frame]:
    """Return the first command frames of thermal actuators that the gateway sends, with all between."""
    found: list[Frame] = []
    seen = 0
    while seen < count:
        message = adapter.recv(timeout_s)
        assert message is not None, "the gateway is silent"
        found.append(Frame(message.arbitration_id, bytes(message.data)))
        seen += parse_identifier(message.arbitration_id).pgn == THC1
    return found


Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a verb; whatever a test leaves running is killed."""
    started: list[subprocess.Popen[str]] = []

    def started_one(*arguments: str | Path) -> subprocess.Popen[str]:
        command = [*MAIN, *map(str, arguments)]
        started.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
        return started[-1]

    yield started_one
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def test_a_stop_is_clean_and_leaves_the_state_on_disk(
    tmp_path: Path, adapter: SlcanPty, start: Start
) -> None:
    path = written(tmp_path, slcan(adapter))
    gateway = start("gateway", "--config", path)
    sent = frames(adapter, 5)
    gateway.send_signal(signal.SIGTERM)
    _, log = gateway.communicate(timeout=30)
    assert gateway.returncode == 0
    assert "stopped, truck left safe" in log
    assert "Traceback" not in log
    assert StateStore(path.parent / "state").load().operating_s > 0.3
    (recording,) = (path.parent / "recordings").glob("*.rec")
    assert Recording(recording).complete
    assert {frame.identifier & 0xFF for frame in sent} <= {243, 254}


def test_a_hanging_controller_ends_the_process_and_stays_away_after_the_restart(
    tmp_path: Path, adapter: SlcanPty, start: Start
) -> None:
    (tmp_path / "hangs.py").write_text(HANGS)
    name = f"{tmp_path / 'hangs.py'}:build"
    path = written(tmp_path, slcan(adapter), ('name = "pid"', f'name = "{name}"'), ("5.0", "1.0"))
    gateway = start("gateway", "--config", path)
    _, log = gateway.communicate(timeout=30)
    assert gateway.returncode == 1
    assert 'hangs.py", line' in log, "the traceback shows where it hung"
    gateway = start("gateway", "--config", path)
    frames(adapter, 12)
    gateway.send_signal(signal.SIGTERM)
    _, log = gateway.communicate(timeout=30)
    assert gateway.returncode == 0
    assert f"controller {name} is not used: the process before ended in the middle of its step" in log
    gateway = start("gateway", "--config", path, "--reset")
    _, log = gateway.communicate(timeout=30)
    assert gateway.returncode == 1, "after a reset by hand it is tried again"


def test_a_killed_gateway_starts_again(tmp_path: Path, adapter: SlcanPty, start: Start) -> None:
    path = written(tmp_path, slcan(adapter), ("start_wait_s", "save_every_s = 1.0\nstart_wait_s"))
    gateway = start("gateway", "--config", path)
    while not list((path.parent / "state").glob("state-*.json")):
        frames(adapter, 1)
    gateway.kill()
    gateway.communicate()
    before = StateStore(path.parent / "state").load()
    assert before.operating_s > 0.0
    gateway = start("gateway", "--config", path)
    frames(adapter, 5)
    gateway.send_signal(signal.SIGINT)
    gateway.communicate(timeout=30)
    assert gateway.returncode == 0
    assert StateStore(path.parent / "state").load().operating_s > before.operating_s
    assert len(list((path.parent / "recordings").glob("*.rec"))) == 2


def test_truck_and_gateway_make_a_bench_in_two_processes(tmp_path: Path, start: Start) -> None:
    day, folder = write_day(tmp_path), tmp_path / "bench"
    plant = start("plant", day, "--speed", "4", "--config", folder, "--out", folder)
    assert plant.stdout is not None
    assert "gateway --config" in plant.stdout.readline()
    gateway = start("gateway", "--config", folder / "gateway.toml", "--speed", "4")
    assert gateway.stderr is not None
    line = ""
    while "commands go out" not in line:
        line = gateway.stderr.readline()
        assert line, "the gateway ended"
    for process in (gateway, plant):
        pause = "import time; time.sleep(1.0)" if process is gateway else "pass"
        subprocess.run([sys.executable, "-c", pause], check=True)
        process.send_signal(signal.SIGTERM)
    _, log = gateway.communicate(timeout=30)
    said, trouble = plant.communicate(timeout=30)
    assert (gateway.returncode, plant.returncode) == (0, 0), log + trouble
    assert "s simulated, latest tick" in said
    truth = Recording(folder / "plant.rec").stream("truth")
    assert truth["pump_duty"][0] == 1.0, "before the gateway speaks the actuators are on their own"
    assert truth["discharge_power_max_w"].max() > 1e3
    assert truth["pack_current_a"].max() > 1.0
    assert not (folder / "can").is_symlink()


def refused(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str]:
    """Return exit code and the one line of a command that is refused."""
    capsys.readouterr()
    code = main([str(argument) for argument in arguments])
    said = capsys.readouterr()
    (line,) = said.err.splitlines()
    assert said.out == ""
    assert line.startswith("error: ")
    return code, line


def test_bad_input_is_one_line_with_a_remedy_and_no_frame_is_sent(
    tmp_path: Path, adapter: SlcanPty, capsys: pytest.CaptureFixture[str]
) -> None:
    for change, words in (
        (('name = "pid"', 'name = "pdi"'), "controller = pdi: no such controller; did you mean pid"),
        (('"THC1"', '"THC9"'), "transmit.allow: no message THC9 to send; did you mean THC1"),
        (("mode = ", "modee = 1\nmode = "), "modee: unknown key; did you mean mode"),
    ):
        path = written(tmp_path, slcan(adapter), change)
        code, line = refused(capsys, "gateway", "--config", path)
        assert words in line
        assert code == 2
    day = write_day(tmp_path)
    assert refused(capsys, "gateway", "--config", tmp_path / "none.toml")[0] == 2
    assert refused(capsys, "plant", "day.tml")[0] == 2
    assert refused(capsys, "plant", day, "--speed", "0")[0] == 2
    assert refused(capsys, "plant", day, "--out", day)[0] == 2
    assert refused(capsys, "plant", day, "--config", day)[0] == 2
    code, line = refused(capsys, "plant", day, "--bus", "socketcan:nocan7")
    assert code == 3
    assert "ip link" in line
    assert adapter.recv(0.1) is None


def test_a_channel_that_does_not_exist_is_trouble_on_the_bus(tmp_path: Path, start: Start) -> None:
    missing = BusSettings(interface="slcan", channel=str(tmp_path / "ttyUSB7"))
    gateway = start("gateway", "--config", written(tmp_path, missing), "--quiet")
    _, log = gateway.communicate(timeout=30)
    assert gateway.returncode == 3
    (line,) = log.splitlines()
    assert "ttyUSB7: cannot be opened" in line
    assert "check the device's path" in line


def test_a_gateway_needs_no_simulator(tmp_path: Path, adapter: SlcanPty) -> None:
    path = written(tmp_path, slcan(adapter))
    program = (
        "import sys; from thermal_bms.cli import main\n"
        "code = main(['gateway', '--config', sys.argv[1]])\n"
        "heavy = {'scipy', 'numba', 'matplotlib', 'pandas', 'asammdf'} & sys.modules.keys()\n"
        "print(code, sorted(heavy))\n"
    )
    gateway = subprocess.Popen(
        [sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    frames(adapter, 3)
    os.kill(gateway.pid, signal.SIGTERM)
    said, _ = gateway.communicate(timeout=30)
    assert said == "0 []\n"
