"""The control cycle: one measurement in, one command out, every tick.

plausibility -> estimate -> protection, contactors, limits -> charging -> controller -> supervisor -> command.
Nothing here raises on bad data: a fault is data, and a failed controller is replaced by the safe command.
"""

import logging
import math
from typing import NamedTuple, final

from thermal_bms.balancing import Balancing
from thermal_bms.charging import ChargeSettings, Charging
from thermal_bms.contactors import Contactors
from thermal_bms.cross_checks import CrossChecks
from thermal_bms.description import TruckDescription
from thermal_bms.estimation import EstimationSettings, Estimator
from thermal_bms.faults import Fault, FaultCode
from thermal_bms.health import Finding, HealthMonitor
from thermal_bms.health.runaway_watch import RunawayWatch
from thermal_bms.interfaces import Controller
from thermal_bms.interpolation import PiecewiseLinear
from thermal_bms.limits import NO_CURRENT, CurrentLimits, LimitTable, PackState, load_limits
from thermal_bms.plating import load_plating
from thermal_bms.plausibility import Checked, Found, Plausibility
from thermal_bms.protection import Protection, Verdict
from thermal_bms.signals import (
    Command,
    Estimate,
    LimitCause,
    Limits,
    Measurement,
    Preview,
    ThermalCommand,
    ValveMode,
)
from thermal_bms.supervisor import Reason, Situation, SupervisorSettings, SupervisorState, supervise
from thermal_bms.thermal_watch import ThermalWatch

_LOG = logging.getLogger(__name__)
NAN = float("nan")


class CycleResult(NamedTuple):
    """Everything one cycle found and decided.

    Attributes
    ----------
    command : what goes out
    estimate, limits, faults : what the battery management believes
    wanted : what the controller proposed; None when it failed
    charge_limit : what limits charging now, the charger included
    reasons : why the supervisor changed what was wanted
    health : what predictive health has found
    """

    command: Command
    estimate: Estimate
    limits: Limits
    faults: tuple[Fault, ...]
    wanted: ThermalCommand | None
    charge_limit: LimitCause
    reasons: tuple[Reason, ...]
    health: tuple[Finding, ...] = ()


@final
class ControlUnit:
    """One truck's control unit: description, limit table, controller, and the state of every part.

    Parameters
    ----------
    truck : what the unit is told of its truck
    controller : the thermal controller
    limits : limit table; that of the pack's chemistry when left out
    charge : what a charge aims at; may be changed between ticks through ``unit.charging.settings``
    estimation, supervisor : settings of those parts
    initial_soc : stored state of charge in 0..1, NaN to start from the cell voltages
    """

    def __init__(
        self,
        truck: TruckDescription,
        controller: Controller,
        *,
        limits: LimitTable | None = None,
        charge: ChargeSettings | None = None,
        estimation: EstimationSettings | None = None,
        supervisor: SupervisorSettings | None = None,
        initial_soc: float = NAN,
    ) -> None:
        pack = truck.pack
        table = limits or load_limits(pack.chemistry)
        over_temp_degc = table.row(FaultCode.CELL_TEMP_HIGH_DISCHARGE).operate
        self.truck = truck
        self.controller = controller
        self.limit_table = table
        self.resistance_ohm = PiecewiseLinear(pack.resistance_temp_degc, pack.resistance_ohm)
        self.plausibility = Plausibility(pack)
        self.estimator = Estimator(pack, estimation, limits=table, initial_soc=initial_soc)
        self.protection = Protection(table, pack)
        self.contactors = Contactors(table.contactor, pack.n_strings, precharge=pack.precharge)
        self.cross_checks = CrossChecks(truck)
        self.thermal_watch = ThermalWatch(truck.thermal)
        self.runaway_watch = RunawayWatch(pack.n_strings, pack.n_series)
        self.health = HealthMonitor(truck)
        plating = load_plating(pack.plating) if pack.plating else None
        self.current_limits = CurrentLimits(table, pack, plating)
        self.charging = Charging(pack, truck.thermal, charge)
        self.balancing = Balancing(pack, pack.balancer) if pack.balancer else None
        self.supervisor_settings = supervisor or SupervisorSettings(over_temp_degc=over_temp_degc)
        self.supervisor = SupervisorState()
        self.controller_failed = ""  # the quantity that says how; empty while it works
        self.charge_limit_a = math.inf  # what the last tick allowed; the current now is measured against it
        self.discharge_limit_a = math.inf

    def reset_faults(self) -> None:
        """Clear every fault, latched ones too. What still holds is found again."""
        self.protection.reset()

    def reset(self) -> None:
        """Bring every part, the controller included, back to its state at construction."""
        for part in (self.plausibility, self.estimator, self.protection, self.contactors, self.charging):
            part.reset()
        self.runaway_watch.reset()
        self.health.reset()
        if self.balancing:
            self.balancing.reset()
        self.supervisor = SupervisorState()
        self.controller_failed = ""
        self.charge_limit_a = self.discharge_limit_a = math.inf
        self.controller.reset()


