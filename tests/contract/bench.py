"""An outbox on a real store, with a Twilio that answers as it is told, and a clock to move."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from callbox.domain.delivery import Delivery, State
from callbox.domain.news import News
from callbox.domain.outcome import Absent, Accepted, Lookup, Outcome, Pause
from callbox.domain.pace import Pace
from callbox.domain.policy import Rules
from callbox.outbox import Outbox
from callbox.store.sqlite import SqliteStore
from contract.deliveries import DOCUMENTS, NOW


@dataclass
class ScriptedTwilio:
    """Gives the outcomes it was given, in their order, then accepts; waits while it is `slow`.

    With a `hook` it calls back, by `hear`, before it answers.
    """

    outcomes: list[Outcome] = field(default_factory=list)
    lookups: list[Lookup] = field(default_factory=list)
    created: list[Delivery] = field(default_factory=list)
    slow: asyncio.Event | None = None
    hook: News | None = None
    hear: Callable[[News], Awaitable[bool]] | None = None

    async def create(self, delivery: Delivery, validity: int | None) -> Outcome:
        del validity
        self.created.append(delivery)
        await self.answer_comes()
        if self.hook is not None and self.hear is not None:
            await self.hear(self.hook)
        if self.outcomes:
            return self.outcomes.pop(0)
        sid = f"SM{len(self.created)}"
        return Accepted(sid, State.ACCEPTED, "queued", "+19999999999")

    async def look_up(self, delivery: Delivery) -> Lookup:
        del delivery
        await self.answer_comes()
        return self.lookups.pop(0) if self.lookups else Absent()

    async def answer_comes(self) -> None:
        if self.slow is not None:
            await self.slow.wait()

    async def probe(self) -> tuple[Pause | None, str]:
        return None, ""


@dataclass
class ToyClock:
    """Stands still unless it is moved."""

    wall: float = NOW
    since_start: float = 0.0
    ids: int = 0

    def now(self) -> float:
        return self.wall

    def monotonic(self) -> float:
        return self.since_start

    def drift(self) -> float:
        return self.now() - self.monotonic()

    def machine_seconds(self, seconds: float) -> float:
        return seconds

    def jitter(self) -> float:
        return 0.0

    def new_id(self) -> str:
        self.ids += 1
        return f"again{self.ids}"

    def pass_by(self, seconds: float) -> None:
        self.wall += seconds
        self.since_start += seconds


@dataclass
class Bench:
    """An outbox whose rounds the test makes itself."""

    store: SqliteStore
    twilio: ScriptedTwilio
    clock: ToyClock
    outbox: Outbox = field(init=False)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        rules = Rules((2.0, 10.0), (5.0, 20.0, 60.0))
        self.outbox = Outbox(
            self.store,
            self.twilio,
            DOCUMENTS,
            self.clock,
            rules,
            Pace(10, 1.0),
            lambda: None,
            self.spawn,
        )

    def spawn(self, work: Coroutine[Any, Any, None]) -> object:
        self.tasks.append(asyncio.ensure_future(work))
        return self.tasks[-1]

    async def round(self) -> None:
        """Let the outbox do what is due, to the end."""
        await self.outbox._round()
        while self.tasks:
            await self.tasks.pop()
