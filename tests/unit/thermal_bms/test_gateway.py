"""The service as a whole, without threads or wall time."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.unit.thermal_bms.bms_samples import charging, measured
from tests.unit.thermal_bms.gateway_bench import COMMANDS, WANTED, Bench, loaded_gateway
from thermal_bms.can.frame import Frame
from thermal_bms.can.j1939.diagnostics import PGN_DM1, FailureMode, decode_diagnosis
from thermal_bms.can.j1939.identifier import PGN_ADDRESS_CLAIMED, parse_identifier
from thermal_bms.can.port import ArrivalKind
from thermal_bms.errors import ConfigError
from thermal_bms.faults import FaultCode
from thermal_bms.gateway_config import GatewaySettings
from thermal_bms.gateway_parts import SERVICE
from thermal_bms.link import MEASUREMENT
from thermal_bms.persistence import StateStore, StoredState
from thermal_bms.recording import Recording
from thermal_bms.signals import ThermalCommand
from thermal_bms.step_marker import StepMarker

HOT_DEGC = 75.0


@pytest.fixture
def new_bench(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    return lambda **settings: Bench(monkeypatch, tmp_path, **settings)


def groups(bench: Bench) -> set[int]:
    return {parse_identifier(frame.identifier).pgn for _, frame in bench.port.out}


def test_an_active_gateway_commands_what_its_controller_wants(new_bench: Any) -> None:
    bench = new_bench().run(5.0)
    time_s, command = bench.truck.told[0]
    assert time_s < 0.5
    assert command.contactor_close == (True, True, True)
    before_stop = [command for time_s, command in bench.truck.told if time_s < 4.9]
    assert before_stop[-1].thermal.fan_duty == pytest.approx(WANTED.fan_duty, abs=0.003)
    assert before_stop[-1].thermal.valve_mode is WANTED.valve_mode
    assert before_stop[-1].discharge_power_max_w > 1e3
    assert groups(bench) > {slot.endpoint[0] for slot in COMMANDS.bus_map.slots}


def test_a_shadow_gateway_computes_and_records_but_sends_nothing(new_bench: Any, tmp_path: Path) -> None:
    bench = new_bench(mode="shadow").run(5.0)
    assert bench.port.out == []
    assert len(bench.best.seen) > 45
    (path,) = (tmp_path / "recordings").glob("*.rec")
    control = Recording(path).stream("control")
    assert control["pump_duty"][-1] == WANTED.pump_duty
    assert Recording(path).stream(SERVICE)["frames_sent"][-1] == 0.0


def test_shadow_is_the_default_and_active_needs_a_list(tmp_path: Path) -> None:
    assert GatewaySettings.model_fields["mode"].default == "shadow"
    with pytest.raises(ValueError, match=r"needs transmit\.allow"):
        loaded_gateway(tmp_path, transmit={})


def test_what_is_not_on_the_list_is_not_sent(new_bench: Any) -> None:
    bench = new_bench(transmit={"allow": ("THC1",)}, network={"claim": False}).run(3.0)
    assert groups(bench) == {0xFF38}


def test_the_loop_keeps_its_period_and_records_what_it_did(new_bench: Any, tmp_path: Path) -> None:
    new_bench(recording={"folder": tmp_path / "recordings", "measurement_every_s": 1.0}).run(10.0)
    (path,) = (tmp_path / "recordings").glob("*.rec")
    recording = Recording(path)
    assert recording.complete
    assert np.diff(recording.stream("control")["time_s"]) == pytest.approx(0.1)
    assert len(recording.stream(MEASUREMENT)) == pytest.approx(10, abs=1)
    assert recording.meta["stored"]["soc"] is None
    assert recording.stream(SERVICE)["lateness_s"].max() == 0.0


def test_nothing_is_commanded_before_everything_was_heard_once(new_bench: Any) -> None:
    bench = new_bench()
    bench.truck.silent = True
    bench.at(2.0, lambda: setattr(bench.truck, "silent", False))
    bench.run(4.0)
    assert bench.truck.told[0][0] >= 2.0
    assert {parse_identifier(f.identifier).pgn for t, f in bench.port.out if t < 2.0} <= {
        PGN_ADDRESS_CLAIMED,
        0xEA00,
    }


def test_after_a_while_it_begins_without_what_is_missing_and_says_so(
    new_bench: Any, caplog: pytest.LogCaptureFixture
) -> None:
    bench = new_bench(start_wait_s=1.0)
    bench.truck.silent = True
    with caplog.at_level(logging.INFO):
        bench.run(12.0)
    assert any(line.startswith("ready after 1.0") and "STRM from 128" in line for line in caplog.messages)
    command = bench.truck.told[-1][1]
    assert not any(command.contactor_close)
    assert command.charge_current_a == command.discharge_power_max_w == 0.0
    assert command.thermal.heater_duty == command.thermal.compressor_duty == 0.0


def test_a_truck_that_falls_silent_is_cooled_not_charged_and_reported(new_bench: Any) -> None:
    bench = new_bench()
    bench.truck.now = charging(temp=30.0)
    bench.at(3.0, lambda: setattr(bench.truck, "silent", True))
    bench.run(20.0)
    charged = [command.charge_current_a for time_s, command in bench.truck.told if 2.0 < time_s < 3.0]
    assert min(charged) > 10.0
    late = [command for time_s, command in bench.truck.told if 10.0 < time_s < 19.0]
    assert all(command.charge_current_a == 0.0 for command in late)
    assert all(command.thermal.heater_duty == 0.0 for command in late)
    codes = {fault.code for fault in bench.gateway.loop.result.faults}
    assert FaultCode.MEASUREMENT_STALE in codes
    assert FailureMode.UPDATE_RATE in {code.fmi for code in bench.gateway._link.state.trouble()}


def test_bus_trouble_shows_in_dm1_and_later_in_dm2(new_bench: Any) -> None:
    bench = new_bench()
    without_bus_voltage = [0xFF13]

    original = bench.port.arrive

    def filtered(frame: Frame = Frame(0, b""), kind: ArrivalKind = ArrivalKind.FRAME) -> None:  # noqa: B008
        lost = 5.0 < bench.clock.time_s < 10.0
        if not (lost and parse_identifier(frame.identifier).pgn in without_bus_voltage):
            original(frame, kind)

    bench.port.arrive = filtered
    bench.run(15.0)
    dm1 = [
        (time_s, decode_diagnosis(frame.data))
        for time_s, frame in bench.port.out
        if parse_identifier(frame.identifier).pgn == PGN_DM1
    ]
    modes = [(time_s, [code.fmi for code in said.codes]) for time_s, said in dm1 if said is not None]
    during = [found for time_s, found in modes if 6.0 < time_s < 10.0]
    assert all(FailureMode.UPDATE_RATE in found for found in during)
    assert modes[-1][1] == []
    assert bench.gateway._node.previous.codes != ()


def test_the_address_is_claimed_before_the_first_command(new_bench: Any) -> None:
    bench = new_bench().run(3.0)
    times = {parse_identifier(frame.identifier).pgn: time_s for time_s, frame in reversed(bench.port.out)}
    assert times[PGN_ADDRESS_CLAIMED] == 0.0
    assert times[0xFF38] >= 0.25


def test_when_it_stops_nothing_heats_and_contactors_stay(new_bench: Any) -> None:
    bench = new_bench()
    bench.best.wanted = ThermalCommand(pump_duty=0.6, fan_duty=0.2, compressor_duty=0.8)
    bench.truck.now = charging(temp=30.0)
    bench.run(15.0)
    running = [command for time_s, command in bench.truck.told if 14.0 < time_s < 15.0]
    assert min(command.thermal.compressor_duty for command in running) > 0.5
    assert min(command.charge_current_a for command in running) > 10.0
    left = bench.truck.told[-1][1]
    assert left.thermal.compressor_duty == left.thermal.heater_duty == left.charge_current_a == 0.0
    assert left.thermal.pump_duty == pytest.approx(0.6, abs=0.003)
    assert left.contactor_close == (True, True, True)
    assert bench.port.stopped


def test_a_gateway_stopped_before_it_was_ready_has_commanded_nothing(new_bench: Any) -> None:
    bench = new_bench()
    bench.truck.silent = True
    bench.run(1.0)
    assert bench.truck.told == []
    assert groups(bench) <= {PGN_ADDRESS_CLAIMED, 0xEA00}
    assert bench.port.stopped


def test_charge_energy_and_time_survive_a_restart(new_bench: Any, tmp_path: Path) -> None:
    first = new_bench()
    first.truck.now = measured(amp=100.0)
    first.run(30.0)
    stored = StateStore(tmp_path / "state").load()
    assert 0.0 < stored.soc < 1.0
    assert stored.discharged_j == pytest.approx(3 * 100.0 * 66.0 * stored.operating_s, rel=1e-3)
    second = new_bench()
    second.truck.now = measured(amp=100.0)
    second.run(30.0)
    again = StateStore(tmp_path / "state").load()
    assert again.soc == pytest.approx(stored.soc, abs=0.02)
    assert again.discharged_j == pytest.approx(2 * stored.discharged_j, rel=0.02)
    assert again.operating_s == pytest.approx(2 * stored.operating_s, rel=0.02)


def test_a_latched_fault_survives_a_restart(new_bench: Any) -> None:
    first = new_bench()
    first.at(3.0, lambda: setattr(first.truck, "now", measured(temp=HOT_DEGC)))
    first.run(20.0)
    latched = first.gateway.loop.unit.protection.latched
    assert FaultCode.CELL_TEMP_HIGH_DISCHARGE in {fault.code for fault in latched}
    second = new_bench().run(5.0)
    assert FaultCode.CELL_TEMP_HIGH_DISCHARGE in {f.code for f in second.gateway.loop.result.faults}
    assert not any(second.truck.told[-1][1].contactor_close)


def test_state_is_saved_at_once_when_a_fault_latches(new_bench: Any, tmp_path: Path) -> None:
    bench = new_bench(save_every_s=3600.0, recording={})
    found: list[StoredState] = []
    bench.at(3.0, lambda: setattr(bench.truck, "now", measured(temp=HOT_DEGC)))
    bench.at(15.0, lambda: found.append(StateStore(tmp_path / "state").load()))
    bench.run(16.0)
    assert found[0].latched


def test_a_disk_that_takes_no_state_does_not_stop_control(
    new_bench: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refused(_store: StateStore, _state: StoredState) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(StateStore, "save", refused)
    bench = new_bench(save_every_s=1.0, recording={}).run(5.0)
    assert len(bench.best.seen) > 45
    assert any("Read-only file system" in line for line in caplog.messages)


def test_a_failing_controller_is_replaced_and_tried_again_after_the_restart(
    new_bench: Any, tmp_path: Path
) -> None:
    bench = new_bench()
    bench.at(2.0, lambda: setattr(bench.best, "error", RuntimeError("infeasible")))
    bench.run(5.0)
    assert bench.gateway.loop.controller.active == "plain"
    assert bench.gateway.loop.controller.failures == {"best": "RuntimeError: infeasible"}
    assert StateStore(tmp_path / "state").load().disabled == {}
    assert new_bench().run(2.0).gateway.loop.controller.active == "best"


def test_a_controller_that_is_too_slow_three_times_in_a_row_is_replaced(new_bench: Any) -> None:
    bench = new_bench()
    step = bench.best.step

    def slow(*arguments: Any) -> ThermalCommand:
        bench.clock.time_s += 0.15 if bench.clock.time_s > 2.0 else 0.0
        return step(*arguments)

    bench.best.step = slow
    bench.run(5.0)
    failures = bench.gateway.loop.controller.failures
    assert failures["best"].startswith("a tick took 0.150 s, allowed 0.1 s")
    assert len([1 for seen in bench.best.seen if seen[0].time_s > 2.0]) == 3
    assert bench.gateway.skipped > 0


def test_the_last_controller_is_kept_however_slow_the_machine_is(new_bench: Any) -> None:
    bench = new_bench(controller=({"name": "best"},))
    step = bench.best.step

    def slow(*arguments: Any) -> ThermalCommand:
        bench.clock.time_s += 0.15
        return step(*arguments)

    bench.best.step = slow
    assert bench.run(5.0).gateway.loop.controller.failures == {}


def test_a_charge_controller_that_falls_silent_after_the_charge_is_no_trouble(new_bench: Any) -> None:
    bench = new_bench()
    bench.truck.now = charging(volt=3.31)
    original = bench.port.arrive

    def filtered(frame: Frame = Frame(0, b""), kind: ArrivalKind = ArrivalKind.FRAME) -> None:  # noqa: B008
        if not (bench.clock.time_s > 5.0 and frame.identifier & 0xFF == 73):
            original(frame, kind)

    bench.port.arrive = filtered
    bench.at(5.0, lambda: setattr(bench.truck, "now", measured()))
    bench.run(15.0)
    assert bench.gateway.loop.result.faults == ()
    assert bench.gateway._node.active.codes == ()


def test_a_marker_that_names_nobody_known_is_ignored(new_bench: Any, tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "step.marker").write_bytes(b"\x04\x00junk")
    assert new_bench().run(2.0).gateway.loop.controller.active == "best"


def test_a_controller_that_killed_the_process_before_stays_away(new_bench: Any, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    marker = StepMarker(tmp_path / "run" / "step.marker")
    marker.name("best")
    marker.__enter__()
    bench = new_bench(run_folder=tmp_path / "run").run(2.0)
    assert bench.gateway.loop.controller.active == "plain"
    assert "in the middle of its step" in StateStore(tmp_path / "state").load().disabled["best"]


def test_bus_off_holds_commands_back_and_the_log_says_so(
    new_bench: Any, caplog: pytest.LogCaptureFixture
) -> None:
    bench = new_bench()
    bench.at(3.0, lambda: bench.port.arrive(Frame(0x40, bytes(8)), ArrivalKind.ERROR_FRAME))
    bench.at(5.0, lambda: bench.port.arrive(kind=ArrivalKind.FAILED))
    bench.at(5.5, lambda: bench.port.arrive(kind=ArrivalKind.OPENED))
    with caplog.at_level(logging.INFO):
        bench.run(8.0)
    assert bench.port.reopened == ["bus-off"]
    commands = [time_s for time_s, f in bench.port.out if parse_identifier(f.identifier).pgn == 0xFF38]
    assert not [time_s for time_s in commands if 3.1 < time_s < 5.5]
    assert [time_s for time_s in commands if time_s > 5.6]
    assert "commands held back: bus bus_off, address claimed" in caplog.messages
    assert "commands go out: bus active, address claimed" in caplog.messages


def test_a_wrong_name_in_the_list_is_found_in_shadow_mode_too(new_bench: Any) -> None:
    with pytest.raises(ConfigError, match="no message THC2"):
        new_bench(mode="shadow", transmit={"allow": ("THC2",)})
