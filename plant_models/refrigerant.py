"""The refrigerant: tabulated ideal cycle, compressor efficiencies, and the map that kernels read.

The tables come from CoolProp (``tools/make_refrigerant_tables.py``), which the plant itself never imports.
They hold the ideal vapour-compression cycle with 5 K superheat and 5 K subcooling. Efficiencies turn them
into a map of cooling and work per cubic metre of swept volume, which a kernel reads by bilinear
interpolation.
"""

import itertools
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import Field

from plant_models.kernels import Record, kernel
from thermal_bms.errors import ConfigError
from thermal_bms.parameters import Parameters, did_you_mean
from thermal_bms.units import FloatArray, degc_to_k

TABLES = Path(__file__).parent / "parameter_sets" / "refrigerants"
COLUMNS = (
    "evaporating_degc",
    "condensing_degc",
    "evaporating_pressure_pa",
    "condensing_pressure_pa",
    "suction_density_kg_per_m3",
    "refrigerating_effect_j_per_kg",
    "isentropic_work_j_per_kg",
)
EFFICIENCY_MIN = 0.2


class CompressorEfficiency(Parameters):
    """Efficiencies of a scroll compressor with its motor and inverter, over the pressure ratio.

    The defaults are estimates for an electric scroll of the 34 cm3 class (kind: assumed).
    """

    volumetric_at_unity: float = Field(default=0.98, gt=0.2, le=1.0, description="at pressure ratio 1")
    volumetric_slope: float = Field(
        default=0.025, ge=0.0, le=0.2, description="fall per unit of pressure ratio"
    )
    isentropic_best: float = Field(default=0.70, gt=0.2, le=1.0)
    isentropic_slope: float = Field(
        default=0.02, ge=0.0, le=0.2, description="fall per unit away from the best"
    )
    best_pressure_ratio: float = Field(default=3.0, ge=1.0, le=10.0)
    drive: float = Field(default=0.90, gt=0.2, le=1.0, description="motor and inverter")


@dataclass(frozen=True, slots=True)
class RefrigerantTable:
    """The ideal cycle of one refrigerant over evaporating (rows) and condensing (columns) temperature.

    Attributes
    ----------
    name : refrigerant
    evaporating_k, condensing_k : grids, equal uniform steps [K], shapes (n,) and (m,)
    evaporating_pressure_pa, condensing_pressure_pa : saturation pressures [Pa], shapes (n,) and (m,)
    suction_density_kg_per_m3 : 5 K above saturation [kg/m3], shape (n,)
    refrigerating_effect_j_per_kg : heat taken up in the evaporator [J/kg], shape (n, m)
    isentropic_work_j_per_kg : [J/kg], shape (n, m)
    """

    name: str
    evaporating_k: FloatArray
    condensing_k: FloatArray
    evaporating_pressure_pa: FloatArray
    condensing_pressure_pa: FloatArray
    suction_density_kg_per_m3: FloatArray
    refrigerating_effect_j_per_kg: FloatArray
    isentropic_work_j_per_kg: FloatArray


def load_refrigerant(name: str) -> RefrigerantTable:
    """Return the table of a refrigerant.

    Raises
    ------
    ConfigError
        if there is no such refrigerant or its file is not a full table on uniform grids.

    Examples
    --------
    >>> load_refrigerant("r1234yf").refrigerating_effect_j_per_kg.shape
    (35, 51)
    """
    known = sorted(path.stem for path in TABLES.glob("*.csv"))
    if name not in known:
        raise ConfigError(f"chiller.refrigerant = {name!r}: no such refrigerant{did_you_mean(name, known)}")
    return read_table(TABLES / f"{name}.csv")


