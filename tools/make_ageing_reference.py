"""Write the arrays of the ageing tests: ``PYTHON tools/make_ageing_reference.py``.

PYTHON is an interpreter of its own environment with BLAST-Lite 1.1.1 and numpy below 2, which this project never
imports. Its helpers for fetching weather are not used, so the packages that only they need are stubbed.

``tests/reference/ageing_blast.npz`` holds, for each case (cell, temperature, depth, C-rate, cycles a day): capacity
and, where the model has one, resistance after each of ten years under the same stress every day, as stepped by the
library's own equations. ``series_*`` holds one run of its whole chain from a time series, with the depths growing as
the cell fades. ``spread_*`` holds the ten-year losses of all published cells of a chemistry on one truck day.
"""

import sys
import types
import warnings
from pathlib import Path
from typing import Any

import numpy as np

OUT = Path(__file__).resolve().parents[1] / "tests" / "reference" / "ageing_blast.npz"
DAYS = 3650
YEAR_DAYS = 365
SECONDS_PER_DAY = 86400.0

for name in ("h5pyd", "rex", "geopy", "geopy.geocoders"):
    sys.modules[name] = types.ModuleType(name)
sys.modules["rex"].NSRDBX = object  # type: ignore[attr-defined]
sys.modules["geopy.geocoders"].Nominatim = object  # type: ignore[attr-defined]

from blast import models  # noqa: E402

# cell, temperature [degC], depth, C-rate, equivalent full cycles a day, charge at which it stands
CASES = [
    ("lfp", 10.0, 0.9, 0.3, 0.5, 0.5),
    ("lfp", 25.0, 0.8, 0.4, 1.0, 0.6),
    ("lfp", 40.0, 0.6, 0.6, 1.5, 0.9),
    ("nmc", 10.0, 0.9, 0.3, 0.5, 0.5),
    ("nmc", 25.0, 0.8, 0.5, 1.0, 0.6),
    ("nmc", 40.0, 0.6, 1.0, 1.5, 0.9),
    ("nmc_resistance", 25.0, 0.6, 0.5, 1.0, 0.5),
    ("nmc_resistance", 40.0, 0.8, 0.5, 0.5, 0.8),
    ("lfp_resistance", 25.0, 0.8, 0.5, 1.0, 0.5),
]
MODELS = {
    "lfp": models.Lfp_Gr_250AhPrismatic,
    "nmc": models.NMC_Gr_50Ah_B1,
    "nmc_resistance": models.Nmc111_Gr_Sanyo2Ah_Battery,
    "lfp_resistance": models.Lfp_Gr_SonyMurata3Ah_Battery,
}
SPREAD = {
    "lfp": ("Lfp_Gr_250AhPrismatic", "Lfp_Gr_SonyMurata3Ah_Battery"),
    "nmc": (
        "NMC_Gr_50Ah_B1",
        "NMC_Gr_75Ah_A",
        "NMC_Gr_50Ah_B2",
        "Nmc111_Gr_Kokam75Ah_Battery",
        "Nmc622_Gr_DENSO50Ah_Battery",
    ),
}


def same_stress(case: tuple[str, float, float, float, float, float]) -> np.ndarray:
    """Return rows of capacity and resistance at the end of each year under one stress every day."""
    cell, temp_degc, dod, c_rate, efc, soc = case
    model = MODELS[cell]()
    times = np.array([0.0, SECONDS_PER_DAY])
    course = np.full(2, soc)
    stress: dict[str, Any] = {
        "t_secs": times,
        "delta_t_days": 1.0,
        "delta_efc": efc,
        "TdegK": np.full(2, temp_degc + 273.15),
        "soc": course,
        "Ua": model._get_Ua(course),  # noqa: SLF001
        "dod": dod,
        "Crate": c_rate,
    }
    rows = []
    for day in range(1, DAYS + 1):
        model.update_rates(stress)
        model.update_states(stress)
        model.update_outputs(stress)
        if day % YEAR_DAYS == 0:
            rows.append((model.outputs["q"][-1], model.outputs.get("r", [np.nan])[-1]))
    return np.array(rows)


def series_day() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return time, charge and temperature of a day in use without rest: one deep and one shallow cycle."""
    time_s = np.arange(0.0, SECONDS_PER_DAY + 1.0, 600.0)
    soc = np.interp(time_s / 3600.0, [0.0, 8.0, 12.0, 16.0, 24.0], [0.9, 0.3, 0.6, 0.3, 0.9])
    return time_s, soc, 25.0 + 8.0 * np.sin(2.0 * np.pi * (time_s / SECONDS_PER_DAY - 0.3))


def series(cell: str) -> np.ndarray:
    """Return the capacity after each of ten years of that day, by the library's whole chain."""
    time_s, soc, temp_degc = series_day()
    model = MODELS[cell]()
    course = {"Time_s": time_s, "SOC": soc, "Temperature_C": temp_degc}
    model.simulate_battery_life(course, threshold_time=10)
    days, capacity = model.stressors["t_days"], model.outputs["q"]
    return np.interp(np.arange(1, 11) * float(YEAR_DAYS), days, capacity)


def truck_loss(name: str, mean_degc: float) -> float:
    """Return the loss of ten years of a truck day: 50 % out, fast charge, 35 % out, depot charge overnight."""
    time_s = np.arange(0.0, SECONDS_PER_DAY + 1.0, 600.0)
    hours = [0.0, 1.0, 6.0, 6.75, 9.75, 13.0, 21.0, 24.0]
    soc = np.interp(time_s / 3600.0, hours, [0.9, 0.9, 0.4, 0.75, 0.4, 0.4, 0.9, 0.9])
    temp_degc = mean_degc + 5.0 * np.sin(2.0 * np.pi * (time_s / SECONDS_PER_DAY - 0.3))
    model = getattr(models, name)()
    model.simulate_battery_life({"Time_s": time_s, "SOC": soc, "Temperature_C": temp_degc}, threshold_time=10)
    return float(1.0 - model.outputs["q"][-1])


def main() -> None:
    """Write the arrays and say what they hold."""
    warnings.simplefilter("ignore")
    arrays: dict[str, np.ndarray] = {}
    arrays["case_cell"] = np.array([case[0] for case in CASES])
    arrays["case_stress"] = np.array([case[1:] for case in CASES])
    arrays["case_years"] = np.array([same_stress(case) for case in CASES])
    arrays["series_time_s"], arrays["series_soc"], arrays["series_temp_degc"] = series_day()
    for cell in ("lfp", "nmc"):
        arrays[f"series_{cell}"] = series(cell)
    sanyo = MODELS["nmc_resistance"]()
    arrays["sanyo_soc"], arrays["sanyo_ocv_v"] = sanyo._soc_index, sanyo._ocv  # noqa: SLF001
    for cell, names in SPREAD.items():
        losses = [[truck_loss(name, temp) for temp in (15.0, 25.0, 35.0)] for name in names]
        arrays[f"spread_{cell}"] = np.array(losses)
        for name, row in zip(names, losses, strict=True):
            print(f"{name:32}", " ".join(f"{100.0 * loss:5.1f} %" for loss in row))
    np.savez_compressed(OUT, **arrays)
    print(OUT, OUT.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
