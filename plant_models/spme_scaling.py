"""From a small laboratory cell to a truck's cell: the rule, and the resistance by which it is judged.

What is published with every electrochemical parameter comes from cells of a few ampere-hours. A truck's cell is
known by its datasheet, open-circuit voltage and resistance. The rule keeps what the paper measured (particles,
porosities, diffusivities, activation energies, electrolyte, separator, negative electrode) and takes from the
truck's cell what is known of it:

1. Of the negative electrode's stoichiometries the truck's cell uses those between which the positive's potential,
   which is then the truck cell's open-circuit voltage plus the negative's potential, need least be mended to fall
   with the positive's lithium. They are held near the small cell's.
2. Both coatings become thicker or thinner by one factor, until the window holds the wanted charge per area. The
   electrode area follows from the capacity.
3. The positive electrode's potential is the one just named, mended; its entropic coefficient likewise from the
   truck cell's. Beyond the window the small cell's goes on.
4. Both exchange currents are multiplied by one factor and a contact resistance is added, so that the resistance
   after ten seconds at 1C and half charge is nearest to the truck cell's at 10, 25 and 40 degC.

The factor on the exchange currents stands for finer particles and rougher surfaces than the paper's spheres have.
Cells for power have smaller particles and thinner coatings (Lain et al., Batteries 5 (2019), design strategies for
high power vs. high energy lithium ion cells), and two parameter sets of one and the same cell differ by 3.9 in the
exchange current of graphite (Chen 2020, O'Regan 2022).
"""

from typing import NamedTuple

import numpy as np
from scipy.optimize import isotonic_regression, least_squares

from plant_models.cell import CellParameters
from plant_models.spme_parameters import (
    LayerParameters,
    SpmeParameters,
    StoichiometryWindow,
    electrode_curves,
    open_circuit_v,
    stoichiometry_window,
)
from plant_models.spme_trace import Trace, stoichiometries, trace_cell
from plant_models.truck_parameters import table_at_half_charge
from thermal_bms.errors import ConfigError
from thermal_bms.units import SECONDS_PER_HOUR, FloatArray

FIT_TEMPS_DEGC = (10.0, 25.0, 40.0)
PULSE_S = 10.0
PULSE_STEP_S = 0.5
N_CURVE = 1001
N_ALIGNED = 201
ALIGNED_POINTS = 10.0  # so many of them count as independent
ALIGNED_DEVIATION_V = 0.003
HELD_DEVIATION = 0.05  # of the window's ends from the small cell's, assumed
ALIGNED_LOW, ALIGNED_HIGH = (0.0, 0.5), (0.3, 0.99)
ALIGNED_STARTS = (0.03, 0.1, 0.2)
INTERFACE_RANGE = (0.25, 4.0)  # two published sets of one cell differ by 3.9


class Knobs(NamedTuple):
    """What the rule adjusts.

    Attributes
    ----------
    thickness : of both coatings, against the small cell's
    interface : of both exchange currents, against the small cell's
    contact_ohm_m2 : collectors, tabs and welds, times electrode area
    """

    thickness: float
    interface: float = 1.0
    contact_ohm_m2: float = 0.0


def aligned_window(base: SpmeParameters, cell: CellParameters) -> StoichiometryWindow:
    """Return where on the small cell's negative electrode the truck's cell works.

    What the truck's cell shows against the negative electrode is the positive's potential, and that can only fall
    with its lithium. Of all windows near the small cell's the one is taken that needs least help to do so.
    ``capacity_ah`` is what the small cell holds between its ends.
    """
    own = stoichiometry_window(base)
    soc = np.linspace(0.0, 1.0, N_ALIGNED)
    target_v = np.interp(soc, cell.circuit.soc, cell.circuit.ocv_v)
    weight = np.sqrt(ALIGNED_POINTS / N_ALIGNED) / ALIGNED_DEVIATION_V
    expected = np.array([own.negative_empty, own.negative_full])

    def misfit(x: FloatArray) -> FloatArray:
        positive_v = target_v + electrode_curves(base.negative.table, x[0] + soc * (x[1] - x[0]))[0]
        help_v = positive_v - isotonic_regression(positive_v).x
        return np.concatenate([weight * help_v, (x - expected) / HELD_DEVIATION])

    best = min(
        (
            least_squares(misfit, (start, expected[1]), bounds=(ALIGNED_LOW, ALIGNED_HIGH))
            for start in ALIGNED_STARTS
        ),
        key=lambda found: float(found.cost),
    ).x
    charge_c_per_m2 = float(best[1] - best[0]) * base.negative.charge_per_area_c_per_m2
    return StoichiometryWindow(
        negative_empty=float(best[0]),
        negative_full=float(best[1]),
        positive_empty=own.positive_full + charge_c_per_m2 / base.positive.charge_per_area_c_per_m2,
        positive_full=own.positive_full,
        capacity_ah=charge_c_per_m2 * base.electrode_area_m2 / SECONDS_PER_HOUR,
    )


