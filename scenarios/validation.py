"""Every check of the models that the data at hand allow, on one page.

Without anything: the step size of the cell and the closure of a truck day's energy. With the repository's
reference arrays: the electrochemical cell against PyBaMM. With a folder of measurements: identification and
drives.
"""

import math
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from plant_models.cell import load_cell
from plant_models.cell_trace import trace_measured
from plant_models.identification.finding import MV_PER_V, Finding
from plant_models.identification.reduction import truck_current
from plant_models.spme_parameters import load_spme
from plant_models.spme_trace import trace_cell
from scenarios.runner import run
from scenarios.scenario import load_scenario
from scenarios.validation_data import Comparison, find_cell_folder, measured_findings
from thermal_bms.errors import ConfigError
from thermal_bms.units import FloatArray

REFERENCE = Path(__file__).resolve().parents[1] / "tests" / "reference"
STRIDE = 2
DAY = "light_liquid_van_day"
SHORT_DAY = ("phase.0.repeat=1", "phase.2.repeat=1")
CLOSURE_MAX = 1e-6
STEP_CELL = "nmc_94ah"
COARSE_S, FINE_S = 1.0, 0.05


Limits = Mapping[str, tuple[float | None, float | None, float | None]]


class Case(NamedTuple):
    """One array of PyBaMM, computed by ``tools/make_reference_arrays.py``, and its limits.

    ``limits`` are voltage [mV], temperature [K] and anode potential [mV] for the two discretisations; None leaves
    a figure out.
    """

    cell: str
    file: str
    temp_degc: float
    title: str
    limits: Limits


SHOWN = math.nan  # without a limit
SAME = {"reference": (3.0, 0.05, None), "reduced": (5.0, 0.05, None)}
FULL = {"reference": (5.0, 0.15, None), "reduced": (SHOWN, SHOWN, None)}
FULL_VARYING = {"reference": (10.0, 0.15, None), "reduced": (SHOWN, SHOWN, None)}
ANODE = {"reference": (None, None, 10.0), "reduced": (None, None, 10.0)}
CASES = (
    Case("chen2020", "chen2020_5degc", 5.0, "SPMe of PyBaMM, Chen2020, 5 degC", SAME),
    Case("chen2020", "chen2020_25degc", 25.0, "SPMe of PyBaMM, Chen2020, 25 degC", SAME),
    Case("chen2020", "chen2020_40degc", 40.0, "SPMe of PyBaMM, Chen2020, 40 degC", SAME),
    Case("chen2020", "chen2020_25degc_dfn", 25.0, "DFN of PyBaMM, Chen2020, 25 degC", FULL),
    Case("oregan2022", "oregan2022_25degc_dfn", 25.0, "DFN of PyBaMM, ORegan2022, 25 degC", FULL_VARYING),
    Case(
        "okane2022", "okane2022_5degc_charge_dfn", 5.0, "DFN of PyBaMM, OKane2022, 1C charge at 5 degC", ANODE
    ),
    Case(
        "okane2022",
        "okane2022_25degc_charge_dfn",
        25.0,
        "DFN of PyBaMM, OKane2022, 1.5C charge at 25 degC",
        ANODE,
    ),
)


class Validation(NamedTuple):
    """All figures, the drives to be drawn, and what could not be done and why."""

    findings: list[Finding]
    comparisons: list[Comparison]
    notes: list[str]

    @property
    def passed(self) -> bool:
        """Return whether every figure is within its limit."""
        return all(finding.passed for finding in self.findings)


Progress = Callable[[str], None]


def validate(
    data: Path | None, progress: Progress = lambda _: None, *, reference: Path = REFERENCE
) -> Validation:
    """Return every validation that can be done here.

    Parameters
    ----------
    data : folder with measurements of a cell; None leaves them out
    progress : told what comes next
    reference : folder of the arrays of the electrochemical checks; a case without its array is left out

    Raises
    ------
    ConfigError
        if the folder does not exist or holds no pulse tests, or a test in it cannot be used.
    """
    folder = _cell_folder(data) if data is not None else None
    findings: list[Finding] = []
    notes: list[str] = []
    comparisons: list[Comparison] = []
    progress("step size")
    findings += step_size_findings()
    progress("energy of a truck day")
    findings += closure_findings()
    for case in CASES:
        if (reference / f"spme_{case.file}.npz").is_file():
            progress(case.title)
            findings += electrochemistry_findings(case, reference)
        else:
            notes.append(f"no reference array for {case.title}: it is in the repository, tests/reference")
    if folder is None:
        notes.append("no measurements: give --data FOLDER")
    else:
        progress(f"identification from {folder.name}")
        measured, comparisons, more = measured_findings(folder)
        findings += measured
        notes += more
    return Validation(findings, comparisons, notes)


