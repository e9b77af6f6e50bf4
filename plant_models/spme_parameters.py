"""The electrochemical cell as published numbers: layers, particles, kinetics, electrolyte, heat capacity.

A set is a TOML file in ``parameter_sets/electrochemistry``. Curves over stoichiometry and electrolyte
properties over temperature and concentration are tables beside it, written by
``tools/make_electrode_tables.py``.
"""

from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field
from scipy.interpolate import CubicSpline
from scipy.optimize import brentq

from thermal_bms.errors import ConfigError, PlantError
from thermal_bms.parameters import Parameters, Source, did_you_mean, parse, read_toml
from thermal_bms.units import SECONDS_PER_HOUR, FloatArray

ELECTROCHEMISTRY = Path(__file__).parent / "parameter_sets" / "electrochemistry"
FARADAY_C_PER_MOL = 96485.33212  # CODATA 2018
GAS_CONSTANT_J_PER_MOLK = 8.314462618  # CODATA 2018
REFERENCE_TEMP_K = 298.15  # of every Arrhenius law and open-circuit potential in the sets
ELECTRODE_COLUMNS = "stoichiometry,ocp_v,entropic_v_per_k,diffusivity_m2_per_s"
ELECTROLYTE_COLUMNS = (
    "temp_degc,concentration_mol_per_m3,diffusivity_m2_per_s,conductivity_s_per_m,"
    "transference,activity_factor"
)


class ElectrodeParameters(Parameters):
    """A porous electrode of spherical particles.

    The exchange current density is ``i0 = i_ref arrhenius (c_e/c_e0)^a x^b (1-x)^(1-b)`` with the surface
    stoichiometry x; ``i_ref`` includes the constants of the paper's own form.
    """

    table: str = Field(
        description="CSV in electrodes/: potential, entropic coefficient and diffusivity at 25 degC"
    )
    thickness_m: float = Field(gt=0.0, lt=1e-3)
    porosity: float = Field(gt=0.0, lt=1.0)
    active_fraction: float = Field(gt=0.0, lt=1.0, description="volume of active material per volume")
    particle_radius_m: float = Field(gt=0.0, lt=1e-4)
    concentration_max_mol_per_m3: float = Field(gt=0.0)
    stoichiometry_made: float = Field(
        gt=0.0, lt=1.0, description="as the paper states it for its initial state"
    )
    diffusivity_activation_j_per_mol: float = Field(ge=0.0, lt=2e5)
    exchange_current_a_per_m2: float = Field(gt=0.0, description="i_ref at 25 degC")
    exchange_activation_j_per_mol: float = Field(ge=0.0, lt=2e5)
    exchange_electrolyte_exponent: float = Field(default=0.5, ge=0.0, le=1.0, description="a")
    exchange_lithium_exponent: float = Field(default=0.5, gt=0.0, lt=1.0, description="b")
    conductivity_s_per_m: float = Field(gt=0.0, description="of the solid, 25 degC")
    conductivity_activation_j_per_mol: float = Field(default=0.0, ge=0.0, lt=2e5)
    bruggeman_electrolyte: float = Field(default=1.5, ge=0.0, le=5.0)
    bruggeman_solid: float = Field(ge=0.0, le=5.0)

    @property
    def charge_per_area_c_per_m2(self) -> float:
        """Charge that takes the electrode from empty to full [C/m2]."""
        volume = self.thickness_m * self.active_fraction
        return FARADAY_C_PER_MOL * volume * self.concentration_max_mol_per_m3

    @property
    def surface_per_area(self) -> float:
        """Particle surface per electrode area, 3 eps L / R."""
        return 3.0 * self.active_fraction * self.thickness_m / self.particle_radius_m


class SeparatorParameters(Parameters):
    """The separator."""

    thickness_m: float = Field(gt=0.0, lt=1e-3)
    porosity: float = Field(gt=0.0, lt=1.0)
    bruggeman_electrolyte: float = Field(default=1.5, ge=0.0, le=5.0)


