"""A Sankey drawing of the energy split: bands as wide as their energy, in columns from source to use."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path

from scenarios.energy_balance import BUS_NODE, EnergyFlow
from scenarios.report_plots import (
    BLUE,
    GREEN,
    GREY,
    INK,
    MUTED,
    ORANGE,
    PURPLE,
    RED,
    SKY,
    YELLOW,
    free_panel,
)

NODE_COLOURS = {
    "Grid": GREEN,
    "Stored in cells": SKY,
    "Regeneration": YELLOW,
    "Downhill": GREY,
    BUS_NODE: GREEN,
    "Drive": BLUE,
    "Auxiliaries": GREY,
    "Cabin": YELLOW,
    "Thermal system": PURPLE,
    "Brake resistor": PURPLE,
    "Battery heat": ORANGE,
    "Charged into cells": SKY,
    "Road load": BLUE,
    "Air drag": SKY,
    "Rolling": BLUE,
    "Climbing": GREEN,
    "Recovered": YELLOW,
    "Drive losses": RED,
    "Friction brakes": ORANGE,
    "Pump": BLUE,
    "Fan": SKY,
    "Compressor": PURPLE,
    "Heater": RED,
    "Other": GREY,
}
NODE_WIDTH = 0.012  # of the drawing's width
COLUMN_X = (0.13, 0.37, 0.62, 0.87)
SLOT_MIN = 0.052  # of the drawing's height; leaves every label its line
GAP = 0.012


@dataclass(slots=True)
class _Node:
    """A bar: its column, its size in energy, its place, and how much of each side is taken."""

    name: str
    column: int
    energy_kwh: float
    bottom: float = 0.0
    height: float = 0.0
    used_in: float = 0.0
    used_out: float = 0.0


def sankey_figure(flows: Sequence[EnergyFlow]) -> Figure | None:
    """Draw the energy split of :func:`scenarios.energy_balance.energy_split`; None when nothing flowed."""
    if not flows:
        return None
    nodes = _nodes(flows)
    scale = _place(nodes)
    figure, axes = free_panel(4.3)
    axes.set_axis_off()
    axes.set_xlim(0.0, 1.0)
    axes.set_ylim(0.0, 1.0)
    for flow in sorted(flows, key=lambda f: (-nodes[f.source].bottom, -nodes[f.target].bottom)):
        _draw_band(axes, nodes[flow.source], nodes[flow.target], flow.energy_kwh * scale)
    total_kwh = nodes[BUS_NODE].energy_kwh if BUS_NODE in nodes else sum(f.energy_kwh for f in flows)
    for node in nodes.values():
        _draw_node(axes, node, total_kwh)
    return figure


def _nodes(flows: Sequence[EnergyFlow]) -> dict[str, _Node]:
    incoming: dict[str, float] = {}
    outgoing: dict[str, float] = {}
    for flow in flows:
        outgoing[flow.source] = outgoing.get(flow.source, 0.0) + flow.energy_kwh
        incoming[flow.target] = incoming.get(flow.target, 0.0) + flow.energy_kwh
    feeds = {flow.source: flow.target for flow in flows}
    fed_by = {flow.target: flow.source for flow in flows}

    def column(name: str) -> int:
        if name == BUS_NODE:
            return 1
        if name not in incoming:
            return 0 if feeds[name] == BUS_NODE else 1
        return 2 if fed_by[name] == BUS_NODE or name in outgoing else 3

    names = dict.fromkeys(name for flow in flows for name in (flow.source, flow.target))
    return {n: _Node(n, column(n), max(incoming.get(n, 0.0), outgoing.get(n, 0.0))) for n in names}


def _place(nodes: Mapping[str, _Node]) -> float:
    """Give every node its height and bottom; return the height of one kWh."""
    columns = [[node for node in nodes.values() if node.column == c] for c in range(len(COLUMN_X))]
    scale = min(_fitting_scale([n.energy_kwh for n in column]) for column in columns if column)
    for column in columns:
        slots = [max(node.energy_kwh * scale, SLOT_MIN) for node in column]
        top = 0.5 + 0.5 * (sum(slots) + GAP * (len(slots) - 1))
        for node, slot in zip(column, slots, strict=True):
            node.height = node.energy_kwh * scale
            node.bottom = top - 0.5 * (slot + node.height)
            top -= slot + GAP
    return scale


def _fitting_scale(energies_kwh: Sequence[float]) -> float:
    """Return the largest height per kWh at which slots of at least ``SLOT_MIN`` fit one column."""
    room = 0.98 - GAP * (len(energies_kwh) - 1)
    large = sorted(energies_kwh, reverse=True)
    for count in range(len(large), 0, -1):
        scale = (room - SLOT_MIN * (len(large) - count)) / sum(large[:count])
        if large[count - 1] * scale >= SLOT_MIN or count == 1:
            return scale
    return room / sum(large)


def _draw_band(axes: Axes, source: _Node, target: _Node, height: float) -> None:
    x0 = COLUMN_X[source.column] + NODE_WIDTH
    x1 = COLUMN_X[target.column]
    y0 = source.bottom + source.height - source.used_out
    y1 = target.bottom + target.height - target.used_in
    source.used_out += height
    target.used_in += height
    middle = 0.5 * (x0 + x1)
    vertices = [
        (x0, y0),
        (middle, y0),
        (middle, y1),
        (x1, y1),
        (x1, y1 - height),
        (middle, y1 - height),
        (middle, y0 - height),
        (x0, y0 - height),
        (x0, y0),
    ]
    curve = [Path.CURVE4] * 3
    codes = [Path.MOVETO, *curve, Path.LINETO, *curve, Path.CLOSEPOLY]
    colour = NODE_COLOURS.get(target.name if source.name == BUS_NODE else source.name, GREY)
    if source.column >= 2:
        colour = NODE_COLOURS.get(target.name, GREY)
    axes.add_patch(PathPatch(Path(vertices, codes), facecolor=colour, alpha=0.38, lw=0.3, edgecolor=colour))


def _draw_node(axes: Axes, node: _Node, total_kwh: float) -> None:
    x = COLUMN_X[node.column]
    colour = NODE_COLOURS.get(node.name, GREY)
    axes.add_patch(Rectangle((x, node.bottom), NODE_WIDTH, max(node.height, 0.002), color=colour, lw=0))
    middle = node.bottom + 0.5 * node.height
    left = node.column == 0
    place = x - 0.008 if left else x + NODE_WIDTH + 0.008
    share = f" · {100.0 * node.energy_kwh / total_kwh:.1f} %" if node.name != BUS_NODE else ""
    decimals = 0 if node.energy_kwh >= 99.5 else 1 if node.energy_kwh >= 9.95 else 2
    side = "right" if left else "left"
    axes.text(place, middle, node.name, ha=side, va="bottom", color=INK, fontweight="bold", fontsize=8)
    figures = f"{node.energy_kwh:.{decimals}f} kWh{share}"
    axes.text(place, middle, figures, ha=side, va="top", color=MUTED, fontsize=7)
