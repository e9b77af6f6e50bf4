"""Ten years against BLAST-Lite, from arrays made by tools/make_ageing_reference.py."""

from pathlib import Path

import numpy as np
import pytest

from plant_models.ageing import AgeingRates, AgeingState, advance, new_cells
from plant_models.ageing_day import CellCourse, StringCourse, ageing_day, ageing_rates
from plant_models.ageing_parameters import AgeingParameters, load_ageing
from plant_models.ageing_rates import (
    calendar_gain_rate,
    calendar_loss_rate,
    cycle_gain_rate,
    cycle_loss_rate,
    cycle_temp_factor,
)
from plant_models.cell import CellCircuit, CellParameters, load_cell
from plant_models.health import PackHealth
from thermal_bms.units import FloatArray

with np.load(Path(__file__).resolve().parents[2] / "reference" / "ageing_blast.npz") as _arrays:
    REFERENCE = dict(_arrays)
CASES = range(len(REFERENCE["case_cell"]))
ONE_PERCENT = 0.01
YEARS = 10


def years_of(parameters: AgeingParameters, circuit: CellCircuit, stress: FloatArray) -> list[AgeingState]:
    """Return the states after each year of the same stress every day."""
    temp_degc, dod, c_rate, efc, soc = (np.array([value]) for value in stress)
    temp_k = temp_degc + 273.15
    law, resistance = parameters.capacity, parameters.resistance
    voltage = np.interp(soc, circuit.soc, circuit.ocv_v)
    day = AgeingRates(
        loss_calendar=calendar_loss_rate(law, temp_k, soc),
        loss_cycle=cycle_temp_factor(law, temp_k) * cycle_loss_rate(law, dod, c_rate),
        gain_calendar=calendar_gain_rate(resistance, circuit, temp_k, soc),
        gain_cycle=cycle_gain_rate(resistance, dod, c_rate, voltage),
        efc_per_day=efc,
        plated_per_day=np.zeros((3, 1)),
    )
    states = [new_cells((1,))]
    for _ in range(YEARS):
        states.append(advance(parameters, states[-1], day, 365.0))
    return states[1:]


def circuit_with(base: CellCircuit) -> CellCircuit:
    """Return a circuit with the open-circuit voltage of the cell that the resistance law was measured on."""
    soc = np.array(base.soc)
    ocv = np.interp(soc, REFERENCE["sanyo_soc"], REFERENCE["sanyo_ocv_v"])
    return base.model_copy(update={"ocv_v": tuple(ocv)})


@pytest.mark.parametrize("case", [k for k in CASES if "resistance" not in REFERENCE["case_cell"][k]])
def test_capacity_of_each_of_ten_years_is_that_of_the_library_within_one_percent(case: int) -> None:
    chemistry = str(REFERENCE["case_cell"][case])
    circuit = load_cell("lfp_302ah" if chemistry == "lfp" else "nmc_56ah_pouch").circuit
    states = years_of(load_ageing(chemistry), circuit, REFERENCE["case_stress"][case])
    ours = np.array([float(state.capacity[0]) for state in states])
    theirs = REFERENCE["case_years"][case][:, 0]
    assert theirs[-1] < 0.97
    assert np.abs(ours - theirs).max() < ONE_PERCENT


@pytest.mark.parametrize("case", [k for k in CASES if REFERENCE["case_cell"][k] == "nmc_resistance"])
def test_resistance_of_the_nmc_law_is_that_of_the_library_but_for_its_scale(case: int) -> None:
    parameters = load_ageing("nmc")
    resistance = parameters.resistance
    assert resistance.law == "schmalstieg"
    scaled = parameters.model_copy(
        update={
            "resistance": resistance.model_copy(update={"scale": 1.0, "cell_capacity_ah": 2.15}),
        }
    )
    circuit = circuit_with(load_cell("nmc_56ah_pouch").circuit)
    states = years_of(scaled, circuit, REFERENCE["case_stress"][case])
    ours = np.array([float(state.resistance[0]) for state in states]) - 1.0
    theirs = REFERENCE["case_years"][case][:, 1] - 1.0
    assert theirs[-1] > 0.2
    assert ours == pytest.approx(theirs, rel=0.01)


def test_resistance_of_the_lfp_law_differs_from_the_library_only_by_the_refit_of_its_calendar_term() -> None:
    case = next(k for k in CASES if REFERENCE["case_cell"][k] == "lfp_resistance")
    states = years_of(load_ageing("lfp"), load_cell("lfp_302ah").circuit, REFERENCE["case_stress"][case])
    theirs = REFERENCE["case_years"][case][-1, 1] - 1.0
    refit = (2.65e-10 * 1.271005977) / (3.4194e-10 * 1.5604)  # at half charge every power of it is the same
    cycles = float(states[-1].gain_cycle[0])
    assert float(states[-1].gain_calendar[0]) / refit + cycles == pytest.approx(theirs, rel=0.005)


def as_recorded(cell: CellParameters) -> tuple[CellCourse, StringCourse]:
    time_s, soc = REFERENCE["series_time_s"], REFERENCE["series_soc"]
    temp_k = (REFERENCE["series_temp_degc"] + 273.15)[:, None, None] * np.ones((1, 1, 1))
    moved = -np.diff(soc, prepend=soc[0]) / 600.0 * 3600.0 * cell.capacity_ah
    return (
        CellCourse(time_s, temp_k, soc[:, None, None]),
        StringCourse(time_s, moved[:, None], soc[:, None]),
    )


@pytest.mark.parametrize(("chemistry", "name"), [("lfp", "lfp_302ah"), ("nmc", "nmc_56ah_pouch")])
def test_ten_years_of_a_course_of_charge_and_temperature_come_within_one_percent_of_the_library(
    chemistry: str, name: str
) -> None:
    cell, parameters = load_cell(name), load_ageing(chemistry)
    cells, strings = as_recorded(cell)
    day = ageing_day(parameters, cell, cells, strings, rest_temp_k=298.15, health=PackHealth.even((1, 1)))
    state = new_cells((1, 1))
    found = []
    for _ in range(YEARS):
        state = advance(parameters, state, ageing_rates(day, state.capacity), 365.0)
        found.append(float(state.capacity[0, 0]))
    theirs = REFERENCE[f"series_{chemistry}"]
    assert theirs[-1] < 0.92
    assert np.abs(np.array(found) - theirs).max() < ONE_PERCENT
