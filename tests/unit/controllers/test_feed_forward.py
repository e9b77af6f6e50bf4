from math import inf, nan

import numpy as np
import pytest

from controllers.feed_forward import (
    FeedForwardSettings,
    GainScheduleSettings,
    HeatFeedForward,
    mean_ahead_w,
    mixed_w,
)
from thermal_bms.errors import ConfigError
from thermal_bms.parameters import parse
from thermal_bms.signals import NO_PREVIEW, Preview


def expected_heat_w(heat_w: float, preview: Preview, ahead_s: float) -> float:
    return mixed_w(heat_w, mean_ahead_w(preview, ahead_s), preview.confidence)


def ahead(heat_w: list[float], confidence: float = 1.0, step_s: float = 100.0) -> Preview:
    n = len(heat_w)
    return Preview(step_s * np.arange(n), np.array(heat_w), np.full(n, 20.0), confidence=confidence)


def test_without_a_preview_the_heat_of_now_counts() -> None:
    assert expected_heat_w(1234.0, NO_PREVIEW, 600.0) == 1234.0


def test_the_preview_is_averaged_over_the_time_ahead_only() -> None:
    preview = ahead([0.0, 0.0, 1000.0, 1000.0, 9e9])
    assert expected_heat_w(0.0, preview, 300.0) == pytest.approx(500.0)
    assert expected_heat_w(0.0, preview, 150.0) == pytest.approx(250.0 / 3.0)


def test_the_confidence_mixes_now_and_ahead() -> None:
    assert expected_heat_w(0.0, ahead([1000.0, 1000.0], 0.25), 100.0) == pytest.approx(250.0)
    assert expected_heat_w(800.0, ahead([1000.0, 1000.0], 0.0), 100.0) == 800.0


@pytest.mark.parametrize("bad", [nan, inf])
def test_a_broken_preview_is_not_used(bad: float) -> None:
    assert expected_heat_w(700.0, ahead([bad, 1.0, 1.0]), 200.0) == 700.0
    assert expected_heat_w(700.0, ahead([1.0, 1.0], bad), 200.0) == 700.0


def test_the_preview_stands_in_for_an_unknown_heat() -> None:
    assert expected_heat_w(nan, ahead([500.0, 500.0]), 100.0) == 500.0


@pytest.mark.parametrize("dt_s", [0.1, 1.0, 10.0, 1000.0])
def test_the_filter_settles_without_overshoot_for_any_step(dt_s: float) -> None:
    feed_forward = HeatFeedForward(FeedForwardSettings(share=0.9, filter_time_s=120.0))
    seen = [feed_forward.step(1000.0, NO_PREVIEW, dt_s=dt_s) for _ in range(round(2000.0 / dt_s) + 10)]
    assert seen == sorted(seen)
    assert seen[-1] == pytest.approx(900.0, rel=1e-4)


def test_an_unknown_heat_leaves_the_last_one_standing() -> None:
    feed_forward = HeatFeedForward(FeedForwardSettings())
    before = feed_forward.step(1000.0, NO_PREVIEW, dt_s=10.0)
    assert feed_forward.step(nan, NO_PREVIEW, dt_s=10.0) == before
    feed_forward.reset()
    assert feed_forward.step(nan, NO_PREVIEW, dt_s=10.0) == 0.0


def test_the_gain_factor_is_the_product_over_ambient_and_flow() -> None:
    schedule = GainScheduleSettings(
        ambient_temp_degc=(0.0, 40.0), ambient_factor=(1.0, 2.0), flow=(0.0, 1.0), flow_factor=(0.5, 1.0)
    )
    assert schedule.factor(20.0, 0.5) == pytest.approx(1.5 * 0.75)
    assert schedule.factor(99.0, 1.0) == 2.0


def test_unknown_weather_or_flow_still_gives_a_factor() -> None:
    schedule = GainScheduleSettings()
    assert schedule.factor(nan, 1.0) == schedule.factor(20.0, 1.0)
    assert schedule.factor(20.0, nan) == schedule.factor(20.0, 0.0)


@pytest.mark.parametrize(
    "settings",
    [
        {"flow": [0.0, 1.0]},
        {"ambient_temp_degc": [0.0, 0.0, 1.0, 2.0]},
        {"flow_factor": [1.0, 0.0, 1.0]},
        {"flow_factor": []},
    ],
)
def test_a_table_that_does_not_fit_is_refused(settings: dict[str, list[float]]) -> None:
    with pytest.raises(ConfigError):
        parse(GainScheduleSettings, settings, "test")
