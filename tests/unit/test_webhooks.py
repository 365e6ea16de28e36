"""Twilio's webhooks: only what it signed is kept, once, before it is answered."""

import asyncio
import contextlib
import hashlib
import json
import logging
from base64 import b64encode
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode
from xml.etree import ElementTree as ET

import pytest
from aiohttp import ClientResponse, ClientSession, web
from yarl import URL

from callbox.domain.delivery import NEXT, Evidence, State
from callbox.domain.news import News
from callbox.domain.notification import Channel, Kind
from callbox.domain.received import Medium, OptOut, Ring, Text
from callbox.errors import StoreUnavailable
from callbox.twilio import webhook
from callbox.twilio.answers import Answering, to_call
from callbox.twilio.door import Settings
from callbox.twilio.refusals import Reason
from callbox.twilio.status import CALL, MESSAGE, follows, state_of
from callbox.twilio.webhooks import MOST_AT_ONCE, Webhooks
from harness.signing import signature_of

TOKEN = "12345"
PUBLIC = "https://alarm.example.com/callbox"
ANN, US = "+12345000001", "+12345000123"
SID = "SM" + "0a" * 16
CALL_SID = "CA" + "0b" * 16
SIGNED = Settings(PUBLIC, (TOKEN,))
WITH_LOGIN = Settings(PUBLIC, (TOKEN,), "twilio", "s3cret")
LOGIN_ALONE = Settings(None, (), "twilio", "s3cret", basic_alone=True)

Form = dict[str, str] | Sequence[tuple[str, str]]

TEXT = {
    "ToCountry": "US", "ToState": "", "SmsMessageSid": SID, "NumMedia": "0", "ToCity": "",
    "FromZip": "", "SmsSid": SID, "FromState": "NJ", "SmsStatus": "received", "FromCity": "",
    "Body": "All well? Ünïcode & 👍 + 'quotes'", "FromCountry": "US", "To": US, "ToZip": "",
    "NumSegments": "1", "MessageSid": SID, "AccountSid": "AC" + "0" * 32, "From": ANN,
    "ApiVersion": "2010-04-01",
}  # fmt: skip
STATUS = {
    "SmsSid": SID, "SmsStatus": "undelivered", "MessageStatus": "undelivered", "To": ANN,
    "MessageSid": SID, "AccountSid": "AC" + "0" * 32, "From": US, "ErrorCode": "30003",
    "ApiVersion": "2010-04-01", "RawDlrDoneDate": "2601310800",
}  # fmt: skip
RINGING = {
    "CallSid": CALL_SID, "AccountSid": "AC" + "0" * 32, "From": ANN, "To": US, "Caller": ANN,
    "Called": US, "CallStatus": "ringing", "Direction": "inbound", "ApiVersion": "2010-04-01",
}  # fmt: skip
COMPLETED = {
    **RINGING, "From": US, "To": ANN, "CallStatus": "completed", "Direction": "outbound-api",
    "CallDuration": "17", "Duration": "1", "AnsweredBy": "human", "SequenceNumber": "3",
    "Timestamp": "Sun, 25 Mar 2018 09:53:19 +0000", "CallbackSource": "call-progress-events",
}  # fmt: skip


@dataclass
class World:
    """What the webhooks tell, and a clock."""

    texts: list[Text] = field(default_factory=list)
    rings: list[Ring] = field(default_factory=list)
    news: list[News] = field(default_factory=list)
    ours: set[str] = field(default_factory=lambda: {SID, CALL_SID})
    pings: int = 0
    full: bool = False
    now: float = 1000.0
    held: asyncio.Event | None = None
    stored: bool = False

    async def receive(self, text: Text) -> bool:
        await self._write()
        new = text.sid not in {known.sid for known in self.texts}
        self.texts.append(text)
        return new

    async def ring(self, ring: Ring) -> bool:
        await self._write()
        self.rings.append(ring)
        return True

    async def hear(self, news: News) -> bool:
        await self._write()
        self.news.append(news)
        return news.sid in self.ours

    async def _write(self) -> None:
        if self.full:
            raise StoreUnavailable("The disk is full")
        if self.held is not None:
            await self.held.wait()
        await asyncio.sleep(0)
        self.stored = True

    def ping(self) -> None:
        self.pings += 1

    @property
    def untouched(self) -> bool:
        return not (self.texts or self.rings or self.news or self.pings)


