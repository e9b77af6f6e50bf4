"""Drawing tools of the report: one style, one time axis, long recordings drawn with few points, SVG as text.

Figures are built on ``matplotlib.figure.Figure`` directly, so no window system and no global figure list is
involved. Colours that must follow the page (text, grid, shading) are drawn in marker colours and become CSS
variables in the SVG; the page then works in light and dark.
"""

import io
import re
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from scenarios.energy_balance import SignalSource, record_intervals_s
from thermal_bms.signals import LimitCause, ValveMode
from thermal_bms.units import SECONDS_PER_HOUR, FloatArray

FIGURE_WIDTH_IN = 10.0
MARGIN_LEFT_IN = 0.72
MARGIN_RIGHT_IN = 0.62
LABEL_X = -0.052  # of a panel's width: all axis labels stand below each other
N_BINS = 720  # one bin is about one pixel of a plot

# Marker colours that stand for CSS variables of the page; blue is lighter on a dark page.
INK, MUTED, GRID, PAPER, PARK_SHADE, CHARGE_SHADE = (f"#0b0c0{n}" for n in range(1, 7))
CSS_COLOURS = {
    INK: "var(--ink)",
    MUTED: "var(--muted)",
    GRID: "var(--grid)",
    PAPER: "var(--card)",
    PARK_SHADE: "var(--park)",
    CHARGE_SHADE: "var(--charge)",
    "#0072b2": "var(--blue)",
}

# One colour per quantity, from the colour-blind-safe set of Okabe and Ito (2008), "Color universal design".
BLUE, SKY, GREEN, ORANGE, RED, PURPLE, YELLOW, GREY = (
    "#0072b2",
    "#56b4e9",
    "#009e73",
    "#e69f00",
    "#d55e00",
    "#cc79a7",
    "#f0e442",
    "#8c8c8c",
)
CELL_HOT, CELL_MEAN, CELL_COLD = RED, ORANGE, SKY
COOLANT_IN, COOLANT_OUT, AMBIENT = BLUE, GREEN, GREY
ACTUATOR_COLOURS = {"pump": BLUE, "fan": SKY, "compressor": PURPLE, "heater": RED}
VALVE_COLOURS = {
    ValveMode.BYPASS: (GREY, "bypass"),
    ValveMode.RADIATOR: (GREEN, "radiator"),
    ValveMode.CHILLER: (BLUE, "chiller"),
    ValveMode.WASTE_HEAT: (YELLOW, "waste heat"),
}
CAUSE_COLOURS = {
    LimitCause.CELL_CURRENT: (SKY, "cell current"),
    LimitCause.CELL_TEMP_HIGH: (RED, "cell too warm"),
    LimitCause.CELL_TEMP_LOW: (BLUE, "cell too cold"),
    LimitCause.CELL_VOLTAGE: (PURPLE, "cell voltage"),
    LimitCause.SOC: (YELLOW, "state of charge"),
    LimitCause.FAULT: (INK, "fault"),
    LimitCause.CHARGER_POWER: (GREEN, "charger power"),
    LimitCause.CHARGER_CURRENT: (ORANGE, "charger current"),
    LimitCause.PLATING: (GREY, "lithium plating"),
}

_STYLE: Any = {  # the typing of settings differs between matplotlib versions
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 8.0,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": MUTED,
    "axes.linewidth": 0.6,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 8.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 5.0,
    "axes.labelsize": 8.0,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 7.5,
    "ytick.labelsize": 7.5,
    "xtick.major.size": 3.0,
    "ytick.major.size": 0.0,
    "lines.linewidth": 1.1,
    "lines.solid_joinstyle": "round",
    "legend.frameon": False,
    "legend.fontsize": 7.5,
    "legend.handlelength": 1.4,
    "legend.columnspacing": 1.2,
    "legend.borderaxespad": 0.0,
    "path.simplify_threshold": 0.3,
}


def style() -> AbstractContextManager[None]:
    """Return the context in which every figure of the report is built and drawn."""
    return mpl.rc_context(_STYLE)


