"""The chain behind the plan: every link, its code, and the way back."""

import subprocess
import sys
from dataclasses import replace
from math import nan

import numpy as np
import pytest

from controllers.mpc.controller import ChainLink, MpcController, build
from controllers.mpc.deadline import Measured, Recorded
from controllers.mpc.problem import Qp
from controllers.mpc.solvers import InteriorPoint, ProjectedGradient
from tests.contracts.check_controller import check_command
from tests.unit.controllers.examples import AIR, LIQUID, TRUCKS, believed, limits, measured
from tests.unit.controllers.mpc.moments import settings
from thermal_bms.errors import ConfigError, SolverError
from thermal_bms.signals import NO_PREVIEW, Measurement, Preview, ThermalCommand, ValveMode
from thermal_bms.units import FloatArray

GOOD = InteriorPoint(60)


class Faulty:
    """A solver that fails in one way from a call on, and may recover."""

    def __init__(self, fault: str, *, after: int = 0, until: int = 10**9) -> None:
        self.fault, self.after, self.until, self.calls = fault, after, until, 0

    def __call__(self, qp: Qp) -> FloatArray | None:
        self.calls += 1
        if not self.after < self.calls <= self.until:
            return GOOD(qp)
        if self.fault == "nothing":
            return None
        if self.fault == "raises":
            raise ValueError("bad matrix")
        if self.fault == "nan":
            return np.full(qp.c.size, nan)
        return np.full(qp.c.size, 0.5)  # breaks the model's equations


class Dead:
    """A controller that has no answer."""

    def __init__(self, fault: str = "raises") -> None:
        self.fault = fault

    def step(self, *_: object) -> ThermalCommand:
        if self.fault == "nan":
            return ThermalCommand(pump_duty=nan)
        raise ArithmeticError("no answer")

    def follow(self, *_: object, **__: object) -> None:
        pass

    def reset(self) -> None:
        pass


def play(
    controller: MpcController,
    cell_degc: float,
    *,
    ticks: int,
    start_s: float = 0.0,
    preview: Preview = NO_PREVIEW,
    **around: object,
) -> list[tuple[ThermalCommand, ChainLink]]:
    """Step with constant inputs; every command is applied as it is."""
    found: list[tuple[ThermalCommand, ChainLink]] = []
    applied = ThermalCommand()
    now: Measurement = measured(**around)
    for tick in range(ticks):
        now = replace(now, time_s=start_s + tick)
        applied = controller.step(now, believed(cell_degc, heat_w=3e3), limits(), preview, applied, 1.0)
        check_command(applied)
        found.append((applied, controller.link))
    return found


def links(found: list[tuple[ThermalCommand, ChainLink]]) -> list[ChainLink]:
    return [link for _, link in found[::20]]


def controller(first: object = None, second: object = None, truck=LIQUID, **more: object) -> MpcController:  # type: ignore[no-untyped-def]
    return MpcController(settings(truck), truck, first=first, second=second, **more)  # type: ignore[arg-type]


def test_a_working_solver_makes_the_plan() -> None:
    unit = controller()
    assert set(links(play(unit, 36.0, ticks=60))) == {ChainLink.PLAN}
    assert unit.reason == ""


@pytest.mark.parametrize("fault", ["nothing", "raises", "nan", "wrong"])
@pytest.mark.parametrize("cooling", TRUCKS)
def test_a_solver_that_always_fails_is_replaced_by_the_second(fault: str, cooling: str) -> None:
    unit = controller(Faulty(fault), truck=TRUCKS[cooling])
    found = play(unit, 42.0, ticks=60, ambient_temp_degc=40.0)
    assert set(links(found)) == {ChainLink.SECOND_SOLVER}
    assert unit.reason
    assert found[-1][0].compressor_duty > 0.3


