"""Runaway in a truck's pack: it costs nothing before, closes its books after, and shows where sensors look."""

from collections.abc import Callable

import numpy as np
import pytest

from plant_models.housing_gas import ATMOSPHERE_PA
from plant_models.runaway import N_SHOWN, RunawayEvent
from plant_models.truck import Surroundings, Truck
from plant_models.truck_parameters import load_truck
from plant_models.truck_step import FROM_ABUSE, PORTS
from scenarios.rows import ENERGY_BALANCE
from thermal_bms.signals import Command, ThermalCommand

MIDDLE = 70
COMMAND = Command(ThermalCommand(pump_duty=0.5), (True,) * 3)
ASLEEP = Command(ThermalCommand(), (False,) * 3)


def truck_of(name: str = "medium_nmc", soc: float = 0.8) -> Truck:
    return Truck(load_truck(name), soc=soc, temp_degc=25.0)


class Books:
    """Closure of both domains over a run of single ticks."""

    def __init__(self, truck: Truck) -> None:
        self.truck = truck
        self.energy_j = np.zeros(len(PORTS))
        self.flow_j = np.zeros(len(PORTS))
        self.start_j = truck.stored_energies_j()

    def run(self, command: Command, seconds: float, dt_s: float = 1.0) -> "Books":
        self.truck.actuate(command)
        for _ in range(round(seconds / dt_s)):
            self.truck.step(Surroundings(25.0), dt_s)
            self.energy_j += self.truck.ports * dt_s
            self.flow_j += np.abs(self.truck.ports) * dt_s
        return self

    def closure(self, domain: str, without: str = "") -> float:
        roles = {role: [n for n in names if n != without] for role, names in ENERGY_BALANCE[domain].items()}
        place = {f"{port.removesuffix('_w')}_j": i for i, port in enumerate(PORTS)}
        net_j = sum(self.energy_j[place[name]] for name in roles["in"])
        net_j -= sum(self.energy_j[place[name]] for name in roles["out"])
        stored_j = self.truck.stored_energies_j()[domain == "thermal"] - self.start_j[domain == "thermal"]
        flow_j = sum(self.flow_j[place[name]] for name in (*roles["in"], *roles["out"]))
        return float(abs(net_j - stored_j) / flow_j)


Trigger = Callable[[Truck], None]
TRIGGERS: dict[str, Trigger] = {
    "internal short": lambda truck: truck.abused().short_cell(0, MIDDLE, 0.004),
    "heater pad": lambda truck: truck.abused().heat_cell(0, MIDDLE, 1500.0),
    "overcharge": lambda truck: truck.abused().overcharge(0, MIDDLE, 600.0),
}


@pytest.mark.parametrize("trigger", TRIGGERS)
def test_every_trigger_leads_to_runaway_and_the_books_close(trigger: str) -> None:
    books = Books(truck_of())
    TRIGGERS[trigger](books.truck)
    books.run(COMMAND, 1500.0)
    runaway = books.truck.abused()
    assert runaway.cells_in_runaway >= 1
    assert runaway.events[0].event is RunawayEvent.VENT
    assert books.closure("electrical") < 1e-6
    assert books.closure("thermal") < 1e-6
    assert books.energy_j[PORTS.index("vent_enthalpy_w")] > 0.0


@pytest.mark.parametrize("trigger", TRIGGERS)
def test_a_sleeping_truck_runs_away_in_long_ticks_and_the_books_close(trigger: str) -> None:
    books = Books(truck_of())
    TRIGGERS[trigger](books.truck)
    books.run(ASLEEP, 1500.0, dt_s=10.0)
    assert books.truck.abused().cells_in_runaway >= 1
    assert books.closure("electrical") < 1e-6
    assert books.closure("thermal") < 1e-6


