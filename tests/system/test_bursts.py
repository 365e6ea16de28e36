"""A burst of a thousand texts, with whoever is in the way dying in the middle of it."""

import os
import signal
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from callbox.simulator import Settings
from harness import Device, Gateway, Nursery, Site, judge, number, text, until
from harness.oracle import Text

BURST = 1000
OPEN = "SELECT count(*) FROM delivery WHERE state IN ('queued', 'sending') OR due_at IS NOT NULL"
CONNECTIONS = "SELECT connection FROM session"


def publish_burst(device: Device) -> dict[str, Text]:
    """Publish texts to distinct numbers; give what was asked for by request id."""
    asked = {str(place): (number(place), f"message {place}") for place in range(BURST)}
    for request_id, wanted in asked.items():
        device.publish("txt", text(request_id, *wanted))
    return asked


async def created(site: Site, at_least: int) -> None:
    await until(lambda: len(site.simulator.messages) >= at_least, f"{at_least} texts are created")


async def settled(gateway: Gateway) -> None:
    await until(lambda: gateway.rows(OPEN) == [(0,)], "the gateway has nothing left to do", 60)


@pytest.fixture
async def slow_site(nursery: Nursery, tmp_path: Path) -> Site:
    return Site(nursery, tmp_path, Settings(latency=0.005, jitter=0.01))


@pytest.mark.parametrize("after", [1, 300, 900])
async def test_a_gateway_killed_in_a_burst_of_1000_and_started_again_loses_and_doubles_nothing(
    slow_site: Site, after: int
) -> None:
    async with slow_site as site:
        site.broker.options["autosave_on_changes"] = "false"
        await site.broker.start()
        gateway, device = await site.running()
        asked = publish_burst(device)
        await created(site, after)
        await gateway.kill()
        await device.offline()
        gateway.start()
        await until(lambda: device.answered.issuperset(asked), "every request has a status", 60)
        await device.flushed()
        await settled(gateway)
        assert judge(site.simulator, asked.values()).clean
        assert all(len(set(device.statuses(request_id))) == 1 for request_id in asked)


@pytest.mark.parametrize(
    ("saving", "options"),
    [
        ("on changes", {"autosave_on_changes": "true", "autosave_interval": "1"}),
        ("every hour", {"autosave_on_changes": "false", "autosave_interval": "3600"}),
        ("never", {"persistence": "false"}),
    ],
)
async def test_a_mosquitto_killed_in_a_burst_never_makes_the_gateway_send_twice(
    slow_site: Site, saving: str, options: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    async with slow_site as site:
        site.broker.options |= options
        await site.broker.start()
        gateway, device = await site.running()
        asked = publish_burst(device)
        await until(lambda: len(device.acknowledged) > 100, "mosquitto has taken some")
        await site.broker.kill()
        sure = set(device.acknowledged)
        await site.broker.start()
        await until(lambda: gateway.rows(CONNECTIONS) == [(2,)], "the gateway is back")
        await device.flushed()
        await settled(gateway)
        once = Counter(
            asked[request_id]
            for request_id, mid in zip(asked, device.sent, strict=True)
            if mid in sure
        )
        verdict, repeated = judge(site.simulator, once), judge(site.simulator, asked.values())
        with capsys.disabled():
            print(  # noqa: T201 - what the broker loses is to be known
                f"\nmosquitto killed after {len(sure)} PUBACKs, saving {saving}: "
                f"forgot {verdict.lost.total()} of them; "
                f"{repeated.doubled.total()} of the others came twice, sent again by the device"
            )
        assert not [wanted for wanted in repeated.doubled if wanted in once]
        for request_id in asked:
            assert len(set(device.statuses(request_id))) <= 1


@pytest.mark.parametrize("gateway_dies_too", [False, True])
async def test_a_mosquitto_that_replays_what_was_acknowledged_is_not_sent_twice(
    slow_site: Site, gateway_dies_too: bool
) -> None:
    async with slow_site as site:
        site.broker.options |= {"autosave_on_changes": "false", "autosave_interval": "3600"}
        await site.broker.start()
        gateway, device = await site.running()
        assert await gateway.stop() == 0
        asked = publish_burst(device)
        await device.flushed()
        await site.broker.saved()
        gateway.start()
        await created(site, 600)
        await site.broker.kill()
        if gateway_dies_too:
            await gateway.kill()
        await site.broker.start()
        if gateway_dies_too:
            gateway.start()
        await until(lambda: gateway.rows(CONNECTIONS) == [(3,)], "the gateway is back")
        await created(site, BURST)
        await settled(gateway)
        assert judge(site.simulator, asked.values()).clean
        assert (await device.health())["requests"]["redelivered"] > 500
        # Statuses that mosquitto had acknowledged and not handed on may have died with it.
        assert all(len(set(device.statuses(request_id))) <= 1 for request_id in asked)


async def test_what_mosquitto_forgets_is_said_and_the_rest_is_sent_once(
    slow_site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    async with slow_site as site:
        site.broker.options |= {"autosave_on_changes": "false", "autosave_interval": "3600"}
        site.broker.options["max_inflight_messages"] = "10"
        await site.broker.start()
        gateway, device = await site.running()
        assert await gateway.stop() == 0
        asked = publish_burst(device)
        await device.flushed()
        gateway.start()
        await created(site, 10)
        await site.broker.kill()
        await site.broker.start()
        await until(lambda: gateway.rows(CONNECTIONS) == [(3,)], "the gateway is back")
        await settled(gateway)
        verdict = judge(site.simulator, asked.values())
        with capsys.disabled():
            print(  # noqa: T201 - what the broker loses is to be known
                f"\nmosquitto killed without a save: acknowledged and forgot "
                f"{verdict.lost.total()} of {BURST}"
            )
        assert not verdict.doubled
        assert gateway.rows("SELECT count(*) FROM delivery") == [(BURST - verdict.lost.total(),)]
        assert len(gateway.lines("The broker has forgotten the session")) == 1


@pytest.mark.parametrize("after", [1, 100, 400, 700])
async def test_a_gateway_stopped_in_order_in_a_burst_leaves_nothing_in_doubt(
    slow_site: Site, after: int
) -> None:
    async with slow_site as site:
        await site.broker.start()
        gateway, device = await site.running()
        publish_burst(device)
        await created(site, after)
        assert await gateway.stop() == 0
        doubtful = "SELECT count(*) FROM delivery WHERE state IN ('sending', 'unknown')"
        assert gateway.rows(doubtful) == [(0,)]


async def test_what_is_being_written_while_the_gateway_stops_is_sent_before_it_ends(
    site: Site,
) -> None:
    gateway, device = await site.running()
    with closing(sqlite3.connect(gateway.store, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        device.publish("txt", text("a", number(1), "x"))
        await until(lambda: gateway.lines("WARNING", "cannot be written"), "it waits to be written")
        os.kill(gateway.pid, signal.SIGTERM)
        await until(lambda: device.state == "offline", "it stops")
        other.execute("ROLLBACK")
    assert await gateway.ended() == 0
    assert gateway.rows("SELECT state FROM delivery") == [("accepted",)]
