"""Balancing boards: currents, losses, heat, limits, and that their books close in every kind of pack."""

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from plant_models.balancing import BalancerParameters, converter_currents, describe_balancer, passive_currents
from plant_models.pack import views
from plant_models.pack_electrical import pack_electrical_step
from plant_models.truck import CellModel, Surroundings, Truck
from plant_models.truck_parameters import describe, load_truck
from plant_models.truck_step import PORTS
from thermal_bms.signals import Command
from thermal_bms.units import FloatArray

LOSS = PORTS.index("balancing_loss_w")
N_SERIES = 16


def small_truck(cell_model: CellModel = "ecm", **balancer: Any) -> Truck:  # any setting
    changes = {"pack": {"n_strings": 2, "n_series": N_SERIES, "n_temp_sensors": 4}, "balancer": balancer}
    return Truck(load_truck("heavy_lfp", changes), soc=0.6, temp_degc=25.0, cell_model=cell_model)


def wish(truck: Truck, **currents_a: float) -> Command:
    """Return a command with the given current for groups named ``g0``, ``g1`` of string 0."""
    wanted = np.zeros_like(truck.state.soc)
    for name, current_a in currents_a.items():
        wanted[0, int(name[1:])] = current_a
    return Command(balance_current_a=tuple(map(tuple, wanted.tolist())))


def run(truck: Truck, command: Command, seconds: int, dt_s: float = 1.0) -> FloatArray:
    """Return the charge taken from every group [As]."""
    truck.actuate(command)
    before = truck.state.soc.copy()
    for _ in range(round(seconds / dt_s)):
        truck.step(Surroundings(25.0), dt_s)
    return np.asarray((before - truck.state.soc) * truck.constants.capacity_as)


def energy_left_over_j(truck: Truck, command: Command, seconds: int) -> tuple[float, float]:
    """Return what the books of a resting truck miss [J] and what the balancer lost [J]."""
    start = sum(truck.stored_energies_j())
    lost_j = truck.energies_j[LOSS]
    to_air = [
        PORTS.index(f"{name}_w") for name in ("heat_housing_to_ambient", "circuit_loss", "drive_loop_loss")
    ]
    out_j = truck.energies_j[to_air].sum()
    run(truck, command, seconds)
    out_j = truck.energies_j[to_air].sum() - out_j
    return sum(truck.stored_energies_j()) - start + out_j, truck.energies_j[LOSS] - lost_j


def test_a_resistor_takes_what_it_is_told_from_one_group_only() -> None:
    truck = small_truck()
    taken_as = run(truck, wish(truck, g3=0.1), 100)
    assert taken_as[0, 3] == pytest.approx(10.0, rel=1e-9)
    taken_as[0, 3] = 0.0
    assert np.abs(taken_as).max() < 1e-9


def test_a_resistor_takes_no_more_than_its_ohms_allow_and_never_gives() -> None:
    truck = small_truck(resistor_ohm=30.0)
    run(truck, wish(truck, g0=5.0, g1=-5.0), 10)
    assert truck.state.balance_current_a[0, 0] == pytest.approx(truck.state.voltage_v[0, 0] / 30.0, rel=1e-3)
    assert truck.state.balance_current_a[0, 1] == 0.0


def test_a_wish_that_is_no_number_is_none() -> None:
    for kind in ("passive", "cell_to_pack", "cell_to_cell"):
        truck = small_truck(kind=kind)
        run(truck, wish(truck, g0=float("nan")), 3)
        assert not truck.state.balance_current_a.any()


def test_cell_to_pack_returns_what_it_takes_less_its_loss_to_the_whole_string() -> None:
    truck = small_truck(kind="cell_to_pack", efficiency=0.9)
    taken_as = run(truck, wish(truck, g2=5.0), 200)
    given_as = -taken_as[0, np.arange(N_SERIES) != 2]
    assert taken_as[0, 2] == pytest.approx(5.0 * 200 * (1.0 - 0.9 / N_SERIES), rel=1e-3)
    assert given_as == pytest.approx(5.0 * 200 * 0.9 / N_SERIES, rel=1e-2)
    volts = truck.state.voltage_v[0, 2]
    assert truck.energies_j[LOSS] == pytest.approx(0.1 * 1000.0 * volts, rel=0.01)


