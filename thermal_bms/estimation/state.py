"""State of charge by counting, corrected at rest; extremes of the cells; heat from current and resistance."""

import math
from typing import final

import numpy as np
from pydantic import Field

from thermal_bms.description import PackDescription
from thermal_bms.interpolation import PiecewiseLinear, interpolate
from thermal_bms.parameters import Parameters
from thermal_bms.plausibility import Checked
from thermal_bms.signals import Estimate
from thermal_bms.units import SECONDS_PER_HOUR

NAN = float("nan")
OCV_ERROR_V = {"lfp": 0.015, "nmc": 0.006}


class EstimationSettings(Parameters):
    """When an open-circuit voltage is believed.

    Rest as in foxBMS 2 v1.11 (bms_cfg.h): 600 s below 0.2 A, here relative to capacity because a truck's
    current sensor has more offset than 0.2 A. The accepted error is an assumption of this project: about what
    a day of counting is off, so that a correction makes a good count no worse.
    """

    rest_c_rate: float = Field(default=0.005, gt=0.0, le=0.1, description="no more current than this is rest")
    rest_s: float = Field(default=600.0, ge=0.0, description="rest before the voltage is believed")
    soc_error_max: float = Field(default=0.01, gt=0.0, le=0.5, description="error of a correction at most")


def string_resistance_ohm(pack: PackDescription, temp_degc: float) -> float:
    """Return the resistance of one group at a temperature [ohm]; NaN for NaN.

    Linear between the points of ``pack.resistance_ohm`` (10 s, half charge), constant beyond them.
    """
    return interpolate(temp_degc, pack.resistance_temp_degc, pack.resistance_ohm)


def soc_of_ocv(pack: PackDescription, ocv_v: float) -> float:
    """Return the state of charge at an open-circuit voltage; constant beyond the ends of the table."""
    return interpolate(ocv_v, pack.ocv_v, pack.ocv_soc)


def soc_error(pack: PackDescription, soc: float) -> float:
    """Return how far off a state of charge read from the open-circuit voltage may be.

    ``d_soc = d_ocv / slope`` with the slope over 2 % of charge, and d_ocv for hysteresis and sensor: 15 mV
    for LFP, 6 mV for NMC (assumed; measured half widths of the hysteresis are 10 to 15 mV and below 5 mV).
    """
    low, high = max(soc - 0.01, 0.0), min(soc + 0.01, 1.0)
    rise_v = interpolate(high, pack.ocv_soc, pack.ocv_v) - interpolate(low, pack.ocv_soc, pack.ocv_v)
    return OCV_ERROR_V[pack.chemistry] * (high - low) / rise_v if rise_v > 0.0 else math.inf


