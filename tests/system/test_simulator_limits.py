"""How much the simulator takes and how fast it sends, seen by the SDK while the test moves time."""

import asyncio
import re
import time
from datetime import UTC, datetime

import pytest
from aiohttp import ClientTimeout

from callbox.simulator import TWILIOS, Limits, Settings, start
from harness import until
from harness.asking import (
    ADA,
    LONDON,
    LONG,
    SERVICE,
    SHORT,
    TOLL_FREE,
    Begin,
    call,
    message,
    refused,
    statuses,
    text,
)
from harness.listener import Listener
from harness.sdk import MESSAGES, Clock, ask, session

# -- how fast


async def test_a_number_sends_a_segment_a_second_and_the_rest_stays_queued(
    begin: Begin, clock: Clock
) -> None:
    async with begin(limits=TWILIOS, pace=0) as sim:
        sids = [(await ask(sim, text(body="x" * 161))).sid for _ in range(3)]
        seen = []
        for clock.now in [clock.now + seconds for seconds in (0.1, 1.9, 2.1, 3.9, 4.1)]:
            seen.append((await statuses(sim, sids)).count("delivered"))
        assert seen == [1, 1, 2, 2, 3]


async def test_what_waits_has_no_sent_date_and_reaches_the_phone_at_its_turn(
    begin: Begin, clock: Clock
) -> None:
    async with begin(limits=TWILIOS) as sim:
        first, second = [await ask(sim, text(body=body)) for body in ("one", "two")]
        clock.now += 1.5
        assert (await message(sim, first.sid)).date_sent is not None
        assert (await message(sim, second.sid)).date_sent is None
        assert [got.body for got in sim.phone(ADA).received] == ["one"]
        clock.now += 1
        sent = (await message(sim, second.sid)).date_sent
        assert sent == datetime.fromtimestamp(1_790_000_002, UTC)
        assert [got.body for got in sim.phone(ADA).received] == ["one", "two"]


@pytest.mark.parametrize(
    ("sender", "to", "seconds"),
    [
        (LONG, ADA, 30),
        (TOLL_FREE, ADA, 10),
        (SHORT, ADA, 0.3),
        ("Callbox", LONDON, 30),
        (f"whatsapp:{LONG}", f"whatsapp:{ADA}", 30 / 80),
    ],
)
async def test_each_kind_of_sender_has_its_own_rate(
    begin: Begin, clock: Clock, sender: str, to: str, seconds: float
) -> None:
    async with begin(limits=TWILIOS, pace=0) as sim:
        for _ in range(30):
            await ask(sim, text(to=to, from_=sender))
        last = await ask(sim, text(to=to, from_=sender))
        clock.now += seconds - 0.01
        assert (await message(sim, last.sid)).status == "queued"
        clock.now += 0.02
        assert (await message(sim, last.sid)).status == "delivered"


async def test_senders_do_not_wait_for_each_other(begin: Begin, clock: Clock) -> None:
    async with begin(limits=TWILIOS, pace=0) as sim:
        for _ in range(5):
            await ask(sim, text())
        other = await ask(sim, text(from_="+15550000002"))
        clock.now += 0.5
        assert (await message(sim, other.sid)).status == "delivered"


async def test_without_limits_all_is_sent_at_once(begin: Begin, clock: Clock) -> None:
    async with begin(pace=0) as sim:
        sids = [(await ask(sim, text())).sid for _ in range(5)]
        clock.now += 0.1
        assert {(await message(sim, sid)).status for sid in sids} == {"delivered"}


async def test_what_waits_is_told_in_its_order_when_time_runs_a_hundred_times_as_fast(
    begin: Begin, listener: Listener
) -> None:
    async with begin(limits=TWILIOS, speed=100, pace=0) as sim:
        began = time.monotonic()
        asked = text(body="x" * 1600, status_callback=f"{listener.url}/status")
        sids = [(await ask(sim, asked)).sid for _ in range(10)]
        await until(lambda: len(listener.heard) == 20, "all were sent and told")
        told = [heard.form for heard in listener.heard if heard.form["MessageStatus"] == "sent"]
        assert [form["MessageSid"] for form in told] == sids
        assert time.monotonic() - began > 0.99, "9 texts of 11 seconds were before the last one"


# -- how much


SMALL = Limits(rates={"long-code": 1}, queue=3)


async def test_a_full_queue_refuses_its_number_until_there_is_room(
    begin: Begin, clock: Clock
) -> None:
    async with begin(limits=SMALL) as sim:
        for _ in range(3):
            await ask(sim, text())
        reason = await refused(sim, text())
        assert (reason.status, reason.code) == (400, 21611)
        assert LONG in reason.msg
        clock.now += 1
        assert (await ask(sim, text())).status == "queued"


async def test_a_full_queue_of_a_service_takes_a_message_and_fails_it(
    begin: Begin, clock: Clock
) -> None:
    async with begin(limits=SMALL, numbers=(LONG,)) as sim:
        for _ in range(3):
            await ask(sim, text())
        taken = await ask(sim, text(messaging_service_sid=SERVICE))
        assert (taken.status, taken.error_code) == ("accepted", None)
        clock.now += 5
        failed = await message(sim, taken.sid)
        assert (failed.status, failed.error_code) == ("failed", 30001)
        assert (failed.error_message, failed.price) == ("Queue overflow", None)
        assert len(sim.phone(ADA).received) == 3