@dataclass
class Twilio:
    """Signs and sends to webhooks, as Twilio would, behind a proxy that strips /callbox."""

    base: str
    http: ClientSession
    webhooks: Webhooks
    world: World

    async def post(
        self,
        path: str,
        form: Form,
        *,
        query: str = "",
        token: str = TOKEN,
        public: str = PUBLIC,
        **headers: str,
    ) -> ClientResponse:
        pairs = list(form.items()) if isinstance(form, dict) else list(form)
        signature = signature_of(f"{public}{path}{query}", pairs, token)
        return await self.send(path + query, urlencode(pairs), signature, **headers)

    async def send(
        self, target: str, body: str | bytes, signature: str | None, **headers: str
    ) -> ClientResponse:
        signed = {} if signature is None else {"X-Twilio-Signature": signature}
        form = {"Content-Type": "application/x-www-form-urlencoded; charset=UTF-8"}
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        url = URL(self.base + target, encoded=True)
        return await self.http.post(url, data=body, headers={**form, **signed, **given})

    async def get(self, path: str, form: Form, *, token: str = TOKEN) -> ClientResponse:
        query = "?" + urlencode(form)
        signature = signature_of(f"{PUBLIC}{path}{query}", (), token)
        url = URL(self.base + path + query, encoded=True)
        return await self.http.get(url, headers={"X-Twilio-Signature": signature})


async def _served(
    settings: Settings, answering: Answering
) -> tuple[Webhooks, World, web.AppRunner]:
    world = World()
    webhooks = Webhooks(
        settings, world, world.hear, world.ping, "c0ffee", answering, lambda: world.now
    )
    app = web.Application()
    app.router.add_routes(webhooks.routes())
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return webhooks, world, runner


@pytest.fixture
def settings(request: pytest.FixtureRequest) -> Settings:
    found: Settings = getattr(request, "param", SIGNED)
    return found


@pytest.fixture
def answering() -> Answering:
    return Answering()


@pytest.fixture
async def twilio(settings: Settings, answering: Answering) -> AsyncIterator[Twilio]:
    webhooks, world, runner = await _served(settings, answering)
    base = f"http://127.0.0.1:{runner.addresses[0][1]}"
    async with ClientSession(base) as session:
        yield Twilio(base, session, webhooks, world)
    await runner.cleanup()


def basic(user: str, password: str) -> str:
    return "Basic " + b64encode(f"{user}:{password}".encode()).decode()


def using(*settings: Settings) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("settings", settings, indirect=True)


# texts


async def test_a_signed_text_is_kept_before_it_is_answered_with_empty_twiml(
    twilio: Twilio,
) -> None:
    answer = await twilio.post("/twilio/sms", TEXT)
    assert (answer.status, answer.content_type) == (200, "text/xml")
    assert await answer.text() == "<Response/>"
    assert twilio.world.texts == [Text(SID, ANN, US, TEXT["Body"])]


async def test_the_answer_waits_for_the_disk(twilio: Twilio) -> None:
    twilio.world.held = asyncio.Event()
    answering = asyncio.ensure_future(twilio.post("/twilio/sms", TEXT))
    done, _ = await asyncio.wait({answering}, timeout=0.2)
    assert not done
    assert not twilio.world.stored
    twilio.world.held.set()
    assert (await answering).status == 200
    assert twilio.world.stored


async def test_a_text_by_get_is_kept(twilio: Twilio) -> None:
    assert (await twilio.get("/twilio/sms", TEXT)).status == 200
    assert twilio.world.texts == [Text(SID, ANN, US, TEXT["Body"])]


async def test_a_text_is_kept_once_whatever_is_repeated(twilio: Twilio) -> None:
    for repeat in range(3):
        form = {**TEXT, "Repeat": str(repeat)}
        assert (await twilio.post("/twilio/sms", form)).status == 200
        assert (await twilio.get("/twilio/sms", {**form, "Body": "x"})).status == 200
    assert len(twilio.world.texts) == 1
    counters = twilio.webhooks.counters
    assert (counters.received, counters.repeated) == (1, 5)


async def test_what_the_disk_refused_is_503_and_not_taken_for_known(twilio: Twilio) -> None:
    twilio.world.full = True
    for path, form in (("sms", TEXT), ("voice", RINGING), ("status", STATUS)):
        answer = await twilio.post(f"/twilio/{path}", form)
        assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
    twilio.world.full = False
    assert (await twilio.post("/twilio/sms", TEXT)).status == 200
    assert len(twilio.world.texts) == 1