class ElectrolyteParameters(Parameters):
    """The salt in its solvent."""

    table: str = Field(description="CSV in electrolytes/")
    concentration_mol_per_m3: float = Field(gt=50.0, lt=3000.0, description="everywhere at rest")


class LayerParameters(Parameters):
    """One layer of the stack: what it weighs and how much heat it holds."""

    name: str
    thickness_m: float = Field(gt=0.0)
    density_kg_per_m3: float = Field(gt=0.0)
    specific_heat_j_per_kgk: float = Field(gt=0.0, description="at 25 degC")
    specific_heat_slope_j_per_kgk2: float = 0.0


class StackThermal(Parameters):
    """The stack as one heat capacity; the cell's volume is filled as its layers are."""

    cell_volume_m3: float = Field(gt=0.0)
    cooled_area_m2: float = Field(gt=0.0, description="outer surface of the cell")
    film_w_per_m2k: float = Field(gt=0.0, description="to the air of the validation cases")
    layers: tuple[LayerParameters, ...] = Field(
        min_length=5, description="one collector-to-collector sequence"
    )

    def heat_capacity_j_per_k(self, temp_k: float) -> float:
        """Return the heat capacity of the cell [J/K]."""
        off_k = temp_k - REFERENCE_TEMP_K
        stack = sum(
            x.thickness_m
            * x.density_kg_per_m3
            * (x.specific_heat_j_per_kgk + off_k * x.specific_heat_slope_j_per_kgk2)
            for x in self.layers
        )
        return self.cell_volume_m3 * stack / sum(x.thickness_m for x in self.layers)


class StoichiometryWindow(Parameters):
    """Stoichiometries of both electrodes at 0 and 100 % charge, and the capacity between."""

    negative_empty: float
    negative_full: float
    positive_empty: float
    positive_full: float
    capacity_ah: float


class SpmeParameters(Parameters):
    """A lithium-ion cell for the single-particle model with electrolyte."""

    name: str
    chemistry: Literal["lfp", "nmc"]
    source: tuple[Source, ...] = Field(min_length=1)
    capacity_ah: float = Field(gt=0.0, description="nominal")
    voltage_min_v: float = Field(gt=0.0)
    voltage_max_v: float = Field(gt=0.0)
    electrode_area_m2: float = Field(gt=0.0, description="of all electrode pairs in parallel")
    contact_resistance_ohm: float = Field(default=0.0, ge=0.0, description="tabs and collectors")
    negative: ElectrodeParameters
    separator: SeparatorParameters
    positive: ElectrodeParameters
    electrolyte: ElectrolyteParameters
    thermal: StackThermal
    window: StoichiometryWindow | None = Field(
        default=None, description="when it is not that of the voltage limits"
    )


def load_spme(name: str) -> SpmeParameters:
    """Return the electrochemical parameter set of that name.

    >>> load_spme("chen2020").negative.particle_radius_m
    5.86e-06
    """
    path = ELECTROCHEMISTRY / f"{name}.toml"
    return parse(SpmeParameters, read_toml(path), path.name)


def check_electrochemistry(cell: str, where: str) -> None:
    """Refuse a cell that has no electrochemical set, in one line.

    Raises
    ------
    ConfigError
        naming the cells that have one.
    """
    known = sorted(path.stem for path in ELECTROCHEMISTRY.glob("*.toml") if load_spme(path.stem).window)
    if cell not in known:
        raise ConfigError(
            f'cell_model = "spme": no electrochemical set for cell {cell}; cells that have one: {", ".join(known)}; '
            f"tools/make_truck_electrochemistry.py makes one from a cell ({where})"
        )


def _read_csv(folder: str, name: str, columns: str) -> FloatArray:
    path = ELECTROCHEMISTRY / folder / f"{name}.csv"
    known = sorted(file.stem for file in path.parent.glob("*.csv"))
    if name not in known:
        raise ConfigError(f"table = {name!r}: no such table in {folder}{did_you_mean(name, known)}")
    lines = path.read_text(encoding="utf-8").splitlines()
    header, *rows = (line for line in lines if line and not line.startswith("#"))
    try:
        data = np.array([row.split(",") for row in rows], dtype=np.float64, ndmin=2)
    except ValueError as error:
        raise ConfigError(f"{path.name}: not a table of numbers: {error}") from None
    if header != columns or data.shape[1] != columns.count(",") + 1 or not np.isfinite(data).all():
        raise ConfigError(f"{path.name}: columns must be {columns}, all values finite")
    return data


