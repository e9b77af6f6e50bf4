"""The fault matrix: which fault provokes which diagnostic, in which mode of the truck.

Every limit gives one case per level and mode: a sensor is stuck beyond the level. Every other diagnostic gives one case
per mode in which it can happen. How long a fault needs to reach its limit follows from what is injected (a leak of
0.1 per second, a lag of the pump); all else stands in the tables.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from plant_models.truck_parameters import describe
from scenarios.fault_bench import (
    MODES,
    STRING,
    ZIGZAG_S,
    FaultCase,
    bench_limits,
    bench_truck,
)
from scenarios.faults import FaultEntry
from thermal_bms.faults import DiagnosticRow, FaultCode, Severity
from thermal_bms.limits import limit_diagnostics, load_diagnostics
from thermal_bms.plausibility import FROZEN_AFTER_S, LOST
from thermal_bms.signals import ThermalCommand, ValveMode

ACTUATOR_LAG_S = 3.0
"""Pump and fan are at 95 % of a step after three of their time constants of 1 s."""
HEATER_RAMP_S = 10.0
COMPRESSOR_ON_S = 60.0
"""Once started it runs for this long at least. While driving the cabin's air conditioning keeps it running."""
RUNAWAY_SHOWS_S = 1.0
"""A short of 2 mohm pulls its group down at once."""
LEAK_PER_S = 0.1
FULL_LEVEL = 0.8
BEYOND = 0.02
"""How far beyond a trip level a stuck sensor stands, as a share of the way from warning to trip."""
BUS_V = 710.0
CHARGER_SLEW_A_PER_S = 100.0
OTHER_LOAD_A = 30.0

STIR = ThermalCommand(0.6, 0.0, 0.0, 0.0, ValveMode.BYPASS)
COOL = ThermalCommand(0.6, 0.6, 0.6, 0.0, ValveMode.CHILLER)
RADIATE = ThermalCommand(0.9, 0.6, 0.0, 0.0, ValveMode.RADIATOR)
HEAT = ThermalCommand(0.6, 0.0, 0.0, 0.8, ValveMode.BYPASS)
IDLE = ThermalCommand(0.3, 0.0, 0.0, 0.0, ValveMode.BYPASS)


@dataclass(frozen=True)
class Provocation:
    """How a quantity is brought beyond a limit; see ``FaultCase`` for the fields."""

    faults: tuple[FaultEntry, ...]
    modes: tuple[str, ...] = MODES
    reached_s: float = 0.0
    thermal: ThermalCommand | None = None
    temp_degc: float = 25.0
    zigzag: bool = False
    boxed: bool = False


def fault_cases() -> list[FaultCase]:
    """Return the whole matrix."""
    return [*_limit_cases(), *_diagnostic_cases()]


def every_row() -> list[DiagnosticRow]:
    """Return every diagnostic of the truck of the matrix, limits resolved."""
    pack = describe(bench_truck()).pack
    rows = [*limit_diagnostics(bench_limits(), pack), *load_diagnostics()]
    return [row.resolved(pack) for row in rows]


def entry(kind: str, value: float = 0.0, target: str = "0", **more: object) -> FaultEntry:
    """Return a fault."""
    return FaultEntry.model_validate({"kind": kind, "value": value, "target": target, **more})


def stuck(target: str, value: float) -> FaultEntry:
    """Return a sensor that shows one value."""
    return entry("sensor_stuck", value, target)


# --- limits ---

_CELL = f"cell_voltage_v[{STRING}, 7]"
_SENSOR = f"cell_temp_degc[{STRING}, 3]"
_CURRENT = f"string_current_a[{STRING}]"
_SEEN_AS: dict[str, Callable[[float], tuple[FaultEntry, ...]]] = {
    "cell_voltage_max_v": lambda value: (stuck(_CELL, value),),
    "cell_voltage_min_v": lambda value: (stuck(_CELL, value),),
    "cell_voltage_spread_v": lambda value: (stuck(_CELL, 3.35 - value),),
    "cell_temp_max_degc": lambda value: (stuck(_SENSOR, value),),
    "cell_temp_max_charging_degc": lambda value: (stuck(_SENSOR, value), stuck(_CURRENT, -40.0)),
    "cell_temp_min_charging_degc": lambda value: (stuck(_SENSOR, value), stuck(_CURRENT, -40.0)),
    "cell_temp_min_discharging_degc": lambda value: (stuck(_SENSOR, value), stuck(_CURRENT, 40.0)),
    "cell_temp_spread_k": lambda value: (stuck(_SENSOR, 25.5 + value),),
    "string_current_a": lambda value: (stuck(_CURRENT, value),),
}


