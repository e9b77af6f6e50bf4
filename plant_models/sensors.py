"""What the truck's sensors make of the truth: lag, noise, quantisation, gain and offset, faults.

One random stream per kind of sensor, spawned from one seed. Resolutions follow the bus: cell
voltage 1 mV, cell temperature 0.1 K, current 0.05 A, coolant temperature 0.1 K (SAE J1939 SPN 5920, 5922, 8075).
Noise and lag are assumed at the level of automotive front-end circuits and 10 kOhm NTCs under a cell's terminal foil.
"""

import numpy as np
from pydantic import Field

from plant_models.kernels import Record, RecordArray, kernel, part
from plant_models.pack import PackArrays, views
from thermal_bms.parameters import Parameters
from thermal_bms.units import ZERO_DEGC_K, FloatArray

BLOCK = 256
POOL = 16384
N_SCALAR_NOISE = 4


class SensorParameters(Parameters):
    """Noise (one standard deviation), resolution and current-sensor error."""

    cell_voltage_noise_v: float = Field(default=0.001, ge=0.0)
    cell_voltage_step_v: float = Field(default=0.001, gt=0.0)
    cell_temp_noise_k: float = Field(default=0.1, ge=0.0)
    cell_temp_step_k: float = Field(default=0.1, gt=0.0)
    current_noise_a: float = Field(default=0.1, ge=0.0)
    current_step_a: float = Field(default=0.05, gt=0.0)
    current_gain: float = Field(default=1.0, gt=0.5, lt=1.5)
    current_offset_a: float = Field(default=0.0, ge=-50.0, le=50.0)
    coolant_temp_noise_k: float = Field(default=0.1, ge=0.0)
    coolant_temp_step_k: float = Field(default=0.1, gt=0.0)


class NoiseStream:
    """Standard normal rows of one sensor kind: windows of one long draw, at places drawn from its own generator.

    Drawing every row afresh took longer than everything else that a measurement needs. Two rows share values only where
    their windows overlap, and then at different positions: a sensor's own noise stays white.
    """

    def __init__(self, rng: np.random.Generator, width: int) -> None:
        self._rng = rng
        self._width = width
        self._pool = rng.standard_normal(POOL + width)
        self._starts: list[int] = []

    def row(self) -> FloatArray:
        """Return the next row, shape (width,)."""
        if not self._starts:
            self._starts = self._rng.integers(0, POOL, BLOCK, endpoint=True).tolist()
        start = self._starts.pop()
        row: FloatArray = self._pool[start : start + self._width]
        return row


@kernel
def stepped(value: float, step: float) -> float:
    """Return ``value`` rounded to a whole number of steps.

    >>> round(stepped(20.26, 0.1), 6)
    20.3
    """
    return float(np.floor(value / step + 0.5) * step)


@kernel
def sense_voltages(
    voltage_v: FloatArray, noise: FloatArray, noise_v: float, step_v: float, out: FloatArray
) -> None:
    """Write noisy, quantised group voltages; ``noise`` holds one standard normal per group, flat."""
    n_strings, n_series = voltage_v.shape
    for k in range(n_strings):
        for i in range(n_series):
            value = voltage_v[k, i] + noise_v * noise[k * n_series + i]
            out[k, i] = np.floor(value / step_v + 0.5) * step_v


@kernel
def sense_temperatures(
    p: RecordArray,
    surface_k: FloatArray,
    lagged_k: FloatArray,
    keep: float,
    noise: FloatArray,
    out: FloatArray,
) -> None:
    """Advance the sensors' lag (``keep`` = exp(-dt/tau)) and write noisy, quantised readings in degC.

    Sensor j of a string sits in the middle of its share of the groups.
    """
    n_strings, n_sensors = lagged_k.shape
    n_series = surface_k.shape[1]
    for k in range(n_strings):
        for j in range(n_sensors):
            i = ((2 * j + 1) * n_series) // (2 * n_sensors)
            lagged_k[k, j] = surface_k[k, i] + (lagged_k[k, j] - surface_k[k, i]) * keep
            value = lagged_k[k, j] - ZERO_DEGC_K + p[0].cell_temp_noise_k * noise[k * n_sensors + j]
            out[k, j] = stepped(value, p[0].cell_temp_step_k)


