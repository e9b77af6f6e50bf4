"""The gas in the housings of the strings: what a vented cell adds, and what the breather lets out."""

import math
from typing import final

import numpy as np

from plant_models.runaway_parameters import EnclosureParameters
from thermal_bms.units import FloatArray

ATMOSPHERE_PA = 101325.0
GAS_CONSTANT_J_PER_MOLK = 8.314462618


def gas_pressure_pa(gas_mol: float, temp_k: float, volume_m3: float) -> float:
    """Return the pressure [Pa] of gas that was added to a housing at atmosphere: p = p_0 + n R T / V.

    >>> round(gas_pressure_pa(2.0, 300.0, 0.1))
    151212
    """
    return ATMOSPHERE_PA + gas_mol * GAS_CONSTANT_J_PER_MOLK * temp_k / volume_m3


@final
class HousingGas:
    """Gas above atmosphere in every housing; it leaves in proportion to its amount, dn/dt = source - n / tau.

    Parameters
    ----------
    enclosure : free volume and time constant of the breather
    n_strings : number of housings
    """

    def __init__(self, enclosure: EnclosureParameters, n_strings: int) -> None:
        self._enclosure = enclosure
        self.gas_mol: FloatArray = np.zeros(n_strings)
        self.pressure_pa = ATMOSPHERE_PA

    def step(self, added_mol: FloatArray, temp_k: FloatArray, dt_s: float) -> None:
        """Advance by ``dt_s`` in which ``added_mol`` came evenly, shape (n_strings,); exact for that."""
        tau_s = self._enclosure.breather_time_s
        keep = math.exp(-dt_s / tau_s)
        self.gas_mol = self.gas_mol * keep + added_mol / dt_s * tau_s * (1.0 - keep)
        volume_m3 = self._enclosure.free_volume_m3
        self.pressure_pa = max(
            gas_pressure_pa(n, t, volume_m3)
            for n, t in zip(self.gas_mol.tolist(), temp_k.tolist(), strict=True)
        )
