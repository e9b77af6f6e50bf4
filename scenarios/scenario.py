"""The scenario: one truck, its day in phases, its climate, its controller, and the checks it must pass."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from controllers.registry import create
from controllers.settings_file import ControllerTable
from plant_models.cell_monitoring import MonitoringSettings
from plant_models.charger import Place, charger
from plant_models.contactor_box import TICK_MAX_S
from plant_models.health import PackHealth, read_health
from plant_models.spme_parameters import check_electrochemistry
from plant_models.truck_parameters import TruckParameters, describe, load_truck
from scenarios.checks import validate_checks
from scenarios.climate import ClimateSettings, build_climate
from scenarios.drive_cycle import load_cycle
from scenarios.faults import ABUSE_FAULTS, BOX_FAULTS, PLANT_FAULTS, FaultEntry, parse_group
from scenarios.sensor_faults import ARRAYS, SENSOR_KINDS, SWITCHES, parse_target
from thermal_bms.errors import ScenarioError
from thermal_bms.parameters import Parameters, did_you_mean, parse, read_toml, with_overrides

LIBRARY = Path(__file__).parent / "library"


class DrivePhase(Parameters):
    """Drive a cycle."""

    kind: Literal["drive"]
    name: str = ""
    cycle: str = Field(description="library name, or a path to a CSV or .vdri file")
    repeat: int = Field(default=1, ge=1, le=1000)
    distance_km: float | None = Field(
        default=None, gt=0.0, le=3000.0, description="repeat or cut to this distance"
    )
    speed_cap_km_per_h: float | None = Field(default=None, gt=5.0, le=200.0, description="speed limiter")
    payload_kg: float | None = Field(default=None, ge=0.0, description="for this phase only")
    duration_max_h: float = Field(default=24.0, gt=0.0, le=72.0)


class ParkPhase(Parameters):
    """Stand unplugged: the controller sleeps and wakes now and then to look at the pack."""

    kind: Literal["park"]
    name: str = ""
    duration_h: float = Field(gt=0.0, le=240.0)
    wake_interval_min: float = Field(default=60.0, ge=0.0, description="0: sleeps through")
    wake_duration_min: float = Field(default=2.0, gt=0.0, le=60.0)


class ChargePhase(Parameters):
    """Plug in and charge; with ``duration_h`` stay plugged until the scheduled departure and condition on the grid."""

    kind: Literal["charge"]
    name: str = ""
    charger: str
    until_soc: float = Field(default=0.8, gt=0.0, le=1.0)
    duration_h: float | None = Field(default=None, gt=0.0, le=240.0, description="departure after this time")
    duration_max_h: float = Field(default=24.0, gt=0.0, le=72.0, description="give up after this time")
    conditioning: bool = Field(default=True, description="tell the controller when departure is")
    place: Place | None = Field(default=None, description="whose energy it is; default: by the charger")


Phase = Annotated[DrivePhase | ParkPhase | ChargePhase, Field(discriminator="kind")]


class InitialState(Parameters):
    """How the day begins."""

    soc: float = Field(default=0.9, ge=0.0, le=1.0)
    cell_temp_degc: float | None = Field(default=None, ge=-45.0, le=60.0, description="default: ambient")
    start_hour: float = Field(default=6.0, ge=0.0, lt=24.0, description="hour of the day")
    soh_capacity: float = Field(
        default=1.0, ge=0.3, le=1.0, description="capacity of every cell over that when new"
    )
    soh_resistance: float = Field(
        default=1.0, ge=0.5, le=10.0, description="resistance of every cell over that when new"
    )
    soh_file: str | None = Field(
        default=None,
        description="CSV that `thermal-bms age` wrote: both for every group, in place of the two",
    )

    @model_validator(mode="after")
    def _health_once(self) -> "InitialState":
        if self.soh_file is not None and (self.soh_capacity, self.soh_resistance) != (1.0, 1.0):
            raise ValueError(
                "soh_file already says what soh_capacity and soh_resistance say; give one of them"
            )
        return self


class ControllerChoice(ControllerTable):
    """Which controller, with which settings."""

    name: str = "pid"


class PreviewSettings(Parameters):
    """What the controller is told of the time ahead, and how wrong it is."""

    events: bool = Field(default=True, description="tell when the next fast charge and departure are")
    heat: bool = Field(default=True, description="tell the heat of the cells and the weather along the route")
    heat_bias: float = Field(
        default=0.0, ge=-0.9, le=5.0, description="0.3: all heat is foretold 30 % too high"
    )
    heat_noise: float = Field(
        default=0.0, ge=0.0, le=1.0, description="standard deviation of a slow error, over the heat"
    )
    confidence: float = Field(default=1.0, ge=0.0, le=1.0, description="that the controller is told")


class RecordingSettings(Parameters):
    """What is written how often."""

    signals_every_s: float = Field(default=1.0, gt=0.0, le=3600.0)
    cells_every_s: float = Field(default=60.0, gt=0.0, le=36000.0)
    measurements: bool = Field(default=False, description="also every measurement, for replay")


class Degraded(Parameters):
    """A fault with which one of the checks must fail: proof that the check can."""

    fails: str
    fault: FaultEntry


class Scenario(Parameters):
    """Everything a run needs, checked."""

    title: str = Field(min_length=3)
    description: str = ""
    truck: str
    cell_model: Literal["ecm", "spme"] = Field(
        default="ecm", description="equivalent circuits, or electrochemical cells (docs/electrochemistry.md)"
    )
    payload_kg: float | None = Field(default=None, ge=0.0, description="default: half the truck's payload")
    tick_s: float = Field(default=1.0, ge=0.01, le=10.0)
    seed: int = Field(default=1, ge=0)
    initial: InitialState = InitialState()
    climate: ClimateSettings
    controller: ControllerChoice = ControllerChoice()
    preview: PreviewSettings = PreviewSettings()
    phase: tuple[Phase, ...] = Field(min_length=1)
    fault: tuple[FaultEntry, ...] = ()
    checks: dict[str, str] = Field(default_factory=dict)
    recording: RecordingSettings = RecordingSettings()
    monitoring: MonitoringSettings | None = Field(
        default=None, description="cell-monitoring units; default: every tick, at once, all of it"
    )
    truck_changes: dict[str, Any] = Field(
        default_factory=dict, description="changes to the truck's parameter set"
    )
    degraded: tuple[Degraded, ...] = Field(default=(), description="faults that must make a check fail")

    @model_validator(mode="after")
    def _checks_read(self) -> "Scenario":
        validate_checks(self.checks)
        return self


@dataclass(frozen=True)
class LoadedScenario:
    """A scenario with its truck, ready to run.

    Attributes
    ----------
    name : of the scenario's file
    settings : the scenario, checked
    truck : the truck's parameter set, with the scenario's changes laid over it
    folder : where the scenario's file stands; cycles and climates are looked for there first
    """

    name: str
    settings: Scenario
    truck: TruckParameters
    folder: Path

    def health(self) -> PackHealth:
        """Return capacity and resistance of every group at the start, relative to new."""
        initial, pack = self.settings.initial, self.truck.pack
        shape = (pack.n_strings, pack.n_series)
        if initial.soh_file is not None:
            return read_health(self.folder / initial.soh_file, shape)
        return PackHealth.even(shape, capacity=initial.soh_capacity, resistance=initial.soh_resistance)


def library_names() -> list[str]:
    """Return the names of the library's scenarios."""
    return sorted(path.stem for path in LIBRARY.glob("*.toml"))


