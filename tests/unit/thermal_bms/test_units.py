"""Conversions of units."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thermal_bms import units


@given(st.floats(-200.0, 2000.0))
def test_kelvin_and_back_is_the_same_temperature(temp_degc: float) -> None:
    assert units.k_to_degc(units.degc_to_k(temp_degc)) == pytest.approx(temp_degc, abs=1e-9)


@pytest.mark.parametrize(("temp_degc", "temp_k"), [(0.0, 273.15), (-273.15, 0.0), (100.0, 373.15)])
def test_ice_boils_where_it_should(temp_degc: float, temp_k: float) -> None:
    assert units.degc_to_k(temp_degc) == pytest.approx(temp_k)
    assert units.k_to_degc(temp_k) == pytest.approx(temp_degc)


def test_arrays_are_converted_and_left_alone() -> None:
    temps_degc = np.array([0.0, 25.0])
    assert units.degc_to_k(temps_degc).tolist() == [273.15, 298.15]
    assert temps_degc.tolist() == [0.0, 25.0]
    assert units.kmh_to_m_per_s(np.array([36.0, 72.0])) == pytest.approx([10.0, 20.0])


def test_constants_fit_one_another() -> None:
    assert units.JOULES_PER_KWH == 1000.0 * units.SECONDS_PER_HOUR
    assert pytest.approx(96.56064) == 60.0 * units.METRES_PER_MILE / 1000.0
    assert units.degc_to_k(0.0) == units.ZERO_DEGC_K
