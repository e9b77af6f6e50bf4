"""Definition and code agree: no field without a signal, no signal without a field."""

from dataclasses import fields

import numpy as np
import pytest

from tests.unit.thermal_bms.can.can_samples import measurement
from thermal_bms.can.database import BUNDLED, bundled_messages
from thermal_bms.can.mapping import (
    COMMAND_ON_BUS,
    GBT_DEMAND_ON_BUS,
    MEASUREMENT_ON_BUS,
    STATUS_ON_BUS,
    Repeat,
    signal_name,
    status_values,
)
from thermal_bms.signals import Command, Estimate, LimitCause, Limits, Measurement, ThermalCommand

NAN = float("nan")
TABLES = (MEASUREMENT_ON_BUS, COMMAND_ON_BUS, STATUS_ON_BUS, GBT_DEMAND_ON_BUS)
WAIST = MEASUREMENT_ON_BUS + COMMAND_ON_BUS
OWN_BUSES = ("cells", "thermal")

CARRIED_FOR_OTHERS = {"TUC1", "TUS1"}
"""Own messages that no field of the waist rides in: the smart thermal unit."""


def limits(cause: LimitCause = LimitCause.NONE) -> Limits:
    return Limits(300.0, 200.0, 2.0e5, 1.4e5, cause, cause)


def estimate(soc: float = 0.6) -> Estimate:
    return Estimate(soc, np.array([0.55, NAN, 0.65]), 3.21, 3.25, 21.0, 23.0, 26.0, -120.0, 900.0)


def test_every_field_of_a_measurement_crosses_the_bus_once() -> None:
    mapped = [row.field for row in MEASUREMENT_ON_BUS]
    assert sorted(mapped) == sorted(field.name for field in fields(Measurement) if field.name != "time_s")


def test_every_field_of_a_command_crosses_the_bus_once() -> None:
    inside = {
        "thermal",
        "balance_current_a",
    }  # balancing stays with the cell-monitoring units, no message has it
    wanted = [f.name for f in fields(Command) if f.name not in inside] + [
        f.name for f in fields(ThermalCommand)
    ]
    assert sorted(row.field for row in COMMAND_ON_BUS) == sorted(wanted)


@pytest.mark.parametrize("table", TABLES)
def test_every_row_names_a_message_and_signal_that_exist(table: tuple[object, ...]) -> None:
    for row in table:
        numbered = row.repeat not in {Repeat.ONCE, Repeat.SOURCE_PER_STRING}  # type: ignore[attr-defined]
        wanted = f"{row.signal}0" if numbered else row.signal  # type: ignore[attr-defined]
        assert wanted in bundled_messages(row.definition)[row.message].signal_names  # type: ignore[attr-defined]


def test_every_signal_of_an_own_message_carries_a_field() -> None:
    mapped = {(row.definition, row.message, row.signal) for row in WAIST}
    for bus in OWN_BUSES:
        for message, layout in bundled_messages(bus).items():
            if message in CARRIED_FOR_OTHERS:
                continue
            for name in layout.signal_names:
                assert (bus, message, name.rstrip("0123456789")) in mapped, f"{bus}.{message}.{name}"


def test_the_signal_of_a_field_has_its_unit() -> None:
    units = {"v": "V", "a": "A", "w": "W", "degc": "degC", "rpm": "rpm", "pa": "Pa", "s": "m/s", "ohm": "ohm"}
    for row in WAIST + STATUS_ON_BUS:
        unit = units.get(row.field.rsplit("_", 1)[-1], "")
        unit = "kg/s" if row.field.endswith("_kg_per_s") else unit
        if row.repeat is Repeat.ONCE:
            signals = [
                s for page in bundled_messages(row.definition)[row.message].pages.values() for s in page
            ]
            assert next(s.unit for s in signals if s.name == row.signal) == unit, row.field


def test_every_signal_unit_matches_the_ending_of_its_name() -> None:
    endings = {
        "V": "V",
        "A": "A",
        "W": "W",
        "Degc": "degC",
        "Rpm": "rpm",
        "Pa": "Pa",
        "Kwh": "kWh",
        "Ah": "Ah",
    }
    for bus in BUNDLED:
        for layout in bundled_messages(bus).values():
            for signal in (s for page in layout.pages.values() for s in page):
                name = signal.name.rstrip("0123456789")
                found = [
                    unit
                    for ending, unit in endings.items()
                    if name.endswith(ending) and len(name) > len(ending)
                ]
                if signal.unit in endings.values():
                    assert signal.unit in found, f"{layout.name}.{signal.name}"


def test_names_are_camel_case_twins() -> None:
    assert signal_name("coolant_inlet_temp_degc") == "CoolantInletTempDegc"


def test_the_status_holds_what_the_controller_knows() -> None:
    values = status_values(measurement(string_voltage_v=np.array([NAN, 690.5])), estimate(), limits())
    assert values["pack_voltage_v"] == 690.5
    assert (values["cell_soc_min"], values["cell_soc_max"]) == (0.55, 0.65)
    assert (values["pack_current_a"], values["bus_voltage_v"]) == (-120.0, 690.0)
    assert set(values) <= {row.field for row in STATUS_ON_BUS}


def test_a_status_without_any_valid_string_says_so() -> None:
    blind = Estimate(NAN, np.array([NAN]), NAN, NAN, NAN, NAN, NAN, NAN, NAN)
    values = status_values(measurement(string_voltage_v=np.array([NAN, NAN])), blind, limits())
    assert np.isnan(values["pack_voltage_v"])
    assert "cell_soc_min" not in values


@pytest.mark.parametrize("cause", list(LimitCause))
def test_a_limit_raises_exactly_the_flag_of_its_cause(cause: LimitCause) -> None:
    values = status_values(measurement(), estimate(), limits(cause))
    for direction in ("discharge", "charge"):
        raised = [
            name for name, value in values.items() if name.startswith(f"{direction}_limited_by") and value
        ]
        assert len(raised) == (cause is not LimitCause.NONE)
