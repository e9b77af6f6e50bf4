"""The pack made of electrochemical cells: every group is a single-particle model in its reduced form.

A group takes the place of its equivalent circuit, behind the same interface: its mean voltage over a step is
V = E - R I, linear in the current, so that strings in parallel and a power demand keep their closed solution. The line
is laid through the last step's current; where the current then moves far from it, the line is laid again through the
current found.

A group's capacity is its electrode area. A smaller area has more resistance by itself; the rest of what the pack says
of a group's resistance (spread, ageing) stands in series with it, so that its ten-second resistance at 25 degC and
half charge is that of its circuit twin. Its heat goes to the group.

What a group stores is in its particles only: an ideal salt solution holds no enthalpy of mixing. The heat is the loss
of stored energy less the work at the terminals, so that both books close to rounding.
"""

from typing import NamedTuple

import numpy as np

from plant_models.cell import CellParameters
from plant_models.kernels import Record, RecordArray, kernel, record
from plant_models.pack import PackArrays, PackConstants, PackState, PackWork, views
from plant_models.pack_electrical import bus_voltage
from plant_models.spme import SpmeView, SpmeWork, linearise, look_up_temperature
from plant_models.spme_parameters import SpmeParameters, stoichiometry_window
from plant_models.spme_reduced import mean_energy, put_at_rest, reduced_advance, reduced_source
from plant_models.spme_reduced_cells import ReducedCells, ReducedMesh, ReducedScratch, reduced_mesh
from plant_models.spme_tables import SpmeTables, spme_constants, spme_tables
from plant_models.truck_parameters import table_at_half_charge
from thermal_bms.units import SECONDS_PER_HOUR, FloatArray

N_WORK = len(SpmeWork._fields)
N_SHOWN = len(SpmeView._fields)
MOVED_V = 3e-3  # the line misses by its square over 4RT/F at most: 0.1 mV

ELECTRODES = (
    "anode_potential_min_v",
    "negative_surface_min",
    "negative_surface_max",
    "positive_surface_min",
    "positive_surface_max",
)


class SpmeArrays(NamedTuple):
    """The electrochemical cells of one pack, in few arrays because each costs time to hand to a kernel.

    Attributes
    ----------
    negative, positive, temp, electrolyte : tables of the cell, see ``SpmeTables``
    scalars : constants of the cell, its window, and the mesh's half widths
    relaxations : rates and weights, shape (2, n)
    volumes : width, source, ohmic weight, shape (3, n_volumes)
    memory : state, work, view and scratch of every group, one after the other, shape (rows, n_groups)
    groups : current [A] and series resistance [ohm] of every group, shape (2, n_groups)
    turn : counts steps
    """

    negative: FloatArray
    positive: FloatArray
    temp: FloatArray
    electrolyte: FloatArray
    scalars: RecordArray
    relaxations: FloatArray
    volumes: FloatArray
    memory: FloatArray
    groups: FloatArray
    turn: FloatArray


def spme_arrays(
    cell: CellParameters, electrochemistry: SpmeParameters, n_parallel: int, pack: PackArrays, soc: float
) -> SpmeArrays:
    """Return a pack's groups at rest; capacities, resistance factors and temperatures are those of ``pack``."""
    _, state, _ = views(pack)
    tables, mesh = spme_tables(electrochemistry), reduced_mesh(electrochemistry)
    window = stoichiometry_window(electrochemistry)
    charge_c_per_m2 = (window.negative_full - window.negative_empty) * (
        electrochemistry.negative.charge_per_area_c_per_m2
    )
    own = spme_constants(electrochemistry)
    n, rows, volumes = state.soc.size, mesh.rate.size + 1, mesh.volume_m.size
    arrays = SpmeArrays(
        *tables,
        scalars=record(
            negative_empty=window.negative_empty,  # first, or numba takes this record for the cell's own
            **{name: float(own[0][name]) for name in own.dtype.names or ()},
            per_negative_window=1.0 / (window.negative_full - window.negative_empty),
            charge_c_per_m2=charge_c_per_m2,
            nominal_as=cell.capacity_ah * SECONDS_PER_HOUR * n_parallel,
            nominal_ohm=table_at_half_charge(cell, 25.0) / n_parallel,
            prompt=mesh.prompt,
            half_n_m=mesh.half_n_m,
            half_s_m=mesh.half_s_m,
            half_p_m=mesh.half_p_m,
        ),
        relaxations=np.array([mesh.rate, mesh.weight]),
        volumes=np.array([mesh.volume_m, mesh.source, mesh.ohmic_m]),
        memory=np.zeros((2 * rows + volumes + N_WORK + N_SHOWN + 2 * rows + 2 * volumes + 4 + 15, n)),
        groups=np.zeros((2, n)),
        turn=np.zeros(1),
    )
    _, cells = spme_views(arrays)
    cells.work.area_m2[:] = 1.0
    fit_groups(arrays, pack)
    negative = np.full(n, window.negative_empty + soc * (window.negative_full - window.negative_empty))
    positive = np.full(n, window.positive_empty + soc * (window.positive_full - window.positive_empty))
    temp_k = state.core_temp_k.ravel()
    put_at_rest(tables, arrays.scalars[0], cells, negative, positive, temp_k)
    state.voltage_v[:] = cells.shown.voltage_v.reshape(state.soc.shape)
    return arrays


