"""Which field crosses the bus in which message: the one table between the waist and the DBC files.

The signal has the CamelCase name of the field (``coolant_inlet_temp_degc`` is ``CoolantInletTempDegc``), with the
number of the cell, sensor or string behind it where one message carries many. Definitions speak SI units, so no
value is converted here; a bus whose sign differs gets ``sign = -1``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from types import MappingProxyType

import numpy as np

from thermal_bms.signals import Estimate, LimitCause, Limits, Measurement


class Repeat(IntEnum):
    """How often a field stands on the bus."""

    ONCE = 0
    SOURCE_PER_STRING = 1
    """The same message from one source address per string."""
    NUMBERED_PER_STRING = 2
    """One numbered signal per string."""
    CELLS = 3
    """One source address per string, one numbered signal per parallel group."""
    SENSORS = 4
    """One source address per string, one numbered signal per temperature sensor."""


@dataclass(frozen=True, slots=True)
class FieldOnBus:
    """One row: a field, the definition and message that carry it, and how."""

    field: str
    definition: str
    message: str
    repeat: Repeat = Repeat.ONCE
    sign: float = 1.0

    @property
    def signal(self) -> str:
        """Return the name of the signal, without a number."""
        return signal_name(self.field)


def signal_name(field: str) -> str:
    """Return the CamelCase twin of a field's name.

    >>> signal_name("vehicle_speed_m_per_s")
    'VehicleSpeedMPerS'
    """
    return "".join(word.capitalize() for word in field.split("_"))


def _rows(definition: str, message: str, *fields: str) -> tuple[FieldOnBus, ...]:
    return tuple(FieldOnBus(field, definition, message) for field in fields)


MEASUREMENT_ON_BUS: tuple[FieldOnBus, ...] = (
    FieldOnBus("cell_voltage_v", "cells", "CELLV", Repeat.CELLS),
    FieldOnBus("cell_temp_degc", "cells", "CELLT", Repeat.SENSORS),
    FieldOnBus("string_current_a", "cells", "STRM", Repeat.SOURCE_PER_STRING),
    FieldOnBus("string_voltage_v", "cells", "STRM", Repeat.SOURCE_PER_STRING),
    FieldOnBus("contactor_closed", "cells", "STRM", Repeat.SOURCE_PER_STRING),
    FieldOnBus("negative_closed", "cells", "STRM", Repeat.SOURCE_PER_STRING),
    FieldOnBus("precharge_closed", "cells", "STRM", Repeat.SOURCE_PER_STRING),
    *_rows("cells", "JBOX", "bus_voltage_v", "isolation_ohm", "hvil_closed", "crash"),
    *_rows("thermal", "THS1", "coolant_inlet_temp_degc", "coolant_outlet_temp_degc", "drive_loop_temp_degc"),
    *_rows("thermal", "THS2", "pump_speed_rpm", "fan_speed_rpm", "compressor_speed_rpm"),
    *_rows("thermal", "THS3", "suction_pressure_pa", "discharge_pressure_pa", "ambient_humidity"),
    *_rows("thermal", "THS4", "heater_power_w", "compressor_power_w"),
    *_rows("thermal", "THS5", "coolant_flow_kg_per_s", "coolant_level", "valve_position"),
    *_rows("hvess", "AMB", "ambient_temp_degc"),
    *_rows("hvess", "CCVS1", "vehicle_speed_m_per_s"),
    *_rows("hvess", "VMODE", "vehicle_mode", "plug_connected"),
    *_rows("hvess", "EVSE1DCLIM1", "charger_voltage_max_v", "charger_current_max_a", "charger_power_max_w"),
)
"""Everything of a ``Measurement`` but its time, which is the receiver's."""

COMMAND_ON_BUS: tuple[FieldOnBus, ...] = (
    *_rows("thermal", "THC1", "pump_duty", "fan_duty", "compressor_duty", "heater_duty", "valve_mode"),
    FieldOnBus("contactor_close", "cells", "CTCMD", Repeat.NUMBERED_PER_STRING),
    FieldOnBus("negative_close", "cells", "NGCMD", Repeat.NUMBERED_PER_STRING),
    FieldOnBus("precharge_close", "cells", "PCCMD", Repeat.NUMBERED_PER_STRING),
    *_rows("hvess", "HVESSS1", "disconnect_forewarning"),
    *_rows("hvess", "EVDCTGT", "charge_current_a"),
    *_rows("hvess", "HVESSD1", "discharge_power_max_w", "regen_power_max_w"),
)
"""Everything of a ``Command``."""

