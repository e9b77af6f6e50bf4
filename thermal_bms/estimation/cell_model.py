"""The nominal cell as the battery management knows it: open-circuit voltage and two-branch circuit, ready to read.

Equations of one parallel group, current i positive on discharge::

    v = u(s) + (T - T_ref) du/dT(s) + m h - k (i r0 + v1 + v2)

with the branches ``dv/dt = (i r - v) / tau`` and k the resistance relative to that of a new cell.
"""

from bisect import bisect_left
from typing import NamedTuple, final

import numpy as np

from thermal_bms.description import CircuitDescription, PackDescription
from thermal_bms.units import FloatArray, degc_to_k

N_SOC = 200
TEMP_LOW_DEGC, TEMP_STEP_K, N_TEMP = -40.0, 5.0, 23
N_CIRCUIT_SOC = 20
SHARES = (0.65, 0.15, 0.20)
TIME_CONSTANTS_S = (25.0, 150.0)


class Circuit(NamedTuple):
    """Circuit of one group at one temperature and charge."""

    r0_discharge_ohm: float
    r0_charge_ohm: float
    r1_ohm: float
    r2_ohm: float
    tau1_s: float
    tau2_s: float


def split_circuit(pack: PackDescription) -> CircuitDescription:
    """Return a circuit made from the ten-second resistance alone, for a pack that is described without one.

    Shares 0.65/0.15/0.20 of the steady value with 25 and 150 s: pulses and relaxations of CALB L148N58A cells
    (Mendeley Data), rounded; the same at every charge. Over 10 s this gives the described resistance.
    """
    s0, s1, s2 = SHARES
    tau1_s, tau2_s = TIME_CONSTANTS_S
    steady = 1.0 / (s0 + s1 * (1.0 - np.exp(-10.0 / tau1_s)) + s2 * (1.0 - np.exp(-10.0 / tau2_s)))

    def table(share: float) -> tuple[tuple[float, ...], ...]:
        return tuple((float(share * steady * ohm),) for ohm in pack.resistance_ohm)

    flat = tuple((1.0,) for _ in pack.resistance_ohm)
    return CircuitDescription(
        temp_degc=pack.resistance_temp_degc,
        soc=(0.5,),
        r0_discharge_ohm=table(s0),
        r0_charge_ohm=table(s0),
        r1_ohm=table(s1),
        r2_ohm=table(s2),
        tau1_s=tuple((tau1_s * x,) for (x,) in flat),
        tau2_s=tuple((tau2_s * x,) for (x,) in flat),
    )


