"""Settings, instants, ticks and documents for the tests of telemetry."""

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.unit.thermal_bms.bms_samples import TRUCK, FakeController, measured
from thermal_bms.cycle import ControlUnit, CycleResult, control_cycle
from thermal_bms.signals import NO_PREVIEW, Measurement
from thermal_bms.telemetry.block import row_bytes
from thermal_bms.telemetry.config import BrokerSettings, BufferSettings, TelemetrySettings
from thermal_bms.telemetry.record import Kind
from thermal_bms.telemetry.stamp import Stamp
from thermal_bms.telemetry.store import Waiting
from thermal_bms.telemetry.vss import vss_table

needs_openssl = pytest.mark.skipif(
    shutil.which("openssl") is None, reason="needs the program openssl: apt-get install openssl"
)
START_S = datetime(2026, 3, 1, 6, 0, tzinfo=UTC).timestamp()
N_SIGNALS = len(vss_table().signal)


def at(service_s: float, jump_s: float = 0.0) -> Stamp:
    """Return the time ``service_s`` into a service that started at START_S, with a clock that has jumped."""
    return Stamp(service_s, START_S + service_s + jump_s)


def iso(service_s: float) -> str:
    """Return that time as text."""
    return datetime.fromtimestamp(START_S + service_s, UTC).isoformat()


def buffer(folder: Path, **more: Any) -> BufferSettings:
    return BufferSettings(folder=folder, **{"block_rows": 5, **more})


def settings(folder: Path, port: int = 8883, **more: Any) -> TelemetrySettings:
    """Return settings with the certificates in ``folder``."""
    broker = BrokerSettings(
        host="localhost",
        port=port,
        ca_file=folder / "ca.pem",
        certificate_file=folder / "truck.pem",
        key_file=folder / "truck.key",
        retry_max_s=1,
    )
    kept = buffer(folder / "buffer", **more.pop("buffer", {}))
    return TelemetrySettings(vehicle="truck-1", broker=broker, buffer=kept, **more)


def row(service_s: float) -> Waiting:
    """Return a row of summary whose first count is its second."""
    return Waiting(Kind.SUMMARY, service_s, row_bytes(service_s, [round(service_s), *[0] * (N_SIGNALS - 1)]))


def tick(unit: ControlUnit | None = None, **more: Any) -> tuple[Measurement, CycleResult]:
    """Return a measurement and what the control unit made of it."""
    measurement = measured(**more)
    unit = unit or ControlUnit(TRUCK, FakeController())
    return measurement, control_cycle(unit, measurement, NO_PREVIEW, 1.0)


def command(
    *, name: str = "c-1", issued_s: float = 0.0, expires_s: float = 3600.0, **wanted: Any
) -> dict[str, Any]:
    """Return a remote command; ``wanted`` are paths with __ in the place of dots."""
    values = {path.replace("__", "."): value for path, value in wanted.items()}
    return {"id": name, "issued": iso(issued_s), "expires": iso(expires_s), "set": values}


def encoded(document: Any) -> bytes:
    return json.dumps(document).encode()
