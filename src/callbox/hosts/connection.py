"""One connection to an MQTT broker: paho's client and its network thread, seen from the loop.

Every connection has a client of its own, so an acknowledgement can only leave on the connection
that delivered its message. Callbacks of the network thread hop into the loop in batches, in order.
"""

import asyncio
import contextlib
import logging
import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from callbox.config import iotcore
from callbox.errors import HostError
from callbox.hosts.address import Address
from callbox.hosts.hop import Hop
from callbox.hosts.refusals import RefusedError, remedy, why_closed, why_unreachable

log = logging.getLogger(__name__)

QOS = 1
_CONNECT_SECONDS = 10.0
_CLOSE_SECONDS = 1.0
_RETAINED_NOT_WANTED = 2  # MQTT 5 retain handling, section 3.8.3.1
_MOST_IN_FLIGHT = 65_535  # what a broker takes that does not say otherwise
_MOST_UNACKNOWLEDGED = 1_000  # what waits in memory while the disk refuses

_PACKET_ADDS = 64  # bytes, at most, to topic, payload and correlation data

_CALLBACKS = (
    "on_socket_open", "on_connect", "on_disconnect", "on_message", "on_publish", "on_subscribe",
)  # fmt: skip

SESSION_TAKEN_OVER = 0x8E
_PROTOCOL_ERROR = 0x82


@dataclass(frozen=True, slots=True)
class Session:
    """What is asked of the broker: a session that outlives connections, and a last will."""

    client_id: str
    version: int  # MQTTv311 or MQTTv5
    expiry: int  # seconds
    keepalive: int
    will_topic: str


@dataclass(frozen=True, slots=True)
class Granted:
    """What the broker answered to CONNECT. `expiry`: seconds, None where it did not say less."""

    session_present: bool
    expiry: int | None
    window: int  # publishes in flight
    largest: int | None = None  # bytes of a packet


@dataclass(frozen=True, slots=True)
class Published:
    """The broker's answer to a publish of ours: `refused` names why it did not take it."""

    mid: int
    refused: str | None


@dataclass(frozen=True, slots=True)
class Subscribed:
    """The broker's answer to a subscription: a refusal per topic, None where granted."""

    mid: int
    refusals: tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class Lost:
    """The connection is over. `unreadable`: we ended it, not understanding what came."""

    reason: str
    taken_over: bool
    unreadable: bool = False


Signal = MQTTMessage | Published | Subscribed | Lost
Handler = Callable[[Sequence[Signal]], None]


