from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.unit.thermal_bms.bms_samples import PACK, THERMAL, charging, measured
from thermal_bms.charging import ChargeRequest, ChargeSettings, Charging
from thermal_bms.limits import CurrentLimits, PackState, load_limits
from thermal_bms.signals import Estimate, LimitCause, Limits, VehicleMode

NAN = float("nan")
LIMITS = Limits(600.0, 300.0, 40e3, 20e3, LimitCause.CELL_CURRENT, LimitCause.CELL_TEMP_LOW)
TARGET_V = PACK.cell_voltage_max_v - 0.01


def estimate(soc: float = 0.5, volt: float = 3.3, current_a: float = 0.0) -> Estimate:
    return Estimate(soc, np.full(3, soc), volt, volt, 25.0, 25.0, 25.0, current_a, 0.0)


def step(
    unit: Charging, measurement: Any = None, est: Any = None, limits: Limits = LIMITS, **more: Any
) -> ChargeRequest:
    settings: dict[str, Any] = {
        "string_voltage_v": (66.0,) * 3,
        "n_connected": 3,
        "resistance_ohm": 1e-3,
        "dt_s": 1.0,
        **more,
    }
    return unit.step(measurement or charging(), est or estimate(), limits, **settings)


def test_without_a_plug_nothing_is_asked() -> None:
    request = step(Charging(PACK, THERMAL), measured())
    assert request == ChargeRequest(0.0, 0.0, LimitCause.NONE)


def test_without_a_connected_string_nothing_is_asked() -> None:
    assert step(Charging(PACK, THERMAL), n_connected=0).current_a == 0.0


def test_the_limits_of_the_pack_are_asked_for_with_their_cause() -> None:
    assert step(Charging(PACK, THERMAL)) == ChargeRequest(300.0, 300.0, LimitCause.CELL_TEMP_LOW)


@pytest.mark.parametrize(
    ("power_w", "current_a", "expected_a", "cause"),
    [
        (100e3, 200.0, 200.0, LimitCause.CHARGER_CURRENT),
        (6.6e3, 200.0, 100.0, LimitCause.CHARGER_POWER),
        (0.0, 200.0, 0.0, LimitCause.CHARGER_POWER),
        (100e3, 0.0, 0.0, LimitCause.CHARGER_CURRENT),
        (NAN, 200.0, 0.0, LimitCause.CHARGER_POWER),
        (100e3, NAN, 0.0, LimitCause.CHARGER_CURRENT),
        (100e3, 300.0, 300.0, LimitCause.CELL_TEMP_LOW),
    ],
)
def test_the_charger_limits_by_power_or_current(
    power_w: float, current_a: float, expected_a: float, cause: LimitCause
) -> None:
    request = step(
        Charging(PACK, THERMAL), charging(charger_power_max_w=power_w, charger_current_max_a=current_a)
    )
    assert request.current_a == pytest.approx(expected_a)
    assert request.cause is cause


@pytest.mark.parametrize(
    ("voltage_max_v", "gives"), [(66.0, True), (65.9, False), (0.0, False), (NAN, False)]
)
def test_a_charger_below_the_bus_voltage_gives_nothing(voltage_max_v: float, gives: bool) -> None:
    request = step(Charging(PACK, THERMAL), charging(charger_voltage_max_v=voltage_max_v))
    assert (request.current_a > 0.0) is gives


@pytest.mark.parametrize("bus_v", [NAN, 0.0])
def test_on_an_unknown_or_dead_bus_nothing_is_asked(bus_v: float) -> None:
    assert step(Charging(PACK, THERMAL), charging(bus_voltage_v=bus_v)).current_a == 0.0


@pytest.mark.parametrize("missing", [estimate(volt=NAN), estimate(soc=NAN, volt=NAN)])
def test_an_unknown_cell_voltage_stops_the_charge(missing: Estimate) -> None:
    assert step(Charging(PACK, THERMAL), est=missing) == ChargeRequest(0.0, 0.0, LimitCause.FAULT)


def test_an_unknown_resistance_stops_the_charge() -> None:
    assert step(Charging(PACK, THERMAL), resistance_ohm=NAN).cause is LimitCause.FAULT


def test_heater_and_compressor_are_asked_for_on_top() -> None:
    request = step(Charging(PACK, THERMAL), charging(heater_power_w=660.0, compressor_power_w=1320.0))
    assert request.current_a == pytest.approx(330.0)
    assert request.battery_current_a == 300.0


def test_load_comes_before_the_battery_when_the_charger_is_weak() -> None:
    request = step(Charging(PACK, THERMAL), charging(heater_power_w=660.0, charger_current_max_a=30.0))
    assert request.current_a == pytest.approx(30.0)
    assert request.battery_current_a == pytest.approx(20.0)


@pytest.mark.parametrize("mode", [VehicleMode.PARK, VehicleMode.CHARGE])
def test_a_plugged_in_truck_conditions_on_grid_energy_when_the_battery_may_not_charge(
    mode: VehicleMode,
) -> None:
    none = replace(LIMITS, charge_current_max_a=0.0)
    request = step(Charging(PACK, THERMAL), charging(vehicle_mode=mode, heater_power_w=660.0), limits=none)
    assert request.current_a == pytest.approx(10.0)
    assert request.battery_current_a == 0.0


