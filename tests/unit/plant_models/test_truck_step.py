"""The tick of the truck: energy books over an hour, step size, no flow and long ticks."""

import functools
import math
from dataclasses import replace

import numpy as np
import pytest

from plant_models.truck import Surroundings
from plant_models.truck_step import FROM_ABUSE, PORTS
from scenarios.rows import ENERGY_BALANCE
from tests.unit.plant_models.truck_days import MILD, THERMAL_PLAN, Hour, closure, command, ready, steady
from thermal_bms.signals import ThermalCommand, ValveMode
from thermal_bms.units import FloatArray

# --- energy books over a mixed hour ---


@functools.cache
def hour(name: str) -> Hour:
    return Hour(name)


ABUSE = {f"{port.removesuffix('_w')}_j" for port in PORTS[FROM_ABUSE:]}  # see test_runaway
BOOKED = [
    (name, domain, side, column.removesuffix("_j") + "_w")
    for name, absent in (
        ("heavy_lfp", {"unmet_power_j", "intake_enthalpy_j", "cabin_enthalpy_j", "exhaust_enthalpy_j"}),
        ("light_air", {"unmet_power_j", "radiator_heat_j", "drive_radiator_heat_j"}),
    )
    for domain in ("electrical", "thermal")
    for side in ("in", "out")
    for column in ENERGY_BALANCE[domain][side]
    if column not in absent | ABUSE
]


@pytest.mark.parametrize("name", ["heavy_lfp", "light_liquid", "light_air", "medium_nmc"])
@pytest.mark.parametrize("domain", ["electrical", "thermal"])
def test_the_books_of_an_hour_of_driving_charging_and_sleeping_close(name: str, domain: str) -> None:
    done = hour(name)
    assert done.truck.time_s >= 3600.0
    assert closure(done, domain) < 1e-8


@pytest.mark.parametrize(("name", "domain", "side", "left_out"), BOOKED)
def test_leaving_out_any_one_port_opens_the_books(name: str, domain: str, side: str, left_out: str) -> None:
    done = hour(name)
    assert left_out.removesuffix("_w") + "_j" in ENERGY_BALANCE[domain][side]
    assert done.share(left_out) > 0.0
    assert closure(done, domain, without=left_out) > 1e-5


def test_a_demand_beyond_the_pack_is_booked_as_unmet_and_the_books_still_close() -> None:
    truck = ready("light_air", soc=0.05, temp_degc=-20.0)
    truck.actuate(command(truck, THERMAL_PLAN[0], charge_a=0.0, closed=True))
    truck.actuate(replace(truck._command, discharge_power_max_w=500e3))
    truck.drive(steady(40.0))
    before_j = truck.stored_energies_j()[0]
    through_j = np.zeros(len(PORTS))
    for _ in range(30):
        truck.step(Surroundings(-20.0), 1.0)
        through_j += truck.ports
    flow = dict(zip(PORTS, through_j, strict=True))
    out_j = sum(flow[name.removesuffix("_j") + "_w"] for name in ENERGY_BALANCE["electrical"]["out"])
    in_j = flow["charger_power_w"] + flow["unmet_power_w"]
    assert flow["unmet_power_w"] > 1e4
    assert in_j - out_j == pytest.approx(truck.stored_energies_j()[0] - before_j, rel=1e-6)


# --- step size and stability ---


def driven_by_current(dt_s: float) -> tuple[FloatArray, FloatArray]:
    """Return voltages and core temperatures after every second of 20 minutes; current and commands held over it."""
    truck = ready("heavy_lfp", soc=0.6, temp_degc=20.0)
    voltage_v, temp_k = [], []
    rng = np.random.default_rng(11)
    current_a = 0.0
    truck._charger_current_a = lambda _dt_s, *, live: current_a  # type: ignore[method-assign, assignment]
    for second in range(1200):
        if second % 15 == 0:
            current_a = float(rng.uniform(-900.0, 900.0))
        truck.actuate(command(truck, THERMAL_PLAN[second // 120 % len(THERMAL_PLAN)]))
        for _ in range(round(1.0 / dt_s)):
            truck.step(MILD, dt_s)
        voltage_v.append(truck.state.voltage_v.copy())
        temp_k.append(truck.state.core_temp_k.copy())
    return np.array(voltage_v), np.array(temp_k)


def test_steps_of_one_second_agree_with_steps_of_a_twentieth() -> None:
    voltage_v, temp_k = driven_by_current(1.0)
    fine_v, fine_k = driven_by_current(0.05)
    assert np.ptp(fine_v) > 0.1
    assert np.ptp(fine_k) > 1.0
    assert math.sqrt(float(np.mean((voltage_v - fine_v) ** 2))) < 1e-3
    assert math.sqrt(float(np.mean((temp_k - fine_k) ** 2))) < 0.01


@pytest.mark.parametrize("name", ["heavy_lfp", "light_liquid", "light_air"])
@pytest.mark.parametrize("mode", list(ValveMode))
def test_no_coolant_flow_and_ticks_of_ten_seconds_stay_finite(name: str, mode: ValveMode) -> None:
    truck = ready(name, temp_degc=-5.0)
    truck.drive(steady(20.0, 600.0))
    for _ in range(60):
        truck.actuate(command(truck, ThermalCommand(0.0, 1.0, 1.0, 1.0, mode)))
        truck.step(Surroundings(-15.0, 0.9), 10.0)
    assert truck.circuit.mass_flow_kg_per_s == pytest.approx(0.0, abs=1e-9)
    assert np.isfinite(truck.view()).all()
    assert np.isfinite(truck.ports).all()
    assert np.isfinite(truck.pack.groups).all()
    assert 250.0 < truck.state.core_temp_k.min() <= truck.state.core_temp_k.max() < 300.0
