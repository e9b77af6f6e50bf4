"""The pack: strings in parallel, each a chain of series groups of parallel cells, laid along the coolant.

One state set per series group per string. Arrays have shape (n_strings, n_series), groups in the order in which
the coolant meets them. All quantities of a group are of its parallel cells together.
"""

from typing import NamedTuple

import numpy as np
from pydantic import Field

from plant_models.cell import CellParameters
from plant_models.kernels import kernel
from thermal_bms.parameters import Parameters
from thermal_bms.units import SECONDS_PER_HOUR, FloatArray, degc_to_k

N_SOC = 101
TEMP_LOW_K = degc_to_k(-40.0)
TEMP_STEP_K = 5.0
N_TEMP = 25
SPREAD_CLIP = 3.0


class PackParameters(Parameters):
    """How cells are built into a pack, and the metal around them."""

    n_strings: int = Field(ge=1, le=32)
    n_series: int = Field(ge=2, le=400)
    n_parallel: int = Field(ge=1, le=100)
    n_temp_sensors: int = Field(ge=1, description="per string")
    busbar_resistance_ohm: float = Field(ge=0.0, description="joints and bars, per series group")
    contactor_resistance_ohm: float = Field(default=0.0006, ge=0.0, description="both contactors and fuse of a string")
    interface_k_per_w: float = Field(ge=0.0, description="cell to plate, one cell: pad, gap filler or air film")
    wall_heat_capacity_j_per_k: float = Field(gt=0.0, description="plate or duct metal per cell")
    housing_heat_capacity_j_per_k: float = Field(gt=0.0, description="of one string")
    cell_to_housing_w_per_k: float = Field(ge=0.0, description="one cell")
    housing_to_ambient_w_per_k: float = Field(ge=0.0, description="of one string")
    capacity_spread: float = Field(default=0.01, ge=0.0, le=0.2, description="relative standard deviation")
    resistance_spread: float = Field(default=0.03, ge=0.0, le=0.5)
    contact_spread: float = Field(default=0.10, ge=0.0, le=0.5, description="of the conductance core to wall")
    sensor_time_constant_s: float = Field(default=12.0, ge=0.0, description="of a cell temperature sensor")
    usable_soc: tuple[float, float] = Field(default=(0.05, 0.97), description="window that the truck uses")


class CircuitTables(NamedTuple):
    """Circuit of one group on uniform grids: charge from 0 to 1, temperature from TEMP_LOW_K by TEMP_STEP_K.

    ``branch`` holds, per direction (0 discharge, 1 charge), temperature and charge: r0, r1, r2 [ohm] and the two
    decay factors exp(-dt/tau) for the step that the tables were made for.
    """

    ocv_v: FloatArray
    entropic_v_per_k: FloatArray
    chemical_v: FloatArray
    branch: FloatArray


class PackConstants(NamedTuple):
    """What does not change while a pack runs, apart from faults. Shapes (n_strings, n_series) or scalars."""

    capacity_as: FloatArray
    resistance_factor: FloatArray
    core_to_wall_w_per_k: FloatArray
    contact_resistance_ohm: FloatArray
    core_capacity_j_per_k: float
    surface_capacity_j_per_k: float
    wall_capacity_j_per_k: float
    core_to_surface_w_per_k: float
    surface_to_housing_w_per_k: float
    housing_capacity_j_per_k: float
    housing_to_ambient_w_per_k: float
    coolant_mass_kg: float
    hysteresis_v: float
    hysteresis_rate: float
    reference_temp_k: float


class PackState(NamedTuple):
    """What changes. Group arrays (n_strings, n_series), string arrays (n_strings,)."""

    soc: FloatArray
    rc1_v: FloatArray
    rc2_v: FloatArray
    hysteresis: FloatArray
    core_temp_k: FloatArray
    surface_temp_k: FloatArray
    wall_temp_k: FloatArray
    coolant_j_per_kg: FloatArray
    voltage_v: FloatArray
    heat_w: FloatArray
    housing_temp_k: FloatArray
    string_current_a: FloatArray
    string_voltage_v: FloatArray
    string_closed: FloatArray
    string_flow_kg_per_s: FloatArray
    string_outlet_j_per_kg: FloatArray
    string_coolant_heat_w: FloatArray
    string_housing_loss_w: FloatArray
    busbar_heat_w: FloatArray


