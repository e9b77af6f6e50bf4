"""Telemetry against a real broker: mosquitto with TLS and certificates on both sides."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.unit.thermal_bms.bms_samples import TRUCK, FakeController, measured
from tests.unit.thermal_bms.telemetry.broker import PROGRAM, Broker, Office, make_certificates, wait_until
from tests.unit.thermal_bms.telemetry.telemetry_samples import (
    buffer,
    command,
    encoded,
    needs_openssl,
    settings,
    tick,
)
from thermal_bms.cycle import ControlUnit
from thermal_bms.errors import ConfigError
from thermal_bms.telemetry.block import columns_of, undone
from thermal_bms.telemetry.publisher import INCOMING_MAX, Incoming, Publisher
from thermal_bms.telemetry.record import Key, Kind
from thermal_bms.telemetry.remote import BATTERY_TEMP, MODE, READY_AT, SETTABLE
from thermal_bms.telemetry.service import QUEUE_MAX, REFRESH_S, Telemetry
from thermal_bms.telemetry.stamp import Stamp, iso_time
from thermal_bms.telemetry.store import Store

pytestmark = [
    needs_openssl,
    pytest.mark.skipif(PROGRAM is None, reason="needs the program mosquitto: apt-get install mosquitto"),
]

EVERY_S = 0.1
WAIT = 30.0
KILLED = """
import sys, time
from pathlib import Path
from tests.unit.thermal_bms.telemetry.telemetry_samples import settings, tick
from thermal_bms.telemetry.service import Telemetry
from thermal_bms.telemetry.stamp import Stamp
telemetry = Telemetry(settings(Path(sys.argv[1]), every_s=0.1), "boot-1", now)
telemetry.start()
measurement, result = tick()
number = 0
while True:
    telemetry.observe(measurement, result, now())
    number += 1
    print(number, time.monotonic(), flush=True)
    time.sleep(0.1)
