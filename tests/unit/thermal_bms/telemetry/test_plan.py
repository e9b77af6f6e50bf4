import math
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.unit.thermal_bms.telemetry.telemetry_samples import at, encoded, iso
from thermal_bms.signals import NO_PREVIEW
from thermal_bms.telemetry.envelope import Reason, Verdict
from thermal_bms.telemetry.plan import BYTES_MAX, PlanDesk, PlanFile


def plan(**changes: Any) -> dict[str, Any]:
    points = [
        {"at": iso(600.0 * k), "heat_w": 1000.0 * k, "ambient_temp_degc": 10.0 - k} for k in range(1, 5)
    ]
    return {
        "id": "p-1",
        "issued": iso(0.0),
        "expires": iso(4000.0),
        "confidence": 0.8,
        "points": points,
        "charge_start": iso(2000.0),
        "charge_power_w": 350e3,
        "departure": iso(3000.0),
        **changes,
    }


def taken(desk: PlanDesk, now_s: float = 0.0, **changes: Any) -> Verdict:
    return desk.take(encoded(plan(**changes)), at(now_s))


@pytest.fixture
def desk() -> PlanDesk:
    one = PlanDesk("", at(0.0))
    assert taken(one).accepted
    return one


def test_a_plan_says_what_lies_ahead_of_now(desk: PlanDesk) -> None:
    preview = desk.preview(at(1000.0))
    assert preview.horizon_s == pytest.approx([200.0, 800.0, 1400.0])
    assert np.array_equal(preview.heat_w, [2000.0, 3000.0, 4000.0])
    assert np.array_equal(preview.ambient_temp_degc, [8.0, 7.0, 6.0])
    assert preview.charge_in_s == pytest.approx(1000.0)
    assert preview.charge_power_w == 350e3
    assert preview.departure_in_s == pytest.approx(2000.0)


def test_confidence_falls_with_age_and_an_expired_plan_says_nothing(desk: PlanDesk) -> None:
    assert desk.preview(at(0.0)).confidence == pytest.approx(0.8)
    assert desk.preview(at(2000.0)).confidence == pytest.approx(0.4)
    assert desk.preview(at(3999.0)).confidence == pytest.approx(0.0, abs=1e-3)
    assert desk.preview(at(4000.0)) is NO_PREVIEW


def test_an_event_is_now_for_a_quarter_of_an_hour_and_then_gone(desk: PlanDesk) -> None:
    assert desk.preview(at(2100.0)).charge_in_s == 0.0
    late = desk.preview(at(2901.0))
    assert (late.charge_in_s, late.charge_power_w) == (math.inf, 0.0)


def test_a_clock_set_back_does_not_prolong_a_plan(desk: PlanDesk) -> None:
    assert desk.preview(at(4001.0, jump_s=-3600.0)) is NO_PREVIEW


def test_a_newer_plan_replaces_the_older_and_not_the_other_way_round(desk: PlanDesk) -> None:
    assert taken(desk, 20.0, id="p-2", issued=iso(10.0), confidence=0.5).accepted
    assert taken(desk, 21.0).reason is Reason.REPLAYED
    assert desk.preview(at(21.0)).confidence < 0.5


def test_a_plan_survives_a_restart(desk: PlanDesk) -> None:
    again = PlanDesk(desk.memory, at(100.0))
    assert again.preview(at(100.0)).charge_in_s == pytest.approx(1900.0)
    assert PlanDesk("rubbish", at(0.0)).memory == ""


@pytest.mark.parametrize(
    "changes",
    [
        {"confidence": 1.1},
        {"confidence": None},
        {"charge_power_w": 0.0},
        {"charge_power_w": 5e6},
        {"points": [{"at": iso(1.0), "heat_w": -1.0, "ambient_temp_degc": 0.0}]},
        {"points": [{"at": iso(t), "heat_w": 1.0, "ambient_temp_degc": 0.0} for t in (5.0, 5.0)]},
        {"departure": "noon"},
    ],
)
def test_a_plan_that_makes_no_sense_is_refused_and_the_old_one_stays(
    desk: PlanDesk, changes: dict[str, Any]
) -> None:
    verdict = taken(desk, 20.0, **{"issued": iso(10.0), **changes})
    assert verdict.reason is Reason.MALFORMED
    assert verdict.id == "p-1"
    assert desk.preview(at(20.0)).charge_power_w == 350e3


def test_a_plan_without_a_charge_or_departure_knows_none() -> None:
    desk = PlanDesk("", at(0.0))
    assert taken(desk, charge_start=None, departure=None).accepted
    preview = desk.preview(at(1.0))
    assert (preview.charge_in_s, preview.departure_in_s) == (math.inf, math.inf)
    assert preview.charge_power_w == 0.0


def test_a_file_is_read_when_it_is_new_and_when_it_has_changed(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    file = PlanFile(path)
    assert file.changed() is None
    path.write_bytes(b"one")
    assert file.changed() == b"one"
    assert file.changed() is None
    path.write_bytes(b"two")
    os.utime(path, ns=(1, 1))
    assert file.changed() == b"two"


def test_a_file_that_is_too_long_is_not_read_to_its_end(tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_bytes(b" " * (BYTES_MAX + 1000))
    content = PlanFile(tmp_path / "plan.json").changed()
    assert content is not None
    assert PlanDesk("", at(0.0)).take(content, at(0.0)).reason is Reason.TOO_LONG
