"""The simulator calls webhooks as Twilio does; a real server listens, Twilio's own SDK judges."""

import base64
import re
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, web
from twilio.request_validator import RequestValidator
from yarl import URL

from callbox.simulator import BadOrder, Manner, Settings, Simulator, start
from callbox.simulator.records.message import Message
from harness import until
from harness.certificates import Authority
from harness.listener import BASIC, TOKEN, Listener
from harness.ports import free_port
from harness.sdk import ACCOUNT, login

BASE = f"/2010-04-01/Accounts/{ACCOUNT}"
OURS, ADA, BOB = "+15005550006", "+12065550100", "+12025550101"
SERVICE = "MG" + "c" * 32
PACE = 0.02
WITH_PICTURE = """<Response>
  <Message><Body>Look</Body><Media>http://a.org/a.jpg</Media></Message>
</Response>"""


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    settings = Settings(pace=PACE, account_sid=ACCOUNT, auth_token=TOKEN)
    async with await start(settings=settings) as simulator:
        yield simulator


@pytest.fixture
async def http(sim: Simulator) -> AsyncIterator[ClientSession]:
    async with ClientSession(sim.url, headers=BASIC) as session:
        yield session


@pytest.fixture
async def unhurried() -> AsyncIterator[ClientSession]:
    """Give a simulator that leaves time to change one's mind."""
    async with (
        await start(settings=Settings(pace=2.0, auth_token=TOKEN)) as simulator,
        ClientSession(simulator.url, headers=BASIC) as session,
    ):
        yield session


def hook(sim: Simulator, url: str, **more: str) -> None:
    for name, value in {"sms_url": url, "voice_url": url, **more}.items():
        setattr(sim.number(OURS), name, value)


def faults(sim: Simulator) -> list[tuple[int, str | None]]:
    return [(exchange.attempt, exchange.fault) for exchange in sim.webhooks]


async def post(http: ClientSession, resource: str, **form: str) -> dict[str, Any]:
    answer = await http.post(f"{BASE}/{resource}.json", data=form)
    document: dict[str, Any] = await answer.json()
    assert answer.ok, document
    return document


async def control(http: ClientSession, what: str, **document: object) -> dict[str, Any]:
    answer = await http.post(f"/_simulator/{what}", json=document)
    found: dict[str, Any] = await answer.json()
    assert answer.ok, found
    return found


# -- how a webhook is called


async def test_a_text_is_posted_signed_and_says_who_twilio_is(
    sim: Simulator, listener: Listener
) -> None:
    hook(sim, f"{listener.url}/sms?box=1&x=it's#rc=2&rp=all")
    await sim.receive(ADA, OURS, "status? & é")
    (heard,) = listener.heard
    assert heard.signed()
    assert not heard.signed(heard.url.replace("box=1", "box=2"))
    assert heard.url == f"{listener.url}/sms?box=1&x=it's"
    assert (heard.method, heard.posted["Body"]) == ("POST", "status? & é")
    assert heard.headers["User-Agent"] == "TwilioProxy/1.1"
    assert heard.headers["Content-Type"].startswith("application/x-www-form-urlencoded")


async def test_by_get_all_is_in_the_query_and_signed_there(
    sim: Simulator, listener: Listener
) -> None:
    hook(sim, f"{listener.url}/sms?box=1", sms_method="GET")
    await sim.receive(ADA, OURS, "status?")
    (heard,) = listener.heard
    assert (heard.method, heard.form["Body"], heard.form["box"]) == ("GET", "status?", "1")
    assert heard.signed()


async def test_every_exchange_is_kept_and_shown(
    sim: Simulator, listener: Listener, http: ClientSession
) -> None:
    listener.answer("/sms", "<Response/>")
    hook(sim, f"{listener.url}/sms#rc=1")
    await sim.receive(ADA, OURS, "status?")
    shown = await (await http.get("/_simulator/webhooks")).json()
    (exchange,) = shown["webhooks"]
    assert exchange["url"] == f"{listener.url}/sms"
    assert (exchange["status"], exchange["fault"], exchange["attempt"]) == (200, None, 1)
    assert (exchange["method"], exchange["body"]) == ("POST", "<Response/>")
    assert exchange["params"]["Body"] == "status?"
    assert 0 < exchange["seconds"] < 5
    assert (await http.delete("/_simulator/webhooks")).status == 204
    assert list(sim.webhooks) == []


async def test_nobody_there_is_tried_once_more_and_a_refusal_is_not(
    sim: Simulator, listener: Listener
) -> None:
    hook(sim, f"http://127.0.0.1:{free_port()}/sms")
    await sim.receive(ADA, OURS, "status?")
    assert faults(sim) == [(1, "ct"), (2, "ct")]
    listener.answer("/sms", status=500)
    hook(sim, f"{listener.url}/sms")
    await sim.receive(ADA, OURS, "status?")
    assert faults(sim)[2:] == [(1, "5xx")]


async def test_retries_carry_the_same_token_and_another_text_another(
    sim: Simulator, listener: Listener
) -> None:
    listener.answer("/sms", status=503)
    hook(sim, f"{listener.url}/sms#rc=2&rp=5xx")
    await sim.receive(ADA, OURS, "one")
    await sim.receive(ADA, OURS, "two")
    tokens = [heard.token for heard in listener.heard]
    assert len(tokens) == 6
    assert len(set(tokens[:3])) == len(set(tokens[3:])) == 1
    assert tokens[0] != tokens[3]
    assert all(heard.signed() for heard in listener.heard)


@pytest.mark.parametrize(
    ("fragment", "status", "attempts"),
    [("rc=3&rp=4xx", 404, 4), ("rc=3&rp=5xx", 404, 1), ("rc=0&rp=all", 500, 1), ("rp=all", 500, 2)],
)
async def test_the_fragment_says_how_often_and_after_what_to_try_again(
    sim: Simulator, listener: Listener, fragment: str, status: int, attempts: int
) -> None:
    listener.answer("/sms", status=status)
    hook(sim, f"{listener.url}/sms#{fragment}")
    await sim.receive(ADA, OURS, "status?")
    assert len(listener.heard) == attempts


async def test_a_slow_webhook_is_given_up_tried_again_and_then_the_fallback_is_asked(
    sim: Simulator, listener: Listener
) -> None:
    listener.stall("/sms")
    listener.answer("/else", "<Response><Message>Later.</Message></Response>")
    hook(sim, f"{listener.url}/sms#rt=100&rc=1&rp=rt", sms_fallback_url=f"{listener.url}/else")
    begun = time.monotonic()
    await sim.receive(ADA, OURS, "status?")
    assert time.monotonic() - begun < 10
    assert faults(sim) == [(1, "rt"), (2, "rt"), (1, None)]
    last = listener.heard[-1]
    assert last.form["ErrorCode"] == "11200"
    assert last.form["ErrorUrl"] == f"{listener.url}/sms"
    assert last.signed()
    assert last.form.keys() - listener.heard[0].form.keys() == {"ErrorCode", "ErrorUrl"}
    await until(lambda: [text.body for text in sim.arrived] == ["Later."], "it arrives")


