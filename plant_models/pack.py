"""The pack: strings in parallel, each a chain of series groups of parallel cells, laid along the coolant.

One state set per series group per string. Arrays have shape (n_strings, n_series), groups in the order in which
the coolant meets them. All quantities of a group are of its parallel cells together.
"""

from typing import NamedTuple

import numpy as np
from pydantic import Field, model_validator

from plant_models.cell import CellParameters
from plant_models.kernels import RecordArray, kernel, part, record
from plant_models.runaway_parameters import EnclosureParameters
from thermal_bms.parameters import Parameters
from thermal_bms.units import SECONDS_PER_HOUR, FloatArray, degc_to_k

N_SOC = 101
TEMP_LOW_K = degc_to_k(-40.0)
TEMP_STEP_K = 5.0
N_TEMP = 25
PER_TEMP_STEP_K = 1.0 / TEMP_STEP_K
SPREAD_CLIP = 3.0
NEVER_LOOKED_UP = -1.0


class PackParameters(Parameters):
    """How cells are built into a pack, and the metal around them."""

    n_strings: int = Field(ge=1, le=32)
    n_series: int = Field(ge=2, le=400)
    n_parallel: int = Field(ge=1, le=100)
    n_temp_sensors: int = Field(ge=1, description="per string")
    busbar_resistance_ohm: float = Field(ge=0.0, description="joints and bars, per series group")
    contactor_resistance_ohm: float = Field(
        default=0.0006, ge=0.0, description="both contactors and fuse of a string"
    )
    interface_k_per_w: float = Field(
        ge=0.0, description="cell to plate, one cell: pad, gap filler or air film"
    )
    wall_heat_capacity_j_per_k: float = Field(gt=0.0, description="plate or duct metal per cell")
    housing_heat_capacity_j_per_k: float = Field(gt=0.0, description="of one string")
    cell_to_housing_w_per_k: float = Field(ge=0.0, description="one cell")
    housing_to_ambient_w_per_k: float = Field(ge=0.0, description="of one string")
    capacity_spread: float = Field(default=0.01, ge=0.0, le=0.2, description="relative standard deviation")
    resistance_spread: float = Field(default=0.03, ge=0.0, le=0.5)
    contact_spread: float = Field(default=0.10, ge=0.0, le=0.5, description="of the conductance core to wall")
    sensor_time_constant_s: float = Field(default=12.0, ge=0.0, description="of a cell temperature sensor")
    usable_soc: tuple[float, float] = Field(default=(0.05, 0.97), description="window that the truck uses")
    enclosure: EnclosureParameters = EnclosureParameters()

    @model_validator(mode="after")
    def _sizes_fit(self) -> "PackParameters":
        low, high = self.usable_soc
        if not 0.0 <= low < high <= 1.0:
            raise ValueError(f"usable_soc = [{low:g}, {high:g}] must rise within 0 to 1")
        if self.n_temp_sensors > self.n_series:
            raise ValueError(f"n_temp_sensors = {self.n_temp_sensors} must be <= n_series = {self.n_series}")
        return self


class CircuitTables(NamedTuple):
    """Circuit of one group on uniform grids: charge from 0 to 1, temperature from TEMP_LOW_K by TEMP_STEP_K.

    ``rest`` holds, per interval of charge: open-circuit voltage [V] and entropic coefficient [V/K] at its lower end,
    each followed by its slope per unit of charge. ``branch`` holds, per direction (0 discharge, 1 charge),
    temperature and charge: r0, r1, r2 [ohm] and the two decay factors exp(-dt/tau) for one step size.
    """

    rest: FloatArray
    branch: FloatArray


class PackConstants(NamedTuple):
    """What does not change while a pack runs, apart from faults. Shapes (n_strings, n_series) or scalars."""

    capacity_as: FloatArray
    per_capacity_as: FloatArray
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
    """What changes. Group arrays (n_strings, n_series), string arrays (n_strings,).

    The last ones are the balancer's (see ``balancing``): the current it takes from every group [A], whether a string
    balances, what its balancer takes from the cells less what it returns to them [W], and the heat from its boards to
    the housing [W].
    """

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
    balance_current_a: FloatArray
    housing_temp_k: FloatArray
    string_current_a: FloatArray
    string_voltage_v: FloatArray
    string_closed: FloatArray
    string_flow_kg_per_s: FloatArray
    string_outlet_j_per_kg: FloatArray
    string_coolant_heat_w: FloatArray
    string_housing_loss_w: FloatArray
    busbar_heat_w: FloatArray
    balancing: FloatArray
    balance_power_w: FloatArray
    board_heat_w: FloatArray


