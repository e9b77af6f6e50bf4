"""Plans of sweeps: which cases there are, and what is wrong with a plan."""

import math
from pathlib import Path

import numpy as np
import pytest

from scenarios import sweep
from scenarios.checks import KPIS
from scenarios.sweep import SweepPlan, lost_case, parse_grid, parse_random, run_case
from tests.unit.scenarios.small_days import write_day
from thermal_bms.errors import ConfigError, ScenarioError


def test_grid_axes_are_combined_with_each_other_and_with_every_draw() -> None:
    plan = SweepPlan(
        ("a", "b"),
        grid=(parse_grid("payload_kg=0:100:3"), parse_grid("controller.name=pid,thermostat")),
        random=(parse_random("initial.soc=uniform(0.4,0.6)"),),
        samples=5,
    )
    cases = list(plan.cases())
    assert len(cases) == plan.size == 2 * 3 * 2 * 5
    assert [case.number for case in cases] == list(range(60))
    assert len({(case.scenario, case.values) for case in cases}) == 60
    drawn = [[dict(c.values)["initial.soc"] for c in cases[i : i + 5]] for i in (0, 5, 55)]
    assert drawn[0] == drawn[1] == drawn[2]


def test_the_same_plan_has_the_same_cases_and_another_seed_others() -> None:
    plan = SweepPlan(("a",), random=(parse_random("initial.soc=uniform(0,1)"),), samples=8, seed=3)
    other = SweepPlan(plan.scenarios, random=plan.random, samples=8, seed=4)
    assert list(plan.cases()) == list(plan.cases())
    assert list(plan.cases()) != list(other.cases())


def test_drawn_cases_have_seeds_of_their_own_unless_the_plan_names_the_seed() -> None:
    axis = parse_random("initial.soc=uniform(0,1)")
    own = [dict(c.values)["seed"] for c in SweepPlan(("a",), random=(axis,), samples=4).cases()]
    assert len(set(own)) == 4
    named = SweepPlan(("a",), random=(axis,), samples=4, overrides=("seed=7",))
    assert "seed" not in named.axes


def test_fixed_changes_come_before_those_of_the_axes() -> None:
    plan = SweepPlan(("a",), grid=(parse_grid("climate.kind=constant"),), overrides=("tick_s=5",))
    (case,) = plan.cases()
    assert case.overrides == ("tick_s=5", 'climate.kind="constant"')


@pytest.mark.parametrize(
    ("law", "mean", "low", "high"),
    [
        ("uniform(-10,40)", 15.0, -10.0, 40.0),
        ("normal(5,2)", 5.0, -2.0, 12.0),
        ("integer(1,6)", 3.5, 1.0, 6.0),
        ("choice(2,4,9)", 5.0, 2.0, 9.0),
    ],
)
def test_a_law_is_covered_evenly_and_kept_to(law: str, mean: float, low: float, high: float) -> None:
    plan = SweepPlan(("a",), random=(parse_random(f"x={law}"),), samples=300)
    values = [float(dict(case.values)["x"]) for case in plan.cases()]
    assert np.mean(values) == pytest.approx(mean, abs=0.02 * (high - low))
    assert low <= min(values) < low + 0.3 * (high - low)
    assert high >= max(values) > high - 0.3 * (high - low)


def test_integers_and_choices_take_every_value_equally_often() -> None:
    for law in ("integer(1,6)", 'choice(1,2,3,4,5,"six")'):
        plan = SweepPlan(("a",), random=(parse_random(f"x={law}"),), samples=60)
        values = [dict(case.values)["x"] for case in plan.cases()]
        assert sorted(values.count(value) for value in set(values)) == [10] * 6


@pytest.mark.parametrize(
    "text",
    [
        "payload_kg",
        "=1,2",
        "payload_kg=",
        "payload_kg=1,,2",
        "payload_kg=a:b:3",
        "payload_kg=1:2:1",
        "x=1979-05-27",
    ],
)
def test_a_grid_that_cannot_be_read_is_one_line_naming_it(text: str) -> None:
    with pytest.raises(ScenarioError, match=r"^--grid ") as stop:
        parse_grid(text)
    assert text in str(stop.value)
    assert "\n" not in str(stop.value)