def load_scenario(name_or_path: str, overrides: Sequence[str] = ()) -> LoadedScenario:
    """Return the scenario of that library name or file, with ``key=value`` overrides laid over it.

    Raises
    ------
    ScenarioError, ConfigError
        in one line: what was found, where, what is allowed, and what to do.
    """
    path = _find(name_or_path)
    data = with_overrides(read_toml(path), overrides)
    settings = _with_own_controller(parse(Scenario, data, path.name), path.parent)
    own = settings.truck.endswith(".toml")
    truck = load_truck(str(path.parent / settings.truck) if own else settings.truck, settings.truck_changes)
    _check_fit(settings, truck, path)
    loaded = LoadedScenario(path.stem, settings, truck, path.parent)
    loaded.health()
    return loaded


def _with_own_controller(settings: Scenario, folder: Path) -> Scenario:
    """Return the scenario with a controller's file, when it lies beside the scenario, by its full path."""
    file, colon, function = settings.controller.name.rpartition(":")
    if not (colon and file.endswith(".py") and (folder / file).is_file()):
        return settings
    choice = settings.controller.model_copy(update={"name": f"{(folder / file).resolve()}:{function}"})
    return settings.model_copy(update={"controller": choice})


def _find(name_or_path: str) -> Path:
    path = Path(name_or_path)
    if path.suffix == ".toml" or len(path.parts) > 1:
        if not path.is_file():
            raise ScenarioError(f"{name_or_path}: no such scenario file")
        return path
    if name_or_path not in library_names():
        hint = did_you_mean(name_or_path, library_names())
        raise ScenarioError(f"{name_or_path}: no scenario of that name in the library{hint}")
    return LIBRARY / f"{name_or_path}.toml"


