"""Heat capacity, inner and outer resistance and entropic coefficient from the case temperature of one drive.

Heat comes from the measured voltage, so that the circuit's errors play no part::

    q = I (U - V) - I T dU/dT = I (U_ref(s) - V) - I T_ref dU/dT(s)

where U is the open-circuit voltage and U_ref that at the reference temperature. The plant's heat paths are driven
with it, and five kinds of number are adjusted until the surface follows the measured case: heat capacity [J/K],
core to surface [K/W], can to air [W/K], the entropic coefficient on five knots of charge [V/K], and what the air
of a moving chamber did beyond its log (a settling by some kelvin).

Assumptions: two nodes; heat capacity and inner resistance are drawn to the guesses of ``cell.toml`` with deviations
of 20 % and a factor of 1.6; the air's conductance is constant; the entropic coefficient is drawn to zero with a
deviation of 0.15 mV/K, the size found in cells (Viswanathan et al., J. Power Sources 195 (2010) 3720, doi
10.1016/j.jpowsour.2009.11.103).
"""

from typing import NamedTuple

import numpy as np
from scipy.optimize import least_squares

from plant_models.cell import CellParameters, CellThermal
from plant_models.cell_trace import trace_heated
from plant_models.identification.drive import Drive
from plant_models.identification.open_circuit import OpenCircuit
from plant_models.identification.relaxations import hats
from thermal_bms.errors import ConfigError
from thermal_bms.units import SECONDS_PER_HOUR, FloatArray, degc_to_k

ENTROPIC_KNOTS: FloatArray = np.linspace(0.0, 1.0, 5, dtype=np.float64)
ENTROPIC_V_PER_K = 1.5e-4
SETTLE_K = 2.0  # deviation of what a moving chamber's air did beyond its log
SETTLE_STILL_K = 0.05  # of air that nobody saw moving
NOISE_K = 0.1
RISE_MIN_K = 2.0
EVERY = 5
DT_S = 0.5
INDEPENDENT = 100.0  # errors of neighbours are one error
LOG_SETTLE = 7.0
GUESS_LOG: FloatArray = np.array([0.2, 0.5], dtype=np.float64)
TIME_CONSTANT_S = 500.0  # of a cell in air, first guess


class Thermal(NamedTuple):
    """What one drive says about heat."""

    heat_capacity_j_per_k: float
    core_to_surface_k_per_w: float
    ambient_w_per_k: float
    entropic_v_per_k: FloatArray
    air_settles_k: float
    rms_k: float


def with_thermal(cell: CellParameters, found: Thermal) -> CellParameters:
    """Return the cell with the identified numbers."""
    soc = np.array(cell.circuit.soc)
    entropic = np.interp(soc, ENTROPIC_KNOTS, found.entropic_v_per_k)
    thermal = with_heat_paths(cell.thermal, found.heat_capacity_j_per_k, found.core_to_surface_k_per_w)
    circuit = cell.circuit.model_copy(update={"entropic_v_per_k": tuple(float(x) for x in entropic)})
    return cell.model_copy(update={"thermal": thermal, "circuit": circuit})


def with_heat_paths(cell: CellThermal, heat_capacity_j_per_k: float, inner_k_per_w: float) -> CellThermal:
    """Return the thermal numbers of a cell with another heat capacity and core-to-surface resistance."""
    specific = heat_capacity_j_per_k / cell.mass_kg
    return cell.model_copy(
        update={"specific_heat_j_per_kgk": specific, "core_to_surface_k_per_w": inner_k_per_w}
    )


def identify_thermal(
    cell: CellParameters, drive: Drive, *, open_circuit: OpenCircuit, temp_ref_degc: float, name: str
) -> Thermal:
    """Return the thermal numbers of a cell that starts full from a drive at even steps.

    Raises
    ------
    ConfigError
        if the case warms by less than 2 K, which says too little.
    """
    rise_k = float(np.ptp(drive.case_temp_degc))
    if rise_k < RISE_MIN_K:
        raise ConfigError(f"{name}: the case warms by {rise_k:.1f} K only: give a drive that warms it by 2 K")
    settle_k = SETTLE_K if drive.air_is_measured else SETTLE_STILL_K
    dt_s = float(drive.time_s[1] - drive.time_s[0])
    since_s = drive.time_s - drive.time_s[0]
    soc = 1.0 - np.cumsum(drive.current_a) * dt_s / (SECONDS_PER_HOUR * open_circuit.capacity_ah)
    loss_w = drive.current_a * (open_circuit.at(soc) - drive.voltage_v)
    per_entropic_w = -drive.current_a[:, None] * degc_to_k(temp_ref_degc) * hats(soc, ENTROPIC_KNOTS)
    mass_heat = cell.thermal.mass_kg * cell.thermal.specific_heat_j_per_kgk

    def surface_degc(x: FloatArray) -> FloatArray:
        capacity, inner, outer = (float(value) for value in np.exp(x[:3]))
        settled = 1.0 - np.exp(-since_s / np.exp(x[4]))
        return trace_heated(
            cell.model_copy(update={"thermal": with_heat_paths(cell.thermal, capacity, inner)}),
            loss_w + per_entropic_w @ (ENTROPIC_V_PER_K * x[5:]),
            ambient_degc=drive.ambient_degc + settle_k * x[3] * settled,
            dt_s=dt_s,
            ambient_w_per_k=outer,
            temp_degc=float(drive.case_temp_degc[0]),
        )

    def off(x: FloatArray) -> FloatArray:
        errors = (surface_degc(x) - drive.case_temp_degc)[::EVERY] / NOISE_K
        return np.concatenate(
            [
                errors * np.sqrt(INDEPENDENT / errors.size),
                (x[:2] - start[:2]) / GUESS_LOG,
                x[3:4],
                x[4:5] - LOG_SETTLE,
                x[5:],
            ]
        )

    start = np.concatenate(
        [
            [
                np.log(mass_heat),
                np.log(cell.thermal.core_to_surface_k_per_w),
                np.log(mass_heat / TIME_CONSTANT_S),
                0.0,
                LOG_SETTLE,
            ],
            np.zeros(5),
        ]
    )
    room = np.concatenate([[1.2, 3.0, 3.0, 10.0, 2.0], np.full(5, 5.0)])
    x = least_squares(off, start, bounds=(start - room, start + room), max_nfev=60).x
    capacity, inner, outer = (float(value) for value in np.exp(x[:3]))
    rms = float(np.sqrt(np.mean((surface_degc(x) - drive.case_temp_degc) ** 2)))
    return Thermal(capacity, inner, outer, ENTROPIC_V_PER_K * x[5:], float(settle_k * x[3]), rms)