SCALARS = (
    "bus_voltage_v",
    "coolant_inlet_temp_degc",
    "coolant_outlet_temp_degc",
    "drive_loop_temp_degc",
    "pump_speed_rpm",
    "fan_speed_rpm",
    "compressor_speed_rpm",
    "suction_pressure_pa",
    "discharge_pressure_pa",
    "heater_power_w",
    "compressor_power_w",
    "ambient_temp_degc",
    "ambient_humidity",
    "vehicle_speed_m_per_s",
    "coolant_flow_kg_per_s",
    "valve_position",
)
N_BEFORE_OFFER = 14
"""So many of them stand before the charger's offer in a ``Measurement``; the others after the safety inputs."""


@part
def valve_position(circuit: Record) -> float:
    """Return the number of the mode that most of the coolant takes."""
    position = 0.0
    most = circuit.valve_bypass
    if circuit.valve_radiator > most:
        position = 1.0
        most = circuit.valve_radiator
    if circuit.valve_chiller > most:
        position = 2.0
        most = circuit.valve_chiller
    if circuit.valve_waste_heat > most:
        position = 3.0
    return position


@kernel
def sense_scalars(
    circuit: Record,
    refrigerant: Record,
    vehicle: Record,
    noise: FloatArray,
    noise_k: float,
    step_k: float,
    bus_voltage_v: float,
    ambient_temp_degc: float,
    humidity: float,
    out: FloatArray,
) -> None:
    """Write the readings named in ``SCALARS``; temperatures carry noise, all are quantised as on the vehicle bus."""
    out[0] = stepped(bus_voltage_v, 0.05)
    out[1] = stepped(circuit.supply_temp_k - ZERO_DEGC_K + noise_k * noise[0], step_k)
    out[2] = stepped(circuit.return_temp_k - ZERO_DEGC_K + noise_k * noise[1], step_k)
    out[3] = stepped(circuit.low_temp_k - ZERO_DEGC_K + noise_k * noise[2], step_k)
    out[4] = stepped(circuit.pump_speed_rpm, 0.5)
    out[5] = stepped(circuit.fan_speed_rpm, 0.5)
    out[6] = stepped(refrigerant.compressor_speed_rpm, 0.5)
    out[7] = stepped(refrigerant.suction_pressure_pa, 1000.0)
    out[8] = stepped(refrigerant.discharge_pressure_pa, 1000.0)
    out[9] = stepped(circuit.heater_power_w, 10.0)
    out[10] = stepped(refrigerant.compressor_power_w, 10.0)
    out[11] = stepped(ambient_temp_degc + noise_k * noise[3], step_k)
    out[12] = min(stepped(humidity, 0.004), 1.0)
    out[13] = stepped(vehicle.speed_m_per_s, 0.01)
    out[14] = stepped(circuit.mass_flow_kg_per_s, 0.005)
    out[15] = valve_position(circuit)


@part
def sense(
    p: RecordArray,
    pack: PackArrays,
    circuit: RecordArray,
    refrigerant: RecordArray,
    vehicle: RecordArray,
    voltage_noise: FloatArray,
    temp_noise: FloatArray,
    noise: FloatArray,
    world: FloatArray,
    lagged_k: FloatArray,
    voltages: FloatArray,
    temps_degc: FloatArray,
    strings: FloatArray,
    scalars: FloatArray,
) -> None:
    """Advance the lag of the cell temperature sensors and write all readings.

    ``noise`` holds ``N_SCALAR_NOISE`` normals and then one per string; ``world`` bus voltage [V], ambient temperature
    [degC], humidity, and how much of their lag the cell temperature sensors keep; ``strings`` takes current [A] and
    voltage [V], shape (2, n_strings).
    """
    q = p[0]
    _, state, _ = views(pack)
    sense_temperatures(p, state.surface_temp_k, lagged_k, world[3], temp_noise, temps_degc)
    sense_voltages(state.voltage_v, voltage_noise, q.cell_voltage_noise_v, q.cell_voltage_step_v, voltages)
    for k in range(strings.shape[1]):
        current_a = state.string_current_a[k] * q.current_gain + q.current_offset_a
        strings[0, k] = stepped(current_a + q.current_noise_a * noise[N_SCALAR_NOISE + k], q.current_step_a)
        strings[1, k] = stepped(state.string_voltage_v[k], 0.05)
    sense_scalars(
        circuit[0],
        refrigerant[0],
        vehicle[0],
        noise,
        q.coolant_temp_noise_k,
        q.coolant_temp_step_k,
        world[0],
        world[1],
        world[2],
        scalars,
    )
