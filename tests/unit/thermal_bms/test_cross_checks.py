from typing import Any

import numpy as np
import pytest

from tests.unit.thermal_bms.bms_samples import TRUCK, charging, checked, measured
from thermal_bms.cross_checks import CrossChecks, is_driving
from thermal_bms.plausibility import Found
from thermal_bms.signals import Measurement, VehicleMode

NAN = float("nan")
ONE_OPEN = np.array([True, False, True])


def found(measurement: Measurement, **changes: Any) -> Found:
    return CrossChecks(TRUCK).findings(checked(measurement, **changes))


@pytest.mark.parametrize(
    ("mode", "speed", "drives"),
    [
        (VehicleMode.DRIVE, 1.4, False),
        (VehicleMode.DRIVE, 1.41, True),
        (VehicleMode.DRIVE, NAN, True),
        (VehicleMode.PARK, 20.0, False),
        (VehicleMode.CHARGE, NAN, False),
    ],
)
def test_driving_is_faster_than_walking_and_an_unknown_speed_counts(
    mode: VehicleMode, speed: float, drives: bool
) -> None:
    assert is_driving(checked(measured(vehicle_mode=mode, vehicle_speed_m_per_s=speed))) is drives


def test_a_healthy_truck_shows_nothing() -> None:
    assert found(measured(amp=100.0, coolant_flow_kg_per_s=0.5)) == {}
    assert found(charging(amp=-90.0)) == {}


@pytest.mark.parametrize(("amp", "c_rate"), [(0.5, None), (0.6, 0.006), (-3.0, 0.03), (NAN, None)])
def test_an_open_string_that_carries_current_is_found(amp: float, c_rate: float | None) -> None:
    result = found(measured(contactor_closed=ONE_OPEN), current_a=[0.0, amp, 0.0])
    assert result == ({} if c_rate is None else {"open_string_c_rate": [0.0, pytest.approx(c_rate), 0.0]})


@pytest.mark.parametrize(("volts", "share"), [(66.6, None), (70.0, 4.0 / 70.0), (0.0, None), (NAN, None)])
def test_a_closed_string_away_from_the_bus_is_found(volts: float, share: float | None) -> None:
    result = found(measured(), string_voltage_v=[66.0, volts, 66.0])
    assert result == ({} if share is None else {"bus_voltage_mismatch": [0.0, pytest.approx(share), 0.0]})


def test_an_open_string_may_be_away_from_the_bus() -> None:
    assert found(measured(contactor_closed=ONE_OPEN), string_voltage_v=[66.0, 50.0, 66.0]) == {}


@pytest.mark.parametrize(
    ("amps", "nothing", "imbalance"),
    [
        ([100.0, 0.9, 100.0], [0.0, 1.0, 0.0], 99.1 / 200.0),
        ([100.0, 1.1, 100.0], None, 98.9 / 200.0),
        ([-100.0, 0.0, -100.0], [0.0, 1.0, 0.0], 0.5),
        ([30.0, 30.0, 30.0], None, None),
        ([100.0, NAN, 100.0], None, None),
        ([9.0, 0.0, 9.0], None, None),
    ],
)
def test_a_string_that_leaves_the_current_to_the_others_is_found(
    amps: list[float], nothing: list[float] | None, imbalance: float | None
) -> None:
    result = found(measured(), current_a=amps)
    assert result.get("string_carries_nothing") == nothing
    shares = result.get("string_current_imbalance")
    assert (shares is None) == (imbalance is None)
    if imbalance is not None:
        assert shares[1] == pytest.approx(imbalance)  # type: ignore[index]


def test_open_strings_do_not_count_among_the_others() -> None:
    result = found(measured(contactor_closed=ONE_OPEN), current_a=[100.0, 0.0, 100.0])
    assert result == {}
    alone = np.array([True, False, False])
    assert found(measured(contactor_closed=alone), current_a=[100.0, 0.0, 0.0]) == {}


@pytest.mark.parametrize(
    ("mode", "plugged", "speed", "names"),
    [
        (VehicleMode.PARK, False, 3.1, {"vehicle_mode_implausible"}),
        (VehicleMode.PARK, False, 3.0, set()),
        (VehicleMode.CHARGE, True, 3.1, {"vehicle_mode_implausible", "plug_while_driving"}),
        (VehicleMode.DRIVE, True, 3.1, {"plug_while_driving"}),
        (VehicleMode.DRIVE, False, 30.0, set()),
        (VehicleMode.PARK, True, NAN, set()),
    ],
)
def test_a_truck_that_moves_is_neither_parked_nor_plugged_in(
    mode: VehicleMode, plugged: bool, speed: float, names: set[str]
) -> None:
    measurement = measured(vehicle_mode=mode, plug_connected=plugged, vehicle_speed_m_per_s=speed)
    assert set(found(measurement)) == names


@pytest.mark.parametrize(
    ("inlet", "outlet", "flow", "outside_k"),
    [
        (20.0, 22.0, 0.5, None),
        (20.0, 25.0, 0.5, None),
        (20.0, 29.0, 0.5, 4.0),
        (20.0, 14.0, 0.5, 6.0),
        (30.0, 31.0, 0.5, 1.0),
        (20.0, 40.0, 0.1, None),
        (20.0, 40.0, NAN, None),
        (NAN, 40.0, 0.5, None),
        (20.0, NAN, 0.5, None),
    ],
)
def test_coolant_leaves_between_the_temperatures_of_inlet_and_cells(
    inlet: float, outlet: float, flow: float, outside_k: float | None
) -> None:
    measurement = measured(
        temp=25.0,
        coolant_inlet_temp_degc=inlet,
        coolant_outlet_temp_degc=outlet,
        coolant_flow_kg_per_s=flow,
    )
    result = found(measurement)
    assert result == ({} if outside_k is None else {"coolant_temp_outside_k": pytest.approx(outside_k)})
