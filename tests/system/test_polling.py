"""Without a public URL: texts come in, and fates are known, because the gateway asks for them."""

import asyncio
from typing import Any

import pytest

from harness import FROM, Device, Gateway, Site, stays, text, until
from harness.ports import free_port

DARLA, OTHER = "+12345000001", "+15557654321"
LISTS = "list-messages"


def told(device: Device) -> list[str]:
    """Give the bodies of the texts that were told, in order."""
    return [each.document["messageText"] for each in device.heard("message/received")]


def fates(device: Device) -> list[tuple[str, str | None]]:
    found = [each.document for each in device.heard("message/delivery")]
    return [(each["state"], each["price"]) for each in found]


async def polling(site: Site, **inbound: Any) -> tuple[Gateway, Device]:  # noqa: ANN401 - a section
    """Give a gateway that has drawn the line between old texts and new ones, and a device."""
    gateway, device = await site.running(inbound=inbound)
    await line_drawn(gateway)
    return gateway, device


async def line_drawn(gateway: Gateway) -> None:
    await until(lambda: gateway.rows("SELECT * FROM mailbox"), "the list was read once")


async def texted(site: Site, *bodies: str, **options: Any) -> None:  # noqa: ANN401 - Text's
    for body in bodies:
        await site.simulator.receive(DARLA, FROM, body, webhook=False, **options)


async def test_texts_come_in_without_a_webhook_oldest_first(site: Site) -> None:
    gateway, device = await polling(site)
    await texted(site, "One", "Two", "Three")
    await device.hears("message/received", 3)
    assert told(device) == ["One", "Two", "Three"]
    document = device.heard("message/received")[0].document
    assert (document["messageFrom"], document["messageTo"]) == (DARLA, FROM)
    assert document["stale"] is False
    assert await gateway.stop() == 0


async def test_at_the_first_start_500_old_texts_set_nothing_off(site: Site) -> None:
    await texted(site, *(f"Old {number}" for number in range(500)))
    rule = {"from": "anyone", "reply": "Thank you"}
    gateway, device = await polling(site, rules=[rule])
    await texted(site, "New")
    await device.hears("message/received")
    await stays(lambda: told(device) == ["New"], "only the new text is told", 3.0)
    assert gateway.rows("SELECT body FROM delivery") == [("Thank you",)]
    assert gateway.rows("SELECT count(*) FROM received WHERE body <> ''") == [(1,)]


async def test_a_text_that_is_listed_late_is_found_after_a_ping(site: Site) -> None:
    gateway, device = await polling(site, polling="off")
    asked = site.simulator.requests.count(LISTS)
    await texted(site, "Late", lag=4.0)
    await stays(lambda: not told(device), "nobody asks for it", 2.0)
    assert site.simulator.requests.count(LISTS) == asked
    answer = await device.ask("check_messages")
    assert answer["status"] == "ok"
    await device.hears("message/received")
    assert told(device) == ["Late"]
    assert await gateway.stop() == 0


async def test_what_became_of_a_text_is_told_without_a_callback_and_with_its_price(
    site: Site,
) -> None:
    _, device = await polling(site)
    device.publish("txt", text("r1", DARLA, "Hello"))
    await until(lambda: ("delivered", "-0.00750") in fates(device), "it is told with its price")
    states = [state for state, _ in fates(device)]
    assert states[0] == "accepted"
    assert states.count("delivered") == 1


async def test_a_webhook_and_polling_together_tell_a_text_once(site: Site) -> None:
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    site.simulator.number(FROM).sms_url = f"{base}/twilio/sms"
    gateway, device = await site.running(
        http={"port": port, "public_url": base}, inbound={"polling": "on", "idle_interval": 1}
    )
    await line_drawn(gateway)
    for place in range(10):
        await site.simulator.receive(DARLA, FROM, f"Text {place}")
        await asyncio.sleep(0.3)
    await device.hears("message/received", 10)
    await stays(lambda: len(told(device)) == 10, "no text is told twice", 3.0)
    assert sorted(told(device)) == [f"Text {place}" for place in range(10)]


@pytest.mark.parametrize("most", [20, 120])
async def test_killed_while_it_catches_up_it_keeps_and_tells_each_text_once(
    site: Site, most: int
) -> None:
    gateway, device = await polling(site)
    await gateway.kill()
    await device.offline()
    bodies = [f"Text {place}" for place in range(200)]
    await texted(site, *bodies)

    def kept() -> int:
        return int(gateway.rows("SELECT count(*) FROM received")[0][0])

    gateway.start()
    await until(lambda: kept() >= most, "it catches up")
    await gateway.kill()
    assert kept() < len(bodies), "it was killed too late"
    gateway.start()
    await until(lambda: set(told(device)) == set(bodies), "all texts are told")
    await until(lambda: gateway.rows("SELECT count(*) FROM event") == [(0,)], "nothing is owed")
    assert kept() == len(bodies)
    assert list(dict.fromkeys(told(device))) == bodies
    assert gateway.rows("SELECT seq FROM sqlite_sequence WHERE name = 'event'") == [(200,)]


async def test_what_was_told_is_deleted_at_twilio(site: Site) -> None:
    _, device = await polling(site, delete=True)
    site.simulator.faults.set([{"on": "delete-message", "status": 409, "times": 1}])
    await texted(site, "One", "Two")
    await device.hears("message/received", 2)
    await until(lambda: len(site.simulator.messages) == 1, "the one that can be is deleted")
    await texted(site, "Three")
    await device.hears("message/received", 3)
    assert told(device) == ["One", "Two", "Three"]


async def test_no_more_than_a_request_a_second_is_made(site: Site) -> None:
    _, device = await polling(site, numbers=[FROM, OTHER], idle_interval=0.1)
    before = site.simulator.requests.count(LISTS)
    await asyncio.sleep(8.0)
    made = site.simulator.requests.count(LISTS) - before
    assert 5 <= made <= 8 + 5
    assert (await device.health())["wrong"] == []