def _limit_cases() -> Iterator[FaultCase]:
    """Yield one case per limit, level and mode; the sensor is stuck between the level and the next one."""
    pack = describe(bench_truck()).pack
    levels = (Severity.INFO, Severity.WARNING, Severity.TRIP)
    for limit in bench_limits().limit:
        values = [limit.level(value, pack) for value in (limit.operate, limit.warn, limit.trip)]
        values.append(values[2] + (values[2] - values[1]))
        rows = limit_diagnostics(bench_limits(), pack)
        for number, severity in enumerate(levels):
            row = next(r for r in rows if r.code is limit.code and r.severity is severity)
            value = 0.5 * (values[number] + values[number + 1])
            for mode in MODES:
                name = f"{limit.code.name.lower()} beyond {('operate', 'warn', 'trip')[number]}"
                yield FaultCase(name, mode, row, _SEEN_AS[limit.quantity](value))


# --- everything else ---


def _diagnostic_cases() -> Iterator[FaultCase]:
    pack = describe(bench_truck()).pack
    rows = [*bench_limits().diagnostic, *load_diagnostics()]
    for row in (row.resolved(pack) for row in rows):
        for number, how in enumerate(_provocations(row)):
            for mode in how.modes:
                name = f"{row.code.name.lower()}: {', '.join(_in_words(fault) for fault in how.faults[:2])}"
                yield FaultCase(
                    f"{name}{'' if number == 0 else f' ({number})'}",
                    mode,
                    row,
                    how.faults,
                    how.reached_s,
                    how.thermal,
                    how.temp_degc,
                    how.zigzag,
                    how.boxed,
                )


def _in_words(fault: FaultEntry) -> str:
    target = "" if fault.target.isdecimal() else f" {fault.target}"
    return f"{fault.kind}{target}{f' {fault.value:g}' if fault.value else ''}"


def _opening_s(code: FaultCode) -> tuple[float, float]:
    """Return when a trip opens a string that stands or drives: debounce, delay, forewarning, two ticks [s]."""
    row = bench_limits().row(code)
    standing_s = row.debounce_s + row.delay_s + 2.0 + bench_limits().contactor.fuse_time_s
    return standing_s, standing_s + row.forewarn_s


def _provocations(row: DiagnosticRow) -> tuple[Provocation, ...]:
    """Return how this row is provoked."""
    name = row.quantity
    if name in _LOST_FIELDS:
        return (Provocation((entry("sensor_lost", target=_LOST_FIELDS[name]),)),)
    if name in _PER_ROW:
        return _PER_ROW[name](row)
    return _PROVOKED[name]


_LOST_FIELDS = {lost: field for field, lost in LOST.items()}
_HOT = (stuck(_SENSOR, 61.0),)
_OPEN_STANDING_S, _OPEN_DRIVING_S = _opening_s(FaultCode.CELL_TEMP_HIGH_DISCHARGE)
_STANDING = ("charge", "park")
_SWINGING_S = 4.0 * ZIGZAG_S
TRY_S = bench_limits().contactor.precharge_time_max_s + bench_limits().contactor.precharge_pause_s + 0.2
"""One try of precharge, with the pause after it, and the time in which the negative contactor closes."""


def _woken(*faults: FaultEntry, reached_s: float) -> Provocation:
    """Return faults of a truck with a contactor box that wakes up with everything open."""
    return Provocation(faults, ("park",), reached_s, boxed=True)


