"""Tuning of a controller: settings searched on training days, judged on days and noise they have not seen."""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from controllers.settings_file import ControllerTable, as_overrides
from controllers.tuning import Knob, settings_at
from scenarios.cost import day_cost
from scenarios.prices import PriceTable
from scenarios.scenario import load_scenario
from scenarios.sweep import Case, Row
from scenarios.tune_journal import SETTINGS, Journal, Key, key_of
from scenarios.tune_search import Method, Point, search
from thermal_bms.errors import ScenarioError

DEFAULT, TUNED = "default", "tuned"
Settings = dict[str, Any]  # nested, as a controller takes them
UNSEEN_SEEDS = 1000
"""Held-out days have seeds this far from the training's, so their noise and cells are others too."""
FINISHED_SHARE = 0.999  # of the distance that the default drives

RunCases = Callable[[Sequence[Case]], None]


@dataclass(frozen=True)
class TunePlan:
    """Everything that decides a search.

    Attributes
    ----------
    controller : name, or FILE.py:FUNCTION
    knobs : settings and their ranges
    training, held_out : library names or files of scenarios
    n_trials : settings that are tried; the default comes on top
    n_seeds : runs of every day per setting
    overrides : ``key=value`` changes of every run
    seed : of the search
    prices : of the cost
    """

    controller: str
    knobs: tuple[Knob, ...]
    training: tuple[str, ...]
    held_out: tuple[str, ...]
    prices: PriceTable
    n_trials: int = 40
    n_seeds: int = 3
    overrides: tuple[str, ...] = ()
    seed: int = 1
    method: Method = "optuna"

    @property
    def size(self) -> int:
        """The number of runs."""
        days = len(self.training) * (1 + self.n_trials) + 2 * len(self.held_out)
        return self.n_seeds * days

    def as_json(self) -> dict[str, Any]:  # Any: JSON values
        """Return all of it as JSON values."""
        prices = self.prices.model_dump(mode="json", exclude={"source"})
        return {**asdict(self), "prices": prices}

    def check(self) -> None:
        """Load every day with the middle and the ends of every range, so that a mistake shows before the first run.

        Raises
        ------
        ScenarioError, ConfigError
            as loading a scenario raises them; or when nothing is to be tuned, or a day is on both sides.
        """
        if not self.knobs:
            raise ScenarioError(
                f"--controller {self.controller}: nothing is known of its settings; give --range KEY=LOW:HIGH"
            )
        both = {Path(name).stem for name in self.training} & {Path(name).stem for name in self.held_out}
        if both:
            raise ScenarioError(f"--held-out {both.pop()}: is also trained on; choose another day")
        middle = [0.5] * len(self.knobs)
        points = [middle]
        for i in range(len(self.knobs)):
            points += [[*middle[:i], end, *middle[i + 1 :]] for end in (0.0, 1.0)]
        for scenario in (*self.training, *self.held_out):
            for point in points:
                load_scenario(scenario, self._changes(settings_at(self.knobs, point)))

    def _changes(self, settings: Settings) -> tuple[str, ...]:
        table = ControllerTable(name=self.controller, settings=settings)
        return (*as_overrides(table), *self.overrides)

    def cases(self, settings: Settings, *, unseen: bool = False) -> list[Case]:
        """Return the runs of some settings on the training days, or on the held-out ones."""
        changes = self._changes(settings)
        text = json.dumps(settings)
        found: list[Case] = []
        for scenario in self.held_out if unseen else self.training:
            start = load_scenario(scenario, changes).settings.seed + (UNSEEN_SEEDS if unseen else 0)
            for seed in range(start, start + self.n_seeds):
                values = (("seed", seed), (SETTINGS, text))
                found.append(Case(len(found), scenario, values, (*changes, f"seed={seed}")))
        return found


@dataclass(frozen=True)
class Trial:
    """Settings that were tried: their number, values and mean cost of a day [EUR], infinite when of no use."""

    number: int
    settings: Settings
    cost_eur: float


