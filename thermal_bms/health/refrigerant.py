"""What the refrigerant circuit should take from the coolant for the power it draws."""

import math

from thermal_bms.description import ChillerDescription

INLET_REFERENCE_DEGC, AMBIENT_REFERENCE_DEGC = 25.0, 40.0


def expected_heat_w(
    chiller: ChillerDescription, power_w: float, *, inlet_temp_degc: float, ambient_temp_degc: float
) -> float:
    """Return the heat that a healthy circuit takes at rest in its point while it draws ``power_w`` [W].

    The share c of the full heat solves ``power = full_power c (1 - b (1 - c))``; see ``ChillerDescription``.

    >>> chiller = ChillerDescription(heat_w=10e3, heat_per_inlet_k=0.02, heat_per_ambient_k=-0.01, power_w=4e3,
    ...     power_per_inlet_k=0.0, power_per_ambient_k=0.02, power_curvature=0.5, duty_curvature=0.2)
    >>> round(expected_heat_w(chiller, 4e3, inlet_temp_degc=25.0, ambient_temp_degc=40.0))
    10000
    """
    inlet_k, ambient_k = inlet_temp_degc - INLET_REFERENCE_DEGC, ambient_temp_degc - AMBIENT_REFERENCE_DEGC
    full_heat_w = chiller.heat_w * (1.0 + chiller.heat_per_inlet_k * inlet_k + chiller.heat_per_ambient_k * ambient_k)
    full_power_w = chiller.power_w * (
        1.0 + chiller.power_per_inlet_k * inlet_k + chiller.power_per_ambient_k * ambient_k
    )
    if full_heat_w <= 0.0 or full_power_w <= 0.0:
        return math.nan
    b, ratio = chiller.power_curvature, power_w / full_power_w
    if b <= 0.0:
        return full_heat_w * ratio
    share = (b - 1.0 + math.sqrt((1.0 - b) ** 2 + 4.0 * b * ratio)) / (2.0 * b)
    return full_heat_w * share
