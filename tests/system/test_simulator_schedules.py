"""Scheduled messages, seen by Twilio's unmodified SDK while the test moves the time."""

from datetime import UTC, datetime
from typing import Any

import pytest

from callbox.simulator import TWILIOS
from harness import until
from harness.asking import ADA, LONG, SERVICE, Begin, message, refused, statuses, text
from harness.listener import Listener
from harness.sdk import Ask, Clock, ask


def in_seconds(clock: Clock, seconds: float) -> datetime:
    return datetime.fromtimestamp(int(clock.now + seconds), UTC)


def later(clock: Clock, seconds: float, **more: object) -> Ask:
    usual = {"send_at": in_seconds(clock, seconds), "messaging_service_sid": SERVICE}
    asked: dict[str, Any] = {"schedule_type": "fixed", **usual, **more}
    return text(**asked)


async def test_a_scheduled_message_waits_for_its_time(begin: Begin, clock: Clock) -> None:
    async with begin() as sim:
        planned = await ask(sim, later(clock, 3600))
        assert (planned.status, planned.from_, planned.num_segments) == ("scheduled", None, "0")
        clock.now += 3590
        assert (await message(sim, planned.sid)).status == "scheduled"
        assert sim.phone(ADA).received == []
        seen = []
        clock.now += 10
        for _ in range(3):
            seen.append((await message(sim, planned.sid)).status)
            clock.now += 1
        assert seen == ["queued", "sent", "delivered"]
        assert [got.body for got in sim.phone(ADA).received] == ["The tank is full"]


async def test_a_scheduled_message_can_be_canceled_and_then_reaches_nobody(
    begin: Begin, clock: Clock
) -> None:
    async with begin() as sim:
        planned = await ask(sim, later(clock, 302))
        clock.now += 300
        canceled = await ask(
            sim, lambda client: client.messages(planned.sid).update(status="canceled")
        )
        assert canceled.status == "canceled"
        clock.now += 3600
        assert (await message(sim, planned.sid)).status == "canceled"
        assert sim.phone(ADA).received == []


async def test_scheduled_messages_keep_to_the_rate_when_their_time_comes(
    begin: Begin, clock: Clock
) -> None:
    async with begin(limits=TWILIOS, pace=0, numbers=(LONG,)) as sim:
        sids = [(await ask(sim, later(clock, 1000))).sid for _ in range(3)]
        clock.now += 1001
        assert [(await message(sim, sid)).status for sid in sids] == [
            "delivered",
            "delivered",
            "queued",
        ]


async def test_what_is_scheduled_holds_up_nothing_that_is_sent_before(
    begin: Begin, clock: Clock
) -> None:
    async with begin(limits=TWILIOS, pace=0, numbers=(LONG,)) as sim:
        for _ in range(3):
            await ask(sim, later(clock, 1000))
        sids = [(await ask(sim, question)).sid for question in (later(clock, 950), text())]
        clock.now += 0.5
        assert await statuses(sim, sids) == ["scheduled", "delivered"]
        clock.now += 950
        assert await statuses(sim, sids) == ["delivered", "delivered"]


@pytest.mark.parametrize(
    ("code", "ahead", "more"),
    [
        (35111, 3600, {"send_at": None}),
        (35114, 298, {}),
        (35114, 36 * 86_400, {}),
        (35114, 3600, {"send_at": "tomorrow"}),
        (35118, 3600, {"messaging_service_sid": None, "from_": LONG}),
    ],
)
async def test_what_cannot_be_scheduled_is_refused(
    begin: Begin, clock: Clock, code: int, ahead: float, more: dict[str, object]
) -> None:
    async with begin() as sim:
        assert (await refused(sim, later(clock, ahead, **more))).code == code


def told(clock: Clock, seconds: float, listener: Listener, path: str = "/status") -> Ask:
    return later(clock, seconds, status_callback=f"{listener.url}{path}")


async def test_what_was_scheduled_is_told_when_its_time_has_come(
    begin: Begin, clock: Clock, listener: Listener
) -> None:
    async with begin(speed=3000, pace=30) as sim:
        planned = await ask(sim, told(clock, 1200, listener))
        assert (planned.status, listener.heard) == ("scheduled", [])
        await until(lambda: len(listener.statuses()) == 3, "each later status was told")
        assert listener.statuses() == ["queued", "sent", "delivered"]


async def test_what_was_canceled_before_its_time_is_told_once(
    begin: Begin, clock: Clock, listener: Listener
) -> None:
    async with begin(speed=3000, pace=30) as sim:
        first = await ask(sim, told(clock, 3000, listener))
        await ask(sim, told(clock, 3300, listener, "/other"))
        await ask(sim, lambda client: client.messages(first.sid).update(status="canceled"))
        await until(lambda: len(listener.at("/other")) == 3, "the other one was sent meanwhile")
        assert listener.statuses() == ["canceled"]
