"""Looking for what an unsettled create may have made, in Twilio's own list.

The list is filtered by To, and by From unless a messaging service picks it; never by DateSent,
which a queued message does not have. The runs of a flow are listed by the flow alone, so that To
is compared here; From and the parameters are not told. Times are compared in Twilio's clock.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from twilio.rest import Client

from callbox.domain.delivery import Delivery
from callbox.domain.notification import Channel, Kind, Notification
from callbox.domain.outcome import Absent, Accepted, Ambiguous, Found, Lookup, Unanswered

TOLERANCE = 5.0  # seconds before the attempt that still count as after it
TRIAL_PREFIX = "Sent from your Twilio trial account - "

_BY_REQUEST = "outbound-api"
_PAGE_SIZE = 100
_DAY = 86_400.0  # seconds
_MOST_PAGES = 50

# What started a run of a flow that no request started: a call, a message, a conversation.
_NOT_REQUESTED = ("CA", "SM", "MM", "CH", "IM")

Reader = Callable[[Kind, Any], Accepted]


async def find(
    client: Client, delivery: Delivery, ahead: Callable[[], float], read: Reader
) -> Lookup:
    """Read the list, newest first, back to the first doubtful attempt.

    `ahead`: seconds by which Twilio's clock is ahead of ours, known once a page was answered.
    """
    since = (delivery.progress.doubt_since or delivery.created_at) - TOLERANCE
    note = delivery.notification
    certain: list[Accepted] = []
    doubtful = False
    pages = 0
    async for page in _pages(client, note, since + ahead()):
        pages += 1
        if pages > _MOST_PAGES:
            return Unanswered("Twilio's list is too long to be read back to the attempt")
        for entry in page:
            created = entry.date_created
            if created is not None and created.timestamp() < since + ahead():
                if note.kind is Kind.FLOW:
                    continue  # nobody says in which order these are listed
                return _verdict(certain, doubtful=doubtful)
            if _is_ours(note, entry):
                certain.append(read(note.kind, entry))
            elif _may_be_ours(note, entry):
                doubtful = True
    return _verdict(certain, doubtful=doubtful)


async def _pages(client: Client, note: Notification, since: float) -> AsyncIterator[Any]:
    page = await _FIRST_PAGES[note.kind](client, note, since)
    while page is not None:
        yield page
        page = await page.next_page_async()


async def _messages(client: Client, note: Notification, _since: float) -> Any:  # noqa: ANN401 - the SDK's page
    return await client.messages.page_async(page_size=_PAGE_SIZE, **_filters(note))


async def _calls(client: Client, note: Notification, _since: float) -> Any:  # noqa: ANN401 - the SDK's page
    return await client.calls.page_async(page_size=_PAGE_SIZE, **_filters(note))


async def _executions(client: Client, note: Notification, since: float) -> Any:  # noqa: ANN401
    """Ask for the runs of a day at least: before the first answer Twilio's clock is not known."""
    runs = client.studio.v2.flows(note.flow.sid if note.flow else "").executions
    begin = datetime.fromtimestamp(since - _DAY, UTC)
    return await runs.page_async(page_size=_PAGE_SIZE, date_created_from=begin)


def _filters(note: Notification) -> dict[str, str]:
    filters = {"to": _on(note, note.to)}
    if not note.by_service:
        filters["from_"] = _on(note, note.sender)
    return filters


def _on(note: Notification, number: str) -> str:
    return f"whatsapp:{number}" if note.channel is Channel.WHATSAPP else number


def _is_ours(note: Notification, entry: Any) -> bool:  # noqa: ANN401 - the SDK's instance
    """Tell whether an entry is what the notification would make."""
    return _OURS[note.kind](note, entry)


def _is_our_run(note: Notification, entry: Any) -> bool:  # noqa: ANN401 - the SDK's instance
    requested = not (entry.initiated_by or "").startswith(_NOT_REQUESTED)
    return requested and bool(entry.contact_channel_address == note.to)


def _is_our_call(_note: Notification, entry: Any) -> bool:  # noqa: ANN401 - the SDK's instance
    return bool(entry.direction == _BY_REQUEST)


def _is_our_text(note: Notification, entry: Any) -> bool:  # noqa: ANN401 - the SDK's instance
    theirs, ours = _lines(entry.body), _lines(note.body)
    return _same_way(note, entry) and theirs in {ours, _lines(TRIAL_PREFIX) + ours}


def _may_be_ours(note: Notification, entry: Any) -> bool:  # noqa: ANN401 - the SDK's instance
    """Tell whether an entry could be it, had its body not been redacted."""
    text = note.kind is Kind.TXT
    return text and _same_way(note, entry) and not entry.body and bool(note.body)


def _same_way(note: Notification, entry: Any) -> bool:  # noqa: ANN401 - the SDK's instance
    if entry.direction != _BY_REQUEST:
        return False
    if note.by_service and entry.messaging_service_sid != note.sender:
        return False
    return int(entry.num_media or 0) == len(note.media)


def _lines(text: str | None) -> str:
    return "\n".join((text or "").splitlines())


_FIRST_PAGES: dict[Kind, Callable[[Client, Notification, float], Awaitable[Any]]] = {
    Kind.TXT: _messages,
    Kind.CALL: _calls,
    Kind.FLOW: _executions,
}
_OURS: dict[Kind, Callable[[Notification, Any], bool]] = {
    Kind.TXT: _is_our_text,
    Kind.CALL: _is_our_call,
    Kind.FLOW: _is_our_run,
}


def _verdict(newest_first: list[Accepted], *, doubtful: bool) -> Lookup:
    otherwise = Ambiguous() if doubtful else Absent()
    return Found(tuple(reversed(newest_first)), otherwise) if newest_first else otherwise
