"""What telemetry is told: broker, certificates, buffer, and which ways back into the truck are open."""

from pathlib import Path

from pydantic import Field

from thermal_bms.errors import ConfigError
from thermal_bms.parameters import Parameters, parse, read_toml

_NAME = r"^[A-Za-z0-9._-]+$"
_BYTES_PER_MB = 1_000_000


class BrokerSettings(Parameters):
    """Where the broker is and how both sides prove who they are. There is no way without TLS."""

    host: str = Field(min_length=1, description="name of the broker, as in its certificate")
    port: int = Field(default=8883, ge=1, le=65535, description="of MQTT over TLS")
    ca_file: Path = Field(description="certificate authority that signed the broker's certificate")
    certificate_file: Path = Field(description="this truck's certificate")
    key_file: Path = Field(description="the private key of that certificate")
    keep_alive_s: int = Field(
        default=60, ge=5, le=3600, description="a silent line is taken for dead after one and a half of these"
    )
    retry_max_s: int = Field(default=120, ge=1, le=3600, description="longest pause between attempts")
    in_flight: int = Field(default=8, ge=1, le=100, description="messages sent and not yet confirmed")


class BufferSettings(Parameters):
    """How much is kept while the broker is out of reach, and where."""

    folder: Path = Field(description="of the database")
    size_mb: float = Field(default=64.0, ge=1.0, le=1e5, description="of the database")
    age_h: float = Field(
        default=720.0, gt=0.0, le=1e5, description="hours in service; older ones are dropped"
    )
    block_rows: int = Field(default=60, ge=2, le=3600, description="seconds of summary in one message")
    memory_s: float = Field(
        default=600.0, ge=10.0, le=86400.0, description="newest part kept in memory while the disk fails"
    )

    @property
    def path(self) -> Path:
        """Return the path of the database."""
        return self.folder / "telemetry.db"

    @property
    def size_bytes(self) -> int:
        """Return the bound on the database's size."""
        return round(self.size_mb * _BYTES_PER_MB)


class TelemetrySettings(Parameters):
    """Everything that telemetry is told; the table ``[telemetry]`` of a service's file."""

    vehicle: str = Field(min_length=1, max_length=64, pattern=_NAME, description="names the truck in topics")
    prefix: str = Field(
        default="thermal-bms",
        min_length=1,
        max_length=64,
        pattern=_NAME,
        description="first part of every topic",
    )
    every_s: float = Field(default=1.0, ge=0.1, le=3600.0, description="period of the summary")
    commands: bool = Field(default=False, description="take remote commands")
    plans: bool = Field(default=False, description="take route and charge plans over MQTT")
    plan_file: Path | None = Field(default=None, description="take the plan in this file, too")
    broker: BrokerSettings = Field(description="table, see below")
    buffer: BufferSettings = Field(description="table, see below")

    def topic(self, name: str) -> str:
        """Return the topic of this truck with this last part."""
        return f"{self.prefix}/{self.vehicle}/{name}"


def load_telemetry(path: Path) -> TelemetrySettings:
    """Return the table ``[telemetry]`` of a file, with paths that no longer depend on where the file stands.

    Raises
    ------
    ConfigError
        in one line: what was found, where, what is allowed; a file that is named and missing, too.
    """
    data = read_toml(path)
    if "telemetry" not in data:
        raise ConfigError(f"telemetry: missing; it needs vehicle, broker and buffer ({path.name})")
    settings = placed(parse(TelemetrySettings, data["telemetry"], f"{path.name}, telemetry"), path.parent)
    check_files(settings.broker)
    return settings


def placed(settings: TelemetrySettings, folder: Path) -> TelemetrySettings:
    """Return settings with every relative path taken from ``folder``."""
    broker = {name: folder / getattr(settings.broker, name) for name in _FILES}
    update = {
        "broker": settings.broker.model_copy(update=broker),
        "buffer": settings.buffer.model_copy(update={"folder": folder / settings.buffer.folder}),
        "plan_file": None if settings.plan_file is None else folder / settings.plan_file,
    }
    return settings.model_copy(update=update)


def check_files(broker: BrokerSettings) -> None:
    """Refuse a certificate or key that cannot be read.

    Raises
    ------
    ConfigError
        naming the key, the file and the remedy.
    """
    for name in _FILES:
        path: Path = getattr(broker, name)
        try:
            path.read_bytes()
        except OSError as error:
            reason = error.strerror or str(error)
            raise ConfigError(
                f"telemetry.broker.{name} = {path}: {reason}; put the PEM file there or name another"
            ) from None


_FILES = ("ca_file", "certificate_file", "key_file")