class PackWork(NamedTuple):
    """Scratch space of one step; nothing in it outlives the step."""

    source_v: FloatArray
    slope_v: FloatArray
    entropic: FloatArray
    entropic_slope: FloatArray
    r0_ohm: FloatArray
    r1_ohm: FloatArray
    r2_ohm: FloatArray
    decay1: FloatArray
    decay2: FloatArray
    offset: FloatArray
    gain: FloatArray
    string_source_v: FloatArray
    string_resistance_ohm: FloatArray


def circuit_tables(cell: CellParameters, n_parallel: int, dt_s: float) -> CircuitTables:
    """Return the cell's tables for a group of ``n_parallel`` cells, resampled to the kernel's grids, for one step size.

    ``chemical_v`` is U(s) - T_ref dU/dT(s): the part of the open-circuit voltage that does not depend on temperature
    and whose integral over charge is the chemical energy (its entropic rest is exactly the reversible heat).
    """
    circuit = cell.circuit
    soc = np.linspace(0.0, 1.0, N_SOC)
    temp_k = TEMP_LOW_K + TEMP_STEP_K * np.arange(N_TEMP)
    ocv = np.interp(soc, circuit.soc, circuit.ocv_v)
    entropic = np.interp(soc, circuit.soc, circuit.entropic_v_per_k)
    branch = np.empty((2, N_TEMP, N_SOC, 5))
    for direction, r0 in enumerate((circuit.r0_discharge_ohm, circuit.r0_charge_ohm)):
        for column, table in enumerate((r0, circuit.r1_ohm, circuit.r2_ohm)):
            branch[direction, :, :, column] = _resampled(cell, np.array(table), temp_k, soc) / n_parallel
        for column, table in enumerate((circuit.tau1_s, circuit.tau2_s), start=3):
            branch[direction, :, :, column] = np.exp(-dt_s / _resampled(cell, np.array(table), temp_k, soc))
    chemical = ocv - degc_to_k(circuit.reference_temp_degc) * entropic
    return CircuitTables(ocv, entropic, chemical, branch)


def _resampled(cell: CellParameters, table: FloatArray, temp_k: FloatArray, soc: FloatArray) -> FloatArray:
    """Return a table on the kernel's grid: linear in charge, linear in log over 1/T, held at the outermost rows."""
    rows = np.array([np.interp(soc, cell.circuit.soc, row) for row in table])
    inverse = -1.0 / degc_to_k(np.array(cell.circuit.temp_degc))
    log_rows = np.log(rows)
    columns = [np.interp(-1.0 / temp_k, inverse, log_rows[:, i]) for i in range(soc.size)]
    return np.asarray(np.exp(np.array(columns)).T)


def pack_constants(
    pack: PackParameters, cell: CellParameters, coolant_mass_kg: float, rng: np.random.Generator
) -> PackConstants:
    """Return the constants of a pack with its cell-to-cell spread drawn from ``rng``.

    Spread of a group of n parallel cells is that of one cell over sqrt(n); draws are clipped at three deviations.
    ``coolant_mass_kg`` is the coolant inside the pack, all strings together.
    """
    shape = (pack.n_strings, pack.n_series)
    n = pack.n_parallel
    thermal = cell.thermal

    def spread(deviation: float) -> FloatArray:
        draw = np.clip(rng.standard_normal(shape), -SPREAD_CLIP, SPREAD_CLIP)
        return np.asarray(1.0 + deviation / np.sqrt(n) * draw)

    capacity_factor = spread(pack.capacity_spread)
    resistance_factor = spread(pack.resistance_spread)
    heat_capacity = n * thermal.mass_kg * thermal.specific_heat_j_per_kgk
    core_to_wall = n / (thermal.core_to_plate_k_per_w + pack.interface_k_per_w) * spread(pack.contact_spread)
    return PackConstants(
        capacity_as=cell.capacity_ah * SECONDS_PER_HOUR * n * capacity_factor,
        resistance_factor=resistance_factor,
        core_to_wall_w_per_k=core_to_wall,
        contact_resistance_ohm=np.full(shape[0], pack.contactor_resistance_ohm + 0.0)
        + pack.n_series * pack.busbar_resistance_ohm,
        core_capacity_j_per_k=heat_capacity * (1.0 - thermal.surface_fraction),
        surface_capacity_j_per_k=heat_capacity * thermal.surface_fraction,
        wall_capacity_j_per_k=n * pack.wall_heat_capacity_j_per_k,
        core_to_surface_w_per_k=n / thermal.core_to_surface_k_per_w,
        surface_to_housing_w_per_k=n * pack.cell_to_housing_w_per_k,
        housing_capacity_j_per_k=pack.housing_heat_capacity_j_per_k,
        housing_to_ambient_w_per_k=pack.housing_to_ambient_w_per_k,
        coolant_mass_kg=coolant_mass_kg / (pack.n_strings * pack.n_series),
        hysteresis_v=cell.circuit.hysteresis_v,
        hysteresis_rate=cell.circuit.hysteresis_rate,
        reference_temp_k=degc_to_k(cell.circuit.reference_temp_degc),
    )