async def test_whatsapp_media_opt_out_and_service_are_read(twilio: Twilio) -> None:
    form = {
        **TEXT, "From": f"whatsapp:{ANN}", "To": f"whatsapp:{US}", "Body": "STOP", "NumMedia": "2",
        "MediaUrl0": "https://api.twilio.com/ME1", "MediaContentType0": "image/jpeg",
        "MediaUrl1": "https://api.twilio.com/ME2", "MediaContentType1": "text/vcard",
        "OptOutType": "STOP", "MessagingServiceSid": "MG" + "1" * 32,
    }  # fmt: skip
    await twilio.post("/twilio/sms", form)
    media = (
        Medium("https://api.twilio.com/ME1", "image/jpeg"),
        Medium("https://api.twilio.com/ME2", "text/vcard"),
    )
    assert twilio.world.texts == [
        Text(SID, ANN, US, "STOP", Channel.WHATSAPP, media, OptOut.STOP, "MG" + "1" * 32)
    ]


async def test_an_address_of_another_channel_stays_as_it_is(twilio: Twilio) -> None:
    await twilio.post("/twilio/sms", {**TEXT, "From": "messenger:1234", "OptOutType": "NEW"})
    assert twilio.world.texts[0].sender == "messenger:1234"
    assert twilio.world.texts[0].told_opt_out is None


@pytest.mark.parametrize(
    "change",
    [{"MessageSid": ""}, {"MessageSid": "SM12"}, {"MessageSid": f"{SID}\n"}, {"From": ""},
     {"MessageSid": "XX" + "0" * 32}, {"To": ""}, {"MessageSid": "SM" + "g" * 32}],
)  # fmt: skip
async def test_a_text_without_what_is_needed_is_400_and_not_kept(
    twilio: Twilio, change: dict[str, str]
) -> None:
    answer = await twilio.post("/twilio/sms", {**TEXT, **change})
    assert answer.status == 400
    assert "MessageSid" in await answer.text()
    assert twilio.world.untouched
    assert twilio.webhooks.refusals.total[Reason.MALFORMED] == 1


# who may tell


@using(SIGNED, WITH_LOGIN, Settings(), Settings(PUBLIC), Settings(None, (TOKEN,)))
@pytest.mark.parametrize("path", ["sms", "voice", "status", "ping"])
async def test_what_is_not_signed_changes_nothing(
    twilio: Twilio, settings: Settings, path: str
) -> None:
    right = signature_of(f"{PUBLIC}/twilio/{path}", list(TEXT.items()), TOKEN)
    other = signature_of(f"{PUBLIC}/twilio/other", list(TEXT.items()), TOKEN)
    host = signature_of(f"{twilio.base}/twilio/{path}", list(TEXT.items()), TOKEN)
    stranger = signature_of(f"{PUBLIC}/twilio/{path}", list(TEXT.items()), "")
    body = urlencode(TEXT)
    wrongs = [None, "", "x", "ü", "\udcff".encode("utf-8", "surrogateescape").decode("latin-1")]
    for signature in (*wrongs, right[:-1], right.lower(), other, host, stranger):
        answer = await twilio.send(f"/twilio/{path}", body, signature)
        assert answer.status == 403
    assert (await twilio.send(f"/twilio/{path}?x=1", body, right)).status == 403
    assert (await twilio.send(f"/twilio/{path}", body + "&Body=more", right)).status == 403
    assert (await twilio.send(f"/twilio/{path}", body.replace("SM0", "SM1"), right)).status == 403
    assert (await twilio.http.get(f"/twilio/{path}")).status == 403
    assert twilio.world.untouched
    assert twilio.webhooks.refusals.total.total() == 14
    if settings.public_url is None or not settings.tokens:
        assert twilio.webhooks.refusals.total[Reason.CLOSED] == 14


async def test_the_host_header_means_nothing(twilio: Twilio) -> None:
    answer = await twilio.post("/twilio/sms", TEXT, Host="evil.example.com")
    assert answer.status == 200
    evil = await twilio.post(
        "/twilio/sms", TEXT, public="https://evil.example.com", Host="evil.example.com",
        X_Forwarded_Host="evil.example.com", X_Forwarded_Proto="https",
    )  # fmt: skip
    assert evil.status == 403


