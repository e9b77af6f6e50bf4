"""Strategies on equal terms."""

import json
import math
from pathlib import Path

import pytest

from scenarios.checks import KPIS as NAMES
from scenarios.compare import (
    ComparisonPlan,
    bound_rows,
    comparison_json,
    entries,
    headroom_shares,
    order,
    rankings,
)
from scenarios.compare_plots import difference_figure, pareto_figure
from scenarios.compare_report import render_compare_report
from scenarios.prices import load_prices
from scenarios.strategies import parse_strategies
from scenarios.sweep import Row
from tests.unit.scenarios.small_days import DAY, write_day
from tests.unit.scenarios.test_cost import KPIS
from thermal_bms.errors import ConfigError, ScenarioError

PRICES = load_prices()


def row_of(strategy: str, number: int = 0, *, scenario: str = "hot", **changed: object) -> Row:
    """Return a made-up run."""
    figures = {**dict.fromkeys(NAMES, 1.0), **KPIS, "distance_km": 100.0}
    head = {"case": number, "scenario": scenario, "passed": True, "error": "", "run_s": 1.0}
    return {**head, "strategy": strategy, "seed": 1, **figures, **changed}


def three(**of_pid: object) -> list[Row]:
    """Return a thermostat that uses energy, a PID that takes time, and a bound that does neither."""
    return [
        row_of("thermostat", 0, grid_depot_kwh=320.0),
        row_of("pid", 1, **({"driver_h": 5.05} | of_pid)),
        row_of("mpc", 2, grid_depot_kwh=298.0),
        row_of("bound", 3, grid_depot_kwh=280.0),
    ]


def test_strategies_meet_the_same_days_and_seeds_and_differ_in_the_controller_alone(tmp_path: Path) -> None:
    day = str(write_day(tmp_path))
    plan = ComparisonPlan((day,), tuple(parse_strategies("pid,thermostat")), 3, ("tick_s=2",))
    cases = plan.cases()
    assert len(cases) == plan.size == 6
    assert [case.number for case in cases] == list(range(6))
    for first, second in zip(cases[:3], cases[3:], strict=True):
        assert dict(first.values)["seed"] == dict(second.values)["seed"]
        assert set(second.overrides) - set(first.overrides) == {'controller={name = "thermostat"}'}
    assert [dict(case.values)["seed"] for case in cases[:3]] == [7, 8, 9]


def test_a_scenario_keeps_the_settings_of_its_own_controller(tmp_path: Path) -> None:
    own = '[controller]\nname = "pid"\nsettings.response_time_s = 300.0\n\n[[phase]]'
    day = str(write_day(tmp_path, DAY.replace("[[phase]]", own, 1)))
    pid, thermostat = ComparisonPlan((day,), tuple(parse_strategies("pid,thermostat"))).cases()
    assert pid.overrides == ("seed=7",)
    assert thermostat.overrides[0] == 'controller={name = "thermostat"}'


def test_a_wrong_setting_shows_before_the_first_run(tmp_path: Path) -> None:
    day = str(write_day(tmp_path))
    (tmp_path / "mine.toml").write_text('[controller]\nname = "pid"\nsettings.gian = 1\n')
    plan = ComparisonPlan((day,), tuple(parse_strategies(f"pid,{tmp_path / 'mine.toml'}")))
    with pytest.raises(ConfigError, match="gian: unknown key"):
        plan.cases()


def test_the_order_is_by_all_that_has_a_price() -> None:
    (of_day,) = entries(three(), PRICES).values()
    assert order(of_day) == ("bound", "mpc", "pid", "thermostat")
    costly = entries([*three()[:2], row_of("mpc", 2, in_use_violation_k_s=1e6)], PRICES)
    assert order(costly["hot"])[-1] == "mpc"


def test_figures_are_means_over_seeds_and_their_range_is_told() -> None:
    rows = [row_of("pid", 0, grid_depot_kwh=300.0), row_of("pid", 1, grid_depot_kwh=310.0)]
    ((entry,),) = entries(rows, PRICES).values()
    assert entry.kpis["grid_depot_kwh"] == pytest.approx(305.0)
    assert entry.spread_eur == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"error": "the plant left its range"}, "the plant left its range"),
        ({"distance_km": 90.0}, "drove 90.0 of 100.0 km"),
        ({"heat_left_kwh": math.nan}, "the run does not tell all that has a price"),
    ],
)
def test_who_does_not_do_the_day_is_not_ranked(changed: dict[str, object], problem: str) -> None:
    rows = [row_of("thermostat", 0), row_of("pid", 1, **changed)]
    (of_day,) = entries(rows, PRICES).values()
    assert [entry.problem for entry in of_day] == ["", problem]
    assert order(of_day) == ("thermostat",)
    page = render_compare_report(ComparisonPlan(("hot",), ()), rows, PRICES)
    assert problem in page
    assert "incomplete" in page


def test_a_strategy_with_more_faults_than_another_is_ranked_with_a_warning() -> None:
    rows = [row_of("pid", 0), row_of("own", 1, fault_count_max=2.0)]
    (of_day,) = entries(rows, PRICES).values()
    assert [entry.warning for entry in of_day] == ["", "2 faults at one time"]
    assert len(order(of_day)) == 2
    assert "own: 2 faults at one time" in render_compare_report(ComparisonPlan(("hot",), ()), rows, PRICES)


