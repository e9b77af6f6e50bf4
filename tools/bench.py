"""Measure the figures of docs/performance.md on this machine and print them as a table.

Run by ``make bench``; ``--quick`` leaves out the library and the cold start. Speed is measured, never asserted.
"""

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from plant_models.kernels import kernel
from plant_models.truck import Surroundings, Truck
from plant_models.truck_parameters import load_truck
from plant_models.truck_step import liquid_step
from scenarios.runner import run
from scenarios.scenario import LoadedScenario, library_names, load_scenario
from thermal_bms.signals import Command, ThermalCommand, ValveMode

Row = tuple[str, str, str]
TRUCK = "heavy_lfp"
EIGHT_HOURS = [
    'title="Eight hours of hauling with a charge"',
    (
        'phase=[{kind="drive", cycle="nrel_long_haul", distance_km=280.0, speed_cap_km_per_h=85.0}, '
        '{kind="charge", charger="ccs_350kw", duration_h=1.0}, '
        '{kind="drive", cycle="nrel_long_haul", distance_km=270.0, speed_cap_km_per_h=85.0}]'
    ),
    "initial.soc=0.95",
    "degraded=[]",
    "checks={}",
]


def machine() -> str:
    """Return what the figures were measured on."""
    names = [
        line.split(":")[1].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if "model name" in line
    ]
    return f"{names[0] if names else platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"


def best_s(function: Callable[[], object], number: int, repeat: int = 5) -> float:
    """Return the shortest mean time of one call."""
    times = []
    for _ in range(repeat):
        started = time.perf_counter()
        for _ in range(number):
            function()
        times.append((time.perf_counter() - started) / number)
    return min(times)


@kernel
def _batch(p, s, cp, cs, table, tables, pack, branches, ports, u, n):  # type: ignore[no-untyped-def]
    for _ in range(n):
        liquid_step(p, s, cp, cs, table, tables, pack, branches, ports, u, 1.0)


def driving_truck() -> Truck:
    """Return a heavy truck under way, everything compiled."""
    truck = Truck(load_truck(TRUCK), soc=0.7, temp_degc=28.0, payload_kg=15e3)
    n = truck.parameters.pack.n_strings
    thermal = ThermalCommand(0.5, 0.3, 0.5, 0.0, ValveMode.CHILLER)
    truck.actuate(Command(thermal, (True,) * n, 0.0, 500e3, 300e3))
    for _ in range(60):
        truck.step(Surroundings(30.0), 1.0)
    return truck


def plant_rows() -> Iterator[Row]:
    """Yield the speed of the plant's kernel and tick."""
    truck = driving_truck()
    n_cells = truck.state.soc.size
    arguments = truck.kernel_arguments(1.0)
    u = np.array([0.5, 0.3, 0.5, 0.0, 2.0, 303.15, 0.5, 20.0, 15e3, 500.0, 295.15, 3e3, 120.0, 0.0])
    single = best_s(lambda: liquid_step(*arguments, u, 1.0), 2000)
    _batch(*arguments, u, 10)
    batch = best_s(lambda: _batch(*arguments, u, 2000), 1) / 2000
    yield (
        "plant kernel, tick by tick",
        f"{single / n_cells * 1e9:.1f} ns per cell-step ({single * 1e6:.1f} us)",
        "<= 30 ns",
    )
    yield (
        "plant kernel, batch",
        f"{batch / n_cells * 1e9:.1f} ns per cell-step ({batch * 1e6:.1f} us)",
        "<= 20 ns",
    )
    whole = best_s(lambda: truck.step(Surroundings(30.0), 1.0), 2000)
    yield "truck tick from Python, sensors apart", f"{whole * 1e6:.1f} us", ""
    yield "truck measurement", f"{best_s(truck.measure, 2000) * 1e6:.1f} us", ""


def step_size_row() -> Row:
    """Return how far 1 s steps are from 0.05 s steps, current and commands held over each second."""
    rng = np.random.default_rng(11)
    trucks = [Truck(load_truck(TRUCK), soc=0.6, temp_degc=30.0) for _ in range(2)]
    for truck in trucks:
        truck.actuate(Command(contactor_close=(True,) * truck.parameters.pack.n_strings))
    errors_v, errors_k = [], []
    for _ in range(1800):
        pump, fan, compressor = (float(duty) for duty in rng.uniform(0.0, 1.0, 3))
        source_a = float(rng.uniform(-900.0, 600.0))
        for truck, n in zip(trucks, (1, 20), strict=True):
            u = np.array(
                [pump, fan, compressor, 0.0, 2.0, 303.15, 0.5, 0.0, 5e3, 0.0, 303.15, 0.0, 0.0, source_a]
            )
            for _ in range(n):
                liquid_step(*truck.kernel_arguments(1.0 / n), u, 1.0 / n)
        errors_v.append(trucks[0].state.voltage_v - trucks[1].state.voltage_v)
        errors_k.append(trucks[0].state.core_temp_k - trucks[1].state.core_temp_k)
    rms_v, rms_k = (float(np.sqrt(np.mean(np.square(e)))) for e in (errors_v, errors_k))
    return "1 s against 0.05 s steps, rms", f"{rms_v * 1e3:.3f} mV, {rms_k:.5f} K", "<= 1 mV, 0.01 K"


