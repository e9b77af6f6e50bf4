"""The report's figures that do not run over time alone: charging, energy by phase, cells in the pack."""

from collections.abc import Mapping
from typing import Protocol

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from scenarios.checks import CHARGING_CAUSES
from scenarios.energy_balance import record_intervals_s
from scenarios.metrics import charging_rows
from scenarios.report_plots import (
    ACTUATOR_COLOURS,
    CAUSE_COLOURS,
    FIGURE_WIDTH_IN,
    GREEN,
    MARGIN_LEFT_IN,
    MARGIN_RIGHT_IN,
    MUTED,
    PAPER,
    RED,
    SKY,
    DayView,
    free_panel,
    legend,
    phase_span_h,
    time_panels,
    title,
)
from thermal_bms.units import JOULES_PER_KWH, SECONDS_PER_HOUR, FloatArray

HEAT_MAP_COLUMNS = 480
HEAT_MAP_LEVELS = 64
N_HEAT_MAP_ROWS = 650
CURVE_POINTS = 600
W_PER_KW = 1e3


class CellStream(Protocol):
    """The stream of cell fields: ``time_s``, ``cell_temp_degc`` of shape (n_times, n_strings, n_series)."""

    def __getitem__(self, column: str, /) -> FloatArray:
        """Return one column."""
        ...


def _two_panels(height_in: float, split: float = 0.58) -> tuple[Figure, Axes, Axes]:
    figure, left = free_panel(height_in)
    edge = MARGIN_LEFT_IN / FIGURE_WIDTH_IN
    room = 1.0 - edge - MARGIN_RIGHT_IN / FIGURE_WIDTH_IN
    bottom, height = 0.42 / height_in, 1.0 - (0.42 + 0.32) / height_in
    left.set_position((edge, bottom, split * room, height))
    right = figure.add_axes((edge + (split + 0.15) * room, bottom, (0.85 - split) * room, height))
    return figure, left, right


def charging_figure(day: DayView, kpis: Mapping[str, float]) -> Figure | None:
    """Draw charger power over state of charge, coloured by what limits it, and the minutes lost by cause."""
    needed = ("soc", "charger_power_w", "charge_limit", "vehicle_mode", "pack_current_a")
    if not day.has(*needed, "charge_current_request_a"):
        return None
    charging = charging_rows(day)
    if np.count_nonzero(charging) < 2:
        return None
    figure, curve, lost = _two_panels(2.6)
    seen: set[int] = set()
    for number, phase in enumerate(day.phases, start=1):
        start_h, end_h = phase_span_h(phase, day)
        rows = np.flatnonzero(charging & (day.time_h > start_h) & (day.time_h <= end_h))
        if rows.size >= 2:
            seen |= _charging_curve(curve, day, rows)
            top = rows[np.argmax(day["charger_power_w"][rows])]
            place = (float(100.0 * day["soc"][rows[0]]), float(day["charger_power_w"][top] / W_PER_KW))
            name = f"{number}  {phase.get('name') or 'charge'}"
            curve.annotate(name, place, xytext=(2, 4), textcoords="offset points", fontsize=7.5)
    curve.set_ylim(0.0, 1.12 * curve.get_ylim()[1])
    curve.set_xlabel("State of charge [%]")
    title(curve, "Charging curve", "Charger power [kW]")
    handles = [Patch(color=c, label=name) for code, (c, name) in CAUSE_COLOURS.items() if code in seen]
    legend(curve, handles)
    _lost_minutes(lost, kpis)
    return figure


