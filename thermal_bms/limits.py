"""What a pack may be asked for: one table of limits per chemistry, and the current limits derated from it.

A limit exists in one table only. Each row has three levels: beyond *operate* currents are derated, beyond
*warn* a warning is set, beyond *trip* the contactors open. Between operate and trip the current is led to
zero.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal, final

from pydantic import Field, model_validator

from thermal_bms.description import PackDescription
from thermal_bms.errors import ConfigError
from thermal_bms.faults import (
    CodeByName,
    DiagnosticRow,
    FaultCode,
    Reaction,
    Reference,
    Severity,
    resolved_level,
)
from thermal_bms.interpolation import PiecewiseLinear, interpolate
from thermal_bms.parameters import Parameters, Source, parse, read_toml
from thermal_bms.plating import PlatingLimit, PlatingTable
from thermal_bms.signals import LimitCause, Limits

TABLES = Path(__file__).parent / "limit_tables"
NEEDED_ROWS = tuple(code for code in FaultCode if code < FaultCode.CELL_VOLTAGE_INVALID)

NEEDED_DIAGNOSTICS = (FaultCode.DEEP_DISCHARGE, FaultCode.SHORT_CIRCUIT)
CURRENT_TOLERANCE = 1.05
"""A current sensor may be 5 % off before a current within the rating counts as beyond it; assumed."""


class Curve(Parameters):
    """A factor over a rising quantity, linear between its points and constant beyond them."""

    over: tuple[float, ...] = Field(min_length=2)
    factor: tuple[float, ...]

    @model_validator(mode="after")
    def _is_a_curve(self) -> "Curve":
        if len(self.over) != len(self.factor):
            raise ValueError(f"factor needs {len(self.over)} values, one per point of over")
        if any(b <= a for a, b in zip(self.over, self.over[1:], strict=False)):
            raise ValueError("over must rise")
        if min(self.factor) < 0.0:
            raise ValueError("factor must be >= 0")
        return self

    @cached_property
    def peak(self) -> float:
        """The first point with the highest factor."""
        return self.over[self.factor.index(max(self.factor))]

    def at(self, x: float) -> float:
        """Return the factor at ``x``."""
        return interpolate(x, self.over, self.factor)


class LimitRow(Parameters):
    """Three levels of one quantity in one direction.

    ``relative_to`` says what the levels mean: absolute values, volts added to the cell's highest or lowest
    datasheet voltage, or multiples of the datasheet current of one string.
    """

    code: CodeByName
    quantity: str
    direction: Literal["above", "below"]
    relative_to: Reference = "absolute"
    operate: float
    warn: float
    trip: float
    hysteresis: float = Field(ge=0.0)
    debounce_s: float = Field(ge=0.0, le=60.0)
    delay_s: float = Field(ge=0.0, le=60.0)
    forewarn_s: float = Field(ge=0.0, le=60.0, description="before the trip opens while driving")

    @model_validator(mode="after")
    def _levels_are_in_order(self) -> "LimitRow":
        levels = (self.operate, self.warn, self.trip)
        if self.direction == "above" and not self.operate < self.warn < self.trip:
            raise ValueError(f"{self.code.name}: operate < warn < trip must hold, found {levels}")
        if self.direction == "below" and not self.operate > self.warn > self.trip:
            raise ValueError(f"{self.code.name}: operate > warn > trip must hold, found {levels}")
        return self

    def level(self, value: float, pack: PackDescription) -> float:
        """Return one of this row's levels in the unit of its quantity, for this pack."""
        return resolved_level(value, self.relative_to, pack)


class Datasheet(Parameters):
    """Windows of the cells' datasheets that no operate level may leave; voltages and currents are the cell's own."""

    charge_temp_degc: tuple[float, float]
    discharge_temp_degc: tuple[float, float]

    def allows(self, row: LimitRow) -> bool:
        """Return whether a row's operate level lies within the datasheet."""
        operate, above = row.operate, row.direction == "above"
        if row.relative_to == "absolute":
            if row.code not in _DIRECTIONS:
                return True
            low, high = getattr(self, _DIRECTIONS[row.code])
            return bool(operate <= high if above else operate >= low)
        if row.relative_to.endswith("_a"):
            return abs(operate) <= CURRENT_TOLERANCE
        return operate <= 0.0 if above else operate >= 0.0


_DIRECTIONS = {
    FaultCode.CELL_TEMP_HIGH_CHARGE: "charge_temp_degc",
    FaultCode.CELL_TEMP_LOW_CHARGE: "charge_temp_degc",
    FaultCode.CELL_TEMP_HIGH_DISCHARGE: "discharge_temp_degc",
    FaultCode.CELL_TEMP_LOW_DISCHARGE: "discharge_temp_degc",
}


