"""Soft shorts and growing resistance: groups of one string against each other.

All groups of a string carry the same current, so their voltages differ only by how they deviate from the mean group.
Per group: charge d, capacity q, leak l and resistance e, all relative to the mean group::

    d <- d + q ds + l dt,      v - v_mean = u'(s) d - e p

with the charge ds moved since the last sample, the slope u'(s) of the open-circuit voltage and the polarisation p of
the nominal cell. Where u' is small, as on the plateau of LFP, charge and leak stay unknown, and their deviation says
so. A leak l is a current -l Q. Time goes on while the truck sleeps: nothing shows a leak better than a night.
"""

import math
from typing import final

import numpy as np

from thermal_bms.description import PackDescription
from thermal_bms.estimation.cell_model import CellModel
from thermal_bms.health.deviation_filter import DeviationFilter, robust_centre
from thermal_bms.health.findings import Finding, FindingKind, confidence_beyond
from thermal_bms.health.settings import HealthSettings
from thermal_bms.units import SECONDS_PER_HOUR, FloatArray

CHARGE, CAPACITY, LEAK, RESISTANCE = range(4)
# One standard deviation between groups at the start: cells of one batch that have aged a little, 0.5 % of charge, 2 %
# of capacity, 3 % of resistance; a leak of C/1000. Assumed.
START_SD = np.array([0.005, 0.02, 1e-3 / SECONDS_PER_HOUR, 0.03])
# What a state may change within an hour, one standard deviation; assumed.
HOURLY_SD = np.array([2e-4, 2e-3, 5e-4 / SECONDS_PER_HOUR, 0.02])
VOLTAGE_SD_V = 1.3e-3  # noise of 1 mV and steps of 1 mV
MODEL_SHARE = 0.02  # of polarisation, from the temperatures along the string
SLOPE_OVER = 0.01
TREND_S = 2.0 * SECONDS_PER_HOUR
RATE_KNOWN_PER_S = 0.005 / SECONDS_PER_HOUR


@final
class CellWatch:
    """Watches the groups of one string.

    Parameters
    ----------
    model : nominal cell
    pack : description of the pack
    settings : thresholds
    string : index of the string
    """

    def __init__(
        self, model: CellModel, pack: PackDescription, settings: HealthSettings, string: int
    ) -> None:
        self._model, self._settings, self._string = model, settings, string
        self._capacity_ah = pack.capacity_ah
        self._filter = DeviationFilter(pack.n_series, START_SD)
        self._branches_v = (0.0, 0.0)
        self._slow = np.zeros(pack.n_series)
        self._trend_s = 0.0

    def take(
        self,
        voltage_v: FloatArray,
        *,
        current_a: float,
        mean_current_a: float,
        soc: float,
        temp_degc: float,
        elapsed_s: float,
    ) -> None:
        """Take in the voltages of all groups.

        Parameters
        ----------
        voltage_v : of every group, NaN where unknown [V], shape (n_series,)
        current_a : at this instant, positive on discharge [A]
        mean_current_a : since the last sample [A]
        soc, temp_degc : of the string
        elapsed_s : since the last sample [s]
        """
        model = self._model
        circuit = model.circuit(soc, temp_degc)
        branches = []
        for held_v, ohm, tau_s in zip(
            self._branches_v,
            (circuit.r1_ohm, circuit.r2_ohm),
            (circuit.tau1_s, circuit.tau2_s),
            strict=True,
        ):
            end_v = ohm * mean_current_a
            branches.append(end_v + (held_v - end_v) * math.exp(-elapsed_s / tau_s))
        self._branches_v = (branches[0], branches[1])
        r0_ohm = circuit.r0_discharge_ohm if current_a >= 0.0 else circuit.r0_charge_ohm
        polarisation_v = current_a * r0_ohm + branches[0] + branches[1]
        moved = -mean_current_a * elapsed_s / (SECONDS_PER_HOUR * self._capacity_ah)
        transition = np.eye(4)
        transition[CHARGE, CAPACITY], transition[CHARGE, LEAK] = moved, elapsed_s
        self._filter.predict(transition, HOURLY_SD**2 * (elapsed_s / SECONDS_PER_HOUR))
        low, high = max(min(soc, 1.0) - SLOPE_OVER, 0.0), min(max(soc, 0.0) + SLOPE_OVER, 1.0)
        slope_v = (model.open_circuit_v(high, 0.0) - model.open_circuit_v(low, 0.0)) / (high - low)
        known = np.isfinite(voltage_v)
        if not known.all():
            if not known.any():
                return
            voltage_v = np.where(known, voltage_v, voltage_v[known].mean())
        variance = VOLTAGE_SD_V**2 + (MODEL_SHARE * polarisation_v) ** 2
        row = np.array([slope_v, 0.0, 0.0, -polarisation_v])
        self._filter.correct(voltage_v - voltage_v.mean(), row, variance)
        if self._trend_s == 0.0:
            self._slow[:] = self._filter.states[RESISTANCE]
        self._slow += (self._filter.states[RESISTANCE] - self._slow) * min(elapsed_s / TREND_S, 1.0)
        self._trend_s += elapsed_s

    def candidates(self, time_s: float) -> list[Finding]:
        """Return what looks beyond its limit now: one resistance and one leak at the most.

        A cell that wears out loses capacity with its resistance and parts from the others as if it leaked; such a
        group is reported once, by its resistance.
        """
        leak, resistance = self._leak(time_s), self._resistance(time_s)
        if resistance is None:
            return [] if leak is None else [leak]
        return [resistance] if leak is None or leak.place == resistance.place else [resistance, leak]

    def _leak(self, time_s: float) -> Finding | None:
        settings, states = self._settings, self._filter.states
        centre, spread = robust_centre(states[LEAK])
        worst = int(states[LEAK].argmin())
        leak = centre - float(states[LEAK, worst])
        limit = settings.leak_per_h / SECONDS_PER_HOUR
        if leak <= limit or leak < settings.outlier_deviations * spread:
            return None
        lost = float(np.median(states[CHARGE])) - float(states[CHARGE, worst])
        to_a = SECONDS_PER_HOUR * self._capacity_ah
        return Finding(
            FindingKind.SOFT_SHORT,
            self._string,
            worst,
            leak * to_a,
            limit * to_a,
            confidence_beyond(leak, limit, math.hypot(self._filter.sd(LEAK), spread)),
            max(settings.charge_spread - lost, 0.0) / leak,
            time_s,
        )

    def _resistance(self, time_s: float) -> Finding | None:
        settings, states = self._settings, self._filter.states
        centre, spread = robust_centre(states[RESISTANCE])
        worst = int(states[RESISTANCE].argmax())
        growth = float(states[RESISTANCE, worst]) - centre
        if growth <= settings.resistance_growth or growth < settings.outlier_deviations * spread:
            return None
        rate_per_s = float(states[RESISTANCE, worst] - self._slow[worst]) / TREND_S
        left = max(settings.resistance_growth_limit - growth, 0.0)
        return Finding(
            FindingKind.RESISTANCE_GROWTH,
            self._string,
            worst,
            1.0 + growth,
            1.0 + settings.resistance_growth,
            confidence_beyond(
                growth, settings.resistance_growth, math.hypot(self._filter.sd(RESISTANCE), spread)
            ),
            left / rate_per_s if rate_per_s > RATE_KNOWN_PER_S else math.inf,
            time_s,
        )
