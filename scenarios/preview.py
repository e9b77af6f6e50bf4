"""What lies ahead, told from the scenario's own plan: next fast charge, departure, heat of the cells, weather.

The heat follows from the route: speed, grade and stops give the power at the wheels, efficiencies the power at
the battery, and current and resistance the heat, ``n_series / n_strings R(T) I²``. A planned charge counts with
its charger's power, a parked truck with none. A scenario may make the foretold heat wrong, or leave it out.
"""

import math
from collections.abc import Sequence

import numpy as np

from plant_models.charger import charger
from plant_models.vehicle import VehicleParameters
from scenarios.climate import Climate
from scenarios.drive_cycle import DriveCycle
from scenarios.route_heat import STEP_S, current_squares_a2, drive_power_w
from scenarios.scenario import ChargePhase, DrivePhase, ParkPhase, Phase, PreviewSettings, Scenario
from thermal_bms.description import PackDescription
from thermal_bms.interpolation import interpolate
from thermal_bms.signals import Preview
from thermal_bms.units import JOULES_PER_KWH, SECONDS_PER_HOUR, FloatArray

FAST_CHARGERS = ("ccs", "mcs", "gbt")

AHEAD_S = 7200.0
"""How far it reaches; more than any plan looks."""

NOISE_MEMORY_S = 600.0
"""Time over which an error of the foretold heat lasts; some kilometres of road; assumed."""


def nominal_duration_s(
    phase: Phase, cycle: DriveCycle | None, usable_kwh: float, *, pack_power_w: float = math.inf
) -> float:
    """Return how long a phase is expected to last [s]: by its plan, its cycle, or the power of charger and pack.

    A charge without a plan is taken to move 60 % of the usable energy.
    """
    if isinstance(phase, DrivePhase):
        return float(cycle.time_s[-1]) if cycle is not None else 0.0
    if isinstance(phase, ParkPhase) or phase.duration_h is not None:
        return float(phase.duration_h or 0.0) * SECONDS_PER_HOUR
    return min(
        0.6 * usable_kwh * JOULES_PER_KWH / min(charger(phase.charger).power_max_w, pack_power_w),
        phase.duration_max_h * SECONDS_PER_HOUR,
    )


def half_charge_voltage_v(pack: PackDescription) -> float:
    """Return the open-circuit voltage of the pack at half charge [V]."""
    return pack.n_series * interpolate(0.5, pack.ocv_soc, pack.ocv_v)


def pack_charge_power_w(pack: PackDescription) -> float:
    """Return the power that the cells take at their datasheet current and half charge [W]."""
    return pack.n_strings * pack.charge_current_max_a * half_charge_voltage_v(pack)


def phase_curve_a2(
    phase: Phase,
    cycle: DriveCycle | None,
    duration_s: float,
    *,
    pack: PackDescription,
    vehicle: VehicleParameters,
    payload_kg: float,
    usable_kwh: float,
    ambient_degc: float,
) -> FloatArray:
    """Return the squared battery current foretold over a phase, means of ``STEP_S`` [A²].

    A charge runs at the charger's power, or at what the cells take if that is less, until 60 % of the usable
    energy has moved.
    """
    voltage_v = half_charge_voltage_v(pack)
    if isinstance(phase, DrivePhase) and cycle is not None:
        load_kg = payload_kg if phase.payload_kg is None else phase.payload_kg
        time_s, power_w = drive_power_w(cycle, vehicle, payload_kg=load_kg, ambient_degc=ambient_degc)
        return current_squares_a2(time_s, power_w, voltage_v, duration_s)
    if isinstance(phase, ChargePhase):
        charge_w = min(charger(phase.charger).power_max_w, pack_charge_power_w(pack))
        end_s = 0.6 * usable_kwh * JOULES_PER_KWH / charge_w
        return current_squares_a2(np.array([0.0, end_s]), np.array([charge_w]), voltage_v, duration_s)
    return current_squares_a2(np.array([0.0, 1.0]), np.zeros(1), voltage_v, duration_s)


