"""Twilio's webhooks on the gateway's web server: beside its API, and nowhere else."""

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlencode

import pytest
from aiohttp import ClientSession, UnixConnector, encode_basic_auth
from yarl import URL

from callbox.domain.delivery import Evidence, State
from callbox.domain.news import News
from callbox.domain.notification import Channel
from callbox.domain.received import Ring, Text
from callbox.hosts.http import HttpHost
from callbox.simulator import Settings as SimulatorSettings
from callbox.simulator import Simulator, start
from callbox.simulator.records.number import Number
from callbox.simulator.settings import DEFAULT_NUMBERS
from callbox.twilio import webhook
from callbox.twilio.answers import Answering
from callbox.twilio.door import Settings
from callbox.twilio.webhooks import Webhooks
from harness import ACCOUNT, until
from harness.signing import signature_of

TOKEN = "12345"
PUBLIC = "https://alarm.example.com"
TEXT = {
    "MessageSid": "SM" + "0a" * 16,
    "SmsStatus": "received",
    "From": "+12345000001",
    "To": "+12345000123",
    "Body": "hello",
}


class Inbox:
    """Remembers what came."""

    def __init__(self) -> None:
        self.texts: list[Text] = []
        self.rings: list[Ring] = []
        self.news: list[News] = []
        self.pings = 0

    async def receive(self, text: Text) -> bool:
        self.texts.append(text)
        return True

    async def ring(self, ring: Ring) -> bool:
        self.rings.append(ring)
        return True

    async def hear(self, news: News) -> bool:
        self.news.append(news)
        return True

    def ping(self) -> None:
        self.pings += 1


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
async def host(inbox: Inbox) -> AsyncIterator[HttpHost]:
    settings = Settings(PUBLIC, (TOKEN,), bearer="let-me-in")
    webhooks = Webhooks(settings, inbox, inbox.hear, inbox.ping, "c0ffee")
    unused = cast("Any", None)
    host = HttpHost(unused, unused, unused, "let-me-in", 1000, 60.0, mounts=webhooks.routes())
    yield host
    await host.stop()


@pytest.fixture
async def http(host: HttpHost) -> AsyncIterator[ClientSession]:
    port = await host.listen("127.0.0.1", 0)
    async with ClientSession(f"http://127.0.0.1:{port}") as session:
        yield session


def _signed(target: str, form: dict[str, str]) -> dict[str, str]:
    return {"X-Twilio-Signature": signature_of(PUBLIC + target, list(form.items()), TOKEN)}


async def test_twilio_is_served_beside_the_api(http: ClientSession, inbox: Inbox) -> None:
    headers = _signed("/twilio/sms", TEXT)
    assert (await http.post("/twilio/sms", data=TEXT, headers=headers)).status == 200
    assert [text.body for text in inbox.texts] == ["hello"]
    assert (await http.post("/twilio/sms", data=TEXT)).status == 403
    assert (await http.post("/api/v1/txt", data=b"{}", headers=headers)).status == 401
    bearer = {"Authorization": "Bearer let-me-in"}
    assert (await http.get("/twilio/ping", headers=bearer)).status == 200
    assert (inbox.pings, len(inbox.texts)) == (1, 1)


async def test_the_longest_text_may_come_by_get(
    host: HttpHost, http: ClientSession, inbox: Inbox
) -> None:
    assert host.mounts
    query = f"/twilio/sms?{urlencode({**TEXT, 'Body': '👍' * 1600})}"
    url = URL(f"{http._base_url}".rstrip("/") + query, encoded=True)
    assert (await http.get(url, headers=_signed(query, {}))).status == 200
    assert len(inbox.texts[0].body) == 1600


async def test_the_control_socket_does_not_serve_twilio(host: HttpHost, tmp_path: Path) -> None:
    await host.listen_locally(tmp_path / "control.sock")
    connector = UnixConnector(str(tmp_path / "control.sock"))
    async with ClientSession("http://localhost", connector=connector) as session:
        answer = await session.post(
            "/twilio/sms", data=TEXT, headers=_signed("/twilio/sms", TEXT)
        )  # fmt: skip
        assert answer.status == 404