def read_table(path: Path) -> RefrigerantTable:
    """Return the refrigerant table in a CSV file; see ``load_refrigerant``."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        header, *rows = (line for line in lines if line.strip() and not line.startswith("#"))
        data = np.array([row.split(",") for row in rows], dtype=np.float64, ndmin=2)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: not a refrigerant table: {error}") from None
    if tuple(header.split(",")) != COLUMNS or data.shape[1] != len(COLUMNS):
        raise ConfigError(f"{path}: columns must be {','.join(COLUMNS)}")
    evaporating_degc, condensing_degc = np.unique(data[:, 0]), np.unique(data[:, 1])
    shape = (len(evaporating_degc), len(condensing_degc))
    full = np.array(list(itertools.product(evaporating_degc, condensing_degc)))
    if min(shape) < 2 or full.shape != data[:, :2].shape or not np.array_equal(full, data[:, :2]):
        raise ConfigError(f"{path}: rows must run over a full grid, condensing temperature fastest")
    steps = np.concatenate((np.diff(evaporating_degc), np.diff(condensing_degc)))
    if not np.allclose(steps, steps[0], rtol=1e-9) or not np.isfinite(data).all():
        raise ConfigError(
            f"{path}: values must be finite and both temperature grids must share one uniform step"
        )
    cubes = data[:, 2:].reshape(*shape, 5)
    return RefrigerantTable(
        name=path.stem,
        evaporating_k=degc_to_k(evaporating_degc),
        condensing_k=degc_to_k(condensing_degc),
        evaporating_pressure_pa=cubes[:, 0, 0].copy(),
        condensing_pressure_pa=cubes[0, :, 1].copy(),
        suction_density_kg_per_m3=cubes[:, 0, 2].copy(),
        refrigerating_effect_j_per_kg=cubes[:, :, 3].copy(),
        isentropic_work_j_per_kg=cubes[:, :, 4].copy(),
    )


def saturation_pressure_pa(table: RefrigerantTable, temp_k: float) -> float:
    """Return the saturation pressure at the bubble line [Pa], linear between table points.

    Valid over the table's condensing range, -35..90 degC; outside, the end value. The interpolation is within
    0.1 % of the equation of state above -20 degC.

    >>> round(saturation_pressure_pa(load_refrigerant("r1234yf"), 313.15) / 1e5, 2)
    10.18
    """
    return float(np.interp(temp_k, table.condensing_k, table.condensing_pressure_pa))


def volumetric_efficiency(efficiency: CompressorEfficiency, pressure_ratio: FloatArray) -> FloatArray:
    """Return drawn volume over swept volume: ``eta = a - b * (pressure_ratio - 1)``, at least 0.2.

    >>> float(volumetric_efficiency(CompressorEfficiency(), np.array([3.0]))[0])
    0.93
    """
    fall = efficiency.volumetric_slope * (pressure_ratio - 1.0)
    return np.maximum(efficiency.volumetric_at_unity - fall, EFFICIENCY_MIN)


def isentropic_efficiency(efficiency: CompressorEfficiency, pressure_ratio: FloatArray) -> FloatArray:
    """Return isentropic over shaft work: ``eta = c - d * |pressure_ratio - best|``, at least 0.2.

    >>> float(isentropic_efficiency(CompressorEfficiency(), np.array([4.0]))[0])
    0.68
    """
    fall = efficiency.isentropic_slope * np.abs(pressure_ratio - efficiency.best_pressure_ratio)
    return np.maximum(efficiency.isentropic_best - fall, EFFICIENCY_MIN)


def compressor_map(table: RefrigerantTable, efficiency: CompressorEfficiency) -> FloatArray:
    """Return the map that ``map_at`` and ``pressures_at`` read, shape (n, m, 4).

    Layers: cooling and shaft work per cubic metre of swept volume [J/m3], saturation pressure at the
    evaporating and at the condensing temperature [Pa].

    ``cooling = rho_suction * eta_volumetric * effect``,
    ``work = rho_suction * eta_volumetric * isentropic_work / eta_isentropic``.
    """
    suction_pa = table.evaporating_pressure_pa[:, np.newaxis]
    discharge_pa = table.condensing_pressure_pa[np.newaxis, :]
    ratio = np.maximum(discharge_pa / suction_pa, 1.0)
    drawn = table.suction_density_kg_per_m3[:, np.newaxis] * volumetric_efficiency(efficiency, ratio)
    cooling = drawn * table.refrigerating_effect_j_per_kg
    work = drawn * table.isentropic_work_j_per_kg / isentropic_efficiency(efficiency, ratio)
    layers = (cooling, work, *np.broadcast_arrays(suction_pa, discharge_pa))
    return np.ascontiguousarray(np.stack(layers, axis=-1))


def map_grid(table: RefrigerantTable) -> dict[str, float]:
    """Return the grid numbers that a kernel's parameter record needs beside the map."""
    return {
        "map_evaporating_start_k": float(table.evaporating_k[0]),
        "map_condensing_start_k": float(table.condensing_k[0]),
        "map_step_k": float(table.evaporating_k[1] - table.evaporating_k[0]),
    }


@kernel
def grid_place(temp_k: float, start_k: float, step_k: float, n: int) -> tuple[int, float]:
    """Return the interval of a uniform grid of ``n`` points and the share 0..1 of the way along it, clamped.

    >>> grid_place(274.4, 273.15, 2.5, 11)
    (0, 0.5)
    """
    x = min(max((temp_k - start_k) / step_k, 0.0), n - 1.0)
    i = min(int(x), n - 2)
    return i, x - i


@kernel
def map_at(
    p: Record, table: FloatArray, evaporating_k: float, condensing_k: float
) -> tuple[float, float, float]:
    """Return cooling and shaft work [J/m3] and the slope of cooling over evaporating temperature [J/m3/K].

    Bilinear between points of the map, clamped to its edges. Per cubic metre of swept volume.
    """
    step_k = p.map_step_k
    i, x = grid_place(evaporating_k, p.map_evaporating_start_k, step_k, table.shape[0])
    j, y = grid_place(condensing_k, p.map_condensing_start_k, step_k, table.shape[1])
    low = (1.0 - y) * table[i, j, 0] + y * table[i, j + 1, 0]
    high = (1.0 - y) * table[i + 1, j, 0] + y * table[i + 1, j + 1, 0]
    work_low = (1.0 - y) * table[i, j, 1] + y * table[i, j + 1, 1]
    work_high = (1.0 - y) * table[i + 1, j, 1] + y * table[i + 1, j + 1, 1]
    return (1.0 - x) * low + x * high, (1.0 - x) * work_low + x * work_high, (high - low) / step_k


@kernel
def pressures_at(
    p: Record, table: FloatArray, evaporating_k: float, condensing_k: float
) -> tuple[float, float]:
    """Return the saturation pressures at the evaporating and at the condensing temperature [Pa]."""
    i, x = grid_place(evaporating_k, p.map_evaporating_start_k, p.map_step_k, table.shape[0])
    j, y = grid_place(condensing_k, p.map_condensing_start_k, p.map_step_k, table.shape[1])
    suction_pa = (1.0 - x) * table[i, 0, 2] + x * table[i + 1, 0, 2]
    discharge_pa = (1.0 - y) * table[0, j, 3] + y * table[0, j + 1, 3]
    return suction_pa, discharge_pa
