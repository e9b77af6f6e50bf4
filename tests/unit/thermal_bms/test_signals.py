"""The narrow waist: frozen signals with safe defaults."""

from dataclasses import FrozenInstanceError, fields

import numpy as np
import pytest

from plant_models.truck import Truck
from plant_models.truck_parameters import load_truck
from thermal_bms.signals import (
    NO_PREVIEW,
    Command,
    Estimate,
    LimitCause,
    Limits,
    Measurement,
    Preview,
    ThermalCommand,
    ValveMode,
    VehicleMode,
)

SIGNALS = (Measurement, ThermalCommand, Command, Estimate, Limits, Preview)


def test_a_command_without_words_asks_for_nothing() -> None:
    command = Command()
    assert command.thermal == ThermalCommand(0.0, 0.0, 0.0, 0.0, ValveMode.BYPASS)
    assert command.contactor_close == ()
    assert command.charge_current_a == command.discharge_power_max_w == command.regen_power_max_w == 0.0


def test_an_empty_preview_knows_nothing() -> None:
    assert NO_PREVIEW.charge_in_s == NO_PREVIEW.departure_in_s == float("inf")
    assert NO_PREVIEW.confidence == NO_PREVIEW.charge_power_w == 0.0
    assert NO_PREVIEW.horizon_s.size == NO_PREVIEW.heat_w.size == NO_PREVIEW.ambient_temp_degc.size == 0
    assert Preview().horizon_s is not NO_PREVIEW.horizon_s


def test_a_measurement_without_a_word_of_a_charger_is_unplugged() -> None:
    measured = Truck(load_truck("light_air"), soc=0.5, temp_degc=20.0).measure()
    assert not measured.plug_connected
    assert measured.charger_power_max_w == measured.charger_current_max_a == 0.0


def test_signals_cannot_be_changed_nor_grow() -> None:
    for signal in (Command(), ThermalCommand(), NO_PREVIEW):
        with pytest.raises(FrozenInstanceError):
            setattr(signal, fields(signal)[0].name, 1.0)
        assert not hasattr(signal, "__dict__")


@pytest.mark.parametrize("signal", [s for s in SIGNALS if "Attributes" in (s.__doc__ or "")])
def test_every_field_of_a_described_signal_is_described(signal: type) -> None:
    text = (signal.__doc__ or "").replace(",", " ").split()
    assert [field.name for field in fields(signal) if field.name not in text] == []


def test_codes_are_those_of_the_bus_and_of_old_recordings() -> None:
    assert [mode.value for mode in VehicleMode] == [0, 1, 2]
    assert [mode.value for mode in ValveMode] == [0, 1, 2, 3]
    assert [cause.name for cause in LimitCause][:3] == ["NONE", "CELL_CURRENT", "CELL_TEMP_HIGH"]
    assert [cause.value for cause in LimitCause] == list(range(10))


def test_what_the_truck_measures_has_the_announced_types() -> None:
    measured = Truck(load_truck("light_air"), soc=0.5, temp_degc=20.0).measure()
    for field in fields(Measurement):
        value = getattr(measured, field.name)
        kind = str(getattr(field.type, "__name__", field.type))
        if kind == "float":
            assert type(value) is float, field.name
        elif kind == "bool":
            assert type(value) is bool, field.name
        elif kind == "VehicleMode":
            assert value is VehicleMode.PARK
        else:
            assert isinstance(value, np.ndarray), field.name
