"""What no cycler measures of a cell: its name, ratings, mass and size, and where the measurements come from."""

from typing import Literal

from pydantic import Field

from thermal_bms.parameters import Parameters, Source


class About(Parameters):
    """The file ``cell.toml`` that stands beside the measurements."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$", description="of the parameter set and its file")
    chemistry: Literal["lfp", "nmc"] = Field(description="family; decides the table of limits")
    source: tuple[Source, ...] = Field(min_length=1, description="of the measurements, to be cited")
    voltage_min_v: float = Field(gt=0.0, le=5.0)
    voltage_max_v: float = Field(gt=0.0, le=5.0)
    charge_current_max_a: float = Field(gt=0.0)
    discharge_current_max_a: float = Field(gt=0.0)
    mass_kg: float = Field(gt=0.0)
    surface_fraction: float = Field(default=0.1, gt=0.0, lt=1.0, description="heat capacity in the can")
    specific_heat_j_per_kgk: float = Field(
        default=1000.0, gt=300.0, lt=3000.0, description="kept only when no drive says otherwise"
    )
    core_to_surface_k_per_w: float = Field(
        default=1.0, gt=0.0, description="kept only when no drive says otherwise"
    )
    core_to_plate_k_per_w: float = Field(gt=0.0, description="core to cooled face, without the interface")
    cooled_area_m2: float = Field(gt=0.0)
    length_m: float = Field(gt=0.0)
    width_m: float = Field(gt=0.0)
    height_m: float = Field(gt=0.0)
    hysteresis_v: float = Field(default=0.002, ge=0.0, le=0.1)
