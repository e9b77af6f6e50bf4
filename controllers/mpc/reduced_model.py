"""The reduced model: cells and medium as one temperature each, four shares as inputs.

States are the mean cell temperature ``T`` and the medium's temperature at the pack's inlet ``S``. Inputs in
0..1 are shares: ``c`` of the chiller's heat at full speed, ``r`` of what outside air takes, ``h`` of the heater,
``w`` of the waste-heat exchanger. With the capacity rate ``M`` of the flow that belongs to the inputs::

    K  = M (1 - exp(-s hA / M)),   e = K / M,   R = S + e (T - S)           (outlet)
    C   dT/dt = Q ρ(T)/ρ(T_now) - K (T - S) + G (T_a - T) + d_T
    C_m dS/dt = K (T - S) - c Q_c(R, T_a) - r K_o (R - T_a) + h η P_h + w K_w (T_l - R) - G_m (S - T_a) + d_S

``Q`` is the forecast heat of the cells, ``ρ`` their resistance, ``s`` the learned factor on the conductance,
``d_T`` and ``d_S`` the learned heats. ``Q_c`` carries a learned factor, too. Where the medium may not get colder
(dew point, icing), ``c`` is limited to what the cells can feed, at the power of the compressor's lowest speed. On
an air truck outside air passes through the pack itself, so ``K_o`` is the air's capacity rate, and the chiller
cools cabin air, which replaces the pack's.

The chiller's lines: see :class:`thermal_bms.description.ChillerDescription`. Valid between -30 and 60 degC, for
steps that are long against the circulation time (half a minute). What it leaves out: gradients in cell and
pack, the housing's heat capacity, refrigerant dynamics, the sharing of the front end with condenser and e-axle.
"""

from dataclasses import dataclass
from typing import NamedTuple, final

import numpy as np

from controllers.actuation import GLYCOL_HEAT_CAPACITY_J_PER_KGK, ActuationSettings
from controllers.conditioning import ConditioningSettings, pack_energy_kwh
from controllers.modes import AIR_HEAT_CAPACITY_J_PER_KGK
from thermal_bms.description import ChillerDescription, ThermalDynamics, TruckDescription
from thermal_bms.units import FloatArray

CHILL, OUTSIDE, HEATER, WASTE = range(4)
N_INPUTS = 4
CABIN_AIR_DEGC = 23.0
"""Air that an air truck's chiller cools: the conditioned cabin (usual set point, assumed)."""

CABIN_FLOW_SHARE = 0.7
"""Of the largest air flow, while the chiller of an air truck runs gently: the actuation's lowest duty and a bit."""

COLDEST_MARGIN_K = 1.0
"""So far above the coldest medium allowed a chiller settles in practice; a fold-back's remains; assumed."""

LEAST_FACTOR = 0.2
"""Of the chiller's rated heat and power, below which its straight lines are not followed."""


class Weather(NamedTuple):
    """What the model is driven by along the stages, each of shape (n,) or a number."""

    heat_w: FloatArray
    ambient_degc: FloatArray
    cell_extra_w: FloatArray
    medium_extra_w: FloatArray
    drive_loop_degc: float
    coldest_degc: float
    conductance_factor: float
    chiller_factor: float
    now_degc: float


class Slopes(NamedTuple):
    """Rates [K/s] of both states at the points asked for, and their derivatives, each of shape (n,).

    ``by_input`` holds the derivative of the medium's rate by the four inputs, shape (n, 4); the cells' rate does
    not depend on them.
    """

    cell: FloatArray
    medium: FloatArray
    cell_by_cell: FloatArray
    cell_by_medium: FloatArray
    medium_by_cell: FloatArray
    medium_by_medium: FloatArray
    by_input: FloatArray


