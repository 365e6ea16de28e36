"""Killing a gateway again and again in the middle of its work, at moments drawn from a seed.

A round starts the gateway, publishes a batch, waits for its moment, kills, and looks at what the
kill has cut through: `Phase` says how far each request had come. At the end the gateway may finish,
and the simulator's log decides. The same seed draws the same batches, moments and faults; when
exactly a process dies is the machine's business.
"""

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from harness.device import Device
from harness.documents import call, number, text
from harness.gateway import Gateway
from harness.oracle import Text, Verdict, asked_for, judge
from harness.site import Site
from harness.waiting import until

_NOT_FOREVER = 0.5
_EQUAL = 0.2
_CALLS = 0.15
_PLACE = "https://example.com/"
_ATTEMPTS = """
SELECT request_id, recipient, coalesce(json_extract(extras, '$.voice.location'), body),
       state, attempt, sid
FROM delivery
"""
_OWED = "SELECT payload FROM event WHERE topic = 'message/status'"
_OPEN = """
SELECT (SELECT count(*) FROM delivery WHERE state IN ('queued', 'sending') OR due_at IS NOT NULL)
     + (SELECT count(*) FROM event)
"""

TROUBLE: list[dict[str, Any]] = [
    {"on": "list", "lag": 0.3, "share": 0.5},
    {"on": "create", "drop": "after", "share": 0.03},
    {"on": "create", "drop": "before", "share": 0.03},
    {"on": "create", "status": 503, "created": 0.5, "share": 0.06},
    {"on": "create", "late": 0.2, "share": 0.02},
    {"on": "list", "status": 503, "share": 0.1},
]
"""A Twilio that fails a create or a look-up now and then, in every way that leaves a doubt."""


class Phase(StrEnum):
    """How far a request had come when the gateway died."""

    PUBLISHED = "published, not committed"
    COMMITTED = "committed, no attempt yet"
    ATTEMPTED = "attempt on disk, not at Twilio"
    POSTED = "at Twilio, not answered"
    ANSWERED = "answered, outcome not on disk"
    DOUBTFUL = "in doubt, being looked up"
    SETTLED = "outcome on disk, status not published"
    TOLD = "status published, still owed"


