"""Work that is given up when there is nothing more to do it for."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def unless(stopping: asyncio.Event, work: Coroutine[Any, Any, T]) -> T | None:
    """Do it and give its result, or raise its fault; None if `stopping` is set meanwhile.

    What is given up is cancelled, and over when this returns.
    """
    doing, stop = asyncio.create_task(work), asyncio.create_task(stopping.wait())
    await asyncio.wait({doing, stop}, return_when=asyncio.FIRST_COMPLETED)
    stop.cancel()
    if doing.done():
        return doing.result()
    doing.cancel()
    await asyncio.wait({doing})
    return None