@kernel
def spme_views(a: SpmeArrays) -> tuple[SpmeTables, ReducedCells]:
    """Return tables and memory by name; the constants are ``scalars[0]``."""
    p = a.scalars[0]
    n_relaxations = a.relaxations.shape[1]
    n_volumes = a.volumes.shape[1]
    rows = 2 * (n_relaxations + 1)
    n_state = rows + n_volumes
    m = a.memory
    w = m[n_state : n_state + N_WORK]
    work = SpmeWork(
        w[0], w[1], w[2], w[3], w[4], w[5], w[6], w[7], w[8], w[9], w[10], w[11], w[12], w[13], w[14], w[15],
        w[16], w[17], w[18], w[19], w[20], w[21], w[22], w[23], w[24],
    )  # fmt: skip
    at = n_state + N_WORK
    v = m[at : at + N_SHOWN]
    shown = SpmeView(v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7], v[8], v[9], v[10], v[11], v[12], v[13])
    at += N_SHOWN
    decay = m[at : at + rows]
    at += rows
    upper = m[at : at + n_volumes]
    at += n_volumes
    conductance = m[at : at + n_volumes]
    at += n_volumes
    transference = m[at : at + 4]
    line = m[at + 4 : at + 19].reshape(3, 5, m.shape[1])
    mesh = ReducedMesh(
        a.relaxations[0], a.relaxations[1], p.prompt, a.volumes[0], a.volumes[1], a.volumes[2],
        p.half_n_m, p.half_s_m, p.half_p_m, n_volumes // 2,
    )  # fmt: skip
    scratch = ReducedScratch(decay, upper, conductance, transference, line, a.turn)
    tables = SpmeTables(a.negative, a.positive, a.temp, a.electrolyte)
    return tables, ReducedCells(mesh, m[:n_state], work, shown, scratch)


@kernel
def add_up_strings(
    constants: PackConstants, state: PackState, work: PackWork, cell: SpmeWork, series_ohm: FloatArray
) -> None:
    """Write every string's source voltage and resistance from its groups'."""
    n_strings, n_series = state.soc.shape
    for k in range(n_strings):
        source_v = 0.0
        resistance_ohm = constants.contact_resistance_ohm[k]
        for i in range(k * n_series, (k + 1) * n_series):
            group_ohm = cell.resistance_ohm[i] + series_ohm[i]
            source_v += cell.source_v[i] - group_ohm * state.balance_current_a[k, i - k * n_series]
            resistance_ohm += group_ohm
        work.string_source_v[k] = source_v
        work.string_resistance_ohm[k] = resistance_ohm


@kernel
def share_current(state: PackState, work: PackWork, voltage_v: float, group_a: FloatArray) -> float:
    """Write the current of every string and group; return how far the voltage moved along the line, per group [V].

    With asinh kinetics a line laid through another current misses the curve by no more than that move's square over
    4RT/F.
    """
    n_strings, n_series = state.soc.shape
    moved_v = 0.0
    for k in range(n_strings):
        current_a = 0.0
        if state.string_closed[k] > 0.0 and voltage_v > 0.0:
            current_a = (work.string_source_v[k] - voltage_v) / work.string_resistance_ohm[k]
        moved_a = 0.0
        for i in range(n_series):
            j = k * n_series + i
            new_a = current_a + state.balance_current_a[k, i]
            moved_a = max(moved_a, abs(new_a - group_a[j]))
            group_a[j] = new_a
        moved_v = max(moved_v, moved_a * work.string_resistance_ohm[k] / n_series)
        state.string_current_a[k] = current_a
    return moved_v