async def test_the_total_time_bounds_all_attempts(sim: Simulator, listener: Listener) -> None:
    listener.stall("/sms")
    hook(sim, f"{listener.url}/sms#tt=150&rc=5&rp=all")
    begun = time.monotonic()
    await sim.receive(ADA, OURS, "status?")
    assert faults(sim) == [(1, "rt")]
    assert time.monotonic() - begun < 10


async def test_a_failure_goes_to_the_fallback_and_a_success_does_not(
    sim: Simulator, listener: Listener
) -> None:
    fallback = {"sms_fallback_url": f"{listener.url}/else", "sms_fallback_method": "GET"}
    hook(sim, f"{listener.url}/sms", **fallback)
    await sim.receive(ADA, OURS, "one")
    assert listener.at("/else") == []
    listener.answer("/sms", status=403)
    await sim.receive(ADA, OURS, "two")
    assert [(heard.method, heard.form["Body"]) for heard in listener.at("/else")] == [
        ("GET", "two")
    ]
    assert sim.webhooks[-1].fallback


async def test_a_password_is_sent_only_after_it_was_asked_for(
    sim: Simulator, listener: Listener
) -> None:
    async def guard(request: web.Request) -> web.StreamResponse:
        if request.headers.get("Authorization") == "Basic " + base64.b64encode(b"me:p w").decode():
            return web.Response(content_type="text/xml")
        return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="box"'})

    listener.answers["/sms"] = guard
    hook(sim, f"{listener.url}/sms".replace("://", "://me:p%20w@"))
    await sim.receive(ADA, OURS, "status?")
    first, second = listener.heard
    assert ("Authorization" in first.headers, "Authorization" in second.headers) == (False, True)
    assert first.token == second.token
    assert first.signed()
    assert second.signed()
    assert faults(sim) == [(1, "4xx"), (1, None)]


async def test_a_401_without_challenge_or_without_password_is_a_failure(
    sim: Simulator, listener: Listener
) -> None:
    listener.answer("/sms", status=401)
    hook(sim, f"{listener.url}/sms".replace("://", "://me:secret@"))
    await sim.receive(ADA, OURS, "status?")
    assert [(heard.method, "Authorization" in heard.headers) for heard in listener.heard] == [
        ("POST", False)
    ]


@pytest.mark.parametrize(
    ("status", "method", "body"), [(302, "GET", None), (303, "GET", None), (307, "POST", "status?")]
)
async def test_a_redirection_is_followed_and_signed_anew(
    sim: Simulator, listener: Listener, status: int, method: str, body: str | None
) -> None:
    async def move(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, headers={"Location": "/there?b=2"})

    listener.answers["/sms"] = move
    hook(sim, f"{listener.url}/sms")
    await sim.receive(ADA, OURS, "status?")
    _, second = listener.heard
    assert second.url == f"{listener.url}/there?b=2"
    assert (second.method, second.posted.get("Body")) == (method, body)
    assert second.signed()
    listener.answers["/there"] = move
    await sim.receive(ADA, OURS, "round and round")
    assert len(listener.heard) < 10


@pytest.mark.parametrize("charset", ["hex", "nonsense", "unicode_escape", "idna"])
async def test_an_answer_is_read_whatever_character_set_it_claims(
    sim: Simulator, listener: Listener, charset: str
) -> None:
    async def claim(_request: web.Request) -> web.StreamResponse:
        kind = {"Content-Type": f"text/xml; charset={charset}"}
        return web.Response(body=b"<Response><Message>Yes</Message></Response>", headers=kind)

    listener.answers["/in"] = claim
    hook(sim, f"{listener.url}/in")
    await sim.receive(ADA, OURS, "status?")
    assert all(exchange.over and exchange.ok for exchange in sim.webhooks)
    assert [message.body for message in sim.messages] == ["status?", "Yes"]
    assert (await sim.ring(ADA, OURS)).ended == "completed"


async def test_of_an_answer_that_is_too_long_only_so_much_is_read(
    sim: Simulator, listener: Listener
) -> None:
    listener.answer("/in", b"<Response>" + b" " * 5_000_000 + b"</Response>")
    hook(sim, f"{listener.url}/in")
    await sim.receive(ADA, OURS, "status?")
    (exchange,) = sim.webhooks
    assert (exchange.error_code, len(exchange.body)) == (11750, 64 * 1024 + 1)


async def test_behind_a_tunnel_the_outside_is_signed_and_the_inside_is_called(
    sim: Simulator, listener: Listener
) -> None:
    sim.tunnels["https://box.example.org:8443"] = listener.url
    hook(sim, "https://box.example.org:8443/in?a=1")
    await sim.receive(ADA, OURS, "status?")
    await sim.ring(ADA, OURS)
    text, call = listener.heard
    assert text.headers["Host"] == call.headers["Host"] == "box.example.org:8443"
    assert text.headers["X-Forwarded-Proto"] == "https"
    signatures = {heard.headers["X-Twilio-Signature"] for heard in (text, call)}
    validator = RequestValidator(TOKEN)
    with_port, without = (f"https://box.example.org{port}/in?a=1" for port in (":8443", ""))
    computed = validator.compute_signature
    assert signatures == {computed(with_port, text.posted), computed(without, call.posted)}


