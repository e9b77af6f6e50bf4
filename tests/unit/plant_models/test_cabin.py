"""The cabin's loads on refrigerant and bus."""

import pytest

from plant_models.cabin import CabinParameters, cabin_loads_w

CABIN = CabinParameters(conductance_w_per_k=80.0, fresh_air_w_per_k=30.0, heating_cop=2.0)


def loads(
    ambient_temp_degc: float, irradiance_w_per_m2: float = 0.0, drawn_w_per_k: float = 0.0
) -> tuple[float, float]:
    return cabin_loads_w(
        CABIN,
        ambient_temp_degc=ambient_temp_degc,
        irradiance_w_per_m2=irradiance_w_per_m2,
        drawn_w_per_k=drawn_w_per_k,
    )


def test_heat_outside_is_asked_of_the_evaporator_and_only_the_blower_draws_from_the_bus() -> None:
    assert loads(32.0) == (80.0 * 10.0 + CABIN.occupant_heat_w, CABIN.blower_power_w)


def test_cold_outside_is_heated_by_the_heater_at_its_coefficient() -> None:
    request_w, power_w = loads(2.0)
    assert request_w == 0.0
    assert power_w == pytest.approx(CABIN.blower_power_w + (80.0 * 20.0 - CABIN.occupant_heat_w) / 2.0)


def test_sun_adds_to_the_load() -> None:
    assert loads(32.0, irradiance_w_per_m2=800.0)[0] - loads(32.0)[0] == pytest.approx(
        800.0 * CABIN.solar_area_m2
    )


def test_air_for_the_pack_costs_what_goes_beyond_the_fresh_air() -> None:
    assert loads(32.0, drawn_w_per_k=30.0) == loads(32.0)
    assert loads(32.0, drawn_w_per_k=80.0)[0] - loads(32.0)[0] == pytest.approx(50.0 * 10.0)
    assert loads(2.0, drawn_w_per_k=80.0)[1] - loads(2.0)[1] == pytest.approx(50.0 * 20.0 / 2.0)
