"""Requests from any MQTT 3.1.1 or 5 broker, and events back to it.

A request is acknowledged (PUBACK) after its commit, in order, on the connection that delivered it.
The session outlives connections: what is published while the gateway is away waits at the broker.
"""

import asyncio
import contextlib
import hashlib
import logging
import random
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from paho.mqtt.client import MQTTMessage, MQTTv5, MQTTv311
from pydantic_core import from_json

from callbox.domain.notification import ON_TOPICS, Kind
from callbox.errors import HostError
from callbox.hosts.address import Address
from callbox.hosts.bridge import Desk, answer
from callbox.hosts.connection import (
    Connection,
    Granted,
    Lost,
    Published,
    Session,
    Signal,
    Subscribed,
)
from callbox.hosts.publisher import Publisher
from callbox.hosts.refusals import RefusedError
from callbox.intake import Asked
from callbox.outbox import Outbox
from callbox.ports import MQTT, Origin, Store, Submission
from callbox.stopping import unless
from callbox.wire import to_document

log = logging.getLogger(__name__)

_REQUESTS = ON_TOPICS
_BRIDGE_REQUEST = "bridge/request/"

_BATCH = 32  # requests to a transaction's job, so that a burst does not hold up what is sent
_FIRST_BACKOFF = 1.0
_LONGEST_BACKOFF = 60.0
_SHORT_LIFE = 5.0  # seconds; a session that ends sooner, often, is fought over
_FIGHTS = 3
_SUBSCRIBE_SECONDS = 10.0
_MOST_UNACKNOWLEDGEABLE = 1000  # requests at QoS 0 that wait for the disk

# paho takes no U+FEFF in a string, which the standard allows (MQTT 5, 1.5.4).
_UNREADABLE = (
    "a message has MQTT 5 properties that cannot be read, and what is behind it would wait"
)

Reader = Callable[[Kind, bytes, Asked], Submission]


@dataclass(frozen=True, slots=True)
class Settings:
    """What the configuration says about the broker. `versions`: to be tried in this order."""

    address: Address
    base_topic: str
    client_id: str
    versions: tuple[int, ...] = (MQTTv5, MQTTv311)
    session_expiry: int = 604_800
    keepalive: int = 30
    window: int = 200
    takeover: bool = False
    outlives: bool = True  # whether the broker outlives the gateway, and its session with it


@dataclass(slots=True)
class Counters:
    """What health shows of this run."""

    connections: int = 0
    sessions_lost: int = 0
    retained: int = 0
    dropped: int = 0


