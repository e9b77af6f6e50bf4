import numpy as np
import pytest
from pydantic import ValidationError

from plant_models.air_path import (
    AirPathParameters,
    air_actuate,
    air_film_conductance_w_per_k,
    air_path_ratings,
    air_path_record,
    air_solve,
    build_air_path,
)
from plant_models.chiller import build_chiller, sized_for
from plant_models.circuit import circuit_stored_heat_j
from plant_models.coolant_loop import CoolantLoopParameters, build_loop
from thermal_bms.signals import ValveMode

PATH = AirPathParameters()
P = air_path_record(PATH)[0]
KELVIN = 273.15
CP = 1006.0


class Bench:
    """An air path with its chiller and, as the pack, one lumped heat capacity that air leaves at 80 % of."""

    def __init__(self, temp_degc=20.0, *, path=PATH, pack_degc=None, pack_j_per_k=300e3):
        self.p, self.s = (array[0] for array in build_air_path(path, temp_degc + KELVIN))
        chiller_p, chiller_s, self.table = build_chiller(sized_for(3e3), ambient_k=temp_degc + KELVIN)
        self.refrigerant = (chiller_p[0], chiller_s[0], self.table)
        self.pack_k = KELVIN + (temp_degc if pack_degc is None else pack_degc)
        self.pack_j_per_k = pack_j_per_k
        self.command = {"blower": 1.0, "fan": 0.0, "compressor": 0.0, "heater": 0.0, "mode": ValveMode.BYPASS}
        self.ambient_k = temp_degc + KELVIN
        self.cabin_k = 295.15
        self.branches = 1.0
        self.drive_w = 0.0

    def actuate(self, dt_s, actuate=air_actuate):
        c = self.command
        commands = (c["blower"], c["fan"], c["compressor"], c["heater"], float(c["mode"]))
        world = (self.branches, self.ambient_k, 0.4, 10.0, self.drive_w, 0.0, self.cabin_k)
        actuate(self.p, self.s, *self.refrigerant, *commands, *world, dt_s)

    def pack(self, dt_s):
        m = float(self.s.mass_flow_kg_per_s)
        g = 0.8 * m * CP
        inertia = self.pack_j_per_k / dt_s
        start = inertia * self.pack_k / (inertia + g)
        gain = g / (inertia + g)
        fa = g * (start + (gain - 1.0) * KELVIN)
        return fa, m + g * (gain - 1.0) / CP, m, lambda h: start + gain * (KELVIN + h / CP)

    def run(self, seconds, dt_s=1.0):
        for _ in range(round(seconds / dt_s)):
            self.actuate(dt_s)
            fa, fb, m, end = self.pack(dt_s)
            self.pack_k = end(air_solve(self.p, self.s, fa, fb, m, dt_s))
        return self.s


def set_command(bench, **command):
    bench.command.update(command)
    return bench


@pytest.mark.parametrize("mode", list(ValveMode))
@pytest.mark.parametrize("dt_s", [0.05, 1.0, 10.0])
def test_stored_heat_changes_by_exactly_what_the_ports_carry(mode, dt_s):
    bench = set_command(Bench(25.0, pack_degc=33.0), fan=0.5, compressor=0.7, heater=0.2, mode=mode)
    bench.ambient_k, bench.drive_w = 280.0, 3e3
    before = circuit_stored_heat_j(bench.p, bench.s)
    carried, moved = 0.0, 0.0
    for _ in range(200):
        s = bench.run(dt_s, dt_s)
        into = s.pack_heat_w + s.heater_heat_w + s.pump_hydraulic_w + s.drive_heat_w
        into += s.intake_enthalpy_w + s.cabin_enthalpy_w
        out = s.evaporator_heat_w + s.exhaust_enthalpy_w + s.circuit_loss_w
        out += s.low_temp_radiator_heat_w + s.low_temp_loss_w
        carried += (into - out) * dt_s
        moved += (abs(into) + abs(out)) * dt_s
    assert moved > 1e3
    assert circuit_stored_heat_j(bench.p, bench.s) - before == pytest.approx(carried, abs=1e-10 * moved)


def test_ambient_air_enters_at_ambient_temperature_and_leaves_with_the_packs_heat():
    bench = set_command(Bench(20.0, pack_degc=40.0, pack_j_per_k=1e9), mode=ValveMode.RADIATOR)
    s = bench.run(300.0)
    blower_k = s.pump_hydraulic_w / (s.mass_flow_kg_per_s * CP)
    assert s.supply_temp_k - 293.15 == pytest.approx(blower_k, abs=0.01)
    carried = s.exhaust_enthalpy_w - s.intake_enthalpy_w
    assert carried == pytest.approx(s.mass_flow_kg_per_s * CP * (s.return_temp_k - 293.15), rel=1e-9)
    assert carried == pytest.approx(s.pack_heat_w + s.pump_hydraulic_w, rel=0.03)


def test_recirculated_air_leaves_nothing_outside_but_what_the_ducts_lose():
    bench = set_command(Bench(5.0, pack_degc=30.0), mode=ValveMode.BYPASS)
    s = bench.run(600.0)
    assert s.exhaust_enthalpy_w == pytest.approx(0.0, abs=1e-9)
    assert s.intake_enthalpy_w == pytest.approx(0.0, abs=1e-9)
    assert s.supply_temp_k == pytest.approx(bench.pack_k, abs=1.0)


def test_waste_heat_is_recirculation_on_an_air_truck():
    ends = []
    for mode in (ValveMode.BYPASS, ValveMode.WASTE_HEAT):
        s = set_command(Bench(5.0, pack_degc=30.0), mode=mode).run(60.0)
        ends.append((s.supply_temp_k, s.return_temp_k))
    assert ends[0] == pytest.approx(ends[1], rel=1e-12)


