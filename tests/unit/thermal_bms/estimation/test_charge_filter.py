import math

import numpy as np
import pytest

from tests.unit.thermal_bms.bms_samples import PACK
from thermal_bms.description import PackDescription
from thermal_bms.estimation.cell_model import CellModel
from thermal_bms.estimation.charge_filter import ChargeFilter
from thermal_bms.estimation.settings import EstimationSettings

STEEP = PACK.model_copy(update={"ocv_soc": (0.0, 1.0), "ocv_v": (3.0, 4.0), "chemistry": "nmc"})


def filter_of(pack: PackDescription = STEEP, *, soc: float = 0.5, sd: float = 0.1) -> ChargeFilter:
    return ChargeFilter(CellModel(pack), EstimationSettings(), rating_a=200.0, soc=soc, soc_sd=sd)


def turn(f: ChargeFilter, voltage_v: float, current_a: float = 0.0, seconds: int = 4) -> None:
    for _ in range(seconds):
        f.predict(current_a, 1.0)
    f.update(voltage_v, 25.0)


def test_charge_moves_by_the_counted_charge() -> None:
    f = filter_of()
    turn(f, math.nan, 100.0, 36)
    assert f.soc == pytest.approx(0.49)
    assert f.overpotential_v > 100.0 * f.circuit.r0_discharge_ohm


def test_voltages_on_a_slope_find_the_charge_and_shrink_the_deviation() -> None:
    f = filter_of(soc=0.3, sd=0.15)
    for _ in range(200):
        turn(f, 3.62)
    assert f.soc == pytest.approx(0.62, abs=0.01)
    assert f.soc_sd < 0.02


def test_a_voltage_seen_for_hours_is_no_surer_than_the_table() -> None:
    """With 4 mV of table error on 1 V per unit of charge, 0.4 % is the limit, however many the samples."""
    f = filter_of(soc=0.62, sd=0.15)
    for _ in range(5000):
        turn(f, 3.62)
    assert f.soc_sd > 0.003


def test_a_flat_voltage_tells_nothing_of_the_charge() -> None:
    f = filter_of(STEEP.model_copy(update={"ocv_v": (3.3, 3.3)}), soc=0.4)
    for _ in range(200):
        turn(f, 3.301)
    assert f.soc == pytest.approx(0.4)
    assert f.soc_sd >= 0.1


def test_a_higher_resistance_than_described_is_found() -> None:
    f, rng = filter_of(soc=0.9, sd=0.05), np.random.default_rng(1)
    truth = 0.9
    other = filter_of(soc=0.9)
    for _ in range(600):
        current_a = float(rng.uniform(-50.0, 150.0))
        for _ in range(4):
            other.predict(current_a, 1.0)
        truth = other.soc
        turn(f, 3.0 + truth - 1.3 * other.overpotential_v, current_a)
    assert f.resistance == pytest.approx(1.3, abs=0.05)
    assert f.soc == pytest.approx(truth, abs=0.01)


def test_an_outlier_changes_nothing_but_many_open_the_filter() -> None:
    f = filter_of(soc=0.5, sd=0.01)
    for _ in range(100):
        turn(f, 3.5)
    soc, sd = f.soc, f.soc_sd
    turn(f, 3.9)
    assert f.soc == pytest.approx(soc, abs=1e-6)
    for _ in range(100):
        turn(f, 3.9)
    assert f.soc == pytest.approx(0.9, abs=0.03)
    assert sd < 0.05


def test_noisy_voltages_raise_the_noise_that_the_filter_assumes() -> None:
    f, rng = filter_of(), np.random.default_rng(2)
    for _ in range(500):
        turn(f, 3.5 + 0.02 * float(rng.standard_normal()))
    assert 0.012 < f.noise_sd_v < 0.03
    assert f.soc == pytest.approx(0.5, abs=0.03)


def test_the_branches_relax_while_nobody_looks() -> None:
    f = filter_of()
    turn(f, math.nan, 150.0, 300)
    rc2_v = f.rc2_v
    f.rest(f.circuit.tau2_s)
    assert f.rc2_v == pytest.approx(rc2_v / math.e)
    assert f.overpotential_v == f.rc1_v + f.rc2_v


def test_an_open_string_teaches_the_offset_of_its_sensor() -> None:
    f = filter_of()
    before = f.offset_sd_a
    for _ in range(50):
        f.take_offset(0.7, 0.5)
    assert f.offset_a == pytest.approx(0.7, abs=0.1)
    assert f.offset_sd_a < 0.5 * before


def test_a_held_estimate_stays_within_its_bound() -> None:
    f = filter_of(soc=0.9, sd=0.3)
    f.hold(0.4, 0.6)
    assert f.soc == 0.6
    assert f.soc_sd == pytest.approx(0.2 / math.sqrt(12.0))


def test_the_error_of_the_estimate_fits_its_deviation() -> None:
    """Normalised error squared over many starts and table errors, drawn as the filter assumes; its mean is about 1."""
    rng, squares = np.random.default_rng(3), []
    for _ in range(40):
        truth, wrong_v = 0.8, 0.004 * float(rng.standard_normal())
        f = filter_of(soc=float(np.clip(truth + 0.1 * rng.standard_normal(), 0.05, 0.95)), sd=0.1)
        f.unsettled_v = 0.0
        model = filter_of(soc=truth)
        for _ in range(30):
            for _ in range(4):
                model.predict(50.0, 1.0)
            turn(f, 3.0 + model.soc + wrong_v - model.overpotential_v, 50.0)
        squares.append(((f.soc - model.soc) / f.soc_sd) ** 2)
    assert 0.05 < np.mean(squares) < 2.0
