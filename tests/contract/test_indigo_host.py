"""What is owed to Indigo is told in order, whatever Indigo makes of it."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from callbox.domain.delivery import State
from callbox.hosts import indigo
from callbox.hosts.indigo import IndigoHost
from callbox.ports import Change, Event, Limits
from callbox.store.sqlite import SqliteStore
from contract.deliveries import DOCUMENTS, became, keep, text
from harness.waiting import until


class Home:
    """Takes events; refuses each topic as often as it is told to."""

    def __init__(self, **faults: int) -> None:
        self.thread = ThreadPoolExecutor(1)
        self.told: list[str] = []
        self.faults = faults

    def tell(self, event: Event) -> str | None:
        if self.faults.get(event.topic, 0):
            self.faults[event.topic] -= 1
            raise RuntimeError("Indigo is busy")
        self.told.append(event.topic)
        return None


async def attempt(work: Coroutine[Any, Any, None]) -> bool:
    try:
        await work
    except RuntimeError:
        return False
    return True


@asynccontextmanager
async def telling(path: Path, home: Home, *topics: str) -> AsyncIterator[IndigoHost]:
    store = await SqliteStore.open(
        path / "callbox.db", DOCUMENTS, Limits(), hosts={"indigo": indigo.wants}
    )
    await keep(store, text())
    delivery = (await store.listing(None, 1))[0]
    events = tuple(Event(topic, b"{}") for topic in topics)
    await store.apply(Change(delivery, became(delivery, State.CANCELLED), events))
    host = IndigoHost(store, home, attempt)
    running = asyncio.create_task(host.run())
    try:
        yield host
    finally:
        await host.stop()
        await running
        await store.close()
        home.thread.shutdown()


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indigo, "_AGAIN_AFTER", 0.01)


async def test_what_indigo_refuses_for_a_moment_is_told_before_what_came_after_it(
    tmp_path: Path,
) -> None:
    home = Home(b=2)
    async with telling(tmp_path, home, "a", "b", "c") as host:
        await until(lambda: len(home.told) == 3, "three events are told")
        assert home.told == ["a", "b", "c"]
        assert host.trouble is None


async def test_what_indigo_refuses_three_times_is_set_aside_and_said(tmp_path: Path) -> None:
    home = Home(b=9)
    async with telling(tmp_path, home, "a", "b", "c") as host:
        await until(lambda: "c" in home.told, "the last event is told")
        assert home.told == ["a", "c"]
        assert "1 events could not be told to Indigo" in (host.trouble or "")
        assert home.faults["b"] == 6


async def test_other_work_waits_until_all_that_is_owed_was_told(tmp_path: Path) -> None:
    home = Home(a=1)
    async with telling(tmp_path, home, "a", "b") as host:
        await host.do(lambda: home.told.append("work"))
        assert home.told == ["a", "b", "work"]
