"""Measure the figures of docs/estimation.md and print them as a table.

About five minutes; ``--part`` runs one part. With ``--data`` the measured cell comes too. Nothing here is asserted: the
short forms in tests/unit/scenarios/test_estimation_bench.py are.
"""

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from scenarios.estimation_bench import COLUMNS, PackBench, drive_power_w
from thermal_bms.estimation import EstimationSettings
from thermal_bms.estimation.power import CHARGE, CONTINUOUS_S, DISCHARGE
from thermal_bms.units import FloatArray

Row = tuple[str, str, str]
CYCLES = {"heavy_nmc": "nrel_regional_haul", "heavy_lfp": "nrel_regional_haul"}
SENSORS = {"current_gain": 1.005, "current_offset_a": 0.5, "voltage_noise_v": 0.002}
SECONDS_A_DAY = 86400
SOME_W = 20e3
POWER_CASES = ((0.95, 25.0), (0.6, 35.0), (0.4, 5.0), (0.3, -10.0), (0.2, 25.0), (0.12, 15.0), (0.85, 10.0))
SETTLE_TICKS = 5  # as a scenario stands before sleeping


def of(rows: FloatArray, name: str) -> FloatArray:
    """Return a column of a run."""
    return np.asarray(rows[:, COLUMNS.index(name)])


def error(rows: FloatArray) -> FloatArray:
    """Return estimate less truth."""
    return of(rows, "estimate") - of(rows, "soc")


def rms(values: FloatArray) -> float:
    """Return the root mean square in per cent."""
    return 100.0 * float(np.sqrt(np.mean(values**2)))


def inside(rows: FloatArray) -> float:
    """Return the share of the time, in per cent, in which the bound holds the truth."""
    known = rows[np.isfinite(of(rows, "soc_min"))]
    soc = of(known, "soc")
    return 100.0 * float(np.mean((of(known, "soc_min") <= soc) & (soc <= of(known, "soc_max"))))


def half_width(rows: FloatArray) -> float:
    """Return half the mean width of the bound in per cent."""
    return 50.0 * float(np.nanmean(of(rows, "soc_max") - of(rows, "soc_min")))


def nmc_rows() -> Iterator[Row]:
    """Yield the charge of NMC from wrong starts, over temperatures and seeds."""
    for temp_degc, goal in ((25.0, "1.5 %"), *((t, "2.5 %") for t in (-20.0, -10.0, 0.0, 10.0, 45.0))):
        errors, late, within, width = [], [], [], []
        truck = "heavy_nmc"
        for seed, wrong in enumerate((0.3, -0.3, 0.3, -0.3)):
            start = 0.65 if wrong > 0 else 0.9
            bench = PackBench(
                truck, soc=start, temp_degc=temp_degc, told_soc=start + wrong, seed=seed, **SENSORS
            )
            cycle_w = np.roll(drive_power_w(truck, CYCLES[truck]), -5000 * seed)
            rows = bench.drive_and_charge(cycle_w, 5400, scale=0.5 if temp_degc < 5.0 else 1.0)
            errors.append(error(rows))
            late.append(float(np.abs(error(rows)[1200:]).max()))
            within.append(inside(rows))
            width.append(half_width(rows))
        found = f"rms {rms(np.concatenate(errors)):.2f} %, after 20 min at most {100 * max(late):.2f} %"
        yield f"NMC, wrong by 30 %, {temp_degc:g} degC", found, f"{goal}; 3 % after 20 min"
        yield "... bound holds the truth", f"{min(within):.1f} %, half width {np.mean(width):.1f} %", "100 %"


def lfp_rows() -> Iterator[Row]:
    """Yield the charge of LFP before and after a visit to an end."""
    for low, high in ((0.10, False), (0.05, False), (0.3, True)):
        before, after, within = [], [], []
        for seed, wrong in enumerate((0.3, -0.3, 0.3, -0.3)):
            bench = PackBench("heavy_lfp", soc=0.6, told_soc=0.6 + wrong, seed=seed, capacity=0.95, **SENSORS)
            rows = bench.drive_and_charge(
                np.roll(drive_power_w("heavy_lfp", CYCLES["heavy_lfp"]), -5000 * seed),
                9 * 3600,
                empty_soc=low,
                scale=1.5,
            )
            soc = of(rows, "soc")
            visit = int(np.argmax(soc > 0.98 if high else soc < 0.15))
            before.append(error(rows)[600:visit])
            after.append(error(rows)[visit + 600 :])
            within.append(inside(rows))
        place = "a full charge" if high else f"a visit to {100 * low:.0f} %"
        found = f"rms {rms(np.concatenate(after)):.2f} %, before {rms(np.concatenate(before)):.1f} %"
        yield f"LFP, wrong by 30 %, after {place}", found, "3 %"
        yield "... bound holds the truth", f"{min(within):.1f} %", "100 %"


