"""Converters never make energy, and never exceed their current, whatever is asked of them."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from plant_models.balancing import Balancer, BalancerParameters
from plant_models.truck import Truck
from plant_models.truck_parameters import load_truck

TRUCK = Truck(
    load_truck("heavy_lfp", {"pack": {"n_strings": 1, "n_series": 10, "n_temp_sensors": 2}}),
    soc=0.5,
    temp_degc=25.0,
)
WISH_A = st.floats(-20.0, 20.0) | st.just(float("nan"))
VOLT = st.floats(2.0, 4.2)


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(["passive", "cell_to_pack", "cell_to_cell"]),
    st.lists(WISH_A, min_size=10, max_size=10),
    st.lists(VOLT, min_size=10, max_size=10),
    st.integers(2, 12),
    st.floats(0.6, 1.0),
)
def test_a_balancer_never_makes_energy(
    kind: str, wishes_a: list[float], volts: list[float], module_groups: int, efficiency: float
) -> None:
    parameters = BalancerParameters.model_validate(
        {"kind": kind, "module_groups": module_groups, "efficiency": efficiency}
    )
    balancer = Balancer(parameters, TRUCK.state)
    TRUCK.state.voltage_v[0] = volts
    balancer.command((tuple(wishes_a),))
    balancer.begin(1.0)
    currents_a = TRUCK.state.balance_current_a[0]
    assert np.isfinite(currents_a).all()
    powers_w = np.array(volts) * currents_a
    assert powers_w.sum() >= -1e-9
    if kind == "cell_to_cell":
        given_w, taken_w = powers_w[powers_w > 0.0].sum(), -powers_w[powers_w < 0.0].sum()
        assert abs(efficiency * given_w - taken_w) < 1e-9
        assert np.abs(currents_a).max() <= parameters.current_max_a
