import math

import numpy as np
import pytest

from plant_models import chiller, refrigerant
from plant_models.chiller import (
    ChillerParameters,
    build_chiller,
    chiller_step,
    chiller_stored_heat_j,
    exchange_w_per_k,
    new_chiller_state,
    sized_for,
)
from plant_models.refrigerant import load_refrigerant, saturation_pressure_pa
from thermal_bms.errors import ConfigError
from thermal_bms.parameters import parse
from thermal_bms.units import degc_to_k

RATED_W = 10000.0
COOLANT_W_PER_K = RATED_W / 8.5
AIR_W_PER_K = 1150.0


class Bench:
    """A chiller on a test bench: constant inlets, any of them changed per call."""

    def __init__(self, parameters=None, ambient_degc=40.0):
        self.p, self.s, self.table = build_chiller(
            parameters or sized_for(RATED_W), ambient_k=degc_to_k(ambient_degc)
        )
        self.inputs = {
            "duty": 1.0,
            "coolant_k": 298.15,
            "coolant_w_per_k": COOLANT_W_PER_K,
            "air_k": degc_to_k(ambient_degc),
            "air_w_per_k": AIR_W_PER_K,
            "cabin_w": 0.0,
            "cabin_k": 298.15,
            "coolant_min_k": 273.15,
        }

    def run(self, seconds, *, dt_s=1.0, step=chiller_step, **changes):
        """Return the history of the state's fields over the run, one row per step."""
        arguments = tuple((self.inputs | changes).values())
        rows = []
        for _ in range(round(seconds / dt_s)):
            step(self.p[0], self.s[0], self.table, *arguments, dt_s)
            rows.append(self.s[0].copy())
        return np.array(rows, dtype=self.s.dtype)


@pytest.mark.parametrize("refrigerant", ["r1234yf", "r134a"])
@pytest.mark.parametrize("capacity_w", [3000.0, 10000.0, 20000.0])
def test_a_chiller_sized_for_a_capacity_delivers_it_at_its_rating(capacity_w, refrigerant):
    parameters = sized_for(capacity_w, 40.0, refrigerant=refrigerant)
    bench = Bench(parameters)
    air_w_per_k = -parameters.condenser_conductance_w_per_k / math.log(1.0 - 12.0 / 18.0)
    last = bench.run(900.0, coolant_w_per_k=capacity_w / 8.5, air_w_per_k=air_w_per_k)[-1]
    assert last["evaporator_heat_w"] == pytest.approx(capacity_w, rel=1e-3)
    assert last["evaporating_k"] == pytest.approx(degc_to_k(8.0), abs=0.05)
    assert last["condensing_k"] == pytest.approx(degc_to_k(58.0), abs=0.05)


def test_capacity_and_efficiency_fall_as_ambient_rises():
    ends = [Bench(ambient_degc=ambient).run(900.0)[-1] for ambient in (25.0, 35.0, 40.0, 45.0)]
    capacities = [end["evaporator_heat_w"] for end in ends]
    efficiencies = [end["evaporator_heat_w"] / end["compressor_power_w"] for end in ends]
    assert capacities == sorted(capacities, reverse=True)
    assert efficiencies == sorted(efficiencies, reverse=True)
    assert 2.0 < efficiencies[2] < 3.0


@pytest.mark.parametrize("ambient_degc", [25.0, 35.0, 40.0, 45.0])
def test_cooling_starts_with_a_lag_of_twenty_to_sixty_seconds(ambient_degc):
    heat_w = Bench(ambient_degc=ambient_degc).run(900.0)["evaporator_heat_w"]
    lag_s = 1.0 + np.argmax(heat_w >= 0.632 * heat_w[-1])
    assert 20.0 <= lag_s <= 60.0


def test_pressures_are_those_of_saturated_refrigerant():
    table = load_refrigerant("r1234yf")
    last = Bench().run(600.0)[-1]
    assert last["suction_pressure_pa"] == pytest.approx(
        saturation_pressure_pa(table, last["evaporating_k"]), rel=0.01
    )
    assert last["discharge_pressure_pa"] == pytest.approx(
        saturation_pressure_pa(table, last["condensing_k"]), rel=0.01
    )


