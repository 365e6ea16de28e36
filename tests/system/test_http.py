"""The same documents over HTTP, answered after the commit."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from callbox.wiring import control_path
from harness import Device, Gateway, Site, call, judge, number, text, until
from harness.ports import free_port

TOKEN = "let-me-in"


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
async def gateway(site: Site, port: int) -> Gateway:
    return site.gateway(http={"port": port, "token": TOKEN}, limits={"max_document_bytes": 20_000})


@pytest.fixture
async def device(site: Site, gateway: Gateway) -> Device:
    device = await site.device()
    gateway.start()
    await gateway.online(device)
    return device


@pytest.fixture
async def http(device: Device, port: int) -> AsyncIterator[ClientSession]:
    assert device.state == "online"
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with ClientSession(f"http://127.0.0.1:{port}", headers=headers) as session:
        yield session


async def _finished(http: ClientSession, delivery_id: str) -> dict[str, Any]:
    """Ask until a delivery has its status."""
    while True:
        answer = await http.get(f"/api/v1/deliveries/{delivery_id}")
        assert answer.status == 200
        document: dict[str, Any] = await answer.json()
        if document["status"]:
            return document


async def test_a_text_and_a_call_are_taken_told_and_found(
    site: Site, device: Device, http: ClientSession
) -> None:
    for path, document in (
        ("txt", text("over http", number(1), "x")),
        ("call", call("by phone", number(1), "https://example.com/say")),
    ):
        answer = await http.post(f"/api/v1/{path}", json=document)
        assert answer.status == 202
        receipt = await answer.json()
        assert receipt["failures"] == []
        found = await _finished(http, receipt["deliveries"][0])
        assert (found["id"], found["to_number"]) == (document["id"], number(1))
        assert found["status"] == (await device.status(document["id"]))["response"]
    assert (len(site.simulator.messages), len(site.simulator.calls)) == (1, 1)


@pytest.mark.parametrize("given", [None, "Bearer wrong", "Basic bGV0LW1lLWlu", f"bearer{TOKEN}"])
async def test_without_the_token_nobody_gets_in(
    site: Site, device: Device, port: int, given: str | None
) -> None:
    headers = {} if given is None else {"Authorization": given}
    async with ClientSession(f"http://127.0.0.1:{port}", headers=headers) as session:
        answer = await session.post("/api/v1/txt", json=text("1", number(1), "x"))
        assert answer.status == 401
        assert (await session.get("/api/v1/deliveries/1")).status == 401
        assert TOKEN not in await answer.text()
    assert not device.answered
    assert not site.simulator.log


async def test_without_a_configured_token_requests_are_forbidden(site: Site, port: int) -> None:
    await site.running(http={"port": port})
    async with ClientSession(f"http://127.0.0.1:{port}") as session:
        answer = await session.post("/api/v1/txt", json=text("1", number(1), "x"))
        assert answer.status == 403
        assert "http.token" in (await answer.json())["error"]


async def test_what_nobody_can_be_sent_is_400_and_what_is_too_large_413(
    site: Site, device: Device, http: ClientSession
) -> None:
    broken = await http.post("/api/v1/txt", data=b"{")
    assert broken.status == 400
    failure = (await broken.json())["failures"][0]
    assert failure["id"] is None
    assert failure["response"]["error"] == "InvalidParameter"
    missing = await http.post("/api/v1/txt", json=text("1", "555", "x"))
    assert missing.status == 400
    assert "E.164" in (await missing.json())["failures"][0]["response"]["error_message"]
    assert (await device.status("1"))["response"]["status"] == "fail"
    assert (await http.post("/api/v1/txt", data=b" " * 50_000)).status == 413
    slightly = await http.post("/api/v1/txt", json=text("2", number(1), "x" * 20_000))
    assert slightly.status == 400
    assert "20000" in (await slightly.json())["failures"][0]["response"]["error_message"]
    assert (await http.post("/api/v1/fax", json={})).status == 404
    assert (await http.get("/api/v1/deliveries/none")).status == 404
    assert not site.simulator.log


async def test_of_several_recipients_the_good_ones_are_taken(
    site: Site, device: Device, http: ClientSession
) -> None:
    recipients = [
        {"name": "Ann", "phone_number": number(1), "message": "x"},
        {"name": "Bad", "phone_number": "555", "message": "x"},
    ]
    answer = await http.post("/api/v1/txt", json={"request": {"recipients": recipients}, "id": "g"})
    assert answer.status == 202
    receipt = await answer.json()
    assert (len(receipt["deliveries"]), len(receipt["failures"])) == (1, 1)
    await until(lambda: len(device.statuses("g")) == 2, "one status each")
    assert judge(site.simulator, [(number(1), "x")]).clean


async def test_an_idempotency_key_makes_a_repeat_the_same_request(
    site: Site, device: Device, http: ClientSession
) -> None:
    key = {"Idempotency-Key": "k-1"}
    answers = [
        await http.post("/api/v1/txt", json=text(f"try {i}", number(1), "x"), headers=key)
        for i in range(3)
    ]
    assert {answer.status for answer in answers} == {202}
    ids = {(await answer.json())["deliveries"][0] for answer in answers}
    assert len(ids) == 1
    await until(lambda: device.answered >= {"try 0", "try 1", "try 2"}, "each try is answered")
    other = await http.post("/api/v1/txt", json=text("other", number(1), "y"), headers=key)
    assert other.status == 400
    assert judge(site.simulator, [(number(1), "x")]).clean


async def test_what_was_answered_202_survives_a_kill(
    site: Site, gateway: Gateway, device: Device, http: ClientSession
) -> None:
    site.simulator.faults.set([{"on": "any", "status": 401, "code": 20003}])
    ids = []
    for place in range(20):
        answer = await http.post("/api/v1/txt", json=text(str(place), number(place), "x"))
        assert answer.status == 202
        ids.append(str(place))
    await gateway.kill()
    site.simulator.faults.clear()
    gateway.start()
    await until(lambda: device.answered.issuperset(ids), "all are sent")
    assert judge(site.simulator, [(number(place), "x") for place in range(20)]).clean


async def test_a_port_in_use_is_said_in_one_sentence(site: Site, port: int) -> None:
    first, device = site.gateway("first", http={"port": port}), await site.device()
    first.start()
    await first.online(device)
    second = site.gateway("second", http={"port": port})
    second.start()
    assert await second.ended() == 2
    assert f"cannot listen on 127.0.0.1:{port}" in second.log
    assert "set http.port" in second.log
    assert "Traceback" not in second.log


@pytest.fixture
def private(gateway: Gateway, device: Device) -> list[Path]:
    assert device.state == "online"
    return [control_path(gateway.store), gateway.store]


def test_store_and_control_socket_are_for_this_user_only(private: list[Path]) -> None:
    assert private[0].is_socket()
    assert [path.stat().st_mode & 0o077 for path in private] == [0, 0]