async def test_over_https_the_port_is_signed_for_texts_and_not_for_calls(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    settings = Settings(auth_token=TOKEN, webhook_authority=str(authority.ca))
    async with await start(settings=settings) as sim, Listener(authority.sign("box")) as listener:
        hook(sim, f"{listener.url}/in?a=1")
        await sim.receive(ADA, OURS, "status?")
        await sim.ring(ADA, OURS)
    text, call = listener.heard
    portless = f"https://127.0.0.1{call.url[call.url.index('/in') :]}"
    computed = RequestValidator(TOKEN).compute_signature
    assert text.headers["X-Twilio-Signature"] == computed(text.url, text.posted)
    assert call.headers["X-Twilio-Signature"] == computed(portless, call.posted)
    assert call.signed()


async def test_a_certificate_that_nobody_knows_is_nobody_there(tmp_path: Path) -> None:
    certificate = Authority(tmp_path / "ca").sign("box")
    async with await start() as sim, Listener(certificate) as listener:
        hook(sim, f"{listener.url}/in#rc=0")
        await sim.receive(ADA, OURS, "status?")
    assert faults(sim) == [(1, "ct")]
    assert listener.heard == []


async def test_webhooks_are_signed_with_the_token_that_the_account_came_with(
    listener: Listener,
) -> None:
    async with await start() as sim, ClientSession(sim.url, headers=BASIC) as http:
        assert (await http.get(f"{BASE}.json")).status == 200
        hook(sim, f"{listener.url}/sms")
        message = await sim.receive(ADA, OURS, "status?")
    assert listener.heard[0].signed()
    assert message.account_sid == listener.heard[0].form["AccountSid"] == ACCOUNT


async def test_webhooks_are_signed_with_the_token_of_whoever_logged_in_last(
    listener: Listener,
) -> None:
    wrong = base64.b64encode(f"{ACCOUNT}:mistyped".encode()).decode()
    async with await start() as sim, ClientSession(sim.url, headers=BASIC) as http:
        hook(sim, f"{listener.url}/sms")
        for headers in (BASIC, {"Authorization": f"Basic {wrong}"}, BASIC):
            assert (await http.get(f"{BASE}.json", headers=headers)).status == 200
            await sim.receive(ADA, OURS, "status?")
    assert [heard.signed() for heard in listener.heard] == [True, False, True]


async def test_another_account_than_the_one_that_is_pinned_signs_nothing(
    listener: Listener,
) -> None:
    other = "AC" + "d" * 32
    theirs = login(other, "other")
    settings = Settings(account_sid=ACCOUNT)
    async with await start(settings=settings) as sim, ClientSession(sim.url) as http:
        hook(sim, f"{listener.url}/sms")
        for account, headers in ((ACCOUNT, BASIC), (other, theirs)):
            path = f"/2010-04-01/Accounts/{account}.json"
            assert (await http.get(path, headers=headers)).status == 200
        await sim.receive(ADA, OURS, "status?")
    assert listener.heard[0].signed()


async def test_a_call_that_no_webhook_takes_says_why(
    sim: Simulator, http: ClientSession, listener: Listener
) -> None:
    failed = await control(http, "calls", **{"from": ADA, "to": OURS})
    assert failed["call"]["status"] == "failed"
    assert "`callbox webhooks set`" in failed["why"]
    assert "no VoiceUrl" in sim.calls[0].transcript[-1].text
    hook(sim, f"{listener.url}/voice")
    assert "why" not in await control(http, "calls", **{"from": ADA, "to": OURS})


# -- numbers


async def test_a_numbers_webhooks_are_changed_and_called(
    sim: Simulator, listener: Listener, http: ClientSession
) -> None:
    place = f"IncomingPhoneNumbers/{sim.number(OURS).sid}"
    before = await (await http.get(f"{BASE}/{place}.json")).json()
    changed = await post(
        http, place, SmsUrl=f"{listener.url}/sms", SmsMethod="GET", FriendlyName="Box"
    )
    differing = {name for name in before if before[name] != changed[name]}
    assert differing == {"sms_url", "sms_method", "friendly_name"}
    assert (changed["sms_url"], changed["friendly_name"]) == (f"{listener.url}/sms", "Box")
    assert await (await http.get(f"{BASE}/{place}.json")).json() == changed
    await sim.receive(ADA, OURS, "status?")
    assert [heard.method for heard in listener.heard] == ["GET"]


@pytest.mark.parametrize(
    ("parameter", "value", "code", "message"),
    [
        ("SmsUrl", "box.local/sms", 21402, "SmsUrl is not valid"),
        ("VoiceFallbackUrl", "ftp://box", 21402, "VoiceFallbackUrl is not valid"),
        ("StatusCallback", "nowhere", 21502, "StatusCallback is not a valid URL"),
        ("VoiceMethod", "PUT", 21403, "VoiceMethod is not valid: it must be GET or POST"),
        ("TrunkSid", "AP" + "a" * 32, 20001, "Invalid parameter: TrunkSid"),
    ],
)
async def test_a_bad_change_is_refused_and_changes_nothing(
    sim: Simulator, http: ClientSession, parameter: str, value: str, code: int, message: str
) -> None:
    place = f"{BASE}/IncomingPhoneNumbers/{sim.number(OURS).sid}.json"
    before = await (await http.get(place)).json()
    answer = await http.post(place, data={"FriendlyName": "Box", parameter: value})
    document = await answer.json()
    assert (answer.status, document["code"], document["message"]) == (400, code, message)
    assert await (await http.get(place)).json() == before


@pytest.mark.parametrize(
    ("parameter", "sid", "called"),
    [
        ("SmsApplicationSid", "AP" + "a" * 32, ["CallSid"]),
        ("VoiceApplicationSid", "AP" + "a" * 32, ["MessageSid"]),
        ("TrunkSid", "TK" + "a" * 32, ["MessageSid"]),
    ],
)
async def test_an_application_or_a_trunk_takes_the_webhooks_place(
    sim: Simulator,
    listener: Listener,
    http: ClientSession,
    parameter: str,
    sid: str,
    called: list[str],
) -> None:
    hook(sim, f"{listener.url}/in")
    place = f"IncomingPhoneNumbers/{sim.number(OURS).sid}"
    await post(http, place, **{parameter: sid})
    await sim.receive(ADA, OURS, "status?")
    await sim.ring(ADA, OURS)
    kinds = ["CallSid" if "CallSid" in heard.form else "MessageSid" for heard in listener.heard]
    assert kinds == called
    assert (await post(http, place, **{parameter: ""}))["sms_application_sid"] is None


# -- texts that come in

TEXT_FIELDS = {
    "MessageSid", "SmsSid", "SmsMessageSid", "AccountSid", "ApiVersion", "From", "To", "Body",
    "SmsStatus", "NumMedia", "NumSegments", "ReferralNumMedia",
    "FromCity", "FromState", "FromZip", "FromCountry", "ToCity", "ToState", "ToZip", "ToCountry",
}  # fmt: skip
GEO = {name for name in TEXT_FIELDS if name.endswith(("City", "State", "Zip", "Country"))}


async def test_a_text_has_the_parameters_that_twilio_documents(
    sim: Simulator, listener: Listener
) -> None:
    hook(sim, f"{listener.url}/sms")
    message = await sim.receive(ADA, OURS, "x" * 161)
    form = listener.heard[0].form
    assert form.keys() == TEXT_FIELDS
    assert form["MessageSid"] == form["SmsSid"] == form["SmsMessageSid"] == message.sid
    assert (form["From"], form["To"], form["SmsStatus"]) == (ADA, OURS, "received")
    assert (form["NumMedia"], form["NumSegments"], form["ReferralNumMedia"]) == ("0", "2", "0")
    assert (form["AccountSid"], form["ApiVersion"]) == (ACCOUNT, "2010-04-01")
    assert (form["FromCity"], form["ToCity"], form["ToCountry"]) == ("SEATTLE", "", "US")
    await sim.receive("+447911123456", OURS, "hello")
    assert {listener.heard[1].form[name] for name in GEO if name.startswith("From")} == {""}
    assert listener.heard[1].signed()


async def test_whatsapp_says_who_it_is_and_not_where(sim: Simulator, listener: Listener) -> None:
    hook(sim, f"{listener.url}/sms")
    await sim.receive(ADA, OURS, "hi", whatsapp=True, profile_name="Ada")
    form = listener.heard[0].form
    assert form.keys() == (TEXT_FIELDS - GEO) | {"ProfileName", "WaId", "MessageType"}
    assert (form["From"], form["To"]) == (f"whatsapp:{ADA}", f"whatsapp:{OURS}")
    assert (form["ProfileName"], form["WaId"], form["MessageType"]) == ("Ada", ADA[1:], "text")


async def test_services_and_advanced_opt_out_add_their_fields_when_asked_for(
    sim: Simulator, listener: Listener
) -> None:
    hook(sim, f"{listener.url}/sms")
    await sim.receive(ADA, OURS, "STOP", opt_out_type="STOP", messaging_service_sid=SERVICE)
    form = listener.heard[0].form
    assert form.keys() - TEXT_FIELDS == {"OptOutType", "MessagingServiceSid"}
    assert (form["OptOutType"], form["MessagingServiceSid"]) == ("STOP", SERVICE)


async def test_media_are_listed_fetched_and_deleted(
    sim: Simulator, listener: Listener, http: ClientSession
) -> None:
    hook(sim, f"{listener.url}/sms")
    picture = {"content": base64.b64encode(b"png").decode(), "content_type": "image/png"}
    elsewhere = {"url": f"{listener.url}/a.jpg", "content_type": "image/jpeg"}
    message = await sim.receive(ADA, OURS, "x" * 500, media=(picture, elsewhere))
    form = listener.heard[0].form
    assert (message.sid[:2], form["NumMedia"], form["NumSegments"]) == ("MM", "2", "1")
    assert (form["MediaContentType0"], form["MediaContentType1"]) == ("image/png", "image/jpeg")
    listener.answer("/a.jpg", "jpg", content_type="image/jpeg")
    async with ClientSession() as anybody:
        for number, content in enumerate((b"png", b"jpg")):
            answer = await anybody.get(form[f"MediaUrl{number}"])
            assert await answer.read() == content
            assert answer.content_type == form[f"MediaContentType{number}"]
    media = form["MediaUrl0"].removeprefix(sim.url)
    assert media.startswith(f"{BASE}/Messages/{message.sid}/Media/ME")
    assert (await http.delete(f"{media}.json")).status == 204
    assert (await http.get(media)).status == 404
    left = await (await http.get(f"{BASE}/Messages/{message.sid}.json")).json()
    assert left["num_media"] == "1"


async def test_a_picture_that_is_empty_is_fetched_as_such(
    sim: Simulator, http: ClientSession
) -> None:
    message = await sim.receive(ADA, OURS, media=({"content": "", "content_type": "image/png"},))
    answer = await http.get(f"{message.path}/Media/{message.attachments[0].sid}")
    assert (answer.status, answer.content_type, await answer.read()) == (200, "image/png", b"")


async def test_media_may_be_for_those_with_credentials_only() -> None:
    async with await start(settings=Settings(media_auth=True)) as sim, ClientSession() as anybody:
        message = await sim.receive(ADA, OURS, media=({"content": "aGk=", "content_type": "a/b"},))
        url = f"{sim.url}{message.path}/Media/{message.attachments[0].sid}"
        assert (await anybody.get(url)).status == 401


async def listed(http: ClientSession, **filters: str) -> list[dict[str, Any]]:
    answer = await http.get(f"{BASE}/Messages.json", params=filters)
    messages: list[dict[str, Any]] = (await answer.json())["messages"]
    return messages


async def test_a_text_that_came_is_listed_by_who_got_it_and_is_not_in_the_log(
    sim: Simulator, http: ClientSession
) -> None:
    await sim.receive(ADA, OURS, "status?")
    (message,) = await listed(http, To=OURS)
    assert (message["direction"], message["status"]) == ("inbound", "received")
    assert (message["from"], message["body"]) == (ADA, "status?")
    assert message["date_sent"] == message["date_created"] is not None
    assert await listed(http, From=OURS) == []
    assert list(sim.log) == list(sim.arrived) == []


async def test_old_texts_stand_where_their_date_puts_them(
    sim: Simulator, http: ClientSession
) -> None:
    await sim.receive(ADA, OURS, "new")
    await sim.receive(ADA, OURS, "old", date="2020-02-03T04:05:06Z")
    await sim.receive(ADA, OURS, "older", date=1_500_000_000, webhook=False)
    found = await listed(http, To=OURS)
    assert [message["body"] for message in found] == ["new", "old", "older"]
    assert found[1]["date_sent"] == "Mon, 03 Feb 2020 04:05:06 +0000"
    since = await listed(http, **{"To": OURS, "DateSent>": "2020-01-01"})
    assert [message["body"] for message in since] == ["new", "old"]
    page = await (await http.get(f"{BASE}/Messages.json?PageSize=1")).json()
    assert (await (await http.get(page["next_page_uri"])).json())["messages"][0]["body"] == "old"


@pytest.mark.parametrize("everywhere", [False, True])
async def test_a_webhook_may_be_called_before_its_text_is_listed(
    listener: Listener, everywhere: bool
) -> None:
    lag = None if everywhere else 0.3
    settings = Settings(list_lag=0.3 if everywhere else 0.0)
    async with await start(settings=settings) as sim, ClientSession(sim.url, headers=BASIC) as http:
        sim.holder.meet(ACCOUNT, TOKEN)
        hook(sim, f"{listener.url}/sms")
        message = await sim.receive(ADA, OURS, "status?", lag=lag)
        assert len(listener.heard) == 1
        assert await listed(http, To=OURS) == []
        assert (await http.get(f"{message.path}.json")).status == 200
        deadline = time.monotonic() + 10
        while not await listed(http, To=OURS):
            assert time.monotonic() < deadline


async def test_a_text_that_has_just_come_may_refuse_to_be_deleted(
    sim: Simulator, http: ClientSession
) -> None:
    message = await sim.receive(ADA, OURS, "status?")
    sim.faults.set([{"on": "delete-message", "status": 409, "times": 1}])
    answer = await http.delete(f"{message.path}.json")
    assert (answer.status, (await answer.json())["code"]) == (409, 20009)
    assert (await http.delete(f"{message.path}.json")).status == 204
    assert await listed(http, To=OURS) == []


@pytest.mark.parametrize(
    ("body", "content_type", "replies"),
    [
        ("<Response/>", "text/xml", []),
        ("", "text/xml", []),
        ("<Response><Message>One</Message><Message>Two</Message></Response>", "text/xml",
         [("One", ()), ("Two", ())]),
        (WITH_PICTURE, "application/xml", [("Look", ("http://a.org/a.jpg",))]),
        ("All is well.", "text/plain", [("All is well.", ())]),
        ('{"a": 1}', "application/json", []),
    ],
)  # fmt: skip
async def test_the_answer_is_obeyed(
    sim: Simulator, listener: Listener, http: ClientSession,
    body: str, content_type: str, replies: list[tuple[str, tuple[str, ...]]],
) -> None:  # fmt: skip
    listener.answer("/sms", body, content_type=content_type)
    hook(sim, f"{listener.url}/sms")
    await sim.receive(ADA, OURS, "status?")
    await until(
        lambda: [(text.body, text.media) for text in sim.phone(ADA).received] == replies,
        "the replies arrive",
    )
    found = await listed(http, To=ADA)
    assert {(text["direction"], text["from"]) for text in found} <= {("outbound-reply", OURS)}
    assert len(found) == len(replies)


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        ('<Message to="nonsense">Hello</Message>', 14101),
        ('<Message to="+447911123456">Hello</Message>', 21408),
        ('<Message from="+12025550199">Hello</Message>', 14102),
        ("<Message/>", 14103),
        ("<Message><Body/></Message>", 14103),
        (f"<Message>{'x' * 1601}</Message>", 14103),
        ('<Message statusCallback="http://[">Hello</Message>', 14105),
        ("<Message><Media>http://[</Media></Message>", 21620),
        ("<Say>Hello</Say>", 12200),
        ('<Redirect method="PUT">/sms</Redirect>', 14104),
        ("<Redirect>http://[</Redirect>", 11100),
    ],
)
async def test_a_reply_that_twilio_would_refuse_is_not_sent(
    listener: Listener, reply: str, code: int
) -> None:
    settings = Settings(numbers=(OURS,), regions=("+1",), auth_token=TOKEN)
    async with await start(settings=settings) as sim:
        listener.answer("/sms", f"<Response>{reply}</Response>")
        hook(sim, f"{listener.url}/sms")
        await sim.receive(ADA, OURS, "status?")
        assert sim.webhooks[0].error_code == code
        assert list(sim.log) == []


