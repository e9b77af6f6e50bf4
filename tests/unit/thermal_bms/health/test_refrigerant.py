import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thermal_bms.health.refrigerant import evaporator_w_per_k


@given(st.floats(50.0, 5e3), st.floats(100.0, 5e3), st.floats(5.0, 40.0))
def test_the_conductance_that_made_the_temperatures_comes_back(
    ua: float, rate: float, approach_k: float
) -> None:
    inlet_degc = 5.0 + approach_k
    outlet_degc = 5.0 + approach_k * math.exp(-ua / rate)
    found = evaporator_w_per_k(
        rate, inlet_temp_degc=inlet_degc, outlet_temp_degc=outlet_degc, evaporating_temp_degc=5.0
    )
    if outlet_degc - 5.0 > 0.51:
        assert found == pytest.approx(ua, rel=1e-6)
    else:
        assert math.isnan(found) or found == pytest.approx(ua, rel=1e-3)


@pytest.mark.parametrize(("inlet", "outlet"), [(20.0, 21.0), (20.0, 9.0), (math.nan, 15.0)])
def test_temperatures_that_tell_nothing_give_no_value(inlet: float, outlet: float) -> None:
    found = evaporator_w_per_k(
        1e3, inlet_temp_degc=inlet, outlet_temp_degc=outlet, evaporating_temp_degc=10.0
    )
    assert math.isnan(found)
