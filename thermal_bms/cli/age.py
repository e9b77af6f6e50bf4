"""``thermal-bms age``: what years of a recorded day make of its pack."""

import argparse
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING

from thermal_bms.cli.tables import table
from thermal_bms.errors import RecordingError

if TYPE_CHECKING:
    from scenarios.projection import Projection

SUMMARY = "project the ageing of a recorded day over years"
DESCRIPTION = """\
Repeat the day that a run recorded for years, with the pack fading under it: capacity, resistance and EUR with
bands. Leaves ageing.html, ageing.json and health.csv in the folder of the run. health.csv holds every group of
the aged pack; a scenario starts with it by initial.soh_file.
"""
EPILOG = """\
examples:
  thermal-bms age output/heavy_lfp_truck_day
  thermal-bms age output/heavy_lfp_truck_day --years 15 --rest-days 2
  thermal-bms age output/heavy_lfp_truck_day --prices my_prices.toml
"""

PAGE, FIGURES, HEALTH = "ageing.html", "ageing.json", "health.csv"
OWN_FILES = (PAGE, FIGURES, HEALTH)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the arguments of the verb."""
    path_help = "folder of a run, or its recording"
    parser.add_argument("path", metavar="FOLDER|RECORDING", type=Path, help=path_help)
    parser.add_argument(
        "--years", metavar="N", type=int, default=10, help="how many (default: 10, at most 40)"
    )
    rest_help = "days a week on which the truck stands, 0 to 6 (default: 0)"
    parser.add_argument("--rest-days", metavar="N", type=int, default=0, help=rest_help)
    prices_help = "price table as a TOML file (default: the project's own, scenarios/prices.toml)"
    parser.add_argument("--prices", metavar="FILE", type=Path, help=prices_help)


def execute(arguments: argparse.Namespace) -> int:
    """Project, show the years and write the page; return 0."""
    from scenarios.ageing import aged_run, ageing_warnings
    from scenarios.prices import PRICES, load_prices
    from scenarios.projection import project
    from scenarios.report_ageing import projection_page
    from thermal_bms.recording import Recording, find_recording

    path = find_recording(arguments.path)
    recording = Recording(path)
    prices = load_prices(arguments.prices or PRICES)
    run = aged_run(recording)
    found = project(run, prices, years=arguments.years, rest_days_per_week=arguments.rest_days)
    warnings = ageing_warnings(recording)
    facts = {
        "Pack": f"{run.pack_energy_kwh:.0f} kWh {run.day.cell.chemistry.upper()}",
        "Rest days a week": str(arguments.rest_days),
        "One percent of capacity": f"{prices.capacity_eur_per_percent(run.pack_energy_kwh):,.0f} EUR",
    }
    page = projection_page(found, recording.meta, warnings, facts)
    _write(path.parent, page, found)
    print(years_text(found))
    print("\n".join(str(path.with_name(name)) for name in OWN_FILES))
    return 0


def _write(folder: Path, page: str, found: "Projection") -> None:
    from plant_models.health import write_health

    try:
        (folder / PAGE).write_text(page, encoding="utf-8")
        text = json.dumps(figures(found), indent=2, allow_nan=False)
        (folder / FIGURES).write_text(text + "\n", encoding="utf-8")
        write_health(folder / HEALTH, found.health)
    except OSError as error:
        raise RecordingError(f"{folder}: cannot be written: {error.strerror}") from None


def figures(found: "Projection") -> dict[str, object]:
    """Return a projection as JSON values; a year that does not come is null."""
    ends = ("low", "nominal", "high")
    by_band = {
        f"{name}_{end}": row.tolist()
        for name in ("capacity", "resistance", "eur")
        for end, row in zip(ends, getattr(found, name), strict=True)
    }
    parts = zip(("time", "cycles", "plating"), found.loss_percent, strict=True)
    return {
        "year": found.year.tolist(),
        **by_band,
        "pack_capacity": found.pack_capacity.tolist(),
        **{f"loss_{name}_percent": row.tolist() for name, row in parts},
        "soc_min": found.soc_min.tolist(),
        "end_of_life_year": [year if math.isfinite(year) else None for year in found.end_of_life_year],
        "short_year": found.short_year if math.isfinite(found.short_year) else None,
    }


def years_text(found: "Projection") -> str:
    """Return a table of the first, second, fifth and last year."""
    last = found.year.size - 1
    chosen = sorted({min(12 * year, last) for year in (1, 2, 5)} | {last})
    rows = [
        (
            f"{found.year[i]:g}",
            *(f"{100.0 * value:.1f}" for value in (found.capacity[1, i], *found.capacity[::2, i])),
            f"{100.0 * found.resistance[1, i]:.0f}",
            *(f"{value:.0f}" for value in (found.eur[1, i], *found.eur[::2, i])),
        )
        for i in chosen
    ]
    header = ("year", "capacity %", "low", "high", "resistance %", "EUR", "low", "high")
    return table(rows, header=header, right=range(len(header)))
