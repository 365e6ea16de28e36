"""Every answer there is to a create, from tiny servers that give it: one request, one outcome."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from typing import Any

import pytest

from callbox.domain.delivery import Delivery, Progress, State
from callbox.domain.notification import Channel, Kind, Notification, Voice
from callbox.domain.outcome import (
    Accepted,
    Deferred,
    Outcome,
    Pause,
    Refused,
    Unanswered,
    Unknown,
)
from callbox.twilio.client import Credentials, TwilioProvider
from callbox.twilio.codes import CODES, Class
from callbox.twilio.transport import Transport

ACCOUNT = "AC" + "a" * 32
NOW = 1_800_000_000.0
NOTE = Notification(Kind.TXT, Channel.SMS, "Darla", "+12345000000", "+19999999999", "Hi")
CALLED = Notification(
    Kind.CALL, Channel.VOICE, "Darla", "+12345000000", "+19999999999", voice=Voice(text="Fire")
)
MESSAGE = {
    "sid": "SM" + "1" * 32,
    "status": "queued",
    "from": "+19999999999",
    "messaging_service_sid": None,
    "error_code": None,
}


def delivery(note: Notification = NOTE) -> Delivery:
    progress = Progress(State.SENDING, attempt=1, attempted_at=NOW)
    return Delivery(
        "d1", "r1", note, 1, None, "hold", NOW, NOW + 60, expires_fixed=False, progress=progress
    )


def http(status: int, body: bytes, *headers: str, kind: str = "application/json") -> bytes:
    lines = [
        f"HTTP/1.1 {status} X",
        f"Content-Type: {kind}",
        f"Content-Length: {len(body)}",
        "Connection: close",
        *headers,
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def error(status: int, code: int, message: str = "It is so", *headers: str) -> bytes:
    """Give Twilio's error document."""
    document = {"code": code, "message": message, "more_info": "", "status": status}
    return http(status, json.dumps(document).encode(), *headers)


def html(status: int, *headers: str) -> bytes:
    return http(
        status, b"<html><body>Log in to Hotel WLAN</body></html>", *headers, kind="text/html"
    )


@dataclass
class Peer:
    """A server that reads a request whole, answers bytes, and hangs up."""

    answer: bytes
    after: Callable[[asyncio.StreamWriter], Any] | None = None
    requests: list[bytes] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
            self.requests.append(head + await reader.readexactly(int(length or 0)))
            writer.write(self.answer)
            if self.after is not None:
                await self.after(writer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def provider(
    url: str, *, connect: float = 5.0, read: float = 5.0
) -> AsyncIterator[TwilioProvider]:
    transport = Transport(connect_timeout=connect, read_timeout=read, most=10)
    try:
        yield TwilioProvider(transport, Credentials(ACCOUNT, ACCOUNT, "token"), url)
    finally:
        await transport.close()


@asynccontextmanager
async def behind(peer: Peer, **limits: float) -> AsyncIterator[TwilioProvider]:
    server = await asyncio.start_server(peer.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        async with provider(f"http://127.0.0.1:{port}", **limits) as twilio:
            yield twilio
    finally:
        server.close()
        await server.wait_closed()


async def outcome(answer: bytes, note: Notification = NOTE) -> Outcome:
    """Give the outcome of a create that is answered so; Twilio was asked exactly once."""
    peer = Peer(answer)
    async with behind(peer) as twilio:
        found = await twilio.create(delivery(note), None)
    assert len(peer.requests) == 1
    assert peer.requests[0].startswith(b"POST ")
    return found


# Answers that were surely given by Twilio


async def test_a_created_message_is_accepted_with_its_sid_word_and_sender() -> None:
    found = await outcome(http(201, json.dumps(MESSAGE).encode()))
    assert found == Accepted(MESSAGE["sid"] or "", State.ACCEPTED, "queued", "+19999999999")


async def test_a_created_call_is_accepted_although_it_has_no_date() -> None:
    call = {"sid": "CA" + "1" * 32, "status": "queued", "from": "+19999999999"}
    found = await outcome(http(201, json.dumps(call).encode()), CALLED)
    assert found == Accepted(call["sid"], State.ACCEPTED, "queued", "+19999999999")


@pytest.mark.parametrize(
    ("changes", "sent_from"),
    [
        ({"from": None, "messaging_service_sid": "MG1"}, "MG1"),
        ({"from": "whatsapp:+19999999999"}, "+19999999999"),
        ({"from": "Plant 4"}, "Plant 4"),
        ({"from": "+15", "messaging_service_sid": "MG1"}, "+15"),
        ({"from": None}, ""),
    ],
)
async def test_the_sender_is_whom_twilio_names_else_the_service(
    changes: dict[str, str | None], sent_from: str
) -> None:
    found = await outcome(http(201, json.dumps(MESSAGE | changes).encode()))
    assert isinstance(found, Accepted)
    assert found.sent_from == sent_from


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("accepted", State.ACCEPTED),
        ("sent", State.SENT),
        ("delivered", State.DELIVERED),
        ("failed", State.FAILED),
        ("a word of next year", State.ACCEPTED),
    ],
)
async def test_twilios_word_is_kept_and_has_a_state(word: str, state: State) -> None:
    found = await outcome(http(201, json.dumps(MESSAGE | {"status": word}).encode()))
    assert isinstance(found, Accepted)
    assert (found.word, found.state) == (word, state)


