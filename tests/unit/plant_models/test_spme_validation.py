"""The electrochemical cell against arrays computed with PyBaMM by tools/make_reference_arrays.py."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from plant_models.spme_parameters import load_spme
from plant_models.spme_trace import Trace, trace_cell
from thermal_bms.units import FloatArray

REFERENCE = Path(__file__).resolve().parents[2] / "reference"
STRIDE = 2
PLATING_MARGIN_V = 0.010


@dataclass(frozen=True)
class Comparison:
    ours: Trace
    voltage_v: FloatArray
    temp_k: FloatArray
    anode_potential_v: FloatArray

    def rms(self, name: str) -> float:
        difference = getattr(self.ours, name)[::STRIDE] - getattr(self, name)
        return float(np.sqrt(np.mean(difference**2)))


@cache
def compare(
    name: str, case: str, temp_degc: float, discretisation: str, *, mixing: bool = False
) -> Comparison:
    cell = load_spme(name)
    with np.load(REFERENCE / f"spme_{case}.npz") as arrays:
        data = {key: arrays[key].astype(np.float64) for key in arrays.files}
    samples = STRIDE * (data["voltage_v"].size - 1) + 1
    if np.isnan(data["c_rate"]):
        with np.load(REFERENCE / "truck_current.npz") as arrays:
            rate = arrays["rate"].astype(np.float64)[:samples]
    else:
        rate = np.full(samples, float(data["c_rate"]))
    ours = trace_cell(
        cell,
        cell.capacity_ah * rate,
        temp_degc=temp_degc,
        negative=float(data["negative_stoichiometry"]),
        positive=float(data["positive_stoichiometry"]),
        discretisation="reference" if discretisation == "reference" else "reduced",
        mixing=mixing,
    )
    return Comparison(ours, data["voltage_v"], data["temp_k"], data["anode_potential_v"])


@pytest.mark.parametrize("temp_degc", [5.0, 25.0, 40.0])
def test_reference_follows_a_truck_hour_of_the_converged_spme_within_one_millivolt(temp_degc: float) -> None:
    found = compare("chen2020", f"chen2020_{temp_degc:.0f}degc", temp_degc, "reference")
    assert found.voltage_v.size == 1801
    assert found.rms("voltage_v") < 1.0e-3
    assert found.rms("temp_k") < 0.05
    assert found.rms("anode_potential_v") < 1.0e-3


@pytest.mark.parametrize("temp_degc", [5.0, 25.0, 40.0])
def test_reduced_follows_a_truck_hour_of_the_converged_spme_within_three_millivolts(temp_degc: float) -> None:
    found = compare("chen2020", f"chen2020_{temp_degc:.0f}degc", temp_degc, "reduced")
    assert found.rms("voltage_v") < 3.0e-3
    assert found.rms("temp_k") < 0.05
    assert found.rms("anode_potential_v") < 3.0e-3


@pytest.mark.parametrize("discretisation", ["reference", "reduced"])
def test_temperature_with_the_heat_of_mixing_is_that_of_the_full_heat_model(discretisation: str) -> None:
    found = compare("chen2020", "chen2020_25degc_mixing", 25.0, discretisation, mixing=True)
    assert found.rms("temp_k") < 0.05
    without = compare("chen2020", "chen2020_25degc", 25.0, discretisation)
    assert found.ours.temp_k[-1] - without.ours.temp_k[-1] > 0.5


@pytest.mark.parametrize("discretisation", ["reference", "reduced"])
def test_a_truck_hour_agrees_with_the_full_order_model_of_chen(discretisation: str) -> None:
    found = compare("chen2020", "chen2020_25degc_dfn", 25.0, discretisation)
    assert found.rms("voltage_v") < 5.0e-3
    assert found.rms("temp_k") < 0.15


def test_reference_agrees_with_the_full_order_model_of_oregan() -> None:
    found = compare("oregan2022", "oregan2022_25degc_dfn", 25.0, "reference")
    assert found.rms("voltage_v") < 10.0e-3
    assert found.rms("temp_k") < 0.15


def test_reduced_is_coarser_where_diffusivities_vary_by_orders_of_magnitude() -> None:
    found = compare("oregan2022", "oregan2022_25degc_dfn", 25.0, "reduced")
    assert 5.0e-3 < found.rms("voltage_v") < 12.0e-3
    assert found.rms("temp_k") < 0.15


@pytest.mark.parametrize("discretisation", ["reference", "reduced"])
@pytest.mark.parametrize("temp_degc", [5.0, 25.0])
def test_anode_potential_in_fast_charging_is_right_or_pessimistic(
    temp_degc: float, discretisation: str
) -> None:
    found = compare("okane2022", f"okane2022_{temp_degc:.0f}degc_charge_dfn", temp_degc, discretisation)
    ours_v = found.ours.anode_potential_v[::STRIDE]
    assert found.rms("anode_potential_v") < 10.0e-3
    assert found.anode_potential_v.min() < 0.0
    assert not np.any((ours_v > 0.0) & (found.anode_potential_v < 0.0))
    assert ours_v.min() > found.anode_potential_v.min() - 2.0 * PLATING_MARGIN_V


def test_the_reference_arrays_are_small() -> None:
    files = [*REFERENCE.glob("spme_*.npz"), REFERENCE / "truck_current.npz"]
    assert sum(path.stat().st_size for path in files) < 300_000


def test_the_truck_current_is_what_the_checks_ask_for() -> None:
    with np.load(REFERENCE / "truck_current.npz") as arrays:
        rate = arrays["rate"].astype(np.float64)
    assert rate.size == 3601
    assert np.sqrt(np.mean(rate**2)) == pytest.approx(0.6, abs=0.03)
    assert (rate.min(), rate.max()) == pytest.approx((-0.8, 1.6), abs=1e-6)