@pytest.mark.parametrize("fault", ["nothing", "raises", "nan", "wrong"])
def test_with_both_solvers_failing_the_plan_is_used_three_times_and_then_the_pid(fault: str) -> None:
    first = Faulty(fault, after=12)
    unit = controller(first, Faulty(fault))
    found = play(unit, 42.0, ticks=400, ambient_temp_degc=40.0)
    seen = links(found)
    start = seen.index(ChainLink.SHIFTED_PLAN)
    assert set(seen[:start]) == {ChainLink.PLAN}
    assert seen[start : start + 3] == [ChainLink.SHIFTED_PLAN] * 3
    assert set(seen[start + 3 :]) == {ChainLink.PID}


@pytest.mark.parametrize("cooling", TRUCKS)
@pytest.mark.parametrize("cell_degc", [-10.0, 25.0, 44.0])
def test_with_every_solve_failing_from_the_start_the_pid_drives_as_if_alone(
    cooling: str, cell_degc: float
) -> None:
    truck = TRUCKS[cooling]
    unit = controller(Faulty("nothing"), Faulty("raises"), truck=truck)
    found = play(unit, cell_degc, ticks=200, ambient_temp_degc=35.0 if cell_degc > 0.0 else -15.0)
    assert set(links(found)) == {ChainLink.PID}
    if cell_degc > 40.0:
        assert found[-1][0].compressor_duty > 0.5
    elif cell_degc < 0.0:
        assert found[-1][0].heater_duty > 0.5


def test_the_pid_takes_over_without_a_bump() -> None:
    unit = controller(Faulty("nothing", after=14), Faulty("nothing"))
    found = play(unit, 36.5, ticks=500, ambient_temp_degc=38.0)
    change = next(i for i, (_, link) in enumerate(found) if link is ChainLink.PID)
    before, after = found[change - 1][0], found[change][0]
    assert after.valve_mode is before.valve_mode is ValveMode.CHILLER
    assert before.compressor_duty > 0.1
    assert abs(after.compressor_duty - before.compressor_duty) < 0.05


def test_a_solver_that_recovers_is_used_again() -> None:
    unit = controller(Faulty("nothing", after=20, until=80), Faulty("raises"))
    seen = links(play(unit, 42.0, ticks=3000, ambient_temp_degc=40.0))
    assert ChainLink.PID in seen
    assert seen[-1] is ChainLink.PLAN


@pytest.mark.parametrize("fault", ["raises", "nan"])
def test_without_the_pid_the_thermostat_drives(fault: str) -> None:
    unit = controller(Faulty("nothing"), Faulty("nothing"))
    unit.pid = Dead(fault)  # type: ignore[assignment]
    found = play(unit, 44.0, ticks=60, ambient_temp_degc=40.0)
    assert {link for _, link in found} == {ChainLink.THERMOSTAT}
    assert found[-1][0].compressor_duty == 1.0


def test_without_anything_an_error_hands_over_to_the_safe_command() -> None:
    unit = controller(Faulty("nothing"), Faulty("nothing"))
    unit.pid = Dead()  # type: ignore[assignment]
    unit.thermostat = Dead("nan")
    with pytest.raises(SolverError, match="no controller has an answer"):
        play(unit, 44.0, ticks=1)
    assert unit.link is ChainLink.SAFE


def test_without_a_cell_temperature_the_command_is_safe_and_the_next_plan_fresh() -> None:
    unit = controller()
    play(unit, 36.0, ticks=30)
    lost = unit.step(measured(time_s=30.0), believed(nan), limits(), NO_PREVIEW, ThermalCommand(), 1.0)
    assert (lost.pump_duty, lost.compressor_duty) == (1.0, 1.0)
    assert unit.link is ChainLink.SAFE
    assert links(play(unit, 36.0, ticks=2, start_s=31.0)) == [ChainLink.PLAN]


