"""A thing that publishes requests and listens: a paho client that waits for acknowledgements."""

import asyncio
import json
import ssl
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from paho.mqtt.client import (
    Client,
    ConnectFlags,
    DisconnectFlags,
    MQTTMessage,
    MQTTMessageInfo,
    MQTTv5,
)
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from harness.waiting import until


@dataclass(frozen=True, slots=True)
class Received:
    """A document that came."""

    topic: str
    payload: bytes
    retain: bool
    correlation: bytes | None

    @property
    def document(self) -> Any:  # noqa: ANN401 - whatever JSON says
        """What the payload says."""
        return json.loads(self.payload)


class Device:
    """Connects, and again after every loss. All it hears is in `received`, in order."""

    def __init__(
        self,
        port: int,
        *,
        name: str = "device",
        version: int = MQTTv5,
        topics: tuple[str, ...] = ("twilio/message/#", "twilio/bridge/#"),
        login: tuple[str, str] | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.port = port
        self.received: list[Received] = []
        self.acknowledged: set[int] = set()
        self.refused: dict[int, str] = {}
        self.sent: list[int] = []
        self._topics = topics
        self._heard: dict[str, list[Received]] = defaultdict(list)
        self._statuses: dict[str | None, list[bytes]] = defaultdict(list)
        self._subscribed = 0
        self.connected = False
        self._version = version
        self._client = self._make(name, login, tls)

    def _make(self, name: str, login: tuple[str, str] | None, tls: ssl.SSLContext | None) -> Client:
        client = Client(
            CallbackAPIVersion.VERSION2,
            name,
            clean_session=None if self._version == MQTTv5 else False,
            protocol=MQTTProtocolVersion(self._version),
        )
        client.reconnect_delay_set(1, 1)
        client.max_inflight_messages_set(1000)
        if login is not None:
            client.username_pw_set(*login)
        if tls is not None:
            client.tls_set_context(tls)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        return client

    async def connect(self) -> None:
        """Connect, and wait until the subscriptions are granted."""
        options: dict[str, Any] = {}
        if self._version == MQTTv5:
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            properties.SessionExpiryInterval = 3600
            options = {"clean_start": False, "properties": properties}
        await asyncio.to_thread(self._client.connect, "127.0.0.1", self.port, 60, **options)
        self._client.loop_start()
        await until(lambda: self._subscribed, "the device is subscribed")

    async def close(self) -> None:
        """Disconnect."""
        self._client.disconnect()
        await asyncio.to_thread(self._client.loop_stop)

    # saying

    def publish(
        self,
        topic: str,
        document: object,
        *,
        qos: int = 1,
        retain: bool = False,
        reply_to: tuple[str, bytes] | None = None,
        expiry: int | None = None,
    ) -> int:
        """Publish a document (or bytes as they are) below `twilio/`."""
        payload = document if isinstance(document, bytes) else json.dumps(document).encode()
        properties = _publish_properties(reply_to, expiry)
        info: MQTTMessageInfo = self._client.publish(
            f"twilio/{topic}", payload, qos, retain, properties
        )
        if qos:
            self.sent.append(info.mid)
        return info.mid

    async def flushed(self) -> None:
        """Wait until the broker has acknowledged everything."""
        await until(
            lambda: self.acknowledged.issuperset(self.sent), "the broker acknowledges all requests"
        )

    # hearing

    def heard(self, topic: str) -> list[Received]:
        """Give what came below `twilio/` on a topic."""
        return self._heard[f"twilio/{topic}"]

    def heard_on(self, topic: str) -> list[Received]:
        """Give what came on a whole topic."""
        return self._heard[topic]

    def statuses(self, request_id: str | None) -> list[bytes]:
        """Give the status documents of a request, as they came."""
        return self._statuses[request_id]

    @property
    def answered(self) -> set[str | None]:
        """The ids of requests that have a status."""
        return {request_id for request_id, found in list(self._statuses.items()) if found}

    async def status(self, request_id: str | None) -> Any:  # noqa: ANN401 - a document
        """Wait for the first status of a request and give it."""
        found = await until(lambda: self._statuses[request_id], f"a status of {request_id}")
        return json.loads(found[0])

    async def hears(self, topic: str, number: int = 1) -> list[Received]:
        """Wait for so many documents on a topic below `twilio/`."""
        await until(lambda: len(self.heard(topic)) >= number, f"{number} documents on {topic}")
        return self.heard(topic)

    async def ask(self, command: str, document: object = b"") -> Any:  # noqa: ANN401 - a document
        """Send a `bridge/request` and give what it is answered."""
        answers = self.heard(f"bridge/response/{command}")
        known = len(answers)
        self.publish(f"bridge/request/{command}", document)
        await until(lambda: len(answers) > known, f"an answer to {command}")
        return answers[known].document

    async def health(self) -> Any:  # noqa: ANN401 - a document
        """Ask how the gateway is."""
        return (await self.ask("health_check"))["data"]

    @property
    def state(self) -> str | None:
        """The last `bridge/state`."""
        said = self.heard("bridge/state")
        return said[-1].payload.decode() if said else None

    async def offline(self) -> None:
        """Wait until the gateway, or its last will, says that it is gone."""
        await until(lambda: self.state == "offline", "bridge/state is offline")

    # the network thread

    def _on_connect(
        self,
        client: Client,
        _data: object,
        _flags: ConnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if not reason.is_failure:
            self.connected = True
            client.subscribe([(topic, 1) for topic in self._topics])

    def _on_disconnect(
        self,
        _client: Client,
        _data: object,
        _flags: DisconnectFlags,
        _reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        self.connected = False

    def _on_subscribe(
        self,
        _client: Client,
        _data: object,
        _mid: int,
        _reasons: list[ReasonCode],
        _properties: Properties | None,
    ) -> None:
        self._subscribed += 1

    def _on_message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        correlation = getattr(message.properties, "CorrelationData", None)
        came = Received(message.topic, bytes(message.payload), message.retain, correlation)
        if message.topic == "twilio/message/status":
            self._statuses[came.document["id"]].append(came.payload)
        self._heard[message.topic].append(came)
        self.received.append(came)

    def _on_publish(
        self,
        _client: Client,
        _data: object,
        mid: int,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if reason.is_failure:
            self.refused[mid] = str(reason)
        self.acknowledged.add(mid)


def _publish_properties(
    reply_to: tuple[str, bytes] | None, expiry: int | None
) -> Properties | None:
    if reply_to is None and expiry is None:
        return None
    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    if reply_to is not None:
        properties.ResponseTopic, properties.CorrelationData = reply_to
    if expiry is not None:
        properties.MessageExpiryInterval = expiry
    return properties
