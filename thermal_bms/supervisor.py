"""The supervisor: small, separate, and the last word on every thermal actuator.

A controller proposes. Here a missing or impossible proposal is replaced, rates are limited, and a table of
rules overrides what must not happen. Whatever comes in, what goes out is finite and within 0..1, heater and
compressor never run together, and neither runs without the pump, commanded and, where measured, turning.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum

from pydantic import Field

from thermal_bms.description import ThermalDescription
from thermal_bms.parameters import Parameters
from thermal_bms.signals import ThermalCommand, ValveMode

NAN = float("nan")
_TIME_ROUNDING_S = 1e-9


class Reason(IntEnum):
    """Why the supervisor changed what was wanted."""

    NOT_USABLE = 0
    OUT_OF_RANGE = 1
    TEMPERATURE_UNKNOWN = 2
    OVER_TEMPERATURE = 3
    RATE = 4
    NO_HIGH_VOLTAGE = 5
    HEATER_FORBIDDEN = 6
    HEATER_TOO_HOT = 7
    WASTE_HEAT_TOO_HOT = 8
    TOO_COLD_FOR_CHILLER = 9
    HEATER_AND_COMPRESSOR = 10
    PUMP_NEEDED = 11
    PUMP_STANDS = 12


class SupervisorSettings(Parameters):
    """Bounds of the supervisor.

    All are choices of this project; the control unit takes the over-temperature from the limit table. Falling
    heater and compressor duties are never rate-limited, so that both can always be stopped at once.
    """

    over_temp_degc: float = Field(default=50.0, ge=30.0, le=60.0, description="from here on full cooling")
    over_temp_hysteresis_k: float = Field(default=2.0, gt=0.0, le=10.0)
    safe_cooling_on_degc: float = Field(
        default=30.0, description="without a controller full cooling starts here"
    )
    safe_cooling_off_degc: float = Field(default=25.0, description="and ends here")
    unknown_cold_degc: float = Field(default=10.0, description="last known below this: pump only")
    heater_cell_temp_max_degc: float = Field(default=35.0, le=45.0, description="no heating of hotter cells")
    heater_coolant_temp_max_degc: float = Field(
        default=60.0, le=80.0, description="no heating of hotter coolant"
    )
    chiller_cell_temp_min_degc: float = Field(default=5.0, description="no chiller for colder cells")
    chiller_coolant_temp_min_degc: float = Field(default=2.0, description="no chiller for colder coolant")
    pump_duty_min: float = Field(default=0.3, ge=0.0, le=1.0, description="while heater or compressor runs")
    pump_stands_below_rpm: float = Field(default=100.0, ge=0.0, le=1000.0, description="no flow below this")
    pump_stands_s: float = Field(
        default=5.0, gt=0.0, le=60.0, description="for this long although it is commanded"
    )
    pump_rate_per_s: float = Field(default=0.5, gt=0.0)
    fan_rate_per_s: float = Field(default=0.5, gt=0.0)
    compressor_rise_per_s: float = Field(default=0.1, gt=0.0)
    heater_rise_per_s: float = Field(default=0.2, gt=0.0)


@dataclass(slots=True)
class Situation:
    """What the supervisor knows of the truck. NaN means that no valid value is known.

    Attributes
    ----------
    cell_temp_max_degc : hottest valid sensor of all strings, connected or not [degC]
    coolant_temp_degc : coolant at the pack's inlet [degC]
    high_voltage : heater and compressor have a supply
    heater_allowed : no fault forbids heating
    pump_speed_rpm : of the coolant pump; NaN changes nothing [rev/min]
    """

    cell_temp_max_degc: float = NAN
    coolant_temp_degc: float = NAN
    high_voltage: bool = True
    heater_allowed: bool = True
    pump_speed_rpm: float = NAN


@dataclass(slots=True)
class SupervisorState:
    """What the supervisor remembers: the last command it let through, two switches with hysteresis, a standing pump.

    Attributes
    ----------
    applied : the command of the tick before
    known_temp_degc : last valid temperature of the hottest sensor [degC]
    over_temperature, safe_cooling : the switches
    pump_stands_s : how long the pump has not turned although it was told to [s]
    """

    applied: ThermalCommand = field(default_factory=ThermalCommand)
    known_temp_degc: float = NAN
    over_temperature: bool = False
    safe_cooling: bool = False
    pump_stands_s: float = 0.0


@dataclass(slots=True)
class _Duties:
    pump: float
    fan: float
    compressor: float
    heater: float
    valve_mode: ValveMode


Rule = tuple[
    Reason,
    Callable[[_Duties, Situation, SupervisorSettings], bool],
    Callable[[_Duties, SupervisorSettings], None],
]


def _stop_heater(duties: _Duties, _: SupervisorSettings) -> None:
    duties.heater = 0.0


def _stop_compressor(duties: _Duties, _: SupervisorSettings) -> None:
    duties.compressor = 0.0


def _stop_both(duties: _Duties, _: SupervisorSettings) -> None:
    duties.heater = duties.compressor = 0.0


def _bypass(duties: _Duties, _: SupervisorSettings) -> None:
    duties.valve_mode = ValveMode.BYPASS


def _run_pump(duties: _Duties, settings: SupervisorSettings) -> None:
    duties.pump = settings.pump_duty_min


RULES: tuple[Rule, ...] = (
    (
        Reason.NO_HIGH_VOLTAGE,
        lambda d, s, _: not s.high_voltage and (d.heater > 0.0 or d.compressor > 0.0),
        _stop_both,
    ),
    (Reason.HEATER_FORBIDDEN, lambda d, s, _: not s.heater_allowed and d.heater > 0.0, _stop_heater),
    (
        Reason.HEATER_TOO_HOT,
        lambda d, s, x: d.heater > 0.0 and not _may_heat(s, x),
        _stop_heater,
    ),
    (
        Reason.WASTE_HEAT_TOO_HOT,
        lambda d, s, x: d.valve_mode is ValveMode.WASTE_HEAT and not _may_heat(s, x),
        _bypass,
    ),
    (
        Reason.TOO_COLD_FOR_CHILLER,
        lambda d, s, x: (
            d.compressor > 0.0
            and (
                s.cell_temp_max_degc < x.chiller_cell_temp_min_degc
                or s.coolant_temp_degc < x.chiller_coolant_temp_min_degc
            )
        ),
        _stop_compressor,
    ),
    (Reason.HEATER_AND_COMPRESSOR, lambda d, _, __: d.heater > 0.0 and d.compressor > 0.0, _stop_heater),
    (
        Reason.PUMP_NEEDED,
        lambda d, _, x: (d.heater > 0.0 or d.compressor > 0.0) and d.pump < x.pump_duty_min,
        _run_pump,
    ),
)
"""What must not happen and what is done about it, in the order in which it is applied.