_PROVOKED: dict[str, tuple[Provocation, ...]] = {
    "string_current_invalid": (Provocation((entry("sensor_lost", target=_CURRENT),)),),
    "string_voltage_invalid": (Provocation((entry("sensor_lost", target=f"string_voltage_v[{STRING}]"),)),),
    "string_voltage_mismatch": (Provocation((entry("sensor_gain", 1.05, f"string_voltage_v[{STRING}]"),)),),
    "discharge_current_excess_a": (Provocation((stuck("string_current_a", 360.0),), ("drive", "park")),),
    "measurement_age_s": (
        Provocation((entry("link_silent"),), reached_s=3.0),
        Provocation((entry("link_late", 6.0),), ("drive",), reached_s=3.0),
    ),
    "scalar_lost": (Provocation((entry("sensor_lost", target="ambient_humidity"),)),),
    "hvil_closed": (
        Provocation((entry("hvil_open"),)),
        Provocation((stuck("hvil_closed", 0.0),), ("drive",)),
    ),
    "crash": (Provocation((entry("crash"),)),),
    "discharge_pressure_pa": (Provocation((stuck("discharge_pressure_pa", 3.2e6),)),),
    "coolant_inlet_temp_degc": (
        Provocation((stuck("coolant_inlet_temp_degc", 75.0),)),
        Provocation((entry("sensor_drift", 1.0, "coolant_inlet_temp_degc"),), ("drive",), reached_s=45.0),
    ),
    "cell_voltage_frozen": (
        Provocation(
            (entry("sensor_frozen", target=f"cell_voltage_v[{STRING}]"),),
            ("drive",),
            reached_s=FROZEN_AFTER_S + _SWINGING_S,
            zigzag=True,
        ),
    ),
    "string_current_frozen_steps": (
        Provocation(
            (entry("sensor_frozen", target=_CURRENT),), ("drive",), reached_s=_SWINGING_S, zigzag=True
        ),
    ),
    "open_string_c_rate": (
        Provocation((entry("string_open", target=str(STRING)), stuck(_CURRENT, 25.0)), reached_s=1.0),
    ),
    "bus_voltage_mismatch": (Provocation((entry("sensor_gain", 0.9, "bus_voltage_v"),)),),
    "string_carries_nothing": (
        Provocation((entry("fuse_blown", target=str(STRING)),), ("charge",), reached_s=1.0),
    ),
    "string_current_imbalance": (Provocation((entry("sensor_gain", -1.0, _CURRENT),), ("charge",)),),
    "contactor_mismatch": (Provocation((entry("string_open", target=str(STRING)),), reached_s=1.0),),
    "contactor_stuck_open": (Provocation((entry("string_open", target=str(STRING)),), reached_s=1.0),),
    "contactor_welded": (
        Provocation(
            (*_HOT, entry("string_welded", target=str(STRING))), _STANDING, reached_s=_OPEN_STANDING_S
        ),
        Provocation(
            (*_HOT, entry("string_welded", target=str(STRING))), ("drive",), reached_s=_OPEN_DRIVING_S
        ),
    ),
    "string_not_connected": (
        Provocation(_HOT, _STANDING, reached_s=_OPEN_STANDING_S),
        Provocation(_HOT, ("drive",), reached_s=_OPEN_DRIVING_S),
    ),
    "negative_contactor_mismatch": (Provocation((stuck(f"negative_closed[{STRING}]", 0.0),)),),
    "precharge_relay_mismatch": (Provocation((stuck(f"precharge_closed[{STRING}]", 1.0),)),),
    "opened_under_load": (
        Provocation((entry("crash"),), ("drive", "charge"), reached_s=1.0),
        Provocation((entry("crash"), stuck(_CURRENT, 50.0)), ("park",), reached_s=1.0),
    ),
    "controller_failed": (
        Provocation((entry("controller_nan"),)),
        Provocation((entry("controller_error"),), ("charge",)),
    ),
    "controller_timeout": (Provocation((entry("controller_timeout"),)),),
    "tick_late": (Provocation((entry("clock_fast", 2.0),), reached_s=1.0),),
    "clock_backwards_s": (Provocation((entry("clock_back", 5.0),)),),
    "vehicle_mode_implausible": (Provocation((stuck("vehicle_speed_m_per_s", 10.0),), _STANDING),),
    "plug_while_driving": (Provocation((stuck("vehicle_speed_m_per_s", 10.0),), ("charge",)),),
    "coolant_temp_outside_k": (
        Provocation((entry("sensor_offset", 15.0, "coolant_outlet_temp_degc"),), thermal=RADIATE),
    ),
    "pump_stands": (Provocation((entry("pump_off"),), reached_s=2.0 * ACTUATOR_LAG_S, thermal=STIR),),
    "pump_speed_above": (Provocation((entry("pump_stuck", 1.0),), reached_s=ACTUATOR_LAG_S, thermal=IDLE),),
    "pump_speed_below": (
        Provocation((entry("pump_stuck", 0.4),), reached_s=ACTUATOR_LAG_S, thermal=RADIATE),
    ),
    "fan_stands": (Provocation((entry("fan_off"),), reached_s=2.0 * ACTUATOR_LAG_S, thermal=RADIATE),),
    "valve_elsewhere": (Provocation((entry("valve_stuck", 2.0),), reached_s=5.0, thermal=RADIATE),),
    "heater_power_unasked": (
        Provocation((entry("heater_stuck_on", 1.0),), reached_s=ACTUATOR_LAG_S, thermal=STIR),
    ),
    "heater_power_missing": (
        Provocation((entry("heater_off"),), reached_s=HEATER_RAMP_S, thermal=HEAT, temp_degc=5.0),
    ),
    "compressor_stands": (
        Provocation(
            (entry("chiller_off"),), _STANDING, reached_s=COMPRESSOR_ON_S, thermal=COOL, temp_degc=40.0
        ),
    ),
    "suction_pressure_short_pa": (
        Provocation((stuck("suction_pressure_pa", 1.0e5), stuck("compressor_speed_rpm", 3000.0))),
    ),
    "thermal_runaway": (
        Provocation((entry("internal_short", 0.002, f"{STRING}, 70"),), reached_s=RUNAWAY_SHOWS_S),
    ),
    "precharge_voltage_left": (
        _woken(*(entry("precharge_open", target=str(k)) for k in range(3)), reached_s=TRY_S),
        _woken(entry("bus_shorted"), reached_s=TRY_S),
    ),
    "precharge_current_left": (_woken(entry("sensor_offset", 3.0, "string_current_a"), reached_s=TRY_S),),
    "precharge_failed": (_woken(entry("bus_shorted"), reached_s=3.0 * TRY_S),),
}