def test_a_group_is_charged_from_the_whole_string() -> None:
    truck = small_truck(kind="cell_to_pack", efficiency=0.9)
    taken_as = run(truck, wish(truck, g2=-5.0), 200)
    assert taken_as[0, 2] == pytest.approx(-1000.0 * (1.0 - 1.0 / (0.9 * N_SERIES)), rel=1e-3)
    assert truck.energies_j[LOSS] > 0.0


def test_cell_to_cell_moves_charge_within_a_module_and_leaves_the_others_alone() -> None:
    truck = small_truck(kind="cell_to_cell", module_groups=8, efficiency=0.9)
    taken_as = run(truck, wish(truck, g1=5.0, g2=-5.0, g9=5.0), 200)
    assert taken_as[0, 1] == pytest.approx(1000.0, rel=1e-2)
    assert -taken_as[0, 2] == pytest.approx(900.0, rel=1e-2)
    assert np.abs(taken_as[0, 8:]).max() < 1e-9  # no taker in that module


def test_the_larger_side_of_a_module_is_scaled_down() -> None:
    truck = small_truck(kind="cell_to_cell", module_groups=8, efficiency=0.9)
    taken_as = run(truck, wish(truck, g1=5.0, g2=5.0, g3=-4.5), 100)
    assert taken_as[0, 1:3] == pytest.approx(250.0, rel=1e-2)
    assert taken_as[0, 3] == pytest.approx(-450.0, rel=1e-2)


@pytest.mark.parametrize("kind", ["passive", "cell_to_pack", "cell_to_cell"])
@pytest.mark.parametrize("closed", [False, True])
def test_energy_closes_while_groups_are_balanced(kind: str, closed: bool) -> None:
    truck = small_truck(kind=kind, resistor_ohm=5.0)
    truck.asleep = True
    command = wish(truck, g1=5.0, g2=-3.0, g9=0.4)
    command = Command(contactor_close=(closed, closed), balance_current_a=command.balance_current_a)
    left_over_j, lost_j = energy_left_over_j(truck, command, 600)
    assert lost_j > 100.0
    assert abs(left_over_j) < 1e-6 * lost_j


@pytest.mark.parametrize("kind", ["passive", "cell_to_pack"])
def test_energy_closes_with_electrochemical_cells(kind: str) -> None:
    truck = small_truck("spme", kind=kind, resistor_ohm=5.0)
    truck.asleep = True
    run(truck, Command(), 10)
    left_over_j, lost_j = energy_left_over_j(truck, wish(truck, g1=5.0, g9=0.4), 100)
    assert lost_j > 100.0
    assert abs(left_over_j) < 1e-6 * lost_j


def test_balancing_all_groups_at_once_is_the_same_to_them_as_a_string_current() -> None:
    drained, loaded = small_truck(), small_truck()
    drained.state.balance_current_a[:] = 5.0
    drained.state.balancing[:] = 1.0
    loaded.constants.contact_resistance_ohm[1] = 1e9  # only string 0 carries the current
    loaded.state.string_closed[:] = 1.0
    for _ in range(50):
        for truck, current_a in ((drained, 0.0), (loaded, -5.0)):
            constants, state, work = views(truck.pack)
            pack_electrical_step(truck.tables(1.0), constants, state, work, 0.0, current_a, 1.0)
    assert loaded.state.string_current_a[0] == pytest.approx(5.0, abs=1e-4)
    for name in ("soc", "voltage_v", "heat_w"):
        found, expected = getattr(drained.state, name)[0], getattr(loaded.state, name)[0]
        assert found == pytest.approx(expected, rel=1e-4), name


