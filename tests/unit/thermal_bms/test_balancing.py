"""Balancing: what is noted at rest, how it is counted down, and what keeps a string from being balanced."""

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from tests.unit.thermal_bms.bms_samples import PACK, measured
from thermal_bms.balancing import Balancing, BalancingSettings, Currents
from thermal_bms.description import BalancerDescription, CircuitDescription
from thermal_bms.faults import PACK as WHOLE_PACK
from thermal_bms.faults import Fault, FaultCode, Severity
from thermal_bms.plausibility import Plausibility
from thermal_bms.signals import VehicleMode
from thermal_bms.units import FloatArray

SLOPE_V = (3.2 - 2.8) / 0.1  # of the sample's open-circuit voltage below 10 % charge
LOW_V = 3.0  # 5 % charge
QUICK = {"start_soc": 0.01, "rest_s": 60.0, "readings": 2, "period_s": 10.0, "assess_every_s": 600.0}


class Bench:
    """A string 0 whose groups have the given charge above 5 %, and a balancer that obeys."""

    def __init__(self, off_soc: dict[int, float], *, reach: int | None = None, **settings: Any) -> None:
        balancer = BalancerDescription(current_max_a=1.0, reach=reach)
        self.unit = Balancing(PACK, balancer, BalancingSettings(**(QUICK | settings)))
        self.plausibility = Plausibility(PACK)
        self.volts: FloatArray = np.full((PACK.n_strings, PACK.n_series), LOW_V)
        for group, soc in off_soc.items():
            self.volts[0, group] += SLOPE_V * soc
        self.time_s = 0.0
        self.faults: list[Fault] = []

    def step(self, dt_s: float = 10.0, *, wake: bool = True, tick_s: float = 10.0, **more: Any) -> Currents:
        self.time_s += dt_s
        self.volts += 1e-9  # sensors that never move would count as frozen
        measurement = measured(self.time_s, **({"cell_voltage_v": self.volts.copy()} | more))
        checked = self.plausibility.check(measurement, tick_s)
        return self.unit.step(checked, self.faults, tick_s, wake=wake)

    def steps(self, n: int, **more: Any) -> Currents:
        for _ in range(n):
            result = self.step(**more)
        return result


def test_charge_to_take_is_noted_after_a_rest_and_several_readings() -> None:
    bench = Bench({3: 0.04})
    assert bench.steps(6) == ()
    assert bench.step() == ()  # the second reading
    wanted = bench.step()
    assert wanted[0][3] == 1.0
    assert sum(map(sum, wanted)) == 1.0
    expected_as = (0.04 - 0.5 * 0.003) * PACK.capacity_ah * 3600.0
    assert bench.unit.to_take_as(0)[3] == pytest.approx(expected_as, rel=1e-6)


def test_the_count_goes_down_by_what_was_taken_whatever_the_pack_does() -> None:
    bench = Bench({3: 0.04})
    bench.steps(8)
    before_as = bench.unit.to_take_as(0)[3]
    bench.steps(10, string_current_a=np.full(3, 80.0))
    assert before_as - bench.unit.to_take_as(0)[3] == pytest.approx(100.0)


def test_balancing_ends_at_the_count_and_does_not_overrun_it() -> None:
    bench = Bench({3: 0.012}, start_soc=0.01)
    bench.unit._strings[0].assessed_s = 0.0
    bench.unit._strings[0].to_take_as[3] = 25.0
    assert bench.step()[0][3] == 1.0
    assert bench.step()[0][3] == 1.0
    assert bench.step()[0][3] == pytest.approx(0.5)
    assert bench.step() == ()
    assert bench.unit.to_take_as(0)[3] == pytest.approx(0.0, abs=1e-9)


def test_before_a_sleep_the_current_is_spread_and_the_sleep_is_counted() -> None:
    bench = Bench({3: 0.01}, asleep_s=3600.0)
    string = bench.unit._strings[0]
    string.assessed_s, string.to_take_as[3] = 0.0, 1800.0
    bench.step()
    assert bench.step(wake=False)[0][3] == pytest.approx((1800.0 - 10.0) / 3600.0)
    bench.step(dt_s=7200.0)  # more than asleep_s: the balancer stopped by itself
    assert string.to_take_as[3] == pytest.approx(0.0, abs=1e-6)


def test_between_decisions_the_same_command_stands() -> None:
    bench = Bench({3: 0.04}, period_s=60.0)
    bench.unit._strings[0].assessed_s, bench.unit._strings[0].to_take_as[3] = 0.0, 1000.0
    first = bench.steps(6)
    assert first[0][3] == 1.0
    assert bench.step() is first


def test_a_difference_below_the_start_is_left_alone() -> None:
    bench = Bench({3: 0.009})
    assert bench.steps(20) == ()


def test_a_flat_open_circuit_voltage_notes_nothing_and_keeps_the_last_count() -> None:
    bench = Bench({})
    bench.volts[:] = 3.29  # half charge, 0.2 V over all of the charge
    bench.volts[0, 3] = 3.30
    assert bench.steps(20) == ()
    bench.unit._strings[0].to_take_as[4] = 1000.0
    wanted = bench.steps(20)
    assert wanted[0][4] == 1.0
    assert wanted[0][3] == 0.0


def test_voltages_that_reach_from_steep_into_flat_tell_nothing() -> None:
    bench = Bench({})
    bench.volts[0, 3] = 3.25
    assert bench.steps(20) == ()


def test_current_ends_a_rest_and_voids_its_readings() -> None:
    bench = Bench({3: 0.04})
    bench.steps(6)
    bench.step(string_current_a=np.full(3, 50.0))
    assert bench.steps(7) == ()
    assert bench.step()[0][3] == 1.0