def test_steady_state_balances_heat_and_power():
    last = Bench().run(3600.0, cabin_w=2000.0)[-1]
    taken_w = last["evaporator_heat_w"] + last["cabin_heat_w"] + last["compressor_power_w"]
    assert last["condenser_heat_w"] == pytest.approx(taken_w - last["compressor_loss_w"], rel=1e-9)
    assert last["compressor_loss_w"] == pytest.approx(0.05 * last["compressor_power_w"])


@pytest.mark.parametrize("dt_s", [0.05, 1.0, 10.0])
def test_stored_heat_changes_by_exactly_what_crosses_the_boundary(dt_s):
    bench = Bench()
    before_j = chiller_stored_heat_j(bench.p[0], bench.s[0])
    flows = [
        bench.run(100.0, dt_s=dt_s),
        bench.run(60.0, dt_s=dt_s, cabin_w=4000.0),
        bench.run(30.0, dt_s=dt_s, air_w_per_k=0.0),
        bench.run(200.0, dt_s=dt_s, duty=0.0),
        bench.run(30.0, dt_s=dt_s, coolant_w_per_k=0.0),
    ]
    rows = np.concatenate(flows)
    into_w = rows["evaporator_heat_w"] + rows["cabin_heat_w"] + rows["compressor_power_w"]
    net_j = np.sum(into_w - rows["compressor_loss_w"] - rows["condenser_heat_w"]) * dt_s
    moved_j = np.sum(into_w) * dt_s
    assert chiller_stored_heat_j(bench.p[0], bench.s[0]) - before_j == pytest.approx(
        net_j, abs=1e-12 * moved_j
    )


def test_long_and_short_steps_move_the_same_heat():
    energy_j = {
        dt_s: np.sum(Bench().run(300.0, dt_s=dt_s)["evaporator_heat_w"]) * dt_s for dt_s in (0.05, 1.0, 10.0)
    }
    assert energy_j[10.0] == pytest.approx(energy_j[1.0], rel=1e-9)
    assert energy_j[1.0] == pytest.approx(energy_j[0.05], rel=0.005)


def test_duty_below_minimum_speed_leaves_the_compressor_off():
    bench = Bench()
    least = bench.p[0].speed_min_rpm / bench.p[0].speed_max_rpm
    assert bench.run(100.0, duty=0.99 * least)["compressor_power_w"].max() == 0.0
    assert bench.run(100.0, duty=1.01 * least)["compressor_speed_rpm"][-1] >= bench.p[0].speed_min_rpm


@pytest.mark.parametrize("duty", [math.nan, -1.0, 0.0])
def test_a_duty_that_asks_for_nothing_leaves_the_compressor_off(duty):
    assert Bench().run(100.0, duty=duty)["starts"][-1] == 0.0


def test_a_duty_above_one_is_full_speed():
    assert Bench().run(100.0, duty=7.0)["compressor_speed_rpm"].max() == 8600.0


def test_compressor_starts_after_its_delay_and_ramps():
    rows = Bench().run(60.0)
    assert np.all(rows["compressor_speed_rpm"][:5] == 0.0)
    assert rows["compressor_speed_rpm"][5] >= 800.0
    assert np.diff(rows["compressor_speed_rpm"][5:]).max() <= 400.0 + 1e-9


def test_minimum_on_time_keeps_a_started_compressor_running():
    bench = Bench()
    bench.run(6.0)
    running = bench.run(100.0, duty=0.0)["running"]
    assert running[:59].all()
    assert not running[59:].any()


def test_minimum_off_time_keeps_a_stopped_compressor_off():
    bench = Bench()
    bench.run(100.0)
    bench.run(1.0, duty=0.0)
    running = bench.run(70.0)["running"]
    assert not running[:59].any()
    assert running[59:].all()


