"""Conversions, each in one place. Kelvin lives only inside ``plant_models``; all else speaks degrees Celsius."""

from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

ZERO_DEGC_K = 273.15
SECONDS_PER_HOUR = 3600.0
JOULES_PER_KWH = 3.6e6
METRES_PER_MILE = 1609.344

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
Quantity = TypeVar("Quantity", float, npt.NDArray[Any])


def degc_to_k(temp_degc: Quantity) -> Quantity:
    """Return the absolute temperature [K] of a temperature in degrees Celsius.

    >>> degc_to_k(25.0)
    298.15
    """
    return temp_degc + ZERO_DEGC_K


def k_to_degc(temp_k: Quantity) -> Quantity:
    """Return the temperature [degC] of an absolute temperature.

    >>> k_to_degc(273.15)
    0.0
    """
    return temp_k - ZERO_DEGC_K


def kmh_to_m_per_s(speed_km_per_h: Quantity) -> Quantity:
    """Return a speed [m/s] from kilometres per hour.

    >>> kmh_to_m_per_s(90.0)
    25.0
    """
    return speed_km_per_h / 3.6