@using(Settings(f"{PUBLIC}/", ("new", TOKEN, "")))
async def test_both_tokens_of_a_rotation_hold_and_no_other(twilio: Twilio) -> None:
    assert (await twilio.post("/twilio/sms", TEXT)).status == 200
    assert (await twilio.post("/twilio/sms", TEXT, token="new")).status == 200
    assert (await twilio.post("/twilio/sms", TEXT, token="old")).status == 403
    assert (await twilio.post("/twilio/sms", TEXT, token="")).status == 403


@using(Settings("https://u:p@alarm.example.com:8443/x", (TOKEN,)))
async def test_port_and_userinfo_may_be_signed_or_not(twilio: Twilio) -> None:
    for place in ("u:p@alarm.example.com:8443", "alarm.example.com:8443", "alarm.example.com",
                  "u:p@alarm.example.com", "alarm.example.com:443"):  # fmt: skip
        answer = await twilio.post("/twilio/sms", TEXT, public=f"https://{place}/x")
        assert answer.status == 200
    for place in ("u:q@alarm.example.com", "alarm.example.com:80", "example.com"):
        answer = await twilio.post("/twilio/sms", TEXT, public=f"https://{place}/x")
        assert answer.status == 403


async def test_repeated_and_unknown_parameters_are_signed_over(twilio: Twilio) -> None:
    form = [*TEXT.items(), ("New", "b"), ("New", "a"), ("New", "b"), ("Empty", "")]
    assert (await twilio.post("/twilio/sms", form)).status == 200
    assert len(twilio.world.texts) == 1


async def test_a_json_body_is_held_to_its_hash(twilio: Twilio) -> None:
    body = json.dumps({"MessageSid": SID}).encode()
    query = f"?bodySHA256={hashlib.sha256(body).hexdigest()}"
    signature = signature_of(f"{PUBLIC}/twilio/ping{query}", (), TOKEN)
    headers = {"Content_Type": "application/json"}
    right = await twilio.send(f"/twilio/ping{query}", body, signature, **headers)
    assert right.status == 200
    wrong = await twilio.send(f"/twilio/ping{query}", body + b" ", signature, **headers)
    assert wrong.status == 403
    bare = signature_of(f"{PUBLIC}/twilio/ping", (), TOKEN)
    assert (await twilio.send("/twilio/ping", body, bare, **headers)).status == 403
    assert twilio.world.pings == 1


@using(WITH_LOGIN)
async def test_user_and_password_are_asked_for_on_top_of_the_signature(twilio: Twilio) -> None:
    first = await twilio.post("/twilio/sms", TEXT)
    assert first.status == 401
    assert first.headers["WWW-Authenticate"] == 'Basic realm="Callbox"'
    assert not twilio.webhooks.refusals.total
    right = basic("twilio", "s3cret")
    unsigned = await twilio.send("/twilio/sms", urlencode(TEXT), None, Authorization=right)
    assert unsigned.status == 403
    for wrong in (basic("twilio", "x"), basic("x", "s3cret"), "Basic ???", "Basic", "Basic ü",
                  right + "x"):  # fmt: skip
        answer = await twilio.post("/twilio/sms", TEXT, Authorization=wrong)
        assert answer.status == 401
    assert twilio.world.untouched
    assert (await twilio.post("/twilio/sms", TEXT, Authorization=right)).status == 200
    url = "https://twilio:s3cret@alarm.example.com/callbox"
    answer = await twilio.post("/twilio/sms", TEXT, public=url, Authorization=right)
    assert answer.status == 200


@using(
    Settings(PUBLIC, (TOKEN,), "twilio", None),
    Settings(PUBLIC, (TOKEN,), None, "x"),
    Settings(PUBLIC, (TOKEN,), "", "", basic_alone=True),
    Settings(basic_alone=True),
)
async def test_half_a_login_lets_nobody_in(twilio: Twilio) -> None:
    for login in (basic("twilio", ""), basic("", "x"), basic("", ""), basic("twilio", "None")):
        assert (await twilio.post("/twilio/sms", TEXT, Authorization=login)).status == 403
    assert twilio.world.untouched


