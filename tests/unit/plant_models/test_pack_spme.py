"""The pack of electrochemical cells: circuit laws, books, spread, and the truck around it."""

from typing import cast

import numpy as np
import pytest

from plant_models.health import PackHealth, apply_health
from plant_models.pack import PackConstants, PackState, PackWork, views
from plant_models.pack_spme import (
    ELECTRODES,
    SpmeArrays,
    electrode_view,
    pack_spme_step,
    spme_chemical_energy_j,
    spme_views,
)
from plant_models.truck import Surroundings, Truck
from plant_models.truck_parameters import load_truck
from tests.unit.plant_models.truck_days import Hour, closure, command, port, ready
from thermal_bms.errors import PlantError
from thermal_bms.units import FloatArray

Pack = tuple[SpmeArrays, PackConstants, PackState, PackWork]


def pack(*, soc: float = 0.6, temp_degc: float = 25.0) -> Pack:
    """Return the cells of a medium truck, three strings, all closed."""
    truck = Truck(load_truck("heavy_nmc"), soc=soc, temp_degc=temp_degc, seed=5, cell_model="spme")
    assert truck.electrodes is not None
    constants, state, work = views(truck.pack)
    state.string_closed[:] = 1.0
    return truck.electrodes, constants, state, work


def copy_of(cells: Pack) -> Pack:
    spme, constants, state, work = cells
    return (
        SpmeArrays(*(array.copy() for array in spme)),
        constants,
        PackState(*(array.copy() for array in state)),
        PackWork(*(array.copy() for array in work)),
    )


def test_the_pack_delivers_exactly_the_power_that_is_asked_and_strings_meet_at_one_voltage() -> None:
    spme, constants, state, work = pack()
    for power_w in (2e5, -1e5, 3e5):
        voltage_v = pack_spme_step(spme, constants, state, work, power_w, 0.0, 1.0)
        assert voltage_v * state.string_current_a.sum() == pytest.approx(power_w, rel=1e-12)
        at_bus_v = state.string_voltage_v - constants.contact_resistance_ohm * state.string_current_a
        assert at_bus_v == pytest.approx(np.full(at_bus_v.size, voltage_v), rel=1e-12)


def test_heat_and_work_are_what_the_particles_lose() -> None:
    spme, constants, state, work = pack()
    rng = np.random.default_rng(4)
    for _ in range(50):
        before_j = spme_chemical_energy_j(spme)
        voltage_v = pack_spme_step(spme, constants, state, work, float(rng.uniform(-3e5, 3e5)), 0.0, 1.0)
        lost_j = before_j - spme_chemical_energy_j(spme)
        given_j = voltage_v * state.string_current_a.sum() + state.busbar_heat_w.sum() + state.heat_w.sum()
        assert lost_j == pytest.approx(given_j, abs=1e-12 * abs(before_j))


def test_charge_is_counted_and_a_small_group_moves_further() -> None:
    spme, constants, state, work = pack(soc=0.5)
    moved_as: FloatArray = np.zeros(state.string_current_a.size)
    for _ in range(60):
        pack_spme_step(spme, constants, state, work, 2e5, 0.0, 1.0)
        moved_as += state.string_current_a
    expected = 0.5 - moved_as[:, np.newaxis] / constants.capacity_as
    assert state.soc == pytest.approx(expected, abs=1e-12)
    assert state.soc[0].argmin() == constants.capacity_as[0].argmin()


def test_at_rest_nothing_moves_for_hours() -> None:
    spme, constants, state, work = pack()
    state.string_closed[:] = 0.0
    before_v, before_j = state.voltage_v.copy(), spme_chemical_energy_j(spme)
    for _ in range(1000):
        pack_spme_step(spme, constants, state, work, 0.0, 0.0, 10.0)
    assert state.voltage_v == pytest.approx(before_v, abs=1e-12)
    assert spme_chemical_energy_j(spme) == before_j
    assert not state.heat_w.any()


