"""What was recorded comes out again: a gateway's own recordings to the bit, a bus log nearly so."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import can
import numpy as np
import pytest

from controllers.registry import create
from tests.unit.thermal_bms.bms_samples import charging, measured
from tests.unit.thermal_bms.gateway_bench import Bench, loaded_gateway
from tests.unit.thermal_bms.test_gateway_config import CONFIG, written
from thermal_bms.can.port import ArrivalKind
from thermal_bms.cli import main
from thermal_bms.cli import replay as replay_verb
from thermal_bms.description import TruckDescription
from thermal_bms.errors import LinkError, RecordingError
from thermal_bms.gateway_config import LoadedGateway
from thermal_bms.interfaces import Controller
from thermal_bms.log_link import Stamped, read_log
from thermal_bms.recording import Recorder, Recording
from thermal_bms.replay import replay_log, replay_recording

CONTROLLERS = ({"name": "pid"}, {"name": "thermostat"})


class RealBench(Bench):
    """A bench with the real controllers."""

    def _create(self, name: str, settings: Mapping[str, Any], truck: TruckDescription) -> Controller:
        return create(name, settings, truck)


@pytest.fixture
def drive(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> RealBench:
    """A gateway that has driven, been hot, charged, and lost its truck for a while."""
    recording = {"folder": tmp_path / "recordings", "measurement_every_s": 0.0}
    bench = RealBench(monkeypatch, tmp_path, controller=CONTROLLERS, recording=recording)
    bench.at(5.0, lambda: setattr(bench.truck, "now", measured(temp=38.0, amp=150.0, volt=3.25)))
    bench.at(15.0, lambda: setattr(bench.truck, "now", charging(temp=31.0, volt=3.31)))
    bench.at(25.0, lambda: setattr(bench.truck, "silent", True))
    bench.at(29.0, lambda: setattr(bench.truck, "silent", False))
    bench.run(35.0)
    return bench


def recording_of(folder: Path) -> Recording:
    (path,) = (folder / "recordings").glob("*.rec")
    return Recording(path)


def test_a_gateways_own_recording_comes_out_again_bit_for_bit(drive: RealBench, tmp_path: Path) -> None:
    recording = recording_of(tmp_path)
    assert np.ptp(recording.stream("measurement")["fan_duty"]) > 0.1
    assert recording.stream("measurement")["charge_current_a"].max() > 0.0
    link = replay_recording(recording, create)
    assert link.command_count == len(recording.stream("measurement")) > 300
    assert link.differences == []


def test_a_replay_begins_with_the_memory_of_then(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    recording = {"folder": tmp_path / "recordings", "measurement_every_s": 0.0}
    for folder in ("first", "second"):
        bench = RealBench(
            monkeypatch,
            tmp_path,
            controller=CONTROLLERS,
            recording={**recording, "folder": tmp_path / folder / "recordings"},
        )
        bench.truck.now = measured(amp=100.0, temp=75.0 if folder == "first" else 25.0)
        bench.run(20.0)
    second = recording_of(tmp_path / "second")
    assert second.meta["stored"]["latched"]
    assert replay_recording(second, create).difference_count == 0


def test_another_controller_shows_as_differences(drive: RealBench, tmp_path: Path) -> None:
    def other(_name: str, _settings: Mapping[str, Any], truck: TruckDescription) -> Controller:
        return create("thermostat", {}, truck)

    link = replay_recording(recording_of(tmp_path), other)
    assert link.difference_count > 0
    assert {"pump_duty", "fan_duty"} & {one.name for one in link.differences}


def test_a_recording_with_gaps_is_refused_with_the_remedy(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    Bench(monkeypatch, tmp_path).run(3.0)
    with pytest.raises(RecordingError, match=r"record with recording\.measurement_every_s = 0"):
        replay_recording(recording_of(tmp_path), create)


def test_a_recording_of_something_else_is_refused(tmp_path: Path) -> None:
    with Recorder(tmp_path / "day.rec", {"title": "a day"}, {"signals": ["time_s"]}):
        pass
    with pytest.raises(RecordingError, match="not the recording of a gateway"):
        replay_recording(Recording(tmp_path / "day.rec"), create)


def bus_log(bench: Bench) -> list[Stamped]:
    """Return everything that crossed the bus, in order."""
    heard = [(one.time_s, one.frame) for one in bench.port.heard if one.kind is ArrivalKind.FRAME]
    return sorted([*heard, *bench.port.out], key=lambda stamped: stamped[0])


def gateway(folder: Path) -> LoadedGateway:
    return loaded_gateway(folder, controller=CONTROLLERS)


def test_a_bus_log_comes_out_nearly_as_it_was(drive: RealBench, tmp_path: Path) -> None:
    link = replay_log(bus_log(drive), gateway(tmp_path), create)
    deviations = link.deviations
    assert deviations["pump_duty"].count > 300
    for name in ("pump_duty", "fan_duty", "compressor_duty", "heater_duty"):
        assert deviations[name].sum_abs / deviations[name].count < 0.02, name
    assert deviations["contactor_close"].differing <= 10
    assert deviations["valve_mode"].differing <= 10


def write_log(path: Path, frames: list[Stamped]) -> Path:
    """Write a bus log, with a frame of another kind at its end."""
    with can.Logger(path) as log:
        for time_s, frame in frames:
            number, data = frame
            log(can.Message(timestamp=1e9 + time_s, arbitration_id=number, data=data, is_extended_id=True))
        log(can.Message(timestamp=1e9 + 99.0, arbitration_id=0x123, data=b"\x01", is_extended_id=False))
    return path


@pytest.mark.parametrize("suffix", [".asc", ".blf", ".log"])
def test_the_usual_log_formats_are_read(drive: RealBench, tmp_path: Path, suffix: str) -> None:
    expected = bus_log(drive)[:500]
    path = write_log(tmp_path / f"drive{suffix}", expected)
    found = list(read_log(path))
    assert [frame for _, frame in found] == [frame for _, frame in expected]
    assert [time_s for time_s, _ in found] == pytest.approx([time_s for time_s, _ in expected], abs=1e-5)


def test_files_that_are_no_logs_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="cannot be read"):
        list(read_log(tmp_path / "none.asc"))
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "broken.log").write_bytes(b"nonsense" * 100)
    for name in ("notes.txt", "broken.log"):
        with pytest.raises(RecordingError, match="not a bus log that can be read"):
            list(read_log(tmp_path / name))


def test_a_log_without_a_truck_is_refused(tmp_path: Path) -> None:
    def nothing() -> Iterator[Stamped]:
        return iter(())

    with pytest.raises(LinkError, match="holds no frame"):
        replay_log(nothing(), gateway(tmp_path), create)


def test_a_log_that_is_over_before_everything_was_heard_says_what_is_missing(
    drive: RealBench, tmp_path: Path
) -> None:
    with pytest.raises(LinkError, match="over before a first tick; missing in it: CELLV from 128"):
        replay_log(bus_log(drive)[:1], gateway(tmp_path), create)


def test_a_log_in_which_something_is_never_heard_is_replayed_after_ten_seconds(
    drive: RealBench, tmp_path: Path
) -> None:
    without = [one for one in bus_log(drive) if one[1].identifier & 0xFF != 160]
    link = replay_log(without, gateway(tmp_path), create)
    assert link.state.missing() == ["JBOX from 160"]
    assert 200 < link.deviations["pump_duty"].count < 260


def test_the_command_line_says_whether_every_bit_is_the_same(
    drive: RealBench, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = recording_of(tmp_path).path
    assert main(["replay", str(path)]) == 0
    assert "commands, every bit the same" in capsys.readouterr().out
    monkeypatch.setattr(
        replay_verb, "create", lambda _name, _settings, truck: create("thermostat", {}, truck)
    )
    assert main(["replay", str(path)]) == 1
    assert "pump_duty: recorded" in capsys.readouterr().out


def test_the_command_line_shows_how_far_a_bus_log_is_off(
    drive: RealBench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = write_log(tmp_path / "drive.asc", bus_log(drive))
    assert main(["replay", str(log)]) == 2
    assert "a bus log needs --config" in capsys.readouterr().err
    config = CONFIG.replace('name = "pid"', 'name = "thermostat"')
    assert main(["replay", str(log), "--config", str(written(tmp_path, config))]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["command", "ticks", "differing", "mean", "difference", "largest"]
    assert {"pump_duty", "contactor_close"} <= {line.split()[0] for line in lines[2:]}


def test_a_log_of_a_bus_that_nobody_commanded_has_nothing_to_compare(
    drive: RealBench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    truck_only = [one for one in bus_log(drive) if one[1].identifier & 0xFF != 243]
    log = write_log(tmp_path / "drive.log", truck_only)
    assert main(["replay", str(log), "--config", str(written(tmp_path))]) == 0
    assert "holds no commands to compare with" in capsys.readouterr().out
