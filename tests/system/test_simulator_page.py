"""What the page with the phones is made of, asked without a browser: files, feed, gate, journal."""

import asyncio
import json
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import (
    ClientResponse,
    ClientSession,
    ClientTimeout,
    ServerDisconnectedError,
    encode_basic_auth,
    web,
)

from callbox.simulator import Settings, Simulator, start
from callbox.simulator.page.file import FOLDER
from callbox.simulator.page.gate import forbidden
from harness import ACCOUNT, until
from harness.listener import Listener
from harness.sdk import login

OURS, DARLA = "+15005550006", "+12065550100"
LOGIN = {"Authorization": encode_basic_auth(ACCOUNT, "a-secret-token")}
Document = dict[str, Any]


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    settings = Settings(
        phones={DARLA: "Darla"}, account_sid=ACCOUNT, auth_token="any", pace=0.02, scripts=True
    )
    async with await start(settings=settings) as simulator:
        yield simulator


@pytest.fixture
async def session(simulator: Simulator) -> AsyncIterator[ClientSession]:
    async with ClientSession(simulator.url, timeout=ClientTimeout(20)) as session:
        yield session


async def orders(
    session: ClientSession, resource: str = "Messages", **fields: str
) -> tuple[int, Document]:
    """Order a text or call as a gateway does."""
    path = f"/2010-04-01/Accounts/{ACCOUNT}/{resource}.json"
    form = {"From": OURS, "To": DARLA, **fields}
    async with session.post(path, data=form, headers=LOGIN) as answer:
        return answer.status, await answer.json()


class Feed:
    """The server-sent events of one page."""

    def __init__(self, answer: ClientResponse) -> None:
        self._answer = answer
        self.state: Document = {}

    async def next(self) -> tuple[str, Document]:
        """Wait for the next event."""
        kind = ""
        while line := (await self._answer.content.readline()).decode().strip() or " ":
            name, _, value = line.partition(": ")
            if name == "event":
                kind = value
            elif name == "data":
                return kind, json.loads(value)
        raise AssertionError("The feed ended.")

    async def tells(self, name: str) -> Any:  # noqa: ANN401 - JSON
        """Wait for news of something."""
        while True:
            kind, news = await self.next()
            assert kind == "change"
            if name in news:
                return news[name]


@asynccontextmanager
async def page(session: ClientSession) -> AsyncIterator[Feed]:
    """Follow the feed as an open page does."""
    async with session.get("/_simulator/events") as answer:
        assert answer.content_type == "text/event-stream"
        feed = Feed(answer)
        kind, feed.state = await feed.next()
        assert kind == "state"
        yield feed


# files


async def test_the_page_and_all_that_it_loads_are_served_and_may_run_no_inline_script(
    session: ClientSession,
) -> None:
    names = [each.name for each in FOLDER.iterdir()]
    assert {"page.html", "main.js", "phone.css"} <= set(names)
    for path in ("/", *(f"/_simulator/page/{name}" for name in names)):
        async with session.get(path) as answer:
            assert answer.status == 200, path
            policy = answer.headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("name", ["../server.py", "..%2Fserver.py", "none.js", "page.html/", ""])
async def test_nothing_but_the_files_of_the_page_is_served(
    session: ClientSession, name: str
) -> None:
    async with session.get(f"/_simulator/page/{name}") as answer:
        assert answer.status == 404


async def test_a_document_that_somebody_texted_cannot_act_as_the_page(
    simulator: Simulator, session: ClientSession
) -> None:
    html = b64encode(b"<script>alert(1)</script>").decode()
    media = ({"content": html, "content_type": "text/html"},)
    message = await simulator.receive(DARLA, OURS, "Look", media=media)
    (kept,) = message.attachments
    for place in (
        f"/_simulator/media/{message.sid}/{kept.sid}",
        f"{message.path}/Media/{kept.sid}",
    ):
        async with session.get(place) as answer:
            assert (answer.status, answer.content_type) == (200, "text/html")
            assert answer.headers["Content-Security-Policy"].startswith("sandbox;")
            assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_a_medium_with_a_strange_type_is_just_bytes(
    simulator: Simulator, session: ClientSession
) -> None:
    media = ({"content": "aGk=", "content_type": "text/html\r\nSet-Cookie: x"},)
    message = await simulator.receive(DARLA, OURS, "Look", media=media)
    (kept,) = message.attachments
    for place in (
        f"/_simulator/media/{message.sid}/{kept.sid}",
        f"{message.path}/Media/{kept.sid}",
    ):
        async with session.get(place) as answer:
            assert answer.content_type == "application/octet-stream"


