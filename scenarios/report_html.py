"""The pieces of the report's page: header, tiles, tables. Everything that comes from outside is escaped."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from html import escape
from pathlib import Path
from typing import Any

from scenarios.checks import KPIS, CheckResult, parse_limit
from scenarios.energy_balance import Balance
from thermal_bms.errors import RecordingError
from thermal_bms.units import JOULES_PER_KWH

HERE = Path(__file__).parent
UNIT_TEXT = {"degC": "°C", "K s": "K·s"}
TILES = (
    "energy_kwh_per_km",
    "thermal_kwh_per_100_km",
    "cell_temp_max_degc",
    "cell_temp_spread_max_k",
    "comfort_violation_k_s",
    "charge_minutes",
    "ageing_eur_per_day",
    "distance_km",
    "range_km",
)
TILE_LABELS = {
    "energy_kwh_per_km": "Energy at the battery",
    "thermal_kwh_per_100_km": "Thermal system",
    "cell_temp_max_degc": "Hottest cell",
    "cell_temp_spread_max_k": "Largest spread between cells",
    "comfort_violation_k_s": "Outside the comfort band",
    "charge_minutes": "Charging",
    "ageing_eur_per_day": "Ageing per day",
    "distance_km": "Distance",
    "range_km": "Range",
}
CLOSURE_LIMIT = 1e-6


def number_text(value: float) -> str:
    """Return a number with about four significant digits, as people write it.

    >>> number_text(12345.6), number_text(41.234), number_text(0.51), number_text(2.1e-12)
    ('12 346', '41.2', '0.51', '2.1e-12')
    """
    if not math.isfinite(value):
        return "–" if math.isnan(value) else f"{value}"
    size = abs(value)
    if size >= 1000.0:
        return f"{value:,.0f}".replace(",", " ")
    if size == 0.0 or value == int(value):
        return f"{value:.0f}"
    if size >= 100.0:
        return f"{value:.0f}"
    if size >= 10.0:
        return f"{value:.1f}"
    return f"{value:.3g}" if size >= 1e-3 else f"{value:.1e}"


def document(name: str, parts: Sequence[str], *, foot: str, script: str = "") -> str:
    """Return a whole page that needs no other file: header and blocks in order, then the footer.

    The first of ``parts`` is the header; ``script`` goes behind everything else.
    """
    css = (HERE / "report.css").read_text(encoding="utf-8")
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(name)}</title><style>{css}</style></head><body>{parts[0]}<main>"
        f"{''.join(parts[1:])}<footer>{escape(foot)}</footer></main>{script}</body></html>\n"
    )


def write_page(target: Path, text: str) -> Path:
    """Write a page, whole or not at all, and return its path.

    Raises
    ------
    RecordingError
        when it cannot be written.
    """
    partial = target.with_suffix(".part")
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(target)
    except OSError as error:
        with suppress(OSError):
            partial.unlink()
        raise RecordingError(f"{target}: cannot be written: {error.strerror}") from None
    return target


def plain_table(head: Sequence[str], rows: Iterable[Sequence[str]], *, numbers_from: int = 1) -> str:
    """Return a table of texts; columns from ``numbers_from`` on are set flush right."""

    def cells(tag: str, texts: Sequence[str]) -> str:
        kinds = [' class="n"' if i >= numbers_from else "" for i in range(len(texts))]
        return "".join(
            f"<{tag}{kind}>{escape(text)}</{tag}>" for kind, text in zip(kinds, texts, strict=True)
        )

    body = "".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    return f"<table><tr>{cells('th', head)}</tr>{body}</table>"


def unit_text(unit: str) -> str:
    """Return a unit as shown."""
    return UNIT_TEXT.get(unit, unit)


def header(meta: Mapping[str, Any], verdict: tuple[str, str], chips: Sequence[tuple[str, str]]) -> str:
    """Return the page's head: title, what was run, and the verdict (class and explaining line)."""
    scenario = meta.get("scenario", {})
    name = str(meta.get("title") or scenario.get("title") or "Run")
    description = str(scenario.get("description", "")) if isinstance(scenario, Mapping) else ""
    items = "".join(f"<span><b>{escape(k)}</b>{escape(v)}</span>" for k, v in chips if v)
    return (
        f"<header><div><div><h1>{escape(name)}</h1><p>{escape(description)}</p>"
        f'<div class="chips">{items}</div></div>'
        f'<div class="verdict {verdict[0]}"><strong>{verdict[0]}</strong>'
        f"<small>{escape(verdict[1])}</small></div></div></header>"
    )


def tiles(kpis: Mapping[str, float]) -> str:
    """Return the figures that matter most, large; those without a value are left out."""
    cells = []
    for name in TILES:
        value = kpis.get(name, math.nan)
        if math.isfinite(value) and not (name == "charge_minutes" and value == 0.0):
            unit = unit_text(KPIS[name].unit)
            cells.append(
                f'<div class="tile"><b>{number_text(value)}<small>{escape(unit)}</small></b>'
                f"<span>{escape(TILE_LABELS[name])}</span></div>"
            )
    return f'<div class="tiles">{"".join(cells)}</div>'