async def test_a_message_that_failed_at_once_has_its_code_reason_and_remedy() -> None:
    body = json.dumps(MESSAGE | {"status": "failed", "error_code": 30007}).encode()
    found = await outcome(http(201, body))
    assert isinstance(found, Accepted)
    assert (found.code, found.reason, found.remedy) == (
        30007,
        CODES[30007].reason,
        CODES[30007].remedy,
    )


CREATES = {Class.SENDER, Class.REQUEST, Class.CONSENT}


@pytest.mark.parametrize(
    "code", [c for c, row in CODES.items() if row.klass in CREATES and c > 999]
)
async def test_a_fault_of_the_request_or_its_sender_is_refused_for_good(code: int) -> None:
    found = await outcome(error(400, code))
    reason = f"It is so (Twilio code {code}, HTTP status 400)"
    assert found == Refused(code, reason, CODES[code].remedy)


@pytest.mark.parametrize("code", [c for c, row in CODES.items() if row.klass is Class.ACCOUNT])
async def test_a_fault_of_the_account_pauses_everything_and_costs_no_retry(code: int) -> None:
    found = await outcome(error(401, code))
    assert isinstance(found, Deferred)
    assert (found.pause, found.counts, found.code) == (Pause.ACCOUNT, False, code)
    assert found.remedy == CODES[code].remedy


@pytest.mark.parametrize("code", [c for c, row in CODES.items() if row.klass is Class.TEMPORARY])
async def test_a_temporary_fault_counts_as_a_failure_and_pauses_nothing(code: int) -> None:
    found = await outcome(error(400, code))
    assert isinstance(found, Deferred)
    assert (found.pause, found.counts, found.code) == (None, True, code)


def test_the_temporary_faults_are_those_of_the_contract() -> None:
    temporary = {c for c, row in CODES.items() if row.klass is Class.TEMPORARY}
    assert temporary == {10004, 20409, 21611, 22005}


async def test_a_code_nobody_knows_refuses_the_request() -> None:
    found = await outcome(error(400, 99_999, "Something new"))
    assert found == Refused(99_999, "Something new (Twilio code 99999, HTTP status 400)", None)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        (["Retry-After: 2"], 2.0),
        (["Retry-After: 0"], 0.0),
        ([], None),
        (["Retry-After: Fri, 31 Dec 2027 23:59:59 GMT"], None),
        (["Retry-After: soon"], None),
        (["Retry-After: -5"], None),
    ],
)
async def test_429_is_pacing_and_carries_retry_after(
    headers: list[str], seconds: float | None
) -> None:
    found = await outcome(error(429, 20429, "Too Many Requests", *headers))
    assert isinstance(found, Deferred)
    assert (found.pause, found.counts, found.retry_after) == (Pause.RATE, False, seconds)
    assert found.reason == "Too Many Requests (Twilio code 20429, HTTP status 429)"


async def test_429_of_a_proxy_is_pacing_too() -> None:
    found = await outcome(html(429, "Retry-After: 7"))
    assert isinstance(found, Deferred)
    assert (found.pause, found.retry_after, found.code) == (Pause.RATE, 7.0, None)


async def test_the_newer_error_documents_are_understood() -> None:
    body = json.dumps({"type": "x", "title": "Bad To", "status": 400, "code": 21211}).encode()
    found = await outcome(http(400, body, kind="application/problem+json"))
    assert found == Refused(
        21211, "Bad To (Twilio code 21211, HTTP status 400)", CODES[21211].remedy
    )


async def test_numbers_in_twilios_text_are_masked_and_a_long_text_is_cut() -> None:
    found = await outcome(error(400, 21211, "The 'To' number +15005550001 is not valid. " * 20))
    assert isinstance(found, Refused)
    assert "+15005550001" not in found.reason
    assert len(found.reason) < 299
    assert found.reason.endswith("(Twilio code 21211, HTTP status 400)")


# Answers that were not given by Twilio, or not read