class Derating(Parameters):
    """Factors on the datasheet currents, and how carefully the voltage limits are approached."""

    charge_over_temp_degc: Curve
    discharge_over_temp_degc: Curve
    charge_over_soc: Curve
    discharge_over_soc: Curve
    limp_factor: float = Field(gt=0.0, le=1.0, description="on discharge while a measurement is missing")
    resistance_over_soc: Curve = Field(description="highest resistance relative to that at half charge")
    discharge_reserve_v: float = Field(ge=0.0, le=0.3, description="discharge ends this far above warn")

    @model_validator(mode="after")
    def _never_above_the_datasheet(self) -> "Derating":
        for name in (
            "charge_over_temp_degc",
            "discharge_over_temp_degc",
            "charge_over_soc",
            "discharge_over_soc",
        ):
            if max(getattr(self, name).factor) > 1.0:
                raise ValueError(f"{name}: factor must be <= 1")
        if min(self.resistance_over_soc.factor) < 1.0:
            raise ValueError("resistance_over_soc: factor must be >= 1")
        return self


class ContactorLimits(Parameters):
    """When contactors may move, and how a dead bus is charged up before they close on it."""

    connect_voltage_difference_max_v: float = Field(
        gt=0.0, le=20.0, description="of a string against bus or first string"
    )
    connect_current_max_a: float = Field(gt=0.0, description="mean of the closed strings")
    break_current_max_a: float = Field(gt=0.0, description="a contactor opens below this current")
    fuse_time_s: float = Field(gt=0.0, le=60.0, description="after this it opens whatever flows")
    feedback_s: float = Field(
        gt=0.0, le=1.0, description="a contactor has moved, and says so, within this time"
    )
    precharge_voltage_difference_max_v: float = Field(gt=0.0, le=20.0, description="precharge is done below")
    precharge_current_max_a: float = Field(gt=0.0, le=10.0, description="and below this current")
    precharge_time_max_s: float = Field(gt=0.0, le=10.0, description="of one try")
    precharge_half_s: float = Field(gt=0.0, le=10.0, description="half the voltage must be reached by then")
    precharge_tries: int = Field(ge=1, le=10)
    precharge_pause_s: float = Field(ge=0.0, le=60.0, description="between tries, for the resistor to cool")


class LimitTable(Parameters):
    """Everything that limits cells of one chemistry, with its sources."""

    chemistry: Literal["lfp", "nmc"]
    source: tuple[Source, ...] = Field(min_length=1)
    charging_above_c_rate: float = Field(
        gt=0.0, le=0.2, description="temperature limits per direction hold above it"
    )
    datasheet: Datasheet
    limit: tuple[LimitRow, ...]
    diagnostic: tuple[DiagnosticRow, ...]
    derating: Derating
    contactor: ContactorLimits

    @model_validator(mode="after")
    def _is_complete(self) -> "LimitTable":
        found = [row.code for row in self.limit]
        for code in NEEDED_ROWS:
            if found.count(code) != 1:
                raise ValueError(f"limit {code.name}: needed exactly once, found {found.count(code)} times")
        for code in NEEDED_DIAGNOSTICS:
            if all(row.code != code for row in self.diagnostic):
                raise ValueError(f"diagnostic {code.name}: needed at least once, found none")
        for row in self.limit:
            if not self.datasheet.allows(row):
                raise ValueError(
                    f"limit {row.code.name}: operate = {row.operate:g} is wider than the cell's datasheet"
                )
        for code, curve in (
            (FaultCode.CELL_TEMP_HIGH_CHARGE, self.derating.charge_over_temp_degc),
            (FaultCode.CELL_TEMP_LOW_CHARGE, self.derating.charge_over_temp_degc),
            (FaultCode.CELL_TEMP_HIGH_DISCHARGE, self.derating.discharge_over_temp_degc),
            (FaultCode.CELL_TEMP_LOW_DISCHARGE, self.derating.discharge_over_temp_degc),
        ):
            if curve.at(self.row(code).trip) > 0.0:
                raise ValueError(f"limit {code.name}: the derating must reach 0 at its trip level")
        return self

    def row(self, code: FaultCode) -> LimitRow:
        """Return the row of that code."""
        return next(row for row in self.limit if row.code == code)


class _Diagnostics(Parameters):
    source: tuple[Source, ...] = Field(min_length=1)
    diagnostic: tuple[DiagnosticRow, ...]


def load_limits(chemistry: str) -> LimitTable:
    """Return the limit table of a chemistry.

    >>> load_limits("lfp").row(FaultCode.CELL_TEMP_HIGH_DISCHARGE).trip
    60.0
    """
    path = TABLES / f"{chemistry}.toml"
    return parse(LimitTable, read_toml(path), path.name)