def electrode_curves(name: str, stoichiometry: FloatArray) -> FloatArray:
    """Return potential [V], entropic coefficient [V/K] and log diffusivity [m2/s] by splines, shape (3, n).

    >>> round(float(electrode_curves("nmc811_chen2020", np.array([0.5]))[0, 0]), 4)
    3.972
    """
    data = _read_csv("electrodes", name, ELECTRODE_COLUMNS)
    values = np.stack([data[:, 1], data[:, 2], np.log(data[:, 3])])
    return np.asarray(CubicSpline(data[:, 0], values, axis=1)(stoichiometry))


def electrolyte_grid(name: str) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return temperatures [degC], concentrations [mol/m3] and properties, shape (n_temp, n_conc, 4)."""
    data = _read_csv("electrolytes", name, ELECTROLYTE_COLUMNS)
    temp_degc, concentration = np.unique(data[:, 0]), np.unique(data[:, 1])
    if data.shape[0] != temp_degc.size * concentration.size:
        raise ConfigError(f"{name}.csv: rows must run over a full grid, concentration fastest")
    return temp_degc, concentration, data[:, 2:].reshape(temp_degc.size, concentration.size, 4)


def open_circuit_v(cell: SpmeParameters, negative: float, positive: float) -> float:
    """Return the open-circuit voltage at 25 degC [V] of two stoichiometries.

    >>> round(open_circuit_v(load_spme("chen2020"), 0.9014, 0.2700), 3)
    4.19
    """
    x = electrode_curves(cell.negative.table, np.array([negative]))
    y = electrode_curves(cell.positive.table, np.array([positive]))
    return float(y[0, 0] - x[0, 0])


def stoichiometry_window(cell: SpmeParameters) -> StoichiometryWindow:
    """Return the set's own window, or where the cell rests at its voltage limits, its lithium being conserved.

    With the charge q that has left the negative electrode since the made state: x = x0 - q/Qn, y = y0 +
    q/Qp, and the open-circuit voltage at 25 degC equals the limit.

    Raises
    ------
    PlantError
        if the limits cannot be reached with the lithium in the cell.

    >>> round(stoichiometry_window(load_spme("chen2020")).capacity_ah, 2)
    5.15
    """
    if cell.window is not None:
        return cell.window
    n, p = cell.negative, cell.positive
    q_n, q_p = n.charge_per_area_c_per_m2, p.charge_per_area_c_per_m2
    edge = 1e-4
    low = max(-(1.0 - edge - n.stoichiometry_made) * q_n, -(p.stoichiometry_made - edge) * q_p)
    high = min((n.stoichiometry_made - edge) * q_n, (1.0 - edge - p.stoichiometry_made) * q_p)

    def excess_v(q: float, limit_v: float) -> float:
        return open_circuit_v(cell, n.stoichiometry_made - q / q_n, p.stoichiometry_made + q / q_p) - limit_v

    ends = []
    for limit_v in (cell.voltage_min_v, cell.voltage_max_v):
        if excess_v(low, limit_v) < 0.0 or excess_v(high, limit_v) > 0.0:
            raise PlantError(f"{cell.name}: {limit_v} V is out of reach with the lithium in the cell")
        ends.append(float(brentq(excess_v, low, high, args=(limit_v,), xtol=1e-9 * q_n)))
    empty, full = ends
    return StoichiometryWindow(
        negative_empty=n.stoichiometry_made - empty / q_n,
        negative_full=n.stoichiometry_made - full / q_n,
        positive_empty=p.stoichiometry_made + empty / q_p,
        positive_full=p.stoichiometry_made + full / q_p,
        capacity_ah=cell.electrode_area_m2 * (empty - full) / SECONDS_PER_HOUR,
    )
