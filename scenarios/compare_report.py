"""The page of a comparison: what every strategy costs on every day, and how much that depends on the prices."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path

from scenarios import report_html as html
from scenarios.checks import CHARGING_CAUSES, KPIS
from scenarios.compare import (
    BOUND,
    HEADROOM_LEAST,
    PID,
    ComparisonPlan,
    Entry,
    Ranking,
    Table,
    entries,
    headroom_shares,
    rankings,
)
from scenarios.compare_plots import difference_figure, pareto_figure
from scenarios.cost import PRICED
from scenarios.prices import PriceTable
from scenarios.report_plots import style, to_svg
from scenarios.sweep import Row

COST_LEAD = (
    "EUR of one day. Left: what the charge missing at the end and the heat left in the cells will cost the next day "
    "(negative: save). Outside: the price of cells outside the comfort band while driving or charging. All counts it "
    "in; the range is that between seeds, halved. Managed leaves out what no strategy changes, driving hours and the "
    "energy that moves the truck; the percentage is of that, against the first strategy."
)
FIGURE_LEAD = (
    "Above, what a strategy costs more (right) or less (left) than the first one, part by part. Below, energy of the "
    "thermal system against violation, and all other EUR against ageing: nearer to the lower left corner is better."
)
RANKING_LEAD = (
    "The same runs at half and at double each price: mean EUR of a day, cheapest first, and on which days the order "
    "differs from that at the prices as they are."
)
HEADROOM_LEAD = (
    "Share of the way from the PID down to the bound, the cost that no controller can beat. Left out where the bound "
    f"is less than {100.0 * HEADROOM_LEAST:.0f} % of the managed cost below the PID."
)
OPERATION = (
    "thermal_energy_kwh",
    "cell_temp_max_degc",
    "cell_temp_min_degc",
    "cell_temp_spread_max_k",
    "in_use_violation_k_s",
    "comfort_violation_k_s",
    "actuator_travel",
    "compressor_starts",
    "battery_cooling_starts",
    "valve_changes",
    "energy_kwh_per_km",
    "range_km",
    "power_limited_minutes",
    "fault_count_max",
)
CHARGING = ("charge_minutes", *(f"charge_minutes_limited_by_{c.name.lower()}" for c in CHARGING_CAUSES))
SHORTER = {
    f"charge_minutes_limited_by_{c.name.lower()}": f"lost to {c.name.lower()}" for c in CHARGING_CAUSES
}


def write_compare_report(target: Path, plan: ComparisonPlan, rows: Sequence[Row], prices: PriceTable) -> Path:
    """Write the page and return its path."""
    return html.write_page(target, render_compare_report(plan, rows, prices))


def render_compare_report(plan: ComparisonPlan, rows: Sequence[Row], prices: PriceTable) -> str:
    """Return the page as text."""
    table = entries(rows, prices)
    ranked = rankings(rows, prices)
    problems, warned = (_told(table, lambda e: e.problem), _told(table, lambda e: e.warning))
    with style():
        days = [_day_section(i, scenario, of_day) for i, (scenario, of_day) in enumerate(table.items())]
    meta = {"title": "Comparison", "scenario": {"description": "The same days under several controllers."}}
    parts = [
        html.header(meta, _verdict(ranked[0], problems), _chips(plan)),
        html.warnings_section([*problems, *warned]),
        *days,
        html.section("How much the prices matter", RANKING_LEAD, ranking_table(ranked)),
        html.section("Share of the headroom", HEADROOM_LEAD, headroom_table(table)),
        html.section("Prices", "As used here; net of value added tax.", price_table(prices)),
    ]
    hours = sum(row["run_s"] for row in rows) / 3600.0
    return html.document("Comparison", parts, foot=f"{len(rows)} runs, {hours:.2f} h of computing")


def _told(table: Table, what: Callable[[Entry], str]) -> list[str]:
    return [
        f"{Path(scenario).stem}, {entry.strategy}: {what(entry)}"
        for scenario, of_day in table.items()
        for entry in of_day
        if what(entry)
    ]


def _verdict(nominal: Ranking, problems: Sequence[str]) -> tuple[str, str]:
    names = [name for name in nominal.mean_eur if name != BOUND]
    if problems or not names:
        return "incomplete", f"{len(problems)} entries cannot be ranked"
    second = f", {nominal.mean_eur[names[1]]:.2f} the next" if len(names) > 1 else ""
    return names[0], f"cheapest: {nominal.mean_eur[names[0]]:.2f} EUR a day{second}"


def _chips(plan: ComparisonPlan) -> list[tuple[str, str]]:
    return [
        ("Strategies", ", ".join(s.label for s in plan.strategies)),
        ("Days", str(len(plan.scenarios))),
        ("Seeds", str(plan.n_seeds)),
        ("Changed", ", ".join(plan.overrides)),
    ]


def _day_section(number: int, scenario: str, of_day: Sequence[Entry]) -> str:
    name = Path(scenario).stem
    figures = [
        (difference_figure(of_day), f"{name}: cost against the first strategy"),
        (pareto_figure(of_day), f"{name}: energy against violation, EUR against ageing"),
    ]
    drawn = "".join(
        f"<figure>{to_svg(figure, f'compare-{number}-{i}', label=label)}</figure>"
        for i, (figure, label) in enumerate(figures)
        if figure is not None
    )
    body = (
        cost_table(of_day)
        + f'<h3>Drawn</h3><p class="lead">{FIGURE_LEAD}</p>{drawn}'
        + f"<h3>Charging</h3>{figures_table(of_day, CHARGING)}"
        + html.folded("Operation", figures_table(of_day, OPERATION))
    )
    return html.section(name, COST_LEAD, body)


def cost_table(of_day: Sequence[Entry]) -> str:
    """Return one row per strategy: parts of the cost, total, and the total against the first."""
    head = [
        "Strategy",
        "depot kWh",
        "public kWh",
        "energy",
        "ageing (band)",
        "time",
        "left",
        "total EUR",
        "outside",
        "all EUR",
        "±",
        "managed",
        "",
    ]
    first = of_day[0].managed_eur
    rows = []
    for entry in of_day:
        cost, kpis = entry.cost, entry.kpis
        band = _band(entry)
        rows.append(
            [
                entry.strategy,
                _eur(kpis["grid_depot_kwh"]),
                _eur(kpis["grid_public_kwh"]),
                _eur(cost.energy_eur),
                f"{_eur(cost.ageing_eur)} ({band})",
                _eur(cost.time_eur),
                _eur(cost.charge_left_eur + cost.heat_left_eur),
                _eur(cost.total_eur),
                _eur(cost.violation_eur),
                _eur(cost.ranked_eur),
                _eur(entry.spread_eur),
                _eur(entry.managed_eur),
                f"{100.0 * (entry.managed_eur / first - 1.0):+.1f} %",
            ]
        )
    return html.plain_table(head, rows)


def _band(entry: Entry) -> str:
    percent = entry.kpis["ageing_percent_per_day"]
    share = entry.cost.ageing_eur / percent if percent else 0.0
    return " to ".join(_eur(share * entry.kpis[f"ageing_percent_per_day_{end}"]) for end in ("low", "high"))


def _eur(value: float) -> str:
    return f"{value:.2f}" if math.isfinite(value) else "–"


def figures_table(of_day: Sequence[Entry], names: Sequence[str]) -> str:
    """Return one row per figure that is known and not zero everywhere, one column per strategy."""
    rows = []
    for name in names:
        values = [entry.kpis[name] for entry in of_day]
        if any(math.isfinite(value) and value != 0.0 for value in values):
            label = SHORTER.get(name, KPIS[name].label)
            rows.append([label, html.unit_text(KPIS[name].unit), *(html.number_text(v) for v in values)])
    head = ["Figure", "unit", *(entry.strategy for entry in of_day)]
    return html.plain_table(head, rows, numbers_from=2) if rows else "<p>Nothing to show.</p>"


def ranking_table(ranked: Sequence[Ranking]) -> str:
    """Return the order at the prices as they are and at half and double each."""
    rows = [
        [
            PRICED.get(ranking.price, "all prices as they are"),
            f"x {ranking.factor:g}" if ranking.price else "",
            ", ".join(f"{name} {eur:.2f}" for name, eur in ranking.mean_eur.items()),
            ", ".join(Path(day).stem for day in ranking.changed) or ("none" if ranking.price else ""),
        ]
        for ranking in ranked
    ]
    return html.plain_table(["Price", "", "Order, EUR a day", "Order differs on"], rows, numbers_from=9)


def headroom_table(table: Table) -> str:
    """Return the share of the headroom by day and strategy; nothing when no day has one to report."""
    shares = {scenario: headroom_shares(of_day) for scenario, of_day in table.items()}
    rows = []
    for scenario, found in shares.items():
        cost = {entry.strategy: entry.cost.ranked_eur for entry in table[scenario]}
        rows += [
            [Path(scenario).stem, name, _eur(cost[PID]), _eur(cost[BOUND]), f"{100.0 * share:.0f} %"]
            for name, share in found.items()
        ]
    return (
        html.plain_table(["Day", "Strategy", "PID EUR", "bound EUR", "share"], rows, numbers_from=2)
        if rows
        else ""
    )


def price_table(prices: PriceTable) -> str:
    """Return the prices."""
    rows = [[name, f"{getattr(prices, name):g}"] for name in PRICED]
    return html.plain_table(["Price", "value"], rows)
