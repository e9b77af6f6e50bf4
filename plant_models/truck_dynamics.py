"""The lumped numbers of a truck that a controller with a model is told: capacities, conductances, chiller lines.

The lumps are sums over the pack, and the chiller's lines are fitted through steady points of its map. What the
controller gets is therefore a model of its own, simpler than the plant, with the plant's sizes.
"""

from typing import TYPE_CHECKING

import numpy as np

from plant_models.air_path import air_film_conductance_w_per_k, air_path_record
from plant_models.cell import CellParameters
from plant_models.chiller import chiller_record, exchange_w_per_k, refrigerant_flows, sized_for
from plant_models.circuit import AIR_SPECIFIC_HEAT_J_PER_KGK
from plant_models.cold_plate import plate_coolant_mass_kg, plate_film_conductance_w_per_k, plate_record
from plant_models.coolant_loop import loop_flow_m3_per_s, loop_record
from plant_models.glycol import air_density, specific_heat
from plant_models.kernels import Record
from plant_models.pump import pump_power_w
from plant_models.radiator import counter_flow_conductance_w_per_k
from plant_models.refrigerant import load_refrigerant, saturation_pressure_pa
from thermal_bms.description import ChillerDescription, ThermalDynamics
from thermal_bms.units import FloatArray, degc_to_k

if TYPE_CHECKING:
    from plant_models.truck_parameters import TruckParameters

WARM_K = degc_to_k(25.0)
INLET_DEGC = (15.0, 20.0, 25.0, 30.0, 35.0)
AMBIENT_DEGC = (20.0, 30.0, 40.0, 45.0)
PART_SPEEDS = (0.25, 0.5, 0.75)
SWEEPS = 80
SATURATION_DEGC = tuple(float(t) for t in range(-30, 41, 5))


def thermal_dynamics(
    truck: "TruckParameters", cell: CellParameters, flow_max_kg_per_s: float
) -> ThermalDynamics:
    """Return the lumps of a truck whose largest coolant flow is ``flow_max_kg_per_s``."""
    pack = truck.pack
    n_groups = pack.n_strings * pack.n_series
    n_cells = n_groups * pack.n_parallel
    thermal = cell.thermal
    cells_j_per_k = n_cells * (
        thermal.mass_kg * thermal.specific_heat_j_per_kgk + pack.wall_heat_capacity_j_per_k
    )
    inner_k_per_w = (thermal.core_to_plate_k_per_w + pack.interface_k_per_w) / n_cells
    string_kg_per_s = 0.5 * flow_max_kg_per_s / pack.n_strings
    if truck.loop is not None:
        loop, p = truck.loop, loop_record(truck.loop)[0]
        film = plate_film_conductance_w_per_k(plate_record(loop.plate)[0], string_kg_per_s, WARM_K)
        medium_kg = (
            loop.return_mass_kg + loop.supply_mass_kg + pack.n_strings * plate_coolant_mass_kg(loop.plate)
        )
        flow = float(loop_flow_m3_per_s(p, 1.0, float(pack.n_strings), WARM_K))
        pump_w = float(pump_power_w(p, 1.0, flow)[0])
        cp, heater, fan, loss = float(specific_heat(p, WARM_K)), loop.heater, loop.fan, loop.loss_w_per_k
        waste = counter_flow_conductance_w_per_k(
            loop.waste_heat_conductance_w_per_k, flow_max_kg_per_s * cp, loop.drive.flow_kg_per_s * cp
        )
    elif truck.air is not None:
        path, p = truck.air, air_path_record(truck.air)[0]
        film = air_film_conductance_w_per_k(p, string_kg_per_s, WARM_K)
        medium_kg = path.return_mass_kg + path.supply_mass_kg
        flow = flow_max_kg_per_s / float(air_density(degc_to_k(20.0)))
        pump_w = float(pump_power_w(p, 1.0, flow)[0])
        cp, heater, fan, loss, waste = float(p.cp_a_j_per_kgk), path.heater, path.fan, path.loss_w_per_k, 0.0
    else:
        raise TypeError("a truck without a coolant circuit passed validation")
    to_housing = n_cells * pack.cell_to_housing_w_per_k
    to_ambient = pack.n_strings * pack.housing_to_ambient_w_per_k
    both = to_housing + to_ambient
    return ThermalDynamics(
        cell_heat_capacity_j_per_k=cells_j_per_k,
        medium_heat_capacity_j_per_k=medium_kg * cp,
        medium_specific_heat_j_per_kgk=cp,
        cell_to_medium_w_per_k=1.0 / (inner_k_per_w + 1.0 / (pack.n_strings * float(film))),
        pack_to_ambient_w_per_k=to_housing * to_ambient / both if both > 0.0 else 0.0,
        circuit_to_ambient_w_per_k=loss,
        waste_heat_w_per_k=float(waste),
        heater_efficiency=heater.efficiency,
        pump_power_max_w=pump_w,
        fan_power_max_w=fan.power_max_w,
        chiller=chiller_lines(truck, flow_max_kg_per_s * cp, fan.flow_max_m3_per_s),
    )


