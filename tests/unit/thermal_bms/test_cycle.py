import logging
import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.unit.thermal_bms.bms_samples import PACK, TRUCK, FakeController, charging, measured
from thermal_bms.charging import ChargeSettings
from thermal_bms.cycle import ControlUnit, CycleResult, control_cycle
from thermal_bms.description import BalancerDescription
from thermal_bms.faults import FaultCode, Severity
from thermal_bms.limits import PackState, load_limits
from thermal_bms.plausibility import SCALAR_RANGES
from thermal_bms.signals import NO_PREVIEW, LimitCause, Measurement, ThermalCommand, ValveMode
from thermal_bms.supervisor import Reason

NAN = float("nan")
STATE = PackState(3, NAN, 3.3, 3.3, 3.3, 25.0, 25.0, 0.5, 1e-3)


class Bench:
    def __init__(self, controller: Any = None, **settings: Any) -> None:
        self.controller = controller or FakeController()
        self.unit = ControlUnit(TRUCK, self.controller, **settings)
        self.time_s = 0.0

    def see(self, measurement: Measurement, dt_s: float = 1.0, **more: Any) -> CycleResult:
        self.time_s += dt_s
        return control_cycle(self.unit, replace(measurement, time_s=self.time_s), NO_PREVIEW, dt_s, **more)

    def hold(self, measurement: Measurement, seconds: int, dt_s: float = 1.0) -> CycleResult:
        for _ in range(round(seconds / dt_s)):
            result = self.see(measurement, dt_s)
        return result


def codes(result: CycleResult) -> set[FaultCode]:
    return {fault.code for fault in result.faults}


def test_a_healthy_tick_gives_power_contactors_and_the_controllers_wish() -> None:
    bench = Bench(initial_soc=0.5)
    result = bench.hold(measured(), 5)
    assert result.faults == ()
    assert result.command.contactor_close == (True, True, True)
    assert result.command.discharge_power_max_w == result.limits.discharge_power_max_w > 30e3
    assert result.command.regen_power_max_w == result.limits.charge_power_max_w == pytest.approx(19.8e3)
    assert result.command.thermal == result.wanted == bench.controller.wanted
    assert result.command.charge_current_a == 0.0
    assert result.reasons == ()


def test_the_controller_sees_what_the_unit_believes() -> None:
    bench = Bench()
    result = bench.see(measured())
    measurement, estimate, limits = bench.controller.seen[-1]
    assert estimate is result.estimate
    assert limits is result.limits
    assert measurement.cell_temp_degc[0, 0] == 25.0


def test_contactors_close_first_and_power_follows() -> None:
    bench = Bench()
    opened = measured(contactor_closed=np.zeros(3, dtype=np.bool_), bus_voltage_v=0.0)
    result = bench.see(opened)
    assert result.command.contactor_close == (True, True, True)
    assert result.limits.discharge_power_max_w == 0.0
    assert bench.see(measured()).limits.discharge_power_max_w > 0.0


def test_before_sleep_the_contactors_open() -> None:
    bench = Bench()
    bench.see(measured())
    loaded = bench.see(measured(amp=100.0), wake=False)
    assert loaded.command.contactor_close == (True, True, True)
    assert loaded.limits.discharge_power_max_w == 0.0
    assert bench.see(measured(), wake=False).command.contactor_close == (False, False, False)


def test_a_hot_cell_takes_power_away_and_then_opens_its_string() -> None:
    bench = Bench()
    bench.see(measured())
    hot = measured(amp=100.0, vehicle_speed_m_per_s=0.0)
    hot.cell_temp_degc[1, 2] = 61.0
    derated = bench.see(hot)
    assert derated.limits.discharge_current_max_a == 0.0
    assert derated.limits.discharge_cause is LimitCause.CELL_TEMP_HIGH
    assert bench.hold(hot, 4).command.contactor_close == (True, True, True)
    hot.string_current_a[:] = 5.0
    result = bench.hold(hot, 1)
    assert result.command.contactor_close == (True, False, True)
    assert (FaultCode.CELL_TEMP_HIGH_DISCHARGE, Severity.TRIP, 1) in {
        (fault.code, fault.severity, fault.place) for fault in result.faults
    }


def limping() -> tuple[Bench, CycleResult, Measurement]:
    bench = Bench(initial_soc=0.5)
    bench.see(measured())
    hot = measured()
    hot.cell_temp_degc[1, 2] = 61.0
    bench.hold(hot, 10)
    two = measured(contactor_closed=np.array([True, False, True]))
    return bench, bench.hold(two, 20), two


