"""The page of a search: its course, what each setting did to the cost, and the best settings on unseen days."""

import math
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.stats import spearmanr

from controllers.settings_file import ControllerTable, settings_text
from controllers.tuning import Knob
from scenarios import report_html as html
from scenarios.compare import entries
from scenarios.compare_plots import difference_figure
from scenarios.compare_report import cost_table
from scenarios.cost import day_cost, fixed_eur
from scenarios.report_plots import (
    BLUE,
    FIGURE_WIDTH_IN,
    GREY,
    ORANGE,
    RED,
    free_panel,
    legend,
    style,
    title,
    to_svg,
)
from scenarios.tune import DEFAULT, TUNED, TunePlan, Tuning
from thermal_bms.units import FloatArray

AT_END_SHARE = 0.02  # of a range: a best value nearer to an end than this says that the range was too narrow
COLUMNS = 4
HISTORY_LEAD = (
    "Mean cost of a training day, violation priced in, trial by trial; the line is the best so far."
)
SLICES_LEAD = (
    "Every trial over the value of each setting; the line is the best. The number is Spearman's rank correlation with "
    "the cost: near 0 the setting had no say, or an optimum inside its range."
)
GAIN_LEAD = "Best settings against the defaults. Held-out days were never trained on, and have other seeds."
SETTINGS_LEAD = "Run them with --settings settings.toml, or paste the table into a scenario."


class Gain(NamedTuple):
    """Cost of a day with default and with tuned settings [EUR], the change, and its range over single seeds [%].

    Percentages are of what thermal management costs with the default settings.
    """

    day: str
    is_training: bool
    default_eur: float
    tuned_eur: float
    percent: float
    low_percent: float
    high_percent: float


def gains(plan: TunePlan, found: Tuning) -> list[Gain]:
    """Return the gain on every day; an error of the tuned settings on a held-out day makes it NaN."""
    cost: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for row in found.rows:
        eur = math.nan if row["error"] else day_cost(row, plan.prices).ranked_eur
        cost.setdefault((row["scenario"], row["strategy"]), []).append((eur, fixed_eur(row, plan.prices)))
    result = []
    for scenario in (*plan.training, *plan.held_out):
        default, tuned = (np.array(cost[scenario, label]) for label in (DEFAULT, TUNED))
        change, managed = tuned[:, 0] - default[:, 0], default[:, 0] - default[:, 1]
        single = 100.0 * change / managed
        means = float(default[:, 0].mean()), float(tuned[:, 0].mean())
        percent = 100.0 * float(change.mean() / managed.mean())
        name, seen = Path(scenario).stem, scenario in plan.training
        result.append(Gain(name, seen, *means, percent, float(single.min()), float(single.max())))
    return result


def settings_file_text(plan: TunePlan, found: Tuning) -> str:
    """Return the settings file: the table that a scenario takes, and on top where it comes from."""
    notes = [
        f"tuned by thermal-bms tune: {plan.n_trials} trials, {plan.method}, seed {plan.seed}",
        f"trained on {', '.join(Path(s).stem for s in plan.training)}, {plan.n_seeds} seeds each",
    ]
    if found.best is None:
        notes.append("no trial was cheaper than the defaults, which are therefore left as they are")
    else:
        for gain in gains(plan, found):
            kind = "trained on" if gain.is_training else "held out"
            notes.append(
                f"{gain.day} ({kind}): {gain.percent:+.1f} % of what thermal management costs with the defaults"
            )
    return settings_text(ControllerTable(name=plan.controller, settings=found.settings), notes) + "\n"


def write_tune_report(target: Path, plan: TunePlan, found: Tuning) -> Path:
    """Write the page and return its path."""
    return html.write_page(target, render_tune_report(plan, found))


def render_tune_report(plan: TunePlan, found: Tuning) -> str:
    """Return the page as text."""
    useless = sum(not math.isfinite(trial.cost_eur) for trial in found.trials)
    chips = [
        ("Trials", str(len(found.trials))),
        ("Seeds", str(plan.n_seeds)),
        ("Search", plan.method),
        ("Trained on", ", ".join(Path(s).stem for s in plan.training)),
        ("Held out", ", ".join(Path(s).stem for s in plan.held_out)),
        ("Without use", str(useless) if useless else ""),
    ]
    meta = {
        "title": f"Tuning of {plan.controller}",
        "scenario": {"description": "Settings searched for EUR."},
    }
    with style():
        drawn = [
            f"<figure>{to_svg(figure, f'tune-{i}', label=label)}</figure>"
            for i, (figure, label) in enumerate(
                [(history_figure(found), "history"), (slices_figure(plan, found), "slices")]
            )
        ]
        judged = _judged(plan, found)
    parts = [
        html.header(meta, _verdict(plan, found), chips),
        html.warnings_section(warnings(plan, found)),
        html.section("Default and tuned", GAIN_LEAD, judged),
        html.section("Course of the search", HISTORY_LEAD, drawn[0]),
        html.section("What each setting did", SLICES_LEAD, drawn[1]),
        html.section("Settings", SETTINGS_LEAD, settings_table(plan, found)),
    ]
    return html.document(f"Tuning of {plan.controller}", parts, foot=f"Search seed {plan.seed}")


def _verdict(plan: TunePlan, found: Tuning) -> tuple[str, str]:
    if found.best is None:
        return "default", "no trial was cheaper"
    all_gains = gains(plan, found)
    sides = [
        (name, [g.percent for g in all_gains if g.is_training is seen])
        for name, seen in (("training", True), ("held out", False))
    ]
    texts = [f"{np.mean(percent):+.1f} % {name}" for name, percent in sides if percent]
    return "tuned", f"managed EUR: {', '.join(texts)}"