def estimated_dynamics(truck: TruckDescription) -> ThermalDynamics:
    """Return the lumps of a truck that is described by its ratings only.

    Cells: ``heat_capacity_j_per_k_kwh`` of the conditioning. Conductance: 2 W/K per kWh liquid and 3 W/K air, as
    of the library's trucks (1.6 to 3.1). Medium: 30 s of the largest flow. Chiller: coefficient of performance
    of 2.7 at its rating, lines as of a circuit with R1234yf. All are assumed; the observer corrects.
    """
    thermal = truck.thermal
    energy_kwh = pack_energy_kwh(truck.pack)
    liquid = thermal.cooling == "liquid"
    cp = GLYCOL_HEAT_CAPACITY_J_PER_KGK if liquid else AIR_HEAT_CAPACITY_J_PER_KGK
    per_kwh = float(ConditioningSettings.model_fields["heat_capacity_j_per_k_kwh"].default)
    chiller_w = thermal.chiller_capacity_w
    lines = (
        ChillerDescription(
            heat_w=1.08 * chiller_w,
            heat_per_inlet_k=0.022,
            heat_per_ambient_k=-0.0095,
            power_w=0.4 * chiller_w,
            power_per_inlet_k=0.0075,
            power_per_ambient_k=0.017,
            power_curvature=0.9,
            duty_curvature=0.7,
        )
        if chiller_w > 0.0
        else None
    )
    flow = thermal.coolant_flow_max_kg_per_s
    return ThermalDynamics(
        cell_heat_capacity_j_per_k=per_kwh * energy_kwh,
        medium_heat_capacity_j_per_k=30.0 * flow * cp,
        medium_specific_heat_j_per_kgk=cp,
        cell_to_medium_w_per_k=(2.0 if liquid else 3.0) * energy_kwh,
        pack_to_ambient_w_per_k=0.6 * energy_kwh ** (2.0 / 3.0),
        circuit_to_ambient_w_per_k=2.0 if liquid else 1.0,
        waste_heat_w_per_k=0.1 * flow * cp if thermal.has_waste_heat else 0.0,
        heater_efficiency=0.98,
        pump_power_max_w=100.0 * flow if liquid else 1200.0 * flow,
        fan_power_max_w=0.06 * chiller_w,
        chiller=lines,
    )


