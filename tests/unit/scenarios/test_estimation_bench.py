"""The acceptance figures of the estimator on the plant, in short; tools/estimation_check.py is the long form."""

import numpy as np
import pytest

from scenarios.estimation_bench import COLUMNS, PackBench, drive_power_w
from thermal_bms.estimation.power import CHARGE, DISCHARGE
from thermal_bms.units import FloatArray

CYCLE = "nrel_regional_haul"
SENSORS = {"current_gain": 1.005, "current_offset_a": 0.5, "voltage_noise_v": 0.002}


def column(rows: FloatArray, name: str) -> FloatArray:
    return np.asarray(rows[:, COLUMNS.index(name)])


def error(rows: FloatArray) -> FloatArray:
    return column(rows, "estimate") - column(rows, "soc")


def inside(rows: FloatArray) -> float:
    known = rows[120:]
    soc = column(known, "soc")
    return float(np.mean((column(known, "soc_min") <= soc) & (soc <= column(known, "soc_max"))))


def rms(values: FloatArray) -> float:
    return float(np.sqrt(np.mean(values**2)))


@pytest.mark.parametrize(("temp_degc", "limit"), [(25.0, 0.015), (-20.0, 0.025), (45.0, 0.025)])
@pytest.mark.parametrize("wrong", [0.3, -0.3])
def test_nmc_charge_is_found_from_a_wrong_start(temp_degc: float, limit: float, wrong: float) -> None:
    bench = PackBench("heavy_nmc", soc=0.6, temp_degc=temp_degc, told_soc=0.6 + wrong, **SENSORS)
    rows = bench.drive_and_charge(drive_power_w("heavy_nmc", CYCLE), 2400, scale=0.5)
    assert rms(error(rows)) < limit
    assert np.abs(error(rows)[1200:]).max() < 0.03
    assert inside(rows) == 1.0


@pytest.mark.parametrize("wrong", [0.3, -0.3])
def test_on_the_plateau_of_lfp_the_bound_holds_the_truth_and_a_visit_below_fifteen_percent_finds_it(
    wrong: float,
) -> None:
    bench = PackBench("heavy_lfp", soc=0.6, told_soc=0.6 + wrong, **SENSORS)
    rows = bench.drive_and_charge(drive_power_w("heavy_lfp", CYCLE), 5 * 3600, scale=1.6)
    visit = int(np.argmax(column(rows, "soc") < 0.15))
    assert 0 < visit < len(rows) - 3600
    assert inside(rows) == 1.0
    assert rms(error(rows)[visit + 600 :]) < 0.03
    width = column(rows, "soc_max") - column(rows, "soc_min")
    assert width[300] > 0.1


def test_health_is_found_by_a_full_charge_and_a_rest_below_fifteen_percent() -> None:
    bench = PackBench("heavy_lfp", soc=0.4, told_soc=0.4, capacity=0.9, resistance=1.25, **SENSORS)
    assert np.isnan(bench.estimate().health.soh_capacity)
    bench.drive_and_charge(drive_power_w("heavy_lfp", CYCLE), 8 * 3600, scale=1.8)
    bench.step(0.0)
    for _ in range(400):
        bench.step(0.0)
        health = bench.estimate().health
    true = [
        1.0 / row.mean() / 3600.0 / bench.description.capacity_ah for row in bench.constants.per_capacity_as
    ]
    assert health.string_soh_capacity == pytest.approx(true, rel=0.02)
    assert health.soh_resistance == pytest.approx(1.25, rel=0.05)
    assert health.soh_capacity_sd < 0.02


def test_without_known_states_only_the_confidence_of_the_capacity_is_reported() -> None:
    bench = PackBench("heavy_lfp", soc=0.7, told_soc=0.7, capacity=0.9, **SENSORS)
    bench.drive_and_charge(drive_power_w("heavy_lfp", CYCLE), 3600)
    health = bench.estimate().health
    assert np.isnan(health.soh_capacity)
    assert health.soh_capacity_sd > 0.05


@pytest.mark.parametrize(("truck", "soc", "temp_degc"), [("heavy_nmc", 0.5, 25.0), ("heavy_lfp", 0.3, 5.0)])
def test_the_power_of_the_next_seconds_is_held_by_the_true_pack_and_little_less_than_its_most(
    truck: str, soc: float, temp_degc: float
) -> None:
    bench = PackBench(truck, soc=soc, temp_degc=temp_degc, told_soc=soc, **SENSORS)
    cycle_w, ratios = drive_power_w(truck, CYCLE), []
    for part in range(6):
        bench.drive_and_charge(np.roll(cycle_w, -300 * part), 300)
        outlook = bench.estimate().outlook
        for horizon_s, give_w, take_w in (
            (2, outlook.discharge_power_2s_w, outlook.charge_power_2s_w),
            (10, outlook.discharge_power_10s_w, outlook.charge_power_10s_w),
            (30, outlook.discharge_power_30s_w, outlook.charge_power_30s_w),
        ):
            ratios.append(give_w / bench.power_max_w(DISCHARGE, horizon_s))
            ratios.append(take_w / bench.power_max_w(CHARGE, horizon_s))
    assert max(ratios) <= 1.0
    assert np.mean(ratios[6:]) > 0.9