@using(LOGIN_ALONE)
async def test_the_login_alone_is_enough_where_the_settings_say_so(twilio: Twilio) -> None:
    body = urlencode(TEXT)
    assert (await twilio.send("/twilio/sms", body, None)).status == 401
    wrong = await twilio.send("/twilio/sms", body, None, Authorization=basic("twilio", "x"))
    assert wrong.status == 401
    assert twilio.world.untouched
    right = await twilio.send("/twilio/sms", body, None, Authorization=basic("twilio", "s3cret"))
    assert right.status == 200
    assert len(twilio.world.texts) == 1


@using(LOGIN_ALONE)
async def test_a_minute_has_60_wrong_passwords(twilio: Twilio) -> None:
    async def attempt(password: str) -> int:
        login = basic("twilio", password)
        return (await twilio.send("/twilio/ping", b"", None, Authorization=login)).status

    assert {await attempt("x") for _ in range(61)} == {401}
    assert await attempt("x") == 429
    assert await attempt("s3cret") == 200, "whoever guesses does not shut Twilio out"
    assert (await twilio.send("/twilio/ping", b"", None)).status == 401
    twilio.world.now += 60
    assert await attempt("x") == 401


# calls


async def test_a_call_is_kept_and_then_answered(twilio: Twilio) -> None:
    answer = await twilio.post("/twilio/voice", RINGING)
    assert answer.content_type == "text/xml"
    assert await answer.text() == _document('<Response><Reject reason="busy" /></Response>')
    assert twilio.world.rings == [Ring(CALL_SID, ANN, US, "ringing")]
    again = await twilio.post("/twilio/voice", RINGING)
    assert await again.text() == await answer.text()
    assert len(twilio.world.rings) == 1


async def test_a_voicemail_is_kept_and_the_call_ended(twilio: Twilio) -> None:
    url = "https://api.twilio.com/RE1"
    form = {**RINGING, "CallStatus": "in-progress", "RecordingUrl": url, "RecordingDuration": "9"}
    answer = await twilio.post("/twilio/voice", form)
    assert await answer.text() == "<Response><Hangup/></Response>"
    assert twilio.world.rings == [Ring(CALL_SID, ANN, US, "in-progress", url, 9)]


async def test_the_end_of_an_inbound_call_is_kept(twilio: Twilio) -> None:
    for path in ("status", "voice"):
        answer = await twilio.post(f"/twilio/{path}", {**RINGING, "CallStatus": "completed"})
        assert await answer.text() == "<Response/>"
    assert twilio.world.rings == [Ring(CALL_SID, ANN, US, "completed")]
    assert not twilio.world.news


@pytest.mark.parametrize("change", [{"CallSid": "CA1"}, {"CallStatus": ""}, {"CallSid": ""}])
async def test_a_call_without_what_is_needed_is_400(twilio: Twilio, change: dict[str, str]) -> None:
    assert (await twilio.post("/twilio/voice", {**RINGING, **change})).status == 400
    assert twilio.world.untouched


def _document(twiml: str) -> str:
    return f'<?xml version="1.0" encoding="UTF-8"?>{twiml}'


RECORDED = "https://h/twilio/voice?a=1&amp;b=2"
BEEP = 'method="POST" playBeep="true"'
RUDE = 'Tom & <Jerry> say "hi"\x00\x1b\ud800 👍'


@pytest.mark.parametrize(
    ("answering", "expected"),
    [
        (Answering("reject"), '<Reject reason="busy" />'),
        (Answering("forward", forward_to=ANN), f"<Dial>{ANN}</Dial>"),
        (
            Answering("say", "Hello", "Polly.Joanna", "en-US"),
            '<Say language="en-US" voice="Polly.Joanna">Hello</Say>',
        ),
        (Answering("say", RUDE), '<Say>Tom &amp; &lt;Jerry&gt; say "hi" 👍</Say>'),
        (
            Answering("voicemail", "Speak", longest=30),
            f'<Say>Speak</Say><Record action="{RECORDED}" maxLength="30" {BEEP} />',
        ),
        (
            Answering("voicemail"),
            f'<Record action="{RECORDED}" maxLength="120" {BEEP} />',
        ),
    ],
)
def test_an_answer_is_well_formed_twiml(answering: Answering, expected: str) -> None:
    twiml = to_call(answering, "https://h/twilio/voice?a=1&b=2")
    assert twiml == _document(f"<Response>{expected}</Response>")
    assert ET.fromstring(twiml.encode()).tag == "Response"


