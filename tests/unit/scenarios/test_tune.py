"""Tuning: the search, its journal, and what is made of it."""

import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from controllers.settings_file import read_settings
from controllers.tuning import Knob
from scenarios.checks import KPIS as NAMES
from scenarios.cost import day_cost
from scenarios.prices import load_prices
from scenarios.sweep import Case, Row
from scenarios.tune import TunePlan, Tuner
from scenarios.tune_journal import RUNS_NAME, Journal
from scenarios.tune_report import gains, render_tune_report, settings_file_text, warnings
from scenarios.tune_search import BATCH, Method, Point, search
from tests.unit.scenarios.small_days import write_day
from tests.unit.scenarios.test_cost import KPIS
from thermal_bms.errors import ConfigError, ScenarioError

METHODS: tuple[Method, ...] = ("optuna", "scipy")
KNOBS = (Knob("response_time_s", 200.0, 2000.0, is_log=True), Knob("conditioning.cool_degc", 26.0, 36.0))
BEST = {"response_time_s": 632.0, "conditioning.cool_degc": 30.0}
PRICES = load_prices()


def needs(method: Method) -> None:
    if method == "optuna":
        pytest.importorskip("optuna")


def bowl(points: Sequence[Point]) -> list[float]:
    return [sum((x - 0.3) ** 2 for x in point) for point in points]


class Asked:
    """A cost that remembers what it was asked for."""

    def __init__(self, cost: Callable[[Sequence[Point]], list[float]] = bowl) -> None:
        self.points: list[Point] = []
        self.sizes: list[int] = []
        self._cost = cost

    def __call__(self, points: Sequence[Point]) -> list[float]:
        self.points += points
        self.sizes.append(len(points))
        return self._cost(points)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("n_trials", [1, 3, 37])
def test_a_search_asks_for_exactly_its_trials_within_the_ranges(method: Method, n_trials: int) -> None:
    needs(method)
    asked = Asked()
    search(method, asked, n_knobs=3, n_trials=n_trials, seed=1)
    assert len(asked.points) == n_trials
    assert all(len(point) == 3 and all(0.0 <= x <= 1.0 for x in point) for point in asked.points)


@pytest.mark.parametrize("method", METHODS)
def test_a_search_follows_from_its_seed(method: Method) -> None:
    needs(method)
    same = [Asked(), Asked()]
    for asked in same:
        search(method, asked, n_knobs=2, n_trials=20, seed=5)
    other = Asked()
    search(method, other, n_knobs=2, n_trials=20, seed=6)
    assert same[0].points == same[1].points != other.points


@pytest.mark.parametrize("method", METHODS)
def test_a_search_comes_nearer_than_chance(method: Method) -> None:
    needs(method)
    asked = Asked()
    search(method, asked, n_knobs=2, n_trials=60, seed=2)
    costs = bowl(asked.points)
    assert min(costs) < 0.01
    assert sum(costs[-20:]) < 0.5 * sum(costs[:20])


@pytest.mark.parametrize("method", METHODS)
def test_settings_that_cannot_be_used_do_not_stop_a_search(method: Method) -> None:
    needs(method)
    asked = Asked(
        lambda points: [math.inf if p[0] > 0.4 else c for p, c in zip(points, bowl(points), strict=True)]
    )
    search(method, asked, n_knobs=2, n_trials=40, seed=3)
    assert len(asked.points) == 40
    assert min(asked._cost(asked.points)) < 0.05


def test_optuna_is_asked_in_batches_that_do_not_depend_on_the_machine() -> None:
    needs("optuna")
    asked = Asked()
    search("optuna", asked, n_knobs=2, n_trials=10, seed=1)
    assert asked.sizes == [BATCH, BATCH, 2]


def test_optuna_that_is_not_there_is_one_line_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "optuna", None)
    with pytest.raises(ConfigError, match=r"pip install 'thermal-bms\[tune\]', or use --search scipy$"):
        search("optuna", bowl, n_knobs=1, n_trials=1, seed=1)