async def test_a_medium_that_is_nowhere_is_not_found(
    simulator: Simulator, session: ClientSession
) -> None:
    media = ({"url": "http://example.org/a\r\nSet-Cookie: x"},)
    message = await simulator.receive(DARLA, OURS, "Look", media=media)
    async with session.get(f"{message.path}/Media/{message.attachments[0].sid}") as answer:
        assert answer.status == 404


# gate


@pytest.mark.parametrize(
    ("host", "origin", "allowed"),
    [
        ("127.0.0.1:8081", None, True),
        ("localhost:8081", "http://localhost:8081", True),
        ("[::1]:8081", "http://[::1]:8081", True),
        ("127.0.0.1:8081", "http://127.0.0.1:8081", True),
        ("127.0.0.1:8081", "http://127.0.0.1:9000", False),
        ("127.0.0.1:8081", "https://evil.example", False),
        ("127.0.0.1:8081", "null", False),
        ("127.0.0.1:8081", "", False),
        ("evil.example:8081", None, False),
        ("192.168.1.7:8081", "http://192.168.1.7:8081", True),
        ("[fe80::1]:8081", None, True),
        ("simulator:8081", None, True),
        ("pi.local:8081", "http://pi.local:8081", True),
        ("pi.local:8081", "http://evil.example", False),
        ("evil.example:8081", "http://evil.example:8081", False),
        ("[::1:8081", None, False),
    ],
)
def test_who_may_drive_the_simulator(host: str, origin: str | None, allowed: bool) -> None:
    headers = {"Host": host} | ({} if origin is None else {"Origin": origin})
    assert (forbidden(headers, orders=True) == "") == allowed
    assert (forbidden(headers, orders=False) == "") == allowed


def test_programs_that_take_it_for_twilio_may_text_but_not_give_orders() -> None:
    led_here = {"Host": "api.twilio.com"}
    assert not forbidden(led_here, orders=False)
    assert forbidden(led_here, orders=True)


@pytest.mark.parametrize("path", ["/", "/_simulator/events", "/_simulator/log"])
async def test_another_web_site_is_refused_with_a_sentence(
    session: ClientSession, path: str
) -> None:
    strange = ({"Origin": "https://evil.example"}, {"Host": "evil.example"})
    for headers in strange:
        async with session.get(path, headers=headers) as answer:
            assert answer.status == 403
            assert "evil.example" in (await answer.json())["error"]
            assert "Access-Control-Allow-Origin" not in answer.headers


async def test_an_order_of_another_web_site_is_not_carried_out(
    simulator: Simulator, session: ClientSession
) -> None:
    order = json.dumps({"from": DARLA, "body": "Open the gate"})
    headers = {"Origin": "https://evil.example"}
    async with session.post("/_simulator/texts", data=order, headers=headers) as answer:
        assert answer.status == 403
    assert not simulator.messages


async def test_another_web_site_cannot_text_by_the_api_either(
    simulator: Simulator, session: ClientSession
) -> None:
    for headers in ({"Origin": "https://evil.example"}, {"Host": "evil.example"}):
        async with session.post(
            f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json",
            data={"To": DARLA, "From": OURS, "Body": "Open the gate"},
            headers={**headers, **login(ACCOUNT)},
        ) as answer:
            assert answer.status == 403
    assert not simulator.messages


# feed


async def test_a_page_is_told_everything_when_it_opens(
    simulator: Simulator, session: ClientSession
) -> None:
    for place in range(310):
        await simulator.receive(DARLA, OURS, f"Text {place}")
    await orders(session, Body="")
    simulator.outcome(DARLA, "busy")
    async with page(session) as feed:
        state = feed.state
    assert state["phones"] == [{"number": DARLA, "name": "Darla"}]
    assert [each["body"] for each in state["messages"]] == [f"Text {n}" for n in range(10, 310)]
    assert [each["code"] for each in state["requests"]] == [21619]
    assert state["outcomes"][DARLA]["status"] == "busy"
    assert state["scenario"] is None


