"""A bench for the estimator: the project's pack at an imposed temperature, faulty sensors, and the truth beside them.

Only the electrical side runs, so that a day takes a second. Sensors have the errors of the acceptance test: gain and
offset of the current, noise of the cell voltages. The pack's cells have their spread, and may be aged.
"""

from functools import lru_cache
from typing import final

import numpy as np

from plant_models.cell import load_cell
from plant_models.pack import PackArrays, circuit_tables, pack_arrays, views
from plant_models.pack_electrical import pack_electrical_step
from plant_models.sensors import sense_voltages
from plant_models.truck_parameters import describe, load_truck
from plant_models.truck_step import PORTS, drive_step
from plant_models.vehicle import new_vehicle_state, vehicle_record
from scenarios.drive_cycle import load_cycle
from thermal_bms.description import PackDescription
from thermal_bms.estimation import EstimationSettings, Estimator
from thermal_bms.estimation.power import CHARGE, DISCHARGE, PowerRatings
from thermal_bms.limits import load_limits
from thermal_bms.plausibility import Plausibility
from thermal_bms.signals import Estimate, Measurement, VehicleMode
from thermal_bms.units import FloatArray, degc_to_k

AMPLE_W = 1e7
COLUMNS = (
    "soc",
    "estimate",
    "soc_sd",
    "soc_min",
    "soc_max",
    "cell_soc_min",
    "cell_soc_max",
    "cell_soc_min_bound",
    "cell_soc_max_bound",
)
TRACTION = PORTS.index("traction_power_w")


@lru_cache(maxsize=8)
def drive_power_w(truck: str, cycle: str, *, load_w: float = 5000.0) -> FloatArray:
    """Return the power [W] that a half-loaded truck takes from its pack on a cycle, second by second."""
    parameters = load_truck(truck)
    vehicle = parameters.vehicle
    record = vehicle_record(vehicle, 0.5 * vehicle.payload_max_kg)
    arrays = load_cycle(cycle).arrays(vehicle.comfort_decel_m_per_s2)
    state, ports, power = new_vehicle_state(arrays), np.zeros(len(PORTS)), []
    finished = 0.0
    while not finished:
        _, _, finished = drive_step(
            record, state, arrays.table, AMPLE_W, AMPLE_W, load_w, degc_to_k(25.0), ports, 1.0
        )
        power.append(ports[TRACTION] + load_w)
    result: FloatArray = np.array(power)
    result.flags.writeable = False
    return result