async def test_a_reply_to_an_unverified_phone_of_a_trial_account_is_not_sent(
    listener: Listener,
) -> None:
    settings = Settings(trial=True, verified=(BOB,), auth_token=TOKEN)
    async with await start(settings=settings) as sim:
        listener.answer("/sms", "Hello", content_type="text/plain")
        hook(sim, f"{listener.url}/sms")
        await sim.receive(ADA, OURS, "status?")
        assert (sim.webhooks[0].error_code, list(sim.log)) == (14101, [])


async def test_what_is_good_of_an_answer_is_done_to_the_tenth_reply(
    sim: Simulator, listener: Listener
) -> None:
    replies = "".join(f"<Message>{number}</Message>" for number in range(11))
    listener.answer("/sms", f"<Response>{replies}</Response>")
    hook(sim, f"{listener.url}/sms")
    await sim.receive(ADA, OURS, "status?")
    assert [reply.body for reply in sim.messages[1:]] == [str(number) for number in range(10)]
    assert sim.webhooks[0].error_code == 14109


async def test_of_several_flaws_the_debugger_shows_the_first(
    sim: Simulator, listener: Listener
) -> None:
    listener.answer("/sms", '<Response><Message to="mum">x</Message><Pigeon/></Response>')
    hook(sim, f"{listener.url}/sms")
    await sim.receive(ADA, OURS, "status?")
    assert sim.webhooks[0].error_code == 14101


