"""The simulated truck: takes commands, moves on by one tick, and tells what its sensors say."""

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from plant_models.air_path import build_air_path
from plant_models.balancing import Balancer
from plant_models.cabin import cabin_loads_w
from plant_models.cell import load_cell
from plant_models.charger import Charger, ChargerParameters
from plant_models.chiller import build_chiller
from plant_models.chiller_parameters import sized_for
from plant_models.cold_plate import plate_coolant_mass_kg
from plant_models.coolant_loop import build_loop
from plant_models.glycol import enthalpy
from plant_models.instruments import Instruments
from plant_models.kernels import RecordArray
from plant_models.pack import CircuitTables, PackArrays, circuit_tables, pack_arrays, rest_voltages, views
from plant_models.pack_spme import ELECTRODES, SpmeArrays, electrode_view, fit_groups, spme_arrays
from plant_models.road import CycleArrays, cycle_by_time
from plant_models.runaway import Runaway
from plant_models.safety_inputs import SafetyInputs
from plant_models.sensors import N_BEFORE_OFFER
from plant_models.spme_parameters import load_spme
from plant_models.switches import Switches
from plant_models.truck_energy import stored_chemical_j, stored_heat_j
from plant_models.truck_parameters import TruckParameters
from plant_models.truck_spme import TICKS
from plant_models.truck_step import FROM_ABUSE, FROM_DRIVE, INPUTS, PORTS, drive_step
from plant_models.truck_view import OF_VEHICLE, PER_STRING, VEHICLE, VIEW, observe
from plant_models.vehicle import new_vehicle_state, vehicle_record
from thermal_bms.errors import PlantError
from thermal_bms.signals import Command, Measurement, VehicleMode
from thermal_bms.units import FloatArray, degc_to_k