class PackWork(NamedTuple):
    """Scratch space of one step, and the resistances and decay factors last looked up for every group."""

    source_v: FloatArray
    slope_v: FloatArray
    entropic: FloatArray
    entropic_slope: FloatArray
    r0_ohm: FloatArray
    r1_ohm: FloatArray
    r2_ohm: FloatArray
    decay1: FloatArray
    decay2: FloatArray
    group_source_v: FloatArray
    group_resistance_ohm: FloatArray
    offset: FloatArray
    gain: FloatArray
    medium_base_k: FloatArray
    medium_gain: FloatArray
    wall_base_k: FloatArray
    wall_gain: FloatArray
    core_base_k: FloatArray
    core_gain: FloatArray
    surface_base_k: FloatArray
    string_source_v: FloatArray
    string_resistance_ohm: FloatArray
    string_charging: FloatArray
    string_turn: FloatArray


def circuit_tables(cell: CellParameters, n_parallel: int, dt_s: float) -> CircuitTables:
    """Return the cell's tables for a group of ``n_parallel`` cells on the kernel's grids, for one step."""
    circuit = cell.circuit
    soc: FloatArray = np.linspace(0.0, 1.0, N_SOC, dtype=np.float64)
    temp_k: FloatArray = TEMP_LOW_K + TEMP_STEP_K * np.arange(N_TEMP, dtype=np.float64)
    ocv = np.interp(soc, circuit.soc, circuit.ocv_v)
    entropic = np.interp(soc, circuit.soc, circuit.entropic_v_per_k)
    branch = np.empty((2, N_TEMP, N_SOC, 5))
    for direction, r0 in enumerate((circuit.r0_discharge_ohm, circuit.r0_charge_ohm)):
        for column, table in enumerate((r0, circuit.r1_ohm, circuit.r2_ohm)):
            branch[direction, :, :, column] = resampled(cell, np.array(table), temp_k, soc) / n_parallel
        for column, table in enumerate((circuit.tau1_s, circuit.tau2_s), start=3):
            branch[direction, :, :, column] = np.exp(-dt_s / resampled(cell, np.array(table), temp_k, soc))
    rest = np.stack(
        [ocv[:-1], np.diff(ocv) / np.diff(soc), entropic[:-1], np.diff(entropic) / np.diff(soc)], axis=1
    )
    return CircuitTables(np.ascontiguousarray(rest), branch)


def resampled(cell: CellParameters, table: FloatArray, temp_k: FloatArray, soc: FloatArray) -> FloatArray:
    """Return a table on the kernel's grid: linear in charge, linear in log over 1/T, held at the outermost rows."""
    rows = np.array([np.interp(soc, cell.circuit.soc, row) for row in table])
    inverse = -1.0 / degc_to_k(np.array(cell.circuit.temp_degc))
    log_rows = np.log(rows)
    columns = [np.interp(-1.0 / temp_k, inverse, log_rows[:, i]) for i in range(soc.size)]
    return np.asarray(np.exp(np.array(columns)).T)


class PackArrays(NamedTuple):
    """The memory of one pack, in few arrays because each costs time to hand to a kernel.

    ``views`` gives it names: in Python for reading, inside a kernel for working on it.
    """

    group_constants: FloatArray
    string_constants: FloatArray
    scalars: RecordArray
    groups: FloatArray
    strings: FloatArray
    group_work: FloatArray
    string_work: FloatArray


N_GROUP_CONSTANTS = PackConstants._fields.index("contact_resistance_ohm")
N_GROUPS = PackState._fields.index("housing_temp_k")
N_GROUP_WORK = PackWork._fields.index("string_source_v")