def test_after_one_string_has_dropped_out_the_others_carry_on() -> None:
    _, result, _ = limping()
    assert result.command.contactor_close == (True, False, True)
    assert result.limits.discharge_current_max_a == pytest.approx(2 * 200.0)
    assert FaultCode.STRING_NOT_CONNECTED in codes(result)
    assert result.command.thermal.heater_duty == 0.0


def test_a_string_comes_back_only_after_its_fault_is_reset() -> None:
    bench, _, two = limping()
    bench.unit.reset_faults()
    assert bench.see(two).command.contactor_close == (True, True, True)


def test_a_hot_string_that_is_not_connected_is_still_cooled() -> None:
    bench = Bench()
    hot = measured(contactor_closed=np.array([True, False, True]))
    hot.cell_temp_degc[1] = 52.0
    result = bench.hold(hot, 15)
    assert result.estimate.cell_temp_max_degc == 25.0
    assert Reason.OVER_TEMPERATURE in result.reasons
    assert result.command.thermal.compressor_duty == 1.0


def test_a_forced_opening_follows_when_the_current_does_not_fall() -> None:
    bench = Bench()
    bench.see(measured())
    stuck = measured(amp=100.0, volt=3.9, vehicle_speed_m_per_s=0.0)
    result = bench.see(stuck)
    assert result.faults[0].code is FaultCode.CELL_VOLTAGE_HIGH
    assert bench.hold(stuck, 2).command.contactor_close == (True, True, True)
    assert bench.hold(stuck, 1).command.contactor_close == (False, False, False)


