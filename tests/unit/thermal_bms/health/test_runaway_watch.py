import math
from dataclasses import replace
from typing import Any

from tests.unit.thermal_bms import bms_samples
from tests.unit.thermal_bms.bms_samples import PACK
from thermal_bms.health.runaway_watch import DROP_V, QUANTITY, RunawayWatch
from thermal_bms.plausibility import Checked, Found

OHM = 1e-3
N = PACK.n_series


def healthy() -> Checked:
    return bms_samples.checked()


def with_drop(drop_v: float, *, real: bool = True, **more: Any) -> Checked:
    """Return a sample whose second string has one group ``drop_v`` lower, in truth or by its sensor alone."""
    c = healthy()
    mean_v = c.cell_voltage_mean_v[1] - drop_v / N
    string_v = c.string_voltage_v[1] - (drop_v if real else 0.0)
    return replace(
        c,
        cell_voltage_min_v=[
            c.cell_voltage_min_v[0],
            c.cell_voltage_min_v[1] - drop_v,
            c.cell_voltage_min_v[2],
        ],
        cell_voltage_mean_v=[c.cell_voltage_mean_v[0], mean_v, c.cell_voltage_mean_v[2]],
        string_voltage_v=[c.string_voltage_v[0], string_v, c.string_voltage_v[2]],
        **more,
    )


def hot(temp_degc: float) -> Checked:
    c = healthy()
    return replace(c, cell_temp_max_degc=[c.cell_temp_max_degc[0], temp_degc, c.cell_temp_max_degc[2]])


def watched() -> RunawayWatch:
    watch = RunawayWatch(PACK.n_strings, N)
    for _ in range(10):
        assert look(watch, healthy()) == {}
    return watch


def look(watch: RunawayWatch, seen: Checked, soc: float = 0.5) -> Found:
    return watch.findings(seen, soc=soc, resistance_ohm=OHM, dt_s=1.0)


def test_a_group_that_loses_voltage_is_found_in_its_string() -> None:
    assert look(watched(), with_drop(0.3)) == {QUANTITY: [0.0, 1.0, 0.0]}


def test_just_below_the_threshold_nothing_is_found() -> None:
    assert look(watched(), with_drop(0.95 * DROP_V)) == {}


def test_a_broken_sense_wire_is_no_runaway() -> None:
    assert look(watched(), with_drop(3.3, real=False)) == {}


def test_a_weak_group_under_load_is_no_runaway() -> None:
    assert look(watched(), with_drop(0.1, current_a=[0.0, 300.0, 0.0])) == {}


def test_at_the_ends_of_charge_only_a_dead_group_counts() -> None:
    assert look(watched(), with_drop(0.3), soc=0.02) == {}
    assert look(watched(), with_drop(3.0), soc=0.02) == {QUANTITY: [0.0, 1.0, 0.0]}


def test_a_cell_that_heats_itself_is_found_before_any_limit_of_temperature() -> None:
    watch, found_at = watched(), math.nan
    for n in range(120):
        if look(watch, hot(25.0 + 0.3 * n)) and math.isnan(found_at):
            found_at = 25.0 + 0.3 * n
    assert 35.0 < found_at < 45.0


def test_a_sensor_that_jumps_is_no_runaway() -> None:
    watch = watched()
    assert all(look(watch, hot(90.0)) == {} for _ in range(100))


def test_a_slow_warming_is_no_runaway() -> None:
    watch = watched()
    assert all(look(watch, hot(25.0 + n / 120.0)) == {} for n in range(3600))


def test_missing_values_raise_nothing() -> None:
    watch, gone = watched(), [math.nan] * 3
    c = replace(
        healthy(),
        cell_voltage_min_v=gone, cell_voltage_mean_v=gone, cell_temp_max_degc=gone, string_voltage_v=gone,
    )  # fmt: skip
    assert look(watch, c) == {}
    assert look(watch, healthy()) == {}


def test_a_watch_forgets_when_it_is_reset() -> None:
    watch = watched()
    watch.reset()
    assert look(watch, with_drop(0.3)) == {}
