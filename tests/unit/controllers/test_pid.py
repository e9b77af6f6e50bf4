from dataclasses import replace
from itertools import pairwise
from math import nan

import pytest

from controllers.pid import PidController, build
from tests.unit.controllers.examples import AIR, LIQUID, TRUCKS, believed, limits, measured
from thermal_bms.description import TruckDescription
from thermal_bms.errors import ConfigError
from thermal_bms.signals import NO_PREVIEW, Preview, ThermalCommand, ValveMode, VehicleMode

FULL_RATE_W = 640e3


class Cells:
    """One lump of cells and one of coolant: enough to close the loop."""

    def __init__(
        self, truck: TruckDescription, *, cell_degc: float, ambient_degc: float, drive_degc: float
    ) -> None:
        self.thermal = truck.thermal
        liquid = truck.thermal.cooling == "liquid"
        self.cell_degc = self.coolant_degc = self.inlet_degc = cell_degc
        self.ambient_degc, self.drive_degc = ambient_degc, drive_degc
        self.cell_j_per_k = 3.6e6 if liquid else 2.3e5
        self.coolant_j_per_k = 1.5e5 if liquid else 5e3
        self.plate_w_per_k = 2300.0 if liquid else 150.0
        self.outside_w_per_k = truck.thermal.radiator_conductance_w_per_k or 150.0

    def step(self, command: ThermalCommand, heat_w: float, dt_s: float) -> None:
        flow = command.pump_duty
        cells_w = self.plate_w_per_k * flow * (self.cell_degc - self.coolant_degc)
        taken_w = -self.thermal.heater_power_max_w * command.heater_duty * (flow > 0.0)
        if command.valve_mode is ValveMode.CHILLER:
            taken_w += self.thermal.chiller_capacity_w * command.compressor_duty * (flow > 0.0)
        elif command.valve_mode is ValveMode.RADIATOR:
            air = command.fan_duty if self.thermal.cooling == "liquid" else 1.0
            taken_w += self.outside_w_per_k * air * flow * (self.coolant_degc - self.ambient_degc)
        elif command.valve_mode is ValveMode.WASTE_HEAT:
            taken_w += 1000.0 * flow * (self.coolant_degc - self.drive_degc)
        self.cell_degc += (heat_w - cells_w) / self.cell_j_per_k * dt_s
        self.coolant_degc += (cells_w - taken_w) / self.coolant_j_per_k * dt_s
        self.inlet_degc = self.coolant_degc


def close_the_loop(
    unit: PidController,
    cells: Cells,
    *,
    heat_w: float,
    duration_s: float,
    preview: Preview = NO_PREVIEW,
    dt_s: float = 1.0,
    compressor_max: float = 1.0,
    mode: VehicleMode = VehicleMode.DRIVE,
    start_s: float = 0.0,
) -> list[tuple[float, ThermalCommand]]:
    """Run the loop; the truck's actuators give at most ``compressor_max``."""
    seen, applied = [], ThermalCommand()
    for tick in range(int(duration_s / dt_s)):
        around = measured(
            time_s=start_s + tick * dt_s,
            vehicle_mode=mode,
            ambient_temp_degc=cells.ambient_degc,
            coolant_inlet_temp_degc=cells.inlet_degc,
            coolant_outlet_temp_degc=cells.coolant_degc,
            drive_loop_temp_degc=cells.drive_degc,
        )
        wanted = unit.step(around, believed(cells.cell_degc, heat_w=heat_w), limits(), preview, applied, dt_s)
        applied = replace(wanted, compressor_duty=min(wanted.compressor_duty, compressor_max))
        cells.step(applied, heat_w, dt_s)
        seen.append((cells.cell_degc, applied))
    return seen


def one_step(unit: PidController, cell_degc: float, **around: object) -> ThermalCommand:
    heat_w = float(around.pop("heat_w", 0.0))  # type: ignore[arg-type]
    spread_k = float(around.pop("spread_k", 0.0))  # type: ignore[arg-type]
    preview = around.pop("preview", NO_PREVIEW)
    estimate = believed(cell_degc, spread_k=spread_k, heat_w=heat_w)
    return unit.step(measured(**around), estimate, limits(), preview, ThermalCommand(), 1.0)  # type: ignore[arg-type]


@pytest.mark.parametrize("truck", TRUCKS.values(), ids=TRUCKS)
@pytest.mark.parametrize("dt_s", [1.0, 10.0])
def test_on_a_hot_day_the_hottest_cell_settles_at_the_target(truck: TruckDescription, dt_s: float) -> None:
    target_degc = 32.0 if truck is LIQUID else 30.0
    cells = Cells(truck, cell_degc=36.0, ambient_degc=38.0, drive_degc=50.0)
    heat_w = 0.5 * truck.thermal.chiller_capacity_w
    seen = close_the_loop(build({}, truck), cells, heat_w=heat_w, duration_s=4 * 3600.0, dt_s=dt_s)
    assert all(abs(cell_degc - target_degc) < 0.3 for cell_degc, _ in seen[-100:])
    assert min(cell_degc for cell_degc, _ in seen) > target_degc - 1.5


