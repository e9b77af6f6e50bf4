import math

import pytest

from thermal_bms.health.cooling_watch import ShareTrend, StringCooling
from thermal_bms.health.findings import FindingKind
from thermal_bms.health.settings import HealthSettings

SETTINGS = HealthSettings()


def cooled(conductances: tuple[float, ...], *, over_k: float = 10.0, hours: float = 2.0) -> StringCooling:
    """Return strings at rest in their temperature, each with its heat through its conductance [W/K]."""
    watch = StringCooling(len(conductances), 1e6, SETTINGS)
    for _ in range(round(hours * 120)):
        watch.take([20.0 + over_k] * len(conductances), [g * over_k for g in conductances], 20.0, 30.0)
    return watch


def test_conductances_are_compared_with_those_of_the_other_strings() -> None:
    assert cooled((100.0, 100.0, 50.0)).shares == pytest.approx([4.0 / 3.0, 4.0 / 3.0, 0.5])


def test_a_string_that_lags_is_found() -> None:
    [found] = cooled((100.0, 100.0, 50.0)).candidates(7.0)
    assert (found.kind, found.string) == (FindingKind.STRING_COOLING_LOSS, 2)
    assert found.confidence > 0.99


def test_nothing_is_judged_without_excitation_or_without_a_second_string() -> None:
    assert cooled((100.0, 50.0), over_k=2.0).shares == []
    assert cooled((50.0,)).shares == []


def test_a_missing_value_begins_a_new_window() -> None:
    watch = StringCooling(2, 1e6, SETTINGS)
    for n in range(600):
        watch.take([30.0, math.nan if n % 5 == 0 else 30.0], [1e3, 500.0], 20.0, 30.0)
    assert watch.shares == []


def trend() -> ShareTrend:
    return ShareTrend(FindingKind.COOLANT_FLOW_LOSS, 0.9, 0.5, tau_s=600.0, sd_min=0.02)


def test_a_share_that_falls_is_found_with_the_time_to_its_end() -> None:
    watch, share, fall_per_s = trend(), 1.0, 0.05 / 3600.0
    while share > 0.8:
        share -= fall_per_s * 30.0
        watch.take(share, 30.0)
    [found] = watch.candidates(0.0)
    assert found.confidence > 0.99
    assert found.time_to_limit_s == pytest.approx((share - 0.5) / fall_per_s, rel=0.1)


def test_a_share_that_is_low_but_stands_has_no_end_and_a_high_one_is_no_finding() -> None:
    low, high = trend(), trend()
    for _ in range(500):
        low.take(0.7, 30.0)
        high.take(1.0, 30.0)
    assert low.candidates(0.0)[0].time_to_limit_s == math.inf
    assert high.candidates(0.0) == []


def test_too_little_judged_time_finds_nothing() -> None:
    watch = trend()
    watch.take(0.5, 30.0)
    watch.take(math.nan, 3600.0)
    assert watch.candidates(0.0) == []