@dataclass(frozen=True)
class Tuning:
    """What a search found.

    Attributes
    ----------
    trials : in the order in which they were asked for
    default_eur : mean cost of a training day with the default settings
    best : the cheapest trial; None when none is cheaper than the default
    rows : runs of the default and of the best on training and held-out days
    """

    trials: tuple[Trial, ...]
    default_eur: float
    best: Trial | None
    rows: tuple[Row, ...]

    @property
    def settings(self) -> Settings:
        """The settings to use: the best ones, or none, which leaves the defaults."""
        return self.best.settings if self.best else {}


class Tuner:
    """A search in progress: has those runs made that the journal does not hold yet, and puts costs on them."""

    def __init__(self, plan: TunePlan, journal: Journal, run_cases: RunCases) -> None:
        self._plan = plan
        self._journal = journal
        self._run_cases = run_cases
        self._trials: list[Trial] = []
        self._default: list[Row] = []

    def run(self) -> Tuning:
        """Make the whole search, or what is left of it.

        Raises
        ------
        ScenarioError
            when the defaults do not run, so that there is nothing to be better than.
        """
        plan = self._plan
        (self._default,) = self._rows([plan.cases({})])
        default_eur = self._mean_eur(self._default)
        if not math.isfinite(default_eur):
            why = next((row["error"] for row in self._default if row["error"]), "its cost is not a number")
            raise ScenarioError(f"--controller {plan.controller}: its defaults do not run: {why}")
        search(plan.method, self._evaluate, n_knobs=len(plan.knobs), n_trials=plan.n_trials, seed=plan.seed)
        cheapest = min(self._trials, key=lambda trial: trial.cost_eur)
        best = cheapest if cheapest.cost_eur < default_eur else None
        return Tuning(tuple(self._trials), default_eur, best, tuple(self._judged(best)))

    def _evaluate(self, points: Sequence[Point]) -> list[float]:
        settings = [settings_at(self._plan.knobs, point) for point in points]
        runs = self._rows([self._plan.cases(one) for one in settings])
        costs = [self._mean_eur(rows) for rows in runs]
        for one, cost in zip(settings, costs, strict=True):
            self._trials.append(Trial(len(self._trials), one, cost))
        return costs

    def _judged(self, best: Trial | None) -> list[Row]:
        """Return the runs that tell default and best apart, on days seen and unseen."""
        plan, found = self._plan, []
        sides = [(DEFAULT, {}), *([(TUNED, best.settings)] if best else [])]
        for label, settings in sides:
            seen, unseen = self._rows([plan.cases(settings), plan.cases(settings, unseen=True)])
            found += [{**row, "strategy": label} for row in (*seen, *unseen)]
        return [{**row, "case": i} for i, row in enumerate(found)]

    def _rows(self, groups: Sequence[Sequence[Case]]) -> list[list[Row]]:
        """Return the runs of every group of cases; those that the journal does not hold are made, all at once."""
        missing = {
            key: case for group in groups for key, case in _keyed(group) if self._journal.find(key) is None
        }
        if missing:
            self._run_cases([replace(case, number=i) for i, case in enumerate(missing.values())])
        found = [[self._journal.find(key) for key, _ in _keyed(group)] for group in groups]
        return [[row for row in group if row is not None] for group in found]

    def _mean_eur(self, rows: Sequence[Row]) -> float:
        """Return the mean cost of a day; infinite when a run ended in an error or short of the default's way."""
        for row, default in zip(rows, self._default, strict=True):
            if row["error"] or row["distance_km"] < FINISHED_SHARE * default["distance_km"]:
                return math.inf
        mean_eur = float(np.mean([day_cost(row, self._plan.prices).ranked_eur for row in rows]))
        return mean_eur if math.isfinite(mean_eur) else math.inf


def _keyed(cases: Sequence[Case]) -> list[tuple[Key, Case]]:
    return [(key_of({"scenario": case.scenario, **dict(case.values)}), case) for case in cases]
