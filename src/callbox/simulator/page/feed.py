"""Server-sent events: the whole state to whoever opens the page, then every change."""

import asyncio
from collections.abc import Callable

from aiohttp import web

from callbox.simulator.api.answer import WRITE
from callbox.simulator.page.audience import Audience
from callbox.simulator.page.watcher import Watcher
from callbox.simulator.records.webhook import concealed

TICK = 0.1
"""Seconds of the machine between two looks."""
PATIENCE = 150
"""Looks without news after which a comment keeps the connection alive."""
STUCK = 20
"""Seconds after which a page that reads nothing is given up: nobody sits there any more."""
RETRY = b"retry: 1000\n"
"""Milliseconds after which a browser connects again."""
HEADERS = {"Content-Type": "text/event-stream", "Cache-Control": "no-store"}


class Feed:
    """One watcher for each page that is open; without one, nothing is done at all."""

    def __init__(self, audience: Audience, watcher: Callable[[], Watcher]) -> None:
        self._audience = audience
        self._watcher = watcher

    async def follow(self, request: web.BaseRequest) -> web.StreamResponse:
        """Serve a page until it closes; whoever connects again is told everything again."""
        response = web.StreamResponse(headers=HEADERS)
        await response.prepare(request)
        page = self._audience.join()
        try:
            await self._tell(request, response, page)
        except (ConnectionError, TimeoutError):
            pass
        finally:
            self._audience.leave(page)
        return response

    async def _tell(
        self, request: web.BaseRequest, response: web.StreamResponse, page: str
    ) -> None:
        watcher = self._watcher()
        await _write(response, RETRY + _event("state", {"page": page, **watcher.everything()}))
        quiet = 0
        while request.transport is not None and not request.transport.is_closing():
            await asyncio.sleep(TICK)
            change = watcher.change()
            quiet = 0 if change else quiet + 1
            if change:
                await _write(response, _event("change", change))
            elif quiet % PATIENCE == 0:
                await _write(response, b": still here\n\n")


async def _write(response: web.StreamResponse, event: bytes) -> None:
    async with asyncio.timeout(STUCK):
        await response.write(event)


def _event(kind: str, document: object) -> bytes:
    return f"event: {kind}\ndata: {concealed(WRITE(document))}\n\n".encode()
