"""The report's figures over time. Each function draws one; None when its signals are missing."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from scenarios.report_plots import (
    ACTUATOR_COLOURS,
    AMBIENT,
    BLUE,
    CAUSE_COLOURS,
    CELL_COLD,
    CELL_HOT,
    CELL_MEAN,
    COOLANT_IN,
    COOLANT_OUT,
    GREEN,
    GREY,
    INK,
    MUTED,
    ORANGE,
    PURPLE,
    RED,
    SKY,
    VALVE_COLOURS,
    YELLOW,
    DayView,
    legend,
    line,
    phase_span_h,
    strips,
    time_panels,
    title,
)
from thermal_bms.signals import VehicleMode
from thermal_bms.units import BoolArray

W_PER_KW = 1e3
MV_PER_V = 1e3
PLATING_MARGIN_MV = 10.0  # of the tables in thermal_bms/limit_tables
NEGLIGIBLE_HEAT_KW = 1e-3
PA_PER_BAR = 1e5
KMH_PER_M_PER_S = 3.6


def day_figure(day: DayView) -> Figure | None:
    """Draw speed and state of charge over the named phases: the day at a glance."""
    if not day.has("vehicle_speed_m_per_s", "soc"):
        return None
    rows = _day_rows(day)
    figure, (phases, speed, soc) = time_panels(day, (0.21 * len(rows), 1.05, 0.95), top_in=0.06)
    _draw_rows(phases, day, rows)
    target_km_per_h = (
        KMH_PER_M_PER_S * day["target_speed_m_per_s"] if day.has("target_speed_m_per_s") else None
    )
    speed_km_per_h = KMH_PER_M_PER_S * day["vehicle_speed_m_per_s"]
    hours, low, high = day.low_high(speed_km_per_h, speed_km_per_h)
    speed.fill_between(hours, low, high, color=BLUE, alpha=0.35, lw=0)
    if target_km_per_h is not None:
        speed.plot(day.bin_time_h, day.mean(target_km_per_h), color=MUTED, lw=0.7, ls=":", label="target")
    speed.plot(hours, day.mean(speed_km_per_h), color=BLUE, lw=0.9, label="speed")
    title(speed, "Speed", "Speed [km/h]")
    speed.set_ylim(0.0, None)
    legend(speed)
    soc.fill_between(day.bin_time_h, 100.0 * day.mean(day["soc"]), color=GREEN, alpha=0.18, lw=0)
    line(soc, day, 100.0 * day["soc"], "truth", GREEN)
    if day.has("soc_estimate"):
        line(soc, day, 100.0 * day["soc_estimate"], "estimate", INK, lw=0.8, ls="--")
    if day.has("soc_min_estimate", "soc_max_estimate"):
        low, high = (100.0 * day.mean(day[f"soc_{end}_estimate"]) for end in ("min", "max"))
        soc.fill_between(day.bin_time_h, low, high, color=INK, alpha=0.12, lw=0, label="bound")
    title(soc, "State of charge", "SoC [%]")
    soc.set_ylim(0.0, 100.0)
    legend(soc)
    return figure


PHASE_COLOURS = {"drive": BLUE, "park": GREY, "charge": YELLOW}
Stretch = tuple[float, float, str, str]  # start [h], width [h], colour, name


def _day_rows(day: DayView) -> dict[str, list[Stretch]]:
    rows: dict[str, list[Stretch]] = {"phase": []}
    for phase in day.phases:
        start_h, end_h = phase_span_h(phase, day)
        kind = str(phase.get("kind", ""))
        name = str(phase.get("name") or kind)
        rows["phase"].append((start_h, end_h - start_h, PHASE_COLOURS.get(kind, GREY), name))
    for label, signal, colour in (("asleep", "asleep", MUTED), ("faults", "fault_count", RED)):
        if day.has(signal) and (day[signal] > 0.0).any():
            stretches = day.runs((day[signal] > 0.0).astype(np.float64))
            rows[label] = [(start, width, colour, "") for start, width, on in stretches if on]
    return rows


def _draw_rows(panel: Axes, day: DayView, rows: dict[str, list[Stretch]]) -> None:
    letter_h = 0.0075 * (day.span_h[1] - day.span_h[0])
    for place, stretches in enumerate(rows.values()):
        for number, (start_h, width_h, colour, name) in enumerate(stretches, start=1):
            names = (f"{number}  {name}", str(number)) if name else ()
            panel.broken_barh([(start_h, width_h)], (place - 0.42, 0.84), color=colour, alpha=0.45, lw=0)
            fitting = next((text for text in names if width_h > letter_h * len(text)), "")
            panel.text(start_h + 0.5 * width_h, place, fitting, ha="center", va="center_baseline")
    panel.set_yticks(range(len(rows)), list(rows))
    panel.set_ylim(len(rows) - 0.5, -0.5)
    panel.grid(visible=False)
    panel.tick_params(length=0)
    for side in ("left", "bottom"):
        panel.spines[side].set_visible(False)


def temperature_figure(day: DayView) -> Figure | None:
    """Draw cell, coolant and ambient temperatures with the comfort band, and the spread between cells."""
    if not day.has("cell_temp_min_degc", "cell_temp_max_degc"):
        return None
    figure, (panel, spread) = time_panels(day, (3.1, 0.9))
    band = day.meta.get("comfort_band_degc")
    if band is not None:
        panel.axhspan(float(band[0]), float(band[1]), color=GREEN, alpha=0.09, lw=0, label="comfort band")
    hottest, coldest = day["cell_temp_max_degc"], day["cell_temp_min_degc"]
    hours, low, high = day.low_high(coldest, hottest)
    panel.fill_between(hours, low, high, color=ORANGE, alpha=0.22, lw=0)
    line(panel, day, hottest, "cell max", CELL_HOT)
    _line_if(panel, day, "cell_temp_mean_degc", "mean", CELL_MEAN)
    line(panel, day, coldest, "min", CELL_COLD)
    for name, label in (("cell_temp_measured_max_degc", "measured"), ("cell_temp_measured_min_degc", None)):
        if day.has(name):
            panel.plot(
                day.bin_time_h, day.mean(day[name]), color=INK, lw=0.7, ls=(0, (1.5, 1.5)), label=label
            )
    _line_if(panel, day, "coolant_inlet_temp_degc", "coolant in", COOLANT_IN, lw=0.9)
    _line_if(panel, day, "coolant_outlet_temp_degc", "out", COOLANT_OUT, lw=0.9)
    _line_if(panel, day, "ambient_temp_degc", "ambient", AMBIENT, lw=1.2, ls="--")
    title(panel, "Temperatures", "Temperature [°C]")
    legend(panel)
    spread_k = hottest - coldest
    hours, low, high = day.low_high(spread_k, spread_k)
    spread.fill_between(hours, high, color=RED, alpha=0.2, lw=0)
    line(spread, day, spread_k, "", RED, lw=0.9)
    spread.set_ylim(0.0, None)
    title(spread, "Spread between the coldest and the hottest cell", "Spread [K]")
    return figure


def _line_if(panel: Axes, day: DayView, name: str, label: str, colour: str, **style: object) -> None:
    if day.has(name):
        line(panel, day, day[name], label, colour, **style)


def power_figure(day: DayView) -> Figure | None:
    """Draw pack power and current between their limits, what sets the limits, and the cell voltages."""
    if not day.has("pack_power_w", "pack_current_a"):
        return None
    figure, (power, current, causes, voltage) = time_panels(day, (1.7, 1.4, 0.62, 1.1))
    plugged = _plugged(day)
    if day.has("discharge_power_max_w", "charge_power_max_w"):
        _line_if_scaled(power, day, "discharge_power_max_w", 1.0 / W_PER_KW, "allowed", MUTED, lw=0.8)
        _line_if_scaled(power, day, "charge_power_max_w", -1.0 / W_PER_KW, "", MUTED, lw=0.8)
    _line_if_scaled(power, day, "pack_power_w", 1.0 / W_PER_KW, "battery", BLUE, lw=0.8)
    if plugged.any():
        charger_kw = np.where(plugged, -day["charger_power_w"] / W_PER_KW, np.nan)
        line(power, day, charger_kw, "charger", GREEN, lw=0.9, ls="--")
    title(power, "Power, discharge upwards", "Power [kW]")
    legend(power)
    _line_if_scaled(current, day, "charge_current_max_a", -1.0, "allowed charge", MUTED, lw=0.8)
    if plugged.any() and day.has("charge_current_request_a"):
        requested_a = np.where(plugged, -day["charge_current_request_a"], np.nan)
        line(current, day, requested_a, "requested", ORANGE, lw=0.9)
    _line_if_scaled(current, day, "pack_current_a", 1.0, "battery", BLUE, lw=0.8)
    title(current, "Current, discharge upwards", "Current [A]")
    legend(current)
    rows = {
        label: day[name]
        for label, name in (
            ("discharge", "discharge_cause"),
            ("charge", "charge_cause"),
            ("charging", "charge_limit"),
        )
        if day.has(name)
    }
    strips(causes, day, rows, CAUSE_COLOURS)
    causes.set_title("Limited by")
    _line_if(voltage, day, "cell_voltage_max_v", "highest", CELL_HOT, lw=0.8)
    _line_if(voltage, day, "cell_voltage_min_v", "lowest", CELL_COLD, lw=0.8)
    title(voltage, "Cell voltage", "Voltage [V]")
    legend(voltage)
    return figure


def _plugged(day: DayView) -> BoolArray:
    if not day.has("vehicle_mode", "charger_power_w"):
        return np.zeros(day.time_s.size, dtype=np.bool_)
    return np.asarray(day["vehicle_mode"] == VehicleMode.CHARGE)


def _line_if_scaled(
    panel: Axes, day: DayView, name: str, factor: float, label: str, colour: str, **style: object
) -> None:
    if day.has(name):
        line(panel, day, factor * day[name], label or "_", colour, **style)


def actuator_figure(day: DayView) -> Figure | None:
    """Draw the thermal actuators: commanded duties, mode valve, electric powers and coolant flow."""
    if not day.has("pump_duty"):
        return None
    figure, (duties, valve, powers, flow) = time_panels(day, (1.5, 0.26, 1.4, 0.8))
    for name, colour in ACTUATOR_COLOURS.items():
        _line_if_scaled(duties, day, f"{name}_duty", 100.0, name, colour, lw=0.9)
    duties.set_ylim(0.0, 103.0)
    title(duties, "Commands", "Duty [%]")
    legend(duties)
    if day.has("valve_mode"):
        strips(valve, day, {"valve": day["valve_mode"]}, VALVE_COLOURS)
    present = [name for name in ACTUATOR_COLOURS if day.has(f"{name}_power_w")]
    powers.stackplot(
        day.bin_time_h,
        [np.nan_to_num(day.mean(day[f"{name}_power_w"])) / W_PER_KW for name in present],
        colors=[ACTUATOR_COLOURS[name] for name in present],
        labels=present,
        lw=0,
        alpha=0.85,
    )
    title(powers, "Electric power of the thermal system", "Power [kW]")
    powers.set_ylim(0.0, None)
    legend(powers)
    _line_if(flow, day, "coolant_flow_kg_per_s", "", BLUE, lw=0.9)
    flow.set_ylim(0.0, None)
    title(flow, "Coolant flow", "Flow [kg/s]")
    return figure


_HEAT_TERMS = (  # signal, label, colour, sign of a positive value as seen from the pack and its loop
    ("cell_heat_w", "cells", ORANGE, 1.0),
    ("heater_power_w", "heater", RED, 1.0),
    ("waste_heat_w", "drive's waste heat", YELLOW, 1.0),
    ("chiller_heat_w", "chiller", BLUE, -1.0),
    ("radiator_heat_w", "radiator", GREEN, -1.0),
    ("heat_housing_to_ambient_w", "housing to ambient", GREY, -1.0),
)


def heat_figure(day: DayView) -> Figure | None:
    """Draw where the heat comes from (upwards) and where it goes (downwards), and the loops it passes."""
    if not day.has("cell_heat_w"):
        return None
    figure, (panel, loops) = time_panels(day, (2.3, 1.1))
    handles = _stack_heat(panel, day)
    _line_if_scaled(panel, day, "heat_cell_to_coolant_w", -1.0 / W_PER_KW, "cells to coolant", INK, lw=0.7)
    panel.axhline(0.0, color=MUTED, lw=0.6)
    title(panel, "Heat, into the pack and its loop upwards", "Heat flow [kW]")
    legend(panel, handles + panel.get_legend_handles_labels()[0])
    _line_if(loops, day, "coolant_inlet_temp_degc", "coolant in", COOLANT_IN, lw=0.9)
    _line_if(loops, day, "coolant_outlet_temp_degc", "out", COOLANT_OUT, lw=0.9)
    _line_if(loops, day, "drive_loop_temp_degc", "drive's loop", PURPLE, lw=0.9)
    _line_if(loops, day, "ambient_temp_degc", "ambient", AMBIENT, lw=1.2, ls="--")
    title(loops, "Loop temperatures", "Temperature [°C]")
    legend(loops)
    return figure


def _stack_heat(panel: Axes, day: DayView) -> list[Patch]:
    """Stack every gain upwards and every loss downwards; a term that turns its sign changes sides."""
    handles = []
    base = {1.0: np.zeros_like(day.bin_time_h), -1.0: np.zeros_like(day.bin_time_h)}
    for name, label, colour, sign in _HEAT_TERMS:
        value_kw = sign * np.nan_to_num(day.mean(day[name])) / W_PER_KW if day.has(name) else np.zeros(1)
        if np.abs(value_kw).max() < NEGLIGIBLE_HEAT_KW:
            continue
        for side in (1.0, -1.0):
            top = base[side] + side * np.maximum(side * value_kw, 0.0)
            panel.fill_between(day.bin_time_h, base[side], top, color=colour, lw=0, alpha=0.75)
            base[side] = top
        handles.append(Patch(color=colour, alpha=0.75, label=label))
    return handles


def refrigerant_figure(day: DayView) -> Figure | None:
    """Draw refrigerant pressures and compressor speed, when the compressor ran at all."""
    if not day.has("suction_pressure_pa", "discharge_pressure_pa", "compressor_speed_rpm"):
        return None
    if not (day["compressor_speed_rpm"] > 0.0).any():
        return None
    figure, (pressure, speed) = time_panels(day, (1.3, 0.8))
    _line_if_scaled(pressure, day, "discharge_pressure_pa", 1.0 / PA_PER_BAR, "discharge", RED, lw=0.9)
    _line_if_scaled(pressure, day, "suction_pressure_pa", 1.0 / PA_PER_BAR, "suction", SKY, lw=0.9)
    title(pressure, "Refrigerant pressures, absolute", "Pressure [bar]")
    pressure.set_ylim(0.0, None)
    legend(pressure)
    line(speed, day, day["compressor_speed_rpm"], "", PURPLE, lw=0.9)
    speed.set_ylim(0.0, None)
    title(speed, "Compressor speed", "Speed [rev/min]")
    return figure


def electrode_figure(day: DayView) -> Figure | None:
    """Draw what only electrochemical cells know: the anode's potential over lithium, and the surfaces' lithium."""
    surfaces = ("negative_surface", "positive_surface")
    if not day.has(
        "anode_potential_min_v", *(f"{name}_{most}" for name in surfaces for most in ("min", "max"))
    ):
        return None
    figure, (anode, surface) = time_panels(day, (1.6, 1.1))
    anode_mv = MV_PER_V * day["anode_potential_min_v"]
    hours, low, high = day.low_high(anode_mv, anode_mv)
    anode.fill_between(hours, low, high, color=PURPLE, alpha=0.25, lw=0)
    line(anode, day, anode_mv, "lowest of all groups", PURPLE, lw=0.9)
    anode.axhline(PLATING_MARGIN_MV, color=ORANGE, lw=0.8, ls="--", label="margin of the charge limits")
    anode.axhline(0.0, color=RED, lw=0.9, label="lithium")
    title(anode, "Anode potential over lithium, below zero of which lithium can plate", "Potential [mV]")
    legend(anode)
    for name, label, colour in zip(surfaces, ("negative", "positive"), (BLUE, ORANGE), strict=True):
        hours, low, high = day.low_high(day[f"{name}_min"], day[f"{name}_max"])
        surface.fill_between(hours, low, high, color=colour, alpha=0.3, lw=0)
        line(surface, day, day[f"{name}_max"], label, colour, lw=0.8)
    surface.set_ylim(0.0, 1.0)
    title(surface, "Lithium at the particles' surfaces, over all groups", "Share of full")
    legend(surface)
    return figure


_STRING_COLOURS = (BLUE, ORANGE, GREEN, PURPLE, SKY, RED)


def string_figure(day: DayView) -> Figure | None:
    """Draw how parallel strings differ: current and state of charge against their mean, coolant outlets."""
    n_strings = 0
    while day.has(f"string_current_a_{n_strings}", f"string_soc_{n_strings}"):
        n_strings += 1
    if n_strings < 2:
        return None
    figure, (current, soc, outlet) = time_panels(day, (1.0, 0.9, 0.9))
    mean_a = sum(day[f"string_current_a_{n}"] for n in range(n_strings)) / n_strings
    mean_soc = sum(day[f"string_soc_{n}"] for n in range(n_strings)) / n_strings
    for n in range(n_strings):
        colour, label = _STRING_COLOURS[n % len(_STRING_COLOURS)], f"string {n + 1}"
        line(current, day, day[f"string_current_a_{n}"] - mean_a, label, colour, lw=0.8)
        line(soc, day, 100.0 * (day[f"string_soc_{n}"] - mean_soc), label, colour, lw=0.9)
        _line_if(outlet, day, f"string_coolant_outlet_temp_degc_{n}", label, colour, lw=0.9)
    title(current, "String current less the mean of all strings", "Current [A]")
    title(soc, "String state of charge less the mean", "SoC [%]")
    title(outlet, "Coolant outlet of each string", "Temperature [°C]")
    legend(current)
    return figure