def _cell_folder(data: Path) -> Path:
    if not data.is_dir():
        raise ConfigError(f"--data {data}: no such folder")
    folder = find_cell_folder(data)
    if folder is None:
        raise ConfigError(f"--data {data}: no file with hppc in its name; give a folder with pulse tests")
    return folder


def rms(values: FloatArray) -> float:
    """Return the root mean square.

    >>> round(rms(np.array([3.0, 4.0])), 4)
    3.5355
    """
    return float(np.sqrt(np.mean(np.square(values))))


def step_size_findings() -> list[Finding]:
    """Return how far a cell at 1 s steps lies from one at 0.05 s, the same current held over each second."""
    cell = load_cell(STEP_CELL)
    every = round(COARSE_S / FINE_S)
    rate = truck_current(np.arange(3600.0))
    runs = []
    for dt_s, current in ((COARSE_S, rate), (FINE_S, np.repeat(rate, every))):
        air = np.full(current.size, 10.0)
        runs.append(
            trace_measured(
                cell, cell.capacity_ah * current, ambient_degc=air, dt_s=dt_s, ambient_w_per_k=0.5, soc=0.9
            )
        )
    coarse, fine = runs
    off_v = coarse.voltage_v - fine.voltage_v[every - 1 :: every]
    off_k = coarse.core_temp_degc - fine.core_temp_degc[every - 1 :: every]
    subject = f"truck hour of {STEP_CELL}, 1 s against 0.05 s"
    return [
        Finding(subject, "voltage, rms", MV_PER_V * rms(off_v), 1.0, "mV"),
        Finding(subject, "core temperature, rms", rms(off_k), 0.01, "K"),
    ]


def closure_findings() -> list[Finding]:
    """Return what is left over in the energy balances of a short truck day, from its recording alone."""
    scenario = load_scenario(DAY, list(SHORT_DAY))
    with tempfile.TemporaryDirectory() as folder:
        kpis = run(scenario, Path(folder)).kpis
    return [
        Finding(
            f"energy balance of {DAY}, short",
            f"{domain}, left over",
            kpis[f"{domain}_closure"],
            CLOSURE_MAX,
            "",
        )
        for domain in ("electrical", "thermal")
    ]


def electrochemistry_findings(case: Case, reference: Path = REFERENCE) -> list[Finding]:
    """Return how far both discretisations of the electrochemical cell lie from a reference array."""
    with np.load(reference / f"spme_{case.file}.npz") as arrays:
        wanted = {key: arrays[key].astype(np.float64) for key in arrays.files}
    samples = STRIDE * (wanted["voltage_v"].size - 1) + 1
    rate = np.full(samples, float(wanted["c_rate"]))
    if np.isnan(wanted["c_rate"]):
        with np.load(reference / "truck_current.npz") as arrays:
            rate = arrays["rate"].astype(np.float64)[:samples]
    cell = load_spme(case.cell)
    lines = []
    for name, (volt, temp, anode) in case.limits.items():
        ours = trace_cell(
            cell,
            cell.capacity_ah * rate,
            temp_degc=case.temp_degc,
            negative=float(wanted["negative_stoichiometry"]),
            positive=float(wanted["positive_stoichiometry"]),
            discretisation="reference" if name == "reference" else "reduced",
            mixing=False,
        )
        figures = (
            ("voltage_v", "voltage", MV_PER_V, volt, "mV"),
            ("temp_k", "temperature", 1.0, temp, "K"),
            ("anode_potential_v", "anode potential", MV_PER_V, anode, "mV"),
        )
        for key, label, factor, limit, unit in figures:
            if limit is not None:
                off = getattr(ours, key)[::STRIDE] - wanted[key]
                lines.append(Finding(case.title, f"{name}: {label}, rms", factor * rms(off), limit, unit))
    return lines
