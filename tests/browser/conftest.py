"""A browser and all that is behind the page, for a file of tests at a time."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from aiohttp import ClientSession, encode_basic_auth

from callbox.simulator import Simulator, start
from harness import ACCOUNT, Nursery
from harness.booth import Booth
from harness.booth import booth as open_booth
from harness.browser import Browser
from harness.browser import browser as open_browser
from harness.desk import SETTINGS


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    """Whoever starts gateways."""
    nursery = Nursery()
    yield nursery
    nursery.close()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def everything(
    nursery: Nursery, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Booth]:
    """What the tests of a module share."""
    async with open_booth(nursery, tmp_path_factory.mktemp("site")) as booth:
        yield booth


@pytest_asyncio.fixture(loop_scope="module")
async def booth(everything: Booth) -> AsyncIterator[Booth]:
    """The shared site and browser; no page may have complained of anything."""
    yield everything
    everything.site.simulator.faults.clear()
    await everything.window.close_pages()
    assert everything.window.complained() == []


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def chromium() -> AsyncIterator[Browser]:
    """A browser alone."""
    async with open_browser() as window:
        yield window


@pytest_asyncio.fixture(loop_scope="module")
async def window(chromium: Browser) -> AsyncIterator[Browser]:
    """The shared browser, without pages; none may have complained of anything."""
    yield chromium
    await chromium.close_pages()
    assert chromium.complained() == []


@pytest_asyncio.fixture(loop_scope="module")
async def simulator(window: Browser) -> AsyncIterator[Simulator]:
    """A simulator alone, with the phones of Darla and Milo."""
    async with await start(settings=SETTINGS) as simulator:
        yield simulator
        await window.close_pages()


@pytest_asyncio.fixture(loop_scope="module")
async def session() -> AsyncIterator[ClientSession]:
    """Who asks as a gateway does."""
    login = {"Authorization": encode_basic_auth(ACCOUNT, "a-secret-token")}
    async with ClientSession(headers=login) as session:
        yield session