All are about a heater, a compressor or waste heat, so none holds while none of these is at work.
"""


def supervise(
    wanted: ThermalCommand | None,
    state: SupervisorState,
    situation: Situation,
    thermal: ThermalDescription,
    settings: SupervisorSettings,
    dt_s: float,
) -> tuple[ThermalCommand, tuple[Reason, ...]]:
    """Return the command that goes out and why it differs from the wanted one.

    In this order: a missing or non-finite command becomes the safe one; duties are clamped; unknown cell
    temperature gives the safe command and over-temperature full cooling; rising duties follow their rates;
    the rules of ``RULES`` hold; without a turning pump heater and compressor stop. A tick that is not a
    positive number counts as none.

    Parameters
    ----------
    wanted : what the controller proposes, or None when it failed
    state : remembered from tick to tick; changed here
    situation : what is known of the truck
    thermal : what the truck can do
    settings : bounds
    dt_s : tick [s]
    """
    dt_s = dt_s if 0.0 < dt_s < math.inf else 0.0
    reasons: list[Reason] = []
    pump_stands = _pump_stands(state, situation.pump_speed_rpm, settings, dt_s)
    _remember(state, situation.cell_temp_max_degc, settings)
    duties = _usable(wanted)
    if duties is None:
        reasons.append(Reason.NOT_USABLE)
        duties = _safe(state, settings, thermal)
    elif _clamp(duties):
        reasons.append(Reason.OUT_OF_RANGE)
    if math.isnan(situation.cell_temp_max_degc):
        reasons.append(Reason.TEMPERATURE_UNKNOWN)
        duties = _safe(state, settings, thermal, unknown=True)
    elif state.over_temperature:
        reasons.append(Reason.OVER_TEMPERATURE)
        duties = _full_cooling(thermal)
    if _limit_rates(duties, state.applied, settings, dt_s):
        reasons.append(Reason.RATE)
    if duties.heater > 0.0 or duties.compressor > 0.0 or duties.valve_mode is ValveMode.WASTE_HEAT:
        for reason, holds, act in RULES:
            if holds(duties, situation, settings):
                act(duties, settings)
                reasons.append(reason)
        if pump_stands and (duties.heater > 0.0 or duties.compressor > 0.0):
            _stop_both(duties, settings)
            reasons.append(Reason.PUMP_STANDS)
    state.applied = _command(duties, wanted)
    return state.applied, tuple(reasons)


def _may_heat(s: Situation, x: SupervisorSettings) -> bool:
    """Return whether cells and coolant are known to be cool enough to be heated; unknown coolant may be."""
    return (
        s.cell_temp_max_degc < x.heater_cell_temp_max_degc
        and not s.coolant_temp_degc > x.heater_coolant_temp_max_degc
    )


def _pump_stands(state: SupervisorState, speed_rpm: float, settings: SupervisorSettings, dt_s: float) -> bool:
    """Return whether the pump has not turned for long enough although it was told to; until it turns again."""
    if speed_rpm >= settings.pump_stands_below_rpm:
        state.pump_stands_s = 0.0
    elif speed_rpm < settings.pump_stands_below_rpm and state.pump_stands_s < settings.pump_stands_s:
        told = state.applied.pump_duty >= settings.pump_duty_min
        state.pump_stands_s = state.pump_stands_s + dt_s if told else 0.0
    return state.pump_stands_s >= settings.pump_stands_s - _TIME_ROUNDING_S


def _remember(state: SupervisorState, temp_degc: float, settings: SupervisorSettings) -> None:
    if math.isnan(temp_degc):
        state.over_temperature = False
        return
    state.known_temp_degc = temp_degc
    release_degc = settings.over_temp_degc - settings.over_temp_hysteresis_k
    state.over_temperature = temp_degc >= (
        release_degc if state.over_temperature else settings.over_temp_degc
    )
    state.safe_cooling = temp_degc >= (
        settings.safe_cooling_off_degc if state.safe_cooling else settings.safe_cooling_on_degc
    )


def _usable(wanted: ThermalCommand | None) -> _Duties | None:
    """Return the wanted duties, or None when anything about them is not a finite number or a valve mode."""
    if wanted is None:
        return None
    try:
        valve_mode = wanted.valve_mode
        duties = _Duties(
            float(wanted.pump_duty),
            float(wanted.fan_duty),
            float(wanted.compressor_duty),
            float(wanted.heater_duty),
            valve_mode if type(valve_mode) is ValveMode else ValveMode(valve_mode),
        )
    except (TypeError, ValueError, AttributeError, OverflowError):
        return None
    total = duties.pump + duties.fan + duties.compressor + duties.heater
    return duties if math.isfinite(total) else None


def _clamp(duties: _Duties) -> bool:
    """Bring every duty into 0..1; return whether one was outside."""
    inside = 0.0 <= duties.pump <= 1.0 and 0.0 <= duties.fan <= 1.0
    if inside and 0.0 <= duties.compressor <= 1.0 and 0.0 <= duties.heater <= 1.0:
        return False
    for name in ("pump", "fan", "compressor", "heater"):
        value = getattr(duties, name)
        if not 0.0 <= value <= 1.0:
            setattr(duties, name, 0.0 if value < 0.0 else 1.0)
    return True


def _command(duties: _Duties, wanted: ThermalCommand | None) -> ThermalCommand:
    """Return the command with these duties: the wanted one itself when it holds the very same numbers."""
    if (
        type(wanted) is ThermalCommand
        and duties.pump is wanted.pump_duty
        and duties.fan is wanted.fan_duty
        and duties.compressor is wanted.compressor_duty
        and duties.heater is wanted.heater_duty
        and duties.valve_mode is wanted.valve_mode
    ):
        return wanted
    return ThermalCommand(duties.pump, duties.fan, duties.compressor, duties.heater, duties.valve_mode)


def _safe(
    state: SupervisorState,
    settings: SupervisorSettings,
    thermal: ThermalDescription,
    *,
    unknown: bool = False,
) -> _Duties:
    """Return the safe command: cool what is warm or unknown, only stir what is cold."""
    cold = state.known_temp_degc < settings.unknown_cold_degc if unknown else not state.safe_cooling
    return _Duties(1.0, 0.0, 0.0, 0.0, ValveMode.BYPASS) if cold else _full_cooling(thermal)


def _full_cooling(thermal: ThermalDescription) -> _Duties:
    if thermal.chiller_capacity_w > 0.0:
        return _Duties(1.0, 1.0, 1.0, 0.0, ValveMode.CHILLER)
    return _Duties(1.0, 1.0, 0.0, 0.0, ValveMode.RADIATOR)


def _limit_rates(duties: _Duties, applied: ThermalCommand, settings: SupervisorSettings, dt_s: float) -> bool:
    """Let duties follow no faster than their rates; return whether one was held back."""
    wanted = (duties.pump, duties.fan, duties.compressor, duties.heater)
    pump, fan, compressor, heater = wanted
    step = settings.pump_rate_per_s * dt_s
    lowest, highest = applied.pump_duty - step, applied.pump_duty + step
    duties.pump = highest if pump > highest else lowest if pump < lowest else pump
    step = settings.fan_rate_per_s * dt_s
    lowest, highest = applied.fan_duty - step, applied.fan_duty + step
    duties.fan = highest if fan > highest else lowest if fan < lowest else fan
    highest = applied.compressor_duty + settings.compressor_rise_per_s * dt_s
    duties.compressor = highest if compressor > highest else compressor
    highest = applied.heater_duty + settings.heater_rise_per_s * dt_s
    duties.heater = highest if heater > highest else heater
    return (duties.pump, duties.fan, duties.compressor, duties.heater) != wanted
