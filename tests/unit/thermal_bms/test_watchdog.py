import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from thermal_bms.watchdog import Notifier, Watchdog


class Manager:
    """A service manager's end of the notification socket."""

    def __init__(self, address: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(address)
        self.socket.setblocking(False)

    def heard(self) -> list[str]:
        found = []
        while True:
            try:
                found.append(self.socket.recv(1000).decode())
            except BlockingIOError:
                return found


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    made = Manager(str(tmp_path / "notify"))
    yield made
    made.socket.close()


def environment(tmp_path: Path, watchdog_us: str = "4000000") -> dict[str, str]:
    return {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": watchdog_us}


def test_state_goes_to_the_socket_that_systemd_names(tmp_path: Path, manager: Manager) -> None:
    notifier = Notifier(environment(tmp_path))
    notifier.send("READY=1\nSTATUS=running")
    assert manager.heard() == ["READY=1\nSTATUS=running"]
    assert notifier.watchdog_s == 4.0
    notifier.close()


def test_an_abstract_socket_is_understood() -> None:
    manager = Manager("\0thermal-bms-test-notify")
    notifier = Notifier({"NOTIFY_SOCKET": "@thermal-bms-test-notify"})
    notifier.send("STOPPING=1")
    assert manager.heard() == ["STOPPING=1"]
    assert notifier.watchdog_s == 0.0
    notifier.close()
    manager.socket.close()


def test_without_systemd_nothing_happens() -> None:
    notifier = Notifier({"WATCHDOG_USEC": "soon"})
    notifier.send("READY=1")
    assert notifier.watchdog_s == 0.0
    notifier.close()


def test_a_manager_that_is_gone_is_no_error(tmp_path: Path) -> None:
    notifier = Notifier(environment(tmp_path))
    notifier.send("READY=1")
    notifier.close()


def test_the_watchdog_is_fed_only_when_both_have_moved(tmp_path: Path, manager: Manager) -> None:
    loops = 0
    notifier = Notifier(environment(tmp_path))
    watchdog = Watchdog(notifier, lambda: loops)
    fed = []
    for k in range(1000):
        now_s = 0.1 * k
        if not 200 <= k < 600:
            loops += 1
        watchdog.control_loop_moved(now_s)
        fed += [now_s] * len(manager.heard())
    watchdog.stop()
    notifier.close()
    before, after = [t for t in fed if t < 40.0], [t for t in fed if t > 40.0]
    assert len(before) == pytest.approx(11, abs=1), "every 2 s while both move"
    assert max(before) <= 22.0
    assert min(after) == pytest.approx(60.0, abs=0.11)
    assert len(fed) == len(before) + len(after)


def test_without_an_interval_nothing_is_fed(tmp_path: Path, manager: Manager) -> None:
    notifier = Notifier(environment(tmp_path, watchdog_us=""))
    watchdog = Watchdog(notifier, lambda: 1)
    watchdog.control_loop_moved(0.0)
    watchdog.stop()
    notifier.close()
    assert manager.heard() == []


def test_a_process_whose_loop_stands_still_ends_itself_and_shows_where_it_stood() -> None:
    program = (
        "import time; from thermal_bms.watchdog import Notifier, Watchdog\n"
        "w = Watchdog(Notifier({}), lambda: 0, hang_s=0.3)\n"
        "for k in range(4): w.control_loop_moved(0.1 * k); time.sleep(0.1)\n"
        "def hanging_controller(): time.sleep(60)\n"
        "hanging_controller()\n"
    )
    died = subprocess.run(
        [sys.executable, "-c", program], check=False, capture_output=True, text=True, timeout=30
    )
    assert died.returncode == 1
    assert "hanging_controller" in died.stderr


def test_a_loop_that_moves_and_stops_in_order_lives_on() -> None:
    program = (
        "import time; from thermal_bms.watchdog import Notifier, Watchdog\n"
        "w = Watchdog(Notifier({}), lambda: 0, hang_s=0.2)\n"
        "for k in range(8): w.control_loop_moved(0.05 * k); time.sleep(0.05)\n"
        "w.stop(); time.sleep(0.4)\n"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False, timeout=30).returncode == 0
