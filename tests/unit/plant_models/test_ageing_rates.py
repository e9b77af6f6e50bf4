"""What makes cells age faster."""

import numpy as np
import pytest

from plant_models.ageing_parameters import AgeingParameters, load_ageing
from plant_models.ageing_rates import (
    anode_potential_v,
    calendar_gain_rate,
    calendar_loss_rate,
    cycle_gain_rate,
    cycle_loss_rate,
    cycle_temp_factor,
    exponents,
)
from plant_models.cell import CellCircuit, load_cell

CELLS = {"lfp": "lfp_302ah", "nmc": "nmc_94ah"}
TEMPS_K = 273.15 + np.linspace(-20.0, 55.0, 16)


@pytest.fixture(params=["lfp", "nmc"])
def parameters(request: pytest.FixtureRequest) -> AgeingParameters:
    return load_ageing(request.param)


@pytest.fixture
def circuit(parameters: AgeingParameters) -> CellCircuit:
    return load_cell(CELLS[parameters.chemistry]).circuit


def test_the_anode_potential_falls_with_charge() -> None:
    assert np.all(np.diff(anode_potential_v(np.linspace(0.0, 1.0, 101))) < 0.0)


def test_standing_warm_and_full_ages_fastest(parameters: AgeingParameters) -> None:
    warm = calendar_loss_rate(parameters.capacity, TEMPS_K, np.full(16, 0.7))
    full = calendar_loss_rate(parameters.capacity, np.full(11, 298.15), np.linspace(0.0, 1.0, 11))
    assert np.all(np.diff(warm) > 0.0)
    assert np.all(np.diff(full) > 0.0)


def test_deep_and_fast_cycles_age_faster(parameters: AgeingParameters) -> None:
    depth, c_rate = np.linspace(0.1, 1.0, 10), np.linspace(0.1, 2.0, 10)
    assert np.all(np.diff(cycle_loss_rate(parameters.capacity, depth, np.full(10, 0.5))) > 0.0)
    assert np.all(np.diff(cycle_loss_rate(parameters.capacity, np.full(10, 0.8), c_rate)) > 0.0)


def test_the_cycle_laws_go_opposite_ways_with_temperature() -> None:
    lfp, nmc = (cycle_temp_factor(load_ageing(c).capacity, TEMPS_K) for c in ("lfp", "nmc"))
    assert np.all(np.diff(lfp) < 0.0)
    assert np.all(np.diff(nmc) > 0.0)


def test_resistance_grows_faster_in_heat_and_never_falls(
    parameters: AgeingParameters, circuit: CellCircuit
) -> None:
    law = parameters.resistance
    over_temp = calendar_gain_rate(law, circuit, TEMPS_K, np.full(16, 0.6))
    assert np.all(np.diff(over_temp) > 0.0)
    assert calendar_gain_rate(law, circuit, np.full(11, 298.15), np.linspace(0.0, 1.0, 11)).min() >= 0.0
    fast, shallow = np.full(5, 3.0), np.full(5, 0.01)
    assert cycle_gain_rate(law, shallow, fast, np.full(5, 3.7)).min() >= 0.0


def test_the_exponents_are_those_of_the_laws(parameters: AgeingParameters) -> None:
    assert exponents(parameters)[:2] == (
        parameters.capacity.calendar_exponent,
        parameters.capacity.cycle_exponent,
    )
    assert exponents(parameters)[3] == 1.0