def test_high_pressure_trips_without_air_and_resets_only_below_the_restart_pressure():
    bench = Bench()
    rows = bench.run(120.0, air_w_per_k=0.0)
    trip = int(np.argmax(rows["tripped"]))
    assert rows["tripped"][trip] == 1.0
    assert rows["discharge_pressure_pa"][trip - 1] >= 2.74e6
    assert rows["discharge_pressure_pa"].max() < 2.74e6 * 1.05
    held = bench.run(600.0, duty=0.0, air_w_per_k=0.0)
    assert np.all(held["running"] == 0.0)
    reset = int(np.argmin(held["tripped"]))
    assert held["discharge_pressure_pa"][reset - 1] <= 2.06e6 < held["discharge_pressure_pa"][reset - 2]


def test_high_pressure_stops_the_compressor_inside_its_minimum_on_time():
    rows = Bench().run(120.0, air_w_per_k=0.0)
    assert rows["on_time_s"].max() < 60.0
    assert rows["running"][int(np.argmax(rows["tripped"]))] == 0.0


def test_evaporator_is_held_at_its_limit_by_lowering_the_speed():
    bench = Bench(ambient_degc=30.0)
    rows = bench.run(600.0, coolant_k=283.15, coolant_min_k=250.0)
    assert rows["evaporating_k"].min() >= 273.15 - 0.05
    assert 800.0 < rows["compressor_speed_rpm"][-1] < 8000.0
    assert rows["running"][-1] == 1.0


def test_without_coolant_flow_the_compressor_stops_before_the_evaporator_freezes():
    rows = Bench().run(1800.0, coolant_w_per_k=0.0)
    assert rows["evaporator_heat_w"].max() == 0.0
    assert rows["evaporating_k"].min() > 273.15 - 5.0 - 0.5
    assert rows["running"].mean() < 0.7


def test_a_far_too_cold_evaporator_stops_the_compressor_inside_its_minimum_on_time():
    bench = Bench(sized_for(RATED_W).model_copy(update={"on_time_min_s": 3600.0}))
    rows = bench.run(900.0, coolant_w_per_k=0.0)
    stop = int(np.argmax(np.diff(rows["running"]) < 0.0))
    assert rows["evaporating_k"][stop] < 273.15 - 5.0
    assert rows["on_time_s"][stop] < 3600.0


def test_a_cold_evaporator_must_warm_up_before_the_next_start():
    rows = Bench().run(1800.0, coolant_w_per_k=0.0)
    starts = np.flatnonzero(np.diff(rows["starts"]) > 0.0)
    assert len(starts) >= 3
    assert np.all(rows["evaporating_k"][starts] >= 273.15 + 3.0)


@pytest.mark.parametrize("coolant_degc", [18.0, 20.5, 22.0, 30.0])
def test_coolant_never_leaves_colder_than_allowed(coolant_degc):
    rows = Bench().run(900.0, coolant_k=degc_to_k(coolant_degc), coolant_min_k=degc_to_k(20.0))
    outlet_degc = coolant_degc - rows["evaporator_heat_w"] / COOLANT_W_PER_K
    assert np.all(outlet_degc >= min(coolant_degc, 20.0) - 1e-9)


def test_capacity_is_lowered_to_hold_the_lowest_coolant_temperature():
    last = Bench().run(900.0, coolant_k=295.15, coolant_min_k=293.15)[-1]
    assert last["evaporator_heat_w"] == pytest.approx(2.0 * COOLANT_W_PER_K, rel=1e-6)
    assert last["compressor_speed_rpm"] < 2000.0


def test_coolant_at_its_lowest_temperature_does_not_start_the_compressor():
    assert Bench().run(300.0, coolant_k=293.15, coolant_min_k=293.15)["starts"][-1] == 0.0


def test_a_plate_warmer_than_the_coolant_does_not_heat_it():
    rows = Bench(ambient_degc=45.0).run(60.0, coolant_k=278.15, duty=0.0)
    assert np.all(rows["evaporator_heat_w"] == 0.0)


def test_a_cold_plate_still_cools_the_coolant_after_the_compressor_stops():
    bench = Bench()
    bench.run(300.0)
    rows = bench.run(300.0, duty=0.0)
    assert rows["evaporator_heat_w"][0] > 5000.0
    assert np.all(np.diff(rows["evaporator_heat_w"]) <= 0.0)
    assert rows["evaporator_heat_w"][-1] < 50.0


