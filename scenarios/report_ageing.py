"""Ageing on pages: a section of a run's report, and the page of a projection over years."""

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from plant_models.ageing import advance, new_cells
from plant_models.ageing_day import ageing_rates
from scenarios import report_html as html
from scenarios.ageing import DAYS_PER_YEAR, KPI_YEARS, AgedRun
from scenarios.projection import MONTHS_PER_YEAR, Projection
from scenarios.report_plots import (
    BLUE,
    FIGURE_WIDTH_IN,
    GREEN,
    MARGIN_LEFT_IN,
    MARGIN_RIGHT_IN,
    ORANGE,
    PURPLE,
    RED,
    SKY,
    free_panel,
    legend,
    style,
    title,
    to_svg,
)
from thermal_bms.units import FloatArray

CAUSES = (("time", BLUE), ("cycles", ORANGE), ("plating", RED))
STRING_COLOURS = (BLUE, ORANGE, GREEN, PURPLE, SKY, RED)
SECTION_LEAD = (
    "Mean of the first ten years of such days, from a new pack. The band is that of the laws and of plating; it "
    "is wider where the day left the range that a law was measured in."
)


def ageing_section(run: AgedRun, kpis: Mapping[str, float]) -> str:
    """Return the report's section on ageing: a table by cause with its band, and which groups age fastest."""
    rows = [
        _row("time", kpis["ageing_calendar_percent_per_day"]),
        _row("cycles", kpis["ageing_cycle_percent_per_day"]),
        _row("lithium plating", kpis["ageing_plating_percent_per_day"]),
        _row("all", *(kpis[f"ageing_percent_per_day{end}"] for end in ("", "_low", "_high"))),
    ]
    eur = [html.number_text(kpis[f"ageing_eur_per_day{end}"]) for end in ("", "_low", "_high")]
    gain = html.number_text(100.0 * kpis["ageing_resistance_percent_per_day"])
    head = '<tr><th>Capacity lost to</th><th class="n">% of new per 100 days</th><th class="n">band</th></tr>'
    price = f"<p>{eur[0]} EUR a day ({eur[1]} to {eur[2]}). Resistance grows by {gain} % in 100 days.</p>"
    with style():
        figure = to_svg(groups_figure(run), "ageing", label="ageing of the groups")
    return html.section(
        "Ageing", SECTION_LEAD, f"<table>{head}{''.join(rows)}</table>{price}<figure>{figure}</figure>"
    )


def _row(name: str, value: float, low: float = math.nan, high: float = math.nan) -> str:
    texts = [html.number_text(100.0 * number) for number in (value, low, high)]
    band = "" if math.isnan(low) else f"{texts[1]} to {texts[2]}"
    return f'<tr><td>{escape(name)}</td><td class="n">{texts[0]}</td><td class="n">{band}</td></tr>'


def groups_figure(run: AgedRun) -> Figure:
    """Draw what every group loses a day, along the coolant."""
    days = KPI_YEARS * DAYS_PER_YEAR
    state = advance(run.day.parameters, new_cells(run.day.health.capacity.shape), ageing_rates(run.day), days)
    loss_percent = 1e4 * (state.loss_calendar + state.loss_cycle + state.loss_plating[1]) / days
    figure, panel = free_panel(2.3)
    _place(panel, figure, 0.0, 1.0)
    for k, values in enumerate(loss_percent):
        colour = STRING_COLOURS[k % len(STRING_COLOURS)]
        panel.plot(np.arange(1, values.size + 1), values, color=colour, label=f"string {k}")
    panel.set_xlabel("Group, in the order in which the coolant meets them")
    title(panel, "Capacity lost by every group", "% per 100 days")
    legend(panel)
    return figure


def _place(panel: Axes, figure: Figure, left: float, width: float) -> None:
    """Put a panel into a share of the figure's width, with the margins of all figures."""
    height_in = float(figure.get_figheight())
    edge = MARGIN_LEFT_IN / FIGURE_WIDTH_IN
    room = 1.0 - edge - MARGIN_RIGHT_IN / FIGURE_WIDTH_IN
    bottom, top = 0.42 / height_in, 0.32 / height_in
    panel.set_position((edge + left * room, bottom, width * room, 1.0 - bottom - top))