def chiller_lines(
    truck: "TruckParameters", medium_rate_w_per_k: float, air_m3_per_s: float
) -> ChillerDescription:
    """Return straight lines through steady points of the truck's chiller, standing with the fan at full speed.

    Parameters
    ----------
    truck : the truck
    medium_rate_w_per_k : capacity rate of the medium at the evaporator [W/K]
    air_m3_per_s : air at the condenser [m³/s]
    """
    rating = truck.chiller
    p, table = chiller_record(
        sized_for(rating.capacity_w, rating.ambient_degc, refrigerant=rating.refrigerant)
    )

    def point(speed: float, inlet_degc: float, ambient_degc: float) -> tuple[float, float]:
        air = air_m3_per_s * float(air_density(degc_to_k(ambient_degc))) * AIR_SPECIFIC_HEAT_J_PER_KGK
        return steady_point(
            p[0], table, speed, degc_to_k(inlet_degc), medium_rate_w_per_k, degc_to_k(ambient_degc), air
        )

    grid = [(t, a, *point(1.0, t, a)) for t in INLET_DEGC for a in AMBIENT_DEGC]
    over = np.array([[1.0, t - 25.0, a - 40.0] for t, a, _, _ in grid])
    heat, power = (np.linalg.lstsq(over, np.array([row[i] for row in grid]))[0] for i in (2, 3))
    full_w, full_power_w = point(1.0, 25.0, 40.0)
    part = [(speed, *point(speed, 25.0, 40.0)) for speed in PART_SPEEDS]
    share = np.array([heat_w / full_w for _, heat_w, _ in part])
    base = share * (1.0 - share)
    saved = share - np.array([power_w / full_power_w for _, _, power_w in part])
    slower = share - np.array([speed for speed, _, _ in part])
    return ChillerDescription(
        heat_w=float(heat[0]),
        heat_per_inlet_k=float(np.clip(heat[1] / heat[0], 0.0, 0.2)),
        heat_per_ambient_k=float(np.clip(heat[2] / heat[0], -0.1, 0.0)),
        power_w=float(power[0]),
        power_per_inlet_k=float(np.clip(power[1] / power[0], -0.1, 0.2)),
        power_per_ambient_k=float(np.clip(power[2] / power[0], 0.0, 0.1)),
        power_curvature=float(np.clip(base @ saved / (base @ base), 0.0, 0.98)),
        duty_curvature=float(np.clip(base @ slower / (base @ base), 0.0, 0.98)),
        evaporator_w_per_k=float(p[0].evaporator_conductance_w_per_k) if truck.cooling == "liquid" else 0.0,
        saturation_temp_degc=SATURATION_DEGC,
        saturation_pressure_pa=tuple(
            saturation_pressure_pa(load_refrigerant(rating.refrigerant), degc_to_k(t))
            for t in SATURATION_DEGC
        ),
    )


def steady_point(
    p: Record,
    table: FloatArray,
    speed: float,
    inlet_k: float,
    medium_rate_w_per_k: float,
    ambient_k: float,
    air_rate_w_per_k: float,
) -> tuple[float, float]:
    """Return heat from the medium and electric power [W] of a chiller that has settled at a speed share.

    ``Q = G_e (T - T_e) = cooling(T_e, T_c)`` and ``Q + (1 - loss) P = G_c (T_c - T_a)``, found by damped
    substitution; the evaporating temperature is held at its lower limit by less speed.

    >>> p, table = chiller_record(sized_for(10000.0))
    >>> [round(x / 1000.0, 1) for x in steady_point(p[0], table, 1.0, 298.15, 1176.0, 313.15, 1150.0)]
    [10.0, 4.0]
    """
    g_e = exchange_w_per_k(p.evaporator_conductance_w_per_k, medium_rate_w_per_k)
    g_c = exchange_w_per_k(p.condenser_conductance_w_per_k, air_rate_w_per_k)
    te_k, tc_k, heat_w, power_w = inlet_k - 15.0, ambient_k + 15.0, 0.0, 0.0
    for _ in range(SWEEPS):
        heat_w, slope, power_w = refrigerant_flows(p, table, speed * p.speed_max_rpm, te_k, tc_k)
        te_k += 0.5 * (g_e * (inlet_k - te_k) - heat_w) / (g_e + slope)
        tc_k += 0.5 * ((heat_w + (1.0 - p.loss_fraction) * power_w) / g_c + ambient_k - tc_k)
    if te_k < p.evaporating_min_k:
        held_w = max(g_e * (inlet_k - p.evaporating_min_k), 0.0)
        full_w, _, full_power_w = refrigerant_flows(
            p, table, speed * p.speed_max_rpm, p.evaporating_min_k, tc_k
        )
        return held_w, full_power_w * held_w / full_w
    return float(heat_w), float(power_w)
