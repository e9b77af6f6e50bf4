import math
from dataclasses import fields

import numpy as np
import pytest

from tests.unit.thermal_bms.bms_samples import PACK
from tests.unit.thermal_bms.telemetry.telemetry_samples import tick
from thermal_bms.signals import Command, Estimate, Limits, Measurement, ThermalCommand
from thermal_bms.telemetry.vss import Observed, counts, overlay_text, vss_table

BATTERY = "Vehicle.Powertrain.TractionBattery."
CROSSING = {
    "measurement": Measurement,
    "estimate": Estimate,
    "limits": Limits,
    "command": Command,
    "command.thermal": ThermalCommand,
}


def values(**more: object) -> dict[str, float | None]:
    """Return what a tick shows, by path, in the unit of VSS."""
    found = counts(Observed(*tick(**more)))
    return {
        signal.path: None if count is None else count * signal.step
        for signal, count in zip(vss_table().signal, found, strict=True)
    }


def test_every_field_that_crosses_the_seam_leaves_the_truck_or_says_why_not() -> None:
    table = vss_table()
    named = {signal.field for signal in table.signal} | set(table.unmapped)
    crossing = {
        f"{where}.{field.name}"
        for where, kind in CROSSING.items()
        for field in fields(kind)
        if f"{where}.{field.name}" not in CROSSING
    }
    assert crossing | {"faults"} == named


def test_no_field_both_leaves_and_stays() -> None:
    table = vss_table()
    assert not {signal.field for signal in table.signal} & set(table.unmapped)


def test_no_two_values_have_the_same_path() -> None:
    paths = [signal.path for signal in vss_table().signal]
    assert len(set(paths)) == len(paths)


def test_every_name_of_our_own_is_described() -> None:
    for signal in vss_table().signal:
        assert bool(signal.description) == signal.overlay, signal.path


def test_current_counts_into_the_battery_as_vss_has_it() -> None:
    assert values(amp=30.0)[f"{BATTERY}CurrentCurrent"] == pytest.approx(-30.0 * PACK.n_strings)


def test_the_highest_string_current_into_the_battery_is_the_lowest_out_of_it() -> None:
    found = values(string_current_a=np.array([-5.0, 10.0, 20.0]))
    assert found[f"{BATTERY}StringCurrent.Max"] == pytest.approx(5.0)
    assert found[f"{BATTERY}StringCurrent.Min"] == pytest.approx(-20.0)


def test_speed_is_in_kilometres_per_hour() -> None:
    assert values(vehicle_speed_m_per_s=25.0)["Vehicle.Speed"] == pytest.approx(90.0)


def test_state_of_charge_is_in_percent() -> None:
    measurement, result = tick()
    found = values()[f"{BATTERY}StateOfCharge.Current"]
    assert found == pytest.approx(100.0 * result.estimate.soc, abs=0.01)
    assert measurement.time_s == 0.0


def test_a_value_that_is_not_known_is_null() -> None:
    assert values(ambient_temp_degc=math.nan)["Vehicle.Exterior.AirTemperature"] is None


def test_an_array_without_a_known_value_is_null() -> None:
    found = values(string_voltage_v=np.full(PACK.n_strings, math.nan))
    assert found[f"{BATTERY}CurrentVoltage"] is None


def test_the_overlay_declares_exactly_the_names_that_vss_lacks() -> None:
    declared = {line[:-1] for line in overlay_text().splitlines() if line.startswith("Vehicle.")}
    branches = {f"{BATTERY}{name}" for name in ("ThermalLoop", "StringCurrent")}
    own = {signal.path for signal in vss_table().signal if signal.overlay}
    assert declared == own | branches