def load_diagnostics() -> tuple[DiagnosticRow, ...]:
    """Return the diagnostics that hold for every chemistry."""
    path = TABLES / "diagnostics.toml"
    return parse(_Diagnostics, read_toml(path), path.name).diagnostic


def limit_diagnostics(table: LimitTable, pack: PackDescription) -> list[DiagnosticRow]:
    """Return a chemistry's diagnostics for a pack.

    Three per limit: information, warning, and a trip that opens and latches; and the others of its table.
    """
    levels = (
        ("operate", Severity.INFO, Reaction.NONE),
        ("warn", Severity.WARNING, Reaction.NONE),
        ("trip", Severity.TRIP, Reaction.OPEN),
    )
    limits = [
        DiagnosticRow(
            code=row.code,
            quantity=row.quantity,
            direction=row.direction,
            limit=row.level(getattr(row, name), pack),
            hysteresis=row.hysteresis,
            debounce_s=row.debounce_s,
            delay_s=row.delay_s,
            severity=severity,
            reaction=reaction,
            latch=severity is Severity.TRIP,
            forewarn_s=row.forewarn_s if severity is Severity.TRIP else 0.0,
        )
        for row in table.limit
        for name, severity, reaction in levels
    ]
    return limits + [row.resolved(pack) for row in table.diagnostic]


@dataclass(slots=True)
class PackState:
    """What the current limits depend on.

    Attributes
    ----------
    n_connected : strings that carry current
    string_current_a : mean current of those, positive on discharge [A]
    cell_voltage_min_v, cell_voltage_max_v, cell_voltage_mean_v : of those [V]
    cell_temp_min_degc, cell_temp_max_degc : of those [degC]
    soc : in 0..1
    resistance_ohm : of one group at present [ohm]
    """

    n_connected: int
    string_current_a: float
    cell_voltage_min_v: float
    cell_voltage_max_v: float
    cell_voltage_mean_v: float
    cell_temp_min_degc: float
    cell_temp_max_degc: float
    soc: float
    resistance_ohm: float


NO_CURRENT = Limits(0.0, 0.0, 0.0, 0.0, LimitCause.FAULT, LimitCause.FAULT)