AIR_MASS_IN_PACK_KG = 0.05
BOIL_DEGC = 120.0  # 50 % glycol at the 1.5 bar of an expansion tank: 107 degC at 1 bar, assumed
CellModel = Literal["ecm", "spme"]
NO_OFFER = (False, 0.0, 0.0, 0.0)
AIR_LOCK = 1e6
STANDING = cycle_by_time([0.0, 1.0], [0.0, 0.0])


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the world does to the truck during a tick."""

    ambient_temp_degc: float
    humidity: float = 0.5
    irradiance_w_per_m2: float = 0.0


class Truck:
    """A whole simulated truck; ``switches``, ``safety`` and ``instruments`` are its own small parts.

    Parameters
    ----------
    parameters : the truck
    soc : charge of every group at the start, 0..1
    temp_degc : temperature of everything at the start [degC]
    payload_kg : load [kg]
    seed : of cell spread and sensor noise; every sensor kind has its own stream
    cell_model : equivalent circuits, or single-particle models with electrolyte in every group
    """

    def __init__(
        self,
        parameters: TruckParameters,
        *,
        soc: float,
        temp_degc: float,
        payload_kg: float = 0.0,
        seed: int = 0,
        cell_model: CellModel = "ecm",
    ) -> None:
        self.parameters = parameters
        self.cell_model = cell_model
        self.cell = load_cell(parameters.cell)
        self.time_s = 0.0
        self.mode = VehicleMode.PARK
        self.asleep = False
        self.ports = np.zeros(len(PORTS))
        self.energies_j = np.zeros(len(PORTS))  # through every port since the start
        self._inputs = np.zeros(len(INPUTS))
        self.bus_voltage_v = 0.0
        self.auxiliary_power_w = 0.0
        self.cabin_power_w = 0.0
        self.charger: Charger | None = None
        self.runaway: Runaway | None = None  # until a cell is abused
        self.balancer: Balancer | None = None
        spread, noise = np.random.SeedSequence(seed).spawn(2)
        self._build_circuit(degc_to_k(temp_degc))
        pack = parameters.pack
        self.pack: PackArrays = pack_arrays(
            pack,
            self.cell,
            np.random.default_rng(spread),
            soc=soc,
            temp_k=degc_to_k(temp_degc),
            coolant_mass_kg=self._coolant_mass_kg,
            coolant_j_per_kg=float(self._s[0].supply_enthalpy_j_per_kg),
        )
        self.constants, self.state, _ = views(self.pack)
        if parameters.balancer is not None:
            self.balancer = Balancer(parameters.balancer, self.state)
        self.electrodes: SpmeArrays | None = None
        if cell_model == "spme":
            electrochemistry = load_spme(parameters.cell)
            self.electrodes = spme_arrays(self.cell, electrochemistry, pack.n_parallel, self.pack, soc)
        self.branches = np.ones((3, pack.n_strings))
        n_electrodes = 0 if self.electrodes is None else len(ELECTRODES)
        self._view = np.zeros(len(VIEW) + len(PER_STRING) * pack.n_strings + n_electrodes)
        self.switches = Switches(pack.n_strings, parameters.box, pack.contactor_resistance_ohm)
        self.instruments = Instruments(parameters.sensors, pack, noise, degc_to_k(temp_degc))
        self.safety = SafetyInputs()
        if parameters.cooling == "air":
            self.safety.coolant_level = math.nan
        self._locked_in_j = 0.0
        self._cycle: CycleArrays | None = None
        self._tables: dict[float, CircuitTables] = {}
        self._command = Command(contactor_close=(False,) * pack.n_strings)
        self.load(payload_kg)
        self.park()
        self._surroundings = Surroundings(temp_degc)
        if self.electrodes is None:
            rest_voltages(self.tables(1.0), self.pack)
        self.state.string_voltage_v[:] = self.state.voltage_v.sum(axis=1)
        self._observe(1.0)

    # --- what the day asks of the truck ---

    def load(self, payload_kg: float) -> None:
        """Take on a payload [kg]."""
        self._vehicle = vehicle_record(self.parameters.vehicle, payload_kg)

    def drive(self, cycle: CycleArrays) -> None:
        """Start a drive cycle."""
        self.mode = VehicleMode.DRIVE
        self.charger = None
        self._cycle = cycle
        self._start(cycle)
        self.drive_finished = False

    def park(self) -> None:
        """Stand still, unplugged."""
        self.mode = VehicleMode.PARK
        self.charger = None
        self._stand()

    def plug(self, charger: ChargerParameters) -> None:
        """Stand still at a charger."""
        self.mode = VehicleMode.CHARGE
        inlet_a = min(charger.current_max_a, self.parameters.dc_current_max_a)
        self.charger = Charger(charger.model_copy(update={"current_max_a": inlet_a}))
        self._stand()

    # --- faults of the truck itself ---

    def clog_plate(self, string: int, factor: float) -> None:
        """Multiply the hydraulic resistance of a string's cold plate."""
        self.branches[0, string] *= factor

    def weaken_cell(self, string: int, factor: float) -> None:
        """Multiply the capacity of the middle group of a string and divide its resistance by the same factor.

        The energy in the capacity that is gone stays in the cell for good, and in the books as stored.
        """
        before_j, _ = self.stored_energies_j()
        middle = self.constants.capacity_as.shape[1] // 2
        self.constants.capacity_as[string, middle] *= factor
        self.constants.per_capacity_as[string, middle] /= factor
        self.constants.resistance_factor[string, middle] /= factor
        self.refit_electrodes()
        after_j, _ = self.stored_energies_j()
        self._locked_in_j += before_j - after_j

    def refit_electrodes(self) -> None:
        """Give electrochemical cells the capacities and resistances that ``constants`` now hold."""
        if self.electrodes is not None:
            fit_groups(self.electrodes, self.pack)

    def loosen_contact(self, string: int, factor: float) -> None:
        """Multiply the conductance from cells to plate of a string."""
        self.constants.core_to_wall_w_per_k[string] *= factor

    def starve_evaporator(self, factor: float) -> None:
        """Multiply the conductance of the chiller's evaporator, as refrigerant that is lost leaves it dry.

        Suction pressure, heat and heat per power fall with it; the charge itself is not modelled.
        """
        self._chiller_p[0].evaporator_conductance_w_per_k *= factor

    def abused(self) -> Runaway:
        """Return the model of runaway, made when first asked for: triggers are given to it."""
        if self.electrodes is not None:
            raise PlantError('a cell can run away with cell_model = "ecm" only')
        if self.runaway is None:
            liquid = self.parameters.cooling == "liquid"
            boil_j_per_kg = enthalpy(self._p[0], degc_to_k(BOIL_DEGC)) if liquid else math.inf
            self.runaway = Runaway(
                self.pack, self.tables(1.0), self.parameters.pack, self.cell, boil_j_per_kg=boil_j_per_kg
            )
        return self.runaway

    # --- the seam ---

    def actuate(self, command: Command) -> None:
        """Take a command; it acts from the next step on."""
        self._command = command
        self.switches.command(command, self.state)
        if self.balancer:
            self.balancer.command(command.balance_current_a)

    def measure(self) -> Measurement:
        """Return what the truck's sensors say now."""
        rating = self.charger
        offer = NO_OFFER if rating is None else rating.offer()
        shown, safety = self.instruments, self.safety
        scalars = shown.scalars.tolist()
        positive, negative, precharge = self.switches.feedback(self.state)
        return Measurement(  # type: ignore[call-arg]  # the scalars are as many as SCALARS names
            self.time_s,
            self.mode,
            shown.voltages_v.copy(),
            shown.temps_degc.copy(),
            shown.strings[0].copy(),
            shown.strings[1].copy(),
            positive,
            *scalars[:N_BEFORE_OFFER],  # type: ignore[arg-type]
            *offer,
            safety.hvil_closed,
            safety.crash,
            safety.isolation_ohm,
            scalars[14],
            safety.coolant_level,
            scalars[15],
            negative,
            precharge,
        )

    # --- time ---

    def step(self, surroundings: Surroundings, dt_s: float) -> None:
        """Advance everything by ``dt_s`` seconds under the last command."""
        self._surroundings = surroundings
        ambient_k = degc_to_k(surroundings.ambient_temp_degc)
        self.safety.step(dt_s)
        if self.safety.dry:
            self.branches[0] = AIR_LOCK
        box, live = self.switches.box, self.switches.connect(self.constants, self.state, dt_s)
        self._step_loads(surroundings, live=live)
        drive_heat_w = self._step_vehicle(ambient_k, dt_s, live=live)
        thermal = self._command.thermal
        on = 1.0 if live and not self.asleep else 0.0
        self._inputs[:] = (
            on * thermal.pump_duty,
            on * thermal.fan_duty,
            on * thermal.compressor_duty,
            on * thermal.heater_duty,
            thermal.valve_mode,
            ambient_k,
            surroundings.humidity,
            self.speed_m_per_s,
            drive_heat_w,
            self._cabin_request_w,
            degc_to_k(self.parameters.cabin.set_point_degc) if self._occupied else ambient_k,
            self.auxiliary_power_w + (box.link_power_w if box else 0.0),
            self.cabin_power_w,
            self._charger_current_a(dt_s, live=live) - (box.link_current_a if box else 0.0),
        )
        if self.balancer:
            self.balancer.begin(dt_s)
        self.bus_voltage_v = self._step(*self.kernel_arguments(dt_s), self._inputs, dt_s)
        if self.balancer:
            self.balancer.settle(dt_s)
        if box:
            self.bus_voltage_v = box.settle(self.bus_voltage_v, self.ports, dt_s)
        if self.runaway is not None:
            self.ports[FROM_ABUSE:] = self.runaway.step(self.time_s + dt_s, dt_s)
        self._observe(dt_s)
        self.time_s += dt_s

    def kernel_arguments(self, dt_s: float) -> tuple[Any, ...]:
        """Return what the compiled tick works on, in its order; see ``truck_step``."""
        return (
            self._p,
            self._s,
            self._chiller_p,
            self._chiller_s,
            self._chiller_table,
            self.electrodes or self.tables(dt_s),
            self.pack,
            self.branches,
            self.ports,
        )

    def tables(self, dt_s: float) -> CircuitTables:
        """Return the circuit tables for a step size, made once."""
        if dt_s not in self._tables:
            self._tables[dt_s] = circuit_tables(self.cell, self.parameters.pack.n_parallel, dt_s)
        return self._tables[dt_s]

    def stored_energies_j(self) -> tuple[float, float]:
        """Return chemical energy and stored heat of the whole truck [J]."""
        chemical_j = stored_chemical_j(self.electrodes or self.tables(1.0), self.pack)
        heat_j = stored_heat_j(self._p, self._s, self._chiller_p, self._chiller_s, self.pack)
        link_j = self.switches.box.stored_energy_j if self.switches.box else 0.0
        if self.balancer:
            heat_j += self.balancer.stored_heat_j
        if self.runaway is not None:
            chemical_j += self.runaway.held_j
            heat_j -= self.runaway.missing_heat_j
        return chemical_j + self._locked_in_j + link_j, heat_j

    def view(self) -> FloatArray:
        """Return the truth: ``VIEW``, ``PER_STRING`` of every string, then ``ELECTRODES`` if there are any."""
        if self.electrodes is not None:
            electrode_view(self.electrodes, self._view[-len(ELECTRODES) :])
        return self._view

    @property
    def medium(self) -> RecordArray:
        """The parameters of the coolant circuit, medium included."""
        return self._p

    @property
    def circuit(self) -> np.record:
        """The state of the coolant circuit, by name."""
        return self._s[0]  # type: ignore[no-any-return]

    @property
    def refrigerant(self) -> np.record:
        """The state of the refrigerant circuit, by name."""
        return self._chiller_s[0]  # type: ignore[no-any-return]

    # --- inside ---

    def _build_circuit(self, temp_k: float) -> None:
        parameters = self.parameters
        self._step = TICKS[parameters.cooling, self.cell_model]
        rating = parameters.chiller
        chiller = sized_for(rating.capacity_w, rating.ambient_degc, refrigerant=rating.refrigerant)
        self._chiller_p, self._chiller_s, self._chiller_table = build_chiller(chiller, ambient_k=temp_k)
        if parameters.loop is not None:
            self._p, self._s = build_loop(parameters.loop, temp_k)
            self._coolant_mass_kg = plate_coolant_mass_kg(parameters.loop.plate) * parameters.pack.n_strings
        elif parameters.air is not None:
            self._p, self._s = build_air_path(parameters.air, temp_k)
            self._coolant_mass_kg = AIR_MASS_IN_PACK_KG * parameters.pack.n_strings

    def _stand(self) -> None:
        self._cycle = None
        self._start(STANDING)
        self.speed_m_per_s = 0.0
        self.drive_finished = True

    def _start(self, cycle: CycleArrays) -> None:
        """Put the vehicle at the start of a cycle, in the view too."""
        self.vehicle = new_vehicle_state(cycle)
        self._view[VEHICLE] = [float(self.vehicle[0][name]) for name in OF_VEHICLE]

    @property
    def _occupied(self) -> bool:
        return self.mode == VehicleMode.DRIVE

    def _step_loads(self, surroundings: Surroundings, *, live: bool) -> None:
        """Write what auxiliaries and cabin draw from the bus in this tick."""
        self.auxiliary_power_w = self.cabin_power_w = self._cabin_request_w = 0.0
        if not live or self.asleep:
            return
        if not self._occupied:
            self.auxiliary_power_w = self.parameters.standby_power_w
            return
        self.auxiliary_power_w = self.parameters.vehicle.auxiliary_power_w
        drawn_w_per_k = 0.0
        if self.parameters.cooling == "air":
            drawn_w_per_k = float(
                self._s[0].share_chiller * self._s[0].mass_flow_kg_per_s * self._p[0].cp_a_j_per_kgk
            )
        self._cabin_request_w, self.cabin_power_w = cabin_loads_w(
            self.parameters.cabin,
            ambient_temp_degc=surroundings.ambient_temp_degc,
            irradiance_w_per_m2=surroundings.irradiance_w_per_m2,
            drawn_w_per_k=drawn_w_per_k,
        )

    def _step_vehicle(self, ambient_k: float, dt_s: float, *, live: bool) -> float:
        """Advance the drive and return the heat it gives its coolant [W]."""
        if self._cycle is None:
            self.ports[FROM_DRIVE:] = 0.0
            return 0.0
        self.speed_m_per_s, heat_w, finished = drive_step(
            self._vehicle,
            self.vehicle,
            self._cycle.table,
            self._command.discharge_power_max_w if live else -math.inf,
            self._command.regen_power_max_w if live else -math.inf,
            self.auxiliary_power_w + self.cabin_power_w,
            ambient_k,
            self.ports,
            dt_s,
        )
        self.drive_finished = finished > 0.0
        return heat_w

    def _charger_current_a(self, dt_s: float, *, live: bool) -> float:
        if self.charger is None:
            return 0.0
        voltage_v = (self.bus_voltage_v or float(self.state.string_voltage_v.max())) if live else 0.0
        return self.charger.step(self._command.charge_current_a, voltage_v, dt_s)

    def _observe(self, dt_s: float) -> None:
        """Let sensors and view see the truck as it is now, ``dt_s`` after the last time."""
        around = self._surroundings
        look = self.instruments.arguments(self.bus_voltage_v, around.ambient_temp_degc, around.humidity, dt_s)
        truth = (self.pack, self._p, self._s, self._chiller_s, self.vehicle)
        observe(*truth, *look, self.ports, self.energies_j, self._view, dt_s)  # type: ignore[call-arg]  # ten in look


def compile_kernels(parameters: TruckParameters, cell_model: CellModel = "ecm") -> None:
    """Make every kernel of a truck of this kind ready, so that no clock that is started later counts it."""
    truck = Truck(parameters, soc=0.5, temp_degc=20.0, cell_model=cell_model)
    truck.actuate(Command(contactor_close=(True,) * parameters.pack.n_strings))
    truck.drive(STANDING)
    truck.step(Surroundings(20.0), 1.0)
    truck.stored_energies_j()
