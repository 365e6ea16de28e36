"""Where a host can be: at a real broker or a nucleus, with devices beside it."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from callbox.config import Greengrass
from callbox.domain.delivery import Delivery, State
from callbox.domain.notification import Kind
from callbox.hosts.address import Address
from callbox.hosts.greengrass import GreengrassHost, Routes
from callbox.hosts.ipc import Nucleus, Way
from callbox.hosts.mqtt import MqttHost, Settings
from callbox.intake import Asked, Intake, Terms
from callbox.outbox import Outbox
from callbox.ports import MQTT, Change, Event, Submission
from callbox.store.sqlite import SqliteStore
from callbox.wire import read_request
from contract.deliveries import became, keep, text
from harness import Device
from harness.broker import Broker
from harness.waiting import until
from nucleus import Nucleus as FakeNucleus

TERMS = Terms("+19999999999", None, None, 60.0, "hold", lambda _name: ())
DARLA = "+12345000000"
COMPONENT = "io.callbox.TwilioNotifications"
TOPICS = ["twilio/*"]
ACCESS = {
    "aws.greengrass.ipc.pubsub": {
        f"{COMPONENT}:pubsub:1": {
            "operations": ["aws.greengrass#PublishToTopic", "aws.greengrass#SubscribeToTopic"],
            "resources": TOPICS,
        }
    },
    "aws.greengrass.ipc.mqttproxy": {
        f"{COMPONENT}:mqttproxy:1": {
            "operations": ["aws.greengrass#PublishToIoTCore", "aws.greengrass#SubscribeToIoTCore"],
            "resources": TOPICS,
        }
    },
}


class Host(Protocol):
    """What the tests use of a host."""

    @property
    def connected(self) -> bool: ...

    async def run(self) -> None: ...

    async def stop(self) -> None: ...

    def wake(self) -> None: ...


class Place(Protocol):
    """A broker or a nucleus, with devices beside it."""

    audience: dict[str, Callable[[Event], bool]]

    async def open(self) -> None:
        """Start everything."""

    async def host(self, desk: "Desk") -> Host:
        """Give a host that is not run yet."""

    async def publish(self, topic: str, payload: bytes) -> None:
        """Publish below `twilio/`, as a device."""

    def heard(self, topic: str) -> list[bytes]:
        """Give what devices heard on a topic below `twilio/`."""

    async def cut(self) -> None:
        """Cut the connection of the host."""


@dataclass
class Desk:
    """An outbox on a real store, and what the service answers."""

    store: SqliteStore
    outbox: Outbox
    tasks: set[asyncio.Task[bool]] = field(default_factory=set)

    def info(self) -> dict[str, Any]:
        return {"instance": self.store.instance}

    async def health(self) -> dict[str, Any]:
        return {"wrong": []}

    async def cancel(self, request_id: str) -> tuple[list[str], list[str]]:
        return await self.outbox.cancel(request_id)

    def check_messages(self) -> bool:
        return True

    def read(self, kind: Kind, payload: bytes, asked: Asked) -> Submission:
        return Intake(TERMS, self.outbox.clock).prepare(read_request(kind, payload, 131_072), asked)

    def spawn(self, work: Coroutine[Any, Any, None]) -> Awaitable[bool]:
        task = asyncio.ensure_future(self.attempt(work))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    async def attempt(self, work: Coroutine[Any, Any, None]) -> bool:
        await work
        return True


class OnMosquitto:
    """A real mosquitto."""

    def __init__(self, folder: Path, exits: AsyncExitStack) -> None:
        self.audience: dict[str, Callable[[Event], bool]] = {MQTT: lambda _event: True}
        self._broker = Broker(folder / "broker")
        self._exits = exits

    async def open(self) -> None:
        """Start everything; `exits` ends it."""
        await self._broker.start()
        self._exits.push_async_callback(self._broker.kill)
        self._device = Device(self._broker.port, topics=("twilio/#",))
        self._exits.push_async_callback(self._device.close)
        await self._device.connect()

    async def host(self, desk: Desk, kind: type[MqttHost] = MqttHost) -> Host:
        return kind(
            Settings(Address("127.0.0.1", self._broker.port), "twilio", "callbox"),
            desk.outbox, desk.store, desk, desk.read, desk.spawn,
        )  # fmt: skip

    async def publish(self, topic: str, payload: bytes) -> None:
        self._device.publish(topic, payload)

    def heard(self, topic: str) -> list[bytes]:
        return [each.payload for each in self._device.received if each.topic == f"twilio/{topic}"]

    async def cut(self) -> None:
        await self._broker.stop()
        await self._broker.start()
        await until(lambda: self._device.connected, "the device is back")


class OnNucleus:
    """A nucleus that speaks the real protocol to AWS's own SDK; each topic by one way."""

    def __init__(self, folder: Path, exits: AsyncExitStack, way: Way) -> None:
        self._way = way
        ways = dict.fromkeys(Greengrass().ways, way.value)
        self._routes = Routes("twilio", ways)
        self.audience = {each.value: self._routes.wants(each) for each in Way}
        self.nucleus = FakeNucleus(folder)
        self._exits = exits

    async def open(self) -> None:
        """Start everything; `exits` ends it."""
        await self._exits.enter_async_context(self.nucleus)

    async def host(self, desk: Desk) -> Host:
        nucleus = Nucleus(self.nucleus.admit(COMPONENT, ACCESS, {}))
        await nucleus.open()
        self._exits.push_async_callback(nucleus.close)
        host = GreengrassHost(
            self._routes,
            nucleus,
            desk.outbox,
            desk.store,
            desk,
            desk.read,
            desk.attempt,
            desk.spawn,
        )
        await host.open()
        return host

    async def publish(self, topic: str, payload: bytes) -> None:
        if self._way is Way.PUBSUB:
            await self.nucleus.publish(f"twilio/{topic}", payload)
        else:
            await self.nucleus.from_cloud(f"twilio/{topic}", payload)

    def heard(self, topic: str) -> list[bytes]:
        spoken = self.nucleus.published if self._way is Way.PUBSUB else self.nucleus.in_cloud
        return [
            each.payload
            for each in spoken
            if each.topic == f"twilio/{topic}" and each.component == COMPONENT
        ]

    async def cut(self) -> None:
        await self.nucleus.restart()


PLACES: dict[str, Callable[[Path, AsyncExitStack], Place]] = {
    "mosquitto": OnMosquitto,
    "pubsub": lambda folder, exits: OnNucleus(folder, exits, Way.PUBSUB),
    "iotcore": lambda folder, exits: OnNucleus(folder, exits, Way.IOTCORE),
}


class Serving:
    """A host that runs as long as the block."""

    def __init__(self, place: Place, desk: Desk) -> None:
        self._place, self._desk = place, desk

    async def __aenter__(self) -> Host:
        self._host = await self._place.host(self._desk)
        self._running = asyncio.create_task(self._host.run())
        await until(lambda: self._place.heard("bridge/state")[-1:] == [b"online"], "it is online")
        return self._host

    async def __aexit__(self, *_: object) -> None:
        await self._host.stop()
        await asyncio.wait_for(self._running, 10)


async def bodies(desk: Desk) -> list[str]:
    return [each.notification.body for each in reversed(await desk.store.listing(None, 500))]


async def owe(desk: Desk, host: Host, *events: Event) -> None:
    await keep(desk.store, text())
    delivery: Delivery = (await desk.store.listing(None, 1))[0]
    await desk.store.apply(Change(delivery, became(delivery, State.CANCELLED), events))
    host.wake()


def event(number: int) -> Event:
    return Event("message/delivery", json.dumps({"number": number}).encode())
