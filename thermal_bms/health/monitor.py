"""Predictive health of one truck: gathers every tick, looks every ``sample_s``, and keeps what lasts."""

import logging
import math
from typing import Protocol, final

from thermal_bms.description import TruckDescription
from thermal_bms.estimation.cell_model import CellModel
from thermal_bms.health.cell_watch import CellWatch
from thermal_bms.health.cooling_watch import ShareTrend, StringCooling
from thermal_bms.health.findings import UNITS, Finding, FindingKind
from thermal_bms.health.refrigerant import evaporator_w_per_k
from thermal_bms.health.sensor_watch import SensorWatch
from thermal_bms.health.settings import HealthSettings
from thermal_bms.interpolation import interpolate
from thermal_bms.plausibility import Checked
from thermal_bms.signals import Estimate, Measurement, ValveMode, VehicleMode

_LOG = logging.getLogger(__name__)
SLEEP_MAX_S = 30.0 * 86400.0
"""A longer gap is taken for this long; a clock that jumps cannot spoil the filters."""
FLOW_SPEED_MIN = 0.4
"""Share of the pump's full speed from which flow is judged: there 0.005 kg/s of resolution is below 2 %."""
FLOW_WARM_DEGC = 15.0
"""Colder glycol is so viscous that a sound circuit loses 7 % of its flow (simulated at -20 degC)."""
FLOW_TAU_S = 900.0
FLOW_SD = 0.02
CHILLER_SETTLED_S = 300.0
CHILLER_TAU_S = 600.0
CHILLER_SD = 0.06  # of a conductance from three temperatures within 0.1 K and transients; assumed
HEATER_OFF_W = 100.0
COMPRESSOR_RPM = 500.0
Key = tuple[FindingKind, int, int]


class Watch(Protocol):
    """A part of the monitor that says what looks wrong now."""

    def candidates(self, time_s: float) -> list[Finding]:
        """Return what is beyond its limit at an instant [s], sure or not."""
        ...


