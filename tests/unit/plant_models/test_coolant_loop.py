import numpy as np
import pytest
from pydantic import ValidationError

from plant_models.chiller import build_chiller, sized_for
from plant_models.circuit import circuit_stored_heat_j
from plant_models.cold_plate import plate_resistance_pa_s_per_m3
from plant_models.coolant_loop import (
    CoolantLoopParameters,
    build_loop,
    loop_actuate,
    loop_flow_m3_per_s,
    loop_ratings,
    loop_record,
    loop_solve,
)
from plant_models.glycol import density, enthalpy, specific_heat, viscosity
from thermal_bms.signals import ValveMode

LOOP = CoolantLoopParameters()
P = loop_record(LOOP)[0]
TIGHT = CoolantLoopParameters(loss_w_per_k=0.0, drive={"loss_w_per_k": 0.0})
KELVIN = 273.15


class Bench:
    """A loop with its chiller and, as the pack, one lumped heat capacity behind a conductance."""

    def __init__(self, temp_degc=20.0, *, loop=TIGHT, pack_degc=None, pack_j_per_k=600e3, chiller_w=10e3):
        self.p, self.s = (array[0] for array in build_loop(loop, temp_degc + KELVIN))
        chiller_p, chiller_s, self.table = build_chiller(sized_for(chiller_w), ambient_k=temp_degc + KELVIN)
        self.chiller_p, self.chiller_s = chiller_p[0], chiller_s[0]
        self.pack_k = KELVIN + (temp_degc if pack_degc is None else pack_degc)
        self.pack_j_per_k = pack_j_per_k
        self.command = {"pump": 1.0, "fan": 0.0, "compressor": 0.0, "heater": 0.0, "mode": ValveMode.BYPASS}
        self.world = {
            "ambient_degc": temp_degc,
            "humidity": 0.3,
            "speed": 0.0,
            "drive_w": 0.0,
            "branches": 3.0,
        }
        self.pack_heat_w = 0.0

    def actuate(self, dt_s, actuate=loop_actuate):
        c, w = self.command, self.world
        actuate(
            self.p,
            self.s,
            self.chiller_p,
            self.chiller_s,
            self.table,
            c["pump"],
            c["fan"],
            c["compressor"],
            c["heater"],
            float(c["mode"]),
            w["branches"],
            w["ambient_degc"] + KELVIN,
            w["humidity"],
            w["speed"],
            w["drive_w"],
            0.0,
            295.0,
            dt_s,
        )

    def pack(self, dt_s):
        """Return F_a, F_b of a pack node that gives 90 % of what its flow can take, and how it then ends."""
        m = float(self.s.mass_flow_kg_per_s)
        cp = specific_heat(self.p, self.s.supply_temp_k)
        offset_k = self.s.supply_temp_k - self.s.supply_enthalpy_j_per_kg / cp
        g = 0.9 * m * cp
        inertia = self.pack_j_per_k / dt_s
        start = (inertia * self.pack_k + self.pack_heat_w) / (inertia + g)
        gain = g / (inertia + g)
        fa = g * (start + (gain - 1.0) * offset_k)
        return fa, m + g * (gain - 1.0) / cp, m, lambda h: start + gain * (offset_k + h / cp)

    def run(self, seconds, dt_s=1.0):
        for _ in range(round(seconds / dt_s)):
            self.actuate(dt_s)
            fa, fb, m, end = self.pack(dt_s)
            self.pack_k = end(loop_solve(self.p, self.s, fa, fb, m, dt_s))
        return self.s


def set_command(bench, **command):
    bench.command.update(command)
    return bench


def test_the_operating_point_lies_on_pump_and_circuit():
    for temp_k in (248.15, 273.15, 293.15, 313.15):
        for speed in (0.1, 1.0):
            flow = loop_flow_m3_per_s(P, speed, 3.0, temp_k)
            head = LOOP.pump.pressure_max_pa * (speed**2 - (flow / LOOP.pump.flow_free_m3_per_s) ** 2)
            plates = plate_resistance_pa_s_per_m3(P, flow * density(P, temp_k) / 3.0, temp_k) / 3.0 * flow
            nu = viscosity(P, temp_k) / density(P, temp_k)
            rest = 25e3 * (flow / 1e-3) ** 2 * (nu / 3.468e-6) ** 0.25
            assert head == pytest.approx(plates + rest, rel=1e-6)