def control_cycle(
    unit: ControlUnit, measurement: Measurement, preview: Preview, dt_s: float, *, wake: bool = True
) -> CycleResult:
    """Run one cycle and return what it found and decided.

    Parameters
    ----------
    unit : the control unit; its state advances by one tick
    measurement : the newest measurement
    preview : what is known of the time ahead
    dt_s : tick [s]
    wake : False asks for open contactors, as before going to sleep
    """
    checked = unit.plausibility.check(measurement, dt_s)
    measurement = checked.measurement
    estimate = unit.estimator.step(checked, dt_s)
    verdict = unit.protection.step(
        checked,
        _findings(unit, checked, estimate, dt_s),
        charge_current_excess_a=-estimate.pack_current_a - unit.charge_limit_a,
        discharge_current_excess_a=estimate.pack_current_a - unit.discharge_limit_a,
        dt_s=dt_s,
    )
    contactors = unit.contactors.step(
        checked,
        wanted=wake,
        open_strings=verdict.open_strings,
        at_once=verdict.at_once,
        charging=measurement.plug_connected,
        dt_s=dt_s,
    )
    contactor_close = contactors.positive
    state = _pack_state(unit, checked, estimate, contactor_close)
    limits = _limits(unit, state, verdict, contactor_close)
    unit.charge_limit_a, unit.discharge_limit_a = limits.charge_current_max_a, limits.discharge_current_max_a
    charge = unit.charging.step(
        measurement,
        estimate,
        limits,
        string_voltage_v=checked.string_voltage_v,
        n_connected=state.n_connected,
        resistance_ohm=state.resistance_ohm,
        dt_s=dt_s,
    )
    wanted = _ask_controller(unit, measurement, estimate, limits, preview, dt_s)
    thermal, reasons = supervise(
        wanted,
        unit.supervisor,
        _situation(checked, verdict, state.n_connected),
        unit.truck.thermal,
        unit.supervisor_settings,
        dt_s,
    )
    command = Command(
        thermal,
        contactor_close,
        charge.current_a,
        limits.discharge_power_max_w,
        limits.charge_power_max_w,
        contactors.negative,
        contactors.precharge,
        verdict.forewarning,
        unit.balancing.step(checked, verdict.faults, dt_s, wake=wake) if unit.balancing else (),
    )
    health = unit.health.step(checked, estimate)
    return CycleResult(command, estimate, limits, verdict.faults, wanted, charge.cause, reasons, health)


def _findings(unit: ControlUnit, checked: Checked, estimate: Estimate, dt_s: float) -> Found:
    """Return what every part has found, by the quantity of a diagnostic; nothing while all is well."""
    found = checked.found
    found |= unit.contactors.findings(checked)
    found |= unit.cross_checks.findings(checked)
    found |= unit.thermal_watch.findings(
        checked.measurement, unit.supervisor.applied, live=True in checked.closed
    )
    found |= unit.runaway_watch.findings(
        checked,
        soc=estimate.soc,
        resistance_ohm=unit.resistance_ohm.at(estimate.cell_temp_min_degc),
        dt_s=dt_s,
    )
    if unit.controller_failed:
        found[unit.controller_failed] = 1.0
    return found


def _pack_state(
    unit: ControlUnit, checked: Checked, estimate: Estimate, contactor_close: tuple[bool, ...]
) -> PackState:
    """Return what the limits depend on, over the strings that are closed and shall stay so."""
    n_connected, sum_v = 0, 0.0
    for on, closed, mean_v in zip(contactor_close, checked.closed, checked.cell_voltage_mean_v, strict=True):
        if on and closed:
            n_connected += 1
            sum_v += mean_v
    return PackState(
        n_connected,
        estimate.pack_current_a / n_connected if n_connected else 0.0,
        estimate.cell_voltage_min_v,
        estimate.cell_voltage_max_v,
        sum_v / n_connected if n_connected else NAN,
        estimate.cell_temp_min_degc,
        estimate.cell_temp_max_degc,
        estimate.soc,
        unit.resistance_ohm.at(estimate.cell_temp_min_degc),
    )


def _limits(
    unit: ControlUnit, state: PackState, verdict: Verdict, contactor_close: tuple[bool, ...]
) -> Limits:
    """Return the current limits; none at all while a string must carry no more current."""
    if unit.contactors.opening:
        return NO_CURRENT
    for k in verdict.stop_strings:
        if contactor_close[k]:
            return NO_CURRENT
    return unit.current_limits.at(state, charge_allowed=verdict.charge_allowed, limp=verdict.limp)


def _ask_controller(
    unit: ControlUnit,
    measurement: Measurement,
    estimate: Estimate,
    limits: Limits,
    preview: Preview,
    dt_s: float,
) -> ThermalCommand | None:
    """Return what the controller proposes; None when it fails, which is logged once and becomes a fault."""
    failure, kind = "", "controller_failed"
    wanted: ThermalCommand | None = None
    try:
        wanted = unit.controller.step(measurement, estimate, limits, preview, unit.supervisor.applied, dt_s)
        failure = flaw_of(wanted)
    except Exception as error:
        wanted, failure = None, f"{type(error).__name__}: {error}"
        kind = "controller_timeout" if isinstance(error, TimeoutError) else kind
    if failure and not unit.controller_failed:
        _LOG.error("controller failed, safe command instead: %s", failure)
    elif unit.controller_failed and not failure:
        _LOG.info("controller is back")
    unit.controller_failed = kind if failure else ""
    return wanted


def flaw_of(wanted: ThermalCommand) -> str:
    """Return why a proposed command cannot be used, or nothing; what is no command at all raises."""
    total = wanted.pump_duty + wanted.fan_duty + wanted.compressor_duty + wanted.heater_duty
    valve_mode = wanted.valve_mode
    total += valve_mode if type(valve_mode) is ValveMode else ValveMode(valve_mode)
    return "" if math.isfinite(total) else f"duty is not finite: {wanted}"


def _situation(checked: Checked, verdict: Verdict, n_connected: int) -> Situation:
    temps_degc = checked.cell_temp_max_degc
    hottest_degc = max(temps_degc)
    if not math.isfinite(sum(temps_degc)):
        hottest_degc = max((temp for temp in temps_degc if math.isfinite(temp)), default=NAN)
    return Situation(
        hottest_degc,
        checked.measurement.coolant_inlet_temp_degc,
        n_connected > 0,
        verdict.heat_allowed and not verdict.stop_strings,
        checked.measurement.pump_speed_rpm,
    )