HVESS_CURRENT_SIGN = 1.0
"""Sign of SPN 5920 against this project's (positive on discharge). The range -1600..1612.75 A is public (SLOT 104);
which end is discharge is assumed."""

_LIMIT_FLAGS = {
    "soc": frozenset({LimitCause.SOC}),
    "cell_temp": frozenset({LimitCause.CELL_TEMP_HIGH, LimitCause.CELL_TEMP_LOW, LimitCause.PLATING}),
    "diagnostic": frozenset({LimitCause.FAULT}),
    "voltage": frozenset({LimitCause.CELL_VOLTAGE}),
    "current": frozenset({LimitCause.CELL_CURRENT}),
    "other": frozenset({LimitCause.CHARGER_POWER, LimitCause.CHARGER_CURRENT}),
}

STATUS_ON_BUS: tuple[FieldOnBus, ...] = (
    FieldOnBus("pack_current_a", "hvess", "HVESSD1", sign=HVESS_CURRENT_SIGN),
    *_rows("hvess", "HVESSD1", "pack_voltage_v"),
    *_rows("hvess", "HVESSD2", "soc", "cell_voltage_max_v", "cell_voltage_min_v"),
    *_rows("hvess", "HVESSD3", "cell_temp_max_degc", "cell_temp_min_degc", "cell_temp_mean_degc"),
    *_rows(
        "hvess", "HVESSD5", "discharge_current_max_a", "charge_current_max_a", "cell_soc_min", "cell_soc_max"
    ),
    *_rows("hvess", "HVESSD6", "bus_voltage_v", "coolant_inlet_temp_degc", "coolant_outlet_temp_degc"),
    *_rows("hvess", "HVESSS2", *(f"discharge_limited_by_{flag}" for flag in _LIMIT_FLAGS)),
    *_rows("hvess", "HVESSS2", *(f"charge_limited_by_{flag}" for flag in _LIMIT_FLAGS)),
    *_rows("hvess", "EVDCTGT", "charge_voltage_v"),
)
"""What the vehicle bus is told besides the command. Values that nobody gives are sent as "not available"."""

GBT_DEMAND_ON_BUS: tuple[FieldOnBus, ...] = (
    FieldOnBus("charge_current_a", "gbt27930", "BCL", sign=-1.0),
    *_rows("gbt27930", "BCL", "charge_voltage_v", "charge_mode"),
)
"""The charge demand on a charger bus of GB/T 27930, where a charge current is negative."""


def status_values(measurement: Measurement, estimate: Estimate, limits: Limits) -> Mapping[str, float]:
    """Return the values of ``STATUS_ON_BUS`` that follow from what the controller knows.

    The pack's voltage is the highest string voltage, NaN left out; its cell charges are those of the strings.
    """
    voltage_v = measurement.string_voltage_v[~np.isnan(measurement.string_voltage_v)]
    string_soc = estimate.string_soc[~np.isnan(estimate.string_soc)]
    values = {
        "pack_current_a": estimate.pack_current_a,
        "pack_voltage_v": float(voltage_v.max()) if voltage_v.size else float("nan"),
        "soc": estimate.soc,
        "cell_voltage_max_v": estimate.cell_voltage_max_v,
        "cell_voltage_min_v": estimate.cell_voltage_min_v,
        "cell_temp_max_degc": estimate.cell_temp_max_degc,
        "cell_temp_min_degc": estimate.cell_temp_min_degc,
        "cell_temp_mean_degc": estimate.cell_temp_mean_degc,
        "discharge_current_max_a": limits.discharge_current_max_a,
        "charge_current_max_a": limits.charge_current_max_a,
        "bus_voltage_v": measurement.bus_voltage_v,
        "coolant_inlet_temp_degc": measurement.coolant_inlet_temp_degc,
        "coolant_outlet_temp_degc": measurement.coolant_outlet_temp_degc,
    }
    if string_soc.size:
        values["cell_soc_min"] = float(string_soc.min())
        values["cell_soc_max"] = float(string_soc.max())
    for flag, causes in _LIMIT_FLAGS.items():
        values[f"discharge_limited_by_{flag}"] = float(limits.discharge_cause in causes)
        values[f"charge_limited_by_{flag}"] = float(limits.charge_cause in causes)
    return MappingProxyType(values)
