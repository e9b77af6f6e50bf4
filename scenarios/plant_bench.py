"""A simulated truck as a test bench: in lockstep, in real time or faster, or without a bus at all.

The same recording comes out of all: what the truck really did, and which command it followed.
"""

from collections.abc import Callable
from dataclasses import astuple
from pathlib import Path
from typing import Any, final

from plant_models.truck_parameters import describe
from plant_models.truck_view import PER_STRING, VIEW
from scenarios.plant_day import PlantDay
from scenarios.scenario import ChargePhase, LoadedScenario
from thermal_bms.can.bus_map import PackShape
from thermal_bms.can.codec import CommandCodec
from thermal_bms.can.exchange import LockstepExchange
from thermal_bms.can.interface import BusSettings
from thermal_bms.can.link import TruckEnd
from thermal_bms.clock import Clock
from thermal_bms.control_loop import ControlLoop
from thermal_bms.errors import ConfigError
from thermal_bms.recorder import Recorder
from thermal_bms.toml_text import toml_text

TRUTH = "truth"
FILE_NAME = "plant.rec"
LOCKSTEP_SOURCE = 39
_COMMAND = (
    "pump_duty",
    "fan_duty",
    "compressor_duty",
    "heater_duty",
    "valve_mode",
    "charge_current_a",
    "discharge_power_max_w",
    "regen_power_max_w",
)


def shape_of(scenario: LoadedScenario) -> PackShape:
    """Return the size of the scenario's pack."""
    pack = scenario.truck.pack
    return PackShape(pack.n_strings, pack.n_series, pack.n_temp_sensors)


@final
class TruthRecorder:
    """Records what the truck really does; ``recorder`` closes it, as a context manager.

    Parameters
    ----------
    path : file to write
    day : the truck's day
    """

    def __init__(self, path: Path, day: PlantDay) -> None:
        strings = range(day.truck.parameters.pack.n_strings)
        per_string = [f"{name}_{k}" for name in PER_STRING for k in strings]
        columns = ["time_s", "phase_index", *VIEW, *per_string, *_COMMAND]
        self.recorder = Recorder(path, {"title": day.truck.parameters.title}, {TRUTH: columns})
        self._day = day

    def record(self) -> None:
        """Record this instant, with the command that the truck was given for it."""
        command = self._day.command
        row = (
            self._day.truck.time_s,
            self._day.phase_index,
            *self._day.truck.view().tolist(),
            *astuple(command.thermal),
            command.charge_current_a,
            command.discharge_power_max_w,
            command.regen_power_max_w,
        )
        self.recorder.append(TRUTH, row)


def run_direct(day: PlantDay, loop: ControlLoop, *, duration_s: float, record: Callable[[], None]) -> None:
    """Turn truck and control loop in one process, over the link that the loop has."""
    while not day.finished and day.truck.time_s < duration_s:
        loop.tick()
        record()
        day.advance()


def run_lockstep(
    day: PlantDay,
    end: TruckEnd,
    exchange: LockstepExchange,
    *,
    duration_s: float,
    record: Callable[[], None],
    answered: Callable[[], object] = lambda: None,
) -> None:
    """Turn the truck with a controller at the other end of a bus; each waits for the other.

    ``answered`` is called between measurement and command, for a controller that is in the same process.
    """
    while not day.finished and day.truck.time_s < duration_s:
        exchange.time_s = day.truck.time_s
        end.send(day.measure())
        answered()
        day.actuate(end.receive())
        record()
        day.advance()
    exchange.finish()


def run_live(
    day: PlantDay,
    end: TruckEnd,
    clock: Clock,
    *,
    duration_s: float,
    record: Callable[[], None],
    stopping: Callable[[], bool] = lambda: False,
) -> float:
    """Turn the truck by the clock; return how late the latest tick was [s]."""
    start_s = clock.now_s() - day.truck.time_s
    latest_s = 0.0
    while not (day.finished or stopping()) and day.truck.time_s < duration_s:
        end.send(day.measure())
        day.actuate(end.receive())
        record()
        day.advance()
        due_s = start_s + day.truck.time_s
        clock.sleep_until(due_s)
        latest_s = max(latest_s, clock.now_s() - due_s)
    return latest_s


def write_gateway_files(
    folder: Path, scenario: LoadedScenario, bus: BusSettings, *, lockstep: bool = False
) -> Path:
    """Write ``truck.toml`` and ``gateway.toml`` that fit a scenario and a bus; return the latter's path.

    Raises
    ------
    ConfigError
        when the folder cannot be written.
    """
    commands = CommandCodec(scenario.truck.pack.n_strings).bus_map
    settings = scenario.settings
    targets = [phase.until_soc for phase in settings.phase if isinstance(phase, ChargePhase)]
    gateway: dict[str, Any] = {
        "mode": "active",
        "truck": "truck.toml",
        "n_temp_sensors": scenario.truck.pack.n_temp_sensors,
        "state_folder": "state",
        "period_s": settings.tick_s,
        "bus": bus.model_dump(exclude_defaults=True),
        "transmit": {"allow": sorted({slot.layout.name for slot in commands.slots})},
        "charge": {"target_soc": targets[0] if targets else 1.0},
        "controller": _controllers(settings.controller.name, settings.controller.settings),
        "recording": {"folder": "recordings", "measurement_every_s": 0.0 if lockstep else 1.0},
    }
    path = folder / "gateway.toml"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        truck = describe(scenario.truck).model_dump(mode="json")
        (folder / "truck.toml").write_text(toml_text(truck) + "\n", encoding="utf-8")
        path.write_text(toml_text(gateway) + "\n", encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{folder}: cannot be written: {error.strerror}; choose another folder") from None
    return path


def _controllers(name: str, settings: dict[str, Any]) -> list[dict[str, Any]]:  # Any: TOML values
    """Return the scenario's controller, and simpler ones to fall back on."""
    rest = [one for one in ("pid", "thermostat") if one != name]
    return [{"name": name, "settings": settings}, *({"name": one} for one in rest)]
