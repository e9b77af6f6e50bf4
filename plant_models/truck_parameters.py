"""One truck as a parameter set: pack, vehicle, thermal system, cabin, inlets."""

from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field, model_validator

from plant_models.air_path import AirPathParameters, air_path_ratings
from plant_models.balancing import BalancerParameters, describe_balancer
from plant_models.cabin import CabinParameters
from plant_models.cell import PARAMETER_SETS, CellParameters, Table, load_cell
from plant_models.contactor_box import ContactorBoxParameters
from plant_models.coolant_loop import CoolantLoopParameters, loop_ratings
from plant_models.pack import PackParameters, resampled
from plant_models.sensors import SensorParameters
from plant_models.truck_dynamics import thermal_dynamics
from plant_models.vehicle import VehicleParameters
from thermal_bms.description import (
    CircuitDescription,
    PackDescription,
    ThermalDescription,
    TruckDescription,
)
from thermal_bms.parameters import Parameters, Source, merged, parse, read_toml
from thermal_bms.plating import plating_names
from thermal_bms.units import SECONDS_PER_HOUR, degc_to_k

TRUCKS = PARAMETER_SETS / "trucks"
DESCRIBED_TEMPS_DEGC = (-30.0, -20.0, -10.0, 0.0, 10.0, 25.0, 40.0, 55.0)
DESCRIBED_SOC = (0.0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


class ChillerRating(Parameters):
    """The refrigerant circuit by its rating; ``chiller.sized_for`` makes the rest."""

    capacity_w: float = Field(gt=100.0, le=200e3, description="from the battery's coolant, no cabin load")
    ambient_degc: float = Field(default=40.0, ge=20.0, le=50.0)
    refrigerant: Literal["r1234yf", "r134a"] = "r1234yf"


class TruckParameters(Parameters):
    """Everything that makes one truck."""

    title: str = Field(min_length=3)
    weight_class: Literal["heavy", "medium", "light"]
    cooling: Literal["liquid", "air"]
    source: tuple[Source, ...] = Field(min_length=1)
    cell: str
    pack: PackParameters
    vehicle: VehicleParameters
    loop: CoolantLoopParameters | None = None
    air: AirPathParameters | None = None
    chiller: ChillerRating
    cabin: CabinParameters = CabinParameters()
    sensors: SensorParameters = SensorParameters()
    box: ContactorBoxParameters | None = Field(
        default=None, description="contactors, precharge, fuses and DC link, at ticks of 10 ms or less"
    )
    balancer: BalancerParameters | None = Field(
        default=None, description="takes charge from single groups; none: groups are not balanced"
    )
    dc_current_max_a: float = Field(gt=0.0, le=4000.0, description="of the charging inlet")
    standby_power_w: float = Field(default=150.0, ge=0.0, le=2e3, description="controllers awake, parked")
    plating_limit: bool = Field(
        default=True, description="charge no faster than the cell's plating table, if it has one"
    )

    @model_validator(mode="after")
    def _cooling_fits(self) -> "TruckParameters":
        if (self.cooling == "liquid") != (self.loop is not None) or (self.cooling == "air") != (
            self.air is not None
        ):
            raise ValueError(
                'cooling = "liquid" needs a [loop] table and no [air], cooling = "air" an [air] and no [loop]'
            )
        return self


def truck_names() -> list[str]:
    """Return the names of the library's trucks."""
    return sorted(path.stem for path in TRUCKS.glob("*.toml"))


def load_truck(name: str, changes: dict[str, Any] | None = None) -> TruckParameters:
    """Return a truck of the library, or of a TOML file, with a scenario's changes laid over it."""
    path = Path(name) if name.endswith(".toml") else TRUCKS / f"{name}.toml"
    return parse(TruckParameters, merged(read_toml(path), changes or {}), path.name)


def describe(truck: TruckParameters, cell: CellParameters | None = None) -> TruckDescription:
    """Return what a controller is told of this truck."""
    cell = cell or load_cell(truck.cell)
    circuit = cell.circuit
    pack = truck.pack
    middle = [table_at_half_charge(cell, temp) for temp in DESCRIBED_TEMPS_DEGC]
    flow_max_kg_per_s, radiator_w_per_k = ratings(truck)
    return TruckDescription(
        name=truck.title,
        pack=PackDescription(
            chemistry=cell.chemistry,
            n_strings=pack.n_strings,
            n_series=pack.n_series,
            capacity_ah=cell.capacity_ah * pack.n_parallel,
            charge_current_max_a=cell.charge_current_max_a * pack.n_parallel,
            discharge_current_max_a=cell.discharge_current_max_a * pack.n_parallel,
            cell_voltage_min_v=cell.voltage_min_v,
            cell_voltage_max_v=cell.voltage_max_v,
            ocv_soc=circuit.soc,
            ocv_v=circuit.ocv_v,
            resistance_temp_degc=DESCRIBED_TEMPS_DEGC,
            resistance_ohm=tuple(ohm / pack.n_parallel for ohm in middle),
            precharge=truck.box is not None,
            plating=truck.cell if truck.plating_limit and truck.cell in plating_names() else None,
            circuit=describe_circuit(cell, pack.n_parallel),
            heat_capacity_j_per_k=pack.n_series
            * pack.n_parallel
            * cell.thermal.mass_kg
            * cell.thermal.specific_heat_j_per_kgk,
            usable_soc_min=pack.usable_soc[0],
            balancer=describe_balancer(truck.balancer, float(np.mean(circuit.ocv_v)))
            if truck.balancer
            else None,
        ),
        thermal=ThermalDescription(
            cooling=truck.cooling,
            coolant_flow_max_kg_per_s=flow_max_kg_per_s,
            heater_power_max_w=circuit_parameters(truck).heater.power_max_w,
            chiller_capacity_w=truck.chiller.capacity_w,
            radiator_conductance_w_per_k=radiator_w_per_k,
            has_waste_heat=truck.loop is not None and truck.loop.waste_heat_conductance_w_per_k > 0.0,
            pump_speed_max_rpm=pump_speed_max_rpm(truck),
            dynamics=thermal_dynamics(truck, cell, flow_max_kg_per_s),
        ),
    )


def full_energy_j(truck: TruckParameters, cell: CellParameters) -> float:
    """Return the energy [J] between empty and full at rest and reference temperature, nameplate capacity."""
    pack = truck.pack
    mean_v = float(np.trapezoid(cell.circuit.ocv_v, cell.circuit.soc))
    return mean_v * cell.capacity_ah * SECONDS_PER_HOUR * pack.n_strings * pack.n_series * pack.n_parallel


def circuit_parameters(truck: TruckParameters) -> CoolantLoopParameters | AirPathParameters:
    """Return the truck's coolant circuit, liquid or air."""
    circuit = truck.loop or truck.air
    if circuit is None:
        raise TypeError("a truck without a coolant circuit passed validation")
    return circuit


def ratings(truck: TruckParameters) -> tuple[float, float]:
    """Return the largest coolant flow [kg/s] and the heat per kelvin between pack outlet and ambient [W/K]."""
    if truck.loop is not None:
        return loop_ratings(truck.loop, float(truck.pack.n_strings))
    if truck.air is not None:
        return air_path_ratings(truck.air, float(truck.pack.n_strings))
    raise TypeError("a truck without a coolant circuit passed validation")


def pump_speed_max_rpm(truck: TruckParameters) -> float:
    """Return the speed of pump or blower at full duty [rev/min]."""
    circuit = circuit_parameters(truck)
    pump = circuit.pump if isinstance(circuit, CoolantLoopParameters) else circuit.blower
    return pump.speed_max_rpm


def describe_circuit(cell: CellParameters, n_parallel: int) -> CircuitDescription:
    """Return the circuit of a group as identified on the nominal cell, at a few temperatures and charges."""
    circuit = cell.circuit
    temp_k, soc = degc_to_k(np.array(DESCRIBED_TEMPS_DEGC)), np.array(DESCRIBED_SOC)

    def read(table: Table, share: float) -> Table:
        rows = share * resampled(cell, np.array(table), temp_k, soc)
        return tuple(tuple(row) for row in rows.tolist())

    return CircuitDescription(
        temp_degc=DESCRIBED_TEMPS_DEGC,
        soc=DESCRIBED_SOC,
        r0_discharge_ohm=read(circuit.r0_discharge_ohm, 1.0 / n_parallel),
        r0_charge_ohm=read(circuit.r0_charge_ohm, 1.0 / n_parallel),
        r1_ohm=read(circuit.r1_ohm, 1.0 / n_parallel),
        r2_ohm=read(circuit.r2_ohm, 1.0 / n_parallel),
        tau1_s=read(circuit.tau1_s, 1.0),
        tau2_s=read(circuit.tau2_s, 1.0),
        reference_temp_degc=circuit.reference_temp_degc,
        entropic_v_per_k=circuit.entropic_v_per_k,
        hysteresis_v=circuit.hysteresis_v,
        hysteresis_rate=circuit.hysteresis_rate,
    )


def table_at_half_charge(cell: CellParameters, temp_degc: float) -> float:
    """Return the ten-second resistance [ohm] of one cell at half charge: R0 + sum of R (1 - exp(-10 s / tau))."""
    circuit = cell.circuit
    temp_k, half = degc_to_k(np.array([temp_degc])), np.array([0.5])

    def at(table: Table) -> float:
        return float(resampled(cell, np.array(table), temp_k, half)[0, 0])

    branches = ((circuit.r1_ohm, circuit.tau1_s), (circuit.r2_ohm, circuit.tau2_s))
    return at(circuit.r0_discharge_ohm) + sum(
        at(r) * (1.0 - float(np.exp(-10.0 / at(tau)))) for r, tau in branches
    )
