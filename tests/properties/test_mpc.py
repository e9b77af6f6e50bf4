"""Whatever the truck's state, a plan exists, keeps model and bounds, and gives a valid command."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controllers.mpc.controller import ChainLink, build
from tests.contracts.check_controller import check_command
from tests.unit.controllers.examples import TRUCKS, believed, limits, measured
from thermal_bms.signals import Preview, ThermalCommand, VehicleMode

TEMPS = st.floats(-35.0, 60.0)
UNITS = {name: build({}, truck) for name, truck in TRUCKS.items()}


@pytest.mark.parametrize("cooling", TRUCKS)
@settings(max_examples=25, deadline=None)
@given(
    cell_degc=TEMPS,
    coolant_degc=TEMPS,
    ambient_degc=TEMPS,
    humidity=st.floats(0.0, 1.0),
    heat_w=st.floats(0.0, 60e3),
    mode=st.sampled_from(list(VehicleMode)),
    charge_in_s=st.floats(0.0, 2e4),
    heat=st.lists(st.floats(0.0, 80e3), min_size=2, max_size=120),
    confidence=st.floats(0.0, 1.0),
)
def test_any_state_gets_a_plan(
    cooling: str,
    cell_degc: float,
    coolant_degc: float,
    ambient_degc: float,
    humidity: float,
    heat_w: float,
    mode: VehicleMode,
    charge_in_s: float,
    heat: list[float],
    confidence: float,
) -> None:
    unit = UNITS[cooling]
    unit.reset()
    around = measured(
        vehicle_mode=mode,
        plug_connected=mode is VehicleMode.CHARGE,
        charger_power_max_w=350e3 if mode is VehicleMode.CHARGE else 0.0,
        ambient_temp_degc=ambient_degc,
        ambient_humidity=humidity,
        coolant_inlet_temp_degc=coolant_degc,
        coolant_outlet_temp_degc=coolant_degc,
    )
    preview = Preview(
        60.0 * np.arange(len(heat)),
        np.array(heat),
        np.full(len(heat), ambient_degc),
        charge_in_s=charge_in_s,
        charge_power_w=1e6,
        confidence=confidence,
    )
    command = ThermalCommand()
    for _ in range(2):
        estimate = believed(cell_degc, heat_w=heat_w, spread_k=2.0)
        command = unit.step(around, estimate, limits(), preview, command, 20.0)
        check_command(command)
        assert unit.link is ChainLink.PLAN, unit.reason
        plan = unit.planner.plan
        assert plan is not None
        assert np.isfinite(plan.cell_degc).all()
        assert plan.shares.min() > -1e-4
        assert plan.shares.max() < 1.0 + 1e-4