@final
class HealthMonitor:
    """Looks for slow failures; findings are reports and never open anything.

    Parameters
    ----------
    truck : description of the truck
    settings : thresholds

    Attributes
    ----------
    findings : what is found now
    """

    def __init__(self, truck: TruckDescription, settings: HealthSettings | None = None) -> None:
        self._truck = truck
        self._settings = settings or HealthSettings()
        self._model = CellModel(truck.pack)
        dynamics = truck.thermal.dynamics
        chiller = dynamics.chiller if dynamics else None
        self._chiller = chiller if chiller and chiller.evaporator_w_per_k > 0.0 else None
        self._specific_heat_j_per_kgk = dynamics.medium_specific_heat_j_per_kgk if dynamics else 0.0
        self.reset()

    def reset(self) -> None:
        """Forget everything seen."""
        pack, settings, n = self._truck.pack, self._settings, self._truck.pack.n_strings
        self._cells = [CellWatch(self._model, pack, settings, k) for k in range(n)]
        self._sensors = [SensorWatch(pack.capacity_ah, settings, k) for k in range(n)]
        self._cooling = StringCooling(n, pack.heat_capacity_j_per_k, settings)
        end = settings.limit_share
        self._flow = ShareTrend(
            FindingKind.COOLANT_FLOW_LOSS, settings.flow_share, end, tau_s=FLOW_TAU_S, sd_min=FLOW_SD
        )
        self._refrigerant = ShareTrend(
            FindingKind.REFRIGERANT_LOSS,
            settings.refrigerant_share,
            end,
            tau_s=CHILLER_TAU_S,
            sd_min=CHILLER_SD,
        )
        self._since_s = self._chilled_s = 0.0
        self._charge_as = [0.0] * n
        self._square_a2s = [0.0] * n
        self._lasted: dict[Key, int] = {}
        self._found: dict[Key, Finding] = {}
        self.findings: tuple[Finding, ...] = ()

    def step(self, checked: Checked, estimate: Estimate) -> tuple[Finding, ...]:
        """Take in one tick and return what is found."""
        elapsed_s = checked.elapsed_s
        self._since_s += elapsed_s
        for k, current_a in enumerate(checked.current_a):
            if current_a == current_a and elapsed_s < self._settings.sample_s:  # noqa: PLR0124 - awake and known
                moved_as = current_a * elapsed_s
                self._charge_as[k] += moved_as
                self._square_a2s[k] += current_a * moved_as
        if self._since_s >= self._settings.sample_s:
            self._look(checked, estimate)
        return self.findings

    def _look(self, checked: Checked, estimate: Estimate) -> None:
        elapsed_s, self._since_s = min(self._since_s, SLEEP_MAX_S), 0.0
        self._look_at_strings(checked, estimate, elapsed_s)
        self._look_at_cooling(checked, elapsed_s)
        for k in range(len(self._charge_as)):
            self._charge_as[k] = self._square_a2s[k] = 0.0
        self._sift(checked.time_s)

    def _look_at_strings(self, checked: Checked, estimate: Estimate, elapsed_s: float) -> None:
        measured, pack = checked.measurement, self._truck.pack
        if measured.cell_voltage_v.shape != (pack.n_strings, pack.n_series):
            return
        if measured.cell_temp_degc.ndim != 2 or measured.cell_temp_degc.shape[0] != pack.n_strings:
            return
        socs = estimate.string_soc.tolist()
        for k, (soc, temp_degc) in enumerate(zip(socs, checked.cell_temp_mean_degc, strict=True)):
            self._sensors[k].take(
                measured.cell_temp_degc[k],
                mean_current_square=self._square_a2s[k] / elapsed_s,
                inlet_temp_degc=measured.coolant_inlet_temp_degc,
                elapsed_s=elapsed_s,
            )
            if math.isfinite(soc + temp_degc + checked.current_a[k]):
                self._cells[k].take(
                    measured.cell_voltage_v[k],
                    current_a=checked.current_a[k],
                    mean_current_a=self._charge_as[k] / elapsed_s,
                    soc=soc,
                    temp_degc=temp_degc,
                    elapsed_s=elapsed_s,
                )

    def _look_at_cooling(self, checked: Checked, elapsed_s: float) -> None:
        measured, thermal, pack = checked.measurement, self._truck.thermal, self._truck.pack
        speed = (
            measured.pump_speed_rpm / thermal.pump_speed_max_rpm
            if thermal.pump_speed_max_rpm > 0.0
            else math.nan
        )
        flows = speed >= FLOW_SPEED_MIN and elapsed_s < 2.0 * self._settings.sample_s
        if not flows:
            self._cooling.reset_window()
            self._chilled_s = 0.0
            return
        if measured.coolant_inlet_temp_degc >= FLOW_WARM_DEGC:
            expected_kg_per_s = thermal.coolant_flow_max_kg_per_s * speed
            self._flow.take(measured.coolant_flow_kg_per_s / expected_kg_per_s, elapsed_s)
        heat_w = [
            square_a2s
            / elapsed_s
            * pack.n_series
            * interpolate(temp, pack.resistance_temp_degc, pack.resistance_ohm)
            for square_a2s, temp in zip(self._square_a2s, checked.cell_temp_mean_degc, strict=True)
        ]
        self._cooling.take(
            list(checked.cell_temp_mean_degc), heat_w, measured.coolant_inlet_temp_degc, elapsed_s
        )
        self._look_at_chiller(measured, elapsed_s)

    def _look_at_chiller(self, measured: Measurement, elapsed_s: float) -> None:
        """Judge the evaporator at a standstill, where no changing load or cabin moves it, after it has settled."""
        chiller = self._chiller
        runs = (
            chiller is not None
            and measured.valve_position == ValveMode.CHILLER
            and measured.vehicle_mode is not VehicleMode.DRIVE
            and measured.heater_power_w < HEATER_OFF_W
            and measured.compressor_speed_rpm >= COMPRESSOR_RPM
        )
        if not runs or chiller is None:
            self._chilled_s = 0.0
            return
        self._chilled_s += elapsed_s
        difference_k = measured.coolant_outlet_temp_degc - measured.coolant_inlet_temp_degc
        if self._chilled_s >= CHILLER_SETTLED_S and difference_k >= self._settings.refrigerant_excited_k:
            conductance = evaporator_w_per_k(
                measured.coolant_flow_kg_per_s * self._specific_heat_j_per_kgk,
                inlet_temp_degc=measured.coolant_outlet_temp_degc,
                outlet_temp_degc=measured.coolant_inlet_temp_degc,
                evaporating_temp_degc=interpolate(
                    measured.suction_pressure_pa, chiller.saturation_pressure_pa, chiller.saturation_temp_degc
                ),
            )
            self._refrigerant.take(conductance / chiller.evaporator_w_per_k, elapsed_s)

    def _sift(self, time_s: float) -> None:
        """Keep candidates that last; drop findings of which nothing is left."""
        settings = self._settings
        parts: tuple[Watch, ...] = (
            *self._cells,
            *self._sensors,
            self._cooling,
            self._flow,
            self._refrigerant,
        )
        now: dict[Key, Finding] = {found[:3]: found for part in parts for found in part.candidates(time_s)}
        lasted: dict[Key, int] = {}
        for key, found in now.items():
            if key in self._found or found.confidence >= settings.confidence:
                lasted[key] = self._lasted.get(key, 0) + 1
        before, self._lasted = self._found, lasted
        self._found = {}
        for key, count in lasted.items():
            if key in before and now[key].confidence >= 0.5 * settings.confidence:
                self._found[key] = now[key]._replace(since_s=before[key].since_s)
            elif count >= settings.persistence:
                self._found[key] = now[key]
        if self._found.keys() != before.keys():
            _log(before, self._found)
        if self._found or before:
            self.findings = tuple(self._found.values())


def _log(before: dict[Key, Finding], now: dict[Key, Finding]) -> None:
    for key, found in now.items():
        if key not in before:
            _LOG.warning(
                "%s: %.3g %s, string %d place %d, confidence %.3f",
                found.kind.name,
                found.value,
                UNITS[found.kind],
                found.string,
                found.place,
                found.confidence,
            )
    for key in before.keys() - now.keys():
        _LOG.info("%s gone, string %d place %d", FindingKind(key[0]).name, key[1], key[2])