async def test_a_page_is_told_of_a_text_and_of_each_change_of_its_status(
    session: ClientSession,
) -> None:
    async with page(session) as feed:
        await orders(session, Body="Hello")
        (first,) = await feed.tells("messages")
        assert (first["body"], first["phone"], first["theirs"]) == ("Hello", DARLA, False)
        states = [first["status"]]
        while states[-1] != "delivered":
            (changed,) = await feed.tells("messages")
            assert changed["sid"] == first["sid"]
            states.append(changed["status"])
    assert len(states) == len(set(states))


@pytest.mark.parametrize(
    "order", [{"MediaUrl": "https://example.com/pump.png"}, {"SendAsMms": "true"}]
)
async def test_a_page_counts_the_parts_of_a_text_as_the_api_does(
    simulator: Simulator, session: ClientSession, order: dict[str, str]
) -> None:
    async with page(session) as feed:
        await orders(session, Body="n" * 200, **order)
        (told,) = await feed.tells("messages")
    (message,) = simulator.messages
    assert told["segments"] == int(str(message.document(simulator.now())["num_segments"])) == 1


async def test_a_text_that_is_dated_back_is_told_all_the_same(
    simulator: Simulator, session: ClientSession
) -> None:
    await simulator.receive(DARLA, OURS, "Now")
    async with page(session) as feed:
        await simulator.receive(DARLA, OURS, "Long ago", date="2020-01-01")
        (told,) = await feed.tells("messages")
    assert told["body"] == "Long ago"


async def test_a_page_is_told_of_faults_callbacks_and_refusals_set_elsewhere(
    simulator: Simulator, session: ClientSession
) -> None:
    async with page(session) as feed:
        simulator.faults.set([{"on": "any", "status": 503}])
        assert (await feed.tells("faults"))["rules"] == [{"on": "any", "status": 503}]
        await simulator.receive(DARLA, OURS, "STOP")
        assert await feed.tells("withdrawn") == [[DARLA, OURS]]
        await session.post("/_simulator/callbacks", json={"copies": 2})
        assert (await feed.tells("callbacks"))["copies"] == 2


async def test_a_flood_is_told_in_part_with_how_much_was_left_out(
    simulator: Simulator, session: ClientSession
) -> None:
    async with page(session) as feed:
        for place in range(500):
            await simulator.receive(DARLA, OURS, f"Text {place}", wait=False)
        shown = left = 0
        while shown + left < 500:
            _, news = await feed.next()
            shown += len(news.get("messages", ()))
            left += news.get("left_out", {}).get("messages", 0)
            assert len(news.get("messages", ())) <= 100
    assert shown + left == 500


async def test_a_webhook_is_told_when_it_is_called_and_when_it_is_over(
    simulator: Simulator, session: ClientSession
) -> None:
    simulator.number(OURS).sms_url = "http://user:secret@127.0.0.1:9/sms"
    async with page(session) as feed:
        await orders(session, MediaUrl="https://user:secret@example.com/camera.png")
        (shown, *_) = await feed.tells("messages")
        assert shown["media"][0]["url"] == "https://…@example.com/camera.png"
        await simulator.receive(DARLA, OURS, "Hello")
        told = await feed.tells("webhooks")
        while not told[-1]["over"]:
            told = await feed.tells("webhooks")
    assert told[-1]["trouble"] == "nobody answers there"
    assert told[-1]["params"]["Body"] == "Hello"
    assert "secret" not in json.dumps(told)


async def test_only_an_open_page_attends_phones(
    simulator: Simulator, session: ClientSession
) -> None:
    attended = simulator._board.attended
    async with page(session) as feed, page(session) as other:
        place, second = (f"/_simulator/pages/{each.state['page']}" for each in (feed, other))
        async with session.put(place, json={"phones": [DARLA]}) as answer:
            assert answer.status == 204
        await session.put(second, json={"phones": [DARLA, "+12065550101"]})
        assert attended == {DARLA, "+12065550101"}
        await session.put(second, json={"phones": []})
        assert attended == {DARLA}
    await until(lambda: not attended, "nobody sits there")
    async with session.put(place, json={"phones": [DARLA]}) as answer:
        assert (answer.status, await answer.json()) == (
            400,
            {"error": "This page is not connected."},
        )