def test_covering_the_load_can_be_left_to_the_vehicle() -> None:
    unit = Charging(PACK, THERMAL, ChargeSettings(covers_load=False))
    assert step(unit, charging(heater_power_w=660.0)).current_a == 300.0


@pytest.mark.parametrize(("heater_w", "bus_v"), [(NAN, 66.0), (-50.0, 66.0)])
def test_an_unknown_or_negative_load_counts_as_none(heater_w: float, bus_v: float) -> None:
    request = step(Charging(PACK, THERMAL), charging(heater_power_w=heater_w, bus_voltage_v=bus_v))
    assert request.current_a == pytest.approx(300.0)


def test_a_load_that_nobody_measures_is_found_from_the_pack_current() -> None:
    unit, other_a, pack_a = Charging(PACK, THERMAL), 7.0, 0.0
    none = replace(LIMITS, charge_current_max_a=0.0)
    for _ in range(120):
        request = step(unit, est=estimate(current_a=pack_a), limits=none)
        pack_a = other_a - request.current_a
    assert pack_a == pytest.approx(0.0, abs=0.01)


@pytest.mark.parametrize("pack_a", [NAN, 200.0, -24.0])
def test_an_unknown_or_unlikely_load_is_not_followed(pack_a: float) -> None:
    unit = Charging(PACK, THERMAL)
    none = replace(LIMITS, charge_current_max_a=0.0)
    for _ in range(50):
        request = step(unit, est=estimate(current_a=pack_a), limits=none)
    assert request.current_a == 0.0


def charged_pack_a(seconds: int, seen: Any, true_load_a: float, charger_max_a: float = 500.0) -> list[float]:
    """Return the charge current of a pack that must not be charged, on a charger that follows at once."""
    unit, pack_a, found = Charging(PACK, THERMAL), 0.0, []
    none = replace(LIMITS, charge_current_max_a=0.0)
    for _ in range(seconds):
        request = step(unit, seen, estimate(current_a=pack_a), none)
        pack_a = true_load_a - min(request.current_a, charger_max_a)
        found.append(-pack_a)
    return found


@pytest.mark.parametrize("wrong", [{"bus_voltage_v": 7.0}, {"heater_power_w": 60e3}])
def test_one_wrong_reading_charges_a_pack_with_no_more_than_the_ratings_and_not_for_long(
    wrong: dict[str, float],
) -> None:
    seen = charging(**{"heater_power_w": 660.0, **wrong})
    charged_a = charged_pack_a(120, seen, 10.0)
    assert max(charged_a) <= THERMAL.heater_power_max_w / 66.0 - 10.0 + 1e-9
    assert max(charged_a[40:]) < 4.0
    assert charged_a[-1] == pytest.approx(0.0, abs=0.1)


def test_a_load_is_taken_at_the_larger_of_bus_and_highest_string_voltage() -> None:
    low = charging(heater_power_w=660.0, bus_voltage_v=7.0)
    unit = Charging(PACK, THERMAL)
    none = replace(LIMITS, charge_current_max_a=0.0)
    request = step(unit, low, limits=none, string_voltage_v=(NAN, 60.0, 66.0))
    assert request.current_a == pytest.approx(10.0)
    alone = step(
        Charging(PACK, THERMAL), charging(heater_power_w=660.0), limits=none, string_voltage_v=(NAN,)
    )
    assert alone.current_a == pytest.approx(10.0)


@pytest.mark.parametrize(("load", "most_w"), [("heater_power_w", 10e3), ("compressor_power_w", 10e3 / 1.5)])
def test_no_load_is_believed_above_its_rating(load: str, most_w: float) -> None:
    none = replace(LIMITS, charge_current_max_a=0.0)
    for believed_w, measured_w in ((most_w, most_w), (most_w, 99e3)):
        request = step(Charging(PACK, THERMAL), charging(**{load: measured_w}), limits=none)
        assert request.current_a == pytest.approx(believed_w / 66.0)


def test_a_load_that_was_taken_away_comes_back_when_the_pack_gives_it() -> None:
    unit, none = Charging(PACK, THERMAL), replace(LIMITS, charge_current_max_a=0.0)
    heating = charging(heater_power_w=6600.0)
    for _ in range(100):
        assert step(unit, heating, estimate(current_a=-90.0), none).current_a >= 0.0
    assert step(unit, heating, estimate(current_a=-90.0), none).current_a == 0.0
    for _ in range(100):
        request = step(unit, heating, estimate(current_a=100.0), none)
    assert request.current_a == pytest.approx(100.0)
    for _ in range(100):
        assert step(unit, heating, estimate(current_a=100.0), none).current_a == pytest.approx(100.0)


