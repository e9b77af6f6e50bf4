"""Faults of the link and of the controller."""

import math
from dataclasses import replace

import pytest

from plant_models.truck import Truck
from plant_models.truck_parameters import load_truck
from scenarios.faults import FaultEntry, with_controller_faults
from scenarios.link_faults import CONTROLLER_FAULTS, LINK_KINDS, LinkFault
from tests.unit.thermal_bms.bms_samples import FakeController
from thermal_bms.signals import NO_PREVIEW, Measurement, ThermalCommand


@pytest.fixture(scope="module")
def measured() -> Measurement:
    return Truck(load_truck("light_air"), soc=0.5, temp_degc=20.0).measure()


def arrived(fault: LinkFault, measured: Measurement, n: int = 6) -> list[tuple[float, float]]:
    """Return clock and a value of what arrives; the value is the time at which it was sent."""
    sent = (replace(measured, time_s=float(t), bus_voltage_v=float(t)) for t in range(10, 10 + n))
    return [(m.time_s, m.bus_voltage_v) for m in map(fault.change, sent)]


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("link_silent", 0.0, [(10, 10)] * 6),
        ("link_frozen", 0.0, [(10, 10), (11, 10), (12, 10), (13, 10), (14, 10), (15, 10)]),
        ("link_late", 2.0, [(10, 10), (10, 10), (10, 10), (11, 11), (12, 12), (13, 13)]),
        ("clock_back", 5.0, [(5, 10), (6, 11), (7, 12), (8, 13), (9, 14), (10, 15)]),
        ("clock_fast", 3.0, [(10, 10), (13, 11), (16, 12), (19, 13), (22, 14), (25, 15)]),
    ],
)
def test_each_kind_makes_its_own_of_what_was_sent(
    measured: Measurement, kind: str, value: float, expected: list[tuple[float, float]]
) -> None:
    assert arrived(LinkFault(kind, value, start_s=10.0), measured) == expected


def test_a_lossy_link_loses_its_share_and_repeats_the_last_message(measured: Measurement) -> None:
    found = arrived(LinkFault("link_lossy", 0.3, seed=5), measured, 2000)
    lost = sum(1 for (_, value), due in zip(found, range(10, 2010), strict=True) if value != due)
    assert lost / 2000 == pytest.approx(0.3, abs=0.03)
    assert all(clock == value for clock, value in found)
    assert [value for _, value in found] == sorted(value for _, value in found)


def test_every_kind_of_link_fault_is_shown_here() -> None:
    assert set(LINK_KINDS) == {
        "link_silent", "link_frozen", "link_late", "link_lossy", "clock_back", "clock_fast"
    }  # fmt: skip


def ask(controller: object, measured: Measurement, time_s: float) -> ThermalCommand:
    nothing: object = None
    return controller.step(  # type: ignore[attr-defined,no-any-return]
        replace(measured, time_s=time_s), nothing, nothing, NO_PREVIEW, ThermalCommand(), 1.0
    )


@pytest.mark.parametrize("kind", CONTROLLER_FAULTS)
def test_a_controller_fails_in_its_time_alone(measured: Measurement, kind: str) -> None:
    healthy = FakeController()
    faulty = with_controller_faults(healthy, [FaultEntry(kind=kind, time_s=10.0, duration_s=5.0)])
    for time_s in (9.9, 15.0):
        assert ask(faulty, measured, time_s) is healthy.wanted
    if kind == "controller_nan":
        assert math.isnan(ask(faulty, measured, 10.0).pump_duty)
    else:
        with pytest.raises(TimeoutError if kind == "controller_timeout" else RuntimeError, match="injected"):
            ask(faulty, measured, 14.9)
    faulty.reset()
    assert healthy.resets == 1


def test_a_controller_without_faults_is_not_wrapped() -> None:
    healthy = FakeController()
    assert with_controller_faults(healthy, [FaultEntry(kind="pump_off")]) is healthy
