"""Requests by IPC when the component is killed, the nucleus restarts, the disk or Twilio is away.

Nobody acknowledges a message of Greengrass's: what is committed is sent once and told, what was in
memory at a kill is lost, and is always the end of what came. KILL_SEED draws other moments.
"""

import asyncio
import json
import os
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
import pytest

from callbox.hosts.ipc import MOST_WAITING
from callbox.simulator import Settings
from callbox.wiring import control_path
from harness import ACCOUNT, AUTH_TOKEN, Nursery, call, number, sent, text, until
from harness.core import NAME, Component, Core
from harness.disk import SmallDisk
from harness.oracle import Text, asked_for
from harness.outage import plug_in, unplug

SEED = int(os.environ.get("KILL_SEED", "1"))
ROUNDS, BATCH, PEOPLE = 10, 200, 60
PLACE = "https://example.com/"
OPEN = """
SELECT (SELECT count(*) FROM delivery WHERE state IN ('queued', 'sending') OR due_at IS NOT NULL)
     + (SELECT count(*) FROM event)
"""
REFUSED = "The store cannot be written"


@dataclass(slots=True)
class Traffic:
    """Requests by both ways in, and what became of them.

    asked     what was asked for, by request, in the order in which the component was sent it
    answers   the statuses that AWS IoT Core got, by request
    """

    core: Core
    rng: random.Random
    asked: dict[str, Text] = field(default_factory=dict)
    answers: dict[str, Counter[bytes]] = field(default_factory=dict)
    _read: int = 0

    @property
    def component(self) -> Component:
        return self.core.component

    def draw(self, name: str, how_many: int) -> dict[str, Text]:
        """Draw texts and calls: several to the same person, some equal on purpose."""
        drawn: dict[str, Text] = {}
        for place in range(how_many):
            what = f"message {name}/{place}"
            if self.rng.random() < 0.05:
                what = f"{PLACE}{name}/{place}"
            wanted = number(self.rng.randrange(PEOPLE)), what
            if place and self.rng.random() < 0.1:
                wanted = drawn[f"{name}/{place - 1}"]
            drawn[f"{name}/{place}"] = wanted
        return drawn

    async def publish(self, drawn: dict[str, Text]) -> None:
        """Publish, each by a way of its own choice; what reaches nobody was not asked for."""
        for request_id, wanted in drawn.items():
            if await self._say(request_id, *wanted):
                self.asked[request_id] = wanted
            await asyncio.sleep(0)

    async def _say(self, request_id: str, to: str, what: str) -> int:
        kind, document = "txt", text(request_id, to, what)
        if what.startswith(PLACE):
            kind, document = "call", call(request_id, to, what)
        topic, payload = f"twilio/{kind}", json.dumps(document).encode()
        match self.rng.randrange(3):
            case 0:
                return await self.core.nucleus.from_cloud(topic, payload)
            case 1:
                return await self.core.nucleus.publish(topic, payload)
        return await self.core.nucleus.publish(topic, document)

    def told(self) -> int:
        """Give how many statuses AWS IoT Core has got."""
        in_cloud = self.core.nucleus.in_cloud
        for spoken in in_cloud[self._read :]:
            found = self.answers.setdefault(spoken.document["id"], Counter())
            found[spoken.payload] += 1
        self._read = len(in_cloud)
        return self._read

    def committed(self) -> list[str]:
        """Give the requests in the store, in its order."""
        rows = self.component.rows("SELECT request_id FROM delivery ORDER BY seq")
        return [request_id for (request_id,) in rows]

    def lost(self) -> int:
        """Give how many were only in memory; they must be the last that were sent."""
        committed = self.committed()
        asked = list(self.asked)[: len(committed)]
        assert committed == asked, "what is kept is what came first, in its order"
        lost = list(self.asked)[len(committed) :]
        for request_id in lost:
            del self.asked[request_id]
        return len(lost)

    async def finished(self) -> None:
        """Wait until everything is sent and told, and see that it was, exactly once."""
        await until(
            lambda: (
                self.told()
                and self.answers.keys() >= self.asked.keys()
                and self.component.rows(OPEN) == [(0,)]
            ),
            "every request that was kept has its status, and nothing is left to do",
            60,
        )
        assert self.lost() == 0
        assert sent(self.core.simulator) == Counter(self.asked.values())
        self._assert_told()
        self._assert_in_order()
        assert self.core.nucleus.faults == []
        assert self.core.nucleus.refused == []
        assert "Traceback" not in self.component.log

    def _assert_told(self) -> None:
        assert self.answers.keys() == self.asked.keys(), "nothing is told of what was lost"
        different = {name: found for name, found in self.answers.items() if len(found) > 1}
        assert not different, "a status that is repeated is the same, byte for byte"

    def _assert_in_order(self) -> None:
        """What was never in doubt went to each number in order, texts and calls apart."""
        rows = self.component.rows("SELECT request_id FROM delivery WHERE doubt_since IS NOT NULL")
        doubtful = {self.asked[request_id] for (request_id,) in rows}
        wanted, found = (
            _by_lane(each for each in these if each not in doubtful)
            for these in (self.asked.values(), map(asked_for, self.core.simulator.log))
        )
        assert found == wanted

    @property
    def repeats(self) -> int:
        """How many statuses were told more than once."""
        return sum(found.total() - 1 for found in self.answers.values())