def pack_state(pack: PackParameters, soc: float, temp_k: float, coolant_j_per_kg: float) -> PackState:
    """Return a pack at rest: one charge, one temperature, contactors open."""
    shape = (pack.n_strings, pack.n_series)

    def group(value: float) -> FloatArray:
        return np.full(shape, value)

    def string(value: float) -> FloatArray:
        return np.full(shape[0], value)

    values = {name: group(0.0) for name in ("soc", "rc1_v", "rc2_v", "hysteresis", "voltage_v", "heat_w")}
    values |= {name: group(temp_k) for name in ("core_temp_k", "surface_temp_k", "wall_temp_k")}
    strings = PackState._fields[PackState._fields.index("housing_temp_k") :]
    values |= {name: string(0.0) for name in strings}
    values["soc"] = group(soc)
    values["coolant_j_per_kg"] = group(coolant_j_per_kg)
    values["housing_temp_k"] = string(temp_k)
    values["string_outlet_j_per_kg"] = string(coolant_j_per_kg)
    return PackState(**values)


def pack_work(pack: PackParameters) -> PackWork:
    """Return scratch space for one pack."""
    n_group_arrays = PackWork._fields.index("string_source_v")
    n_strings = len(PackWork._fields) - n_group_arrays
    groups = [np.zeros((pack.n_strings, pack.n_series)) for _ in range(n_group_arrays)]
    return PackWork(*groups, *(np.zeros(pack.n_strings) for _ in range(n_strings)))


@kernel
def chemical_energy_j(tables: CircuitTables, constants: PackConstants, state: PackState) -> float:
    """Return the chemical energy of the pack and of its hysteresis [J], a function of state alone.

    E = sum over groups of Q int_0^s (U - T_ref dU/dT) ds + (M Q / 2 gamma) h^2; the integral of the piecewise linear
    table is exact. The second term is the energy stored in the hysteresis branch (see ``pack_electrical``).
    """
    n_soc = tables.chemical_v.shape[0]
    width = 1.0 / (n_soc - 1)
    total_j = 0.0
    n_strings, n_series = state.soc.shape
    below_v = np.zeros(n_soc)
    for i in range(1, n_soc):
        below_v[i] = below_v[i - 1] + 0.5 * width * (tables.chemical_v[i - 1] + tables.chemical_v[i])
    for k in range(n_strings):
        for i in range(n_series):
            soc = state.soc[k, i]
            j = min(max(int(soc / width), 0), n_soc - 2)
            x = soc - j * width
            slope = (tables.chemical_v[j + 1] - tables.chemical_v[j]) / width
            integral_v = below_v[j] + x * (tables.chemical_v[j] + 0.5 * slope * x)
            capacity = constants.capacity_as[k, i]
            stored = 0.5 * constants.hysteresis_v / constants.hysteresis_rate * state.hysteresis[k, i] ** 2
            total_j += capacity * (integral_v + stored)
    return total_j


@kernel
def pack_stored_heat_j(constants: PackConstants, state: PackState) -> float:
    """Return the heat stored in cells, walls, housing and the coolant inside the pack [J], from 0 K and 0 J/kg."""
    total_j = 0.0
    n_strings, n_series = state.soc.shape
    for k in range(n_strings):
        total_j += constants.housing_capacity_j_per_k * state.housing_temp_k[k]
        for i in range(n_series):
            total_j += constants.core_capacity_j_per_k * state.core_temp_k[k, i]
            total_j += constants.surface_capacity_j_per_k * state.surface_temp_k[k, i]
            total_j += constants.wall_capacity_j_per_k * state.wall_temp_k[k, i]
            total_j += constants.coolant_mass_kg * state.coolant_j_per_kg[k, i]
    return total_j