def test_a_group_of_more_resistance_loses_more_voltage_and_heats_more() -> None:
    one, other = pack(), pack()
    other[0].groups[1, 7] += 1e-4
    for cells in (one, other):
        cells[2].string_closed[1:] = 0.0
        pack_spme_step(*cells, 0.0, 100.0, 1.0)
        assert cells[2].string_current_a[0] == pytest.approx(-100.0, rel=1e-12)
    more_v = other[2].voltage_v - one[2].voltage_v
    more_w = other[2].heat_w - one[2].heat_w
    assert (more_v[0, 7], more_w[0, 7]) == (pytest.approx(1e-2, rel=1e-9), pytest.approx(1.0, rel=1e-9))
    assert np.abs(np.delete(more_v, 7, axis=1)).max() < 1e-12


def test_resistances_spread_as_the_circuits_do() -> None:
    truck = Truck(load_truck("heavy_nmc"), soc=0.5, temp_degc=25.0, seed=5, cell_model="spme")
    constants, state, work = views(truck.pack)
    state.string_closed[0] = 1.0
    assert truck.electrodes is not None
    rest_v = state.voltage_v.copy()
    for _ in range(20):
        pack_spme_step(truck.electrodes, constants, state, work, 0.0, -94.0, 0.5)
    drop_v = (rest_v - state.voltage_v)[0]
    expected = drop_v.mean() * constants.resistance_factor[0] / constants.resistance_factor[0].mean()
    assert np.ptp(expected) > 0.05 * drop_v.mean()
    assert np.abs(drop_v - expected).max() < 0.01 * drop_v.mean()


def test_an_aged_pack_has_less_area_and_the_resistance_that_it_is_said_to_have() -> None:
    new, aged = (
        Truck(load_truck("heavy_nmc"), soc=0.5, temp_degc=25.0, seed=5, cell_model="spme") for _ in range(2)
    )
    apply_health(aged.constants, PackHealth.even(aged.state.soc.shape, capacity=0.8, resistance=1.5))
    aged.refit_electrodes()
    drops_v = []
    for truck in (new, aged):
        truck.state.string_closed[0] = 1.0
        assert truck.electrodes is not None
        rest_v = truck.state.voltage_v.mean()
        for _ in range(20):
            pack_spme_step(truck.electrodes, *views(truck.pack), 0.0, -94.0, 0.5)
        drops_v.append(rest_v - truck.state.voltage_v[0].mean())
    assert drops_v[1] == pytest.approx(1.5 * drops_v[0], rel=0.03)
    moved = 0.5 - np.array([truck.state.soc[0].mean() for truck in (new, aged)])
    assert moved[1] == pytest.approx(moved[0] / 0.8, rel=1e-9)


def test_a_jump_of_the_current_is_met_as_well_as_by_short_steps() -> None:
    """The line of a step is laid again through the current that it led to."""
    for temp_degc in (-10.0, 25.0):
        coarse = pack(temp_degc=temp_degc)
        fine = copy_of(coarse)
        for power_w in (4e4, 2.5e5, -1.5e5):
            mean_v = pack_spme_step(*coarse, power_w, 0.0, 1.0)
            found_v = np.mean([pack_spme_step(*fine, power_w, 0.0, 0.05) for _ in range(20)])
            assert mean_v == pytest.approx(float(found_v), abs=1e-3 * coarse[2].soc.shape[1])


def test_a_demand_beyond_the_pack_is_cut_to_what_it_can_give() -> None:
    spme, constants, state, work = pack(temp_degc=-20.0)
    voltage_v = pack_spme_step(spme, constants, state, work, 1e9, 0.0, 1.0)
    assert 0.0 < voltage_v * state.string_current_a.sum() < 1e8
    assert np.isfinite(state.voltage_v).all()


def test_the_compiled_step_is_the_plain_one() -> None:
    one, other = pack(), pack()
    compiled_v = pack_spme_step(*one, 1.5e5, 0.0, 1.0)
    plain_v = pack_spme_step.py_func(*other, 1.5e5, 0.0, 1.0)  # type: ignore[attr-defined]
    assert plain_v == pytest.approx(compiled_v, rel=1e-13)
    for found, expected in zip(other[2], one[2], strict=True):
        assert found == pytest.approx(expected, rel=1e-12)


