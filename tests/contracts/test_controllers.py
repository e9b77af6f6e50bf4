from collections.abc import Callable

import pytest

from controllers.registry import create, names
from tests.contracts.check_controller import check_controller
from tests.unit.controllers.examples import TRUCKS
from thermal_bms.signals import ThermalCommand, ValveMode


@pytest.mark.parametrize("cooling", TRUCKS)
@pytest.mark.parametrize("name", names())
def test_every_registered_controller_keeps_the_contract(
    name: str, cooling: str, record_property: Callable[[str, object], None]
) -> None:
    truck = TRUCKS[cooling]
    step_s = check_controller(lambda: create(name, {}, truck), truck)
    record_property("step_us", round(step_s * 1e6, 1))


class _Broken:
    """A controller with one fault, to show that the contract notices."""

    def __init__(self, fault: str) -> None:
        self.fault = fault

    def step(self, measurement, estimate, limits, preview, applied, dt_s):  # type: ignore[no-untyped-def]
        hot = estimate.cell_temp_max_degc
        if self.fault == "constant":
            return ThermalCommand(1.0, 1.0, 0.5, 0.0, ValveMode.CHILLER)
        if self.fault == "both":
            return ThermalCommand(1.0, 0.0, 0.1, 0.1, ValveMode.CHILLER)
        if self.fault == "range":
            return ThermalCommand(1.5)
        if self.fault == "dry heater":
            return ThermalCommand(heater_duty=0.5)
        if self.fault == "reversed":
            return ThermalCommand(1.0, 0.0, min(max((60.0 - hot) / 100.0, 0.0), 1.0), 0.0, ValveMode.CHILLER)
        return ThermalCommand()

    def reset(self) -> None:
        pass


@pytest.mark.parametrize("fault", ["constant", "both", "range", "dry heater", "reversed", "idle"])
def test_the_contract_refuses_a_controller_with_a_fault(fault: str) -> None:
    with pytest.raises(AssertionError):
        check_controller(lambda: _Broken(fault), TRUCKS["liquid"])
