"""What a browser is answered: files, events, and what messages carry."""

import re
from collections.abc import Callable

from aiohttp import web

from callbox.simulator.api.url import is_url
from callbox.simulator.faults.journal import Journal
from callbox.simulator.faults.rules import Faults
from callbox.simulator.page.audience import Audience
from callbox.simulator.page.feed import Feed
from callbox.simulator.page.file import HEADERS, file
from callbox.simulator.page.watcher import Watcher
from callbox.simulator.records.attachment import SANDBOX, Attachment
from callbox.simulator.telephony.network import Network

FILES = "/_simulator/page/"
EVENTS = "/_simulator/events"
MEDIUM = re.compile(r"/_simulator/media/(?P<message>[A-Z]{2}[0-9a-f]{32})/(?P<sid>ME[0-9a-f]{32})")


class Page:
    """The page of one simulator."""

    def __init__(
        self, network: Network, faults: Faults, journal: Journal, playing: Callable[[], object]
    ) -> None:
        self.audience = Audience(network.board)
        self._messages = network.board.messages
        self._feed = Feed(self.audience, lambda: Watcher(network, faults, journal, playing))

    async def answer(self, request: web.BaseRequest, path: str) -> web.StreamResponse | None:
        """Answer what the page is made of; None for what it orders."""
        if request.method != "GET":
            return None
        if path == EVENTS:
            if self.audience.full:
                return web.json_response({"error": "Too many pages are open."}, status=503)
            return await self._feed.follow(request)
        medium = MEDIUM.fullmatch(path)
        if medium is not None:
            return self._medium(medium["message"], medium["sid"])
        if path == "/":
            return file("page.html")
        return file(path.removeprefix(FILES)) if path.startswith(FILES) else None

    def _medium(self, message: str, sid: str) -> web.Response | None:
        for record in reversed(self._messages.recent):
            if record.sid == message:
                kept = next((each for each in record.attachments if each.sid == sid), None)
                return _content(kept) if kept else None
        return None


def _content(kept: Attachment) -> web.Response | None:
    if kept.url and not kept.content:
        there = {**HEADERS, **SANDBOX, "Location": kept.url}
        return web.Response(status=307, headers=there) if is_url(kept.url) else None
    return web.Response(body=kept.content, headers={**HEADERS, **kept.headers})