def test_a_correction_never_asks_for_less_than_nothing() -> None:
    unit, none = Charging(PACK, THERMAL), replace(LIMITS, charge_current_max_a=0.0)
    for _ in range(100):
        step(unit, charging(heater_power_w=6600.0), estimate(current_a=-90.0), none)
    assert step(unit, charging(), estimate(current_a=-90.0), none).current_a == 0.0


def test_the_charge_stops_at_its_target_and_says_so() -> None:
    unit = Charging(PACK, THERMAL, ChargeSettings(target_soc=0.8))
    assert step(unit, est=estimate(0.799)).current_a > 0.0
    assert step(unit, est=estimate(0.8)) == ChargeRequest(0.0, 0.0, LimitCause.SOC)


@pytest.mark.parametrize(("soc", "charges"), [(0.79, False), (0.771, False), (0.769, True)])
def test_it_starts_again_only_well_below_the_target(soc: float, charges: bool) -> None:
    unit = Charging(PACK, THERMAL, ChargeSettings(target_soc=0.8))
    step(unit, est=estimate(0.8))
    assert (step(unit, est=estimate(soc)).current_a > 0.0) is charges


def test_a_new_plug_starts_a_new_charge() -> None:
    unit = Charging(PACK, THERMAL, ChargeSettings(target_soc=0.8))
    step(unit, est=estimate(0.8))
    step(unit, measured())
    assert step(unit, est=estimate(0.79)).current_a > 0.0


class Cells:
    """Three strings of one cell each way: open-circuit voltage, a series resistance and one RC branch."""

    def __init__(self, soc: float, *, series_ohm: float = 0.6e-3, branch_ohm: float = 0.4e-3) -> None:
        self.soc, self.series_ohm, self.branch_ohm = soc, series_ohm, branch_ohm
        self.branch_v = self.current_a = 0.0

    @property
    def voltage_v(self) -> float:
        ocv_v = float(np.interp(self.soc, (0.0, 0.9, 1.0), (3.2, 3.34, 3.64)))
        return ocv_v + self.branch_v + self.current_a * self.series_ohm

    def charge(self, string_current_a: float, dt_s: float) -> None:
        self.current_a = string_current_a
        decay = np.exp(-dt_s / 20.0)
        self.branch_v = self.branch_v * decay + string_current_a * self.branch_ohm * (1.0 - decay)
        self.soc += string_current_a * dt_s / 3600.0 / PACK.capacity_ah


def run_to_full(
    dt_s: float, believed_ohm: float, seconds: float = 3600.0
) -> tuple[list[float], list[float], LimitCause]:
    unit, cells = Charging(PACK, THERMAL), Cells(0.88)
    voltages, currents, cause = [], [], LimitCause.NONE
    for _ in range(int(seconds / dt_s)):
        seen = estimate(0.9, cells.voltage_v, -3.0 * cells.current_a)
        limits = replace(LIMITS, charge_cause=LimitCause.CELL_CURRENT)
        request = step(unit, charging(), seen, limits, resistance_ohm=believed_ohm, dt_s=dt_s)
        cells.charge(request.battery_current_a / 3.0, dt_s)
        voltages.append(cells.voltage_v)
        currents.append(request.battery_current_a)
        cause = request.cause
    return voltages, currents, cause


@pytest.mark.parametrize("dt_s", [0.5, 1.0, 5.0, 10.0])
@pytest.mark.parametrize("believed_ohm", [0.6e-3, 1e-3, 2e-3])
def test_constant_voltage_is_held_without_oscillation_until_the_cut_off(
    dt_s: float, believed_ohm: float
) -> None:
    voltages, currents, cause = run_to_full(dt_s, believed_ohm)
    charging_a = [amp for amp in currents if amp > 0.0]
    rises = np.diff(charging_a)
    assert max(voltages) < TARGET_V + 0.025
    assert rises.max() <= 1e-9
    assert charging_a[0] == 300.0
    assert charging_a[-1] == pytest.approx(15.0, rel=0.25)
    assert cause is LimitCause.CELL_VOLTAGE
    last_v = voltages[len(charging_a) - 1]
    assert last_v == pytest.approx(TARGET_V, abs=0.005)


def test_a_charge_that_reached_the_cut_off_stays_off() -> None:
    _, currents, _ = run_to_full(1.0, 1e-3)
    assert currents[-1] == 0.0
    assert np.count_nonzero(np.diff(np.array(currents) > 0.0)) == 1


def test_the_taper_takes_over_from_a_weak_charger_only_at_the_voltage() -> None:
    unit = Charging(PACK, THERMAL)
    weak = charging(charger_current_max_a=9.0)
    for _ in range(100):
        request = step(unit, weak, estimate(0.9, 3.5, -9.0))
    assert request == ChargeRequest(9.0, 9.0, LimitCause.CHARGER_CURRENT)


def test_the_taper_ends_below_the_operate_level_of_the_limits() -> None:
    limits = CurrentLimits(load_limits("lfp"), PACK)
    state = PackState(3, -5.0, TARGET_V, TARGET_V, TARGET_V, 25.0, 25.0, 0.9, 1e-3)
    assert limits.at(state).charge_current_max_a > 3 * 5.0