@final
class CurrentLimits:
    """Current limits of a pack: its limit table, resolved once for this pack's cells."""

    def __init__(self, table: LimitTable, pack: PackDescription, plating: PlatingTable | None = None) -> None:
        if table.chemistry != pack.chemistry:
            raise ConfigError(
                f"limit table for {table.chemistry} cells, but the pack has {pack.chemistry} cells"
            )
        if min(pack.resistance_ohm) <= 0.0:
            raise ConfigError(f"pack.resistance_ohm = {min(pack.resistance_ohm)}: must be > 0")
        high, low = table.row(FaultCode.CELL_VOLTAGE_HIGH), table.row(FaultCode.CELL_VOLTAGE_LOW)
        curves = table.derating
        self._discharge = _Direction(
            pack.discharge_current_max_a, curves.discharge_over_temp_degc, curves.discharge_over_soc
        )
        self._charge = _Direction(
            pack.charge_current_max_a, curves.charge_over_temp_degc, curves.charge_over_soc
        )
        self._plating = PlatingLimit(plating) if plating else None
        self._capacity_ah = pack.capacity_ah
        self._resistance = PiecewiseLinear(curves.resistance_over_soc.over, curves.resistance_over_soc.factor)
        self._limp_a = curves.limp_factor * pack.discharge_current_max_a
        self._high_operate_v = high.level(high.operate, pack)
        self._high_trip_v = high.level(high.trip, pack)
        self._high_band_v = self._high_trip_v - self._high_operate_v
        self._low_aim_v = low.level(low.warn, pack) + curves.discharge_reserve_v
        self._low_trip_v = low.level(low.trip, pack)
        self._low_band_v = low.level(low.operate, pack) - self._low_trip_v
        self._floor_v = pack.cell_voltage_min_v
        self._n_series = pack.n_series

    def at(self, state: PackState, *, charge_allowed: bool = True, limp: bool = False) -> Limits:
        """Return the limits of the pack now.

        Each direction is the smallest of: the datasheet current times the factor of temperature (taken at the
        coldest and at the hottest sensor), times that of charge; the current at which the extreme cell just
        reaches its voltage limit, ``i + (v - v_limit) / r``; and the trapezoid in voltage that leads to
        zero between operate and trip. Charging is also held below the current at which lithium would plate in the
        coldest cell, where a table of it is known. With a missing value charging stops and discharging limps, or
        takes the smallest of those limits that need no missing value where that is lower; where the current cannot
        be told, discharging ends with the lowest cell at its voltage limit.
        The power is that of the current limit at the voltage that goes with it.

        Parameters
        ----------
        state : what is known of the connected strings
        charge_allowed : False while a fault forbids charging
        limp : True while a fault asks for limp-home

        Returns
        -------
        the limits of the pack, all >= 0 [A], [W]
        """
        if state.n_connected == 0:
            return NO_CURRENT
        known = _is_known(state)
        charge_a, charge_cause = 0.0, LimitCause.FAULT
        string_a, low_v, high_v = state.string_current_a, state.cell_voltage_min_v, state.cell_voltage_max_v
        resistance_ohm = state.resistance_ohm * self._resistance.at(state.soc)
        voltage_a = string_a + (low_v - self._low_aim_v) / resistance_ohm
        if not known and low_v <= self._low_aim_v:
            voltage_a = min(0.0, voltage_a)  # of a missing value min() takes the zero
        discharge_a, discharge_cause = self._discharge.limit(
            state, voltage_a, (low_v - self._low_trip_v) / self._low_band_v
        )
        if known:
            charge_a, charge_cause = self._charge.limit(
                state,
                -string_a + (self._high_operate_v - high_v) / resistance_ohm,
                (self._high_trip_v - high_v) / self._high_band_v,
            )
            if self._plating:
                plating_a = self._capacity_ah * self._plating.c_rate(state.cell_temp_min_degc, state.soc)
                if plating_a < charge_a:
                    charge_a, charge_cause = plating_a, LimitCause.PLATING
        if (limp or not known) and self._limp_a < discharge_a:
            discharge_a, discharge_cause = self._limp_a, LimitCause.FAULT
        if not charge_allowed:
            charge_a, charge_cause = 0.0, LimitCause.FAULT
        return self._with_power(state, discharge_a, charge_a, discharge_cause, charge_cause)

    def _with_power(
        self,
        s: PackState,
        discharge_a: float,
        charge_a: float,
        discharge_cause: LimitCause,
        charge_cause: LimitCause,
    ) -> Limits:
        floor_v, n_series = self._floor_v, self._n_series
        cell_v = s.cell_voltage_mean_v if s.cell_voltage_mean_v > floor_v else floor_v
        loaded_v = cell_v - s.resistance_ohm * max(discharge_a - s.string_current_a, 0.0)
        if not loaded_v > floor_v:  # also a missing resistance or current
            loaded_v = floor_v
        discharge_a *= s.n_connected
        charge_a *= s.n_connected
        return Limits(
            discharge_a,
            charge_a,
            discharge_a * n_series * loaded_v,
            charge_a * n_series * cell_v,
            discharge_cause,
            charge_cause,
        )


@final
class _Direction:
    """What limits the current of one direction, besides its voltage limit."""

    __slots__ = ("_over_soc", "_over_temp", "_peak_degc", "_rating_a")

    def __init__(self, rating_a: float, over_temp_degc: Curve, over_soc: Curve) -> None:
        self._rating_a = rating_a
        self._peak_degc = over_temp_degc.peak
        self._over_temp = PiecewiseLinear(over_temp_degc.over, over_temp_degc.factor)
        self._over_soc = PiecewiseLinear(over_soc.over, over_soc.factor)

    def limit(self, s: PackState, voltage_a: float, trapezoid: float) -> tuple[float, LimitCause]:
        """Return the smallest current, not below zero, and its cause; of equals the first cause by number.

        What follows from a missing value limits nothing here.
        """
        rating_a, soc_a = self._rating_a, self._rating_a * self._over_soc.at(s.soc)
        value, cause = rating_a, LimitCause.CELL_CURRENT
        for temp_degc in (s.cell_temp_max_degc, s.cell_temp_min_degc):
            temp_a = rating_a * self._over_temp.at(temp_degc)
            if temp_a < value:
                value = temp_a
                cause = LimitCause.CELL_TEMP_LOW if temp_degc < self._peak_degc else LimitCause.CELL_TEMP_HIGH
        for below_a in (voltage_a, rating_a * trapezoid):
            if below_a < value:
                value, cause = below_a, LimitCause.CELL_VOLTAGE
        if soc_a < value:
            value, cause = soc_a, LimitCause.SOC
        return max(value, 0.0), cause


def _is_known(s: PackState) -> bool:
    total = (
        s.string_current_a
        + s.cell_voltage_min_v
        + s.cell_voltage_max_v
        + s.cell_temp_min_degc
        + s.cell_temp_max_degc
        + s.soc
        + s.resistance_ohm
    )
    return total - total == 0.0