def warnings(plan: TunePlan, found: Tuning) -> list[str]:
    """Return what a reader should know before using the settings."""
    told = []
    if not plan.held_out:
        told.append("Nothing was held out, so the gain on other days is unknown.")
    if found.best is None:
        return [*told, "No trial was cheaper than the defaults; settings.toml leaves them as they are."]
    told += [
        f"{gain.day}, held out, costs {gain.percent:+.1f} % with the tuned settings: they do not carry over."
        for gain in gains(plan, found)
        if not gain.is_training and not gain.percent <= 0.0
    ]
    for knob in plan.knobs:
        share = _share(knob, found.settings)
        if min(share, 1.0 - share) < AT_END_SHARE:
            told.append(
                f"{knob.key}: the best value lies at an end of its range; widen it with --range {knob.key}=LOW:HIGH."
            )
    return told


def _judged(plan: TunePlan, found: Tuning) -> str:
    parts = []
    for i, (scenario, of_day) in enumerate(entries(found.rows, plan.prices).items()):
        seen = "trained on" if scenario in plan.training else "held out"
        figure = difference_figure(of_day)
        drawn = to_svg(figure, f"tune-day-{i}", label="cost against the default") if figure else ""
        parts.append(
            f"<h3>{escape(Path(scenario).stem)}, {seen}</h3>{cost_table(of_day)}<figure>{drawn}</figure>"
        )
    return "".join(parts)


def settings_table(plan: TunePlan, found: Tuning) -> str:
    """Return the tuned settings with their ranges."""
    values = flat(found.settings)
    rows = [
        [
            knob.key,
            html.number_text(values[knob.key]) if knob.key in values else "default",
            f"{html.number_text(knob.low)} .. {html.number_text(knob.high)}"
            + (f" from {knob.above}" if knob.above else ""),
        ]
        for knob in plan.knobs
    ]
    return html.plain_table(["Setting", "value", "searched in"], rows)


def flat(settings: Mapping[str, Any], path: str = "") -> dict[str, float]:  # Any: nested settings
    """Return nested settings by path.

    >>> flat({"a": {"b": 1.0}, "c": 2.0})
    {'a.b': 1.0, 'c': 2.0}
    """
    found: dict[str, float] = {}
    for key, value in settings.items():
        found.update(flat(value, f"{path}{key}.") if isinstance(value, Mapping) else {f"{path}{key}": value})
    return found


def _share(knob: Knob, settings: Mapping[str, Any]) -> float:
    """Return where in its range a knob's value lies, 0 to 1."""
    values = flat(settings)
    value = values[knob.key] - (values[knob.above] if knob.above else 0.0)
    if knob.is_log:
        return math.log(value / knob.low) / math.log(knob.high / knob.low)
    return (value - knob.low) / (knob.high - knob.low)


def history_figure(found: Tuning) -> Figure:
    """Draw the cost of every trial and the best so far."""
    figure, panel = free_panel(2.6)
    panel.set_position((0.075, 0.17, 0.9, 0.7))
    costs = np.array([trial.cost_eur for trial in found.trials])
    good = np.isfinite(costs)
    number = np.arange(1, costs.size + 1)
    panel.plot(number[good], costs[good], "o", color=BLUE, markersize=4, label="trial")
    panel.step(number, np.fmin.accumulate(costs), where="post", color=ORANGE, label="best so far")
    panel.axhline(found.default_eur, color=GREY, linestyle="--", linewidth=0.9, label="default")
    _cut_top(panel, costs[good], found.default_eur)
    panel.set_xlabel("Trial")
    title(panel, "Cost of a training day", "EUR")
    legend(panel)
    return figure


def slices_figure(plan: TunePlan, found: Tuning) -> Figure:
    """Draw the cost of every trial over each setting, with the rank correlation."""
    rows = math.ceil(len(plan.knobs) / COLUMNS)
    height_in = 1.95 * rows
    figure, whole = free_panel(height_in)
    whole.remove()
    good = [trial for trial in found.trials if math.isfinite(trial.cost_eur)]
    costs = np.array([trial.cost_eur for trial in good])
    for i, knob in enumerate(plan.knobs):
        row, column = divmod(i, COLUMNS)
        bottom = (height_in - 1.95 * (row + 1) + 0.42) / height_in
        panel = figure.add_axes((0.075 + column * 0.235, bottom, 0.185, 1.2 / height_in))
        values = np.array([flat(trial.settings)[knob.key] for trial in good])
        panel.plot(values, costs, "o", color=BLUE, markersize=3)
        if knob.is_log:
            panel.set_xscale("log")
        if found.best is not None:
            panel.axvline(flat(found.settings)[knob.key], color=RED, linewidth=0.9)
        _cut_top(panel, costs, found.default_eur)
        panel.set_title(f"{knob.key}  {_rank_text(values, costs)}", fontsize=7.0)
        panel.set_ylabel("EUR" if column == 0 else "", fontsize=7.0)
    figure.set_size_inches(FIGURE_WIDTH_IN, height_in)
    return figure


def _rank_text(values: FloatArray, costs: FloatArray) -> str:
    if values.size < 3 or np.ptp(values) == 0.0 or np.ptp(costs) == 0.0:
        return ""
    return f"{float(spearmanr(values, costs).statistic):+.2f}"


def _cut_top(panel: Axes, costs: FloatArray, default_eur: float) -> None:
    """Leave the worst trials above the picture, so that the good ones can be told apart."""
    values = np.array([*costs, default_eur])
    low, high = float(values.min()), float(np.quantile(values, 0.8))
    room = 0.15 * max(high - low, 1e-6 * abs(high) + 1e-9)
    panel.set_ylim(low - room, max(high, default_eur) + room)
