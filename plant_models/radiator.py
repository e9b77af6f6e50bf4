"""Heat exchangers by effectiveness and number of transfer units, and the air that fan and ram pressure drive.

Radiator: cross-flow, both fluids unmixed (VDI Heat Atlas C1)::

    ε = 1 - exp(NTU^0.22 / C_r (exp(-C_r NTU^0.78) - 1)),     C_r = C_min / C_max
    1 / UA = (a (m_air / m_air,ref)^-n_a + (1 - a) (m / m_ref)^-n_c) / UA_ref

Air side and coolant side are in series; share a and exponents n_a, n_c reproduce a
table of UA over both flows for a core of 0.30 m² to 0.1 %. Coolant-to-coolant plate exchangers are
counter-flow.

Air stream: fan and ram pressure act on the same quadratic resistance, so volume flows add in quadrature::

    V² = (n V_fan)² + (A_ram v)²,          P_fan = n³ P_max        (fan laws)
"""

import math

from pydantic import Field

from plant_models.kernels import Record, kernel
from thermal_bms.parameters import Parameters


class RadiatorParameters(Parameters):
    """Conductance over both flows. Defaults: 0.30 m² frontal area, 900 W/K at 4 m/s and 30 L/min."""

    conductance_ref_w_per_k: float = Field(
        default=900.0,
        gt=0.0,
        le=20e3,
        description="UA at the reference flows, 0: none; estimate for 0.30 m²",
    )
    air_flow_ref_kg_per_s: float = Field(
        default=1.42, gt=0.0, le=20.0, description="air through this radiator; 4 m/s on 0.30 m² at 25 degC"
    )
    coolant_flow_ref_kg_per_s: float = Field(
        default=0.531, gt=0.0, le=20.0, description="30 L/min at 20 degC"
    )
    air_resistance_share: float = Field(
        default=0.70, ge=0.0, le=1.0, description="of 1/UA at the reference flows; fitted to the core's table"
    )
    air_exponent: float = Field(default=0.6, ge=0.0, le=1.0, description="fitted to the core's table")
    coolant_exponent: float = Field(default=0.5, ge=0.0, le=1.0, description="fitted to the core's table")
    face_share: float = Field(
        default=0.5,
        gt=0.0,
        le=1.0,
        description="part of the front end's air that passes this radiator; assumed",
    )


class FanParameters(Parameters):
    """Fan and duct that condenser and radiators share. Defaults: 0.60 m² frontal area."""

    flow_max_m3_per_s: float = Field(
        default=2.4,
        gt=0.0,
        le=20.0,
        description="through the stack at full speed, standing; 4 m/s on 0.60 m², assumed",
    )
    power_max_w: float = Field(
        default=1100.0, ge=0.0, le=20e3, description="electric; 2.4 m³/s against 200 Pa at 0.44, assumed"
    )
    speed_max_rpm: float = Field(default=3000.0, gt=0.0, le=20e3, description="assumed")
    lag_s: float = Field(default=2.0, gt=0.0, le=60.0, description="time constant of the speed; assumed")
    ram_area_m2: float = Field(
        default=0.09, ge=0.0, le=2.0, description="air per vehicle speed; 15 % of it on 0.60 m², assumed"
    )


@kernel
def cross_flow_effectiveness(ntu: float, capacity_ratio: float) -> float:
    """Return the effectiveness of a cross-flow exchanger with both fluids unmixed.

    Parameters
    ----------
    ntu : UA / C_min, >= 0
    capacity_ratio : C_min / C_max in 0..1

    >>> round(cross_flow_effectiveness(0.942, 0.898), 3)
    0.469
    """
    if ntu <= 0.0:
        return 0.0
    if capacity_ratio < 1e-6:
        return 1.0 - math.exp(-ntu)
    inner = math.exp(-capacity_ratio * ntu**0.78) - 1.0
    return 1.0 - math.exp(ntu**0.22 / capacity_ratio * inner)


@kernel
def counter_flow_effectiveness(ntu: float, capacity_ratio: float) -> float:
    """Return the effectiveness of a counter-flow exchanger.

    Parameters
    ----------
    ntu : UA / C_min, >= 0
    capacity_ratio : C_min / C_max in 0..1

    >>> round(counter_flow_effectiveness(1.0, 1.0), 6)
    0.5
    >>> round(counter_flow_effectiveness(1.0, 0.0), 6)
    0.632121
    """
    difference = 1.0 - capacity_ratio
    if difference < 1e-6:
        return ntu / (1.0 + ntu)
    decay = math.exp(-ntu * difference)
    return (1.0 - decay) / (1.0 - capacity_ratio * decay)


