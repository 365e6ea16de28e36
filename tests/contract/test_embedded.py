"""The broker in this process."""

import asyncio
import gc
from contextlib import closing

import pytest

from callbox.hosts.embedded import EmbeddedBroker
from harness.ports import free_port
from harness.waiting import PATIENCE, until

# amqtt forgets to close the connection of somebody who never said who they are.
IGNORED = "ignore::pytest.PytestUnraisableExceptionWarning"


@pytest.mark.filterwarnings(IGNORED)
async def test_it_stops_although_somebody_is_connected_who_says_nothing() -> None:
    broker = EmbeddedBroker("127.0.0.1", free_port(), None, None)
    await broker.start()
    _, silent = await asyncio.open_connection("127.0.0.1", broker.port)
    with closing(silent):
        async with asyncio.timeout(PATIENCE):
            await broker.stop()
    await until(lambda: len(asyncio.all_tasks()) == 1, "the broker has noticed that it is gone")
    gc.collect()
