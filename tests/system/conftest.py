"""Fixtures of the system tests; harness/ says what they are made of."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from callbox.simulator import Settings, Simulator, start
from harness import Nursery, Site
from harness.asking import Begin
from harness.core import Core
from harness.letterbox import Letterbox
from harness.listener import Listener
from harness.sdk import Clock
from harness.terminal import Terminal


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    """Whoever starts gateways."""
    nursery = Nursery()
    yield nursery
    nursery.close()


@pytest.fixture
async def site(nursery: Nursery, tmp_path: Path) -> AsyncIterator[Site]:
    """An installation with a broker that everybody may use."""
    async with Site(nursery, tmp_path) as site:
        await site.broker.start()
        yield site


@pytest.fixture
async def core(nursery: Nursery, tmp_path: Path) -> AsyncIterator[Core]:
    """A Greengrass core with a component that is not started yet."""
    async with Core(nursery, tmp_path) as core:
        yield core
        core.check()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def letterbox(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Letterbox]:
    """A home that the tests of a module share."""
    async with Letterbox(tmp_path_factory.mktemp("home")) as letterbox:
        yield letterbox


@pytest_asyncio.fixture(loop_scope="module")
async def box(letterbox: Letterbox) -> AsyncIterator[Letterbox]:
    """The shared home, without anything of the test before."""
    await letterbox.clear()
    yield letterbox
    letterbox.home.simulator.faults.clear()
    assert letterbox.home.indigo.uncaught == []


@pytest.fixture
def clock() -> Clock:
    """Twilio's time."""
    return Clock()


@pytest.fixture
async def sim(clock: Clock) -> AsyncIterator[Simulator]:
    """A Twilio on that time."""
    async with await start(clock=clock) as simulator:
        yield simulator


@pytest.fixture
async def terminal(tmp_path: Path) -> AsyncIterator[Terminal]:
    """A folder to type commands in."""
    terminal = Terminal(tmp_path)
    yield terminal
    await terminal.clear()


@pytest.fixture
async def listener() -> AsyncIterator[Listener]:
    """A server that hears webhooks."""
    async with Listener() as listener:
        yield listener


@pytest.fixture
def begin(clock: Clock) -> Begin:
    """Start a simulator with settings, whose time the test moves."""

    @asynccontextmanager
    async def started(**settings: Any) -> AsyncIterator[Simulator]:  # noqa: ANN401 - of all kinds
        async with await start(settings=Settings(**settings), clock=clock) as sim:
            yield sim

    return started