def test_cabin_air_is_cooled_by_the_evaporator_but_not_below_its_limit():
    bench = set_command(Bench(38.0, pack_j_per_k=1e8), fan=1.0, compressor=1.0, mode=ValveMode.CHILLER)
    bench.cabin_k = 298.15
    coldest_k = 400.0
    for _ in range(900):
        s = bench.run(1.0)
        coldest_k = min(coldest_k, s.supply_temp_k)
    assert KELVIN + 7.9 < coldest_k < KELVIN + 20.0
    assert s.cabin_enthalpy_w == pytest.approx(s.mass_flow_kg_per_s * CP * 25.0)
    assert s.evaporator_heat_w > 500.0


def test_the_air_heater_warms_recirculated_air_up_to_its_own_limit():
    bench = set_command(Bench(-10.0, pack_degc=-10.0, pack_j_per_k=1e8), heater=1.0)
    s = bench.run(300.0)
    assert s.heater_heat_w == pytest.approx(2e3 * 0.98)
    bench = set_command(Bench(58.0, pack_j_per_k=1e8), heater=1.0)
    s = bench.run(300.0)
    assert s.heater_heat_w < 0.5 * 2e3
    assert s.supply_temp_k <= KELVIN + 60.5


@pytest.mark.parametrize("mode", list(ValveMode))
def test_with_the_blower_off_nothing_is_exchanged_and_the_ducts_keep_their_heat(mode):
    tight = AirPathParameters(loss_w_per_k=0.0)
    bench = set_command(Bench(40.0, path=tight), blower=0.0, fan=1.0, compressor=1.0, heater=1.0, mode=mode)
    bench.ambient_k = 253.15
    s = bench.run(3600.0, 10.0)
    for port in ("heater_heat_w", "evaporator_heat_w", "exhaust_enthalpy_w", "intake_enthalpy_w"):
        assert s[port] == 0.0
    assert s.supply_temp_k == pytest.approx(KELVIN + 40.0, abs=1e-9)
    assert s.return_temp_k == pytest.approx(KELVIN + 40.0, abs=1e-9)


def test_blower_flow_follows_its_speed_and_the_open_branches():
    full = Bench().run(30.0).mass_flow_kg_per_s
    assert set_command(Bench(), blower=0.5).run(30.0).mass_flow_kg_per_s == pytest.approx(
        0.5 * full, rel=1e-3
    )
    clogged = Bench()
    clogged.branches = 0.25
    assert clogged.run(30.0).mass_flow_kg_per_s < 0.5 * full
    closed = Bench()
    closed.branches = 0.0
    assert closed.run(30.0).mass_flow_kg_per_s == 0.0


def test_blower_power_is_that_of_a_small_radial_blower():
    s = Bench().run(30.0)
    assert 80.0 < s.pump_power_w < 250.0
    assert 0.1 < s.pump_hydraulic_w / s.pump_power_w <= 0.25


def test_film_conductance_follows_the_flow_to_the_power_of_0_8():
    one = air_film_conductance_w_per_k(P, 1.0, 293.15)
    assert air_film_conductance_w_per_k(P, 2.0, 293.15) == pytest.approx(2.0**0.8 * one, rel=1e-4)


def test_standing_air_still_takes_some_heat():
    channel = PATH.channel
    natural = air_film_conductance_w_per_k(P, 0.0, 293.15)
    assert natural == pytest.approx(channel.natural_w_per_m2k * channel.area_m2)


def test_a_step_of_ten_seconds_ends_where_small_steps_end():
    ends = []
    for dt_s in (0.05, 10.0):
        bench = set_command(Bench(20.0, pack_degc=40.0), mode=ValveMode.RADIATOR)
        s = bench.run(600.0, dt_s)
        ends.append([s.supply_temp_k, s.return_temp_k, bench.pack_k])
    np.testing.assert_allclose(ends[0], ends[1], atol=0.15)


def test_ratings_are_what_the_path_delivers_at_full_blower_speed():
    s = set_command(Bench(20.0), mode=ValveMode.RADIATOR).run(60.0)
    flow, heat = air_path_ratings(PATH, 1.0)
    assert s.mass_flow_kg_per_s == pytest.approx(flow, rel=1e-6)
    assert heat == pytest.approx(flow * CP)


def test_air_and_liquid_circuits_share_one_layout_of_state():
    liquid = build_loop(CoolantLoopParameters(), 293.15)[1]
    assert build_air_path(PATH, 293.15)[1].dtype == liquid.dtype


@pytest.mark.parametrize("bad", [{"duct_flow_m3_per_s": 0.0}, {"channel": {"area_m2": -1.0}}, {"typo": 1.0}])
def test_impossible_parameters_are_refused(bad):
    with pytest.raises(ValidationError):
        AirPathParameters(**bad)


@pytest.mark.parametrize("mode", list(ValveMode))
def test_compiled_kernels_equal_their_plain_python(mode):
    states = []
    for actuate, solve in ((air_actuate, air_solve), (air_actuate.py_func, air_solve.py_func)):
        bench = set_command(Bench(25.0), fan=0.5, compressor=0.6, heater=0.2, mode=mode)
        bench.drive_w = 2e3
        for _ in range(3):
            bench.actuate(2.0, actuate)
            fa, fb, m, _ = bench.pack(2.0)
            solve(bench.p, bench.s, fa, fb, m, 2.0)
        states.append([float(bench.s[name]) for name in bench.s.dtype.names])
    np.testing.assert_allclose(states[0], states[1], rtol=1e-10, atol=1e-9)
    assert air_film_conductance_w_per_k(P, 0.05, 300.0) == pytest.approx(
        air_film_conductance_w_per_k.py_func(P, 0.05, 300.0), rel=1e-14
    )