@pytest.mark.parametrize("truck", TRUCKS.values(), ids=TRUCKS)
def test_on_a_cold_day_the_coldest_cell_is_brought_up_to_the_target_and_little_beyond(
    truck: TruckDescription,
) -> None:
    cells = Cells(truck, cell_degc=-5.0, ambient_degc=-15.0, drive_degc=-10.0)
    seen = close_the_loop(build({}, truck), cells, heat_w=0.0, duration_s=4 * 3600.0, dt_s=2.0)
    assert seen[-1][0] > 14.5
    assert max(cell_degc for cell_degc, _ in seen) < 17.0


@pytest.mark.parametrize("truck", TRUCKS.values(), ids=TRUCKS)
@pytest.mark.parametrize("cell_degc", [18.0, 25.0, 28.0])
@pytest.mark.parametrize("mode", list(VehicleMode))
def test_inside_the_band_everything_is_off(
    truck: TruckDescription, cell_degc: float, mode: VehicleMode
) -> None:
    assert one_step(build({}, truck), cell_degc, vehicle_mode=mode) == ThermalCommand()


def test_the_valve_seldom_moves_and_the_compressor_seldom_starts_at_part_load() -> None:
    cells = Cells(LIQUID, cell_degc=30.0, ambient_degc=20.0, drive_degc=30.0)
    seen = close_the_loop(build({}, LIQUID), cells, heat_w=3e3, duration_s=4 * 3600.0)
    commands = [command for _, command in seen]
    assert sum(a.valve_mode is not b.valve_mode for a, b in pairwise(commands)) <= 8
    assert sum(a.compressor_duty == 0.0 < b.compressor_duty for a, b in pairwise(commands)) <= 4


def test_known_heat_asks_for_cooling_before_the_temperature_shows_it() -> None:
    calm, busy = build({}, LIQUID), build({}, LIQUID)
    for tick in range(600):
        one_step(calm, 31.0, time_s=float(tick), heat_w=0.0)
        one_step(busy, 31.0, time_s=float(tick), heat_w=12e3)
    assert calm.cooling_w == 0.0
    assert busy.cooling_w > 3e3


def test_self_heating_spares_the_heater() -> None:
    calm, busy = build({}, LIQUID), build({}, LIQUID)
    for tick in range(600):
        one_step(calm, 14.0, time_s=float(tick))
        one_step(busy, 14.0, time_s=float(tick), heat_w=9e3)
    assert calm.heating_w > 4e3
    assert busy.heating_w < calm.heating_w - 4e3


def test_an_actuator_that_cannot_follow_does_not_wind_the_loop_up() -> None:
    def overshoot_k(tracking_time_s: float) -> float:
        unit = build({"tracking_time_s": tracking_time_s}, LIQUID)
        cells = Cells(LIQUID, cell_degc=33.0, ambient_degc=38.0, drive_degc=50.0)
        close_the_loop(unit, cells, heat_w=6.3e3, duration_s=7200.0, compressor_max=0.3)
        seen = close_the_loop(unit, cells, heat_w=4e3, duration_s=5000.0, start_s=7200.0)
        return 32.0 - min(cell_degc for cell_degc, _ in seen)

    assert overshoot_k(300.0) < 1.0
    assert overshoot_k(1e5) > 1.5 * overshoot_k(300.0)


def test_lost_temperatures_give_the_safe_command_and_control_goes_on_from_where_it_was() -> None:
    unit, other = build({}, LIQUID), build({}, LIQUID)
    for tick in range(60):
        one_step(unit, 33.0, time_s=float(tick), ambient_temp_degc=38.0)
        one_step(other, 33.0, time_s=float(tick), ambient_temp_degc=38.0)
    before_w = unit.cooling_w
    lost = one_step(unit, nan, time_s=60.0, ambient_temp_degc=38.0)
    assert lost == ThermalCommand(1.0, 1.0, 1.0, 0.0, ValveMode.CHILLER)
    one_step(unit, 33.0, time_s=61.0, ambient_temp_degc=38.0)
    assert unit.cooling_w == pytest.approx(before_w, rel=0.01)


def test_what_happened_while_temperatures_were_lost_is_not_taken_for_a_jump() -> None:
    sharp = {"derivative_time_s": 3600.0, "derivative_filter_s": 0.0, "measurement_filter_s": 0.0}
    lost, never = build(sharp, LIQUID), build(sharp | {"derivative_time_s": 0.0}, LIQUID)
    for unit in (lost, never):
        for tick, cell_degc in enumerate((32.5, 32.5, nan, nan, 33.0)):
            one_step(unit, cell_degc, time_s=float(tick), ambient_temp_degc=38.0)
    assert lost.cooling_w == pytest.approx(never.cooling_w)


