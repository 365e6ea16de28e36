"""2,000 texts as a Greengrass component, and by MQTT for comparison: burst, trickle, memory, start.

Nucleus and AWS IoT Core are the tests' fake, a process of its own, which speaks for the others; the
component is what a real nucleus starts. By MQTT it is mosquitto as recommended.
"""

import asyncio
import contextlib
import json
import math
import socket
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from benchmarks.device import Device, Observer, publish_packet
from benchmarks.process import Process, python, wait_for
from benchmarks.report import Report, percentile, say
from benchmarks.stage import Gateway, Simulator, Stage, document, free_port, stage, usual
from benchmarks.verdict import Verdict, judge

MESSAGES = 2000
_TRICKLE = 200
_EVERY = 0.05
_WARM = 200
_FROM = {"warm": 9_000_000, "burst": 0, "trickle": 100_000}  # recipients' numbers
_STATUS = "twilio/message/status"
_NAME = "io.callbox.TwilioNotifications"
_OPEN = "delivery WHERE state IN ('queued', 'sending') OR due_at IS NOT NULL"
_TESTS = Path(__file__).resolve().parents[1] / "tests"
_PATIENCE = 60.0

Times = dict[int, float]
"""When, by a recipient's number; seconds since 1970."""


class Way(Protocol):
    """By what requests come, and statuses go."""

    gateway: Gateway

    def start(self) -> float:
        """Start the gateway; give the seconds until it is online."""

    def publish(self, first: int, count: int, every: float = 0.0) -> Times:
        """Publish requests; give when each was."""

    def told(self) -> Times:
        """Give when each status was first told."""


@dataclass(slots=True)
class Figures:
    """What was measured of one way: rates a second, `cpu_ms` a message, `waits` in ms, MB."""

    online: float
    kept: float
    sent: float
    told: float
    cpu_ms: float
    memory: float
    waits: list[float]
    untold: int
    verdict: Verdict


_SHOWN: tuple[tuple[str, str, Callable[[Figures], float], float | None], ...] = (
    (f"{MESSAGES:,} at once: kept", "1/s", lambda found: found.kept, None),
    ("sent", "1/s", lambda found: found.sent, None),
    ("status told", "1/s", lambda found: found.told, None),
    ("CPU, three events each", "ms/msg", lambda found: found.cpu_ms, None),
    ("20 a second: request to status, p50", "ms", lambda f: percentile(f.waits, 0.5), 10.0),
    ("20 a second: request to status, p99", "ms", lambda f: percentile(f.waits, 0.99), 50.0),
    ("memory (RSS)", "MB", lambda found: found.memory, 100.0),
    ("start to online", "s", lambda found: found.online, 2.0),
)


def run() -> Report:
    """Measure."""
    report = Report("greengrass")
    say("a Greengrass component")
    with stage() as made, _component(made) as (way, simulator):
        ipc = _measure(way, simulator)
    say("by MQTT")
    with stage() as made, _mqtt(made) as (way, simulator):
        mqtt = _measure(way, simulator)
    for name, unit, of, most in _SHOWN:
        report.add(name, of(ipc), unit, most=most)
        report.add("    by MQTT", of(mqtt), unit)
        report.add("    against MQTT", of(ipc) / of(mqtt), "ratio")
    for place, found in (("", ipc), ("by MQTT: ", mqtt)):
        report.add(f"{place}lost", found.verdict.lost, "messages", most=0)
        report.add(f"{place}doubled", found.verdict.doubled, "messages", most=0)
        report.add(f"{place}not told of", found.untold, "messages", most=0)
    return report


def _measure(way: Way, simulator: Simulator) -> Figures:
    """Start it, warm it up, and send a trickle, then a burst."""
    online = way.start()
    way.publish(_FROM["warm"], _WARM)
    _settle(way.gateway, _WARM)
    say("a trickle")
    trickle = way.publish(_FROM["trickle"], _TRICKLE, _EVERY)
    _settle(way.gateway, _WARM + _TRICKLE)
    say("a burst")
    process, before = way.gateway.process, way.gateway.process.cpu_seconds()
    burst = way.publish(_FROM["burst"], MESSAGES)
    _wait_for(way.gateway, _WARM + _TRICKLE + MESSAGES)
    kept = time.time()
    _settle(way.gateway, _WARM + _TRICKLE + MESSAGES)
    spent = process.cpu_seconds() - before
    told, arrived = way.told(), _arrived(simulator)
    began = min(burst.values())
    return Figures(
        online=online,
        kept=MESSAGES / (kept - began),
        sent=MESSAGES / (_last(burst, arrived) - began),
        told=MESSAGES / (_last(burst, told) - began),
        cpu_ms=1000 * spent / MESSAGES,
        memory=process.memory_megabytes()[0],
        waits=[1000 * (told.get(number, math.inf) - at) for number, at in trickle.items()],
        untold=sum(number not in told for number in burst | trickle),
        verdict=judge(simulator, [*burst, *trickle]),
    )


def _last(asked: Iterable[int], ended: Times) -> float:
    return max(ended.get(number, math.inf) for number in asked)


def _wait_for(gateway: Gateway, kept: int) -> None:
    wait_for(lambda: gateway.count("delivery") >= kept, "all to be kept", _PATIENCE, 0.02)


def _settle(gateway: Gateway, kept: int) -> None:
    _wait_for(gateway, kept)
    wait_for(lambda: gateway.count(_OPEN) == 0, "all to be settled", _PATIENCE, 0.05)
    gateway.wait_until_told()


def _arrived(simulator: Simulator) -> Times:
    """Give when Twilio got a text for each recipient."""
    return {int(e["to"].removeprefix("+1234")): e["arrived_at"] for e in simulator.created()}