class House:
    """Runs that are made up: the cost rises with the distance of the settings from the best ones."""

    def __init__(self, folder: Path, method: Method = "scipy", **plan: Any) -> None:
        self.plan = TunePlan(
            controller="pid",
            knobs=KNOBS,
            training=(str(write_day(folder / "a").rename(folder / "a" / "seen.toml")),),
            held_out=(str(write_day(folder / "b").rename(folder / "b" / "unseen.toml")),),
            prices=PRICES,
            method=method,
            **{"n_trials": 12, "n_seeds": 3} | plan,
        )
        self.folder = folder / "out"
        self.journal = Journal(self.folder, self.plan.as_json())
        self.ran: list[Case] = []
        self.stop_after = 10**6

    def run(self, cases: Sequence[Case]) -> None:
        for case in cases:
            if len(self.ran) >= self.stop_after:
                raise KeyboardInterrupt
            self.ran.append(case)
            self.journal.append(self.row_of(case))

    def row_of(self, case: Case) -> Row:
        values = dict(case.values)
        settings = json.loads(str(values["settings"]))
        off = 1.0
        if settings:
            off = abs(math.log(settings["response_time_s"] / BEST["response_time_s"]))
            off += 0.1 * abs(settings["conditioning"]["cool_degc"] - BEST["conditioning.cool_degc"])
        figures = {**dict.fromkeys(NAMES, 1.0), **KPIS, "driver_h": 5.0 + off + 1e-3 * int(values["seed"])}
        head = {"case": case.number, "scenario": case.scenario, "passed": True, "error": "", "run_s": 1.0}
        return {**head, **values, **figures}

    def again(self) -> "House":
        """Start the same search anew in the same folder, as after an interruption."""
        self.journal = Journal(self.folder, self.plan.as_json())
        self.ran = []
        self.stop_after = 10**6
        return self

    def tuned(self) -> Any:
        return Tuner(self.plan, self.journal, self.run).run()


@pytest.fixture(params=METHODS)
def house(request: pytest.FixtureRequest, tmp_path: Path) -> House:
    needs(request.param)
    return House(tmp_path, request.param)


def test_every_setting_meets_the_same_days_and_seeds_and_the_budget_is_kept(house: House) -> None:
    found = house.tuned()
    assert len(found.trials) == 12
    assert len(house.ran) == house.plan.size == 3 * (1 + 12) + 2 * 3
    by_settings: dict[str, set[tuple[str, int]]] = {}
    for case in house.ran:
        if case.scenario == house.plan.training[0]:
            values = dict(case.values)
            by_settings.setdefault(str(values["settings"]), set()).add((case.scenario, int(values["seed"])))
    assert len(by_settings) == 13
    assert len({frozenset(days) for days in by_settings.values()}) == 1


def test_held_out_days_are_run_only_for_default_and_best_and_with_other_seeds(house: House) -> None:
    found = house.tuned()
    unseen = [case for case in house.ran if case.scenario == house.plan.held_out[0]]
    assert {str(dict(case.values)["settings"]) for case in unseen} == {"{}", json.dumps(found.settings)}
    seeds = {int(dict(case.values)["seed"]) for case in unseen}
    assert seeds.isdisjoint(int(dict(c.values)["seed"]) for c in house.ran if c not in unseen)


def test_the_cheapest_trial_wins_when_it_beats_the_default(house: House) -> None:
    found = house.tuned()
    assert found.best is not None
    assert found.best.cost_eur == min(trial.cost_eur for trial in found.trials) < found.default_eur
    rows = [
        row for row in found.rows if row["strategy"] == "tuned" and row["scenario"] in house.plan.training
    ]
    costs = [day_cost(row, PRICES).ranked_eur for row in rows]
    assert sum(costs) / 3 == pytest.approx(found.best.cost_eur)


def test_an_interrupted_search_goes_on_and_ends_where_an_uninterrupted_one_does(
    house: House, tmp_path: Path
) -> None:
    whole = House(tmp_path / "whole", house.plan.method)
    expected = whole.tuned()
    house.stop_after = 17
    with pytest.raises(KeyboardInterrupt):
        house.tuned()
    assert len(house.again().journal) == 17
    found = house.tuned()
    assert len(house.ran) == house.plan.size - 17
    assert [t.settings for t in found.trials] == [t.settings for t in expected.trials]
    assert found.best == expected.best


def test_a_search_that_is_done_runs_nothing_again(house: House) -> None:
    first = house.tuned()
    second = house.again().tuned()
    assert house.ran == []
    assert second.best == first.best


def test_when_nothing_beats_the_default_the_defaults_are_left(tmp_path: Path) -> None:
    house = House(tmp_path)
    real = house.row_of
    house.row_of = lambda case: {
        **real(case),
        "driver_h": 6.0 if json.loads(str(dict(case.values)["settings"])) else 5.0,
    }  # type: ignore[method-assign]
    found = house.tuned()
    assert found.best is None
    assert found.settings == {}
    text = settings_file_text(house.plan, found)
    assert "no trial was cheaper" in text
    (tmp_path / "settings.toml").write_text(text)
    assert read_settings(tmp_path / "settings.toml").settings == {}
    assert "No trial was cheaper" in render_tune_report(house.plan, found)