@pytest.mark.parametrize(
    "text",
    [
        "initial.soc",
        "initial.soc=beta(1,2)",
        "=uniform(0,1)",
        "initial.soc=uniform(1)",
        "initial.soc=uniform(1,0)",
        "initial.soc=uniform(a,b)",
        "initial.soc=normal(0.5,0)",
        "initial.soc=choice()",
    ],
)
def test_a_law_that_cannot_be_read_is_one_line_naming_it(text: str) -> None:
    with pytest.raises(ScenarioError, match=r"^--random ") as stop:
        parse_random(text)
    assert text in str(stop.value)
    assert "\n" not in str(stop.value)


def test_a_plan_is_checked_with_the_ends_of_every_axis_before_the_first_run(tmp_path: Path) -> None:
    day = str(write_day(tmp_path))
    SweepPlan((day,), grid=(parse_grid("payload_kg=0,100"),)).check()
    with pytest.raises(ScenarioError, match=r"payload_kg = 1e\+06: light_air carries at most"):
        SweepPlan((day,), grid=(parse_grid("payload_kg=0,100,1e6,50"),)).check()
    with pytest.raises(ConfigError, match="payload: unknown key; did you mean payload_kg"):
        SweepPlan((day,), grid=(parse_grid("payload=0,100"),)).check()
    with pytest.raises(ConfigError, match=r"initial\.soc = 1\.\d+: must be <= 1"):
        SweepPlan((day,), random=(parse_random("initial.soc=normal(0.9,0.2)"),), samples=50).check()


def test_only_values_that_are_drawn_count_not_the_tails_of_a_law(tmp_path: Path) -> None:
    day = str(write_day(tmp_path))
    SweepPlan((day,), random=(parse_random("initial.soc=normal(0.9,0.03)"),), samples=200).check()


def test_a_key_that_is_varied_twice_and_samples_of_nothing_are_refused() -> None:
    axis = parse_grid("payload_kg=0,100")
    with pytest.raises(ScenarioError, match="payload_kg is varied twice"):
        SweepPlan(("a",), grid=(axis, axis)).check()
    with pytest.raises(ScenarioError, match="--samples 3 needs something to draw"):
        SweepPlan(("a",), grid=(axis,), samples=3, overrides=("seed=1",)).check()


def test_an_axis_holds_numbers_only_where_all_of_it_is_numbers() -> None:
    plan = SweepPlan(
        ("a",),
        grid=(parse_grid("x=1,2.5"), parse_grid("y=1,pid"), parse_grid("z=true,false")),
        random=(parse_random("w=uniform(0,1)"),),
        samples=2,
    )
    kinds = plan.columns()
    assert [kinds[key] for key in ("x", "y", "z", "w", "seed", "range_km")] == [
        float,
        str,
        bool,
        float,
        int,
        float,
    ]


def test_a_case_gives_its_values_figures_and_verdict(tmp_path: Path) -> None:
    day = str(write_day(tmp_path))
    (case,) = SweepPlan((day,), grid=(parse_grid("payload_kg=150"),)).cases()
    row = run_case(case)
    assert row["payload_kg"] == 150
    assert row["error"] == ""
    assert row["passed"]
    assert row["distance_km"] > 0.1
    assert set(KPIS) <= set(row)


def test_what_goes_wrong_in_a_case_is_told_in_its_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    day = str(write_day(tmp_path))
    (wrong,) = SweepPlan((day,), grid=(parse_grid("payload_kg=-5"),)).cases()
    assert run_case(wrong)["error"].startswith("payload_kg = -5: must be >= 0")

    def breaks(*_: object) -> None:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr(sweep, "run", breaks)
    (case,) = SweepPlan((day,), grid=(parse_grid("payload_kg=5"),)).cases()
    row = run_case(case)
    assert row["error"] == "ZeroDivisionError: division by zero"
    assert not row["passed"]
    assert math.isnan(row["range_km"])


def test_a_lost_case_keeps_its_number_and_values() -> None:
    (case,) = SweepPlan(("a",), grid=(parse_grid("payload_kg=5"),)).cases()
    row = lost_case(case, "the process died")
    assert (row["case"], row["payload_kg"], row["error"]) == (0, 5, "the process died")
