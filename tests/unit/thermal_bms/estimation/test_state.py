from dataclasses import replace

import numpy as np
import pytest

from tests.unit.thermal_bms.bms_samples import PACK, measured
from thermal_bms.estimation import EstimationSettings, Estimator, string_resistance_ohm
from thermal_bms.plausibility import Plausibility
from thermal_bms.signals import Estimate, Measurement

NAN = float("nan")


class Bench:
    def __init__(self, **settings: float) -> None:
        initial_soc = settings.pop("initial_soc", NAN)
        self.plausibility = Plausibility(PACK)
        self.estimator = Estimator(PACK, EstimationSettings(**settings), initial_soc=initial_soc)
        self.time_s = 0.0

    def see(self, measurement: Measurement, dt_s: float = 1.0) -> Estimate:
        return self.estimator.step(self.plausibility.check(measurement, dt_s), dt_s)

    def run(self, seconds: int, dt_s: float = 1.0, **changes: float) -> Estimate:
        for _ in range(int(seconds / dt_s)):
            self.time_s += dt_s
            estimate = self.see(measured(self.time_s, **changes), dt_s)
        return estimate


@pytest.mark.parametrize(("volt", "soc"), [(2.7, 0.0), (3.2, 0.1), (3.245, 0.3), (3.34, 0.9), (3.6, 1.0)])
def test_the_first_voltage_gives_the_start(volt: float, soc: float) -> None:
    assert Bench().see(measured(volt=volt)).soc == pytest.approx(soc, abs=2e-3)


def test_a_start_under_load_is_corrected_by_the_voltage_drop() -> None:
    start = Bench().see(measured(volt=3.245 - 100.0 * 1e-3, amp=100.0)).soc
    assert start == pytest.approx(0.3, abs=0.15)
    assert start > Bench().see(measured(volt=3.145)).soc + 0.1


def test_a_stored_charge_comes_before_the_voltage() -> None:
    assert Bench(initial_soc=0.8).see(measured(volt=NAN)).soc == pytest.approx(0.8)


@pytest.mark.parametrize("dt_s", [0.5, 1.0, 10.0])
def test_without_voltages_charge_is_counted(dt_s: float) -> None:
    estimate = Bench(initial_soc=0.9).run(1800, dt_s, amp=100.0, volt=NAN)
    assert estimate.soc == pytest.approx(0.4, abs=1e-9)


def test_charging_counts_up_and_the_count_stays_within_bounds() -> None:
    assert Bench(initial_soc=0.5).run(360, amp=-100.0, volt=NAN).soc == pytest.approx(0.6)
    assert Bench(initial_soc=0.95).run(3600, 10.0, amp=-100.0, volt=NAN).soc == 1.0
    assert Bench(initial_soc=0.05).run(3600, 10.0, amp=100.0, volt=NAN).soc == 0.0


def test_counting_without_voltages_widens_the_bound_and_the_deviation() -> None:
    bench = Bench(initial_soc=0.6)
    first = bench.run(50, amp=10.0, volt=NAN).bounds
    last = bench.run(3600, amp=10.0, volt=NAN).bounds
    assert last.soc_sd > first.soc_sd
    assert last.soc_max - last.soc_min > first.soc_max - first.soc_min


def test_an_unknown_current_leaves_the_count_where_it_is_and_says_so() -> None:
    bench = Bench(initial_soc=0.5)
    estimate = bench.run(100, amp=NAN)
    assert estimate.soc == 0.5
    assert np.isnan(estimate.pack_current_a)
    assert np.isnan(estimate.heat_w)
    assert estimate.bounds.soc_max - estimate.bounds.soc_min > 0.72 + 0.05


def test_without_any_valid_voltage_nothing_is_known_until_one_comes() -> None:
    bench = Bench()
    nothing = bench.run(5, volt=NAN)
    assert np.isnan(nothing.soc)
    assert np.isnan(nothing.bounds.soc_min)
    assert bench.run(1, volt=3.29).soc == pytest.approx(0.5, abs=0.02)


def test_a_rest_on_a_steep_voltage_corrects_the_count() -> None:
    assert Bench(initial_soc=0.3).run(300, volt=3.0).soc == pytest.approx(0.05, abs=0.01)


def test_a_rest_on_the_plateau_moves_a_good_count_less_than_its_doubt() -> None:
    estimate = Bench(initial_soc=0.5).run(1200, volt=3.295)
    assert abs(estimate.soc - 0.5) < estimate.bounds.soc_sd
    assert estimate.bounds.soc_min < 0.5 < estimate.bounds.soc_max


def test_a_single_wrong_voltage_is_left_out() -> None:
    bench = Bench(initial_soc=0.05, initial_soc_sd=0.02)
    before = bench.run(600, volt=3.0).soc
    for _ in range(20):
        bench.run(3, volt=3.0)
        bench.run(1, volt=3.6)
    assert bench.run(1, volt=3.0).soc == pytest.approx(before, abs=0.005)


def test_voltages_that_never_fit_are_believed_in_the_end() -> None:
    bench = Bench(initial_soc=0.05, initial_soc_sd=0.002)
    bench.run(600, volt=3.0)
    assert bench.run(1200, volt=3.45).soc > 0.8


def test_strings_are_counted_apart_and_the_pack_is_their_mean() -> None:
    bench = Bench(initial_soc=0.5)
    estimate = bench.see(measured(volt=NAN, string_current_a=np.array([360.0, 0.0, -360.0])))
    assert estimate.string_soc == pytest.approx([0.499, 0.5, 0.501])
    assert estimate.soc == pytest.approx(0.5)
    assert estimate.pack_current_a == pytest.approx(0.0)


