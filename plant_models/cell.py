"""The cell as a set of measured numbers: geometry, heat, open-circuit voltage, two-branch equivalent circuit.

Voltages and resistances are of one cell. Tables are over state of charge and temperature; the entropic
coefficient is the one that gives both the reversible heat and the open-circuit voltage off its reference
temperature.
"""

from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, model_validator

from thermal_bms.parameters import Parameters, Source, parse, read_toml

PARAMETER_SETS = Path(__file__).parent / "parameter_sets"

Grid = tuple[float, ...]
Table = tuple[Annotated[Grid, Field(min_length=2)], ...]


class CellThermal(Parameters):
    """Heat capacity, geometry and inner resistances of one cell."""

    mass_kg: float = Field(gt=0.0)
    specific_heat_j_per_kgk: float = Field(gt=300.0, lt=3000.0)
    surface_fraction: float = Field(
        gt=0.0, lt=1.0, description="share of the heat capacity in can and terminals"
    )
    core_to_plate_k_per_w: float = Field(gt=0.0, description="core to cooled face, without the interface")
    core_to_surface_k_per_w: float = Field(gt=0.0, description="core to the can where the sensor sits")
    cooled_area_m2: float = Field(gt=0.0, description="face that meets plate or air")
    length_m: float = Field(gt=0.0)
    width_m: float = Field(gt=0.0)
    height_m: float = Field(gt=0.0)


class CellCircuit(Parameters):
    """Open-circuit voltage, entropic coefficient, hysteresis and the two RC branches over charge and temperature."""

    soc: Grid = Field(min_length=3, description="rising from 0 to 1")
    temp_degc: Grid = Field(min_length=2, description="rising")
    reference_temp_degc: float = Field(default=25.0, description="of ocv_v")
    ocv_v: Grid
    entropic_v_per_k: Grid
    hysteresis_v: float = Field(ge=0.0, le=0.1, description="half the distance between the major branches")
    hysteresis_rate: float = Field(default=50.0, gt=0.0, description="branch change per unit of charge moved")
    r0_discharge_ohm: Table = Field(description="rows: temp_degc, columns: soc")
    r0_charge_ohm: Table
    r1_ohm: Table
    r2_ohm: Table
    tau1_s: Table
    tau2_s: Table

    @model_validator(mode="after")
    def _tables_fit(self) -> "CellCircuit":
        for name in ("soc", "temp_degc"):
            if np.any(np.diff(getattr(self, name)) <= 0.0):
                raise ValueError(f"{name} must rise")
        if self.soc[0] != 0.0 or self.soc[-1] != 1.0:
            raise ValueError("soc must run from 0 to 1")
        for name in ("ocv_v", "entropic_v_per_k"):
            if len(getattr(self, name)) != len(self.soc):
                raise ValueError(f"{name} needs {len(self.soc)} values, one per soc")
        if np.any(np.diff(self.ocv_v) <= 0.0):
            raise ValueError("ocv_v must rise with soc")
        shape = (len(self.temp_degc), len(self.soc))
        for name in ("r0_discharge_ohm", "r0_charge_ohm", "r1_ohm", "r2_ohm", "tau1_s", "tau2_s"):
            table = getattr(self, name)
            if len(table) != shape[0] or any(len(row) != shape[1] for row in table):
                raise ValueError(f"{name} needs {shape[0]} rows (temp_degc) of {shape[1]} values (soc)")
            if min(min(row) for row in table) <= 0.0:
                raise ValueError(f"{name} must be > 0")
        return self


class CellParameters(Parameters):
    """A cell: ratings, thermal numbers, circuit, and where each comes from."""

    name: str
    chemistry: Literal["lfp", "nmc"]
    source: tuple[Source, ...] = Field(min_length=1)
    capacity_ah: float = Field(gt=0.0)
    voltage_min_v: float = Field(gt=0.0)
    voltage_max_v: float = Field(gt=0.0)
    charge_current_max_a: float = Field(gt=0.0)
    discharge_current_max_a: float = Field(gt=0.0)
    thermal: CellThermal
    circuit: CellCircuit


def load_cell(name: str) -> CellParameters:
    """Return the cell parameter set of that name, or of a TOML file."""
    path = Path(name) if name.endswith(".toml") else PARAMETER_SETS / "cells" / f"{name}.toml"
    return parse(CellParameters, read_toml(path), path.name)
