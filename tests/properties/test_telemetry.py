"""What comes in from outside never raises and never gets past its limits; what goes out can be read back."""

import json
import math
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.thermal_bms.telemetry.telemetry_samples import at, command, encoded, iso
from thermal_bms.telemetry.block import deltas, undone
from thermal_bms.telemetry.envelope import Reason
from thermal_bms.telemetry.plan import PlanDesk
from thermal_bms.telemetry.remote import (
    NO_SETPOINTS,
    RANGES,
    READY_AHEAD_MAX_S,
    SETTABLE,
    RemoteDesk,
)

NOW = at(100.0)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
VALUES = st.one_of(
    st.floats(), st.integers(), st.booleans(), st.text(max_size=30), st.floats(0.0, 3600.0).map(iso)
)


@given(st.binary(max_size=300))
def test_bytes_of_any_kind_are_answered(payload: bytes) -> None:
    assert not RemoteDesk("", NOW).take(payload, NOW).accepted
    assert not PlanDesk("", NOW).take(payload, NOW).accepted


@given(JSON)
def test_json_of_any_kind_is_answered(document: Any) -> None:
    payload = json.dumps(document).encode()
    assert not RemoteDesk("", NOW).take(payload, NOW).accepted
    assert not PlanDesk("", NOW).take(payload, NOW).accepted


@given(st.dictionaries(st.sampled_from((*SETTABLE, "Vehicle.Speed")), VALUES, min_size=1, max_size=5))
def test_whatever_is_asked_for_what_is_in_force_is_within_its_limits(wanted: dict[str, Any]) -> None:
    desk = RemoteDesk("", NOW)
    verdict = desk.take(encoded(command(**wanted)), NOW)
    in_force = desk.setpoints(NOW)
    if not verdict.accepted:
        assert in_force == NO_SETPOINTS
    for limits in RANGES.values():
        value = getattr(in_force, limits.field)
        assert value is None or limits.low <= value / limits.factor <= limits.high
    if in_force.ready_at_s is not None:
        assert NOW.wall_s < in_force.ready_at_s <= NOW.wall_s + READY_AHEAD_MAX_S


@given(st.floats(-1e5, 1e5), st.floats(1.0, 2e5), st.floats(-1e5, 1e5), st.floats(-1e4, 1e4))
def test_a_command_is_only_taken_within_its_time(
    issued_s: float, valid_s: float, now_s: float, jump_s: float
) -> None:
    document = command(issued_s=issued_s, expires_s=issued_s + valid_s, **{next(iter(RANGES)): 20.0})
    now = at(now_s, jump_s)
    verdict = RemoteDesk("", now).take(encoded(document), now)
    wall_s = now_s + jump_s
    if verdict.accepted:
        assert issued_s - 60.1 <= wall_s <= issued_s + valid_s + 1e-3
        assert valid_s <= 86_400.1
    else:
        assert verdict.reason in {Reason.EXPIRED, Reason.NOT_YET_VALID, Reason.VALID_TOO_LONG}


@given(st.lists(st.none() | st.integers(-(2**40), 2**40)))
def test_deltas_can_be_undone(values: list[int | None]) -> None:
    assert undone(deltas(values)) == values


@given(st.floats(0.0, 1e5), st.floats(0.0, 1e5))
def test_the_confidence_of_a_plan_never_grows(first_s: float, later_s: float) -> None:
    document = {"id": "p", "issued": iso(0.0), "expires": iso(90_000.0), "confidence": 0.9}
    desk = PlanDesk("", at(0.0))
    assert desk.take(encoded(document), at(0.0)).accepted
    early, late = sorted((first_s, later_s))
    before, after = (desk.preview(at(time_s)).confidence for time_s in (early, late))
    assert math.isfinite(after)
    assert 0.0 <= after <= before <= 0.9
