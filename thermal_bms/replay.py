"""Replaying what a gateway recorded, and what a bus logger did, through the controller."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from thermal_bms.can.interface import BusSettings
from thermal_bms.charging import ChargeSettings
from thermal_bms.control_loop import ControlLoop
from thermal_bms.description import TruckDescription
from thermal_bms.errors import RecordingError
from thermal_bms.gateway_config import ControllerSettings, GatewaySettings, LoadedGateway, RingSettings
from thermal_bms.gateway_parts import Factory, build_loop, shape_of
from thermal_bms.link import EndOfRecordingError, ReplayLink
from thermal_bms.log_link import LogLink, Stamped
from thermal_bms.persistence import StoredState
from thermal_bms.preview_stream import RecordedPreviews
from thermal_bms.recording import Recording


def replay_recording(recording: Recording, create: Factory) -> ReplayLink:
    """Run a gateway's own recording through the same controllers from the same memory; return the comparison.

    Every bit of every command must come out again, when every measurement was recorded and no controller was
    taken out of service for its time.

    Raises
    ------
    RecordingError
        when it is no recording of a gateway, or holds only some of the measurements.
    """
    loaded, stored = _recorded_gateway(recording)
    link = ReplayLink(recording)
    times_s = recording.stream("measurement")["time_s"]
    ticks = len(recording.stream("control"))
    if len(times_s) != ticks:
        raise RecordingError(
            f"{recording.path}: holds {len(times_s)} measurements for {ticks} ticks; "
            "record with recording.measurement_every_s = 0"
        )
    loop, previews = build_loop(loaded, create, link, stored=stored), RecordedPreviews(recording)
    for time_s in times_s:
        loop.preview = previews.at(time_s)
        loop.tick()
    return link


def replay_log(frames: Iterable[Stamped], loaded: LoadedGateway, create: Factory) -> LogLink:
    """Run a bus log through the controllers of a configuration; return the comparison with the log's own."""
    link = LogLink(
        frames,
        shape_of(loaded),
        period_s=loaded.settings.period_s,
        sources=loaded.settings.sources,
    )
    _turn(build_loop(loaded, create, link, stored=StoredState()))
    return link


def _turn(loop: ControlLoop) -> None:
    try:
        while True:
            loop.tick()
    except EndOfRecordingError:
        return


def _recorded_gateway(recording: Recording) -> tuple[LoadedGateway, StoredState]:
    meta: Mapping[str, Any] = recording.meta  # Any: JSON values
    try:
        settings = GatewaySettings(
            truck=Path(),
            state_folder=Path(),
            bus=BusSettings(interface="none"),
            period_s=float(meta["period_s"]),
            n_temp_sensors=int(meta["n_temp_sensors"]),
            charge=ChargeSettings(**meta["charge"]),
            controller=tuple(ControllerSettings(**one) for one in meta["controllers"]),
            recording=RingSettings(measurement_every_s=0.0),
        )
        truck = TruckDescription(**meta["truck"])
        return LoadedGateway(settings, truck), StoredState.from_dict(meta["stored"])
    except (KeyError, TypeError, ValueError) as error:
        raise RecordingError(
            f"{recording.path}: not the recording of a gateway ({type(error).__name__}: {error})"
        ) from None
