"""How well the evaporator takes heat from the coolant. Where refrigerant is missing, part of it runs dry."""

import math

APPROACH_MIN_K = 0.5


def evaporator_w_per_k(
    capacity_rate_w_per_k: float,
    *,
    inlet_temp_degc: float,
    outlet_temp_degc: float,
    evaporating_temp_degc: float,
) -> float:
    """Return the conductance between coolant and refrigerant [W/K]; NaN where the coolant tells nothing.

    ``UA = C ln((T_in - T_e) / (T_out - T_e))``, the effectiveness-NTU relation against a side of constant
    temperature solved for UA. Valid for ``T_in > T_out > T_e``. Kays, London, Compact Heat Exchangers, 3rd edition
    1984, chapter 2.

    Parameters
    ----------
    capacity_rate_w_per_k : of the coolant [W/K]
    inlet_temp_degc, outlet_temp_degc : coolant before and behind the evaporator [degC]
    evaporating_temp_degc : saturation temperature at the suction pressure [degC]

    >>> round(evaporator_w_per_k(1000.0, inlet_temp_degc=25.0, outlet_temp_degc=20.0, evaporating_temp_degc=10.0), 1)
    405.5
    """
    before_k, behind_k = inlet_temp_degc - evaporating_temp_degc, outlet_temp_degc - evaporating_temp_degc
    if not (before_k > behind_k > APPROACH_MIN_K):
        return math.nan
    return capacity_rate_w_per_k * math.log(before_k / behind_k)
