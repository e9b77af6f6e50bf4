"""Predictive health of one truck: gathers every tick, looks every ``sample_s``, and keeps what lasts."""

import logging
import math
from typing import final

from thermal_bms.description import TruckDescription
from thermal_bms.estimation.cell_model import CellModel
from thermal_bms.health.cell_watch import CellWatch
from thermal_bms.health.cooling_watch import ShareTrend, StringCooling
from thermal_bms.health.findings import UNITS, Finding, FindingKind
from thermal_bms.health.refrigerant import expected_heat_w
from thermal_bms.health.sensor_watch import SensorWatch
from thermal_bms.health.settings import HealthSettings
from thermal_bms.interpolation import interpolate
from thermal_bms.plausibility import Checked
from thermal_bms.signals import Estimate, Measurement, ValveMode, VehicleMode

_LOG = logging.getLogger(__name__)
FLOW_SPEED_MIN = 0.4
"""Share of the pump's full speed from which flow is judged: there 0.005 kg/s of resolution is below 2 %."""
FLOW_TAU_S = 900.0
FLOW_SD = 0.03
CHILLER_SETTLED_S = 180.0
CHILLER_TAU_S = 600.0
CHILLER_SD = 0.06  # of the straight lines through the map, docs/mpc.md
CHILLER_POWER_MIN_W = 300.0
Key = tuple[FindingKind, int, int]


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
        k = 0
        for current_a in checked.current_a:
            if current_a == current_a and elapsed_s < self._settings.sample_s:  # noqa: PLR0124 - awake and known
                moved_as = current_a * elapsed_s
                self._charge_as[k] += moved_as
                self._square_a2s[k] += current_a * moved_as
            k += 1
        if self._since_s >= self._settings.sample_s:
            self._look(checked, estimate)
        return self.findings

    def _look(self, checked: Checked, estimate: Estimate) -> None:
        elapsed_s, self._since_s = self._since_s, 0.0
        self._look_at_strings(checked, estimate, elapsed_s)
        self._look_at_cooling(checked, elapsed_s)
        for k in range(len(self._charge_as)):
            self._charge_as[k] = self._square_a2s[k] = 0.0
        self._sift(checked.time_s)

    def _look_at_strings(self, checked: Checked, estimate: Estimate, elapsed_s: float) -> None:
        measured = checked.measurement
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
        speed = measured.pump_speed_rpm / thermal.pump_speed_max_rpm if thermal.pump_speed_max_rpm > 0.0 else math.nan
        flows = speed >= FLOW_SPEED_MIN and elapsed_s < 2.0 * self._settings.sample_s
        if not flows:
            self._cooling.reset_window()
            self._chilled_s = 0.0
            return
        expected_kg_per_s = thermal.coolant_flow_max_kg_per_s * speed
        self._flow.take(measured.coolant_flow_kg_per_s / expected_kg_per_s, elapsed_s)
        heat_w = [
            square_a2s / elapsed_s * pack.n_series * interpolate(temp, pack.resistance_temp_degc, pack.resistance_ohm)
            for square_a2s, temp in zip(self._square_a2s, checked.cell_temp_mean_degc, strict=True)
        ]
        self._cooling.take(list(checked.cell_temp_mean_degc), heat_w, measured.coolant_inlet_temp_degc, elapsed_s)
        self._look_at_chiller(measured, elapsed_s)

    def _look_at_chiller(self, measured: Measurement, elapsed_s: float) -> None:
        """Compare the heat taken from the coolant with the power drawn, while no cabin shares the circuit."""
        dynamics = self._truck.thermal.dynamics
        runs = (
            dynamics is not None
            and dynamics.chiller is not None
            and measured.valve_position == ValveMode.CHILLER
            and measured.vehicle_mode is not VehicleMode.DRIVE
            and measured.heater_power_w < CHILLER_POWER_MIN_W
            and measured.compressor_power_w >= CHILLER_POWER_MIN_W
        )
        if not runs or dynamics is None or dynamics.chiller is None:
            self._chilled_s = 0.0
            return
        self._chilled_s += elapsed_s
        difference_k = measured.coolant_outlet_temp_degc - measured.coolant_inlet_temp_degc
        if self._chilled_s < CHILLER_SETTLED_S or difference_k < self._settings.refrigerant_excited_k:
            return
        heat_w = measured.coolant_flow_kg_per_s * dynamics.medium_specific_heat_j_per_kgk * difference_k
        expected_w = expected_heat_w(
            dynamics.chiller,
            measured.compressor_power_w,
            inlet_temp_degc=measured.coolant_outlet_temp_degc,
            ambient_temp_degc=measured.ambient_temp_degc,
        )
        self._refrigerant.take(heat_w / expected_w, elapsed_s)

    def _sift(self, time_s: float) -> None:
        """Keep candidates that last; drop findings of which nothing is left."""
        settings, now = self._settings, {}
        for part in (*self._cells, *self._sensors, self._cooling, self._flow, self._refrigerant):
            for found in part.candidates(time_s):
                now[found[:3]] = found
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
