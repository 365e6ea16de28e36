"""What a device does: publish a request and wait for its status, by MQTT 3.1.1 or 5."""

import json
import queue
import secrets
import threading
import time
from collections.abc import Collection, Iterator, Sequence
from typing import Any, Self

from paho.mqtt.client import (
    Client,
    ConnectFlags,
    DisconnectFlags,
    MQTTMessage,
    MQTTv5,
    MQTTv311,
)
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from callbox.config import Mqtt
from callbox.config.iotcore import is_iot_core
from callbox.errors import HostError
from callbox.hosts.address import Address
from callbox.hosts.refusals import remedy, why_closed, why_unreachable
from callbox.hosts.tls import tls_context

PATIENCE = 2.0
"""Seconds that a broker gets to answer, and a gateway to be seen."""
_QOS = 1


class Device:
    """A client of the gateway's broker. Use it as a context manager; any thread may close it."""

    def __init__(self, mqtt: Mqtt) -> None:
        self._mqtt = mqtt
        self._inbox: queue.SimpleQueue[MQTTMessage | None] = queue.SimpleQueue()
        self._answered = threading.Event()
        self._subscribed = threading.Event()
        self._refusal: str | None = None
        self._socket: object = None
        self.session = f"{_session_prefix(mqtt)}-{secrets.token_hex(6)}"
        self._client = Client(
            CallbackAPIVersion.VERSION2,
            self.session,
            protocol=MQTTv5 if mqtt.version == "5" else MQTTv311,
        )
        self._client.connect_timeout = PATIENCE
        self._client.on_socket_open = self._on_socket_open
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = lambda _client, _data, message: self._inbox.put(message)
        if mqtt.username is not None:
            password = mqtt.password.get_secret_value() if mqtt.password else None
            self._client.username_pw_set(mqtt.username, password)
        tls = tls_context(mqtt.ca, mqtt.cert, mqtt.key, mqtt.alpn) if mqtt.tls else None
        if tls is not None:
            self._client.tls_set_context(tls)
        certified = mqtt.cert is not None
        self._address = Address(mqtt.host, mqtt.port, tls=tls, certified=certified)

    def __enter__(self) -> Self:
        """Connect. Raises HostError with a sentence."""
        try:
            self._client.connect(self._address.host, self._address.port)
        except (OSError, UnicodeError) as error:
            raise HostError(why_unreachable(self._address, error)) from error
        self._client.loop_start()
        if not self._answered.wait(PATIENCE):
            self._refusal = why_unreachable(self._address, TimeoutError())
        if self._refusal:
            self.close()
            raise HostError(self._refusal)
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Disconnect, and have whoever waits stop waiting."""
        self._inbox.put(None)
        self._client.disconnect()
        self._client.loop_stop()

    def listen(self, topics: Sequence[str]) -> None:
        """Subscribe to topics below the base topic. Raises HostError if one is refused."""
        self._subscribe([self._topic(topic) for topic in topics])

    def _subscribe(self, topics: Sequence[str]) -> None:
        self._subscribed.clear()
        self._client.subscribe([(topic, _QOS) for topic in topics])
        if not self._subscribed.wait(PATIENCE):
            raise HostError("The broker does not answer a subscription")
        if self._refusal:
            raise HostError(f"The broker refuses to show {', '.join(topics)}: {self._refusal}")

    def listen_to_all(self) -> None:
        """Subscribe to every topic there is. Raises HostError if that is refused."""
        self._subscribe(["#"])

    def sees_gateway(self, patience: float = PATIENCE) -> bool:
        """Tell whether a gateway is online at this broker, on this base topic."""
        self.listen(["bridge/state"])
        found = ((message.topic, message.payload) for message in self.messages(patience))
        return (self._topic("bridge/state"), b"online") in found

    def publish(self, kind: str, document: dict[str, Any]) -> None:
        """Publish a request. Raises HostError unless the broker acknowledged it."""
        sent = self._client.publish(self._topic(kind), json.dumps(document), _QOS)
        sent.wait_for_publish(PATIENCE)
        if not sent.is_published():
            raise HostError("The broker does not acknowledge the request: it may be lost")

    def statuses(
        self, request_id: str | None = None, patience: float | None = None
    ) -> Iterator[dict[str, Any]]:
        """Give statuses as they come, of one request or of all; `listen` for them first."""
        for status in self.documents("message/status", patience):
            if request_id in {None, status["id"]}:
                yield status

    def documents(self, topic: str, patience: float | None = None) -> Iterator[dict[str, Any]]:
        """Give the documents on a topic as they come; `listen` for them first."""
        for _, document in self.everything([topic], patience):
            yield document

    def everything(
        self, topics: Collection[str], patience: float | None = None
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        """Give topic and document of what comes on these topics; `listen` for them first."""
        for message in self.messages(patience):
            topic = message.topic.removeprefix(self._topic(""))
            if topic in topics:
                yield topic, json.loads(message.payload)

    def messages(self, patience: float | None = None) -> Iterator[MQTTMessage]:
        """Give what arrives, until `patience` is over (None: never) or the device is closed."""
        ends = None if patience is None else time.monotonic() + patience
        while True:
            left = None if ends is None else max(0.0, ends - time.monotonic())
            try:
                message = self._inbox.get(timeout=left)
            except queue.Empty:
                return
            if message is None:
                return
            yield message

    def _topic(self, name: str) -> str:
        return f"{self._mqtt.base_topic}/{name}"

    def _on_socket_open(self, _client: Client, _data: object, sock: object) -> None:
        self._socket = sock

    def _on_connect(
        self,
        _client: Client,
        _data: object,
        _flags: ConnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if reason.is_failure:
            advice = remedy(self._address, self.session)
            self._refusal = (
                f"The broker at {self._address} refuses the connection: {reason}; {advice}"
            )
        self._answered.set()

    def _on_disconnect(
        self,
        _client: Client,
        _data: object,
        _flags: DisconnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if not self._answered.is_set():
            self._refusal = why_closed(self._address, self.session, self._socket, str(reason))
            self._answered.set()

    def _on_subscribe(
        self,
        _client: Client,
        _data: object,
        _mid: int,
        reasons: list[ReasonCode],
        _properties: Properties | None,
    ) -> None:
        self._refusal = next((str(reason) for reason in reasons if reason.is_failure), None)
        self._subscribed.set()


def _session_prefix(mqtt: Mqtt) -> str:
    """Give what a session's id begins with: at AWS, policies let clients in by their ids."""
    if mqtt.client_id and is_iot_core(mqtt.host):
        return mqtt.client_id
    return "callbox"