def test_boards_warm_the_housing_and_cool_down_again() -> None:
    truck = small_truck(resistor_ohm=5.0)
    run(truck, Command(balance_current_a=((1.0,) * N_SERIES,) * 2), 1800)
    assert truck.balancer is not None
    over_k = truck.balancer.board_temp_k - truck.state.housing_temp_k
    power_w = truck.state.balance_power_w
    assert over_k == pytest.approx(power_w / (0.033 * N_SERIES), rel=0.02)
    housing_k = truck.state.housing_temp_k.copy()
    assert (housing_k > 298.15 + 0.01).all()
    run(truck, Command(), 7200)
    assert truck.balancer.board_temp_k == pytest.approx(truck.state.housing_temp_k, abs=0.02)


def test_hot_boards_carry_less_and_at_last_nothing() -> None:
    truck = small_truck(resistor_ohm=1.5, board_to_housing_w_per_k=0.02)
    run(truck, Command(balance_current_a=((5.0,) * N_SERIES,) * 2), 3600)
    assert truck.balancer is not None
    boards_degc = truck.balancer.board_temp_k - 273.15
    assert ((boards_degc > 70.0) & (boards_degc < 85.0)).all()
    assert (truck.state.balance_current_a < 0.9 * truck.state.voltage_v / 1.5).all()
    truck.balancer.board_temp_k[:] = 273.15 + 90.0
    truck.step(Surroundings(25.0), 1.0)
    assert not truck.state.balance_current_a.any()


def test_balancing_goes_on_without_commands_until_its_timer_ends() -> None:
    truck = small_truck(hold_s=60.0)
    taken_as = run(truck, wish(truck, g0=0.1), 300)
    assert taken_as[0, 0] == pytest.approx(6.0, rel=1e-6)


def test_a_command_of_another_shape_is_none() -> None:
    truck = small_truck()
    assert not run(truck, Command(balance_current_a=((0.1, 0.1),)), 5).any()


def test_the_compiled_currents_are_those_of_the_plain_functions() -> None:
    truck = small_truck(kind="cell_to_cell", module_groups=5)
    assert truck.balancer is not None
    p, rng = truck.balancer._p[0], np.random.default_rng(5)
    truck.state.voltage_v[:] = rng.uniform(3.0, 3.5, truck.state.soc.shape)
    wanted = rng.uniform(-8.0, 8.0, truck.state.soc.shape)
    boards_k = np.array([300.0, 350.0])
    for arguments in ((wanted, truck.state, boards_k, 5), (wanted, truck.state, boards_k, 0)):
        converter_currents(p, *arguments)
        compiled = truck.state.balance_current_a.copy()
        converter_currents.py_func(p, *arguments)  # type: ignore[attr-defined]  # numba's
        assert truck.state.balance_current_a == pytest.approx(compiled, rel=1e-12)
    passive_currents(p, wanted, truck.state, boards_k)
    compiled = truck.state.balance_current_a.copy()
    passive_currents.py_func(p, wanted, truck.state, boards_k)  # type: ignore[attr-defined]
    assert truck.state.balance_current_a == pytest.approx(compiled, rel=1e-12)


def test_a_controller_is_told_what_the_boards_can_do() -> None:
    assert describe_balancer(BalancerParameters(kind="cell_to_pack"), 3.3).reach == 0
    assert describe_balancer(BalancerParameters(kind="cell_to_cell", module_groups=9), 3.3).reach == 9
    passive = describe(load_truck("heavy_lfp", {"balancer": {"resistor_ohm": 33.0}})).pack.balancer
    assert passive is not None
    assert passive.reach is None
    assert passive.current_max_a == pytest.approx(0.1, abs=0.01)


def test_a_derating_that_falls_is_refused() -> None:
    with pytest.raises(ValidationError, match="derate_to_degc = 60 must be > derate_from_degc = 70"):
        BalancerParameters(derate_to_degc=60.0)
