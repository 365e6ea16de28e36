"""Twilio's lists of messages and calls as the port `Gazette`: one request a call.

Lists are newest first. Dates have seconds, and an entry that is just made may have none yet.
DateSent is never filtered by: what is queued has none.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Any

from twilio.base import values
from twilio.rest import Client

from callbox.domain.news import News
from callbox.domain.notification import Channel, Kind
from callbox.domain.outcome import Unanswered
from callbox.domain.received import Medium, Text
from callbox.ports import Page
from callbox.twilio.client import LIST_FAULTS, unanswered
from callbox.twilio.codes import lookup
from callbox.twilio.status import follows, state_of
from callbox.twilio.transport import Answer, Transport

_WHATSAPP = "whatsapp:"
_NOT_FOUND = 404
_MOST_MEDIA = 10

Reader = Callable[[list[Any]], Page]


class TwilioLists:
    """Implements `Gazette` on the official SDK; `transport` knows Twilio's clock."""

    def __init__(self, client: Client, transport: Transport) -> None:
        self._client = client
        self._transport = transport
        self._lists = {Kind.TXT: client.messages.page_async, Kind.CALL: client.calls.page_async}

    async def received(self, number: str, most: int) -> Page | Unanswered:
        """See `Gazette.received`."""
        turn = partial(self._client.messages.page_async, to=number, page_size=most)
        return await self._page(turn, self._texts)

    async def sent(
        self, kind: Kind, sender: str | None, to: str | None, most: int
    ) -> Page | Unanswered:
        """See `Gazette.sent`."""
        filters = {"from_": sender or values.unset, "to": to or values.unset}
        turn = partial(self._lists[kind], page_size=most, **filters)
        return await self._page(turn, partial(self._news, kind))

    async def media(self, sid: str) -> tuple[Medium, ...] | Unanswered:
        """See `Gazette.media`."""
        turn = partial(self._client.messages(sid).media.page_async, page_size=_MOST_MEDIA)
        found = await _asked(turn)
        if isinstance(found, Unanswered):
            return found
        _, entries = found
        base = self._client.api.base_url
        return tuple(
            Medium(base + entry.uri.removesuffix(".json"), entry.content_type or "")
            for entry in entries
            if entry.uri
        )

    async def delete(self, sid: str) -> bool | Unanswered:
        """See `Gazette.delete`."""
        try:
            return bool(await self._client.messages(sid).delete_async())
        except Answer as answer:
            if answer.status == _NOT_FOUND and answer.code is not None:
                return True
            found = unanswered(answer)
            return found if found.pause is not None else False
        except LIST_FAULTS as fault:
            return unanswered(fault)

    async def _page(self, turn: Callable[[], Awaitable[Any]], read: Reader) -> Page | Unanswered:
        found = await _asked(turn)
        if isinstance(found, Unanswered):
            return found
        page, entries = found
        more = partial(self._page, page.next_page_async, read) if page.next_page_url else None
        return replace(read(entries), more=more)

    def _texts(self, entries: list[Any]) -> Page:
        inbound = [entry for entry in entries if entry.direction == "inbound"]
        return Page(
            self._now(),
            texts=tuple(_text(entry) for entry in inbound),
            pictured=frozenset(entry.sid for entry in inbound if _whole(entry.num_media)),
            oldest=_oldest(entries),
        )

    def _news(self, kind: Kind, entries: list[Any]) -> Page:
        outbound = (entry for entry in entries if str(entry.direction).startswith("outbound"))
        news = tuple(_news(kind, entry) for entry in outbound if entry.status)
        return Page(self._now(), news=news, oldest=_oldest(entries))

    def _now(self) -> float:
        return self._transport.now() + self._transport.ahead


async def _asked(turn: Callable[[], Awaitable[Any]]) -> tuple[Any, list[Any]] | Unanswered:
    """Ask for the SDK's page and read its entries; what goes wrong is a value."""
    try:
        page = await turn()
        return page, _readable(page)
    except LIST_FAULTS as fault:
        return unanswered(fault)


def _readable(page: Any) -> list[Any]:  # noqa: ANN401 - the SDK's page
    """Give the entries that can be read: one that cannot hides no others, unless all cannot."""
    found: list[Any] = []
    broken: Exception | None = None
    while True:
        try:
            entry = next(page, None)
        except LIST_FAULTS as fault:
            broken = fault
            continue
        if entry is None:
            break
        if entry.sid:
            found.append(entry)
    if broken is not None and not found:
        raise broken
    return found


def _text(entry: Any) -> Text:  # noqa: ANN401 - the SDK's instance
    sender, recipient = entry.from_ or "", entry.to or ""
    whatsapp = sender.startswith(_WHATSAPP) or recipient.startswith(_WHATSAPP)
    return Text(
        entry.sid,
        sender.removeprefix(_WHATSAPP),
        recipient.removeprefix(_WHATSAPP),
        entry.body or "",
        Channel.WHATSAPP if whatsapp else Channel.SMS,
        service=entry.messaging_service_sid or None,
        sent_at=_date(entry),
    )


def _news(kind: Kind, entry: Any) -> News:  # noqa: ANN401 - the SDK's instance
    word = str(entry.status)
    code = getattr(entry, "error_code", None)
    known = lookup(code)
    sender = getattr(entry, "from_", None) or getattr(entry, "_from", None) or ""
    return News(
        kind,
        entry.sid,
        word,
        state_of(kind, word),
        follows(kind, word),
        sent_from=sender.removeprefix(_WHATSAPP) or None,
        code=code,
        reason=known.reason if known else getattr(entry, "error_message", None),
        remedy=known.remedy if known else None,
        segments=_whole(getattr(entry, "num_segments", None)),
        price=entry.price or None,
        price_unit=entry.price_unit or None,
        answered_by=getattr(entry, "answered_by", None),
        duration=_whole(getattr(entry, "duration", None), 0),
    )


def _oldest(entries: list[Any]) -> float | None:
    return next((date for entry in reversed(entries) if (date := _date(entry)) is not None), None)


def _date(entry: Any) -> float | None:  # noqa: ANN401 - the SDK's instance
    return None if entry.date_created is None else float(entry.date_created.timestamp())


def _whole(text: str | None, least: int = 1) -> int | None:
    """Read one of Twilio's numbers, which are text; None below the least that means something."""
    number = int(text) if text and text.isdecimal() else None
    return number if number is not None and number >= least else None