def pack_arrays(
    pack: PackParameters,
    cell: CellParameters,
    rng: np.random.Generator,
    *,
    soc: float,
    temp_k: float,
    coolant_mass_kg: float,
    coolant_j_per_kg: float,
) -> PackArrays:
    """Return a pack at rest with its cell-to-cell spread drawn from ``rng``: one charge, one temperature, all open.

    Spread of a group of n parallel cells is that of one cell over sqrt(n); draws are clipped at three deviations.
    ``coolant_mass_kg`` is the coolant inside the pack, all strings together.
    """
    shape = (pack.n_strings, pack.n_series)
    n = pack.n_parallel
    thermal = cell.thermal

    def spread(deviation: float) -> FloatArray:
        draw = np.clip(rng.standard_normal(shape), -SPREAD_CLIP, SPREAD_CLIP)
        return np.asarray(1.0 + deviation / np.sqrt(n) * draw)

    capacity_as = cell.capacity_ah * SECONDS_PER_HOUR * n * spread(pack.capacity_spread)
    resistance_factor = spread(pack.resistance_spread)
    core_to_wall = n / (thermal.core_to_plate_k_per_w + pack.interface_k_per_w) * spread(pack.contact_spread)
    heat_capacity = n * thermal.mass_kg * thermal.specific_heat_j_per_kgk
    contact_ohm = pack.contactor_resistance_ohm + pack.n_series * pack.busbar_resistance_ohm
    scalars = record(
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
    arrays = PackArrays(
        group_constants=np.array([capacity_as, 1.0 / capacity_as, resistance_factor, core_to_wall]),
        string_constants=np.full((1, pack.n_strings), contact_ohm),
        scalars=scalars,
        groups=np.zeros((N_GROUPS, *shape)),
        strings=np.zeros((len(PackState._fields) - N_GROUPS, pack.n_strings)),
        group_work=np.zeros((N_GROUP_WORK, *shape)),
        string_work=np.zeros((len(PackWork._fields) - N_GROUP_WORK, pack.n_strings)),
    )
    _, state, work = views(arrays)
    state.soc[:] = soc
    for temperature in (state.core_temp_k, state.surface_temp_k, state.wall_temp_k, state.housing_temp_k):
        temperature[:] = temp_k
    state.coolant_j_per_kg[:] = coolant_j_per_kg
    state.string_outlet_j_per_kg[:] = coolant_j_per_kg
    work.string_charging[:] = NEVER_LOOKED_UP
    return arrays


@part
def views(a: PackArrays) -> tuple[PackConstants, PackState, PackWork]:
    """Return the pack's memory by name."""
    p = a.scalars[0]
    g = a.groups
    s = a.strings
    w = a.group_work
    constants = PackConstants(
        a.group_constants[0], a.group_constants[1], a.group_constants[2], a.group_constants[3], a.string_constants[0],
        p.core_capacity_j_per_k, p.surface_capacity_j_per_k, p.wall_capacity_j_per_k,
        p.core_to_surface_w_per_k, p.surface_to_housing_w_per_k, p.housing_capacity_j_per_k,
        p.housing_to_ambient_w_per_k, p.coolant_mass_kg, p.hysteresis_v, p.hysteresis_rate, p.reference_temp_k,
    )  # fmt: skip
    state = PackState(
        g[0], g[1], g[2], g[3], g[4], g[5], g[6], g[7], g[8], g[9], g[10],
        s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7], s[8], s[9], s[10], s[11],
    )  # fmt: skip
    work = PackWork(
        w[0], w[1], w[2], w[3], w[4], w[5], w[6], w[7], w[8], w[9], w[10], w[11], w[12], w[13], w[14], w[15],
        w[16], w[17], w[18], w[19], a.string_work[0], a.string_work[1], a.string_work[2], a.string_work[3],
    )  # fmt: skip
    return constants, state, work


def rest_voltages(tables: CircuitTables, arrays: PackArrays) -> None:
    """Let the voltages of a pack be those at rest, as before the first step."""
    constants, state, _ = views(arrays)
    rest = tables.rest
    x = state.soc * rest.shape[0]
    row = np.clip(x.astype(int), 0, rest.shape[0] - 1)
    ocv = rest[row, 0] + (x - row) / rest.shape[0] * rest[row, 1]
    entropic = rest[row, 2] + (x - row) / rest.shape[0] * rest[row, 3]
    state.voltage_v[:] = ocv + (state.core_temp_k - constants.reference_temp_k) * entropic


@kernel
def row_sum(values: FloatArray, k: int) -> float:
    """Return the sum of row ``k``, added up in four lanes, which need not wait for each other.

    >>> row_sum(np.arange(10.0).reshape(2, 5), 1)
    35.0
    """
    n = values.shape[1]
    whole = n - n % 4
    a = b = c = d = 0.0
    for i in range(0, whole, 4):
        a += values[k, i]
        b += values[k, i + 1]
        c += values[k, i + 2]
        d += values[k, i + 3]
    for i in range(whole, n):
        a += values[k, i]
    return (a + b) + (c + d)


@part
def chemical_energy_j(tables: CircuitTables, constants: PackConstants, state: PackState) -> float:
    """Return the chemical energy of the pack and of its hysteresis [J], a function of state alone.

    E = sum over groups of Q int_0^s (U - T_ref dU/dT) ds + (M Q / 2 gamma) h^2. The integrand is the part of the
    open-circuit voltage that does not depend on temperature (the rest is exactly the reversible heat); its integral
    over the piecewise linear table is exact. The second term is what the hysteresis branch stores.
    """
    n = tables.rest.shape[0]
    width = 1.0 / n
    low_v = np.empty(n)
    slope_v = np.empty(n)
    below_v = np.zeros(n)
    for j in range(n):
        low_v[j] = tables.rest[j, 0] - constants.reference_temp_k * tables.rest[j, 2]
        slope_v[j] = tables.rest[j, 1] - constants.reference_temp_k * tables.rest[j, 3]
        if j > 0:
            below_v[j] = below_v[j - 1] + width * (low_v[j - 1] + 0.5 * width * slope_v[j - 1])
    total_j = 0.0
    for k in range(state.soc.shape[0]):
        for i in range(state.soc.shape[1]):
            soc = state.soc[k, i]
            j = min(max(int(soc * n), 0), n - 1)
            x = soc - j * width
            stored = 0.5 * constants.hysteresis_v / constants.hysteresis_rate * state.hysteresis[k, i] ** 2
            total_j += constants.capacity_as[k, i] * (
                below_v[j] + x * (low_v[j] + 0.5 * slope_v[j] * x) + stored
            )
    return total_j


@part
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
