"""Requests from AWS IoT Greengrass V2, and events back to it, each topic by the ways chosen for it.

A request counts as accepted when it is committed. Nobody learns of that here: the nucleus passes
messages on without an acknowledgement of the receiver's, and never again.
"""

import asyncio
import contextlib
import json
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from callbox.domain.notification import ON_TOPICS, Kind
from callbox.errors import HostError, StoreUnavailable
from callbox.hosts.bridge import COMMANDS, Desk, answer
from callbox.hosts.connection import Published
from callbox.hosts.ipc import Arrived, Nucleus, NucleusRefusedError, Way, room_for
from callbox.hosts.publisher import Publisher
from callbox.intake import Asked
from callbox.outbox import Outbox
from callbox.ports import Event, Store, Submission
from callbox.wire import to_document

log = logging.getLogger(__name__)

_BATCH = 1000  # requests to a transaction: until it ends they are in memory only
_AGAIN_AFTER = 1.0  # seconds, when the disk refused
_WINDOW = 32  # events in flight on each way
_BRIDGE_REQUEST = "bridge/request"
_MOST_CUTS = 30
_TOO_LARGE = to_document(
    {"status": "error", "data": None, "error": "The answer is too large for a frame of 7 KB"}
)
_SHORTENED = "…"
_POLICY = "; the component's accessControl must let it publish there"
_LONG = 100  # bytes of a text that is cut rather than an id
_GRACE_SECONDS = 5.0
_LONGEST_END = 8.0  # seconds
_LISTEN_SECONDS = 5.0

_CHOICES: dict[str, frozenset[Way]] = {
    "pubsub": frozenset({Way.PUBSUB}),
    "iotcore": frozenset({Way.IOTCORE}),
    "both": frozenset(Way),
    "off": frozenset(),
}

# What the ways of an event's topic are called in the configuration. A rule's topic is a whole one.
_ROUTES = {
    "message/status": "status",
    "message/delivery": "delivery",
    "message/sent": "sent",
    "message/received": "received",
    "call/received": "received",
}
_RULES, _BRIDGE = "rules", "bridge"

Reader = Callable[[Kind, bytes, Asked], Submission]


@dataclass(frozen=True, slots=True)
class Routes:
    """By which ways each topic travels: `ways` as the configuration's section says."""

    base_topic: str
    ways: Mapping[str, str]

    def of(self, route: str) -> frozenset[Way]:
        """Give the ways of a route."""
        return _CHOICES[self.ways[route]]

    def wants(self, way: Way) -> Callable[[Event], bool]:
        """Give who tells whether an event travels by a way.

        One with a whole topic does if it is a rule's, which are those that become too old: an
        MQTT 5 response topic means something to a broker only.
        """

        def wanted(event: Event) -> bool:
            if event.absolute:
                return event.expires_at is not None and way in self.of(_RULES)
            return way in self.of(_ROUTES[event.topic])

        return wanted

    def subscriptions(self) -> Iterator[tuple[Way, str]]:
        """Give what is subscribed to: no wildcards, which not every nucleus knows."""
        names = {str(name): [str(name)] for name in ON_TOPICS}
        names[_BRIDGE] = [f"{_BRIDGE_REQUEST}/{command}" for command in COMMANDS]
        for route, ours in names.items():
            for way in self.of(route):
                yield from ((way, f"{self.base_topic}/{name}") for name in ours)


@dataclass(slots=True)
class Counters:
    """What health shows of this run."""

    received: int = 0
    retained: int = 0
    shortened: int = 0
    too_large: int = 0