def day_rows() -> Iterator[Row]:
    """Yield the speed and memory of an eight-hour truck day with PID, in a process of its own."""
    code = (
        "import resource, sys, tempfile, time; t0 = time.perf_counter();"
        "from pathlib import Path; from scenarios.runner import run; from scenarios.scenario import load_scenario;"
        "from scenarios.report import write_report; from thermal_bms.export import write_csv;"
        "from thermal_bms.recording import Recording;"
        "t1 = time.perf_counter(); out = Path(tempfile.mkdtemp());"
        f"scenario = load_scenario('heavy_lfp_truck_day', {['truck=' + repr(TRUCK), *EIGHT_HOURS]!r});"
        "runs = [run(scenario, out) for _ in range(3)]; r = min(runs, key=lambda x: x.timings['run_s']);"
        "peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024;"
        "t2 = time.perf_counter(); write_csv(Recording(r.recording_path), out / 's.csv');"
        "t3 = time.perf_counter(); write_report(out); t4 = time.perf_counter();"
        "print(t1 - t0, r.kpis['duration_h'] * 3600, r.timings['run_s'], peak, t3 - t2, t4 - t3)"
    )
    text = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout  # noqa: S603
    imports, simulated, ran, peak_mib, csv, report = (float(x) for x in text.split())
    label = f"{simulated / 3600:.2f} h truck day, 3 x 216 groups, 1 s tick, PID, recording"
    yield label, f"{ran:.2f} s: {simulated / ran:,.0f} x real time", ">= 8,000 x"
    yield "... peak memory", f"{peak_mib:.0f} MiB", "< 500 MiB"
    yield "... imports / CSV / report", f"{imports:.2f} / {csv:.2f} / {report:.2f} s", ""


def start_rows() -> Iterator[Row]:
    """Yield the time of ``--help`` over a bare interpreter, and of the first run after install."""
    bare = best_s(lambda: subprocess.run([sys.executable, "-c", ""], check=True), 1, 9)
    shown = [sys.executable, "-m", "thermal_bms", "--help"]
    helped = best_s(lambda: subprocess.run(shown, check=True, capture_output=True), 1, 9)  # noqa: S603
    yield "thermal-bms --help over a bare interpreter", f"{(helped - bare) * 1e3:.0f} ms", "<= 150 ms"
    with tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, "HOME": home}
        command = [
            sys.executable,
            "-m",
            "thermal_bms",
            "run",
            "heavy_lfp_megawatt_datasheet",
            "--quiet",
            "--out",
            home + "/run",
        ]
        started = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True, env=environment)  # noqa: S603
        yield "first run after install, kernels compiled", f"{time.perf_counter() - started:.1f} s", "< 30 s"


def library_rows() -> Iterator[Row]:
    """Yield the energy closures of the whole library."""
    for name in library_names():
        with tempfile.TemporaryDirectory() as folder:
            kpis = run(load_scenario(name), Path(folder)).kpis
        closures = f"electrical {kpis['electrical_closure']:.1e}, thermal {kpis['thermal_closure']:.1e}"
        yield f"closure, {name}", closures, "<= 1e-6"


def road_rows() -> Iterator[Row]:
    """Yield consumption of a 40 t truck and the heat of a megawatt."""
    for cycle, cap, goal in (
        ("nrel_long_haul", 85, "1.0-1.4"),
        ("nrel_regional_haul", 85, "1.0-1.4"),
        ("epa_gem_55mph_grade", 85, "1.0-1.4"),
        ("nrel_long_haul", None, "1.35-1.8"),
        ("epa_gem_65mph_grade", None, "1.35-1.8"),
    ):
        speed = f", speed_cap_km_per_h={cap}.0" if cap else ""
        phases = f'phase=[{{kind="drive", cycle="{cycle}", distance_km=200.0{speed}}}]'
        kpis = _run_with([phases, 'climate={kind="constant", temp_degc=15.0}'], f"truck={TRUCK!r}")
        name = f"40 t on {cycle}" + (f", at most {cap} km/h" if cap else "")
        yield name, f"{kpis['energy_kwh_per_km']:.2f} kWh/km", f"{goal} kWh/km"
    megawatt = _run_with(
        [
            'phase=[{kind="charge", charger="mcs_1mw", until_soc=0.8}]',
            'climate={kind="constant", temp_degc=25.0}',
        ],
        "initial.soc=0.2",
    )
    mean_kw = megawatt["cell_heat_kwh"] / (megawatt["charge_minutes"] / 60.0)
    heat = f"mean {mean_kw:.0f} kW, peak {megawatt['cell_heat_max_w'] / 1e3:.0f} kW"
    yield "heat at 1 MW into the fast-charge pack, 25 degC, 20-80 %", heat, "40-65 kW"


def _run_with(overrides: list[str], *more: str) -> dict[str, float]:
    payload = "payload_kg=18000.0"
    scenario: LoadedScenario = load_scenario(
        "heavy_lfp_truck_day", [payload, "initial.soc=0.9", "degraded=[]", "checks={}", *overrides, *more]
    )
    with tempfile.TemporaryDirectory() as folder:
        return run(scenario, Path(folder)).kpis


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    print(f"Measured on: {machine()}\n")
    print(f"| {'figure':75s} | {'measured':45s} | {'goal':15s} |")
    print(f"|{'-' * 77}|{'-' * 47}|{'-' * 17}|")
    parts = [plant_rows, lambda: iter([step_size_row()]), day_rows]
    parts += [] if quick else [start_rows, road_rows, library_rows]
    for part in parts:
        for figure, measured, goal in part():
            print(f"| {figure:75s} | {measured:45s} | {goal:15s} |", flush=True)


if __name__ == "__main__":
    main()
