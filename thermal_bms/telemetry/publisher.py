"""The line to the broker: MQTT 5 over TLS with a certificate on both sides.

The library's own thread connects, again and again with growing pauses; what it reports is queued and taken from
here by the telemetry thread. A message counts as arrived when the broker has confirmed it.
"""

import logging
import ssl
from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple, final

from thermal_bms.errors import ConfigError
from thermal_bms.telemetry.config import TelemetrySettings, check_files
from thermal_bms.telemetry.record import Key, Record, json_bytes

if TYPE_CHECKING:
    from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
    from paho.mqtt.properties import Properties
    from paho.mqtt.reasoncodes import ReasonCode

_LOG = logging.getLogger(__name__)

COMMAND, PLAN, STATUS = "command", "plan", "status"
INCOMING_MAX = 64
SESSION_S = 86_400
HOPELESS = (149, 153)  # packet too large, payload format invalid (MQTT 5.0, 2.4)
_QOS = 1
_FAILURE = 128
_REMEDY = "pip install 'thermal-bms[telemetry]'"


class Incoming(NamedTuple):
    """A document that came in: last part of its topic, payload."""

    topic: str
    payload: bytes


@final
class Publisher:
    """One connection. All methods but the callbacks are for one thread.

    Parameters
    ----------
    settings : broker, certificates, topics

    Attributes
    ----------
    connected : whether the broker can be reached
    under_way : messages sent and not confirmed, by the library's number
    refusing : whether the broker refused a message that it may take later; for the caller to clear
    refused : messages given up because the broker will never take them
    overrun : documents that came in faster than they were taken

    Raises
    ------
    ConfigError
        if the library or a certificate is missing or cannot be used.
    """

    def __init__(self, settings: TelemetrySettings) -> None:
        self._settings = settings
        self._incoming: deque[Incoming] = deque()
        self._answers: deque[tuple[int, int]] = deque()
        self.under_way: dict[int, Key] = {}
        self.connected = self.refusing = False
        self.refused = self.overrun = 0
        check_files(settings.broker)
        self._unreachable = False
        self._client = self._built()

    def start(self) -> None:
        """Start connecting; this does not wait for the broker."""
        broker = self._settings.broker
        self._client.connect_async(
            broker.host, broker.port, keepalive=broker.keep_alive_s, clean_start=False, properties=_session()
        )
        self._client.loop_start()

    def send(self, record: Record) -> None:
        """Hand a record to the library."""
        content = self._client.publish(
            self._settings.topic(record.key.kind.topic),
            record.message,
            qos=_QOS,
            properties=_content(deflated=not record.key.kind.urgent),
        )
        self.under_way[content.mid] = record.key

    def confirmed(self) -> list[Key]:
        """Return what has arrived since last asked, and what the broker will never take."""
        arrived = []
        while self._answers:
            mid, reason = self._answers.popleft()
            key = self.under_way.pop(mid, None)
            if key is None:
                continue
            if reason in HOPELESS:
                self.refused += 1
                _LOG.error("broker refused %s %d for good, reason %d", key.kind.topic, key.number, reason)
            elif reason >= _FAILURE:
                self.refusing = True
                _LOG.warning("broker refused %s %d, reason %d", key.kind.topic, key.number, reason)
                continue
            arrived.append(key)
        return arrived

    def incoming(self) -> list[Incoming]:
        """Return the documents that came in since last asked."""
        return [self._incoming.popleft() for _ in range(len(self._incoming))]

    def stop(self) -> None:
        """Say goodbye and end the library's thread."""
        if self.connected:
            self._client.publish(self._settings.topic(STATUS), _status("offline"), qos=_QOS, retain=True)
        self._client.disconnect()
        self._client.loop_stop()

    def _built(self) -> "Client":
        try:
            from paho.mqtt.client import Client, MQTTv5  # noqa: PLC0415  # only where telemetry is on
            from paho.mqtt.enums import CallbackAPIVersion  # noqa: PLC0415
        except ImportError as error:
            raise ConfigError(f"telemetry needs paho-mqtt ({error}): {_REMEDY}") from None
        settings, broker = self._settings, self._settings.broker
        client = Client(CallbackAPIVersion.VERSION2, client_id=settings.vehicle, protocol=MQTTv5)
        client.tls_set_context(_tls(settings))
        client.max_inflight_messages_set(broker.in_flight)
        client.reconnect_delay_set(1, broker.retry_max_s)
        client.will_set(settings.topic(STATUS), _status("lost"), qos=_QOS, retain=True)
        client.on_connect = self._on_connect
        client.on_connect_fail = self._on_connect_fail
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.on_message = self._on_message
        return client

    # The library's thread from here on: it only queues.

    def _on_connect(
        self,
        client: "Client",
        _userdata: Any,  # Any: the library's
        _flags: "ConnectFlags",
        reason: "ReasonCode",
        _properties: "Properties | None",
    ) -> None:
        if reason.is_failure:
            _LOG.error("broker %s refuses the connection: %s", self._settings.broker.host, reason)
            return
        settings = self._settings
        wanted = [name for name, on in ((COMMAND, settings.commands), (PLAN, settings.plans)) if on]
        for name in wanted:
            client.subscribe(settings.topic(name), qos=_QOS)
        client.publish(settings.topic(STATUS), _status("online"), qos=_QOS, retain=True)
        self.connected, self._unreachable = True, False
        _LOG.info("connected to broker %s", settings.broker.host)

    def _on_connect_fail(self, _client: "Client", _userdata: Any) -> None:  # Any: the library's
        if not self._unreachable:
            broker = self._settings.broker
            _LOG.warning("broker %s:%d cannot be reached, trying on", broker.host, broker.port)
        self._unreachable = True

    def _on_disconnect(
        self,
        _client: "Client",
        _userdata: Any,  # Any: the library's
        _flags: "DisconnectFlags",
        reason: "ReasonCode",
        _properties: "Properties | None",
    ) -> None:
        if self.connected and reason.is_failure:
            _LOG.warning("broker %s is gone: %s", self._settings.broker.host, reason)
        self.connected = False

    def _on_publish(
        self,
        _client: "Client",
        _userdata: Any,  # Any: the library's
        mid: int,
        reason: "ReasonCode",
        _properties: "Properties",
    ) -> None:
        self._answers.append((mid, reason.value))

    def _on_message(
        self, _client: "Client", _userdata: Any, message: "MQTTMessage"
    ) -> None:  # Any: the library's
        if len(self._incoming) >= INCOMING_MAX:
            self.overrun += 1
            return
        self._incoming.append(Incoming(message.topic.rpartition("/")[2], bytes(message.payload)))