@using(WITH_LOGIN)
async def test_a_recording_is_told_to_a_url_that_twilio_can_log_in_to(twilio: Twilio) -> None:
    webhooks = Webhooks(
        WITH_LOGIN, twilio.world, twilio.world.hear, twilio.world.ping, "x", Answering("voicemail")
    )
    assert 'action="https://twilio:s3cret@alarm.example.com/callbox/twilio/voice"' in (
        webhooks._to_call
    )
    assert "s3cret" not in repr(webhooks) + repr(twilio.webhooks)
    assert TOKEN not in repr(webhooks)


# status callbacks


async def test_a_status_callback_of_a_text_is_heard(twilio: Twilio) -> None:
    answer = await twilio.post("/twilio/status", STATUS, query="?attempt=d1-2")
    assert (answer.status, await answer.text()) == (200, "<Response/>")
    (news,) = twilio.world.news
    assert (news.kind, news.sid, news.word, news.state) == (
        Kind.TXT, SID, "undelivered", State.UNDELIVERED,
    )  # fmt: skip
    assert (news.evidence, news.attempt_id, news.sent_from) == (Evidence.CALLBACK, "d1-2", US)
    assert (news.code, news.follows) == (30003, follows(Kind.TXT, "undelivered"))
    assert "switched off" in (news.reason or "")
    assert "again" in (news.remedy or "")
    assert twilio.webhooks.counters.callbacks == 1


async def test_a_status_callback_of_a_call_is_heard(twilio: Twilio) -> None:
    await twilio.post("/twilio/status", COMPLETED, query="?attempt=d1-1")
    (news,) = twilio.world.news
    assert (news.kind, news.sid, news.word) == (Kind.CALL, CALL_SID, "completed")
    assert (news.state, news.answered_by, news.duration) == (State.DELIVERED, "human", 17)
    assert not twilio.world.rings


async def test_a_code_without_a_row_keeps_its_number_and_twilios_words(twilio: Twilio) -> None:
    form = {**STATUS, "ErrorCode": "39999", "ErrorMessage": f"No way to {ANN}"}
    await twilio.post("/twilio/status", form)
    (news,) = twilio.world.news
    assert (news.code, news.reason, news.remedy) == (39999, "No way to +1…0001", None)
    await twilio.post("/twilio/status", {**STATUS, "ErrorCode": "9" * 5000})
    assert twilio.world.news[-1].code is None


async def test_the_same_status_is_heard_once_and_another_again(twilio: Twilio) -> None:
    for word in ("sent", "sent", "delivered", "sent"):
        form = {**STATUS, "MessageStatus": word, "SmsStatus": word, "ErrorCode": ""}
        assert (await twilio.post("/twilio/status", form)).status == 200
    assert [news.word for news in twilio.world.news] == ["sent", "delivered"]


async def test_what_another_program_sent_is_answered_all_the_same(twilio: Twilio) -> None:
    twilio.world.ours.clear()
    for _ in range(2):
        assert (await twilio.post("/twilio/status", STATUS)).status == 200
    assert twilio.webhooks.counters.strangers == 2
    twilio.world.ours.add(SID)
    assert (await twilio.post("/twilio/status", STATUS)).status == 200
    assert len(twilio.world.news) == 3


async def test_what_came_to_the_wrong_url_is_taken_for_what_it_is(twilio: Twilio) -> None:
    await twilio.post("/twilio/sms", STATUS)
    await twilio.post("/twilio/voice", COMPLETED)
    assert [news.sid for news in twilio.world.news] == [SID, CALL_SID]
    await twilio.post("/twilio/status", TEXT)
    assert [text.sid for text in twilio.world.texts] == [SID]
    assert (await twilio.post("/twilio/status", {"MessageSid": SID})).status == 400


def test_a_word_follows_those_before_it_and_no_state_goes_backwards() -> None:
    for kind, words in ((Kind.TXT, MESSAGE), (Kind.CALL, CALL)):
        for word in words:
            before = follows(kind, word)
            assert word not in before
            for earlier in before:
                assert earlier not in follows(kind, earlier)
                assert word not in follows(kind, earlier)
                state, now = state_of(kind, earlier), state_of(kind, word)
                assert state is now or state not in NEXT[now]
    assert follows(Kind.TXT, "sent") >= {"accepted", "queued", "sending"}
    assert follows(Kind.CALL, "in-progress") >= {"queued", "initiated", "ringing"}
    assert follows(Kind.TXT, "read") >= {"delivered", "sent"}
    assert follows(Kind.TXT, "news to us") == frozenset()