def checks_table(checks: Sequence[CheckResult]) -> str:
    """Return the checks with value, limit, margin and a bar that shows the value against its limit."""
    rows = []
    for check in checks:
        kpi = KPIS[check.name]
        unit = unit_text(kpi.unit)
        margin_unit = "K" if kpi.unit == "degC" else unit
        mark = '<span class="mark ok">ok</span>' if check.passed else '<span class="mark no">failed</span>'
        rows.append(
            f"<tr><td>{mark}</td><td>{escape(kpi.label)}<br><code>{escape(check.name)}</code></td>"
            f'<td class="n">{number_text(check.value)} {escape(unit)}</td>'
            f'<td class="n">{escape(check.limit_text)}</td>'
            f'<td class="n">{number_text(check.margin)} {escape(margin_unit)}</td>'
            f'<td class="bullet">{bullet(check)}</td></tr>'
        )
    head = (
        '<tr><th></th><th>Check</th><th class="n">Value</th><th class="n">Limit</th>'
        '<th class="n">Margin</th><th></th></tr>'
    )
    return f"<table>{head}{''.join(rows)}</table>"


def bullet(check: CheckResult) -> str:
    """Return a small drawing: the allowed zone, its limits, and the value as a dot (clipped to the scale)."""
    limit = parse_limit(check.limit_text)
    low, high = _drawn_span(limit.lower, limit.upper, check.value)

    def place(value: float) -> float:
        return 6.0 + 248.0 * min(max((value - low) / (high - low), 0.0), 1.0)

    left, right = place(max(limit.lower, low)), place(min(limit.upper, high))
    ticks = "".join(
        f'<line x1="{place(edge):.1f}" x2="{place(edge):.1f}" y1="1" y2="17" stroke="var(--muted)"/>'
        for edge in (limit.lower, limit.upper)
        if math.isfinite(edge)
    )
    colour = "var(--good)" if check.passed else "var(--bad)"
    dot = (
        f'<circle cx="{place(check.value):.1f}" cy="9" r="5.5" fill="{colour}"/>'
        if not math.isnan(check.value)
        else ""
    )
    return (
        '<svg viewBox="0 0 260 18" width="260" height="18" role="img" aria-hidden="true">'
        '<rect x="6" y="5" width="248" height="8" rx="4" fill="var(--bad-soft)"/>'
        f'<rect x="{left:.1f}" y="5" width="{right - left:.1f}" height="8" rx="4" fill="var(--good-soft)"/>'
        f"{ticks}{dot}</svg>"
    )


def _drawn_span(lower: float, upper: float, value: float) -> tuple[float, float]:
    """Return the ends of a bullet's scale: the limits with room on both sides and, if near, the value."""
    if math.isfinite(lower) and math.isfinite(upper):
        room = 0.3 * (upper - lower) or 0.3 * abs(upper) or 1.0
        return lower - room, upper + room
    limit = lower if math.isfinite(lower) else upper
    reach = abs(limit) or 1.0
    if math.isfinite(value):
        reach = max(0.25 * reach, min(1.25 * abs(limit - value), 4.0 * reach))
    near, far = 0.35 * reach, reach
    return (limit - near, limit + far) if math.isfinite(lower) else (limit - far, limit + near)


def kpi_table(kpis: Mapping[str, float]) -> str:
    """Return every figure that has a value, in two columns, with the name that a check uses."""
    rows = [
        f"<tr><td>{escape(kpi.label)}<br><code>{name}</code></td>"
        f'<td class="n">{number_text(kpis[name])} {escape(unit_text(kpi.unit))}</td></tr>'
        for name, kpi in KPIS.items()
        if not math.isnan(kpis.get(name, math.nan))
    ]
    half = (len(rows) + 1) // 2
    tables = "".join(f"<table>{''.join(part)}</table>" for part in (rows[:half], rows[half:]))
    return f'<div class="columns">{tables}</div>'


def balance_tables(balances: Iterable[Balance]) -> str:
    """Return the energy balances term by term, with what is left over."""
    parts = []
    for balance in balances:
        good = balance.closure <= CLOSURE_LIMIT
        mark = '<span class="mark ok">closed</span>' if good else '<span class="mark no">open</span>'
        rows = "".join(
            f"<tr><td><code>{escape(term.name)}</code></td><td>{term.role}</td>"
            f'<td class="n">{_kwh(term.energy_j)}</td><td class="n">{_kwh(term.absolute_j)}</td></tr>'
            for term in balance.terms
        )
        parts.append(
            f"<div><h3>{escape(balance.domain.capitalize())} {mark}</h3><table>"
            '<tr><th>Term</th><th></th><th class="n">Net [kWh]</th><th class="n">Both ways [kWh]</th></tr>'
            f'{rows}<tr><td>left over</td><td></td><td class="n">{balance.residual_j:.2e} J</td>'
            f'<td class="n">{balance.closure:.1e} of flows</td></tr></table></div>'
        )
    return f'<div class="columns">{"".join(parts)}</div>'


def _kwh(energy_j: float) -> str:
    return f"{energy_j / JOULES_PER_KWH:.4f}"


def warnings_section(warnings: Sequence[str]) -> str:
    """Return the warnings, or nothing when there are none."""
    if not warnings:
        return ""
    items = "".join(f"<li>{escape(text)}</li>" for text in warnings)
    return f'<section class="warnings"><h2>Warnings</h2><ul>{items}</ul></section>'


def section(name: str, lead: str, body: str) -> str:
    """Return a titled block of the page; nothing when it has no body."""
    return (
        f'<section><h2>{escape(name)}</h2><p class="lead">{escape(lead)}</p>{body}</section>' if body else ""
    )


def folded(name: str, body: str) -> str:
    """Return a block that opens on a click."""
    return f"<details><summary>{escape(name)}</summary>{body}</details>"


def as_text(value: Any) -> str:  # any JSON value
    """Return a readable dump of parameters."""
    return f"<pre>{escape(json.dumps(value, indent=2, default=str, ensure_ascii=False))}</pre>"


def script_data(value: Any) -> str:  # any JSON value
    """Return JSON that is safe inside a script element."""
    return json.dumps(value, separators=(",", ":")).replace("<", "\\u003c")