async def test_ten_hours_of_sending_fit_into_a_queue(begin: Begin) -> None:
    async with begin(limits=TWILIOS) as sim, session(sim) as http:
        body = {"To": ADA, "From": LONG, "Body": "x" * 1600}
        answers = []
        for _ in range(3273):  # of 11 segments each: 36,003
            async with http.post(MESSAGES, data=body) as answer:
                answers.append(answer.status)
        assert answers == [201] * 3272 + [400]


async def test_what_would_be_sent_after_its_validity_period_fails_at_its_end(
    begin: Begin, clock: Clock
) -> None:
    async with begin(limits=TWILIOS) as sim:
        for _ in range(10):
            await ask(sim, text())
        late = await ask(sim, text(validity_period=5))
        fine = await ask(sim, text(validity_period=10))
        clock.now += 4.9
        assert (await message(sim, late.sid)).status == "queued"
        clock.now += 0.2
        expired = await message(sim, late.sid)
        assert (expired.status, expired.error_code) == ("failed", 30036)
        assert (expired.error_message, expired.date_sent) == ("Validity Period Expired", None)
        clock.now += 6
        assert (await message(sim, fine.sid)).status == "sent", "it took the place of the other"


async def test_a_message_that_expires_or_finds_no_room_is_told_why(
    begin: Begin, listener: Listener
) -> None:
    async with begin(limits=SMALL, speed=50, numbers=(LONG,)) as sim:
        for _ in range(2):
            await ask(sim, text())
        callback = f"{listener.url}/status"
        late = await ask(sim, text(validity_period=1, status_callback=callback))
        await ask(sim, text())
        lost = await ask(sim, text(messaging_service_sid=SERVICE, status_callback=callback))
        await until(lambda: listener.statuses().count("failed") == 2, "both were told")
        codes = {
            heard.form["MessageSid"]: heard.form.get("ErrorCode")
            for heard in listener.heard
            if heard.form["MessageStatus"] == "failed"
        }
        assert codes == {late.sid: "30036", lost.sid: "30001"}


async def test_each_answer_has_its_own_request_id_and_says_how_many_are_under_way(
    begin: Begin,
) -> None:
    async with begin() as sim, session(sim) as http:
        seen, ids = [], set()
        for to in (ADA, "mum"):
            async with http.post(MESSAGES, data={"To": to, "From": LONG, "Body": "x"}) as answer:
                seen.append((answer.status, answer.headers["Twilio-Concurrent-Requests"]))
                ids.add(answer.headers["Twilio-Request-Id"])
        assert seen == [(201, "1"), (400, "1")]
        assert len(ids) == 2
        assert all(re.fullmatch("RQ[0-9a-f]{32}", each) for each in ids)


async def test_a_status_callback_that_fails_is_not_repeated(listener: Listener) -> None:
    listener.answer("/status", status=500)
    async with await start(settings=Settings(pace=0.01)) as sim:
        await ask(sim, text(status_callback=f"{listener.url}/status"))
        await until(
            lambda: [exchange.fault for exchange in sim.webhooks] == ["5xx", "5xx"],
            "both later statuses were told",
        )
        assert listener.statuses() == ["sent", "delivered"]


async def test_calls_beyond_one_a_second_stay_queued_and_say_for_how_long(
    begin: Begin, clock: Clock
) -> None:
    async with begin(limits=TWILIOS, pace=0.1) as sim:
        sids = [(await ask(sim, call())).sid for _ in range(3)]
        clock.now += 1.15
        placed = {each.sid: each for each in await ask(sim, lambda client: client.calls.list())}
        seen = [placed[sid] for sid in sids]
        assert [each.status for each in seen] == ["completed", "ringing", "queued"]
        assert [each.queue_time for each in seen] == ["0", "1000", "2000"]


async def test_a_full_call_queue_is_refused_with_22005(begin: Begin, clock: Clock) -> None:
    async with begin(limits=Limits(calls=1, call_queue=2)) as sim:
        for _ in range(2):
            await ask(sim, call())
        assert (await refused(sim, call())).code == 22005
        clock.now += 1
        assert (await ask(sim, call())).status == "queued"


async def test_requests_beyond_the_ceiling_get_429_and_are_never_done(begin: Begin) -> None:
    limits = Limits(concurrent=2)
    async with begin(limits=limits) as sim, session(sim) as http:
        sim.faults.set([{"on": "create", "stall": 3600, "created": True}])
        body = {"To": ADA, "From": LONG, "Body": "x"}
        stalled = [asyncio.create_task(http.post(MESSAGES, data=body)) for _ in range(2)]
        await until(lambda: sim.requests.in_flight == 2, "two are under way")
        patience = ClientTimeout(total=20)
        async with http.post(MESSAGES, data=body, timeout=patience) as answer:
            assert (answer.status, (await answer.json())["code"]) == (429, 20429)
            assert answer.headers["Twilio-Concurrent-Requests"] == "3"
        for each in stalled:
            each.cancel()
        await asyncio.gather(*stalled, return_exceptions=True)
        assert len(sim.log) == 2
