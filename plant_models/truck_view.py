"""The truth about a truck as one row of numbers, and everything that is looked at after a tick in one compiled call."""

import numpy as np

from plant_models.glycol import temperature_k
from plant_models.kernels import RecordArray, kernel, part
from plant_models.pack import PackArrays, PackState, views
from plant_models.sensors import sense
from thermal_bms.units import ZERO_DEGC_K, FloatArray

VIEW = (
    "soc",
    "soc_min",
    "soc_max",
    "cell_voltage_min_v",
    "cell_voltage_max_v",
    "cell_temp_min_degc",
    "cell_temp_mean_degc",
    "cell_temp_max_degc",
    "housing_temp_degc",
    "pack_current_a",
    "coolant_inlet_temp_degc",
    "coolant_outlet_temp_degc",
    "coolant_flow_kg_per_s",
    "drive_loop_temp_degc",
    "suction_pressure_pa",
    "discharge_pressure_pa",
    "compressor_speed_rpm",
    "vehicle_speed_m_per_s",
    "target_speed_m_per_s",
    "phase_distance_m",
    "missed_distance_m",
    "altitude_m",
    "grade",
)
OF_VEHICLE = (
    "speed_m_per_s",
    "target_speed_m_per_s",
    "position_m",
    "missed_distance_m",
    "altitude_m",
    "grade",
)
VEHICLE = slice(VIEW.index("vehicle_speed_m_per_s"), len(VIEW))
PER_STRING = ("string_current_a", "string_soc", "string_coolant_outlet_temp_degc")


LANES = 8


@kernel
def extremes(
    values: FloatArray, low: FloatArray, high: FloatArray, total: FloatArray
) -> tuple[float, float, float]:
    """Return least, greatest and sum of an array of shape (n, m).

    Eight running results side by side let the loop use vector registers without assuming away NaN; ``low``, ``high``
    and ``total`` are room for them, shape (8,).
    """
    flat = values.reshape(values.size)
    low[:] = flat[0]
    high[:] = flat[0]
    total[:] = 0.0
    whole = flat.size // LANES * LANES
    for i in range(0, whole, LANES):
        for j in range(LANES):
            x = flat[i + j]
            low[j] = x if x < low[j] else low[j]
            high[j] = x if x > high[j] else high[j]
            total[j] += x
    for i in range(whole, flat.size):
        x = flat[i]
        low[0] = min(low[0], x)
        high[0] = max(high[0], x)
        total[0] += x
    return low.min(), high.max(), total.sum()


@part
def pack_extremes(state: PackState, out: FloatArray) -> None:
    """Write the first ten values of ``VIEW``: charge, voltages, temperatures and current of the whole pack."""
    low = np.empty(LANES)
    high = np.empty(LANES)
    total = np.empty(LANES)
    n = state.soc.size
    out[1], out[2], soc = extremes(state.soc, low, high, total)
    out[0] = soc / n
    out[3], out[4], _ = extremes(state.voltage_v, low, high, total)
    coldest_k, hottest_k, temp_k = extremes(state.core_temp_k, low, high, total)
    out[5] = coldest_k - ZERO_DEGC_K
    out[6] = temp_k / n - ZERO_DEGC_K
    out[7] = hottest_k - ZERO_DEGC_K
    out[8] = state.housing_temp_k.mean() - ZERO_DEGC_K
    out[9] = state.string_current_a.sum()


@part
def truck_view(
    pack: PackArrays,
    medium: RecordArray,
    circuit: RecordArray,
    refrigerant: RecordArray,
    vehicle: RecordArray,
    out: FloatArray,
) -> None:
    """Write the values named in ``VIEW``, then those of ``PER_STRING``, string by string.

    ``medium`` is the parameter record of the coolant circuit.
    """
    _, state, _ = views(pack)
    pack_extremes(state, out)
    s = circuit[0]
    r = refrigerant[0]
    v = vehicle[0]
    out[10] = s.supply_temp_k - ZERO_DEGC_K
    out[11] = s.return_temp_k - ZERO_DEGC_K
    out[12] = s.mass_flow_kg_per_s
    out[13] = s.low_temp_k - ZERO_DEGC_K
    out[14] = r.suction_pressure_pa
    out[15] = r.discharge_pressure_pa
    out[16] = r.compressor_speed_rpm
    out[17] = v.speed_m_per_s  # from here on as OF_VEHICLE names them
    out[18] = v.target_speed_m_per_s
    out[19] = v.position_m
    out[20] = v.missed_distance_m
    out[21] = v.altitude_m
    out[22] = v.grade
    n_strings, n_series = state.soc.shape
    at = 23
    for k in range(n_strings):
        soc_sum = 0.0
        for i in range(n_series):
            soc_sum += state.soc[k, i]
        out[at + k] = state.string_current_a[k]
        out[at + n_strings + k] = soc_sum / n_series
        out[at + 2 * n_strings + k] = temperature_k(medium[0], state.string_outlet_j_per_kg[k]) - ZERO_DEGC_K


@kernel
def observe(
    pack: PackArrays,
    medium: RecordArray,
    circuit: RecordArray,
    refrigerant: RecordArray,
    vehicle: RecordArray,
    sensors: RecordArray,
    voltage_noise: FloatArray,
    temp_noise: FloatArray,
    noise: FloatArray,
    world: FloatArray,
    lagged_k: FloatArray,
    voltages: FloatArray,
    temps_degc: FloatArray,
    strings: FloatArray,
    scalars: FloatArray,
    ports: FloatArray,
    energies_j: FloatArray,
    out: FloatArray,
    dt_s: float,
) -> None:
    """Write what the sensors say and the truth, and add what went through the ports to ``energies_j`` [J]."""
    truck_view(pack, medium, circuit, refrigerant, vehicle, out)
    sense(
        sensors, pack, circuit, refrigerant, vehicle, voltage_noise, temp_noise, noise, world, lagged_k,
        voltages, temps_degc, strings, scalars,
    )  # fmt: skip
    for i in range(ports.size):
        energies_j[i] += ports[i] * dt_s
