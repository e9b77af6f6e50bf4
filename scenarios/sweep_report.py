"""The report of a sweep: how every figure is spread, the worst cases, and what moves which figure."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from scipy.stats import rankdata

from scenarios import report_html as html
from scenarios.checks import KPIS
from scenarios.report_plots import BLUE, FIGURE_WIDTH_IN, GREY, free_panel, style, to_svg
from scenarios.sweep import SweepPlan
from thermal_bms.units import FloatArray

REPORT_NAME = "sweep.html"
QUANTILES = (0.0, 0.05, 0.5, 0.95, 1.0)
SHOWN = (
    "energy_kwh_per_km",
    "thermal_kwh_per_100_km",
    "cell_temp_max_degc",
    "cell_temp_min_degc",
    "cell_temp_spread_max_k",
    "comfort_violation_k_s",
    "charge_minutes",
    "battery_cooling_starts",
    "range_km",
    "fault_count_max",
)
"""The figures that are drawn, as far as they differ between cases; the table has them all."""

Table = Mapping[str, Sequence[Any]]  # columns of numbers, texts and flags
SPREAD_LEAD = (
    "Lowest, 5 %, median, 95 % and highest value over all cases; figures that never change are left out."
)
SENSITIVITY_LEAD = (
    "Rank correlation (Spearman) between what was varied and what came out: +1 always rises together, -1 always "
    "falls, 0 has no say."
)
WORST_LEAD = "The case with the highest value of each figure, and what it was run with."


def write_sweep_report(folder: Path, plan: SweepPlan, table: Table) -> Path:
    """Write ``sweep.html`` into the folder and return its path."""
    return html.write_page(folder / REPORT_NAME, render_sweep_report(plan, table))


def render_sweep_report(plan: SweepPlan, table: Table) -> str:
    """Return the page as text."""
    n, failed = len(table["case"]), _n_failed(table)
    errors = [text for text in table["error"] if text]
    verdict = ("passed", f"{n} of {plan.size} cases, all checks hold")
    if n < plan.size:
        verdict = ("incomplete", f"{n} of {plan.size} cases are done")
    elif failed:
        verdict = ("failed", f"{failed} of {n} cases fail a check")
    chips = [("Cases", str(n)), ("Varied", ", ".join(plan.axes)), ("Scenarios", ", ".join(plan.scenarios))]
    meta = {"title": "Sweep", "scenario": {"description": "One scenario, many conditions."}}
    spread = spreads(table)
    with style():
        figures = [distribution_figure(table, spread), sensitivity_figure(plan, table, spread)]
    drawn = [
        "" if f is None else f"<figure>{to_svg(f, f'sweep-{i}', label='sweep')}</figure>"
        for i, f in enumerate(figures)
    ]
    parts = [
        html.header(meta, verdict, chips),
        html.warnings_section(
            [f"{len(errors)} cases ended in an error; the first: {errors[0]}"] if errors else []
        ),
        html.section(
            "How the figures are spread",
            SPREAD_LEAD,
            drawn[0] + html.folded("Every figure", _spread_table(spread)),
        ),
        html.section("What moves what", SENSITIVITY_LEAD, drawn[1]),
        html.section("Worst cases", WORST_LEAD, _worst_table(plan, table, spread)),
    ]
    return html.document("Sweep", parts, foot=f"{n} cases, {sum(table['run_s']) / 3600.0:.2f} h of computing")


def spreads(table: Table) -> dict[str, tuple[float, ...]]:
    """Return the quantiles of every figure that differs between cases, by name.

    >>> spreads({"range_km": [1.0, 3.0, math.nan], "distance_km": [5.0, 5.0, 5.0]})
    {'range_km': (1.0, 1.1, 2.0, 2.9, 3.0)}
    """
    found = {}
    for name in KPIS:
        values = _known(table.get(name, ()))
        if values.size and values.max() > values.min():
            found[name] = tuple(round(float(q), 12) for q in np.quantile(values, QUANTILES))
    return found


def sensitivity(plan: SweepPlan, table: Table, names: Sequence[str]) -> FloatArray:
    """Return Spearman's rank correlation of every axis with every figure, shape (n_axes, n_names); NaN for none.

    An axis of texts counts in alphabetical order.
    """
    rows = [[_spearman(table[axis], table[name]) for name in names] for axis in plan.axes]
    return np.array(rows, dtype=np.float64).reshape(len(plan.axes), len(names))


def distribution_figure(table: Table, spread: Mapping[str, Any]) -> Figure | None:
    """Return the share of cases at or below each value, one panel per figure; None when nothing differs."""
    names = [name for name in SHOWN if name in spread]
    if not names:
        return None
    columns, rows = 3, math.ceil(len(names) / 3)
    figure, whole = free_panel(1.9 * rows)
    whole.remove()
    for i, name in enumerate(names):
        row, column = divmod(i, columns)
        left, bottom = 0.05 + column * 0.325, 1.0 - (row + 1) / rows + 0.42 / (1.9 * rows)
        panel = figure.add_axes((left, bottom, 0.26, 1.05 / (1.9 * rows)))
        values = np.sort(_known(table[name]))
        panel.step(values, 100.0 * np.arange(1, values.size + 1) / values.size, where="post", color=BLUE)
        panel.axhline(50.0, color=GREY, linewidth=0.5)
        panel.set_ylim(0.0, 102.0)
        unit = html.unit_text(KPIS[name].unit)
        panel.set_title(f"{KPIS[name].label}{f' [{unit}]' if unit else ''}", fontsize=7.5, loc="left")
        panel.set_ylabel("cases [%]", fontsize=7.0)
    return figure


def sensitivity_figure(plan: SweepPlan, table: Table, spread: Mapping[str, Any]) -> Figure | None:
    """Return the map of rank correlations; None with fewer than three cases or nothing that differs."""
    names = [name for name in SHOWN if name in spread]
    axes = [axis for axis in plan.axes if axis != "seed"]
    if len(table["case"]) < 3 or not names or not axes:
        return None
    shares = sensitivity(plan, table, names)[[plan.axes.index(axis) for axis in axes]]
    height_in = 0.9 + 0.34 * len(axes)
    figure, panel = free_panel(height_in)
    panel.set_position((0.22, 0.62 / height_in, 0.76, 0.3 * len(axes) / height_in))
    panel.imshow(shares, cmap="RdBu_r", vmin=-1.0, vmax=1.0, aspect="auto")
    panel.set_yticks(range(len(axes)), axes)
    panel.set_xticks(
        range(len(names)), [name.replace("_", " ") for name in names], rotation=14, ha="right", fontsize=6.5
    )
    for (i, j), share in np.ndenumerate(shares):
        if math.isfinite(share):
            dark = abs(share) > 0.6
            panel.text(
                j,
                i,
                f"{share:+.2f}",
                ha="center",
                va="center",
                fontsize=7,
                color="white" if dark else "black",
            )
    figure.set_size_inches(FIGURE_WIDTH_IN, height_in)
    return figure


def _spread_table(spread: Mapping[str, tuple[float, ...]]) -> str:
    head = ["Figure", "unit", "lowest", "5 %", "median", "95 %", "highest"]
    rows = [
        [KPIS[name].label, html.unit_text(KPIS[name].unit), *(html.number_text(q) for q in quantiles)]
        for name, quantiles in spread.items()
    ]
    return html.plain_table(head, rows, numbers_from=2) if rows else ""


def _worst_table(plan: SweepPlan, table: Table, spread: Mapping[str, Any]) -> str:
    rows = []
    for name in SHOWN:
        if name in spread:
            values = np.array(table[name], dtype=np.float64)
            i = int(np.nanargmax(values))
            run_with = [
                str(table["scenario"][i]),
                *(f"{axis} = {_short(table[axis][i])}" for axis in plan.axes),
            ]
            shown = f"{html.number_text(float(values[i]))} {html.unit_text(KPIS[name].unit)}"
            rows.append([KPIS[name].label, shown, str(table["case"][i]), ", ".join(run_with)])
    return html.plain_table(["Figure", "highest", "case", "run with"], rows, numbers_from=9) if rows else ""


def _short(value: Any) -> str:  # number, text or flag
    return html.number_text(value) if isinstance(value, float) else str(value)


def _n_failed(table: Table) -> int:
    return sum(not passed for passed in table["passed"])


def _known(values: Sequence[Any]) -> FloatArray:
    array = np.array(values, dtype=np.float64)
    return np.asarray(array[np.isfinite(array)])


def _spearman(axis: Sequence[Any], figure: Sequence[Any]) -> float:
    """Return the rank correlation over the cases where the figure is known; NaN when either stands still."""
    y = np.array(figure, dtype=np.float64)
    known = np.isfinite(y)
    kinds = {value: float(i) for i, value in enumerate(sorted(set(axis), key=str))}
    x = np.array([kinds[v] if isinstance(v, str) else float(v) for v in axis])[known]
    if x.size < 2:
        return math.nan
    ranks_x, ranks_y = rankdata(x), rankdata(y[known])
    if ranks_x.std() == 0.0 or ranks_y.std() == 0.0:
        return math.nan
    return float(np.corrcoef(ranks_x, ranks_y)[0, 1])