@pytest.mark.parametrize("error", [ValueError("bad"), ZeroDivisionError(), RuntimeError("solver")])
def test_a_controller_that_raises_is_replaced_and_logged_once(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    bench = Bench()
    bench.see(measured())
    bench.controller.error = error
    with caplog.at_level(logging.INFO, logger="thermal_bms.cycle"):
        first = bench.see(measured(temp=40.0))
        second = bench.hold(measured(temp=40.0), 20)
    assert first.wanted is None
    assert Reason.NOT_USABLE in first.reasons
    assert second.command.thermal == ThermalCommand(1.0, 1.0, 1.0, 0.0, ValveMode.CHILLER)
    assert FaultCode.CONTROLLER_FAILED in codes(second)
    assert [record.levelname for record in caplog.records if record.name == "thermal_bms.cycle"] == ["ERROR"]
    bench.controller.error = None
    with caplog.at_level(logging.INFO, logger="thermal_bms.cycle"):
        assert bench.hold(measured(temp=20.0), 2).wanted is not None
    assert caplog.records[-1].message == "controller is back"
    assert not codes(bench.see(measured(temp=20.0)))


@pytest.mark.parametrize(
    "wanted",
    [
        None,
        5,
        ThermalCommand(pump_duty=NAN),
        ThermalCommand(heater_duty=float("inf")),
        ThermalCommand(valve_mode=9),
    ],  # type: ignore[arg-type]
)
def test_a_controller_without_a_usable_answer_has_failed(wanted: Any) -> None:
    bench = Bench(FakeController(wanted))
    result = bench.hold(measured(temp=40.0), 15)
    assert FaultCode.CONTROLLER_FAILED in codes(result)
    assert result.command.thermal == ThermalCommand(1.0, 1.0, 1.0, 0.0, ValveMode.CHILLER)


def test_a_keyboard_interrupt_is_not_swallowed() -> None:
    controller = FakeController()
    controller.error = KeyboardInterrupt()  # type: ignore[assignment]
    with pytest.raises(KeyboardInterrupt):
        Bench(controller).see(measured())


def test_charging_asks_the_charger_and_names_the_limit() -> None:
    bench = Bench(initial_soc=0.5)
    result = bench.hold(charging(), 3)
    assert result.command.charge_current_a == pytest.approx(300.0)
    assert result.charge_limit is LimitCause.CELL_CURRENT
    weak = bench.see(charging(charger_current_max_a=50.0, amp=-50.0 / 3))
    assert weak.command.charge_current_a == pytest.approx(50.0)
    assert weak.charge_limit is LimitCause.CHARGER_CURRENT


def test_the_target_of_a_charge_can_change_between_ticks() -> None:
    bench = Bench(initial_soc=0.6, charge=ChargeSettings(target_soc=0.5))
    assert bench.hold(charging(), 2).charge_limit is LimitCause.SOC
    bench.unit.charging.settings = ChargeSettings(target_soc=0.9)
    assert bench.hold(charging(), 2).command.charge_current_a > 0.0


def test_no_charge_below_freezing_and_the_cause_is_named() -> None:
    result = Bench(initial_soc=0.5).hold(charging(temp=-5.0), 2)
    assert result.command.charge_current_a == 0.0
    assert result.charge_limit is LimitCause.CELL_TEMP_LOW


def test_no_charge_while_a_cell_is_not_measured() -> None:
    bench = Bench(initial_soc=0.5)
    blind = charging()
    blind.cell_voltage_v[0, 0] = NAN
    result = bench.hold(blind, 3)
    assert result.command.charge_current_a == 0.0
    assert result.charge_limit is LimitCause.FAULT
    assert codes(result) == {FaultCode.CELL_VOLTAGE_INVALID}


def test_the_over_temperature_of_the_supervisor_comes_from_the_limit_table() -> None:
    table = load_limits("lfp")
    assert (
        Bench().unit.supervisor_settings.over_temp_degc
        == table.row(FaultCode.CELL_TEMP_HIGH_DISCHARGE).operate
    )


def nothing_valid() -> Measurement:
    scalars = dict.fromkeys(SCALAR_RANGES, NAN)
    return measured(
        cell_voltage_v=np.full((3, 20), NAN),
        cell_temp_degc=np.full((3, 4), NAN),
        string_current_a=np.full(3, NAN),
        string_voltage_v=np.full(3, NAN),
        **scalars,
    )


@pytest.mark.parametrize("bad", [nothing_valid(), measured(cell_temp_degc=np.empty((0, 0)))])
def test_with_nothing_valid_the_unit_cools_limps_and_does_not_charge(bad: Measurement) -> None:
    bench = Bench(initial_soc=0.5)
    bench.hold(measured(), 2)
    result = bench.hold(bad, 5)
    assert Reason.TEMPERATURE_UNKNOWN in result.reasons
    assert result.command.charge_current_a == 0.0
    assert result.command.regen_power_max_w == 0.0
    assert 0.0 < result.command.discharge_power_max_w < 0.3 * 600.0 * 20 * 3.3
    assert result.command.thermal.pump_duty == 1.0


def test_a_string_that_stays_blind_is_opened() -> None:
    bench = Bench(initial_soc=0.5)
    bench.hold(measured(), 2)
    assert bench.hold(nothing_valid(), 19).command.disconnect_forewarning
    assert bench.hold(nothing_valid(), 10).command.contactor_close == (False, False, False)


def blind_in_temperature() -> Measurement:
    measurement = measured(vehicle_speed_m_per_s=0.0)
    measurement.cell_temp_degc[1] = NAN
    return measurement


def test_a_string_blind_in_temperature_only_limps_and_is_opened_for_good() -> None:
    bench = Bench(initial_soc=0.5)
    bench.hold(measured(), 2)
    limping = bench.hold(blind_in_temperature(), 5)
    assert limping.command.contactor_close == (True, True, True)
    assert limping.limits.charge_current_max_a == 0.0
    assert limping.limits.discharge_current_max_a == pytest.approx(0.2 * 600.0)
    opened = bench.hold(blind_in_temperature(), 8)
    assert opened.command.contactor_close == (True, False, True)
    two = measured(contactor_closed=np.array([True, False, True]))
    later = bench.hold(two, 60)
    assert later.command.contactor_close == (True, False, True)
    assert later.limits.discharge_current_max_a == pytest.approx(400.0)


@pytest.mark.parametrize(
    "seen", [{"volt": 2.3, "amp": NAN}, {"temp": 60.0, "amp": NAN}], ids=["empty", "hot"]
)
def test_without_a_current_sensor_an_empty_or_hot_pack_still_derates(seen: dict[str, float]) -> None:
    bench = Bench(initial_soc=0.5)
    result = bench.see(measured(**seen))
    full = bench.unit.current_limits.at(replace(STATE, cell_voltage_min_v=3.3, cell_temp_max_degc=25.0))
    assert full.discharge_current_max_a == pytest.approx(120.0)
    assert result.limits.discharge_current_max_a < 120.0


def test_a_charger_that_ignores_its_limit_ends_with_open_contactors() -> None:
    bench = Bench(initial_soc=0.5)
    ignored = charging(temp=-5.0, amp=-15.0)
    assert not [f for f in bench.hold(ignored, 4).faults if f.place == -1]
    warned = bench.hold(ignored, 3)
    assert (FaultCode.CURRENT_HIGH_CHARGE, Severity.WARNING) in {(f.code, f.severity) for f in warned.faults}
    assert bench.hold(ignored, 20).command.contactor_close == (False, False, False)


def test_a_charge_at_its_limit_is_no_charge_above_it() -> None:
    bench = Bench(initial_soc=0.5)
    assert bench.hold(charging(amp=-100.0), 30).faults == ()


def test_a_standing_pump_stops_the_heater() -> None:
    bench = Bench(FakeController(ThermalCommand(0.5, 0.0, 0.0, 0.5, ValveMode.BYPASS)))
    bench.see(measured())
    assert bench.hold(measured(), 10).command.thermal.heater_duty == 0.5
    stopped = bench.hold(measured(pump_speed_rpm=0.0), 5)
    assert stopped.command.thermal.heater_duty == 0.0
    assert Reason.PUMP_STANDS in stopped.reasons
    assert bench.hold(measured(pump_speed_rpm=NAN), 5).command.thermal.heater_duty == 0.0
    assert bench.hold(measured(), 6).command.thermal.heater_duty == 0.5


def test_a_link_that_repeats_its_last_message_is_stale_after_three_seconds() -> None:
    bench = Bench(initial_soc=0.5)
    for _ in range(5):
        result = control_cycle(bench.unit, measured(10.0), NO_PREVIEW, 1.0)
    assert FaultCode.MEASUREMENT_STALE in codes(result)
    assert np.isnan(bench.controller.seen[-1][0].ambient_temp_degc)
    assert np.isnan(result.estimate.cell_temp_max_degc)


def test_warnings_are_not_even_raised_on_rubbish() -> None:
    rng = np.random.default_rng(7)
    bench = Bench()
    rubbish = np.array([NAN, np.inf, -np.inf, 1e308, -1e308, 0.0, 3.3, 25.0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(300):
            bad = measured(
                cell_voltage_v=rng.choice(rubbish, (3, 20)),
                cell_temp_degc=rng.choice(rubbish, (3, 4)),
                string_current_a=rng.choice(rubbish, 3),
                string_voltage_v=rng.choice(rubbish, 3),
                contactor_closed=rng.random(3) < 0.5,
                plug_connected=bool(rng.random() < 0.5),
                **{name: float(rng.choice(rubbish)) for name in SCALAR_RANGES},
            )
            command = bench.see(bad).command
            numbers = [
                command.charge_current_a,
                command.discharge_power_max_w,
                command.regen_power_max_w,
                command.thermal.pump_duty,
                command.thermal.fan_duty,
                command.thermal.compressor_duty,
                command.thermal.heater_duty,
            ]
            assert all(np.isfinite(numbers))
            assert min(numbers) >= 0.0


def test_reset_brings_back_the_first_answer() -> None:
    bench = Bench()
    script = [measured(volt=3.25), measured(volt=3.2, amp=100.0), measured(volt=3.9), measured(temp=70.0)]
    first = [bench.see(step).command for step in script]
    bench.unit.reset()
    bench.time_s = 0.0
    assert [bench.see(step).command for step in script] == first
    assert bench.controller.resets == 1


def test_reset_reaches_the_balancing(monkeypatch: pytest.MonkeyPatch) -> None:
    pack = PACK.model_copy(update={"balancer": BalancerDescription(current_max_a=1.0)})
    unit = ControlUnit(TRUCK.model_copy(update={"pack": pack}), FakeController())
    resets: list[object] = []

    def note(part: object) -> None:
        resets.append(part)

    monkeypatch.setattr(type(unit.balancing), "reset", note)
    unit.reset()
    assert resets == [unit.balancing]


def test_the_same_inputs_give_the_same_results() -> None:
    script = [measured(volt=3.3 + 0.01 * k, amp=10.0 * k, temp=20.0 + 3.0 * k) for k in range(20)]
    runs = [[bench.see(step).command for step in script] for bench in (Bench(), Bench())]
    assert runs[0] == runs[1]


def test_the_number_of_contactors_is_that_of_the_strings() -> None:
    assert len(Bench().see(measured()).command.contactor_close) == PACK.n_strings