def projection_figure(found: Projection) -> Figure:
    """Draw capacity and resistance with their bands, what the capacity was lost to, and its price."""
    figure, capacity = free_panel(5.6)
    panels = [capacity, *(figure.add_axes((0.0, 0.0, 1.0, 1.0)) for _ in range(3))]
    height_in = 5.6
    edge = MARGIN_LEFT_IN / FIGURE_WIDTH_IN
    room = 1.0 - edge - MARGIN_RIGHT_IN / FIGURE_WIDTH_IN
    for index, panel in enumerate(panels):
        left = edge + (index % 2) * 0.54 * room
        bottom = (0.42 if index > 1 else 3.18) / height_in
        panel.set_position((left, bottom, 0.46 * room, 2.05 / height_in))
        panel.set_xlim(float(found.year[0]), float(found.year[-1]))
    panels[2].set_xlabel("Years")
    panels[3].set_xlabel("Years")
    _band(panels[0], found.year, 100.0 * found.capacity, BLUE, "mean of the groups")
    panels[0].plot(found.year, 100.0 * found.pack_capacity, color=RED, ls=":", label="by the weakest group")
    title(panels[0], "Capacity", "% of new")
    _band(panels[1], found.year, 100.0 * found.resistance, ORANGE, "mean of the groups")
    title(panels[1], "Resistance", "% of new")
    panels[2].stackplot(
        found.year,
        found.loss_percent,
        colors=[colour for _, colour in CAUSES],
        labels=[name for name, _ in CAUSES],
        lw=0,
    )
    title(panels[2], "Capacity lost to", "% of new")
    legend(panels[2], panels[2].collections)
    _band(panels[3], found.year, found.eur / 1e3, GREEN, "")
    title(panels[3], "Price of the capacity lost", "kEUR")
    legend(panels[0])
    return figure


def _band(panel: Axes, year: FloatArray, courses: FloatArray, colour: str, label: str) -> None:
    panel.fill_between(year, courses[0], courses[2], color=colour, alpha=0.22, lw=0)
    panel.plot(year, courses[1], color=colour, label=label or None)


def projection_page(
    found: Projection, meta: Mapping[str, Any], warnings: Sequence[str], facts: Mapping[str, str]
) -> str:
    """Return the page of a projection as text.

    Parameters
    ----------
    meta : of the recording
    warnings : about the recorded day
    facts : what the projection assumes, shown as small labels
    """
    name = str(meta.get("title", "Run"))
    years = f"{found.year[-1]:g}"
    low, nominal, high = (f"{100.0 * c:.0f}" for c in found.capacity[:, -1])
    chips = "".join(f"<span><b>{escape(k)}</b>{escape(v)}</span>" for k, v in facts.items())
    header = (
        f"<header><div><div><h1>{years} years of: {escape(name)}</h1><p>{escape(PAGE_LEAD)}</p>"
        f'<div class="chips">{chips}</div></div><div class="verdict"><strong>{nominal} %</strong>'
        f"<small>capacity after {years} years, {low} to {high} %</small></div></div></header>"
    )
    with style():
        figure = to_svg(
            projection_figure(found), "projection", label="capacity, resistance and price by year"
        )
    parts = [
        header,
        html.section("Course", COURSE_LEAD, f"<figure>{figure}</figure>"),
        html.warnings_section([*_own_lines(found), *warnings]),
        html.section("Year by year", YEARS_LEAD, years_table(found)),
    ]
    return html.document(f"{years} years of: {name}", parts, foot=PAGE_LEAD)


PAGE_LEAD = "The recorded day repeated, with the pack fading under it. Shaded: the band of the ageing laws."
COURSE_LEAD = (
    "The same charge is moved every day, so cycles get deeper as the pack fades. Temperatures stay as recorded; "
    "the heat of a grown resistance is not counted."
)
YEARS_LEAD = "Mean of all groups; low and high in brackets."


def _own_lines(found: Projection) -> list[str]:
    lines = []
    low, nominal, high = found.end_of_life_year
    if math.isfinite(low):
        lines.append(
            f"End of life by the price table: {_year(nominal)}, soonest {_year(low)}, latest {_year(high)}."
        )
    if math.isfinite(found.short_year):
        lines.append(f"From {_year(found.short_year)} on the day takes more charge than the truck may use.")
    return lines


def _year(year: float) -> str:
    return f"year {year:.1f}" if math.isfinite(year) else "later than this"


def years_table(found: Projection) -> str:
    """Return one row per year: capacity, resistance, price, lowest charge of the day."""
    head = "".join(
        f'<th class="n">{name}</th>'
        for name in ("Year", "Capacity [%]", "Resistance [%]", "Price [EUR]", "Lowest charge [%]")
    )
    rows = [
        f'<tr><td class="n">{found.year[i]:g}</td>'
        f'<td class="n">{_cell(100.0 * found.capacity[:, i], 1)}</td>'
        f'<td class="n">{_cell(100.0 * found.resistance[:, i], 0)}</td>'
        f'<td class="n">{_cell(found.eur[:, i], 0)}</td>'
        f'<td class="n">{100.0 * found.soc_min[i]:.0f}</td></tr>'
        for i in range(0, found.year.size, MONTHS_PER_YEAR)
    ]
    return f"<table><tr>{head}</tr>{''.join(rows)}</table>"


def _cell(values: FloatArray, decimals: int) -> str:
    low, nominal, high = (f"{value:,.{decimals}f}".replace(",", " ") for value in values)
    return f"{nominal} ({low} to {high})"
