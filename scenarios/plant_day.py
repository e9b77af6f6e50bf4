"""The truck's half of a day: phases, weather and faults go on, whoever controls it.

The other half, battery management and controller, is at the far end of a link. There is no sleep: while it parks,
the truck stays awake and goes on sending.
"""

import logging
from typing import final

from plant_models.charger import charger
from plant_models.truck import Surroundings, Truck
from scenarios.climate import build_climate
from scenarios.day import cycle_of
from scenarios.faults import FaultyLink
from scenarios.scenario import ChargePhase, DrivePhase, LoadedScenario, ParkPhase, Phase
from thermal_bms.interfaces import Link
from thermal_bms.link import DirectLink
from thermal_bms.signals import Command, Measurement
from thermal_bms.units import SECONDS_PER_HOUR

_LOG = logging.getLogger(__name__)

CONNECT_MAX_S = 60.0
CHARGE_DONE_S = 60.0
CHARGING_BELOW_A = -1.0
_TIME_ROUNDING_S = 1e-9


@final
class PlantDay:
    """One truck on its day, tick by tick.

    A phase that drives or charges begins when the contactors are closed, or a minute later without them. A drive
    ends with its cycle; a charge after its duration, or when it has charged and no current has flowed for a minute,
    or when the cells have reached the charge that was planned; a park after its duration.

    Parameters
    ----------
    scenario : the day; its controller is not used

    Attributes
    ----------
    truck : the simulated truck
    phase_index : which phase is on
    finished : the last phase is over
    command : what the truck was told last, before the scenario's faults
    """

    def __init__(self, scenario: LoadedScenario) -> None:
        settings = scenario.settings
        self._settings = settings
        self._scenario = scenario
        self._climate = build_climate(
            settings.climate, start_hour=settings.initial.start_hour, folder=scenario.folder
        )
        self._payload_kg = (
            0.5 * scenario.truck.vehicle.payload_max_kg
            if settings.payload_kg is None
            else settings.payload_kg
        )
        start_degc = settings.initial.cell_temp_degc
        self.truck = Truck(
            scenario.truck,
            soc=settings.initial.soc,
            temp_degc=self._climate.ambient(0.0)[0] if start_degc is None else start_degc,
            payload_kg=self._payload_kg,
            seed=settings.seed,
        )
        self._link: Link = DirectLink(self.truck)
        if settings.fault:
            self._link = FaultyLink(self._link, self.truck, settings.fault)
        self._cycles = [cycle_of(phase, scenario.folder) for phase in settings.phase]
        self._entered_s = self._begun_s = self._idle_s = 0.0
        self._has_charged = self._begun = False
        self.phase_index = -1
        self.finished = False
        self.command = Command(contactor_close=(False,) * scenario.truck.pack.n_strings)
        self._next_phase()

    @property
    def phase(self) -> Phase:
        """Return the phase that is on."""
        return self._settings.phase[self.phase_index]

    def measure(self) -> Measurement:
        """Return what the sensors say now, with the scenario's faults in it."""
        return self._link.read()

    def actuate(self, command: Command) -> None:
        """Take a command, with the scenario's faults in it; it acts from the next step on."""
        self.command = command
        self._link.write(command)

    def advance(self) -> None:
        """Make one tick, and go on to the next phase when this one is over."""
        dt_s = self._settings.tick_s
        self._begin_when_connected()
        self.truck.step(Surroundings(*self._climate.ambient(self.truck.time_s)), dt_s)
        self._idle_s = 0.0 if self._current_a() < CHARGING_BELOW_A else self._idle_s + dt_s
        self._has_charged = self._has_charged or self._idle_s == 0.0
        if self._begun and self._is_over():
            self._next_phase()

    def _next_phase(self) -> None:
        if self.phase_index + 1 == len(self._settings.phase):
            self.truck.park()
            self.finished = True
            return
        self.phase_index += 1
        self._entered_s = self._begun_s = self.truck.time_s
        self._idle_s = 0.0
        self._has_charged = self._begun = False
        self.truck.park()
        phase = self.phase
        _LOG.info("%.0f s: phase %d, %s", self.truck.time_s, self.phase_index, phase.name or phase.kind)

    def _begin_when_connected(self) -> None:
        if self._begun:
            return
        connected = bool(self.truck.state.string_closed.all())
        waited = self.truck.time_s - self._entered_s >= CONNECT_MAX_S - _TIME_ROUNDING_S
        phase = self.phase
        if not (connected or waited or isinstance(phase, ParkPhase)):
            return
        self._begun, self._begun_s = True, self.truck.time_s
        if isinstance(phase, DrivePhase):
            self._drive(phase)
        elif isinstance(phase, ChargePhase):
            self.truck.plug(charger(phase.charger))

    def _drive(self, phase: DrivePhase) -> None:
        cycle = self._cycles[self.phase_index]
        if cycle is None:
            raise TypeError("a drive phase without a cycle")
        self.truck.load(self._payload_kg if phase.payload_kg is None else phase.payload_kg)
        self.truck.drive(cycle.arrays(self._scenario.truck.vehicle.comfort_decel_m_per_s2))

    def _is_over(self) -> bool:
        phase = self.phase
        elapsed_s = self.truck.time_s - self._begun_s + _TIME_ROUNDING_S
        if isinstance(phase, ParkPhase):
            return elapsed_s >= phase.duration_h * SECONDS_PER_HOUR
        if isinstance(phase, DrivePhase):
            return self.truck.drive_finished or elapsed_s >= phase.duration_max_h * SECONDS_PER_HOUR
        if phase.duration_h is not None:
            return elapsed_s >= phase.duration_h * SECONDS_PER_HOUR
        idle = self._has_charged and self._idle_s >= CHARGE_DONE_S
        full = float(self.truck.state.soc.mean()) >= phase.until_soc
        return idle or full or elapsed_s >= phase.duration_max_h * SECONDS_PER_HOUR

    def _current_a(self) -> float:
        """Return the pack current, positive on discharge [A]."""
        return float(self.truck.state.string_current_a.sum())
