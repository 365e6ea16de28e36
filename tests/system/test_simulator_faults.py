"""What goes wrong on demand, and what the simulator tells about it."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout

from callbox.simulator import Settings, Simulator, start
from harness.sdk import ACCOUNT, session

BASE = f"/2010-04-01/Accounts/{ACCOUNT}"
TEXT = {"To": "+15551234567", "From": "+15557654321", "Body": "The tank is full"}
CALL = {"To": "+15551234567", "From": "+15557654321", "Twiml": "<Response/>"}


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    async with await start(settings=Settings(seed=11)) as simulator:
        yield simulator


@pytest.fixture
async def http(sim: Simulator) -> AsyncIterator[ClientSession]:
    async with session(sim) as client:
        yield client


async def text(http: ClientSession, **more: str) -> ClientResponse:
    return await http.post(f"{BASE}/Messages.json", data={**TEXT, **more})


async def listed(http: ClientSession) -> list[dict[str, Any]]:
    answer = await http.get(f"{BASE}/Messages.json", params={"To": TEXT["To"]})
    document = await answer.json()
    messages: list[dict[str, Any]] = document["messages"]
    return messages


async def test_rules_are_set_shown_and_cleared_over_http(http: ClientSession) -> None:
    rules = [{"on": "create", "status": 503, "times": 1}]
    answer = await http.put("/_simulator/faults", json=rules)
    assert answer.status == 200
    assert (await text(http)).status == 503
    shown = await (await http.get("/_simulator/faults")).json()
    assert shown == {"rules": rules, "seen": [1], "hits": [1]}
    assert (await http.delete("/_simulator/faults")).status == 204
    assert (await (await http.get("/_simulator/faults")).json())["rules"] == []


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"{", "The document is not JSON: "),
        (b"\xff", "The document is not JSON: "),
        (b'[{"on": "create"}]', "Rule 1 has no effect; known are status, html, drop, late,"),
    ],
)
async def test_a_bad_control_document_gets_400_and_a_sentence(
    http: ClientSession, body: bytes, sentence: str
) -> None:
    answer = await http.put("/_simulator/faults", data=body)
    document = await answer.json()
    assert answer.status == 400
    assert document["error"].startswith(sentence)


async def test_an_unknown_control_path_tells_the_known_ones(http: ClientSession) -> None:
    answer = await http.get("/_simulator/fault")
    assert answer.status == 404
    assert "PUT /_simulator/faults" in (await answer.json())["error"]


async def test_a_refusal_carries_retry_after_and_twilios_code(
    sim: Simulator, http: ClientSession
) -> None:
    sim.faults.set([{"on": "any", "status": 429, "retry_after": 2}])
    answer = await text(http)
    assert (answer.status, answer.headers["Retry-After"]) == (429, "2")
    assert (await answer.json())["code"] == 20429
    assert (await http.get(f"{BASE}/Messages.json")).status == 429
    assert len(sim.messages) == 0


async def test_a_refusal_may_have_any_code_and_text(sim: Simulator, http: ClientSession) -> None:
    sim.faults.set([{"on": "create-message", "status": 400, "code": 21611, "message": "Full"}])
    document = await (await text(http)).json()
    assert (document["code"], document["message"], document["status"]) == (21611, "Full", 400)
    assert (await http.post(f"{BASE}/Calls.json", data=CALL)).status == 201


async def test_what_answers_503_can_have_been_created_all_the_same(
    sim: Simulator, http: ClientSession
) -> None:
    sim.faults.set([{"on": "any", "status": 503, "created": 0.5}])
    for number in range(20):
        assert (await text(http, Body=f"{number}")).status == 503
    assert (await http.get(f"{BASE}/Messages.json")).status == 503
    assert 4 < len(sim.messages) < 16
    assert {message.answered for message in sim.messages} == {503}
    bodies = [message.body for message in sim.messages]
    assert bodies == sorted(set(bodies), key=int)


async def test_an_invalid_request_is_never_created(sim: Simulator, http: ClientSession) -> None:
    sim.faults.set([{"on": "create", "status": 503, "created": True}])
    assert (await text(http, To="mum")).status == 503
    assert len(sim.log) == 0


@pytest.mark.parametrize(("drop", "created"), [("before", 0), ("after", 1)])
async def test_a_dropped_connection_gives_no_answer(
    sim: Simulator,
    http: ClientSession,
    caplog: pytest.LogCaptureFixture,
    drop: str,
    created: int,
) -> None:
    sim.faults.set([{"on": "create", "drop": drop}])
    with caplog.at_level(logging.INFO), pytest.raises(ClientError):
        await text(http)
    assert [message.answered for message in sim.messages] == ["dropped"] * created
    assert sim.requests.count("create-message", "dropped") == 1
    assert caplog.records == []


async def test_a_dropped_list_gives_no_answer(sim: Simulator, http: ClientSession) -> None:
    sim.faults.set([{"on": "list", "drop": "after"}])
    with pytest.raises(ClientError):
        await listed(http)


async def test_what_is_late_is_created_later_with_the_later_date(
    sim: Simulator, http: ClientSession
) -> None:
    sim.faults.set([{"on": "create", "late": 0.1}])
    with pytest.raises(ClientError):
        await text(http)
    assert await listed(http) == []
    await asyncio.sleep(0.15)
    message = sim.messages[0]
    assert message.created_at - message.arrived_at >= 0.1
    assert message.answered == "dropped"
    assert [entry["sid"] for entry in await listed(http)] == [message.sid]


async def test_what_is_still_late_at_the_end_is_never_created(http: ClientSession) -> None:
    async with await start() as other:
        other.faults.set([{"on": "create", "late": 0.05}])
        with pytest.raises(ClientError):
            await http.post(f"{other.url}{BASE}/Messages.json", data=TEXT)
    await asyncio.sleep(0.1)
    assert len(other.messages) == 0


async def test_a_stalled_create_exists_before_its_answer(
    sim: Simulator, http: ClientSession
) -> None:
    sim.faults.set([{"on": "create", "stall": 0.15}])
    waiting = asyncio.create_task(text(http))
    await asyncio.sleep(0.05)
    assert [message.answered for message in sim.messages] == [None]
    assert (await waiting).status == 201
    assert [message.answered for message in sim.messages] == [201]


async def test_a_client_that_does_not_wait_for_a_stalled_answer_was_dropped(
    sim: Simulator, http: ClientSession
) -> None:
    sim.faults.set([{"on": "create", "stall": 0.1}])
    with pytest.raises(TimeoutError):
        await http.post(f"{BASE}/Messages.json", data=TEXT, timeout=ClientTimeout(0.03))
    await asyncio.sleep(0.12)
    assert [message.answered for message in sim.messages] == ["dropped"]


async def test_a_stalled_create_that_creates_nothing_ends_in_500(
    sim: Simulator, http: ClientSession
) -> None:
    sim.faults.set([{"on": "create", "stall": 0.02, "created": False}])
    assert (await text(http)).status == 500
    assert len(sim.messages) == 0


@pytest.mark.parametrize("status", [200, 502])
async def test_html_is_answered_instead_of_json(
    sim: Simulator, http: ClientSession, status: int
) -> None:
    sim.faults.set([{"on": "any", "html": True, "status": status, "created": True}])
    answer = await text(http)
    assert (answer.status, answer.content_type) == (status, "text/html")
    assert (await answer.text()).startswith("<html>")
    assert len(sim.messages) == 1


async def test_what_is_too_young_is_not_listed_yet_but_can_be_fetched(
    sim: Simulator, http: ClientSession
) -> None:
    sid = (await (await text(http)).json())["sid"]
    sim.faults.set([{"on": "list", "lag": 0.1}])
    assert await listed(http) == []
    assert (await http.get(f"{BASE}/Messages/{sid}.json")).status == 200
    await asyncio.sleep(0.12)
    assert [message["sid"] for message in await listed(http)] == [sid]


async def test_latency_can_be_added_to_any_effect(sim: Simulator, http: ClientSession) -> None:
    sim.faults.set(
        [{"on": "create", "latency": 0.05, "status": 503}, {"on": "any", "latency": 0.05}]
    )
    begun = time.perf_counter()
    assert (await text(http)).status == 503
    assert (await http.get(f"{BASE}/Balance.json")).status == 200
    assert time.perf_counter() - begun >= 0.1


async def test_the_log_tells_what_was_really_sent_and_how_it_was_answered(
    sim: Simulator, http: ClientSession
) -> None:
    await text(http, StatusCallback="https://example.org/cb?id=1", ValidityPeriod="60")
    form = [*CALL.items(), ("StatusCallbackEvent", "initiated"), ("StatusCallbackEvent", "ringing")]
    await http.post(f"{BASE}/Calls.json", data=form)
    await text(http, To="mum")
    log = await (await http.get("/_simulator/log")).json()
    assert (log["next"], log["total"]) == (2, 2)
    message, call = log["entries"]
    assert message["kind"] == "message"
    assert (message["sid"], message["answered"]) == (sim.messages[0].sid, 201)
    assert (message["to"], message["from"], message["body"]) == tuple(TEXT.values())
    assert message["status_callback"] == "https://example.org/cb?id=1"
    assert message["validity_period"] == 60
    assert 0 <= message["created_at"] - message["arrived_at"] < 1
    assert (call["kind"], call["twiml"], call["url"]) == ("call", "<Response/>", None)
    assert call["status_callback_event"] == ["initiated", "ringing"]
    assert set(message) == set(call)


async def test_the_log_is_read_in_pages_and_cleared(sim: Simulator, http: ClientSession) -> None:
    for number in range(3):
        await text(http, Body=f"{number}")
    log = await (await http.get("/_simulator/log?since=1&limit=1")).json()
    assert [entry["body"] for entry in log["entries"]] == ["1"]
    assert (log["next"], log["total"]) == (2, 3)
    assert (await http.delete("/_simulator/log")).status == 204
    assert (await (await http.get("/_simulator/log")).json())["total"] == 0
    assert len(sim.messages) == 3


async def test_requests_are_counted_by_endpoint_and_answer(
    sim: Simulator, http: ClientSession
) -> None:
    sim.faults.set([{"on": "create", "stall": 0.05, "times": 3}])
    await asyncio.gather(text(http), text(http), text(http, To="mum"))
    await listed(http)
    counted = await (await http.get("/_simulator/requests")).json()
    assert counted == {
        "total": 4,
        "endpoints": {"create-message": {"201": 2, "400": 1}, "list-messages": {"200": 1}},
        "in_flight": 0,
        "max_in_flight": 3,
        "max_concurrent_creates": 3,
    }
    assert (await http.delete("/_simulator/requests")).status == 204
    assert sim.requests.count() == 0


async def test_closing_does_not_wait_for_a_stalled_request(http: ClientSession) -> None:
    other = await start()
    other.faults.set([{"on": "create", "stall": 60}])
    waiting = asyncio.create_task(http.post(f"{other.url}{BASE}/Messages.json", data=TEXT))
    await asyncio.sleep(0.05)
    begun = time.perf_counter()
    await other.close()
    assert time.perf_counter() - begun < 1
    with pytest.raises(ClientError):
        await waiting