@dataclass(slots=True)
class Killing:
    """A series of kills; `run` it, then read `verdict`, `phases`, `moments`."""

    site: Site
    seed: int
    kills: int
    faults: list[dict[str, Any]] = field(default_factory=list)
    progress: Callable[[int], None] = lambda _done: None
    phases: Counter[Phase] = field(default_factory=Counter)
    moments: Counter[str] = field(default_factory=Counter)
    asked: dict[str, Text] = field(default_factory=dict)
    statuses: dict[str, set[bytes]] = field(default_factory=dict)
    doubtful: int = 0
    _gateway: Gateway = field(init=False)
    _device: Device = field(init=False)
    _batch: list[str] = field(default_factory=list)
    _rng: random.Random = field(default_factory=random.Random)

    async def run(self) -> None:
        """Kill so often, let the gateway finish, and collect what there is to judge."""
        self.site.simulator.faults.set(self.faults)
        self._gateway = self.site.gateway(
            delivery={"lookup_delays": [0.2, 0.4, 0.8]}, log={"level": "INFO"}
        )
        self._device = await self.site.device()
        await self._introduce()
        for place in range(self.kills):
            self._rng = random.Random(f"{self.seed}/{place}")
            await self._round(place)
            self.progress(place + 1)
        await self._finish()

    async def _introduce(self) -> None:
        """Let the broker know the gateway's session: before that it keeps nothing for it."""
        self._gateway.start()
        await self._gateway.online(self._device)
        await self._gateway.kill()
        await self._device.offline()

    async def _round(self, place: int) -> None:
        name, moment = MOMENTS[place % len(MOMENTS)]
        self._draw_batch(place)
        await moment(self)
        await self._gateway.kill()
        self.moments[name] += 1
        self._examine()
        await self._device.offline()

    def _draw_batch(self, place: int) -> None:
        """Draw 8 to 15 texts and calls: some to the same person, some equal on purpose."""
        self._batch = []
        for index in range(self._rng.randint(8, 15)):
            request_id = f"{place}/{index}"
            what = f"message {place}/{index}"
            if self._rng.random() < _CALLS:
                what = f"{_PLACE}{place}/{index}"
            wanted = number(self._rng.randrange(40)), what
            if index and self._rng.random() < _EQUAL:
                wanted = self.asked[self._batch[-1]]
            self.asked[request_id] = wanted
            self._batch.append(request_id)

    def _publish(self) -> None:
        for request_id in self._batch:
            to, what = self.asked[request_id]
            if what.startswith(_PLACE):
                self._device.publish("call", call(request_id, to, what))
            else:
                self._device.publish("txt", text(request_id, to, what))

    async def _online(self) -> None:
        self._gateway.start()
        await self._gateway.online(self._device)

    # what a kill has cut through

    def _examine(self) -> None:
        rows = {row[0]: row for row in self._gateway.rows(_ATTEMPTS)}
        owed = {json.loads(payload)["id"] for (payload,) in self._gateway.rows(_OWED)}
        held = {row[5] for row in rows.values()}
        for request_id in self.asked:
            phase = self._phase(request_id, rows.get(request_id), owed, held)
            if phase is not None:
                self.phases[phase] += 1

    def _phase(
        self,
        request_id: str,
        row: tuple[Any, ...] | None,
        owed: set[str],
        held: set[str],
    ) -> Phase | None:
        if row is None:
            return Phase.PUBLISHED
        state = row[3]
        if state == "queued":
            return Phase.COMMITTED if row[4] == 0 else Phase.DOUBTFUL
        if state == "sending":
            return self._in_post((row[1], row[2]), held)
        if state == "unknown":
            return Phase.DOUBTFUL
        if request_id in owed:
            return Phase.TOLD if self._device.statuses(request_id) else Phase.SETTLED
        return None

    def _in_post(self, wanted: Text, held: set[str]) -> Phase:
        for record in self.site.simulator.log:
            if asked_for(record) == wanted and record.sid not in held:
                return Phase.ANSWERED if isinstance(record.answered, int) else Phase.POSTED
        return Phase.ATTEMPTED

    # the end

    async def _finish(self) -> None:
        self.site.simulator.faults.clear()
        await self._online()
        await self._device.flushed()
        await until(
            lambda: (
                self._device.answered.issuperset(self.asked) and self._gateway.rows(_OPEN) == [(0,)]
            ),
            "every request has its status and nothing is left to do",
            120,
        )
        self.statuses = {id_: set(self._device.statuses(id_)) for id_ in self.asked}
        self.doubtful = self._gateway.rows("SELECT count(*) FROM delivery WHERE state='unknown'")[
            0
        ][0]
        assert await self._gateway.stop() == 0

    @property
    def verdict(self) -> Verdict:
        """What the simulator's log says."""
        return judge(self.site.simulator, self.asked.values())

    @property
    def ambiguous(self) -> list[str]:
        """The requests that got two different statuses."""
        return [id_ for id_, found in self.statuses.items() if len(found) != 1]

    def report(self) -> str:
        """Say what was done, in a few lines."""
        asked = f"{len(self.asked)} texts and calls"
        lines = [f"seed {self.seed}: {self.kills} kills, {asked}; {self.verdict}"]
        lines += [f"  {self.phases[phase]:6} {phase}" for phase in Phase]
        lines += [f"  {count:6} killed at: {name}" for name, count in self.moments.items()]
        return "\n".join(lines)

    # moments

    async def _at_start(self) -> None:
        """While it starts: store opened, attempts put in doubt, connected, the session's queue."""
        self._publish()
        await self._device.flushed()
        self._gateway.start()
        await asyncio.sleep(self._rng.uniform(0.0, 0.15))

    async def _at_arrival(self) -> None:
        await self._online()
        self._publish()
        await asyncio.sleep(self._rng.uniform(0.0, 0.006))

    async def _in_burst(self) -> None:
        await self._online()
        self._publish()
        await asyncio.sleep(self._rng.uniform(0.0, 0.06))

    async def _at_request(self, endpoint: str, *, ended: bool) -> None:
        """When the simulator has seen (or ended) so many more requests, and a moment later."""
        traffic = self.site.simulator.requests
        most = len(self._batch) if endpoint == "create" else 3

        def seen() -> int:
            under_way = 0 if ended else traffic.creating if endpoint == "create" else 0
            return traffic.count(endpoint) + under_way

        await self._online()
        wanted = seen() + self._rng.randint(1, most)
        self._publish()
        await _soon(lambda: seen() >= wanted)
        await asyncio.sleep(self._rng.choice((0.0, 0.001, 0.002, 0.004)))

    async def _at_post(self) -> None:
        await self._at_request("create", ended=False)

    async def _at_answer(self) -> None:
        await self._at_request("create", ended=True)

    async def _at_lookup(self) -> None:
        await self._at_request("list", ended=True)

    async def _at_status(self) -> None:
        await self._online()
        told = self._device.heard("message/status")
        wanted = len(told) + self._rng.randint(1, len(self._batch))
        self._publish()
        await _soon(lambda: len(told) >= wanted)


async def _soon(condition: Callable[[], bool]) -> None:
    """Wait without a break, to be quick; but not for what does not come."""
    deadline = time.monotonic() + _NOT_FOREVER
    while not condition() and time.monotonic() < deadline:  # noqa: ASYNC110 - see above
        await asyncio.sleep(0)


Moment = Callable[[Killing], Awaitable[None]]

MOMENTS: tuple[tuple[str, Moment], ...] = (
    ("0-6 ms after the first publish", Killing._at_arrival),
    ("the n-th create at Twilio", Killing._at_post),
    ("the n-th answer of Twilio", Killing._at_answer),
    ("the n-th status", Killing._at_status),
    ("0-150 ms after the start", Killing._at_start),
    ("the n-th answer of Twilio ", Killing._at_answer),
    ("0-60 ms after the first publish", Killing._in_burst),
    ("the n-th look-up", Killing._at_lookup),
)