def test_turbulent_plates_are_met_by_the_sweeps():
    wide = CoolantLoopParameters(
        plate={"channels": 4, "channel_width_m": 0.02, "channel_height_m": 0.01}, circuit_pressure_pa=2e3
    )
    p = loop_record(wide)[0]
    temp_k = 333.15
    flow = loop_flow_m3_per_s(p, 1.0, 1.0, temp_k)
    resistance = plate_resistance_pa_s_per_m3(p, flow * density(p, temp_k), temp_k)
    assert resistance > 1.5 * plate_resistance_pa_s_per_m3(p, 0.0, temp_k)
    head = wide.pump.pressure_max_pa * (1.0 - (flow / wide.pump.flow_free_m3_per_s) ** 2)
    nu = viscosity(p, temp_k) / density(p, temp_k)
    rest = 2e3 * (flow / 1e-3) ** 2 * (nu / 3.468e-6) ** 0.25
    assert head == pytest.approx(resistance * flow + rest, rel=0.01)


def test_cold_coolant_and_clogged_plates_flow_less():
    warm = loop_flow_m3_per_s(P, 1.0, 3.0, 293.15)
    assert loop_flow_m3_per_s(P, 1.0, 3.0, 248.15) < 0.92 * warm
    assert loop_flow_m3_per_s(P, 1.0, 0.1, 293.15) < 0.8 * warm
    assert loop_flow_m3_per_s(P, 1.0, 0.0, 293.15) == 0.0


@pytest.mark.parametrize("mode", list(ValveMode))
@pytest.mark.parametrize("dt_s", [0.05, 1.0, 10.0])
def test_stored_heat_changes_by_exactly_what_the_ports_carry(mode, dt_s):
    bench = set_command(
        Bench(30.0, loop=LOOP, pack_degc=36.0), fan=0.7, compressor=0.8, heater=0.3, mode=mode
    )
    bench.world.update(ambient_degc=18.0, drive_w=9e3, speed=11.0)
    before = circuit_stored_heat_j(bench.p, bench.s)
    carried, moved = 0.0, 0.0
    for _ in range(200):
        s = bench.run(dt_s, dt_s)
        into = s.pack_heat_w + s.heater_heat_w + s.pump_hydraulic_w + s.drive_heat_w
        out = s.radiator_heat_w + s.evaporator_heat_w + s.circuit_loss_w
        out += s.low_temp_radiator_heat_w + s.low_temp_loss_w
        carried += (into - out) * dt_s
        moved += (abs(into) + abs(out)) * dt_s
    assert moved > 1e4
    assert circuit_stored_heat_j(bench.p, bench.s) - before == pytest.approx(carried, abs=1e-10 * moved)


def test_the_waste_heat_exchanger_moves_heat_between_the_loops_and_makes_none():
    bench = set_command(Bench(0.0), mode=ValveMode.WASTE_HEAT)
    bench.s.low_temp_k = KELVIN + 35.0
    bench.run(60.0)
    low, circuit = bench.s.low_temp_k, bench.s.supply_enthalpy_j_per_kg
    s = bench.run(1.0)
    assert s.waste_heat_w > 1e3
    lost = bench.p.drive_heat_capacity_j_per_k * (low - s.low_temp_k)
    assert lost == pytest.approx(s.waste_heat_w, rel=1e-9)
    assert s.supply_enthalpy_j_per_kg > circuit


def test_a_pack_warmer_than_the_drive_loop_heats_it_in_waste_heat_mode():
    bench = set_command(Bench(30.0), mode=ValveMode.WASTE_HEAT)
    bench.s.low_temp_k = KELVIN + 5.0
    assert bench.run(60.0).waste_heat_w < -1e3