@final
class Estimator:
    """Coulomb counting per string: ``soc -= i dt / (3600 c)``.

    The first valid voltage gives the start, corrected by ``i r``; unless a stored charge is given. At rest
    the open-circuit voltage replaces the count once per rest, where its slope tells charge well enough:
    hardly ever on the plateau of LFP. Without a valid current the count stands still. A filter with the
    same ``step`` replaces this class later.

    Parameters
    ----------
    pack : description of the pack
    settings : when an open-circuit voltage is believed
    initial_soc : stored state of charge in 0..1, or NaN to start from the voltage
    """

    def __init__(
        self, pack: PackDescription, settings: EstimationSettings | None = None, *, initial_soc: float = NAN
    ) -> None:
        self._pack = pack
        self._settings = settings or EstimationSettings()
        self._rest_a = self._settings.rest_c_rate * pack.capacity_ah
        self._per_coulomb = 1.0 / (SECONDS_PER_HOUR * pack.capacity_ah)
        self._initial_soc = initial_soc
        self._resistance = PiecewiseLinear(pack.resistance_temp_degc, pack.resistance_ohm)
        self._n_series = pack.n_series
        self.reset()

    def reset(self) -> None:
        """Start again from the stored state of charge or from the voltage."""
        n_strings = self._pack.n_strings
        self._soc = [self._initial_soc] * n_strings
        self._rest_s = [0.0] * n_strings
        self._corrected = [False] * n_strings
        self._heat_w = [NAN] * n_strings

    def step(self, checked: Checked, dt_s: float) -> Estimate:
        """Advance by one tick [s] and return the estimate."""
        self._step_strings(checked, dt_s)
        socs, heat_w, string_a, closed = self._soc, self._heat_w, checked.current_a, checked.closed
        low_v, high_v = checked.cell_voltage_min_v, checked.cell_voltage_max_v
        cold_degc, hot_degc = checked.cell_temp_min_degc, checked.cell_temp_max_degc
        mean_degc = checked.cell_temp_mean_degc
        measured = sum(low_v) + sum(high_v) + sum(cold_degc) + sum(mean_degc) + sum(hot_degc)
        if not (_valid(measured) and all(closed)):
            socs, heat_w, string_a = (_connected(values, closed) for values in (socs, heat_w, string_a))
            low_v, high_v = _known(low_v, closed), _known(high_v, closed)
            cold_degc, hot_degc = _known(cold_degc, closed), _known(hot_degc, closed)
            mean_degc = _known(mean_degc, closed)
        return Estimate(
            sum(socs) / len(socs),
            np.array(self._soc),
            min(low_v),
            max(high_v),
            min(cold_degc),
            sum(mean_degc) / len(mean_degc),
            max(hot_degc),
            sum(string_a),
            sum(heat_w),
        )

    def _step_strings(self, checked: Checked, dt_s: float) -> None:
        """Advance heat, charge and rest of every string."""
        socs, rest_a, per_coulomb = self._soc, self._rest_a, self._per_coulomb
        n_series, resistance_at = self._n_series, self._resistance.at
        for k, current_a in enumerate(checked.current_a):
            resistance_ohm = resistance_at(checked.cell_temp_mean_degc[k])
            self._heat_w[k] = n_series * current_a * current_a * resistance_ohm
            if current_a - current_a != 0.0:  # missing: true for NaN
                self._rest_s[k] = 0.0
                continue
            soc = socs[k]
            if soc - soc == 0.0:
                soc -= current_a * dt_s * per_coulomb
                socs[k] = 0.0 if soc < 0.0 else min(soc, 1.0)
            else:
                self._start(k, current_a, resistance_ohm, checked.cell_voltage_mean_v[k])
            if abs(current_a) > rest_a:
                self._rest_s[k], self._corrected[k] = 0.0, False
            else:
                self._correct_at_rest(k, checked.cell_voltage_mean_v[k], checked.elapsed_s)

    def _start(self, k: int, current_a: float, resistance_ohm: float, voltage_v: float) -> None:
        """Read the first charge from the voltage, corrected by the drop where that is known."""
        if _valid(voltage_v):
            drop_v = current_a * resistance_ohm if _valid(resistance_ohm) else 0.0
            self._soc[k] = soc_of_ocv(self._pack, voltage_v + drop_v)

    def _correct_at_rest(self, k: int, voltage_v: float, elapsed_s: float) -> None:
        self._rest_s[k] += elapsed_s
        if self._corrected[k] or self._rest_s[k] < self._settings.rest_s or not _valid(voltage_v):
            return
        soc = soc_of_ocv(self._pack, voltage_v)
        self._corrected[k] = True
        if soc_error(self._pack, soc) <= self._settings.soc_error_max:
            self._soc[k] = soc


def _valid(x: float) -> bool:
    return x - x == 0.0


def _connected(values: list[float], closed: list[bool]) -> list[float]:
    """Return the values of the connected strings; of all when none is."""
    if all(closed):
        return values
    return [value for value, on in zip(values, closed, strict=True) if on] or values


def _known(values: list[float], closed: list[bool]) -> list[float]:
    """Return the valid values of the connected strings; one NaN when there is none."""
    chosen = _connected(values, closed)
    if _valid(sum(chosen)):
        return chosen
    return [value for value in chosen if _valid(value)] or [NAN]