def _by_lane(these: Any) -> dict[tuple[str, bool], list[str]]:  # noqa: ANN401 - texts
    lanes: dict[tuple[str, bool], list[str]] = {}
    for to, what in these:
        lanes.setdefault((to, what.startswith(PLACE)), []).append(what)
    return lanes


@pytest.fixture
async def traffic(nursery: Nursery, tmp_path: Path) -> AsyncIterator[Traffic]:
    """A component that takes requests by both ways, with a Twilio that takes its time."""
    settings = Settings(
        account_sid=ACCOUNT, auth_token=AUTH_TOKEN, seed=SEED, latency=0.004, jitter=0.01
    )
    configuration = {
        "delivery": {"lookup_delays": [0.2, 0.4, 0.8]},
        "greengrass": {"txt": "both", "call": "both"},
        "log": {"level": "INFO"},
        "twilio": {"calls_per_second": 1000},
    }
    async with Core(nursery, tmp_path, settings=settings, configuration=configuration) as core:
        yield Traffic(core, random.Random(SEED))


# --- kills ----------------------------------------------------------------------------------------


@dataclass(slots=True)
class Killing:
    """One round after the other: start, publish, wait for the moment, kill, look."""

    traffic: Traffic
    phases: Counter[str] = field(default_factory=Counter)
    """How far requests had come at a kill."""

    async def round(self, name: str, moment: "Moment") -> None:
        """Kill once."""
        nucleus, traffic = self.traffic.core.nucleus, self.traffic
        await traffic.component.serving()
        publishing = asyncio.create_task(traffic.publish(traffic.draw(name, BATCH)))
        await moment(self)
        await traffic.component.kill()
        await publishing
        nucleus.hold_answers = None
        self._look()

    def _look(self) -> None:
        traffic = self.traffic
        self.phases["lost: in memory only"] += traffic.lost()
        traffic.told()
        owed = traffic.component.rows("SELECT payload FROM event WHERE topic = 'message/status'")
        still_owed = {json.loads(payload)["id"] for (payload,) in owed}
        at_twilio = sent(traffic.core.simulator)
        for request_id, wanted in traffic.asked.items():
            self.phases[self._phase(request_id, at_twilio[wanted] > 0, still_owed)] += 1

    def _phase(self, request_id: str, at_twilio: bool, owed: set[str]) -> str:
        if request_id in self.traffic.answers:
            return "told, still owed" if request_id in owed else "done"
        if request_id in owed:
            return "outcome on disk, not told"
        return "at Twilio, outcome not on disk" if at_twilio else "committed, not at Twilio"

    # moments

    async def at_arrival(self) -> None:
        """Kill within 40 ms of the first."""
        await asyncio.sleep(self.traffic.rng.uniform(0.0, 0.04))

    async def at_create(self) -> None:
        """Kill at the n-th create at Twilio."""
        requests = self.traffic.core.simulator.requests
        wanted = requests.count("create") + self.traffic.rng.randint(1, BATCH // 2)
        await _soon(lambda: requests.count("create") >= wanted)

    async def at_status(self) -> None:
        """Kill at the n-th status."""
        in_cloud = self.traffic.core.nucleus.in_cloud
        wanted = len(in_cloud) + self.traffic.rng.randint(1, BATCH // 2)
        await _soon(lambda: len(in_cloud) >= wanted)

    async def without_answers(self) -> None:
        """Kill while the nucleus answers none of the publishes that it has taken."""
        nucleus = self.traffic.core.nucleus
        nucleus.hold_answers = asyncio.Event()
        wanted = len(nucleus.in_cloud) + self.traffic.rng.randint(1, 20)
        await _soon(lambda: len(nucleus.in_cloud) >= wanted)

    async def at_update(self) -> None:
        """Kill while a new configuration is read, or the gateway is opened with it."""
        await self.at_create()
        most = 20 + self.traffic.rng.randrange(20)
        self.traffic.core.nucleus.configure(NAME, {"twilio": {"max_concurrency": most}})
        opening = len(self.traffic.component.lines("opening anew"))
        await _soon(lambda: len(self.traffic.component.lines("opening anew")) > opening)
        await asyncio.sleep(self.traffic.rng.uniform(0.0, 0.1))


async def _soon(condition: Callable[[], bool]) -> None:
    """Wait, but not for what does not come."""
    with suppress(AssertionError):
        await until(condition, "the moment", 2)


Moment = Callable[[Killing], Awaitable[None]]
MOMENTS: tuple[Moment, ...] = (
    Killing.at_arrival,
    Killing.at_create,
    Killing.at_status,
    Killing.without_answers,
    Killing.at_update,
)


async def test_of_2000_requests_each_that_was_kept_is_sent_once_whenever_the_component_is_killed(
    traffic: Traffic,
) -> None:
    killing = Killing(traffic)
    for place in range(ROUNDS):
        await killing.round(str(place), MOMENTS[place % len(MOMENTS)])
    await traffic.component.serving()
    await traffic.finished()
    print(dict(killing.phases), traffic.repeats, "repeated")  # noqa: T201 - what -s shows
    assert len(killing.phases) == 6, killing.phases
    assert traffic.repeats <= killing.phases["told, still owed"]
    assert await traffic.component.stop() == 0


# --- the nucleus ----------------------------------------------------------------------------------


async def test_a_nucleus_that_restarts_in_a_burst_and_an_outage_cost_nothing_that_was_kept(
    traffic: Traffic,
) -> None:
    component, simulator = traffic.component, traffic.core.simulator
    await component.serving()
    publishing = asyncio.create_task(traffic.publish(traffic.draw("0", 400)))
    await until(lambda: traffic.told() > 20, "the burst is under way")
    await unplug(simulator)
    await traffic.core.nucleus.restart()
    began = asyncio.get_running_loop().time()
    assert await component.ended() == 1
    assert asyncio.get_running_loop().time() - began > 3, "three at once make it BROKEN"
    await publishing
    traffic.lost()
    await component.serving()
    await traffic.publish(traffic.draw("1", 100))
    await until(lambda: _wrong(component, "Twilio: "), "health tells of the outage")
    await plug_in(simulator)
    await traffic.finished()
    assert await component.stop() == 0


async def test_configuration_updates_in_a_burst_lose_and_double_nothing(traffic: Traffic) -> None:
    component = traffic.component
    await component.serving()
    publishing = asyncio.create_task(traffic.publish(traffic.draw("0", 600)))
    for place, most in enumerate((20, 30, 40)):
        traffic.core.nucleus.configure(NAME, {"twilio": {"max_concurrency": most}})
        await _opened_anew(component, place + 1)
    await publishing
    await until(lambda: len(traffic.committed()) == 600, "all are kept")
    await traffic.finished()
    assert await component.stop() == 0


async def _opened_anew(component: Component, times: int) -> None:
    await until(lambda: len(component.lines("opening anew")) == times, "it is opened anew")


async def test_answers_of_the_nucleus_that_come_late_hold_up_no_request(traffic: Traffic) -> None:
    await traffic.component.serving()
    hold = traffic.core.nucleus.hold_answers = asyncio.Event()
    await traffic.publish(traffic.draw("0", 200))
    await until(lambda: len(traffic.core.simulator.log) == 200, "all are sent")
    hold.set()
    traffic.core.nucleus.hold_answers = None
    await traffic.finished()
    assert traffic.repeats == 0


# --- the disk, and too many -----------------------------------------------------------------------


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with SmallDisk(tmp_path / "disk") as disk:
        yield disk


def _wrong(component: Component, beginning: str) -> list[str]:
    """Give what the latest health says to be wrong with something."""
    found = component.said("bridge/health")
    wrong = json.loads(found[-1])["wrong"] if found else []
    return [sentence for sentence in wrong if sentence.startswith(beginning)]


async def _on(disk: SmallDisk, traffic: Traffic) -> Component:
    """Start the component with its store on a disk."""
    url = f"sqlite://{disk.path}/callbox.sqlite3"
    component = traffic.component
    component.configuration["store"] = component.sections["store"] = {"url": url}
    await component.serving()
    return component


async def test_requests_wait_in_memory_for_a_full_disk_also_through_an_update_and_lose_no_order(
    traffic: Traffic, disk: SmallDisk
) -> None:
    component = await _on(disk, traffic)
    await traffic.publish(traffic.draw("first", 50))
    await until(lambda: len(traffic.committed()) == 50, "they are kept")
    disk.fill()
    await traffic.publish(traffic.draw("held", 300))
    await until(lambda: _wrong(component, "Store: "), "health tells of the disk")
    traffic.core.nucleus.configure(NAME, {"twilio": {"max_concurrency": 20}})
    await until(lambda: not _door(component).exists(), "it is closed, to be opened anew")
    await traffic.publish(traffic.draw("later", 50))
    assert len(traffic.committed()) < 400
    disk.empty()
    await until(lambda: len(traffic.committed()) == 400, "all are kept")
    await traffic.finished()
    assert await component.stop() == 0


async def test_it_stops_although_a_full_disk_keeps_it_from_opening_anew_and_tells_what_is_lost(
    traffic: Traffic, disk: SmallDisk
) -> None:
    component = await _on(disk, traffic)
    await traffic.publish(traffic.draw("kept", 50))
    await until(lambda: len(traffic.committed()) == 50, "they are kept")
    disk.fill()
    await traffic.publish(traffic.draw("lost", 20))
    await until(lambda: component.lines("WARNING", REFUSED), "it is said")
    traffic.core.nucleus.configure(NAME, {"twilio": {"max_concurrency": 20}})
    await until(lambda: not _door(component).exists(), "it is closed, to be opened anew")
    began = asyncio.get_running_loop().time()
    assert await component.stop() == 0
    assert asyncio.get_running_loop().time() - began < 12, "then it would be killed"
    assert component.lines("ERROR", "20 requests are lost")
    disk.empty()
    await component.serving()
    assert traffic.lost() == 20
    await traffic.finished()


def _door(component: Component) -> Path:
    """Give where it listens while it is open."""
    return control_path(component.store)


async def test_what_memory_does_not_hold_for_a_full_disk_is_counted_and_told(
    traffic: Traffic, disk: SmallDisk
) -> None:
    component = await _on(disk, traffic)
    await unplug(traffic.core.simulator)
    process = psutil.Process(component.pid)
    before = process.memory_info().rss
    disk.fill()
    more = 1_500  # than fit in memory, and in the hands of whoever tries to keep them
    for place in range(MOST_WAITING + more):
        traffic.asked[str(place)] = number(place), "x"
        await traffic.core.nucleus.publish("twilio/txt", text(str(place), number(place), "x"))
    await until(lambda: _wrong(component, "Greengrass: "), "health tells that some are lost")
    grown = process.memory_info().rss - before
    assert grown < 60e6, f"{grown / 1e6:.0f} MB for {MOST_WAITING} requests"
    disk.empty()
    await until(lambda: len(traffic.committed()) > MOST_WAITING // 2, "it goes on")
    health = await _health(component)
    dropped = health["greengrass"]["dropped_requests"]
    assert 0 < dropped <= more
    (told,) = _wrong(component, "Greengrass: ")
    assert told.startswith(f"Greengrass: {dropped} requests are lost")
    await until(
        lambda: len(traffic.committed()) == MOST_WAITING + more - dropped, "the others are kept"
    )
    assert traffic.lost() == dropped, "those that came last"


async def _health(component: Component) -> dict[str, Any]:
    """Ask for it."""
    topic = "bridge/response/health_check"
    answered = len(component.said(topic))
    await component.nucleus.publish("twilio/bridge/request/health_check", {})
    await until(lambda: len(component.said(topic)) > answered, "health is answered")
    found: dict[str, Any] = json.loads(component.said(topic)[-1])["data"]
    return found


async def test_20000_requests_at_once_are_all_kept_in_their_order_and_take_little_memory(
    traffic: Traffic,
) -> None:
    component = traffic.component
    await component.serving()
    process = psutil.Process(component.pid)
    before = process.memory_info().rss
    clock = asyncio.get_running_loop().time
    began = clock()
    for place in range(20_000):
        traffic.asked[str(place)] = number(place), "x"
        await traffic.core.nucleus.publish("twilio/txt", text(str(place), number(place), "x"))
    published = clock() - began
    await until(lambda: len(traffic.committed()) >= 20_000 - _dropped(component), "all are kept")
    kept = clock() - began
    grown = (process.memory_info().rss - before) / 1e6
    figures = f"published in {published:.1f} s, kept in {kept:.1f} s; {grown:.0f} MB more"
    print(figures)  # noqa: T201 - what -s shows
    assert _dropped(component) == 0, figures
    assert traffic.lost() == 0
    assert grown < 60, figures


def _dropped(component: Component) -> int:
    """Give how many requests it says are lost."""
    found = component.said("bridge/health")
    return int(json.loads(found[-1])["greengrass"]["dropped_requests"]) if found else 0