def test_defaults_that_do_not_run_end_the_search_in_one_line(tmp_path: Path) -> None:
    house = House(tmp_path)
    real = house.row_of
    house.row_of = lambda case: {**real(case), "error": "the plant left its range"}  # type: ignore[method-assign]
    with pytest.raises(
        ScenarioError, match="controller pid: its defaults do not run: the plant left its range"
    ):
        house.tuned()


def test_settings_that_end_in_an_error_or_stop_short_are_of_no_use(tmp_path: Path) -> None:
    house = House(tmp_path)
    real = house.row_of

    def row_of(case: Case) -> Row:
        row, settings = real(case), json.loads(str(dict(case.values)["settings"]))
        if settings and settings["response_time_s"] > 1000.0:
            row["error"] = "no"
        elif settings and settings["conditioning"]["cool_degc"] > 33.0:
            row["distance_km"] = 0.9
        return row

    house.row_of = row_of  # type: ignore[method-assign]
    found = house.tuned()
    for trial in found.trials:
        out = trial.settings["response_time_s"] > 1000.0 or trial.settings["conditioning"]["cool_degc"] > 33.0
        assert math.isinf(trial.cost_eur) is out
    assert any(math.isinf(trial.cost_eur) for trial in found.trials)


def test_a_line_that_was_cut_off_is_run_again(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.tuned()
    path = house.folder / RUNS_NAME
    path.write_bytes(path.read_bytes()[:-40])
    n = len(house.again().journal)
    assert n == house.plan.size - 1
    house.tuned()
    assert len(house.ran) == 1


def test_another_search_in_the_folder_is_refused_in_one_line(tmp_path: Path) -> None:
    house = House(tmp_path)
    with pytest.raises(ScenarioError, match=r"holds another search; choose another folder, or remove it$"):
        Journal(house.folder, {**house.plan.as_json(), "n_trials": 13})


def test_the_page_shows_gain_course_slices_and_settings(house: House) -> None:
    found = house.tuned()
    page = render_tune_report(house.plan, found)
    assert page.count("<svg") == 4
    for text in ("seen, trained on", "unseen, held out", "conditioning.cool_degc", "+0."):
        assert text in page
    told = {gain.day: gain for gain in gains(house.plan, found)}
    assert told["seen"].is_training
    assert not told["unseen"].is_training
    assert told["unseen"].low_percent <= told["unseen"].percent <= told["unseen"].high_percent < 0.0


def test_settings_that_do_not_carry_over_or_lie_at_an_end_are_told(tmp_path: Path) -> None:
    house = House(tmp_path)
    real = house.row_of

    def row_of(case: Case) -> Row:
        row, settings = real(case), json.loads(str(dict(case.values)["settings"]))
        cool_degc = settings["conditioning"]["cool_degc"] if settings else 30.0
        better = cool_degc if case.scenario in house.plan.training else -cool_degc
        return {**row, "driver_h": 50.0 - better}

    house.row_of = row_of  # type: ignore[method-assign]
    found = house.tuned()
    told = " ".join(warnings(house.plan, found))
    assert "unseen, held out, costs +" in told
    at_end = found.settings["conditioning"]["cool_degc"] > 35.8
    assert ("conditioning.cool_degc: the best value lies at an end" in told) is at_end


def test_a_day_on_both_sides_a_wrong_range_and_nothing_to_tune_are_refused(tmp_path: Path) -> None:
    house = House(tmp_path)
    plan = house.plan
    plan.check()
    as_dict = {name: getattr(plan, name) for name in plan.__dataclass_fields__}
    with pytest.raises(ScenarioError, match="--held-out seen: is also trained on; choose another day"):
        TunePlan(**{**as_dict, "held_out": plan.training}).check()
    with pytest.raises(ScenarioError, match="nothing is known of its settings; give --range"):
        TunePlan(**{**as_dict, "knobs": ()}).check()
    with pytest.raises(ConfigError, match=r"response_time_s = 1.0: must be >= 30"):
        TunePlan(**{**as_dict, "knobs": (Knob("response_time_s", 1.0, 100.0),)}).check()
    with pytest.raises(ConfigError, match="respnse_time_s: unknown key; did you mean response_time_s"):
        TunePlan(**{**as_dict, "knobs": (Knob("respnse_time_s", 100.0, 200.0),)}).check()
