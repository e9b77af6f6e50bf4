"""A truck that drives, charges or stands, with a fault in it: what is found, when, and what follows.

The real control cycle runs against the simulated truck. What is expected is not written here: it follows from the
row of the table that the case names.
"""

import math
from dataclasses import dataclass, field
from functools import lru_cache
from typing import final

from controllers.registry import create
from plant_models.charger import charger
from plant_models.contactor_box import TICK_MAX_S
from plant_models.road import cycle_by_time
from plant_models.truck import Surroundings, Truck
from plant_models.truck_parameters import TruckParameters, describe, load_truck
from scenarios.faults import FaultEntry, FaultyLink, with_controller_faults
from thermal_bms.cycle import ControlUnit, CycleResult, control_cycle
from thermal_bms.faults import PACK, DiagnosticRow, Reaction
from thermal_bms.interfaces import Controller
from thermal_bms.limits import LimitTable, load_limits
from thermal_bms.link import DirectLink
from thermal_bms.signals import (
    NO_PREVIEW,
    Estimate,
    Limits,
    Measurement,
    Preview,
    ThermalCommand,
)

TRUCK = "heavy_lfp"
MODES = ("drive", "charge", "park")
STRING = 1
START_S = 20.0
HANDSHAKE_S = 2.0
ANNOUNCED_AT_MOST_S = 60.0
SPEED_M_PER_S = 20.0
ZIGZAG_S = 5.0
OPENS = (Reaction.OPEN, Reaction.OPEN_AT_ONCE)
PEAK_MARGIN_K = 2.0


@dataclass(frozen=True)
class FaultCase:
    """One entry of the fault matrix.

    Attributes
    ----------
    name, mode : what is broken, and what the truck does meanwhile
    row : the diagnostic that must find it, with its limit resolved for the truck
    faults : what is injected; times count from the start of the fault
    reached_s : how long the injected fault needs to bring the quantity beyond the row's limit [s]
    thermal : what the thermal controller proposes, where the PID controller is not asked
    temp_degc : of everything at the start [degC]
    zigzag : drive with a load that swings
    boxed : with a contactor box, woken with everything open, at ticks of 10 ms
    """

    name: str
    mode: str
    row: DiagnosticRow
    faults: tuple[FaultEntry, ...]
    reached_s: float = 0.0
    thermal: ThermalCommand | None = None
    temp_degc: float = 25.0
    zigzag: bool = False
    boxed: bool = False

    @property
    def tick_s(self) -> float:
        """Control tick [s]."""
        return TICK_MAX_S if self.boxed else 1.0

    @property
    def allowed_s(self) -> float:
        """Time from the fault to its detection, at most: threshold, debounce, one tick, one sampling period [s]."""
        return self.reached_s + self.row.debounce_s + 2.0 * self.tick_s

    @property
    def announced_s(self) -> float:
        """Time from the detection to the end of the forewarning [s]."""
        return self.row.forewarn_s if self.mode == "drive" else 0.0


@dataclass
class FaultOutcome:
    """What became of a case; ``problems`` is empty when all is as expected.

    Attributes
    ----------
    detected_s : from the fault to its diagnostic, NaN when it was not found [s]
    reacted_s : from the fault to its reaction, NaN when there was none [s]
    peak_degc : of the hottest cell, the truth [degC]
    provoked : every row that was set on the way
    """

    case: FaultCase
    detected_s: float = math.nan
    reacted_s: float = math.nan
    peak_degc: float = -math.inf
    provoked: set[tuple[str, str, float, str]] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)


@final
class FixedController:
    """Proposes one and the same command."""

    def __init__(self, wanted: ThermalCommand) -> None:
        self._wanted = wanted

    def step(
        self,
        measurement: Measurement,
        estimate: Estimate,
        limits: Limits,
        preview: Preview,
        applied: ThermalCommand,
        dt_s: float,
    ) -> ThermalCommand:
        """Return the command."""
        return self._wanted

    def reset(self) -> None:
        """Nothing is remembered."""


def row_key(row: DiagnosticRow) -> tuple[str, str, float, str]:
    """Return what tells a row from all others."""
    return row.code.name, row.severity.name, row.limit, row.reaction.name


@lru_cache
def bench_truck(*, boxed: bool = False) -> TruckParameters:
    """Return the truck of the matrix."""
    return load_truck(TRUCK, {"box": {}} if boxed else None)


@lru_cache
def bench_limits() -> LimitTable:
    """Return its limit table."""
    return load_limits(describe(bench_truck()).pack.chemistry)