def test_converters_take_from_the_full_and_give_to_the_empty() -> None:
    bench = Bench({3: 0.04, 7: -0.04}, reach=0)
    wanted = bench.steps(8)
    assert (wanted[0][3], wanted[0][7]) == (1.0, -1.0)
    assert bench.unit.to_take_as(0).sum() == pytest.approx(0.0, abs=1e-6)


def test_within_a_module_the_target_is_its_own_mean() -> None:
    bench = Bench(dict.fromkeys(range(10), 0.04), reach=10)  # module 0 fuller than module 1, each even
    assert bench.steps(20) == ()
    bench = Bench({3: 0.04}, reach=10)
    bench.steps(8)
    assert bench.unit.to_take_as(0)[10:] == pytest.approx(0.0)
    assert (bench.unit.to_take_as(0)[:3] < 0.0).all()


def test_by_voltage_a_group_is_drained_until_the_lower_threshold() -> None:
    bench = Bench({3: 0.02}, method="voltage", start_v=0.015, stop_v=0.006)
    bench.steps(5)
    assert bench.step()[0][3] == 1.0
    bench.volts[0, 3] = LOW_V + 0.010
    assert bench.step()[0][3] == 1.0
    bench.volts[0, 3] = LOW_V + 0.005
    assert bench.step() == ()
    bench.volts[0, 3] = LOW_V + 0.010
    assert bench.step() == ()


def test_by_voltage_the_top_of_a_charge_counts_as_a_rest_does() -> None:
    bench = Bench({}, method="voltage", slope_min_v=0.25)
    bench.volts[:] = 3.45
    bench.volts[0, 3] = 3.48
    top: dict[str, Any] = {"vehicle_mode": VehicleMode.CHARGE, "string_current_a": np.full(3, -8.0)}
    assert bench.step(**top)[0][3] == 1.0
    assert bench.step(**(top | {"string_current_a": np.full(3, -30.0)})) == ()


@pytest.mark.parametrize(
    "more",
    [
        {"temp": 71.0},
        {"cell_temp_degc": np.full((3, 4), np.nan)},
        {"volts": 2.4},
        {"volts": np.nan},
    ],
    ids=["hot", "no temperature", "empty", "no voltage"],
)
def test_a_string_that_is_not_fit_is_not_balanced(more: dict[str, Any]) -> None:
    bench = Bench({3: 0.04})
    bench.steps(8)
    if "volts" in more:
        bench.volts[0, 5] = more["volts"]
        more = {}
    assert bench.step(**more) == ()


@pytest.mark.parametrize(
    ("code", "severity", "place", "balances"),
    [
        (FaultCode.CELL_VOLTAGE_SPREAD, Severity.TRIP, 0, True),
        (FaultCode.CELL_VOLTAGE_HIGH, Severity.WARNING, 0, True),
        (FaultCode.CELL_VOLTAGE_HIGH, Severity.TRIP, 1, True),
        (FaultCode.CELL_VOLTAGE_HIGH, Severity.TRIP, 0, False),
        (FaultCode.MEASUREMENT_STALE, Severity.TRIP, WHOLE_PACK, False),
    ],
)
def test_faults_that_trip_stop_balancing_of_their_string(
    code: FaultCode, severity: Severity, place: int, balances: bool
) -> None:
    bench = Bench({3: 0.04})
    bench.steps(8)
    bench.faults = [Fault(code, severity, 0.0, 1.0, 0.0, place)]
    assert bool(bench.step()) is balances


def test_a_reset_forgets_the_counts() -> None:
    bench = Bench({3: 0.04})
    bench.steps(8)
    bench.unit.reset()
    assert bench.step() == ()
    assert not bench.unit.to_take_as(0).any()


@pytest.mark.parametrize(("start", "stop"), [("start_soc", "stop_soc"), ("start_v", "stop_v")])
def test_a_stop_above_its_start_is_refused(start: str, stop: str) -> None:
    with pytest.raises(ValidationError, match=f"{stop} = 0.05 must be < {start} = 0.02"):
        BalancingSettings(**{start: 0.02, stop: 0.05})


def test_no_new_note_is_taken_while_the_last_one_is_being_counted_down() -> None:
    bench = Bench({3: 0.04})
    bench.steps(8)
    bench.volts[0, 9] += SLOPE_V * 0.03
    bench.steps(200)  # much longer than the time between notes
    assert bench.unit.to_take_as(0)[9] == 0.0


def test_the_hysteresis_that_balancing_makes_is_taken_off_again() -> None:
    circuit = CircuitDescription(
        temp_degc=(25.0,), soc=(0.5,), r0_discharge_ohm=((1e-3,),), r0_charge_ohm=((1e-3,),), r1_ohm=((1e-3,),),
        r2_ohm=((1e-3,),), tau1_s=((10.0,),), tau2_s=((100.0,),), hysteresis_v=0.02, hysteresis_rate=50.0,
    )  # fmt: skip
    pack = PACK.model_copy(update={"circuit": circuit})
    bench = Bench({})
    bench.unit = Balancing(pack, BalancerDescription(current_max_a=1.0), BalancingSettings(**QUICK))
    moved_soc = 0.02
    bench.unit._strings[0].taken_as[3] = moved_soc * pack.capacity_ah * 3600.0
    bench.volts[0, 3] -= 0.02 * (1.0 - np.exp(-50.0 * moved_soc))  # it is as full as the others
    assert bench.steps(9) == ()
    assert bench.unit._strings[0].branch[3] == pytest.approx(-(1.0 - np.exp(-1.0)))
    bench.step(string_current_a=np.full(3, 80.0))
    assert not bench.unit._strings[0].branch.any()
