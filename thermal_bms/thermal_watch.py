"""What the thermal actuators do, against what they were told: the findings behind their diagnostics.

Nothing is judged without high voltage. Each finding is a state of the moment; how long it may last stands in the
table of diagnostics, longer than the actuator needs to follow.
"""

from typing import final

from thermal_bms.description import ThermalDescription
from thermal_bms.plausibility import Found
from thermal_bms.signals import Measurement, ThermalCommand

TURNS_RPM = 100.0
PUMP_TOLD = 0.3
FAN_TOLD = 0.3
COMPRESSOR_TOLD = 0.2
HEATER_TOLD = 0.2
HEATER_IDLE_SHARE = 0.03
SPEED_SHARE = 0.15
FLOW_SPEED_SHARE = 0.2
FLOW_MISSING = 0.5
SUCTION_MIN_PA = 2.0e5
"""Saturation of R1234yf at -13 and of R134a at -10 degC; a healthy compressor stops at -5 degC."""
CHILLED_ABOVE_DEGC = 30.0
HEATED_BELOW_DEGC = 45.0
RUNNING_RPM = 500.0


@final
class ThermalWatch:
    """Compares feedback with the last command that went out.

    - Pump, fan: told 0.3 or more and below 100 rev/min.
    - Pump speed: more than 15 % of full speed from what the duty asks for, which is proportional to it.
    - Heater: draws more than 3 % of its rating though told 0; or less than a third of what it is told, while
      coolant is below 45 degC and the pump turns, so that its own temperature limit holds nothing back.
    - Compressor: told 0.2 or more and standing though coolant enters with 30 degC or more, above the dew point
      down to which a chiller may cool.
    - Suction pressure is of the running compressor only.
    - Valve: reports another mode than it was told.
    - Flow: a share of the largest flow times the pump's speed, judged from a fifth of its speed on.

    The numbers are assumed, from the sizes of the trucks of this project.

    Parameters
    ----------
    thermal : what the truck has; without a known pump speed its speed and flow are not judged
    """

    def __init__(self, thermal: ThermalDescription) -> None:
        self._pump_rpm = thermal.pump_speed_max_rpm
        self._flow_kg_per_s = thermal.coolant_flow_max_kg_per_s
        self._heater_w = thermal.heater_power_max_w
        self._heater_idle_w = HEATER_IDLE_SHARE * thermal.heater_power_max_w
        self._has_heater = thermal.heater_power_max_w > 0.0
        self._has_chiller = thermal.chiller_capacity_w > 0.0

    def findings(self, measured: Measurement, told: ThermalCommand, *, live: bool) -> Found:
        """Return what does not follow, by the quantity of a diagnostic; nothing when all does.

        Parameters
        ----------
        measured : after plausibility
        told : the command of the tick before
        live : there is high voltage
        """
        found: Found = {}
        if not live:
            return found
        pump_rpm = measured.pump_speed_rpm
        if told.pump_duty >= PUMP_TOLD and pump_rpm < TURNS_RPM:
            found["pump_stands"] = 1.0
        elif self._pump_rpm > 0.0:
            self._pump(measured, told, pump_rpm / self._pump_rpm, found)
        if told.fan_duty >= FAN_TOLD and measured.fan_speed_rpm < TURNS_RPM:
            found["fan_stands"] = 1.0
        if abs(measured.valve_position - told.valve_mode) >= 0.5:
            found["valve_elsewhere"] = 1.0
        if self._has_heater:
            self._heater(measured, told, found)
        if self._has_chiller:
            self._chiller(measured, told, found)
        return found

    def _pump(self, m: Measurement, told: ThermalCommand, speed: float, found: Found) -> None:
        error = speed - told.pump_duty
        if error > SPEED_SHARE:
            found["pump_speed_above"] = error
        elif error < -SPEED_SHARE:
            found["pump_speed_below"] = -error
        if speed > FLOW_SPEED_SHARE:
            missing = 1.0 - m.coolant_flow_kg_per_s / (self._flow_kg_per_s * speed)
            if missing > FLOW_MISSING:
                found["coolant_flow_missing"] = missing

    def _heater(self, m: Measurement, told: ThermalCommand, found: Found) -> None:
        if told.heater_duty == 0.0:
            if m.heater_power_w > self._heater_idle_w:
                found["heater_power_unasked"] = m.heater_power_w / self._heater_w
        elif (
            told.heater_duty >= HEATER_TOLD
            and m.heater_power_w < told.heater_duty * self._heater_w / 3.0
            and m.coolant_outlet_temp_degc < HEATED_BELOW_DEGC
            and m.pump_speed_rpm >= TURNS_RPM
        ):
            found["heater_power_missing"] = 1.0

    def _chiller(self, m: Measurement, told: ThermalCommand, found: Found) -> None:
        stands = m.compressor_speed_rpm < TURNS_RPM
        if (
            stands
            and told.compressor_duty >= COMPRESSOR_TOLD
            and m.coolant_inlet_temp_degc >= CHILLED_ABOVE_DEGC
        ):
            found["compressor_stands"] = 1.0
        if m.compressor_speed_rpm > RUNNING_RPM and m.suction_pressure_pa < SUCTION_MIN_PA:
            found["suction_pressure_short_pa"] = SUCTION_MIN_PA - m.suction_pressure_pa