def consistency_rows() -> Iterator[Row]:
    """Yield the normalised error squared over random starts, cells and wrong open-circuit tables."""
    for truck, cycle in CYCLES.items():
        rng, squares, within = np.random.default_rng(5), [], []
        for seed in range(20):
            start = float(rng.uniform(0.3, 0.9))
            told = float(np.clip(start + 0.12 * rng.standard_normal(), 0.02, 1.0))
            bench = PackBench(truck, soc=start, told_soc=told, seed=seed, **SENSORS)
            wrong_tables(bench, rng)
            cycle_w = np.roll(drive_power_w(truck, cycle), -1500 * seed)
            rows = bench.drive_and_charge(cycle_w, 3000)
            squares.append(np.mean((error(rows)[600:] / of(rows, "soc_sd")[600:]) ** 2))
            within.append(inside(rows))
        label = f"{truck[6:].upper()}, random starts, 4 mV of table error"
        yield label, f"NEES mean {np.mean(squares):.2f}, largest {max(squares):.1f}", "about 1 or less"
        yield "... bound holds the truth", f"{np.mean(within):.1f} % of the time", "99.7 %"


def wrong_tables(bench: PackBench, rng: np.random.Generator) -> None:
    """Give the true cells an open-circuit voltage that is off the described one by 4 mV, changing over 10 % charge."""
    knots = np.cumsum(rng.standard_normal(11))
    knots = 0.004 * (knots - knots.mean()) / knots.std()
    rest = bench.tables.rest
    wrong_v = np.interp(np.linspace(0.0, 1.0, len(rest) + 1), np.linspace(0.0, 1.0, 11), knots)
    rest[:, 0] += wrong_v[:-1]
    rest[:, 1] += np.diff(wrong_v) * len(rest)


def health_rows() -> Iterator[Row]:
    """Yield capacity and resistance after a truck week with one full charge and a rest below 15 %."""
    for truck, cycle in CYCLES.items():
        aged = {"capacity": 0.88, "resistance": 1.3}
        bench = PackBench(truck, soc=0.8, told_soc=0.8, seed=3, **aged, **SENSORS)
        cycle_w = drive_power_w(truck, cycle)
        for day in range(7):
            bench.temp_degc = 18.0 + 2.0 * day
            bench.drive_and_charge(
                np.roll(cycle_w, -3000 * day), 8 * 3600, empty_soc=0.12 if day == 3 else 0.35, scale=1.4
            )
            if day == 3:
                rest_low(bench)
            bench.stand(SETTLE_TICKS)
            bench.skip(SECONDS_A_DAY - 8 * 3600)
        for _ in range(800):
            bench.step(0.0)
            health = bench.estimate().health
        true = 1.0 / bench.constants.per_capacity_as.mean(axis=1) / 3600.0 / bench.description.capacity_ah
        off = 100.0 * np.abs(np.array(health.string_soh_capacity) / true - 1.0).max()
        r_true = bench.constants.resistance_factor.mean(axis=1)
        r_off = 100.0 * np.abs(np.array(health.string_soh_resistance) / r_true - 1.0).max()
        kind = truck[6:].upper()
        yield (
            f"{kind}, capacity after a week",
            f"off {off:.2f} %, said {100 * health.soh_capacity_sd:.1f} %",
            "2 %",
        )
        yield (
            f"{kind}, resistance after a week",
            f"off {r_off:.2f} %, said {100 * health.soh_resistance_sd:.1f} %",
            "5 %",
        )


def rest_low(bench: PackBench) -> None:
    """Drive on without charging to 12 % and rest for an hour awake."""
    while bench.soc > 0.12:
        bench.step(250e3)
        bench.estimate()
    for _ in range(3600):
        bench.step(0.0)
        bench.estimate()


def power_rows() -> Iterator[Row]:
    """Yield the estimated over the true power, in both directions and for all horizons."""
    for soc_sd in (0.02, 0.12):
        for name, values in power_ratios(EstimationSettings(initial_soc_sd=soc_sd)).items():
            above = f"above in {100 * np.mean(values > 1.0):.2f} % of {len(values)}"
            way, _, horizon = name.partition("_")
            shown = f"mean {100 * values.mean():.1f} %, least {100 * values.min():.0f} %, {above}"
            label = f"power, {way}, {horizon}, start known to {100 * soc_sd:.0f} %"
            yield label, shown, "90 %, above in 0.1 %"