# ping


@using(Settings(PUBLIC, (TOKEN,), bearer="let-me-in"))
async def test_a_ping_is_signed_or_bears_the_token(twilio: Twilio) -> None:
    for answer in (
        await twilio.post("/twilio/ping", {}),
        await twilio.get("/twilio/ping", {"x": "1"}),
        await twilio.http.get("/twilio/ping", headers={"Authorization": "Bearer let-me-in"}),
        await twilio.http.post("/twilio/ping", headers={"Authorization": "Bearer let-me-in"}),
    ):
        assert (answer.status, answer.content_type) == (200, "text/xml")
        assert await answer.text() == "<Response><!-- Callbox c0ffee --></Response>"
    assert twilio.world.pings == 4
    for given in ("Bearer", "Bearer x", "Bearer None", "let-me-in", "Basic let-me-in", "Bearer ü"):
        answer = await twilio.http.get("/twilio/ping", headers={"Authorization": given})
        assert answer.status == 403
    assert twilio.world.pings == 4


@using(SIGNED, Settings(), Settings(bearer=""))
async def test_without_a_configured_token_no_ping_bears_it(twilio: Twilio) -> None:
    for given in ("Bearer None", "Bearer ", "Bearer"):
        answer = await twilio.http.get("/twilio/ping", headers={"Authorization": given})
        assert answer.status == 403
    assert twilio.world.untouched


@using(Settings(PUBLIC, (TOKEN,), bearer="let-me-in"), Settings(bearer="let-me-in"))
async def test_the_token_of_a_ping_tells_no_text(twilio: Twilio) -> None:
    bearer = {"Authorization": "Bearer let-me-in"}
    assert (await twilio.send("/twilio/ping", urlencode(TEXT), None, **bearer)).status == 200
    assert (await twilio.send("/twilio/sms", urlencode(TEXT), None, **bearer)).status == 403
    assert not twilio.world.texts


async def test_a_text_that_comes_as_a_ping_is_kept(twilio: Twilio) -> None:
    answer = await twilio.get("/twilio/ping", {**TEXT, "Body": "as a ping"})
    assert "Callbox" in await answer.text()
    assert twilio.world.texts == [Text(SID, ANN, US, "as a ping")]
    assert twilio.world.pings == 1
    assert (await twilio.post("/twilio/ping", STATUS)).status == 200
    assert len(twilio.world.texts) == 1


# bounds


async def test_size_number_and_encoding_are_bounded(twilio: Twilio) -> None:
    large = await twilio.send("/twilio/sms", "Body=" + "x" * webhook.MOST_BYTES, "any")
    assert large.status == 413
    many = "&".join(f"p{place}=" for place in range(1001))
    assert (await twilio.send("/twilio/sms", many, "any")).status == 400
    assert (await twilio.send("/twilio/sms", b"Body=\xff", "any")).status == 400
    assert (await twilio.send("/twilio/sms", "Body=%ff", "any")).status == 400
    zipped = await twilio.send("/twilio/sms", b"\x1f\x8b", "any", Content_Encoding="gzip")
    assert zipped.status == 400
    assert twilio.webhooks.refusals.total == {Reason.UNREADABLE: 5}
    exact = {**TEXT, "Body": ""}
    exact["Body"] = "x" * (webhook.MOST_BYTES - len(urlencode(exact)))
    assert (await twilio.post("/twilio/sms", exact)).status == 200
    assert (await twilio.send("/twilio/sms", urlencode(exact) + "x", "any")).status == 413


@using(LOGIN_ALONE)
async def test_a_query_that_is_no_text_is_400(twilio: Twilio) -> None:
    login = basic("twilio", "s3cret")
    reader, writer = await asyncio.open_connection("127.0.0.1", URL(twilio.base).port)
    query = urlencode({**TEXT, "Body": ""}).encode() + b"\xff"
    head = f"\r\nHost: x\r\nAuthorization: {login}\r\n\r\n".encode()
    writer.write(b"GET /twilio/sms?" + query + b" HTTP/1.1" + head)
    assert (await reader.readline()).split()[1] == b"400"
    writer.close()
    assert twilio.world.untouched


