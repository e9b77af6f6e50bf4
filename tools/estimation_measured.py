"""A measured cell for the estimator: Panasonic 18650PF, read and identified; and the estimator on its drive cycles.

Data: P. Kollmeyer, "Panasonic 18650PF Li-ion Battery Data", Mendeley Data, doi 10.17632/wykht8y7tg.1. Identified on the
C/20 test and the pulse tests only; the drive cycles are not seen before.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.io import loadmat
from scipy.optimize import least_squares, nnls

from thermal_bms.description import CircuitDescription, PackDescription
from thermal_bms.estimation import EstimationSettings, Estimator
from thermal_bms.plausibility import Checked
from thermal_bms.signals import Measurement, VehicleMode
from thermal_bms.units import FloatArray

FOLDER = "panasonic_18650pf"
OCV_TEST = "C20_OCV_Test_C20_25dC.mat"
PULSE_TESTS = {
    -20.0: "n20degC_5Pulse_HPPC.mat",
    -10.0: "n10degC_5pulse_HPPC.mat",
    0.0: "0degC_5pulse_HPPC.mat",
    10.0: "10degC_5Pulse_HPPC.mat",
    25.0: "25degC_5Pulse_HPPC.mat",
}
CYCLES = (
    (25.0, "25degC_Cycle_1.mat"),
    (25.0, "25degC_Cycle_2.mat"),
    (10.0, "10degC_Cycle_1.mat"),
    (0.0, "0degC_Cycle_1.mat"),
    (-10.0, "n10degC_Cycle_1.mat"),
)
SOC = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.97)
TAU1_S, TAU2_S = 12.0, 150.0
OHM_MIN = 1e-3
STILL_A, REST_S = 0.02, 1500.0
COLUMNS = ("Time", "Current", "Voltage", "Battery_Temp_degC", "Ah")


@dataclass(frozen=True)
class Trace:
    """A test of the cell; current positive on discharge, charge counted out."""

    time_s: FloatArray
    current_a: FloatArray
    voltage_v: FloatArray
    temp_degc: FloatArray
    charge_ah: FloatArray


def read_trace(path: Path) -> Trace:
    """Return a test from its .mat file."""
    table = loadmat(path)["meas"][0, 0]
    column = {name: table[name].ravel().astype(float) for name in COLUMNS}
    first = np.flatnonzero(np.diff(column["Time"], prepend=-1.0) > 0.0)
    return Trace(
        column["Time"][first] - column["Time"][0],
        -column["Current"][first],
        column["Voltage"][first],
        column["Battery_Temp_degC"][first],
        column["Ah"][0] - column["Ah"][first],
    )


def rested(trace: Trace) -> tuple[FloatArray, FloatArray, float]:
    """Return charges [Ah] and voltages [V] at the end of long rests, and their mean temperature [degC]."""
    still = np.abs(trace.current_a) < STILL_A
    starts = np.flatnonzero(still[1:] & ~still[:-1]) + 1
    ends = np.flatnonzero(still[:-1] & ~still[1:])
    found = [(start, end) for start in starts for end in ends[ends > start][:1]]
    long = [end for start, end in found if trace.time_s[end] - trace.time_s[start] > REST_S]
    return trace.charge_ah[long], trace.voltage_v[long], float(trace.temp_degc[long].mean())


def open_circuit(slow: Trace, pulses: dict[float, Trace]) -> tuple[float, FloatArray, FloatArray, FloatArray]:
    """Return capacity [Ah], charges, open-circuit voltage [V] and its change with temperature [V/K].

    The rests of the pulse test at 25 degC, joined by the shape of the C/20 discharge. The cell gave 4 % less in the
    pulse tests than in the C/20 test; the factor between their charges and the voltage between their curves are fitted.
    What
    the rests at 10, 0 and -10 degC lie lower goes into the temperature coefficient: mostly diffusion that one hour
    does not end, hardly entropy.
    """
    end = int(np.argmax(slow.charge_ah))

    def shape(charge_ah: FloatArray, factor: float) -> FloatArray:
        return np.interp(factor * charge_ah, slow.charge_ah[:end], slow.voltage_v[:end])

    charge_ah, rest_v, _ = rested(pulses[25.0])
    factor = least_squares(lambda x: shape(charge_ah, x[0]) + x[1] - rest_v, [1.0, 0.0]).x[0]
    capacity_ah = float(slow.charge_ah[end] / factor)
    soc = np.linspace(0.0, 1.0, 101)
    out_ah = capacity_ah * (1.0 - soc)
    ocv_v = shape(out_ah, factor) + np.interp(out_ah, charge_ah, rest_v - shape(charge_ah, factor))
    per_k = []
    for temp in (10.0, 0.0, -10.0):
        cold_ah, cold_v, cold_degc = rested(pulses[temp])
        lower_v = cold_v - np.interp(capacity_ah - cold_ah, capacity_ah * soc, ocv_v)
        per_k.append(np.interp(out_ah, cold_ah, lower_v / (cold_degc - 25.0)))
    return capacity_ah, soc, np.maximum.accumulate(ocv_v + 1e-6 * soc), np.mean(per_k, axis=0)


def filtered(trace: Trace, tau_s: float) -> FloatArray:
    """Return the current through the resistor of a branch [A]."""
    keep = np.exp(-np.diff(trace.time_s) / tau_s)
    out = np.zeros_like(trace.current_a)
    for i, (a, current_a) in enumerate(zip(keep.tolist(), trace.current_a[1:].tolist(), strict=True)):
        out[i + 1] = a * out[i] + (1.0 - a) * current_a
    return out


def pulse_resistances(trace: Trace, capacity_ah: float) -> FloatArray:
    """Return r0, r1, r2 [ohm] per charge of ``SOC``, shape (n_soc, 3): least squares on the pulses around it."""
    soc = 1.0 - trace.charge_ah / capacity_ah
    slow1, slow2 = filtered(trace, TAU1_S), filtered(trace, TAU2_S)
    found = np.full((len(SOC), 3), np.nan)
    for n, middle in enumerate(SOC):
        near = (np.abs(soc - middle) < 0.04) & (trace.voltage_v > 2.6)
        if near.sum() < 200 or np.ptp(trace.current_a[near]) < 1.0:
            continue
        away = soc[near] - middle
        columns = [np.ones(near.sum()), away, away**2]
        base = np.stack(columns, axis=1)
        load = -np.stack([trace.current_a[near], slow1[near], slow2[near]], axis=1)
        projector = np.linalg.qr(base)[0]
        flat = load - projector @ (projector.T @ load)
        voltage_v = trace.voltage_v[near] - projector @ (projector.T @ trace.voltage_v[near])
        found[n] = np.maximum(nnls(flat, voltage_v)[0], OHM_MIN)
    known = ~np.isnan(found[:, 0])
    for j in range(3):
        found[:, j] = np.interp(SOC, np.array(SOC)[known], found[known, j])
    return found


def identify(folder: Path) -> PackDescription:
    """Return a pack of one cell, identified on the slow cycle and on the pulses."""
    pulses = {temp: read_trace(folder / FOLDER / name) for temp, name in PULSE_TESTS.items()}
    capacity_ah, soc, ocv_v, per_k = open_circuit(read_trace(folder / FOLDER / OCV_TEST), pulses)
    tables = np.stack([pulse_resistances(trace, capacity_ah) for trace in pulses.values()])

    def rows(values: FloatArray) -> tuple[tuple[float, ...], ...]:
        return tuple(tuple(row) for row in values.tolist())

    shape = tables.shape[:2]
    middle = tables[:, SOC.index(0.5)]
    ten_s = (
        middle[:, 0]
        + middle[:, 1] * (1.0 - np.exp(-10.0 / TAU1_S))
        + middle[:, 2] * (1.0 - np.exp(-10.0 / TAU2_S))
    )
    return PackDescription(
        chemistry="nmc",
        n_strings=1,
        n_series=1,
        capacity_ah=capacity_ah,
        charge_current_max_a=1.4,
        discharge_current_max_a=10.0,
        cell_voltage_min_v=2.5,
        cell_voltage_max_v=4.2,
        ocv_soc=tuple(soc.tolist()),
        ocv_v=tuple(ocv_v.tolist()),
        resistance_temp_degc=tuple(PULSE_TESTS),
        resistance_ohm=tuple(ten_s.tolist()),
        circuit=CircuitDescription(
            temp_degc=tuple(PULSE_TESTS),
            soc=SOC,
            r0_discharge_ohm=rows(tables[:, :, 0]),
            r0_charge_ohm=rows(tables[:, :, 0]),
            r1_ohm=rows(tables[:, :, 1]),
            r2_ohm=rows(tables[:, :, 2]),
            tau1_s=rows(np.full(shape, TAU1_S)),
            tau2_s=rows(np.full(shape, TAU2_S)),
            entropic_v_per_k=tuple(per_k.tolist()),
        ),
    )


@dataclass(frozen=True)
class CycleResult:
    """What the estimator made of a measured cycle."""

    soc: FloatArray
    estimate: FloatArray
    low: FloatArray
    high: FloatArray

    @property
    def rms(self) -> float:
        """Root mean square of the error."""
        return float(np.sqrt(np.mean((self.estimate - self.soc) ** 2)))

    @property
    def inside(self) -> float:
        """Share of the time in which the bound holds the truth."""
        known = np.isfinite(self.low)
        return float(np.mean((self.low <= self.soc)[known] & (self.soc <= self.high)[known]))


def run_cycle(
    pack: PackDescription,
    trace: Trace,
    *,
    told_soc: float = float("nan"),
    settings: EstimationSettings | None = None,
    gain: float = 1.0,
    offset_a: float = 0.0,
    noise_v: float = 0.0,
) -> CycleResult:
    """Return the estimator's charge beside the counted one, which starts full."""
    estimator = Estimator(pack, settings, initial_soc=told_soc)
    noise = noise_v * np.random.default_rng(0).standard_normal(len(trace.time_s))
    rows = []
    ticks = np.maximum(np.diff(trace.time_s, prepend=trace.time_s[0] - 0.1), 1e-3)
    values = zip(
        trace.time_s.tolist(),
        ticks.tolist(),
        (gain * trace.current_a + offset_a).tolist(),
        (trace.voltage_v + noise).tolist(),
        trace.temp_degc.tolist(),
        strict=True,
    )
    for time_s, dt_s, current_a, voltage_v, temp_degc in values:
        estimate = estimator.step(one_cell(time_s, dt_s, current_a, voltage_v, temp_degc), dt_s)
        rows.append((estimate.soc, estimate.bounds.soc_min, estimate.bounds.soc_max))
    found = np.array(rows)
    return CycleResult(1.0 - trace.charge_ah / pack.capacity_ah, found[:, 0], found[:, 1], found[:, 2])


def one_cell(time_s: float, dt_s: float, current_a: float, voltage_v: float, temp_degc: float) -> Checked:
    """Return the checked measurement of a pack of one cell."""
    none = np.empty(0)
    measurement = Measurement(
        time_s, VehicleMode.DRIVE, none, none, none, none, none, voltage_v,
        *([20.0] * 3), *([0.0] * 3), 5e5, 5e5, 0.0, 0.0, 20.0, 0.5, 0.0,
    )  # fmt: skip
    volts, temps = [voltage_v], [temp_degc]
    return Checked(
        measurement, time_s, dt_s, 0.0, [True], [current_a], volts,
        volts, volts, volts, [0.0], temps, temps, temps, [0.0], scalar_lost=False,
    )  # fmt: skip
