"""A day of three minutes in a small van, written as files; for tests of the scenario layer."""

from collections.abc import Sequence
from pathlib import Path

from scenarios.scenario import LoadedScenario, load_scenario

CYCLE = "time_s,speed_m_per_s,grade\n0,0,0\n15,8,0.01\n40,10,0\n55,0,0\n60,0,0\n"
CLIMATE = "hour,temp_degc\n0,28\n24,32\n48,28\n"
DAY = """\
title = "Three minutes"
truck = "light_air"
seed = 7

[initial]
soc = 0.6
cell_temp_degc = 30.0

[climate]
kind = "constant"
temp_degc = 34.0

[[phase]]
kind = "drive"
name = "round the block"
cycle = "block.csv"

[[phase]]
kind = "park"
duration_h = 0.01

[[phase]]
kind = "charge"
charger = "ac_22kw"
duration_h = 0.025

[checks]
cell_temp_max_degc = "< 45"
electrical_closure = "< 1e-6"
thermal_closure = "< 1e-6"
"""


def write_day(folder: Path, text: str = DAY) -> Path:
    """Write scenario and cycle into a folder and return the scenario's path."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "block.csv").write_text(CYCLE)
    (folder / "weather.csv").write_text(CLIMATE)
    path = folder / "day.toml"
    path.write_text(text)
    return path


def load_day(folder: Path, overrides: Sequence[str] = (), text: str = DAY) -> LoadedScenario:
    """Return the small day, with overrides."""
    return load_scenario(str(write_day(folder, text)), overrides)
