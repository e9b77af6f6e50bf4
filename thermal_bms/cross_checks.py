"""What measurements say about each other: strings in parallel, bus, vehicle and coolant.

A sensor can be wrong within its range. Here values that belong together are compared. What does not fit is named by
the quantity of a diagnostic; how long it may last stands in the table of diagnostics.
"""

import math
from typing import cast, final

from thermal_bms.description import TruckDescription
from thermal_bms.plausibility import Checked, Found
from thermal_bms.signals import VehicleMode

DRIVING_ABOVE_M_PER_S = 1.4
MOVING_M_PER_S = 3.0
OPEN_C_RATE = 0.005
SHARE_C_RATE = 0.01
OTHERS_C_RATE = 0.2
JUDGED_FLOW_SHARE = 0.2


def is_driving(checked: Checked) -> bool:
    """Return whether the vehicle moves under its own control, above 5 km/h; an unknown speed counts as moving.

    >>> DRIVING_ABOVE_M_PER_S * 3.6 > 5.0
    True
    """
    measurement = checked.measurement
    return (
        measurement.vehicle_mode is VehicleMode.DRIVE
        and not measurement.vehicle_speed_m_per_s <= DRIVING_ABOVE_M_PER_S
    )


@final
class CrossChecks:
    """Compares what belongs together.

    - A string that is open carries no current (more than C/200 is found).
    - A closed string has the voltage of the bus; the difference is a share of the string voltage.
    - Closed strings share the current. A string that carries less than C/100 while the others carry more than C/5 on
      average carries nothing; the largest distance from their mean is found as a share of the rating.
    - Parked or charging, the vehicle does not move, and it does not move while plugged in: 3 m/s.
    - Coolant leaves the pack with a temperature between that of its inlet and those of the cells. How far it lies
      outside is judged while a fifth of the largest flow is measured.

    All numbers here are assumed: well beyond what healthy sensors of the usual classes say.
    """

    def __init__(self, truck: TruckDescription) -> None:
        pack = truck.pack
        self._n = pack.n_strings
        self._open_a = OPEN_C_RATE * pack.capacity_ah
        self._share_a = SHARE_C_RATE * pack.capacity_ah
        self._others_a = OTHERS_C_RATE * pack.capacity_ah
        self._capacity_ah = pack.capacity_ah
        self._rating_a = max(pack.charge_current_max_a, pack.discharge_current_max_a)
        self._judged_flow_kg_per_s = JUDGED_FLOW_SHARE * truck.thermal.coolant_flow_max_kg_per_s

    def findings(self, checked: Checked) -> Found:
        """Return what does not fit, by the quantity of a diagnostic; nothing when all does."""
        found: Found = {}
        self._strings(checked, found)
        m = checked.measurement
        if m.vehicle_speed_m_per_s > MOVING_M_PER_S:
            if m.vehicle_mode is not VehicleMode.DRIVE:
                found["vehicle_mode_implausible"] = 1.0
            if m.plug_connected:
                found["plug_while_driving"] = 1.0
        if m.coolant_flow_kg_per_s > self._judged_flow_kg_per_s:
            self._coolant(checked, found)
        return found

    def _strings(self, c: Checked, found: Found) -> None:
        bus_v, open_a, total_a, n_closed = c.measurement.bus_voltage_v, self._open_a, 0.0, 0
        for k, current_a in enumerate(c.current_a):
            if c.closed[k]:
                total_a += current_a
                n_closed += 1
                string_v = c.string_voltage_v[k]
                if abs(string_v - bus_v) > 0.01 * string_v > 0.0:
                    self._add(found, "bus_voltage_mismatch", k, abs(string_v - bus_v) / string_v)
            elif abs(current_a) > open_a:
                self._add(found, "open_string_c_rate", k, abs(current_a) / self._capacity_ah)
        if n_closed > 1 and abs(total_a) > self._others_a:
            self._shares(c, total_a, n_closed, found)

    def _shares(self, c: Checked, total_a: float, n_closed: int, found: Found) -> None:
        """Compare the currents of closed strings, each with the mean of the others."""
        for k, current_a in enumerate(c.current_a):
            if not c.closed[k]:
                continue
            others_a = (total_a - current_a) / (n_closed - 1)
            share = abs(current_a - others_a) / self._rating_a
            if share > 0.1:
                self._add(found, "string_current_imbalance", k, share)
            if abs(current_a) < self._share_a and abs(others_a) > self._others_a:
                self._add(found, "string_carries_nothing", k, 1.0)

    def _coolant(self, c: Checked, found: Found) -> None:
        inlet_degc, outlet_degc = (
            c.measurement.coolant_inlet_temp_degc,
            c.measurement.coolant_outlet_temp_degc,
        )
        low_degc = min(inlet_degc, *c.cell_temp_min_degc)
        high_degc = max(inlet_degc, *c.cell_temp_max_degc)
        outside_k = max(outlet_degc - high_degc, low_degc - outlet_degc)
        if outside_k > 0.0 and math.isfinite(outside_k):
            found["coolant_temp_outside_k"] = outside_k

    def _add(self, found: Found, name: str, k: int, value: float) -> None:
        values = cast("list[float]", found.setdefault(name, [0.0] * self._n))
        values[k] = value
