from dataclasses import replace
from math import inf, nan

import pytest

from controllers.conditioning import (
    CHEMISTRY_DEFAULTS,
    Band,
    Conditioning,
    ConditioningSettings,
    charge_heat_w,
    pack_energy_kwh,
)
from tests.unit.controllers.examples import AIR, LIQUID, PACK, believed, limits, measured
from thermal_bms.errors import ConfigError
from thermal_bms.parameters import parse
from thermal_bms.signals import NO_PREVIEW, LimitCause, Measurement, Preview, VehicleMode

DRIVE = measured()
PARK = measured(vehicle_mode=VehicleMode.PARK)
CHARGE = measured(vehicle_mode=VehicleMode.CHARGE, plug_connected=True, charger_power_max_w=60e3)
FULL_RATE_W = 1000.0 * pack_energy_kwh(PACK)


def conditioning(**changes: object) -> Conditioning:
    settings = parse(ConditioningSettings, CHEMISTRY_DEFAULTS["lfp"] | changes, "test")
    return Conditioning(settings, PACK, cooling_rated_w=20e3, heating_rated_w=10e3)


def band(
    unit: Conditioning,
    measurement: Measurement = DRIVE,
    preview: Preview = NO_PREVIEW,
    cell_degc: float = 25.0,
    cause: LimitCause = LimitCause.NONE,
    current_a: float = 0.0,
    allowed_a: float = 900.0,
    spread_k: float = 0.0,
) -> Band:
    estimate = believed(cell_degc, spread_k=spread_k, pack_current_a=current_a)
    allowed = replace(limits(cause), charge_current_max_a=allowed_a)
    return unit.step(measurement, estimate, allowed, preview, dt_s=1.0)


def charge_ahead(in_s: float, power_w: float = FULL_RATE_W, confidence: float = 1.0) -> Preview:
    return Preview(charge_in_s=in_s, charge_power_w=power_w, confidence=confidence)


def test_the_energy_and_heat_of_the_pack_follow_from_its_description() -> None:
    voltage_v = 216 * (3.2 + 0.13 / 2.0)
    assert pack_energy_kwh(PACK) == pytest.approx(3 * 302 * voltage_v / 1000.0)
    assert charge_heat_w(PACK, 100.0 * voltage_v) == pytest.approx(3 * 216 * 4e-4 * (100.0 / 3.0) ** 2)


def test_each_mode_has_its_band() -> None:
    assert band(conditioning(), DRIVE) == Band(15.0, 32.0)
    assert band(conditioning(), PARK) == Band(-17.0, 45.0)


@pytest.mark.parametrize(("rate", "heat_degc"), [(0.01, 5.0), (0.1, 5.0), (0.35, 12.5), (1.0, 22.0)])
def test_a_faster_charge_wants_warmer_cells(rate: float, heat_degc: float) -> None:
    charging = measured(
        vehicle_mode=VehicleMode.CHARGE, plug_connected=True, charger_power_max_w=rate * FULL_RATE_W
    )
    assert band(conditioning(), charging, current_a=-500.0).heat_degc == pytest.approx(heat_degc)


def test_a_charge_with_more_heat_than_cooling_keeps_the_cells_cold_from_its_start() -> None:
    fast = measured(
        vehicle_mode=VehicleMode.CHARGE, plug_connected=True, charger_power_max_w=1.5 * FULL_RATE_W
    )
    assert band(conditioning(), fast, current_a=-900.0).cool_degc == 25.0
    assert band(conditioning(), CHARGE, current_a=-900.0).cool_degc == 32.0


def test_without_current_for_long_the_charge_is_over_and_the_plugged_band_holds() -> None:
    unit = conditioning(charge_idle_s=60.0)
    bands = [band(unit, CHARGE) for _ in range(60)]
    assert bands[58] == Band(5.0, 32.0)
    assert bands[59] == Band(5.0, 35.0)
    assert band(unit, CHARGE, current_a=-500.0) == Band(5.0, 32.0)


def test_cells_too_cold_to_charge_are_heated_and_not_taken_for_charged() -> None:
    unit = conditioning(charge_idle_s=60.0, plugged_heat_degc=0.0)
    for _ in range(200):
        found = band(unit, CHARGE, cell_degc=-15.0, cause=LimitCause.CELL_TEMP_LOW, allowed_a=0.0)
    assert found.heat_degc == 5.0


def test_a_charged_pack_in_the_cold_is_prepared_for_departure_although_cold_limits_its_current() -> None:
    unit = conditioning(charge_idle_s=60.0)
    soon = Preview(departure_in_s=100.0, confidence=1.0)
    for _ in range(60):
        found = band(unit, CHARGE, soon, cell_degc=8.0, cause=LimitCause.CELL_TEMP_LOW, allowed_a=90.0)
    assert found == Band(20.0, 28.0)


def test_preparing_for_a_charge_starts_when_the_time_left_is_the_time_needed() -> None:
    unit = conditioning(lead_reserve=1.0, lead_min_s=0.0, heat_capacity_j_per_k_kwh=5000.0)
    needed_s = 5000.0 * pack_energy_kwh(PACK) * (22.0 - 20.0) / 10e3
    assert band(unit, preview=charge_ahead(needed_s + 5.0), cell_degc=20.0) == Band(15.0, 32.0)
    assert band(unit, preview=charge_ahead(needed_s - 5.0), cell_degc=20.0) == Band(22.0, 25.0)


