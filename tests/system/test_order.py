"""Who comes first: arrival within a recipient and priority, and nobody waits for a bad number."""

from itertools import pairwise
from pathlib import Path

from callbox.simulator import Settings
from harness import Nursery, Site, call, number, text, until


async def test_a_recipients_texts_are_sent_one_at_a_time_in_order_of_arrival(
    nursery: Nursery, tmp_path: Path
) -> None:
    async with Site(nursery, tmp_path, Settings(latency=0.01, jitter=0.02)) as site:
        await site.broker.start()
        _gateway, device = await site.running()
        for place in range(20):
            for person in range(5):
                device.publish("txt", text(f"{place}/{person}", number(person), f"{place}"))
        await until(lambda: len(site.simulator.messages) == 100, "all are sent")
        for person in range(5):
            bodies = [m.body for m in site.simulator.messages if m.to == number(person)]
            assert bodies == [str(place) for place in range(20)]
        assert site.simulator.requests.most_creating <= 5


async def test_higher_priority_overtakes_what_waits(site: Site) -> None:
    site.simulator.faults.set([{"on": "any", "status": 401, "code": 20003}])
    gateway, device = await site.running()
    device.publish("txt", text("first", number(0), "first"))
    await until(lambda: gateway.lines("WARNING Twilio: "), "sending pauses")
    priorities = ["low", "normal", "high", "critical"]
    for priority in priorities:
        for person in (1, 2):
            wish = text(f"{priority}{person}", number(person), priority, priority=priority)
            device.publish("txt", wish)
    await until(lambda: gateway.rows("SELECT count(*) FROM delivery") == [(9,)], "all are kept")
    site.simulator.faults.clear()
    await until(lambda: len(site.simulator.messages) == 9, "all are sent")
    for person in (1, 2):
        bodies = [m.body for m in site.simulator.messages if m.to == number(person)]
        assert bodies == priorities[::-1]


async def test_one_bad_number_stops_nobody_else(site: Site) -> None:
    _gateway, device = await site.running()
    recipients = [
        {"name": "Ann", "phone_number": number(1), "message": "x"},
        {"name": "Bad", "phone_number": "+15005550001", "message": "x"},
        {"name": "Worse", "phone_number": "555", "message": "x"},
        {"name": "Bob", "phone_number": number(2), "message": "x"},
    ]
    device.publish("txt", {"request": {"recipients": recipients}, "id": "all"})
    await until(lambda: len(device.statuses("all")) == 4, "one status each")
    responses = [found.document["response"] for found in device.heard("message/status")]
    failed = sorted(r["error_message"] for r in responses if r["status"] == "fail")
    assert [message.partition(":")[0] for message in failed] == ["Bad", "Worse"]
    assert "21211" in failed[0]
    assert {m.to for m in site.simulator.messages} == {number(1), number(2)}


async def test_a_text_that_waits_for_its_retry_is_overtaken_by_another_but_not_by_an_equal_one(
    site: Site,
) -> None:
    site.simulator.faults.set([{"on": "create", "status": 400, "code": 21611, "times": 1}])
    _gateway, device = await site.running(delivery={"retry_delays": [1.0]})
    device.publish("txt", text("1", number(1), "equal"))
    device.publish("txt", text("2", number(1), "equal"))
    device.publish("txt", text("3", number(1), "other"))
    await until(lambda: device.answered >= {"1", "2", "3"}, "all have a status")
    assert [m.body for m in site.simulator.messages] == ["other", "equal", "equal"]
    told = [event.document["id"] for event in device.heard("message/status")]
    assert told == ["3", "1", "2"]


async def test_calls_are_paced_and_texts_do_not_wait_for_them(site: Site) -> None:
    _gateway, device = await site.running(twilio={"calls_per_second": 4})
    for place in range(5):
        device.publish("call", call(f"call {place}", number(place), "https://example.com/say"))
    device.publish("txt", text("text", number(1), "x"))
    await until(lambda: len(site.simulator.calls) == 5, "all are placed")
    times = [record.arrived_at for record in site.simulator.calls]
    assert all(later - earlier > 0.2 for earlier, later in pairwise(times))
    assert site.simulator.messages[0].arrived_at < times[1]