@final
@dataclass(frozen=True, slots=True)
class ReducedModel:
    """The numbers of the reduced model for one truck.

    Attributes
    ----------
    numbers : the truck's lumps
    chiller : its chiller; one that gives next to nothing where there is none
    rate_max_w_per_k : capacity rate of the largest flow [W/K]
    outside_w_per_k : heat per kelvin that outside air takes at most [W/K]
    heater_w : rating of the heater [W]
    liquid : whether the medium is a liquid
    resistance_temp_degc, resistance_ohm : resistance of the cells over temperature
    pump : lowest pump duties by path, as the actuation has them
    has_chiller : whether there is one
    chill_least : share of the chiller's heat at the compressor's lowest duty
    """

    numbers: ThermalDynamics
    chiller: ChillerDescription
    rate_max_w_per_k: float
    outside_w_per_k: float
    heater_w: float
    liquid: bool
    resistance_temp_degc: FloatArray
    resistance_ohm: FloatArray
    pump: FloatArray
    has_chiller: bool
    chill_least: float

    def flow_share(self, shares: FloatArray) -> FloatArray:
        """Return the share of the largest flow that belongs to inputs of shape (n, 4): that of the leading path."""
        wanted = np.where(shares > 0.02, self.pump + (1.0 - self.pump) * shares, 0.0)
        return np.asarray(np.maximum(wanted.max(axis=1), self.pump[HEATER]))

    def resistance_factor(self, temp_degc: FloatArray | float, now_degc: float) -> FloatArray:
        """Return the cells' resistance over that at ``now_degc``."""
        at = np.interp(temp_degc, self.resistance_temp_degc, self.resistance_ohm)
        return np.asarray(at / np.interp(now_degc, self.resistance_temp_degc, self.resistance_ohm))

    def chiller_heat_w(self, inlet_degc: FloatArray, ambient_degc: FloatArray) -> FloatArray:
        """Return the chiller's heat at full speed [W]."""
        lines = self.chiller
        inlet = inlet_degc if self.liquid else CABIN_AIR_DEGC
        factor = (
            1.0 + lines.heat_per_inlet_k * (inlet - 25.0) + lines.heat_per_ambient_k * (ambient_degc - 40.0)
        )
        heat_w = lines.heat_w * np.maximum(factor, LEAST_FACTOR)
        return np.asarray(heat_w)

    def cabin_air_w(self, chill: FloatArray | float, outlet_degc: FloatArray | float) -> FloatArray:
        """Return the heat that cabin air takes along when it replaces the pack's, on an air truck [W]."""
        if self.liquid:
            return np.zeros_like(chill)
        flow = CABIN_FLOW_SHARE * np.minimum(np.asarray(chill) / self.chill_least, 1.0)
        return np.asarray(flow * self.rate_max_w_per_k * (outlet_degc - CABIN_AIR_DEGC))

    def chill_most(self, cell_degc: FloatArray, ambient_degc: FloatArray, coldest_degc: float) -> FloatArray:
        """Return the share of the chiller that the cells can feed with the medium at its coldest, in 0..1.

        The medium must stay above the dew point; what the chiller takes then is what passes from the cells.
        """
        k = self.passed_w_per_k()
        fed_w = k * np.maximum(cell_degc - coldest_degc - COLDEST_MARGIN_K, 0.0)
        return np.asarray(np.clip(fed_w / self.chiller_heat_w(cell_degc, ambient_degc), 0.0, 1.0))

    def passed_w_per_k(self) -> float:
        """Return the heat per kelvin between cells and inlet at four fifths of the largest flow [W/K]."""
        rate = 0.8 * self.rate_max_w_per_k
        return float(rate * (1.0 - np.exp(-self.numbers.cell_to_medium_w_per_k / rate)))

    def chiller_power_w(self, inlet_degc: FloatArray, ambient_degc: FloatArray) -> FloatArray:
        """Return the compressor's electric power at full speed [W]."""
        lines = self.chiller
        inlet = inlet_degc if self.liquid else CABIN_AIR_DEGC
        factor = (
            1.0 + lines.power_per_inlet_k * (inlet - 25.0) + lines.power_per_ambient_k * (ambient_degc - 40.0)
        )
        return np.asarray(lines.power_w * np.maximum(factor, LEAST_FACTOR))

    def slopes(
        self, cell_degc: FloatArray, medium_degc: FloatArray, shares: FloatArray, by: Weather
    ) -> Slopes:
        """Return rates and derivatives at ``n`` points; the flow is that of ``shares`` and not differentiated.

        Parameters
        ----------
        cell_degc, medium_degc : states, shape (n,) [degC]
        shares : inputs, shape (n, 4)
        by : what drives the model
        """
        n = self.numbers
        rate = self.flow_share(shares) * self.rate_max_w_per_k
        effective = 1.0 - np.exp(-by.conductance_factor * n.cell_to_medium_w_per_k / rate)
        k = rate * effective
        outlet = medium_degc + effective * (cell_degc - medium_degc)
        ambient = by.ambient_degc
        chiller_w = by.chiller_factor * self.chiller_heat_w(outlet, ambient)
        chiller_slope = self.chiller.heat_w * self.chiller.heat_per_inlet_k if self.liquid else 0.0
        outside_k = outlet - ambient
        waste_k = by.drive_loop_degc - outlet
        chill, outside, heater, waste = shares.T
        to_medium = k * (cell_degc - medium_degc)
        factor = self.resistance_factor(cell_degc, by.now_degc)
        heat = by.heat_w * factor
        step = by.heat_w * (self.resistance_factor(cell_degc + 0.5, by.now_degc) - factor) / 0.5
        cell = heat - to_medium + n.pack_to_ambient_w_per_k * (ambient - cell_degc) + by.cell_extra_w
        loss = n.circuit_to_ambient_w_per_k
        medium = (
            to_medium
            - chill * chiller_w
            - self.cabin_air_w(chill, outlet)
            - outside * self.outside_w_per_k * outside_k
            + heater * self.heater_w * n.heater_efficiency
            + waste * n.waste_heat_w_per_k * waste_k
            - loss * (medium_degc - ambient)
            + by.medium_extra_w
        )
        by_outlet = -(
            chill * chiller_slope
            + self.cabin_air_w(chill, CABIN_AIR_DEGC + 1.0)
            + outside * self.outside_w_per_k
            + waste * n.waste_heat_w_per_k
        )
        by_input = np.stack(
            [
                -chiller_w - np.where(chill < self.chill_least, self.cabin_air_w(1.0, outlet), 0.0),
                -self.outside_w_per_k * outside_k,
                np.full_like(k, self.heater_w * n.heater_efficiency),
                n.waste_heat_w_per_k * waste_k,
            ],
            axis=1,
        )
        c, cm = n.cell_heat_capacity_j_per_k, n.medium_heat_capacity_j_per_k
        return Slopes(
            cell / c,
            medium / cm,
            (step - k - n.pack_to_ambient_w_per_k) / c,
            k / c,
            (k + by_outlet * effective) / cm,
            (-k + by_outlet * (1.0 - effective) - loss) / cm,
            by_input / cm,
        )

    def duty_of_share(self, share: float) -> float:
        """Return the compressor duty that gives a share of the chiller's heat."""
        return share * (1.0 - self.chiller.duty_curvature * (1.0 - share))

    def share_of_duty(self, duty: float) -> float:
        """Return the share of the chiller's heat that a compressor duty gives; inverse of ``duty_of_share``."""
        return share_of_duty(self.chiller, duty)


