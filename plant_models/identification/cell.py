"""A whole cell from a folder of measurements: open-circuit voltage, pulses at several temperatures, one drive."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from plant_models.cell import CellCircuit, CellParameters, CellThermal
from plant_models.identification.about import About
from plant_models.identification.drive import drive_of
from plant_models.identification.gaps import Filled, filled
from plant_models.identification.measurement import Measurement, read_measurement
from plant_models.identification.open_circuit import OpenCircuit, open_circuit, rising
from plant_models.identification.reduction import Branches, reduce_to_branches
from plant_models.identification.relaxations import (
    KNOTS,
    Relaxations,
    arrhenius_rows,
    identify_relaxations,
)
from plant_models.identification.thermal import (
    DT_S,
    ENTROPIC_KNOTS,
    Thermal,
    identify_thermal,
    with_thermal,
)
from thermal_bms.errors import ConfigError
from thermal_bms.parameters import Source, parse, read_toml
from thermal_bms.units import FloatArray

ABOUT = "cell.toml"
SUFFIXES = (".mat", ".csv")
TEMP_REF_DEGC = 25.0
TEMPS_MIN = 2
TEMPS_APART_MIN_K = 5.0
BEYOND_K = 15.0
SOC: FloatArray = np.concatenate(
    [np.arange(0.0, 0.05, 0.01), np.linspace(0.05, 0.95, 37), np.arange(0.96, 1.005, 0.01)]
)


@dataclass(frozen=True)
class Files:
    """The measurements of one cell."""

    about: About
    slow: Measurement
    pulses: tuple[Measurement, ...]
    drive: Measurement | None


class Identified(NamedTuple):
    """A cell with what was found on the way."""

    cell: CellParameters
    open_circuit: OpenCircuit
    relaxations: tuple[Relaxations, ...]
    branches: tuple[Branches, ...]
    pulses: tuple[Filled, ...]
    thermal: Thermal | None
    warnings: tuple[str, ...]


def find_files(folder: Path, about: Path | None = None, drive: str | None = None) -> Files:
    """Return the measurements of a folder: names with ``ocv`` and ``hppc`` in them, ``cell.toml``, a drive.

    Parameters
    ----------
    about : file with ratings and size; ``cell.toml`` of the folder when left out
    drive : name of the file that thermal numbers come from; none when left out

    Raises
    ------
    ConfigError
        naming what is missing, or the bad row of a file.
    """
    if not folder.is_dir():
        raise ConfigError(f"{folder}: no such folder; give the folder of the measurements")
    path = about or folder / ABOUT
    facts = parse(About, read_toml(path), path.name)
    names = sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES)
    slow = [p for p in names if "ocv" in p.stem.lower()]
    pulses = [p for p in names if "hppc" in p.stem.lower()]
    if len(slow) != 1:
        raise ConfigError(f"{folder}: {len(slow)} files with ocv in their name; give one slow discharge")
    if not pulses:
        raise ConfigError(f"{folder}: no file with hppc in its name; give one pulse test per temperature")
    driven = next((p for p in names if drive in (p.name, p.stem)), None) if drive else None
    if drive and driven is None:
        raise ConfigError(f"{folder}: no file {drive} for the drive")
    tests = tuple(sorted((read_measurement(p) for p in pulses), key=lambda test: test.temp_degc))
    check_temperatures(tests)
    return Files(facts, read_measurement(slow[0]), tests, read_measurement(driven) if driven else None)


def check_temperatures(tests: Sequence[Measurement]) -> None:
    """Refuse pulse tests at fewer than two temperatures, or at two that are nearly one."""
    temps = [test.temp_degc for test in tests]
    shown = ", ".join(f"{temp:.0f}" for temp in temps)
    if len(temps) < TEMPS_MIN:
        raise ConfigError(
            f"pulse tests at one temperature ({shown} degC): at least {TEMPS_MIN} are needed, "
            "10 K or more apart; measure at a second one"
        )
    if min(np.diff(temps)) < TEMPS_APART_MIN_K:
        raise ConfigError(f"pulse tests at {shown} degC: two lie within 5 K; keep one of them")


def identify(files: Files) -> Identified:
    """Return the cell that explains the measurements; the drive, if there is one, gives the thermal numbers."""
    about = files.about
    reference = int(np.argmin([abs(test.temp_degc - TEMP_REF_DEGC) for test in files.pulses]))
    pulses = tuple(filled(test) for test in files.pulses)
    curve = open_circuit(files.slow, pulses[reference], files.pulses[reference].name)
    at_reference = _relaxations(files.pulses[reference], pulses[reference], curve, None)
    curve = _corrected(curve, at_reference, about)
    thermal = None if files.drive is None else _thermal(files.drive, about, curve, at_reference)
    found = tuple(
        _relaxations(test, part, curve, thermal) for test, part in zip(files.pulses, pulses, strict=True)
    )
    branches = tuple(_reduced(relaxations, curve, about, thermal) for relaxations in found)
    cell = _cell(about, curve, branches, thermal)
    return Identified(cell, curve, found, branches, pulses, thermal, _warnings(curve, found, thermal))


def open_v_at(curve: OpenCircuit, thermal: Thermal | None, soc: FloatArray, temp_degc: float) -> FloatArray:
    """Return the open-circuit voltage [V] at a temperature."""
    u = curve.at(soc)
    if thermal is None:
        return u
    return u + (temp_degc - TEMP_REF_DEGC) * np.interp(soc, ENTROPIC_KNOTS, thermal.entropic_v_per_k)


def _thermal(trace: Measurement, about: About, curve: OpenCircuit, at_reference: Relaxations) -> Thermal:
    """Return the thermal numbers from a drive; of the cell only mass and first guesses are needed for it."""
    row = _reduced(at_reference, curve, about, None)
    cell = _cell(about, curve, (row, row._replace(temp_degc=row.temp_degc + 1.0)), None)
    return identify_thermal(
        cell, drive_of(trace, DT_S), open_circuit=curve, temp_ref_degc=TEMP_REF_DEGC, name=trace.path.name
    )


def _relaxations(
    test: Measurement, pulses: Filled, curve: OpenCircuit, thermal: Thermal | None
) -> Relaxations:
    soc = 1.0 - pulses.charge_ah / curve.capacity_ah
    u = open_v_at(curve, thermal, soc, test.temp_degc)
    return identify_relaxations(pulses, soc, u, temp_degc=test.temp_degc, capacity_ah=curve.capacity_ah)


def _corrected(curve: OpenCircuit, found: Relaxations, about: About) -> OpenCircuit:
    """Return the curve on the grid of the parameter sets, less the offsets of the pulses at its temperature."""
    table = curve.at(SOC) - found.offset_v(SOC)
    top = about.voltage_max_v - about.hysteresis_v
    return curve._replace(soc=SOC, voltage_v=np.clip(rising(table), about.voltage_min_v, top))


def _reduced(found: Relaxations, curve: OpenCircuit, about: About, thermal: Thermal | None) -> Branches:
    return reduce_to_branches(
        found,
        SOC,
        open_v_at(curve, thermal, SOC, found.temp_degc),
        capacity_ah=curve.capacity_ah,
        voltage_min_v=about.voltage_min_v,
    )


def _cell(
    about: About, curve: OpenCircuit, branches: Sequence[Branches], thermal: Thermal | None
) -> CellParameters:
    """Return the parameter set, the outermost rows carried on by 15 K along their slope."""
    temps = np.array([row.temp_degc for row in branches])
    wanted = np.concatenate([[temps[0] - BEYOND_K], temps, [temps[-1] + BEYOND_K]])

    def table(rows: list[FloatArray]) -> tuple[tuple[float, ...], ...]:
        on_soc = np.array([np.interp(SOC, KNOTS, row) for row in rows])
        carried = arrhenius_rows(temps, on_soc, wanted)
        return tuple(tuple(float(f"{value:.4g}") for value in row) for row in carried)

    def column(place: int) -> tuple[tuple[float, ...], ...]:
        return table([np.full(KNOTS.size, row.tau_s[place]) for row in branches])

    facts = about.model_dump()
    ratings = {key: facts[key] for key in CellParameters.model_fields if key in facts and key != "source"}
    cell = CellParameters(
        **ratings,
        source=about.source,
        capacity_ah=round(curve.capacity_ah, 4),
        thermal=CellThermal(**{key: facts[key] for key in CellThermal.model_fields}),
        circuit=CellCircuit(
            soc=tuple(float(f"{x:.4g}") for x in SOC),
            temp_degc=tuple(float(round(x, 2)) for x in wanted),
            reference_temp_degc=TEMP_REF_DEGC,
            ocv_v=tuple(float(f"{v:.6g}") for v in rising(np.round(curve.voltage_v, 5))),
            entropic_v_per_k=tuple(0.0 for _ in SOC),
            hysteresis_v=about.hysteresis_v,
            r0_discharge_ohm=table([row.resistance_ohm[0] for row in branches]),
            r0_charge_ohm=table([row.r0_charge_ohm for row in branches]),
            r1_ohm=table([row.resistance_ohm[1] for row in branches]),
            r2_ohm=table([row.resistance_ohm[2] for row in branches]),
            tau1_s=column(0),
            tau2_s=column(1),
        ),
    )
    return with_thermal(cell, thermal) if thermal is not None else cell


def _warnings(curve: OpenCircuit, found: Sequence[Relaxations], thermal: Thermal | None) -> tuple[str, ...]:
    lines = []
    if abs(curve.stretch - 1.0) > 0.01:
        lines.append(
            f"the slow test counts {100.0 * (curve.stretch - 1.0):+.1f} % more charge than the pulses; "
            "the count of the pulses is kept"
        )
    if not any(row.has_charge_pulses for row in found):
        lines.append("no charge pulses: resistance in charging is taken as in discharging")
    if thermal is None:
        lines.append(
            "no drive: heat capacity and inner resistance are those of cell.toml, entropic heat is left out"
        )
    return tuple(lines)


def sources_of(files: Files) -> tuple[Source, ...]:
    """Return the sources of an identified cell: those of the measurements, and what was done with them."""
    used = ", ".join(
        trace.path.name for trace in (files.slow, *files.pulses, *([files.drive] if files.drive else []))
    )
    done = Source(
        title="Identified by thermal-bms identify",
        kind="measured",
        reference=files.about.source[0].reference,
        notes=f"from {used}; rows beyond the measured temperatures carried on by their slope",
    )
    return (*files.about.source, done)
