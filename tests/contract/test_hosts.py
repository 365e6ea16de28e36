"""What every host does that requests come from and events go to, on a real broker or nucleus."""

import asyncio
import json

from contract.places import DARLA, Desk, Place, Serving, bodies, event, owe
from harness.documents import text as request
from harness.waiting import PATIENCE, until


async def test_requests_are_kept_in_the_order_of_their_arrival(place: Place, desk: Desk) -> None:
    wanted = [f"text {number}" for number in range(200)]
    async with Serving(place, desk):
        for number, body in enumerate(wanted):
            await place.publish("txt", json.dumps(request(str(number), DARLA, body)).encode())
        await until(lambda: desk.outbox.counters.accepted == len(wanted), "all are kept")
    assert await bodies(desk) == wanted


async def test_a_broken_request_is_kept_as_a_refusal_and_told(place: Place, desk: Desk) -> None:
    async with Serving(place, desk) as host:
        await place.publish("txt", b'{"id": "x", "request": ')

        def told() -> list[bytes]:
            host.wake()
            return place.heard("message/status")

        await until(told, "a status comes")
    (status,) = map(json.loads, place.heard("message/status"))
    assert status["response"]["status"] == "fail"
    assert await bodies(desk) == []


async def test_what_is_owed_is_told_in_order_byte_for_byte_and_forgotten(
    place: Place, desk: Desk
) -> None:
    events = [event(number) for number in range(100)]
    async with Serving(place, desk) as host:
        await owe(desk, host, *events)
        await until(lambda: len(place.heard("message/delivery")) == 100, "all is told")
        assert place.heard("message/delivery") == [each.payload for each in events]
        await _nothing_owed(desk, place)


async def _nothing_owed(desk: Desk, place: Place) -> None:
    async with asyncio.timeout(PATIENCE):
        while any([await desk.store.owed(name, 0, 1) for name in place.audience]):
            pass


async def test_what_is_owed_while_nobody_runs_is_told_at_the_next_start(
    place: Place, desk: Desk
) -> None:
    async with Serving(place, desk) as host:
        assert host.connected
    await owe(desk, host, event(1))
    async with Serving(place, desk):
        await until(lambda: place.heard("message/delivery"), "it is told")
    assert place.heard("message/delivery") == [event(1).payload]


async def test_a_lost_connection_is_noticed(place: Place, desk: Desk) -> None:
    async with Serving(place, desk) as host:
        assert host.connected
        cutting = asyncio.create_task(place.cut())
        await until(lambda: not host.connected, "the loss is noticed")
        await cutting


async def test_a_bridge_request_is_answered(place: Place, desk: Desk) -> None:
    async with Serving(place, desk):
        await place.publish("bridge/request/health_check", b'{"transaction": 7}')
        await until(lambda: place.heard("bridge/response/health_check"), "an answer comes")
    (answer,) = map(json.loads, place.heard("bridge/response/health_check"))
    assert answer == {"status": "ok", "data": {"wrong": []}, "error": None, "transaction": 7}


async def test_it_says_who_it_is_and_that_it_is_gone(place: Place, desk: Desk) -> None:
    async with Serving(place, desk):
        await until(lambda: place.heard("bridge/info"), "it says who it is")
        assert json.loads(place.heard("bridge/info")[0]) == {"instance": desk.store.instance}
    await until(lambda: place.heard("bridge/state")[-1] == b"offline", "it says that it is gone")