def test_a_heater_that_cannot_follow_does_not_wind_the_loop_up() -> None:
    def asked_after_w(tracking_time_s: float) -> float:
        unit = build({"tracking_time_s": tracking_time_s}, LIQUID)
        for tick in range(3000):
            one_step(unit, 14.2, time_s=float(tick), ambient_temp_degc=10.0, drive_loop_temp_degc=0.0)
        return unit.heating_w

    # one_step applies nothing: every demand is refused, and the integral is drawn back to rest
    assert asked_after_w(100.0) < 0.8 * asked_after_w(1e5)


def test_after_a_sleep_the_controller_starts_afresh() -> None:
    slept, fresh = build({}, LIQUID), build({}, LIQUID)
    for tick in range(100):
        one_step(slept, 40.0, time_s=float(tick))
    for tick in range(20):
        after = one_step(slept, 33.0, time_s=40000.0 + tick)
        assert after == one_step(fresh, 33.0, time_s=40000.0 + tick)


def test_cold_cells_seen_before_a_sleep_are_remembered_for_the_safe_command() -> None:
    unit = build({}, LIQUID)
    one_step(unit, -5.0, time_s=0.0)
    one_step(unit, -5.0, time_s=9000.0)
    assert one_step(unit, nan, time_s=9001.0) == ThermalCommand(pump_duty=1.0)


def test_cells_are_cooled_ahead_of_a_fast_charge_and_heated_ahead_of_it_in_the_cold() -> None:
    fast = Preview(charge_in_s=900.0, charge_power_w=1.5 * FULL_RATE_W, confidence=1.0)
    hot, cold = build({}, LIQUID), build({}, LIQUID)
    assert one_step(hot, 30.0, ambient_temp_degc=35.0, preview=fast).compressor_duty > 0.5
    assert one_step(cold, 17.0, ambient_temp_degc=-5.0, preview=fast).heater_duty > 0.5
    assert one_step(build({}, LIQUID), 30.0, ambient_temp_degc=35.0).compressor_duty == 0.0
    assert one_step(build({}, LIQUID), 17.0, ambient_temp_degc=-5.0).heater_duty == 0.0


def test_an_uneven_pack_is_circulated_while_driving_but_not_while_parked() -> None:
    unit = build({}, LIQUID)
    assert one_step(unit, 24.0, spread_k=5.5) == ThermalCommand(pump_duty=0.3)
    assert one_step(unit, 24.0, spread_k=3.5) == ThermalCommand(pump_duty=0.3)
    assert one_step(unit, 24.0, spread_k=2.5) == ThermalCommand()
    assert one_step(build({}, LIQUID), 24.0, spread_k=9.0, vehicle_mode=VehicleMode.PARK) == ThermalCommand()


def test_cooling_goes_before_heating_in_a_pack_that_needs_both() -> None:
    command = one_step(build({}, LIQUID), 23.0, spread_k=40.0, ambient_temp_degc=35.0)
    assert command.compressor_duty > 0.0
    assert command.heater_duty == 0.0


def test_gains_follow_the_pack_and_the_schedule() -> None:
    def asked_w(truck: TruckDescription, cell_degc: float, **settings: object) -> float:
        unit = build({"measurement_filter_s": 0.0, "derivative_time_s": 0.0, **settings}, truck)
        one_step(unit, cell_degc, ambient_temp_degc=25.0)
        return unit.cooling_w

    usual_w = asked_w(LIQUID, 33.0)
    assert asked_w(LIQUID, 33.0, response_time_s=1200.0) == pytest.approx(usual_w / 2.0)
    doubled = {"flow": [0.0, 1.0], "flow_factor": [1.4, 1.4]}
    assert asked_w(LIQUID, 33.0, gain_schedule=doubled) == pytest.approx(2.0 * usual_w, rel=0.01)
    assert asked_w(AIR, 31.0) < usual_w / 10.0


def test_targets_follow_the_chemistry_unless_they_are_given() -> None:
    warm = {"ambient_temp_degc": 35.0}
    assert one_step(build({}, LIQUID), 31.5, **warm) == ThermalCommand()
    nmc = LIQUID.model_copy(update={"pack": LIQUID.pack.model_copy(update={"chemistry": "nmc"})})
    assert one_step(build({}, nmc), 31.5, **warm) != ThermalCommand()
    assert one_step(build({"conditioning": {"cool_degc": 28.0}}, LIQUID), 31.5, **warm) != ThermalCommand()


@pytest.mark.parametrize(
    "settings",
    [
        {"response_time_s": 0.0},
        {"demand_off_share": 0.09},
        {"spread_off_k": 20.0},
        {"conditioning": {"cool_degc": 16.0}},
        {"conditioning": {"charge_heat_degc": [1.0]}},
        {"kp": 3.0},
        {"modes": 5},
    ],
)
def test_settings_that_do_not_fit_are_refused_in_one_line(settings: dict[str, object]) -> None:
    with pytest.raises(ConfigError) as error:
        build(settings, LIQUID)
    assert "controller pid" in str(error.value)
    assert "\n" not in str(error.value)
