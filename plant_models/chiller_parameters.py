"""What describes a refrigerant circuit, and a rating turned into such a description."""

import math

from pydantic import Field, model_validator

from plant_models.kernels import RecordArray, record, record_of
from plant_models.refrigerant import (
    CompressorEfficiency,
    compressor_map,
    load_refrigerant,
    map_at,
    map_grid,
)
from thermal_bms.errors import ConfigError
from thermal_bms.parameters import Parameters
from thermal_bms.units import FloatArray, degc_to_k, k_to_degc


class ChillerParameters(Parameters):
    """A refrigerant circuit; ``sized_for`` gives a whole set from a rating.

    Origins: speeds "800 to 8,600 RPM" of an electric compressor for hybrid vehicles (Volkswagen repair manual
    2011); high-pressure cut-out 2.74 MPa (Nissan Quest service manual 2017), restart 2.06 MPa (Saturn VUE
    service manual 2002); evaporating limit 0 degC against icing (Volkswagen repair manual 2023). Every other
    default is assumed.
    """

    refrigerant: str = "r1234yf"
    displacement_m3: float = Field(gt=1e-6, lt=1e-3, description="swept volume per revolution")
    evaporator_conductance_w_per_k: float = Field(
        gt=0.0, lt=1e5, description="battery coolant to refrigerant"
    )
    condenser_conductance_w_per_k: float = Field(gt=0.0, lt=1e5, description="refrigerant to air")
    evaporator_heat_capacity_j_per_k: float = Field(
        ge=500.0, lt=1e6, description="with refrigerant and lines"
    )
    condenser_heat_capacity_j_per_k: float = Field(ge=500.0, lt=1e6, description="with refrigerant and lines")
    cabin_conductance_w_per_k: float = Field(default=300.0, gt=0.0, lt=1e4, description="air to refrigerant")
    natural_conductance_w_per_k: float = Field(
        default=10.0, ge=0.0, lt=100.0, description="condenser, still air"
    )
    equalising_conductance_w_per_k: float = Field(
        default=30.0, ge=0.0, lt=1e3, description="side to side, off"
    )
    efficiency: CompressorEfficiency = CompressorEfficiency()
    loss_fraction: float = Field(
        default=0.05, ge=0.0, lt=1.0, description="of electric power, shell to outside"
    )
    speed_min_rpm: float = Field(default=800.0, gt=0.0)
    speed_max_rpm: float = Field(default=8600.0, gt=0.0, le=20000.0)
    speed_ramp_rpm_per_s: float = Field(default=400.0, gt=0.0)
    start_delay_s: float = Field(default=5.0, ge=0.0, le=600.0, description="self-test of the drive")
    on_time_min_s: float = Field(default=60.0, ge=0.0, le=3600.0)
    off_time_min_s: float = Field(default=60.0, ge=0.0, le=3600.0)
    high_pressure_cutout_pa: float = Field(default=2.74e6, gt=5e5)
    high_pressure_restart_pa: float = Field(default=2.06e6, gt=3e5)
    evaporating_min_degc: float = Field(
        default=0.0, ge=-30.0, le=20.0, description="held by lowering the speed"
    )
    evaporating_restart_k: float = Field(
        default=3.0, ge=0.0, le=20.0, description="above the limit, to restart"
    )
    evaporating_cutout_k: float = Field(
        default=5.0, gt=0.0, le=20.0, description="below the limit, stops at once"
    )
    evaporating_max_degc: float = Field(
        default=20.0, ge=0.0, le=45.0, description="expansion valve limits suction"
    )
    lift_min_k: float = Field(default=10.0, ge=0.0, le=40.0, description="held by head-pressure control")

    @model_validator(mode="after")
    def _limits_are_in_order(self) -> "ChillerParameters":
        if self.speed_min_rpm >= self.speed_max_rpm:
            raise ValueError("speed_min_rpm must be less than speed_max_rpm")
        if self.high_pressure_restart_pa >= self.high_pressure_cutout_pa:
            raise ValueError("high_pressure_restart_pa must be less than high_pressure_cutout_pa")
        if self.evaporating_min_degc >= self.evaporating_max_degc:
            raise ValueError("evaporating_min_degc must be less than evaporating_max_degc")
        return self


