"""A gateway that runs for a while in this process, on free ports: for the demo and rehearsals."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator, Sequence

from callbox.device import Device
from callbox.service import Gateway

PATIENCE = 15.0
"""Seconds that it may take to be online."""


@contextlib.asynccontextmanager
async def running(gateway: Gateway) -> AsyncIterator[Gateway]:
    """Run a gateway and give it once it is online. Raises CallboxError if it cannot be opened."""
    try:
        await gateway.open()
        task = asyncio.create_task(gateway.run())
        try:
            async with asyncio.timeout(PATIENCE):
                await gateway.online.wait()
            yield gateway
        finally:
            await gateway.stop()
            await task
    finally:
        await gateway.close()


@contextlib.asynccontextmanager
async def connected(gateway: Gateway, topics: Sequence[str] = ()) -> AsyncIterator[Device]:
    """Give a device at the gateway's broker that hears these topics of the gateway, or all."""
    device = Device(gateway.config.mqtt)
    await asyncio.to_thread(device.__enter__)
    try:
        if topics:
            await asyncio.to_thread(device.listen, topics)
        else:
            await asyncio.to_thread(device.listen_to_all)
        yield device
    finally:
        await asyncio.to_thread(device.close)


def free_port() -> int:
    """Give a port that is free now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def quieten() -> None:
    """Have the log say nothing less than errors: who runs this speaks for itself."""
    logging.basicConfig(level=logging.ERROR, format="%(levelname)s %(message)s")
    logging.getLogger("amqtt").setLevel(logging.CRITICAL)