@final
class CellModel:
    """Tables of one pack's nominal group on even grids, read with scalars.

    >>> from thermal_bms.description import PackDescription
    >>> pack = PackDescription(chemistry="nmc", n_strings=1, n_series=2, capacity_ah=100.0,
    ...     charge_current_max_a=100.0, discharge_current_max_a=100.0, cell_voltage_min_v=3.0,
    ...     cell_voltage_max_v=4.2, ocv_soc=(0.0, 1.0), ocv_v=(3.2, 4.2),
    ...     resistance_temp_degc=(0.0, 25.0), resistance_ohm=(2e-3, 1e-3))
    >>> CellModel(pack).open_circuit_v(0.25, 0.0)
    3.45
    """

    __slots__ = (
        "_circuit",
        "_energy_j",
        "_entropic",
        "_entropic_rise",
        "_ocv_rise_v",
        "_ocv_v",
        "capacity_as",
        "hysteresis_rate",
        "hysteresis_v",
        "reference_temp_degc",
    )

    def __init__(self, pack: PackDescription) -> None:
        circuit = pack.circuit or split_circuit(pack)
        soc = np.linspace(0.0, 1.0, N_SOC + 1)
        ocv_v = np.interp(soc, pack.ocv_soc, pack.ocv_v)
        entropic = (
            np.interp(soc, pack.ocv_soc, circuit.entropic_v_per_k)
            if circuit.entropic_v_per_k
            else np.zeros(N_SOC + 1)
        )
        self._ocv_v: list[float] = ocv_v.tolist()
        self._ocv_rise_v: list[float] = np.diff(ocv_v).tolist()
        self._entropic: list[float] = entropic.tolist()
        self._entropic_rise: list[float] = np.diff(entropic).tolist()
        self.capacity_as = 3600.0 * pack.capacity_ah
        middle_v = 0.5 * (ocv_v[1:] + ocv_v[:-1])
        energy_j = np.concatenate(([0.0], np.cumsum(middle_v))) * self.capacity_as / N_SOC
        self._energy_j: list[float] = energy_j.tolist()
        self.hysteresis_v, self.hysteresis_rate = circuit.hysteresis_v, circuit.hysteresis_rate
        self.reference_temp_degc = circuit.reference_temp_degc
        self._circuit = _circuit_grid(circuit)

    def open_circuit_v(self, soc: float, off_k: float) -> float:
        """Return the open-circuit voltage without hysteresis [V], ``off_k`` above the reference temperature.

        Beyond 0 and 1 the last slopes go on.
        """
        x = soc * N_SOC
        i = 0 if x < 0.0 else N_SOC - 1 if x >= N_SOC else int(x)
        x -= i
        return (
            self._ocv_v[i]
            + x * self._ocv_rise_v[i]
            + off_k * (self._entropic[i] + x * self._entropic_rise[i])
        )

    def soc_of(self, open_circuit_v: float, off_k: float) -> float:
        """Return the charge at an open-circuit voltage without hysteresis, within 0..1."""
        low, high = 0, N_SOC
        if off_k == 0.0:
            high = min(max(bisect_left(self._ocv_v, open_circuit_v), 1), N_SOC)
            low = high - 1
        while high - low > 1:
            middle = (low + high) // 2
            if self._ocv_v[middle] + off_k * self._entropic[middle] < open_circuit_v:
                low = middle
            else:
                high = middle
        low_v = self._ocv_v[low] + off_k * self._entropic[low]
        rise_v = self._ocv_v[high] + off_k * self._entropic[high] - low_v
        x = (open_circuit_v - low_v) / rise_v if rise_v > 0.0 else 0.5
        return (low + (0.0 if x < 0.0 else min(x, 1.0))) / N_SOC

    def stored_j(self, soc: float) -> float:
        """Return the energy of one group between empty and a charge, at rest and reference temperature [J]."""
        x = min(max(soc, 0.0), 1.0) * N_SOC
        i = min(int(x), N_SOC - 1)
        return self._energy_j[i] + (x - i) * (self._energy_j[i + 1] - self._energy_j[i])

    def circuit(self, soc: float, temp_degc: float) -> Circuit:
        """Return the circuit at a charge and temperature; constant beyond the grid."""
        x = min(max(soc, 0.0), 1.0) * N_CIRCUIT_SOC
        i = min(int(x), N_CIRCUIT_SOC - 1)
        x -= i
        y = min(max((temp_degc - TEMP_LOW_DEGC) / TEMP_STEP_K, 0.0), N_TEMP - 1.0)
        j = min(int(y), N_TEMP - 2)
        y -= j
        cold, warm = self._circuit[j], self._circuit[j + 1]
        w11, w10, w01 = x * y, y - x * y, x - x * y
        w00 = 1.0 - x - w10
        corners = zip(cold[i], cold[i + 1], warm[i], warm[i + 1], strict=True)
        return Circuit(*[w00 * a + w01 * b + w10 * c + w11 * d for a, b, c, d in corners])


def _circuit_grid(circuit: CircuitDescription) -> list[list[Circuit]]:
    """Return the circuit on the even grid: linear in charge, linear in log over 1/T, constant beyond the ends."""
    soc = np.linspace(0.0, 1.0, N_CIRCUIT_SOC + 1)
    inverse = -1.0 / degc_to_k(TEMP_LOW_DEGC + TEMP_STEP_K * np.arange(N_TEMP))
    known = -1.0 / degc_to_k(np.array(circuit.temp_degc))

    def resampled(table: tuple[tuple[float, ...], ...]) -> FloatArray:
        rows = np.log([np.interp(soc, circuit.soc, row) for row in table])
        return np.exp([np.interp(inverse, known, column) for column in rows.T]).T

    tables = np.stack([resampled(getattr(circuit, name)) for name in Circuit._fields], axis=-1)
    return [[Circuit(*values) for values in row] for row in tables.tolist()]