@final
class FaultBench:
    """One case in progress."""

    def __init__(self, case: FaultCase) -> None:
        self.case = case
        self.truck = Truck(bench_truck(boxed=case.boxed), soc=0.5, temp_degc=case.temp_degc, payload_kg=10e3)
        description = describe(self.truck.parameters, self.truck.cell)
        start_s = 0.0 if case.boxed else START_S
        entries = [fault.model_copy(update={"time_s": fault.time_s + start_s}) for fault in case.faults]
        controller: Controller = create("pid", {}, description)
        if case.thermal is not None:
            controller = FixedController(case.thermal)
        controller = with_controller_faults(controller, entries)
        self.unit = ControlUnit(description, controller, initial_soc=0.5)
        self.link = FaultyLink(DirectLink(self.truck), self.truck, entries)
        self.start_s = start_s
        self._begin()

    def run(self) -> FaultOutcome:
        """Run the case to its reaction and say what happened."""
        case, outcome = self.case, FaultOutcome(self.case)
        end_s = self.start_s + case.allowed_s + 2.0 * case.tick_s
        while self.truck.time_s < end_s - 1e-9:
            result = self._tick(outcome)
            if math.isnan(outcome.detected_s) and self._is_found():
                if self.truck.time_s - case.tick_s < self.start_s - 1e-9:
                    outcome.problems.append("found before it was there")
                outcome.detected_s = self.truck.time_s - case.tick_s - self.start_s
                end_s = max(end_s, self.truck.time_s + self._reaction_time_s())
            if (
                not math.isnan(outcome.detected_s)
                and math.isnan(outcome.reacted_s)
                and self._has_reacted(result)
            ):
                outcome.reacted_s = self.truck.time_s - case.tick_s - self.start_s
        self._judge(outcome)
        return outcome

    def _begin(self) -> None:
        if self.case.mode == "drive":
            speeds = [0.0, SPEED_M_PER_S]
            times = [0.0, 15.0]
            for n in range(60):
                times.append(times[-1] + ZIGZAG_S)
                speeds.append(SPEED_M_PER_S - (5.0 if self.case.zigzag and n % 2 == 0 else 0.0))
            self.truck.drive(cycle_by_time(times, speeds))
        elif self.case.mode == "charge":
            self.truck.plug(charger("mcs_1mw").model_copy(update={"handshake_s": HANDSHAKE_S}))
        else:
            self.truck.park()

    def _tick(self, outcome: FaultOutcome) -> CycleResult:
        measurement = self.link.read()
        result = control_cycle(self.unit, measurement, NO_PREVIEW, self.case.tick_s)
        self.link.write(result.command)
        self.truck.step(Surroundings(self.case.temp_degc), self.case.tick_s)
        outcome.provoked |= {row_key(row) for row in self.unit.protection.diagnostics.active}
        hottest_degc = float(self.truck.state.core_temp_k.max()) - 273.15
        outcome.peak_degc = max(outcome.peak_degc, hottest_degc)
        return result

    def _is_found(self) -> bool:
        wanted = row_key(self.case.row)
        return any(row_key(row) == wanted for row in self.unit.protection.diagnostics.active)

    def _reaction_time_s(self) -> float:
        """Return how long a reaction may take after its detection, contactors included [s]."""
        row, tick_s = self.case.row, self.case.tick_s
        if self.case.announced_s > ANNOUNCED_AT_MOST_S:
            return 2.0 * tick_s
        wait_s = self.case.announced_s + row.delay_s + 2.0 * tick_s
        return wait_s + (bench_limits().contactor.fuse_time_s if row.reaction is Reaction.OPEN else 0.0)

    def _has_reacted(self, result: CycleResult) -> bool:
        row, limits, command = self.case.row, result.limits, result.command
        if row.reaction is Reaction.NO_CHARGE:
            return limits.charge_current_max_a == 0.0
        if row.reaction is Reaction.LIMP:
            pack = self.unit.truck.pack
            most_a = bench_limits().derating.limp_factor * pack.discharge_current_max_a * pack.n_strings
            return limits.discharge_current_max_a <= most_a + 1e-6
        if row.reaction is Reaction.NO_HEAT:
            return command.thermal.heater_duty == 0.0
        if row.reaction in OPENS:
            if self.case.announced_s > ANNOUNCED_AT_MOST_S:
                return command.disconnect_forewarning
            per_pack = self._place() == PACK
            closed = command.contactor_close
            return not any(closed) if per_pack else not closed[STRING]
        return True

    def _place(self) -> int:
        wanted = row_key(self.case.row)
        faults = self.unit.protection.diagnostics.faults
        return next((fault.place for fault in faults if fault.code.name == wanted[0]), STRING)

    def _judge(self, outcome: FaultOutcome) -> None:
        case, problems = self.case, outcome.problems
        if math.isnan(outcome.detected_s):
            problems.append(f"not found within {case.allowed_s:g} s")
            return
        if outcome.detected_s > case.allowed_s + 1e-6:
            problems.append(f"found after {outcome.detected_s:g} s, allowed are {case.allowed_s:g} s")
        if outcome.detected_s < case.row.debounce_s - case.tick_s - 1e-6:
            problems.append(f"found after {outcome.detected_s:g} s, before its debounce time was over")
        latest_s = outcome.detected_s + self._reaction_time_s()
        if not outcome.reacted_s <= latest_s + 1e-6:
            problems.append(f"no reaction {case.row.reaction.name} within {latest_s:g} s")
        limit = next(r for r in bench_limits().limit if r.code.name == "CELL_TEMP_HIGH_DISCHARGE")
        if outcome.peak_degc > limit.trip + PEAK_MARGIN_K:
            problems.append(f"hottest cell {outcome.peak_degc:.1f} degC")


def run_case(case: FaultCase) -> FaultOutcome:
    """Run one entry of the matrix."""
    return FaultBench(case).run()
