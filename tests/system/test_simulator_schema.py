"""Every answer of the simulator has the shape that Twilio's own description gives it."""

import base64
import re
from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientResponse, ClientSession

from callbox.simulator import Settings, Simulator, start
from harness import description
from harness.description import Spec
from harness.sdk import ACCOUNT, Clock, session

BASE = f"/2010-04-01/Accounts/{ACCOUNT}"
TEMPLATE = "/2010-04-01/Accounts/{AccountSid}"
TEXT = {"To": "+15551234567", "From": "+15557654321", "Body": "The tank is full"}
CALL = {"To": "+15551234567", "From": "+15557654321", "Url": "https://example.org/say.xml"}
API = description.load()


@pytest.fixture
async def http(sim: Simulator) -> AsyncIterator[ClientSession]:
    async with session(sim) as client:
        yield client


async def matches(answer: ClientResponse, method: str, path: str) -> Spec:
    """Check an answer against the description of an operation, and return its document."""
    responses = API.spec["paths"][path][method]["responses"]
    assert str(answer.status) in responses, await answer.text()
    document: Spec = await answer.json()
    assert API.faults(document, path, method, answer.status) == []
    return document


async def test_messages_look_as_described_at_every_status(
    http: ClientSession, clock: Clock
) -> None:
    service = {"To": TEXT["To"], "MessagingServiceSid": "MG" + "c" * 32, "Body": "я" * 99}
    media = {**TEXT, "MediaUrl": "https://example.org/a.jpg"}
    sids = []
    for form in (TEXT, service, media):
        answer = await http.post(f"{BASE}/Messages.json", data=form)
        sids.append((await matches(answer, "post", f"{TEMPLATE}/Messages.json"))["sid"])
    for _ in range(4):
        for sid in sids:
            answer = await http.get(f"{BASE}/Messages/{sid}.json")
            await matches(answer, "get", f"{TEMPLATE}/Messages/{{Sid}}.json")
        answer = await http.get(f"{BASE}/Messages.json?PageSize=2")
        await matches(answer, "get", f"{TEMPLATE}/Messages.json")
        clock.now += 1


async def test_calls_look_as_described_at_every_status(http: ClientSession, clock: Clock) -> None:
    answer = await http.post(f"{BASE}/Calls.json", data=CALL)
    sid = (await matches(answer, "post", f"{TEMPLATE}/Calls.json"))["sid"]
    for _ in range(4):
        answer = await http.get(f"{BASE}/Calls/{sid}.json")
        await matches(answer, "get", f"{TEMPLATE}/Calls/{{Sid}}.json")
        clock.now += 1
    answer = await http.get(f"{BASE}/Calls.json")
    await matches(answer, "get", f"{TEMPLATE}/Calls.json")


@pytest.mark.parametrize(("resource", "form"), [("Messages", TEXT), ("Calls", CALL)])
async def test_updates_look_as_described(
    http: ClientSession, resource: str, form: dict[str, str]
) -> None:
    created = await (await http.post(f"{BASE}/{resource}.json", data=form)).json()
    path = f"{BASE}/{resource}/{created['sid']}.json"
    answer = await http.post(path, data={"Status": "canceled"})
    await matches(answer, "post", f"{TEMPLATE}/{resource}/{{Sid}}.json")
    answer = await http.delete(path)
    assert (answer.status, await answer.text()) == (204, "")


async def test_what_comes_in_and_its_media_look_as_described(
    sim: Simulator, http: ClientSession
) -> None:
    sim.holder.meet(ACCOUNT, "token")
    media = ({"url": "https://example.org/a.jpg", "content_type": "image/jpeg"},) * 3
    message = await sim.receive("+12065550100", "+15005550006", "look", media=media)
    answer = await http.get(f"{message.path}.json")
    await matches(answer, "get", f"{TEMPLATE}/Messages/{{Sid}}.json")
    template = f"{TEMPLATE}/Messages/{{MessageSid}}/Media"
    answer = await http.get(f"{message.path}/Media.json?PageSize=2")
    page = await matches(answer, "get", f"{template}.json")
    answer = await http.get(page["next_page_uri"])
    rest = await matches(answer, "get", f"{template}.json")
    kept = [*page["media_list"], *rest["media_list"]]
    assert [medium["sid"] for medium in kept] == [medium.sid for medium in message.attachments]
    assert await matches(await http.get(kept[0]["uri"]), "get", f"{template}/{{Sid}}.json")
    call = await sim.ring("+12065550100", "+15005550006")
    answer = await http.get(f"{BASE}/Calls/{call.sid}.json")
    await matches(answer, "get", f"{TEMPLATE}/Calls/{{Sid}}.json")


