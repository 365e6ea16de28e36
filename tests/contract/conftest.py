"""Fixtures of the hosts' tests; places.py says what they are made of."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from callbox.domain.pace import Pace
from callbox.domain.policy import Rules
from callbox.outbox import Outbox
from callbox.ports import Limits
from callbox.store.sqlite import SqliteStore
from contract.bench import ScriptedTwilio, ToyClock
from contract.deliveries import DOCUMENTS
from contract.places import PLACES, Desk, Place


@pytest.fixture
async def exits() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


@pytest.fixture(params=PLACES)
async def place(request: pytest.FixtureRequest, tmp_path: Path, exits: AsyncExitStack) -> Place:
    place = PLACES[request.param](tmp_path, exits)
    await place.open()
    return place


@pytest.fixture
async def desk(place: Place, tmp_path: Path, exits: AsyncExitStack) -> Desk:
    store = await SqliteStore.open(
        tmp_path / "callbox.db", DOCUMENTS, Limits(), hosts=place.audience
    )
    exits.push_async_callback(store.close)
    outbox = Outbox(
        store, ScriptedTwilio(), DOCUMENTS, ToyClock(), Rules((2.0,), (5.0, 20.0, 60.0)),
        Pace(10, 1.0), lambda: None, lambda work: work.close(),
    )  # fmt: skip
    await outbox.open()
    return Desk(store, outbox)