@pytest.fixture(scope="module")
def abused() -> Books:
    """A run in which every port of an abuse carries something."""
    books = Books(truck_of())
    books.truck.abused().heat_cell(0, 20, 1500.0)
    books.truck.abused().overcharge(1, MIDDLE, 600.0)
    books.truck.abused().short_cell(2, 100, 0.004)
    return books.run(COMMAND, 700.0)


@pytest.mark.parametrize(
    ("domain", "left_out"),
    [
        (domain, f"{port.removesuffix('_w')}_j")
        for port in PORTS[FROM_ABUSE:]
        for domain in ENERGY_BALANCE
        if any(f"{port.removesuffix('_w')}_j" in ENERGY_BALANCE[domain][side] for side in ("in", "out"))
    ],
)
def test_leaving_out_a_port_of_the_abuse_opens_the_books(abused: Books, domain: str, left_out: str) -> None:
    assert abused.closure(domain) < 1e-6
    assert abused.closure(domain, without=left_out) > 1e-5


def test_a_truck_under_load_keeps_its_books_through_a_runaway() -> None:
    books = Books(truck_of("heavy_lfp", soc=0.95))
    books.truck.auxiliary_power_w = 0.0
    books.truck.abused().heat_cell(1, 100, 2000.0)
    books.run(Command(ThermalCommand(1.0, 1.0, 1.0, 0.0), (True,) * 3), 900.0)
    assert books.truck.abused().cells_in_runaway >= 1
    assert books.closure("electrical") < 1e-6
    assert books.closure("thermal") < 1e-6


def test_without_an_abuse_nothing_of_it_exists() -> None:
    truck = truck_of()
    Books(truck).run(COMMAND, 20.0)
    assert truck.runaway is None
    assert (truck.ports[FROM_ABUSE:] == 0.0).all()


def test_resolving_healthy_cells_changes_nothing_that_matters() -> None:
    plain, resolved = truck_of(), truck_of()
    resolved.abused().heat_cell(0, MIDDLE, 1e-6)
    for truck in (plain, resolved):
        Books(truck).run(COMMAND, 300.0)
    assert resolved.state.core_temp_k == pytest.approx(plain.state.core_temp_k, abs=1e-3)
    assert resolved.state.voltage_v == pytest.approx(plain.state.voltage_v, abs=1e-5)


def test_a_short_draws_its_current_and_lowers_the_voltage_of_its_group() -> None:
    truck, ohm = truck_of(), 0.01
    healthy_v = float(truck.state.voltage_v[0, MIDDLE])
    truck.abused().short_cell(0, MIDDLE, ohm)
    charge = float(truck.state.soc[0, MIDDLE])
    Books(truck).run(ASLEEP, 60.0)
    v = float(truck.state.voltage_v[0, MIDDLE])
    drawn_a = (
        (charge - float(truck.state.soc[0, MIDDLE])) * float(truck.constants.capacity_as[0, MIDDLE]) / 60.0
    )
    assert 0.02 < healthy_v - v < 0.5
    assert drawn_a == pytest.approx(v / ohm, rel=0.05)
    others = np.delete(truck.state.voltage_v[0], MIDDLE)
    assert others == pytest.approx(np.full(others.size, others.mean()), abs=0.01)


def test_a_lost_parallel_cell_leaves_half_the_capacity_and_a_lost_group_no_voltage() -> None:
    truck = truck_of()
    capacity = float(truck.constants.capacity_as[0, MIDDLE])
    truck.abused().short_cell(0, MIDDLE, 0.004)
    books = Books(truck)
    alive = truck.abused()._alive[0]
    while alive[MIDDLE] == 2:
        books.run(COMMAND, 1.0)
    books.run(COMMAND, 30.0)
    assert truck.constants.capacity_as[0, MIDDLE] == pytest.approx(capacity / 2.0)
    assert truck.state.voltage_v[0, MIDDLE] > 3.0
    single = truck_of("heavy_lfp", soc=0.95)
    single.abused().heat_cell(0, 100, 2000.0)
    Books(single).run(COMMAND, 600.0)
    assert single.state.voltage_v[0, 100] == pytest.approx(0.0, abs=0.1)


