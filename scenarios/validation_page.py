"""The page of a validation: as Markdown for the docs, and as one HTML file with measured against simulated."""

import math
from collections.abc import Sequence
from html import escape
from itertools import groupby
from pathlib import Path

from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from plant_models.identification.finding import Finding
from scenarios import report_html as html
from scenarios.report_plots import BLUE, FIGURE_WIDTH_IN, ORANGE, legend, style, title, to_svg
from scenarios.validation import Validation
from scenarios.validation_data import Comparison

HERE = Path(__file__).parent
HEIGHT_IN = 3.6
LEAD = "Every figure is measured by this command; a limit is the goal that the project set itself."


def value_text(finding: Finding) -> str:
    """Return a figure with its unit.

    >>> value_text(Finding("a", "b", 12.345, 15.0, "mV"))
    '12.3 mV'
    """
    return f"{html.number_text(finding.value)} {finding.unit}".rstrip()


def limit_text(finding: Finding) -> str:
    """Return the limit, empty when there is none."""
    return "" if math.isnan(finding.limit) else f"{html.number_text(finding.limit)} {finding.unit}".rstrip()


def verdict_text(finding: Finding) -> str:
    """Return ok, missed, or nothing without a limit."""
    if math.isnan(finding.limit):
        return ""
    return "ok" if finding.passed else "**missed**"


def markdown_table(findings: Sequence[Finding]) -> str:
    """Return the figures as a Markdown table."""
    rows = ["| what | figure | measured | at most | |", "| --- | --- | --- | --- | --- |"]
    rows += [
        f"| {f.subject} | {f.name} | {value_text(f)} | {limit_text(f)} | {verdict_text(f)} |"
        for f in findings
    ]
    return "\n".join(rows)


def html_page(found: Validation) -> str:
    """Return the whole page; it is one file and needs no network."""
    missed = sum(not finding.passed for finding in found.findings)
    verdict = (
        ("failed", f"{missed} figures miss their limit")
        if missed
        else ("passed", "every figure holds its limit")
    )
    head = html.header(
        {"title": "Validation of thermal-bms", "scenario": {"description": LEAD}},
        verdict,
        [("figures ", str(len(found.findings))), ("drives ", str(len(found.comparisons)))],
    )
    body = [
        html.warnings_section(found.notes),
        html.section("Figures", LEAD, findings_table(found.findings)),
        html.section(
            "Measured against simulated", "Blue is measured, orange is the plant's cell.", _drawn(found)
        ),
    ]
    css = (HERE / "report.css").read_text(encoding="utf-8")
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Validation of thermal-bms</title><style>{css}</style></head><body>{head}"
        f"<main>{''.join(body)}</main></body></html>\n"
    )


def findings_table(findings: Sequence[Finding]) -> str:
    """Return the figures as an HTML table, each subject named once."""
    rows = []
    for subject, group in groupby(findings, key=lambda f: f.subject):
        for number, finding in enumerate(group):
            mark = "" if math.isnan(finding.limit) else '<span class="mark ok">ok</span>'
            if not finding.passed:
                mark = '<span class="mark no">missed</span>'
            rows.append(
                f"<tr><td>{mark}</td><td>{escape(subject) if number == 0 else ''}</td><td>{escape(finding.name)}</td>"
                f'<td class="n">{escape(value_text(finding))}</td><td class="n">{escape(limit_text(finding))}</td></tr>'
            )
    head = (
        '<tr><th></th><th>What</th><th>Figure</th><th class="n">Measured</th><th class="n">At most</th></tr>'
    )
    return f"<table>{head}{''.join(rows)}</table>"


def _drawn(found: Validation) -> str:
    parts = []
    with style():
        for comparison in found.comparisons:
            name = f"drive-{comparison.name}"
            svg = to_svg(drive_figure(comparison), name, label=escape(comparison.name, quote=True))
            parts.append(f"<figure>{svg}</figure>")
    return "".join(parts)


def drive_figure(comparison: Comparison) -> Figure:
    """Draw voltage and case temperature of a drive, measured and simulated."""
    figure = Figure(figsize=(FIGURE_WIDTH_IN, HEIGHT_IN))
    FigureCanvasSVG(figure)
    volt = figure.add_axes((0.072, 0.56, 0.87, 0.34))
    temp = figure.add_axes((0.072, 0.12, 0.87, 0.3), sharex=volt)
    pairs = (
        (volt, comparison.measured_v, comparison.simulated_v),
        (temp, comparison.measured_degc, comparison.simulated_degc),
    )
    for panel, measured, simulated in pairs:
        panel.plot(comparison.time_h, measured, color=BLUE, label="measured", lw=1.2)
        panel.plot(comparison.time_h, simulated, color=ORANGE, label="simulated", lw=0.8)
    error = comparison.error
    title(
        volt,
        f"{comparison.name}: {1e3 * error.voltage_rms_v:.1f} mV, {error.temp_rms_k:.2f} K rms",
        "Voltage [V]",
    )
    title(temp, "Case temperature", "[°C]")
    temp.set_xlabel("Time [h]")
    legend(volt)
    return figure