async def test_as_many_new_numbers_have_somebody_as_a_page_has_room_for(
    simulator: Simulator, session: ClientSession
) -> None:
    async with page(session) as feed:
        place = f"/_simulator/pages/{feed.state['page']}"
        await session.put(place, json={"phones": [DARLA], "spare": 2})
        new = [f"+1206555020{each}" for each in range(3)]
        for each in new:
            await orders(session, "Calls", To=each, Twiml="<Response/>")
        await until(lambda: simulator.calls[2].ended, "nobody real takes the third")
        assert [call.ended for call in simulator.calls] == [None, None, "completed"]
        await session.put(place, json={"phones": [DARLA, new[0]], "spare": 1})
        assert simulator.attended == {DARLA, new[0], new[1]}
        await orders(session, "Calls", To=new[2], Twiml="<Response/>")
        await until(lambda: simulator.calls[3].ended, "there is room for two, not for three")
        await session.put(place, json={"phones": [DARLA], "spare": 0})
        assert simulator.attended == {DARLA}
    await until(lambda: not simulator.attended, "nobody sits there")


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"spare": 1}, '"phones" must be a list of phone numbers.'),
        ({"phones": [], "spare": -1}, '"spare" must be a whole number of phones.'),
        ({"phones": [], "spare": True}, '"spare" must be a whole number of phones.'),
        ({"phones": [DARLA], "spare": 200}, "Nobody can answer more than 200 phones."),
    ],
)
async def test_who_sits_where_is_refused_with_a_sentence_if_it_cannot_be(
    session: ClientSession, asked: Document, sentence: str
) -> None:
    async with page(session) as feed:
        place = f"/_simulator/pages/{feed.state['page']}"
        async with session.put(place, json=asked) as answer:
            assert (answer.status, await answer.json()) == (400, {"error": sentence})


async def test_more_pages_than_can_be_served_are_refused(session: ClientSession) -> None:
    feeds = [await session.get("/_simulator/events") for _ in range(16)]
    async with session.get("/_simulator/events") as answer:
        assert answer.status == 503
    for feed in feeds:
        feed.close()


async def test_an_open_page_does_not_hold_up_the_end() -> None:
    simulator = await start()
    async with ClientSession(simulator.url) as session, page(session):
        await asyncio.wait_for(simulator.close(), 2)


# journal, phones, calls


async def test_the_journal_has_every_request_with_what_it_was_answered(
    simulator: Simulator, session: ClientSession
) -> None:
    await orders(session, Body="Hello", StatusCallback="https://me:secret@example.com/")
    simulator.faults.set([{"on": "create", "drop": "after", "times": 1}])
    with pytest.raises(ServerDisconnectedError):
        await orders(session, Body="Lost")
    await orders(session, Body="")
    async with session.get("/_simulator/journal") as answer:
        said = await answer.text()
    first, lost, refused = json.loads(said)["requests"]
    assert (first["status"], first["endpoint"], first["fault"]) == (201, "create-message", "")
    assert json.loads(first["answer"])["body"] == "Hello"
    assert (lost["status"], lost["fault"]) == ("dropped", "done, but the answer was lost")
    assert (refused["status"], refused["code"]) == (400, 21619)
    assert refused["message"] == "A text message body or media urls must be specified."
    assert "secret" not in said.replace("a-secret", "")
    assert LOGIN["Authorization"] not in said
    async with session.get("/_simulator/journal?since=1&limit=1") as answer:
        assert [each["number"] for each in (await answer.json())["requests"]] == [2]


async def test_no_password_of_a_url_is_shown_anywhere(
    simulator: Simulator, session: ClientSession, listener: Listener
) -> None:
    async def guard(request: web.Request) -> web.StreamResponse:
        if "Authorization" in request.headers:
            return web.Response(text=script, content_type="text/xml")
        return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="box"'})

    locked = listener.url.replace("://", "://me:s3cr@3t@")
    script = f"<Response><Redirect>{locked}/on</Redirect></Response>"
    listener.answers["/in"] = guard
    simulator.number(OURS).voice_url = f"{locked}/in"
    await simulator.ring(DARLA, OURS)
    await orders(session, "Calls", Url=f"{locked}/out", StatusCallback=f"{locked}/status")
    await orders(session, StatusCallback=f"no{locked}/status")
    async with page(session) as feed:
        told = json.dumps(feed.state)
    for name in ("calls", "log", "webhooks", "journal"):
        async with session.get(f"/_simulator/{name}") as answer:
            told += await answer.text()
    assert "/on" in told
    assert "3t@" not in told
    assert "s3cr" not in told
    assert "Authorization" not in told
    assert [heard.headers.get("Authorization") for heard in listener.at("/in")] == [
        None,
        encode_basic_auth("me", "s3cr@3t"),
    ]