def test_a_price_that_turns_the_order_names_the_days_on_which_it_does() -> None:
    rows = [
        row_of("quick", 0, driver_h=4.0, grid_depot_kwh=400.0),
        row_of("frugal", 1),
        row_of("quick", 2, scenario="cold", driver_h=4.9),
        row_of("frugal", 3, scenario="cold"),
    ]
    found = {(ranking.price, ranking.factor): ranking for ranking in rankings(rows, PRICES)}
    assert found["", 1.0].changed == ()
    assert list(found["", 1.0].mean_eur) == ["quick", "frugal"]
    turned = {key for key, ranking in found.items() if ranking.changed}
    assert turned == {("driver_eur_per_h", 0.5), ("depot_eur_per_kwh", 2.0)}
    assert all(found[key].changed == ("hot",) for key in turned)
    assert len(found) == 13


def test_what_is_managed_differs_between_strategies_as_the_whole_does() -> None:
    (of_day,) = entries(three(), PRICES).values()
    first, second = of_day[:2]
    assert 0.0 < first.managed_eur < first.cost.ranked_eur
    whole = second.cost.ranked_eur - first.cost.ranked_eur
    assert second.managed_eur - first.managed_eur == pytest.approx(whole)


def test_headroom_is_shared_out_between_pid_and_bound() -> None:
    (of_day,) = entries(three(), PRICES).values()
    shares = headroom_shares(of_day)
    cost = {entry.strategy: entry.cost.ranked_eur for entry in of_day}
    assert shares["mpc"] == pytest.approx((cost["pid"] - cost["mpc"]) / (cost["pid"] - cost["bound"]))
    assert 0.0 < shares["mpc"] < 1.0
    assert shares["thermostat"] < 0.0
    assert set(shares) == {"mpc", "thermostat"}


def test_headroom_is_not_reported_where_there_is_hardly_any_or_no_bound() -> None:
    near = [row for row in three(driver_h=5.0, grid_depot_kwh=281.0) if row["strategy"] != "thermostat"]
    (of_day,) = entries(near, PRICES).values()
    assert headroom_shares(of_day) == {}
    assert headroom_shares(of_day[:2]) == {}


def test_the_bound_comes_from_the_summary_of_a_run(tmp_path: Path) -> None:
    path = tmp_path / "summary.json"
    kpis = {**dict.fromkeys(NAMES, 1.0), **KPIS, "distance_km": 100.0, "range_km": None}
    path.write_text(json.dumps({"scenario": "hot", "kpis": kpis}))
    (row,) = bound_rows([path], ["some/where/hot.toml"])
    assert (row["strategy"], row["scenario"]) == ("bound", "some/where/hot.toml")
    assert math.isnan(row["range_km"])
    assert entries([row], PRICES)["some/where/hot.toml"][0].problem == ""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"scenario": "cold", "kpis": {}}', "must be the summary.json of a run of hot"),
        ("[]", "must be the summary.json of a run of hot"),
        ("{", "not valid JSON"),
    ],
)
def test_a_bound_that_is_of_another_day_is_refused_in_one_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "summary.json"
    path.write_text(text)
    with pytest.raises(ScenarioError, match=said) as stop:
        list(bound_rows([path], ["hot"]))
    assert "\n" not in str(stop.value)
    with pytest.raises(ScenarioError, match="cannot be read"):
        list(bound_rows([tmp_path / "none.json"], ["hot"]))


def test_the_page_shows_costs_plots_rankings_and_headroom() -> None:
    plan = ComparisonPlan(("hot",), tuple(parse_strategies("thermostat,pid")))
    page = render_compare_report(plan, three(), PRICES)
    assert page.count("<svg") == 2
    for text in ("Share of the headroom", "x 0.5", "x 2", "energy in public", "cheapest: "):
        assert text in page
    assert "Share of the headroom" not in render_compare_report(plan, three()[:2], PRICES)


def test_names_in_the_page_are_escaped() -> None:
    page = render_compare_report(ComparisonPlan(("hot",), ()), [row_of("<b>"), row_of("pid", 1)], PRICES)
    assert "<b>" not in page.split("<h2>hot")[1].split("Rankings")[0].replace("<b>all</b>", "")


def test_there_is_nothing_to_draw_of_one_strategy_or_of_none_that_can_be_ranked() -> None:
    (alone,) = entries([row_of("pid")], PRICES).values()
    (broken,) = entries([row_of("pid", error="no")], PRICES).values()
    assert difference_figure(alone) is None
    assert pareto_figure(alone) is not None
    assert pareto_figure(broken) is None


def test_everything_is_told_as_json_too() -> None:
    found = json.loads(comparison_json(three(range_km=math.nan), PRICES))["hot"]
    assert found["pid"]["kpis"]["range_km"] is None
    assert found["pid"]["cost"]["total_eur"] == pytest.approx(
        found["pid"]["cost"]["ranked_eur"] - found["pid"]["cost"]["violation_eur"]
    )