def _check_fault(fault: FaultEntry, truck: TruckParameters, has: str, path: Path) -> None:
    """Refuse a fault of something that this truck does not have."""
    pack = truck.pack
    if fault.kind in PLANT_FAULTS:
        if int(fault.target) >= pack.n_strings:
            raise ScenarioError(
                f"fault.target = {fault.target}: {has} strings 0 to {pack.n_strings - 1} ({path.name})"
            )
        if fault.kind in BOX_FAULTS and truck.box is None:
            raise ScenarioError(
                f"fault.kind = {fault.kind}: {has} no contactor box; add box = {{}} under [truck_changes] ({path.name})"
            )
    elif fault.kind in ABUSE_FAULTS:
        string, group = parse_group(fault.target)
        if string >= pack.n_strings or (group or 0) >= pack.n_series:
            raise ScenarioError(
                f"fault.target = {fault.target}: {has} strings 0 to {pack.n_strings - 1}"
                f" of groups 0 to {pack.n_series - 1} ({path.name})"
            )
    elif fault.kind in SENSOR_KINDS:
        for target in filter(None, (fault.target, fault.other)):
            _check_target(target, truck, has, path)


def _check_target(target: str, truck: TruckParameters, has: str, path: Path) -> None:
    """Refuse a sensor that this truck does not have."""
    pack = truck.pack
    measured, index = parse_target(target)
    per_string = {"cell_voltage_v": (pack.n_series,), "cell_temp_degc": (pack.n_temp_sensors,)}
    in_strings = measured in ARRAYS or measured in SWITCHES
    shape = (pack.n_strings, *per_string.get(measured, ())) if in_strings else ()
    if len(index) > len(shape) or any(i >= n for i, n in zip(index, shape, strict=False)):
        size = " x ".join(str(n) for n in shape) or "one value"
        raise ScenarioError(
            f"fault.target = {target}: {has} {size} of {measured}, counted from 0 ({path.name})"
        )


def _check_fit(settings: Scenario, truck: TruckParameters, path: Path) -> None:
    """Refuse what each file allows alone but not together."""
    name = settings.truck
    if truck.box is not None and settings.tick_s > TICK_MAX_S:
        raise ScenarioError(
            f"tick_s = {settings.tick_s:g}: must be <= {TICK_MAX_S:g} with a contactor box ({path.name})"
        )
    if settings.cell_model == "spme":
        check_electrochemistry(truck.cell, path.name)
        abused = [fault.kind for fault in settings.fault if fault.kind in ABUSE_FAULTS]
        if abused:
            raise ScenarioError(
                f'fault.kind = {abused[0]}: needs cell_model = "ecm", electrodes are not resolved there ({path.name})'
            )
    for fault in (*settings.fault, *(entry.fault for entry in settings.degraded)):
        _check_fault(fault, truck, f"{name} has", path)
    for entry in settings.degraded:
        if entry.fails not in settings.checks:
            raise ScenarioError(f"degraded.fails = {entry.fails!r}: no check of that name ({path.name})")
    for payload in (settings.payload_kg, *(getattr(phase, "payload_kg", None) for phase in settings.phase)):
        most_kg = truck.vehicle.payload_max_kg
        if payload is not None and payload > most_kg:
            raise ScenarioError(
                f"payload_kg = {payload:g}: {name} carries at most {most_kg:g} kg ({path.name})"
            )
    for phase in settings.phase:
        if isinstance(phase, DrivePhase):
            load_cycle(phase.cycle, folder=path.parent)
        elif isinstance(phase, ChargePhase):
            charger(phase.charger)
    build_climate(settings.climate, folder=path.parent)
    create(settings.controller.name, settings.controller.settings, describe(truck))