def positive_curve(base: SpmeParameters, cell: CellParameters, window: StoichiometryWindow) -> FloatArray:
    """Return the positive electrode of the truck's cell: rows of stoichiometry, U [V], dU/dT [V/K], D [m2/s]."""
    y = np.linspace(0.0, 1.0, N_CURVE)
    own = electrode_curves(base.positive.table, y)
    soc = (window.positive_empty - y) / (window.positive_empty - window.positive_full)
    inside = (soc >= 0.0) & (soc <= 1.0)
    circuit = cell.circuit
    x = window.negative_empty + soc[inside] * (window.negative_full - window.negative_empty)
    negative = electrode_curves(base.negative.table, x)
    potential = np.interp(soc[inside], circuit.soc, circuit.ocv_v) + negative[0]
    falling = isotonic_regression(potential, increasing=False).x
    entropic = np.interp(soc[inside], circuit.soc, circuit.entropic_v_per_k) + negative[1]
    joined = np.empty((2, N_CURVE))
    for row, values in enumerate((falling, entropic)):
        joined[row, inside] = values
        for outside, edge in ((soc > 1.0, 0), (soc < 0.0, -1)):
            at_edge = int(np.flatnonzero(inside)[edge])
            joined[row, outside] = own[row, outside] + values[edge] - own[row, at_edge]
    return np.stack([y, joined[0], joined[1], np.exp(own[2])])


def scaled(base: SpmeParameters, cell: CellParameters, knobs: Knobs, positive_table: str) -> SpmeParameters:
    """Return the parameter set of a truck's cell.

    Parameters
    ----------
    base : the small cell
    cell : the truck's cell
    knobs : thickness, exchange currents, contact resistance
    positive_table : name of the table that holds ``positive_curve``

    Raises
    ------
    ConfigError
        when the chemistries differ.
    """
    if base.chemistry != cell.chemistry:
        raise ConfigError(f"{base.name} is a {base.chemistry} cell, but {cell.name} is {cell.chemistry}")
    window = aligned_window(base, cell)
    per_area_ah_per_m2 = knobs.thickness * window.capacity_ah / base.electrode_area_m2
    area_m2 = cell.capacity_ah / per_area_ah_per_m2

    def electrode(name: str, **more: object) -> object:
        own = getattr(base, name)
        return own.model_copy(
            update={
                "thickness_m": knobs.thickness * own.thickness_m,
                "exchange_current_a_per_m2": knobs.interface * own.exchange_current_a_per_m2,
                **more,
            }
        )

    thermal = cell.thermal
    size = (thermal.length_m, thermal.width_m, thermal.height_m)
    layers = [
        layer.model_copy(update={"thickness_m": knobs.thickness * layer.thickness_m})
        if layer.name in {"negative", "positive"}
        else layer
        for layer in base.thermal.layers
    ]
    return base.model_copy(
        update={
            "name": cell.name,
            "capacity_ah": cell.capacity_ah,
            "voltage_min_v": cell.voltage_min_v,
            "voltage_max_v": cell.voltage_max_v,
            "electrode_area_m2": area_m2,
            "contact_resistance_ohm": knobs.contact_ohm_m2 / area_m2,
            "negative": electrode("negative", stoichiometry_made=window.negative_full),
            "positive": electrode("positive", stoichiometry_made=window.positive_full, table=positive_table),
            "thermal": base.thermal.model_copy(
                update={
                    "cell_volume_m3": thermal.mass_kg / _density_kg_per_m3(layers),
                    "cooled_area_m2": 2.0 * (size[0] * size[1] + size[1] * size[2] + size[2] * size[0]),
                    "layers": tuple(layers),
                }
            ),
            "window": window.model_copy(update={"capacity_ah": cell.capacity_ah}),
        }
    )