async def _chunks(size: int) -> AsyncIterator[bytes]:
    for _ in range(size // 1024):
        yield b"x" * 1024


async def test_a_body_without_a_length_is_bounded_too(twilio: Twilio) -> None:
    signed = {"X-Twilio-Signature": "any"}
    answer = await twilio.http.post("/twilio/sms", data=_chunks(80 * 1024), headers=signed)
    assert answer.status == 413


async def test_a_body_that_does_not_come_is_given_up(
    twilio: Twilio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook, "_LONGEST_SECONDS", 0.05)

    async def slow() -> AsyncIterator[bytes]:
        yield b"x"
        await asyncio.sleep(0.5)

    signed = {"X-Twilio-Signature": "any"}
    answer = await twilio.http.post("/twilio/sms", data=slow(), headers=signed)
    assert answer.status == 408


async def test_who_is_not_signed_is_refused_before_the_body_is_waited_for(twilio: Twilio) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", URL(twilio.base).port)
    writer.write(b"POST /twilio/sms HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n")
    assert (await reader.readline()).split()[1] == b"403"
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


async def test_other_methods_are_405(twilio: Twilio) -> None:
    for method in ("PUT", "DELETE", "HEAD", "PATCH", "OPTIONS"):
        answer = await twilio.http.request(method, "/twilio/sms", data=urlencode(TEXT))
        assert answer.status == 405


async def test_so_many_at_once_and_the_next_one_is_429(twilio: Twilio) -> None:
    twilio.world.held = asyncio.Event()
    signed = signature_of(f"{PUBLIC}/twilio/sms", list(TEXT.items()), TOKEN)
    under_way = [
        asyncio.ensure_future(twilio.send("/twilio/sms", urlencode(TEXT), signed))
        for _ in range(90)
    ]
    await asyncio.sleep(0.3)
    assert twilio.webhooks._under_way == 90
    twilio.webhooks._under_way += MOST_AT_ONCE - 90
    answer = await twilio.send("/twilio/status", urlencode(STATUS), signed)
    assert (answer.status, answer.headers["Retry-After"]) == (429, "1")
    twilio.webhooks._under_way -= MOST_AT_ONCE - 90
    twilio.world.held.set()
    assert {answer.status for answer in await asyncio.gather(*under_way)} == {200}
    assert twilio.webhooks._under_way == 0


async def test_what_is_known_is_bounded(twilio: Twilio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("callbox.twilio.webhooks._MOST_KNOWN", 3)
    for sid in (1, 2, 3, 1, 4, 1, 2):
        await twilio.post("/twilio/sms", {**TEXT, "MessageSid": f"SM{sid:032}"})
    assert [int(text.sid[2:]) for text in twilio.world.texts] == [1, 2, 3, 4, 2]
    assert len(twilio.webhooks._known) == 3


# what is told


async def test_refusals_are_told_in_plain_words_for_an_hour(twilio: Twilio) -> None:
    assert twilio.webhooks.trouble() is None
    await twilio.post("/twilio/sms", TEXT, token="x")
    trouble = twilio.webhooks.trouble()
    assert trouble is not None
    assert trouble.startswith("A webhook request in the last hour had a wrong signature")
    assert "http.public_url or twilio.auth_token" in trouble
    for _ in range(11):
        await twilio.post("/twilio/sms", TEXT, token="x")
        await twilio.http.get("/twilio/sms")
    trouble = twilio.webhooks.trouble() or ""
    assert trouble.startswith("At least 10 webhook requests in the last hour had a wrong")
    twilio.world.now += 3601
    assert twilio.webhooks.trouble() is None
    assert twilio.webhooks.refusals.total[Reason.WRONG] == 12


@using(Settings("https://u:hidden@alarm.example.com:8443/callbox/", (TOKEN,)))
async def test_the_log_has_one_line_an_hour_with_the_url_and_nothing_secret(
    twilio: Twilio, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    for _ in range(3):
        await twilio.get("/twilio/sms", TEXT, token="x")
    assert len(caplog.messages) == 1
    assert "https://alarm.example.com:8443/callbox/twilio/sms had a wrong" in caplog.messages[0]
    for secret in ("hidden", TOKEN, ANN, ANN[1:], "Body", "quotes"):
        assert secret not in caplog.text.replace("://alarm.example.com:8443", "")
    twilio.world.now += 3600
    await twilio.get("/twilio/sms", TEXT, token="x")
    assert len(caplog.messages) == 2