async def test_the_urls_of_a_reply_may_be_relative(sim: Simulator, listener: Listener) -> None:
    listener.answer(
        "/a/sms",
        '<Response><Message statusCallback="../status">Look<Media>tank.png</Media></Message>'
        "</Response>",
    )
    hook(sim, f"{listener.url}/a/sms")
    await sim.receive(ADA, OURS, "status?")
    assert sim.messages[-1].media == (f"{listener.url}/a/tank.png",)
    await told(listener, 2)
    assert listener.statuses() == ["sent", "delivered"]


async def test_a_redirect_leads_to_another_script_and_nothing_behind_it_is_done(
    sim: Simulator, listener: Listener
) -> None:
    listener.answer(
        "/sms",
        '<Response><Message>One</Message><Redirect method="get">on?x=1</Redirect>'
        "<Message>Never</Message></Response>",
    )
    listener.answer("/on", "<Response><Message>Two</Message></Response>")
    hook(sim, f"{listener.url}/sms")
    await sim.receive(ADA, OURS, "status?")
    assert [reply.body for reply in sim.messages[1:]] == ["One", "Two"]
    (on,) = listener.at("/on")
    assert (on.method, on.form["Body"], on.form["x"]) == ("GET", "status?", "1")
    assert on.signed()


async def test_redirects_in_a_circle_come_to_an_end(sim: Simulator, listener: Listener) -> None:
    listener.answer("/sms", "<Response><Redirect/></Response>")
    hook(sim, f"{listener.url}/sms")
    await sim.receive(ADA, OURS, "status?")
    assert (len(listener.heard), sim.webhooks[-1].error_code) == (20, 14106)


@pytest.mark.parametrize(
    ("body", "content_type", "code"),
    [("<Response>", "text/xml", "12100"), ("{}", "application/json", "12300")],
)
async def test_an_answer_that_cannot_be_read_has_the_fallback_asked(
    sim: Simulator, listener: Listener, body: str, content_type: str, code: str
) -> None:
    listener.answer("/sms", body, content_type=content_type)
    listener.answer("/else", "<Response><Message>Later.</Message></Response>")
    hook(sim, f"{listener.url}/sms", sms_fallback_url=f"{listener.url}/else")
    await sim.receive(ADA, OURS, "status?")
    (asked,) = listener.at("/else")
    assert (asked.form["ErrorCode"], asked.form["ErrorUrl"]) == (code, f"{listener.url}/sms")
    assert [reply.body for reply in sim.messages[1:]] == ["Later."]


async def test_a_method_in_small_letters_is_a_method(listener: Listener) -> None:
    settings = Settings(pace=0.01, scripts=True, auth_token=TOKEN)
    async with (
        await start(settings=settings) as sim,
        ClientSession(sim.url, headers=BASIC) as session,
    ):
        form = {"Url": f"{listener.url}/in", "StatusCallback": f"{listener.url}/status"}
        methods = {"Method": "post", "StatusCallbackMethod": "post"}
        await post(session, "Calls", To=ADA, From=OURS, **form, **methods)
        await until(lambda: listener.at("/status"), "the end is told")
        assert [heard.posted["CallStatus"] for heard in listener.heard] == [
            "in-progress",
            "completed",
        ]


async def test_an_answer_of_the_wrong_type_is_in_the_debugger(
    sim: Simulator, listener: Listener
) -> None:
    listener.answer("/sms", "{}", content_type="application/json")
    hook(sim, f"{listener.url}/sms")
    await sim.receive(ADA, OURS, "status?")
    assert sim.webhooks[-1].error_code == 12300


async def test_stop_is_told_and_then_nothing_gets_through_until_start(
    sim: Simulator, listener: Listener, http: ClientSession
) -> None:
    listener.answer("/sms", "<Response><Message>Sorry!</Message></Response>")
    hook(sim, f"{listener.url}/sms")
    await sim.receive(ADA, OURS, " stop ")
    assert [heard.form["Body"] for heard in listener.heard] == [" stop "]
    for sender in ({"From": OURS}, {"MessagingServiceSid": SERVICE}):
        answer = await http.post(f"{BASE}/Messages.json", data={"To": ADA, "Body": "x", **sender})
        assert (answer.status, (await answer.json())["code"]) == (400, 21610)
    await post(http, "Messages", To=BOB, From=OURS, Body="x")
    await until(lambda: [text.body for text in sim.phone(BOB).received] == ["x"], "it arrives")
    await sim.receive(ADA, OURS, "START")
    await post(http, "Messages", To=ADA, From=OURS, Body="x")
    await until(lambda: len(sim.phone(ADA).received) == 4, "all have arrived")
    stopped, started, *others = [text.body for text in sim.phone(ADA).received]
    assert stopped.startswith("You have successfully been unsubscribed.")
    assert started.startswith("You have successfully been re-subscribed")
    assert others == ["Sorry!", "x"]


async def test_nobody_can_text_or_call_a_number_that_the_account_has_not(sim: Simulator) -> None:
    for attempt in (sim.receive(ADA, BOB, "status?"), sim.ring(ADA, BOB)):
        with pytest.raises(BadOrder, match='"to" must be a number of the account'):
            await attempt


