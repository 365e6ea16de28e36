"""Plays a scenario with the user's configuration: a real gateway, a simulated Twilio."""

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from callbox.clock import HastenedClock
from callbox.config import Config
from callbox.device import Device
from callbox.rehearsal.result import Result
from callbox.rehearsal.setting import connect, settings_of, staged
from callbox.rehearsal.story import Story
from callbox.service import Gateway
from callbox.simulator import Scenario, Simulator, start
from callbox.simulator.scenario.player import Player
from callbox.simulator.scenario.scenario import Cue, Request
from callbox.stage import connected, running

LONGEST = 900.0
"""Seconds after the last cue that a scenario without an end may take."""
QUIET = 0.5
"""Seconds of the machine in which nothing happens once all is settled."""
LOOK = 0.1
"""Seconds of the machine from one look to the next."""
LATE = 1.0
"""Seconds of the machine by which a busy one may be late."""
ANSWER = 5.0
"""Seconds of the machine in which the gateway says something of all that was published."""


@dataclass(slots=True)
class Performance:
    """A rehearsal under way."""

    scenario: Scenario
    gateway: Gateway
    simulator: Simulator
    clock: HastenedClock
    device: Device
    player: Player
    story: Story
    published: int = 0
    heard_at: float = 0.0
    """When something was last published, in the machine's time."""
    stopped: bool = False
    """Whether somebody wants it to end now."""
    ended: float = 0.0
    """Seconds of the simulation that were played."""
    _publishing: set[asyncio.Task[None]] = field(default_factory=set)

    def stop(self) -> None:
        """End it before its time."""
        self.stopped = True

    @property
    def expected(self) -> int:
        """How many requests there are to be."""
        return sum(cue.times for cue, _ in self.scenario.requests)

    @property
    def lasted(self) -> float:
        """Seconds that it was to last, or, without an end or stopped before it, has lasted."""
        return min(self.ended, self.scenario.lasts or self.ended)

    @property
    def last_cue(self) -> float:
        """Seconds after which everybody has said everything."""
        cues = (cue for cue, _ in (*self.scenario.requests, *self.scenario.texts))
        calls = (cue for cue, _ in self.scenario.calls)
        return max((cue.at + (cue.times - 1) * cue.every for cue in (*cues, *calls)), default=0.0)

    def _come(self, elapsed: float) -> int:
        """How many texts people have sent by then, as far as they can be sent."""
        sent = sum(cue.due(elapsed) for cue, _ in self.scenario.texts)
        return sent - len(self.player.troubles)

    @property
    def _missed(self) -> int:
        """How many requests should have been published, and were not."""
        due = sum(cue.due(self.ended) for cue, _ in self.scenario.requests)
        return 0 if self.stopped else max(due - self.published, 0)

    async def perform(self, look: Callable[["Performance"], None]) -> None:
        """Play it to its end; `look` is called ten times a second."""
        await self._first_look()
        self.player.begin()
        self.story.began_at = self.clock.now()
        hearing = asyncio.create_task(asyncio.to_thread(self._hear, asyncio.get_running_loop()))
        asking = [asyncio.create_task(self._ask(*each)) for each in self.scenario.requests]
        try:
            while not self._over():
                look(self)
                for task in asking:
                    if task.done():
                        task.result()
                await asyncio.sleep(LOOK)
        finally:
            self.ended = self.player.elapsed
            await self._caught_up()
            for task in asking:
                task.cancel()
            await self._answered()
            await asyncio.to_thread(self.device.close)
            await hearing
        self.story.add_from(self.simulator, self.scenario.people)
        await self._add_waiting(self.story.requested)

    async def _add_waiting(self, names: list[str]) -> None:
        for name in names:
            self.story.add_waiting(name, await self.gateway.store.of_request(name))

    def result(self) -> Result:
        """Count what came of it."""
        sent = self.story.sent
        arrived, waiting = sum(line.arrived for line in sent), sum(line.open for line in sent)
        unsettled = sum(line.state == "unknown" for line in sent) + waiting
        idle = self.gateway.config.inbound.idle_interval + LATE * (self.scenario.speed or 1.0)
        noticed = self.ended - idle
        extra = len({record.sid for record in self.simulator.log} - self.story.sids)
        return Result(
            asked=len(sent),
            arrived=arrived,
            failed=len(sent) - arrived - waiting,
            meant=sum(line.meant for line in sent),
            waiting=waiting,
            lost=len(self.story.unanswered),
            doubled=max(extra - unsettled, 0),
            unnoticed=max(self._come(noticed) - self.story.received, 0),
            missed=self._missed,
            unplayed=len(self.player.troubles),
            cost=self.simulator.tally().cost,
        )

    async def _first_look(self) -> None:
        """Wait until texts that come are new ones: what is there at the first look is old."""
        unread = set(self.gateway.config.numbers)
        while unread:
            unread -= {mailbox.number for mailbox in await self.gateway.store.mailboxes()}
            await asyncio.sleep(LOOK)

    async def _caught_up(self) -> None:
        """Wait a moment for what is due already."""
        for _ in range(int(LATE / LOOK)):
            if not self._missed:
                return
            await asyncio.sleep(LOOK)

    async def _answered(self) -> None:
        """Wait until the gateway has everything that was published, or has refused it."""
        if self._publishing:
            await asyncio.wait(self._publishing, timeout=ANSWER)
        for _ in range(int(ANSWER / LOOK)):
            await self._add_waiting(self.story.unanswered)
            if not self.story.unanswered:
                return
            await asyncio.sleep(LOOK)

    def _over(self) -> bool:
        lasts, elapsed = self.scenario.lasts, self.player.elapsed
        if self.stopped:
            return True
        if lasts is not None:
            return elapsed >= lasts
        settled = elapsed > self.last_cue and self._settled()
        return settled or elapsed >= self.last_cue + LONGEST

    def _settled(self) -> bool:
        quiet = asyncio.get_running_loop().time() - self.heard_at > QUIET
        return (
            quiet
            and self.published == self.expected
            and not self.story.unanswered
            and self.story.received >= self._come(self.last_cue + 1)
            and not any(line.open for line in self.story.sent)
        )

    async def _ask(self, cue: Cue, request: Request) -> None:
        for number, instant in cue.instants():
            await self.player.until(instant)
            document = self.story.request(request.numbered(number), self.clock.now())
            publishing = asyncio.create_task(self._publish(request.topic, document))
            self._publishing.add(publishing)
            await asyncio.shield(publishing)
            self._publishing.discard(publishing)

    async def _publish(self, topic: str, document: dict[str, Any]) -> None:
        await asyncio.to_thread(self.device.publish, topic, document)
        self.published += 1

    def _hear(self, loop: asyncio.AbstractEventLoop) -> None:
        for message in self.device.messages():
            loop.call_soon_threadsafe(self._note, message.topic, message.payload)

    def _note(self, topic: str, payload: bytes | bytearray) -> None:
        self.heard_at = asyncio.get_running_loop().time()
        self.story.tell(topic, bytes(payload), self.clock.now())


@contextlib.asynccontextmanager
async def performance(config: Config, scenario: Scenario) -> AsyncIterator[Performance]:
    """Set everything up, on free ports, in a temporary folder. Raises CallboxError."""
    clock = HastenedClock(scenario.speed or 1.0)
    settings = settings_of(config, scenario)
    async with contextlib.AsyncExitStack() as exits:
        folder = Path(exits.enter_context(tempfile.TemporaryDirectory(prefix="callbox-rehearsal-")))
        simulator = await exits.enter_async_context(await start(settings=settings, clock=clock.now))
        setting = staged(config, folder, simulator.url)
        connect(setting, simulator)
        player = simulator.play(scenario)
        gateway = await exits.enter_async_context(running(Gateway(setting, clock=clock)))
        device = await exits.enter_async_context(connected(gateway))
        story = Story(setting.mqtt.base_topic, contacts=config.contacts)
        yield Performance(scenario, gateway, simulator, clock, device, player, story)