def _tls(settings: TelemetrySettings) -> ssl.SSLContext:
    """Return a context that trusts one authority, checks the broker's name, and shows this truck's certificate."""
    broker = settings.broker
    try:
        context = ssl.create_default_context(cafile=str(broker.ca_file))
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(broker.certificate_file, broker.key_file)
    except (ssl.SSLError, OSError) as error:
        files = f"{broker.ca_file}, {broker.certificate_file}, {broker.key_file}"
        raise ConfigError(
            f"telemetry.broker: certificates cannot be used: {error}; expected PEM files that match ({files})"
        ) from None
    return context


def _session() -> "Properties":
    """Return how long the broker keeps commands for a truck that is away: a day, as long as they can be valid."""
    from paho.mqtt.packettypes import PacketTypes  # noqa: PLC0415
    from paho.mqtt.properties import Properties  # noqa: PLC0415

    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # the library's
    properties.SessionExpiryInterval = SESSION_S
    return properties


def _content(*, deflated: bool) -> "Properties":
    from paho.mqtt.packettypes import PacketTypes  # noqa: PLC0415
    from paho.mqtt.properties import Properties  # noqa: PLC0415

    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]  # the library's
    properties.ContentType = "application/json"
    if deflated:
        properties.UserProperty = ("content-encoding", "deflate")
    return properties


def _status(text: str) -> bytes:
    return json_bytes({"status": text})
