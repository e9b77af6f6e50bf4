"""The report's figure of a thermal runaway: temperatures of the resolved cells, events, lowest voltage and pressure."""

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from plant_models.runaway import RunawayEvent
from scenarios.report_charts import CellStream
from scenarios.report_plots import BLUE, GREEN, INK, ORANGE, RED, DayView, legend, line, time_panels, title
from thermal_bms.units import SECONDS_PER_HOUR

MARKERS = {
    RunawayEvent.VENT: ("^", ORANGE, "vent opens"),
    RunawayEvent.RUNAWAY: ("*", RED, "1 K/s"),
    RunawayEvent.SHORT: ("s", INK, "shorted"),
}
PA_PER_KPA = 1e3
WARMED_K = 10.0  # cells that warmed less than this are not drawn


def runaway_figure(day: DayView, resolved: CellStream, happened: CellStream) -> Figure | None:
    """Draw the resolved cells and their events over lowest cell voltage and housing pressure; None without a cell.

    Parameters
    ----------
    day : the recording
    resolved, happened : its streams "runaway" and "runaway_events"
    """
    if resolved["time_s"].size < 2:
        return None
    figure, (cells, events, voltage, pressure) = time_panels(day, (1.9, 1.2, 0.7, 0.7))
    numbers = _draw_cells(cells, resolved)
    _draw_events(events, happened)
    events.set_ylim(min(numbers, default=0) - 1.0, max(numbers, default=0) + 1.0)
    if day.has("cell_voltage_min_v"):
        line(voltage, day, day["cell_voltage_min_v"], "lowest", BLUE)
    title(voltage, "Lowest voltage of a group", "V")
    if day.has("pack_pressure_pa"):
        line(pressure, day, day["pack_pressure_pa"] / PA_PER_KPA, "housing", GREEN)
    title(pressure, "Pressure in the housing", "kPa")
    return figure


def _draw_cells(panel: Axes, resolved: CellStream) -> list[int]:
    """Draw every cell that warmed; return their numbers along the string."""
    hours = resolved["time_s"] / SECONDS_PER_HOUR
    temp_degc = resolved["cell_temp_degc"]
    first_cell = int(resolved["first_cell"][0])
    known = np.isfinite(temp_degc).any(axis=0)
    filled = np.where(np.isfinite(temp_degc), temp_degc, np.nan)
    spread_k = np.zeros(known.size)
    spread_k[known] = np.nanmax(filled[:, known], axis=0) - np.nanmin(filled[:, known], axis=0)
    drawn = np.flatnonzero(spread_k > WARMED_K)
    colours = colormaps["viridis"](np.linspace(0.0, 0.9, max(drawn.size, 1)))
    for place, c in enumerate(drawn):
        panel.plot(hours, temp_degc[:, c], color=colours[place], label=f"{first_cell + int(c)}")
    title(panel, "Cell temperatures, numbers along the string", "°C")
    if drawn.size <= 12:
        legend(panel)
    return [first_cell + int(c) for c in drawn]


def _draw_events(panel: Axes, happened: CellStream) -> None:
    """Draw what happened to which cell of the string of the first event."""
    strings = happened["string"]
    for event, (marker, colour, label) in MARKERS.items():
        here = (happened["event"] == event) & (strings == strings[:1])
        hours = happened["time_s"][here] / SECONDS_PER_HOUR
        panel.plot(hours, happened["cell"][here], marker, color=colour, ms=4.5, lw=0, label=label)
    title(panel, "Events", "cell")
    legend(panel)
