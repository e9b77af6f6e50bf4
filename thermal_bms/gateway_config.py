"""The gateway's configuration: one TOML file, and beside it the description of the truck."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from thermal_bms.can.interface import BusSettings
from thermal_bms.can.j1939.name import Name
from thermal_bms.charging import ChargeSettings
from thermal_bms.description import TruckDescription
from thermal_bms.parameters import Parameters, parse, read_toml
from thermal_bms.telemetry.config import TelemetrySettings, placed

SEND_PERIOD_S = 0.02
_BYTES_PER_MB = 1_000_000


class TransmitSettings(Parameters):
    """What may be sent in active mode: messages by their name in the DBC, each at its own rate."""

    allow: tuple[str, ...] = Field(default=(), description="names of messages; none: nothing is sent")


class NetworkSettings(Parameters):
    """The J1939 side: who the gateway is. Its address is that of ``sources.BMS``."""

    claim: bool = Field(default=True, description="claim the address and send trouble codes")
    identity: int = Field(default=1, ge=0, lt=1 << 21, description="serial number in the NAME")
    manufacturer: int = Field(default=0, ge=0, lt=1 << 11, description="code given by the SAE")
    function: int = Field(default=0, ge=0, lt=1 << 8, description="what it does, in the NAME")

    @property
    def name(self) -> Name:
        """Return the NAME; commands are tied to their address, so no other one is taken."""
        return Name(self.identity, self.manufacturer, function=self.function, arbitrary_address=False)


class ControllerSettings(Parameters):
    """One controller of the row."""

    name: str = Field(min_length=1, description="as in a scenario")
    settings: dict[str, Any] = Field(default_factory=dict)  # Any: TOML values


class RingSettings(Parameters):
    """What is recorded, and how much disk it may take."""

    folder: Path | None = Field(default=None, description="relative to this file; none: nothing is recorded")
    file_mb: float = Field(default=16.0, gt=0.0, le=1000.0, description="size of one file")
    total_mb: float = Field(default=512.0, gt=0.0, le=1e6, description="of all files; the oldest go first")
    measurement_every_s: float = Field(
        default=1.0, ge=0.0, le=3600.0, description="0: every tick, as a replay to the bit needs"
    )

    @property
    def file_bytes(self) -> int:
        """Return the size of one file."""
        return round(self.file_mb * _BYTES_PER_MB)

    @property
    def total_bytes(self) -> int:
        """Return the size of all files."""
        return round(self.total_mb * _BYTES_PER_MB)

    @model_validator(mode="after")
    def _room_for_two(self) -> "RingSettings":
        if self.total_mb < 2.0 * self.file_mb:
            raise ValueError(
                f"total_mb = {self.total_mb:g} must be at least twice file_mb = {self.file_mb:g}"
            )
        return self


class GatewaySettings(Parameters):
    """Everything the service is told."""

    mode: Literal["shadow", "active"] = Field(
        default="shadow", description="shadow computes and records but sends nothing"
    )
    truck: Path = Field(description="description of the truck, relative to this file")
    n_temp_sensors: int = Field(ge=1, le=1000, description="cell temperature sensors of one string")
    state_folder: Path = Field(description="keeps what survives a restart; relative to this file")
    run_folder: Path | None = Field(
        default=None,
        description="keeps the note of whose step is on; best in memory, as /run; default: the state folder",
    )
    period_s: float = Field(default=0.1, ge=0.02, le=10.0, description="control period")
    start_wait_s: float = Field(
        default=5.0, ge=0.0, le=600.0, description="begin after this even if messages are missing"
    )
    hang_s: float = Field(
        default=2.0, ge=0.0, le=600.0, description="end the process after standing still so long; 0: never"
    )
    save_every_s: float = Field(default=60.0, ge=1.0, le=3600.0, description="how often the state is saved")
    bus: BusSettings = Field(description="table, see below")
    sources: dict[str, int] = Field(
        default_factory=dict, description="source addresses by sender, where they differ from the DBC"
    )
    transmit: TransmitSettings = Field(
        default=TransmitSettings(), description="table with `allow`: names of the messages that may be sent"
    )
    network: NetworkSettings = Field(default=NetworkSettings(), description="table, see below")
    charge: ChargeSettings = Field(
        default=ChargeSettings(), description="table: what a charge aims at, as `target_soc`"
    )
    controller: tuple[ControllerSettings, ...] = Field(
        min_length=1, description="one `[[controller]]` with `name` and `settings` each, the best one first"
    )
    recording: RingSettings = Field(default=RingSettings(), description="table, see below")
    telemetry: TelemetrySettings | None = Field(default=None, description="table, see the page on telemetry")

    @model_validator(mode="after")
    def _fits(self) -> "GatewaySettings":
        wrong = [f"{name} = {one}" for name, one in self.sources.items() if not 0 <= one < 254]
        if wrong:
            raise ValueError(f"sources: {wrong[0]}: an address must be 0 to 253")
        names = [one.name for one in self.controller]
        if len(set(names)) < len(names):
            raise ValueError("controller: a name stands twice; each may be in the row once")
        if self.mode == "active" and not self.transmit.allow:
            raise ValueError("mode = active: needs transmit.allow, the messages that may be sent")
        return self


@dataclass(frozen=True)
class LoadedGateway:
    """A configuration with its truck, and paths that no longer depend on where the file stands."""

    settings: GatewaySettings
    truck: TruckDescription


def load_gateway(path: Path) -> LoadedGateway:
    """Return the configuration in a file and the truck that it names.

    Raises
    ------
    ConfigError
        in one line: what was found, where, what is allowed.
    """
    settings = parse(GatewaySettings, read_toml(path), path.name)
    folder = path.parent
    recording = settings.recording
    if recording.folder is not None:
        recording = recording.model_copy(update={"folder": folder / recording.folder})
    settings = settings.model_copy(
        update={
            "truck": folder / settings.truck,
            "state_folder": folder / settings.state_folder,
            "run_folder": None if settings.run_folder is None else folder / settings.run_folder,
            "recording": recording,
            "telemetry": None if settings.telemetry is None else placed(settings.telemetry, folder),
        }
    )
    truck = parse(TruckDescription, read_toml(settings.truck), settings.truck.name)
    return LoadedGateway(settings, truck)
