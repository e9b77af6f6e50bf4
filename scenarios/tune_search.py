"""How settings are searched: Optuna's tree-structured Parzen estimator, or SciPy's differential evolution.

Both look at settings as points of the unit cube, ask for the cost of a few points at a time, and follow from a seed
alone: an interrupted search that is asked again from the start asks for the same points, and those already known
cost nothing. Bergstra et al. 2011 (NeurIPS 24, Algorithms for hyper-parameter optimization); Storn and Price 1997,
doi 10.1023/A:1008202821328.
"""

import importlib
import importlib.util
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, get_args

import numpy as np
from scipy.optimize import Bounds, differential_evolution
from scipy.stats import qmc

from thermal_bms.errors import ConfigError
from thermal_bms.units import FloatArray

Method = Literal["optuna", "scipy"]
Point = tuple[float, ...]
Evaluate = Callable[[Sequence[Point]], Sequence[float]]  # infinite: such settings cannot be used

BATCH = 4
"""Points asked for at a time; fixed, so that the search does not depend on the number of cores."""
GENERATIONS = 6
MEMBERS_LEAST = 5  # of differential evolution


def default_method() -> Method:
    """Return Optuna where it is installed, else SciPy."""
    return "optuna" if importlib.util.find_spec("optuna") else "scipy"


def search(method: Method, evaluate: Evaluate, *, n_knobs: int, n_trials: int, seed: int) -> None:
    """Ask ``evaluate`` for the cost of exactly ``n_trials`` points.

    Raises
    ------
    ConfigError
        when Optuna is asked for and not installed.
    """
    if method not in get_args(Method):
        raise ConfigError(f"--search {method}: must be optuna or scipy")
    run = _optuna if method == "optuna" else _scipy
    run(evaluate, n_knobs, n_trials, seed)


def _optuna(evaluate: Evaluate, n_knobs: int, n_trials: int, seed: int) -> None:
    try:
        optuna: Any = importlib.import_module("optuna")  # has no types worth checking here
    except ImportError:
        raise ConfigError(
            "--search optuna needs Optuna: pip install 'thermal-bms[tune]', or use --search scipy"
        ) from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed))
    axes = {f"x{i}": optuna.distributions.FloatDistribution(0.0, 1.0) for i in range(n_knobs)}
    for start in range(0, n_trials, BATCH):
        asked = [study.ask(axes) for _ in range(min(BATCH, n_trials - start))]
        costs = evaluate([tuple(trial.params[name] for name in axes) for trial in asked])
        for trial, cost in zip(asked, costs, strict=True):
            if np.isfinite(cost):
                study.tell(trial, cost)
            else:
                study.tell(trial, state=optuna.trial.TrialState.FAIL)


class _SpentError(Exception):
    """The trials are used up."""


def _never_called(_: FloatArray) -> float:
    raise TypeError("differential evolution is to ask its map for all costs")


def _scipy(evaluate: Evaluate, n_knobs: int, n_trials: int, seed: int) -> None:
    members = min(n_trials, max(MEMBERS_LEAST, n_trials // GENERATIONS))
    first = qmc.LatinHypercube(n_knobs, rng=np.random.default_rng(seed)).random(members)
    if members < MEMBERS_LEAST:  # too few to evolve
        evaluate([tuple(map(float, x)) for x in first])
        return
    left = n_trials

    def costs_of(_: object, points: Iterable[FloatArray]) -> list[float]:
        nonlocal left
        asked = [tuple(map(float, x)) for x in points][:left]
        left -= len(asked)
        found = list(evaluate(asked))
        if left == 0:
            raise _SpentError
        return found

    try:
        differential_evolution(
            _never_called,
            Bounds(np.zeros(n_knobs), np.ones(n_knobs)),
            init=first,
            rng=np.random.default_rng(seed),
            workers=costs_of,
            updating="deferred",
            polish=False,
            maxiter=n_trials,
            tol=0.0,
        )
    except _SpentError:
        return
