"""Telemetry inside the gateway: every tick is observed, the preview is used, recorded and replayed."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from controllers.registry import create
from tests.unit.thermal_bms.bms_samples import measured
from tests.unit.thermal_bms.gateway_bench import Bench
from tests.unit.thermal_bms.telemetry.telemetry_samples import at, settings
from tests.unit.thermal_bms.test_gateway_config import CONFIG, written
from thermal_bms.cli import main
from thermal_bms.cycle import CycleResult
from thermal_bms.description import TruckDescription
from thermal_bms.gateway_config import load_gateway
from thermal_bms.interfaces import Controller
from thermal_bms.preview_stream import POINTS_MAX, PREVIEW, RecordedPreviews, shortened
from thermal_bms.recording import Recording
from thermal_bms.replay import replay_recording
from thermal_bms.signals import NO_PREVIEW, Measurement, Preview
from thermal_bms.telemetry.stamp import Stamp

TELEMETRY = """
[telemetry]
vehicle = "truck-1"
[telemetry.broker]
host = "localhost"
ca_file = "ca.pem"
certificate_file = "truck.pem"
key_file = "truck.key"
[telemetry.buffer]
folder = "buffer"
"""


class FakeTelemetry:
    """Counts ticks; says that a charge comes, nearer and nearer."""

    def __init__(self) -> None:
        self.seen: list[tuple[Measurement, CycleResult]] = []
        self.life: list[str] = []

    def now(self) -> Stamp:
        return at(0.1 * len(self.seen))

    def start(self) -> None:
        self.life.append("started")

    def stop(self) -> None:
        self.life.append("stopped")

    def observe(self, measurement: Measurement, result: CycleResult, now: Stamp) -> None:
        self.seen.append((measurement, result))

    def preview(self, now: Stamp) -> Preview:
        if now.monotonic_s > 25.0:
            return NO_PREVIEW
        points = np.arange(100.0)
        return Preview(points, 500.0 * points, points, 1200.0 - now.monotonic_s, 90e3, confidence=0.9)


class RealBench(Bench):
    def _create(self, name: str, values: Mapping[str, Any], truck: TruckDescription) -> Controller:
        return create(name, values, truck)


@pytest.fixture
def drive(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> RealBench:
    recording = {"folder": tmp_path / "recordings", "measurement_every_s": 0.0}
    bench = RealBench(
        monkeypatch,
        tmp_path,
        telemetry=FakeTelemetry(),
        controller=({"name": "pid"},),
        recording=recording,
    )
    cold = measured(
        temp=2.0, ambient_temp_degc=-5.0, coolant_inlet_temp_degc=2.0, coolant_outlet_temp_degc=2.0
    )
    bench.truck.now = cold
    bench.run(40.0)
    return bench


@pytest.fixture
def telemetry_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let every gateway of a bench be told that it has telemetry, as its file would."""
    from tests.unit.thermal_bms import gateway_bench

    plain = gateway_bench.loaded_gateway
    monkeypatch.setattr(
        gateway_bench,
        "loaded_gateway",
        lambda folder, **more: plain(folder, telemetry=settings(tmp_path), **more),
    )


@pytest.mark.usefixtures("telemetry_on")
class TestDrive:
    def test_every_tick_is_observed_and_the_thread_is_started_and_stopped(self, drive: RealBench) -> None:
        telemetry: Any = drive.gateway._telemetry
        assert telemetry.life == ["started", "stopped"]
        assert len(telemetry.seen) > 380
        measurement, result = telemetry.seen[-1]
        assert measurement.ambient_temp_degc == pytest.approx(-5.0, abs=0.1)
        assert result.command.thermal.pump_duty >= 0.0

    def test_the_preview_acts_and_the_recording_replays_bit_for_bit(
        self, drive: RealBench, tmp_path: Path
    ) -> None:
        (path,) = (tmp_path / "recordings").glob("*.rec")
        recording = Recording(path)
        assert len(recording.stream(PREVIEW)) == 4
        assert recording.stream("measurement")["heater_duty"].max() > 0.1
        link = replay_recording(recording, create)
        assert link.differences == []

    def test_without_its_previews_the_replay_would_differ(
        self, drive: RealBench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (path,) = (tmp_path / "recordings").glob("*.rec")
        monkeypatch.setattr(RecordedPreviews, "at", lambda *_: NO_PREVIEW)
        assert replay_recording(Recording(path), create).difference_count > 0

    def test_a_recorded_preview_comes_back_with_every_bit(self, drive: RealBench, tmp_path: Path) -> None:
        (path,) = (tmp_path / "recordings").glob("*.rec")
        previews = RecordedPreviews(Recording(path))
        times_s = Recording(path).stream(PREVIEW)["time_s"]
        assert previews.at(times_s[0] - 0.01) is NO_PREVIEW
        found, told = previews.at(times_s[0]), shortened(FakeTelemetry().preview(at(0.0)))
        assert np.array_equal(found.heat_w, told.heat_w)
        assert len(found.horizon_s) == POINTS_MAX
        assert found.charge_power_w == 90e3
        assert previews.at(times_s[-1]).confidence == 0.0


def test_the_configuration_of_a_gateway_carries_telemetry(tmp_path: Path) -> None:
    loaded = load_gateway(written(tmp_path, CONFIG + TELEMETRY))
    assert loaded.settings.telemetry is not None
    assert loaded.settings.telemetry.broker.key_file == tmp_path / "truck.key"


def test_a_missing_certificate_ends_the_service_in_one_line_before_anything_is_sent(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = CONFIG.replace('"socketcan"', '"virtual"') + TELEMETRY
    assert main(["gateway", "--config", str(written(tmp_path, config)), "--quiet"]) == 2
    said = capsys.readouterr().err
    assert "telemetry.broker.ca_file = " in said
    assert "put the PEM file there" in said


def test_telemetry_and_a_faster_clock_do_not_go_together(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = CONFIG.replace('"socketcan"', '"virtual"') + TELEMETRY
    assert main(["gateway", "--config", str(written(tmp_path, config)), "--speed", "5", "--quiet"]) == 2
    assert "telemetry needs real time" in capsys.readouterr().err


def test_the_library_is_not_imported_unless_telemetry_is_on() -> None:
    text = (
        "import sys, thermal_bms.cli.gateway, thermal_bms.gateway, thermal_bms.telemetry.service;"
        "print([name for name in sys.modules if name.partition('.')[0] in ('paho', 'scipy', 'numba', 'matplotlib')])"
    )
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
