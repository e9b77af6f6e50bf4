import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plant_models.air_path import AirPathParameters, air_actuate, air_solve, build_air_path
from plant_models.chiller import build_chiller, sized_for
from plant_models.circuit import circuit_stored_heat_j
from plant_models.cold_plate import branch_flows
from plant_models.coolant_loop import (
    CoolantLoopParameters,
    build_loop,
    loop_actuate,
    loop_solve,
)

CIRCUITS = {
    "liquid": (build_loop, CoolantLoopParameters(), loop_actuate, loop_solve, circuit_stored_heat_j),
    "air": (build_air_path, AirPathParameters(), air_actuate, air_solve, circuit_stored_heat_j),
}
IN = (
    "pack_heat_w",
    "heater_heat_w",
    "pump_hydraulic_w",
    "drive_heat_w",
    "intake_enthalpy_w",
    "cabin_enthalpy_w",
)
OUT = (
    "radiator_heat_w",
    "evaporator_heat_w",
    "exhaust_enthalpy_w",
    "circuit_loss_w",
    "low_temp_radiator_heat_w",
    "low_temp_loss_w",
)
POWERS = ("pump_power_w", "fan_power_w", "heater_power_w")

duty = st.floats(0.0, 1.0)
temp_k = st.floats(243.15, 323.15)
mild_k = st.floats(268.15, 313.15)
command = st.fixed_dictionaries(
    {
        "duties": st.tuples(duty, duty, duty, duty),
        "mode": st.sampled_from([0.0, 1.0, 2.0, 3.0]),
        "branches": st.sampled_from([0.0, 0.2, 1.0, 3.0]),
        "humidity": duty,
        "speed_m_per_s": st.floats(0.0, 30.0),
        "drive_heat_w": st.floats(0.0, 30e3),
        "pack_k": temp_k,
        "transfer": st.floats(0.0, 0.99),
        "dt_s": st.sampled_from([0.05, 1.0, 10.0]),
    }
)


def affine_pack(p, s, pack_k, transfer):
    """Return F_a and F_b of a pack at a fixed temperature that takes or gives ``transfer`` of what it
    could."""
    m = float(s.mass_flow_kg_per_s)
    cp = p.cp_a_j_per_kgk + p.cp_b_j_per_kgk2 * (s.supply_temp_k - 273.15)
    offset_k = s.supply_temp_k - s.supply_enthalpy_j_per_kg / cp
    return transfer * m * cp * (pack_k - offset_k), m * (1.0 - transfer)


def step(circuit, refrigerant, p, s, ambient_k, c):
    _, _, actuate, solve, _ = circuit
    world = (c["branches"], ambient_k, c["humidity"], c["speed_m_per_s"], c["drive_heat_w"], 0.0, 295.0)
    actuate(p, s, *refrigerant, *c["duties"], c["mode"], *world, c["dt_s"])
    fa, fb = affine_pack(p, s, c["pack_k"], c["transfer"])
    return solve(p, s, fa, fb, float(s.mass_flow_kg_per_s), c["dt_s"])


def refrigerant_at(ambient_k):
    chiller_p, chiller_s, table = build_chiller(sized_for(10e3), ambient_k=ambient_k)
    return chiller_p[0], chiller_s[0], table


@pytest.fixture(scope="module", autouse=True)
def compiled():
    """Compile every kernel before the first example: under Hypothesis's stack guard a compile that fails is
    tried anew for each."""
    c = {
        "duties": (0.5, 0.5, 0.5, 0.5),
        "mode": 1.0,
        "branches": 1.0,
        "humidity": 0.5,
        "speed_m_per_s": 10.0,
        "drive_heat_w": 1e3,
        "pack_k": 300.0,
        "transfer": 0.5,
        "dt_s": 1.0,
    }
    for circuit in CIRCUITS.values():
        p, s = (array[0] for array in circuit[0](circuit[1], 293.15))
        step(circuit, refrigerant_at(293.15), p, s, 293.15, c)
        circuit[4](p, s)
    branch_flows(np.ones(1), np.ones(1), 0.5, np.zeros(1))


