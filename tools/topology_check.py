"""Measure what a topology costs in detection time, and print the table of docs/topologies.md.

A healthy pack stands still; at a random instant one cell steps above its trip level. The control cycle runs at ticks of
10 ms behind the monitoring units of each topology; the time until the trip is set is compared with that of the ideal
link, which hands over every value at every tick.
"""

import argparse
import logging
from dataclasses import replace

import numpy as np
from reference_blocks import ROOT, Blocks, filled, markdown

from controllers.registry import create
from plant_models.cell_monitoring import TIMINGS, MonitoredLink, MonitoringSettings
from plant_models.truck import Truck
from plant_models.truck_parameters import describe, load_truck
from thermal_bms.cycle import ControlUnit, control_cycle
from thermal_bms.faults import FaultCode, Severity
from thermal_bms.interfaces import Link
from thermal_bms.limits import load_limits
from thermal_bms.signals import NO_PREVIEW, Command, Measurement

TICK_S = 0.01
TRIALS = 12
TRUCK = "light_liquid"
PAGE = ROOT / "docs" / "topologies.md"


class SteppingTruck:
    """A truck at rest whose fourth cell jumps above its trip level at an instant."""

    def __init__(self, template: Measurement, jump_at_s: float, jump_v: float) -> None:
        self._template = template
        self._jump_at_s = jump_at_s
        self._jump_v = jump_v
        self.time_s = 0.0

    def read(self) -> Measurement:
        """Return what the sensors say now."""
        voltage_v = self._template.cell_voltage_v.copy()
        if self.time_s >= self._jump_at_s:
            voltage_v[0, 3] = self._jump_v
        return replace(self._template, time_s=self.time_s, cell_voltage_v=voltage_v)

    def write(self, command: Command) -> None:
        """Take a command, which changes nothing here."""


def detection_s(settings: MonitoringSettings | None, seed: int) -> float:
    """Return how long after the jump the trip is set [s]."""
    truck = Truck(load_truck(TRUCK), soc=0.5, temp_degc=25.0)
    description = describe(truck.parameters, truck.cell)
    row = load_limits(description.pack.chemistry).row(FaultCode.CELL_VOLTAGE_HIGH)
    jump_at_s = 1.0 + float(np.random.default_rng(seed).uniform(0.0, 0.2))
    stepping = SteppingTruck(truck.measure(), jump_at_s, row.level(row.trip, description.pack) + 0.05)
    link: Link = MonitoredLink(stepping, settings, seed) if settings else stepping
    unit = ControlUnit(description, create("thermostat", {}, description), initial_soc=0.5)
    for n in range(1, 1000):
        stepping.time_s = n * TICK_S
        result = control_cycle(unit, link.read(), NO_PREVIEW, TICK_S)
        if any(f.code is FaultCode.CELL_VOLTAGE_HIGH and f.severity is Severity.TRIP for f in result.faults):
            return stepping.time_s - jump_at_s
    return float("inf")


def table() -> str:
    """Return the measured table."""
    ideal = np.array([detection_s(None, seed) for seed in range(TRIALS)])
    rows = [("ideal", "", "every tick", f"{ideal.mean():.3f} / {ideal.max():.3f} s", "", "")]
    for topology, transport in TIMINGS:
        settings = MonitoringSettings(topology=topology, transport=transport)
        found = np.array([detection_s(settings, seed) for seed in range(TRIALS)])
        period_s, latency_s, jitter_s, loss = settings.timing
        rows.append(
            (
                topology,
                transport,
                f"{1e3 * period_s:g} ms, {1e3 * latency_s:g} ms, {1e3 * jitter_s:g} ms, {loss:g}",
                f"{found.mean():.3f} / {found.max():.3f} s",
                f"{1e3 * (found - ideal).max():.0f} ms",
                f"{1e3 * (settings.delay_max_s + TICK_S):.0f} ms",
            )
        )
    trip = "trip of a cell voltage, mean / longest"
    header = ("topology", "link", "period, latency, jitter, loss", trip, "against ideal, longest", "at most")
    return markdown(header, rows)


BLOCKS: Blocks = {"topologies": table}


def main() -> None:
    """Print the table; with --write put it into the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="put the table into docs/topologies.md")
    write = parser.parse_args().write
    logging.disable(logging.CRITICAL)
    text = table()
    print(text)
    if write:
        PAGE.write_text(filled(PAGE.read_text("utf-8"), {"topologies": lambda: text}), encoding="utf-8")


if __name__ == "__main__":
    main()
