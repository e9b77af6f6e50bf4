from pathlib import Path

import can
import pytest

from tests.unit.thermal_bms.bms_samples import measured
from tests.unit.thermal_bms.telemetry.telemetry_samples import needs_openssl
from tests.unit.thermal_bms.telemetry.test_certificate import KEY, openssl
from tests.unit.thermal_bms.telemetry.test_in_gateway import TELEMETRY
from tests.unit.thermal_bms.test_gateway_config import CONFIG, written
from thermal_bms.can import port
from thermal_bms.can.bus_image import BusSender
from thermal_bms.can.bus_map import PackShape
from thermal_bms.can.codec import MeasurementCodec
from thermal_bms.cli import doctor, main
from thermal_bms.faults import Fault, FaultCode, Severity
from thermal_bms.persistence import StateStore, StoredState

Captured = pytest.CaptureFixture[str]
VIRTUAL = CONFIG.replace('"socketcan"', '"virtual"').replace('"can0"', '"doctor"')


def test_a_machine_is_described(capsys: Captured, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "can7").mkdir()
    (tmp_path / "can7" / "type").write_text("280\n")
    (tmp_path / "eth0").mkdir()
    (tmp_path / "eth0" / "type").write_text("1\n")
    monkeypatch.setattr(doctor, "_NET", tmp_path)
    monkeypatch.setattr(doctor, "_environment_findings", list)
    assert main(["doctor"]) == 0
    said = capsys.readouterr().out
    assert "interfaces: can7\n" in said
    assert "cantools 4" in said
    assert said.endswith("all is well\n")


def test_what_is_missing_or_harmful_is_named(capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "PACKAGES", ("numpy", "cantool"))
    monkeypatch.setattr(doctor.importlib.util, "find_spec", lambda _name: object())
    assert main(["doctor"]) == 1
    said = capsys.readouterr().out
    assert "! cantool is missing" in said
    assert "! asammdf is installed" in said


def test_silence_is_told_in_plain_words(tmp_path: Path, capsys: Captured) -> None:
    path = written(tmp_path, VIRTUAL)
    assert main(["doctor", "--config", str(path), "--seconds", "0.05"]) == 1
    said = capsys.readouterr().out
    assert "nothing of this truck on virtual:doctor: check wiring, bitrate and addresses" in said
    assert "nothing stored yet" in said


def test_what_the_bus_carries_and_what_is_stored_is_told(
    tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path, VIRTUAL)
    fault = Fault(FaultCode.CELL_TEMP_HIGH_DISCHARGE, Severity.TRIP, 0.0, 70.0, 60.0, 0)
    StateStore(tmp_path / "state").save(StoredState(soc=0.5, latched=(fault,), disabled={"mpc": "hung"}))
    codec = MeasurementCodec(PackShape(3, 20, 4))
    sender = BusSender(codec.bus_map)
    frames = sender.frames(codec.flatten(measured()), 0.0)
    original = port.Port.start

    def started(self: port.Port) -> None:
        original(self)
        with can.Bus(interface="virtual", channel="doctor") as other:
            for frame in frames:
                if frame.identifier & 0xFF != 160:
                    other.send(can.Message(arbitration_id=frame.identifier, data=frame.data))
            other.send(can.Message(arbitration_id=0x18F00331, data=bytes(8)))

    monkeypatch.setattr(port.Port, "start", started)
    assert main(["doctor", "--config", str(path), "--seconds", "0.3"]) == 1
    said = capsys.readouterr().out
    assert "! JBOX from 160: missing: never heard" in said
    assert "not expected: group 61443 (0xF003) from 49, 1 times" in said
    assert "! latched fault CELL_TEMP_HIGH_DISCHARGE" in said
    assert "! controller mpc is out of service: hung" in said
    assert "stored: charge 0.500" in said


@needs_openssl
def test_an_old_certificate_of_telemetry_is_told(tmp_path: Path, capsys: Captured) -> None:
    for name in ("ca", "truck"):
        call = f"req -x509 -nodes {KEY} -subj /CN={name} -days 2 -keyout {name}.key -out {name}.pem"
        openssl(tmp_path, call)
    path = written(tmp_path, VIRTUAL + TELEMETRY)
    assert main(["doctor", "--config", str(path), "--seconds", "0.05"]) == 1
    said = capsys.readouterr().out
    assert "telemetry: truck-1 to localhost:8883; taken from there: nothing" in said
    assert "truck.pem ends in 2 days: renew it" in said


def test_a_missing_certificate_of_telemetry_is_told_too(tmp_path: Path, capsys: Captured) -> None:
    path = written(tmp_path, VIRTUAL + TELEMETRY)
    assert main(["doctor", "--config", str(path), "--seconds", "0.05"]) == 1
    assert "! telemetry.broker.ca_file = " in capsys.readouterr().out
