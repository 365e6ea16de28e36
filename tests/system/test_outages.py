"""Twilio out of order in every way it can be: what is sent is sent once, what waits is sent after.

The simulator draws from its seed which creates it does all the same.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from callbox.simulator import Settings
from harness import Device, Gateway, Nursery, Site, judge, number, text, until
from harness.oracle import Text

OPEN = "SELECT count(*) FROM delivery WHERE state IN ('queued', 'sending') OR due_at IS NOT NULL"
UNKNOWN = "SELECT count(*) FROM delivery WHERE state = 'unknown'"

Faults = list[dict[str, Any]]


def some_texts(how_many: int) -> dict[str, Text]:
    """Give texts to distinct numbers, every tenth of them twice, equal on purpose."""
    asked: dict[str, Text] = {}
    for place in range(how_many):
        asked[str(place)] = (number(place), f"message {place}")
        if place % 10 == 0:
            asked[f"{place} again"] = asked[str(place)]
    return asked


def publish(device: Device, asked: dict[str, Text], **terms: Any) -> None:  # noqa: ANN401 - JSON
    for request_id, wanted in asked.items():
        device.publish("txt", text(request_id, *wanted, **terms))


async def finished(gateway: Gateway, device: Device, ids: Sequence[str] | dict[str, Text]) -> None:
    await until(lambda: device.answered.issuperset(ids), "every request has a status", 60)
    await until(lambda: gateway.rows(OPEN) == [(0,)], "the gateway has nothing left to do", 60)


@pytest.fixture
async def site(nursery: Nursery, tmp_path: Path) -> Any:  # noqa: ANN401 - a generator of sites
    async with Site(nursery, tmp_path, Settings(seed=7)) as site:
        await site.broker.start()
        yield site


@pytest.mark.parametrize("seconds", [1.0, 3.0])
async def test_an_outage_of_503_in_which_a_third_is_created_loses_and_doubles_nothing(
    site: Site, seconds: float
) -> None:
    lag = {"on": "list", "lag": 0.6}
    site.simulator.faults.set(
        [{"on": "any", "status": 503, "created": 0.33, "until": seconds}, lag]
    )
    gateway, device = await site.running()
    asked = some_texts(300)
    publish(device, asked)
    await finished(gateway, device, asked)
    assert judge(site.simulator, asked.values()).clean
    assert gateway.rows(UNKNOWN) == [(0,)]
    assert all(len(set(device.statuses(request_id))) == 1 for request_id in asked)
    assert site.simulator.requests.count("create", 503) < 40, "the outage was probed, not hammered"


async def test_a_shaky_twilio_answers_503_to_every_other_request(site: Site) -> None:
    site.simulator.faults.set(
        [{"on": "any", "status": 503, "created": 0.33, "share": 0.5, "until": 3.0}]
    )
    gateway, device = await site.running()
    asked = some_texts(60)
    publish(device, asked)
    await finished(gateway, device, asked)
    assert judge(site.simulator, asked.values()).clean


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param({"drop": "after", "times": 20}, id="cut after creating"),
        pytest.param({"drop": "before"}, id="cut before creating"),
        pytest.param({"late": 0.2}, id="created late"),
        pytest.param({"stall": 5.0, "created": True}, id="created and stalled"),
        pytest.param({"stall": 5.0, "created": False}, id="stalled"),
        pytest.param({"html": True, "created": True}, id="HTML, created"),
        pytest.param({"html": True, "created": False}, id="HTML, not created"),
        pytest.param({"status": 500, "created": 0.5}, id="500"),
        pytest.param({"html": True, "status": 502, "created": 0.5}, id="HTML with 502"),
    ],
)
async def test_texts_without_a_readable_answer_are_sent_once(
    site: Site, fault: dict[str, Any]
) -> None:
    site.simulator.faults.set([{"on": "create", "times": 6, **fault}, {"on": "list", "lag": 0.6}])
    gateway, device = await site.running(twilio={"read_timeout": 0.4})
    asked = some_texts(30)
    publish(device, asked)
    await finished(gateway, device, asked)
    verdict = judge(site.simulator, asked.values())
    assert verdict.clean, str(verdict)
    assert gateway.rows(UNKNOWN) == [(0,)]
    for request_id in asked:
        assert (await device.status(request_id))["response"]["status"] == "success"


async def test_without_a_connection_nothing_is_in_doubt_and_all_is_sent_afterwards(
    site: Site,
) -> None:
    gateway, device = await site.running()
    port = int(site.simulator.url.rpartition(":")[2])
    await site.simulator.close()
    asked = some_texts(50)
    publish(device, asked)
    await until(lambda: gateway.lines("Twilio: No connection"), "the pause is said")
    assert gateway.rows("SELECT count(*) FROM delivery WHERE state = 'unknown'") == [(0,)]
    await site.simulator.listen("127.0.0.1", port)
    await finished(gateway, device, asked)
    assert judge(site.simulator, asked.values()).clean


async def test_429_is_waited_out_as_asked_and_never_counts_as_a_retry(site: Site) -> None:
    site.simulator.faults.set([{"on": "create", "status": 429, "retry_after": 1, "until": 2.0}])
    gateway, device = await site.running()
    asked = some_texts(100)
    begun = asyncio.get_running_loop().time()
    publish(device, asked, retries=0)
    await finished(gateway, device, asked)
    assert asyncio.get_running_loop().time() - begun > 1
    assert judge(site.simulator, asked.values()).clean
    assert site.simulator.requests.count("create", 429) < 40
    await until(lambda: gateway.lines("Twilio: well again"), "the end is said")
    assert (await device.health())["wrong"] == []


async def test_a_fault_of_the_account_pauses_everything_and_sending_goes_on_when_it_is_mended(
    site: Site,
) -> None:
    site.simulator.faults.set([{"on": "any", "status": 401, "code": 20003}])
    gateway, device = await site.running()
    asked = some_texts(50)
    publish(device, asked)
    await until(lambda: gateway.lines("Twilio: ", "20003"), "the pause is said")
    await until(lambda: site.simulator.requests.count("list", 401) > 1, "it is probed")
    health = await device.health()
    assert health["paused"] == "account"
    assert any("20003" in wrong for wrong in health["wrong"]), health["wrong"]
    assert site.simulator.requests.count("create") < 20
    assert not device.answered
    site.simulator.faults.clear()
    await finished(gateway, device, asked)
    assert judge(site.simulator, asked.values()).clean
    await until(lambda: gateway.lines("Twilio: well again"), "the end of the pause is said")


async def test_a_fault_of_one_sender_fails_its_own_requests_only(site: Site) -> None:
    gateway, device = await site.running()
    for place in range(10):
        device.publish("txt", text(f"bad {place}", number(place), "x", from_number="+15005550007"))
        device.publish("txt", text(f"good {place}", number(place), "y"))
    ids = [f"{kind} {place}" for place in range(10) for kind in ("bad", "good")]
    await finished(gateway, device, ids)
    assert judge(site.simulator, [(number(place), "y") for place in range(10)]).clean
    status = await device.status("bad 3")
    assert status["response"]["status"] == "fail"
    assert status["response"]["error"] == "TwilioRestException"
    assert "21606" in status["response"]["error_message"]
    assert not gateway.lines("WARNING Twilio: ")


@pytest.mark.parametrize(("retries", "attempts"), [(0, 1), (2, 3)])
async def test_retries_count_the_temporary_failures_that_twilio_answered(
    site: Site, retries: int, attempts: int
) -> None:
    gateway, device = await site.running()
    full = "+15005550008"
    device.publish("txt", text("full", number(1), "x", from_number=full, retries=retries))
    status = await device.status("full")
    assert status["response"]["status"] == "fail"
    assert "21611" in status["response"]["error_message"]
    assert site.simulator.requests.count("create") == attempts
    assert [event.document["attempt"] for event in await device.hears("message/delivery")] == [
        attempts
    ]
    assert await gateway.stop() == 0


async def test_a_503_proved_to_have_created_nothing_counts_as_a_retry(site: Site) -> None:
    site.simulator.faults.set([{"on": "create", "status": 503}])
    gateway, device = await site.running()
    device.publish("txt", text("never", number(1), "x", retries=1))
    status = await device.status("never")
    assert status["response"]["error"] == "TwilioRestException"
    assert "503" in status["response"]["error_message"]
    assert site.simulator.requests.count("create", 503) == 2
    assert Counter(device.statuses("never")).total() == 1
    assert await gateway.stop() == 0


async def test_what_cannot_be_told_ends_as_outcome_unknown(site: Site) -> None:
    site.simulator.faults.set([{"on": "create", "drop": "after"}, {"on": "list", "status": 503}])
    gateway, device = await site.running()
    device.publish("txt", text("unsure", number(1), "x", expires_in=1.5))
    status = await device.status("unsure")
    assert status["response"]["error"] == "OutcomeUnknown"
    assert len(site.simulator.messages) == 1
    assert gateway.rows(UNKNOWN) == [(1,)]


async def test_what_expires_before_twilio_takes_it_is_expired_and_never_sent(site: Site) -> None:
    site.simulator.faults.set([{"on": "any", "status": 401, "code": 20003}])
    gateway, device = await site.running()
    device.publish("txt", text("late", number(1), "x", expires_in=0.8))
    status = await device.status("late")
    assert status["response"]["error"] == "Expired"
    site.simulator.faults.clear()
    device.publish("txt", text("after", number(2), "y"))
    await finished(gateway, device, ["late", "after"])
    assert judge(site.simulator, [(number(2), "y")]).clean
