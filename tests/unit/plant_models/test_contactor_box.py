"""Switches, resistor, fuse and DC link: closed forms, and the real control cycle at 10 ms."""

import math

import numpy as np
import pytest

from plant_models.contactor_box import (
    AUXILIARY_PORT,
    CHARGER_PORT,
    NEGATIVE,
    POSITIVE,
    PRECHARGE,
    ContactorBox,
    ContactorBoxParameters,
)
from plant_models.truck import Surroundings, Truck
from plant_models.truck_parameters import describe, load_truck
from plant_models.truck_step import PORTS
from tests.unit.thermal_bms.bms_samples import FakeController
from thermal_bms.contactors import ContactorState
from thermal_bms.cycle import ControlUnit, CycleResult, control_cycle
from thermal_bms.signals import NO_PREVIEW, Command, ThermalCommand

P = ContactorBoxParameters()
BASE_OHM = 0.0006
VOLT = 700.0
DT_S = 0.01
ON, OFF = (True,), (False,)


class Bench:
    """One string of a constant voltage behind its box, without a truck."""

    def __init__(self, dt_s: float = DT_S, **parameters: float) -> None:
        self.box = ContactorBox(ContactorBoxParameters(**parameters), 1, BASE_OHM)
        self.dt_s = dt_s
        self.closed, self.contact_ohm = np.zeros(1), np.zeros(1)
        self.ports = np.zeros(len(PORTS))

    def run(
        self, seconds: float, *, positive: bool, negative: bool, precharge: bool, amp: float = 0.0
    ) -> None:
        for _ in range(round(seconds / self.dt_s)):
            self.box.command((positive,), (negative,), (precharge,))
            self.box.connect(np.array([VOLT]), np.array([amp]), self.closed, self.contact_ohm, self.dt_s)
            bus_v = 0.0
            if self.closed[0]:
                bus_v = VOLT - self.box.link_current_a * self.contact_ohm[0]
            self.ports[:] = 0.0
            self.bus_v = self.box.settle(bus_v, self.ports, self.dt_s)


def precharging(bench: Bench, seconds: float) -> Bench:
    bench.run(seconds, positive=False, negative=True, precharge=True)
    return bench


@pytest.mark.parametrize("dt_s", [0.001, 0.005, 0.01])
def test_the_bus_charges_up_like_a_capacitor_behind_a_resistor(dt_s: float) -> None:
    bench = Bench(dt_s, close_time_s=0.0)
    tau_s = P.precharge_ohm * P.link_capacitance_f
    for _ in range(3):
        precharging(bench, 0.1)
    expected_v = VOLT * (1.0 - math.exp(-0.3 / tau_s))
    assert bench.box.link_voltage_v == pytest.approx(expected_v, rel=3e-3)


def test_what_the_string_gives_goes_into_capacitor_and_resistor() -> None:
    bench = Bench(close_time_s=0.0)
    given_j = heat_j = 0.0
    for _ in range(40):
        precharging(bench, DT_S)
        given_j += VOLT * bench.box.link_current_a * DT_S
        heat_j += bench.box.link_current_a**2 * (P.precharge_ohm + BASE_OHM) * DT_S
    assert given_j - heat_j == pytest.approx(bench.box.stored_energy_j, rel=1e-9)


def test_half_of_what_a_whole_precharge_takes_warms_the_resistor() -> None:
    bench = precharging(Bench(), 2.0)
    full_j = 0.5 * P.link_capacitance_f * VOLT**2
    rise_k = full_j / P.precharge_heat_capacity_j_per_k
    assert bench.box.resistor_temp_degc[0] - 25.0 == pytest.approx(rise_k, rel=0.05)


