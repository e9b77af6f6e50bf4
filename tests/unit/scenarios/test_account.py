"""What a run takes of grid and time, and leaves in the pack."""

import numpy as np
import pytest

from plant_models.charger import CHARGERS
from scenarios.account import account_kpis, place_of
from tests.unit.scenarios.synthetic import FakeRecording

DRIVE = {"kind": "drive", "cycle": "a"}
PUBLIC = {"kind": "charge", "charger": "mcs_1mw", "duration_h": None}
TIMED = {"kind": "charge", "charger": "ac_22kw", "duration_h": 1.0}
PARK = {"kind": "park", "duration_h": 1.0}


def recording(*phases: dict[str, object], power_w: float = 1e5) -> FakeRecording:
    """Return one hour of each phase, one row a minute, with the same power from every charger."""
    index = np.repeat(np.arange(len(phases)), 60)
    charging = np.array([phase["kind"] == "charge" for phase in phases])[index]
    columns = {
        "time_s": 60.0 * np.arange(1, index.size + 1),
        "phase_index": index,
        "charger_power_w": np.where(charging, power_w, 0.0),
        "ambient_temp_degc": np.linspace(10.0, 20.0, index.size),
    }
    return FakeRecording(columns, {"scenario": {"phase": list(phases)}})


def test_hours_count_for_whom_the_day_waits() -> None:
    found = account_kpis(recording(DRIVE, PUBLIC, PARK, TIMED))
    assert found["driver_h"] == pytest.approx(2.0)
    assert found["truck_h"] == pytest.approx(2.0)
    depot = {**PUBLIC, "charger": "ccs_150kw"}
    found = account_kpis(recording(DRIVE, depot))
    assert (found["driver_h"], found["truck_h"]) == (pytest.approx(1.0), pytest.approx(2.0))


def test_energy_goes_to_the_place_of_the_charger_or_to_the_one_that_the_phase_names() -> None:
    found = account_kpis(recording(DRIVE, PUBLIC, TIMED, {**PUBLIC, "place": "depot"}))
    assert found["grid_public_kwh"] == pytest.approx(100.0)
    assert found["grid_depot_kwh"] == pytest.approx(200.0)


def test_the_mean_ambient_temperature_is_that_over_time() -> None:
    assert account_kpis(recording(DRIVE))["ambient_temp_mean_degc"] == pytest.approx(15.0)


def test_a_recording_that_does_not_hold_its_scenario_tells_no_hours() -> None:
    bare = recording(DRIVE)
    bare.meta = {}
    assert set(account_kpis(bare)) == {"ambient_temp_mean_degc"}


def test_a_charger_that_is_not_known_tells_neither_place_nor_hours() -> None:
    assert "driver_h" not in account_kpis(recording(DRIVE, {**PUBLIC, "charger": "of the neighbours"}))
    assert "driver_h" in account_kpis(recording(DRIVE, {"kind": "charge", "charger": "?", "place": "depot"}))


def test_every_charger_has_a_place() -> None:
    places = {name: place_of({"kind": "charge", "charger": name}) for name in CHARGERS}
    assert {"depot", "public"} == set(places.values())
    assert place_of(DRIVE) is None