@pytest.mark.parametrize("name", list(CIRCUITS))
@settings(max_examples=40, deadline=None)
@given(start_k=temp_k, ambient_k=temp_k, commands=st.lists(command, min_size=1, max_size=12))
def test_energy_closes_in_every_step_and_everything_stays_finite(name, start_k, ambient_k, commands):
    circuit = CIRCUITS[name]
    build, parameters, _, _, stored_j = circuit
    p, s = (array[0] for array in build(parameters, start_k))
    refrigerant = refrigerant_at(ambient_k)
    for c in commands:
        before = stored_j(p, s)
        step(circuit, refrigerant, p, s, ambient_k, c)
        assert all(np.isfinite(float(s[field])) for field in s.dtype.names)
        into = sum(float(s[port]) for port in IN) - sum(float(s[port]) for port in OUT)
        scale = abs(before) + abs(stored_j(p, s)) + c["dt_s"] * sum(abs(float(s[port])) for port in IN + OUT)
        assert stored_j(p, s) - before == pytest.approx(into * c["dt_s"], abs=1e-11 * scale + 1e-6)
        assert all(s[power] >= 0.0 for power in POWERS)
        assert 0.0 <= s.pump_hydraulic_w <= s.pump_power_w


@settings(max_examples=60, deadline=None)
@given(start_k=mild_k, ambient_k=mild_k, pack_k=mild_k, commands=st.lists(command, min_size=1, max_size=12))
def test_without_heater_and_chiller_nothing_leaves_the_range_of_what_it_touches(
    start_k, ambient_k, pack_k, commands
):
    p, s = (array[0] for array in build_loop(CoolantLoopParameters(), start_k))
    refrigerant = refrigerant_at(ambient_k)
    coldest, hottest = min(start_k, ambient_k, pack_k), max(start_k, ambient_k, pack_k)
    pump_j = 0.0
    for c in commands:
        pump, fan, _, _ = c["duties"]
        passive = {
            "duties": (pump, fan, 0.0, 0.0),
            "mode": 0.0 if c["mode"] == 2.0 else c["mode"],
            "drive_heat_w": 0.0,
            "pack_k": pack_k,
        }
        step(CIRCUITS["liquid"], refrigerant, p, s, ambient_k, {**c, **passive})
        pump_j += float(s.pump_hydraulic_w) * c["dt_s"]
        # 2 K: the specific heat is linearised over the 45 K that one step may cover, b ΔT² / 2 cp = 1.6 K
        rise_k = pump_j / (3000.0 * p.supply_mass_kg) + 2.0
        for node in ("supply_temp_k", "return_temp_k", "low_temp_k"):
            assert coldest - 2.0 <= s[node] <= hottest + rise_k


@pytest.mark.parametrize("name", list(CIRCUITS))
@settings(max_examples=40, deadline=None)
@given(start_k=temp_k, ambient_k=temp_k, c=command, warmer_k=st.floats(0.0, 20.0))
def test_a_warmer_pack_never_gets_colder_supply(name, start_k, ambient_k, c, warmer_k):
    circuit = CIRCUITS[name]
    ends = []
    for pack_k in (c["pack_k"], c["pack_k"] + warmer_k):
        p, s = (array[0] for array in circuit[0](circuit[1], start_k))
        ends.append(step(circuit, refrigerant_at(ambient_k), p, s, ambient_k, {**c, "pack_k": pack_k}))
    assert ends[1] >= ends[0] - 1e-6 * abs(ends[0])


@settings(max_examples=100, deadline=None)
@given(
    factors=st.lists(st.floats(0.2, 50.0), min_size=1, max_size=6),
    flow=st.floats(0.0, 5.0),
    data=st.data(),
)
def test_branches_share_out_the_whole_flow_and_a_clogged_one_gets_least(factors, flow, data):
    flags = data.draw(st.lists(st.sampled_from([0.0, 1.0]), min_size=len(factors), max_size=len(factors)))
    out = np.zeros(len(factors))
    branch_flows(np.array(factors), np.array(flags), flow, out)
    assert out.sum() == pytest.approx(flow if any(flags) else 0.0, rel=1e-12)
    open_flows = [(factor, share) for factor, share, flag in zip(factors, out, flags, strict=True) if flag]
    assert all(a[1] >= b[1] for a, b in zip(sorted(open_flows), sorted(open_flows)[1:], strict=False))