def test_a_bus_left_alone_runs_down_below_sixty_volts_within_two_minutes() -> None:
    bench = precharging(Bench(), 2.0)
    bench.run(0.05, positive=False, negative=False, precharge=False)
    start_v, start_j = bench.box.link_voltage_v, bench.box.stored_energy_j
    assert start_v > 690.0
    bled_j = 0.0
    for _ in range(12000):
        bench.run(DT_S, positive=False, negative=False, precharge=False)
        bled_j += bench.ports[PORTS.index("auxiliary_power_w")] * DT_S
    assert bench.bus_v < 60.0
    assert bled_j == pytest.approx(start_j - bench.box.stored_energy_j, rel=1e-9)


@pytest.mark.parametrize(("wanted", "time_s"), [(True, P.close_time_s), (False, P.open_time_s)])
def test_a_contactor_needs_its_time_to_move(wanted: bool, time_s: float) -> None:
    bench = Bench(0.001)
    bench.box.closed[:] = not wanted
    switches = {"positive": False, "negative": wanted, "precharge": False}
    bench.run(time_s - 0.001, **switches)
    assert bool(bench.box.closed[NEGATIVE, 0]) is not wanted
    bench.run(0.001, **switches)
    assert bool(bench.box.closed[NEGATIVE, 0]) is wanted


@pytest.mark.parametrize(("first_s", "welds"), [(0.0, True), (2.0, False)])
def test_a_contactor_that_closes_on_a_dead_bus_welds(first_s: float, welds: bool) -> None:
    bench = precharging(Bench(), first_s)
    bench.run(0.1, positive=True, negative=True, precharge=False)
    bench.run(0.1, positive=False, negative=True, precharge=False)
    assert bool(bench.box.closed[POSITIVE, 0]) is welds


@pytest.mark.parametrize(
    ("amp", "melts_after_s"),
    [(500.0, math.inf), (1000.0, 100e3 / (1000.0**2 - 500.0**2)), (5000.0, 100e3 / (5000.0**2 - 500.0**2))],
)
def test_a_fuse_melts_at_its_integral_and_never_at_its_rating(amp: float, melts_after_s: float) -> None:
    bench = Bench(0.001)
    switches = {"positive": True, "negative": True, "precharge": False, "amp": amp}
    bench.run(min(melts_after_s, 2.0) - 0.002, **switches)
    assert not bench.box.fuse_blown[0]
    bench.run(0.003, **switches)
    assert bench.box.fuse_blown[0] is math.isfinite(melts_after_s)
    assert bool(bench.closed[0]) is math.isinf(melts_after_s)


def test_a_short_on_the_bus_burns_the_resistor_when_nobody_stops_it() -> None:
    bench = Bench()
    bench.box.short_on_bus = True
    precharging(bench, 5.0)
    assert bench.box.resistor_temp_degc[0] >= P.precharge_temp_max_degc
    assert bench.closed[0] == 0.0
    assert bench.box.link_voltage_v == 0.0


def test_a_stuck_switch_does_not_move() -> None:
    bench = Bench()
    bench.box.stuck[PRECHARGE, 0] = 0.0
    precharging(bench, 1.0)
    assert bench.box.link_voltage_v == 0.0


def test_the_ports_that_the_capacitor_uses_have_the_right_numbers() -> None:
    assert (PORTS[CHARGER_PORT], PORTS[AUXILIARY_PORT]) == ("charger_power_w", "auxiliary_power_w")


# --- the whole truck, with the real control cycle, at 10 ms ---


class Awake:
    """A truck with a contactor box, woken with everything open."""

    def __init__(self) -> None:
        parameters = load_truck("heavy_lfp", {"box": {}})
        self.truck = Truck(parameters, soc=0.5, temp_degc=25.0)
        idle = FakeController(ThermalCommand())
        self.unit = ControlUnit(describe(parameters, self.truck.cell), idle, initial_soc=0.5)
        self.log: list[tuple[float, tuple[ContactorState, ...], float]] = []

    def run(self, seconds: float, *, wake: bool = True) -> CycleResult:
        for _ in range(round(seconds / DT_S)):
            measurement = self.truck.measure()
            result = control_cycle(self.unit, measurement, NO_PREVIEW, DT_S, wake=wake)
            self.truck.actuate(result.command)
            self.truck.step(Surroundings(25.0), DT_S)
            self.log.append((measurement.time_s, self.unit.contactors.states, self.truck.bus_voltage_v))
        return result


