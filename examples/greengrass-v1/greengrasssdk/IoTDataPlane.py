"""The client for "iot-data": publishes, and says that there are no shadows."""

import logging
import os
from typing import NoReturn, Protocol

_COMPONENT = ("SVCUID", "AWS_GG_NUCLEUS_DOMAIN_SOCKET_FILEPATH_FOR_COMPONENT")
_BROKER = "GREENGRASSSDK_MQTT_URL"
_POLICIES = ("", "BestEffort", "AllOrException")

log = logging.getLogger("greengrasssdk")


class ShadowError(Exception):
    """A shadow cannot be had: V1's name for it."""


class Way(Protocol):
    """How documents leave. `str()` of it says so in words."""

    def publish(self, topic: str, payload: bytes) -> None:
        """Publish; raises InvocationException unless it was acknowledged."""


class Client:
    """What `greengrasssdk.client("iot-data")` gives. Connects when something is published."""

    def __init__(self) -> None:
        self._way = _way()
        log.info("Publishing %s", self._way)

    def publish(self, **parameters: object) -> None:
        """Publish `payload` (str, bytes or a file to read from) on `topic`; wait until it is taken.

        `queueFullPolicy` is checked and means nothing here: nothing queues. Gives None as V1 did,
        passes over what it does not know, and raises ValueError for a missing topic or an unknown
        policy, TypeError for another payload, InvocationException if it was not acknowledged.
        """
        topic = parameters.get("topic")
        if not isinstance(topic, str) or not topic:
            raise ValueError("publish() needs a topic, as in publish(topic='twilio/txt', ...).")
        policy = parameters.get("queueFullPolicy", "")
        if policy not in _POLICIES:
            raise ValueError(f"queueFullPolicy {policy!r} is not 'BestEffort' or 'AllOrException'.")
        self._way.publish(topic, _bytes(parameters.get("payload", b"")))

    def get_thing_shadow(self, **_: object) -> NoReturn:
        """Raise ShadowError."""
        raise ShadowError("This greengrasssdk publishes only; it has no shadows.")

    update_thing_shadow = get_thing_shadow
    delete_thing_shadow = get_thing_shadow


def _way() -> Way:
    """Give the nucleus to a component, unless a broker is named; to anything else a broker."""
    if all(map(os.environ.get, _COMPONENT)) and not os.environ.get(_BROKER):
        from greengrasssdk.ipc import Nucleus  # noqa: PLC0415 - only here is awsiotsdk needed

        return Nucleus()
    from greengrasssdk.mqtt import Broker  # noqa: PLC0415 - only here is paho-mqtt needed

    return Broker()


def _bytes(payload: object) -> bytes:
    if hasattr(payload, "read"):
        payload = payload.read()
    if isinstance(payload, str):
        return payload.encode()
    if isinstance(payload, bytes | bytearray):
        return bytes(payload)
    raise TypeError(
        f"payload is a {type(payload).__name__}, not str or bytes: json.dumps(payload) makes one."
    )
