"""How Twilio's lists are read, from the simulator's and from answers that Twilio may give, too."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from callbox.domain.delivery import Delivery, Evidence, Progress, State
from callbox.domain.notification import Channel, Kind, Notification, Voice
from callbox.domain.outcome import Accepted, Pause, Unanswered
from callbox.ports import Page
from callbox.simulator import Settings, Simulator, start
from callbox.twilio.client import Credentials, TwilioProvider
from callbox.twilio.lists import TwilioLists
from callbox.twilio.transport import Transport

ACCOUNT = "AC" + "a" * 32
SERVICE = "MG" + "b" * 32
OURS, OTHER, DARLA = "+15005550006", "+15557654321", "+12345000001"
NOTE = Notification(Kind.TXT, Channel.SMS, "Darla", DARLA, OURS, "Hi")
CALLED = Notification(
    Kind.CALL, Channel.VOICE, "Darla", DARLA, OURS,
    voice=Voice(text="Fire", machine_detection="Enable"),
)  # fmt: skip


class Twilio:
    """The lists of one account, and a way to have something on them."""

    def __init__(self, url: str, transport: Transport) -> None:
        self.provider = TwilioProvider(transport, Credentials(ACCOUNT, ACCOUNT, "token"), url)
        self.lists = TwilioLists(self.provider.client, transport)

    async def create(self, note: Notification = NOTE) -> str:
        now = time.time()
        progress = Progress(State.SENDING, attempt=1, attempted_at=now)
        delivery = Delivery(
            "d1", "r1", note, 1, None, "hold", now, now + 60, expires_fixed=False, progress=progress
        )
        found = await self.provider.create(delivery, None)
        assert isinstance(found, Accepted), found
        return found.sid

    async def received(self, number: str = OURS, most: int = 50) -> Page:
        return _page(await self.lists.received(number, most))

    async def sent(
        self, kind: Kind = Kind.TXT, sender: str | None = None, to: str | None = None
    ) -> Page:
        return _page(await self.lists.sent(kind, sender, to, 50))


def _page(found: Page | Unanswered) -> Page:
    assert isinstance(found, Page), found
    return found


@asynccontextmanager
async def twilio_at(url: str) -> AsyncIterator[Twilio]:
    transport = Transport(connect_timeout=2.0, read_timeout=2.0, most=5)
    try:
        yield Twilio(url, transport)
    finally:
        await transport.close()


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    async with await start(settings=Settings(account_sid=ACCOUNT, pace=0.0)) as simulator:
        yield simulator


@pytest.fixture
async def twilio(sim: Simulator) -> AsyncIterator[Twilio]:
    async with twilio_at(sim.url) as twilio:
        yield twilio


@asynccontextmanager
async def answering(
    body: Any,  # noqa: ANN401 - JSON, or text
    date: str = "",
    status: int = 200,
) -> AsyncIterator[Twilio]:
    """Give the lists of a server that gives one answer to everything."""
    text = body if isinstance(body, str) else json.dumps(body)
    head = f"HTTP/1.1 {status} X\r\nConnection: close\r\nContent-Length: {len(text)}\r\n{date}\r\n"

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write((head + text).encode())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server, twilio_at(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}") as found:
        yield found


def listed(*entries: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    return {"messages": list(entries), "page": 0, "next_page_uri": None, "uri": "/x"}


ENTRY = {
    "sid": "SM1", "direction": "inbound", "from": DARLA, "to": OURS, "body": "Hello",
    "num_media": "0", "date_created": "Fri, 15 Jan 2027 08:00:00 +0000", "status": "received",
}  # fmt: skip


async def test_texts_are_listed_newest_first_with_twilios_date(
    sim: Simulator, twilio: Twilio
) -> None:
    for number in range(3):
        date = 1_800_000_000.0 + number
        await sim.receive(DARLA, OURS, f"Text {number}", date=date)
    page = await twilio.received()
    assert [text.body for text in page.texts] == ["Text 2", "Text 1", "Text 0"]
    assert [text.sent_at for text in page.texts] == [1_800_000_002.0, 1_800_000_001.0, 1.8e9]
    assert (page.oldest, page.more) == (1.8e9, None)
    assert (page.texts[0].sender, page.texts[0].recipient) == (DARLA, OURS)


async def test_a_list_is_of_one_number_and_has_no_texts_that_we_sent(
    sim: Simulator, twilio: Twilio
) -> None:
    await sim.receive(DARLA, OTHER, "For another one")
    await twilio.create(replace(NOTE, to=OURS, sender=OTHER))
    assert (await twilio.received()).texts == ()


async def test_a_list_comes_in_pages(sim: Simulator, twilio: Twilio) -> None:
    for number in range(5):
        await sim.receive(DARLA, OURS, f"{number}")
    page, found = await twilio.received(most=2), []
    while True:
        found.append([text.body for text in page.texts])
        if page.more is None:
            break
        page = _page(await page.more())
    assert found == [["4", "3"], ["2", "1"], ["0"]]


async def test_whatsapp_texts_are_told_without_its_prefix(sim: Simulator, twilio: Twilio) -> None:
    await sim.receive(DARLA, OURS, "By WhatsApp", whatsapp=True)
    assert (await twilio.received()).texts == ()
    (text,) = (await twilio.received(f"whatsapp:{OURS}")).texts
    assert (text.channel, text.sender, text.recipient) == (Channel.WHATSAPP, DARLA, OURS)


async def test_pictures_are_asked_for_apart(sim: Simulator, twilio: Twilio) -> None:
    medium = {"url": "https://example.org/cat.png", "content_type": "image/png"}
    message = await sim.receive(DARLA, OURS, "Look", media=(medium,))
    page = await twilio.received()
    assert page.pictured == {message.sid}
    media = await twilio.lists.media(message.sid)
    assert not isinstance(media, Unanswered)
    (found,) = media
    assert found.content_type == "image/png"
    assert found.url.startswith(f"{sim.url}/2010-04-01/Accounts/{ACCOUNT}/Messages/{message.sid}/")
    assert not found.url.endswith(".json")


async def test_a_text_is_deleted_and_gone_is_gone(sim: Simulator, twilio: Twilio) -> None:
    message = await sim.receive(DARLA, OURS, "Hello")
    assert await twilio.lists.delete(message.sid) is True
    assert sim.messages == []
    assert await twilio.lists.delete(message.sid) is True


@pytest.mark.parametrize(
    ("status", "expected"), [(409, False), (400, False), (429, Pause.RATE), (500, Pause.OUTAGE)]
)
async def test_what_twilio_says_to_a_deletion(
    sim: Simulator, twilio: Twilio, status: int, expected: object
) -> None:
    message = await sim.receive(DARLA, OURS, "Hello")
    sim.faults.set([{"on": "delete-message", "status": status}])
    found = await twilio.lists.delete(message.sid)
    assert (found.pause if isinstance(found, Unanswered) else found) == expected
    assert len(sim.messages) == 1


async def test_a_page_of_a_proxy_does_not_say_that_a_text_is_gone() -> None:
    async with answering("<html>Not found</html>", status=404) as twilio:
        assert isinstance(await twilio.lists.delete("SM1"), Unanswered)


@pytest.mark.parametrize(
    ("fault", "pause"),
    [
        ({"status": 401}, Pause.ACCOUNT),
        ({"status": 403}, None),
        ({"status": 429}, Pause.RATE),
        ({"status": 503}, Pause.OUTAGE),
        ({"drop": "before"}, Pause.OUTAGE),
        ({"html": True}, None),
    ],
)
async def test_a_list_that_does_not_come_says_why(
    sim: Simulator, twilio: Twilio, fault: dict[str, Any], pause: Pause | None
) -> None:
    sim.faults.set([{"on": "list", **fault}])
    found = await twilio.lists.received(OURS, 50)
    assert isinstance(found, Unanswered)
    assert found.pause == pause
    assert isinstance(await twilio.lists.sent(Kind.TXT, OURS, None, 50), Unanswered)
    assert isinstance(await twilio.lists.media("MM" + "0" * 32), Unanswered)


async def test_nobody_there_is_an_outage() -> None:
    async with twilio_at("http://127.0.0.1:9") as twilio:
        for found in (
            await twilio.lists.received(OURS, 50),
            await twilio.lists.sent(Kind.CALL, None, None, 50),
            await twilio.lists.media("MM1"),
            await twilio.lists.delete("MM1"),
        ):
            assert isinstance(found, Unanswered)
            assert found.pause is Pause.OUTAGE


@pytest.mark.parametrize("body", ["<html>Log in</html>", "[]", "{}", '{"error": "x"}', '{"a": 1}'])
async def test_what_is_no_list_is_no_empty_list(body: str) -> None:
    async with answering(body) as twilio:
        assert isinstance(await twilio.lists.received(OURS, 50), Unanswered)
        assert isinstance(await twilio.lists.sent(Kind.TXT, None, None, 50), Unanswered)


async def test_an_entry_that_cannot_be_read_hides_no_other() -> None:
    broken = {**ENTRY, "date_created": "Fri, 15 Jan 2027 99:00:00 +0000"}
    async with answering(listed(broken, None, {}, ENTRY)) as twilio:
        assert [text.sid for text in (await twilio.received()).texts] == ["SM1"]


async def test_an_entry_without_a_date_has_none() -> None:
    async with answering(listed(ENTRY, {**ENTRY, "sid": "SM2", "date_created": None})) as twilio:
        page = await twilio.received()
        assert [text.sent_at for text in page.texts] == [1.8e9, None]
        assert page.oldest == 1.8e9
    async with answering(listed({**ENTRY, "date_created": None, "body": None})) as twilio:
        page = await twilio.received()
        assert (page.oldest, page.texts[0].body) == (None, "")


async def test_a_page_tells_twilios_time() -> None:
    async with answering(listed(), "Date: Fri, 15 Jan 2027 08:00:00 GMT\r\n") as twilio:
        assert (await twilio.received()).at == pytest.approx(1.8e9, abs=0.5)


async def test_how_a_text_fares(sim: Simulator, twilio: Twilio) -> None:
    sid = await twilio.create()
    (news,) = (await twilio.sent()).news
    assert (news.sid, news.word, news.state) == (sid, "delivered", State.DELIVERED)
    assert (news.segments, news.price, news.price_unit) == (1, "-0.00750", "USD")
    assert (news.sent_from, news.evidence) == (OURS, Evidence.LOOKUP)
    assert "sent" in news.follows
    assert "delivered" not in news.follows
    assert sim.messages[0].sid == sid


async def test_a_failure_has_its_reason_and_its_remedy(sim: Simulator, twilio: Twilio) -> None:
    sim.outcome(DARLA, "undelivered", error_code=30003)
    await twilio.create()
    (news,) = (await twilio.sent()).news
    assert (news.state, news.code) == (State.UNDELIVERED, 30003)
    assert news.reason == "The recipient's phone was switched off or out of reach."
    assert news.remedy == "Send it again later, or place a call."


async def test_how_a_call_fares(sim: Simulator, twilio: Twilio) -> None:
    await twilio.create(CALLED)
    (news,) = (await twilio.sent(Kind.CALL)).news
    assert (news.kind, news.word, news.state) == (Kind.CALL, "completed", State.DELIVERED)
    assert (news.answered_by, news.duration, news.sent_from) == ("human", 0, OURS)
    assert news.segments is None
    assert len(sim.calls) == 1


async def test_a_messaging_service_that_has_not_picked_a_sender_names_none() -> None:
    entry = {
        **ENTRY, "direction": "outbound-api", "from": None, "num_segments": "0",
        "status": "accepted", "messaging_service_sid": SERVICE, "price": None, "price_unit": "USD",
    }  # fmt: skip
    async with answering(listed(entry)) as twilio:
        (news,) = (await twilio.sent()).news
        assert (news.sent_from, news.segments, news.price) == (None, None, None)


async def test_news_are_of_what_was_sent_by_whom_and_to_whom(
    sim: Simulator, twilio: Twilio
) -> None:
    await sim.receive(DARLA, OURS, "In")
    first = await twilio.create()
    second = await twilio.create(replace(NOTE, to="+12345000002"))
    third = await twilio.create(replace(NOTE, sender=OTHER))

    async def sids(sender: str | None, to: str | None) -> list[str]:
        return [news.sid for news in (await twilio.sent(Kind.TXT, sender, to)).news]

    assert await sids(None, None) == [third, second, first]
    assert await sids(OURS, None) == [second, first]
    assert await sids(None, DARLA) == [third, first]
    assert await sids(OURS, DARLA) == [first]