def test_colder_air_makes_the_preparation_start_earlier() -> None:
    exact = {"lead_reserve": 1.0, "lead_min_s": 0.0, "heat_capacity_j_per_k_kwh": 5000.0}
    plain_s = 5000.0 * pack_energy_kwh(PACK) * (22.0 - 20.0) / 10e3
    in_frost = replace(DRIVE, ambient_temp_degc=-18.0)
    ahead = charge_ahead(1.3 * plain_s)
    assert band(conditioning(**exact), DRIVE, ahead, cell_degc=20.0) == Band(15.0, 32.0)
    assert band(conditioning(**exact), in_frost, ahead, cell_degc=20.0) == Band(22.0, 25.0)
    late = charge_ahead(1.5 * plain_s)
    assert band(conditioning(**exact), in_frost, late, cell_degc=20.0) == Band(15.0, 32.0)
    unknown = replace(DRIVE, ambient_temp_degc=nan)
    assert band(conditioning(**exact), unknown, ahead, cell_degc=20.0) == Band(15.0, 32.0)


def test_the_lead_time_is_reckoned_for_the_coldest_cell() -> None:
    exact = {"lead_reserve": 1.0, "lead_min_s": 0.0, "heat_capacity_j_per_k_kwh": 5000.0}
    ahead = charge_ahead(1.5 * 5000.0 * pack_energy_kwh(PACK) * (22.0 - 20.0) / 10e3)
    assert band(conditioning(**exact), preview=ahead, cell_degc=20.0) == Band(15.0, 32.0)
    assert band(conditioning(**exact), preview=ahead, cell_degc=20.0, spread_k=4.0) == Band(22.0, 25.0)


def test_preparation_goes_on_although_less_time_is_needed_as_the_cells_get_there() -> None:
    unit = conditioning(lead_min_s=0.0)
    assert band(unit, preview=charge_ahead(1800.0), cell_degc=15.0).heat_degc == 22.0
    assert band(unit, preview=charge_ahead(1700.0), cell_degc=21.9).heat_degc == 22.0


@pytest.mark.parametrize(
    "preview", [charge_ahead(inf), charge_ahead(1e6), charge_ahead(100.0, confidence=0.1), charge_ahead(nan)]
)
def test_an_event_that_is_far_withdrawn_or_not_trusted_changes_nothing(preview: Preview) -> None:
    unit = conditioning()
    band(unit, preview=charge_ahead(100.0))
    assert unit.preparing
    assert band(unit, preview=preview) == Band(15.0, 32.0)
    assert not unit.preparing


def test_a_slow_charge_needs_no_cooling_ahead() -> None:
    assert band(conditioning(), preview=charge_ahead(100.0, 50e3), cell_degc=30.0).cool_degc == 32.0


def test_a_charge_counts_with_what_the_pack_may_take_not_with_what_is_offered() -> None:
    weak = PACK.model_copy(update={"charge_current_max_a": 30.2})
    settings = parse(ConditioningSettings, CHEMISTRY_DEFAULTS["lfp"], "test")
    unit = Conditioning(settings, weak, cooling_rated_w=20e3, heating_rated_w=10e3)
    megawatt = measured(vehicle_mode=VehicleMode.CHARGE, plug_connected=True, charger_power_max_w=1e6)
    found = band(unit, megawatt, current_a=-90.0)
    assert found.heat_degc == pytest.approx(5.0)
    assert found.cool_degc == 32.0


def test_preparing_never_lets_go_of_the_band_for_driving() -> None:
    assert band(conditioning(), preview=charge_ahead(100.0, 50e3)) == Band(15.0, 32.0)


def test_a_departure_is_prepared_on_the_grid_only() -> None:
    soon = Preview(departure_in_s=100.0, confidence=1.0)
    plugged = measured(vehicle_mode=VehicleMode.PARK, plug_connected=True)
    unit = conditioning(charge_idle_s=60.0)
    for _ in range(60):
        found = band(unit, plugged, soon, cell_degc=10.0)
    assert found == Band(20.0, 28.0)
    assert band(conditioning(), PARK, soon, cell_degc=10.0) == Band(-17.0, 45.0)


@pytest.mark.parametrize("cooling_w", [0.0, 20e3])
def test_lead_times_stay_finite_for_a_truck_that_cannot_heat_and_for_unknown_cells(cooling_w: float) -> None:
    settings = parse(ConditioningSettings, CHEMISTRY_DEFAULTS["lfp"], "test")
    unit = Conditioning(settings, PACK, cooling_rated_w=cooling_w, heating_rated_w=0.0)
    assert band(unit, preview=charge_ahead(500.0), cell_degc=-10.0).heat_degc == 22.0
    unit.reset()
    assert band(unit, preview=charge_ahead(700.0), cell_degc=nan) == Band(15.0, 32.0)


def test_heat_capacity_scales_with_the_pack() -> None:
    settings = parse(ConditioningSettings, CHEMISTRY_DEFAULTS["nmc"], "test")
    small = Conditioning(settings, AIR.pack, cooling_rated_w=1e3, heating_rated_w=1e3)
    ratio = small.heat_capacity_j_per_k / conditioning().heat_capacity_j_per_k
    assert ratio == pytest.approx(pack_energy_kwh(AIR.pack) / pack_energy_kwh(LIQUID.pack))


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"heat_degc": 30.0}, "cool_degc"),
        ({"park_heat_degc": 44.0}, "park_cool_degc"),
        ({"departure_heat_degc": 27.0}, "departure_cool_degc"),
        ({"lead_min_s": 7200.0, "lead_max_s": 10.0}, "lead_min_s"),
        ({"charge_heat_degc": (1.0, 2.0)}, "charge_heat_degc"),
        ({"cool_degc": 99.0}, "cool_degc = 99.0"),
    ],
)
def test_bands_that_do_not_fit_are_refused_by_name(changes: dict[str, object], key: str) -> None:
    with pytest.raises(ConfigError, match=key):
        conditioning(**changes)
