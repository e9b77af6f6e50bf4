import json

from tests.unit.thermal_bms.bms_samples import TRUCK, FakeController
from tests.unit.thermal_bms.telemetry.telemetry_samples import at, tick
from thermal_bms.cycle import ControlUnit
from thermal_bms.telemetry.record import Kind
from thermal_bms.telemetry.summary import Summary


def test_a_row_is_kept_every_second_whatever_the_tick() -> None:
    summary, found = Summary(1.0), []
    measurement, result = tick()
    for k in range(100):
        found += summary.step(measurement, result, at(0.1 * k))
    assert [round(one.monotonic_s, 3) for one in found] == [float(k) for k in range(10)]


def test_after_a_pause_rows_go_on_without_a_burst() -> None:
    summary = Summary(1.0)
    measurement, result = tick()
    times = [
        one.monotonic_s for t in (0.0, 1.0, 7.3, 7.4, 8.3) for one in summary.step(measurement, result, at(t))
    ]
    assert times == [0.0, 1.0, 7.3, 8.3]


def test_a_fault_that_comes_and_goes_leaves_two_events() -> None:
    summary, unit = Summary(1e3), ControlUnit(TRUCK, FakeController())
    events = []
    for k in range(200):
        hot = 20 <= k < 60
        measurement, result = tick(unit, time_s=float(k), ambient_temp_degc=float("nan") if hot else 20.0)
        found = summary.step(measurement, result, at(float(k)))
        events += [json.loads(one.payload) for one in found if one.kind is Kind.EVENT]
    assert [(one["text"], one["holds"]) for one in events] == [
        ("SCALAR_LOST set", True),
        ("AMBIENT_TEMP_LOST set", True),
        ("SCALAR_LOST cleared", False),
        ("AMBIENT_TEMP_LOST cleared", False),
    ]