@kernel
def book_balancing(state: PackState, cell: SpmeWork, groups: FloatArray) -> None:
    """Write what the balancer took from the groups of every string, less what it returned to them, mean [W]."""
    n_strings, n_series = state.soc.shape
    for k in range(n_strings):
        power_w = 0.0
        for i in range(n_series):
            j = k * n_series + i
            group_v = cell.source_v[j] - (cell.resistance_ohm[j] + groups[1, j]) * groups[0, j]
            power_w += state.balance_current_a[k, i] * group_v
        state.balance_power_w[k] = power_w


@kernel
def show_groups(state: PackState, p: Record, cells: ReducedCells, groups: FloatArray) -> None:
    """Write charge, voltage and heat of every group into the pack's state."""
    n_series = state.soc.shape[1]
    shown = cells.shown
    for k in range(state.soc.shape[0]):
        for i in range(n_series):
            j = k * n_series + i
            lost_v = groups[1, j] * groups[0, j]
            state.soc[k, i] = (cells.state[0, j] - p.negative_empty) * p.per_negative_window
            state.voltage_v[k, i] = shown.voltage_v[j] - lost_v
            state.heat_w[k, i] = shown.heat_w[j] + lost_v * groups[0, j]


@kernel
def pack_spme_step(
    spme: SpmeArrays,
    constants: PackConstants,
    state: PackState,
    work: PackWork,
    power_w: float,
    charger_current_a: float,
    dt_s: float,
) -> float:
    """Advance the electrical side by one step and return the mean bus voltage [V], as ``pack_electrical_step``."""
    tables, cells = spme_views(spme)
    p = spme.scalars[0]
    temp_k = state.core_temp_k.reshape(state.core_temp_k.size)
    group_a, series_ohm = spme.groups[0], spme.groups[1]
    reduced_source(tables, p, cells, temp_k, group_a, dt_s)
    add_up_strings(constants, state, work, cells.work, series_ohm)
    voltage_v = bus_voltage(state, work, power_w, charger_current_a)
    if share_current(state, work, voltage_v, group_a) > MOVED_V:
        linearise(tables, p, cells.work, temp_k, group_a)
        add_up_strings(constants, state, work, cells.work, series_ohm)
        voltage_v = bus_voltage(state, work, power_w, charger_current_a)
        share_current(state, work, voltage_v, group_a)
    if state.balancing.max() > 0.0 or state.balance_power_w.max() > 0.0:
        book_balancing(state, cells.work, spme.groups)
    reduced_advance(tables, p, cells, temp_k, group_a, dt_s)
    show_groups(state, p, cells, spme.groups)
    for k in range(state.soc.shape[0]):
        current_a = state.string_current_a[k]
        inner_ohm = work.string_resistance_ohm[k] - constants.contact_resistance_ohm[k]
        state.string_voltage_v[k] = work.string_source_v[k] - inner_ohm * current_a
        state.busbar_heat_w[k] = current_a * current_a * constants.contact_resistance_ohm[k]
    return voltage_v


@kernel
def spme_chemical_energy_j(spme: SpmeArrays) -> float:
    """Return the chemical energy of the pack's particles [J], a function of state alone, up to a constant."""
    _, cells = spme_views(spme)
    total_j = 0.0
    for i in range(cells.shown.energy_j.shape[0]):
        total_j += cells.shown.energy_j[i]
    return total_j


@kernel
def fit_groups(spme: SpmeArrays, pack: PackArrays) -> None:
    """Give the groups the capacities and resistances of the pack: electrode areas, and resistances in series.

    A group of less area has more resistance by itself; the series resistance makes up for the rest.
    """
    constants, state, _ = views(pack)
    tables, cells = spme_views(spme)
    p = spme.scalars[0]
    n_series = state.soc.shape[1]
    for k in range(state.soc.shape[0]):
        for i in range(n_series):
            capacity_as = constants.capacity_as[k, i]
            own = p.nominal_as / capacity_as
            cells.work.area_m2[k * n_series + i] = capacity_as / p.charge_c_per_m2
            spme.groups[1, k * n_series + i] = p.nominal_ohm * (constants.resistance_factor[k, i] - own)
    look_up_temperature(tables, p, cells.work, state.core_temp_k.reshape(state.core_temp_k.size), -1)
    mean_energy(tables, p, cells, cells.shown.energy_j)


@kernel
def electrode_view(spme: SpmeArrays, out: FloatArray) -> None:
    """Write the values named in ``ELECTRODES``: extremes over all groups at the end of the step."""
    _, cells = spme_views(spme)
    shown = cells.shown
    out[0] = shown.anode_potential_v.min()
    out[1] = shown.negative_surface.min()
    out[2] = shown.negative_surface.max()
    out[3] = shown.positive_surface.min()
    out[4] = shown.positive_surface.max()
