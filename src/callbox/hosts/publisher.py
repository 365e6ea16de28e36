"""Publishing what is owed: at least once, a few at a time, done when the broker acknowledged it."""

import asyncio
import contextlib
import logging
import math
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from callbox.hosts.connection import Published
from callbox.ports import Event, Store

log = logging.getLogger(__name__)

_REFUSED_AGAIN_AFTER = 30.0  # seconds
_LAST_ANSWERS = 1.0  # seconds
_FOR_OTHERS = 8  # of the broker's window: states, health, answers
_MOST_REFUSED = 1000  # held back in memory; the rest is read again at the next connection


class Line(Protocol):
    """A connection that takes publishes, and says `Published` of each later, in any order."""

    def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        correlation: bytes | None = None,
        expiry: int | None = None,
    ) -> int:
        """Publish and give the id by which `Published` will name it; `expiry` in seconds."""


@dataclass(slots=True)
class Publisher:
    """Publishes what the store owes to `host` on whatever line there is."""

    store: Store
    host: str
    base_topic: str
    window: int
    peer: str = "broker"  # who takes them, in words
    refusal: str | None = None  # its last negative answer
    set_aside: int = 0
    late: int = 0  # not published, being too old
    now: Callable[[], float] = time.time
    _line: Line | None = None
    _room: int = 0
    _in_flight: dict[int, Event] = field(default_factory=dict)
    _refused: dict[int, Event] = field(default_factory=dict)
    _done: list[int] = field(default_factory=list)
    _forgetting: list[int] = field(default_factory=list)
    _cursor: int = 0
    _skipped: float = math.inf  # the first one refused that had no room in memory
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def trouble(self) -> str | None:
        """Say which events will not be published."""
        if not self.set_aside:
            return None
        return (
            f"{self.set_aside} are set aside: three connections were lost with each in flight; "
            "they are tried again when the gateway starts"
        )

    def wake(self) -> None:
        """Look for events to publish: some were committed."""
        self._wake.set()

    def attach(self, line: Line, window: int) -> None:
        """Publish on a new line, from the oldest owed event on."""
        self._line, self._cursor, self._skipped = line, 0, math.inf
        self._room = max(1, min(self.window, window - _FOR_OTHERS))
        self._wake.set()

    def detach(self) -> Coroutine[Any, Any, None]:
        """Let go of a lost line; the work that is left is to count what it had in flight."""
        self._line = None
        lost = [event.id for event in self._in_flight.values()]
        self._in_flight.clear()
        self._refused.clear()
        self.refusal = None
        return self._count_losses(lost)

    async def _count_losses(self, lost: Sequence[int]) -> None:
        for event in await self.store.lost(lost) if lost else ():
            self.set_aside += 1
            log.error(
                "An event on %s is set aside: three connections were lost with it in flight",
                event.topic,
            )

    def answered(self, answers: Sequence[Published]) -> None:
        """Take the answers to what was published."""
        for answer in answers:
            event = self._in_flight.pop(answer.mid, None)
            if event is None:
                continue
            if answer.refused is None:
                self._done.append(event.id)
                self._refused.pop(event.id, None)
            else:
                self._hold(event, answer.refused)
        if not self._refused:
            self.refusal = None
        self._wake.set()
        self._news.set()

    async def finish(self) -> None:
        """Publish no more, and take the last answers: what was told need not be told again."""
        self._line = None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LAST_ANSWERS):
                while self._in_flight:
                    self._news.clear()
                    await self._news.wait()
                await self._forget()

    async def run(self) -> None:
        """Publish and forget until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            await asyncio.gather(self._forget(), self._publish())

    async def _forget(self) -> None:
        done, self._done = self._done, []
        if done:
            self._forgetting = done
            await self.store.acknowledge(done)
            self._forgetting = []

    async def _publish(self) -> None:
        line = self._line
        room = self._room - len(self._in_flight)
        if line is None or room <= 0:
            return
        if not self._refused and self._skipped < math.inf:
            self._cursor, self._skipped = int(self._skipped) - 1, math.inf
        events = await self.store.owed(self.host, self._cursor, room)
        if line is not self._line:
            return
        in_flight = (each.id for each in self._in_flight.values())
        under_way = {*in_flight, *self._done, *self._forgetting}
        for event in events:
            if event.id not in under_way:
                self._send(line, event)
        if events:
            self._cursor = events[-1].id
        if len(events) == room:
            self._wake.set()

    def _send(self, line: Line, event: Event) -> None:
        topic = event.topic if event.absolute else f"{self.base_topic}/{event.topic}"
        left = None if event.expires_at is None else math.ceil(event.expires_at - self.now())
        if left is not None and left <= 0:
            self._drop(event)
            return
        mid = line.publish(topic, event.payload, correlation=event.correlation, expiry=left)
        self._in_flight[mid] = event

    def _drop(self, event: Event) -> None:
        """Forget an event that nobody should act on so late."""
        self.late += 1
        self._refused.pop(event.id, None)
        if not self._refused:
            self.refusal = None
        self._done.append(event.id)
        self._wake.set()
        log.warning(
            "What a rule had for %s is not published: the %s did not take it until the text "
            "was too old (inbound.max_age)",
            event.topic,
            self.peer,
        )

    def _hold(self, event: Event, reason: str) -> None:
        """Keep an event that the broker refused, without holding others, and try it again later."""
        if self.refusal is None:
            log.error("The %s refuses to take events on %s: %s", self.peer, event.topic, reason)
        self.refusal = f"the {self.peer} refuses events on {event.topic}: {reason}"
        if event.id in self._refused or len(self._refused) < _MOST_REFUSED:
            self._refused[event.id] = event
            loop = asyncio.get_running_loop()
            loop.call_later(_REFUSED_AGAIN_AFTER, self._again, event.id)
        else:
            self._skipped = min(self._skipped, event.id)

    def _again(self, event_id: int) -> None:
        event = self._refused.get(event_id)
        if event is not None and self._line is not None:
            self._send(self._line, event)