@pytest.mark.parametrize(
    ("framing", "body", "status"),
    [
        (b"Content-Length: 65537", b"", {b"413"}),  # before any of it comes
        # aiohttp's parser in Python tells of it, the one in C lets it wait
        (b"Transfer-Encoding: chunked", b"3\r\na=b\r\nzz\r\n", {b"400", b"408"}),
    ],
)
async def test_a_body_that_cannot_be_read_is_answered(
    host: HttpHost,
    framing: bytes,
    body: bytes,
    status: set[bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(webhook, "_LONGEST_SECONDS", 0.1)
    port = await host.listen("127.0.0.1", 0)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = b"POST /twilio/sms HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
    head += b"X-Twilio-Signature: any\r\n"
    writer.write(head + framing + b"\r\n\r\n")
    async with asyncio.timeout(2):
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(body)
        assert (await reader.readline()).split()[1] in status
    writer.close()


async def test_what_is_no_http_is_not_logged(
    host: HttpHost, caplog: pytest.LogCaptureFixture
) -> None:
    port = await host.listen("127.0.0.1", 0)
    for junk in (b"\x16\x03\x01\x02\x00\x01\r\n\r\n", b"POST /twilio/sms HTTP/1.1\r\nA\r\n\r\n"):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(junk)
        assert b" 400 " in await reader.readline()
        writer.close()
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


# as the simulator signs and calls them, which shares no code with what checks


BEHIND = "https://alarm.example.com/callbox"  # the proxy strips /callbox
US, ANN = DEFAULT_NUMBERS[0], "+12345000001"


@dataclass
class Line:
    """Our number at Twilio, whose webhooks are served."""

    simulator: Simulator
    inbox: Inbox
    host: HttpHost

    async def serves(self, settings: Settings, answering: Answering | None = None) -> Number:
        inbox = self.inbox
        webhooks = Webhooks(
            settings, inbox, inbox.hear, inbox.ping, "c0ffee", answering or Answering()
        )
        self.host.mounts = webhooks.routes()
        port = await self.host.listen("127.0.0.1", 0)
        self.simulator.tunnels[BEHIND] = f"http://127.0.0.1:{port}"
        number = self.simulator.number(US)
        base = settings.base or BEHIND
        number.sms_url, number.voice_url = f"{base}/twilio/sms", f"{base}/twilio/voice"
        number.status_callback = f"{base}/twilio/status"
        return number


@pytest.fixture
async def line(host: HttpHost, inbox: Inbox) -> AsyncIterator[Line]:
    settings = SimulatorSettings(account_sid=ACCOUNT, auth_token=TOKEN, pace=0.02)
    async with await start(settings=settings) as simulator:
        yield Line(simulator, inbox, host)


SIGNED = Settings(BEHIND, ("new", TOKEN))
WITH_LOGIN = Settings(BEHIND, (TOKEN,), "twilio", "s:cret")
LOGIN_ALONE = Settings(BEHIND, (), "twilio", "s:cret", basic_alone=True)


@pytest.mark.parametrize("settings", [SIGNED, WITH_LOGIN, LOGIN_ALONE])
@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_a_text_that_twilio_tells_of_is_kept(
    line: Line, settings: Settings, method: str
) -> None:
    (await line.serves(settings)).sms_method = method
    body = "Ünï + 'quoted' & 👍"
    await line.simulator.receive(ANN, US, body, whatsapp=True)
    (text,) = line.inbox.texts
    assert (text.sender, text.recipient, text.body) == (ANN, US, body)
    assert text.channel is Channel.WHATSAPP
    exchange = line.simulator.webhooks[-1]
    assert (exchange.status, exchange.error_code) == (200, None)


async def test_what_twilio_signs_with_another_token_is_not_kept(line: Line) -> None:
    await line.serves(Settings(BEHIND, ("another",)))
    await line.simulator.receive(ANN, US, "hello")
    assert line.simulator.webhooks[-1].status == 403
    assert not line.inbox.texts


@pytest.mark.parametrize("settings", [SIGNED, WITH_LOGIN])
async def test_a_caller_leaves_a_voicemail(line: Line, settings: Settings) -> None:
    await line.serves(settings, Answering("voicemail", "Speak <now>"))
    await line.simulator.ring(ANN, US, recording={"duration": 7})
    statuses = [ring.status for ring in line.inbox.rings]
    assert statuses[0] == "ringing"
    assert "completed" in statuses
    recorded = [ring for ring in line.inbox.rings if ring.recording_url]
    assert recorded[0].duration == 7
    assert {(ring.caller, ring.called) for ring in line.inbox.rings} == {(ANN, US)}
    assert {exchange.error_code for exchange in line.simulator.webhooks} == {None}


@pytest.mark.parametrize("settings", [SIGNED, WITH_LOGIN])
async def test_how_a_text_fares_is_told(line: Line, settings: Settings) -> None:
    await line.serves(settings)
    callback = f"{settings.base}/twilio/status?attempt=d1-1"
    form = {"To": ANN, "From": US, "Body": "hello", "StatusCallback": callback}
    url = f"{line.simulator.url}/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
    login = {"Authorization": encode_basic_auth(ACCOUNT, TOKEN)}
    async with ClientSession(headers=login) as session:
        sid = (await (await session.post(url, data=form)).json())["sid"]
    await until(lambda: "delivered" in {news.word for news in line.inbox.news}, "its delivery")
    assert {(news.sid, news.attempt_id, news.sent_from) for news in line.inbox.news} == {
        (sid, "d1-1", US)
    }
    final = next(news for news in line.inbox.news if news.word == "delivered")
    assert (final.state, final.evidence) == (State.DELIVERED, Evidence.CALLBACK)