def power_ratios(settings: EstimationSettings) -> dict[str, FloatArray]:
    """Return estimated over true power per direction and horizon, where there is some."""
    names = ("2s", "10s", "30s", "continuous")
    ratios: dict[str, list[float]] = {
        f"{way}_{name}": [] for way in ("discharge", "charge") for name in names
    }
    for truck, cycle in CYCLES.items():
        for seed, (soc, temp_degc) in enumerate(POWER_CASES):
            bench = PackBench(
                truck, soc=soc, temp_degc=temp_degc, told_soc=soc, seed=seed, settings=settings,
                capacity=1.0 - 0.02 * seed, resistance=1.0 + 0.05 * seed, **SENSORS,
            )  # fmt: skip
            cycle_w = np.roll(drive_power_w(truck, cycle), -4000 * seed)
            for part in range(24):
                bench.drive_and_charge(np.roll(cycle_w, -97 * part), 97, empty_soc=0.04, scale=0.5)
                horizons = (2, 10, 30, int(CONTINUOUS_S)) if part % 6 == 0 else (2, 10, 30)
                if part < 6:
                    continue
                outlook = bench.estimate().outlook
                for way, direction in (("discharge", DISCHARGE), ("charge", CHARGE)):
                    for name, horizon_s in zip(names, horizons, strict=False):
                        true_w = bench.power_max_w(direction, horizon_s)
                        said_w = getattr(outlook, f"{way}_power_{name}_w")
                        if true_w > SOME_W or said_w > 0.0:
                            ratios[f"{way}_{name}"].append(said_w / max(true_w, 1.0))
    return {name: np.array(values) for name, values in ratios.items()}


def cost_rows() -> Iterator[Row]:
    """Yield the time of the estimator per tick, best of several passes, 3 x 216 groups."""
    bench = PackBench("heavy_lfp", soc=0.7, told_soc=0.7, **SENSORS)
    seen = []
    for power_w in drive_power_w("heavy_lfp", CYCLES["heavy_lfp"])[:384]:
        bench.step(float(power_w))
        seen.append(bench.plausibility.check(bench.measure(), 1.0))
    best = np.full(len(seen), np.inf)
    for _ in range(15):
        bench.estimator.reset()
        for n, checked in enumerate(seen):
            started = time.perf_counter()
            bench.estimator.step(checked, 1.0)
            best[n] = min(best[n], time.perf_counter() - started)
    microseconds = 1e6 * best[96:]
    yield (
        "estimator, one tick, 3 x 216 groups",
        f"mean {microseconds.mean():.1f} us, most {microseconds.max():.0f} us",
        "",
    )


def measured_rows(folder: Path) -> Iterator[Row]:
    """Yield the charge on the measured cycles."""
    from estimation_measured import CYCLES as MEASURED  # noqa: PLC0415 - needs the folder
    from estimation_measured import FOLDER, identify, read_trace, run_cycle  # noqa: PLC0415

    pack = identify(folder)
    stored = EstimationSettings(initial_soc_sd=0.02)
    for (temp_degc, name), goal in zip(MEASURED, (2.0, 2.0, 2.5, 3.0, 4.0), strict=True):
        trace = read_trace(folder / FOLDER / name)
        known = run_cycle(pack, trace, told_soc=1.0, settings=stored)
        blind = run_cycle(pack, trace)
        wrong = run_cycle(pack, trace, told_soc=0.7, gain=1.005, offset_a=0.02, noise_v=0.002)
        found = ", ".join(f"{100 * one.rms:.2f}" for one in (known, blind, wrong))
        held = ", ".join(f"{100 * one.inside:.0f}" for one in (known, blind, wrong))
        yield f"{name.removesuffix('.mat')}, {temp_degc:g} degC", f"rms {found} %; held {held} %", f"{goal} %"


PARTS = {
    "nmc": nmc_rows,
    "lfp": lfp_rows,
    "consistency": consistency_rows,
    "health": health_rows,
    "power": power_rows,
    "cost": cost_rows,
}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", choices=[*PARTS, "measured"], help="only this part")
    parser.add_argument("--data", type=Path, help="folder with the measured cell")
    asked = parser.parse_args()
    print("| figure | measured | goal |\n| --- | --- | --- |")
    for name, part in PARTS.items():
        if asked.part in (None, name):
            for row in part():
                print("| " + " | ".join(row) + " |", flush=True)
    if asked.data and asked.part in (None, "measured"):
        for row in measured_rows(asked.data):
            print("| " + " | ".join(row) + " |", flush=True)


if __name__ == "__main__":
    main()