def sized_for(
    capacity_w: float,
    ambient_degc: float = 40.0,
    *,
    refrigerant: str = "r1234yf",
    coolant_inlet_degc: float = 25.0,
    coolant_drop_k: float = 8.5,
    evaporating_degc: float = 8.0,
    air_rise_k: float = 12.0,
    condensing_rise_k: float = 18.0,
) -> ChillerParameters:
    """Return the circuit that draws ``capacity_w`` from battery coolant, steady at full speed, no cabin load.

    Displacement: ``capacity / (cooling(T_e, T_c) * speed_max / 60)``. Conductances: ``UA = -C * ln(1 - eps)``
    with ``C = heat / temperature change`` and ``eps = change / inlet difference`` on either side. The rated
    coolant flow is what drops by ``coolant_drop_k`` and the rated air flow what rises by ``air_rise_k``: 2.0
    L/min of 50 % glycol and 0.1 m3/s of air per kW. Heat capacities are 1.6 and 1.2 J/K per watt, so that
    cooling starts with a lag of 20-60 s. Rating temperatures and heat capacities are assumed.

    Parameters
    ----------
    capacity_w : heat taken from the coolant [W]
    ambient_degc : condenser air inlet [degC]
    refrigerant : name of a table
    coolant_inlet_degc, coolant_drop_k : rated coolant at the plate [degC], [K]
    evaporating_degc : rated evaporating temperature [degC]
    air_rise_k, condensing_rise_k : rated air outlet and condensing temperature above ambient [K]

    Raises
    ------
    ConfigError
        if a rating makes no sense: capacity outside 100..200,000 W, temperatures not in order or too high.

    Examples
    --------
    >>> round(sized_for(10000.0).displacement_m3 * 1e6, 1)
    34.9
    """
    inlet_difference_k = coolant_inlet_degc - evaporating_degc
    condensing_degc = ambient_degc + condensing_rise_k
    table = load_refrigerant(refrigerant)
    _in_range("capacity_w", capacity_w, 100.0, 2e5)
    _in_range("coolant_drop_k", coolant_drop_k, 0.1, inlet_difference_k - 0.1)
    _in_range("air_rise_k", air_rise_k, 0.1, condensing_rise_k - 0.1)
    _in_range(
        "ambient_degc + condensing_rise_k", condensing_degc, 20.0, k_to_degc(float(table.condensing_k[-1]))
    )
    defaults = ChillerParameters.model_fields
    efficiency = CompressorEfficiency()
    grid = record(**map_grid(table))[0]
    rated_map = compressor_map(table, efficiency)
    cooling_j_per_m3, work_j_per_m3, _ = map_at(
        grid, rated_map, degc_to_k(evaporating_degc), degc_to_k(condensing_degc)
    )
    power_w = capacity_w * work_j_per_m3 / cooling_j_per_m3 / efficiency.drive
    condenser_heat_w = capacity_w + power_w * (1.0 - float(defaults["loss_fraction"].default))
    return ChillerParameters(
        refrigerant=refrigerant,
        displacement_m3=capacity_w / cooling_j_per_m3 / (float(defaults["speed_max_rpm"].default) / 60.0),
        evaporator_conductance_w_per_k=_conductance(capacity_w, coolant_drop_k, inlet_difference_k),
        condenser_conductance_w_per_k=_conductance(condenser_heat_w, air_rise_k, condensing_rise_k),
        evaporator_heat_capacity_j_per_k=max(1.6 * capacity_w, 500.0),
        condenser_heat_capacity_j_per_k=max(1.2 * capacity_w, 500.0),
    )


def _in_range(name: str, value: float, lowest: float, highest: float) -> None:
    if not lowest <= value <= highest:
        raise ConfigError(f"chiller rating: {name} = {value:g}: must be from {lowest:g} to {highest:g}")


def _conductance(heat_w: float, change_k: float, difference_k: float) -> float:
    return -heat_w / change_k * math.log(1.0 - change_k / difference_k)


def chiller_record(parameters: ChillerParameters) -> tuple[RecordArray, FloatArray]:
    """Return the parameter record and the compressor map that the kernels read.

    Raises
    ------
    ConfigError
        if the refrigerant is not known or the cut-out lies outside its table.
    """
    refrigerant = load_refrigerant(parameters.refrigerant)
    highest_pa = float(refrigerant.condensing_pressure_pa[-1])
    if parameters.high_pressure_cutout_pa >= highest_pa:
        raise ConfigError(
            f"chiller.high_pressure_cutout_pa = {parameters.high_pressure_cutout_pa:g}: "
            f"must be < {highest_pa:g}, the end of the {refrigerant.name} table"
        )
    p = record_of(
        parameters,
        evaporating_min_k=degc_to_k(parameters.evaporating_min_degc),
        evaporating_max_k=degc_to_k(parameters.evaporating_max_degc),
        drive_efficiency=parameters.efficiency.drive,
        **map_grid(refrigerant),
    )
    return p, compressor_map(refrigerant, parameters.efficiency)
