import numpy as np
import pytest

from thermal_bms.health.findings import FindingKind
from thermal_bms.health.sensor_watch import SensorWatch
from thermal_bms.health.settings import HealthSettings

PLACES = np.linspace(-1.0, 1.0, 12)


def watched(drift_k_per_h: float = 0.0, *, gradient_k: float = 0.0, hours: float = 3.0) -> SensorWatch:
    """Return a watch of twelve sensors; the current makes a gradient along the string, sensor 4 drifts."""
    rng = np.random.default_rng(3)
    watch = SensorWatch(100.0, HealthSettings(), 1)
    heat = 0.0
    for n in range(round(hours * 120)):
        square_a2 = 1e4 if n // 60 % 2 == 0 else 0.0
        heat += (square_a2 / 1e4 - heat) * (1.0 - np.exp(-30.0 / 1800.0))
        temp_degc = 25.0 + gradient_k * heat * PLACES + 0.1 * rng.standard_normal(12)
        temp_degc[4] += drift_k_per_h * n / 120.0
        watch.take(temp_degc, mean_current_square=square_a2, inlet_temp_degc=25.0, elapsed_s=30.0)
    return watch


@pytest.mark.parametrize("drift", [1.0, -1.0])
def test_a_sensor_that_drifts_is_found_with_the_time_it_has_left(drift: float) -> None:
    [found] = watched(drift).candidates(0.0)
    assert (found.kind, found.string, found.place) == (FindingKind.CELL_TEMP_OUTLIER, 1, 4)
    assert found.value == pytest.approx(3.0 * 11.0 / 12.0, abs=0.4)
    assert found.time_to_limit_s / 3600.0 == pytest.approx(2.0, abs=0.7)


def test_a_gradient_that_the_load_makes_is_no_drift() -> None:
    assert watched(gradient_k=4.0).candidates(0.0) == []


def test_too_few_sensors_are_not_judged() -> None:
    watch = SensorWatch(100.0, HealthSettings(), 0)
    watch.take(np.array([25.0, 25.0, 90.0]), mean_current_square=0.0, inlet_temp_degc=25.0, elapsed_s=30.0)
    assert watch.candidates(0.0) == []
