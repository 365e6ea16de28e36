"""Publishing over MQTT 3.1.1, at QoS 1, with a connection for each document.

GREENGRASSSDK_MQTT_URL       mqtt://host:port or mqtts://host:port; mqtt://127.0.0.1:1883 if not set
GREENGRASSSDK_MQTT_USERNAME  and GREENGRASSSDK_MQTT_PASSWORD: the login, if the broker wants one
GREENGRASSSDK_MQTT_CA        with mqtts: the authority to trust, if it is not one of the system's
GREENGRASSSDK_MQTT_CERT      and GREENGRASSSDK_MQTT_KEY: with mqtts, the certificate to show
"""

import os
import ssl
from functools import partial
from queue import Empty, SimpleQueue
from urllib.parse import urlsplit

from paho.mqtt.client import Client, ConnectFlags
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from greengrasssdk.Lambda import InvocationException

SECONDS = 10.0
QOS = 1
_PREFIX = "GREENGRASSSDK_MQTT_"
_PORTS = {"mqtt": 1883, "mqtts": 8883}


class Broker:
    """The broker that the environment names. Raises ValueError if the address is none."""

    def __init__(self) -> None:
        url = urlsplit(_setting("URL") or "mqtt://127.0.0.1:1883")
        if url.scheme not in _PORTS or not url.hostname or "@" in url.netloc:
            raise ValueError(
                f"{_PREFIX}URL has to be mqtt://host:port or mqtts://host:port; a login is"
                f" {_PREFIX}USERNAME and {_PREFIX}PASSWORD."
            )
        self._encrypted = url.scheme == "mqtts"
        self._host, self._port = url.hostname, url.port or _PORTS[url.scheme]

    def __str__(self) -> str:
        return f"over MQTT{' with TLS' * self._encrypted} to {self._host}:{self._port}"

    def publish(self, topic: str, payload: bytes) -> None:
        """Connect, publish, wait for the broker's acknowledgement, disconnect."""
        outcomes: SimpleQueue[str] = SimpleQueue()
        client = self.client(reconnects=False)
        client.on_connect = partial(_say, outcomes, topic, payload)
        client.on_publish = lambda *_: outcomes.put("")
        client.on_disconnect = lambda *told: outcomes.put(f"the connection was lost ({told[3]})")
        self.connect(client)
        client.loop_start()
        try:
            fault = outcomes.get(timeout=SECONDS)
        except Empty:
            fault = f"no acknowledgement within {SECONDS:g} s"
        client.disconnect()
        client.loop_stop()
        if fault:
            raise InvocationException(f"Publishing on {topic} {self} failed: {fault}.")

    def client(self, *, reconnects: bool) -> Client:
        """Give a client that is not connected yet."""
        client = Client(CallbackAPIVersion.VERSION2, reconnect_on_failure=reconnects)
        client.connect_timeout = SECONDS
        if username := _setting("USERNAME"):
            client.username_pw_set(username, _setting("PASSWORD"))
        if self._encrypted:
            client.tls_set_context(_tls())
        return client

    def connect(self, client: Client) -> None:
        """Connect a client; raises InvocationException if the broker cannot be reached."""
        try:
            client.connect(self._host, self._port)
        except OSError as error:
            raise InvocationException(
                f"The broker cannot be reached {self}: {error.strerror or error}."
            ) from error


def _say(
    outcomes: SimpleQueue[str],
    topic: str,
    payload: bytes,
    client: Client,
    _data: object,
    _flags: ConnectFlags,
    reason: ReasonCode,
    _properties: Properties | None,
) -> None:
    if reason.is_failure:
        outcomes.put(f"the broker refuses the connection ({reason})")
    else:
        client.publish(topic, payload, QOS)


def _tls() -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=_setting("CA"))
        # Python 3.13 would refuse the authorities that people make by themselves.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        if certificate := _setting("CERT"):
            context.load_cert_chain(certificate, _setting("KEY"))
    except OSError as error:
        raise InvocationException(
            f"{_PREFIX}CA, {_PREFIX}CERT and {_PREFIX}KEY have to name PEM files: {error}."
        ) from error
    return context


def _setting(name: str) -> str | None:
    return os.environ.get(_PREFIX + name) or None
