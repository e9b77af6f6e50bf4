"""Sweeps: one scenario run many times over a grid of values, or with values drawn at random.

A sweep is a plan of cases. Every case is a scenario with ``key=value`` changes; grid axes are combined with each
other, random axes are drawn together as a Latin hypercube (McKay, Beckman, Conover 1979, doi
10.1080/00401706.1979.10489755), which covers every axis evenly. The same plan always has the same cases.
"""

import math
import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import numpy as np
from scipy.stats import norm, qmc

from scenarios.checks import KPIS
from scenarios.runner import run
from scenarios.scenario import load_scenario
from thermal_bms.errors import ScenarioError, ThermalBmsError
from thermal_bms.parameters import toml_text
from thermal_bms.units import FloatArray

Value = float | int | str | bool
Row = dict[str, Any]  # what a case gave: numbers, texts and flags by column

_SPAN = re.compile(r"^\s*(?P<low>[^:,]+):(?P<high>[^:,]+):(?P<n>\d+)\s*$")
_LAW = re.compile(r"^\s*(?P<law>uniform|normal|integer|choice)\((?P<arguments>.*)\)\s*$")
SEED_KEY = "seed"


@dataclass(frozen=True, slots=True)
class GridAxis:
    """A key and the values it takes."""

    key: str
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class RandomAxis:
    """A key and the law that its values follow: uniform, normal, integer or choice, with arguments."""

    key: str
    law: str
    arguments: tuple[Value, ...]

    def draw(self, share: FloatArray) -> list[Value]:
        """Return the values at these shares of the law's distribution, each in 0..1."""
        if self.law == "choice":
            last = len(self.arguments) - 1
            return [self.arguments[min(int(s * len(self.arguments)), last)] for s in share]
        a, b = (float(x) for x in self.arguments)
        if self.law == "normal":
            return [float(x) for x in norm.ppf(np.clip(share, 1e-6, 1.0 - 1e-6), a, b)]
        if self.law == "integer":
            return [int(x) for x in np.minimum(np.floor(a + share * (b - a + 1.0)), b)]
        return [float(x) for x in a + share * (b - a)]


@dataclass(frozen=True, slots=True)
class Case:
    """One run of a sweep: its number, the scenario, and the value of every axis."""

    number: int
    scenario: str
    values: tuple[tuple[str, Value], ...]
    overrides: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SweepPlan:
    """Everything that decides which cases there are.

    Attributes
    ----------
    scenarios : library names or files
    grid : axes that are combined with each other
    random : axes that are drawn together
    samples : draws per point of the grid
    overrides : ``key=value`` changes of every case
    seed : of the draws
    """

    scenarios: tuple[str, ...]
    grid: tuple[GridAxis, ...] = ()
    random: tuple[RandomAxis, ...] = ()
    samples: int = 1
    overrides: tuple[str, ...] = ()
    seed: int = 1

    @property
    def axes(self) -> tuple[str, ...]:
        """The keys that change from case to case; drawn cases have seeds of their own."""
        own_seed = (SEED_KEY,) if self.samples > 1 and SEED_KEY not in self._named() else ()
        return (*(axis.key for axis in self.grid), *(axis.key for axis in self.random), *own_seed)

    @property
    def size(self) -> int:
        """The number of cases."""
        return len(self.scenarios) * math.prod(len(axis.values) for axis in self.grid) * self.samples

    def cases(self) -> Iterator[Case]:
        """Yield every case, always the same ones in the same order."""
        number = 0
        for scenario in self.scenarios:
            for point in product(*(axis.values for axis in self.grid)):
                for drawn in self._draws():
                    values = tuple(zip(self.axes, (*point, *drawn), strict=True))
                    changes = tuple(f"{key}={toml_text(value)}" for key, value in values)
                    yield Case(number, scenario, values, (*self.overrides, *changes))
                    number += 1

    def check(self) -> None:
        """Load every scenario with what every axis takes, so that a mistake shows before the first run.

        Of drawn numbers the lowest and the highest are looked at.

        Raises
        ------
        ScenarioError, ConfigError
            as loading a scenario raises them.
        """
        if len(set(self.axes)) < len(self.axes):
            twice = next(key for key in self.axes if self.axes.count(key) > 1)
            raise ScenarioError(f"{twice} is varied twice; give every key once")
        if self.samples > 1 and not self.random and SEED_KEY not in self.axes:
            raise ScenarioError(f"--samples {self.samples} needs something to draw; add --random KEY=LAW")
        for scenario in self.scenarios:
            load_scenario(scenario, self.overrides)
            for key, values in self._taken():
                for value in _ends(values):
                    load_scenario(scenario, (*self.overrides, f"{key}={toml_text(value)}"))

    def columns(self) -> dict[str, type]:
        """Return the columns of the results and what they hold; an axis holds text where not all of it is numbers."""
        axes = {key: _kind(values) for key, values in self._taken()}
        return {
            "case": int,
            "scenario": str,
            "passed": bool,
            "error": str,
            "run_s": float,
            **{key: axes.get(key, int) for key in self.axes},
            **dict.fromkeys(KPIS, float),
        }

    def _taken(self) -> list[tuple[str, tuple[Value, ...]]]:
        """Return every axis with the values it takes in this plan."""
        drawn = list(zip(*self._draws(), strict=True)) if self.random else []
        found = [(axis.key, axis.values) for axis in self.grid]
        return found + [(axis.key, tuple(column)) for axis, column in zip(self.random, drawn, strict=False)]

    def _named(self) -> set[str]:
        fixed = (override.partition("=")[0].strip() for override in self.overrides)
        return {*fixed, *(axis.key for axis in self.grid), *(axis.key for axis in self.random)}

    def _draws(self) -> Iterator[tuple[Value, ...]]:
        """Yield the drawn values of every sample; one empty draw when nothing is drawn."""
        rng = np.random.default_rng(self.seed)
        columns: list[list[Value]] = []
        if self.random:
            shares = qmc.LatinHypercube(len(self.random), rng=rng).random(self.samples)
            columns = [axis.draw(shares[:, j]) for j, axis in enumerate(self.random)]
        if SEED_KEY in self.axes[len(self.grid) + len(self.random) :]:
            columns.append([int(s) for s in rng.integers(1, 2**31, self.samples)])
        return zip(*columns, strict=True) if columns else iter([()])