def test_a_circuit_that_stands_returns_to_ambient_temperature():
    bench = Bench()
    bench.run(300.0)
    last = bench.run(4 * 3600.0, dt_s=10.0, duty=0.0, coolant_w_per_k=0.0, air_w_per_k=0.0)[-1]
    assert last["evaporating_k"] == pytest.approx(313.15, abs=0.5)
    assert last["condensing_k"] == pytest.approx(313.15, abs=0.5)
    assert last["suction_pressure_pa"] == pytest.approx(last["discharge_pressure_pa"], rel=0.02)


def test_the_cabin_is_served_before_the_battery():
    bench = Bench()
    alone_w = bench.run(900.0, duty=0.3)[-1]["evaporator_heat_w"]
    rows = bench.run(900.0, duty=0.3, cabin_w=4500.0)
    assert rows["cabin_heat_w"][-1] == pytest.approx(4500.0, rel=1e-6)
    assert 0.0 < rows["evaporator_heat_w"][-1] < 1.2 * alone_w
    unserved = rows["cabin_heat_w"] < 4500.0 - 1e-6
    assert unserved.any()
    assert np.all(rows["evaporator_heat_w"][unserved] == 0.0)


def test_the_cabin_runs_the_compressor_without_cooling_the_battery():
    last = Bench().run(900.0, duty=0.0, cabin_w=3000.0)[-1]
    assert last["cabin_heat_w"] == pytest.approx(3000.0, rel=1e-3)
    assert last["evaporator_heat_w"] == 0.0
    assert last["compressor_power_w"] > 300.0


def test_a_cabin_that_asks_for_more_than_it_can_get_takes_what_its_evaporator_passes():
    last = Bench().run(900.0, duty=1.0, cabin_w=50000.0)[-1]
    assert last["cabin_heat_w"] == pytest.approx(300.0 * (25.0 - 1.0), rel=1e-6)
    assert last["evaporating_k"] <= 273.15 + 1.0 + 1e-6


def test_a_small_cabin_load_runs_the_compressor_at_minimum_speed_and_leaves_the_battery_alone():
    rows = Bench().run(300.0, duty=0.0, cabin_w=300.0)
    assert rows["compressor_speed_rpm"][-1] == 800.0
    assert rows["cabin_heat_w"][-1] == 300.0
    assert rows["evaporator_heat_w"].max() == 0.0


def test_expansion_valve_limits_suction_pressure_with_hot_coolant():
    rows = Bench(ambient_degc=45.0).run(600.0, coolant_k=degc_to_k(50.0), coolant_w_per_k=5000.0)
    most_pa = saturation_pressure_pa(load_refrigerant("r1234yf"), degc_to_k(20.0))
    assert rows["evaporating_k"][-1] > degc_to_k(22.0)
    assert rows["suction_pressure_pa"][-1] == pytest.approx(most_pa, rel=1e-3)


def test_head_pressure_is_held_above_suction_with_cold_air():
    last = Bench(ambient_degc=5.0).run(900.0, duty=0.2, air_w_per_k=5000.0)[-1]
    table = load_refrigerant("r1234yf")
    assert last["condensing_k"] < last["evaporating_k"]
    assert last["discharge_pressure_pa"] == pytest.approx(
        saturation_pressure_pa(table, last["evaporating_k"] + 10.0), rel=0.01
    )
    assert last["compressor_power_w"] > 0.03 * last["evaporator_heat_w"]


def test_power_belongs_to_the_temperatures_at_the_end_of_the_step():
    bench = Bench()
    bench.run(15.0)
    for row in bench.run(30.0):
        at_end = chiller.refrigerant_flows(
            bench.p[0], bench.table, row["compressor_speed_rpm"], row["evaporating_k"], row["condensing_k"]
        )
        assert row["compressor_power_w"] == pytest.approx(at_end[2], rel=1e-4)


