"""How much room 72 hours of telemetry take, what they cost, and what comes out again.

    python tools/buffer_check.py              a simulated truck day, driven over and over
    python tools/buffer_check.py RECORDING    of a run with recording.measurements = true

Every measurement goes through battery management and summary as in the gateway, one row a second, and into the
buffer; at the end every block is read back. The second line is the worst that can be: every value at random
over 16 bit, which no truck does.
"""

import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from controllers.registry import create
from plant_models.truck_parameters import describe
from scenarios.runner import run
from scenarios.scenario import load_scenario
from thermal_bms.cycle import ControlUnit, control_cycle
from thermal_bms.link import ReplayLink
from thermal_bms.recording import Recording
from thermal_bms.signals import NO_PREVIEW
from thermal_bms.telemetry.block import inflated, row_bytes, undone
from thermal_bms.telemetry.config import BufferSettings
from thermal_bms.telemetry.record import Kind
from thermal_bms.telemetry.stamp import Stamp
from thermal_bms.telemetry.store import Store, Waiting
from thermal_bms.telemetry.summary import Summary
from thermal_bms.telemetry.vss import Observed, counts, vss_table

HOURS = 72.0
BOUND_MB = 64.0
SCENARIO = "heavy_lfp_truck_day"
BATCH = 60
RANDOM_ROWS = 6000
Counts = Sequence[int | None]


def day_counts(path: Path) -> list[Counts]:
    """Return one row of counts per measurement of a recording."""
    recording = Recording(path)
    truck = describe(load_scenario(recording.meta["name"]).truck)
    unit = ControlUnit(truck, create("pid", {}, truck))
    link, rows = ReplayLink(recording), []
    while not link.at_end:
        measurement = link.read()
        result = control_cycle(unit, measurement, NO_PREVIEW, float(recording.meta["tick_s"]))
        rows.append(counts(Observed(measurement, result)))
    return rows


def repeated(rows: Sequence[Counts], total: int) -> Iterator[Counts]:
    """Yield so many rows; no sensor repeats its noise, so every pass adds a count of it to the values that vary."""
    rng = np.random.default_rng(1)
    varies = [len(set(column)) > 2 for column in zip(*rows, strict=True)]
    for number in range(total):
        row = rows[number % len(rows)]
        if number < len(rows):
            yield row
            continue
        noise = rng.integers(-1, 2, len(row))
        yield [
            value if value is None or not moves else value + int(step)
            for value, moves, step in zip(row, varies, noise, strict=True)
        ]


def report(title: str, rows: Iterator[Counts], total: int) -> None:
    """Fill a buffer with rows and print what it took."""
    with tempfile.TemporaryDirectory() as folder:
        settings = BufferSettings(folder=Path(folder), size_mb=100.0 * BOUND_MB)
        store = Store(settings, "check", Stamp(0.0, 0.0))
        busy_s, waiting = 0.0, list[Waiting]()
        for second, row in enumerate(rows):
            waiting.append(Waiting(Kind.SUMMARY, float(second), row_bytes(float(second), row)))
            if len(waiting) == BATCH:
                start_s = time.perf_counter()
                store.add(waiting, Stamp(float(second), float(second)))
                busy_s += time.perf_counter() - start_s
                waiting.clear()
        size_mb = settings.path.stat().st_size / 1e6
        wal_mb = settings.path.with_suffix(".db-wal").stat().st_size / 1e6
        blocks = store.first(10_000, ())
        times = [ms for one in blocks for ms in undone(inflated(one.payload)["service_ms"])]
        mean_bytes = np.mean([len(one.payload) for one in blocks])
        store.close()
    whole = times == [1000 * second for second in range(total)]
    scale = HOURS * 3600.0 / total
    print(
        f"{title}: {total} rows, {len(blocks)} blocks of {mean_bytes:.0f} bytes; per {HOURS:g} h "
        f"{scale * size_mb + wal_mb:.1f} MB (goal {BOUND_MB:g}); {1e6 * busy_s / total:.0f} us per row; "
        f"{'every row came out in order' if whole else 'ROWS ARE MISSING'}"
    )


def observe_cost(path: Path) -> None:
    """Print what the control loop spends on a tick with a row, and on one without."""
    recording = Recording(path)
    truck = describe(load_scenario(recording.meta["name"]).truck)
    unit, link = ControlUnit(truck, create("pid", {}, truck)), ReplayLink(recording)
    measurement = link.read()
    result = control_cycle(unit, measurement, NO_PREVIEW, 1.0)
    for title, every_s in (("with a row", 1e-3), ("without", 1e9)):
        summary, best_s = Summary(every_s), np.inf
        for k in range(2000):
            start_s = time.perf_counter()
            summary.step(measurement, result, Stamp(float(k), float(k)))
            best_s = min(best_s, time.perf_counter() - start_s)
        print(f"summary of a tick {title}: {1e6 * best_s:.1f} us")


def main(arguments: Sequence[str]) -> int:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        if arguments:
            path = Path(arguments[0])
        else:
            overrides = ("recording.measurements=true",)
            path = run(load_scenario(SCENARIO, overrides), Path(folder)).recording_path
        total = round(HOURS * 3600.0)
        report("truck days", repeated(day_counts(path), total), total)
        rng = np.random.default_rng(2)
        shape = (RANDOM_ROWS, len(vss_table().signal))
        report("all random", iter(rng.integers(-32768, 32768, shape).tolist()), RANDOM_ROWS)
        observe_cost(path)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
