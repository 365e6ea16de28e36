"""The disk decides: while it refuses nothing is acknowledged, and nothing is lost or doubled."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp import ClientSession

from harness import FROM, Site, judge, number, text, until
from harness.cable import PUBACK, Cable
from harness.disk import SmallDisk
from harness.ports import free_port

OPEN = "SELECT count(*) FROM delivery WHERE state IN ('queued', 'sending') OR due_at IS NOT NULL"
REFUSED = "The store cannot be written"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with SmallDisk(tmp_path / "disk") as disk:
        yield disk


async def test_a_full_disk_holds_requests_back_and_work_goes_on_when_there_is_room(
    site: Site, disk: SmallDisk
) -> None:
    async with Cable(site.broker.port) as cable:
        gateway = site.gateway(
            mqtt={"url": cable.url}, store={"url": f"sqlite://{disk.path}/callbox.sqlite3"}
        )
        device = await site.device()
        gateway.start()
        await gateway.online(device)
        asked = {str(place): (number(place), "x" * 900) for place in range(300)}
        for request_id in list(asked)[:100]:
            device.publish("txt", text(request_id, *asked[request_id]))
        disk.fill()
        for request_id in list(asked)[100:]:
            device.publish("txt", text(request_id, *asked[request_id]))
        await until(lambda: gateway.lines("WARNING", REFUSED), "it is said")
        acknowledged = cable.carried["up", PUBACK]
        assert acknowledged < 300
        disk.empty()
        await until(lambda: gateway.lines("Store: well again"), "it goes on")
        await until(lambda: device.answered.issuperset(asked), "every request has a status", 60)
        await until(lambda: gateway.rows(OPEN) == [(0,)], "nothing is left to do")
        assert judge(site.simulator, asked.values()).clean
        assert all(len(set(device.statuses(request_id))) == 1 for request_id in asked)
        assert len(gateway.lines(REFUSED)) == 1, "it is said once, not every second"
        assert "Traceback" not in gateway.log
        assert await gateway.stop() == 0


async def test_what_twilio_did_while_the_disk_was_full_is_not_forgotten(
    site: Site, disk: SmallDisk
) -> None:
    site.simulator.faults.set([{"on": "create", "latency": 0.5}])
    gateway, device = await site.running(store={"url": f"sqlite://{disk.path}/callbox.sqlite3"})
    asked = {str(place): (number(place), "x") for place in range(5)}
    for request_id, wanted in asked.items():
        device.publish("txt", text(request_id, *wanted))
    await until(lambda: len(site.simulator.messages) == 5, "Twilio has created them")
    disk.fill()
    await until(lambda: gateway.lines("WARNING", REFUSED), "it is said")
    assert not device.answered.issuperset(asked)
    disk.empty()
    await until(lambda: device.answered.issuperset(asked), "every request has a status")
    assert judge(site.simulator, asked.values()).clean
    looked_up = gateway.rows("SELECT count(*) FROM delivery WHERE evidence = 'lookup'")
    assert looked_up == [(0,)], "no look-up was needed"


async def test_a_gateway_stops_within_seconds_although_its_disk_is_full(
    site: Site, disk: SmallDisk
) -> None:
    gateway, device = await site.running(store={"url": f"sqlite://{disk.path}/callbox.sqlite3"})
    disk.fill()
    asked = {str(place): (number(place), "x" * 900) for place in range(50)}
    for request_id, wanted in asked.items():
        device.publish("txt", text(request_id, *wanted))
    await until(lambda: gateway.lines("WARNING", REFUSED), "it is said")
    begun = asyncio.get_running_loop().time()
    assert await gateway.stop() == 0
    assert asyncio.get_running_loop().time() - begun < 10
    disk.empty()
    gateway.start()
    await until(lambda: device.answered.issuperset(asked), "every request has a status")
    assert judge(site.simulator, asked.values()).clean


async def test_a_gateway_that_cannot_begin_on_a_full_disk_says_so_and_stops_when_told(
    site: Site, disk: SmallDisk
) -> None:
    site.simulator.faults.set([{"on": "create", "latency": 60}])
    gateway, device = await site.running(store={"url": f"sqlite://{disk.path}/callbox.sqlite3"})
    device.publish("txt", text("1", number(1), "x"))
    await until(lambda: site.simulator.messages, "Twilio has created it")
    await gateway.kill()
    disk.fill()
    gateway.start()
    await until(lambda: gateway.lines("WARNING", REFUSED), "it is said")
    assert await gateway.stop() == 0
    disk.empty()
    site.simulator.faults.clear()
    gateway.start()
    await device.status("1")
    assert judge(site.simulator, [(number(1), "x")]).clean


async def test_over_http_a_full_disk_is_503_and_nothing_was_kept(
    site: Site, disk: SmallDisk
) -> None:
    port = free_port()
    gateway = site.gateway(
        store={"url": f"sqlite://{disk.path}/callbox.sqlite3"},
        http={"port": port, "token": "t"},
    )
    device = await site.device()
    gateway.start()
    await gateway.online(device)
    url, headers = f"http://127.0.0.1:{port}/api/v1/txt", {"Authorization": "Bearer t"}
    async with ClientSession(headers=headers) as http:
        disk.fill()
        kept = 0
        for place in range(200):
            answer = await http.post(url, json=text(str(place), number(place), "x" * 900))
            if answer.status != 202:
                break
            kept += 1
        assert answer.status == 503
        assert "cannot be written" in (await answer.json())["error"]
        assert (await http.post(url, json=text("more", number(999), "x"))).status == 503
        disk.empty()
        await until(lambda: gateway.lines("Store: well again"), "it goes on")
        answer = await http.post(url, json=text("after", number(998), "x"))
        assert answer.status == 202
    await until(lambda: len(device.answered) == kept + 1, "what was kept is sent")
    assert not {"more", str(kept)} & device.answered


@pytest.mark.parametrize(
    "what", ["a folder that is a file", "no room", "a damaged file", "a disk for reading only"]
)
async def test_a_store_that_cannot_be_used_is_said_in_one_sentence(
    site: Site, disk: SmallDisk, what: str
) -> None:
    store = disk.path / "folder" / "callbox.sqlite3"
    if what == "a folder that is a file":
        store.parent.touch()
    elif what == "no room":
        disk.fill()
    elif what == "a disk for reading only":
        disk.refuse_writing()
    else:
        store.parent.mkdir()
        store.write_bytes(b"this is no database, it only looks long enough" * 100)
    gateway = site.gateway(store={"url": f"sqlite://{store}"})
    gateway.start()
    assert await gateway.ended() == 2
    assert "Traceback" not in gateway.log
    assert f"The store {store} cannot be used" in gateway.log
    assert "writable folder" in gateway.log


async def test_a_folder_that_cannot_be_made_is_said_in_one_sentence(site: Site) -> None:
    gateway = site.gateway(store={"url": "sqlite:///proc/callbox/callbox.sqlite3"})
    gateway.start()
    assert await gateway.ended() == 2
    assert "Traceback" not in gateway.log
    assert "The store /proc/callbox/callbox.sqlite3 cannot be used" in gateway.log


async def test_a_store_of_a_newer_version_is_left_alone(site: Site) -> None:
    gateway, _device = await site.running()
    assert await gateway.stop() == 0
    gateway.write("PRAGMA user_version = 999")
    gateway.start()
    assert await gateway.ended() == 2
    assert "was written by a newer Callbox (schema 999" in gateway.log
    assert "Traceback" not in gateway.log


async def test_a_text_that_the_full_disk_refused_is_fetched_once_there_is_room(
    site: Site, disk: SmallDisk
) -> None:
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    gateway = site.gateway(
        store={"url": f"sqlite://{disk.path}/callbox.sqlite3"},
        http={"port": port, "public_url": base},
        inbound={"polling": "on"},
    )
    device = await site.device()
    gateway.start()
    await gateway.online(device)
    await until(lambda: gateway.rows("SELECT * FROM mailbox"), "the list was read once")
    site.simulator.number(FROM).sms_url = f"{base}/twilio/sms"
    disk.fill()
    device.publish("txt", text("1", number(1), "x"))
    await until(lambda: gateway.lines("WARNING", REFUSED), "it is said")
    await site.simulator.receive(number(2), FROM, "Hello")
    assert site.simulator.webhooks[-1].status == 503, "Twilio is not told that it was kept"
    assert not device.heard("message/received")
    disk.empty()
    (received,) = await device.hears("message/received")
    assert received.document["messageText"] == "Hello"
    assert await gateway.stop() == 0
