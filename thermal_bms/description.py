"""What a controller is told of its truck before the first tick: the numbers an engineer flashes into it."""

from typing import Literal

from pydantic import Field, model_validator

from thermal_bms.parameters import Parameters


class PackDescription(Parameters):
    """The pack as the battery management sees it: topology, capacity, open-circuit voltage, resistance, ratings.

    Voltages, capacities and resistances are of one parallel group as a whole.
    """

    chemistry: Literal["lfp", "nmc"]
    n_strings: int = Field(ge=1, le=32)
    n_series: int = Field(ge=1, le=400)
    capacity_ah: float = Field(gt=0.0, description="of one string")
    charge_current_max_a: float = Field(gt=0.0, description="of one string, from the cell's datasheet")
    discharge_current_max_a: float = Field(gt=0.0, description="of one string, from the cell's datasheet")
    cell_voltage_min_v: float = Field(gt=0.0)
    cell_voltage_max_v: float = Field(gt=0.0)
    ocv_soc: tuple[float, ...]
    ocv_v: tuple[float, ...]
    resistance_temp_degc: tuple[float, ...]
    resistance_ohm: tuple[float, ...] = Field(
        description="of one group at half charge, 10 s, over temperature"
    )
    precharge: bool = Field(
        default=False, description="contactors and precharge relays are commanded one by one"
    )
    plating: str | None = Field(
        default=None, description="cell whose table limits charging so that no lithium plates; none: no table"
    )

    @model_validator(mode="after")
    def _tables_fit(self) -> "PackDescription":
        if len(self.ocv_soc) != len(self.ocv_v) or len(self.resistance_temp_degc) != len(self.resistance_ohm):
            raise ValueError("table and grid differ in length")
        return self


class ThermalDescription(Parameters):
    """The thermal system as a controller sees it: what it has and how strong it is."""

    cooling: Literal["liquid", "air"]
    coolant_flow_max_kg_per_s: float = Field(gt=0.0)
    heater_power_max_w: float = Field(ge=0.0, description="0 when there is no heater")
    chiller_capacity_w: float = Field(ge=0.0, description="at 40 degC ambient; 0 when there is none")
    radiator_conductance_w_per_k: float = Field(
        ge=0.0, description="heat per kelvin of inlet difference; 0: none"
    )
    has_waste_heat: bool = False
    pump_speed_max_rpm: float = Field(default=0.0, ge=0.0, description="at full duty; 0: not known")


class TruckDescription(Parameters):
    """Everything a controller is told of its truck."""

    name: str
    pack: PackDescription
    thermal: ThermalDescription