def test_late_plans_do_not_count_and_a_replay_makes_the_same_decisions() -> None:
    clock = iter(np.cumsum([0.0] + [0.5, 0.01, 0.01, 0.01] * 400))  # every other solve takes half a second
    deadline = Measured(lambda: float(next(clock)), limit_s=0.2)
    first = play(controller(deadline=deadline), 38.0, ticks=200, ambient_temp_degc=38.0)
    assert ChainLink.SECOND_SOLVER in links(first) or ChainLink.SHIFTED_PLAN in links(first)
    assert True in deadline.verdicts
    second = play(controller(deadline=Recorded(deadline.verdicts)), 38.0, ticks=200, ambient_temp_degc=38.0)
    assert second == first


def test_a_plan_is_made_every_period_and_when_the_truck_is_plugged_in() -> None:
    counting = Faulty("nothing", after=10**9)
    unit = controller(counting)
    play(unit, 30.0, ticks=1)
    made = counting.calls
    play(unit, 30.0, ticks=19, start_s=1.0)
    assert counting.calls == made
    play(unit, 30.0, ticks=1, start_s=20.0)
    assert counting.calls > made
    made = counting.calls
    play(unit, 30.0, ticks=1, start_s=21.0, plug_connected=True)
    assert counting.calls > made


def test_cells_are_warmed_before_a_planned_megawatt_and_not_without() -> None:
    ahead = Preview(charge_in_s=2400.0, charge_power_w=1e6, confidence=1.0)
    warmed = play(
        controller(), 17.0, ticks=60, preview=ahead, ambient_temp_degc=-5.0, drive_loop_temp_degc=-5.0
    )
    assert warmed[-1][0].heater_duty > 0.3
    alone = play(controller(), 17.0, ticks=60, ambient_temp_degc=-5.0, drive_loop_temp_degc=-5.0)
    assert alone[-1][0].heater_duty < 0.1


def test_waste_heat_is_taken_before_the_heater() -> None:
    found = play(
        controller(),
        14.0,
        ticks=60,
        ambient_temp_degc=-5.0,
        drive_loop_temp_degc=50.0,
        coolant_inlet_temp_degc=14.0,
        coolant_outlet_temp_degc=14.0,
    )
    assert found[-1][0].valve_mode is ValveMode.WASTE_HEAT
    assert found[-1][0].pump_duty > 0.5


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"grid": {"period_s": 60.0}}, "period_s must be <= the first of lengths_s"),
        ({"grid": {"counts": [12, 24]}}, "lengths_s needs 2 values"),
        ({"grid": {"counts": [4, 4], "lengths_s": [60.0, 20.0]}}, "lengths_s must rise"),
        (
            {"bounds": {"drive_max_degc": 20.0, "drive_min_degc": 19.0}},
            "at least conditioning.band_min_k above",
        ),
        ({"prices": {"time_eur_per_h": -1.0}}, "prices.time_eur_per_h = -1.0: must be >= 0"),
        ({"price": {}}, "price: unknown key; did you mean prices"),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused_in_one_line(wrong: dict[str, object], text: str) -> None:
    with pytest.raises(ConfigError, match=text) as found:
        build(wrong, LIQUID)
    assert "\n" not in str(found.value)
    assert "settings of controller mpc" in str(found.value)


def test_another_grid_works_as_well() -> None:
    for counts, lengths_s in (((6,), (30.0,)), ((10, 10), (20.0, 300.0))):
        chosen = settings(AIR, grid={"counts": counts, "lengths_s": lengths_s})
        unit = MpcController(chosen, AIR, second=ProjectedGradient(50))
        assert set(links(play(unit, 40.0, ticks=60))) == {ChainLink.PLAN}


def test_the_solver_is_loaded_only_when_such_a_controller_is_built() -> None:
    code = (
        "import sys; from controllers.registry import create, names;"
        "from tests.unit.controllers.examples import LIQUID;"
        "create('pid', {}, LIQUID); assert 'mpc' in names();"
        "assert not {'piqp', 'scipy'} & set(sys.modules), 'loaded too early';"
        "create('mpc', {}, LIQUID); assert 'piqp' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
