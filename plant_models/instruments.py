"""The truck's instruments: their noise, their lag, and what they read last."""

import math
from typing import Any, final

import numpy as np

from plant_models.kernels import record_of
from plant_models.pack import PackParameters
from plant_models.sensors import N_SCALAR_NOISE, SCALARS, NoiseStream, SensorParameters


@final
class Instruments:
    """Sensors of one truck; ``truck_view.observe`` writes their readings into the arrays held here.

    Parameters
    ----------
    sensors, pack : their parameters
    seed : every kind of sensor spawns a stream of its own from it
    temp_k : of the cells' surfaces at the start [K]
    """

    def __init__(
        self, sensors: SensorParameters, pack: PackParameters, seed: np.random.SeedSequence, temp_k: float
    ) -> None:
        self.parameters = record_of(sensors)
        voltage, temperature, rest = (np.random.default_rng(s) for s in seed.spawn(3))
        self._voltage_noise = NoiseStream(voltage, pack.n_strings * pack.n_series)
        self._temp_noise = NoiseStream(temperature, pack.n_strings * pack.n_temp_sensors)
        self._noise = NoiseStream(rest, N_SCALAR_NOISE + pack.n_strings)
        self._time_constant_s = pack.sensor_time_constant_s
        self._keep = self._keep_dt_s = 0.0
        self._world = np.zeros(4)
        shape = (pack.n_strings, pack.n_temp_sensors)
        self.lagged_k = np.full(shape, temp_k)
        self.temps_degc = np.empty(shape)
        self.voltages_v = np.empty((pack.n_strings, pack.n_series))
        self.strings = np.empty((2, pack.n_strings))
        self.scalars = np.zeros(len(SCALARS))

    def arguments(
        self, bus_voltage_v: float, ambient_temp_degc: float, humidity: float, dt_s: float
    ) -> tuple[Any, ...]:
        """Return what a look after ``dt_s`` works on, in the order of ``observe``: a new draw of noise each time."""
        if dt_s != self._keep_dt_s:
            tau_s = self._time_constant_s
            self._keep = math.exp(-dt_s / tau_s) if tau_s > 0.0 else 0.0
            self._keep_dt_s = dt_s
        self._world[:] = bus_voltage_v, ambient_temp_degc, humidity, self._keep
        return (
            self.parameters,
            self._voltage_noise.row(),
            self._temp_noise.row(),
            self._noise.row(),
            self._world,
            self.lagged_k,
            self.voltages_v,
            self.temps_degc,
            self.strings,
            self.scalars,
        )
