"""However it was sent: what Twilio created without saying so is found, and not sent again."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from callbox.simulator import Settings
from harness import Nursery, Site, call, judge, number, text, until
from harness.documents import Document

UNKNOWN = "SELECT count(*) FROM delivery WHERE state = 'unknown'"
CUT = [{"on": "create", "drop": "after", "times": 1}, {"on": "list", "lag": 0.4}]
SERVICE = "MG" + "0123456789abcdef" * 2

Way = Callable[[], tuple[str, Document, dict[str, Any]]]


def plain() -> tuple[str, Document, dict[str, Any]]:
    return "txt", text("1", number(1), "one\r\ntwo\nthree & ünï çødé 🔥"), {}


def by_service() -> tuple[str, Document, dict[str, Any]]:
    return "txt", text("1", number(1), "x"), {"messaging_service_sid": SERVICE}


def by_name() -> tuple[str, Document, dict[str, Any]]:
    return "txt", text("1", number(1), "x", from_number="Plant 4"), {}


def whatsapp() -> tuple[str, Document, dict[str, Any]]:
    wish = text("1", number(1), "x")
    wish["request"]["recipient"]["channel"] = "whatsapp"
    return "txt", wish, {}


def media() -> tuple[str, Document, dict[str, Any]]:
    wish = text("1", number(1), "x")
    wish["request"]["recipient"]["media_urls"] = [f"https://example.com/{i}.jpg" for i in range(3)]
    return "txt", wish, {}


def phone_call() -> tuple[str, Document, dict[str, Any]]:
    return "call", call("1", number(1), "https://example.com/say"), {}


@pytest.mark.parametrize("trial", [False, True], ids=["full account", "trial account"])
@pytest.mark.parametrize("way", [plain, by_service, by_name, whatsapp, media, phone_call])
async def test_what_was_created_without_an_answer_is_found(
    nursery: Nursery, tmp_path: Path, way: Way, trial: bool
) -> None:
    if trial and way is by_name:
        pytest.skip("trial accounts have no alphanumeric senders")
    topic, wish, twilio = way()
    async with Site(nursery, tmp_path, Settings(trial=trial)) as site:
        await site.broker.start()
        gateway, device = await site.running(twilio=twilio)
        site.simulator.faults.set(CUT)
        device.publish(topic, wish)
        status = await device.status("1")
        assert status["response"]["status"] == "success", status
        assert len(site.simulator.log) == 1
        assert gateway.rows(UNKNOWN) == [(0,)]


async def test_every_page_back_to_the_attempt_is_read_before_it_is_sent_again(site: Site) -> None:
    gateway, device = await site.running()
    asked = [(number(1), f"message {place}") for place in range(250)]
    for place, wanted in enumerate(asked[:-1]):
        device.publish("txt", text(str(place), *wanted))
    await until(lambda: len(device.answered) == 249, "all but the last are sent")
    site.simulator.faults.set([{"on": "create", "drop": "before", "times": 1}])
    before = site.simulator.requests.count("list-messages")
    device.publish("txt", text("last", *asked[-1]))
    await device.status("last")
    assert judge(site.simulator, asked).clean
    assert site.simulator.requests.count("list-messages") - before >= 3 * 2, "pages of 100"
    assert await gateway.stop() == 0


async def test_an_equal_text_sent_before_is_not_taken_for_the_one_in_doubt(site: Site) -> None:
    _, device = await site.running()
    device.publish("txt", text("first", number(1), "The door is open"))
    await device.status("first")
    site.simulator.faults.set([{"on": "create", "drop": "before", "times": 1}])
    device.publish("txt", text("second", number(1), "The door is open"))
    await device.status("second")
    assert judge(site.simulator, [(number(1), "The door is open")] * 2).clean


async def test_an_equal_text_waits_while_the_first_one_is_in_doubt(site: Site) -> None:
    gateway, device = await site.running()
    site.simulator.faults.set(CUT)
    for place in range(5):
        device.publish("txt", text(str(place), number(1), "The door is open"))
    device.publish("txt", text("other", number(1), "another"))
    await device.status("other")
    assert device.answered == {"other"}, "it did not wait for those"
    await until(lambda: len(device.answered) == 6, "all are sent")
    wanted = [(number(1), "The door is open")] * 5 + [(number(1), "another")]
    assert judge(site.simulator, wanted).clean
    assert gateway.rows(UNKNOWN) == [(0,)]


async def test_resend_sends_again_after_one_look_up_that_found_nothing(site: Site) -> None:
    _, device = await site.running(delivery={"lookup_delays": [0.2, 0.4, 30]})
    site.simulator.faults.set([{"on": "create", "drop": "before", "times": 1}])
    device.publish("txt", text("alarm", number(1), "x", priority="critical"))
    await device.status("alarm")
    assert judge(site.simulator, [(number(1), "x")]).clean
