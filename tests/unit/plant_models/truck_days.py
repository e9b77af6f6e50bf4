"""Trucks that are ready to drive, and an hour that meets every port; for tests of the assembled truck."""

from dataclasses import replace

import numpy as np

from plant_models.charger import charger
from plant_models.road import CycleArrays, cycle_by_time
from plant_models.truck import CellModel, Surroundings, Truck
from plant_models.truck_parameters import load_truck
from plant_models.truck_step import PORTS
from scenarios.drive_cycle import load_cycle
from scenarios.rows import ENERGY_BALANCE
from thermal_bms.signals import Command, ThermalCommand, ValveMode
from thermal_bms.units import FloatArray

MILD = Surroundings(25.0)
AMPLE_W = 1e6
LOADS = (
    "traction_power_w",
    "auxiliary_power_w",
    "cabin_power_w",
    "pump_power_w",
    "fan_power_w",
    "compressor_power_w",
    "heater_power_w",
)
SEGMENT_S = 120.0
THERMAL_PLAN = (
    ThermalCommand(0.4, 0.3, 0.0, 0.0, ValveMode.RADIATOR),
    ThermalCommand(0.9, 1.0, 0.8, 0.0, ValveMode.CHILLER),
    ThermalCommand(0.6, 0.0, 0.0, 0.9, ValveMode.BYPASS),
    ThermalCommand(0.0, 0.0, 0.0, 0.0, ValveMode.BYPASS),
    ThermalCommand(1.0, 0.5, 0.0, 0.3, ValveMode.WASTE_HEAT),
)


def ready(
    name: str, *, soc: float = 0.6, temp_degc: float = 25.0, seed: int = 1, cell_model: CellModel = "ecm"
) -> Truck:
    """Return a truck of the library at rest with all contactors closed and its bus live."""
    truck = Truck(load_truck(name), soc=soc, temp_degc=temp_degc, seed=seed, cell_model=cell_model)
    truck.actuate(command(truck))
    truck.step(Surroundings(temp_degc), 1.0)
    return truck


def command(
    truck: Truck, thermal: ThermalCommand | None = None, *, charge_a: float = 0.0, closed: bool = True
) -> Command:
    """Return a command that allows all the power there is."""
    return Command(
        thermal=thermal or ThermalCommand(),
        contactor_close=(closed,) * truck.parameters.pack.n_strings,
        charge_current_a=charge_a,
        discharge_power_max_w=AMPLE_W,
        regen_power_max_w=AMPLE_W,
    )


def port(truck: Truck, name: str) -> float:
    """Return the mean power [W] at a port over the last step."""
    return float(truck.ports[PORTS.index(name)])


def steady(speed_m_per_s: float, duration_s: float = 3600.0) -> CycleArrays:
    """Return a cycle that reaches a speed in a minute and holds it."""
    return cycle_by_time([0.0, 60.0, duration_s], [0.0, speed_m_per_s, speed_m_per_s])


class Hour:
    """An hour of driving, fast charging, standing awake and sleeping, cells being balanced: energy through all ports.

    Attributes
    ----------
    through_j : energy through each port, in the order of ``PORTS`` [J]
    absolute_j : the same with every tick counted positive [J]
    stored_j : change of chemical energy and of stored heat [J]
    """

    def __init__(self, name: str, cell_model: CellModel = "ecm") -> None:
        parameters = load_truck(name, {"balancer": {"kind": "cell_to_pack"}})
        self.truck = Truck(
            parameters, soc=0.55, temp_degc=24.0, payload_kg=500.0, seed=3, cell_model=cell_model
        )
        self.through_j: FloatArray = np.zeros(len(PORTS))
        self.absolute_j: FloatArray = np.zeros(len(PORTS))
        groups = range(parameters.pack.n_series)
        self._balance_a = (tuple(3.0 * (i % 3 - 1) for i in groups),) * parameters.pack.n_strings
        before_j = np.array(self.truck.stored_energies_j())
        self._drive()
        self._charge()
        self._wait()
        self._sleep()
        self.stored_j: FloatArray = np.array(self.truck.stored_energies_j()) - before_j

    def share(self, name: str) -> float:
        """Return what went through a port [J], in both directions."""
        return float(self.absolute_j[PORTS.index(name)])

    def _tick(self, dt_s: float, *, charge_a: float = 0.0, closed: bool = True) -> None:
        truck = self.truck
        plan = THERMAL_PLAN[int(truck.time_s // SEGMENT_S) % len(THERMAL_PLAN)]
        wanted = command(truck, plan, charge_a=charge_a, closed=closed)
        truck.actuate(replace(wanted, balance_current_a=self._balance_a))
        warm_degc = 30.0 + 6.0 * np.sin(truck.time_s / 600.0)
        truck.step(Surroundings(float(warm_degc), 0.5, 600.0), dt_s)
        self.through_j += truck.ports * dt_s
        self.absolute_j += np.abs(truck.ports) * dt_s

    def _drive(self) -> None:
        self.truck.drive(load_cycle("epa_gem_transient").arrays())
        while not self.truck.drive_finished and self.truck.time_s < 1500.0:
            self._tick(1.0)
        self.truck.park()

    def _charge(self) -> None:
        self.truck.plug(charger("ccs_150kw"))
        for _ in range(900):
            self._tick(1.0, charge_a=90.0)
        self.truck.park()

    def _wait(self) -> None:
        for _ in range(1200):
            self._tick(0.5)

    def _sleep(self) -> None:
        self.truck.asleep = True
        while self.truck.time_s < 3600.0:
            self._tick(10.0, closed=False)
        self.truck.asleep = False


def closure(done: Hour, domain: str, without: str = "") -> float:
    """Return what is left over of a balance, over the sum of absolute flows."""
    table = ENERGY_BALANCE[domain]
    left_j, flow_j = -float(done.stored_j[("electrical", "thermal").index(domain)]), 0.0
    for side, sign in (("in", 1.0), ("out", -1.0)):
        for column in table[side]:
            name = column.removesuffix("_j") + "_w"
            flow_j += done.share(name)
            left_j += 0.0 if name == without else sign * float(done.through_j[PORTS.index(name)])
    return abs(left_j) / flow_j