class Plan:
    """The day as planned, and the preview it gives at any instant of it.

    Parameters
    ----------
    phases, durations_s : the day's phases and how long each is expected to last [s]
    settings : what is told
    pack, curves, climate, seed : of the heat that is foretold; without a pack and curves none is
    """

    def __init__(
        self,
        phases: Sequence[Phase],
        durations_s: Sequence[float],
        settings: PreviewSettings | None = None,
        *,
        pack: PackDescription | None = None,
        curves: Sequence[FloatArray] = (),
        climate: Climate | None = None,
        seed: int = 0,
    ) -> None:
        self._phases = tuple(phases)
        self.durations_s = tuple(durations_s)
        self._settings = settings or PreviewSettings()
        self._pack = pack
        self._climate = climate
        self._curves = [curve * self._errors(curve.size, seed + i) for i, curve in enumerate(curves)]

    @property
    def total_s(self) -> float:
        """Planned length of the day [s]."""
        return sum(self.durations_s)

    def preview(
        self, index: int, elapsed_s: float, *, now_s: float = 0.0, cell_temp_degc: float = 25.0
    ) -> Preview:
        """Return the preview ``elapsed_s`` into phase ``index``.

        Parameters
        ----------
        index, elapsed_s : where in the plan the truck is
        now_s : time of the day's clock, for the weather [s]
        cell_temp_degc : of the cells, for their resistance; 25 degC when it is not known [degC]
        """
        settings = self._settings
        phase = self._phases[index]
        left_s = max(self.durations_s[index] - elapsed_s, 0.0)
        departure_s, charge_s, power_w = math.inf, math.inf, 0.0
        if settings.events:
            if isinstance(phase, ChargePhase) and phase.duration_h is not None and phase.conditioning:
                departure_s = left_s
            charge_s, power_w = self._next_fast_charge(index, left_s)
        told = self._told(index, elapsed_s, now_s, cell_temp_degc)
        return Preview(
            *told,
            charge_in_s=charge_s,
            charge_power_w=power_w,
            departure_in_s=departure_s,
            confidence=settings.confidence,
        )

    def _told(
        self, index: int, elapsed_s: float, now_s: float, cell_temp_degc: float
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return instants from now on [s], heat [W] and outside temperature [degC] at them; empty when not told."""
        pack, climate = self._pack, self._climate
        if not self._settings.heat or pack is None or climate is None or not self._curves:
            return np.empty(0), np.empty(0), np.empty(0)
        current2 = self._ahead_a2(index, elapsed_s)
        temp_degc = cell_temp_degc if math.isfinite(cell_temp_degc) else 25.0
        ohm = interpolate(temp_degc, pack.resistance_temp_degc, pack.resistance_ohm)
        horizon_s: FloatArray = STEP_S * np.arange(current2.size, dtype=np.float64)
        ambient = np.array([climate.ambient(now_s + float(ahead_s))[0] for ahead_s in horizon_s])
        return horizon_s, pack.n_series / pack.n_strings * ohm * current2, ambient

    def _ahead_a2(self, index: int, elapsed_s: float) -> FloatArray:
        """Return squared currents at steps from now on, as far as the plan goes and no further than ``AHEAD_S``."""
        n = int(AHEAD_S / STEP_S)
        curve = self._curves[index]
        parts = [curve[min(int(elapsed_s / STEP_S), max(curve.size - 1, 0)) :]]
        for later in self._curves[index + 1 :]:
            if sum(part.size for part in parts) >= n:
                break
            parts.append(later)
        return np.concatenate(parts)[:n]

    def _errors(self, n: int, seed: int) -> FloatArray:
        """Return factors on the foretold heat: a bias and a slow random error, never below zero."""
        settings = self._settings
        factors = np.full(n, 1.0 + settings.heat_bias)
        if settings.heat_noise > 0.0:
            keep = math.exp(-STEP_S / NOISE_MEMORY_S)
            shocks = np.random.default_rng((seed, 7)).standard_normal(n) * settings.heat_noise
            error = 0.0
            for i in range(n):
                error = keep * error + math.sqrt(1.0 - keep * keep) * shocks[i]
                factors[i] += error
        return np.asarray(np.maximum(factors, 0.0))

    def _next_fast_charge(self, index: int, left_s: float) -> tuple[float, float]:
        ahead_s = left_s
        for i in range(index + 1, len(self._phases)):
            phase = self._phases[i]
            if isinstance(phase, ChargePhase):
                station = charger(phase.charger)
                if station.kind in FAST_CHARGERS:
                    return ahead_s, station.power_max_w
            ahead_s += self.durations_s[i]
        return math.inf, 0.0


def build_plan(
    scenario: Scenario,
    cycles: Sequence[DriveCycle | None],
    climate: Climate,
    *,
    pack: PackDescription,
    vehicle: VehicleParameters,
    payload_kg: float,
    usable_kwh: float,
) -> Plan:
    """Return the plan of a scenario's day, with the heat along its routes and in its charges.

    Parameters
    ----------
    scenario : the day
    cycles : the drive cycle of every phase, None where it does not drive
    climate : the weather
    pack, vehicle, payload_kg, usable_kwh : of the truck and its load
    """
    power_w = pack_charge_power_w(pack)
    with_cycle = list(zip(scenario.phase, cycles, strict=True))
    durations_s = [nominal_duration_s(phase, c, usable_kwh, pack_power_w=power_w) for phase, c in with_cycle]
    curves = [
        phase_curve_a2(
            phase,
            cycle,
            duration_s,
            pack=pack,
            vehicle=vehicle,
            payload_kg=payload_kg,
            usable_kwh=usable_kwh,
            ambient_degc=climate.ambient(0.0)[0],
        )
        for (phase, cycle), duration_s in zip(with_cycle, durations_s, strict=True)
    ]
    return Plan(
        scenario.phase,
        durations_s,
        scenario.preview,
        pack=pack,
        curves=curves,
        climate=climate,
        seed=scenario.seed,
    )