class Connection:
    """Open it once; after `Lost` it is of no more use."""

    def __init__(self, address: Address, session: Session) -> None:
        self._address = address
        self._session = session
        self._loop = asyncio.get_running_loop()
        self._connected: asyncio.Future[Granted] = self._loop.create_future()
        self._over = asyncio.Event()
        self._inbox: Hop[Signal] = Hop(self._loop)
        self._socket: object = None
        self._largest: int | None = None
        self._given_up = False
        self._too_large = 0
        self._told_too_large: set[str] = set()
        self._client = self._make_client()

    def _make_client(self) -> Client:
        session = self._session
        client = Client(
            CallbackAPIVersion.VERSION2,
            session.client_id,
            clean_session=None if session.version == MQTTv5 else False,
            protocol=MQTTProtocolVersion(session.version),
            reconnect_on_failure=False,
            manual_ack=True,
        )
        client.connect_timeout = _CONNECT_SECONDS
        client.max_inflight_messages_set(0)
        client.will_set(session.will_topic, b"offline", QOS, retain=True)
        if self._address.username is not None:
            client.username_pw_set(self._address.username, self._address.password)
        if self._address.tls is not None:
            client.tls_set_context(self._address.tls)
        client.on_socket_open = self._on_socket_open
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = lambda _client, _data, message: self._inbox.put(message)
        client.on_publish = self._on_publish
        client.on_subscribe = self._on_subscribe
        return client

    async def open(self) -> Granted:
        """Connect. Raises HostError with a sentence, RefusedError if the broker answered no."""
        address, session = self._address, self._session
        options: dict[str, Any] = {}
        if session.version == MQTTv5:
            properties = Properties(PacketTypes.CONNECT)
            properties.SessionExpiryInterval = session.expiry
            properties.ReceiveMaximum = _MOST_UNACKNOWLEDGED
            options = {"clean_start": False, "properties": properties}
        try:
            await _in_thread(partial(self._connect, options))
            self._client.loop_start()
            async with asyncio.timeout(_CONNECT_SECONDS):
                return await self._connected
        except (OSError, TimeoutError, UnicodeError) as error:
            await self.close()
            raise HostError(why_unreachable(address, error)) from error
        except HostError:
            await self.close()
            raise
        except asyncio.CancelledError:  # or the session would be held for ever
            self._given_up = True
            await self.close()
            raise

    def _connect(self, options: dict[str, Any]) -> None:
        address = self._address
        self._client.connect(address.host, address.port, self._session.keepalive, **options)
        if self._given_up:
            self._client.disconnect()

    def deliver_to(self, handler: Handler) -> None:
        """Give everything that has arrived, and will, to `handler`, in the loop."""
        self._inbox.deliver_to(handler)

    def acknowledge(self, mid: int) -> None:
        """Send the PUBACK of a message that came on this connection."""
        self._client.ack(mid, QOS)

    def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        retain: bool = False,
        correlation: bytes | None = None,
        expiry: int | None = None,
    ) -> int:
        """Publish at QoS 1 and give the id by which `Published` will name it.

        `expiry`: seconds after which the broker is to forget it (MQTT 5 only). What is larger than
        the broker takes is refused here: it would end the connection.
        """
        size = len(topic.encode()) + len(payload) + len(correlation or b"") + _PACKET_ADDS
        if self._largest is not None and size > self._largest:
            return self._refuse(topic, len(payload))
        properties = None
        asked = correlation is not None or expiry is not None
        if asked and self._session.version == MQTTv5:
            properties = Properties(PacketTypes.PUBLISH)
            if correlation is not None:
                properties.CorrelationData = correlation
            if expiry is not None:
                properties.MessageExpiryInterval = expiry
        return self._client.publish(topic, payload, QOS, retain, properties).mid

    def _refuse(self, topic: str, size: int) -> int:
        """Answer in the broker's place, under an id that it never gives."""
        reason = f"it has {size} bytes, and the broker takes packets of {self._largest} at most"
        if topic not in self._told_too_large:
            self._told_too_large.add(topic)
            log.error("A document on %s is not published: %s", topic, reason)
        self._too_large -= 1
        self._inbox.put(Published(self._too_large, reason))
        return self._too_large

    def subscribe(self, topics: Sequence[str], *, retained: bool = False) -> int | None:
        """Ask for topics and give the id by which `Subscribed` will name it; None if it is over.

        `retained`: whether what the broker has kept is wanted too (MQTT 5 only, always before). It
        comes at QoS 0 then: at QoS 1 it would wait behind all that the session holds.
        """
        qos = 0 if retained else QOS
        wanted: list[Any] = [(topic, qos) for topic in topics]
        if self._session.version == MQTTv5:
            handling = 0 if retained else _RETAINED_NOT_WANTED
            options = SubscribeOptions(qos=qos, retainHandling=handling)
            wanted = [(topic, options) for topic in topics]
        return self._client.subscribe(wanted)[1]

    def unsubscribe(self, topics: Sequence[str]) -> None:
        """Withdraw a subscription that the session may still have."""
        self._client.unsubscribe(list(topics))

    async def close(self) -> None:
        """Disconnect and end the network thread, whatever the broker does."""
        self._client.disconnect()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self._over.wait()
        sock = self._client.socket()
        if isinstance(sock, socket.socket):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        await asyncio.to_thread(self._client.loop_stop)
        self._inbox.deliver_to(None)
        for name in _CALLBACKS:  # or its sockets wait for the garbage collector
            setattr(self._client, name, None)

    def _on_socket_open(self, _client: Client, _data: object, sock: object) -> None:
        self._socket = sock
        if isinstance(sock, socket.socket):  # or a status waits for what acknowledges a PUBACK
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _on_connect(
        self,
        _client: Client,
        _data: object,
        flags: ConnectFlags,
        reason: ReasonCode,
        properties: Properties | None,
    ) -> None:
        if reason.is_failure:
            refused = RefusedError(str(reason), remedy(self._address, self._session.client_id))
            self._loop.call_soon_threadsafe(_fail, self._connected, refused)
            return
        window, largest = _usual_limits(self._address)
        granted = Granted(
            flags.session_present,
            getattr(properties, "SessionExpiryInterval", None),
            getattr(properties, "ReceiveMaximum", window),
            getattr(properties, "MaximumPacketSize", largest),
        )
        self._largest = granted.largest
        self._loop.call_soon_threadsafe(_finish, self._connected, granted)

    def _on_disconnect(
        self,
        _client: Client,
        _data: object,
        flags: DisconnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        ours = not flags.is_disconnect_packet_from_server
        unreadable = ours and reason.value == _PROTOCOL_ERROR
        lost = Lost(str(reason), reason.value == SESSION_TAKEN_OVER, unreadable)
        self._inbox.put(lost)
        with contextlib.suppress(RuntimeError):  # the loop is closed already
            self._loop.call_soon_threadsafe(self._end, lost)

    def _end(self, lost: Lost) -> None:
        self._over.set()
        why = why_closed(self._address, self._session.client_id, self._socket, lost.reason)
        _fail(self._connected, HostError(why))

    def _on_publish(
        self,
        _client: Client,
        _data: object,
        mid: int,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        self._inbox.put(Published(mid, str(reason) if reason.is_failure else None))

    def _on_subscribe(
        self,
        _client: Client,
        _data: object,
        mid: int,
        reasons: list[ReasonCode],
        _properties: Properties | None,
    ) -> None:
        refusals = tuple(str(reason) if reason.is_failure else None for reason in reasons)
        self._inbox.put(Subscribed(mid, refusals))


def _finish(future: asyncio.Future[Granted], granted: Granted) -> None:
    if not future.done():
        future.set_result(granted)


def _fail(future: asyncio.Future[Granted], error: HostError) -> None:
    if not future.done():
        future.set_exception(error)


async def _in_thread(work: Callable[[], object]) -> None:
    """Run what may hang (DNS, TCP, TLS) where nothing waits for it when the gateway stops."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()

    def finish(error: Exception | None) -> None:
        if not done.done():
            done.set_exception(error) if error else done.set_result(None)

    def run() -> None:
        error: Exception | None = OSError("it failed in an unforeseen way")
        try:
            work()
            error = None
        except (OSError, UnicodeError) as fault:
            error = fault
        finally:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(finish, error)

    threading.Thread(target=run, name="callbox-connect", daemon=True).start()
    await done


def _usual_limits(address: Address) -> tuple[int, int | None]:
    """Give the window, and the largest packet, of a broker that does not tell them."""
    if iotcore.is_iot_core(address.host):
        return iotcore.MOST_IN_FLIGHT, iotcore.MOST_PAYLOAD
    return _MOST_IN_FLIGHT, None