@dataclass(slots=True)
class MqttHost:
    """The gateway's side of the broker. `run` it until `stop`."""

    settings: Settings
    outbox: Outbox
    store: Store
    desk: Desk
    read: Reader
    spawn: Callable[[Coroutine[Any, Any, None]], Awaitable[bool]]
    online: Callable[[], None] = lambda: None
    trouble: str | None = None
    serves: bool | None = None  # last known: whether requests are ours, or another gateway's
    counters: Counters = field(default_factory=Counters)
    publisher: Publisher = field(init=False)
    _connection: Connection | None = None
    _number: int = 0
    _serving: bool = False
    _lost: asyncio.Event = field(default_factory=asyncio.Event)
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)
    _acks: asyncio.Queue[tuple[Awaitable[bool], Connection, list[int]]] = field(
        default_factory=asyncio.Queue
    )
    _answers: dict[int, asyncio.Future[tuple[str | None, ...]]] = field(default_factory=dict)
    _other: dict[str, str] = field(default_factory=dict)
    _held: list[MQTTMessage] = field(default_factory=list)
    _connected_at: float = 0.0
    _short_lives: int = 0
    _unreadable: bool = False  # what ended the last connection
    _told_retained: set[str] = field(default_factory=set)
    _unacknowledgeable: int = 0

    def __post_init__(self) -> None:
        self.publisher = Publisher(self.store, MQTT, self.settings.base_topic, self.settings.window)

    @property
    def connected(self) -> bool:
        """Whether requests are being accepted from the broker."""
        return self._serving

    def wake(self) -> None:
        """Look for events to publish: some were committed."""
        self.publisher.wake()

    def figures(self) -> dict[str, Any]:
        """Give what health shows."""
        return {
            "connected": self.connected,
            "connections": self.counters.connections,
            "sessions_lost": self.counters.sessions_lost,
            "retained_requests": self.counters.retained,
            "dropped_requests": self.counters.dropped,
            "late_rule_events": self.publisher.late,
        }

    async def run(self) -> None:
        """Stay connected until `stop`, for ever."""
        async with asyncio.TaskGroup() as tasks:
            helpers = [
                tasks.create_task(self.publisher.run()),
                tasks.create_task(self._acknowledge()),
            ]
            await self._stay_connected()
            for helper in helpers:
                helper.cancel()

    async def stop(self) -> None:
        """Say `offline`, disconnect, end `run`. What is unacknowledged comes again."""
        connection = self._connection
        if connection is not None and self._serving:
            connection.publish(self._topic("bridge/state"), b"offline", retain=True)
        self._stopping.set()

    def publish_retained(self, topic: str, document: dict[str, Any]) -> None:
        """Publish a document for whoever asks later, if there is a connection."""
        if self._connection is not None and self._serving:
            self._connection.publish(self._topic(topic), to_document(document), retain=True)

    # the connection

    async def _stay_connected(self) -> None:
        delay, versions = _FIRST_BACKOFF, list(self.settings.versions)
        while not self._stopping.is_set():
            began = _monotonic()
            try:
                await self._live(versions[0])
            except RefusedError as refused:
                if refused.version and len(versions) > 1:
                    log.info("The broker does not speak MQTT 5: using 3.1.1")
                    versions.pop(0)
                    continue
                self.trouble = str(refused)
            except HostError as error:
                self.trouble = str(error)
            if self._unreadable and versions[0] == MQTTv5:
                if len(versions) > 1:
                    log.warning("Broker: %s: using MQTT 3.1.1, which leaves them out", _UNREADABLE)
                    versions.pop(0)
                    continue
                self.trouble = f"{_UNREADABLE}: set mqtt.version to auto"
            if _monotonic() - began >= _LONGEST_BACKOFF:
                delay = _FIRST_BACKOFF
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(delay * random.uniform(0.5, 1.0)):  # noqa: S311
                    await self._stopping.wait()
            delay = min(_LONGEST_BACKOFF, delay * 2)

    async def _live(self, version: int) -> None:
        """Connect, serve, and return when the connection is over."""
        self._lost.clear()
        self._unreadable = False
        settings = self.settings
        session = Session(
            settings.client_id,
            version,
            settings.session_expiry,
            settings.keepalive,
            self._topic("bridge/state"),
        )
        connection = Connection(settings.address, session)
        granted = await unless(self._stopping, connection.open())
        if granted is None:
            return
        self._connection = connection
        self._connected_at = _monotonic()
        self.counters.connections += 1
        try:
            await self._until(self._serve(connection, granted))
        finally:
            self._serving = False
            self._connection = None
            self.spawn(self.publisher.detach())
            await connection.close()

    async def _until(self, serving: Coroutine[Any, Any, None]) -> None:
        """Serve until the connection is lost or the gateway stops; a fault of serving is raised."""
        task = asyncio.create_task(serving)
        ends = [asyncio.create_task(event.wait()) for event in (self._lost, self._stopping)]
        done, _ = await asyncio.wait([task, *ends], return_when=asyncio.FIRST_COMPLETED)
        if task in done and not task.exception():
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        for waiting in (task, *ends):
            waiting.cancel()
        if task in done:
            task.result()

    async def _begin_session(self, granted: Granted) -> None:
        present = granted.session_present
        self._number = await self.store.begin_session(self.settings.client_id, present=present)
        if self._number > 1 and not present and self.settings.outlives:
            self.counters.sessions_lost += 1
            log.warning(
                "The broker has forgotten the session: what was published while the gateway was "
                "away is lost there (give the broker persistence, see the README)"
            )
        if granted.expiry is not None and granted.expiry < self.settings.session_expiry:
            log.warning(
                "The broker keeps the session for %d s, not %d: a longer absence loses requests",
                granted.expiry,
                self.settings.session_expiry,
            )

    async def _serve(self, connection: Connection, granted: Granted) -> None:
        """Accept requests, unless another gateway does so on the same topics."""
        requests = [self._topic(name) for name in _REQUESTS]
        await self._begin_session(granted)
        self._other.clear()
        self._held.clear()
        connection.deliver_to(lambda signals: self._take(connection, signals))
        await self._subscribe(connection, ["bridge/state", "bridge/info"], retained=True)
        # Its answer comes after what the broker has kept for the topics before.
        await self._subscribe(connection, ["bridge/request/+"])
        if self._is_served_by_another() and not self.settings.takeover:
            connection.unsubscribe(requests)
            self.serves = False
            self.trouble = self._standing_by()
            return
        self._serving = True
        held, self._held = self._held, []
        self._take(connection, held)
        await self._subscribe(connection, _REQUESTS)
        if self._stopping.is_set():
            return  # `offline` was said: `online` after it would stay for ever
        # Who, before that: another's name would still stand beside `online`.
        self.publish_retained("bridge/info", self.desk.info())
        connection.publish(self._topic("bridge/state"), b"online", retain=True)
        self.trouble = None
        self.publisher.attach(connection, granted.window)
        self.serves = True
        self.online()

    async def _subscribe(
        self, connection: Connection, topics: Sequence[str], *, retained: bool = False
    ) -> None:
        """Subscribe and wait for the answer. Raises HostError if a topic is refused."""
        mid = connection.subscribe([self._topic(topic) for topic in topics], retained=retained)
        if mid is None:
            raise HostError("The connection was lost while subscribing")
        answer_ = self._answers[mid] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(_SUBSCRIBE_SECONDS):
                refusals = await answer_
        except TimeoutError:
            raise HostError("The broker does not answer a subscription") from None
        finally:
            del self._answers[mid]
        for topic, refusal in zip(topics, refusals, strict=True):
            if refusal is not None:
                raise HostError(
                    f"The broker refuses the topic {self._topic(topic)}: {refusal} (its ACL must "
                    f"let this user read {self._topic('#')})"
                )

    # what arrives

    def _take(self, connection: Connection, signals: Sequence[Signal]) -> None:
        messages = []
        published = []
        for signal in signals:
            match signal:
                case Published():
                    published.append(signal)
                case Subscribed(mid, refusals):
                    waiting = self._answers.get(mid)
                    if waiting is not None and not waiting.done():
                        waiting.set_result(refusals)
                case Lost():
                    self._note_loss(signal)
                case _:
                    messages.append(signal)
        if published:
            self.publisher.answered(published)
        for start in range(0, len(messages), _BATCH):
            self._sort(connection, messages[start : start + _BATCH])

    def _note_loss(self, lost: Lost) -> None:
        self._lost.set()
        self._unreadable = lost.unreadable
        short = _monotonic() - self._connected_at < _SHORT_LIFE
        self._short_lives = self._short_lives + 1 if short else 0
        if lost.taken_over or self._short_lives >= _FIGHTS:
            self.trouble = (
                f"another program uses the client id {self.settings.client_id}, it seems: the "
                f"broker ends the connection ({lost.reason}); give each its own mqtt.client_id"
            )
            if self.settings.address.by_policy:
                self.trouble += (
                    "; or the certificate's policy at AWS denies a topic that the gateway needs "
                    "(see examples/aws-iot-policy.json)"
                )
        elif not self._stopping.is_set():
            self.trouble = f"the connection to the broker is lost ({lost.reason})"

    def _sort(self, connection: Connection, messages: Sequence[MQTTMessage]) -> None:
        """Hand messages to whom they concern; requests go to the outbox in one batch.

        Until it is known that no other gateway serves, requests are held unacknowledged.
        """
        requests: list[tuple[Kind, MQTTMessage]] = []
        acknowledged: list[int] = []
        prefix = len(self.settings.base_topic) + 1
        for message in messages:
            ours = message.topic.startswith(f"{self.settings.base_topic}/")
            topic = message.topic[prefix:] if ours else ""
            if not self._serving and not message.retain and _asks(topic):
                self._hold(message)
                continue
            if message.qos:
                acknowledged.append(message.mid)
            if topic in {"bridge/state", "bridge/info"}:
                self._note_other(topic, bytes(message.payload))
            elif message.retain:
                self._note_retained(message.topic)
            elif topic.startswith(_BRIDGE_REQUEST):
                command = topic.removeprefix(_BRIDGE_REQUEST)
                self.spawn(self._answer(connection, command, bytes(message.payload)))
            elif topic in _REQUESTS and self._has_room(message):
                requests.append((Kind(topic), message))
        accepted = self.spawn(self._submit(requests))
        self._acks.put_nowait((accepted, connection, acknowledged))

    def _hold(self, message: MQTTMessage) -> None:
        """Keep a request until it is known whether it is ours to serve; some, of QoS 0."""
        if message.qos or len(self._held) < _MOST_UNACKNOWLEDGEABLE:
            self._held.append(message)
        else:
            self.counters.dropped += 1

    def _has_room(self, message: MQTTMessage) -> bool:
        """Drop a request at QoS 0 while the disk takes none and many wait in memory already."""
        if message.qos == 0 and self._unacknowledgeable >= _MOST_UNACKNOWLEDGEABLE:
            self.counters.dropped += 1
            return False
        return True

    async def _submit(self, requests: Sequence[tuple[Kind, MQTTMessage]]) -> None:
        if not requests:
            return
        unacknowledgeable = sum(message.qos == 0 for _, message in requests)
        self._unacknowledgeable += unacknowledgeable
        try:
            await self._keep(requests)
        finally:
            self._unacknowledgeable -= unacknowledgeable

    async def _keep(self, requests: Sequence[tuple[Kind, MQTTMessage]]) -> None:
        submissions = [
            self.read(kind, bytes(message.payload), self._asked(message))
            for kind, message in requests
        ]
        await self.outbox.submit(submissions)

    def _asked(self, message: MQTTMessage) -> Asked:
        asked = Asked(origin=_origin(message), connection=self._number)
        properties = message.properties
        if properties is None:
            return asked
        reply_topic = getattr(properties, "ResponseTopic", None)
        return replace(
            asked,
            expiry=getattr(properties, "MessageExpiryInterval", None),
            reply_topic=reply_topic if self._may_reply_to(reply_topic) else None,
            correlation=getattr(properties, "CorrelationData", None),
        )

    def _may_reply_to(self, topic: str | None) -> bool:
        """Refuse wildcards and what we subscribe to: an answer must not become a request."""
        if not topic or "+" in topic or "#" in topic:
            return False
        ours = {self._topic(name) for name in (*_REQUESTS, "bridge/state", "bridge/info")}
        return topic not in ours and not topic.startswith(self._topic(_BRIDGE_REQUEST))

    async def _acknowledge(self) -> None:
        """Send PUBACKs in the order of arrival, each after its request is on disk.

        Cancelled at the end, which what is being kept must not be: it may be claimed already.
        """
        while True:
            accepted, connection, mids = await self._acks.get()
            if await asyncio.shield(accepted) and connection is self._connection:
                for mid in mids:
                    connection.acknowledge(mid)

    async def _answer(self, connection: Connection, command: str, payload: bytes) -> None:
        document = await answer(self.desk, command, payload)
        if connection is self._connection:
            connection.publish(self._topic(f"bridge/response/{command}"), document)

    def _note_retained(self, topic: str) -> None:
        self.counters.retained += 1
        if topic not in self._told_retained:
            self._told_retained.add(topic)
            log.warning(
                "A retained request on %s is not sent (it would be at every start); clear it with: "
                "mosquitto_pub -t '%s' -r -n",
                topic,
                topic,
            )

    # another gateway on the same topics

    def _note_other(self, topic: str, payload: bytes) -> None:
        """Learn from `bridge/state` and `bridge/info` whether another gateway serves."""
        if topic == "bridge/state":
            self._other["state"] = payload.decode(errors="replace")
        else:
            with contextlib.suppress(ValueError, AttributeError):
                info = from_json(payload)  # too deep is a ValueError of its own
                self._other |= {key: str(info.get(key)) for key in ("instance", "host")}
        if self._serving and self._is_served_by_another():
            self._yield_to_other()
        elif self._serving and self._connection is not None and topic == "bridge/state":
            self._insist(self._connection)

    def _yield_to_other(self) -> None:
        """Leave the topics to a gateway that took them; one started to take over stays."""
        if self.settings.takeover:
            self.trouble = (
                f"gateway {self._other.get('instance')} on {self._other.get('host')} serves the "
                "same topics: stop it, or every request is sent twice"
            )
        else:
            self._serving = self.serves = False  # what comes with the news is the other's already
            self._lost.set()

    def _standing_by(self) -> str:
        return (
            f"gateway {self._other.get('instance')} on {self._other.get('host')} serves "
            f"{self.settings.base_topic}/# already: stop it and start this one again, or start "
            "this one with --takeover"
        )

    def _insist(self, connection: Connection) -> None:
        """Say `online` again when a stand-by's last will said otherwise in our name."""
        if self._other.get("state") == "offline" and not self._stopping.is_set():
            connection.publish(self._topic("bridge/state"), b"online", retain=True)

    def _is_served_by_another(self) -> bool:
        instance = self._other.get("instance")
        other = instance not in {None, self.store.instance}
        return other and self._other.get("state") == "online"

    def _topic(self, name: str) -> str:
        return f"{self.settings.base_topic}/{name}"


def _asks(topic: str) -> bool:
    return topic in _REQUESTS or topic.startswith(_BRIDGE_REQUEST)


def _monotonic() -> float:
    return asyncio.get_running_loop().time()


def _origin(message: MQTTMessage) -> Origin | None:
    if message.qos == 0:
        return None
    digest = hashlib.blake2b(
        message.topic.encode() + b"\0" + bytes(message.payload), digest_size=16
    )
    return Origin(message.mid, digest.digest(), message.dup)
