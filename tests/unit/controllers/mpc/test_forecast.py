"""What is expected: the preview as far as it is trusted, then the long-run mean, never the last value."""

from itertools import pairwise

import numpy as np
import pytest

from controllers.mpc.forecast import Forecast, told_means
from controllers.mpc.grid import build_grid
from controllers.mpc.settings import ForecastSettings, GridSettings
from thermal_bms.signals import NO_PREVIEW, Preview

GRID = build_grid(GridSettings())


def climbing(heat_w: float = 20e3, usual_w: float = 4e3) -> Forecast:
    """A truck that drove for hours at one heat and has climbed for a minute."""
    forecast = Forecast(ForecastSettings())
    for _ in range(2000):
        forecast.learn(usual_w, plugged=False, dt_s=20.0)
    forecast.learn(heat_w, plugged=False, dt_s=20.0)
    return forecast


def told(heat_w: float, minutes: int, confidence: float = 1.0) -> Preview:
    time_s = 60.0 * np.arange(minutes)
    return Preview(time_s, np.full(minutes, heat_w), np.full(minutes, 10.0), confidence=confidence)


def test_without_a_preview_the_heat_of_now_decays_to_the_long_run_mean() -> None:
    heat_w = climbing().heat_w(GRID, NO_PREVIEW, plugged=False)
    assert heat_w[0] == pytest.approx(20e3, rel=0.03)
    assert heat_w[-1] == pytest.approx(4e3, rel=0.05)
    assert np.all(np.diff(heat_w) <= 0.0)


def test_a_trusted_preview_replaces_what_is_known_without_it() -> None:
    heat_w = climbing().heat_w(GRID, told(9e3, 120), plugged=False)
    assert heat_w == pytest.approx(np.full(60, 9e3))


def test_a_half_trusted_preview_is_half_believed() -> None:
    alone = climbing().heat_w(GRID, NO_PREVIEW, plugged=False)
    half = climbing().heat_w(GRID, told(9e3, 120, confidence=0.5), plugged=False)
    assert half == pytest.approx(0.5 * (9e3 + alone))


def test_behind_the_end_of_the_preview_the_long_run_mean_counts() -> None:
    heat_w = climbing().heat_w(GRID, told(9e3, 11), plugged=False)
    assert heat_w[0] == pytest.approx(9e3)
    assert heat_w[-1] == pytest.approx(4e3, rel=0.05)


@pytest.mark.parametrize(
    "bad",
    [
        Preview(np.array([0.0, 60.0]), np.array([1e3, np.nan]), np.zeros(2), confidence=1.0),
        Preview(np.array([60.0, 0.0]), np.array([1e3, 1e3]), np.zeros(2), confidence=1.0),
        Preview(np.array([0.0, 60.0]), np.array([1e3, 1e3]), np.zeros(2), confidence=float("nan")),
        Preview(np.array([900.0, 960.0]), np.array([1e3, 1e3]), np.zeros(2), confidence=1.0),
        Preview(np.array([0.0]), np.array([1e3]), np.zeros(1), confidence=1.0),
    ],
)
def test_a_preview_that_makes_no_sense_is_not_used(bad: Preview) -> None:
    alone = climbing().heat_w(GRID, NO_PREVIEW, plugged=False)
    assert climbing().heat_w(GRID, bad, plugged=False) == pytest.approx(alone)


def test_driving_and_charging_have_means_of_their_own() -> None:
    forecast = climbing()
    forecast.learn(30e3, plugged=True, dt_s=20.0)
    assert forecast.long_run_w(plugged=True) == 30e3
    assert forecast.long_run_w(plugged=False) == pytest.approx(4e3, rel=0.05)
    forecast.learn(float("nan"), plugged=True, dt_s=20.0)
    assert forecast.long_run_w(plugged=True) == 30e3


def test_a_stage_gets_the_mean_of_the_curve_over_its_length() -> None:
    time_s = np.linspace(0.0, 5000.0, 301)
    values = 1e3 + 5.0 * np.sin(time_s / 700.0)
    found = told_means(GRID, time_s, values)
    assert found is not None
    means, known = found
    assert np.all(known == 1.0)
    edges = np.append(0.0, GRID.end_s)
    exact = [np.interp(np.linspace(a, b, 2001), time_s, values).mean() for a, b in pairwise(edges)]
    assert means == pytest.approx(np.array(exact), rel=1e-5)


def test_the_weather_changes_as_foretold_from_what_is_measured() -> None:
    warmer = Preview(np.array([0.0, 6000.0]), np.zeros(2), np.array([10.0, 16.0]), confidence=1.0)
    ambient = Forecast.ambient_degc(GRID, warmer, 13.0)
    assert ambient[0] == pytest.approx(13.01, abs=0.01)
    assert ambient[-1] == pytest.approx(13.0 + 6.0 * 4500.0 / 6000.0, abs=1e-6)
    assert Forecast.ambient_degc(GRID, NO_PREVIEW, 13.0) == pytest.approx(np.full(60, 13.0))