def test_overcharge_raises_the_voltage_to_where_charge_turns_into_heat() -> None:
    truck = truck_of(soc=0.97)
    truck.abused().overcharge(0, MIDDLE, 300.0)
    Books(truck).run(ASLEEP, 400.0)
    v = float(truck.state.voltage_v[0, MIDDLE])
    assert 4.5 < v < truck.abused().parameters.short.overcharge_v + 0.4
    assert truck.state.soc[0, MIDDLE] > 1.0


def test_the_nearest_sensor_warms_and_the_gas_raises_the_pressure_for_a_while() -> None:
    truck = truck_of()
    n_series, n_sensors = truck.state.soc.shape[1], truck.parameters.pack.n_temp_sensors
    watched = [((2 * j + 1) * n_series) // (2 * n_sensors) for j in range(n_sensors)]
    group = watched[n_sensors // 2]
    truck.abused().short_cell(0, group, 0.004)
    pressure_pa = []
    books = Books(truck)
    for _ in range(600):
        books.run(COMMAND, 1.0)
        pressure_pa.append(truck.abused().pressure_pa)
    temp_degc = truck.measure().cell_temp_degc
    assert temp_degc[0, n_sensors // 2] > temp_degc[1].max() + 30.0
    assert max(pressure_pa) > ATMOSPHERE_PA + 1e3
    assert pressure_pa[0] == ATMOSPHERE_PA


def test_cells_in_the_middle_are_shown_around_the_first_trigger_and_the_window_grows() -> None:
    truck = truck_of()
    truck.abused().short_cell(0, MIDDLE, 0.004)
    known = np.isfinite(truck.abused().cell_temp_k())
    Books(truck).run(ASLEEP, 2400.0)
    later = np.isfinite(truck.abused().cell_temp_k())
    assert known.size == N_SHOWN
    assert known.sum() == 10
    assert later.sum() > known.sum()
    assert truck.abused().first_shown_cell == 2 * MIDDLE - N_SHOWN // 2


@pytest.mark.parametrize("group", [0, 139])
def test_a_cell_at_the_end_of_a_string_can_run_away_too(group: int) -> None:
    books = Books(truck_of())
    books.truck.abused().short_cell(2, group, 0.004)
    books.run(COMMAND, 600.0)
    assert books.truck.abused().cells_in_runaway >= 1
    assert books.closure("thermal") < 1e-6


def test_two_triggers_in_one_string_share_a_window() -> None:
    books = Books(truck_of())
    books.truck.abused().short_cell(0, 40, 0.004)
    books.truck.abused().short_cell(0, 60, 0.004)
    books.run(COMMAND, 600.0)
    cells = {e.cell for e in books.truck.abused().events if e.event is RunawayEvent.SHORT}
    assert {80, 120} <= cells
    assert books.closure("electrical") < 1e-6


def test_an_air_truck_and_a_truck_of_pouch_cells_run_away_too() -> None:
    for name in ("light_air", "light_liquid"):
        books = Books(truck_of(name))
        books.truck.abused().short_cell(0, 40, 0.01)
        books.run(Command(ThermalCommand(pump_duty=1.0), (True,)), 900.0)
        assert books.truck.abused().cells_in_runaway >= 1
        assert books.closure("electrical") < 1e-6
        assert books.closure("thermal") < 1e-6


def test_coolant_in_a_standing_plate_boils_off_until_it_is_dry() -> None:
    truck = truck_of()
    truck.abused().overcharge(0, MIDDLE, 600.0)
    Books(truck).run(ASLEEP, 1500.0, dt_s=10.0)
    assert truck.state.core_temp_k[0].max() > 800.0
    assert truck.state.coolant_j_per_kg.max() <= truck.abused()._boil_j_per_kg * (1.0 + 1e-12)
    assert truck.abused()._steam_left_j.min() == 0.0