@pytest.mark.parametrize(
    ("long", "longer"),
    [
        ({"body": "x" * 1600}, {"body": "x" * 1601}),
        ({"body": "\N{GRINNING FACE}" * 800}, {"body": "\N{GRINNING FACE}" * 801}),
        ({"media": [{"url": "a"}] * 10}, {"media": [{"url": "a"}] * 11}),
    ],
    ids=["letters", "emoji", "media"],
)
async def test_nobody_can_text_more_than_a_phone_would_bring_to_twilio(
    sim: Simulator, http: ClientSession, long: dict[str, Any], longer: dict[str, Any]
) -> None:
    for order, status in ((long, 201), (longer, 400)):
        answer = await http.post("/_simulator/texts", json={"from": ADA, **order})
        assert answer.status == status
    why = (await answer.json())["error"]
    assert re.fullmatch(r'"(body|media)" must (have|be) at most (1600|10)\b.*\.', why)
    assert len(sim.messages) == 1


async def test_a_text_may_be_told_in_the_background(sim: Simulator, listener: Listener) -> None:
    listener.stall("/sms")
    hook(sim, f"{listener.url}/sms")
    message = await sim.receive(ADA, OURS, "status?", wait=False)
    assert isinstance(message, Message)
    await until(lambda: listener.heard, "the webhook was called")


# -- status callbacks

STATUS_FIELDS = {
    "MessageSid", "SmsSid", "MessageStatus", "SmsStatus", "AccountSid", "From", "To", "ApiVersion",
}  # fmt: skip


async def send(http: ClientSession, listener: Listener, **form: str) -> str:
    more = {"StatusCallback": f"{listener.url}/status?id=7", "To": ADA, "From": OURS, "Body": "x"}
    sid: str = (await post(http, "Messages", **{**more, **form}))["sid"]
    return sid


async def told(listener: Listener, count: int) -> None:
    await until(lambda: len(listener.at("/status")) >= count, f"{count} callbacks")


async def test_each_later_status_is_called_back_and_the_first_is_not(
    sim: Simulator, listener: Listener, http: ClientSession
) -> None:
    sid = await send(http, listener)
    await told(listener, 2)
    assert listener.statuses() == listener.statuses("SmsStatus") == ["sent", "delivered"]
    sent, delivered = listener.heard
    assert sent.posted.keys() == STATUS_FIELDS
    assert delivered.posted.keys() == STATUS_FIELDS | {"RawDlrDoneDate"}
    assert re.fullmatch(r"\d{10}", delivered.posted["RawDlrDoneDate"])
    assert sent.posted["MessageSid"] == sent.posted["SmsSid"] == sid
    assert sent.signed()
    assert delivered.signed()
    assert sent.url.endswith("/status?id=7")
    message = await (await http.get(f"{BASE}/Messages/{sid}.json")).json()
    assert (message["status"], message["price"]) == ("delivered", "-0.00750")
    assert len(sim.webhooks) == 2


async def test_through_a_service_queued_is_a_later_status(
    listener: Listener, http: ClientSession
) -> None:
    await send(http, listener, From="", MessagingServiceSid=SERVICE)
    await told(listener, 3)
    assert listener.statuses() == ["queued", "sent", "delivered"]
    assert {heard.posted["MessagingServiceSid"] for heard in listener.heard} == {SERVICE}


async def test_a_message_ends_as_was_chosen_for_its_recipient(
    sim: Simulator, listener: Listener, http: ClientSession
) -> None:
    await control(http, "outcomes", to=ADA, status="undelivered", error_code=30003)
    sim.outcome(BOB, "failed", error_code=30007)
    sid = await send(http, listener)
    await told(listener, 2)
    assert listener.statuses() == ["sent", "undelivered"]
    assert [heard.posted.get("ErrorCode") for heard in listener.heard] == [None, "30003"]
    message = await (await http.get(f"{BASE}/Messages/{sid}.json")).json()
    assert (message["status"], message["error_code"]) == ("undelivered", 30003)
    assert message["error_message"] == "Unreachable destination handset"
    await send(http, listener, To=BOB)
    await told(listener, 3)
    assert listener.statuses()[2:] == ["failed"]
    assert list(sim.arrived) == []


async def test_whatsapp_is_read_and_says_so(
    sim: Simulator, listener: Listener, http: ClientSession
) -> None:
    sim.outcome(ADA, "read")
    await send(http, listener, To=f"whatsapp:{ADA}", From=f"whatsapp:{OURS}")
    await told(listener, 3)
    last = listener.heard[-1].posted
    assert (last["MessageStatus"], last["EventType"]) == ("read", "READ")
    assert last["ChannelPrefix"] == "whatsapp"


async def test_a_canceled_message_is_called_back_once(
    unhurried: ClientSession, listener: Listener
) -> None:
    sid = await send(unhurried, listener)
    await post(unhurried, f"Messages/{sid}", Status="canceled")
    await send(unhurried, listener, To=BOB)
    await told(listener, 2)
    assert listener.statuses() == ["canceled", "sent"]


@pytest.mark.parametrize(
    ("manner", "statuses"),
    [
        (Manner(copies=2), ["sent", "sent", "delivered", "delivered"]),
        (Manner(reverse=True), ["delivered", "sent"]),
        (Manner(delay=0.2), ["sent", "delivered"]),
    ],
)
async def test_callbacks_come_late_twice_or_out_of_order(
    sim: Simulator, listener: Listener, http: ClientSession, manner: Manner, statuses: list[str]
) -> None:
    sim.callbacks.manner = manner
    begun = time.monotonic()
    await send(http, listener)
    await told(listener, len(statuses))
    assert listener.statuses() == statuses
    assert time.monotonic() - begun >= manner.delay
    assert len({heard.token for heard in listener.heard}) == len(statuses)


async def test_callbacks_may_not_come_at_all(listener: Listener, http: ClientSession) -> None:
    shown = await control(http, "callbacks", drop=True)
    assert shown == {"delay": 0.0, "copies": 1, "reverse": False, "drop": True}
    await send(http, listener)
    over = time.monotonic() + 4 * PACE
    await until(lambda: time.monotonic() > over, "the message was delivered")
    await control(http, "callbacks")
    await send(http, listener, To=BOB)
    await told(listener, 2)
    assert [heard.posted["To"] for heard in listener.heard] == [BOB, BOB]


# -- calls

CALL_FIELDS = {
    "CallSid", "AccountSid", "ApiVersion", "From", "To", "Caller", "Called", "CallStatus",
    "Direction",
    *(f"{who}{what}" for who in ("From", "To", "Caller", "Called")
      for what in ("City", "State", "Zip", "Country")),
}  # fmt: skip
PROGRESS_FIELDS = {*CALL_FIELDS, "Timestamp", "CallbackSource", "SequenceNumber"}
END_FIELDS = {*PROGRESS_FIELDS, "CallDuration", "Duration", "SipResponseCode"}
EVENTS = ["initiated", "ringing", "answered", "completed"]


async def dial(http: ClientSession, listener: Listener, *events: str, **form: str) -> str:
    asked = {"To": ADA, "From": OURS, "Twiml": "<Response/>", **form}
    asked["StatusCallback"] = f"{listener.url}/status"
    fields = [*asked.items(), *(("StatusCallbackEvent", event) for event in events)]
    answer = await http.post(f"{BASE}/Calls.json", data=fields)
    sid: str = (await answer.json())["sid"]
    return sid


