"""Knobs: which settings are tuned, and between which values."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controllers.registry import create
from controllers.tuning import KNOBS, Knob, knobs_of, settings_at, with_ranges
from plant_models.truck_parameters import describe, load_truck
from thermal_bms.errors import ConfigError

TRUCKS = {name: describe(load_truck(name)) for name in ("heavy_lfp", "heavy_nmc", "light_air")}


@pytest.mark.parametrize("controller", list(KNOBS))
@given(data=st.data())
def test_every_point_of_the_ranges_makes_a_controller_for_every_chemistry_and_cooling(
    controller: str, data: st.DataObject
) -> None:
    knobs = knobs_of(controller)
    shares = data.draw(st.lists(st.floats(0.0, 1.0), min_size=len(knobs), max_size=len(knobs)))
    for truck in TRUCKS.values():
        assert create(controller, settings_at(knobs, shares), truck)


def test_a_range_is_covered_from_end_to_end() -> None:
    for knob in (Knob("a", -5.0, 5.0), Knob("b", 10.0, 1000.0, is_log=True)):
        assert knob.value(0.0) == knob.low
        assert knob.value(1.0) == pytest.approx(knob.high)
    assert Knob("b", 10.0, 1000.0, is_log=True).value(0.5) == pytest.approx(100.0)
    assert Knob("a", 0.0, 1.0).value(1.0 / 3.0) == 0.3333


@given(st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_a_knob_above_another_keeps_its_distance(first: float, second: float) -> None:
    found = settings_at((Knob("on", 20.0, 40.0), Knob("off", -6.0, -0.5, above="on")), (first, second))
    assert -6.01 <= found["off"] - found["on"] <= -0.49


def test_a_range_of_the_user_replaces_or_joins_those_known() -> None:
    knobs = with_ranges(knobs_of("pid"), ["response_time_s=200:400", "modes.dwell_s=60:600"])
    assert len(knobs) == len(knobs_of("pid")) + 1
    assert (knobs[0].low, knobs[0].high, knobs[0].is_log) == (200.0, 400.0, True)
    assert settings_at(knobs[-1:], (0.0,)) == {"modes": {"dwell_s": 60.0}}
    assert knobs_of("my/own.py:build") == ()


@pytest.mark.parametrize(
    "text", ["gain", "gain=1", "gain=a:b", "=1:2", "gain=2:1", "gain=1:inf", "gain=1:nan"]
)
def test_a_range_that_is_none_is_one_line_naming_it(text: str) -> None:
    with pytest.raises(ConfigError, match="--range ") as stop:
        with_ranges((), [text])
    assert text in str(stop.value)
    assert "\n" not in str(stop.value)