def share_of_duty(chiller: ChillerDescription, duty: float) -> float:
    """Return the share ``c`` of the heat with ``c (1 - g (1 - c)) = duty``.

    >>> lines = ChillerDescription(heat_w=1e4, heat_per_inlet_k=0.0, heat_per_ambient_k=0.0, power_w=4e3,
    ...     power_per_inlet_k=0.0, power_per_ambient_k=0.0, power_curvature=0.9, duty_curvature=0.5)
    >>> share_of_duty(lines, 0.375)
    0.5
    """
    g = chiller.duty_curvature
    if g < 1e-6:
        return duty
    return float((-(1.0 - g) + np.sqrt((1.0 - g) ** 2 + 4.0 * g * max(duty, 0.0))) / (2.0 * g))


def build_model(truck: TruckDescription, actuation: ActuationSettings) -> ReducedModel:
    """Return the reduced model of a truck."""
    thermal = truck.thermal
    numbers = thermal.dynamics or estimated_dynamics(truck)
    nothing = ChillerDescription(
        heat_w=1.0, heat_per_inlet_k=0.0, heat_per_ambient_k=0.0, power_w=1.0,
        power_per_inlet_k=0.0, power_per_ambient_k=0.0, power_curvature=0.0, duty_curvature=0.0,
    )  # fmt: skip
    rate = thermal.coolant_flow_max_kg_per_s * numbers.medium_specific_heat_j_per_kgk
    liquid = thermal.cooling == "liquid"
    return ReducedModel(
        numbers=numbers if thermal.has_waste_heat else replace_waste(numbers),
        chiller=numbers.chiller or nothing,
        rate_max_w_per_k=rate,
        outside_w_per_k=thermal.radiator_conductance_w_per_k if liquid else rate,
        heater_w=thermal.heater_power_max_w,
        liquid=liquid,
        resistance_temp_degc=np.array(truck.pack.resistance_temp_degc),
        resistance_ohm=np.array(truck.pack.resistance_ohm),
        pump=np.array(
            [
                actuation.chiller_pump_duty_min,
                actuation.radiator_pump_duty_min,
                actuation.pump_duty_min,
                actuation.pump_duty_min,
            ]
        ),
        has_chiller=numbers.chiller is not None and thermal.chiller_capacity_w > 0.0,
        chill_least=max(share_of_duty(numbers.chiller or nothing, actuation.compressor_duty_min), 0.01),
    )


def replace_waste(numbers: ThermalDynamics) -> ThermalDynamics:
    """Return the lumps without waste heat."""
    return numbers.model_copy(update={"waste_heat_w_per_k": 0.0})
