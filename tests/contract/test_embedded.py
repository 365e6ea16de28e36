"""The broker in this process."""

import asyncio
from contextlib import closing

from callbox.hosts.embedded import EmbeddedBroker
from harness.ports import free_port
from harness.waiting import PATIENCE


async def test_it_stops_although_somebody_is_connected_who_says_nothing() -> None:
    broker = EmbeddedBroker("127.0.0.1", free_port(), None, None)
    await broker.start()
    _, silent = await asyncio.open_connection("127.0.0.1", broker.port)
    with closing(silent):
        async with asyncio.timeout(PATIENCE):
            await broker.stop()