async def test_a_call_is_called_back_for_its_end_only_unless_asked(
    listener: Listener, http: ClientSession
) -> None:
    await dial(http, listener)
    await told(listener, 1)
    form = listener.heard[0].posted
    assert form.keys() == END_FIELDS
    assert (form["CallStatus"], form["SequenceNumber"]) == ("completed", "0")
    assert (form["Direction"], form["CallbackSource"]) == ("outbound-api", "call-progress-events")
    assert listener.heard[0].signed()


@pytest.mark.parametrize("event", ["initiated completed", "initiated,completed", "sneezed"])
async def test_an_event_that_is_none_has_a_call_created_and_never_called_back(
    sim: Simulator, listener: Listener, http: ClientSession, event: str
) -> None:
    await dial(http, listener, event, "completed")
    assert sim.calls[0].transcript[0].text == (
        f"21626: StatusCallbackEvent cannot be {event!r}, so none is called back."
    )
    await dial(http, listener)
    await told(listener, 1)
    assert listener.heard[0].posted["CallSid"] == sim.calls[1].sid


async def test_the_chosen_events_of_a_call_are_numbered(
    sim: Simulator, listener: Listener, http: ClientSession
) -> None:
    sim.outcome(ADA, "completed", duration=61, answered_by="machine_start")
    await dial(http, listener, *EVENTS, MachineDetection="Enable")
    await told(listener, 4)
    assert listener.statuses("CallStatus") == ["initiated", "ringing", "in-progress", "completed"]
    assert listener.statuses("SequenceNumber") == ["0", "1", "2", "3"]
    forms = [heard.posted for heard in listener.heard]
    assert [form.keys() == PROGRESS_FIELDS for form in forms] == [True, True, True, False]
    assert forms[3].keys() == END_FIELDS | {"AnsweredBy"}
    last = forms[3]
    assert (last["CallDuration"], last["Duration"]) == ("61", "2")
    assert last["AnsweredBy"] == "machine_start"


@pytest.mark.parametrize(
    ("status", "code"), [("busy", "486"), ("no-answer", "487"), ("failed", "500")]
)
async def test_a_call_that_nobody_answers_completes_all_the_same(
    sim: Simulator, listener: Listener, http: ClientSession, status: str, code: str
) -> None:
    sim.outcome(ADA, status)
    sid = await dial(http, listener)
    await told(listener, 1)
    form = listener.heard[0].posted
    assert (form["CallStatus"], form["SipResponseCode"]) == (status, code)
    assert (form["CallDuration"], form["Duration"]) == ("0", "0")
    call = await (await http.get(f"{BASE}/Calls/{sid}.json")).json()
    assert (call["status"], call["duration"], call["price"]) == (status, "0", None)


async def test_a_call_that_is_canceled_is_told_at_once(
    unhurried: ClientSession, listener: Listener
) -> None:
    sid = await dial(unhurried, listener, *EVENTS)
    await told(listener, 1)
    await post(unhurried, f"Calls/{sid}", Status="canceled")
    await told(listener, 2)
    assert listener.statuses("CallStatus") == ["initiated", "canceled"]
    assert listener.statuses("SequenceNumber") == ["0", "1"]


async def test_a_caller_hears_what_the_webhook_says_and_the_end_is_told(
    sim: Simulator, listener: Listener, http: ClientSession
) -> None:
    script = '<Response><Say voice="alice">Hello</Say><Pause length="1"/><Hangup/></Response>'
    listener.answer("/in", script)
    hook(sim, f"{listener.url}/in", status_callback=f"{listener.url}/status")
    shown = await control(http, "calls", **{"from": ADA})
    begin, end = listener.heard
    assert begin.posted.keys() == CALL_FIELDS
    assert (begin.posted["CallStatus"], begin.posted["Direction"]) == ("ringing", "inbound")
    assert (begin.posted["Caller"], begin.posted["Called"]) == (ADA, OURS)
    assert begin.signed()
    assert end.signed()
    assert end.posted.keys() == END_FIELDS
    assert (end.posted["CallStatus"], end.posted["SequenceNumber"]) == ("completed", "0")
    heard = [(entry["kind"], entry["text"]) for entry in shown["transcript"]]
    assert heard == [("ring", ""), ("answer", ""), ("say", "Hello"), ("pause", "1 s"),
                     ("hangup", "")]  # fmt: skip
    assert (shown["call"]["status"], shown["call"]["direction"]) == ("completed", "inbound")
    listed = await (await http.get("/_simulator/calls")).json()
    assert [entry["call"]["sid"] for entry in listed["calls"]] == [shown["call"]["sid"]]
    assert list(sim.log) == []


@pytest.mark.parametrize(
    ("reject", "status"),
    [
        ('<Reject reason="busy"/>', "busy"),
        ('<Reject reason="rejected"/>', "no-answer"),
        ("<Reject/>", "no-answer"),
    ],
)
async def test_a_rejected_call_ends_as_its_reason_says(
    sim: Simulator, listener: Listener, reject: str, status: str
) -> None:
    listener.answer("/in", f"<Response>{reject}</Response>")
    hook(sim, f"{listener.url}/in", status_callback=f"{listener.url}/status")
    call = await sim.ring(ADA, OURS)
    assert (call.ended, call.duration()) == (status, 0)
    assert listener.statuses("CallStatus") == [status]


async def test_a_recording_is_told_to_the_action(sim: Simulator, listener: Listener) -> None:
    listener.answer("/in", '<Response><Say>Speak</Say><Record action="/said?x=1"/></Response>')
    hook(sim, f"{listener.url}/in", status_callback=f"{listener.url}/status")
    call = await sim.ring(ADA, OURS, recording={"duration": 65})
    (said,) = listener.at("/said")
    more = {"RecordingUrl", "RecordingSid", "RecordingDuration", "Digits"}
    assert said.posted.keys() == CALL_FIELDS | more
    assert (said.posted["RecordingDuration"], said.posted["Digits"]) == ("65", "hangup")
    assert said.posted["RecordingUrl"].endswith(said.posted["RecordingSid"])
    assert said.posted["CallStatus"] == "completed"
    assert said.signed()
    end = listener.at("/status")[0].posted
    assert end.keys() == END_FIELDS | more - {"Digits"}
    assert (end["CallDuration"], end["Duration"]) == ("65", "2")
    assert call.duration() == 65


async def test_who_says_nothing_is_not_recorded_and_the_script_goes_on(
    sim: Simulator, listener: Listener
) -> None:
    listener.answer("/in", '<Response><Record action="/said"/><Say>Bye</Say></Response>')
    hook(sim, f"{listener.url}/in")
    call = await sim.ring(ADA, OURS)
    assert [heard.kind for heard in call.transcript] == ["ring", "answer", "beep", "say"]
    assert listener.at("/said") == []