@dataclass(slots=True)
class GreengrassHost:
    """The gateway's side of the nucleus. `open`, `run` it until `stop`; the nucleus outlives it."""

    routes: Routes
    nucleus: Nucleus
    outbox: Outbox
    store: Store
    desk: Desk
    read: Reader
    attempt: Callable[[Coroutine[Any, Any, None]], Awaitable[bool]]
    spawn: Callable[[Coroutine[Any, Any, None]], Awaitable[bool]]
    online: Callable[[], None] = lambda: None
    counters: Counters = field(default_factory=Counters)
    publishers: list[Publisher] = field(init=False)
    _deaf: str | None = None  # what cannot be subscribed to for now
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        base_topic = self.routes.base_topic
        self.publishers = [
            Publisher(self.store, way, base_topic, _WINDOW, "nucleus") for way in Way
        ]

    @property
    def connected(self) -> bool:
        """Whether the nucleus is there."""
        return not self.nucleus.lost.is_set()

    @property
    def trouble(self) -> str | None:
        """Say what is wrong between the nucleus and us."""
        if not self.connected:
            return "the connection to the nucleus is lost: the component ends, to be started again"
        refusals = [each.refusal for each in self.publishers if each.refusal]
        if refusals:
            return refusals[0]
        if self._deaf:
            return self._deaf
        if self.nucleus.dropped:
            return (
                f"{self.nucleus.dropped} requests are lost: they came faster than they could be "
                "kept, and memory was full of others"
            )
        return None

    def figures(self) -> dict[str, Any]:
        """Give what health shows."""
        return {
            "connected": self.connected,
            "received": self.counters.received,
            "retained_requests": self.counters.retained,
            "dropped_requests": self.nucleus.dropped,
            "shortened_events": self.counters.shortened,
            "too_large_events": self.counters.too_large,
            "late_rule_events": sum(each.late for each in self.publishers),
        }

    def wake(self) -> None:
        """Look for events to publish: some were committed."""
        for publisher in self.publishers:
            publisher.wake()

    async def open(self) -> None:
        """Subscribe: what comes waits with the nucleus. Raises HostError if it is forbidden."""
        try:
            self._deaf = await self.nucleus.subscribe(self.routes.subscriptions())
        except HostError:
            if self.connected:  # else only what has come is to be kept
                raise

    async def run(self) -> None:
        """Take requests and publish events, until `stop`."""
        async with asyncio.TaskGroup() as tasks:
            taking = tasks.create_task(self._take())
            helpers = [tasks.create_task(each.run()) for each in self.publishers]
            helpers.append(tasks.create_task(self._listen()))
            for publisher in self.publishers:
                publisher.attach(_Line(self, publisher), _WINDOW * 2)
            self.publish_retained("bridge/info", self.desk.info())
            self._tell("bridge/state", b"online")
            self.online()
            await self._stopping.wait()
            # In time what it has in hand is on disk or put back, unless a clock that jumped waits
            # for a disk that refuses.
            await asyncio.wait({taking}, timeout=_LONGEST_END)
            taking.cancel()
            await asyncio.gather(*(each.finish() for each in self.publishers))
            for helper in helpers:
                helper.cancel()

    async def stop(self) -> None:
        """End `run` once what has come is kept, unless the disk refuses it."""
        self._tell("bridge/state", b"offline")
        self._stopping.set()

    def publish_retained(self, topic: str, document: dict[str, Any]) -> None:
        """Publish a document for whoever listens now: no way of Greengrass's keeps it."""
        self._tell(topic, to_document(document))

    async def _listen(self) -> None:
        """Ask again for what could not be subscribed to: the core may have been offline."""
        while self._deaf:
            await asyncio.sleep(_LISTEN_SECONDS)
            try:
                await self.open()
            except HostError as forbidden:
                self._deaf = str(forbidden)

    # what arrives

    async def _take(self) -> None:
        """Keep requests in order of arrival, some at a time."""
        stop = asyncio.create_task(self._stopping.wait())
        while not self._stopping.is_set():
            arrival = asyncio.create_task(self.nucleus.arrival())
            await asyncio.wait({arrival, stop}, return_when=asyncio.FIRST_COMPLETED)
            arrival.cancel()
            await self.attempt(self._keep())
            if self.store.trouble:
                await asyncio.wait({stop}, timeout=_AGAIN_AFTER)
        stop.cancel()
        clock = asyncio.get_running_loop().time
        latest = clock() + _GRACE_SECONDS
        while self.nucleus.waiting and not self.store.trouble and clock() < latest:
            await self.attempt(self._keep())

    async def _keep(self) -> None:
        """Keep the oldest; while the disk refuses they stay at the nucleus's connection."""
        submissions, requests = self._sorted(self.nucleus.take(_BATCH))
        if not submissions:
            return
        try:
            await self.outbox.submit(submissions, impatient=True)
        except StoreUnavailable:
            self.nucleus.put_back(requests)
        else:
            self.counters.received += len(requests)

    def _sorted(self, arrived: Sequence[Arrived]) -> tuple[list[Submission], list[Arrived]]:
        """Give the requests, as read and as they came; serve the rest."""
        submissions, requests = [], []
        for each in arrived:  # by its topic's end: mqtt.base_topic may have changed meanwhile
            place, _, name = each.topic.rpartition("/")
            if each.retained:
                self._note_retained(each.topic)
            elif place.endswith(f"/{_BRIDGE_REQUEST}"):
                self.spawn(self._answer(name, each.payload))
            else:
                requests.append(each)
                submissions.append(self.read(Kind(name), each.payload, Asked(expiry=each.expiry)))
        return submissions, requests

    def _note_retained(self, topic: str) -> None:
        self.counters.retained += 1
        log.warning(
            "A retained request on %s is not sent (it would be at every start); clear it by "
            "publishing an empty retained message there, in the AWS IoT console",
            topic,
        )

    async def _answer(self, command: str, payload: bytes) -> None:
        self._tell(f"bridge/response/{command}", await answer(self.desk, command, payload))

    # what is told

    def _tell(self, name: str, document: bytes) -> None:
        """Publish a document of the bridge, once, if it can be."""
        topic = f"{self.routes.base_topic}/{name}"
        for way in self.routes.of(_BRIDGE):
            self.spawn(self._tell_by(way, topic, document))

    async def _tell_by(self, way: Way, topic: str, document: bytes) -> None:
        fitting = self.fitting(topic, document) or _TOO_LARGE
        with contextlib.suppress(HostError):  # nothing is owed there
            await self.nucleus.publish(way, topic, fitting)

    async def publish(
        self, publisher: Publisher, mid: int, topic: str, payload: bytes, expiry: int | None
    ) -> None:
        """Publish an event and hand the nucleus's answer to its publisher."""
        refused = None
        fitting = self.fitting(topic, payload)
        if fitting is None:
            self.counters.too_large += 1
            log.error(
                "An event of %d bytes on %s is not published: expected at most %d",
                len(payload), topic, room_for(topic),
            )  # fmt: skip
        else:
            try:
                await self.nucleus.publish(Way(publisher.host), topic, fitting, expiry)
            except NucleusRefusedError as error:
                refused = f"{error}{_POLICY if error.forbidden else ''}"
            except HostError as error:
                refused = str(error)
        publisher.answered([Published(mid, refused)])

    def fitting(self, topic: str, payload: bytes) -> bytes | None:
        """Give a payload that fits into a frame: its longest texts cut; None if it has none."""
        room = room_for(topic)
        if len(payload) <= room:
            return payload
        try:
            document = json.loads(payload)
        except ValueError:
            return None
        for _ in range(_MOST_CUTS):
            if not isinstance(document, dict) or len(payload) <= room:
                break
            if not _cut_longest(document, len(payload) - room):
                return None
            payload = to_document(document)
        self.counters.shortened += 1
        return payload if len(payload) <= room else None


