"""Many runs on cores and on a cluster: nothing lost, nothing doubled, whatever dies."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from time import sleep
from typing import NamedTuple

import pytest

from scenarios.workers import TRIES, results
from thermal_bms.errors import ScenarioError

READY_S = 30.0
ROOT = Path(__file__).parents[3]


class Job(NamedTuple):
    """Work that kills its process until it has left enough marks in a folder."""

    number: int
    deaths: int = 0
    marks: str = ""


def work(job: Job) -> int:
    if job.deaths:
        made = len(list(Path(job.marks).glob(f"{job.number}-*")))
        (Path(job.marks) / f"{job.number}-{made}").touch()
        if made < job.deaths:
            os.kill(os.getpid(), signal.SIGKILL)
    return job.number


def lost(job: Job, why: str) -> int:
    assert "died" in why or "Killed" in why
    return -1 - job.number


@pytest.mark.parametrize("workers", [1, 2])
def test_every_task_gives_one_result(workers: int) -> None:
    assert sorted(results(work, map(Job, range(9)), lost=lost, workers=workers)) == list(range(9))


def test_tasks_are_taken_only_as_fast_as_they_are_done() -> None:
    taken = []

    def tasks() -> Iterator[Job]:
        for number in range(40):
            taken.append(number)
            yield Job(number)

    found = results(work, tasks(), lost=lost, workers=2)
    next(found)
    assert len(taken) < 10
    found.close()  # type: ignore[attr-defined]


def test_a_task_whose_process_is_killed_once_is_done_again_and_nothing_is_lost_or_doubled(
    tmp_path: Path,
) -> None:
    jobs = [Job(n, deaths=int(n == 3), marks=str(tmp_path)) for n in range(8)]
    assert sorted(results(work, jobs, lost=lost, workers=2)) == list(range(8))
    assert len(list(tmp_path.glob("3-*"))) == 2


def test_a_task_that_always_kills_its_process_is_given_up_and_the_others_are_done(tmp_path: Path) -> None:
    jobs = [Job(n, deaths=99 * (n == 2), marks=str(tmp_path)) for n in range(6)]
    assert sorted(results(work, jobs, lost=lost, workers=2)) == [-3, 0, 1, 3, 4, 5]
    assert len(list(tmp_path.glob("2-*"))) == TRIES


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start(*arguments: str, log: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "distributed.cli." + arguments[0], *arguments[1:]]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with log.open("wb") as file:
        return subprocess.Popen(command, stdout=file, stderr=file, env=environment)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real scheduler with two worker processes on loopback."""
    pytest.importorskip("distributed")
    folder = tmp_path_factory.mktemp("dask")
    address = f"tcp://127.0.0.1:{free_port()}"
    here = ["--host", "127.0.0.1", "--no-dashboard"]
    started = [
        start("dask_scheduler", *here, "--port", address.rpartition(":")[2], log=folder / "scheduler.log")
    ]
    worker = [*here, "--nthreads", "1", "--local-directory", str(folder), "--death-timeout", "60"]
    started += [start("dask_worker", address, *worker, log=folder / f"worker{i}.log") for i in range(2)]
    try:
        wait_for_workers(address, 2)
        yield address
    finally:
        for process in reversed(started):
            process.terminate()
        for process in started:
            process.wait(timeout=20)


def wait_for_workers(address: str, n: int) -> None:
    from distributed import Client

    for _ in range(int(READY_S / 0.25)):
        try:
            with Client(address, timeout=2, set_as_default=False) as client:
                client.wait_for_workers(n, timeout=READY_S)
                return
        except OSError:
            sleep(0.25)
    pytest.fail("the scheduler did not come up")


def test_a_cluster_gives_every_result_once_from_both_workers(cluster: str) -> None:
    assert sorted(results(work, map(Job, range(12)), lost=lost, scheduler=cluster)) == list(range(12))
    pids = set(results(process_id, range(12), lost=lambda *_: 0, scheduler=cluster))
    assert len(pids) == 2
    assert os.getpid() not in pids


def process_id(_: int) -> int:
    sleep(0.1)
    return os.getpid()


def test_a_worker_of_a_cluster_that_dies_has_its_work_done_by_another(cluster: str, tmp_path: Path) -> None:
    jobs = [Job(n, deaths=int(n == 1), marks=str(tmp_path)) for n in range(6)]
    assert sorted(results(work, jobs, lost=lost, scheduler=cluster)) == list(range(6))
    assert len(list(tmp_path.glob("1-*"))) == 2


def test_a_scheduler_that_cannot_be_reached_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr("scenarios.workers.CONNECT_S", 1.0)
    address = f"tcp://127.0.0.1:{free_port()}"
    with pytest.raises(ScenarioError, match=rf"--scheduler {address}: cannot be reached .*is it running\?$"):
        list(results(work, [Job(1)], lost=lost, scheduler=address))


def test_an_address_that_is_none_is_one_clear_line() -> None:
    pytest.importorskip("distributed")
    with pytest.raises(ScenarioError, match=r"^--scheduler nonsense://x: cannot be reached \([^\n]*$"):
        list(results(work, [Job(1)], lost=lost, scheduler="nonsense://x"))
