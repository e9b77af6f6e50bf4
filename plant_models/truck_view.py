"""The truth about a truck as one row of numbers, for recordings."""

from plant_models.glycol import temperature_k
from plant_models.kernels import RecordArray, kernel
from plant_models.pack import PackArrays, views
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
PER_STRING = ("string_current_a", "string_soc", "string_coolant_outlet_temp_degc")


@kernel
def pack_extremes(pack: PackArrays, out: FloatArray) -> None:
    """Write the first ten values of ``VIEW``: charge, voltages, temperatures and current of the whole pack."""
    _, state, _ = views(pack)
    n_strings, n_series = state.soc.shape
    soc_sum = 0.0
    soc_min = soc_max = state.soc[0, 0]
    v_min = v_max = state.voltage_v[0, 0]
    t_sum = 0.0
    t_min = t_max = state.core_temp_k[0, 0]
    housing = 0.0
    current = 0.0
    for k in range(n_strings):
        housing += state.housing_temp_k[k]
        current += state.string_current_a[k]
        for i in range(n_series):
            soc_sum += state.soc[k, i]
            soc_min = min(soc_min, state.soc[k, i])
            soc_max = max(soc_max, state.soc[k, i])
            v_min = min(v_min, state.voltage_v[k, i])
            v_max = max(v_max, state.voltage_v[k, i])
            t_sum += state.core_temp_k[k, i]
            t_min = min(t_min, state.core_temp_k[k, i])
            t_max = max(t_max, state.core_temp_k[k, i])
    n = n_strings * n_series
    out[0] = soc_sum / n
    out[1] = soc_min
    out[2] = soc_max
    out[3] = v_min
    out[4] = v_max
    out[5] = t_min - ZERO_DEGC_K
    out[6] = t_sum / n - ZERO_DEGC_K
    out[7] = t_max - ZERO_DEGC_K
    out[8] = housing / n_strings - ZERO_DEGC_K
    out[9] = current


@kernel
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
    pack_extremes(pack, out)
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
    out[17] = v.speed_m_per_s
    out[18] = v.target_speed_m_per_s
    out[19] = v.position_m
    out[20] = v.missed_distance_m
    out[21] = v.altitude_m
    out[22] = v.grade
    _, state, _ = views(pack)
    n_strings, n_series = state.soc.shape
    at = 23
    for k in range(n_strings):
        soc_sum = 0.0
        for i in range(n_series):
            soc_sum += state.soc[k, i]
        out[at + k] = state.string_current_a[k]
        out[at + n_strings + k] = soc_sum / n_series
        out[at + 2 * n_strings + k] = temperature_k(medium[0], state.string_outlet_j_per_kg[k]) - ZERO_DEGC_K