def test_the_view_names_its_extremes() -> None:
    spme, constants, state, work = pack()
    pack_spme_step(spme, constants, state, work, -3e5, 0.0, 1.0)
    _, cells = spme_views(spme)
    out = np.zeros(len(ELECTRODES))
    electrode_view(spme, out)
    seen = dict(zip(ELECTRODES, out.tolist(), strict=True))
    shown = cells.shown
    assert seen["anode_potential_min_v"] == shown.anode_potential_v.min()
    for side, surface in (("negative", shown.negative_surface), ("positive", shown.positive_surface)):
        assert (seen[f"{side}_surface_min"], seen[f"{side}_surface_max"]) == (surface.min(), surface.max())


def test_charging_lowers_the_anode_towards_lithium() -> None:
    lowest_v = []
    for current_a in (0.0, 100.0, 300.0):
        spme, constants, state, work = pack(soc=0.7, temp_degc=0.0)
        for _ in range(30):
            pack_spme_step(spme, constants, state, work, 0.0, current_a, 1.0)
        lowest_v.append(float(spme_views(spme)[1].shown.anode_potential_v.min()))
    assert lowest_v[0] > lowest_v[1] > lowest_v[2]


@pytest.mark.parametrize("name", ["light_liquid", "light_air"])
def test_over_an_hour_through_every_port_nothing_is_lost(name: str) -> None:
    hour = Hour(name, cell_model="spme")
    for domain in ("electrical", "thermal"):
        assert closure(hour, domain) < 1e-9
    assert closure(hour, "electrical", without="cell_heat_w") > 1e-3


def test_a_weakened_group_moves_faster_and_the_books_still_close() -> None:
    truck = ready("heavy_nmc", cell_model="spme")
    before_j, _ = truck.stored_energies_j()
    truck.weaken_cell(1, 0.5)
    assert truck.stored_energies_j()[0] == pytest.approx(before_j, rel=1e-13)
    middle = truck.state.soc.shape[1] // 2
    truck.actuate(command(truck))
    start_soc = truck.state.soc.copy()
    spme = cast("SpmeArrays", truck.electrodes)
    for _ in range(20):
        pack_spme_step(spme, *views(truck.pack), 3e5, 0.0, 1.0)
    fallen = start_soc - truck.state.soc
    assert fallen[1, middle] == pytest.approx(2.0 * fallen[1].mean(), rel=0.05)
    drop = truck.state.voltage_v[1].mean() - truck.state.voltage_v[1, middle]
    assert drop > 0.01


def test_the_truck_begins_at_rest_with_the_voltage_of_its_circuit_twin() -> None:
    electrodes, circuit = (
        Truck(load_truck("heavy_lfp"), soc=0.5, temp_degc=10.0, cell_model=model) for model in ("spme", "ecm")
    )
    difference_v = electrodes.state.voltage_v - circuit.state.voltage_v
    assert np.abs(difference_v).max() < 6e-3
    assert electrodes.state.string_voltage_v == pytest.approx(electrodes.state.voltage_v.sum(axis=1))
    assert electrodes.view().size == circuit.view().size + len(ELECTRODES)


def test_a_driven_truck_draws_the_same_from_either_model() -> None:
    drawn = []
    for model in ("ecm", "spme"):
        truck = ready("heavy_lfp", cell_model=model)  # type: ignore[arg-type]
        for _ in range(60):
            truck.step(Surroundings(25.0), 1.0)
        drawn.append(port(truck, "pack_power_w"))
    assert drawn[1] == pytest.approx(drawn[0], rel=1e-6)


def test_an_electrochemical_cell_cannot_be_abused() -> None:
    truck = Truck(load_truck("heavy_nmc"), soc=0.5, temp_degc=25.0, cell_model="spme")
    with pytest.raises(PlantError, match="ecm"):
        truck.abused()
