import math
from dataclasses import fields, replace
from functools import partial
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.thermal_bms.bms_samples import TRUCK, FakeController, charging
from thermal_bms.cycle import ControlUnit, control_cycle
from thermal_bms.signals import NO_PREVIEW, Measurement

names = st.sampled_from([field.name for field in fields(Measurement)])
shapes = ((), (0,), (2,), (3,), (3, 4), (3, 20), (1, 3, 20))
numbers = (math.nan, math.inf, -1.0, 0.0, 3.3, 1e308)
rubbish = st.one_of(
    st.floats(),
    st.sampled_from([None, True, 7, 10**400, 1j, "", "3.3", [], [None], [1.0, "a"], [[1.0], [2.0, 3.0]], {}]),
    st.builds(np.full, st.sampled_from(shapes), st.sampled_from(numbers)),
    st.builds(partial(np.full, dtype=object), st.sampled_from(shapes), st.sampled_from([None, 3.3, "a", 1j])),
)


@given(st.lists(st.dictionaries(names, rubbish, max_size=5), min_size=1, max_size=6))
def test_a_measurement_of_any_type_never_stops_the_cycle(wrong: list[dict[str, Any]]) -> None:
    unit = ControlUnit(TRUCK, FakeController(), initial_soc=0.5)
    for tick, changes in enumerate(wrong):
        measurement = replace(charging(float(tick)), **changes)
        command = control_cycle(unit, measurement, NO_PREVIEW, 1.0).command
        thermal = command.thermal
        for number in (command.charge_current_a, command.discharge_power_max_w, command.regen_power_max_w):
            assert 0.0 <= number < math.inf
        for duty in (thermal.pump_duty, thermal.fan_duty, thermal.compressor_duty, thermal.heater_duty):
            assert 0.0 <= duty <= 1.0
