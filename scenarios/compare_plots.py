"""The drawings of a comparison: costs part by part against the first strategy, and Pareto plots."""

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from scenarios.compare import Entry
from scenarios.report_plots import (
    BLUE,
    FIGURE_WIDTH_IN,
    GREEN,
    GREY,
    INK,
    MUTED,
    ORANGE,
    PURPLE,
    RED,
    SKY,
    YELLOW,
    free_panel,
    legend,
    title,
)

PARTS = (
    ("energy_eur", "energy", BLUE),
    ("ageing_eur", "ageing", ORANGE),
    ("time_eur", "time", GREEN),
    ("charge_left_eur", "charge left", SKY),
    ("heat_left_eur", "heat left", PURPLE),
    ("violation_eur", "violation", RED),
)
STRATEGY_COLOURS = (GREY, BLUE, ORANGE, GREEN, PURPLE, RED, SKY, YELLOW)
LEFT_IN = 1.5


def difference_figure(of_day: Sequence[Entry]) -> Figure | None:
    """Draw how each part of the cost differs from that of the first strategy; None with nothing to set against it."""
    first, others = of_day[0], [entry for entry in of_day[1:] if not entry.problem]
    if first.problem or not others:
        return None
    height_in = 0.85 + 0.34 * len(others)
    figure, panel = free_panel(height_in)
    _place(panel, height_in, LEFT_IN, FIGURE_WIDTH_IN - 0.4, bottom_in=0.45, top_in=0.32)
    for row, entry in enumerate(reversed(others)):
        more = less = 0.0
        for name, label, colour in PARTS:
            eur = getattr(entry.cost, name) - getattr(first.cost, name)
            panel.barh(
                row,
                eur,
                left=more if eur > 0.0 else less,
                height=0.55,
                color=colour,
                label=label if row == 0 else None,
            )
            more, less = more + max(eur, 0.0), less + min(eur, 0.0)
        whole = entry.cost.ranked_eur - first.cost.ranked_eur
        panel.plot([whole], [row], "D", color=INK, markersize=4, label="all" if row == 0 else None)
    panel.set_yticks(range(len(others)), [entry.strategy for entry in reversed(others)])
    panel.axvline(0.0, color=MUTED, linewidth=0.8)
    panel.set_xlabel(f"EUR a day against {first.strategy}")
    title(panel, "Cost by part", "")
    legend(panel)
    return figure


def pareto_figure(of_day: Sequence[Entry]) -> Figure | None:
    """Draw energy against violation, and all other EUR against ageing; None when nothing can be drawn."""
    known = [entry for entry in of_day if not entry.problem]
    if not known:
        return None
    height_in = 3.0
    figure, left = free_panel(height_in)
    right = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    _place(left, height_in, 0.75, 4.8, bottom_in=0.45, top_in=0.35)
    _place(right, height_in, 5.75, FIGURE_WIDTH_IN - 0.3, bottom_in=0.45, top_in=0.35)
    colours = {entry.strategy: STRATEGY_COLOURS[i % len(STRATEGY_COLOURS)] for i, entry in enumerate(of_day)}
    violation = [(entry.kpis["in_use_violation_k_s"], entry.kpis["thermal_energy_kwh"]) for entry in known]
    ageing = [(entry.cost.ageing_eur, entry.cost.ranked_eur - entry.cost.ageing_eur) for entry in known]
    for panel, points in ((left, violation), (right, ageing)):
        for entry, (x, y) in zip(known, points, strict=True):
            panel.plot([x], [y], "o", color=colours[entry.strategy], markersize=7, label=entry.strategy)
            panel.annotate(entry.strategy, (x, y), xytext=(6, 4), textcoords="offset points", fontsize=7.5)
        _joined(panel, points)
        panel.margins(0.18)
    left.set_xlabel("Outside the comfort band in use [K s]")
    title(left, "Thermal system", "kWh")
    right.set_xlabel("Ageing [EUR]")
    title(right, "Everything else", "EUR")
    return figure


def pareto_front(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the points that no other one beats in both numbers, by rising first number.

    >>> pareto_front([(2.0, 1.0), (1.0, 3.0), (3.0, 2.0)])
    [(1.0, 3.0), (2.0, 1.0)]
    """
    front: list[tuple[float, float]] = []
    for x, y in sorted(points):
        if y < (front[-1][1] if front else math.inf):
            front.append((x, y))
    return front


def _joined(panel: Axes, points: Sequence[tuple[float, float]]) -> None:
    front = pareto_front(points)
    panel.step(*zip(*front, strict=True), where="post", color=MUTED, linewidth=0.8, linestyle=":", zorder=0)


def _place(
    panel: Axes, height_in: float, left_in: float, right_in: float, *, bottom_in: float, top_in: float
) -> None:
    width = FIGURE_WIDTH_IN
    box = (
        left_in / width,
        bottom_in / height_in,
        (right_in - left_in) / width,
        (height_in - bottom_in - top_in) / height_in,
    )
    panel.set_position(box)
