"""Who does the work of many runs: the cores of this machine, or a Dask cluster.

Both take calls, hand back results as they come, keep only a few calls outstanding so that memory stays flat, and do a
call again when the process that had it dies.
"""

import importlib
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from itertools import count
from typing import Any, TypeVar

from thermal_bms.errors import ScenarioError

Task = TypeVar("Task")
Result = TypeVar("Result")

TRIES = 3
AHEAD = 2
CONNECT_S = 10.0


def results(
    function: Callable[[Task], Result],
    tasks: Iterable[Task],
    *,
    lost: Callable[[Task, str], Result],
    workers: int | None = None,
    scheduler: str | None = None,
) -> Iterator[Result]:
    """Yield ``function(task)`` for every task, in the order in which they are done.

    Parameters
    ----------
    function, tasks : both must be picklable
    lost : makes the result of a task whose process died ``TRIES`` times
    workers : processes on this machine; None: one per core; 1: this very process
    scheduler : address of a Dask scheduler, as ``tcp://127.0.0.1:8786``, instead of processes of our own

    Raises
    ------
    ScenarioError
        when the scheduler cannot be reached, has no workers, or Dask is not installed.
    """
    if scheduler:
        yield from _on_cluster(function, iter(tasks), lost, scheduler)
        return
    n = workers or os.cpu_count() or 1
    if n == 1:
        yield from map(function, tasks)
        return
    yield from _on_cores(function, iter(tasks), lost, n)


def _on_cores(
    function: Callable[[Task], Result], tasks: Iterator[Task], lost: Callable[[Task, str], Result], n: int
) -> Iterator[Result]:
    waiting, numbers = True, count()
    while waiting:
        owed: dict[int, Task] = {}  # taken and not yet answered; a task is in here before it is sent off
        sent: dict[Future[Result], int] = {}
        pool = _pool(n)
        try:
            while waiting or sent:
                while waiting and len(sent) < AHEAD * n:
                    waiting = False
                    for task in _take(tasks):
                        waiting, number = True, next(numbers)
                        owed[number] = task
                        sent[pool.submit(function, task)] = number
                for future in wait(sent, return_when=FIRST_COMPLETED).done:
                    result = future.result()
                    del owed[sent.pop(future)]
                    yield result
        except BrokenProcessPool:  # one of these was its end; alone, each shows whether it was
            for task in owed.values():
                yield _alone(function, task, lost)
        finally:
            pool.shutdown(cancel_futures=True)


def _alone(function: Callable[[Task], Result], task: Task, lost: Callable[[Task, str], Result]) -> Result:
    """Return the result of a task that has a process to itself, a new one when that dies."""
    for _ in range(TRIES - 1):
        with suppress(BrokenProcessPool), _pool(1) as pool:
            return pool.submit(function, task).result()
    return lost(task, f"the process that ran it died {TRIES} times")


def _pool(n: int) -> ProcessPoolExecutor:
    """Return ``n`` processes; an interrupt from the keyboard is for this one to handle."""
    return ProcessPoolExecutor(
        n,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=signal.signal,
        initargs=(signal.SIGINT, signal.SIG_IGN),
    )


def _take(tasks: Iterator[Task]) -> Iterator[Task]:
    """Yield the next task, if there is one."""
    with suppress(StopIteration):
        yield next(tasks)


def _on_cluster(
    function: Callable[[Task], Result],
    tasks: Iterator[Task],
    lost: Callable[[Task, str], Result],
    scheduler: str,
) -> Iterator[Result]:
    client, as_completed = _client(scheduler)
    with client:
        _await_worker(client, scheduler)
        waiting = as_completed(loop=client.loop, raise_errors=False)
        owner: dict[Any, Task] = {}

        def submit() -> None:
            for task in _take(tasks):
                future = client.submit(function, task, pure=False, retries=TRIES)
                owner[future.key] = task
                waiting.add(future)

        for _ in range(AHEAD * max(sum(client.ncores().values()), 1)):
            submit()
        for future in waiting:
            task = owner.pop(future.key)
            failure = future.exception()
            yield future.result() if failure is None else lost(task, f"{type(failure).__name__}: {failure}")
            submit()


def _await_worker(client: Any, scheduler: str) -> None:  # distributed has no types
    try:
        client.wait_for_workers(1, timeout=CONNECT_S)
    except TimeoutError:
        raise ScenarioError(
            f"--scheduler {scheduler}: has no workers; start some with dask worker {scheduler}"
        ) from None


def _client(scheduler: str) -> tuple[Any, Any]:  # distributed has no types
    try:
        dask = importlib.import_module("distributed")
    except ImportError:
        raise ScenarioError(
            "--scheduler needs Dask: pip install 'thermal-bms[tune]', or leave it out to use this machine's cores"
        ) from None
    try:
        return dask.Client(scheduler, timeout=CONNECT_S, set_as_default=False), dask.as_completed
    except (OSError, ValueError, TimeoutError) as error:
        reason = str(error).split("\n", maxsplit=1)[0] or type(error).__name__
        raise ScenarioError(
            f"--scheduler {scheduler}: cannot be reached ({reason}); is it running?"
        ) from None