def _density_kg_per_m3(layers: list[LayerParameters]) -> float:
    mass = sum(layer.thickness_m * layer.density_kg_per_m3 for layer in layers)
    return float(mass / sum(layer.thickness_m for layer in layers))


def thickness_for(base: SpmeParameters, cell: CellParameters, capacity_ah_per_m2: float) -> float:
    """Return the factor on the coatings that gives the wanted charge per area [Ah/m2], 10 of which are 1 mAh/cm2."""
    window = aligned_window(base, cell)
    return capacity_ah_per_m2 * base.electrode_area_m2 / window.capacity_ah


def ten_second_resistance_ohm(cell: SpmeParameters, temp_degc: float, *, soc: float = 0.5) -> float:
    """Return the resistance of a cell after ten seconds of discharge at 1C from rest [ohm].

    The voltage is compared with that of a cell at rest with the charge then left, as in a circuit's tables.
    """
    window = stoichiometry_window(cell)
    steps = int(PULSE_S / PULSE_STEP_S)
    moved = PULSE_S / SECONDS_PER_HOUR
    loaded = _trace(cell, window, temp_degc, soc, np.full(steps + 1, window.capacity_ah))
    rest = _trace(cell, window, temp_degc, soc - moved, np.zeros(1))
    return float((rest.voltage_v[0] - loaded.voltage_v[-1]) / window.capacity_ah)


def _trace(
    cell: SpmeParameters, window: StoichiometryWindow, temp_degc: float, soc: float, current_a: FloatArray
) -> Trace:
    negative, positive = stoichiometries(window, soc)
    return trace_cell(
        cell,
        current_a,
        temp_degc=temp_degc,
        negative=negative,
        positive=positive,
        discretisation="reduced",
        dt_s=PULSE_STEP_S,
    )


def open_circuit_misfit_v(found: SpmeParameters, cell: CellParameters) -> FloatArray:
    """Return by how much a set's open-circuit voltage is above the cell's at every hundredth of charge [V]."""
    window = stoichiometry_window(found)
    soc = np.linspace(0.0, 1.0, 101)
    own_v = np.array([open_circuit_v(found, *stoichiometries(window, float(s))) for s in soc])
    return np.asarray(own_v - np.interp(soc, cell.circuit.soc, cell.circuit.ocv_v))


def fitted(base: SpmeParameters, cell: CellParameters, thickness: float, positive_table: str) -> Knobs:
    """Return the factor on the exchange currents and the contact resistance that come nearest the target.

    Nearest in the logarithm of the resistances at ``FIT_TEMPS_DEGC``; the contact resistance is not negative.
    """
    target_ohm = np.array([table_at_half_charge(cell, temp) for temp in FIT_TEMPS_DEGC])
    interim = scaled(base, cell, Knobs(thickness), positive_table)
    contact_max_ohm = float(target_ohm.min())

    def resistances_ohm(interface: float, contact_ohm: float) -> FloatArray:
        tried = _with_interface(interim, interface)
        return np.array([ten_second_resistance_ohm(tried, temp) + contact_ohm for temp in FIT_TEMPS_DEGC])

    def misfit(x: FloatArray) -> FloatArray:
        return np.asarray(np.log(resistances_ohm(np.exp(x[0]), x[1] * contact_max_ohm) / target_ohm))

    low, high = np.log(INTERFACE_RANGE)
    found = least_squares(misfit, (0.0, 0.1), bounds=((low, 0.0), (high, 1.0)), diff_step=(1e-3, 1e-3)).x
    return Knobs(
        thickness, float(np.exp(found[0])), float(found[1]) * contact_max_ohm * interim.electrode_area_m2
    )


def _with_interface(cell: SpmeParameters, factor: float) -> SpmeParameters:
    """Return a set with both exchange currents multiplied."""
    sides = {
        name: side.model_copy(update={"exchange_current_a_per_m2": factor * side.exchange_current_a_per_m2})
        for name, side in (("negative", cell.negative), ("positive", cell.positive))
    }
    return cell.model_copy(update=sides)