def test_waking_up_precharges_once_and_connects_every_string_without_a_fault() -> None:
    awake = Awake()
    result = awake.run(2.0)
    assert result.faults == ()
    assert result.command.contactor_close == (True, True, True)
    assert result.command.precharge_close == (False, False, False)
    assert result.limits.discharge_power_max_w > 100e3
    ways = [[state for _, states, _ in awake.log for state in states[k : k + 1]] for k in range(3)]
    assert all(ContactorState.NEGATIVE in way and ContactorState.CLOSING in way for way in ways)
    assert sum(ContactorState.PRECHARGE in way for way in ways) == 1
    closing_v = next(bus_v for _, states, bus_v in awake.log if ContactorState.CLOSING in states)
    assert closing_v == pytest.approx(float(awake.truck.state.string_voltage_v[0]), abs=2.0)
    began_s = next(s for s, states, _ in awake.log if ContactorState.PRECHARGE in states)
    done_s = next(s for s, states, _ in awake.log if ContactorState.CLOSING in states)
    all_s = next(s for s, states, _ in awake.log if set(states) == {ContactorState.CLOSED})
    assert (done_s - began_s, all_s) == (pytest.approx(0.7, abs=0.05), pytest.approx(1.3, abs=0.05))


def test_the_books_close_over_precharge_and_the_way_back() -> None:
    awake = Awake()
    truck, through_j = awake.truck, np.zeros(len(PORTS))
    before_j = np.array(truck.stored_energies_j())
    for wake in (True, False):
        for _ in range(150):
            command = control_cycle(awake.unit, truck.measure(), NO_PREVIEW, DT_S, wake=wake).command
            truck.actuate(command)
            truck.step(Surroundings(25.0), DT_S)
            through_j += truck.ports * DT_S
    change_j, _ = np.array(truck.stored_energies_j()) - before_j
    port = dict(zip(PORTS, through_j.tolist(), strict=True))
    spent_j = sum(
        port[name]
        for name in ("auxiliary_power_w", "pump_power_w", "fan_power_w", "cell_heat_w", "busbar_heat_w")
    )
    assert spent_j > 500.0
    assert change_j + spent_j - port["unmet_power_w"] == pytest.approx(0.0, abs=1e-6 * spent_j + 0.02)


def test_a_welded_positive_contactor_is_seen_before_its_bus_is_used() -> None:
    awake = Awake()
    for k in range(3):
        awake.truck.switches.weld(k)
    result = awake.run(4.0)
    assert "CONTACTOR_WELDED" in {fault.code.name for fault in result.faults}
    assert ContactorState.PRECHARGE not in {state for _, states, _ in awake.log for state in states}


def test_a_string_under_load_opens_the_positive_contactor_first_and_the_negative_after() -> None:
    awake = Awake()
    awake.run(2.0)
    awake.run(0.5, wake=False)
    order = [states[0] for _, states, _ in awake.log]
    assert order.index(ContactorState.HALF_OPEN) < len(order) - 1 - order[::-1].index(ContactorState.OPEN)
    half_open = Command(contactor_close=(False,) * 3, negative_close=(True,) * 3)
    assert half_open.negative_close == (True, True, True)
    assert awake.truck.measure().contactor_closed.sum() == 0
    assert awake.truck.measure().negative_closed.sum() == 0
    assert awake.run(0.1, wake=False).faults == ()


def test_a_blown_fuse_takes_its_string_away_and_its_contactors_still_say_closed() -> None:
    awake = Awake()
    awake.run(2.0)
    awake.truck.switches.blow_fuse(1)
    awake.run(0.1)
    assert awake.truck.state.string_current_a[1] == 0.0
    assert awake.truck.measure().contactor_closed.tolist() == [True, True, True]
