"""Parameters of thermal runaway: the reactions of a cell, what it ejects, and what stands between cells.

A reaction turns a reactant of amount c (a fraction, or Hatchard's dimensionless amount) into heat::

    dc/dt = -A exp(-E / R T) f(c),      heat [W] = -h w m dc/dt

with h per kilogram of reactant, w kilograms of reactant per kilogram of cell and m the cell's mass. f(c) is c for
``first_order``, c exp(-z/z_ref) for ``inhibited`` (the layer z on the anode grows by what has reacted:
z = z_start + c_start - c) and c (1 - c) for ``autocatalytic``.
"""

from typing import Literal

from pydantic import Field, model_validator

from plant_models.cell import PARAMETER_SETS
from thermal_bms.parameters import Parameters, Source, parse, read_toml

RUNAWAYS = PARAMETER_SETS / "runaway"
KINDS = ("first_order", "inhibited", "autocatalytic")


class Reaction(Parameters):
    """One decomposition reaction; see the module's equations."""

    name: str
    kind: Literal["first_order", "inhibited", "autocatalytic"] = "first_order"
    frequency_per_s: float = Field(gt=0.0, description="A")
    activation_j_per_mol: float = Field(gt=1e3, lt=1e6, description="E")
    heat_j_per_kg: float = Field(gt=-5e6, lt=5e6, description="h, per kilogram of reactant")
    reactant_fraction: float = Field(
        gt=0.0, le=1.0, description="w, kilogram of reactant per kilogram of cell"
    )
    amount: float = Field(gt=0.0, le=1.0, description="c at the start")
    scales_with_soc: bool = Field(default=False, description="heat is proportional to the charge of the cell")
    start_degc: float = Field(default=50.0, description="the reaction rests below this temperature")
    layer: float = Field(default=0.033, gt=0.0, description="z at the start, inhibited only")
    layer_reference: float = Field(default=0.033, gt=0.0, description="z_ref, inhibited only")

    @model_validator(mode="after")
    def _can_start(self) -> "Reaction":
        if self.kind == "autocatalytic" and self.amount >= 1.0:
            raise ValueError(f"{self.name}: amount = {self.amount:g} must be < 1, or c (1 - c) never starts")
        return self


class VentParameters(Parameters):
    """What leaves a cell: vapour when it opens, gas and particles when it runs away."""

    open_degc: float = Field(gt=60.0, lt=300.0, description="hottest place at which the vent opens")
    vapour_fraction: float = Field(ge=0.0, lt=0.5, description="of the cell's mass, boils off after opening")
    vapour_j_per_kg: float = Field(ge=0.0, lt=2e6, description="heat of vaporisation")
    vapour_time_s: float = Field(gt=0.0, description="time constant of boiling off once open")
    ejecta_fraction: float = Field(
        ge=0.0, lt=0.8, description="of the cell's mass, leaves as its charge is shorted"
    )
    gas_mol_per_ah: float = Field(ge=0.0, lt=1.0, description="gas of a whole cell, at normal conditions")
    housing_share: float = Field(ge=0.0, le=1.0, description="of the heat that leaves, stays in the housing")


class ShortParameters(Parameters):
    """The massive internal short once the separator is gone."""

    collapse_degc: float = Field(gt=100.0, lt=400.0, description="where the separator collapses")
    depth_m: float = Field(gt=1e-3, lt=0.05, description="over which it must collapse: a slice")
    duration_s: float = Field(
        gt=0.0, description="the charge of a shorted place turns into heat in this time"
    )
    heat_share: float = Field(ge=0.0, le=1.0, description="of the charge's energy; the rest never comes out")
    resistance_ohm: float = Field(gt=0.0, description="what parallel cells see of a shorted cell")
    open_after_s: float = Field(ge=0.0, description="then the cell's tab has burnt off")
    overcharge_v: float = Field(
        gt=3.6, lt=7.0, description="above this open-circuit voltage charge turns into heat"
    )


class EnclosureParameters(Parameters):
    """What stands between cells, and the gas space around them; all assumed."""

    barrier_thickness_m: float = Field(default=0.001, gt=0.0, le=0.05, description="between two cells")
    barrier_w_per_mk: float = Field(default=0.25, gt=0.0, le=50.0, description="film, tape and contact: 0.25")
    free_volume_m3: float = Field(default=0.1, gt=0.0, le=5.0, description="gas in the housing of one string")
    breather_time_s: float = Field(default=3.0, gt=0.0, description="time constant of the pressure balance")


class RunawayParameters(Parameters):
    """Thermal runaway of one kind of cell, with the source of every number."""

    chemistry: Literal["lfp", "nmc"]
    source: tuple[Source, ...] = Field(min_length=1)
    reaction: tuple[Reaction, ...] = Field(min_length=1, max_length=8)
    vent: VentParameters
    short: ShortParameters


def load_runaway(chemistry: str) -> RunawayParameters:
    """Return the runaway parameter set of a chemistry, "lfp" or "nmc".

    >>> [reaction.name for reaction in load_runaway("lfp").reaction]
    ['sei', 'anode', 'cathode', 'electrolyte']
    """
    path = RUNAWAYS / f"{chemistry}.toml"
    return parse(RunawayParameters, read_toml(path), path.name)
