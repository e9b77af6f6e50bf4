"""The report of a run: one HTML file that opens anywhere, the verdict first and the evidence below it."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from matplotlib.figure import Figure

from plant_models.cell_monitoring import MonitoringSettings
from scenarios import report_charts as charts
from scenarios import report_figures as figures
from scenarios import report_html as html
from scenarios.ageing import aged_run
from scenarios.checks import CheckResult, evaluate_checks
from scenarios.energy_balance import Balance, SignalSource, energy_balances, energy_split
from scenarios.health_rows import health_table
from scenarios.metrics import compute_kpis
from scenarios.report_ageing import ageing_section
from scenarios.report_plots import (
    FIGURE_WIDTH_IN,
    MARGIN_LEFT_IN,
    MARGIN_RIGHT_IN,
    DayView,
    style,
    to_svg,
)
from scenarios.report_sankey import sankey_figure
from scenarios.runaway_figure import runaway_figure
from scenarios.runaway_rows import CELLS as RUNAWAY_CELLS
from scenarios.runaway_rows import EVENTS as RUNAWAY_EVENTS
from thermal_bms.errors import RecordingError, ScenarioError
from thermal_bms.faults import FaultCode, Severity
from thermal_bms.recording import Recording
from thermal_bms.units import SECONDS_PER_HOUR, FloatArray

__all__ = ["find_recording", "render_report", "write_report"]

HERE = Path(__file__).parent
REPORT_NAME = "report.html"
EVENTS = "events"
EVENT_COLUMNS = ("time_s", "code", "severity", "place", "value", "limit", "is_set")
RECORDING_SUFFIX = ".rec"


class RunSource(SignalSource, Protocol):
    """A recording as the report reads it."""

    @property
    def complete(self) -> bool:
        """Say whether the run came to its end."""
        ...

    @property
    def streams(self) -> list[str]:
        """Return the names of the streams."""
        ...

    def stream(self, name: str, /) -> charts.CellStream:
        """Return a stream by name."""
        ...


def find_recording(folder: Path) -> Path:
    """Return the recording in a run's folder; a path to a file is returned as it is.

    Raises
    ------
    RecordingError
        when there is none, or more than one.
    """
    if folder.is_file():
        return folder
    found = sorted(folder.glob(f"*{RECORDING_SUFFIX}")) if folder.is_dir() else []
    if len(found) == 1:
        return found[0]
    if not found:
        raise RecordingError(f"{folder}: holds no recording (*{RECORDING_SUFFIX}); give the folder of a run")
    raise RecordingError(f"{folder}: holds {len(found)} recordings; give the one that is meant")


def write_report(folder: Path) -> Path:
    """Write ``report.html`` beside the recording of a run and return its path.

    Parameters
    ----------
    folder : folder of a run, or a recording. ``summary.json`` in it adds warnings and timings when present.

    Raises
    ------
    RecordingError
        when there is no recording or the report cannot be written.
    """
    path = find_recording(folder)
    target = path.parent / REPORT_NAME
    text = render_report(Recording(path), _read_summary(path.parent))
    return html.write_page(target, text)


def _read_summary(folder: Path) -> dict[str, Any]:  # any JSON value
    try:
        found = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def render_report(recording: RunSource, summary: Mapping[str, Any] | None = None) -> str:
    """Return the page as text. The same recording gives the same text.

    Figures, checks and balances are computed from the recording; the summary only adds what the runner alone
    knows, its warnings.
    """
    meta = recording.meta
    kpis = compute_kpis(recording)
    checks = evaluate_checks(kpis, _table(meta.get("scenario", {})).get("checks", {}))
    warnings = [str(text) for text in (summary or {}).get("warnings", ())]
    warnings += _own_warnings(recording, kpis)
    balances: list[Balance] = []
    try:
        balances += energy_balances(recording).values()
    except ScenarioError as error:
        warnings.append(f"The energy balance cannot be drawn up: {error}")
    drawable = recording["time_s"].size >= 2
    body = [
        html.tiles(kpis),
        html.warnings_section(warnings),
        html.section("Checks", CHECKS_LEAD, _checks(checks)),
        html.section("Predictive health", HEALTH_LEAD, _health(recording)),
    ]
    values: dict[str, Any] = {"hours": []}
    if drawable:
        day = DayView(recording)
        body += _drawn(recording, day, kpis)
        body.append(_ageing(recording, kpis))
        values = _cursor_values(day)
    if balances:
        body.append(html.section("Energy balance", BALANCE_LEAD, html.balance_tables(balances)))
    body.append(_appendix(meta, kpis))
    return _page(meta, html.header(meta, _verdict(recording, checks), _chips(recording)), body, values)


def _ageing(recording: RunSource, kpis: Mapping[str, float]) -> str:
    try:
        return ageing_section(aged_run(recording), kpis)
    except RecordingError:
        return ""


HEALTH_LEAD = (
    "What drifts away from its neighbours or its model. Confidence: probability that it is beyond the size it is "
    "reported from; time left: to its consequence at the present rate."
)
CHECKS_LEAD = "What this scenario demands, and how far inside the limits it stayed."
BALANCE_LEAD = (
    "Recorded port energies against recorded state functions. What is left over is set against the sum of "
    "all flows in both directions; the solver's own residual plays no part."
)


def _checks(checks: Sequence[CheckResult]) -> str:
    return html.checks_table(checks) if checks else ""


def _health(recording: RunSource) -> str:
    rows = health_table(recording)
    return html.plain_table(rows[0], rows[1:], numbers_from=2) if len(rows) > 1 else ""


def _verdict(recording: RunSource, checks: Sequence[CheckResult]) -> tuple[str, str]:
    failed = sum(not check.passed for check in checks)
    if not recording.complete:
        return "incomplete", "the run did not come to its end"
    if failed:
        return "failed", f"{failed} of {len(checks)} checks failed"
    return "passed", f"{len(checks)} of {len(checks)} checks passed" if checks else "no checks"


def _chips(recording: RunSource) -> list[tuple[str, str]]:
    meta, scenario = recording.meta, _table(recording.meta.get("scenario", {}))
    time_s = recording["time_s"]
    chips = [
        ("Truck", _name(scenario.get("truck") or meta.get("truck"))),
        ("Controller", _name(meta.get("controller") or scenario.get("controller"))),
        ("Climate", _name(_table(scenario.get("climate", {})).get("kind", ""))),
    ]
    monitoring = _table(scenario.get("monitoring"))
    if monitoring:
        late_s = MonitoringSettings.model_validate(monitoring).delay_max_s
        way = f"{monitoring['topology']}, {monitoring['transport']}"
        chips.append(("Cells watched", f"{way}, at most {1e3 * late_s:.0f} ms late"))
    if "ambient_temp_degc" in recording and time_s.size:
        ambient = recording["ambient_temp_degc"]
        ends = dict.fromkeys(f"{t:.0f}" for t in (ambient.min(), ambient.max()))
        chips.append(("Ambient", f"{' to '.join(ends)} °C"))
    if time_s.size:
        chips.append(("Duration", f"{time_s[-1] / 3600.0:.1f} h"))
    return chips


def _table(value: Any) -> Mapping[str, Any]:  # any JSON value
    return value if isinstance(value, Mapping) else {}


def _name(value: Any) -> str:  # any JSON value
    return str(_table(value).get("name", "")) if isinstance(value, Mapping) else str(value or "")


def _own_warnings(recording: RunSource, kpis: Mapping[str, float]) -> list[str]:
    warnings = []
    if not recording.complete:
        problem = getattr(recording, "problem", "") or "it was interrupted"
        warnings.append(f"The recording is incomplete: {problem}. Figures count what was recorded.")
    if recording["time_s"].size < 2:
        warnings.append("Nothing to draw: fewer than two rows were recorded.")
    if kpis["fault_count_max"] > 0.0:
        warnings.append(f"Faults were active, at most {kpis['fault_count_max']:.0f} at one time.")
    warnings += fault_lines(recording)
    for domain in ("electrical", "thermal"):
        closure = kpis[f"{domain}_closure"]
        if closure > html.CLOSURE_LIMIT:
            warnings.append(f"The {domain} balance is open: {closure:.1e} of the flows is not accounted for.")
    if kpis["missed_distance_km"] > 0.02 * max(kpis["distance_km"], 0.1):
        warnings.append(
            f"The truck fell behind its target speed by {kpis['missed_distance_km']:.1f} km in total."
        )
    return warnings


def fault_lines(recording: RunSource) -> list[str]:
    """Return one line per fault and place: what, how bad, where, when first set, how often, and the reading."""
    if EVENTS not in recording.streams:
        return []
    events = recording.stream(EVENTS)
    rows = zip(*(events[name] for name in EVENT_COLUMNS), strict=True)
    first: dict[tuple[float, float, float], list[float]] = {}
    for time_s, code, severity, place, value, limit, is_set in rows:
        if is_set > 0.5:
            first.setdefault((code, severity, place), [time_s, value, limit, 0.0])[3] += 1.0
    return [
        f"{Severity(int(severity)).name} {FaultCode(int(code)).name}"
        f"{'' if place < 0 else f', string {place:.0f}'}: first at {time_s / SECONDS_PER_HOUR:.2f} h"
        f" with {value:.4g} against {limit:.4g}; set {count:.0f} times"
        for (code, severity, place), (time_s, value, limit, count) in first.items()
    ]


Draw = Callable[[], Figure | None]


def _drawn(recording: RunSource, day: DayView, kpis: Mapping[str, float]) -> list[str]:
    cells = recording.stream("cells") if "cells" in recording.streams else None
    blocks: list[tuple[str, str, Sequence[tuple[str, bool, Draw]]]] = [
        ("The day", DAY_LEAD, [("day", True, lambda: figures.day_figure(day))]),
        ("Temperatures", TEMPERATURE_LEAD, [("temperature", True, lambda: figures.temperature_figure(day))]),
        (
            "Thermal system",
            THERMAL_LEAD,
            [
                ("actuators", True, lambda: figures.actuator_figure(day)),
                ("heat", True, lambda: figures.heat_figure(day)),
                ("refrigerant", True, lambda: figures.refrigerant_figure(day)),
            ],
        ),
        ("Power and limits", POWER_LEAD, [("power", True, lambda: figures.power_figure(day))]),
        ("Charging", CHARGE_LEAD, [("charging", False, lambda: charts.charging_figure(day, kpis))]),
        (
            "Where the energy went",
            SPLIT_LEAD,
            [
                ("split", False, lambda: sankey_figure(energy_split(recording))),
                ("phases", False, lambda: charts.phase_energy_figure(day)),
            ],
        ),
    ]
    if cells is not None:
        cell_figures: list[tuple[str, bool, Draw]] = [
            ("cell-map", True, lambda: charts.cell_map_figure(day, cells)),
            ("cell-histogram", False, lambda: charts.cell_histogram_figure(day, cells)),
        ]
        blocks.append(("Cells", CELLS_LEAD, cell_figures))
    if RUNAWAY_CELLS in recording.streams:
        resolved, happened = recording.stream(RUNAWAY_CELLS), recording.stream(RUNAWAY_EVENTS)
        runaway: Draw = lambda: runaway_figure(day, resolved, happened)  # noqa: E731
        blocks.append(("Thermal runaway", RUNAWAY_LEAD, [("runaway", True, runaway)]))
    blocks.append(
        ("Electrodes", ELECTRODES_LEAD, [("electrodes", True, lambda: figures.electrode_figure(day))])
    )
    blocks.append(("Strings", STRINGS_LEAD, [("strings", True, lambda: figures.string_figure(day))]))
    with style():
        return [html.section(name, lead, "".join(_figure(*f) for f in drawn)) for name, lead, drawn in blocks]


ELECTRODES_LEAD = "Inside the electrochemical cells, the truth: no sensor sees this."
DAY_LEAD = "Yellow stretches are charging, grey ones parking. Every time axis on this page is the same."
TEMPERATURE_LEAD = (
    "The truth inside the cells against what the sensors tell the controller (dotted), the coolant around "
    "them and the air outside."
)
THERMAL_LEAD = "What the supervisor let through to the actuators, what that cost, and the heat it moved."
POWER_LEAD = "What the battery gave and took between what it was allowed to, and the reason for each limit."
CHARGE_LEAD = (
    "A second at half the charger's power loses half a second; it is booked on the cause that limited it. "
    "Dashed: what the charger offers, where it is recorded."
)
SPLIT_LEAD = "Electric energy of the whole run, from its sources to what became of it. Shares are of the bus."
RUNAWAY_LEAD = (
    "Mean temperatures of the cells around the first one abused, as far as they are resolved, and what happened "
    "to which cell: the vent opens, the cell heats itself by more than 1 K/s, its separator collapses and shorts it."
)
STRINGS_LEAD = "How evenly parallel strings share current, charge and coolant."
CELLS_LEAD = "Core temperature of every cell group, the truth of the simulation."


def _figure(name: str, on_time_axis: bool, draw: Draw) -> str:  # noqa: FBT001
    figure = draw()
    if figure is None:
        return ""
    kind = f"{name} time" if on_time_axis else name
    return f'<figure class="{kind}">{to_svg(figure, name, label=name)}</figure>'


_CURSOR_SIGNALS = (
    ("Cell max", "cell_temp_max_degc", 1.0, "°C", 1),
    ("Cell min", "cell_temp_min_degc", 1.0, "°C", 1),
    ("Coolant in", "coolant_inlet_temp_degc", 1.0, "°C", 1),
    ("Ambient", "ambient_temp_degc", 1.0, "°C", 1),
    ("Battery", "pack_power_w", 1e-3, "kW", 0),
    ("Charger", "charger_power_w", 1e-3, "kW", 0),
    ("SoC", "soc", 100.0, "%", 1),
    ("Speed", "vehicle_speed_m_per_s", 3.6, "km/h", 0),
    ("Pump", "pump_duty", 100.0, "%", 0),
    ("Fan", "fan_duty", 100.0, "%", 0),
    ("Compressor", "compressor_duty", 100.0, "%", 0),
    ("Heater", "heater_duty", 100.0, "%", 0),
    ("Cell heat", "cell_heat_w", 1e-3, "kW", 1),
)


def _cursor_values(day: DayView) -> dict[str, Any]:
    """Return what the page's cursor shows: the mean of every bin, at the places of the common time axis."""
    signals = [
        {"label": label, "unit": unit, "values": _rounded(factor * day.mean(day[name]), decimals)}
        for label, name, factor, unit, decimals in _CURSOR_SIGNALS
        if day.has(name)
    ]
    return {
        "hours": _rounded(day.bin_time_h, 4),
        "span": list(day.span_h),
        "left": MARGIN_LEFT_IN / FIGURE_WIDTH_IN,
        "right": 1.0 - MARGIN_RIGHT_IN / FIGURE_WIDTH_IN,
        "signals": signals,
    }


