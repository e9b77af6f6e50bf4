"""The parts of a gateway, each made from its configuration."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from thermal_bms import __version__
from thermal_bms.can.allow_list import AllowList, message_allowances, network_allowances
from thermal_bms.can.bus_map import PackShape
from thermal_bms.can.codec import CommandCodec, MeasurementCodec
from thermal_bms.can.database import bundled_messages
from thermal_bms.can.j1939.address_claim import AddressClaim
from thermal_bms.can.j1939.node import Node
from thermal_bms.can.mapping import COMMAND_ON_BUS, MEASUREMENT_ON_BUS, STATUS_ON_BUS
from thermal_bms.control_loop import CONTROL, CONTROL_COLUMNS, ControlLoop
from thermal_bms.cycle import ControlUnit
from thermal_bms.description import TruckDescription
from thermal_bms.errors import ConfigError
from thermal_bms.fallback import Candidate, FallbackController
from thermal_bms.gateway_config import LoadedGateway
from thermal_bms.interfaces import Controller, Link
from thermal_bms.link import MEASUREMENT, measurement_columns
from thermal_bms.parameters import did_you_mean
from thermal_bms.persistence import StoredState
from thermal_bms.preview_stream import PREVIEW, preview_columns
from thermal_bms.record_ring import RecordRing
from thermal_bms.recorder import Row
from thermal_bms.recording_format import Columns
from thermal_bms.step_marker import StepMarker

SERVICE = "service"
SERVICE_COLUMNS = (
    "time_s",
    "lateness_s",
    "health",
    "may_send",
    "frames_taken",
    "frames_refused",
    "frames_sent",
    "frames_dropped",
    "frames_forbidden",
    "silent_messages",
    "skipped_ticks",
    "rows_dropped",
)
_ADDRESS_NAME = "BMS"

# Any: settings as a TOML file gives them
Factory = Callable[[str, Mapping[str, Any], TruckDescription], Controller]


def shape_of(loaded: LoadedGateway) -> PackShape:
    """Return the size of the pack on the bus."""
    pack = loaded.truck.pack
    return PackShape(pack.n_strings, pack.n_series, loaded.settings.n_temp_sensors)


def check_sources(loaded: LoadedGateway) -> None:
    """Refuse source addresses of senders that do not exist.

    Raises
    ------
    ConfigError
        naming the sender.
    """
    rows = (*MEASUREMENT_ON_BUS, *COMMAND_ON_BUS, *STATUS_ON_BUS)
    senders = sorted({bundled_messages(row.definition)[row.message].sender for row in rows})
    for name in loaded.settings.sources:
        if name not in senders:
            raise ConfigError(f"sources.{name}: nobody of that name sends{did_you_mean(name, senders)}")


def build_loop(
    loaded: LoadedGateway,
    create: Factory,
    link: Link,
    *,
    stored: StoredState,
    marker: StepMarker | None = None,
    record: Callable[[str, Row], None] = lambda _stream, _row: None,
    status: dict[str, float] | None = None,
) -> ControlLoop:
    """Return the control loop of a configuration on any link."""
    settings, truck = loaded.settings, loaded.truck
    candidates = [_candidate(one.name, one.settings, truck, create) for one in settings.controller]
    controller = FallbackController(candidates, disabled=stored.disabled, marker=marker)
    unit = ControlUnit(truck, controller, charge=settings.charge, initial_soc=stored.soc)
    return ControlLoop(
        unit,
        controller,
        link,
        period_s=settings.period_s,
        stored=stored,
        record=record,
        measurement_every_s=settings.recording.measurement_every_s,
        status=status,
    )


def recording_streams(loaded: LoadedGateway, *, live: bool) -> dict[str, Columns]:
    """Return the streams that a gateway records; what depends on wall time only when it is live."""
    codec = MeasurementCodec(shape_of(loaded))
    nothing = codec.restore(np.full(codec.bus_map.size, np.nan), 0.0)
    streams: dict[str, Columns] = {MEASUREMENT: measurement_columns(nothing), CONTROL: CONTROL_COLUMNS}
    if loaded.settings.telemetry is not None:
        streams[PREVIEW] = preview_columns()
    return {**streams, SERVICE: SERVICE_COLUMNS} if live else streams


def recording_meta(loaded: LoadedGateway, stored: StoredState) -> dict[str, Any]:  # Any: JSON values
    """Return what a recording says of its gateway: all that a replay needs, nothing about where it ran."""
    settings = loaded.settings
    return {
        "title": f"gateway of {loaded.truck.name}",
        "version": __version__,
        "truck": loaded.truck.model_dump(mode="json"),
        "n_temp_sensors": settings.n_temp_sensors,
        "controllers": [one.model_dump(mode="json") for one in settings.controller],
        "charge": settings.charge.model_dump(mode="json"),
        "period_s": settings.period_s,
        "stored": stored.as_dict(),
    }


def build_node(loaded: LoadedGateway) -> Node | None:
    """Return the J1939 side of an active gateway; None when it is not to claim."""
    if not loaded.settings.network.claim:
        return None
    return Node(AddressClaim(loaded.settings.network.name, address_of(loaded)), {})


def address_of(loaded: LoadedGateway) -> int:
    """Return the source address under which commands are sent."""
    commands = CommandCodec(loaded.truck.pack.n_strings, sources=loaded.settings.sources).bus_map
    return next(slot.endpoint[1] for slot in commands.slots if slot.layout.sender == _ADDRESS_NAME)


def build_allow_list(loaded: LoadedGateway) -> AllowList:
    """Return what an active gateway may send."""
    commands = CommandCodec(loaded.truck.pack.n_strings, sources=loaded.settings.sources).bus_map
    allowances = message_allowances(commands, loaded.settings.transmit.allow)
    if loaded.settings.network.claim:
        allowances |= network_allowances(address_of(loaded))
    return AllowList(allowances)


def _candidate(name: str, settings: Mapping[str, Any], truck: TruckDescription, create: Factory) -> Candidate:
    return Candidate(name, lambda: create(name, settings, truck))


def build_ring(loaded: LoadedGateway, stored: StoredState) -> RecordRing | None:
    """Return what records for a live gateway; None when nothing is to be recorded."""
    recording = loaded.settings.recording
    if recording.folder is None:
        return None
    return RecordRing(
        recording.folder,
        recording_meta(loaded, stored),
        recording_streams(loaded, live=True),
        file_bytes=recording.file_bytes,
        total_bytes=recording.total_bytes,
    )
