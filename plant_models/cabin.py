"""The driver's cabin as the battery sees it: what it takes from the refrigerant and from the bus.

Steady balance of an occupied cabin held at its set point::

    need = (UA + C_extra) (T_ambient - T_set) + Q_occupants + A_solar G

A positive need is asked of the evaporator, a negative one of the heater. ``C_extra`` is air that an air-cooled pack
draws through the cabin beyond the fresh air that ``UA`` already counts.
"""

from pydantic import Field

from thermal_bms.parameters import Parameters


class CabinParameters(Parameters):
    """The driver's cabin as the battery sees it: what it takes from the refrigerant and from the bus."""

    set_point_degc: float = Field(default=22.0, ge=15.0, le=28.0)
    conductance_w_per_k: float = Field(default=80.0, ge=0.0, le=1e3, description="walls and fresh air")
    fresh_air_w_per_k: float = Field(
        default=33.0, ge=0.0, le=1e3, description="part of it: 100 m3/h for two, doi 10.3390/wevj16030129"
    )
    solar_area_m2: float = Field(default=1.0, ge=0.0, le=10.0, description="glass area times transmittance")
    occupant_heat_w: float = Field(default=100.0, ge=0.0, le=1e3)
    heating_cop: float = Field(default=1.0, ge=0.9, le=4.0, description="1: resistance heater")
    blower_power_w: float = Field(default=120.0, ge=0.0, le=1e3)


def cabin_loads_w(
    cabin: CabinParameters,
    *,
    ambient_temp_degc: float,
    irradiance_w_per_m2: float,
    drawn_w_per_k: float = 0.0,
) -> tuple[float, float]:
    """Return the heat to take from the cabin's air [W] and what its blower and heater draw from the bus [W].

    ``drawn_w_per_k`` is the capacity rate of air drawn out of the cabin through the pack [W/K].

    >>> cabin_loads_w(CabinParameters(), ambient_temp_degc=35.0, irradiance_w_per_m2=500.0)
    (1640.0, 120.0)
    """
    exchange_w_per_k = cabin.conductance_w_per_k + max(drawn_w_per_k - cabin.fresh_air_w_per_k, 0.0)
    gain_w = cabin.occupant_heat_w + cabin.solar_area_m2 * irradiance_w_per_m2
    need_w = exchange_w_per_k * (ambient_temp_degc - cabin.set_point_degc) + gain_w
    return max(need_w, 0.0), cabin.blower_power_w + max(-need_w, 0.0) / cabin.heating_cop
