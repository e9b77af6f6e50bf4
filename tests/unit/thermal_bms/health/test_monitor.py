import math
from dataclasses import replace

import numpy as np
import pytest

from tests.unit.thermal_bms import bms_samples
from tests.unit.thermal_bms.bms_samples import PACK, TRUCK, measured
from thermal_bms.estimation import Estimator
from thermal_bms.health import Finding, FindingKind, HealthMonitor
from thermal_bms.plausibility import Plausibility
from thermal_bms.signals import Measurement


def run(monitor: HealthMonitor, *measurements: Measurement) -> tuple[Finding, ...]:
    plausibility, estimator = Plausibility(PACK), Estimator(PACK, initial_soc=0.5)
    found: tuple[Finding, ...] = ()
    for measurement in measurements:
        checked = plausibility.check(measurement, 30.0)
        found = monitor.step(checked, estimator.step(checked, 30.0))
    return found


def sensor_day(off_k: float, n: int = 400) -> list[Measurement]:
    """Return a day at rest in which one temperature sensor is wrong."""
    rng = np.random.default_rng(1)
    temps = 25.0 + 0.1 * rng.standard_normal((n, PACK.n_strings, 12))
    temps[:, 1, 3] += off_k
    return [measured(30.0 * i, cell_temp_degc=temps[i], coolant_inlet_temp_degc=25.0) for i in range(n)]


def test_a_finding_names_kind_place_and_the_time_it_was_first_found() -> None:
    [found] = run(HealthMonitor(TRUCK), *sensor_day(5.0))
    assert (found.kind, found.string, found.place) == (FindingKind.CELL_TEMP_OUTLIER, 1, 3)
    assert 30.0 * 9 <= found.since_s < 30.0 * 60
    assert found.confidence > 0.99


def test_a_healthy_truck_has_no_findings() -> None:
    assert run(HealthMonitor(TRUCK), *sensor_day(0.0)) == ()


def test_findings_are_forgotten_with_a_reset() -> None:
    monitor = HealthMonitor(TRUCK)
    assert run(monitor, *sensor_day(5.0)) != ()
    monitor.reset()
    assert monitor.findings == ()


@pytest.mark.parametrize("shape", [(), (3,), (2, 20), (3, 7), (3, 20, 1)])
def test_arrays_of_another_shape_are_left_out(shape: tuple[int, ...]) -> None:
    odd = np.full(shape, 3.3)
    monitor = HealthMonitor(TRUCK)
    days = [measured(30.0 * i, cell_voltage_v=odd, cell_temp_degc=odd) for i in range(30)]
    assert run(monitor, *days) == ()


def test_a_clock_that_jumps_does_not_spoil_what_comes_after() -> None:
    monitor = HealthMonitor(TRUCK)
    days = sensor_day(5.0)
    late = [replace(m, time_s=1e15 + m.time_s) for m in days]
    found = run(monitor, bms_samples.measured(0.0, cell_temp_degc=days[0].cell_temp_degc), *late)
    assert [f.kind for f in found] == [FindingKind.CELL_TEMP_OUTLIER]
    assert all(math.isfinite(f.value) for f in found)