@pytest.mark.parametrize("mode", list(ValveMode))
def test_with_the_pump_off_nothing_is_exchanged_and_the_nodes_keep_their_heat(mode):
    bench = set_command(Bench(40.0), pump=0.0, fan=1.0, compressor=1.0, heater=1.0, mode=mode)
    bench.world.update(ambient_degc=-20.0, speed=20.0)
    s = bench.run(3600.0, 10.0)
    assert s.mass_flow_kg_per_s == 0.0
    for port in ("radiator_heat_w", "evaporator_heat_w", "waste_heat_w", "heater_heat_w", "pump_hydraulic_w"):
        assert s[port] == 0.0
    assert s.supply_temp_k == pytest.approx(KELVIN + 40.0, abs=1e-9)
    assert s.return_temp_k == pytest.approx(KELVIN + 40.0, abs=1e-9)


def test_at_rest_the_loop_cools_down_to_the_ambient_through_its_hoses():
    bench = set_command(Bench(40.0, loop=LOOP), pump=0.0)
    bench.world.update(ambient_degc=-10.0)
    s = bench.run(48 * 3600.0, 10.0)
    for name in ("supply_temp_k", "return_temp_k", "low_temp_k"):
        assert s[name] == pytest.approx(KELVIN - 10.0, abs=0.5)


def test_the_radiator_carries_the_heat_of_the_cells_away_in_steady_state():
    bench = set_command(Bench(20.0), fan=1.0, mode=ValveMode.RADIATOR)
    bench.pack_heat_w = 5e3
    s = bench.run(4 * 3600.0, 5.0)
    assert s.radiator_heat_w == pytest.approx(5e3 + s.pump_hydraulic_w, rel=1e-3)
    expected = s.radiator_heat_w / s.radiator_w_per_k
    assert s.return_temp_k - KELVIN - 20.0 == pytest.approx(expected, rel=1e-3)


def test_ram_air_does_the_fans_work_on_the_motorway():
    bench = set_command(Bench(20.0), mode=ValveMode.RADIATOR)
    bench.world.update(speed=23.6)
    s = bench.run(60.0)
    assert s.fan_power_w == 0.0
    assert s.radiator_w_per_k > 0.8 * loop_ratings(LOOP, 3.0)[1]


def test_the_chiller_cools_a_hot_truck_at_its_rating():
    bench = set_command(Bench(30.0, pack_j_per_k=1e6), fan=1.0, compressor=1.0, mode=ValveMode.CHILLER)
    bench.world.update(ambient_degc=40.0)
    bench.pack_heat_w = 9.5e3
    s = bench.run(4 * 3600.0, 2.0)
    assert s.evaporator_heat_w == pytest.approx(9.5e3 + s.pump_hydraulic_w, rel=0.01)
    assert 288.0 < s.supply_temp_k < 303.0
    assert s.air_inlet_k > 313.15 + 2.0


def test_the_chiller_keeps_the_coolant_above_the_dew_point():
    bench = set_command(Bench(26.0, pack_j_per_k=50e3), fan=1.0, compressor=1.0, mode=ValveMode.CHILLER)
    bench.world.update(ambient_degc=30.0, humidity=0.7)  # dew point 23.9 degC
    coldest = min(bench.run(1.0).supply_temp_k for _ in range(1800))
    assert coldest > KELVIN + 23.9
    assert bench.run(1.0).supply_temp_k < KELVIN + 26.0


def test_the_heater_warms_a_cold_pack_and_nothing_else_takes_the_heat():
    bench = set_command(Bench(-20.0), heater=1.0)
    s = bench.run(600.0)
    assert s.heater_heat_w == pytest.approx(9.8e3)
    assert s.heater_power_w == pytest.approx(10e3)
    stored = circuit_stored_heat_j(bench.p, s) + bench.pack_j_per_k * (bench.pack_k - KELVIN)
    start = circuit_stored_heat_j(bench.p, build_loop(TIGHT, KELVIN - 20.0)[1][0]) - bench.pack_j_per_k * 20.0
    assert stored - start == pytest.approx(600 * 9.8e3, rel=0.02)  # ramp-up takes, the pump's heat adds


