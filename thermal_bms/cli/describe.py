"""Scenarios in a few words, for lists and checks."""

from pathlib import Path
from typing import TYPE_CHECKING

from thermal_bms.cli.progress import SECONDS_PER_HOUR

if TYPE_CHECKING:
    from scenarios.climate import ClimateSettings
    from scenarios.scenario import DrivePhase, LoadedScenario, Phase, Scenario

METRES_PER_KM = 1000.0


def phases_text(settings: "Scenario") -> str:
    """Return the phases of the day, as "drive epa_udds, park, charge ccs_350kw"."""
    return ", ".join(_phase_text(phase) for phase in settings.phase)


def length_text(scenario: "LoadedScenario") -> str:
    """Return how long the day is, as "8.3 h", or "8.3 h + charging" when a charge has an open end."""
    hours, open_end = 0.0, False
    for phase in scenario.settings.phase:
        if phase.kind == "drive":
            hours += _drive_h(phase, scenario)
        elif phase.duration_h is None:
            open_end = True
        else:
            hours += phase.duration_h
    return f"{hours:.1f} h{' + charging' if open_end else ''}"


def climate_text(climate: "ClimateSettings") -> str:
    """Return the climate, as "20 degC", "12 to 31 degC" or the name of its table."""
    if climate.kind == "constant":
        return f"{climate.temp_degc:g} degC"
    if climate.kind == "diurnal":
        return f"{climate.temp_min_degc:g} to {climate.temp_max_degc:g} degC"
    return Path(climate.file).stem


def _phase_text(phase: "Phase") -> str:
    if phase.kind == "drive":
        return f"drive {phase.cycle}"
    return f"charge {phase.charger}" if phase.kind == "charge" else "park"


def _drive_h(phase: "DrivePhase", scenario: "LoadedScenario") -> float:
    """Return the driving time at the cycle's own speed [h]; a slow truck needs longer."""
    from scenarios.drive_cycle import load_cycle

    cycle = load_cycle(phase.cycle, folder=scenario.folder)
    rounds = float(phase.repeat)
    if phase.distance_km is not None:
        rounds = phase.distance_km * METRES_PER_KM / float(cycle.distance_m[-1])
    return min(rounds * float(cycle.time_s[-1]) / SECONDS_PER_HOUR, phase.duration_max_h)