def _invalid_cells(row: DiagnosticRow) -> tuple[Provocation, ...]:
    target = f"cell_voltage_v[{STRING}]" if row.limit > 0.5 else _CELL
    return (Provocation((entry("sensor_lost", target=target),)),)


def _invalid_temps(row: DiagnosticRow) -> tuple[Provocation, ...]:
    n_sensors = bench_truck().pack.n_temp_sensors
    n_lost = int(row.limit * n_sensors) + 1
    targets = [f"cell_temp_degc[{STRING}, {i}]" for i in range(n_lost)]
    one = Provocation(tuple(entry("sensor_open", target=target) for target in targets))
    return (one, Provocation((entry("sensor_short", target=_SENSOR),), ("drive",))) if n_lost == 1 else (one,)


def _excess(row: DiagnosticRow) -> tuple[Provocation, ...]:
    reached_s = (row.limit + OTHER_LOAD_A) / CHARGER_SLEW_A_PER_S + 1.0
    return (Provocation((entry("charger_excess", 1.5),), ("charge",), reached_s),)


def _low_isolation(row: DiagnosticRow) -> tuple[Provocation, ...]:
    return (Provocation((entry("isolation_low", 0.8 * row.limit * BUS_V),)),)


def _low_coolant(row: DiagnosticRow) -> tuple[Provocation, ...]:
    reached_s = (FULL_LEVEL - row.limit) / LEAK_PER_S + 1.0
    return (Provocation((entry("coolant_leak", LEAK_PER_S),), reached_s=reached_s, thermal=STIR),)


def _missing_flow(row: DiagnosticRow) -> tuple[Provocation, ...]:
    gone_s = FULL_LEVEL / LEAK_PER_S + 2.0
    left = 1.0 - 0.5 * (1.0 + row.limit)
    return (
        Provocation((stuck("coolant_flow_kg_per_s", 0.0),), thermal=RADIATE),
        Provocation((entry("coolant_leak", LEAK_PER_S),), ("drive",), reached_s=gone_s, thermal=RADIATE),
        Provocation((entry("sensor_gain", left, "coolant_flow_kg_per_s"),), ("park",), thermal=RADIATE),
    )


def _beyond(row: DiagnosticRow) -> tuple[Provocation, ...]:
    outward = abs(row.limit) * BEYOND * (1.0 if row.direction == "above" else -1.0)
    return (Provocation(_SEEN_AS[row.quantity](row.limit + outward)),)


_PER_ROW: dict[str, Callable[[DiagnosticRow], tuple[Provocation, ...]]] = {
    "cell_voltage_invalid": _invalid_cells,
    "cell_temp_invalid": _invalid_temps,
    "charge_current_excess_a": _excess,
    "isolation_ohm_per_v": _low_isolation,
    "coolant_level": _low_coolant,
    "coolant_flow_missing": _missing_flow,
    "cell_voltage_min_v": _beyond,
    "string_current_a": _beyond,
}