def _number(payload: bytes) -> int:
    return int(json.loads(payload)["id"].removeprefix("request"))


# by MQTT


@dataclass(slots=True)
class _Mqtt:
    gateway: Gateway
    port: int
    statuses: Observer

    def start(self) -> float:
        began = time.time()
        with Observer(self.port, ["twilio/bridge/state"], "starter") as observer:
            self.gateway.process.start()
            return wait_for(
                lambda: next(
                    (s.at - began for s in observer.seen() if s.payload == b"online"), None
                ),
                "the gateway to be online",
            )

    def publish(self, first: int, count: int, every: float = 0.0) -> Times:
        packets = [
            publish_packet("twilio/txt", document(first + place), place % 60_000 + 1)
            for place in range(count)
        ]
        batches = [[packet] for packet in packets] if every else [packets]
        published: Times = {}
        with Device(self.port, f"device{first}") as device:
            for batch in batches:
                now = time.time()
                published |= dict.fromkeys(
                    range(first + len(published), first + len(published) + len(batch)), now
                )
                device.publish(batch)
                time.sleep(every)
        return published

    def told(self) -> Times:
        found: Times = {}
        for seen in self.statuses.seen():
            found.setdefault(_number(seen.payload), seen.at)
        return found


@contextlib.contextmanager
def _mqtt(made: Stage) -> Iterator[tuple[Way, Simulator]]:
    broker, simulator = made.broker(), made.simulator()
    gateway = made.gateway(broker, simulator.url)
    with Observer(broker.port, [_STATUS]) as statuses:
        yield _Mqtt(gateway, broker.port, statuses), simulator


# as a component


@dataclass(slots=True)
class _Ipc:
    gateway: Gateway
    door: Path

    def start(self) -> float:
        began = time.time()
        self.gateway.process.start()
        online: list[float] = wait_for(lambda: self._ask(do="online"), "the component to be online")
        return online[0] - began

    def publish(self, first: int, count: int, every: float = 0.0) -> Times:
        at: list[float] = self._ask(do="publish", first=first, count=count, every=every)
        return dict(enumerate(at, first))

    def told(self) -> Times:
        return {int(number): at for number, at in self._ask(do="told").items()}

    def _ask(self, **order: object) -> Any:  # noqa: ANN401 - JSON
        with socket.socket(socket.AF_UNIX) as end, end.makefile("rw") as lines:
            end.connect(str(self.door))
            lines.write(json.dumps(order) + "\n")
            lines.flush()
            return json.loads(lines.readline())


@contextlib.contextmanager
def _component(made: Stage) -> Iterator[tuple[Way, Simulator]]:
    simulator = made.simulator()
    configuration = usual(0, simulator.url, made.folder, free_port())
    del configuration["mqtt"]
    door = made.folder / "door"
    arguments = [str(door), json.dumps(configuration)]
    nucleus = made.run(
        ["env", f"PYTHONPATH={_TESTS}", *python("benchmarks.greengrass", *arguments)], "nucleus"
    )
    environment: dict[str, str] = json.loads(nucleus.read("environment "))
    process = Process(python("callbox", "greengrass"), made.folder / "gateway.log", environment)
    try:
        yield _Ipc(Gateway(process, made.folder / "callbox.sqlite3", 0), door), simulator
    finally:
        process.stop()


# the process of the nucleus


@dataclass(slots=True)
class _Core:
    """Serves orders; each is a line of JSON, and so is its answer."""

    nucleus: Any
    told: Times = field(default_factory=dict)
    online: list[float] = field(default_factory=list)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        order = json.loads(await reader.readline())
        found: object = {"told": self.told, "online": self.online}.get(order.pop("do"))
        if order:
            found = await self.publish(**order)
        writer.write(json.dumps(found).encode() + b"\n")
        await writer.drain()
        writer.close()

    async def publish(self, first: int, count: int, every: float) -> list[float]:
        """Publish as another component; give when."""
        published = []
        for number in range(first, first + count):
            published.append(time.time())
            await self.nucleus.publish("twilio/txt", document(number))
            await asyncio.sleep(every)
        return published

    def in_cloud(self, spoken: Any) -> None:  # noqa: ANN401 - the nucleus's `Spoken`
        """Note when a status came."""
        if spoken.topic == _STATUS:
            self.told.setdefault(_number(spoken.payload), time.time())

    def locally(self, spoken: Any) -> None:  # noqa: ANN401 - the nucleus's `Spoken`
        """Note when it said that it is online."""
        if spoken.payload == b"online":
            self.online.append(time.time())


class _Heard(list[Any]):
    """What was published; `hear` is called with each, and nothing is kept."""

    def __init__(self, hear: Callable[[Any], None]) -> None:
        super().__init__()
        self._hear = hear

    def append(self, spoken: Any) -> None:  # noqa: ANN401 - the nucleus's `Spoken`
        """Hear it."""
        self._hear(spoken)


async def _serve(door: str, configuration: str) -> None:
    from harness.core import ACCESS  # noqa: PLC0415 - the tests' own, on the path of this process
    from nucleus import Nucleus  # noqa: PLC0415 - see above

    async with Nucleus() as nucleus:
        core = _Core(nucleus)
        nucleus.in_cloud, nucleus.published = _Heard(core.in_cloud), _Heard(core.locally)
        environment = nucleus.admit(_NAME, ACCESS, json.loads(configuration))
        async with await asyncio.start_unix_server(core.answer, door) as server:
            print("environment", json.dumps(environment), flush=True)
            await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(*sys.argv[1:]))