@final
class PackBench:
    """One pack, its sensors and its estimator.

    Parameters
    ----------
    truck : name in the library
    soc, temp_degc : of every cell at the start
    seed : of cell spread and noise
    told_soc : charge that the estimator has stored; NaN to start from the voltage
    current_gain, current_offset_a, voltage_noise_v : sensor errors
    capacity, resistance : of the cells, relative to the nominal ones
    """

    def __init__(
        self,
        truck: str,
        *,
        soc: float,
        temp_degc: float = 25.0,
        seed: int = 0,
        told_soc: float = float("nan"),
        current_gain: float = 1.0,
        current_offset_a: float = 0.0,
        current_noise_a: float = 0.1,
        voltage_noise_v: float = 0.002,
        capacity: float = 1.0,
        resistance: float = 1.0,
        settings: EstimationSettings | None = None,
    ) -> None:
        parameters = load_truck(truck)
        self.cell = load_cell(parameters.cell)
        self.description: PackDescription = describe(parameters, self.cell).pack
        spread, noise = np.random.SeedSequence(seed).spawn(2)
        self.arrays = pack_arrays(
            parameters.pack,
            self.cell,
            np.random.default_rng(spread),
            soc=soc,
            temp_k=degc_to_k(temp_degc),
            coolant_mass_kg=1.0,
            coolant_j_per_kg=0.0,
        )
        self.constants, self.state, self.work = views(self.arrays)
        self.constants.capacity_as[:] *= capacity
        self.constants.per_capacity_as[:] /= capacity
        self.constants.resistance_factor[:] *= resistance
        self.state.string_closed[:] = 1.0
        self._noise = np.random.default_rng(noise)
        self._n_parallel = parameters.pack.n_parallel
        self.tables = circuit_tables(self.cell, self._n_parallel, 1.0)
        self._gain, self._offset_a, self._current_noise_a = current_gain, current_offset_a, current_noise_a
        self._voltage_noise_v = voltage_noise_v
        self.plausibility = Plausibility(self.description)
        self.estimator = Estimator(self.description, settings, initial_soc=told_soc)
        self.ratings = PowerRatings(load_limits(self.description.chemistry), self.description)
        self.temp_degc = temp_degc
        self.time_s = 0.0
        self.bus_voltage_v = 0.0
        self.vehicle_speed_m_per_s = 0.0
        self.step(0.0)

    @property
    def string_soc(self) -> FloatArray:
        """Mean charge of every string."""
        return np.asarray(self.state.soc.mean(axis=1))

    @property
    def soc(self) -> float:
        """Mean charge of the pack."""
        return float(self.state.soc.mean())

    def step(self, power_w: float, *, charger_a: float = 0.0) -> None:
        """Advance by a second under a power demand [W] and a charger's current [A]."""
        self.state.core_temp_k[:] = degc_to_k(self.temp_degc)
        self.bus_voltage_v = pack_electrical_step(
            self.tables, self.constants, self.state, self.work, power_w, charger_a, 1.0
        )
        self.time_s += 1.0

    def skip(self, seconds: float) -> None:
        """Stand with open contactors, controller asleep, for whole seconds."""
        self.state.string_closed[:] = 0.0
        tables = circuit_tables(self.cell, self._n_parallel, seconds)
        pack_electrical_step(tables, self.constants, self.state, self.work, 0.0, 0.0, seconds)
        self.work.string_charging[:] = -1.0
        self.time_s += seconds
        self.state.string_closed[:] = 1.0

    def stand(self, seconds: int) -> Estimate:
        """Stand awake with open contactors, as before going to sleep."""
        self.state.string_closed[:] = 0.0
        for _ in range(seconds):
            self.step(0.0)
            estimate = self.estimate()
        self.state.string_closed[:] = 1.0
        return estimate

    def measure(self) -> Measurement:
        """Return what the sensors say."""
        state, draw = self.state, self._noise.standard_normal
        voltage_v = np.empty_like(state.voltage_v)
        sense_voltages(state.voltage_v, draw(voltage_v.size), self._voltage_noise_v, 0.001, voltage_v)
        n_strings = len(state.string_current_a)
        true_a = state.string_current_a
        current_a = self._gain * true_a + self._offset_a + self._current_noise_a * draw(n_strings)
        temps = np.round(self.temp_degc + 0.1 * draw((n_strings, 4)), 1)
        return Measurement(
            self.time_s,
            VehicleMode.DRIVE,
            voltage_v,
            temps,
            current_a,
            state.string_voltage_v.copy(),
            state.string_closed > 0.0,
            self.bus_voltage_v,
            coolant_inlet_temp_degc=20.0,
            coolant_outlet_temp_degc=20.0,
            drive_loop_temp_degc=20.0,
            pump_speed_rpm=0.0,
            fan_speed_rpm=0.0,
            compressor_speed_rpm=0.0,
            suction_pressure_pa=5e5,
            discharge_pressure_pa=5e5,
            heater_power_w=0.0,
            compressor_power_w=0.0,
            ambient_temp_degc=self.temp_degc,
            ambient_humidity=0.5,
            vehicle_speed_m_per_s=self.vehicle_speed_m_per_s,
        )

    def holds(self, power_w: float, horizon_s: int) -> bool:
        """Return whether a copy of the true pack holds a constant power [W] without meeting any limit.

        Limits: current by rating, temperature and charge; voltage of every single cell; the power itself.
        """
        arrays = PackArrays(*[array.copy() for array in self.arrays])
        constants, state, work = views(arrays)
        direction = DISCHARGE if power_w > 0.0 else CHARGE
        ratings, edge_v = self.ratings, self.ratings.voltage_v[direction]
        for _ in range(horizon_s):
            bus_v = pack_electrical_step(self.tables, constants, state, work, power_w, 0.0, 1.0)
            limit_a = ratings.current_a(direction, float(state.soc.mean()), self.temp_degc, self.temp_degc)
            beyond = (
                float(state.voltage_v.min()) < edge_v
                if direction == DISCHARGE
                else float(state.voltage_v.max()) > edge_v
            )
            missed_w = abs(bus_v * float(state.string_current_a.sum()) - power_w)
            if beyond or float(np.abs(state.string_current_a).max()) > limit_a:
                return False
            if missed_w > 0.01 * abs(power_w) + 100.0:
                return False
        return True

    def power_max_w(self, direction: int, horizon_s: int) -> float:
        """Return the largest constant power [W] that a copy of the true pack holds, to 0.02 % of 3 MW."""
        low_w, high_w, sign = 0.0, 3e6, 1.0 if direction == DISCHARGE else -1.0
        for _ in range(13):
            middle_w = 0.5 * (low_w + high_w)
            if self.holds(sign * middle_w, horizon_s):
                low_w = middle_w
            else:
                high_w = middle_w
        return low_w

    def drive_and_charge(
        self,
        cycle_w: FloatArray,
        seconds: int,
        *,
        empty_soc: float = 0.1,
        charge_c_rate: float = 0.5,
        scale: float = 1.0,
    ) -> FloatArray:
        """Drive a power cycle over and over, charge to full whenever empty; return one row a second.

        A charge is constant current, then constant voltage of the fullest cell, ended at 3 % of the rating.
        Columns are those of ``COLUMNS``.
        """
        pack = self.description
        rated_a = pack.n_strings * pack.capacity_ah * charge_c_rate
        full_v = pack.cell_voltage_max_v - 0.01
        current_a, rows = 0.0, []
        for second in range(seconds):
            if current_a > 0.0:
                highest_v = float(self.state.voltage_v.max())
                current_a = min(rated_a, 1.05 * current_a + 5.0) if highest_v < full_v else 0.97 * current_a
                self.step(0.0, charger_a=current_a)
                if current_a < 0.03 * rated_a and highest_v > full_v - 0.02:
                    current_a = 0.0
            else:
                power_w = scale * float(cycle_w[second % len(cycle_w)])
                self.step(power_w if self.soc < 0.985 else max(power_w, 0.0))
                current_a = 5.0 if self.soc < empty_soc else 0.0
            rows.append(self._row(self.estimate()))
        return np.array(rows)

    def _row(self, estimate: Estimate) -> tuple[float, ...]:
        bounds, soc = estimate.bounds, self.state.soc
        return (
            self.soc,
            estimate.soc,
            bounds.soc_sd,
            bounds.soc_min,
            bounds.soc_max,
            float(soc.min()),
            float(soc.max()),
            bounds.cell_soc_min,
            bounds.cell_soc_max,
        )

    def estimate(self) -> Estimate:
        """Return what the estimator makes of one measurement."""
        return self.estimator.step(self.plausibility.check(self.measure(), 1.0), 1.0)