async def test_redirects_digits_and_dials_lead_to_other_scripts(
    sim: Simulator, listener: Listener
) -> None:
    listener.answer("/in", "<Response><Redirect>/menu</Redirect></Response>")
    gather = '<Gather action="/pressed"><Say>Press 1</Say></Gather>'
    listener.answer("/menu", f"<Response>{gather}<Say>Never</Say></Response>")
    listener.answer("/pressed", '<Response><Dial action="/dialed">+12125550199</Dial></Response>')
    listener.answer("/dialed", "<Response><Say>Bye</Say></Response>")
    hook(sim, f"{listener.url}/in")
    call = await sim.ring(ADA, OURS, digits="1", dial_status="busy")
    assert [heard.path for heard in listener.heard] == ["/in", "/menu", "/pressed", "/dialed"]
    assert listener.at("/pressed")[0].posted["Digits"] == "1"
    assert listener.at("/dialed")[0].posted["DialCallStatus"] == "busy"
    assert all(heard.signed() for heard in listener.heard)
    kinds = [heard.kind for heard in call.transcript if heard.who != "person"]
    assert kinds == ["ring", "answer", "redirect", "gather", "say", "dial", "say"]
    assert call.ended == "completed"


async def test_a_caller_who_reaches_no_script_has_failed(
    sim: Simulator, listener: Listener
) -> None:
    assert (await sim.ring(ADA, OURS)).ended == "failed"
    listener.answer("/in", "<Respon")
    hook(sim, f"{listener.url}/in")
    assert (await sim.ring(ADA, OURS)).ended == "failed"
    assert sim.webhooks[-1].error_code == 12100


async def test_who_is_called_hears_the_script_and_may_press_a_key(listener: Listener) -> None:
    gather = '<Gather action="/pressed"><Say>Fire. Press 1.</Say></Gather>'
    listener.answer("/say", f"<Response>{gather}</Response>")
    listener.answer("/pressed", "<Response><Say>Thank you.</Say></Response>")
    settings = Settings(pace=0.1, auth_token=TOKEN, scripts=True)
    async with await start(settings=settings) as sim, ClientSession(sim.url, headers=BASIC) as http:
        sim.outcome(ADA, digits="1", answered_by="human")
        sim.outcome(BOB, "busy")
        script = {"Url": f"{listener.url}/say?id=3", "MachineDetection": "Enable"}
        for to in (ADA, BOB):
            await dial(http, listener, To=to, **script)
        await until(lambda: listener.at("/pressed"), "a key was pressed")
        await told(listener, 2)
        (call,) = (call for call in sim.calls if call.to == ADA)
        kinds = [heard.kind for heard in call.transcript]
        assert kinds == ["ring", "answer", "gather", "say", "press", "say"]
    (asked,), (pressed,) = listener.at("/say"), listener.at("/pressed")
    assert asked.posted.keys() == CALL_FIELDS | {"AnsweredBy"}
    assert (asked.posted["CallStatus"], asked.posted["To"]) == ("in-progress", ADA)
    assert (pressed.posted["Digits"], pressed.posted["Direction"]) == ("1", "outbound-api")
    assert asked.signed()
    assert sorted(listener.statuses("CallStatus")) == ["busy", "completed"]


# -- the control API


@pytest.mark.parametrize(
    ("what", "document", "sentence"),
    [
        ("texts", [], "The document must be an object."),
        ("texts", {"from": ADA, "to": BOB}, '"to" must be a number of the account'),
        ("texts", {"from": ADA, "wait": 1}, '"wait" must be true or false.'),
        ("calls", {"to": OURS}, '"from" is missing.'),
        ("outcomes", {"status": "busy"}, 'The document must say "to": a phone number.'),
        ("outcomes", {"to": ADA, "status": "lost"}, '"status" must be one of busy, canceled,'),
        ("callbacks", {"late": 1}, '"late" is unknown; known are delay, copies, reverse, drop.'),
    ],
)
async def test_a_bad_order_gets_400_and_a_sentence(
    http: ClientSession, what: str, document: object, sentence: str
) -> None:
    answer = await http.post(f"/_simulator/{what}", json=document)
    assert answer.status == 400
    assert (await answer.json())["error"].startswith(sentence)


@pytest.mark.parametrize(
    ("what", "body", "sentence"),
    [
        ("texts", "{", "The document is not JSON: "),
        ("texts", '{"from":"+12065550100","date":1e999}', "The document is not JSON: Out of range"),
        ("texts", '{"from":"+12065550100","date":1e300}', '"date" must be a number from -2^53'),
        ("texts", '{"from":"+12065550100","date":1e12}', '"date" must be in the years 1970 to'),
        ("texts", '{"from":"+12065550100","body":"\\ud800"}', "The document holds half of a"),
        ("callbacks", '{"delay":NaN}', "The document is not JSON: Out of range"),
        ("callbacks", "[" * 100_000, "The document is nested too deep."),
        ("calls", '{"from":' + "9" * 5000 + "}", "The document is not JSON: Exceeds the limit"),
        ("phones", '{"number":"+12065550100","name":"\\udcff"}', "The document holds half of a"),
        ("outcomes", '{"to":"*","duration":1' + "0" * 400 + "}", '"duration" must be a number'),
    ],
)
async def test_what_no_answer_could_show_gets_400_and_nothing_is_kept(
    http: ClientSession, what: str, body: str, sentence: str
) -> None:
    answer = await http.post(f"/_simulator/{what}", data=body)
    assert answer.status == 400
    assert (await answer.json())["error"].startswith(sentence)
    assert (await (await http.get(f"{BASE}/Messages.json")).json())["messages"] == []
    assert (await http.get("/_simulator/summary")).ok


async def test_a_text_is_injected_and_what_a_phone_got_is_shown(
    sim: Simulator, listener: Listener, http: ClientSession
) -> None:
    listener.answer("/sms", "All is well.", content_type="text/plain")
    hook(sim, f"{listener.url}/sms")
    shown = await control(http, "texts", body="status?", **{"from": ADA, "to": OURS})
    assert (shown["message"]["direction"], shown["webhook"]["status"]) == ("inbound", 200)
    await post(http, "Messages", To=BOB, From=OURS, Body="x")
    await until(lambda: len(sim.arrived) == 2, "both have arrived")
    got = await (await http.get("/_simulator/texts", params={"to": ADA})).json()
    as_typed = await http.get(URL(f"{sim.url}/_simulator/texts?to={ADA}", encoded=True))
    assert await as_typed.json() == got
    assert [(text["to"], text["from"], text["body"]) for text in got["texts"]] == [
        (ADA, OURS, "All is well.")
    ]
    assert len((await (await http.get("/_simulator/texts")).json())["texts"]) == 2


async def test_a_tunnel_is_dug_over_http(
    sim: Simulator, listener: Listener, http: ClientSession
) -> None:
    answer = await http.put("/_simulator/tunnels", json={"https://a.org": listener.url})
    assert answer.status == 200
    assert sim.tunnels == {"https://a.org": listener.url}
    assert (await http.put("/_simulator/tunnels", json={"a": 1})).status == 400
    assert sim.tunnels == {"https://a.org": listener.url}, "a wrong order changes nothing"
    await http.put("/_simulator/tunnels", json={"https://b.org": listener.url})
    assert sim.tunnels == {"https://b.org": listener.url}, "another order takes its place"