async def test_a_password_where_an_answer_is_cut_off_is_not_in_the_journal(
    simulator: Simulator, session: ClientSession
) -> None:
    ours = simulator.number(OURS)
    ours.sms_url = f"https://me:{'s3cr3t' * 5000}@example.com/"
    path = f"/2010-04-01/Accounts/{ACCOUNT}/IncomingPhoneNumbers/{ours.sid}.json"
    async with session.get(path, headers=LOGIN) as answer:
        assert "s3cr3t@example.com" in await answer.text()
    async with session.get("/_simulator/journal") as answer:
        (shown,) = (await answer.json())["requests"]
    assert '"sms_url": "https://…' in shown["answer"]
    assert "s3cr3t" not in shown["answer"]


async def test_the_journal_is_bounded(simulator: Simulator, session: ClientSession) -> None:
    for _ in range(510):
        await (await session.get("/nowhere")).read()
    assert [each.number for each in simulator.journal] == list(range(11, 511))


async def test_phones_are_added_by_number_and_name(session: ClientSession) -> None:
    async with session.post(
        "/_simulator/phones", json={"number": "(206) 555-0107", "name": " Milo "}
    ) as answer:
        assert (answer.status, await answer.json()) == (
            201,
            {"number": "+12065550107", "name": "Milo"},
        )
    async with session.get("/_simulator/phones") as answer:
        assert (await answer.json())["phones"][1]["name"] == "Milo"


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"name": "Milo"}, '"number": text'),
        ({"number": "nobody"}, "such as +12065550100, not 'nobody'"),
        ({"number": DARLA, "name": "x" * 61}, "at most 60 characters"),
        ({"number": DARLA, "name": 7}, '"name": text'),
        (["x"], '"number": text'),
    ],
)
async def test_a_phone_that_cannot_be_is_refused_with_a_sentence(
    session: ClientSession, asked: object, words: str
) -> None:
    async with session.post("/_simulator/phones", json=asked) as answer:
        assert answer.status == 400
        assert words in (await answer.json())["error"]


async def test_a_person_answers_presses_and_hangs_up_over_the_control_api(
    simulator: Simulator, session: ClientSession
) -> None:
    async with page(session) as feed:
        await session.put(f"/_simulator/pages/{feed.state['page']}", json={"phones": [DARLA]})
        twiml = '<Response><Gather timeout="60"><Say>Well?</Say></Gather></Response>'
        _, call = await orders(session, "Calls", Twiml=twiml)
        place = f"/_simulator/calls/{call['sid']}"
        (record,) = simulator.calls
        async with session.post(f"{place}/press", json={"digits": "1"}) as answer:
            assert answer.status == 400
        await until(lambda: record.waits_for == "answer", "it rings")
        async with session.post(f"{place}/answer") as answer:
            assert answer.status == 200
        await until(lambda: record.waits_for == "digits", "digits are waited for")
        async with session.post(f"{place}/press", json={"digits": "1"}) as answer:
            heard = (await answer.json())["transcript"]
        assert tuple(heard[-1][key] for key in ("who", "kind", "text")) == ("person", "press", "1")
        async with session.post(f"{place}/hangup") as answer:
            assert answer.status == 200
        await until(lambda: record.ended == "completed", "it is over")
        async with session.post(f"{place}/answer") as answer:
            assert answer.status == 400


async def test_a_call_that_is_not_under_way_is_refused_with_a_sentence(
    session: ClientSession,
) -> None:
    async with session.post(f"/_simulator/calls/CA{'0' * 32}/answer") as answer:
        assert answer.status == 400
        assert "not under way" in (await answer.json())["error"]
    async with session.post("/_simulator/calls/x/dance") as answer:
        assert answer.status == 404
        assert "POST /_simulator/calls/{sid}/answer" in (await answer.json())["error"]
