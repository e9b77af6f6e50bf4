import numpy as np
import pytest

from tests.unit.thermal_bms.bms_samples import PACK, measured
from thermal_bms.estimation import EstimationSettings, Estimator, string_resistance_ohm
from thermal_bms.estimation.state import soc_error, soc_of_ocv
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
    assert Bench().see(measured(volt=volt)).soc == pytest.approx(soc)


def test_a_start_under_load_is_corrected_by_the_voltage_drop() -> None:
    loaded_v = 3.245 - 100.0 * 1e-3
    start = Bench().see(measured(volt=loaded_v, amp=100.0)).soc
    assert start == pytest.approx(0.3)


def test_a_start_under_load_without_temperature_takes_the_voltage_as_it_is() -> None:
    assert Bench().see(measured(volt=3.245, amp=10.0, temp=NAN)).soc == pytest.approx(0.3)


def test_a_stored_charge_comes_before_the_voltage() -> None:
    assert Bench(initial_soc=0.8).see(measured(volt=3.2)).soc == pytest.approx(0.8)


@pytest.mark.parametrize("dt_s", [0.5, 1.0, 10.0])
def test_half_a_capacity_out_is_half_the_charge_less(dt_s: float) -> None:
    estimate = Bench(initial_soc=0.9).run(1800, dt_s, amp=100.0)
    assert estimate.soc == pytest.approx(0.4, abs=1e-9)


def test_charging_counts_up_and_the_count_stays_within_bounds() -> None:
    assert Bench(initial_soc=0.5).run(360, amp=-100.0).soc == pytest.approx(0.6)
    assert Bench(initial_soc=0.95).run(3600, 10.0, amp=-100.0).soc == 1.0
    assert Bench(initial_soc=0.05).run(3600, 10.0, amp=100.0).soc == 0.0


def test_an_unknown_current_leaves_the_count_where_it_is() -> None:
    estimate = Bench(initial_soc=0.5).run(100, amp=NAN)
    assert estimate.soc == 0.5
    assert np.isnan(estimate.pack_current_a)
    assert np.isnan(estimate.heat_w)


def test_without_any_valid_voltage_nothing_is_known_until_one_comes() -> None:
    bench = Bench()
    assert np.isnan(bench.run(5, volt=NAN).soc)
    assert bench.run(1, volt=3.29).soc == pytest.approx(0.5)


def test_a_rest_on_a_steep_voltage_corrects_the_count() -> None:
    bench = Bench(initial_soc=0.5)
    assert bench.run(599, volt=3.0).soc == 0.5
    assert bench.run(1, volt=3.0).soc == pytest.approx(0.05)


def test_a_rest_on_the_plateau_corrects_nothing() -> None:
    assert Bench(initial_soc=0.3).run(1200, volt=3.30).soc == 0.3


@pytest.mark.parametrize("volt", [3.27, 3.29, 3.31, 3.34])
def test_a_rest_anywhere_on_the_plateau_leaves_a_good_count_alone(volt: float) -> None:
    """Slopes of 0.12 to 0.9 V over the whole charge: 15 mV of hysteresis would be 1.7 % and more."""
    pack = PACK.model_copy(
        update={"ocv_soc": (0.0, 0.1, 0.2, 0.5, 0.9, 1.0), "ocv_v": (2.8, 3.2, 3.29, 3.3, 3.34, 3.5)}
    )
    plausibility, estimator = Plausibility(pack), Estimator(pack, initial_soc=0.17)
    for t in range(700):
        estimate = estimator.step(plausibility.check(measured(float(t), volt=volt), 1.0), 1.0)
    assert estimate.soc == 0.17


def test_one_rest_corrects_once_and_the_next_again() -> None:
    bench = Bench(initial_soc=0.5)
    assert bench.run(600, volt=3.0).soc == pytest.approx(0.05)
    assert bench.run(600, volt=2.9).soc == pytest.approx(0.05)
    bench.run(1, volt=2.9, amp=10.0)
    assert bench.run(600, volt=2.9).soc == pytest.approx(0.025)


def test_a_short_current_starts_the_rest_anew() -> None:
    bench = Bench(initial_soc=0.5)
    bench.run(599, volt=3.0)
    bench.run(1, volt=3.0, amp=1.0)
    assert bench.run(599, volt=3.0).soc == pytest.approx(0.5, abs=1e-5)


def test_time_slept_through_counts_as_rest_but_moves_no_charge() -> None:
    bench = Bench(initial_soc=0.5)
    bench.run(10, volt=3.0)
    bench.time_s += 3600.0
    assert bench.run(1, volt=3.0).soc == pytest.approx(0.05)


def test_a_rest_without_voltage_corrects_nothing() -> None:
    assert Bench(initial_soc=0.5).run(700, volt=NAN).soc == 0.5


def test_strings_are_counted_apart_and_the_pack_is_their_mean() -> None:
    estimate = Bench(initial_soc=0.5).see(measured(string_current_a=np.array([360.0, 0.0, -360.0])))
    assert estimate.string_soc == pytest.approx([0.499, 0.5, 0.501])
    assert estimate.soc == pytest.approx(0.5)
    assert estimate.pack_current_a == pytest.approx(0.0)


def test_heat_is_current_squared_times_resistance_of_every_string() -> None:
    estimate = Bench(initial_soc=0.5).see(measured(amp=100.0, temp=12.5))
    assert estimate.heat_w == pytest.approx(3 * 20 * 100.0**2 * 1.5e-3)


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


def test_with_no_string_connected_all_of_them_count() -> None:
    measurement = extremes()
    measurement.contactor_closed[:] = False
    estimate = Bench().see(measurement)
    assert estimate.cell_voltage_min_v == 3.0


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
    assert bench.run(1, volt=3.2).soc == pytest.approx(0.1)


def test_the_voltage_tells_charge_on_the_slope_but_not_on_the_plateau() -> None:
    assert soc_error(PACK, 0.05) == pytest.approx(0.015 / 4.0)
    assert soc_error(PACK, 0.5) > 0.05
    assert soc_of_ocv(PACK, 3.245) == pytest.approx(0.3)


def test_a_flat_table_tells_nothing() -> None:
    flat = PACK.model_copy(update={"ocv_v": (3.2,) * 5})
    assert soc_error(flat, 0.5) == float("inf")
