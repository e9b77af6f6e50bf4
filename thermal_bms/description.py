"""What a controller is told of its truck before the first tick: the numbers an engineer flashes into it."""

from itertools import pairwise
from typing import Literal

from pydantic import Field, model_validator

from thermal_bms.parameters import Parameters

Table = tuple[tuple[float, ...], ...]


def _check_table(name: str, table: Table, temp_degc: tuple[float, ...], soc: tuple[float, ...]) -> None:
    """Raise ``ValueError`` unless both grids rise and the table has a row per temperature, a column per charge."""
    for grid_name, grid in (("temp_degc", temp_degc), ("soc", soc)):
        if any(b <= a for a, b in pairwise(grid)):
            raise ValueError(f"{grid_name} must rise")
    if len(table) != len(temp_degc) or any(len(row) != len(soc) for row in table):
        raise ValueError(f"{name} needs {len(temp_degc)} rows of {len(soc)} values")


class CircuitDescription(Parameters):
    """Two-branch circuit of one parallel group of new cells, as a laboratory identifies it.

    Tables have a row per ``temp_degc`` and a column per ``soc``. The hysteresis is Plett's: its branch h in -1..1
    follows the charge moved, ``dh = -hysteresis_rate |ds| (h + sign(i))``, and adds ``hysteresis_v h`` to the
    open-circuit voltage.
    """

    temp_degc: tuple[float, ...] = Field(min_length=1, description="rising")
    soc: tuple[float, ...] = Field(min_length=1, description="rising")
    r0_discharge_ohm: Table
    r0_charge_ohm: Table
    r1_ohm: Table
    r2_ohm: Table
    tau1_s: Table
    tau2_s: Table
    reference_temp_degc: float = Field(default=25.0, description="of the open-circuit voltage")
    entropic_v_per_k: tuple[float, ...] = Field(
        default=(), description="over the pack's ocv_soc; empty: not known, taken as 0"
    )
    hysteresis_v: float = Field(default=0.0, ge=0.0, le=0.1, description="half the gap between the branches")
    hysteresis_rate: float = Field(default=50.0, gt=0.0, description="branch change per unit of charge moved")

    @model_validator(mode="after")
    def _circuit_fits(self) -> "CircuitDescription":
        for name in ("r0_discharge_ohm", "r0_charge_ohm", "r1_ohm", "r2_ohm", "tau1_s", "tau2_s"):
            table = getattr(self, name)
            _check_table(name, table, self.temp_degc, self.soc)
            if min(map(min, table)) <= 0.0:
                raise ValueError(f"{name} must be > 0")
        return self


class BalancerDescription(Parameters):
    """What can move charge from single cells: resistors, or converters that move it to others."""

    current_max_a: float = Field(gt=0.0, le=50.0, description="per group")
    reach: int | None = Field(
        default=None,
        ge=0,
        description="groups that exchange charge, counted from the first; 0: the whole string; none: a resistor"
        " that can only take",
    )


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
    circuit: CircuitDescription | None = Field(
        default=None, description="without it the estimator splits resistance_ohm by fixed shares"
    )
    heat_capacity_j_per_k: float = Field(
        default=0.0, ge=0.0, description="of one string's cells; 0: not known"
    )
    usable_soc_min: float = Field(default=0.0, ge=0.0, lt=1.0, description="where the truck's use ends")
    balancer: BalancerDescription | None = None

    @model_validator(mode="after")
    def _tables_fit(self) -> "PackDescription":
        if len(self.ocv_soc) != len(self.ocv_v) or len(self.resistance_temp_degc) != len(self.resistance_ohm):
            raise ValueError("table and grid differ in length")
        entropic = self.circuit.entropic_v_per_k if self.circuit else ()
        if entropic and len(entropic) != len(self.ocv_soc):
            raise ValueError("circuit.entropic_v_per_k and ocv_soc differ in length")
        return self


class ChillerDescription(Parameters):
    """The refrigerant circuit at rest in its operating point, as straight lines through its map.

    With the medium at its inlet ``T`` and the outside air ``T_a``, at full compressor speed::

        heat  = heat_w  (1 + heat_per_inlet_k (T - 25)  + heat_per_ambient_k (T_a - 40))
        power = power_w (1 + power_per_inlet_k (T - 25) + power_per_ambient_k (T_a - 40))

    and at a share ``c`` of that heat: ``power c (1 - b (1 - c))`` with ``b = power_curvature``, at the duty
    ``c (1 - g (1 - c))`` with ``g = duty_curvature``.
    """

    heat_w: float = Field(gt=0.0, description="taken from the medium; 25 degC inlet, 40 degC ambient")
    heat_per_inlet_k: float = Field(ge=0.0, le=0.2)
    heat_per_ambient_k: float = Field(ge=-0.1, le=0.0)
    power_w: float = Field(gt=0.0, description="electric; 25 degC inlet, 40 degC ambient")
    power_per_inlet_k: float = Field(ge=-0.1, le=0.2)
    power_per_ambient_k: float = Field(ge=0.0, le=0.1)
    power_curvature: float = Field(ge=0.0, lt=1.0)
    duty_curvature: float = Field(ge=0.0, lt=1.0)
    evaporator_w_per_k: float = Field(
        default=0.0,
        ge=0.0,
        description="between medium and refrigerant; 0: not known, its charge is not judged",
    )
    saturation_temp_degc: tuple[float, ...] = Field(default=(), description="of the refrigerant, rising")
    saturation_pressure_pa: tuple[float, ...] = ()

    @model_validator(mode="after")
    def _saturation_fits(self) -> "ChillerDescription":
        if len(self.saturation_temp_degc) != len(self.saturation_pressure_pa):
            raise ValueError("saturation_temp_degc and saturation_pressure_pa differ in length")
        if self.evaporator_w_per_k > 0.0 and len(self.saturation_temp_degc) < 2:
            raise ValueError("evaporator_w_per_k needs saturation_temp_degc and saturation_pressure_pa")
        return self


class ThermalDynamics(Parameters):
    """What a controller that looks ahead must know of the thermal system, in lumps."""

    cell_heat_capacity_j_per_k: float = Field(gt=0.0, description="all cells with the walls that carry them")
    medium_heat_capacity_j_per_k: float = Field(gt=0.0, description="medium in pack and circuit")
    medium_specific_heat_j_per_kgk: float = Field(gt=0.0)
    cell_to_medium_w_per_k: float = Field(gt=0.0, description="all cells, at half the largest flow")
    pack_to_ambient_w_per_k: float = Field(ge=0.0, description="through the housing, steady")
    circuit_to_ambient_w_per_k: float = Field(ge=0.0)
    waste_heat_w_per_k: float = Field(ge=0.0, description="drive loop to medium at full flow; 0: none")
    heater_efficiency: float = Field(gt=0.5, le=1.0)
    pump_power_max_w: float = Field(ge=0.0)
    fan_power_max_w: float = Field(ge=0.0)
    chiller: ChillerDescription | None = None


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
    dynamics: ThermalDynamics | None = Field(
        default=None, description="for controllers that look ahead; estimated from the rest when left out"
    )


class TruckDescription(Parameters):
    """Everything a controller is told of its truck."""

    name: str
    pack: PackDescription
    thermal: ThermalDescription