def _charging_curve(panel: Axes, day: DayView, rows: npt.NDArray[np.intp]) -> set[int]:
    """Draw one plug-in, every cause in its colour, and what the charger offers; return the causes met."""
    few = np.unique(np.append(rows[:: max(1, rows.size // CURVE_POINTS)], rows[-1]))
    soc_percent, power_kw = 100.0 * day["soc"][few], day["charger_power_w"][few] / W_PER_KW
    cause = day["charge_limit"][few]
    if day.has("charger_power_max_w"):
        offer_kw = day["charger_power_max_w"][few] / W_PER_KW
        panel.plot(soc_percent, offer_kw, color=MUTED, lw=0.8, ls="--")
    for code, (colour, _) in CAUSE_COLOURS.items():
        # a stretch reaches to the first point of the next, so that the curve has no holes
        mine = (cause == code) | (np.roll(cause, 1) == code)
        mine[0] = cause[0] == code
        if mine.any():
            panel.plot(soc_percent, np.where(mine, power_kw, np.nan), color=colour, lw=2.4)
    return {int(code) for code in np.unique(cause)}


def _lost_minutes(panel: Axes, kpis: Mapping[str, float]) -> None:
    lost = {c: kpis.get(f"charge_minutes_limited_by_{c.name.lower()}", 0.0) for c in CHARGING_CAUSES}
    shown = [cause for cause, minutes in lost.items() if minutes > 0.05]
    names = [CAUSE_COLOURS[cause][1] for cause in shown]
    minutes = [lost[cause] for cause in shown]
    panel.barh(names, minutes, color=[CAUSE_COLOURS[cause][0] for cause in shown], height=0.66)
    panel.set_ylim(max(len(shown), 4) - 0.5, -0.5)
    if not shown:
        panel.set_yticks([])
        panel.text(0.5, 0.5, "none", transform=panel.transAxes, ha="center", color=MUTED)
    panel.set_title("Minutes lost, by what limited")
    panel.set_xlabel("Time lost [min]")
    panel.set_xlim(0.0, 1.2 * max([1.0, *minutes]))
    panel.grid(visible=False, axis="y")
    for place, value in enumerate(minutes):
        _behind_bar(panel, value, place, f"{value:.1f}")


def _behind_bar(panel: Axes, value: float, place: int, text: str) -> None:
    panel.annotate(text, (value, place), xytext=(3, 0), textcoords="offset points", va="center", fontsize=7.5)


def phase_energy_figure(day: DayView) -> Figure | None:
    """Draw the electric energy of the thermal system in every phase, by actuator."""
    phases = day.phases
    present = [name for name in ACTUATOR_COLOURS if day.has(f"{name}_power_w")]
    if not phases or not present:
        return None
    figure, panel = free_panel(0.75 + 0.27 * len(phases))
    height_in = figure.get_figheight()
    left = 1.7 / FIGURE_WIDTH_IN
    panel.set_position(
        (
            left,
            0.42 / height_in,
            1.0 - left - MARGIN_RIGHT_IN / FIGURE_WIDTH_IN,
            1.0 - 0.72 / height_in,
        )
    )
    names = [f"{n + 1}  {p.get('name') or p.get('kind', '')}" for n, p in enumerate(phases)]
    spans_s = [tuple(SECONDS_PER_HOUR * h for h in phase_span_h(phase, day)) for phase in phases]
    ends = np.zeros(len(phases))
    for name in present:
        energy_j = day[f"{name}_power_w"] * day.dt_s
        total_j = [float(energy_j[(day.time_s > a) & (day.time_s <= b)].sum()) for a, b in spans_s]
        kwh = np.array(total_j) / JOULES_PER_KWH
        panel.barh(names, kwh, left=ends, color=ACTUATOR_COLOURS[name], height=0.62, label=name)
        ends += kwh
    for place, value in enumerate(ends):
        _behind_bar(panel, float(value), place, f"{value:.2f} kWh")
    panel.invert_yaxis()
    panel.set_xlim(0.0, 1.15 * float(ends.max()) if ends.max() > 0.0 else 1.0)
    panel.grid(visible=False, axis="y")
    panel.set_xlabel("Electric energy [kWh]")
    panel.set_title("Thermal system, phase by phase")
    legend(panel)
    return figure


def cell_map_figure(day: DayView, cells: CellStream) -> Figure | None:
    """Draw the temperature of every cell group over position in the pack and time."""
    time_s, temp_degc = cells["time_s"], cells["cell_temp_degc"]
    if time_s.size < 2:
        return None
    n_times, n_strings, n_series = temp_degc.shape
    figure, (panel,) = time_panels(day, (0.8 + 0.62 * min(n_strings, 4),))
    start_s, end_s = (SECONDS_PER_HOUR * h for h in day.span_h)
    grid_s = np.linspace(start_s, end_s, HEAT_MAP_COLUMNS)
    nearest = np.clip(np.searchsorted(time_s, grid_s), 0, n_times - 1)
    rows = np.unique(np.linspace(0, n_strings * n_series - 1, N_HEAT_MAP_ROWS).round().astype(int))
    field = temp_degc.reshape(n_times, -1)[np.ix_(nearest, rows)].T
    colours = ListedColormap(_inferno(HEAT_MAP_LEVELS))
    extent = (day.span_h[0], day.span_h[1], float(n_strings * n_series), 0.0)
    picture = panel.imshow(field, aspect="auto", extent=extent, cmap=colours, interpolation="none")
    panel.grid(visible=False)
    for string in range(1, n_strings):
        panel.axhline(string * n_series, color=PAPER, lw=2.0)
    middles = [(string + 0.5) * n_series for string in range(n_strings)]
    panel.set_yticks(
        middles, [f"string {string + 1}" for string in range(n_strings)], rotation=90, va="center"
    )
    panel.set_ylabel("Group along each string")
    panel.set_title(
        f"Cell temperature over position and time ({n_strings} x {n_series} groups, coolant inlet on top)"
    )
    width, height = 0.008, panel.get_position().height
    bar = figure.add_axes(
        (1.0 - MARGIN_RIGHT_IN / FIGURE_WIDTH_IN + 0.006, panel.get_position().y0, width, height)
    )
    figure.colorbar(picture, cax=bar).outline.set_visible(False)
    bar.set_title("°C", loc="left", fontweight="normal")
    return figure


def _inferno(levels: int) -> FloatArray:
    from matplotlib import colormaps  # noqa: PLC0415

    return np.asarray(colormaps["inferno"](np.linspace(0.04, 0.97, levels)), dtype=np.float64)


def cell_histogram_figure(day: DayView, cells: CellStream) -> Figure | None:
    """Draw how long cells spent at which temperature, and how warm each position was, mean and highest."""
    time_s, temp_degc = cells["time_s"], cells["cell_temp_degc"]
    if time_s.size < 2:
        return None
    figure, panel, profile = _two_panels(2.5, 0.5)
    weights_h = record_intervals_s(time_s) / SECONDS_PER_HOUR
    low, high = np.floor(np.nanmin(temp_degc)), np.ceil(np.nanmax(temp_degc))
    step_k = next(s for s in (0.5, 1.0, 2.0, 5.0, 10.0, 1e9) if (high - low) / s <= 40.0)
    edges = np.arange(low, high + step_k, step_k) if high > low else np.array([low, low + step_k])
    n_groups = temp_degc[0].size
    hours, _ = np.histogram(
        temp_degc.reshape(-1), bins=edges, weights=np.repeat(weights_h / n_groups, n_groups)
    )
    band = day.meta.get("comfort_band_degc")
    centres = 0.5 * (edges[:-1] + edges[1:])
    colours = [_band_colour(c, band) for c in centres]
    panel.bar(centres, hours, width=0.92 * step_k, color=colours)
    panel.set_xlabel("Cell temperature [°C]")
    title(panel, "Time at temperature, all cell groups", "Time [h]")
    named = ((SKY, "below the band"), (GREEN, "comfort band"), (RED, "above"))
    legend(panel, [Patch(color=c, label=text) for c, text in named if c in colours])
    mean = np.average(temp_degc, axis=0, weights=np.maximum(weights_h, 1e-9))
    position = np.arange(1, mean.shape[1] + 1)
    hottest = temp_degc.max(axis=0)
    profile.fill_between(position, hottest.min(axis=0), hottest.max(axis=0), color=RED, alpha=0.35, lw=0)
    profile.fill_between(position, mean.min(axis=0), mean.max(axis=0), color=GREEN, alpha=0.4, lw=0)
    profile.set_xlabel("Series position along the coolant [-]")
    title(profile, "Along the string", "Temperature [°C]")
    legend(
        profile, [Patch(color=RED, alpha=0.5, label="highest"), Patch(color=GREEN, alpha=0.5, label="mean")]
    )
    return figure


def _band_colour(temp_degc: float, band: tuple[float, float] | None) -> str:
    if band is None or float(band[0]) <= temp_degc <= float(band[1]):
        return GREEN
    return SKY if temp_degc < float(band[0]) else RED
