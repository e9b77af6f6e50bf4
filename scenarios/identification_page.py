"""The page of an identification: its figures, the curves it found, and the drive it was trained on."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from plant_models.identification.cell import TEMP_REF_DEGC, Files, Identified, open_v_at
from plant_models.identification.finding import Finding
from plant_models.identification.relaxations import KNOTS, predicted_v
from scenarios import report_html as html
from scenarios.report_plots import (
    BLUE,
    FIGURE_WIDTH_IN,
    GREEN,
    ORANGE,
    PURPLE,
    RED,
    SKY,
    legend,
    style,
    title,
    to_svg,
)
from scenarios.validation_data import Comparison
from scenarios.validation_page import drive_figure, findings_table

HERE = Path(__file__).parent
COLOURS = (BLUE, SKY, GREEN, ORANGE, RED, PURPLE)


def identification_page(
    files: Files, found: Identified, findings: Sequence[Finding], drive: Comparison | None
) -> str:
    """Return the whole page; it is one file and needs no network."""
    failed = sum(not finding.passed for finding in findings)
    verdict = (
        ("failed", f"{failed} figures miss their limit")
        if failed
        else ("passed", "the fit holds its figures")
    )
    head = html.header(
        {"title": f"Cell {found.cell.name}", "scenario": {"description": files.about.source[0].reference}},
        verdict,
        [("capacity ", f"{found.cell.capacity_ah:.3f} Ah"), ("pulse tests ", str(len(found.branches)))],
    )
    figures = [("curves", curves_figure(found)), *_pulse_figures(files, found)]
    if drive is not None:
        figures.append(("drive", drive_figure(drive)))
    with style():
        drawn = "".join(f"<figure>{to_svg(figure, name, label=name)}</figure>" for name, figure in figures)
    css = (HERE / "report.css").read_text(encoding="utf-8")
    body = (
        html.warnings_section(found.warnings)
        + html.section(
            "Figures", "How well the cell explains its own measurements.", findings_table(findings)
        )
        + html.section("Curves and fits", "What was found, and pulses measured and fitted.", drawn)
    )
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        f"<title>{found.cell.name}</title><style>{css}</style></head><body>{head}<main>{body}</main></body></html>\n"
    )


def curves_figure(found: Identified) -> Figure:
    """Draw open-circuit voltage and the resistances of the plant's circuit over charge."""
    with style():
        figure = Figure(figsize=(FIGURE_WIDTH_IN, 2.8))
        FigureCanvasSVG(figure)
        volt, ohm = figure.add_axes((0.072, 0.16, 0.38, 0.7)), figure.add_axes((0.55, 0.16, 0.39, 0.7))
        volt.plot(found.cell.circuit.soc, found.cell.circuit.ocv_v, color=BLUE)
        for number, row in enumerate(found.branches):
            total = 1e3 * np.sum(row.resistance_ohm, axis=0)
            ohm.semilogy(KNOTS, total, color=COLOURS[number % 6], label=f"{row.temp_degc:.0f} °C")
        title(volt, f"Open-circuit voltage at {TEMP_REF_DEGC:.0f} °C", "[V]")
        title(ohm, "Steady resistance", "[mΩ]")
        for panel in (volt, ohm):
            panel.set_xlabel("Charge")
        legend(ohm)
    return figure


def _pulse_figures(files: Files, found: Identified) -> list[tuple[str, Figure]]:
    """Return one figure per pulse test: measured, and the relaxations fitted to it."""
    figures = []
    for test, pulses, relaxations in zip(files.pulses, found.pulses, found.relaxations, strict=True):
        soc = 1.0 - pulses.charge_ah / found.open_circuit.capacity_ah
        u = open_v_at(found.open_circuit, found.thermal, soc, test.temp_degc)
        fitted = predicted_v(relaxations, pulses.time_s, pulses.current_a, soc, u)
        with style():
            figure = Figure(figsize=(FIGURE_WIDTH_IN, 2.2))
            FigureCanvasSVG(figure)
            panel = figure.add_axes((0.072, 0.2, 0.87, 0.65))
            hours, every = pulses.time_s / 3600.0, slice(None, None, 8)
            panel.plot(hours[every], pulses.voltage_v[every], color=BLUE, label="measured", lw=1.2)
            panel.plot(hours[every], fitted[every], color=ORANGE, label="fitted", lw=0.7)
            title(panel, f"Pulses at {test.temp_degc:.0f} °C", "Voltage [V]")
            panel.set_xlabel("Time [h]")
            legend(panel)
        figures.append((f"pulses-{test.name}", figure))
    return figures
