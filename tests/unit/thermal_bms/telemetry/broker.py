"""A real broker for tests: mosquitto on the loopback with TLS, and a back office that listens to it."""

import json
import os
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, final

import pytest
from paho.mqtt.client import Client, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion

from thermal_bms.telemetry.block import inflated

PROGRAM = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
WAIT_S = 20.0


def make_certificates(folder: Path) -> None:
    """Make an authority, and certificates for broker, truck, back office and a stranger of another authority."""
    for authority in ("ca", "other_ca"):
        _openssl(
            folder,
            f"req -x509 -days 2 -nodes {_KEY} -subj /CN={authority} -keyout {authority}.key -out {authority}.pem",
        )
    for name, authority in (("broker", "ca"), ("truck", "ca"), ("office", "ca"), ("stranger", "other_ca")):
        _openssl(folder, f"req -nodes {_KEY} -subj /CN={name} -keyout {name}.key -out {name}.csr")
        (folder / "san").write_text("subjectAltName=DNS:localhost")
        _openssl(
            folder,
            f"x509 -req -days 1 -in {name}.csr -CA {authority}.pem -CAkey {authority}.key -CAcreateserial"
            f" -extfile san -out {name}.pem",
        )


_KEY = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1"


def _openssl(folder: Path, arguments: str) -> None:
    subprocess.run(["openssl", *arguments.split()], cwd=folder, check=True, capture_output=True)  # noqa: S607


def wait_until(holds: Callable[[], bool], what: str) -> None:
    """Wait until something holds, at most WAIT_S."""
    for _ in range(round(WAIT_S / 0.02)):
        if holds():
            return
        time.sleep(0.02)
    pytest.fail(f"waited {WAIT_S:g} s in vain: {what}")


@final
class Broker:
    """mosquitto with certificates on both sides, on a free port; it can go away and come back."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self._config = folder / "mosquitto.conf"
        self._config.write_text(
            f"listener {self.port} 127.0.0.1\ncafile {folder / 'ca.pem'}\ncertfile {folder / 'broker.pem'}\n"
            f"keyfile {folder / 'broker.key'}\nrequire_certificate true\nallow_anonymous true\n"
            "max_queued_messages 0\nuser root\n"
        )
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        assert PROGRAM is not None
        self._process = subprocess.Popen(
            [PROGRAM, "-c", self._config], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        wait_until(self._listens, "broker listens")

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10.0)
            self._process = None

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


@final
class Office:
    """Who listens to the trucks and sends them commands."""

    def __init__(self, folder: Path, port: int) -> None:
        self.heard: list[tuple[str, dict[str, Any]]] = []
        self._ready = False
        context = ssl.create_default_context(cafile=str(folder / "ca.pem"))
        context.load_cert_chain(folder / "office.pem", folder / "office.key")
        self._client = Client(CallbackAPIVersion.VERSION2, client_id="office", protocol=MQTTv5)
        self._client.tls_set_context(context)
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = lambda client, *_: client.subscribe("thermal-bms/#", qos=1)
        self._client.on_subscribe = lambda *_: setattr(self, "_ready", True)
        self._client.on_message = self._on_message
        self._client.connect("localhost", port, clean_start=False)
        self._client.loop_start()
        wait_until(lambda: self._ready, "office has subscribed")

    def _on_message(self, _client: Client, _userdata: object, message: MQTTMessage) -> None:
        topic = message.topic.rpartition("/")[2]
        if topic in ("command", "plan"):
            return
        coded = getattr(message.properties, "UserProperty", [])
        payload = bytes(message.payload)
        deflate = ("content-encoding", "deflate") in coded
        self.heard.append((topic, inflated(payload) if deflate else json.loads(payload)))

    def said(self, topic: str) -> list[dict[str, Any]]:
        return [document for name, document in list(self.heard) if name == topic]

    def send(self, topic: str, payload: bytes) -> None:
        self._client.publish(f"thermal-bms/truck-1/{topic}", payload, qos=1).wait_for_publish(WAIT_S)

    def stop(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()