BEFORE_TWILIO = {
    "captive portal, 403": html(403),
    "captive portal, 302": html(302, "Location: http://hotel.example/login"),
    "moved for good": html(301, "Location: /2010-04-01/Accounts/x.json"),
    "moved with method kept": html(307, "Location: /elsewhere"),
    "not modified": http(304, b""),
    "proxy wants a login": html(407),
    "not found, in HTML": html(404),
    "unauthorized, in HTML": html(401),
    "bad request, in HTML": html(400),
    "an error without code": http(400, b'{"message": "no"}'),
    "an error whose code is no number": http(400, b'{"code": "21211", "message": "no"}'),
    "an error that is a list": http(400, b"[]"),
    "an empty error": http(400, b""),
    "an error in Latin-1": http(403, "<html>Zugang gesperrt für Gäste".encode("latin-1")),
    "an error in an unheard-of encoding": http(403, b"\xff", kind="text/html; charset=klingon"),
    "an error in an encoding of bytes": http(403, b"\xff", kind="text/html; charset=hex"),
}


@pytest.mark.parametrize("answer", BEFORE_TWILIO.values(), ids=BEFORE_TWILIO)
async def test_what_something_else_answered_was_not_sent_and_holds_everything(
    answer: bytes,
) -> None:
    found = await outcome(answer)
    assert isinstance(found, Deferred)
    assert (found.pause, found.counts, found.code) == (Pause.OUTAGE, False, None)
    assert "Hotel" not in found.reason


FIVE_HUNDREDS = {
    "500 of Twilio": error(500, 20500),
    "503 of Twilio": error(503, 20503, "Service Unavailable", "Retry-After: 5"),
    "500 with a temporary code": error(500, 21611),
    "502 of a proxy": html(502),
    "504, empty": http(504, b""),
    "520 of a cloud": html(520),
    "500, too deep to read": http(500, b"[" * 60_000),
    "500, not UTF-8": http(500, b"\xff\xfe"),
}


@pytest.mark.parametrize("answer", FIVE_HUNDREDS.values(), ids=FIVE_HUNDREDS)
async def test_a_5xx_may_have_created_it_and_was_an_answer(answer: bytes) -> None:
    found = await outcome(answer)
    assert isinstance(found, Unknown)
    assert found.answered


UNREADABLE = {
    "empty": http(201, b""),
    "no content": http(204, b""),
    "HTML": html(200),
    "cut off JSON": http(201, b'{"sid": "SM1", "sta'),
    "null": http(201, b"null"),
    "a list": http(201, b"[]"),
    "a number": http(201, b"5"),
    "a string": http(201, b'"SM1"'),
    "an object without SID": http(201, b'{"status": "queued"}'),
    "an object without status": http(201, b'{"sid": "SM1"}'),
    "nulls": http(201, b'{"sid": null, "status": null}'),
    "a date that is none": http(201, b'{"sid": 5, "status": {}, "date_created": {}}'),
    "too deep": http(201, b"[" * 60_000),
    "not UTF-8": http(201, b"\xff\xfe\xfd"),
    "garbage said to be gzip": http(201, b"garbage", "Content-Encoding: gzip"),
    "shorter than it says": http(201, b"{}").replace(b"Length: 2", b"Length: 200"),
    "a chunk cut off": b"HTTP/1.1 201 X\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nabc",
    "no HTTP": b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
    "half a header": b"HTTP/1.1 201 X\r\nContent-",
    "nothing at all": b"",
}


@pytest.mark.parametrize("note", [NOTE, CALLED], ids=["text", "call"])
@pytest.mark.parametrize("answer", UNREADABLE.values(), ids=UNREADABLE)
async def test_a_success_that_cannot_be_read_is_unknown(answer: bytes, note: Notification) -> None:
    found = await outcome(answer, note)
    assert isinstance(found, Unknown)
    assert not found.answered
    assert "SM1" not in found.reason


# No answer


async def test_a_refused_connection_was_not_sent() -> None:
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        async with provider(f"http://127.0.0.1:{taken.getsockname()[1]}") as twilio:
            found = await twilio.create(delivery(), None)
    assert found == Deferred("No connection to Twilio (Connection refused)", pause=Pause.OUTAGE)


async def test_a_name_that_cannot_be_resolved_was_not_sent() -> None:
    async with provider("http://twilio.invalid") as twilio:
        found = await twilio.create(delivery(), None)
    assert isinstance(found, Deferred)
    assert (found.pause, found.counts) == (Pause.OUTAGE, False)
    assert found.reason.startswith("No connection to Twilio (")


async def test_a_connection_that_takes_too_long_was_not_sent() -> None:
    with closing(socket.socket()) as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        address = full.getsockname()
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(address)
        async with provider(f"http://127.0.0.1:{address[1]}", connect=0.05) as twilio:
            found = await twilio.create(delivery(), None)
        for filler in fillers:
            filler.close()
    assert isinstance(found, Deferred)
    assert found.pause is Pause.OUTAGE