@dataclass(slots=True)
class _Line:
    """One way to the nucleus, for its publisher."""

    host: GreengrassHost
    publisher: Publisher
    mid: int = 0

    def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        correlation: bytes | None = None,
        expiry: int | None = None,
    ) -> int:
        """See `publisher.Line`; tasks begin in the order in which they were made."""
        del correlation
        self.mid += 1
        self.host.spawn(self.host.publish(self.publisher, self.mid, topic, payload, expiry))
        return self.mid


def _cut_longest(document: dict[str, Any], excess: int) -> bool:
    """Cut the longest text in a document by so many bytes; whether there was one worth it."""
    texts = list(_texts(document))
    if not texts:
        return False
    place, key, text = max(texts, key=_worth_cutting)
    kept = max(0, len(text.encode()) - excess - len(_SHORTENED.encode()))
    place[key] = text.encode()[:kept].decode(errors="ignore").rstrip(_SHORTENED) + _SHORTENED
    return len(place[key].encode()) < len(text.encode())


def _worth_cutting(found: tuple[Any, Any, str]) -> tuple[bool, int]:
    """Give the order in which texts are cut: the longest first, an id after all long ones."""
    _, key, text = found
    size = len(text.encode())
    return size > _LONG and key != "id", size


def _texts(value: Any) -> Iterator[tuple[Any, Any, str]]:  # noqa: ANN401 - any JSON value
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for key, each in list(pairs):
        if isinstance(each, str):
            yield value, key, each
        elif isinstance(each, dict | list):
            yield from _texts(each)