def test_heat_is_current_squared_times_resistance_of_every_string() -> None:
    estimate = Bench(initial_soc=0.5).see(measured(amp=100.0, temp=12.5))
    assert estimate.heat_w == pytest.approx(3 * 20 * 100.0**2 * 1.5e-3)


def test_heat_follows_the_temperature_within_a_few_ticks() -> None:
    bench = Bench(initial_soc=0.5)
    bench.run(20, amp=100.0, temp=12.5)
    assert bench.run(12, amp=100.0, temp=25.0).heat_w == pytest.approx(3 * 20 * 100.0**2 * 1e-3)


@pytest.mark.parametrize(("temp_degc", "ohm"), [(-40.0, 4e-3), (-10.0, 3e-3), (25.0, 1e-3), (60.0, 0.8e-3)])
def test_resistance_follows_its_table(temp_degc: float, ohm: float) -> None:
    assert string_resistance_ohm(PACK, temp_degc) == pytest.approx(ohm)


def extremes() -> Measurement:
    measurement = measured(amp=10.0)
    measurement.cell_voltage_v[0, 0] = 3.0
    measurement.cell_voltage_v[1, 1] = 3.6
    measurement.cell_temp_degc[0, 0] = -5.0
    measurement.cell_temp_degc[2, 2] = 40.0
    return measurement


def test_extremes_are_those_of_all_connected_strings() -> None:
    estimate = Bench().see(extremes())
    assert (estimate.cell_voltage_min_v, estimate.cell_voltage_max_v) == (3.0, 3.6)
    assert (estimate.cell_temp_min_degc, estimate.cell_temp_max_degc) == (-5.0, 40.0)
    assert estimate.cell_temp_mean_degc == pytest.approx((17.5 + 25.0 + 28.75) / 3)


def test_a_string_that_is_not_connected_does_not_count() -> None:
    measurement = extremes()
    measurement.contactor_closed[0] = False
    estimate = Bench().see(measurement)
    assert estimate.cell_voltage_min_v == pytest.approx(3.3)
    assert estimate.cell_temp_min_degc == 25.0
    assert estimate.pack_current_a == pytest.approx(20.0)


def test_with_no_string_connected_all_of_them_count_and_none_has_power() -> None:
    bench = Bench(initial_soc=0.5)
    for second in range(70):
        measurement = replace(extremes(), time_s=float(second))
        measurement.contactor_closed[:] = False
        estimate = bench.see(measurement)
    assert estimate.cell_voltage_min_v == 3.0
    assert estimate.outlook.discharge_power_10s_w == 0.0
    assert estimate.bounds.soc_min < estimate.soc < estimate.bounds.soc_max


def test_open_contactors_tell_the_offset_of_the_current_sensor() -> None:
    bench = Bench(initial_soc=0.5)
    for second in range(1200):
        measurement = measured(float(second), amp=0.6, volt=3.29)
        measurement.contactor_closed[:] = False
        estimate = bench.see(measurement)
    assert bench.estimator.strings[0].filter.offset_a == pytest.approx(0.6, abs=0.1)
    assert estimate.soc == pytest.approx(0.5, abs=0.02)


def test_invalid_sensors_are_left_out_and_none_at_all_is_nothing() -> None:
    measurement = measured()
    measurement.cell_temp_degc[0] = NAN
    measurement.cell_temp_degc[1] = 35.0
    assert Bench().see(measurement).cell_temp_mean_degc == pytest.approx(30.0)
    measurement.cell_temp_degc[:] = 999.0
    estimate = Bench().see(measurement)
    assert np.isnan([estimate.cell_temp_min_degc, estimate.cell_temp_mean_degc, estimate.heat_w]).all()


def test_reset_starts_again() -> None:
    bench = Bench()
    bench.run(100, volt=3.29, amp=50.0)
    bench.estimator.reset()
    assert bench.run(1, volt=3.2).soc == pytest.approx(0.1, abs=2e-3)


def test_two_runs_over_the_same_measurements_give_the_same_bits() -> None:
    first, second = (Bench(initial_soc=0.6).run(300, amp=40.0, volt=3.25) for _ in range(2))
    assert first.soc == second.soc
    assert (first.bounds, first.outlook) == (second.bounds, second.outlook)


def test_what_the_pack_can_do_is_there_after_a_few_minutes() -> None:
    outlook = Bench(initial_soc=0.5).run(200, amp=20.0, volt=3.27).outlook
    assert 0.0 < outlook.discharge_power_30s_w <= outlook.discharge_power_2s_w
    assert 0.0 < outlook.charge_power_continuous_w <= outlook.charge_power_30s_w <= outlook.charge_power_2s_w
    assert outlook.energy_left_j == pytest.approx(0.5 * 3 * 20 * 3.2 * 100.0 * 3600.0, rel=0.15)
    assert np.isnan(outlook.range_left_m)


def test_garbage_for_a_while_leaves_no_trace_in_the_filter() -> None:
    bench = Bench(initial_soc=0.5)
    bench.run(60, amp=20.0, volt=3.27)
    bench.run(30, amp=NAN, volt=NAN, temp=NAN)
    estimate = bench.run(30, amp=20.0, volt=3.27)
    assert np.isfinite([estimate.soc, estimate.bounds.soc_sd, estimate.outlook.discharge_power_10s_w]).all()
