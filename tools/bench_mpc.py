"""Print step time and memory of the predictive controller: ``python tools/bench_mpc.py [--plans N]``.

The controller drives its own reduced model of a heavy truck, hot, over hills and into a planned charge. Times are
of whole plans (observer, forecast, linearisation, program, solver, check), of one program (assembly and solver), and of
the plans in which a change of path is weighed: processor time, so that
a busy machine disturbs it less. With casadi, also the nonlinear program of the same
model, grid, prices and bounds by IPOPT, in the same run.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before numpy is loaded

import numpy as np
from mpc_nonlinear import nonlinear_times_s

from controllers.mpc.controller import MpcController
from controllers.mpc.grid import constant
from controllers.mpc.problem import Qp
from controllers.mpc.solvers import InteriorPoint, ProjectedGradient
from plant_models.truck_parameters import describe, load_truck
from tests.unit.controllers.examples import believed, limits, measured
from tests.unit.controllers.mpc.moments import bench, settings, weather
from thermal_bms.signals import Preview, ThermalCommand
from thermal_bms.units import FloatArray

TRUCK = describe(load_truck("heavy_nmc"))
START_DEGC = 31.0
NLP_SOLVES = 12
MEMORY = """
import sys, time
start = time.perf_counter()
from controllers.registry import create
from tests.unit.controllers.examples import LIQUID, believed, limits, measured
from thermal_bms.signals import NO_PREVIEW, ThermalCommand
controller = create("mpc", {}, LIQUID)
command = ThermalCommand()
for tick in range(200):
    now, cells = measured(time_s=float(tick)), believed(36.0, heat_w=3e3)
    command = controller.step(now, cells, limits(), NO_PREVIEW, command, 1.0)
    if tick == 0:
        first_s = time.perf_counter() - start
status = open("/proc/self/status").read()
print(first_s, *(int(line.split()[1]) / 1024.0 for line in status.splitlines() if line.startswith(("VmRSS", "VmHWM"))))
"""


def hills(time_s: float) -> float:
    """Return a heat of the cells that rises and falls with the road [W]."""
    return 5e3 + 4e3 * np.sin(time_s / 400.0)


class Stopwatch:
    """Times every plan; in place of a deadline, which is asked just there."""

    def __init__(self) -> None:
        self.times_s: list[float] = []
        self._start_s = 0.0

    def start(self) -> None:
        """Begin."""
        self._start_s = time.process_time()

    def missed(self) -> bool:
        """Keep the time; never late."""
        self.times_s.append(time.process_time() - self._start_s)
        return False


class Counting:
    """The first solver, counting its calls."""

    def __init__(self) -> None:
        self.calls = 0
        self._solver = InteriorPoint(60)

    def __call__(self, qp: Qp) -> FloatArray | None:
        """Solve."""
        self.calls += 1
        return self._solver(qp)


def drive(plans: int) -> tuple[list[float], list[int]]:
    """Let the controller drive its own model of a heavy truck; return times [s] and programs of its plans."""
    truck = TRUCK
    watch, solver = Stopwatch(), Counting()
    unit = MpcController(settings(truck), truck, first=solver, deadline=watch)
    programs: list[int] = []
    cell = medium = np.array([29.0])
    command = ThermalCommand()
    ahead_s = 60.0 * np.arange(120)
    for tick in range(20 * plans):
        now_s, before = float(tick), solver.calls
        preview = Preview(
            ahead_s,
            np.array([hills(now_s + s) for s in ahead_s]),
            np.full(120, 38.0),
            charge_in_s=max(20.0 * plans - now_s, 0.0),
            charge_power_w=350e3,
            confidence=1.0,
        )
        around = measured(
            time_s=now_s,
            ambient_temp_degc=38.0,
            vehicle_speed_m_per_s=20.0,
            drive_loop_temp_degc=50.0,
            coolant_inlet_temp_degc=float(medium[0]),
            coolant_outlet_temp_degc=float(medium[0] + 2.0),
            ambient_humidity=0.2,
        )
        estimate = believed(float(cell[0]), spread_k=1.5, heat_w=hills(now_s))
        command = unit.step(around, estimate, limits(), preview, command, 1.0)
        if solver.calls > before:
            programs.append(solver.calls - before)
        shares = unit.applied_shares(command, 1.0, 0.8)[None, :]
        by = weather(heat_w=np.array([hills(now_s)]), ambient_degc=np.array([38.0]), drive_loop_degc=50.0)
        s = unit.model.slopes(cell, medium, shares, by)
        cell, medium = cell + s.cell, medium + s.medium
    return watch.times_s, programs


def timed(work: Callable[[], object], repeats: int) -> list[float]:
    """Return how long some work takes, again and again [s]."""
    found = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        found.append(time.process_time() - start)
    return found


def show(name: str, times_s: list[float]) -> None:
    """Print median, 99th percentile and worst."""
    ms = 1e3 * np.array(times_s)
    p99 = np.percentile(ms, 99)
    print(f"{name:50s} median {np.median(ms):6.2f}  p99 {p99:6.2f}  worst {ms.max():6.2f} ms  ({ms.size})")


def memory() -> None:
    """Print start-up time and memory of a process that runs such a controller."""
    done = subprocess.run(  # noqa: S603 - this interpreter, a fixed text
        [sys.executable, "-c", MEMORY], check=True, capture_output=True, text=True
    )
    first_s, peak, now = (float(word) for word in done.stdout.split())
    print(f"{'controller process: import to first command':50s} {first_s:.2f} s")
    print(f"{'controller process: memory, peak and at rest':50s} {peak:.0f}, {now:.0f} MiB")


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plans", type=int, default=300)
    plans = parser.parse_args().plans
    times_s, programs = drive(plans)
    several = np.array(programs) > 1
    show("plan, whole", times_s)
    show("... of one program", np.array(times_s)[~several].tolist())
    show("... weighing another path, two to four programs", np.array(times_s)[several].tolist())
    made = bench(START_DEGC, truck=TRUCK, ambient_degc=38.0)
    around = constant(made.planner.grid, START_DEGC, START_DEGC)
    first, second = InteriorPoint(60), ProjectedGradient(400)
    program = timed(lambda: first(made.planner.program(made.moment, around).qp), 60)
    show("one program: assembly and first solver", program)
    show(
        "one program: assembly and second solver",
        timed(lambda: second(made.planner.program(made.moment, around).qp), 10),
    )
    try:
        nlp, solved = nonlinear_times_s(made, repeats=NLP_SOLVES)
    except ImportError:
        print("casadi is not installed: no comparison with IPOPT")
    else:
        show(f"nonlinear program, CasADi and IPOPT ({solved} solved)", nlp)
        ratio = float(np.median(nlp) / np.median(program))
        print(f"{'one program against IPOPT, medians':50s} {ratio:.0f} times as fast")
    memory()
    return 0


if __name__ == "__main__":
    sys.exit(main())
