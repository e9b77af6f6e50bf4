"""Strategies on equal terms: the same days, trucks, noise and prices, and only the controller differs."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from scenarios.checks import KPIS
from scenarios.cost import PRICED, DayCost, day_cost, fixed_eur
from scenarios.prices import PriceTable
from scenarios.runner import for_json
from scenarios.scenario import load_scenario
from scenarios.strategies import Strategy
from scenarios.sweep import Case, Row
from thermal_bms.errors import ScenarioError

BOUND = "bound"
PID = "pid"
HEADROOM_LEAST = 0.01
"""Of what thermal management costs with the PID; where the bound is nearer, a share of the way says nothing."""
FINISHED_SHARE = 0.999
FACTORS = (0.5, 2.0)


@dataclass(frozen=True)
class ComparisonPlan:
    """Which strategies run which days.

    Attributes
    ----------
    scenarios : library names or files
    strategies : what is compared; the first is the one that others are set against
    n_seeds : runs of every day, with the scenario's own seed and those that follow it
    overrides : ``key=value`` changes of every run
    """

    scenarios: tuple[str, ...]
    strategies: tuple[Strategy, ...]
    n_seeds: int = 1
    overrides: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """The number of runs."""
        return len(self.scenarios) * len(self.strategies) * self.n_seeds

    def cases(self) -> list[Case]:
        """Return every run; a wrong scenario or setting shows here, before the first of them.

        Raises
        ------
        ScenarioError, ConfigError
            as loading a scenario raises them.
        """
        found: list[Case] = []
        for scenario in self.scenarios:
            own = load_scenario(scenario, self.overrides).settings
            for strategy in self.strategies:
                changes = (*strategy.overrides(own.controller.name), *self.overrides)
                load_scenario(scenario, changes)
                for seed in range(own.seed, own.seed + self.n_seeds):
                    values = (("strategy", strategy.label), ("seed", seed))
                    found.append(Case(len(found), scenario, values, (*changes, f"seed={seed}")))
        return found


@dataclass(frozen=True)
class Entry:
    """One strategy on one day.

    Attributes
    ----------
    kpis : figures, means over the seeds
    cost : of these
    spread_eur : half the range of ``ranked_eur`` over the seeds; 0 for one
    fixed_eur : part of the cost that no strategy changes, the same for all of a day
    problem : why the entry cannot be set against others; "" when it can
    warning : what a reader should know; "" for nothing
    """

    strategy: str
    kpis: Mapping[str, float]
    cost: DayCost
    spread_eur: float
    fixed_eur: float = 0.0
    problem: str = ""
    warning: str = ""

    @property
    def managed_eur(self) -> float:
        """What thermal management costs: all that is ranked, without the fixed part of the day."""
        return self.cost.ranked_eur - self.fixed_eur


Table = Mapping[str, Sequence[Entry]]  # entries by scenario


def entries(rows: Sequence[Row], prices: PriceTable) -> Table:
    """Return what the runs of a comparison say, day by day; strategies in the order of the first rows."""
    by_day: dict[str, dict[str, list[Row]]] = {}
    for row in sorted(rows, key=lambda row: int(row["case"])):
        by_day.setdefault(row["scenario"], {}).setdefault(row["strategy"], []).append(row)
    return {scenario: _day(runs, prices) for scenario, runs in by_day.items()}


def _day(runs: Mapping[str, Sequence[Row]], prices: PriceTable) -> list[Entry]:
    longest_km = max(
        (row["distance_km"] for of_one in runs.values() for row in of_one if not row["error"]), default=0.0
    )
    found = [_entry(label, of_one, prices, longest_km) for label, of_one in runs.items()]
    fewest = min((e.kpis["fault_count_max"] for e in found if not e.problem), default=0.0)
    fixed = next((fixed_eur(e.kpis, prices) for e in found if not e.problem), 0.0)
    return [replace(e, fixed_eur=fixed, warning=_warning(e.kpis["fault_count_max"], fewest)) for e in found]


def _warning(faults: float, fewest: float) -> str:
    return f"{faults:g} faults at one time" if faults > fewest else ""


def _entry(label: str, runs: Sequence[Row], prices: PriceTable, longest_km: float) -> Entry:
    good = [row for row in runs if not row["error"]]
    kpis = {name: float(np.mean([row[name] for row in good])) if good else math.nan for name in KPIS}
    costs = [day_cost(row, prices).ranked_eur for row in good]
    problem = next((str(row["error"]) for row in runs if row["error"]), "")
    cost = day_cost(kpis, prices)
    if not problem and min(row["distance_km"] for row in good) < FINISHED_SHARE * longest_km:
        problem = f"drove {kpis['distance_km']:.1f} of {longest_km:.1f} km"
    if not problem and not math.isfinite(cost.ranked_eur):
        problem = "the run does not tell all that has a price"
    spread_eur = 0.5 * (max(costs) - min(costs)) if costs else math.nan
    return Entry(label, kpis, cost, spread_eur, problem=problem)


def order(of_day: Sequence[Entry]) -> tuple[str, ...]:
    """Return the strategies that can be ranked, cheapest first."""
    ranked = [entry for entry in of_day if not entry.problem]
    return tuple(entry.strategy for entry in sorted(ranked, key=lambda e: e.cost.ranked_eur))


@dataclass(frozen=True)
class Ranking:
    """The order of the strategies at changed prices.

    Attributes
    ----------
    price : name in the price table; "" for the prices as they are
    mean_eur : mean cost of a day by strategy, over the days that every strategy can be ranked on
    changed : days on which the order differs from that at the prices as they are
    """

    price: str
    factor: float
    mean_eur: Mapping[str, float]
    changed: tuple[str, ...]


def rankings(rows: Sequence[Row], prices: PriceTable) -> list[Ranking]:
    """Return the order at the prices as they are, then at half and double each."""
    base = entries(rows, prices)
    found = [Ranking("", 1.0, _mean_eur(base), ())]
    for price in PRICED:
        for factor in FACTORS:
            table = entries(rows, prices.scaled(price, factor))
            changed = tuple(day for day in base if order(table[day]) != order(base[day]))
            found.append(Ranking(price, factor, _mean_eur(table), changed))
    return found


def _mean_eur(table: Table) -> dict[str, float]:
    """Return the mean cost of a day by strategy, cheapest first, over the days without problems."""
    days = [of_day for of_day in table.values() if not any(entry.problem for entry in of_day)]
    sums: dict[str, float] = {}
    for of_day in days:
        for entry in of_day:
            sums[entry.strategy] = sums.get(entry.strategy, 0.0) + entry.cost.ranked_eur / len(days)
    return dict(sorted(sums.items(), key=lambda item: item[1]))


def headroom_shares(of_day: Sequence[Entry]) -> dict[str, float]:
    """Return (PID - strategy) / (PID - bound) of a day, by strategy.

    Nothing without a PID and a bound, or where the bound is less than 1 % of the managed cost below the PID.
    """
    cost = {entry.strategy: entry.managed_eur for entry in of_day if not entry.problem}
    if PID not in cost or BOUND not in cost:
        return {}
    room_eur = cost[PID] - cost[BOUND]
    if room_eur <= 0.0 or room_eur < HEADROOM_LEAST * cost[PID]:
        return {}
    return {name: (cost[PID] - eur) / room_eur for name, eur in cost.items() if name not in {PID, BOUND}}


def bound_rows(paths: Sequence[Path], scenarios: Sequence[str]) -> Iterator[Row]:
    """Yield the rows of runs that stand for the bound, from the ``summary.json`` that each left.

    Raises
    ------
    ScenarioError
        when a file is no summary of one of the scenarios.
    """
    named = {Path(scenario).stem: scenario for scenario in scenarios}
    for i, path in enumerate(paths):
        summary = _summary(path)
        kpis = summary.get("kpis")
        scenario = named.get(str(summary.get("scenario")))
        if not isinstance(kpis, Mapping) or scenario is None:
            raise ScenarioError(
                f"--bound {path}: must be the summary.json of a run of {' or '.join(named)}; run the bound's "
                "commands with thermal-bms run"
            )
        figures = {name: math.nan if kpis.get(name) is None else float(kpis[name]) for name in KPIS}
        head = {"case": 1_000_000 + i, "scenario": scenario, "passed": True, "error": "", "run_s": 0.0}
        yield {**head, "strategy": BOUND, "seed": 0, **figures}


def _summary(path: Path) -> Mapping[str, Any]:  # any JSON values
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ScenarioError(f"--bound {path}: cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise ScenarioError(f"--bound {path}: not valid JSON: {error}") from None
    return found if isinstance(found, Mapping) else {}


def comparison_json(rows: Sequence[Row], prices: PriceTable) -> str:
    """Return everything that was compared as JSON: figures and costs by scenario and strategy."""
    table = {
        scenario: {
            entry.strategy: {
                "cost": {
                    **entry.cost._asdict(),
                    "total_eur": entry.cost.total_eur,
                    "ranked_eur": entry.cost.ranked_eur,
                    "managed_eur": entry.managed_eur,
                    "spread_eur": entry.spread_eur,
                },
                "problem": entry.problem,
                "kpis": dict(entry.kpis),
            }
            for entry in of_day
        }
        for scenario, of_day in entries(rows, prices).items()
    }
    return json.dumps(for_json(table), indent=2, allow_nan=False) + "\n"