class DayView:
    """A recording prepared for drawing: hours, phases, cached columns and their reduction to few points.

    Parameters
    ----------
    recording : the signals and meta of a run; at least two rows
    """

    def __init__(self, recording: SignalSource) -> None:
        self._recording = recording
        self._cache: dict[str, FloatArray] = {}
        self.meta: Mapping[str, Any] = recording.meta
        self.time_s = recording["time_s"]
        self.dt_s = record_intervals_s(self.time_s)
        self.time_h = self.time_s / SECONDS_PER_HOUR
        edges = np.linspace(self.time_s[0], self.time_s[-1], N_BINS + 1)[:-1]
        self._starts = np.unique(np.searchsorted(self.time_s, edges))
        self._weights = np.where(self.dt_s > 0.0, self.dt_s, 1e-9)
        self._weight_sums = np.add.reduceat(self._weights, self._starts)
        self.bin_time_h = np.add.reduceat(self.time_h * self._weights, self._starts) / self._weight_sums

    @property
    def phases(self) -> list[Mapping[str, Any]]:
        """Return the phases of the day; those of an interrupted run are read off its rows."""
        known = self.meta.get("phases")
        if known or not self.has("phase_index"):
            return list(known or ())
        planned = self.meta.get("scenario", {}).get("phase", ())
        return [
            {
                **(planned[index] if 0 <= index < len(planned) else {}),
                "start_s": SECONDS_PER_HOUR * start_h,
                "end_s": SECONDS_PER_HOUR * (start_h + width_h),
            }
            for start_h, width_h, index in self.runs(self["phase_index"])
        ]

    @property
    def span_h(self) -> tuple[float, float]:
        """Return first and last instant [h], the limits of every time axis."""
        return min(0.0, float(self.time_h[0])), float(self.time_h[-1])

    def has(self, *names: str) -> bool:
        """Say whether all of these signals were recorded with at least one value."""
        return all(name in self._recording and bool(np.isfinite(self[name]).any()) for name in names)

    def __getitem__(self, name: str) -> FloatArray:
        if name not in self._cache:
            self._cache[name] = self._recording[name]
        return self._cache[name]

    def envelope(self, values: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return hours and values with at most two points a bin, its lowest and its highest: no peak is lost.

        A bin that rises from its first to its last value gets the lowest first.
        """
        if values.size <= 2 * self._starts.size:
            return self.time_h, values
        low, high = np.fmin.reduceat(values, self._starts), np.fmax.reduceat(values, self._starts)
        ends = np.append(self._starts[1:], values.size) - 1
        rising = values[ends] >= values[self._starts]
        pairs = np.column_stack((np.where(rising, low, high), np.where(rising, high, low)))
        return np.repeat(self.bin_time_h, 2), pairs.ravel()

    def low_high(self, low: FloatArray, high: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return bin hours with the lowest of ``low`` and the highest of ``high`` in each bin."""
        return (
            self.bin_time_h,
            np.fmin.reduceat(low, self._starts),
            np.fmax.reduceat(high, self._starts),
        )

    def mean(self, values: FloatArray) -> FloatArray:
        """Return the time-weighted mean of each bin over its known values; NaN where there is none."""
        known = np.isfinite(values)
        total = np.add.reduceat(np.where(known, values, 0.0) * self._weights, self._starts)
        if known.all():
            return total / self._weight_sums
        weight = np.add.reduceat(np.where(known, self._weights, 0.0), self._starts)
        return np.divide(total, weight, out=np.full_like(total, np.nan), where=weight > 0.0)

    def runs(self, values: FloatArray) -> list[tuple[float, float, int]]:
        """Return (start [h], width [h], value) of each stretch of one integer; in a bin the highest wins."""
        codes = np.fmax.reduceat(values, self._starts)
        change = np.flatnonzero(np.diff(codes, prepend=np.nan) != 0.0)
        first = self.time_h[self._starts] - self.dt_s[self._starts] / SECONDS_PER_HOUR
        edges = np.append(first[change], self.time_h[-1])
        return [
            (float(a), float(b - a), int(code))
            for a, b, code in zip(edges[:-1], edges[1:], codes[change], strict=True)
            if np.isfinite(code)
        ]


def time_panels(
    day: DayView, heights_in: Sequence[float], *, gap_in: float = 0.34, top_in: float = 0.3
) -> tuple[Figure, list[Axes]]:
    """Return a figure with panels below each other on the day's time axis, phases shaded.

    All figures have the same width and margins, so one instant stands at the same place all down the page.
    """
    bottom_in = 0.42
    total_in = top_in + sum(heights_in) + gap_in * (len(heights_in) - 1) + bottom_in
    figure = Figure(figsize=(FIGURE_WIDTH_IN, total_in))
    FigureCanvasSVG(figure)
    width = (FIGURE_WIDTH_IN - MARGIN_LEFT_IN - MARGIN_RIGHT_IN) / FIGURE_WIDTH_IN
    panels: list[Axes] = []
    edge_in = total_in - top_in
    for height_in in heights_in:
        edge_in -= height_in
        box = (MARGIN_LEFT_IN / FIGURE_WIDTH_IN, edge_in / total_in, width, height_in / total_in)
        panels.append(figure.add_axes(box, sharex=panels[0] if panels else None))
        edge_in -= gap_in
    for panel in panels:
        _shade_phases(panel, day)
        panel.set_xlim(*day.span_h)
        panel.tick_params(labelbottom=panel is panels[-1])
        panel.yaxis.set_label_coords(LABEL_X, 0.5)
    panels[-1].xaxis.set_major_locator(MaxNLocator(nbins=13, steps=[1, 2, 3, 5, 6, 10]))
    panels[-1].set_xlabel(_time_label(day))
    return figure, panels


def free_panel(height_in: float) -> tuple[Figure, Axes]:
    """Return a figure of the common width with one panel without a time axis."""
    figure = Figure(figsize=(FIGURE_WIDTH_IN, height_in))
    FigureCanvasSVG(figure)
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    return figure, axes


def _time_label(day: DayView) -> str:
    initial = day.meta.get("scenario", {}).get("initial", {})
    hour = initial.get("start_hour") if isinstance(initial, Mapping) else None
    if not isinstance(hour, (int, float)):
        return "Time since start [h]"
    return f"Time since start [h], start at {int(hour):02d}:{round(hour % 1.0 * 60.0):02d}"


def _shade_phases(panel: Axes, day: DayView) -> None:
    for phase in day.phases:
        shade = {"park": PARK_SHADE, "charge": CHARGE_SHADE}.get(str(phase.get("kind")))
        if shade is not None:
            start_h, end_h = phase_span_h(phase, day)
            panel.axvspan(start_h, end_h, color=shade, linewidth=0.0, zorder=0)


def phase_span_h(phase: Mapping[str, Any], day: DayView) -> tuple[float, float]:
    """Return start and end of a phase [h]; one that an interrupted run left open ends with the recording."""
    start_s, end_s = phase.get("start_s", 0.0), phase.get("end_s")
    end_h = day.span_h[1] if end_s is None else min(float(end_s) / SECONDS_PER_HOUR, day.span_h[1])
    return min(float(start_s) / SECONDS_PER_HOUR, day.span_h[1]), end_h


def title(panel: Axes, text: str, unit: str) -> None:
    """Name a panel: the quantity above it, its unit on the axis."""
    panel.set_title(text)
    panel.set_ylabel(unit)


def legend(panel: Axes, handles: Sequence[Any] | None = None) -> None:  # matplotlib artists
    """Put the legend in one line above the panel, at the right."""
    found = list(handles) if handles is not None else panel.get_legend_handles_labels()[0]
    if found:
        drawn = panel.legend(handles=found, loc="lower right", bbox_to_anchor=(1.0, 1.02), ncol=len(found))
        for handle in drawn.get_lines():
            handle.set_linewidth(1.8)


def line(panel: Axes, day: DayView, values: FloatArray, label: str, colour: str, **kwargs: Any) -> None:
    """Draw a signal with its peaks kept. ``kwargs`` go to matplotlib's ``plot``."""
    panel.plot(*day.envelope(values), color=colour, label=label, **kwargs)


def strips(
    panel: Axes, day: DayView, rows: Mapping[str, FloatArray], palette: Mapping[Any, tuple[str, str]]
) -> None:
    """Draw rows of coloured stretches, one row a signal of integer codes; unknown codes stay empty."""
    seen: set[int] = set()
    for place, values in enumerate(reversed(list(rows.values()))):
        for start_h, width_h, code in day.runs(values):
            if code in palette:
                seen.add(code)
                panel.broken_barh([(start_h, width_h)], (place - 0.36, 0.72), color=palette[code][0], lw=0)
    panel.set_yticks(range(len(rows)), list(rows)[::-1])
    panel.set_ylim(-0.5, len(rows) - 0.5)
    panel.grid(visible=False)
    panel.spines["left"].set_visible(False)
    legend(
        panel, [Patch(color=colour, label=name) for code, (colour, name) in palette.items() if code in seen]
    )


_HEAD = re.compile(r"^.*?(?=<svg)", re.DOTALL)
_METADATA = re.compile(r"\s*<metadata>.*?</metadata>", re.DOTALL)
_GROUP_ID = re.compile(r'<g id="[^"]*"')
_PATH = re.compile(r' d="[^"]*"')
_DECIMALS = re.compile(r"(\d\.\d\d)\d+")
_SPACES = re.compile(r"\n\s*")


def to_svg(figure: Figure, name: str, *, label: str) -> str:
    """Return the figure as an SVG element for the page.

    ``name`` keeps the element's inner names apart from those of other figures; ``label`` is read to people
    who cannot see it. The same figure gives the same text.
    """
    buffer = io.StringIO()
    salt: Any = {"svg.hashsalt": name}  # see _STYLE
    with mpl.rc_context(salt):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    text = _METADATA.sub("", _HEAD.sub("", buffer.getvalue()))
    head_end = text.index(">") + 1
    head = re.sub(r' (?:width|height)="[^"]*"', "", text[: head_end - 1])
    body = _PATH.sub(lambda found: _DECIMALS.sub(r"\1", found[0]), _GROUP_ID.sub("<g", text[head_end:]))
    for marker, css in CSS_COLOURS.items():
        body = body.replace(marker, css)
    return f'{head} role="img" aria-label="{label}">{_SPACES.sub(chr(10), body)}'
