"""Fixtures of the system tests; harness/ says what they are made of."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from harness import Nursery, Site


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
