"""The Indigo plugin's side of the bridge: what happens is told to the home, in order.

One thread talks to Indigo, whose calls block. An event is forgotten once it is told; a fault of
one does not hold the others.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Executor
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol, TypeVar

from callbox.ports import INDIGO, Event, Store

log = logging.getLogger(__name__)

T = TypeVar("T")

_AT_ONCE = 50  # events read at once
_AGAIN_AFTER = 1.0  # seconds after a fault


def wants(event: Event) -> bool:
    """Tell whether an event is told to a home: a whole topic means something to a broker only."""
    return not event.absolute


class Home(Protocol):
    """Who is told: devices, triggers and other plugins of one Indigo server.

    `thread` is the one that talks to Indigo; it outlives a gateway, so that two never tell at once.
    """

    @property
    def thread(self) -> Executor:
        """Does one thing at a time."""

    def tell(self, event: Event) -> str | None:
        """Let the home know of an event; may block. Called in order, never twice at a time.

        Gives the id of the question that it answered: that is forgotten together with the event,
        so that an answer that is told again after a kill finds the same question.
        """


@dataclass(slots=True)
class IndigoHost:
    """Tells the store's owed events. `run` it until `stop`.

    `attempt` does a unit of work and tells whether it came to its end; it never raises.
    """

    store: Store
    home: Home
    attempt: Callable[[Coroutine[Any, Any, None]], Awaitable[bool]]
    online: Callable[[], None] = lambda: None
    set_aside: int = 0
    _cursor: int = 0
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _even: asyncio.Event = field(default_factory=asyncio.Event)  # nothing is owed
    _stopping: bool = False

    @property
    def trouble(self) -> str | None:
        """Say which events were not told."""
        if not self.set_aside:
            return None
        return (
            f"{self.set_aside} events could not be told to Indigo, see the log; they are tried "
            "again when the plugin starts"
        )

    def wake(self) -> None:
        """Look for events to tell: some were committed."""
        self._even.clear()
        self._wake.set()

    async def run(self) -> None:
        """Tell what is owed, until `stop`."""
        self.online()
        while not self._stopping:
            self._wake.clear()
            events = await self.store.owed(INDIGO, self._cursor, _AT_ONCE)
            for event in events:
                if not await self._tell(event) or self._stopping:
                    break
            if not (events or self._wake.is_set()):
                self._even.set()
                await self._wake.wait()
        self._even.set()
        await self._in_thread(lambda: None)  # what is under way there may need the store

    async def stop(self) -> None:
        """End `run` after the event that is being told."""
        self._stopping = True
        self._wake.set()

    async def do(self, work: Callable[[], None]) -> None:
        """Do something else in the thread that talks to Indigo, once all that is owed was told.

        Not at all after `stop`.
        """
        await self._even.wait()
        if not self._stopping:
            await self._in_thread(work)

    async def _tell(self, event: Event) -> bool:
        """Tell an event; False if it is to be tried again before any other is told."""
        if not await self.attempt(self._told(event)):
            if not await self.store.lost([event.id]):
                await asyncio.sleep(_AGAIN_AFTER)
                return False
            self.set_aside += 1
            log.error("An event (%s) is set aside: telling it failed three times", event.topic)
        self._cursor = event.id
        return True

    async def _told(self, event: Event) -> None:
        answered = await self._in_thread(partial(self.home.tell, event))
        await self.store.acknowledge([event.id], answered)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self.home.thread, work)