"""


def now() -> Stamp:
    return Stamp(time.monotonic(), time.time())  # noqa: TID251  # a real service has a real clock


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certificates")
    make_certificates(folder)
    return folder


@pytest.fixture
def broker(certificates: Path) -> Iterator[Broker]:
    one = Broker(certificates)
    one.start()
    yield one
    one.stop()


@pytest.fixture
def office(certificates: Path, broker: Broker) -> Iterator[Office]:
    one = Office(certificates, broker.port)
    yield one
    one.stop()


def telemetry(
    certificates: Path, broker: Broker, tmp_path: Path, boot: str = "boot-1", **more: Any
) -> Telemetry:
    chosen = settings(certificates, broker.port, every_s=EVERY_S, commands=True, plans=True, **more)
    kept = chosen.buffer.model_copy(update={"folder": tmp_path})
    chosen = chosen.model_copy(update={"buffer": kept})
    return Telemetry(chosen, boot, now, acts_on=SETTABLE)


def drive(one: Telemetry, ticks: int, start: int = 0) -> None:
    """Observe so many ticks, each with its number as the speed in tenths of a km/h, as fast as rows are taken."""
    unit = ControlUnit(TRUCK, FakeController())
    for number in range(start, start + ticks):
        measurement, result = tick(unit, time_s=float(number), vehicle_speed_m_per_s=number / 36.0)
        one.observe(measurement, result, Stamp(float(number), 1e9 + number))


def numbers(office: Office) -> list[int]:
    """Return the numbers of the ticks that the office has heard of, in the order in which it did."""
    return [
        round(10.0 * (value or 0.0))
        for block in office.said("summary")
        for value in columns_of(block)["Vehicle.Speed"]
    ]


def test_what_the_truck_saw_arrives_in_order_and_once(
    certificates: Path, broker: Broker, office: Office, tmp_path: Path
) -> None:
    one = telemetry(certificates, broker, tmp_path)
    one.start()
    drive(one, 23)
    wait_until(lambda: one._publisher.connected, "the truck is online")
    one.stop()
    wait_until(lambda: len(numbers(office)) >= 23, "all ticks have arrived")
    assert numbers(office) == list(range(23))
    assert undone(office.said("summary")[1]["service_ms"]) == [5000, 6000, 7000, 8000, 9000]
    assert [one["status"] for one in office.said("status")] == ["online", "offline"]
    assert one.figures().waiting == 0


def test_while_the_broker_is_gone_nothing_is_lost(
    certificates: Path, broker: Broker, office: Office, tmp_path: Path
) -> None:
    one = telemetry(certificates, broker, tmp_path)
    one.start()
    drive(one, 10)
    wait_until(lambda: len(numbers(office)) >= 10, "the first ticks have arrived")
    broker.stop()
    wait_until(lambda: not one._publisher.connected, "the truck notices")
    drive(one, 100, start=10)
    wait_until(lambda: not one._queue, "the buffer has them")
    broker.start()
    wait_until(lambda: len(set(numbers(office))) >= 110, "everything has arrived")
    one.stop()
    heard = numbers(office)
    assert sorted(set(heard)) == list(range(110))
    assert list(dict.fromkeys(heard)) == list(range(110))


def test_a_killed_service_loses_at_most_the_last_second(certificates: Path) -> None:
    text = KILLED.replace("telemetry =", "now = lambda: Stamp(time.monotonic(), time.time())\ntelemetry =", 1)
    call = [sys.executable, "-c", text, str(certificates)]
    with subprocess.Popen(call, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        seen = [process.stdout.readline() for _ in range(30)]
        process.send_signal(signal.SIGKILL)
        seen += process.stdout.readlines()
    offered = [float(line.split()[1]) for line in seen if line.endswith("\n")]
    store = Store(buffer(certificates / "buffer"), "boot-2", now())
    kept = sum(record.rows for record in store.first(1000, ()))
    store.close()
    old_enough = sum(moment < offered[-1] - 1.0 for moment in offered)
    assert len(offered) >= kept >= old_enough > 10


def test_a_command_within_its_limits_becomes_a_preview_and_is_acknowledged(
    certificates: Path, broker: Broker, office: Office, tmp_path: Path
) -> None:
    one = telemetry(certificates, broker, tmp_path)
    one.start()
    wait_until(lambda: bool(office.said("status")), "the truck is online")
    start = now()
    ready_at = iso_time(start.wall_s + 1800.0)
    document = command(**{MODE: "DRIVING_PREPARATION", READY_AT: ready_at, BATTERY_TEMP: 20})
    document |= {"issued": iso_time(start.wall_s), "expires": iso_time(start.wall_s + 600.0)}
    office.send("command", encoded(document))
    office.send("command", encoded(document))
    wait_until(lambda: len(office.said("acknowledgement")) == 2, "both are acknowledged")
    answers = office.said("acknowledgement")
    assert [answer["reason"] for answer in answers] == ["ACCEPTED", "REPLAYED"]
    assert {answer["id"] for answer in answers} == {"c-1"}
    assert one.preview(now()).departure_in_s == pytest.approx(1800.0, abs=WAIT)
    assert one.setpoints.battery_temp_degc == 20.0
    one.stop()
    again = telemetry(certificates, broker, tmp_path, boot="boot-2")
    again.start()
    wait_until(lambda: again.setpoints.battery_temp_degc == 20.0, "the set-point survives the restart")
    office.send("command", encoded(document))
    wait_until(lambda: len(office.said("acknowledgement")) == 3, "the replay is answered")
    assert office.said("acknowledgement")[2]["reason"] == "REPLAYED"
    again.stop()


def test_a_plan_becomes_a_preview_and_rubbish_is_answered(
    certificates: Path, broker: Broker, office: Office, tmp_path: Path
) -> None:
    one = telemetry(certificates, broker, tmp_path, plan_file=tmp_path / "plan.json")
    start = now().wall_s
    plan = {
        "id": "p-1",
        "issued": iso_time(start),
        "expires": iso_time(start + 7200.0),
        "confidence": 0.8,
        "charge_start": iso_time(start + 3600.0),
        "charge_power_w": 350e3,
    }
    (tmp_path / "plan.json").write_bytes(encoded({**plan, "issued": iso_time(start - 10.0), "id": "p-0"}))
    one.start()
    wait_until(lambda: one.preview(now()).charge_power_w == 350e3, "the plan in the file is used")
    office.send("plan", encoded(plan))
    office.send("plan", b"\xff\x00 rubbish")
    wait_until(lambda: len(office.said("acknowledgement")) == 3, "all three are acknowledged")
    assert [answer["reason"] for answer in office.said("acknowledgement")] == [
        "ACCEPTED",
        "ACCEPTED",
        "MALFORMED",
    ]
    preview = one.preview(now())
    assert preview.charge_in_s == pytest.approx(3600.0, abs=WAIT)
    assert preview.confidence == pytest.approx(0.8, abs=0.01)
    one.stop()


def test_what_is_not_switched_on_is_not_even_subscribed(
    certificates: Path, broker: Broker, office: Office, tmp_path: Path
) -> None:
    chosen = settings(certificates, broker.port)
    kept = chosen.buffer.model_copy(update={"folder": tmp_path})
    one = Telemetry(chosen.model_copy(update={"buffer": kept}), "boot-1", now)
    one.start()
    wait_until(lambda: bool(office.said("status")), "the truck is online")
    office.send("command", encoded(command(**{BATTERY_TEMP: 20})))
    drive(one, 5)
    wait_until(lambda: len(office.said("summary")) == 1, "the summary has arrived")
    one.stop()
    assert office.said("acknowledgement") == []
    assert one.setpoints.battery_temp_degc is None


def test_a_truck_with_a_certificate_of_another_authority_does_not_get_in(
    certificates: Path, broker: Broker, tmp_path: Path
) -> None:
    chosen = settings(certificates, broker.port)
    stranger = {"certificate_file": certificates / "stranger.pem", "key_file": certificates / "stranger.key"}
    publisher = Publisher(chosen.model_copy(update={"broker": chosen.broker.model_copy(update=stranger)}))
    publisher.start()
    time.sleep(1.5)
    assert not publisher.connected
    publisher.stop()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # paho leaves the socket open
def test_a_broker_of_another_authority_is_not_trusted(certificates: Path, broker: Broker) -> None:
    chosen = settings(certificates, broker.port)
    other = chosen.broker.model_copy(update={"ca_file": certificates / "other_ca.pem"})
    publisher = Publisher(chosen.model_copy(update={"broker": other}))
    publisher.start()
    time.sleep(1.5)
    assert not publisher.connected
    publisher.stop()


def test_certificate_and_key_that_do_not_match_are_refused_in_one_line(certificates: Path) -> None:
    chosen = settings(certificates)
    other = chosen.broker.model_copy(update={"key_file": certificates / "office.key"})
    with pytest.raises(ConfigError, match=r"certificates cannot be used: .*mismatch"):
        Publisher(chosen.model_copy(update={"broker": other}))


def test_the_control_loop_never_waits_for_a_thread_that_stands_still(
    certificates: Path, broker: Broker, tmp_path: Path
) -> None:
    one = telemetry(certificates, broker, tmp_path)  # its thread is never started
    measurement, result = tick()
    for number in range(QUEUE_MAX + 7):
        one.observe(measurement, result, Stamp(float(number), float(number)))
    assert len(one._queue) == QUEUE_MAX
    assert one.overrun == 7


def test_what_was_lost_is_told_once_there_is_somebody_to_tell(
    certificates: Path, broker: Broker, office: Office, tmp_path: Path
) -> None:
    one = telemetry(certificates, broker, tmp_path)
    measurement, result = tick()
    for number in range(QUEUE_MAX + 7):
        one.observe(measurement, result, Stamp(float(number), float(number)))
    one.start()
    wait_until(lambda: one._publisher.connected, "the truck is online")
    one._refresh_at_s = 0.0
    wait_until(lambda: bool(losses(office)), "the losses are told")
    one._refresh_at_s = 0.0
    one.stop()
    assert [event["overrun"] for event in losses(office)] == [7]


def losses(office: Office) -> list[dict[str, Any]]:
    return [event for event in office.said("event") if event["event"] == "losses"]


def test_a_thread_that_stumbles_gets_up_and_says_so_once(
    certificates: Path,
    broker: Broker,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    one = telemetry(certificates, broker, tmp_path)

    def stumble(*_: object) -> None:
        raise RuntimeError("stone")

    with monkeypatch.context() as patched:
        patched.setattr(one._store, "add", stumble)
        drive(one, 1)
        assert not one._guarded(one._turn)
        drive(one, 1, start=1)
        assert not one._guarded(one._turn)
    assert caplog.text.count("telemetry stumbled") == 1
    drive(one, 5, start=2)
    one._guarded(one._turn)
    assert [record.rows for record in one._store.first(99, ()) if record.key.kind is Kind.SUMMARY] == [5]


def test_what_the_broker_refuses_for_now_is_kept_and_what_it_never_takes_is_given_up(
    certificates: Path,
) -> None:
    publisher = Publisher(settings(certificates))
    quota, too_large = Key("b", Kind.SUMMARY, 1), Key("b", Kind.SUMMARY, 2)
    publisher.under_way |= {5: quota, 6: too_large}
    publisher._answers.extend([(5, 151), (6, 149), (7, 0)])
    assert publisher.confirmed() == [too_large]
    assert publisher.refusing
    assert publisher.refused == 1
    assert publisher.under_way == {}


def test_after_a_refusal_sending_pauses(certificates: Path, broker: Broker, tmp_path: Path) -> None:
    one = telemetry(certificates, broker, tmp_path)
    drive(one, 10)
    one._guarded(one._turn)
    one._publisher.connected = one._publisher.refusing = True
    assert not one._send(Stamp(100.0, 100.0))
    assert not one._send(Stamp(100.0 + REFRESH_S - 0.1, 110.0))
    assert one._publisher.under_way == {}
    assert one._send(Stamp(100.0 + REFRESH_S, 110.0))
    assert len(one._publisher.under_way) > 0


def test_a_flood_of_documents_is_bounded_and_counted(certificates: Path) -> None:
    publisher = Publisher(settings(certificates))
    message: Any = SimpleNamespace(topic="a/b/command", payload=b"x")
    for _ in range(INCOMING_MAX + 3):
        publisher._on_message(publisher._client, None, message)
    assert len(publisher.incoming()) == INCOMING_MAX
    assert publisher.overrun == 3


def test_a_document_that_comes_although_it_is_switched_off_is_refused(
    certificates: Path, tmp_path: Path
) -> None:
    chosen = settings(certificates)
    kept = chosen.buffer.model_copy(update={"folder": tmp_path})
    one = Telemetry(chosen.model_copy(update={"buffer": kept}), "boot-1", now)
    for topic in ("command", "plan"):
        answer = one._handled(Incoming(topic, encoded(command(**{BATTERY_TEMP: 20}))), now())
        assert b'"NOT_ALLOWED"' in answer.payload


def test_a_tick_that_cannot_be_summed_up_does_no_harm(
    certificates: Path, broker: Broker, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    one = telemetry(certificates, broker, tmp_path)
    _, result = tick()
    one.observe(measured(string_voltage_v="rubbish"), result, now())
    assert "cannot be summed up" in caplog.text
