"""Heat capacity, inner and outer resistance and entropic coefficient from the case temperature of one drive.

The plant's own cell is simulated and five kinds of number are adjusted until its surface follows the measured
case: heat capacity [J/K], core to surface [K/W], can to air [W/K], the entropic coefficient on five knots of
charge [V/K], and what the air did when nobody measured it well (a settling by some kelvin).

Assumptions: two nodes; the air's conductance is constant; the entropic coefficient is drawn to zero with a
deviation of 0.3 mV/K, the size found in cells (Viswanathan et al., J. Power Sources 195 (2010) 3720, doi
10.1016/j.jpowsour.2009.11.103).
"""

from typing import NamedTuple

import numpy as np
from scipy.optimize import least_squares

from plant_models.cell import CellParameters
from plant_models.identification.drive import Drive, simulate
from thermal_bms.errors import ConfigError
from thermal_bms.units import FloatArray

ENTROPIC_KNOTS: FloatArray = np.linspace(0.0, 1.0, 5, dtype=np.float64)
ENTROPIC_V_PER_K = 3e-4
SETTLE_K = 2.0
NOISE_K = 0.1
RISE_MIN_K = 2.0
EVERY = 5
DT_S = 1.0


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
    thermal = cell.thermal.model_copy(
        update={
            "specific_heat_j_per_kgk": found.heat_capacity_j_per_k / cell.thermal.mass_kg,
            "core_to_surface_k_per_w": found.core_to_surface_k_per_w,
        }
    )
    circuit = cell.circuit.model_copy(update={"entropic_v_per_k": tuple(float(x) for x in entropic)})
    return cell.model_copy(update={"thermal": thermal, "circuit": circuit})


def identify_thermal(cell: CellParameters, drive: Drive, *, name: str) -> Thermal:
    """Return the thermal numbers of a cell from a drive at steps of ``DT_S``.

    Raises
    ------
    ConfigError
        if the case warms by less than 2 K, which says too little.
    """
    rise_k = float(np.ptp(drive.case_temp_degc))
    if rise_k < RISE_MIN_K:
        raise ConfigError(f"{name}: the case warms by {rise_k:.1f} K only: give a drive that warms it by 2 K")
    mass_heat = cell.thermal.mass_kg * cell.thermal.specific_heat_j_per_kgk
    start = np.concatenate([[np.log(mass_heat), 0.0, np.log(0.1)], np.zeros(5), [0.0, 7.0]])
    if not drive.air_is_measured:
        drive = drive._replace(ambient_degc=np.full(drive.time_s.size, drive.case_temp_degc[0]))
    since_s = drive.time_s - drive.time_s[0]

    def unpacked(x: FloatArray) -> tuple[Thermal, Drive]:
        entropic = x[3:8] * ENTROPIC_V_PER_K
        capacity, inner, outer = (float(value) for value in np.exp(x[:3]))
        found = Thermal(capacity, inner, outer, entropic, float(SETTLE_K * x[8]), np.nan)
        air = drive.ambient_degc + found.air_settles_k * (1.0 - np.exp(-since_s / np.exp(x[9])))
        return found, drive._replace(ambient_degc=air)

    def off(x: FloatArray) -> FloatArray:
        found, around = unpacked(x)
        ours = simulate(with_thermal(cell, found), around, ambient_w_per_k=found.ambient_w_per_k, dt_s=DT_S)
        errors = (ours.surface_temp_degc - drive.case_temp_degc)[::EVERY] / NOISE_K
        independent = np.sqrt(errors.size / 20.0)  # errors of neighbours are one error
        return np.concatenate([errors / independent, x[3:8], [x[8], x[9] - 7.0]])

    low = np.concatenate(
        [[np.log(0.3 * mass_heat), np.log(0.05), np.log(1e-3)], np.full(5, -5.0), [-5.0, 5.0]]
    )
    high = np.concatenate(
        [[np.log(3.0 * mass_heat), np.log(20.0), np.log(10.0)], np.full(5, 5.0), [5.0, 9.0]]
    )
    solved = least_squares(off, start, bounds=(low, high), diff_step=np.full(start.size, 1e-3), max_nfev=30)
    found, _ = unpacked(solved.x)
    errors = solved.fun[:-7] * np.sqrt((solved.fun.size - 7) / 20.0) * NOISE_K
    return found._replace(rms_k=float(np.sqrt(np.mean(errors**2))))
