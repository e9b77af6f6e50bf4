"""What a person should know of a truck's telemetry before it drives off: certificates, library, buffer."""

from importlib.util import find_spec

from thermal_bms.errors import ConfigError
from thermal_bms.telemetry.certificate import days_left
from thermal_bms.telemetry.config import TelemetrySettings, check_files

WARN_DAYS = 30.0


def description(settings: TelemetrySettings) -> str:
    """Return in one line where telemetry goes and which ways back are open."""
    broker = settings.broker
    back = [name for name, on in (("commands", settings.commands), ("plans", settings.plans)) if on]
    return (
        f"{settings.vehicle} to {broker.host}:{broker.port}; taken from there: {', '.join(back) or 'nothing'}"
    )


def findings(settings: TelemetrySettings, wall_s: float) -> list[str]:
    """Return what is wrong with telemetry, in plain words.

    Parameters
    ----------
    settings : what telemetry is told
    wall_s : the time now, since 1970-01-01 UTC [s]
    """
    found = []
    if find_spec("paho") is None:
        found.append("paho-mqtt is missing: pip install 'thermal-bms[telemetry]'")
    try:
        check_files(settings.broker)
        for path in (settings.broker.ca_file, settings.broker.certificate_file):
            left = days_left(path, wall_s)
            if left < 0.0:
                found.append(f"certificate {path} ended {-left:.0f} days ago: renew it")
            elif left < WARN_DAYS:
                found.append(f"certificate {path} ends in {left:.0f} days: renew it")
        if settings.broker.key_file.stat().st_mode & 0o077:
            found.append(f"others may read the key {settings.broker.key_file}: chmod 600 it")
    except ConfigError as error:
        found.append(str(error))
    folder = settings.buffer.folder
    if folder.exists() and not folder.is_dir():
        found.append(f"buffer {folder} is not a folder: telemetry would stay in memory")
    return found