def _rounded(values: FloatArray, decimals: int) -> list[float | None]:
    return [(round(v, decimals) + 0.0 if math.isfinite(v) else None) for v in values.tolist()]


def _appendix(meta: Mapping[str, Any], kpis: Mapping[str, float]) -> str:
    facts = {key: value for key, value in meta.items() if key not in ("scenario", "energy_balance", "truck")}
    body = (
        html.folded("All figures, with the names that checks use", html.kpi_table(kpis))
        + html.folded("Scenario as run", html.as_text(meta.get("scenario", {})))
        + html.folded("Truck, all parameters", html.as_text(meta.get("truck", {})))
        + html.folded("Facts of the run", html.as_text(facts))
    )
    return html.section("Figures and parameters", "Everything needed to repeat this run.", body)


def _page(meta: Mapping[str, Any], header: str, body: Sequence[str], values: Mapping[str, Any]) -> str:
    versions = ", ".join(f"{k} {v}" for k, v in _table(meta.get("versions", {})).items())
    facts = f"Tick {meta.get('tick_s', '–')} s, seed {meta.get('seed', '–')}. {versions}"
    script = (
        '<div id="readout"></div>'
        f'<script id="values" type="application/json">{html.script_data(values)}</script>'
        f"<script>{(HERE / 'report.js').read_text(encoding='utf-8')}</script>"
    )
    return html.document(str(meta.get("title", "Run")), [header, *body], foot=facts, script=script)