def test_the_drive_loop_warms_up_behind_its_thermostat_and_then_holds_below_its_limit():
    bench = Bench(10.0)
    bench.world.update(drive_w=12e3, speed=20.0)
    assert bench.run(300.0).low_temp_radiator_heat_w == pytest.approx(0.0, abs=50.0)
    assert KELVIN + 25.0 < bench.s.low_temp_k < KELVIN + 40.0
    s = bench.run(3600.0)
    assert KELVIN + 40.0 < s.low_temp_k < KELVIN + 55.0
    assert s.low_temp_radiator_heat_w == pytest.approx(12e3, rel=0.02)


def test_air_warmed_by_the_packs_radiator_cools_the_drive_loop_less():
    results = []
    for mode in (ValveMode.BYPASS, ValveMode.RADIATOR):
        bench = set_command(Bench(20.0, pack_degc=50.0, pack_j_per_k=1e7), fan=1.0, mode=mode)
        bench.world.update(drive_w=20e3)
        results.append(bench.run(1800.0).low_temp_k)
    assert results[1] > results[0] + 1.0


def test_a_step_of_ten_seconds_ends_where_small_steps_end():
    ends = []
    for dt_s in (0.05, 10.0):
        bench = set_command(Bench(20.0, pack_degc=40.0), fan=1.0, mode=ValveMode.RADIATOR)
        bench.world.update(drive_w=10e3, speed=15.0)
        s = bench.run(600.0, dt_s)
        ends.append([s.supply_temp_k, s.return_temp_k, s.low_temp_k, bench.pack_k])
    np.testing.assert_allclose(ends[0], ends[1], atol=0.15)


def test_the_supply_answers_to_the_pack_with_the_closed_forms_steady_state():
    bench = Bench(20.0, pack_degc=35.0, pack_j_per_k=1e12)
    s = bench.run(3600.0)
    rise = s.pump_hydraulic_w / (0.9 * s.mass_flow_kg_per_s * specific_heat(bench.p, s.supply_temp_k))
    assert s.supply_temp_k - bench.pack_k == pytest.approx(rise, rel=1e-3)


def test_ratings_are_what_the_loop_delivers_standing_with_full_pump_and_fan():
    bench = set_command(Bench(20.0), fan=1.0, mode=ValveMode.RADIATOR)
    s = bench.run(60.0)
    flow, heat = loop_ratings(TIGHT, 3.0)
    assert s.mass_flow_kg_per_s == pytest.approx(flow, rel=1e-3)
    assert s.radiator_w_per_k == pytest.approx(heat, rel=1e-3)


def test_a_new_loop_stands_still_at_its_temperature():
    p, s = build_loop(LOOP, 300.0)
    assert s[0].supply_enthalpy_j_per_kg == pytest.approx(enthalpy(p[0], 300.0))
    assert (s[0].valve_bypass, s[0].pump_speed, s[0].low_temp_k) == (1.0, 0.0, 300.0)


@pytest.mark.parametrize(
    "bad",
    [{"return_mass_kg": 0.0}, {"pump": {"lag_s": 0.0}}, {"heater": {"efficiency": 1.1}}, {"typo": 1.0}],
)
def test_impossible_parameters_are_refused(bad):
    with pytest.raises(ValidationError):
        CoolantLoopParameters(**bad)


@pytest.mark.parametrize("mode", list(ValveMode))
def test_compiled_kernels_equal_their_plain_python(mode):
    states = []
    for actuate, solve in ((loop_actuate, loop_solve), (loop_actuate.py_func, loop_solve.py_func)):
        bench = set_command(Bench(25.0), fan=0.5, compressor=0.6, heater=0.2, mode=mode)
        bench.world.update(drive_w=5e3, speed=10.0)
        for _ in range(3):
            bench.actuate(2.0, actuate)
            fa, fb, m, _ = bench.pack(2.0)
            solve(bench.p, bench.s, fa, fb, m, 2.0)
        states.append([float(bench.s[name]) for name in bench.s.dtype.names])
    np.testing.assert_allclose(states[0], states[1], rtol=1e-10, atol=1e-9)