def test_more_coolant_or_air_flow_gives_more_cooling():
    base = Bench().run(900.0)[-1]["evaporator_heat_w"]
    assert Bench().run(900.0, coolant_w_per_k=2.0 * COOLANT_W_PER_K)[-1]["evaporator_heat_w"] > base
    assert Bench().run(900.0, air_w_per_k=2.0 * AIR_W_PER_K)[-1]["evaporator_heat_w"] > base


def test_exchange_tends_to_flow_and_to_conductance_at_its_ends():
    assert exchange_w_per_k(800.0, 0.0) == 0.0
    assert exchange_w_per_k(800.0, 1.0) == pytest.approx(1.0)
    assert exchange_w_per_k(800.0, 1e9) == pytest.approx(800.0, rel=1e-6)


def plain_step(monkeypatch):
    """Return the step in plain Python, every kernel that it calls included."""
    for module in (chiller, refrigerant):
        for name, value in list(vars(module).items()):
            if hasattr(value, "py_func"):
                monkeypatch.setattr(module, name, value.py_func)
    return chiller.chiller_step


@pytest.mark.parametrize("cabin_w", [0.0, 3000.0])
@pytest.mark.parametrize("dt_s", [1.0, 4.0])
def test_compiled_step_equals_plain_python(monkeypatch, dt_s, cabin_w):
    phases = [(120.0, {"cabin_w": cabin_w}), (80.0, {"duty": 0.0}), (80.0, {"air_w_per_k": 0.0})]
    compiled, plain = Bench(), Bench()
    fast = np.concatenate([compiled.run(seconds, dt_s=dt_s, **changes) for seconds, changes in phases])
    step = plain_step(monkeypatch)
    slow = np.concatenate(
        [plain.run(seconds, dt_s=dt_s, step=step, **changes) for seconds, changes in phases]
    )
    for name in fast.dtype.names:
        assert fast[name] == pytest.approx(slow[name], rel=1e-9, abs=1e-6), name


def test_a_step_of_no_length_changes_nothing():
    bench = Bench()
    bench.run(50.0)
    before = bench.s.copy()
    chiller_step(bench.p[0], bench.s[0], bench.table, *bench.inputs.values(), 0.0)
    assert bench.s == before


def test_a_new_state_is_at_ambient_and_free_to_start():
    state = new_chiller_state(290.0)[0]
    assert (state.evaporating_k, state.condensing_k, state.tripped) == (290.0, 290.0, 0.0)
    assert state.off_time_s >= 3600.0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"speed_min_rpm": 9000.0}, "speed_min_rpm must be < speed_max_rpm"),
        ({"high_pressure_restart_pa": 2.8e6}, "must be < high_pressure_cutout_pa"),
        ({"evaporating_min_degc": 15.0, "evaporating_max_degc": 10.0}, "must be < evaporating_max_degc"),
        ({"displacement_m3": -1.0}, "displacement_m3 = -1.0: must be > 0.000001"),
        ({"start_dely_s": 1.0}, "did you mean start_delay_s"),
    ],
)
def test_parameters_that_contradict_themselves_are_refused(change, message):
    with pytest.raises(ConfigError, match=message):
        parse(ChillerParameters, sized_for(RATED_W).model_dump() | change, "truck.toml")


def test_a_cut_out_beyond_the_refrigerant_table_is_refused():
    parameters = sized_for(RATED_W).model_copy(update={"high_pressure_cutout_pa": 5e6})
    with pytest.raises(ConfigError, match="end of the r1234yf table"):
        build_chiller(parameters, ambient_k=300.0)


@pytest.mark.parametrize(
    ("rating", "message"),
    [
        ({"capacity_w": -5.0}, "capacity_w = -5: must be from 100 to 200000"),
        ({"capacity_w": 1e4, "coolant_drop_k": 20.0}, "coolant_drop_k = 20"),
        ({"capacity_w": 1e4, "air_rise_k": 30.0}, "air_rise_k = 30"),
        ({"capacity_w": 1e4, "ambient_degc": 80.0}, "condensing_rise_k = 98: must be from 20 to 90"),
    ],
)
def test_a_rating_that_makes_no_sense_is_refused(rating, message):
    with pytest.raises(ConfigError, match=message):
        sized_for(**rating)