def _ends(values: Sequence[Value]) -> Sequence[Value]:
    """Return the lowest and the highest of numbers, or all values when there is text among them."""
    numbers = [value for value in values if isinstance(value, (int, float))]
    if len(numbers) < len(values):
        return sorted(set(values), key=str)
    return min(numbers), max(numbers)


def _kind(values: Sequence[Value]) -> type:
    """Return what a column of these values holds: flags, numbers or text."""
    if all(isinstance(value, bool) for value in values):
        return bool
    return float if all(isinstance(value, (int, float)) for value in values) else str


def parse_grid(text: str) -> GridAxis:
    """Return the axis of ``key=a,b,c`` or ``key=low:high:n``.

    >>> parse_grid("payload_kg=0:20000:3").values
    (0.0, 10000.0, 20000.0)
    >>> parse_grid("controller.name=pid,thermostat").values
    ('pid', 'thermostat')
    """
    key, found, listed = text.partition("=")
    if not found or not key.strip() or not listed.strip():
        raise ScenarioError(f"--grid {text}: expected KEY=A,B,C or KEY=LOW:HIGH:N")
    span = _SPAN.match(listed)
    if span:
        try:
            low, high, n = float(span["low"]), float(span["high"]), int(span["n"])
        except ValueError:
            raise ScenarioError(f"--grid {text}: LOW and HIGH must be numbers") from None
        if n < 2:
            raise ScenarioError(f"--grid {text}: N must be >= 2")
        return GridAxis(key.strip(), tuple(float(x) for x in np.linspace(low, high, n)))
    return GridAxis(key.strip(), _values(listed, f"--grid {text}"))


def parse_random(text: str) -> RandomAxis:
    """Return the axis of ``key=law(arguments)``.

    >>> parse_random("climate.ambient_temp_degc=uniform(-10,40)").arguments
    (-10, 40)
    """
    key, _, law = text.partition("=")
    found = _LAW.match(law)
    if not key.strip() or not found:
        known = "uniform(LOW,HIGH), normal(MEAN,DEVIATION), integer(LOW,HIGH) or choice(A,B,...)"
        raise ScenarioError(f"--random {text}: expected KEY={known}")
    arguments = _values(found["arguments"], f"--random {text}")
    if found["law"] != "choice":
        numbers = [x for x in arguments if isinstance(x, (int, float)) and not isinstance(x, bool)]
        rising = found["law"] == "normal" or (len(numbers) == 2 and numbers[0] < numbers[1])
        if len(arguments) != 2 or len(numbers) != 2 or not rising:
            raise ScenarioError(
                f"--random {text}: {found['law']} takes two numbers, the second above the first"
            )
        if found["law"] == "normal" and not numbers[1] > 0.0:
            raise ScenarioError(f"--random {text}: the deviation must be > 0")
    return RandomAxis(key.strip(), found["law"], arguments)


def _values(listed: str, where: str) -> tuple[Value, ...]:
    """Return comma-separated values, read as TOML where they are TOML, else as text."""
    values: list[Value] = []
    for item in listed.split(","):
        text = item.strip()
        if not text:
            raise ScenarioError(f"{where}: an empty value")
        try:
            value = tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            value = text
        if not isinstance(value, (bool, int, float, str)):
            raise ScenarioError(f"{where}: {text} is no number, text or flag")
        values.append(value)
    return tuple(values)


def run_case(case: Case) -> Row:
    """Run one case and return its row: values, figures, verdict; an error is told in the row, not raised."""
    started = perf_counter()
    row = lost_case(case, "")
    try:
        with TemporaryDirectory(prefix="thermal-bms-sweep-") as folder:
            result = run(load_scenario(case.scenario, case.overrides), Path(folder))
        row.update({name: float(value) for name, value in result.kpis.items() if name in KPIS})
        row["passed"] = result.passed
    except ThermalBmsError as error:
        row["error"] = str(error)
    except Exception as error:  # a user's controller may raise anything; the other cases are not to be lost
        row["error"] = f"{type(error).__name__}: {error}"
    row["run_s"] = perf_counter() - started
    return row


def lost_case(case: Case, error: str) -> Row:
    """Return the row of a case that gave no figures, and why."""
    row: Row = {"case": case.number, "scenario": case.scenario, "passed": False, "error": error, "run_s": 0.0}
    return {**row, **dict(case.values), **dict.fromkeys(KPIS, math.nan)}