@kernel
def counter_flow_conductance_w_per_k(
    conductance_w_per_k: float, first_rate_w_per_k: float, second_rate_w_per_k: float
) -> float:
    """Return heat per kelvin between the inlets of a counter-flow exchanger [W/K]; zero without flow.

    Parameters
    ----------
    conductance_w_per_k : UA [W/K]
    first_rate_w_per_k, second_rate_w_per_k : capacity rates of both flows, >= 0 [W/K]

    >>> round(counter_flow_conductance_w_per_k(1000.0, 1000.0, 1000.0), 3)
    500.0
    """
    smaller = min(first_rate_w_per_k, second_rate_w_per_k)
    if smaller <= 0.0:
        return 0.0
    ratio = smaller / max(first_rate_w_per_k, second_rate_w_per_k)
    return smaller * counter_flow_effectiveness(conductance_w_per_k / smaller, ratio)


@kernel
def radiator_conductance_w_per_k(
    conductance_ref_w_per_k: float,
    air_resistance_share: float,
    air_ratio: float,
    air_exponent: float,
    coolant_ratio: float,
    coolant_exponent: float,
) -> float:
    """Return UA of a radiator away from its reference flows.

    Parameters
    ----------
    conductance_ref_w_per_k : UA at the reference flows [W/K]
    air_resistance_share : part of 1/UA on the air side at the reference flows
    air_ratio, coolant_ratio : mass flows over the reference flows, >= 0
    air_exponent, coolant_exponent : of the film coefficients over the flows

    Returns
    -------
    UA [W/K], zero when a flow is zero

    >>> round(radiator_conductance_w_per_k(900.0, 0.7, 1.25, 0.6, 20 / 30, 0.5))
    919
    """
    if air_ratio <= 0.0 or coolant_ratio <= 0.0:
        return 0.0
    air = air_resistance_share * air_ratio**-air_exponent
    coolant = (1.0 - air_resistance_share) * coolant_ratio**-coolant_exponent
    return float(conductance_ref_w_per_k / (air + coolant))


@kernel
def radiator_heat_per_k(
    conductance_w_per_k: float, coolant_rate_w_per_k: float, air_rate_w_per_k: float
) -> float:
    """Return heat per kelvin between coolant and air inlet of a radiator [W/K]; zero without flow.

    Parameters
    ----------
    conductance_w_per_k : UA [W/K]
    coolant_rate_w_per_k, air_rate_w_per_k : capacity rates, >= 0 [W/K]

    >>> round(radiator_heat_per_k(505.0, 597.0, 536.0))
    251
    """
    smaller = min(coolant_rate_w_per_k, air_rate_w_per_k)
    if smaller <= 0.0:
        return 0.0
    ratio = smaller / max(coolant_rate_w_per_k, air_rate_w_per_k)
    return smaller * cross_flow_effectiveness(conductance_w_per_k / smaller, ratio)


@kernel
def front_air_flow_m3_per_s(p: Record, fan_speed: float, vehicle_speed_m_per_s: float) -> float:
    """Return the air that fan and ram pressure drive through the front end.

    Parameters
    ----------
    p : record with the fields of :class:`FanParameters`, prefix ``fan_``
    fan_speed : speed fraction in 0..1
    vehicle_speed_m_per_s : vehicle speed [m/s]

    Returns
    -------
    volume flow [m³/s]

    >>> from plant_models.kernels import record
    >>> p = record(fan_flow_max_m3_per_s=3.0, fan_ram_area_m2=0.2)[0]
    >>> front_air_flow_m3_per_s(p, 1.0, 20.0)
    5.0
    """
    fan = fan_speed * p.fan_flow_max_m3_per_s
    ram = vehicle_speed_m_per_s * p.fan_ram_area_m2
    return math.sqrt(fan * fan + ram * ram)


@kernel
def fan_power_w(p: Record, fan_speed: float) -> float:
    """Return the electric power of the fan [W] at a speed fraction: cube law.

    >>> from plant_models.kernels import record
    >>> fan_power_w(record(fan_power_max_w=800.0)[0], 0.5)
    100.0
    """
    return float(p.fan_power_max_w * fan_speed * fan_speed * fan_speed)
