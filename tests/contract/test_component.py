"""The component between two gateways, and when the nucleus does not know its configuration."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from callbox.greengrass import component
from callbox.greengrass.component import STOPPED, Component
from callbox.hosts.ipc import Nucleus
from callbox.service import Gateway
from harness.core import ACCESS, NAME, V1
from harness.documents import number, text
from harness.waiting import until
from nucleus import Nucleus as FakeNucleus

NOBODY = "http://127.0.0.1:9"
CONFIGURATION = V1 | {
    "twilio": {"base_url": NOBODY, "auth_token": "token"},
    "http": {"port": "0"},
    "inbound": {"polling": "off"},
}


async def _leave_alone(_gateway: Gateway) -> None:
    """Tell nothing."""


class Running:
    """A component in the test's own loop."""

    def __init__(self, nucleus: FakeNucleus, folder: Path) -> None:
        self.nucleus, self.folder = nucleus, folder

    async def start(self) -> None:
        self.ipc = Nucleus(self.nucleus.admit(NAME, ACCESS, CONFIGURATION))
        await self.ipc.open()
        self.component = Component(self.ipc, {}, self.folder, _leave_alone)
        self.ended = asyncio.create_task(self.component.run())
        await until(lambda: self.states[-1:] == [b"online"], "it is online")

    async def stop(self) -> int:
        self.component.stop()
        code = await asyncio.wait_for(self.ended, 20)
        await self.ipc.close()
        return code

    @property
    def states(self) -> list[bytes]:
        return [each.payload for each in self.nucleus.published if each.topic.endswith("/state")]

    def kept(self) -> list[str]:
        db = sqlite3.connect(self.folder / "callbox.sqlite3")
        rows: list[Any] = db.execute("SELECT request_id FROM delivery ORDER BY seq").fetchall()
        db.close()
        return [row[0] for row in rows]


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Running]:
    async with FakeNucleus(tmp_path) as nucleus:
        running = Running(nucleus, tmp_path)
        await running.start()
        yield running


async def test_a_configuration_that_the_nucleus_cannot_give_is_asked_for_again(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(component, "_ASK_AGAIN", 0.1)
    running.nucleus.troubles["GetConfiguration"] = "ServiceError"
    running.nucleus.configure(NAME, {"greengrass": {"bridge": "both"}})
    await until(lambda: running.component._concern, "it is told")
    running.nucleus.troubles.clear()
    await until(
        lambda: any(each.topic.endswith("bridge/state") for each in running.nucleus.in_cloud),
        "the change is taken",
    )
    assert running.component._concern is None
    assert await running.stop() == STOPPED


async def test_a_stop_between_two_gateways_keeps_what_came_meanwhile(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    opening, may_open = asyncio.Event(), asyncio.Event()

    class Slow(Gateway):
        async def open(self) -> None:
            opening.set()
            await may_open.wait()
            await super().open()

    monkeypatch.setattr(component, "Gateway", Slow)
    running.nucleus.configure(NAME, {"limits": {"per_day": "900"}})
    await asyncio.wait_for(opening.wait(), 20)
    for place in range(30):
        await running.nucleus.publish("twilio/txt", text(str(place), number(place), "x"))
    await until(lambda: running.ipc.waiting == 30, "they wait")
    running.component.stop()
    may_open.set()
    assert await running.stop() == STOPPED
    assert running.kept() == [str(place) for place in range(30)]
