"""Moist air, as far as a coolant that must not fall below the dew point needs it."""

import math

from plant_models.kernels import kernel

HUMIDITY_MIN = 0.01


@kernel
def dew_point_k(temp_k: float, humidity: float) -> float:
    """Return the dew point of moist air [K], after Magnus.

    ``T_d = 243.04 K * g / (17.625 - g) + 273.15 K`` with
    ``g = ln(humidity) + 17.625 * t / (243.04 degC + t)`` and ``t`` the air temperature in degrees Celsius.
    Valid from -40 to 50 degC over water; the saturation pressure is within 0.4 %. A humidity outside 0.01..1
    is taken as the nearer bound.

    Parameters
    ----------
    temp_k : air temperature [K]
    humidity : relative humidity in 0..1

    Returns
    -------
    dew point [K]

    References
    ----------
    Alduchov, Eskridge 1996, J. Appl. Meteorol. 35, 601-609,
    doi 10.1175/1520-0450(1996)035<0601:IMFAOS>2.0.CO;2

    Examples
    --------
    >>> round(dew_point_k(293.15, 0.5) - 273.15, 2)
    9.26
    """
    temp_degc = temp_k - 273.15
    share = min(max(humidity, HUMIDITY_MIN), 1.0)
    exponent = math.log(share) + 17.625 * temp_degc / (243.04 + temp_degc)
    return 243.04 * exponent / (17.625 - exponent) + 273.15
