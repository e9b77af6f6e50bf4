"""Direct and replay links."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.contracts.check_link import same_bits
from tests.unit.thermal_bms.recorded_truck import FakeTruck, commands, record_truck
from thermal_bms.errors import LinkError, RecordingError
from thermal_bms.link import (
    DIFFERENCES_MAX,
    MEASUREMENT,
    CommandDifference,
    DirectLink,
    EndOfRecordingError,
    ReplayLink,
    measurement_columns,
)
from thermal_bms.recording import Recorder, Recording
from thermal_bms.signals import Command, Measurement

N_TICKS = 20


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return record_truck(tmp_path / "run.rec", N_TICKS)


@pytest.fixture
def replay(path: Path) -> ReplayLink:
    return ReplayLink(Recording(path))


def test_a_direct_link_passes_everything_on() -> None:
    truck = FakeTruck()
    link = DirectLink(truck)
    sent = commands(3)
    measured = []
    for command in sent:
        measured.append(link.read().time_s)
        link.write(command)
    assert measured == [0.0, 1.0, 2.0]
    assert truck.taken == sent


def test_a_replay_gives_the_very_same_measurements(replay: ReplayLink) -> None:
    truck = DirectLink(FakeTruck())
    assert len(replay) == N_TICKS
    for command in commands(N_TICKS):
        assert same_bits(replay.read(), truck.read())
        truck.write(command)
    assert replay.at_end


def test_the_same_commands_make_no_difference(replay: ReplayLink) -> None:
    for command in commands(N_TICKS):
        replay.read()
        replay.write(command)
    assert replay.differences == []
    assert replay.difference_count == 0
    assert replay.command_count == N_TICKS


def changed(command: Command, name: str, value: object) -> Command:
    if name == "pump_duty":
        return replace(command, thermal=replace(command.thermal, pump_duty=value))
    return replace(command, **{name: value})


@pytest.mark.parametrize(
    ("tick", "name", "value"),
    [
        (5, "pump_duty", np.nextafter(5 / N_TICKS, 1.0)),
        (5, "charge_current_a", float("nan")),
        (3, "regen_power_max_w", 1e5),
        (5, "contactor_close", (True, True)),
        (5, "contactor_close", ()),
        (0, "contactor_close", (True, True)),
    ],
)
def test_a_command_that_differs_in_one_value_is_reported_with_its_time(
    replay: ReplayLink, tick: int, name: str, value: object
) -> None:
    for index, command in enumerate(commands(N_TICKS)):
        replay.read()
        replay.write(changed(command, name, value) if index == tick else command)
    (difference,) = replay.differences
    assert difference.time_s == float(tick)
    assert difference.name == name
    assert difference.replayed is value or difference.replayed == value
    assert replay.difference_count == 1


def test_many_differences_are_counted_but_not_all_kept(tmp_path: Path) -> None:
    replay = ReplayLink(Recording(record_truck(tmp_path / "long.rec", DIFFERENCES_MAX + 50)))
    for command in commands(DIFFERENCES_MAX + 50):
        replay.read()
        replay.write(replace(command, charge_current_a=-1.0))
    assert replay.difference_count == DIFFERENCES_MAX + 50
    assert len(replay.differences) == DIFFERENCES_MAX
    assert replay.differences[1] == CommandDifference(1.0, "charge_current_a", 0.1, -1.0)


def test_the_end_of_the_recording_is_an_error_of_its_own(replay: ReplayLink) -> None:
    for _ in range(N_TICKS):
        assert not replay.at_end
        replay.read()
    assert replay.at_end
    for _ in range(2):
        with pytest.raises(EndOfRecordingError, match=r"run\.rec: ends at 19 s, after 20 measurements"):
            replay.read()


def test_an_incomplete_recording_is_replayed_as_far_as_it_goes(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])
    replay = ReplayLink(Recording(path))
    assert len(replay) == 16
    for _ in range(16):
        replay.read()
    with pytest.raises(EndOfRecordingError, match=r"\(incomplete\): ends at 15 s"):
        replay.read()


def test_a_command_before_the_first_measurement_is_refused(replay: ReplayLink) -> None:
    with pytest.raises(LinkError, match="before any measurement was read"):
        replay.write(Command())


def test_a_recording_without_measurements_says_how_to_record_them(tmp_path: Path) -> None:
    with Recorder(tmp_path / "run.rec", {}, {"signals": ["time_s"]}):
        pass
    with pytest.raises(RecordingError, match=r"--set recording\.measurements=true"):
        ReplayLink(Recording(tmp_path / "run.rec"))


def test_measurements_of_another_version_are_refused(tmp_path: Path) -> None:
    columns = measurement_columns(FakeTruck().measure())
    columns["suction_pressure_bar"] = columns.pop("suction_pressure_pa")
    with Recorder(tmp_path / "run.rec", {}, {MEASUREMENT: columns}):
        pass
    with pytest.raises(RecordingError, match="differ in suction_pressure_bar, suction_pressure_pa"):
        ReplayLink(Recording(tmp_path / "run.rec"))


def test_a_replayed_measurement_is_a_copy_of_its_own(replay: ReplayLink) -> None:
    first, second = replay.read(), replay.read()
    assert isinstance(first, Measurement)
    before = second.cell_voltage_v.copy()
    first.cell_voltage_v[:] = 0.0
    np.testing.assert_array_equal(second.cell_voltage_v, before)