@pytest.mark.parametrize("status", ["undelivered", "failed", "read", "sent", "busy", "no-answer"])
async def test_other_endings_look_as_described(
    sim: Simulator, http: ClientSession, clock: Clock, status: str
) -> None:
    sim.outcome(TEXT["To"], status, error_code=30003)
    created = [
        (resource, (await (await http.post(f"{BASE}/{resource}.json", data=form)).json())["sid"])
        for resource, form in (("Messages", TEXT), ("Calls", CALL))
    ]
    seen = set()
    for _ in range(5):
        clock.now += 1
        for resource, sid in created:
            answer = await http.get(f"{BASE}/{resource}/{sid}.json")
            found = await matches(answer, "get", f"{TEMPLATE}/{resource}/{{Sid}}.json")
            seen.add(found["status"])
    assert status in seen


async def test_links_between_pages_are_relative_and_escape_what_must_be_escaped(
    http: ClientSession,
) -> None:
    for _ in range(3):
        await http.post(f"{BASE}/Messages.json", data=TEXT)
    query = "To=%2B15551234567&PageSize=2"
    page = await (await http.get(f"{BASE}/Messages.json?{query}")).json()
    assert page["uri"] == page["first_page_uri"] == f"{BASE}/Messages.json?{query}&Page=0"
    token = f"PA{page['messages'][-1]['sid']}"
    assert page["next_page_uri"] == f"{BASE}/Messages.json?{query}&Page=1&PageToken={token}"
    assert (page["start"], page["end"], page["previous_page_uri"]) == (0, 1, None)
    page = await (await http.get(page["next_page_uri"])).json()
    assert (page["start"], page["end"], page["next_page_uri"]) == (2, 2, None)
    dated = await (await http.get(f"{BASE}/Messages.json?DateSent%3E=2026-01-01")).json()
    assert "?DateSent%3E=2026-01-01&" in dated["uri"]


async def test_a_bad_page_token_and_a_bad_date_are_refused(http: ClientSession) -> None:
    for query, code in (("PageToken=PAnothing", 21481), ("DateSent=yesterday", 20001)):
        answer = await http.get(f"{BASE}/Messages.json?{query}")
        assert (answer.status, (await answer.json())["code"]) == (400, code)


async def test_headers_are_twilios(http: ClientSession) -> None:
    answer = await http.post(f"{BASE}/Messages.json", data=TEXT)
    assert answer.content_type == "application/json"
    assert re.fullmatch("RQ[0-9a-f]{32}", answer.headers["Twilio-Request-Id"])
    assert float(answer.headers["Twilio-Request-Duration"]) >= 0
    assert answer.headers["Twilio-Concurrent-Requests"] == "1"
    assert answer.headers["Date"] == "Mon, 21 Sep 2026 14:13:20 GMT"


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (None, "Authentication Error - No credentials provided"),
        ("Bearer x", "Authentication Error - No credentials provided"),
        ("Basic !!!", "Authentication Error - invalid username"),
        ("Basic é", "Authentication Error - invalid username"),
        ("Basic " + base64.b64encode(f"{ACCOUNT}:".encode()).decode(), "Authenticate"),
        ("Basic " + base64.b64encode(b"me:secret").decode(), "Authenticate"),
    ],
)
async def test_without_good_credentials_nothing_is_done(
    sim: Simulator, header: str | None, reason: str
) -> None:
    headers = {"Authorization": header} if header else {}
    async with ClientSession(sim.url, headers=headers) as client:
        answer = await client.post(f"{BASE}/Messages.json", data=TEXT)
        document = await answer.json()
    assert (answer.status, document["code"], document["message"]) == (401, 20003, reason)
    assert answer.headers["WWW-Authenticate"].startswith("Basic")
    assert len(sim.messages) == 0


@pytest.mark.parametrize(
    "path",
    [
        "/2010-04-01/Accounts/abcd12345xyz/Messages.json",
        f"{BASE}/Messages/SM1.json",
        "/elsewhere",
    ],
)
async def test_an_unknown_path_is_not_found(http: ClientSession, path: str) -> None:
    answer = await http.get(path)
    document = await answer.json()
    assert (answer.status, document["code"]) == (404, 20404)
    assert document["message"] == f"The requested resource {path} was not found"


async def test_latency_and_jitter_delay_the_answer_but_not_the_creation() -> None:
    settings = Settings(latency=0.05, jitter=0.05, seed=3)
    async with await start(settings=settings) as sim, session(sim) as client:
        answer = await client.post(f"{BASE}/Messages.json", data=TEXT)
        assert 0.05 <= float(answer.headers["Twilio-Request-Duration"]) < 0.3
        assert sim.messages[0].created_at - sim.messages[0].arrived_at < 0.05