async def test_a_failed_tls_handshake_was_not_sent() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(html(400))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with provider(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}") as twilio:
        found = await twilio.create(delivery(), None)
    server.close()
    await server.wait_closed()
    assert isinstance(found, Deferred)
    assert found.pause is Pause.OUTAGE
    assert "127.0.0.1" not in found.reason


async def stall(_: asyncio.StreamWriter) -> None:
    await asyncio.sleep(0.3)


async def trickle(writer: asyncio.StreamWriter) -> None:
    for _ in range(30):
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.02)


async def reset(writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


@pytest.mark.parametrize(
    ("sent", "after", "connect"),
    [
        (b"", stall, 5.0),
        (b"HTTP/1.1 201 X\r\nContent-Length: 99\r\n\r\n", stall, 5.0),
        (b"HTTP/1.1 201 X\r\nContent-Length: 99\r\n\r\n", trickle, 0.3),  # the sum is the most
        (b"", reset, 5.0),
        (b"HTTP/1.1 201 X\r\nContent-Length: 99\r\n\r\n{", reset, 5.0),
    ],
    ids=["stall", "stall in the body", "trickle", "reset", "reset in the body"],
)
async def test_a_request_that_left_and_was_not_answered_is_unknown_and_never_sent_twice(
    sent: bytes, after: Callable[[asyncio.StreamWriter], Any], connect: float
) -> None:
    peer = Peer(sent, after)
    async with behind(peer, connect=connect, read=0.1) as twilio:
        found = await twilio.create(delivery(), None)
    assert isinstance(found, Unknown)
    assert not found.answered
    assert found.reason.startswith("Twilio did not answer (")
    assert len(peer.requests) == 1


async def test_a_kept_connection_that_dies_under_a_create_is_unknown_and_never_sent_twice() -> None:
    body = json.dumps(MESSAGE).encode()
    answers = [http(201, body).replace(b"Connection: close\r\n", b""), b""]
    seen = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in answers:
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            seen.append(await reader.readexactly(length))
            writer.write(answer)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with provider(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}") as twilio:
        assert isinstance(await twilio.create(delivery(), None), Accepted)
        assert isinstance(await twilio.create(delivery(), None), Unknown)
    server.close()
    await server.wait_closed()
    assert len(seen) == 2


async def test_the_credentials_go_with_every_request_and_into_no_outcome() -> None:
    peer = Peer(html(403))
    async with behind(peer) as twilio:
        found = await twilio.create(delivery(), None)
    assert b"Authorization: Basic " in peer.requests[0]
    assert "token" not in repr(found)


# Look-ups and probes

FAULTS: list[tuple[bytes, Pause | None]] = [
    (error(500, 20500), Pause.OUTAGE),
    (html(502), Pause.OUTAGE),
    (html(403), Pause.OUTAGE),
    (error(429, 20429), Pause.RATE),
    (error(401, 20003), Pause.ACCOUNT),
    (http(200, b"["), Pause.OUTAGE),
    (http(200, b"[" * 60_000), Pause.OUTAGE),
    (html(200), Pause.OUTAGE),
    (http(200, b"null"), Pause.OUTAGE),
    (b"", Pause.OUTAGE),
]


@pytest.mark.parametrize(("answer", "pause"), FAULTS)
async def test_a_probe_tells_what_holds_twilio_back(answer: bytes, pause: Pause) -> None:
    async with behind(Peer(answer)) as twilio:
        found, reason = await twilio.probe()
    assert found is pause
    assert reason


async def test_an_answered_probe_finds_nothing_wrong() -> None:
    peer = Peer(http(200, b'{"messages": [], "next_page_uri": null, "page_size": 1}'))
    async with behind(peer) as twilio:
        assert await twilio.probe() == (None, "")
    assert peer.requests[0].startswith(
        f"GET /2010-04-01/Accounts/{ACCOUNT}/Messages.json?PageSize=1 ".encode()
    )


@pytest.mark.parametrize(("answer", "_pause"), FAULTS)
@pytest.mark.parametrize("note", [NOTE, CALLED], ids=["text", "call"])
async def test_a_lookup_that_was_not_answered_whole_says_nothing(
    answer: bytes, _pause: Pause, note: Notification
) -> None:
    async with behind(Peer(answer)) as twilio:
        found = await twilio.look_up(delivery(note))
    assert isinstance(found, Unanswered)
    assert found.reason


async def test_a_lookup_whose_second_page_is_not_answered_says_nothing() -> None:
    page = {
        "messages": [],
        "page_size": 100,
        "next_page_uri": f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json?Page=1&PageToken=PA1",
    }
    pages = [http(200, json.dumps(page).encode()), error(503, 20503)]

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(pages.pop(0))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with provider(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}") as twilio:
        found = await twilio.look_up(delivery())
    server.close()
    await server.wait_closed()
    assert isinstance(found, Unanswered)
    assert pages == []
